/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The monitor process: from a request to a running guest, and to how it ended. It is in its jail already, and has what
 * it needs as descriptors.
 */
#ifndef HULL_RUNTIME_VM_MONITOR_H
#define HULL_RUNTIME_VM_MONITOR_H

#include "runtime/base/err.h"
#include "runtime/vm/request.h"

/*
 * Builds the machine, runs it to its end, and returns the exit code of the guest's first program: its own, or 128 +
 * signal. Where no agent runs, 0 for a guest that powered off. -errno with one line in `err` when the machine failed,
 * or ended without such a code: reset, panic, triple fault and power-off have words of their own. What it has made
 * stays: the caller ends the process (monitor_leave()).
 */
int monitor_run(const struct vm_request *request, struct err *err);

/*
 * Ends the process with this code; at once, although what KVM holds takes tens of milliseconds to be let go: that is
 * left in the request's remains_fd.
 */
_Noreturn void monitor_leave(int code);

#endif
