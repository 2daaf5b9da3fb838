/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "namespaces/copy_owner.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <string.h>
#include <sys/xattr.h>

#include "runtime/base/scope.h"
#include "runtime/base/text.h"

/* The host's "nobody": ranges of containers begin far above it. */
#define NOBODY 65534

#define XATTR_NAMES_BYTES 65536 /* the kernel's bounds (XATTR_LIST_MAX, XATTR_SIZE_MAX) */
#define XATTR_VALUE_BYTES 65536

typedef int (*to_host_fn)(const struct idmap *map, uint32_t inside, uint32_t *ret_outside);

/* ------------------------------------------------------------------------------------------------- owner and mode */

struct owner {
	uid_t uid;
	gid_t gid;
	mode_t mode;
};

static struct owner owner_of(const struct stat *info, const struct idmap *map)
{
	struct owner owner = {info->st_uid, info->st_gid, info->st_mode & 07777};

	if (map && idmap_to_host_uid(map, info->st_uid, &owner.uid) < 0) {
		owner.uid = NOBODY;
		owner.mode &= ~(mode_t)S_ISUID;
	}
	if (map && idmap_to_host_gid(map, info->st_gid, &owner.gid) < 0) {
		owner.gid = NOBODY;
		owner.mode &= ~(mode_t)S_ISGID;
	}
	return owner;
}

int copy_owner(int fd, const struct stat *info, const struct idmap *map, const char *name, struct err *err)
{
	struct owner owner = owner_of(info, map);
	struct timespec times[2] = {info->st_atim, info->st_mtim};

	/* The owner first: changing it takes setuid and setgid bits away. */
	if (fchown(fd, owner.uid, owner.gid) < 0 || fchmod(fd, owner.mode) < 0 || futimens(fd, times) < 0)
		return err_set(err, errno, "copying the owner of '%s'", name);
	return 0;
}

