/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/monitor_devices.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/vm/agent_protocol.h"
#include "runtime/vm/nic_vhost.h"

/* What every function below needs. */
struct adding {
	struct monitor_devices *devices;
	struct machine *machine;
	const struct vm_request *request;
	const struct monitor_ends *ends;
};

/* What a guest may call itself: 0 to 2 mean somebody else. */
#define GUEST_CID 3

static int agent_connects(void *data, uint32_t host_port)
{
	struct monitor_devices *devices = data;

	if (host_port != AGENT_VSOCK_PORT || devices->agent < 0)
		return -ECONNREFUSED;
	return fd_take(&devices->agent);
}

static int add_vsock(const struct adding *a, struct err *err)
{
	struct machine *machine = a->machine;
	struct vsock *vsock = &a->devices->vsock;
	struct vsock_config config = {.guest_cid = GUEST_CID, .connect = agent_connects, .data = a->devices};
	int r;

	a->devices->agent = a->ends->agent;
	r = vsock_open(vsock, &config, &machine->loop, &machine->memory, err);
	return r < 0 ? r : machine_add(machine, &vsock->device, err);
}

/* Duplicates: the device closes its own, and 0, 1 and 2 are never free for something else to take their place. */
static struct console_port typed_at(void)
{
	return (struct console_port){
		.fd = fd_dup(STDIN_FILENO, 3),
		.out_fd = fd_dup(STDOUT_FILENO, 3),
		.is_console = true,
	};
}

/*
 * Standard input and output are the program's: what the guest says here goes where the monitor's own words go, and
 * nobody ever types.
 */
static int looked_at(struct console_port *ret, struct err *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set(err, errno, "make the input of a console");
	(void)close(ends[1]);
	*ret = (struct console_port){.fd = ends[0], .out_fd = fd_dup(STDERR_FILENO, 3), .is_console = true};
	return 0;
}

/* The guest's terminal, which is port 0 wherever there is one, and the agent's way out, unless that is by vsock. */
static int add_console(const struct adding *a, bool has_agent, struct err *err)
{
	struct machine *machine = a->machine;
	struct console *console = &a->devices->console;
	struct console_port ports[2];
	unsigned count = 0;
	int r = 0;

	if (a->ends->agent < 0)
		ports[count++] = typed_at();
	else if (a->request->virtio_console)
		r = looked_at(&ports[count++], err);
	if (has_agent)
		ports[count++] = (struct console_port){.fd = a->ends->agent, .out_fd = -1, .name = AGENT_PORT_NAME};
	if (r < 0 || count == 0)
		return r;
	r = console_open(console, ports, count, &machine->loop, &machine->memory, err);
	return r < 0 ? r : machine_add(machine, &console->device, err);
}

static int add_channel(const struct adding *a, struct err *err)
{
	bool by_vsock = a->ends->agent >= 0 && agent_is_by_vsock(a->request->cmdline);
	int r = by_vsock ? add_vsock(a, err) : 0;

	return r < 0 ? r : add_console(a, a->ends->agent >= 0 && !by_vsock, err);
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

static int add_nics(const struct adding *a, struct err *err)
{
	struct machine *machine = a->machine;
	int r = 0;

	for (unsigned i = 0; r == 0 && i < a->request->nic_count; i++) {
		struct err ignored = ERR_INIT;
		const struct vm_nic *wanted = &a->request->nics[i];
		struct nic *nic = &a->devices->nics[i];

		r = nic_open(nic, wanted->tap_fd, wanted->mac, &machine->loop, &machine->memory, err);
		/* What fails there is done here: for the guest it is the same card. */
		if (r == 0 && wanted->vhost_fd >= 0)
			(void)nic_use_vhost(nic, wanted->vhost_fd, &ignored);
		if (r == 0)
			r = machine_add(machine, &nic->device, err);
	}
	return r;
}

/* Its guest would wait for ever, and nobody knows what still happens to its memory. */
static void server_is_silent(void *user, const struct err *err)
{
	struct monitor_devices *devices = user;

	__atomic_store_n(&devices->server_is_silent, true, __ATOMIC_RELEASE);
	machine_stop(devices->machine, MACHINE_FAILED, err);
}

static int add_volumes(const struct adding *a, struct err *err)
{
	struct machine *machine = a->machine;
	int r = 0;

	for (unsigned i = 0; r == 0 && i < a->request->volume_count; i++) {
		struct fs_device *fs = &a->devices->volumes[i];
		struct fs_device_config config = {
			.socket_fd = a->ends->volumes[i],
			.tag = a->request->volumes[i].tag,
			.silent = server_is_silent,
			.user = a->devices,
		};

		r = fs_device_open(fs, &config, &machine->loop, &machine->memory, err);
		if (r == 0)
			r = machine_add(machine, &fs->device, err);
		if (r < 0)
			return err_wrap(err, "volume '%s'", a->request->volumes[i].tag);
	}
	return r;
}

int monitor_devices_add(struct monitor_devices *devices, struct machine *machine, const struct vm_request *request,
			const struct monitor_ends *ends, struct err *err)
{
	static int (*const steps[])(const struct adding *a, struct err *err) = {
		add_channel, add_disks, add_nics, add_volumes, add_rng, add_balloon,
	};
	const struct adding adding = {devices, machine, request, ends};
	int r = 0;

	devices->machine = machine;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(steps); i++)
		r = steps[i](&adding, err);
	return r;
}
