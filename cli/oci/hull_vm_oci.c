// SPDX-License-Identifier: GPL-2.0-or-later
/* hull-vm-oci: the same commands, and every bundle becomes a machine. Its root is shared with the guest, since no layers are known. */
#include "cli/machine.h"
#include "cli/oci/oci.h"

static int find_machine(const struct command_call *call, const struct config *config, struct plan_host *host,
			struct err *err)
{
	const struct config_vm_kernel *kernel = config->vm ? config->vm->kernel : NULL;
	const struct oci *oci = call->globals;
	const struct machine_wish wish = {
		.root = oci_root(call),
		.kernels = oci->kernels ? oci->kernels : OCI_DEFAULT_KERNELS,
		.own_kernel = kernel && kernel->path && kernel->initrd,
	};
	struct plan_vm_host *machine = ARENA_NEW(call->arena, struct plan_vm_host);

	/* It only keeps namespaces for others: a machine would keep those of another kernel. */
	if (plan_vm_pod_of(config) == PLAN_VM_POD_SANDBOX)
		return 0;
	host->vm = machine;
	return machine ? machine_find(call->arena, &wish, machine, err) : arena_check(call->arena, err);
}

int (*const oci_find_machine)(const struct command_call *call, const struct config *config, struct plan_host *host,
			      struct err *err) = find_machine;

int main(int argc, char **argv)
{
	static const struct program hull_vm_oci = {
		.name = "hull-vm-oci",
		.summary = "Runs OCI bundles in machines of their own: the runtime for engines that want a kernel for "
			   "each.",
		.commands = oci_commands,
		.globals = oci_globals,
		.globals_bytes = sizeof(struct oci),
		.failure = 1,
		.single_dash_long = true,
		.prepare = oci_prepare,
	};

	return program_main(&hull_vm_oci, argc, argv);
}
