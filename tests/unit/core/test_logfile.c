/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The log's writer and its reader. */
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/file.h"
#include "runtime/base/text.h"
#include "runtime/core/logfile.h"
#include "runtime/core/logread.h"
#include "tests/unit/tap.h"

#define T0 UINT64_C(1767323045000000006) /* 2026-01-02T03:04:05.000000006Z */

static char folder[32];
static int folder_fd;

static void make_folder(void)
{
	strcpy(folder, "/tmp/hull-log-XXXXXX");
	CHECK(mkdtemp(folder) != NULL);
	folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void remove_folder(void)
{
	(void)close(folder_fd);
	CHECK(file_remove_tree(AT_FDCWD, folder, NULL) == 0);
}

static void say(struct logfile *log, enum log_stream stream, uint64_t at, const char *words)
{
	logfile_write(log, stream, at, words, strlen(words));
}

static const char *contents(const char *name)
{
	static char data[1 << 16];
	int fd = openat(folder_fd, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, data, sizeof(data) - 1);

	if (fd >= 0)
		(void)close(fd);
	data[n > 0 ? n : 0] = '\0';
	return data;
}

static int into_text(void *user, enum log_stream stream, const char *bytes, size_t len)
{
	(void)stream;
	text_add_bytes(user, bytes, len);
	return 0;
}

/* What the reader makes of the log; to be freed by nobody. */
static const char *read_log(struct log_filter filter)
{
	static struct text text;

	text_free(&text);
	text = TEXT_INIT;
	CHECK_INT(log_read(folder_fd, &filter, into_text, &text, NULL), 0);
	return text_get(&text);
}

static void test_lines(void)
{
	struct logfile log;

	make_folder();
	logfile_open(&log, folder_fd, 0, 0);
	say(&log, LOG_STDOUT, T0, "one\ntwo\n\nthr");
	say(&log, LOG_STDERR, T0 + 1, "bad\n");
	say(&log, LOG_STDOUT, T0 + 2, "ee\n");
	logfile_close(&log);
	CHECK_STR(contents("log"), "2026-01-02T03:04:05.000000006Z stdout F one\n"
				   "2026-01-02T03:04:05.000000006Z stdout F two\n"
				   "2026-01-02T03:04:05.000000006Z stdout F \n"
				   "2026-01-02T03:04:05.000000006Z stdout P thr\n"
				   "2026-01-02T03:04:05.000000007Z stderr F bad\n"
				   "2026-01-02T03:04:05.000000008Z stdout F ee\n");
	CHECK_STR(read_log((struct log_filter){.tail = -1}), "one\ntwo\n\nthrbad\nee\n");
	CHECK_STR(read_log((struct log_filter){.tail = -1, .only_stdout = true}), "one\ntwo\n\nthree\n");
	CHECK_STR(read_log((struct log_filter){.tail = -1, .only_stderr = true, .timestamps = true}),
		  "2026-01-02T03:04:05.000000007Z bad\n");
	CHECK_STR(read_log((struct log_filter){.tail = 1, .only_stdout = true}), "three\n");
	CHECK_STR(read_log((struct log_filter){.tail = 2, .only_stdout = true}), "\nthree\n");
	CHECK_STR(read_log((struct log_filter){.tail = 0}), "");
	CHECK_STR(read_log((struct log_filter){.tail = 99, .only_stdout = true}), "one\ntwo\n\nthree\n");
	CHECK_STR(read_log((struct log_filter){.tail = -1, .since_ns = T0 + 1, .until_ns = T0 + 2}), "bad\n");
	remove_folder();
}

static void test_many_lines_in_one_write(void)
{
	static char many[8192];
	struct logfile log;
	struct stat st;

	make_folder();
	memset(many, '\n', sizeof(many));
	logfile_open(&log, folder_fd, 0, 0);
	logfile_write(&log, LOG_STDOUT, T0, many, sizeof(many));
	logfile_close(&log);
	CHECK(fstatat(folder_fd, "log", &st, 0) == 0);
	CHECK_INT(st.st_size, 8192 * (LOGFILE_HEADER_BYTES + 1));
	CHECK_INT(strlen(read_log((struct log_filter){.tail = -1})), 8192);
	CHECK_INT(strlen(read_log((struct log_filter){.tail = 5000})), 5000);
	remove_folder();
}

static void test_rotation(void)
{
	struct logfile log;
	char line[32], wanted[32 * 60] = "";

	make_folder();
	logfile_open(&log, folder_fd, 1000, 3);
	for (int i = 1; i <= 100; i++) {
		(void)snprintf(line, sizeof(line), "line %03d\n", i);
		say(&log, LOG_STDOUT, T0, line);
	}
	logfile_close(&log);
	CHECK(faccessat(folder_fd, "log.2", F_OK, 0) == 0);
	CHECK(faccessat(folder_fd, "log.3", F_OK, 0) < 0);
	for (int part = 0; part < 3; part++) {
		struct stat st;

		logfile_part_name(line, (uint32_t)part);
		CHECK(fstatat(folder_fd, line, &st, 0) == 0 && st.st_size <= 1000);
	}
	/* 20 lines of 49 bytes fit in a part; the last part has what is left. */
	for (int i = 41; i <= 100; i++)
		(void)snprintf(wanted + strlen(wanted), sizeof(wanted) - strlen(wanted), "line %03d\n", i);
	CHECK_STR(read_log((struct log_filter){.tail = -1}), wanted);
	CHECK_STR(read_log((struct log_filter){.tail = 45}), wanted + 9 * 15);
	CHECK_STR(read_log((struct log_filter){.tail = 20}), wanted + 9 * 40);
	remove_folder();
}

static void test_one_file_only(void)
{
	struct logfile log;

	make_folder();
	logfile_open(&log, folder_fd, 100, 1);
	for (int i = 0; i < 5; i++)
		say(&log, LOG_STDOUT, T0, i == 4 ? "last\n" : "some line\n");
	logfile_close(&log);
	CHECK(faccessat(folder_fd, "log.1", F_OK, 0) < 0);
	CHECK_STR(read_log((struct log_filter){.tail = -1}), "last\n");
	remove_folder();
}

static void test_half_line_is_cut(void)
{
	struct logfile log;
	int fd;

	make_folder();
	logfile_open(&log, folder_fd, 0, 0);
	say(&log, LOG_STDOUT, T0, "whole\n");
	logfile_close(&log);
	fd = openat(folder_fd, "log", O_WRONLY | O_APPEND | O_CLOEXEC);
	CHECK(write(fd, "2026-01-02T03:04:05.000000006Z stdout F ha", 42) == 42);
	(void)close(fd);
	CHECK_STR(read_log((struct log_filter){.tail = -1}), "whole\n");
	logfile_open(&log, folder_fd, 0, 0);
	say(&log, LOG_STDOUT, T0, "next\n");
	logfile_close(&log);
	CHECK_STR(read_log((struct log_filter){.tail = -1}), "whole\nnext\n");
	remove_folder();
}

/* A tmpfs of 16 KiB is the full disk. */
static void test_full_disk(void)
{
	static char block[4096];
	struct logfile log;
	const char *text;
	int filler;

	make_folder();
	(void)close(folder_fd);
	if (mount("none", folder, "tmpfs", 0, "size=16k") < 0) {
		(void)rmdir(folder);
		SKIP("tmpfs can't be mounted");
	}
	folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	logfile_open(&log, folder_fd, 0, 0);
	say(&log, LOG_STDOUT, T0, "before\n");
	filler = openat(folder_fd, "filler", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	while (write(filler, block, sizeof(block)) > 0)
		;
	/* More than what is left of the log's page: part of it is written, and cut off again. */
	memset(block, 'x', sizeof(block));
	block[sizeof(block) - 1] = '\n';
	logfile_write(&log, LOG_STDOUT, T0, block, sizeof(block));
	logfile_write(&log, LOG_STDOUT, T0, block, sizeof(block));
	CHECK_STR(read_log((struct log_filter){.tail = -1}), "before\n");
	(void)close(filler);
	(void)unlinkat(folder_fd, "filler", 0);
	say(&log, LOG_STDOUT, T0, "after\n");
	logfile_close(&log);
	text = read_log((struct log_filter){.tail = -1});
	CHECK_HAS(text, "before\nhull-keeper: lines missing here: 2,");
	CHECK_HAS(text, "\nafter\n");
	(void)close(folder_fd);
	CHECK(umount(folder) == 0);
	CHECK(rmdir(folder) == 0);
}

/* How many bytes the one who follows has, for the one who writes. */
static atomic_size_t *followed;

static int into_followed(void *user, enum log_stream stream, const char *bytes, size_t len)
{
	atomic_fetch_add(followed, len);
	return into_text(user, stream, bytes, len);
}

static bool is_over(void *user)
{
	return faccessat(folder_fd, (const char *)user, F_OK, 0) == 0;
}

static void test_follow_over_rotations(void)
{
	struct log_follow follow = {.ended = is_over, .user = (char[]){"over"}, .wake_fd = -1};
	struct log_filter filter = {.tail = 2};
	struct text text = TEXT_INIT, wanted = TEXT_INIT;
	pid_t writer;
	int status;

	make_folder();
	fflush(stdout);
	struct logfile log;

	logfile_open(&log, folder_fd, 20000, 4);
	say(&log, LOG_STDOUT, T0, "old\nline -2\nline -1\n");
	followed = mmap(NULL, sizeof(*followed), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(followed != MAP_FAILED);
	writer = fork();
	if (writer == 0) {
		char line[32];
		size_t written = 0;

		/* What is written before the follower has come is no line of its. */
		while (atomic_load(followed) == 0)
			(void)usleep(1000);
		/* More than all parts hold together, but not further than a part's worth before one who follows. */
		for (int i = 0; i < 3000; i++) {
			written += (size_t)snprintf(line, sizeof(line), "line %d\n", i);
			say(&log, LOG_STDOUT, T0, line);
			while (written > atomic_load(followed) + 3000)
				(void)usleep(1000);
		}
		(void)close(openat(folder_fd, "over", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
		_exit(0);
	}
	for (int i = -2; i < 3000; i++)
		text_addf(&wanted, "line %d\n", i);
	CHECK_INT(log_read_follow(folder_fd, &filter, &follow, into_followed, &text, NULL), 0);
	CHECK_INT(text.len, wanted.len);
	CHECK(strcmp(text_get(&text), text_get(&wanted)) == 0);
	CHECK(waitpid(writer, &status, 0) == writer && status == 0);
	(void)munmap(followed, sizeof(*followed));
	logfile_close(&log);
	text_free(&text);
	text_free(&wanted);
	remove_folder();
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_lines), TAP_CASE(test_many_lines_in_one_write), TAP_CASE(test_rotation),
		       TAP_CASE(test_one_file_only), TAP_CASE(test_half_line_is_cut), TAP_CASE(test_full_disk),
		       TAP_CASE(test_follow_over_rotations));
}
