# SPDX-License-Identifier: GPL-2.0-or-later
#
# make check-vm     boots Debian's own kernel in a small emulated machine and runs tests there: cgroup v2 alone, systemd, directories that hull's
#                   server shares with it, and engines that make checkpoints. VM_BOOTS chooses.

VM_BOOTS ?= share plain systemd engines

# share serves directories to a machine that it starts; exercise uses them in there, and is static: it runs on whatever that machine boots.
VM_PROGRAMS := $(BUILD)/vm/share $(BUILD)/vm/exercise

# Linked as the monitor is: the server's filter knows the system calls of its C library.
vm_archives := $(foreach folder,runtime/vm runtime/base,$(call archive,$(folder),$(STATIC_TREE)))
$(VM_PROGRAMS): $(BUILD)/vm/%: $(STATIC_TREE)/obj/tests/vm/%.o $(vm_archives) $(MUSL_COMPAT) $(LIBC_CHOICE)
	@mkdir -p $(@D)
	$(if $(Q),@echo "  LD      $@")
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(STATIC) $< $(vm_archives) $(MUSL_COMPAT) $(STATIC_END)

.PHONY: check-vm vm-programs
vm-programs: $(VM_PROGRAMS)
check-vm: deps-clients
	@$(ALL_TOGETHER) all unit-programs vm-programs
	$(Q)tests/vm/run $(BUILD) $(VM_BOOTS)

# make check-nested boots the same kernel with KVM of its own, and in that guests of hull's own monitor: the monitor alone, and by 'hull run'.

.PHONY: check-nested
check-nested:
	@$(ALL_TOGETHER) all unit-programs vm-programs
	$(Q)tests/vm/run $(BUILD) nested

# make kernel         fetches Debian's kernel for virtual machines, and takes it into hull's store
# make guest-kernel   builds a small one from Debian's linux-source, some minutes; it is at /init in less than half the time, and needs no modules. GUEST_KERNEL_JOBS says how many at once.
# make check-guest-kernel  builds it, and runs machines with it; 'make check' does that only where it is built already

GUEST_KERNEL      ?= $(BUILD)/guest-kernel
GUEST_KERNEL_JOBS ?= $(shell nproc)

.PHONY: kernel guest-kernel check-guest-kernel
kernel: deps-vm
	@$(MAKE) --no-print-directory all
	$(Q)$(BUILD)/bin/hull kernel import --replace "$$(contrib/kernel/debian)"
guest-kernel: deps-kernel
	$(Q)contrib/kernel/build $(GUEST_KERNEL) $(GUEST_KERNEL_JOBS)
	@echo "now: hull kernel import --name small --default $(GUEST_KERNEL)/bzImage"
check-guest-kernel: guest-kernel deps-check
	@$(MAKE) --no-print-directory all
	$(Q)tests/run-bats $(BUILD) --filter 'the small one' tests/bats/kernel.bats
