// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The guest's own devices for a program that may make any node: what --privileged is in a machine. They are those of
 * this kernel, which the machine has anyhow; the host's are as far away as ever.
 */
#include <errno.h>
#include <ftw.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "runtime/agent/agent.h"

static struct adding {
	struct arena *arena;
	struct config_linux *os;
} adding; /* nftw(3) hands no context to its callback */

/* All but the terminals, and what has a mount of its own. */
static int add_node(const char *path, const struct stat *node, int type, struct FTW *where)
{
	static const char *const own[] = {"/dev/pts", "/dev/shm", "/dev/mqueue", "/dev/console"};
	struct config_device *device;

	(void)where;
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (text_starts(path, own[i]))
			return 0;
	if (type != FTW_F || (!S_ISCHR(node->st_mode) && !S_ISBLK(node->st_mode)))
		return 0;
	device = LIST_ADD(adding.arena, &adding.os->devices);
	if (device)
		*device = (struct config_device){
			.type = S_ISBLK(node->st_mode) ? "b" : "c",
			.path = arena_strdup(adding.arena, path),
			.major = {true, major(node->st_rdev)},
			.minor = {true, minor(node->st_rdev)},
			.file_mode = {true, node->st_mode & 0777},
		};
	return 0;
}

int devices_add(struct arena *arena, struct config *config, struct err *err)
{
	if (!guest_allows_any_device(config->linux_->resources))
		return 0;
	adding = (struct adding){.arena = arena, .os = config->linux_};
	if (nftw("/dev", add_node, 16, FTW_PHYS | FTW_MOUNT) < 0)
		return err_set(err, errno, "look for the machine's devices");
	return arena_check(arena, err);
}
