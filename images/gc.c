// SPDX-License-Identifier: GPL-2.0-or-later
#include "images/gc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "images/catalog.h"
#include "images/catalog_record.h"
#include "images/layers.h"
#include "images/staging.h"
#include "runtime/base/file.h"
#include "runtime/base/process.h"

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort(struct strv *list)
{
	if (list->count > 0)
		qsort(list->items, list->count, sizeof(*list->items), compare);
}

static bool is_live(const struct strv *live, const char *name)
{
	return live->count > 0 && bsearch(&name, live->items, live->count, sizeof(*live->items), compare);
}

/* Moves STORE/FOLDER/NAME to trash/, under a name that no other gc gives. */
static int discard(struct arena *arena, const char *store, const char *folder, const char *name, struct err *err)
{
	const char *from = arena_printf(arena, "%s/%s/%s", store, folder, name);
	const char *to = arena_printf(arena, "%s/trash/%.200s.%d.%llu", store, name, (int)getpid(),
				      (unsigned long long)proc_monotonic_ns());

	if (arena_check(arena, err) < 0)
		return -ENOMEM;
	return rename(from, to) < 0 && errno != ENOENT ? err_set(err, errno, "discard '%s'", from) : 0;
}

static void tell_freed(const char *store, const char *folder, const char *name, const struct image_watch *watch)
{
	struct layer layer = {0};
	char diff_id[REFERENCE_DIGEST_BYTES] = "sha256:";

	if (strcmp(folder, "layers") != 0 || strlen(name) != 64)
		return;
	memcpy(diff_id + strlen(diff_id), name, 65);
	(void)layers_find(store, diff_id, &layer);
	event_tell(watch, &(struct image_event){.kind = IMAGE_EVENT_FREED, .what = diff_id, .done_bytes = layer.bytes});
}

static int discard_dead(struct arena *arena, const char *store, const char *folder, struct strv *live,
			const struct image_watch *watch, struct err *err)
{
	struct strv names = {0};
	int r = catalog_folder(arena, store, folder, &names, err);

	sort(live);
	for (size_t i = 0; r >= 0 && i < names.count; i++) {
		if (is_live(live, names.items[i]))
			continue;
		tell_freed(store, folder, names.items[i], watch);
		r = discard(arena, store, folder, names.items[i], err);
	}
	return r;
}

/* Records of removed images stay as long as an instance holds them. */
static int discard_removed(struct arena *arena, const char *store, struct err *err)
{
	struct strv holds = {0}, live = {0};
	int r = catalog_holds(arena, store, &holds, err);

	for (size_t i = 0; r >= 0 && i < holds.count; i++) {
		const char *hex = catalog_hex(strchr(holds.items[i], '=') + 1);
		const char *file = hex ? arena_printf(arena, "%s.json", hex) : NULL;

		if (file && strv_add(arena, &live, file) < 0)
			return arena_check(arena, err);
	}
	return r < 0 ? r : discard_dead(arena, store, "removed", &live, NULL, err);
}

static int sort_out(struct arena *arena, const char *store, const struct image_watch *watch, struct err *err)
{
	CLEANUP_FD int lock = catalog_lock_exclusive(store, err);
	struct catalog_live live = {0};
	struct strv none = {0};
	int r = lock < 0 ? lock : catalog_live_parts(arena, store, &live, err);

	if (r >= 0)
		r = discard_removed(arena, store, err);
	if (r >= 0)
		r = discard_dead(arena, store, "layers", &live.layers, watch, err);
	if (r >= 0)
		r = discard_dead(arena, store, "disks", &live.disks, NULL, err);
	if (r >= 0)
		r = discard_dead(arena, store, "blobs/sha256", &live.blobs, NULL, err);
	/* The lock is ours alone: whoever made something in tmp/ is gone. */
	return r < 0 ? r : discard_dead(arena, store, "tmp", &none, NULL, err);
}

static int empty_trash(struct arena *arena, const char *store, struct err *err)
{
	struct strv names = {0};
	const char *path = arena_printf(arena, "%s/trash", store);
	CLEANUP_FD int fd = path ? file_open_dir(AT_FDCWD, path, err) : arena_check(arena, err);
	int r = fd < 0 ? fd : catalog_folder(arena, store, "trash", &names, err);

	for (size_t i = 0; r >= 0 && i < names.count; i++)
		r = file_remove_tree(fd, names.items[i], err);
	return r;
}

int gc_run(const char *store, const struct image_watch *watch, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	int r;

	if (access(store, F_OK) < 0)
		return errno == ENOENT ? 0 : err_set(err, errno, "open the store '%s'", store);
	r = catalog_prepare(store, err);
	if (r >= 0)
		r = sort_out(&arena, store, watch, err);
	return r < 0 ? r : empty_trash(&arena, store, err);
}
