/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One compressed file, or a part of one, uncompressed (libarchive's filters: gzip, bzip2, lzma, xz, lz4, zstd; never an
 * external program). Only in the hull-image program.
 */
#ifndef HULL_IMAGES_DECOMPRESS_H
#define HULL_IMAGES_DECOMPRESS_H

#include <stdint.h>

#include "runtime/base/err.h"

struct decompress {
	const char *source;
	uint64_t offset; /* where the compressed bytes begin */
	uint64_t bytes;	 /* how many there are; 0: to the file's end */
	const char *to;	 /* a file that does not exist yet */
	uint64_t max_bytes;
};

/* 0, or -errno with words that do not name the source; then `to` is not there. -EFBIG past max_bytes. */
int decompress_file(const struct decompress *how, struct err *err);

#endif
