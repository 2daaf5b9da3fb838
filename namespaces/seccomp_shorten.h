/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Making a filter shorter without changing any of its answers.
 */
#ifndef HULL_NAMESPACES_SECCOMP_SHORTEN_H
#define HULL_NAMESPACES_SECCOMP_SHORTEN_H

#include "runtime/base/arena.h"
#include "runtime/base/confine.h"
#include "runtime/base/err.h"

/*
 * The same answers as `program`'s for every architecture, number and arguments, in fewer instructions. The result is in
 * the arena, or is `program` itself where it is the shorter one, or does what nobody needs in a filter (scratch memory,
 * the index register, arithmetic with the number). Any length is taken, also beyond what the kernel loads. 0 or
 * -ENOMEM.
 */
int seccomp_shorten(const struct confine_filter *program, struct arena *arena, struct confine_filter *ret,
		    struct err *err);

#endif
