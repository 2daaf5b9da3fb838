/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether a QEMU has what machines are made of here: its own words are what is looked at. What is not there would show
 * only when a machine starts, and then as QEMU's complaint about an option that nobody has typed.
 */
#ifndef HULL_RUNTIME_VM_QEMU_PROBE_H
#define HULL_RUNTIME_VM_QEMU_PROBE_H

#include "runtime/base/err.h"

/* The first version whose "microvm" has ACPI and a second I/O APIC: room for 24 devices, where there were 8. */
#define QEMU_OLDEST_MAJOR 6

/*
 * Runs the program at `path` (absolute) to look at its version, machines and devices. 0: it will do. -ENOENT, -EACCES…:
 * it cannot be executed; -ENOTSUP: too old, built without something, or no QEMU at all; -EIO: it fails; each with words
 * that name it. Takes some 0.2 s. From a process with one thread.
 */
int qemu_probe(const char *path, struct err *err);

#endif
