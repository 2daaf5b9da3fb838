/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A machine of QEMU's while it runs: what qemu.c, qemu_start.c and qemu_control.c share. For these files only. */
#ifndef HULL_RUNTIME_VM_QEMU_PARTS_H
#define HULL_RUNTIME_VM_QEMU_PARTS_H

#include "runtime/vm/agent_router.h"
#include "runtime/vm/control_server.h"
#include "runtime/vm/qemu.h"
#include "runtime/vm/qemu_qmp.h"

/* The last of what came in on a stream: bounded, whatever comes. */
struct tail {
	struct loop_source source;
	size_t len;
	char bytes[16384];
};

struct running {
	const struct vm_request *request;
	struct arena *arena;
	struct loop loop;
	struct loop_timer patience;
	struct loop_source process; /* QEMU's pidfd */
	struct loop_source server;  /* and that of the server of its volumes */
	struct tail qmp, console, words;
	struct agent_router *router;
	struct control_server control;
	uint64_t balloon_bytes; /* what the guest was asked to give up */
	int agent_fd;
	const char *start;
	size_t start_len;
	struct qemu_ends ends;
	pid_t pid, server_pid;
	bool has_ended; /* QEMU has, with `status` */
	bool is_over;	/* the agent's channel is, with `outcome` */
	int status;
	int server_status; /* 0: it serves, or has ended as it should */
	struct qemu_state state;
	struct agent_outcome outcome;
};

/* qemu_start.c: the file server first, which alone keeps the jail's capabilities, then QEMU. Its ends of sockets are in `r` then. */
int qemu_start(struct running *r, struct err *err);

/* qemu_control.c: serves the control socket, if there is one, on the loop. */
int qemu_control_open(struct running *r, struct err *err);

#endif
