/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * v1 writes to an eventfd that was announced in cgroup.event_control; v2's memory.events itself is polled, and read
 * anew after each change.
 */
#include "cgroups/oom.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "cgroups/cg.h"
#include "cgroups/folder.h"
#include "runtime/base/file.h"

static int watch_v1(const struct cg_folder *folder, struct cg_oom_watch *ret, struct err *err)
{
	char words[64];
	int result;

	ret->events = POLLIN;
	ret->control = openat(folder->fd, "memory.oom_control", O_RDONLY | O_CLOEXEC);
	ret->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ret->control < 0 || ret->fd < 0)
		return err_set(err, errno, "watch for out-of-memory events of cgroup '%s'", folder->path);
	(void)snprintf(words, sizeof(words), "%d %d", ret->fd, ret->control);
	result = file_write_value(folder->fd, "cgroup.event_control", words);
	return result < 0 ? err_set(err, -result, "ask for out-of-memory events of cgroup '%s'", folder->path) : 0;
}

static int watch_v2(const struct cg_folder *folder, struct cg_oom_watch *ret, struct err *err)
{
	ret->events = POLLPRI;
	ret->fd = openat(folder->fd, "memory.events", O_RDONLY | O_CLOEXEC);
	if (ret->fd < 0)
		return err_set(err, errno, "watch memory.events of cgroup '%s'", folder->path);
	cg_oom_seen(ret);
	return 0;
}

int cg_oom_watch(struct cg *cg, struct cg_oom_watch *ret, struct err *err)
{
	const struct cg_folder *folder = cg_folder_of(cg, CG_MEMORY);
	int result;

	*ret = CG_OOM_WATCH_INIT;
	if (!folder)
		return err_say(err, ENOTSUP, "out-of-memory events need the memory controller");
	result = folder->tree->v2 ? watch_v2(folder, ret, err) : watch_v1(folder, ret, err);
	if (result < 0)
		cg_oom_close(ret);
	return result;
}

void cg_oom_seen(const struct cg_oom_watch *watch)
{
	char dropped[4096];

	(void)lseek(watch->fd, 0, SEEK_SET); /* fails for an eventfd, which needs none */
	(void)!read(watch->fd, dropped, sizeof(dropped));
}

void cg_oom_close(struct cg_oom_watch *watch)
{
	scope_fd(&watch->fd);
	scope_fd(&watch->control);
	*watch = CG_OOM_WATCH_INIT;
}
