// SPDX-License-Identifier: GPL-2.0-or-later
#include "images/unpack.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "images/archive.h"
#include "images/image.h"
#include "tests/unit/images/scratch.h"

static const struct unpack_limits LIMITS = {.max_bytes = 1 << 20, .max_entries = 1000};

/* A folder "root" beside a file "victim": nothing may happen to the latter. */
struct test {
	struct scratch scratch;
	int rootfd;
	struct unpack_counts counts;
	struct err err;
};

static struct test open_test(void)
{
	struct test t = {.scratch = scratch_open()};

	scratch_write(&t.scratch, "victim", "whole", 5);
	CHECK(mkdirat(t.scratch.fd, "root", 0755) == 0);
	t.rootfd = openat(t.scratch.fd, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return t;
}

static void close_test(struct test *t)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	char *data;
	size_t len;

	/* Whatever the archive was: outside is as it was. */
	CHECK_INT(file_read(&arena, t->scratch.fd, "victim", 100, &data, &len, NULL), 0);
	CHECK_STR(data, "whole");
	(void)close(t->rootfd);
	scratch_close(&t->scratch);
}
#define CLEANUP_TEST CLEANUP(close_test)

static int unpack_with(struct test *t, const struct text *tar, enum unpack_kind kind,
		       const struct unpack_limits *limits)
{
	CLEANUP_ARCHIVE struct archive_reader *reader = NULL;
	CLEANUP_FD int fd = fd_memory("tar", tar->data, tar->len, &t->err);
	struct archive_input input = {.fd = fd, .max_bytes = 64 << 20};
	struct archive_digests digests;
	int r = archive_open(&input, &reader, &t->err);

	if (r >= 0)
		r = unpack(reader, t->rootfd, kind, limits, &t->counts, &t->err);
	return r < 0 ? r : archive_finish(reader, &digests, &t->err);
}

static int unpack_entries(struct test *t, const struct tar_entry *entries, size_t count)
{
	CLEANUP_TEXT struct text tar = TEXT_INIT;

	for (size_t i = 0; i < count; i++)
		tar_put(&tar, &entries[i]);
	tar_end(&tar);
	return unpack_with(t, &tar, UNPACK_LAYER, &LIMITS);
}
#define UNPACK(t, ...)                                             \
	unpack_entries(t, (const struct tar_entry[]){__VA_ARGS__}, \
		       sizeof((const struct tar_entry[]){__VA_ARGS__}) / sizeof(struct tar_entry))

static struct stat look(const struct test *t, const char *name)
{
	struct stat st = {0};

