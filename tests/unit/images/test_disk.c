// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Disks of layers, looked at as a guest sees them: mounted by this machine's kernel. Where that has no EROFS,
 * fsck.erofs looks at them.
 */
#include "images/disk.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "images/catalog.h"
#include "images/disk_name.h"
#include "images/gc.h"
#include "images/image.h"
#include "runtime/base/process.h"
#include "tests/unit/images/scratch.h"

#define HEX_OF_ZEROS "000000000000000000000000000000000000000000000000000000000000000"

/* A store with layers 0 (the bottom) to count - 1; `ret` names them top first. */
struct world {
	struct scratch scratch;
	struct arena arena;
	char store[512];
	const char *layers[32];
	size_t count;
};

static const char *layer_path(struct world *world, size_t number)
{
	return arena_printf(&world->arena, "%s/layers/%zx" HEX_OF_ZEROS, world->store, number);
}

/* At most 16: a digit each. */
static void make_world(struct world *world, size_t count)
{
	*world = (struct world){.scratch = scratch_open(), .count = count};
	(void)scratch_path(&world->scratch, "store", world->store);
	CHECK_INT(catalog_prepare(world->store, NULL), 0);
	for (size_t i = 0; i < count; i++) {
		world->layers[count - 1 - i] = layer_path(world, i);
		CHECK(mkdir(layer_path(world, i), 0755) == 0);
	}
}

static void end_world(struct world *world)
{
	scratch_close(&world->scratch);
	arena_free(&world->arena);
}
#define CLEANUP_WORLD CLEANUP(end_world)

static const char *in_layer(struct world *world, size_t number, const char *name)
{
	return arena_printf(&world->arena, "%s/%s", layer_path(world, number), name);
}

static void write_file(const char *path, const char *words)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	CHECK(fd >= 0 && fd_write_all(fd, words, strlen(words)) == 0);
	(void)close(fd);
}

/* --- looking --- */

static bool has_erofs(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	char *words = NULL;
	size_t len;

	/* It may be a module of this machine's kernel. */
	if (system("modprobe -q erofs 2>/dev/null") < 0)
		return false;
	return file_read(&arena, AT_FDCWD, "/proc/filesystems", 65536, &words, &len, NULL) == 0 &&
	       strstr(words, "\terofs\n");
}

/* Runs `look` in a process whose current folder is the mounted disk. It returns whether all is as it should be. */
static void check_mounted(const struct world *world, const char *disk, int (*look)(void))
{
	char command[2048];
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		(void)snprintf(command, sizeof(command), "mkdir -p '%s/m' && mount -t erofs -o ro,loop '%s' '%s/m'",
			       world->scratch.path, disk, world->scratch.path);
		if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		    system(command) != 0)
			_exit(99);
		(void)snprintf(command, sizeof(command), "%s/m", world->scratch.path);
		_exit(chdir(command) < 0 ? 98 : look());
	}
	CHECK_INT(proc_wait(pid, &status), 0);
	CHECK_INT(proc_exit_code(status), 0);
}

static bool says(const char *name, const char *words)
{
	char found[64];
	ssize_t len = file_read_line(AT_FDCWD, name, found, sizeof(found));

	return len >= 0 && strcmp(found, words) == 0;
}

static bool has_xattr(const char *name, const char *xattr, const char *value)
{
	char found[64];
	ssize_t len = lgetxattr(name, xattr, found, sizeof(found));

	return len == (ssize_t)strlen(value) && memcmp(found, value, (size_t)len) == 0;
}

/* The number of the first condition that does not hold, which is then the process's exit code. */
#define WANT(number, condition)          \
	do {                             \
		if (!(condition))        \
			return (number); \
	} while (0)

/* --- one layer, as it is --- */

