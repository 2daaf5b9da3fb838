// SPDX-License-Identifier: GPL-2.0-or-later
#include "images/kernel_package.h"

#include <archive.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "images/archive.h"
#include "runtime/base/fd.h"
#include "runtime/base/file.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"

#define READ_BYTES ((size_t)64 << 10)

struct package {
	int to, modules; /* folders */
	uint64_t entries;
	bool has_kernel;
};

/* --- names --- */

/*
 * "./usr/lib/modules/6.1.0/kernel/fs/fuse.ko" without what stands in front of "lib" or "boot". NULL when it is refused.
 */
static const char *clean_name(const char *name)
{
	while (name && (*name == '/' || text_starts(name, "./")))
		name += *name == '/' ? 1 : 2;
	if (!name || !path_is_plain(name))
		return NULL;
	return text_starts(name, "usr/lib/") ? name + strlen("usr/") : name;
}

static bool has_plain_letters(const char *name)
{
	return *name != '.' && strlen(name) < 128 &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+~-") == strlen(name);
}

static bool is_module(const char *name)
{
	return text_ends(name, ".ko") || text_ends(name, ".ko.gz") || text_ends(name, ".ko.xz") ||
	       text_ends(name, ".ko.zst");
}

/* The folder and name that an entry gets, or -1: it is not wanted. */
static int place_of(const struct package *package, const char *name, const char **ret_base)
{
	const char *below = text_starts(name, "lib/modules/") ? strchr(name + strlen("lib/modules/"), '/') : NULL;

	*ret_base = strrchr(name, '/');
	*ret_base = *ret_base ? *ret_base + 1 : name;
	if (text_starts(name, "boot/vmlinuz-") && *ret_base == name + strlen("boot/"))
		return package->to;
	if (below && strcmp(below, "/modules.builtin") == 0)
		return package->to;
	return below && text_starts(below, "/kernel/") && is_module(*ret_base) ? package->modules : -1;
}

/* --- entries --- */

static int write_file(struct archive_reader *reader, int fd, uint64_t size, struct err *err)
{
	const void *bytes;
	size_t len;
	uint64_t offset;
	int more;

	while ((more = archive_data(reader, &bytes, &len, &offset, err)) > 0) {
		if (offset > size || len > size - offset)
			return err_say(err, EINVAL, "it has more contents than its size says");
		if (lseek(fd, (off_t)offset, SEEK_SET) < 0)
			return err_set(err, errno, "write");
		more = fd_write_all(fd, bytes, len);
		if (more < 0)
			return err_set(err, -more, "write");
	}
	if (more == 0 && ftruncate(fd, (off_t)size) < 0)
		return err_set(err, errno, "set the length");
	return more;
}

static int take_file(struct package *package, struct archive_reader *reader, struct archive_entry *entry, int dirfd,
		     const char *name, struct err *err)
{
	CLEANUP_FD int fd = -1;
	int64_t size = archive_entry_size(entry);

	if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry))
		return err_say(err, EINVAL, "it is no regular file");
	if (!has_plain_letters(name))
		return err_say(err, EINVAL, "it has a name that no kernel's file has");
	if (size < 0 || (uint64_t)size > KERNEL_PACKAGE_MAX_FILE)
		return err_say(err, EFBIG, "it has more than the limit of %llu bytes",
			       (unsigned long long)KERNEL_PACKAGE_MAX_FILE);
	fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno == EEXIST ? err_say(err, EINVAL, "a file of this name is there twice")
				       : err_set(err, errno, "make the file");
	package->has_kernel |= text_starts(name, "vmlinuz-");
	return write_file(reader, fd, (uint64_t)size, err);
}

static int take_entry(struct package *package, struct archive_reader *reader, struct archive_entry *entry,
		      struct err *err)
{
	const char *raw = archive_entry_pathname(entry), *name, *base;
	int dirfd, r;

	if (++package->entries > KERNEL_PACKAGE_MAX_ENTRIES)
		return err_say(err, E2BIG, "it has more than %d entries", KERNEL_PACKAGE_MAX_ENTRIES);
	if (archive_entry_filetype(entry) == AE_IFDIR)
		return 0;
	name = clean_name(raw);
	if (!name)
		return err_say(err, EINVAL, "entry '%.200s': it has a name that leads elsewhere", raw ? raw : "");
	dirfd = place_of(package, name, &base);
	r = dirfd < 0 ? 0 : take_file(package, reader, entry, dirfd, base, err);
	return r < 0 ? err_wrap(err, "entry '%.200s'", raw) : 0;
}

