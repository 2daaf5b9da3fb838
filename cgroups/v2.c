/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The unified tree: controllers enabled from the top down, events, freezing and killing of a whole subtree.
 *
 * A cgroup hands a controller to its children by its cgroup.subtree_control, and may do so only while it holds no
 * process itself (the root may always). So the way down is: enable, make, enable, make, and the last folder enables
 * nothing: that is for whom it is delegated to.
 */
#include "cgroups/v2.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>

#include "cgroups/deadline.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"

/* Which of the controllers a folder hands to its children. 0 or -errno. */
static int read_enabled(const char *path, uint32_t *ret)
{
	char file[PATH_MAX], words[512];
	ssize_t len;

	if (snprintf(file, sizeof(file), "%s/cgroup.subtree_control", path) >= (int)sizeof(file))
		return -ENAMETOOLONG;
	len = file_read_line(AT_FDCWD, file, words, sizeof(words));
	if (len < 0)
		return (int)len;
	*ret = cg_controllers_parse(words, true);
	return 0;
}

static int write_enable(const char *path, uint32_t controllers)
{
	char file[PATH_MAX], words[512];
	size_t len = 0;

	if (snprintf(file, sizeof(file), "%s/cgroup.subtree_control", path) >= (int)sizeof(file))
		return -ENAMETOOLONG;
	for (unsigned i = 0; i < CG_CONTROLLER_COUNT; i++)
		if (controllers & CG_BIT(i))
			len += (size_t)snprintf(words + len, sizeof(words) - len, "+%s ", cg_controller_name(i, true));
	return file_write_value(AT_FDCWD, file, words);
}

static int say_not_enabled(const char *path, enum cg_controller controller, int code, struct err *err)
{
	const char *name = cg_controller_name(controller, true);

	err_set(err, code, "enable cgroup controller '%s' below '%s'", name, path);
	if (code == EBUSY)
		return err_hint(err,
				"it holds processes of its own, and then hands no controller on: use a path beside it");
	if (code == ENOENT)
		return err_hint(err, "the controller was not handed down to it");
	return -err->code;
}

/*
 * One write for all is the quick way. Where it is refused each one is tried alone, and only a needed one is an error.
 */
static int enable(const char *path, uint32_t wanted, uint32_t needed, struct err *err)
{
	uint32_t enabled = 0;
	int r = read_enabled(path, &enabled);

	if (r < 0)
		return err_set(err, -r, "read cgroup.subtree_control of '%s'", path);
	wanted = (wanted | needed) & ~enabled;
	if (!wanted || write_enable(path, wanted) == 0)
		return 0;
	for (unsigned i = 0; i < CG_CONTROLLER_COUNT; i++) {
		if (!(wanted & CG_BIT(i)))
			continue;
		r = write_enable(path, CG_BIT(i));
		if (r < 0 && needed & CG_BIT(i))
			return say_not_enabled(path, i, -r, err);
	}
	return 0;
}

static int make_parents(const struct cg_folder *folder, uint32_t wanted, uint32_t needed, struct err *err)
{
	char path[PATH_MAX];
	char *slash;

	if (text_copy(path, sizeof(path), folder->path) < 0)
		return err_set(err, ENAMETOOLONG, "make cgroup '%s'", folder->path);
	slash = path + strlen(folder->tree->mount_point);
	for (; slash; slash = strchr(slash + 1, '/')) {
		int r = 0;

		*slash = '\0';
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			r = err_set(err, errno, "make cgroup '%s'", path);
		else
			r = enable(path, wanted, needed, err);
		*slash = '/';
		if (r < 0)
			return r;
	}
	return 0;
}

/* Whether the parent is there and hands all of it down already: so it is but for the very first time. */
static bool parent_is_ready(const struct cg_folder *folder, uint32_t controllers)
{
	char parent[PATH_MAX];
	uint32_t enabled = 0;

	if (text_copy(parent, sizeof(parent), folder->path) < 0)
		return false;
	*strrchr(parent, '/') = '\0';
	return read_enabled(parent, &enabled) == 0 && (controllers & ~enabled) == 0;
}

int cg_v2_make(const struct cg_folder *folder, uint32_t wanted, uint32_t needed, struct err *err)
{
	int r, fd;

	if (!parent_is_ready(folder, wanted | needed) && make_parents(folder, wanted, needed, err) < 0)
		return -err->code;
	if (folder->fd >= 0)
		return folder->fd;
	r = cg_mkdir_fresh(folder, err);
	if (r == -ENOENT)
		return err_set(err, ENOENT, "make cgroup '%s'", folder->path);
	if (r < 0)
		return r;
	fd = cg_folder_open(folder->path);
	if (fd < 0) {
		(void)rmdir(folder->path);
		return err_set(err, -fd, "open cgroup '%s'", folder->path);
	}
	return fd;
}

int cg_v2_hand_down(const struct cg_folder *folder, uint32_t needed, struct err *err)
{
	return parent_is_ready(folder, needed) ? 0 : make_parents(folder, 0, needed, err);
}

int cg_v2_kill(int fd)
{
	return file_write_value(fd, "cgroup.kill", "1");
}

bool cg_v2_can_freeze(int fd)
{
	return faccessat(fd, "cgroup.freeze", W_OK, 0) == 0;
}

int cg_v2_events_open(int fd)
{
	int events_fd = openat(fd, "cgroup.events", O_RDONLY | O_CLOEXEC);

	return events_fd < 0 ? -errno : events_fd;
}

int cg_v2_event(int events_fd, const char *key, uint64_t *ret)
{
	char words[512];
	char *position = NULL;
	ssize_t len = pread(events_fd, words, sizeof(words) - 1, 0);

	if (len < 0)
		return -errno;
	words[len] = '\0';
	for (char *line = strtok_r(words, "\n", &position); line; line = strtok_r(NULL, "\n", &position)) {
		char *value = strchr(line, ' ');

		if (!value)
			continue;
		*value++ = '\0';
		if (strcmp(line, key) == 0)
			return text_u64(value, ret);
	}
	return -ENODATA;
}

int cg_v2_frozen(int fd, bool *ret)
{
	CLEANUP_FD int events_fd = cg_v2_events_open(fd);
	uint64_t value = 0;
	int r = events_fd < 0 ? events_fd : cg_v2_event(events_fd, "frozen", &value);

	if (r < 0)
		return r;
	*ret = value != 0;
	return 0;
}

int cg_v2_freeze(int fd, bool frozen, uint64_t deadline_ns)
{
	CLEANUP_FD int events_fd = cg_v2_events_open(fd);
	int r = events_fd < 0 ? events_fd : file_write_value(fd, "cgroup.freeze", frozen ? "1" : "0");

	while (r == 0) {
		struct pollfd wait = {.fd = events_fd, .events = POLLPRI};
		uint64_t value = 0;

		r = cg_v2_event(events_fd, "frozen", &value);
		if (r < 0 || (value != 0) == frozen)
			return r;
		if (cg_ms_left(deadline_ns) == 0)
			return -ETIMEDOUT;
		if (poll(&wait, 1, cg_ms_left(deadline_ns)) < 0 && errno != EINTR)
			return -errno;
	}
	return r;
}
