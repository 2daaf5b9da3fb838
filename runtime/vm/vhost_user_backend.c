/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/vhost_user_backend.h"

#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <string.h>

#include "runtime/base/scope.h"
#include "runtime/vm/vhost_user_backend_parts.h"

/*
 * QEMU lets a driver behind its MMIO transport take as many, whatever the device says. A chain has no more parts for
 * that.
 */
#define MAX_SLOTS 1024

#define BIT(number) (UINT64_C(1) << (number))

/* What virtqueue.h can do, and the feature that says that there are others. */
#define FEATURES                                                                                     \
	(BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_RING_F_INDIRECT_DESC) | BIT(VIRTIO_RING_F_EVENT_IDX) | \
	 BIT(VHOST_USER_F_PROTOCOL_FEATURES))
#define PROTOCOL_FEATURES (BIT(VHOST_USER_PROTOCOL_F_MQ) | BIT(VHOST_USER_PROTOCOL_F_REPLY_ACK))

static struct vhost_user_queue *queue_of(struct vhost_user_backend *backend, uint64_t index)
{
	return index < backend->ops->queues ? &backend->queues[index] : NULL;
}

/* --- messages ----------------------------------------------------------------------------------------------------- */

typedef int handler(struct vhost_user_backend *backend, struct vhost_user_message *message, struct err *err);

static int get_features(struct vhost_user_backend *backend, struct vhost_user_message *message, struct err *err)
{
	(void)err;
	message->payload.number = FEATURES | backend->ops->features;
	return 0;
}

static int set_features(struct vhost_user_backend *backend, struct vhost_user_message *message, struct err *err)
{
	if (message->payload.number & ~(FEATURES | backend->ops->features))
		return err_say(err, EINVAL, "vhost-user features were taken that were not offered");
	backend->features = message->payload.number;
	/* Who knows nothing of enabling queues gets them enabled. */
	for (unsigned i = 0; i < backend->ops->queues; i++)
		if (!(backend->features & BIT(VHOST_USER_F_PROTOCOL_FEATURES)))
			backend->queues[i].enabled = true;
	return 0;
}

static int get_protocol_features(struct vhost_user_backend *backend, struct vhost_user_message *message,
				 struct err *err)
{
	(void)backend;
	(void)err;
	message->payload.number = PROTOCOL_FEATURES;
	return 0;
}

static int set_protocol_features(struct vhost_user_backend *backend, struct vhost_user_message *message,
				 struct err *err)
{
	if (message->payload.number & ~PROTOCOL_FEATURES)
		return err_say(err, EINVAL, "vhost-user protocol features were taken that were not offered");
	backend->protocol_features = message->payload.number;
	return 0;
}

static int get_queue_num(struct vhost_user_backend *backend, struct vhost_user_message *message, struct err *err)
{
	(void)err;
	message->payload.number = backend->ops->queues;
	return 0;
}

static int nothing(struct vhost_user_backend *backend, struct vhost_user_message *message, struct err *err)
{
	(void)backend;
	(void)message;
	(void)err;
	return 0;
}

/* Rings that run are found again in the new memory. */
static int set_mem_table(struct vhost_user_backend *backend, struct vhost_user_message *message, struct err *err)
{
	const struct vhost_user_memory *table = &message->payload.memory;
	size_t bytes = offsetof(struct vhost_user_memory, regions);
	int r = 0;

	if (table->count > VHOST_USER_MAX_REGIONS || table->count != message->fd_count ||
	    message->header.bytes < bytes + table->count * sizeof(table->regions[0]))
		return err_say(err, EINVAL, "a table of guest memory with %u regions and %u descriptors", table->count,
			       message->fd_count);
	for (unsigned i = 0; i < backend->ops->queues; i++)
		vhost_user_halt(&backend->queues[i]);
	vhost_user_unmap(backend);
	for (unsigned i = 0; i < table->count && r == 0; i++)
		r = vhost_user_map(backend, &table->regions[i], message->fds[i]);
	if (r < 0)
		return err_set(err, -r, "map guest memory");
	return vhost_user_run_all(backend, err);
}

static int bad_queue(uint64_t index, struct err *err)
{
	return err_say(err, EINVAL, "there is no queue %llu", (unsigned long long)index);
}

static int set_vring_num(struct vhost_user_backend *backend, struct vhost_user_message *message, struct err *err)
{
	struct vhost_user_queue *at = queue_of(backend, message->payload.vring.index);

	if (!at)
		return bad_queue(message->payload.vring.index, err);
	if (message->payload.vring.value > MAX_SLOTS || at->queue.ready)
		return err_say(err, EINVAL, "a queue of %u slots", message->payload.vring.value);
	at->size = (uint16_t)message->payload.vring.value;
	return vhost_user_run(at, err);
}

