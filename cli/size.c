// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/size.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/machine.h"
#include "images/catalog.h"
#include "runtime/base/file.h"

#define BLOCK_BYTES 512 /* of st_blocks, whatever the file system's are */

/* What a file takes; of one with several names, each has its part. */
static uint64_t room_of(const struct stat *file)
{
	return (uint64_t)file->st_blocks * BLOCK_BYTES / (file->st_nlink ? file->st_nlink : 1);
}

/* Descends by descriptor and follows no link: the files are a container's. Takes `fd` over. */
static uint64_t room_of_folder(int fd, unsigned depth)
{
	CLEANUP_DIR DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	uint64_t sum = 0;

	if (!folder) {
		scope_fd(&fd);
		return 0;
	}
	while ((entry = readdir(folder))) {
		struct stat found;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    fstatat(fd, entry->d_name, &found, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (!S_ISDIR(found.st_mode))
			sum += room_of(&found);
		else if (depth < FILE_OWN_MAX_DEPTH)
			sum += room_of_folder(openat(fd, entry->d_name,
						     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
					      depth + 1);
	}
	return sum;
}

static uint64_t written(const struct command_call *call, const struct instance_view *view)
{
	const char *upper = view->extension->root.upper;
	struct stat disk;

	if (view->extension->isolation == ISOLATION_VM) {
		upper = arena_printf(call->arena, "%s/" MACHINE_UPPER, view->data_dir);
		return upper && lstat(upper, &disk) == 0 ? room_of(&disk) : 0;
	}
	return upper ? room_of_folder(open(upper, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), 0) : 0;
}

struct size size_of(const struct command_call *call, const struct instance_view *view)
{
	struct size size = {.written_bytes = written(call, view)};
	const char *id = view->extension->image.id;
	struct err gone = ERR_INIT;
	struct image image;

	size.virtual_bytes = size.written_bytes;
	if (id && catalog_find(call->arena, hull_of(call)->images, id, &image, &gone) >= 0)
		size.virtual_bytes += image.size_bytes;
	return size;
}
