/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/blk_ring.h"

#include <errno.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/base/scope.h"
#include "runtime/vm/virtqueue.h"

/* Iovecs of jobs that wait to be submitted. The kernel copies them then. */
#define ROOM_IOVECS (VQ_MAX_SIZE + 64U)
/* The kernel's threads for one disk: what is not in its page cache, or would block, is done by them. */
#define WORKERS 4U
/* The kernel is out of memory for a moment; how often it is asked again. */
#define TRIES	 100U
#define PAUSE_MS 1

/* Without the last one, the kernel does not carry on by itself behind a short transfer. */
#define FEATURES_NEEDED \
	(IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE | IORING_FEAT_LINKED_FILE)

struct blk_ring {
	int fd;
	uint8_t *rings; /* shared with the kernel: both rings' indices, and the completions */
	size_t rings_bytes;
	struct io_uring_sqe *entries;
	size_t entries_bytes;
	const struct io_uring_cqe *completions;
	uint32_t *submit_head, *submit_tail, *submit_index;
	uint32_t *landed_head, *landed_tail;
	uint32_t submit_mask, landed_mask;
	uint32_t unsubmitted;
	unsigned room_used;
	struct iovec room[ROOM_IOVECS];
};

static const uint8_t opcodes[] = {
	[BLK_JOB_READ] = IORING_OP_READV,
	[BLK_JOB_WRITE] = IORING_OP_WRITEV,
	[BLK_JOB_SYNC] = IORING_OP_FSYNC,
	[BLK_JOB_ALLOCATE] = IORING_OP_FALLOCATE,
};

static int ring_register(int fd, unsigned what, const void *argument, unsigned count)
{
	return syscall(__NR_io_uring_register, fd, what, argument, count) < 0 ? -errno : 0;
}

