// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/vm/agent_protocol.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/scope.h"
#include "runtime/base/text.h"

/* --- What may be said --------------------------------------------------------------------------------------------- */

#define CLIENT	 (1u << AGENT_SIDE_CLIENT)
#define HOST	 (1u << AGENT_SIDE_HOST)
#define GUEST	 (1u << AGENT_SIDE_GUEST)
#define ANY_HOST (CLIENT | HOST)

/* Which process a frame may be about. */
enum about { THE_GUEST, A_PROCESS, EITHER };

struct rule {
	uint16_t type;
	uint16_t sides; /* who may say it */
	const char *name;
	enum about about;
	uint32_t shortest, longest; /* of the payload */
};

#define EXACTLY(type) sizeof(type), sizeof(type)

static const struct rule rules[] = {
	{AGENT_HELLO, ANY_HOST | GUEST, "HELLO", THE_GUEST, EXACTLY(struct agent_hello)},
	{AGENT_START, HOST, "START", A_PROCESS, 0, AGENT_PAYLOAD_MAX},
	{AGENT_EXEC, ANY_HOST, "EXEC", A_PROCESS, 0, AGENT_PAYLOAD_MAX},
	{AGENT_STDIN, ANY_HOST, "STDIN", A_PROCESS, 1, AGENT_PAYLOAD_MAX},
	{AGENT_SIGNAL, ANY_HOST, "SIGNAL", EITHER, EXACTLY(struct agent_signal)},
	{AGENT_RESIZE, ANY_HOST, "RESIZE", A_PROCESS, EXACTLY(struct agent_resize)},
	{AGENT_CLOSE, ANY_HOST, "CLOSE", A_PROCESS, 0, 0},
	{AGENT_CLOCK, HOST, "CLOCK", THE_GUEST, EXACTLY(struct agent_clock)},
	{AGENT_SHUTDOWN, HOST, "SHUTDOWN", THE_GUEST, 0, 0},
	{AGENT_STARTED, GUEST, "STARTED", A_PROCESS, EXACTLY(struct agent_started)},
	{AGENT_FAILED, GUEST, "FAILED", A_PROCESS, sizeof(struct agent_failed),
	 sizeof(struct agent_failed) + ERR_MSG_BYTES - 1},
	{AGENT_STDOUT, GUEST, "STDOUT", A_PROCESS, 1, AGENT_PAYLOAD_MAX},
	{AGENT_STDERR, GUEST, "STDERR", A_PROCESS, 1, AGENT_PAYLOAD_MAX},
	{AGENT_EXIT, GUEST, "EXIT", A_PROCESS, EXACTLY(struct agent_exit)},
	{AGENT_CREDIT, ANY_HOST | GUEST, "CREDIT", A_PROCESS, EXACTLY(struct agent_credit)},
	{AGENT_EOF, ANY_HOST | GUEST, "EOF", A_PROCESS, EXACTLY(struct agent_eof)},
	{AGENT_STATS, ANY_HOST, "STATS", THE_GUEST, 0, 0},
	{AGENT_STATS, GUEST, "STATS", THE_GUEST, 1, AGENT_PAYLOAD_MAX},
};

static const struct rule *find_rule(unsigned type, unsigned sides)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (rules[i].type == type && (rules[i].sides & sides))
			return &rules[i];
	return NULL;
}

const char *agent_frame_name(unsigned type)
{
	const struct rule *rule = find_rule(type, ANY_HOST | GUEST);

	return rule ? rule->name : "?";
}

static int check_header(const struct agent_header *header, enum agent_side side, struct err *err)
{
	const struct rule *rule = find_rule(header->type, 1u << side);

	if (!rule)
		return err_say(err, EPROTO, "a frame of type %u (%s) was not expected", header->type,
			       agent_frame_name(header->type));
	if (header->zero != 0 || header->zero_too != 0)
		return err_say(err, EPROTO, "a frame's header is damaged");
	if (header->length < rule->shortest || header->length > rule->longest)
		return err_say(err, EPROTO, "%s with %u bytes, not %u to %u", rule->name, header->length,
			       rule->shortest, rule->longest);
	if (rule->about != EITHER && (rule->about == THE_GUEST) != (header->process == 0))
		return err_say(err, EPROTO, "%s for process %u", rule->name, header->process);
	return 0;
}

