// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/criu.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/file.h"
#include "runtime/base/process.h"
#include "runtime/base/socket.h"
#include "runtime/base/sync.h"

#define ANSWER_MAX_BYTES 65536
#define LOG_MAX_BYTES	 ((size_t)64 << 20)
#define END_WAIT_MS	 10000

/* --- Finding it --------------------------------------------------------------------------------------------------- */

static int check_program(const char *path, struct err *err)
{
	if (access(path, X_OK) == 0)
		return 0;
	return errno == ENOENT ? err_say(err, ENOENT, "criu '%s' is not there", path)
			       : err_set(err, errno, "criu '%s'", path);
}

static bool find_in_folders(struct arena *arena, const char *name, const char **ret)
{
	static const char *const folders[] = {"/usr/local/sbin", "/usr/sbin", "/sbin",
					      "/usr/local/bin",	 "/usr/bin",  "/bin"};

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		*ret = arena_printf(arena, "%s/%s", folders[i], name);
		if (*ret && access(*ret, X_OK) == 0)
			return true;
	}
	return false;
}

int criu_find(struct arena *arena, const char *wanted, const char **ret, struct err *err)
{
	const char *name = wanted ? wanted : "criu";

	if (strchr(name, '/')) {
		*ret = name;
		return check_program(name, err);
	}
	if (find_in_folders(arena, name, ret))
		return 0;
	return err_say(err, ENOENT,
		       "criu '%s' is not installed, which makes the checkpoints: install the package criu, or say "
		       "with --criu where it is",
		       name);
}

int criu_check_network(struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const char *path;

	return find_in_folders(&arena, "iptables-restore", &path)
		       ? 0
		       : err_say(err, ENOENT,
				 "criu holds the container's network still by 'iptables-restore', which is not "
				 "installed: install the package iptables");
}

/* --- The worker's process ----------------------------------------------------------------------------------------- */

enum { WORKER_READY = 1, WORKER_STAGE_COUNT };
static const char *const stage_names[WORKER_STAGE_COUNT] = {[WORKER_READY] = "criu"};

struct worker {
	const struct criu_start *start;
	struct sync sync; /* to the parent, until it is ready */
	int output;
};

/* Its own mounts: what is mounted here is gone with it, and nobody else sees it. */
static int own_mounts(struct err *err)
{
	if (unshare(CLONE_NEWNS) < 0)
		return err_set(err, errno, "make a mount namespace");
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return err_set(err, errno, "keep mounts to itself");
	return 0;
}

/* The descriptors by their numbers to be. They are the process's until it ends. */
static int collect_descriptors(const struct worker *worker, int socket, int *ret, struct err *err)
{
	const struct criu_start *start = worker->start;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), program = open(start->program, O_PATH | O_CLOEXEC);
	int images = file_open_dir(AT_FDCWD, start->images, err);
	int work = images < 0 ? images : file_open_dir(AT_FDCWD, start->work, err);
	const int fixed[CRIU_FIRST_GIFT] = {null, worker->output, worker->output, socket, images, work, program};

	if (null < 0 || program < 0)
		return err_set(err, errno, "open '%s'", null < 0 ? "/dev/null" : start->program);
	if (work < 0)
		return work;
	memcpy(ret, fixed, sizeof(fixed));
	for (size_t i = 0; i < start->gift_count; i++)
		ret[CRIU_FIRST_GIFT + i] = start->gifts[i];
	return 0;
}

/* First all out of the way of the numbers that are to be filled, then into place. */
static int place_descriptors(int *fds, size_t count, struct err *err)
{
	for (size_t number = 0; number < count; number++) {
		fds[number] = fd_dup(fds[number], (int)count);
		if (fds[number] < 0)
			return err_set(err, -fds[number], "prepare descriptor %zu", number);
	}
	for (size_t number = 0; number < count; number++) {
		int result = fd_place(fds[number], (int)number);

		if (result < 0)
			return err_set(err, -result, "place descriptor %zu", number);
	}
	return fd_cloexec_from((unsigned)count, err);
}

/*
 * CRIU takes numbers of descriptors for those of who made its socket: so it is made here, and its other end goes to the
 * parent. Must not: have an environment of the caller's: criu reads settings from it. Nor end with its parent: it hears
 * from the socket that nobody waits for it any more, and then lets go of what it had stopped, or ends what it had begun
 * to restore.
 */
