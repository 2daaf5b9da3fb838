/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The processes of an instance that has no cgroup to ask: those of its PID namespace, if that is its own. */
#ifndef HULL_RUNTIME_CORE_PIDNS_H
#define HULL_RUNTIME_CORE_PIDNS_H

#include <stddef.h>
#include <sys/types.h>

#include "runtime/base/arena.h"
#include "runtime/base/err.h"
#include "runtime/spec/record.h"

/*
 * Those in the first process's PID namespace, as pids of the caller's; none when it has ended, since then they all
 * have. (Namespaces below it are not looked into.) -ENOTSUP with words: it is in the caller's own PID namespace, where
 * nothing tells them from others.
 */
int pidns_list(struct arena *arena, const struct record_process *init, pid_t **ret, size_t *ret_count, struct err *err);

/*
 * Sends them a signal, each by a pidfd that was looked at after it was opened: never a process that got the pid of one
 * of them.
 */
int pidns_signal(const struct record_process *init, int signo, struct err *err);

#endif
