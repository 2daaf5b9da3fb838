/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/virtio_mmio.h"

#include <errno.h>
#include <linux/virtio_mmio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "runtime/base/scope.h"

#define MAGIC	  0x74726976U /* "virt" */
#define VERSION	  2U
#define VENDOR	  0x4c4c5548U /* "HULL" */
#define NO_SHM	  0xffffffffU /* length and base of a shared memory region that is not there */
#define TWO_WORDS 2U	      /* of 32 bits: so many feature bits there are */

/* Status bits that a driver may set; NEEDS_RESET is the device's. */
#define DRIVERS_STATUS                                                                      \
	(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_DRIVER_OK | \
	 VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_FAILED)

struct virtio_mmio_kick {
	struct virtio_source source;
	unsigned queue;
	int fd;	      /* an eventfd, from the first activation with this queue on; else -1 */
	bool noticed; /* the hypervisor writes to it */
};

int virtio_mmio_open(struct virtio_mmio *mmio, struct virtio_device *device, struct hv *hv, uint64_t gpa, unsigned gsi,
		     struct err *err)
{
	unsigned count = device->queue_count;

	*mmio = (struct virtio_mmio){.device = device, .hv = hv, .gpa = gpa, .gsi = gsi};
	mmio->kicks = calloc(count, sizeof(*mmio->kicks));
	device->kick_fds = calloc(count, sizeof(*device->kick_fds));
	if (!mmio->kicks || !device->kick_fds) {
		virtio_mmio_close(mmio);
		return err_set(err, ENOMEM, "device '%s'", device->ops->name);
	}
	for (unsigned i = 0; i < count; i++) {
		mmio->kicks[i].queue = i;
		mmio->kicks[i].fd = device->kick_fds[i] = -1;
	}
	return 0;
}

void virtio_mmio_close(struct virtio_mmio *mmio)
{
	struct virtio_device *device = mmio->device;

	for (unsigned i = 0; mmio->kicks && i < device->queue_count; i++) {
		virtio_forget(&mmio->kicks[i].source);
		scope_fd(&mmio->kicks[i].fd);
	}
	scope_fd(&device->interrupt.fd);
	device->interrupt.fd = -1;
	free(mmio->kicks);
	free(device->kick_fds);
	mmio->kicks = NULL;
	device->kick_fds = NULL;
}

/* --- activation and reset ----------------------------------------------------------------------------------------- */

static void kicked(struct virtio_device *device, struct virtio_source *source, uint32_t epoll_events)
{
	struct virtio_mmio_kick *kick = CONTAINER_OF(source, struct virtio_mmio_kick, source);
	uint64_t times;

	(void)epoll_events;
	if (read(kick->fd, &times, sizeof(times)) != (ssize_t)sizeof(times) || !device->active)
		return;
	device->ops->kick(device, kick->queue);
}

static int eventfd_make(int *fd, struct err *err)
{
	if (*fd < 0)
		*fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return *fd < 0 ? err_set(err, errno, "make an eventfd") : 0;
}

static int line_make(struct virtio_mmio *mmio, struct err *err)
{
	struct vq_interrupt *interrupt = &mmio->device->interrupt;
	int r = eventfd_make(&interrupt->fd, err);

	if (r < 0 || mmio->line_made)
		return r;
	r = mmio->hv->ops->irq(mmio->hv, mmio->gsi, interrupt->fd, true, err);
	mmio->line_made = r == 0;
	return r;
}

static int kick_make(struct virtio_mmio *mmio, struct virtio_mmio_kick *kick, struct err *err)
{
	struct virtio_device *device = mmio->device;
	int r = eventfd_make(&kick->fd, err);

	if (r < 0)
		return r;
	if (!kick->noticed) {
		struct hv_notify notify = {
			.gpa = mmio->gpa + VIRTIO_MMIO_QUEUE_NOTIFY,
			.bytes = 4,
			.match = true,
			.value = kick->queue,
			.fd = kick->fd,
		};

		r = mmio->hv->ops->notify(mmio->hv, &notify, true, err);
		if (r < 0)
			return r;
		kick->noticed = true;
	}
	device->kick_fds[kick->queue] = kick->fd;
	return device->ops->served_elsewhere ? 0 : virtio_watch(device, &kick->source, kick->fd, kicked, EPOLLIN, err);
}

static int activate(struct virtio_mmio *mmio, struct err *err)
{
	struct virtio_device *device = mmio->device;
	int r = line_make(mmio, err);

	for (unsigned i = 0; r >= 0 && i < device->queue_count; i++)
		if (device->queues[i].ready)
			r = kick_make(mmio, &mmio->kicks[i], err);
	if (r < 0)
		return r;
	device->active = true;
	r = device->ops->activate ? device->ops->activate(device, err) : 0;
	device->active = r >= 0;
	return r;
}

static void driver_ok(struct virtio_mmio *mmio)
{
	struct err err = ERR_INIT;

	mmio->device->status |= VIRTIO_CONFIG_S_DRIVER_OK;
	if (activate(mmio, &err) < 0)
		virtio_needs_reset(mmio->device);
}

