// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tar streams into a folder, as root or not: whatever they say, the folder beside stays as it is.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "images/archive.h"
#include "images/unpack.h"
#include "runtime/base/fd.h"
#include "runtime/base/file.h"
#include "tests/fuzz/fuzz.h"

static char scratch[] = "/tmp/hull-fuzz.XXXXXX";
static int scratchfd = -1;

static void remove_scratch(void)
{
	(void)file_remove_tree(AT_FDCWD, scratch, NULL);
}

/* SCRATCH/outer/root is unpacked into; in SCRATCH and SCRATCH/outer nothing else may appear. */
static void open_scratch(void)
{
	if (scratchfd >= 0)
		return;
	if (!mkdtemp(scratch))
		abort();
	scratchfd = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (scratchfd < 0 || mkdirat(scratchfd, "outer", 0700) < 0 || atexit(remove_scratch) != 0)
		abort();
}

static void expect_one_entry(const char *path)
{
	CLEANUP_DIR DIR *dir = opendir(path);
	const struct dirent *entry;
	int count = 0;

	while (dir && (entry = readdir(dir)))
		count++;
	if (count != 3) /* ".", ".." and the one */
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct unpack_limits LIMITS = {.max_bytes = 1 << 20, .max_entries = 100};
	CLEANUP_ARCHIVE struct archive_reader *reader = NULL;
	CLEANUP_FD int fd = fd_memory("tar", data, size, NULL);
	CLEANUP_FD int rootfd = -1;
	struct archive_input input = {.fd = fd, .max_bytes = 1 << 20};
	struct archive_digests digests;
	struct unpack_counts counts;
	struct err err = ERR_INIT;
	char outer[64];

	open_scratch();
	if (mkdirat(scratchfd, "outer/root", 0700) < 0)
		abort();
	rootfd = openat(scratchfd, "outer/root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (archive_open(&input, &reader, &err) >= 0 &&
	    unpack(reader, rootfd, UNPACK_LAYER, &LIMITS, &counts, &err) >= 0)
		(void)archive_finish(reader, &digests, &err);
	(void)snprintf(outer, sizeof(outer), "%s/outer", scratch);
	expect_one_entry(scratch);
	expect_one_entry(outer);
	if (file_remove_tree(scratchfd, "outer/root", &err) < 0)
		abort();
	return 0;
}
