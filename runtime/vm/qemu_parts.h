/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A machine of QEMU's while it runs: what qemu_run.c and the files beside it share. For these files only. */
#ifndef HULL_RUNTIME_VM_QEMU_PARTS_H
#define HULL_RUNTIME_VM_QEMU_PARTS_H

#include "runtime/vm/agent_router.h"
#include "runtime/vm/control_server.h"
#include "runtime/vm/qemu.h"
#include "runtime/vm/qemu_qmp.h"
#include "runtime/vm/turns.h"

/* The last of what came in on a stream: bounded, whatever comes. */
struct tail {
	struct loop_source source;
	size_t len;
	char bytes[16384];
};

/* The watch over a boot: qemu_boot.c. */
struct qemu_boot {
	struct loop_timer tick;
	struct turns turns;
	bool is_waiting;       /* for its turn */
	bool is_paused;	       /* meanwhile, and not to be let run when it comes */
	unsigned ticks;	       /* of the boot */
	clockid_t clock;       /* QEMU's processor time */
	uint64_t used_ns;      /* of it, at the last tick */
	uint64_t seen_ns;      /* when that was, by the monotonic clock */
	unsigned still_ticks;  /* on end, in which it used none */
	unsigned answer_ticks; /* for which answers to the last question still count; 0: there is none */
	unsigned boots;	       /* with the first one */
	bool has_failed;       /* they were too many */
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
	struct qemu_boot boot;
	struct control_server control;
	struct loop_timer measured; /* from the end of a measurement on, until QEMU has told its figures */
	uint64_t balloon_bytes;	    /* what the guest was asked to give up */
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
	const char *cause; /* of an end without the program's exit code: last_words.h */
};

/*
 * qemu_start.c: the file server first, which alone keeps the jail's capabilities, then QEMU. Its ends of sockets are in
 * `r` then.
 */
int qemu_start(struct running *r, struct err *err);

/*
 * qemu_boot.c: gets in line, or takes a turn at once. Before QEMU is started: r->ends says whether its machine is to
 * stand still at first.
 */
void qemu_boot_prepare(struct running *r);
/*
 * Lets the machine run when its turn has come; begins the machine anew when it stands still before the guest is up, a
 * few times; then stops the loop with boot.has_failed. From when the loop and the router are open, before this process
 * is confined.
 */
int qemu_boot_watch(struct running *r, struct err *err);
/*
 * While it waits for its turn (true) a machine cannot be paused by QEMU, and must not be resumed: it is remembered
 * whether it is to be.
 */
bool qemu_boot_pause(struct running *r, bool pause);
/* The guest is up, or never will be. */
void qemu_boot_is_over(struct running *r);
/* After r->state.processors may have changed. */
void qemu_boot_answered(struct running *r);

/* qemu_control.c: serves the control socket, if there is one, on the loop. */
int qemu_control_open(struct running *r, struct err *err);
void qemu_control_close(struct running *r);

#endif
