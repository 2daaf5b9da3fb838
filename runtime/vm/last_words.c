// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/vm/last_words.h"

#include <stdio.h>
#include <sys/socket.h>

void last_words_leave(int socket, const char *cause, const char *words)
{
	struct last_words message = {.mark = LAST_WORDS_MARK};

	(void)snprintf(message.cause, sizeof(message.cause), "%s", cause ? cause : CAUSE_MONITOR);
	(void)snprintf(message.words, sizeof(message.words), "%s", words);
	if (socket >= 0)
		(void)send(socket, &message, sizeof(message), MSG_DONTWAIT | MSG_NOSIGNAL);
}
