/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processes as /proc shows them: read where they run, and told to who runs elsewhere. */
#ifndef HULL_RUNTIME_CORE_PROCESSES_H
#define HULL_RUNTIME_CORE_PROCESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "runtime/spec/fields.h"

struct process_row {
	int32_t host_pid; /* 0: it is no process of this host's */
	uint32_t uid;
	uint32_t pid; /* inside: the innermost of its numbers */
	uint64_t cpu_seconds;
	const char *command;
};
typedef LIST_OF(struct process_row) process_rows;

/*
 * These; those that have ended meanwhile are left out. Ids are as their own user namespace has them. In the arena. 0 or
 * -ENOMEM.
 */
int processes_read(struct arena *arena, const pid_t *pids, size_t count, process_rows *ret, struct err *err);

/*
 * Leaves of `pids` those that are in `later`, too, a list made after they were looked at: a number of both was the same
 * process's in between, and one of the first alone may have been anybody's. Sorts both. The new count.
 */
size_t processes_in_both(pid_t *pids, size_t count, pid_t *later, size_t later_count);
/* Whether it is among them; `pids` as processes_in_both() leaves them. */
bool processes_have(const pid_t *pids, size_t count, pid_t pid);

/* How a guest tells: a JSON object a line. Reading takes lines of the guest's choice: -EINVAL with words. */
void processes_write(const process_rows *rows, struct text *out);
int processes_parse(struct arena *arena, char *lines, process_rows *ret, struct err *err);

#endif
