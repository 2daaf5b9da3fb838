# SPDX-License-Identifier: GPL-2.0-or-later
#
# make bench               hull beside crun, runc and podman, as tables with their bars; as root, some fifteen minutes
# make bench QUICK=1       the same in three, for CI: fails when a figure is far beyond its bar
# make bench GROUPS=oci    one part of it, or some: run,held,crowd,ports,oci
# BENCH_HULL=PROGRAM measures another hull, and the hull-oci beside it.

BENCH_RUNNER := $(BUILD)/bench/runner
BENCH_FLOOR  := $(BUILD)/bench/floor
BENCH_HULL   ?= $(BUILD)/bin/hull

$(BENCH_RUNNER) $(BENCH_FLOOR): $(BUILD)/bench/%: tests/bench/%.c
	@mkdir -p $(@D)
	$(if $(Q),@echo "  CC      $<")
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -static -o $@ $<

.PHONY: bench
bench: deps-bench
	$(Q)$(MAKE) --no-print-directory all $(BENCH_RUNNER) $(BENCH_FLOOR)
	$(Q)python3 -B tests/bench/bench.py --hull $(abspath $(BENCH_HULL)) --runner $(abspath $(BENCH_RUNNER)) \
		--floor $(abspath $(BENCH_FLOOR)) --layout $(abspath $(IMAGES_DIR)/busybox) \
		$(if $(QUICK),--quick) $(if $(GROUPS),--groups $(GROUPS))

# make bench-vm            the monitor beside its floor and QEMU, from exec to a guest's first byte; some seconds
.PHONY: bench-vm
bench-vm: deps-bench
	$(Q)$(MAKE) --no-print-directory $(BUILD)/libexec/hull-vmm
	$(Q)tests/bench/vm $(BUILD)
