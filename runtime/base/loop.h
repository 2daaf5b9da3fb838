/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One event loop: epoll, timers, signals. The keeper, the terminal relay, the monitor and the agent run on it. No heap
 * growth: the sources are the caller's own structs.
 */
#ifndef HULL_RUNTIME_BASE_LOOP_H
#define HULL_RUNTIME_BASE_LOOP_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "runtime/base/err.h"
#include "runtime/base/scope.h"

struct loop;

/* A source of events: embedded in the user's struct, which must outlive its registration. */
struct loop_source {
	int fd;
	void (*ready)(struct loop *loop, struct loop_source *source, uint32_t epoll_events);
	bool registered;
};

struct loop_timer {
	struct loop_source source; /* a timerfd */
	void (*expired)(struct loop *loop, struct loop_timer *timer);
};

struct loop_signals {
	struct loop_source source; /* a signalfd; the signals are blocked while it lives */
	sigset_t newly_blocked;	   /* unblocked again when it is closed */
	void (*arrived)(struct loop *loop, struct loop_signals *signals, int signo);
};

struct loop {
	int epoll_fd;
	bool stop;
	int result; /* given to loop_stop() */
	/*
	 * Called behind every callback that does not stop the loop, for who has to look at what any of them may have
	 * changed: so that a callback needs to know only its own matter. Set after loop_open(); NULL: nobody.
	 */
	void (*behind)(struct loop *loop);
};

int loop_open(struct loop *loop, struct err *err);
void loop_close(struct loop *loop);

/*
 * Registers `source->fd` for these events, or changes them; level-triggered. Removing an unregistered source is fine.
 */
int loop_watch(struct loop *loop, struct loop_source *source, uint32_t epoll_events, struct err *err);
void loop_forget(struct loop *loop, struct loop_source *source);

/* A timer of the monotonic clock, not armed yet; `expired` is set by the caller, before or after. */
int loop_timer_open(struct loop *loop, struct loop_timer *timer, struct err *err);
int loop_timer_set(struct loop_timer *timer, uint64_t after_ms); /* once; 0 disarms. 0 or -errno */
void loop_timer_close(struct loop *loop, struct loop_timer *timer);

/*
 * Takes these signals as events: one call of `arrived` a signal. Closing unblocks those that were not blocked before.
 */
int loop_signals_open(struct loop *loop, struct loop_signals *signals, const sigset_t *set, struct err *err);
void loop_signals_close(struct loop *loop, struct loop_signals *signals);

/*
 * Waits for one event, so many milliseconds (-1: as long as it takes), and calls who it is for. 1; 0: none came, or a
 * signal did; -errno.
 */
int loop_turn(struct loop *loop, int timeout_ms, struct err *err);
/* Runs until loop_stop(); returns its result, or -errno. A source may be forgotten from any callback. */
int loop_run(struct loop *loop, struct err *err);
/* From a callback: loop_run() ends behind it. Before loop_run(): that returns at once. */
void loop_stop(struct loop *loop, int result);

#endif
