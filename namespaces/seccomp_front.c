// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is decided in front of libseccomp's program:
 *
 *   - calls that it does not know, and calls newer than hull itself knows: libseccomp takes bare numbers for the
 *     machine's own architecture only, and has no notion of 'newer than anything';
 *   - every call that a rule puts a condition on. libseccomp 2.5 merges several conditions on one call into one tree,
 *     and where a high half is equal or an operator is ordered it takes wrong turns (CVE-2019-9893 was the first; the
 *     unit test finds others within seconds). Here a rule is a plain sequence: conditions in order, all must hold;
 *     rules in the profile's order, the first that holds decides.
 *
 * What is left to libseccomp are plain numbers, which it turns into a balanced tree for each architecture. Jumps of
 * classic BPF are relative and forward, so what is put in front leaves its program as it is:
 *
 *             load architecture; not one of ours? --------------------+   (libseccomp's program kills it)
 *             load number; x32, and not listed?     return ENOSYS     |
 *             each call with conditions: its rules; none holds?       |
 *                                         return the default action   |
 *             number > known_last?  no -------------------------------+
 *             number > all that hull knows?         return ENOSYS     |
 *             each newer call that a rule names: its rules            |
 *             return the default action                               |
 *     rest:   libseccomp's program  <---------------------------------+
 *
 * An ordinary call passes about ten instructions here; none at all once the kernel has found that it is allowed
 * whatever its arguments.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <string.h>

#include "namespaces/seccomp_names.h"
#include "runtime/base/text.h"

#include "namespaces/seccomp_front.h"

#define RETURN_ENOSYS (SECCOMP_RET_ERRNO | ENOSYS)

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
enum { HALF_LOW = 0, HALF_HIGH = 4 };
#else
enum { HALF_LOW = 4, HALF_HIGH = 0 };
#endif

/* A growing program. `failed`: no memory; checked once at the end. */
struct program {
	struct sock_filter *code;
	size_t count, room;
	struct arena *arena;
	size_t rest[8]; /* jumps to what follows this program */
	size_t rest_count;
	bool failed;
};

static size_t emit(struct program *p, struct sock_filter instruction)
{
	if (p->count == p->room) {
		size_t room = p->room ? p->room * 2 : 128;
		struct sock_filter *code = arena_array(p->arena, room, sizeof(*code));

		if (!code) {
			p->failed = true;
			return 0;
		}
		for (size_t i = 0; i < p->count; i++)
			code[i] = p->code[i];
		p->code = code;
		p->room = room;
	}
	p->code[p->count] = instruction;
	return p->count++;
}

static void load(struct program *p, size_t offset)
{
	emit(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void give(struct program *p, uint32_t value)
{
	emit(p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, value));
}

/* `test` is BPF_JEQ, JGT or JGE against `value`: skips so many instructions when it holds, or when it does not. */
static void branch(struct program *p, uint16_t test, uint32_t value, uint8_t skip_if, uint8_t skip_if_not)
{
	emit(p, (struct sock_filter)BPF_JUMP((uint16_t)(BPF_JMP | test | BPF_K), value, skip_if, skip_if_not));
}

/* A jump whose target is not known yet. land() makes it jump to what is emitted next. */
static size_t jump(struct program *p)
{
	return emit(p, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 0));
}

static void land(struct program *p, size_t from)
{
	if (!p->failed)
		p->code[from].k = (uint32_t)(p->count - from - 1);
}

static uint32_t default_value(const struct seccomp_profile *profile)
{
	return seccomp_return_value(profile->default_action, profile->has_default_errno, profile->default_errno);
}

/* Leaves the call to libseccomp's program. */
static void to_rest(struct program *p)
{
	p->rest[p->rest_count++] = jump(p);
}

/*
 * Ordered comparisons of 64 bits in two halves: the high one decides unless it is equal. `low_test` with the value's
 * low half is true for what passes (GT: JGT, GE: JGE), or with `negate` for what fails (LE is not GT, LT is not GE).
 */
static void compare_ordered(struct program *p, size_t argument, uint64_t value, uint16_t low_test, bool negate)
{
	uint32_t high = (uint32_t)(value >> 32), low = (uint32_t)value;

	/* Relative to the end of this block: +0 is 'fails' (the jump behind it), +1 is 'passes'. */
	load(p, argument + HALF_HIGH);
	branch(p, BPF_JGT, high, negate ? 3 : 4, 0);
	branch(p, BPF_JEQ, high, 0, negate ? 3 : 2);
	load(p, argument + HALF_LOW);
	branch(p, low_test, low, negate ? 0 : 1, negate ? 1 : 0);
}

static void compare_masked(struct program *p, size_t argument, uint64_t mask, uint64_t value)
{
	load(p, argument + HALF_HIGH);
	emit(p, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, (uint32_t)(mask >> 32)));
	branch(p, BPF_JEQ, (uint32_t)((value & mask) >> 32), 0, 3);
	load(p, argument + HALF_LOW);
	emit(p, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, (uint32_t)mask));
	branch(p, BPF_JEQ, (uint32_t)(value & mask), 1, 0);
}

