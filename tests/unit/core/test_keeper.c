/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hull-keeper itself, with a shell script as its program. */
#include "runtime/vm/last_words.h"
#include "tests/unit/core/keeper_fixture.h"

static void test_exit_code_and_log(void)
{
	struct fixture f = {.script = "echo out; echo err >&2; printf rest; exit 3"};
	struct text log = TEXT_INIT;
	struct exit_file exit;

	if (!fixture_start(&f))
		return;
	CHECK_INT(fixture_wait(f.keeper), 0);
	CHECK(fixture_exit(&f, &exit) && exit.known);
	CHECK_INT(exit.code, 3);
	CHECK_INT(exit.signal, 0);
	CHECK(exit.finished_ns > 0);
	fixture_log(&f, &log);
	CHECK_HAS(text_get(&log), "out\n");
	CHECK_HAS(text_get(&log), "err\n");
	CHECK_HAS(text_get(&log), "rest");
	CHECK(fixture_has(&f, "unmade"));
	text_free(&log);
	fixture_end(&f);
}

static void test_signal(void)
{
	struct fixture f = {.script = "kill -9 $$"};
	struct exit_file exit;

	if (!fixture_start(&f))
		return;
	CHECK_INT(fixture_wait(f.keeper), 0);
	CHECK(fixture_exit(&f, &exit) && exit.known);
	CHECK_INT(exit.code, 137);
	CHECK_INT(exit.signal, 9);
	fixture_end(&f);
}

/* A monitor that a guest has taken over says what it likes. */
static void test_last_words(void)
{
	struct last_words said = {.mark = LAST_WORDS_MARK,
				  .cause = "no reset\nx",
				  .words = "a\nknown=0 \033[31mb\303\244"};
	struct fixture f = {.script = "exit 125", .remains = &said, .remains_bytes = sizeof(said)};
	struct exit_file exit;

	if (!fixture_start(&f))
		return;
	CHECK_INT(fixture_wait(f.keeper), 0);
	CHECK(fixture_exit(&f, &exit) && exit.known && exit.code == 125);
	CHECK_STR(exit.cause, "no?reset?x");
	CHECK_STR(exit.words, "a?known=0 ?[31mb??");
	fixture_end(&f);

	/* Texts without an end. */
	memset(said.cause, 'c', sizeof(said.cause));
	memset(said.words, 'w', sizeof(said.words));
	f = (struct fixture){.script = "exit 125", .remains = &said, .remains_bytes = sizeof(said)};
	if (!fixture_start(&f))
		return;
	CHECK_INT(fixture_wait(f.keeper), 0);
	CHECK(fixture_exit(&f, &exit) && exit.known && exit.code == 125);
	CHECK_INT(strlen(exit.cause), sizeof(said.cause) - 1);
	CHECK_INT(strlen(exit.words), sizeof(said.words) - 1);
	fixture_end(&f);

	/* Less than a message is none. */
	f = (struct fixture){.script = "exit 125", .remains = &said, .remains_bytes = sizeof(said) - 1};
	if (!fixture_start(&f))
		return;
	CHECK_INT(fixture_wait(f.keeper), 0);
	CHECK(fixture_exit(&f, &exit) && exit.known && exit.code == 125 && !exit.cause[0] && !exit.words[0]);
	fixture_end(&f);
}

/* Whether it has begun to, after exec. */
static bool ignores_signals(pid_t pid)
{
	char path[64], line[256];
	unsigned long long ignored = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	CLEANUP_FILE FILE *file = fopen(path, "re");

	while (file && fgets(line, sizeof(line), file))
		(void)sscanf(line, "SigIgn: %llx", &ignored);
	return ignored & 1ULL << (SIGTERM - 1);
}

