// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Filters are tested three ways: run for real in a child, call by call; run in a small interpreter of classic BPF against what the
 * profile says, over many made-up profiles; and through the cache.
 */
#include "namespaces/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "namespaces/caps.h"
#include "runtime/base/process.h"
#include "tests/unit/namespaces/bpf.h"
#include "tests/unit/tap.h"

#define X32_BIT 0x40000000L

/* What the profile itself says of a call ---------------------------------------------------------------------------------------- */

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

static uint32_t decide(const struct confine_filter *filter, uint32_t arch, uint32_t number)
{
	struct seccomp_data data = {.nr = (int)number, .arch = arch};

	return bpf_run(filter, &data);
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
	CHECK_INT(decide(&filter, AUDIT_ARCH_X86_64, SYS_read), SECCOMP_RET_ALLOW);
	CHECK_INT(decide(&filter, AUDIT_ARCH_X86_64, 462), SECCOMP_RET_ALLOW);
	CHECK_INT(decide(&filter, AUDIT_ARCH_X86_64, 463), SECCOMP_RET_ERRNO | EPERM);
	CHECK_INT(decide(&filter, AUDIT_ARCH_X86_64, 4000), SECCOMP_RET_ERRNO | ENOSYS);
	CHECK_INT(decide(&filter, AUDIT_ARCH_X86_64, 0x40000000), SECCOMP_RET_ERRNO | ENOSYS);
	CHECK_INT(decide(&filter, AUDIT_ARCH_X86_64, UINT32_MAX), SECCOMP_RET_ERRNO | EPERM);
	CHECK_INT(decide(&filter, AUDIT_ARCH_I386, 3), SECCOMP_RET_KILL_PROCESS);
	CHECK_INT(decide(&filter, AUDIT_ARCH_I386, 462), SECCOMP_RET_KILL_PROCESS);
	CHECK_INT(decide(&filter, AUDIT_ARCH_AARCH64, 63), SECCOMP_RET_KILL_PROCESS);

	/* Listed: their own numbers, and the common ones. A foreign one is honoured by killing it as before. */
	CHECK_INT(seccomp_parse_arch("SCMP_ARCH_X86", &archs[0]), 0);
	CHECK_INT(seccomp_parse_arch("SCMP_ARCH_X32", &archs[1]), 0);
	CHECK_INT(seccomp_parse_arch("SCMP_ARCH_S390X", &archs[2]), 0);
	CHECK_INT(seccomp_parse_arch("SCMP_ARCH_LOONGARCH64", &archs[3]), 0);
	CHECK_INT(seccomp_parse_arch("SCMP_ARCH_PDP11", &archs[3]), -EINVAL);
	profile.architectures = archs;
	profile.architecture_count = 4;
	CHECK_INT(seccomp_compile(&profile, &arena, &filter, NULL, NULL), 0);
	CHECK_INT(decide(&filter, AUDIT_ARCH_X86_64, SYS_read), SECCOMP_RET_ALLOW);
	CHECK_INT(decide(&filter, AUDIT_ARCH_X86_64, SYS_write), SECCOMP_RET_ERRNO | EPERM);
	CHECK_INT(decide(&filter, AUDIT_ARCH_I386, 3), SECCOMP_RET_ALLOW);
	CHECK_INT(decide(&filter, AUDIT_ARCH_I386, 0), SECCOMP_RET_ERRNO | EPERM);
	CHECK_INT(decide(&filter, AUDIT_ARCH_I386, 462), SECCOMP_RET_ALLOW);
	CHECK_INT(decide(&filter, AUDIT_ARCH_I386, 4000), SECCOMP_RET_ERRNO | ENOSYS);
	CHECK_INT(decide(&filter, AUDIT_ARCH_X86_64, 0x40000000), SECCOMP_RET_ALLOW);
	CHECK_INT(decide(&filter, AUDIT_ARCH_X86_64, 0x40000000 + 512), SECCOMP_RET_ALLOW);
	CHECK_INT(decide(&filter, AUDIT_ARCH_X86_64, 0x40000000 + 513), SECCOMP_RET_ERRNO | EPERM);
	CHECK_INT(decide(&filter, AUDIT_ARCH_X86_64, 0x40000000 + 462), SECCOMP_RET_ALLOW);
	CHECK_INT(decide(&filter, AUDIT_ARCH_X86_64, 0x40000000 + 4000), SECCOMP_RET_ERRNO | ENOSYS);
	CHECK_INT(decide(&filter, AUDIT_ARCH_S390X, 3), SECCOMP_RET_KILL_PROCESS);
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

/* Real calls under a loaded filter ---------------------------------------------------------------------------------------------- */

struct real_call {
	const char *words;
	long number;
	long args[6];
	int error; /* the errno that the caller must see; 0: success; ANY: whatever the kernel says, but not the filter */
};
#define ANY (-1)

/* Runs the call in a child under the filter. The errno it saw, 0, or 1000 + signal. */
static int call_under(const struct confine_filter *filter, unsigned flags, const struct real_call *call)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		long r;

		if (confine_no_new_privs(NULL) < 0 || confine_load(filter, flags, NULL) < 0)
			_exit(255);
		errno = 0;
		r = syscall(call->number, call->args[0], call->args[1], call->args[2], call->args[3], call->args[4],
			    call->args[5]);
		if (call->number == SYS_clone && r == 0)
			syscall(SYS_exit_group, 0);
		syscall(SYS_exit_group, r < 0 ? errno : 0);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void check_calls(const struct seccomp_profile *profile, const struct real_call *calls, size_t count)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct confine_filter filter;
	struct err err = ERR_INIT;

	CHECK_INT(seccomp_compile(profile, &arena, &filter, NULL, &err), 0);
	for (size_t i = 0; i < count; i++) {
		int found = call_under(&filter, 0, &calls[i]);

		if (calls[i].error == ANY ? found == EPERM || found >= 255 : found != calls[i].error) {
			tap_fail(__FILE__, __LINE__, calls[i].words);
			printf("#   errno %d, wanted %d\n", found, calls[i].error);
		}
	}
}
#define CHECK_CALLS(profile, calls) check_calls((profile), (calls), sizeof(calls) / sizeof((calls)[0]))

