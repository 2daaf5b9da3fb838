/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SHA-256 (FIPS 180-4) for programs that must not load a cryptographic library: names of what is kept by content. Plain C, some 300 MB a second;
 * whole images are digested by hull-image (images/digest.h).
 */
#ifndef HULL_RUNTIME_BASE_SHA256_H
#define HULL_RUNTIME_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"

#define SHA256_BLOCK_BYTES 64
#define SHA256_HEX_BYTES   65

struct sha256 {
	uint32_t state[8];
	uint64_t total_bytes;
	uint8_t block[SHA256_BLOCK_BYTES];
};

void sha256_begin(struct sha256 *sha);
void sha256_add(struct sha256 *sha, const void *bytes, size_t len);
/* Ends it: 64 lower-case digits and a NUL. */
void sha256_end(struct sha256 *sha, char to[static SHA256_HEX_BYTES]);

/* Of a file, from its beginning to its end, wherever its offset is. `what` names it in errors. */
int sha256_file(int fd, const char *what, char to[static SHA256_HEX_BYTES], struct err *err);

#endif
