/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether this host's /dev/kvm can run a kernel. There are some that emulate the guest's ring 0 instruction by
 * instruction: they have the same interface and take small payloads, but a kernel does not boot on them in any time
 * that somebody would wait. They are told by their pace.
 */
#ifndef HULL_RUNTIME_VM_KVM_PROBE_H
#define HULL_RUNTIME_VM_KVM_PROBE_H

#include "runtime/base/err.h"

/*
 * 0: it can. -ENOENT, -EACCES…: there is none, or none for this process; -ENOTSUP: it is too slow, or not of the
 * version that everybody has; each with words. Takes a millisecond or two on a real one, some 50 on the others.
 */
int kvm_probe(struct err *err);

#endif
