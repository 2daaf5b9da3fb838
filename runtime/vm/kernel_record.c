// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/vm/kernel_record.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/base/file.h"
#include "runtime/base/json.h"

#define RECORD_VERSION 1
#define MAX_BYTES      ((size_t)256 << 10)
/* The link that becomes `default` by a rename; whoever makes it holds the lock. */
#define DEFAULT_NEW ".default"

int kernel_check_name(const char *name, struct err *err)
{
	size_t len = strlen(name);

	if (len == 0 || len >= KERNEL_NAME_BYTES || !isalnum((unsigned char)*name) ||
	    strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+~-") != len ||
	    strcmp(name, KERNEL_LOCK) == 0 || strcmp(name, KERNEL_DEFAULT) == 0)
		return err_say(err, EINVAL,
			       "'%s' is no name for a kernel: want letters, digits, '.', '_', '+', '~' and '-'", name);
	return 0;
}

static int take_fields(struct arena *arena, const struct json *record, struct kernel *ret, struct err *err)
{
	uint32_t version = 0;
	int r = json_u32(json_get(record, "version"), &version, err);

	if (r >= 0 && version != RECORD_VERSION)
		return err_say(err, EINVAL, "it is of version %u, of which this hull knows nothing", version);
	if (r >= 0)
		r = json_string(json_get(record, "release"), &ret->release, err);
	if (r >= 0)
		r = json_bool(json_get(record, "pvh"), &ret->has_pvh, err);
	if (r >= 0)
		r = json_strv(arena, json_get(record, "modules"), &ret->modules, err);
	if (r >= 0)
		r = json_string(json_get(record, "source"), &ret->source, err);
	if (r >= 0)
		r = json_string(json_get(record, "digest"), &ret->source_digest, err);
	return r < 0 ? r : json_u64(json_get(record, "imported"), &ret->imported_ns, err);
}

int kernel_record_read(struct arena *arena, int dirfd, struct kernel *ret, struct err *err)
{
	const struct json *record;
	char *data;
	size_t len;
	int r;

	if (!file_is_there(dirfd, KERNEL_RECORD))
		return -ENOENT;
	r = file_read(arena, dirfd, KERNEL_RECORD, MAX_BYTES, &data, &len, err);
	if (r >= 0)
		r = json_parse(arena, data, len, KERNEL_RECORD, &record, err);
	if (r >= 0) {
		r = take_fields(arena, record, ret, err);
		if (r < 0)
			(void)err_wrap(err, KERNEL_RECORD);
	}
	return r < 0 ? r : 0;
}

int kernel_record_write(int dirfd, const struct kernel *kernel, struct err *err)
{
	CLEANUP_TEXT struct text out = TEXT_INIT;
	struct json_writer w = {.out = &out, .indent = true};
	int r;

	json_open(&w, NULL);
	json_put_u64(&w, "version", RECORD_VERSION);
	json_put_string(&w, "release", kernel->release);
	json_put_bool(&w, "pvh", kernel->has_pvh);
	json_put_strv(&w, "modules", &kernel->modules);
	json_put_string(&w, "source", kernel->source);
	json_put_string(&w, "digest", kernel->source_digest);
	json_put_u64(&w, "imported", kernel->imported_ns);
	json_close(&w);
	text_add(&out, "\n");
	r = text_check(&out, err);
	return r < 0 ? r : file_replace(dirfd, KERNEL_RECORD, out.data, out.len, 0600, FILE_DURABLE, err);
}

const char *kernel_default_name(struct arena *arena, int store_fd)
{
	char name[KERNEL_NAME_BYTES];
	ssize_t len = readlinkat(store_fd, KERNEL_DEFAULT, name, sizeof(name));

	if (len <= 0 || len == (ssize_t)sizeof(name))
		return NULL;
	name[len] = '\0';
	return kernel_check_name(name, NULL) < 0 ? NULL : arena_strdup(arena, name);
}

int kernel_set_default(int store_fd, const char *name, struct err *err)
{
	(void)unlinkat(store_fd, DEFAULT_NEW, 0);
	if (symlinkat(name, store_fd, DEFAULT_NEW) < 0 || renameat(store_fd, DEFAULT_NEW, store_fd, KERNEL_DEFAULT) < 0)
		return err_set(err, errno, "make '%s' the default kernel", name);
	return 0;
}

int kernel_store_open(const char *store, bool make, struct err *err)
{
	int fd, r = make ? file_make_dirs(store, 0700, err) : 0;

	if (r < 0)
		return r;
	fd = open(store, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ENOENT : err_set(err, errno, "open the store of kernels '%s'", store);
	return fd;
}

int kernel_store_lock(int store_fd, struct err *err)
{
	return file_lock(store_fd, KERNEL_LOCK, FILE_LOCK_EXCLUSIVE, err);
}