	if (fstatat(t->rootfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		st.st_mode = 0;
	return st;
}

static const char *contents(const struct test *t, const char *name)
{
	static char data[256];
	CLEANUP_FD int fd = openat(t->rootfd, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* it may be anything */
	ssize_t len = fd < 0 ? -1 : read(fd, data, sizeof(data) - 1);

	if (len < 0)
		return "(none)";
	data[len] = '\0';
	return data;
}

static bool is_whiteout(const struct test *t, const char *name)
{
	struct stat st = look(t, name);

	return S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0);
}

static bool is_opaque(const struct test *t, const char *name)
{
	CLEANUP_FD int fd = openat(t->rootfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char value = 0;

	return fgetxattr(fd, IMAGE_OPAQUE_XATTR, &value, 1) == 1 && value == 'y';
}

static void test_everything_is_kept(void)
{
	CLEANUP_TEST struct test t = open_test();
	struct stat st;
	char target[64] = {0};

	CHECK_INT(UNPACK(&t, ENTRY("./", '5', .mode = 0751, .uid = 3), ENTRY("./bin", '5'),
			 ENTRY("./bin/su", '0', .data = "prog", .mode = 04755, .uid = 0, .gid = 7),
			 ENTRY("./bin/link", '2', .link = "su", .uid = 5), ENTRY("./bin/hard", '1', .link = "./bin/su"),
			 ENTRY("./fifo", '6', .mode = 0620, .uid = 9), ENTRY("sticky/", '5', .mode = 01777)),
		  0);
	st = look(&t, ".");
	CHECK_INT(st.st_mode & 07777, 0751);
	CHECK_INT(st.st_uid, 3);
	CHECK_INT(st.st_mtim.tv_sec, 1000000000);
	st = look(&t, "bin");
	CHECK_INT(st.st_mtim.tv_sec, 1000000000); /* although files were made in it later */
	st = look(&t, "bin/su");
	CHECK_INT(st.st_mode, S_IFREG | 04755);
	CHECK_INT(st.st_gid, 7);
	CHECK_INT(st.st_nlink, 2);
	CHECK_INT(st.st_mtim.tv_sec, 1000000000);
	CHECK_STR(contents(&t, "bin/hard"), "prog");
	CHECK(readlinkat(t.rootfd, "bin/link", target, sizeof(target) - 1) == 2);
	CHECK_INT(look(&t, "bin/link").st_uid, 5);
	CHECK_INT(look(&t, "fifo").st_mode, S_IFIFO | 0620);
	CHECK_INT(look(&t, "fifo").st_uid, 9);
	CHECK_INT(look(&t, "sticky").st_mode, S_IFDIR | 01777);
	CHECK_INT(t.counts.entries, 7);
	CHECK_INT(t.counts.bytes, 4);
}

static void test_names_that_lead_out_are_refused(void)
{
	static const struct {
		struct tar_entry entry;
		const char *words;
	} ROWS[] = {
		{ENTRY("/../victim", '0', .data = "x"), "entry '/../victim': the name has a '..' in it"},
		{ENTRY("../victim", '0', .data = "x"), "entry '../victim': the name has a '..' in it"},
		{ENTRY("a/../../victim", '0', .data = "x"), "'..'"},
		{ENTRY("a/..", '5'), "'..'"},
		{ENTRY("..", '5'), "'..'"},
		{ENTRY(".", '0', .data = "x"), "the root can only be a folder"},
		{ENTRY("./", '2', .link = ".."), "the root can only be a folder"},
		{ENTRY("hard", '1', .link = "../victim"), "entry 'hard': hard link: the name has a '..' in it"},
		{ENTRY("hard", '1', .link = "/etc/passwd"), "'etc/passwd', which this layer does not have"},
		{ENTRY("hard", '1', .link = "missing"), "which this layer does not have"},
		{ENTRY("hard", '1', .link = "."), "a hard link to a folder"},
		{ENTRY("hard", '1', .link = "hard"), "which this layer does not have"},
		{ENTRY("d/.wh...", '0', .data = ""), "a whiteout of nothing"},
		{ENTRY("d/.wh..", '0', .data = ""), "a whiteout of nothing"},
		{ENTRY("d/.wh.", '0', .data = ""), "a whiteout of nothing"},
		{ENTRY("empty", '2', .link = ""), "a symlink to nothing"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
		CLEANUP_TEST struct test t = open_test();

		CHECK(UNPACK(&t, ROWS[i].entry) < 0);
		CHECK_HAS(t.err.msg, ROWS[i].words);
	}
}

static void test_absolute_names_are_below_the_root(void)
{
	CLEANUP_TEST struct test t = open_test();

	CHECK_INT(UNPACK(&t, ENTRY("/", '5', .mode = 0751), ENTRY("//etc/passwd", '0', .data = "x"),
			 ENTRY("/hard", '1', .link = "/etc/passwd"), ENTRY("/etc/.wh.gone", '0', .data = "")),
		  0);
	CHECK_INT(look(&t, ".").st_mode, S_IFDIR | 0751);
	CHECK_STR(contents(&t, "etc/passwd"), "x");
	CHECK_INT(look(&t, "hard").st_nlink, 2);
	CHECK_INT(look(&t, "etc/gone").st_mode & S_IFMT, S_IFCHR);
}

static void test_symlinks_on_the_way_stay_inside(void)
{
	CLEANUP_TEST struct test t = open_test();
	char absolute[512];

	/* To the victim's folder by name, to the top, and up and up: all mean places below the root. */
	(void)scratch_path(&t.scratch, "", absolute);
	CHECK_INT(UNPACK(&t, ENTRY("up", '2', .link = "../../../.."), ENTRY("up/victim", '0', .data = "one"),
			 ENTRY("abs", '2', .link = absolute), ENTRY("abs/victim", '0', .data = "two"),
			 ENTRY("top", '2', .link = "/"), ENTRY("top/etc/file", '0', .data = "three")),
		  0);
	CHECK_STR(contents(&t, "victim"), "one");
	CHECK_STR(contents(&t, "etc/file"), "three");
	CHECK_STR(contents(&t, &absolute[1]) /* the same path, below the root */, "(none)");
	memcpy(absolute + strlen(absolute), "victim", 7);
	CHECK_STR(contents(&t, &absolute[1]), "two");
}

static void test_a_later_entry_replaces_the_earlier(void)
{
	CLEANUP_TEST struct test t = open_test();

	CHECK_INT(UNPACK(&t, ENTRY("a", '0', .data = "old and long"), ENTRY("a", '0', .data = "new"),
			 /* Through a symlink to outside, or a hard link to another file, nothing is written. */
			 ENTRY("b", '2', .link = "../victim"), ENTRY("b", '0', .data = "file"),
			 ENTRY("c", '0', .data = "first"), ENTRY("d", '1', .link = "c"),
			 ENTRY("d", '0', .data = "second"), ENTRY("tree", '5'), ENTRY("tree/x", '0', .data = "x"),
			 ENTRY("tree", '0', .data = "now a file"), ENTRY("f", '0', .data = "x"), ENTRY("f", '5'),
			 ENTRY("f/g", '0', .data = "deep"), ENTRY("l", '2', .link = "c"), ENTRY("l", '5'),
			 ENTRY("same", '0', .data = "s"), ENTRY("same", '1', .link = "same")),
		  0);
	CHECK_STR(contents(&t, "a"), "new");
	CHECK_STR(contents(&t, "b"), "file");
	CHECK_STR(contents(&t, "c"), "first");
	CHECK_STR(contents(&t, "d"), "second");
	CHECK_STR(contents(&t, "tree"), "now a file");
	CHECK_STR(contents(&t, "f/g"), "deep");
	CHECK(S_ISDIR(look(&t, "l").st_mode));
	CHECK_STR(contents(&t, "same"), "s");
}

static void test_a_file_is_no_parent(void)
{
	CLEANUP_TEST struct test t = open_test();

	CHECK(UNPACK(&t, ENTRY("a", '0', .data = "x"), ENTRY("a/b", '0', .data = "y")) < 0);
	CHECK_HAS(t.err.msg, "entry 'a/b'");
	CHECK_STR(contents(&t, "a"), "x");
}

static void test_devices_are_left_out(void)
{
	CLEANUP_TEST struct test t = open_test();

	CHECK_INT(UNPACK(&t, ENTRY("dev/null", '3'), ENTRY("dev/sda", '4'), ENTRY("dev/keep", '0', .data = "k"),
			 ENTRY("dev/keep", '3')),
		  0);
	CHECK_INT(look(&t, "dev/null").st_mode, 0);
	CHECK_INT(look(&t, "dev/sda").st_mode, 0);
	CHECK_STR(contents(&t, "dev/keep"), "k");
	CHECK_INT(t.counts.devices_left_out, 3);
}

static void test_whiteouts(void)
{
	CLEANUP_TEST struct test t = open_test();

	CHECK_INT(UNPACK(&t, ENTRY("d", '5'), ENTRY("d/.wh.gone", '0'), ENTRY("e/.wh..wh..opq", '0'),
			 ENTRY("e/new", '0', .data = "n"),
			 ENTRY(".wh..wh.plnk",
			       '5'), /* it speaks of lower layers: what this one has stays, before or after */
			 ENTRY("kept", '0', .data = "k"), ENTRY(".wh.kept", '0'), ENTRY(".wh.later", '0'),
			 ENTRY("later", '0', .data = "l"), ENTRY("dir", '5'), ENTRY(".wh.dir", '0'),
			 ENTRY(".wh.dir2", '0'), ENTRY("dir2", '5'), ENTRY(".wh.parent", '0'),
			 ENTRY("parent/child/x", '0', .data = "x")),
		  0);
	CHECK(is_whiteout(&t, "d/gone"));
	CHECK(!is_opaque(&t, "d"));
	CHECK(is_opaque(&t, "e"));
	CHECK_STR(contents(&t, "e/new"), "n");
	CHECK_INT(look(&t, ".wh..wh.plnk").st_mode, 0);
	CHECK_STR(contents(&t, "kept"), "k");
	CHECK_STR(contents(&t, "later"), "l");
	CHECK(is_opaque(&t, "dir"));
	CHECK(is_opaque(&t, "dir2"));
	CHECK(is_opaque(&t, "parent"));
	CHECK_STR(contents(&t, "parent/child/x"), "x");
}

static void test_whiteouts_below_links_and_of_links(void)
{
	CLEANUP_TEST struct test t = open_test();

	CHECK_INT(UNPACK(&t, ENTRY("out", '2', .link = "../"), ENTRY("out/.wh.victim", '0')), 0);
	CHECK(is_whiteout(&t, "victim")); /* in the root, for ".." of the root is the root */
	CHECK(UNPACK(&t, ENTRY("hard", '1', .link = "victim")) < 0);
	CHECK_HAS(t.err.msg, "which this layer does not have");
}

static void test_in_plain_files_whiteouts_mean_nothing(void)
{
	CLEANUP_TEST struct test t = open_test();
	CLEANUP_TEXT struct text tar = TEXT_INIT;

	tar_put(&tar, &(struct tar_entry)ENTRY(".wh.x", '0', .data = "x", .mode = 04755, .uid = 5));
	tar_end(&tar);
	CHECK_INT(unpack_with(&t, &tar, UNPACK_FILES, &LIMITS), 0);
	CHECK_INT(look(&t, ".wh.x").st_mode, S_IFREG | 0600);
	CHECK_INT(look(&t, ".wh.x").st_uid, 0);
}

static void test_long_names(void)
{
	CLEANUP_TEST struct test t = open_test();
	char part[300], deep[4200];

	memset(part, 'a', 255);
	part[255] = '\0';
	CHECK_INT(UNPACK(&t, ENTRY(part, '0', .data = "fits")), 0);
	memset(part, 'a', 256);
	part[256] = '\0';
	CHECK(UNPACK(&t, ENTRY(part, '0', .data = "x")) < 0);
	CHECK_HAS(t.err.msg, "the name is too long");
	memset(deep, 'd', sizeof(deep));
	for (size_t i = 200; i < 4000; i += 201)
		deep[i] = '/';
	deep[4000] = '\0';
	CHECK_INT(UNPACK(&t, ENTRY(deep, '0', .data = "deep")), 0);
	for (size_t i = 0; i < 4196; i++)
		deep[i] = i % 2 ? '/' : 'd';
	deep[4195] = '\0';
	CHECK(UNPACK(&t, ENTRY(deep, '0', .data = "x")) < 0);
	CHECK_HAS(t.err.msg, "the name is too long");
	CHECK_HAS(t.err.msg, "entry 'd/d/");
}

static void test_limits(void)
{
	CLEANUP_TEST struct test t = open_test();
	CLEANUP_TEXT struct text tar = TEXT_INIT;
	char name[32];

	/* A file's length counts, whatever is behind it: here nothing. */
	tar_put(&tar, &(struct tar_entry)ENTRY("bomb", '0', .size = 2 << 20));
	tar_end(&tar);
	CHECK_INT(unpack_with(&t, &tar, UNPACK_LAYER, &LIMITS), -EFBIG);
	CHECK_HAS(t.err.msg, "entry 'bomb': unpacks to more than the limit of 1048576 bytes");
	text_free(&tar);
	for (int i = 0; i < 1001; i++) {
		(void)snprintf(name, sizeof(name), "f%d", i);
		tar_put(&tar, &(struct tar_entry)ENTRY(name, '0'));
	}
	tar_end(&tar);
	CHECK_INT(unpack_with(&t, &tar, UNPACK_LAYER, &LIMITS), -E2BIG);
	CHECK_HAS(t.err.msg, "entry 'f1000': one entry more than the limit");
}

static void test_sparse_files(void)
{
	CLEANUP_TEST struct test t = open_test();
	CLEANUP_TEXT struct text tar = TEXT_INIT;
	CLEANUP_TEXT struct text records = TEXT_INIT;
	struct stat st;

	/* A hole of 512 KiB, then "end", then a hole again. */
	pax_record(&records, "GNU.sparse.size", "600000", 6);
	pax_record(&records, "GNU.sparse.numblocks", "1", 1);
	pax_record(&records, "GNU.sparse.map", "524288,3", 8);
	tar_pax(&tar, &records);
	tar_put(&tar, &(struct tar_entry)ENTRY("sparse", '0', .data = "end"));
	tar_end(&tar);
	CHECK_INT(unpack_with(&t, &tar, UNPACK_LAYER, &LIMITS), 0);
	st = look(&t, "sparse");
	CHECK_INT(st.st_size, 600000);
	CHECK(st.st_blocks * 512 < 65536);
	CHECK_INT(t.counts.bytes, 600000);
}

static void test_sparse_bombs(void)
{
	CLEANUP_TEST struct test t = open_test();
	CLEANUP_TEXT struct text tar = TEXT_INIT;
	CLEANUP_TEXT struct text records = TEXT_INIT;

	/* A few bytes that say they are a terabyte. */
	pax_record(&records, "GNU.sparse.size", "1099511627776", 13);
	pax_record(&records, "GNU.sparse.numblocks", "1", 1);
	pax_record(&records, "GNU.sparse.map", "1099511627773,3", 15);
	tar_pax(&tar, &records);
	tar_put(&tar, &(struct tar_entry)ENTRY("bomb", '0', .data = "end"));
	tar_end(&tar);
	CHECK_INT(unpack_with(&t, &tar, UNPACK_LAYER, &LIMITS), -EFBIG);
	CHECK_INT(look(&t, "bomb").st_mode, 0);
}

static void test_attributes(void)
{
	CLEANUP_TEST struct test t = open_test();
	CLEANUP_TEXT struct text tar = TEXT_INIT;
	struct vfs_cap_data capability = {.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
					  .data[0].permitted = 1 << CAP_NET_RAW};
	struct vfs_cap_data found;
	char path[512], value[16] = {0};

	tar_pax_one(&tar, "SCHILY.xattr.security.capability", &capability, XATTR_CAPS_SZ_2);
	tar_put(&tar, &(struct tar_entry)ENTRY("ping", '0', .data = "p", .mode = 0755, .uid = 4));
	tar_pax_one(&tar, "SCHILY.xattr.user.note", "hi", 2);
	tar_put(&tar, &(struct tar_entry)ENTRY("noted", '0', .data = "n"));
	tar_pax_one(&tar, "SCHILY.xattr.trusted.overlay.redirect", "/etc", 4);
	tar_put(&tar, &(struct tar_entry)ENTRY("folder", '5'));
	tar_pax_one(&tar, "SCHILY.xattr.trusted.overlay.opaque", "y", 1);
	tar_put(&tar, &(struct tar_entry)ENTRY("folder2", '5'));
	tar_end(&tar);
	CHECK_INT(unpack_with(&t, &tar, UNPACK_LAYER, &LIMITS), 0);
	CHECK_INT(lgetxattr(scratch_path(&t.scratch, "root/ping", path), "security.capability", &found, sizeof(found)),
		  XATTR_CAPS_SZ_2);
	CHECK_INT(found.data[0].permitted, 1 << CAP_NET_RAW);
	CHECK_INT(lgetxattr(scratch_path(&t.scratch, "root/noted", path), "user.note", value, sizeof(value)), 2);
	CHECK_INT(lgetxattr(scratch_path(&t.scratch, "root/folder", path), "trusted.overlay.redirect", value,
			    sizeof(value)),
		  -1);
	CHECK(!is_opaque(&t, "folder2"));
	CHECK_INT(t.counts.xattrs_left_out, 2);
}

static void test_damage(void)
{
	CLEANUP_TEST struct test t = open_test();
	CLEANUP_TEXT struct text tar = TEXT_INIT;

	text_add(&tar, "this is no archive at all, but it is longer than a header would be");
	CHECK_INT(unpack_with(&t, &tar, UNPACK_LAYER, &LIMITS), -EINVAL);
	CHECK_HAS(t.err.msg, "not a tar archive");
	text_free(&tar);
	tar_put(&tar, &(struct tar_entry)ENTRY("cut", '0', .data = "x", .size = 4096));
	CHECK(unpack_with(&t, &tar, UNPACK_LAYER, &LIMITS) < 0);
	CHECK_HAS(t.err.msg, "entry 'cut'");
	text_free(&tar);
	tar_put(&tar, &(struct tar_entry)ENTRY("owner", '0', .data = "x"));
	tar.data[0] = 'X'; /* the checksum is wrong now */
	tar_end(&tar);
	CHECK(unpack_with(&t, &tar, UNPACK_LAYER, &LIMITS) < 0);
}

int main(void)
{
	(void)umask(022);
	return TAP_RUN(TAP_CASE(test_everything_is_kept), TAP_CASE(test_names_that_lead_out_are_refused),
		       TAP_CASE(test_absolute_names_are_below_the_root), TAP_CASE(test_symlinks_on_the_way_stay_inside),
		       TAP_CASE(test_a_later_entry_replaces_the_earlier), TAP_CASE(test_a_file_is_no_parent),
		       TAP_CASE(test_devices_are_left_out), TAP_CASE(test_whiteouts),
		       TAP_CASE(test_whiteouts_below_links_and_of_links),
		       TAP_CASE(test_in_plain_files_whiteouts_mean_nothing), TAP_CASE(test_long_names),
		       TAP_CASE(test_limits), TAP_CASE(test_sparse_files), TAP_CASE(test_sparse_bombs),
		       TAP_CASE(test_attributes), TAP_CASE(test_damage));
}
