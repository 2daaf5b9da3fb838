/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between clone and exec: a container's first process sets itself up, stage by stage, and becomes the program.
 *
 *     parent                                      child
 *     write the id maps       -- MAPPED -->
 *     build the root                              become root inside; prepare its own file systems
 *                             -- ROOT (fds) -->   (with a network namespace, where one is made ahead: join it)
 *     make its cgroups                            assemble the root in its own namespaces, up to the mounts that show
 *                             -- CGROUP -->       the cgroups' folders (where these are not there before the clone)
 *     write the limits, move it into the cgroups  the other mounts
 *                             -- JOINED -->       (before the first thing that wants it in its cgroup: make its
 *                                                 cgroup namespace)
 *     make the network        <-- ASSEMBLED --    (only when hooks want to see it)
 *     run the hooks           -- HOOKED -->
 *                                                 pivot, seal; at last JOINED; become the user, give up rights
 *                             <-- READY (fd) --   everything that can fail has been tried; with the terminal's master
 *     set limits from outside                     (where the parent has nothing to do with one that is ready, GO comes
 *                                                 early, and the child sets its limits itself, and says no READY:
 *                                                 nobody has to be woken)
 *     write the record        -- GO -->           or, after `create`, -- CREATED -->: then it listens, and somebody
 *                                                 connects to the start socket and says GO there
 *                             <-- EXEC --         the last word; with the seccomp listener, if there is one
 *     (closed: it runs)                           exec
 *
 * Failure is the same error value, sent over the same socket. Both sides name the stage they wait for; the end of the
 * stream is success only after EXEC, where the descriptor is closed by the exec itself.
 *
 * Where the plan has no new mount namespace (plan_root_is_apart()), the process stays in that of the runtime from its
 * clone on. What makes the root, from its own file systems to the terminal, is done for it by an errand in a new mount
 * namespace (runtime/base/errand.h), which ends with that, once the process is in its network and its cgroups. Then it
 * joins the mount namespace that it was asked to, and enters the root, which is in none (namespaces/root_apart.h).
 * Whoever looks at it meanwhile (the runtime's hooks) finds it in the runtime's mount namespace. The errand is in the
 * same cgroup, whose bound on processes is one more up to READY therefore.
 *
 * child.c knows no back end and no phases: whoever needs a process with these rights and this root comes through here.
 */
#ifndef HULL_RUNTIME_CORE_CHILD_H
#define HULL_RUNTIME_CORE_CHILD_H

#include "namespaces/rootfs.h"
#include "namespaces/tty.h"
#include "runtime/base/confine.h"
#include "runtime/base/err.h"
#include "runtime/base/sync.h"
#include "runtime/core/given.h"
#include "runtime/spec/plan.h"
#include "runtime/spec/record.h"

enum child_stage {
	CHILD_MAPPED = 1,
	CHILD_ROOT,   /* with the root, network namespace and sysfs that there are; a bool: sysfs comes later */
	CHILD_CGROUP, /* with that sysfs, unless nobody could make it */
	CHILD_JOINED,
	CHILD_ASSEMBLED,
	CHILD_HOOKED,
	CHILD_READY,
	CHILD_CREATED,
	CHILD_GO,
	CHILD_EXEC,
	CHILD_STAGE_COUNT
};

/* What a process has that nobody has said otherwise of: the caller's own umask is not the container's. */
#define DEFAULT_UMASK 022

/* Below the state folder: where a first process that was only created listens for GO. */
#define START_SOCKET "start.sock"

/* The name of an instance's session keyring, "_ses.ID" as engines know it. NULL without memory. */
const char *child_keyring(struct arena *arena, const char *id);

extern const char *const child_stage_names[CHILD_STAGE_COUNT];

/* What every program needs that is started inside, the first one and those of `exec`. */
struct child_program {
	const struct plan_process *process;
	const struct confine_filter *filter; /* compiled process->seccomp; NULL: none */
	int stdio[3];			     /* -1: /dev/null. Not used with a terminal */
	unsigned preserve_fds;		     /* 3 … 3+n-1 are passed on */
	int init_fd;			     /* hull-init, to be executed in front of the program; -1: none */
	const struct given *given;	     /* a program of the host's instead of one in the root; NULL: none */
	bool own_user_namespace;	     /* in a user namespace that is not hull's own */
	bool is_bounded;		     /* its bounding set has shrunk already: caps.h's step 1 */
	bool goes_by_itself;		     /* GO comes early: no READY, and the limits are its own to set */
	const char *keyring;		     /* the session keyring still to join or make; NULL: none */
	const struct tty_pair *terminal;     /* made already: child_open_terminal(); NULL: it makes its own */
};

/* What the first process needs besides. All of it is the parent's, shared by the clone. */
struct child_setup {
	struct child_program program;
	const struct plan *plan;
	struct root_sources *sources;
	struct sync sync;  /* its own end */
	bool cgroup_comes; /* CGROUP will be said: its cgroup is made after the clone */
	bool netns_comes; /* with ROOT: a network namespace that is still being made; if none comes, it makes its own */
	int mountns_fd;	  /* the mount namespace to join; -1: none, it has a new one or the runtime's */
	int start_fd;	  /* listening: wait there for GO; -1: over `sync` */
	const struct record *record; /* of what the hooks that run inside are told */
	bool no_pivot;		     /* as in create_request */
};

/* Sets up and executes the program. In the new process, right after the clone; never returns. */
_Noreturn void child_main(struct child_setup *setup);

/*
 * The last stages, which `exec` shares: terminal, user, rights, program. `rootfd` and `procfd` are of the container.
 * Says READY over `sync` (unless it goes by itself), waits for GO (there; or, with a start_fd, for CREATED there and GO
 * at start_fd), says EXEC, executes. Returns only on failure, which it has told. `before_exec` (may be NULL) runs after
 * GO. Closes every descriptor of the process that the program does not get, rootfd and procfd among them.
 */
int child_become(const struct child_program *program, int rootfd, int procfd, bool console, struct sync *sync,
		 int start_fd, int (*before_exec)(void *context, struct err *err), void *context, struct err *err);

/*
 * Ahead of child_become(): the program's terminal, in the mount namespace where `rootfd` is mounted, which the program
 * is not going to be in. The slave is opened again by child_become(), in the root that it is given.
 */
int child_open_terminal(const struct child_program *program, int rootfd, struct tty_pair *ret, struct err *err);

#endif
