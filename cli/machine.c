// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "runtime/base/file.h"
#include "runtime/base/installed.h"
#include "runtime/vm/kernels.h"
#include "runtime/vm/kvm_probe.h"
#include "runtime/vm/own_kernel.h"
#include "runtime/vm/qemu_probe.h"

#define KVM_FILE  ".kvm-probe"
#define QEMU_FILE ".qemu-probe"
#define YES	  "yes"
/* Of memory, beside what it is loaded from: with less Debian's kernel does not find room for the first program. */
#define KERNEL_ROOM_BYTES ((uint64_t)30 << 20)

const char *const machine_backends[] = {"kvm", "qemu", NULL};

/* --- Backends ----------------------------------------------------------------------------------------------------- */

/* Never by PATH: it is executed by root. */
static const char *const qemu_places[] = {"/usr/bin/qemu-system-x86_64", "/usr/local/bin/qemu-system-x86_64"};
/* What QEMU as Debian has it finds by name: its libraries and modules, and its firmware. */
static const char *const qemu_needs[] = {
	"/lib",		  "/lib64",	     "/usr/lib",	   "/usr/lib64",
	"/usr/local/lib", "/usr/share/qemu", "/usr/share/seabios", "/etc/ld.so.cache",
};

/* The first that is a program; else, so that it can be said, one that is a file at least. NULL: none. */
static const char *find_qemu(void)
{
	const char *file = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(qemu_places); i++) {
		struct stat found;

		if (stat(qemu_places[i], &found) < 0 || !S_ISREG(found.st_mode))
			continue;
		if (access(qemu_places[i], X_OK) == 0)
			return qemu_places[i];
		file = file ?: qemu_places[i];
	}
	return file;
}

/* The probes take a while: what one found holds until the next boot. */
static int recall(const char *root, const char *file, char *to, size_t room)
{
	struct err ignored = ERR_INIT;
	CLEANUP_FD int folder = file_open_dir(AT_FDCWD, root, &ignored);

	return folder < 0 ? folder : (int)file_read_line(folder, file, to, room);
}

static void remember(const char *root, const char *file, const char *words)
{
	struct err ignored = ERR_INIT;
	CLEANUP_FD int folder = file_open_dir(AT_FDCWD, root, &ignored);

	if (folder >= 0)
		(void)file_replace(folder, file, words, strlen(words), 0600, FILE_VOLATILE, &ignored);
}

static int check_kvm(const char *root, struct err *err)
{
	char words[ERR_MSG_BYTES];
	int result;

	if (access("/dev/kvm", R_OK | W_OK) < 0)
		return err_set(err, errno, "/dev/kvm");
	if (recall(root, KVM_FILE, words, sizeof(words)) > 0)
		return strcmp(words, YES) == 0 ? 0 : err_say(err, ENOTSUP, "%s", words);
	result = kvm_probe(err);
	if (result == 0 || result == -ENOTSUP)
		remember(root, KVM_FILE, result == 0 ? YES : err->msg);
	return result;
}

/*
 * What was found of one file does not hold for the next that is installed: it is remembered with what tells them apart.
 */
static int check_qemu(const struct machine_wish *wish, struct err *err)
{
	CLEANUP_TEXT struct text found = TEXT_INIT;
	char words[ERR_MSG_BYTES + 128];
	const char *path = wish->qemu ?: find_qemu();
	struct stat file;
	size_t name_len;
	int result;

	if (path && path[0] != '/')
		return err_say(err, EINVAL, "vm.hypervisor.path: '%s' is no absolute path", path);
	if (!path)
		return err_say(err, ENOENT, "QEMU is not installed: it is in Debian's package qemu-system-x86");
	if (stat(path, &file) < 0)
		return err_set(err, errno, "'%s'", path);
	text_addf(&found, "%ju:%ju:%jd:%jd.%09ld:%o ", (uintmax_t)file.st_dev, (uintmax_t)file.st_ino,
		  (intmax_t)file.st_size, (intmax_t)file.st_ctim.tv_sec, file.st_ctim.tv_nsec, file.st_mode);
	if (text_check(&found, err) < 0)
		return -ENOMEM;
	name_len = found.len;
	if (recall(wish->root, QEMU_FILE, words, sizeof(words)) > 0 && text_starts(words, text_get(&found)))
		return strcmp(words + name_len, YES) == 0 ? 0 : err_say(err, ENOTSUP, "%s", words + name_len);
	result = qemu_probe(path, err);
	text_add(&found, result == 0 ? YES : err->msg);
	if ((result == 0 || result == -ENOTSUP) && !found.failed)
		remember(wish->root, QEMU_FILE, text_get(&found));
	return result;
}

