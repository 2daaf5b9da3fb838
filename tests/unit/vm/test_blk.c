/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The block device, by its ring and without one: both do the same. */
#include "runtime/vm/blk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/vm/blk_ring.h"
#include "tests/unit/tap.h"
#include "tests/unit/vm/guest_driver.h"

#define DISK_BYTES   (1U << 20)
#define MEMORY_BYTES (2U << 20)

/* A disk of 2048 sectors, whose bytes tell where they are, and a guest that drives it. */
struct bench {
	struct guest guest;
	struct blk blk;
	int fd; /* the disk, once more */
	uint64_t header_gpa, status_gpa;
};

static bool with_ring;

static uint8_t pattern(size_t offset)
{
	return (uint8_t)(offset * 7 + offset / 512 * 13);
}

static int disk_make(void)
{
	int fd = memfd_create("disk", MFD_CLOEXEC);
	static uint8_t bytes[DISK_BYTES];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = pattern(i);
	if (fd < 0 || write(fd, bytes, sizeof(bytes)) != (ssize_t)sizeof(bytes))
		abort();
	return fd;
}

static void bench_open(struct bench *bench, bool read_only, unsigned queues)
{
	struct err err = ERR_INIT;
	struct blk_disk disk = {.read_only = read_only, .serial = "layer0", .queues = queues, .no_ring = !with_ring};

	bench->fd = disk_make();
	disk.fd = dup(bench->fd);
	guest_open(&bench->guest, MEMORY_BYTES);
	if (blk_open(&bench->blk, &disk, &bench->guest.loop, &bench->guest.memory, &err) < 0) {
		printf("# %s\n", err.msg);
		abort();
	}
	CHECK((bench->blk.ring != NULL) == with_ring);
	guest_attach(&bench->guest, &bench->blk.device);
	bench->header_gpa = guest_alloc(&bench->guest, sizeof(struct virtio_blk_outhdr));
	bench->status_gpa = guest_alloc(&bench->guest, 1);
}

static void bench_close(struct bench *bench)
{
	guest_close(&bench->guest);
	blk_close(&bench->blk);
	close(bench->fd);
}

static void header_put(struct bench *bench, uint32_t type, uint64_t sector)
{
	struct virtio_blk_outhdr header = {.type = type, .sector = sector};

	memcpy(guest_at(&bench->guest, bench->header_gpa), &header, sizeof(header));
	*(uint8_t *)guest_at(&bench->guest, bench->status_gpa) = 0xee;
}

/* One request with one buffer of data; its status, or 0xff when none came back. */
static uint8_t request(struct bench *bench, uint32_t type, uint64_t sector, uint64_t data_gpa, uint32_t len,
		       uint32_t *ret_written)
{
	bool in = type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_GET_ID;
	struct guest_buffer buffers[3] = {{bench->header_gpa, sizeof(struct virtio_blk_outhdr), false}};
	unsigned count = 1;
	uint16_t head, back;

	header_put(bench, type, sector);
	if (len > 0)
		buffers[count++] = (struct guest_buffer){data_gpa, len, in};
	buffers[count++] = (struct guest_buffer){bench->status_gpa, 1, true};
	head = guest_add(&bench->guest, 0, buffers, count);
	if (!guest_wait(&bench->guest, 0, &back, ret_written) || back != head)
		return 0xff;
	return *(uint8_t *)guest_at(&bench->guest, bench->status_gpa);
}

