// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/definition.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/file.h"
#include "tests/unit/tap.h"

static char dir[64];
static struct definitions all;
static struct arena arena;

static void begin(void)
{
	struct err err = ERR_INIT;

	arena = ARENA_INIT;
	(void)snprintf(dir, sizeof(dir), "/tmp/hull-definitions-XXXXXX");
	CHECK(mkdtemp(dir) != NULL);
	CHECK(definitions_open(dir, &all, &err) == 0);
	(void)fflush(stdout);
}

static void end(void)
{
	struct err err = ERR_INIT;

	definitions_close(&all);
	arena_free(&arena);
	CHECK(file_remove_tree(AT_FDCWD, dir, &err) == 0);
}

static void claim(const char *name, char id[static DEFINITION_ID_BYTES])
{
	const char *given;
	struct err err = ERR_INIT;
	int fd = definition_claim(&all, &arena, name, id, &given, &err);

	CHECK(fd >= 0);
	CHECK(!name || strcmp(given, name) == 0);
	(void)close(fd);
}

static size_t count_of(int fd)
{
	char command[64];
	FILE *out;
	int count = -1;

	(void)snprintf(command, sizeof(command), "ls -A /proc/%d/fd/%d/ | wc -l", getpid(), fd);
	out = popen(command, "re");
	CHECK(out && fscanf(out, "%d", &count) == 1);
	(void)pclose(out);
	return (size_t)count;
}

static void test_names(void)
{
	static const char *const bad[] = {"", ".", "-a", "_a", "a/b", "a b", "../a", "a\n"};
	char id[DEFINITION_ID_BYTES], other[DEFINITION_ID_BYTES], found[DEFINITION_ID_BYTES];
	const char *given;
	struct err err = ERR_INIT;

	begin();
	claim("web", id);
	CHECK_INT(strlen(id), 64);
	CHECK_INT(definition_claim(&all, &arena, "web", other, &given, &err), -EEXIST);
	CHECK_HAS(err.msg, "the name 'web' is in use: remove that container first, or choose another name");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK_INT(definition_claim(&all, &arena, bad[i], other, &given, &err), -EINVAL);
	CHECK_INT(count_of(all.instances_fd), 1); /* what failed has left nothing */
	CHECK_INT(count_of(all.names_fd), 1);
	CHECK(definition_find(&all, "web", found, &err) == 0);
	CHECK_STR(found, id);
	CHECK(definition_remove(&all, id, "web", &err) == 0);
	CHECK(definition_remove(&all, id, "web", &err) == 0);
	CHECK_INT(definition_find(&all, "web", found, &err), -ENOENT);
	CHECK_STR(err.msg, "no container 'web': see 'hull ps -a'");
	CHECK_INT(count_of(all.names_fd), 0);
	end();
}

static void test_made_up_names(void)
{
	char id[DEFINITION_ID_BYTES];

	begin();
	for (int i = 0; i < 200; i++)
		claim(NULL, id);
	CHECK_INT(count_of(all.names_fd), 200);
	end();
}

static void test_finding_by_the_beginning_of_an_id(void)
{
	char one[DEFINITION_ID_BYTES], found[DEFINITION_ID_BYTES], twin[DEFINITION_ID_BYTES];
	struct err err = ERR_INIT;

	begin();
	claim("one", one);
	CHECK(definition_find(&all, one, found, &err) == 0);
	one[12] = '\0';
	CHECK(definition_find(&all, one, found, &err) == 0);
	CHECK(strncmp(found, one, 12) == 0);
	(void)snprintf(twin, sizeof(twin), "%s", found);
	twin[63] = twin[63] == '0' ? '1' : '0';
	CHECK(mkdirat(all.instances_fd, twin, 0700) == 0);
	CHECK_INT(definition_find(&all, one, found, &err), -EEXIST);
	CHECK_HAS(err.msg, "is the beginning of 2 containers' ids");
	CHECK_INT(definition_find(&all, "", found, &err), -ENOENT);
	CHECK_INT(definition_find(&all, "..", found, &err), -ENOENT);
	CHECK_INT(definition_find(&all, "../names/one", found, &err), -ENOENT);
	CHECK_INT(definition_find(&all, "zz", found, &err), -ENOENT);
	end();
}

