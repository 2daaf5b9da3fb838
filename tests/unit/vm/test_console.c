/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The console's ports: control messages, both directions under pressure, ends of streams. */
#include "runtime/vm/console.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_mmio.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/tap.h"
#include "tests/unit/vm/guest_driver.h"

#define MEMORY_BYTES (4U << 20)
#define MULTI	     VIRTIO_BIT(VIRTIO_CONSOLE_F_MULTIPORT)
#define TO_GUEST     2U
#define FROM_GUEST   3U
#define INPUT_1	     4U
#define OUTPUT_1     5U
#define NO_EVENT     0xffff

/* Two ports: hvc0, and a named one. `ends` are the host's other ends. */
struct bench {
	struct guest guest;
	struct console console;
	int ends[2];
	uint64_t message_gpa;
};

static void bench_open(struct bench *bench)
{
	struct console_port ports[2] = {{.out_fd = -1, .is_console = true}, {.out_fd = -1, .name = "hull.agent"}};
	struct err err = ERR_INIT;

	guest_open(&bench->guest, MEMORY_BYTES);
	for (unsigned i = 0; i < 2; i++) {
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
			abort();
		ports[i].fd = pair[0];
		bench->ends[i] = pair[1];
		(void)fcntl(pair[1], F_SETFL, O_NONBLOCK);
	}
	if (console_open(&bench->console, ports, 2, &bench->guest.loop, &bench->guest.memory, &err) < 0)
		abort();
	guest_attach(&bench->guest, &bench->console.device);
	bench->message_gpa = guest_alloc(&bench->guest, 64);
}

static void bench_close(struct bench *bench)
{
	guest_close(&bench->guest);
	console_close(&bench->console);
	for (unsigned i = 0; i < 2; i++)
		if (bench->ends[i] >= 0)
			close(bench->ends[i]);
}

static void say(struct bench *bench, uint32_t port, uint16_t event, uint16_t value)
{
	struct virtio_console_control message = {.id = port, .event = event, .value = value};
	uint16_t head;
	uint32_t written;

	memcpy(guest_at(&bench->guest, bench->message_gpa), &message, sizeof(message));
	(void)guest_add(&bench->guest, FROM_GUEST,
			(struct guest_buffer[]){{bench->message_gpa, sizeof(message), false}}, 1);
	CHECK(guest_wait(&bench->guest, FROM_GUEST, &head, &written));
}

/* The next control message: its event, or NO_EVENT. Its tail goes to `tail`, terminated. */
static unsigned hear(struct bench *bench, uint32_t *ret_port, uint16_t *ret_value, char tail[64])
{
	struct virtio_console_control message;
	uint64_t gpa;
	uint16_t head;
	uint32_t written;

	guest_settle(&bench->guest);
	if (!guest_used(&bench->guest, TO_GUEST, &head, &written))
		return NO_EVENT;
	gpa = bench->guest.queues[TO_GUEST].descriptors[head].addr;
	memcpy(&message, guest_at(&bench->guest, gpa), sizeof(message));
	memset(tail, 0, 64);
	memcpy(tail, (uint8_t *)guest_at(&bench->guest, gpa) + sizeof(message), written - sizeof(message));
	*ret_port = message.id;
	*ret_value = message.value;
	guest_offer(&bench->guest, TO_GUEST, head);
	return message.event;
}

static void expect(struct bench *bench, unsigned event, uint32_t port, const char *words)
{
	char tail[64] = "";
	uint32_t on = UINT32_MAX;
	uint16_t value = 0;

	CHECK_INT(hear(bench, &on, &value, tail), event);
	CHECK_INT(on, port);
	CHECK_INT(value, 1);
	if (words)
		CHECK_STR(tail, words);
}

static void expect_nothing(struct bench *bench)
{
	char tail[64];
	uint32_t port;
	uint16_t value;

	CHECK_INT(hear(bench, &port, &value, tail), NO_EVENT);
}

static void control_buffers(struct bench *bench, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		(void)guest_add(&bench->guest, TO_GUEST,
				(struct guest_buffer[]){{guest_alloc(&bench->guest, 64), 64, true}}, 1);
}

