# SPDX-License-Identifier: GPL-2.0-or-later
#
# make check-vm     boots Debian's own kernel in a small emulated machine and runs tests there: cgroup v2 alone, and systemd. VM_BOOTS chooses.

VM_BOOTS ?= plain systemd

.PHONY: check-vm
check-vm:
	@$(ALL_TOGETHER) all unit-programs
	$(Q)tests/vm/run $(BUILD) $(VM_BOOTS)
