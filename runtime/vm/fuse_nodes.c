/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/fuse_nodes.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdlib.h>
#include <sys/sysmacros.h>

#include "runtime/base/scope.h"

#define NONE		UINT32_MAX
#define FIRST_NODES	64U
#define FIRST_HANDLES	16U
#define GOLDEN_MULTIPLE UINT64_C(0x9e3779b97f4a7c15)

/* Slot 0 of generation 0 has to be FUSE_ROOT_ID. */
static uint64_t number_of(uint32_t slot, uint32_t generation)
{
	return (uint64_t)generation << 32 | (slot + FUSE_ROOT_ID);
}

static uint32_t slot_of(uint64_t id)
{
	return (uint32_t)id - FUSE_ROOT_ID;
}

static uint32_t generation_of(uint64_t id)
{
	return (uint32_t)(id >> 32);
}

/* How large a table becomes that is full: twice as large, at most `limit`. */
static uint32_t grown(uint32_t capacity, uint32_t first, uint32_t limit)
{
	uint32_t wanted = capacity ? capacity * 2 : first;

	return wanted < limit ? wanted : limit;
}

static uint32_t *bucket_of(struct fuse_nodes *nodes, uint64_t mount, uint64_t device, uint64_t inode)
{
	uint64_t hash = (inode ^ device << 48 ^ mount << 40) * GOLDEN_MULTIPLE;

	return &nodes->buckets[(hash >> 32) % nodes->capacity];
}

static uint32_t *bucket_of_node(struct fuse_nodes *nodes, const struct fuse_node *node)
{
	return bucket_of(nodes, node->mount, node->device, node->inode);
}

static void link_node(struct fuse_nodes *nodes, uint32_t slot)
{
	uint32_t *bucket = bucket_of_node(nodes, &nodes->slots[slot]);

	nodes->slots[slot].next = *bucket;
	*bucket = slot;
}

static void unlink_node(struct fuse_nodes *nodes, uint32_t slot)
{
	uint32_t *at = bucket_of_node(nodes, &nodes->slots[slot]);

	while (*at != slot)
		at = &nodes->slots[*at].next;
	*at = nodes->slots[slot].next;
}