#define HIGH_BIT (1L << 32)

static void test_default_for_real(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct seccomp_profile profile;
	const struct real_call calls[] = {
		{"getpid", SYS_getpid, {0}, 0},
		{"a plain fork", SYS_clone, {SIGCHLD}, 0},
		{"clone with a user namespace", SYS_clone, {SIGCHLD | CLONE_NEWUSER}, EPERM},
		{"clone with a mount namespace", SYS_clone, {SIGCHLD | CLONE_NEWNS}, EPERM},
		{"clone with a network namespace", SYS_clone, {SIGCHLD | CLONE_NEWNET}, EPERM},
		{"clone with a cgroup namespace and a high bit",
		 SYS_clone,
		 {SIGCHLD | CLONE_NEWCGROUP | HIGH_BIT},
		 EPERM},
		{"clone3", SYS_clone3, {0}, ENOSYS},
		{"unshare", SYS_unshare, {CLONE_NEWUSER}, EPERM},
		{"setns", SYS_setns, {0}, EPERM},
		{"mount", SYS_mount, {0}, EPERM},
		{"umount", SYS_umount2, {0}, EPERM},
		{"bpf", SYS_bpf, {0}, EPERM},
		{"perf_event_open", SYS_perf_event_open, {0}, EPERM},
		{"keyctl", SYS_keyctl, {0}, EPERM},
		{"add_key", SYS_add_key, {0}, EPERM},
		{"request_key", SYS_request_key, {0}, EPERM},
		{"userfaultfd", SYS_userfaultfd, {0}, EPERM},
		{"io_uring_setup", SYS_io_uring_setup, {0}, EPERM},
		{"io_uring_enter", SYS_io_uring_enter, {0}, EPERM},
		{"kexec_load", SYS_kexec_load, {0}, EPERM},
		{"init_module", SYS_init_module, {0}, EPERM},
		{"swapon", SYS_swapon, {0}, EPERM},
		{"reboot", SYS_reboot, {0}, EPERM},
		{"settimeofday", SYS_settimeofday, {0}, EPERM},
		{"open_by_handle_at", SYS_open_by_handle_at, {0}, EPERM},
		{"listns, a newer call that is refused", 470, {0}, EPERM},
		{"mseal, a newer call that is allowed", 462, {0}, ANY},
		{"statmount, allowed", 457, {0}, ANY},
		{"a call of the future", 480, {0}, ENOSYS},
		{"a call of the far future", 100000, {0}, ENOSYS},
		{"an x32 getpid", X32_BIT + SYS_getpid, {0}, ENOSYS},
		{"personality: asking", SYS_personality, {0xffffffffL}, 0},
		{"personality: asking, sign-extended", SYS_personality, {-1}, 0},
		{"personality: Linux", SYS_personality, {PER_LINUX}, 0},
		{"personality: 32-bit names", SYS_personality, {PER_LINUX32}, 0},
		{"personality: no address randomisation", SYS_personality, {ADDR_NO_RANDOMIZE}, EPERM},
		{"personality: executable reads", SYS_personality, {READ_IMPLIES_EXEC}, EPERM},
		{"personality: executable reads and a high bit",
		 SYS_personality,
		 {READ_IMPLIES_EXEC | HIGH_BIT},
		 EPERM},
		{"socket: unix", SYS_socket, {AF_UNIX, SOCK_STREAM, 0}, 0},
		{"socket: inet", SYS_socket, {AF_INET, SOCK_STREAM, 0}, 0},
		{"socket: inet6", SYS_socket, {AF_INET6, SOCK_DGRAM, 0}, 0},
		{"socket: netlink", SYS_socket, {AF_NETLINK, SOCK_RAW, 0}, 0},
		{"socket: vsock", SYS_socket, {AF_VSOCK, SOCK_STREAM, 0}, EPERM},
		{"socket: alg", SYS_socket, {AF_ALG, SOCK_SEQPACKET, 0}, EPERM},
		{"socket: alg and a high bit", SYS_socket, {AF_ALG | HIGH_BIT, SOCK_SEQPACKET, 0}, EPERM},
		{"socket: vsock and the highest bit", SYS_socket, {AF_VSOCK | LONG_MIN, SOCK_STREAM, 0}, EPERM},
		{"socket: rds", SYS_socket, {AF_RDS, SOCK_SEQPACKET, 0}, EPERM},
	};

	CHECK_INT(seccomp_default(&arena, caps_default(), &profile, NULL), 0);
	CHECK_INT(seccomp_check(&profile, NULL), 0);
	CHECK_CALLS(&profile, calls);
}

