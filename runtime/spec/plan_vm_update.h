/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * New limits of a machine that runs, as a plan: which of them are its jail's, which are the guest's, and what cannot
 * be. Pure, as all plans are.
 *
 *     memory         what the guest must give up of what it was born with, by its balloon; the jail's bound follows
 *     CPUs           time of the jail's; the guest keeps its processors
 *     processes      the guest's: those in the jail are the monitor's
 *     everything else that a jail has at birth is the jail's
 */
#ifndef HULL_RUNTIME_SPEC_PLAN_VM_UPDATE_H
#define HULL_RUNTIME_SPEC_PLAN_VM_UPDATE_H

#include "runtime/spec/config.h"

/* The machine as it is. */
struct plan_vm_now {
	uint64_t born_bytes;	/* memory */
	uint64_t balloon_bytes; /* what it was asked to give up of that */
	uint64_t cpus;
	uint64_t jail_bytes; /* its cgroup's limit: memory and overhead */
};

struct plan_vm_update {
	struct config_resources jail, guest;
	bool has_guest;		/* something is the guest's */
	uint64_t balloon_bytes; /* what it shall give up in all */
};

/* -EINVAL, -ENOTSUP with words. What `asked` points to is shared. */
int plan_vm_update(const struct plan_vm_now *now, const struct config_resources *asked, struct plan_vm_update *ret,
		   struct err *err);

#endif
