# SPDX-License-Identifier: GPL-2.0-or-later
#
# make check-vm     boots Debian's own kernel in a small emulated machine and runs tests there: cgroup v2 alone,
#                   checkpoints, systemd, directories that hull's server shares with it, and engines that make
#                   checkpoints. VM_BOOTS chooses.

VM_BOOTS ?= criu engines plain systemd share

# share serves directories to a machine that it starts; exercise uses them in there, and is static: it runs on whatever
# that machine boots.
VM_PROGRAMS := $(BUILD)/vm/share $(BUILD)/vm/exercise

# Linked as the monitor is: the server's filter knows the system calls of its C library.
vm_archives := $(foreach folder,runtime/vm runtime/base,$(call archive,$(folder),$(STATIC_TREE)))
$(VM_PROGRAMS): $(BUILD)/vm/%: $(STATIC_TREE)/obj/tests/vm/%.o $(vm_archives) $(MUSL_COMPAT) $(LIBC_CHOICE)
	@mkdir -p $(@D)
	$(if $(Q),@echo "  LD      $@")
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(STATIC) $< $(vm_archives) $(MUSL_COMPAT) $(STATIC_END)

# What all boots need is made before any of them: two at once would each fetch it.
.PHONY: check-vm vm-programs together-build
vm-programs: $(VM_PROGRAMS)
together-build: deps-clients
	@$(ALL_TOGETHER) all unit-programs vm-programs $(BENCH_VM)
	@tests/vm/images >/dev/null && contrib/kernel/debian >/dev/null
check-vm: together-build
	@$(RUN_TOGETHER) $(VM_BOOTS:%=boot-%)
boot-%:
	$(Q)tests/vm/run $(BUILD) $*

# make check-nested boots the same kernel with KVM of its own, and in that guests of hull's own monitor: the monitor
# alone, and by 'hull run'.

.PHONY: check-nested
check-nested: together-build
	@$(MAKE) --no-print-directory boot-nested

# make kernel         fetches Debian's kernel for virtual machines, and takes it into hull's store
# make guest-kernel   builds a small one from Debian's linux-source: 7 minutes on two processors. It has all inside,
#                     needs no modules, and is at /init after 110 million
#                     instructions, where Debian's takes 446 million. GUEST_KERNEL_JOBS says how many compilers at once.
# make check-guest-kernel  builds it, and runs machines with it; no part of 'make check'

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
	$(Q)GUEST_KERNEL=$(abspath $(GUEST_KERNEL))/bzImage tests/run-bats $(BUILD) tests/vm/small.bats
