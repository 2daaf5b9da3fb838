/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A plan from a few words of JSON: the parts that a case does not speak of are ordinary ones, of an ordinary machine.
 */
#ifndef HULL_TESTS_UNIT_SPEC_PLAN_CASE_H
#define HULL_TESTS_UNIT_SPEC_PLAN_CASE_H

#include "runtime/spec/plan.h"
#include "runtime/spec/plan_vm.h"
#include "tests/unit/tap.h"

enum plan_case_host {
	NO_USER_NS = 1 << 0,
	NO_TIME_NS = 1 << 1,
	NO_IDMAP = 1 << 2,
	NO_SECCOMP = 1 << 3,
	ROOTLESS = 1 << 4,
	SYSTEMD = 1 << 5,
	LSM = 1 << 6,
	FEW_CAPS = 1 << 7,
	JOINABLE = 1 << 8, /* hull.json's joins resolve */
	NO_CGROUP_NS = 1 << 9,
	MACHINE = 1 << 10,	  /* a machine is wanted: plan_case_machine */
	OWN_MOUNTS = 1 << 11,	  /* the mount namespace that is to be joined is the caller's own, */
	FOREIGN_MOUNTS = 1 << 12, /* or of a user namespace where the container has no rights, */
	NO_MOUNTS = 1 << 13,	  /* or not there */
};

/*
 * Bodies without their braces, with ' for JSON's ", which C would want escaped. NULL: the ordinary part. Empty: the
 * part is absent.
 */
struct plan_case {
	unsigned host;
	const char *version;
	const char *root;	/* "path" */
	const char *process;	/* "cwd", "args" */
	const char *namespaces; /* the array's items */
	const char *linux_;	/* what else linux has */
	const char *mounts;	/* the array's items */
	const char *more;	/* what else the document has */
	const char *extension;	/* hull.json beside its version and name */
	const char *words;	/* what the refusal or a warning says */
};

#define OWN(kinds)    "{'type':'mount'}" kinds
#define KIND(name)    ",{'type':'" name "'}"
#define JOIN_MOUNTS   "{'type':'mount','path':'/m'}"
#define ALL_KINDS     OWN(KIND("pid") KIND("network") KIND("ipc") KIND("uts") KIND("cgroup"))
#define WITH_USER     ALL_KINDS KIND("user")
#define RANGE	      "[{'containerID':0,'hostID':1879048192,'size':65536}]"
#define MAPPED	      "'uidMappings':" RANGE ",'gidMappings':" RANGE
#define PROCESS(more) "'cwd':'/','args':['sh']," more
#define NET(more)     "'network':{" more "}"
#define NO_NET	      NET("'mode':'none'")
#define VM(more)      "'isolation':'vm','idRange':{'base':1879048192,'size':65536}," more

/* What machines are made of. Static: a case may change it, and puts it back. */
static struct plan_vm_host plan_case_machine = {
	.backend = VM_BACKEND_QEMU,
	.kernel = "/k/vmlinux",
	.initrd = "/k/initrd",
	.qemu = "/usr/bin/qemu",
};

static unsigned plan_case_wanted; /* of the host that was made last */

static inline bool plan_case_has_namespaces(enum ns_kind kind)
{
	return !(plan_case_wanted & (kind == NS_USER	 ? NO_USER_NS
				     : kind == NS_TIME	 ? NO_TIME_NS
				     : kind == NS_CGROUP ? NO_CGROUP_NS
							 : 0));
}

