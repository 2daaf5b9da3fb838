/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/base/log.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/host.h"
#include "runtime/base/text.h"

/*
 * A line is at most PIPE_BUF bytes, so that lines of several processes never mix in a pipe. The words get what the
 * worst case leaves: in JSON every byte of theirs is a quote and doubled.
 */
#define LINE_BYTES  4096
#define WORDS_BYTES 1900

static const char *const level_words[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARN] = "warning",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};

static struct {
	const char *program;
	int fd;
	enum log_format format;
	enum log_level level;
} settings = {.program = "hull", .fd = -1, .format = LOG_FORMAT_TEXT, .level = LOG_LEVEL_WARN};

void log_setup(const char *program, int fd, enum log_format format, enum log_level level)
{
	settings.program = program;
	settings.fd = fd;
	settings.format = format;
	settings.level = level;
}

int log_level_parse(const char *words, enum log_level *ret)
{
	static const struct {
		const char *name;
		enum log_level level;
	} names[] = {
		{"error", LOG_LEVEL_ERROR}, {"warn", LOG_LEVEL_WARN},	{"warning", LOG_LEVEL_WARN},
		{"info", LOG_LEVEL_INFO},   {"debug", LOG_LEVEL_DEBUG},
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(words, names[i].name) == 0) {
			*ret = names[i].level;
			return 0;
		}
	}
	return -EINVAL;
}

int log_format_parse(const char *words, enum log_format *ret)
{
	if (strcmp(words, "text") != 0 && strcmp(words, "json") != 0)
		return -EINVAL;
	*ret = words[0] == 'j' ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT;
	return 0;
}

static const char *now(char to[static 36])
{
	struct timespec time = {0};

	(void)clock_gettime(CLOCK_REALTIME, &time);
	return text_time((uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec, to);
}

/* The words were escaped before: what is left for JSON are quotes and backslashes. */
static size_t json_line(char line[static LINE_BYTES], enum log_level level, const char *words)
{
	int used = snprintf(line, LINE_BYTES, "{\"level\":\"%s\",\"msg\":\"", level_words[level]);
	char time[36];
	char *at = line + used;

	for (; *words; words++) {
		if (*words == '"' || *words == '\\')
			*at++ = '\\';
		*at++ = *words;
	}
	used = snprintf(at, (size_t)(line + LINE_BYTES - at), "\",\"time\":\"%s\"}\n", now(time));
	return (size_t)(at - line) + (size_t)used;
}

/* Log files get the time in front; standard error is read at once. An error is the usual line, and says no level. */
static size_t text_line(char line[static LINE_BYTES], enum log_level level, const char *words, bool with_time)
{
	char time[36];
	bool plain = level == LOG_LEVEL_ERROR;

	return (size_t)snprintf(line, LINE_BYTES, "%s%s%.128s: %s%s%s\n", with_time ? now(time) : "",
				with_time ? " " : "", settings.program, plain ? "" : level_words[level],
				plain ? "" : ": ", words);
}

static void put_line(int fd, enum log_format format, enum log_level level, const char *words)
{
	char line[LINE_BYTES];
	size_t len = format == LOG_FORMAT_JSON ? json_line(line, level, words)
					       : text_line(line, level, words, fd != STDERR_FILENO);

	/* Where nobody can be told any more, nothing is left to do about it. */
	(void)fd_write_all(fd, line, len);
}

static void put(enum log_level level, const char *words)
{
	bool has_file = settings.fd >= 0 && settings.fd != STDERR_FILENO;

	if (has_file)
		put_line(settings.fd, settings.format, level, words);
	if (!has_file)
		put_line(STDERR_FILENO, settings.format, level, words);
	else if (level == LOG_LEVEL_ERROR)
		put_line(STDERR_FILENO, LOG_FORMAT_TEXT, level, words);
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char raw[WORDS_BYTES], words[WORDS_BYTES];
	int saved = errno;
	va_list args;

	if (level > settings.level)
		return;
	va_start(args, fmt);
	(void)vsnprintf(raw, sizeof(raw), fmt, args);
	va_end(args);
	text_escape(words, sizeof(words), raw);
	put(level, words);
	errno = saved;
}

void log_err(const struct err *err)
{
	struct err explained = *err;

	host_explain(&explained);
	log_line(LOG_LEVEL_ERROR, "%s", explained.msg);
}
