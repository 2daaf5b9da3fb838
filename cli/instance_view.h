/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What there is to know of an instance: definition, record, and what the kernel says. */
#ifndef HULL_CLI_INSTANCE_VIEW_H
#define HULL_CLI_INSTANCE_VIEW_H

#include "runtime/core/definition.h"
#include "runtime/core/lifecycle.h"
#include "runtime/spec/extension.h"

/* Strings live in the arena. */
struct instance_view {
	char id[DEFINITION_ID_BYTES];
	const char *data_dir;
	const struct extension *extension;
	bool has_record; /* it runs, or was not unmade yet */
	struct record record;
	struct lifecycle now; /* without a record: stopped, or 'created' when it never ran */
	bool never_ran;
	bool restarting;	     /* it has ended, and its keeper waits to start it again */
	bool lost;		     /* its definition is gone or unusable: `extension` is made of what else tells */
	struct definition_exit last; /* how it ended last, if it has */
};

#endif
