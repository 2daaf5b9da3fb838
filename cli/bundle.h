/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From options and an image's config to a bundle: config.json, and hull.json for what OCI cannot say.
 *
 * Nothing is started or mounted here; what has to exist (a named volume's folder) is made.
 */
#ifndef HULL_CLI_BUNDLE_H
#define HULL_CLI_BUNDLE_H

#include "cli/bundle_request.h"
#include "runtime/spec/config.h"
#include "runtime/spec/extension.h"

struct bundle {
	struct config config;
	struct extension extension;
	/* held from where a named volume was made until bundle_write() has named it; -1: there is none */
	int volumes_lock;
};
void bundle_close(struct bundle *bundle);

/*
 * Makes the bundle. All of it lives in the call's arena; bundle_close() after bundle_write(), or on failure. -EINVAL
 * with one line that names the option.
 */
int bundle_make(const struct bundle_request *request, struct bundle *ret, struct err *err);

/* Writes both files into the instance's folder. Not synced: the engine does that when it matters. */
int bundle_write(const struct bundle *bundle, int folder_fd, struct err *err);

/*
 * The limits that these options name, as linux.resources has them: what `update` changes. The same errors.
 * bundle_limits.c
 */
int bundle_new_limits(struct arena *arena, const struct run_options *options, struct config_resources *ret,
		      struct err *err);

#endif
