// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/lifecycle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/file.h"
#include "runtime/base/process.h"
#include "runtime/core/exit_file.h"
#include "tests/unit/tap.h"

static char dir[64], boot[37];
static int folder;

static struct record begin(enum record_status status)
{
	struct record record = {.version = RECORD_VERSION,
				.id = "x",
				.oci_version = "1.0.2",
				.bundle = "/b",
				.status = status,
				.boot_id = boot,
				.init.pid = getpid(),
				.keeper.pid = getpid()};
	struct err err = ERR_INIT;

	(void)snprintf(dir, sizeof(dir), "/tmp/hull-lifecycle-XXXXXX");
	CHECK(mkdtemp(dir) != NULL);
	folder = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(proc_boot_id(boot, &err) == 0);
	CHECK(proc_start_time(getpid(), &record.init.start_ticks) == 0);
	record.keeper.start_ticks = record.init.start_ticks;
	return record;
}

static void end(void)
{
	struct err err = ERR_INIT;

	(void)close(folder);
	CHECK(file_remove_tree(AT_FDCWD, dir, &err) == 0);
}

static void test_what_is_so(void)
{
	struct record record = begin(RECORD_RUNNING);

	CHECK_INT(lifecycle_look(&record, folder, true).status, RECORD_RUNNING);
	record.init.start_ticks++; /* another process has the pid */
	CHECK_INT(lifecycle_look(&record, folder, true).status, RECORD_STOPPED);
	CHECK(!lifecycle_look(&record, folder, true).exit.known);
	record.init.start_ticks--;
	record.boot_id = "00000000-0000-0000-0000-000000000000";
	CHECK_INT(lifecycle_look(&record, folder, true).status, RECORD_STOPPED);
	record.boot_id = NULL;
	CHECK_INT(lifecycle_look(&record, folder, true).status, RECORD_STOPPED);
	end();
}

static void test_a_zombie_has_stopped(void)
{
	struct record record = begin(RECORD_RUNNING);
	siginfo_t info;
	pid_t pid;

	(void)fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(0);
	record.init.pid = pid;
	CHECK(proc_start_time(pid, &record.init.start_ticks) == 0);
	CHECK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0);
	CHECK_INT(lifecycle_look(&record, folder, true).status, RECORD_STOPPED);
	(void)waitpid(pid, NULL, 0);
	end();
}

static void test_creations_that_were_killed(void)
{
	struct record record = begin(RECORD_CREATING);

	CHECK(!lifecycle_look(&record, folder, true).interrupted);
	record.keeper.start_ticks++;
	CHECK(lifecycle_look(&record, folder, true).interrupted);
	record.keeper.start_ticks--;
	record.boot_id = "00000000-0000-0000-0000-000000000000";
	CHECK(lifecycle_look(&record, folder, true).interrupted);
	end();
}

static void test_keepers(void)
{
	struct record record = begin(RECORD_RUNNING);

	record.keeper.start_ticks++;
	CHECK(!lifecycle_look(&record, folder, true).unattended); /* a plain bundle has none */
	record.data_dir = "/d";
	CHECK(lifecycle_look(&record, folder, true).unattended);
	record.keeper.start_ticks--;
	CHECK(!lifecycle_look(&record, folder, true).unattended);
	end();
}

static void test_exit_of_a_keeper(void)
{
	struct record record = begin(RECORD_RUNNING);
	struct exit_file seen = {.known = true, .code = 137, .signal = 9, .finished_ns = 77};
	struct exit_file told = {.known = true,
				 .code = 125,
				 .finished_ns = 78,
				 .cause = "panic",
				 .words = "the guest's: kernel=1"};
	struct lifecycle now;
	struct err err = ERR_INIT;

	record.init.start_ticks++;
	CHECK(exit_file_write(folder, &seen, &err) == 0);
	now = lifecycle_look(&record, folder, true);
	CHECK(now.exit.known);
	CHECK_INT(now.exit.code, 137);
	CHECK_INT(now.exit.signal, 9);
	CHECK_INT(now.finished, 77);
	CHECK_STR(now.exit.cause, "");
	CHECK_STR(now.exit.words, "");
	CHECK(exit_file_write(folder, &told, &err) == 0);
	now = lifecycle_look(&record, folder, true);
	CHECK_INT(now.exit.code, 125);
	CHECK_STR(now.exit.cause, "panic");
	CHECK_STR(now.exit.words, "the guest's: kernel=1");
	end();
}

