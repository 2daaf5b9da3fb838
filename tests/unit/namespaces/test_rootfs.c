/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Roots as a container sees them: owners, writability, mounts, masks, the way back. Needs root. */
#include "tests/unit/namespaces/jail.h"

#include <linux/magic.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#include "runtime/base/fd.h"
#include "runtime/base/path.h"

#define OPTIONS(...) .options = {__VA_ARGS__}

static const struct mount_request usual_mounts[] = {
	{.destination = "/proc", .type = "proc", .source = "proc"},
	{.destination = "/dev",
	 .type = "tmpfs",
	 .source = "tmpfs",
	 OPTIONS(.one = {.set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_STRICTATIME}, .data = "mode=755,size=65536k")},
	{.destination = "/dev/pts",
	 .type = "devpts",
	 .source = "devpts",
	 OPTIONS(.one = {.set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC},
		 .data = "newinstance,ptmxmode=0666,mode=0620,gid=5")},
	{.destination = "/dev/shm",
	 .type = "tmpfs",
	 .source = "shm",
	 OPTIONS(.one = {.set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODEV},
		 .data = "mode=1777,size=65536k")},
	{.destination = "/dev/mqueue",
	 .type = "mqueue",
	 .source = "mqueue",
	 OPTIONS(.one = {.set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODEV})},
	{.destination = "/sys",
	 .type = "sysfs",
	 .source = "sysfs",
	 OPTIONS(.one = {.set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODEV | MOUNT_ATTR_RDONLY})},
};

static const char *const masked[] = {"/proc/acpi",    "/proc/asound",	  "/proc/kcore",
				     "/proc/keys",    "/proc/timer_list", "/proc/scsi",
				     "/sys/firmware", "/proc/no-such",	  "/sys/devices/virtual/powercap"};
static const char *const read_only[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};

static struct root_request usual_request(void)
{
	struct root_request request = jail_layers();

	request.mounts = usual_mounts;
	request.mount_count = ARRAY_SIZE(usual_mounts);
	request.default_devices = true;
	request.masked_paths = masked;
	request.masked_count = ARRAY_SIZE(masked);
	request.readonly_paths = read_only;
	request.readonly_count = ARRAY_SIZE(read_only);
	return request;
}

static void run_ok(struct jail *jail)
{
	struct err err = ERR_INIT;

	if (jail_run(jail, &err) < 0)
		tap_fail(__FILE__, __LINE__, err.msg);
}

static bool owner_is(const char *path, uid_t uid, gid_t gid)
{
	struct stat info;

	return lstat(path, &info) == 0 && info.st_uid == uid && info.st_gid == gid;
}

static bool can_write(const char *path)
{
	CLEANUP_FD int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	return fd >= 0;
}

static bool fs_is(const char *path, uint64_t magic)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && (uint64_t)fs.f_type == magic;
}

static bool char_is(const char *path, unsigned major, unsigned minor)
{
	struct stat info;

	return stat(path, &info) == 0 && S_ISCHR(info.st_mode) && info.st_rdev == makedev(major, minor);
}

static bool read_only_mount(const char *path)
{
	struct statvfs fs;

	return statvfs(path, &fs) == 0 && fs.f_flag & ST_RDONLY;
}

static bool mountinfo_has(const char *words)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	char line[2048];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file))
		found = strstr(line, words);
	if (file)
		fclose(file);
	return found;
}

static char *first_line(const char *path)
{
	static char line[256];
	FILE *file = fopen(path, "re");

	line[0] = '\0';
	if (file && !fgets(line, sizeof(line), file))
		line[0] = '\0';
	if (file)
		fclose(file);
	return line;
}

/* ---------------------------------------------------------------------------------------- the layered root */

static void inside_layers(void)
{
	CHECK_STR(first_line("/etc/base"), "top\n");
	CHECK(owner_is("/etc/owned", 5, 6));
	CHECK(owner_is("/bin/busybox", 0, 0));
	CHECK(can_write("/new"));
	CHECK(owner_is("/new", 0, 0));
	CHECK(chown("/etc/base", 7, 8) == 0);
	CHECK(owner_is("/etc/base", 7, 8));
	CHECK(can_write("/etc/base"));
	CHECK(unlink("/etc/owned") == 0);
	CHECK(mkdir("/newdir", 0755) == 0);
	CHECK(rename("/newdir", "/newdir2") == 0);
}

