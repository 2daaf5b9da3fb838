/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "namespaces/mount_options.h"

#include <string.h>
#include <sys/mount.h>

#include "runtime/base/scope.h"

enum option_kind {
	SETS,	    /* an attribute of the mount */
	CLEARS,	    /* the same, off */
	CLEARS_TOO, /* the same by another name */
	SUPER_SETS, /* a flag of the file system */
	SUPER_CLEARS,
	PROPAGATES,
	SAYS, /* a bool of struct mount_options */
	MAPS, /* enum mount_idmap_option */
	NOTHING,
};

/* The bools, as bits of one row. */
enum { SAY_BIND = 1, SAY_BIND_TREE = 2, SAY_REMOUNT = 4, SAY_COPY_UP = 8, SAY_NOFOLLOW = 16 };

struct option_row {
	const char *name;
	enum option_kind kind;
	uint64_t value;
	bool tree; /* an attribute of everything below as well */
};

/*
 * Sorted by name, which is how `features` lists them. An atime mode is one field of three bits whose value 0 is
 * 'relatime', so each word that takes a mode away clears the field.
 */
static const struct option_row options_known[] = {
	{"async", SUPER_CLEARS, MS_SYNCHRONOUS, false},
	{"atime", CLEARS_TOO, MOUNT_ATTR__ATIME, false},
	{"bind", SAYS, SAY_BIND, false},
	{"defaults", NOTHING, 0, false},
	{"dev", CLEARS, MOUNT_ATTR_NODEV, false},
	{"diratime", CLEARS, MOUNT_ATTR_NODIRATIME, false},
	{"dirsync", SUPER_SETS, MS_DIRSYNC, false},
	{"exec", CLEARS, MOUNT_ATTR_NOEXEC, false},
	{"idmap", MAPS, MOUNT_IDMAP_ONE, false},
	{"iversion", SUPER_SETS, MS_I_VERSION, false},
	{"lazytime", SUPER_SETS, MS_LAZYTIME, false},
	{"loud", SUPER_CLEARS, MS_SILENT, false},
	{"mand", SUPER_SETS, MS_MANDLOCK, false},
	{"noatime", SETS, MOUNT_ATTR_NOATIME, false},
	{"nodev", SETS, MOUNT_ATTR_NODEV, false},
	{"nodiratime", SETS, MOUNT_ATTR_NODIRATIME, false},
	{"noexec", SETS, MOUNT_ATTR_NOEXEC, false},
	{"noiversion", SUPER_CLEARS, MS_I_VERSION, false},
	{"nolazytime", SUPER_CLEARS, MS_LAZYTIME, false},
	{"nomand", SUPER_CLEARS, MS_MANDLOCK, false},
	{"norelatime", CLEARS_TOO, MOUNT_ATTR__ATIME, false},
	{"nostrictatime", CLEARS_TOO, MOUNT_ATTR__ATIME, false},
	{"nosuid", SETS, MOUNT_ATTR_NOSUID, false},
	{"nosymfollow", SETS, MOUNT_ATTR_NOSYMFOLLOW, false},
	{"private", PROPAGATES, MS_PRIVATE, false},
	{"ratime", CLEARS_TOO, MOUNT_ATTR__ATIME, true},
	{"rbind", SAYS, SAY_BIND | SAY_BIND_TREE, false},
	{"rdev", CLEARS, MOUNT_ATTR_NODEV, true},
	{"rdiratime", CLEARS, MOUNT_ATTR_NODIRATIME, true},
	{"relatime", CLEARS, MOUNT_ATTR__ATIME, false},
	{"remount", SAYS, SAY_REMOUNT, false},
	{"rexec", CLEARS, MOUNT_ATTR_NOEXEC, true},
	{"ridmap", MAPS, MOUNT_IDMAP_TREE, false},
	{"rnoatime", SETS, MOUNT_ATTR_NOATIME, true},
	{"rnodev", SETS, MOUNT_ATTR_NODEV, true},
	{"rnodiratime", SETS, MOUNT_ATTR_NODIRATIME, true},
	{"rnoexec", SETS, MOUNT_ATTR_NOEXEC, true},
	{"rnorelatime", CLEARS_TOO, MOUNT_ATTR__ATIME, true},
	{"rnostrictatime", CLEARS_TOO, MOUNT_ATTR__ATIME, true},
	{"rnosuid", SETS, MOUNT_ATTR_NOSUID, true},
	{"rnosymfollow", SETS, MOUNT_ATTR_NOSYMFOLLOW, true},
	{"ro", SETS, MOUNT_ATTR_RDONLY, false},
	{"rprivate", PROPAGATES, MS_PRIVATE | MS_REC, false},
	{"rrelatime", CLEARS, MOUNT_ATTR__ATIME, true},
	{"rro", SETS, MOUNT_ATTR_RDONLY, true},
	{"rrw", CLEARS, MOUNT_ATTR_RDONLY, true},
	{"rshared", PROPAGATES, MS_SHARED | MS_REC, false},
	{"rslave", PROPAGATES, MS_SLAVE | MS_REC, false},
	{"rstrictatime", SETS, MOUNT_ATTR_STRICTATIME, true},
	{"rsuid", CLEARS, MOUNT_ATTR_NOSUID, true},
	{"rsymfollow", CLEARS, MOUNT_ATTR_NOSYMFOLLOW, true},
	{"runbindable", PROPAGATES, MS_UNBINDABLE | MS_REC, false},
	{"rw", CLEARS, MOUNT_ATTR_RDONLY, false},
	{"shared", PROPAGATES, MS_SHARED, false},
	{"silent", SUPER_SETS, MS_SILENT, false},
	{"slave", PROPAGATES, MS_SLAVE, false},
	{"src-nofollow", SAYS, SAY_NOFOLLOW, false},
	{"strictatime", SETS, MOUNT_ATTR_STRICTATIME, false},
	{"suid", CLEARS, MOUNT_ATTR_NOSUID, false},
	{"symfollow", CLEARS, MOUNT_ATTR_NOSYMFOLLOW, false},
	{"sync", SUPER_SETS, MS_SYNCHRONOUS, false},
	{"tmpcopyup", SAYS, SAY_COPY_UP, false},
	{"unbindable", PROPAGATES, MS_UNBINDABLE, false},
};

