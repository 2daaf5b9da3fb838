/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hull-keeper itself, with a shell script as its program. */
#include "runtime/vm/last_words.h"
#include "tests/unit/core/keeper_fixture.h"

#define ALL_STREAMS (ATTACH_WANTS_STDOUT | ATTACH_WANTS_STDERR)

/* FNV-1a: to compare ten megabytes without keeping them. */
static uint64_t sum_of(uint64_t sum, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum = (sum ^ (unsigned char)bytes[i]) * UINT64_C(1099511628211);
	return sum;
}

struct received {
	uint64_t out_bytes, out_sum;
	struct text out, err; /* the first of them */
	struct attach_exit exit;
	bool has_exit;
};

/* Takes frames until EXIT or the end of the stream, resting a little after every `rest_every`. */
static void receive(int fd, struct received *ret, unsigned rest_every)
{
	static char bytes[ATTACH_CHUNK_BYTES];
	unsigned frames = 0;
	uint16_t type;
	ssize_t len;

	*ret = (struct received){.out = {.max_bytes = 1 << 20}, .err = {.max_bytes = 1 << 20}};
	while (!ret->has_exit && (len = sock_recv_frame(fd, &type, bytes, sizeof(bytes), NULL)) >= 0) {
		if (rest_every && ++frames % rest_every == 0)
			(void)usleep(2000);
		if (type == ATTACH_OUT) {
			ret->out_bytes += (size_t)len;
			ret->out_sum = sum_of(ret->out_sum, bytes, (size_t)len);
			text_add_bytes(&ret->out, bytes, (size_t)len);
		} else if (type == ATTACH_ERR) {
			text_add_bytes(&ret->err, bytes, (size_t)len);
		} else if (type == ATTACH_EXIT) {
			memcpy(&ret->exit, bytes, sizeof(ret->exit));
			ret->has_exit = true;
		}
	}
}

static void received_free(struct received *received)
{
	text_free(&received->out);
	text_free(&received->err);
}

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
	struct fixture f = {.script = "until [ -e \"$0/go\" ]; do sleep 0.02; done; exit 5"};
	struct exit_file exit;

	if (!fixture_start(&f))
		return;
	while (!ignores_signals(f.keeper))
		(void)usleep(1000);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		CHECK(kill(f.keeper, signals[i]) == 0);
	CHECK_INT(mkdirat(f.state_fd, "go", 0700), 0);
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
	f = (struct fixture){.script = "until [ -e \"$0/go\" ]; do sleep 0.05; done", .with_client = true};
	if (!fixture_start(&f))
		return;
	CHECK_INT(fixture_hello(f.client, ALL_STREAMS | ATTACH_TAKES_OVER), 0);
	(void)close(f.client);
	f.client = -1;
	CHECK_INT(mkdirat(f.state_fd, "go", 0700), 0);
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
	CHECK_INT(mkdirat(f.state_fd, "go", 0700), 0);
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

/* Whether the keeper has hung up on us. */
static bool is_dropped(int fd)
{
	struct timeval patience = {.tv_sec = 30};
	char byte[64];
	ssize_t n;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	while ((n = recv(fd, byte, sizeof(byte), 0)) > 0)
		;
	return n == 0 || errno == ECONNRESET;
}

