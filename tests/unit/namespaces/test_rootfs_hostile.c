/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Images and neighbours that want out while a root is assembled: links where mount points and devices belong, a fake
 * /proc, and somebody who swaps a folder for a link, thousands of times, on a volume that both have. Needs root.
 */
#include "tests/unit/namespaces/jail.h"

#include <linux/magic.h>
#include <signal.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "runtime/base/path.h"

static char victim[PATH_MAX]; /* a file of the host's that every hostile link points at */

static const struct mount_request proc_and_dev[] = {
	{.destination = "/proc", .type = "proc"},
	{.destination = "/dev", .type = "tmpfs", .options = {.data = "mode=755"}},
	{.destination = "/dev/pts", .type = "devpts", .options = {.data = "newinstance,ptmxmode=0666"}},
};

static const char *const masked[] = {"/proc/keys", "/proc/kcore", "/proc/timer_list", "/etc/masked", "/etc/masked-dir"};

static void hostile_open(void)
{
	jail_open();
	jail_mkdir("host");
	jail_write("host/victim", "untouched\n");
	snprintf(victim, sizeof(victim), "%s", jail_path("host/victim"));
}

static void hostile_close(void)
{
	char words[32] = "";

	CHECK(file_read_line(AT_FDCWD, victim, words, sizeof(words)) > 0);
	CHECK_STR(words, "untouched");
	CHECK(access(jail_path("host/pts"), F_OK) < 0);
	jail_close();
}

static bool char_is(const char *path, unsigned major, unsigned minor)
{
	struct stat info;

	return lstat(path, &info) == 0 && S_ISCHR(info.st_mode) && info.st_rdev == makedev(major, minor);
}

/* ------------------------------------------------------------------------------------------ a hostile /dev */

/* What an image can have at a name below /dev. */
static void plant(const char *name, char kind)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s", jail_path(name));
	switch (kind) {
	case 'a': /* a link by an absolute name, to the host's file or to the host's kernel */
		CHECK(symlink(victim, path) == 0);
		break;
	case 'p':
		CHECK(symlink("/proc/sys/kernel/core_pattern", path) == 0);
		break;
	case 'r': /* a relative one */
		CHECK(symlink("../../host/victim", path) == 0);
		break;
	case 'd':
		CHECK(mkdir(path, 0755) == 0);
		break;
	case 'f':
		CHECK(mknod(path, S_IFREG | 0666, 0) == 0);
		break;
	case 'n': /* a device, but another one: mem */
		CHECK(mknod(path, S_IFCHR | 0666, makedev(1, 1)) == 0);
		break;
	case 'q':
		CHECK(mkfifo(path, 0666) == 0);
		break;
	default:
		CHECK(!"a kind");
	}
}

static void inside_devices(void)
{
	CHECK(char_is("/dev/null", 1, 3));
	CHECK(char_is("/dev/zero", 1, 5));
	CHECK(char_is("/dev/urandom", 1, 9));
}

/*
 * A whole /dev that is not a folder, and single nodes without a tmpfs over /dev: either the right device, or an error.
 * Never the link.
 */
static void run_with_device(const char *name, char kind, bool dev_tmpfs, bool userns)
{
	struct jail jail = {.inside = inside_devices, .no_userns = !userns};
	struct err err = ERR_INIT;
	int r;

	hostile_open();
	if (strcmp(name, "low/dev") == 0)
		CHECK(rmdir(jail_path("low/dev")) == 0);
	plant(name, kind);
	jail.request = jail_layers();
	jail.request.user_namespace = jail.request.bind_devices = jail.request.idmap_lowers = userns;
	jail.request.mounts = proc_and_dev;
	jail.request.mount_count = dev_tmpfs ? 3 : 1;
	jail.request.default_devices = true;
	jail.request.masked_paths = masked;
	jail.request.masked_count = ARRAY_SIZE(masked);
	r = jail_run(&jail, &err);
	if (r < 0 && dev_tmpfs && strcmp(name, "low/dev") != 0) {
		printf("# %s as '%c'\n", name, kind);
		tap_fail(__FILE__, __LINE__, err.msg);
	}
	hostile_close();
}

static void test_a_hostile_dev(void)
{
	static const char *const names[] = {"low/dev", "low/dev/null", "low/dev/zero", "low/dev/pts", "low/dev/ptmx"};

	for (size_t n = 0; n < ARRAY_SIZE(names); n++)
		for (const char *kind = "aprdfnq"; *kind; kind++)
			for (int way = 0; way < 4; way++)
				run_with_device(names[n], *kind, way & 1, way & 2);
}

