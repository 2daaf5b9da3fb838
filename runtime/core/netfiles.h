/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /etc/hosts, /etc/hostname and /etc/resolv.conf of an instance: files in its data folder that are bind-mounted over
 * the image's.
 */
#ifndef HULL_RUNTIME_CORE_NETFILES_H
#define HULL_RUNTIME_CORE_NETFILES_H

#include "net/network.h"
#include "runtime/base/err.h"
#include "runtime/spec/plan.h"

/* Makes the files that the plan names, empty, so that they can be opened as bind sources before the network exists. */
int netfiles_prepare(const struct plan *plan, struct err *err);

/*
 * Writes their contents in place: what was bound shows them. They are the host root's on disk, and bound id-mapped: the
 * container's root's inside. `lease` NULL: no address.
 */
int netfiles_write(const struct plan *plan, const struct net_lease *lease, struct err *err);

#endif
