/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/qemu.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/confine.h"
#include "runtime/base/fd.h"
#include "runtime/base/file.h"
#include "runtime/base/process.h"
#include "runtime/vm/agent_protocol.h"
#include "runtime/vm/filters.h"
#include "runtime/vm/fs_server.h"
#include "runtime/vm/last_words.h"
#include "runtime/vm/panic.h"
#include "runtime/vm/qemu_parts.h"
#include "runtime/vm/qemu_words.h"
#include "runtime/vm/remains.h"

/* How long after the agent's end QEMU may take to say why. */
#define LAST_WORDS_MS 3000

#define RUNNING_OF(pointer, member) CONTAINER_OF(pointer, struct running, member)

/* --- How it ended ------------------------------------------------------------------------------------------------- */

/* The cause for programs; the line that goes with it. */
static int say_guest_end(struct running *r, const char *cause, struct err *err)
{
	r->cause = cause;
	return last_words_say(cause, NULL, err);
}

static int say_panic(struct running *r, const char *words, struct err *err)
{
	r->cause = panic_cause(words);
	return panic_say(words, r->request->memory_bytes, err);
}

/* By the name of its file, which QEMU does not know. */
static int say_disk(const struct running *r, unsigned number, const char *words, struct err *err)
{
	const struct vm_disk *disk = &r->request->disks[number];

	return err_say(err, EIO, "QEMU cannot use '%s' as a %s image: %s", disk->name ?: disk->serial,
		       disk_format_words[disk->format], words);
}

static int say_how_emulator_ended(struct running *r, struct err *err)
{
	const char *words = qemu_words_complaint(r->words.bytes, r->words.len);
	unsigned number;
	const char *of_disk = qemu_words_of_disk(words, &number);

	r->cause = CAUSE_EMULATOR;
	if (of_disk && number < r->request->disk_count)
		return say_disk(r, number, of_disk, err);
	if (WIFSIGNALED(r->status))
		return err_say(err, EIO, "QEMU was killed by signal %d (%s)%s%s", WTERMSIG(r->status),
			       proc_signal_name(WTERMSIG(r->status)), *words ? ": " : "", words);
	return err_say(err, EIO, "QEMU ended with %d%s%s", WEXITSTATUS(r->status), *words ? ": " : "", words);
}

static int say_how_it_ended(struct running *r, struct err *err)
{
	char panic[PANIC_WORDS_BYTES];

	if (panic_find(r->console.bytes, r->console.len, panic) || r->state.reason == QEMU_PANIC)
		return say_panic(r, panic, err);
	if (r->state.reason == QEMU_POWER_OFF)
		return say_guest_end(r, CAUSE_POWER_OFF, err);
	if (r->state.reason == QEMU_RESET && qemu_words_have_triple_fault(r->words.bytes, r->words.len))
		return say_guest_end(r, CAUSE_TRIPLE_FAULT, err);
	if (r->state.reason == QEMU_RESET)
		return say_guest_end(r, CAUSE_RESET, err);
	if (r->has_ended)
		return say_how_emulator_ended(r, err);
	r->cause = CAUSE_AGENT;
	return err_say(err, EIO, "the guest's agent is gone: %s", r->outcome.err.msg);
}

static int say_how_boot_failed(struct running *r, struct err *err)
{
	r->cause = CAUSE_NO_TIMER;
	return err_say(err, ETIMEDOUT,
		       "the guest stood still in each of %u boots before it was up, as a kernel does that finds no "
		       "timer: "
		       "a host that is too busy can keep it from finding one: try again when less runs here",
		       r->boot.boots);
}

static int say_how_server_ended(struct running *r, struct err *err)
{
	r->cause = CAUSE_VOLUMES;
	return fs_server_say_end(r->server_status, err);
}

static int conclude(struct running *r, struct err *err)
{
	if (!r->is_over && r->boot.has_failed)
		return say_how_boot_failed(r, err);
	if (!r->is_over && r->server_status != 0)
		return say_how_server_ended(r, err);
	if (!r->is_over)
		return say_how_it_ended(r, err);
	switch (r->outcome.ending) {
	case AGENT_ENDED_EXIT:
		remains_leave(r->request->remains_fd, r->outcome.oom, NULL, 0);
		return r->outcome.code;
	case AGENT_ENDED_FAILED:
		r->cause = CAUSE_START;
		*err = r->outcome.err;
		(void)err_exit_with(err, r->outcome.code);
		return -err->code;
	case AGENT_ENDED_LOST:
		return say_how_it_ended(r, err);
	case AGENT_ENDED_SILENT:
	case AGENT_ENDED_STUCK:
		r->cause = r->outcome.ending == AGENT_ENDED_SILENT ? CAUSE_BOOT : CAUSE_NO_START;
		*err = r->outcome.err;
		return -err->code;
	case AGENT_ENDED_BROKEN:
		r->cause = CAUSE_PROTOCOL;
		*err = r->outcome.err;
		return err_wrap(err, "the guest was stopped");
	}
	return -EINVAL;
}

