/* SPDX-License-Identifier: GPL-2.0-or-later */
/* KVM's answers to hv.h: linux/Documentation/virt/kvm/api.rst. */
#include <errno.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/base/scope.h"
#include "runtime/vm/hv.h"
#include "runtime/vm/hv_kvm_cpu.h"
#include "runtime/vm/layout.h"

struct kvm_machine {
	struct hv hv;
	int kvm_fd; /* the caller's */
	int vm_fd;
	size_t run_bytes; /* of a vCPU's shared page */
	struct hv_vcpu *first;
	struct kvm_userspace_memory_region slots[HV_MAX_SLOTS];
	pthread_mutex_t lock;	  /* of what follows: each thread describes its processor by it */
	union hv_kvm_cpuid cpuid; /* last: it ends in an array */
};

struct hv_vcpu {
	struct kvm_machine *machine;
	struct hv_vcpu *next;
	unsigned index, count;
	int fd;
	struct kvm_run *run;
};

static struct kvm_machine *machine_of(struct hv *hv)
{
	return (struct kvm_machine *)(void *)hv;
}

static int kvm_create(struct hv *hv, struct err *err)
{
	struct kvm_machine *machine = machine_of(hv);
	int run_bytes;

	machine->vm_fd = ioctl(machine->kvm_fd, KVM_CREATE_VM, 0);
	if (machine->vm_fd < 0)
		return err_set(err, errno, "make a virtual machine with KVM");
	run_bytes = ioctl(machine->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (run_bytes < (int)sizeof(struct kvm_run))
		return err_set(err, EPROTO, "ask KVM for the size of a processor's page");
	machine->run_bytes = (size_t)run_bytes;
	/* Only Intel's needs it, and makes a memory slot of it: before the interrupt controllers, as all of them. */
	if (ioctl(machine->vm_fd, KVM_SET_TSS_ADDR, LAYOUT_KVM_PAGES + 0x1000UL) < 0 && errno != ENXIO &&
	    errno != EINVAL)
		return err_set(err, errno, "give KVM its own pages");
	return 0;
}

static int kvm_memory_slot(struct hv *hv, unsigned slot, uint64_t gpa, void *host, uint64_t bytes, struct err *err)
{
	struct kvm_machine *machine = machine_of(hv);
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.guest_phys_addr = gpa,
		.memory_size = bytes,
		.userspace_addr = (uintptr_t)host,
	};

	if (slot >= HV_MAX_SLOTS)
		return err_say(err, EINVAL, "memory slot %u: there are %u", slot, HV_MAX_SLOTS);
	if (ioctl(machine->vm_fd, KVM_SET_USER_MEMORY_REGION, &region) < 0)
		return err_set(err, errno, "give KVM %llu bytes of guest memory", (unsigned long long)bytes);
	machine->slots[slot] = region;
	return 0;
}

/*
 * The bitmap of a slot, and not KVM's ring of written pages, which would have to be there before the processors are,
 * and would be memory of each of them in every machine that nobody measures.
 */
static int kvm_dirty_log(struct hv *hv, unsigned slot, bool on, struct err *err)
{
	struct kvm_machine *machine = machine_of(hv);
	struct kvm_userspace_memory_region region = machine->slots[slot];

	region.flags = on ? KVM_MEM_LOG_DIRTY_PAGES : 0;
	if (ioctl(machine->vm_fd, KVM_SET_USER_MEMORY_REGION, &region) < 0)
		return err_set(err, errno, "have KVM %s what the guest writes", on ? "log" : "no longer log");
	return 0;
}

static int kvm_dirty_read(struct hv *hv, unsigned slot, uint64_t *ret_bitmap, struct err *err)
{
	struct kvm_dirty_log log = {.slot = slot, .dirty_bitmap = ret_bitmap};

	if (ioctl(machine_of(hv)->vm_fd, KVM_GET_DIRTY_LOG, &log) < 0)
		return err_set(err, errno, "read KVM's log of what the guest writes");
	return 0;
}

/*
 * All of them in the kernel. Only the local ones there, the I/O APIC here, were measured beside that (kernel 6.18,
 * medians and minima of 40, interleaved): with eight devices' notifications 0.74 ms (at best 0.26) until the first exit
 * against 0.43 (0.27), and 28 ms (13) to close against 24 (12). It is a gain only for a machine without any
 * notification (0.3 ms to close against 19), of which there is none, and it would cost an I/O APIC of our own, an exit
 * for each access to it.
 */
static int kvm_interrupt_controllers(struct hv *hv, struct err *err)
{
	if (ioctl(machine_of(hv)->vm_fd, KVM_CREATE_IRQCHIP, 0) < 0)
		return err_set(err, errno, "make KVM's interrupt controllers");
	return 0;
}

static void vcpu_free(struct hv_vcpu *vcpu)
{
	if (vcpu->run)
		(void)munmap(vcpu->run, vcpu->machine->run_bytes);
	scope_fd(&vcpu->fd);
	free(vcpu);
}

