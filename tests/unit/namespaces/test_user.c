/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/tap.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "namespaces/user.h"
#include "runtime/base/file.h"

static char dir[64];
static int root;

static void write_file(const char *name, const char *data, size_t len)
{
	CLEANUP_FD int fd = openat(root, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	CHECK(fd >= 0 && write(fd, data, len) == (ssize_t)len);
}

static void setup(void)
{
	static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
				     "# a comment\n"
				     "broken:x\n"
				     "noid:x::5::/x:/x\n"
				     "minus:x:-1:5::/x:/x\n"
				     "wrap:x:4294967296:0::/:/bin/sh\n"
				     "last:x:4294967295:0::/:/bin/sh\n"
				     "1000:x:0:0:trick:/root:/bin/sh\n"
				     "app:x:1000:100:The App:/home/app:/bin/ash\n"
				     "rel:x:1001:100::relative:/bin/ash\n"
				     "app:x:0:0:second entry:/root:/bin/sh\n"
				     "nonl:x:1002:102::/home/nonl:/bin/nonl";
	static const char group[] = "root:x:0:root\nstaff:x:50:app,other\nwheel:x:10:other,app\nnot:x:11:apple,xapp\n"
				    "users:x:100:app\nstaff2:x:50:app\nbad:x:abc:app\n";

	snprintf(dir, sizeof(dir), "/tmp/hull-user-XXXXXX");
	CHECK(mkdtemp(dir) != NULL);
	root = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CHECK(mkdirat(root, "etc", 0755) == 0);
	write_file("etc/passwd", passwd, sizeof(passwd) - 1);
	write_file("etc/group", group, sizeof(group) - 1);
}

static void teardown(void)
{
	close(root);
	CHECK_INT(file_remove_tree(AT_FDCWD, dir, NULL), 0);
}

static void test_names_and_numbers(void)
{
	struct err err = ERR_INIT;
	struct user u;

	setup();
	CHECK_INT(user_resolve(root, "app", &u, &err), 0);
	CHECK(u.uid == 1000 && u.gid == 100);
	CHECK_STR(u.home, "/home/app");
	CHECK_STR(u.shell, "/bin/ash");
	/* 100 is the main group, 50 is there twice. */
	CHECK_INT(u.group_count, 2);
	CHECK(u.groups[0] == 50 && u.groups[1] == 10);
	CHECK_INT(user_resolve(root, "app:staff", &u, &err), 0);
	CHECK(u.uid == 1000 && u.gid == 50 && u.group_count == 0);
	CHECK_INT(user_resolve(root, "1000", &u, &err), 0);
	CHECK_STR(u.name, "app");
	CHECK(u.uid == 1000 && u.gid == 100 && u.group_count == 2);
	CHECK_INT(user_resolve(root, "4711", &u, &err), 0);
	CHECK(u.uid == 4711 && u.gid == 0 && u.group_count == 0);
	CHECK_STR(u.home, "/");
	CHECK_INT(user_resolve(root, "4711:4712", &u, &err), 0);
	CHECK(u.uid == 4711 && u.gid == 4712);
	CHECK_INT(user_resolve(root, NULL, &u, &err), 0);
	CHECK(u.uid == 0 && u.gid == 0);
	CHECK_STR(u.home, "/root");
	CHECK_INT(user_resolve(root, "rel", &u, &err), 0);
	CHECK_STR(u.home, "/");
	CHECK_INT(user_resolve(root, "nonl", &u, &err), 0);
	CHECK_STR(u.shell, "/bin/nonl");
	CHECK_INT(user_resolve(root, "4294967294", &u, &err), 0);
	teardown();
}

static void test_strictness(void)
{
	static const char *const malformed[] = {
		"",
		":",
		"a:",
		":0",
		"+1",
		"-1",
		"0x0",
		"0 ",
		" 0",
		"0\n",
		"1a",
		"1.0",
		"0:",
		"0:+1",
		"0:0x0",
		"0:0 ",
		"0:0:0",
		"app:staff:x",
		"app ",
		"a\tb",
		"-root",
		"a/b",
		"app,root",
		"4294967295",
		"4294967296",
		"99999999999999999999",
		"18446744073709551616",
		"0:4294967295",
		"\x80\x01 ",
	};
	static const char *const absent[] = {"nobody", "broken", "noid", "minus", "wrap", "last", "app:none", "0:bad"};
	struct user u = {.uid = 77};

	setup();
	for (size_t i = 0; i < ARRAY_SIZE(malformed); i++) {
		int r = user_resolve(root, malformed[i], &u, NULL);

		if (r != -EINVAL)
			printf("# '%s' gave %d\n", malformed[i], r);
		CHECK_INT(r, -EINVAL);
	}
	for (size_t i = 0; i < ARRAY_SIZE(absent); i++)
		CHECK_INT(user_resolve(root, absent[i], &u, NULL), -ENOENT);
	CHECK_INT(u.uid, 77);
	teardown();
}

static void test_more_groups(void)
{
	struct user u;
	char number[16];
	int r = 0;

	setup();
	CHECK_INT(user_resolve(root, "app:users", &u, NULL), 0);
	CHECK_INT(user_add_group(root, "wheel", &u, NULL), 0);
	CHECK_INT(user_add_group(root, "10", &u, NULL), 0);
	CHECK_INT(user_add_group(root, "100", &u, NULL), 0);
	CHECK_INT(u.group_count, 1);
	CHECK_INT(user_add_group(root, "+10", &u, NULL), -EINVAL);
	CHECK_INT(user_add_group(root, "none", &u, NULL), -ENOENT);
	for (int i = 1000; r == 0 && i < 2000; i++) {
		snprintf(number, sizeof(number), "%d", i);
		r = user_add_group(root, number, &u, NULL);
	}
	CHECK_INT(r, -E2BIG);
	CHECK_INT(u.group_count, USER_MAX_GROUPS);
	teardown();
}

/* The image's files are hostile: a link out, a FIFO, something endless, bytes of any kind, none at all. */
static void test_hostile_files(void)
{
	static const char bytes[] =
		"\0\0\0root:x:0:0\napp\0:x:5:5\n:::\n::::::::::\n\xff\xfe:x:1:1::/:/\nok:x:8:9::/h:/s";
	struct err err = ERR_INIT;
	struct user u;

	setup();
	write_file("etc/passwd", bytes, sizeof(bytes) - 1);
	CHECK_INT(user_resolve(root, "ok", &u, &err), 0);
	CHECK(u.uid == 8 && u.gid == 9);
	CHECK_INT(user_resolve(root, "app", &u, &err), -ENOENT);
	CHECK(unlinkat(root, "etc/passwd", 0) == 0 &&
	      symlinkat("/proc/self/cwd/../../../../etc/passwd", root, "etc/passwd") == 0);
	CHECK_INT(user_resolve(root, "root", &u, &err), -ENOENT);
	CHECK(unlinkat(root, "etc/passwd", 0) == 0 && mkfifoat(root, "etc/passwd", 0644) == 0);
	CHECK(user_resolve(root, "root", &u, &err) < 0);
	CHECK(unlinkat(root, "etc/passwd", 0) == 0 && mknodat(root, "etc/passwd", S_IFCHR | 0644, 0x105) == 0);
	CHECK(user_resolve(root, "root", &u, &err) < 0);
	CHECK(unlinkat(root, "etc/passwd", 0) == 0);
	write_file("etc/passwd", "", 0);
	{
		CLEANUP_FD int fd = openat(root, "etc/passwd", O_WRONLY | O_CLOEXEC);

		CHECK(ftruncate(fd, (off_t)USER_MAX_FILE_BYTES + 1) == 0);
	}
	CHECK_INT(user_resolve(root, "root", &u, &err), -EFBIG);
	CHECK(unlinkat(root, "etc/passwd", 0) == 0);
	CHECK_INT(user_resolve(root, "0", &u, &err), 0);
	CHECK_INT(user_resolve(root, "root", &u, &err), -ENOENT);
	teardown();
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_names_and_numbers), TAP_CASE(test_strictness), TAP_CASE(test_more_groups),
		       TAP_CASE(test_hostile_files));
}
