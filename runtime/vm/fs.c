/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/fs.h"

#include <errno.h>
#include <linux/virtio_fs.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/scope.h"
#include "runtime/vm/memory.h"
#include "runtime/vm/vhost_user.h"

#define PROTOCOL_FEATURES (VIRTIO_BIT(VHOST_USER_PROTOCOL_F_MQ) | VIRTIO_BIT(VHOST_USER_PROTOCOL_F_REPLY_ACK))

static struct fs_device *fs_of(struct virtio_device *device)
{
	return (struct fs_device *)(void *)device;
}

static struct vhost_user_message message_of(enum vhost_user_request request, uint32_t bytes)
{
	return (struct vhost_user_message){
		.header = {.request = request, .flags = VHOST_USER_VERSION, .bytes = bytes},
	};
}

/* A late answer would be taken for that to another question: there is none any more. */
static int give_up(const struct fs_device *fs, int result, struct err *err)
{
	struct err silence = ERR_INIT;

	if (result != -ETIMEDOUT)
		return result;
	(void)shutdown(fs->socket_fd, SHUT_RDWR);
	(void)err_say(&silence, ETIMEDOUT, "the server of its volumes does not answer");
	if (fs->silent)
		fs->silent(fs->user, &silence);
	*err = silence;
	return result;
}

static int tell(const struct fs_device *fs, const struct vhost_user_message *message, struct err *err)
{
	return give_up(fs, vhost_user_send(fs->socket_fd, message, err), err);
}

static int tell_number(const struct fs_device *fs, enum vhost_user_request request, uint64_t number, struct err *err)
{
	struct vhost_user_message message = message_of(request, sizeof(number));

	message.payload.number = number;
	return tell(fs, &message, err);
}

static int tell_fd(const struct fs_device *fs, enum vhost_user_request request, unsigned queue, int fd, struct err *err)
{
	struct vhost_user_message message = message_of(request, sizeof(message.payload.number));

	message.payload.number = queue;
	message.fds[message.fd_count++] = fd;
	return tell(fs, &message, err);
}

static int tell_vring(const struct fs_device *fs, enum vhost_user_request request, unsigned queue, uint32_t value,
		      struct err *err)
{
	struct vhost_user_message message = message_of(request, sizeof(message.payload.vring));

	message.payload.vring = (struct vhost_user_vring){.index = queue, .value = value};
	return tell(fs, &message, err);
}

/* Sends it and waits for its reply, which replaces it. */
static int ask(const struct fs_device *fs, struct vhost_user_message *message, struct err *err)
{
	uint32_t request = message->header.request;
	int r = tell(fs, message, err);

	if (r < 0)
		return r;
	r = give_up(fs, vhost_user_receive(fs->socket_fd, message, err), err);
	if (r == 0)
		return err_say(err, ECONNRESET, "the server of shared directories has ended");
	if (r < 0)
		return r;
	vhost_user_drop(message);
	if (message->header.request != request || !(message->header.flags & VHOST_USER_IS_REPLY) ||
	    message->header.bytes < sizeof(message->payload.number))
		return err_say(err, EPROTO, "vhost-user request %u got another one's reply", request);
	return 0;
}

static int ask_number(const struct fs_device *fs, enum vhost_user_request request, uint64_t *ret, struct err *err)
{
	struct vhost_user_message message = message_of(request, 0);
	int r = ask(fs, &message, err);

	*ret = message.payload.number;
	return r;
}

/* The table of guest memory. Rings are named by guest-physical addresses, too: this end has no others. */
static int tell_memory(const struct fs_device *fs, struct err *err)
{
	const struct guest_memory *memory = fs->device.memory;
	struct vhost_user_message message = message_of(VHOST_USER_SET_MEM_TABLE, sizeof(message.payload.memory));
	struct vhost_user_memory *table = &message.payload.memory;

	for (unsigned i = 0; i < memory->region_count && i < VHOST_USER_MAX_REGIONS; i++) {
		const struct guest_region *region = &memory->regions[i];

		table->regions[table->count++] = (struct vhost_user_region){
			.gpa = region->gpa,
			.bytes = region->bytes,
			.front_address = region->gpa,
			.file_offset = region->file_offset,
		};
		message.fds[message.fd_count++] = memory->fd;
	}
	return tell(fs, &message, err);
}

static int tell_queue(const struct fs_device *fs, unsigned index, struct err *err)
{
	const struct virtqueue *queue = &fs->device.queues[index];
	struct vhost_user_message addresses =
		message_of(VHOST_USER_SET_VRING_ADDR, sizeof(addresses.payload.addresses));
	int r;

	addresses.payload.addresses = (struct vhost_user_vring_addresses){
		.index = index,
		.descriptors = queue->descriptors_gpa,
		.available = queue->available_gpa,
		.used = queue->used_gpa,
	};
	r = tell_vring(fs, VHOST_USER_SET_VRING_NUM, index, queue->size, err);
	if (r == 0)
		r = tell_vring(fs, VHOST_USER_SET_VRING_BASE, index, 0, err);
	if (r == 0)
		r = tell(fs, &addresses, err);
	if (r == 0)
		r = tell_fd(fs, VHOST_USER_SET_VRING_KICK, index, fs->device.kick_fds[index], err);
	if (r == 0)
		r = tell_fd(fs, VHOST_USER_SET_VRING_CALL, index, fs->device.interrupt.fd, err);
	return r;
}

