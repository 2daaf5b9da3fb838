/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What this build of hull knows of the OCI runtime specification, as its "Features structure" (features.md): engines
 * read it before they ask for anything. Every word comes from the table that the parser itself reads.
 *
 * The specification wants to know what the runtime does, whatever the host has ("irrelevant to the actual availability
 * … in the host"). What this host has of it is in annotations, "io.hull.host.…", and in linux.seccomp.supportedFlags,
 * where the specification has it.
 */
#ifndef HULL_RUNTIME_CORE_FEATURES_H
#define HULL_RUNTIME_CORE_FEATURES_H

#include "runtime/base/err.h"
#include "runtime/base/text.h"

/* Adds it as JSON for people to `out`. 0 or -errno with words. */
int features_json(struct text *out, struct err *err);

#endif