static void test_name_of_another(void)
{
	char one[DEFINITION_ID_BYTES], two[DEFINITION_ID_BYTES], found[DEFINITION_ID_BYTES];
	struct err err = ERR_INIT;

	begin();
	claim("one", one);
	claim("two", two);
	CHECK(definition_remove(&all, one, "two", &err) == 0); /* what is not its own stays */
	CHECK(definition_find(&all, "two", found, &err) == 0);
	CHECK_STR(found, two);
	end();
}

/* A crash between folder and name leaves a name that leads nowhere. */
static void test_sweep(void)
{
	char one[DEFINITION_ID_BYTES], two[DEFINITION_ID_BYTES], found[DEFINITION_ID_BYTES];
	struct err err = ERR_INIT;

	begin();
	claim("one", one);
	claim("two", two);
	CHECK(file_drop_folder(all.instances_fd, one, &err) == 0);
	CHECK(definition_sweep(&all, &err) == 0);
	CHECK_INT(count_of(all.names_fd), 1);
	CHECK(definition_find(&all, "two", found, &err) == 0);
	claim("one", one); /* free again */
	end();
}

/* Many want one name while others sweep: one gets it, and keeps it. */
static void test_race_for_a_name(void)
{
	char found[DEFINITION_ID_BYTES];
	struct err err = ERR_INIT;
	int won = 0, status;

	begin();
	CHECK(symlinkat("0000000000000000000000000000000000000000000000000000000000000000", all.names_fd, "n") == 0);
	for (int i = 0; i < 12; i++)
		if (fork() == 0) {
			struct err words = ERR_INIT;
			char id[DEFINITION_ID_BYTES];
			const char *given;
			bool got = false;

			for (int turn = 0; turn < 20; turn++) {
				(void)definition_sweep(&all, &words);
				got |= i % 2 && !got && definition_claim(&all, &arena, "n", id, &given, &words) >= 0;
			}
			_exit(got);
		}
	while (wait(&status) > 0)
		won += WIFEXITED(status) && WEXITSTATUS(status) == 1;
	CHECK_INT(won, 1);
	CHECK(definition_find(&all, "n", found, &err) == 0);
	CHECK(definition_open(&all, found, &err) >= 0);
	CHECK_INT(count_of(all.instances_fd), 1);
	end();
}

static void test_wishes(void)
{
	begin();
	CHECK(definition_is_wanted_running(dir));
	definition_want_running(dir, false);
	CHECK(!definition_is_wanted_running(dir));
	definition_want_running(dir, false);
	definition_want_running(dir, true);
	CHECK(definition_is_wanted_running(dir));
	definition_want_running(NULL, false);
	CHECK(!definition_is_wanted_running(NULL));
	CHECK(!definition_is_wanted_running("/none/such"));
	end();
}

static void test_exits(void)
{
	struct definition_exit exit = {.exit = {.known = true,
						.code = 137,
						.signal = 9,
						.oom = true,
						.cause = "panic",
						.words = "it \"panicked\""},
				       .started = 5,
				       .finished = UINT64_C(1) << 62,
				       .restart_count = 3},
			       again;
	struct err err = ERR_INIT;
	int fd;

	begin();
	CHECK_INT(definition_exit_read(all.names_fd, &again, &err), -ENOENT);
	CHECK(definition_exit_write(all.names_fd, &exit, &err) == 0);
	CHECK(definition_exit_read(all.names_fd, &again, &err) == 0);
	CHECK(again.exit.known && again.exit.oom);
	CHECK_INT(again.exit.code, 137);
	CHECK_INT(again.exit.signal, 9);
	CHECK_STR(again.exit.cause, "panic");
	CHECK_STR(again.exit.words, "it \"panicked\"");
	CHECK_INT(again.started, 5);
	CHECK(again.finished == exit.finished);
	CHECK_INT(again.restart_count, 3);
	fd = openat(all.names_fd, "exit.json", O_WRONLY | O_TRUNC | O_CLOEXEC); /* as a power cut may leave it */
	(void)close(fd);
	CHECK(definition_exit_read(all.names_fd, &again, &err) < 0);
	CHECK(!again.exit.known);
	end();
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_names), TAP_CASE(test_made_up_names),
		       TAP_CASE(test_finding_by_the_beginning_of_an_id), TAP_CASE(test_name_of_another),
		       TAP_CASE(test_sweep), TAP_CASE(test_race_for_a_name), TAP_CASE(test_wishes),
		       TAP_CASE(test_exits));
}