static void fill_layer(struct world *world)
{
	/* VFS_CAP_REVISION_2, CAP_NET_RAW permitted and effective. */
	static const unsigned char capability[20] = {0x01, 0, 0, 2, 0, 0x20};
	const char *file = in_layer(world, 0, "file");

	write_file(file, "words");
	CHECK(link(file, in_layer(world, 0, "again")) == 0);
	CHECK(chown(file, 5, 70000) == 0 && chmod(file, 06751) == 0);
	CHECK(setxattr(file, "security.capability", capability, sizeof(capability), 0) == 0);
	CHECK(setxattr(file, "user.note", "kept", 4, 0) == 0);
	CHECK(symlink("/file", in_layer(world, 0, "link")) == 0);
	CHECK(mkfifo(in_layer(world, 0, "fifo"), 0600) == 0);
	CHECK(mknod(in_layer(world, 0, "gone"), S_IFCHR, makedev(0, 0)) == 0);
	CHECK(mknod(in_layer(world, 0, "null"), S_IFCHR | 0666, makedev(1, 3)) == 0);
	CHECK(mkdir(in_layer(world, 0, "opaque"), 01777) == 0);
	CHECK(setxattr(in_layer(world, 0, "opaque"), IMAGE_OPAQUE_XATTR, "y", 1, 0) == 0);
	CHECK(utimensat(AT_FDCWD, file, (struct timespec[]){{1, 0}, {1234567890, 0}}, 0) == 0);
}

static int look_at_layer(void)
{
	struct stat st, again;
	char capability[64];

	WANT(1, says("file", "words"));
	WANT(2, stat("file", &st) == 0 && stat("again", &again) == 0 && st.st_ino == again.st_ino && st.st_nlink == 2);
	WANT(3, st.st_uid == 5 && st.st_gid == 70000 && (st.st_mode & 07777) == 06751);
	WANT(4, st.st_mtim.tv_sec == 1234567890);
	WANT(5, getxattr("file", "security.capability", capability, sizeof(capability)) == 20);
	WANT(6, has_xattr("file", "user.note", "kept"));
	WANT(7, lstat("link", &st) == 0 && S_ISLNK(st.st_mode) && st.st_size == 5);
	WANT(8, stat("fifo", &st) == 0 && S_ISFIFO(st.st_mode));
	WANT(9, stat("gone", &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0));
	WANT(10, stat("null", &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3));
	WANT(11, has_xattr("opaque", IMAGE_OPAQUE_XATTR, "y"));
	return 0;
}

static void test_layer(void)
{
	CLEANUP_WORLD struct world world;
	struct disks disks = {0}, again = {0};
	struct err err = ERR_INIT;
	struct stat before, after;

	make_world(&world, 1);
	fill_layer(&world);
	CHECK_INT(disk_layers(&world.arena, world.store, world.layers, 1, NULL, &disks, &err), 0);
	CHECK_STR(err.msg, "");
	CHECK_INT(disks.count, 1);
	CHECK(disks.count == 1 && stat(disks.paths[0], &before) == 0);
	CHECK_INT(before.st_mode & 0777, 0600);
	/* It is made once. */
	CHECK_INT(disk_layers(&world.arena, world.store, world.layers, 1, NULL, &again, &err), 0);
	CHECK(stat(disks.paths[0], &after) == 0 && after.st_ino == before.st_ino &&
	      after.st_mtim.tv_nsec == before.st_mtim.tv_nsec);
	if (has_erofs())
		check_mounted(&world, disks.paths[0], look_at_layer);
	else
		CHECK_INT(system(arena_printf(&world.arena, "fsck.erofs '%s' >/dev/null 2>&1", disks.paths[0])), 0);
}

/* --- many, merged --- */

static void fill_layers(struct world *world)
{
	for (size_t i = 0; i < world->count; i++) {
		CHECK(mkdir(in_layer(world, i, "all"), 0755) == 0);
		write_file(arena_printf(&world->arena, "%s/%zu", in_layer(world, i, "all"), i), "x");
		write_file(in_layer(world, i, "same"), arena_printf(&world->arena, "%zu", i));
	}
	/* Layer 0 has it, 3 takes it away; 0 has it, 4 takes it away, 6 has it again. */
	write_file(in_layer(world, 0, "deleted"), "x");
	CHECK(mknod(in_layer(world, 3, "deleted"), S_IFCHR, makedev(0, 0)) == 0);
	write_file(in_layer(world, 0, "back"), "old");
	CHECK(mknod(in_layer(world, 4, "back"), S_IFCHR, makedev(0, 0)) == 0);
	write_file(in_layer(world, 6, "back"), "new");
	/* A folder whose earlier contents are hidden by 5. */
	CHECK(mkdir(in_layer(world, 1, "opaque"), 0755) == 0);
	write_file(in_layer(world, 1, "opaque/below"), "x");
	CHECK(mkdir(in_layer(world, 5, "opaque"), 0755) == 0);
	CHECK(setxattr(in_layer(world, 5, "opaque"), IMAGE_OPAQUE_XATTR, "y", 1, 0) == 0);
	write_file(in_layer(world, 5, "opaque/above"), "x");
	/* A file in place of a folder, a folder's owner from the top, and a hard link within a layer. */
	CHECK(mkdir(in_layer(world, 2, "turned"), 0755) == 0);
	write_file(in_layer(world, 7, "turned"), "file");
	CHECK(chown(in_layer(world, 8, "all"), 7, 8) == 0 && chmod(in_layer(world, 8, "all"), 0700) == 0);
	write_file(in_layer(world, 2, "one"), "linked");
	CHECK(link(in_layer(world, 2, "one"), in_layer(world, 2, "two")) == 0);
}