static bool host_owner_is(const char *name, uid_t uid)
{
	return owner_is(jail_path(name), uid, uid);
}

static int mount_count(void)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	int c, lines = 0;

	while (file && (c = fgetc(file)) != EOF)
		lines += c == '\n';
	if (file)
		fclose(file);
	return lines;
}

static void check_layers(void)
{
	struct jail jail = {.inside = inside_layers};
	int before = mount_count();

	jail_open();
	jail.request = usual_request();
	run_ok(&jail);
	CHECK(host_owner_is("up/new", JAIL_BASE));
	CHECK(host_owner_is("up/etc/base", JAIL_BASE + 7) ||
	      owner_is(jail_path("up/etc/base"), JAIL_BASE + 7, JAIL_BASE + 8));
	CHECK(owner_is(jail_path("top/etc/owned"), 5, 6));
	CHECK(owner_is(jail_path("top/etc/base"), 0, 0));
	CHECK_INT(mount_count(), before);
	jail_close();
}

static void test_layers_are_mapped_and_the_upper_is_writable(void)
{
	check_layers();
}

static void inside_single(void)
{
	CHECK(owner_is("/bin/busybox", 0, 0));
	CHECK(!can_write("/new"));
	CHECK_INT(errno, EROFS);
}

static void test_one_layer_without_upper_is_read_only(void)
{
	struct jail jail = {.inside = inside_single};

	jail_open();
	jail.request = jail_layers();
	jail.request.lowers++;
	jail.request.lower_count = 1;
	jail.request.upper = jail.request.work = NULL;
	run_ok(&jail);
	jail_close();
}

static void inside_volatile(void)
{
	CHECK(can_write("/new"));
	CHECK(mountinfo_has("volatile"));
}

static void test_a_volatile_upper(void)
{
	struct jail jail = {.inside = inside_volatile};

	jail_open();
	jail.request = usual_request();
	jail.request.volatile_upper = true;
	run_ok(&jail);
	jail_close();
}

static void inside_plain_directory(void)
{
	CHECK(can_write("/new"));
	CHECK(owner_is("/new", 0, 0));
	CHECK(char_is("/dev/null", 1, 3));
	CHECK(mknod("/dev/extra", S_IFCHR | 0600, makedev(1, 7)) == 0);
}

static void test_a_directory_without_user_namespace(void)
{
	struct jail jail = {.inside = inside_plain_directory, .no_userns = true};
	char path[PATH_MAX];

	jail_open();
	snprintf(path, sizeof(path), "%s", jail_path("low"));
	jail.request = usual_request();
	jail.request.path = path;
	jail.request.lowers = NULL;
	jail.request.lower_count = 0;
	jail.request.upper = jail.request.work = NULL;
	jail.request.user_namespace = jail.request.bind_devices = jail.request.idmap_lowers = false;
	run_ok(&jail);
	CHECK(owner_is(jail_path("low/new"), 0, 0));
	jail_close();
}

/* ------------------------------------------------------------------------------------- what is mounted inside */

static void inside_usual(void)
{
	static const struct {
		const char *path;
		unsigned major, minor;
	} nodes[] = {{"/dev/null", 1, 3},   {"/dev/zero", 1, 5},    {"/dev/full", 1, 7},
		     {"/dev/random", 1, 8}, {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0}};
	char target[64] = "";
	int fd;

	CHECK(fs_is("/proc", PROC_SUPER_MAGIC));
	CHECK(fs_is("/sys", SYSFS_MAGIC));
	CHECK(fs_is("/dev", TMPFS_MAGIC));
	CHECK(fs_is("/dev/pts", DEVPTS_SUPER_MAGIC));
	CHECK(fs_is("/dev/shm", TMPFS_MAGIC));
	CHECK(fs_is("/dev/mqueue", 0x19800202));
	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++)
		CHECK(char_is(nodes[i].path, nodes[i].major, nodes[i].minor));
	CHECK(can_write("/dev/null"));
	CHECK(can_write("/dev/shm/file"));
	CHECK(can_write("/dev/file"));
	CHECK(readlink("/dev/ptmx", target, sizeof(target) - 1) > 0);
	CHECK_STR(target, "pts/ptmx");
	fd = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	CHECK(fd >= 0);
	close(fd);
	CHECK(access("/dev/fd/1", F_OK) == 0);
	CHECK(!can_write("/sys/kernel/x"));
}

