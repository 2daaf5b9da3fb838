/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hull-keeper: keeps one running instance. It reads the program's output (to the log, and to attached clients), holds
 * its terminal or standard input, sees its end, writes that down, and then becomes the command that takes the instance
 * back. Started by keeper_exec().
 *
 * It may be killed at any time: the program has a reading end of its output itself and goes on (a terminal has another
 * holder: keeper_hold.h), and the next hull command starts a keeper that goes on reading.
 */
#include "runtime/core/keeper.h"

#include <endian.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"
#include "runtime/core/exit_file.h"
#include "runtime/core/fault.h"
#include "runtime/core/keeper_hold.h"
#include "runtime/vm/remains.h"

/* At the end: how long a client may take over the rest. One that takes over may take as long as it likes. */
#define PATIENCE_MS 10000
/* How long an adopted program may stay a zombie: whoever reaps it may be late. */
#define REAP_WAIT_MS  2000
#define REAP_SLICE_US 10000

static struct keeper keeper; /* zeroed, and touched only where it is used */

/* --- Arguments --- */

static const struct argument {
	const char *key;
	enum { WORDS, NUMBER, SIZE, SWITCH } kind;
	size_t at;
} arguments[] = {
	{"id", WORDS, offsetof(struct keeper_args, id)},
	{"pid", NUMBER, offsetof(struct keeper_args, pid)},
	{"child", SWITCH, offsetof(struct keeper_args, child)},
	{"pidfd", NUMBER, offsetof(struct keeper_args, pidfd)},
	{"state", NUMBER, offsetof(struct keeper_args, state)},
	{"data", NUMBER, offsetof(struct keeper_args, data)},
	{"stdout", NUMBER, offsetof(struct keeper_args, stdout_fd)},
	{"stderr", NUMBER, offsetof(struct keeper_args, stderr_fd)},
	{"stdin", NUMBER, offsetof(struct keeper_args, stdin_fd)},
	{"tty", NUMBER, offsetof(struct keeper_args, tty)},
	{"client", NUMBER, offsetof(struct keeper_args, client)},
	{"listen", NUMBER, offsetof(struct keeper_args, listen)},
	{"remains", NUMBER, offsetof(struct keeper_args, remains)},
	{"log_max_bytes", SIZE, offsetof(struct keeper_args, log_max_bytes)},
	{"log_files", NUMBER, offsetof(struct keeper_args, log_files)},
};

static int set_argument(struct keeper_args *args, const struct argument *argument, const char *words)
{
	char *field = (char *)args + argument->at;
	uint32_t number = 0;
	int r = 0;

	if (argument->kind == WORDS) {
		memcpy(field, &words, sizeof(words));
		return 0;
	}
	if (argument->kind == SIZE)
		return text_u64(words, (uint64_t *)(void *)field);
	r = text_u32(words, &number);
	if (r < 0 || number > INT32_MAX)
		return -EINVAL;
	if (argument->kind == SWITCH)
		*(bool *)field = number != 0;
	else
		*(int32_t *)(void *)field = (int32_t)number;
	return 0;
}

static int take_argument(struct keeper_args *args, const char *words, struct err *err)
{
	const char *equals = strchr(words, '=');

	for (size_t i = 0; equals && i < ARRAY_SIZE(arguments); i++) {
		const char *key = arguments[i].key;

		if (strncmp(words, key, strlen(key)) == 0 && words + strlen(key) == equals) {
			int r = set_argument(args, &arguments[i], equals + 1);

			return r < 0 ? err_set(err, -r, "argument '%s'", words) : 0;
		}
	}
	return err_say(err, EINVAL, "argument '%s' is not known", words);
}