static int take_all(struct package *package, int data, struct err *err)
{
	CLEANUP_ARCHIVE struct archive_reader *reader = NULL;
	const struct archive_input input = {.fd = data, .max_bytes = KERNEL_PACKAGE_MAX_BYTES};
	struct archive_digests digests;
	struct archive_entry *entry;
	int r = archive_open(&input, &reader, err);

	while (r >= 0 && (r = archive_next(reader, &entry, err)) > 0)
		r = take_entry(package, reader, entry, err);
	/* To the end of the compressed stream, which has its sum there. */
	if (r >= 0)
		r = archive_finish(reader, &digests, err);
	return r < 0 ? err_wrap(err, "its data") : 0;
}

/* --- the ar archive --- */

/* The member data.tar*, as a file without a name: the tar reader wants one that ends where the member does. */
static int copy_data(struct archive *ar, int to_folder, struct err *err)
{
	CLEANUP_FD int fd = openat(to_folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	uint64_t total = 0;
	const void *bytes;
	la_int64_t offset;
	size_t len;
	int r;

	if (fd < 0)
		return err_set(err, errno, "make a temporary file");
	while ((r = archive_read_data_block(ar, &bytes, &len, &offset)) == ARCHIVE_OK) {
		total += len;
		if (total > KERNEL_PACKAGE_MAX_BYTES)
			return err_set(err, EFBIG, "its data");
		r = fd_write_all(fd, bytes, len);
		if (r < 0)
			return err_set(err, -r, "copy its data");
	}
	if (r != ARCHIVE_EOF)
		return err_say(err, EINVAL, "it is a damaged Debian package: %s", archive_error_string(ar));
	return lseek(fd, 0, SEEK_SET) < 0 ? err_set(err, errno, "rewind its data") : fd_take(&fd);
}

static int find_data(struct archive *ar, int fd, int to_folder, struct err *err)
{
	struct archive_entry *entry;
	bool is_package = false;
	int r;

	(void)archive_read_support_format_ar(ar);
	r = archive_read_open_fd(ar, fd, READ_BYTES);
	while (r >= ARCHIVE_WARN && (r = archive_read_next_header(ar, &entry)) >= ARCHIVE_WARN && r != ARCHIVE_EOF) {
		const char *name = archive_entry_pathname(entry);

		/* It comes first (deb(5)). */
		is_package |= name && strcmp(name, "debian-binary") == 0;
		if (!is_package || !name)
			break;
		if (text_starts(name, "data.tar"))
			return copy_data(ar, to_folder, err);
	}
	if (is_package && r == ARCHIVE_EOF)
		return err_say(err, EINVAL, "it is a Debian package without files in it");
	if (is_package && r < ARCHIVE_WARN)
		return err_say(err, EINVAL, "it is a damaged Debian package: %s", archive_error_string(ar));
	return err_say(err, EINVAL, "it is no Debian package");
}

static int open_data(const char *source, int to_folder, struct err *err)
{
	CLEANUP_FD int fd = open(source, O_RDONLY | O_CLOEXEC);
	struct archive *ar;
	int r;

	if (fd < 0)
		return err_set(err, errno, "open");
	ar = archive_read_new();
	r = ar ? find_data(ar, fd, to_folder, err) : err_set(err, ENOMEM, "read an archive");
	archive_read_free(ar);
	return r;
}

int kernel_package_unpack(const char *source, const char *to, struct err *err)
{
	struct package package = {.to = -1, .modules = -1};
	CLEANUP_FD int folder = file_open_dir(AT_FDCWD, to, err);
	CLEANUP_FD int modules = folder < 0 ? folder : file_open_dir(folder, "modules", err);
	CLEANUP_FD int data = modules < 0 ? modules : open_data(source, folder, err);
	int r = data;

	package.to = folder;
	package.modules = modules;
	if (r >= 0)
		r = take_all(&package, data, err);
	if (r >= 0 && !package.has_kernel)
		r = err_say(err, EINVAL,
			    "it is a package without a kernel: want one such as linux-image-*-cloud-amd64");
	return r < 0 ? r : 0;
}