static void test_read_and_write(void)
{
	struct bench bench;
	uint8_t *data, on_disk[1024];
	uint64_t gpa;
	uint32_t written;
	bool same = true;

	bench_open(&bench, false, 1);
	CHECK(guest_start(&bench.guest, ~0ULL, 64));
	gpa = guest_alloc(&bench.guest, 8192);
	data = guest_at(&bench.guest, gpa);
	CHECK_INT(request(&bench, VIRTIO_BLK_T_IN, 3, gpa, 4096, &written), VIRTIO_BLK_S_OK);
	CHECK_INT(written, 4097);
	for (size_t i = 0; i < 4096; i++)
		same = same && data[i] == pattern(3 * 512 + i);
	CHECK(same);
	memset(data, 0x5a, 1024);
	CHECK_INT(request(&bench, VIRTIO_BLK_T_OUT, 2046, gpa, 1024, &written), VIRTIO_BLK_S_OK);
	CHECK_INT(written, 1);
	CHECK_INT(pread(bench.fd, on_disk, 1024, 2046 * 512), 1024);
	CHECK(memcmp(on_disk, data, 1024) == 0);
	CHECK_INT(request(&bench, VIRTIO_BLK_T_FLUSH, 0, 0, 0, &written), VIRTIO_BLK_S_OK);
	CHECK(guest_edges(&bench.guest) > 0);
	CHECK_INT(guest_interrupt(&bench.guest), VQ_INTERRUPT_USED);
	bench_close(&bench);
}

static void test_ranges(void)
{
	static const struct {
		uint32_t type;
		uint64_t sector;
		uint32_t len;
		uint8_t status;
	} cases[] = {
		{VIRTIO_BLK_T_IN, 2047, 512, VIRTIO_BLK_S_OK},
		{VIRTIO_BLK_T_IN, 2048, 0, VIRTIO_BLK_S_OK},
		{VIRTIO_BLK_T_IN, 2047, 1024, VIRTIO_BLK_S_IOERR},
		{VIRTIO_BLK_T_IN, 2048, 512, VIRTIO_BLK_S_IOERR},
		{VIRTIO_BLK_T_IN, 2049, 0, VIRTIO_BLK_S_IOERR},
		{VIRTIO_BLK_T_IN, UINT64_MAX, 512, VIRTIO_BLK_S_IOERR},
		{VIRTIO_BLK_T_IN, UINT64_MAX / 512, 1024, VIRTIO_BLK_S_IOERR},
		{VIRTIO_BLK_T_IN, UINT64_MAX / 512 + 1, 512, VIRTIO_BLK_S_IOERR},
		{VIRTIO_BLK_T_IN, 0, 511, VIRTIO_BLK_S_IOERR},
		{VIRTIO_BLK_T_OUT, 0, 513, VIRTIO_BLK_S_IOERR},
		{VIRTIO_BLK_T_OUT, 2048, 512, VIRTIO_BLK_S_IOERR},
		{VIRTIO_BLK_T_OUT, UINT64_MAX - 1, 1024, VIRTIO_BLK_S_IOERR},
		{77, 0, 512, VIRTIO_BLK_S_UNSUPP},
		{VIRTIO_BLK_T_SECURE_ERASE, 0, 16, VIRTIO_BLK_S_UNSUPP},
	};
	struct bench bench;
	uint64_t gpa;
	uint32_t written;

	bench_open(&bench, false, 1);
	CHECK(guest_start(&bench.guest, 0, 64));
	gpa = guest_alloc(&bench.guest, 4096);
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t status = request(&bench, cases[i].type, cases[i].sector, gpa, cases[i].len, &written);

		if (status != cases[i].status)
			printf("# case %u\n", i);
		CHECK_INT(status, cases[i].status);
		if (cases[i].status != VIRTIO_BLK_S_OK)
			CHECK_INT(written, 1);
	}
	CHECK(!guest_needs_reset(&bench.guest));
	bench_close(&bench);
}

