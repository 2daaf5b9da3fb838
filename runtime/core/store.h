/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state directory: one folder an instance, `<root>/ID/`, with its record and what belongs to its running (sockets,
 * FIFOs). All of it dies with the boot, so nothing here is synced to disk.
 *
 * The lock of an instance is an flock on its folder: nothing to leave behind, and a folder that was removed while one
 * waited is noticed.
 */
#ifndef HULL_RUNTIME_CORE_STORE_H
#define HULL_RUNTIME_CORE_STORE_H

#include <stdbool.h>

#include "runtime/base/arena.h"
#include "runtime/base/err.h"
#include "runtime/base/file.h"
#include "runtime/base/scope.h"
#include "runtime/base/text.h"

#define STORE_ID_MAX_BYTES 255

struct store {
	int fd;		  /* the root folder; -1 when closed */
	const char *path; /* kept, not copied */
};

/* Opens the root folder; makes it (0700, or 01700 with `sticky` for engines that expect it) where it is missing. */
int store_open(const char *path, bool sticky, struct store *ret, struct err *err);
void store_close(struct store *store);
#define CLEANUP_STORE CLEANUP(store_close)

/* [a-zA-Z0-9_+-][a-zA-Z0-9_+.-]*, at most STORE_ID_MAX_BYTES. */
int store_check_id(const char *id, struct err *err);

/*
 * Claims a new id: its folder appears at once and locked, so no other command ever sees it half made. The folder's
 * descriptor, which holds the lock; -EEXIST with words when the id is taken.
 */
int store_claim(const struct store *store, const char *id, struct err *err);
/*
 * The same for an instance: `fill` writes its record before the folder appears. So one whose creator is killed has a
 * record, or it has no folder.
 */
int store_claim_filled(const struct store *store, const char *id, file_fill_fn *fill, const void *user,
		       struct err *err);

/* The folder of an instance, not locked. -ENOENT with words when there is none. */
int store_find(const struct store *store, const char *id, struct err *err);
/* The same, locked; waits for another command that holds it. -ENOENT when it was removed meanwhile. */
int store_find_locked(const struct store *store, const char *id, struct err *err);
/* As store_find_locked(), but -EWOULDBLOCK (without words) when another command holds it. */
int store_find_unlocked(const struct store *store, const char *id, struct err *err);

/* Gives the lock up early; the folder stays open. */
void store_unlock(int folder_fd);

/* Removes the folder of an instance; the lock must be held. Missing is success. */
int store_remove(const struct store *store, const char *id, struct err *err);
/*
 * The same, for an instance that only those who hold its lock have written to: its folder, open and locked, is kept for
 * the next one that is claimed. Whoever has opened it without the lock may find the next one's record there, which
 * tells by its id.
 */
int store_retire(const struct store *store, const char *id, int folder_fd, struct err *err);
/*
 * Removes a folder that has no record: a claim that was for no instance. `folder_fd` is the folder, locked. It is not
 * assumed to be hull's (somebody may have given any folder as the state directory): -ENOTEMPTY with words when there is
 * anything else in it.
 */
int store_remove_claim(const struct store *store, const char *id, int folder_fd, struct err *err);

/* Every id there is, sorted. */
int store_list(const struct store *store, struct arena *arena, struct strv *ret, struct err *err);

#endif
