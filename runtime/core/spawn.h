/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A new process in namespaces: fresh ones by clone, existing ones by joining first.
 */
#ifndef HULL_RUNTIME_CORE_SPAWN_H
#define HULL_RUNTIME_CORE_SPAWN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "namespaces/ns.h"
#include "runtime/base/err.h"
#include "runtime/spec/plan.h"

struct spawn_request {
	/* CLONE_NEW* of the namespaces to be made, without the cgroup one (that is made later, in the child) */
	uint64_t fresh;
	const int *joins; /* NS_COUNT descriptors, -1 where nothing is joined; NULL: none */
	bool has_root;	  /* where a root is entered once all is joined, and before the process is: */
	int root_fd;	  /* a descriptor of that root */
	const struct plan_time_offset *boottime, *monotonic; /* with CLONE_NEWTIME; NULL: none */
	int cgroup_fd;					     /* a v2 cgroup to be born in, or -1 */
	/*
	 * Where namespaces are joined: the caller's descriptors that `main` still needs, in any order, some perhaps -1.
	 * Every other one from `keeps_from` on is closed before the process can be seen in there: those inside who may
	 * trace it (CAP_SYS_PTRACE) find no folder of the host's in it.
	 */
	const int *keeps;
	size_t keep_count;
	unsigned keeps_from;
	void (*main)(void *context) __attribute__((noreturn));
	void *context;
};

/*
 * Starts the process. It is the caller's own child in any case: where namespaces are joined, or clocks set, a process
 * in between does that, clones with CLONE_PARENT, and is gone when this returns. *ret_pidfd is the caller's. 0 or
 * -errno. The caller has one thread.
 */
int spawn(const struct spawn_request *request, pid_t *ret_pid, int *ret_pidfd, struct err *err);

#endif
