/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a guest kernel is made of, taken out of a Debian package (deb(5): an ar archive with a tar stream in it). Only
 * in the hull-image program.
 *
 * Of all files these are taken, by the ends of their names alone, so that no folder or link of the package has a
 * meaning:
 *
 *     boot/vmlinuz-RELEASE                         TO/vmlinuz-RELEASE
 *     [usr/]lib/modules/RELEASE/kernel/…/NAME.ko*  TO/modules/NAME.ko*
 *     [usr/]lib/modules/RELEASE/modules.builtin    TO/modules.builtin
 */
#ifndef HULL_IMAGES_KERNEL_PACKAGE_H
#define HULL_IMAGES_KERNEL_PACKAGE_H

#include "runtime/base/err.h"

#define KERNEL_PACKAGE_MAX_BYTES   ((uint64_t)4 << 30) /* of all that it holds, taken or not */
#define KERNEL_PACKAGE_MAX_FILE	   ((uint64_t)256 << 20)
#define KERNEL_PACKAGE_MAX_ENTRIES 200000

/*
 * Unpacks `source` into the folder `to` (absolute; it has a folder modules/). 0, or -errno with words that do not name
 * the source; then half of it may be there. Refused: names with "..", what is taken and is no regular file or is there
 * twice, more than the limits, a package without a kernel.
 */
int kernel_package_unpack(const char *source, const char *to, struct err *err);

#endif
