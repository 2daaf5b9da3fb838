// SPDX-License-Identifier: GPL-2.0-or-later
#include "images/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "images/unpack_entry.h"
#include "runtime/base/file.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"

/* Folders' times are kept until the end; this bounds the memory that a stream of nothing but folders can take. */
#define FOLDERS_MAX_BYTES ((size_t)512 << 20)

#define NAME_WORDS 200 /* of an entry's name in an error, in bytes */

static const char WHITEOUT_PREFIX[] = ".wh.";
static const char WHITEOUT_META[] = ".wh..wh.";
static const char WHITEOUT_OPAQUE[] = ".wh..wh..opq";

/* A folder's time is set last: every file that is made in it changes it. */
struct folder_time {
	struct folder_time *next;
	struct timespec mtime;
	char path[];
};

struct unpacker {
	struct archive_reader *reader;
	int rootfd;
	enum unpack_kind kind;
	const struct unpack_limits *limits;
	struct unpack_counts counts;
	struct arena arena;
	struct folder_time *folders; /* newest first */
};

/* --- names --- */

/*
 * Brings a name into the form "a/b/c", without ".", "//" and a '/' at either end. "" is the root itself. An absolute
 * name is below the root, as tar(1) takes it: builders write such. A '..' is refused rather than bent: an archive that
 * needs it is not what it seems to be.
 */
static int clean_name(const char *raw, char to[static PATH_MAX], struct err *err)
{
	size_t len = 0;

	if (!raw)
		return err_say(err, EINVAL, "a name that cannot be read");
	while (*raw) {
		size_t part = strcspn(raw, "/");

		if (part == 2 && memcmp(raw, "..", 2) == 0)
			return err_say(err, EINVAL, "the name has a '..' in it");
		if (part > NAME_MAX || len + part + 2 > PATH_MAX)
			return err_say(err, ENAMETOOLONG, "the name is too long");
		if (part > 0 && !(part == 1 && *raw == '.')) {
			if (len > 0)
				to[len++] = '/';
			memcpy(to + len, raw, part);
			len += part;
		}
		raw += part + (raw[part] == '/');
	}
	to[len] = '\0';
	return 0;
}

/* --- what is in the way --- */

/* A whiteout is known by what it is: the one device that an unpacked layer can have. */
static bool is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

/* A folder in place of a whiteout: what lower layers have of that name stays hidden. */
static int whiteout_to_opaque(int parentfd, const char *name, struct err *err)
{
	if (unlinkat(parentfd, name, 0) < 0 || mkdirat(parentfd, name, 0755) < 0)
		return err_set(err, errno, "replace the whiteout '%s'", name);
	return unpack_set_opaque(parentfd, name, err);
}

/* Makes an opaque folder of the first part of `path` that is a whiteout, if there is one. */
static void open_up_whiteout(const struct unpacker *u, const char *path)
{
	char part[PATH_MAX], name[256];
	struct stat st;

	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		memcpy(part, path, (size_t)(slash - path));
		part[slash - path] = '\0';
		CLEANUP_FD int parentfd = path_parent(u->rootfd, part, false, name, NULL);

		if (parentfd < 0)
			return;
		if (fstatat(parentfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !is_whiteout(&st))
			continue;
		(void)whiteout_to_opaque(parentfd, name, NULL);
		return;
	}
}

static int open_parent(const struct unpacker *u, const char *path, char name[static 256], struct err *err)
{
	int fd = path_parent(u->rootfd, path, true, name, NULL);

	/* "a" deleted, then "a/b": the stream means that a was made anew. */
	if (fd == -ENOTDIR)
		(void)open_up_whiteout(u, path);
	return fd >= 0 ? fd : path_parent(u->rootfd, path, true, name, err);
}

/*
 * Makes the place free for an entry. A folder stays when a folder comes (then *ret_exists), everything else gives way,
 * so that contents are never written through an earlier link. *ret_opaque: a folder comes where the stream had deleted
 * something.
 */
