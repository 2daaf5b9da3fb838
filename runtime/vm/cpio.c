// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/vm/cpio.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/path.h"

#define ALIGNMENT 4

struct entry {
	const char *name;
	mode_t mode;
	unsigned links, major, minor;
	uint64_t bytes;
};

static int put(struct cpio *cpio, const char *name, const void *bytes, size_t len, struct err *err)
{
	int r = fd_write_all(cpio->fd, bytes, len);

	if (r < 0)
		return err_set(err, -r, "write '%s' of an initramfs", name);
	cpio->offset += len;
	return 0;
}

static int pad(struct cpio *cpio, const char *name, struct err *err)
{
	static const char zeros[ALIGNMENT];
	size_t over = cpio->offset % ALIGNMENT;

	return over > 0 ? put(cpio, name, zeros, ALIGNMENT - over, err) : 0;
}

static int put_header(struct cpio *cpio, const struct entry *entry, struct err *err)
{
	char header[CPIO_HEADER_BYTES + 1];
	int r;

	/*
	 * Magic; inode, mode, uid, gid, links, time, size; the device that it is on, the device that it is; length of
	 * the name; check.
	 */
	(void)snprintf(header, sizeof(header), CPIO_MAGIC "%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
		       ++cpio->entries, entry->mode, 0, 0, entry->links, 0, (unsigned)entry->bytes, 0, 0, entry->major,
		       entry->minor, (unsigned)strlen(entry->name) + 1, 0);
	r = put(cpio, entry->name, header, CPIO_HEADER_BYTES, err);
	if (r >= 0)
		r = put(cpio, entry->name, entry->name, strlen(entry->name) + 1, err);
	return r < 0 ? r : pad(cpio, entry->name, err);
}

static int put_entry(struct cpio *cpio, const struct entry *entry, struct err *err)
{
	if (!path_is_plain(entry->name))
		return err_say(err, EINVAL, "'%s' is no name for an entry of an initramfs", entry->name);
	return put_header(cpio, entry, err);
}

int cpio_put_folder(struct cpio *cpio, const char *name, mode_t mode, struct err *err)
{
	return put_entry(cpio, &(struct entry){.name = name, .mode = S_IFDIR | mode, .links = 2}, err);
}

int cpio_put_char(struct cpio *cpio, const char *name, mode_t mode, unsigned major, unsigned minor, struct err *err)
{
	const struct entry entry = {.name = name, .mode = S_IFCHR | mode, .links = 1, .major = major, .minor = minor};

	return put_entry(cpio, &entry, err);
}

int cpio_put_bytes(struct cpio *cpio, const char *name, mode_t mode, const void *bytes, size_t len, struct err *err)
{
	const struct entry entry = {.name = name, .mode = S_IFREG | mode, .links = 1, .bytes = len};
	int r = len > CPIO_MAX_FILE ? err_set(err, EFBIG, "'%s'", name) : put_entry(cpio, &entry, err);

	if (r >= 0)
		r = put(cpio, name, bytes, len, err);
	return r < 0 ? r : pad(cpio, name, err);
}

static int copy_contents(struct cpio *cpio, const char *name, int fd, uint64_t bytes, struct err *err)
{
	off_t from = 0;

	while ((uint64_t)from < bytes) {
		ssize_t len = sendfile(cpio->fd, fd, &from, bytes - (uint64_t)from);

		if (len < 0 && errno != EINTR)
			return err_set(err, errno, "copy '%s' into an initramfs", name);
		if (len == 0)
			return err_say(err, EIO, "'%s' became shorter while it was read", name);
	}
	cpio->offset += bytes;
	return 0;
}

int cpio_put_file(struct cpio *cpio, const char *name, mode_t mode, int fd, struct err *err)
{
	struct entry entry = {.name = name, .mode = S_IFREG | mode, .links = 1};
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return err_set(err, errno, "'%s'", name);
	if (!S_ISREG(st.st_mode))
		return err_say(err, EINVAL, "'%s' is no regular file", name);
	entry.bytes = (uint64_t)st.st_size;
	if (entry.bytes > CPIO_MAX_FILE)
		return err_set(err, EFBIG, "'%s'", name);
	r = put_entry(cpio, &entry, err);
	if (r >= 0)
		r = copy_contents(cpio, name, fd, entry.bytes, err);
	return r < 0 ? r : pad(cpio, name, err);
}

int cpio_end(struct cpio *cpio, struct err *err)
{
	return put_header(cpio, &(struct entry){.name = CPIO_TRAILER, .links = 1}, err);
}
