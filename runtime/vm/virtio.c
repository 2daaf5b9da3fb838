/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/virtio.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/scope.h"

void virtio_device_init(struct virtio_device *device, const struct virtio_ops *ops, struct virtqueue *queues,
			struct loop *loop, const struct guest_memory *memory)
{
	*device = (struct virtio_device){
		.ops = ops,
		.loop = loop,
		.memory = memory,
		.queues = queues,
		.queue_count = ops->queues,
		.offered = ops->features | VIRTIO_FEATURES_ALWAYS,
		.interrupt.fd = -1,
	};
	(void)pthread_mutex_init(&device->lock, NULL);
	for (unsigned i = 0; i < ops->queues; i++)
		queues[i] = (struct virtqueue){.max_size = ops->queue_size,
					       .memory = memory,
					       .interrupt = &device->interrupt};
}

void virtio_device_close(struct virtio_device *device)
{
	(void)pthread_mutex_lock(&device->lock);
	device->ops->reset(device);
	device->active = false;
	(void)pthread_mutex_unlock(&device->lock);
	(void)pthread_mutex_destroy(&device->lock);
}

void virtio_config_copy(const void *config, size_t config_bytes, uint32_t offset, void *to, size_t len)
{
	memset(to, 0, len);
	if (offset >= config_bytes)
		return;
	if (len > config_bytes - offset)
		len = config_bytes - offset;
	memcpy(to, (const uint8_t *)config + offset, len);
}

void virtio_needs_reset(struct virtio_device *device)
{
	if (device->status & VIRTIO_CONFIG_S_NEEDS_RESET)
		return;
	device->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	/* 2.1.2: only a driver that has said DRIVER_OK is told. */
	if (device->status & VIRTIO_CONFIG_S_DRIVER_OK)
		vq_interrupt_raise(&device->interrupt, VQ_INTERRUPT_CONFIG);
}

void virtio_config_changed(struct virtio_device *device)
{
	device->config_generation++;
	if (device->status & VIRTIO_CONFIG_S_DRIVER_OK)
		vq_interrupt_raise(&device->interrupt, VQ_INTERRUPT_CONFIG);
}

bool virtio_pop(struct virtio_device *device, unsigned queue, struct vq_chain *chain)
{
	int r = device->active ? vq_pop(&device->queues[queue], chain) : 0;

	if (r < 0)
		virtio_needs_reset(device);
	return r > 0;
}

void virtio_break(struct virtio_device *device, unsigned queue, const char *why)
{
	(void)vq_break(&device->queues[queue], why);
	virtio_needs_reset(device);
}

/* Chains of one turn; false when the device cannot take more. */
static bool serve_turn(struct virtio_device *device, unsigned index, unsigned *budget,
		       bool (*serve)(struct virtio_device *, struct virtqueue *, const struct vq_chain *))
{
	struct virtqueue *queue = &device->queues[index];
	struct vq_chain chain;

	while (*budget > 0 && virtio_pop(device, index, &chain)) {
		--*budget;
		if (!serve(device, queue, &chain)) {
			vq_unpop(queue);
			return false;
		}
	}
	return true;
}

void virtio_serve(struct virtio_device *device, unsigned index,
		  bool (*serve)(struct virtio_device *, struct virtqueue *, const struct vq_chain *))
{
	struct virtqueue *queue = &device->queues[index];
	unsigned budget = queue->size;
	uint64_t one = 1;
	bool goes_on;

	vq_kicks_off(queue);
	do
		goes_on = serve_turn(device, index, &budget, serve);
	while (goes_on && budget > 0 && vq_kicks_on(queue));
	vq_notify(queue);
	if (goes_on && budget == 0)
		(void)!write(device->kick_fds[index], &one, sizeof(one));
}

static void source_ready(struct loop *loop, struct loop_source *source, uint32_t epoll_events)
{
	struct virtio_source *own = CONTAINER_OF(source, struct virtio_source, source);
	struct virtio_device *device = own->device;

	(void)loop;
	(void)pthread_mutex_lock(&device->lock);
	/* A reset on a vCPU's thread may have forgotten the source since the event was fetched. */
	if (source->registered)
		own->ready(device, own, epoll_events);
	(void)pthread_mutex_unlock(&device->lock);
}

int virtio_watch(struct virtio_device *device, struct virtio_source *source, int fd,
		 void (*ready)(struct virtio_device *, struct virtio_source *, uint32_t), uint32_t epoll_events,
		 struct err *err)
{
	if (source->source.registered && (source->source.fd != fd || epoll_events == 0))
		virtio_forget(source);
	if (epoll_events == 0)
		return 0;
	/*
	 * The loop reads these two without the lock, perhaps for an event of before: once set, they are not written
	 * again.
	 */
	if (!source->device) {
		source->device = device;
		source->source.ready = source_ready;
	}
	source->ready = ready;
	source->source.fd = fd;
	return loop_watch(device->loop, &source->source, epoll_events, err);
}

void virtio_forget(struct virtio_source *source)
{
	if (source->source.registered)
		loop_forget(source->device->loop, &source->source);
}
