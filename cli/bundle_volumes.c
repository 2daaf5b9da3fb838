// SPDX-License-Identifier: GPL-2.0-or-later
/* Volumes: -v, --mount, --tmpfs, another container's, and those that the image asks for. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cli/bundle_parts.h"
#include "cli/instance.h"
#include "cli/volume.h"

static struct extension_volume *new_volume(struct bundling *b, enum extension_volume_kind kind, const char *destination)
{
	struct extension_volume *volume = LIST_ADD(b->arena, &b->extension->volumes);

	if (volume)
		*volume = (struct extension_volume){.kind = kind, .destination = destination};
	return volume;
}

static bool is_taken(const struct bundling *b, const char *destination)
{
	for (size_t i = 0; i < b->extension->volumes.count; i++)
		if (strcmp(b->extension->volumes.items[i].destination, destination) == 0)
			return true;
	return false;
}

static int name_volume(struct bundling *b, struct extension_volume *volume, const char *name, struct err *err)
{
	if (name && volume_check_name(name, err) < 0)
		return err_hint(err, "a folder of the host is an absolute path, or begins with './'");
	volume->name = name ? name : volume_make_up_name(b->arena);
	volume->idmap = true;
	if (*b->volumes_lock < 0)
		*b->volumes_lock = volume_lock(b->hull, FILE_LOCK_SHARED, err);
	if (*b->volumes_lock < 0)
		return *b->volumes_lock;
	return volume->name ? volume_make(b->arena, b->hull, volume->name, &volume->source, err)
			    : arena_check(b->arena, err);
}

/* A folder of the host is taken as it is now: no symlink is followed later. */
static int find_source(struct bundling *b, struct extension_volume *volume, const char *source, struct err *err)
{
	char path[PATH_MAX];

	if (!realpath(source, path))
		return err_set(err, errno, "'%s'", source);
	volume->source = arena_strdup(b->arena, path);
	return arena_check(b->arena, err);
}

/* --- One word of options ------------------------------------------------------------------------------------------ */

/* Words that mean something to hull; others must be options of a mount. */
static bool set_flag(struct extension_volume *volume, const char *word)
{
	if (strcmp(word, "ro") == 0 || strcmp(word, "readonly") == 0)
		volume->read_only = true;
	else if (strcmp(word, "rw") == 0)
		volume->read_only = false;
	else if (strcmp(word, "idmap") == 0)
		volume->idmap = true;
	else if (strcmp(word, "U") == 0)
		volume->chown = true;
	else
		return false;
	return true;
}

static const char *const mount_words[] = {
	"exec",	   "noexec", "suid",   "nosuid",     "dev",	    "nodev",   "private",  "rprivate",	  "shared",
	"rshared", "slave",  "rslave", "unbindable", "runbindable", "noatime", "relatime", "strictatime", "nosymfollow",
};

static int add_option(struct bundling *b, struct extension_volume *volume, const char *word, struct err *err)
{
	if (set_flag(volume, word))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(mount_words); i++)
		if (strcmp(mount_words[i], word) == 0)
			return strv_add(b->arena, &volume->options, word) < 0 ? arena_check(b->arena, err) : 0;
	if (strcmp(word, "z") == 0 || strcmp(word, "Z") == 0)
		return err_say(err, ENOTSUP, "'%s' is for SELinux labels, which hull does not change: leave it out",
			       word);
	return err_say(err, EINVAL, "unknown word '%s': ro, rw, idmap, U or an option of a mount", word);
}

/* --- -v [SOURCE:]DIR[:WORD,WORD] ---------------------------------------------------------------------------------- */

static bool is_path(const char *source)
{
	return source[0] == '/' || source[0] == '.' || source[0] == '~';
}

static int add_volume(struct bundling *b, const char *words, struct err *err)
{
	struct strv parts = {0}, options = {0};
	struct extension_volume *volume;
	const char *source, *destination;
	int result;

	if (strv_split(b->arena, &parts, words, ":", true) < 0)
		return arena_check(b->arena, err);
	source = parts.count > 1 ? parts.items[0] : NULL;
	destination = parts.items[parts.count > 1 ? 1 : 0];
	if (parts.count > 3 || (source && !*source))
		return err_say(err, EINVAL, "option '--volume': '%s': want [SOURCE:]DIR[:OPTIONS]", words);
	result = bundle_check_inside("--volume", destination, err);
	if (result < 0)
		return result;
	volume = new_volume(b, source && is_path(source) ? VOLUME_HOST : VOLUME_NAMED, destination);
	if (!volume || (parts.count > 2 && strv_split(b->arena, &options, parts.items[2], ",", false) < 0))
		return arena_check(b->arena, err);
	/* Before anything is made: a word that is wrong leaves no volume behind. */
	for (size_t i = 0; i < options.count; i++) {
		result = add_option(b, volume, options.items[i], err);
		if (result < 0)
			return err_wrap(err, "option '--volume'");
	}
	result =
		volume->kind == VOLUME_HOST ? find_source(b, volume, source, err) : name_volume(b, volume, source, err);
	return result < 0 ? err_wrap(err, "option '--volume'") : 0;
}

