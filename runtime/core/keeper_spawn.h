/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Starting the keeper of an instance: the program hull-keeper, which holds the instance's output, terminal and exit
 * status.
 */
#ifndef HULL_RUNTIME_CORE_KEEPER_SPAWN_H
#define HULL_RUNTIME_CORE_KEEPER_SPAWN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/err.h"

/*
 * FIFOs in the state folder, 0600, made by the engine. The program's descriptors are opened O_RDWR: it holds a reading
 * end itself, so that it survives its keeper.
 */
#define KEEPER_STDOUT "stdout"
#define KEEPER_STDERR "stderr"

/* Descriptors are the caller's; -1: there is none. */
struct keeper_request {
	const char *id;
	pid_t pid;		  /* the first process */
	int pidfd;		  /* of it */
	int state_fd;		  /* may hold the instance's lock: the keeper does not get that */
	int data_fd;		  /* where the log goes; -1: no log */
	int stdout_fd, stderr_fd; /* reading ends, opened O_RDONLY|O_NONBLOCK; -1 with a terminal */
	int stdin_fd;		  /* writing end */
	int terminal_fd;	  /* the pseudo-terminal's master */
	int client_fd; /* a client that is attached from the start: nothing is read before it says what it wants */
	int listen_fd; /* ATTACH_SOCKET, listening; -1: made here */
	/*
	 * a socket in which a machine's monitor leaves its last message (runtime/vm/remains.h); held till the keeper's
	 * end
	 */
	int remains_fd;
	uint64_t log_max_bytes; /* of one log file; 0: never rotated */
	uint32_t log_max_files; /* with the one that is written; 0 is taken as 1 */
	const char *const
		*unmake;     /* what the keeper becomes at the end: absolute path and arguments, NULL-terminated */
	const char *program; /* hull-keeper's absolute path; NULL: beside the running executable, or as installed */
};
#define KEEPER_REQUEST_INIT                         \
	((struct keeper_request){.pidfd = -1,       \
				 .state_fd = -1,    \
				 .data_fd = -1,     \
				 .stdout_fd = -1,   \
				 .stderr_fd = -1,   \
				 .stdin_fd = -1,    \
				 .terminal_fd = -1, \
				 .client_fd = -1,   \
				 .listen_fd = -1,   \
				 .remains_fd = -1})

/*
 * Becomes the keeper: does not return on success. The caller must be the parent of `pid`, have one thread, and lead its
 * own session. Standard input, output and error become /dev/null; every descriptor but those of the request is closed
 * by the exec. On failure they may have been closed already: the caller reports and ends.
 */
int keeper_exec(const struct keeper_request *request, struct err *err);

/*
 * Gives an instance whose keeper is gone a new one, in a session of its own. Asked of the request: id, pid, state_fd,
 * data_fd, the log's bounds, unmake, program. The FIFOs are opened by name, the process by (pid, start_ticks): -ESRCH
 * when that is gone. The instance's lock must be held. Returns the new keeper's pid (the caller's child, which it need
 * not wait for) when it runs and listens.
 */
pid_t keeper_adopt(const struct keeper_request *request, uint64_t start_ticks, struct err *err);

#endif
