// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The container's root and volumes, from block devices and shared folders. What is on them is the image's: it is
 * mounted, and never looked at here.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "runtime/agent/agent.h"
#include "runtime/base/file.h"
#include "runtime/base/process.h"

#define LAYERS	AGENT_RUN "/layers"
#define UPPER	AGENT_RUN "/upper"
#define WAIT_MS 10000
#define STEP_MS 2

/* --- Finding ------------------------------------------------------------------------------------------------------ */

/* virtio-blk tells its serial at once; others below their device. */
static bool has_serial(const char *disk, const char *wanted)
{
	static const char *const places[] = {"serial", "device/serial"};
	char path[300], serial[64];

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		(void)snprintf(path, sizeof(path), "/sys/block/%s/%s", disk, places[i]);
		if (file_read_line(AT_FDCWD, path, serial, sizeof(serial)) >= 0 && strcmp(serial, wanted) == 0)
			return true;
	}
	return false;
}

static int find_disk(const char *serial, char *to, size_t to_bytes)
{
	CLEANUP_DIR DIR *dir = opendir("/sys/block");
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && has_serial(entry->d_name, serial))
			return snprintf(to, to_bytes, "/dev/%s", entry->d_name) < (int)to_bytes ? 0 : -ENAMETOOLONG;
	return -ENOENT;
}

/* Disks appear while their driver looks at them. */
int disks_await(const char *serial, char *to, size_t to_bytes, struct err *err)
{
	uint64_t until_ns = proc_monotonic_ns() + WAIT_MS * UINT64_C(1000000);
	const struct timespec step = {.tv_nsec = STEP_MS * 1000000L};
	int result;

	while ((result = find_disk(serial, to, to_bytes)) < 0 && proc_monotonic_ns() < until_ns)
		(void)nanosleep(&step, NULL);
	return result < 0 ? err_say(err, ENODEV, "there is no disk with the serial number '%s'", serial) : 0;
}

/* --- Mounting ----------------------------------------------------------------------------------------------------- */

static int mount_disk(const char *serial, const char *type, const char *at, unsigned long flags, struct err *err)
{
	char device[300];
	int result = disks_await(serial, device, sizeof(device), err);

	if (result < 0)
		return result;
	(void)mkdir(at, 0700);
	if (mount(device, at, type, flags, NULL) < 0)
		return err_set(err, errno, "mount disk '%s' (%s)", serial, type);
	return 0;
}

static int mount_shared(const char *tag, const char *at, bool read_only, struct err *err)
{
	(void)mkdir(at, 0700);
	if (mount(tag, at, "virtiofs", read_only ? MS_RDONLY : 0, NULL) < 0)
		return err_set(err, errno, "mount the shared folder '%s'", tag);
	return 0;
}

static int mount_upper(const struct guest_root *root, struct err *err)
{
	int result = 0;

	if (root->upper) {
		result = mount_disk(root->upper, "ext4", UPPER, MS_NOATIME, err);
	} else {
		(void)mkdir(UPPER, 0700);
		if (mount("tmpfs", UPPER, "tmpfs", 0, "mode=700") < 0)
			return err_set(err, errno, "mount a tmpfs above the image");
	}
	if (result < 0)
		return result;
	/* The container's root has the upper folder's owner and mode. */
	if (mkdir(UPPER "/upper", 0755) < 0 && errno != EEXIST)
		return err_set(err, errno, "make the writable layer");
	if (mkdir(UPPER "/work", 0700) < 0 && errno != EEXIST)
		return err_set(err, errno, "make the writable layer");
	return 0;
}

static int mount_layers(const struct guest_root *root, struct text *options, struct err *err)
{
	char at[64];

	(void)mkdir(LAYERS, 0700);
	text_add(options, "lowerdir=");
	for (size_t i = 0; i < root->layers.count; i++) {
		int result;

		(void)snprintf(at, sizeof(at), LAYERS "/%zu", i);
		result = mount_disk(root->layers.items[i], "erofs", at, MS_RDONLY, err);
		if (result < 0)
			return result;
		text_addf(options, "%s%s", i > 0 ? ":" : "", at);
	}
	return 0;
}

static int mount_overlay(const struct guest_root *root, struct err *err)
{
	CLEANUP_TEXT struct text options = TEXT_INIT;
	int result = mount_layers(root, &options, err);

	if (result >= 0)
		result = mount_upper(root, err);
	if (result < 0)
		return result;
	text_add(&options, ",upperdir=" UPPER "/upper,workdir=" UPPER "/work");
	result = text_check(&options, err);
	if (result >= 0 && mount("overlay", GUEST_ROOT, "overlay", 0, text_get(&options)) < 0)
		return err_set(err, errno, "mount the container's root (overlay)");
	return result;
}

int disks_mount(const struct guest_start *start, struct err *err)
{
	int result = 0;

	if (!start->root.shared)
		result = boot_load_modules("disk", err);
	if (result >= 0 && (start->root.shared || start->volumes.count > 0))
		result = boot_load_modules("volume", err);
	if (result < 0)
		return result;
	result = start->root.shared ? mount_shared(start->root.shared, GUEST_ROOT, false, err)
				    : mount_overlay(&start->root, err);
	for (size_t i = 0; result >= 0 && i < start->volumes.count; i++)
		result = mount_shared(start->volumes.items[i].tag, start->volumes.items[i].path,
				      start->volumes.items[i].read_only, err);
	return result;
}

/* --- The end ------------------------------------------------------------------------------------------------------ */

void disks_unmount(void)
{
	const struct timespec step = {.tv_nsec = STEP_MS * 1000000L};

	/* The last mount namespace of the container may be going still. */
	for (unsigned tries = 0; umount2(GUEST_ROOT, 0) < 0 && errno == EBUSY && tries < 250; tries++)
		(void)nanosleep(&step, NULL);
	for (unsigned tries = 0; umount2(UPPER, 0) < 0 && errno == EBUSY && tries < 250; tries++)
		(void)nanosleep(&step, NULL);
	/* Whatever could not be unmounted is on the disk all the same. */
	sync();
}
