/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/hv_kvm_cpu.h"

#include <asm/processor-flags.h>
#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>

#include "runtime/base/scope.h"
#include "runtime/vm/boot_tables.h"
#include "runtime/vm/layout.h"

/* Intel SDM volume 4, and AMD APM volume 2. */
#define MSR_MISC_ENABLE		    0x1a0
#define MSR_MISC_ENABLE_FAST_STRING 1
#define MSR_MTRR_DEF_TYPE	    0x2ff
#define MSR_MTRR_ENABLE		    0x800
#define MSR_MTRR_WRITE_BACK	    6
#define EFER_LONG_MODE		    0x500			/* enabled and active */
#define APIC_BASE_FIRST		    (LAYOUT_LOCAL_APIC | 0x900) /* enabled; the first processor's */

#define CPUID_1_ECX_TSC_DEADLINE (1U << 24)
#define CPUID_1_ECX_HYPERVISOR	 (1U << 31)
#define CPUID_1_EDX_HTT		 (1U << 28)
#define CPUID_LEVEL_THREAD	 1U
#define CPUID_LEVEL_CORE	 2U

int hv_kvm_cpu_ask(int kvm_fd, union hv_kvm_cpuid *ret, struct err *err)
{
	ret->list.nent = HV_KVM_CPUID_LEAVES;
	if (ioctl(kvm_fd, KVM_GET_SUPPORTED_CPUID, &ret->list) < 0)
		return err_set(err, errno, "ask KVM what processors it offers");
	return 0;
}

/* The number of bits that a processor's number takes. */
static unsigned number_bits(unsigned count)
{
	unsigned bits = 0;

	while ((1U << bits) < count)
		bits++;
	return bits;
}

static void set_features(struct kvm_cpuid_entry2 *leaf, unsigned index, unsigned count)
{
	leaf->ebx = (leaf->ebx & 0xffffU) | count << 16 | index << 24;
	/*
	 * KVM's list lacks both; without the first the guest does not look for kvm-clock, without the second it
	 * measures its timer.
	 */
	leaf->ecx |= CPUID_1_ECX_HYPERVISOR | CPUID_1_ECX_TSC_DEADLINE;
	if (count > 1)
		leaf->edx |= CPUID_1_EDX_HTT;
	else
		leaf->edx &= ~CPUID_1_EDX_HTT;
}

static void set_topology(struct kvm_cpuid_entry2 *leaf, unsigned index, unsigned count)
{
	bool is_thread = leaf->index == 0, is_core = leaf->index == 1;

	leaf->eax = is_core ? number_bits(count) : 0;
	leaf->ebx = is_thread ? 1 : is_core ? count : 0;
	leaf->ecx = leaf->index | (is_thread ? CPUID_LEVEL_THREAD << 8 : is_core ? CPUID_LEVEL_CORE << 8 : 0);
	leaf->edx = index;
}

static void set_leaf(struct kvm_cpuid_entry2 *leaf, unsigned index, unsigned count)
{
	switch (leaf->function) {
	case 0x1:
		set_features(leaf, index, count);
		break;
	case 0x4: /* Intel's caches: no core is shared by threads, and the package has this many */
		if (leaf->eax & 0x1f)
			leaf->eax = (leaf->eax & 0x3fffU) | (count - 1) << 26;
		break;
	case 0xb:
	case 0x1f:
		set_topology(leaf, index, count);
		break;
	case 0x80000008: /* AMD: cores, and the bits of their numbers */
		leaf->ecx = (leaf->ecx & ~0xf0ffU) | (count - 1) | number_bits(count) << 12;
		break;
	case 0x8000001e: /* AMD: number, one thread a core, one node */
		leaf->eax = index;
		leaf->ebx = index;
		leaf->ecx = 0;
		break;
	default:
		break;
	}
}

/* What a firmware does: all memory is cached, and string instructions are fast. */
static int set_msrs(int vcpu_fd, struct err *err)
{
	static const struct kvm_msr_entry wanted[] = {
		{.index = MSR_MTRR_DEF_TYPE, .data = MSR_MTRR_ENABLE | MSR_MTRR_WRITE_BACK},
		{.index = MSR_MISC_ENABLE, .data = MSR_MISC_ENABLE_FAST_STRING},
	};
	union {
		struct kvm_msrs list;
		uint8_t room[sizeof(struct kvm_msrs) + sizeof(wanted)];
	} msrs = {.list = {.nmsrs = ARRAY_SIZE(wanted)}};

	memcpy(msrs.list.entries, wanted, sizeof(wanted));
	/* It stops at the first that this processor does not have: AMD's lack the second. */
	if (ioctl(vcpu_fd, KVM_SET_MSRS, &msrs.list) < 1)
		return err_set(err, errno, "set a virtual processor's registers for memory types");
	return 0;
}

int hv_kvm_cpu_setup(int vcpu_fd, union hv_kvm_cpuid *cpuid, unsigned index, unsigned count, struct err *err)
{
	for (unsigned i = 0; i < cpuid->list.nent; i++)
		set_leaf(&cpuid->list.entries[i], index, count);
	if (ioctl(vcpu_fd, KVM_SET_CPUID2, &cpuid->list) < 0)
		return err_set(err, errno, "describe virtual processor %u", index);
	return set_msrs(vcpu_fd, err);
}

static struct kvm_segment segment(unsigned slot, uint8_t type, bool is_64bit)
{
	bool is_code = slot == BOOT_GDT_CODE, is_task = slot == BOOT_GDT_TASK;

	return (struct kvm_segment){
		.limit = is_task ? 0x67 : UINT32_MAX,
		.selector = (uint16_t)(slot * 8),
		.type = type,
		.present = 1,
		.s = !is_task,
		.l = is_code && is_64bit,
		.db = !is_task && !(is_code && is_64bit),
		.g = !is_task,
	};
}

static void set_mode(struct kvm_sregs *sregs, const struct hv_entry *entry)
{
	struct kvm_segment data = segment(BOOT_GDT_DATA, 3, entry->is_64bit);

	sregs->cs = segment(BOOT_GDT_CODE, 11, entry->is_64bit);
	sregs->ds = sregs->es = sregs->fs = sregs->gs = sregs->ss = data;
	sregs->tr = segment(BOOT_GDT_TASK, 11, entry->is_64bit);
	sregs->ldt = (struct kvm_segment){.unusable = 1};
	sregs->gdt = (struct kvm_dtable){.base = entry->gdt, .limit = BOOT_GDT_BYTES - 1};
	sregs->cr0 = X86_CR0_PE | X86_CR0_ET;
	if (entry->is_64bit) {
		sregs->cr0 |= X86_CR0_PG;
		sregs->cr3 = entry->page_tables;
		sregs->cr4 = X86_CR4_PAE;
		sregs->efer = EFER_LONG_MODE;
	}
}

int hv_kvm_cpu_enter(int vcpu_fd, const struct hv_entry *entry, struct err *err)
{
	struct kvm_sregs sregs = {.apic_base = APIC_BASE_FIRST};
	struct kvm_regs regs = {
		.rip = entry->rip,
		.rsp = entry->rsp,
		.rsi = entry->rsi,
		.rbx = entry->rbx,
		.rflags = X86_EFLAGS_FIXED,
	};

	set_mode(&sregs, entry);
	if (ioctl(vcpu_fd, KVM_SET_SREGS, &sregs) < 0 || ioctl(vcpu_fd, KVM_SET_REGS, &regs) < 0)
		return err_set(err, errno, "set the first virtual processor's registers");
	return 0;
}