static void test_read_only(void)
{
	struct bench bench;
	uint8_t before[512], after[512];
	uint64_t gpa;
	uint32_t written;

	bench_open(&bench, true, 1);
	CHECK(guest_start(&bench.guest, ~0ULL, 64));
	CHECK(bench.guest.features & VIRTIO_BIT(VIRTIO_BLK_F_RO));
	CHECK(!(bench.guest.features & VIRTIO_BIT(VIRTIO_BLK_F_DISCARD)));
	gpa = guest_alloc(&bench.guest, 512);
	CHECK_INT(pread(bench.fd, before, 512, 0), 512);
	CHECK_INT(request(&bench, VIRTIO_BLK_T_OUT, 0, gpa, 512, &written), VIRTIO_BLK_S_IOERR);
	CHECK_INT(request(&bench, VIRTIO_BLK_T_WRITE_ZEROES, 0, gpa, 16, &written), VIRTIO_BLK_S_IOERR);
	CHECK_INT(request(&bench, VIRTIO_BLK_T_DISCARD, 0, gpa, 16, &written), VIRTIO_BLK_S_IOERR);
	CHECK_INT(request(&bench, VIRTIO_BLK_T_FLUSH, 0, 0, 0, &written), VIRTIO_BLK_S_OK);
	CHECK_INT(request(&bench, VIRTIO_BLK_T_IN, 0, gpa, 512, &written), VIRTIO_BLK_S_OK);
	CHECK_INT(pread(bench.fd, after, 512, 0), 512);
	CHECK(memcmp(before, after, 512) == 0);
	bench_close(&bench);
}

static void test_serial_and_config(void)
{
	struct bench bench;
	struct virtio_blk_config config;
	char serial[32] = "";
	uint64_t gpa;
	uint32_t written;

	bench_open(&bench, false, 2);
	CHECK(guest_start(&bench.guest, ~0ULL, 64));
	guest_config(&bench.guest, 0, &config, sizeof(config));
	CHECK_INT(config.capacity, DISK_BYTES / 512);
	CHECK_INT(config.num_queues, 2);
	CHECK(config.seg_max + 2 <= guest_read32(&bench.guest, 0x34));
	gpa = guest_alloc(&bench.guest, 20);
	CHECK_INT(request(&bench, VIRTIO_BLK_T_GET_ID, 0, gpa, 20, &written), VIRTIO_BLK_S_OK);
	CHECK_INT(written, 21);
	memcpy(serial, guest_at(&bench.guest, gpa), 20);
	CHECK_STR(serial, "layer0");
	/* Room for less than the whole serial: no byte behind it is touched. */
	memset(guest_at(&bench.guest, gpa), 'x', 20);
	CHECK_INT(request(&bench, VIRTIO_BLK_T_GET_ID, 0, gpa, 4, &written), VIRTIO_BLK_S_OK);
	CHECK_INT(written, 5);
	memcpy(serial, guest_at(&bench.guest, gpa), 20);
	CHECK_STR(serial, "layexxxxxxxxxxxxxxxx");
	bench_close(&bench);
}

static bool is_zero(int fd, size_t offset, size_t len)
{
	uint8_t bytes[4096];

	if (len > sizeof(bytes) || pread(fd, bytes, len, (off_t)offset) != (ssize_t)len)
		return false;
	for (size_t i = 0; i < len; i++)
		if (bytes[i])
			return false;
	return true;
}

