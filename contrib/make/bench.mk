# SPDX-License-Identifier: GPL-2.0-or-later
#
# make bench            hull beside crun, runc and podman, as a table with its bars; as root, some five minutes
# make bench QUICK=1    the same in two, for CI: fails when a figure is far beyond its bar
# BENCH_HULL=PROGRAM measures another hull.

BENCH_RUNNER := $(BUILD)/bench/runner
BENCH_HULL   ?= $(BUILD)/bin/hull

$(BENCH_RUNNER): tests/bench/runner.c
	@mkdir -p $(@D)
	$(if $(Q),@echo "  CC      $<")
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -static -o $@ $<

.PHONY: bench
bench: deps-bench
	$(Q)$(MAKE) --no-print-directory all $(BENCH_RUNNER)
	$(Q)python3 -B tests/bench/bench.py --hull $(abspath $(BENCH_HULL)) --runner $(abspath $(BENCH_RUNNER)) \
		--layout $(abspath $(IMAGES_DIR)/busybox) $(if $(QUICK),--quick)
