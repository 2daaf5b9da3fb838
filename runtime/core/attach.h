/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attaching to a running instance: what a client and the instance's keeper say to one another, and the client's side of
 * it.
 *
 * Over the Unix socket ATTACH_SOCKET in the state folder go frames (runtime/base/socket.h):
 *
 *     client   HELLO{version, wants} STDIN* STDIN_END RESIZE*
 *     keeper        READY{version, has}  OUT* ERR*                 EXIT{known, code, signal}
 *
 * Numbers are little endian. A client that says anything else, or too much at once, is dropped. The keeper sends EXIT
 * last: whoever sees the stream end without it does not know how the program ended, and asks the record.
 */
#ifndef HULL_RUNTIME_CORE_ATTACH_H
#define HULL_RUNTIME_CORE_ATTACH_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/err.h"
#include "runtime/base/scope.h"

#define ATTACH_SOCKET	   "attach.sock"
#define ATTACH_VERSION	   1
#define ATTACH_CHUNK_BYTES 8192 /* the longest payload, either way */

enum attach_frame {
	/* client to keeper */
	ATTACH_HELLO = 1, /* struct attach_hello; first, and once */
	ATTACH_STDIN,	  /* bytes for the program; without its standard input held open they are dropped */
	ATTACH_STDIN_END, /* no payload: closes the program's standard input; nothing on a terminal */
	ATTACH_RESIZE,	  /* struct attach_resize */
	/* keeper to client */
	ATTACH_READY = 16, /* struct attach_hello: `flags` are enum attach_has */
	ATTACH_OUT,	   /* bytes of the program's standard output, or of its terminal */
	ATTACH_ERR,	   /* bytes of its standard error */
	ATTACH_EXIT,	   /* struct attach_exit; nothing follows */
};

enum attach_wants {
	ATTACH_WANTS_STDIN = 1 << 0,
	ATTACH_WANTS_STDOUT = 1 << 1,
	ATTACH_WANTS_STDERR = 1 << 2,
	ATTACH_TAKES_OVER = 1 << 3, /* this client unmakes the instance itself, if it is still there at the end */
	ATTACH_WANTS_ALL = (1 << 4) - 1,
};

enum attach_has {
	ATTACH_HAS_STDIN = 1 << 0, /* there is somebody to type to */
	ATTACH_HAS_TERMINAL = 1 << 1,
};

/* As on the wire. */
struct attach_hello {
	uint32_t version, flags;
};
struct attach_resize {
	uint16_t rows, columns;
};
struct attach_exit {
	uint32_t known; /* 0: nobody saw how it ended */
	int32_t code;	/* exit code, or 128 + signal */
	int32_t signal; /* 0: ended by itself */
};
_Static_assert(sizeof(struct attach_hello) == 8, "as on the wire");
_Static_assert(sizeof(struct attach_resize) == 4, "as on the wire");
_Static_assert(sizeof(struct attach_exit) == 12, "as on the wire");

/*
 * The client's side
 * -----------------------------------------------------------------------------------------------------------
 */

/*
 * Connects to the keeper of the instance whose state folder is `state_fd`. The descriptor (CLOEXEC, the caller's);
 * -ENOENT or -ECONNREFUSED when no keeper is there.
 */
int attach_connect(int state_fd, struct err *err);

struct attach_request {
	int fd;		   /* from attach_connect() or engine_start(); the caller closes it */
	int input;	   /* the user's input, -1: none is sent. A terminal, a pipe, a file */
	int output, error; /* where the program's streams go, written blocking; -1: not wanted */
	int terminal;	   /* the user's terminal, if the program has one too: raw mode, size, detach keys; else -1 */
	const char *detach_keys; /* as tty_keys_parse(); NULL: the default, "": none. Only with `terminal` */
	bool takes_over;	 /* ATTACH_TAKES_OVER */
	/*
	 * Called for SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, which are caught meanwhile. NULL: they do what
	 * they always do.
	 */
	void (*signalled)(void *user, int signo);
	void *user;
};

struct attach_result {
	bool detached; /* the detach keys were typed; the program runs on, and nothing else here is set */
	bool known;    /* false: it ended, but nobody saw how */
	int code;      /* exit code, or 128 + signal */
	int signal;    /* 0: ended by itself */
};

/*
 * Relays until the program has ended or the user detaches, and puts the user's terminal back as it was. The end of the
 * input is told to the program. 0; else the program may run on: -ECONNRESET when the keeper went away without a word,
 * -EPIPE (or what writing said) when nobody takes the output any more. From a process with one thread; SIGPIPE is
 * ignored meanwhile.
 */
int attach_run(const struct attach_request *request, struct attach_result *ret, struct err *err);

#endif
