// SPDX-License-Identifier: GPL-2.0-or-later
#include "namespaces/seccomp_ranges.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>

#define NOWHERE	    SIZE_MAX
#define RANGES_MAX  8192 /* of one architecture: more than any program needs that the kernel loads */
#define TABLE_SLOTS (2 * SECCOMP_PROGRAM_MAX)

struct reading {
	struct seccomp_ranges *found;
	struct arena *arena;
	bool failed; /* no memory */
};

/* --- What instructions do ----------------------------------------------------------------------------------------- */

enum seccomp_kind seccomp_kind_of(const struct sock_filter *i)
{
	switch (i->code) {
	case BPF_RET | BPF_K:
		return SECCOMP_KIND_RETURN;
	case BPF_JMP | BPF_JA:
		return SECCOMP_KIND_JUMP;
	case BPF_JMP | BPF_JEQ | BPF_K:
	case BPF_JMP | BPF_JGT | BPF_K:
	case BPF_JMP | BPF_JGE | BPF_K:
	case BPF_JMP | BPF_JSET | BPF_K:
		return SECCOMP_KIND_BRANCH;
	case BPF_LD | BPF_W | BPF_ABS:
	case BPF_ALU | BPF_AND | BPF_K:
		return SECCOMP_KIND_NEXT;
	default:
		return SECCOMP_KIND_OTHER;
	}
}

/* Not for BPF_JSET, whose numbers are no ranges. */
static bool holds(const struct sock_filter *i, uint32_t a)
{
	switch (BPF_OP(i->code)) {
	case BPF_JEQ:
		return a == i->k;
	case BPF_JGT:
		return a > i->k;
	default:
		return a >= i->k;
	}
}

/* The highest number up to `last` for which the comparison comes out as it does for `a`. */
static uint32_t same_until(const struct sock_filter *i, uint32_t a, uint32_t last)
{
	uint32_t change = i->k; /* the first number behind `a` that is treated otherwise, if it is behind */

	/* Behind the highest of all comes 0, which is behind nothing. */
	if (BPF_OP(i->code) == BPF_JGT || (BPF_OP(i->code) == BPF_JEQ && a == i->k))
		change = i->k + 1;
	return change > a && change - 1 < last ? change - 1 : last;
}

/* --- What is alike ------------------------------------------------------------------------------------------------ */

struct table {
	size_t slots[TABLE_SLOTS]; /* instruction + 1 */
};

static bool is_same(const struct reading *s, size_t one, size_t other)
{
	const struct sock_filter *a = &s->found->from[one], *b = &s->found->from[other];

	if (a->code != b->code || a->k != b->k)
		return false;
	switch (seccomp_kind_of(a)) {
	case SECCOMP_KIND_BRANCH:
		return s->found->alike[one + 1 + a->jt] == s->found->alike[other + 1 + b->jt] &&
		       s->found->alike[one + 1 + a->jf] == s->found->alike[other + 1 + b->jf];
	case SECCOMP_KIND_NEXT:
		return s->found->alike[one + 1] == s->found->alike[other + 1];
	default:
		return true;
	}
}

/* The first that was entered of all that do the same; enters `at` if there is none. */
static size_t find_alike(const struct reading *s, struct table *table, size_t at)
{
	const struct sock_filter *i = &s->found->from[at];
	size_t slot = (i->k * UINT32_C(2654435761) ^ (size_t)i->code * 40503) % TABLE_SLOTS;

	for (; table->slots[slot]; slot = (slot + 1) % TABLE_SLOTS)
		if (is_same(s, table->slots[slot] - 1, at))
			return table->slots[slot] - 1;
	table->slots[slot] = at + 1;
	return at;
}

/*
 * From the last to the first: what an instruction leads to is known before. False: a program that is to be left as it
 * is.
 */
static bool find_all_alike(struct reading *s)
{
	struct table *table = arena_alloc(s->arena, sizeof(*table));

	s->failed = !table;
	for (size_t at = s->found->from_count; table && at-- > 0;) {
		const struct sock_filter *i = &s->found->from[at];
		size_t behind = s->found->from_count - at - 1; /* how many follow */

		switch (seccomp_kind_of(i)) {
		case SECCOMP_KIND_JUMP:
			if (i->k >= behind)
				return false;
			s->found->alike[at] = s->found->alike[at + 1 + i->k];
			continue;
		case SECCOMP_KIND_BRANCH:
			if (i->jt >= behind || i->jf >= behind)
				return false;
			break;
		case SECCOMP_KIND_NEXT:
			if (behind == 0)
				return false;
			break;
		case SECCOMP_KIND_RETURN:
			break;
		case SECCOMP_KIND_OTHER:
			return false;
		}
		s->found->alike[at] = find_alike(s, table, at);
	}
	return table != NULL;
}

