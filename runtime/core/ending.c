// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/ending.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/process.h"
#include "runtime/base/scope.h"
#include "runtime/core/exit_file.h"

/*
 * A keeper that has seen the end writes it down at once; one that does not within this time is stuck, and is not waited
 * for.
 */
#define KEEPER_WRITES_MS 2000

static bool is_written(int state_fd)
{
	struct exit_file seen;

	return exit_file_read(state_fd, &seen) == 0;
}

/* Waits for the file to appear, or for the keeper to be gone, whichever is first. */
static void wait_for_exit_file(const struct record *record, int state_fd)
{
	CLEANUP_FD int keeper = proc_open(record->keeper.pid, record->keeper.start_ticks);
	CLEANUP_FD int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	uint64_t end_ns = proc_monotonic_ns() + (uint64_t)KEEPER_WRITES_MS * 1000000;
	struct fd_name folder = fd_name(state_fd);
	char events[4096];

	if (keeper < 0 || watch < 0 || inotify_add_watch(watch, folder.path, IN_MOVED_TO | IN_DELETE_SELF) < 0)
		return;
	/* Watched first, looked then: nothing falls in between. */
	while (!is_written(state_fd)) {
		struct pollfd both[] = {{.fd = keeper, .events = POLLIN}, {.fd = watch, .events = POLLIN}};
		int64_t left_ms = ((int64_t)end_ns - (int64_t)proc_monotonic_ns()) / 1000000;

		if (left_ms <= 0 || (poll(both, 2, (int)left_ms) <= 0 && errno != EINTR) || both[0].revents)
			return;
		(void)!read(watch, events, sizeof(events));
	}
}

int ending_wait(const struct record *record, int state_fd, int64_t timeout_ms, struct err *err)
{
	CLEANUP_FD int pidfd = -1;
	int wait_ms = timeout_ms < 0 ? -1 : timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms;
	int result;

	if (record->status == RECORD_STOPPED)
		return 0;
	pidfd = proc_open(record->init.pid, record->init.start_ticks);
	result = pidfd < 0 ? pidfd : proc_wait_end(pidfd, wait_ms);
	if (result == -ETIMEDOUT)
		return err_say(err, ETIMEDOUT, "container '%s' did not end within %lld ms", record->id,
			       (long long)timeout_ms);
	if (result < 0 && result != -ESRCH)
		return err_set(err, -result, "wait for container '%s'", record->id);
	if (record->data_dir)
		wait_for_exit_file(record, state_fd);
	return 0;
}
