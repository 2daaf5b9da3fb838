/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-balloon (virtio 1.2, section 5.5): pages that the guest gives up or reports free go back to the host, and the
 * guest says how its memory is. Whatever page it names, only its own memory can be lost: ranges come through
 * guest_memory_at().
 */
#ifndef HULL_RUNTIME_VM_BALLOON_H
#define HULL_RUNTIME_VM_BALLOON_H

#include <linux/virtio_balloon.h>

#include "runtime/vm/virtio.h"

/* Inflate, deflate, statistics, reporting: numbered without gaps, by what was negotiated. */
#define BALLOON_MAX_QUEUES 4U

struct balloon_stats {
	uint64_t values[VIRTIO_BALLOON_S_NR]; /* bytes or counts, by VIRTIO_BALLOON_S_* */
	uint32_t valid;			      /* a mask: those that the guest has sent */
};

struct balloon {
	struct virtio_device device;
	struct virtqueue queues[BALLOON_MAX_QUEUES];
	struct virtio_balloon_config config;
	struct balloon_stats stats;
	bool stats_held; /* the driver's one buffer for them: giving it back asks for new ones */
	uint16_t stats_head;
	uint64_t returned_bytes; /* to the host, ever: inflated and reported */
};

void balloon_open(struct balloon *balloon, struct loop *loop, const struct guest_memory *memory);
/* After the transport was closed. */
void balloon_close(struct balloon *balloon);

/* All below: from any thread, without the device's lock. */

/* Asks the guest to give up, in all, this much. It follows when and if it likes. */
void balloon_set_target(struct balloon *balloon, uint64_t bytes);
uint64_t balloon_target(struct balloon *balloon);
/* What it has given up, as it says. */
uint64_t balloon_actual(struct balloon *balloon);
/* The guest's last word on its memory, and asks for the next. */
struct balloon_stats balloon_ask_stats(struct balloon *balloon);

#endif
