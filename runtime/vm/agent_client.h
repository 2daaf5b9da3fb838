/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The client's side of the router's socket: a process in a running guest, its figures, a signal to all of it. For
 * `exec`, `stats` and `kill` on the host.
 */
#ifndef HULL_RUNTIME_VM_AGENT_CLIENT_H
#define HULL_RUNTIME_VM_AGENT_CLIENT_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/err.h"

/*
 * Connects to the router of the instance whose state folder is `state_fd`. The descriptor (CLOEXEC, the caller's);
 * -ENOENT, -ECONNREFUSED.
 */
int agent_client_connect(int state_fd, struct err *err);

struct agent_client_request {
	int fd;		      /* from agent_client_connect(); one process for each connection. The caller closes it */
	const void *document; /* EXEC document (runtime/spec/guest.h) */
	size_t document_len;
	/*
	 * stay the caller's; written so that nobody else who has them sees a change of mode. -1: nothing to read, what
	 * is written is dropped
	 */
	int stdio[3];
	bool terminal; /* the process has a terminal (the document says so too): all output goes to stdio[1] */
	int raw_fd;    /* with `terminal`: the user's, set to raw mode meanwhile; its size is the process's. -1: none */
	bool detach;   /* returns once the process runs; it has no streams then */
	/*
	 * Passed on to the process; NULL: HUP, INT, QUIT, TERM, USR1, USR2 (and WINCH for raw_fd's size). Caught by a
	 * signalfd meanwhile.
	 */
	const sigset_t *signals;
	/*
	 * Called when it runs (NULL: nobody wants to know): its pid in the guest. A negative return ends it all, with
	 * the `err` it has set.
	 */
	int (*started)(void *user, pid_t guest_pid, struct err *err);
	void *user;
};

struct agent_client_result {
	int code;   /* exit code, or 128 + signal; 0 with `detach` */
	int signal; /* 0: ended by itself */
	bool oom;
};

/*
 * Runs it to its end. 0; -errno with the guest's words when it could not be made (err->exit_code is 125, 126 or 127);
 * -ECONNRESET when the machine ended first. From a process with one thread; SIGPIPE is ignored meanwhile.
 */
int agent_client_run(const struct agent_client_request *request, struct agent_client_result *ret, struct err *err);

/*
 * The container's figures as JSON (guest_stats_parse() in runtime/spec/guest.h). Waits at most timeout_ms: -ETIMEDOUT.
 * The length.
 */
ssize_t agent_client_stats(int fd, unsigned timeout_ms, char *to, size_t room, struct err *err);

/*
 * A signal to every process in the container, sent when this returns. (One to the first process alone is one to
 * hull-vmm.) -ETIMEDOUT: the guest does not answer.
 */
int agent_client_signal_all(int fd, int signo, struct err *err);

#endif
