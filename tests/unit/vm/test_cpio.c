// SPDX-License-Identifier: GPL-2.0-or-later
/* The archive is read back by cpio(1), and is what it was before, byte by byte. */
#include "runtime/vm/cpio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "runtime/base/fd.h"
#include "runtime/base/file.h"
#include "runtime/base/sha256.h"
#include "runtime/vm/initramfs.h"
#include "tests/unit/tap.h"

static int make_archive(void)
{
	int fd = memfd_create("cpio", MFD_CLOEXEC);
	CLEANUP_FD int contents = fd_memory("contents", "12345", 5, NULL);
	struct cpio cpio = {.fd = fd};
	struct err err = ERR_INIT;

	CHECK(fd >= 0 && contents >= 0 && lseek(contents, 3, SEEK_SET) == 3);
	CHECK_INT(cpio_put_folder(&cpio, "dev", 0755, &err), 0);
	CHECK_INT(cpio_put_char(&cpio, "dev/console", 0600, 5, 1, &err), 0);
	CHECK_INT(cpio_put_bytes(&cpio, "empty", 0444, "", 0, &err), 0);
	CHECK_INT(cpio_put_file(&cpio, "init", 0755, contents, &err), 0);
	CHECK_INT(cpio_end(&cpio, &err), 0);
	CHECK_STR(err.msg, "");
	CHECK(cpio.offset % 4 == 0 || cpio.offset == (uint64_t)lseek(fd, 0, SEEK_END));
	return fd;
}

static void test_read_back(void)
{
	CLEANUP_FD int fd = make_archive();
	char command[256], line[256], all[2048] = "";
	FILE *out;

	(void)snprintf(command, sizeof(command), "cpio --quiet -tv -n </proc/%d/fd/%d 2>&1 | sed -E 's/ +/ /g'",
		       (int)getpid(), fd);
	out = popen(command, "re");
	while (out && fgets(line, sizeof(line), out))
		(void)strncat(all, line, sizeof(all) - strlen(all) - 1);
	CHECK(out && pclose(out) == 0);
	CHECK_STR(all, "drwxr-xr-x 2 0 0 0 Jan 1 1970 dev\n"
		       "crw------- 1 0 0 5, 1 Jan 1 1970 dev/console\n"
		       "-r--r--r-- 1 0 0 0 Jan 1 1970 empty\n"
		       "-rwxr-xr-x 1 0 0 5 Jan 1 1970 init\n");
}

static void test_bytes(void)
{
	/*
	 * Of the format's description: magic and thirteen numbers of eight digits, the name, its NUL, zeros up to four.
	 */
	static const char first[] = "070701"
				    "00000001"
				    "000041ed"
				    "00000000"
				    "00000000"
				    "00000002"
				    "00000000"
				    "00000000"
				    "00000000"
				    "00000000"
				    "00000000"
				    "00000000"
				    "00000004"
				    "00000000"
				    "dev\0\0";
	CLEANUP_FD int fd = make_archive();
	CLEANUP_FD int again = make_archive();
	char begin[sizeof(first)] = "", one[SHA256_HEX_BYTES], other[SHA256_HEX_BYTES];

	CHECK_INT(pread(fd, begin, sizeof(first) - 1, 0), sizeof(first) - 1);
	CHECK(memcmp(begin, first, sizeof(first) - 1) == 0);
	CHECK(sha256_file(fd, "one", one, NULL) == 0 && sha256_file(again, "other", other, NULL) == 0);
	CHECK_STR(one, other);
}

static void test_refusals(void)
{
	static const char *const names[] = {"", ".", "..", "/init", "a/../b", "a//b", "a/"};
	CLEANUP_FD int fd = memfd_create("cpio", MFD_CLOEXEC);
	CLEANUP_FD int folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct cpio cpio = {.fd = fd};
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		CHECK_INT(cpio_put_folder(&cpio, names[i], 0755, &err), -EINVAL);
	CHECK_INT(cpio_put_file(&cpio, "init", 0755, folder, &err), -EINVAL);
	CHECK_INT(lseek(fd, 0, SEEK_END), 0);
	cpio.fd = -1;
	CHECK_INT(cpio_end(&cpio, &err), -EBADF);
}

/* --- the initramfs --- */

static const char *const lines[] = {"00-first.ko base,disk", "01-second.ko net"};

