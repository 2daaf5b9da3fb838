// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a compiled filter decides, run in a small interpreter of classic BPF, against what the profile says, over many
 * made-up profiles, every number and other architectures; and which profiles are refused.
 */
#include "namespaces/seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#include "namespaces/caps.h"
#include "tests/unit/namespaces/bpf.h"
#include "tests/unit/tap.h"

static bool arg_holds(const struct seccomp_arg *arg, const uint64_t *args)
{
	uint64_t found = args[arg->index];

	switch (arg->op) {
	case SECCOMP_OP_NE:
		return found != arg->value;
	case SECCOMP_OP_LT:
		return found < arg->value;
	case SECCOMP_OP_LE:
		return found <= arg->value;
	case SECCOMP_OP_EQ:
		return found == arg->value;
	case SECCOMP_OP_GE:
		return found >= arg->value;
	case SECCOMP_OP_GT:
		return found > arg->value;
	default:
		return (found & arg->value) == (arg->value_two & arg->value);
	}
}

static bool rule_holds(const struct seccomp_rule *rule, int number, const uint64_t *args)
{
	bool all = true;

	for (size_t i = 0; i < rule->name_count; i++)
		if (seccomp_call_number(rule->names[i]) == number) {
			for (size_t k = 0; k < rule->arg_count; k++)
				all = all && arg_holds(&rule->args[k], args);
			if (all)
				return true;
		}
	return false;
}

/* All rules here allow, the default is EPERM: so order and overlap do not matter. */
static uint32_t profile_says(const struct seccomp_profile *profile, int number, const uint64_t *args)
{
	for (size_t i = 0; i < profile->rule_count; i++)
		if (rule_holds(&profile->rules[i], number, args))
			return SECCOMP_RET_ALLOW;
	return SECCOMP_RET_ERRNO | EPERM;
}

/* Values that sit on the edges of the halves: where 64-bit comparisons of 32-bit machines go wrong. */
static const uint64_t edges[] = {0,
				 1,
				 2,
				 0x7fffffff,
				 0x80000000,
				 0xfffffffe,
				 0xffffffff,
				 0x100000000,
				 0x100000001,
				 0x1ffffffff,
				 0x200000000,
				 0x7fffffff00000000,
				 0x8000000000000000,
				 0xffffffff00000000,
				 0xffffffff00000001,
				 0xffffffffffffffff};
#define EDGES (sizeof(edges) / sizeof(edges[0]))

static unsigned made_up_state = 12345;
static unsigned made_up(unsigned below)
{
	made_up_state = made_up_state * 1103515245u + 12345u;
	return (made_up_state >> 8) % below;
}

/* A profile with up to three rules for one call, each with up to three conditions on different arguments. */
static void compare_made_up(const char *const *name, int number)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct seccomp_arg args[3][3];
	struct seccomp_rule rules[3];
	struct seccomp_profile profile = {.default_action = SECCOMP_DO_ERRNO,
					  .rules = rules,
					  .rule_count = 1 + made_up(3)};
	struct confine_filter filter;
	struct err err = ERR_INIT;
	int wrong = 0;

	for (size_t i = 0; i < profile.rule_count; i++) {
		rules[i] = (struct seccomp_rule){name, 1, SECCOMP_DO_ALLOW, false, 0, args[i], 1 + made_up(3)};
		for (unsigned k = 0; k < rules[i].arg_count; k++)
			args[i][k] = (struct seccomp_arg){k, (enum seccomp_op)made_up(SECCOMP_OP_COUNT),
							  edges[made_up(EDGES)], edges[made_up(EDGES)]};
	}
	if (seccomp_compile(&profile, &arena, &filter, NULL, &err) < 0) {
		tap_fail(__FILE__, __LINE__, err.msg);
		return;
	}
	for (unsigned i = 0; i < EDGES * EDGES * EDGES; i++) {
		uint64_t values[6] = {edges[i % EDGES], edges[i / EDGES % EDGES], edges[i / EDGES / EDGES]};
		struct seccomp_data data = {.nr = number, .arch = AUDIT_ARCH_X86_64};

		memcpy(data.args, values, sizeof(data.args));
		if (bpf_run(&filter, &data) != profile_says(&profile, number, values) && wrong++ == 0)
			printf("# %s(%#jx, %#jx, %#jx) is decided wrongly\n", *name, (uintmax_t)values[0],
			       (uintmax_t)values[1], (uintmax_t)values[2]);
	}
	if (wrong) {
		tap_failures++;
		for (size_t i = 0; i < profile.rule_count; i++)
			for (size_t k = 0; k < rules[i].arg_count; k++)
				printf("#   rule %zu: argument %zu op %d %#jx %#jx\n", i, k, args[i][k].op,
				       (uintmax_t)args[i][k].value, (uintmax_t)args[i][k].value_two);
	}
}

