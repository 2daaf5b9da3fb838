/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Turns: several that share one file, some of whom do not keep the rules. */
#include "runtime/vm/turns.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/process.h"
#include "runtime/base/scope.h"
#include "tests/unit/tap.h"

#define ALL 6

static char folder[] = "/tmp/hull-turns.XXXXXX", file[64];
static struct turns all[ALL];

/* Each with an open file of its own. */
static void begin(unsigned count)
{
	for (size_t i = 0; i < ALL; i++) {
		turns_open(&all[i], open(file, O_RDWR | O_CLOEXEC));
		CHECK(all[i].fd >= 0 && all[i].count >= 1);
		all[i].count = count;
	}
}

static void end(void)
{
	for (size_t i = 0; i < ALL; i++)
		turns_close(&all[i]);
}

static void test_turns(void)
{
	begin(2);
	CHECK(turns_take(&all[0]) && turns_take(&all[1]));
	CHECK(!turns_take(&all[2]) && !turns_take(&all[2]));
	turns_close(&all[0]);
	CHECK(turns_take(&all[2]));
	CHECK(!turns_take(&all[3]));
	end();
}

static void test_line(void)
{
	begin(1);
	CHECK(turns_take(&all[0]));
	for (unsigned i = 1; i < ALL; i++) {
		CHECK(!turns_take(&all[i]));
		CHECK_INT(all[i].place, i - 1);
		/* Who is at the front asks more often. */
		CHECK(i == 1 || turns_pause_ms(&all[i]) > turns_pause_ms(&all[i - 1]));
	}
	/* One gives up: those behind move up. */
	turns_close(&all[2]);
	CHECK(!turns_take(&all[3]) && !turns_take(&all[4]) && !turns_take(&all[1]));
	CHECK_INT(all[1].place, 0);
	CHECK_INT(all[3].place, 1);
	CHECK_INT(all[4].place, 2);
	/* The front's turn leaves its place to the next. */
	turns_close(&all[0]);
	CHECK(turns_take(&all[1]));
	CHECK(!turns_take(&all[3]));
	CHECK_INT(all[3].place, 0);
	end();
}

/* It is waited for while its turn is taken, and no longer. */
static void test_frozen_front(void)
{
	begin(1);
	CHECK(turns_take(&all[0]) && !turns_take(&all[1]) && !turns_take(&all[2]));
	turns_close(&all[0]);
	CHECK(turns_take(&all[2]));
	end();
}

/* As somebody does who has taken a turn so long ago, and was not let run since. */
static void lock_turn(int fd, unsigned number, uint64_t ms_ago)
{
	struct flock one = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};

	one.l_start = (off_t)(TURNS_ROOM * (1 + number) + proc_monotonic_ns() / 1000000 - ms_ago);
	CHECK_INT(fcntl(fd, F_OFD_SETLK, &one), 0);
}

/* All turns are those of somebody frozen: they are waited for as long as he could still be at it, and no longer. */
static void test_frozen_holders(void)
{
	CLEANUP_FD int frozen = open(file, O_RDWR | O_CLOEXEC);

	if (proc_monotonic_ns() / 1000000 <= TURNS_LAST_MS)
		SKIP("this machine has not been up for long enough");
	begin(2);
	lock_turn(frozen, 0, TURNS_LAST_MS + 1);
	lock_turn(frozen, 1, TURNS_HOLD_MS);
	CHECK(turns_take(&all[0]));
	CHECK(!turns_take(&all[1]) && !turns_take(&all[2]));
	/* He goes on, and is through. */
	scope_fd(&frozen);
	frozen = -1;
	CHECK(turns_take(&all[2]));
	CHECK(!turns_take(&all[1]));
	turns_close(&all[0]);
	CHECK(turns_take(&all[1]));
	end();
}

/* Asks until it goes anyway, or for far too long: for how many ms. */
static unsigned wait_in_vain(struct turns *turns)
{
	unsigned waited_ms = 0;

	while (waited_ms < 3 * TURNS_PATIENCE_MS && !turns_take(turns))
		waited_ms += turns_pause_ms(turns);
	return waited_ms;
}

static void test_patience(void)
{
	unsigned waited_ms;

	begin(1);
	CHECK(turns_take(&all[0]));
	waited_ms = wait_in_vain(&all[1]);
	CHECK(waited_ms > TURNS_LAST_MS && waited_ms <= TURNS_PATIENCE_MS);
	/* It has no turn, and no place. */
	CHECK(!turns_take(&all[2]));
	CHECK_INT(all[2].place, 0);
	end();
}

static void test_line_that_moves(void)
{
	begin(1);
	CHECK(turns_take(&all[0]));
	for (unsigned i = 1; i < ALL; i++)
		CHECK(!turns_take(&all[i]));
	/* The last one has been patient for nearly as long as it is, when somebody before it goes. */
	while (all[ALL - 1].still_ms + turns_pause_ms(&all[ALL - 1]) < TURNS_PATIENCE_MS)
		CHECK(!turns_take(&all[ALL - 1]));
	turns_close(&all[2]);
	CHECK(!turns_take(&all[ALL - 1]) && !turns_take(&all[ALL - 1]));
	CHECK(all[ALL - 1].still_ms < TURNS_HOLD_MS);
	end();
}

/* Who started this process has the descriptor, too. */
static void test_copies(void)
{
	int copy;

	begin(1);
	copy = fcntl(all[0].fd, F_DUPFD_CLOEXEC, 3);
	CHECK(copy >= 0 && turns_take(&all[0]));
	CHECK(!turns_take(&all[1]));
	turns_close(&all[0]);
	turns_close(&all[0]);
	CHECK(turns_take(&all[1]));
	(void)close(copy);
	end();
}

static void test_killed(void)
{
	int ready[2];
	char byte;
	pid_t pid;

	CHECK(pipe(ready) == 0);
	pid = fork();
	if (pid == 0) {
		turns_open(&all[0], open(file, O_RDWR));
		all[0].count = 1;
		(void)!write(ready[1], turns_take(&all[0]) ? "y" : "n", 1);
		for (;;)
			(void)pause();
	}
	CHECK(read(ready[0], &byte, 1) == 1 && byte == 'y');
	begin(1);
	CHECK(!turns_take(&all[1]));
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	CHECK(turns_take(&all[1]));
	end();
	(void)close(ready[0]);
	(void)close(ready[1]);
}

static void test_no_locks(void)
{
	begin(1);
	end();
	CHECK(turns_take(&all[0])); /* without a file */
	begin(1);
	CHECK(turns_take(&all[0]));
	turns_close(&all[1]);
	turns_open(&all[1],
		   open(file, O_RDONLY | O_NONBLOCK | O_CLOEXEC)); /* what a file system without locks comes to */
	CHECK(turns_take(&all[1]));
	end();
}

int main(void)
{
	int result;

	if (!mkdtemp(folder))
		return 1;
	(void)snprintf(file, sizeof(file), "%s/turns", folder);
	if (mkfifo(file, 0600) < 0)
		return 1;
	result = TAP_RUN(TAP_CASE(test_turns), TAP_CASE(test_line), TAP_CASE(test_frozen_front),
			 TAP_CASE(test_frozen_holders), TAP_CASE(test_patience), TAP_CASE(test_line_that_moves),
			 TAP_CASE(test_copies), TAP_CASE(test_killed), TAP_CASE(test_no_locks));
	(void)unlink(file);
	(void)rmdir(folder);
	return result;
}
