/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/blk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/vm/blk_job.h"
#include "runtime/vm/blk_ring.h"

#define SECTOR_BYTES	 512U
#define DISK_BLOCK	 4096U
#define QUEUE_SIZE	 128U
#define CHAIN_OVERHEAD	 2U /* buffers of a request that are not data: header and status */
#define STATUS_BYTES	 1U
#define MAX_AREA_SECTORS (UINT32_MAX / SECTOR_BYTES) /* of one discard or write-zeroes */

#define FEATURES                                                                                                 \
	(VIRTIO_BIT(VIRTIO_BLK_F_SEG_MAX) | VIRTIO_BIT(VIRTIO_BLK_F_BLK_SIZE) | VIRTIO_BIT(VIRTIO_BLK_F_FLUSH) | \
	 VIRTIO_BIT(VIRTIO_BLK_F_MQ))
#define FEATURES_WRITABLE (VIRTIO_BIT(VIRTIO_BLK_F_DISCARD) | VIRTIO_BIT(VIRTIO_BLK_F_WRITE_ZEROES))

/* A request as the driver made it, with everything read from guest memory that decides something. */
struct request {
	struct virtio_blk_outhdr header;
	const struct vq_chain *chain;
	unsigned queue;
	uint32_t out_bytes; /* data behind the header */
	uint32_t in_bytes;  /* room for data before the status */
	uint8_t *status;    /* in guest memory */
};

static struct blk *blk_of(struct virtio_device *device)
{
	return (struct blk *)(void *)device;
}

/* --- a request's end ---------------------------------------------------------------------------------------------- */

static uint8_t status_of(int64_t result, uint32_t wanted_bytes)
{
	if (result == -EOPNOTSUPP)
		return VIRTIO_BLK_S_UNSUPP;
	return result < 0 || result != (int64_t)wanted_bytes ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK;
}

static void give_back(struct blk *blk, unsigned queue, uint16_t head, uint8_t *where, uint8_t status, uint32_t written)
{
	*(volatile uint8_t *)where = status;
	vq_push(&blk->queues[queue], head, written + STATUS_BYTES);
}

static bool finish(struct blk *blk, const struct request *request, uint8_t status, uint32_t written)
{
	give_back(blk, request->queue, request->chain->head, request->status, status, written);
	return true;
}

/* --- a request's job: for the ring, or here and now --------------------------------------------------------------- */

static struct blk_flight *free_flight(struct blk *blk)
{
	for (unsigned i = 0; i < BLK_MAX_FLIGHTS; i++)
		if (!blk->flights[i].status)
			return &blk->flights[i];
	return NULL;
}

static void take_off(struct blk *blk, const struct request *request, const struct blk_job *job, uint32_t bytes)
{
	struct blk_flight *flight = free_flight(blk);

	*flight = (struct blk_flight){
		.status = request->status,
		.bytes = bytes,
		.head = request->chain->head,
		.queue = (uint8_t)request->queue,
		.into_guest = job->kind == BLK_JOB_READ,
	};
	blk->in_flight++;
	blk_ring_add(blk->ring, job, (uint64_t)(flight - blk->flights));
}

/* `bytes` is what the job has to say in the end: those of a transfer, or 0. */
static bool start(struct blk *blk, const struct request *request, const struct blk_job *job, uint32_t bytes)
{
	int64_t result;

	if (blk->ring) {
		take_off(blk, request, job, bytes);
		return true;
	}
	result = blk_job_do(blk->fd, job);
	return finish(blk, request, status_of(result, bytes), job->kind == BLK_JOB_READ && result > 0 ? bytes : 0);
}

/* --- requests, by type (5.2.6) ------------------------------------------------------------------------------------ */

static bool in_range(const struct blk *blk, uint64_t sector, uint64_t count)
{
	return sector <= blk->config.capacity && count <= blk->config.capacity - sector;
}

