/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A kernel and an initramfs that a bundle brings along (config.json's vm.kernel), and that 'hull kernel import' has not
 * seen: what would leave a machine that says nothing for minutes is told beforehand.
 */
#ifndef HULL_RUNTIME_VM_OWN_KERNEL_H
#define HULL_RUNTIME_VM_OWN_KERNEL_H

#include "runtime/base/err.h"

/* 0: the file is a kernel for x86-64; else -EINVAL, -ENOENT… with words that name it. */
int own_kernel_check(const char *path, struct err *err);

/*
 * 0: its /init is hull's agent, of this protocol's version, or the archive is compressed, which only a kernel looks
 * into. Else -EINVAL, -ENOENT… with words that name it.
 */
int own_initrd_check(const char *path, struct err *err);

#endif
