// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Two of libarchive's readers in a row: the outer one decompresses ("raw" format), the inner one reads tar from what
 * comes out. Between them stands the digest of the uncompressed stream, which names a layer; before them that of the
 * file.
 */
#include "images/archive.h"

#include <archive.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "images/digest.h"
#include "runtime/base/text.h"

#define CHUNK_BYTES    ((size_t)256 << 10)
#define PROGRESS_BYTES ((uint64_t)4 << 20)
#define BLOCK_BYTES    512 /* tar's */

struct archive_reader {
	const struct archive_input *input;
	struct archive *outer, *inner;
	struct digest input_digest, diff_digest;
	uint64_t input_bytes, tar_bytes, told_bytes;
	bool begun; /* an entry was there */
	bool padded;
	struct err failure; /* of a callback: libarchive would only say that it failed */
	char chunk[CHUNK_BYTES];
};

typedef int (*enable_fn)(struct archive *);

/* Each of these returns ARCHIVE_WARN where it would run an external program instead. */
static const enable_fn FILTERS[] = {
	archive_read_support_filter_gzip,
	archive_read_support_filter_bzip2,
	archive_read_support_filter_xz,
	archive_read_support_filter_zstd,
};

static int archive_complain(struct archive_reader *reader, struct archive *from, struct err *err)
{
	const char *why = archive_error_string(from);

	if (reader->failure.code) {
		*err = reader->failure;
		return -err->code;
	}
	if (!reader->begun && archive_errno(from) == EILSEQ) /* its code for an unknown format */
		why = "not a tar archive (plain, gzip, xz, zstd or bzip2)";
	return err_say(err, EINVAL, "%s", why ? why : "a damaged archive");
}

/* --- the stream --- */

static void tell_progress(struct archive_reader *reader)
{
	const struct archive_input *input = reader->input;

	if (!input->progress || reader->input_bytes - reader->told_bytes < PROGRESS_BYTES)
		return;
	reader->told_bytes = reader->input_bytes;
	input->progress(reader->input_bytes, input->total_bytes, input->context);
}

/* Bytes of the file, on their way to the decompressor. */
static ssize_t read_input(struct archive *archive, void *context, const void **ret)
{
	struct archive_reader *reader = context;
	ssize_t len;

	do
		len = read(reader->input->fd, reader->chunk, sizeof(reader->chunk));
	while (len < 0 && errno == EINTR);
	if (len < 0) {
		(void)err_set(&reader->failure, errno, "read");
		archive_set_error(archive, errno, "cannot read");
		return -1;
	}
	digest_add(&reader->input_digest, reader->chunk, (size_t)len);
	reader->input_bytes += (uint64_t)len;
	tell_progress(reader);
	*ret = reader->chunk;
	return len;
}

/* Some builders leave the last block as short as the file in it (umoci-insert does), and other readers do not mind. */
static ssize_t pad_end(struct archive_reader *reader, const void **ret)
{
	static const char zeros[BLOCK_BYTES];
	size_t over = reader->tar_bytes % BLOCK_BYTES;

	if (!reader->input->pad_end || reader->padded || over == 0)
		return 0;
	reader->padded = true;
	*ret = zeros;
	return (ssize_t)(BLOCK_BYTES - over);
}

/* Bytes of the tar stream, on their way to the tar reader. */
static ssize_t read_tar(struct archive *archive, void *context, const void **ret)
{
	struct archive_reader *reader = context;
	la_int64_t offset;
	size_t len = 0;
	int r = archive_read_data_block(reader->outer, ret, &len, &offset);

	if (r == ARCHIVE_EOF)
		return pad_end(reader, ret);
	if (r < ARCHIVE_WARN) {
		(void)archive_complain(reader, reader->outer, &reader->failure);
		archive_set_error(archive, EIO, "cannot decompress");
		return -1;
	}
	reader->tar_bytes += len;
	if (reader->tar_bytes > reader->input->max_bytes) {
		(void)err_say(&reader->failure, EFBIG, "unpacks to more than the limit of %llu bytes",
			      (unsigned long long)reader->input->max_bytes);
		archive_set_error(archive, EFBIG, "too long");
		return -1;
	}
	digest_add(&reader->diff_digest, *ret, len);
	return (ssize_t)len;
}

