// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/exit_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/file.h"
#include "runtime/base/text.h"

#define NO_CAUSE	"-"
#define WORDS		" words="
#define EXIT_FILE_BYTES (128 + LAST_WORDS_CAUSE_BYTES + LAST_WORDS_BYTES)

int exit_file_write(int state_fd, const struct exit_file *exit, struct err *err)
{
	char line[EXIT_FILE_BYTES];
	int len = snprintf(line, sizeof(line),
			   "known=%d code=%" PRId32 " signal=%" PRId32 " oom=%d finished_ns=%" PRIu64 " cause=%s" WORDS
			   "%s\n",
			   exit->known, exit->code, exit->signal, exit->oom, exit->finished_ns,
			   exit->cause[0] ? exit->cause : NO_CAUSE, exit->words);

	return file_replace(state_fd, EXIT_FILE, line, (size_t)len, 0600, FILE_VOLATILE, err);
}

/* The numbers: what every line has, and behind that what one of an older hull's keeper lacks. */
enum { KNOWN, CODE, SIGNAL, FINISHED, ALWAYS, OOM = ALWAYS, NUMBERS };
static const char *const numbers[NUMBERS] = {
	[KNOWN] = "known", [CODE] = "code", [SIGNAL] = "signal", [FINISHED] = "finished_ns", [OOM] = "oom",
};

static int take_member(const char *name, const char *value, struct exit_file *ret, int64_t found[NUMBERS],
		       unsigned *seen)
{
	/* One that is too long is another hull's, and leaves "". */
	if (strcmp(name, "cause") == 0 && strcmp(value, NO_CAUSE) != 0)
		(void)text_copy(ret->cause, sizeof(ret->cause), value);
	for (unsigned i = 0; i < NUMBERS; i++) {
		if (strcmp(name, numbers[i]) != 0)
			continue;
		*seen |= 1U << i;
		return text_i64(value, &found[i]);
	}
	return 0;
}

int exit_file_read(int state_fd, struct exit_file *ret)
{
	char line[EXIT_FILE_BYTES], *rest = line, *words;
	ssize_t len = file_read_line(state_fd, EXIT_FILE, line, sizeof(line));
	int64_t found[NUMBERS] = {0};
	unsigned seen = 0;

	if (len < 0)
		return (int)len;
	*ret = (struct exit_file){0};
	/* They say anything, and are last. */
	words = strstr(line, WORDS);
	if (words) {
		*words = '\0';
		(void)snprintf(ret->words, sizeof(ret->words), "%s", words + strlen(WORDS));
	}
	for (char *member; (member = strsep(&rest, " "));) {
		const char *name = strsep(&member, "=");

		if (!member || take_member(name, member, ret, found, &seen) < 0)
			return -EINVAL;
	}
	for (unsigned i = 0; i < ALWAYS; i++)
		if (!(seen & 1U << i))
			return -EINVAL;
	ret->known = found[KNOWN] != 0;
	ret->code = (int32_t)found[CODE];
	ret->signal = (int32_t)found[SIGNAL];
	ret->finished_ns = (uint64_t)found[FINISHED];
	ret->oom = found[OOM] != 0;
	return 0;
}
