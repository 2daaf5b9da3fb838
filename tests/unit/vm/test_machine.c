/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine on a hypervisor that plays a script: ports, registers, every way to end, pausing. */
#include "runtime/vm/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/base/scope.h"
#include "runtime/vm/rng.h"
#include "tests/unit/tap.h"
#include "tests/unit/vm/hv_fake.h"

/* Pages of their own: a processor's thread must not outlive them. */
static struct machine machine;
static struct hv_fake fake;
static struct rng rng;
static uint8_t data[8];

static struct hv_exit port(uint16_t number, bool is_write, uint8_t value)
{
	data[0] = value;
	return (struct hv_exit){.kind = HV_EXIT_PIO,
				.is_write = is_write,
				.address = number,
				.bytes = 1,
				.count = 1,
				.data = data};
}

static void begin(const struct hv_exit *exits, size_t count, int serial_fd)
{
	struct machine_request request = {.memory_bytes = 8 << 20, .cpus = 1, .serial_out_fd = serial_fd};
	struct err err = ERR_INIT;

	hv_fake_open(&fake);
	fake.exits = exits;
	fake.exit_count = count;
	if (machine_make(&machine, &fake.hv, &request, &err) < 0) {
		printf("# %s\n", err.msg);
		abort();
	}
}

static int run_to_end(struct err *err)
{
	int end;

	CHECK_INT(machine_start(&machine, err), 0);
	machine_resume(&machine);
	end = machine_run(&machine, err);
	machine_free(&machine);
	CHECK(fake.closed);
	return end;
}

static void test_order(void)
{
	struct err err = ERR_INIT;
	struct hv_exit off = {.kind = HV_EXIT_SHUTDOWN};

	begin(&off, 1, -1);
	CHECK_INT(fake.slot_count, 1);
	CHECK_INT(fake.controllers, 1);
	CHECK(!fake.late_slot);
	CHECK_INT(run_to_end(&err), MACHINE_TRIPLE_FAULT);
}

static void test_ends(void)
{
	static const struct {
		uint16_t port;
		uint8_t value;
		enum machine_end end;
	} cases[] = {
		{LAYOUT_SLEEP_CONTROL, 5 << 2 | 0x20, MACHINE_POWER_OFF},
		{LAYOUT_RESET, 1, MACHINE_RESET},
		{LAYOUT_I8042_COMMAND, 0xfe, MACHINE_RESET},
		{LAYOUT_PANIC, 1, MACHINE_PANIC},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct hv_exit exit = port(cases[i].port, true, cases[i].value);
		struct err err = ERR_INIT;

		begin(&exit, 1, -1);
		CHECK_INT(run_to_end(&err), cases[i].end);
	}
}

/* What ends nothing: other sleep states, the i8042's other commands, ports that are not there. */
static void test_goes_on(void)
{
	static const struct {
		uint16_t port;
		uint8_t value;
	} cases[] = {{LAYOUT_SLEEP_CONTROL, 5 << 2},
		     {LAYOUT_SLEEP_CONTROL, 3 << 2 | 0x20},
		     {LAYOUT_SLEEP_STATUS, 0xff},
		     {LAYOUT_I8042_COMMAND, 0xaa},
		     {LAYOUT_I8042_DATA, 0xfe},
		     {0xcf9, 6},
		     {LAYOUT_PANIC, 2}};
	struct ports ports;

	ports_init(&ports, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct hv_exit exit = port(cases[i].port, true, cases[i].value);

		CHECK_INT(ports_access(&ports, &exit), PORTS_GO_ON);
	}
}

static uint8_t read_port(struct ports *ports, uint16_t number)
{
	struct hv_exit exit = port(number, false, 0);

	CHECK_INT(ports_access(ports, &exit), PORTS_GO_ON);
	return data[0];
}

/* Never 0 at 0x64, and an answer to everything that a driver asks: else it waits for seconds. */
static void test_keyboard_controller(void)
{
	struct ports ports;
	struct hv_exit exit;

	ports_init(&ports, NULL);
	CHECK_INT(read_port(&ports, LAYOUT_I8042_COMMAND) & 0x3, 0);
	CHECK(read_port(&ports, LAYOUT_I8042_COMMAND) != 0);
	exit = port(LAYOUT_I8042_COMMAND, true, 0xaa);
	CHECK_INT(ports_access(&ports, &exit), PORTS_GO_ON);
	CHECK_INT(read_port(&ports, LAYOUT_I8042_COMMAND) & 0x3, 1);
	CHECK_INT(read_port(&ports, LAYOUT_I8042_DATA), 0x55);
	CHECK_INT(read_port(&ports, LAYOUT_I8042_COMMAND) & 0x3, 0);
	CHECK_INT(read_port(&ports, 0x70), 0xff);
	CHECK_INT(read_port(&ports, LAYOUT_SERIAL + 5), 0xff);
}