static void test_malformed_frames(void)
{
	static const struct {
		const char *what, *bytes;
		size_t len;
	} cases[] = {
		{"not greeted", "\x01\0\0\0\x02\0\0\0x", 9},
		{"unknown type", "\0\0\0\0\x63\0\0\0", 8},
		{"a keeper's type", "\0\0\0\0\x13\0\0\0", 8},
		{"type 0", "\0\0\0\0\0\0\0\0", 8},
		{"not zero", "\x08\0\0\0\x01\0\x01\0", 8},
		{"oversized", "\x01\x20\0\0\x02\0\0\0", 8},
		{"huge", "\xff\xff\xff\xff\x02\0\0\0", 8},
		{"short hello", "\x04\0\0\0\x01\0\0\0\x01\0\0\0", 12},
		{"other version", "\x08\0\0\0\x01\0\0\0\x02\0\0\0\0\0\0\0", 16},
		{"unknown wants", "\x08\0\0\0\x01\0\0\0\x01\0\0\0\0\x01\0\0", 16},
		{"hello twice", "\x08\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0\x08\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0", 32},
		{"stdin unasked", "\x08\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\x02\0\0\0x", 25},
	};
	struct fixture f = {.script = "read x; exit 6", .with_input = true};
	struct exit_file exit;
	unsigned seed = 1;
	int fd;

	if (!fixture_start(&f))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		fd = attach_connect(f.state_fd, NULL);
		CHECK(send(fd, cases[i].bytes, cases[i].len, MSG_NOSIGNAL) == (ssize_t)cases[i].len);
		if (!is_dropped(fd))
			tap_fail(__FILE__, __LINE__, cases[i].what);
		(void)close(fd);
	}
	for (int i = 0; i < 300; i++) {
		unsigned char junk[64];

		for (size_t j = 0; j < sizeof(junk); j++)
			junk[j] = (unsigned char)(rand_r(&seed) % (j % 8 == 4 ? 6 : j % 8 < 1 ? 16 : 2));
		fd = attach_connect(f.state_fd, NULL);
		(void)send(fd, junk, sizeof(junk), MSG_NOSIGNAL);
		(void)close(fd);
	}
	fd = attach_connect(f.state_fd, NULL);
	CHECK_INT(fixture_hello(fd, ATTACH_WANTS_STDIN), ATTACH_HAS_STDIN);
	CHECK(sock_send_frame(fd, ATTACH_STDIN, "x\n", 2, NULL) == 0);
	CHECK_INT(fixture_wait(f.keeper), 0);
	CHECK(fixture_exit(&f, &exit) && exit.code == 6);
	(void)close(fd);
	fixture_end(&f);
}

/* A program that does not read its input: its output goes on, and with its end nobody waits any more. */
static void test_input_that_is_not_read(void)
{
	struct fixture f = {.script = "sleep 0.3; echo done", .with_input = true, .with_client = true};
	static char bytes[ATTACH_CHUNK_BYTES];
	struct received received;

	if (!fixture_start(&f))
		return;
	CHECK_INT(fixture_hello(f.client, ALL_STREAMS | ATTACH_WANTS_STDIN), ATTACH_HAS_STDIN);
	/* 128 KiB: a pipe holds half of that. */
	for (int i = 0; i < 16; i++)
		CHECK(sock_send_frame(f.client, ATTACH_STDIN, bytes, sizeof(bytes), NULL) == 0);
	receive(f.client, &received, 0);
	CHECK_STR(text_get(&received.out), "done\n");
	CHECK(received.has_exit);
	CHECK_INT(fixture_wait(f.keeper), 0);
	received_free(&received);
	fixture_end(&f);
}

static void test_input_with_back_pressure(void)
{
	struct fixture f = {.script = "sleep 0.2; wc -c", .with_input = true, .with_client = true};
	static char bytes[ATTACH_CHUNK_BYTES];
	struct received received;

	if (!fixture_start(&f))
		return;
	CHECK_INT(fixture_hello(f.client, ALL_STREAMS | ATTACH_WANTS_STDIN), ATTACH_HAS_STDIN);
	for (int i = 0; i < 100; i++)
		CHECK(sock_send_frame(f.client, ATTACH_STDIN, bytes, sizeof(bytes), NULL) == 0);
	CHECK(sock_send_frame(f.client, ATTACH_STDIN_END, NULL, 0, NULL) == 0);
	receive(f.client, &received, 0);
	CHECK_STR(text_get(&received.out), "819200\n");
	CHECK_INT(fixture_wait(f.keeper), 0);
	received_free(&received);
	fixture_end(&f);
}

