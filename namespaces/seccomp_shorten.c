// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A container's start pays for each instruction of its filter: the kernel checks all of them, translates them twice, and runs the program once for each
 * number, to know which calls are always allowed. libseccomp compares with one number after the other; a profile of 300 names becomes 1700 instructions.
 *
 * Here the program is run for a whole range of numbers at once: for the lowest of them, noting how far up all comparisons still come out the same. Where
 * that ends, the next range begins. What is found is a list of ranges with an end each: an instruction that returns, or that begins to look at something
 * other than architecture and number. Neighbours with the same end are one range. The list becomes a search tree, and what lies behind the ends is copied:
 *
 *             load architecture
 *             for each that is told apart:  load number,  a tree of comparisons,  whose leaves are the ends
 *
 * Nothing here knows of calls or profiles, so nothing can be forgotten: it is the same function of the same four words, written down anew. Programs are
 * written from their last instruction to their first, since jumps go forward only: the target is always there already.
 */
#include "namespaces/seccomp_shorten.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define NOWHERE	     SIZE_MAX
#define REACH	     250  /* of 255: a jump for each way out may come between a branch and its targets */
#define RANGES_MAX   8192 /* of one architecture: more than any program needs that the kernel loads */
#define SPACES_MAX   64	  /* architectures that are told apart */
#define TABLE_SLOTS  16384
#define PROGRAM_MAX  (TABLE_SLOTS / 2)
#define SINGLES_FROM 5 /* so few ranges are decided one number at a time */

/* Numbers, or architectures, from `first` up to where the next range begins. */
struct range {
	uint32_t first, last;
	size_t end; /* an instruction of the program, or program length + index of a space */
};

/* All numbers of some architectures. */
struct space {
	struct range *ranges;
	size_t count;
};

struct shortening {
	const struct sock_filter *from;
	size_t from_count;
	size_t *alike; /* for each instruction the one that stands for all that do the same from there on */
	struct space spaces[SPACES_MAX];
	size_t space_count;
	size_t *places; /* where an end has been written last, or NOWHERE */
	struct sock_filter *code;
	size_t count, room; /* backwards: code[0] is the last instruction */
	struct arena *arena;
	bool failed; /* no memory */
};

/* --- What instructions do --------------------------------------------------------------------------------------------- */

enum kind { KIND_RETURN, KIND_JUMP, KIND_BRANCH, KIND_NEXT, KIND_OTHER };

/* KIND_NEXT: changes the accumulator by constants only, and goes on behind. */
static enum kind kind_of(const struct sock_filter *i)
{
	switch (i->code) {
	case BPF_RET | BPF_K:
		return KIND_RETURN;
	case BPF_JMP | BPF_JA:
		return KIND_JUMP;
	case BPF_JMP | BPF_JEQ | BPF_K:
	case BPF_JMP | BPF_JGT | BPF_K:
	case BPF_JMP | BPF_JGE | BPF_K:
	case BPF_JMP | BPF_JSET | BPF_K:
		return KIND_BRANCH;
	case BPF_LD | BPF_W | BPF_ABS:
	case BPF_ALU | BPF_AND | BPF_K:
		return KIND_NEXT;
	default:
		return KIND_OTHER;
	}
}

static bool holds(const struct sock_filter *i, uint32_t a)
{
	switch (BPF_OP(i->code)) {
	case BPF_JEQ:
		return a == i->k;
	case BPF_JGT:
		return a > i->k;
	case BPF_JGE:
		return a >= i->k;
	default:
		return (a & i->k) != 0;
	}
}

/* The highest number up to `last` for which the comparison comes out as it does for `a`. */
static uint32_t same_until(const struct sock_filter *i, uint32_t a, uint32_t last)
{
	uint32_t change = i->k; /* the first number behind `a` that is treated otherwise, if it is behind */

	if (BPF_OP(i->code) == BPF_JGT || (BPF_OP(i->code) == BPF_JEQ && a == i->k)) {
		if (i->k == UINT32_MAX)
			return last;
		change = i->k + 1;
	}
	return change > a && change - 1 < last ? change - 1 : last;
}

