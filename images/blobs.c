// SPDX-License-Identifier: GPL-2.0-or-later
#include "images/blobs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "images/catalog_record.h"
#include "images/digest.h"
#include "runtime/base/file.h"

static int blob_path(struct arena *arena, const char *store, const char *digest, const char **ret, struct err *err)
{
	const char *hex = catalog_hex(digest);

	if (!hex)
		return err_say(err, EINVAL, "'%s' is not a sha256 digest", digest);
	*ret = arena_printf(arena, "%s/blobs/sha256/%s", store, hex);
	return *ret ? 0 : arena_check(arena, err);
}

int blobs_put(const char *store, const void *bytes, size_t len, char ret_digest[static REFERENCE_DIGEST_BYTES],
	      struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const char *path;
	int r = digest_of(bytes, len, ret_digest, err);

	if (r >= 0)
		r = blob_path(&arena, store, ret_digest, &path, err);
	if (r < 0)
		return r;
	/* What is there appeared by a rename after an fsync: it is whole. */
	if (access(path, F_OK) == 0)
		return 0;
	return file_replace(AT_FDCWD, path, bytes, len, 0600, FILE_DURABLE, err);
}
