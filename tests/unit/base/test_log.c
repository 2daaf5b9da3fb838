/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/json.h"
#include "runtime/base/text.h"
#include "tests/unit/tap.h"

/* What came to the log file and to standard error, each read from a pipe. */
static char in_file[8192], in_stderr[8192];

static void slurp(int fd, char to[static 8192])
{
	ssize_t n = read(fd, to, 8191);

	to[n > 0 ? n : 0] = '\0';
	close(fd);
}

static void capture(bool with_file, enum log_format format, enum log_level level, void (*say)(void))
{
	int file[2], standard[2], kept = fd_dup(2, 10);

	CHECK(pipe2(file, O_CLOEXEC | O_NONBLOCK) == 0 && pipe2(standard, O_CLOEXEC | O_NONBLOCK) == 0);
	CHECK_INT(fd_place(standard[1], 2), 0);
	log_setup("prog", with_file ? file[1] : -1, format, level);
	say();
	CHECK_INT(fd_place(kept, 2), 0);
	close(kept);
	close(file[1]);
	close(standard[1]);
	slurp(file[0], in_file);
	slurp(standard[0], in_stderr);
}

static void say_all(void)
{
	errno = E2BIG;
	log_line(LOG_LEVEL_ERROR, "one %d", 1);
	log_line(LOG_LEVEL_WARN, "two");
	log_line(LOG_LEVEL_INFO, "three");
	log_line(LOG_LEVEL_DEBUG, "four");
	CHECK_INT(errno, E2BIG);
}

static void say_odd(void)
{
	struct err err = ERR_INIT;

	err_say(&err, EINVAL, "a \"quote\" and a \\ and\na line \x1b[0m");
	log_err(&err);
}

static void say_long(void)
{
	char words[6000];

	memset(words, '"', sizeof(words));
	words[sizeof(words) - 1] = '\0';
	log_line(LOG_LEVEL_ERROR, "%s", words);
}

static void test_text_to_standard_error(void)
{
	capture(false, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, say_all);
	CHECK_STR(in_stderr, "prog: one 1\nprog: warning: two\nprog: info: three\n");
	capture(false, LOG_FORMAT_TEXT, LOG_LEVEL_ERROR, say_all);
	CHECK_STR(in_stderr, "prog: one 1\n");
}

static void test_a_log_file_gets_all(void)
{
	capture(true, LOG_FORMAT_TEXT, LOG_LEVEL_DEBUG, say_all);
	CHECK_STR(in_stderr, "prog: one 1\n");
	CHECK_HAS(in_file, "Z prog: one 1\n");
	CHECK_HAS(in_file, "Z prog: warning: two\n");
	CHECK_HAS(in_file, "Z prog: debug: four\n");
}

static void test_json_lines_are_json(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const struct json *line = NULL;
	const char *words;
	uint64_t ns;

	capture(true, LOG_FORMAT_JSON, LOG_LEVEL_WARN, say_odd);
	CHECK_INT(json_parse(&arena, in_file, strlen(in_file), "line", &line, NULL), 0);
	CHECK_INT(json_string(json_get(line, "level"), &words, NULL), 0);
	CHECK_STR(words, "error");
	CHECK_INT(json_string(json_get(line, "msg"), &words, NULL), 0);
	CHECK_STR(words, "a \"quote\" and a \\ and\\na line \\x1b[0m");
	CHECK_INT(json_string(json_get(line, "time"), &words, NULL), 0);
	CHECK_INT(text_time_parse(words, &ns), 0);
	CHECK_STR(in_stderr, "prog: a \"quote\" and a \\ and\\na line \\x1b[0m\n");
	/* Without a file, standard error is what a caller reads. */
	capture(false, LOG_FORMAT_JSON, LOG_LEVEL_WARN, say_odd);
	CHECK(in_stderr[0] == '{');
}

static void test_a_line_fits_a_pipe(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const struct json *line;

	capture(true, LOG_FORMAT_JSON, LOG_LEVEL_WARN, say_long);
	CHECK(strlen(in_file) > 3000 && strlen(in_file) <= PIPE_BUF);
	CHECK_INT(json_parse(&arena, in_file, strlen(in_file), "line", &line, NULL), 0);
	CHECK(strlen(in_stderr) <= PIPE_BUF);
}

static void test_words_for_settings(void)
{
	enum log_level level;
	enum log_format format;

	CHECK(log_level_parse("warn", &level) == 0 && level == LOG_LEVEL_WARN);
	CHECK(log_level_parse("warning", &level) == 0 && level == LOG_LEVEL_WARN);
	CHECK(log_level_parse("debug", &level) == 0 && level == LOG_LEVEL_DEBUG);
	CHECK_INT(log_level_parse("loud", &level), -EINVAL);
	CHECK(log_format_parse("json", &format) == 0 && format == LOG_FORMAT_JSON);
	CHECK(log_format_parse("text", &format) == 0 && format == LOG_FORMAT_TEXT);
	CHECK_INT(log_format_parse("xml", &format), -EINVAL);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_text_to_standard_error), TAP_CASE(test_a_log_file_gets_all),
		       TAP_CASE(test_json_lines_are_json), TAP_CASE(test_a_line_fits_a_pipe),
		       TAP_CASE(test_words_for_settings));
}
