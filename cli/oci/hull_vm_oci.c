// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hull-vm-oci: the same commands, and every bundle becomes a machine. Its root is shared with the guest, since no
 * layers are known.
 */
#include "cli/machine.h"
#include "cli/oci/oci.h"
#include "cli/reword.h"

static int find_machine(const struct command_call *call, const struct config *config, struct plan_host *host,
			struct err *err)
{
	const struct config_vm_kernel *kernel = config->vm ? config->vm->kernel : NULL;
	const struct config_vm_hypervisor *hypervisor = config->vm ? config->vm->hypervisor : NULL;
	const char *qemu = hypervisor ? hypervisor->path : NULL;
	const struct oci *oci = call->globals;
	const struct machine_wish wish = {
		.root = oci_root(call),
		.kernels = oci->kernels ? oci->kernels : OCI_DEFAULT_KERNELS,
		.backend = qemu ? "qemu" : NULL,
		.qemu = qemu,
		.own_kernel = kernel ? kernel->path : NULL,
		.own_initrd = kernel ? kernel->initrd : NULL,
		.image = config->vm ? config->vm->image : NULL,
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
		.description = "The program of a bundle runs in a machine: on the backend that 'hull vm backends' "
			       "names first, with the kernel that 'hull kernel import' has taken in. Its limits of "
			       "memory and CPUs are the machine's size.\n"
			       "\n"
			       "The folder root.path is shared with the guest as it is, and so are bind mounts. "
			       "/dev/shm is the guest's own memory, as large as what is given there. Namespaces of the "
			       "host's other than a network, devices of the host's and hooks inside are refused. "
			       "AppArmor profiles and SELinux labels, which engines give to every container, are for a "
			       "kernel that is shared, and are left out. Privileged, as engines say it (rules that "
			       "allow every device), is all of the guest: its program has every right over the "
			       "machine's kernel, and that kernel's devices; those of the host that an engine lists "
			       "beside it are left out, since another kernel has other devices behind such numbers.\n"
			       "\n"
			       "vm.image is the root of the machine itself, which nothing writes to: a file "
			       "system in memory is above it. Its file system is on the whole of it, or on its first "
			       "partition, and of a "
			       "type that the guest's kernel has: ext4, erofs and squashfs, as far as 'hull kernel "
			       "import' has found them. What runs in a bundle's container does not see it; the guest's "
			       "kernel finds there what it looks for by name, as modules that a program asks for. With "
			       "backend kvm it is raw; the other formats take the machine to QEMU. A format is what "
			       "config.json says, and one that needs a second file is refused.\n"
			       "\n"
			       "A network namespace that is given by its path keeps its interfaces, and the machine "
			       "stands in their place: it has their names, addresses, routes and packets. One machine "
			       "at a time can have that place. What an engine puts into the namespace only after "
			       "'create' (podman with --userns, dockerd, nerdctl) cannot come to the machine, so "
			       "'start' refuses it: such engines run it with a network that is ready, or with none.\n"
			       "\n"
			       "Of a pod, as Kubernetes' engines make them, the sandbox is a container: it runs "
			       "nothing, and holds the network. The pod's container is a machine in that network, with "
			       "IPC and processes of its own. A second one is refused while the first runs, and so is "
			       "one process namespace for the pod. Which of them a bundle is, its annotation "
			       "io.kubernetes.cri.container-type or io.kubernetes.cri-o.ContainerType says; nothing "
			       "else of the annotations is looked at. (podman 4.3 says it of a pod's members alone: "
			       "what holds the network is a machine then, and the pod's one, unless it was made with "
			       "'--infra=false'.)",
		.commands = oci_commands,
		.globals = oci_globals,
		.globals_bytes = sizeof(struct oci),
		.failure = 1,
		.single_dash_long = true,
		.prepare = oci_prepare,
		.reword = reword_options,
	};

	return program_main(&hull_vm_oci, argc, argv);
}
