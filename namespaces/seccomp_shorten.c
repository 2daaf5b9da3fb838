// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A container's start pays for each instruction of its filter: the kernel checks all of them, translates them twice,
 * and runs the program once for each number, to know which calls are always allowed. libseccomp compares with one
 * number after the other; a profile of 300 names becomes 1700 instructions.
 *
 * Here the program is run for a whole range of numbers at once: for the lowest of them, noting how far up all
 * comparisons still come out the same. Where that ends, the next range begins. What is found is a list of ranges with
 * an end each: an instruction that returns, or that begins to look at something other than architecture and number
 * (seccomp_ranges.c). Neighbours with the same end are one range. The list becomes a search tree, and what lies behind
 * the ends is copied:
 *
 *             load architecture
 *             for each that is told apart:  load number,  a tree of comparisons,  whose leaves are the ends
 *
 * Nothing here knows of calls or profiles, so nothing can be forgotten: it is the same function of the same four words,
 * written down anew. Programs are written from their last instruction to their first, since jumps go forward only: the
 * target is always there already.
 */
#include "namespaces/seccomp_shorten.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "namespaces/seccomp_ranges.h"

#define NOWHERE	     SIZE_MAX
#define REACH	     250 /* of 255: a jump for each way out may come between a branch and its targets */
#define SINGLES_FROM 5	 /* so few ranges are decided one number at a time */

/* That one jump is counted already: where the other way out needs it, the distance becomes REACH. */
_Static_assert(REACH <= UINT8_MAX, "a branch's distance is a byte");

struct shortening {
	const struct seccomp_ranges *ranges;
	size_t *places; /* where an end has been written last, or NOWHERE */
	struct sock_filter *code;
	size_t count, room; /* backwards: code[0] is the last instruction */
	struct arena *arena;
	bool failed; /* no memory */
};

/* --- Writing it, backwards ---------------------------------------------------------------------------------------- */

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

/*
 * A place that does the same as `place` and that a branch reaches: a return is written again, to others there is a
 * jump.
 */
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
	const struct sock_filter *i = &s->ranges->from[at];
	size_t if_not;

	switch (seccomp_kind_of(i)) {
	case SECCOMP_KIND_BRANCH:
		if_not = write_end(s, s->ranges->alike[at + 1 + i->jf]);
		return write_branch(s, i->code, i->k, write_end(s, s->ranges->alike[at + 1 + i->jt]), if_not);
	case SECCOMP_KIND_NEXT:
		return write_before(s, *i, write_end(s, s->ranges->alike[at + 1]));
	default: /* jumps have been followed */
		return write_instruction(s, *i);
	}
}

static size_t write_ranges(struct shortening *s, const struct seccomp_range *ranges, size_t count);

static size_t write_space(struct shortening *s, const struct seccomp_space *space)
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
	else if (end < s->ranges->from_count)
		*place = write_copy(s, end);
	else
		*place = write_space(s, &s->ranges->spaces[end - s->ranges->from_count]);
	return *place;
}

/*
 * One number amid others that are alike takes one comparison, where a search by bounds takes two. The one that is
 * compared first comes last: that of the highest number, which among architectures is the machine's own. SIZE_MAX:
 * there is none.
 */
static size_t find_single(const struct seccomp_range *ranges, size_t count)
{
	for (size_t i = count - 1; i-- > 1;)
		if (ranges[i].first == ranges[i].last && ranges[i - 1].end == ranges[i + 1].end)
			return i;
	return SIZE_MAX;
}

static size_t write_single(struct shortening *s, const struct seccomp_range *ranges, size_t count, size_t single)
{
	struct seccomp_range rest[SINGLES_FROM];
	size_t left = 0, otherwise;

	for (size_t i = 0; i < count; i++)
		if (i != single)
			left = seccomp_range_add(rest, left, ranges[i]);
	otherwise = write_ranges(s, rest, left);
	return write_branch(s, BPF_JMP | BPF_JEQ | BPF_K, ranges[single].first, write_end(s, ranges[single].end),
			    otherwise);
}

/* A search tree over the ranges, which are in order. What is to be compared is loaded. Returns its place. */
static size_t write_ranges(struct shortening *s, const struct seccomp_range *ranges, size_t count)
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

static void write_program(struct shortening *s, const struct seccomp_range *archs, size_t count)
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
	struct seccomp_ranges ranges;
	struct shortening s = {.ranges = &ranges, .arena = arena};
	size_t ends = program->count + SECCOMP_SPACES_MAX;
	int result = seccomp_ranges_find(program, arena, &ranges, err);

	*ret = *program;
	if (result < 0 || ranges.arch_count == 0)
		return result;
	s.places = arena_array(arena, ends, sizeof(*s.places));
	s.failed = !s.places;
	for (size_t i = 0; s.places && i < ends; i++)
		s.places[i] = NOWHERE;
	if (s.places)
		write_program(&s, ranges.archs, ranges.arch_count);
	if (s.failed)
		return err_say(err, ENOMEM, "seccomp: no memory for the program");
	if (s.count >= program->count)
		return 0;
	turn_around(s.code, s.count);
	*ret = (struct confine_filter){s.code, s.count};
	return 0;
}
