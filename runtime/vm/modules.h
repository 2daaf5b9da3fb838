/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which kernel modules a guest needs, and in which order they are loaded: from the dependencies that a module itself
 * states (the section .modinfo of its ELF file), so that no depmod has to have run. Module files come from packages:
 * hostile until they have been read.
 *
 * A module's name here is the kernel's: '_' for '-', without ".ko".
 */
#ifndef HULL_RUNTIME_VM_MODULES_H
#define HULL_RUNTIME_VM_MODULES_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/arena.h"
#include "runtime/base/err.h"
#include "runtime/base/text.h"

#define MODULE_NAME_BYTES 56 /* MODULE_NAME_LEN of 64-bit kernels */
#define MODULE_MAX_BYTES  ((size_t)64 << 20)

/* What a module is there for: a bit each. A dependency has all purposes of what needs it. */
enum module_purpose {
	MODULE_FOR_BASE = 1 << 0, /* devices that each guest has */
	MODULE_FOR_DISK = 1 << 1,
	MODULE_FOR_NET = 1 << 2,
	MODULE_FOR_VSOCK = 1 << 3,
	MODULE_FOR_VOLUME = 1 << 4,
	MODULE_FOR_BALLOON = 1 << 5,
	MODULE_FOR_IMAGE = 1 << 6, /* file systems that an image of the guest's own root may have, beside a layer's */
};
/* "base,disk"; into the arena, NULL without memory. */
const char *module_purpose_words(struct arena *arena, unsigned purposes);

/* What a module says of itself. */
struct module_info {
	const char *name; /* "" when it does not say */
	const char *license;
	const char *vermagic; /* begins with the release of the kernel that it is for; "" */
	struct strv depends;
};
/*
 * Reads the .modinfo of a 64-bit ELF file of this machine's kind. Strings live in the arena. 0, or -EINVAL with words.
 */
int module_info_read(struct arena *arena, const void *bytes, size_t len, struct module_info *ret, struct err *err);

/*
 * Writes a module's name from a file's: "virtio-rng.ko.xz" is virtio_rng. 0; -EINVAL for what is no module's file (.ko,
 * .ko.gz, .ko.xz, .ko.zst) or has a name that no module has. `*ret_packed`: it is compressed. May be NULL.
 */
int module_name_from_file(const char *file, char to[static MODULE_NAME_BYTES], bool *ret_packed);

/* Where modules come from. */
struct module_source {
	/*
	 * Looks for a module. 1: *ret_bytes is its ELF file, uncompressed, until the next call; 0: there is none.
	 * -errno with words.
	 */
	int (*load)(void *context, const char *name, const void **ret_bytes, size_t *ret_len, struct err *err);
	bool (*is_builtin)(void *context, const char *name); /* the kernel has it without a module */
	void *context;
};

struct module_order {
	struct module {
		const char *name;
		unsigned purposes;
	} * items; /* what is loaded first comes first */
	size_t count;
};
/*
 * The modules that a guest needs of this source, each after what it depends on. -ENOENT with words that name what is
 * needed, neither built in nor there; -ELOOP for modules that need each other.
 */
int modules_order(struct arena *arena, const struct module_source *source, struct module_order *ret, struct err *err);

#endif
