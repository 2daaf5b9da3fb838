/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SHA-256 (FIPS 180-4) for programs on the start path: names of what is kept by content. By libmd, which is one object
 * without a constructor; those of libcrypto and libnettle ask the processor at every start what it can do, which costs
 * more than all that is digested here. Whole images are digested by hull-image (images/digest.h).
 */
#ifndef HULL_RUNTIME_BASE_SHA256_H
#define HULL_RUNTIME_BASE_SHA256_H

#include <stddef.h>

#include "runtime/base/err.h"

#define SHA256_HEX_BYTES 65 /* 64 lower-case digits and a NUL */

void sha256_of(const void *bytes, size_t len, char to[static SHA256_HEX_BYTES]);

/* Of a file, from its beginning to its end, wherever its offset is. `what` names it in errors. */
int sha256_file(int fd, const char *what, char to[static SHA256_HEX_BYTES], struct err *err);

#endif