/* The last of the messages is asked to be acknowledged: all before it were taken then. */
static int enable_queue(const struct fs_device *fs, unsigned index, struct err *err)
{
	struct vhost_user_message message = message_of(VHOST_USER_SET_VRING_ENABLE, sizeof(message.payload.vring));
	int r;

	message.payload.vring = (struct vhost_user_vring){.index = index, .value = 1};
	message.header.flags |= VHOST_USER_NEED_REPLY;
	r = ask(fs, &message, err);
	if (r == 0 && message.payload.number != 0)
		r = err_say(err, EPROTO, "the server of shared directories cannot serve queue %u", index);
	return r;
}

static void server_gone(struct virtio_device *device, struct virtio_source *source, uint32_t epoll_events)
{
	(void)epoll_events;
	virtio_forget(source);
	virtio_needs_reset(device);
}

static int activate(struct virtio_device *device, struct err *err)
{
	struct fs_device *fs = fs_of(device);
	int r = tell_number(fs, VHOST_USER_SET_FEATURES, device->features | VIRTIO_BIT(VHOST_USER_F_PROTOCOL_FEATURES),
			    err);

	if (r == 0)
		r = tell_memory(fs, err);
	for (unsigned i = 0; i < device->queue_count && r == 0; i++) {
		if (!device->queues[i].ready)
			continue;
		fs->running |= 1U << i;
		r = tell_queue(fs, i, err);
		if (r == 0)
			r = enable_queue(fs, i, err);
	}
	if (r == 0)
		r = virtio_watch(device, &fs->gone, fs->socket_fd, server_gone, EPOLLRDHUP, err);
	return r;
}

/*
 * Each queue's last chain has been given back when its base is told. Where the server is gone, nobody touches them
 * anyway.
 */
static void reset(struct virtio_device *device)
{
	struct fs_device *fs = fs_of(device);

	virtio_forget(&fs->gone);
	for (unsigned i = 0; i < FS_QUEUES; i++) {
		struct vhost_user_message message =
			message_of(VHOST_USER_GET_VRING_BASE, sizeof(message.payload.vring));
		struct err err = ERR_INIT;

		message.payload.vring.index = i;
		if (fs->running & 1U << i)
			(void)ask(fs, &message, &err);
	}
	fs->running = 0;
}

static void kick(struct virtio_device *device, unsigned queue)
{
	(void)device;
	(void)queue;
}

static void config_read(struct virtio_device *device, uint32_t offset, void *to, size_t len)
{
	struct virtio_fs_config config = {.num_request_queues = FS_QUEUES - 1};

	/* Up to its end, with no NUL where it is that long. */
	memcpy(config.tag, fs_of(device)->tag, sizeof(config.tag));
	virtio_config_copy(&config, sizeof(config), offset, to, len);
}

static const struct virtio_ops ops = {
	.id = VIRTIO_ID_FS,
	.name = "fs",
	.queues = FS_QUEUES,
	.queue_size = VQ_MAX_SIZE,
	.served_elsewhere = true,
	.activate = activate,
	.reset = reset,
	.kick = kick,
	.config_read = config_read,
};

static int greet(struct fs_device *fs, struct err *err)
{
	uint64_t features = 0, protocol = 0;
	int r = tell(fs, &(struct vhost_user_message){.header = {VHOST_USER_SET_OWNER, VHOST_USER_VERSION, 0}}, err);

	if (r == 0)
		r = ask_number(fs, VHOST_USER_GET_FEATURES, &features, err);
	if (r == 0)
		r = ask_number(fs, VHOST_USER_GET_PROTOCOL_FEATURES, &protocol, err);
	if (r < 0)
		return r;
	if (!(features & VIRTIO_BIT(VHOST_USER_F_PROTOCOL_FEATURES)) ||
	    (protocol & PROTOCOL_FEATURES) != PROTOCOL_FEATURES)
		return err_say(err, EPROTO, "the server of shared directories cannot acknowledge messages");
	fs->device.offered &= features;
	return tell_number(fs, VHOST_USER_SET_PROTOCOL_FEATURES, PROTOCOL_FEATURES, err);
}

int fs_device_open(struct fs_device *fs, const struct fs_device_config *config, struct loop *loop,
		   const struct guest_memory *memory, struct err *err)
{
	size_t len = strlen(config->tag);
	int r = 0;

	*fs = (struct fs_device){.socket_fd = config->socket_fd, .silent = config->silent, .user = config->user};
	virtio_device_init(&fs->device, &ops, fs->queues, loop, memory);
	if (len == 0 || len > FS_TAG_BYTES)
		r = err_say(err, EINVAL, "a shared directory's tag '%s': want 1 to %d bytes", config->tag,
			    FS_TAG_BYTES);
	if (r == 0)
		r = vhost_user_set_patience(fs->socket_fd, config->patience_ms ?: VHOST_USER_PATIENCE_MS, err);
	if (r == 0)
		r = greet(fs, err);
	if (r < 0) {
		fs_device_close(fs);
		return r;
	}
	memcpy(fs->tag, config->tag, len);
	return 0;
}

void fs_device_close(struct fs_device *fs)
{
	virtio_device_close(&fs->device);
	scope_fd(&fs->socket_fd);
	fs->socket_fd = -1;
}
