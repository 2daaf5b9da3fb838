/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a parent and the child it has cloned say to one another while a container is made: named stages, errors,
 * descriptors.
 *
 * A SOCK_SEQPACKET pair; one message is one packet. Every wait names the stage it expects. The end of the stream is
 * never success: a peer that died is -ECONNRESET with words, and a message that was not expected is -EPROTO.
 */
#ifndef HULL_RUNTIME_BASE_SYNC_H
#define HULL_RUNTIME_BASE_SYNC_H

#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/err.h"
#include "runtime/base/scope.h"

#define SYNC_MAX_FDS   16
#define SYNC_MAX_WORDS 4096

/*
 * `stage` is the users' own enum (1..255); names for messages are given with `stage_names`, indexed by stage, at
 * sync_pair().
 */
struct sync {
	int fd;			  /* -1: closed */
	const char *const *names; /* stage names for error words */
	unsigned name_count;
	const char *peer; /* in errors: "child process", "parent process"; the user may set better words */
};

/* Makes both ends, CLOEXEC. After the clone each side closes the other's: only then does the end of the stream show. */
int sync_pair(struct sync *ret_parent, struct sync *ret_child, const char *const *names, unsigned name_count,
	      struct err *err);
/*
 * The same between processes that are no relatives: a child that waits to be started outlives who made it, and listens
 * on a socket below a folder of hull's own (mode 0600; see sock_listen()). sync_listen() gives the descriptor for
 * sync_accept(), which waits for the next one that connects. Both set `ret->fd` to -1 when they fail.
 */
int sync_listen(int dirfd, const char *name, struct err *err);
int sync_accept(int listen_fd, struct sync *ret, const char *const *names, unsigned name_count, struct err *err);
int sync_connect(int dirfd, const char *name, struct sync *ret, const char *const *names, unsigned name_count,
		 struct err *err);
void sync_close(struct sync *sync);
#define CLEANUP_SYNC CLEANUP(sync_close)

/*
 * "I have done `stage`." With up to SYNC_MAX_FDS descriptors and up to SYNC_MAX_WORDS bytes along. When the peer is
 * gone: the error that it left, or -ECONNRESET.
 */
int sync_send(struct sync *sync, unsigned stage, struct err *err);
int sync_send_data(struct sync *sync, unsigned stage, const void *data, size_t len, const int *fds, unsigned fd_count,
		   struct err *err);
/* Tells the peer's sync_wait() that this side failed; it returns the same error there. */
void sync_send_err(struct sync *sync, const struct err *failure);

/* Waits for exactly `stage`. The peer's error is copied into `err`. */
int sync_wait(struct sync *sync, unsigned stage, struct err *err);
/*
 * As above, and takes what came along. `*len` in: room, out: received. `*fd_count` likewise; the descriptors are
 * CLOEXEC and the caller's.
 */
int sync_wait_data(struct sync *sync, unsigned stage, void *to, size_t *len, int *ret_fds, unsigned *fd_count,
		   struct err *err);
/*
 * Waits for the peer to close its end by exec or exit, or to report an error. 0: closed. Only after the peer sent its
 * last stage.
 */
int sync_wait_closed(struct sync *sync, struct err *err);

#endif
