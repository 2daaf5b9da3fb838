/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the two halves of a process's plan share. Included by plan_process.c and plan_process_limits.c alone. */
#ifndef HULL_RUNTIME_SPEC_PLAN_PROCESS_PARTS_H
#define HULL_RUNTIME_SPEC_PLAN_PROCESS_PARTS_H

#include "runtime/spec/plan_parts.h"

/* What the parts of a process are made from. */
struct processing {
	struct arena *arena;
	const struct config_process *from;
	const struct plan_host *host;
	const struct idmap *map; /* uid_count 0: ids are the host's, or not known */
	bool set_groups_allowed;
	bool own_rights; /* in a user namespace all capabilities are there to be given */
	struct plan_process *to;
	struct strv *warnings;
};

/* The arena is out of memory: -ENOMEM with words. */
int plan_process_no_memory(const struct processing *w, struct err *err);

/* Resource limits, priorities, CPUs; and of `os` what linux says of the process: personality, memory policy. */
int plan_process_limits(struct processing *w, const struct config_linux *os, struct err *err);

#endif