/* The same calls with the capabilities that make them useful: the kernel decides, not the filter. */
static void test_default_with_capabilities(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct seccomp_profile profile;
	const struct real_call calls[] = {
		{"clone with a UTS namespace", SYS_clone, {SIGCHLD | CLONE_NEWUTS}, 0},
		{"clone3 stays", SYS_clone3, {0}, ENOSYS},
		{"unshare", SYS_unshare, {CLONE_NEWUTS}, 0},
		{"mount", SYS_mount, {0}, ANY},
		{"bpf", SYS_bpf, {-1}, ANY},
		{"settimeofday", SYS_settimeofday, {1, 1}, ANY},
		{"listns", 470, {0}, ANY},
		{"io_uring_setup stays", SYS_io_uring_setup, {0}, EPERM},
		{"keyctl stays", SYS_keyctl, {0}, EPERM},
	};

	CHECK_INT(seccomp_default(&arena, UINT64_MAX, &profile, NULL), 0);
	CHECK_CALLS(&profile, calls);
}

/* A 32-bit call from a 64-bit program: int 0x80 with another meaning for every number. */
static void test_wrong_architecture_is_killed(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct seccomp_profile profile;
	struct confine_filter filter;
	int status = 0;
	pid_t pid;

	CHECK_INT(seccomp_default(&arena, caps_default(), &profile, NULL), 0);
	CHECK_INT(seccomp_compile(&profile, &arena, &filter, NULL, NULL), 0);
	pid = fork();
	if (pid == 0) {
		long r = 20; /* i386's getpid */

		if (confine_no_new_privs(NULL) < 0 || confine_load(&filter, 0, NULL) < 0)
			_exit(255);
		__asm__ volatile("int $0x80" : "+a"(r)::"memory", "r8", "r9", "r10", "r11");
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV)
		SKIP("this kernel runs no 32-bit calls at all");
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

/* One profile for each action, on getppid. */
static struct seccomp_profile one_rule(struct seccomp_rule *rule, enum seccomp_action action, uint32_t errno_ret)
{
	static const char *const names[] = {"getppid"};

	*rule = (struct seccomp_rule){names, 1, action, errno_ret != 0, errno_ret, NULL, 0};
	return (struct seccomp_profile){.default_action = SECCOMP_DO_ALLOW,
					.rules = rule,
					.rule_count = 1,
					.listener_path = action == SECCOMP_DO_NOTIFY ? "/none" : NULL};
}

static void test_actions(void)
{
	static const struct {
		const char *word;
		uint32_t errno_ret;
		int found;
	} actions[] = {
		{"SCMP_ACT_KILL", 0, 1000 + SIGSYS},
		{"SCMP_ACT_KILL_THREAD", 0, 1000 + SIGSYS},
		{"SCMP_ACT_KILL_PROCESS", 0, 1000 + SIGSYS},
		{"SCMP_ACT_TRAP", 0, 1000 + SIGSYS},
		{"SCMP_ACT_ERRNO", 0, EPERM},
		{"SCMP_ACT_ERRNO", EXDEV, EXDEV},
		{"SCMP_ACT_TRACE", 0, ENOSYS}, /* no tracer is there */
		{"SCMP_ACT_TRACE", 7, ENOSYS},
		{"SCMP_ACT_ALLOW", 0, 0},
		{"SCMP_ACT_LOG", 0, 0},
	};
	static const struct real_call call = {"getppid", SYS_getppid, {0}, 0};

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		CLEANUP_ARENA struct arena arena = ARENA_INIT;
		struct seccomp_rule rule;
		struct seccomp_profile profile;
		enum seccomp_action action;
		struct confine_filter filter;

		CHECK_INT(seccomp_parse_action(actions[i].word, &action), 0);
		profile = one_rule(&rule, action, actions[i].errno_ret);
		CHECK_INT(seccomp_check(&profile, NULL), 0);
		CHECK_INT(seccomp_compile(&profile, &arena, &filter, NULL, NULL), 0);
		CHECK_INT(call_under(&filter, 0, &call), actions[i].found);
	}
}

