/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMU's command line. The machine is "microvm": virtio over MMIO, found by ACPI, no PCI. With an RTC (Linux looks for
 * one for seconds where there is none), without the old timer and interrupt controllers that it need not find.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "runtime/vm/agent_protocol.h"
#include "runtime/vm/qemu.h"
#include "runtime/vm/qemu_words.h"

#define TRANSLATED_MIB 64 /* at most this much of the guest's code, as the host's; QEMU itself would take a gigabyte */

/* Words of the command as they are collected: the first failure (memory) sticks, and is looked at once. */
struct command {
	struct arena *arena;
	struct strv *words;
	bool failed;
};

static void add(struct command *c, const char *word)
{
	c->failed |= !word || strv_add(c->arena, c->words, word) < 0;
}

#define ADD(c, ...)	     add(c, arena_printf((c)->arena, __VA_ARGS__))
#define OPTION(c, name, ...) (add(c, "-" name), ADD(c, __VA_ARGS__))

static void add_kvm(struct command *c)
{
	OPTION(c, "accel", "kvm");
	OPTION(c, "cpu", "host");
}

/*
 * One thread for all processors: with one each, on a host that has less to give them than they want, one that is taken
 * off its core leaves the others waiting for it, and kernels that are starting give up on it.
 */
static void add_emulation(struct command *c)
{
	OPTION(c, "accel", "tcg,thread=single,tb-size=%u", TRANSLATED_MIB);
	/*
	 * A guest that has no random numbers of its processor's makes some of its clock's jitter first, and an emulated
	 * clock may have none.
	 */
	OPTION(c, "cpu", "qemu64,+rdrand");
	OPTION(c, "d", QEMU_LOG_ITEMS);
}

static void add_machine(struct command *c, const struct vm_request *request, const struct qemu_ends *ends)
{
	static const char *const alone[] = {"-nodefaults", "-no-user-config", "-no-reboot"};

	for (size_t i = 0; i < ARRAY_SIZE(alone); i++)
		add(c, alone[i]);
	if (ends->stands_still)
		add(c, "-S");
	OPTION(c, "display", "none");
	if (request->accelerated)
		add_kvm(c);
	else
		add_emulation(c);
	OPTION(c, "machine", "microvm,rtc=on,pit=off,pic=off,x-option-roms=off,memory-backend=memory");
	OPTION(c, "global", "virtio-mmio.force-legacy=false");
	/* Shared, so that the file server reads and writes it in place. */
	OPTION(c, "object", "memory-backend-memfd,id=memory,share=on,size=%" PRIu64, request->memory_bytes);
	OPTION(c, "m", "%" PRIu64 "M", request->memory_bytes >> 20);
	OPTION(c, "smp", "%u", request->cpus);
	OPTION(c, "sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
	OPTION(c, "object", "rng-builtin,id=random");
	OPTION(c, "device", "virtio-rng-device,rng=random");
	OPTION(c, "device", "virtio-balloon-device,free-page-reporting=on");
}

static void add_kernel(struct command *c, const struct vm_request *request, const struct qemu_ends *ends)
{
	char pace[48] = "";

	/*
	 * Without it the kernel measures, against timers that an emulated processor cannot keep up with, and may find
	 * nonsense.
	 */
	if (ends->tsc_khz)
		(void)snprintf(pace, sizeof(pace), " tsc_early_khz=%" PRIu64, ends->tsc_khz);
	OPTION(c, "kernel", QEMU_KERNEL);
	OPTION(c, "initrd", QEMU_INITRD);
	OPTION(c, "append", "console=ttyS0 %s%s", request->cmdline, pace);
}

static void add_sockets(struct command *c, const struct qemu_ends *ends)
{
	OPTION(c, "chardev", "socket,id=console,fd=%d", ends->console);
	OPTION(c, "serial", "chardev:console");
	OPTION(c, "chardev", "socket,id=qmp,fd=%d", ends->qmp);
	OPTION(c, "mon", "chardev=qmp,mode=control");
	OPTION(c, "device", "virtio-serial-device");
	OPTION(c, "chardev", "socket,id=agent,fd=%d", ends->agent);
	OPTION(c, "device", "virtserialport,chardev=agent,name=" AGENT_PORT_NAME);
}

/*
 * In the format that was said. Where that has a way to name a file below, there is none, whatever is written in it: the
 * disk was looked at (disk_file.h), but its owner may have written to it since. Only JSON can say so.
 */
static void add_format(struct command *c, unsigned number, const struct vm_disk *disk)
{
	const char *driver = disk_format_driver(disk->format), *read_only = disk->read_only ? "true" : "false";

	OPTION(c, "blockdev",
	       QEMU_DISK_NODE "%u\",\"driver\":\"%s\",\"read-only\":%s,\"discard\":\"unmap\",%s"
			      "\"file\":{\"driver\":\"file\",\"filename\":\"/dev/fdset/%u\",\"locking\":\"off\","
			      "\"discard\":\"unmap\"}}",
	       number, driver, read_only, disk_format_has_backing(disk->format) ? "\"backing\":null," : "", number);
}

/*
 * By descriptor: QEMU opens "/dev/fdset/N" by duplicating what it was given. The jail is the lock's owner no more than
 * a name is: hull holds it.
 */
static void add_disks(struct command *c, const struct vm_request *request)
{
	for (unsigned i = 0; i < request->disk_count; i++) {
		const struct vm_disk *disk = &request->disks[i];

		OPTION(c, "add-fd", "fd=%d,set=%u", disk->fd, i);
		add_format(c, i, disk);
		/*
		 * A write for which the host has no room fails, as on any disk. QEMU's own way is to stop the machine,
		 * which would hang.
		 */
		OPTION(c, "device", "virtio-blk-device,drive=disk%u,serial=%s,werror=report", i, disk->serial);
	}
}

static void add_cards(struct command *c, const struct vm_request *request)
{
	for (unsigned i = 0; i < request->nic_count; i++) {
		const uint8_t *mac = request->nics[i].mac;

		OPTION(c, "netdev", "tap,id=net%u,fd=%d", i, request->nics[i].tap_fd);
		OPTION(c, "device", "virtio-net-device,netdev=net%u,mac=%02x:%02x:%02x:%02x:%02x:%02x", i, mac[0],
		       mac[1], mac[2], mac[3], mac[4], mac[5]);
	}
}

static void add_volumes(struct command *c, const struct vm_request *request, const struct qemu_ends *ends)
{
	for (unsigned i = 0; i < request->volume_count; i++) {
		OPTION(c, "chardev", "socket,id=volume%u,fd=%d", i, ends->volumes[i]);
		OPTION(c, "device", "vhost-user-fs-device,chardev=volume%u,tag=%s", i, request->volumes[i].tag);
	}
}

int qemu_command(struct arena *arena, const struct vm_request *request, const struct qemu_ends *ends, struct strv *ret,
		 struct err *err)
{
	struct command c = {.arena = arena, .words = ret};

	for (size_t i = 0; i < request->qemu.count; i++)
		add(&c, request->qemu.items[i]);
	add_machine(&c, request, ends);
	add_kernel(&c, request, ends);
	add_sockets(&c, ends);
	add_disks(&c, request);
	add_cards(&c, request);
	add_volumes(&c, request, ends);
	return c.failed ? err_set(err, ENOMEM, "make QEMU's command") : 0;
}
