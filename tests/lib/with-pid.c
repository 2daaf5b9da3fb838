/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs a command as the process of a given number, as the kernel may choose it for any new one when its last owner has
 * gone. Waits until the number is free.
 *
 * usage: with-pid PID KIND[,KIND...]|- COMMAND [ARG...]      KIND: a namespace of its own: pid, mnt, net
 */
#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_MS	      30000
#define WAIT_AGAIN_MS 5

static const struct {
	const char *name;
	uint64_t flag;
} kinds[] = {{"pid", CLONE_NEWPID}, {"mnt", CLONE_NEWNS}, {"net", CLONE_NEWNET}, {"-", 0}};

static int add_kind(const char *name, uint64_t *flags)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strcmp(kinds[i].name, name) == 0) {
			*flags |= kinds[i].flag;
			return 0;
		}
	fprintf(stderr, "with-pid: unknown kind '%s'\n", name);
	return -1;
}

/* Its number in the namespace that it is the first of, and in this one. */
static pid_t begin(pid_t wanted, uint64_t flags)
{
	const pid_t numbers[] = {1, wanted};
	size_t unused = flags & CLONE_NEWPID ? 0 : 1;
	struct clone_args how = {
		.flags = flags,
		.exit_signal = SIGCHLD,
		.set_tid = (uint64_t)(uintptr_t)&numbers[unused],
		.set_tid_size = 2 - unused,
	};

	for (int waited = 0;; waited += WAIT_AGAIN_MS) {
		pid_t pid = (pid_t)syscall(SYS_clone3, &how, sizeof(how));

		if (pid >= 0 || errno != EEXIST || waited >= WAIT_MS)
			return pid;
		(void)usleep(WAIT_AGAIN_MS * 1000);
	}
}

int main(int argc, char **argv)
{
	uint64_t flags = 0;
	int status;
	pid_t pid;

	if (argc < 4 || atoi(argv[1]) <= 1) {
		fprintf(stderr, "usage: with-pid PID KIND[,KIND...]|- COMMAND [ARG...]\n");
		return 125;
	}
	for (char *name = strtok(argv[2], ","); name; name = strtok(NULL, ","))
		if (add_kind(name, &flags) < 0)
			return 125;
	pid = begin(atoi(argv[1]), flags);
	if (pid < 0) {
		fprintf(stderr, "with-pid: %s: %s\n", argv[1], strerror(errno));
		return 125;
	}
	if (pid == 0) {
		execvp(argv[3], argv + 3);
		fprintf(stderr, "with-pid: %s: %s\n", argv[3], strerror(errno));
		_exit(127);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
