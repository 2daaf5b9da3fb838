/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/vm/guest_driver.h"

#include <linux/virtio_mmio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#define RING_ENTRIES	4 /* bytes before a ring's entries */
#define DEADLINE_MS	30000
#define CALLBACKS_MAX	20000
#define TABLE_ALIGNMENT 64

void guest_open(struct guest *guest, size_t bytes)
{
	*guest = (struct guest){.next_gpa = GUEST_MEMORY_GPA};
	bytes = (bytes + 4095) & ~(size_t)4095;
	guest->bytes = guest->borrowed = aligned_alloc(4096, bytes);
	if (!guest->bytes || loop_open(&guest->loop, NULL) < 0)
		abort();
	memset(guest->bytes, 0, bytes);
	guest->memory = guest_memory_borrow(guest->bytes, GUEST_MEMORY_GPA, bytes);
	hv_fake_open(&guest->hv);
}

void guest_open_shared(struct guest *guest, size_t bytes)
{
	*guest = (struct guest){.next_gpa = GUEST_MEMORY_GPA};
	if (guest_memory_make(&guest->memory, GUEST_MEMORY_GPA + bytes, true, NULL) < 0 ||
	    loop_open(&guest->loop, NULL) < 0)
		abort();
	guest->bytes = guest_memory_at(&guest->memory, GUEST_MEMORY_GPA, bytes);
	hv_fake_open(&guest->hv);
}

void guest_close(struct guest *guest)
{
	if (guest->device)
		virtio_mmio_close(&guest->mmio);
	loop_close(&guest->loop);
	guest_memory_free(&guest->memory);
	free(guest->borrowed);
}

void guest_attach(struct guest *guest, struct virtio_device *device)
{
	if (device->queue_count > GUEST_QUEUES ||
	    virtio_mmio_open(&guest->mmio, device, &guest->hv.hv, GUEST_MMIO, GUEST_GSI, NULL) < 0)
		abort();
	guest->device = device;
}

uint64_t guest_alloc(struct guest *guest, size_t bytes)
{
	uint64_t gpa = guest->next_gpa;

	guest->next_gpa = (gpa + bytes + TABLE_ALIGNMENT - 1) & ~(uint64_t)(TABLE_ALIGNMENT - 1);
	if (guest->next_gpa > guest->memory.regions[0].gpa + guest->memory.regions[0].bytes)
		abort();
	return gpa;
}

void *guest_at(const struct guest *guest, uint64_t gpa)
{
	return guest->bytes + (gpa - GUEST_MEMORY_GPA);
}

/* --- registers ---------------------------------------------------------------------------------------------------- */

uint32_t guest_read32(struct guest *guest, uint32_t offset)
{
	uint32_t value;

	virtio_mmio_read(&guest->mmio, offset, &value, sizeof(value));
	return value;
}

void guest_write32(struct guest *guest, uint32_t offset, uint32_t value)
{
	if (!hv_fake_write(&guest->hv, GUEST_MMIO + offset, sizeof(value), value))
		virtio_mmio_write(&guest->mmio, offset, &value, sizeof(value));
}

void guest_config(struct guest *guest, uint32_t offset, void *to, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		virtio_mmio_read(&guest->mmio, VIRTIO_MMIO_CONFIG + offset + i, (uint8_t *)to + i, 1);
}

static void status_add(struct guest *guest, uint32_t bit)
{
	guest_write32(guest, VIRTIO_MMIO_STATUS, guest_read32(guest, VIRTIO_MMIO_STATUS) | bit);
}

void guest_reset(struct guest *guest)
{
	guest_write32(guest, VIRTIO_MMIO_STATUS, 0);
	memset(guest->queues, 0, sizeof(guest->queues));
	guest->features = 0;
}

