/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts of a plan, one a file, and the order they are made in (plan_make.c's table). A part may read what an
 * earlier one has put into the plan. For the plan_*.c files only.
 */
#ifndef HULL_RUNTIME_SPEC_PLAN_PARTS_H
#define HULL_RUNTIME_SPEC_PLAN_PARTS_H

#include "runtime/spec/plan.h"

struct planning {
	struct arena *arena;
	const struct config *config;
	const struct config_linux *os; /* config->linux_, or an empty one: never NULL */
	const struct extension *extension;
	const struct plan_host *host;
	struct plan *plan;
};

int plan_namespaces(struct planning *p, struct err *err);	 /* plan_namespaces.c */
int plan_ids(struct planning *p, struct err *err);		 /* plan_namespaces.c; after namespaces */
int plan_names(struct planning *p, struct err *err);		 /* plan_namespaces.c; host name, sysctls, clocks */
int plan_cgroup(struct planning *p, struct err *err);		 /* plan_linux.c */
int plan_unsupported(struct planning *p, struct err *err);	 /* plan_linux.c */
int plan_root(struct planning *p, struct err *err);		 /* plan_root.c; after ids */
int plan_devices(struct planning *p, struct err *err);		 /* plan_root.c */
int plan_mounts(struct planning *p, struct err *err);		 /* plan_mounts.c; after root */
int plan_sysctls(struct planning *p, struct err *err);		 /* plan_sysctls.c; after names and mounts */
int plan_container_process(struct planning *p, struct err *err); /* plan_process.c */
int plan_apart(struct planning *p, struct err *err);		 /* plan_apart.c; after all others, which it looks at */
int plan_hooks(struct planning *p, struct err *err);		 /* plan_hooks.c */
int plan_network(struct planning *p, struct err *err);		 /* plan_net.c */
int plan_net_devices(struct planning *p, struct err *err);	 /* plan_net.c; after network */
int plan_keeping(struct planning *p, struct err *err);		 /* plan_net.c */

/* A container's plan: what plan_make() makes where no machine is wanted. */
int plan_container(struct arena *arena, const struct config *config, const struct extension *extension,
		   const struct plan_host *host, struct plan *ret, struct err *err); /* plan_make.c */
/* A machine's: the same of its jail, and what is in it. */
int plan_machine(struct arena *arena, const struct config *config, const struct extension *extension,
		 const struct plan_host *host, struct plan *ret, struct err *err); /* plan_vm.c */

/*
 * The namespaces and ids of an instance that runs, for a further process in it: as plan_make() has planned them,
 * nothing else of the plan. Namespaces of other instances count as joined, whether these still run or not.
 */
int plan_inside(struct arena *arena, const struct config *config, const struct extension *extension,
		const struct plan_host *host, struct plan *ret, struct err *err);

/* One line for the user. Lack of memory shows when the arena is checked at the end. */
void plan_warn(struct arena *arena, struct strv *warnings, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The namespaces that are not the host's, as clone flags: what the instance may change without changing the host. */
uint64_t plan_own_namespaces(const struct planning *p);
/* Whether ids inside are others than outside. */
bool plan_has_user_namespace(const struct planning *p);
/* Copies the mappings of config.json (of one kind each) as ranges. NULL without memory. */
const struct idmap_range *plan_ranges(struct arena *arena, const config_id_mappings *mappings);
/* A path of the host that config.json may give relative to the bundle. NULL without memory. */
const char *plan_host_path(const struct planning *p, const char *path);
/* -EINVAL with "MEMBER: ..." unless `path` is absolute. `member` is words such as "linux.maskedPaths". */
int plan_want_absolute(const char *member, const char *path, struct err *err);
/* For what an allocation failed: -ENOMEM with words. */
int plan_no_memory(const struct planning *p, struct err *err);
/* linux.seccomp as a filter profile, or hull's own when the extension asks for it; *ret NULL for none. */
int plan_filter(struct arena *arena, const struct config_linux *os, const struct extension *extension,
		uint64_t bounding, const struct plan_host *host, const struct seccomp_profile **ret, struct err *err);

#endif
