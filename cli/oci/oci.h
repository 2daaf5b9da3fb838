/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hull-oci and hull-vm-oci: the OCI runtime's command line, as runc and crun have it. What its verbs share.
 */
#ifndef HULL_CLI_OCI_OCI_H
#define HULL_CLI_OCI_OCI_H

#include "cgroups/cg.h"
#include "cli/command.h"
#include "runtime/core/store.h"
#include "runtime/spec/plan.h"

#define OCI_DEFAULT_KERNELS "/var/lib/hull/kernels"

/* Global options. */
struct oci {
	const char *root, *log, *log_format, *log_level, *cgroup_manager, *rootless, *criu, *kernels;
	bool debug, systemd_cgroup, version;
};
extern const struct option_row oci_globals[];
extern const struct command *const oci_commands[];
int oci_prepare(struct command_call *call, struct err *err);

/* Of the program: fills host->vm, so that the bundle becomes a machine. NULL: it becomes a container. */
extern int (*const oci_find_machine)(const struct command_call *call, const struct config *config,
				     struct plan_host *host, struct err *err);

/* Opens the state directory of oci_root(). */
int oci_open_store(const struct command_call *call, struct store *ret, struct err *err);
enum cg_driver_kind oci_cgroup_driver(const struct command_call *call);
/* Where compiled filters are kept, below the state directory. NULL without memory. */
const char *oci_seccomp_cache(const struct command_call *call, const struct store *store);
/* Reads a bundle's config.json and makes the plan. `bundle` NULL: the working directory. Warnings are logged. */
int oci_plan(const struct command_call *call, const char *id, const char *bundle, struct plan *ret, struct err *err);
/* The same, for create_instance() to follow: that does the rest of what oci_seal() does. */
int oci_plan_creation(const struct command_call *call, const char *id, const char *bundle, struct plan *ret,
		      struct err *err);
/*
 * With the host's ids inside, what runs there must not be able to reach this executable: it moves to where it cannot be
 * written (sealed_self()). To be called before anything was done.
 */
int oci_seal(const struct command_call *call, const struct config *config, struct err *err);
/*
 * What a plan for more in an existing container begins with: the bundle's config.json, as it is now, and what
 * `plan_host` asks of this host, with the id and the bundle. The container is the command's first operand. Both live as
 * long as the arena. -ENOENT with words when there is no such container.
 */
int oci_read_bundle(const struct command_call *call, const struct store *store, const struct config **ret,
		    struct plan_host *ret_host, struct err *err);
/* Only its path, as absolute as the record has it. */
int oci_find_bundle(const struct command_call *call, const struct store *store, const char **ret, struct err *err);
/* Whether the caller is not the host's root: an ordinary user, or root of a user namespace. */
bool oci_is_rootless(void);
/* The state directory's path: --root, or the default of this user. NULL without memory. */
const char *oci_root(const struct command_call *call);
/* OPTION_CHECKED of --preserve-fds. */
int oci_check_count(const char *words, struct err *err);

extern const struct command oci_create, oci_run, oci_start, oci_state, oci_list, oci_kill, oci_delete, oci_pause,
	oci_resume, oci_exec, oci_ps, oci_spec, oci_features, oci_update, oci_events, oci_mounts_add, oci_mounts_remove,
	oci_checkpoint, oci_restore;

#endif
