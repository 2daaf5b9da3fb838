// SPDX-License-Identifier: GPL-2.0-or-later
#include "images/helper.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "images/reference.h"
#include "runtime/base/helper.h"
#include "runtime/base/installed.h"
#include "runtime/base/process.h"
#include "runtime/base/scope.h"

#define LINE_MAX_BYTES ((size_t)64 << 10)

extern char **environ;

/* --- running it --- */

struct listener {
	const struct image_watch *watch;
	struct arena *arena; /* of what outlives a line; NULL: ids are not wanted */
	struct strv *ids;
	struct err failure;
};

static void take_line(struct listener *listener, const char *line, size_t len)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct image_event event;
	struct err why = ERR_INIT;
	int r = event_read(&arena, line, len, &event, &listener->failure, &why);

	if (r < 0 && !listener->failure.code)
		listener->failure = why;
	if (r <= 0)
		return;
	if (event.kind == IMAGE_EVENT_IMAGE && listener->ids && !strv_has(listener->ids, event.what))
		(void)strv_add(listener->arena, listener->ids, event.what);
	event_tell(listener->watch, &event);
}

static void take_lines(struct listener *listener, int fd)
{
	static char buffer[LINE_MAX_BYTES];
	size_t held = 0;
	ssize_t len;

	while ((len = read(fd, buffer + held, sizeof(buffer) - held)) != 0) {
		char *start = buffer, *end;

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return;
		held += (size_t)len;
		while ((end = memchr(start, '\n', held))) {
			take_line(listener, start, (size_t)(end - start));
			held -= (size_t)(end + 1 - start);
			start = end + 1;
		}
		memmove(buffer, start, held);
		if (held == sizeof(buffer)) {
			(void)err_say(&listener->failure, EPROTO, "hull-image sent a line without an end");
			return;
		}
	}
}

static int judge(const struct listener *listener, int status, struct err *err)
{
	if (listener->failure.code) {
		*err = listener->failure;
		return -err->code;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFSIGNALED(status))
		return err_say(err, EIO, "hull-image was killed by signal %d", WTERMSIG(status));
	return err_say(err, EIO, "hull-image ended with %d and no words", WEXITSTATUS(status));
}

static int run_helper(char *const *argv, struct listener *listener, struct err *err)
{
	CLEANUP_FD int in = -1;
	pid_t pid = helper_fork(STDOUT_FILENO, false, &in, err);
	int status = 0, r;

	if (pid < 0)
		return pid;
	if (pid == 0) {
		(void)execve(argv[0], argv, environ);
		_exit(HELPER_FAILED);
	}
	take_lines(listener, in);
	scope_fd(&in);
	in = -1;
	r = proc_wait(pid, &status);
	return r < 0 ? err_set(err, -r, "wait for hull-image") : judge(listener, status, err);
}

/* --- what it is asked for --- */

static int add_option(struct arena *arena, struct strv *args, const char *option, const char *value)
{
	if (!value)
		return 0;
	return strv_add(arena, args, option) < 0 ? -ENOMEM : strv_add(arena, args, value);
}

static int add_limit(struct arena *arena, struct strv *args, const char *option, uint64_t value)
{
	return value ? add_option(arena, args, option, arena_printf(arena, "%llu", (unsigned long long)value)) : 0;
}

static int begin_args(struct arena *arena, const char *verb, const char *store, struct strv *args, struct err *err)
{
	char program[INSTALLED_PATH_BYTES];
	int r = installed_program("hull-image", program, err);

	if (r < 0)
		return r;
	if (strv_add(arena, args, program) < 0 || strv_add(arena, args, verb) < 0 ||
	    add_option(arena, args, "--store", store) < 0)
		return arena_check(arena, err);
	return 0;
}

