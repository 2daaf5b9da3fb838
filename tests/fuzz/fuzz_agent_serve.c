// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The agent's side of its channel against any host, and programs that do anything. The agent ends with words, or goes
 * on; what it says keeps to the protocol, each process's words come in their order, and no descriptor is left.
 *
 * Input: a byte that says whether the host begins as it should; then steps, each a byte that says what happens, and
 * what that needs. Programs are pairs of descriptors: no process is made, and those that end are what waitpid(2) is
 * made to say here.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/agent/agent.h"
#include "runtime/base/fd.h"
#include "runtime/base/socket.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/agent/guest_parts.h"

#define STEPS	    64
#define TURNS	    2000 /* callbacks behind one step */
#define MAX_OPEN    700
#define PROGRAMS    AGENT_TASKS_MAX
#define FIRST_PID   1000000 /* of nobody's */
#define SPEAKERS    128
#define PIECE_BYTES 4096
#define ANY_WORDS   2 /* how a document begins whose program has streams, and not a terminal */

static struct {
	const uint8_t *data;
	size_t size;
} input;

static uint32_t take(unsigned bytes)
{
	uint32_t value = 0;

	for (; bytes > 0 && input.size > 0; bytes--, input.size--)
		value = value << 8 | *input.data++;
	return value;
}

/* --- in place of the guest ---------------------------------------------------------------------------------------- */

static struct agent agent;

static struct program {
	pid_t pid;   /* 0: there is none */
	int ends[3]; /* of its streams */
} programs[PROGRAMS];

/* What the next waitpid(2) tells, once. */
static struct {
	pid_t pid;
	int status;
} ended;

pid_t waitpid(pid_t pid, int *status, int options)
{
	pid_t told = ended.pid;

	(void)pid, (void)options;
	*status = ended.status;
	ended.pid = 0;
	return told;
}

static void close_program(struct program *program)
{
	for (int i = 0; i < 3; i++)
		scope_fd(&program->ends[i]);
	*program = (struct program){.ends = {-1, -1, -1}};
}

static struct program *new_program(void)
{
	for (unsigned i = 0; i < PROGRAMS; i++)
		if (programs[i].pid == 0) {
			close_program(&programs[i]);
			programs[i].pid = (pid_t)(FIRST_PID + i);
			return &programs[i];
		}
	return NULL;
}

static int open_terminal(struct task *task, struct program *program, struct err *err)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (master < 0 || unlockpt(master) < 0)
		abort();
	program->ends[0] = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	return task_open_terminal(task, master, err);
}

/* The document's first byte says what kind of program it is. */
static int make_program(struct task *task, struct err *err)
{
	uint8_t how = task->document.len > 0 ? (uint8_t)task->document.data[0] : 0;
	struct program *program;
	int result;

	if (how % 8 == 0)
		return err_say(err, ENOENT, "no such program");
	program = new_program();
	if (!program)
		return err_say(err, EAGAIN, "too many programs");
	task->pid = program->pid;
	if (how % 8 == 1)
		return open_terminal(task, program, err);
	result = task_open_streams(task, how & 0x10, how & 0x20, program->ends, err);
	for (int i = 0; i < 3; i++)
		if (program->ends[i] >= 0)
			(void)fd_set_nonblock(program->ends[i], true);
	return result;
}

int program_start(struct agent *a, struct task *task, struct err *err)
{
	(void)a;
	return make_program(task, err);
}

int program_exec(struct agent *a, struct task *task, struct err *err)
{
	(void)a;
	return make_program(task, err);
}

int program_stats(struct agent *a, struct text *out, struct err *err)
{
	(void)a, (void)err;
	text_add(out, "{}");
	return 0;
}

void program_signal_all(struct agent *a, int signo)
{
	(void)a;
	fuzz_want(signo >= 1 && signo <= 64, "a signal that is none");
}

void disks_unmount(void) {}

void wires_clock(uint64_t epoch_ns)
{
	(void)epoch_ns;
}

/* --- the host ----------------------------------------------------------------------------------------------------- */

static struct agent_wire host;

/* What the agent has said of each process so far. */
static struct speaker {
	uint32_t process; /* 0: this entry is free */
	bool has_started, is_over;
	bool has_ended[AGENT_STREAM_COUNT];
} speakers[SPEAKERS];
static bool has_greeted;

static struct speaker *speaker_of(uint32_t process)
{
	for (unsigned i = 0; i < SPEAKERS; i++)
		if (speakers[i].process == process || speakers[i].process == 0) {
			speakers[i].process = process;
			return &speakers[i];
		}
	return NULL;
}

