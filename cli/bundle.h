/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From options and an image's config to a bundle: config.json, and hull.json for what OCI cannot say.
 *
 * Nothing is started or mounted here; what has to exist (a named volume's folder) is made.
 */
#ifndef HULL_CLI_BUNDLE_H
#define HULL_CLI_BUNDLE_H

#include "cli/hull.h"
#include "cli/instance.h"
#include "cli/run_options.h"
#include "images/catalog.h"
#include "images/overlay.h"
#include "runtime/spec/config.h"
#include "runtime/spec/extension.h"

struct bundle_request {
	const struct command_call *call;
	const struct stores *stores;
	const struct run_options *options;
	const struct image *image; /* NULL with --rootfs */
	const char *image_name;	   /* as the user gave it, or the folder with --rootfs */
	struct strv command;	   /* the user's, empty: the image's */
	const char *id, *name, *data_dir;
	/* Ids, decided before: a range of its own, another instance's, or the host's. */
	bool own_range, joined_user;
	uint32_t range_base;
	struct overlay overlay; /* not with --rootfs */
};

struct bundle {
	struct config config;
	struct extension extension;
};

/* Makes the bundle. All of it lives in the call's arena. -EINVAL with one line that names the option. */
int bundle_make(const struct bundle_request *request, struct bundle *ret, struct err *err);

/* Writes both files into the instance's folder. Not synced: the engine does that when it matters. */
int bundle_write(const struct bundle *bundle, int folder_fd, struct err *err);

/* Whether the instance gets a user namespace of its own, by the options alone; a joined one is none of its own. */
bool bundle_wants_host_ids(const struct run_options *options);
/* The container whose namespaces are joined (all options that join must name the same), or NULL. -EINVAL when two are named. */
int bundle_joined(const struct run_options *options, const char **ret_container, struct err *err);

#endif
