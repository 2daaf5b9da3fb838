/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Turns at something that keeps a processor busy: of the machines that share a file, as many at once as there are
 * turns, the others in a line. Who holds a place locks one byte of the file (F_OFD_SETLK), and which one it is says
 * what is held:
 *
 *     0 … TURNS_PLACES - 1          the line, its front first
 *     TURNS_ROOM * (1 + N) + MS     turn N, taken when the monotonic clock had come to MS
 *
 * Each in the line moves up to a place that has become free, and takes a turn that has.
 *
 * A lock is gone with the process that has it, however that ends, so that there is nothing to clean up. The file has no
 * contents.
 *
 * Nobody waits for ever. A turn is given up after TURNS_HOLD_MS, done or not, by who keeps the rules and is let run;
 * one that was taken TURNS_LAST_MS ago is that of somebody frozen, and anybody's to take. Against who does not keep
 * them, and never means to give one back, there is patience: who has stood in one place for far longer goes past,
 * without a turn, as if there were none. As long as the line moves it is waited in, however long it is.
 */
#ifndef HULL_RUNTIME_VM_TURNS_H
#define HULL_RUNTIME_VM_TURNS_H

#include <stdbool.h>
#include <stdint.h>

#define TURNS_PLACES	  256 /* who comes when all are taken asks until one is free */
#define TURNS_ROOM	  ((uint64_t)1 << 40)
#define TURNS_MAX	  1024
#define TURNS_HOLD_MS	  30000
#define TURNS_LAST_MS	  (2 * TURNS_HOLD_MS)
#define TURNS_PATIENCE_MS (3 * TURNS_HOLD_MS)

struct turns {
	int fd;		/* -1: nobody waits, or it is over */
	unsigned count; /* as this process sees it; others may be allowed fewer processors, or more */
	unsigned place; /* in the line; TURNS_PLACES: none */
	unsigned still_ms;
};

/*
 * As many turns as this process has processors. Takes `fd` over: open for writing, of an open file of its own; -1:
 * there is no need to wait.
 */
void turns_open(struct turns *turns, int fd);
/* Asks once. True: now, by a turn or without one. False: to be asked again after turns_pause_ms(). */
bool turns_take(struct turns *turns);
/* The further back, the more rarely: a look costs all the same wherever one stands, and the front goes first. */
unsigned turns_pause_ms(const struct turns *turns);
/*
 * Gives up the turn, or the place in the line, and the file: nothing that comes later can take one. As often as one
 * likes.
 */
void turns_close(struct turns *turns);

#endif
