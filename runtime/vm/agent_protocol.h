/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the host and the agent inside a guest say to one another, and what a client on the host says to the router
 * (agent_router.h), version 1.
 *
 * One byte stream, no descriptors. A frame is
 *
 *     uint32 length of the payload   uint16 type   uint16 zero   uint32 process   uint32 zero   payload
 *
 * little endian, with at most AGENT_PAYLOAD_MAX bytes of payload. The host chooses the processes' numbers: AGENT_FIRST
 * is the guest's first program, those of `exec` are greater; 0 means the guest as a whole. A client on the router's
 * socket chooses its own (any but 0), and the router translates.
 *
 *     guest                                   host
 *     HELLO{version}             ->
 *                                <-           HELLO{version} CLOCK
 *                                <-           START pieces of the document, and an empty one      (process AGENT_FIRST)
 *     STARTED{pid} or FAILED     ->
 *     STDOUT* STDERR* EOF* CREDIT*   <->      STDIN* EOF CREDIT* SIGNAL* RESIZE* CLOSE
 *     EXIT                       ->           nothing follows of this process; of the first one: nothing at all, and
 *                                             its disk is safe
 *
 * EXEC is like START for one more process. A document is sent in pieces, AGENT_DOCUMENT_MAX bytes in all, and an empty
 * piece ends it. Until STARTED or FAILED the host says nothing else of a process but CLOSE, which makes a half document
 * FAILED.
 *
 * Credits: of each of a process's three streams AGENT_WINDOW bytes may be on their way. A sender counts what it has
 * sent, a receiver gives CREDIT for what has been taken out of its hands. So all buffers are bounded, and one stream
 * that nobody reads holds up no other. Who sends more than it may, says what its side never says, names a process that
 * is not there, or sends an overlong frame, breaks the protocol: the other side ends the channel, and nothing else.
 * What has crossed on the way is no breach: frames to a process whose EXIT is on its way are dropped by the guest.
 *
 * Neither side trusts the other. The router lets a client say only what the table in agent_protocol.c allows, and a
 * client no more reaches another client's processes than it could guess a descriptor.
 */
#ifndef HULL_RUNTIME_VM_AGENT_PROTOCOL_H
#define HULL_RUNTIME_VM_AGENT_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/err.h"

#define AGENT_VERSION 1
/* Is in the agent's file, which is so told from what else speaks AGENT_VERSION. */
#define AGENT_MARK	 "hull-agent, protocol 1: "
#define AGENT_PORT_NAME	 "hull.agent" /* of the virtio console's port */
#define AGENT_VSOCK_PORT 1024	      /* of the host (CID 2), where the command line says AGENT_VSOCK_WORD */
/*
 * A word of the kernel's command line: the channel is a vsock connection, of a machine on KVM only. A port is the
 * default: its driver is loaded anyhow, and vsock's are three modules more.
 */
#define AGENT_VSOCK_WORD  "hull.agent=vsock"
#define AGENT_SOCKET	  "vm.sock" /* the router's, in the state folder, mode 0600 */
#define AGENT_FIRST	  1u
#define AGENT_PAYLOAD_MAX 65536u
#define AGENT_WINDOW	  131072u
/* The longest payload that hull's own sides send: a wire has room for several, so that many share it. */
#define AGENT_CHUNK	   16384u
#define AGENT_DOCUMENT_MAX ((size_t)1 << 20)
#define AGENT_EXECS_MAX	   64 /* processes of `exec` in a guest at a time; one more is FAILED */

enum agent_frame {
	AGENT_HELLO = 1, /* both: struct agent_hello. First, and once. Clients say it too, and are answered */
	/* host to guest */
	AGENT_START = 16, /* a piece of the START document (runtime/spec/guest.h) */
	AGENT_EXEC,	  /* a piece of an EXEC document; the first one names a new process */
	AGENT_STDIN,	  /* bytes, 1 or more */
	AGENT_SIGNAL,	  /* struct agent_signal; of process 0: to every process in the container */
	AGENT_RESIZE,	  /* struct agent_resize */
	AGENT_CLOSE,	  /* nobody listens any more: its pipes or its terminal are closed. EXIT still comes */
	AGENT_CLOCK,	  /* process 0: struct agent_clock, at first and after a pause. From the router alone */
	AGENT_SHUTDOWN,	  /* process 0: kill, sync, EXIT, power off. From the router alone */
	/* guest to host */
	AGENT_STARTED = 32, /* struct agent_started: it runs */
	AGENT_FAILED,	    /* struct agent_failed and its words: there is no such process, and no EXIT */
	AGENT_STDOUT,	    /* bytes, 1 or more; of a terminal, too */
	AGENT_STDERR,
	AGENT_EXIT, /* struct agent_exit */
	/* both */
	AGENT_CREDIT = 48, /* struct agent_credit: to who sends the stream */
	/* struct agent_eof: of STDIN from the host, of the others from the guest. Nothing follows on that stream */
	AGENT_EOF,
	/* process 0. From the host: no payload, and one at a time. From the guest: JSON (runtime/spec/guest.h) */
	AGENT_STATS,
};

enum agent_stream { AGENT_STREAM_IN, AGENT_STREAM_OUT, AGENT_STREAM_ERR, AGENT_STREAM_COUNT };

