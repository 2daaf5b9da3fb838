/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Labels of Linux security modules: an AppArmor profile or an SELinux label for the program that is about to run.
 *
 * A label that the host cannot enforce is refused, never dropped silently: who asked for it relies on it.
 */
#ifndef HULL_NAMESPACES_LSM_H
#define HULL_NAMESPACES_LSM_H

#include <stdbool.h>

#include "runtime/base/err.h"

struct lsm_request {
	const char *apparmor_profile; /* "unconfined", a loaded profile's name, or NULL */
	const char *selinux_label;    /* "system_u:system_r:container_t:s0:c1,c2", or NULL */
	const char *mount_label;      /* SELinux context for mounts, or NULL: checked only, mounting is rootfs's */
};

bool lsm_has_apparmor(void);
bool lsm_has_selinux(void);

/*
 * Whether this host can give these labels. -ENOTSUP with words when the module is absent, -EINVAL for words that are no
 * label. "unconfined" and "" ask for nothing and pass everywhere. For the plan.
 */
int lsm_check(const struct lsm_request *request, struct err *err);

/*
 * Sets the labels for the next exec of the calling thread. `procfd` is a descriptor of a proc mount in which the caller
 * is visible; the attribute file is verified to be procfs's own, since a label written to a faked file protects nothing
 * (CVE-2019-16884, CVE-2023-28642). In the child after the root is set up; before no_new_privs, which AppArmor lets
 * restrict transitions.
 */
int lsm_apply(const struct lsm_request *request, int procfd, struct err *err);

#endif
