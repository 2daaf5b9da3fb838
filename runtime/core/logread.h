/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading the log of an instance (logfile.h) with its rotated parts, oldest first, and following it while it grows.
 */
#ifndef HULL_RUNTIME_CORE_LOGREAD_H
#define HULL_RUNTIME_CORE_LOGREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"
#include "runtime/core/log_filter.h"
#include "runtime/core/logfile.h"

/*
 * Takes some of the output: a line with its newline, or a piece of one (as the program wrote it; then the next piece of
 * the same stream goes on where this one stopped). Not 0: reading stops, and returns it.
 */
typedef int (*log_sink)(void *user, enum log_stream stream, const char *bytes, size_t len);

/* Reads what is there. `data_fd` is the instance's data folder. Without a log: success, nothing read. */
int log_read(int data_fd, const struct log_filter *filter, log_sink sink, void *user, struct err *err);

struct log_follow {
	/*
	 * Whether nothing more will be written: the instance's exit is known. What was written before the question is
	 * still read.
	 */
	bool (*ended)(void *user);
	void *user; /* of `ended` */
	/* readable when it may be worth to ask (a pidfd of the program); it is asked now and then anyway. -1: none */
	int wake_fd;
};
/*
 * As log_read(), and goes on with what is written, over rotations, until `ended`. A terminating signal ends the caller
 * as usual.
 */
int log_read_follow(int data_fd, const struct log_filter *filter, const struct log_follow *follow, log_sink sink,
		    void *user, struct err *err);

#endif
