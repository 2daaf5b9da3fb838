/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/base/socket.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/base/file.h"

/* --- By path --- */

/*
 * The address of something below a descriptor. sun_path has 108 bytes, less than a path may have: the kernel finds its
 * way through /proc, and what stands behind the number fits always.
 */
static struct sockaddr_un address_of(int fd, const char *below)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d%s%s", fd, *below ? "/" : "",
		       below);
	return address;
}

static int new_socket(int type, struct err *err)
{
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	return fd < 0 ? err_set(err, errno, "create a socket") : fd;
}

/* Connects to what an O_PATH descriptor is. */
static int connect_to(int fd, int target)
{
	struct sockaddr_un address = address_of(target, "");
	int r;

	do
		r = connect(fd, (struct sockaddr *)&address, sizeof(address));
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

/* With how long it may take; NULL: as long as it does. */
static int connect_at(int dirfd, const char *name, int type, const struct timeval *patience, struct err *err)
{
	CLEANUP_FD int target = openat(dirfd, name, O_PATH | O_CLOEXEC);
	CLEANUP_FD int fd = -1;
	int r;

	if (target < 0)
		return err_set(err, errno, "connect to '%s'", name);
	fd = new_socket(type, err);
	if (fd < 0)
		return fd;
	if (patience && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, patience, sizeof(*patience)) < 0)
		return err_set(err, errno, "connect to '%s'", name);
	r = connect_to(fd, target);
	/* Its queue is full, and stays so. */
	if (r == -EAGAIN && patience)
		return err_say(err, ETIMEDOUT, "connect to '%s': nobody accepts connections there", name);
	if (r < 0)
		return err_set(err, -r, "connect to '%s'", name);
	return fd_take(&fd);
}

/*
 * What has the name already may be left over from a process that is gone; a living listener, or anything but a socket,
 * stays.
 */
static int check_stale(int folder, const char *name, struct err *err)
{
	CLEANUP_FD int old = openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	CLEANUP_FD int probe = -1;
	struct stat st;
	int r;

	if (old < 0)
		return errno == ENOENT ? 0 : err_set(err, errno, "listen on '%s'", name);
	if (fstat(old, &st) < 0)
		return err_set(err, errno, "listen on '%s'", name);
	if (!S_ISSOCK(st.st_mode))
		return err_say(err, EEXIST, "listen on '%s': it exists and is not a socket", name);
	probe = new_socket(SOCK_STREAM | SOCK_NONBLOCK, err);
	if (probe < 0)
		return probe;
	/* A full queue (EAGAIN) is a living listener too, and so is one of the other type (EPROTOTYPE). */
	r = connect_to(probe, old);
	if (r == -ECONNREFUSED)
		return 0;
	return err_set(err, EADDRINUSE, "listen on '%s'", name);
}

/*
 * Binds and listens under a name of its own, and then takes the wanted one: nobody ever meets a socket that does not
 * listen yet.
 */
static int listen_below(int fd, int folder, const char *name, struct err *err)
{
	struct sockaddr_un address;
	char temporary[32];

	(void)snprintf(temporary, sizeof(temporary), ".sock-%016llx", (unsigned long long)file_unique_digits());
	address = address_of(folder, temporary);

	/*
	 * A socket's own mode, less the umask, becomes the file's at bind(2): it is never wider than this, and what is
	 * missing is added.
	 */
	if (fchmod(fd, 0600) < 0)
		return err_set(err, errno, "set the mode of socket '%s'", name);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return err_set(err, errno, "bind '%s'", name);
	if (fchmodat(folder, temporary, 0600, 0) < 0 || listen(fd, SOMAXCONN) < 0 ||
	    renameat(folder, temporary, folder, name) < 0) {
		int code = errno;

		(void)unlinkat(folder, temporary, 0);
		return err_set(err, code, "listen on '%s'", name);
	}
	return 0;
}