/* --- Running it for ranges ---------------------------------------------------------------------------------------- */

/*
 * Runs the program for an architecture and a number. Where it ends, or NOWHERE if it computes with one of the two.
 * *arch_last and *number_last come down to the highest for which it goes the same way.
 */
static size_t run(const struct reading *s, uint32_t arch, uint32_t *arch_last, uint32_t number, uint32_t *number_last)
{
	enum { NOTHING, ARCH, NUMBER } loaded = NOTHING;

	for (size_t at = 0;;) {
		const struct sock_filter *i = &s->found->from[at];

		switch (seccomp_kind_of(i)) {
		case SECCOMP_KIND_RETURN:
			return at;
		case SECCOMP_KIND_JUMP:
			at += 1 + (size_t)i->k;
			break;
		case SECCOMP_KIND_BRANCH:
			if (loaded == NOTHING || BPF_OP(i->code) == BPF_JSET)
				return NOWHERE;
			if (loaded == ARCH)
				*arch_last = same_until(i, arch, *arch_last);
			else
				*number_last = same_until(i, number, *number_last);
			at += 1 + (size_t)(holds(i, loaded == ARCH ? arch : number) ? i->jt : i->jf);
			break;
		default:
			if (BPF_CLASS(i->code) != BPF_LD)
				return NOWHERE;
			if (i->k != offsetof(struct seccomp_data, arch) && i->k != offsetof(struct seccomp_data, nr))
				return at;
			loaded = i->k == offsetof(struct seccomp_data, arch) ? ARCH : NUMBER;
			at++;
		}
	}
}

size_t seccomp_range_add(struct seccomp_range *ranges, size_t count, struct seccomp_range range)
{
	if (count > 0 && ranges[count - 1].end == range.end) {
		ranges[count - 1].last = range.last;
		return count;
	}
	ranges[count] = range;
	return count + 1;
}

/* All numbers of an architecture. *arch_last comes down to the last one for which they are the same. */
static bool find_numbers(struct reading *s, uint32_t arch, uint32_t *arch_last, struct seccomp_range *room,
			 struct seccomp_space *ret)
{
	uint32_t first = 0, last;
	size_t count = 0;

	do {
		size_t end;

		last = UINT32_MAX;
		end = run(s, arch, arch_last, first, &last);
		if (end == NOWHERE || count == RANGES_MAX)
			return false;
		count = seccomp_range_add(room, count, (struct seccomp_range){first, last, s->found->alike[end]});
		first = last + 1;
	} while (last < UINT32_MAX);
	ret->ranges = arena_array(s->arena, count, sizeof(*ret->ranges));
	ret->count = count;
	s->failed = !ret->ranges;
	if (ret->ranges)
		memcpy(ret->ranges, room, count * sizeof(*room));
	return !s->failed;
}

/*
 * `archs` has room for SECCOMP_SPACES_MAX, and there is no more than one space for each. Returns how many ranges of
 * architectures there are; 0: leave the program as it is.
 */
static size_t find_spaces(struct reading *s, struct seccomp_range *archs)
{
	struct seccomp_range *room = arena_array(s->arena, RANGES_MAX, sizeof(*room));
	uint32_t first = 0, last;
	size_t count = 0;

	s->failed = !room;
	do {
		struct seccomp_space *space = &s->found->spaces[s->found->space_count];
		size_t end = s->found->from_count + s->found->space_count;

		last = UINT32_MAX;
		if (!room || !find_numbers(s, first, &last, room, space))
			return 0;
		/* Where the number is of no interest, there is no need to load it. */
		if (space->count == 1)
			end = space->ranges[0].end;
		else
			s->found->space_count++;
		count = seccomp_range_add(archs, count, (struct seccomp_range){first, last, end});
		first = last + 1;
	} while (last < UINT32_MAX && count < SECCOMP_SPACES_MAX);
	return last == UINT32_MAX ? count : 0;
}

int seccomp_ranges_find(const struct confine_filter *program, struct arena *arena, struct seccomp_ranges *ret,
			struct err *err)
{
	struct reading s = {.found = ret, .arena = arena};

	*ret = (struct seccomp_ranges){.from = program->instructions, .from_count = program->count};
	if (program->count == 0 || program->count > SECCOMP_PROGRAM_MAX)
		return 0;
	ret->alike = arena_array(arena, program->count, sizeof(*ret->alike));
	s.failed = !ret->alike;
	if (ret->alike && find_all_alike(&s))
		ret->arch_count = find_spaces(&s, ret->archs);
	return s.failed ? err_say(err, ENOMEM, "seccomp: no memory for the program") : 0;
}
