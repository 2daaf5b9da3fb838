/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is to be written where for a cgroup's limits, and writing it. Whoever knows a limit appends its writes to the
 * list.
 */
#ifndef HULL_CGROUPS_LIMITS_WRITE_H
#define HULL_CGROUPS_LIMITS_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cgroups/folder.h"
#include "runtime/base/arena.h"
#include "runtime/base/err.h"

/* One value for one file. */
struct cg_write {
	const char *limit; /* "memory.limit", for words */
	const struct cg_tree *tree;
	const char *file, *value;
	const char *other_file, *other_value; /* where the kernel lacks `file`; NULL: none */
	bool may_be_missing;		      /* without such a file there is nothing to limit */
};

#define CG_MAX_WRITES 256

struct cg_writes {
	struct arena *arena;
	const struct cg_layout *layout;
	const struct cg *existing; /* for values that depend on what is set now; NULL: a fresh cgroup */
	const struct cg_limits *limits;
	uint32_t needed; /* controllers asked for */
	size_t count;
	struct cg_write items[CG_MAX_WRITES];
};

/*
 * Appends a write; `file` and `value` are kept, NULL counts as out of memory. NULL with words. CG_CONTROLLER_COUNT:
 * needs no controller.
 */
struct cg_write *cg_add_write(struct cg_writes *writes, const char *limit, enum cg_controller controller,
			      const struct cg_tree *tree, const char *file, const char *value, struct err *err);
/* The tree of a controller, or NULL with words. */
const struct cg_tree *cg_want_tree(const struct cg_writes *writes, const char *limit, enum cg_controller controller,
				   struct err *err);
/* -ENOTSUP: that design has no such limit; this kernel has no such file. */
int cg_say_wrong_layout(const char *limit, bool v2, struct err *err);
int cg_say_no_file(const struct cg_write *write, struct err *err);

/*
 * Performs the writes. One that is refused is tried again after the others, so that pairs with an order between them
 * find it.
 */
int cg_limits_write(const struct cg *cg, const struct cg_writes *writes, struct err *err);

#endif