static int make_kernel_folder(char path[static 64])
{
	(void)strcpy(path, "/tmp/hull-test.XXXXXX");
	CHECK(mkdtemp(path) != NULL);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	CHECK(mkdirat(fd, "modules", 0700) == 0);
	CHECK(file_replace(fd, "modules/00-first.ko", "one", 3, 0600, FILE_VOLATILE, NULL) == 0);
	CHECK(file_replace(fd, "modules/01-second.ko", "two", 3, 0600, FILE_VOLATILE, NULL) == 0);
	CHECK(file_replace(fd, "agent", "agent 1", 7, 0755, FILE_VOLATILE, NULL) == 0);
	CHECK(file_replace(fd, "hull-init", "beside", 6, 0755, FILE_VOLATILE, NULL) == 0);
	return fd;
}

static uint64_t inode_of(int fd)
{
	struct stat st = {0};

	CHECK(fstat(fd, &st) == 0);
	return st.st_ino;
}

/* Opens the initramfs; says which file it is. */
static uint64_t open_it(int dirfd, const char *folder, int *ret_fd)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct strv modules = {0};
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		CHECK_INT(strv_add(&arena, &modules, lines[i]), 0);
	*ret_fd = initramfs_open(dirfd, "initrd", arena_printf(&arena, "%s/agent", folder), &modules, &err);
	CHECK(*ret_fd >= 0);
	CHECK_STR(err.msg, "");
	CHECK(fcntl(*ret_fd, F_GETFL) % 4 == O_RDONLY);
	return inode_of(*ret_fd);
}

static void test_initramfs(void)
{
	char folder[64], command[512];
	CLEANUP_FD int dirfd = make_kernel_folder(folder);
	int first, second, third, fourth;
	uint64_t made = open_it(dirfd, folder, &first), repacked;

	/* As long as the agent stays it is packed once. */
	CHECK(open_it(dirfd, folder, &second) == made);
	(void)snprintf(command, sizeof(command),
		       "cd %s && mkdir out && cd out && cpio --quiet -idmu --no-preserve-owner <../initrd && "
		       "[ \"$(cat init modules/01-second.ko)\" = 'agent 1two' ] && "
		       "[ -x libexec/hull-init ] && [ \"$(cat libexec/hull-init)\" = beside ] && "
		       "printf '%s\\n%s\\n' | cmp - modules/list",
		       folder, lines[0], lines[1]);
	CHECK_INT(system(command), 0);
	/* Of the same length and at the same second: another agent. Who has the earlier one open keeps it. */
	CHECK(file_replace(dirfd, "agent", "agent 2", 7, 0755, FILE_VOLATILE, NULL) == 0);
	repacked = open_it(dirfd, folder, &third);
	CHECK(repacked != made);
	CHECK(inode_of(first) == made);
	CHECK(file_replace(dirfd, "hull-init", "BESIDE", 6, 0755, FILE_VOLATILE, NULL) == 0);
	CHECK(open_it(dirfd, folder, &fourth) != repacked);
	CHECK(!file_is_there(dirfd, "initrd.new"));
	(void)close(first);
	(void)close(second);
	(void)close(third);
	(void)close(fourth);
	CHECK_INT(file_remove_tree(AT_FDCWD, folder, NULL), 0);
}

static void test_initramfs_refusals(void)
{
	char folder[64];
	CLEANUP_FD int dirfd = make_kernel_folder(folder);
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct strv modules = {0};
	struct err err = ERR_INIT;
	const char *agent = arena_printf(&arena, "%s/agent", folder);

	CHECK_INT(initramfs_open(dirfd, "initrd", "/nonexistent", &modules, &err), -ENOENT);
	CHECK_HAS(err.msg, "/nonexistent");
	CHECK_INT(strv_add(&arena, &modules, "02-third.ko base"), 0);
	CHECK_INT(initramfs_open(dirfd, "initrd", agent, &modules, &err), -ENOENT);
	CHECK_HAS(err.msg, "02-third.ko");
	modules.count = 0;
	CHECK_INT(strv_add(&arena, &modules, "../agent base"), 0);
	CHECK_INT(initramfs_open(dirfd, "initrd", agent, &modules, &err), -EINVAL);
	CHECK(!file_is_there(dirfd, "initrd") && !file_is_there(dirfd, "initrd.new"));
	CHECK_INT(file_remove_tree(AT_FDCWD, folder, NULL), 0);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_read_back), TAP_CASE(test_bytes), TAP_CASE(test_refusals),
		       TAP_CASE(test_initramfs), TAP_CASE(test_initramfs_refusals));
}
