/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is mounted into a root from the host: binds and their options, volumes with mapped ids, the host's /sys,
 * cgroups. Needs root.
 */
#include "tests/unit/namespaces/jail.h"

#include <linux/magic.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#include "runtime/base/path.h"

#define BIND(...) .options = {.bind = true, __VA_ARGS__}

static char host_dir[PATH_MAX], host_file[PATH_MAX];

/*
 * A folder of the host's with a file, a link, and a tmpfs mounted below it, all in a mount namespace of the test's own.
 */
static void mounts_open(void)
{
	jail_open();
	jail_mkdir("host");
	jail_mkdir("host/sub");
	jail_write("host/file", "host\n");
	CHECK(symlink("file", jail_path("host/link")) == 0);
	CHECK(chown(jail_path("host/file"), 5, 5) == 0);
	snprintf(host_dir, sizeof(host_dir), "%s", jail_path("host"));
	snprintf(host_file, sizeof(host_file), "%s", jail_path("host/file"));
	CHECK(mount("tmpfs", jail_path("host/sub"), "tmpfs", MS_NOSUID | MS_NODEV, NULL) == 0);
}

static void mounts_close(void)
{
	CHECK(umount2(jail_path("host/sub"), MNT_DETACH) == 0);
	jail_close();
}

static int run_with(struct jail *jail, const struct mount_request *mounts, size_t count, struct err *err)
{
	jail->request = jail_layers();
	if (jail->no_userns)
		jail->request.user_namespace = jail->request.bind_devices = jail->request.idmap_lowers = false;
	jail->request.mounts = mounts;
	jail->request.mount_count = count;
	return jail_run(jail, err);
}

static void run_ok(struct jail *jail, const struct mount_request *mounts, size_t count)
{
	struct err err = ERR_INIT;

	if (run_with(jail, mounts, count, &err) < 0)
		tap_fail(__FILE__, __LINE__, err.msg);
}

static unsigned long flags_of(const char *path)
{
	struct statvfs fs;

	return statvfs(path, &fs) == 0 ? fs.f_flag : ~0ul;
}

static bool owner_is(const char *path, uid_t uid)
{
	struct stat info;

	return lstat(path, &info) == 0 && info.st_uid == uid;
}

static bool can_write(const char *path)
{
	CLEANUP_FD int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	return fd >= 0;
}

/* ---------------------------------------------------------------------------------------------- attributes */

static void inside_attributes(void)
{
	struct stat info;

	CHECK(flags_of("/one") & ST_RDONLY);
	CHECK(!(flags_of("/one/sub") & ST_RDONLY));
	CHECK(flags_of("/tree") & ST_RDONLY);
	CHECK(flags_of("/tree/sub") & ST_RDONLY);
	/* What the host's mount forbids stays forbidden. */
	CHECK((flags_of("/tree/sub") & (ST_NOSUID | ST_NODEV)) == (ST_NOSUID | ST_NODEV));
	CHECK((flags_of("/plain") & (ST_RDONLY | ST_NOEXEC)) == 0);
	CHECK(flags_of("/noexec") & ST_NOEXEC);
	CHECK(flags_of("/noexec") & ST_NOATIME);
	/* Without rbind, what is mounted below does not come along. */
	CHECK(!(flags_of("/plain/sub") & ST_NODEV));
	CHECK(lstat("/single/name", &info) == 0 && S_ISREG(info.st_mode));
	CHECK(lstat("/alink", &info) == 0 && S_ISLNK(info.st_mode));
}

static void test_bind_attributes(void)
{
	char link[PATH_MAX];
	const struct mount_request mounts[] = {
		{.destination = "/one", .source = host_dir, BIND(.bind_tree = true, .one.set = MOUNT_ATTR_RDONLY)},
		{.destination = "/tree", .source = host_dir, BIND(.bind_tree = true, .tree.set = MOUNT_ATTR_RDONLY)},
		{.destination = "/plain", .source = host_dir, BIND(.one.clear = MOUNT_ATTR_RDONLY)},
		{.destination = "/noexec", .source = host_dir, BIND(.one.set = MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOATIME)},
		{.destination = "/single/name", .source = host_file, BIND(.one.set = MOUNT_ATTR_RDONLY)},
		{.destination = "/alink", .source = link, BIND(.source_nofollow = true)},
	};
	struct jail jail = {.inside = inside_attributes};

	mounts_open();
	snprintf(link, sizeof(link), "%s", jail_path("host/link"));
	run_ok(&jail, mounts, ARRAY_SIZE(mounts));
	jail.no_userns = true;
	run_ok(&jail, mounts, ARRAY_SIZE(mounts));
	mounts_close();
}

