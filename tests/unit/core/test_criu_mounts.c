// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which mounts CRIU is told of by a key: those of the host, seen inside at a dump and outside at a restore. Both sides
 * must say the same keys.
 */
#include "runtime/core/criu_mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "namespaces/devices.h"
#include "runtime/base/process.h"
#include "tests/unit/tap.h"

static void parse(struct arena *arena, const char *words, int wanted, mounts_seen *ret)
{
	struct err err = ERR_INIT;

	CHECK_INT(mounts_seen_parse(arena, arena_strdup(arena, words), ret, &err), wanted);
	CHECK(wanted == 0 || *err.msg);
}

static void test_parse(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	mounts_seen seen;

	parse(&arena,
	      "36 35 98:0 /root /place rw,noatime master:1 - ext4 /dev/a rw\n"
	      "37 36 0:5 / /a\\040b\\134c rw - tmpfs tmpfs rw,size=1k\n"
	      "18446744073709551615 36 0:5 / /\\141 rw shared:1 master:2 - fuse.x y rw",
	      0, &seen);
	CHECK_INT(seen.count, 3);
	CHECK_INT(seen.items[0].id, 36);
	CHECK_STR(seen.items[0].place, "/place");
	CHECK_STR(seen.items[0].type, "ext4");
	CHECK_STR(seen.items[1].place, "/a b\\c");
	CHECK(seen.items[2].id == UINT64_MAX);
	CHECK_STR(seen.items[2].place, "/a");
	CHECK_STR(seen.items[2].type, "fuse.x");
	parse(&arena, "", 0, &seen);
	CHECK_INT(seen.count, 0);
}

static void test_parse_nonsense(void)
{
	static const char *const lines[] = {"x 35 98:0 / /place rw - ext4 /dev/a rw",
					    "36 35 98:0 / /place rw",
					    "36 35 98:0 /",
					    "36",
					    " - ext4",
					    "-1 35 98:0 / /place rw - ext4 /dev/a rw"};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		CLEANUP_ARENA struct arena arena = ARENA_INIT;
		mounts_seen seen;

		parse(&arena, lines[i], -EBADMSG, &seen);
	}
}

/* "key=value", in order, a blank between. */
static const char *say(const criu_pairs *pairs)
{
	static char words[4096];
	size_t len = 0;

	*words = '\0';
	for (size_t i = 0; i < pairs->count; i++)
		len += (size_t)snprintf(words + len, sizeof(words) - len, "%s%s=%s", i ? " " : "",
					pairs->items[i].first, pairs->items[i].second);
	return words;
}

static const char *outside(const struct plan *plan, const char *mountinfo, criu_views *views)
{
	static struct arena arena = ARENA_INIT;
	struct err err = ERR_INIT;
	criu_pairs pairs = {0};
	mounts_seen host;

	*views = (criu_views){0};
	CHECK_INT(mounts_seen_parse(&arena, arena_strdup(&arena, mountinfo), &host, &err), 0);
	CHECK_INT(criu_mounts_outside(&arena, plan, "/stage", &host, &pairs, views, &err), 0);
	return say(&pairs);
}

/*
 * A tree brings along what is mounted in it, and nothing that only begins with the same letters; a single bind does
 * not.
 */
static void test_outside_binds(void)
{
	static const struct mount_request mounts[] = {
		{.destination = "/proc", .type = "proc"},
		{.destination = "/tree/", .source = "/usr/bin/..", .options = {.bind = true, .bind_tree = true}},
		{.destination = "/one//two", .source = "/usr", .options = {.bind = true}},
	};
	struct plan plan = {.root = {.mounts = mounts, .mount_count = ARRAY_SIZE(mounts)}};
	criu_views views;

	CHECK_STR(outside(&plan,
			  "1 0 0:1 / / rw - ext4 a rw\n2 1 0:2 / /usr rw - ext4 b rw\n3 2 0:3 / /usr/below/it rw - "
			  "tmpfs c rw\n"
			  "4 1 0:4 / /usrlocal rw - tmpfs d rw\n",
			  &views),
		  "/tree=/stage/m1 /tree/below/it=/stage/m2 /one/two=/stage/m3 /dev/null=/stage/null");
	CHECK_INT(views.count, 3);
	CHECK_INT(views.items[0].mount, 1);
	CHECK_STR(views.items[0].rest, "");
	CHECK_STR(views.items[1].rest, "/below/it");
	CHECK_STR(views.items[1].name, "m2");
	CHECK_INT(views.items[2].mount, 2);
}

