/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs a command beside the server of shared directories: what it shares is on descriptors 10, 11, … of the command,
 * one end of vhost-user each.
 *
 * usage: share DIRECTORY[:ro]... -- COMMAND [ARG...]       SHARE_UNCONFINED=1 keeps the server's rights, for a debugger
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "runtime/base/confine.h"
#include "runtime/base/fd.h"
#include "runtime/base/process.h"
#include "runtime/base/socket.h"
#include "runtime/vm/fs_server.h"

#define FIRST_FD 10

static int fail(const struct err *err)
{
	fprintf(stderr, "share: %s\n", err->msg);
	return 125;
}

static int share_one(char *words, struct fs_server_share *share, int *ret_far_fd, struct err *err)
{
	size_t len = strlen(words);
	int pair[2], r;

	share->read_only = len > 3 && strcmp(words + len - 3, ":ro") == 0;
	if (share->read_only)
		words[len - 3] = '\0';
	share->root_fd = open(words, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (share->root_fd < 0)
		return err_set(err, errno, "open '%s'", words);
	r = sock_pair(pair, err);
	if (r < 0)
		return r;
	share->socket_fd = pair[0];
	*ret_far_fd = pair[1];
	return 0;
}

/* The command's status, unless the server did not end as it should. */
static int wait_for_both(pid_t server, pid_t command)
{
	int command_status = 0, server_status = 0;

	if (proc_wait(command, &command_status) < 0 || proc_wait(server, &server_status) < 0)
		return 125;
	if (server_status != 0) {
		fprintf(stderr, "share: the server ended with wait status 0x%x\n", (unsigned)server_status);
		return 125;
	}
	return proc_exit_code(command_status);
}

int main(int argc, char **argv)
{
	struct fs_server_share shares[FS_SERVER_MAX_SHARES];
	struct fs_server server = {.shares = shares, .proc_fd = -1, .unconfined = getenv("SHARE_UNCONFINED") != NULL};
	int far_fds[FS_SERVER_MAX_SHARES], at = 1, server_pid, pidfd = -1;
	struct err err = ERR_INIT;
	pid_t command;

	for (; at < argc && strcmp(argv[at], "--") != 0 && server.count < FS_SERVER_MAX_SHARES; at++, server.count++)
		if (share_one(argv[at], &shares[server.count], &far_fds[server.count], &err) < 0)
			return fail(&err);
	if (at + 1 >= argc || server.count == 0)
		return fputs("usage: share DIRECTORY[:ro]... -- COMMAND [ARG...]\n", stderr), 125;
	server_pid = fs_server_start(&server, &pidfd, &err);
	if (server_pid < 0)
		return fail(&err);
	command = fork();
	if (command == 0) {
		/* Who ends this program ends the command; and that the server. */
		if (confine_die_with_parent(-1, &err) < 0)
			_exit(125);
		for (unsigned i = 0; i < server.count; i++)
			if (fd_place(far_fds[i], FIRST_FD + (int)i) < 0)
				_exit(125);
		execvp(argv[at + 1], argv + at + 1);
		_exit(127);
	}
	(void)fd_close_from(3, &err);
	return wait_for_both(server_pid, command);
}
