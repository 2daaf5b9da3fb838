/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Running the programs that make file systems: mkfs.erofs, mke2fs. By an absolute path of the host, never by PATH.
 * Inside images/ only.
 */
#ifndef HULL_IMAGES_DISK_TOOL_H
#define HULL_IMAGES_DISK_TOOL_H

#include "runtime/base/err.h"

struct disk_tool {
	const char *name;	 /* "mkfs.erofs" */
	const char *package;	 /* Debian's, for words: "erofs-utils" */
	const char *const *args; /* what follows the name; ends with NULL */
	/* Done in the child before it becomes the program; may be NULL. 0, or -errno with words. */
	int (*prepare)(void *context, struct err *err);
	void *context;
	int kept_fd; /* open in the program, under this number; -1: none */
};

/*
 * Runs it, and waits. Its environment is empty but for words in English; it is killed when the caller dies. -ENOENT
 * with words that name the package when it is not installed; -EIO with the last line that it said when it failed.
 */
int disk_tool_run(const struct disk_tool *tool, struct err *err);

#endif
