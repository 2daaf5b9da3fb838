/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Image names: [REGISTRY[:PORT]/]REPOSITORY[:TAG][@DIGEST], the grammar that registries and their clients agree on
 * (OCI distribution specification, "Pulling manifests"; the registry part is the habit of Docker and podman).
 *
 * Pure: no file is touched, no heap is used.
 */
#ifndef HULL_IMAGES_REFERENCE_H
#define HULL_IMAGES_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/err.h"

#define REFERENCE_NAME_BYTES   256 /* registry and repository together: 255 characters */
#define REFERENCE_TAG_BYTES    129
#define REFERENCE_DIGEST_BYTES 136 /* "sha512:" and 128 digits, and the NUL */
#define REFERENCE_BYTES	       (2 * REFERENCE_NAME_BYTES + REFERENCE_TAG_BYTES + REFERENCE_DIGEST_BYTES)

/* A name taken apart. What was not said is "". */
struct reference {
	char registry[REFERENCE_NAME_BYTES];   /* "docker.io", "localhost", "[::1]:5000"; "" for a short name */
	char repository[REFERENCE_NAME_BYTES]; /* "library/busybox" */
	char tag[REFERENCE_TAG_BYTES];
	char digest[REFERENCE_DIGEST_BYTES];
};

/*
 * Takes `words` apart. The first part is a registry when it holds a dot, a colon or an upper-case letter, or is
 * "localhost". "docker.io/busybox" and "index.docker.io/busybox" become docker.io, library/busybox. A repository of 64
 * hexadecimal digits is refused: it would be taken for an image's id. 0, or -EINVAL with words that show the part that
 * is wrong.
 */
int reference_parse(const char *words, struct reference *ret, struct err *err);

/*
 * The full names that a reference may mean in the store, in the order in which they are tried: a name with a registry
 * means only itself; a short one means localhost/NAME (what was made or imported here), then docker.io/library/NAME. A
 * missing tag becomes "latest" unless there is a digest. Returns how many: 0 when every one would be too long.
 */
#define REFERENCE_MAX_CANDIDATES 2
int reference_candidates(const struct reference *reference, struct reference ret[static REFERENCE_MAX_CANDIDATES]);

/*
 * The full name that an import gives to an image which the user calls `words`: the first candidate. A digest is
 * refused.
 */
int reference_for_import(const char *words, struct reference *ret, struct err *err);

/* "docker.io/library/busybox:latest", with "@DIGEST" when there is one. Returns `to`. */
const char *reference_format(const struct reference *reference, char to[static REFERENCE_BYTES]);

/*
 * The shortest words that reference_parse() and reference_candidates() lead back to this name: "busybox:latest".
 * Returns `to`.
 */
const char *reference_familiar(const struct reference *reference, char to[static REFERENCE_BYTES]);

/* Whether `words` are "sha256:" and 64, or "sha512:" and 128 lower-case hexadecimal digits. */
bool reference_is_digest(const char *words);
/*
 * Whether `words` may begin an image's id: 3 to 64 lower-case hexadecimal digits, "sha256:" in front or not. Sets
 * *ret_hex behind the prefix.
 */
bool reference_is_id(const char *words, const char **ret_hex);

#endif
