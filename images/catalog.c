// SPDX-License-Identifier: GPL-2.0-or-later
#include "images/catalog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "images/catalog_record.h"
#include "images/reference.h"
#include "runtime/base/file.h"
#include "runtime/base/scope.h"

static const char *const FOLDERS[] = {
	"names", "ids", "removed", "holds", "layers", "disks", "blobs/sha256", "tmp", "trash",
};

int catalog_prepare(const char *store, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	int r = file_make_dirs(store, 0700, err);

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(FOLDERS); i++) {
		const char *path = arena_printf(&arena, "%s/%s", store, FOLDERS[i]);

		r = path ? file_make_dirs(path, 0700, err) : arena_check(&arena, err);
	}
	return r;
}

static int take_lock(const char *store, enum file_lock kind, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const char *path = arena_printf(&arena, "%s/lock", store);

	return path ? file_lock(AT_FDCWD, path, kind, err) : arena_check(&arena, err);
}

int catalog_lock_shared(const char *store, struct err *err)
{
	return take_lock(store, FILE_LOCK_SHARED, err);
}

int catalog_lock_exclusive(const char *store, struct err *err)
{
	return take_lock(store, FILE_LOCK_EXCLUSIVE, err);
}

/* --- finding one --- */

static int not_found(const char *words, struct err *err)
{
	return err_say(err, ENOENT,
		       "image '%s' not found in the store: see 'hull images', or bring it in by 'hull image import'",
		       words);
}

/* The start path: one open, through the symlink, of the record. -ENOENT has no words. */
static int find_full_name(struct arena *arena, const char *store, const struct reference *ref, struct image *ret,
			  struct err *err)
{
	struct catalog_record record;
	char file[REFERENCE_BYTES], name[REFERENCE_BYTES];
	const char *path;
	int r;

	(void)reference_format(ref, name);
	(void)text_copy(file, sizeof(file), name);
	r = catalog_name_to_file(file, err);
	if (r < 0)
		return r;
	path = arena_printf(arena, "%s/names/%s", store, file);
	if (!path)
		return arena_check(arena, err);
	r = catalog_record_read(arena, store, AT_FDCWD, path, &record, err);
	if (r < 0)
		return r;
	*ret = record.image;
	return strv_add(arena, &ret->names, name);
}

/*
 * A name with a digest means the image of that manifest, if an image of that repository is it. A tag beside it says
 * nothing more.
 */
static int find_digest(struct arena *arena, const char *store, const struct reference *wanted, struct image *ret,
		       struct err *err)
{
	struct image *images;
	size_t count;
	int r = catalog_list(arena, store, &images, &count, err);

	for (size_t i = 0; r >= 0 && i < count; i++) {
		if (strcmp(images[i].manifest, wanted->digest) != 0)
			continue;
		for (size_t n = 0; n < images[i].names.count; n++) {
			struct reference name;

			if (reference_parse(images[i].names.items[n], &name, NULL) < 0 ||
			    strcmp(name.registry, wanted->registry) != 0 ||
			    strcmp(name.repository, wanted->repository) != 0)
				continue;
			*ret = images[i];
			return 0;
		}
	}
	return r < 0 ? r : -ENOENT;
}

static int find_name(struct arena *arena, const char *store, const char *words, struct image *ret, struct err *err)
{
	struct reference ref, candidates[REFERENCE_MAX_CANDIDATES];
	int count, r = reference_parse(words, &ref, err);

	if (r < 0)
		return r;
	count = reference_candidates(&ref, candidates);
	r = -ENOENT;
	for (int i = 0; i < count && r == -ENOENT; i++) {
		if (*ref.digest)
			r = find_digest(arena, store, &candidates[i], ret, err);
		else
			r = find_full_name(arena, store, &candidates[i], ret, err);
	}
	return r;
}

