/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/qemu.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include "runtime/base/fd.h"
#include "runtime/base/file.h"
#include "runtime/base/loop.h"
#include "runtime/base/process.h"
#include "runtime/base/socket.h"
#include "runtime/vm/agent_protocol.h"
#include "runtime/vm/agent_router.h"
#include "runtime/vm/fs_server.h"

/* How long after the agent's end QEMU may take to say why; and over what time the processor's pace is measured. */
#define LAST_WORDS_MS 3000
#define MEASURE_NS    10000000

/* The last of what came in on a stream: bounded, whatever comes. */
struct tail {
	struct loop_source source;
	size_t len;
	char bytes[16384];
};

struct running {
	const struct vm_request *request;
	struct arena *arena;
	struct loop loop;
	struct loop_timer patience;
	struct loop_source process; /* QEMU's pidfd */
	struct tail qmp, console, words;
	struct agent_router *router;
	int agent_fd;
	const char *start;
	size_t start_len;
	struct qemu_ends ends;
	pid_t pid;
	bool has_ended; /* QEMU has, with `status` */
	bool is_over;	/* the agent's channel is, with `outcome` */
	int status;
	enum qemu_reason reason;
	struct agent_outcome outcome;
};

#define RUNNING_OF(pointer, member) ((struct running *)(void *)((char *)(pointer)-offsetof(struct running, member)))

/* --- How it ended ----------------------------------------------------------------------------------------------------- */

/* What the kernel says of its panic on the console: "[    9.1] Kernel panic - not syncing: Attempted to kill init!". */
static const char *find_panic(struct running *r)
{
	static const char before[] = "Kernel panic - not syncing: ";
	char *line;

	r->console.bytes[r->console.len < sizeof(r->console.bytes) ? r->console.len : sizeof(r->console.bytes) - 1] =
		'\0';
	line = strstr(r->console.bytes, before);
	if (!line)
		return NULL;
	line[strcspn(line, "\r\n")] = '\0';
	return line + sizeof(before) - 1;
}

/* QEMU's own complaint: its last line. */
static const char *last_words(struct running *r)
{
	char *words = r->words.bytes, *line;
	size_t len = r->words.len;

	while (len > 0 && (words[len - 1] == '\n' || words[len - 1] == '\r'))
		len--;
	words[len < sizeof(r->words.bytes) ? len : sizeof(r->words.bytes) - 1] = '\0';
	line = strrchr(words, '\n');
	return line ? line + 1 : words;
}

static int say_how_it_ended(struct running *r, struct err *err)
{
	const char *panic = find_panic(r), *words = last_words(r);

	if (panic || r->reason == QEMU_PANIC)
		return err_say(err, EIO, "the guest's kernel panicked: %s", panic ? panic : "it did not say why");
	if (r->reason == QEMU_POWER_OFF)
		return err_say(err, EIO, "the guest powered off before its program had ended");
	if (r->reason == QEMU_RESET)
		return err_say(err, EIO, "the guest reset the machine before its program had ended");
	if (r->has_ended && WIFSIGNALED(r->status))
		return err_say(err, EIO, "QEMU was killed by signal %d (%s)", WTERMSIG(r->status),
			       proc_signal_name(WTERMSIG(r->status)));
	if (r->has_ended)
		return err_say(err, EIO, "QEMU ended with %d%s%s", WEXITSTATUS(r->status), *words ? ": " : "", words);
	return err_say(err, EIO, "the guest's agent is gone: %s", r->outcome.err.msg);
}

static int conclude(struct running *r, struct err *err)
{
	if (!r->is_over)
		return say_how_it_ended(r, err);
	switch (r->outcome.ending) {
	case AGENT_ENDED_EXIT:
		return r->outcome.code;
	case AGENT_ENDED_FAILED:
		*err = r->outcome.err;
		(void)err_exit_with(err, r->outcome.code);
		return -err->code;
	case AGENT_ENDED_LOST:
		return say_how_it_ended(r, err);
	case AGENT_ENDED_BROKEN:
		*err = r->outcome.err;
		return err_wrap(err, "the guest was stopped");
	}
	return -EINVAL;
}

