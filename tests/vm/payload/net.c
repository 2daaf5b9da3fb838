/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A network card: virtio 1.2, section 5.1. */
#include "payload.h"

/* A frame of an experiment's type (IEEE 802, 88b5), behind the header of section 5.1.6. */
struct frame {
	uint8_t header[12], to[6], from[6], type[2];
	char words[486];
};

/* A frame out; then those that come in, until one is of the type. */
void try_net(void)
{
	static const struct frame out = {
		.to = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		.from = {2, 0, 0, 0, 0, 1},
		.type = {0x88, 0xb5},
		.words = "from the guest",
	};
	const volatile struct frame *in = (const volatile struct frame *)data;
	uint32_t at = find_device(1);

	start_device(at, 1, 1);
	describe(1, 0, &out, sizeof(out), 0);
	(void)transfer(at, 1);
	start_device(at, 0, 1);
	do {
		describe(0, 0, data, sizeof(data), WRITABLE);
		(void)transfer(at, 0);
	} while (in->type[0] != 0x88 || in->type[1] != 0xb5);
	data[sizeof(data) - 1] = 0;
	say((const char *)in->words);
	say("\n");
}