/* As default action, with one call allowed: what gets past is the one call. */
static void test_default_actions(void)
{
	static const char *const names[] = {"exit_group", "getpid", "futex", "rt_sigreturn"};
	static const struct seccomp_rule rule = {names, 4, SECCOMP_DO_ALLOW, false, 0, NULL, 0};
	static const struct real_call refused = {"getppid", SYS_getppid, {0}, 0},
				      allowed = {"getpid", SYS_getpid, {0}, 0};
	static const struct {
		enum seccomp_action action;
		uint32_t errno_ret;
		int found;
	} actions[] = {
		{SECCOMP_DO_KILL_THREAD, 0, 1000 + SIGSYS},
		{SECCOMP_DO_KILL_PROCESS, 0, 1000 + SIGSYS},
		{SECCOMP_DO_TRAP, 0, 1000 + SIGSYS},
		{SECCOMP_DO_ERRNO, 0, EPERM},
		{SECCOMP_DO_ERRNO, 77, 77},
		{SECCOMP_DO_TRACE, 0, ENOSYS},
		{SECCOMP_DO_LOG, 0, 0},
	};

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		CLEANUP_ARENA struct arena arena = ARENA_INIT;
		struct seccomp_profile profile = {.default_action = actions[i].action,
						  .has_default_errno = actions[i].errno_ret != 0,
						  .default_errno = actions[i].errno_ret,
						  .rules = &rule,
						  .rule_count = 1};
		struct confine_filter filter;

		CHECK_INT(seccomp_compile(&profile, &arena, &filter, NULL, NULL), 0);
		CHECK_INT(call_under(&filter, 0, &refused), actions[i].found);
		CHECK_INT(call_under(&filter, 0, &allowed), 0);
	}
}