/* As a driver does: all ports are made, and the second one is opened. */
static void bench_start(struct bench *bench)
{
	CHECK(guest_start(&bench->guest, ~0ULL, 16));
	control_buffers(bench, 8);
	say(bench, UINT32_MAX, VIRTIO_CONSOLE_DEVICE_READY, 1);
	expect(bench, VIRTIO_CONSOLE_PORT_ADD, 0, NULL);
	expect(bench, VIRTIO_CONSOLE_PORT_ADD, 1, NULL);
	say(bench, 0, VIRTIO_CONSOLE_PORT_READY, 1);
	expect(bench, VIRTIO_CONSOLE_CONSOLE_PORT, 0, NULL);
	expect(bench, VIRTIO_CONSOLE_PORT_OPEN, 0, NULL);
	say(bench, 1, VIRTIO_CONSOLE_PORT_READY, 1);
	expect(bench, VIRTIO_CONSOLE_PORT_OPEN, 1, NULL);
	expect(bench, VIRTIO_CONSOLE_PORT_NAME, 1, "hull.agent");
	say(bench, 1, VIRTIO_CONSOLE_PORT_OPEN, 1);
	expect_nothing(bench);
}

static uint64_t input_buffer(struct bench *bench, unsigned queue, uint32_t len)
{
	uint64_t gpa = guest_alloc(&bench->guest, len);

	(void)guest_add(&bench->guest, queue, (struct guest_buffer[]){{gpa, len, true}}, 1);
	return gpa;
}

static void put_words(struct bench *bench, unsigned queue, const char *words)
{
	uint64_t gpa = guest_alloc(&bench->guest, strlen(words));

	memcpy(guest_at(&bench->guest, gpa), words, strlen(words));
	(void)guest_add(&bench->guest, queue, (struct guest_buffer[]){{gpa, (uint32_t)strlen(words), false}}, 1);
}

static void test_ports(void)
{
	struct bench bench;
	struct virtio_console_config config;
	char words[64] = "";
	uint64_t gpa;
	uint16_t head;
	uint32_t written;

	bench_open(&bench);
	bench_start(&bench);
	guest_config(&bench.guest, 0, &config, sizeof(config));
	CHECK_INT(config.max_nr_ports, 2);
	put_words(&bench, OUTPUT_1, "from the guest");
	CHECK(guest_wait(&bench.guest, OUTPUT_1, &head, &written));
	CHECK_INT(read(bench.ends[1], words, sizeof(words)), 14);
	CHECK_STR(words, "from the guest");
	CHECK_INT(write(bench.ends[1], "to the guest", 12), 12);
	gpa = input_buffer(&bench, INPUT_1, 64);
	CHECK(guest_wait(&bench.guest, INPUT_1, &head, &written));
	CHECK_INT(written, 12);
	CHECK(memcmp(guest_at(&bench.guest, gpa), "to the guest", 12) == 0);
	/* A buffer that waits for words. */
	gpa = input_buffer(&bench, INPUT_1, 4);
	guest_settle(&bench.guest);
	CHECK(!guest_used(&bench.guest, INPUT_1, &head, &written));
	CHECK_INT(write(bench.ends[1], "more", 4), 4);
	CHECK(guest_wait(&bench.guest, INPUT_1, &head, &written));
	CHECK(memcmp(guest_at(&bench.guest, gpa), "more", 4) == 0);
	bench_close(&bench);
}

/* Nobody has opened the port: what the host says waits, in the stream. */
static void test_closed_port(void)
{
	struct bench bench;
	uint16_t head;
	uint32_t written;

	bench_open(&bench);
	bench_start(&bench);
	say(&bench, 1, VIRTIO_CONSOLE_PORT_OPEN, 0);
	(void)input_buffer(&bench, INPUT_1, 64);
	CHECK_INT(write(bench.ends[1], "words", 5), 5);
	guest_settle(&bench.guest);
	CHECK(!guest_used(&bench.guest, INPUT_1, &head, &written));
	say(&bench, 1, VIRTIO_CONSOLE_PORT_OPEN, 1);
	CHECK(guest_wait(&bench.guest, INPUT_1, &head, &written));
	CHECK_INT(written, 5);
	bench_close(&bench);
}

/*
 * The host does not read: the guest's chains wait in the ring, and nothing is lost or doubled; nor does the loop spin.
 */
