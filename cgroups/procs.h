/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The processes of a cgroup, as the files of this folder use them. procs.c also has cg.h's signals, freezing and list
 * of pids.
 */
#ifndef HULL_CGROUPS_PROCS_H
#define HULL_CGROUPS_PROCS_H

#include <stddef.h>
#include <sys/types.h>

#include "cgroups/folder.h"

/*
 * Calls `visit` with an open folder for it and each cgroup below, to CG_MAX_DEPTH (-ELOOP). Stops at a negative answer,
 * and returns it.
 */
int cg_walk(int fd, int (*visit)(int fd, void *data), void *data);
#define CG_MAX_DEPTH 128

#define CG_MAX_PIDS (1 << 22) /* the kernel's PID_MAX_LIMIT */
struct cg_pid_list {
	pid_t *pids; /* malloc'ed */
	size_t count, capacity;
};
/* Adds the processes of one folder, or of it and all below. 0 or -errno. */
int cg_pids_of(int fd, struct cg_pid_list *list);
int cg_pids_below(int fd, struct cg_pid_list *list);
void cg_pid_list_free(struct cg_pid_list *list);
/* Signals those of the list that are still in the folder or below. */
int cg_signal_list(int folder_fd, const struct cg_pid_list *list, int signo);
/* Thaws v1's freezer in it and below. */
void cg_thaw_all(const struct cg *cg);

#endif