bool guest_negotiate(struct guest *guest, uint64_t wanted)
{
	uint64_t offered = 0;

	status_add(guest, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	status_add(guest, VIRTIO_CONFIG_S_DRIVER);
	for (unsigned i = 0; i < 2; i++) {
		guest_write32(guest, VIRTIO_MMIO_DEVICE_FEATURES_SEL, i);
		offered |= (uint64_t)guest_read32(guest, VIRTIO_MMIO_DEVICE_FEATURES) << (32 * i);
	}
	guest->features = offered & (wanted | VIRTIO_BIT(VIRTIO_F_VERSION_1));
	for (unsigned i = 0; i < 2; i++) {
		guest_write32(guest, VIRTIO_MMIO_DRIVER_FEATURES_SEL, i);
		guest_write32(guest, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)(guest->features >> (32 * i)));
	}
	status_add(guest, VIRTIO_CONFIG_S_FEATURES_OK);
	return guest_read32(guest, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_FEATURES_OK;
}

static void address_write(struct guest *guest, uint32_t low, uint64_t gpa)
{
	guest_write32(guest, low, (uint32_t)gpa);
	guest_write32(guest, low + 4, (uint32_t)(gpa >> 32));
}

bool guest_queue_setup(struct guest *guest, unsigned index, uint16_t size)
{
	struct guest_queue *queue = &guest->queues[index];
	uint32_t largest;

	guest_write32(guest, VIRTIO_MMIO_QUEUE_SEL, index);
	largest = guest_read32(guest, VIRTIO_MMIO_QUEUE_NUM_MAX);
	if (largest == 0)
		return false;
	if (size > largest)
		size = (uint16_t)largest;
	queue->descriptors_gpa = guest_alloc(guest, 16UL * size);
	queue->available_gpa = guest_alloc(guest, RING_ENTRIES + 2UL * size + 2);
	queue->used_gpa = guest_alloc(guest, RING_ENTRIES + 8UL * size + 2);
	queue->descriptors = guest_at(guest, queue->descriptors_gpa);
	queue->available = guest_at(guest, queue->available_gpa);
	queue->used = guest_at(guest, queue->used_gpa);
	memset(queue->descriptors, 0, (size_t)(guest->next_gpa - queue->descriptors_gpa));
	queue->size = size;
	guest_write32(guest, VIRTIO_MMIO_QUEUE_NUM, size);
	address_write(guest, VIRTIO_MMIO_QUEUE_DESC_LOW, queue->descriptors_gpa);
	address_write(guest, VIRTIO_MMIO_QUEUE_AVAIL_LOW, queue->available_gpa);
	address_write(guest, VIRTIO_MMIO_QUEUE_USED_LOW, queue->used_gpa);
	guest_write32(guest, VIRTIO_MMIO_QUEUE_READY, 1);
	return guest_read32(guest, VIRTIO_MMIO_QUEUE_READY) == 1;
}

bool guest_driver_ok(struct guest *guest)
{
	status_add(guest, VIRTIO_CONFIG_S_DRIVER_OK);
	return guest->device->active && !guest_needs_reset(guest);
}

bool guest_start(struct guest *guest, uint64_t wanted, uint16_t queue_size)
{
	guest_reset(guest);
	if (!guest_negotiate(guest, wanted))
		return false;
	for (unsigned i = 0; i < guest->device->queue_count; i++)
		if (!guest_queue_setup(guest, i, queue_size))
			return false;
	return guest_driver_ok(guest);
}

/* --- rings -------------------------------------------------------------------------------------------------------- */

static uint16_t add_at(struct vring_desc *table, uint16_t first, uint16_t mask, const struct guest_buffer *buffers,
		       unsigned count)
{
	uint16_t at = first;

	for (unsigned i = 0; i < count; i++) {
		bool last = i + 1 == count;
		uint16_t next = (uint16_t)((at + 1) & mask);

		table[at] = (struct vring_desc){
			.addr = buffers[i].gpa,
			.len = buffers[i].len,
			.flags = (uint16_t)((buffers[i].writable ? VRING_DESC_F_WRITE : 0) |
					    (last ? 0 : VRING_DESC_F_NEXT)),
			.next = last ? 0 : next,
		};
		at = next;
	}
	return at;
}

static uint16_t load16(const uint16_t *from)
{
	return __atomic_load_n(from, __ATOMIC_SEQ_CST);
}

void guest_kick(struct guest *guest, unsigned index)
{
	struct guest_queue *queue = &guest->queues[index];

	queue->kicked = queue->added;
	guest_write32(guest, VIRTIO_MMIO_QUEUE_NOTIFY, index);
}

void guest_offer(struct guest *guest, unsigned index, uint16_t head)
{
	struct guest_queue *queue = &guest->queues[index];
	bool wanted;

	queue->available[2 + queue->added % queue->size] = head;
	queue->added++;
	__atomic_store_n(&queue->available[1], queue->added, __ATOMIC_SEQ_CST);
	if (guest->features & VIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX))
		wanted = vring_need_event(load16(&queue->used[2 + 4 * queue->size]), queue->added, queue->kicked);
	else
		wanted = !(load16(&queue->used[0]) & VRING_USED_F_NO_NOTIFY);
	if (wanted)
		guest_kick(guest, index);
}

