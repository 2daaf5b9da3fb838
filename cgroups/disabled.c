/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * No cgroups at all: a cgroup without a folder in any tree. What goes over the folders then does nothing by itself.
 */
#include "cgroups/driver.h"

#include <errno.h>

#include "cgroups/limits_table.h"

/*
 * Device rules are not refused: configurations always have them, and who disables cgroups gives up that second line of
 * defence.
 */
static int check(const struct cg_request *request, struct err *err)
{
	if (cg_limits_any(request->limits))
		return err_say(err, ENOTSUP, "resource limits need cgroups, which are disabled for this container");
	return 0;
}

static int locate(struct cg *cg, const char *path, struct err *err)
{
	(void)path;
	cg->place = arena_strdup(&cg->arena, "");
	return arena_check(&cg->arena, err);
}

static int make(const struct cg *cg, const struct cg_folder *folder, uint32_t needed, struct err *err)
{
	(void)cg, (void)folder, (void)needed;
	return err_say(err, ENOTSUP, "cgroups are disabled for this container");
}

const struct cg_driver cg_driver_disabled = {.name = "disabled", .check = check, .locate = locate, .make = make};