/* --- --tmpfs DIR[:OPTIONS] ---------------------------------------------------------------------------------------- */

static int add_tmpfs(struct bundling *b, const char *words, struct err *err)
{
	size_t len = strcspn(words, ":");
	const char *destination = arena_strndup(b->arena, words, len);
	struct extension_volume *volume = new_volume(b, VOLUME_TMPFS, destination);
	struct strv options = {0};
	int result = bundle_check_inside("--tmpfs", destination, err);

	if (result < 0)
		return result;
	if (!volume || strv_split(b->arena, &options, words[len] ? words + len + 1 : "", ",", false) < 0 ||
	    strv_add(b->arena, &volume->options, "noexec") < 0)
		return arena_check(b->arena, err);
	for (size_t i = 0; i < options.count; i++)
		if (!set_flag(volume, options.items[i]) && strv_add(b->arena, &volume->options, options.items[i]) < 0)
			return arena_check(b->arena, err);
	return 0;
}

/* --- --mount type=TYPE,source=SOURCE,target=DIR,... --------------------------------------------------------------- */

struct mount_words {
	const char *type, *source, *target, *size, *mode, *propagation;
	bool read_only, idmap, chown;
};

static const struct {
	const char *names[4];
	size_t offset;
	bool is_flag;
} mount_keys[] = {
	{{"type"}, offsetof(struct mount_words, type), false},
	{{"source", "src"}, offsetof(struct mount_words, source), false},
	{{"target", "destination", "dst"}, offsetof(struct mount_words, target), false},
	{{"tmpfs-size"}, offsetof(struct mount_words, size), false},
	{{"tmpfs-mode"}, offsetof(struct mount_words, mode), false},
	{{"bind-propagation"}, offsetof(struct mount_words, propagation), false},
	{{"readonly", "ro"}, offsetof(struct mount_words, read_only), true},
	{{"idmap"}, offsetof(struct mount_words, idmap), true},
	{{"U", "chown"}, offsetof(struct mount_words, chown), true},
};

static int take_key(struct bundling *b, struct mount_words *to, const char *pair, struct err *err)
{
	size_t len = strcspn(pair, "=");
	const char *value = pair[len] ? pair + len + 1 : NULL;

	for (size_t i = 0; i < ARRAY_SIZE(mount_keys); i++) {
		for (size_t n = 0; n < ARRAY_SIZE(mount_keys[i].names) && mount_keys[i].names[n]; n++) {
			if (strlen(mount_keys[i].names[n]) != len || strncmp(mount_keys[i].names[n], pair, len) != 0)
				continue;
			if (mount_keys[i].is_flag)
				*(bool *)((char *)to + mount_keys[i].offset) =
					!value || strcmp(value, "true") == 0 || strcmp(value, "1") == 0;
			else if (value)
				*(const char **)((char *)to + mount_keys[i].offset) = arena_strdup(b->arena, value);
			else
				return err_say(err, EINVAL, "'%s' needs a value", pair);
			return 0;
		}
	}
	return err_say(err, EINVAL, "unknown key '%.*s'", (int)len, pair);
}

static int fill_tmpfs(struct bundling *b, const struct mount_words *words, struct extension_volume *volume,
		      struct err *err)
{
	uint64_t bytes;

	(void)strv_add(b->arena, &volume->options, "noexec");
	if (words->source)
		return err_say(err, EINVAL, "a tmpfs has no source");
	if (words->size && text_size(words->size, &bytes) < 0)
		return err_say(err, EINVAL, "'%s' is no size", words->size);
	if (words->size)
		(void)strv_add(b->arena, &volume->options,
			       arena_printf(b->arena, "size=%llu", (unsigned long long)bytes));
	if (words->mode)
		(void)strv_add(b->arena, &volume->options, arena_printf(b->arena, "mode=%s", words->mode));
	return arena_check(b->arena, err);
}

static int fill_mount(struct bundling *b, const struct mount_words *words, struct extension_volume *volume,
		      struct err *err)
{
	volume->read_only = words->read_only;
	volume->chown = words->chown;
	volume->idmap = words->idmap;
	if (words->propagation) {
		int result = add_option(b, volume, words->propagation, err);

		if (result < 0)
			return result;
	}
	switch (volume->kind) {
	case VOLUME_TMPFS:
		return fill_tmpfs(b, words, volume, err);
	case VOLUME_NAMED:
		return name_volume(b, volume, words->source, err);
	case VOLUME_HOST:
		return words->source ? find_source(b, volume, words->source, err)
				     : err_say(err, EINVAL, "a bind mount needs a source");
	}
	return -EINVAL;
}

