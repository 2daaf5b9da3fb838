// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/kernel_modules.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "images/helper.h"
#include "runtime/base/fd.h"
#include "runtime/base/file.h"

#define MAX_FILES	  20000
#define MAX_DEPTH	  16
#define MAX_BUILTIN_BYTES ((size_t)4 << 20)

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct kernel_module_file *)a)->name, ((const struct kernel_module_file *)b)->name);
}

/* --- finding them --- */

static int add_file(struct kernel_modules *modules, const char *path, const char *file, struct err *err)
{
	struct kernel_module_file found = {.path = path};

	if (module_name_from_file(file, found.name, &found.packed) < 0)
		return 0;
	if (modules->count == MAX_FILES)
		return err_say(err, E2BIG, "more than %d kernel modules", MAX_FILES);
	if (modules->count == modules->capacity) {
		size_t capacity = modules->capacity ? modules->capacity * 2 : 512;
		struct kernel_module_file *files = arena_array(modules->arena, capacity, sizeof(*files));

		if (!files)
			return arena_check(modules->arena, err);
		if (modules->count > 0)
			memcpy(files, modules->files, modules->count * sizeof(*files));
		modules->files = files;
		modules->capacity = capacity;
	}
	modules->files[modules->count++] = found;
	return 0;
}

// NOLINTNEXTLINE(misc-no-recursion): as deep as MAX_DEPTH
static int list_folder(struct kernel_modules *modules, const char *path, int depth, struct err *err)
{
	int r = 0, fd = openat(modules->fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	CLEANUP_DIR DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!dir) {
		scope_fd(&fd);
		return err_set(err, errno, "read the modules' folder '%s'", path);
	}
	while (r >= 0 && (entry = readdir(dir))) {
		const char *below = arena_printf(modules->arena, "%s/%s", path, entry->d_name);

		if (!below)
			return arena_check(modules->arena, err);
		if (entry->d_type == DT_REG)
			r = add_file(modules, below, entry->d_name, err);
		else if (entry->d_type == DT_DIR && *entry->d_name != '.' && depth > 0)
			r = list_folder(modules, below, depth - 1, err);
	}
	return r;
}

/* A line for each: "kernel/fs/ext4/ext4.ko". */
static int read_builtin(struct kernel_modules *modules, int folder, struct err *err)
{
	struct strv lines = {0};
	char name[MODULE_NAME_BYTES], *data;
	size_t len;
	int r;

	if (!file_is_there(folder, "modules.builtin"))
		return 0;
	r = file_read(modules->arena, folder, "modules.builtin", MAX_BUILTIN_BYTES, &data, &len, err);
	if (r >= 0 && strv_split(modules->arena, &lines, data, "\n", false) < 0)
		r = arena_check(modules->arena, err);
	for (size_t i = 0; r >= 0 && i < lines.count; i++) {
		const char *slash = strrchr(lines.items[i], '/');

		if (module_name_from_file(slash ? slash + 1 : lines.items[i], name, NULL) >= 0 &&
		    strv_add(modules->arena, &modules->builtin, name) < 0)
			r = arena_check(modules->arena, err);
	}
	return r;
}

int kernel_modules_open(struct arena *arena, int folder, int fd, const struct kernel_staging *staging,
			struct kernel_modules *ret, struct err *err)
{
	int r;

	*ret = (struct kernel_modules){.arena = arena, .staging = staging, .fd = fd};
	r = list_folder(ret, ".", MAX_DEPTH, err);
	if (r >= 0)
		r = read_builtin(ret, folder, err);
	if (r >= 0 && ret->count > 0)
		qsort(ret->files, ret->count, sizeof(*ret->files), by_name);
	return r;
}

/* --- bringing them in --- */

static const char *staged_path(const struct kernel_modules *modules, const char *name)
{
	return arena_printf(modules->arena, "%s/modules/%s.ko", modules->staging->path, name);
}