static int take_arguments(struct keeper_args *args, int argc, char **argv, struct err *err)
{
	int i = 1;

	*args = (struct keeper_args){
		.pidfd = -1,
		.state = -1,
		.data = -1,
		.stdout_fd = -1,
		.stderr_fd = -1,
		.stdin_fd = -1,
		.tty = -1,
		.client = -1,
		.listen = -1,
		.remains = -1,
	};
	for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
		int r = take_argument(args, argv[i], err);

		if (r < 0)
			return r;
	}
	if (i + 1 >= argc || argv[i + 1][0] != '/')
		return err_say(err, EINVAL, "no program for the end: expected '--' and an absolute path");
	args->unmake = argv + i + 1;
	if (!args->id || args->pid <= 0 || args->pidfd < 0 || args->state < 0 || args->listen < 0)
		return err_say(err, EINVAL, "id, pid, pidfd, state and listen are needed");
	return 0;
}

/* --- The program's end --- */

/*
 * The wait status of an adopted program. While it is a zombie /proc tells it, however late it is reaped: what was read
 * was of this process if a signal still finds it afterwards. Then newer kernels keep it for those who hold a pidfd. 0
 * or -errno.
 */
static int adopted_status(int *ret_status)
{
	int zombie, r;

	if (proc_zombie_status(keeper.args.pid, &zombie) == 0 && proc_signal(keeper.args.pidfd, 0) == 0) {
		*ret_status = zombie;
		return 0;
	}
	r = proc_exit_info(keeper.args.pidfd, ret_status);
	for (unsigned waited_us = 0; r == -EAGAIN && waited_us < REAP_WAIT_MS * 1000; waited_us += REAP_SLICE_US) {
		(void)usleep(REAP_SLICE_US);
		r = proc_exit_info(keeper.args.pidfd, ret_status);
	}
	return r;
}

/*
 * As printable ASCII from `lowest` on. What the monitor says may be its guest's, also where it is ended by nothing: it
 * must make no line and move no cursor.
 */
static void take_words(char *to, size_t room, const char *from, char lowest)
{
	size_t len = 0;

	for (; len + 1 < room && from[len]; len++)
		to[len] = from[len] < lowest || from[len] > '~' ? '?' : from[len];
	to[len] = '\0';
}

/* Nothing comes with this message, and it may be taken out. A monitor that was killed has left none. */
static void hear_last_words(struct exit_file *exit)
{
	struct last_words heard;
	char mark;

	if (keeper.args.remains < 0)
		return;
	if (recv(keeper.args.remains, &mark, 1, MSG_PEEK | MSG_DONTWAIT) == 1) {
		if (mark != LAST_WORDS_MARK ||
		    recv(keeper.args.remains, &heard, sizeof(heard), MSG_DONTWAIT) != sizeof(heard))
			return;
		take_words(exit->cause, sizeof(exit->cause), heard.cause, '!');
		take_words(exit->words, sizeof(exit->words), heard.words, ' ');
	} else if (exit->signal) {
		(void)snprintf(exit->cause, sizeof(exit->cause), CAUSE_MONITOR);
		(void)snprintf(exit->words, sizeof(exit->words), "the machine's monitor was killed by signal %d (%s)",
			       exit->signal, proc_signal_name(exit->signal));
	}
}

/*
 * A machine's monitor has left word of it. Peeked at: taken out, the descriptors that came along would be this
 * process's to close, now.
 */
static bool guest_ran_out_of_memory(void)
{
	char word = REMAINS_NOTHING;

	return keeper.args.remains >= 0 && recv(keeper.args.remains, &word, 1, MSG_PEEK | MSG_DONTWAIT) == 1 &&
	       word == REMAINS_OOM;
}

static struct exit_file find_exit(void)
{
	struct exit_file exit = {.finished_ns = proc_now_ns()};
	int status = 0;
	int r = keeper.args.child ? proc_wait(keeper.args.pid, &status) : adopted_status(&status);

	if (r < 0 || proc_exit_code(status) < 0)
		return exit;
	exit.known = true;
	exit.code = proc_exit_code(status);
	exit.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	hear_last_words(&exit);
	exit.oom = guest_ran_out_of_memory();
	return exit;
}

/*
 * The order matters. The status first: a zombie is nobody's memory. Then what the outputs still hold, so that whoever
 * sees the exit file finds the log complete. Then the exit file; only then may anybody be told.
 */
