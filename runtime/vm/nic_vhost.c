/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * linux/vhost.h is all the documentation there is; the order of calls is that of linux/drivers/vhost: owner, features,
 * memory, rings, back ends.
 */
#include "runtime/vm/nic_vhost.h"

#include <errno.h>
#include <linux/vhost.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/scope.h"
#include "runtime/vm/memory.h"

/* What is between the rings and their server; all else is between the driver and the tap. */
#define RING_FEATURES                                                                    \
	(VIRTIO_BIT(VIRTIO_RING_F_INDIRECT_DESC) | VIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX) | \
	 VIRTIO_BIT(VIRTIO_F_VERSION_1) | VIRTIO_BIT(VIRTIO_NET_F_MRG_RXBUF))

static struct nic *nic_of(struct virtio_device *device)
{
	return (struct nic *)(void *)device;
}

static int ask(const struct nic *nic, unsigned long request, const void *argument, const char *what, struct err *err)
{
	if (ioctl(nic->vhost_fd, request, argument) < 0)
		return err_set(err, errno, "vhost-net: %s", what);
	return 0;
}

/* Where this process has the guest's memory: the kernel reads and writes it there. */
static int tell_memory(const struct nic *nic, struct err *err)
{
	const struct guest_memory *memory = nic->device.memory;
	union {
		struct vhost_memory head;
		uint8_t room[sizeof(struct vhost_memory) + GUEST_MAX_REGIONS * sizeof(struct vhost_memory_region)];
	} table = {.head.nregions = memory->region_count};

	for (unsigned i = 0; i < memory->region_count; i++)
		table.head.regions[i] = (struct vhost_memory_region){
			.guest_phys_addr = memory->regions[i].gpa,
			.memory_size = memory->regions[i].bytes,
			.userspace_addr = (uintptr_t)memory->regions[i].host,
		};
	return ask(nic, VHOST_SET_MEM_TABLE, &table, "set the table of memory", err);
}

static int tell_queue(const struct nic *nic, unsigned index, struct err *err)
{
	const struct virtqueue *queue = &nic->queues[index];
	const struct vhost_vring_state size = {.index = index, .num = queue->size}, base = {.index = index};
	const struct vhost_vring_addr rings = {
		.index = index,
		.desc_user_addr = (uintptr_t)queue->descriptor,
		.avail_user_addr = (uintptr_t)queue->available,
		.used_user_addr = (uintptr_t)queue->used_ring,
	};
	const struct vhost_vring_file kick = {.index = index, .fd = nic->device.kick_fds[index]};
	const struct vhost_vring_file call = {.index = index, .fd = nic->device.interrupt.fd};
	int r = ask(nic, VHOST_SET_VRING_NUM, &size, "set a ring's size", err);

	if (r == 0)
		r = ask(nic, VHOST_SET_VRING_BASE, &base, "set a ring's beginning", err);
	if (r == 0)
		r = ask(nic, VHOST_SET_VRING_ADDR, &rings, "set a ring's addresses", err);
	if (r == 0)
		r = ask(nic, VHOST_SET_VRING_KICK, &kick, "set a ring's kick", err);
	return r < 0 ? r : ask(nic, VHOST_SET_VRING_CALL, &call, "set a ring's interrupt", err);
}

/* It begins to serve, or with no tap ends: when that returns it touches no memory any more. */
static int set_backend(const struct nic *nic, unsigned index, int tap_fd, struct err *err)
{
	const struct vhost_vring_file backend = {.index = index, .fd = tap_fd};

	return ask(nic, VHOST_NET_SET_BACKEND, &backend, "connect a ring with the tap", err);
}

static int activate(struct virtio_device *device, struct err *err)
{
	const struct nic *nic = nic_of(device);
	const uint64_t features = device->features & RING_FEATURES;
	int r = nic_set_offloads(nic, err);

	if (r == 0)
		r = ask(nic, VHOST_SET_FEATURES, &features, "set features", err);
	if (r == 0)
		r = tell_memory(nic, err);
	for (unsigned i = 0; r == 0 && i < NIC_QUEUES; i++)
		if (device->queues[i].ready)
			r = tell_queue(nic, i, err);
	for (unsigned i = 0; r == 0 && i < NIC_QUEUES; i++)
		if (device->queues[i].ready)
			r = set_backend(nic, i, nic->tap_fd, err);
	return r;
}

static void reset(struct virtio_device *device)
{
	struct err ignored = ERR_INIT;

	for (unsigned i = 0; i < NIC_QUEUES; i++)
		(void)set_backend(nic_of(device), i, -1, &ignored);
}

static void kick(struct virtio_device *device, unsigned queue)
{
	(void)device, (void)queue; /* goes to the kernel */
}

static const struct virtio_ops ops = {
	.id = VIRTIO_ID_NET,
	.name = "net",
	.queues = NIC_QUEUES,
	.queue_size = VQ_MAX_SIZE,
	.served_elsewhere = true,
	.activate = activate,
	.reset = reset,
	.kick = kick,
	.config_read = nic_config_read,
};

int nic_use_vhost(struct nic *nic, int vhost_fd, struct err *err)
{
	CLEANUP_FD int taken = nic->vhost_fd = vhost_fd;
	uint64_t features = 0;
	int r = ask(nic, VHOST_SET_OWNER, NULL, "become its owner", err);

	if (r == 0)
		r = ask(nic, VHOST_GET_FEATURES, &features, "ask for features", err);
	if (r == 0 && !(features & VIRTIO_BIT(VIRTIO_F_VERSION_1)))
		r = err_say(err, ENOTSUP, "vhost-net: it is too old for virtio 1");
	if (r < 0) {
		nic->vhost_fd = -1;
		return r;
	}
	nic->vhost_fd = fd_take(&taken);
	nic->device.ops = &ops;
	nic->device.offered &= features | ~(uint64_t)RING_FEATURES;
	free(PTR_TAKE(nic->frame));
	return 0;
}