/* A line of this letter in each of a hundred frames. */
static void send_lines(int fd, char letter)
{
	/* No whole pages: so what a full pipe takes of it is often a part. */
	char line[6000];

	memset(line, letter, sizeof(line));
	line[sizeof(line) - 1] = '\n';
	for (int i = 0; i < 100; i++)
		(void)sock_send_frame(fd, ATTACH_STDIN, line, sizeof(line), NULL);
}

/* Two who type at once into a pipe that is full most of the time: their frames stay whole. */
static void test_input_of_two(void)
{
	struct fixture f = {.script = "sleep 0.2; head -c 1200000 | sort | uniq | cut -c1-3",
			    .with_input = true,
			    .with_client = true};
	struct received received;
	pid_t other;

	if (!fixture_start(&f))
		return;
	CHECK_INT(fixture_hello(f.client, ALL_STREAMS | ATTACH_WANTS_STDIN), ATTACH_HAS_STDIN);
	other = fork();
	if (other == 0) {
		int fd = attach_connect(f.state_fd, NULL);

		if (fixture_hello(fd, ATTACH_WANTS_STDIN) < 0)
			_exit(1);
		send_lines(fd, 'b');
		receive(fd, &received, 0);
		_exit(received.has_exit ? 0 : 2);
	}
	send_lines(f.client, 'a');
	receive(f.client, &received, 0);
	CHECK_STR(text_get(&received.out), "aaa\nbbb\n");
	CHECK_INT(fixture_wait(other), 0);
	CHECK_INT(fixture_wait(f.keeper), 0);
	received_free(&received);
	fixture_end(&f);
}

static void test_terminal(void)
{
	struct fixture f = {.script = "stty size; : >\"$0/sized\"; read x; stty size; echo \"got $x\"; exec <&- >&- "
				      "2>&-; sleep 0.1; exit 2",
			    .with_client = true,
			    .with_terminal = true};
	struct attach_resize size = {.rows = htole16(33), .columns = htole16(44)};
	struct received received;
	struct text log = TEXT_INIT;

	if (!fixture_start(&f))
		return;
	CHECK_INT(fixture_hello(f.client, ALL_STREAMS | ATTACH_WANTS_STDIN), ATTACH_HAS_STDIN | ATTACH_HAS_TERMINAL);
	while (!fixture_has(&f, "sized"))
		(void)usleep(1000);
	CHECK(sock_send_frame(f.client, ATTACH_RESIZE, &size, sizeof(size), NULL) == 0);
	CHECK(sock_send_frame(f.client, ATTACH_STDIN, "hi\n", 3, NULL) == 0);
	receive(f.client, &received, 0);
	CHECK_STR(text_get(&received.out), "10 20\r\nhi\r\n33 44\r\ngot hi\r\n");
	CHECK(received.has_exit && le32toh((uint32_t)received.exit.code) == 2);
	CHECK_INT(fixture_wait(f.keeper), 0);
	fixture_log(&f, &log);
	CHECK_HAS(text_get(&log), "got hi\r\n");
	received_free(&received);
	text_free(&log);
	fixture_end(&f);
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
	struct fixture f = {.script = "sleep 0.3"};
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
	CHECK_INT(fixture_wait(f.keeper), 0);
	fixture_end(&f);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_exit_code_and_log), TAP_CASE(test_signal), TAP_CASE(test_last_words),
		       TAP_CASE(test_signals_to_the_keeper), TAP_CASE(test_first_client_misses_nothing),
		       TAP_CASE(test_take_over), TAP_CASE(test_much_output), TAP_CASE(test_rotation_under_load),
		       TAP_CASE(test_adoption), TAP_CASE(test_malformed_frames), TAP_CASE(test_input_that_is_not_read),
		       TAP_CASE(test_input_with_back_pressure), TAP_CASE(test_input_of_two), TAP_CASE(test_terminal),
		       TAP_CASE(test_memory_of_twenty), TAP_CASE(test_descriptors));
}
