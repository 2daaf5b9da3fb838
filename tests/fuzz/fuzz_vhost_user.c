/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any messages to a vhost-user back end, with descriptors of several kinds, and rings in whatever memory comes of it.
 *
 * Input: messages, each: a byte that chooses the request or is it, a byte of which descriptors come along, the length
 * of the payload, the payload.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/scope.h"
#include "runtime/base/socket.h"
#include "runtime/vm/vhost_user_backend.h"
#include "tests/fuzz/fuzz.h"

#define MEMORY_BYTES 65536
#define MESSAGES     64

static struct {
	const uint8_t *data;
	size_t size;
} input;

static bool is_gone;
static int memory_fd, event_fd;

static size_t take(void *to, size_t len)
{
	size_t part = len < input.size ? len : input.size;

	memset(to, 0, len);
	memcpy(to, input.data, part);
	input.data += part;
	input.size -= part;
	return part;
}

/* Touches every byte that it was given. */
static uint32_t serve(struct vhost_user_backend *backend, const struct vq_chain *chain)
{
	uint32_t written = 0;
	volatile uint8_t sum = 0;

	(void)backend;
	for (unsigned i = 0; i < chain->readable_count; i++)
		for (size_t at = 0; at < vq_readable(chain)[i].iov_len; at += 61)
			sum = (uint8_t)(sum + ((uint8_t *)vq_readable(chain)[i].iov_base)[at]);
	for (unsigned i = 0; i < chain->writable_count; i++) {
		memset(vq_writable(chain)[i].iov_base, sum, vq_writable(chain)[i].iov_len);
		written += (uint32_t)vq_writable(chain)[i].iov_len;
	}
	return written;
}

static void gone(struct vhost_user_backend *backend, const struct err *failure)
{
	(void)backend;
	if (failure && (failure->code <= 0 || !failure->msg[0] || strchr(failure->msg, '\n')))
		abort();
	is_gone = true;
}

static const struct vhost_user_ops ops = {.queues = 2, .serve = serve, .gone = gone};

/* The payload of a table of memory that fits, so that inputs come further than its checks. */
static void good_memory(struct vhost_user_message *message)
{
	message->payload.memory = (struct vhost_user_memory){
		.count = 1,
		.regions = {{.gpa = 0x1000, .bytes = MEMORY_BYTES, .front_address = 0x1000, .file_offset = 0}},
	};
	message->header.bytes = sizeof(message->payload.memory);
	message->fds[0] = memory_fd;
	message->fd_count = 1;
}

static void turn_loop(struct loop *loop)
{
	struct err err = ERR_INIT;

	for (int i = 0; i < 16 && !is_gone && loop_turn(loop, 0, &err) > 0; i++)
		continue;
}

static bool one_message(struct loop *loop, int fd)
{
	struct vhost_user_message message = {0};
	struct {
		uint8_t request, fds, bytes, flags;
	} head;
	struct err err = ERR_INIT;
	char reply[512];

	if (take(&head, sizeof(head)) < sizeof(head))
		return false;
	message.header.request = head.request % (VHOST_USER_REQUESTS + 2);
	message.header.flags =
		head.flags < 200 ? VHOST_USER_VERSION | (head.flags & VHOST_USER_NEED_REPLY) : head.flags;
	message.header.bytes = head.bytes;
	(void)take(&message.payload, message.header.bytes);
	for (unsigned i = 0; i < (head.fds & 3U); i++)
		message.fds[message.fd_count++] = head.fds & 16 ? memory_fd : event_fd;
	if (message.header.request == VHOST_USER_SET_MEM_TABLE && head.fds & 32)
		good_memory(&message);
	if (vhost_user_send(fd, &message, &err) < 0)
		return false;
	turn_loop(loop);
	while (recv(fd, reply, sizeof(reply), MSG_DONTWAIT) > 0)
		;
	return !is_gone;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t memory[MEMORY_BYTES];
	struct vhost_user_backend backend;
	struct err err = ERR_INIT;
	struct loop loop;
	int pair[2];

	input.data = data;
	input.size = size;
	is_gone = false;
	memory_fd = memfd_create("memory", MFD_CLOEXEC);
	event_fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	/* What is left of the input is what the rings hold. */
	memcpy(memory, data, size < sizeof(memory) ? size : sizeof(memory));
	if (memory_fd < 0 || event_fd < 0 || pwrite(memory_fd, memory, sizeof(memory), 0) != sizeof(memory) ||
	    loop_open(&loop, &err) < 0 || sock_pair(pair, &err) < 0 ||
	    vhost_user_backend_open(&backend, &ops, pair[0], &loop, &err) < 0)
		abort();
	for (int i = 0; i < MESSAGES && one_message(&loop, pair[1]); i++)
		;
	close(pair[1]);
	vhost_user_backend_close(&backend);
	loop_close(&loop);
	close(memory_fd);
	close(event_fd);
	return 0;
}