static int vcpu_open(struct hv_vcpu *vcpu, struct err *err)
{
	struct kvm_machine *machine = vcpu->machine;
	void *run;

	vcpu->fd = ioctl(machine->vm_fd, KVM_CREATE_VCPU, (unsigned long)vcpu->index);
	if (vcpu->fd < 0)
		return err_set(err, errno, "make KVM's virtual processor %u", vcpu->index);
	run = mmap(NULL, machine->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (run == MAP_FAILED)
		return err_set(err, errno, "map KVM's virtual processor %u", vcpu->index);
	vcpu->run = run;
	return 0;
}

static int kvm_vcpu_make(struct hv *hv, unsigned index, unsigned count, struct hv_vcpu **ret, struct err *err)
{
	struct hv_vcpu *vcpu = calloc(1, sizeof(*vcpu));
	int r;

	if (!vcpu)
		return err_set(err, ENOMEM, "virtual processor %u", index);
	*vcpu = (struct hv_vcpu){.machine = machine_of(hv), .index = index, .count = count, .fd = -1};
	r = vcpu_open(vcpu, err);
	if (r < 0) {
		vcpu_free(vcpu);
		return r;
	}
	vcpu->next = vcpu->machine->first;
	vcpu->machine->first = vcpu;
	*ret = vcpu;
	return 0;
}

/* A third of all that it takes to make a machine. */
static int kvm_ask(struct hv *hv, struct err *err)
{
	return hv_kvm_cpu_ask(machine_of(hv)->kvm_fd, &machine_of(hv)->cpuid, err);
}

static int kvm_vcpu_describe(struct hv_vcpu *vcpu, struct err *err)
{
	struct kvm_machine *machine = vcpu->machine;
	int r;

	pthread_mutex_lock(&machine->lock);
	r = hv_kvm_cpu_setup(vcpu->fd, &machine->cpuid, vcpu->index, vcpu->count, err);
	pthread_mutex_unlock(&machine->lock);
	return r;
}

static int kvm_vcpu_enter(struct hv_vcpu *vcpu, const struct hv_entry *entry, struct err *err)
{
	return hv_kvm_cpu_enter(vcpu->fd, entry, err);
}

static int exit_error(const struct kvm_run *run, struct hv_exit *exit, struct err *err)
{
	exit->kind = HV_EXIT_ERROR;
	if (run->exit_reason == KVM_EXIT_INTERNAL_ERROR)
		return err_say(err, EIO,
			       "KVM cannot go on with the guest: internal error %u (1: an instruction that it "
			       "cannot emulate)",
			       run->internal.suberror);
	if (run->exit_reason == KVM_EXIT_FAIL_ENTRY)
		return err_say(err, EIO, "KVM cannot enter the guest: the processor refuses with 0x%llx",
			       (unsigned long long)run->fail_entry.hardware_entry_failure_reason);
	return err_say(err, EIO, "KVM stopped the guest for a reason that is not known here: %u", run->exit_reason);
}

static void exit_pio(struct kvm_run *run, struct hv_exit *exit)
{
	*exit = (struct hv_exit){
		.kind = HV_EXIT_PIO,
		.is_write = run->io.direction == KVM_EXIT_IO_OUT,
		.address = run->io.port,
		.bytes = run->io.size,
		.count = run->io.count,
		.data = (uint8_t *)run + run->io.data_offset,
	};
}

static void exit_mmio(struct kvm_run *run, struct hv_exit *exit)
{
	*exit = (struct hv_exit){
		.kind = HV_EXIT_MMIO,
		.is_write = run->mmio.is_write,
		.address = run->mmio.phys_addr,
		.bytes = run->mmio.len,
		.count = 1,
		.data = run->mmio.data,
	};
}

static int read_exit(struct kvm_run *run, struct hv_exit *exit, struct err *err)
{
	*exit = (struct hv_exit){0};
	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		exit_pio(run, exit);
		return 0;
	case KVM_EXIT_MMIO:
		exit_mmio(run, exit);
		return 0;
	case KVM_EXIT_HLT:
		exit->kind = HV_EXIT_HALT;
		return 0;
	case KVM_EXIT_SHUTDOWN:
		exit->kind = HV_EXIT_SHUTDOWN;
		return 0;
	case KVM_EXIT_SYSTEM_EVENT:
		exit->kind = HV_EXIT_RESET;
		return 0;
	case KVM_EXIT_INTR:
		exit->kind = HV_EXIT_INTERRUPTED;
		return 0;
	default:
		return exit_error(run, exit, err);
	}
}

