/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How much an instance has written. */
#ifndef HULL_CLI_SIZE_H
#define HULL_CLI_SIZE_H

#include "cli/hull.h"
#include "cli/instance_view.h"

struct size {
	uint64_t written_bytes; /* room on the disk: of the files of its writable layer, or of a machine's disk */
	uint64_t virtual_bytes; /* and its image's files besides */
};

/*
 * Looks at all files that it has written, while it may change them: what goes meanwhile is not counted, nor what lies
 * deeper than FILE_OWN_MAX_DEPTH folders. Volumes, and a root that is a folder of the host, are nobody's writing.
 */
struct size size_of(const struct command_call *call, const struct instance_view *view);

#endif
