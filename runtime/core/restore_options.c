// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What CRIU is told: where it finds mounts, which descriptors it is given for what was outside, and in which cgroups
 * the processes go on.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "runtime/core/restore_parts.h"

#define LOG_LEVEL    4
#define CGROUP_BYTES ((size_t)1 << 20)

static int give(struct instance *instance, const char *key, int fd, struct err *err)
{
	struct restoration *restoration = instance->restoration;
	struct criu_pair *pair = LIST_ADD(instance->arena, &restoration->options.inherited);

	if (!pair)
		return arena_check(instance->arena, err);
	pair->first = key;
	pair->number = CRIU_FIRST_GIFT + (int32_t)restoration->gift_count;
	restoration->gifts[restoration->gift_count++] = fd;
	return 0;
}

static int read_keys(struct instance *instance, struct strv *ret, struct err *err)
{
	int folder = instance->restoration->folders.images;
	const char *name = file_is_there(folder, INHERITED_FILE) ? INHERITED_FILE : DESCRIPTORS_FILE;
	const struct json *document;
	int result = json_read_file(instance->arena, folder, name, &document, err);

	if (result >= 0)
		result = json_strv(instance->arena, document, ret, err) < 0 ? err_wrap(err, "%s", name) : 0;
	if (result >= 0 && ret->count > 3)
		result = err_say(err, EINVAL, "%s: more than three streams", name);
	return result;
}

static bool is_repeated(const struct strv *keys, size_t number)
{
	for (size_t i = 0; i < number; i++)
		if (strcmp(keys->items[i], keys->items[number]) == 0)
			return true;
	return false;
}

/*
 * CRIU takes the first that goes by a name for all that do: of several streams on one terminal it is to be one that can
 * be read and written.
 */
static int give_terminal(struct instance *instance, const struct strv *keys, const char *key, struct err *err)
{
	int chosen = -1;

	for (size_t i = 0; i < keys->count; i++) {
		int fd = instance->stdio.fds[i];

		if (strcmp(keys->items[i], key) == 0 && isatty(fd) && (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR)
			chosen = fd;
	}
	if (!instance->restoration->options.shell_job)
		return err_say(err, EINVAL,
			       "the container's terminal is not its own: with --shell-job it gets this command's");
	if (chosen < 0)
		return err_say(err, ENOTTY,
			       "the container had a terminal for its streams, and this command has none to give it, to "
			       "be read and written");
	return give(instance, key, chosen, err);
}

/* Pipes, files and terminals of the host, of which the restored processes get those of this process. */
static int give_streams(struct instance *instance, struct err *err)
{
	struct strv keys = {0};
	int result = read_keys(instance, &keys, err);

	for (size_t i = 0; i < keys.count && result >= 0; i++) {
		const char *key = keys.items[i];

		if (text_starts(key, "tty[") && !is_repeated(&keys, i))
			result = give_terminal(instance, &keys, key, err);
		else if (text_starts(key, "pipe:") || text_starts(key, "file["))
			result = give(instance, key, instance->stdio.fds[i], err);
	}
	return result;
}

/*
 * Namespaces to be joined: CRIU takes a descriptor of those that were external to the dump, and joins others by path:
 * by one that leads to what this process has open, since the plan's may lead elsewhere when CRIU comes to it.
 */
static int give_namespaces(struct instance *instance, struct err *err)
{
	for (int kind = 0; kind < NS_COUNT; kind++) {
		const char *key = checkpoint_namespace_key((enum ns_kind)kind);
		struct criu_pair *join;
		int result = 0;

		if (instance->joins[kind] < 0)
			continue;
		if (key) {
			result = give(instance, key, instance->joins[kind], err);
		} else {
			join = LIST_ADD(instance->arena, &instance->restoration->options.joins);
			if (!join)
				return arena_check(instance->arena, err);
			join->first = ns_proc_name((enum ns_kind)kind);
			join->second = arena_printf(instance->arena, "/proc/%d/fd/%d", getpid(), instance->joins[kind]);
		}
		if (result < 0)
			return result;
	}
	return arena_check(instance->arena, err);
}

static int add_cgroup_root(struct instance *instance, const char *controller, const char *path, struct err *err)
{
	struct criu_pair *root = LIST_ADD(instance->arena, &instance->restoration->options.cgroup_roots);

	if (root)
		*root = (struct criu_pair){.first = controller, .second = path};
	return arena_check(instance->arena, err);
}

/* The processes go to where criu is now, in every tree: lines "4:cpu,cpuacct:/hull/ID", and "0::/hull/ID" for v2. */
int restore_name_cgroups(struct instance *instance, struct err *err)
{
	const char *name = arena_printf(instance->arena, "/proc/%d/cgroup", instance->restoration->criu.pid);
	char *text;
	size_t len;
	int result = name ? file_read(instance->arena, AT_FDCWD, name, CGROUP_BYTES, &text, &len, err)
			  : arena_check(instance->arena, err);

	for (char *line; result >= 0 && (line = strsep(&text, "\n"));) {
		char *controllers, *path = line;

		(void)strsep(&path, ":");
		controllers = path ? strsep(&path, ":") : NULL;
		if (!controllers || !path)
			continue;
		if (!*controllers)
			result = add_cgroup_root(instance, NULL, path, err);
		for (char *one; *controllers && result >= 0 && (one = strsep(&controllers, ","));) {
			result = add_cgroup_root(instance, one, path, err);
			if (!controllers)
				break;
		}
	}
	return result;
}

int restore_options(struct instance *instance, struct err *err)
{
	struct restoration *restoration = instance->restoration;
	struct criu_options *options = &restoration->options;
	mounts_seen host;
	int result;

	*options = restoration->work->options;
	options->images_fd = CRIU_IMAGES;
	options->work_fd = CRIU_WORK;
	options->log_file = RESTORE_LOG;
	options->log_level = LOG_LEVEL;
	options->root = STAGE "/" STAGE_ROOT;
	options->notify = true;
	options->as_sibling = true;
	options->orphan_terminal = true;
	options->evasive_devices = true;
	options->external_masters = true;
	result = mounts_seen_of(instance->arena, 0, &host, err);
	if (result >= 0)
		result = criu_mounts_outside(instance->arena, instance->plan, STAGE, &host, &options->external_mounts,
					     &restoration->views, err);
	if (result >= 0)
		result = give_streams(instance, err);
	if (result >= 0)
		result = give_namespaces(instance, err);
	return result < 0 ? result : arena_check(instance->arena, err);
}
