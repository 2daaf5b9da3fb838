/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The plan: config.json, hull.json and the host's facts, resolved and validated; nothing changes it any more.
 *
 * plan_make() is pure: no system call, no file, no descriptor. What it needs to know of the host is handed in, so that
 * it is tested without root, and `--dry-run` shows what a start would do. Whatever is unknown, contradictory or not
 * possible here is refused here, with one line that names the member ("linux.sysctl: 'net.ipv4.ip_forward' needs a
 * network namespace of its own"), before anything has been touched. What the specification wants to be a warning is one
 * (plan.warnings).
 *
 * Each part is a request of the folder that carries it out. Everything lives in the arena, or points into the config
 * and the extension, which must live as long.
 */
#ifndef HULL_RUNTIME_SPEC_PLAN_H
#define HULL_RUNTIME_SPEC_PLAN_H

#include <sys/types.h>

#include "cgroups/cg.h"
#include "namespaces/caps.h"
#include "namespaces/idmap.h"
#include "namespaces/limits.h"
#include "namespaces/ns.h"
#include "namespaces/rootfs.h"
#include "namespaces/seccomp.h"
#include "net/move.h"
#include "net/network.h"
#include "runtime/spec/config.h"
#include "runtime/spec/extension.h"

struct plan_vm;
struct plan_vm_host;

/*
 * Annotations that begin so say something: org.systemd.property.NAME is a property of the systemd unit. All others are
 * only kept.
 */
#define PLAN_UNIT_PROPERTY "org.systemd.property."

/* What a mount namespace that is to be joined by its path is, as plan_host_probe_mounts() has found it. */
struct plan_mount_join {
	struct err why;	 /* it could not be looked at; code 0: the rest is so */
	uint64_t inode;	 /* which it is, not to be another one when it is joined; 0: not known (tests) */
	bool is_callers; /* the one that the caller is in */
	bool is_foreign; /* it belongs to a user namespace in which the instance's root has no rights */
};

/*
 * What the plan must know of its caller and its host. plan_host_probe() fills the host's part; tests fill it by hand.
 */
struct plan_host {
	/* The caller's wishes. */
	const char *id;
	const char *bundle; /* absolute path of the bundle's folder */
	enum cg_driver_kind cgroup_driver;
	bool cgroup_optional;	   /* without limits, and where none may be made: none is made */
	const char *net_state_dir; /* "/run/hull/net" */
	const char
		*joined[NS_COUNT]; /* path of a namespace that hull.json's `joins` ask for, where the instance runs */
	uint64_t joined_inodes[NS_COUNT];  /* and which it is */
	struct idmap joined_idmap;	   /* the map of the user namespace in `joined`, when it has one */
	struct plan_mount_join mount_join; /* of config.json's mount namespace, where that is to be joined */
	const struct plan_vm_host *vm;	   /* a micro-VM is wanted, made of this; NULL: a container */

	/* Facts. */
	bool rootless; /* the caller is not root, and has its rights in a user namespace of the instance's only */
	bool nested;   /* the caller is in a user namespace itself: its root is not the host's */
	uid_t uid;
	gid_t gid;
	uint64_t caps; /* what the caller may pass on: a bit a capability */
	uint64_t cap_last;
	bool seccomp;
	bool idmapped_mounts; /* mount_setattr(MOUNT_ATTR_IDMAP) */
	bool apparmor, selinux;
	/* Whether this kernel has a kind that not every one has. Asked for what is wanted. NULL: it has (tests). */
	bool (*has_namespaces)(enum ns_kind kind);
	/* Whether the cgroups of this host can honour a request: cg_check(). NULL: not asked (tests). */
	int (*check_cgroup)(const struct cg_request *request, struct err *err);
	/* Whether the caller may make one at all: cg_may_make(). NULL: it may (tests). */
	bool (*may_make_cgroup)(const char *path);
	/* What a mount of type "cgroup" shows on this host: cg_mount_view(). NULL: an empty view (tests). */
	int (*cgroup_view)(enum cg_driver_kind driver, const char *path, struct arena *arena, struct cg_mount_view *ret,
			   struct err *err);
};

/*
 * Fills the facts from the running system, and the caller's wishes with defaults (id and bundle NULL). The only part
 * that is not pure.
 */
void plan_host_probe(struct plan_host *ret);
/* The same of the mount namespace that `config` wants to be joined. For a creation; nothing is asked without one. */
void plan_host_probe_mounts(const struct config *config, struct plan_host *host);

enum plan_hook_kind {
	HOOK_PRESTART,
	HOOK_CREATE_RUNTIME,
	HOOK_CREATE_CONTAINER,
	HOOK_START_CONTAINER,
	HOOK_POSTSTART,
	HOOK_POSTSTOP,
	HOOK_KIND_COUNT
};
const char *plan_hook_name(enum plan_hook_kind kind); /* "createRuntime" */

struct plan_hook {
	const char *path; /* absolute */
	struct strv args; /* never empty: args[0] is the path where the config has none */
	struct strv env;
	uint64_t timeout_ms; /* 0: none */
};
typedef LIST_OF(struct plan_hook) plan_hook_list;

/* Who runs, and with what. Also what `exec` wants. */
struct plan_process {
	struct strv args, env;
	const char *cwd;
	uint32_t uid, gid; /* as seen inside */
	LIST_OF(uint32_t) groups;
	struct strv group_words; /* more groups by name: user_add_group() in the root */
	const char *user_words;	 /* not NULL: user_resolve() in the root gives uid, gid and groups instead */
	bool terminal;
	uint16_t rows, columns; /* 0: not given */
	bool no_new_privs;
	struct caps_sets caps;		       /* all empty where the config names none */
	struct limits_request limits;	       /* rlimits, scheduler, oom score, umask … */
	const struct seccomp_profile *seccomp; /* NULL: none */
	const char *apparmor_profile, *selinux_label;
	const char *exec_cpus_initial,
		*exec_cpus_final; /* CPU lists for exec only: before and after it joins the cgroup */
	bool init;		  /* hull's init comes first, and starts the command */
};

struct plan_time_offset {
	bool set;
	int64_t secs;
	uint32_t nanosecs;
};

enum plan_net_kind {
	PLAN_NET_UNTOUCHED, /* the host's, or one that was joined */
	PLAN_NET_LOOPBACK,  /* a fresh namespace: raise lo, nothing more */
	PLAN_NET_ATTACH,    /* a fresh namespace on a network: net_attach() with `request` */
	PLAN_NET_TAP,	    /* a machine's card: net_attach_tap() with `request`; the namespace stays as it is */
	PLAN_NET_STAND_IN,  /* a machine in the place of namespace `stand_in`'s interfaces: net_stand_in() */
};

struct plan_net {
	enum plan_net_kind kind;
	/*
	 * Only the first process has a right to the namespace, or only it could come back from it: it raises lo itself.
	 */
	bool from_inside;
	struct net_request request;
	const char *stand_in;
	/* Interfaces of the host that move in: net_move_in(). Into a fresh namespace or one that was joined. */
	const struct net_move *moves;
	size_t move_count;
	/* How to make /etc/hosts, hostname and resolv.conf, and where they are on the host: NULL paths are not made. */
	struct extension_network_files files;
	struct strv dns, dns_search, dns_options, add_hosts;
};

/* A volume whose owners are changed to the container's user before the start. */
struct plan_chown {
	const char *source; /* absolute path on the host */
	bool idmap;	    /* the ids on disk are the container's, else the host's */
};

struct plan_keeper {
	const char *log_path; /* NULL: no log */
	uint64_t log_max_bytes;
	uint32_t log_max_files;
	enum extension_restart_policy restart;
	uint32_t restart_max_retries;
	bool auto_remove;
	bool interactive;
	int stop_signal;
	int64_t stop_timeout_ms; /* -1: for ever */
	const char *detach_keys;
};

struct plan {
	const char *id, *name; /* name: NULL for a plain OCI bundle */
	const char *bundle;
	const char *oci_version;
	const char *backend; /* "ns", "kvm", "qemu": runtime/core/backend.h */
	bool rootless;
	struct strmap annotations;

	struct ns_set namespaces;
	/* the mount namespace is the runtime's, and so is the user namespace: what holds is the root alone */
	bool host_mounts;
	/*
	 * The user namespace's map: to be written when it is fresh; what it has when it is joined. uid_count 0: ids are
	 * the host's, or not known.
	 */
	struct idmap idmap;
	bool set_groups_allowed; /* false: setgroups is denied before the gid map is written (an unprivileged caller) */
	struct plan_time_offset boottime, monotonic;
	const char *hostname, *domainname; /* NULL: left as they are */
	struct strmap sysctls;

	struct cg_limits limits;
	struct cg_request cgroup; /* points to `limits` */

	struct root_request root;
	LIST_OF(struct plan_chown) chowns;
	struct plan_process process; /* args.count 0: config.json has no process; it can be created but not started */
	bool has_process;
	plan_hook_list hooks[HOOK_KIND_COUNT];
	struct plan_net net;
	struct plan_keeper keeper;
	const struct plan_vm
		*vm; /* what the jail, which the rest of the plan is of, is there for; NULL: this is a container */

	struct strv warnings; /* one line each, for the user */
};

/* Whether the root is not to be in the mount namespace of its processes: namespaces/root_apart.h. */
static inline bool plan_root_is_apart(const struct plan *plan)
{
	return plan->namespaces.kind[NS_MOUNT].how != NS_FRESH;
}
/*
 * Whether the first process makes its root itself: where only it has the rights to, and where the root is made of
 * nothing, so that the one who has more to do than the other need not. The owner of that is an id of the host, which is
 * none in a user namespace.
 */
static inline bool plan_child_builds_root(const struct plan *plan)
{
	return plan->rootless ||
	       (plan->root.empty && plan->chowns.count == 0 && plan->namespaces.kind[NS_USER].how == NS_HOST);
}
/* Whether a program under this AppArmor profile (NULL: none) would be held by it in such a root: 0 or -ENOTSUP. */
int plan_check_apart_profile(const char *profile, struct err *err);
/* Whether a program with these capabilities could come out of such a root by itself, where plan.host_mounts is so. */
bool plan_could_leave_root(const struct caps_sets *caps);

/*
 * Makes the plan. `extension` is NULL for a plain OCI bundle. *ret is overwritten; it points into itself
 * (cgroup.limits), so it must not be copied. 0; -EINVAL: contradictory or malformed; -ENOTSUP: not possible on this
 * host; -ENOMEM.
 */
int plan_make(struct arena *arena, const struct config *config, const struct extension *extension,
	      const struct plan_host *host, struct plan *ret, struct err *err);

/*
 * A process for `exec` in an instance made of `config` and `extension` (NULL for a plain bundle): its filter,
 * personality and init process's id map come from there, all else from `process`. Set `user_words` of the result for
 * `exec -u`. Warnings are added to `ret_warnings`.
 */
int plan_exec(struct arena *arena, const struct config *config, const struct extension *extension,
	      const struct config_process *process, const struct plan_host *host, struct plan_process *ret,
	      struct strv *ret_warnings, struct err *err);

/*
 * Mounts for an instance made of `config` that runs: each as plan_make() would have it. Warnings are added to
 * `ret_warnings`. *ret is an array of from->mounts.count.
 */
int plan_more_mounts(struct arena *arena, const struct config *config, const struct config_mounts *from,
		     const struct plan_host *host, struct mount_request **ret, struct strv *ret_warnings,
		     struct err *err);

/* Resources as the cgroups' limits: for `update`, too. */
int plan_limits(struct arena *arena, const struct config_resources *resources, struct cg_limits *ret, struct err *err);

/* The hooks alone: for the commands that come after the creation (poststart, poststop). */
int plan_config_hooks(struct arena *arena, const struct config *config, plan_hook_list ret[HOOK_KIND_COUNT],
		      struct err *err);

/*
 * Adds the plan as JSON for people to `out` (`--dry-run`). The names are config.json's where it has one. 0 or -ENOMEM.
 */
int plan_print(const struct plan *plan, struct text *out, struct err *err);

#endif
