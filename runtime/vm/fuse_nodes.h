/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the guest's kernel knows of a shared directory: nodes (files that it has looked up, until it forgets them) and
 * handles (files that it has open). Both are named to it by numbers with a generation in the upper half, so that a
 * number that was given back means nothing any more.
 */
#ifndef HULL_RUNTIME_VM_FUSE_NODES_H
#define HULL_RUNTIME_VM_FUSE_NODES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/*
 * A file or directory. The descriptor pins its inode, so that device and inode number stay its own for as long as the
 * node lives.
 */
struct fuse_node {
	int fd; /* O_PATH; -1: the slot is free */
	uint32_t generation;
	uint32_t next; /* in its bucket, or in the list of free slots */
	mode_t type;   /* S_IFMT */
	uint64_t mount, device, inode;
	uint64_t lookups; /* how often the guest was given it, less what it has forgotten */
};

struct fuse_nodes {
	struct fuse_node *slots; /* [0] is the directory itself: FUSE_ROOT_ID, for ever */
	uint32_t capacity, fresh, free, count, limit;
	uint32_t *buckets; /* `capacity` of them */
};

enum fuse_handle_kind { FUSE_HANDLE_FREE, FUSE_HANDLE_FILE, FUSE_HANDLE_DIRECTORY };

struct fuse_handle {
	int fd;
	uint32_t generation;
	uint32_t next_free;
	enum fuse_handle_kind kind;
	int64_t position; /* of a directory: where its next entry is read */
};

struct fuse_handles {
	struct fuse_handle *slots;
	uint32_t capacity, fresh, free, count, limit;
};

/* `root_fd` is taken over, -1 included. 0, -ENOMEM, or what fstat said. */
int fuse_nodes_open(struct fuse_nodes *nodes, int root_fd, unsigned limit);
void fuse_nodes_close(struct fuse_nodes *nodes);
/* Everything but the root is forgotten. */
void fuse_nodes_clear(struct fuse_nodes *nodes);

/* The node with this number, or NULL: there is none, or there is none any more. */
struct fuse_node *fuse_nodes_find(struct fuse_nodes *nodes, uint64_t id);
/*
 * The node of the file behind `fd` (O_PATH, taken over in every case), new or already known, looked up once more.
 * `status` is what statx(2) says of it. 0, -ENFILE, -ENOMEM.
 */
int fuse_nodes_enter(struct fuse_nodes *nodes, int fd, const struct statx *status, uint64_t *ret_id);
/* The guest forgets `lookups` of its look-ups; more than there were count as all. */
void fuse_nodes_forget(struct fuse_nodes *nodes, uint64_t id, uint64_t lookups);

void fuse_handles_open(struct fuse_handles *handles, unsigned limit);
void fuse_handles_close(struct fuse_handles *handles);
void fuse_handles_clear(struct fuse_handles *handles);
/* The descriptor is taken over in every case. 0, -ENFILE, -ENOMEM. */
int fuse_handles_add(struct fuse_handles *handles, int fd, enum fuse_handle_kind kind, uint64_t *ret_id);
/* NULL when there is none of this kind with this number. */
struct fuse_handle *fuse_handles_find(struct fuse_handles *handles, uint64_t id, enum fuse_handle_kind kind);
void fuse_handles_remove(struct fuse_handles *handles, uint64_t id, enum fuse_handle_kind kind);

#endif
