/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The MMIO transport, version 2 (virtio 1.2, section 4.2): a device's registers, its status machine, its kicks and its
 * interrupt.
 *
 * Nothing is asked of the hypervisor before a driver is ready: eventfds, ioeventfds and the irqfd are made when
 * DRIVER_OK is written, and then stay, over resets too. A machine whose guest uses no device pays for none.
 *
 * What the standard leaves to the driver's good manners is enforced: features are fixed by FEATURES_OK, queues are set
 * up between that and DRIVER_OK, and status bits are only ever added. What comes out of order is dropped.
 */
#ifndef HULL_RUNTIME_VM_VIRTIO_MMIO_H
#define HULL_RUNTIME_VM_VIRTIO_MMIO_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"
#include "runtime/vm/hv.h"
#include "runtime/vm/virtio.h"

struct virtio_mmio_kick;

struct virtio_mmio {
	struct virtio_device *device;
	struct hv *hv;
	uint64_t gpa; /* of the registers */
	unsigned gsi; /* the interrupt line */
	bool line_made;
	uint32_t device_features_select;
	uint32_t driver_features_select;
	uint64_t driver_features;
	uint32_t queue_select;
	struct virtio_mmio_kick *kicks; /* of device->queue_count */
};

/*
 * Puts `device` (virtio_device_init() was called, queue_count is final) onto the bus. Makes no system call. Both
 * outlive the transport. 0 or -ENOMEM.
 */
int virtio_mmio_open(struct virtio_mmio *mmio, struct virtio_device *device, struct hv *hv, uint64_t gpa, unsigned gsi,
		     struct err *err);
/* After the loop and all vCPUs have ended. The hypervisor's own references end with it. */
void virtio_mmio_close(struct virtio_mmio *mmio);

/*
 * A vCPU's access, `offset` bytes into the device's page; `bytes` is 1, 2, 4 or 8. Registers are 4 bytes wide and
 * aligned: other accesses to them read 0 and write nothing. From any thread; takes the device's lock where it needs it.
 */
void virtio_mmio_read(struct virtio_mmio *mmio, uint64_t offset, void *to, uint32_t bytes);
void virtio_mmio_write(struct virtio_mmio *mmio, uint64_t offset, const void *from, uint32_t bytes);

#endif
