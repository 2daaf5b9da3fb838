// SPDX-License-Identifier: GPL-2.0-or-later
/* Frames between host and guest: what each side may say, in pieces, too long, half, and more than there is room for. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/socket.h"
#include "runtime/vm/agent_stream.h"
#include "tests/unit/tap.h"

static struct agent_wire wire;
static struct err err;

static void begin(enum agent_side peer)
{
	err = ERR_INIT;
	agent_wire_init(&wire, -1, peer);
}

static void feed_frame(struct agent_header header, const void *payload, size_t len)
{
	CHECK(agent_wire_feed(&wire, &header, sizeof(header)) == sizeof(header));
	CHECK(agent_wire_feed(&wire, payload, len) == len);
}

static void test_frame_in_pieces(void)
{
	struct agent_header header = {.length = 5, .type = AGENT_STDOUT, .process = 3};
	struct agent_message message;
	const unsigned char *bytes = (const unsigned char *)&header;

	begin(AGENT_SIDE_GUEST);
	for (size_t i = 0; i < sizeof(header); i++) {
		CHECK_INT(agent_wire_next(&wire, &message, &err), 0);
		CHECK_INT(agent_wire_feed(&wire, bytes + i, 1), 1);
	}
	CHECK_INT(agent_wire_feed(&wire, "hell", 4), 4);
	CHECK_INT(agent_wire_next(&wire, &message, &err), 0);
	CHECK_INT(agent_wire_feed(&wire, "o", 1), 1);
	CHECK_INT(agent_wire_next(&wire, &message, &err), 1);
	CHECK_INT(message.type, AGENT_STDOUT);
	CHECK_INT(message.process, 3);
	CHECK(message.len == 5 && memcmp(message.payload, "hello", 5) == 0);
	CHECK_INT(agent_wire_next(&wire, &message, &err), 0);
}

static void test_longest_frame(void)
{
	struct agent_header header = {.length = AGENT_PAYLOAD_MAX, .type = AGENT_STDERR, .process = 1};
	struct agent_message message;
	char *payload = calloc(1, AGENT_PAYLOAD_MAX);

	begin(AGENT_SIDE_GUEST);
	feed_frame(header, payload, AGENT_PAYLOAD_MAX);
	CHECK_INT(agent_wire_feed(&wire, "x", 1), 0);
	CHECK_INT(agent_wire_next(&wire, &message, &err), 1);
	CHECK_INT(message.len, AGENT_PAYLOAD_MAX);
	free(payload);
}

/* What is refused, by whom it is said. The payload is zeroes but for its first 32-bit words. */
static const struct {
	const char *words;
	enum agent_side peer;
	struct agent_header header;
	uint32_t payload[4];
} breaches[] = {
	{"too long", AGENT_SIDE_GUEST, {.length = AGENT_PAYLOAD_MAX + 1, .type = AGENT_STDOUT, .process = 1}, {0}},
	{"as long as can be said", AGENT_SIDE_GUEST, {.length = UINT32_MAX, .type = AGENT_STDOUT, .process = 1}, {0}},
	{"no bytes", AGENT_SIDE_GUEST, {.length = 0, .type = AGENT_STDOUT, .process = 1}, {0}},
	{"of no process", AGENT_SIDE_GUEST, {.length = 4, .type = AGENT_STDOUT}, {0}},
	{"type 0", AGENT_SIDE_GUEST, {.length = 0}, {0}},
	{"unknown type", AGENT_SIDE_GUEST, {.length = 0, .type = 9999, .process = 1}, {0}},
	{"the other side's type", AGENT_SIDE_GUEST, {.length = 4, .type = AGENT_STDIN, .process = 1}, {0}},
	{"a guest's START", AGENT_SIDE_GUEST, {.length = 4, .type = AGENT_START, .process = 1}, {0}},
	{"a client's START", AGENT_SIDE_CLIENT, {.length = 4, .type = AGENT_START, .process = 1}, {0}},
	{"a client's SHUTDOWN", AGENT_SIDE_CLIENT, {.type = AGENT_SHUTDOWN}, {0}},
	{"a client's CLOCK", AGENT_SIDE_CLIENT, {.length = 8, .type = AGENT_CLOCK}, {1}},
	{"a host's STDOUT", AGENT_SIDE_HOST, {.length = 4, .type = AGENT_STDOUT, .process = 1}, {0}},
	{"first zero", AGENT_SIDE_GUEST, {.length = 4, .type = AGENT_STDOUT, .zero = 1, .process = 1}, {0}},
	{"second zero", AGENT_SIDE_GUEST, {.length = 4, .type = AGENT_STDOUT, .process = 1, .zero_too = 1}, {0}},
	{"short EXIT", AGENT_SIDE_GUEST, {.length = 8, .type = AGENT_EXIT, .process = 1}, {0}},
	{"long EXIT", AGENT_SIDE_GUEST, {.length = 16, .type = AGENT_EXIT, .process = 1}, {0}},
	{"EXIT 256", AGENT_SIDE_GUEST, {.length = 12, .type = AGENT_EXIT, .process = 1}, {256}},
	{"EXIT -1", AGENT_SIDE_GUEST, {.length = 12, .type = AGENT_EXIT, .process = 1}, {UINT32_MAX}},
	{"EXIT by signal 65", AGENT_SIDE_GUEST, {.length = 12, .type = AGENT_EXIT, .process = 1}, {193, 65}},
	{"EXIT with oom 2", AGENT_SIDE_GUEST, {.length = 12, .type = AGENT_EXIT, .process = 1}, {137, 9, 2}},
	{"FAILED with code 0", AGENT_SIDE_GUEST, {.length = 8, .type = AGENT_FAILED, .process = 1}, {0, 125}},
	{"FAILED with exit code 0", AGENT_SIDE_GUEST, {.length = 8, .type = AGENT_FAILED, .process = 1}, {5, 0}},
	{"FAILED with too many words", AGENT_SIDE_GUEST, {.length = 2000, .type = AGENT_FAILED, .process = 1}, {5, 1}},
	{"CREDIT 0", AGENT_SIDE_GUEST, {.length = 8, .type = AGENT_CREDIT, .process = 1}, {AGENT_STREAM_IN, 0}},
	{"CREDIT of a fourth stream", AGENT_SIDE_GUEST, {.length = 8, .type = AGENT_CREDIT, .process = 1}, {3, 1}},
	{"CREDIT of its own stream", AGENT_SIDE_GUEST, {.length = 8, .type = AGENT_CREDIT, .process = 1}, {1, 1}},
	{"a host's CREDIT of its own", AGENT_SIDE_HOST, {.length = 8, .type = AGENT_CREDIT, .process = 1}, {0, 1}},
	{"CREDIT for more than a window",
	 AGENT_SIDE_GUEST,
	 {.length = 8, .type = AGENT_CREDIT, .process = 1},
	 {AGENT_STREAM_IN, AGENT_WINDOW + 1}},
	{"EOF of the other's stream", AGENT_SIDE_GUEST, {.length = 4, .type = AGENT_EOF, .process = 1}, {0}},
	{"a host's EOF of STDOUT", AGENT_SIDE_HOST, {.length = 4, .type = AGENT_EOF, .process = 1}, {1}},
	{"EOF of a fourth stream", AGENT_SIDE_GUEST, {.length = 4, .type = AGENT_EOF, .process = 1}, {3}},
	{"signal 0", AGENT_SIDE_HOST, {.length = 4, .type = AGENT_SIGNAL, .process = 1}, {0}},
	{"signal 65", AGENT_SIDE_CLIENT, {.length = 4, .type = AGENT_SIGNAL, .process = 1}, {65}},
	{"an answer to nothing", AGENT_SIDE_GUEST, {.length = 0, .type = AGENT_STATS}, {0}},
	{"a question with words", AGENT_SIDE_CLIENT, {.length = 1, .type = AGENT_STATS}, {0}},
	{"HELLO of a process", AGENT_SIDE_GUEST, {.length = 4, .type = AGENT_HELLO, .process = 1}, {1}},
};