static void test_serial(void)
{
	static const char words[] = "early words";
	int pipes[2];
	char found[32] = "";
	uint8_t string[sizeof(words)];
	struct hv_exit exit = {.kind = HV_EXIT_PIO,
			       .is_write = true,
			       .address = LAYOUT_SERIAL,
			       .bytes = 1,
			       .data = string};
	struct hv_exit off = {.kind = HV_EXIT_SHUTDOWN};
	struct err err = ERR_INIT;

	CHECK_INT(pipe2(pipes, O_CLOEXEC), 0);
	begin(&off, 1, pipes[1]);
	memcpy(string, words, sizeof(words));
	exit.count = sizeof(words) - 1;
	CHECK_INT(ports_access(&machine.ports, &exit), PORTS_GO_ON);
	CHECK_INT(read(pipes[0], found, sizeof(found) - 1), sizeof(words) - 1);
	CHECK_STR(found, words);
	CHECK_INT(read_port(&machine.ports, LAYOUT_SERIAL + 5), 0x60);
	/* An interrupt when the driver wants one: it is always ready for the next byte. */
	exit = port(LAYOUT_SERIAL + 1, true, 2);
	CHECK_INT(ports_access(&machine.ports, &exit), PORTS_GO_ON);
	CHECK_INT(hv_fake_edges(&fake, LAYOUT_SERIAL_GSI), 1);
	CHECK_INT(read_port(&machine.ports, LAYOUT_SERIAL + 2), 0xc2);
	CHECK_INT(read_port(&machine.ports, LAYOUT_SERIAL + 2), 0xc1);
	(void)run_to_end(&err);
	(void)close(pipes[0]);
	(void)close(pipes[1]);
}

/* Registers of a device on the bus, of a slot that is free, and of no slot. */
static void test_bus(void)
{
	static uint8_t read[3][4];
	struct hv_exit exits[] = {
		{.kind = HV_EXIT_MMIO, .address = LAYOUT_MMIO, .bytes = 4, .count = 1, .data = read[0]},
		{.kind = HV_EXIT_MMIO,
		 .address = LAYOUT_MMIO + LAYOUT_MMIO_STRIDE,
		 .bytes = 4,
		 .count = 1,
		 .data = read[1]},
		{.kind = HV_EXIT_MMIO, .address = 0xfed00000, .bytes = 4, .count = 1, .data = read[2]},
		{.kind = HV_EXIT_SHUTDOWN},
	};
	struct err err = ERR_INIT;

	begin(exits, ARRAY_SIZE(exits), -1);
	rng_open(&rng, &machine.loop, &machine.memory);
	CHECK_INT(machine_add(&machine, &rng.device, &err), 0);
	CHECK_INT(run_to_end(&err), MACHINE_TRIPLE_FAULT);
	rng_close(&rng);
	CHECK(memcmp(read[0], "virt", 4) == 0);
	CHECK(memcmp(read[1], "\xff\xff\xff\xff", 4) == 0);
	CHECK(memcmp(read[2], "\xff\xff\xff\xff", 4) == 0);
}

/* Every slot has registers of its own, and there is no more than that. */
static void test_full_bus(void)
{
	static uint8_t magic[LAYOUT_MMIO_DEVICES][4];
	static struct rng rngs[LAYOUT_MMIO_DEVICES + 1];
	struct hv_exit exits[LAYOUT_MMIO_DEVICES + 1];
	struct err err = ERR_INIT;

	for (unsigned i = 0; i < LAYOUT_MMIO_DEVICES; i++)
		exits[i] = (struct hv_exit){.kind = HV_EXIT_MMIO,
					    .address = LAYOUT_MMIO + i * LAYOUT_MMIO_STRIDE,
					    .bytes = 4,
					    .count = 1,
					    .data = magic[i]};
	exits[LAYOUT_MMIO_DEVICES] = (struct hv_exit){.kind = HV_EXIT_SHUTDOWN};
	begin(exits, ARRAY_SIZE(exits), -1);
	for (unsigned i = 0; i <= LAYOUT_MMIO_DEVICES; i++) {
		rng_open(&rngs[i], &machine.loop, &machine.memory);
		CHECK_INT(machine_add(&machine, &rngs[i].device, &err), i < LAYOUT_MMIO_DEVICES ? 0 : -ENOSPC);
	}
	CHECK_HAS(err.msg, "a machine has room for 19 devices, and no more");
	CHECK_INT(run_to_end(&err), MACHINE_TRIPLE_FAULT);
	for (unsigned i = 0; i <= LAYOUT_MMIO_DEVICES; i++)
		rng_close(&rngs[i]);
	for (unsigned i = 0; i < LAYOUT_MMIO_DEVICES; i++)
		CHECK(memcmp(magic[i], "virt", 4) == 0);
}

