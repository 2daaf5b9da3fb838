/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The devices that a request asks for, put onto a machine's bus. For monitor.c. */
#ifndef HULL_RUNTIME_VM_MONITOR_DEVICES_H
#define HULL_RUNTIME_VM_MONITOR_DEVICES_H

#include "runtime/base/err.h"
#include "runtime/vm/balloon.h"
#include "runtime/vm/blk.h"
#include "runtime/vm/console.h"
#include "runtime/vm/fs.h"
#include "runtime/vm/machine.h"
#include "runtime/vm/nic.h"
#include "runtime/vm/request.h"
#include "runtime/vm/rng.h"
#include "runtime/vm/vsock.h"

/* Each in its room: what a guest lacks is memory that nobody touches. */
struct monitor_devices {
	struct console console;
	struct rng rng;
	struct balloon balloon;
	struct vsock vsock;
	struct blk disks[VM_MAX_DISKS];
	struct nic nics[VM_MAX_NICS];
	struct fs_device volumes[VM_MAX_VOLUMES];
	int agent; /* for the guest's first connection to the agent's vsock port; then -1 */
	struct machine *machine;
	bool server_is_silent; /* that of the volumes: the machine ends for it. Set from any thread */
};

/* Sockets whose other ends are this process's, or the file server's. The devices own them from now on. */
struct monitor_ends {
	int agent; /* -1: no agent; the guest has a terminal (hvc0) on standard input and output instead */
	int volumes[VM_MAX_VOLUMES]; /* to the file server, one each */
};

/* In the order in which the guest finds them. `devices` is zeroed, and outlives the machine. */
int monitor_devices_add(struct monitor_devices *devices, struct machine *machine, const struct vm_request *request,
			const struct monitor_ends *ends, struct err *err);

#endif
