// SPDX-License-Identifier: GPL-2.0-or-later
/* features */
#include <stdio.h>

#include "cli/oci/oci.h"
#include "runtime/core/features.h"

static int run_features(struct command_call *call, struct err *err)
{
	CLEANUP_TEXT struct text words = TEXT_INIT;
	int result = features_json(&words, err);

	(void)call;
	if (result < 0)
		return result;
	(void)fputs(text_get(&words), stdout);
	return 0;
}

const struct command oci_features = {
	.name = "features",
	.operands = "",
	.summary = "Show as JSON what this runtime can do",
	.run = run_features,
};
