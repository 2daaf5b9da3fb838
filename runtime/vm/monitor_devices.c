/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/monitor_devices.h"

#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/vm/agent_protocol.h"

/* What every function below needs. */
struct adding {
	struct monitor_devices *devices;
	struct machine *machine;
	const struct vm_request *request;
	const struct monitor_ends *ends;
};

static int add_console(const struct adding *a, struct err *err)
{
	struct machine *machine = a->machine;
	struct console *console = &a->devices->console;
	struct console_port port = {.fd = a->ends->agent, .out_fd = -1, .name = AGENT_PORT_NAME};
	int r;

	/* Duplicates: the device closes its own, and 0, 1 and 2 are never free for something else to take their place. */
	if (port.fd < 0)
		port = (struct console_port){
			.fd = fd_dup(STDIN_FILENO, 3),
			.out_fd = fd_dup(STDOUT_FILENO, 3),
			.is_console = true,
		};
	r = console_open(console, &port, 1, &machine->loop, &machine->memory, err);
	return r < 0 ? r : machine_add(machine, &console->device, err);
}

static int add_rng(const struct adding *a, struct err *err)
{
	rng_open(&a->devices->rng, &a->machine->loop, &a->machine->memory);
	return machine_add(a->machine, &a->devices->rng.device, err);
}

static int add_balloon(const struct adding *a, struct err *err)
{
	balloon_open(&a->devices->balloon, &a->machine->loop, &a->machine->memory);
	return machine_add(a->machine, &a->devices->balloon.device, err);
}

static int add_disk(const struct adding *a, unsigned index, struct err *err)
{
	const struct vm_disk *wanted = &a->request->disks[index];
	struct machine *machine = a->machine;
	struct blk *blk = &a->devices->disks[index];
	struct blk_disk disk = {
		.fd = wanted->fd,
		.read_only = wanted->read_only,
		.serial = wanted->serial,
		.queues = a->request->cpus < BLK_MAX_QUEUES ? a->request->cpus : BLK_MAX_QUEUES,
	};
	int r = blk_open(blk, &disk, &machine->loop, &machine->memory, err);

	if (r == 0)
		r = machine_add(machine, &blk->device, err);
	return r < 0 ? err_wrap(err, "disk '%s'", wanted->serial) : 0;
}

static int add_disks(const struct adding *a, struct err *err)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < a->request->disk_count; i++)
		r = add_disk(a, i, err);
	return r;
}

int monitor_devices_add(struct monitor_devices *devices, struct machine *machine, const struct vm_request *request,
			const struct monitor_ends *ends, struct err *err)
{
	static int (*const steps[])(const struct adding *a, struct err *err) = {
		add_console,
		add_disks,
		add_rng,
		add_balloon,
	};
	const struct adding adding = {devices, machine, request, ends};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(steps); i++)
		r = steps[i](&adding, err);
	return r;
}