static int look_at_merged(void)
{
	struct stat st, other;
	char name[32];

	for (int i = 0; i < 9; i++) {
		(void)snprintf(name, sizeof(name), "all/%d", i);
		WANT(1, says(name, "x"));
	}
	WANT(2, says("same", "8"));
	WANT(3, lstat("deleted", &st) < 0 && errno == ENOENT);
	WANT(4, says("back", "new"));
	WANT(5, says("opaque/above", "x") && lstat("opaque/below", &st) < 0);
	WANT(6, getxattr("opaque", IMAGE_OPAQUE_XATTR, name, sizeof(name)) < 0);
	WANT(7, says("turned", "file"));
	WANT(8, stat("all", &st) == 0 && st.st_uid == 7 && st.st_gid == 8 && (st.st_mode & 07777) == 0700);
	WANT(9, stat("one", &st) == 0 && stat("two", &other) == 0 && st.st_ino == other.st_ino && st.st_nlink == 2);
	return 0;
}

static void test_merged(void)
{
	CLEANUP_WORLD struct world world;
	struct disks disks = {0};
	struct err err = ERR_INIT;

	make_world(&world, 9);
	fill_layers(&world);
	CHECK_INT(disk_layers(&world.arena, world.store, world.layers, 9, NULL, &disks, &err), 0);
	CHECK_STR(err.msg, "");
	CHECK_INT(disks.count, 1);
	CHECK_HAS(disks.paths[0], "/chain-");
	/* What it was merged on is as it was. */
	CHECK_INT(system(arena_printf(&world.arena, "! grep -q '%s' /proc/self/mountinfo", world.scratch.path)), 0);
	if (has_erofs())
		check_mounted(&world, disks.paths[0], look_at_merged);
	else
		CHECK_INT(system(arena_printf(&world.arena, "fsck.erofs '%s' >/dev/null 2>&1", disks.paths[0])), 0);
	/* Eight are eight disks. */
	CHECK_INT(disk_layers(&world.arena, world.store, world.layers, 8, NULL, &disks, &err), 0);
	CHECK_INT(disks.count, 8);
	CHECK_HAS(disks.paths[0], "/8000000");
	CHECK_HAS(disks.paths[7], "/1000000");
}

/* By the definition: "sha256:" of the bottom, a space, "sha256:" of what lies on it. */
static void test_names(void)
{
	const char *layers[] = {"/s/layers/2" HEX_OF_ZEROS, "/s/layers/1" HEX_OF_ZEROS, "/s/layers/0" HEX_OF_ZEROS};
	char name[DISK_NAME_BYTES];
	struct err err = ERR_INIT;

	CHECK_INT(disk_name_of_layer(layers[0], name, &err), 0);
	CHECK_STR(name, "2" HEX_OF_ZEROS ".erofs");
	CHECK_INT(disk_name_of_chain(layers + 2, 1, name, &err), 0);
	CHECK_STR(name, "chain-0" HEX_OF_ZEROS ".erofs");
	CHECK_INT(disk_name_of_chain(layers, 3, name, &err), 0);
	CHECK_STR(name, "chain-34244b7ef891da47fdd8c8ff544516f79cba30ba0efed297dea1f43b02de325a.erofs");
	CHECK_INT(disk_name_of_layer("/s/layers/../x", name, &err), -EINVAL);
	CHECK_INT(disk_name_of_chain(layers, 0, name, &err), -EINVAL);
}

