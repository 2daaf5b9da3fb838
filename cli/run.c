// SPDX-License-Identifier: GPL-2.0-or-later
/* run, create */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroups/cg.h"
#include "cli/bundle.h"
#include "cli/foreground.h"
#include "cli/instance.h"
#include "cli/instance_start.h"
#include "cli/machine.h"
#include "cli/progress.h"
#include "cli/run_machine.h"
#include "cli/verbs.h"
#include "images/helper.h"
#include "namespaces/idrange.h"
#include "runtime/base/file.h"
#include "runtime/core/fault.h"
#include "runtime/core/sealed.h"
#include "runtime/vm/last_words.h"

/*
 * A definition as a table of steps, each with its reverse, as a creation is: what one step took is given back when a
 * later one fails.
 */
struct defining {
	struct command_call *call;
	const struct run_options *options;
	const struct stores *stores;
	struct bundle_request request;
	struct image image;
	char id[DEFINITION_ID_BYTES];
	int folder_fd;		     /* holds the lock that says somebody is at it */
	struct instance_view *known; /* the others, once somebody has asked */
	size_t known_count;
};

/* An image is of one platform, chosen when it came in. */
static int check_platform(const struct defining *d, struct err *err)
{
	const struct image_config *config = &d->image.config;
	const char *wanted = d->options->platform;
	const char *architecture = config->architecture ? config->architecture : manifest_host_architecture();
	const char *own = arena_printf(d->call->arena, "linux/%s", architecture);
	const char *whole = arena_printf(d->call->arena, "%s/%s", own, config->variant ? config->variant : "");

	if (!wanted || !own || !whole)
		return arena_check(d->call->arena, err);
	if (strcmp(wanted, own) == 0 || strcmp(wanted, whole) == 0 || strcmp(wanted, architecture) == 0)
		return 0;
	if (!*wanted || wanted[strlen(wanted) - 1] == '/' || strcmp(wanted, "linux") == 0)
		return err_say(err, EINVAL, "option '--platform': '%s': want OS/ARCH[/VARIANT]", wanted);
	return err_say(err, ENOENT, "option '--platform': '%s': image '%s' is for %s", wanted, d->request.image_name,
		       config->variant ? whole : own);
}

static int find_image(struct defining *d, struct err *err)
{
	struct image_watch watch = progress_watch();
	const char *name = d->call->operands.items[0];
	char path[PATH_MAX];
	struct stat found;
	int result;

	d->request.image_name = name;
	if (!d->options->rootfs) {
		result = image_find(d->call->arena, hull_of(d->call)->images, name, &watch, &d->image, err);
		if (result == -ENOENT && d->options->pull && strcmp(d->options->pull, "missing") == 0)
			return err_hint(err, "'--pull missing' fetches nothing, since hull talks to no registry");
		d->request.image = &d->image;
		return result < 0 ? result : check_platform(d, err);
	}
	if (d->options->platform)
		return err_say(err, EINVAL, "option '--platform' is about an image, which '--rootfs' has none of");
	if (!realpath(name, path) || stat(path, &found) < 0)
		return err_set(err, errno, "option '--rootfs': '%s'", name);
	if (!S_ISDIR(found.st_mode))
		return err_say(err, ENOTDIR,
			       "option '--rootfs': '%s' is no folder: see 'hull image import' for archives", name);
	d->request.image_name = arena_strdup(d->call->arena, path);
	return arena_check(d->call->arena, err);
}

static int find_machine(struct defining *d, struct err *err)
{
	return run_machine_find(&d->request, err);
}

static int claim(struct defining *d, struct err *err)
{
	d->folder_fd = definition_claim(&d->stores->definitions, d->call->arena, d->options->name, d->id,
					&d->request.name, err);
	if (d->folder_fd < 0)
		return d->folder_fd;
	d->request.id = d->id;
	d->request.data_dir = arena_printf(d->call->arena, "%s/instances/%s", hull_of(d->call)->data, d->id);
	return arena_check(d->call->arena, err);
}

static int hold_image(struct defining *d, struct err *err)
{
	return d->request.image ? catalog_hold(hull_of(d->call)->images, d->image.id, d->id, err) : 0;
}

/* A definition says which range it has. */
static const char *range_holder(uint32_t base, void *context)
{
	struct defining *d = context;
	struct err ignored = ERR_INIT;

	if (!d->known && instance_list(d->call, d->stores, &d->known, &d->known_count, &ignored) < 0)
		return NULL;
	for (size_t i = 0; i < d->known_count; i++) {
		const struct extension_id_range *range = d->known[i].extension->id_range;

		if (range && range->base == base)
			return d->known[i].id;
	}
	return NULL;
}

