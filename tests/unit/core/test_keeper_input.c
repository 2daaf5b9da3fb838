// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What clients send to hull-keeper: input for its program, from one and from two, more than it reads, to a terminal;
 * and what is no frame.
 */
#include "tests/unit/core/keeper_fixture.h"

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
	struct fixture f = {.script = FIXTURE_WAIT_FOR_GO "echo done", .with_input = true, .with_client = true};
	static char bytes[ATTACH_CHUNK_BYTES];
	struct received received;

	if (!fixture_start(&f))
		return;
	CHECK_INT(fixture_hello(f.client, ALL_STREAMS | ATTACH_WANTS_STDIN), ATTACH_HAS_STDIN);
	/* 128 KiB: a pipe holds half of that. */
	for (int i = 0; i < 16; i++)
		CHECK(sock_send_frame(f.client, ATTACH_STDIN, bytes, sizeof(bytes), NULL) == 0);
	fixture_go(&f);
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

int main(void)
{
	return TAP_RUN(TAP_CASE(test_malformed_frames), TAP_CASE(test_input_that_is_not_read),
		       TAP_CASE(test_input_with_back_pressure), TAP_CASE(test_input_of_two), TAP_CASE(test_terminal));
}