/* The ring was made switched off. */
static int restrict_and_enable(int ring_fd, int disk_fd)
{
	struct io_uring_restriction only[ARRAY_SIZE(opcodes) + 1];
	uint32_t workers[2] = {WORKERS, 1};
	int r;

	memset(only, 0, sizeof(only));
	for (unsigned i = 0; i < ARRAY_SIZE(opcodes); i++) {
		only[i].opcode = IORING_RESTRICTION_SQE_OP;
		only[i].sqe_op = opcodes[i];
	}
	only[ARRAY_SIZE(opcodes)].opcode = IORING_RESTRICTION_SQE_FLAGS_REQUIRED;
	only[ARRAY_SIZE(opcodes)].sqe_flags = IOSQE_FIXED_FILE;
	r = ring_register(ring_fd, IORING_REGISTER_FILES, &disk_fd, 1);
	if (r >= 0)
		r = ring_register(ring_fd, IORING_REGISTER_IOWQ_MAX_WORKERS, workers, 2);
	if (r >= 0)
		r = ring_register(ring_fd, IORING_REGISTER_RESTRICTIONS, only, ARRAY_SIZE(only));
	return r < 0 ? r : ring_register(ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
}

static uint32_t *word_at(const struct blk_ring *ring, uint32_t offset)
{
	return (uint32_t *)(void *)(ring->rings + offset);
}

static int map(struct blk_ring *ring, const struct io_uring_params *params)
{
	size_t submit_bytes = params->sq_off.array + params->sq_entries * sizeof(uint32_t);
	size_t landed_bytes = params->cq_off.cqes + params->cq_entries * sizeof(struct io_uring_cqe);

	ring->rings_bytes = submit_bytes > landed_bytes ? submit_bytes : landed_bytes;
	ring->entries_bytes = params->sq_entries * sizeof(struct io_uring_sqe);
	ring->rings = mmap(NULL, ring->rings_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_SQ_RING);
	ring->entries = mmap(NULL, ring->entries_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_SQES);
	if (ring->rings == MAP_FAILED || ring->entries == MAP_FAILED)
		return -errno;
	ring->submit_head = word_at(ring, params->sq_off.head);
	ring->submit_tail = word_at(ring, params->sq_off.tail);
	ring->submit_index = word_at(ring, params->sq_off.array);
	ring->submit_mask = *word_at(ring, params->sq_off.ring_mask);
	ring->landed_head = word_at(ring, params->cq_off.head);
	ring->landed_tail = word_at(ring, params->cq_off.tail);
	ring->landed_mask = *word_at(ring, params->cq_off.ring_mask);
	ring->completions = (const struct io_uring_cqe *)(const void *)(ring->rings + params->cq_off.cqes);
	return 0;
}

int blk_ring_make(int fd, unsigned entries, struct blk_ring **ret)
{
	struct io_uring_params params = {.flags = IORING_SETUP_R_DISABLED};
	struct blk_ring *ring = malloc(sizeof(*ring));
	int r;

	if (!ring)
		return -ENOMEM;
	/* The iovecs are left alone: memory that no disk needs is never touched. */
	memset(ring, 0, offsetof(struct blk_ring, room));
	ring->rings = MAP_FAILED;
	ring->entries = MAP_FAILED;
	ring->fd = (int)syscall(__NR_io_uring_setup, entries, &params);
	r = ring->fd < 0 ? -errno : 0;
	if (r >= 0 && (params.features & FEATURES_NEEDED) != FEATURES_NEEDED)
		r = -ENOSYS;
	if (r >= 0)
		r = map(ring, &params);
	if (r >= 0)
		r = restrict_and_enable(ring->fd, fd);
	if (r < 0) {
		blk_ring_free(ring);
		return r;
	}
	*ret = ring;
	return 0;
}

void blk_ring_free(struct blk_ring *ring)
{
	if (!ring)
		return;
	if (ring->rings != MAP_FAILED)
		(void)munmap(ring->rings, ring->rings_bytes);
	if (ring->entries != MAP_FAILED)
		(void)munmap(ring->entries, ring->entries_bytes);
	scope_fd(&ring->fd);
	free(ring);
}

int blk_ring_fd(const struct blk_ring *ring)
{
	return ring->fd;
}

struct iovec *blk_ring_room(struct blk_ring *ring)
{
	if (ring->room_used + VQ_MAX_SIZE > ROOM_IOVECS && blk_ring_submit(ring, 0) < 0)
		return NULL;
	return ring->room + ring->room_used;
}

void blk_ring_add(struct blk_ring *ring, const struct blk_job *job, uint64_t tag)
{
	uint32_t tail = *ring->submit_tail, at = tail & ring->submit_mask;
	struct io_uring_sqe *entry = &ring->entries[at];

	*entry = (struct io_uring_sqe){
		.opcode = opcodes[job->kind],
		.flags = IOSQE_FIXED_FILE,
		.fd = 0, /* of the registered ones */
		.off = job->offset,
		.user_data = tag,
	};
	switch (job->kind) {
	case BLK_JOB_READ:
	case BLK_JOB_WRITE:
		entry->addr = (uintptr_t)job->iov;
		entry->len = job->iov_count;
		entry->rw_flags = job->mode;
		ring->room_used += job->iov_count;
		break;
	case BLK_JOB_SYNC:
		entry->fsync_flags = IORING_FSYNC_DATASYNC;
		break;
	case BLK_JOB_ALLOCATE:
		entry->addr = job->len;
		entry->len = (uint32_t)job->mode;
		break;
	}
	ring->submit_index[at] = at;
	__atomic_store_n(ring->submit_tail, tail + 1, __ATOMIC_RELEASE);
	ring->unsubmitted++;
}

int blk_ring_submit(struct blk_ring *ring, unsigned wait_for)
{
	for (unsigned tries = 0; ring->unsubmitted > 0 || wait_for > 0;) {
		long taken = syscall(__NR_io_uring_enter, ring->fd, ring->unsubmitted, wait_for,
				     wait_for ? IORING_ENTER_GETEVENTS : 0, NULL, 0);

		if (taken < 0 && errno == EINTR)
			continue;
		if (taken < 0 && errno != EAGAIN && errno != EBUSY)
			return -errno;
		if (taken > 0)
			ring->unsubmitted -= (uint32_t)taken;
		if (ring->unsubmitted == 0 && taken >= 0)
			break;
		if (taken <= 0 && ++tries == TRIES)
			return -EAGAIN;
		if (taken <= 0)
			(void)poll(NULL, 0, PAUSE_MS);
	}
	ring->room_used = 0;
	return 0;
}

bool blk_ring_drop(struct blk_ring *ring, uint64_t *ret_tag)
{
	uint32_t tail = *ring->submit_tail - 1;

	if (ring->unsubmitted == 0)
		return false;
	/* The kernel looks at the tail in io_uring_enter() alone. */
	*ret_tag = ring->entries[tail & ring->submit_mask].user_data;
	__atomic_store_n(ring->submit_tail, tail, __ATOMIC_RELEASE);
	ring->room_used = --ring->unsubmitted > 0 ? ring->room_used : 0;
	return true;
}

bool blk_ring_landed(struct blk_ring *ring, uint64_t *ret_tag, int32_t *ret_result)
{
	uint32_t head = *ring->landed_head;
	const struct io_uring_cqe *at = &ring->completions[head & ring->landed_mask];

	if (head == __atomic_load_n(ring->landed_tail, __ATOMIC_ACQUIRE))
		return false;
	*ret_tag = at->user_data;
	*ret_result = at->res;
	__atomic_store_n(ring->landed_head, head + 1, __ATOMIC_RELEASE);
	return true;
}
