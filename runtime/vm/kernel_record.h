/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the store of kernels (kernels.h) knows of one, and how it is written down: kernel.json, and the link that
 * chooses one.
 */
#ifndef HULL_RUNTIME_VM_KERNEL_RECORD_H
#define HULL_RUNTIME_VM_KERNEL_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/arena.h"
#include "runtime/base/err.h"
#include "runtime/base/text.h"

#define KERNEL_NAME_BYTES 128

/* A kernel of the store. Strings live in the arena that it was read into. */
struct kernel {
	const char *name;
	const char *release; /* "6.1.0-13-cloud-amd64", as uname -r says in the guest; "" when it is not known */
	const char *folder;  /* absolute */
	const char *bzimage; /* absolute path, or NULL */
	const char *vmlinux; /* absolute path, or NULL */
	bool has_pvh;	     /* vmlinux has the PVH note: QEMU and hull can enter it directly */
	struct strv modules; /* files below modules/ and their purposes: lines of the initramfs' list (initramfs.h) */
	const char *source;  /* what it was made of: a path, for people */
	const char *source_digest; /* "sha256:HEX" of the package or kernel file */
	uint64_t imported_ns;	   /* since the epoch */
	bool is_default;
};

/* 0, or -EINVAL with words: letters, digits, '.', '_', '+', '~' and '-', beginning with a letter or digit. */
int kernel_check_name(const char *name, struct err *err);

/* --- below the store: for kernels.c and kernel_put.c --- */

#define KERNEL_RECORD  "kernel.json"
#define KERNEL_BZIMAGE "bzImage"
#define KERNEL_VMLINUX "vmlinux"
#define KERNEL_INITRD  "initrd"
#define KERNEL_LOCK    "lock"
#define KERNEL_DEFAULT "default"

/* Reads kernel.json in the folder `dirfd`; sets what the file says. -ENOENT without words when there is none. */
int kernel_record_read(struct arena *arena, int dirfd, struct kernel *ret, struct err *err);
/* Writes it, so that it survives a power cut. */
int kernel_record_write(int dirfd, const struct kernel *kernel, struct err *err);

/* The name that `default` leads to, in the arena; NULL when there is none. */
const char *kernel_default_name(struct arena *arena, int store_fd);
int kernel_set_default(int store_fd, const char *name, struct err *err);

/*
 * The store's folder, and its lock, held until the descriptor is closed. -ENOENT without words when there is no store
 * and `make` is not set.
 */
int kernel_store_open(const char *store, bool make, struct err *err);
int kernel_store_lock(int store_fd, struct err *err);

#endif
