/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/machine.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "runtime/base/scope.h"
#include "runtime/vm/acpi.h"

/* --- what the guest does that no device has asked for: in the vCPUs' threads -------------------------------------- */

static struct virtio_mmio *slot_at(struct machine *machine, uint64_t gpa)
{
	uint64_t index = (gpa - LAYOUT_MMIO) / LAYOUT_MMIO_STRIDE;

	return gpa >= LAYOUT_MMIO && index < machine->slot_count ? &machine->slots[index] : NULL;
}

static void mmio_access(struct machine *machine, const struct hv_exit *access)
{
	struct virtio_mmio *slot = slot_at(machine, access->address);
	uint64_t offset = access->address % LAYOUT_MMIO_STRIDE;

	if (!slot) {
		if (!access->is_write)
			memset(access->data, UINT8_MAX, access->bytes);
	} else if (access->is_write) {
		virtio_mmio_write(slot, offset, access->data, access->bytes);
	} else {
		virtio_mmio_read(slot, offset, access->data, access->bytes);
	}
}

static bool port_access(struct machine *machine, const struct hv_exit *access)
{
	static const enum machine_end ends[] = {
		[PORTS_GO_ON] = MACHINE_RUNS,
		[PORTS_POWER_OFF] = MACHINE_POWER_OFF,
		[PORTS_RESET] = MACHINE_RESET,
		[PORTS_PANIC] = MACHINE_PANIC,
	};
	enum machine_end end = ends[ports_access(&machine->ports, access)];

	if (end == MACHINE_RUNS)
		return true;
	machine_stop(machine, end, NULL);
	return false;
}

static bool vcpu_exited(void *context, const struct hv_exit *exit, const struct err *err)
{
	struct machine *machine = context;

	switch (exit->kind) {
	case HV_EXIT_PIO:
		return port_access(machine, exit);
	case HV_EXIT_MMIO:
		mmio_access(machine, exit);
		return true;
	case HV_EXIT_INTERRUPTED:
		return true;
	case HV_EXIT_SHUTDOWN:
		machine_stop(machine, MACHINE_TRIPLE_FAULT, NULL);
		return false;
	case HV_EXIT_RESET:
		machine_stop(machine, MACHINE_RESET, NULL);
		return false;
	case HV_EXIT_HALT: /* with nothing that could wake it: no guest of ours comes here */
		machine_stop(machine, MACHINE_POWER_OFF, NULL);
		return false;
	case HV_EXIT_ERROR:
		machine_stop(machine, MACHINE_FAILED, err);
		return false;
	}
	return false;
}

/* --- making one --------------------------------------------------------------------------------------------------- */

static int give_memory(struct machine *machine, const struct machine_request *request, struct err *err)
{
	int r = guest_memory_make(&machine->memory, request->memory_bytes, request->shares_memory, err);

	for (unsigned i = 0; r == 0 && i < machine->memory.region_count; i++) {
		const struct guest_region *region = &machine->memory.regions[i];

		r = machine->hv->ops->memory_slot(machine->hv, i, region->gpa, region->host, region->bytes, err);
	}
	return r;
}

static int make_serial(struct machine *machine, int out_fd, struct err *err)
{
	if (out_fd < 0)
		return 0;
	machine->serial_irq_fd = eventfd(0, EFD_CLOEXEC);
	if (machine->serial_irq_fd < 0)
		return err_set(err, errno, "make the serial port's interrupt");
	machine->has_serial = true;
	serial_init(&machine->serial, out_fd, machine->serial_irq_fd);
	return machine->hv->ops->irq(machine->hv, LAYOUT_SERIAL_GSI, machine->serial_irq_fd, true, err);
}

static void ending_ready(struct loop *loop, struct loop_source *source, uint32_t epoll_events)
{
	struct machine *machine = CONTAINER_OF(source, struct machine, ending);

	(void)epoll_events;
	loop_stop(loop, __atomic_load_n(&machine->end, __ATOMIC_ACQUIRE));
}

static int make_loop(struct machine *machine, struct err *err)
{
	int r = loop_open(&machine->loop, err);

	if (r < 0)
		return r;
	machine->ending = (struct loop_source){.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .ready = ending_ready};
	if (machine->ending.fd < 0)
		return err_set(err, errno, "make a machine's loop");
	return loop_watch(&machine->loop, &machine->ending, EPOLLIN, err);
}