static int become(struct worker *worker, struct err *err)
{
	static char path[] = "PATH=/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin";
	static char name[] = "criu", mode[] = "swrk", number[] = "3";
	static char *const environment[] = {path, NULL}, *const arguments[] = {name, mode, number, NULL};
	size_t count = CRIU_FIRST_GIFT + worker->start->gift_count;
	int *fds = calloc(count, sizeof(*fds));
	int ends[2], result = 0;

	proc_reset_signals();
	if (!fds || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return err_set(err, fds ? errno : ENOMEM, "make a socket");
	/* Before `prepare`, which may mount over any of them. */
	if (worker->start->prepare)
		result = own_mounts(err);
	if (result >= 0)
		result = collect_descriptors(worker, ends[1], fds, err);
	if (result >= 0 && worker->start->prepare)
		result = worker->start->prepare(worker->start->context, &fds[CRIU_IMAGES], err);
	if (result >= 0)
		result = sync_send_data(&worker->sync, WORKER_READY, NULL, 0, &ends[0], 1, err);
	(void)close(ends[0]);
	worker->sync.fd = result < 0 ? worker->sync.fd : fd_dup(worker->sync.fd, (int)(2 * count));
	if (result >= 0)
		result = place_descriptors(fds, count, err);
	if (result < 0)
		return result;
	(void)execveat(CRIU_PROGRAM, "", arguments, environment, AT_EMPTY_PATH);
	return err_set(err, errno, "execute '%s'", worker->start->program);
}

static _Noreturn void worker_main(struct worker *worker)
{
	struct err err = ERR_INIT;

	(void)become(worker, &err);
	sync_send_err(&worker->sync, &err);
	_exit(1);
}

/* Its socket; then the end of the stream, which its exec brings about. */
static int meet(struct criu *criu, struct sync *sync, struct err *err)
{
	size_t len = 0;
	unsigned count = 1;
	int result = sync_wait_data(sync, WORKER_READY, NULL, &len, &criu->socket, &count, err);

	return result < 0 ? result : sync_wait_closed(sync, err);
}

int criu_begin(const struct criu_start *start, struct criu *ret, struct err *err)
{
	CLEANUP_SYNC struct sync ours = {.fd = -1}, theirs = {.fd = -1};
	int result;

	*ret = CRIU_INIT;
	cgroup_options_keep(&ret->cgroups);
	ret->output = memfd_create("criu-output", MFD_CLOEXEC);
	if (ret->output < 0)
		return err_set(err, errno, "make a file in memory");
	result = sync_pair(&ours, &theirs, stage_names, WORKER_STAGE_COUNT, err);
	if (result < 0)
		return result;
	ours.peer = "process that is to be criu";
	ret->pid = proc_clone(&(struct proc_clone){.cgroup_fd = -1, .ret_pidfd = &ret->pidfd});
	if (ret->pid == 0) {
		struct worker worker = {.start = start, .sync = theirs, .output = ret->output};

		sync_close(&ours);
		worker_main(&worker);
	}
	if (ret->pid < 0) {
		result = err_set(err, -ret->pid, "start criu");
		ret->pid = 0;
		return result;
	}
	ret->guard = cgroup_options_guard(&ret->cgroups, ret->pidfd);
	sync_close(&theirs);
	return meet(ret, &ours, err);
}

/* --- Speaking with it --------------------------------------------------------------------------------------------- */

/* Why it ended, as far as it has said so. */
static int ended_early(const struct criu *criu, struct err *err)
{
	char line[256] = "";
	ssize_t len = pread(criu->output, line, sizeof(line) - 1, 0);

	line[len > 0 ? len : 0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return err_say(err, ECONNRESET, "criu ended without an answer%s%s", *line ? ": " : "", line);
}

static int send_message(struct criu *criu, const struct text *message, struct err *err)
{
	int result = text_check(message, err);

	if (result < 0)
		return result;
	if (send(criu->socket, message->data, message->len, MSG_NOSIGNAL) == (ssize_t)message->len)
		return 0;
	return errno == EPIPE || errno == ECONNRESET ? ended_early(criu, err) : err_set(err, errno, "speak with criu");
}

int criu_ask(struct criu *criu, enum criu_kind kind, const struct criu_options *options, struct err *err)
{
	CLEANUP_TEXT struct text message = TEXT_INIT;

	criu_write_request(kind, options, &message);
	return send_message(criu, &message, err);
}

int criu_reply(struct criu *criu, bool go_on, struct err *err)
{
	CLEANUP_TEXT struct text message = TEXT_INIT;

	criu_write_reply(go_on, &message);
	return send_message(criu, &message, err);
}

int criu_listen(struct criu *criu, struct criu_answer *ret, int *ret_fd, struct err *err)
{
	CLEANUP_FREE char *packet = malloc(ANSWER_MAX_BYTES);
	unsigned count = 1;
	ssize_t len;

	*ret_fd = -1;
	if (!packet)
		return err_set(err, ENOMEM, "listen to criu");
	len = sock_recv_fds(criu->socket, packet, ANSWER_MAX_BYTES, ret_fd, &count, err);
	if (count == 0)
		*ret_fd = -1;
	if (len == 0 || len == -ECONNRESET)
		return ended_early(criu, err);
	return len < 0 ? (int)len : criu_read_answer(packet, (size_t)len, ret, err);
}

/* --- Its end ------------------------------------------------------------------------------------------------------ */

static void close_and_forget(int *fd)
{
	scope_fd(fd);
	*fd = -1;
}

void criu_wait(struct criu *criu)
{
	int status;

	close_and_forget(&criu->socket);
	if (criu->pid > 0)
		(void)proc_wait(criu->pid, &status);
	if (criu->guard > 0)
		(void)proc_wait(criu->guard, &status);
	criu->pid = criu->guard = 0;
	/* Without a guard, or after one that was killed. */
	cgroup_options_restore(&criu->cgroups);
	criu->cgroups = CGROUP_OPTIONS_INIT;
	close_and_forget(&criu->pidfd);
	close_and_forget(&criu->output);
}

/* The tree's first process is this one's child from its first moment, and nothing but criu knows its pid then. */
static void end_children(void)
{
	char name[64], words[4096];
	ssize_t len;

	(void)snprintf(name, sizeof(name), "/proc/self/task/%d/children", (int)gettid());
	len = file_read_line(AT_FDCWD, name, words, sizeof(words));
	for (char *word = words, *end; len > 0; word = end) {
		long pid = strtol(word, &end, 10);

		if (end == word || pid <= 0)
			break;
		(void)kill((pid_t)pid, SIGKILL);
		(void)waitpid((pid_t)pid, NULL, __WALL);
	}
}

void criu_close(struct criu *criu)
{
	bool works = criu->pid > 0;

	/* It takes back what it has done, once it hears that nobody listens. */
	close_and_forget(&criu->socket);
	if (works && (criu->pidfd < 0 || proc_wait_end(criu->pidfd, END_WAIT_MS) < 0))
		(void)kill(criu->pid, SIGKILL);
	criu_wait(criu);
	if (works)
		end_children();
}

/* --- Its failures ------------------------------------------------------------------------------------------------- */

/*
 * Errors that CRIU goes on from: it tries what the kernel can do, and which programs there are. And those that only say
 * that there was one.
 */
static const char *const noise[] = {"criu/kerndat.c", "criu/tun.c", "exited, status=",
				    "-save",	      "FAILED",	    "external program"};

static bool is_noise(const char *line)
{
	for (size_t i = 0; i < ARRAY_SIZE(noise); i++)
		if (strstr(line, noise[i]))
			return true;
	return false;
}

/*
 * The first line that tells of an error which ends CRIU's work, without the time in front of it; else the last one of
 * all.
 */
static void find_error(char *log, char *to, size_t room)
{
	*to = '\0';
	for (char *line; (line = strsep(&log, "\n"));) {
		const char *words = strstr(line, "Error (");

		if (!words)
			continue;
		(void)snprintf(to, room, "%s", words);
		if (!is_noise(words))
			return;
	}
}

int criu_failed(const struct criu_answer *answer, int log_fd, const char *folder, const char *log, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	int code = answer->code > 0 ? answer->code : EIO;
	char why[CRIU_WORDS_BYTES];
	struct err ignored = ERR_INIT;
	char *text;
	size_t len;

	(void)text_copy(why, sizeof(why), answer->why);
	if (!*why && file_read(&arena, log_fd, log, LOG_MAX_BYTES, &text, &len, &ignored) >= 0)
		find_error(text, why, sizeof(why));
	return err_say(err, code, "criu: %s: see '%s/%s'", *why ? why : "it failed without a word", folder, log);
}
