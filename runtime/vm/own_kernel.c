/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/own_kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/scope.h"
#include "runtime/vm/agent_protocol.h"
#include "runtime/vm/cpio.h"
#include "runtime/vm/kernel_image.h"

#define INITRD_MAX_BYTES ((uint64_t)1 << 30)

/* Of an entry's header (buffer-format.rst): where its numbers are, of eight hexadecimal digits each. */
#define MAGIC		 "070701"
#define FILE_BYTES_AT	 54
#define NAME_BYTES_AT	 94
#define NUMBER_DIGITS	 8
#define ARCHIVE_END	 "TRAILER!!!"
#define AFTER_PADDING(n) (((n) + 3) & ~(size_t)3)

/* --- Files ------------------------------------------------------------------------------------------------------------ */

typedef int looker(const void *bytes, size_t len, struct err *err);

static int look_at(const char *path, uint64_t max_bytes, looker *look, struct err *err)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat found;
	void *bytes;
	int result;

	if (fd < 0 || fstat(fd, &found) < 0)
		return err_set(err, errno, "'%s'", path);
	if (!S_ISREG(found.st_mode) || found.st_size == 0 || (uint64_t)found.st_size > max_bytes)
		return err_say(err, EINVAL, "'%s': it is no file of 1 byte to %ju MiB", path,
			       (uintmax_t)max_bytes >> 20);
	bytes = mmap(NULL, (size_t)found.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		return err_set(err, errno, "'%s'", path);
	result = look(bytes, (size_t)found.st_size, err);
	(void)munmap(bytes, (size_t)found.st_size);
	return result < 0 ? err_wrap(err, "'%s'", path) : 0;
}

static int look_at_kernel(const void *bytes, size_t len, struct err *err)
{
	struct kernel_image image;

	return kernel_image_read(bytes, len, &image, err);
}

int own_kernel_check(const char *path, struct err *err)
{
	return look_at(path, KERNEL_IMAGE_MAX_BYTES, look_at_kernel, err);
}

int own_initrd_check(const char *path, struct err *err)
{
	return look_at(path, INITRD_MAX_BYTES, own_initrd_look, err);
}

/* --- Archives --------------------------------------------------------------------------------------------------------- */

struct entry {
	const char *name;
	const uint8_t *contents;
	size_t bytes, next; /* where the entry behind it begins */
};

static bool read_number(const uint8_t *from, size_t *ret)
{
	*ret = 0;
	for (unsigned i = 0; i < NUMBER_DIGITS; i++) {
		const char *digits = "0123456789abcdef", *digit = from[i] ? strchr(digits, from[i] | 0x20) : NULL;

		if (!digit)
			return false;
		*ret = *ret << 4 | (size_t)(digit - digits);
	}
	return true;
}

/* False where no whole entry is. */
static bool read_entry(const uint8_t *bytes, size_t len, size_t at, struct entry *ret)
{
	size_t name_bytes, contents_at;

	if (len - at < CPIO_HEADER_BYTES || memcmp(bytes + at, MAGIC, strlen(MAGIC)) != 0 ||
	    !read_number(bytes + at + FILE_BYTES_AT, &ret->bytes) ||
	    !read_number(bytes + at + NAME_BYTES_AT, &name_bytes))
		return false;
	contents_at = AFTER_PADDING(at + CPIO_HEADER_BYTES + name_bytes);
	if (name_bytes == 0 || contents_at > len || ret->bytes > len - contents_at)
		return false;
	ret->name = (const char *)bytes + at + CPIO_HEADER_BYTES;
	if (ret->name[name_bytes - 1] != '\0')
		return false;
	ret->contents = bytes + contents_at;
	ret->next = AFTER_PADDING(contents_at + ret->bytes);
	return true;
}

static bool is_init(const char *name)
{
	return strcmp(name, "init") == 0 || strcmp(name, "/init") == 0 || strcmp(name, "./init") == 0;
}

/* As the kernel unpacks it: one archive behind another, with zeros between; the last /init counts. */
int own_initrd_look(const void *archive, size_t len, struct err *err)
{
	const uint8_t *bytes = archive;
	bool has_init = false, is_agent = false;
	struct entry entry;
	size_t at = 0;

	while (at < len && read_entry(bytes, len, at, &entry)) {
		if (is_init(entry.name)) {
			has_init = true;
			is_agent = memmem(entry.contents, entry.bytes, AGENT_MARK, strlen(AGENT_MARK)) != NULL;
		}
		at = entry.next;
		while (strcmp(entry.name, ARCHIVE_END) == 0 && at < len && bytes[at] == 0)
			at++;
	}
	/* What is left is compressed, if it is anything. */
	if (is_agent || at < len)
		return 0;
	return has_init
		       ? err_say(err, EINVAL,
				 "its /init is not hull's agent of this version: pack the hull-agent that is installed")
		       : err_say(err, EINVAL, "it has no /init: that has to be hull-agent");
}
