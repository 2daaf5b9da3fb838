/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/nic.h"

#include <errno.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/scope.h"

#define HEADER_BYTES sizeof(struct virtio_net_hdr_mrg_rxbuf)
/* The largest frame that comes with segmentation left to the guest, and its header in front. */
#define FRAME_BYTES (65550U + HEADER_BYTES)
/* Frames in a turn: then other sources of the loop have theirs. */
#define TURN 32

#define FEATURES                                                                                                       \
	(VIRTIO_BIT(VIRTIO_NET_F_CSUM) | VIRTIO_BIT(VIRTIO_NET_F_GUEST_CSUM) | VIRTIO_BIT(VIRTIO_NET_F_MAC) |          \
	 VIRTIO_BIT(VIRTIO_NET_F_GUEST_TSO4) | VIRTIO_BIT(VIRTIO_NET_F_GUEST_TSO6) |                                   \
	 VIRTIO_BIT(VIRTIO_NET_F_GUEST_ECN) | VIRTIO_BIT(VIRTIO_NET_F_HOST_TSO4) |                                     \
	 VIRTIO_BIT(VIRTIO_NET_F_HOST_TSO6) | VIRTIO_BIT(VIRTIO_NET_F_HOST_ECN) | VIRTIO_BIT(VIRTIO_NET_F_MRG_RXBUF) | \
	 VIRTIO_BIT(VIRTIO_NET_F_STATUS))

/* A frame of the tap's, and the buffers that it went into so far: it is the guest's when there are enough of them. */
struct nic_frame {
	size_t bytes; /* 0: there is none */
	size_t copied;
	unsigned count;
	struct {
		uint16_t head;
		uint32_t bytes;
	} buffers[VQ_MAX_SIZE];
	struct vq_chain first; /* its header says how many there are */
	uint8_t data[FRAME_BYTES];
};

static struct nic *nic_of(struct virtio_device *device)
{
	return (struct nic *)(void *)device;
}

/* --- to the guest ------------------------------------------------------------------------------------------------- */

/* Its buffers go back to where they were: nothing of this queue was given to the guest in between. */
static void drop_frame(struct nic *nic)
{
	struct nic_frame *frame = nic->frame;

	for (; frame->count > 0; frame->count--)
		vq_unpop(&nic->queues[NIC_RX]);
	frame->bytes = 0;
	nic->dropped++;
}

static void give_frame(struct nic *nic)
{
	struct nic_frame *frame = nic->frame;
	uint16_t count = (uint16_t)frame->count;

	vq_chain_write(&frame->first, offsetof(struct virtio_net_hdr_mrg_rxbuf, num_buffers), &count, sizeof(count));
	for (unsigned i = 0; i < frame->count; i++)
		vq_push(&nic->queues[NIC_RX], frame->buffers[i].head, frame->buffers[i].bytes);
	frame->bytes = 0;
}

/* Copies into the next buffer. False: there is none now. */
static bool fill_buffer(struct nic *nic)
{
	struct nic_frame *frame = nic->frame;
	struct vq_chain next, *chain = frame->count == 0 ? &frame->first : &next;
	size_t written;

	if (!virtio_pop(&nic->device, NIC_RX, chain))
		return false;
	if (frame->count == 0 && chain->writable_bytes < HEADER_BYTES) {
		virtio_break(&nic->device, NIC_RX, "a buffer too small for a frame's header");
		return false;
	}
	written = vq_chain_write(chain, 0, frame->data + frame->copied, frame->bytes - frame->copied);
	frame->buffers[frame->count].head = chain->head;
	frame->buffers[frame->count++].bytes = (uint32_t)written;
	frame->copied += written;
	return true;
}

/* True: there is room for another frame. False: this one waits for buffers. */
static bool deliver(struct nic *nic)
{
	struct nic_frame *frame = nic->frame;
	unsigned most = virtio_has(&nic->device, VIRTIO_NET_F_MRG_RXBUF) ? nic->queues[NIC_RX].size : 1;

	while (frame->bytes > frame->copied) {
		/* All of its buffers together are too small. */
		if (frame->count == most) {
			drop_frame(nic);
			return true;
		}
		if (!fill_buffer(nic))
			return false;
	}
	give_frame(nic);
	return true;
}

/* True: there is a frame to deliver. */
static bool read_frame(struct nic *nic)
{
	struct nic_frame *frame = nic->frame;
	ssize_t n = read(nic->tap_fd, frame->data, sizeof(frame->data));

	if (n <= (ssize_t)HEADER_BYTES)
		return false;
	frame->bytes = (size_t)n;
	frame->copied = 0;
	frame->count = 0;
	return true;
}

static void tap_ready(struct virtio_device *device, struct virtio_source *source, uint32_t epoll_events);

/* Asks the tap for what can be dealt with. */
static void watch_tap(struct nic *nic)
{
	uint32_t events = (nic->starved ? 0 : EPOLLIN) | (nic->blocked ? EPOLLOUT : 0);
	struct err err = ERR_INIT;

	if (virtio_watch(&nic->device, &nic->tap, nic->tap_fd, tap_ready, events, &err) < 0)
		virtio_needs_reset(&nic->device);
}

/* From the tap to the guest, until one of the two has no more. A guest without buffers kicks when it has some. */
static void receive(struct nic *nic)
{
	struct virtqueue *queue = &nic->queues[NIC_RX];

	nic->starved = false;
	vq_kicks_off(queue);
	for (int i = 0; i < TURN && !nic->starved; i++) {
		if (nic->frame->bytes == 0 && !read_frame(nic))
			break;
		nic->starved = !deliver(nic) && (!vq_kicks_on(queue) || !deliver(nic));
	}
	vq_notify(queue);
}

