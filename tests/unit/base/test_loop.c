/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/base/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/base/process.h"
#include "tests/unit/tap.h"

struct pipe_source {
	struct loop_source source;
	int write_fd;
	int times;
	struct pipe_source *other; /* forgotten and freed by the callback of whichever comes first */
};

static void pipe_open(struct pipe_source *pipe, void (*ready)(struct loop *, struct loop_source *, uint32_t))
{
	int fds[2] = {-1, -1};

	CHECK_INT(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	*pipe = (struct pipe_source){.source = {.fd = fds[0], .ready = ready}, .write_fd = fds[1]};
}

static void pipe_close(struct pipe_source *pipe)
{
	close(pipe->source.fd);
	close(pipe->write_fd);
}

static void count_byte(struct loop *loop, struct loop_source *source, uint32_t epoll_events)
{
	struct pipe_source *pipe = (struct pipe_source *)(void *)source;
	char byte;

	CHECK(epoll_events & (EPOLLIN | EPOLLHUP));
	if (read(source->fd, &byte, 1) != 1) {
		loop_stop(loop, 7);
		return;
	}
	pipe->times++;
}

static void test_level_triggered(void)
{
	struct loop loop;
	struct pipe_source pipe;
	struct err err = ERR_INIT;

	CHECK_INT(loop_open(&loop, &err), 0);
	pipe_open(&pipe, count_byte);
	CHECK_INT(loop_watch(&loop, &pipe.source, EPOLLIN, &err), 0);
	CHECK_INT(write(pipe.write_fd, "abc", 3), 3);
	close(pipe.write_fd);
	/* Three bytes, one a callback, and then the end. */
	CHECK_INT(loop_run(&loop, &err), 7);
	CHECK_INT(pipe.times, 3);
	CHECK_INT(err.code, 0);
	loop_forget(&loop, &pipe.source);
	loop_forget(&loop, &pipe.source);
	close(pipe.source.fd);
	loop_close(&loop);
}

static void forget_other(struct loop *loop, struct loop_source *source, uint32_t epoll_events)
{
	struct pipe_source *pipe = (struct pipe_source *)(void *)source;

	(void)epoll_events;
	if (!pipe->other) {
		loop_stop(loop, ++pipe->times);
		return;
	}
	pipe->times++;
	loop_forget(loop, &pipe->other->source);
	pipe_close(pipe->other);
	free(pipe->other);
	pipe->other = NULL;
}

/*
 * Both are ready; the first that is called frees the other, whose callback must then never come (the sanitizers watch).
 */
static void test_forget_from_callback(void)
{
	struct loop loop;
	struct pipe_source *first = malloc(sizeof(*first)), *second = malloc(sizeof(*second));

	CHECK_INT(loop_open(&loop, NULL), 0);
	pipe_open(first, forget_other);
	pipe_open(second, forget_other);
	first->other = second;
	second->other = first;
	CHECK_INT(loop_watch(&loop, &first->source, EPOLLIN, NULL), 0);
	CHECK_INT(loop_watch(&loop, &second->source, EPOLLIN, NULL), 0);
	CHECK_INT(write(first->write_fd, "x", 1), 1);
	CHECK_INT(write(second->write_fd, "x", 1), 1);
	CHECK_INT(loop_run(&loop, NULL), 2);
	/* Linux gives what became ready first; so the second is the one that is gone. */
	pipe_close(first);
	free(first);
	loop_close(&loop);
}

/* What was forgotten stays quiet though its descriptor is open and ready, and can be watched anew. */
static void test_forgotten_is_quiet(void)
{
	struct loop loop;
	struct pipe_source quiet, last;

	CHECK_INT(loop_open(&loop, NULL), 0);
	pipe_open(&quiet, count_byte);
	pipe_open(&last, count_byte);
	CHECK_INT(loop_watch(&loop, &quiet.source, EPOLLIN, NULL), 0);
	CHECK_INT(loop_watch(&loop, &last.source, EPOLLIN, NULL), 0);
	CHECK_INT(write(quiet.write_fd, "q", 1), 1);
	loop_forget(&loop, &quiet.source);
	close(last.write_fd);
	CHECK_INT(loop_run(&loop, NULL), 7);
	CHECK_INT(quiet.times, 0);

	loop_forget(&loop, &last.source);
	close(quiet.write_fd);
	CHECK_INT(loop_watch(&loop, &quiet.source, EPOLLIN, NULL), 0);
	CHECK_INT(loop_run(&loop, NULL), 7);
	CHECK_INT(quiet.times, 1);
	close(quiet.source.fd);
	close(last.source.fd);
	loop_close(&loop);
}

static void test_watch_changes_events(void)
{
	struct loop loop;
	struct pipe_source pipe;
	struct err err = ERR_INIT;

	CHECK_INT(loop_open(&loop, NULL), 0);
	pipe_open(&pipe, count_byte);
	CHECK_INT(loop_watch(&loop, &pipe.source, 0, &err), 0);
	CHECK_INT(loop_watch(&loop, &pipe.source, EPOLLIN, &err), 0);
	close(pipe.write_fd);
	CHECK_INT(loop_run(&loop, &err), 7);
	close(pipe.source.fd);
	pipe.source.registered = false;
	CHECK_INT(loop_watch(&loop, &pipe.source, EPOLLIN, &err), -EBADF);
	CHECK(*err.msg);
	CHECK(!pipe.source.registered);
	loop_close(&loop);
}

struct ticking {
	struct loop_timer timer;
	struct loop_timer *disarms;
	int times;
};

static void tick(struct loop *loop, struct loop_timer *timer)
{
	struct ticking *ticking = (struct ticking *)(void *)timer;

	if (++ticking->times == 3)
		loop_stop(loop, 0);
	else
		CHECK_INT(loop_timer_set(timer, 5), 0);
	if (ticking->disarms)
		CHECK_INT(loop_timer_set(ticking->disarms, 0), 0);
}

static void test_timer(void)
{
	struct loop loop;
	struct ticking ticking = {.timer.expired = tick}, never = {.timer.expired = tick};
	uint64_t begin_ns;

	CHECK_INT(loop_open(&loop, NULL), 0);
	CHECK_INT(loop_timer_open(&loop, &ticking.timer, NULL), 0);
	CHECK_INT(loop_timer_open(&loop, &never.timer, NULL), 0);
	ticking.disarms = &never.timer;
	begin_ns = proc_monotonic_ns();
	CHECK_INT(loop_timer_set(&ticking.timer, 20), 0);
	/* Far enough behind that a busy machine does not let it win. */
	CHECK_INT(loop_timer_set(&never.timer, 2000), 0);
	CHECK_INT(loop_run(&loop, NULL), 0);
	CHECK_INT(ticking.times, 3);
	CHECK_INT(never.times, 0);
	CHECK(proc_monotonic_ns() - begin_ns >= 30 * UINT64_C(1000000));
	loop_timer_close(&loop, &ticking.timer);
	loop_timer_close(&loop, &never.timer);
	CHECK_INT(ticking.timer.source.fd, -1);
	loop_close(&loop);
}

/* Closing what was never opened must not close descriptor 0. */
static void test_close_unopened(void)
{
	struct loop loop;
	struct loop_timer timer = {0};
	struct loop_signals signals = {0};

	CHECK_INT(loop_open(&loop, NULL), 0);
	loop_timer_close(&loop, &timer);
	loop_signals_close(&loop, &signals);
	CHECK(fcntl(0, F_GETFD) >= 0 || errno != EBADF);
	loop_close(&loop);
	loop_close(&loop);
}

struct counted_signals {
	struct loop_signals signals;
	int hup, usr1;
};

static void count_signal(struct loop *loop, struct loop_signals *signals, int signo)
{
	struct counted_signals *counted = (struct counted_signals *)(void *)signals;

	counted->hup += signo == SIGHUP;
	counted->usr1 += signo == SIGUSR1;
	if (counted->hup && counted->usr1)
		loop_stop(loop, 0);
}

static bool is_blocked(int signo)
{
	sigset_t mask;

	sigprocmask(SIG_SETMASK, NULL, &mask);
	return sigismember(&mask, signo);
}

static void test_signals(void)
{
	struct loop loop;
	struct counted_signals counted = {.signals.arrived = count_signal};
	sigset_t set, hup;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	sigemptyset(&hup);
	sigaddset(&hup, SIGHUP);
	sigprocmask(SIG_BLOCK, &hup, NULL);

	CHECK_INT(loop_open(&loop, NULL), 0);
	CHECK_INT(loop_signals_open(&loop, &counted.signals, &set, NULL), 0);
	CHECK(is_blocked(SIGUSR1));
	kill(getpid(), SIGHUP);
	kill(getpid(), SIGUSR1);
	CHECK_INT(loop_run(&loop, NULL), 0);
	CHECK_INT(counted.hup, 1);
	CHECK_INT(counted.usr1, 1);
	loop_signals_close(&loop, &counted.signals);
	CHECK(is_blocked(SIGHUP));
	CHECK(!is_blocked(SIGUSR1));
	sigprocmask(SIG_UNBLOCK, &hup, NULL);
	loop_close(&loop);
}

static void test_runs_again(void)
{
	struct loop loop;

	CHECK_INT(loop_open(&loop, NULL), 0);
	loop_stop(&loop, 3);
	CHECK_INT(loop_run(&loop, NULL), 3);
	loop_stop(&loop, 4);
	CHECK_INT(loop_run(&loop, NULL), 4);
	loop_close(&loop);
}

int main(void)
{
	/* A loop that does not end is a failure, not a test that hangs. */
	alarm(60);
	return TAP_RUN(TAP_CASE(test_level_triggered), TAP_CASE(test_forget_from_callback),
		       TAP_CASE(test_forgotten_is_quiet), TAP_CASE(test_watch_changes_events), TAP_CASE(test_timer),
		       TAP_CASE(test_close_unopened), TAP_CASE(test_signals), TAP_CASE(test_runs_again));
}
