// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/verbs.h"

const struct command *const hull_commands[] = {
	/* containers */
	&verb_run,
	&verb_create,
	&verb_start,
	&verb_ps,
	&verb_exec,
	&verb_attach,
	&verb_logs,
	&verb_top,
	&verb_stats,
	&verb_port,
	&verb_stop,
	&verb_restart,
	&verb_kill,
	&verb_rm,
	&verb_wait,
	&verb_inspect,
	&verb_rename,
	&verb_pause,
	&verb_unpause,
	&verb_update,
	/* images */
	&verb_image_ls,
	&verb_image_import,
	&verb_image_tag,
	&verb_image_rm,
	&verb_image_inspect,
	/* volumes */
	&verb_volume_ls,
	&verb_volume_create,
	&verb_volume_inspect,
	&verb_volume_rm,
	&verb_volume_prune,
	/* kernels of virtual machines */
	&verb_kernel_ls,
	&verb_kernel_import,
	&verb_kernel_default,
	&verb_kernel_rm,
	&verb_kernel_inspect,
	/* machines */
	&verb_vm_backends,
	&verb_vm_dirty_rate,
	/* this machine, and what hull itself runs */
	&verb_info,
	&verb_version,
	&verb_unmake,
	&verb_complete,
	&verb_man,
	0,
};