/* Our own monitor reads one format of disks. One that nobody knows is for the plan to refuse. */
static int check_image_for_kvm(const struct machine_wish *wish, struct err *err)
{
	enum disk_format format;

	if (!wish->image || disk_format_parse(wish->image->format, &format) < 0 || format == DISK_FORMAT_RAW)
		return 0;
	return err_say(err, ENOTSUP, "vm.image.format: '%s' is for backend 'qemu': 'kvm' reads raw images",
		       wish->image->format);
}

static int check_backend(const char *name, const struct machine_wish *wish, struct err *err)
{
	int result;

	if (strcmp(name, "kvm") != 0)
		return check_qemu(wish, err);
	result = check_image_for_kvm(wish, err);
	return result < 0 ? result : check_kvm(wish->root, err);
}

/* QEMU opens it as somebody without any right of its own. */
static enum plan_vm_kvm look_at_access(const struct machine_wish *wish, uint32_t *ret_gid, struct err *err)
{
	struct stat node;

	if (check_kvm(wish->root, err) < 0 || stat("/dev/kvm", &node) < 0)
		return PLAN_VM_KVM_NONE;
	*ret_gid = node.st_gid;
	if ((node.st_mode & (S_IROTH | S_IWOTH)) == (S_IROTH | S_IWOTH))
		return PLAN_VM_KVM_ALL;
	return (node.st_mode & (S_IRGRP | S_IWGRP)) == (S_IRGRP | S_IWGRP) ? PLAN_VM_KVM_GROUP : PLAN_VM_KVM_OWNER;
}

static const char *describe(struct arena *arena, const char *name, const struct machine_wish *wish)
{
	struct err no_kvm = ERR_INIT;
	uint32_t gid;

	if (strcmp(name, "kvm") == 0)
		return "hull's own monitor on /dev/kvm";
	switch (look_at_access(wish, &gid, &no_kvm)) {
	case PLAN_VM_KVM_NONE:
		break;
	case PLAN_VM_KVM_OWNER:
		return arena_printf(arena,
				    "%s, emulating the processor: /dev/kvm is its owner's alone, not its group's",
				    find_qemu());
	case PLAN_VM_KVM_GROUP:
	case PLAN_VM_KVM_ALL:
		return arena_printf(arena, "%s on /dev/kvm", find_qemu());
	}
	return arena_printf(arena, "%s, emulating the processor: %s", find_qemu(), no_kvm.msg);
}

int machine_list(struct arena *arena, const struct machine_wish *wish, struct machine_backend ret[static 2],
		 struct err *err)
{
	for (size_t i = 0; machine_backends[i]; i++) {
		struct err failure = ERR_INIT;

		ret[i].name = machine_backends[i];
		ret[i].works = check_backend(ret[i].name, wish, &failure) == 0;
		ret[i].words = ret[i].works ? describe(arena, ret[i].name, wish) : arena_strdup(arena, failure.msg);
	}
	return arena_check(arena, err);
}

static int choose_backend(const struct machine_wish *wish, const char **ret, struct err *err)
{
	struct err no_kvm = ERR_INIT, no_qemu = ERR_INIT;

	*ret = wish->backend;
	if (wish->backend)
		return check_backend(wish->backend, wish, err) < 0
			       ? err_wrap(err, "backend '%s' does not work here", wish->backend)
			       : 0;
	if (check_backend("kvm", wish, &no_kvm) == 0)
		*ret = "kvm";
	else if (check_backend("qemu", wish, &no_qemu) == 0)
		*ret = "qemu";
	return *ret ? 0 : err_say(err, ENOTSUP, "no machine can run here: %s; %s", no_kvm.msg, no_qemu.msg);
}

/* --- Kernel ------------------------------------------------------------------------------------------------------- */

/*
 * What a kernel needs to come as far as its first program: itself, its initramfs as an archive and unpacked, and some
 * to work with.
 */
