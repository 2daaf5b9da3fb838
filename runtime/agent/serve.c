// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>

#include <linux/virtio_ids.h>

#include "runtime/agent/agent.h"
#include "runtime/base/log.h"
#include "runtime/base/process.h"
#include "runtime/base/scope.h"

#define AGENT_OF(pointer, member) CONTAINER_OF(pointer, struct agent, member)

/*
 * How long the others' last output may take once the first program has ended; and then, how long the host may take to
 * hear its end.
 */
#define OTHERS_MS   1000
#define FAREWELL_MS 3000

/* --- The end ------------------------------------------------------------------------------------------------------ */

/* The disk is put in order, once, when nobody is left who writes to it. */
static void close_down(struct agent *agent)
{
	if (!agent->is_unmounted)
		disks_unmount();
	agent->is_unmounted = true;
}

/* The host ends the machine when it has heard; if it does not, the guest does. */
static void say_farewell(struct agent *agent)
{
	agent->is_over = true;
	(void)loop_timer_set(&agent->farewell, FAREWELL_MS);
}

static void farewell_expired(struct loop *loop, struct loop_timer *timer)
{
	struct agent *agent = AGENT_OF(timer, farewell);

	if (agent->is_over) {
		loop_stop(loop, 0);
		return;
	}
	for (size_t i = 1; i < AGENT_TASKS_MAX; i++)
		if (agent->tasks[i].has_streams) {
			agent_source_end(&agent->tasks[i].out, loop);
			agent_source_end(&agent->tasks[i].err, loop);
		}
}

/* All of the container dies with its first process; where it has no PID namespace of its own it has to be told. */
static void first_ended(struct agent *agent)
{
	program_signal_all(agent, SIGKILL);
	(void)loop_timer_set(&agent->farewell, OTHERS_MS);
}

/* --- What is told ------------------------------------------------------------------------------------------------- */

static void put_own(struct agent *agent)
{
	CLEANUP_TEXT struct text stats = TEXT_INIT;
	struct agent_hello hello = {.version = AGENT_VERSION};
	struct err err = ERR_INIT;

	if (agent->is_hello_due)
		agent->is_hello_due = !agent_wire_put(&agent->wire, AGENT_HELLO, 0, &hello, sizeof(hello));
	if (!agent->is_stats_due)
		return;
	if (program_stats(agent, &stats, &err) < 0) {
		text_free(&stats);
		text_add(&stats, "{}");
	}
	agent->is_stats_due = !agent_wire_put(&agent->wire, AGENT_STATS, 0, text_get(&stats), stats.len);
}

static bool has_others(const struct agent *agent)
{
	for (size_t i = 1; i < AGENT_TASKS_MAX; i++)
		if (agent->tasks[i].state != TASK_FREE)
			return true;
	return false;
}

/*
 * The first program's EXIT ends the machine, so it comes behind everybody else's last word, and behind the last byte on
 * the disk.
 */
static int settle_task(struct agent *agent, struct task *task, struct err *err)
{
	bool is_first = task->number == AGENT_FIRST, ends_all = is_first && task->state == TASK_ENDED;
	int result = task_settle(task, err);

	if (result < 0 || !task_is_done(task) || (ends_all && has_others(agent)))
		return result;
	if (ends_all)
		close_down(agent);
	if (task_put_end(task) && is_first)
		say_farewell(agent);
	return 0;
}

static int settle_all(struct agent *agent, struct err *err)
{
	int result = 0;

	agent_wire_begin_turn(&agent->wire);
	put_own(agent);
	/* The first program last: its end waits for the others'. */
	for (size_t i = AGENT_TASKS_MAX; result >= 0 && i-- > 0;)
		if (agent->tasks[i].state != TASK_FREE && !agent->is_over)
			result = settle_task(agent, &agent->tasks[i], err);
	if (result >= 0)
		result = agent_wire_flush(&agent->wire, err);
	if (result >= 0)
		result = loop_watch(&agent->loop, &agent->channel,
				    EPOLLIN | (agent_wire_has_output(&agent->wire) ? (uint32_t)EPOLLOUT : 0u), err);
	return result;
}

static void settle(struct agent *agent)
{
	int result = settle_all(agent, &agent->failure);

	if (result < 0)
		loop_stop(&agent->loop, result);
}

