// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/run_machine.h"

#include <errno.h>
#include <stdlib.h>

#include "cli/hull.h"
#include "cli/machine.h"

/* Wherever it is started from later, it is that file. */
static int take_image(struct arena *arena, const struct run_options *options, struct config_vm_image **ret,
		      struct err *err)
{
	const char *resembled = NULL;
	char path[PATH_MAX];

	if (!options->vm_image && options->vm_image_format)
		return err_say(err, EINVAL, "option '--vm-image-format' goes with '--vm-image'");
	if (!options->vm_image)
		return 0;
	if (!realpath(options->vm_image, path))
		return err_set(err, errno, "option '--vm-image': '%s'", options->vm_image);
	/* The contents do not choose the format; but nobody has, and as a raw disk it would only fail to be mounted. */
	if (!options->vm_image_format)
		resembled = disk_file_resembles(path);
	if (resembled)
		return err_say(err, EINVAL,
			       "option '--vm-image': '%s' begins as a %s image does: add '--vm-image-format %s', or "
			       "'raw' where it is a raw one all the same",
			       options->vm_image, resembled, resembled);
	*ret = ARENA_NEW(arena, struct config_vm_image);
	if (*ret)
		**ret = (struct config_vm_image){
			.path = arena_strdup(arena, path),
			.format = options->vm_image_format ?: disk_format_words[DISK_FORMAT_RAW],
		};
	return arena_check(arena, err);
}

static int refuse_options(const struct run_options *options, struct err *err)
{
	const struct {
		const char *name, *value;
	} rows[] = {
		{"vm-backend", options->vm_backend},
		{"kernel", options->kernel},
		{"vm-image", options->vm_image},
		{"vm-image-format", options->vm_image_format},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].value)
			return err_say(err, EINVAL, "option '--%s' goes with '--isolation vm'", rows[i].name);
	return 0;
}

int run_machine_find(struct bundle_request *request, struct err *err)
{
	const struct hull *hull = hull_of(request->call);
	struct machine_wish wish = {
		.root = hull->root,
		.kernels = hull->kernels,
		.backend = request->options->vm_backend,
		.kernel = request->options->kernel,
	};
	struct plan_vm_host found;
	int result;

	if (!bundle_is_machine(request->options))
		return refuse_options(request->options, err);
	result = take_image(request->call->arena, request->options, &request->vm_image, err);
	if (result < 0)
		return result;
	wish.image = request->vm_image;
	return machine_find(request->call->arena, &wish, &found, err);
}