/* --- from the guest ----------------------------------------------------------------------------------------------- */

static bool send_frame(struct virtio_device *device, struct virtqueue *queue, const struct vq_chain *chain)
{
	struct nic *nic = nic_of(device);

	if (chain->readable_bytes < HEADER_BYTES) {
		virtio_break(device, NIC_TX, "a frame without a whole header");
		return true;
	}
	if (writev(nic->tap_fd, vq_readable(chain), chain->readable_count) < 0) {
		nic->blocked = errno == EAGAIN;
		if (nic->blocked)
			return false;
		/* A header that makes no sense, or an interface that is down. */
		nic->dropped++;
	}
	vq_push(queue, chain->head, 0);
	return true;
}

static void tap_ready(struct virtio_device *device, struct virtio_source *source, uint32_t epoll_events)
{
	struct nic *nic = nic_of(device);

	/* The interface was deleted: there is no network any more, and nothing to ask. */
	if (epoll_events & EPOLLERR) {
		virtio_forget(source);
		return;
	}
	if (epoll_events & EPOLLOUT) {
		nic->blocked = false;
		virtio_serve(device, NIC_TX, send_frame);
	}
	if (epoll_events & EPOLLIN)
		receive(nic);
	watch_tap(nic);
}

/* --- the device --------------------------------------------------------------------------------------------------- */

/* What the guest can do with frames that the host has not finished. */
static unsigned offloads(const struct virtio_device *device)
{
	static const struct {
		unsigned feature, offload;
	} table[] = {
		{VIRTIO_NET_F_GUEST_TSO4, TUN_F_TSO4},
		{VIRTIO_NET_F_GUEST_TSO6, TUN_F_TSO6},
		{VIRTIO_NET_F_GUEST_ECN, TUN_F_TSO_ECN},
	};
	unsigned found = 0;

	/* The others build on it (5.1.3.1). */
	if (!virtio_has(device, VIRTIO_NET_F_GUEST_CSUM))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (virtio_has(device, table[i].feature))
			found |= table[i].offload;
	return found | TUN_F_CSUM;
}

int nic_set_offloads(const struct nic *nic, struct err *err)
{
	if (ioctl(nic->tap_fd, TUNSETOFFLOAD, (unsigned long)offloads(&nic->device)) < 0)
		return err_set(err, errno, "network device: set the tap's offloads");
	return 0;
}

static int activate(struct virtio_device *device, struct err *err)
{
	struct nic *nic = nic_of(device);
	int r = nic_set_offloads(nic, err);

	if (r < 0)
		return r;
	nic->starved = nic->blocked = false;
	watch_tap(nic);
	return 0;
}

static void reset(struct virtio_device *device)
{
	struct nic *nic = nic_of(device);

	virtio_forget(&nic->tap);
	if (nic->frame)
		nic->frame->bytes = 0;
}

static void kick(struct virtio_device *device, unsigned queue)
{
	struct nic *nic = nic_of(device);

	/* Frames that wait for the tap go when that takes some. */
	if (queue == NIC_TX && nic->blocked)
		return;
	if (queue == NIC_TX)
		virtio_serve(device, NIC_TX, send_frame);
	else
		receive(nic);
	watch_tap(nic);
}

void nic_config_read(struct virtio_device *device, uint32_t offset, void *to, size_t len)
{
	const struct nic *nic = nic_of(device);

	virtio_config_copy(&nic->config, sizeof(nic->config), offset, to, len);
}

static const struct virtio_ops ops = {
	.id = VIRTIO_ID_NET,
	.name = "net",
	.queues = NIC_QUEUES,
	.queue_size = VQ_MAX_SIZE,
	.features = FEATURES,
	.activate = activate,
	.reset = reset,
	.kick = kick,
	.config_read = nic_config_read,
};

static int prepare_tap(const struct nic *nic, struct err *err)
{
	struct ifreq request = {0};
	int header_bytes = (int)HEADER_BYTES;

	if (ioctl(nic->tap_fd, TUNGETIFF, &request) < 0)
		return err_set(err, errno, "network device: its descriptor is no tap");
	if ((request.ifr_flags & (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR)) != (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR))
		return err_say(err, EINVAL, "network device: '%s' is no tap with headers", request.ifr_name);
	if (ioctl(nic->tap_fd, TUNSETVNETHDRSZ, &header_bytes) < 0)
		return err_set(err, errno, "network device: set the size of the tap's headers");
	return fd_set_nonblock(nic->tap_fd, true) < 0 ? err_set(err, errno, "network device") : 0;
}

int nic_open(struct nic *nic, int tap_fd, const uint8_t mac[static 6], struct loop *loop,
	     const struct guest_memory *memory, struct err *err)
{
	int r;

	*nic = (struct nic){.tap_fd = tap_fd, .vhost_fd = -1, .config = {.status = VIRTIO_NET_S_LINK_UP}};
	memcpy(nic->config.mac, mac, sizeof(nic->config.mac));
	virtio_device_init(&nic->device, &ops, nic->queues, loop, memory);
	r = prepare_tap(nic, err);
	nic->frame = r == 0 ? malloc(sizeof(*nic->frame)) : NULL;
	if (r == 0 && !nic->frame)
		r = err_set(err, ENOMEM, "network device");
	if (r < 0) {
		nic_close(nic);
		return r;
	}
	nic->frame->bytes = 0;
	return 0;
}

void nic_close(struct nic *nic)
{
	virtio_device_close(&nic->device);
	free(PTR_TAKE(nic->frame));
	scope_fd(&nic->vhost_fd);
	scope_fd(&nic->tap_fd);
	nic->tap_fd = nic->vhost_fd = -1;
}
