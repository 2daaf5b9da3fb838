/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/qemu_qmp.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "runtime/base/json.h"
#include "runtime/base/text.h"

static const struct {
	const char *words;
	enum qemu_reason reason;
} reasons[] = {
	{"guest-shutdown", QEMU_POWER_OFF}, {"guest-reset", QEMU_RESET},  {"guest-panic", QEMU_PANIC},
	{"host-signal", QEMU_QUIT},	    {"host-qmp-quit", QEMU_QUIT},
};

static void take_shutdown(const struct json *data, struct qemu_state *state)
{
	struct err ignored = ERR_INIT;
	const char *words = NULL;

	/* The shutdown that follows a panic is not the news. */
	if (state->reason == QEMU_PANIC || json_string(json_get(data, "reason"), &words, &ignored) < 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (strcmp(reasons[i].words, words) == 0)
			state->reason = reasons[i].reason;
}

static void take_panic(const struct json *data, struct qemu_state *state)
{
	(void)data;
	state->reason = QEMU_PANIC;
}

static void take_stop(const struct json *data, struct qemu_state *state)
{
	(void)data;
	state->paused = true;
}

static void take_resume(const struct json *data, struct qemu_state *state)
{
	(void)data;
	state->paused = false;
}

static void take_actual(const struct json *data, struct qemu_state *state)
{
	struct err ignored = ERR_INIT;

	(void)json_u64(json_get(data, "actual"), &state->actual_bytes, &ignored);
}

/* "... A20=1 SMM=0 HLT=1 ..." */
static void take_registers(const struct json *root, struct qemu_processors *processors)
{
	struct err ignored = ERR_INIT;
	const char *words;
	uint64_t id;

	if (json_u64(json_get(root, "id"), &id, &ignored) < 0 || id != processors->question ||
	    json_string(json_get(root, "return"), &words, &ignored) < 0)
		return;
	if (strstr(words, " HLT=1"))
		processors->halted++;
	else
		processors->running++;
}

/* While it is measured the answers tell nothing more. */
static void take_dirty_rate(const struct json *root, struct qemu_dirty_rate *rate)
{
	const struct json *answer = json_get(root, "return");
	struct err ignored = ERR_INIT;
	const char *id, *words;
	char wanted[32];

	(void)snprintf(wanted, sizeof(wanted), "dirty-rate %" PRIu32, rate->question);
	if (rate->state != QEMU_RATE_MEASURING || json_string(json_get(root, "id"), &id, &ignored) < 0 ||
	    strcmp(id, wanted) != 0)
		return;
	if (json_get(root, "error")) {
		words = NULL;
		(void)json_string(json_get(json_get(root, "error"), "desc"), &words, &ignored);
		text_escape(rate->words, sizeof(rate->words), text_is_empty(words) ? "it gives no reason" : words);
		rate->state = QEMU_RATE_FAILED;
	} else if (json_string(json_get(answer, "status"), &words, &ignored) >= 0 && strcmp(words, "measured") == 0 &&
		   json_u64(json_get(answer, "dirty-rate"), &rate->mib_per_second, &ignored) >= 0 &&
		   json_u64(json_get(answer, "calc-time"), &rate->seconds, &ignored) >= 0) {
		rate->state = QEMU_RATE_MEASURED;
	}
}

static const struct {
	const char *event;
	void (*take)(const struct json *data, struct qemu_state *state);
} events[] = {
	{"SHUTDOWN", take_shutdown}, {"GUEST_PANICKED", take_panic},  {"STOP", take_stop},
	{"RESUME", take_resume},     {"BALLOON_CHANGE", take_actual},
};

void qmp_take_line(const char *line, size_t len, struct qemu_state *state)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct err ignored = ERR_INIT;
	const struct json *root;
	const char *event;

	if (json_parse(&arena, line, len, "QMP", &root, &ignored) < 0)
		return;
	take_actual(json_get(root, "return"), state);
	take_registers(root, &state->processors);
	take_dirty_rate(root, &state->dirty_rate);
	if (json_string(json_get(root, "event"), &event, &ignored) < 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		if (strcmp(events[i].event, event) == 0)
			events[i].take(json_get(root, "data"), state);
}

int qmp_say(int fd, struct err *err, const char *fmt, ...)
{
	char words[256];
	va_list arguments;
	int len;

	va_start(arguments, fmt);
	len = vsnprintf(words, sizeof(words), fmt, arguments);
	va_end(arguments);
	return send(fd, words, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL) == len ? 0
										: err_set(err, EAGAIN, "speak to QEMU");
}