static void put_exit(const char *line)
{
	CLEANUP_FD int fd = openat(folder, EXIT_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CHECK(write(fd, line, strlen(line)) == (ssize_t)strlen(line));
}

/* A keeper outlives an update of hull, and its line says what was known when it was built. */
static void test_exit_of_other_keepers(void)
{
	static const char *const older[] = {
		"known=1 code=143 signal=15 finished_ns=77\n",
		"known=1 code=143 signal=15 oom=1 finished_ns=77\n",
		"known=1 code=143 signal=15 oom=1 finished_ns=77 later=yes cause=- words=\n",
		"known=1 code=143 signal=15 oom=1 finished_ns=77 cause=a-later-hull-s-cause words=\n",
	};
	static const char *const no_lines[] = {
		"",
		"known=1 code",
		"known=1 code=143 signal=15",
		"known=1 code=143 signal=x finished_ns=77\n",
	};
	struct record record = begin(RECORD_RUNNING);
	struct lifecycle now;

	record.init.start_ticks++;
	for (size_t i = 0; i < ARRAY_SIZE(older); i++) {
		put_exit(older[i]);
		now = lifecycle_look(&record, folder, true);
		CHECK(now.exit.known);
		CHECK_INT(now.exit.code, 143);
		CHECK_INT(now.exit.signal, 15);
		CHECK_INT(now.finished, 77);
		CHECK(now.exit.oom == (i > 0));
		CHECK_STR(now.exit.cause, "");
		CHECK_STR(now.exit.words, "");
	}
	for (size_t i = 0; i < ARRAY_SIZE(no_lines); i++) {
		put_exit(no_lines[i]);
		CHECK(!lifecycle_look(&record, folder, true).exit.known);
	}
	end();
}

/* Rows: what somebody wants; columns: creating, created, running, paused, stopped. */
static void test_what_is_allowed(void)
{
	static const char *const allowed[ACTION_COUNT] = {
		[ACTION_START] = ".x...",      [ACTION_EXEC] = ".xx..",	  [ACTION_KILL] = ".xxx.",
		[ACTION_PAUSE] = ".xx..",      [ACTION_RESUME] = "...x.", [ACTION_UPDATE] = ".xxx.",
		[ACTION_CHECKPOINT] = "..xx.", [ACTION_DELETE] = "....x",
	};
	struct record record = {.id = "x"};

	for (int action = 0; action < ACTION_COUNT; action++)
		for (int status = RECORD_CREATING; status <= RECORD_STOPPED; status++) {
			struct lifecycle now = {.status = (enum record_status)status};
			struct err err = ERR_INIT;
			int result = lifecycle_allows(&record, &now, (enum lifecycle_action)action, &err);

			CHECK_INT(result, allowed[action][status] == 'x' ? 0 : -EINVAL);
			if (result < 0)
				CHECK_HAS(err.msg, record_status_name((enum record_status)status));
		}
}

static void test_changes(void)
{
	static const char *const enterable[] = {"", "0", "01", "", "0124"}; /* from which, by number */

	for (int from = RECORD_CREATING; from <= RECORD_STOPPED; from++)
		for (int to = RECORD_CREATING; to <= RECORD_STOPPED; to++) {
			struct record record = begin((enum record_status)from);
			struct err err = ERR_INIT;
			int result = lifecycle_enter(&record, folder, (enum record_status)to, &err);

			CHECK_INT(result, strchr(enterable[to], '0' + from) ? 0 : -EINVAL);
			CHECK_INT(record.status, result == 0 ? to : from);
			CHECK_INT(faccessat(folder, RECORD_FILE, F_OK, 0), result == 0 ? 0 : -1);
			end();
		}
}

static void write_words(const char *words)
{
	int fd = openat(folder, RECORD_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CHECK(write(fd, words, strlen(words)) == (ssize_t)strlen(words));
	(void)close(fd);
}

static void test_reading(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct record record = begin(RECORD_RUNNING), read;
	struct err err = ERR_INIT;

	CHECK_INT(lifecycle_read(&arena, folder, "x", &read, &err), -ENOENT);
	CHECK_HAS(err.msg, "container 'x' has no record");
	record.cgroup = (struct record_cgroup){.driver = "cgroupfs", .path = "/x"};
	CHECK(lifecycle_write(&record, folder, &err) == 0);
	CHECK(lifecycle_read(&arena, folder, "x", &read, &err) == 0);
	CHECK_INT(read.init.pid, getpid());
	CHECK_STR(read.cgroup.path, "/x");
	write_words("{\"version\": 1, \"id\": 5");
	CHECK_INT(lifecycle_read(&arena, folder, "x", &read, &err), -EBADMSG);
	CHECK_HAS(err.msg, "container 'x': its record cannot be used: ");
	CHECK(!strchr(err.msg, '\n'));
	/* Of another boot: nothing that somebody could send a signal to. */
	record.boot_id = "00000000-0000-0000-0000-000000000000";
	CHECK(lifecycle_write(&record, folder, &err) == 0);
	CHECK(lifecycle_read(&arena, folder, "x", &read, &err) == 0);
	CHECK_INT(read.init.pid, 0);
	CHECK_INT(read.keeper.pid, 0);
	CHECK(read.cgroup.path == NULL);
	end();
}

static void test_salvage(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct record record = begin(RECORD_RUNNING), read;
	struct err err = ERR_INIT;
	char words[4096];
	ssize_t len;
	int fd;

	record.cgroup = (struct record_cgroup){.driver = "cgroupfs", .path = "/x"};
	CHECK(lifecycle_write(&record, folder, &err) == 0);
	fd = openat(folder, RECORD_FILE, O_RDONLY | O_CLOEXEC);
	len = pread(fd, words, sizeof(words) - 32, 0);
	(void)close(fd);
	CHECK(len > 2);
	(void)snprintf(words + len - 2, 32, ", \"new\": {}}");
	write_words(words);
	CHECK_INT(lifecycle_read(&arena, folder, "x", &read, &err), -EBADMSG);
	lifecycle_salvage(&arena, folder, "x", &read);
	CHECK_STR(read.id, "x");
	CHECK_INT(read.init.pid, getpid());
	CHECK_STR(read.cgroup.path, "/x");
	write_words("{");
	lifecycle_salvage(&arena, folder, "x", &read);
	CHECK_STR(read.id, "x");
	CHECK_INT(read.init.pid, 0);
	CHECK(read.bundle == NULL);
	end();
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_what_is_so), TAP_CASE(test_a_zombie_has_stopped),
		       TAP_CASE(test_creations_that_were_killed), TAP_CASE(test_keepers),
		       TAP_CASE(test_exit_of_a_keeper), TAP_CASE(test_exit_of_other_keepers),
		       TAP_CASE(test_what_is_allowed), TAP_CASE(test_changes), TAP_CASE(test_reading),
		       TAP_CASE(test_salvage));
}
