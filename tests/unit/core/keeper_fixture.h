/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A real hull-keeper with a plain shell script as its program: what the engine does, without a container.
 */
#ifndef HULL_TESTS_UNIT_CORE_KEEPER_FIXTURE_H
#define HULL_TESTS_UNIT_CORE_KEEPER_FIXTURE_H

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/file.h"
#include "runtime/base/process.h"
#include "runtime/base/socket.h"
#include "runtime/base/text.h"
#include "runtime/core/attach.h"
#include "runtime/core/exit_file.h"
#include "runtime/core/keeper_spawn.h"
#include "runtime/core/logread.h"
#include "tests/unit/tap.h"

/*
 * The first words of a script that must not go on before fixture_go: the program begins while the engine still has to
 * become its keeper.
 */
#define FIXTURE_WAIT_FOR_GO "until [ -e \"$0/go\" ]; do sleep 0.02; done; "

struct fixture {
	const char *script; /* for sh -c, with the folder as its $0 */
	bool with_input, with_client, with_terminal;
	uint64_t log_max_bytes;
	uint32_t log_max_files;
	const void *remains; /* what a machine's monitor has left */
	size_t remains_bytes;

	char folder[64], unmade[80], keeper_path[4096];
	int state_fd; /* also the data folder */
	int client;   /* attached from the start, or -1 */
	pid_t keeper, program;
	uint64_t program_ticks;
};

static inline void fixture_request(const struct fixture *f, struct keeper_request *request, const char **unmake)
{
	*request = KEEPER_REQUEST_INIT;
	request->id = "test";
	request->pid = f->program;
	request->state_fd = request->data_fd = f->state_fd;
	request->log_max_bytes = f->log_max_bytes;
	request->log_max_files = f->log_max_files;
	unmake[0] = "/bin/sh";
	unmake[1] = "-c";
	unmake[2] = "echo unmade > \"$0\"";
	unmake[3] = f->unmade;
	unmake[4] = NULL;
	request->unmake = unmake;
	request->program = f->keeper_path;
}

static inline int fixture_fifo(const struct fixture *f, const char *name, int flags)
{
	(void)mkfifoat(f->state_fd, name, 0600);
	return openat(f->state_fd, name, flags | O_CLOEXEC);
}

/* The program's three descriptors and the keeper's ends of them. */
static inline void fixture_streams(const struct fixture *f, int program[3], struct keeper_request *request)
{
	int in[2] = {-1, -1};

	if (f->with_terminal) {
		struct winsize size = {.ws_row = 10, .ws_col = 20};
		int slave;

		(void)openpty(&request->terminal_fd, &slave, NULL, NULL, &size);
		(void)fd_set_cloexec(request->terminal_fd, true);
		program[0] = program[1] = program[2] = slave;
		return;
	}
	program[1] = fixture_fifo(f, KEEPER_STDOUT, O_RDWR);
	program[2] = fixture_fifo(f, KEEPER_STDERR, O_RDWR);
	request->stdout_fd = fixture_fifo(f, KEEPER_STDOUT, O_RDONLY | O_NONBLOCK);
	request->stderr_fd = fixture_fifo(f, KEEPER_STDERR, O_RDONLY | O_NONBLOCK);
	if (f->with_input && pipe2(in, O_CLOEXEC) == 0)
		request->stdin_fd = in[1];
	program[0] = f->with_input ? in[0] : open("/dev/null", O_RDONLY | O_CLOEXEC);
}