static void inside_masks(void)
{
	struct stat info;

	CHECK(char_is("/proc/kcore", 1, 3) || access("/proc/kcore", F_OK) < 0);
	CHECK(char_is("/proc/keys", 1, 3));
	CHECK(char_is("/proc/timer_list", 1, 3) || access("/proc/timer_list", F_OK) < 0);
	CHECK(stat("/sys/firmware", &info) < 0 || (info.st_nlink == 2 && fs_is("/sys/firmware", TMPFS_MAGIC)));
	CHECK(!can_write("/sys/firmware/x"));
	CHECK(read_only_mount("/proc/sys"));
	CHECK(open("/proc/sys/kernel/hostname", O_WRONLY | O_CLOEXEC) < 0);
	CHECK(open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC) < 0);
}

static void inside_everything(void)
{
	inside_usual();
	inside_masks();
}

static void test_the_usual_mounts_devices_and_masks(void)
{
	struct jail jail = {.inside = inside_everything};

	jail_open();
	jail.request = usual_request();
	run_ok(&jail);
	jail_close();
}

static void test_the_same_prepared_beforehand(void)
{
	struct jail jail = {.inside = inside_everything, .prepare = true};

	jail_open();
	jail.request = usual_request();
	run_ok(&jail);
	jail_close();
}

static void test_the_same_with_nodes_that_are_made(void)
{
	struct jail jail = {.inside = inside_everything, .no_userns = true};

	jail_open();
	jail.request = usual_request();
	jail.request.user_namespace = jail.request.bind_devices = jail.request.idmap_lowers = false;
	run_ok(&jail);
	jail_close();
}

static void inside_read_only(void)
{
	CHECK(!can_write("/new"));
	CHECK_INT(errno, EROFS);
	CHECK(can_write("/dev/shm/x"));
	CHECK(!can_write("/run/x"));
	CHECK(fs_is("/run/lower", TMPFS_MAGIC));
}

static void test_a_read_only_root_and_tmpfs(void)
{
	struct mount_request mounts[ARRAY_SIZE(usual_mounts) + 2];
	struct jail jail = {.inside = inside_read_only};

	memcpy(mounts, usual_mounts, sizeof(usual_mounts));
	mounts[ARRAY_SIZE(usual_mounts)] = (struct mount_request){.destination = "/run",
								  .type = "tmpfs",
								  OPTIONS(.one = {.set = MOUNT_ATTR_RDONLY})};
	mounts[ARRAY_SIZE(usual_mounts) + 1] = (struct mount_request){.destination = "/run/lower", .type = "tmpfs"};
	jail_open();
	jail.request = usual_request();
	jail.request.mounts = mounts;
	jail.request.mount_count = ARRAY_SIZE(mounts);
	jail.request.readonly = true;
	run_ok(&jail);
	jail_close();
}

static void inside_copy_up(void)
{
	char target[32] = "";

	CHECK(fs_is("/etc", TMPFS_MAGIC));
	CHECK_STR(first_line("/etc/base"), "top\n");
	CHECK(owner_is("/etc/owned", 5, 6));
	CHECK(can_write("/etc/new"));
	CHECK_STR(first_line("/etc/sub/file"), "deep\n");
	CHECK(readlink("/etc/link", target, sizeof(target) - 1) > 0);
	CHECK_STR(target, "/root/x");
}

static void test_a_tmpfs_that_starts_with_a_copy(void)
{
	struct mount_request mount = {.destination = "/etc", .type = "tmpfs", OPTIONS(.copy_up = true)};
	struct jail jail = {.inside = inside_copy_up};

	jail_open();
	jail_mkdir("low/etc/sub");
	jail_write("low/etc/sub/file", "deep\n");
	CHECK(symlink("/root/x", jail_path("low/etc/link")) == 0);
	jail.request = jail_layers();
	jail.request.mounts = &mount;
	jail.request.mount_count = 1;
	run_ok(&jail);
	CHECK(access(jail_path("up/etc/new"), F_OK) < 0);
	jail_close();
}

