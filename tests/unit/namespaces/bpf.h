/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Filters without a kernel: an interpreter of classic BPF, profiles made up of bytes or of a seed, and a comparison of
 * two programs call by call.
 */
#ifndef HULL_TESTS_UNIT_NAMESPACES_BPF_H
#define HULL_TESTS_UNIT_NAMESPACES_BPF_H

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "namespaces/seccomp.h"

#define BPF_BROKEN 0xdeadu /* what a program gives that no kernel would load */

static inline uint32_t bpf_run(const struct confine_filter *filter, const struct seccomp_data *data)
{
	uint32_t a = 0;

	for (size_t at = 0; at < filter->count; at++) {
		const struct sock_filter *i = &filter->instructions[at];

		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (i->k > sizeof(*data) - sizeof(a) || i->k % sizeof(a))
				return BPF_BROKEN;
			memcpy(&a, (const char *)data + i->k, sizeof(a));
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= i->k;
			break;
		case BPF_JMP | BPF_JA:
			at += i->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			at += a == i->k ? i->jt : i->jf;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			at += a > i->k ? i->jt : i->jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			at += a >= i->k ? i->jt : i->jf;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			at += a & i->k ? i->jt : i->jf;
			break;
		case BPF_RET | BPF_K:
			return i->k;
		default:
			return BPF_BROKEN;
		}
	}
	return BPF_BROKEN;
}

/* The decision on one call without arguments. */
static inline uint32_t bpf_decide(const struct confine_filter *filter, uint32_t arch, uint32_t number)
{
	struct seccomp_data data = {.nr = (int)number, .arch = arch};

	return bpf_run(filter, &data);
}

/* --- Choices: of bytes as long as there are any, then of a seed; with the seed 0 they end in zeros ---------------- */

struct choices {
	const uint8_t *bytes;
	size_t left;
	uint32_t seed;
};

static inline uint32_t choose(struct choices *c, uint32_t below)
{
	uint32_t value = 0;

	for (size_t i = 0; i < 2 && c->left > 0; i++, c->left--)
		value = value << 8 | *c->bytes++;
	if (value == 0 && c->seed) {
		c->seed = c->seed * 1103515245u + 12345u;
		value = c->seed >> 8;
	}
	return value % below;
}

/* Values on the edges of the halves: where comparisons of 64 bits on a machine of 32 go wrong. */
static const uint64_t bpf_edges[] = {0,
				     1,
				     2,
				     8,
				     0x7fffffff,
				     0x80000000,
				     0xffffffff,
				     0x100000000,
				     0x100000001,
				     0x7fffffff00000000,
				     0x8000000000000000,
				     0xffffffff00000000,
				     0xffffffffffffffff};
#define BPF_EDGES (sizeof(bpf_edges) / sizeof(bpf_edges[0]))

/* --- Profiles ----------------------------------------------------------------------------------------------------- */

/* The name of some call of some architecture. In the arena. */
static inline const char *choose_name(struct choices *c, struct arena *arena)
{
	static const uint32_t archs[] = {SCMP_ARCH_X86_64, SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_AARCH64};
	const struct seccomp_newer *newer = &seccomp_newer_calls[choose(c, (uint32_t)seccomp_newer_count)];
	char *known = seccomp_syscall_resolve_num_arch(archs[choose(c, 4)], (int)choose(c, 460));
	const char *name = arena_strdup(arena, known ? known : newer->name);

	free(known);
	return name;
}

static inline void choose_rule(struct choices *c, struct arena *arena, struct seccomp_rule *rule)
{
	size_t names = 1 + choose(c, 1 + choose(c, 60)), args = choose(c, 4) ? 0 : 1 + choose(c, 3);
	const char **list = arena_array(arena, names, sizeof(*list));
	struct seccomp_arg *conditions = arena_array(arena, args + 1, sizeof(*conditions));

	for (size_t i = 0; i < names; i++)
		list[i] = choose_name(c, arena);
	for (size_t i = 0; i < args; i++)
		conditions[i] = (struct seccomp_arg){choose(c, 6), (enum seccomp_op)choose(c, SECCOMP_OP_COUNT),
						     bpf_edges[choose(c, BPF_EDGES)], bpf_edges[choose(c, BPF_EDGES)]};
	*rule = (struct seccomp_rule){
		.names = list,
		.name_count = names,
		.action = (enum seccomp_action)choose(c, SECCOMP_ACTION_COUNT),
		.has_errno = choose(c, 2),
		.errno_ret = choose(c, 4096),
		.args = conditions,
		.arg_count = args,
	};
}

/* Some profile: any actions, architectures, conditions. In the arena. */
static inline void choose_profile(struct choices *c, struct arena *arena, struct seccomp_profile *ret)
{
	static const uint32_t archs[] = {SCMP_ARCH_X86, SCMP_ARCH_X32, SCMP_ARCH_ARM};
	size_t count = choose(c, 12);
	struct seccomp_rule *rules = arena_array(arena, count + 1, sizeof(*rules));

	for (size_t i = 0; i < count; i++)
		choose_rule(c, arena, &rules[i]);
	*ret = (struct seccomp_profile){
		.default_action = (enum seccomp_action)choose(c, SECCOMP_DO_NOTIFY),
		.has_default_errno = choose(c, 2),
		.default_errno = choose(c, 4096),
		.architectures = archs,
		.architecture_count = choose(c, 4),
		.rules = rules,
		.rule_count = count,
		.newer_is_enosys = choose(c, 2),
	};
}

/* --- Comparing ---------------------------------------------------------------------------------------------------- */

/* A value that the program has something to say about: one of its constants, or beside one. */
static inline uint32_t choose_constant(struct choices *c, const struct confine_filter *filter)
{
	return filter->instructions[choose(c, (uint32_t)filter->count)].k + choose(c, 3) - 1;
}

/* Fills in arguments and decides twice. Whether both agree. */
static inline bool bpf_agree_on(struct choices *c, const struct confine_filter *one, const struct confine_filter *other,
				struct seccomp_data *data)
{
	for (int i = 0; i < 6; i++) {
		uint64_t high = choose(c, 2) ? choose_constant(c, one) : 0;

		data->args[i] = choose(c, 2) ? bpf_edges[choose(c, BPF_EDGES)] : high << 32 | choose_constant(c, one);
	}
	return bpf_run(one, data) == bpf_run(other, data);
}

/*
 * Every number of every architecture that may matter up to `last`, each with several arguments. The first call that
 * they differ on is in *ret.
 */
static inline bool bpf_agree(struct choices *c, const struct confine_filter *one, const struct confine_filter *other,
			     uint32_t last, int turns, struct seccomp_data *ret)
{
	static const uint32_t archs[] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_I386,  AUDIT_ARCH_AARCH64,
					 AUDIT_ARCH_ARM,    AUDIT_ARCH_S390X, 0,
					 UINT32_MAX};
	static const uint32_t bases[] = {0, 0x40000000, 0x000f0000, 0x80000000, UINT32_MAX - 8};

	for (size_t arch = 0; arch < ARRAY_SIZE(archs); arch++)
		for (size_t base = 0; base < ARRAY_SIZE(bases); base++)
			for (uint32_t number = 0; number <= last; number++)
				for (int turn = 0; turn < turns; turn++) {
					*ret = (struct seccomp_data){.nr = (int)(bases[base] + number),
								     .arch = archs[arch]};
					if (!bpf_agree_on(c, one, other, ret))
						return false;
				}
	return true;
}

#endif
