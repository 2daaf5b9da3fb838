/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/core/keeper_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/installed.h"
#include "runtime/base/process.h"
#include "runtime/base/socket.h"
#include "runtime/base/text.h"
#include "runtime/core/attach.h"
#include "runtime/core/keeper_hold.h"

#define ARGUMENT_BYTES 280 /* "id=" and the longest id */
#define ARGUMENTS      16
#define UNMAKE_MAX     32

/* --- Its arguments --- */

struct arguments {
	char words[ARGUMENTS][ARGUMENT_BYTES];
	unsigned count;
	const char *list[ARGUMENTS + 1 + UNMAKE_MAX + 1];
};

__attribute__((format(printf, 2, 3))) static void add(struct arguments *to, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(to->words[to->count], ARGUMENT_BYTES, fmt, args);
	va_end(args);
	to->list[1 + to->count] = to->words[to->count];
	to->count++;
}

/*
 * Names a descriptor and lets it go through the exec. Standard input, output and error will be /dev/null: one of those
 * numbers is moved out of the way. 0 or -errno.
 */
static int add_fd(struct arguments *to, const char *key, int fd)
{
	int r;

	if (fd < 0)
		return 0;
	if (fd < 3)
		fd = fd_dup(fd, 3);
	r = fd < 0 ? fd : fd_set_cloexec(fd, false);
	if (r == 0)
		add(to, "%s=%d", key, fd);
	return r;
}

static int add_fds(struct arguments *to, const struct keeper_request *request, int listen_fd, struct err *err)
{
	/*
	 * Opened anew: the caller's may hold the instance's lock, which would live as long as the keeper. That one is
	 * released by the exec.
	 */
	int state_fd = openat(request->state_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct {
		const char *key;
		int fd;
	} fds[] = {
		{"pidfd", request->pidfd},	{"state", state_fd},
		{"data", request->data_fd},	{"stdout", request->stdout_fd},
		{"stderr", request->stderr_fd}, {"stdin", request->stdin_fd},
		{"tty", request->terminal_fd},	{"client", request->client_fd},
		{"listen", listen_fd},		{"remains", request->remains_fd},
	};

	if (state_fd < 0)
		return err_set(err, errno, "open the state folder");
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		int r = add_fd(to, fds[i].key, fds[i].fd);

		if (r < 0)
			return err_set(err, -r, "hand over descriptor '%s'", fds[i].key);
	}
	return 0;
}

static int add_unmake(struct arguments *to, const char *const *unmake, struct err *err)
{
	const char **at = &to->list[1 + to->count];

	*at++ = "--";
	for (unsigned i = 0; unmake[i]; i++) {
		if (i >= UNMAKE_MAX)
			return err_say(err, E2BIG, "the program for the end has more than %d arguments", UNMAKE_MAX);
		*at++ = unmake[i];
	}
	*at = NULL;
	return 0;
}

/* --- Becoming it --- */

static int silence_stdio(struct err *err)
{
	CLEANUP_FD int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return err_set(err, errno, "open /dev/null");
	for (int fd = 0; fd < 3; fd++)
		if (fd_place(null, fd) < 0)
			return err_set(err, errno, "make descriptor %d /dev/null", fd);
	/* It was one of the three itself: they hold it now. */
	if (null < 3)
		(void)fd_take(&null);
	return 0;
}

static int exec_keeper(const struct keeper_request *request, bool is_child, struct err *err)
{
	struct arguments args = {.count = 0};
	char found[INSTALLED_PATH_BYTES];
	const char *program = request->program;
	int listen_fd = request->listen_fd;
	int r = 0;

	if (!program) {
		r = installed_program("hull-keeper", found, err);
		program = found;
	}
	if (r == 0 && listen_fd < 0)
		r = listen_fd = sock_listen(request->state_fd, ATTACH_SOCKET, err);
	if (r >= 0 && is_child && request->terminal_fd >= 0)
		r = keeper_hold_start(program, request->state_fd, request->terminal_fd, request->pidfd, err);
	/* What the caller was given by its own caller must not stay open in a process that lives for weeks. */
	if (r >= 0)
		r = fd_cloexec_from(3, err);
	if (r < 0)
		return r;
	args.list[0] = program;
	add(&args, "id=%s", request->id);
	add(&args, "pid=%d", (int)request->pid);
	add(&args, "child=%d", is_child);
	add(&args, "log_max_bytes=%" PRIu64, request->log_max_bytes);
	add(&args, "log_files=%" PRIu32, request->log_max_files);
	r = add_fds(&args, request, listen_fd, err);
	if (r == 0)
		r = add_unmake(&args, request->unmake, err);
	if (r == 0)
		r = silence_stdio(err);
	if (r < 0)
		return r;
	(void)execv(program, (char *const *)(uintptr_t)args.list);
	return err_set(err, errno, "execute '%s'", program);
}