static void test_discard_and_zeroes(void)
{
	static const struct {
		uint32_t type;
		struct virtio_blk_discard_write_zeroes area;
		uint8_t status;
		bool zeroed;
	} cases[] = {
		{VIRTIO_BLK_T_DISCARD, {8, 8, 0}, VIRTIO_BLK_S_OK, true},
		{VIRTIO_BLK_T_WRITE_ZEROES, {32, 8, VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP}, VIRTIO_BLK_S_OK, true},
		{VIRTIO_BLK_T_DISCARD, {2047, 2, 0}, VIRTIO_BLK_S_IOERR, false},
		{VIRTIO_BLK_T_DISCARD, {UINT64_MAX, 8, 0}, VIRTIO_BLK_S_IOERR, false},
		{VIRTIO_BLK_T_DISCARD, {16, UINT32_MAX, 0}, VIRTIO_BLK_S_IOERR, false},
		{VIRTIO_BLK_T_DISCARD, {16, 8, 1}, VIRTIO_BLK_S_UNSUPP, false},
		{VIRTIO_BLK_T_WRITE_ZEROES, {16, 8, 2}, VIRTIO_BLK_S_UNSUPP, false},
		{VIRTIO_BLK_T_WRITE_ZEROES, {16, 8, 3}, VIRTIO_BLK_S_UNSUPP, false},
		{VIRTIO_BLK_T_WRITE_ZEROES, {16, 0, 0}, VIRTIO_BLK_S_OK, false},
	};
	struct bench bench;
	uint64_t gpa;
	uint32_t written;

	bench_open(&bench, false, 1);
	CHECK(guest_start(&bench.guest, ~0ULL, 64));
	gpa = guest_alloc(&bench.guest, 64);
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t sector = cases[i].area.sector < 2047 ? cases[i].area.sector : 2046;

		memcpy(guest_at(&bench.guest, gpa), &cases[i].area, sizeof(cases[i].area));
		CHECK_INT(request(&bench, cases[i].type, 0, gpa, sizeof(cases[i].area), &written), cases[i].status);
		CHECK_INT(is_zero(bench.fd, sector * 512, 1024), cases[i].zeroed);
	}
	/* Not one area, and not a whole one. */
	CHECK_INT(request(&bench, VIRTIO_BLK_T_DISCARD, 0, gpa, 32, &written), VIRTIO_BLK_S_UNSUPP);
	CHECK_INT(request(&bench, VIRTIO_BLK_T_DISCARD, 0, gpa, 15, &written), VIRTIO_BLK_S_UNSUPP);
	CHECK_INT(lseek(bench.fd, 0, SEEK_END), DISK_BYTES);
	bench_close(&bench);
}

/* Header and data in pieces, some of them empty, and the status at the end of the data's buffer. */
static void test_pieces(void)
{
	struct bench bench;
	uint64_t gpa;
	uint32_t written;
	uint16_t head;
	const uint8_t *data;
	bool same = true;

	bench_open(&bench, false, 1);
	CHECK(guest_start(&bench.guest, ~0ULL, 64));
	gpa = guest_alloc(&bench.guest, 4096);
	header_put(&bench, VIRTIO_BLK_T_IN, 1);
	(void)guest_add_indirect(&bench.guest, 0,
				 (struct guest_buffer[]){{bench.header_gpa, 5, false},
							 {bench.header_gpa + 5, 11, false},
							 {gpa, 0, true},
							 {gpa, 100, true},
							 {gpa + 100, 412, true},
							 {gpa + 512, 512 + 1, true}},
				 6);
	CHECK(guest_wait(&bench.guest, 0, &head, &written));
	CHECK_INT(written, 1025);
	data = guest_at(&bench.guest, gpa);
	for (size_t i = 0; i < 1024; i++)
		same = same && data[i] == pattern(512 + i);
	CHECK(same);
	CHECK_INT(data[1024], VIRTIO_BLK_S_OK);
	bench_close(&bench);
}

