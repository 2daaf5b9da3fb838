/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs commands for the benchmark, one at a time, and says how long each took and how much memory it used at most.
 *
 * It is C and static for two reasons. A process that is started inherits its parent's peak of memory up to execve, so
 * the parent has to be smaller than anything measured. And what is measured is a few milliseconds: a start by an
 * interpreter would be a good part.
 *
 * Requests come on standard input, each one line, answers go to standard output, each one line:
 *
 *     run TIMEOUT_MS COUNT      followed by COUNT lines, the words of the command, none of which holds a newline
 *         done STATUS NS RSS    exit status (128 + n by signal n, -1 when it had to be killed), nanoseconds, KiB
 *     settle TIMEOUT_MS         waits until no descendant is left, except those that outlive the timeout
 *         done LEFT NS RSS      how many may be left (0 or 1), how long it took, the highest peak of those that ended
 *
 * The runner adopts what the commands leave behind, so that their peaks count, and nothing escapes. The commands'
 * output goes to the runner's standard error.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORDS_MAX 4096

extern char **environ;

static char line[4096];
static char *words[WORDS_MAX + 1];
static posix_spawn_file_actions_t streams;
static long peak_kib; /* of everything reaped since the last answer */

static void die(const char *what)
{
	fprintf(stderr, "runner: %s: %s\n", what, strerror(errno));
	exit(1);
}

static long long now_ns(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return at.tv_sec * 1000000000LL + at.tv_nsec;
}

/* Without its newline. Returns false at the end of the requests. */
static bool read_line(void)
{
	size_t length;

	if (!fgets(line, sizeof(line), stdin))
		return false;
	length = strlen(line);
	if (length == 0 || line[length - 1] != '\n') {
		errno = EMSGSIZE;
		die("request");
	}
	line[length - 1] = '\0';
	return true;
}

static void read_words(int count)
{
	if (count < 1 || count > WORDS_MAX) {
		errno = EINVAL;
		die("number of words");
	}
	for (int i = 0; i < count; i++) {
		if (!read_line())
			die("words");
		words[i] = strdup(line);
		if (!words[i])
			die("words");
	}
	words[count] = NULL;
}

static void free_words(void)
{
	for (size_t i = 0; words[i]; i++)
		free(words[i]);
}

/*
 * Reaps any child that has ended, waiting for one if `flags` allows. Returns its pid, 0: none yet, -1: there are no
 * children.
 */
static pid_t reap(int flags, int *ret_status)
{
	struct rusage usage;
	pid_t pid = wait4(-1, ret_status, flags, &usage);

	if (pid > 0 && usage.ru_maxrss > peak_kib)
		peak_kib = usage.ru_maxrss;
	return pid;
}

/*
 * Waits until `pid` has ended, reaping others meanwhile. Returns its exit status, or -1 when it did not end in time. To
 * find it among all that were adopted takes the kernel a while, which is not the command's.
 */
static int await(pid_t pid, int timeout_ms, long long *ret_ended_ns)
{
	int status, pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd ended = {.fd = pidfd, .events = POLLIN};
	bool is_late;

	if (pidfd < 0)
		die("pidfd_open");
	is_late = poll(&ended, 1, timeout_ms) != 1;
	*ret_ended_ns = now_ns();
	if (is_late)
		kill(pid, SIGKILL);
	close(pidfd);
	while (reap(0, &status) != pid)
		;
	if (is_late)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void answer(int status, long long started_ns, long long ended_ns)
{
	printf("done %d %lld %ld\n", status, ended_ns - started_ns, peak_kib);
	fflush(stdout);
	peak_kib = 0;
}

static void run(int timeout_ms)
{
	long long started_ns = now_ns(), ended_ns;
	int status;
	pid_t pid;

	errno = posix_spawnp(&pid, words[0], &streams, NULL, words, environ);
	if (errno != 0)
		die(words[0]);
	status = await(pid, timeout_ms, &ended_ns);
	while (reap(WNOHANG, &(int){0}) > 0)
		;
	answer(status, started_ns, ended_ns);
}

static void settle(int timeout_ms)
{
	long long started_ns = now_ns(), deadline_ns = started_ns + timeout_ms * 1000000LL;
	pid_t pid;

	while ((pid = reap(WNOHANG, &(int){0})) >= 0 && now_ns() < deadline_ns) {
		if (pid == 0)
			nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
	}
	answer(pid >= 0, started_ns, now_ns());
}

int main(void)
{
	int timeout_ms, count;

	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		die("prctl");
	if (posix_spawn_file_actions_init(&streams) ||
	    posix_spawn_file_actions_addopen(&streams, 0, "/dev/null", O_RDONLY, 0) ||
	    posix_spawn_file_actions_adddup2(&streams, 2, 1))
		die("streams");
	while (read_line()) {
		if (sscanf(line, "run %d %d", &timeout_ms, &count) == 2) {
			read_words(count);
			run(timeout_ms);
			free_words();
		} else if (sscanf(line, "settle %d", &timeout_ms) == 1) {
			settle(timeout_ms);
		} else {
			errno = EINVAL;
			die(line);
		}
	}
	return 0;
}