static uint64_t least_memory(const struct kernel_files *files)
{
	struct stat kernel, initrd;

	if (fstat(files->kernel_fd, &kernel) < 0 || fstat(files->initrd_fd, &initrd) < 0)
		return 0;
	return (uint64_t)kernel.st_size + 2 * (uint64_t)initrd.st_size + KERNEL_ROOM_BYTES;
}

/* Opened, and closed again: the machine's disk is looked at in the same way when it is opened for good. */
static int check_image(const struct config_vm_image *image, struct err *err)
{
	CLEANUP_FD int fd = -1;
	enum disk_format format;

	if (!image || image->path[0] != '/' || disk_format_parse(image->format, &format) < 0)
		return 0;
	fd = disk_file_open(image->path, format, true, err);
	return fd < 0 ? err_wrap(err, "vm.image.path") : 0;
}

/* What a bundle has of its own. That it is by an absolute path, the plan sees to. */
static int check_own(const struct machine_wish *wish, struct err *err)
{
	const char *kernel = wish->own_kernel, *initrd = wish->own_initrd;

	if (kernel && kernel[0] == '/' && own_kernel_check(kernel, err) < 0)
		return err_wrap(err, "vm.kernel.path");
	if (initrd && initrd[0] == '/' && own_initrd_check(initrd, err) < 0)
		return err_wrap(err, "vm.kernel.initrd");
	return check_image(wish->image, err);
}

/* Opened, and closed again: now there is an initramfs with the agent that is installed. */
static int find_kernel(struct arena *arena, const struct machine_wish *wish, struct plan_vm_host *ret, struct err *err)
{
	CLEANUP_KERNEL_FILES struct kernel_files files = KERNEL_FILES_NONE;
	struct kernel kernel;
	int result;

	result = check_own(wish, err);
	if (result < 0)
		return result;
	if (wish->own_kernel && wish->own_initrd)
		return 0;
	result = kernel_find(arena, wish->kernels, wish->kernel, &kernel, err);

	if (result >= 0)
		result = kernel_open(&kernel, KERNEL_WANT_PVH, &files, err);
	if (result < 0)
		return result;
	ret->kernel = files.is_elf ? kernel.vmlinux : kernel.bzimage;
	ret->least_bytes = files.is_elf ? least_memory(&files) : 0;
	ret->initrd = arena_printf(arena, "%s/initrd", kernel.folder);
	return arena_check(arena, err);
}

/* --- All of it ---------------------------------------------------------------------------------------------------- */

static bool is_folder(const char *path)
{
	struct stat found;

	return stat(path, &found) < 0 || S_ISDIR(found.st_mode);
}

static uint64_t room_bytes(const char *path)
{
	struct statfs found;

	return statfs(path, &found) == 0 && found.f_type == TMPFS_MAGIC
		       ? (uint64_t)found.f_blocks * (uint64_t)found.f_bsize
		       : 0;
}

static int take_qemu(struct arena *arena, const struct machine_wish *wish, struct plan_vm_host *ret, struct err *err)
{
	struct err no_kvm = ERR_INIT;
	struct stat found;

	ret->qemu = wish->qemu ?: find_qemu();
	ret->kvm_access = look_at_access(wish, &ret->kvm_gid, &no_kvm);
	/* That of a bundle is mounted by the plan. */
	if (!wish->qemu && strv_add(arena, &ret->qemu_needs, ret->qemu) < 0)
		return arena_check(arena, err);
	for (size_t i = 0; i < ARRAY_SIZE(qemu_needs); i++)
		if (stat(qemu_needs[i], &found) == 0 && strv_add(arena, &ret->qemu_needs, qemu_needs[i]) < 0)
			return arena_check(arena, err);
	return 0;
}

int machine_find(struct arena *arena, const struct machine_wish *wish, struct plan_vm_host *ret, struct err *err)
{
	const char *backend;
	int result = choose_backend(wish, &backend, err);

	*ret = (struct plan_vm_host){.is_folder = is_folder, .room_bytes = room_bytes};
	if (result < 0)
		return result;
	ret->backend = strcmp(backend, "qemu") == 0 ? VM_BACKEND_QEMU : VM_BACKEND_KVM;
	result = find_kernel(arena, wish, ret, err);
	if (result >= 0 && ret->backend == VM_BACKEND_QEMU)
		result = take_qemu(arena, wish, ret, err);
	return result;
}