/* More requests than flights, over several queues, each read checked. */
static void test_many(void)
{
	enum { REQUESTS = 120, QUEUES = 3 };
	struct bench bench;
	uint64_t gpa, statuses;
	unsigned back = 0;
	bool same = true;

	bench_open(&bench, false, QUEUES);
	CHECK(guest_start(&bench.guest, ~0ULL, 128));
	gpa = guest_alloc(&bench.guest, (size_t)REQUESTS * QUEUES * 512);
	statuses = guest_alloc(&bench.guest, (size_t)REQUESTS * QUEUES);
	for (unsigned i = 0; i < REQUESTS * QUEUES; i++) {
		uint64_t header = guest_alloc(&bench.guest, sizeof(struct virtio_blk_outhdr));
		struct virtio_blk_outhdr bytes = {.type = VIRTIO_BLK_T_IN, .sector = i};

		memcpy(guest_at(&bench.guest, header), &bytes, sizeof(bytes));
		*(uint8_t *)guest_at(&bench.guest, statuses + i) = 0xee;
		(void)guest_add_indirect(&bench.guest, i % QUEUES,
					 (struct guest_buffer[]){{header, sizeof(bytes), false},
								 {gpa + i * 512ULL, 512, true},
								 {statuses + i, 1, true}},
					 3);
	}
	for (unsigned i = 0; i < REQUESTS * QUEUES; i++) {
		uint16_t head;
		uint32_t written;

		back += guest_wait(&bench.guest, i % QUEUES, &head, &written) && written == 513;
	}
	CHECK_INT(back, REQUESTS * QUEUES);
	for (unsigned i = 0; i < REQUESTS * QUEUES; i++) {
		const uint8_t *data = guest_at(&bench.guest, gpa + i * 512ULL);

		same = same && *(uint8_t *)guest_at(&bench.guest, statuses + i) == VIRTIO_BLK_S_OK;
		for (size_t j = 0; j < 512; j++)
			same = same && data[j] == pattern(i * 512 + j);
	}
	CHECK(same);
	CHECK_INT(bench.blk.in_flight, 0);
	bench_close(&bench);
}

/*
 * Reset while the kernel works: when it is over nothing is in flight, and nothing of the old requests is written any
 * more. Flushes are always done by a thread of the kernel's, so some are in flight still when the kick has been
 * handled: in most rounds, and not always on a busy machine.
 */
static void test_reset_in_flight(void)
{
	enum { ROUNDS = 20, MOST_ROUNDS = 5000, REQUESTS = 30 };
	struct bench bench;
	uint16_t head;
	uint32_t written;
	uint64_t gpa;
	unsigned seen = 0;

	bench_open(&bench, false, 1);
	for (unsigned round = 0; round < ROUNDS || (with_ring && !seen && round < MOST_ROUNDS); round++) {
		uint8_t *status = guest_at(&bench.guest, bench.status_gpa);

		bench.guest.next_gpa = bench.status_gpa + 64;
		CHECK(guest_start(&bench.guest, ~0ULL, 64));
		header_put(&bench, VIRTIO_BLK_T_FLUSH, 0);
		for (unsigned i = 0; i < REQUESTS; i++)
			(void)guest_add(&bench.guest, 0,
					(struct guest_buffer[]){{bench.header_gpa, 16, false},
								{bench.status_gpa, 1, true}},
					2);
		bench.blk.device.ops->kick(&bench.blk.device, 0);
		seen += bench.blk.in_flight;
		guest_reset(&bench.guest);
		CHECK_INT(bench.blk.in_flight, 0);
		*status = 0x11;
		guest_settle(&bench.guest);
		CHECK_INT(*status, 0x11);
	}
	CHECK((seen > 0) == with_ring);
	/* It works as before. */
	bench.guest.next_gpa = bench.status_gpa + 64;
	CHECK(guest_start(&bench.guest, ~0ULL, 64));
	gpa = guest_alloc(&bench.guest, 512);
	CHECK_INT(request(&bench, VIRTIO_BLK_T_IN, 1, gpa, 512, &written), VIRTIO_BLK_S_OK);
	CHECK(!guest_used(&bench.guest, 0, &head, &written));
	bench_close(&bench);
}

