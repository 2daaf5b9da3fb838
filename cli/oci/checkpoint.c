// SPDX-License-Identifier: GPL-2.0-or-later
/* checkpoint */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/oci/checkpoint_work.h"
#include "runtime/base/log.h"

struct checkpoint_options {
	struct work_options work;
	const char *parent_path, *page_server, *status_fd;
	bool leave_running, pre_dump, tcp_skip_in_flight, link_remap;
};

#define FLAG(name, field, help)                                                                          \
	{                                                                                                \
		name, 0, OPTION_FLAG, offsetof(struct checkpoint_options, field), NULL, help, NULL, NULL \
	}
#define WORDS(name, field, argument, help, choices)                                                               \
	{                                                                                                         \
		name, 0, OPTION_STRING, offsetof(struct checkpoint_options, field), argument, help, choices, NULL \
	}
static const struct option_row rows[] = {
	WORK_ROWS(checkpoint_options),
	WORDS("parent-path", parent_path, "DIR",
	      "images of an earlier --pre-dump, relative to --image-path: only what has changed since is written",
	      NULL),
	FLAG("leave-running", leave_running, "the container goes on afterwards"),
	FLAG("pre-dump", pre_dump, "write memory only, and let the container go on"),
	FLAG("tcp-skip-in-flight", tcp_skip_in_flight, "without TCP connections that are about to be accepted"),
	FLAG("link-remap", link_remap, "give files that were removed a name again where that is possible"),
	WORDS("page-server", page_server, "ADDRESS:PORT", "send the memory there", NULL),
	WORDS("status-fd", status_fd, "N", "write a zero byte to this descriptor when lazy pages can be fetched", NULL),
	OPTIONS_END,
};

/* "127.0.0.1:9876", "[::1]:9876" */
static int parse_page_server(struct arena *arena, const char *words, criu_pairs *ret, struct err *err)
{
	const char *colon = strrchr(words, ':');
	size_t len = colon ? (size_t)(colon - words) : 0;
	struct criu_pair *server;
	uint32_t port;

	if (len == 0 || text_u32(colon + 1, &port) < 0 || port == 0 || port > UINT16_MAX)
		return err_say(err, EINVAL, "option '--page-server': '%s' is not ADDRESS:PORT", words);
	if (len > 2 && words[0] == '[' && words[len - 1] == ']') {
		words++;
		len -= 2;
	}
	server = LIST_ADD(arena, ret);
	if (server)
		*server = (struct criu_pair){.first = arena_strndup(arena, words, len), .number = (int32_t)port};
	return arena_check(arena, err);
}

static int parse_status_fd(const char *words, int *ret, struct err *err)
{
	uint32_t number;
	int flags;

	if (text_u32(words, &number) < 0 || number > INT32_MAX)
		return err_say(err, EINVAL, "option '--status-fd': '%s' is no descriptor", words);
	flags = fcntl((int)number, F_GETFL);
	if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY)
		return err_say(err, EBADF, "option '--status-fd': '%s' is no descriptor that is open for writing",
			       words);
	*ret = (int)number;
	return 0;
}

/* Relative, as it is found again after the folders have moved. */
static int check_parent(struct arena *arena, const char *images, const char *parent, struct err *err)
{
	const char *path = arena_printf(arena, "%s/%s", images, parent);
	struct stat what;

	if (!path)
		return arena_check(arena, err);
	if (parent[0] == '/')
		return err_say(err, EINVAL, "option '--parent-path': '%s' must be relative to the images' folder",
			       parent);
	/* The images' own folder may be still to be made, and only ".." leads out of it. */
	if (stat(images, &what) < 0 && errno == ENOENT)
		return 0;
	if (stat(path, &what) < 0)
		return err_set(err, errno, "option '--parent-path': '%s': look at '%s'", parent, path);
	return S_ISDIR(what.st_mode) ? 0 : err_set(err, ENOTDIR, "option '--parent-path': '%s'", parent);
}

static int parse(const struct command_call *call, struct checkpoint_request *ret, struct err *err)
{
	const struct checkpoint_options *options = call->options;
	struct criu_options *wishes = &ret->work.options;
	int result = oci_checkpoint_work(call, &options->work, &ret->work, err);

	if (result < 0)
		return result;
	if (options->pre_dump && options->work.lazy_pages)
		return err_say(err, EINVAL, "--pre-dump and --lazy-pages exclude one another");
	if (options->status_fd && !options->work.lazy_pages)
		return err_say(err, EINVAL, "--status-fd is for --lazy-pages");
	ret->pre_dump = options->pre_dump;
	wishes->leave_running = options->leave_running;
	wishes->tcp_skip_in_flight = options->tcp_skip_in_flight;
	wishes->link_remap = options->link_remap;
	wishes->parent = options->parent_path;
	if (options->parent_path)
		result = check_parent(call->arena, ret->work.images, options->parent_path, err);
	if (result >= 0 && options->page_server)
		result = parse_page_server(call->arena, options->page_server, &wishes->page_server, err);
	return result < 0 || !options->status_fd ? result : parse_status_fd(options->status_fd, &ret->status_fd, err);
}

static int run_checkpoint(struct command_call *call, struct err *err)
{
	CLEANUP_STORE struct store store = {.fd = -1};
	const char *id = call->operands.items[0];
	struct plan *plan = arena_alloc(call->arena, sizeof(*plan));
	struct checkpoint_request request = {.store = &store, .id = id, .plan = plan, .status_fd = -1};
	const char *bundle;
	int result = plan ? parse(call, &request, err) : arena_check(call->arena, err);

	if (result >= 0)
		result = oci_open_store(call, &store, err);
	if (result >= 0)
		result = oci_find_bundle(call, &store, &bundle, err);
	if (result >= 0)
		result = oci_plan(call, id, bundle, plan, err);
	return result < 0 ? result : checkpoint_make(&request, err);
}

const struct command oci_checkpoint = {
	.name = "checkpoint",
	.operands = "ID",
	.summary = "Write a running container to a folder, to be restored later",
	.description = "criu(8) does it: the package criu. Unless it is left running, the container is deleted "
		       "afterwards, so that "
		       "'restore' can make one of the same name. When it fails, the container goes on as before.",
	.options = rows,
	.options_bytes = sizeof(struct checkpoint_options),
	.min_operands = 1,
	.max_operands = 1,
	.run = run_checkpoint,
};
