// SPDX-License-Identifier: GPL-2.0-or-later
#include "images/import.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "images/archive.h"
#include "images/import_source.h"
#include "images/reference.h"
#include "runtime/base/fd.h"
#include "runtime/base/file.h"

/* --- what kind a source is --- */

/* Which of the files that mark an archive of images were seen. */
struct marks {
	bool oci_layout, index, manifest;
};

/* 64 hexadecimal digits and then `ending`. */
static bool is_id_name(const char *name, const char *ending)
{
	char id[65];
	const char *hex;

	if (strlen(name) != 64 + strlen(ending) || strcmp(name + 64, ending) != 0)
		return false;
	memcpy(id, name, 64);
	id[64] = '\0';
	return reference_is_id(id, &hex);
}

/* Whether an archive of images has entries of this name. A root file system has others among its first few. */
static bool is_image_entry(const char *name, struct marks *marks)
{
	char first[128];

	while (text_starts(name, "./"))
		name += 2;
	if (strcspn(name, "/") >= sizeof(first))
		return false;
	memcpy(first, name, strcspn(name, "/"));
	first[strcspn(name, "/")] = '\0';
	marks->oci_layout |= strcmp(name, "oci-layout") == 0;
	marks->index |= strcmp(name, "index.json") == 0;
	marks->manifest |= strcmp(name, "manifest.json") == 0;
	return strcmp(name, "oci-layout") == 0 || strcmp(name, "index.json") == 0 ||
	       strcmp(name, "manifest.json") == 0 || strcmp(name, "repositories") == 0 || strcmp(first, "blobs") == 0 ||
	       *first == '\0' || strcmp(first, ".") == 0 || is_id_name(first, "") || is_id_name(first, ".json") ||
	       is_id_name(first, ".tar");
}

static enum image_format judge(const struct marks *marks)
{
	if (marks->oci_layout && marks->index)
		return IMAGE_FORMAT_OCI;
	return marks->manifest ? IMAGE_FORMAT_DOCKER : IMAGE_FORMAT_ROOTFS;
}

/*
 * Reads names until one settles it: a root file system shows in its first entries, only archives of images are read to
 * their end.
 */
static int look_into_tar(struct importer *im, int fd, enum image_format *ret, struct err *err)
{
	CLEANUP_ARCHIVE struct archive_reader *reader = NULL;
	struct archive_input input = {.fd = fd, .max_bytes = im->limits.max_bytes};
	struct archive_entry *entry;
	struct marks marks = {0};
	bool is_images = true;
	int r = archive_open(&input, &reader, err);

	while (r >= 0 && is_images && (r = archive_next(reader, &entry, err)) > 0) {
		const char *name = archive_entry_pathname(entry);

		is_images = name && is_image_entry(name, &marks);
	}
	if (r < 0)
		return err_wrap(err, "'%s'", im->request->source);
	*ret = is_images ? judge(&marks) : IMAGE_FORMAT_ROOTFS;
	return lseek(fd, 0, SEEK_SET) < 0 ? err_set(err, errno, "rewind '%s'", im->request->source) : 0;
}

static enum image_format look_into_folder(int dirfd)
{
	struct marks marks = {
		.oci_layout = file_is_there(dirfd, "oci-layout"),
		.index = file_is_there(dirfd, "index.json"),
		.manifest = file_is_there(dirfd, "manifest.json"),
	};

	return judge(&marks);
}

/* --- opening it --- */

/* What cannot be read twice is copied first, into a file without a name. */
static int spool(struct importer *im, int from, struct err *err)
{
	CLEANUP_FD int fd = staging_file(&im->staging, err);
	static char chunk[256 << 10];
	uint64_t total = 0;
	ssize_t len;

	if (fd < 0)
		return fd;
	while ((len = read(from, chunk, sizeof(chunk))) != 0) {
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return err_set(err, errno, "read '%s'", im->request->source);
		total += (uint64_t)len;
		if (total > im->limits.max_bytes)
			return err_say(err, EFBIG, "'%s' has more than the limit of %llu bytes", im->request->source,
				       (unsigned long long)im->limits.max_bytes);
		len = fd_write_all(fd, chunk, (size_t)len);
		if (len < 0)
			return err_set(err, (int)-len, "copy '%s'", im->request->source);
	}
	return lseek(fd, 0, SEEK_SET) < 0 ? err_set(err, errno, "rewind a copy") : fd_take(&fd);
}