/* The first rule that holds decides; conditions on one argument twice are alternatives. */
static void test_order_of_rules(void)
{
	static const char *const prctl_name[] = {"prctl"}, *const alarm_name[] = {"alarm"};
	static const struct seccomp_arg get_name = {0, SECCOMP_OP_EQ, PR_GET_NAME, 0};
	static const struct seccomp_arg five_or_six[] = {{0, SECCOMP_OP_EQ, 5, 0}, {0, SECCOMP_OP_EQ, 6, 0}};
	static const struct seccomp_rule rules[] = {
		{prctl_name, 1, SECCOMP_DO_ERRNO, true, 71, &get_name, 1},
		{prctl_name, 1, SECCOMP_DO_ALLOW, false, 0, NULL, 0},
		{alarm_name, 1, SECCOMP_DO_ERRNO, true, 72, five_or_six, 2},
	};
	static const struct seccomp_profile profile = {.default_action = SECCOMP_DO_ALLOW,
						       .rules = rules,
						       .rule_count = 3};
	static const struct real_call calls[] = {
		{"prctl: the one that is refused", SYS_prctl, {PR_GET_NAME, 0}, 71},
		{"prctl: another", SYS_prctl, {PR_GET_DUMPABLE}, 0},
		{"prctl: differs in the high half only", SYS_prctl, {PR_GET_NAME | HIGH_BIT, 0}, ANY},
		{"alarm 5", SYS_alarm, {5}, 72},
		{"alarm 6", SYS_alarm, {6}, 72},
		{"alarm 7", SYS_alarm, {7}, 0},
	};

	CHECK_CALLS(&profile, calls);
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

/* Every flag of OCI is taken by the kernel with a filter. */
static void test_flags(void)
{
	static const char *const words[] = {"SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG",
					    "SECCOMP_FILTER_FLAG_SPEC_ALLOW"};
	static const struct real_call call = {"getppid", SYS_getppid, {0}, 0};

	for (size_t i = 0; i < 3; i++) {
		CLEANUP_ARENA struct arena arena = ARENA_INIT;
		struct seccomp_rule rule;
		struct seccomp_profile profile = one_rule(&rule, SECCOMP_DO_ERRNO, EXDEV);
		struct confine_filter filter;

		CHECK_INT(seccomp_parse_flag(words[i], &profile.flags), 0);
		CHECK_INT(seccomp_check(&profile, NULL), 0);
		CHECK_INT(seccomp_compile(&profile, &arena, &filter, NULL, NULL), 0);
		CHECK_INT(call_under(&filter, seccomp_load_flags(&profile), &call), EXDEV);
	}
}

/* A process under a notifying filter, its listener handed to an agent's socket as OCI says, and the agent's answer. */
static int notified_child(const char *agent_path)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct seccomp_rule rule;
	struct seccomp_profile profile = one_rule(&rule, SECCOMP_DO_NOTIFY, 0);
	struct confine_filter filter;
	int listener;

	profile.flags = SECCOMP_FILTER_FLAG_TSYNC | (1u << 5); /* with WAIT_KILLABLE_RECV */
	if (seccomp_check(&profile, NULL) < 0 || seccomp_compile(&profile, &arena, &filter, NULL, NULL) < 0 ||
	    confine_no_new_privs(NULL) < 0)
		return 1;
	listener = confine_load(&filter, seccomp_load_flags(&profile), NULL);
	if (listener < 0 || seccomp_listener_send(agent_path, listener, "{\"state\":1}", 11, NULL) < 0)
		return 2;
	(void)close(listener);
	return (int)syscall(SYS_getppid) == 4321 ? 0 : 3;
}

static void answer(int listener)
{
	struct seccomp_notif request = {0};
	struct seccomp_notif_resp response = {0};

	CHECK_INT(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request), 0);
	CHECK_INT(request.data.nr, SYS_getppid);
	response.id = request.id;
	response.val = 4321;
	CHECK_INT(ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response), 0);
}

static void test_listener(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char folder[] = "/tmp/hull-seccomp-XXXXXX", bytes[64] = "", control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {bytes, sizeof(bytes) - 1};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), connection, listener = -1, status = 1;
	pid_t pid;

	CHECK(mkdtemp(folder) != NULL);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/agent", folder);
	CHECK_INT(bind(listening, (struct sockaddr *)&address, sizeof(address)), 0);
	CHECK_INT(listen(listening, 1), 0);
	pid = fork();
	if (pid == 0)
		_exit(notified_child(address.sun_path));
	connection = accept(listening, NULL, NULL);
	CHECK_INT(recvmsg(connection, &message, 0), 11);
	CHECK_STR(bytes, "{\"state\":1}");
	if (CMSG_FIRSTHDR(&message))
		memcpy(&listener, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(listener));
	answer(listener);
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK_INT(WEXITSTATUS(status), 0);
	(void)close(listener);
	(void)close(connection);
	(void)close(listening);
	(void)unlink(address.sun_path);
	(void)rmdir(folder);
}