static const struct option_row *find_option(const char *name)
{
	size_t low = 0, high = ARRAY_SIZE(options_known);

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(name, options_known[middle].name);

		if (order == 0)
			return &options_known[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* The bits that a row of an attribute decides on. */
static uint64_t field_of(const struct option_row *row)
{
	return row->value & MOUNT_ATTR__ATIME ? MOUNT_ATTR__ATIME : row->value;
}

static void change_attribute(struct mount_change *change, const struct option_row *row)
{
	uint64_t field = field_of(row);

	change->set &= ~field;
	change->clear &= ~field;
	if (row->kind == SETS)
		change->set |= row->value;
	else
		change->clear |= row->value;
}

static void apply_option(struct mount_options *options, const struct option_row *row)
{
	switch (row->kind) {
	case SETS:
	case CLEARS:
	case CLEARS_TOO:
		change_attribute(row->tree ? &options->tree : &options->one, row);
		break;
	case SUPER_SETS:
		options->super_flags |= row->value;
		break;
	case SUPER_CLEARS:
		options->super_flags &= ~row->value;
		break;
	case PROPAGATES:
		options->propagation = row->value;
		break;
	case SAYS:
		options->bind |= (row->value & SAY_BIND) != 0;
		options->bind_tree |= (row->value & SAY_BIND_TREE) != 0;
		options->remount |= (row->value & SAY_REMOUNT) != 0;
		options->copy_up |= (row->value & SAY_COPY_UP) != 0;
		options->source_nofollow |= (row->value & SAY_NOFOLLOW) != 0;
		break;
	case MAPS:
		options->idmap = (enum mount_idmap_option)row->value;
		break;
	case NOTHING:
		break;
	}
}

static int check_sense(const struct mount_options *options, struct err *err)
{
	if (options->bind && options->data)
		return err_say(err, EINVAL, "mount option '%s' means nothing for a bind mount", options->data);
	if (options->bind && options->copy_up)
		return err_say(err, EINVAL, "mount option 'tmpcopyup' is for tmpfs, not for a bind mount");
	if (!options->bind && options->idmap != MOUNT_IDMAP_UNSAID)
		return err_say(err, EINVAL, "mount option 'idmap' is for bind mounts only");
	if (!options->bind && options->source_nofollow)
		return err_say(err, EINVAL, "mount option 'src-nofollow' is for bind mounts only");
	return 0;
}

int mount_options_parse(struct arena *arena, const struct strv *options, struct mount_options *ret, struct err *err)
{
	CLEANUP_TEXT struct text data = {.max_bytes = 4096};
	struct mount_options parsed = {0};
	int r;

	for (size_t i = 0; i < options->count; i++) {
		const char *word = options->items[i];
		const struct option_row *row = find_option(word);

		if (!*word)
			return err_say(err, EINVAL, "an empty mount option");
		if (row)
			apply_option(&parsed, row);
		else
			text_addf(&data, "%s%s", data.len ? "," : "", word);
	}
	if (text_check(&data, NULL) < 0)
		return err_say(err, EINVAL, "the mount options are longer than a page");
	if (data.len) {
		parsed.data = arena_strdup(arena, text_get(&data));
		if (!parsed.data)
			return arena_check(arena, err);
	}
	r = check_sense(&parsed, err);
	if (r == 0)
		*ret = parsed;
	return r;
}

/* The bools, as the rows have them. */
static uint64_t said_by(const struct mount_options *options)
{
	return (options->bind ? SAY_BIND : 0) | (options->bind_tree ? SAY_BIND_TREE : 0) |
	       (options->remount ? SAY_REMOUNT : 0) | (options->copy_up ? SAY_COPY_UP : 0) |
	       (options->source_nofollow ? SAY_NOFOLLOW : 0);
}

/* Whether it takes this word to say what is asked for. A flag of the file system that is off is off anyway. */
static bool takes_word(const struct mount_options *options, const struct option_row *row)
{
	const struct mount_change *change = row->tree ? &options->tree : &options->one;
	uint64_t field;

	switch (row->kind) {
	case SETS:
		return (change->set & field_of(row)) == row->value;
	case CLEARS:
		return (change->clear & field_of(row)) == field_of(row);
	case SUPER_SETS:
		return options->super_flags & row->value;
	case PROPAGATES:
		return options->propagation == row->value;
	case SAYS:
		field = row->value & SAY_BIND ? SAY_BIND | SAY_BIND_TREE : row->value;
		return (said_by(options) & field) == row->value;
	case MAPS:
		return options->idmap == (enum mount_idmap_option)row->value;
	case CLEARS_TOO:
	case SUPER_CLEARS:
	case NOTHING:
		break;
	}
	return false;
}

const char *mount_options_word(const struct mount_options *options, size_t *at)
{
	while (*at < ARRAY_SIZE(options_known)) {
		const struct option_row *row = &options_known[(*at)++];

		if (takes_word(options, row))
			return row->name;
	}
	return NULL;
}

const char *const *mount_options_known(void)
{
	static const char *names[ARRAY_SIZE(options_known) + 1];

	for (size_t i = 0; i < ARRAY_SIZE(options_known); i++)
		names[i] = options_known[i].name;
	return names;
}

int64_t mount_propagation_parse(const char *name)
{
	const struct option_row *row = find_option(name);

	return row && row->kind == PROPAGATES ? (int64_t)row->value : -EINVAL;
}

const char *mount_propagation_name(uint64_t propagation)
{
	const struct mount_options options = {.propagation = propagation};
	size_t at = 0;

	return mount_options_word(&options, &at);
}
