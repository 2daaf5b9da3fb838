/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The monitor's part where QEMU is the machine: hull-vmm starts it in the same jail, routes between the guest's agent
 * and the clients, and tells how it ended.
 *
 *     hull-vmm ── vhost-user ── file server          (where there are volumes)
 *        │ ├───── QMP ────────┐
 *        │ ├───── hull.agent ─┤
 *        │ └───── console ────┤
 *        └─ fork ───────────── QEMU: the "microvm" machine, all disks, taps and sockets by descriptor
 *
 * QEMU has no capability, its own filter of system calls, and dies with hull-vmm.
 */
#ifndef HULL_RUNTIME_VM_QEMU_H
#define HULL_RUNTIME_VM_QEMU_H

#include "runtime/base/arena.h"
#include "runtime/base/err.h"
#include "runtime/base/text.h"
#include "runtime/vm/request.h"

/* In the jail: QEMU opens these two by name. */
#define QEMU_KERNEL "/kernel"
#define QEMU_INITRD "/initrd"

/*
 * Runs the machine to its end, from a process with one thread. The exit code of hull-vmm: the guest's first program's
 * own; or -errno with one line, which is then told with exit code err->exit_code, or 125.
 */
int qemu_run(const struct vm_request *request, struct err *err);

/* What QEMU is given besides what the request says: far ends of sockets. */
struct qemu_ends {
	int agent, qmp, console;
	int volumes[VM_MAX_VOLUMES];
	uint64_t tsc_khz;  /* of the host; 0: not known */
	bool stands_still; /* until it is resumed, by QMP */
};
/* QEMU's command: request->qemu with all that makes this machine. In the arena. -ENOMEM. */
int qemu_command(struct arena *arena, const struct vm_request *request, const struct qemu_ends *ends, struct strv *ret,
		 struct err *err);

#endif
