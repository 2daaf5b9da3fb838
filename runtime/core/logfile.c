/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/core/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "runtime/base/scope.h"
#include "runtime/base/text.h"

/* Lines of one writev(2). Each is up to three parts: header, bytes, and a newline for a piece that has none. */
#define BATCH_LINES 32

/* Lines that are on their way into the file: parts that point into the caller's bytes and the headers. */
struct batch {
	struct iovec parts[1 + 3 * BATCH_LINES]; /* the first is for a notice of lost lines */
	int part_count;				 /* of the others */
	unsigned lines;
	size_t bytes;
};

void logfile_part_name(char to[static LOGFILE_NAME_BYTES], uint32_t part)
{
	if (part == 0)
		(void)text_copy(to, LOGFILE_NAME_BYTES, LOGFILE_NAME);
	else
		(void)snprintf(to, LOGFILE_NAME_BYTES, LOGFILE_NAME ".%" PRIu32, part);
}

/*
 * A writer that was killed may have left half a line, which must not become the beginning of the next one. Returns
 * the size without it.
 */
static uint64_t cut_half_line(int fd, uint64_t size_bytes)
{
	char end[512];

	while (size_bytes > 0) {
		size_t len = size_bytes < sizeof(end) ? (size_t)size_bytes : sizeof(end);
		ssize_t n = pread(fd, end, len, (off_t)(size_bytes - len));
		const char *newline = n == (ssize_t)len ? memrchr(end, '\n', len) : NULL;

		if (n != (ssize_t)len)
			break;
		size_bytes -= len;
		if (newline) {
			size_bytes += (size_t)(newline - end) + 1;
			break;
		}
	}
	return size_bytes;
}

/* 0 or -errno. */
static int open_current(struct logfile *log)
{
	struct stat st;
	uint64_t size_bytes;

	CLEANUP_FD int fd =
		openat(log->folder_fd, LOGFILE_NAME, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	size_bytes = cut_half_line(fd, (uint64_t)st.st_size);
	if (size_bytes < (uint64_t)st.st_size && ftruncate(fd, (off_t)size_bytes) < 0)
		return -errno;
	log->size_bytes = size_bytes;
	log->fd = fd_take(&fd);
	return 0;
}

void logfile_open(struct logfile *log, int folder_fd, uint64_t max_bytes, uint32_t max_files)
{
	*log = (struct logfile){
		.folder_fd = folder_fd,
		.fd = -1,
		.max_bytes = max_bytes,
		.max_files = max_files ? max_files : 1,
	};
}

void logfile_close(struct logfile *log)
{
	scope_fd(&log->fd);
	log->fd = -1;
}

/* Oldest first, each onto its elder. A part that is missing leaves a gap, which closes with time. */
static void rotate(struct logfile *log)
{
	char from[LOGFILE_NAME_BYTES], to[LOGFILE_NAME_BYTES];

	for (uint32_t part = log->max_files - 1; part > 0; part--) {
		logfile_part_name(from, part - 1);
		logfile_part_name(to, part);
		(void)renameat(log->folder_fd, from, log->folder_fd, to);
	}
	/* A new file, and not the old one cut short: who reads the old one still sees its end. */
	if (log->max_files == 1)
		(void)unlinkat(log->folder_fd, LOGFILE_NAME, 0);
	logfile_close(log);
	log->size_bytes = 0;
}

/*
 * All or nothing: what was written of a batch that did not fit is cut off again, so that no half line is ever read. 0
 * or -errno.
 */
static int write_parts(struct logfile *log, struct iovec *parts, int count, size_t bytes)
{
	ssize_t n;
	int code, r = log->fd < 0 ? open_current(log) : 0;

	if (r == 0 && log->max_bytes && log->size_bytes > 0 && log->size_bytes + bytes > log->max_bytes) {
		rotate(log);
		r = open_current(log);
	}
	if (r < 0)
		return r;
	do
		n = writev(log->fd, parts, count);
	while (n < 0 && errno == EINTR);
	if (n == (ssize_t)bytes) {
		log->size_bytes += bytes;
		return 0;
	}
	/* A short write has no errno of its own; the usual reason is that the disk is full. */
	code = n < 0 ? errno : ENOSPC;
	/* Opened anew the next time, it is tried again. */
	if (n > 0 && ftruncate(log->fd, (off_t)log->size_bytes) < 0)
		logfile_close(log);
	return -code;
}

static void make_header(char to[static LOGFILE_HEADER_BYTES + 1], uint64_t now_ns, enum log_stream stream, bool whole)
{
	char time[36];

	(void)snprintf(to, LOGFILE_HEADER_BYTES + 1, "%s %s %c ", text_time(now_ns, time),
		       stream == LOG_STDOUT ? "stdout" : "stderr", whole ? 'F' : 'P');
}

#define NOTICE_BYTES (LOGFILE_HEADER_BYTES + 120)

/* The line that says that lines were lost. Its length. */
static size_t make_notice(const struct logfile *log, char to[static NOTICE_BYTES], uint64_t now_ns)
{
	int len = snprintf(to + LOGFILE_HEADER_BYTES, NOTICE_BYTES - LOGFILE_HEADER_BYTES,
			   "hull-keeper: lines missing here: %" PRIu64 ", the log could not be written (errno %d)\n",
			   log->lost_lines, log->lost_code);
	char header[LOGFILE_HEADER_BYTES + 1];

	make_header(header, now_ns, LOG_STDERR, true);
	memcpy(to, header, LOGFILE_HEADER_BYTES);
	return LOGFILE_HEADER_BYTES + (size_t)len;
}

static void flush(struct logfile *log, struct batch *batch, uint64_t now_ns)
{
	char notice[NOTICE_BYTES];
	int skipped = 1;
	int r;

	if (!batch->lines)
		return;
	/* In one write with what comes behind it: told only when that could be written again. */
	if (log->lost_lines) {
		batch->parts[0] = (struct iovec){notice, make_notice(log, notice, now_ns)};
		batch->bytes += batch->parts[0].iov_len;
		skipped = 0;
	}
	r = write_parts(log, batch->parts + skipped, 1 + batch->part_count - skipped, batch->bytes);
	if (r == 0) {
		log->lost_lines = 0;
	} else {
		log->lost_lines += batch->lines;
		log->lost_code = -r;
	}
	batch->part_count = 0;
	batch->lines = 0;
	batch->bytes = 0;
}

static void batch_add(struct batch *batch, const char *bytes, size_t len)
{
	batch->parts[1 + batch->part_count++] = (struct iovec){(void *)(uintptr_t)bytes, len};
	batch->bytes += len;
}

void logfile_write(struct logfile *log, enum log_stream stream, uint64_t now_ns, const char *bytes, size_t len)
{
	char whole[LOGFILE_HEADER_BYTES + 1], piece[LOGFILE_HEADER_BYTES + 1];
	struct batch batch = {.part_count = 0};
	const char *end = bytes + len;

	make_header(whole, now_ns, stream, true);
	make_header(piece, now_ns, stream, false);
	while (bytes < end) {
		const char *newline = memchr(bytes, '\n', (size_t)(end - bytes));
		const char *next = newline ? newline + 1 : end;

		batch_add(&batch, newline ? whole : piece, LOGFILE_HEADER_BYTES);
		batch_add(&batch, bytes, (size_t)(next - bytes));
		if (!newline)
			batch_add(&batch, "\n", 1);
		if (++batch.lines == BATCH_LINES)
			flush(log, &batch, now_ns);
		bytes = next;
	}
	flush(log, &batch, now_ns);
}