static void check_stream(struct speaker *speaker, const struct agent_message *message)
{
	struct agent_eof eof = {.stream = message->type == AGENT_STDOUT ? AGENT_STREAM_OUT : AGENT_STREAM_ERR};
	bool is_end = message->type == AGENT_EOF;

	if (is_end)
		memcpy(&eof, message->payload, sizeof(eof));
	fuzz_want(!speaker->has_ended[eof.stream], "something behind a stream's end");
	speaker->has_ended[eof.stream] = is_end;
}

static void check_message(const struct agent_message *message)
{
	struct speaker *speaker;
	bool is_first = message->type == AGENT_STARTED || message->type == AGENT_FAILED;

	fuzz_want(has_greeted == (message->type != AGENT_HELLO), "HELLO comes once, and first");
	has_greeted = true;
	speaker = message->process ? speaker_of(message->process) : NULL;
	if (!speaker)
		return;
	fuzz_want(!speaker->is_over, "a word of a process that is over");
	fuzz_want(speaker->has_started != is_first, "a process's words in another order");
	speaker->has_started = true;
	speaker->is_over = message->type == AGENT_EXIT || message->type == AGENT_FAILED;
	if (message->type == AGENT_STDOUT || message->type == AGENT_STDERR || message->type == AGENT_EOF)
		check_stream(speaker, message);
}

static void hear(void)
{
	struct agent_message message;
	struct err err = ERR_INIT;

	while (!host.ended && agent_wire_fill(&host, &err) > 0) {
		int result;

		while ((result = agent_wire_next(&host, &message, &err)) > 0)
			check_message(&message);
		fuzz_want(result == 0, err.msg);
	}
}

static void say(unsigned type, uint32_t process, const void *payload, size_t len)
{
	struct agent_header header = {.length = (uint32_t)len, .type = (uint16_t)type, .process = process};

	/* What finds no room is lost, in part or whole: that, too, a host may do. */
	(void)!write(host.fd, &header, sizeof(header));
	(void)!write(host.fd, payload, len);
}

static void begin_well(void)
{
	struct agent_hello hello = {.version = AGENT_VERSION};
	uint8_t document = ANY_WORDS | 0x10;

	say(AGENT_HELLO, 0, &hello, sizeof(hello));
	say(AGENT_START, AGENT_FIRST, &document, sizeof(document));
	say(AGENT_START, AGENT_FIRST, NULL, 0);
}

/* --- steps -------------------------------------------------------------------------------------------------------- */

static uint8_t bytes[PIECE_BYTES];

static size_t take_bytes(size_t most)
{
	size_t len = take(1) % (most + 1);

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)take(1);
	return len;
}

static void step_raw(void)
{
	(void)!write(host.fd, bytes, take_bytes(64));
}

/* A frame whose payload is of the right length, with any values in it; now and then of a wrong one. */
static void step_frame(void)
{
	static const struct {
		uint16_t type;
		uint8_t len; /* 255: any */
	} frames[] = {
		{AGENT_HELLO, 4},    {AGENT_START, 255}, {AGENT_EXEC, 255}, {AGENT_EXEC, 255}, {AGENT_STDIN, 255},
		{AGENT_STDIN, 255},  {AGENT_SIGNAL, 4},	 {AGENT_RESIZE, 4}, {AGENT_CLOSE, 0},  {AGENT_CLOCK, 8},
		{AGENT_SHUTDOWN, 0}, {AGENT_CREDIT, 8},	 {AGENT_EOF, 4},    {AGENT_STATS, 0},
	};
	uint32_t which = take(1) % ARRAY_SIZE(frames), process = take(1) % 8;
	size_t len = take_bytes(24);

	/* Little endian: small numbers, as a host would say them. */
	if (frames[which].len != 255 && len < 24) {
		len = frames[which].len;
		memset(bytes + 1, 0, len > 1 ? len - 1 : 0);
		if (frames[which].type == AGENT_CREDIT)
			bytes[0] %= 4, bytes[4] = (uint8_t)take(1);
	}
	say(frames[which].type, process, bytes, len);
}

static void step_exec(void)
{
	uint32_t process = 2 + take(1) % 250;
	uint8_t document = (uint8_t)take(1);

	say(AGENT_EXEC, process, &document, sizeof(document));
	say(AGENT_EXEC, process, NULL, 0);
}

