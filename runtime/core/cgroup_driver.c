// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/cgroup_driver.h"

#include <errno.h>
#include <string.h>

static const char *const names[] = {
	[CG_DRIVER_CGROUPFS] = "cgroupfs",
	[CG_DRIVER_SYSTEMD] = "systemd",
	[CG_DRIVER_DISABLED] = "disabled",
};

enum cg_driver_kind cgroup_driver_parse(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i], name) == 0)
			return (enum cg_driver_kind)i;
	return CG_DRIVER_CGROUPFS;
}

const char *cgroup_driver_name(enum cg_driver_kind driver)
{
	return names[driver];
}

bool cgroup_recorded_none(const struct record *record)
{
	return record->cgroup.driver && cgroup_driver_parse(record->cgroup.driver) == CG_DRIVER_DISABLED;
}

int cgroup_open_recorded(const struct record *record, struct cg **ret, struct err *err)
{
	if (!record->cgroup.path)
		return err_say(err, ENOENT, "container '%s' has no cgroup: it is of another boot", record->id);
	return cg_open(cgroup_driver_parse(record->cgroup.driver), record->cgroup.path, ret, err);
}
