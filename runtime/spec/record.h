/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * record.json: the state record of an instance, schema version 1, in <root>/ID/.
 *
 * This is the codec only: JSON both ways, bounded. Who may change a record, under which lock, is the life cycle's
 * business (runtime/core). It is hull's own: unknown members are refused, so that an older hull does not drop what a
 * newer one wrote.
 *
 * A record is a claim about the past. Whether the process is still there is asked of the kernel: (pid, start_ticks)
 * within boot_id.
 */
#ifndef HULL_RUNTIME_SPEC_RECORD_H
#define HULL_RUNTIME_SPEC_RECORD_H

#include <sys/types.h>

#include "runtime/spec/config.h"
#include "runtime/spec/extension.h"
#include "runtime/spec/fields.h"
#include "runtime/vm/last_words.h"

#define RECORD_VERSION	 1
#define RECORD_FILE	 "record.json"
#define RECORD_FILE_MODE 0600
#define RECORD_MAX_BYTES ((size_t)1 << 20)

/*
 * "creating" "created" "running" "paused" "stopped". PAUSED is never stored: it is derived from the freezer when asked.
 */
enum record_status { RECORD_CREATING, RECORD_CREATED, RECORD_RUNNING, RECORD_PAUSED, RECORD_STOPPED };

/* A process beyond its pid. pid 0: none. */
struct record_process {
	int32_t pid;
	uint64_t start_ticks; /* proc_start_time() */
};

struct record_cgroup {
	const char *driver; /* "cgroupfs" "systemd" "disabled"; NULL: none made yet */
	const char *path;   /* cg_place(): may have several lines */
};

/* What the network gave; all NULL and 0 without a lease. */
struct record_net {
	const char *state_dir; /* whose files hold the lease */
	const char *name;      /* the network */
	const char *ip, *gateway, *mac, *veth;
	uint32_t prefix_len;
	LIST_OF(struct extension_port) ports;
};

struct record_exit {
	bool known;	/* false while running, and when nobody saw the end: never taken for 0 */
	int32_t code;	/* exit code, or 128 + signal */
	int32_t signal; /* 0: ended by itself */
	bool oom;	/* the kernel killed for want of memory */
	/*
	 * Of a machine that ended without its program's exit code: why (runtime/vm/last_words.h), as a word and as a
	 * line. Not in record.json.
	 */
	char cause[LAST_WORDS_CAUSE_BYTES];
	char words[LAST_WORDS_BYTES];
};

/* How to reach a namespace from the host: "/proc/PID/ns/net", or the path that was joined. */
struct record_namespace {
	const char *type, *path;
};

/* A mount that was added to a running instance. */
struct record_mount {
	const char *destination;	/* as it was asked for */
	uint64_t number, device, inode; /* as in struct mount_identity: nothing else is ever taken for it */
};

/* What the first process was given as standard input, output or error. */
struct record_stream {
	const char *link; /* as /proc/PID/fd shows it: "pipe:[123]", "/dev/null" */
	const char
		*key; /* by which a restored process asks for another in its place, as CRIU names it; NULL: it cannot */
};

struct record {
	uint32_t version;
	const char *id, *name; /* name: hull.json's; NULL for a plain OCI bundle */
	const char *oci_version;
	const char *bundle;    /* absolute */
	const char *data_dir;  /* the instance's data folder, or NULL */
	const char *root_path; /* the root's folder for a plain bundle, or NULL with an overlay */
	const char *backend;   /* "ns" … */
	enum record_status status;
	struct record_process init;   /* the container's first process, host pid */
	struct record_process keeper; /* its parent: engine, then keeper; or the creator while that runs */
	const char *boot_id;
	bool rootless;
	bool terminal;
	bool root_apart;  /* its processes' root is in no mount namespace: namespaces/root_apart.h */
	bool host_mounts; /* and theirs is that of the runtime, with the same user namespace: plan.h */
	/* the bundle has hooks for after the start, or after the end: else it need not be read again for them */
	bool late_hooks;
	struct record_cgroup cgroup;
	struct record_net net;
	struct extension_id_range *id_range; /* held, or NULL */
	struct strv steps;		     /* the phases that ran, oldest first: what is still to be undone */
	uint64_t created, started, finished; /* ns since the epoch; 0: not yet */
	struct record_exit exit;
	uint32_t restart_count;
	struct strmap annotations;
	LIST_OF(struct record_namespace) namespaces;
	struct config_resources *updated;      /* limits that `update` has set since the creation, or NULL */
	LIST_OF(struct record_stream) streams; /* three, or none: with a terminal, and with a keeper */
	LIST_OF(struct record_mount) mounts;   /* added while it runs, oldest first */
};

/* Parses `len` bytes of JSON. 0, -EINVAL, -EFBIG, -ENOMEM. All in the arena. */
int record_parse(struct arena *arena, const char *data, size_t len, const char *what, struct record *ret,
		 struct err *err);
/* Reads a file below `dirfd`. -ENOENT has words: a folder without a record. */
int record_read(struct arena *arena, int dirfd, const char *name, struct record *ret, struct err *err);
/*
 * What can still be read of a record that record_read() refuses, because a newer hull wrote it or the file is damaged:
 * members up to the first that makes no sense; the rest is zero, but for the id. For taking back what it names, and
 * nothing else.
 */
void record_salvage(struct arena *arena, int dirfd, const char *name, const char *id, struct record *ret);
/* Adds it as JSON to `out`. 0 or -ENOMEM. */
int record_write(const struct record *record, struct text *out, struct err *err);

/* "running". */
const char *record_status_name(enum record_status status);
/* The status, or -EINVAL. */
int record_status_parse(const char *words);

/*
 * Adds the state as the OCI specification (runtime.md, "State") defines it, for hooks' stdin and `hull-oci state`.
 * `status` is what the kernel says now. `pid` is the init process's as seen by whoever reads it; 0 leaves it out
 * (stopped). Besides the specified members: "created" and "rootfs", which callers of this field read. `indent` for
 * people.
 */
int record_state_json(const struct record *record, enum record_status status, pid_t pid, bool indent, struct text *out,
		      struct err *err);
/*
 * The container process state (config-linux.md, "The Container Process State"), sent with a seccomp notify descriptor.
 */
int record_process_state_json(const struct record *record, enum record_status status, pid_t pid, const char *metadata,
			      struct text *out, struct err *err);

#endif
