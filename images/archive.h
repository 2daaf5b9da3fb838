/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tar streams (libarchive): read from plain, gzip, xz, zstd and bzip2 files with digests of both what is read and what
 * it unpacks to; and written from a folder. Only in the hull-image program.
 *
 * Decompressors are those built into libarchive. It would run an external program where one of them is missing; that is
 * refused, so that no program is ever looked for.
 */
#ifndef HULL_IMAGES_ARCHIVE_H
#define HULL_IMAGES_ARCHIVE_H

#include <archive_entry.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "images/reference.h"
#include "runtime/base/err.h"
#include "runtime/base/scope.h"

struct archive_reader;

struct archive_input {
	int fd;			 /* read from its current offset to its end; stays the caller's */
	const char *digest_like; /* a digest of the kind that archive_digests.input shall have; NULL: sha256 */
	/* the last block may be short: only for a stream whose digest was promised, or a cut would pass unseen */
	bool pad_end;
	uint64_t max_bytes;   /* bound of the uncompressed tar stream */
	uint64_t total_bytes; /* what the file holds, for progress; 0: unknown */
	void (*progress)(uint64_t done_bytes, uint64_t total_bytes, void *context); /* may be NULL; now and then */
	void *context;
};

struct archive_digests {
	char input[REFERENCE_DIGEST_BYTES];   /* of the file as it is */
	char diff_id[REFERENCE_DIGEST_BYTES]; /* sha256 of the uncompressed tar stream */
	uint64_t input_bytes;
};

/*
 * Begins reading. Errors do not name the archive: the caller does, in front. `input` must live as long as the reader.
 * -EINVAL with words when it is no tar stream.
 */
int archive_open(const struct archive_input *input, struct archive_reader **ret, struct err *err);
/* The next entry, valid until the next call. 1; 0 at the end; -errno. */
int archive_next(struct archive_reader *reader, struct archive_entry **ret, struct err *err);
/* The next piece of the entry's contents, and where in the file it belongs (sparse files have gaps). 1, 0, -errno. */
int archive_data(struct archive_reader *reader, const void **ret_bytes, size_t *ret_len, uint64_t *ret_offset,
		 struct err *err);
/* Reads what is left behind the last entry (a digest covers it, too), and ends the digests. */
int archive_finish(struct archive_reader *reader, struct archive_digests *ret, struct err *err);
void archive_close(struct archive_reader **reader);
#define CLEANUP_ARCHIVE CLEANUP(archive_close)

/*
 * Writes the folder `dirfd` as an uncompressed tar stream to `out_fd`: sorted names, ids, modes, times, hard links,
 * sparse files and extended attributes (security.capability and user.*) kept; devices and sockets left out; no mount
 * crossed, no link followed. The same folder gives the same bytes.
 */
int archive_write_folder(int dirfd, const char *what, int out_fd, struct err *err);

#endif
