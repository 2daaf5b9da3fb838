// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/oci/checkpoint_work.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#define DEFAULT_IMAGES "checkpoint"

static int add_empty(const struct strv *kinds, struct criu_options *to, struct err *err)
{
	for (size_t i = 0; i < kinds->count; i++) {
		if (strcmp(kinds->items[i], "network") != 0)
			return err_say(err, EINVAL, "option '--empty-ns': criu can leave out 'network', and not '%s'",
				       kinds->items[i]);
		to->empty_namespaces = CLONE_NEWNET;
	}
	return 0;
}

int oci_checkpoint_work(const struct command_call *call, const struct work_options *options,
			struct checkpoint_work *ret, struct err *err)
{
	const struct oci *oci = call->globals;

	*ret = (struct checkpoint_work){
		.criu = oci->criu,
		.images = options->image_path ? options->image_path : DEFAULT_IMAGES,
		.work = options->work_path,
		.options = CRIU_OPTIONS_INIT,
	};
	ret->options.tcp_established = options->tcp_established;
	ret->options.tcp_close = options->tcp_close;
	ret->options.ext_unix_sk = options->ext_unix_sk;
	ret->options.shell_job = options->shell_job;
	ret->options.file_locks = options->file_locks;
	ret->options.auto_dedup = options->auto_dedup;
	ret->options.lazy_pages = options->lazy_pages;
	ret->options.cgroup_mode =
		options->cgroups_mode ? criu_cgroup_mode_parse(options->cgroups_mode) : CRIU_CGROUP_SOFT;
	return add_empty(&options->empty_namespaces, &ret->options, err);
}
