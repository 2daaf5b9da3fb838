// SPDX-License-Identifier: GPL-2.0-or-later
#include "images/unpack_entry.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "images/image.h"
#include "runtime/base/scope.h"
#include "runtime/base/text.h"

struct timespec unpack_mtime(struct archive_entry *entry)
{
	/*
	 * An entry without a time has the beginning of time, not the moment of unpacking: the same stream, the same
	 * tree.
	 */
	return (struct timespec){.tv_sec = archive_entry_mtime(entry), .tv_nsec = archive_entry_mtime_nsec(entry)};
}

static int owner_of(struct archive_entry *entry, uid_t *ret_uid, gid_t *ret_gid, struct err *err)
{
	int64_t uid = archive_entry_uid(entry), gid = archive_entry_gid(entry);

	/* The largest number means "leave it" to chown(2). */
	if (uid < 0 || gid < 0 || uid >= UINT32_MAX || gid >= UINT32_MAX)
		return err_say(err, EINVAL, "the owner %lld:%lld is no pair of ids", (long long)uid, (long long)gid);
	*ret_uid = (uid_t)uid;
	*ret_gid = (gid_t)gid;
	return 0;
}

/* --- extended attributes --- */

enum xattr_policy { XATTR_LEFT_OUT, XATTR_WANTED, XATTR_IF_POSSIBLE };

static enum xattr_policy xattr_policy(const char *name)
{
	/* Without its capability a program does not work; a file system without user.* is common. */
	if (strcmp(name, "security.capability") == 0)
		return XATTR_WANTED;
	if (text_starts(name, "user.") && !text_starts(name, "user.overlay."))
		return XATTR_IF_POSSIBLE;
	return XATTR_LEFT_OUT;
}

static int set_xattrs(int fd, struct archive_entry *entry, uint64_t *xattrs_left_out, struct err *err)
{
	const char *name;
	const void *value;
	size_t len;

	(void)archive_entry_xattr_reset(entry);
	while (archive_entry_xattr_next(entry, &name, &value, &len) == ARCHIVE_OK) {
		enum xattr_policy policy = name ? xattr_policy(name) : XATTR_LEFT_OUT;

		if (policy == XATTR_LEFT_OUT) {
			(*xattrs_left_out)++;
		} else if (fsetxattr(fd, name, value, len, 0) < 0) {
			if (policy == XATTR_WANTED || errno != ENOTSUP)
				return err_set(err, errno, "set the attribute '%s'", name);
			(*xattrs_left_out)++;
		}
	}
	return 0;
}

int unpack_set_opaque(int parentfd, const char *name, struct err *err)
{
	CLEANUP_FD int fd = openat(parentfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || fsetxattr(fd, IMAGE_OPAQUE_XATTR, "y", 1, 0) < 0)
		return err_set(err, errno, "make the folder opaque");
	return 0;
}

/* --- owner, mode, time --- */

int unpack_dress_fd(int fd, struct archive_entry *entry, uint64_t *xattrs_left_out, struct err *err)
{
	struct timespec times[2] = {unpack_mtime(entry), unpack_mtime(entry)};
	uid_t uid;
	gid_t gid;
	int r = owner_of(entry, &uid, &gid, err);

	if (r < 0)
		return r;
	/* chown(2) removes setuid bits and capabilities: it goes first. */
	if (fchown(fd, uid, gid) < 0)
		return err_set(err, errno, "set the owner %u:%u", uid, gid);
	if (fchmod(fd, archive_entry_perm(entry) & 07777) < 0)
		return err_set(err, errno, "set the mode");
	r = set_xattrs(fd, entry, xattrs_left_out, err);
	if (r < 0)
		return r;
	if (futimens(fd, times) < 0)
		return err_set(err, errno, "set the time");
	return 0;
}

int unpack_dress_name(const struct unpack_place *place, struct archive_entry *entry, struct err *err)
{
	struct timespec times[2] = {unpack_mtime(entry), unpack_mtime(entry)};
	uid_t uid;
	gid_t gid;
	int r = owner_of(entry, &uid, &gid, err);

	if (r < 0)
		return r;
	if (fchownat(place->parentfd, place->name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(err, errno, "set the owner %u:%u", uid, gid);
	if (archive_entry_filetype(entry) == AE_IFIFO &&
	    fchmodat(place->parentfd, place->name, archive_entry_perm(entry) & 07777, 0) < 0)
		return err_set(err, errno, "set the mode");
	if (utimensat(place->parentfd, place->name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(err, errno, "set the time");
	return 0;
}
