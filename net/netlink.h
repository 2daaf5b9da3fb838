/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Netlink: a socket, messages gathered into a batch, and the answer to all of them.
 *
 * A batch is built without looking at results: the first failure (memory, bound) sticks and is told by netlink_run().
 * Only the last message asks for an acknowledgement; the kernel answers failures of the others anyway, in order, so
 * that one send and usually one receive do for a whole batch.
 *
 *     netlink_begin(&batch, RTM_NEWLINK, NLM_F_CREATE, &header, sizeof(header));
 *     netlink_put_string(&batch, IFLA_IFNAME, "hull0");
 *     netlink_nest(&batch, IFLA_LINKINFO);
 *     ...
 *     netlink_nest_end(&batch);
 *     if (netlink_run(&netlink, &batch, NULL, NULL, &failure, err) < 0)
 */
#ifndef HULL_NET_NETLINK_H
#define HULL_NET_NETLINK_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"
#include "runtime/base/scope.h"

struct nl_sock;
struct nl_msg;
struct nlattr;

struct netlink {
	struct nl_sock *socket; /* NULL: closed */
	uint32_t sequence;	/* the last one used */
};
#define NETLINK_INIT ((struct netlink){0})

/* Opens a socket of a protocol (NETLINK_ROUTE, NETLINK_NETFILTER) in the process's network namespace. */
int netlink_open(struct netlink *netlink, int protocol, struct err *err);
/*
 * The same in the namespace `netns_fd`, where the process goes for a moment: the socket stays there, the process
 * comes back. -ENOTRECOVERABLE: it could not come back, and must do nothing more in any network.
 */
int netlink_open_in(struct netlink *netlink, int protocol, int netns_fd, struct err *err);
void netlink_close(struct netlink *netlink);
#define CLEANUP_NETLINK CLEANUP(netlink_close)

#define NETLINK_NEST_MAX 8

struct netlink_batch {
	char *data; /* finished messages, one behind the other */
	size_t len, capacity;
	struct nl_msg *message; /* the one being built, or NULL */
	struct nlattr *nests[NETLINK_NEST_MAX];
	unsigned depth;
	uint32_t count; /* messages, finished or being built */
	size_t last;	/* where the one that asks for the answer begins in `data` */
	bool failed;
	bool closing; /* the message being built is a closing bracket */
};
#define NETLINK_BATCH_INIT ((struct netlink_batch){0})
void netlink_batch_free(struct netlink_batch *batch);
#define CLEANUP_NETLINK_BATCH CLEANUP(netlink_batch_free)

/*
 * Begins a message, which ends the one before. `header` is the protocol's own (struct ifinfomsg, ...). NLM_F_REQUEST
 * is added. Returns its number in the batch, from 0, for netlink_failure.
 */
uint32_t netlink_begin(struct netlink_batch *batch, int type, int flags, const void *header, size_t header_bytes);
/*
 * The same for a message that only closes the batch (nf_tables' NFNL_MSG_BATCH_END) and that older kernels leave
 * unanswered: the one before asks for the answer. It is the last one of the batch.
 */
void netlink_begin_closing(struct netlink_batch *batch, int type, const void *header, size_t header_bytes);

void netlink_put(struct netlink_batch *batch, int attribute, const void *data, size_t len);
void netlink_put_string(struct netlink_batch *batch, int attribute, const char *words);
void netlink_put_u8(struct netlink_batch *batch, int attribute, uint8_t value);
void netlink_put_u32(struct netlink_batch *batch, int attribute, uint32_t value);
void netlink_put_be32(struct netlink_batch *batch, int attribute, uint32_t value); /* nf_tables' numbers */
void netlink_put_raw(struct netlink_batch *batch, const void *data, size_t len); /* no attribute: a header in a nest */
void netlink_nest(struct netlink_batch *batch, int attribute);
void netlink_nest_end(struct netlink_batch *batch);

/* Which message of a batch failed first, and the kernel's own words when it has some. */
struct netlink_failure {
	uint32_t message; /* its number in the batch */
	char words[128];
};

/* Called for each message that answers; a negative errno ends the run with it. */
typedef int (*netlink_reply)(const struct nlmsghdr *reply, void *context);

/*
 * Sends the batch and waits until its last message is acknowledged (a dump: until its end). The batch is empty
 * afterwards. `ret_failure` may be NULL. Returns 0 or the first failure's -errno, with the kernel's words in `err`,
 * which callers put what they did in front of.
 */
int netlink_run(struct netlink *netlink, struct netlink_batch *batch, netlink_reply reply, void *context,
		struct netlink_failure *ret_failure, struct err *err);

/*
 * The protocol's header (`header_bytes` long) of a reply that must be of type `type`, and what is behind it. NULL
 * when it is another type or too short.
 */
const void *netlink_header(const struct nlmsghdr *reply, int type, size_t header_bytes, const void **ret_attributes,
			   size_t *ret_len);
/* Finds an attribute in the `len` bytes at `attributes`; NULL when it is missing or shorter than `bytes`. */
const void *netlink_find(const void *attributes, size_t len, int attribute, size_t bytes);
/* The same for a nested one, with its length. */
const void *netlink_find_nest(const void *attributes, size_t len, int attribute, size_t *ret_len);

#endif
