// SPDX-License-Identifier: GPL-2.0-or-later
#include "images/catalog_record.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/xattr.h>

#include "images/reference.h"
#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "runtime/base/process.h"
#include "runtime/base/scope.h"

const char *catalog_hex(const char *id)
{
	return id && text_starts(id, "sha256:") && reference_is_digest(id) ? id + strlen("sha256:") : NULL;
}

static void swap_separators(char *name)
{
	for (; *name; name++)
		*name = *name == '/' ? ',' : *name == ',' ? '/' : *name;
}

int catalog_name_to_file(char *name, struct err *err)
{
	if (strlen(name) > NAME_MAX)
		return err_say(err, ENAMETOOLONG, "image name '%s': the store takes up to %d characters", name,
			       NAME_MAX);
	swap_separators(name);
	return 0;
}

void catalog_name_from_file(char *name)
{
	swap_separators(name);
}

/* --- reading --- */

static int read_digest(const struct json *document, const char *key, char to[static IMAGE_ID_BYTES], struct err *err)
{
	const struct json *value = json_get(document, key);
	const char *words = "";
	int r = value ? json_string(value, &words, err) : 0;

	if (r < 0)
		return r;
	if (*words && !catalog_hex(words))
		return json_complain(value, err, "not a sha256 digest");
	return text_copy(to, IMAGE_ID_BYTES, words);
}

static int read_number(const struct json *document, const char *key, uint64_t *ret, struct err *err)
{
	const struct json *value = json_get(document, key);

	return value ? json_u64(value, ret, err) : json_complain(document, err, "'%s' is missing", key);
}

/* Layers are kept as the digits of their diff IDs, so that the store can be moved as a whole. */
static int read_layers(struct arena *arena, const struct json *document, const char *store, struct image *image,
		       struct err *err)
{
	const struct json *list = json_get(document, "layers");
	const char **paths;
	size_t count = 0;
	int r = list ? json_want(list, JSON_ARRAY, err) : json_complain(document, err, "'layers' is missing");

	if (r < 0)
		return r;
	paths = arena_array(arena, list->children.count + 1, sizeof(*paths));
	if (!paths)
		return arena_check(arena, err);
	json_each (item, list) {
		const char *hex, *found;

		r = json_string(item, &hex, err);
		if (r < 0)
			return r;
		if (strlen(hex) != 64 || !reference_is_id(hex, &found))
			return json_complain(item, err, "not the digits of a digest");
		paths[count++] = arena_printf(arena, "%s/layers/%s", store, hex);
	}
	image->layers = paths;
	image->layer_count = count;
	return arena_check(arena, err);
}

static int parse_record(struct arena *arena, const char *store, const struct json *document, struct image *image,
			struct err *err)
{
	const struct json *config = json_get(document, "image");
	int r = json_want(document, JSON_OBJECT, err);

	if (r >= 0)
		r = read_digest(document, "id", image->id, err);
	if (r >= 0 && !*image->id)
		r = json_complain(document, err, "'id' is missing");
	if (r >= 0)
		r = read_digest(document, "manifest", image->manifest, err);
	if (r >= 0)
		r = read_number(document, "size", &image->size_bytes, err);
	if (r >= 0)
		r = read_number(document, "imported_ns", &image->imported_ns, err);
	if (r >= 0)
		r = read_layers(arena, document, store, image, err);
	if (r >= 0 && !config)
		r = json_complain(document, err, "'image' is missing");
	if (r >= 0)
		r = manifest_read_config(arena, config, &image->config, NULL, err);
	return r;
}

int catalog_record_read(struct arena *arena, const char *store, int dirfd, const char *name, struct catalog_record *ret,
			struct err *err)
{
	struct catalog_record record = {0};
	const struct json *document;
	char *data;
	size_t len;
	int r = file_read(arena, dirfd, name, JSON_MAX_BYTES, &data, &len, err);

	if (r == -ENOENT)
		return r;
	if (r >= 0) {
		r = json_parse(arena, data, len, "image record", &document, err);
		if (r >= 0)
			r = parse_record(arena, store, document, &record.image, err);
		if (r < 0)
			(void)err_wrap(err, "'%s'", name);
	}
	if (r < 0)
		return err_hint(err, "pull or import that image again, or remove the file");
	*ret = record;
	ret->hex = catalog_hex(ret->image.id);
	return 0;
}

