// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/vm/agent_stream.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Credit for less is not worth a frame: the peer has three quarters of its window still, or will get there. */
#define CREDIT_BYTES (AGENT_WINDOW / 4)
/*
 * One stream's turn: so that others get theirs. And what a frame should hold at least, before the wire is flushed for
 * it.
 */
#define CHUNK_BYTES AGENT_CHUNK
#define WORTH_BYTES 4096

/* --- Rings -------------------------------------------------------------------------------------------------------- */

int agent_ring_open(struct agent_ring *ring, struct err *err)
{
	/* Large enough for malloc(3) to map it: pages that are never used cost nothing. */
	ring->bytes = malloc(AGENT_WINDOW);
	ring->start = ring->len = 0;
	return ring->bytes ? 0 : err_set(err, ENOMEM, "keep a stream's bytes");
}

void agent_ring_close(struct agent_ring *ring)
{
	free(ring->bytes);
	*ring = (struct agent_ring){0};
}

bool agent_ring_add(struct agent_ring *ring, const void *bytes, size_t len)
{
	size_t at, first;

	if (!ring->bytes || len > AGENT_WINDOW - ring->len)
		return false;
	at = (ring->start + ring->len) % AGENT_WINDOW;
	first = len < AGENT_WINDOW - at ? len : AGENT_WINDOW - at;
	memcpy(ring->bytes + at, bytes, first);
	memcpy(ring->bytes, (const unsigned char *)bytes + first, len - first);
	ring->len += len;
	return true;
}

const unsigned char *agent_ring_peek(const struct agent_ring *ring, size_t *ret_len)
{
	size_t to_end = AGENT_WINDOW - ring->start;

	*ret_len = ring->len < to_end ? ring->len : to_end;
	return ring->bytes + ring->start;
}

/* An empty one begins at its start again: of a stream that is always emptied soon, few pages are ever touched. */
void agent_ring_drop(struct agent_ring *ring, size_t len)
{
	ring->len -= len;
	ring->start = ring->len > 0 ? (ring->start + len) % AGENT_WINDOW : 0;
}

void agent_put_credit(struct agent_wire *wire, const struct agent_line *line, uint32_t *owed)
{
	struct agent_credit credit = {.stream = line->stream, .bytes = *owed};

	if (*owed >= CREDIT_BYTES && agent_wire_put(wire, AGENT_CREDIT, line->process, &credit, sizeof(credit)))
		*owed = 0;
}

/* --- Sources ------------------------------------------------------------------------------------------------------ */

void agent_source_init(struct agent_source *source, int fd, bool is_owned, struct agent_line line,
		       void (*ready)(struct loop *, struct loop_source *, uint32_t))
{
	*source = (struct agent_source){
		.source = {.fd = fd, .ready = ready},
		.line = line,
		.is_owned = is_owned,
		.credit = AGENT_WINDOW,
	};
}

void agent_source_end(struct agent_source *source, struct loop *loop)
{
	loop_forget(loop, &source->source);
	if (source->is_owned)
		scope_fd(&source->source.fd);
	source->source.fd = -1;
}

int agent_source_credit(struct agent_source *source, uint32_t bytes, struct err *err)
{
	if (bytes > AGENT_WINDOW - source->credit)
		return err_say(err, EPROTO, "CREDIT for bytes that were never sent (process %u)", source->line.process);
	source->credit += bytes;
	return 0;
}

static unsigned type_of(enum agent_stream stream)
{
	static const uint16_t types[AGENT_STREAM_COUNT] = {AGENT_STDIN, AGENT_STDOUT, AGENT_STDERR};

	return types[stream];
}

/* What is full goes on when the wire is ready again, and its owner comes back here. */
static size_t allowed(const struct agent_source *source, struct agent_wire *wire)
{
	struct err ignored = ERR_INIT; /* whoever reads from the wire hears of it */
	size_t bytes = source->credit < CHUNK_BYTES ? source->credit : CHUNK_BYTES, room;

	if (agent_wire_room(wire) < WORTH_BYTES)
		(void)agent_wire_flush(wire, &ignored);
	room = agent_wire_room(wire);
	if (bytes > 0 && !agent_wire_fits(wire, WORTH_BYTES))
		return 0;
	return bytes < room ? bytes : room;
}

/* One read. False: nothing is there for now, or it is over. A terminal's end shows as EIO. */
static bool read_some(struct agent_source *source, struct loop *loop, struct agent_wire *wire, size_t bytes)
{
	ssize_t got = read(source->source.fd, agent_wire_begin(wire), bytes);

	source->is_ready = source->is_unwatched;
	if (got > 0) {
		agent_wire_commit(wire, type_of(source->line.stream), source->line.process, (size_t)got);
		source->credit -= (uint32_t)got;
		return true;
	}
	if (got == 0 || (errno != EAGAIN && errno != EINTR) || source->is_last)
		agent_source_end(source, loop);
	return false;
}

static void tell_end(struct agent_source *source, struct agent_wire *wire)
{
	struct agent_eof eof = {.stream = source->line.stream};

	if (!source->is_told)
		source->is_told = agent_wire_put(wire, AGENT_EOF, source->line.process, &eof, sizeof(eof));
}

/* What is missing is waited for: credit and room come with frames, bytes with the descriptor. */
static int watch(struct agent_source *source, struct loop *loop, bool wanted, struct err *err)
{
	int result;

	if (source->is_unwatched || source->source.registered == wanted)
		return 0;
	if (!wanted) {
		loop_forget(loop, &source->source);
		return 0;
	}
	result = loop_watch(loop, &source->source, EPOLLIN, err);
	if (result != -EPERM)
		return result;
	err_clear(err);
	source->is_unwatched = source->is_ready = true;
	return 0;
}