/* As on the wire. */
struct agent_header {
	uint32_t length;
	uint16_t type, zero;
	uint32_t process, zero_too;
};
struct agent_hello {
	uint32_t version;
};
struct agent_signal {
	int32_t signo; /* 1..64 */
};
struct agent_resize {
	uint16_t rows, columns;
};
struct agent_clock {
	uint64_t epoch_ns;
};
struct agent_started {
	int32_t pid; /* in the guest, for people */
};
struct agent_failed {
	int32_t code;	   /* a positive errno */
	int32_t exit_code; /* enum err_exit: 125, 126, 127 */
			   /* the words follow, at most ERR_MSG_BYTES - 1, no NUL */
};
struct agent_exit {
	int32_t code;	/* 0..255; 128 + signal */
	int32_t signal; /* 0: ended by itself */
	uint32_t oom;	/* 1: the kernel killed in the container for want of memory */
};
struct agent_credit {
	uint32_t stream; /* enum agent_stream */
	uint32_t bytes;	 /* 1 or more */
};
struct agent_eof {
	uint32_t stream;
};
_Static_assert(sizeof(struct agent_header) == 16, "as on the wire");
_Static_assert(sizeof(struct agent_credit) == 8, "as on the wire");
_Static_assert(sizeof(struct agent_exit) == 12, "as on the wire");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "structs go onto the wire as they are");

/* Who says a frame. A client is a host that may say less. */
enum agent_side { AGENT_SIDE_CLIENT, AGENT_SIDE_HOST, AGENT_SIDE_GUEST };

/*
 * A whole frame, checked: known type, right side, a length that fits the type. `payload` lies in the wire's buffer
 * until the next call.
 */
struct agent_message {
	uint16_t type;
	uint32_t process;
	size_t len;
	const unsigned char *payload;
};

/* "STDOUT", for words; "?" for what is none. */
const char *agent_frame_name(unsigned type);

/*
 * One end of the stream: a non-blocking descriptor, one frame coming in, a few going out. It has no queue: what there
 * is to say is kept by its owner as state (so many bytes of credit, an exit), and put while there is room.
 */
#define AGENT_WIRE_BYTES (sizeof(struct agent_header) + AGENT_PAYLOAD_MAX)
struct agent_wire {
	int fd;
	enum agent_side peer; /* who is at the other end: what it may say */
	bool ended;	      /* the peer closed it, or it broke */
	bool was_short;	      /* somebody found no room in this turn */
	size_t in_start, in_len;
	size_t out_start, out_len;
	unsigned char in[AGENT_WIRE_BYTES], out[AGENT_WIRE_BYTES];
};

/*
 * Takes a non-blocking descriptor, which stays the caller's to close. Buffers are not touched: a zeroed wire costs
 * nothing.
 */
void agent_wire_init(struct agent_wire *wire, int fd, enum agent_side peer);
/*
 * One read of what has come. 1: there is more, perhaps whole frames; 0: nothing for now; -ECONNRESET: the end of the
 * stream, -errno, and then the wire has ended. A frame that agent_wire_next() gave is not valid any more. Not to be
 * called while there are whole frames.
 */
int agent_wire_fill(struct agent_wire *wire, struct err *err);
/*
 * The next frame that has come whole. 1; 0: none, fill; -EPROTO with words: the peer broke the protocol, and the wire
 * has ended.
 */
int agent_wire_next(struct agent_wire *wire, struct agent_message *ret, struct err *err);
/* Takes bytes in without a descriptor, as agent_wire_fill() does: for tests. How many were taken. */
size_t agent_wire_feed(struct agent_wire *wire, const void *bytes, size_t len);

/*
 * A turn: an owner first says that one begins, lets everybody put what there is to put, flushes, and watches for
 * EPOLLOUT when agent_wire_has_output(). That is also so when somebody found no room, even if all has been written
 * since: else nobody would come back to him.
 */
void agent_wire_begin_turn(struct agent_wire *wire);
/* Room for a payload: 0 when not even a header fits. */
size_t agent_wire_room(const struct agent_wire *wire);
/* Whether a payload of this length fits now. If not it is tried again in another turn. */
bool agent_wire_fits(struct agent_wire *wire, size_t len);
/* Puts a frame. False when it does not fit: then nothing is put. */
bool agent_wire_put(struct agent_wire *wire, unsigned type, uint32_t process, const void *payload, size_t len);
/*
 * The same in two steps, without a copy: where a payload of at most agent_wire_room() bytes goes, and how long it has
 * become (0: there is no frame).
 */
unsigned char *agent_wire_begin(struct agent_wire *wire);
void agent_wire_commit(struct agent_wire *wire, unsigned type, uint32_t process, size_t len);
/*
 * Writes what can be written. 0, also when it would block, and when the peer is gone (who reads will hear of it);
 * -errno.
 */
int agent_wire_flush(struct agent_wire *wire, struct err *err);
/* Whether something waits to be written, or to be put: watch for EPOLLOUT. */
bool agent_wire_has_output(const struct agent_wire *wire);

/* Whether the command line has AGENT_VSOCK_WORD. */
bool agent_is_by_vsock(const char *cmdline);

#endif