static int set_vring_base(struct vhost_user_backend *backend, struct vhost_user_message *message, struct err *err)
{
	struct vhost_user_queue *at = queue_of(backend, message->payload.vring.index);

	if (!at)
		return bad_queue(message->payload.vring.index, err);
	if (message->payload.vring.value > UINT16_MAX || at->queue.ready)
		return err_say(err, EINVAL, "a queue that begins at %u", message->payload.vring.value);
	at->base = (uint16_t)message->payload.vring.value;
	return 0;
}

static int get_vring_base(struct vhost_user_backend *backend, struct vhost_user_message *message, struct err *err)
{
	struct vhost_user_queue *at = queue_of(backend, message->payload.vring.index);

	if (!at)
		return bad_queue(message->payload.vring.index, err);
	vhost_user_halt(at);
	at->addressed = false;
	scope_fd(&at->kick.fd);
	at->kick.fd = -1;
	message->payload.vring.value = at->base;
	return 0;
}

static int set_vring_addr(struct vhost_user_backend *backend, struct vhost_user_message *message, struct err *err)
{
	struct vhost_user_queue *at = queue_of(backend, message->payload.addresses.index);

	if (!at)
		return bad_queue(message->payload.addresses.index, err);
	vhost_user_halt(at);
	at->addresses = message->payload.addresses;
	at->addressed = true;
	return vhost_user_run(at, err);
}

static int set_vring_enable(struct vhost_user_backend *backend, struct vhost_user_message *message, struct err *err)
{
	struct vhost_user_queue *at = queue_of(backend, message->payload.vring.index);

	if (!at)
		return bad_queue(message->payload.vring.index, err);
	at->enabled = message->payload.vring.value != 0;
	if (!at->enabled)
		vhost_user_halt(at);
	return vhost_user_run(at, err);
}

/* The descriptor of KICK, CALL or ERR, which replaces the one that was there; none is fine for the latter two. */
static struct vhost_user_queue *take_fd(struct vhost_user_backend *backend, struct vhost_user_message *message,
					int *ret_fd, struct err *err)
{
	struct vhost_user_queue *at = queue_of(backend, message->payload.number & VHOST_USER_VRING_INDEX);
	bool wanted = !(message->payload.number & VHOST_USER_VRING_NO_FD);

	if (!at) {
		(void)bad_queue(message->payload.number & VHOST_USER_VRING_INDEX, err);
		return NULL;
	}
	if (wanted != (message->fd_count == 1)) {
		(void)err_say(err, EINVAL, "a queue's descriptor is missing, or there are too many");
		return NULL;
	}
	*ret_fd = wanted ? fd_take(&message->fds[0]) : -1;
	return at;
}

static int set_vring_kick(struct vhost_user_backend *backend, struct vhost_user_message *message, struct err *err)
{
	int fd = -1;
	struct vhost_user_queue *at = take_fd(backend, message, &fd, err);

	if (!at)
		return -EINVAL;
	vhost_user_halt(at);
	scope_fd(&at->kick.fd);
	at->kick.fd = fd;
	return fd < 0 ? err_say(err, EINVAL, "a queue without kicks") : vhost_user_run(at, err);
}

static int set_vring_call(struct vhost_user_backend *backend, struct vhost_user_message *message, struct err *err)
{
	int fd = -1;
	struct vhost_user_queue *at = take_fd(backend, message, &fd, err);

	if (!at)
		return -EINVAL;
	scope_fd(&at->interrupt.fd);
	at->interrupt.fd = fd;
	return 0;
}

static int set_vring_err(struct vhost_user_backend *backend, struct vhost_user_message *message, struct err *err)
{
	int fd = -1;
	struct vhost_user_queue *at = take_fd(backend, message, &fd, err);

	if (!at)
		return -EINVAL;
	scope_fd(&at->error_fd);
	at->error_fd = fd;
	return 0;
}

/* What a message brings, and what its reply does. */
static const struct {
	handler *handle;
	uint16_t bytes; /* of the payload, at least */
	uint16_t reply_bytes;
} handlers[VHOST_USER_REQUESTS] = {
	[VHOST_USER_GET_FEATURES] = {get_features, 0, sizeof(uint64_t)},
	[VHOST_USER_SET_FEATURES] = {set_features, sizeof(uint64_t), 0},
	[VHOST_USER_SET_OWNER] = {nothing, 0, 0},
	[VHOST_USER_RESET_OWNER] = {nothing, 0, 0},
	[VHOST_USER_SET_MEM_TABLE] = {set_mem_table, offsetof(struct vhost_user_memory, regions), 0},
	[VHOST_USER_SET_VRING_NUM] = {set_vring_num, sizeof(struct vhost_user_vring), 0},
	[VHOST_USER_SET_VRING_ADDR] = {set_vring_addr, sizeof(struct vhost_user_vring_addresses), 0},
	[VHOST_USER_SET_VRING_BASE] = {set_vring_base, sizeof(struct vhost_user_vring), 0},
	[VHOST_USER_GET_VRING_BASE] = {get_vring_base, sizeof(struct vhost_user_vring),
				       sizeof(struct vhost_user_vring)},
	[VHOST_USER_SET_VRING_KICK] = {set_vring_kick, sizeof(uint64_t), 0},
	[VHOST_USER_SET_VRING_CALL] = {set_vring_call, sizeof(uint64_t), 0},
	[VHOST_USER_SET_VRING_ERR] = {set_vring_err, sizeof(uint64_t), 0},
	[VHOST_USER_GET_PROTOCOL_FEATURES] = {get_protocol_features, 0, sizeof(uint64_t)},
	[VHOST_USER_SET_PROTOCOL_FEATURES] = {set_protocol_features, sizeof(uint64_t), 0},
	[VHOST_USER_GET_QUEUE_NUM] = {get_queue_num, 0, sizeof(uint64_t)},
	[VHOST_USER_SET_VRING_ENABLE] = {set_vring_enable, sizeof(struct vhost_user_vring), 0},
};

