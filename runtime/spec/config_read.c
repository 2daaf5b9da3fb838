/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <sys/stat.h>

#include "runtime/base/json.h"
#include "runtime/spec/config.h"
#include "runtime/spec/config_fields.h"

/* Reads an object into a zeroed struct of the arena, whatever table it has. */
static int read_object(struct arena *arena, const struct json *from, const struct field_table *table, const char *what,
		       struct strv *ret_ignored, void **ret, struct err *err)
{
	const struct field_reading reading = {.arena = arena, .ignored = ret_ignored};
	void *object = arena_alloc(arena, table->struct_bytes);
	int r;

	if (!object)
		return err_set(err, ENOMEM, "%s", what);
	r = fields_read(&reading, table, from, object, err);
	if (r < 0)
		return err_wrap(err, "%s", what);
	*ret = object;
	return 0;
}

static int parse_object(struct arena *arena, const char *data, size_t len, const struct field_table *table,
			const char *what, struct strv *ret_ignored, void **ret, struct err *err)
{
	const struct json *root;
	int r = json_parse(arena, data, len, what, &root, err);

	return r < 0 ? r : read_object(arena, root, table, what, ret_ignored, ret, err);
}

/* Opening a FIFO waits for its other end, for ever perhaps; what else is no file is refused by reading it. */
static int check_file(int dirfd, const char *name, struct err *err)
{
	struct stat info;

	if (fstatat(dirfd, name, &info, 0) == 0 && S_ISFIFO(info.st_mode))
		return err_say(err, EINVAL, "%s: a FIFO, not a file", name);
	return 0;
}

int config_read(struct arena *arena, int dirfd, const char *name, const struct config **ret, struct strv *ret_ignored,
		struct err *err)
{
	const struct json *root;
	void *config;
	int r = check_file(dirfd, name, err);

	if (r == 0)
		r = json_read_file(arena, dirfd, name, &root, err);
	if (r < 0)
		return r;
	r = read_object(arena, root, &config_fields, name, ret_ignored, &config, err);
	if (r == 0)
		*ret = config;
	return r;
}

int config_parse(struct arena *arena, const char *data, size_t len, const char *what, const struct config **ret,
		 struct strv *ret_ignored, struct err *err)
{
	void *config;
	int r = parse_object(arena, data, len, &config_fields, what, ret_ignored, &config, err);

	if (r == 0)
		*ret = config;
	return r;
}

int config_parse_process(struct arena *arena, const char *data, size_t len, const char *what,
			 const struct config_process **ret, struct err *err)
{
	void *process;
	int r = parse_object(arena, data, len, &config_process_fields, what, NULL, &process, err);

	if (r == 0)
		*ret = process;
	return r;
}

int config_parse_resources(struct arena *arena, const char *data, size_t len, const char *what,
			   const struct config_resources **ret, struct err *err)
{
	void *resources;
	int r = parse_object(arena, data, len, &config_resources_fields, what, NULL, &resources, err);

	if (r == 0)
		*ret = resources;
	return r;
}

int config_parse_seccomp(struct arena *arena, const char *data, size_t len, const char *what,
			 struct config_seccomp **ret, struct err *err)
{
	void *seccomp;
	int r = parse_object(arena, data, len, &config_seccomp_fields, what, NULL, &seccomp, err);

	if (r == 0)
		*ret = seccomp;
	return r;
}

int config_parse_mounts(struct arena *arena, const char *data, size_t len, const char *what,
			const struct config_mounts **ret, struct err *err)
{
	const struct json *root;
	struct json list, object = {.type = JSON_OBJECT, .children = {.first = &list, .last = &list, .count = 1}};
	void *mounts;
	int r = json_parse(arena, data, len, what, &root, err);

	if (r < 0)
		return r;
	list = *root;
	list.key = "mounts";
	list.parent = &object;
	list.next = NULL;
	r = read_object(arena, root->type == JSON_ARRAY ? &object : root, &config_mounts_fields, what, NULL, &mounts,
			err);
	if (r == 0)
		*ret = mounts;
	return r;
}