int agent_source_pump(struct agent_source *source, struct loop *loop, struct agent_wire *wire, struct err *err)
{
	int result;

	for (;;) {
		size_t bytes = source->source.fd >= 0 ? allowed(source, wire) : 0;

		if (source->source.fd < 0) {
			tell_end(source, wire);
			return 0;
		}
		result = watch(source, loop, bytes > 0, err);
		if (result < 0 || bytes == 0 || (!source->is_ready && !source->is_last))
			return result;
		if (!read_some(source, loop, wire, bytes) && source->source.fd >= 0)
			return 0;
	}
}

/* --- Sinks -------------------------------------------------------------------------------------------------------- */

int agent_sink_open(struct agent_sink *sink, int fd, bool is_owned, struct agent_line line,
		    void (*ready)(struct loop *, struct loop_source *, uint32_t), struct err *err)
{
	*sink = (struct agent_sink){
		.source = {.fd = fd, .ready = ready},
		.line = line,
		.is_owned = is_owned,
		.window = AGENT_WINDOW,
	};
	return agent_ring_open(&sink->ring, err);
}

void agent_sink_drop(struct agent_sink *sink, struct loop *loop)
{
	loop_forget(loop, &sink->source);
	if (sink->is_owned)
		scope_fd(&sink->source.fd);
	sink->source.fd = -1;
	sink->owed += (uint32_t)sink->ring.len;
	sink->ring.start = sink->ring.len = 0;
}

void agent_sink_close(struct agent_sink *sink, struct loop *loop)
{
	agent_sink_drop(sink, loop);
	agent_ring_close(&sink->ring);
}

/*
 * A shared descriptor's own mode stays: poll(2) says whether a piece is taken at once. Of a pipe that is ready,
 * PIPE_BUF bytes are.
 */
static ssize_t write_some(const struct agent_sink *sink, const void *bytes, size_t len)
{
	struct pollfd ready = {.fd = sink->source.fd, .events = POLLOUT};

	if (!sink->is_owned) {
		if (poll(&ready, 1, 0) <= 0) {
			errno = EAGAIN;
			return -1;
		}
		len = len < PIPE_BUF ? len : PIPE_BUF;
	}
	return write(sink->source.fd, bytes, len);
}

/* How many were written; -1: nobody takes them any more. */
static ssize_t write_all(const struct agent_sink *sink, const unsigned char *bytes, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t wrote = write_some(sink, bytes + done, len - done);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0 && errno == EAGAIN)
			break;
		if (wrote < 0)
			return -1;
		done += (size_t)wrote;
	}
	return (ssize_t)done;
}

int agent_sink_take(struct agent_sink *sink, struct loop *loop, const void *bytes, size_t len, struct err *err)
{
	ssize_t wrote = 0;

	if (sink->is_ended || len > sink->window)
		return err_say(err, EPROTO, "%s (process %u)",
			       sink->is_ended ? "bytes behind a stream's end" : "more bytes than it had credit for",
			       sink->line.process);
	sink->window -= (uint32_t)len;
	if (sink->source.fd >= 0 && sink->ring.len == 0)
		wrote = write_all(sink, bytes, len);
	if (wrote < 0)
		agent_sink_drop(sink, loop);
	if (sink->source.fd < 0) {
		sink->owed += (uint32_t)len;
		return 0;
	}
	sink->owed += (uint32_t)wrote;
	(void)agent_ring_add(&sink->ring, (const unsigned char *)bytes + wrote, len - (size_t)wrote);
	return 0;
}

int agent_sink_end(struct agent_sink *sink, struct err *err)
{
	if (sink->is_ended)
		return err_say(err, EPROTO, "a stream's end, twice (process %u)", sink->line.process);
	sink->is_ended = true;
	return 0;
}

static void write_ring(struct agent_sink *sink, struct loop *loop)
{
	while (sink->source.fd >= 0 && sink->ring.len > 0) {
		size_t len;
		const unsigned char *bytes = agent_ring_peek(&sink->ring, &len);
		ssize_t wrote = write_all(sink, bytes, len);

		if (wrote < 0) {
			agent_sink_drop(sink, loop);
			return;
		}
		sink->owed += (uint32_t)wrote;
		agent_ring_drop(&sink->ring, (size_t)wrote);
		if ((size_t)wrote < len)
			return;
	}
}

void agent_sink_hung_up(struct agent_sink *sink, struct loop *loop)
{
	write_ring(sink, loop);
	sink->owed += (uint32_t)sink->ring.len;
	sink->ring.start = sink->ring.len = 0;
}

int agent_sink_settle(struct agent_sink *sink, struct loop *loop, struct agent_wire *wire, struct err *err)
{
	uint32_t owed;
	int result = 0;

	write_ring(sink, loop);
	owed = sink->owed;
	if (!sink->is_ended)
		agent_put_credit(wire, &sink->line, &sink->owed);
	if (sink->owed < owed)
		sink->window += owed;
	if (sink->source.fd < 0)
		return 0;
	if (sink->is_ended && sink->ring.len == 0 && sink->is_owned)
		agent_sink_drop(sink, loop);
	else if (sink->ring.len > 0 && !sink->source.registered)
		result = loop_watch(loop, &sink->source, EPOLLOUT, err);
	else if (sink->ring.len == 0)
		loop_forget(loop, &sink->source);
	return result;
}
