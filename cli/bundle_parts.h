/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts of a bundle, one a file, and the order they are made in (bundle.c's table). For the bundle_*.c files only.
 */
#ifndef HULL_CLI_BUNDLE_PARTS_H
#define HULL_CLI_BUNDLE_PARTS_H

#include "cli/bundle_request.h"
#include "runtime/spec/config.h"
#include "runtime/spec/extension.h"

struct bundling {
	struct arena *arena;
	const struct hull *hull;
	const struct bundle_request *request;
	const struct run_options *options;
	struct config *config;
	struct config_process *process;
	struct config_linux *os;
	struct config_resources *resources;
	struct extension *extension;
	int *volumes_lock;   /* the bundle's */
	bool user_namespace; /* its own or a joined one */
};

/*
 * A path inside that an option names ("--volume") has to be absolute and without '..', which would mean another place
 * than it seems to.
 */
int bundle_check_inside(const char *option, const char *path, struct err *err); /* bundle.c */

int bundle_namespaces(struct bundling *b,
		      struct err *err);			 /* bundle_isolation.c; first: others look at what is shared */
int bundle_rights(struct bundling *b, struct err *err);	 /* bundle_isolation.c */
int bundle_process(struct bundling *b, struct err *err); /* bundle_process.c */
int bundle_root(struct bundling *b, struct err *err);	 /* bundle_root.c: root, basic mounts, devices */
int bundle_volumes(struct bundling *b, struct err *err); /* bundle_volumes.c */
int bundle_network(struct bundling *b, struct err *err); /* bundle_network.c */
int bundle_limits(struct bundling *b, struct err *err);	 /* bundle_limits.c */
int bundle_keeping(struct bundling *b, struct err *err); /* bundle_limits.c */

#endif
