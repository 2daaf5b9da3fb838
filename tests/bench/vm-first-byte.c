/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Starts a command again and again, and says how long it took to its first byte on standard output or error, and to its end, in microseconds: a line a run.
 *
 *     vm-first-byte RUNS [FD=PATH...] COMMAND...      each FD is opened anew for each run, for reading and writing where that is allowed
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* FD=PATH; false: it is something else. */
static int open_as(const char *word)
{
	char *path;
	long wanted = strtol(word, &path, 10);
	int fd;

	if (path == word || *path != '=')
		return 0;
	fd = open(path + 1, O_RDWR);
	if (fd < 0)
		fd = open(path + 1, O_RDONLY);
	if (fd < 0 || (fd != wanted && dup2(fd, (int)wanted) < 0)) {
		perror(path + 1);
		exit(1);
	}
	if (fd != wanted)
		(void)close(fd);
	return 1;
}

/* Forked, not borrowed: a program this small is as quick to copy. */
static void one_run(char **words)
{
	int pipes[2], status, output;
	uint64_t began, first;
	char byte;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		exit(1);
	/* Out of the way of what the command is given. */
	output = fcntl(pipes[0], F_DUPFD_CLOEXEC, 100);
	(void)close(pipes[0]);
	(void)dup2(pipes[1], 101);
	(void)close(pipes[1]);
	while (open_as(*words))
		words++;
	began = now_us();
	pid = fork();
	if (pid == 0) {
		(void)dup2(101, STDOUT_FILENO);
		(void)dup2(101, STDERR_FILENO);
		(void)close(101);
		(void)execv(words[0], words);
		_exit(127);
	}
	(void)close(101);
	if (pid < 0 || read(output, &byte, 1) != 1) {
		(void)fprintf(stderr, "'%s' says nothing\n", words[0]);
		exit(1);
	}
	first = now_us() - began;
	(void)waitpid(pid, &status, 0);
	(void)printf("%lu %lu\n", (unsigned long)first, (unsigned long)(now_us() - began));
	(void)close(output);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 1;
	for (long runs = strtol(argv[1], NULL, 10); runs > 0; runs--)
		one_run(argv + 2);
	return 0;
}
