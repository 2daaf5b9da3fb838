// SPDX-License-Identifier: GPL-2.0-or-later
#include "images/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "images/catalog.h"
#include "images/disk_merge.h"
#include "images/disk_name.h"
#include "images/disk_tool.h"
#include "runtime/base/fd.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"

/* One image to be made. */
struct making {
	const char *store;
	const char *const *layers; /* top first: one, or those to merge */
	size_t count;
	const char *path; /* what it will be called */
};

/* --- one image --- */

/* Fills the file `fd`, which has no name yet. */
static int fill(const struct making *making, int fd, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct disk_merge merge = {
		.layers = making->layers,
		.count = making->count,
		.place = arena_printf(&arena, "%s/tmp", making->store),
	};
	bool merges = making->count > 1;
	const struct fd_name to = fd_name(fd);
	const char *args[] = {"--quiet", to.path, merges ? "." : making->layers[0], NULL};
	const struct disk_tool tool = {
		.name = "mkfs.erofs",
		.package = "erofs-utils",
		.args = args,
		.prepare = merges ? disk_merge_enter : NULL,
		.context = &merge,
		.kept_fd = fd,
	};

	if (arena_check(&arena, err) < 0)
		return -ENOMEM;
	return disk_tool_run(&tool, err);
}

/* It has no name until it is whole and on disk: whatever ends this process leaves nothing behind. */
static int make_image(const struct making *making, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const char *folder = arena_printf(&arena, "%s/disks", making->store);
	CLEANUP_FD int dirfd = folder ? file_open_dir(AT_FDCWD, folder, err) : arena_check(&arena, err);
	CLEANUP_FD int fd = -1;
	int r;

	if (dirfd < 0)
		return dirfd;
	fd = openat(dirfd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(err, errno, "make a file in '%s'", folder);
	r = fill(making, fd, err);
	if (r >= 0 && fsync(fd) < 0)
		r = err_set(err, errno, "write the disk '%s'", making->path);
	if (r >= 0 && linkat(AT_FDCWD, fd_name(fd).path, AT_FDCWD, making->path, AT_SYMLINK_FOLLOW) < 0 &&
	    errno != EEXIST)
		r = err_set(err, errno, "name the disk '%s'", making->path);
	return r;
}

/* Waits for whoever makes it, too: two at once would do everything twice. */
static int make_once(const struct making *making, struct err *err)
{
	CLEANUP_FD int lock = open(making->layers[0], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (lock < 0)
		return err_set(err, errno, "open layer '%s'", making->layers[0]);
	while (flock(lock, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_set(err, errno, "lock layer '%s'", making->layers[0]);
	return file_is_there(AT_FDCWD, making->path) ? 0 : make_image(making, err);
}

/* --- all of an image --- */

static int add(struct arena *arena, const char *store, const char *name, struct disks *to, struct err *err)
{
	to->paths[to->count++] = arena_printf(arena, "%s/disks/%s", store, name);
	return arena_check(arena, err);
}

static int name_all(struct arena *arena, const char *store, const char *const *layers, size_t count, struct disks *ret,
		    struct err *err)
{
	char name[DISK_NAME_BYTES];
	int r = 0;

	ret->count = 0;
	ret->paths = arena_array(arena, DISK_MAX_LAYERS + 1, sizeof(*ret->paths));
	if (!ret->paths)
		return arena_check(arena, err);
	if (count > DISK_MAX_LAYERS) {
		r = disk_name_of_chain(layers, count, name, err);
		return r < 0 ? r : add(arena, store, name, ret, err);
	}
	for (size_t i = 0; r >= 0 && i < count; i++) {
		r = disk_name_of_layer(layers[i], name, err);
		if (r >= 0)
			r = add(arena, store, name, ret, err);
	}
	return r;
}

static void tell(const struct making *making, const struct image_watch *watch)
{
	const char *slash = strrchr(making->layers[0], '/');
	char words[64];

	if (making->count > 1)
		(void)snprintf(words, sizeof(words), "%zu layers", making->count);
	else
		(void)snprintf(words, sizeof(words), "layer %.12s", slash ? slash + 1 : making->layers[0]);
	event_tell(watch, &(struct image_event){.kind = IMAGE_EVENT_DISK, .what = words});
}

int disk_layers(struct arena *arena, const char *store, const char *const *layers, size_t layer_count,
		const struct image_watch *watch, struct disks *ret, struct err *err)
{
	bool merges = layer_count > DISK_MAX_LAYERS;
	CLEANUP_FD int lock = -1;
	int r = name_all(arena, store, layers, layer_count, ret, err);

	for (size_t i = 0; r >= 0 && i < ret->count; i++) {
		const struct making making = {
			.store = store,
			.layers = merges ? layers : &layers[i],
			.count = merges ? layer_count : 1,
			.path = ret->paths[i],
		};

		if (file_is_there(AT_FDCWD, ret->paths[i]))
			continue;
		tell(&making, watch);
		/* Whoever frees layers waits until what is made of them is there. */
		if (lock < 0) {
			r = catalog_prepare(store, err);
			lock = r < 0 ? r : catalog_lock_shared(store, err);
			r = lock;
		}
		if (r >= 0)
			r = make_once(&making, err);
	}
	return r < 0 ? err_wrap(err, "disks of the image's layers") : 0;
}
