/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Digests of content as it streams by (libcrypto). Only in the hull-image program.
 */
#ifndef HULL_IMAGES_DIGEST_H
#define HULL_IMAGES_DIGEST_H

#include <stddef.h>

#include "images/reference.h"
#include "runtime/base/err.h"
#include "runtime/base/scope.h"

struct digest {
	void *context; /* libcrypto's; NULL: not begun */
	const char *prefix;
};

/* Begins one of the kind that `like` is of: "sha512:…" or NULL for sha256. 0, -EINVAL for another kind, -ENOMEM. */
int digest_begin(struct digest *digest, const char *like, struct err *err);
void digest_add(struct digest *digest, const void *bytes, size_t len);
/* Ends it and writes "sha256:HEX". */
int digest_end(struct digest *digest, char to[static REFERENCE_DIGEST_BYTES], struct err *err);
void digest_free(struct digest *digest);
#define CLEANUP_DIGEST CLEANUP(digest_free)

/* The sha256 digest of some bytes. */
int digest_of(const void *bytes, size_t len, char to[static REFERENCE_DIGEST_BYTES], struct err *err);
/*
 * Whether bytes have the digest `wanted`, of any kind. 0, or -EBADMSG with both in the words. `what` names the bytes.
 */
int digest_verify(const char *what, const void *bytes, size_t len, const char *wanted, struct err *err);
/* Compares a computed digest with the one that was promised. 0, or -EBADMSG. */
int digest_compare(const char *what, const char *found, const char *wanted, struct err *err);

#endif
