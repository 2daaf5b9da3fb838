/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pseudo-terminals. The child makes one from its own devpts and hands the master out; the host side puts the user's
 * terminal into raw mode and relays. ptmx(4), pty(7), ioctl_tty(2).
 *
 * Two rules, each an attack that worked elsewhere:
 *  - The slave is never opened by its path: an image or a racing process could put a symlink there (CVE-2025-52565). It
 *    comes from the master (TIOCGPTPEER), and whatever is opened is verified by what it is.
 *  - A process without a terminal of its own gets a session of its own (tty_no_terminal()): else TIOCSTI types into the
 *    caller's shell (CVE-2017-5226).
 */
#ifndef HULL_NAMESPACES_TTY_H
#define HULL_NAMESPACES_TTY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <termios.h>

#include "runtime/base/err.h"
#include "runtime/base/loop.h"
#include "runtime/base/scope.h"

struct tty_size {
	uint16_t rows, columns; /* 0: unknown */
};

/*
 * The child's side
 * ------------------------------------------------------------------------------------------------------------
 */

struct tty_request {
	uid_t uid;	      /* owner of the slave, as the child sees it: the user who runs the program */
	struct tty_size size; /* 0, 0: left alone */
	bool console;	      /* bind the slave over /dev/console as well (a container's first process; not for exec) */
};

struct tty_pair {
	int master, slave;
	unsigned number; /* /dev/pts/NUMBER inside */
};

/*
 * Opens a terminal from the devpts that is mounted at dev/pts below `rootfd` (a descriptor of the container's root), in
 * the child, inside its mount namespace, with the rights of its user namespace. Both descriptors are CLOEXEC and the
 * caller's. /dev/console must not be a symlink, nor /dev.
 */
int tty_open_in_container(int rootfd, const struct tty_request *request, struct tty_pair *ret, struct err *err);

/*
 * Opens the slave of `pair` once more, by the devpts that is mounted at dev/pts below `rootfd`, where that is another
 * mount than the one that it came from: a terminal is told its name by the mount. What is opened is verified to be the
 * very same.
 */
int tty_reopen_slave(int rootfd, struct tty_pair *pair, struct err *err);

/*
 * Makes `slave` the controlling terminal of the calling process, in a new session (of which it is the leader already,
 * if it is one), and its standard input, output and error. The slave's own number stays open.
 */
int tty_make_controlling(int slave, struct err *err);
/* A new session without a controlling terminal. In the child, before exec; a session leader drops its terminal. */
int tty_no_terminal(struct err *err);

/*
 * The host's side
 * -------------------------------------------------------------------------------------------------------------
 */

/*
 * OCI's --console-socket: connects to the Unix socket at `path` and sends the master, the slave's inner name as data.
 */
int tty_send_master(const char *path, const struct tty_pair *pair, struct err *err);

int tty_get_size(int fd, struct tty_size *ret, struct err *err);
int tty_set_size(int fd, struct tty_size size, struct err *err);

/* A terminal's settings, to be put back. `fd` -1: nothing held. */
struct tty_saved {
	int fd;
	struct termios settings;
};
#define TTY_SAVED_INIT ((struct tty_saved){.fd = -1})

/*
 * Every key and every byte of output goes through as it is, no echo. `fd` stays the caller's and must outlive *ret.
 * -ENOTTY when it is no terminal.
 */
int tty_raw(int fd, struct tty_saved *ret, struct err *err);
/* Puts the settings back, once. Fine with nothing held. Also safe in a signal handler. */
void tty_restore(struct tty_saved *saved);
#define CLEANUP_TTY CLEANUP(tty_restore)

/*
 * Detach keys
 * -----------------------------------------------------------------------------------------------------------------
 */

#define TTY_KEYS_MAX	 16
#define TTY_KEYS_DEFAULT "ctrl-p,ctrl-q"

/*
 * A sequence of keys that detaches, and how much of it has been typed. Bytes that may begin it are held back until it
 * is decided.
 */
struct tty_keys {
	unsigned char bytes[TTY_KEYS_MAX];
	unsigned count; /* 0: no sequence, never detaches */
	unsigned typed;
};

/* "ctrl-p,ctrl-q", "ctrl-@", "ctrl-[", "a,b": a comma between keys; "" is none. 0 or -EINVAL with words. */
int tty_keys_parse(const char *words, struct tty_keys *ret, struct err *err);
/*
 * Feeds what was typed. `out` has room for len + TTY_KEYS_MAX bytes and gets what goes on to the program; *ret_out_len
 * says how many. True when the whole sequence was typed: the bytes before it are in `out`, those behind it are dropped.
 */
bool tty_keys_feed(struct tty_keys *keys, const unsigned char *in, size_t len, unsigned char *out, size_t *ret_out_len);

/*
 * The relay
 * -------------------------------------------------------------------------------------------------------------------
 */

enum tty_end {
	TTY_END_HANGUP,	  /* the program's side of the terminal is closed by all */
	TTY_END_DETACHED, /* the detach keys were typed */
	TTY_END_OUTPUT,	  /* the user's output is gone (EPIPE and the like) */
};

struct tty_relay;
struct tty_relay_request {
	int master;    /* set non-blocking; the relay does not close it */
	int input;     /* the user's keys, a terminal or a pipe; -1: none. A regular file is refused */
	int output;    /* written blocking: a user who stops reading stops the program, not hull's memory */
	int size_from; /* terminal whose size the master follows (SIGWINCH), or -1 */
	const struct tty_keys *keys; /* NULL: no detaching */
	/*
	 * Called once, from the loop. The relay has forgotten its sources by then; what was written before the hang-up
	 * has been relayed.
	 */
	void (*ended)(struct loop *loop, struct tty_relay *relay, enum tty_end how);
	void *user; /* the callback's */
};

#define TTY_RELAY_BYTES 4096

/* The relay's state: the caller's memory, which must outlive it. */
struct tty_relay {
	struct tty_relay_request request;
	struct loop_source master, input;
	struct loop_signals resize;
	bool has_resize;
	struct tty_keys keys;
	/* Typed, not yet taken by the master. Input is read only while it is empty. */
	unsigned char pending[TTY_RELAY_BYTES + TTY_KEYS_MAX];
	size_t pending_len, pending_done;
	bool detach_after_pending;
	bool has_ended;
};

/*
 * Starts relaying on `loop`: input to master, master to output, window size now and on SIGWINCH. End of input sends
 * nothing and is no end.
 */
int tty_relay_start(struct loop *loop, struct tty_relay *relay, const struct tty_relay_request *request,
		    struct err *err);
/* Stops without a callback. Fine when it has ended. */
void tty_relay_stop(struct loop *loop, struct tty_relay *relay);

#endif