static void inside_remount(void)
{
	CHECK(flags_of("/mnt") & ST_RDONLY);
	CHECK(flags_of("/mnt") & ST_NOSUID);
	CHECK((flags_of("/mnt/sub") & (ST_RDONLY | ST_NOSUID | ST_NODEV)) == (ST_RDONLY | ST_NOSUID | ST_NODEV));
}

/* Inside a user namespace a remount may only add: the locked flags of the source are not touched. */
static void test_remounts(void)
{
	const struct mount_request mounts[] = {
		{.destination = "/mnt", .source = host_dir, BIND(.bind_tree = true, .one.set = MOUNT_ATTR_NOSUID)},
		{.destination = "/mnt", BIND(.remount = true, .tree.set = MOUNT_ATTR_RDONLY)},
	};
	struct jail jail = {.inside = inside_remount};

	mounts_open();
	run_ok(&jail, mounts, ARRAY_SIZE(mounts));
	mounts_close();
}

/* --------------------------------------------------------------------------------------------- mapped ids */

static void inside_volume(void)
{
	CHECK(owner_is("/data/file", 5));
	CHECK(can_write("/data/made"));
	CHECK(owner_is("/data/made", 0));
	CHECK(owner_is("/own/file", 1005));
	CHECK(owner_is("/plain/file", 65534));
	CHECK(!can_write("/plain/denied"));
}

static void test_volumes_are_mapped(void)
{
	static const struct idmap_range range = {0, JAIL_BASE + 1000, 65536 - 1000};
	static const struct idmap own = {&range, &range, 1, 1};
	const struct mount_request mounts[] = {
		{.destination = "/data", .source = host_dir, .idmap_container = true, BIND(.bind_tree = false)},
		{.destination = "/own", .source = host_dir, .idmap = &own, BIND(.bind_tree = false)},
		{.destination = "/plain", .source = host_dir, BIND(.bind_tree = false)},
	};
	struct jail jail = {.inside = inside_volume};

	mounts_open();
	CHECK(chmod(host_dir, 0755) == 0);
	run_ok(&jail, mounts, ARRAY_SIZE(mounts));
	CHECK(owner_is(jail_path("host/made"), 0));
	mounts_close();
}

static void test_what_cannot_be_mapped_is_refused(void)
{
	const struct mount_request mount = {.destination = "/p",
					    .source = "/proc",
					    .idmap_container = true,
					    BIND(.bind_tree = false)};
	struct jail jail = {0}, plain = {.no_userns = true};
	struct err err = ERR_INIT;

	mounts_open();
	CHECK_INT(run_with(&jail, &mount, 1, &err), -EOPNOTSUPP);
	CHECK_HAS(err.msg, "/proc");
	CHECK_INT(jail.failing_side, 1);
	CHECK_INT(run_with(&plain, &mount, 1, &err), -EINVAL);
	mounts_close();
}

/* --------------------------------------------------------------------------------------------- propagation */

static bool mountinfo_says(const char *point, const char *words)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	char line[2048], at[PATH_MAX + 8];
	bool says = false;

	snprintf(at, sizeof(at), " %.1000s ", point);
	while (file && fgets(line, sizeof(line), file))
		if (strstr(line, at))
			says = strstr(line, words);
	if (file)
		fclose(file);
	return says;
}

static void inside_propagation(void)
{
	CHECK(mountinfo_says("/default", "master:"));
	CHECK(!mountinfo_says("/default", "shared:"));
	CHECK(!mountinfo_says("/private", "master:") && !mountinfo_says("/private", "shared:"));
	CHECK(mountinfo_says("/shared", "shared:") && mountinfo_says("/shared", "master:"));
	CHECK(mount("tmpfs", "/shared", "tmpfs", 0, NULL) == 0);
	CHECK(mount("tmpfs", "/default", "tmpfs", 0, NULL) == 0);
}

