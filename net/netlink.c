/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/netlink.h"

#include <fcntl.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>

/* One message's room: the longest is a rule of nf_tables with about ten expressions. */
#define MESSAGE_BYTES 4096
/*
 * A batch's bound: some 60,000 ports. The kernel has its own (the socket's send buffer), which netlink_run() raises
 * as needed.
 */
#define BATCH_MAX_BYTES ((size_t)8 << 20)
/* The kernel never makes a datagram of a dump longer than this when the reader's buffer is that long. */
#define RECEIVE_BYTES 32768
/* The kernel answers within the call that sends; only a lost answer (no memory) is ever waited for. */
#define ANSWER_SECONDS 10

int netlink_open(struct netlink *netlink, int protocol, struct err *err)
{
	static const int options[] = {NETLINK_EXT_ACK, NETLINK_CAP_ACK};
	const struct timeval patience = {.tv_sec = ANSWER_SECONDS};
	struct nl_sock *opened = nl_socket_alloc();
	int ret;

	if (!opened)
		return err_set(err, ENOMEM, "netlink socket");
	ret = nl_connect(opened, protocol);
	if (ret < 0) {
		nl_socket_free(opened);
		return err_say(err, EIO, "netlink socket of protocol %d: %s", protocol, nl_geterror(ret));
	}
	/*
	 * Words with errors, and no copy of the request in them: an older kernel has neither, and nothing needs them.
	 */
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		(void)setsockopt(nl_socket_get_fd(opened), SOL_NETLINK, options[i], &(int){1}, sizeof(int));
	(void)setsockopt(nl_socket_get_fd(opened), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	*netlink = (struct netlink){.socket = opened};
	return 0;
}

int netlink_open_in(struct netlink *netlink, int protocol, int netns_fd, struct err *err)
{
	CLEANUP_FD int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int ret;

	if (home < 0)
		return err_set(err, errno, "open the own network namespace");
	if (setns(netns_fd, CLONE_NEWNET) < 0)
		return err_set(err, errno, "enter the instance's network namespace");
	ret = netlink_open(netlink, protocol, err);
	if (setns(home, CLONE_NEWNET) < 0) {
		netlink_close(netlink);
		return err_say(err, ENOTRECOVERABLE, "come back from the instance's network namespace: %s",
			       strerror(errno));
	}
	return ret;
}

void netlink_close(struct netlink *netlink)
{
	int saved = errno;

	if (netlink->socket)
		nl_socket_free(netlink->socket);
	netlink->socket = NULL;
	errno = saved;
}

static void batch_fail(struct netlink_batch *batch)
{
	batch->failed = true;
}

/* Moves the message being built behind the finished ones. */
static void batch_finish(struct netlink_batch *batch)
{
	const struct nlmsghdr *header;
	size_t bytes, capacity = batch->capacity ? batch->capacity : MESSAGE_BYTES;

	if (!batch->message)
		return;
	header = nlmsg_hdr(batch->message);
	bytes = NLMSG_ALIGN(header->nlmsg_len);
	while (capacity < batch->len + bytes)
		capacity *= 2;
	if (batch->depth > 0 || capacity > BATCH_MAX_BYTES)
		batch_fail(batch);
	if (!batch->failed && capacity > batch->capacity) {
		char *grown = realloc(batch->data, capacity);

		if (grown) {
			batch->data = grown;
			batch->capacity = capacity;
		} else {
			batch_fail(batch);
		}
	}
	if (!batch->failed) {
		memcpy(batch->data + batch->len, header, bytes);
		if (!batch->closing)
			batch->last = batch->len;
		batch->len += bytes;
	}
	nlmsg_free(batch->message);
	batch->message = NULL;
}

void netlink_batch_free(struct netlink_batch *batch)
{
	int saved = errno;

	if (batch->message)
		nlmsg_free(batch->message);
	free(batch->data);
	*batch = NETLINK_BATCH_INIT;
	errno = saved;
}

uint32_t netlink_begin(struct netlink_batch *batch, int type, int flags, const void *header, size_t header_bytes)
{
	uint32_t number = batch->count++;

	batch_finish(batch);
	if (batch->failed)
		return number;
	batch->message = nlmsg_alloc_size(MESSAGE_BYTES);
	/* The sequence is the number in the batch until it is sent. */
	if (!batch->message || !nlmsg_put(batch->message, 0, number, type, 0, flags | NLM_F_REQUEST) ||
	    nlmsg_append(batch->message, (void *)(uintptr_t)header, header_bytes, NLMSG_ALIGNTO) < 0)
		batch_fail(batch);
	return number;
}

void netlink_begin_closing(struct netlink_batch *batch, int type, const void *header, size_t header_bytes)
{
	netlink_begin(batch, type, 0, header, header_bytes);
	batch->closing = true;
}

void netlink_put(struct netlink_batch *batch, int attribute, const void *data, size_t len)
{
	if (!batch->failed && nla_put(batch->message, attribute, (int)len, data) < 0)
		batch_fail(batch);
}

void netlink_put_string(struct netlink_batch *batch, int attribute, const char *words)
{
	netlink_put(batch, attribute, words, strlen(words) + 1);
}

void netlink_put_u8(struct netlink_batch *batch, int attribute, uint8_t value)
{
	netlink_put(batch, attribute, &value, sizeof(value));
}

void netlink_put_u32(struct netlink_batch *batch, int attribute, uint32_t value)
{
	netlink_put(batch, attribute, &value, sizeof(value));
}

void netlink_put_be32(struct netlink_batch *batch, int attribute, uint32_t value)
{
	netlink_put_u32(batch, attribute, __builtin_bswap32(value));
}

void netlink_put_raw(struct netlink_batch *batch, const void *data, size_t len)
{
	if (!batch->failed && nlmsg_append(batch->message, (void *)(uintptr_t)data, len, NLMSG_ALIGNTO) < 0)
		batch_fail(batch);
}

void netlink_nest(struct netlink_batch *batch, int attribute)
{
	if (batch->failed)
		return;
	if (batch->depth == NETLINK_NEST_MAX ||
	    !(batch->nests[batch->depth++] = nla_nest_start(batch->message, attribute)))
		batch_fail(batch);
}

void netlink_nest_end(struct netlink_batch *batch)
{
	if (!batch->failed && (batch->depth == 0 || nla_nest_end(batch->message, batch->nests[--batch->depth]) < 0))
		batch_fail(batch);
}

/* Makes the batch ready to be sent: sequence numbers of this socket, and the last one asks for an answer. */
static uint32_t batch_number(struct netlink *netlink, struct netlink_batch *batch)
{
	uint32_t first = netlink->sequence + 1;

	for (size_t at = 0; at < batch->len;) {
		struct nlmsghdr *header = (struct nlmsghdr *)(void *)(batch->data + at);

		header->nlmsg_seq += first;
		if (at == batch->last) /* a dump ends with an answer of its own, whatever is asked for */
			header->nlmsg_flags |= NLM_F_ACK;
		at += NLMSG_ALIGN(header->nlmsg_len);
	}
	netlink->sequence += batch->count;
	return first;
}

/*
 * The usual buffers hold some hundred messages, and about as many answers: of a batch that fails, each message may
 * have one. The forced sizes need CAP_NET_ADMIN, which is here.
 */
static void raise_buffers(int fd, const struct netlink_batch *batch)
{
	if (batch->count <= 32)
		return;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &(int){(int)batch->len * 2}, sizeof(int));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &(int){(int)batch->count * 1024}, sizeof(int));
}