static int open_outer(struct archive_reader *reader, struct err *err)
{
	struct archive_entry *whole;

	reader->outer = archive_read_new();
	if (!reader->outer)
		return err_set(err, ENOMEM, "read an archive");
	for (size_t i = 0; i < ARRAY_SIZE(FILTERS); i++)
		if (FILTERS[i](reader->outer) != ARCHIVE_OK)
			return err_say(err, ENOTSUP, "this libarchive lacks a decompressor: %s",
				       archive_error_string(reader->outer));
	(void)archive_read_support_format_raw(reader->outer);
	if (archive_read_open(reader->outer, reader, NULL, read_input, NULL) != ARCHIVE_OK)
		return archive_complain(reader, reader->outer, err);
	switch (archive_read_next_header(reader->outer, &whole)) {
	case ARCHIVE_OK:
	case ARCHIVE_WARN:
		return 0;
	default:
		return archive_complain(reader, reader->outer, err);
	}
}

static int open_inner(struct archive_reader *reader, struct err *err)
{
	reader->inner = archive_read_new();
	if (!reader->inner)
		return err_set(err, ENOMEM, "read an archive");
	(void)archive_read_support_format_tar(reader->inner);
	if (archive_read_open(reader->inner, reader, NULL, read_tar, NULL) == ARCHIVE_OK)
		return 0;
	return archive_complain(reader, reader->inner, err);
}

int archive_open(const struct archive_input *input, struct archive_reader **ret, struct err *err)
{
	CLEANUP_ARCHIVE struct archive_reader *reader = calloc(1, sizeof(*reader));
	int r;

	if (!reader)
		return err_set(err, ENOMEM, "read an archive");
	reader->input = input;
	r = digest_begin(&reader->input_digest, input->digest_like, err);
	if (r >= 0)
		r = digest_begin(&reader->diff_digest, NULL, err);
	if (r >= 0)
		r = open_outer(reader, err);
	if (r >= 0)
		r = open_inner(reader, err);
	if (r < 0)
		return r;
	*ret = PTR_TAKE(reader);
	return 0;
}

void archive_close(struct archive_reader **reader)
{
	int saved = errno;

	if (!*reader)
		return;
	archive_read_free((*reader)->inner);
	archive_read_free((*reader)->outer);
	digest_free(&(*reader)->input_digest);
	digest_free(&(*reader)->diff_digest);
	free(*reader);
	*reader = NULL;
	errno = saved;
}

/* --- entries --- */

int archive_next(struct archive_reader *reader, struct archive_entry **ret, struct err *err)
{
	int r = archive_read_next_header(reader->inner, ret);

	if (r == ARCHIVE_EOF)
		return 0;
	/* A warning is about a name in another character set, which is then taken byte by byte. */
	if (r < ARCHIVE_WARN || reader->failure.code)
		return archive_complain(reader, reader->inner, err);
	reader->begun = true;
	return 1;
}

int archive_data(struct archive_reader *reader, const void **ret_bytes, size_t *ret_len, uint64_t *ret_offset,
		 struct err *err)
{
	la_int64_t offset = 0;
	int r = archive_read_data_block(reader->inner, ret_bytes, ret_len, &offset);

	if (r == ARCHIVE_EOF)
		return 0;
	if (r != ARCHIVE_OK || offset < 0)
		return archive_complain(reader, reader->inner, err);
	*ret_offset = (uint64_t)offset;
	return 1;
}

int archive_finish(struct archive_reader *reader, struct archive_digests *ret, struct err *err)
{
	const void *bytes;
	ssize_t len;
	int r;

	do
		len = read_tar(reader->inner, reader, &bytes);
	while (len > 0);
	if (len < 0)
		return archive_complain(reader, reader->inner, err);
	do /* what stands behind the end of the compressed stream */
		len = read_input(reader->outer, reader, &bytes);
	while (len > 0);
	if (len < 0)
		return archive_complain(reader, reader->outer, err);
	ret->input_bytes = reader->input_bytes;
	r = digest_end(&reader->input_digest, ret->input, err);
	return r < 0 ? r : digest_end(&reader->diff_digest, ret->diff_id, err);
}