/*
 * What nobody waits for: once it was told that the program runs. Without it the machine gives no memory back, and is as
 * good otherwise.
 */
static void load_late_modules(struct agent *agent)
{
	struct err err = ERR_INIT;

	if (!agent->is_late_due || agent_wire_has_output(&agent->wire))
		return;
	agent->is_late_due = false;
	if (boot_has_device(VIRTIO_ID_BALLOON) && boot_load_modules("balloon", &err) < 0)
		log_err(&err);
}

static void behind_event(struct loop *loop)
{
	struct agent *agent = AGENT_OF(loop, loop);

	settle(agent);
	load_late_modules(agent);
}

/* --- Children ----------------------------------------------------------------------------------------------------- */

static struct task *task_of_pid(struct agent *agent, pid_t pid)
{
	for (size_t i = 0; i < AGENT_TASKS_MAX; i++)
		if (agent->tasks[i].state == TASK_RUNNING && agent->tasks[i].pid == pid)
			return &agent->tasks[i];
	return NULL;
}

/* Of the signals only SIGKILL can be the kernel's that found no memory. */
static struct agent_exit exit_of(struct agent *agent, int wait_status)
{
	int signo = WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : 0;

	return (struct agent_exit){
		.code = proc_exit_code(wait_status),
		.signal = signo,
		.oom = signo == SIGKILL && program_ran_out_of_memory(agent),
	};
}

/* As the first process of the guest it is given everybody's orphans. */
static void reap(struct agent *agent)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct task *task = task_of_pid(agent, pid);
		struct agent_exit exit;

		if (!task)
			continue;
		exit = exit_of(agent, status);
		task_ended(task, &exit);
		if (task->number == AGENT_FIRST)
			first_ended(agent);
	}
}

static void child_signalled(struct loop *loop, struct loop_signals *signals, int signo)
{
	struct agent *agent = AGENT_OF(signals, children);

	(void)loop, (void)signo;
	reap(agent);
}

/* --- Documents ---------------------------------------------------------------------------------------------------- */

static void make_process(struct agent *agent, struct task *task)
{
	struct err err = ERR_INIT;
	int result = task->number == AGENT_FIRST ? program_start(agent, task, &err) : program_exec(agent, task, &err);

	text_free(&task->document);
	if (result >= 0)
		task->state = TASK_RUNNING;
	else
		task_failed(task, &err);
	agent->is_late_due = agent->is_late_due || (result >= 0 && task->number == AGENT_FIRST);
	/* It may have ended while nobody asked. */
	reap(agent);
}

static struct task *new_task(struct agent *agent, uint32_t number)
{
	struct task *task = number == AGENT_FIRST ? &agent->tasks[0] : task_find(agent, 0);

	if (!task || (number != AGENT_FIRST && task == &agent->tasks[0]))
		return NULL;
	*task = (struct task){
		.state = TASK_GATHERING,
		.number = number,
		.agent = agent,
		.document = {.max_bytes = AGENT_DOCUMENT_MAX + 1},
		.pidfd = -1,
		.terminal = -1,
	};
	agent->last_number = number;
	return task;
}

static int take_piece(struct agent *agent, const struct agent_message *message, struct err *err)
{
	bool is_start = message->type == AGENT_START;
	struct task *task = task_find(agent, message->process);

	if (is_start != (message->process == AGENT_FIRST) || (!is_start && agent->last_number < AGENT_FIRST))
		return err_say(err, EPROTO, "%s for process %u", agent_frame_name(message->type), message->process);
	if (!task && message->process > agent->last_number)
		task = new_task(agent, message->process);
	if (!task || task->state != TASK_GATHERING)
		return err_say(err, EPROTO, "%s for process %u, which is no new one", agent_frame_name(message->type),
			       message->process);
	if (message->len > 0) {
		text_add_bytes(&task->document, message->payload, message->len);
		return text_check(&task->document, err) < 0 ? -EPROTO : 0;
	}
	make_process(agent, task);
	return 0;
}

/* --- Frames ------------------------------------------------------------------------------------------------------- */

