// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/verbs.h"

const struct command *const hull_commands[] = {
	&verb_run,   &verb_create,  &verb_start,    &verb_ps,		&verb_exec,	&verb_attach,
	&verb_logs,  &verb_stop,    &verb_kill,	    &verb_rm,		&verb_wait,	&verb_inspect,
	&verb_pause, &verb_unpause, &verb_image_ls, &verb_image_import, &verb_image_rm, &verb_image_inspect,
	&verb_info,  &verb_version, &verb_unmake,   &verb_complete,	&verb_man,	0,
};
