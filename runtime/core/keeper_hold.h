/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who else has a terminal. A pseudo-terminal hangs up as soon as nobody holds its master, and a keeper may be killed at
 * any time. So a second process, which does nothing else, holds the master too, and hands it to the keeper that comes
 * after. It is hull-keeper again, called otherwise, and ends with the program.
 */
#ifndef HULL_RUNTIME_CORE_KEEPER_HOLD_H
#define HULL_RUNTIME_CORE_KEEPER_HOLD_H

#include "runtime/base/err.h"

/* In the state folder, which is root's alone: whoever connects is sent the master. */
#define TERMINAL_SOCKET "terminal.sock"

/*
 * The first argument of hull-keeper that makes it such a process; then its descriptors: the master, the program's
 * pidfd, the listening socket.
 */
#define KEEPER_HOLD "hold"

/* Its main. Returns when the program has ended: 0, or -errno. */
int keeper_hold(int argc, char **argv, struct err *err);

/*
 * Starts one, from the process that is about to become the keeper. `program` is hull-keeper; the descriptors stay the
 * caller's. 0 or -errno.
 */
int keeper_hold_start(const char *program, int state_fd, int master, int pidfd, struct err *err);

/* The master, from whoever holds it. -1 without words where nobody does: there is no terminal, or it has hung up. */
int keeper_hold_take(int state_fd);

#endif
