/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any packets to the vsock device, in chains of any shape, and what the host does meanwhile.
 *
 * Input: steps, each a byte that says what happens, then what that needs: a packet of the guest's (header fields that
 * matter, lengths of three buffers), a receive buffer of some length, bytes of the host's, the host closes, the host
 * connects, a reset, registers.
 */
#include <linux/virtio_mmio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/socket.h"
#include "runtime/vm/vsock.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/vm/guest_driver.h"

#define CID   3U
#define ENDS  8
#define STEPS 48

static struct {
	const uint8_t *data;
	size_t size;
} input;

static int ends[ENDS];
static unsigned end_count;
static uint64_t rings_gpa; /* where rings may be that are set up anew */

static size_t take(void *to, size_t len)
{
	size_t part = len < input.size ? len : input.size;

	memset(to, 0, len);
	memcpy(to, input.data, part);
	input.data += part;
	input.size -= part;
	return part;
}

static int new_end(void)
{
	struct err err = ERR_INIT;
	int pair[2], *slot = &ends[end_count++ % ENDS];

	if (sock_pair(pair, &err) < 0)
		abort();
	(void)fd_set_nonblock(pair[1], true);
	if (*slot >= 0)
		close(*slot);
	*slot = pair[1];
	return pair[0];
}

static int connect_to_host(void *data, uint32_t host_port)
{
	(void)data;
	return host_port % 4 == 3 ? -111 : new_end();
}

struct step {
	uint8_t what, op, guest_port, host_port, flags, type;
	uint8_t lengths[3];
	uint8_t lie;
	uint32_t alloc, forwarded;
};

static void packet(struct guest *guest, const struct step *step, uint64_t gpa)
{
	struct virtio_vsock_hdr header = {
		.src_cid = CID,
		.dst_cid = VSOCK_HOST_CID,
		.src_port = step->guest_port % 8,
		.dst_port = step->host_port < 200 ? step->host_port % 8 : (1U << 30) + step->host_port - 200,
		.type = step->type < 240 ? VIRTIO_VSOCK_TYPE_STREAM : step->type,
		.op = step->op % 9,
		.flags = step->flags,
		.buf_alloc = step->alloc,
		.fwd_cnt = step->forwarded,
	};
	struct guest_buffer buffers[3];
	uint32_t total = 0;
	uint64_t at = gpa;

	for (int i = 0; i < 3; i++) {
		uint32_t len = (uint32_t)step->lengths[i] * (i == 2 ? 300 : 1);

		buffers[i] = (struct guest_buffer){at, len, false};
		at += len;
		total += len;
	}
	header.len = total > sizeof(header) ? total - (uint32_t)sizeof(header) : 0;
	if (step->lie > 200)
		header.len = step->lie > 230 ? step->alloc : header.len + step->lie;
	memcpy(guest_at(guest, gpa), &header, sizeof(header));
	guest_add(guest, VSOCK_TX, buffers, 3);
}

static void read_all(void)
{
	char bytes[4096];

	for (int i = 0; i < ENDS; i++)
		while (ends[i] >= 0 && recv(ends[i], bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
			;
}

/* Registers and the configuration space, in any order and of any width; what is not there reads as nothing. */
static void registers(struct guest *guest, const struct step *step)
{
	uint64_t offset = step->op | (uint64_t)(step->flags % 4) << 8, value = step->alloc;
	uint32_t width = 1U << step->type % 4;

	if (step->lie & 1)
		virtio_mmio_write(&guest->mmio, offset, &value, width);
	value = 0;
	virtio_mmio_read(&guest->mmio, offset, &value, width);
	if (offset >= VIRTIO_MMIO_CONFIG + sizeof(struct virtio_vsock_config) && value != 0)
		abort();
	guest_config(guest, 0, &value, sizeof(value));
	if (value != CID)
		abort();
}

static void one_step(struct guest *guest, struct vsock *vsock, const struct step *step, uint64_t tx_gpa,
		     uint64_t rx_gpa)
{
	char bytes[300] = {0};
	int *end = &ends[step->guest_port % ENDS];

	switch (step->what % 9) {
	case 0:
	case 1:
	case 2:
		packet(guest, step, tx_gpa);
		break;
	case 3:
		guest_add(guest, VSOCK_RX, (struct guest_buffer[]){{rx_gpa, 44 + step->lengths[0], true}}, 1);
		break;
	case 4:
		if (*end >= 0)
			(void)!send(*end, bytes, step->lengths[0] + 1U, MSG_NOSIGNAL);
		break;
	case 5:
		if (*end >= 0)
			close(*end);
		*end = -1;
		break;
	case 6:
		if (step->op % 4 == 0)
			read_all();
		else
			(void)vsock_connect(vsock, step->guest_port % 8, new_end());
		break;
	case 7:
		guest->next_gpa = rings_gpa;
		if (step->op % 16 == 0)
			(void)guest_start(guest, ~UINT64_C(0), 64);
		break;
	case 8:
		registers(guest, step);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vsock_config config = {.guest_cid = CID, .connect = connect_to_host};
	struct err err = ERR_INIT;
	struct guest guest;
	struct vsock vsock;
	struct step step;
	uint64_t tx_gpa, rx_gpa;

	input.data = data;
	input.size = size;
	for (int i = 0; i < ENDS; i++)
		ends[i] = -1;
	end_count = 0;
	guest_open(&guest, 1 << 17);
	if (vsock_open(&vsock, &config, &guest.loop, &guest.memory, &err) < 0)
		abort();
	guest_attach(&guest, &vsock.device);
	if (!guest_start(&guest, ~UINT64_C(0), 64))
		abort();
	tx_gpa = guest_alloc(&guest, 80000);
	rx_gpa = guest_alloc(&guest, 8192);
	rings_gpa = guest.next_gpa;
	for (int i = 0; i < STEPS && take(&step, sizeof(step)) > 0; i++) {
		one_step(&guest, &vsock, &step, tx_gpa, rx_gpa);
		guest_settle(&guest);
	}
	guest_close(&guest);
	vsock_close(&vsock);
	for (int i = 0; i < ENDS; i++)
		if (ends[i] >= 0)
			close(ends[i]);
	return 0;
}
