/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the sysctls of a plan, whose names have been looked at, need besides: values that arrive, and a /proc. */
#include <string.h>

#include "namespaces/sysctl.h"
#include "runtime/base/path.h"
#include "runtime/spec/plan_parts.h"

static int check_values(const struct planning *p, struct err *err)
{
	const struct strmap *wanted = &p->plan->sysctls;

	for (size_t i = 0; i < wanted->count; i++)
		if (sysctl_check_value(wanted->items[i].key, wanted->items[i].value, err) < 0)
			return err_wrap(err, "linux.sysctl");
	return 0;
}

/* Sysctls are written in the container's own /proc, where its namespaces show. */
static int check_proc(const struct planning *p, struct err *err)
{
	const struct root_request *root = &p->plan->root;

	for (size_t i = 0; i < root->mount_count; i++) {
		const char *clean = path_clean(p->arena, root->mounts[i].destination);

		if (!clean)
			return plan_no_memory(p, err);
		if (strcmp(clean, "/proc") == 0)
			return 0;
	}
	return err_say(err, EINVAL, "linux.sysctl: needs a mount on '/proc' in mounts");
}

int plan_sysctls(struct planning *p, struct err *err)
{
	int r = check_values(p, err);

	return r < 0 || p->plan->sysctls.count == 0 ? r : check_proc(p, err);
}