/* Ids: the host's, another container's together with its namespaces, or a range that nobody else has. */
static int choose_ids(struct defining *d, struct err *err)
{
	struct instance_view other;
	const char *joined;
	int result = bundle_joined(d->options, &joined, err);

	if (result < 0 || bundle_wants_host_ids(d->options))
		return result;
	if (!joined) {
		d->request.own_range = true;
		return idrange_take(hull_of(d->call)->idranges, d->id,
				    d->options->remove ? FILE_VOLATILE : FILE_DURABLE,
				    &(struct idrange_witness){range_holder, d}, &d->request.range_base, err);
	}
	result = instance_look(d->call, d->stores, joined, &other, err);
	if (result >= 0 && other.extension->id_range) {
		d->request.joined_user = joined;
		d->request.range_base = other.extension->id_range->base;
	}
	return result;
}

/* A machine has no overlay on the host: its layers are disks. */
static int prepare_disks(struct defining *d, struct err *err)
{
	const struct strv lowers = {.items = (char **)(uintptr_t)d->image.layers, .count = d->image.layer_count};
	struct plan_vm_host made = {0};

	d->request.overlay = (struct overlay){.lowers = d->image.layers, .lower_count = d->image.layer_count};
	return machine_disks(d->call->arena, hull_of(d->call)->images, &lowers, NULL, &made, err);
}

static int prepare_root(struct defining *d, struct err *err)
{
	if (!d->request.image)
		return 0;
	if (bundle_is_machine(d->options))
		return prepare_disks(d, err);
	return overlay_prepare(d->call->arena, d->request.data_dir, &d->image, d->request.range_base,
			       &d->request.overlay, err);
}

static int write_bundle(struct defining *d, struct err *err)
{
	CLEANUP(bundle_close) struct bundle bundle = {.volumes_lock = -1};
	int result = bundle_make(&d->request, &bundle, err);

	return result < 0 ? result : bundle_write(&bundle, d->folder_fd, err);
}

static int write_cid_file(struct defining *d, struct err *err)
{
	CLEANUP_FD int fd = -1;

	if (!d->options->cid_file)
		return 0;
	fd = open(d->options->cid_file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, d->id, strlen(d->id)) < 0)
		return err_set(err, errno, "write the id to '%s'", d->options->cid_file);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct defining *d, struct err *err);
} definition_steps[] = {
	{"image", find_image}, {"machine", find_machine}, {"claim", claim},	    {"hold", hold_image},
	{"ids", choose_ids},   {"overlay", prepare_root}, {"bundle", write_bundle}, {"cidfile", write_cid_file},
};

/*
 * Everything that the steps take belongs to the definition: removing that takes all of it back. Before the bundle is
 * written, only we know the name.
 */
static void take_back(const struct defining *d)
{
	struct err ignored = ERR_INIT;

	if (instance_remove(d->call, d->stores, d->id, true, &ignored) >= 0)
		(void)definition_remove(&d->stores->definitions, d->id, d->request.name, &ignored);
}

static int define(struct defining *d, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(definition_steps); i++) {
		int result = fault_point("define", definition_steps[i].name, err);

		if (result >= 0)
			result = definition_steps[i].run(d, err);
		if (result < 0) {
			if (d->folder_fd >= 0)
				take_back(d);
			return result;
		}
	}
	return 0;
}

/* --- create ------------------------------------------------------------------------------------------------------- */

static struct defining defining_of(struct command_call *call, const struct stores *stores)
{
	const struct strv *operands = &call->operands;

	return (struct defining){
		.call = call,
		.options = call->options,
		.stores = stores,
		.request = {.call = call,
			    .stores = stores,
			    .options = call->options,
			    .command = {.items = operands->items + 1, .count = operands->count - 1}},
		.folder_fd = -1,
	};
}

static int run_create(struct command_call *call, struct err *err)
{
	CLEANUP_STORES struct stores stores = STORES_INIT;
	struct defining d = defining_of(call, &stores);
	int result = stores_open(call, &stores, err);

	if (result >= 0)
		result = define(&d, err);
	/* What cannot be started is refused now, by the words that were typed now. */
	if (result >= 0) {
		result = instance_check(call, &stores, d.id, err);
		if (result < 0)
			take_back(&d);
	}
	scope_fd(&d.folder_fd);
	if (result >= 0)
		(void)puts(d.id);
	return result;
}

/* --- run ---------------------------------------------------------------------------------------------------------- */

/* Without '--attach': all of them. */
static bool is_attached(const struct run_options *options, const char *stream)
{
	return options->attach.count == 0 || strv_has(&options->attach, stream);
}

static int run_foreground(struct command_call *call, const struct stores *stores, const char *id, int client_fd,
			  struct err *err)
{
	const struct run_options *options = call->options;
	struct foreground how = {
		.call = call,
		.stores = stores,
		.id = id,
		.client_fd = client_fd,
		.interactive = options->interactive && is_attached(options, "stdin"),
		.tty = options->tty,
		.leaves_output = !is_attached(options, "stdout"),
		.leaves_error = !is_attached(options, "stderr"),
		.detach_keys = options->detach_keys,
	};

	/* Whoever gives input only wants to know where the output can be found. */
	if (how.leaves_output && how.leaves_error) {
		(void)puts(id);
		(void)fflush(stdout);
	}
	return foreground_run(&how, err);
}

