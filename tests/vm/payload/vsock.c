/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A connection by vsock (virtio 1.2, section 5.10), to where the host takes its agent's: runtime/vm/agent_protocol.h is
 * spoken there.
 */
#include "payload.h"

enum { REQUEST = 1, RESPONSE, RST, SHUTDOWN, RW, CREDIT_UPDATE }; /* operations of a packet */
enum { HELLO = 1, START = 16, STARTED = 32, STDOUT = 34, EXIT = 36 };
enum { GUEST = 3, HOST = 2, GUEST_PORT = 1025, HOST_PORT = 1024, STREAM = 1 };
enum { ROOM = 65536, PIECE = 1024, EXIT_CODE = 7 };

struct packet {
	uint64_t source_cid, to_cid;
	uint32_t source_port, to_port, length;
	uint16_t type, operation;
	uint32_t flags, room, taken;
	uint8_t bytes[2048];
} __attribute__((packed));
#define HEADER_BYTES __builtin_offsetof(struct packet, bytes)

struct frame {
	uint32_t length;
	uint16_t type, zero;
	uint32_t process, zero_too;
};

static volatile struct packet in;
static volatile struct packet out = {
	.source_cid = GUEST,
	.to_cid = HOST,
	.source_port = GUEST_PORT,
	.to_port = HOST_PORT,
	.type = STREAM,
	.room = ROOM,
};
static uint32_t taken; /* of the bytes of `in` */

static void send(uint32_t at, uint16_t operation, uint32_t bytes)
{
	out.operation = operation;
	out.length = bytes;
	describe(1, 0, &out, HEADER_BYTES + bytes, 0);
	(void)transfer(at, 1);
}

static void receive(uint32_t at)
{
	describe(0, 0, &in, sizeof(in), WRITABLE);
	(void)transfer(at, 0);
	taken = 0;
}

static void copy(volatile uint8_t *to, const volatile uint8_t *from, uint32_t bytes)
{
	for (uint32_t i = 0; i < bytes; i++)
		to[i] = from[i];
}

/* The next byte of what the host says, whatever packets it comes in. */
static uint8_t read_byte(uint32_t at)
{
	while (in.operation != RW || taken == in.length) {
		receive(at);
		if (in.operation != RW && in.operation != CREDIT_UPDATE)
			fail("the connection has ended");
	}
	return in.bytes[taken++];
}

static void read(uint32_t at, volatile void *to, uint32_t bytes)
{
	for (uint32_t i = 0; i < bytes; i++)
		((volatile uint8_t *)to)[i] = read_byte(at);
}

static void say_frame(uint32_t at, uint16_t type, uint32_t process, const volatile void *what, uint32_t bytes)
{
	const struct frame frame = {.length = bytes, .type = type, .process = process};

	copy(out.bytes, (const uint8_t *)&frame, sizeof(frame));
	copy(out.bytes + sizeof(frame), what, bytes);
	send(at, RW, sizeof(frame) + bytes);
}

static uint32_t connect(void)
{
	uint32_t at = find_device(19);

	start_device(at, 0, 2);
	send(at, REQUEST, 0);
	receive(at);
	if (in.operation != RESPONSE || in.to_cid != GUEST || in.to_port != GUEST_PORT)
		fail("the host does not take the connection");
	return at;
}

/* What the program is to be, in pieces of which an empty one is the last; other frames are passed over. Its bytes. */
static uint32_t read_document(uint32_t at, volatile uint8_t *to, uint32_t room)
{
	uint32_t bytes = 0;
	struct frame frame;

	do {
		read(at, &frame, sizeof(frame));
		if (frame.length > room - bytes)
			fail("the document is long");
		read(at, to + bytes, frame.length);
		if (frame.type == START)
			bytes += frame.length;
	} while (frame.type != START || frame.length > 0);
	return bytes;
}

/* All of a program's life: it says in capitals what it was started with, and ends. */
void try_vsock(void)
{
	static const uint32_t version = 1, pid = 1, end[3] = {EXIT_CODE};
	static volatile uint8_t document[16384];
	uint32_t at = connect(), bytes;

	say_frame(at, HELLO, 0, &version, sizeof(version));
	bytes = read_document(at, document, sizeof(document));
	say_frame(at, STARTED, 1, &pid, sizeof(pid));
	for (uint32_t i = 0; i < bytes; i++)
		if (document[i] >= 'a' && document[i] <= 'z')
			document[i] = (uint8_t)(document[i] - 32);
	for (uint32_t done = 0, part; done < bytes; done += part) {
		part = bytes - done < PIECE ? bytes - done : PIECE;
		say_frame(at, STDOUT, 1, document + done, part);
	}
	say_frame(at, EXIT, 1, end, sizeof(end));
	wait_for_ever();
}

/* An agent that connects, and ends the connection. */
void play_lost_agent(void)
{
	send(connect(), RST, 0);
	wait_for_ever();
}