static int take_hello(struct agent *agent, const struct agent_message *message, struct err *err)
{
	struct agent_hello hello;

	if (message->type != AGENT_HELLO)
		return err_say(err, EPROTO, "%s before HELLO", agent_frame_name(message->type));
	memcpy(&hello, message->payload, sizeof(hello));
	if (hello.version != AGENT_VERSION)
		return err_say(err, EPROTO, "the host speaks version %u of the protocol, this agent %u", hello.version,
			       AGENT_VERSION);
	agent->is_greeted = true;
	return 0;
}

static void take_clock(const void *payload)
{
	struct agent_clock clock;

	memcpy(&clock, payload, sizeof(clock));
	wires_clock(clock.epoch_ns);
}

static void take_signal_to_all(struct agent *agent, const void *payload)
{
	struct agent_signal signal;

	memcpy(&signal, payload, sizeof(signal));
	program_signal_all(agent, signal.signo);
}

/* The program's end is told as any other; without one there is only the disk to be looked after. */
static void shut_down(struct agent *agent)
{
	program_signal_all(agent, SIGKILL);
	if (agent->tasks[0].state == TASK_RUNNING || agent->tasks[0].state == TASK_ENDED)
		return;
	close_down(agent);
	loop_stop(&agent->loop, 0);
	settle(agent);
}

/* What was said of a process while its end was on the way means nothing any more. */
static int take_of_task(struct agent *agent, const struct agent_message *message, struct err *err)
{
	struct task *task = task_find(agent, message->process);
	struct err cancelled = ERR_INIT;

	if (!task && message->process <= agent->last_number)
		return 0;
	if (!task)
		return err_say(err, EPROTO, "%s of a process that is not there (%u)", agent_frame_name(message->type),
			       message->process);
	if (task->state == TASK_FAILED)
		return 0;
	if (task->state != TASK_GATHERING || message->type != AGENT_CLOSE)
		return task_take(task, message, err);
	(void)err_say(&cancelled, ECANCELED, "nobody waits for it any more");
	task_failed(task, &cancelled);
	return 0;
}

static int take(struct agent *agent, const struct agent_message *message, struct err *err)
{
	if (!agent->is_greeted)
		return take_hello(agent, message, err);
	switch (message->type) {
	case AGENT_START:
	case AGENT_EXEC:
		return take_piece(agent, message, err);
	case AGENT_STATS:
		agent->is_stats_due = true;
		return 0;
	case AGENT_CLOCK:
		take_clock(message->payload);
		return 0;
	case AGENT_SHUTDOWN:
		shut_down(agent);
		return 0;
	case AGENT_HELLO:
		return err_say(err, EPROTO, "HELLO, twice");
	}
	if (message->process != 0)
		return take_of_task(agent, message, err);
	take_signal_to_all(agent, message->payload);
	return 0;
}

static void channel_ready(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct agent *agent = AGENT_OF(source, channel);
	struct agent_message message;
	struct err *err = &agent->failure;
	int result = agent_wire_fill(&agent->wire, err);

	(void)events;
	while (result > 0 && !loop->stop) {
		result = agent_wire_next(&agent->wire, &message, err);
		if (result > 0 && take(agent, &message, err) < 0)
			result = -EPROTO;
	}
	if (result < 0)
		loop_stop(loop, agent->is_over ? 0 : result);
}

/* --- Beginning and end -------------------------------------------------------------------------------------------- */

int serve_open(struct agent *agent, struct err *err)
{
	sigset_t children;
	int result;

	sigemptyset(&children);
	sigaddset(&children, SIGCHLD);
	agent->children.arrived = child_signalled;
	agent->farewell.expired = farewell_expired;
	agent->channel.ready = channel_ready;
	agent->is_hello_due = true;
	agent_wire_init(&agent->wire, agent->channel.fd, AGENT_SIDE_HOST);
	result = loop_open(&agent->loop, err);
	agent->loop.behind = behind_event;
	if (result >= 0)
		result = loop_timer_open(&agent->loop, &agent->farewell, err);
	if (result >= 0)
		result = loop_signals_open(&agent->loop, &agent->children, &children, err);
	if (result >= 0)
		settle(agent);
	return result;
}

int serve(struct agent *agent, struct err *err)
{
	int result = serve_open(agent, err);

	if (result < 0)
		return result;
	result = loop_run(&agent->loop, err);
	if (result < 0 && agent->failure.code != 0)
		*err = agent->failure;
	/* However it came to its end. */
	program_signal_all(agent, SIGKILL);
	close_down(agent);
	return result;
}
