/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/base/fd.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/close_range.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "runtime/base/text.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* Linux 6.3 */
#endif

int fd_read_all(int fd, void *to, size_t len)
{
	char *at = to;

	while (len > 0) {
		ssize_t n = read(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ENODATA;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

int fd_write_all(int fd, const void *from, size_t len)
{
	const char *at = from;

	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO; /* no progress and no reason: trying again could be for ever */
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

int fd_dup(int fd, int lowest)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, lowest);

	return copy < 0 ? -errno : copy;
}

int fd_place(int fd, int number)
{
	/* dup2 onto itself would leave CLOEXEC as it is. */
	if (fd == number)
		return fd_set_cloexec(fd, false);
	return dup2(fd, number) < 0 ? -errno : 0;
}

int fd_set_cloexec(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFD);

	if (flags < 0)
		return -errno;
	flags = on ? flags | FD_CLOEXEC : flags & ~FD_CLOEXEC;
	return fcntl(fd, F_SETFD, flags) < 0 ? -errno : 0;
}

int fd_set_nonblock(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -errno;
	flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	return fcntl(fd, F_SETFL, flags) < 0 ? -errno : 0;
}

/* --- all descriptors but some --- */

static int close_one(int fd)
{
	/* Even where close(2) reports an error the descriptor is gone. */
	(void)close(fd);
	return 0;
}

static int cloexec_one(int fd)
{
	return fd_set_cloexec(fd, true);
}

/*
 * Calls `act` for every open descriptor from `lowest` to `highest`, other than the one that this function reads the
 * list with.
 */
static int each_fd_between(unsigned lowest, unsigned highest, int (*act)(int fd), struct err *err)
{
	CLEANUP_DIR DIR *list = opendir("/proc/self/fd");
	struct dirent *entry;

	if (!list)
		return err_set(err, errno, "open /proc/self/fd");
	/* The kernel goes through this folder by number, so closing what was read skips nothing. */
	while (errno = 0, (entry = readdir(list)) != NULL) {
		uint32_t fd;
		int r;

		if (text_u32(entry->d_name, &fd) < 0 || fd < lowest || fd > highest || (int)fd == dirfd(list))
			continue;
		r = act((int)fd);
		if (r < 0)
			return err_set(err, -r, "mark descriptor %u close-on-exec", fd);
	}
	if (errno)
		return err_set(err, errno, "read /proc/self/fd");
	return 0;
}

/* ENOSYS: before Linux 5.9. EINVAL: before 5.11, which learned CLOSE_RANGE_CLOEXEC. */
static bool lacks_close_range(void)
{
	return errno == ENOSYS || errno == EINVAL || errno == EPERM;
}

static int close_between(unsigned lowest, unsigned highest, struct err *err)
{
	if (close_range(lowest, highest, 0) == 0)
		return 0;
	if (!lacks_close_range())
		return err_set(err, errno, "close all descriptors from %u", lowest);
	return each_fd_between(lowest, highest, close_one, err);
}

int fd_close_from(unsigned lowest, struct err *err)
{
	return close_between(lowest, ~0U, err);
}

int fd_close_except(unsigned lowest, const int *kept, size_t kept_count, struct err *err)
{
	for (;;) {
		unsigned next = ~0U;
		int r;

		for (size_t i = 0; i < kept_count; i++)
			if (kept[i] >= 0 && (unsigned)kept[i] >= lowest && (unsigned)kept[i] < next)
				next = (unsigned)kept[i];
		if (next == ~0U)
			return fd_close_from(lowest, err);
		r = next > lowest ? close_between(lowest, next - 1, err) : 0;
		if (r < 0)
			return r;
		lowest = next + 1;
	}
}

int fd_cloexec_from(unsigned lowest, struct err *err)
{
	if (close_range(lowest, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
		return 0;
	if (!lacks_close_range())
		return err_set(err, errno, "mark all descriptors from %u close-on-exec", lowest);
	return each_fd_between(lowest, ~0U, cloexec_one, err);
}

int fd_secure_stdio(struct err *err)
{
	for (int fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
			continue;
		/* The lowest free number is `fd`. Not CLOEXEC: programs that are run expect these three. */
		if (open("/dev/null", O_RDWR) != fd)
			return err_set(err, errno, "open /dev/null as descriptor %d, which was closed", fd);
	}
	return 0;
}

/* --- memory files --- */

static int memory_create(const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_NOEXEC_SEAL);

	/*
	 * EINVAL: a kernel before 6.3. On later ones not saying it is warned about, or refused by sysctl
	 * vm.memfd_noexec.
	 */
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return fd < 0 ? -errno : fd;
}

int fd_memory_empty(const char *name, struct err *err)
{
	int fd = memory_create(name);

	return fd < 0 ? err_set(err, -fd, "make memory file '%s'", name) : fd;
}

int fd_memory_fill(int fd, const char *name, const void *bytes, size_t len, struct err *err)
{
	int r = fd_write_all(fd, bytes, len);

	if (r < 0)
		return err_set(err, -r, "write memory file '%s'", name);
	if (lseek(fd, 0, SEEK_SET) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return err_set(err, errno, "seal memory file '%s'", name);
	return 0;
}

int fd_memory(const char *name, const void *bytes, size_t len, struct err *err)
{
	CLEANUP_FD int fd = fd_memory_empty(name, err);
	int r = fd < 0 ? fd : fd_memory_fill(fd, name, bytes, len, err);

	return r < 0 ? r : fd_take(&fd);
}

/* --- where a descriptor is --- */

/* For kernels before 5.8, whose statx(2) does not tell. */
static int mount_id_from_proc(int fd, uint64_t *ret)
{
	CLEANUP_FILE FILE *info = NULL;
	char path[48], line[128];

	(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = fopen(path, "re");
	if (!info)
		return -errno;
	while (fgets(line, sizeof(line), info))
		if (sscanf(line, "mnt_id: %" SCNu64, ret) == 1)
			return 0;
	return -ENODATA;
}

int fd_mount_id(int fd, uint64_t *ret)
{
	struct statx st;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) == 0 && st.stx_mask & STATX_MNT_ID) {
		*ret = st.stx_mnt_id;
		return 0;
	}
	return mount_id_from_proc(fd, ret);
}

struct fd_name fd_name(int fd)
{
	struct fd_name name;

	(void)snprintf(name.path, sizeof(name.path), "/proc/self/fd/%d", fd);
	return name;
}
