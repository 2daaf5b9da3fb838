/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the phases with a first process have in common. For the steps*.c files and restore.c only.
 */
#ifndef HULL_RUNTIME_CORE_STEPS_PARTS_H
#define HULL_RUNTIME_CORE_STEPS_PARTS_H

#include "runtime/base/err.h"
#include "runtime/spec/plan.h"
#include "runtime/spec/record.h"

struct instance;
struct net_lease;

/* -ECANCELED: a restart that somebody has stopped meanwhile. */
int steps_check_wanted(const struct instance *instance, struct err *err);
/*
 * The network namespace of the first process: the instance's, or -errno. Not by that process's name alone: it may not
 * have come there yet.
 */
int steps_open_netns(struct instance *instance, struct err *err);
/* Takes down in the record what the network has given. */
int step_keep_lease(struct instance *instance, const struct net_lease *lease, struct err *err);
/*
 * Passes a wait's result on, and adds how the process ended that ended without a word. Somebody else's child keeps that
 * for itself.
 */
int step_or_how_it_ended(const struct instance *instance, int result, struct err *err);
/*
 * Passes a step's result on. When the step found the process gone, that is not the news: what it said before it ended
 * is, or that it said nothing.
 */
int step_or_why_gone(struct instance *instance, int result, struct err *err);

/*
 * Whether the bound on processes is one more until the first one is ready: what makes a root that is apart (child.h) is
 * a process in the same cgroup.
 */
bool steps_leave_room_for_errand(const struct plan *plan);

/*
 * Whether the first process runs hooks of its creation (createContainer). They may ask for the container, which is
 * being created for them.
 */
bool steps_child_has_hooks(const struct plan *plan);

/* The hooks of one kind, with the state on their standard input. */
int steps_run_hooks(struct instance *instance, enum plan_hook_kind kind, enum record_status status, pid_t pid,
		    struct err *err);
/* What others wait for of a process that is ready: its terminal (/dev/pts/`number` inside), a pidfd, the pid file. */
int steps_hand_out(struct instance *instance, unsigned number, struct err *err);
/* The program runs: gives the lock up, and runs the poststart hooks. */
void steps_poststart(struct instance *instance);

#endif