/* --- The loop ----------------------------------------------------------------------------------------------------- */

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
	struct tail *tail = CONTAINER_OF(source, struct tail, source);
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

		qmp_take_line(qmp->bytes, len, &r->state);
		qmp->len -= len + 1;
		memmove(qmp->bytes, end + 1, qmp->len);
	}
	qemu_boot_answered(r);
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

/* It ends when QEMU does. Before that, a guest would wait for ever for an answer about a file. */
static void server_ended(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct running *r = RUNNING_OF(source, server);

	(void)events;
	loop_forget(loop, source);
	(void)proc_wait(r->server_pid, &r->server_status);
	if (r->server_status != 0)
		loop_stop(loop, 0);
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

static void agent_greeted(struct agent_router *router, void *user)
{
	(void)router;
	qemu_boot_is_over(user);
}

static int watch(struct running *r, struct loop_source *source, struct err *err)
{
	return loop_watch(&r->loop, source, EPOLLIN, err);
}

static int open_router(struct running *r, const sigset_t *signals, struct err *err)
{
	const struct vm_request *request = r->request;
	struct agent_router_request how = {
		.start_seconds = request->start_seconds,
		.channel_fd = r->agent_fd,
		.listen_fd = request->agent_listen_fd,
		.stdio = {request->stdin_open || request->terminal ? STDIN_FILENO : -1, STDOUT_FILENO, STDERR_FILENO},
		.terminal = request->terminal,
		.start = r->start,
		.start_len = r->start_len,
		.signals = signals,
		.greeted = agent_greeted,
		.ended = agent_ended,
		.user = r,
	};

	return agent_router_open(&r->loop, &how, &r->router, err);
}

/* A guest that has got the better of the router, whose frames it makes, gets no further. QEMU was born before. */
static int confine_router(struct err *err)
{
	struct filter_program program;

	if (!filter_is_wanted())
		return 0;
	filter_make(&program, FILTER_QEMU);
	return confine_load(&program.filter, 0, err);
}

static int run_loop(struct running *r, const sigset_t *signals, struct err *err)
{
	int result = loop_open(&r->loop, err);

	if (result < 0)
		return result;
	r->patience.expired = patience_ended;
	r->process.ready = qemu_ended;
	r->server.ready = server_ended;
	r->qmp.source.ready = qmp_ready;
	r->console.source.ready = r->words.source.ready = stream_ready;
	result = loop_timer_open(&r->loop, &r->patience, err);
	if (result >= 0)
		result = watch(r, &r->process, err);
	if (result >= 0 && r->server.fd >= 0)
		result = watch(r, &r->server, err);
	if (result >= 0)
		result = watch(r, &r->qmp.source, err);
	if (result >= 0)
		result = watch(r, &r->console.source, err);
	if (result >= 0)
		result = watch(r, &r->words.source, err);
	if (result >= 0)
		result = open_router(r, signals, err);
	if (result >= 0)
		result = qemu_control_open(r, err);
	if (result >= 0)
		result = qemu_boot_watch(r, err);
	if (result >= 0)
		result = confine_router(err);
	if (result >= 0)
		result = loop_run(&r->loop, err);
	qemu_control_close(r);
	agent_router_close(&r->router);
	return result < 0 ? result : conclude(r, err);
}

/* --- From beginning to end ---------------------------------------------------------------------------------------- */

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
	static struct running r; /* large, and there is one */
	sigset_t signals;
	int result;

	r = (struct running){.request = request, .arena = &arena, .process.fd = -1, .server.fd = -1};
	agent_router_signals(&signals);
	if (request->terminal)
		(void)sigaddset(&signals, SIGWINCH);
	(void)sigprocmask(SIG_BLOCK, &signals, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	result = read_start(&r, err);
	if (result >= 0)
		result = qemu_start(&r, err);
	if (result >= 0)
		result = qmp_say(r.qmp.source.fd, err, QMP_GREETING);
	if (result >= 0)
		result = run_loop(&r, &signals, err);
	if (result < 0)
		last_words_leave(request->remains_fd, r.cause, err);
	if (r.pid > 0 && !r.has_ended) {
		(void)proc_signal(r.process.fd, SIGKILL);
		(void)proc_wait(r.pid, &r.status);
	}
	return result;
}
