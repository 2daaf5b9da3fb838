/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The part of a filter that hull writes itself, in front of libseccomp's program.
 */
#ifndef HULL_NAMESPACES_SECCOMP_FRONT_H
#define HULL_NAMESPACES_SECCOMP_FRONT_H

#include <stdbool.h>

#include "namespaces/seccomp_profile.h"
#include "runtime/base/arena.h"
#include "runtime/base/confine.h"
#include "runtime/base/err.h"

/* Whether any rule puts a condition on this call; then all rules for it are decided there. */
bool seccomp_is_conditional(const struct seccomp_profile *profile, const char *name);
/*
 * The instructions that go in front of libseccomp's program: they decide the calls with conditions and those above
 * `known_last`, the highest number that libseccomp knows. All others fall through to what follows. In the arena; 0 or
 * -ENOMEM.
 */
int seccomp_front_program(const struct seccomp_profile *profile, int known_last, struct arena *arena,
			  struct confine_filter *ret, struct err *err);

#endif
