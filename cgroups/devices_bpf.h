/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Device rules for v2, as a BPF program.
 */
#ifndef HULL_CGROUPS_DEVICES_BPF_H
#define HULL_CGROUPS_DEVICES_BPF_H

#include <stddef.h>

#include "cgroups/folder.h"
#include "cgroups/limits.h"
#include "runtime/base/err.h"

struct bpf_insn;
/* Compiles the rules. The number of instructions, or -E2BIG. Pure. */
int cg_devices_bpf_compile(const struct cg_device_rule *rules, size_t count, struct bpf_insn *to, size_t room);
/* Loads and attaches the program, then detaches what was attached to this folder before. */
int cg_devices_bpf_apply(const struct cg_folder *folder, const struct cg_device_rule *rules, size_t count,
			 struct err *err);

#endif