/* --- What is alike ---------------------------------------------------------------------------------------------------- */

struct table {
	size_t slots[TABLE_SLOTS]; /* instruction + 1 */
};

static bool is_same(const struct shortening *s, size_t one, size_t other)
{
	const struct sock_filter *a = &s->from[one], *b = &s->from[other];

	if (a->code != b->code || a->k != b->k)
		return false;
	switch (kind_of(a)) {
	case KIND_BRANCH:
		return s->alike[one + 1 + a->jt] == s->alike[other + 1 + b->jt] &&
		       s->alike[one + 1 + a->jf] == s->alike[other + 1 + b->jf];
	case KIND_NEXT:
		return s->alike[one + 1] == s->alike[other + 1];
	default:
		return true;
	}
}

/* The first that was entered of all that do the same; enters `at` if there is none. */
static size_t find_alike(const struct shortening *s, struct table *table, size_t at)
{
	const struct sock_filter *i = &s->from[at];
	size_t slot = (i->k * UINT32_C(2654435761) ^ (size_t)i->code * 40503) % TABLE_SLOTS;

	for (; table->slots[slot]; slot = (slot + 1) % TABLE_SLOTS)
		if (is_same(s, table->slots[slot] - 1, at))
			return table->slots[slot] - 1;
	table->slots[slot] = at + 1;
	return at;
}

/* From the last to the first: what an instruction leads to is known before. False: a program that is to be left as it is. */
static bool find_all_alike(struct shortening *s)
{
	struct table *table = arena_alloc(s->arena, sizeof(*table));

	s->failed = !table;
	for (size_t at = s->from_count; table && at-- > 0;) {
		const struct sock_filter *i = &s->from[at];
		size_t behind = s->from_count - at - 1; /* how many follow */

		switch (kind_of(i)) {
		case KIND_JUMP:
			if (i->k >= behind)
				return false;
			s->alike[at] = s->alike[at + 1 + i->k];
			continue;
		case KIND_BRANCH:
			if (i->jt >= behind || i->jf >= behind)
				return false;
			break;
		case KIND_NEXT:
			if (behind == 0)
				return false;
			break;
		case KIND_RETURN:
			break;
		case KIND_OTHER:
			return false;
		}
		s->alike[at] = find_alike(s, table, at);
	}
	return table != NULL;
}

/* --- Running it for ranges -------------------------------------------------------------------------------------------- */

/*
 * Runs the program for an architecture and a number. Where it ends, or NOWHERE if it computes with one of the two. *arch_last and *number_last
 * come down to the highest for which it goes the same way.
 */