/* Only when every slot is in use: each is in a bucket, and is put into its new one. */
static int grow_nodes(struct fuse_nodes *nodes)
{
	uint32_t capacity = grown(nodes->capacity, FIRST_NODES, nodes->limit);
	struct fuse_node *slots;
	uint32_t *buckets;

	if (capacity <= nodes->capacity)
		return -ENFILE;
	slots = reallocarray(nodes->slots, capacity, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	nodes->slots = slots;
	buckets = malloc(capacity * sizeof(*buckets));
	if (!buckets)
		return -ENOMEM;
	free(nodes->buckets);
	nodes->buckets = buckets;
	nodes->capacity = capacity;
	for (uint32_t i = 0; i < capacity; i++)
		buckets[i] = NONE;
	for (uint32_t i = 0; i < nodes->fresh; i++)
		link_node(nodes, i);
	return 0;
}

static int free_slot(struct fuse_nodes *nodes, uint32_t *ret)
{
	if (nodes->free != NONE) {
		*ret = nodes->free;
		nodes->free = nodes->slots[*ret].next;
		return 0;
	}
	if (nodes->fresh == nodes->capacity) {
		int r = grow_nodes(nodes);

		if (r < 0)
			return r;
	}
	*ret = nodes->fresh++;
	nodes->slots[*ret].generation = 0;
	return 0;
}

static uint64_t device_of(const struct statx *status)
{
	return makedev(status->stx_dev_major, status->stx_dev_minor);
}

static struct fuse_node *known(struct fuse_nodes *nodes, const struct statx *status, uint32_t *ret_slot)
{
	uint64_t device = device_of(status);

	for (uint32_t i = *bucket_of(nodes, status->stx_mnt_id, device, status->stx_ino); i != NONE;
	     i = nodes->slots[i].next) {
		struct fuse_node *node = &nodes->slots[i];

		if (node->inode == status->stx_ino && node->device == device && node->mount == status->stx_mnt_id) {
			*ret_slot = i;
			return node;
		}
	}
	return NULL;
}

int fuse_nodes_enter(struct fuse_nodes *nodes, int fd, const struct statx *status, uint64_t *ret_id)
{
	CLEANUP_FD int owned = fd;
	uint32_t slot;
	struct fuse_node *node = known(nodes, status, &slot);

	if (!node) {
		int r = free_slot(nodes, &slot);

		if (r < 0)
			return r;
		node = &nodes->slots[slot];
		*node = (struct fuse_node){
			.fd = fd_take(&owned),
			.generation = node->generation,
			.type = status->stx_mode & S_IFMT,
			.mount = status->stx_mnt_id,
			.device = device_of(status),
			.inode = status->stx_ino,
		};
		link_node(nodes, slot);
		nodes->count++;
	}
	node->lookups++;
	*ret_id = number_of(slot, node->generation);
	return 0;
}

int fuse_nodes_open(struct fuse_nodes *nodes, int root_fd, unsigned limit)
{
	CLEANUP_FD int owned = root_fd;
	struct statx status;
	uint64_t id;
	int r;

	*nodes = (struct fuse_nodes){.free = NONE, .limit = limit > 0 ? limit : 1};
	if (statx(root_fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID, &status) < 0)
		return -errno;
	r = grow_nodes(nodes);
	return r < 0 ? r : fuse_nodes_enter(nodes, fd_take(&owned), &status, &id);
}

static void drop(struct fuse_nodes *nodes, uint32_t slot)
{
	struct fuse_node *node = &nodes->slots[slot];

	unlink_node(nodes, slot);
	scope_fd(&node->fd);
	node->fd = -1;
	/* The number that the guest had for it never comes back; not in 2^32 turns of this slot. */
	node->generation++;
	node->next = nodes->free;
	nodes->free = slot;
	nodes->count--;
}

void fuse_nodes_clear(struct fuse_nodes *nodes)
{
	for (uint32_t i = 1; i < nodes->fresh; i++)
		if (nodes->slots[i].fd >= 0)
			drop(nodes, i);
}

void fuse_nodes_close(struct fuse_nodes *nodes)
{
	fuse_nodes_clear(nodes);
	if (nodes->fresh > 0)
		scope_fd(&nodes->slots[0].fd);
	free(nodes->slots);
	free(nodes->buckets);
	*nodes = (struct fuse_nodes){.free = NONE};
}

struct fuse_node *fuse_nodes_find(struct fuse_nodes *nodes, uint64_t id)
{
	uint32_t slot = slot_of(id);

	if (slot >= nodes->fresh || nodes->slots[slot].fd < 0 || nodes->slots[slot].generation != generation_of(id))
		return NULL;
	return &nodes->slots[slot];
}

void fuse_nodes_forget(struct fuse_nodes *nodes, uint64_t id, uint64_t lookups)
{
	struct fuse_node *node = fuse_nodes_find(nodes, id);

	if (!node || id == FUSE_ROOT_ID)
		return;
	node->lookups -= lookups < node->lookups ? lookups : node->lookups;
	if (node->lookups == 0)
		drop(nodes, slot_of(id));
}

void fuse_handles_open(struct fuse_handles *handles, unsigned limit)
{
	*handles = (struct fuse_handles){.free = NONE, .limit = limit};
}

int fuse_handles_add(struct fuse_handles *handles, int fd, enum fuse_handle_kind kind, uint64_t *ret_id)
{
	CLEANUP_FD int owned = fd;
	uint32_t slot = handles->free;

	if (slot == NONE && handles->fresh == handles->capacity) {
		uint32_t capacity = grown(handles->capacity, FIRST_HANDLES, handles->limit);
		struct fuse_handle *slots;

		if (capacity <= handles->capacity)
			return -ENFILE;
		slots = reallocarray(handles->slots, capacity, sizeof(*slots));
		if (!slots)
			return -ENOMEM;
		handles->slots = slots;
		handles->capacity = capacity;
	}
	if (slot == NONE) {
		slot = handles->fresh++;
		handles->slots[slot].generation = 0;
	} else {
		handles->free = handles->slots[slot].next_free;
	}
	handles->slots[slot] = (struct fuse_handle){.fd = fd_take(&owned),
						    .generation = handles->slots[slot].generation,
						    .kind = kind};
	handles->count++;
	*ret_id = number_of(slot, handles->slots[slot].generation);
	return 0;
}

struct fuse_handle *fuse_handles_find(struct fuse_handles *handles, uint64_t id, enum fuse_handle_kind kind)
{
	uint32_t slot = slot_of(id);

	if (slot >= handles->fresh || handles->slots[slot].kind != kind ||
	    handles->slots[slot].generation != generation_of(id))
		return NULL;
	return &handles->slots[slot];
}

void fuse_handles_remove(struct fuse_handles *handles, uint64_t id, enum fuse_handle_kind kind)
{
	struct fuse_handle *handle = fuse_handles_find(handles, id, kind);

	if (!handle)
		return;
	scope_fd(&handle->fd);
	handle->kind = FUSE_HANDLE_FREE;
	handle->generation++;
	handle->next_free = handles->free;
	handles->free = slot_of(id);
	handles->count--;
}

void fuse_handles_clear(struct fuse_handles *handles)
{
	for (uint32_t i = 0; i < handles->fresh; i++)
		if (handles->slots[i].kind != FUSE_HANDLE_FREE)
			fuse_handles_remove(handles, number_of(i, handles->slots[i].generation),
					    handles->slots[i].kind);
}

void fuse_handles_close(struct fuse_handles *handles)
{
	fuse_handles_clear(handles);
	free(handles->slots);
	*handles = (struct fuse_handles){.free = NONE};
}
