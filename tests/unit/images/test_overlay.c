// SPDX-License-Identifier: GPL-2.0-or-later
#include "images/overlay.h"

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "images/unpack.h"
#include "tests/unit/images/scratch.h"

static struct image make_image(const struct scratch *scratch, char path[static 512], const char *layers[static 2])
{
	layers[0] = scratch_path(scratch, "top", path);
	layers[1] = NULL;
	CHECK(mkdir(path, 0755) == 0);
	return (struct image){.layers = layers, .layer_count = 1};
}

static void test_owner_and_mode(void)
{
	CLEANUP_SCRATCH struct scratch scratch = scratch_open();
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	char path[512];
	const char *layers[2];
	struct image image = make_image(&scratch, path, layers);
	struct overlay overlay;
	struct err err = ERR_INIT;
	struct stat st;

	CHECK(chmod(path, 0751) == 0 && chown(path, 5, 70000) == 0);
	CHECK_INT(overlay_prepare(&arena, scratch.path, &image, 0x70000000, &overlay, &err), 0);
	CHECK_INT(stat(overlay.upper, &st), 0);
	CHECK_INT(st.st_mode & 07777, 0751);
	CHECK_INT(st.st_uid, 0x70000005);
	CHECK_INT(st.st_gid, 0x70000000); /* beyond the range: its root */
	CHECK_INT(stat(overlay.work, &st), 0);
	CHECK_INT(st.st_mode & 07777, 0700);
	CHECK_INT(st.st_uid, 0x70000000);
	/* What an instance has made of its root stays when it is started again. */
	CHECK(chmod(overlay.upper, 0700) == 0);
	CHECK_INT(overlay_prepare(&arena, scratch.path, &image, 0x70000000, &overlay, &err), 0);
	CHECK(stat(overlay.upper, &st) == 0 && (st.st_mode & 07777) == 0700);
	CHECK_INT(overlay_remove(scratch.path, &err), 0);
	CHECK_INT(overlay_remove(scratch.path, &err), 0);
	CHECK(stat(overlay.upper, &st) < 0 && errno == ENOENT);
	CHECK_INT(overlay_remove("/nonexistent", &err), 0);
}

static void test_without_a_range(void)
{
	CLEANUP_SCRATCH struct scratch scratch = scratch_open();
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	char path[512];
	const char *layers[2];
	struct image image = make_image(&scratch, path, layers);
	struct overlay overlay;
	struct err err = ERR_INIT;
	struct stat st;

	CHECK(chown(path, 5, 6) == 0);
	CHECK_INT(overlay_prepare(&arena, scratch.path, &image, 0, &overlay, &err), 0);
	CHECK_INT(stat(overlay.upper, &st), 0);
	CHECK_INT(st.st_uid, 5);
	CHECK_INT(st.st_gid, 6);
	CHECK(overlay_prepare(&arena, "/nonexistent", &image, 0, &overlay, &err) < 0);
	CHECK_HAS(err.msg, "/nonexistent");
}

/* --- that the kernel sees whiteouts as they are meant --- */

static int unpack_layer(const struct scratch *scratch, const char *name, const struct tar_entry *entries, size_t count)
{
	static const struct unpack_limits LIMITS = {1 << 20, 100};
	CLEANUP_ARCHIVE struct archive_reader *reader = NULL;
	CLEANUP_TEXT struct text tar = TEXT_INIT;
	CLEANUP_FD int root = -1;
	CLEANUP_FD int fd = -1;
	struct unpack_counts counts;
	struct archive_input input = {.max_bytes = 1 << 20};
	struct err err = ERR_INIT;

	for (size_t i = 0; i < count; i++)
		tar_put(&tar, &entries[i]);
	tar_end(&tar);
	CHECK(mkdirat(scratch->fd, name, 0755) == 0);
	root = openat(scratch->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = fd_memory("tar", tar.data, tar.len, &err);
	input.fd = fd;
	CHECK_INT(archive_open(&input, &reader, &err), 0);
	return unpack(reader, root, UNPACK_LAYER, &LIMITS, &counts, &err);
}

/* In a mount namespace of its own, which takes the mount with it. */
static int look_through_overlay(const struct scratch *scratch)
{
	static const char *const GONE[] = {"gone", "dir/gone", "opaque/old", "again/old"};
	static const char *const THERE[] = {"kept", "dir/kept", "opaque/new", "again/new"};
	char options[2048], path[600];

	(void)snprintf(options, sizeof(options), "lowerdir=%s/top:%s/bottom,upperdir=%s/upper,workdir=%s/work",
		       scratch->path, scratch->path, scratch->path, scratch->path);
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("overlay", "/mnt", "overlay", 0, options) < 0)
		return 10;
	for (size_t i = 0; i < ARRAY_SIZE(GONE); i++) {
		(void)snprintf(path, sizeof(path), "/mnt/%s", GONE[i]);
		if (access(path, F_OK) == 0)
			return 20 + (int)i;
		(void)snprintf(path, sizeof(path), "/mnt/%s", THERE[i]);
		if (access(path, F_OK) < 0)
			return 30 + (int)i;
	}
	return 0;
}

static void test_whiteouts_in_a_mounted_overlay(void)
{
	static const struct tar_entry BOTTOM[] = {
		ENTRY("gone", '0'),	ENTRY("kept", '0'),	  ENTRY("dir/gone", '0'),
		ENTRY("dir/kept", '0'), ENTRY("opaque/old", '0'), ENTRY("again/old", '0'),
	};
	static const struct tar_entry TOP[] = {
		ENTRY(".wh.gone", '0'),	  ENTRY("dir/.wh.gone", '0'), ENTRY("opaque/.wh..wh..opq", '0'),
		ENTRY("opaque/new", '0'), ENTRY(".wh.again", '0'),    ENTRY("again/new", '0'),
	};
	CLEANUP_SCRATCH struct scratch scratch = scratch_open();
	int status = 0;
	pid_t pid;

	CHECK_INT(unpack_layer(&scratch, "bottom", BOTTOM, ARRAY_SIZE(BOTTOM)), 0);
	CHECK_INT(unpack_layer(&scratch, "top", TOP, ARRAY_SIZE(TOP)), 0);
	CHECK(mkdirat(scratch.fd, "upper", 0755) == 0 && mkdirat(scratch.fd, "work", 0755) == 0);
	pid = fork();
	if (pid == 0)
		_exit(look_through_overlay(&scratch));
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(WEXITSTATUS(status), 0);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_owner_and_mode), TAP_CASE(test_without_a_range),
		       TAP_CASE(test_whiteouts_in_a_mounted_overlay));
}