uint16_t guest_add(struct guest *guest, unsigned index, const struct guest_buffer *buffers, unsigned count)
{
	struct guest_queue *queue = &guest->queues[index];
	uint16_t head = queue->next_free;

	queue->next_free = add_at(queue->descriptors, head, (uint16_t)(queue->size - 1), buffers, count);
	guest_offer(guest, index, head);
	return head;
}

uint16_t guest_add_indirect(struct guest *guest, unsigned index, const struct guest_buffer *buffers, unsigned count)
{
	struct guest_queue *queue = &guest->queues[index];
	uint16_t head = queue->next_free;
	uint64_t table = guest_alloc(guest, sizeof(struct vring_desc) * count);

	(void)add_at(guest_at(guest, table), 0, UINT16_MAX, buffers, count);
	queue->descriptors[head] = (struct vring_desc){
		.addr = table,
		.len = (uint32_t)(sizeof(struct vring_desc) * count),
		.flags = VRING_DESC_F_INDIRECT,
	};
	queue->next_free = (uint16_t)((head + 1) & (queue->size - 1));
	guest_offer(guest, index, head);
	return head;
}

bool guest_used(struct guest *guest, unsigned index, uint16_t *ret_head, uint32_t *ret_written)
{
	struct guest_queue *queue = &guest->queues[index];
	const uint16_t *entry;

	if (queue->size == 0 || load16(&queue->used[1]) == queue->seen)
		return false;
	entry = &queue->used[2 + (size_t)(queue->seen % queue->size) * 4];
	*ret_head = entry[0];
	*ret_written = entry[2] | (uint32_t)entry[3] << 16;
	queue->seen++;
	/* Asks to be told of the next one. */
	__atomic_store_n(&queue->available[2 + queue->size], queue->seen, __ATOMIC_SEQ_CST);
	return true;
}

/* --- the loop, and what comes of it ------------------------------------------------------------------------------- */

unsigned guest_turn(struct guest *guest, int timeout_ms)
{
	struct err err = ERR_INIT;
	unsigned callbacks = 0;

	while (callbacks < CALLBACKS_MAX && loop_turn(&guest->loop, callbacks ? 0 : timeout_ms, &err) > 0)
		callbacks++;
	return callbacks;
}

void guest_settle(struct guest *guest)
{
	(void)guest_turn(guest, 0);
}

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool guest_wait(struct guest *guest, unsigned queue, uint16_t *ret_head, uint32_t *ret_written)
{
	int64_t deadline = now_ms() + DEADLINE_MS;

	while (!guest_used(guest, queue, ret_head, ret_written)) {
		if (now_ms() > deadline)
			return false;
		(void)guest_turn(guest, 20);
	}
	return true;
}

uint64_t guest_edges(struct guest *guest)
{
	return hv_fake_edges(&guest->hv, GUEST_GSI);
}

uint32_t guest_interrupt(struct guest *guest)
{
	uint32_t status = guest_read32(guest, VIRTIO_MMIO_INTERRUPT_STATUS);

	guest_write32(guest, VIRTIO_MMIO_INTERRUPT_ACK, status);
	return status;
}

bool guest_needs_reset(struct guest *guest)
{
	return (guest_read32(guest, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_NEEDS_RESET) != 0;
}