static void test_comparisons_of_known_calls(void)
{
	static const char *const name[] = {"prctl"};

	for (int i = 0; i < 400; i++)
		compare_made_up(name, SYS_prctl);
}

static void test_comparisons_of_newer_calls(void)
{
	static const char *const name[] = {"listns"};

	for (int i = 0; i < 400; i++)
		compare_made_up(name, 470);
}

/* Every number of an architecture, against the profile: the tree of numbers, and what lies above it. */
static void compare_numbers(const struct seccomp_profile *profile, uint32_t arch, uint32_t base, int last)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct confine_filter filter;
	struct err err = ERR_INIT;

	CHECK_INT(seccomp_compile(profile, &arena, &filter, NULL, &err), 0);
	for (int number = 0; number <= last; number++) {
		struct seccomp_data data = {.nr = (int)(base + (uint32_t)number), .arch = arch};
		uint32_t says = profile_says(profile, number, (const uint64_t *)data.args),
			 found = bpf_run(&filter, &data);

		if (number == SYS_clone3 || number > seccomp_call_last())
			says = SECCOMP_RET_ERRNO | ENOSYS;
		if (found != says) {
			tap_fail(__FILE__, __LINE__, "a number is decided wrongly");
			printf("#   number %d: %#x, wanted %#x\n", number, found, says);
		}
	}
}

static void test_default_by_numbers(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct seccomp_profile profile;
	uint32_t x32;

	CHECK_INT(seccomp_default(&arena, caps_default(), &profile, NULL), 0);
	compare_numbers(&profile, AUDIT_ARCH_X86_64, 0, 600);
	CHECK_INT(seccomp_default(&arena, UINT64_MAX, &profile, NULL), 0);
	compare_numbers(&profile, AUDIT_ARCH_X86_64, 0, 600);
	CHECK_INT(seccomp_parse_arch("SCMP_ARCH_X32", &x32), 0);
	profile.architectures = &x32;
	profile.architecture_count = 1;
	compare_numbers(&profile, AUDIT_ARCH_X86_64, 0, 600);
}

