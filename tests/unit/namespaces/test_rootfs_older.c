/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Roots as on kernels before 6.13, where overlay takes layers by name only: the helper process makes it. Needs root.
 */
#include "runtime/base/host.h"
#include "tests/unit/namespaces/jail.h"

static bool owner_is(const char *path, uid_t uid)
{
	struct stat info;

	return lstat(path, &info) == 0 && info.st_uid == uid;
}

static void inside(void)
{
	CLEANUP_FD int fd = open("/etc/new", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	CHECK(fd >= 0);
	CHECK(owner_is("/etc/new", 0));
	CHECK(owner_is("/etc/owned", 5));
	CHECK(owner_is("/bin/busybox", 0));
	CHECK(chown("/etc/owned", 6, 6) == 0);
	CHECK(rename("/etc/owned", "/etc/moved") == 0);
}

static int open_fds(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static int mount_lines(void)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	int c, lines = 0;

	while (file && (c = fgetc(file)) != EOF)
		lines += c == '\n';
	if (file)
		fclose(file);
	return lines;
}

static void test_the_helper_makes_the_same_root(void)
{
	struct jail jail = {.inside = inside};
	struct err err = ERR_INIT;
	int fds = open_fds(), mounts = mount_lines();

	CHECK(!host_has(HOST_OVERLAY_FD_LAYERS));
	jail_open();
	jail.request = jail_layers();
	if (jail_run(&jail, &err) < 0)
		tap_fail(__FILE__, __LINE__, err.msg);
	CHECK(owner_is(jail_path("up/etc/new"), JAIL_BASE));
	CHECK(owner_is(jail_path("up/etc/moved"), JAIL_BASE + 6));
	CHECK(owner_is(jail_path("top/etc/owned"), 5));
	jail_close();
	CHECK_INT(open_fds(), fds);
	CHECK_INT(mount_lines(), mounts);
}

static void inside_many(void)
{
	char name[32];

	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "/layer-%d", i);
		CHECK(access(name, F_OK) == 0);
	}
}

/* More layers than one fsconfig(2) string could name. */
static void test_a_hundred_layers(void)
{
	const char *lowers[101];
	struct jail jail = {.inside = inside_many};
	struct err err = ERR_INIT;
	char name[64];

	jail_open();
	jail.request = jail_layers();
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "layer%d", i);
		jail_mkdir(name);
		lowers[i] = strdup(jail_path(name));
		snprintf(name, sizeof(name), "layer%d/layer-%d", i, i);
		jail_mkdir(name);
	}
	lowers[100] = jail.request.lowers[1];
	jail.request.lowers = lowers;
	jail.request.lower_count = 101;
	if (jail_run(&jail, &err) < 0)
		tap_fail(__FILE__, __LINE__, err.msg);
	for (int i = 0; i < 100; i++)
		free((void *)(uintptr_t)lowers[i]);
	jail_close();
}

static void test_the_helpers_error_arrives(void)
{
	struct jail jail = {0};
	struct err err = ERR_INIT;
	int fds = open_fds();

	jail_open();
	jail.request = jail_layers();
	/* A work folder in another file system. */
	jail.request.work = "/dev/shm";
	CHECK(jail_run(&jail, &err) < 0);
	CHECK_HAS(err.msg, "overlay");
	CHECK_INT(jail.failing_side, 1);
	jail_close();
	CHECK_INT(open_fds(), fds);
}

int main(void)
{
	if (host_override("overlay_fd_layers=0") < 0)
		return 1;
	return TAP_RUN(TAP_CASE(test_the_helper_makes_the_same_root), TAP_CASE(test_a_hundred_layers),
		       TAP_CASE(test_the_helpers_error_arrives));
}
