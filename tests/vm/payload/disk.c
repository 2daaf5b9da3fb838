/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A disk: virtio 1.2, section 5.2. */
#include "payload.h"

static volatile struct {
	uint32_t type, reserved;
	uint64_t sector;
} request;
static volatile uint8_t status;

static void access_disk(uint32_t at, uint32_t type, uint64_t sector)
{
	request.type = type;
	request.sector = sector;
	status = 0xff;
	describe(0, 0, &request, 16, NEXT);
	describe(0, 1, data, sizeof(data), (uint16_t)(NEXT | (type ? 0 : WRITABLE)));
	describe(0, 2, &status, 1, WRITABLE);
	(void)transfer(at, 0);
	if (status != 0)
		fail("the disk reports an error");
}

/* Reads sector 0, says it, writes it back into sector 1 in capitals. */
void try_disk(void)
{
	uint32_t at = find_device(2);

	start_device(at, 0, 1);
	access_disk(at, 0, 0);
	data[sizeof(data) - 1] = 0;
	say((const char *)data);
	for (uint32_t i = 0; i < sizeof(data) && data[i]; i++)
		if (data[i] >= 'a' && data[i] <= 'z')
			data[i] = (uint8_t)(data[i] - 32);
	access_disk(at, 1, 1);
	say("interrupts: ");
	say_number(interrupts);
	say("\n");
}