/* Requests that a driver may not make: the queue stops, and a reset makes it good again. */
static void test_broken_requests(void)
{
	struct bench bench;
	uint16_t head;
	uint32_t written;
	uint64_t gpa;

	bench_open(&bench, false, 1);
	for (unsigned kind = 0; kind < 3; kind++) {
		CHECK(guest_start(&bench.guest, ~0ULL, 64));
		if (kind == 0) /* a header that is cut off */
			(void)guest_add(&bench.guest, 0,
					(struct guest_buffer[]){{bench.header_gpa, 15, false},
								{bench.status_gpa, 1, true}},
					2);
		else if (kind == 1) /* nowhere to say how it went */
			(void)guest_add(&bench.guest, 0, (struct guest_buffer[]){{bench.header_gpa, 16, false}}, 1);
		else /* nowhere at all */
			(void)guest_add(&bench.guest, 0,
					(struct guest_buffer[]){{bench.header_gpa, 16, false}, {UINT64_MAX, 1, true}},
					2);
		guest_settle(&bench.guest);
		CHECK(guest_needs_reset(&bench.guest));
		CHECK(!guest_used(&bench.guest, 0, &head, &written));
		CHECK(guest_interrupt(&bench.guest) & VQ_INTERRUPT_CONFIG);
	}
	CHECK(guest_start(&bench.guest, ~0ULL, 64));
	gpa = guest_alloc(&bench.guest, 512);
	CHECK_INT(request(&bench, VIRTIO_BLK_T_IN, 1, gpa, 512, &written), VIRTIO_BLK_S_OK);
	bench_close(&bench);
}

/* The file is shorter now than it was: what is missing is an error, not somebody's old memory. */
static void test_cut_off(void)
{
	struct bench bench;
	uint64_t gpa;
	uint32_t written;

	bench_open(&bench, false, 1);
	CHECK(guest_start(&bench.guest, ~0ULL, 64));
	gpa = guest_alloc(&bench.guest, 4096);
	CHECK(ftruncate(bench.fd, DISK_BYTES - 1024) == 0);
	CHECK_INT(request(&bench, VIRTIO_BLK_T_IN, 2040, gpa, 4096, &written), VIRTIO_BLK_S_IOERR);
	CHECK_INT(request(&bench, VIRTIO_BLK_T_IN, 2040, gpa, 3072, &written), VIRTIO_BLK_S_OK);
	bench_close(&bench);
}

static void test_bad_disks(void)
{
	struct guest guest;
	struct blk blk;
	struct err err = ERR_INIT;
	int odd = memfd_create("odd", MFD_CLOEXEC), pipes[2];

	guest_open(&guest, 4096);
	CHECK(pipe2(pipes, O_CLOEXEC) == 0);
	CHECK(ftruncate(odd, 1000) == 0);
	CHECK(blk_open(&blk, &(struct blk_disk){.fd = dup(pipes[0]), .serial = "p", .queues = 1}, &guest.loop,
		       &guest.memory, &err) == -EINVAL);
	CHECK_HAS(err.msg, "neither a regular file nor a block device");
	CHECK(blk_open(&blk, &(struct blk_disk){.fd = dup(odd), .serial = "o", .queues = 1}, &guest.loop, &guest.memory,
		       &err) == -EINVAL);
	CHECK_HAS(err.msg, "no multiple of 512");
	CHECK(blk_open(&blk,
		       &(struct blk_disk){.fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC),
					  .serial = "r",
					  .queues = 1},
		       &guest.loop, &guest.memory, &err) == -EINVAL);
	CHECK_HAS(err.msg, "opened for reading");
	CHECK(blk_open(&blk, &(struct blk_disk){.fd = dup(odd), .serial = "123456789012345678901", .queues = 1},
		       &guest.loop, &guest.memory, &err) == -EINVAL);
	CHECK(blk_open(&blk, &(struct blk_disk){.fd = dup(odd), .serial = "q", .queues = BLK_MAX_QUEUES + 1},
		       &guest.loop, &guest.memory, &err) == -EINVAL);
	close(odd);
	close(pipes[0]);
	close(pipes[1]);
	guest_close(&guest);
}

static bool no_io_uring(void)
{
	struct blk_ring *ring = NULL;
	int disk = disk_make(), r = blk_ring_make(disk, 8, &ring);

	blk_ring_free(ring);
	close(disk);
	return r < 0;
}

