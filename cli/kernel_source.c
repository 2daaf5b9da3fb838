// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/kernel_source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "images/helper.h"
#include "runtime/base/fd.h"
#include "runtime/base/file.h"
#include "runtime/base/host.h"
#include "runtime/base/path.h"

#define PACKAGE_MAGIC "!<arch>\n"
#define KERNEL_PREFIX "vmlinuz-"
#define MAX_NAMED     8 /* kernels that an error names */

/* --- opening --- */

int kernel_source_open(struct arena *arena, const char *words, struct kernel_source *ret, struct err *err)
{
	CLEANUP_FD int fd = open(words, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char magic[sizeof(PACKAGE_MAGIC) - 1] = "";
	struct stat st;

	if (fd < 0)
		return err_set(err, errno, "open '%s'", words);
	if (fstat(fd, &st) < 0)
		return err_set(err, errno, "'%s'", words);
	*ret = KERNEL_SOURCE_NONE;
	if (S_ISDIR(st.st_mode))
		ret->kind = KERNEL_SOURCE_FOLDER;
	else if (!S_ISREG(st.st_mode))
		return err_say(err, EINVAL, "'%s' is neither a folder nor a file", words);
	else if (pread(fd, magic, sizeof(magic), 0) == (ssize_t)sizeof(magic) &&
		 memcmp(magic, PACKAGE_MAGIC, sizeof(magic)) == 0)
		ret->kind = KERNEL_SOURCE_PACKAGE;
	else
		ret->kind = KERNEL_SOURCE_FILE;
	ret->arena = arena;
	ret->words = words;
	ret->release = "";
	ret->fd = fd_take(&fd);
	return 0;
}

void kernel_source_close(struct kernel_source *source)
{
	kernel_modules_close(&source->modules);
	scope_fd(&source->fd);
	scope_fd(&source->kernel_fd);
	*source = KERNEL_SOURCE_NONE;
}

/* --- its kernel --- */

static int by_version(const void *a, const void *b)
{
	return strverscmp(*(char *const *)a, *(char *const *)b);
}

/* The releases of the files vmlinuz-RELEASE in a folder. */
static int list_releases(struct arena *arena, int dirfd, struct strv *ret, struct err *err)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_DIR DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!dir) {
		scope_fd(&fd);
		return err_set(err, errno, "read a folder of kernels");
	}
	while ((entry = readdir(dir)))
		if (text_starts(entry->d_name, KERNEL_PREFIX) &&
		    strv_add(arena, ret, entry->d_name + strlen(KERNEL_PREFIX)) < 0)
			return arena_check(arena, err);
	if (ret->count > 0)
		qsort(ret->items, ret->count, sizeof(*ret->items), by_version);
	return 0;
}

static int several(const struct kernel_source *source, const struct strv *releases, struct err *err)
{
	CLEANUP_TEXT struct text words = TEXT_INIT;

	for (size_t i = 0; i < releases->count && i < MAX_NAMED; i++)
		text_addf(&words, "%s%s", i ? ", " : "", releases->items[i]);
	return err_say(err, EINVAL, "'%s' has several kernels: choose one with '--release': %s%s", source->words,
		       text_get(&words), releases->count > MAX_NAMED ? ", …" : "");
}

static int choose_release(struct kernel_source *source, const struct strv *releases, const char *wanted,
			  struct err *err)
{
	if (!wanted && strcmp(source->words, "/") == 0 && strv_has(releases, host_kernel()))
		wanted = host_kernel();
	if (wanted && !strv_has(releases, wanted))
		return err_say(err, ENOENT, "'%s' has no kernel '%s'", source->words, wanted);
	if (releases->count == 0)
		return err_say(err, ENOENT, "'%s' has no kernel: want a file boot/" KERNEL_PREFIX "*", source->words);
	if (!wanted && releases->count > 1)
		return several(source, releases, err);
	source->release = wanted ? wanted : releases->items[0];
	return 0;
}

