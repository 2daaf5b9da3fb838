// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/streams.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/file.h"
#include "runtime/core/keeper_spawn.h"
#include "runtime/core/stdio.h"
#include "tests/unit/tap.h"

static char dir[64];
static int folder;

static void begin(void)
{
	(void)snprintf(dir, sizeof(dir), "/tmp/hull-streams-XXXXXX");
	CHECK(mkdtemp(dir) != NULL);
	folder = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void end(void)
{
	struct err err = ERR_INIT;

	(void)close(folder);
	CHECK(file_remove_tree(AT_FDCWD, dir, &err) == 0);
}

static bool is_cloexec(int fd)
{
	return fcntl(fd, F_GETFD) & FD_CLOEXEC;
}

static void test_they_belong_to_the_program(void)
{
	CLEANUP_STREAMS struct streams streams = STREAMS_INIT;
	struct err err = ERR_INIT;
	struct stat found;

	begin();
	CHECK(streams_make(folder, 1234, 5678, true, &streams, &err) == 0);
	for (int number = 0; number < 3; number++) {
		CHECK(is_cloexec(streams.program[number]));
		CHECK(fstat(streams.program[number], &found) == 0 && S_ISFIFO(found.st_mode));
		CHECK_INT(found.st_uid, 1234);
		CHECK_INT(found.st_gid, 5678);
	}
	CHECK(is_cloexec(streams.keeper_in) && is_cloexec(streams.keeper_out) && is_cloexec(streams.keeper_err));
	CHECK_INT(streams_make(folder, 0, 0, false, &(struct streams){0}, &err), -EEXIST);
	end();
}

/* No broken pipe, and nothing lost. */
static void test_a_keeper_that_dies(void)
{
	CLEANUP_STREAMS struct streams streams = STREAMS_INIT;
	struct err err = ERR_INIT;
	char words[16] = "";
	int again;

	begin();
	CHECK(streams_make(folder, 0, 0, false, &streams, &err) == 0);
	CHECK_INT(streams.program[0], -1);
	CHECK(write(streams.program[1], "one ", 4) == 4);
	(void)close(streams.keeper_out);
	streams.keeper_out = -1;
	(void)signal(SIGPIPE, SIG_IGN);
	CHECK(write(streams.program[1], "two", 3) == 3);
	(void)signal(SIGPIPE, SIG_DFL);
	again = openat(folder, KEEPER_STDOUT, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	CHECK(read(again, words, sizeof(words) - 1) == 7);
	CHECK_STR(words, "one two");
	(void)close(again);
	end();
}

static void test_end_of_input(void)
{
	CLEANUP_STREAMS struct streams streams = STREAMS_INIT;
	struct err err = ERR_INIT;
	char byte;

	begin();
	CHECK(streams_make(folder, 0, 0, true, &streams, &err) == 0);
	CHECK(write(streams.keeper_in, "x", 1) == 1);
	(void)close(streams.keeper_in);
	streams.keeper_in = -1;
	CHECK(read(streams.program[0], &byte, 1) == 1);
	CHECK(read(streams.program[0], &byte, 1) == 0);
	end();
}

/* However the numbers cross: none stands where another one is still to be placed. */
static void test_settling(void)
{
	static const int wishes[][3] = {{0, 1, 2}, {1, 2, 0}, {2, 2, 2}, {0, 0, 0}, {2, 1, 0}, {0, 2, 1}};

	for (size_t i = 0; i < ARRAY_SIZE(wishes); i++)
		for (unsigned preserved = 0; preserved < 4; preserved++) {
			CLEANUP_STDIO struct stdio stdio = STDIO_INIT;
			struct err err = ERR_INIT;

			CHECK(stdio_settle(wishes[i], preserved, true, &stdio, &err) == 0);
			for (int number = 0; number < 3; number++) {
				struct stat wanted, found;

				CHECK(stdio.fds[number] == number || stdio.fds[number] >= 3 + (int)preserved);
				CHECK(fstat(wishes[i][number], &wanted) == 0 && fstat(stdio.fds[number], &found) == 0 &&
				      wanted.st_ino == found.st_ino);
			}
		}
}

static void test_nothing_is_the_null_device(void)
{
	CLEANUP_STDIO struct stdio stdio = STDIO_INIT;
	static const int wishes[] = {-1, 1, -1};
	struct err err = ERR_INIT;
	struct stat null, found;

	CHECK(stdio_settle(wishes, 0, false, &stdio, &err) == 0);
	CHECK(stat("/dev/null", &null) == 0 && fstat(stdio.fds[0], &found) == 0);
	CHECK(found.st_rdev == null.st_rdev && S_ISCHR(found.st_mode));
	CHECK(is_cloexec(stdio.fds[0]) && is_cloexec(stdio.fds[2]));
	CHECK_INT(stdio.fds[1], 1);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_they_belong_to_the_program), TAP_CASE(test_a_keeper_that_dies),
		       TAP_CASE(test_end_of_input), TAP_CASE(test_settling), TAP_CASE(test_nothing_is_the_null_device));
}
