/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * System calls by name: as libseccomp knows them, and as this build knows those that are newer.
 */
#ifndef HULL_NAMESPACES_SECCOMP_NAMES_H
#define HULL_NAMESPACES_SECCOMP_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A system call's number on this machine: from libseccomp, else from hull's own table of newer ones. -ENOENT: unknown.
 */
int seccomp_call_number(const char *name);
/* Whether any machine has a call of this name, as far as libseccomp and this build know. */
bool seccomp_call_is_known(const char *name);
/* The highest number that this build knows. */
int seccomp_call_last(void);

/* Calls newer than the oldest libseccomp that hull is built with. */
struct seccomp_newer {
	const char *name;
	/*
	 * the same on every architecture that hull compiles filters for: all calls since Linux 5.1 share their numbers
	 */
	int number;
};
extern const struct seccomp_newer seccomp_newer_calls[];
extern const size_t seccomp_newer_count;
/* The row of that name, or NULL. */
const struct seccomp_newer *seccomp_newer_find(const char *name);
/* Calls that the kernel never shows to a filter (they belong to uprobes' trampolines): known, and no rule is needed. */
bool seccomp_is_unfiltered(const char *name);

#endif
