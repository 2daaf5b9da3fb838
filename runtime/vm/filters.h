/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What each kind of the monitor's threads, and the server of shared directories, may ask of the kernel: a seccomp
 * filter a kind, made from one table (filters.c). Anything else ends the process by SIGSYS: a guest that has broken out
 * of its processor is in such a thread.
 */
#ifndef HULL_RUNTIME_VM_FILTERS_H
#define HULL_RUNTIME_VM_FILTERS_H

#include <linux/filter.h>
#include <stdbool.h>

#include "runtime/base/confine.h"

enum filter_kind {
	FILTER_VCPU = 1, /* runs the guest; answers its register accesses, which may start or reset a device */
	FILTER_LOOP = 2, /* devices, the router, the control socket */
	FILTER_FS = 4,	 /* the server of shared directories, a process of its own (fs_server.h) */
	FILTER_QEMU = 8, /* the router beside QEMU, which has a filter of its own */
};

#define FILTER_ROOM 256

struct filter_program {
	struct sock_filter instructions[FILTER_ROOM];
	struct confine_filter filter; /* of these: for confine_load() */
};

/* Not in a build with a sanitizer, whose own calls are in no table. */
bool filter_is_wanted(void);
/* Makes the program; cannot fail (that all fits is tested). `program` stays where it is. */
void filter_make(struct filter_program *program, enum filter_kind kind);

#endif
