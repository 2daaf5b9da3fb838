/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parts of a restore have in common. For the restore*.c files only.
 */
#ifndef HULL_RUNTIME_CORE_RESTORE_PARTS_H
#define HULL_RUNTIME_CORE_RESTORE_PARTS_H

#include "runtime/core/checkpoint.h"
#include "runtime/core/criu.h"
#include "runtime/core/criu_mounts.h"
#include "runtime/core/instance.h"

/* CRIU's own log, in the work folder. */
#define RESTORE_LOG "restore.log"
/*
 * Where criu finds the root and what is bound: a folder that CRIU itself cannot do without, and that the container's
 * root may search. Only criu has this mounted there.
 */
#define STAGE	   "/tmp"
#define STAGE_ROOT "root"
#define MAX_GIFTS  (3 + NS_COUNT)

/* A restore under way, beside what every creation has. */
struct restoration {
	const struct checkpoint_work *work;
	const char *program; /* criu */
	struct checkpoint_folders folders;
	struct criu criu;
	bool view_images; /* criu gets a view of the images: restore_check_images() */
	criu_views views; /* of what is bound */
	struct criu_options options;
	int gifts[MAX_GIFTS]; /* descriptors for criu: borrowed */
	size_t gift_count;
};

/*
 * Where the container has a user namespace of its own: decides whether criu needs a view of the images' folder.
 * -EACCES with words: it would need one, and cannot do with it.
 */
int restore_check_images(struct instance *instance, struct err *err);

/* Phase: a root that has never run lacks the folders that the first start has made in the other one. */
int restore_mount_points(struct instance *instance, struct err *err);

/*
 * In criu's process, whose mounts nobody else sees (struct criu_start's `prepare`; `context` is the instance): mounts
 * the stage, with the root, and what the plan binds. *images: the images' folder, for which its view is put.
 */
int restore_stage(void *context, int *images, struct err *err);

/* The options, and with them the gifts and the views: all but the cgroups, which are known when criu is in them. */
int restore_options(struct instance *instance, struct err *err);

/* Tells CRIU to put the processes where criu is now, in every tree. */
int restore_name_cgroups(struct instance *instance, struct err *err);

#endif