/* Opens the folder of `name`; what is left of the name goes to *ret_last. */
static int open_parent(int dirfd, const char *name, const char **ret_last, struct err *err)
{
	const char *slash = strrchr(name, '/');
	char parent[PATH_MAX] = ".";
	int fd;

	if (slash && (size_t)snprintf(parent, sizeof(parent), "%.*s", (int)(slash - name) + 1, name) >= sizeof(parent))
		return err_set(err, ENAMETOOLONG, "listen on '%s'", name);
	*ret_last = slash ? slash + 1 : name;
	if (!**ret_last)
		return err_say(err, EINVAL, "listen on '%s': the name is missing", name);
	fd = openat(dirfd, parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? err_set(err, errno, "listen on '%s'", name) : fd;
}

static int listen_at(int dirfd, const char *name, int type, struct err *err)
{
	CLEANUP_FD int folder = -1;
	CLEANUP_FD int fd = -1;
	const char *last;
	int r;

	folder = open_parent(dirfd, name, &last, err);
	if (folder < 0)
		return folder;
	r = check_stale(folder, last, err);
	if (r < 0)
		return r;
	fd = new_socket(type, err);
	if (fd < 0)
		return fd;
	r = listen_below(fd, folder, last, err);
	return r < 0 ? r : fd_take(&fd);
}

int sock_listen(int dirfd, const char *name, struct err *err)
{
	return listen_at(dirfd, name, SOCK_STREAM, err);
}

int sock_listen_packets(int dirfd, const char *name, struct err *err)
{
	return listen_at(dirfd, name, SOCK_SEQPACKET, err);
}

int sock_connect(int dirfd, const char *name, struct err *err)
{
	return connect_at(dirfd, name, SOCK_STREAM, NULL, err);
}

int sock_connect_patiently(int dirfd, const char *name, struct err *err)
{
	static const struct timeval patience = {.tv_sec = SOCK_PATIENCE_MS / 1000};

	return connect_at(dirfd, name, SOCK_STREAM, &patience, err);
}

int sock_connect_packets(int dirfd, const char *name, struct err *err)
{
	return connect_at(dirfd, name, SOCK_SEQPACKET, NULL, err);
}

int sock_accept(int listen_fd, struct err *err)
{
	int fd;

	do
		fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
	while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
	return fd < 0 ? err_set(err, errno, "accept a connection") : fd;
}

int sock_pair(int ret_fds[static 2], struct err *err)
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ret_fds) < 0)
		return err_set(err, errno, "create a socket pair");
	return 0;
}

int sock_peer_uid(int fd, uid_t *ret_uid)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return -errno;
	*ret_uid = peer.uid;
	return 0;
}

/* --- Frames --- */

struct frame_header {
	uint32_t len;
	uint16_t type;
	uint16_t zero;
};
_Static_assert(sizeof(struct frame_header) == 8, "as on the wire");

