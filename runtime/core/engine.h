/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The processes of `hull run`: client, engine, keeper.
 *
 *     client (the user's command)
 *       └─ fork ── engine: a session of its own; runs the phases, is the parent of the program;
 *                    then executes hull-keeper with the same pid: *engine makes, keeper keeps, engine unmakes*
 *
 * Client and engine are tied by a socket: first the engine's outcome (an error value or the program's pid), then the
 * keeper's attach protocol (attach.h). Any of them may be killed at any time: the record and the kernel tell the next
 * command what is true.
 */
#ifndef HULL_RUNTIME_CORE_ENGINE_H
#define HULL_RUNTIME_CORE_ENGINE_H

#include <stdbool.h>
#include <sys/types.h>

#include "runtime/base/err.h"
#include "runtime/base/text.h"
#include "runtime/core/definition.h"
#include "runtime/core/lifecycle.h"
#include "runtime/core/store.h"
#include "runtime/spec/plan.h"

struct engine_request {
	const struct store *store;
	const struct plan *plan;
	const char *data_dir; /* the instance's data folder (absolute) */
	const char *seccomp_cache;
	void (*tell)(const char *words); /* create_request's; called in the engine's process */
	bool attach;	 /* the client will attach: the keeper knows it from the start, so that no output is lost */
	bool is_restart; /* nobody has asked for this start just now: who has stopped it meanwhile wins */
	bool durable;	 /* the definition is synced to disk after the start (not for --rm) */
	/* the program that the keeper executes at the end, with its arguments; [0] is an absolute path */
	const struct strv *unmake;
};

/*
 * Starts the instance in a new process, which becomes its keeper. *ret_client_fd (may be NULL without `attach`) is
 * connected to the keeper. 0 or the engine's error; then nothing is left. The caller has one thread.
 */
int engine_start(const struct engine_request *request, int *ret_client_fd, pid_t *ret_pid, struct err *err);

/*
 * The same in this process, which becomes the keeper: returns only on failure. For restarts, by what the last keeper
 * has executed.
 */
int engine_become(const struct engine_request *request, struct err *err);

/* What is left to do after engine_unmake(), by who knows images and names. */
struct engine_unmade {
	bool restart; /* the policy wants it again */
	bool remove;  /* it was made with --rm: its definition goes too */
	uint64_t ran_ms;
	uint32_t restart_count;
};

/*
 * After the end: writes the exit down in the definition, and takes the running parts back (network, cgroup, state
 * folder). Idempotent; by whoever comes first, under the lock. -EALREADY when it runs, still or again; -ENOENT when
 * there is nothing to unmake.
 */
int engine_unmake(const struct store *store, const char *id, struct engine_unmade *ret, struct err *err);

/*
 * What every command does with the instances it meets: undoes interrupted creations, unmakes those that ended unseen,
 * and gives those without a keeper a new one. Never fails for one instance because of another: what goes wrong is told
 * to `complain` (may be NULL).
 */
struct engine_settling {
	const struct store *store;
	/* The command a new keeper executes at the end, in the arena. */
	int (*unmake_command)(void *user, struct arena *arena, const char *id, struct strv *ret);
	void (*complain)(const char *id, const struct err *err);
	/*
	 * Called for one that has ended unseen and was unmade, so that its definition is removed or it is started
	 * again.
	 */
	void (*unmade)(void *user, const char *id, const struct engine_unmade *what);
	void *user;
};
int engine_settle(const struct engine_settling *settling, struct err *err);

#endif