/* Whichever thread it is in: the machine's maker is told, and nobody waits for ever. */
static void test_no_processors(void)
{
	for (int which = 0; which < 2; which++) {
		struct machine_request request = {.memory_bytes = 8 << 20, .cpus = 3, .serial_out_fd = -1};
		struct err err = ERR_INIT;

		hv_fake_open(&fake);
		*(which ? &fake.fail_ask : &fake.fail_describe) = ENODEV;
		CHECK_INT(machine_make(&machine, &fake.hv, &request, &err), 0);
		CHECK_INT(machine_start(&machine, &err), 0);
		machine_resume(&machine);
		CHECK_INT(machine_run(&machine, &err), MACHINE_FAILED);
		CHECK_HAS(machine.err.msg, which ? "ask for processors" : "describe a processor");
		machine_free(&machine);
		CHECK(fake.closed);
	}
}

/*
 * The answer comes first, whoever is quicker; and where the first begins is known to it before it runs, whether that or
 * its making comes first.
 */
static void test_processors(void)
{
	for (int is_early = 0; is_early < 2; is_early++) {
		struct machine_request request = {.memory_bytes = 8 << 20, .cpus = 3, .serial_out_fd = -1};
		const struct hv_entry entry = {.rip = 0x100000};
		struct err err = ERR_INIT;

		hv_fake_open(&fake);
		CHECK_INT(machine_make(&machine, &fake.hv, &request, &err), 0);
		if (is_early)
			CHECK_INT(vcpus_enter(&machine.vcpus, &entry, &err), 0);
		CHECK_INT(machine_start(&machine, &err), 0);
		machine_resume(&machine);
		/* Returns when each thread waits to go on: all are made. */
		CHECK_INT(machine_pause(&machine, &err), 0);
		CHECK(fake.was_asked);
		CHECK_INT(fake.vcpu_count, 3);
		if (!is_early)
			CHECK_INT(vcpus_enter(&machine.vcpus, &entry, &err), 0);
		CHECK_INT(fake.vcpus[0].entry.rip, entry.rip);
		machine_free(&machine);
	}
}

/* Given up before its processors are wanted. */
static void test_given_up(void)
{
	struct machine_request request = {.memory_bytes = 8 << 20, .cpus = 3, .serial_out_fd = -1};
	struct err err = ERR_INIT;

	hv_fake_open(&fake);
	CHECK_INT(machine_make(&machine, &fake.hv, &request, &err), 0);
	machine_free(&machine);
	CHECK_INT(fake.vcpu_count, 0);
	CHECK(fake.closed);
}

static void test_hypervisor_fails(void)
{
	struct hv_exit exit = {.kind = HV_EXIT_ERROR};
	struct err err = ERR_INIT;

	begin(&exit, 1, -1);
	CHECK_INT(machine_start(&machine, &err), 0);
	machine_resume(&machine);
	CHECK_INT(machine_run(&machine, &err), MACHINE_FAILED);
	CHECK_HAS(machine.err.msg, "run a scripted processor");
	machine_free(&machine);
}

/* One that was woken for nothing counts itself in and out again, with the lock held. */
static unsigned running(void)
{
	unsigned count;

	pthread_mutex_lock(&machine.vcpus.lock);
	count = machine.vcpus.running;
	pthread_mutex_unlock(&machine.vcpus.lock);
	return count;
}

/* The fake's processors, behind their script, come back all the time. */
static void test_pause(void)
{
	struct err err = ERR_INIT;

	begin(NULL, 0, -1);
	CHECK_INT(machine_start(&machine, &err), 0);
	machine_resume(&machine);
	for (int i = 0; i < 20; i++) {
		CHECK_INT(machine_pause(&machine, &err), 0);
		CHECK_INT(machine_pause(&machine, &err), 0);
		CHECK_INT(running(), 0);
		machine_resume(&machine);
	}
	machine_stop(&machine, MACHINE_STOPPED, NULL);
	machine_stop(&machine, MACHINE_PANIC, NULL);
	CHECK_INT(machine_run(&machine, &err), MACHINE_STOPPED);
	machine_free(&machine);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_order), TAP_CASE(test_ends), TAP_CASE(test_goes_on),
		       TAP_CASE(test_keyboard_controller), TAP_CASE(test_serial), TAP_CASE(test_bus),
		       TAP_CASE(test_full_bus), TAP_CASE(test_processors), TAP_CASE(test_no_processors),
		       TAP_CASE(test_given_up), TAP_CASE(test_hypervisor_fails), TAP_CASE(test_pause));
}