/* More than a window in few bytes of input. */
static void step_flood(void)
{
	uint32_t process = 1 + take(1) % 4;

	for (uint32_t i = take(1) % 40; i > 0; i--)
		say(AGENT_STDIN, process, bytes, sizeof(bytes));
}

static struct program *some_program(void)
{
	return &programs[take(1) % 4];
}

static void step_output(void)
{
	struct program *program = some_program();
	uint32_t how = take(1);

	/* Of a terminal it is the first of its descriptors. */
	for (int i = 0; i < 3; i++)
		if (program->ends[i] >= 0 && how & 1U << i)
			(void)!write(program->ends[i], bytes, 1 + (how >> 3) * 64);
}

static void step_input(void)
{
	const struct program *program = some_program();
	char read_bytes[2048];

	if (program->ends[0] >= 0)
		(void)!read(program->ends[0], read_bytes, sizeof(read_bytes));
}

static void step_close(void)
{
	struct program *program = some_program();
	int *end = &program->ends[take(1) % 3];

	scope_fd(end);
	*end = -1;
}

static void step_end(void)
{
	struct program *program = some_program();
	uint32_t how = take(1);

	if (program->pid == 0)
		return;
	ended.pid = program->pid;
	ended.status = W_EXITCODE(how & 1 ? 0 : (int)how, how & 1 ? (int)(how >> 1) % 64 + 1 : 0);
	/* What it has begun may hold its streams open. */
	if (how & 2)
		close_program(program);
	else
		program->pid = 0;
	(void)pthread_kill(pthread_self(), SIGCHLD);
}

/* The time is over that others get behind the first program's end, or the host to hear it. */
static void step_time(void)
{
	if (agent.is_over || agent.tasks[0].state == TASK_ENDED)
		agent.farewell.expired(&agent.loop, &agent.farewell);
}

static void (*const steps[])(void) = {
	step_raw,    step_frame, step_frame, step_frame, step_exec, step_flood,
	step_output, step_input, step_close, step_end,	 step_time,
};

/* --- all of it ---------------------------------------------------------------------------------------------------- */

static void turn(void)
{
	struct err err = ERR_INIT;
	int turns = 0;

	while (!agent.loop.stop && loop_turn(&agent.loop, 0, &err) > 0)
		fuzz_want(++turns < TURNS, "the agent goes round and round");
}

static void finish(void)
{
	for (size_t i = 0; i < AGENT_TASKS_MAX; i++)
		if (agent.tasks[i].state != TASK_FREE)
			task_close(&agent.tasks[i]);
	for (unsigned i = 0; i < PROGRAMS; i++)
		close_program(&programs[i]);
	loop_forget(&agent.loop, &agent.channel);
	loop_timer_close(&agent.loop, &agent.farewell);
	loop_signals_close(&agent.loop, &agent.children);
	loop_close(&agent.loop);
	(void)close(agent.channel.fd);
	(void)close(host.fd);
}

static void run(void)
{
	struct err err = ERR_INIT;

	if (serve_open(&agent, &err) < 0)
		abort();
	if (take(1) & 1)
		begin_well();
	turn();
	for (int i = 0; i < STEPS && input.size > 0 && !agent.loop.stop; i++) {
		uint32_t what = take(1);

		steps[what % ARRAY_SIZE(steps)]();
		turn();
		/* Now and then the host does not listen. */
		if (what < 200)
			hear();
	}
	hear();
	fuzz_want(!agent.loop.stop || agent.loop.result == 0 || agent.failure.msg[0], "an end without words");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned before = fuzz_open_descriptors(MAX_OPEN);
	struct err err = ERR_INIT;
	int ends[2];

	(void)signal(SIGPIPE, SIG_IGN);
	input.data = data;
	input.size = size;
	memset(&agent, 0, offsetof(struct agent, wire));
	memset(bytes, 0, sizeof(bytes));
	memset(speakers, 0, sizeof(speakers));
	has_greeted = false;
	ended.pid = 0;
	for (unsigned i = 0; i < PROGRAMS; i++)
		programs[i] = (struct program){.ends = {-1, -1, -1}};
	if (sock_pair(ends, &err) < 0)
		abort();
	(void)fd_set_nonblock(ends[0], true);
	(void)fd_set_nonblock(ends[1], true);
	agent.channel.fd = ends[1];
	agent_wire_init(&host, ends[0], AGENT_SIDE_GUEST);
	run();
	finish();
	fuzz_want(fuzz_open_descriptors(MAX_OPEN) == before, "a descriptor is left");
	return 0;
}
