/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any requests to the FUSE server: numbers of nodes and handles that it gave out, in part, in whatever order, with any
 * names. What is not shared stays as it was, and everything is given back in the end.
 *
 * Input: requests, one behind the other, each: opcode, node, handle (indices of those that were given out; 0xff: the
 * bytes that follow), length of the fixed struct in bytes, length of the text (the highest stand for some that are too
 * long), then both.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/scope.h"
#include "runtime/vm/fuse_parts.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/vm/fuse_driver.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);

#define KNOWN	 16
#define REQUESTS 40
#define FOUND	 "build/fuzz"

static struct {
	const uint8_t *data;
	size_t size;
} input;

static uint64_t nodes[KNOWN], handles[KNOWN];
static unsigned node_count, handle_count;

static size_t take(void *to, size_t len)
{
	size_t part = len < input.size ? len : input.size;

	memcpy(to, input.data, part);
	input.data += part;
	input.size -= part;
	return part;
}

static void learn(struct fuse_driver *driver, uint32_t opcode)
{
	switch (opcode) {
	case FUSE_LOOKUP:
	case FUSE_MKDIR:
	case FUSE_MKNOD:
	case FUSE_SYMLINK:
	case FUSE_LINK:
	case FUSE_CREATE:
		nodes[node_count++ % KNOWN] = FUSE_DRIVER_REPLY(driver, fuse_entry_out)->nodeid;
		break;
	case FUSE_OPEN:
	case FUSE_OPENDIR:
		handles[handle_count++ % KNOWN] = FUSE_DRIVER_REPLY(driver, fuse_open_out)->fh;
		break;
	}
	if (opcode == FUSE_CREATE) {
		struct fuse_open_out opened;

		memcpy(&opened, driver->reply + sizeof(struct fuse_entry_out), sizeof(opened));
		handles[handle_count++ % KNOWN] = opened.fh;
	}
}

static bool one_request(struct fuse_driver *driver)
{
	struct {
		uint8_t opcode, node, handle, arg_bytes, text_bytes;
	} head;
	uint64_t arg[32] = {0}, node;
	/* At the bound, behind it, and behind all of what the server has. */
	static const size_t lengths[] = {FUSE_TEXT_BYTES, FUSE_TEXT_BYTES + 1, FUSE_TEXT_BYTES + 2,
					 sizeof(struct fuse)};
	static char text[FUSE_TEXT_BYTES + sizeof(struct fuse)];
	size_t text_bytes;
	uint32_t opcode;

	if (take(&head, sizeof(head)) < sizeof(head))
		return false;
	opcode = head.opcode % 54;
	head.arg_bytes = head.arg_bytes > 200 ? 200 : head.arg_bytes;
	(void)take(arg, head.arg_bytes);
	text_bytes = take(text, head.text_bytes);
	if (head.text_bytes > UINT8_MAX - ARRAY_SIZE(lengths)) {
		/* Nothing of the requests before. */
		memset(text + text_bytes, 'x', sizeof(text) - text_bytes);
		text_bytes = lengths[UINT8_MAX - head.text_bytes];
	}
	node = nodes[head.node % KNOWN];
	if (head.node == 0xff)
		node = arg[8];
	/* Where most structs have a handle or another node. */
	if (head.handle < 2 * KNOWN && opcode != FUSE_INIT)
		arg[0] = head.handle < KNOWN ? handles[head.handle] : nodes[head.handle - KNOWN];
	/* To disk goes none of this. */
	if (opcode == FUSE_SYNCFS || opcode == FUSE_FSYNC || opcode == FUSE_FSYNCDIR)
		return true;
	/* And files stay small. */
	if (opcode == FUSE_FALLOCATE || opcode == FUSE_WRITE)
		arg[1] &= 0xffff, arg[2] &= 0xffff;
	if (fuse_driver_ask(driver, opcode, node, arg, head.arg_bytes, text, text_bytes) == 0)
		learn(driver, opcode);
	return true;
}

/* In memory, where there is such a place: each input has a directory of its own. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	struct mount_attr writable = {.attr_clr = MOUNT_ATTR_RDONLY};
	struct fuse_driver driver;

	if (access("/dev/shm", W_OK) == 0)
		(void)setenv("TMPDIR", "/dev/shm", 0);
	/*
	 * The driver takes all but that out of reach; what is found and learned goes into one more folder, where there
	 * is one.
	 */
	fuse_driver_open(&driver, false, 1, 1);
	fuzz_want(fuse_driver_close(&driver), "something outside of the share has changed");
	if (mount(FOUND, FOUND, NULL, MS_BIND, NULL) == 0)
		(void)mount_setattr(AT_FDCWD, FOUND, 0, &writable, sizeof(writable));
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuse_driver driver;
	uint8_t how = 0;

	input.data = data;
	input.size = size;
	(void)take(&how, 1);
	fuse_driver_open(&driver, false, 8, 4);
	memset(nodes, 0, sizeof(nodes));
	memset(handles, 0, sizeof(handles));
	node_count = handle_count = 0;
	nodes[node_count++] = FUSE_ROOT_ID;
	/* Something to begin with: a folder, a file, links that lead out. */
	(void)fuse_driver_mkdir(&driver, FUSE_ROOT_ID, "a", &nodes[node_count++]);
	(void)fuse_driver_create(&driver, FUSE_ROOT_ID, "f", O_RDWR, 0644, &nodes[node_count++],
				 &handles[handle_count++]);
	(void)fuse_driver_symlink(&driver, FUSE_ROOT_ID, "l", "../outside/secret", &nodes[node_count++]);
	(void)fuse_driver_symlink(&driver, FUSE_ROOT_ID, "d", "../outside", &nodes[node_count++]);
	driver.uid = how & 1 ? 1000 : 0;
	for (int i = 0; i < REQUESTS && one_request(&driver); i++) {
		struct fuse_counts counts = fuse_counts(driver.fuse);

		fuzz_want(counts.nodes <= 8 && counts.handles <= 4, "more nodes or handles than allowed");
	}
	fuzz_want(fuse_driver_close(&driver), "something outside of the share has changed");
	fuzz_want((uid_t)setfsuid((uid_t)-1) == geteuid() && (gid_t)setfsgid((gid_t)-1) == getegid(),
		  "another user than before");
	return 0;
}