int machine_make(struct machine *machine, struct hv *hv, const struct machine_request *request, struct err *err)
{
	int r;

	memset(machine, 0, sizeof(*machine));
	machine->hv = hv;
	machine->memory = GUEST_MEMORY_NONE;
	machine->serial_irq_fd = machine->loop.epoll_fd = machine->ending.fd = -1;
	machine->paused = true;
	r = make_loop(machine, err);
	/* Their threads are busy with what takes longest, while the rest is made here. */
	machine->vcpus.filter = request->vcpu_filter;
	if (r == 0)
		r = vcpus_begin(&machine->vcpus, hv, request->cpus, vcpu_exited, machine, err);
	if (r == 0 && hv->ops->create)
		r = hv->ops->create(hv, err);
	if (r == 0)
		r = give_memory(machine, request, err);
	if (r == 0)
		r = hv->ops->interrupt_controllers(hv, err);
	if (r == 0)
		r = make_serial(machine, request->serial_out_fd, err);
	ports_init(&machine->ports, machine->has_serial ? &machine->serial : NULL);
	return r;
}

int machine_add(struct machine *machine, struct virtio_device *device, struct err *err)
{
	unsigned index = machine->slot_count;
	int r;

	if (index >= LAYOUT_MMIO_DEVICES)
		return err_say(err, ENOSPC, "a machine has room for %u devices, and no more", LAYOUT_MMIO_DEVICES);
	r = virtio_mmio_open(&machine->slots[index], device, machine->hv, LAYOUT_MMIO + index * LAYOUT_MMIO_STRIDE,
			     LAYOUT_MMIO_GSI + index, err);
	if (r == 0)
		machine->slot_count++;
	return r;
}

int machine_boot(struct machine *machine, struct boot_request *request, struct err *err)
{
	struct acpi_machine described = {
		.cpus = machine->vcpus.count,
		.virtio_devices = machine->slot_count,
		.has_serial = machine->has_serial,
	};
	struct hv_entry entry;
	int r = acpi_write(&machine->memory, &described, err);

	request->rsdp = LAYOUT_ACPI;
	if (r == 0)
		r = boot_load(&machine->memory, request, &entry, err);
	machine->kernel_end = request->kernel_end;
	return r < 0 ? r : vcpus_enter(&machine->vcpus, &entry, err);
}

/* --- running it --------------------------------------------------------------------------------------------------- */

int machine_start(struct machine *machine, struct err *err)
{
	return vcpus_make(&machine->vcpus, err);
}

int machine_run(struct machine *machine, struct err *err)
{
	return loop_run(&machine->loop, err);
}

int machine_pause(struct machine *machine, struct err *err)
{
	int r = machine->paused ? 0 : vcpus_pause(&machine->vcpus, err);

	if (r == 0)
		machine->paused = true;
	return r;
}

void machine_resume(struct machine *machine)
{
	if (machine->paused)
		vcpus_resume(&machine->vcpus);
	machine->paused = false;
}

void machine_stop(struct machine *machine, enum machine_end end, const struct err *err_or_null)
{
	const uint64_t once = 1;
	int unclaimed = 0;

	/* Only one thread ends it. The words before the number: who sees the number reads the words. */
	if (!__atomic_compare_exchange_n(&machine->claimed, &unclaimed, 1, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return;
	if (err_or_null)
		machine->err = *err_or_null;
	__atomic_store_n(&machine->end, end, __ATOMIC_RELEASE);
	while (write(machine->ending.fd, &once, sizeof(once)) < 0 && errno == EINTR) {}
}

void machine_free(struct machine *machine)
{
	vcpus_end(&machine->vcpus);
	for (unsigned i = 0; i < machine->slot_count; i++)
		virtio_mmio_close(&machine->slots[i]);
	machine->slot_count = 0;
	loop_close(&machine->loop);
	scope_fd(&machine->ending.fd);
	scope_fd(&machine->serial_irq_fd);
	machine->ending.fd = machine->serial_irq_fd = -1;
	if (machine->hv)
		machine->hv->ops->close(machine->hv);
	machine->hv = NULL;
	guest_memory_free(&machine->memory);
}