static int find_id(struct arena *arena, const char *store, const char *words, const char *hex, struct image *ret,
		   struct err *err)
{
	struct strv files = {0};
	const char *match = NULL;
	struct catalog_record record;
	int r = catalog_folder(arena, store, "ids", &files, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < files.count; i++) {
		/* Only whole records: a temporary name ends otherwise. */
		if (!text_starts(files.items[i], hex) || strlen(files.items[i]) != strlen(".json") + 64)
			continue;
		if (match)
			return err_say(err, EEXIST, "'%s' begins the ids of several images: give more of it", words);
		match = files.items[i];
	}
	if (!match)
		return -ENOENT;
	match = arena_printf(arena, "%s/ids/%s", store, match);
	if (!match)
		return arena_check(arena, err);
	r = catalog_record_read(arena, store, AT_FDCWD, match, &record, err);
	if (r >= 0)
		*ret = record.image;
	return r;
}

int catalog_find(struct arena *arena, const char *store, const char *words, struct image *ret, struct err *err)
{
	/* What a candidate was not is forgotten when another is it. */
	struct err why = ERR_INIT;
	/* "sha256:…" has the form of a repository with a tag, but nobody means that. */
	bool only_id = text_starts(words, "sha256:");
	const char *hex;
	bool may_be_id = reference_is_id(words, &hex);
	int r = only_id ? -ENOENT : find_name(arena, store, words, ret, &why);

	if (r == -EINVAL && may_be_id)
		r = -ENOENT; /* 64 digits are no repository's name */
	if (r == -ENOENT && may_be_id)
		r = find_id(arena, store, words, hex, ret, &why);
	if (r == -ENOENT)
		return not_found(words, err);
	if (r < 0 && err)
		*err = why;
	return r;
}

/* --- all of them --- */

static int newest_first(const void *a, const void *b)
{
	uint64_t left = ((const struct image *)a)->imported_ns, right = ((const struct image *)b)->imported_ns;

	return left < right ? 1 : left > right ? -1 : 0;
}

/* The names of an image: those whose symlink leads to its record. */
static int add_names(struct arena *arena, const char *store, struct image *images, size_t count, struct err *err)
{
	struct strv files = {0};
	int r = catalog_folder(arena, store, "names", &files, err);

	for (size_t i = 0; r >= 0 && i < files.count; i++) {
		const char *target;

		if (catalog_link(arena, store, "names", files.items[i], &target) < 0)
			continue; /* removed meanwhile */
		catalog_name_from_file(files.items[i]);
		for (size_t n = 0; n < count; n++)
			if (strstr(target, catalog_hex(images[n].id)) &&
			    strv_add(arena, &images[n].names, files.items[i]) < 0)
				return arena_check(arena, err);
	}
	return r < 0 ? r : arena_check(arena, err);
}

int catalog_list(struct arena *arena, const char *store, struct image **ret, size_t *ret_count, struct err *err)
{
	struct strv files = {0};
	struct image *images;
	size_t count = 0;
	int r = catalog_folder(arena, store, "ids", &files, err);

	if (r < 0)
		return r;
	images = arena_array(arena, files.count + 1, sizeof(*images));
	for (size_t i = 0; images && i < files.count; i++) {
		struct catalog_record record;
		struct err why = ERR_INIT;
		const char *path = arena_printf(arena, "%s/ids/%s", store, files.items[i]);

		if (!path || !text_ends(path, ".json"))
			continue;
		r = catalog_record_read(arena, store, AT_FDCWD, path, &record, &why);
		if (r == -ENOENT)
			continue; /* removed meanwhile */
		if (r < 0) {
			*err = why;
			return r;
		}
		images[count++] = record.image;
	}
	if (arena_check(arena, err) < 0)
		return -ENOMEM;
	r = add_names(arena, store, images, count, err);
	if (r < 0)
		return r;
	qsort(images, count, sizeof(*images), newest_first);
	*ret = images;
	*ret_count = count;
	return 0;
}
