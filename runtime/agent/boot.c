// SPDX-License-Identifier: GPL-2.0-or-later
/* What the kernel hands over is an archive in memory and nothing mounted. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/agent/agent.h"
#include "runtime/base/fd.h"
#include "runtime/base/file.h"
#include "runtime/base/path.h"

#define MODULES_MAX_BYTES 65536
#define VIRTIO_DEVICES	  "/sys/bus/virtio/devices"
#define MODULES		  AGENT_RUN "/modules" /* below what is moved from root to root */

/* --- File systems ------------------------------------------------------------------------------------------------- */

struct boot_mount {
	const char *type, *path;
	unsigned long flags;
	const char *options;
};

static const struct boot_mount mounts[] = {
	{"proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL},
	{"sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL},
	{"devtmpfs", "/dev", MS_NOSUID, "mode=755"},
	{"tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=755"},
	{"cgroup2", "/sys/fs/cgroup", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL},
};

static const char *const folders[] = {AGENT_RUN,  AGENT_STATE,	 AGENT_BUNDLE, AGENT_FILES,
				      GUEST_ROOT, GUEST_VOLUMES, MODULES};

int boot_mounts(struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++) {
		const struct boot_mount *m = &mounts[i];

		(void)mkdir(m->path, 0755);
		if (mount(m->type, m->path, m->type, m->flags, m->options) < 0 && errno != EBUSY)
			return err_set(err, errno, "mount %s at %s", m->type, m->path);
	}
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		if (mkdir(folders[i], 0700) < 0 && errno != EEXIST)
			return err_set(err, errno, "make %s", folders[i]);
	return 0;
}

/* --- A root that can be left -------------------------------------------------------------------------------------- */

/* The last is what descriptors are named by, while the others are moved. */
static const char *const moved[] = {"sys", "dev", "run", "proc"};

/* Where installed_program() looks for it, in any root; and where it is in the archive. */
#define INIT_FOLDER HULL_PREFIX "/libexec/hull"
static const char *const init_places[] = {INIT_FOLDER "/hull-init", "/libexec/hull-init"};

/* hull-init comes along when it was packed: a container may ask for it. */
static int take_init_along(int root, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_FD int folder = -1;
	int result = -ENOENT;
	char *bytes;
	size_t len;

	for (size_t i = 0; i < ARRAY_SIZE(init_places) && result == -ENOENT; i++) {
		err_clear(err);
		result = file_read(&arena, AT_FDCWD, init_places[i], (size_t)8 << 20, &bytes, &len, err);
	}
	if (result == -ENOENT) {
		err_clear(err);
		return 0;
	}
	if (result >= 0)
		result = folder = path_make_dirs(root, INIT_FOLDER, 0755, err);
	return result < 0 ? result : file_replace(folder, "hull-init", bytes, len, 0755, FILE_VOLATILE, err);
}

/* What the root has there is an image's, if anybody's: a link leads nowhere but within it. */
static int move_along(int root, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(moved); i++) {
		CLEANUP_FD int to = path_make_dirs(root, moved[i], 0755, err);
		char from[16];

		(void)snprintf(from, sizeof(from), "/%s", moved[i]);
		if (to < 0)
			return to;
		if (mount(from, fd_name(to).path, NULL, MS_MOVE, NULL) < 0)
			return err_set(err, errno, "move %s", from);
	}
	return 0;
}

int boot_enter(const char *path, struct err *err)
{
	CLEANUP_FD int root = file_open_dir(AT_FDCWD, path, err);
	int result = root < 0 ? root : take_init_along(root, err);

	if (result >= 0)
		result = move_along(root, err);
	if (result < 0)
		return result;
	if (fchdir(root) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
		return err_set(err, errno, "enter another root");
	return 0;
}

int boot_leave_ramfs(struct err *err)
{
	(void)mkdir(BOOT_NEW_ROOT, 0755);
	if (mount("tmpfs", BOOT_NEW_ROOT, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") < 0)
		return err_set(err, errno, "mount the agent's root");
	/* The modules stay within reach until all are loaded. */
	if (mount("/modules", MODULES, NULL, MS_BIND, NULL) < 0)
		(void)rmdir(MODULES);
	return boot_enter(BOOT_NEW_ROOT, err);
}

/* --- Modules ------------------------------------------------------------------------------------------------------ */

static int load_module(const char *name, struct err *err)
{
	char path[128];
	CLEANUP_FD int fd = -1;

	(void)snprintf(path, sizeof(path), MODULES "/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno, "open the kernel module %s", name);
	if (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST)
		return err_set(err, errno, "load the kernel module %s", name);
	/* It is in the kernel now; the file's memory is the guest's again. */
	(void)unlink(path);
	return 0;
}

/* "NN-NAME.ko PURPOSE[,PURPOSE]" */
static bool take_line(char *line, const char *purpose, const char **ret_name)
{
	char *rest = NULL, *name = strtok_r(line, " \t", &rest);

	*ret_name = name;
	if (!name || strchr(name, '/'))
		return false;
	for (char *word = strtok_r(NULL, ", \t", &rest); word; word = strtok_r(NULL, ", \t", &rest))
		if (strcmp(word, purpose) == 0)
			return true;
	return false;
}

int boot_load_modules(const char *purpose, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	char *list, *rest = NULL;
	size_t len;
	int result = file_read(&arena, AT_FDCWD, MODULES "/list", MODULES_MAX_BYTES, &list, &len, err);

	if (result == -ENOENT) { /* a kernel that has all of it */
		err_clear(err);
		return 0;
	}
	if (result < 0)
		return result;
	for (char *line = strtok_r(list, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		const char *name;

		if (!take_line(line, purpose, &name))
			continue;
		result = load_module(name, err);
		if (result == -ENOENT)
			err_clear(err); /* loaded for another purpose */
		else if (result < 0)
			return result;
	}
	return 0;
}

bool boot_has_device(unsigned virtio_id)
{
	CLEANUP_DIR DIR *dir = opendir(VIRTIO_DEVICES);
	struct dirent *entry;
	char path[300], id[16], wanted[16];

	(void)snprintf(wanted, sizeof(wanted), "0x%04x", virtio_id);
	while (dir && (entry = readdir(dir))) {
		(void)snprintf(path, sizeof(path), VIRTIO_DEVICES "/%s/device", entry->d_name);
		if (file_read_line(AT_FDCWD, path, id, sizeof(id)) >= 0 && strcmp(id, wanted) == 0)
			return true;
	}
	return false;
}

/* --- The command line --------------------------------------------------------------------------------------------- */

bool boot_has_word(const char *word)
{
	char line[4096];
	char *rest = NULL;

	if (file_read_line(AT_FDCWD, "/proc/cmdline", line, sizeof(line)) < 0)
		return false;
	for (char *w = strtok_r(line, " ", &rest); w; w = strtok_r(NULL, " ", &rest))
		if (strcmp(w, word) == 0)
			return true;
	return false;
}
