/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The store of guest kernels, below `store` (/var/lib/hull/kernels, 0700):
 *
 *     lock                 whoever adds, removes or chooses takes it exclusive
 *     default              a symlink to the NAME that is taken where none is asked for
 *     NAME/kernel.json     what it is: `struct kernel` (kernel_record.h)
 *     NAME/bzImage         as the distribution made it; missing when it came as an ELF file
 *     NAME/vmlinux         the ELF kernel, uncompressed; missing when it could not be had
 *     NAME/modules/FILE    the modules that a guest needs, uncompressed
 *     NAME/initrd          agent and modules as a cpio archive (initramfs.h), packed anew when the agent has changed
 *
 * A kernel appears by one rename when all of it is on disk, and goes by one rename.
 */
#ifndef HULL_RUNTIME_VM_KERNELS_H
#define HULL_RUNTIME_VM_KERNELS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/arena.h"
#include "runtime/base/err.h"
#include "runtime/base/scope.h"
#include "runtime/vm/kernel_record.h"

/*
 * Finds a kernel: `name`, or with NULL the default one (the one chosen; else the only one there is). 0; -ENOENT with
 * words that say how to get one; -EINVAL for what is no name.
 */
int kernel_find(struct arena *arena, const char *store, const char *name, struct kernel *ret, struct err *err);

/*
 * All of them, by name. A store that does not exist is empty. One that cannot be read does not hide the others:
 * `damaged` has a line for it, which names it and says why.
 */
struct kernel_listing {
	struct kernel *items;
	size_t count;
	struct strv damaged;
};
int kernel_list(struct arena *arena, const char *store, struct kernel_listing *ret, struct err *err);

/* What a monitor needs, open for reading. */
struct kernel_files {
	int kernel_fd; /* the ELF file when `is_elf`, else the bzImage */
	int initrd_fd;
	bool is_elf;
};
#define KERNEL_FILES_NONE ((struct kernel_files){.kernel_fd = -1, .initrd_fd = -1})
enum kernel_want {
	KERNEL_WANT_PVH,     /* an ELF file with the PVH note, else a bzImage: the quickest start */
	KERNEL_WANT_BZIMAGE, /* a bzImage, else an ELF file */
};
/*
 * Opens both. The initrd is packed first where it is missing or holds another agent than the one that is installed
 * (initramfs.h); several may do so at once. -ENOENT with words when the kernel has gone or the agent is not installed.
 */
int kernel_open(const struct kernel *kernel, enum kernel_want want, struct kernel_files *ret, struct err *err);
void kernel_close(struct kernel_files *files);
#define CLEANUP_KERNEL_FILES CLEANUP(kernel_close)

/* Makes `name` the one that is taken where none is asked for. */
int kernel_choose(const char *store, const char *name, struct err *err);

/* Removes a kernel; machines that run keep it open. -ENOENT with words. Who uses it is for the caller to ask. */
int kernel_remove(const char *store, const char *name, struct err *err);

/* --- for whoever puts one in: cli/kernel_import.c --- */

/* A kernel that is being made: a folder of the store that nobody else sees. */
struct kernel_staging {
	const char *store;
	int store_fd, fd;	 /* the store's folder, and the new one */
	char name[NAME_MAX + 1]; /* of the new one; "" when nothing is there */
	char path[PATH_MAX];	 /* absolute, of the new one */
};
#define KERNEL_STAGING_NONE ((struct kernel_staging){.store_fd = -1, .fd = -1})
int kernel_staging_open(struct kernel_staging *staging, const char *store, struct err *err);
/*
 * Writes kernel.json, makes all of it durable, and gives it its name. The first kernel becomes the default one.
 * `replace`: one of that name gives way; without it that is -EEXIST with words. `kernel` says all but folder, bzimage,
 * vmlinux (which are there or not) and is_default.
 */
int kernel_staging_commit(struct kernel_staging *staging, const struct kernel *kernel, bool replace, struct err *err);
/* Removes what is still there. */
void kernel_staging_close(struct kernel_staging *staging);
#define CLEANUP_KERNEL_STAGING CLEANUP(kernel_staging_close)

#endif