static void test_signals_to_the_keeper(void)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGUSR1};
	struct fixture f = {.script = FIXTURE_WAIT_FOR_GO "exit 5"};
	struct exit_file exit;

	if (!fixture_start(&f))
		return;
	for (unsigned tries = 0; tries < 30000 && !ignores_signals(f.keeper); tries++)
		(void)usleep(1000);
	CHECK(ignores_signals(f.keeper));
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		CHECK(kill(f.keeper, signals[i]) == 0);
	fixture_go(&f);
	CHECK_INT(fixture_wait(f.keeper), 0);
	CHECK(fixture_exit(&f, &exit) && exit.known && exit.code == 5);
	fixture_end(&f);
}

/*
 * What the program writes before the first client has said a word waits for it; log and exit do not wait for the
 * client.
 */
static void test_first_client_misses_nothing(void)
{
	struct fixture f = {.script = "seq 1 5000; echo e >&2; exit 4", .with_client = true};
	struct received received;
	struct text log = TEXT_INIT;
	struct exit_file exit;

	if (!fixture_start(&f))
		return;
	for (unsigned tries = 0; tries < 3000 && !fixture_has(&f, EXIT_FILE); tries++)
		(void)usleep(10000);
	CHECK(fixture_exit(&f, &exit) && exit.known && exit.code == 4);
	fixture_log(&f, &log);
	CHECK_INT(log.len, 23893 + 2);
	CHECK(!fixture_has(&f, "unmade"));
	CHECK_INT(fixture_hello(f.client, ALL_STREAMS), 0);
	receive(f.client, &received, 0);
	CHECK_INT(received.out_bytes, 23893);
	CHECK_STR(text_get(&received.err), "e\n");
	CHECK(received.has_exit && le32toh(received.exit.known) == 1 && le32toh((uint32_t)received.exit.code) == 4);
	CHECK_INT(fixture_wait(f.keeper), 0);
	CHECK(fixture_has(&f, "unmade"));
	received_free(&received);
	text_free(&log);
	fixture_end(&f);
}

static void test_take_over(void)
{
	struct fixture f = {.script = "exit 0", .with_client = true};
	struct received received;

	if (!fixture_start(&f))
		return;
	CHECK_INT(fixture_hello(f.client, ALL_STREAMS | ATTACH_TAKES_OVER), 0);
	receive(f.client, &received, 0);
	CHECK(received.has_exit);
	CHECK_INT(fixture_wait(f.keeper), 0);
	CHECK(!fixture_has(&f, "unmade"));
	received_free(&received);
	fixture_end(&f);

	/* One that promised it and went away does not count. */
	f = (struct fixture){.script = FIXTURE_WAIT_FOR_GO, .with_client = true};
	if (!fixture_start(&f))
		return;
	CHECK_INT(fixture_hello(f.client, ALL_STREAMS | ATTACH_TAKES_OVER), 0);
	(void)close(f.client);
	f.client = -1;
	fixture_go(&f);
	CHECK_INT(fixture_wait(f.keeper), 0);
	CHECK(fixture_has(&f, "unmade"));
	fixture_end(&f);
}

/* Ten megabytes to two clients, one of them slow, and to the log: each gets every byte. */
static void test_much_output(void)
{
	enum { LINES = 1450000 };
	struct fixture f = {.script = "read go; seq 1 1450000",
			    .with_input = true,
			    .with_client = true,
			    .log_max_bytes = 0};
	struct received received;
	struct text log = TEXT_INIT;
	uint64_t wanted = 0, bytes = 0;
	char line[16];
	pid_t slow;

	for (int i = 1; i <= LINES; i++) {
		int len = snprintf(line, sizeof(line), "%d\n", i);

		wanted = sum_of(wanted, line, (size_t)len);
		bytes += (size_t)len;
	}
	if (!fixture_start(&f))
		return;
	slow = fork();
	if (slow == 0) {
		int fd = attach_connect(f.state_fd, NULL);

		if (fd < 0 || fixture_hello(fd, ALL_STREAMS) < 0 ||
		    sock_send_frame(f.client, ATTACH_STDIN, "go\n", 3, NULL) < 0)
			_exit(2);
		/* By then all buffers between are full. */
		(void)usleep(300000);
		receive(fd, &received, 20);
		_exit(received.has_exit && received.out_sum == wanted && received.out_bytes == bytes ? 0 : 1);
	}
	CHECK_INT(fixture_hello(f.client, ALL_STREAMS | ATTACH_WANTS_STDIN), ATTACH_HAS_STDIN);
	receive(f.client, &received, 0);
	CHECK_INT(received.out_bytes, bytes);
	CHECK(received.out_sum == wanted);
	CHECK(received.has_exit);
	CHECK_INT(fixture_wait(slow), 0);
	CHECK_INT(fixture_wait(f.keeper), 0);
	fixture_log(&f, &log);
	CHECK_INT(log.len, bytes);
	CHECK(sum_of(0, text_get(&log), log.len) == wanted);
	received_free(&received);
	text_free(&log);
	fixture_end(&f);
}

