/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is done to an instance that exists. Each function finds it by id in the state directory, looks what is so
 * (lifecycle.h), refuses what its state does not allow, and does it. Errors are one line that names the instance.
 */
#ifndef HULL_RUNTIME_CORE_CONTROL_H
#define HULL_RUNTIME_CORE_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "cgroups/cg.h"
#include "runtime/base/arena.h"
#include "runtime/base/err.h"
#include "runtime/core/instance.h"
#include "runtime/core/lifecycle.h"
#include "runtime/core/store.h"
#include "runtime/spec/config.h"

/* An instance as it is now: its record and what the kernel says. Strings live in the arena. */
struct control_view {
	struct record record;
	struct lifecycle now;
};

/* Reads one. No lock is taken, nothing is changed. -ENOENT with words. */
int control_look(const struct store *store, struct arena *arena, const char *id, bool ask_freezer,
		 struct control_view *ret, struct err *err);

/*
 * The same when no other command is at work on it: that is waited for, or it is -EWOULDBLOCK without words. Only then
 * is all true that the record says: who creates or starts one writes running a little before it is, while the first
 * process may still have the host's root.
 */
int control_look_at_rest(const struct store *store, struct arena *arena, const char *id, bool wait,
			 struct control_view *ret, struct err *err);

/* Opens and locks one whose state allows the action. The caller closes it. -EINVAL with words: its state does not. */
int control_open(const struct store *store, struct arena *arena, const char *id, enum lifecycle_action action,
		 struct instance *ret, struct err *err);

/* `start` of a created one: tells the waiting first process to go, and brings back what its exec said. */
int control_start(const struct store *store, const char *id, struct err *err);

/*
 * A signal to the first process, or with `all` to every process; no lock is taken. With `all` a stopped instance is
 * success: what its first process has left behind gets the signal.
 */
int control_kill(const struct store *store, const char *id, int signo, bool all, struct err *err);

int control_pause(const struct store *store, const char *id, struct err *err);
int control_resume(const struct store *store, const char *id, struct err *err);
/*
 * Changes the limits that are set in `resources` (config.json's linux.resources, and like those merged into what the
 * record says). All of them or, when one is not possible or refused, none.
 */
int control_update(const struct store *store, const char *id, const struct config_resources *resources,
		   struct err *err);
/* Reads one, and opens its cgroup for looking at: the caller's to close. -ENOENT with words: it is of another boot. */
int control_open_cgroup(const struct store *store, struct arena *arena, const char *id, struct control_view *ret_view,
			struct cg **ret, struct err *err);
int control_pids(const struct store *store, struct arena *arena, const char *id, pid_t **ret, size_t *ret_count,
		 struct err *err);

/*
 * Sends `signo`, waits up to timeout_ms (-1: for ever) for the first process to end, then kills. A paused one is thawed
 * for it. Marks the instance so that no restart policy brings it back. Success when it is stopped already. Returns when
 * its end has been seen.
 */
int control_stop(const struct store *store, const char *id, int signo, int64_t timeout_ms, struct err *err);

/* Waits for the end (-ETIMEDOUT after timeout_ms; -1: for ever) and tells how it was. A stopped one answers at once. */
int control_wait(const struct store *store, const char *id, int64_t timeout_ms, struct record_exit *ret,
		 struct err *err);

/*
 * Takes the instance back: all phases' undos, then the poststop hooks. `force` kills it first. An interrupted creation
 * is undone too. With `force` an instance that does not exist is success, and one whose record cannot be used is taken
 * back as far as it can still be read.
 */
int control_delete(const struct store *store, const char *id, bool force, struct err *err);
/*
 * The same by force, for who has begun an instance, or held its lock, and does not hold it any more: the one that this
 * record is of. Success when it is gone; who has its id by now is left alone.
 */
int control_delete_own(const struct store *store, const struct record *own, struct err *err);

#endif
