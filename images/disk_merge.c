// SPDX-License-Identifier: GPL-2.0-or-later
#include "images/disk_merge.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "runtime/base/fd.h"
#include "runtime/base/text.h"

#define MERGED "merged"

static int mount_place(const char *place, struct err *err)
{
	if (mount("tmpfs", place, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700,size=1m,nr_inodes=2k") < 0)
		return err_set(err, errno, "mount a tmpfs on '%s'", place);
	return chdir(place) < 0 ? err_set(err, errno, "change to '%s'", place) : 0;
}

/* The options of mount(2) have to fit into a page: so layers get short names. */
static int bind_layer(int fd, const char *name, struct err *err)
{
	if (mkdir(name, 0700) < 0 || mount(fd_name(fd).path, name, NULL, MS_BIND, NULL) < 0)
		return err_set(err, errno, "bind layer %s", name);
	return 0;
}

static int bind_layers(const struct disk_merge *merge, const int *fds, struct text *options, struct err *err)
{
	int r = 0;

	text_add(options, "lowerdir=");
	for (size_t i = 0; r >= 0 && i < merge->count; i++) {
		char name[24];

		(void)snprintf(name, sizeof(name), "%zu", i);
		text_addf(options, "%s%s", i ? ":" : "", name);
		r = bind_layer(fds[i], name, err);
	}
	return r < 0 ? r : text_check(options, err);
}

/* In the new mount namespace, of which alone can be bound; and before the tmpfs, which may be mounted above them. */
static int open_layers(const struct disk_merge *merge, int *fds, struct err *err)
{
	for (size_t i = 0; i < merge->count; i++) {
		fds[i] = open(merge->layers[i], O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fds[i] < 0)
			return err_set(err, errno, "open layer '%s'", merge->layers[i]);
	}
	return 0;
}

int disk_merge_enter(void *context, struct err *err)
{
	static int fds[DISK_MERGE_MAX_LAYERS];
	const struct disk_merge *merge = context;
	CLEANUP_TEXT struct text options = TEXT_INIT;
	int r;

	if (merge->count < 2 || merge->count > DISK_MERGE_MAX_LAYERS)
		return err_say(err, E2BIG, "%zu layers cannot be merged: at most %d", merge->count,
			       DISK_MERGE_MAX_LAYERS);
	/* From here on nothing that is mounted shows elsewhere. */
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_set(err, errno, "make a mount namespace");
	r = open_layers(merge, fds, err);
	if (r >= 0)
		r = mount_place(merge->place, err);
	if (r >= 0)
		r = bind_layers(merge, fds, &options, err);
	if (r < 0)
		return r;
	if (mkdir(MERGED, 0700) < 0 ||
	    mount("overlay", MERGED, "overlay", MS_RDONLY | MS_NOSUID | MS_NODEV, options.data) < 0)
		return err_set(err, errno, "merge %zu layers", merge->count);
	return chdir(MERGED) < 0 ? err_set(err, errno, "change to the merged layers") : 0;
}