static void compare_unequal(struct program *p, size_t argument, uint64_t value)
{
	load(p, argument + HALF_HIGH);
	branch(p, BPF_JEQ, (uint32_t)(value >> 32), 0, 3);
	load(p, argument + HALF_LOW);
	branch(p, BPF_JEQ, (uint32_t)value, 0, 1);
}

/* Emits one condition. Falls through when it holds; the returned jump is taken when it does not. */
static size_t condition(struct program *p, const struct seccomp_arg *arg)
{
	size_t argument = offsetof(struct seccomp_data, args) + (size_t)8 * arg->index;

	switch (arg->op) {
	case SECCOMP_OP_NE:
		compare_unequal(p, argument, arg->value);
		break;
	case SECCOMP_OP_LT:
		compare_ordered(p, argument, arg->value, BPF_JGE, true);
		break;
	case SECCOMP_OP_LE:
		compare_ordered(p, argument, arg->value, BPF_JGT, true);
		break;
	case SECCOMP_OP_EQ:
		compare_masked(p, argument, UINT64_MAX, arg->value);
		break;
	case SECCOMP_OP_GE:
		compare_ordered(p, argument, arg->value, BPF_JGE, false);
		break;
	case SECCOMP_OP_GT:
		compare_ordered(p, argument, arg->value, BPF_JGT, false);
		break;
	case SECCOMP_OP_MASKED_EQ:
	case SECCOMP_OP_COUNT:
		compare_masked(p, argument, arg->value, arg->value_two);
		break;
	}
	return jump(p);
}

/* `args` must all hold for `value` to be returned; falls through otherwise. */
static void rule_all_of(struct program *p, const struct seccomp_arg *args, size_t count, uint32_t value)
{
	size_t fails[6];

	for (size_t i = 0; i < count; i++)
		fails[i] = condition(p, &args[i]);
	give(p, value);
	for (size_t i = 0; i < count; i++)
		land(p, fails[i]);
}

static bool rule_names(const struct seccomp_rule *rule, const char *name)
{
	for (size_t i = 0; i < rule->name_count; i++)
		if (strcmp(rule->names[i], name) == 0)
			return true;
	return false;
}

/* All rules for one call; the first that holds decides. Falls through for other calls, with the number still loaded. */
static void call_program(struct program *p, const struct seccomp_profile *profile, const char *name, uint32_t number)
{
	size_t other_call = SIZE_MAX;

	for (size_t i = 0; i < profile->rule_count; i++) {
		const struct seccomp_rule *rule = &profile->rules[i];
		uint32_t value = seccomp_return_value(rule->action, rule->has_errno, rule->errno_ret);

		if (!rule_names(rule, name))
			continue;
		if (other_call == SIZE_MAX) {
			branch(p, BPF_JEQ, number, 1, 0);
			other_call = jump(p);
		}
		if (seccomp_is_any_of(rule))
			for (size_t k = 0; k < rule->arg_count; k++)
				rule_all_of(p, &rule->args[k], 1, value);
		else
			rule_all_of(p, rule->args, rule->arg_count, value);
	}
	if (other_call != SIZE_MAX) {
		give(p, default_value(profile));
		land(p, other_call);
	}
}

/*
 * An architecture's calls. `arch` is libseccomp's token; `number_base` is added to the common numbers of newer calls.
 */
struct section {
	uint32_t arch;
	uint32_t number_base;
};

static void conditional_calls(struct program *p, const struct seccomp_profile *profile, const struct section *section,
			      const struct strv *conditional, int known_last)
{
	for (size_t i = 0; i < conditional->count; i++) {
		int number = seccomp_syscall_resolve_name_arch(section->arch, conditional->items[i]);

		if (number >= 0 && (uint32_t)number - section->number_base <= (uint32_t)known_last)
			call_program(p, profile, conditional->items[i], (uint32_t)number);
	}
}

/* All that is decided here for one architecture, the number being loaded. Ends in `rest` or in a return. */
static void section_program(struct program *p, const struct seccomp_profile *profile, const struct section *section,
			    const struct strv *conditional, int known_last)
{
	uint32_t base = section->number_base;

	conditional_calls(p, profile, section, conditional, known_last);
	branch(p, BPF_JGT, base + (uint32_t)known_last, 1, 0);
	to_rest(p);
	branch(p, BPF_JGT, base + (uint32_t)seccomp_call_last(), 0, 1);
	give(p, profile->newer_is_enosys ? RETURN_ENOSYS : default_value(profile));
	for (size_t i = 0; i < seccomp_newer_count; i++)
		if (seccomp_newer_calls[i].number > known_last)
			call_program(p, profile, seccomp_newer_calls[i].name,
				     base + (uint32_t)seccomp_newer_calls[i].number);
	give(p, default_value(profile));
}

