/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A criu(8) at work: found, started as a worker, and spoken with (criu_message.h). It runs with the host's rights and
 * looks at what a container has left behind, so it has nothing of this process's but what it is given.
 */
#ifndef HULL_RUNTIME_CORE_CRIU_H
#define HULL_RUNTIME_CORE_CRIU_H

#include <sys/types.h>

#include "runtime/base/arena.h"
#include "runtime/base/err.h"
#include "runtime/base/scope.h"
#include "runtime/core/cgroup_options.h"
#include "runtime/core/criu_message.h"

/* The worker's descriptors, as options name them: 0, 1 and 2 are /dev/null and its output, 3 is the socket. */
enum { CRIU_IMAGES = 4, CRIU_WORK = 5, CRIU_PROGRAM = 6, CRIU_FIRST_GIFT = 7 };

struct criu {
	pid_t pid; /* 0: none */
	int pidfd;
	int socket;
	int output;		       /* what it printed: a file in memory */
	struct cgroup_options cgroups; /* as they were, and are to be again */
	pid_t guard;		       /* who puts them back after it; 0: none */
};
#define CRIU_INIT ((struct criu){.pidfd = -1, .socket = -1, .output = -1})

/*
 * The path of the program: `wanted` where it has a '/', else the program of that name (NULL: "criu") in the folders
 * where a system keeps such programs; PATH is not asked. -ENOENT with words that name Debian's package. The path is in
 * the arena.
 */
int criu_find(struct arena *arena, const char *wanted, const char **ret, struct err *err);

/*
 * CRIU holds the container's network still, from the dump to the end of the restore, by iptables(8): without it the
 * network would stay shut. -ENOENT with words that name the package.
 */
int criu_check_network(struct err *err);

struct criu_start {
	const char *program; /* criu_find() */
	const char *images;  /* a folder, becomes CRIU_IMAGES */
	const char *work;    /* a folder, becomes CRIU_WORK */
	const int *gifts;    /* descriptors that it gets as CRIU_FIRST_GIFT and on */
	size_t gift_count;
	/*
	 * In the worker, before it becomes criu, with a mount namespace of its own: what criu is to find mounted. May
	 * put another descriptor in place of the images' folder. May be NULL.
	 */
	int (*prepare)(void *context, int *images, struct err *err);
	void *context;
};

/*
 * Starts a worker. It opens the folders by itself, in its own mount namespace, since it mounts there. The caller has
 * one thread, and is the parent of what is restored. 0 or -errno.
 */
int criu_begin(const struct criu_start *start, struct criu *ret, struct err *err);

int criu_ask(struct criu *criu, enum criu_kind kind, const struct criu_options *options, struct err *err);
/*
 * Waits for the next answer. *ret_fd gets a descriptor that came along, or -1; the caller's. -ECONNRESET with what it
 * printed: it ended without one. That it failed is an answer: `success` is false.
 */
int criu_listen(struct criu *criu, struct criu_answer *ret, int *ret_fd, struct err *err);
/* The word that a notification waits for. */
int criu_reply(struct criu *criu, bool go_on, struct err *err);

/* Waits for its end after the last answer. */
void criu_wait(struct criu *criu);
/*
 * Ends it, whatever it is at: it takes back what it has done, or is killed after a while; then every child of this
 * process goes, which it may have begun to restore. Nothing held is fine.
 */
void criu_close(struct criu *criu);
#define CLEANUP_CRIU CLEANUP(criu_close)

/*
 * What CRIU has to say of a failure: the answer's own words, or the first error of its log, which is in the folder
 * `log_fd`; and where that log is. `folder` is its path, for words. Returns -errno.
 */
int criu_failed(const struct criu_answer *answer, int log_fd, const char *folder, const char *log, struct err *err);

#endif
