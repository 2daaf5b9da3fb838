// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The guest's own root, where it is an image: what its kernel finds by name (modprobe(8), firmware, what takes a core
 * dump) is of the image then. It is never written to: a file system in memory is above it. The agent goes on from
 * memory, and nothing of the image is run by it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "runtime/agent/agent.h"
#include "runtime/base/file.h"

#define IMAGE	     AGENT_RUN "/image"
#define ABOVE	     AGENT_RUN "/above-image"
#define TYPES_BYTES  16384
#define DEVICE_BYTES 300

/* --- What is on the disk ------------------------------------------------------------------------------------------ */

/* Its first partition, as others who boot such images take it: 0, or -ENOENT. `disk` is "vda", what is found "vda1". */
static int find_partition(const char *disk, char to[static DEVICE_BYTES])
{
	char path[2 * DEVICE_BYTES + 32], number[16];
	CLEANUP_DIR DIR *dir = NULL;
	struct dirent *entry;

	(void)snprintf(path, sizeof(path), "/sys/block/%s", disk);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		if (!text_starts(entry->d_name, disk) || snprintf(path, sizeof(path), "/sys/block/%s/%s/partition",
								  disk, entry->d_name) >= (int)sizeof(path))
			continue;
		if (file_read_line(AT_FDCWD, path, number, sizeof(number)) >= 0 && strcmp(number, "1") == 0)
			return text_copy(to, DEVICE_BYTES, entry->d_name);
	}
	return -ENOENT;
}

/* The types that this kernel has for disks: lines of /proc/filesystems without "nodev". */
static int list_types(struct arena *arena, struct strv *ret, struct err *err)
{
	char *lines, *rest = NULL;
	size_t len;
	int result = file_read(arena, AT_FDCWD, "/proc/filesystems", TYPES_BYTES, &lines, &len, err);

	if (result < 0)
		return result;
	for (char *line = strtok_r(lines, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (line[0] == '\t' && strv_add(arena, ret, line + 1) < 0)
			return arena_check(arena, err);
	return 0;
}

/* 1; 0: it is none of these types; -errno with words. */
static int mount_any(const char *device, const struct strv *types, struct err *err)
{
	char path[DEVICE_BYTES + 8];

	(void)snprintf(path, sizeof(path), "/dev/%s", device);
	for (size_t i = 0; i < types->count; i++) {
		if (mount(path, IMAGE, types->items[i], MS_RDONLY, NULL) == 0)
			return 1;
		if (errno == EROFS)
			return err_say(err, EROFS,
				       "its file system (%s) was not unmounted, and is not written to: repair it first",
				       types->items[i]);
		if (errno != EINVAL)
			return err_set(err, errno, "mount it (%s)", types->items[i]);
	}
	return 0;
}

static int mount_image(const char *serial, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_TEXT struct text words = TEXT_INIT;
	struct strv types = {0};
	char path[DEVICE_BYTES], partition[DEVICE_BYTES];
	const char *disk = path + strlen("/dev/");
	int result = disks_await(serial, path, sizeof(path), err);

	if (result >= 0)
		result = list_types(&arena, &types, err);
	if (result >= 0)
		result = mount_any(disk, &types, err);
	if (result == 0 && find_partition(disk, partition) == 0)
		result = mount_any(partition, &types, err);
	if (result != 0)
		return result;
	for (size_t i = 0; i < types.count; i++)
		text_addf(&words, " %s", types.items[i]);
	return err_say(err, EINVAL,
		       "neither the disk nor its first partition has a file system that this kernel knows:%s",
		       text_get(&words));
}

/* --- The root ----------------------------------------------------------------------------------------------------- */

static int mount_above(struct err *err)
{
	if (mount("tmpfs", ABOVE, "tmpfs", 0, "mode=700") < 0)
		return err_set(err, errno, "mount a tmpfs above it");
	/* The root has the mode of the upper folder. */
	if (mkdir(ABOVE "/upper", 0755) < 0 || mkdir(ABOVE "/work", 0700) < 0)
		return err_set(err, errno, "make what is above it");
	if (mount("overlay", BOOT_NEW_ROOT, "overlay", 0,
		  "lowerdir=" IMAGE ",upperdir=" ABOVE "/upper,workdir=" ABOVE "/work") < 0)
		return err_set(err, errno, "mount the guest's root (overlay)");
	return 0;
}

int image_enter(const char *serial, struct err *err)
{
	static const char *const folders[] = {IMAGE, ABOVE, BOOT_NEW_ROOT};
	int result = boot_load_modules("disk", err);

	if (result >= 0)
		result = boot_load_modules("image", err);
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		(void)mkdir(folders[i], 0700);
	if (result >= 0)
		result = mount_image(serial, err);
	if (result >= 0)
		result = mount_above(err);
	return result < 0 ? result : boot_enter(BOOT_NEW_ROOT, err);
}
