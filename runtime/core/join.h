/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The namespaces of a running instance, for a process that is to join them. */
#ifndef HULL_RUNTIME_CORE_JOIN_H
#define HULL_RUNTIME_CORE_JOIN_H

#include "namespaces/ns.h"
#include "runtime/base/err.h"
#include "runtime/spec/record.h"

#define JOIN_ALL ((1u << NS_COUNT) - 1)
#define JOIN_INIT                              \
	{                                      \
		-1, -1, -1, -1, -1, -1, -1, -1 \
	}

/*
 * Opens those of `kinds` (1 << kind) that are not the caller's own: joining one's own user namespace is an error,
 * others cost time. `pidfd` is surely the process `init`: with it they are known to be its namespaces, and not those of
 * one that got its pid. Others stay -1. The caller closes them all, also on failure.
 */
int join_open(const struct record_process *init, int pidfd, unsigned kinds, int ret_fds[static NS_COUNT],
	      struct err *err);
/*
 * The root directory of its process, where that is not its mount namespace's (record.root_apart), likewise. The
 * descriptor, O_PATH, is the caller's.
 */
int join_open_root(const struct record_process *init, int pidfd, struct err *err);
void join_close(int (*fds)[NS_COUNT]);

#endif
