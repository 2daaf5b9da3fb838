/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/monitor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/vm/blk.h"
#include "runtime/vm/machine.h"

/* All there is: one monitor is one process. Not on the heap, so that what no guest uses is no page of anybody's memory. */
static struct monitor {
	struct machine machine;
	struct blk disks[VM_MAX_DISKS];
} monitor;

static int add_disks(const struct vm_request *request, struct err *err)
{
	struct machine *machine = &monitor.machine;
	int r = 0;

	for (unsigned i = 0; r == 0 && i < request->disk_count; i++) {
		struct blk_disk disk = {
			.fd = request->disks[i].fd,
			.read_only = request->disks[i].read_only,
			.serial = request->disks[i].serial,
			.queues = 1,
		};

		r = blk_open(&monitor.disks[i], &disk, &machine->loop, &machine->memory, err);
		if (r == 0)
			r = machine_add(machine, &monitor.disks[i].device, err);
		if (r < 0)
			return err_wrap(err, "disk '%s'", request->disks[i].serial);
	}
	return r;
}

static int add_devices(const struct vm_request *request, struct err *err)
{
	return add_disks(request, err);
}

/* The pace of its clock the guest could only guess, and guesses wrong where the host is busy. */
static int make_cmdline(const struct vm_request *request, char *to, size_t room, struct err *err)
{
	struct hv *hv = monitor.machine.hv;
	uint32_t khz = strstr(request->cmdline, "tsc_early_khz=") ? 0 : hv->ops->tsc_khz(hv);
	int n = khz ? snprintf(to, room, "%s tsc_early_khz=%u", request->cmdline, khz)
		    : snprintf(to, room, "%s", request->cmdline);

	if (n < 0 || (size_t)n >= room)
		return err_say(err, E2BIG, "the kernel's command line is too long");
	return 0;
}

static int boot(const struct vm_request *request, struct err *err)
{
	char cmdline[LAYOUT_CMDLINE_BYTES];
	struct boot_request boot_request = {
		.kernel_fd = request->kernel_fd,
		.initrd_fd = request->initrd_fd,
		.cmdline = cmdline,
	};
	int r = make_cmdline(request, cmdline, sizeof(cmdline), err);

	return r < 0 ? r : machine_boot(&monitor.machine, &boot_request, err);
}

static int build(const struct vm_request *request, struct err *err)
{
	struct machine_request wanted = {
		.memory_bytes = request->memory_bytes,
		.cpus = request->cpus,
		.serial_out_fd = request->serial_console ? STDERR_FILENO : -1,
	};
	struct hv *hv = NULL;
	int r = hv_kvm_open(request->kvm_fd, &hv, err);

	if (r == 0)
		r = machine_make(&monitor.machine, hv, &wanted, err);
	if (r == 0)
		r = add_devices(request, err);
	if (r == 0)
		r = boot(request, err);
	return r;
}

static int judge(enum machine_end end, struct err *err)
{
	if (end == MACHINE_POWER_OFF)
		return 0;
	if (end == MACHINE_FAILED) {
		*err = monitor.machine.err;
		return -err->code;
	}
	return err_say(err, EIO, "%s", machine_end_words(end));
}

int monitor_run(const struct vm_request *request, struct err *err)
{
	int r = build(request, err);

	if (r == 0)
		r = machine_start(&monitor.machine, NULL, err);
	if (r == 0)
		r = machine_run(&monitor.machine, err);
	return r < 0 ? r : judge((enum machine_end)r, err);
}

_Noreturn void monitor_leave(int code)
{
	_exit(code);
}
