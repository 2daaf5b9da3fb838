/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside hull-keeper: one struct that holds everything, and what its parts offer one another.
 *
 *     keeper.c          arguments, the loop, the program's end
 *     keeper_output.c   the program's output: to the log, and to the clients
 *     keeper_input.c    the clients' input: to the program
 *     keeper_clients.c  connections and frames
 *
 * The process lives as long as its instance, and there is one for each: so no heap, no standard I/O, and no memory is
 * touched before it is needed. All of it is one zeroed static struct, whose untouched pages cost nothing.
 */
#ifndef HULL_RUNTIME_CORE_KEEPER_H
#define HULL_RUNTIME_CORE_KEEPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/loop.h"
#include "runtime/core/attach.h"
#include "runtime/core/logfile.h"

#define KEEPER_CLIENTS	   16
#define KEEPER_ID_BYTES	   256
#define KEEPER_FRAME_BYTES (sizeof(struct keeper_frame) + ATTACH_CHUNK_BYTES)

/* A frame's header, little endian, as runtime/base/socket.h says. */
struct keeper_frame {
	uint32_t len;
	uint16_t type;
	uint16_t zero;
};
_Static_assert(sizeof(struct keeper_frame) == 8, "as on the wire");

/* What the keeper was told when it was started: descriptors are -1 when there is none. */
struct keeper_args {
	const char *id;
	int32_t pid;
	bool child;
	int32_t pidfd, state, data, stdout_fd, stderr_fd, stdin_fd, tty, client, listen;
	/* held: what a machine's monitor leaves in it is closed when its end has been told (runtime/vm/remains.h) */
	int32_t remains;
	uint64_t log_max_bytes;
	uint32_t log_files;
	char **unmake; /* NULL-terminated, behind "--" */
};

/* One of the program's outputs: a FIFO or the terminal. fd -1: it is over. */
struct keeper_stream {
	struct loop_source source;
	enum log_stream name;
	enum attach_wants wanted;
	bool is_terminal;
	bool is_hung_up; /* a terminal that nobody inside holds open; somebody may open it again */
};

struct keeper_client {
	struct loop_source source; /* fd is meaningful only while is_used */
	bool is_used;
	bool is_expected; /* from the start: output waits for its HELLO */
	bool is_greeted;
	bool waits_for_input;	 /* its next frame is not taken by the program yet; nothing more is read from it */
	uint32_t wants;		 /* enum attach_wants */
	off_t rest_at;		 /* how much of the rest it has been given */
	size_t in_len, in_taken; /* received; how much of the first frame's payload the program has taken */
	size_t out_len, out_sent;
	unsigned char in[KEEPER_FRAME_BYTES], out[KEEPER_FRAME_BYTES];
};

struct keeper {
	struct keeper_args args;
	struct loop loop;
	struct loop_source process; /* pidfd */
	struct loop_source listener;
	struct loop_timer patience; /* with clients, at the end */
	struct keeper_stream streams[2];
	struct loop_source input;	   /* the program's standard input or its terminal; fd -1: none (any more) */
	bool input_is_gone;		   /* nobody reads it */
	struct keeper_client *input_owner; /* whose frame is half written */
	bool has_log;
	struct logfile log;
	bool has_ended;
	struct attach_exit exit;
	/*
	 * The rest, once the program has ended: what its outputs still held and the EXIT, as frames in a memory file.
	 * So log and exit file are complete at once, however slowly a client reads.
	 */
	int rest_fd;
	off_t rest_len, rest_exit_at;
	/* Last: what is used by all instances is close together, and these pages are not. */
	struct keeper_client clients[KEEPER_CLIENTS];
};

/* keeper_output.c: starts watching; stops or goes on with reading as clients can or can't take more. */
int keeper_output_open(struct keeper *keeper, struct err *err);
void keeper_output_update(struct keeper *keeper);
/* After the end: reads what is left to the log and to the rest. */
void keeper_output_drain(struct keeper *keeper);

/* keeper_input.c */
int keeper_input_open(struct keeper *keeper, struct err *err);
/* Whether nobody has to wait for the program to take what it was given. */
bool keeper_input_has_room(const struct keeper *keeper);
/* Whether this client may write now; if not, it has to wait. */
bool keeper_input_turn(struct keeper *keeper, const struct keeper_client *client);
/*
 * Gives bytes to the program. How many were taken (or dropped, because nobody reads); with fewer than `len` the client
 * has to wait, and the input is its own until then.
 */
size_t keeper_input_write(struct keeper *keeper, struct keeper_client *client, const void *bytes, size_t len);
void keeper_input_end(struct keeper *keeper);
void keeper_input_resize(struct keeper *keeper, const struct attach_resize *size);
/* A client is gone. */
void keeper_input_forget(struct keeper *keeper, const struct keeper_client *client);
/* Somebody has to wait: there is no room until the program takes input again. */
void keeper_input_wait(struct keeper *keeper);

/* keeper_clients.c */
int keeper_clients_open(struct keeper *keeper, struct err *err);
/* Lets those go on who had to wait with their input, as long as it has room: first the one whose it is. */
void keeper_clients_resume(struct keeper *keeper);
/* Whether any client holds the output up. */
bool keeper_clients_block(const struct keeper *keeper);
/* One frame to each client that wants the stream. None may block. */
void keeper_clients_send(struct keeper *keeper, enum attach_wants wanted, const void *bytes, size_t len);
/* Adds a frame to the rest. */
void keeper_rest_add(struct keeper *keeper, enum attach_frame type, const void *bytes, size_t len);
/* After the end: gives everybody the rest. Stops the loop as soon as all have it. */
void keeper_clients_finish(struct keeper *keeper);
/* Drops those that do not have it yet, but for one that takes over. */
void keeper_clients_hurry(struct keeper *keeper);
/* Whether a client is there that unmakes the instance itself. */
bool keeper_clients_take_over(const struct keeper *keeper);

#endif
