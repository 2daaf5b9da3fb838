# SPDX-License-Identifier: GPL-2.0-or-later
#
# make check runs the parts below, one after the other, and closes with the totals of all. Each part can be run alone.
# TESTING=1 builds with fault points (runtime/core/fault.h), FUZZ=1 for libFuzzer; each wants a BUILD of its own.

TESTING ?=
FUZZ    ?=
CPPFLAGS += $(if $(TESTING),-DHULL_TESTING)
CFLAGS   += $(if $(FUZZ),-fsanitize=fuzzer-no-link)

# The slow ones last: who waits sees the quick ones first.
CHECK_PARTS := lint check-unit check-bats check-asan check-tsan check-fuzz check-machines check-slow check-together
# What keeps one processor busy, because it emulates another, or does one thing after another: as many at once as there
# are, the longest first.
TOGETHER    := boot-nested run-clients boot-criu boot-engines boot-plain boot-systemd run-icount boot-share

PROCESSORS   := $(shell nproc)
ALL_TOGETHER  = $(MAKE) --no-print-directory -j$(PROCESSORS)
RUN_TOGETHER  = tests/run-parts -j $(PROCESSORS) "$(MAKE) --no-print-directory"
# In front of a program on a line that names MAKE, which is run for `make -n`, too: there it runs nothing.
unless_n      = $(if $(findstring n,$(firstword -$(MAKEFLAGS))),: )
SANITIZED    := SANITIZE=1 TESTING=1 BUILD=build/asan
FOR_FUZZING  := SANITIZE=1 FUZZ=1 CC=clang BUILD=build/fuzz
FUZZ_SECONDS ?= 60

.PHONY: check check-unit check-bats check-asan check-tsan check-fuzz check-clients check-together check-machines check-slow lint format
# What is fetched from elsewhere takes one processor two minutes: beside the first parts.
check: deps-check deps-clients
	@$(unless_n)tests/fetch >/dev/null 2>&1 & $(unless_n)tests/run-parts "$(MAKE) --no-print-directory" $(CHECK_PARTS)
check-together: together-build
	@$(RUN_TOGETHER) $(TOGETHER)

# --- unit tests: tests/unit/<folder>/test_*.c, each one program, TAP on stdout ----------------------------------------