/* Mounts that the container makes never come up on the host, even where the host's mount is shared. */
static void test_propagation(void)
{
	const struct mount_request mounts[] = {
		{.destination = "/proc", .type = "proc"},
		{.destination = "/default", .source = host_dir, BIND(.bind_tree = true)},
		{.destination = "/private",
		 .source = host_dir,
		 BIND(.bind_tree = true, .propagation = MS_PRIVATE | MS_REC)},
		{.destination = "/shared", .source = host_dir, BIND(.propagation = MS_SHARED)},
	};
	struct jail jail = {.inside = inside_propagation};

	mounts_open();
	CHECK(mount(host_dir, host_dir, NULL, MS_BIND, NULL) == 0);
	CHECK(mount(NULL, host_dir, NULL, MS_SHARED, NULL) == 0);
	for (int way = 0; way < 2; way++) {
		jail.no_userns = way;
		run_ok(&jail, mounts, ARRAY_SIZE(mounts));
		CHECK(access(host_file, F_OK) == 0);
	}
	CHECK(umount2(host_dir, MNT_DETACH) == 0);
	mounts_close();
}

static void inside_shared_with_the_host(void)
{
	CHECK(mount("tmpfs", "/data", "tmpfs", 0, NULL) == 0);
}

/* Only rootfsPropagation "rshared" without a user namespace lets them. */
static void test_sharing_with_the_host(void)
{
	const struct mount_request mount_it = {.destination = "/data",
					       .source = host_dir,
					       BIND(.propagation = MS_SHARED)};
	struct err err = ERR_INIT;

	mounts_open();
	CHECK(mount(host_dir, host_dir, NULL, MS_BIND, NULL) == 0);
	CHECK(mount(NULL, host_dir, NULL, MS_SHARED, NULL) == 0);
	for (int userns = 0; userns < 2; userns++) {
		struct jail jail = {.inside = inside_shared_with_the_host, .no_userns = !userns};

		jail.request = jail_layers();
		jail.request.user_namespace = jail.request.bind_devices = jail.request.idmap_lowers = userns;
		jail.request.mounts = &mount_it;
		jail.request.mount_count = 1;
		jail.request.propagation = MS_SHARED | MS_REC;
		if (jail_run(&jail, &err) < 0)
			tap_fail(__FILE__, __LINE__, err.msg);
		CHECK_INT(access(host_file, F_OK), userns ? 0 : -1);
		if (!userns)
			CHECK(umount2(host_dir, MNT_DETACH) == 0);
	}
	CHECK(umount2(host_dir, MNT_DETACH) == 0);
	mounts_close();
}

/* ----------------------------------------------------------------------------- the host's namespaces, cgroups */

