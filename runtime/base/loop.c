/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/base/loop.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "runtime/base/scope.h"

int loop_open(struct loop *loop, struct err *err)
{
	*loop = (struct loop){.epoll_fd = epoll_create1(EPOLL_CLOEXEC)};
	if (loop->epoll_fd < 0)
		return err_set(err, errno, "create an event loop");
	return 0;
}

void loop_close(struct loop *loop)
{
	scope_fd(&loop->epoll_fd);
	loop->epoll_fd = -1;
}

int loop_watch(struct loop *loop, struct loop_source *source, uint32_t epoll_events, struct err *err)
{
	struct epoll_event event = {.events = epoll_events, .data.ptr = source};

	if (epoll_ctl(loop->epoll_fd, source->registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, source->fd, &event) < 0)
		return err_set(err, errno, "watch descriptor %d", source->fd);
	source->registered = true;
	return 0;
}

void loop_forget(struct loop *loop, struct loop_source *source)
{
	if (!source->registered)
		return;
	(void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
	source->registered = false;
}

/* Forgets and closes a descriptor that the loop itself has made. */
static void source_close(struct loop *loop, struct loop_source *source)
{
	loop_forget(loop, source);
	scope_fd(&source->fd);
	source->fd = -1;
	source->ready = NULL;
}

static int source_open(struct loop *loop, struct loop_source *source, int fd,
		       void (*ready)(struct loop *, struct loop_source *, uint32_t), struct err *err)
{
	*source = (struct loop_source){.fd = fd, .ready = ready};

	int r = loop_watch(loop, source, EPOLLIN, err);

	if (r < 0)
		source_close(loop, source);
	return r;
}

static void timer_ready(struct loop *loop, struct loop_source *source, uint32_t epoll_events)
{
	struct loop_timer *timer = CONTAINER_OF(source, struct loop_timer, source);
	uint64_t times;

	(void)epoll_events;
	/* Nothing to read: another callback has set the timer anew since it expired. */
	if (read(source->fd, &times, sizeof(times)) != (ssize_t)sizeof(times))
		return;
	timer->expired(loop, timer);
}

int loop_timer_open(struct loop *loop, struct loop_timer *timer, struct err *err)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd < 0)
		return err_set(err, errno, "create a timer");
	return source_open(loop, &timer->source, fd, timer_ready, err);
}

int loop_timer_set(struct loop_timer *timer, uint64_t after_ms)
{
	struct itimerspec when = {
		.it_value = {.tv_sec = (time_t)(after_ms / 1000), .tv_nsec = (long)(after_ms % 1000) * 1000000},
	};

	return timerfd_settime(timer->source.fd, 0, &when, NULL) < 0 ? -errno : 0;
}

void loop_timer_close(struct loop *loop, struct loop_timer *timer)
{
	if (timer->source.ready == timer_ready)
		source_close(loop, &timer->source);
}

static void signals_ready(struct loop *loop, struct loop_source *source, uint32_t epoll_events)
{
	struct loop_signals *signals = CONTAINER_OF(source, struct loop_signals, source);
	struct signalfd_siginfo info;

	(void)epoll_events;
	/* One at a time: the callback may close the source, and the loop comes back for the others. */
	if (read(source->fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	signals->arrived(loop, signals, (int)info.ssi_signo);
}

/* Those of `set` that `before` does not have. */
static sigset_t without(const sigset_t *set, const sigset_t *before)
{
	sigset_t rest;

	sigemptyset(&rest);
	for (int signo = 1; signo < NSIG; signo++)
		if (sigismember(set, signo) == 1 && sigismember(before, signo) == 0)
			sigaddset(&rest, signo);
	return rest;
}

int loop_signals_open(struct loop *loop, struct loop_signals *signals, const sigset_t *set, struct err *err)
{
	sigset_t before;
	int fd, r;

	/* Blocked before the descriptor is there: what comes in between waits, and is read later. */
	if (sigprocmask(SIG_BLOCK, set, &before) < 0)
		return err_set(err, errno, "block signals");
	signals->newly_blocked = without(set, &before);
	fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
	r = fd < 0 ? err_set(err, errno, "create a signal descriptor")
		   : source_open(loop, &signals->source, fd, signals_ready, err);
	if (r < 0)
		(void)sigprocmask(SIG_UNBLOCK, &signals->newly_blocked, NULL);
	return r;
}

void loop_signals_close(struct loop *loop, struct loop_signals *signals)
{
	if (signals->source.ready != signals_ready)
		return;
	source_close(loop, &signals->source);
	(void)sigprocmask(SIG_UNBLOCK, &signals->newly_blocked, NULL);
}

/*
 * One event a call: with a batch, a callback could forget (and free) a source whose event has already been fetched. The
 * kernel hands out what is ready in turns, so nobody starves.
 */
int loop_turn(struct loop *loop, int timeout_ms, struct err *err)
{
	struct epoll_event event;
	int count = epoll_wait(loop->epoll_fd, &event, 1, timeout_ms);

	if (count < 0 && errno != EINTR)
		return err_set(err, errno, "wait for events");
	if (count > 0) {
		struct loop_source *source = event.data.ptr;

		source->ready(loop, source, event.events);
		if (loop->behind && !loop->stop)
			loop->behind(loop);
	}
	return count > 0;
}

int loop_run(struct loop *loop, struct err *err)
{
	int result = 0;

	while (!loop->stop && result >= 0)
		result = loop_turn(loop, -1, err);
	if (result < 0)
		return result;
	loop->stop = false;
	return loop->result;
}

void loop_stop(struct loop *loop, int result)
{
	loop->stop = true;
	loop->result = result;
}
