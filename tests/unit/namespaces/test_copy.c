/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Copies of layers whose ids are moved: owners, what files let their users do, kinds of files, what is left out. Needs
 * root.
 */
#include <endian.h>
#include <linux/capability.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "namespaces/copy_tree.h"
#include "tests/unit/namespaces/jail.h"

/* What capabilities(7) calls revision 2: worth something in the host's user namespace alone. */
static struct vfs_ns_cap_data plain_caps(void)
{
	return (struct vfs_ns_cap_data){
		.magic_etc = htole32(VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE),
		.data[0].permitted = htole32(1u << CAP_NET_RAW),
	};
}

static void open_trees(void)
{
	jail_open();
	jail_mkdir("links");
	jail_mkdir("copy");
}

static int copy_with(const struct idmap *map, bool is_layer, uint64_t *ret_bytes, struct err *err)
{
	CLEANUP_FD int from = open(jail_path("low"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_FD int to = open(jail_path("copy"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_FD int links = open(jail_path("links"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct copy_how how = {.what = "a test",
			       .map = map,
			       .is_layer = is_layer,
			       .links_dirfd = is_layer ? links : -1};

	return copy_tree(from, to, &how, ret_bytes, err);
}

static void copy_layer(void)
{
	struct err err = ERR_INIT;

	if (copy_with(&jail_map, true, NULL, &err) < 0)
		tap_fail(__FILE__, __LINE__, err.msg);
}

static struct stat look(const char *name)
{
	struct stat found = {0};

	if (lstat(jail_path(name), &found) < 0)
		tap_fail(__FILE__, __LINE__, name);
	return found;
}

static void set_owner(const char *name, uid_t uid, gid_t gid, mode_t mode)
{
	CHECK(lchown(jail_path(name), uid, gid) == 0);
	CHECK(chmod(jail_path(name), mode) == 0);
}

static void test_owners_are_moved(void)
{
	open_trees();
	jail_write("low/setuid", "x");
	set_owner("low/setuid", 5, 6, 06755);
	set_owner("low/etc", 7, 8, 01777);
	CHECK(symlink("/root", jail_path("low/link")) == 0);
	CHECK(lchown(jail_path("low/link"), 9, 10) == 0);
	copy_layer();
	CHECK_INT(look("copy/setuid").st_uid, JAIL_BASE + 5);
	CHECK_INT(look("copy/setuid").st_gid, JAIL_BASE + 6);
	CHECK_INT(look("copy/setuid").st_mode & 07777, 06755);
	CHECK_INT(look("copy/etc").st_uid, JAIL_BASE + 7);
	CHECK_INT(look("copy/etc").st_mode & 07777, 01777);
	CHECK_INT(look("copy/link").st_uid, JAIL_BASE + 9);
	CHECK_INT(look("copy/link").st_gid, JAIL_BASE + 10);
	CHECK_INT(look("copy").st_uid, JAIL_BASE);
	CHECK_INT(look("copy/etc").st_mtim.tv_nsec, look("low/etc").st_mtim.tv_nsec);
	jail_close();
}

/*
 * As on an id-mapped mount: nobody's, and nobody's rights are not to be had. Also an id that would be the container's
 * if it stayed as it is.
 */
static void test_owners_beyond_the_map_are_nobody(void)
{
	open_trees();
	jail_write("low/setuid", "x");
	set_owner("low/setuid", JAIL_BASE + 5, 6, 06755);
	jail_write("low/setgid", "x");
	set_owner("low/setgid", 5, 65536, 06755);
	copy_layer();
	CHECK_INT(look("copy/setuid").st_uid, 65534);
	CHECK_INT(look("copy/setuid").st_gid, JAIL_BASE + 6);
	CHECK_INT(look("copy/setuid").st_mode & 07777, 02755);
	CHECK_INT(look("copy/setgid").st_uid, JAIL_BASE + 5);
	CHECK_INT(look("copy/setgid").st_gid, 65534);
	CHECK_INT(look("copy/setgid").st_mode & 07777, 04755);
	jail_close();
}

static void put_caps(const char *name, uint32_t revision, uint32_t root, size_t len)
{
	struct vfs_ns_cap_data caps = plain_caps();

	jail_write(name, "x");
	caps.magic_etc = htole32(revision | VFS_CAP_FLAGS_EFFECTIVE);
	caps.rootid = htole32(root);
	CHECK(setxattr(jail_path(name), "security.capability", &caps, len, 0) == 0);
}

/* The root id, or -1 without capabilities. -2: they are the host's. */
static int64_t root_of_caps(const char *name)
{
	struct vfs_ns_cap_data caps;
	ssize_t len = getxattr(jail_path(name), "security.capability", &caps, sizeof(caps));

	if (len < 0)
		return -1;
	CHECK_INT(le32toh(caps.data[0].permitted), 1u << CAP_NET_RAW);
	CHECK(le32toh(caps.magic_etc) & VFS_CAP_FLAGS_EFFECTIVE);
	return len == XATTR_CAPS_SZ_3 ? (int64_t)le32toh(caps.rootid) : -2;
}

static void test_file_capabilities_become_the_containers(void)
{
	open_trees();
	put_caps("low/plain", VFS_CAP_REVISION_2, 0, XATTR_CAPS_SZ_2);
	put_caps("low/of-1000", VFS_CAP_REVISION_3, 1000, XATTR_CAPS_SZ_3);
	put_caps("low/of-nobody", VFS_CAP_REVISION_3, JAIL_BASE, XATTR_CAPS_SZ_3);
	copy_layer();
	CHECK_INT(root_of_caps("copy/plain"), JAIL_BASE);
	CHECK_INT(root_of_caps("copy/of-1000"), JAIL_BASE + 1000);
	CHECK_INT(root_of_caps("copy/of-nobody"), -1);
	jail_close();
}

/* u::rwx u:5:rwx u:100000:rwx g::rx g:6:rwx m::rwx o::- */
static void test_access_lists_are_moved(void)
{
	static const struct posix_acl_xattr_entry entries[] = {
		{ACL_USER_OBJ, 7, UINT32_MAX},	{ACL_USER, 7, 5},  {ACL_USER, 7, 100000},
		{ACL_GROUP_OBJ, 5, UINT32_MAX}, {ACL_GROUP, 7, 6}, {ACL_MASK, 7, UINT32_MAX},
		{ACL_OTHER, 0, UINT32_MAX},
	};
	struct {
		struct posix_acl_xattr_header header;
		struct posix_acl_xattr_entry entries[ARRAY_SIZE(entries)];
	} acl = {.header.a_version = htole32(POSIX_ACL_XATTR_VERSION)};

	open_trees();
	jail_write("low/listed", "x");
	memcpy(acl.entries, entries, sizeof(entries));
	if (setxattr(jail_path("low/listed"), "system.posix_acl_access", &acl, sizeof(acl), 0) < 0) {
		jail_close();
		SKIP("the file system has no access lists");
	}
	copy_layer();
	memset(&acl, 0, sizeof(acl));
	CHECK_INT(getxattr(jail_path("copy/listed"), "system.posix_acl_access", &acl, sizeof(acl)),
		  sizeof(acl) - sizeof(acl.entries[0]));
	CHECK_INT(acl.entries[1].e_id, JAIL_BASE + 5);
	CHECK_INT(acl.entries[2].e_tag, ACL_GROUP_OBJ);
	CHECK_INT(acl.entries[3].e_id, JAIL_BASE + 6);
	jail_close();
}

static bool has_xattr(const char *name, const char *xattr)
{
	return getxattr(jail_path(name), xattr, NULL, 0) >= 0;
}

/*
 * Overlay's own attributes could send a lookup elsewhere: of those only what says that a folder hides the ones below.
 */
static void test_attributes_that_mean_something_stay(void)
{
	static const char *const all[] = {"user.mine", "trusted.overlay.opaque", "trusted.overlay.redirect",
					  "trusted.overlay.metacopy", "trusted.hull.bytes"};

	open_trees();
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		CHECK(setxattr(jail_path("low/etc"), all[i], "y", 1, 0) == 0);
	CHECK(setxattr(jail_path("low/etc"), "user.empty", "", 0, 0) == 0);
	copy_layer();
	CHECK(has_xattr("copy/etc", "user.mine"));
	CHECK(has_xattr("copy/etc", "user.empty"));
	CHECK(has_xattr("copy/etc", "trusted.overlay.opaque"));
	for (size_t i = 2; i < ARRAY_SIZE(all); i++)
		CHECK(!has_xattr("copy/etc", all[i]));
	jail_close();
}

static void make_node(const char *name, mode_t mode, dev_t device)
{
	CHECK(mknod(jail_path(name), mode, device) == 0);
}

static void test_whiteouts_stay_and_devices_do_not(void)
{
	open_trees();
	make_node("low/whiteout", S_IFCHR | 0600, makedev(0, 0));
	make_node("low/null", S_IFCHR | 0666, makedev(1, 3));
	make_node("low/disk", S_IFBLK | 0600, makedev(7, 0));
	make_node("low/fifo", S_IFIFO | 0640, 0);
	make_node("low/socket", S_IFSOCK | 0666, 0);
	copy_layer();
	CHECK(S_ISCHR(look("copy/whiteout").st_mode) && look("copy/whiteout").st_rdev == makedev(0, 0));
	CHECK(S_ISFIFO(look("copy/fifo").st_mode));
	CHECK_INT(look("copy/fifo").st_mode & 07777, 0640);
	CHECK_INT(look("copy/fifo").st_uid, JAIL_BASE);
	CHECK(S_ISSOCK(look("copy/socket").st_mode));
	CHECK(access(jail_path("copy/null"), F_OK) < 0);
	CHECK(access(jail_path("copy/disk"), F_OK) < 0);
	jail_close();
}

static void test_hard_links_stay_links(void)
{
	open_trees();
	jail_write("low/one", "x");
	CHECK(link(jail_path("low/one"), jail_path("low/etc/two")) == 0);
	CHECK(link(jail_path("low/one"), jail_path("low/three")) == 0);
	copy_layer();
	CHECK_INT(look("copy/one").st_ino, look("copy/etc/two").st_ino);
	CHECK_INT(look("copy/one").st_ino, look("copy/three").st_ino);
	CHECK_INT(look("copy/one").st_nlink, 4); /* the fourth is the folder's of links */
	jail_close();
}

static void test_holes_stay_holes(void)
{
	uint64_t bytes = 0;
	struct err err = ERR_INIT;
	char words[8] = "";
	int fd;

	open_trees();
	fd = open(jail_path("low/sparse"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	CHECK(ftruncate(fd, 1 << 30) == 0);
	CHECK(pwrite(fd, "middle", 6, 512 << 20) == 6);
	close(fd);
	CHECK_INT(copy_with(&jail_map, true, &bytes, &err), 0);
	CHECK_INT(look("copy/sparse").st_size, 1 << 30);
	CHECK(look("copy/sparse").st_blocks * 512 < 1 << 20);
	CHECK(bytes > 0 && bytes < 16 << 20); /* busybox is there too */
	fd = open(jail_path("copy/sparse"), O_RDONLY | O_CLOEXEC);
	CHECK(pread(fd, words, 6, 512 << 20) == 6);
	CHECK_STR(words, "middle");
	close(fd);
	jail_close();
}

static void test_what_is_no_layer_keeps_its_owners(void)
{
	struct err err = ERR_INIT;

	open_trees();
	jail_write("low/owned", "x");
	set_owner("low/owned", 5, 6, 04755);
	put_caps("low/plain", VFS_CAP_REVISION_2, 0, XATTR_CAPS_SZ_2);
	make_node("low/fifo", S_IFIFO | 0640, 0);
	CHECK_INT(copy_with(NULL, false, NULL, &err), 0);
	CHECK_INT(look("copy/owned").st_uid, 5);
	CHECK_INT(look("copy/owned").st_mode & 07777, 04755);
	CHECK_INT(root_of_caps("copy/plain"), -1);
	CHECK(access(jail_path("copy/fifo"), F_OK) < 0);
	jail_close();
}

static void test_too_deep_is_refused(void)
{
	CLEANUP_FD int at = -1;
	struct err err = ERR_INIT;

	open_trees();
	at = open(jail_path("low"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 210; i++) {
		int next;

		CHECK(mkdirat(at, "d", 0755) == 0);
		next = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(at);
		at = next;
	}
	CHECK_INT(copy_with(&jail_map, true, NULL, &err), -E2BIG);
	CHECK_HAS(err.msg, "folders deeper than 200");
	jail_close();
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_owners_are_moved), TAP_CASE(test_owners_beyond_the_map_are_nobody),
		       TAP_CASE(test_file_capabilities_become_the_containers), TAP_CASE(test_access_lists_are_moved),
		       TAP_CASE(test_attributes_that_mean_something_stay),
		       TAP_CASE(test_whiteouts_stay_and_devices_do_not), TAP_CASE(test_hard_links_stay_links),
		       TAP_CASE(test_holes_stay_holes), TAP_CASE(test_what_is_no_layer_keeps_its_owners),
		       TAP_CASE(test_too_deep_is_refused));
}
