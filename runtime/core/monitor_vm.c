// SPDX-License-Identifier: GPL-2.0-or-later
/* What is asked of a machine's monitor: its control socket speaks the words of runtime/vm/control.h. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/json.h"
#include "runtime/base/process.h"
#include "runtime/base/socket.h"
#include "runtime/core/backend_parts.h"
#include "runtime/core/control.h"
#include "runtime/core/usage.h"

#define ANSWER_TIMEOUT_MS 5000
#define ANSWER_BYTES	  4096
#define MEASURED_LATE_MS  30000 /* how much longer than asked a measurement may take on a busy host */
#define LOOK_AGAIN_MS	  20
#define LONGEST_LOOK_MS	  500 /* how long it may go unnoticed that the machine has ended */

/* --- A line, and its answer --------------------------------------------------------------------------------------- */

static int read_line(int fd, char *to, size_t room, struct err *err)
{
	uint64_t until_ns = proc_monotonic_ns() + (uint64_t)ANSWER_TIMEOUT_MS * 1000000, now_ns;
	size_t len = 0;

	while ((now_ns = proc_monotonic_ns()) < until_ns && len < room) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		ssize_t got;

		if (poll(&ready, 1, (int)((until_ns - now_ns) / 1000000) + 1) <= 0)
			continue;
		got = recv(fd, to + len, room - len, MSG_DONTWAIT);
		if (got == 0)
			return err_say(err, ECONNRESET, "the machine has ended");
		len += got > 0 ? (size_t)got : 0;
		if (len > 0 && to[len - 1] == '\n')
			return (int)len;
	}
	return err_say(err, ETIMEDOUT, "the machine's monitor does not answer");
}

static int connect_monitor(int state_fd, struct err *err)
{
	int fd = sock_connect(state_fd, CONTROL_SOCKET, err);

	return fd == -ENOENT || fd == -ECONNREFUSED ? err_say(err, ECONNRESET, "the machine has ended") : fd;
}

int vm_control(int state_fd, struct arena *arena, const char *line, const struct json **ret, struct err *err)
{
	CLEANUP_FD int fd = connect_monitor(state_fd, err);
	char *answer = arena_alloc(arena, ANSWER_BYTES);
	const char *failure;
	bool ok = false;
	int result = fd < 0 ? fd : answer ? fd_write_all(fd, line, strlen(line)) : arena_check(arena, err);

	if (result >= 0)
		result = read_line(fd, answer, ANSWER_BYTES, err);
	if (result >= 0)
		result = json_parse(arena, answer, (size_t)result, "the monitor's answer", ret, err);
	if (result >= 0)
		result = json_bool(json_get(*ret, "ok"), &ok, err);
	if (result >= 0 && !ok)
		result = json_string(json_get(*ret, "error"), &failure, err) < 0 ? -EIO
										 : err_say(err, EIO, "%s", failure);
	return result < 0 ? err_wrap(err, "the machine's monitor") : 0;
}

void vm_thawed(const struct instance *instance)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct err ignored = ERR_INIT;
	const struct json *answer;

	(void)vm_control(instance->state_fd, &arena, "resume\n", &answer, &ignored);
}

/* --- How much a guest writes -------------------------------------------------------------------------------------- */

static int begin_measuring(int state_fd, uint64_t time_ms, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const struct json *answer;
	char words[48];

	(void)snprintf(words, sizeof(words), "dirty-rate %" PRIu64 "\n", time_ms);
	return vm_control(state_fd, &arena, words, &answer, err);
}

/* 1: it is measured. */
static int look(int state_fd, struct dirty_rate *ret, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const struct json *answer;
	const char *status;
	int result = vm_control(state_fd, &arena, "dirty-rate\n", &answer, err);

	if (result >= 0)
		result = json_string(json_get(answer, "status"), &status, err);
	if (result < 0 || strcmp(status, "measured") != 0)
		return result;
	result = json_u64(json_get(answer, "milliseconds"), &ret->time_ms, err);
	if (result >= 0)
		result = json_u64(json_get(answer, "bytes"), &ret->bytes, err);
	return result < 0 ? result : 1;
}

/* The monitor of one that was paused stands still, too, and answers nothing. */
static int check_not_paused(const struct store *store, const char *id, const char *name, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct control_view view;
	struct err ignored = ERR_INIT;

	/* One that is gone is noticed where its monitor is asked. */
	if (control_look(store, &arena, id, true, &view, &ignored) < 0 || view.now.status != RECORD_PAUSED)
		return 0;
	return err_say(err, EINVAL, "container '%s' was paused while it was measured: 'hull unpause %s', and try again",
		       name, name);
}

/* Who is interrupted meanwhile leaves nothing behind: a measurement ends by itself. */
int vm_dirty_rate(const struct store *store, const struct control_view *view, const char *name, uint64_t time_ms,
		  struct dirty_rate *ret, struct err *err)
{
	CLEANUP_FD int folder = -1;
	uint64_t until_ns = proc_monotonic_ns() + (time_ms + MEASURED_LATE_MS) * 1000000, left_ms = time_ms, wait_ms;
	int result, paused = 0;

	if (view->now.status == RECORD_PAUSED)
		return err_say(err, EINVAL, "container '%s' is paused, and writes nothing: 'hull unpause %s' first",
			       name, name);
	folder = store_find(store, view->record.id, err);
	result = folder < 0 ? folder : begin_measuring(folder, time_ms, err);
	while (result == 0 && paused == 0 && proc_monotonic_ns() < until_ns) {
		wait_ms = left_ms > LONGEST_LOOK_MS ? LONGEST_LOOK_MS : left_ms;
		left_ms -= wait_ms;
		(void)poll(NULL, 0, (int)wait_ms + (left_ms > 0 ? 0 : LOOK_AGAIN_MS));
		paused = check_not_paused(store, view->record.id, name, err);
		if (paused == 0)
			result = look(folder, ret, err);
	}
	/* Or just before it was to answer. */
	if (result == -ETIMEDOUT)
		paused = check_not_paused(store, view->record.id, name, err);
	if (paused < 0)
		return paused;
	if (result == 0)
		return err_say(err, ETIMEDOUT, "the machine's monitor is measuring for longer than it should");
	return result < 0 ? result : 0;
}
