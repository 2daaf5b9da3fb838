// SPDX-License-Identifier: GPL-2.0-or-later
/* The stream to the host: a port of the virtio console, found by its name, or a vsock connection. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include "runtime/agent/agent.h"
#include "runtime/base/fd.h"
#include "runtime/base/file.h"
#include "runtime/base/process.h"

#define PORTS	"/sys/class/virtio-ports"
#define WAIT_MS 10000
#define STEP_MS 2

/* The device "vport0p1" whose port has our name. */
static int find_port(char *to, size_t to_bytes)
{
	CLEANUP_DIR DIR *dir = opendir(PORTS);
	struct dirent *entry;
	char path[sizeof(PORTS) + 256 + 8], name[64];

	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), PORTS "/%s/name", entry->d_name);
		if (file_read_line(AT_FDCWD, path, name, sizeof(name)) < 0 || strcmp(name, AGENT_PORT_NAME) != 0)
			continue;
		(void)snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
		return text_copy(to, to_bytes, path);
	}
	return -ENOENT;
}

/* While the host's end is not open a port reads as ended, so it is not looked at before. */
static bool is_connected(int fd)
{
	struct pollfd port = {.fd = fd, .events = POLLIN | POLLOUT};

	return poll(&port, 1, 0) >= 0 && !(port.revents & POLLHUP);
}

static int try_port(void)
{
	char path[300];
	CLEANUP_FD int fd = -1;
	int result = find_port(path, sizeof(path));

	if (result < 0)
		return result;
	fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	return is_connected(fd) ? fd_take(&fd) : -EAGAIN;
}

static int try_vsock(void)
{
	struct sockaddr_vm host = {.svm_family = AF_VSOCK, .svm_port = AGENT_VSOCK_PORT, .svm_cid = VMADDR_CID_HOST};
	CLEANUP_FD int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&host, sizeof(host)) < 0)
		return -errno;
	return fd_set_nonblock(fd, true) < 0 ? -EIO : fd_take(&fd);
}

int channel_open(struct err *err)
{
	bool is_vsock = boot_has_word(AGENT_VSOCK_WORD);
	uint64_t until_ns = proc_monotonic_ns() + WAIT_MS * UINT64_C(1000000);
	const struct timespec step = {.tv_nsec = STEP_MS * 1000000L};
	int fd;

	/* The device may still be finding itself, and so may the host's end. */
	for (;;) {
		fd = is_vsock ? try_vsock() : try_port();
		if (fd >= 0 || proc_monotonic_ns() > until_ns)
			break;
		(void)nanosleep(&step, NULL);
	}
	return fd >= 0 ? fd
		       : err_set(err, -fd,
				 is_vsock ? "connect to the host by vsock" : "find the port " AGENT_PORT_NAME);
}