int keeper_exec(const struct keeper_request *request, struct err *err)
{
	(void)exec_keeper(request, true, err);
	return err_wrap(err, "start the keeper");
}

/* --- A new one for an instance that has lost its own --- */

/*
 * Opened without waiting for a writer: the program may have closed that stream. With a terminal there are none, which
 * is no failure.
 */
static int open_fifo(int state_fd, const char *name, int *ret_fd, struct err *err)
{
	*ret_fd = openat(state_fd, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (*ret_fd < 0 && errno != ENOENT)
		return err_set(err, errno, "open the instance's %s", name);
	return 0;
}

/* In the forked process. The parent sees the pipe close when the exec has happened, or reads the error from it. */
__attribute__((noreturn)) static void adopt_child(const struct keeper_request *request, int report_fd)
{
	struct err err = ERR_INIT;

	if (setsid() < 0)
		(void)err_set(&err, errno, "begin a session");
	else
		(void)exec_keeper(request, false, &err);
	(void)fd_write_all(report_fd, &err, sizeof(err));
	_exit(1);
}

static pid_t spawn(const struct keeper_request *request, struct err *err)
{
	struct err failure = ERR_INIT;
	int report[2], r;
	pid_t pid;

	if (pipe2(report, O_CLOEXEC) < 0)
		return err_set(err, errno, "create a pipe");
	pid = fork();
	if (pid < 0) {
		int code = errno;

		(void)close(report[0]);
		(void)close(report[1]);
		return err_set(err, code, "fork");
	}
	if (pid == 0)
		adopt_child(request, report[1]);
	(void)close(report[1]);
	r = fd_read_all(report[0], &failure, sizeof(failure));
	(void)close(report[0]);
	/* -ENODATA: the pipe was closed by the exec, and nothing was said. */
	if (r < 0)
		return pid;
	(void)proc_wait(pid, &r);
	if (err)
		*err = failure;
	return -failure.code;
}

pid_t keeper_adopt(const struct keeper_request *request, uint64_t start_ticks, struct err *err)
{
	struct keeper_request adopted = *request;
	CLEANUP_FD int out = -1;
	CLEANUP_FD int error = -1;
	CLEANUP_FD int listener = -1;
	CLEANUP_FD int terminal = -1;
	CLEANUP_FD int pidfd = proc_open(request->pid, start_ticks);
	int r;

	if (pidfd < 0)
		return err_set(err, -pidfd, "give '%s' a new keeper: its process %d", request->id, (int)request->pid);
	r = open_fifo(request->state_fd, KEEPER_STDOUT, &out, err);
	if (r == 0)
		r = open_fifo(request->state_fd, KEEPER_STDERR, &error, err);
	/*
	 * Here, not in the new process: so it takes connections from the moment that this returns. Refused while
	 * another keeper lives.
	 */
	if (r == 0)
		r = listener = sock_listen(request->state_fd, ATTACH_SOCKET, err);
	if (r < 0)
		return err_wrap(err, "give '%s' a new keeper", request->id);
	adopted.pidfd = pidfd;
	adopted.stdout_fd = out;
	adopted.stderr_fd = error;
	terminal = keeper_hold_take(request->state_fd);
	adopted.terminal_fd = terminal;
	adopted.stdin_fd = adopted.client_fd = -1;
	adopted.listen_fd = listener;
	r = spawn(&adopted, err);
	return r < 0 ? err_wrap(err, "give '%s' a new keeper", request->id) : r;
}