static bool read_or_write(struct blk *blk, const struct request *request, enum blk_job_kind kind)
{
	const struct vq_chain *chain = request->chain;
	bool reads = kind == BLK_JOB_READ;
	uint32_t bytes = reads ? request->in_bytes : request->out_bytes;
	struct iovec here[VQ_MAX_SIZE], *room = here;
	struct blk_job job = {.kind = kind, .offset = request->header.sector * SECTOR_BYTES};

	if (bytes % SECTOR_BYTES != 0 || !in_range(blk, request->header.sector, bytes / SECTOR_BYTES))
		return finish(blk, request, VIRTIO_BLK_S_IOERR, 0);
	if (bytes == 0)
		return finish(blk, request, VIRTIO_BLK_S_OK, 0);
	if (blk->ring)
		room = blk_ring_room(blk->ring);
	if (!room)
		return finish(blk, request, VIRTIO_BLK_S_IOERR, 0);
	job.iov = room;
	job.iov_count = reads ? vq_slice(vq_writable(chain), chain->writable_count, 0, bytes, room, VQ_MAX_SIZE)
			      : vq_slice(vq_readable(chain), chain->readable_count, sizeof(request->header), bytes,
					 room, VQ_MAX_SIZE);
	/* 5.2.6.2: a driver that does not flush expects what it wrote to be on the disk. */
	if (!reads && !virtio_has(&blk->device, VIRTIO_BLK_F_FLUSH))
		job.mode = RWF_DSYNC;
	return start(blk, request, &job, bytes);
}

static bool serve_in(struct blk *blk, const struct request *request)
{
	return read_or_write(blk, request, BLK_JOB_READ);
}

static bool serve_out(struct blk *blk, const struct request *request)
{
	return read_or_write(blk, request, BLK_JOB_WRITE);
}

static bool serve_flush(struct blk *blk, const struct request *request)
{
	if (blk->read_only)
		return finish(blk, request, VIRTIO_BLK_S_OK, 0);
	return start(blk, request, &(struct blk_job){.kind = BLK_JOB_SYNC}, 0);
}

static bool serve_get_id(struct blk *blk, const struct request *request)
{
	size_t room = request->in_bytes < sizeof(blk->serial) ? request->in_bytes : sizeof(blk->serial);
	size_t written = vq_chain_write(request->chain, 0, blk->serial, room);

	return finish(blk, request, VIRTIO_BLK_S_OK, (uint32_t)written);
}

/* Discard and write-zeroes: one area each, as the configuration says. */
static bool serve_area(struct blk *blk, const struct request *request)
{
	bool zeroes = request->header.type == VIRTIO_BLK_T_WRITE_ZEROES;
	struct virtio_blk_discard_write_zeroes area;
	struct blk_job job = {.kind = BLK_JOB_ALLOCATE, .mode = FALLOC_FL_KEEP_SIZE};
	bool unmap;

	if (request->out_bytes != sizeof(area))
		return finish(blk, request, VIRTIO_BLK_S_UNSUPP, 0);
	(void)vq_chain_read(request->chain, sizeof(request->header), &area, sizeof(area));
	unmap = (area.flags & VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP) != 0;
	if ((area.flags & ~(uint32_t)VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP) != 0 || (unmap && !zeroes))
		return finish(blk, request, VIRTIO_BLK_S_UNSUPP, 0);
	if (area.num_sectors > MAX_AREA_SECTORS || !in_range(blk, area.sector, area.num_sectors))
		return finish(blk, request, VIRTIO_BLK_S_IOERR, 0);
	if (area.num_sectors == 0)
		return finish(blk, request, VIRTIO_BLK_S_OK, 0);
	job.mode |= zeroes && !unmap ? FALLOC_FL_ZERO_RANGE : FALLOC_FL_PUNCH_HOLE;
	job.offset = area.sector * SECTOR_BYTES;
	job.len = (uint64_t)area.num_sectors * SECTOR_BYTES;
	return start(blk, request, &job, 0);
}

static const struct {
	uint32_t type;
	bool writes;
	bool (*serve)(struct blk *blk, const struct request *request);
} requests[] = {
	{VIRTIO_BLK_T_IN, false, serve_in},	  {VIRTIO_BLK_T_OUT, true, serve_out},
	{VIRTIO_BLK_T_FLUSH, false, serve_flush}, {VIRTIO_BLK_T_GET_ID, false, serve_get_id},
	{VIRTIO_BLK_T_DISCARD, true, serve_area}, {VIRTIO_BLK_T_WRITE_ZEROES, true, serve_area},
};

