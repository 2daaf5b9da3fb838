/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/vhost_user.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "runtime/base/fd.h"
#include "runtime/base/scope.h"

_Static_assert(sizeof(((struct vhost_user_message *)0)->header) == 12, "the header is 12 bytes");

void vhost_user_drop(struct vhost_user_message *message)
{
	for (unsigned i = 0; i < message->fd_count; i++) {
		scope_fd(&message->fds[i]);
		message->fds[i] = -1;
	}
	message->fd_count = 0;
}

int vhost_user_set_patience(int socket_fd, unsigned patience_ms, struct err *err)
{
	struct timeval patience = {.tv_sec = patience_ms / 1000, .tv_usec = (suseconds_t)(patience_ms % 1000) * 1000};

	if (setsockopt(socket_fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
	    setsockopt(socket_fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0)
		return err_set(err, errno, "set the patience of a vhost-user socket");
	return 0;
}

/* What the kernel says when the patience is over, or the socket has none. */
static int failed(int code, const char *what, struct err *err)
{
	return code == EAGAIN ? err_say(err, ETIMEDOUT, "%s: the other end has not answered in time", what)
			      : err_set(err, code, "%s", what);
}

/* The header's first part, and what descriptors are beside it. Bytes, 0 at the end. */
static ssize_t receive_first(int socket_fd, struct vhost_user_message *message, struct err *err)
{
	struct iovec part = {.iov_base = &message->header, .iov_len = sizeof(message->header)};
	union {
		char bytes[CMSG_SPACE(sizeof(message->fds))];
		struct cmsghdr align;
	} control;
	struct msghdr header = {.msg_iov = &part,
				.msg_iovlen = 1,
				.msg_control = &control,
				.msg_controllen = sizeof(control)};
	ssize_t n;

	do
		n = recvmsg(socket_fd, &header, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return failed(errno, "receive a vhost-user message", err);
	for (struct cmsghdr *at = CMSG_FIRSTHDR(&header); at; at = CMSG_NXTHDR(&header, at)) {
		if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS)
			continue;
		/* The control buffer has room for no more than `fds` has. */
		message->fd_count = (unsigned)((at->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(message->fds, CMSG_DATA(at), message->fd_count * sizeof(int));
	}
	if (header.msg_flags & MSG_CTRUNC)
		return err_say(err, EPROTO, "a vhost-user message with too many descriptors");
	return n;
}

static int receive(int socket_fd, struct vhost_user_message *message, struct err *err)
{
	ssize_t n = receive_first(socket_fd, message, err);
	int r;

	if (n <= 0)
		return (int)n;
	r = fd_read_all(socket_fd, (char *)&message->header + n, sizeof(message->header) - (size_t)n);
	if (r < 0)
		return failed(-r, "receive the header of a vhost-user message", err);
	if ((message->header.flags & VHOST_USER_VERSION_MASK) != VHOST_USER_VERSION ||
	    message->header.bytes > sizeof(message->payload))
		return err_say(err, EPROTO, "a vhost-user message %u of %u bytes: not of this protocol",
			       message->header.request, message->header.bytes);
	r = fd_read_all(socket_fd, &message->payload, message->header.bytes);
	return r < 0 ? failed(-r, "receive the payload of a vhost-user message", err) : 1;
}

int vhost_user_receive(int socket_fd, struct vhost_user_message *message, struct err *err)
{
	int r;

	memset(message, 0, sizeof(*message));
	r = receive(socket_fd, message, err);
	if (r <= 0)
		vhost_user_drop(message);
	return r;
}

int vhost_user_send(int socket_fd, const struct vhost_user_message *message, struct err *err)
{
	struct vhost_user_message copy = *message;
	struct iovec parts[2] = {
		{.iov_base = &copy.header, .iov_len = sizeof(copy.header)},
		{.iov_base = &copy.payload, .iov_len = copy.header.bytes},
	};
	union {
		char bytes[CMSG_SPACE(sizeof(copy.fds))];
		struct cmsghdr align;
	} control = {{0}};
	struct msghdr header = {.msg_iov = parts, .msg_iovlen = ARRAY_SIZE(parts)};
	size_t fd_bytes = copy.fd_count * sizeof(int);
	ssize_t n;

	if (copy.fd_count > 0) {
		header.msg_control = &control;
		header.msg_controllen = CMSG_SPACE(fd_bytes);

		struct cmsghdr *rights = CMSG_FIRSTHDR(&header);

		*rights = (struct cmsghdr){.cmsg_len = CMSG_LEN(fd_bytes),
					   .cmsg_level = SOL_SOCKET,
					   .cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(rights), copy.fds, fd_bytes);
	}
	do
		n = sendmsg(socket_fd, &header, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return failed(errno, "send a vhost-user message", err);
	/* Some hundred bytes go at once or not at all, unless the peer does not read for a long time. */
	if ((size_t)n != sizeof(copy.header) + copy.header.bytes)
		return err_say(err, EPROTO, "vhost-user message %u was sent in part", copy.header.request);
	return 0;
}