static void test_slow_host(void)
{
	enum { CHUNK = 60000, CHUNKS = 40 };
	static uint8_t seen[CHUNK * CHUNKS];
	struct bench bench;
	size_t total = 0;
	unsigned added = 0, back = 0;
	uint64_t gpa;
	bool same = true;

	bench_open(&bench);
	bench_start(&bench);
	gpa = guest_alloc(&bench.guest, CHUNK * CHUNKS);
	for (size_t i = 0; i < CHUNK * CHUNKS; i++)
		((uint8_t *)guest_at(&bench.guest, gpa))[i] = (uint8_t)(i * 31 + i / 1000);
	while (total < sizeof(seen)) {
		uint16_t head;
		uint32_t written;
		ssize_t part;

		while (added - back < 16 && added < CHUNKS) {
			(void)guest_add(&bench.guest, OUTPUT_1,
					(struct guest_buffer[]){{gpa + (uint64_t)added * CHUNK, CHUNK, false}}, 1);
			added++;
		}
		CHECK(guest_turn(&bench.guest, 0) < 100);
		while (guest_used(&bench.guest, OUTPUT_1, &head, &written))
			back++;
		part = read(bench.ends[1], seen + total, 10001);
		if (part <= 0)
			break;
		total += (size_t)part;
	}
	CHECK_INT(total, sizeof(seen));
	for (size_t i = 0; i < total; i++)
		same = same && seen[i] == (uint8_t)(i * 31 + i / 1000);
	CHECK(same);
	bench_close(&bench);
}

/* The guest has no buffers: the host's words wait in the stream, which fills up; the loop is quiet meanwhile. */
static void test_slow_guest(void)
{
	struct bench bench;
	char chunk[1024] = {0};
	size_t sent = 0, got = 0;
	ssize_t part;
	uint16_t head;
	uint32_t written;

	bench_open(&bench);
	bench_start(&bench);
	while ((part = write(bench.ends[1], chunk, sizeof(chunk))) > 0)
		sent += (size_t)part;
	CHECK(sent < (1U << 20));
	CHECK(guest_turn(&bench.guest, 0) < 3);
	CHECK_INT(guest_turn(&bench.guest, 0), 0);
	while (got < sent) {
		(void)input_buffer(&bench, INPUT_1, 1000);
		if (!guest_wait(&bench.guest, INPUT_1, &head, &written))
			break;
		got += written;
	}
	CHECK_INT(got, sent);
	bench_close(&bench);
}

static void test_host_ends(void)
{
	struct bench bench;
	char tail[64];
	uint32_t port;
	uint16_t value = 9, head;
	uint32_t written;

	bench_open(&bench);
	bench_start(&bench);
	(void)input_buffer(&bench, INPUT_1, 64);
	guest_settle(&bench.guest);
	close(bench.ends[1]);
	bench.ends[1] = -1;
	CHECK_INT(hear(&bench, &port, &value, tail), VIRTIO_CONSOLE_PORT_OPEN);
	CHECK_INT(port, 1);
	CHECK_INT(value, 0);
	/* What the guest says goes nowhere, and does not get stuck. */
	for (unsigned i = 0; i < 40; i++) {
		put_words(&bench, OUTPUT_1, "words");
		CHECK(guest_wait(&bench.guest, OUTPUT_1, &head, &written));
	}
	guest_settle(&bench.guest);
	CHECK_INT(guest_turn(&bench.guest, 0), 0);
	CHECK(!guest_needs_reset(&bench.guest));
	bench_close(&bench);
}

