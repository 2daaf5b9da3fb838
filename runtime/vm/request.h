/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a machine is to be: JSON in a sealed memfd, descriptor VM_REQUEST_FD of hull-vmm. All other descriptors are
 * named in it by number.
 *
 *     {"backend": "kvm", "memory_bytes": 134217728, "cpus": 1, "cmdline": "quiet",
 *      "kernel_fd": 4, "initrd_fd": 5, "kvm_fd": 6,
 *      "disks": [{"fd": 7, "read_only": true, "serial": "layer0", "format": "raw"}],
 *      "nics": [{"tap_fd": 8, "vhost_fd": 13, "mac": "02:42:ac:11:00:02"}],
 *      "volumes": [{"tag": "v0", "path": "/volumes/0", "read_only": false}],
 *      "agent_listen_fd": 9, "control_listen_fd": 10, "start_fd": 11, "remains_fd": 12, "terminal": false,
 *      "stdin": true, "serial_console": false, "virtio_console": false, "accelerated": false,
 *      "boot_seconds": 600, "start_seconds": 600, "turns_fd": 14, "qemu": []}
 */
#ifndef HULL_RUNTIME_VM_REQUEST_H
#define HULL_RUNTIME_VM_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/arena.h"
#include "runtime/base/err.h"
#include "runtime/base/text.h"
#include "runtime/vm/disk_file.h"

#define VM_REQUEST_FD	     3
#define VM_REQUEST_MAX_BYTES ((size_t)64 << 10)
#define VM_MAX_CPUS	     64U
#define VM_BOOT_SECONDS	     600U /* far longer than an emulated guest takes on a host that is busy */
#define VM_START_SECONDS     600U /* the same */
/* Instead, where volumes are filled or change their owner before the start: nobody knows how much is in them. */
#define VM_FILL_SECONDS	     86400U
#define VM_MAX_CMDLINE_BYTES 1900 /* the monitor adds some; x86 kernels take 2047 */
#define VM_MIN_MEMORY_BYTES  ((uint64_t)8 << 20)
#define VM_MAX_MEMORY_BYTES  ((uint64_t)1 << 40)
/*
 * Disks, cards and volumes all take slots of one bus. Our own monitor's has 19 (runtime/vm/layout.h), less console,
 * vsock, rng and balloon. QEMU's has 24, less console, rng and balloon, and less the one that is filled last: it
 * interrupts by line 0 of an I/O APIC, which QEMU takes for line 2, so that its driver would wait for ever.
 */
#define VM_ROOM_KVM	    15U
#define VM_ROOM_QEMU	    20U
#define VM_MAX_DISKS	    12U
#define VM_MAX_NICS	    4U
#define VM_MAX_VOLUMES	    VM_ROOM_QEMU
#define VM_MAX_SERIAL_BYTES 20 /* of virtio-blk's */
#define VM_MAX_TAG_BYTES    36 /* of virtio-fs's */

enum vm_backend { VM_BACKEND_KVM, VM_BACKEND_QEMU };

struct vm_disk {
	int fd;
	bool read_only;
	const char *serial;	 /* how the guest finds it: 1..VM_MAX_SERIAL_BYTES characters */
	enum disk_format format; /* with backend kvm: raw, which it is where nothing is said */
	const char *name;	 /* of the file, for complaints about its contents; NULL: there can be none */
};

struct vm_nic {
	int tap_fd;
	int vhost_fd; /* /dev/vhost-net, for this one card; -1: the monitor moves the frames itself */
	uint8_t mac[6];
};

struct vm_volume {
	const char *tag;  /* how the guest finds it: 1..VM_MAX_TAG_BYTES characters */
	const char *path; /* absolute, in the monitor's root */
	bool read_only;
};

struct vm_request {
	enum vm_backend backend;
	uint64_t memory_bytes; /* a multiple of 4 KiB */
	unsigned cpus;
	const char *cmdline; /* the whole of it, but for what the monitor knows best (tsc_early_khz) */
	int kernel_fd;
	int initrd_fd; /* descriptors: -1 where there is none */
	int kvm_fd;
	struct vm_disk disks[VM_MAX_DISKS];
	unsigned disk_count;
	struct vm_nic nics[VM_MAX_NICS];
	unsigned nic_count;
	struct vm_volume volumes[VM_MAX_VOLUMES];
	unsigned volume_count;
	/* where `hull exec` and the like connect; -1: no agent, the guest's console is the output */
	int agent_listen_fd;
	int control_listen_fd; /* pause, resume, stats, stop */
	int start_fd;	       /* the START document for the agent */
	int remains_fd;	       /* the monitor's last message (remains.h); -1: nobody holds what it leaves */
	bool terminal;	       /* standard input and output are one */
	bool stdin_open;
	/* the serial port's output goes to standard error; without it the guest has no serial port */
	bool serial_console;
	bool virtio_console; /* the same of a terminal (hvc0), beside the agent; without an agent there is one anyway */
	bool accelerated;    /* QEMU uses /dev/kvm, which the jail has; else it emulates */
	/* How long the guest may take to come up, and then to start the program (agent_router.h); 0: no matter. */
	unsigned boot_seconds, start_seconds;
	int turns_fd;	  /* where machines take turns at booting (turns.h); -1: this one need not wait */
	struct strv qemu; /* the command to start QEMU with; only with that backend */
};

/*
 * -ENOTSUP with words where a machine has no room for `taken` disks, cards and volumes, of which so many are volumes.
 */
int vm_check_room(enum vm_backend backend, size_t taken, size_t volumes, struct err *err);

/* Parses and checks. Strings live in `arena`. -EINVAL and the like with words that name the member. */
int vm_request_parse(struct arena *arena, const char *data, size_t len, struct vm_request *ret, struct err *err);
/* Reads VM_REQUEST_FD's like: a whole document from `fd`. */
int vm_request_read(struct arena *arena, int fd, struct vm_request *ret, struct err *err);
/* The same as JSON; what vm_request_parse() takes. */
void vm_request_write(const struct vm_request *request, struct text *out);

#endif