static void reset(struct virtio_mmio *mmio)
{
	struct virtio_device *device = mmio->device;

	for (unsigned i = 0; i < device->queue_count; i++) {
		virtio_forget(&mmio->kicks[i].source);
		device->kick_fds[i] = -1;
	}
	/* What is in flight ends here, before the queues are forgotten. */
	device->ops->reset(device);
	device->active = false;
	for (unsigned i = 0; i < device->queue_count; i++)
		vq_reset(&device->queues[i]);
	device->status = 0;
	device->features = 0;
	__atomic_store_n(&device->interrupt.status, 0, __ATOMIC_SEQ_CST);
	mmio->device_features_select = mmio->driver_features_select = mmio->queue_select = 0;
	mmio->driver_features = 0;
}

/*
 * Whether the device takes what the driver has chosen; without VIRTIO_F_VERSION_1 it would be a driver of another
 * standard.
 */
static bool features_accepted(const struct virtio_mmio *mmio)
{
	return (mmio->driver_features & ~mmio->device->offered) == 0 &&
	       (mmio->driver_features & VIRTIO_BIT(VIRTIO_F_VERSION_1)) != 0;
}

static void status_write(struct virtio_mmio *mmio, uint32_t value)
{
	struct virtio_device *device = mmio->device;
	uint32_t added = value & DRIVERS_STATUS & ~(uint32_t)device->status;

	if (value == 0) {
		reset(mmio);
		return;
	}
	device->status |=
		(uint8_t)(added & (VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FAILED));
	if ((added & VIRTIO_CONFIG_S_FEATURES_OK) && (device->status & VIRTIO_CONFIG_S_DRIVER) &&
	    features_accepted(mmio)) {
		device->features = mmio->driver_features;
		device->status |= VIRTIO_CONFIG_S_FEATURES_OK;
	}
	if ((added & VIRTIO_CONFIG_S_DRIVER_OK) && (device->status & VIRTIO_CONFIG_S_FEATURES_OK) &&
	    !(device->status & (VIRTIO_CONFIG_S_NEEDS_RESET | VIRTIO_CONFIG_S_FAILED)))
		driver_ok(mmio);
}

/* --- registers ---------------------------------------------------------------------------------------------------- */

static struct virtqueue *selected(const struct virtio_mmio *mmio)
{
	return mmio->queue_select < mmio->device->queue_count ? &mmio->device->queues[mmio->queue_select] : NULL;
}

static uint32_t word_of(uint64_t value, uint32_t select)
{
	return select < TWO_WORDS ? (uint32_t)(value >> (32 * select)) : 0;
}

static uint32_t interrupt_status(const struct virtio_mmio *mmio)
{
	const struct virtio_device *device = mmio->device;
	uint32_t status = __atomic_load_n(&device->interrupt.status, __ATOMIC_SEQ_CST);

	return device->ops->served_elsewhere ? status | VQ_INTERRUPT_USED : status;
}

static uint32_t register_read(const struct virtio_mmio *mmio, uint32_t offset)
{
	const struct virtio_device *device = mmio->device;
	const struct virtqueue *queue = selected(mmio);

	switch (offset) {
	case VIRTIO_MMIO_MAGIC_VALUE:
		return MAGIC;
	case VIRTIO_MMIO_VERSION:
		return VERSION;
	case VIRTIO_MMIO_DEVICE_ID:
		return device->ops->id;
	case VIRTIO_MMIO_VENDOR_ID:
		return VENDOR;
	case VIRTIO_MMIO_DEVICE_FEATURES:
		return word_of(device->offered, mmio->device_features_select);
	case VIRTIO_MMIO_QUEUE_NUM_MAX:
		return queue ? queue->max_size : 0;
	case VIRTIO_MMIO_QUEUE_READY:
		return queue ? queue->ready : 0;
	case VIRTIO_MMIO_INTERRUPT_STATUS:
		return interrupt_status(mmio);
	case VIRTIO_MMIO_STATUS:
		return device->status;
	case VIRTIO_MMIO_CONFIG_GENERATION:
		return device->config_generation;
	case VIRTIO_MMIO_SHM_LEN_LOW:
	case VIRTIO_MMIO_SHM_LEN_HIGH:
	case VIRTIO_MMIO_SHM_BASE_LOW:
	case VIRTIO_MMIO_SHM_BASE_HIGH:
		return NO_SHM;
	default:
		return 0;
	}
}

static void set_low(uint64_t *value, uint32_t word)
{
	*value = (*value & ~(uint64_t)UINT32_MAX) | word;
}

static void set_high(uint64_t *value, uint32_t word)
{
	*value = (*value & UINT32_MAX) | (uint64_t)word << 32;
}