/* Input and output are two descriptors: the input's end does not end the output, and is not told. */
static void test_two_descriptors(void)
{
	struct bench bench = {.ends = {-1, -1}};
	struct guest *guest = &bench.guest;
	int in[2], out[2];
	char words[16] = "";
	uint64_t gpa;
	uint16_t head;
	uint32_t written;

	guest_open(guest, MEMORY_BYTES);
	CHECK(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
	CHECK_INT(console_open(&bench.console,
			       &(struct console_port){.fd = in[0], .out_fd = out[1], .is_console = true}, 1,
			       &guest->loop, &guest->memory, NULL),
		  0);
	guest_attach(guest, &bench.console.device);
	bench.message_gpa = guest_alloc(guest, 64);
	CHECK(guest_start(guest, 0, 16)); /* a driver that knows of one port */
	gpa = guest_alloc(guest, 64);
	(void)guest_add(guest, 0, (struct guest_buffer[]){{gpa, 64, true}}, 1);
	CHECK_INT(write(in[1], "in", 2), 2);
	CHECK(guest_wait(guest, 0, &head, &written));
	CHECK(memcmp(guest_at(guest, gpa), "in", 2) == 0);
	close(in[1]);
	(void)guest_add(guest, 0, (struct guest_buffer[]){{gpa, 64, true}}, 1);
	guest_settle(guest);
	CHECK(!guest_used(guest, 0, &head, &written));
	memcpy(guest_at(guest, gpa), "out", 3);
	(void)guest_add(guest, 1, (struct guest_buffer[]){{gpa, 3, false}}, 1);
	CHECK(guest_wait(guest, 1, &head, &written));
	CHECK_INT(read(out[0], words, sizeof(words)), 3);
	CHECK_STR(words, "out");
	CHECK_INT(guest_turn(guest, 0), 0);
	CHECK(guest_start(guest, ~0ULL, 16)); /* and one that knows of more */
	control_buffers(&bench, 4);
	say(&bench, 0, VIRTIO_CONSOLE_PORT_READY, 1);
	expect(&bench, VIRTIO_CONSOLE_CONSOLE_PORT, 0, NULL);
	expect(&bench, VIRTIO_CONSOLE_PORT_OPEN, 0, NULL);
	bench_close(&bench);
	close(out[0]);
}

static void test_resize(void)
{
	struct bench bench;
	struct virtio_console_config config;
	char tail[64];
	uint32_t port = 9;
	uint16_t value, size[2];

	bench_open(&bench);
	CHECK_INT(console_resize(&bench.console, 0, 80, 24), 0);
	CHECK_INT(console_resize(&bench.console, 1, 80, 24), -EINVAL);
	CHECK_INT(console_resize(&bench.console, 2, 80, 24), -EINVAL);
	CHECK(guest_start(&bench.guest, ~0ULL, 16));
	control_buffers(&bench, 8);
	say(&bench, 0, VIRTIO_CONSOLE_PORT_READY, 1);
	expect(&bench, VIRTIO_CONSOLE_CONSOLE_PORT, 0, NULL);
	expect(&bench, VIRTIO_CONSOLE_PORT_OPEN, 0, NULL);
	CHECK_INT(hear(&bench, &port, &value, tail), VIRTIO_CONSOLE_RESIZE);
	(void)guest_interrupt(&bench.guest);
	CHECK_INT(console_resize(&bench.console, 0, 132, 43), 0);
	CHECK(guest_interrupt(&bench.guest) & VQ_INTERRUPT_CONFIG);
	CHECK_INT(hear(&bench, &port, &value, tail), VIRTIO_CONSOLE_RESIZE);
	memcpy(size, tail, sizeof(size));
	CHECK_INT(port, 0);
	CHECK_INT(size[0], 132);
	CHECK_INT(size[1], 43);
	guest_config(&bench.guest, 0, &config, sizeof(config));
	CHECK_INT(config.cols, 132);
	CHECK_INT(config.rows, 43);
	bench_close(&bench);
}

/* Control messages that make no sense, a flood of good ones, and no buffers to answer into. */
static void test_hostile_control(void)
{
	struct virtio_console_control ready = {.event = VIRTIO_CONSOLE_DEVICE_READY, .value = 1};
	struct bench bench;
	uint16_t head;
	uint32_t written;

	bench_open(&bench);
	/* A message that is cut off is none, whatever is in it. */
	CHECK(guest_start(&bench.guest, ~0ULL, 16));
	control_buffers(&bench, 2);
	memcpy(guest_at(&bench.guest, bench.message_gpa), &ready, sizeof(ready));
	(void)guest_add(&bench.guest, FROM_GUEST, (struct guest_buffer[]){{bench.message_gpa, 7, false}}, 1);
	CHECK(guest_wait(&bench.guest, FROM_GUEST, &head, &written));
	expect_nothing(&bench);
	CHECK(guest_start(&bench.guest, ~0ULL, 16));
	for (unsigned event = 0; event < 12; event++)
		for (unsigned value = 0; value < 3; value++) {
			say(&bench, UINT32_MAX, (uint16_t)event, (uint16_t)value);
			say(&bench, 2, (uint16_t)event, (uint16_t)value);
			say(&bench, 1, (uint16_t)event, (uint16_t)value);
		}
	(void)guest_add(&bench.guest, FROM_GUEST, (struct guest_buffer[]){{bench.message_gpa, 8, true}}, 1);
	CHECK(guest_wait(&bench.guest, FROM_GUEST, &head, &written));
	CHECK(!guest_needs_reset(&bench.guest));
	/* Each message waits once. */
	control_buffers(&bench, 8);
	expect(&bench, VIRTIO_CONSOLE_PORT_ADD, 0, NULL);
	expect(&bench, VIRTIO_CONSOLE_PORT_ADD, 1, NULL);
	expect(&bench, VIRTIO_CONSOLE_PORT_OPEN, 1, NULL);
	expect(&bench, VIRTIO_CONSOLE_PORT_NAME, 1, "hull.agent");
	expect_nothing(&bench);
	/* A buffer too small for a message. */
	say(&bench, UINT32_MAX, VIRTIO_CONSOLE_DEVICE_READY, 1);
	expect(&bench, VIRTIO_CONSOLE_PORT_ADD, 0, NULL);
	CHECK(guest_start(&bench.guest, ~0ULL, 16));
	(void)input_buffer(&bench, TO_GUEST, 7);
	say(&bench, UINT32_MAX, VIRTIO_CONSOLE_DEVICE_READY, 1);
	CHECK(guest_needs_reset(&bench.guest));
	CHECK_HAS(bench.console.queues[TO_GUEST].broken, "too small");
	bench_close(&bench);
}

/* Input buffers that cannot be written to, output that cannot be read. */
static void test_hostile_buffers(void)
{
	struct bench bench;
	uint16_t head;
	uint32_t written;

	bench_open(&bench);
	bench_start(&bench);
	put_words(&bench, INPUT_1, "words");
	guest_settle(&bench.guest);
	CHECK(guest_needs_reset(&bench.guest));
	bench_start(&bench);
	(void)input_buffer(&bench, OUTPUT_1, 64);
	CHECK(guest_wait(&bench.guest, OUTPUT_1, &head, &written));
	CHECK_INT(written, 0);
	CHECK(!guest_needs_reset(&bench.guest));
	bench_close(&bench);
}

/* Reset while both directions are stuck: nothing of the old rings is touched, and it begins anew. */
static void test_reset_while_stuck(void)
{
	enum { LEN = 1 << 20 };
	struct bench bench;
	char words[4096];
	uint64_t gpa;

	bench_open(&bench);
	bench_start(&bench);
	gpa = guest_alloc(&bench.guest, LEN);
	(void)guest_add(&bench.guest, OUTPUT_1, (struct guest_buffer[]){{gpa, LEN, false}}, 1);
	(void)input_buffer(&bench, INPUT_1, 64);
	guest_settle(&bench.guest);
	CHECK(bench.console.ports[1].sent > 0);
	guest_reset(&bench.guest);
	CHECK_INT(bench.console.ports[1].sent, 0);
	while (read(bench.ends[1], words, sizeof(words)) > 0)
		;
	CHECK_INT(write(bench.ends[1], "x", 1), 1);
	CHECK_INT(guest_turn(&bench.guest, 0), 0);
	bench_start(&bench);
	put_words(&bench, OUTPUT_1, "anew");
	guest_settle(&bench.guest);
	memset(words, 0, 8);
	CHECK_INT(read(bench.ends[1], words, sizeof(words)), 4);
	CHECK_STR(words, "anew");
	bench_close(&bench);
}

static void test_bad_ports(void)
{
	struct guest guest;
	struct console console;
	struct err err = ERR_INIT;
	int pair[2];

	guest_open(&guest, 4096);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	CHECK_INT(console_open(&console,
			       &(struct console_port){.fd = pair[0],
						      .out_fd = -1,
						      .name = "a name that is much longer than it may be"},
			       1, &guest.loop, &guest.memory, &err),
		  -EINVAL);
	CHECK_HAS(err.msg, "longer than 32");
	CHECK_INT(console_open(&console, NULL, 0, &guest.loop, &guest.memory, &err), -EINVAL);
	close(pair[1]);
	guest_close(&guest);
}

int main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	return TAP_RUN(TAP_CASE(test_ports), TAP_CASE(test_closed_port), TAP_CASE(test_slow_host),
		       TAP_CASE(test_slow_guest), TAP_CASE(test_host_ends), TAP_CASE(test_two_descriptors),
		       TAP_CASE(test_resize), TAP_CASE(test_hostile_control), TAP_CASE(test_hostile_buffers),
		       TAP_CASE(test_reset_while_stuck), TAP_CASE(test_bad_ports));
}