static void test_breaches(void)
{
	unsigned char payload[4096] = {0};
	struct agent_message message;

	for (size_t i = 0; i < ARRAY_SIZE(breaches); i++) {
		uint32_t len = breaches[i].header.length;
		int result;

		begin(breaches[i].peer);
		memcpy(payload, breaches[i].payload, sizeof(breaches[i].payload));
		feed_frame(breaches[i].header, payload, len <= sizeof(payload) ? len : 16);
		result = agent_wire_next(&wire, &message, &err);
		if (result != -EPROTO || err.msg[0] == '\0' || !wire.ended)
			tap_fail(__FILE__, __LINE__, breaches[i].words);
	}
}

/* What is not there yet is not looked at: an overlong frame is refused by its header alone. */
static void test_refused_by_header(void)
{
	struct agent_header header = {.length = AGENT_PAYLOAD_MAX + 1, .type = AGENT_STDOUT, .process = 1};
	struct agent_message message;

	begin(AGENT_SIDE_GUEST);
	feed_frame(header, "", 0);
	CHECK_INT(agent_wire_next(&wire, &message, &err), -EPROTO);
	CHECK_HAS(err.msg, "STDOUT with 65537 bytes");
}

static void test_out_is_bounded(void)
{
	char payload[1000] = {0};
	unsigned count = 0;

	begin(AGENT_SIDE_GUEST);
	while (agent_wire_put(&wire, AGENT_STDIN, 1, payload, sizeof(payload)))
		count++;
	CHECK_INT(count, AGENT_WIRE_BYTES / (sizeof(payload) + sizeof(struct agent_header)));
	CHECK(agent_wire_has_output(&wire));
}

