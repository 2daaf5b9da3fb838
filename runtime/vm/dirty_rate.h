/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much of its memory a guest writes in a time: the pages that its processors and its devices have written, each
 * once, however often that was. So much would have to be copied again by a snapshot or a migration that takes that
 * long.
 *
 * Devices are those that this process serves. What another writes for them is not seen: the host's kernel for a network
 * card (vhost-net), and the server of shared directories.
 */
#ifndef HULL_RUNTIME_VM_DIRTY_RATE_H
#define HULL_RUNTIME_VM_DIRTY_RATE_H

#include <stdint.h>

#include "runtime/base/err.h"
#include "runtime/base/json.h"
#include "runtime/base/loop.h"
#include "runtime/vm/machine.h"

#define DIRTY_RATE_MAX_MS 60000

enum dirty_rate_state {
	DIRTY_RATE_UNSTARTED,
	DIRTY_RATE_MEASURING,
	DIRTY_RATE_MEASURED,
	DIRTY_RATE_FAILED, /* `err` */
};

struct dirty_rate {
	struct machine *machine;
	struct loop_timer timer;
	enum dirty_rate_state state;
	uint64_t *bitmap; /* of the largest slot, while it is measured */
	uint64_t began_ns, took_ns, pages;
	struct err err;
};

/* All from the thread of the machine's loop. `rate` stays where it is; a zeroed one with its machine is ready. */

/*
 * Logs what is written, for `ms` milliseconds (1 to DIRTY_RATE_MAX_MS); the loop ends that by itself. While it is not
 * called, nothing is logged. -EBUSY: it is measured already; -EINVAL: the machine is paused, or the time is none.
 */
int dirty_rate_begin(struct dirty_rate *rate, uint64_t ms, struct err *err);
/*
 * Puts "status" ("measuring", "measured") into the answer, and what was measured: "milliseconds" and "bytes". -errno
 * with words: it failed, or nothing was measured.
 */
int dirty_rate_tell(const struct dirty_rate *rate, struct json_writer *answer, struct err *err);
/* Fine on a zeroed one. Before the machine is freed. */
void dirty_rate_close(struct dirty_rate *rate);

#endif
