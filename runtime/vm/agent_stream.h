/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process's streams between descriptors and frames, with their credits: the same for the guest's end (pipes of a
 * program), the router's (the first program's streams) and a client's.
 *
 *     descriptor -> agent_source -> frames      as far as there is credit, and room on the wire: nothing is kept
 *     frames     -> agent_sink   -> descriptor  a window's worth is kept at most, credit is given for what was written
 *
 * Owners call agent_source_pump() and agent_sink_settle() behind whatever may have changed something.
 */
#ifndef HULL_RUNTIME_VM_AGENT_STREAM_H
#define HULL_RUNTIME_VM_AGENT_STREAM_H

#include "runtime/base/loop.h"
#include "runtime/vm/agent_protocol.h"

/* Bytes that wait; AGENT_WINDOW at most. */
struct agent_ring {
	unsigned char *bytes; /* NULL: none can be taken */
	size_t start, len;
};

int agent_ring_open(struct agent_ring *ring, struct err *err); /* 0 or -ENOMEM */
void agent_ring_close(struct agent_ring *ring);
/* False when they do not fit: then none is taken. */
bool agent_ring_add(struct agent_ring *ring, const void *bytes, size_t len);
/* The oldest bytes that lie in one piece. */
const unsigned char *agent_ring_peek(const struct agent_ring *ring, size_t *ret_len);
void agent_ring_drop(struct agent_ring *ring, size_t len);

/* Which process and stream frames are of. */
struct agent_line {
	uint32_t process;
	enum agent_stream stream;
};

struct agent_source {
	struct loop_source source; /* fd -1: nothing (more) to read */
	struct agent_line line;
	bool is_owned;	   /* closed at the end */
	bool is_unwatched; /* a file, which epoll does not know: it is always ready */
	bool is_ready;	   /* the loop said so */
	bool is_told;	   /* EOF is on the wire */
	/* nobody writes any more: what is there is read, and then it is over, whoever else holds it open */
	bool is_last;
	uint32_t credit;
};

/*
 * Reads `fd` (-1: the stream is over at once). With `is_owned` it is closed at the end, and must be non-blocking; else
 * it is read when it is ready only. `ready` is called by the loop: it sets is_ready, and does what its owner does
 * behind every event.
 */
void agent_source_init(struct agent_source *source, int fd, bool is_owned, struct agent_line line,
		       void (*ready)(struct loop *, struct loop_source *, uint32_t));
/* Sends what there is credit and room for, and watches for what is missing. 0, or -errno when it cannot be watched. */
int agent_source_pump(struct agent_source *source, struct loop *loop, struct agent_wire *wire, struct err *err);
/* The peer has taken so many bytes. -EPROTO: more than were sent. */
int agent_source_credit(struct agent_source *source, uint32_t bytes, struct err *err);
/* Reads no more; EOF is still to be told. */
void agent_source_end(struct agent_source *source, struct loop *loop);
/* All was read, and EOF told. */
static inline bool agent_source_is_done(const struct agent_source *source)
{
	return source->is_told;
}

struct agent_sink {
	struct loop_source source; /* fd -1: nobody takes it, it is dropped */
	struct agent_line line;
	bool is_owned;
	bool is_ended;	 /* EOF came */
	uint32_t window; /* what the peer may still send */
	uint32_t owed;	 /* written, and not credited yet */
	struct agent_ring ring;
};

/*
 * Writes to `fd` (-1: drops). One that is not owned is shared with others who rely on its mode, and may block: it is
 * written in pieces that a pipe or terminal which is ready takes at once. -ENOMEM.
 */
int agent_sink_open(struct agent_sink *sink, int fd, bool is_owned, struct agent_line line,
		    void (*ready)(struct loop *, struct loop_source *, uint32_t), struct err *err);
/* A frame's payload. -EPROTO: more than its window, or behind EOF. */
int agent_sink_take(struct agent_sink *sink, struct loop *loop, const void *bytes, size_t len, struct err *err);
/* EOF came. -EPROTO: twice. */
int agent_sink_end(struct agent_sink *sink, struct err *err);
/*
 * Writes what can be written, gives credit, closes an owned descriptor at the end, and watches for what is missing. 0
 * or -errno of watching.
 */
int agent_sink_settle(struct agent_sink *sink, struct loop *loop, struct agent_wire *wire, struct err *err);
/*
 * Nobody has the other end open now (EPOLLHUP). Of a terminal somebody may open it again: until then what does not go
 * into its buffer is lost, as what is typed where nobody reads, and the loop would hear of it for ever.
 */
void agent_sink_hung_up(struct agent_sink *sink, struct loop *loop);
/* Nobody takes it any more. */
void agent_sink_drop(struct agent_sink *sink, struct loop *loop);
/* All that came is written. */
static inline bool agent_sink_is_empty(const struct agent_sink *sink)
{
	return sink->ring.len == 0;
}
void agent_sink_close(struct agent_sink *sink, struct loop *loop);

/* Puts CREDIT for `*owed` bytes when they are worth a frame, and clears them. */
void agent_put_credit(struct agent_wire *wire, const struct agent_line *line, uint32_t *owed);

#endif