int image_helper_import(struct arena *arena, const char *store, const struct image_import *import,
			const struct image_watch *watch, struct strv *ret_ids, struct err *err)
{
	CLEANUP_ARENA struct arena scratch = ARENA_INIT;
	struct listener listener = {.watch = watch, .arena = arena, .ids = ret_ids};
	struct strv args = {0};
	int r = begin_args(&scratch, "import", store, &args, err);

	if (r < 0)
		return r;
	(void)add_option(&scratch, &args, "--source", import->source);
	(void)add_option(&scratch, &args, "--name", import->name);
	(void)add_option(&scratch, &args, "--reference", import->reference);
	(void)add_option(&scratch, &args, "--format", image_format_name(import->format));
	for (const char *const *change = import->changes; change && *change; change++)
		(void)add_option(&scratch, &args, "--change", *change);
	(void)add_limit(&scratch, &args, "--max-bytes", import->max_bytes);
	(void)add_limit(&scratch, &args, "--max-entries", import->max_entries);
	r = arena_check(&scratch, err);
	return r < 0 ? r : run_helper(args.items, &listener, err);
}

int image_helper_gc(const char *store, const struct image_watch *watch, struct err *err)
{
	CLEANUP_ARENA struct arena scratch = ARENA_INIT;
	struct listener listener = {.watch = watch};
	struct strv args = {0};
	int r = begin_args(&scratch, "gc", store, &args, err);

	return r < 0 ? r : run_helper(args.items, &listener, err);
}

int image_helper_unpack_kernel(const char *source, const char *to, struct err *err)
{
	CLEANUP_ARENA struct arena scratch = ARENA_INIT;
	struct listener listener = {0};
	struct strv args = {0};
	int r = begin_args(&scratch, "unpack-kernel", NULL, &args, err);

	if (r < 0)
		return r;
	(void)add_option(&scratch, &args, "--source", source);
	(void)add_option(&scratch, &args, "--to", to);
	r = arena_check(&scratch, err);
	return r < 0 ? r : run_helper(args.items, &listener, err);
}

int image_helper_decompress(const struct image_decompress *how, struct err *err)
{
	CLEANUP_ARENA struct arena scratch = ARENA_INIT;
	struct listener listener = {0};
	struct strv args = {0};
	int r = begin_args(&scratch, "decompress", NULL, &args, err);

	if (r < 0)
		return r;
	(void)add_option(&scratch, &args, "--source", how->source);
	(void)add_option(&scratch, &args, "--to", how->to);
	(void)add_limit(&scratch, &args, "--offset", how->offset);
	(void)add_limit(&scratch, &args, "--bytes", how->bytes);
	(void)add_limit(&scratch, &args, "--max-bytes", how->max_bytes);
	r = arena_check(&scratch, err);
	return r < 0 ? r : run_helper(args.items, &listener, err);
}

/* --- finding, with what hull brings along --- */

/*
 * The layout that goes by a name: only for localhost/NAME:latest, however short it was written. 0, or -ENOENT without
 * words.
 */
static int find_embedded(struct arena *arena, const char *words, const char **ret_name, const char **ret_layout,
			 struct err *err)
{
	struct reference ref;
	char name[REFERENCE_BYTES], *layout;
	const char *place;

	if (reference_for_import(words, &ref, NULL) < 0 || strcmp(ref.registry, "localhost") != 0 ||
	    strcmp(ref.tag, "latest") != 0 || strchr(ref.repository, '/'))
		return -ENOENT;
	*ret_name = arena_strdup(arena, reference_format(&ref, name));
	layout = arena_alloc(arena, INSTALLED_PATH_BYTES);
	place = arena_printf(arena, "images/%s", ref.repository);
	*ret_layout = layout;
	return layout && place ? installed_share(place, layout) : arena_check(arena, err);
}

int image_find(struct arena *arena, const char *store, const char *words, const struct image_watch *watch,
	       struct image *ret, struct err *err)
{
	struct err missing = ERR_INIT;
	struct image_import import = {.format = IMAGE_FORMAT_OCI};
	int r = catalog_find(arena, store, words, ret, &missing);

	if (r == 0)
		return 0;
	if (r != -ENOENT || find_embedded(arena, words, &import.name, &import.source, NULL) < 0) {
		*err = missing;
		return r;
	}
	r = image_helper_import(arena, store, &import, watch, NULL, err);
	return r < 0 ? r : catalog_find(arena, store, words, ret, err);
}
