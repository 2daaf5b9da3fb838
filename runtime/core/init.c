// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hull-init: the first process of a container with --init. It starts the program, passes signals on to it, reaps
 * whatever is left without a parent, and ends as the program ends. A program of its own, small, and with no part of the
 * engine in it, since processes inside can look at it.
 *
 *     hull-init PATH ARG0 [ARG…]
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void complain(const char *what, const char *path, const char *why)
{
	static const char before[] = "hull-init: ", between[] = "': ";

	(void)!write(STDERR_FILENO, before, sizeof(before) - 1);
	(void)!write(STDERR_FILENO, what, strlen(what));
	(void)!write(STDERR_FILENO, path, strlen(path));
	(void)!write(STDERR_FILENO, between, sizeof(between) - 1);
	(void)!write(STDERR_FILENO, why, strlen(why));
	(void)!write(STDERR_FILENO, "\n", 1);
}

/* A session leader hands its terminal on: the program is in the foreground of it, as it would be without an init. */
static _Noreturn void become_program(char **argv, const sigset_t *signals)
{
	int code;

	(void)setpgid(0, 0);
	(void)tcsetpgrp(STDIN_FILENO, getpgrp()); /* fails without a terminal; SIGTTOU is blocked still */
	(void)sigprocmask(SIG_SETMASK, signals, NULL);
	(void)execv(argv[1], argv + 2);
	code = errno;
	complain("cannot execute '", argv[1], strerror(code));
	_exit(code == ENOENT ? 127 : 126);
}

/* Reaps all that has ended. The program's exit code, or -1 while it runs. */
static int reap(pid_t program)
{
	int status, code = -1;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == program)
			code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return code;
}

int main(int argc, char **argv)
{
	sigset_t all, before;
	pid_t program;
	int code = -1;

	if (argc < 3)
		return 125;
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	program = fork();
	if (program < 0) { /* a limit on processes, most likely: this one counts, too */
		complain("cannot start a process for '", argv[1], strerror(errno));
		return 125;
	}
	if (program == 0)
		become_program(argv, &before);
	while (code < 0) {
		siginfo_t what;
		int signo = sigwaitinfo(&all, &what);

		if (signo == SIGCHLD)
			code = reap(program);
		else if (signo > 0 && signo != SIGTTIN && signo != SIGTTOU)
			(void)kill(program, signo);
	}
	return code;
}
