/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What this host has that machines are made of: which backend works here, a kernel, QEMU, disks. All that a plan of a
 * machine has to know (plan_vm_host).
 */
#ifndef HULL_CLI_MACHINE_H
#define HULL_CLI_MACHINE_H

#include "cli/program.h"
#include "runtime/spec/plan_vm.h"

/* Where things are, and what the user wants; NULL: whatever works, the default kernel. */
struct machine_wish {
	const char *root;    /* the state directory: what the probe has found is kept there until the next boot */
	const char *kernels; /* the store of kernels */
	const char *backend; /* "kvm", "qemu" */
	const char *kernel;  /* its name */
	const char *qemu;    /* its program; NULL: the one that is installed */
	const char *own_kernel, *own_initrd; /* the bundle's; NULL: those of the store */
	const struct config_vm_image *image; /* of the guest's root; NULL: that is in memory */
};

extern const char *const machine_backends[]; /* for options: "kvm", "qemu", NULL */

/*
 * Chooses the backend and opens nothing that stays open. -ENOENT, -ENOTSUP and so on with one line that says what to
 * do.
 */
int machine_find(struct arena *arena, const struct machine_wish *wish, struct plan_vm_host *ret, struct err *err);

/* A backend on this host: whether it works, and why not or how, in one line. */
struct machine_backend {
	const char *name;
	bool works;
	const char *words;
};
/* The rows of 'vm backends', of which the first that works is what is chosen. */
int machine_list(struct arena *arena, const struct machine_wish *wish, struct machine_backend ret[static 2],
		 struct err *err);

/*
 * The disks of an image's layers (`lowers`, top first, folders of the store), made where they are missing, and the
 * writable one, MACHINE_UPPER in the instance's folder, unless that is NULL.
 */
#define MACHINE_UPPER "upper.img"
int machine_disks(struct arena *arena, const char *images, const struct strv *lowers, const char *data_dir,
		  struct plan_vm_host *ret, struct err *err); /* machine_disks.c */

#endif
