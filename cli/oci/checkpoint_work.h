/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What checkpoint and restore are both told of how CRIU is to work. */
#ifndef HULL_CLI_OCI_CHECKPOINT_WORK_H
#define HULL_CLI_OCI_CHECKPOINT_WORK_H

#include "cli/oci/oci.h"
#include "runtime/core/checkpoint.h"

struct work_options {
	const char *image_path, *work_path, *cgroups_mode;
	struct strv empty_namespaces;
	bool tcp_established, tcp_close, ext_unix_sk, shell_job, file_locks, auto_dedup, lazy_pages;
};

/* Their rows, for a struct that has them as its member `work`. */
#define WORK_ROW(type, name, kind, field, argument, help, choices)                              \
	{                                                                                       \
		name, 0, kind, offsetof(struct type, work.field), argument, help, choices, NULL \
	}
#define WORK_ROWS(type)                                                                                              \
	WORK_ROW(type, "image-path", OPTION_STRING, image_path, "DIR", "folder of the images (default: checkpoint)", \
		 NULL),                                                                                              \
		WORK_ROW(type, "work-path", OPTION_STRING, work_path, "DIR",                                         \
			 "folder of CRIU's log and statistics (default: that of the images)", NULL),                 \
		WORK_ROW(type, "tcp-established", OPTION_FLAG, tcp_established, NULL,                                \
			 "with the TCP connections that are open", NULL),                                            \
		WORK_ROW(type, "tcp-close", OPTION_FLAG, tcp_close, NULL, "TCP connections come back closed", NULL), \
		WORK_ROW(type, "ext-unix-sk", OPTION_FLAG, ext_unix_sk, NULL,                                        \
			 "with Unix sockets whose other end is outside", NULL),                                      \
		WORK_ROW(type, "shell-job", OPTION_FLAG, shell_job, NULL,                                            \
			 "without a terminal, or a session, from outside: the restore, told the same, has another",  \
			 NULL),                                                                                      \
		WORK_ROW(type, "file-locks", OPTION_FLAG, file_locks, NULL, "with locks on files", NULL),            \
		WORK_ROW(type, "manage-cgroups-mode", OPTION_STRING, cgroups_mode, "MODE",                           \
			 "how CRIU treats cgroups (default: soft)", criu_cgroup_mode_words),                         \
		WORK_ROW(type, "empty-ns", OPTION_LIST, empty_namespaces, "KIND",                                    \
			 "leave a namespace's contents out; only 'network'", NULL),                                  \
		WORK_ROW(type, "auto-dedup", OPTION_FLAG, auto_dedup, NULL,                                          \
			 "drop pages from images as soon as they are in another place", NULL),                       \
		WORK_ROW(type, "lazy-pages", OPTION_FLAG, lazy_pages, NULL,                                          \
			 "memory comes later, when it is touched: see criu(8), lazy-pages", NULL)

/* Fills what CRIU is told. */
int oci_checkpoint_work(const struct command_call *call, const struct work_options *options,
			struct checkpoint_work *ret, struct err *err);

#endif