UNIT_SOURCES  := $(wildcard tests/unit/*/test_*.c)
UNIT_PROGRAMS := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(UNIT_SOURCES))
UNIT_FOLDERS  := cli runtime/agent $(START_FOLDERS) images runtime/vm tests/unit/vm
UNIT_LIBS     := $(if $(SANITIZE),-fsanitize=$(SANITIZERS)) -lseccomp -lcap -lnl-3 -lyajl -larchive -lcrypto -lzstd -lmd

# What the tests of devices share, and the fuzzers too: a guest's driver, and a hypervisor that runs nothing.
$(call library,tests/unit/vm): $(patsubst %.c,$(BUILD)/obj/%.o,$(filter-out tests/unit/vm/test_%,$(wildcard tests/unit/vm/*.c)))
	@mkdir -p $(@D)
	$(if $(Q),@echo "  AR      $@")
	$(Q)rm -f $@ && ar rcs $@ $^

$(BUILD)/unit/%: tests/unit/%.c $(foreach f,$(UNIT_FOLDERS),$(call library,$(f)))
	@mkdir -p $(@D)
	$(if $(Q),@echo "  TEST    $@")
	$(Q)$(CC) $(CPPFLAGS) -DHULL_TESTING $(CFLAGS) -MMD -MP -MF $@.d $(LDFLAGS) -o $@ $< -Wl,--start-group $(foreach f,$(UNIT_FOLDERS),$(call library,$(f))) -Wl,--end-group $(UNIT_LIBS)

-include $(UNIT_PROGRAMS:%=%.d)

.PHONY: unit-programs run-unit
unit-programs: $(UNIT_PROGRAMS)
run-unit:
	$(Q)tests/run-unit $(UNIT_PROGRAMS)
check-unit:
	@$(ALL_TOGETHER) all unit-programs
	@$(MAKE) --no-print-directory run-unit

# --- what a user types: tests/bats/*.bats, in a lab (tests/lib/lab) ---------------------------------------------------

.PHONY: testing-build
testing-build:
	@$(ALL_TOGETHER) all
	@$(ALL_TOGETHER) TESTING=1 BUILD=build/testing PLAIN=$(BUILD) all
check-bats: testing-build
	$(Q)tests/run-bats $(BUILD) --filter-tags '!slow,!vm'
# The same in machines, each an emulated processor: apart from all else, which they would slow down.
check-machines: testing-build
	$(Q)tests/run-bats $(BUILD) -j $(PROCESSORS) --filter-tags vm
check-slow: testing-build
	$(Q)tests/run-bats $(BUILD) -j $(PROCESSORS) --filter-tags 'slow,!vm'

# --- both once more with sanitizers: programs are dynamic here; tests that are about time or size are left out --------

.PHONY: sanitized-build
sanitized-build:
	@$(ALL_TOGETHER) $(SANITIZED) all unit-programs
check-asan: sanitized-build
	@$(unless_n)tests/run-parts "$(MAKE) --no-print-directory $(SANITIZED)" run-unit run-bats-sanitized
run-bats-sanitized:
	$(Q)tests/run-bats $(BUILD) --filter-tags '!slow,!plain,!vm'

# --- the monitor, which alone has threads, under ThreadSanitizer: unit tests, and payloads on /dev/kvm ----------------

THREADED_UNITS  = $(shell grep -lE 'pthread_create|machine_start' $(filter tests/unit/vm/%,$(UNIT_SOURCES)))
THREADED        = SANITIZE=thread BUILD=build/tsan UNIT_SOURCES="$(THREADED_UNITS)" UNIT_FOLDERS="tests/unit/vm runtime/vm runtime/base"

.PHONY: threaded-build run-unit-threaded run-bats-threaded
threaded-build:
	@$(ALL_TOGETHER) $(THREADED) build/tsan/libexec/hull-vmm unit-programs
check-tsan: threaded-build
	@$(unless_n)tests/run-parts "$(MAKE) --no-print-directory" run-unit-threaded run-bats-threaded
run-unit-threaded:
	@$(MAKE) --no-print-directory $(THREADED) run-unit
run-bats-threaded:
	$(Q)tests/run-bats build/tsan --filter-tags '!slow,!plain' tests/bats/vm_monitor.bats

# --- fuzzing: tests/fuzz/fuzz_*.c, one parser each, about a minute for all --------------------------------------------

FUZZ_PROGRAMS := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_FOLDERS  := tests/unit/vm runtime/agent images runtime/vm runtime/spec cgroups namespaces net runtime/base

$(BUILD)/fuzz/%: tests/fuzz/%.c $(foreach f,$(FUZZ_FOLDERS),$(call library,$(f)))
	@mkdir -p $(@D)
	$(if $(Q),@echo "  FUZZ    $@")
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -fsanitize=fuzzer -MMD -MP -MF $@.d $(LDFLAGS) -o $@ $< -Wl,--start-group $(foreach f,$(FUZZ_FOLDERS),$(call library,$(f))) -Wl,--end-group $(UNIT_LIBS)

.PHONY: fuzz-programs
fuzz-programs: $(FUZZ_PROGRAMS)
check-fuzz:
	@$(ALL_TOGETHER) $(FOR_FUZZING) fuzz-programs
	$(Q)tests/run-fuzz $(FUZZ_SECONDS) $(patsubst $(BUILD)/%,build/fuzz/%,$(FUZZ_PROGRAMS))

# --- engines drive hull-oci, and runc as control: tests/clients/*.py, about three minutes -----------------------------

.PHONY: run-clients
check-clients: deps-clients
	@$(ALL_TOGETHER) all
	@$(MAKE) --no-print-directory run-clients
run-clients:
	$(Q)tests/run-clients $(BUILD)/bin/hull-oci $(IMAGES_DIR)/busybox

# --- without running anything -----------------------------------------------------------------------------------------

# What the compiler is told, a line each, for tools that read C.
$(BUILD)/compile_flags.txt: Makefile $(wildcard contrib/make/*.mk)
	@mkdir -p $(@D)
	@printf '%s\n' $(CPPFLAGS) -I$(CURDIR) -std=gnu17 >$@
lint:
	@$(unless_n)env MAKE="$(MAKE)" tests/lint
format:
	$(Q)git ls-files '*.c' '*.h' | xargs clang-format -i