/* A tree of the whole host: its folder is "", not "/". */
static void test_outside_root(void)
{
	static const struct mount_request mount = {.destination = "/host",
						   .source = "/",
						   .options = {.bind = true, .bind_tree = true}};
	struct plan plan = {.root = {.mounts = &mount, .mount_count = 1}};
	criu_views views;

	CHECK_STR(outside(&plan, "1 0 0:1 / / rw - ext4 a rw\n2 1 0:2 / /usr rw - ext4 b rw\n", &views),
		  "/host=/stage/m1 /host/=/stage/m2 /host/usr=/stage/m3 /dev/null=/stage/null");
}

/* Cgroups of the host's, where the container has no namespace for them; what it mounts itself is CRIU's own affair. */
static void test_outside_cgroups(void)
{
	static const struct mount_request mount = {.destination = "/sys/fs/cgroup", .type = "cgroup"};
	static const struct cgroup_view views[] = {{.folder = "memory", .bind = "/sys/fs/cgroup/memory/x"},
						   {.folder = "unified", .type = "cgroup2"},
						   {.folder = "cpu", .link = "cpu,cpuacct"}},
					whole[] = {{.folder = "", .bind = "/sys/fs/cgroup/x"}};
	struct plan plan = {
		.root = {.mounts = &mount, .mount_count = 1, .cgroups = views, .cgroup_count = ARRAY_SIZE(views)}};
	criu_views ignored;

	CHECK_STR(outside(&plan, "", &ignored), "/sys/fs/cgroup/memory=/sys/fs/cgroup/memory/x /dev/null=/stage/null");
	plan.root.cgroups = whole;
	plan.root.cgroup_count = 1;
	CHECK_STR(outside(&plan, "", &ignored), "/sys/fs/cgroup=/sys/fs/cgroup/x /dev/null=/stage/null");
}

/* Nodes that cannot be made are bound: the default ones first, then the plan's, by their index. */
static void test_outside_devices(void)
{
	static const struct device_request device = {.path = "/dev/mine"};
	struct plan plan = {.root = {.devices = &device, .device_count = 1}};
	size_t count = 0;
	const struct device_request *defaults = devices_default(&count);
	char first[128], last[128];
	criu_views ignored;
	const char *said;

	CHECK_STR(outside(&plan, "", &ignored), "/dev/null=/stage/null");
	plan.root.bind_devices = true;
	snprintf(first, sizeof(first), "%s=/stage/d0 ", defaults[0].path);
	snprintf(last, sizeof(last), " /dev/mine=/stage/d%zu /dev/null=/stage/null", count);
	said = outside(&plan, "", &ignored);
	CHECK(strncmp(said, first, strlen(first)) == 0);
	CHECK_HAS(said, last);
}

/* --- Inside: mounts of a small root, in a mount namespace of this program's --------------------------------------- */

static char folder[64];

static const char *place(const char *name)
{
	static char paths[8][256];
	static unsigned next;
	char *path = paths[next++ % ARRAY_SIZE(paths)];

	snprintf(path, sizeof(paths[0]), "%s%s", folder, name);
	return path;
}

static void mount_at(const char *name, const char *source, const char *type, unsigned long flags)
{
	(void)mkdir(place(name), 0755);
	CHECK_INT(mount(source, place(name), type, flags, NULL), 0);
}

