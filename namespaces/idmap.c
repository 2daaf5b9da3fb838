/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "namespaces/idmap.h"

#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/fd.h"
#include "runtime/base/file.h"
#include "runtime/base/host.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"

/* The kernel takes less than a page in the one write(2) that a map may be. */
#define MAP_TEXT_BYTES 4096

/* The two sides of every map, so that users and groups are one piece of code. */
struct side {
	const char *what;    /* in words */
	const char *file;    /* below /proc/PID */
	const char *helper;  /* setuid program for unprivileged writers */
	unsigned capability; /* that lets one write any map */
	uid_t (*own_id)(void);
};

static const struct side user_side = {"user ids", "uid_map", "/usr/bin/newuidmap", CAP_SETUID, geteuid};
static const struct side group_side = {"group ids", "gid_map", "/usr/bin/newgidmap", CAP_SETGID, getegid};

/* ------------------------------------------------------------------------------------------------ checks */

static int map_text(const struct idmap_range *ranges, size_t count, char to[static MAP_TEXT_BYTES])
{
	size_t used = 0;

	for (size_t i = 0; i < count; i++) {
		int n = snprintf(to + used, MAP_TEXT_BYTES - used, "%" PRIu32 " %" PRIu32 " %" PRIu32 "\n",
				 ranges[i].inside, ranges[i].outside, ranges[i].count);

		if (n < 0 || (size_t)n >= MAP_TEXT_BYTES - used)
			return -E2BIG;
		used += (size_t)n;
	}
	return 0;
}

/* The last id is 2^32 - 2: 2^32 - 1 means 'no id' in system calls. */
static bool range_fits(uint32_t first, uint32_t count)
{
	return (uint64_t)first + count <= UINT32_MAX;
}

static bool overlap(uint32_t a, uint32_t a_count, uint32_t b, uint32_t b_count)
{
	return (uint64_t)a < (uint64_t)b + b_count && (uint64_t)b < (uint64_t)a + a_count;
}

static int check_overlaps(const struct side *side, const struct idmap_range *ranges, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++)
		for (size_t j = i + 1; j < count; j++) {
			const struct idmap_range *a = &ranges[i], *b = &ranges[j];

			if (overlap(a->inside, a->count, b->inside, b->count))
				return err_say(err, EINVAL,
					       "map of %s: the ranges from %" PRIu32 " and %" PRIu32 " overlap inside",
					       side->what, a->inside, b->inside);
			if (overlap(a->outside, a->count, b->outside, b->count))
				return err_say(err, EINVAL,
					       "map of %s: the ranges from %" PRIu32 " and %" PRIu32
					       " overlap on the host",
					       side->what, a->outside, b->outside);
		}
	return 0;
}

static int check_side(const struct side *side, const struct idmap_range *ranges, size_t count, struct err *err)
{
	char text[MAP_TEXT_BYTES];

	if (count == 0)
		return err_say(err, EINVAL, "map of %s: it is empty", side->what);
	if (count > IDMAP_MAX_RANGES)
		return err_say(err, EINVAL, "map of %s: %zu ranges, the kernel takes %d", side->what, count,
			       IDMAP_MAX_RANGES);
	for (size_t i = 0; i < count; i++) {
		if (ranges[i].count == 0)
			return err_say(err, EINVAL, "map of %s: the range from %" PRIu32 " has no ids", side->what,
				       ranges[i].inside);
		if (!range_fits(ranges[i].inside, ranges[i].count) || !range_fits(ranges[i].outside, ranges[i].count))
			return err_say(err, EINVAL, "map of %s: the range from %" PRIu32 " goes past the last id",
				       side->what, ranges[i].inside);
	}
	if (map_text(ranges, count, text) < 0)
		return err_say(err, EINVAL, "map of %s: longer than the page that the kernel takes", side->what);
	return check_overlaps(side, ranges, count, err);
}

int idmap_check(const struct idmap *map, struct err *err)
{
	int r = check_side(&user_side, map->uids, map->uid_count, err);

	return r < 0 ? r : check_side(&group_side, map->gids, map->gid_count, err);
}

static int to_host(const struct idmap_range *ranges, size_t count, uint32_t inside, uint32_t *ret_outside)
{
	for (size_t i = 0; i < count; i++)
		if (inside >= ranges[i].inside && inside - ranges[i].inside < ranges[i].count) {
			*ret_outside = ranges[i].outside + (inside - ranges[i].inside);
			return 0;
		}
	return -ERANGE;
}

int idmap_to_host_uid(const struct idmap *map, uint32_t inside, uint32_t *ret_outside)
{
	return to_host(map->uids, map->uid_count, inside, ret_outside);
}

int idmap_to_host_gid(const struct idmap *map, uint32_t inside, uint32_t *ret_outside)
{
	return to_host(map->gids, map->gid_count, inside, ret_outside);
}

/* ----------------------------------------------------------------------------------------------- writing */