/* --- who makes them, and who frees them --- */

static void test_several_at_once(void)
{
	CLEANUP_WORLD struct world world;
	pid_t pids[4];

	make_world(&world, 10);
	for (size_t i = 0; i < world.count; i++)
		write_file(in_layer(&world, i, "file"), "x");
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			struct disks disks;

			_exit(disk_layers(&world.arena, world.store, world.layers, 10, NULL, &disks, NULL) == 0 ? 0
														: 1);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		int status = -1;

		CHECK(proc_wait(pids[i], &status) == 0 && proc_exit_code(status) == 0);
	}
	CHECK_INT(system(arena_printf(&world.arena, "[ $(ls '%s/disks' | wc -l) -eq 1 ]", world.store)), 0);
}

/* Killed again and again while it works: no half of a disk ever has a name. */
static void test_killed(void)
{
	CLEANUP_WORLD struct world world;
	struct disks disks;
	static char big[1 << 20];

	make_world(&world, 1);
	memset(big, 'x', sizeof(big) - 1);
	for (int i = 0; i < 8; i++)
		write_file(in_layer(&world, 0, arena_printf(&world.arena, "%d", i)), big);
	for (int i = 0; i < 10; i++) {
		int status;
		pid_t pid = fork();

		if (pid == 0)
			_exit(disk_layers(&world.arena, world.store, world.layers, 1, NULL, &disks, NULL) == 0 ? 0 : 1);
		(void)usleep((useconds_t)i * 1500);
		(void)kill(pid, SIGKILL);
		CHECK_INT(proc_wait(pid, &status), 0);
		CHECK_INT(system(arena_printf(&world.arena,
					      "for d in '%s'/disks/*; do [ ! -e \"$d\" ] || fsck.erofs \"$d\" "
					      ">/dev/null 2>&1 "
					      "|| exit 1; done",
					      world.store)),
			  0);
	}
	CHECK_INT(disk_layers(&world.arena, world.store, world.layers, 1, NULL, &disks, NULL), 0);
	CHECK_INT(system(arena_printf(&world.arena, "[ $(ls -A '%s/disks' | wc -l) -eq 1 ]", world.store)), 0);
}

/* A layer of 4 MB into a store on a file system of 2: an error, and no disk. */
static void test_full(void)
{
	CLEANUP_WORLD struct world world;
	static char big[4 << 20];
	struct disks disks;
	struct err err = ERR_INIT;
	char folder[1024];
	pid_t pid;
	int status = 0;

	make_world(&world, 1);
	memset(big, 'x', sizeof(big) - 1);
	write_file(in_layer(&world, 0, "big"), big);
	(void)snprintf(folder, sizeof(folder), "%s/disks", world.store);
	pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		    mount("tmpfs", folder, "tmpfs", 0, "size=2m") < 0)
			_exit(99);
		if (disk_layers(&world.arena, world.store, world.layers, 1, NULL, &disks, &err) >= 0 ||
		    !strstr(err.msg, "mkfs.erofs"))
			_exit(98);
		_exit(system(arena_printf(&world.arena, "[ $(ls -A '%s' | wc -l) -eq 0 ]", folder)) == 0 ? 0 : 3);
	}
	CHECK_INT(proc_wait(pid, &status), 0);
	CHECK_INT(proc_exit_code(status), 0);
}

