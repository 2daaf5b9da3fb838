// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A folder as a tar stream. It descends by descriptor and follows nothing; what changes meanwhile is an error, not an
 * escape.
 */
#include <archive.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "images/archive.h"
#include "runtime/base/arena.h"
#include "runtime/base/fd.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"

#define MAX_DEPTH	256
#define XATTR_MAX_BYTES 65536 /* XATTR_SIZE_MAX and XATTR_LIST_MAX of the kernel */

struct writer {
	struct archive *out;
	struct archive_entry_linkresolver *links; /* finds the hard links of a file that was written already */
	const char *what;
	dev_t device; /* what lies on another file system is a mount, and no part of the folder */
};

static int write_complain(struct writer *w, const char *name, struct err *err)
{
	const char *why = archive_error_string(w->out);
	int code = archive_errno(w->out);

	/* The kernel's reason (a full disk) says more than the library's "Write error"; its own codes are negative. */
	if (code > 0)
		return err_set(err, code, "%s: '%s'", w->what, name);
	return err_say(err, EIO, "%s: '%s': %s", w->what, name, why ? why : "cannot be written as tar");
}

/* --- one file --- */

static bool is_kept_xattr(const char *name)
{
	return strcmp(name, "security.capability") == 0 || text_starts(name, "user.");
}

static int add_xattrs(struct archive_entry *entry, int fd, struct err *err)
{
	static char names[XATTR_MAX_BYTES], value[XATTR_MAX_BYTES];
	ssize_t len = flistxattr(fd, names, sizeof(names));

	if (len < 0)
		return errno == ENOTSUP ? 0 : err_set(err, errno, "list the extended attributes");
	for (const char *name = names; name < names + len; name += strlen(name) + 1) {
		ssize_t size = is_kept_xattr(name) ? fgetxattr(fd, name, value, sizeof(value)) : -1;

		if (size >= 0)
			archive_entry_xattr_add_entry(entry, name, value, (size_t)size);
	}
	return 0;
}

/* Tells the archive where a file has holes, so that a sparse file stays small on its way. */
static void add_holes(struct archive_entry *entry, int fd, off_t size)
{
	off_t data = 0, hole;

	while (data < size && (data = lseek(fd, data, SEEK_DATA)) >= 0) {
		hole = lseek(fd, data, SEEK_HOLE);
		if (hole < 0 || (data == 0 && hole >= size))
			return; /* without a hole */
		archive_entry_sparse_add_entry(entry, data, hole - data);
		data = hole;
	}
}

static int write_contents(struct writer *w, struct archive_entry *entry, int fd, const char *name, struct err *err)
{
	static char chunk[256 << 10];
	uint64_t left = (uint64_t)archive_entry_size(entry);

	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_set(err, errno, "read '%s'", name);
	while (left > 0) {
		ssize_t len = read(fd, chunk, left < sizeof(chunk) ? (size_t)left : sizeof(chunk));

		if (len < 0 && errno == EINTR)
			continue;
		if (len <= 0)
			return len < 0 ? err_set(err, errno, "read '%s'", name)
				       : err_say(err, EIO, "'%s' became shorter while it was read", name);
		if (archive_write_data(w->out, chunk, (size_t)len) < 0)
			return write_complain(w, name, err);
		left -= (uint64_t)len;
	}
	return 0;
}

static int write_entry(struct writer *w, struct archive_entry *entry, int fd, const char *name, struct err *err)
{
	struct archive_entry *spare = NULL;

	/* With the tar strategy it answers at once: the entry itself, as a hard link when its file was there before. */
	archive_entry_linkify(w->links, &entry, &spare);
	if (archive_write_header(w->out, entry) < ARCHIVE_WARN)
		return write_complain(w, name, err);
	if (archive_entry_filetype(entry) == AE_IFREG && !archive_entry_hardlink(entry) &&
	    archive_entry_size(entry) > 0)
		return write_contents(w, entry, fd, name, err);
	return 0;
}

static int add_target(struct archive_entry *entry, int dirfd, const char *name, struct err *err)
{
	char target[PATH_MAX];
	ssize_t len = readlinkat(dirfd, name, target, sizeof(target) - 1);

	if (len < 0)
		return err_set(err, errno, "read the link");
	target[len] = '\0';
	archive_entry_set_symlink(entry, target);
	return 0;
}

/* `path` is the name in the archive, `name` the last part of it, in `dirfd`. */
static int write_file(struct writer *w, int dirfd, const char *name, const char *path, const struct stat *st,
		      struct err *err)
{
	struct archive_entry *entry = archive_entry_new();
	CLEANUP_FD int fd = -1;
	int r = 0;

