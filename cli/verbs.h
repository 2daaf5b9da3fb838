/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hull's commands: one file a verb or a family of verbs, and here the list of them all. */
#ifndef HULL_CLI_VERBS_H
#define HULL_CLI_VERBS_H

#include "cli/program.h"

extern const struct command verb_run, verb_create;					  /* run.c */
extern const struct command verb_start;							  /* start.c */
extern const struct command verb_unmake;						  /* unmake.c */
extern const struct command verb_ps, verb_inspect, verb_wait;				  /* ps.c, inspect.c, wait.c */
extern const struct command verb_exec, verb_attach;					  /* exec.c, attach.c */
extern const struct command verb_logs;							  /* logs.c */
extern const struct command verb_stop, verb_restart, verb_kill, verb_pause, verb_unpause; /* lifecycle.c */
extern const struct command verb_rm, verb_rename, verb_port, verb_top; /* rm.c, rename.c, port.c, top.c */
extern const struct command verb_stats, verb_update;		       /* stats.c, update.c */
extern const struct command verb_volume_ls, verb_volume_create, verb_volume_inspect, verb_volume_rm,
	verb_volume_prune; /* volume_verbs.c */
extern const struct command verb_image_ls, verb_image_import, verb_image_rm, verb_image_tag,
	verb_image_inspect; /* image.c */
extern const struct command verb_kernel_ls, verb_kernel_import, verb_kernel_rm, verb_kernel_inspect,
	verb_kernel_default;			     /* kernel.c, kernel_import.c */
extern const struct command verb_vm_backends;	     /* vm.c */
extern const struct command verb_vm_dirty_rate;	     /* vm_dirty_rate.c */
extern const struct command verb_info, verb_version; /* info.c */
extern const struct command verb_complete, verb_man; /* documentation.c */

/* In the order of the help; ends with NULL. */
extern const struct command *const hull_commands[];
/* What hands know from Docker and podman, and is not here. */
extern const struct absent_command hull_absent[];

#endif
