/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside the router: one struct that holds everything, and what its parts offer one another.
 *
 *     agent_router_channel.c    beginning, end, events, the guest's channel and the first program
 *     agent_router_clients.c    connections, and what clients say
 *     agent_router_process.c    their processes: what of each is on its way, either way
 *
 * Nothing is queued: what there is to say is state, and becomes frames when there is room.
 */
#ifndef HULL_RUNTIME_VM_AGENT_ROUTER_PARTS_H
#define HULL_RUNTIME_VM_AGENT_ROUTER_PARTS_H

#include "runtime/vm/agent_local.h"
#include "runtime/vm/agent_router.h"

/* What a process's end or failure leaves to be told. */
enum router_verdict { VERDICT_NONE, VERDICT_EXIT, VERDICT_FAILED };

/* An output of a client's process. */
struct router_output {
	struct agent_ring ring; /* from the guest, not yet sent to the client */
	uint32_t window;	/* what the guest may still send */
	uint32_t unread;	/* sent to the client, and not credited by it */
	uint32_t owed;		/* credited by the client, and not yet to the guest */
	bool is_ended, is_end_told;
};

struct router_process {
	uint32_t guest;		      /* its number there; 0: this entry is free */
	struct router_client *client; /* NULL: gone */
	uint32_t number;	      /* as its client calls it */
	bool is_asked_whole;	      /* its document's end was sent */
	bool is_started, is_started_told;
	bool is_input_ended;
	bool is_close_due;
	int32_t pid;
	uint32_t in_window; /* what the client may still send */
	uint32_t in_sent;   /* sent to the guest, and not credited by it */
	uint32_t in_owed;   /* credited by the guest, and not yet to the client */
	struct router_output outputs[2];
	enum router_verdict verdict;
	struct agent_exit exit;
	struct agent_failed failed;
	size_t words_len;
	char words[ERR_MSG_BYTES];
};

struct router_client {
	struct loop_source source; /* fd -1: this entry is free */
	struct agent_router *router;
	struct agent_wire *wire;
	bool is_greeted, is_hello_due;
	bool is_gone; /* to be closed behind the callback */
	struct agent_message
		held; /* of type 0: none. What the guest's wire had no room for; nothing more is read until it has */
	uint32_t refused; /* the number of a process that is not made, while its document comes */
	bool wants_stats, waits_for_stats;
	char *stats; /* to be sent; NULL: none */
	size_t stats_len;
};

struct agent_router {
	struct agent_router_request request;
	struct loop *loop;
	struct loop_source channel, listener;
	struct loop_timer patience; /* until STARTED: each second; at the end: how long clients may take */
	unsigned waited_seconds;    /* so far: for HELLO, then for STARTED */
	bool has_patience, is_clients_turn, is_paused;
	struct agent_local first;
	bool is_greeted, is_hello_due;
	bool is_shutdown_due, is_ending, is_told, is_stats_asked;
	uint64_t clock_due;
	uint32_t last_number;
	struct agent_outcome outcome;
	struct router_client clients[AGENT_ROUTER_CLIENTS];
	struct router_process processes[AGENT_EXECS_MAX];
	struct agent_wire wire;
};

/* agent_router_clients.c: takes clients from router->listener, where it has a descriptor. */
int router_clients_open(struct agent_router *router, struct err *err);
void router_clients_close(struct agent_router *router);
/* One more, of whose events `ready` is told. */
void router_clients_accept(struct agent_router *router,
			   void (*ready)(struct loop *loop, struct loop_source *source, uint32_t events));
/* What it says is read in; router_clients_settle() hears it. */
void router_client_read(struct router_client *client, uint32_t events);
/* Puts what there is for them, goes on with what was held, drops those that are gone. */
void router_clients_settle(struct agent_router *router);
bool router_clients_are_gone(const struct agent_router *router);
/* STATS came. -EPROTO: nobody has asked. */
int router_clients_stats(struct agent_router *router, const struct agent_message *message, struct err *err);

/* agent_router_process.c */
struct router_process *router_process_of_guest(struct agent_router *router, uint32_t number);
struct router_process *router_process_of_client(struct router_client *client, uint32_t number);
/* NULL: there are too many, or no memory. */
struct router_process *router_process_new(struct router_client *client, uint32_t number);
void router_process_free(struct agent_router *router, struct router_process *process);
/* A frame of the guest's about it. -EPROTO with words. */
int router_process_take(struct router_process *process, const struct agent_message *message, struct err *err);
/* Puts what is for the guest, and what is for its client. */
void router_process_settle(struct agent_router *router, struct router_process *process);
/* Its client is gone. */
void router_process_abandon(struct router_process *process);
/* Whether something of it is still to be told to its client. */
bool router_process_has_news(const struct router_process *process);

#endif