static size_t run(const struct shortening *s, uint32_t arch, uint32_t *arch_last, uint32_t number,
		  uint32_t *number_last)
{
	enum { NOTHING, ARCH, NUMBER } loaded = NOTHING;

	for (size_t at = 0;;) {
		const struct sock_filter *i = &s->from[at];

		switch (kind_of(i)) {
		case KIND_RETURN:
			return at;
		case KIND_JUMP:
			at += 1 + (size_t)i->k;
			break;
		case KIND_BRANCH:
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

/* Adds a range, or makes the last one longer where both end alike. */
static size_t add_range(struct range *ranges, size_t count, struct range range)
{
	if (count > 0 && ranges[count - 1].end == range.end) {
		ranges[count - 1].last = range.last;
		return count;
	}
	ranges[count] = range;
	return count + 1;
}

/* All numbers of an architecture. *arch_last comes down to the last one for which they are the same. */
static bool find_numbers(struct shortening *s, uint32_t arch, uint32_t *arch_last, struct range *room,
			 struct space *ret)
{
	uint32_t first = 0, last;
	size_t count = 0;

	do {
		size_t end;

		last = UINT32_MAX;
		end = run(s, arch, arch_last, first, &last);
		if (end == NOWHERE || count == RANGES_MAX)
			return false;
		count = add_range(room, count, (struct range){first, last, s->alike[end]});
		first = last + 1;
	} while (last < UINT32_MAX);
	ret->ranges = arena_array(s->arena, count, sizeof(*ret->ranges));
	ret->count = count;
	s->failed = !ret->ranges;
	if (ret->ranges)
		memcpy(ret->ranges, room, count * sizeof(*room));
	return !s->failed;
}

/* `archs` has room for SPACES_MAX. Returns how many ranges of architectures there are; 0: leave the program as it is. */
static size_t find_spaces(struct shortening *s, struct range *archs)
{
	struct range *room = arena_array(s->arena, RANGES_MAX, sizeof(*room));
	uint32_t first = 0, last;
	size_t count = 0;

	s->failed = !room;
	do {
		struct space *space = &s->spaces[s->space_count];
		size_t end = s->from_count + s->space_count;

		last = UINT32_MAX;
		if (!room || s->space_count == SPACES_MAX || !find_numbers(s, first, &last, room, space))
			return 0;
		/* Where the number is of no interest, there is no need to load it. */
		if (space->count == 1)
			end = space->ranges[0].end;
		else
			s->space_count++;
		count = add_range(archs, count, (struct range){first, last, end});
		first = last + 1;
	} while (last < UINT32_MAX && count < SPACES_MAX);
	return last == UINT32_MAX ? count : 0;
}

/* --- Writing it, backwards -------------------------------------------------------------------------------------------- */

/* Places are counted from the program's last instruction. */
static size_t write_instruction(struct shortening *s, struct sock_filter instruction)
{
	if (s->count == s->room) {
		size_t room = s->room ? s->room * 2 : 512;
		struct sock_filter *code = arena_array(s->arena, room, sizeof(*code));

		s->failed = s->failed || !code;
		if (s->failed)
			return 0;
		if (s->count > 0)
			memcpy(code, s->code, s->count * sizeof(*code));
		s->code = code;
		s->room = room;
	}
	s->code[s->count] = instruction;
	return s->count++;
}

static size_t write_jump(struct shortening *s, size_t to)
{
	return write_instruction(s, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, (uint32_t)(s->count - to - 1)));
}

/* A place that does the same as `place` and that a branch reaches: a return is written again, to others there is a jump. */
static size_t within_reach(struct shortening *s, size_t place)
{
	if (s->failed || s->count - place <= REACH)
		return place;
	return s->code[place].code == (BPF_RET | BPF_K) ? write_instruction(s, s->code[place]) : write_jump(s, place);
}

static size_t write_branch(struct shortening *s, uint16_t test, uint32_t value, size_t if_so, size_t if_not)
{
	if_so = within_reach(s, if_so);
	if_not = within_reach(s, if_not);
	return write_instruction(s, (struct sock_filter)BPF_JUMP(test, value, (uint8_t)(s->count - if_so - 1),
								 (uint8_t)(s->count - if_not - 1)));
}

/* What goes on behind itself. */
static size_t write_before(struct shortening *s, struct sock_filter instruction, size_t next)
{
	if (!s->failed && next != s->count - 1)
		(void)write_jump(s, next);
	return write_instruction(s, instruction);
}

static size_t write_end(struct shortening *s, size_t end);

static size_t write_copy(struct shortening *s, size_t at)
{
	const struct sock_filter *i = &s->from[at];
	size_t if_not;

	switch (kind_of(i)) {
	case KIND_BRANCH:
		if_not = write_end(s, s->alike[at + 1 + i->jf]);
		return write_branch(s, i->code, i->k, write_end(s, s->alike[at + 1 + i->jt]), if_not);
	case KIND_NEXT:
		return write_before(s, *i, write_end(s, s->alike[at + 1]));
	default: /* jumps have been followed */
		return write_instruction(s, *i);
	}
}

static size_t write_ranges(struct shortening *s, const struct range *ranges, size_t count);

static size_t write_space(struct shortening *s, const struct space *space)
{
	static const struct sock_filter load = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));

	return write_before(s, load, write_ranges(s, space->ranges, space->count));
}