static void queue_write(struct virtio_mmio *mmio, uint32_t offset, uint32_t value)
{
	struct virtqueue *queue = selected(mmio);
	uint8_t stage = mmio->device->status & (VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK);

	/* Without VIRTIO_F_RING_RESET a queue, once ready, stays so until the device is reset. */
	if (!queue || queue->ready || stage != VIRTIO_CONFIG_S_FEATURES_OK)
		return;
	switch (offset) {
	case VIRTIO_MMIO_QUEUE_NUM:
		queue->size = value > UINT16_MAX ? 0 : (uint16_t)value;
		break;
	case VIRTIO_MMIO_QUEUE_DESC_LOW:
		set_low(&queue->descriptors_gpa, value);
		break;
	case VIRTIO_MMIO_QUEUE_DESC_HIGH:
		set_high(&queue->descriptors_gpa, value);
		break;
	case VIRTIO_MMIO_QUEUE_AVAIL_LOW:
		set_low(&queue->available_gpa, value);
		break;
	case VIRTIO_MMIO_QUEUE_AVAIL_HIGH:
		set_high(&queue->available_gpa, value);
		break;
	case VIRTIO_MMIO_QUEUE_USED_LOW:
		set_low(&queue->used_gpa, value);
		break;
	case VIRTIO_MMIO_QUEUE_USED_HIGH:
		set_high(&queue->used_gpa, value);
		break;
	case VIRTIO_MMIO_QUEUE_READY:
		if (value == 1 && vq_enable(queue, mmio->device->features) < 0)
			virtio_needs_reset(mmio->device);
		break;
	default:
		break;
	}
}

static void notify_write(const struct virtio_mmio *mmio, uint32_t queue)
{
	uint64_t one = 1;

	/*
	 * The hypervisor takes these by itself; one comes here only when it was on its way while the device was
	 * activated.
	 */
	if (queue < mmio->device->queue_count && mmio->device->kick_fds[queue] >= 0)
		(void)!write(mmio->device->kick_fds[queue], &one, sizeof(one));
}

static void register_write(struct virtio_mmio *mmio, uint32_t offset, uint32_t value)
{
	bool choosing = (mmio->device->status & (VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK)) ==
			VIRTIO_CONFIG_S_DRIVER;

	switch (offset) {
	case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
		mmio->device_features_select = value;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES_SEL:
		mmio->driver_features_select = value;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES:
		if (choosing && mmio->driver_features_select < TWO_WORDS)
			(mmio->driver_features_select ? set_high : set_low)(&mmio->driver_features, value);
		break;
	case VIRTIO_MMIO_QUEUE_SEL:
		mmio->queue_select = value;
		break;
	case VIRTIO_MMIO_QUEUE_NOTIFY:
		notify_write(mmio, value);
		break;
	case VIRTIO_MMIO_STATUS:
		status_write(mmio, value);
		break;
	default:
		queue_write(mmio, offset, value);
		break;
	}
}

/* --- a vCPU's access ---------------------------------------------------------------------------------------------- */

static bool is_register(uint64_t offset, uint32_t bytes)
{
	return offset < VIRTIO_MMIO_CONFIG && bytes == 4;
}

static bool is_config(uint64_t offset, uint32_t bytes)
{
	return offset >= VIRTIO_MMIO_CONFIG && offset <= UINT32_MAX && bytes <= 8;
}

void virtio_mmio_read(struct virtio_mmio *mmio, uint64_t offset, void *to, uint32_t bytes)
{
	struct virtio_device *device = mmio->device;
	uint32_t value = 0;

	memset(to, 0, bytes);
	if (is_register(offset, bytes) && offset == VIRTIO_MMIO_INTERRUPT_STATUS) {
		/* At every interrupt: without the lock, which the loop may hold for as long as a request takes. */
		value = interrupt_status(mmio);
		memcpy(to, &value, sizeof(value));
		return;
	}
	(void)pthread_mutex_lock(&device->lock);
	if (is_register(offset, bytes)) {
		value = register_read(mmio, (uint32_t)offset);
		memcpy(to, &value, sizeof(value));
	} else if (is_config(offset, bytes) && device->ops->config_read) {
		device->ops->config_read(device, (uint32_t)(offset - VIRTIO_MMIO_CONFIG), to, bytes);
	}
	(void)pthread_mutex_unlock(&device->lock);
}

void virtio_mmio_write(struct virtio_mmio *mmio, uint64_t offset, const void *from, uint32_t bytes)
{
	struct virtio_device *device = mmio->device;
	uint32_t value = 0;

	if (is_register(offset, bytes))
		memcpy(&value, from, sizeof(value));
	if (is_register(offset, bytes) && offset == VIRTIO_MMIO_INTERRUPT_ACK) {
		(void)__atomic_fetch_and(&device->interrupt.status, ~value, __ATOMIC_SEQ_CST);
		return;
	}
	(void)pthread_mutex_lock(&device->lock);
	if (is_register(offset, bytes))
		register_write(mmio, (uint32_t)offset, value);
	else if (is_config(offset, bytes) && device->ops->config_write)
		device->ops->config_write(device, (uint32_t)(offset - VIRTIO_MMIO_CONFIG), from, bytes);
	(void)pthread_mutex_unlock(&device->lock);
}
