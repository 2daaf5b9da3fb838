/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What vhost_user_rings.c offers vhost_user_backend.c: the guest's memory, and the rings that run in it.
 */
#ifndef HULL_RUNTIME_VM_VHOST_USER_BACKEND_PARTS_H
#define HULL_RUNTIME_VM_VHOST_USER_BACKEND_PARTS_H

#include "runtime/base/loop.h"
#include "runtime/vm/vhost_user.h"

struct vhost_user_backend;
struct vhost_user_queue;

/*
 * Maps one region behind those that there are, from the front end's descriptor, which stays the caller's. 0; -EINVAL:
 * it is no region, or not wholly in the file; -errno.
 */
int vhost_user_map(struct vhost_user_backend *backend, const struct vhost_user_region *region, int fd);
/* All of them. No ring runs. */
void vhost_user_unmap(struct vhost_user_backend *backend);

/*
 * Runs the ring as soon as everything that it needs was told, in whatever order. What is not all there yet is no error.
 */
int vhost_user_run(struct vhost_user_queue *at, struct err *err);
int vhost_user_run_all(struct vhost_user_backend *backend, struct err *err);
/* The ring stands still; where it stood is its base. */
void vhost_user_halt(struct vhost_user_queue *at);

/* What a queue's `kick` is watched with. */
void vhost_user_kicked(struct loop *loop, struct loop_source *source, uint32_t epoll_events);

#endif
