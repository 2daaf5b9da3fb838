/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Unix sockets by path: never abstract ones (any process in the network namespace reaches those). Bounded frames,
 * descriptors passed along.
 *
 * A frame is: uint32 length of the payload, uint16 type, uint16 zero, payload; little endian, at most
 * SOCK_FRAME_MAX_BYTES of payload.
 */
#ifndef HULL_RUNTIME_BASE_SOCKET_H
#define HULL_RUNTIME_BASE_SOCKET_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/err.h"
#include "runtime/base/scope.h"

#define SOCK_FRAME_MAX_BYTES 65536

/*
 * Listening SOCK_STREAM socket `name` below `dirfd` (as in openat(2)), mode 0600 from the first moment. A stale one is
 * replaced; -EADDRINUSE when somebody listens there, -EEXIST when it is no socket. Two that want the same name at once
 * must hold a lock. Paths of any length (through /proc/self/fd). The descriptor.
 */
int sock_listen(int dirfd, const char *name, struct err *err);
/*
 * Connects to the socket `name`, following links as connect(2) does. The descriptor; -ECONNREFUSED when nobody listens
 * any more.
 */
int sock_connect(int dirfd, const char *name, struct err *err);
/*
 * The same to a socket of somebody else's, who may be at anything but listening: to connect, and later each send, takes
 * SOCK_PATIENCE_MS at most. -ETIMEDOUT with words.
 */
#define SOCK_PATIENCE_MS 10000
int sock_connect_patiently(int dirfd, const char *name, struct err *err);
/* The same for SOCK_SEQPACKET: messages that keep their borders, for runtime/base/sync.h. */
int sock_listen_packets(int dirfd, const char *name, struct err *err);
int sock_connect_packets(int dirfd, const char *name, struct err *err);
/* The next connection's descriptor; waits unless listen_fd is non-blocking (then -EAGAIN). */
int sock_accept(int listen_fd, struct err *err);
int sock_pair(int ret_fds[static 2], struct err *err); /* SOCK_STREAM, CLOEXEC */
/* The peer's uid (SO_PEERCRED), or -errno. */
int sock_peer_uid(int fd, uid_t *ret_uid);

/*
 * Whole frames over a blocking socket. Receiving: payload length, 0..room; -ECONNRESET at the end; -EMSGSIZE over the
 * bound (the stream is of no use then).
 */
int sock_send_frame(int fd, uint16_t type, const void *payload, size_t len, struct err *err);
ssize_t sock_recv_frame(int fd, uint16_t *ret_type, void *to, size_t room, struct err *err);

/*
 * Passes descriptors (none is fine) with one byte or more of data. Receiving: one recvmsg(2); the length, 0 at the end.
 * `*count` in: room, out: received, CLOEXEC and the caller's. More descriptors than there is room for, or a longer
 * packet: -EMSGSIZE, all of them closed.
 */
int sock_send_fds(int fd, const void *data, size_t len, const int *fds, unsigned count, struct err *err);
ssize_t sock_recv_fds(int fd, void *to, size_t room, int *ret_fds, unsigned *count, struct err *err);

#endif