static inline struct plan_host plan_case_host(unsigned wanted)
{
	struct plan_host host = {
		.id = "abc",
		.bundle = "/bundle",
		.cgroup_driver = wanted & SYSTEMD ? CG_DRIVER_SYSTEMD : CG_DRIVER_CGROUPFS,
		.net_state_dir = "/run/hull/net",
		.rootless = wanted & ROOTLESS,
		.uid = wanted & ROOTLESS ? 1000 : 0,
		.gid = wanted & ROOTLESS ? 1000 : 0,
		.caps = wanted & FEW_CAPS ? CAPS_BIT(0) : UINT64_MAX,
		.cap_last = 40,
		.has_namespaces = plan_case_has_namespaces,
		.seccomp = !(wanted & NO_SECCOMP),
		.idmapped_mounts = !(wanted & NO_IDMAP),
		.vm = wanted & MACHINE ? &plan_case_machine : NULL,
		.apparmor = wanted & LSM,
		.selinux = wanted & LSM,
		.mount_join = {.is_callers = wanted & OWN_MOUNTS, .is_foreign = wanted & FOREIGN_MOUNTS},
	};

	plan_case_wanted = wanted;
	if (wanted & NO_MOUNTS)
		(void)err_say(&host.mount_join.why, ENOENT, "mount namespace '/m': gone");

	for (int kind = 0; kind < NS_COUNT && (wanted & JOINABLE); kind++)
		host.joined[kind] = "/proc/42/ns/x";
	return host;
}

/* What a case says, as JSON. */
static inline void plan_case_quote(struct text *document)
{
	for (size_t i = 0; i < document->len; i++)
		if (document->data[i] == '\'')
			document->data[i] = '"';
}

static inline void plan_case_part(struct text *to, const char *name, char open, const char *body, const char *ordinary,
				  char close)
{
	const char *words = body ? body : ordinary;

	if (*words || open == '[')
		text_addf(to, ",'%s':%c%s%c", name, open, words, close);
}

static inline void plan_case_document(const struct plan_case *from, struct text *to)
{
	CLEANUP_TEXT struct text os = TEXT_INIT;

	text_addf(&os, "'namespaces':[%s]%s%s", from->namespaces ? from->namespaces : ALL_KINDS,
		  from->linux_ ? "," : "", from->linux_ ? from->linux_ : "");
	text_addf(to, "{'ociVersion':'%s'", from->version ? from->version : "1.2.0");
	plan_case_part(to, "root", '{', from->root, "'path':'rootfs'", '}');
	plan_case_part(to, "process", '{', from->process, "'cwd':'/','args':['sh']", '}');
	plan_case_part(to, "mounts", '[', from->mounts, "", ']');
	plan_case_part(to, "linux", '{', text_get(&os), "", '}');
	text_addf(to, "%s%s}", from->more ? "," : "", from->more ? from->more : "");
	plan_case_quote(to);
}

/* Reads the case's documents (which must be readable) and makes the plan. What plan_make() returns. */
static inline int plan_case_make(struct arena *arena, const struct plan_case *from, struct plan *ret, struct err *err)
{
	CLEANUP_TEXT struct text document = TEXT_INIT, hull = TEXT_INIT;
	struct plan_host *host = ARENA_NEW(arena, struct plan_host);
	const struct config *config;
	const struct extension *extension = NULL;

	*host = plan_case_host(from->host);
	plan_case_document(from, &document);
	if (config_parse(arena, document.data, document.len, "config.json", &config, NULL, err) < 0) {
		printf("# %s\n# %s\n", text_get(&document), err->msg);
		return 1;
	}
	if (from->extension) {
		text_addf(&hull, "{'version':1,'name':'n',%s}", from->extension);
		plan_case_quote(&hull);
		if (extension_parse(arena, hull.data, hull.len, "hull.json", &extension, err) < 0) {
			printf("# %s\n# %s\n", text_get(&hull), err->msg);
			return 1;
		}
	}
	return plan_make(arena, config, extension, host, ret, err);
}

/* Makes the plan of a case, or fails the test with the reason. */
static inline bool make(struct arena *arena, struct plan_case from, struct plan *ret)
{
	struct err err = ERR_INIT;
	int r = plan_case_make(arena, &from, ret, &err);

	if (r != 0)
		printf("# %s\n", err.msg);
	CHECK_INT(r, 0);
	return r == 0;
}

static inline bool warned(const struct plan *plan, const char *words)
{
	for (size_t i = 0; i < plan->warnings.count; i++)
		if (strstr(plan->warnings.items[i], words))
			return true;
	return false;
}

/* A machine's. */
static inline struct plan_case machine_case(const char *more, const char *extension)
{
	return (struct plan_case){.host = MACHINE, .namespaces = WITH_USER, .linux_ = more, .extension = extension};
}

#endif