/*
 * Architectures
 * ---------------------------------------------------------------------------------------------------------------
 */

#if defined(__x86_64__)
#define ARCH_OWN    AUDIT_ARCH_X86_64
#define ARCH_COMPAT AUDIT_ARCH_I386
static const struct section own_section = {SCMP_ARCH_X86_64, 0}, compat_section = {SCMP_ARCH_X86, 0};
#elif defined(__aarch64__)
#define ARCH_OWN    AUDIT_ARCH_AARCH64
#define ARCH_COMPAT AUDIT_ARCH_ARM
static const struct section own_section = {SCMP_ARCH_AARCH64, 0}, compat_section = {SCMP_ARCH_ARM, 0};
#else
#error "seccomp: say here which architecture this is; its calls since Linux 5.1 must have the common numbers"
#endif

#if defined(__x86_64__)
#define X32_BIT	      0x40000000u
#define X32_OWN_CALLS (X32_BIT + 512) /* x32's private range: libseccomp's to decide */
#define X32_OWN_LAST  (X32_BIT + 547)

/*
 * x32 shares x86_64's architecture word, and sets a bit of the number. -1 (a tracer has skipped the call) is no x32
 * call.
 */
static void x32_program(struct program *p, const struct seccomp_profile *profile, const struct strv *conditional,
			int known_last)
{
	static const struct section section = {SCMP_ARCH_X32, X32_BIT};
	size_t other;

	branch(p, BPF_JEQ, UINT32_MAX, 0, 1);
	to_rest(p);
	branch(p, BPF_JGE, X32_BIT, 1, 0);
	other = jump(p);
	if (seccomp_lists_arch(profile, SCMP_ARCH_X32)) {
		branch(p, BPF_JGE, X32_OWN_CALLS, 0, 2);
		branch(p, BPF_JGT, X32_OWN_LAST, 1, 0);
		to_rest(p);
		section_program(p, profile, &section, conditional, known_last);
	} else {
		give(p, RETURN_ENOSYS);
	}
	land(p, other);
}
#else
/* 32-bit ARM keeps private calls at 0x0f0000 (set_tls among them): libseccomp's to decide, never 'newer'. */
#define ARM_OWN_CALLS 0x000f0000u
#endif

static void compat_program(struct program *p, const struct seccomp_profile *profile, const struct strv *conditional,
			   int known_last)
{
	size_t other;

	branch(p, BPF_JEQ, ARCH_COMPAT, 1, 0);
	other = jump(p);
	load(p, offsetof(struct seccomp_data, nr));
#if defined(ARM_OWN_CALLS)
	branch(p, BPF_JGE, ARM_OWN_CALLS, 0, 1);
	to_rest(p);
#endif
	section_program(p, profile, &compat_section, conditional, known_last);
	land(p, other);
}

bool seccomp_is_conditional(const struct seccomp_profile *profile, const char *name)
{
	for (size_t i = 0; i < profile->rule_count; i++)
		if (profile->rules[i].arg_count && rule_names(&profile->rules[i], name))
			return true;
	return false;
}

static int collect_conditional(const struct seccomp_profile *profile, struct arena *arena, struct strv *ret)
{
	for (size_t i = 0; i < profile->rule_count; i++)
		for (size_t k = 0; profile->rules[i].arg_count && k < profile->rules[i].name_count; k++)
			if (!strv_has(ret, profile->rules[i].names[k]) &&
			    strv_add(arena, ret, profile->rules[i].names[k]) < 0)
				return -ENOMEM;
	return 0;
}

int seccomp_front_program(const struct seccomp_profile *profile, int known_last, struct arena *arena,
			  struct confine_filter *ret, struct err *err)
{
	struct program p = {.arena = arena};
	struct strv conditional = {0};
	size_t own;

	if (collect_conditional(profile, arena, &conditional) < 0)
		return err_say(err, ENOMEM, "seccomp: no memory for the program");
	load(&p, offsetof(struct seccomp_data, arch));
	branch(&p, BPF_JEQ, ARCH_OWN, 0, 1);
	own = jump(&p);
	if (seccomp_lists_arch(profile, compat_section.arch))
		compat_program(&p, profile, &conditional, known_last);
	to_rest(&p);
	land(&p, own);
	load(&p, offsetof(struct seccomp_data, nr));
#if defined(__x86_64__)
	x32_program(&p, profile, &conditional, known_last);
#endif
	section_program(&p, profile, &own_section, &conditional, known_last);
	for (size_t i = 0; i < p.rest_count; i++)
		land(&p, p.rest[i]);
	if (p.failed)
		return err_say(err, ENOMEM, "seccomp: no memory for the program");
	*ret = (struct confine_filter){p.code, p.count};
	return 0;
}
