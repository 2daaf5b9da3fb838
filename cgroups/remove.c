/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Removing a cgroup that may still hold processes, and cgroups that the container made.
 *
 * Mostly it is empty, and one rmdir a tree is all. If not: kill, wait for the ends by pidfd (a process has left its
 * cgroups when its pidfd says that it ended), remove what is below from the leaves up, and again, until it is gone or
 * the time is over. There is no wait without an end, and none by looking now and then.
 */
#include "cgroups/cg.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "cgroups/deadline.h"
#include "cgroups/driver.h"
#include "cgroups/folder.h"
#include "cgroups/procs.h"
#include "runtime/base/file.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"

#define MAX_NAMED_PIDS 8

/* A file of the kernel's that has the name is no cgroup, and never was. */
static bool is_gone(int error)
{
	return error == ENOENT || error == ENODEV || error == ENOTDIR;
}

/* One rmdir a tree. 0 when none is left, else -errno of the first that stays. */
static int remove_folders(const struct cg *cg)
{
	int r = 0;

	for (size_t i = 0; i < cg->folder_count; i++)
		if (rmdir(cg->folders[i].path) < 0 && !is_gone(errno) && r == 0)
			r = -errno;
	return r;
}

/* Removes the cgroups below, leaves first. One that is busy stays, and so do those above it. */
static int remove_below(int fd, unsigned depth)
{
	CLEANUP_DIR DIR *dir = NULL;
	struct stat st;
	int again, r = 0;

	if (fstat(fd, &st) == 0 && st.st_nlink == 2)
		return 0;
	if (depth == CG_MAX_DEPTH)
		return -ELOOP;
	again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = again < 0 ? NULL : fdopendir(again);
	if (!dir)
		return is_gone(errno) ? 0 : -errno;
	for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
		CLEANUP_FD int child = -1;
		int below;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		if (unlinkat(fd, entry->d_name, AT_REMOVEDIR) == 0 || is_gone(errno))
			continue;
		child = openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		below = child < 0 ? -errno : remove_below(child, depth + 1);
		if (below == 0 && unlinkat(fd, entry->d_name, AT_REMOVEDIR) < 0 && !is_gone(errno))
			below = -errno;
		if (below < 0 && !is_gone(-below) && r == 0)
			r = below;
	}
	return r;
}

static int remove_all(const struct cg *cg)
{
	int r = 0;

	for (size_t i = 0; i < cg->folder_count; i++) {
		const struct cg_folder *folder = &cg->folders[i];
		int here = folder->fd < 0 ? 0 : remove_below(folder->fd, 0);

		r = r < 0 ? r : here;
	}
	return r < 0 ? r : remove_folders(cg);
}

/* A process that has its own cgroup in one tree only is not seen in the others: so every tree is asked. */
static void kill_in_each_tree(const struct cg *cg, struct cg_pid_list *left)
{
	for (size_t i = 0; i < cg->folder_count; i++) {
		CLEANUP(cg_pid_list_free) struct cg_pid_list here = {0};

		if (cg->folders[i].fd < 0)
			continue;
		(void)cg_pids_below(cg->folders[i].fd, &here);
		(void)cg_signal_list(cg->folders[i].fd, &here, SIGKILL);
		/* What does not fit into the list is met in the next round. */
		(void)cg_pids_below(cg->folders[i].fd, left);
	}
}

static bool holds(const struct cg_pid_list *list, pid_t pid)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->pids[i] == pid)
			return true;
	return false;
}

/* Before anything is killed: hull in a cgroup that it is to remove would end itself. */
static int refuse_suicide(const struct cg *cg, struct err *err)
{
	for (size_t i = 0; i < cg->folder_count; i++) {
		CLEANUP(cg_pid_list_free) struct cg_pid_list here = {0};

		if (cg->folders[i].fd < 0 || cg_pids_below(cg->folders[i].fd, &here) < 0)
			continue;
		if (holds(&here, getpid()))
			return err_say(err, EDEADLK, "cgroup '%s' is the one this very process is in: not removed",
				       cg->folders[i].path);
	}
	return 0;
}