static int kvm_vcpu_run(struct hv_vcpu *vcpu, struct hv_exit *ret, struct err *err)
{
	if (ioctl(vcpu->fd, KVM_RUN, 0) == 0)
		return read_exit(vcpu->run, ret, err);
	/* EAGAIN: a processor that waited to be woken by another one was. */
	if (errno == EINTR || errno == EAGAIN) {
		__atomic_store_n(&vcpu->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
		*ret = (struct hv_exit){.kind = HV_EXIT_INTERRUPTED};
		return 0;
	}
	*ret = (struct hv_exit){.kind = HV_EXIT_ERROR};
	return err_set(err, errno, "run the guest");
}

static void kvm_vcpu_kick(struct hv_vcpu *vcpu)
{
	__atomic_store_n(&vcpu->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
}

static void kvm_vcpu_resumed(struct hv_vcpu *vcpu)
{
	/* Fails where the guest does not use kvm-clock: then there is nobody to tell. */
	(void)ioctl(vcpu->fd, KVM_KVMCLOCK_CTRL, 0);
}

static int kvm_notify(struct hv *hv, const struct hv_notify *notify, bool on, struct err *err)
{
	struct kvm_ioeventfd request = {
		.addr = notify->gpa,
		.len = notify->bytes,
		.fd = notify->fd,
		.datamatch = notify->value,
		.flags = (notify->match ? KVM_IOEVENTFD_FLAG_DATAMATCH : 0U) | (on ? 0U : KVM_IOEVENTFD_FLAG_DEASSIGN),
	};

	if (ioctl(machine_of(hv)->vm_fd, KVM_IOEVENTFD, &request) < 0)
		return err_set(err, errno, "%s a notification at 0x%llx", on ? "make" : "take away",
			       (unsigned long long)notify->gpa);
	return 0;
}

static int kvm_irq(struct hv *hv, unsigned gsi, int fd, bool on, struct err *err)
{
	struct kvm_irqfd request = {
		.fd = (uint32_t)fd,
		.gsi = gsi,
		.flags = on ? 0 : KVM_IRQFD_FLAG_DEASSIGN,
	};

	if (ioctl(machine_of(hv)->vm_fd, KVM_IRQFD, &request) < 0)
		return err_set(err, errno, "%s interrupt line %u", on ? "connect" : "disconnect", gsi);
	return 0;
}

/* Kernels before 5.18 tell it of a processor only: their guests find it out by themselves. */
static uint32_t kvm_tsc_khz(struct hv *hv)
{
	int khz = ioctl(machine_of(hv)->vm_fd, KVM_GET_TSC_KHZ, 0);

	return khz > 0 ? (uint32_t)khz : 0;
}

/* The machine goes with the last of them: each processor holds it, too. */
static unsigned kvm_descriptors(const struct hv *hv, int *ret_fds, unsigned room)
{
	const struct kvm_machine *machine = (const struct kvm_machine *)(const void *)hv;
	unsigned count = 0;

	if (room > 0)
		ret_fds[0] = machine->vm_fd;
	count++;
	for (const struct hv_vcpu *vcpu = machine->first; vcpu; vcpu = vcpu->next, count++)
		if (count < room)
			ret_fds[count] = vcpu->fd;
	return count;
}

static void kvm_close(struct hv *hv)
{
	struct kvm_machine *machine = machine_of(hv);

	while (machine->first) {
		struct hv_vcpu *next = machine->first->next;

		vcpu_free(machine->first);
		machine->first = next;
	}
	scope_fd(&machine->vm_fd);
	free(machine);
}

static const struct hv_ops kvm_ops = {
	.name = "kvm",
	.create = kvm_create,
	.memory_slot = kvm_memory_slot,
	.interrupt_controllers = kvm_interrupt_controllers,
	.vcpu_make = kvm_vcpu_make,
	.vcpu_describe = kvm_vcpu_describe,
	.ask = kvm_ask,
	.vcpu_enter = kvm_vcpu_enter,
	.vcpu_run = kvm_vcpu_run,
	.vcpu_kick = kvm_vcpu_kick,
	.vcpu_resumed = kvm_vcpu_resumed,
	.notify = kvm_notify,
	.irq = kvm_irq,
	.dirty_log = kvm_dirty_log,
	.dirty_read = kvm_dirty_read,
	.tsc_khz = kvm_tsc_khz,
	.descriptors = kvm_descriptors,
	.close = kvm_close,
};

int hv_kvm_open(int kvm_fd, struct hv **ret, struct err *err)
{
	int version = ioctl(kvm_fd, KVM_GET_API_VERSION, 0);
	struct kvm_machine *machine;

	if (version < 0)
		return err_set(err, errno, "ask KVM for its version");
	if (version != KVM_API_VERSION)
		return err_say(err, EPROTO, "KVM speaks version %d, and hull %d", version, KVM_API_VERSION);
	machine = calloc(1, sizeof(*machine));
	if (!machine)
		return err_set(err, ENOMEM, "virtual machine");
	machine->hv.ops = &kvm_ops;
	machine->kvm_fd = kvm_fd;
	machine->vm_fd = -1;
	pthread_mutex_init(&machine->lock, NULL);
	*ret = &machine->hv;
	return 0;
}
