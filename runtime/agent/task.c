// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "namespaces/tty.h"
#include "runtime/agent/agent.h"
#include "runtime/base/fd.h"
#include "runtime/base/process.h"
#include "runtime/base/scope.h"

#define TASK_OF(pointer, member) CONTAINER_OF(pointer, struct task, member)

struct task *task_find(struct agent *agent, uint32_t number)
{
	for (size_t i = 0; i < AGENT_TASKS_MAX; i++)
		if (agent->tasks[i].number == number)
			return &agent->tasks[i];
	return NULL;
}

/* --- Streams ------------------------------------------------------------------------------------------------------ */

/* What can go on now is done behind the event: task_settle(). */
static void input_ready(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct task *task = TASK_OF(source, in.source);

	if (events & EPOLLHUP)
		agent_sink_hung_up(&task->in, loop);
}

static void output_ready(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct task *task = TASK_OF(source, out.source);

	(void)loop, (void)events;
	task->out.is_ready = true;
}

static void error_ready(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct task *task = TASK_OF(source, err.source);

	(void)loop, (void)events;
	task->err.is_ready = true;
}

/* A pipe whose end `ours` is the agent's, non-blocking; the other one is the program's. */
static int open_pipe(int ours, int *ret_ours, int *ret_theirs, struct err *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set(err, errno, "make a pipe for the program");
	*ret_ours = ends[ours];
	*ret_theirs = ends[!ours];
	(void)fd_set_nonblock(*ret_ours, true);
	return 0;
}

/* The task's ends, -1 where there is none. */
static int set_streams(struct task *task, const int ends[static 3], struct err *err)
{
	struct agent_line in = {task->number, AGENT_STREAM_IN}, out = {task->number, AGENT_STREAM_OUT},
			  error = {task->number, AGENT_STREAM_ERR};

	task->has_streams = true;
	agent_source_init(&task->out, ends[1], true, out, output_ready);
	agent_source_init(&task->err, ends[2], true, error, error_ready);
	return agent_sink_open(&task->in, ends[0], true, in, input_ready, err);
}

int task_open_streams(struct task *task, bool interactive, bool detached, int ret_stdio[static 3], struct err *err)
{
	int ends[3] = {-1, -1, -1};
	int result = 0;

	if (interactive && !detached)
		result = open_pipe(1, &ends[0], &ret_stdio[0], err);
	if (result >= 0 && !detached)
		result = open_pipe(0, &ends[1], &ret_stdio[1], err);
	if (result >= 0 && !detached)
		result = open_pipe(0, &ends[2], &ret_stdio[2], err);
	/* Also what was made before a failure is the task's to close. */
	return set_streams(task, ends, err) < 0 ? -err->code : result;
}

int task_open_terminal(struct task *task, int master, struct err *err)
{
	int ends[3] = {fd_dup(master, 3), master, -1};

	task->terminal = master;
	(void)fd_set_nonblock(master, true);
	if (ends[0] < 0) {
		(void)err_set(err, -ends[0], "duplicate the terminal");
		ends[0] = -1;
		(void)set_streams(task, ends, &(struct err){0});
		return -err->code;
	}
	return set_streams(task, ends, err);
}

/* --- What is heard ------------------------------------------------------------------------------------------------ */

static void resize(const struct task *task, const void *payload)
{
	struct agent_resize size;
	struct err ignored = ERR_INIT;

	memcpy(&size, payload, sizeof(size));
	if (task->terminal >= 0 && task->out.source.fd >= 0)
		(void)tty_set_size(task->terminal, (struct tty_size){.rows = size.rows, .columns = size.columns},
				   &ignored);
}

static void send_signal(const struct task *task, const void *payload)
{
	struct agent_signal signal;

	memcpy(&signal, payload, sizeof(signal));
	if (task->state == TASK_RUNNING && task->pidfd >= 0)
		(void)proc_signal(task->pidfd, signal.signo);
}

static void hang_up(struct task *task)
{
	struct loop *loop = &task->agent->loop;

	agent_sink_drop(&task->in, loop);
	agent_source_end(&task->out, loop);
	agent_source_end(&task->err, loop);
}

