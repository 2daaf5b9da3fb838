// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/vm/last_words.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "runtime/base/scope.h"

#define END_ROW(cause, exit_code, line) {cause, exit_code, line},

static const struct guest_end {
	const char *cause;
	int exit_code;
	const char *line;
} ends[] = {GUEST_ENDS(END_ROW)};

static const struct guest_end *end_of(const char *cause)
{
	for (size_t i = 0; cause && i < ARRAY_SIZE(ends); i++)
		if (strcmp(ends[i].cause, cause) == 0)
			return &ends[i];
	return NULL;
}

int last_words_say(const char *cause, const char *more, struct err *err)
{
	const struct guest_end *end = end_of(cause);

	if (!end)
		return err_say(err, EINVAL, "the machine ended, and nobody knows why");
	return err_say(err, EIO, "%s%s%s", end->line, more && *more ? ": " : "", more ? more : "");
}

void last_words_leave(int socket, const char *cause, struct err *err)
{
	struct last_words message = {.mark = LAST_WORDS_MARK};
	const struct guest_end *end = end_of(cause);

	if (end)
		(void)err_exit_with(err, end->exit_code);
	(void)snprintf(message.cause, sizeof(message.cause), "%s", cause ? cause : CAUSE_MONITOR);
	/* As much of it as there is room for. */
	(void)snprintf(message.words, sizeof(message.words), "%.*s", LAST_WORDS_BYTES - 1, err->msg);
	if (socket >= 0)
		(void)send(socket, &message, sizeof(message), MSG_DONTWAIT | MSG_NOSIGNAL);
}
