/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a processor of a KVM machine looks to its guest: CPUID, the registers that a firmware would have set, and where
 * it begins. For hv_kvm.c.
 */
#ifndef HULL_RUNTIME_VM_HV_KVM_CPU_H
#define HULL_RUNTIME_VM_HV_KVM_CPU_H

#include <linux/kvm.h>

#include "runtime/base/err.h"
#include "runtime/vm/hv.h"

#define HV_KVM_CPUID_LEAVES 128

/* What KVM can offer, as it says itself; then as the last processor was given it. */
union hv_kvm_cpuid {
	struct kvm_cpuid2 list;
	uint8_t room[sizeof(struct kvm_cpuid2) + HV_KVM_CPUID_LEAVES * sizeof(struct kvm_cpuid_entry2)];
};

/* Asks /dev/kvm, once a machine: it is slow. From any thread. */
int hv_kvm_cpu_ask(int kvm_fd, union hv_kvm_cpuid *ret, struct err *err);
/* Sets up processor `index` of `count`: one socket, one thread a core. */
int hv_kvm_cpu_setup(int vcpu_fd, union hv_kvm_cpuid *cpuid, unsigned index, unsigned count, struct err *err);
/* Makes the first processor begin there. */
int hv_kvm_cpu_enter(int vcpu_fd, const struct hv_entry *entry, struct err *err);

#endif