static void touch(const char *name)
{
	int fd = open(place(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	CHECK(fd >= 0);
	(void)close(fd);
}

/* A process whose root it is, so that its mountinfo has the places as they are inside. */
static pid_t enter_root(void)
{
	int ready[2];
	char byte = 0;
	pid_t pid;

	CHECK_INT(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		if (chroot(folder) < 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			(void)pause();
	}
	(void)close(ready[1]);
	CHECK_INT(read(ready[0], &byte, 1), 1);
	(void)close(ready[0]);
	return pid;
}

static const char *inside(const struct plan *plan)
{
	static struct arena arena = ARENA_INIT;
	struct err err = ERR_INIT;
	pid_t pid = enter_root();
	int status, root = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	criu_pairs pairs = {0};
	mounts_seen seen;

	CHECK(root >= 0);
	CHECK_INT(mounts_seen_of(&arena, pid, &seen, &err), 0);
	CHECK_INT(criu_mounts_inside(&arena, plan, root, &seen, &pairs, &err), 0);
	(void)kill(pid, SIGKILL);
	(void)proc_wait(pid, &status);
	(void)close(root);
	return say(&pairs);
}

static const char *const masked[] = {"/masked", "/empty", "/none", "/plain"};
static const struct mount_request inside_mounts[] = {
	{.destination = "/given", .source = "/x", .options = {.bind = true, .bind_tree = true}},
	{.destination = "/given/own", .type = "tmpfs"},
	{.destination = "/link", .source = "/y", .options = {.bind = true}},
	{.destination = "/gone", .source = "/z", .options = {.bind = true}},
	{.destination = "/tmp", .type = "tmpfs"},
	{.destination = "/tmp/gone", .source = "/z", .options = {.bind = true}},
	{.destination = "/up", .source = "/z", .options = {.bind = true}},
};

/*
 * The host's are told, with what of the host is mounted in them; not what config.json has put there beside, nor what is
 * no mount any more, nor the root itself. A link leads to where the mount is. A masked file shows the null device; a
 * masked folder has a file system of its own.
 */
static void test_inside(void)
{
	struct plan plan = {.root = {.mounts = inside_mounts,
				     .mount_count = ARRAY_SIZE(inside_mounts),
				     .masked_paths = masked,
				     .masked_count = ARRAY_SIZE(masked)}};

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		SKIP("only root may make a mount namespace");
	(void)snprintf(folder, sizeof(folder), "/tmp/hull-criu-mounts.XXXXXX");
	CHECK(mkdtemp(folder) != NULL);
	mount_at("", "root", "tmpfs", 0);
	mount_at("/given", "given", "tmpfs", 0);
	mount_at("/given/hosts", "hosts", "tmpfs", 0);
	mount_at("/given/own", "own", "tmpfs", 0);
	mount_at("/givenness", "other", "tmpfs", 0);
	mount_at("/real", "real", "tmpfs", 0);
	mount_at("/empty", "empty", "tmpfs", MS_RDONLY);
	mount_at("/tmp", "tmp", "tmpfs", 0);
	CHECK_INT(symlink("real", place("/link")), 0);
	CHECK_INT(symlink("/", place("/up")), 0);
	CHECK_INT(mkdir(place("/gone"), 0755), 0);
	CHECK_INT(mkdir(place("/tmp/gone"), 0755), 0);
	touch("/masked");
	touch("/plain");
	CHECK_INT(mount("/dev/null", place("/masked"), NULL, MS_BIND, NULL), 0);
	CHECK_STR(inside(&plan), "/given=/given /given/hosts=/given/hosts /real=/link /masked=/dev/null");
	(void)umount2(folder, MNT_DETACH);
	(void)rmdir(folder);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_parse), TAP_CASE(test_parse_nonsense), TAP_CASE(test_outside_binds),
		       TAP_CASE(test_outside_root), TAP_CASE(test_outside_cgroups), TAP_CASE(test_outside_devices),
		       TAP_CASE(test_inside));
}