/* As Docker does: a container that could not be started stays, unless it was asked to be removed. */
static int start_defined(const struct defining *d, int *ret_client_fd, struct err *err)
{
	struct instance_starting how = {.id = d->id, .attach = !d->options->detach};
	struct err ignored = ERR_INIT;
	int result = instance_start(d->call, d->stores, &how, ret_client_fd, err);

	if (result < 0 && d->options->remove)
		(void)instance_remove(d->call, d->stores, d->id, true, &ignored);
	return result;
}

static int check_run(const struct command_call *call, struct err *err)
{
	const struct run_options *options = call->options;

	/*
	 * With the host's ids inside, what runs there must not be able to reach this executable. Before anything is
	 * done: it starts anew.
	 */
	if (bundle_wants_host_ids(options) && sealed_self(call->argv, err) < 0)
		return -err->code;
	if (options->detach && options->attach.count)
		return err_say(err, EINVAL, "'--detach' and '--attach' contradict one another");
	if (strv_has(&options->attach, "stdin") && !options->interactive)
		return err_say(err, EINVAL,
			       "option '--attach': 'stdin' goes with '--interactive', which keeps it open");
	if (options->tty && !options->detach && !isatty(STDIN_FILENO) && options->interactive)
		return err_say(err, ENOTTY, "standard input is no terminal: leave '-t' out");
	return 0;
}

static int run_run(struct command_call *call, struct err *err)
{
	CLEANUP_STORES struct stores stores = STORES_INIT;
	CLEANUP_FD int client_fd = -1;
	struct defining d = defining_of(call, &stores);
	int result = check_run(call, err);

	/* As early as can be: the wait for the first migration passes while the container is defined and made. */
	if (result >= 0)
		(void)cg_warm_start();
	if (result >= 0)
		result = stores_open(call, &stores, err);
	if (result >= 0)
		result = define(&d, err);
	if (result >= 0)
		result = start_defined(&d, &client_fd, err);
	/* It runs now: no failure from here on may remove it. */
	if (result >= 0 && !d.options->detach)
		result = run_foreground(call, &stores, d.id, client_fd, err);
	else if (result >= 0)
		(void)puts(d.id);
	scope_fd(&d.folder_fd);
	return result;
}

const struct command verb_run = {
	.name = "run",
	.operands = "IMAGE [COMMAND [ARG...]]",
	.summary = "Run a program in a new container",
	.description =
		"The container has a user namespace with ids of its own, the 11 usual capabilities inside that, "
		"a list of allowed system calls, its own "
		"network on the bridge hull0, and a writable layer over the image. Each of these can be "
		"loosened by an option, which names the risk.\n"
		"\n"
		"An image's files are on the disk once for all containers. Where their file system cannot map ids "
		"(most can), each container gets a copy of "
		"the image when it first starts, which takes that room and time, and goes with it; a line says so. "
		"Named volumes there are refused.\n"
		"\n"
		"Signals to this command go to the program. As the first process of its namespace it is not ended by "
		"one that "
		"it has no handler for, SIGTERM "
		"too: with --init it is, and 'hull stop' kills after a while.\n"
		"\n"
		"A machine's kernel has a root of its own beside the container's, in memory. --vm-image makes it an "
		"image, on the whole of a disk or its first partition, with a file system that the kernel has: ext4, "
		"erofs or squashfs. It is never written to; what the kernel looks for by name, as modules that a "
		"program asks for, is found there.\n"
		"\n"
		"The exit code is the program's; 128 + N when signal N ended it; 127 when it was not found, 126 "
		"when it cannot be executed; where a machine's guest ended it before its program had "
		"ended, " GUEST_ENDS_HELP
		"which 'hull inspect' tells from a program's own (state.cause); 125 when hull "
		"failed. A program that calls reboot(2), as 'poweroff -f' does, ends its own container alone, where it "
		"may: 129 when it restarts, 130 else, in a machine, too.",
	.exit_status =
		"The program's own, or 128+N when signal N has ended it; with --detach 0. 127 when it was not found, "
		"126 "
		"when it cannot be executed, 200 to 204 where a machine's guest ended it (see above); 125 when hull "
		"itself fails.",
	.examples = "hull run --rm busybox echo hello\n"
		    "hull run -it --rm busybox sh\n"
		    "hull run -d --name web -p 8080:80 -v ./site:/www:ro busybox httpd -f -h /www\n"
		    "hull run --rm --memory 64m --cpus 0.5 --pids-limit 50 debian:12 sh -c 'echo limited'",
	.options = run_rows,
	.options_bytes = sizeof(struct run_options),
	.min_operands = 1,
	.max_operands = COMMAND_ANY,
	.stop_at_operand = true,
	.run = run_run,
};
const struct command verb_create = {
	.name = "create",
	.operands = "IMAGE [COMMAND [ARG...]]",
	.summary = "Create a container without starting it",
	.options = create_rows,
	.options_bytes = sizeof(struct run_options),
	.min_operands = 1,
	.max_operands = COMMAND_ANY,
	.stop_at_operand = true,
	.run = run_create,
};