static void inside_host_views(void)
{
	struct statfs fs;

	CHECK(statfs("/sys", &fs) == 0 && fs.f_type == SYSFS_MAGIC);
	CHECK(flags_of("/sys") & ST_RDONLY);
	CHECK(statfs("/proc", &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC);
	CHECK(access("/proc/1/comm", F_OK) == 0);
	CHECK(statfs("/dev/mqueue", &fs) == 0);
	CHECK(!can_write("/sys/kernel/x"));
	CHECK(!can_write("/proc/sys/kernel/hostname"));
}

static void test_the_hosts_own_views(void)
{
	static const char *const sealed[] = {"/proc/sys", "/proc/sysrq-trigger"};
	static const char *const hidden[] = {"/proc/keys", "/sys/firmware"};
	const struct mount_request mounts[] = {
		{.destination = "/proc", .source = "/proc", BIND(.bind_tree = true)},
		{.destination = "/sys", .source = "/sys", BIND(.bind_tree = true, .tree.set = MOUNT_ATTR_RDONLY)},
		{.destination = "/dev", .type = "tmpfs"},
		{.destination = "/dev/mqueue", .source = "/dev", BIND(.bind_tree = true)},
	};
	struct jail jail = {.inside = inside_host_views};
	struct err err = ERR_INIT;

	mounts_open();
	jail.request = jail_layers();
	jail.request.mounts = mounts;
	jail.request.mount_count = ARRAY_SIZE(mounts);
	jail.request.readonly_paths = sealed;
	jail.request.readonly_count = ARRAY_SIZE(sealed);
	jail.request.masked_paths = hidden;
	jail.request.masked_count = ARRAY_SIZE(hidden);
	if (jail_run(&jail, &err) < 0)
		tap_fail(__FILE__, __LINE__, err.msg);
	mounts_close();
}

static void inside_cgroups(void)
{
	struct statfs fs;

	CHECK(statfs("/sys/fs/cgroup", &fs) == 0 && fs.f_type == TMPFS_MAGIC);
	CHECK(flags_of("/sys/fs/cgroup") & ST_RDONLY);
	CHECK(statfs("/sys/fs/cgroup/memory", &fs) == 0 && fs.f_type == CGROUP_SUPER_MAGIC);
	CHECK(flags_of("/sys/fs/cgroup/memory") & ST_RDONLY);
	CHECK(statfs("/sys/fs/cgroup/unified", &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC);
	CHECK(statfs("/sys/fs/cgroup/mem", &fs) == 0 && fs.f_type == CGROUP_SUPER_MAGIC);
	CHECK(access("/sys/fs/cgroup/bound/cgroup.procs", F_OK) == 0);
	CHECK(!can_write("/sys/fs/cgroup/bound/cgroup.procs"));
	CHECK(!can_write("/sys/fs/cgroup/new"));
}

static void test_cgroups_of_a_hybrid_host(void)
{
	static const struct cgroup_view views[] = {
		{.folder = "memory", .type = "cgroup", .data = "memory"},
		{.folder = "unified", .type = "cgroup2"},
		{.folder = "mem", .link = "memory"},
		{.folder = "bound", .bind = "/sys/fs/cgroup/pids"},
	};
	const struct mount_request mounts[] = {
		{.destination = "/sys", .type = "sysfs"},
		{.destination = "/sys/fs/cgroup",
		 .type = "cgroup",
		 .options = {.one.set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_RDONLY}},
	};

	for (int userns = 0; userns < 2; userns++) {
		struct jail jail = {.inside = inside_cgroups, .no_userns = !userns, .extra_flags = CLONE_NEWCGROUP};
		struct err err = ERR_INIT;

		mounts_open();
		jail.request = jail_layers();
		jail.request.user_namespace = jail.request.bind_devices = jail.request.idmap_lowers = userns;
		jail.request.mounts = mounts;
		jail.request.mount_count = ARRAY_SIZE(mounts);
		jail.request.cgroups = views;
		jail.request.cgroup_count = ARRAY_SIZE(views);
		if (jail_run(&jail, &err) < 0)
			tap_fail(__FILE__, __LINE__, err.msg);
		mounts_close();
	}
}

static void inside_unified(void)
{
	struct statfs fs;

	CHECK(statfs("/sys/fs/cgroup", &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC);
	CHECK(flags_of("/sys/fs/cgroup") & ST_RDONLY);
}

static void test_cgroups_of_a_unified_host(void)
{
	static const struct cgroup_view ways[] = {{.folder = "", .type = "cgroup2"},
						  {.folder = "", .bind = "/sys/fs/cgroup/unified"}};
	const struct mount_request mounts[] = {
		{.destination = "/sys", .type = "sysfs"},
		{.destination = "/sys/fs/cgroup", .type = "cgroup", .options = {.one.set = MOUNT_ATTR_RDONLY}},
	};

	mounts_open();
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		struct jail jail = {.inside = inside_unified, .extra_flags = CLONE_NEWCGROUP};
		struct err err = ERR_INIT;

		jail.request = jail_layers();
		jail.request.mounts = mounts;
		jail.request.mount_count = ARRAY_SIZE(mounts);
		jail.request.cgroups = &ways[i];
		jail.request.cgroup_count = 1;
		if (jail_run(&jail, &err) < 0)
			tap_fail(__FILE__, __LINE__, err.msg);
	}
	mounts_close();
}

/* ------------------------------------------------------------------------------------------------- devices */

static void inside_devices(void)
{
	struct stat info;

	CHECK(stat("/dev/loop-like", &info) == 0 && S_ISCHR(info.st_mode) && info.st_rdev == makedev(1, 5));
	CHECK(stat("/dev/sub/fifo", &info) == 0 && S_ISFIFO(info.st_mode) && (info.st_mode & 07777) == 0640);
	CHECK(info.st_uid == 3 && info.st_gid == 4);
}

static void test_more_devices(void)
{
	static const struct device_request devices[] = {
		{.path = "/dev/loop-like", .host_path = "/dev/zero", .type = 'c', .major = 1, .minor = 5, .mode = 0600},
		{.path = "/dev/sub/fifo", .type = 'p', .mode = 0640, .uid = 3, .gid = 4},
	};
	static const struct device_request wrong = {.path = "/dev/x",
						    .host_path = "/dev/zero",
						    .type = 'c',
						    .major = 1,
						    .minor = 3};
	const struct mount_request mount_dev = {.destination = "/dev", .type = "tmpfs"};

	mounts_open();
	for (int userns = 0; userns < 2; userns++) {
		struct jail jail = {.inside = inside_devices, .no_userns = !userns};
		struct err err = ERR_INIT;

		jail.request = jail_layers();
		jail.request.user_namespace = jail.request.bind_devices = jail.request.idmap_lowers = userns;
		jail.request.mounts = &mount_dev;
		jail.request.mount_count = 1;
		jail.request.devices = devices;
		jail.request.device_count = ARRAY_SIZE(devices);
		if (jail_run(&jail, &err) < 0)
			tap_fail(__FILE__, __LINE__, err.msg);
		jail.request.devices = &wrong;
		jail.request.device_count = 1;
		if (userns)
			CHECK_INT(jail_run(&jail, &err), -ENODEV);
	}
	mounts_close();
}

static void inside_dev_of_host(void)
{
	struct stat info;

	CHECK(stat("/dev/null", &info) == 0 && info.st_rdev == makedev(1, 7));
}

/* With a folder of the host's as /dev nothing is made in it, and nothing there is replaced. */
static void test_a_dev_of_the_hosts(void)
{
	static const struct device_request more = {.path = "/dev/more",
						   .type = 'c',
						   .major = 1,
						   .minor = 5,
						   .mode = 0666};
	const struct mount_request mount_dev = {.destination = "/dev/", .source = host_dir, BIND(.bind_tree = true)};
	struct jail jail = {.inside = inside_dev_of_host, .no_userns = true};
	struct err err = ERR_INIT;

	mounts_open();
	CHECK(mknod(jail_path("host/null"), S_IFCHR | 0600, makedev(1, 7)) == 0);
	jail.request = jail_layers();
	jail.request.user_namespace = jail.request.bind_devices = jail.request.idmap_lowers = false;
	jail.request.mounts = &mount_dev;
	jail.request.mount_count = 1;
	jail.request.default_devices = true;
	jail.request.devices = &more;
	jail.request.device_count = 1;
	if (jail_run(&jail, &err) < 0)
		tap_fail(__FILE__, __LINE__, err.msg);
	CHECK(access(jail_path("host/zero"), F_OK) < 0);
	CHECK(access(jail_path("host/more"), F_OK) < 0);
	CHECK(access(jail_path("host/fd"), F_OK) < 0);
	mounts_close();
}

/* The mounts of these tests stay out of the host's own mount namespace. */
int main(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return 1;
	return TAP_RUN(TAP_CASE(test_bind_attributes), TAP_CASE(test_remounts), TAP_CASE(test_volumes_are_mapped),
		       TAP_CASE(test_what_cannot_be_mapped_is_refused), TAP_CASE(test_propagation),
		       TAP_CASE(test_sharing_with_the_host), TAP_CASE(test_the_hosts_own_views),
		       TAP_CASE(test_cgroups_of_a_hybrid_host), TAP_CASE(test_cgroups_of_a_unified_host),
		       TAP_CASE(test_more_devices), TAP_CASE(test_a_dev_of_the_hosts));
}
