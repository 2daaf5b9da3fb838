/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small world for tests of the network: everything happens in network namespaces of their own, the "host" too, so
 * that the machine's network is not touched and all is gone when the test program ends.
 */
#ifndef HULL_TESTS_UNIT_NET_WORLD_H
#define HULL_TESTS_UNIT_NET_WORLD_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "net/network.h"
#include "runtime/base/file.h"
#include "runtime/base/scope.h"
#include "tests/unit/tap.h"

#define ANSWER_MS  10000 /* for what must answer */
#define SILENCE_MS 250	 /* for what must not */

static int world_host = -1; /* the "host's" namespace */
static char world_state[] = "/tmp/hull-net-XXXXXX";

__attribute__((unused, format(printf, 1, 2))) static int sh(const char *fmt, ...)
{
	char words[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(words, sizeof(words), fmt, args);
	va_end(args);
	return system(words);
}

static inline int world_open_own(void)
{
	return open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
}

static inline void world_enter(int ns)
{
	if (setns(ns, CLONE_NEWNET) < 0) {
		perror("setns");
		exit(1);
	}
}

/* A namespace as an instance's: of a user namespace of its own. It lives as long as the descriptor. */
__attribute__((unused)) static int world_instance_ns(void)
{
	int told[2], go[2], ns = -1;
	char path[64], byte = 0;
	pid_t pid;

	if (pipe(told) < 0 || pipe(go) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		close(go[1]);
		if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0 || write(told[1], "x", 1) != 1)
			_exit(1);
		_exit(read(go[0], &byte, 1) < 0);
	}
	close(told[1]);
	close(go[0]);
	if (read(told[0], &byte, 1) == 1) {
		snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
		ns = open(path, O_RDONLY | O_CLOEXEC);
	}
	close(told[0]);
	close(go[1]);
	waitpid(pid, NULL, 0);
	return ns;
}

__attribute__((unused)) static void world_end(void)
{
	(void)file_remove_tree(AT_FDCWD, world_state, NULL);
}

/* A fresh host, with lo up and a state folder of its own. The one before is left to die. */
__attribute__((unused)) static void world_begin(void)
{
	if (world_host >= 0)
		world_end();
	scope_fd(&world_host);
	memcpy(world_state + strlen(world_state) - 6, "XXXXXX", 6);
	if (unshare(CLONE_NEWNET) < 0 || !mkdtemp(world_state)) {
		perror("a world of one's own (root is needed)");
		exit(1);
	}
	world_host = world_open_own();
	(void)net_loopback_up(world_host, NULL);
}

static inline struct sockaddr_in world_address(const char *ip, unsigned port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

	inet_pton(AF_INET, ip, &to.sin_addr);
	return to;
}

/* A socket made in a namespace stays in it. */
static inline int world_socket(int ns, int type)
{
	int fd;

	world_enter(ns);
	fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	world_enter(world_host);
	return fd;
}

__attribute__((unused)) static int world_listen(int ns, const char *ip, unsigned port)
{
	struct sockaddr_in address = world_address(ip, port);
	int fd = world_socket(ns, SOCK_STREAM);

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 64) < 0)
		perror("# listen");
	return fd;
}

/* 0, or what connecting said: -ETIMEDOUT when nobody answered within wait_ms. */
__attribute__((unused)) static int world_connect(int ns, const char *ip, unsigned port, int wait_ms)
{
	struct sockaddr_in address = world_address(ip, port);
	CLEANUP_FD int fd = world_socket(ns, SOCK_STREAM);
	struct pollfd poller = {.fd = fd, .events = POLLOUT};
	int error = 0;
	socklen_t len = sizeof(error);

	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return -errno;
	if (poll(&poller, 1, wait_ms) == 0)
		return -ETIMEDOUT;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
	return -error;
}

/* Takes a waiting connection and says who came: "" when nobody did. */
__attribute__((unused)) static const char *world_accept(int listener)
{
	static char words[INET_ADDRSTRLEN];
	struct pollfd poller = {.fd = listener, .events = POLLIN};
	struct sockaddr_in from = {0};
	socklen_t len = sizeof(from);
	CLEANUP_FD int fd = poll(&poller, 1, ANSWER_MS) > 0 ? accept(listener, (struct sockaddr *)&from, &len) : -1;

	words[0] = 0;
	if (fd >= 0)
		inet_ntop(AF_INET, &from.sin_addr, words, sizeof(words));
	return words;
}

#endif