/* Whoever takes the monitor over finds a ring that does nothing else, to no other file. */
static void test_restrictions(void)
{
	int disk = disk_make(), other = memfd_create("other", MFD_CLOEXEC);
	struct blk_job job = {.kind = BLK_JOB_SYNC};
	struct io_uring_sqe *entries;
	struct blk_ring *ring = NULL;
	static const struct {
		uint8_t opcode, flags;
		int32_t result;
	} cases[] = {
		{IORING_OP_FSYNC, IOSQE_FIXED_FILE, 0},
		{IORING_OP_NOP, IOSQE_FIXED_FILE, -EACCES},
		{IORING_OP_OPENAT, IOSQE_FIXED_FILE, -EACCES},
		{IORING_OP_FSYNC, 0, -EACCES},
	};

	if (no_io_uring())
		SKIP("the kernel lets nobody have an io_uring");
	CHECK_INT(blk_ring_make(disk, 8, &ring), 0);
	entries = mmap(NULL, 8 * sizeof(*entries), PROT_READ | PROT_WRITE, MAP_SHARED, blk_ring_fd(ring),
		       IORING_OFF_SQES);
	CHECK(entries != MAP_FAILED);
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t tag = 0;
		int32_t result = 1;

		blk_ring_add(ring, &job, i);
		entries[i].opcode = cases[i].opcode;
		entries[i].flags = cases[i].flags;
		if (!(cases[i].flags & IOSQE_FIXED_FILE))
			entries[i].fd = other;
		CHECK_INT(blk_ring_submit(ring, 1), 0);
		CHECK(blk_ring_landed(ring, &tag, &result));
		CHECK_INT(tag, i);
		CHECK_INT(result, cases[i].result);
	}
	CHECK(syscall(__NR_io_uring_register, blk_ring_fd(ring), IORING_UNREGISTER_FILES, NULL, 0) < 0 &&
	      errno == EACCES);
	(void)munmap(entries, 8 * sizeof(*entries));
	blk_ring_free(ring);
	close(disk);
	close(other);
}

#define BOTH_WAYS(test)                                                  \
	static void test##_by_ring(void)                                 \
	{                                                                \
		if (no_io_uring())                                       \
			SKIP("the kernel lets nobody have an io_uring"); \
		with_ring = true;                                        \
		test();                                                  \
	}                                                                \
	static void test##_at_once(void)                                 \
	{                                                                \
		with_ring = false;                                       \
		test();                                                  \
	}

BOTH_WAYS(test_read_and_write)
BOTH_WAYS(test_ranges)
BOTH_WAYS(test_read_only)
BOTH_WAYS(test_serial_and_config)
BOTH_WAYS(test_discard_and_zeroes)
BOTH_WAYS(test_pieces)
BOTH_WAYS(test_many)
BOTH_WAYS(test_reset_in_flight)
BOTH_WAYS(test_broken_requests)
BOTH_WAYS(test_cut_off)

int main(void)
{
	return TAP_RUN(TAP_CASE(test_read_and_write_by_ring), TAP_CASE(test_read_and_write_at_once),
		       TAP_CASE(test_ranges_by_ring), TAP_CASE(test_ranges_at_once), TAP_CASE(test_read_only_by_ring),
		       TAP_CASE(test_read_only_at_once), TAP_CASE(test_serial_and_config_by_ring),
		       TAP_CASE(test_serial_and_config_at_once), TAP_CASE(test_discard_and_zeroes_by_ring),
		       TAP_CASE(test_discard_and_zeroes_at_once), TAP_CASE(test_pieces_by_ring),
		       TAP_CASE(test_pieces_at_once), TAP_CASE(test_many_by_ring), TAP_CASE(test_many_at_once),
		       TAP_CASE(test_reset_in_flight_by_ring), TAP_CASE(test_reset_in_flight_at_once),
		       TAP_CASE(test_broken_requests_by_ring), TAP_CASE(test_broken_requests_at_once),
		       TAP_CASE(test_cut_off_by_ring), TAP_CASE(test_cut_off_at_once), TAP_CASE(test_bad_disks),
		       TAP_CASE(test_restrictions));
}
