/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/vsock_connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "runtime/base/scope.h"

uint32_t vsock_connection_credit(const struct vsock_connection *connection)
{
	uint32_t in_flight = connection->sent - connection->guest_forwarded;

	/* Also where the guest says that it has taken more than it was given: it gets nothing then. */
	return in_flight < connection->guest_alloc ? connection->guest_alloc - in_flight : 0;
}

static uint32_t waiting(const struct vsock_connection *connection)
{
	return connection->received - connection->forwarded;
}

uint32_t vsock_connection_window(const struct vsock_connection *connection)
{
	return VSOCK_WINDOW_BYTES - waiting(connection);
}

/* Bytes that the socket took, maybe none; -errno. */
static ssize_t give(const struct vsock_connection *connection, struct iovec *parts, unsigned count)
{
	struct msghdr header = {.msg_iov = parts, .msg_iovlen = count};
	ssize_t n;

	do
		n = sendmsg(connection->fd, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	return n;
}

/* Where the byte number `at` of all that were received lies: up to the ring's end. */
static struct iovec part_of(const struct vsock_connection *connection, uint32_t at, uint32_t len)
{
	uint32_t start = at % VSOCK_WINDOW_BYTES, room = VSOCK_WINDOW_BYTES - start;

	return (struct iovec){.iov_base = connection->ring + start, .iov_len = len < room ? len : room};
}

static int keep(struct vsock_connection *connection, const struct vq_chain *chain, size_t skip, uint32_t len)
{
	if (!connection->ring)
		connection->ring = malloc(VSOCK_WINDOW_BYTES);
	if (!connection->ring)
		return -ENOMEM;
	while (len > 0) {
		struct iovec part = part_of(connection, connection->received, len);

		vq_chain_read(chain, skip, part.iov_base, part.iov_len);
		connection->received += (uint32_t)part.iov_len;
		skip += part.iov_len;
		len -= (uint32_t)part.iov_len;
	}
	return 0;
}

int vsock_connection_take(struct vsock_connection *connection, const struct vq_chain *chain, uint32_t len)
{
	struct iovec parts[VQ_MAX_SIZE];
	size_t skip = sizeof(struct virtio_vsock_hdr);
	ssize_t n = 0;

	if (waiting(connection) == 0) {
		n = give(connection, parts,
			 vq_slice(vq_readable(chain), chain->readable_count, skip, len, parts, ARRAY_SIZE(parts)));
		if (n < 0)
			return (int)n;
		connection->received += (uint32_t)n;
		connection->forwarded += (uint32_t)n;
	}
	return (uint32_t)n < len ? keep(connection, chain, skip + (size_t)n, len - (uint32_t)n) : 0;
}

int vsock_connection_flush(struct vsock_connection *connection)
{
	while (waiting(connection) > 0) {
		struct iovec part = part_of(connection, connection->forwarded, waiting(connection));
		ssize_t n = give(connection, &part, 1);

		if (n <= 0)
			return (int)n;
		connection->forwarded += (uint32_t)n;
	}
	if (connection->guest_shutdown & VIRTIO_VSOCK_SHUTDOWN_SEND)
		(void)shutdown(connection->fd, SHUT_WR);
	return 0;
}

void vsock_connection_drop(struct vsock_connection *connection)
{
	virtio_forget(&connection->source);
	scope_fd(&connection->fd);
	free(connection->ring);
	*connection = (struct vsock_connection){.fd = -1};
}
