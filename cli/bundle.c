// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/bundle.h"

#include <errno.h>
#include <string.h>

#include "cli/bundle_parts.h"
#include "runtime/base/file.h"
#include "runtime/base/process.h"

static int (*const parts[])(struct bundling *b, struct err *err) = {
	bundle_namespaces, bundle_rights,  bundle_network, bundle_process,
	bundle_root,	   bundle_volumes, bundle_limits,  bundle_keeping,
};

int bundle_check_inside(const char *option, const char *path, struct err *err)
{
	bool names_something = false;

	if (!path || !*path)
		return err_say(err, EINVAL, "option '%s': the path inside is missing", option);
	if (path[0] != '/')
		return err_say(err, EINVAL, "option '%s': '%s' is no absolute path inside", option, path);
	for (const char *part = path + strspn(path, "/"); *part; part += strspn(part, "/")) {
		size_t len = strcspn(part, "/");

		if (len == 2 && memcmp(part, "..", 2) == 0)
			return err_say(err, EINVAL, "option '%s': '%s': a path inside is given without '..'", option,
				       path);
		names_something |= len != 1 || part[0] != '.';
		part += len;
	}
	if (!names_something)
		return err_say(err, EINVAL, "option '%s': '%s' is the root itself, which would be hidden", option,
			       path);
	return 0;
}

static int make_identity(const struct bundling *b, struct err *err)
{
	const struct bundle_request *request = b->request;
	struct extension *extension = b->extension;

	extension->version = EXTENSION_VERSION;
	extension->name = request->name;
	extension->created = proc_now_ns();
	extension->isolation = bundle_is_machine(b->options) ? ISOLATION_VM : ISOLATION_NS;
	extension->vm = (struct extension_vm){.backend = b->options->vm_backend,
					      .kernel = b->options->kernel,
					      .image = request->vm_image};
	extension->image.name = request->image_name;
	extension->image.id = request->image ? request->image->id : NULL;
	for (size_t i = 0; i < b->options->labels.count; i++) {
		const char *label = b->options->labels.items[i], *equals = strchr(label, '=');
		const char *key = equals ? arena_strndup(b->arena, label, (size_t)(equals - label)) : label;

		if (!key || strmap_set(b->arena, &extension->labels, key, equals ? equals + 1 : "") < 0)
			return arena_check(b->arena, err);
	}
	return 0;
}

int bundle_make(const struct bundle_request *request, struct bundle *ret, struct err *err)
{
	struct arena *arena = request->call->arena;
	struct bundling b = {
		.arena = arena,
		.hull = hull_of(request->call),
		.request = request,
		.options = request->options,
		.config = &ret->config,
		.process = ARENA_NEW(arena, struct config_process),
		.os = ARENA_NEW(arena, struct config_linux),
		.resources = ARENA_NEW(arena, struct config_resources),
		.extension = &ret->extension,
		.volumes_lock = &ret->volumes_lock,
		.user_namespace = request->own_range || request->joined_user != NULL,
	};
	int result = arena_check(arena, err);

	*ret = (struct bundle){.volumes_lock = -1};
	if (result < 0)
		return result;
	ret->config.oci_version = CONFIG_OCI_VERSION;
	ret->config.process = b.process;
	ret->config.linux_ = b.os;
	b.os->resources = b.resources;
	result = make_identity(&b, err);
	for (size_t i = 0; result >= 0 && i < ARRAY_SIZE(parts); i++)
		result = parts[i](&b, err);
	return result < 0 ? result : arena_check(arena, err);
}

void bundle_close(struct bundle *bundle)
{
	scope_fd(&bundle->volumes_lock);
	bundle->volumes_lock = -1;
}

int bundle_write(const struct bundle *bundle, int folder_fd, struct err *err)
{
	CLEANUP_TEXT struct text config = TEXT_INIT, extension = TEXT_INIT;
	int result = config_write(&bundle->config, &config, err);

	if (result >= 0)
		result = extension_write(&bundle->extension, &extension, err);
	if (result >= 0)
		result = file_replace(folder_fd, "config.json", config.data, config.len, 0600, FILE_VOLATILE, err);
	/* Last: a folder that has it has everything. */
	if (result >= 0)
		result = file_replace(folder_fd, EXTENSION_FILE, extension.data, extension.len, EXTENSION_FILE_MODE,
				      FILE_VOLATILE, err);
	return result;
}
