/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the agent in a guest is told and tells, as JSON: the START document, the EXEC document, and the container's
 * figures. Version 1.
 *
 * START and EXEC are written on the host and read in the guest, figures the other way. Each side is strict with the
 * other: unknown members are refused, so that an agent of another version cannot leave out a protection that it has not
 * heard of.
 *
 * START: the agent finds the disks by their serial numbers, enters the machine's own root if there is an image of it,
 * mounts the container's root at GUEST_ROOT and each volume at its `path`, sets up the network, writes the files, and
 * makes the program from `config`. So `config` is the bundle's config.json less what the machine itself stands for: no
 * user, network or time namespace, no id maps, no hooks, no cgroupsPath, no root (GUEST_ROOT it is), no vm, and bind
 * sources below GUEST_VOLUMES; root.readonly is `read_only` here.
 */
#ifndef HULL_RUNTIME_SPEC_GUEST_H
#define HULL_RUNTIME_SPEC_GUEST_H

#include "cgroups/stats.h"
#include "net/counters.h"
#include "runtime/spec/config.h"
#include "runtime/spec/fields.h"

#define GUEST_VERSION 1
/* Where things are in the guest, outside the container. */
#define GUEST_ROOT    "/run/hull/root"
#define GUEST_VOLUMES "/run/hull/volumes" /* a volume's path is GUEST_VOLUMES "/N" */

/*
 * With `shared`: a virtio-fs tag as the root, and no layers. Else layers, and a writable disk above them, or none (a
 * tmpfs is above them then).
 */
struct guest_root {
	struct strv layers; /* serials of read-only EROFS disks, TOP FIRST */
	const char *upper;  /* serial of the writable ext4 disk; NULL: a tmpfs */
	const char *shared;
	bool read_only;
};

struct guest_volume {
	const char *tag;
	const char *path; /* GUEST_VOLUMES "/" and more */
	bool read_only;
	bool fill; /* when it is empty it begins with what the root has at its destination */
};

struct guest_network {
	const char *mac;     /* of the interface; NULL: the first that is not lo */
	const char *address; /* dotted IPv4 */
	uint32_t prefix;
	const char *gateway; /* NULL: no default route */
};

/* One that an engine has made for a container: the guest's is to be the same (net/interface.h). */
struct guest_route {
	const char *to;	 /* "0.0.0.0/0" */
	const char *via; /* NULL: on the link */
};
struct guest_interface {
	const char *mac; /* how it is found */
	const char *name;
	uint32_t mtu;
	struct strv addresses; /* "10.88.0.5/16" */
	LIST_OF(struct guest_route) routes;
};

/*
 * Contents, not paths. NULL: the image's own is seen. Mounted over /etc/hosts, /etc/hostname, /etc/resolv.conf; gone
 * with the machine.
 */
struct guest_files {
	const char *hosts, *hostname, *resolv_conf;
};

/* What hull.json says of the process, and config.json cannot. */
struct guest_user {
	const char *user_words; /* looked up in the root's passwd and group; NULL: config.json's numbers */
	struct strv group_words;
};

struct guest_start {
	uint32_t version; /* GUEST_VERSION */
	const char *id;
	struct config *config;
	const char *image; /* serial of the disk that is the guest's own root, which is not written to; NULL: memory */
	struct guest_root root;
	LIST_OF(struct guest_volume) volumes;
	struct strv own; /* folders and files of volumes (GUEST_VOLUMES "/N…") that become the program's user's */
	struct guest_network *network; /* NULL: lo, and `interfaces` */
	LIST_OF(struct guest_interface) interfaces;
	struct guest_files files;
	struct guest_user user;
	bool default_seccomp; /* hull's own allow-list for the bounding set */
	bool init;	      /* hull-init is the first process */
	bool interactive;     /* standard input is kept; else it is /dev/null */
};

/* A question to the agent itself: a process of its own answers it, on its standard output, and ends with 0. */
enum guest_question {
	GUEST_ASKS_NOTHING,
	GUEST_ASKS_PROCESSES, /* those in the container: a line each (runtime/core/processes.h) */
	GUEST_ASKS_LIMITS,    /* sets those of `resources` on the container; says nothing */
};

struct guest_exec {
	uint32_t version;		    /* GUEST_VERSION */
	enum guest_question question;	    /* either this */
	struct config_resources *resources; /* and with GUEST_ASKS_LIMITS these */
	struct config_process *process;	    /* or a process in the container */
	struct guest_user user;
	bool interactive; /* as above */
	bool detached;	  /* no streams at all: /dev/null */
};

/* What the container has used, and what of: its own network namespace, the memory of the kernel it runs on. */
struct guest_stats {
	struct cg_stat stat;
	uint64_t memory_total_bytes;
	struct net_counters interfaces;
};

/* The tables, for tests. */
extern const struct field_table guest_start_fields, guest_exec_fields, guest_stats_fields;

/* Adds the document to `out`. 0 or -ENOMEM. */
int guest_start_write(const struct guest_start *start, struct text *out, struct err *err);
int guest_exec_write(const struct guest_exec *exec, struct text *out, struct err *err);
int guest_stats_write(const struct guest_stats *stats, struct text *out, struct err *err);

/*
 * Parses. All in the arena. Required members are there in what succeeds; paths and serials are plain. 0, -EINVAL,
 * -ENOMEM, -EFBIG; -ENOTSUP: another version.
 */
int guest_start_parse(struct arena *arena, const char *data, size_t len, struct guest_start *ret, struct err *err);
int guest_exec_parse(struct arena *arena, const char *data, size_t len, struct guest_exec *ret, struct err *err);
int guest_stats_parse(struct arena *arena, const char *data, size_t len, struct guest_stats *ret, struct err *err);

/*
 * Whether these rules (NULL: none) let the program make any node, as those of --privileged do. It has all of the
 * guest's own devices then, and nodes of the host's that its config.json lists beside them mean nothing there.
 */
bool guest_allows_any_device(const struct config_resources *resources);

#endif