static int open_source(struct importer *im, struct stat *st, struct err *err)
{
	const char *source = im->request->source;
	CLEANUP_FD int fd = strcmp(source, "-") == 0 ? fd_dup(STDIN_FILENO, 3) : open(source, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_set(err, errno, "open '%s'", source);
	if (fstat(fd, st) < 0)
		return err_set(err, errno, "'%s'", source);
	if (S_ISDIR(st->st_mode) || (S_ISREG(st->st_mode) && lseek(fd, 0, SEEK_SET) == 0))
		return fd_take(&fd);
	if (S_ISREG(st->st_mode) || S_ISFIFO(st->st_mode) || S_ISSOCK(st->st_mode))
		return spool(im, fd, err);
	return err_say(err, EINVAL, "'%s' is neither a folder nor a tar archive", source);
}

/* --- by format --- */

typedef int (*import_fn)(struct importer *im, int rootfd, struct err *err);

/* An archive of images is unpacked whole, into the staging folder: its parts may come in any order. */
static int unpack_images(struct importer *im, int fd, import_fn take, struct err *err)
{
	CLEANUP_ARCHIVE struct archive_reader *reader = NULL;
	CLEANUP_FD int rootfd = -1;
	struct archive_input input = {.fd = fd, .max_bytes = im->limits.max_bytes};
	struct unpack_counts counts;
	char name[32];
	int r;

	rootfd = staging_folder(&im->staging, "images", name, err);
	r = rootfd < 0 ? rootfd : archive_open(&input, &reader, err);
	if (r >= 0)
		r = unpack(reader, rootfd, UNPACK_FILES, &im->limits, &counts, err);
	if (r >= 0)
		r = take(im, rootfd, err);
	return r < 0 ? err_wrap(err, "'%s'", im->request->source) : 0;
}

static int import_source(struct importer *im, struct err *err)
{
	static const import_fn TAKERS[IMAGE_FORMAT_COUNT] = {
		[IMAGE_FORMAT_ROOTFS] = import_rootfs_folder,
		[IMAGE_FORMAT_OCI] = import_oci,
		[IMAGE_FORMAT_DOCKER] = import_docker,
	};
	enum image_format format = im->request->format;
	struct stat st;
	CLEANUP_FD int fd = open_source(im, &st, err);
	int r = fd < 0 ? fd : 0;

	if (r >= 0 && format == IMAGE_FORMAT_AUTO) {
		if (S_ISDIR(st.st_mode))
			format = look_into_folder(fd);
		else
			r = look_into_tar(im, fd, &format, err);
	}
	if (r < 0)
		return r;
	if (S_ISDIR(st.st_mode)) {
		r = TAKERS[format](im, fd, err);
		/* A folder's own layer names the folder already. */
		return r < 0 && format != IMAGE_FORMAT_ROOTFS ? err_wrap(err, "'%s'", im->request->source) : r;
	}
	if (format == IMAGE_FORMAT_ROOTFS)
		return import_rootfs(im, fd, im->request->source, err);
	return unpack_images(im, fd, TAKERS[format], err);
}

int import_run(const char *store, const struct image_import *import, const struct image_watch *watch, struct err *err)
{
	struct importer im = {
		.request = import,
		.watch = watch,
		.limits = {import->max_bytes ? import->max_bytes : UNPACK_DEFAULT_MAX_BYTES,
			   import->max_entries ? import->max_entries : UNPACK_DEFAULT_MAX_ENTRIES},
		.staging = STAGING_NONE,
	};
	struct reference ref;
	int r = import->name ? reference_for_import(import->name, &ref, err) : 0;

	if (r >= 0 && geteuid() != 0)
		r = err_say(err, EPERM, "layers keep the owners of their files: importing needs root");
	if (r >= 0)
		r = staging_open(&im.staging, store, err);
	if (r >= 0)
		r = import_source(&im, err);
	if (r >= 0)
		r = import_put(&im, err);
	staging_close(&im.staging);
	arena_free(&im.arena);
	return r < 0 ? r : 0;
}
