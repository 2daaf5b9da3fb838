# SPDX-License-Identifier: GPL-2.0-or-later
#
# make             builds into build/bin and build/libexec
# make quickstart  installs what is needed, builds, runs a container and a virtual machine, and shows what they did
# make check       installs what the tests need, and passes all of them
# make help        the rest
#
# V=1 shows the commands. SANITIZE=1 builds with ASan and UBSan into build/asan, SANITIZE=thread with TSan into
# build/tsan. WERROR=1 makes warnings errors.
# LIBC=glibc links the static programs with glibc, where musl would be chosen.

VERSION  := 0.1.0
DATE     := November 21, 2026
PREFIX   ?= /usr/local
DESTDIR  ?=
SANITIZE ?=
WERROR   ?=
BUILD    ?= build$(if $(SANITIZE),$(if $(filter thread,$(SANITIZE)),/tsan,/asan))
CC       := $(if $(filter default,$(origin CC)),gcc,$(CC))
Q        := $(if $(V),,@)

# Which programs there are, what they are made of, and how they are linked, is in tables of their own.
FOLDERS := runtime/base cgroups namespaces net images runtime/vm runtime/spec runtime/core runtime/agent cli cli/oci

WARNINGS := -Wall -Wextra -Wshadow -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wpointer-arith \
	-Wcast-qual -Wwrite-strings -Wvla -Wimplicit-fallthrough $(if $(WERROR),-Werror)
CPPFLAGS += -I. -D_GNU_SOURCE -DHULL_VERSION='"$(VERSION)"' -DHULL_DATE='"$(DATE)"' -DHULL_PREFIX='"$(PREFIX)"' \
	$(if $(SANITIZE),,-D_FORTIFY_SOURCE=2)
# Sanitizers ask where, not how fast; and they are compiled in half the time.
CFLAGS   ?= $(if $(SANITIZE),-O1 -g1,-O2 -g)
CFLAGS   += -std=gnu17 $(WARNINGS) -fstack-protector-strong -fno-common -ffunction-sections -fdata-sections \
	$(if $(SANITIZE),-fsanitize=$(SANITIZERS) -fno-omit-frame-pointer -fno-sanitize-recover=undefined) $(NO_NOISE)
, := ,
# gcc says of each fence that ThreadSanitizer knows none: what they order is between a guest and the monitor, which it
# does not see either. And with fewer passes it guesses at how long texts are.
NO_NOISE = $(if $(findstring clang,$(CC)),,$(if $(SANITIZE),-Wno-format-truncation) $(if $(filter thread,$(SANITIZE)),-Wno-tsan))
SANITIZERS := $(if $(filter thread,$(SANITIZE)),thread,address$(,)undefined)
LDFLAGS  += -Wl,--gc-sections -Wl,-z,relro,-z,now

# Where files without fault points have been compiled, if not here: a build with such points (TESTING=1) needs no second
# object of them.
PLAIN  ?= $(BUILD)
POINTS := $(if $(filter-out $(BUILD),$(PLAIN)),$(shell grep -lE 'core/fault\.h|HULL_TESTING' $(FOLDERS:%=%/*.c)))

# The object of $(1), a source without .c, a folder's objects, and the archive that they become, below $(2): $(BUILD),
# or where those for another C library are.
object   = $(if $(filter $(1).c,$(POINTS)),$(2),$(patsubst $(BUILD)%,$(PLAIN)%,$(2)))/obj/$(1).o
objects  = $(foreach source,$(wildcard $(1)/*.c),$(call object,$(source:.c=),$(2)))
archive  = $(2)/lib/lib$(subst /,-,$(1)).a
library  = $(call archive,$(1),$(BUILD))

include contrib/make/deps.mk
include contrib/make/libc.mk
include contrib/make/programs.mk
include contrib/make/images.mk
include contrib/make/install.mk
include contrib/make/tests.mk
include contrib/make/vm.mk
include contrib/make/bench.mk

.DEFAULT_GOAL := all
.PHONY: all clean help
all: $(PROGRAMS)

$(BUILD)/obj/%.o: %.c Makefile contrib/make/programs.mk
	@mkdir -p $(@D)
	$(if $(Q),@echo "  CC      $<")
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(CFLAGS_$(notdir $*)) -MMD -MP -c -o $@ $<

define archive_rule
$(call archive,$(1),$(2)): $(call objects,$(1),$(2))
	@mkdir -p $$(@D)
	$(if $(Q),@echo "  AR      $$@")
	$(Q)rm -f $$@ && ar rcs $$@ $$^
endef
$(foreach tree,$(sort $(BUILD) $(STATIC_TREE)),$(foreach folder,$(FOLDERS),$(eval $(call archive_rule,$(folder),$(tree)))))

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

.PHONY: quickstart
quickstart: deps-vm
	@$(MAKE) --no-print-directory all
	@[ -n "$$($(BUILD)/bin/hull kernel ls -q)" ] || $(MAKE) --no-print-directory kernel
	@contrib/quickstart $(BUILD)/bin/hull

clean:
	rm -rf build

help:
	@sed -n '3,10s/^# //p' Makefile
	@echo
	@echo "build:    all clean install uninstall kernel guest-kernel"
	@echo "try:      quickstart"
	@echo "check:    lint check-unit check-bats check-asan check-tsan check-fuzz check-machines check-slow check-together"
	@echo "          (of the last: check-clients check-vm check-nested check-icount), check-guest-kernel"
	@echo "measure:  bench bench-vm"
	@echo "other:    format deps"
