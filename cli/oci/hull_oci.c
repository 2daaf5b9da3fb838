// SPDX-License-Identifier: GPL-2.0-or-later
/* hull-oci: every bundle becomes a container. */
#include "cli/oci/oci.h"
#include "cli/reword.h"

int (*const oci_find_machine)(const struct command_call *call, const struct config *config, struct plan_host *host,
			      struct err *err) = NULL;

int main(int argc, char **argv)
{
	static const struct program hull_oci = {
		.name = "hull-oci",
		.summary = "Runs OCI bundles: the runtime that podman, containerd, CRI-O and Docker drive.",
		.commands = oci_commands,
		.globals = oci_globals,
		.globals_bytes = sizeof(struct oci),
		.failure = 1,
		.single_dash_long = true,
		.prepare = oci_prepare,
		.reword = reword_options,
	};

	return program_main(&hull_oci, argc, argv);
}
