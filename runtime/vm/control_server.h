/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A socket that takes lines and answers lines: what control.h and qemu_control.h have in common. Who may connect is the
 * socket file's business: it lies in the instance's state folder, mode 0600 and its owner's.
 *
 *     WORD [ARGUMENT]            {"ok":true, …}  or  {"ok":false,"error":"…"}
 */
#ifndef HULL_RUNTIME_VM_CONTROL_SERVER_H
#define HULL_RUNTIME_VM_CONTROL_SERVER_H

#include "runtime/base/err.h"
#include "runtime/base/json.h"
#include "runtime/base/loop.h"

#define CONTROL_CLIENTS	   4
#define CONTROL_LINE_BYTES 128

/* A word that is obeyed; it may add members to the answer. */
struct control_verb {
	const char *word;     /* NULL: the end of the table */
	const char *argument; /* " BYTES", for words; NULL: it takes none */
	int (*run)(void *user, const char *argument, struct json_writer *answer, struct err *err);
};

struct control_server;

struct control_client {
	struct loop_source source; /* fd -1: nobody */
	struct control_server *server;
	char line[CONTROL_LINE_BYTES];
	size_t len;
};

struct control_server {
	struct loop *loop;
	const struct control_verb *verbs;
	void *user;
	struct loop_source listener;
	struct control_client clients[CONTROL_CLIENTS];
};

/* Serves on the loop. `listen_fd` stays the caller's, and is non-blocking from now on; `server` stays where it is. */
int control_server_open(struct control_server *server, struct loop *loop, int listen_fd,
			const struct control_verb *verbs, void *user, struct err *err);
/* Fine on a zeroed one. */
void control_server_close(struct control_server *server);

#endif
