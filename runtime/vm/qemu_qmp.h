/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QMP, as far as it is spoken: a few commands without waiting for their answers, and what QEMU says of its machine. */
#ifndef HULL_RUNTIME_VM_QEMU_QMP_H
#define HULL_RUNTIME_VM_QEMU_QMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"

/* How QEMU said that its guest ended. */
enum qemu_reason {
	QEMU_UNKNOWN,	/* it did not say */
	QEMU_POWER_OFF, /* the guest powered off */
	QEMU_RESET,	/* the guest reset the machine: what a kernel does that panics, and what a triple fault does */
	QEMU_PANIC,
	QEMU_QUIT, /* it was told to, or killed */
};

/*
 * A question to each processor, whether it has halted, and what was answered so far. The number makes sure that it is
 * answers to the last question that are counted.
 */
struct qemu_processors {
	uint32_t question;
	unsigned halted, running;
};

/* A measurement of what the guest writes, and what came of it. The number is as above. */
struct qemu_dirty_rate {
	uint32_t question;
	enum { QEMU_RATE_UNSTARTED, QEMU_RATE_MEASURING, QEMU_RATE_MEASURED, QEMU_RATE_FAILED } state;
	uint64_t seconds, mib_per_second; /* measured */
	char words[128];		  /* failed */
};

/* The machine, as QEMU has told of it so far. */
struct qemu_state {
	enum qemu_reason reason;
	bool paused;
	struct qemu_processors processors;
	struct qemu_dirty_rate dirty_rate;
	uint64_t actual_bytes; /* the guest's memory less what its balloon has taken; 0: not told yet */
};

/*
 * Reads one line of QMP: events, and answers to QMP_BALLOON_QUERY, QMP_PROCESSOR and of QMP_DIRTY_RATE*. Lines that are
 * none are ignored, and so are other answers.
 */
void qmp_take_line(const char *line, size_t len, struct qemu_state *state);

/* Without this one QEMU sends no events. */
#define QMP_GREETING	  "{\"execute\":\"qmp_capabilities\"}\n"
#define QMP_PAUSE	  "{\"execute\":\"stop\"}\n"
#define QMP_RESUME	  "{\"execute\":\"cont\"}\n"
#define QMP_QUIT	  "{\"execute\":\"quit\"}\n"
#define QMP_BALLOON_QUERY "{\"execute\":\"query-balloon\"}\n"
#define QMP_BALLOON	  "{\"execute\":\"balloon\",\"arguments\":{\"value\":%" PRIu64 "}}\n"
/* Question number, processor. */
#define QMP_PROCESSOR                                            \
	"{\"execute\":\"human-monitor-command\",\"id\":%" PRIu32 \
	",\"arguments\":{\"command-line\":\"info registers\",\"cpu-index\":%u}}\n"
/* Question number, seconds (1 to 60). As many samples as QEMU takes: 4096 pages of each GiB. */
#define QMP_DIRTY_RATE_ID "\"id\":\"dirty-rate %" PRIu32 "\""
#define QMP_DIRTY_RATE                                                                                 \
	"{\"execute\":\"calc-dirty-rate\"," QMP_DIRTY_RATE_ID ",\"arguments\":{\"calc-time\":%" PRIu64 \
	",\"sample-pages\":4096}}\n"
#define QMP_DIRTY_RATE_QUERY "{\"execute\":\"query-dirty-rate\"," QMP_DIRTY_RATE_ID "}\n"
/* The machine begins anew, which a guest of its own accord cannot have (-no-reboot). */
#define QMP_RESET                                                             \
	"{\"execute\":\"set-action\",\"arguments\":{\"reboot\":\"reset\"}}\n" \
	"{\"execute\":\"system_reset\"}\n"                                    \
	"{\"execute\":\"set-action\",\"arguments\":{\"reboot\":\"shutdown\"}}\n"

/* Says one of these. Never waits: -EAGAIN with words when QEMU does not listen. */
int qmp_say(int fd, struct err *err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
