// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "namespaces/mount.h"
#include "runtime/base/fd.h"
#include "runtime/base/host.h"
#include "runtime/base/installed.h"
#include "runtime/base/scope.h"
#include "runtime/core/fault.h"
#include "runtime/core/sealed_place.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* Linux 6.3 */
#endif

static int clone_read_only(const char *path, struct err *err)
{
	const struct mount_change change = {.set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
	CLEANUP_FD int fd = mount_clone(AT_FDCWD, path, 0, err);
	int result = fd < 0 ? fd : mount_change(fd, false, &change, 0, path, err);

	return result < 0 ? result : fd_take(&fd);
}

static int memory_program(void)
{
	int fd = memfd_create("hull", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);

	/*
	 * EINVAL: a kernel before 6.3. On later ones sysctl vm.memfd_noexec takes the right to execute from who does
	 * not ask for it.
	 */
	return fd < 0 && errno == EINVAL ? memfd_create("hull", MFD_CLOEXEC | MFD_ALLOW_SEALING) : fd;
}

static int copy_and_seal(const char *path, struct err *err)
{
	CLEANUP_FD int from = open(path, O_RDONLY | O_CLOEXEC);
	CLEANUP_FD int to = memory_program();
	struct stat found;

	if (from < 0 || to < 0 || fstat(from, &found) < 0)
		return err_set(err, errno, "copy '%s' into memory", path);
	for (off_t done = 0; done < found.st_size;) {
		ssize_t sent = sendfile(to, from, NULL, (size_t)(found.st_size - done));

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return err_set(err, sent < 0 ? errno : EIO, "copy '%s' into memory", path);
		done += sent;
	}
	if (fcntl(to, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return err_set(err, errno, "seal a copy of '%s'", path);
	return fd_take(&to);
}

int sealed_open(const char *path, struct err *err)
{
	struct err ignored = ERR_INIT;
	int fd = host_has(HOST_MOUNT_SETATTR) ? clone_read_only(path, &ignored) : -ENOSYS;

	return fd >= 0 ? fd : copy_and_seal(path, err);
}

static bool is_sealed(int self)
{
	struct statvfs view;
	int seals = fcntl(self, F_GET_SEALS);

	/* Every file on a tmpfs has seals, and a program that was installed there is like any other. */
	if (seals >= 0 && (seals & F_SEAL_WRITE))
		return true;
	return fstatvfs(self, &view) == 0 && (view.f_flag & ST_RDONLY);
}

static bool runs_sealed(void)
{
	CLEANUP_FD int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	return self >= 0 && is_sealed(self);
}

/*
 * The clone that this process runs from. It must be closed: as long as it is open, whoever holds CAP_SYS_ADMIN could
 * make that mount writable again. That takes the mount out of its namespace, which waits until no processor looks at
 * the old one any more: 0.1 to 1 ms.
 */
static int open_clone = -1;

/* Without executing again, where the kernel has what that takes and lets us. */
static bool seal_in_place(char *path)
{
	struct err ignored = ERR_INIT;
	CLEANUP_FD int clone = host_has(HOST_MOUNT_SETATTR) ? clone_read_only(path, &ignored) : -ENOSYS;
	CLEANUP_FD int view = clone >= 0 ? open(fd_name(clone).path, O_RDONLY | O_CLOEXEC) : -1;

	if (view < 0 || sealed_move_to(view) < 0 || !runs_sealed())
		return false;
	program_invocation_name = path;
	open_clone = fd_take(&clone);
	return true;
}

static int seal_by_executing(char *path, char **argv, struct err *err)
{
	CLEANUP_FD int sealed = sealed_open(path, err);
	char *const before = argv[0];

	if (sealed < 0)
		return sealed;
	argv[0] = path;
	(void)execveat(sealed, "", argv, environ, AT_EMPTY_PATH);
	argv[0] = before;
	return err_set(err, errno, "execute '%s' from a read-only view", path);
}

void sealed_self_finish(void)
{
	if (open_clone >= 0)
		(void)fault_point("sealed", "finish", NULL);
	scope_fd(&open_clone);
	open_clone = -1;
}

int sealed_self(char **argv, struct err *err)
{
	int result = sealed_self_begin(argv, err);

	sealed_self_finish();
	return result;
}

int sealed_self_begin(char **argv, struct err *err)
{
	/* How it finds its other programs afterwards: see installed_self(). */
	static char path[INSTALLED_PATH_BYTES];
	int result;

	if (runs_sealed())
		return 0;
	result = installed_self(path, err);
	if (result < 0 || seal_in_place(path))
		return result;
	return seal_by_executing(path, argv, err);
}
