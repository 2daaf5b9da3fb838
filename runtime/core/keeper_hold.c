// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/keeper_hold.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/scope.h"
#include "runtime/base/socket.h"
#include "runtime/base/text.h"

enum { MASTER, PIDFD, LISTENER, HELD };

static void hand_out(int listener, int master)
{
	struct err ignored = ERR_INIT;
	CLEANUP_FD int client = sock_accept(listener, &ignored);

	if (client >= 0)
		(void)sock_send_fds(client, "t", 1, &master, 1, &ignored);
}

int keeper_hold(int argc, char **argv, struct err *err)
{
	int fds[HELD];

	if (argc != 2 + HELD)
		return err_say(err, EINVAL, "'" KEEPER_HOLD "' takes %d descriptors", HELD);
	for (int i = 0; i < HELD; i++) {
		uint32_t number = 0;

		if (text_u32(argv[2 + i], &number) < 0 || number > INT32_MAX)
			return err_say(err, EINVAL, "'%s' is no descriptor", argv[2 + i]);
		fds[i] = (int)number;
	}
	if (chdir("/") < 0)
		return err_set(err, errno, "change to /");
	for (;;) {
		struct pollfd ready[] = {{.fd = fds[PIDFD], .events = POLLIN}, {.fd = fds[LISTENER], .events = POLLIN}};

		if (poll(ready, ARRAY_SIZE(ready), -1) < 0 && errno != EINTR)
			return err_set(err, errno, "wait for the program's end");
		if (ready[0].revents)
			return 0;
		if (ready[1].revents & POLLIN)
			hand_out(fds[LISTENER], fds[MASTER]);
	}
}

/* In the forked process: nothing of the caller's is kept but what is named. Returns only on failure. */
static void become(const char *program, const int fds[static HELD])
{
	char words[HELD][12];
	char *const args[] =
		{(char *)(uintptr_t)program, (char[]){KEEPER_HOLD}, words[MASTER], words[PIDFD], words[LISTENER], NULL};
	CLEANUP_FD int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (setsid() < 0 || null < 0 || fd_cloexec_from(3, NULL) < 0)
		return;
	for (int i = 0; i < HELD; i++) {
		(void)snprintf(words[i], sizeof(words[i]), "%d", fds[i]);
		if (fd_set_cloexec(fds[i], false) < 0)
			return;
	}
	for (int fd = 0; fd < 3; fd++)
		if (fd_place(null, fd) < 0)
			return;
	(void)execv(program, args);
}

int keeper_hold_start(const char *program, int state_fd, int master, int pidfd, struct err *err)
{
	CLEANUP_FD int listener = sock_listen(state_fd, TERMINAL_SOCKET, err);
	/* None of them is a standard stream, which are replaced. */
	CLEANUP_FD int own_master = fd_dup(master, 3);
	CLEANUP_FD int own_pidfd = fd_dup(pidfd, 3);
	CLEANUP_FD int own_listener = listener < 0 ? -1 : fd_dup(listener, 3);
	pid_t pid;

	if (listener < 0)
		return listener;
	if (own_master < 0 || own_pidfd < 0 || own_listener < 0)
		return err_set(err, EMFILE, "hold the terminal");
	pid = fork();
	if (pid < 0)
		return err_set(err, errno, "start who holds the terminal");
	if (pid == 0) {
		become(program, (int[HELD]){own_master, own_pidfd, own_listener});
		_exit(1);
	}
	return 0;
}

int keeper_hold_take(int state_fd)
{
	struct err ignored = ERR_INIT;
	CLEANUP_FD int fd = sock_connect(state_fd, TERMINAL_SOCKET, &ignored);
	unsigned count = 1;
	int master = -1;
	char byte;

	if (fd < 0 || sock_recv_fds(fd, &byte, sizeof(byte), &master, &count, &ignored) != 1 || count != 1)
		return -1;
	return master;
}
