// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Changes of the catalog: images and names put in, moved, removed. Each appears or goes by one rename, symlink or
 * unlink.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "images/catalog.h"
#include "images/catalog_record.h"
#include "images/reference.h"
#include "runtime/base/scope.h"

/*
 * Makes names/NAME lead to the image: a symlink under another name, then a rename, so that the name is never missing.
 */
static int link_name(const char *store, const char *hex, const char *full_name, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	char *file = arena_strdup(&arena, full_name);
	const char *temporary = arena_printf(&arena, "%s/tmp/name.%d", store, (int)getpid());
	const char *target = arena_printf(&arena, "../ids/%s.json", hex);
	const char *path;
	int r;

	if (arena_check(&arena, err) < 0)
		return -ENOMEM;
	r = catalog_name_to_file(file, err);
	if (r < 0)
		return r;
	path = arena_printf(&arena, "%s/names/%s", store, file);
	if (!path)
		return arena_check(&arena, err);
	if (unlink(temporary) < 0 && errno != ENOENT) /* of an earlier process with this pid */
		return err_set(err, errno, "remove '%s'", temporary);
	if (symlink(target, temporary) < 0)
		return err_set(err, errno, "make '%s'", temporary);
	if (rename(temporary, path) < 0) {
		r = err_set(err, errno, "name the image '%s'", full_name);
		(void)unlink(temporary);
		return r;
	}
	return catalog_sync_folder(store, "names", err);
}

/* The manifest that an image came with stays its manifest when it comes again in a form that has none. */
static const char *known_manifest(struct arena *arena, const char *store, const char *hex)
{
	struct catalog_record record;
	const char *path = arena_printf(arena, "%s/ids/%s.json", store, hex);

	if (!path || catalog_record_read(arena, store, AT_FDCWD, path, &record, NULL) < 0 || !*record.image.manifest)
		return NULL;
	return arena_strdup(arena, record.image.manifest);
}

int catalog_put(const char *store, const struct catalog_entry *entry, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct catalog_entry whole = *entry;
	int r;

	if (!whole.manifest)
		whole.manifest = known_manifest(&arena, store, catalog_hex(entry->id));
	r = catalog_record_write(store, &whole, err);
	if (r >= 0 && entry->name)
		r = link_name(store, catalog_hex(entry->id), entry->name, err);
	return r < 0 ? r : 0;
}

int catalog_tag(const char *store, const char *id, const char *name, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_FD int lock = -1;
	char full_name[REFERENCE_BYTES];
	struct reference ref;
	struct image image;
	int r = reference_for_import(name, &ref, err);

	if (r < 0)
		return r;
	lock = catalog_lock_shared(store, err);
	if (lock < 0)
		return lock;
	r = catalog_find(&arena, store, id, &image, err);
	if (r < 0)
		return r;
	return link_name(store, catalog_hex(image.id), reference_format(&ref, full_name), err);
}

/* --- removing --- */

/*
 * The image that `words` mean, with all its names. *ret_by_name: the full name they are, or NULL when they are an id.
 */
static int find_victim(struct arena *arena, const char *store, const char *words, struct image *ret,
		       const char **ret_by_name, struct err *err)
{
	struct image found, *images;
	size_t count;
	int r = catalog_find(arena, store, words, &found, err);

	if (r >= 0)
		r = catalog_list(arena, store, &images, &count, err);
	if (r < 0)
		return r;
	*ret_by_name = found.names.count == 1 && !strchr(words, '@') ? found.names.items[0] : NULL;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(images[i].id, found.id) == 0) {
			*ret = images[i];
			return 0;
		}
	}
	return err_say(err, ENOENT, "image '%s' not found in the store", words);
}

