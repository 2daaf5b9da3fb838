// SPDX-License-Identifier: GPL-2.0-or-later
/* kernel import */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "cli/hull.h"
#include "cli/kernel_source.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "images/helper.h"
#include "runtime/base/file.h"
#include "runtime/base/installed.h"
#include "runtime/base/process.h"
#include "runtime/base/sha256.h"
#include "runtime/vm/initramfs.h"
#include "runtime/vm/kernel_image.h"

struct import_options {
	const char *name, *release;
	bool replace, make_default;
};
static const struct option_row import_rows[] = {
	{"default", 0, OPTION_FLAG, offsetof(struct import_options, make_default), NULL,
	 "make it the one that is taken where none is asked for", NULL, NULL},
	{"name", 0, OPTION_STRING, offsetof(struct import_options, name), "NAME",
	 "what to call it (default its release)", NULL, NULL},
	{"release", 0, OPTION_STRING, offsetof(struct import_options, release), "RELEASE",
	 "which kernel of a folder that has several", NULL, NULL},
	{"replace", 0, OPTION_FLAG, offsetof(struct import_options, replace), NULL,
	 "a kernel of that name gives way; machines that run keep theirs", NULL, NULL},
	OPTIONS_END,
};

struct import {
	struct command_call *call;
	const struct import_options *options;
	struct kernel_source source;
	struct kernel_staging staging;
	struct kernel kernel;
};

/* --- its images --- */

/* A whole file in memory, for looking at it. */
struct mapped {
	void *bytes;
	size_t len;
};

static void unmap(struct mapped *mapped)
{
	if (mapped->bytes)
		(void)munmap(mapped->bytes, mapped->len);
}

static int map(int fd, struct mapped *ret, struct err *err)
{
	struct stat st;
	void *bytes;

	if (fstat(fd, &st) < 0)
		return err_set(err, errno, "look at it");
	if (!S_ISREG(st.st_mode))
		return err_say(err, EINVAL, "it is no regular file");
	if (st.st_size == 0)
		return err_say(err, EINVAL, "it is empty");
	if ((uint64_t)st.st_size > KERNEL_IMAGE_MAX_BYTES)
		return err_set(err, EFBIG, "read it");
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		return err_set(err, errno, "read it");
	*ret = (struct mapped){bytes, (size_t)st.st_size};
	return 0;
}

static int look(int fd, struct kernel_image *ret, struct err *err)
{
	CLEANUP(unmap) struct mapped mapped = {0};
	int r = map(fd, &mapped, err);

	return r < 0 ? r : kernel_image_read(mapped.bytes, mapped.len, ret, err);
}