/* --- The loop --------------------------------------------------------------------------------------------------------- */

/* The newer half stays. */
static void make_room(struct tail *tail)
{
	if (tail->len < sizeof(tail->bytes) - 1)
		return;
	tail->len = sizeof(tail->bytes) / 2;
	memmove(tail->bytes, tail->bytes + sizeof(tail->bytes) - 1 - tail->len, tail->len);
}

static void stream_ready(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct tail *tail = (struct tail *)(void *)((char *)source - offsetof(struct tail, source));
	ssize_t len;

	(void)events;
	make_room(tail);
	len = read(source->fd, tail->bytes + tail->len, sizeof(tail->bytes) - 1 - tail->len);
	if (len > 0)
		tail->len += (size_t)len;
	else if (len == 0 || (errno != EAGAIN && errno != EINTR))
		loop_forget(loop, source);
}

static void take_lines(struct running *r)
{
	struct tail *qmp = &r->qmp;
	char *end;

	while ((end = memchr(qmp->bytes, '\n', qmp->len))) {
		size_t len = (size_t)(end - qmp->bytes);

		qemu_take_line(qmp->bytes, len, &r->reason);
		qmp->len -= len + 1;
		memmove(qmp->bytes, end + 1, qmp->len);
	}
}

static void qmp_ready(struct loop *loop, struct loop_source *source, uint32_t events)
{
	stream_ready(loop, source, events);
	take_lines(RUNNING_OF(source, qmp.source));
}

/* All that it has said is read: it has nothing more to say. */
static void read_rest(struct running *r)
{
	struct tail *all[] = {&r->qmp, &r->console, &r->words};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		size_t before;

		(void)fd_set_nonblock(all[i]->source.fd, true);
		do {
			before = all[i]->len;
			stream_ready(&r->loop, &all[i]->source, 0);
			if (all[i] == &r->qmp)
				take_lines(r);
		} while (all[i]->len != before);
	}
}

static void qemu_ended(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct running *r = RUNNING_OF(source, process);

	(void)events;
	loop_forget(loop, source);
	(void)proc_wait(r->pid, &r->status);
	r->has_ended = true;
	read_rest(r);
	/* The router has the program's last output still to write, and tells when it has. */
	if (r->is_over)
		loop_stop(loop, 0);
	else
		(void)loop_timer_set(&r->patience, LAST_WORDS_MS);
}

static void patience_ended(struct loop *loop, struct loop_timer *timer)
{
	(void)timer;
	loop_stop(loop, 0);
}

static void agent_ended(struct agent_router *router, const struct agent_outcome *outcome, void *user)
{
	struct running *r = user;

	(void)router;
	r->is_over = true;
	r->outcome = *outcome;
	/* With the channel lost, QEMU is about to say why. */
	if (outcome->ending == AGENT_ENDED_LOST && !r->has_ended)
		(void)loop_timer_set(&r->patience, LAST_WORDS_MS);
	else
		loop_stop(&r->loop, 0);
}

static int watch(struct running *r, struct loop_source *source, struct err *err)
{
	return loop_watch(&r->loop, source, EPOLLIN, err);
}

static int open_router(struct running *r, const sigset_t *signals, struct err *err)
{
	const struct vm_request *request = r->request;
	struct agent_router_request how = {
		.channel_fd = r->agent_fd,
		.listen_fd = request->agent_listen_fd,
		.stdio = {request->stdin_open || request->terminal ? STDIN_FILENO : -1, STDOUT_FILENO, STDERR_FILENO},
		.terminal = request->terminal,
		.start = r->start,
		.start_len = r->start_len,
		.signals = signals,
		.ended = agent_ended,
		.user = r,
	};

	return agent_router_open(&r->loop, &how, &r->router, err);
}

