/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/balloon.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime/vm/memory.h"

#define QUEUE_SIZE  128U
#define PAGE_NUMBER (1U << VIRTIO_BALLOON_PFN_SHIFT) /* pages are numbered by 4 KiB, whatever the guest's are */
/* Page numbers of one request; drivers send 256. Each may cost a system call. */
#define MAX_NUMBERS 1024U
#define MAX_STATS   64U

static struct balloon *balloon_of(struct virtio_device *device)
{
	return (struct balloon *)(void *)device;
}

/* What a queue is for: drivers number those that were negotiated, without gaps. */
enum role { ROLE_INFLATE, ROLE_DEFLATE, ROLE_STATS, ROLE_REPORTING };

static enum role role_of(const struct virtio_device *device, unsigned queue)
{
	if (queue >= ROLE_STATS && !virtio_has(device, VIRTIO_BALLOON_F_STATS_VQ))
		queue++;
	return (enum role)queue;
}

/*
 * Gives whole pages back: where the memory is a file's, its hole is what frees them; else the mapping is emptied. They
 * read as zeroes when they are touched again.
 */
static void discard(struct balloon *balloon, uint8_t *host, uint64_t bytes)
{
	int advice = balloon->device.memory->fd >= 0 ? MADV_REMOVE : MADV_DONTNEED;

	if (bytes > 0 && madvise(host, bytes, advice) == 0)
		balloon->returned_bytes += bytes;
}

/* --- inflate and deflate (5.5.6) ---------------------------------------------------------------------------------- */

/* Pages in a row are given back at once. */
struct run {
	uint64_t first; /* page number */
	uint64_t count;
};

static void run_end(struct balloon *balloon, struct run *run)
{
	uint64_t bytes = run->count * PAGE_NUMBER;
	uint8_t *host = guest_memory_at(balloon->device.memory, run->first * PAGE_NUMBER, bytes);

	if (host)
		discard(balloon, host, bytes);
	*run = (struct run){0};
}

static void run_add(struct balloon *balloon, struct run *run, uint32_t number)
{
	if (!guest_memory_at(balloon->device.memory, (uint64_t)number * PAGE_NUMBER, PAGE_NUMBER))
		return;
	/* Drivers take pages from the top down as often as from the bottom up. */
	if (run->count > 0 && number + UINT64_C(1) == run->first) {
		run->first--;
	} else if (run->count == 0 || number != run->first + run->count) {
		run_end(balloon, run);
		run->first = number;
	}
	run->count++;
}

static bool serve_inflate(struct virtio_device *device, struct virtqueue *queue, const struct vq_chain *chain)
{
	struct balloon *balloon = balloon_of(device);
	uint32_t numbers[MAX_NUMBERS];
	struct run run = {0};
	size_t got;

	if (chain->readable_bytes > sizeof(numbers) || chain->readable_bytes % sizeof(numbers[0]) != 0) {
		virtio_break(device, ROLE_INFLATE, "page numbers cut off, or too many at once");
		return true;
	}
	got = vq_chain_read(chain, 0, numbers, chain->readable_bytes);
	for (size_t i = 0; i < got / sizeof(numbers[0]); i++)
		run_add(balloon, &run, numbers[i]);
	run_end(balloon, &run);
	vq_push(queue, chain->head, 0);
	return true;
}

/* The pages come back by being touched: nothing is to be done for them. */
static bool serve_deflate(struct virtio_device *device, struct virtqueue *queue, const struct vq_chain *chain)
{
	(void)device;
	vq_push(queue, chain->head, 0);
	return true;
}

/* --- free page reporting (5.5.6.7) -------------------------------------------------------------------------------- */

/* Each buffer is memory that the guest has no use for; it does not touch it before it gets the chain back. */
static bool serve_reporting(struct virtio_device *device, struct virtqueue *queue, const struct vq_chain *chain)
{
	for (unsigned i = 0; i < chain->writable_count; i++) {
		const struct iovec *iov = &vq_writable(chain)[i];
		uintptr_t start = ((uintptr_t)iov->iov_base + PAGE_NUMBER - 1) & ~(uintptr_t)(PAGE_NUMBER - 1);
		uintptr_t end = ((uintptr_t)iov->iov_base + iov->iov_len) & ~(uintptr_t)(PAGE_NUMBER - 1);

		if (start < end)
			discard(balloon_of(device), (uint8_t *)start, end - start);
	}
	vq_push(queue, chain->head, 0);
	return true;
}

/* --- statistics (5.5.6.5) ----------------------------------------------------------------------------------------- */

