/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sysctls: only those that belong to a namespace which the container has for itself. All others would change the host.
 *
 * Names are written with dots ("net.ipv4.ip_forward"), or with slashes where a part has a dot in it
 * ("net/ipv4/conf/eth0.100/forwarding"): the first separator says which, as in sysctl(8).
 */
#ifndef HULL_NAMESPACES_SYSCTL_H
#define HULL_NAMESPACES_SYSCTL_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"

struct sysctl_value {
	const char *name, *value;
};

/* Beside the flags below: the whole kernel is the instance's own, as in a machine, and so is what has no namespace. */
#define SYSCTL_OWN_KERNEL ((uint64_t)1 << 63)

/*
 * Pure: `own_namespaces` is the set of CLONE_NEW* flags (ns_clone_flag()) of the namespaces that are not the host's:
 * made for the instance, or joined by path. -EPERM with words that name the missing namespace, or that the sysctl
 * belongs to none; -EINVAL for a name that is no name.
 */
int sysctl_check(const char *name, uint64_t own_namespaces, struct err *err);

/*
 * Pure: whether the kernel takes the value as it is, or would silently cut it, or do nothing. -EINVAL with words. Any
 * name: sysctl_check() has looked at it.
 */
int sysctl_check_value(const char *name, const char *value, struct err *err);

/*
 * Writes the values, in order. In the child, inside its namespaces, before /proc/sys becomes read-only. `procfd` is a
 * descriptor of a proc mount; each file is opened below it, crossing no mount, and verified to be procfs's own, so that
 * a proc that is faked by an image is refused (CVE-2019-19921, CVE-2025-52881). Checks each name again against
 * `own_namespaces`, and reads each value again: -EINVAL or -ERANGE where the kernel has taken only a part of it.
 */
int sysctl_apply(int procfd, const struct sysctl_value *values, size_t count, uint64_t own_namespaces, struct err *err);

#endif
