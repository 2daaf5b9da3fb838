/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hull, the human and scripting command line: global options, where things are, and what its verbs share.
 */
#ifndef HULL_CLI_HULL_H
#define HULL_CLI_HULL_H

#include "cli/command.h"
#include "runtime/core/definition.h"
#include "runtime/core/store.h"

struct hull {
	/* Options. */
	const char *root; /* state: what dies with the boot */
	const char *data; /* images, volumes, definitions */
	const char *log_level;
	bool version;

	/* Paths made of them, by prepare. */
	const char *images, *volumes, *kernels, *idranges, *net_state, *seccomp_cache;
};

/* The globals of a call. */
static inline struct hull *hull_of(const struct command_call *call)
{
	return call->globals;
}

/* Both stores, opened (and made where they are missing). Closed with the scope. */
struct stores {
	struct store store;
	struct definitions definitions;
};
#define STORES_INIT ((struct stores){.store.fd = -1, .definitions = {.instances_fd = -1, .names_fd = -1}})
int stores_open(const struct command_call *call, struct stores *ret, struct err *err);
void stores_close(struct stores *stores);
#define CLEANUP_STORES CLEANUP(stores_close)

/* The data folder of an instance, in the arena; NULL without memory. */
const char *hull_data_dir(const struct command_call *call, const char *id);

/* The command that a keeper executes when its program has ended: this executable's `__unmake ID`. 0 or -ENOMEM. */
int hull_unmake_command(const struct command_call *call, struct arena *arena, const char *id, struct strv *ret);

#endif
