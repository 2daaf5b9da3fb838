// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hull-image as hull runs it. The helper is found relative to the executable that runs, so this test runs a copy of
 * itself from a tree that looks like an installed one.
 */
#include "images/helper.h"

#include <errno.h>
#include <limits.h>
#include <sys/wait.h>

#include "runtime/base/fd.h"
#include "tests/unit/images/scratch.h"

struct seen {
	int layers, images;
};

static void take_event(const struct image_event *event, void *context)
{
	struct seen *seen = context;

	seen->layers += event->kind == IMAGE_EVENT_LAYER;
	seen->images += event->kind == IMAGE_EVENT_IMAGE;
}

/* What the copy does: a store where its first argument says. 0, or the number of the step that was wrong. */
static int run_installed(const char *store)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct seen seen = {0};
	struct image_watch watch = {take_event, &seen};
	struct image image;
	struct strv ids = {0};
	struct err err = ERR_INIT;

	if (image_find(&arena, store, "busybox", &watch, &image, &err) != 0)
		return printf("# %s\n", err.msg), 1;
	if (seen.images != 1 || seen.layers == 0 || strcmp(image.config.cmd.items[0], "sh") != 0)
		return 2;
	if (image_find(&arena, store, "busybox:latest", &watch, &image, &err) != 0 || seen.images != 1)
		return 3; /* once it is there nothing is imported */
	if (image_find(&arena, store, "docker.io/library/busybox", &watch, &image, &err) != -ENOENT ||
	    !strstr(err.msg, "not found in the store"))
		return 4;
	if (image_find(&arena, store, "../images/busybox", &watch, &image, &err) != -EINVAL)
		return 5;
	/* The helper's own words come back. */
	if (image_helper_import(&arena, store, &(struct image_import){.source = "/nonexistent"}, &watch, &ids, &err) !=
		    -ENOENT ||
	    !strstr(err.msg, "open '/nonexistent': No such file"))
		return 6;
	if (image_helper_gc(store, &watch, &err) != 0)
		return 7;
	return 0;
}

static void copy_self(const struct scratch *scratch, const char *name)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_FD int fd = openat(scratch->fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	char *data;
	size_t len;

	arena.max_bytes = (size_t)256 << 20;
	CHECK_INT(file_read(&arena, AT_FDCWD, "/proc/self/exe", (size_t)128 << 20, &data, &len, NULL), 0);
	CHECK_INT(fd_write_all(fd, data, len), 0);
}

static int run_copy(const struct scratch *scratch)
{
	char program[512], store[512];
	int status = 0;
	pid_t pid;

	(void)scratch_path(scratch, "bin/hull", program);
	(void)scratch_path(scratch, "store", store);
	(void)fflush(stdout);
	pid = fork();
	if (pid == 0) {
		(void)execl(program, program, store, (char *)NULL);
		_exit(99);
	}
	CHECK_INT(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

/* This program is BUILD/unit/images/test_helper. */
static void link_build(const struct scratch *scratch, const char *part, const char *name)
{
	char self[PATH_MAX] = {0}, target[PATH_MAX + 64];

	CHECK(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	*strrchr(self, '/') = '\0';
	(void)snprintf(target, sizeof(target), "%s/../../%s", self, part);
	CHECK(access(target, F_OK) == 0);
	CHECK(symlinkat(target, scratch->fd, name) == 0);
}

static void test_installed_tree(void)
{
	CLEANUP_SCRATCH struct scratch scratch = scratch_open();

	CHECK(mkdirat(scratch.fd, "bin", 0755) == 0 && mkdirat(scratch.fd, "libexec", 0755) == 0);
	copy_self(&scratch, "bin/hull");
	link_build(&scratch, "libexec", "libexec/hull");
	link_build(&scratch, "share", "share");
	CHECK_INT(run_copy(&scratch), 0);
}

static void test_build_tree(void)
{
	CLEANUP_SCRATCH struct scratch scratch = scratch_open();

	CHECK(mkdirat(scratch.fd, "bin", 0755) == 0);
	copy_self(&scratch, "bin/hull");
	link_build(&scratch, "libexec", "libexec");
	link_build(&scratch, "share", "share");
	CHECK_INT(run_copy(&scratch), 0);
}

static void test_events_both_ways(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_TEXT struct text line = TEXT_INIT;
	struct image_event event = {.kind = IMAGE_EVENT_LAYER,
				    .what = "a \"name\"\n",
				    .done_bytes = 3,
				    .total_bytes = 4};
	struct image_event read;
	struct err failure = ERR_INIT, err = ERR_INIT;

	event_write(&line, &event);
	CHECK(!strchr(line.data, '\n'));
	CHECK_INT(event_read(&arena, line.data, line.len, &read, &failure, &err), 1);
	CHECK_INT(read.kind, IMAGE_EVENT_LAYER);
	CHECK_STR(read.what, event.what);
	CHECK_INT(read.total_bytes, 4);
	text_free(&line);
	(void)err_say(&err, ENOSPC, "full");
	err.exit_code = 126;
	event_write_error(&line, &err);
	CHECK_INT(event_read(&arena, line.data, line.len, &read, &failure, &err), 0);
	CHECK_INT(failure.code, ENOSPC);
	CHECK_INT(failure.exit_code, 126);
	CHECK_STR(failure.msg, "full");
	CHECK_INT(event_read(&arena, "{}", 2, &read, &failure, &err), -EINVAL);
	CHECK_INT(event_read(&arena, "{\"event\":\"party\"}", 17, &read, &failure, &err), -EINVAL);
	CHECK(event_read(&arena, "hello", 5, &read, &failure, &err) < 0);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return run_installed(argv[1]);
	return TAP_RUN(TAP_CASE(test_installed_tree), TAP_CASE(test_build_tree), TAP_CASE(test_events_both_ways));
}