static int copy_file(int from, const char *to, struct err *err)
{
	CLEANUP_FD int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ssize_t len;

	if (fd < 0)
		return err_set(err, errno, "make '%s'", to);
	while ((len = sendfile(fd, from, NULL, MODULE_MAX_BYTES)) != 0)
		if (len < 0 && errno != EINTR)
			return err_set(err, errno, "write '%s'", to);
	return 0;
}

static int stage(struct kernel_modules *modules, const struct kernel_module_file *file, const char *to, struct err *err)
{
	CLEANUP_FD int from = openat(modules->fd, file->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	/* The helper is another process: it opens just this file, whatever happens to its name. */
	const char *source = arena_printf(modules->arena, "/proc/%d/fd/%d", (int)getpid(), from);
	struct stat st;

	if (from < 0 || fstat(from, &st) < 0)
		return err_set(err, errno, "open");
	if (!source)
		return arena_check(modules->arena, err);
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > MODULE_MAX_BYTES)
		return err_say(err, EINVAL, "it is no regular file, or too large");
	return file->packed ? image_helper_decompress(&(struct image_decompress){.source = source,
										 .to = to,
										 .max_bytes = MODULE_MAX_BYTES},
						      err)
			    : copy_file(from, to, err);
}

static void unload(struct kernel_modules *modules)
{
	if (modules->loaded)
		(void)munmap(modules->loaded, modules->loaded_bytes);
	modules->loaded = NULL;
}

static int map(struct kernel_modules *modules, const char *path, struct err *err)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	void *bytes;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(err, errno, "open '%s'", path);
	if (st.st_size == 0)
		return err_say(err, EINVAL, "it is empty");
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		return err_set(err, errno, "read '%s'", path);
	modules->loaded = bytes;
	modules->loaded_bytes = (size_t)st.st_size;
	return 0;
}

static int load(void *context, const char *name, const void **ret_bytes, size_t *ret_len, struct err *err)
{
	struct kernel_modules *modules = context;
	struct kernel_module_file wanted = {0};
	const struct kernel_module_file *file;
	const char *to = staged_path(modules, name);
	int r = to ? 0 : arena_check(modules->arena, err);

	unload(modules);
	if (r < 0 || modules->count == 0 || text_copy(wanted.name, sizeof(wanted.name), name) < 0)
		return r;
	file = bsearch(&wanted, modules->files, modules->count, sizeof(*modules->files), by_name);
	if (!file)
		return 0;
	r = stage(modules, file, to, err);
	if (r >= 0)
		r = map(modules, to, err);
	if (r < 0)
		return err_wrap(err, "module '%s'", file->path);
	*ret_bytes = modules->loaded;
	*ret_len = modules->loaded_bytes;
	return 1;
}

static bool is_builtin(void *context, const char *name)
{
	return strv_has(&((const struct kernel_modules *)context)->builtin, name);
}

struct module_source kernel_modules_source(struct kernel_modules *modules)
{
	return (struct module_source){.load = load, .is_builtin = is_builtin, .context = modules};
}

int kernel_modules_place(struct kernel_modules *modules, const struct module_order *order, struct strv *ret_lines,
			 struct err *err)
{
	struct arena *arena = modules->arena;

	for (size_t i = 0; i < order->count; i++) {
		const char *file = arena_printf(arena, "%02zu-%s.ko", i, order->items[i].name);
		const char *from = staged_path(modules, order->items[i].name);
		const char *to = arena_printf(arena, "%s/modules/%s", modules->staging->path, file);
		const char *purposes = module_purpose_words(arena, order->items[i].purposes);

		if (arena_check(arena, err) < 0)
			return -ENOMEM;
		if (rename(from, to) < 0)
			return err_set(err, errno, "put the module '%s' in place", order->items[i].name);
		if (strv_add(arena, ret_lines, arena_printf(arena, "%s %s", file, purposes)) < 0)
			return arena_check(arena, err);
	}
	return 0;
}

void kernel_modules_close(struct kernel_modules *modules)
{
	unload(modules);
	scope_fd(&modules->fd);
	*modules = KERNEL_MODULES_NONE;
}
