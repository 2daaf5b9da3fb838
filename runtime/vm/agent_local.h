/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process in the guest whose streams are this process's own descriptors: the router's first program, and what a
 * client runs. It sends the document, passes signals and the terminal's size on, and pumps the streams. The wire, and
 * what its other frames mean, are the owner's.
 */
#ifndef HULL_RUNTIME_VM_AGENT_LOCAL_H
#define HULL_RUNTIME_VM_AGENT_LOCAL_H

#include <termios.h>

#include "runtime/vm/agent_stream.h"

struct agent_local_request {
	uint32_t process;
	unsigned type; /* of the document: AGENT_START, AGENT_EXEC */
	const void *document;
	size_t document_len;
	int stdio[3];
	int terminal; /* to be made raw, and whose size is the process's; -1: none */
	const sigset_t *signals;
	void (*changed)(void *user); /* from the loop: call agent_local_settle() */
	void *user;
};

struct agent_local {
	struct agent_local_request request;
	struct loop *loop;
	struct agent_source in;
	struct agent_sink out, err;
	struct loop_signals signals;
	bool has_signals, is_started, has_ended, is_raw;
	bool is_document_told;
	size_t document_sent;
	uint64_t signals_due; /* a bit a signal; bit 0 is signal 1 */
	bool is_resize_due;
	bool is_close_told; /* who read the output is gone: as with a pipe, its writer shall hear of it */
	struct termios saved;
};

int agent_local_open(struct agent_local *local, struct loop *loop, const struct agent_local_request *request,
		     struct err *err);
/* Puts what there is to say, pumps, watches. 0 or -errno. */
int agent_local_settle(struct agent_local *local, struct agent_wire *wire, struct err *err);
/* STARTED was heard: from now on streams and signals go. */
void agent_local_started(struct agent_local *local);
/* STDOUT, STDERR, EOF, CREDIT of this process. -EPROTO with words. */
int agent_local_take(struct agent_local *local, const struct agent_message *message, struct err *err);
/* Whether all output that has come is written. */
bool agent_local_is_drained(const struct agent_local *local);
/* It has ended: no more input, no signals. Output that is left is still written by agent_local_settle(). */
void agent_local_ended(struct agent_local *local);
/* Output that is not written yet is dropped. */
void agent_local_drop(struct agent_local *local);
/* Puts the terminal back and closes what is its own. Fine on a zeroed one. */
void agent_local_close(struct agent_local *local);

#endif