int copy_owner_at(int dirfd, const struct stat *info, const struct idmap *map, const char *name, struct err *err)
{
	struct owner owner = owner_of(info, map);
	struct timespec times[2] = {info->st_atim, info->st_mtim};

	if (fchownat(dirfd, name, owner.uid, owner.gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    (!S_ISLNK(info->st_mode) && fchmodat(dirfd, name, owner.mode, 0) < 0) ||
	    utimensat(dirfd, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(err, errno, "copying the owner of '%s'", name);
	return 0;
}

/* ------------------------------------------------------------------------------------------- extended attributes */

/*
 * Moves one attribute's value, in place where it can. Returns the new length, 0 to leave the attribute out. `value` has
 * room for XATTR_VALUE_BYTES.
 */
typedef size_t (*move_fn)(void *value, size_t len, const struct idmap *map);

static size_t keep_value(void *value, size_t len, const struct idmap *map)
{
	(void)value, (void)map;
	return len;
}

/*
 * File capabilities are worth something in the user namespace whose root has the id that stands in them (revision 3),
 * or, without one (revision 2), in the host's alone. Nothing else than the container's may come out of this: a copy
 * with revision 2 would be the host's.
 */
static size_t move_capability(void *value, size_t len, const struct idmap *map)
{
	struct vfs_ns_cap_data caps = {0};
	uint32_t root = 0, magic;

	if (!map)
		return len;
	if (len != XATTR_CAPS_SZ_2 && len != XATTR_CAPS_SZ_3)
		return 0;
	memcpy(&caps, value, len);
	magic = le32toh(caps.magic_etc);
	if ((magic & VFS_CAP_REVISION_MASK) != (len == XATTR_CAPS_SZ_3 ? VFS_CAP_REVISION_3 : VFS_CAP_REVISION_2) ||
	    idmap_to_host_uid(map, le32toh(caps.rootid), &root) < 0)
		return 0;
	caps.magic_etc = htole32(VFS_CAP_REVISION_3 | (magic & VFS_CAP_FLAGS_MASK));
	caps.rootid = htole32(root);
	memcpy(value, &caps, XATTR_CAPS_SZ_3);
	return XATTR_CAPS_SZ_3;
}

/* Whether an entry stays: nobody who runs in the container has an id that its map does not have. */
static bool move_acl_entry(struct posix_acl_xattr_entry *entry, const struct idmap *map)
{
	unsigned tag = le16toh(entry->e_tag);
	to_host_fn to_host = tag == ACL_USER ? idmap_to_host_uid : tag == ACL_GROUP ? idmap_to_host_gid : NULL;
	uint32_t id = 0;

	if (!to_host)
		return true;
	if (to_host(map, le32toh(entry->e_id), &id) < 0)
		return false;
	entry->e_id = htole32(id);
	return true;
}

static size_t move_acl(void *value, size_t len, const struct idmap *map)
{
	struct posix_acl_xattr_entry *entries;
	size_t count, kept = 0;

	if (!map)
		return len;
	if (len < sizeof(struct posix_acl_xattr_header))
		return 0;
	entries = (void *)((char *)value + sizeof(struct posix_acl_xattr_header));
	count = (len - sizeof(struct posix_acl_xattr_header)) / sizeof(*entries);
	for (size_t i = 0; i < count; i++) {
		struct posix_acl_xattr_entry entry = entries[i];

		if (move_acl_entry(&entry, map))
			entries[kept++] = entry;
	}
	return sizeof(struct posix_acl_xattr_header) + kept * sizeof(*entries);
}

static const struct {
	const char *name; /* with a dot at its end: all that begin so */
	move_fn move;
	bool may_be_missing; /* a file system without them is common, and programs live with it */
} wanted[] = {
	{"security.capability", move_capability, false},
	{"system.posix_acl_access", move_acl, false},
	{"system.posix_acl_default", move_acl, false},
	{"trusted.overlay.opaque", keep_value, false},
	{"user.", keep_value, true},
};

static bool names(const char *pattern, const char *name)
{
	size_t len = strlen(pattern);

	return pattern[len - 1] == '.' ? strncmp(pattern, name, len) == 0 : strcmp(pattern, name) == 0;
}

static int copy_one(int from, int to, const char *xattr, size_t row, const struct idmap *map, void *value,
		    struct err *err)
{
	ssize_t len = fgetxattr(from, xattr, value, XATTR_VALUE_BYTES);
	size_t moved;

	if (len < 0)
		return errno == ENODATA ? 0 : err_set(err, errno, "reading the attribute '%s'", xattr);
	moved = wanted[row].move(value, (size_t)len, map);
	/* An empty value is one, but for those that say something with it. */
	if (moved == 0 && wanted[row].move != keep_value)
		return 0;
	if (fsetxattr(to, xattr, value, moved, 0) < 0 && !(errno == ENOTSUP && wanted[row].may_be_missing))
		return err_set(err, errno, "copying the attribute '%s'", xattr);
	return 0;
}

static int copy_wanted(int from, int to, const char *xattr, const struct idmap *map, struct err *err)
{
	CLEANUP_FREE void *value = NULL;

	for (size_t row = 0; row < ARRAY_SIZE(wanted); row++) {
		if (!names(wanted[row].name, xattr))
			continue;
		value = malloc(XATTR_VALUE_BYTES);
		return value ? copy_one(from, to, xattr, row, map, value, err)
			     : err_set(err, ENOMEM, "copying the attribute '%s'", xattr);
	}
	return 0;
}

int copy_xattrs(int from, int to, const struct idmap *map, const char *name, struct err *err)
{
	/* Most files have none, or one or two. */
	char few[512];
	CLEANUP_FREE char *many = NULL;
	const char *list = few;
	ssize_t len = flistxattr(from, few, sizeof(few));
	int r = 0;

	if (len < 0 && errno == ERANGE) {
		list = many = malloc(XATTR_NAMES_BYTES);
		if (!many)
			return err_set(err, ENOMEM, "'%s'", name);
		len = flistxattr(from, many, XATTR_NAMES_BYTES);
	}
	if (len < 0)
		return errno == ENOTSUP ? 0 : err_set(err, errno, "listing the attributes of '%s'", name);
	for (const char *xattr = list; r == 0 && xattr < list + len; xattr += strlen(xattr) + 1)
		r = copy_wanted(from, to, xattr, map, err);
	return r < 0 ? err_wrap(err, "'%s'", name) : 0;
}