__attribute__((noreturn)) static inline void fixture_engine(struct fixture *f, int report, int client)
{
	struct keeper_request request;
	struct err err = ERR_INIT;
	const char *unmake[5];
	int program[3], remains[2];

	(void)setsid();
	fixture_request(f, &request, unmake);
	/* As an engine has it: locked. */
	request.state_fd = open(f->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	(void)flock(request.state_fd, LOCK_EX);
	fixture_streams(f, program, &request);
	request.client_fd = client;
	if (f->remains_bytes > 0 && sock_pair(remains, NULL) == 0) {
		(void)send(remains[1], f->remains, f->remains_bytes, 0);
		request.remains_fd = remains[0];
	}
	request.listen_fd = sock_listen(f->state_fd, ATTACH_SOCKET, NULL);
	f->program = fork();
	if (f->program == 0) {
		(void)setsid();
		for (int fd = 0; fd < 3; fd++)
			(void)fd_place(program[fd], fd);
		execl("/bin/sh", "sh", "-c", f->script, f->folder, (char *)NULL);
		_exit(127);
	}
	for (int fd = 0; fd < 3; fd++)
		(void)close(program[fd]);
	request.pid = f->program;
	request.pidfd = proc_pidfd(f->program);
	/* Not reaped yet: so it has a start time, however short it lived. */
	(void)proc_start_time(f->program, &f->program_ticks);
	(void)fd_write_all(report, f, sizeof(*f));
	(void)keeper_exec(&request, &err);
	fprintf(stderr, "# %s\n", err.msg);
	_exit(99);
}

/* Starts program and keeper. False: a CHECK has failed. */
static inline bool fixture_start(struct fixture *f)
{
	int report[2], pair[2] = {-1, -1};
	ssize_t len = readlink("/proc/self/exe", f->keeper_path, sizeof(f->keeper_path) - 64);

	/* build/unit/core/test_keeper is three below build. */
	f->keeper_path[len > 0 ? len : 0] = '\0';
	for (unsigned up = 0; up < 3 && strrchr(f->keeper_path, '/'); up++)
		*strrchr(f->keeper_path, '/') = '\0';
	strcat(f->keeper_path, "/libexec/hull-keeper");
	strcpy(f->folder, "/tmp/hull-keeper-XXXXXX");
	CHECK(mkdtemp(f->folder) != NULL);
	(void)snprintf(f->unmade, sizeof(f->unmade), "%s/unmade", f->folder);
	f->state_fd = open(f->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	f->client = -1;
	CHECK(pipe2(report, O_CLOEXEC) == 0);
	if (f->with_client)
		CHECK(sock_pair(pair, NULL) == 0);
	fflush(stdout);
	f->keeper = fork();
	if (f->keeper == 0)
		fixture_engine(f, report[1], pair[1]);
	(void)close(report[1]);
	if (pair[1] >= 0)
		(void)close(pair[1]);
	f->client = pair[0];
	struct fixture told = *f;
	bool is_there = fd_read_all(report[0], &told, sizeof(told)) == 0;

	f->program = told.program;
	f->program_ticks = told.program_ticks;

	CHECK(is_there);
	/* The engine has become the keeper when the pipe is closed. */
	(void)fd_read_all(report[0], &(char){0}, 1);
	(void)close(report[0]);
	return is_there;
}

/* A script that begins with FIXTURE_WAIT_FOR_GO goes on. */
static inline void fixture_go(const struct fixture *f)
{
	CHECK_INT(mkdirat(f->state_fd, "go", 0700), 0);
}

/* Waits up to half a minute for the end of a child; its wait status, -1 when it does not come. */
static inline int fixture_wait(pid_t pid)
{
	int status;

	for (unsigned tries = 0; tries < 3000; tries++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		(void)usleep(10000);
	}
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, &status, 0);
	return -1;
}

static inline void fixture_end(struct fixture *f)
{
	if (f->client >= 0)
		(void)close(f->client);
	(void)close(f->state_fd);
	CHECK(file_remove_tree(AT_FDCWD, f->folder, NULL) == 0);
}

static inline bool fixture_exit(const struct fixture *f, struct exit_file *ret)
{
	*ret = (struct exit_file){0};
	return exit_file_read(f->state_fd, ret) == 0;
}

static inline bool fixture_has(const struct fixture *f, const char *name)
{
	return faccessat(f->state_fd, name, F_OK, 0) == 0;
}

/* What the log holds, as text. */
static inline int fixture_sink(void *user, enum log_stream stream, const char *bytes, size_t len)
{
	(void)stream;
	text_add_bytes(user, bytes, len);
	return 0;
}

static inline void fixture_log(const struct fixture *f, struct text *to)
{
	struct log_filter filter = {.tail = -1};

	to->max_bytes = 64 << 20;
	CHECK_INT(log_read(f->state_fd, &filter, fixture_sink, to, NULL), 0);
}

/* Says HELLO, and takes the READY. What the keeper has, or -1. */
static inline int64_t fixture_hello(int fd, uint32_t wants)
{
	struct attach_hello hello = {.version = htole32(ATTACH_VERSION), .flags = htole32(wants)};
	uint16_t type = 0;

	if (sock_send_frame(fd, ATTACH_HELLO, &hello, sizeof(hello), NULL) < 0 ||
	    sock_recv_frame(fd, &type, &hello, sizeof(hello), NULL) != sizeof(hello) || type != ATTACH_READY)
		return -1;
	return le32toh(hello.flags);
}

#define ALL_STREAMS (ATTACH_WANTS_STDOUT | ATTACH_WANTS_STDERR)

/* FNV-1a: to compare ten megabytes without keeping them. */
static inline uint64_t sum_of(uint64_t sum, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum = (sum ^ (unsigned char)bytes[i]) * UINT64_C(1099511628211);
	return sum;
}

struct received {
	uint64_t out_bytes, out_sum;
	struct text out, err; /* the first of them */
	struct attach_exit exit;
	bool has_exit;
};

/* Takes frames until EXIT or the end of the stream, resting a little after every `rest_every`. */
static inline void receive(int fd, struct received *ret, unsigned rest_every)
{
	static char bytes[ATTACH_CHUNK_BYTES];
	unsigned frames = 0;
	uint16_t type;
	ssize_t len;

	*ret = (struct received){.out = {.max_bytes = 1 << 20}, .err = {.max_bytes = 1 << 20}};
	while (!ret->has_exit && (len = sock_recv_frame(fd, &type, bytes, sizeof(bytes), NULL)) >= 0) {
		if (rest_every && ++frames % rest_every == 0)
			(void)usleep(2000);
		if (type == ATTACH_OUT) {
			ret->out_bytes += (size_t)len;
			ret->out_sum = sum_of(ret->out_sum, bytes, (size_t)len);
			text_add_bytes(&ret->out, bytes, (size_t)len);
		} else if (type == ATTACH_ERR) {
			text_add_bytes(&ret->err, bytes, (size_t)len);
		} else if (type == ATTACH_EXIT) {
			memcpy(&ret->exit, bytes, sizeof(ret->exit));
			ret->has_exit = true;
		}
	}
}

static inline void received_free(struct received *received)
{
	text_free(&received->out);
	text_free(&received->err);
}

#endif