static bool serve_type(struct blk *blk, const struct request *request)
{
	for (unsigned i = 0; i < ARRAY_SIZE(requests); i++)
		if (requests[i].type == request->header.type)
			return requests[i].writes && blk->read_only ? finish(blk, request, VIRTIO_BLK_S_IOERR, 0)
								    : requests[i].serve(blk, request);
	return finish(blk, request, VIRTIO_BLK_S_UNSUPP, 0);
}

static bool serve(struct virtio_device *device, struct virtqueue *queue, const struct vq_chain *chain)
{
	struct blk *blk = blk_of(device);
	struct request request = {.chain = chain, .queue = (unsigned)(queue - blk->queues)};
	const struct iovec *last;

	if (blk->in_flight == BLK_MAX_FLIGHTS) {
		blk->waiting_queues |= 1U << request.queue;
		return false;
	}
	if (vq_chain_read(chain, 0, &request.header, sizeof(request.header)) < sizeof(request.header) ||
	    chain->writable_bytes < STATUS_BYTES) {
		virtio_break(device, request.queue, "a request without header or status");
		return true;
	}
	last = &vq_writable(chain)[chain->writable_count - 1];
	request.status = (uint8_t *)last->iov_base + last->iov_len - STATUS_BYTES;
	request.out_bytes = chain->readable_bytes - (uint32_t)sizeof(request.header);
	request.in_bytes = chain->writable_bytes - STATUS_BYTES;
	return serve_type(blk, &request);
}

/* --- the ring's landings ------------------------------------------------------------------------------------------ */

/* `tell` false: the device is being reset, and the driver does not want to know any more. */
static void land(struct blk *blk, bool tell)
{
	uint64_t tag;
	int32_t result;

	while (blk_ring_landed(blk->ring, &tag, &result)) {
		struct blk_flight *flight = &blk->flights[tag];
		uint8_t status = status_of(result, flight->bytes);

		if (tell)
			give_back(blk, flight->queue, flight->head, flight->status, status,
				  flight->into_guest && result > 0 ? (uint32_t)result : 0);
		*flight = (struct blk_flight){0};
		blk->in_flight--;
	}
}

static void drop_unsubmitted(struct blk *blk)
{
	uint64_t tag;

	while (blk_ring_drop(blk->ring, &tag)) {
		blk->flights[tag] = (struct blk_flight){0};
		blk->in_flight--;
	}
}

/* Those queues that found no free flight go on in the next round of the loop, when there is one. */
static void wake_waiting(struct blk *blk)
{
	uint64_t one = 1;

	for (unsigned i = 0; i < blk->device.queue_count && blk->in_flight < BLK_MAX_FLIGHTS; i++)
		if (blk->waiting_queues & (1U << i)) {
			blk->waiting_queues &= ~(1U << i);
			(void)!write(blk->device.kick_fds[i], &one, sizeof(one));
		}
}

static void land_and_tell(struct blk *blk)
{
	land(blk, true);
	wake_waiting(blk);
	for (unsigned i = 0; i < blk->device.queue_count; i++)
		vq_notify(&blk->queues[i]);
}

static void ring_ready(struct virtio_device *device, struct virtio_source *source, uint32_t epoll_events)
{
	(void)source;
	(void)epoll_events;
	land_and_tell(blk_of(device));
}

static void blk_kick(struct virtio_device *device, unsigned queue)
{
	struct blk *blk = blk_of(device);

	virtio_serve(device, queue, serve);
	if (!blk->ring)
		return;
	if (blk_ring_submit(blk->ring, 0) < 0) {
		drop_unsubmitted(blk);
		virtio_needs_reset(device);
	}
	/* What is in the page cache has landed already. */
	land_and_tell(blk);
}

/* --- the device --------------------------------------------------------------------------------------------------- */

static int blk_activate(struct virtio_device *device, struct err *err)
{
	struct blk *blk = blk_of(device);

	return blk->ring ? virtio_watch(device, &blk->landing, blk_ring_fd(blk->ring), ring_ready, EPOLLIN, err) : 0;
}