static void test_architectures(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	static const char *const names[] = {"read", "mseal", "rt_sigaction"};
	struct seccomp_rule rule = {names, 3, SECCOMP_DO_ALLOW, false, 0, NULL, 0};
	struct seccomp_profile profile = {.default_action = SECCOMP_DO_ERRNO,
					  .rules = &rule,
					  .rule_count = 1,
					  .newer_is_enosys = true};
	uint32_t archs[4];
	struct confine_filter filter;

	CHECK_INT(seccomp_compile(&profile, &arena, &filter, NULL, NULL), 0);
	CHECK_INT(bpf_decide(&filter, AUDIT_ARCH_X86_64, SYS_read), SECCOMP_RET_ALLOW);
	CHECK_INT(bpf_decide(&filter, AUDIT_ARCH_X86_64, 462), SECCOMP_RET_ALLOW);
	CHECK_INT(bpf_decide(&filter, AUDIT_ARCH_X86_64, 463), SECCOMP_RET_ERRNO | EPERM);
	CHECK_INT(bpf_decide(&filter, AUDIT_ARCH_X86_64, 4000), SECCOMP_RET_ERRNO | ENOSYS);
	CHECK_INT(bpf_decide(&filter, AUDIT_ARCH_X86_64, 0x40000000), SECCOMP_RET_ERRNO | ENOSYS);
	CHECK_INT(bpf_decide(&filter, AUDIT_ARCH_X86_64, UINT32_MAX), SECCOMP_RET_ERRNO | EPERM);
	CHECK_INT(bpf_decide(&filter, AUDIT_ARCH_I386, 3), SECCOMP_RET_KILL_PROCESS);
	CHECK_INT(bpf_decide(&filter, AUDIT_ARCH_I386, 462), SECCOMP_RET_KILL_PROCESS);
	CHECK_INT(bpf_decide(&filter, AUDIT_ARCH_AARCH64, 63), SECCOMP_RET_KILL_PROCESS);

	/* Listed: their own numbers, and the common ones. A foreign one is honoured by killing it as before. */
	CHECK_INT(seccomp_parse_arch("SCMP_ARCH_X86", &archs[0]), 0);
	CHECK_INT(seccomp_parse_arch("SCMP_ARCH_X32", &archs[1]), 0);
	CHECK_INT(seccomp_parse_arch("SCMP_ARCH_S390X", &archs[2]), 0);
	CHECK_INT(seccomp_parse_arch("SCMP_ARCH_LOONGARCH64", &archs[3]), 0);
	CHECK_INT(seccomp_parse_arch("SCMP_ARCH_PDP11", &archs[3]), -EINVAL);
	profile.architectures = archs;
	profile.architecture_count = 4;
	CHECK_INT(seccomp_compile(&profile, &arena, &filter, NULL, NULL), 0);
	CHECK_INT(bpf_decide(&filter, AUDIT_ARCH_X86_64, SYS_read), SECCOMP_RET_ALLOW);
	CHECK_INT(bpf_decide(&filter, AUDIT_ARCH_X86_64, SYS_write), SECCOMP_RET_ERRNO | EPERM);
	CHECK_INT(bpf_decide(&filter, AUDIT_ARCH_I386, 3), SECCOMP_RET_ALLOW);
	CHECK_INT(bpf_decide(&filter, AUDIT_ARCH_I386, 0), SECCOMP_RET_ERRNO | EPERM);
	CHECK_INT(bpf_decide(&filter, AUDIT_ARCH_I386, 462), SECCOMP_RET_ALLOW);
	CHECK_INT(bpf_decide(&filter, AUDIT_ARCH_I386, 4000), SECCOMP_RET_ERRNO | ENOSYS);
	CHECK_INT(bpf_decide(&filter, AUDIT_ARCH_X86_64, 0x40000000), SECCOMP_RET_ALLOW);
	CHECK_INT(bpf_decide(&filter, AUDIT_ARCH_X86_64, 0x40000000 + 512), SECCOMP_RET_ALLOW);
	CHECK_INT(bpf_decide(&filter, AUDIT_ARCH_X86_64, 0x40000000 + 513), SECCOMP_RET_ERRNO | EPERM);
	CHECK_INT(bpf_decide(&filter, AUDIT_ARCH_X86_64, 0x40000000 + 462), SECCOMP_RET_ALLOW);
	CHECK_INT(bpf_decide(&filter, AUDIT_ARCH_X86_64, 0x40000000 + 4000), SECCOMP_RET_ERRNO | ENOSYS);
	CHECK_INT(bpf_decide(&filter, AUDIT_ARCH_S390X, 3), SECCOMP_RET_KILL_PROCESS);
}

/* Conditions follow their call to every architecture, where it has another number. */
static void test_conditions_on_other_architectures(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	static const char *const names[] = {"personality"};
	struct seccomp_arg arg = {0, SECCOMP_OP_EQ, 8, 0};
	struct seccomp_rule rule = {names, 1, SECCOMP_DO_ALLOW, false, 0, &arg, 1};
	uint32_t archs[2];
	struct seccomp_profile profile = {.default_action = SECCOMP_DO_ERRNO,
					  .rules = &rule,
					  .rule_count = 1,
					  .architectures = archs,
					  .architecture_count = 2};
	static const struct {
		uint32_t arch, number;
	} calls[] = {{AUDIT_ARCH_X86_64, 135}, {AUDIT_ARCH_I386, 136}, {AUDIT_ARCH_X86_64, 0x40000000 + 135}};
	struct confine_filter filter;

	CHECK_INT(seccomp_parse_arch("SCMP_ARCH_X86", &archs[0]), 0);
	CHECK_INT(seccomp_parse_arch("SCMP_ARCH_X32", &archs[1]), 0);
	CHECK_INT(seccomp_compile(&profile, &arena, &filter, NULL, NULL), 0);
	for (size_t i = 0; i < 3; i++) {
		struct seccomp_data data = {.nr = (int)calls[i].number, .arch = calls[i].arch, .args = {8}};

		CHECK_INT(bpf_run(&filter, &data), SECCOMP_RET_ALLOW);
		data.args[0] = 9;
		CHECK_INT(bpf_run(&filter, &data), SECCOMP_RET_ERRNO | EPERM);
	}
}

