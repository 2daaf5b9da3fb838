/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Restoring: from a checkpoint (checkpoint.h) and a bundle to a running instance. A creation in which CRIU takes the
 * place of the child: the same record, cgroup, sources and root, the same undos.
 *
 *     this process                                  criu, in a mount namespace of its own
 *     record, sources, root, cgroup
 *     start it, move it into the cgroup             mount the root and what is bound, where it is to find them
 *     ask                                           make namespaces and processes
 *                         <-- setup-namespaces --
 *     prestart, createRuntime hooks
 *                         -- go on -->
 *                         <-- orphan-pts-master (fd) --    where the program had a terminal
 *                         -- go on -->
 *                         <-- post-restore --       everything that can fail has been tried
 *     pid file, terminal, record
 *                         -- go on -->              let the processes run
 *                         <-- done --
 *     poststart hooks
 *
 * The first process is this process's child, as after a creation. createContainer and startContainer hooks belong to a
 * first process that sets itself up, which there is none here: they are not run again.
 */
#ifndef HULL_RUNTIME_CORE_RESTORE_H
#define HULL_RUNTIME_CORE_RESTORE_H

#include "runtime/core/checkpoint.h"
#include "runtime/core/instance.h"

struct restore_request {
	struct create_request creation; /* stdio: what takes the place of pipes and of the host's files */
	struct checkpoint_work work;
};

/*
 * On success the record says running, and `ret` is as create_instance() leaves it. On failure nothing is left. One
 * thread only.
 */
int restore_instance(const struct restore_request *request, struct arena *arena, struct instance *ret, struct err *err);

#endif