static void blk_reset(struct virtio_device *device)
{
	struct blk *blk = blk_of(device);

	virtio_forget(&blk->landing);
	blk->waiting_queues = 0;
	if (!blk->ring)
		return;
	drop_unsubmitted(blk);
	/* The kernel may be writing into guest memory for these: the driver gets its pages back only behind them. */
	for (land(blk, false); blk->in_flight > 0; land(blk, false))
		(void)blk_ring_submit(blk->ring, 1);
}

static void blk_config_read(struct virtio_device *device, uint32_t offset, void *to, size_t len)
{
	const struct blk *blk = blk_of(device);

	virtio_config_copy(&blk->config, sizeof(blk->config), offset, to, len);
}

static const struct virtio_ops blk_ops = {
	.id = VIRTIO_ID_BLOCK,
	.name = "block",
	.queues = BLK_MAX_QUEUES,
	.queue_size = QUEUE_SIZE,
	.features = FEATURES,
	.activate = blk_activate,
	.reset = blk_reset,
	.kick = blk_kick,
	.config_read = blk_config_read,
};

static int disk_check(const struct blk_disk *disk, uint64_t *ret_bytes, struct err *err)
{
	struct stat st;
	off_t end;
	int flags = fcntl(disk->fd, F_GETFL);

	if (flags < 0 || fstat(disk->fd, &st) < 0)
		return err_set(err, errno, "disk '%s'", disk->serial);
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return err_say(err, EINVAL, "disk '%s' is neither a regular file nor a block device", disk->serial);
	if (!disk->read_only && (flags & O_ACCMODE) != O_RDWR)
		return err_say(err, EINVAL, "disk '%s' is to be written to, but was opened for reading", disk->serial);
	end = lseek(disk->fd, 0, SEEK_END);
	if (end < 0)
		return err_set(err, errno, "disk '%s'", disk->serial);
	if (end % SECTOR_BYTES != 0)
		return err_say(err, EINVAL, "disk '%s': its size is no multiple of %u bytes", disk->serial,
			       SECTOR_BYTES);
	*ret_bytes = (uint64_t)end;
	return 0;
}

static void config_fill(struct virtio_blk_config *config, uint64_t bytes, unsigned queues)
{
	*config = (struct virtio_blk_config){
		.capacity = bytes / SECTOR_BYTES,
		.seg_max = QUEUE_SIZE - CHAIN_OVERHEAD,
		.blk_size = SECTOR_BYTES,
		.num_queues = (uint16_t)queues,
		.max_discard_sectors = MAX_AREA_SECTORS,
		.max_discard_seg = 1,
		.discard_sector_alignment = DISK_BLOCK / SECTOR_BYTES,
		.max_write_zeroes_sectors = MAX_AREA_SECTORS,
		.max_write_zeroes_seg = 1,
		.write_zeroes_may_unmap = 1,
	};
}

int blk_open(struct blk *blk, const struct blk_disk *disk, struct loop *loop, const struct guest_memory *memory,
	     struct err *err)
{
	size_t serial_bytes = strlen(disk->serial);
	uint64_t bytes = 0;
	int r;

	*blk = (struct blk){.fd = disk->fd, .read_only = disk->read_only};
	virtio_device_init(&blk->device, &blk_ops, blk->queues, loop, memory);
	if (serial_bytes > sizeof(blk->serial) || disk->queues == 0 || disk->queues > BLK_MAX_QUEUES)
		r = err_say(err, EINVAL, "disk '%s': serial longer than %zu, or not 1 to %u queues", disk->serial,
			    sizeof(blk->serial), BLK_MAX_QUEUES);
	else
		r = disk_check(disk, &bytes, err);
	if (r < 0) {
		blk_close(blk);
		return r;
	}
	memcpy(blk->serial, disk->serial, serial_bytes);
	blk->device.queue_count = disk->queues;
	blk->device.offered |= disk->read_only ? VIRTIO_BIT(VIRTIO_BLK_F_RO) : FEATURES_WRITABLE;
	config_fill(&blk->config, bytes, disk->queues);
	if (!disk->no_ring && blk_ring_make(blk->fd, BLK_MAX_FLIGHTS, &blk->ring) < 0)
		blk->ring = NULL;
	return 0;
}

void blk_close(struct blk *blk)
{
	virtio_device_close(&blk->device);
	blk_ring_free(blk->ring);
	blk->ring = NULL;
	scope_fd(&blk->fd);
	blk->fd = -1;
}
