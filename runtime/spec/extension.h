/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hull.json, schema version 1: what OCI's config.json cannot say about an instance that `hull run` made.
 *
 * It lies beside config.json in the instance's data folder, mode 0600, and is made by hull alone: never from
 * annotations, never from an image. So it is strict: an unknown member or another schema version is an error. Like
 * config.json it is only read here; the plan gives it meaning. Everything points into the arena.
 *
 * Where config.json can say a thing, only config.json says it: the process, its terminal, a read-only root
 * (root.readonly), namespaces, id mappings, limits, the mounts of the basic file systems. root.path is then "rootfs",
 * and not looked at when there are lowers.
 */
#ifndef HULL_RUNTIME_SPEC_EXTENSION_H
#define HULL_RUNTIME_SPEC_EXTENSION_H

#include "runtime/spec/fields.h"

#define EXTENSION_VERSION   1
#define EXTENSION_FILE	    "hull.json"
#define EXTENSION_FILE_MODE 0600

enum extension_isolation { ISOLATION_NS, ISOLATION_VM };				       /* "ns" "vm" */
enum extension_network_mode { NETWORK_BRIDGE, NETWORK_NONE, NETWORK_HOST, NETWORK_CONTAINER }; /* "bridge" … */
enum extension_protocol { PROTOCOL_TCP, PROTOCOL_UDP };					       /* "tcp" "udp" */
enum extension_volume_kind { VOLUME_NAMED, VOLUME_HOST, VOLUME_TMPFS };		  /* "named" "host" "tmpfs" */
enum extension_restart_policy { RESTART_NO, RESTART_ON_FAILURE, RESTART_ALWAYS }; /* "no" "on-failure" "always" */

struct extension_image {
	const char *name; /* as the user gave it */
	const char *id;	  /* "sha256:…" */
};

struct config_vm_image;

/* With isolation vm: what the user asked for. NULL: whatever this host has that works. */
struct extension_vm {
	const char *backend; /* "kvm", "qemu" */
	const char *kernel;  /* a name in the store of kernels */
	/* Of the guest's own root. config.json could say it only beside a kernel's path. NULL: it is in memory. */
	struct config_vm_image *image;
};

/* An overlay. No lowers: the root is config.json's root.path (`--rootfs`), and upper and work are absent. */
struct extension_root {
	struct strv lowers;	  /* absolute paths of layer folders, TOP FIRST */
	const char *upper, *work; /* absolute paths */
};

/* The instance's own range of ids; config.json's mappings are {0, base, size}. Absent with `--userns host`. */
struct extension_id_range {
	uint32_t base, size;
};

struct extension_port {
	const char *host_ip; /* dotted IPv4; NULL: every address */
	uint16_t host_port, container_port;
	enum extension_protocol protocol;
};

/*
 * Absolute paths of the files that are bind-mounted over /etc/hosts, /etc/hostname and /etc/resolv.conf. NULL: not
 * mounted.
 */
struct extension_network_files {
	const char *hosts, *hostname, *resolv_conf;
};

struct extension_network {
	enum extension_network_mode mode;
	const char *name;      /* the network's name with mode bridge; NULL: the default one */
	const char *container; /* mode container: the other instance's id */
	LIST_OF(struct extension_port) ports;
	const char *ip, *mac; /* wanted; NULL: any */
	struct strv dns, dns_search, dns_options;
	struct strv add_hosts; /* "name:address" */
	struct extension_network_files files;
};

struct extension_volume {
	enum extension_volume_kind kind;
	const char *name; /* of a named one */
	/* absolute path on the host: of the named one's data folder, or the host path. NULL for tmpfs */
	const char *source;
	const char *destination; /* absolute path inside */
	bool read_only;
	bool idmap;	     /* ids on disk are the container's. Named ones always; host paths by `:idmap` */
	bool chown;	     /* `:U`: owners are changed to the container's user before the start */
	struct strv options; /* more OCI mount options: "rslave", "noexec", "size=64m" */
};

struct extension_log {
	const char *path;   /* absolute; NULL: no log */
	uint64_t max_bytes; /* rotation begins past this; 0: never */
	uint32_t max_files;
};

struct extension_restart {
	enum extension_restart_policy policy;
	uint32_t max_retries; /* on-failure only; 0: no bound */
};

/* A namespace of another instance. The caller of plan_make() resolves it: plan_host.joined. */
struct extension_join {
	const char *type;      /* "network", "ipc", "pid", "uts", "user" … as in config.json */
	const char *container; /* the instance's id */
};

struct extension {
	uint32_t version; /* EXTENSION_VERSION */
	const char *name; /* as `--name` or made up; never NULL */
	uint64_t created; /* ns since the epoch */
	enum extension_isolation isolation;
	struct extension_vm vm;
	struct extension_image image; /* both NULL with --rootfs */
	struct extension_root root;
	struct extension_id_range *id_range;
	struct extension_network network;
	LIST_OF(struct extension_join) joins;
	LIST_OF(struct extension_volume) volumes;
	/* "app", "1000:staff": looked up in the root's passwd and group when it exists. NULL: config.json's numbers */
	const char *user_words;
	struct strv group_words; /* more groups of its user by name, looked up there too; numbers are in config.json */
	struct strv command;	 /* as `ps` shows it */
	struct strmap labels;
	struct extension_log log;
	struct extension_restart restart;
	const char *stop_signal;     /* "SIGTERM"; NULL: that */
	struct opt_i64 stop_timeout; /* seconds; absent: 10; -1: waits for ever */
	bool default_seccomp;	 /* hull's own allow-list for the bounding set; config.json has no linux.seccomp then */
	bool auto_remove;	 /* --rm */
	bool interactive;	 /* -i: stdin is kept open */
	bool init;		 /* --init: hull's own init is the first process, and starts the command */
	const char *detach_keys; /* "ctrl-p,ctrl-q"; NULL: that */
};

/* The words of hull.json for its enums, which are also the command line's. */
const char *extension_isolation_name(enum extension_isolation isolation);
const char *extension_network_mode_name(enum extension_network_mode mode);
const char *extension_protocol_name(enum extension_protocol protocol);
const char *extension_volume_kind_name(enum extension_volume_kind kind);
const char *extension_restart_policy_name(enum extension_restart_policy policy);

/* Reads hull.json below `dirfd`. -ENOENT without words where there is none: an OCI bundle has no such file. */
int extension_read(struct arena *arena, int dirfd, const char *name, const struct extension **ret, struct err *err);
/* The same from memory. 0, -EINVAL, -ENOMEM. */
int extension_parse(struct arena *arena, const char *data, size_t len, const char *what, const struct extension **ret,
		    struct err *err);
/* Adds it as JSON, indented, to `out`. 0 or -ENOMEM. The caller writes the file (durably, EXTENSION_FILE_MODE). */
int extension_write(const struct extension *extension, struct text *out, struct err *err);

#endif
