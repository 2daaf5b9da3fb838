/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the two halves of a machine's plan share. For the plan_vm*.c files only. */
#ifndef HULL_RUNTIME_SPEC_PLAN_VM_PARTS_H
#define HULL_RUNTIME_SPEC_PLAN_VM_PARTS_H

#include "runtime/spec/plan_parts.h"

struct guest_start;
struct plan_vm;

struct dividing {
	struct arena *arena;
	const struct config *config; /* the bundle's */
	const struct config_linux *os;
	const struct extension *extension; /* NULL: a plain bundle */
	const struct plan_host *host;
	struct plan_vm *vm;
	struct guest_start *start;

	/* The jail's bundle. */
	struct config *jail;
	struct config_linux *jail_os;
	struct extension *jail_extension; /* NULL like `extension` */

	/* Files all lie in one volume, if there are any: where that is in the monitor's list and in the guest's. */
	size_t file_count, files_in_jail, files_in_guest;

	const char *netns; /* given by path: the machine takes the place of its interfaces */

	struct strv warnings;
};

/* -ENOMEM, or what the arena says. */
int plan_vm_no_memory(const struct dividing *d, struct err *err);

/* plan_vm_jail.c: an empty bundle, to which the guest's half adds what it needs, and then all else of it. */
int plan_vm_jail_begin(struct dividing *d, struct err *err);
int plan_vm_jail(struct dividing *d, struct err *err);
/* A place in the jail for a volume of the next number, and where the guest has it. */
struct plan_vm_place {
	const char *in_jail, *in_guest;
};
int plan_vm_place(struct dividing *d, const char *source, bool read_only, struct plan_vm_place *ret, struct err *err);

/* plan_vm_accel.c: the jail gets KVM, if QEMU can use it there. */
int plan_vm_accelerate(struct dividing *d, struct err *err);
/* And is in the group that has it: no config.json could say so beside its range of ids. The jail is planned. */
int plan_vm_join_kvm(const struct dividing *d, struct plan *plan, struct err *err);

/* plan_vm_guest.c: the guest's half; adds what the jail must mount for it. */
int plan_vm_guest(struct dividing *d, struct err *err);
/* The kernel's command line. */
int plan_vm_cmdline(struct dividing *d, struct err *err);

#endif
