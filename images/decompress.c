// SPDX-License-Identifier: GPL-2.0-or-later
#include "images/decompress.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "runtime/base/fd.h"

#define CHUNK_BYTES ((size_t)256 << 10)

struct source {
	int fd;
	off_t offset;
	uint64_t left;
	struct err failure; /* libarchive would only say that a callback failed */
};

static int (*const FILTERS[])(struct archive *) = {
	archive_read_support_filter_gzip, archive_read_support_filter_bzip2, archive_read_support_filter_lzma,
	archive_read_support_filter_xz,	  archive_read_support_filter_lz4,   archive_read_support_filter_zstd,
};

static ssize_t read_source(struct archive *archive, void *context, const void **ret)
{
	static char chunk[CHUNK_BYTES];
	struct source *source = context;
	size_t wanted = source->left < sizeof(chunk) ? (size_t)source->left : sizeof(chunk);
	ssize_t len;

	do
		len = pread(source->fd, chunk, wanted, source->offset);
	while (len < 0 && errno == EINTR);
	if (len < 0) {
		(void)err_set(&source->failure, errno, "read");
		archive_set_error(archive, errno, "cannot read");
		return -1;
	}
	source->offset += len;
	source->left -= (uint64_t)len;
	*ret = chunk;
	return len;
}

static int complain(const struct source *source, struct archive *archive, struct err *err)
{
	const char *why = archive_error_string(archive);

	if (source->failure.code) {
		*err = source->failure;
		return -err->code;
	}
	return err_say(err, EINVAL, "%s", why ? why : "it is damaged");
}

static int copy_all(const struct source *source, struct archive *archive, int to, uint64_t max_bytes, struct err *err)
{
	uint64_t total = 0;
	const void *bytes;
	la_int64_t offset;
	size_t len;
	int r;

	while ((r = archive_read_data_block(archive, &bytes, &len, &offset)) == ARCHIVE_OK) {
		total += len;
		if (total > max_bytes)
			return err_say(err, EFBIG, "it unpacks to more than the limit of %llu bytes",
				       (unsigned long long)max_bytes);
		r = fd_write_all(to, bytes, len);
		if (r < 0)
			return err_set(err, -r, "write");
	}
	if (r != ARCHIVE_EOF)
		return complain(source, archive, err);
	/* Bytes that no filter knows are passed on as they are. */
	return archive_filter_count(archive) < 2
		       ? err_say(err, EINVAL,
				 "it is not compressed in a way that hull knows: gzip, bzip2, lzma, xz, "
				 "lz4 or zstd")
		       : 0;
}

static int decompress(struct source *source, struct archive *archive, int to, uint64_t max_bytes, struct err *err)
{
	struct archive_entry *whole;

	/* Each returns ARCHIVE_WARN where it would run an external program instead. */
	for (size_t i = 0; i < ARRAY_SIZE(FILTERS); i++)
		if (FILTERS[i](archive) != ARCHIVE_OK)
			return err_say(err, ENOTSUP, "this libarchive lacks a decompressor: %s",
				       archive_error_string(archive));
	(void)archive_read_support_format_raw(archive);
	if (archive_read_open(archive, source, NULL, read_source, NULL) != ARCHIVE_OK ||
	    archive_read_next_header(archive, &whole) < ARCHIVE_WARN)
		return complain(source, archive, err);
	return copy_all(source, archive, to, max_bytes, err);
}

int decompress_file(const struct decompress *how, struct err *err)
{
	CLEANUP_FD int from = open(how->source, O_RDONLY | O_CLOEXEC);
	CLEANUP_FD int to = -1;
	struct source source = {.fd = from, .offset = (off_t)how->offset, .left = how->bytes ? how->bytes : UINT64_MAX};
	struct archive *archive;
	int r;

	if (from < 0)
		return err_set(err, errno, "open");
	to = open(how->to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (to < 0)
		return err_set(err, errno, "make '%s'", how->to);
	archive = archive_read_new();
	r = archive ? decompress(&source, archive, to, how->max_bytes, err) : err_set(err, ENOMEM, "decompress");
	archive_read_free(archive);
	if (r < 0)
		(void)unlink(how->to);
	return r;
}