static int add_mount(struct bundling *b, const char *words, struct err *err)
{
	struct mount_words taken = {.type = "volume"};
	struct strv pairs = {0};
	enum extension_volume_kind kind;
	struct extension_volume *volume;
	int result = strv_split(b->arena, &pairs, words, ",", false) < 0 ? arena_check(b->arena, err) : 0;

	for (size_t i = 0; result >= 0 && i < pairs.count; i++)
		result = take_key(b, &taken, pairs.items[i], err);
	if (result < 0)
		return err_wrap(err, "option '--mount'");
	if (strcmp(taken.type, "bind") == 0)
		kind = VOLUME_HOST;
	else if (strcmp(taken.type, "tmpfs") == 0)
		kind = VOLUME_TMPFS;
	else if (strcmp(taken.type, "volume") == 0)
		kind = VOLUME_NAMED;
	else
		return err_say(err, EINVAL, "option '--mount': unknown type '%s': bind, volume or tmpfs", taken.type);
	result = bundle_check_inside("--mount", taken.target, err);
	if (result < 0)
		return result;
	volume = new_volume(b, kind, taken.target);
	if (!volume)
		return arena_check(b->arena, err);
	return fill_mount(b, &taken, volume, err) < 0 ? err_wrap(err, "option '--mount'") : 0;
}

/* --- --volumes-from CONTAINER[:ro|rw] ---------------------------------------------------------------------------- */

static int share_volume(struct bundling *b, const struct extension_volume *theirs, bool read_only, struct err *err)
{
	struct extension_volume *volume;

	/* What is in memory is theirs alone. */
	if (theirs->kind == VOLUME_TMPFS || is_taken(b, theirs->destination))
		return 0;
	volume = new_volume(b, theirs->kind, theirs->destination);
	if (!volume)
		return arena_check(b->arena, err);
	*volume = *theirs;
	volume->read_only |= read_only;
	/* The files are owned as the other one needs them. */
	volume->chown = false;
	return volume->kind == VOLUME_NAMED ? name_volume(b, volume, theirs->name, err) : 0;
}

static int add_volumes_from(struct bundling *b, const char *words, struct err *err)
{
	size_t len = strcspn(words, ":");
	const char *name = arena_strndup(b->arena, words, len), *mode = words[len] ? words + len + 1 : "rw";
	bool read_only = strcmp(mode, "ro") == 0;
	struct instance_view other;
	int result = name ? 0 : arena_check(b->arena, err);

	if (result >= 0 && !read_only && strcmp(mode, "rw") != 0)
		result = err_say(err, EINVAL, "'%s': want CONTAINER, CONTAINER:ro or CONTAINER:rw", words);
	if (result >= 0)
		result = instance_look(b->request->call, b->request->stores, name, &other, err);
	for (size_t i = 0; result >= 0 && i < other.extension->volumes.count; i++)
		result = share_volume(b, &other.extension->volumes.items[i], read_only, err);
	return result < 0 ? err_wrap(err, "option '--volumes-from'") : 0;
}

/* --- The image's -------------------------------------------------------------------------------------------------- */

static int add_images(struct bundling *b, struct err *err)
{
	const struct strv *wanted = b->request->image ? &b->request->image->config.volumes : &(struct strv){0};

	for (size_t i = 0; i < wanted->count; i++) {
		struct extension_volume *volume;
		int result;

		if (is_taken(b, wanted->items[i]))
			continue;
		volume = new_volume(b, VOLUME_NAMED, wanted->items[i]);
		result = volume ? name_volume(b, volume, NULL, err) : arena_check(b->arena, err);
		if (result < 0)
			return err_wrap(err, "the image's volume '%s'", wanted->items[i]);
	}
	return 0;
}

static int for_each(struct bundling *b, const struct strv *list,
		    int (*add)(struct bundling *b, const char *words, struct err *err), struct err *err)
{
	int result = 0;

	for (size_t i = 0; result >= 0 && i < list->count; i++)
		result = add(b, list->items[i], err);
	return result;
}

int bundle_volumes(struct bundling *b, struct err *err)
{
	int result = for_each(b, &b->options->volumes, add_volume, err);

	if (result >= 0)
		result = for_each(b, &b->options->mounts, add_mount, err);
	if (result >= 0)
		result = for_each(b, &b->options->tmpfs, add_tmpfs, err);
	/* The last one that is named wins, and so is the first here. */
	for (size_t i = b->options->volumes_from.count; result >= 0 && i > 0; i--)
		result = add_volumes_from(b, b->options->volumes_from.items[i - 1], err);
	return result < 0 ? result : add_images(b, err);
}