/* The helper's words go to `to` instead of the user's terminal, so that they become part of one error line. */
static void helper_words(int pipe_fd, char *to, size_t to_bytes)
{
	size_t used = 0;

	while (used + 1 < to_bytes) {
		ssize_t n = read(pipe_fd, to + used, to_bytes - 1 - used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		used += (size_t)n;
	}
	to[used] = '\0';
	to[strcspn(to, "\n")] = '\0';
}

/* newuidmap PID inside outside count [inside outside count]... */
static int helper_args(struct arena *arena, struct strv *args, const struct side *side, pid_t pid,
		       const struct idmap_range *ranges, size_t count, struct err *err)
{
	strv_add(arena, args, side->helper);
	strv_add(arena, args, arena_printf(arena, "%d", pid));
	for (size_t i = 0; i < count; i++) {
		strv_add(arena, args, arena_printf(arena, "%" PRIu32, ranges[i].inside));
		strv_add(arena, args, arena_printf(arena, "%" PRIu32, ranges[i].outside));
		strv_add(arena, args, arena_printf(arena, "%" PRIu32, ranges[i].count));
	}
	return arena_check(arena, err);
}

static _Noreturn void become_helper(const struct side *side, const struct strv *args, int words_fd)
{
	proc_reset_signals();
	if (fd_place(words_fd, STDERR_FILENO) == 0)
		execve(side->helper, args->items, (char *[]){NULL});
	_exit(errno == ENOENT ? ERR_EXIT_NOT_FOUND : ERR_EXIT_NOT_EXECUTABLE);
}

static int run_helper(const struct side *side, pid_t pid, const struct idmap_range *ranges, size_t count,
		      struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_FD int words_read = -1;
	CLEANUP_FD int words_write = -1;
	struct strv args = {0};
	char words[256];
	int fds[2], status, r;
	pid_t helper;

	r = helper_args(&arena, &args, side, pid, ranges, count, err);
	if (r < 0)
		return r;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_set(err, errno, "pipe");
	words_read = fds[0], words_write = fds[1];
	helper = fork();
	if (helper < 0)
		return err_set(err, errno, "fork");
	if (helper == 0)
		become_helper(side, &args, words_write);
	close(fd_take(&words_write));
	helper_words(words_read, words, sizeof(words));
	r = proc_wait(helper, &status);
	if (r < 0)
		return err_set(err, -r, "waiting for %s", side->helper);
	switch (proc_exit_code(status)) {
	case 0:
		return 0;
	case ERR_EXIT_NOT_FOUND:
		err_say(err, ENOENT, "%s is not there", side->helper);
		return err_hint(err, "install the package 'uidmap'");
	default:
		err_say(err, EPERM, "%s refused the map of %s: %s", side->helper, side->what, words);
		return err_hint(err, "see /etc/subuid and /etc/subgid");
	}
}

static bool may_write(const struct side *side)
{
	return host_caps_permitted() >> side->capability & 1;
}

/* What the kernel lets anyone write: one id, the writer's own. */
static bool is_own_id(const struct side *side, const struct idmap_range *ranges, size_t count)
{
	return count == 1 && ranges[0].count == 1 && ranges[0].outside == side->own_id();
}

static int write_side(const struct side *side, int procfd, pid_t pid, const struct idmap_range *ranges, size_t count,
		      struct err *err)
{
	char text[MAP_TEXT_BYTES];
	int r;

	if (!may_write(side) && !is_own_id(side, ranges, count))
		return run_helper(side, pid, ranges, count, err);
	r = map_text(ranges, count, text);
	if (r == 0)
		r = file_write_value(procfd, side->file, text);
	if (r < 0)
		return err_set(err, -r, "writing the map of %s", side->what);
	return 0;
}

int idmap_write(pid_t pid, const struct idmap *map, bool set_groups_allowed, struct err *err)
{
	char name[32];
	CLEANUP_FD int procfd = -1;
	int r;

	snprintf(name, sizeof(name), "/proc/%d", pid);
	procfd = open(name, O_DIRECTORY | O_PATH | O_CLOEXEC);
	if (procfd < 0)
		return err_set(err, errno, "open '%s'", name);
	/*
	 * An unprivileged writer must give setgroups(2) up: dropping a group could give rights that the group's entry
	 * takes away.
	 */
	if (!may_write(&group_side) && is_own_id(&group_side, map->gids, map->gid_count))
		set_groups_allowed = false;
	if (!set_groups_allowed) {
		r = file_write_value(procfd, "setgroups", "deny");
		if (r < 0)
			return err_set(err, -r, "denying setgroups");
	}
	r = write_side(&user_side, procfd, pid, map->uids, map->uid_count, err);
	return r < 0 ? r : write_side(&group_side, procfd, pid, map->gids, map->gid_count, err);
}

/* ------------------------------------------------------------------------- a namespace that nobody lives in */

/* Lives until its parent has what it wants; also when the parent dies. */
static void wait_for_parent(int life_fd) __attribute__((noreturn));
static void wait_for_parent(int life_fd)
{
	char byte;

	while (read(life_fd, &byte, 1) < 0 && errno == EINTR)
		;
	_exit(0);
}

static int open_userns(pid_t pid, struct err *err)
{
	char name[48];
	int fd;

	snprintf(name, sizeof(name), "/proc/%d/ns/user", pid);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_set(err, errno, "open '%s'", name) : fd;
}

int idmap_userns(const struct idmap *map, struct err *err)
{
	CLEANUP_FD int life_read = -1;
	CLEANUP_FD int life_write = -1;
	CLEANUP_FD int userns = -1;
	int fds[2], r, status;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_set(err, errno, "pipe");
	life_read = fds[0], life_write = fds[1];
	pid = proc_clone(&(struct proc_clone){.flags = CLONE_NEWUSER, .cgroup_fd = -1});
	if (pid < 0)
		return err_set(err, -pid, "a user namespace for an id-mapped mount");
	if (pid == 0) {
		close(life_write);
		wait_for_parent(life_read);
	}
	r = idmap_write(pid, map, true, err);
	if (r == 0)
		r = userns = open_userns(pid, err);
	close(fd_take(&life_write));
	(void)proc_wait(pid, &status);
	if (r < 0)
		return err_wrap(err, "a user namespace for an id-mapped mount");
	return fd_take(&userns);
}
