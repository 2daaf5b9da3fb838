/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The definitions of instances that `hull run` made: what survives the boot. One folder each, `<data>/instances/ID/`
 * (0700):
 *
 *     config.json hull.json    the bundle
 *     upper/ work/             the writable layer
 *     hosts hostname resolv.conf log log.1 …
 *     exit.json                how it last ended
 *
 * and `<data>/names/NAME`, a symlink to the id, which is what makes a name unique. An OCI bundle that somebody else
 * made has no definition.
 */
#ifndef HULL_RUNTIME_CORE_DEFINITION_H
#define HULL_RUNTIME_CORE_DEFINITION_H

#include <stdbool.h>

#include "runtime/base/arena.h"
#include "runtime/base/err.h"
#include "runtime/base/scope.h"
#include "runtime/base/text.h"
#include "runtime/spec/record.h"

#define DEFINITION_ID_BYTES 65 /* 64 hexadecimal digits, NUL */

struct definitions {
	int instances_fd, names_fd; /* -1 when closed */
	const char *path;	    /* the data folder; kept, not copied */
};

/* Opens `<data>/instances` and `<data>/names`; makes them (0700) where they are missing. */
int definitions_open(const char *data, struct definitions *ret, struct err *err);
void definitions_close(struct definitions *definitions);
#define CLEANUP_DEFINITIONS CLEANUP(definitions_close)

/*
 * Claims a new id and a name, and makes the folder. `name` NULL: a name is made up and told in *ret_name (in the
 * arena). The folder's descriptor; -EEXIST with words when the name is taken, -EINVAL when it is no name
 * ([a-zA-Z0-9][a-zA-Z0-9_.-]*).
 */
int definition_claim(const struct definitions *definitions, struct arena *arena, const char *name,
		     char ret_id[static DEFINITION_ID_BYTES], const char **ret_name, struct err *err);

/* Makes a further name lead to an id. -EEXIST and -EINVAL as above. */
int definition_take_name(const struct definitions *definitions, const char *id, const char *name, struct err *err);
/* Frees a name, when it leads to this id. */
void definition_free_name(const struct definitions *definitions, const char *id, const char *name);

/*
 * What a user calls an instance: its name, its id, or the beginning of an id that means only one. -ENOENT, -EEXIST
 * (several) with words.
 */
int definition_find(const struct definitions *definitions, const char *words, char ret_id[static DEFINITION_ID_BYTES],
		    struct err *err);
/*
 * The name that leads to an id, in the arena; NULL when none does. Looks at all names: for a definition that cannot say
 * its own.
 */
const char *definition_name_of(const struct definitions *definitions, struct arena *arena, const char *id);
/* The folder of an id. -ENOENT with words. */
int definition_open(const struct definitions *definitions, const char *id, struct err *err);
/* All ids, in no order. */
int definition_list(const struct definitions *definitions, struct arena *arena, struct strv *ret, struct err *err);
/* Removes the folder and the name. Missing is success. */
int definition_remove(const struct definitions *definitions, const char *id, const char *name, struct err *err);
/* Frees names whose instance is gone: what a crash left. */
int definition_sweep(const struct definitions *definitions, struct err *err);

/*
 * Whether it is meant to run: `stop` and `kill` say no, so that no restart policy brings it back, `start` says yes.
 * `data_dir` NULL (a plain OCI bundle): nothing to say.
 */
void definition_want_running(const char *data_dir, bool running);
bool definition_is_wanted_running(const char *data_dir);

/*
 * Whether somebody has the folder's lock: who makes the definition (definition_claim() gives it), or who waits to start
 * it again. Never waits.
 */
bool definition_hold(int folder_fd);
bool definition_is_held(int folder_fd);

/* How it last ended, or that it was started. Written durably. Reading: -ENOENT without words before the first start. */
struct definition_exit {
	struct record_exit exit;
	uint64_t started, finished; /* ns since the epoch */
	uint32_t restart_count;
};
int definition_exit_write(int folder_fd, const struct definition_exit *exit, struct err *err);
int definition_exit_read(int folder_fd, struct definition_exit *ret, struct err *err);

#endif