/* MSG_NOSIGNAL: a peer that went away is an error here, and must not end the program. */
static int send_all(int fd, const void *from, size_t len)
{
	const char *at = from;

	while (len > 0) {
		ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

static int recv_all(int fd, void *to, size_t len)
{
	char *at = to;

	while (len > 0) {
		ssize_t n = recv(fd, at, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ECONNRESET;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

int sock_send_frame(int fd, uint16_t type, const void *payload, size_t len, struct err *err)
{
	struct frame_header header = {.len = htole32((uint32_t)len), .type = htole16(type)};
	struct iovec parts[2] = {{&header, sizeof(header)}, {(void *)(uintptr_t)payload, len}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
	ssize_t sent;
	int r = 0;

	if (len > SOCK_FRAME_MAX_BYTES)
		return err_say(err, EMSGSIZE, "send a frame: %zu bytes are more than %d", len, SOCK_FRAME_MAX_BYTES);
	/* Both parts in one call as a rule; what a full socket buffer left over follows. */
	do
		sent = sendmsg(fd, &message, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return err_set(err, errno, "send a frame");
	if ((size_t)sent < sizeof(header)) {
		r = send_all(fd, (const char *)&header + sent, sizeof(header) - (size_t)sent);
		sent = sizeof(header);
	}
	sent -= (ssize_t)sizeof(header);
	if (r == 0 && (size_t)sent < len)
		r = send_all(fd, (const char *)payload + sent, len - (size_t)sent);
	return r < 0 ? err_set(err, -r, "send a frame") : 0;
}

ssize_t sock_recv_frame(int fd, uint16_t *ret_type, void *to, size_t room, struct err *err)
{
	struct frame_header header;
	size_t len;
	int r = recv_all(fd, &header, sizeof(header));

	if (r < 0)
		return err_set(err, -r, "receive a frame");
	len = le32toh(header.len);
	if (header.zero != 0)
		return err_say(err, EPROTO, "receive a frame: its header is malformed");
	if (len > SOCK_FRAME_MAX_BYTES || len > room)
		return err_say(err, EMSGSIZE, "receive a frame: %zu bytes are more than %zu", len,
			       room < SOCK_FRAME_MAX_BYTES ? room : (size_t)SOCK_FRAME_MAX_BYTES);
	r = recv_all(fd, to, len);
	if (r < 0)
		return err_set(err, -r, "receive a frame");
	*ret_type = le16toh(header.type);
	return (ssize_t)len;
}

/* --- Descriptors --- */

/* Room for the most descriptors that the kernel passes in one message (SCM_MAX_FD), aligned for its header. */
#define MAX_FDS 253
union fds_control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int) * MAX_FDS)];
};

int sock_send_fds(int fd, const void *data, size_t len, const int *fds, unsigned count, struct err *err)
{
	union fds_control control = {0};
	struct iovec part = {(void *)(uintptr_t)data, len};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	ssize_t sent;

	if (len == 0 || count > MAX_FDS)
		return err_say(err, EINVAL, "send descriptors: %u of them with %zu bytes", count, len);
	if (count > 0) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * count);

		struct cmsghdr *header = CMSG_FIRSTHDR(&message);

		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int) * count);
		memcpy(CMSG_DATA(header), fds, sizeof(int) * count);
	}
	do
		sent = sendmsg(fd, &message, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return err_set(err, errno, "send a message");
	/* The descriptors went with the first byte. */
	int r = send_all(fd, (const char *)data + sent, len - (size_t)sent);

	return r < 0 ? err_set(err, -r, "send a message") : 0;
}

/* Takes every descriptor out of a message: `room` of them are kept, the others closed. How many there were. */
static unsigned take_fds(struct msghdr *message, int *ret_fds, unsigned room)
{
	unsigned found = 0;

	for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header)) {
		if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
			continue;
		size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		for (size_t i = 0; i < count; i++, found++) {
			int fd;

			memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(fd));
			if (found < room)
				ret_fds[found] = fd;
			else
				(void)close(fd);
		}
	}
	return found;
}

ssize_t sock_recv_fds(int fd, void *to, size_t room, int *ret_fds, unsigned *count, struct err *err)
{
	union fds_control control;
	struct iovec part = {to, room};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	unsigned fds_room = *count, found;
	ssize_t len;

	*count = 0;
	do
		len = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	while (len < 0 && errno == EINTR);
	if (len < 0)
		return err_set(err, errno, "receive a message");

	found = take_fds(&message, ret_fds, fds_room);
	if (found <= fds_room && !(message.msg_flags & (MSG_CTRUNC | MSG_TRUNC))) {
		*count = found;
		return len;
	}
	/* Half of what was sent is nothing: the receiver could not tell which half. */
	for (unsigned i = 0; i < found && i < fds_room; i++)
		(void)close(ret_fds[i]);
	if (message.msg_flags & MSG_TRUNC)
		return err_say(err, EMSGSIZE, "receive a message: more than %zu bytes", room);
	if (found <= fds_room)
		return err_say(err, EMFILE, "receive a message: no descriptor is free for those that came along");
	return err_say(err, EMSGSIZE, "receive a message: more than %u descriptors came along", fds_room);
}
