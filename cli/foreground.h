/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A container in the foreground: its streams or terminal are the user's, its end is this command's end.
 */
#ifndef HULL_CLI_FOREGROUND_H
#define HULL_CLI_FOREGROUND_H

#include "cli/hull.h"

struct foreground {
	const struct command_call *call;
	const struct stores *stores;
	const char *id;
	int client_fd; /* connected to the keeper; the caller closes it */
	bool interactive, tty;
	bool leaves_output, leaves_error; /* to the log alone */
	const char *detach_keys;	  /* NULL: the default */
};

/*
 * Relays until the program ends, then unmakes the instance, and removes it when it was made with --rm. Returns the
 * program's exit code, 0 after the detach keys, or -errno.
 */
int foreground_run(const struct foreground *foreground, struct err *err);

/* After an end: unmakes, removes or keeps the definition, as it was wanted. Starts nothing again. */
int foreground_finish(const struct command_call *call, const struct stores *stores, const char *id, struct err *err);

#endif
