/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/vsock.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/scope.h"
#include "runtime/vm/vsock_parts.h"

#define FIRST_HOST_PORT (1U << 30)
#define MIN_GUEST_CID	UINT64_C(3)

static int activate(struct virtio_device *device, struct err *err)
{
	(void)device;
	(void)err;
	return 0;
}

static void reset(struct virtio_device *device)
{
	struct vsock *vsock = vsock_of(device);

	for (unsigned i = 0; i < VSOCK_MAX_CONNECTIONS; i++)
		if (vsock->connections[i].state != VSOCK_FREE)
			vsock_connection_drop(&vsock->connections[i]);
	vsock->reset_count = 0;
}

static void kick(struct virtio_device *device, unsigned queue)
{
	struct vsock *vsock = vsock_of(device);

	/* The event queue's buffers stay with the device: it has no event to tell. */
	if (queue == VSOCK_EVENT)
		return;
	if (queue == VSOCK_TX)
		virtio_serve(device, VSOCK_TX, vsock_serve_packet);
	vsock_go_on(vsock);
}

static void config_read(struct virtio_device *device, uint32_t offset, void *to, size_t len)
{
	struct virtio_vsock_config config = {.guest_cid = vsock_of(device)->config.guest_cid};

	virtio_config_copy(&config, sizeof(config), offset, to, len);
}

static const struct virtio_ops ops = {
	.id = VIRTIO_ID_VSOCK,
	.name = "vsock",
	.queues = VSOCK_QUEUES,
	.queue_size = 128,
	.activate = activate,
	.reset = reset,
	.kick = kick,
	.config_read = config_read,
};

int vsock_open(struct vsock *vsock, const struct vsock_config *config, struct loop *loop,
	       const struct guest_memory *memory, struct err *err)
{
	if (config->guest_cid < MIN_GUEST_CID || config->guest_cid >= UINT32_MAX)
		return err_say(err, EINVAL, "vsock: a guest cannot have the number %llu",
			       (unsigned long long)config->guest_cid);
	*vsock = (struct vsock){.config = *config, .next_host_port = FIRST_HOST_PORT};
	vsock->connections = calloc(VSOCK_MAX_CONNECTIONS, sizeof(*vsock->connections));
	if (!vsock->connections)
		return err_set(err, ENOMEM, "vsock");
	virtio_device_init(&vsock->device, &ops, vsock->queues, loop, memory);
	return 0;
}

void vsock_close(struct vsock *vsock)
{
	if (!vsock->connections)
		return;
	virtio_device_close(&vsock->device);
	free(PTR_TAKE(vsock->connections));
}

static int start_connection(struct vsock *vsock, uint32_t guest_port, int fd)
{
	struct vsock_connection *connection = vsock_find_free(vsock);

	if (!vsock->device.active || !connection)
		return connection ? -ENOTCONN : -ENFILE;
	/* Ports of the last 2^30 connections of the host's making, of which 64 can be there, are not used again. */
	while (vsock_find(vsock, guest_port, vsock->next_host_port))
		vsock->next_host_port++;
	*connection = (struct vsock_connection){
		.state = VSOCK_CONNECTING,
		.guest_port = guest_port,
		.host_port = vsock->next_host_port,
		.fd = fd,
		.to_say = VSOCK_OP_BIT(VIRTIO_VSOCK_OP_REQUEST),
	};
	vsock->next_host_port = vsock->next_host_port == UINT32_MAX - 1 ? FIRST_HOST_PORT : vsock->next_host_port + 1;
	vsock_go_on(vsock);
	return 0;
}

int vsock_connect(struct vsock *vsock, uint32_t guest_port, int fd)
{
	int r;

	(void)fd_set_nonblock(fd, true);
	(void)pthread_mutex_lock(&vsock->device.lock);
	r = start_connection(vsock, guest_port, fd);
	(void)pthread_mutex_unlock(&vsock->device.lock);
	if (r < 0)
		(void)close(fd);
	return r;
}