/* --- writing --- */

/* Overlay does not ask a layer's root whether it is opaque; so what is below it is left out here. */
static bool is_opaque(const char *store, const char *hex)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const char *path = arena_printf(&arena, "%s/layers/%s", store, hex);
	char value = '\0';

	return path && getxattr(path, IMAGE_OPAQUE_XATTR, &value, 1) == 1 && value == 'y';
}

static bool is_repeated_above(const struct strv *diff_ids, size_t index)
{
	for (size_t above = index + 1; above < diff_ids->count; above++)
		if (strcmp(diff_ids->items[above], diff_ids->items[index]) == 0)
			return true;
	return false;
}

/*
 * Top first, and each layer once: overlay refuses a folder that it already has, and of two occurrences of one layer the
 * lower is wholly hidden by the upper, file for file.
 */
static void write_layers(struct json_writer *w, const char *store, const struct strv *diff_ids)
{
	json_open_array(w, "layers");
	for (size_t i = diff_ids->count; i-- > 0;) {
		const char *hex = catalog_hex(diff_ids->items[i]);

		if (!is_repeated_above(diff_ids, i))
			json_put_string(w, NULL, hex);
		if (is_opaque(store, hex))
			break;
	}
	json_close_array(w);
}

int catalog_record_write(const char *store, const struct catalog_entry *entry, struct err *err)
{
	CLEANUP_TEXT struct text out = TEXT_INIT;
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct json_writer w = {.out = &out};
	const char *path = arena_printf(&arena, "%s/ids/%s.json", store, catalog_hex(entry->id));

	json_open(&w, NULL);
	json_put_string(&w, "id", entry->id);
	if (entry->manifest)
		json_put_string(&w, "manifest", entry->manifest);
	json_put_u64(&w, "size", entry->size_bytes);
	json_put_u64(&w, "imported_ns", proc_now_ns());
	write_layers(&w, store, entry->diff_ids);
	manifest_write_config(&w, "image", entry->config, NULL);
	json_close(&w);
	if (text_check(&out, err) < 0 || arena_check(&arena, err) < 0)
		return -ENOMEM;
	return file_replace(AT_FDCWD, path, out.data, out.len, 0600, FILE_DURABLE, err);
}

/* --- folders of the store --- */

int catalog_folder(struct arena *arena, const char *store, const char *folder, struct strv *ret, struct err *err)
{
	const char *path = arena_printf(arena, "%s/%s", store, folder);
	CLEANUP_DIR DIR *dir = path ? opendir(path) : NULL;
	const struct dirent *entry;

	if (!path)
		return arena_check(arena, err);
	if (!dir)
		return errno == ENOENT ? 0 : err_set(err, errno, "open '%s'", path);
	errno = 0;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] != '.' && strv_add(arena, ret, entry->d_name) < 0)
			return arena_check(arena, err);
		errno = 0;
	}
	return errno ? err_set(err, errno, "read '%s'", path) : 0;
}

int catalog_link(struct arena *arena, const char *store, const char *folder, const char *name, const char **ret)
{
	char target[PATH_MAX];
	const char *path = arena_printf(arena, "%s/%s/%s", store, folder, name);
	ssize_t len = path ? readlink(path, target, sizeof(target) - 1) : -1;

	if (!path)
		return -ENOMEM;
	if (len < 0)
		return -errno;
	*ret = arena_strndup(arena, target, (size_t)len);
	return *ret ? 0 : -ENOMEM;
}

int catalog_sync_folder(const char *store, const char *folder, struct err *err)
{
	CLEANUP_FD int storefd = file_open_dir(AT_FDCWD, store, err);
	CLEANUP_FD int fd = storefd < 0 ? storefd : file_open_dir(storefd, folder, err);

	if (fd < 0)
		return fd;
	return fsync(fd) < 0 ? err_set(err, errno, "sync '%s/%s'", store, folder) : 0;
}
