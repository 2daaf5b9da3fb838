// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/relay.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "namespaces/tty.h"
#include "runtime/base/fd.h"
#include "runtime/base/loop.h"
#include "runtime/base/process.h"
#include "runtime/base/scope.h"

/*
 * Others may hold the terminal when the process has ended: what it wrote itself is read within this time, theirs is not
 * waited for.
 */
#define DRAIN_MS 200

static const int passed_on[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

/* These are about this command: its own faults, children and terminal. The window's size goes through the terminal. */
static const int not_passed_on[] = {SIGCHLD, SIGWINCH, SIGTTIN, SIGTTOU, SIGPIPE, SIGSEGV,
				    SIGBUS,  SIGILL,   SIGFPE,	SIGTRAP, SIGSYS,  SIGABRT};

static void choose_signals(bool all, sigset_t *ret)
{
	(void)(all ? sigfillset(ret) : sigemptyset(ret));
	for (size_t i = 0; all && i < ARRAY_SIZE(not_passed_on); i++)
		(void)sigdelset(ret, not_passed_on[i]);
	for (size_t i = 0; !all && i < ARRAY_SIZE(passed_on); i++)
		(void)sigaddset(ret, passed_on[i]);
}

struct relaying {
	struct loop loop;
	struct loop_signals signals;
	struct loop_source end; /* the pidfd */
	struct loop_timer drain;
	struct tty_relay terminal;
	struct tty_keys keys;
	int pidfd;
	bool has_ended, relays, detached;
};

/* Over when the process has ended and its last words are out. */
static void stop_when_done(struct relaying *relaying)
{
	if (relaying->detached || (relaying->has_ended && !relaying->relays))
		loop_stop(&relaying->loop, 0);
}

static void process_ended(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct relaying *relaying = CONTAINER_OF(source, struct relaying, end);

	(void)events;
	loop_forget(loop, source);
	relaying->has_ended = true;
	if (relaying->relays)
		(void)loop_timer_set(&relaying->drain, DRAIN_MS);
	stop_when_done(relaying);
}

static void drain_expired(struct loop *loop, struct loop_timer *timer)
{
	(void)timer;
	loop_stop(loop, 0);
}

static void terminal_ended(struct loop *loop, struct tty_relay *relay, enum tty_end how)
{
	struct relaying *relaying = relay->request.user;

	(void)loop;
	relaying->relays = false;
	relaying->detached = how == TTY_END_DETACHED;
	/* Nobody reads any more: the program is told as it would be by a terminal whose line drops. */
	if (how == TTY_END_OUTPUT)
		(void)proc_signal(relaying->pidfd, SIGHUP);
	stop_when_done(relaying);
}

static void signal_arrived(struct loop *loop, struct loop_signals *signals, int signo)
{
	struct relaying *relaying = CONTAINER_OF(signals, struct relaying, signals);

	(void)loop;
	(void)proc_signal(relaying->pidfd, signo);
}

static int watch_process(struct relaying *relaying, bool all_signals, struct err *err)
{
	sigset_t set;
	int result;

	choose_signals(all_signals, &set);
	relaying->signals.arrived = signal_arrived;
	relaying->drain.expired = drain_expired;
	relaying->end = (struct loop_source){.fd = relaying->pidfd, .ready = process_ended};
	result = loop_signals_open(&relaying->loop, &relaying->signals, &set, err);
	if (result >= 0)
		result = loop_timer_open(&relaying->loop, &relaying->drain, err);
	if (result >= 0)
		result = loop_watch(&relaying->loop, &relaying->end, EPOLLIN, err);
	return result;
}

static int relay_terminal(struct relaying *relaying, const struct relay_request *request, struct tty_saved *saved,
			  struct err *err)
{
	bool types = request->interactive && isatty(STDIN_FILENO);
	struct tty_relay_request terminal = {
		.master = request->running->terminal,
		.input = request->interactive ? STDIN_FILENO : -1,
		.output = STDOUT_FILENO,
		.size_from = isatty(STDIN_FILENO)    ? STDIN_FILENO
			     : isatty(STDOUT_FILENO) ? STDOUT_FILENO
						     : -1,
		.keys = types ? &relaying->keys : NULL,
		.ended = terminal_ended,
		.user = relaying,
	};
	int result =
		tty_keys_parse(request->detach_keys ? request->detach_keys : TTY_KEYS_DEFAULT, &relaying->keys, err);

	if (result >= 0 && types)
		result = tty_raw(STDIN_FILENO, saved, err);
	if (result >= 0)
		result = tty_relay_start(&relaying->loop, &relaying->terminal, &terminal, err);
	relaying->relays = result >= 0;
	return result;
}

static int run_loop(struct relaying *relaying, const struct relay_request *request, struct err *err)
{
	CLEANUP_TTY struct tty_saved saved = TTY_SAVED_INIT;
	int result = watch_process(relaying, request->all_signals, err);

	if (result >= 0 && request->running->terminal >= 0)
		result = relay_terminal(relaying, request, &saved, err);
	if (result >= 0)
		result = loop_run(&relaying->loop, err);
	if (relaying->relays)
		tty_relay_stop(&relaying->loop, &relaying->terminal);
	loop_signals_close(&relaying->loop, &relaying->signals);
	loop_timer_close(&relaying->loop, &relaying->drain);
	return result;
}

/*
 * Holds the terminal of a process that its user has left, and drops what comes: were the master closed, the process
 * would be hung up; were it not read, it would wait. Until nobody has the other end open.
 */
static __attribute__((noreturn)) void hold_terminal(int master)
{
	struct err ignored = ERR_INIT;
	struct pollfd readable = {.fd = 0, .events = POLLIN};
	char dropped[4096];

	(void)setsid();
	/* The caller's streams are not kept open: who reads them waits for their end. */
	if (fd_place(master, STDIN_FILENO) < 0 || fd_close_from(STDIN_FILENO + 1, &ignored) < 0)
		_exit(1);
	while (poll(&readable, 1, -1) > 0)
		if (read(STDIN_FILENO, dropped, sizeof(dropped)) <= 0 && errno != EAGAIN && errno != EINTR)
			break;
	_exit(0);
}

static int leave(const struct relay_request *request, struct err *err)
{
	pid_t holder;

	/*
	 * When this command ends, the user's session may: that must not reach the holder before it has one of its own.
	 */
	(void)signal(SIGHUP, SIG_IGN);
	holder = proc_clone(&(struct proc_clone){.cgroup_fd = -1});
	if (holder == 0)
		hold_terminal(request->running->terminal);
	return holder < 0 ? err_set(err, -holder, "leave the process running") : 0;
}

int relay_run(const struct relay_request *request, struct err *err)
{
	struct relaying relaying = {.pidfd = request->running->pidfd, .signals.source.fd = -1, .drain.source.fd = -1};
	int result = loop_open(&relaying.loop, err), status;

	if (result < 0)
		return result;
	result = run_loop(&relaying, request, err);
	loop_close(&relaying.loop);
	if (relaying.detached)
		return leave(request, err);
	if (result < 0)
		return result;
	result = proc_wait(request->running->pid, &status);
	return result < 0 ? err_set(err, -result, "wait for the process") : proc_exit_code(status);
}