/* ----------------------------------------------------------------------------------------- a fake /proc, /sys */

static int run_with_mounts(const struct mount_request *mounts, size_t count, struct err *err)
{
	struct jail jail = {0};

	jail.request = jail_layers();
	jail.request.mounts = mounts;
	jail.request.mount_count = count;
	return jail_run(&jail, err);
}

static void test_proc_is_no_link(void)
{
	static const char *const targets[] = {"/tmp", "/etc", "../host", "/"};
	static const struct mount_request mount = {.destination = "/proc", .type = "proc"};

	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		struct err err = ERR_INIT;

		hostile_open();
		CHECK(rmdir(jail_path("low/proc")) == 0 && symlink(targets[i], jail_path("low/proc")) == 0);
		CHECK_INT(run_with_mounts(&mount, 1, &err), -ELOOP);
		hostile_close();
	}
}

static void test_proc_is_procfs(void)
{
	char source[PATH_MAX];
	struct mount_request mounts[] = {
		{.destination = "/proc", .type = "tmpfs"},
		{.destination = "/proc", .options = {.bind = true}},
		{.destination = "//proc/", .type = "tmpfs"},
		{.destination = "/etc/../proc", .type = "tmpfs"},
	};

	hostile_open();
	snprintf(source, sizeof(source), "%s", jail_path("host"));
	mounts[1].source = source;
	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++) {
		struct err err = ERR_INIT;

		CHECK_INT(run_with_mounts(&mounts[i], 1, &err), -EPERM);
		CHECK_HAS(err.msg, "'/proc of the container' is refused: its file system should be proc");
	}
	hostile_close();
}

static void test_nothing_covers_a_part_of_proc(void)
{
	static const char *const parts[] = {"/proc", "/proc/self", "/proc/sys", "/proc/sys/kernel", "/link"};
	char source[PATH_MAX];

	hostile_open();
	snprintf(source, sizeof(source), "%s", jail_path("host"));
	CHECK(symlink("/proc/sys", jail_path("low/link")) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		struct err err = ERR_INIT;
		struct mount_request mounts[] = {
			{.destination = "/proc", .type = "proc"},
			{.destination = parts[i], .source = source, .options = {.bind = true}},
		};

		CHECK(run_with_mounts(mounts, 2, &err) < 0);
	}
	snprintf(source, sizeof(source), "%s", victim);
	{
		struct err err = ERR_INIT;
		struct mount_request mounts[] = {
			{.destination = "/proc", .type = "proc"},
			{.destination = "/proc/uptime", .source = source, .options = {.bind = true}},
			{.destination = "/proc/cmdline", .source = source, .options = {.bind = true}},
		};

		CHECK_INT(run_with_mounts(mounts, 2, &err), 0);
		CHECK_INT(run_with_mounts(mounts, 3, &err), -EPERM);
	}
	hostile_close();
}

/* A mount over /proc that lies in wait: it comes after procfs, by a later request. */
static void test_proc_is_looked_at_last(void)
{
	struct err err = ERR_INIT;
	struct mount_request mounts[] = {
		{.destination = "/proc", .type = "proc"},
		{.destination = "/proc", .type = "proc"},
	};

	hostile_open();
	CHECK(run_with_mounts(mounts, 2, &err) < 0);
	hostile_close();
}

/* ------------------------------------------------------------------------------------------ masks and links */

static void inside_masked_links(void)
{
	struct stat info;

	CHECK(char_is("/proc/keys", 1, 3) || access("/proc/keys", F_OK) < 0);
	/* A masked path that is a link hides what it leads to, inside. */
	CHECK(stat("/etc/base", &info) == 0 && S_ISCHR(info.st_mode));
	CHECK(access("/etc/masked-dir/victim", F_OK) < 0);
}

static void test_masks_stay_inside(void)
{
	struct jail jail = {.inside = inside_masked_links};
	struct err err = ERR_INIT;

	hostile_open();
	CHECK(symlink("/etc/base", jail_path("low/etc/masked")) == 0);
	CHECK(symlink("../../../../../host", jail_path("low/etc/masked-dir")) == 0);
	jail_mkdir("low/host");
	jail_write("low/host/victim", "inside\n");
	jail.request = jail_layers();
	jail.request.mounts = proc_and_dev;
	jail.request.mount_count = ARRAY_SIZE(proc_and_dev);
	jail.request.masked_paths = masked;
	jail.request.masked_count = ARRAY_SIZE(masked);
	CHECK_INT(jail_run(&jail, &err), 0);
	hostile_close();
}