/* A stream that `side` sends, or, for credit, that it receives. */
static bool is_streams_end(uint32_t stream, bool receives, enum agent_side side)
{
	bool sends_input = side != AGENT_SIDE_GUEST;

	if (stream >= AGENT_STREAM_COUNT)
		return false;
	return (stream == AGENT_STREAM_IN) == (sends_input != receives);
}

static bool is_signal(int32_t signo)
{
	return signo >= 1 && signo <= 64;
}

static bool check_credit(const void *payload, enum agent_side side)
{
	struct agent_credit credit;

	memcpy(&credit, payload, sizeof(credit));
	return is_streams_end(credit.stream, true, side) && credit.bytes > 0 && credit.bytes <= AGENT_WINDOW;
}

static bool check_eof(const void *payload, enum agent_side side)
{
	struct agent_eof eof;

	memcpy(&eof, payload, sizeof(eof));
	return is_streams_end(eof.stream, false, side);
}

static bool check_signal(const void *payload)
{
	struct agent_signal signal;

	memcpy(&signal, payload, sizeof(signal));
	return is_signal(signal.signo);
}

static bool check_failed(const void *payload)
{
	struct agent_failed failed;

	memcpy(&failed, payload, sizeof(failed));
	return failed.code > 0 && failed.exit_code > 0 && failed.exit_code <= 255;
}

static bool check_exit(const void *payload)
{
	struct agent_exit how;

	memcpy(&how, payload, sizeof(how));
	return how.code >= 0 && how.code <= 255 && (how.signal == 0 || is_signal(how.signal)) && how.oom <= 1;
}

/* What can be said of a payload without knowing what was said before. */
static int check_payload(const struct agent_message *message, enum agent_side side, struct err *err)
{
	bool is_right = true;

	switch (message->type) {
	case AGENT_CREDIT:
		is_right = check_credit(message->payload, side);
		break;
	case AGENT_EOF:
		is_right = check_eof(message->payload, side);
		break;
	case AGENT_SIGNAL:
		is_right = check_signal(message->payload);
		break;
	case AGENT_FAILED:
		is_right = check_failed(message->payload);
		break;
	case AGENT_EXIT:
		is_right = check_exit(message->payload);
		break;
	}
	return is_right ? 0
			: err_say(err, EPROTO, "%s makes no sense (process %u)", agent_frame_name(message->type),
				  message->process);
}

/* --- In ----------------------------------------------------------------------------------------------------------- */

void agent_wire_init(struct agent_wire *wire, int fd, enum agent_side peer)
{
	wire->fd = fd;
	wire->peer = peer;
	wire->ended = wire->was_short = false;
	wire->in_start = wire->in_len = 0;
	wire->out_start = wire->out_len = 0;
}

/* Where more bytes go: all free room is behind those that are there. */
static size_t make_room(struct agent_wire *wire)
{
	if (wire->in_len == 0)
		wire->in_start = 0;
	if (wire->in_start > 0) {
		memmove(wire->in, wire->in + wire->in_start, wire->in_len);
		wire->in_start = 0;
	}
	return sizeof(wire->in) - wire->in_len;
}

size_t agent_wire_feed(struct agent_wire *wire, const void *bytes, size_t len)
{
	size_t room = make_room(wire);

	if (len > room)
		len = room;
	memcpy(wire->in + wire->in_len, bytes, len);
	wire->in_len += len;
	return len;
}