/* Whoever found no room comes back, even if all was written since. */
static void test_short_turn(void)
{
	CLEANUP_FREE char *payload = calloc(1, AGENT_PAYLOAD_MAX);
	int ends[2];

	begin(AGENT_SIDE_GUEST);
	CHECK(sock_pair(ends, &err) == 0);
	wire.fd = ends[0];
	agent_wire_begin_turn(&wire);
	CHECK(agent_wire_put(&wire, AGENT_CLOSE, 1, NULL, 0));
	CHECK(!agent_wire_put(&wire, AGENT_STDIN, 1, payload, AGENT_PAYLOAD_MAX));
	CHECK_INT(agent_wire_flush(&wire, &err), 0);
	CHECK(agent_wire_has_output(&wire));
	agent_wire_begin_turn(&wire);
	CHECK(agent_wire_put(&wire, AGENT_STDIN, 1, payload, AGENT_PAYLOAD_MAX));
	CHECK_INT(agent_wire_flush(&wire, &err), 0);
	CHECK(!agent_wire_has_output(&wire));
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void test_end_within_a_frame(void)
{
	struct agent_message message;
	int ends[2];

	begin(AGENT_SIDE_GUEST);
	CHECK(sock_pair(ends, &err) == 0);
	wire.fd = ends[0];
	(void)fd_set_nonblock(ends[0], true);
	CHECK_INT(agent_wire_fill(&wire, &err), 0);
	CHECK_INT(fd_write_all(ends[1], "\5\0\0\0", 4), 0);
	CHECK_INT(agent_wire_fill(&wire, &err), 1);
	CHECK_INT(agent_wire_next(&wire, &message, &err), 0);
	(void)close(ends[1]);
	CHECK_INT(agent_wire_fill(&wire, &err), -ECONNRESET);
	CHECK_STR(err.msg, "the stream ended within a frame");
	CHECK(!agent_wire_put(&wire, AGENT_CLOSE, 1, NULL, 0));
	(void)close(ends[0]);
}

static void test_ring(void)
{
	struct agent_ring ring = {0};
	unsigned char bytes[1000], want = 0;
	const unsigned char *at;
	size_t len, total = 0;

	CHECK(!agent_ring_add(&ring, "x", 1));
	CHECK_INT(agent_ring_open(&ring, &err), 0);
	/* Around its end several times; what comes out is what went in. */
	for (unsigned round = 0; round < 400; round++) {
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (unsigned char)(round * sizeof(bytes) + i);
		CHECK(agent_ring_add(&ring, bytes, sizeof(bytes)));
		while (ring.len > (round < 399 ? 500u : 0u)) {
			at = agent_ring_peek(&ring, &len);
			len = len < 700 ? len : 700;
			for (size_t i = 0; i < len; i++)
				CHECK_INT(at[i], want++);
			agent_ring_drop(&ring, len);
			total += len;
		}
	}
	CHECK_INT(total, 400 * sizeof(bytes));
	while (agent_ring_add(&ring, bytes, sizeof(bytes)))
		;
	CHECK_INT(ring.len, AGENT_WINDOW / sizeof(bytes) * sizeof(bytes));
	CHECK(!agent_ring_add(&ring, bytes, AGENT_WINDOW - ring.len + 1));
	CHECK(agent_ring_add(&ring, bytes, AGENT_WINDOW - ring.len));
	agent_ring_close(&ring);
}

/* A window's worth is taken, and not one byte more before there is credit for it. */
static void test_window(void)
{
	static unsigned char bytes[AGENT_WINDOW + 1];
	struct agent_line line = {AGENT_FIRST, AGENT_STREAM_OUT};
	struct agent_sink sink;

	CHECK_INT(agent_sink_open(&sink, -1, false, line, NULL, &err), 0);
	CHECK_INT(agent_sink_take(&sink, NULL, bytes, AGENT_WINDOW + 1, &err), -EPROTO);
	CHECK_INT(agent_sink_take(&sink, NULL, bytes, AGENT_WINDOW - 1, &err), 0);
	CHECK_INT(agent_sink_take(&sink, NULL, bytes, 1, &err), 0);
	CHECK_INT(agent_sink_take(&sink, NULL, bytes, 1, &err), -EPROTO);
	CHECK_HAS(err.msg, "more bytes than it had credit for");
	agent_sink_close(&sink, NULL);
}

static void test_vsock_word(void)
{
	CHECK(agent_is_by_vsock("hull.agent=vsock"));
	CHECK(agent_is_by_vsock("xhull.agent=vsock quiet hull.agent=vsock reboot=k"));
	CHECK(!agent_is_by_vsock("quiet"));
	CHECK(!agent_is_by_vsock("quiet a=hull.agent=vsock hull.agent=vsocks"));
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_frame_in_pieces), TAP_CASE(test_longest_frame), TAP_CASE(test_breaches),
		       TAP_CASE(test_refused_by_header), TAP_CASE(test_out_is_bounded), TAP_CASE(test_short_turn),
		       TAP_CASE(test_end_within_a_frame), TAP_CASE(test_ring), TAP_CASE(test_window),
		       TAP_CASE(test_vsock_word));
}
