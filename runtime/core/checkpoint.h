/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Checkpoints: a running instance's processes, written to a folder by criu(8), to be restored later, or elsewhere
 * (restore.h).
 *
 * The folder has CRIU's images and two files that say what standard input, output and error were, so that a restore can
 * put others in their place: descriptors.json as other runtimes write it, the links of /proc/PID/fd; and
 * INHERITED_FILE, the names by which CRIU asks for them.
 */
#ifndef HULL_RUNTIME_CORE_CHECKPOINT_H
#define HULL_RUNTIME_CORE_CHECKPOINT_H

#include <stdbool.h>

#include "runtime/base/arena.h"
#include "runtime/base/err.h"
#include "runtime/core/criu_message.h"
#include "runtime/core/store.h"
#include "runtime/spec/plan.h"

#define DESCRIPTORS_FILE "descriptors.json"
#define INHERITED_FILE	 "hull-inherited.json"

/* How CRIU is to work, both ways. */
struct checkpoint_work {
	const char *criu;   /* the program, as criu_find() wants it */
	const char *images; /* folder of the images */
	const char *work;   /* folder of log and statistics; NULL: that of the images */
	struct criu_options
		options; /* the user's wishes; what the instance and the host have to add is added to a copy */
};

/* The folders, open. */
struct checkpoint_folders {
	int images, work;
	const char *log_folder; /* for words */
};
#define CHECKPOINT_FOLDERS_INIT ((struct checkpoint_folders){.images = -1, .work = -1})
/* Opens both; `make` makes the images' (0700). The work folder is made in any case. -errno with words. */
int checkpoint_open(const struct checkpoint_work *work, bool make, struct checkpoint_folders *ret, struct err *err);
void checkpoint_close(struct checkpoint_folders *folders);
#define CLEANUP_CHECKPOINT CLEANUP(checkpoint_close)

/* What CRIU calls a namespace that is not the container's own; NULL for kinds that it does not know as external. */
const char *checkpoint_namespace_key(enum ns_kind kind);
/* 0, or -ENOTSUP with words that say what of this plan can neither be saved nor restored. */
int checkpoint_check(const struct plan *plan, struct err *err);

struct checkpoint_request {
	const struct store *store;
	const char *id;
	const struct plan *plan; /* of its bundle */
	struct checkpoint_work work;
	bool pre_dump; /* memory only; it goes on */
	int status_fd; /* gets a zero byte when pages can be fetched (lazy pages); -1: none */
};

/*
 * Writes the checkpoint. Unless it goes on running (pre_dump, options.leave_running), the instance is taken back
 * afterwards like a deleted one: its id is free for the restore. On failure it runs as before. One thread only.
 */
int checkpoint_make(const struct checkpoint_request *request, struct err *err);

#endif