static void test_freed_with_layers(void)
{
	CLEANUP_WORLD struct world world;
	struct image_config config = {0};
	struct strv diff_ids = {0};
	struct disks disks;
	struct err err = ERR_INIT;
	struct catalog_entry entry = {
		.id = "sha256:a" HEX_OF_ZEROS,
		.config = &config,
		.diff_ids = &diff_ids,
		.name = "localhost/nine:latest",
	};
	struct catalog_removal removal = {0};

	make_world(&world, 9);
	for (size_t i = 0; i < 9; i++)
		CHECK_INT(strv_add(&world.arena, &diff_ids, arena_printf(&world.arena, "sha256:%zx" HEX_OF_ZEROS, i)),
			  0);
	CHECK_INT(catalog_put(world.store, &entry, &err), 0);
	CHECK_INT(disk_layers(&world.arena, world.store, world.layers, 9, NULL, &disks, &err), 0);
	CHECK_INT(disk_layers(&world.arena, world.store, world.layers, 1, NULL, &disks, &err), 0);
	CHECK_INT(gc_run(world.store, NULL, &err), 0);
	CHECK_INT(system(arena_printf(&world.arena, "[ $(ls '%s/disks' | wc -l) -eq 2 ]", world.store)), 0);
	CHECK_INT(catalog_remove(&world.arena, world.store, "localhost/nine:latest", false, &removal, &err), 0);
	CHECK_INT(gc_run(world.store, NULL, &err), 0);
	CHECK_STR(err.msg, "");
	CHECK_INT(system(arena_printf(&world.arena, "[ $(ls '%s/disks' '%s/layers' | grep -c 000) -eq 0 ]", world.store,
				      world.store)),
		  0);
}

/* --- the writable one --- */

static void test_writable(void)
{
	CLEANUP_SCRATCH struct scratch scratch = scratch_open();
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct disk_writable how;
	struct err err = ERR_INIT;
	struct stat before, after;
	char path[512], top[512];

	CHECK(mkdir(scratch_path(&scratch, "top", top), 0755) == 0 && chown(top, 5, 6) == 0 && chmod(top, 02751) == 0);
	CHECK_INT(disk_writable_like(top, DISK_DEFAULT_BYTES, &how, &err), 0);
	(void)scratch_path(&scratch, "upper.img", path);
	/* What an earlier one that was killed has left is no obstacle. */
	CHECK(mkdir(arena_printf(&arena, "%s.making", path), 0700) == 0);
	CHECK_INT(disk_writable(path, &how, &err), 0);
	CHECK_STR(err.msg, "");
	CHECK(stat(path, &before) == 0);
	CHECK_INT(before.st_size, DISK_DEFAULT_BYTES);
	CHECK_INT(before.st_mode & 0777, 0600);
	CHECK(before.st_blocks * 512 < 4 << 20);
	CHECK_INT(system(arena_printf(&arena, "e2fsck -fn '%s' >/dev/null 2>&1", path)), 0);
	CHECK_INT(system(arena_printf(&arena,
				      "debugfs -R 'stat upper' '%s' 2>/dev/null | grep -q 'User: *5 *Group: *6' && "
				      "debugfs -R 'stat upper' '%s' 2>/dev/null | grep -q 'Mode: *02751' && "
				      "debugfs -R 'stat work' '%s' 2>/dev/null | grep -q 'Mode: *0700'",
				      path, path, path)),
		  0);
	/* One that is there stays. */
	CHECK_INT(disk_writable(path, &how, &err), 0);
	CHECK(stat(path, &after) == 0 && after.st_ino == before.st_ino);
	CHECK_INT(system(arena_printf(&arena, "[ $(ls -A '%s' | wc -l) -eq 2 ]", scratch.path)), 0);
}

static void test_writable_refusals(void)
{
	CLEANUP_SCRATCH struct scratch scratch = scratch_open();
	struct disk_writable how = {.size_bytes = DISK_MIN_BYTES, .mode = 0755};
	struct err err = ERR_INIT;
	char path[512];

	CHECK_INT(disk_writable(scratch_path(&scratch, "smallest", path), &how, &err), 0);
	CHECK_STR(err.msg, "");
	how.size_bytes--;
	CHECK_INT(disk_writable(scratch_path(&scratch, "small", path), &how, &err), -EINVAL);
	CHECK(access(path, F_OK) < 0);
	how.size_bytes = UINT64_MAX;
	CHECK_INT(disk_writable(path, &how, &err), -EINVAL);
	how.size_bytes = DISK_MIN_BYTES;
	CHECK(disk_writable(scratch_path(&scratch, "no/folder", path), &how, &err) == -ENOENT);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_layer), TAP_CASE(test_merged), TAP_CASE(test_names),
		       TAP_CASE(test_several_at_once), TAP_CASE(test_killed), TAP_CASE(test_full),
		       TAP_CASE(test_freed_with_layers), TAP_CASE(test_writable), TAP_CASE(test_writable_refusals));
}