static int take_credit(struct task *task, const void *payload, struct err *err)
{
	struct agent_credit credit;

	memcpy(&credit, payload, sizeof(credit));
	return agent_source_credit(credit.stream == AGENT_STREAM_OUT ? &task->out : &task->err, credit.bytes, err);
}

int task_take(struct task *task, const struct agent_message *message, struct err *err)
{
	if (task->state != TASK_RUNNING && task->state != TASK_ENDED)
		return err_say(err, EPROTO, "%s of a process that does not run", agent_frame_name(message->type));
	switch (message->type) {
	case AGENT_STDIN:
		return agent_sink_take(&task->in, &task->agent->loop, message->payload, message->len, err);
	/* of a terminal only a duplicate is closed: the end of what was typed means nothing there, keys do */
	case AGENT_EOF:
		return agent_sink_end(&task->in, err);
	case AGENT_CREDIT:
		return take_credit(task, message->payload, err);
	case AGENT_SIGNAL:
		send_signal(task, message->payload);
		return 0;
	case AGENT_RESIZE:
		resize(task, message->payload);
		return 0;
	case AGENT_CLOSE:
		hang_up(task);
		return 0;
	default:
		return err_say(err, EPROTO, "%s was not expected", agent_frame_name(message->type));
	}
}

/* --- Its end ------------------------------------------------------------------------------------------------------ */

void task_ended(struct task *task, const struct agent_exit *exit)
{
	task->state = TASK_ENDED;
	task->exit = *exit;
	task->out.is_last = task->err.is_last = true;
	agent_sink_drop(&task->in, &task->agent->loop);
}

void task_failed(struct task *task, const struct err *err)
{
	task->state = TASK_FAILED;
	task->failure = *err;
	if (task->failure.code <= 0)
		task->failure.code = EIO;
	if (task->failure.exit_code <= 0 || task->failure.exit_code > 255)
		task->failure.exit_code = ERR_EXIT_FAILED;
}

void task_close(struct task *task)
{
	struct agent *agent = task->agent;

	if (task->has_streams) {
		agent_source_end(&task->out, &agent->loop);
		agent_source_end(&task->err, &agent->loop);
		agent_sink_close(&task->in, &agent->loop);
		scope_fd(&task->pidfd);
	}
	text_free(&task->document);
	*task = (struct task){.state = TASK_FREE};
}

/* --- What is told ------------------------------------------------------------------------------------------------- */

static bool put_failed(const struct task *task, struct agent_wire *wire)
{
	struct {
		struct agent_failed failed;
		char words[ERR_MSG_BYTES];
	} payload = {.failed = {.code = task->failure.code, .exit_code = task->failure.exit_code}};
	size_t len = strlen(task->failure.msg);

	memcpy(payload.words, task->failure.msg, len);
	return agent_wire_put(wire, AGENT_FAILED, task->number, &payload, sizeof(payload.failed) + len);
}

static int settle_streams(struct task *task, struct err *err)
{
	struct agent *agent = task->agent;
	struct agent_started started = {.pid = task->pid};
	int result;

	if (!task->is_told)
		task->is_told = agent_wire_put(&agent->wire, AGENT_STARTED, task->number, &started, sizeof(started));
	if (!task->is_told)
		return 0;
	result = agent_source_pump(&task->out, &agent->loop, &agent->wire, err);
	if (result >= 0)
		result = agent_source_pump(&task->err, &agent->loop, &agent->wire, err);
	if (result >= 0)
		result = agent_sink_settle(&task->in, &agent->loop, &agent->wire, err);
	return result;
}

int task_settle(struct task *task, struct err *err)
{
	return task->state == TASK_RUNNING || task->state == TASK_ENDED ? settle_streams(task, err) : 0;
}

bool task_is_done(const struct task *task)
{
	if (task->state == TASK_FAILED)
		return true;
	return task->state == TASK_ENDED && task->is_told && agent_source_is_done(&task->out) &&
	       agent_source_is_done(&task->err);
}

bool task_put_end(struct task *task)
{
	struct agent_wire *wire = &task->agent->wire;
	bool is_put = task->state == TASK_FAILED
			      ? put_failed(task, wire)
			      : agent_wire_put(wire, AGENT_EXIT, task->number, &task->exit, sizeof(task->exit));

	if (is_put)
		task_close(task);
	return is_put;
}