static void test_rotation_under_load(void)
{
	struct fixture f = {.script = "seq 1 20000", .log_max_bytes = 65536, .log_max_files = 3};
	struct text log = TEXT_INIT;
	struct stat st;
	unsigned first, next;
	const char *at;
	char *end;

	if (!fixture_start(&f))
		return;
	CHECK_INT(fixture_wait(f.keeper), 0);
	CHECK(fixture_has(&f, "log.2") && !fixture_has(&f, "log.3"));
	CHECK(fstatat(f.state_fd, "log.1", &st, 0) == 0 && st.st_size <= 65536 && st.st_size > 60000);
	fixture_log(&f, &log);
	/*
	 * Joined, a chunk's pieces are lines again. The first may be the end of a line whose beginning was rotated
	 * away.
	 */
	at = strchr(text_get(&log), '\n');
	if (!at) {
		CHECK(!"the log has lines");
		return;
	}
	at++;
	first = next = (unsigned)strtoul(at, NULL, 10);
	CHECK(first > 1);
	for (; *at; at = end + 1, next++)
		if (strtoul(at, &end, 10) != next) {
			CHECK(!"the lines follow one another");
			break;
		}
	CHECK_INT(next, 20001);
	text_free(&log);
	fixture_end(&f);
}

/* A killed keeper: the program gets no SIGPIPE, its later output is kept, and its exit is seen. */
static void test_adoption(void)
{
	struct fixture f = {
		.script =
			"trap 'echo pipe >>\"$0/piped\"' PIPE; i=0; while [ $i -lt 60 ]; do i=$((i+1)); echo line $i; "
			"[ $i -ne 20 ] || { : >\"$0/twenty\"; until [ -e \"$0/go\" ]; do sleep 0.01; done; }; sleep "
			"0.01; done; "
			"until [ -e \"$0/end\" ]; do sleep 0.01; done; exit 7"};
	struct keeper_request request;
	struct text log = TEXT_INIT;
	struct exit_file exit;
	const char *unmake[5];
	struct err err = ERR_INIT;
	char line[16];
	pid_t keeper;

	/* So that the program becomes our child when its keeper dies: somebody has to reap it. */
	CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
	if (!fixture_start(&f))
		return;
	while (!fixture_has(&f, "twenty"))
		(void)usleep(1000);
	CHECK(kill(f.keeper, SIGKILL) == 0);
	CHECK_INT(fixture_wait(f.keeper), SIGKILL);
	fixture_go(&f);
	(void)usleep(100000);
	fixture_request(&f, &request, unmake);
	keeper = keeper_adopt(&request, f.program_ticks, &err);
	CHECK(keeper > 0);
	CHECK_STR(err.msg, "");
	CHECK_INT(keeper_adopt(&request, f.program_ticks, &err), -EADDRINUSE); /* it has one now */
	CHECK_INT(mkdirat(f.state_fd, "end", 0700), 0);
	CHECK_INT(fixture_wait(f.program), 7 << 8);
	CHECK_INT(fixture_wait(keeper), 0);
	CHECK(!fixture_has(&f, "piped"));
	CHECK(fixture_has(&f, "unmade"));
	CHECK(fixture_exit(&f, &exit));
	if (exit.known)
		CHECK_INT(exit.code, 7);
	else
		printf("# this kernel does not tell the exit code of an adopted program\n");
	fixture_log(&f, &log);
	/* What the killed one had read and not yet written is lost, at most: the lines after are not. */
	for (int i = 21; i <= 60; i++) {
		(void)snprintf(line, sizeof(line), "line %d\n", i);
		CHECK_HAS(text_get(&log), line);
	}
	text_free(&log);
	CHECK_INT(keeper_adopt(&request, f.program_ticks, &err), -ESRCH); /* nobody to keep */
	fixture_end(&f);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 0);
}

