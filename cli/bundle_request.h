/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a bundle is made of: options, image, identity, ids. And how modes such as "container:NAME" are read. */
#ifndef HULL_CLI_BUNDLE_REQUEST_H
#define HULL_CLI_BUNDLE_REQUEST_H

#include "cli/hull.h"
#include "cli/run_options.h"
#include "images/catalog.h"
#include "images/overlay.h"

struct bundle_request {
	const struct command_call *call;
	const struct stores *stores;
	const struct run_options *options;
	const struct image *image; /* NULL with --rootfs */
	const char *image_name;	   /* as the user gave it, or the folder with --rootfs */
	struct strv command;	   /* the user's, empty: the image's */
	const char *id, *name, *data_dir;
	/* Ids, decided before: a range of its own, that of the container that is joined, or the host's. */
	bool own_range;
	const char *joined_user; /* NULL: none is */
	uint32_t range_base;
	struct config_vm_image *vm_image; /* of a machine; NULL: none */
	struct overlay overlay;		  /* not with --rootfs */
};

/* "container:NAME" gives NAME, else NULL. */
const char *bundle_container_mode(const char *mode);
/* Whether a mode option says "host". */
bool bundle_is_host(const char *mode);
/* Whether it is to be a machine. */
bool bundle_is_machine(const struct run_options *options);
/* Whether the ids are the host's, by the options alone. */
bool bundle_wants_host_ids(const struct run_options *options);
/*
 * The container whose namespaces are joined (all options that join must name the same), or NULL. -EINVAL when two are
 * named.
 */
int bundle_joined(const struct run_options *options, const char **ret_container, struct err *err);

#endif
