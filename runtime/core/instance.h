/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is known of an instance while somebody makes it or takes it back. Plain data: the phases' functions fill it, one
 * after another.
 */
#ifndef HULL_RUNTIME_CORE_INSTANCE_H
#define HULL_RUNTIME_CORE_INSTANCE_H

#include <stdbool.h>
#include <sys/types.h>

#include "cgroups/cg.h"
#include "namespaces/ns.h"
#include "namespaces/rootfs.h"
#include "runtime/base/arena.h"
#include "runtime/base/aside.h"
#include "runtime/base/confine.h"
#include "runtime/base/sync.h"
#include "runtime/core/given.h"
#include "runtime/core/stdio.h"
#include "runtime/core/store.h"
#include "runtime/core/streams.h"
#include "runtime/spec/plan.h"
#include "runtime/spec/record.h"

/* What a creation is asked to do. */
struct create_request {
	const struct store *store;
	const struct plan *plan; /* must live as long as the instance */
	const char *data_dir;	 /* hull run's instances: their data folder; else NULL */
	int stdio[3]; /* what the program gets as 0, 1 and 2; -1: /dev/null. Not used with a terminal. The caller's */
	bool kept;    /* a keeper comes: streams of their own instead of `stdio` */
	bool unless_stopped; /* a restart: not when somebody has said meanwhile that it shall not run */
	const char
		*console_socket;  /* where a terminal's master is sent (OCI), or NULL: it is instance->terminal then */
	const char *pid_file;	  /* or NULL */
	const char *pidfd_socket; /* where a pidfd of the first process is sent (OCI), or NULL */
	bool new_keyring;	  /* a session keyring of its own, "_ses.ID": the caller's keys stay outside */
	bool no_pivot; /* rootfs_cover() instead of rootfs_pivot(), for hosts that run from their initial ramfs */
	unsigned preserve_fds;	   /* descriptors 3 … 3+n-1 are passed on */
	bool accompanied;	   /* the caller waits for the end, and takes the instance back itself */
	bool wait_for_start;	   /* `create`: the program waits for control_start(); else it is started at once */
	const char *seccomp_cache; /* a 0700 folder for compiled filters, made where missing; NULL: none */
	void (*tell)(
		/* what the user should know of how it was made, without being asked; NULL: nobody listens */
		const char *words);
};

struct restoration;

struct instance {
	struct arena *arena; /* the caller's; the record lives in it */
	const struct store *store;
	const struct create_request *request; /* NULL when opened from its record */
	const struct plan *plan;	      /* NULL likewise: taking back needs no plan */
	struct restoration *restoration;      /* while it is restored: restore_parts.h; else NULL */
	struct record record;
	int state_fd; /* its folder, locked; -1 when there is none (yet) */

	bool goes_by_itself, cgroup_comes, netns_comes, sysfs_comes; /* as in child.h */
	bool hooked; /* hooks of its creation may have run: should it fail, the poststop hooks are due */

	/* Held while it is made. */
	struct cg *cgroup;
	struct root_sources sources;
	struct streams streams; /* to its keeper; empty without one, and with a terminal */
	struct stdio stdio;
	struct confine_filter filter; /* in the arena */
	int init_program_fd;	      /* hull-init, from where it cannot be written; -1 when it is not wanted */
	struct given given;	      /* a program of the host's and what it needs: a machine's monitor */
	int remains_fd;		      /* its keeper's end of a machine's last message (runtime/vm/remains.h); -1 */
	int joins[NS_COUNT];	      /* namespaces to join, -1 elsewhere; but for the next */
	int mountns_fd;		      /* the mount namespace to join, which comes last of all: child.h; -1 */
	int start_fd;		      /* listening: where control_start() will knock; -1 when started at once */
	struct sync sync;	      /* to the first process */
	pid_t init;
	int init_pidfd;
	int userns_fd;		 /* the container's user namespace, -1 when it is the host's */
	int root_fd;		 /* the root as a detached mount, until the child has it; -1 */
	int terminal;		 /* the pseudo-terminal's master, -1 */
	struct net_moved *moved; /* interfaces of the host that are inside, in the arena; of a creation only */
	size_t moved_count;
	struct aside unmounting; /* of an accompanied one: unmounting.h */
	/*
	 * The container's network namespace, from when it is known, or asked for, till no phase needs it; with
	 * interfaces that were moved in, so that these do not die with the first process; -1
	 */
	int netns_fd;
};

/* Nothing held, nothing known. */
void instance_init(struct instance *instance, struct arena *arena, const struct store *store);
/* Closes what is held. The instance itself stays as it is. */
void instance_close(struct instance *instance);
#define CLEANUP_INSTANCE CLEANUP(instance_close)

#endif
