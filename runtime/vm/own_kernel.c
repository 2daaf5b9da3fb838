/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/own_kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/file.h"
#include "runtime/base/scope.h"
#include "runtime/vm/agent_protocol.h"
#include "runtime/vm/cpio.h"
#include "runtime/vm/kernel_image.h"

#define INITRD_MAX_BYTES ((uint64_t)1 << 30)

/* Of an entry's header (buffer-format.rst): where its numbers are, of eight hexadecimal digits each. */
#define FILE_BYTES_AT	 54
#define NAME_BYTES_AT	 94
#define NUMBER_DIGITS	 8
#define AFTER_PADDING(n) (((n) + 3) & ~(uint64_t)3)

/* Names as long as this belong to no file that a kernel would unpack. */
#define MAX_NAME_BYTES 4096
#define PIECE_BYTES    ((size_t)64 << 10)

/*
 * Whoever the files belong to may change them meanwhile, and make them shorter: so they are read, and not mapped, where
 * that would be the end of who looks.
 */
struct own_file {
	int fd;
	uint64_t bytes; /* when it was opened */
};

/* All of `len` bytes, or -errno; without words, -ENODATA: there are not so many. */
static int read_at(const struct own_file *file, uint64_t at, void *to, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = pread(file->fd, (char *)to + done, len - done, (off_t)(at + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ENODATA;
		done += (size_t)n;
	}
	return 0;
}

static int say_unread(int result, struct err *err)
{
	return result == -ENODATA ? err_say(err, EINVAL, "it became shorter while it was read")
				  : err_set(err, -result, "read it");
}

static int open_own(const char *path, uint64_t max_bytes, struct own_file *ret, struct err *err)
{
	CLEANUP_FD int fd = file_open_regular(path, O_RDONLY, err);
	struct stat found;

	if (fd < 0)
		return fd;
	if (fstat(fd, &found) < 0)
		return err_set(err, errno, "'%s'", path);
	if (found.st_size == 0 || (uint64_t)found.st_size > max_bytes)
		return err_say(err, EINVAL, "'%s': it is no file of 1 byte to %ju MiB", path,
			       (uintmax_t)max_bytes >> 20);
	*ret = (struct own_file){.fd = fd_take(&fd), .bytes = (uint64_t)found.st_size};
	return 0;
}

/* --- Kernels ------------------------------------------------------------------------------------------------------ */

static int look_at_kernel(const struct own_file *file, struct err *err)
{
	CLEANUP_FREE void *bytes = malloc(file->bytes);
	struct kernel_image image;
	int result = bytes ? read_at(file, 0, bytes, file->bytes) : -ENOMEM;

	return result < 0 ? say_unread(result, err) : kernel_image_read(bytes, file->bytes, &image, err);
}

int own_kernel_check(const char *path, struct err *err)
{
	struct own_file file;
	int result = open_own(path, KERNEL_IMAGE_MAX_BYTES, &file, err);

	if (result < 0)
		return result;
	result = look_at_kernel(&file, err);
	(void)close(file.fd);
	return result < 0 ? err_wrap(err, "'%s'", path) : 0;
}

/* --- Archives ----------------------------------------------------------------------------------------------------- */

struct entry {
	char name[MAX_NAME_BYTES];
	uint64_t contents, bytes; /* where they are, and how many */
	uint64_t next;		  /* where the entry behind it begins */
};

static bool read_number(const uint8_t *from, uint64_t *ret)
{
	*ret = 0;
	for (unsigned i = 0; i < NUMBER_DIGITS; i++) {
		const char *digits = "0123456789abcdef", *digit = from[i] ? strchr(digits, from[i] | 0x20) : NULL;

		if (!digit)
			return false;
		*ret = *ret << 4 | (uint64_t)(digit - digits);
	}
	return true;
}

/* 1; 0: no whole entry is there; -errno without words. */
static int read_entry(const struct own_file *file, uint64_t at, struct entry *ret)
{
	uint8_t header[CPIO_HEADER_BYTES];
	uint64_t name_bytes;
	int result;

	if (file->bytes - at < sizeof(header))
		return 0;
	result = read_at(file, at, header, sizeof(header));
	if (result < 0)
		return result;
	if (memcmp(header, CPIO_MAGIC, strlen(CPIO_MAGIC)) != 0 || !read_number(header + FILE_BYTES_AT, &ret->bytes) ||
	    !read_number(header + NAME_BYTES_AT, &name_bytes) || name_bytes == 0 || name_bytes > sizeof(ret->name))
		return 0;
	ret->contents = AFTER_PADDING(at + sizeof(header) + name_bytes);
	if (ret->contents > file->bytes || ret->bytes > file->bytes - ret->contents)
		return 0;
	ret->next = AFTER_PADDING(ret->contents + ret->bytes);
	result = read_at(file, at + sizeof(header), ret->name, name_bytes);
	return result < 0 ? result : ret->name[name_bytes - 1] == '\0';
}

/* Whether the mark is among these bytes: 1 or 0, or -errno without words. */
static int find_mark(const struct own_file *file, uint64_t at, uint64_t bytes)
{
	const size_t mark_len = strlen(AGENT_MARK);
	CLEANUP_FREE char *piece = malloc(PIECE_BYTES);
	int result = piece ? 0 : -ENOMEM;

	/* Pieces overlap, so that it is whole in one of them. */
	while (result == 0 && bytes >= mark_len) {
		size_t len = bytes < PIECE_BYTES ? (size_t)bytes : PIECE_BYTES;

		result = read_at(file, at, piece, len);
		if (result == 0 && memmem(piece, len, AGENT_MARK, mark_len))
			return 1;
		at += len - (mark_len - 1);
		bytes -= len - (mark_len - 1);
	}
	return result;
}

/* Behind an archive: where the next one begins. */
static int skip_zeros(const struct own_file *file, uint64_t *at)
{
	uint8_t piece[16384];

	while (*at < file->bytes) {
		size_t len = file->bytes - *at < sizeof(piece) ? (size_t)(file->bytes - *at) : sizeof(piece), zeros = 0;
		int result = read_at(file, *at, piece, len);

		if (result < 0)
			return result;
		while (zeros < len && piece[zeros] == 0)
			zeros++;
		*at += zeros;
		if (zeros < len)
			break;
	}
	return 0;
}

static bool is_init(const char *name)
{
	return strcmp(name, "init") == 0 || strcmp(name, "/init") == 0 || strcmp(name, "./init") == 0;
}

/* What was seen of an initramfs. */
struct seen {
	bool has_init, is_agent;
	uint64_t at; /* as far as it is an archive, or several */
};

/*
 * As the kernel unpacks it: one archive behind another, with zeros between; the last /init counts. 0 or -errno without
 * words.
 */
static int look_at_entries(const struct own_file *file, struct seen *seen)
{
	struct entry entry;
	int result = 1;

	while (result > 0 && seen->at < file->bytes && (result = read_entry(file, seen->at, &entry)) > 0) {
		if (is_init(entry.name)) {
			result = find_mark(file, entry.contents, entry.bytes);
			seen->has_init = true;
			seen->is_agent = result > 0;
		}
		seen->at = entry.next;
		if (result >= 0 && strcmp(entry.name, CPIO_TRAILER) == 0)
			result = skip_zeros(file, &seen->at);
		result = result < 0 ? result : 1;
	}
	return result < 0 ? result : 0;
}

static int look_at_initrd(const struct own_file *file, struct err *err)
{
	struct seen seen = {0};
	int result = look_at_entries(file, &seen);

	if (result < 0)
		return say_unread(result, err);
	/* What is left is compressed, if it is anything. */
	if (seen.is_agent || seen.at < file->bytes)
		return 0;
	return seen.has_init
		       ? err_say(err, EINVAL,
				 "its /init is not hull's agent of this version: pack the hull-agent that is installed")
		       : err_say(err, EINVAL, "it has no /init: that has to be hull-agent");
}

int own_initrd_check(const char *path, struct err *err)
{
	struct own_file file;
	int result = open_own(path, INITRD_MAX_BYTES, &file, err);

	if (result < 0)
		return result;
	result = look_at_initrd(&file, err);
	(void)close(file.fd);
	return result < 0 ? err_wrap(err, "'%s'", path) : 0;
}
