/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is said to criu(8) and what it answers, when it runs as somebody's worker (`criu swrk FD`): messages of protocol
 * buffers, version 2, as CRIU's rpc.proto numbers them. Only what a runtime needs of them. No system calls here.
 *
 * A worker can do what the command line cannot: tell of its steps while it waits for a word, hand out the master of a
 * terminal that it has made again, and leave what it restores to its parent.
 */
#ifndef HULL_RUNTIME_CORE_CRIU_MESSAGE_H
#define HULL_RUNTIME_CORE_CRIU_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"
#include "runtime/base/text.h"
#include "runtime/spec/fields.h"

/* CRIU's criu_req_type. */
enum criu_kind { CRIU_EMPTY = 0, CRIU_DUMP = 1, CRIU_RESTORE = 2, CRIU_NOTIFY = 6, CRIU_PRE_DUMP = 13 };

/* CRIU's criu_cg_mode. */
enum criu_cgroup_mode {
	CRIU_CGROUP_IGNORE = 0,
	CRIU_CGROUP_NONE = 1,
	CRIU_CGROUP_PROPS = 2,
	CRIU_CGROUP_SOFT = 3,
	CRIU_CGROUP_FULL = 4,
	CRIU_CGROUP_STRICT = 5,
};
/* The mode of its word as engines say it ("soft"), or -EINVAL. */
int criu_cgroup_mode_parse(const char *words);
extern const char *const criu_cgroup_mode_words[]; /* ends with NULL */

/* Two things that belong together. `second` NULL: it is `number` instead. */
struct criu_pair {
	const char *first, *second;
	int32_t number;
};
typedef LIST_OF(struct criu_pair) criu_pairs;

/* What CRIU is to do: its criu_opts. Numbers that are -1, words that are NULL and flags that are false are not said. */
struct criu_options {
	int32_t images_fd, work_fd; /* folders, as this process's descriptors */
	int32_t pid;		    /* of the tree's first process, to dump */
	const char *log_file;	    /* in the work folder */
	int32_t log_level;
	const char *root;
	bool notify;
	bool leave_running, ext_unix_sk, tcp_established, tcp_skip_in_flight, link_remap, shell_job, file_locks,
		tcp_close;
	bool track_memory, auto_dedup, lazy_pages, external_masters, orphan_terminal, evasive_devices, as_sibling;
	const char *parent; /* of the images, relative to them */
	const char *freezer;
	const char *lsm_profile, *lsm_mount_context;
	int32_t cgroup_mode;
	int32_t empty_namespaces;   /* CLONE_NEW* */
	criu_pairs page_server;	    /* one: address, port */
	criu_pairs cgroup_roots;    /* controller (NULL: of v2), path */
	criu_pairs inherited;	    /* key, descriptor of the worker */
	criu_pairs external_mounts; /* dump: place inside, key; restore: key, path on the host */
	criu_pairs joins;	    /* kind of namespace, path */
	struct strv external;	    /* "net[4026531992]:key" */
};
#define CRIU_OPTIONS_INIT                         \
	((struct criu_options){.images_fd = -1,   \
			       .work_fd = -1,     \
			       .pid = -1,         \
			       .log_level = -1,   \
			       .cgroup_mode = -1, \
			       .empty_namespaces = -1})

/* Adds the request to `out`. */
void criu_write_request(enum criu_kind kind, const struct criu_options *options, struct text *out);
/* "Go on", or "give up", to a notification. */
void criu_write_reply(bool go_on, struct text *out);

#define CRIU_WORDS_BYTES 512
struct criu_answer {
	uint32_t kind;
	bool success;
	char step[32];		    /* of a notification: "setup-namespaces"; else "" */
	int32_t pid;		    /* of the tree's first process, where it is told; else 0 */
	int32_t code;		    /* a positive errno of a failure, or 0 */
	char why[CRIU_WORDS_BYTES]; /* CRIU's first error, one line; or "" */
};
/* 0, or -EBADMSG with words: no such message. */
int criu_read_answer(const void *data, size_t len, struct criu_answer *ret, struct err *err);

#endif
