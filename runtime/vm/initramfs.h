/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The initramfs of a guest: an uncompressed cpio archive (cpio.h) with
 *
 *     /init                 hull's agent, 0755
 *     /libexec/hull-init    for --init, where it lies beside the agent
 *     /modules/NN-NAME.ko   kernel modules; NN is the place in the order in which they are loaded, "00" first; NAME has
 *                           '_' for '-'
 *     /modules/list         a line for each: "NN-NAME.ko PURPOSE[,PURPOSE]", in that order
 *     /dev/console          a character device 5:1: the kernel opens it for /init
 *     /dev /proc /sys /run  folders, 0755
 *
 * A purpose is what a module is there for (modules.h): "base", "disk", "net", "vsock", "volume", "balloon", "image". A
 * guest may leave alone what has none of those that it needs.
 *
 * The first entry, /packed, says which agent is in it, so that a look at the beginning tells whether it is still the
 * right one.
 */
#ifndef HULL_RUNTIME_VM_INITRAMFS_H
#define HULL_RUNTIME_VM_INITRAMFS_H

#include "runtime/base/err.h"
#include "runtime/base/text.h"

/*
 * Opens `name` in the folder `dirfd` for reading, after packing it where it is missing or holds another agent than
 * `agent` (an absolute path), or another hull-init than the one beside it. It is replaced by one rename; whoever has
 * the earlier one open keeps it. `modules`: lines as above, of which the files lie in modules/ of that folder, in the
 * order of loading. Several may do so at once: one packs, the others wait. The descriptor; -ENOENT with words when the
 * agent or a module is missing.
 */
int initramfs_open(int dirfd, const char *name, const char *agent, const struct strv *modules, struct err *err);

#endif
