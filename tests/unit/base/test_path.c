/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every case runs twice: with openat2(2), and with the walk that stands in for it. */
#include "tests/unit/base/path_ground.h"

/* --- resolving --- */

static void resolving_stays_inside(void)
{
	static const struct {
		const char *path, *leads_to;
	} cases[] = {
		{"a/b/file", "a/b/file"},
		{"/a//b/./file", "a/b/file"},
		{"/", "."},
		{".", "."},
		{"a/", "a"},
		{"a/b/..", "a"},
		{"..", "."},
		{"../../../../../../secret", "secret"},
		{"a/../../../secret", "secret"},
		{"absolute", "secret"},
		{"upwards", "secret"},
		{"to-root", "."},
		{"to-root/a", "a"},
		{"to-above/a/b", "a/b"},
		{"chain/file", "a/b/file"},
		{"a/b/back/b", "a/b"},
		{"a/b/back/../secret", "secret"},
		{"chain/..", "a"},
		{"slashes", "a"},
	};

	CHECK_INT(symlinkat("/secret", rootfd, "absolute"), 0);
	CHECK_INT(symlinkat("../../../../secret", rootfd, "a/up"), 0);
	CHECK_INT(symlinkat("a/up", rootfd, "upwards"), 0);
	CHECK_INT(symlinkat("/", rootfd, "to-root"), 0);
	CHECK_INT(symlinkat("..", rootfd, "to-above"), 0);
	CHECK_INT(symlinkat("chain2/b", rootfd, "chain"), 0);
	CHECK_INT(symlinkat("/a", rootfd, "chain2"), 0);
	CHECK_INT(symlinkat("../", rootfd, "a/b/back"), 0);
	CHECK_INT(symlinkat("///a///", rootfd, "slashes"), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (!leads_to(open_path(cases[i].path, 0), cases[i].leads_to))
			tap_fail(__FILE__, __LINE__, cases[i].path);
}

static void resolving_fails_as_open_does(void)
{
	char long_path[PATH_MAX + 10], long_name[300];

	CHECK_INT(symlinkat("loop", rootfd, "loop"), 0);
	CHECK_INT(symlinkat("missing", rootfd, "dangling"), 0);
	CHECK_INT(open_path("missing", 0), -ENOENT);
	CHECK_STR(err.msg, "open 'missing' below the root: No such file or directory");
	CHECK_INT(open_path("", 0), -ENOENT);
	CHECK_INT(open_path("dangling", 0), -ENOENT);
	CHECK_INT(open_path("missing/..", 0), -ENOENT);
	CHECK_INT(open_path("secret/x", 0), -ENOTDIR);
	CHECK_INT(open_path("secret/..", 0), -ENOTDIR);
	CHECK_INT(open_path("secret/", 0), -ENOTDIR);
	CHECK_INT(open_path("secret/.", 0), -ENOTDIR);
	CHECK_INT(open_path("loop", 0), -ELOOP);
	CHECK_INT(open_path("loop/x", 0), -ELOOP);
	CHECK_INT(path_open(rootfd, "secret", O_PATH | O_DIRECTORY, 0, &err), -ENOTDIR);
	CHECK_INT(path_open(rootfd, "new", O_WRONLY | O_CREAT, 0, &err), -EINVAL);
	CHECK_INT(path_open(rootfd, "a", O_RDWR | O_TMPFILE, 0, &err), -EINVAL);
	CHECK_INT(path_open(-1, "a", O_PATH, 0, &err), -EBADF);
	memset(long_path, '/', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	CHECK_INT(open_path(long_path, 0), -ENAMETOOLONG);
	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	CHECK_INT(open_path(long_name, 0), -ENAMETOOLONG);
}

static void links_are_counted(void)
{
	char name[16], to[16];

	put(rootfd, "l0", "");
	for (int i = 1; i <= 41; i++) {
		snprintf(name, sizeof(name), "l%d", i);
		snprintf(to, sizeof(to), "l%d", i - 1);
		CHECK_INT(symlinkat(to, rootfd, name), 0);
	}
	CHECK(leads_to(open_path("l40", 0), "l0"));
	CHECK_INT(open_path("l41", 0), -ELOOP);
}

static void opening_for_good(void)
{
	CLEANUP_FD int fd = path_open(rootfd, "/a/b/file", O_RDWR, 0, &err);
	char words[16] = "";

	CHECK_INT(read(fd, words, sizeof(words)), 6);
	CHECK_STR(words, "inside");
	CHECK_INT(pwrite(fd, "I", 1, 0), 1);
	CHECK_INT(symlinkat("b/file", rootfd, "a/link"), 0);
	CHECK(leads_to(path_open(rootfd, "a/link", O_RDONLY, 0, &err), "a/b/file"));
	CHECK(leads_to(path_open(rootfd, "a/b/..", O_RDONLY | O_DIRECTORY, 0, &err), "a"));
	CHECK_INT(path_open(rootfd, "a", O_WRONLY, 0, &err), -EISDIR);
	CHECK_INT(close_it(path_open(rootfd, "a/link", O_WRONLY | O_TRUNC, 0, &err)), 0);
	CHECK_INT(pread(fd, words, 1, 0), 0);
}

static void links_can_be_refused(void)
{
	CHECK_INT(symlinkat("a", rootfd, "dir-link"), 0);
	CHECK_INT(symlinkat("secret", rootfd, "link"), 0);
	CHECK_INT(open_path("link", PATH_NO_LINK_LAST), -ELOOP);
	CHECK_INT(path_open(rootfd, "link", O_RDONLY, PATH_NO_LINK_LAST, &err), -ELOOP);
	CHECK_INT(open_path("dir-link", PATH_NO_LINK_LAST), -ELOOP);
	CHECK_INT(open_path("dir-link/", PATH_NO_LINK_LAST), -ELOOP);
	CHECK_INT(path_open(rootfd, "dir-link", O_PATH | O_DIRECTORY, PATH_NO_LINK_LAST, &err), -ELOOP);
	CHECK_INT(path_open(rootfd, "dir-link", O_RDONLY | O_DIRECTORY, PATH_NO_LINK_LAST, &err), -ELOOP);
	CHECK_INT(path_open(rootfd, "secret", O_PATH | O_DIRECTORY, PATH_NO_LINK_LAST, &err), -ENOTDIR);
	CHECK(leads_to(open_path("dir-link/b", PATH_NO_LINK_LAST), "a/b"));
	CHECK_INT(open_path("dir-link/b", PATH_NO_LINKS), -ELOOP);
	CHECK_INT(open_path("link", PATH_NO_LINKS), -ELOOP);
	CHECK(leads_to(open_path("a/b", PATH_NO_LINKS), "a/b"));
	/* O_NOFOLLOW says what it says for open(2). */
	CHECK(leads_to(path_open(rootfd, "link", O_PATH | O_NOFOLLOW, 0, &err), "link"));
	CHECK_INT(path_open(rootfd, "link", O_RDONLY | O_NOFOLLOW, 0, &err), -ELOOP);
}

static void magic_links_are_refused(void)
{
	CLEANUP_FD int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char path[64];

	CHECK_INT(path_open(proc, "self/root", O_PATH, 0, &err), -ELOOP);
	CHECK_INT(path_open(proc, "self/cwd/etc", O_PATH, 0, &err), -ELOOP);
	CHECK_INT(path_open(proc, "self/exe", O_RDONLY, 0, &err), -ELOOP);
	CHECK_INT(path_open(proc, "self/ns/mnt", O_RDONLY, 0, &err), -ELOOP);
	snprintf(path, sizeof(path), "self/fd/%d", hostfd);
	CHECK_INT(path_open(proc, path, O_PATH, 0, &err), -ELOOP);
	CHECK_INT(close_it(path_open(proc, "self/status", O_RDONLY, 0, &err)), 0);
	CHECK_INT(close_it(path_open(proc, "mounts", O_RDONLY, 0, &err)), 0);
}

/* --- making --- */

static void making_folders(void)
{
	struct stat st;

	CHECK(leads_to(path_make_dirs(rootfd, "x/y/z", 0750, &err), "x/y/z"));
	CHECK(fstatat(rootfd, "x/y", &st, 0) == 0 && (st.st_mode & 07777) == 0750);
	CHECK(leads_to(path_make_dirs(rootfd, "/x//y/./z/", 0700, &err), "x/y/z"));
	CHECK(fstatat(rootfd, "x/y/z", &st, 0) == 0 && (st.st_mode & 07777) == 0750);
	CHECK(leads_to(path_make_dirs(rootfd, "/", 0700, &err), "."));
	CHECK(leads_to(path_make_dirs(rootfd, "../../../up", 0700, &err), "up"));
	CHECK(leads_to(path_make_dirs(rootfd, "n/../m/k/..", 0700, &err), "m"));
	CHECK_INT(path_make_dirs(rootfd, "secret", 0755, &err), -ENOTDIR);
	CHECK_INT(path_make_dirs(rootfd, "secret/x", 0755, &err), -ENOTDIR);
	CHECK_STR(err.msg, "make folder 'secret/x' below the root: Not a directory");
	CHECK_INT(path_make_dirs(rootfd, "", 0755, &err), -ENOENT);
}

static void making_through_links(void)
{
	char outside[128];

	snprintf(outside, sizeof(outside), "%s/host/made", base);
	CHECK_INT(symlinkat("/a", rootfd, "link"), 0);
	CHECK_INT(symlinkat("/run", rootfd, "dangling"), 0);
	CHECK_INT(symlinkat("../../../../../../made", rootfd, "a/upwards"), 0);
	CHECK_INT(symlinkat(outside, rootfd, "outwards"), 0);
	CHECK_INT(symlinkat("loop", rootfd, "loop"), 0);
	CHECK(leads_to(path_make_dirs(rootfd, "link/new", 0755, &err), "a/new"));
	CHECK(leads_to(path_make_dirs(rootfd, "dangling/secrets", 0755, &err), "run/secrets"));
	CHECK(leads_to(path_make_dirs(rootfd, "a/upwards", 0755, &err), "made"));
	/* The words of a link are below the root too, whatever they are. */
	CHECK(leads_to(path_make_dirs(rootfd, "outwards/x", 0755, &err), outside + 1) == false);
	CHECK(exists(rootfd, outside + 1));
	CHECK_INT(host_entries(), 1);
	CHECK_INT(path_make_dirs(rootfd, "loop/x", 0755, &err), -ELOOP);
}

static void making_files(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	CLEANUP_FD int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat st;

	CHECK(leads_to(path_make_file(rootfd, "etc/x/resolv.conf", 0640, &err), "etc/x/resolv.conf"));
	CHECK(fstatat(rootfd, "etc/x/resolv.conf", &st, 0) == 0 && S_ISREG(st.st_mode) &&
	      (st.st_mode & 07777) == 0640 && st.st_size == 0);
	CHECK(fstatat(rootfd, "etc/x", &st, 0) == 0 && (st.st_mode & 07777) == 0755);
	/* What is there stays. */
	CHECK(leads_to(path_make_file(rootfd, "secret", 0600, &err), "secret"));
	CHECK(fstatat(rootfd, "secret", &st, 0) == 0 && st.st_size == 6 && (st.st_mode & 07777) == 0644);
	CHECK_INT(symlinkat("../run/resolve/stub", rootfd, "etc/link"), 0);
	CHECK(leads_to(path_make_file(rootfd, "etc/link", 0644, &err), "run/resolve/stub"));
	CHECK_INT(symlinkat("/a", rootfd, "dir-link"), 0);
	CHECK_INT(path_make_file(rootfd, "a", 0644, &err), -EISDIR);
	CHECK_INT(path_make_file(rootfd, "dir-link", 0644, &err), -EISDIR);
	CHECK_INT(path_make_file(rootfd, "new/", 0644, &err), -EISDIR);
	CHECK_INT(path_make_file(rootfd, "/", 0644, &err), -EISDIR);
	CHECK_INT(path_make_file(rootfd, "a/..", 0644, &err), -EISDIR);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/root/socket", base);
	CHECK_INT(bind(sock, (struct sockaddr *)&address, sizeof(address)), 0);
	CHECK(leads_to(path_make_file(rootfd, "socket", 0644, &err), "socket"));
}

static void creating_files(void)
{
	CLEANUP_FD int fd = path_create(rootfd, "/a/../a/new", O_WRONLY, 0600, &err);

	CHECK(fd >= 0 && write(fd, "x", 1) == 1);
	CHECK(leads_to(fd_take(&fd), "a/new"));
	CHECK_INT(symlinkat("missing", rootfd, "dangling"), 0);
	CHECK_INT(path_create(rootfd, "a/new", O_WRONLY, 0600, &err), -EEXIST);
	CHECK_INT(path_create(rootfd, "dangling", O_WRONLY, 0600, &err), -EEXIST);
	CHECK(!exists(rootfd, "missing"));
	CHECK_INT(path_create(rootfd, "no/file", O_WRONLY, 0600, &err), -ENOENT);
	CHECK_INT(path_create(rootfd, "a/..", O_WRONLY, 0600, &err), -EINVAL);
}

static void parents(void)
{
	char name[256], long_path[400];

	CHECK(leads_to(path_parent(rootfd, "a/b/c", false, name, &err), "a/b"));
	CHECK_STR(name, "c");
	CHECK(leads_to(path_parent(rootfd, "/a//", false, name, &err), "."));
	CHECK_STR(name, "a");
	CHECK(leads_to(path_parent(rootfd, "a", false, name, &err), "."));
	CHECK_INT(symlinkat("/a/b", rootfd, "link"), 0);
	CHECK(leads_to(path_parent(rootfd, "link/../x", false, name, &err), "a"));
	/* The last one is only a name, link or not. */
	CHECK(leads_to(path_parent(rootfd, "link", false, name, &err), "."));
	CHECK_INT(path_parent(rootfd, "no/x", false, name, &err), -ENOENT);
	CHECK(leads_to(path_parent(rootfd, "no/more/x", true, name, &err), "no/more"));
	CHECK_INT(path_parent(rootfd, "/", false, name, &err), -EINVAL);
	CHECK_INT(path_parent(rootfd, "", false, name, &err), -EINVAL);
	CHECK_INT(path_parent(rootfd, "a/..", false, name, &err), -EINVAL);
	CHECK_INT(path_parent(rootfd, "a/.", true, name, &err), -EINVAL);
	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	CHECK_INT(path_parent(rootfd, long_path, false, name, &err), -ENAMETOOLONG);
	long_path[255] = '\0';
	CHECK_INT(close_it(path_parent(rootfd, long_path, false, name, &err)), 0);
}

/* --- reading and verifying --- */

static void reading(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct err untouched = ERR_INIT;
	char *data = NULL;
	size_t len;

	CHECK_INT(symlinkat("/etc/../secret", rootfd, "a/link"), 0);
	CHECK_INT(mkdirat(rootfd, "etc", 0755), 0);
	CHECK_INT(path_read(&arena, rootfd, "a/link", 100, &data, &len, &err), 0);
	CHECK_STR(data, "inside");
	CHECK_INT(path_read(&arena, rootfd, "secret", 5, &data, &len, &err), -EFBIG);
	CHECK_INT(path_read(&arena, rootfd, "missing", 5, &data, &len, &untouched), -ENOENT);
	CHECK_STR(untouched.msg, "");
	CHECK_INT(path_read(&arena, rootfd, "a", 5, &data, &len, &err), -EINVAL);
	/* Waiting for a writer would be for ever. */
	CHECK_INT(mkfifoat(rootfd, "fifo", 0644), 0);
	alarm(60);
	CHECK_INT(path_read(&arena, rootfd, "fifo", 100, &data, &len, &err), -EINVAL);
	alarm(0);
	if (mknodat(rootfd, "zero", S_IFCHR | 0644, makedev(1, 5)) == 0)
		CHECK_INT(path_read(&arena, rootfd, "zero", 100, &data, &len, &err), -EINVAL);
}

static void verifying(void)
{
	CLEANUP_FD int proc = open("/proc", O_PATH | O_CLOEXEC);
	CLEANUP_FD int null = open("/dev/null", O_PATH | O_CLOEXEC);
	CLEANUP_FD int link = -1;

	CHECK_INT(path_verify_fs(proc, PROC_SUPER_MAGIC, "/proc", &err), 0);
	CHECK_INT(path_verify_fs(proc, SYSFS_MAGIC, "/sys", &err), -EPERM);
	CHECK_HAS(err.msg, "'/sys' is refused: its file system should be sysfs");
	CHECK_HAS(err.msg, "is proc");
	CHECK_INT(path_verify_fs(rootfd, PROC_SUPER_MAGIC, "/proc", NULL), -EPERM);
	CHECK_INT(path_verify_fs(-1, PROC_SUPER_MAGIC, "/proc", &err), -EBADF);
	CHECK_INT(path_verify_char(null, 1, 3, "/dev/null", &err), 0);
	CHECK_INT(path_verify_char(null, 1, 5, "/dev/zero", &err), -EPERM);
	CHECK_HAS(err.msg, "character device 1:5, and is 1:3");
	CHECK_INT(symlinkat("/proc/sys/kernel/core_pattern", rootfd, "null"), 0);
	link = path_open(rootfd, "null", O_PATH | O_NOFOLLOW, 0, &err);
	CHECK_INT(path_verify_char(link, 1, 3, "/dev/null", &err), -EPERM);
	CHECK_HAS(err.msg, "is a symbolic link");
	CHECK_INT(path_verify_char(rootfd, 1, 3, "/dev/null", &err), -EPERM);
}

static int in_mount_namespace(void (*body)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		char path[64];

		if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
			_exit(100);
		/* The old descriptors are on the old namespace's mounts, and would not see new ones. */
		snprintf(path, sizeof(path), "%s/root", base);
		rootfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		tap_failures = 0;
		body();
		fflush(stdout);
		_exit(tap_failures != 0);
	}
	return wait_for(pid);
}

static void mounts_in_a_root(void)
{
	char from[64], to[64];

	snprintf(from, sizeof(from), "%s/host", base);
	snprintf(to, sizeof(to), "%s/root/a/b", base);
	CHECK_INT(mount(from, to, NULL, MS_BIND, NULL), 0);
	CHECK_INT(close_it(open_path("a/b/secret", 0)), 0);
	CHECK_INT(open_path("a/b/secret", PATH_NO_MOUNTS), -EXDEV);
	CHECK_INT(open_path("a/b", PATH_NO_MOUNTS), -EXDEV);
	CHECK_INT(close_it(open_path("a", PATH_NO_MOUNTS)), 0);
	CHECK_INT(close_it(path_open(rootfd, "secret", O_RDONLY, PATH_NO_MOUNTS, &err)), 0);
}

static void mounts_over_proc(void)
{
	CLEANUP_FD int proc = open("/proc", O_PATH | O_CLOEXEC);
	char from[64];

	snprintf(from, sizeof(from), "%s/root/secret", base);
	CHECK_INT(mount(from, "/proc/self/attr/current", NULL, MS_BIND, NULL), 0);
	CHECK_INT(path_open_proc(proc, "self/attr/current", O_RDONLY, &err), -EXDEV);
	CHECK_HAS(err.msg, "something is mounted over it");
	/* One proc file over another is no less wrong. */
	CHECK_INT(mount("/proc/version", "/proc/self/oom_score_adj", NULL, MS_BIND, NULL), 0);
	CHECK_INT(path_open_proc(proc, "self/oom_score_adj", O_RDONLY, &err), -EXDEV);
	CHECK_INT(close_it(path_open_proc(proc, "self/comm", O_WRONLY, &err)), 0);
	CHECK_INT(close_it(path_open_proc(proc, "self/attr/exec", O_RDONLY, &err)), 0);
	CHECK_INT(path_open_proc(proc, "self/exe", O_RDONLY, &err), -ELOOP);
	CHECK_INT(path_open_proc(proc, "self/missing", O_RDONLY, &err), -ENOENT);
	CHECK_INT(path_open_proc(rootfd, "secret", O_RDONLY, &err), -EPERM);
}

static void mounts_are_seen(void)
{
	if (geteuid() != 0)
		SKIP("mounting wants root");
	CHECK_INT(in_mount_namespace(mounts_in_a_root), 0);
	CHECK_INT(in_mount_namespace(mounts_over_proc), 0);
}

/* --- words only --- */

static void test_plain_paths(void)
{
	static const char *const plain[] = {"a", "a/b", "a.b/..c/...", ".a", "a b"};
	static const char *const others[] = {"", "/", "/a", "a/", "a//b", ".", "..", "a/..", "../a", "a/../b", "./a"};

	for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
		if (!path_is_plain(plain[i]))
			tap_fail(__FILE__, __LINE__, plain[i]);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (path_is_plain(others[i]))
			tap_fail(__FILE__, __LINE__, others[i]);
}

static void test_cleaning(void)
{
	static const struct {
		const char *path, *clean;
	} cases[] = {
		{"/a/../b//c", "/b/c"},
		{"/", "/"},
		{"", "/"},
		{"//", "/"},
		{"/..", "/"},
		{"/../../a", "/a"},
		{"/a/b/../..", "/"},
		{"/a/./b/.", "/a/b"},
		{"/a/", "/a"},
		{"a/b", "/a/b"},
		{"/..a/b..", "/..a/b.."},
		{"/aa/bb/../cc/", "/aa/cc"},
	};
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_ARENA struct arena small = {.max_bytes = 1};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		CHECK_STR(path_clean(&arena, cases[i].path), cases[i].clean);
	CHECK(path_clean(&small, "/a/b") == NULL);
}

BOTH_WAYS(resolving_stays_inside)
BOTH_WAYS(resolving_fails_as_open_does)
BOTH_WAYS(links_are_counted)
BOTH_WAYS(opening_for_good)
BOTH_WAYS(links_can_be_refused)
BOTH_WAYS(magic_links_are_refused)
BOTH_WAYS(making_folders)
BOTH_WAYS(making_through_links)
BOTH_WAYS(making_files)
BOTH_WAYS(creating_files)
BOTH_WAYS(parents)
BOTH_WAYS(reading)
BOTH_WAYS(verifying)
BOTH_WAYS(mounts_are_seen)

static int tests(void)
{
	return TAP_RUN(TAP_CASE(test_resolving_stays_inside), TAP_CASE(test_resolving_fails_as_open_does),
		       TAP_CASE(test_links_are_counted), TAP_CASE(test_opening_for_good),
		       TAP_CASE(test_links_can_be_refused), TAP_CASE(test_magic_links_are_refused),
		       TAP_CASE(test_making_folders), TAP_CASE(test_making_through_links), TAP_CASE(test_making_files),
		       TAP_CASE(test_creating_files), TAP_CASE(test_parents), TAP_CASE(test_reading),
		       TAP_CASE(test_verifying), TAP_CASE(test_mounts_are_seen), TAP_CASE(test_plain_paths),
		       TAP_CASE(test_cleaning));
}

int main(void)
{
	return on_ground(tests);
}
