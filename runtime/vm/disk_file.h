/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file behind a machine's disk, and what it is written in: opened once, and looked at by its descriptor before any
 * monitor has it.
 *
 * The format is what somebody has said, never what the contents look like: a guest writes the contents of a raw disk.
 * Where the contents have to be of a format, they may come from anywhere, and most formats know a way to say that the
 * rest is in another file of the host's. A disk is one file here, and such a one is refused.
 */
#ifndef HULL_RUNTIME_VM_DISK_FILE_H
#define HULL_RUNTIME_VM_DISK_FILE_H

#include <stdbool.h>

#include "runtime/base/err.h"

enum disk_format { DISK_FORMAT_RAW, DISK_FORMAT_QCOW2, DISK_FORMAT_VDI, DISK_FORMAT_VMDK, DISK_FORMAT_VHD };

/* As config.json's vm.image.format has them, by their numbers; then NULL. */
extern const char *const disk_format_words[];
/* 0, or -EINVAL without words. */
int disk_format_parse(const char *word, enum disk_format *ret);

/* How QEMU calls it. */
const char *disk_format_driver(enum disk_format format);
/* Whether QEMU would look for a further file below it, unless it is told that there is none. */
bool disk_format_has_backing(enum disk_format format);

/*
 * The word of a format whose images begin as this file does, or NULL: a hint for who has said nothing, and never what
 * it is opened as.
 */
const char *disk_file_resembles(const char *path);

/*
 * Opens the file for a machine that only reads it, or writes to it, too. What is no regular file is never waited for.
 * The descriptor; -EINVAL with words that name the file where it is none of this format, or needs another one.
 */
int disk_file_open(const char *path, enum disk_format format, bool read_only, struct err *err);
/* The same look at one that is open; words do not name it. */
int disk_file_check(int fd, enum disk_format format, struct err *err);

#endif
