/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is below a vhost-user back end's messages: the guest's memory, and rings that run in it. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/scope.h"
#include "runtime/vm/vhost_user_backend.h"
#include "runtime/vm/vhost_user_backend_parts.h"

_Static_assert(GUEST_MAX_REGIONS >= VHOST_USER_MAX_REGIONS, "a front end may name more regions than there is room for");

/* --- memory ------------------------------------------------------------------------------------------------------- */

void vhost_user_unmap(struct vhost_user_backend *backend)
{
	for (unsigned i = 0; i < backend->memory.region_count; i++)
		(void)munmap(backend->memory.regions[i].host, backend->memory.regions[i].bytes);
	backend->memory = GUEST_MEMORY_NONE;
}

/* The file is long enough: touching it must not end this process. */
int vhost_user_map(struct vhost_user_backend *backend, const struct vhost_user_region *region, int fd)
{
	struct guest_memory *memory = &backend->memory;
	struct stat status;
	void *host;

	if (fd < 0 || region->bytes == 0 || region->bytes % GUEST_PAGE_BYTES ||
	    region->file_offset % GUEST_PAGE_BYTES || region->bytes > INT64_MAX ||
	    region->file_offset > INT64_MAX - region->bytes || region->gpa > UINT64_MAX - region->bytes ||
	    region->front_address > UINT64_MAX - region->bytes)
		return -EINVAL;
	if (fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode) || (uint64_t)status.st_size < region->file_offset + region->bytes)
		return -EINVAL;
	host = mmap(NULL, region->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd,
		    (off_t)region->file_offset);
	if (host == MAP_FAILED)
		return -errno;
	backend->regions[memory->region_count] = *region;
	memory->regions[memory->region_count++] = (struct guest_region){.gpa = region->gpa,
									.bytes = region->bytes,
									.host = host,
									.file_offset = region->file_offset};
	return 0;
}

/* An address of the front end as a guest-physical one. */
static int translate(const struct vhost_user_backend *backend, uint64_t front_address, uint64_t *ret_gpa)
{
	for (unsigned i = 0; i < backend->memory.region_count; i++) {
		const struct vhost_user_region *region = &backend->regions[i];
		uint64_t offset = front_address - region->front_address;

		if (front_address >= region->front_address && offset < region->bytes) {
			*ret_gpa = region->gpa + offset;
			return 0;
		}
	}
	return -EFAULT;
}

/* --- queues ------------------------------------------------------------------------------------------------------- */

static void serve(struct vhost_user_backend *backend, struct vhost_user_queue *at)
{
	struct virtqueue *queue = &at->queue;
	unsigned budget = queue->size;
	struct vq_chain chain;
	uint64_t one = 1;
	int r = 0;

	vq_kicks_off(queue);
	do {
		while (budget > 0 && (r = vq_pop(queue, &chain)) > 0) {
			budget--;
			vq_push(queue, chain.head, backend->ops->serve(backend, &chain));
			vq_notify(queue);
		}
	} while (r >= 0 && budget > 0 && vq_kicks_on(queue));
	/* No more than one round at a time: the other queues, and messages, have their turn. */
	if (r > 0)
		(void)!write(at->kick.fd, &one, sizeof(one));
	if (r < 0) {
		loop_forget(backend->loop, &at->kick);
		if (at->error_fd >= 0)
			(void)!write(at->error_fd, &one, sizeof(one));
	}
}

void vhost_user_kicked(struct loop *loop, struct loop_source *source, uint32_t epoll_events)
{
	struct vhost_user_queue *at = CONTAINER_OF(source, struct vhost_user_queue, kick);
	uint64_t times;

	(void)loop;
	(void)epoll_events;
	if (read(source->fd, &times, sizeof(times)) < 0 && errno != EAGAIN)
		return;
	serve(at->backend, at);
}

void vhost_user_halt(struct vhost_user_queue *at)
{
	loop_forget(at->backend->loop, &at->kick);
	if (at->queue.ready)
		at->base = at->queue.next;
	vq_reset(&at->queue);
}

int vhost_user_run(struct vhost_user_queue *at, struct err *err)
{
	struct virtqueue *queue = &at->queue;

	if (queue->ready || !at->addressed || !at->enabled || at->size == 0 || at->kick.fd < 0)
		return 0;
	queue->size = at->size;
	if (translate(at->backend, at->addresses.descriptors, &queue->descriptors_gpa) < 0 ||
	    translate(at->backend, at->addresses.available, &queue->available_gpa) < 0 ||
	    translate(at->backend, at->addresses.used, &queue->used_gpa) < 0 ||
	    vq_enable(queue, at->backend->features) < 0)
		return err_say(err, EINVAL, "a ring is not in the guest's memory");
	/*
	 * Every chain is given back before the next one is taken: both indices are the same wherever the ring stands
	 * still.
	 */
	queue->next = queue->used = queue->told = at->base;
	(void)vq_kicks_on(queue);
	return loop_watch(at->backend->loop, &at->kick, EPOLLIN, err);
}

int vhost_user_run_all(struct vhost_user_backend *backend, struct err *err)
{
	int r = 0;

	for (unsigned i = 0; i < backend->ops->queues && r == 0; i++)
		r = vhost_user_run(&backend->queues[i], err);
	return r;
}