/* ------------------------------------------------------------------------------------ a target that is swapped */

#define SWAP_ROUNDS 2000

/* Swaps volume/x between a folder and a link out of the container until it is killed. */
static pid_t start_swapper(const char *volume)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (chdir(volume) < 0)
			_exit(1);
		for (;;)
			if (renameat2(AT_FDCWD, "x", AT_FDCWD, "link", RENAME_EXCHANGE) < 0)
				_exit(2);
	}
	return pid;
}

static bool host_is_untouched(const char *host)
{
	char path[PATH_MAX + 16];

	snprintf(path, sizeof(path), "%s/victim", host);
	if (access(path, F_OK) < 0)
		return false;
	snprintf(path, sizeof(path), "%s/deep", host);
	return access(path, F_OK) < 0;
}

/*
 * One process plays a container's child, round after round, in a mount namespace of its own: root attached, the volume
 * bound, then a tmpfs for /vol/x, as rootfs_assemble() does it. Whatever the swapper does, the tmpfs is in the volume
 * or nowhere.
 */
static void assemble_under_swaps(const char *volume, const char *host)
{
	struct mount_request mounts[] = {
		{.destination = "/mnt", .source = volume, .options = {.bind = true}},
		{.destination = "/mnt/x/deep", .type = "tmpfs"},
	};
	struct root_request request = {.path = jail_path("low"), .mounts = mounts, .mount_count = 2};
	struct root_sources sources = ROOT_SOURCES_INIT;
	CLEANUP_ROOT_HANDLE struct root_handle handle = ROOT_HANDLE_INIT;
	struct err err = ERR_INIT;
	int root_fd, status;
	pid_t child;

	CHECK(rootfs_open_sources(&request, &sources, &err) == 0);
	CHECK(rootfs_build(&request, &sources, -1, NULL, &root_fd, &err) == 0);
	child = proc_clone(&(struct proc_clone){.flags = CLONE_NEWNS, .cgroup_fd = -1});
	if (child == 0) {
		int r = rootfs_assemble(&request, &sources, NULL, root_fd, &handle, &err);

		/* The host's folder, seen by the child through its own copy of the host's tree. */
		_exit(!host_is_untouched(host) ? 50 : r < 0);
	}
	CHECK(proc_wait(child, &status) == 0);
	CHECK(proc_exit_code(status) <= 1);
	close(root_fd);
	root_sources_close(&sources);
}

static void test_a_target_that_is_swapped(void)
{
	char volume[PATH_MAX], host[PATH_MAX];
	pid_t swapper;
	int status;

	hostile_open();
	jail_mkdir("volume");
	jail_mkdir("volume/x");
	snprintf(volume, sizeof(volume), "%s", jail_path("volume"));
	snprintf(host, sizeof(host), "%s", jail_path("host"));
	CHECK(symlink(host, jail_path("volume/link")) == 0);
	swapper = start_swapper(volume);
	for (int i = 0; i < SWAP_ROUNDS && tap_failures == 0; i++)
		assemble_under_swaps(volume, host);
	CHECK(host_is_untouched(host));
	CHECK(waitpid(swapper, &status, WNOHANG) == 0);
	kill(swapper, SIGKILL);
	waitpid(swapper, &status, 0);
	hostile_close();
}

/* A missing target in a root that cannot be written to is one clear line. */
static void test_a_missing_target_in_a_read_only_root(void)
{
	struct err err = ERR_INIT;
	struct mount_request mount = {.destination = "/not/there", .type = "tmpfs"};
	struct jail jail = {0};

	hostile_open();
	jail.request = jail_layers();
	jail.request.upper = jail.request.work = NULL;
	jail.request.mounts = &mount;
	jail.request.mount_count = 1;
	CHECK_INT(jail_run(&jail, &err), -EROFS);
	CHECK_HAS(err.msg, "/not/there");
	CHECK_HAS(err.msg, "read-only");
	hostile_close();
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_a_hostile_dev), TAP_CASE(test_proc_is_no_link), TAP_CASE(test_proc_is_procfs),
		       TAP_CASE(test_nothing_covers_a_part_of_proc), TAP_CASE(test_proc_is_looked_at_last),
		       TAP_CASE(test_masks_stay_inside), TAP_CASE(test_a_target_that_is_swapped),
		       TAP_CASE(test_a_missing_target_in_a_read_only_root));
}