/* The rest of the import looks at the copy: nobody changes that meanwhile. The descriptor. */
static int copy_kernel(const struct import *import, const char *name, struct err *err)
{
	CLEANUP_FD int to = openat(import->staging.fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	off_t from = 0;
	ssize_t len;

	/* QEMU, which is no root of the host's, opens it by name; nobody else comes into the folder. */
	if (to < 0 || fchmod(to, 0644) < 0)
		return err_set(err, errno, "make '%s' in the store", name);
	while ((len = sendfile(to, import->source.kernel_fd, &from, KERNEL_IMAGE_MAX_BYTES)) != 0)
		if (len < 0 && errno != EINTR)
			return err_set(err, errno, "copy it into the store");
	return fd_take(&to);
}

/* The ELF kernel inside a bzImage. */
static int extract(struct import *import, const struct kernel_image *bzimage, struct err *err)
{
	const struct image_decompress how = {
		.source = arena_printf(import->call->arena, "%s/bzImage", import->staging.path),
		.to = arena_printf(import->call->arena, "%s/vmlinux", import->staging.path),
		.offset = bzimage->payload_offset,
		.bytes = bzimage->payload_bytes,
		.max_bytes = KERNEL_IMAGE_MAX_BYTES,
	};
	struct kernel_image elf;
	struct stat st;
	CLEANUP_FD int fd = -1;
	int r = arena_check(import->call->arena, err);

	if (r >= 0)
		r = image_helper_decompress(&how, err);
	if (r >= 0) {
		fd = openat(import->staging.fd, "vmlinux", O_RDONLY | O_CLOEXEC);
		/* As copy_kernel() has it. */
		r = fd < 0 || fchmod(fd, 0644) < 0 || fstat(fd, &st) < 0 ? err_set(err, errno, "open it") : 0;
	}
	if (r >= 0 && (uint64_t)st.st_size != bzimage->unpacked_bytes)
		r = err_say(err, EINVAL, "it has %llu bytes, and should have %u", (unsigned long long)st.st_size,
			    bzimage->unpacked_bytes);
	if (r >= 0)
		r = look(fd, &elf, err);
	if (r >= 0)
		import->kernel.has_pvh = elf.has_pvh;
	return r < 0 ? err_wrap(err, "the kernel in it (%s)", bzimage->compression) : 0;
}

static int take_images(struct import *import, struct err *err)
{
	struct kernel_image image;
	CLEANUP_FD int copy = -1;
	int r = look(import->source.kernel_fd, &image, err);
	bool is_elf = r >= 0 && image.kind == KERNEL_IMAGE_ELF;

	if (r >= 0) {
		copy = copy_kernel(import, is_elf ? "vmlinux" : "bzImage", err);
		r = copy < 0 ? copy : look(copy, &image, err);
	}
	if (r >= 0 && *import->source.release && *image.release && strcmp(import->source.release, image.release) != 0)
		r = err_say(err, EINVAL, "its name says that it is '%s', and it says '%s'", import->source.release,
			    image.release);
	if (r >= 0) {
		import->kernel.release = *import->source.release ? import->source.release
								 : arena_strdup(import->call->arena, image.release);
		import->kernel.has_pvh = image.has_pvh;
		r = arena_check(import->call->arena, err);
	}
	/* Its own way of compression may be one that hull does not know: then the bzImage is all there is. */
	if (r >= 0 && !is_elf && image.compression && strcmp(image.compression, "lzo") != 0)
		r = extract(import, &image, err);
	return r < 0 ? err_wrap(err, "'%s'", import->source.words) : 0;
}

/* --- the rest of it --- */

static int take_modules(struct import *import, struct err *err)
{
	const struct module_source modules = kernel_modules_source(&import->source.modules);
	struct module_order order;
	int r;

	if (import->source.kind == KERNEL_SOURCE_FILE)
		return 0;
	r = modules_order(import->call->arena, &modules, &order, err);
	if (r >= 0)
		r = kernel_modules_place(&import->source.modules, &order, &import->kernel.modules, err);
	return r < 0 ? err_wrap(err, "'%s'", import->source.words) : 0;
}

static int take_digest(struct import *import, struct err *err)
{
	char hex[SHA256_HEX_BYTES];
	int fd = import->source.kind == KERNEL_SOURCE_FOLDER ? import->source.kernel_fd : import->source.fd;
	int r = sha256_file(fd, import->source.words, hex, err);

	if (r < 0)
		return r;
	import->kernel.source_digest = arena_printf(import->call->arena, "sha256:%s", hex);
	return arena_check(import->call->arena, err);
}

/* Now rather than with the first machine that is started. Without an agent there are no machines: they will say so. */
static int pack_initramfs(struct import *import, struct err *err)
{
	char agent[INSTALLED_PATH_BYTES];
	CLEANUP_FD int fd = -1;

	if (installed_program("hull-agent", agent, NULL) < 0)
		return 0;
	fd = initramfs_open(import->staging.fd, "initrd", agent, &import->kernel.modules, err);
	return fd < 0 ? fd : 0;
}

static int name_it(struct import *import, struct err *err)
{
	import->kernel.name = import->options->name ? import->options->name : import->kernel.release;
	import->kernel.imported_ns = proc_now_ns();
	import->kernel.source = import->source.words;
	if (!*import->kernel.name)
		return err_say(err, EINVAL, "'%s' does not say of which release it is: give it a '--name'",
			       import->source.words);
	return kernel_check_name(import->kernel.name, err);
}

/* --- all of it --- */

static int open_all(struct import *import, struct err *err)
{
	int r = kernel_source_open(import->call->arena, import->call->operands.items[0], &import->source, err);

	return r < 0 ? r : kernel_staging_open(&import->staging, hull_of(import->call)->kernels, err);
}

static int take_source(struct import *import, struct err *err)
{
	return kernel_source_take(&import->source, &import->staging, import->options->release, err);
}

static int remove_package(struct import *import, struct err *err)
{
	return file_remove_tree(import->staging.fd, KERNEL_SOURCE_PACKAGE_FOLDER, err);
}

static int commit(struct import *import, struct err *err)
{
	int r = kernel_staging_commit(&import->staging, &import->kernel, import->options->replace, err);

	return r < 0 || !import->options->make_default ? r
						       : kernel_choose(import->staging.store, import->kernel.name, err);
}

static const struct part {
	const char *words; /* for who waits */
	int (*run)(struct import *import, struct err *err);
} parts[] = {
	{"looking at it", open_all},
	{"unpacking it", take_source},
	{"taking the kernel", take_images},
	{"naming it", name_it},
	{"taking its modules", take_modules},
	{"taking its digest", take_digest},
	{"removing what is not needed", remove_package},
	{"packing the initramfs", pack_initramfs},
	{"writing it to disk", commit},
};

static int run_import(struct command_call *call, struct err *err)
{
	struct import import = {
		.call = call,
		.options = call->options,
		.source = KERNEL_SOURCE_NONE,
		.staging = KERNEL_STAGING_NONE,
	};
	int r = 0;

	if (import.options->name && kernel_check_name(import.options->name, err) < 0)
		return -err->code;
	if (geteuid() != 0)
		return err_say(err, EPERM, "hull's data is root's: run it with sudo");
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(parts); i++) {
		output_progress("%s: %s", call->operands.items[0], parts[i].words);
		r = parts[i].run(&import, err);
	}
	output_progress("%s", "");
	kernel_source_close(&import.source);
	kernel_staging_close(&import.staging);
	if (r >= 0)
		(void)puts(import.kernel.name);
	return r < 0 ? r : 0;
}

const struct command verb_kernel_import = {
	.name = "kernel import",
	.operands = "SOURCE",
	.summary = "Take in a kernel for virtual machines",
	.description =
		"From a Debian package (linux-image-*-cloud-amd64 has all that a guest needs), from a folder with "
		"boot/vmlinuz-RELEASE and lib/modules/RELEASE (the host's own is '/'), or from a file: a bzImage or an "
		"ELF kernel, which must have all inside. The modules that a guest needs are taken along, each after "
		"what it depends on; one that is missing is an error. Prints the name. The first kernel becomes the "
		"default one.",
	.examples = "apt-get download linux-image-6.1.0-13-cloud-amd64 && hull kernel import ./linux-image-*.deb\n"
		    "hull kernel import /\n"
		    "hull kernel import --name small --default ./vmlinux",
	.options = import_rows,
	.options_bytes = sizeof(struct import_options),
	.min_operands = 1,
	.max_operands = 1,
	.run = run_import,
};
