/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A micro-VM as a plan: the same config.json and hull.json as a container's, divided in two.
 *
 *     the jail    a container with all namespaces, the instance's range of ids, an empty root and no capability beyond
 *                 what file service takes. Its program is hull-vmm, and its limits are the guest's memory and CPUs with
 *                 what the monitor itself takes
 *     the guest   everything else: the program, its rights and mounts, as the START document (guest.h) for the agent
 *                 inside
 *
 * With an image the guest's own root is that: another one than the container's, which is mounted in it. The container
 * sees nothing of it; the guest's kernel finds there what it looks for by name, as its modules (modprobe(8)).
 *
 * Volumes are mounted in the jail at PLAN_VM_VOLUMES/N with a container's rules, and served to the guest by virtio-fs,
 * which binds them where the program wants them.
 */
#ifndef HULL_RUNTIME_SPEC_PLAN_VM_H
#define HULL_RUNTIME_SPEC_PLAN_VM_H

#include "runtime/spec/guest.h"
#include "runtime/vm/request.h"

#define PLAN_VM_VOLUMES "/volumes" /* in the jail */
#define PLAN_VM_SHARED	"/shared"  /* in the jail: a bundle's root folder */
#define PLAN_VM_KERNEL	"/kernel"  /* in the jail, for QEMU, which opens it by name */
#define PLAN_VM_INITRD	"/initrd"

#define PLAN_VM_MEMORY_BYTES	 ((uint64_t)512 << 20) /* where nobody says how much */
#define PLAN_VM_MEMORY_MIN_BYTES ((uint64_t)64 << 20)
#define PLAN_VM_OVERHEAD_KVM	 ((uint64_t)64 << 20) /* what the jail may take besides */
#define PLAN_VM_OVERHEAD_QEMU	 ((uint64_t)256 << 20)
#define PLAN_VM_JAIL_PIDS	 512
/*
 * What every guest's kernel is told: panic ends the machine; no self-tests of ciphers, which take longer than all else.
 */
#define PLAN_VM_CMDLINE "quiet panic=-1 cryptomgr.notests random.trust_cpu=on"
/*
 * And how to reset the machine: by what there is, a keyboard controller or ACPI's register. Not by a triple fault,
 * which is told as one.
 */
#define PLAN_VM_REBOOT_KVM  " reboot=k"
#define PLAN_VM_REBOOT_QEMU " reboot=a"

/* Who may open /dev/kvm. */
enum plan_vm_kvm {
	PLAN_VM_KVM_NONE, /* nobody, or it is of no use */
	PLAN_VM_KVM_OWNER,
	PLAN_VM_KVM_GROUP,
	PLAN_VM_KVM_ALL,
};

/* What of this host a machine is made of. The caller of plan_make() has found it all; paths are absolute. */
struct plan_vm_host {
	enum vm_backend backend;
	/* `kernel` is an ELF file with the PVH note, or a bzImage; NULL: only what config.json's `vm` names will do. */
	const char *kernel, *initrd;
	uint64_t least_bytes;		     /* of memory, that this kernel needs; 0: not known */
	struct strv layers;		     /* read-only disks, top first; empty: the root folder is shared */
	const char *upper;		     /* the writable disk above them; NULL: a tmpfs */
	const char *qemu;		     /* its program, for that backend */
	struct strv qemu_needs;		     /* files and folders that QEMU finds by name */
	enum plan_vm_kvm kvm_access;	     /* QEMU's, where KVM can boot a kernel */
	uint32_t kvm_gid;		     /* with PLAN_VM_KVM_GROUP */
	bool (*is_folder)(const char *path); /* of bind sources. NULL: all are (tests) */
	/* How large the file system at a bind source is: a memory file system for /dev/shm. NULL or 0: not known. */
	uint64_t (*room_bytes)(const char *path);
};

/*
 * What an engine says that a bundle is of a pod. The sandbox runs nothing but holds the pod's namespaces, and is a
 * container; the pod's program is a machine of its own, which stands in the place of the sandbox's network, and has IPC
 * and a host name of its own kernel's. Only this word of the annotations is looked at.
 */
enum plan_vm_pod { PLAN_VM_NO_POD, PLAN_VM_POD_SANDBOX, PLAN_VM_POD_MEMBER };
enum plan_vm_pod plan_vm_pod_of(const struct config *config);

struct plan_vm_disk {
	const char *path, *serial;
	bool read_only;
	enum disk_format format;
	const char *member; /* whose path it is, for people */
};

struct plan_vm {
	enum vm_backend backend;
	uint64_t memory_bytes;
	uint32_t cpus;
	const char *kernel, *initrd, *cmdline;
	LIST_OF(struct plan_vm_disk) disks;
	LIST_OF(struct vm_volume) volumes; /* as the monitor knows them */
	struct strv qemu;		   /* the program, and what the bundle adds to its command */
	bool accelerated;		   /* QEMU with KVM */
	bool has_nic;			   /* plan.net.request says where */
	struct guest_start *start;	   /* all but what is known when the network is made: network, files, clock */
};

#endif
