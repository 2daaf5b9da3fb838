/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-rng (virtio 1.2, section 5.4): the kernel's randomness, at a bounded rate. A guest that wants more waits; the
 * host's processor is not its to burn.
 */
#ifndef HULL_RUNTIME_VM_RNG_H
#define HULL_RUNTIME_VM_RNG_H

#include "runtime/vm/virtio.h"

/* The guest gets this much at once, and then as much again each period: 640 KiB a second. */
#define RNG_BURST_BYTES 65536U
#define RNG_PERIOD_MS	100U

struct rng {
	struct virtio_device device;
	struct virtqueue queue;
	uint32_t left_bytes; /* of this period */
	uint64_t period_ends_ms;
	struct virtio_source refill; /* a timer, while the guest waits */
	int timer_fd;		     /* -1 until it is needed first */
};

void rng_open(struct rng *rng, struct loop *loop, const struct guest_memory *memory);
/* After the transport was closed. */
void rng_close(struct rng *rng);

#endif
