/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/rng.h"

#include <errno.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/scope.h"

#define QUEUE_SIZE 8U
/* One request gets no more than this, however large its buffer: drivers ask again. */
#define REQUEST_BYTES 1024U

static struct rng *rng_of(struct virtio_device *device)
{
	return (struct rng *)(void *)device;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void new_period(struct rng *rng)
{
	uint64_t now = now_ms();

	if (now < rng->period_ends_ms)
		return;
	rng->left_bytes = RNG_BURST_BYTES;
	rng->period_ends_ms = now + RNG_PERIOD_MS;
}

static bool serve(struct virtio_device *device, struct virtqueue *queue, const struct vq_chain *chain);

static void refill_ready(struct virtio_device *device, struct virtio_source *source, uint32_t epoll_events)
{
	(void)epoll_events;
	virtio_forget(source);
	virtio_serve(device, 0, serve);
}

/*
 * Until the period ends, nobody is served. Without a timer the guest waits for good, and no longer than its next
 * request.
 */
static void wait_for_refill(struct rng *rng)
{
	struct itimerspec when = {
		.it_value = {.tv_sec = (time_t)(rng->period_ends_ms / 1000),
			     .tv_nsec = (long)(rng->period_ends_ms % 1000) * 1000000},
	};

	if (rng->timer_fd < 0)
		rng->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	/* Setting it takes back an expiry that nobody has read. */
	if (rng->timer_fd >= 0 && timerfd_settime(rng->timer_fd, TFD_TIMER_ABSTIME, &when, NULL) == 0)
		(void)virtio_watch(&rng->device, &rng->refill, rng->timer_fd, refill_ready, EPOLLIN, NULL);
}

static bool serve(struct virtio_device *device, struct virtqueue *queue, const struct vq_chain *chain)
{
	struct rng *rng = rng_of(device);
	uint32_t wanted = chain->writable_bytes < REQUEST_BYTES ? chain->writable_bytes : REQUEST_BYTES;
	uint8_t bytes[REQUEST_BYTES];
	ssize_t got;

	if (wanted == 0) {
		virtio_break(device, 0, "a request for randomness without room for it");
		return true;
	}
	new_period(rng);
	if (rng->left_bytes == 0) {
		wait_for_refill(rng);
		return false;
	}
	if (wanted > rng->left_bytes)
		wanted = rng->left_bytes;
	got = getrandom(bytes, wanted, GRND_NONBLOCK);
	if (got <= 0) {
		virtio_needs_reset(device);
		return false;
	}
	rng->left_bytes -= (uint32_t)got;
	vq_push(queue, chain->head, (uint32_t)vq_chain_write(chain, 0, bytes, (size_t)got));
	return true;
}

static void rng_kick(struct virtio_device *device, unsigned queue)
{
	virtio_serve(device, queue, serve);
}

static void rng_reset(struct virtio_device *device)
{
	virtio_forget(&rng_of(device)->refill);
}

static const struct virtio_ops rng_ops = {
	.id = VIRTIO_ID_RNG,
	.name = "rng",
	.queues = 1,
	.queue_size = QUEUE_SIZE,
	.reset = rng_reset,
	.kick = rng_kick,
};

void rng_open(struct rng *rng, struct loop *loop, const struct guest_memory *memory)
{
	*rng = (struct rng){.timer_fd = -1};
	virtio_device_init(&rng->device, &rng_ops, &rng->queue, loop, memory);
}

void rng_close(struct rng *rng)
{
	virtio_device_close(&rng->device);
	scope_fd(&rng->timer_fd);
	rng->timer_fd = -1;
}
