/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The seam between an instance and what isolates it: "ns" (namespaces alone), "kvm" and "qemu" (a machine, in a jail of
 * namespaces).
 *
 * An instance of any kind is a record, a cgroup, a first process with a keeper, and a network's lease; what is done
 * with those alone (the phases, kill, stop, pause, wait, logs, attach, delete) is the same for all, since the first
 * process of a machine is its monitor, which passes signals and streams on. A backend is what remains: a row of
 * functions. Nobody but backend*.c asks which one there is.
 */
#ifndef HULL_RUNTIME_CORE_BACKEND_H
#define HULL_RUNTIME_CORE_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "runtime/base/err.h"
#include "runtime/core/processes.h"

struct arena;
struct cg_limits;
struct config_resources;
struct control_view;
struct dirty_rate;
struct exec_request;
struct exec_running;
struct instance;
struct record;
struct store;
struct usage;

/* A function that is NULL is not supported: whoever wants it says backend_lacks(). */
struct backend_ops {
	const char *name; /* as records have it */

	/* A phase, before the first process is born: opens what that one is given (instance->given). NULL: nothing. */
	int (*prepare)(struct instance *instance, struct err *err);
	/*
	 * Takes back what prepare did beside that, also for an instance that was opened from its record. NULL: nothing.
	 */
	int (*prepare_undo)(struct instance *instance, struct err *err);

	/*
	 * Before the first process goes on: refuses what was done with it since it was made, and would be lost. NULL:
	 * nothing is.
	 */
	int (*starting)(const struct record *record, struct err *err);

	/* One more process inside; its state allows it. As exec_start(). */
	int (*exec)(const struct exec_request *request, const struct control_view *view, struct exec_running *ret,
		    struct err *err);
	/* A signal other than SIGKILL to all processes inside. NULL: to all that are in its cgroup. */
	int (*signal_all)(const struct store *store, const struct record *record, int signo, struct err *err);
	/*
	 * Ends the program as SIGKILL does, but so that nothing is lost that it has written, and waits for that. Not 0:
	 * it could not be done, or not in a time that a killer would wait: then SIGKILL ends all. NULL: SIGKILL does.
	 */
	int (*end)(const struct store *store, const struct record *record);
	/* Their numbers on the host. */
	int (*pids)(const struct record *record, struct arena *arena, pid_t **ret, size_t *ret_count, struct err *err);
	/* All of them, as they are seen inside: processes.h. */
	int (*processes)(const struct store *store, const struct control_view *view, struct arena *arena,
			 process_rows *ret, struct err *err);
	/* What they use: usage.h. It runs, or is paused. */
	int (*stat)(const struct store *store, const struct control_view *view, struct arena *arena, struct usage *ret,
		    struct err *err);
	/*
	 * New limits, as they were asked for and as its cgroup would have them. The instance is locked, its cgroup
	 * open.
	 */
	int (*update)(struct instance *instance, const struct config_resources *resources,
		      const struct cg_limits *limits, struct err *err);
	/*
	 * It goes on after it was frozen, and is told so: no clock inside need have run meanwhile. What cannot be told
	 * is no failure. NULL: there is nobody to tell.
	 */
	void (*thawed)(const struct instance *instance);
	/*
	 * How much of its memory its guest writes, for so many milliseconds. It runs, or is paused. NULL: it is no
	 * machine.
	 */
	int (*dirty_rate)(const struct store *store, const struct control_view *view, const char *name,
			  uint64_t time_ms, struct dirty_rate *ret, struct err *err);
	bool takes_mounts;	/* `mounts add` in a running one */
	bool takes_checkpoints; /* its processes are this kernel's, and can be written down */
};

/* By the name in a record; NULL means "ns", which records once did not name. NULL when there is none of that name. */
const struct backend_ops *backend_find(const char *name);
/* The same, with words for one that this hull does not have. */
int backend_of(const struct record *record, const struct backend_ops **ret, struct err *err);
/* -ENOTSUP: "'top' is not supported by backend 'qemu'". */
int backend_lacks(const struct backend_ops *backend, const char *what, struct err *err);

/* The rows. */
extern const struct backend_ops backend_ns, backend_kvm, backend_qemu;

/* One more, which is looked at first: a scripted one in tests. NULL: none. */
extern const struct backend_ops *backend_extra;

#endif