static bool serve_stats(struct virtio_device *device, struct virtqueue *queue, const struct vq_chain *chain)
{
	struct balloon *balloon = balloon_of(device);
	struct virtio_balloon_stat stats[MAX_STATS];
	size_t got = vq_chain_read(chain, 0, stats, sizeof(stats));

	for (size_t i = 0; i < got / sizeof(stats[0]); i++) {
		uint16_t tag = stats[i].tag;

		if (tag >= VIRTIO_BALLOON_S_NR)
			continue;
		balloon->stats.values[tag] = stats[i].val;
		balloon->stats.valid |= 1U << tag;
	}
	/* A driver has one buffer here; of one that sends more, the last is kept. */
	if (balloon->stats_held)
		vq_push(queue, balloon->stats_head, 0);
	balloon->stats_held = true;
	balloon->stats_head = chain->head;
	return true;
}

/* --- the device --------------------------------------------------------------------------------------------------- */

static bool (*const servers[])(struct virtio_device *, struct virtqueue *, const struct vq_chain *) = {
	[ROLE_INFLATE] = serve_inflate,
	[ROLE_DEFLATE] = serve_deflate,
	[ROLE_STATS] = serve_stats,
	[ROLE_REPORTING] = serve_reporting,
};

static void balloon_kick(struct virtio_device *device, unsigned queue)
{
	enum role role = role_of(device, queue);

	if (role <= ROLE_REPORTING)
		virtio_serve(device, queue, servers[role]);
}

static void balloon_reset(struct virtio_device *device)
{
	struct balloon *balloon = balloon_of(device);

	balloon->stats_held = false;
	balloon->stats = (struct balloon_stats){0};
	balloon->config.actual = 0;
}

static void balloon_config_read(struct virtio_device *device, uint32_t offset, void *to, size_t len)
{
	const struct balloon *balloon = balloon_of(device);

	virtio_config_copy(&balloon->config, sizeof(balloon->config), offset, to, len);
}

/* `actual` is the driver's to write, whole. */
static void balloon_config_write(struct virtio_device *device, uint32_t offset, const void *from, size_t len)
{
	struct balloon *balloon = balloon_of(device);

	if (offset == offsetof(struct virtio_balloon_config, actual) && len == sizeof(balloon->config.actual))
		memcpy(&balloon->config.actual, from, len);
}

static const struct virtio_ops balloon_ops = {
	.id = VIRTIO_ID_BALLOON,
	.name = "balloon",
	.queues = BALLOON_MAX_QUEUES,
	.queue_size = QUEUE_SIZE,
	.features = VIRTIO_BIT(VIRTIO_BALLOON_F_STATS_VQ) | VIRTIO_BIT(VIRTIO_BALLOON_F_DEFLATE_ON_OOM) |
		    VIRTIO_BIT(VIRTIO_BALLOON_F_REPORTING),
	.reset = balloon_reset,
	.kick = balloon_kick,
	.config_read = balloon_config_read,
	.config_write = balloon_config_write,
};

void balloon_open(struct balloon *balloon, struct loop *loop, const struct guest_memory *memory)
{
	*balloon = (struct balloon){0};
	virtio_device_init(&balloon->device, &balloon_ops, balloon->queues, loop, memory);
}

void balloon_close(struct balloon *balloon)
{
	virtio_device_close(&balloon->device);
}

void balloon_set_target(struct balloon *balloon, uint64_t bytes)
{
	uint64_t pages = bytes / PAGE_NUMBER;

	(void)pthread_mutex_lock(&balloon->device.lock);
	balloon->config.num_pages = pages > UINT32_MAX ? UINT32_MAX : (uint32_t)pages;
	virtio_config_changed(&balloon->device);
	(void)pthread_mutex_unlock(&balloon->device.lock);
}

uint64_t balloon_target(struct balloon *balloon)
{
	uint64_t bytes;

	(void)pthread_mutex_lock(&balloon->device.lock);
	bytes = (uint64_t)balloon->config.num_pages * PAGE_NUMBER;
	(void)pthread_mutex_unlock(&balloon->device.lock);
	return bytes;
}

uint64_t balloon_actual(struct balloon *balloon)
{
	uint64_t bytes;

	(void)pthread_mutex_lock(&balloon->device.lock);
	bytes = (uint64_t)balloon->config.actual * PAGE_NUMBER;
	(void)pthread_mutex_unlock(&balloon->device.lock);
	return bytes;
}

struct balloon_stats balloon_ask_stats(struct balloon *balloon)
{
	struct balloon_stats stats;

	(void)pthread_mutex_lock(&balloon->device.lock);
	stats = balloon->stats;
	if (balloon->stats_held) {
		vq_push(&balloon->queues[ROLE_STATS], balloon->stats_head, 0);
		vq_notify(&balloon->queues[ROLE_STATS]);
		balloon->stats_held = false;
	}
	(void)pthread_mutex_unlock(&balloon->device.lock);
	return stats;
}
