/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine: memory, processors, ports, and virtio devices on a bus, held together by one event loop. Made in one
 * order, which hv.h demands:
 *
 *     machine_make()    the processors' threads, memory and its slots, interrupt controllers
 *     machine_start()   the processors
 *     machine_add()     each device, in the order in which the guest shall find them
 *     machine_boot()    kernel and tables into memory
 *     machine_resume()  they run the guest
 *     machine_run()     the loop in the calling one, until the guest or somebody else ends it
 */
#ifndef HULL_RUNTIME_VM_MACHINE_H
#define HULL_RUNTIME_VM_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/err.h"
#include "runtime/base/loop.h"
#include "runtime/vm/boot.h"
#include "runtime/vm/hv.h"
#include "runtime/vm/layout.h"
#include "runtime/vm/memory.h"
#include "runtime/vm/ports.h"
#include "runtime/vm/serial.h"
#include "runtime/vm/vcpu.h"
#include "runtime/vm/virtio_mmio.h"

/* How a machine ends. The first reason counts. */
enum machine_end {
	MACHINE_RUNS,
	MACHINE_POWER_OFF,
	MACHINE_RESET, /* the guest wants to start again: it does not */
	MACHINE_PANIC,
	MACHINE_TRIPLE_FAULT,
	MACHINE_FAILED,	 /* `err` */
	MACHINE_STOPPED, /* machine_stop() */
};

struct machine {
	struct hv *hv;
	struct guest_memory memory;
	struct loop loop;
	struct vcpus vcpus;
	struct ports ports;
	struct serial serial;
	bool has_serial;
	int serial_irq_fd;
	struct virtio_mmio slots[LAYOUT_MMIO_DEVICES];
	unsigned slot_count;
	bool paused;
	struct loop_source ending; /* an eventfd: the loop is to look at `end` */
	int claimed;		   /* 1: somebody ends it */
	int end;		   /* enum machine_end: set once, by who claimed that */
	struct err err;		   /* of MACHINE_FAILED */
	uint64_t kernel_end; /* in guest memory, from LAYOUT_HIGH_START on, is the kernel with all that it keeps */
};

struct machine_request {
	uint64_t memory_bytes;
	unsigned cpus;
	int serial_out_fd;			  /* -1: no serial port */
	bool shares_memory;			  /* another process is to map the guest's */
	const struct confine_filter *vcpu_filter; /* for the processors' threads; NULL: none. Stays until they run */
};

/*
 * Takes `hv` over, also when it fails. `machine` stays where it is from now on; machine_free() accepts what was half
 * made. Memory slots first: see hv.h. It begins threads: signals are blocked, and all that forks has forked.
 */
int machine_make(struct machine *machine, struct hv *hv, const struct machine_request *request, struct err *err);
/*
 * Makes the processors. Their threads describe them, and wait for machine_resume(); one that cannot ends the machine.
 * Right behind machine_make(): that takes as long as all devices, which are made meanwhile.
 */
int machine_start(struct machine *machine, struct err *err);
/*
 * virtio_device_init() was called with the machine's loop and memory. The device stays the caller's, and outlives the
 * machine. -ENOSPC: the bus is full.
 */
int machine_add(struct machine *machine, struct virtio_device *device, struct err *err);
/* `request->rsdp` is filled in here. */
int machine_boot(struct machine *machine, struct boot_request *request, struct err *err);

/* Runs the loop until the machine ends: how it did, or -errno. */
int machine_run(struct machine *machine, struct err *err);

/* From the loop's thread. Both may be called again. A paused machine's devices go on with what they were given. */
int machine_pause(struct machine *machine, struct err *err);
void machine_resume(struct machine *machine);
/* Ends it; from any thread. Only the first call counts. `err` with MACHINE_FAILED, else NULL. */
void machine_stop(struct machine *machine, enum machine_end end, const struct err *err_or_null);

/* Ends the threads and frees everything: slow (hv.h). A monitor reports how its guest ended first, or just exits. */
void machine_free(struct machine *machine);

#endif
