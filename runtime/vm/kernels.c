// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/vm/kernels.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/base/file.h"
#include "runtime/base/installed.h"
#include "runtime/vm/initramfs.h"

#define HOW_TO_GET_ONE "see 'hull kernel import --help'"

/* --- reading --- */

static const char *path_if_there(struct arena *arena, int dirfd, const char *folder, const char *name)
{
	return file_is_there(dirfd, name) ? arena_printf(arena, "%s/%s", folder, name) : NULL;
}

/* -ENOENT without words when there is none of that name. */
static int read_kernel(struct arena *arena, const char *store, int store_fd, const char *name, struct kernel *ret,
		       struct err *err)
{
	CLEANUP_FD int fd = openat(store_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	const char *chosen = kernel_default_name(arena, store_fd);
	struct kernel kernel = {0};
	int r;

	if (fd < 0)
		return errno == ENOENT ? -ENOENT : err_set(err, errno, "open the kernel '%s'", name);
	kernel.name = arena_strdup(arena, name);
	kernel.folder = arena_printf(arena, "%s/%s", store, name);
	r = kernel_record_read(arena, fd, &kernel, err);
	if (r < 0)
		return r == -ENOENT ? r : err_wrap(err, "kernel '%s'", name);
	kernel.bzimage = path_if_there(arena, fd, kernel.folder, KERNEL_BZIMAGE);
	kernel.vmlinux = path_if_there(arena, fd, kernel.folder, KERNEL_VMLINUX);
	kernel.is_default = chosen && strcmp(chosen, name) == 0;
	*ret = kernel;
	return arena_check(arena, err);
}

static int by_name(const void *a, const void *b)
{
	return strverscmp(((const struct kernel *)a)->name, ((const struct kernel *)b)->name);
}

static int list_names(struct arena *arena, int store_fd, struct strv *ret, struct err *err)
{
	int fd = openat(store_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_DIR DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!dir) {
		scope_fd(&fd);
		return err_set(err, errno, "read the store of kernels");
	}
	while ((entry = readdir(dir)))
		if (kernel_check_name(entry->d_name, NULL) >= 0 && strv_add(arena, ret, entry->d_name) < 0)
			return arena_check(arena, err);
	return 0;
}

/* Adds a kernel to the list, or what is wrong with it. */
static int list_kernel(struct arena *arena, const char *store, int store_fd, const char *name,
		       struct kernel_listing *to, struct err *err)
{
	struct err damage = ERR_INIT;
	int r = read_kernel(arena, store, store_fd, name, &to->items[to->count], &damage);

	if (arena_check(arena, err) < 0)
		return -ENOMEM;
	to->count += r >= 0;
	if (r >= 0 || r == -ENOENT) /* removed meanwhile, or never whole */
		return 0;
	return strv_add(arena, &to->damaged, damage.msg) < 0 ? arena_check(arena, err) : 0;
}

int kernel_list(struct arena *arena, const char *store, struct kernel_listing *ret, struct err *err)
{
	CLEANUP_FD int store_fd = kernel_store_open(store, false, err);
	struct strv names = {0};
	int r;

	*ret = (struct kernel_listing){0};
	if (store_fd < 0)
		return store_fd == -ENOENT ? 0 : store_fd;
	r = list_names(arena, store_fd, &names, err);
	if (r < 0)
		return r;
	ret->items = arena_array(arena, names.count + 1, sizeof(*ret->items));
	if (!ret->items)
		return arena_check(arena, err);
	for (size_t i = 0; r >= 0 && i < names.count; i++)
		r = list_kernel(arena, store, store_fd, names.items[i], ret, err);
	if (r < 0)
		return r;
	qsort(ret->items, ret->count, sizeof(*ret->items), by_name);
	/* The only one is what is taken, chosen or not. */
	if (ret->count == 1)
		ret->items[0].is_default = true;
	return 0;
}

/* The chosen one; -ENOENT without words when none is, or it has gone. */
static int find_chosen(struct arena *arena, const char *store, struct kernel *ret, struct err *err)
{
	CLEANUP_FD int store_fd = kernel_store_open(store, false, err);
	const char *chosen = store_fd < 0 ? NULL : kernel_default_name(arena, store_fd);

	if (store_fd < 0)
		return store_fd;
	return chosen ? read_kernel(arena, store, store_fd, chosen, ret, err) : -ENOENT;
}

static int find_default(struct arena *arena, const char *store, struct kernel *ret, struct err *err)
{
	struct kernel_listing all;
	int r = find_chosen(arena, store, ret, err);

	if (r != -ENOENT)
		return r;
	r = kernel_list(arena, store, &all, err);
	if (r < 0)
		return r;
	if (all.count == 0 && all.damaged.count > 0)
		return err_say(err, EINVAL, "%s", all.damaged.items[0]);
	if (all.count == 0)
		return err_say(err, ENOENT, "no kernel for virtual machines: " HOW_TO_GET_ONE);
	if (all.count > 1)
		return err_say(err, ENOENT,
			       "several kernels for virtual machines, and none chosen: see 'hull kernel default'");
	*ret = all.items[0];
	return 0;
}

int kernel_find(struct arena *arena, const char *store, const char *name, struct kernel *ret, struct err *err)
{
	CLEANUP_FD int store_fd = -1;
	int r;

	if (!name)
		return find_default(arena, store, ret, err);
	r = kernel_check_name(name, err);
	if (r < 0)
		return r;
	store_fd = kernel_store_open(store, false, err);
	r = store_fd < 0 ? store_fd : read_kernel(arena, store, store_fd, name, ret, err);
	return r == -ENOENT ? err_say(err, ENOENT, "no kernel '%s': see 'hull kernel ls'", name) : r;
}

/* --- opening --- */

static int open_kernel(const struct kernel *kernel, enum kernel_want want, bool *ret_is_elf, struct err *err)
{
	bool elf = kernel->vmlinux && (!kernel->bzimage || (want == KERNEL_WANT_PVH && kernel->has_pvh));
	const char *path = elf ? kernel->vmlinux : kernel->bzimage;
	int fd = path ? open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;

	*ret_is_elf = elf;
	if (!path)
		return err_say(err, ENOENT, "the kernel '%s' has no image", kernel->name);
	return fd < 0 ? err_set(err, errno, "open the kernel '%s'", path) : fd;
}

int kernel_open(const struct kernel *kernel, enum kernel_want want, struct kernel_files *ret, struct err *err)
{
	CLEANUP_KERNEL_FILES struct kernel_files files = KERNEL_FILES_NONE;
	CLEANUP_FD int folder = file_open_dir(AT_FDCWD, kernel->folder, err);
	char agent[INSTALLED_PATH_BYTES];
	int r = folder < 0 ? folder : installed_program("hull-agent", agent, err);

	if (r >= 0) {
		files.kernel_fd = open_kernel(kernel, want, &files.is_elf, err);
		r = files.kernel_fd;
	}
	if (r >= 0) {
		files.initrd_fd = initramfs_open(folder, KERNEL_INITRD, agent, &kernel->modules, err);
		r = files.initrd_fd;
	}
	if (r < 0)
		return err_wrap(err, "kernel '%s'", kernel->name);
	*ret = files;
	files = KERNEL_FILES_NONE;
	return 0;
}

void kernel_close(struct kernel_files *files)
{
	scope_fd(&files->kernel_fd);
	scope_fd(&files->initrd_fd);
	*files = KERNEL_FILES_NONE;
}