	if (!entry)
		return err_set(err, ENOMEM, "'%s'", path);
	archive_entry_copy_stat(entry, st);
	archive_entry_unset_atime(entry);
	archive_entry_unset_ctime(entry);
	archive_entry_set_mtime(entry, st->st_mtim.tv_sec, 0);
	archive_entry_set_pathname(entry, path);
	if (S_ISLNK(st->st_mode)) {
		r = add_target(entry, dirfd, name, err);
	} else if (S_ISREG(st->st_mode) || S_ISDIR(st->st_mode)) {
		fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		r = fd < 0 ? err_set(err, errno, "open") : add_xattrs(entry, fd, err);
		if (r >= 0 && S_ISREG(st->st_mode))
			add_holes(entry, fd, st->st_size);
	}
	if (r >= 0)
		r = write_entry(w, entry, fd, path, err);
	archive_entry_free(entry);
	return r < 0 ? err_wrap(err, "'%s'", path) : 0;
}

/* --- the tree --- */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_folder(struct arena *arena, int dirfd, struct strv *ret, struct err *err)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_DIR DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!dir) {
		(void)err_set(err, errno, "read a folder");
		if (fd >= 0)
			(void)close(fd);
		return -err->code;
	}
	errno = 0;
	while ((entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    strv_add(arena, ret, entry->d_name) < 0)
			return arena_check(arena, err);
		errno = 0;
	}
	if (errno)
		return err_set(err, errno, "read a folder");
	if (ret->count > 0)
		qsort(ret->items, ret->count, sizeof(*ret->items), by_name);
	return 0;
}

static bool is_left_out(const struct writer *w, const struct stat *st)
{
	return S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode) || S_ISSOCK(st->st_mode) ||
	       (S_ISDIR(st->st_mode) && st->st_dev != w->device);
}

// NOLINTNEXTLINE(misc-no-recursion): as deep as MAX_DEPTH
static int write_folder(struct writer *w, int dirfd, const char *path, int depth, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct strv names = {0};
	int r = list_folder(&arena, dirfd, &names, err);

	if (r < 0)
		return err_wrap(err, "'%s'", path);
	for (size_t i = 0; i < names.count; i++) {
		const char *name = names.items[i];
		const char *full = arena_printf(&arena, "%s%s%s", path, *path ? "/" : "", name);
		struct stat st;

		if (!full)
			return arena_check(&arena, err);
		if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return err_set(err, errno, "'%s'", full);
		if (is_left_out(w, &st))
			continue;
		r = write_file(w, dirfd, name, full, &st, err);
		if (r >= 0 && S_ISDIR(st.st_mode)) {
			CLEANUP_FD int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

			if (fd < 0)
				return err_set(err, errno, "open '%s'", full);
			if (depth == 0)
				return err_say(err, ELOOP, "'%s': deeper than %d folders", full, MAX_DEPTH);
			r = write_folder(w, fd, full, depth - 1, err);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

static int write_all(struct writer *w, int dirfd, int out_fd, struct err *err)
{
	struct stat st;
	int r;

	if (fstat(dirfd, &st) < 0)
		return err_set(err, errno, "%s", w->what);
	w->device = st.st_dev;
	archive_entry_linkresolver_set_strategy(w->links, ARCHIVE_FORMAT_TAR_PAX_RESTRICTED);
	/* Nothing behind the two blocks that end a tar stream. */
	if (archive_write_set_format_pax_restricted(w->out) != ARCHIVE_OK ||
	    archive_write_set_bytes_per_block(w->out, 10240) != ARCHIVE_OK ||
	    archive_write_set_bytes_in_last_block(w->out, 1) != ARCHIVE_OK ||
	    archive_write_open_fd(w->out, out_fd) != ARCHIVE_OK)
		return write_complain(w, ".", err);
	r = write_file(w, dirfd, ".", ".", &st, err);
	if (r >= 0)
		r = write_folder(w, dirfd, "", MAX_DEPTH, err);
	if (r >= 0 && archive_write_close(w->out) != ARCHIVE_OK)
		r = write_complain(w, ".", err);
	return r;
}

int archive_write_folder(int dirfd, const char *what, int out_fd, struct err *err)
{
	struct writer w = {.out = archive_write_new(), .links = archive_entry_linkresolver_new(), .what = what};
	int r = w.out && w.links ? write_all(&w, dirfd, out_fd, err) : err_set(err, ENOMEM, "%s", what);

	archive_entry_linkresolver_free(w.links);
	archive_write_free(w.out);
	return r < 0 ? r : 0;
}
