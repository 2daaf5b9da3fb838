/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What looking, signalling and ending share. Included by control.c and control_end.c alone. */
#ifndef HULL_RUNTIME_CORE_CONTROL_PARTS_H
#define HULL_RUNTIME_CORE_CONTROL_PARTS_H

#include "runtime/base/arena.h"
#include "runtime/base/err.h"

struct control_view;
struct record;
struct store;

/*
 * control_look(), but one that is being created is waited for: its creator holds the lock until it has run or is taken
 * back.
 */
int control_look_past_creation(const struct store *store, struct arena *arena, const char *id, struct control_view *ret,
			       struct err *err);

/*
 * To all processes of its cgroup, or of its pid namespace where it has none. Without the lock: nothing is changed, and
 * whoever holds it may be what is to be killed.
 */
int control_signal_cgroup(const struct record *record, int signo, struct err *err);

/* To its first process. -ESRCH with words when that has ended. */
int control_signal_first(const struct record *record, int signo, struct err *err);

#endif