static int clear_place(const struct unpack_place *place, bool is_folder, bool *ret_exists, bool *ret_opaque,
		       struct err *err)
{
	struct stat st;

	*ret_exists = *ret_opaque = false;
	if (fstatat(place->parentfd, place->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_set(err, errno, "look at '%s'", place->path);
	if (S_ISDIR(st.st_mode)) {
		*ret_exists = is_folder;
		return is_folder ? 0 : file_remove_tree(place->parentfd, place->name, err);
	}
	*ret_opaque = is_folder && is_whiteout(&st);
	if (unlinkat(place->parentfd, place->name, 0) < 0)
		return err_set(err, errno, "replace '%s'", place->path);
	return 0;
}

/* --- whiteouts --- */

static int put_whiteout(const struct unpack_place *place, struct err *err)
{
	const char *hidden = place->name + strlen(WHITEOUT_PREFIX);
	struct stat st;

	if (strcmp(place->name, WHITEOUT_OPAQUE) == 0)
		return unpack_set_opaque(place->parentfd, ".", err);
	if (text_starts(place->name, WHITEOUT_META))
		return 0; /* notes of aufs for itself */
	if (!*hidden || strcmp(hidden, ".") == 0 || strcmp(hidden, "..") == 0)
		return err_say(err, EINVAL, "a whiteout of nothing");
	if (fstatat(place->parentfd, hidden, &st, AT_SYMLINK_NOFOLLOW) == 0) /* made by this stream: it stays */
		return S_ISDIR(st.st_mode) ? unpack_set_opaque(place->parentfd, hidden, err) : 0;
	if (mknodat(place->parentfd, hidden, S_IFCHR, makedev(0, 0)) < 0)
		return err_set(err, errno, "make a whiteout");
	return 0;
}

/* --- entries --- */

static int remember_folder(struct unpacker *u, const char *path, struct archive_entry *entry, struct err *err)
{
	size_t len = strlen(path) + 1;
	struct folder_time *folder = arena_alloc(&u->arena, sizeof(*folder) + len);

	if (!folder)
		return err_say(err, E2BIG, "too many folders");
	memcpy(folder->path, path, len);
	folder->mtime = unpack_mtime(entry);
	folder->next = u->folders;
	u->folders = folder;
	return 0;
}

static int put_root(struct unpacker *u, struct archive_entry *entry, struct err *err)
{
	int r;

	if (archive_entry_filetype(entry) != AE_IFDIR || archive_entry_hardlink(entry))
		return err_say(err, EINVAL, "the root can only be a folder");
	if (u->kind == UNPACK_FILES)
		return 0;
	r = unpack_dress_fd(u->rootfd, entry, &u->counts.xattrs_left_out, err);
	return r < 0 ? r : remember_folder(u, ".", entry, err);
}

static int put_folder(struct unpacker *u, const struct unpack_place *place, struct archive_entry *entry,
		      struct err *err)
{
	CLEANUP_FD int fd = -1;
	bool exists, opaque;
	int r = clear_place(place, true, &exists, &opaque, err);

	if (r < 0)
		return r;
	if (!exists && mkdirat(place->parentfd, place->name, 0755) < 0)
		return err_set(err, errno, "make the folder");
	if (opaque)
		r = unpack_set_opaque(place->parentfd, place->name, err);
	if (r < 0)
		return r;
	if (u->kind == UNPACK_FILES)
		return 0;
	fd = openat(place->parentfd, place->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno, "open the folder");
	r = unpack_dress_fd(fd, entry, &u->counts.xattrs_left_out, err);
	return r < 0 ? r : remember_folder(u, place->path, entry, err);
}

static int count_bytes(struct unpacker *u, uint64_t bytes, struct err *err)
{
	if (bytes > u->limits->max_bytes || u->counts.bytes > u->limits->max_bytes - bytes)
		return err_say(err, EFBIG, "unpacks to more than the limit of %llu bytes",
			       (unsigned long long)u->limits->max_bytes);
	u->counts.bytes += bytes;
	return 0;
}

static int write_contents(struct unpacker *u, int fd, uint64_t size, struct err *err)
{
	const void *bytes;
	size_t len;
	uint64_t offset;
	int more;

	while ((more = archive_data(u->reader, &bytes, &len, &offset, err)) > 0) {
		if (offset > size || len > size - offset)
			return err_say(err, EINVAL, "has more contents than its size says");
		for (size_t done = 0; done < len;) {
			ssize_t n = pwrite(fd, (const char *)bytes + done, len - done, (off_t)(offset + done));

			if (n < 0 && errno != EINTR)
				return err_set(err, errno, "write");
			done += n > 0 ? (size_t)n : 0;
		}
	}
	/* A hole at the end is not written by anybody. */
	if (more == 0 && ftruncate(fd, (off_t)size) < 0)
		return err_set(err, errno, "set the length");
	return more;
}

static int put_file(struct unpacker *u, const struct unpack_place *place, struct archive_entry *entry, struct err *err)
{
	CLEANUP_FD int fd = -1;
	int64_t size = archive_entry_size(entry);
	int r = size < 0 ? err_say(err, EINVAL, "has a negative size") : count_bytes(u, (uint64_t)size, err);

	if (r < 0)
		return r;
	fd = openat(place->parentfd, place->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(err, errno, "make the file");
	r = write_contents(u, fd, (uint64_t)size, err);
	if (r < 0 || u->kind == UNPACK_FILES)
		return r;
	/* Owner and mode after the contents: until then it is nobody's setuid file. */
	return unpack_dress_fd(fd, entry, &u->counts.xattrs_left_out, err);
}

static int put_symlink(struct unpacker *u, const struct unpack_place *place, struct archive_entry *entry,
		       struct err *err)
{
	const char *target = archive_entry_symlink(entry);

	if (text_is_empty(target))
		return err_say(err, EINVAL, "a symlink to nothing");
	if (symlinkat(target, place->parentfd, place->name) < 0)
		return err_set(err, errno, "make the symlink");
	return u->kind == UNPACK_FILES ? 0 : unpack_dress_name(place, entry, err);
}

static int put_fifo(struct unpacker *u, const struct unpack_place *place, struct archive_entry *entry, struct err *err)
{
	if (u->kind == UNPACK_FILES)
		return err_say(err, EINVAL, "a fifo does not belong into an archive of images");
	if (mknodat(place->parentfd, place->name, S_IFIFO | 0600, 0) < 0)
		return err_set(err, errno, "make the fifo");
	return unpack_dress_name(place, entry, err);
}

static int leave_out_device(struct unpacker *u, const struct unpack_place *place, struct archive_entry *entry,
			    struct err *err)
{
	(void)place;
	(void)entry;
	(void)err;
	u->counts.devices_left_out++;
	return 0;
}

/* The target is looked for before the place is cleared: it may be the place itself, which then stays as it is. */
static int put_hardlink(struct unpacker *u, const struct unpack_place *place, struct archive_entry *entry,
			struct err *err)
{
	char target[PATH_MAX], name[256];
	CLEANUP_FD int targetfd = -1;
	bool exists, opaque;
	struct stat st, here;
	int r = clean_name(archive_entry_hardlink(entry), target, err);

	if (r < 0)
		return err_wrap(err, "hard link");
	if (!*target)
		return err_say(err, EINVAL, "a hard link to a folder");
	targetfd = path_parent(u->rootfd, target, false, name, err);
	if (targetfd < 0 || fstatat(targetfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || is_whiteout(&st))
		return err_say(err, EINVAL, "a hard link to '%s', which this layer does not have", target);
	if (S_ISDIR(st.st_mode))
		return err_say(err, EINVAL, "a hard link to the folder '%s'", target);
	if (fstatat(place->parentfd, place->name, &here, AT_SYMLINK_NOFOLLOW) == 0 && here.st_dev == st.st_dev &&
	    here.st_ino == st.st_ino)
		return 0;
	r = clear_place(place, false, &exists, &opaque, err);
	if (r < 0)
		return r;
	if (linkat(targetfd, name, place->parentfd, place->name, 0) < 0)
		return err_set(err, errno, "make a hard link to '%s'", target);
	return 0;
}

static const struct {
	mode_t type;
	int (*put)(struct unpacker *u, const struct unpack_place *place, struct archive_entry *entry, struct err *err);
	bool keeps_place; /* clears the place itself, or leaves it alone */
} KINDS[] = {
	{AE_IFREG, put_file, false}, {AE_IFDIR, put_folder, true},	 {AE_IFLNK, put_symlink, false},
	{AE_IFIFO, put_fifo, false}, {AE_IFCHR, leave_out_device, true}, {AE_IFBLK, leave_out_device, true},
};

static int put_at(struct unpacker *u, const struct unpack_place *place, struct archive_entry *entry, struct err *err)
{
	bool exists, opaque;
	int r;

	if (u->kind == UNPACK_LAYER && text_starts(place->name, WHITEOUT_PREFIX))
		return put_whiteout(place, err);
	if (archive_entry_hardlink(entry))
		return put_hardlink(u, place, entry, err);
	for (size_t i = 0; i < ARRAY_SIZE(KINDS); i++) {
		if (KINDS[i].type != archive_entry_filetype(entry))
			continue;
		r = KINDS[i].keeps_place ? 0 : clear_place(place, false, &exists, &opaque, err);
		return r < 0 ? r : KINDS[i].put(u, place, entry, err);
	}
	return err_say(err, EINVAL, "is of a kind that layers do not have");
}

static int put_path(struct unpacker *u, const char *path, struct archive_entry *entry, struct err *err)
{
	char name[256];
	CLEANUP_FD int parentfd = -1;
	struct unpack_place place = {.path = path, .name = name};

	if (!*path)
		return put_root(u, entry, err);
	parentfd = open_parent(u, path, name, err);
	if (parentfd < 0)
		return parentfd;
	place.parentfd = parentfd;
	return put_at(u, &place, entry, err);
}

static int put_entry(struct unpacker *u, struct archive_entry *entry, struct err *err)
{
	const char *raw = archive_entry_pathname(entry);
	char path[PATH_MAX];
	int r = 0;

	if (++u->counts.entries > u->limits->max_entries)
		r = err_say(err, E2BIG, "one entry more than the limit");
	if (r >= 0)
		r = clean_name(raw, path, err);
	if (r >= 0)
		r = put_path(u, path, entry, err);
	if (r >= 0)
		return 0;
	/* A name may be longer than a message. */
	raw = raw ? raw : "";
	return err_wrap(err, "entry '%.*s%s'", NAME_WORDS, raw, strlen(raw) > NAME_WORDS ? "…" : "");
}

/* --- the whole --- */

/* A folder that a later entry has replaced is gone, or no folder: then there is nothing to set. */
static void set_folder_times(const struct unpacker *u)
{
	for (const struct folder_time *folder = u->folders; folder; folder = folder->next) {
		struct timespec times[2] = {folder->mtime, folder->mtime};
		CLEANUP_FD int fd =
			path_open(u->rootfd, folder->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0, NULL);

		if (fd >= 0)
			(void)futimens(fd, times);
	}
}

int unpack(struct archive_reader *reader, int rootfd, enum unpack_kind kind, const struct unpack_limits *limits,
	   struct unpack_counts *ret, struct err *err)
{
	struct unpacker u = {.reader = reader, .rootfd = rootfd, .kind = kind, .limits = limits};
	struct archive_entry *entry;
	int r;

	u.arena.max_bytes = FOLDERS_MAX_BYTES;
	while ((r = archive_next(reader, &entry, err)) > 0) {
		r = put_entry(&u, entry, err);
		if (r < 0)
			break;
	}
	if (r >= 0)
		set_folder_times(&u);
	arena_free(&u.arena);
	*ret = u.counts;
	return r;
}
