/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The initramfs of a guest: an uncompressed cpio archive (cpio.h) with
 *
 *     /init                 hull's agent, 0755
 *     /modules/NN-NAME.ko   kernel modules; NN is the place in the order in which they are loaded, "00" first
 *     /modules/list         a line for each: "NN-NAME.ko PURPOSE[,PURPOSE]", in that order. NAME has '_' for '-'
 *     /dev/console          a character device 5:1: the kernel opens it for /init
 *     /dev /proc /sys /run  folders, 0755
 *
 * A purpose is what a module is there for (modules.h); what has none of those that a guest needs may be left alone:
 * "base" (the devices that each guest has), "disk", "net", "vsock", "volume", "balloon".
 *
 * Its first entry, /packed, says which agent is in it (INITRAMFS_STAMP_BYTES), so that a look at the beginning tells whether it is still the right one.
 */
#ifndef HULL_RUNTIME_VM_INITRAMFS_H
#define HULL_RUNTIME_VM_INITRAMFS_H

#include <stdbool.h>

#include "runtime/base/err.h"
#include "runtime/base/text.h"

/*
 * Opens `name` in the folder `dirfd`, after packing it where it is missing or holds another agent than `agent` (an absolute path). It is replaced by one
 * rename; whoever has the earlier one open keeps it. `modules`: names of files in modules/ of that folder, in the order of loading. The descriptor.
 */
int initramfs_open(int dirfd, const char *name, const char *agent, const struct strv *modules, struct err *err);

#endif