static int take_frame(struct agent_wire *wire, struct agent_message *ret, struct err *err)
{
	struct agent_header header;
	int result;

	if (wire->in_len < sizeof(header))
		return 0;
	memcpy(&header, wire->in + wire->in_start, sizeof(header));
	result = check_header(&header, wire->peer, err);
	if (result < 0)
		return result;
	if (wire->in_len - sizeof(header) < header.length)
		return 0;
	*ret = (struct agent_message){
		.type = header.type,
		.process = header.process,
		.len = header.length,
		.payload = wire->in + wire->in_start + sizeof(header),
	};
	wire->in_start += sizeof(header) + header.length;
	wire->in_len -= sizeof(header) + header.length;
	result = check_payload(ret, wire->peer, err);
	return result < 0 ? result : 1;
}

int agent_wire_next(struct agent_wire *wire, struct agent_message *ret, struct err *err)
{
	int result = take_frame(wire, ret, err);

	wire->ended = wire->ended || result < 0;
	return result;
}

int agent_wire_fill(struct agent_wire *wire, struct err *err)
{
	size_t room = make_room(wire);
	ssize_t got;

	do
		got = read(wire->fd, wire->in + wire->in_len, room);
	while (got < 0 && errno == EINTR);
	if (got > 0) {
		wire->in_len += (size_t)got;
		return 1;
	}
	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	wire->ended = true;
	if (got < 0 && errno != ECONNRESET)
		return err_set(err, errno, "read a frame");
	return err_say(err, ECONNRESET, wire->in_len > 0 ? "the stream ended within a frame" : "the stream has ended");
}

/* --- Out ---------------------------------------------------------------------------------------------------------- */

static size_t free_out(const struct agent_wire *wire)
{
	return sizeof(wire->out) - wire->out_start - wire->out_len;
}

size_t agent_wire_room(const struct agent_wire *wire)
{
	size_t room = free_out(wire);

	if (wire->ended || room <= sizeof(struct agent_header))
		return 0;
	return room - sizeof(struct agent_header);
}

unsigned char *agent_wire_begin(struct agent_wire *wire)
{
	return wire->out + wire->out_start + wire->out_len + sizeof(struct agent_header);
}

void agent_wire_commit(struct agent_wire *wire, unsigned type, uint32_t process, size_t len)
{
	struct agent_header header = {.length = (uint32_t)len, .type = (uint16_t)type, .process = process};

	memcpy(wire->out + wire->out_start + wire->out_len, &header, sizeof(header));
	wire->out_len += sizeof(header) + len;
}

void agent_wire_begin_turn(struct agent_wire *wire)
{
	wire->was_short = false;
}

bool agent_wire_fits(struct agent_wire *wire, size_t len)
{
	/* An empty payload needs no more than its header. */
	bool fits = free_out(wire) >= sizeof(struct agent_header) + len;

	wire->was_short = wire->was_short || !fits;
	return fits && !wire->ended;
}

bool agent_wire_put(struct agent_wire *wire, unsigned type, uint32_t process, const void *payload, size_t len)
{
	if (!agent_wire_fits(wire, len))
		return false;
	if (len > 0)
		memcpy(agent_wire_begin(wire), payload, len);
	agent_wire_commit(wire, type, process, len);
	return true;
}

int agent_wire_flush(struct agent_wire *wire, struct err *err)
{
	while (wire->out_len > 0 && !wire->ended) {
		ssize_t sent = write(wire->fd, wire->out + wire->out_start, wire->out_len);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) {
			wire->out_len = 0;
			break;
		}
		if (sent < 0)
			return err_set(err, errno, "write a frame");
		wire->out_start += (size_t)sent;
		wire->out_len -= (size_t)sent;
	}
	if (wire->out_len == 0 || wire->out_start > sizeof(wire->out) / 2) {
		memmove(wire->out, wire->out + wire->out_start, wire->out_len);
		wire->out_start = 0;
	}
	return 0;
}

bool agent_wire_has_output(const struct agent_wire *wire)
{
	return (wire->out_len > 0 || wire->was_short) && !wire->ended;
}

bool agent_is_by_vsock(const char *cmdline)
{
	return text_has_word(cmdline, AGENT_VSOCK_WORD);
}
