/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The error value: a code and one line of words.
 *
 * Every function that can fail takes `struct err *err` as its last argument, and returns 0 or more
 * on success and a negative errno on failure. A value, no heap: it can be filled in between clone and exec,
 * sent over a socket and copied.  On success `err` is left as it was.
 *
 *     if (mount(src, dst, type, flags, data) < 0)
 *             return err_set(err, errno, "mount '%s'", dst);
 *     if (root_prepare(root, err) < 0)
 *             return err_wrap(err, "container '%s'", id);
 *
 * Messages are one line without a full stop: what failed, on what, why, and what to do where that is known.
 */
#ifndef HULL_RUNTIME_BASE_ERR_H
#define HULL_RUNTIME_BASE_ERR_H

#include <stdarg.h>
#include <stdint.h>

#define ERR_MSG_BYTES 1008

/* The exit codes that callers of this field expect (Docker's and podman's convention). */
enum err_exit {
	ERR_EXIT_DEFAULT = 0, /* the program's own default: 125 for hull, 1 for hull-oci */
	ERR_EXIT_FAILED = 125,
	ERR_EXIT_NOT_EXECUTABLE = 126,
	ERR_EXIT_NOT_FOUND = 127,
};

struct err {
	int32_t code;		 /* a positive errno; 0: no error has been set */
	int32_t exit_code;	 /* enum err_exit, or another exit code that the failure asks for */
	char msg[ERR_MSG_BYTES]; /* NUL-terminated, one line; control characters are escaped */
};

#define ERR_INIT ((struct err){0})

/*
 * Sets `err` to the words of `fmt` followed by ": " and the text of errno value `code`. Returns -code (always negative:
 * a code of 0 becomes EIO, a negative code is taken as -code). `err` may be NULL, here and below; then only the code is
 * returned (by the functions below: -EIO, since it is not known).
 */
int err_set(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* As err_set(), for a failure whose words already say why: the text of `code` is not added. */
int err_say(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/*
 * Puts the words of `fmt` and ": " in front of what `err` says. Returns -err->code. Keeps the end if it grows too long.
 */
int err_wrap(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Adds ": " and the words of `fmt` behind the message: what the user can do. Returns -err->code. */
int err_hint(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Sets the exit code that the failure asks for. Returns -err->code. */
int err_exit_with(struct err *err, int exit_code);

/* Forgets an error that was dealt with. */
void err_clear(struct err *err);

#endif
