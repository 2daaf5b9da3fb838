/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an instance uses and what runs in it, whatever it is that isolates it: one way in for `stats` and `top` of both.
 */
#ifndef HULL_RUNTIME_CORE_USAGE_H
#define HULL_RUNTIME_CORE_USAGE_H

#include "runtime/base/arena.h"
#include "runtime/base/err.h"
#include "runtime/core/processes.h"
#include "runtime/core/store.h"
#include "runtime/spec/guest.h"

struct usage {
	/*
	 * What the program and those beside it use, as the kernel counts it that they run on. Not known of a machine
	 * that is paused: nobody answers in it.
	 */
	bool is_known;
	struct guest_stats inside;
	/* What a machine as a whole takes of this host: monitor, processors, memory. */
	bool is_machine;
	struct cg_stat machine;
};

/*
 * Reads one that runs or is paused. Takes no lock. -ENOENT with words: there is none; -EINVAL with words: it does not
 * run. In the arena.
 */
int usage_read(const struct store *store, struct arena *arena, const char *id, struct usage *ret, struct err *err);

/* Its processes. The same errors. */
int usage_processes(const struct store *store, struct arena *arena, const char *id, process_rows *ret, struct err *err);

/* How much of its memory a machine's guest writes: the pages that were written in a time, each once. */
struct dirty_rate {
	uint64_t time_ms; /* that it was measured for */
	uint64_t bytes;
};

/*
 * Measures it for `time_ms`, and returns behind that. The same errors; -ENOTSUP: it is no machine, -EINVAL: it is
 * paused, or was meanwhile. `name` is what errors call it.
 */
int usage_dirty_rate(const struct store *store, struct arena *arena, const char *id, const char *name, uint64_t time_ms,
		     struct dirty_rate *ret, struct err *err);

#endif
