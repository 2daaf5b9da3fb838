# SPDX-License-Identifier: GPL-2.0-or-later
#
# make bench               hull beside crun, runc and podman, as tables with their bars; as root; its part oci alone
#                          takes a quarter of an hour
# make bench QUICK=1       the same in three, for CI: fails when a figure is far beyond its bar
# make bench GROUPS=oci    one part of it, or some: run,held,crowd,ports,oci,v2,vm; v2 is hull-oci beside crun in the
#                          machine of tests/vm, some minutes
# BENCH_HULL=PROGRAM measures another hull, and the hull-oci beside it.

BENCH_RUNNER := $(BUILD)/bench/runner
BENCH_FLOOR  := $(BUILD)/bench/floor
BENCH_NOTHING := $(BUILD)/bench/nothing
BENCH_VM     := $(BUILD)/bench/vm-floor $(BUILD)/bench/vm-first-byte
BENCH_HULL   ?= $(BUILD)/bin/hull

# Linked as hull is, with its C library: what hull is measured against must not start slower.
$(BENCH_RUNNER) $(BENCH_FLOOR) $(BENCH_NOTHING) $(BENCH_VM): $(BUILD)/bench/%: $(STATIC_TREE)/obj/tests/bench/%.o $(MUSL_COMPAT) $(LIBC_CHOICE)
	@mkdir -p $(@D)
	$(if $(Q),@echo "  LD      $@")
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(STATIC) $< $(MUSL_COMPAT) $(STATIC_END)

.PHONY: bench
bench: deps-bench
	$(Q)$(MAKE) --no-print-directory all $(BENCH_RUNNER) $(BENCH_FLOOR) $(BENCH_NOTHING) $(BENCH_VM)
	$(if $(or $(findstring v2,$(GROUPS)),$(if $(GROUPS),,all)),$(Q)tests/vm/images >/dev/null)
	$(Q)python3 -B tests/bench/bench.py --hull $(abspath $(BENCH_HULL)) --runner $(abspath $(BENCH_RUNNER)) \
		--floor $(abspath $(BENCH_FLOOR)) --layout $(abspath $(IMAGES_DIR)/busybox) \
		$(if $(QUICK),--quick) $(if $(GROUPS),--groups $(GROUPS))

# make bench-vm            the monitor beside its floor and QEMU: first bytes, turns, memory, idling, disk and network;
#                          some minutes
.PHONY: bench-vm
bench-vm:
	$(Q)$(MAKE) --no-print-directory bench GROUPS=vm
	$(Q)tests/bench/vm-throughput $(BUILD)

# make check-icount        how many instructions a stock kernel's start takes under the monitor, beside the floor; not a
#                          matter of how busy the machine is
.PHONY: check-icount run-icount
check-icount: together-build
	@$(MAKE) --no-print-directory run-icount
run-icount:
	$(Q)tests/vm/nested-icount $(BUILD)
