/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The module files of a kernel that is being imported: found by name below a folder, and brought into the new kernel's
 * own, uncompressed, when they are asked for.
 */
#ifndef HULL_CLI_KERNEL_MODULES_H
#define HULL_CLI_KERNEL_MODULES_H

#include "runtime/vm/kernels.h"
#include "runtime/vm/modules.h"

struct kernel_modules {
	struct arena *arena;
	const struct kernel_staging *staging;
	int fd; /* the folder that they are below; -1: there are none */
	struct kernel_module_file {
		char name[MODULE_NAME_BYTES];
		bool packed;	  /* it is compressed */
		const char *path; /* from `fd` */
	} * files;		  /* by name */
	size_t count, capacity;
	struct strv builtin; /* names of what the kernel has inside */
	void *loaded;	     /* what was read last; NULL: nothing */
	size_t loaded_bytes;
};
#define KERNEL_MODULES_NONE ((struct kernel_modules){.fd = -1})

/*
 * Lists the module files below `fd`, which becomes its own, and reads `folder`/modules.builtin. Links are not followed.
 * Of two of the same name the first found is taken. 0, or -errno with words.
 */
int kernel_modules_open(struct arena *arena, int folder, int fd, const struct kernel_staging *staging,
			struct kernel_modules *ret, struct err *err);
/* What modules_order() asks. A module that was looked at is then in the staging folder, as modules/NAME.ko. */
struct module_source kernel_modules_source(struct kernel_modules *modules);
/*
 * Gives them their places: modules/NN-NAME.ko; and the lines that say so (runtime/vm/initramfs.h). 0, or -errno with
 * words.
 */
int kernel_modules_place(struct kernel_modules *modules, const struct module_order *order, struct strv *ret_lines,
			 struct err *err);
void kernel_modules_close(struct kernel_modules *modules);

#endif
