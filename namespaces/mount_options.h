/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mount options of OCI's config.json ("nosuid", "rbind", "rro", "size=64m"), by one table, as plain data.
 *
 * Attributes of a mount are kept in the kernel's newer form (MOUNT_ATTR_*, <linux/mount.h>), flags of a file system and
 * propagation in the older (MS_*, <sys/mount.h>). What the table does not know is data for the file system.
 */
#ifndef HULL_NAMESPACES_MOUNT_OPTIONS_H
#define HULL_NAMESPACES_MOUNT_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/arena.h"
#include "runtime/base/err.h"
#include "runtime/base/text.h"

/*
 * What is to change: bits to set and bits to clear. A bit is in at most one, except that setting an atime mode clears
 * the whole field.
 */
struct mount_change {
	uint64_t set;	/* MOUNT_ATTR_* */
	uint64_t clear; /* MOUNT_ATTR_*; MOUNT_ATTR__ATIME as one */
};

enum mount_idmap_option { MOUNT_IDMAP_UNSAID, MOUNT_IDMAP_ONE /* "idmap" */, MOUNT_IDMAP_TREE /* "ridmap" */ };

struct mount_options {
	struct mount_change one;  /* of the mount itself */
	struct mount_change tree; /* "rro", "rnosuid": of it and all below it */
	uint64_t super_flags;	  /* MS_SYNCHRONOUS, MS_DIRSYNC, MS_LAZYTIME, MS_MANDLOCK, MS_I_VERSION, MS_SILENT */
	/* MS_PRIVATE, MS_SLAVE, MS_SHARED, MS_UNBINDABLE, with MS_REC for the r forms; 0: not said */
	uint64_t propagation;
	enum mount_idmap_option idmap;
	bool bind;	/* "bind" or "rbind" */
	bool bind_tree; /* "rbind" */
	bool remount;	/* change the mount that is there */
	/* "tmpcopyup": a tmpfs starts with what the folder had. The plan also says it of volumes: an empty one does */
	bool copy_up;
	bool source_nofollow; /* "src-nofollow": a bind source that is a symlink is bound itself */
	const char *data;     /* the rest, joined with commas (in the arena); NULL: nothing */
};

/*
 * Reads a list of options; the later of two that contradict one another wins, as in mount(8). All of `*ret` is set.
 * -EINVAL with words: an empty option, data longer than a page, "bind" together with data or "tmpcopyup",
 * "idmap" or "src-nofollow" without a bind. Pure; for the plan.
 */
int mount_options_parse(struct arena *arena, const struct strv *options, struct mount_options *ret, struct err *err);

/*
 * The way back: the next word that says what the options are, or NULL at the end. `*at` begins at 0, and moves on. Read
 * again, the words (and `data`) are the same options; where several mean the same, it is one of them. For the plan's
 * print.
 */
const char *mount_options_word(const struct mount_options *options, size_t *at);

/* Every option of the table, sorted, NULL at the end: for `features`. */
const char *const *mount_options_known(void);

/* "private", "rslave" and so on, as in linux.rootfsPropagation: MS_* with MS_REC, or -EINVAL. */
int64_t mount_propagation_parse(const char *name);
/* And back; NULL for 0. */
const char *mount_propagation_name(uint64_t propagation);

#endif
