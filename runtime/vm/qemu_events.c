/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QMP, as far as it is listened to: which event says how the machine ended. */
#include <string.h>

#include "runtime/base/json.h"
#include "runtime/vm/qemu.h"

static const struct {
	const char *words;
	enum qemu_reason reason;
} reasons[] = {
	{"guest-shutdown", QEMU_POWER_OFF}, {"guest-reset", QEMU_RESET},  {"guest-panic", QEMU_PANIC},
	{"host-signal", QEMU_QUIT},	    {"host-qmp-quit", QEMU_QUIT},
};

void qemu_take_line(const char *line, size_t len, enum qemu_reason *reason)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct err ignored = ERR_INIT;
	const struct json *root;
	const char *event = NULL, *words = NULL;

	if (json_parse(&arena, line, len, "QMP", &root, &ignored) < 0 ||
	    json_string(json_get(root, "event"), &event, &ignored) < 0)
		return;
	if (strcmp(event, "GUEST_PANICKED") == 0)
		*reason = QEMU_PANIC;
	if (strcmp(event, "SHUTDOWN") != 0 || *reason == QEMU_PANIC ||
	    json_string(json_get(json_get(root, "data"), "reason"), &words, &ignored) < 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (strcmp(reasons[i].words, words) == 0)
			*reason = reasons[i].reason;
}
