/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a guest's kernel is taken from: a Debian package, a root file system (the host's own, too) with
 * boot/vmlinuz-RELEASE and lib/modules/RELEASE, or one file. Whatever it is, its kernel and the modules that are asked
 * for come into a folder of the store that is being filled.
 */
#ifndef HULL_CLI_KERNEL_SOURCE_H
#define HULL_CLI_KERNEL_SOURCE_H

#include "cli/kernel_modules.h"
#include "runtime/vm/kernels.h"

struct kernel_source {
	struct arena *arena;
	const char *words; /* as the user calls it */
	enum kernel_source_kind { KERNEL_SOURCE_PACKAGE, KERNEL_SOURCE_FOLDER, KERNEL_SOURCE_FILE } kind;
	int fd;		     /* the file or folder */
	int kernel_fd;	     /* what is in it: a bzImage or an ELF kernel */
	const char *release; /* by the names of its files; "" of a single file */
	const struct kernel_staging *staging;
	struct kernel_modules modules;
};
#define KERNEL_SOURCE_NONE \
	((struct kernel_source){.fd = -1, .kernel_fd = -1, .release = "", .modules = KERNEL_MODULES_NONE})

/* Opens it, and sees what it is. 0, or -errno with words. */
int kernel_source_open(struct arena *arena, const char *words, struct kernel_source *ret, struct err *err);
/*
 * Finds its kernel (of a folder with several the one of this release; NULL: the running one in "/", else the only one)
 * and its modules. A package is unpacked into the folder KERNEL_SOURCE_PACKAGE_FOLDER of the staging. 0, or -errno with
 * words.
 */
#define KERNEL_SOURCE_PACKAGE_FOLDER "package"
int kernel_source_take(struct kernel_source *source, const struct kernel_staging *staging, const char *release,
		       struct err *err);
void kernel_source_close(struct kernel_source *source);
#define CLEANUP_KERNEL_SOURCE CLEANUP(kernel_source_close)

#endif