/* The cache --------------------------------------------------------------------------------------------------------------------- */

struct cache {
	char folder[32];
	int fd;
};

static struct cache cache_open(void)
{
	struct cache cache = {"/tmp/hull-cache-XXXXXX", -1};

	CHECK(mkdtemp(cache.folder) != NULL);
	cache.fd = open(cache.folder, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	return cache;
}

/* The only file in the cache. */
static void cache_file(const struct cache *cache, char name[static 256])
{
	DIR *dir = opendir(cache->folder);
	struct dirent *entry;

	name[0] = '\0';
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			snprintf(name, 256, "%s", entry->d_name);
	(void)closedir(dir);
}

static void cache_close(struct cache *cache)
{
	char name[256];

	for (cache_file(cache, name); name[0]; cache_file(cache, name))
		CHECK_INT(unlinkat(cache->fd, name, 0), 0);
	(void)close(cache->fd);
	CHECK_INT(rmdir(cache->folder), 0);
}

static bool cached_hit(const struct cache *cache, const struct seccomp_profile *profile, uint32_t *ret_getppid)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct confine_filter filter = {0};
	struct strv unknown = {0};
	bool hit = false;

	CHECK_INT(seccomp_cached(cache->fd, profile, &arena, &filter, &unknown, &hit, NULL), 0);
	CHECK_INT(unknown.count, profile->rules[0].name_count - 1);
	*ret_getppid = decide(&filter, AUDIT_ARCH_X86_64, SYS_getppid);
	return hit;
}

static void test_cache(void)
{
	static const char *const names[] = {"getppid", "no_such_call"};
	struct seccomp_rule rule = {names, 2, SECCOMP_DO_ERRNO, true, 33, NULL, 0};
	struct seccomp_profile profile = {.default_action = SECCOMP_DO_ALLOW, .rules = &rule, .rule_count = 1};
	struct cache cache = cache_open();
	uint32_t found;

	CHECK(!cached_hit(&cache, &profile, &found));
	CHECK_INT(found, SECCOMP_RET_ERRNO | 33);
	CHECK(cached_hit(&cache, &profile, &found));
	CHECK_INT(found, SECCOMP_RET_ERRNO | 33);
	/* Whatever shapes the program is in the key. */
	rule.errno_ret = 34;
	CHECK(!cached_hit(&cache, &profile, &found));
	CHECK_INT(found, SECCOMP_RET_ERRNO | 34);
	profile.newer_is_enosys = true;
	CHECK(!cached_hit(&cache, &profile, &found));
	cache_close(&cache);
}

/* Spoils the one file of the cache: flips a byte at `at` (from the end if negative), or changes who may write to it. */
static void spoil(const struct cache *cache, off_t at, mode_t mode, uid_t uid)
{
	char name[256], byte = 0;
	int fd;

	cache_file(cache, name);
	fd = openat(cache->fd, name, O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0);
	if (at != 0) {
		off_t where = lseek(fd, at, at < 0 ? SEEK_END : SEEK_SET);

		CHECK_INT(pread(fd, &byte, 1, where), 1);
		byte ^= 1;
		CHECK_INT(pwrite(fd, &byte, 1, where), 1);
	}
	CHECK_INT(fchmod(fd, mode), 0);
	CHECK_INT(fchown(fd, uid, (gid_t)-1), 0);
	(void)close(fd);
}

