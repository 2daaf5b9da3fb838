/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of the built-in monitor's guests: what was asked for, and what only the monitor knows. */
#ifndef HULL_RUNTIME_VM_CMDLINE_H
#define HULL_RUNTIME_VM_CMDLINE_H

#include <stdint.h>

#include "runtime/base/err.h"
#include "runtime/vm/layout.h"

struct cmdline_facts {
	const char *asked;
	/* 0: not known. A guest could only guess the pace of its clock, and guesses wrong where the host is busy. */
	uint32_t tsc_khz;
	/*
	 * On the bus. ACPI tells of them; "acpi=off" says that the kernel leaves that alone, and was built to be told
	 * of them here instead (CONFIG_VIRTIO_MMIO_CMDLINE_DEVICES).
	 */
	unsigned devices;
};

/* -E2BIG: longer than a kernel takes. */
int cmdline_make(const struct cmdline_facts *facts, char to[static LAYOUT_CMDLINE_BYTES], struct err *err);

#endif