/* The next look when nobody is left to wait for, yet the kernel is not done with the folder. */
#define SETTLE_MS 1
/* A pid of the list may be someone else's by now, who has no reason to end: after this long the list is made anew. */
#define MAX_WAIT_NS (UINT64_C(200) * 1000 * 1000)

static void wait_for_ends(const struct cg_pid_list *list, uint64_t deadline_ns)
{
	uint64_t soon = proc_monotonic_ns() + MAX_WAIT_NS;

	if (deadline_ns > soon)
		deadline_ns = soon;
	for (size_t i = 0; i < list->count; i++) {
		CLEANUP_FD int pidfd = proc_pidfd(list->pids[i]);

		if (pidfd >= 0)
			(void)proc_wait_end(pidfd, cg_ms_left(deadline_ns));
		else if (pidfd == -ENOSYS)
			(void)poll(NULL, 0, SETTLE_MS);
		if (cg_ms_left(deadline_ns) == 0)
			return;
	}
	if (!list->count)
		(void)poll(NULL, 0, SETTLE_MS);
}

/* "123 (sleep, state D)" */
static void add_process_words(struct text *words, pid_t pid)
{
	char file[64], stat[512];
	char *open_paren = NULL, *close_paren = NULL;

	(void)snprintf(file, sizeof(file), "/proc/%d/stat", (int)pid);
	if (file_read_line(AT_FDCWD, file, stat, sizeof(stat)) > 0) {
		open_paren = strchr(stat, '(');
		close_paren = strrchr(stat, ')');
	}
	text_addf(words, "%s%d", words->len ? ", " : "", (int)pid);
	if (open_paren && close_paren && close_paren[1] == ' ')
		text_addf(words, " (%.*s, state %c)", (int)(close_paren - open_paren - 1), open_paren + 1,
			  close_paren[2]);
}

static int say_stays(const struct cg *cg, int code, unsigned timeout_ms, struct err *err)
{
	CLEANUP(cg_pid_list_free) struct cg_pid_list left = {0};
	CLEANUP_TEXT struct text words = TEXT_INIT;
	const char *path = "";

	for (size_t i = 0; i < cg->folder_count; i++) {
		if (cg->folders[i].fd < 0 || access(cg->folders[i].path, F_OK) < 0)
			continue;
		path = cg->folders[i].path;
		(void)cg_pids_below(cg->folders[i].fd, &left);
		if (left.count)
			break;
	}
	for (size_t i = 0; i < left.count && i < MAX_NAMED_PIDS; i++)
		add_process_words(&words, left.pids[i]);
	if (left.count > MAX_NAMED_PIDS)
		text_addf(&words, " and %zu more", left.count - MAX_NAMED_PIDS);
	if (!left.count)
		return err_set(err, code, "remove cgroup '%s' within %u ms", path, timeout_ms);
	return err_say(err, EBUSY, "cgroup '%s' stays: killed, but not ended within %u ms: %s", path, timeout_ms,
		       text_get(&words));
}

int cg_remove(struct cg *cg, unsigned timeout_ms, struct err *err)
{
	uint64_t deadline = proc_monotonic_ns() + (uint64_t)timeout_ms * 1000000;
	struct err ignored = ERR_INIT;
	int r = remove_folders(cg);

	if (r == 0) {
		cg_forget(cg);
		return 0;
	}
	if (r != -EBUSY && r != -ENOTEMPTY)
		return say_stays(cg, -r, timeout_ms, err);
	if (cg_open_folders(cg, err) < 0 || refuse_suicide(cg, err) < 0)
		return -err->code;
	for (;;) {
		CLEANUP(cg_pid_list_free) struct cg_pid_list left = {0};

		/* A failure here is met again as a process that stays. */
		(void)cg_signal(cg, SIGKILL, &ignored);
		cg_thaw_all(cg);
		kill_in_each_tree(cg, &left);
		wait_for_ends(&left, deadline);
		r = remove_all(cg);
		if (r == 0) {
			cg_forget(cg);
			return 0;
		}
		if (cg_ms_left(deadline) == 0)
			return say_stays(cg, -r, timeout_ms, err);
	}
}
