/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the monitor asks of a hypervisor. KVM answers in hv_kvm.c; the tests have a fake (tests/unit/vm/hv_fake.h).
 *
 * Order matters: all memory slots, then the interrupt controllers, then vCPUs, then notifications (ioeventfds, irqfds).
 * On newer kernels a memory slot that is set after one of the others exists waits for a grace period, 7 ms against
 * 0.15.
 */
#ifndef HULL_RUNTIME_VM_HV_H
#define HULL_RUNTIME_VM_HV_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/err.h"

struct hv;
struct hv_vcpu;

/* Memory slots of one machine, numbered from 0. */
#define HV_MAX_SLOTS 8U
/* What a bit of a log of written pages stands for. */
#define HV_PAGE_BYTES UINT64_C(4096)

/* Guest writes of `bytes` bytes to `gpa` make `fd` (an eventfd) readable, and are not seen as exits. */
struct hv_notify {
	uint64_t gpa;
	uint32_t bytes; /* 1, 2, 4, 8 */
	bool match;	/* only writes of `value`; else of any value */
	uint64_t value;
	int fd;
};

enum hv_exit_kind {
	HV_EXIT_PIO,	     /* the guest reads or writes an I/O port */
	HV_EXIT_MMIO,	     /* ... an address without memory */
	HV_EXIT_HALT,	     /* halted with nobody to wake it (only without interrupt controllers in the hypervisor) */
	HV_EXIT_SHUTDOWN,    /* triple fault */
	HV_EXIT_RESET,	     /* the hypervisor was asked for a reset */
	HV_EXIT_INTERRUPTED, /* a signal, or hv_kick(): look what is wanted, and run again */
	HV_EXIT_ERROR,	     /* cannot go on: words are in `err` */
};

/*
 * Why a vCPU stopped. `data` lies in the vCPU's own page, and is filled in by whoever handles a read before the next
 * run.
 */
struct hv_exit {
	enum hv_exit_kind kind;
	bool is_write;
	uint64_t address; /* guest physical address, or port */
	uint32_t bytes;	  /* of one access: 1, 2, 4, 8 */
	uint32_t count;	  /* accesses in a row (string instructions on ports), `bytes` each in `data`; else 1 */
	uint8_t *data;
};

/* How the first vCPU begins. The others wait for it to wake them. */
struct hv_entry {
	bool is_64bit; /* long mode with paging by `page_tables`; else 32-bit protected mode without paging */
	uint64_t rip, rsp;
	uint64_t rsi;	      /* the Linux boot protocol's boot_params */
	uint64_t rbx;	      /* PVH's start info */
	uint64_t gdt;	      /* guest address of a table made by boot.h */
	uint64_t page_tables; /* CR3 */
};

struct hv_ops {
	const char *name;
	/* All of these: 0 or -errno with words. From one thread, before any vCPU runs, unless said otherwise. */
	int (*memory_slot)(struct hv *hv, unsigned slot, uint64_t gpa, void *host, uint64_t bytes, struct err *err);
	int (*interrupt_controllers)(struct hv *hv, struct err *err);
	int (*create)(struct hv *hv, struct err *err); /* comes first. May be NULL: it is there */
	/*
	 * Finds out what processors there may be: slow, and nothing else needs to be there. From the first vCPU's
	 * thread. May be NULL.
	 */
	int (*ask)(struct hv *hv, struct err *err);
	int (*vcpu_make)(struct hv *hv, unsigned index, unsigned count, struct hv_vcpu **ret, struct err *err);
	/*
	 * What the guest sees of it. From the vCPU's own thread, once, behind ask(), before it is entered. May be NULL.
	 */
	int (*vcpu_describe)(struct hv_vcpu *vcpu, struct err *err);
	/* The first one, before it runs; from any thread. */
	int (*vcpu_enter)(struct hv_vcpu *vcpu, const struct hv_entry *entry, struct err *err);
	/* Until the next exit. From the vCPU's own thread, alone. -errno only together with HV_EXIT_ERROR. */
	int (*vcpu_run)(struct hv_vcpu *vcpu, struct hv_exit *ret, struct err *err);
	/* From any thread: the running or next vcpu_run() comes back with HV_EXIT_INTERRUPTED. */
	void (*vcpu_kick)(struct hv_vcpu *vcpu);
	/*
	 * From the vCPU's thread, behind a pause: the guest must not take the time that went by for a fault of its own.
	 * May be NULL.
	 */
	void (*vcpu_resumed)(struct hv_vcpu *vcpu);
	/* From any thread, any time. `on` false takes away what was added with the same values. */
	int (*notify)(struct hv *hv, const struct hv_notify *notify, bool on, struct err *err);
	/* A write to the eventfd raises an edge on line `gsi`. */
	int (*irq)(struct hv *hv, unsigned gsi, int fd, bool on, struct err *err);
	/*
	 * Begins (`on`) or ends the log of the pages that processors write in a memory slot; it begins empty. While
	 * there is none it costs nothing; while there is one, each page's first write is a fault. From one thread, also
	 * while vCPUs run.
	 */
	int (*dirty_log)(struct hv *hv, unsigned slot, bool on, struct err *err);
	/*
	 * What was written since the log began or was read last: a bit a page of the slot, page 0 in bit 0 of
	 * `ret_bitmap`, which has room for as many 64-bit words as that takes.
	 */
	int (*dirty_read)(struct hv *hv, unsigned slot, uint64_t *ret_bitmap, struct err *err);
	uint32_t (*tsc_khz)(struct hv *hv); /* 0: not known */
	/*
	 * The descriptors whose closing takes long, in any order: how many there are, of which `room` are put into
	 * `ret_fds`. They stay the machine's.
	 */
	unsigned (*descriptors)(const struct hv *hv, int *ret_fds, unsigned room);
	/* Frees everything. Takes long (14 ms and more): the result of the machine is reported before. */
	void (*close)(struct hv *hv);
};

/* Embedded first in the hypervisor's own struct. */
struct hv {
	const struct hv_ops *ops;
};

/* A machine on KVM, to be created. `kvm_fd` is an open /dev/kvm, which stays the caller's. */
int hv_kvm_open(int kvm_fd, struct hv **ret, struct err *err);

#endif
