/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest's side of a virtio device, over plain memory and the fake hypervisor: unit tests and fuzzers drive devices
 * with it as a kernel would, registers and rings and all. It can also write what no driver would: memory and registers
 * are open to the test.
 *
 *     struct guest guest;
 *     guest_open(&guest, 1 << 20);
 *     virtio_device_init(&device, …, &guest.loop, &guest.memory);
 *     guest_attach(&guest, &device);
 *     CHECK(guest_start(&guest, ~0ULL, 16));
 *     uint64_t gpa = guest_alloc(&guest, 512);
 *     guest_add(&guest, 0, (struct guest_buffer[]){{gpa, 512, true}}, 1);
 *     CHECK(guest_wait(&guest, 0, &head, &written));
 *     guest_close(&guest);               before the device is closed
 */
#ifndef HULL_TESTS_UNIT_VM_GUEST_DRIVER_H
#define HULL_TESTS_UNIT_VM_GUEST_DRIVER_H

#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/vm/memory.h"
#include "runtime/vm/virtio.h"
#include "runtime/vm/virtio_mmio.h"
#include "tests/unit/vm/hv_fake.h"

#define GUEST_MMIO	 UINT64_C(0xd0000000)
#define GUEST_GSI	 5U
#define GUEST_QUEUES	 40U
#define GUEST_MEMORY_GPA UINT64_C(0x100000) /* where the test's memory begins: below it there is none */

/* One queue as the driver keeps it. Descriptors are given out in turn, and are free again once the chain is back. */
struct guest_queue {
	uint16_t size; /* 0: not set up */
	uint64_t descriptors_gpa, available_gpa, used_gpa;
	struct vring_desc *descriptors;
	uint16_t *available; /* flags, index, entries, used_event */
	uint16_t *used;	     /* flags, index, entries of four each, avail_event */
	uint16_t next_free;  /* descriptor */
	uint16_t added;	     /* the available index */
	uint16_t kicked;     /* `added` at the last kick */
	uint16_t seen;	     /* the used index, as far as it was looked at */
};

struct guest {
	struct guest_memory memory;
	uint8_t *bytes;	   /* at GUEST_MEMORY_GPA */
	void *borrowed;	   /* what `memory` lies in; NULL: it is a memfd */
	uint64_t next_gpa; /* the first that was not allocated */
	struct loop loop;
	struct hv_fake hv;
	struct virtio_device *device;
	struct virtio_mmio mmio;
	struct guest_queue queues[GUEST_QUEUES];
	uint64_t features;
};

struct guest_buffer {
	uint64_t gpa;
	uint32_t len;
	bool writable; /* by the device */
};

/*
 * Zeroed memory of `bytes` at GUEST_MEMORY_GPA, a loop, a hypervisor. Aborts when the machine has none: tests go no
 * further.
 */
void guest_open(struct guest *guest, size_t bytes);
/* The same, in a memfd as a machine has it, and with memory below GUEST_MEMORY_GPA too. */
void guest_open_shared(struct guest *guest, size_t bytes);
/* Closes the transport, then all of it. */
void guest_close(struct guest *guest);
void guest_attach(struct guest *guest, struct virtio_device *device);

/* Memory that nobody else uses, 16-byte aligned; aborts when there is no more. guest_at() is where it lies here. */
uint64_t guest_alloc(struct guest *guest, size_t bytes);
void *guest_at(const struct guest *guest, uint64_t gpa);

/* Registers, as a vCPU would; a write that an ioeventfd takes goes there. */
uint32_t guest_read32(struct guest *guest, uint32_t offset);
void guest_write32(struct guest *guest, uint32_t offset, uint32_t value);
void guest_config(struct guest *guest, uint32_t offset, void *to, uint32_t len);

/*
 * The whole of 3.1.1: reset, features (those of `wanted` that are offered; VERSION_1 always), all queues with at most
 * `queue_size` slots, DRIVER_OK. Each step alone below. False when the device refuses.
 */
bool guest_start(struct guest *guest, uint64_t wanted, uint16_t queue_size);
bool guest_negotiate(struct guest *guest, uint64_t wanted);
bool guest_queue_setup(struct guest *guest, unsigned queue, uint16_t size);
bool guest_driver_ok(struct guest *guest);
void guest_reset(struct guest *guest);

/*
 * Makes a chain available, of descriptors or of one that names a table, and kicks if the device wants that. Returns its
 * head.
 */
uint16_t guest_add(struct guest *guest, unsigned queue, const struct guest_buffer *buffers, unsigned count);
uint16_t guest_add_indirect(struct guest *guest, unsigned queue, const struct guest_buffer *buffers, unsigned count);
/* Makes `head` available, whatever it names, and kicks. */
void guest_offer(struct guest *guest, unsigned queue, uint16_t head);
void guest_kick(struct guest *guest, unsigned queue);

/*
 * One round of the loop: handles what is ready, waiting up to `timeout_ms` for the first. How many callbacks there
 * were.
 */
unsigned guest_turn(struct guest *guest, int timeout_ms);
/* Rounds until nothing is ready, at most some thousands of callbacks. */
void guest_settle(struct guest *guest);

/* The next chain that came back, if there is one. */
bool guest_used(struct guest *guest, unsigned queue, uint16_t *ret_head, uint32_t *ret_written);
/* Runs the loop until one comes back; false after five seconds. */
bool guest_wait(struct guest *guest, unsigned queue, uint16_t *ret_head, uint32_t *ret_written);

/*
 * Edges on the device's line since the last call; and the interrupt's status, which is then acknowledged, as a handler
 * does.
 */
uint64_t guest_edges(struct guest *guest);
uint32_t guest_interrupt(struct guest *guest);
bool guest_needs_reset(struct guest *guest);

#endif