static int run_loop(struct running *r, const sigset_t *signals, struct err *err)
{
	int result = loop_open(&r->loop, err);

	if (result < 0)
		return result;
	r->patience.expired = patience_ended;
	r->process.ready = qemu_ended;
	r->qmp.source.ready = qmp_ready;
	r->console.source.ready = r->words.source.ready = stream_ready;
	result = loop_timer_open(&r->loop, &r->patience, err);
	if (result >= 0)
		result = watch(r, &r->process, err);
	if (result >= 0)
		result = watch(r, &r->qmp.source, err);
	if (result >= 0)
		result = watch(r, &r->console.source, err);
	if (result >= 0)
		result = watch(r, &r->words.source, err);
	if (result >= 0)
		result = open_router(r, signals, err);
	if (result >= 0)
		result = loop_run(&r->loop, err);
	agent_router_close(&r->router);
	return result < 0 ? result : conclude(r, err);
}

/* --- Starting --------------------------------------------------------------------------------------------------------- */

struct pace {
	uint64_t ticks, ns;
};

static struct pace look_at_clocks(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC_RAW, &now);
	return (struct pace){.ticks = __rdtsc(), .ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec};
}

/* The host's ticks are the guest's, emulated or not. */
static uint64_t measure_tsc_khz(struct pace began)
{
	struct pace now = look_at_clocks();

	if (now.ns - began.ns < MEASURE_NS) {
		struct timespec rest = {.tv_nsec = (long)(MEASURE_NS - (now.ns - began.ns))};

		(void)nanosleep(&rest, NULL);
		now = look_at_clocks();
	}
	return now.ns > began.ns ? (now.ticks - began.ticks) * 1000000 / (now.ns - began.ns) : 0;
}

static int socket_pair(int *ret_ours, int *ret_theirs, struct err *err)
{
	int ends[2], result = sock_pair(ends, err);

	if (result < 0)
		return result;
	*ret_ours = ends[0];
	*ret_theirs = ends[1];
	return 0;
}

/* The server alone keeps the capabilities of the jail: it is born before they are given up. */
static int start_file_server(struct running *r, struct err *err)
{
	const struct vm_request *request = r->request;
	struct fs_server_share shares[VM_MAX_VOLUMES];
	struct fs_server server = {.shares = shares, .count = request->volume_count, .proc_fd = -1};
	int pidfd, result = 0;

	for (unsigned i = 0; i < request->volume_count && result >= 0; i++) {
		shares[i] = (struct fs_server_share){.read_only = request->volumes[i].read_only};
		result = socket_pair(&shares[i].socket_fd, &r->ends.volumes[i], err);
		if (result >= 0)
			result = shares[i].root_fd = file_open_dir(AT_FDCWD, request->volumes[i].path, err);
	}
	if (result < 0 || request->volume_count == 0)
		return result;
	result = fs_server_start(&server, &pidfd, err);
	for (unsigned i = 0; i < request->volume_count; i++) {
		(void)close(shares[i].socket_fd);
		(void)close(shares[i].root_fd);
	}
	return result;
}

static int drop_capabilities(struct err *err)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {{0}};

	if (syscall(SYS_capset, &header, none) < 0)
		return err_set(err, errno, "give up capabilities");
	/* Else the kernel would give them back to root at the exec. */
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? err_set(err, errno, "give up new privileges") : 0;
}

static void pass_on(const struct running *r)
{
	const struct vm_request *request = r->request;

	(void)fd_set_cloexec(r->ends.agent, false);
	(void)fd_set_cloexec(r->ends.qmp, false);
	(void)fd_set_cloexec(r->ends.console, false);
	for (unsigned i = 0; i < request->disk_count; i++)
		(void)fd_set_cloexec(request->disks[i].fd, false);
	for (unsigned i = 0; i < request->nic_count; i++)
		(void)fd_set_cloexec(request->nics[i].tap_fd, false);
	for (unsigned i = 0; i < request->volume_count; i++)
		(void)fd_set_cloexec(r->ends.volumes[i], false);
}