/* The folder `name` of `root` has files vmlinuz-RELEASE. Links lead where they would below that root. */
static int find_kernel(struct kernel_source *source, int root, const char *name, const char *wanted, struct err *err)
{
	CLEANUP_FD int folder = path_open(root, name, O_RDONLY | O_DIRECTORY, 0, NULL);
	struct strv releases = {0};
	const char *path;
	int r;

	if (folder < 0)
		return err_say(err, ENOENT, "'%s' has no folder %s/ with a kernel in it", source->words, name);
	r = list_releases(source->arena, folder, &releases, err);
	if (r >= 0)
		r = choose_release(source, &releases, wanted, err);
	if (r < 0)
		return r;
	path = arena_printf(source->arena, "%s/" KERNEL_PREFIX "%s", name, source->release);
	if (!path)
		return arena_check(source->arena, err);
	source->kernel_fd = path_open(root, path, O_RDONLY | O_NONBLOCK, 0, err);
	return source->kernel_fd < 0 ? err_wrap(err, "'%s'", source->words) : 0;
}

/* `folder` has modules.builtin, and module files below `name`. */
static int take_modules(struct kernel_source *source, int folder, const char *name, struct err *err)
{
	int r = file_open_dir(folder, name, err);

	if (r >= 0)
		r = kernel_modules_open(source->arena, folder, r, source->staging, &source->modules, err);
	return r < 0 ? err_wrap(err, "'%s'", source->words) : 0;
}

/* --- by kind --- */

/* Everything of a package lies flat: the kernel, modules.builtin, and modules/. */
static int take_package(struct kernel_source *source, const char *wanted, struct err *err)
{
	struct arena *arena = source->arena;
	const char *place = arena_printf(arena, "%s/" KERNEL_SOURCE_PACKAGE_FOLDER, source->staging->path);
	const char *path = realpath(source->words, arena_alloc(arena, PATH_MAX));
	CLEANUP_FD int folder = -1;
	int r = arena_check(arena, err);

	if (r < 0)
		return r;
	if (!path)
		return err_set(err, errno, "'%s'", source->words);
	if (mkdirat(source->staging->fd, KERNEL_SOURCE_PACKAGE_FOLDER, 0700) < 0 ||
	    mkdirat(source->staging->fd, KERNEL_SOURCE_PACKAGE_FOLDER "/modules", 0700) < 0)
		return err_set(err, errno, "make the folder '%s'", place);
	r = image_helper_unpack_kernel(path, place, err);
	if (r < 0)
		return err_wrap(err, "'%s'", source->words);
	folder = file_open_dir(AT_FDCWD, place, err);
	r = folder < 0 ? folder : find_kernel(source, folder, ".", wanted, err);
	return r < 0 ? r : take_modules(source, folder, "modules", err);
}

static int take_folder(struct kernel_source *source, const char *wanted, struct err *err)
{
	CLEANUP_FD int folder = -1;
	int r = find_kernel(source, source->fd, "boot", wanted, err);
	const char *place = r < 0 ? NULL : arena_printf(source->arena, "lib/modules/%s", source->release);
	if (!place)
		return r < 0 ? r : arena_check(source->arena, err);
	folder = path_open(source->fd, place, O_RDONLY | O_DIRECTORY, 0, NULL);
	if (folder < 0)
		return err_say(err, ENOENT, "'%s' has no folder %s/ with its kernel's modules", source->words, place);
	return take_modules(source, folder, "kernel", err);
}

static int take_file(struct kernel_source *source, const char *wanted, struct err *err)
{
	if (wanted)
		return err_say(err, EINVAL, "'--release' chooses a kernel of a folder, and '%s' is none",
			       source->words);
	source->kernel_fd = fd_dup(source->fd, 3);
	return source->kernel_fd < 0 ? err_set(err, -source->kernel_fd, "'%s'", source->words) : 0;
}

int kernel_source_take(struct kernel_source *source, const struct kernel_staging *staging, const char *release,
		       struct err *err)
{
	static int (*const takers[])(struct kernel_source *, const char *, struct err *) = {
		[KERNEL_SOURCE_PACKAGE] = take_package,
		[KERNEL_SOURCE_FOLDER] = take_folder,
		[KERNEL_SOURCE_FILE] = take_file,
	};

	source->staging = staging;
	return takers[source->kind](source, release, err);
}