static void test_unknown_names(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	static const char *const names[] = {"getpid",	    "no_such_call", "mseal", "uretprobe",
					    "no_such_call", "chown32",	    "other"};
	static const struct seccomp_rule rule = {names, 7, SECCOMP_DO_ALLOW, false, 0, NULL, 0};
	static const struct seccomp_profile profile = {.default_action = SECCOMP_DO_ERRNO,
						       .rules = &rule,
						       .rule_count = 1};
	struct confine_filter filter;
	struct strv unknown = {0};

	CHECK_INT(seccomp_compile(&profile, &arena, &filter, &unknown, NULL), 0);
	CHECK_INT(unknown.count, 2);
	CHECK(strv_has(&unknown, "no_such_call"));
	CHECK(strv_has(&unknown, "other"));
	CHECK_INT(seccomp_call_number("mseal"), 462);
	CHECK_INT(seccomp_call_number("open_tree_attr"), 467);
	CHECK_INT(seccomp_call_number("read"), SYS_read);
	CHECK_INT(seccomp_call_number("no_such_call"), -ENOENT);
}

static void test_default_names_are_known(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct seccomp_profile profile;
	struct confine_filter filter;
	struct strv unknown = {0};

	CHECK_INT(seccomp_default(&arena, UINT64_MAX, &profile, NULL), 0);
	CHECK_INT(seccomp_compile(&profile, &arena, &filter, &unknown, NULL), 0);
	CHECK_INT(unknown.count, 0);
	for (size_t i = 0; i < unknown.count; i++)
		printf("# unknown: %s\n", unknown.items[i]);
}

static void check_refused(const struct seccomp_profile *profile, const char *words)
{
	struct err err = ERR_INIT;

	CHECK(seccomp_check(profile, &err) < 0);
	CHECK_HAS(err.msg, words);
}

static void test_check(void)
{
	static const char *const names[] = {"getppid"}, *const send[] = {"sendmsg"};
	struct seccomp_arg arg = {6, SECCOMP_OP_EQ, 0, 0};
	struct seccomp_rule rule = {names, 1, SECCOMP_DO_ALLOW, false, 0, &arg, 1};
	struct seccomp_profile profile = {.default_action = SECCOMP_DO_ERRNO, .rules = &rule, .rule_count = 1};

	check_refused(&profile, "argument 6");
	rule = (struct seccomp_rule){names, 1, SECCOMP_DO_ERRNO, true, 5000, NULL, 0};
	check_refused(&profile, "errnoRet 5000");
	rule = (struct seccomp_rule){names, 1, SECCOMP_DO_NOTIFY, false, 0, NULL, 0};
	check_refused(&profile, "listenerPath");
	profile.listener_path = "relative";
	check_refused(&profile, "not absolute");
	profile.listener_path = "/run/agent";
	CHECK_INT(seccomp_check(&profile, NULL), 0);
	rule.names = send;
	check_refused(&profile, "'sendmsg'");
	rule = (struct seccomp_rule){names, 1, SECCOMP_DO_ALLOW, false, 0, NULL, 0};
	CHECK_INT(seccomp_parse_flag("SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", &profile.flags), 0);
	check_refused(&profile, "needs a rule with SCMP_ACT_NOTIFY");
	profile.flags = 0;
	profile.default_action = SECCOMP_DO_NOTIFY;
	check_refused(&profile, "default action");
	profile.default_action = SECCOMP_DO_ALLOW;
	profile.listener_path = NULL;
	profile.listener_metadata = "words";
	check_refused(&profile, "listenerMetadata");
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_comparisons_of_known_calls), TAP_CASE(test_comparisons_of_newer_calls),
		       TAP_CASE(test_default_by_numbers), TAP_CASE(test_architectures),
		       TAP_CASE(test_conditions_on_other_architectures), TAP_CASE(test_unknown_names),
		       TAP_CASE(test_default_names_are_known), TAP_CASE(test_check));
}