/* The instance that holds an image, or NULL. */
static int find_holder(struct arena *arena, const char *store, const char *id, const char **ret, struct err *err)
{
	struct strv holds = {0};
	int r = catalog_holds(arena, store, &holds, err);

	*ret = NULL;
	for (size_t i = 0; r >= 0 && i < holds.count; i++) {
		char *equals = strchr(holds.items[i], '=');

		if (strcmp(equals + 1, id) != 0)
			continue;
		*equals = '\0';
		*ret = holds.items[i];
	}
	return r;
}

static int unlink_names(struct arena *arena, const char *store, const struct strv *names, struct err *err)
{
	for (size_t i = 0; i < names->count; i++) {
		char *file = arena_strdup(arena, names->items[i]);
		const char *path;
		int r = file ? catalog_name_to_file(file, err) : arena_check(arena, err);

		if (r < 0)
			return r;
		path = arena_printf(arena, "%s/names/%s", store, file);
		if (!path)
			return arena_check(arena, err);
		if (unlink(path) < 0 && errno != ENOENT)
			return err_set(err, errno, "remove the name '%s'", names->items[i]);
	}
	return catalog_sync_folder(store, "names", err);
}

/* An image that is still held goes out of sight only: its record tells gc which layers the holder needs. */
static int drop_record(struct arena *arena, const char *store, const char *id, bool held, struct err *err)
{
	const char *path = arena_printf(arena, "%s/ids/%s.json", store, catalog_hex(id));
	const char *removed = arena_printf(arena, "%s/removed/%s.json", store, catalog_hex(id));
	int r;

	if (arena_check(arena, err) < 0)
		return -ENOMEM;
	if ((held ? rename(path, removed) : unlink(path)) < 0)
		return err_set(err, errno, "remove '%s'", path);
	r = held ? catalog_sync_folder(store, "removed", err) : 0;
	return r < 0 ? r : catalog_sync_folder(store, "ids", err);
}

static int check_removal(const char *words, const struct image *victim, bool by_name, const char *holder,
			 struct err *err)
{
	if (!by_name && victim->names.count > 1)
		return err_say(err, EBUSY, "image '%s' has %zu names: remove them by name, or use --force", words,
			       victim->names.count);
	if (holder)
		return err_say(err, EBUSY, "image '%s' is used by container '%s': remove that first, or use --force",
			       words, holder);
	return 0;
}

/* The lock is held exclusively: nobody holds the image between the look and the removal. */
static int remove_locked(struct arena *arena, const char *store, const char *words, bool force,
			 struct catalog_removal *removal, struct err *err)
{
	const char *by_name, *holder = NULL;
	struct image victim;
	int r = find_victim(arena, store, words, &victim, &by_name, err);

	if (r < 0)
		return r;
	if (by_name && victim.names.count > 1) { /* the image keeps its other names */
		r = strv_add(arena, &removal->untagged, by_name);
		return r < 0 ? arena_check(arena, err) : unlink_names(arena, store, &removal->untagged, err);
	}
	r = find_holder(arena, store, victim.id, &holder, err);
	if (r >= 0 && !force)
		r = check_removal(words, &victim, by_name != NULL, holder, err);
	if (r >= 0)
		r = unlink_names(arena, store, &victim.names, err);
	if (r >= 0)
		r = drop_record(arena, store, victim.id, holder != NULL, err);
	if (r < 0)
		return r;
	removal->untagged = victim.names;
	return text_copy(removal->id, sizeof(removal->id), victim.id);
}

int catalog_remove(struct arena *arena, const char *store, const char *words, bool force, struct catalog_removal *ret,
		   struct err *err)
{
	struct catalog_removal removal = {0};
	CLEANUP_FD int lock = -1;
	int r;

	if (access(store, F_OK) < 0)
		return err_say(err, ENOENT, "image '%s' not found in the store", words);
	lock = catalog_lock_exclusive(store, err);
	r = lock < 0 ? lock : remove_locked(arena, store, words, force, &removal, err);
	if (r < 0)
		return r;
	*ret = removal;
	return 0;
}
