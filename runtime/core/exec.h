/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Another process in a running instance: joins its cgroup and namespaces, then goes through the same last stages as its
 * first process.
 */
#ifndef HULL_RUNTIME_CORE_EXEC_H
#define HULL_RUNTIME_CORE_EXEC_H

#include <stdbool.h>
#include <sys/types.h>

#include "runtime/base/err.h"
#include "runtime/core/store.h"
#include "runtime/spec/plan.h"

struct exec_request {
	const struct store *store;
	const char *id;
	const struct plan_process *process;
	const struct config_process *asked; /* what `process` was planned from: a machine's guest plans it itself */
	bool detached;			    /* nobody will wait for its end */
	int stdio[3];			    /* as in create_request */
	const char *console_socket; /* where the master of process->terminal goes; NULL: exec_running.terminal */
	const char *pid_file;
	const char *pidfd_socket; /* where a pidfd of the process is sent, or NULL */
	unsigned preserve_fds;
	bool new_keyring;	    /* in the instance's session keyring, instead of the caller's */
	const struct strv *cgroups; /* sub-cgroups to join, as cg_join_below() wants them; NULL: the instance's own */
	bool ignore_paused;	    /* else a paused instance is refused */
	const char *seccomp_cache;
};

struct exec_running {
	pid_t pid;
	int pidfd;
	int terminal; /* the pseudo-terminal's master, or -1 */
};

/*
 * Starts it, as the instance's backend does (backend.h): in a machine it is the guest's process, and what the caller
 * has is one that stands for it, which passes signals and streams on and ends as it ends. The program is running when
 * this returns; the caller is its parent and waits for it (proc_wait()). One thread only.
 */
int exec_start(const struct exec_request *request, struct exec_running *ret, struct err *err);
void exec_running_close(struct exec_running *running);

#endif
