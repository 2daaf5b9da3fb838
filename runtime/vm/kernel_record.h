/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kernel.json: what the store knows of a kernel. For kernels.c and kernel_put.c; their users hold kernels.h. */
#ifndef HULL_RUNTIME_VM_KERNEL_RECORD_H
#define HULL_RUNTIME_VM_KERNEL_RECORD_H

#include "runtime/vm/kernels.h"

#define KERNEL_RECORD  "kernel.json"
#define KERNEL_BZIMAGE "bzImage"
#define KERNEL_VMLINUX "vmlinux"
#define KERNEL_INITRD  "initrd"
#define KERNEL_LOCK    "lock"
#define KERNEL_DEFAULT "default"

/*
 * Reads kernel.json in the folder `dirfd`; sets what the file says. -ENOENT without words when there is none. */
int kernel_record_read(struct arena *arena, int dirfd, struct kernel *ret, struct err *err);
/* Writes it, so that it survives a power cut. */
int kernel_record_write(int dirfd, const struct kernel *kernel, struct err *err);

/* The name that `default` leads to, in the arena; NULL when there is none. */
const char *kernel_default_name(struct arena *arena, int store_fd);
int kernel_set_default(int store_fd, const char *name, struct err *err);

/* The store's folder, and its lock, held until the descriptor is closed. -ENOENT without words when there is no store and `make` is not set. */
int kernel_store_open(const char *store, bool make, struct err *err);
int kernel_store_lock(int store_fd, struct err *err);

#endif
