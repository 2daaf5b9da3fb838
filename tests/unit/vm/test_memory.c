/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guest memory: where it lies, and that nothing outside of it is reached. */
#include "runtime/vm/memory.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/scope.h"
#include "tests/unit/tap.h"

static void test_ranges(void)
{
	static uint8_t bytes[8192];
	struct guest_memory memory = guest_memory_borrow(bytes, 0x10000, sizeof(bytes));
	uint32_t value = 0;

	CHECK(guest_memory_at(&memory, 0x10000, 1) == bytes);
	CHECK(guest_memory_at(&memory, 0x10000, sizeof(bytes)) == bytes);
	CHECK(guest_memory_at(&memory, 0x11fff, 1) == bytes + 8191);
	CHECK(!guest_memory_at(&memory, 0x10000, sizeof(bytes) + 1));
	CHECK(!guest_memory_at(&memory, 0x11fff, 2));
	CHECK(!guest_memory_at(&memory, 0x12000, 1));
	CHECK(!guest_memory_at(&memory, 0xffff, 1));
	CHECK(!guest_memory_at(&memory, 0xffff, 2));
	CHECK(!guest_memory_at(&memory, 0x10000, 0));
	CHECK(!guest_memory_at(&memory, 0x10000, UINT64_MAX));
	CHECK(!guest_memory_at(&memory, UINT64_MAX, 2));
	CHECK(!guest_memory_at(&memory, UINT64_MAX - 0xffff, 0x20001));
	CHECK_INT(guest_memory_write(&memory, 0x11ffc, &(uint32_t){0x12345678}, 4), 0);
	CHECK_INT(guest_memory_read(&memory, 0x11ffc, &value, 4), 0);
	CHECK_INT(value, 0x12345678);
	CHECK_INT(guest_memory_read(&memory, 0x11ffd, &value, 4), -EFAULT);
	CHECK_INT(guest_memory_write(&memory, 0x11ffd, &value, 4), -EFAULT);
}

/* More than fits below the devices goes on at 4 GiB; nothing is touched, so that it costs nothing here. */
static void test_two_regions(void)
{
	struct guest_memory memory;
	struct err err = ERR_INIT;
	struct stat st;

	CHECK_INT(guest_memory_make(&memory, UINT64_C(5) << 30, true, &err), 0);
	CHECK_INT(memory.region_count, 2);
	CHECK_INT(memory.regions[0].bytes, GUEST_LOW_END);
	CHECK_INT(memory.regions[1].gpa, GUEST_HIGH_START);
	CHECK_INT(memory.regions[1].file_offset, GUEST_LOW_END);
	CHECK_INT(guest_memory_bytes(&memory), UINT64_C(5) << 30);
	CHECK_INT((uintptr_t)memory.regions[0].host % (2 << 20), 0);
	CHECK(!guest_memory_at(&memory, GUEST_LOW_END - 1, 2));
	CHECK(guest_memory_at(&memory, GUEST_HIGH_START, 1) == memory.regions[0].host + GUEST_LOW_END);
	CHECK_INT(fstat(memory.fd, &st), 0);
	CHECK_INT(st.st_blocks, 0);
	/* Nor can who maps it, too, cut it off under the other. */
	CHECK(ftruncate(memory.fd, 4096) < 0 && errno == EPERM);
	guest_memory_free(&memory);
	CHECK_INT(memory.fd, -1);
}

/* What no other process maps is no file's: hosts have huge pages for that. */
static void test_private(void)
{
	struct guest_memory memory;
	struct err err = ERR_INIT;

	CHECK_INT(guest_memory_make(&memory, UINT64_C(4) << 20, false, &err), 0);
	CHECK_INT(memory.fd, -1);
	CHECK_INT((uintptr_t)memory.regions[0].host % (2 << 20), 0);
	CHECK_INT(guest_memory_write(&memory, (4 << 20) - 1, "x", 1), 0);
	guest_memory_free(&memory);
	CHECK_INT(memory.region_count, 0);
}

static void test_refused(void)
{
	static const uint64_t sizes[] = {0, 1, 4097, UINT64_MAX, UINT64_MAX - 4095};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct guest_memory memory;
		struct err err = ERR_INIT;

		CHECK_INT(guest_memory_make(&memory, sizes[i], true, &err), -EINVAL);
		CHECK_INT(memory.fd, -1);
		guest_memory_free(&memory);
	}
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_ranges), TAP_CASE(test_two_regions), TAP_CASE(test_private),
		       TAP_CASE(test_refused));
}