static void test_cache_is_not_trusted_blindly(void)
{
	static const char *const names[] = {"getppid"};
	struct seccomp_rule rule = {names, 1, SECCOMP_DO_ERRNO, true, 33, NULL, 0};
	struct seccomp_profile profile = {.default_action = SECCOMP_DO_ALLOW, .rules = &rule, .rule_count = 1};
	struct cache cache = cache_open();
	char name[256];
	uint32_t found;

	CHECK(!cached_hit(&cache, &profile, &found));
	spoil(&cache, 20, 0600, 0); /* the key */
	CHECK(!cached_hit(&cache, &profile, &found));
	CHECK(cached_hit(&cache, &profile, &found)); /* it was replaced */
	spoil(&cache, 1, 0600, 0);		     /* the magic */
	CHECK(!cached_hit(&cache, &profile, &found));
	spoil(&cache, 12, 0600, 0); /* the count */
	CHECK(!cached_hit(&cache, &profile, &found));
	spoil(&cache, 0, 0620, 0); /* the group may write */
	CHECK(!cached_hit(&cache, &profile, &found));
	spoil(&cache, 0, 0600, 1234); /* another's */
	CHECK(!cached_hit(&cache, &profile, &found));
	CHECK(cached_hit(&cache, &profile, &found));
	cache_file(&cache, name);
	CHECK_INT(unlinkat(cache.fd, name, 0), 0);
	CHECK_INT(symlinkat("/etc/passwd", cache.fd, name), 0);
	CHECK(!cached_hit(&cache, &profile, &found));
	CHECK(cached_hit(&cache, &profile, &found));
	/* A folder that others write to holds nothing that can be believed, and gets nothing. */
	CHECK_INT(fchmod(cache.fd, 0777), 0);
	CHECK(!cached_hit(&cache, &profile, &found));
	CHECK_INT(found, SECCOMP_RET_ERRNO | 33);
	cache_close(&cache);
}

static void test_cache_is_bounded(void)
{
	static const char *const names[] = {"getppid"};
	struct cache cache = cache_open();
	unsigned count = 0;
	struct dirent *entry;
	uint32_t found;
	DIR *dir;

	for (unsigned i = 0; i < 300; i++) {
		struct seccomp_rule rule = {names, 1, SECCOMP_DO_ERRNO, true, 1 + i, NULL, 0};
		struct seccomp_profile profile = {.default_action = SECCOMP_DO_ALLOW, .rules = &rule, .rule_count = 1};

		CHECK(!cached_hit(&cache, &profile, &found));
	}
	dir = opendir(cache.folder);
	while ((entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	(void)closedir(dir);
	CHECK(count <= 257);
	cache_close(&cache);
}

/* How long things take, as a remark; what is checked is only that a hit is the cheaper way. */
static void test_times(void)
{
	struct cache cache = cache_open();
	uint64_t miss, hit, load, start;
	size_t count = 0;

	for (int i = 0; i < 2; i++) {
		CLEANUP_ARENA struct arena arena = ARENA_INIT;
		struct seccomp_profile profile;
		struct confine_filter filter;
		bool was_hit;
		pid_t pid;
		int status;

		start = proc_monotonic_ns();
		CHECK_INT(seccomp_default(&arena, caps_default(), &profile, NULL), 0);
		CHECK_INT(seccomp_cached(cache.fd, &profile, &arena, &filter, NULL, &was_hit, NULL), 0);
		CHECK_INT(was_hit, i);
		hit = proc_monotonic_ns() - start;
		if (i == 0)
			miss = hit;
		count = filter.count;
		pid = fork();
		if (pid == 0) {
			(void)confine_no_new_privs(NULL);
			start = proc_monotonic_ns();
			(void)confine_load(&filter, 0, NULL);
			load = (proc_monotonic_ns() - start) / 1000 / 4; /* an exit code is a byte */
			_exit(load > 255 ? 255 : (int)load);
		}
		CHECK(waitpid(pid, &status, 0) == pid);
		load = (uint64_t)WEXITSTATUS(status) * 4;
	}
	printf("# %zu instructions; miss %" PRIu64 " us, hit %" PRIu64 " us, load %" PRIu64 " us\n", count, miss / 1000,
	       hit / 1000, load);
	CHECK(hit < miss);
	cache_close(&cache);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_comparisons_of_known_calls), TAP_CASE(test_comparisons_of_newer_calls),
		       TAP_CASE(test_default_by_numbers), TAP_CASE(test_architectures),
		       TAP_CASE(test_conditions_on_other_architectures), TAP_CASE(test_default_for_real),
		       TAP_CASE(test_default_with_capabilities), TAP_CASE(test_wrong_architecture_is_killed),
		       TAP_CASE(test_actions), TAP_CASE(test_default_actions), TAP_CASE(test_order_of_rules),
		       TAP_CASE(test_unknown_names), TAP_CASE(test_default_names_are_known), TAP_CASE(test_check),
		       TAP_CASE(test_flags), TAP_CASE(test_listener), TAP_CASE(test_cache),
		       TAP_CASE(test_cache_is_not_trusted_blindly), TAP_CASE(test_cache_is_bounded),
		       TAP_CASE(test_times));
}
