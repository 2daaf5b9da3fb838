// SPDX-License-Identifier: GPL-2.0-or-later
#include "images/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "runtime/base/file.h"
#include "runtime/base/scope.h"

/* A range holds this many ids; an owner beyond has no place in it and becomes root. */
#define RANGE_IDS 65536

struct owner {
	uid_t uid;
	gid_t gid;
	mode_t mode;
};

static uint32_t into_range(uint32_t base, uint32_t id)
{
	if (base == 0)
		return id;
	return id < RANGE_IDS ? base + id : base;
}

static int look_at_top(const struct image *image, uint32_t base, struct owner *ret, struct err *err)
{
	struct stat st = {.st_mode = 0755};

	if (image->layer_count > 0 && stat(image->layers[0], &st) < 0)
		return err_set(err, errno, "layer '%s'", image->layers[0]);
	*ret = (struct owner){into_range(base, st.st_uid), into_range(base, st.st_gid), st.st_mode & 07777};
	return 0;
}

/* Mode last: chown(2) takes the setuid and setgid bits away. */
static int make_folder(int dirfd, const char *name, const struct owner *owner, struct err *err)
{
	CLEANUP_FD int fd = -1;

	if (mkdirat(dirfd, name, 0700) < 0)
		return errno == EEXIST ? 0 : err_set(err, errno, "make the folder '%s'", name);
	fd = file_open_dir(dirfd, name, err);
	if (fd < 0)
		return fd;
	if (fchown(fd, owner->uid, owner->gid) < 0)
		return err_set(err, errno, "give the folder '%s' to %u:%u", name, owner->uid, owner->gid);
	if (fchmod(fd, owner->mode) < 0)
		return err_set(err, errno, "set the mode of '%s'", name);
	return 0;
}

int overlay_prepare(struct arena *arena, const char *instance_dir, const struct image *image, uint32_t owner_base,
		    struct overlay *ret, struct err *err)
{
	CLEANUP_FD int dir = file_open_dir(AT_FDCWD, instance_dir, err);
	struct overlay overlay = {.lowers = image->layers, .lower_count = image->layer_count};
	struct owner root, work = {owner_base, owner_base, 0700};
	int r = dir < 0 ? dir : look_at_top(image, owner_base, &root, err);

	if (r >= 0)
		r = make_folder(dir, "work", &work, err);
	if (r >= 0)
		r = make_folder(dir, "upper", &root, err);
	if (r < 0)
		return err_wrap(err, "writable layer in '%s'", instance_dir);
	overlay.upper = arena_printf(arena, "%s/upper", instance_dir);
	overlay.work = arena_printf(arena, "%s/work", instance_dir);
	*ret = overlay;
	return arena_check(arena, err);
}

int overlay_remove(const char *instance_dir, struct err *err)
{
	CLEANUP_FD int dir = open(instance_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (dir < 0)
		return errno == ENOENT ? 0 : err_set(err, errno, "open '%s'", instance_dir);
	r = file_remove_tree(dir, "upper", err);
	return r < 0 ? r : file_remove_tree(dir, "work", err);
}
