/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a filter does, as a list: for which ranges of architectures and numbers it comes to the same end. Read off the
 * program itself, run for a whole range at once (the first half of seccomp_shorten.c, which writes the list down as a
 * program again).
 */
#ifndef HULL_NAMESPACES_SECCOMP_RANGES_H
#define HULL_NAMESPACES_SECCOMP_RANGES_H

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/arena.h"
#include "runtime/base/confine.h"
#include "runtime/base/err.h"

#define SECCOMP_SPACES_MAX  64	 /* architectures that are told apart */
#define SECCOMP_PROGRAM_MAX 8192 /* instructions: more than the kernel loads */

/* Numbers, or architectures, from `first` up to where the next range begins. */
struct seccomp_range {
	uint32_t first, last;
	size_t end; /* an instruction of the program, or program length + index of a space */
};

/* All numbers of some architectures. */
struct seccomp_space {
	struct seccomp_range *ranges;
	size_t count;
};

struct seccomp_ranges {
	const struct sock_filter *from;
	size_t from_count;
	size_t *alike; /* for each instruction the one that stands for all that do the same from there on */
	struct seccomp_space spaces[SECCOMP_SPACES_MAX];
	size_t space_count;
	struct seccomp_range archs[SECCOMP_SPACES_MAX];
	size_t arch_count; /* 0: a program that is not understood, and is to be left as it is */
};

enum seccomp_kind {
	SECCOMP_KIND_RETURN,
	SECCOMP_KIND_JUMP,
	SECCOMP_KIND_BRANCH,
	SECCOMP_KIND_NEXT, /* changes the accumulator by constants only, and goes on behind */
	SECCOMP_KIND_OTHER,
};
enum seccomp_kind seccomp_kind_of(const struct sock_filter *instruction);

/*
 * Adds a range behind `count` others, or makes the last one longer where both end alike. There is room for one more.
 * The new count.
 */
size_t seccomp_range_add(struct seccomp_range *ranges, size_t count, struct seccomp_range range);

/*
 * Reads a program, which stays the caller's and is pointed to by the result. What is found is in the arena. 0, or
 * -ENOMEM.
 */
int seccomp_ranges_find(const struct confine_filter *program, struct arena *arena, struct seccomp_ranges *ret,
			struct err *err);

#endif