/* The sum of a process's own memory (Pss) and of what no file is behind, in KiB. */
static void memory_of(pid_t pid, unsigned *pss, unsigned *anonymous)
{
	char path[64], line[256];

	(void)snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	CLEANUP_FILE FILE *file = fopen(path, "re");

	while (file && fgets(line, sizeof(line), file)) {
		(void)sscanf(line, "Pss: %u kB", pss);
		(void)sscanf(line, "Anonymous: %u kB", anonymous);
	}
}

static void test_memory_of_twenty(void)
{
	enum { KEEPERS = 20 };
	static struct fixture f[KEEPERS];
	unsigned pss = 0, anonymous = 0;

	for (int i = 0; i < KEEPERS; i++) {
		f[i] = (struct fixture){.script = "seq 1 1000; exec sleep 60",
					.log_max_bytes = 16384,
					.log_max_files = 2};
		if (!fixture_start(&f[i]))
			return;
	}
	(void)usleep(300000);
	memory_of(f[KEEPERS / 2].keeper, &pss, &anonymous);
	printf("# one of %d keepers: Pss %u KiB, anonymous %u KiB\n", KEEPERS, pss, anonymous);
#ifndef __SANITIZE_ADDRESS__
	CHECK(pss > 0 && pss < 150);
	CHECK(anonymous < 100);
#endif
	for (int i = 0; i < KEEPERS; i++) {
		CHECK(kill(f[i].program, SIGKILL) == 0);
		CHECK_INT(fixture_wait(f[i].keeper), 0);
		fixture_end(&f[i]);
	}
}

/* What the link of a process's descriptor says; "" when it has none of that number. */
static const char *link_of(pid_t pid, int fd)
{
	static char target[128];
	char path[64];
	ssize_t len;

	(void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
	len = readlink(path, target, sizeof(target) - 1);
	target[len > 0 ? len : 0] = '\0';
	return target;
}

/* What the caller has open must not stay open in a process that lives for weeks; nor may the instance's lock. */
static void test_descriptors(void)
{
	struct fixture f = {.script = FIXTURE_WAIT_FOR_GO};
	char leaked_name[128];
	int leaked[2];

	CHECK(pipe(leaked) == 0);
	(void)strcpy(leaked_name, link_of(getpid(), leaked[0]));
	if (!fixture_start(&f))
		return;
	for (int fd = 0; fd < 3; fd++)
		CHECK_STR(link_of(f.keeper, fd), "/dev/null");
	for (int fd = 3; fd < 100; fd++)
		CHECK(strcmp(link_of(f.keeper, fd), leaked_name) != 0);
	/* The fixture's engine held it until it became the keeper. */
	CHECK(flock(f.state_fd, LOCK_EX | LOCK_NB) == 0);
	(void)close(leaked[0]);
	(void)close(leaked[1]);
	fixture_go(&f);
	CHECK_INT(fixture_wait(f.keeper), 0);
	fixture_end(&f);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_exit_code_and_log), TAP_CASE(test_signal), TAP_CASE(test_last_words),
		       TAP_CASE(test_signals_to_the_keeper), TAP_CASE(test_first_client_misses_nothing),
		       TAP_CASE(test_take_over), TAP_CASE(test_much_output), TAP_CASE(test_rotation_under_load),
		       TAP_CASE(test_adoption), TAP_CASE(test_memory_of_twenty), TAP_CASE(test_descriptors));
}