/*
 * An acknowledgement is a reply of its own: 0, or that it failed. Who asked for one hears of a failure, and is not
 * dropped.
 */
static int reply(struct vhost_user_backend *backend, struct vhost_user_message *message, int result, unsigned bytes,
		 struct err *err)
{
	bool acknowledge = bytes == 0 && (message->header.flags & VHOST_USER_NEED_REPLY) &&
			   (backend->protocol_features & BIT(VHOST_USER_PROTOCOL_F_REPLY_ACK));

	vhost_user_drop(message);
	if (acknowledge)
		message->payload.number = result < 0;
	else if (result < 0 || bytes == 0)
		return result;
	message->header.flags = VHOST_USER_VERSION | VHOST_USER_IS_REPLY;
	message->header.bytes = acknowledge ? sizeof(uint64_t) : bytes;
	return vhost_user_send(backend->socket.fd, message, err);
}

static int take_message(struct vhost_user_backend *backend, struct err *err)
{
	struct vhost_user_message message;
	int r = vhost_user_receive(backend->socket.fd, &message, err);
	uint32_t request = message.header.request;

	if (r <= 0)
		return r;
	if (request >= VHOST_USER_REQUESTS || !handlers[request].handle)
		r = err_say(err, EOPNOTSUPP, "vhost-user request %u", request);
	else if (message.header.bytes < handlers[request].bytes)
		r = err_say(err, EPROTO, "vhost-user request %u of %u bytes", request, message.header.bytes);
	else
		r = handlers[request].handle(backend, &message, err);
	r = reply(backend, &message, r, request < VHOST_USER_REQUESTS && r >= 0 ? handlers[request].reply_bytes : 0,
		  err);
	return r < 0 ? r : 1;
}

bool vhost_user_backend_turn(struct vhost_user_backend *backend)
{
	struct err err = ERR_INIT;
	int r = take_message(backend, &err);

	if (r > 0)
		return true;
	vhost_user_backend_close(backend);
	backend->ops->gone(backend, r < 0 ? &err : NULL);
	return false;
}

static void socket_ready(struct loop *loop, struct loop_source *source, uint32_t epoll_events)
{
	(void)loop;
	(void)epoll_events;
	(void)vhost_user_backend_turn(CONTAINER_OF(source, struct vhost_user_backend, socket));
}

int vhost_user_backend_open(struct vhost_user_backend *backend, const struct vhost_user_ops *ops, int socket_fd,
			    struct loop *loop, struct err *err)
{
	int r;

	memset(backend, 0, sizeof(*backend));
	backend->ops = ops;
	backend->loop = loop;
	backend->memory = GUEST_MEMORY_NONE;
	backend->socket = (struct loop_source){.fd = socket_fd, .ready = socket_ready};
	for (unsigned i = 0; i < VHOST_USER_MAX_QUEUES; i++) {
		struct vhost_user_queue *at = &backend->queues[i];

		at->backend = backend;
		at->error_fd = at->interrupt.fd = -1;
		at->kick = (struct loop_source){.fd = -1, .ready = vhost_user_kicked};
		at->queue = (struct virtqueue){.max_size = MAX_SLOTS,
					       .memory = &backend->memory,
					       .interrupt = &at->interrupt};
	}
	r = vhost_user_set_patience(socket_fd, VHOST_USER_PATIENCE_MS, err);
	if (r == 0)
		r = loop_watch(loop, &backend->socket, EPOLLIN, err);
	if (r < 0)
		vhost_user_backend_close(backend);
	return r;
}

void vhost_user_backend_close(struct vhost_user_backend *backend)
{
	for (unsigned i = 0; i < VHOST_USER_MAX_QUEUES; i++) {
		struct vhost_user_queue *at = &backend->queues[i];

		vhost_user_halt(at);
		scope_fd(&at->kick.fd);
		scope_fd(&at->interrupt.fd);
		scope_fd(&at->error_fd);
		at->kick.fd = at->interrupt.fd = at->error_fd = -1;
	}
	vhost_user_unmap(backend);
	loop_forget(backend->loop, &backend->socket);
	scope_fd(&backend->socket.fd);
	backend->socket.fd = -1;
}