static void process_ended(struct loop *loop, struct loop_source *source, uint32_t epoll_events)
{
	struct exit_file exit = find_exit();
	struct attach_exit words = {
		.known = htole32(exit.known),
		.code = (int32_t)htole32((uint32_t)exit.code),
		.signal = (int32_t)htole32((uint32_t)exit.signal),
	};

	(void)epoll_events;
	loop_forget(loop, source);
	keeper.has_ended = true;
	keeper.rest_fd = memfd_create("rest", MFD_CLOEXEC);
	keeper_output_drain(&keeper);
	if (fault_point("keeper", "exit", NULL) < 0)
		_exit(1);
	(void)exit_file_write(keeper.args.state, &exit, NULL);
	keeper_rest_add(&keeper, ATTACH_EXIT, &words, sizeof(words));
	(void)loop_timer_set(&keeper.patience, PATIENCE_MS);
}

static void patience_ended(struct loop *loop, struct loop_timer *timer)
{
	(void)loop, (void)timer;
	keeper_clients_hurry(&keeper);
}

/* What an event has changed for one part can let another go on. */
static void behind_event(struct loop *loop)
{
	(void)loop;
	keeper_clients_resume(&keeper);
	if (keeper.has_ended)
		keeper_clients_finish(&keeper);
	else
		keeper_output_update(&keeper);
}

/*
 * Becomes the command that takes the instance back. Returns only when that could not be executed: then the next hull
 * command does it.
 */
static void unmake(void)
{
	proc_reset_signals();
	if (fault_point("keeper", "unmake", NULL) == 0)
		(void)execv(keeper.args.unmake[0], keeper.args.unmake);
}

/* --- main --- */

/* It is told of nothing by signals, and ends with its program only. */
static void ignore_signals(void)
{
	static const int ignored[] = {SIGPIPE, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM};

	/* What the engine may have left blocked or handled. SIGCHLD must be the default, else no status is kept. */
	proc_reset_signals();
	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		(void)signal(ignored[i], SIG_IGN);
}

static int open_all(struct err *err)
{
	int r = fd_cloexec_from(3, err);

	if (r < 0)
		return r;
	/* No file system must stay busy because of us. */
	if (chdir("/") < 0)
		return err_set(err, errno, "change to /");
	r = loop_open(&keeper.loop, err);
	if (r < 0)
		return r;
	keeper.loop.behind = behind_event;
	keeper.patience.expired = patience_ended;
	keeper.process = (struct loop_source){.fd = keeper.args.pidfd, .ready = process_ended};
	r = loop_timer_open(&keeper.loop, &keeper.patience, err);
	if (r < 0)
		return r;
	r = keeper_input_open(&keeper, err);
	if (r < 0)
		return r;
	/* Clients before output: nothing is read that the first one might miss. */
	r = keeper_clients_open(&keeper, err);
	if (r < 0)
		return r;
	r = keeper_output_open(&keeper, err);
	return r < 0 ? r : loop_watch(&keeper.loop, &keeper.process, EPOLLIN, err);
}

int main(int argc, char **argv)
{
	struct err err = ERR_INIT;
	int r;

	log_setup("hull-keeper", -1, LOG_FORMAT_TEXT, LOG_LEVEL_ERROR);
	ignore_signals();
	if (argc > 1 && strcmp(argv[1], KEEPER_HOLD) == 0) {
		r = keeper_hold(argc, argv, &err);
		if (r < 0)
			log_err(&err);
		return r < 0;
	}
	keeper.rest_fd = -1;
	r = take_arguments(&keeper.args, argc, argv, &err);
	if (r == 0)
		r = fault_point("keeper", "start", &err);
	if (r == 0)
		r = open_all(&err);
	if (r == 0)
		r = loop_run(&keeper.loop, &err);
	if (r < 0) {
		log_err(&err);
		return 1;
	}
	if (keeper_clients_take_over(&keeper))
		return 0;
	unmake();
	return 1;
}