static __attribute__((noreturn)) void become_qemu(const struct running *r, const struct strv *command, int nothing,
						  int words)
{
	static char *const no_environment[] = {NULL};

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	proc_reset_signals();
	(void)fd_place(nothing, STDIN_FILENO);
	(void)fd_place(words, STDOUT_FILENO);
	(void)fd_place(words, STDERR_FILENO);
	pass_on(r);
	(void)execve(command->items[0], command->items, no_environment);
	dprintf(STDERR_FILENO, "cannot execute '%s': %s\n", command->items[0], strerror(errno));
	_exit(ERR_EXIT_FAILED);
}

static int start_qemu(struct running *r, struct err *err)
{
	struct proc_clone how = {.cgroup_fd = -1, .ret_pidfd = &r->process.fd};
	struct strv command = {0};
	/* Nothing to read: the jail has no /dev/null. */
	CLEANUP_FD int nothing = fd_memory("nothing", "", 0, err);
	int words[2], result = nothing;

	if (result >= 0)
		result = qemu_command(r->arena, r->request, &r->ends, &command, err);
	if (result < 0)
		return result;
	if (pipe2(words, O_CLOEXEC) < 0)
		return err_set(err, errno, "make a pipe");
	r->words.source.fd = words[0];
	r->pid = proc_clone(&how);
	if (r->pid == 0)
		become_qemu(r, &command, nothing, words[1]);
	(void)close(words[1]);
	if (r->pid < 0)
		return err_set(err, -r->pid, "start QEMU");
	return r->process.fd < 0 ? err_say(err, ENOTSUP, "this kernel has no pidfds") : 0;
}

/* What is QEMU's is not kept: the end of its streams would never show. */
static void close_far_ends(struct running *r)
{
	(void)close(r->ends.agent);
	(void)close(r->ends.qmp);
	(void)close(r->ends.console);
	for (unsigned i = 0; i < r->request->volume_count; i++)
		(void)close(r->ends.volumes[i]);
	for (unsigned i = 0; i < r->request->disk_count; i++)
		(void)close(r->request->disks[i].fd);
	for (unsigned i = 0; i < r->request->nic_count; i++)
		(void)close(r->request->nics[i].tap_fd);
}

/* Without this QEMU's monitor sends no events. */
static int greet_qmp(const struct running *r, struct err *err)
{
	static const char words[] = "{\"execute\":\"qmp_capabilities\"}\n";
	int result = fd_write_all(r->qmp.source.fd, words, sizeof(words) - 1);

	return result < 0 ? err_set(err, -result, "speak to QEMU") : 0;
}

static int read_start(struct running *r, struct err *err)
{
	char *data;
	int result = file_read_fd(r->arena, r->request->start_fd, "the START document", AGENT_DOCUMENT_MAX, &data,
				  &r->start_len, err);

	r->start = data;
	return result;
}

int qemu_run(const struct vm_request *request, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct pace began = look_at_clocks();
	static struct running r; /* large, and there is one */
	sigset_t signals;
	int result;

	r = (struct running){.request = request, .arena = &arena, .process.fd = -1};
	agent_router_signals(&signals);
	if (request->terminal)
		(void)sigaddset(&signals, SIGWINCH);
	(void)sigprocmask(SIG_BLOCK, &signals, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	result = read_start(&r, err);
	if (result >= 0)
		result = start_file_server(&r, err);
	if (result >= 0)
		result = drop_capabilities(err);
	if (result >= 0)
		result = socket_pair(&r.agent_fd, &r.ends.agent, err);
	if (result >= 0)
		result = socket_pair(&r.qmp.source.fd, &r.ends.qmp, err);
	if (result >= 0)
		result = socket_pair(&r.console.source.fd, &r.ends.console, err);
	r.ends.tsc_khz = measure_tsc_khz(began);
	if (result >= 0)
		result = start_qemu(&r, err);
	if (result < 0)
		return result;
	close_far_ends(&r);
	result = greet_qmp(&r, err);
	if (result >= 0)
		result = run_loop(&r, &signals, err);
	if (!r.has_ended) {
		(void)proc_signal(r.process.fd, SIGKILL);
		(void)proc_wait(r.pid, &r.status);
	}
	return result;
}
