/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host's end of the channel to a guest's agent: its first program's standard streams are this process's own, and
 * any number of clients (up to a bound) on a Unix socket have processes of theirs.
 *
 *     0, 1, 2 or terminal  --+
 *     clients on vm.sock   --+-- router --- one stream --- agent --- processes
 *
 * The guest is hostile by assumption: what breaks the protocol (agent_protocol.h) ends the channel with one line,
 * `ended` is called, and nothing else happens. A client that breaks it loses its connection. No buffer grows: each
 * stream has a window's worth at most, and is given its memory when it is first used.
 *
 * All of it runs in one loop, from one thread. It starts no process and opens no file; it needs of the system, once it
 * is open: read, write, poll, accept4, epoll, timerfd_settime, ioctl of terminals (TIOCGWINSZ, TCSETS), close, and
 * memory (mmap, munmap, brk).
 */
#ifndef HULL_RUNTIME_VM_AGENT_ROUTER_H
#define HULL_RUNTIME_VM_AGENT_ROUTER_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"
#include "runtime/base/loop.h"

#define AGENT_ROUTER_CLIENTS 64

struct agent_router; /* opaque; what is not used of it is never touched, so an idle machine's costs a few pages */

enum agent_ending {
	AGENT_ENDED_EXIT,   /* the first program ended: `code`, `signal`, `oom` */
	AGENT_ENDED_FAILED, /* it could not be made: `code` is 125, 126 or 127, and `err` says why */
	AGENT_ENDED_LOST,   /* the stream ended without either: `err`. Whoever runs the machine may know better why */
	AGENT_ENDED_BROKEN, /* the guest broke the protocol: `err` */
	AGENT_ENDED_SILENT, /* it never said HELLO: `err` */
	AGENT_ENDED_STUCK,  /* it said HELLO, and neither STARTED nor FAILED: `err` */
};

struct agent_outcome {
	enum agent_ending ending;
	int code;   /* exit code, or 128 + signal; 125 where it is not known */
	int signal; /* 0: ended by itself */
	bool oom;
	struct err err;
};

struct agent_router_request {
	/*
	 * Within the first the guest has to say HELLO, and within the second after that STARTED or FAILED; 0: no matter
	 * when. Counted in seconds in which this process runs and the machine is not paused, so that one which is
	 * frozen with its machine counts none.
	 */
	unsigned boot_seconds, start_seconds;
	/* one end of a stream socket whose other end is the guest's; stays the caller's, made non-blocking */
	int channel_fd;
	int listen_fd; /* a listening Unix socket for clients, or -1; stays the caller's, made non-blocking */
	/* the first program's streams, stay the caller's; -1: nothing to read, what is written is dropped */
	int stdio[3];
	/*
	 * stdio[0] is a terminal, and the program has one: raw mode, its size at the start and with each SIGWINCH; 2 is
	 * not used
	 */
	bool terminal;
	const void *start; /* the START document; must live until `ended` or agent_router_close() */
	size_t start_len;
	/*
	 * Signals to pass on to the first program: agent_router_signals() and what the caller takes out of it. They
	 * must be blocked in every thread (before any thread is started); the router takes them from a signalfd. With
	 * `terminal`, SIGWINCH belongs in it.
	 */
	const sigset_t *signals;
	/* Called when the guest has said HELLO, before it is answered; may be NULL. */
	void (*greeted)(struct agent_router *router, void *user);
	/*
	 * Called once, from the loop. By then all output of the first program has been written (of a machine that
	 * broke: as far as it was taken in that time), and the clients have been given what is theirs, as far as they
	 * took it within AGENT_ROUTER_PATIENCE_MS. May call loop_stop(), and agent_router_close().
	 */
	void (*ended)(struct agent_router *router, const struct agent_outcome *outcome, void *user);
	void *user;
};

#define AGENT_ROUTER_PATIENCE_MS 2000

/*
 * What can be caught and means something to a program: all but KILL, STOP, CHLD, PIPE and those of the process's own
 * faults.
 */
void agent_router_signals(sigset_t *ret);

/* Starts it on `loop`. *ret is the caller's: agent_router_close(). */
int agent_router_open(struct loop *loop, const struct agent_router_request *request, struct agent_router **ret,
		      struct err *err);
/*
 * Puts the terminal back, closes the clients. NULL is fine; *router is NULL afterwards. `ended` is not called any more.
 */
void agent_router_close(struct agent_router **router);

/* Asks the guest to kill all it has, sync its disk and power off: EXIT is told as usual. */
void agent_router_shutdown(struct agent_router *router);
/* The guest stands still from now on. That time is none of what it has to say HELLO or STARTED. */
void agent_router_paused(struct agent_router *router);
/* It goes on, paused or not before, and is told what time it is. */
void agent_router_resumed(struct agent_router *router, uint64_t epoch_ns);
/*
 * The guest begins to boot now, and has so many seconds to say HELLO: for who did not know when, and asked for none to
 * be counted (boot_seconds 0).
 */
void agent_router_await_hello(struct agent_router *router, unsigned seconds);
/* Whether the guest has come up (HELLO was heard). */
bool agent_router_is_greeted(const struct agent_router *router);
/* Whether the first program runs (STARTED was heard): for who measures, and for `hull inspect`. */
bool agent_router_has_started(const struct agent_router *router);

#endif