/* Writes what an end stands for, unless it is in reach already. */
static size_t write_end(struct shortening *s, size_t end)
{
	size_t *place = &s->places[end];

	if (*place != NOWHERE)
		*place = within_reach(s, *place);
	else if (end < s->from_count)
		*place = write_copy(s, end);
	else
		*place = write_space(s, &s->spaces[end - s->from_count]);
	return *place;
}

/*
 * One number amid others that are alike takes one comparison, where a search by bounds takes two. The one that is compared first comes last: that of the
 * highest number, which among architectures is the machine's own. SIZE_MAX: there is none.
 */
static size_t find_single(const struct range *ranges, size_t count)
{
	for (size_t i = count - 1; i-- > 1;)
		if (ranges[i].first == ranges[i].last && ranges[i - 1].end == ranges[i + 1].end)
			return i;
	return SIZE_MAX;
}

static size_t write_single(struct shortening *s, const struct range *ranges, size_t count, size_t single)
{
	struct range rest[SINGLES_FROM];
	size_t left = 0, otherwise;

	for (size_t i = 0; i < count; i++)
		if (i != single)
			left = add_range(rest, left, ranges[i]);
	otherwise = write_ranges(s, rest, left);
	return write_branch(s, BPF_JMP | BPF_JEQ | BPF_K, ranges[single].first, write_end(s, ranges[single].end),
			    otherwise);
}

/* A search tree over the ranges, which are in order. What is to be compared is loaded. Returns its place. */
static size_t write_ranges(struct shortening *s, const struct range *ranges, size_t count)
{
	size_t single = count >= 3 && count <= SINGLES_FROM ? find_single(ranges, count) : SIZE_MAX;
	size_t half = count / 2, above;

	if (count == 1)
		return write_end(s, ranges[0].end);
	if (single != SIZE_MAX)
		return write_single(s, ranges, count, single);
	if (count > SINGLES_FROM) /* so that whole groups of that size remain */
		half = half < SINGLES_FROM ? SINGLES_FROM : half / SINGLES_FROM * SINGLES_FROM;
	above = write_ranges(s, ranges + half, count - half);
	return write_branch(s, BPF_JMP | BPF_JGE | BPF_K, ranges[half].first, above, write_ranges(s, ranges, half));
}

static void write_program(struct shortening *s, const struct range *archs, size_t count)
{
	static const struct sock_filter load = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	size_t first = write_ranges(s, archs, count);

	if (count > 1)
		(void)write_before(s, load, first);
	else if (first != s->count - 1)
		(void)write_jump(s, first);
}

static void turn_around(struct sock_filter *code, size_t count)
{
	for (size_t i = 0; i < count / 2; i++) {
		struct sock_filter swapped = code[i];

		code[i] = code[count - 1 - i];
		code[count - 1 - i] = swapped;
	}
}

int seccomp_shorten(const struct confine_filter *program, struct arena *arena, struct confine_filter *ret,
		    struct err *err)
{
	struct shortening s = {.from = program->instructions, .from_count = program->count, .arena = arena};
	struct range archs[SPACES_MAX];
	size_t count = 0;

	*ret = *program;
	if (program->count == 0 || program->count > PROGRAM_MAX)
		return 0;
	s.alike = arena_array(arena, program->count, sizeof(*s.alike));
	s.places = arena_array(arena, program->count + SPACES_MAX, sizeof(*s.places));
	if (s.alike && s.places && find_all_alike(&s))
		count = find_spaces(&s, archs);
	for (size_t i = 0; count > 0 && i < program->count + SPACES_MAX; i++)
		s.places[i] = NOWHERE;
	if (count > 0)
		write_program(&s, archs, count);
	if (s.failed || !s.alike || !s.places)
		return err_say(err, ENOMEM, "seccomp: no memory for the program");
	if (count == 0 || s.count >= program->count)
		return 0;
	turn_around(s.code, s.count);
	*ret = (struct confine_filter){s.code, s.count};
	return 0;
}
