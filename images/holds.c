// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who uses which image: one symlink for each instance, made and removed by one system call.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "images/catalog.h"
#include "images/catalog_record.h"
#include "images/disk_name.h"
#include "runtime/base/path.h"
#include "runtime/base/scope.h"

static const char *hold_path(struct arena *arena, const char *store, const char *instance)
{
	return arena_printf(arena, "%s/holds/%s", store, instance);
}

static int check_instance(const char *instance, struct err *err)
{
	if (!path_is_plain(instance) || strchr(instance, '/') || *instance == '.')
		return err_say(err, EINVAL, "'%s' is not an instance's id", instance);
	return 0;
}

/* Whether the image is in the store, listed. The lock is held: it stays. */
static int check_there(struct arena *arena, const char *store, const char *id, struct err *err)
{
	const char *path = arena_printf(arena, "%s/ids/%s.json", store, catalog_hex(id));

	if (!path)
		return arena_check(arena, err);
	if (access(path, F_OK) == 0)
		return 0;
	return errno == ENOENT ? err_say(err, ENOENT, "image '%s' has been removed from the store", id)
			       : err_set(err, errno, "look for image '%s'", id);
}

int catalog_hold(const char *store, const char *id, const char *instance, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_FD int lock = -1;
	const char *path = hold_path(&arena, store, instance);
	const char *hex = catalog_hex(id), *held;
	int r = check_instance(instance, err);

	if (r < 0)
		return r;
	if (!hex)
		return err_say(err, EINVAL, "'%s' is not an image's id", id);
	lock = catalog_lock_shared(store, err);
	if (lock < 0)
		return lock;
	r = check_there(&arena, store, id, err);
	if (r == 0 && symlink(hex, path) == 0)
		return 0;
	if (r == 0 && errno != EEXIST)
		return err_set(err, errno, "hold image '%s' for '%s'", id, instance);
	/* Held before: by this instance's earlier run, even of an image that was removed by force since. */
	if (catalog_link(&arena, store, "holds", instance, &held) == 0 && strcmp(held, hex) == 0)
		return 0;
	if (r < 0)
		return r;
	if (unlink(path) < 0 || symlink(hex, path) < 0)
		return err_set(err, errno, "hold image '%s' for '%s'", id, instance);
	return 0;
}

int catalog_release(const char *store, const char *instance, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const char *path = hold_path(&arena, store, instance);
	int r = check_instance(instance, err);

	if (r < 0)
		return r;
	if (!path)
		return arena_check(&arena, err);
	if (unlink(path) < 0 && errno != ENOENT)
		return err_set(err, errno, "release the image of '%s'", instance);
	return 0;
}

int catalog_holds(struct arena *arena, const char *store, struct strv *ret, struct err *err)
{
	struct strv instances = {0};
	int r = catalog_folder(arena, store, "holds", &instances, err);

	for (size_t i = 0; r >= 0 && i < instances.count; i++) {
		const char *hex, *words;

		if (catalog_link(arena, store, "holds", instances.items[i], &hex) < 0)
			continue; /* released meanwhile */
		words = arena_printf(arena, "%s=sha256:%s", instances.items[i], hex);
		if (!words || strv_add(arena, ret, words) < 0)
			return arena_check(arena, err);
	}
	return r;
}

int catalog_sweep_holds(const char *store, bool (*is_there)(const char *instance, void *context), void *context,
			struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct strv instances = {0};
	int swept = 0;
	int r = catalog_folder(&arena, store, "holds", &instances, err);

	for (size_t i = 0; r >= 0 && i < instances.count; i++) {
		if (is_there(instances.items[i], context))
			continue;
		r = catalog_release(store, instances.items[i], err);
		swept++;
	}
	return r < 0 ? r : swept;
}

/* --- for gc --- */

static bool is_held(const struct strv *holds, const char *id)
{
	for (size_t i = 0; i < holds->count; i++)
		if (text_ends(holds->items[i], id))
			return true;
	return false;
}

/* Each layer's own disk, and that of all of them together: whatever was made of them. */
static int add_disks(struct arena *arena, const struct image *image, struct catalog_live *to, struct err *err)
{
	char name[DISK_NAME_BYTES];

	for (size_t i = 0; i < image->layer_count; i++)
		if (disk_name_of_layer(image->layers[i], name, err) < 0 || strv_add(arena, &to->disks, name) < 0)
			return err->code ? -err->code : arena_check(arena, err);
	if (image->layer_count < 2)
		return 0;
	if (disk_name_of_chain(image->layers, image->layer_count, name, err) < 0)
		return -err->code;
	return strv_add(arena, &to->disks, name) < 0 ? arena_check(arena, err) : 0;
}

static int add_parts(struct arena *arena, const struct image *image, struct catalog_live *to, struct err *err)
{
	const char *manifest = catalog_hex(image->manifest);

	for (size_t i = 0; i < image->layer_count; i++)
		if (strv_add(arena, &to->layers, strrchr(image->layers[i], '/') + 1) < 0)
			return arena_check(arena, err);
	if (strv_add(arena, &to->blobs, catalog_hex(image->id)) < 0 ||
	    (manifest && strv_add(arena, &to->blobs, manifest) < 0))
		return arena_check(arena, err);
	return add_disks(arena, image, to, err);
}

/* Adds the parts of every record in FOLDER; with `holds`, only of those that are held. */
static int add_folder(struct arena *arena, const char *store, const char *folder, const struct strv *holds,
		      struct catalog_live *to, struct err *err)
{
	struct strv files = {0};
	int r = catalog_folder(arena, store, folder, &files, err);

	for (size_t i = 0; r >= 0 && i < files.count; i++) {
		struct catalog_record record;
		const char *path = arena_printf(arena, "%s/%s/%s", store, folder, files.items[i]);

		if (!path)
			return arena_check(arena, err);
		if (!text_ends(path, ".json"))
			continue;
		r = catalog_record_read(arena, store, AT_FDCWD, path, &record, err);
		if (r >= 0 && (!holds || is_held(holds, record.image.id)))
			r = add_parts(arena, &record.image, to, err);
	}
	return r;
}

int catalog_live_parts(struct arena *arena, const char *store, struct catalog_live *ret, struct err *err)
{
	struct strv holds = {0};
	int r = catalog_holds(arena, store, &holds, err);

	*ret = (struct catalog_live){0};
	if (r >= 0)
		r = add_folder(arena, store, "ids", NULL, ret, err);
	if (r >= 0)
		r = add_folder(arena, store, "removed", &holds, ret, err);
	return r < 0 ? r : 0;
}
