/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The streams between a program and its keeper.
 *
 * Output goes through FIFOs in the state folder. The program holds them open for reading as well (O_RDWR), so that a
 * keeper which is killed is no broken pipe: writers get no SIGPIPE, a full FIFO waits, and a new keeper opens it by
 * name and reads on. Input, when somebody wants it, is a plain pipe, whose end the program sees.
 */
#ifndef HULL_RUNTIME_CORE_STREAMS_H
#define HULL_RUNTIME_CORE_STREAMS_H

#include <stdbool.h>
#include <sys/types.h>

#include "runtime/base/err.h"
#include "runtime/base/scope.h"

struct streams {
	int program[3]; /* what the program gets; [0] is -1 without input */
	int keeper_in;	/* write end, or -1 */
	int keeper_out, keeper_err;
};
#define STREAMS_INIT ((struct streams){.program = {-1, -1, -1}, .keeper_in = -1, .keeper_out = -1, .keeper_err = -1})

/* Makes and opens them, CLOEXEC. The FIFOs belong to uid:gid, so that the program can open /dev/stdout again. */
int streams_make(int state_fd, uid_t uid, gid_t gid, bool with_input, struct streams *ret, struct err *err);
void streams_close(struct streams *streams);
#define CLEANUP_STREAMS CLEANUP(streams_close)

#endif