/* ------------------------------------------------------------------------------------------- the way back */

static char host_secret[PATH_MAX];

static void inside_no_way_back(void)
{
	CHECK(!mountinfo_has(" / / rw,relatime - ext4"));
	CHECK(access(host_secret, F_OK) < 0);
	for (int i = 0; i < 100; i++)
		CHECK(chdir("..") == 0);
	CHECK(access(host_secret + 1, F_OK) < 0);
	CHECK(mkdir("/hole", 0755) == 0 && chroot("/hole") == 0);
	for (int i = 0; i < 100; i++)
		CHECK(chdir("..") == 0);
	CHECK(access(host_secret + 1, F_OK) < 0);
	CHECK(access("bin/busybox", F_OK) == 0);
	/* The old root is gone from under the new one. */
	CHECK(umount2("/", MNT_DETACH) < 0 || access(host_secret, F_OK) < 0);
	for (int i = 3; i < 64; i++)
		CHECK(fcntl(i, F_GETFD) < 0 || fcntl(i, F_GETFD) == FD_CLOEXEC);
}

static void test_there_is_no_way_back(void)
{
	struct jail jail = {.inside = inside_no_way_back};

	jail_open();
	jail_write("secret", "host\n");
	snprintf(host_secret, sizeof(host_secret), "%s", jail_path("secret"));
	jail.request = usual_request();
	run_ok(&jail);
	jail_close();
}

static void inside_covered(void)
{
	CHECK(access(host_secret, F_OK) < 0);
	CHECK_STR(first_line("/etc/base"), "top\n");
	for (int i = 0; i < 100; i++)
		CHECK(chdir("..") == 0);
	CHECK(access(host_secret + 1, F_OK) < 0);
	CHECK(access("bin/busybox", F_OK) == 0);
}

static void test_a_root_without_pivot(void)
{
	struct jail jail = {.inside = inside_covered, .cover = true};

	jail_open();
	jail_write("secret", "host\n");
	snprintf(host_secret, sizeof(host_secret), "%s", jail_path("secret"));
	jail.request = usual_request();
	run_ok(&jail);
	jail_close();
}

static void inside_no_devices_of_the_image(void)
{
	CHECK(char_is("/etc/mem", 1, 3));
	CHECK(open("/etc/mem", O_RDWR | O_CLOEXEC) < 0);
	CHECK_INT(errno, EACCES);
	CHECK(open("/dev/null", O_RDWR | O_CLOEXEC) >= 0);
}

static void test_device_nodes_of_an_image_do_nothing(void)
{
	struct jail jail = {.inside = inside_no_devices_of_the_image};

	jail_open();
	CHECK(mknod(jail_path("low/etc/mem"), S_IFCHR | 0666, makedev(1, 3)) == 0);
	CHECK(chmod(jail_path("low/etc/mem"), 0666) == 0);
	jail.request = usual_request();
	run_ok(&jail);
	jail_close();
}

int main(void)
{
	/* What the tests were started with is not what the descriptor check is about. */
	CHECK(fd_cloexec_from(3, NULL) == 0);
	return TAP_RUN(TAP_CASE(test_layers_are_mapped_and_the_upper_is_writable),
		       TAP_CASE(test_one_layer_without_upper_is_read_only), TAP_CASE(test_a_volatile_upper),
		       TAP_CASE(test_a_directory_without_user_namespace),
		       TAP_CASE(test_the_usual_mounts_devices_and_masks), TAP_CASE(test_the_same_prepared_beforehand),
		       TAP_CASE(test_the_same_with_nodes_that_are_made), TAP_CASE(test_a_read_only_root_and_tmpfs),
		       TAP_CASE(test_a_tmpfs_that_starts_with_a_copy), TAP_CASE(test_there_is_no_way_back),
		       TAP_CASE(test_a_root_without_pivot), TAP_CASE(test_device_nodes_of_an_image_do_nothing));
}