static int batch_send(const struct netlink *netlink, const struct netlink_batch *batch, struct err *err)
{
	int fd = nl_socket_get_fd(netlink->socket);
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	ssize_t sent;

	raise_buffers(fd, batch);
	do
		sent = sendto(fd, batch->data, batch->len, 0, (const struct sockaddr *)&kernel, sizeof(kernel));
	while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return err_set(err, errno, "send %zu bytes over netlink", batch->len);
	return 0;
}

/* What a run is waiting for and what it has seen. */
struct run {
	uint32_t first, last; /* sequence numbers of the batch */
	netlink_reply reply;
	void *context;
	struct netlink_failure failure;
	int code; /* the first failure, negative */
	bool done;
};

static void run_fail(struct run *run, const struct nlmsghdr *header, const struct nlmsgerr *answer)
{
	size_t skip = sizeof(*answer);
	const char *words;
	size_t room;

	run->code = answer->error;
	run->failure.message = header->nlmsg_seq - run->first;
	if (!(header->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(header->nlmsg_flags & NLM_F_CAPPED))
		skip += answer->msg.nlmsg_len - sizeof(answer->msg);
	if (NLMSG_ALIGN(skip) >= NLMSG_PAYLOAD(header, 0))
		return;
	room = NLMSG_PAYLOAD(header, 0) - NLMSG_ALIGN(skip);
	words = netlink_find((const char *)answer + NLMSG_ALIGN(skip), room, NLMSGERR_ATTR_MSG, 1);
	if (words)
		snprintf(run->failure.words, sizeof(run->failure.words), "%.*s", (int)room, words);
}

static int run_take(struct run *run, const struct nlmsghdr *header)
{
	const struct nlmsgerr *answer = nlmsg_data(header);

	/* Left over from a run that ended early: not ours. */
	if (header->nlmsg_seq - run->first > run->last - run->first)
		return 0;
	if (header->nlmsg_type == NLMSG_DONE) {
		run->done = true;
		return 0;
	}
	if (header->nlmsg_type != NLMSG_ERROR)
		return run->reply ? run->reply(header, run->context) : 0;
	if (NLMSG_PAYLOAD(header, 0) < sizeof(*answer))
		return -EBADMSG;
	if (answer->error < 0 && run->code == 0)
		run_fail(run, header, answer);
	/* The head of an nf_tables batch fails for all that follow, which get no answer of their own. */
	run->done = header->nlmsg_seq == run->last || (answer->error < 0 && header->nlmsg_seq == run->first);
	return 0;
}

static int run_receive(const struct netlink *netlink, struct run *run)
{
	_Alignas(struct nlmsghdr) char buffer[RECEIVE_BYTES];
	ssize_t got = recv(nl_socket_get_fd(netlink->socket), buffer, sizeof(buffer), MSG_TRUNC);
	struct nlmsghdr *header = (struct nlmsghdr *)(void *)buffer;
	int left = (int)got;

	if (got < 0)
		return errno == EINTR ? 0 : errno == EAGAIN ? -ETIMEDOUT : -errno;
	if ((size_t)got > sizeof(buffer))
		return -EMSGSIZE;
	for (; nlmsg_ok(header, left) && !run->done; header = nlmsg_next(header, &left)) {
		int ret = run_take(run, header);

		if (ret < 0)
			return ret;
	}
	return 0;
}

int netlink_run(struct netlink *netlink, struct netlink_batch *batch, netlink_reply reply, void *context,
		struct netlink_failure *ret_failure, struct err *err)
{
	struct run run = {.reply = reply, .context = context};
	int ret;

	batch_finish(batch);
	if (batch->failed) {
		netlink_batch_free(batch);
		return err_set(err, ENOMEM, "build netlink messages");
	}
	run.first = batch_number(netlink, batch);
	run.last = netlink->sequence - (batch->closing ? 1 : 0);
	ret = batch_send(netlink, batch, err);
	netlink_batch_free(batch);
	if (ret < 0)
		return ret;
	while (!run.done) {
		ret = run_receive(netlink, &run);
		if (ret < 0)
			return err_set(err, -ret, "receive over netlink");
	}
	if (ret_failure)
		*ret_failure = run.failure;
	if (run.code == 0)
		return 0;
	return run.failure.words[0] ? err_set(err, -run.code, "%s", run.failure.words)
				    : err_set(err, -run.code, "the kernel refuses");
}

const void *netlink_header(const struct nlmsghdr *reply, int type, size_t header_bytes, const void **ret_attributes,
			   size_t *ret_len)
{
	if (reply->nlmsg_type != type || reply->nlmsg_len < NLMSG_LENGTH(header_bytes))
		return NULL;
	*ret_attributes = nlmsg_attrdata(reply, (int)header_bytes);
	*ret_len = (size_t)nlmsg_attrlen(reply, (int)header_bytes);
	return nlmsg_data(reply);
}

const void *netlink_find_nest(const void *attributes, size_t len, int attribute, size_t *ret_len)
{
	const struct nlattr *at = attributes;

	for (int left = (int)len; nla_ok(at, left); at = nla_next(at, &left)) {
		if (nla_type(at) != attribute)
			continue;
		*ret_len = (size_t)nla_len(at);
		return nla_data(at);
	}
	return NULL;
}

const void *netlink_find(const void *attributes, size_t len, int attribute, size_t bytes)
{
	size_t found_bytes = 0;
	const void *found = netlink_find_nest(attributes, len, attribute, &found_bytes);

	return found && found_bytes >= bytes ? found : NULL;
}
