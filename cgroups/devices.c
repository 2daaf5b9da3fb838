/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Device rules, whichever design polices them.
 */
#include "cgroups/devices.h"

#include <errno.h>

#include "cgroups/devices_bpf.h"
#include "cgroups/devices_v1.h"

/* dev_t's own bounds. */
#define MAX_MAJOR ((1 << 12) - 1)
#define MAX_MINOR ((1 << 20) - 1)

static int check_rules(const struct cg_device_rule *rules, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		const struct cg_device_rule *rule = &rules[i];

		if (rule->type != 'a' && rule->type != 'b' && rule->type != 'c')
			return err_say(err, EINVAL, "limit 'devices[%zu]': the type is none of a, b, c", i);
		if (rule->major < -1 || rule->major > MAX_MAJOR || rule->minor < -1 || rule->minor > MAX_MINOR)
			return err_say(err, EINVAL, "limit 'devices[%zu]': %lld:%lld is no device", i,
				       (long long)rule->major, (long long)rule->minor);
		if (!rule->read && !rule->write && !rule->mknod)
			return err_say(err, EINVAL, "limit 'devices[%zu]': the access is none of r, w, m", i);
	}
	return 0;
}

static int say_no_controller(struct err *err)
{
	return err_say(err, ENOTSUP, "limit 'devices': this host has neither cgroup v2 nor v1's devices controller");
}

int cg_devices_check(const struct cg_limits *limits, const struct cg_layout *layout, struct err *err)
{
	const struct cg_tree *tree = cg_layout_tree(layout, CG_DEVICES);

	if (!limits || !limits->device_count)
		return 0;
	if (!tree)
		return say_no_controller(err);
	if (check_rules(limits->devices, limits->device_count, err) < 0)
		return -err->code;
	return tree->v2 ? 0 : cg_devices_v1_check(limits->devices, limits->device_count, err);
}

int cg_devices_apply(const struct cg *cg, const struct cg_limits *limits, bool fresh, struct err *err)
{
	const struct cg_folder *folder = cg_folder_of(cg, CG_DEVICES);

	if (!limits || !limits->device_count || !cg->folder_count)
		return 0;
	if (!folder)
		return say_no_controller(err);
	if (check_rules(limits->devices, limits->device_count, err) < 0)
		return -err->code;
	return folder->tree->v2 ? cg_devices_bpf_apply(folder, limits->devices, limits->device_count, err)
				: cg_devices_v1_apply(folder, limits->devices, limits->device_count, fresh, err);
}
