# SPDX-License-Identifier: GPL-2.0-or-later
#
# Which C library the static programs are linked with: LIBC=musl where it is installed, else LIBC=glibc.
#
# A program of musl's is in its main() 0.3 to 0.6 ms sooner. glibc asks the processor what it is with 43 CPUID
# instructions before that, and each is a trap into the hypervisor; musl asks nothing, and half as much code has half as
# many pages to be touched.
# What is linked dynamically (hull-image, hull-systemd), the unit tests, and all that is built with sanitizers, keeps to
# glibc, from objects of its own.

MACHINE   := $(shell uname -m)
MUSL_LIBS := /usr/lib/$(MACHINE)-linux-musl
LIBC      ?= $(if $(wildcard $(MUSL_LIBS)/libc.a),musl,glibc)
ifneq ($(SANITIZE),)
override LIBC := glibc
endif
ifeq ($(filter musl glibc,$(LIBC)),)
$(error LIBC is '$(LIBC)': say musl or glibc)
endif

# Headers that are nobody's C library: the kernel's, and those of the libraries that hull is made of. musl's compiler
# must not see glibc's beside them.
MUSL_FOREIGN := linux asm asm-generic mtd video sys/capability.h seccomp.h seccomp-syscalls.h yajl archive.h archive_entry.h openssl zstd.h sha2.h
MUSL_INCLUDE := $(BUILD)/musl/include
MUSL_BESIDE  := $(wildcard contrib/musl/include/*.h contrib/musl/include/*/*.h)
MUSL_CPPFLAGS = -nostdinc -isystem contrib/musl/include -isystem /usr/include/$(MACHINE)-linux-musl \
	-isystem $(shell $(CC) -print-file-name=include) -isystem $(MUSL_INCLUDE)
# clang looks into macros of the system, too, and musl's CMSG_NXTHDR() compares a size with a difference.
MUSL_CPPFLAGS += $(if $(findstring clang,$(CC)),-Wno-sign-compare)
MUSL_CPPFLAGS := $(MUSL_CPPFLAGS)

# A folder with each of them, from where Debian keeps it: below /usr/include, or below the architecture's own folder
# there.
$(MUSL_INCLUDE)/.made: contrib/make/libc.mk
	@mkdir -p $(@D)/sys $(@D)/openssl
	@for header in $(MUSL_FOREIGN); do \
		for folder in /usr/include /usr/include/$(MACHINE)-linux-gnu; do \
			case $$header in openssl) files=$$(ls -d $$folder/openssl/* 2>/dev/null);; *) files=$$folder/$$header;; esac; \
			for file in $$files; do \
				[ ! -e $$file ] || ln -sfn $$file $(@D)/$${file#$$folder/}; \
			done; \
		done; \
	done
	@touch $@

# With absolute addresses, since what is static lies where it was linked: so tables of pointers are read-only data.
# Debian's compiler would put those 64 KiB to the data that is written to, which a program copies at each start when it
# seals itself (runtime/core/sealed_place.c).
# What is put beside musl's headers are the system's to the compiler, so its list of what a file depends on leaves them
# out.
$(BUILD)/musl/obj/%.o: %.c Makefile contrib/make/programs.mk contrib/make/libc.mk $(MUSL_BESIDE) | $(MUSL_INCLUDE)/.made
	@mkdir -p $(@D)
	$(if $(Q),@echo "  CC      $< (musl)")
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -fno-pie $(MUSL_CPPFLAGS) $(CFLAGS_$(notdir $*)) -MMD -MP -c -o $@ $<

-include $(shell find $(BUILD)/musl/obj -name '*.d' 2>/dev/null)

# Where the objects of static programs are, and what comes before and behind them on the linker's line. The programs on
# the start path are static: every shared library costs a start more than most system calls do. Sanitizers need their
# shared runtime.
ifeq ($(LIBC),musl)
STATIC_TREE := $(BUILD)/musl
STATIC      := -static -nostdlib -L$(MUSL_LIBS) $(MUSL_LIBS)/crt1.o $(MUSL_LIBS)/crti.o
STATIC_END  := -Wl,--start-group -lc -lgcc -Wl,--end-group $(MUSL_LIBS)/crtn.o
MUSL_COMPAT := $(BUILD)/musl/obj/contrib/musl/compat.o
else
STATIC_TREE := $(BUILD)
STATIC      := $(if $(SANITIZE),-fsanitize=$(SANITIZERS),-static)
STATIC_END  :=
MUSL_COMPAT :=
endif

# Changes when another library is chosen: all that depends on it is linked again.
LIBC_CHOICE := $(BUILD)/libc-is-$(LIBC)
$(LIBC_CHOICE):
	@mkdir -p $(@D)
	@rm -f $(BUILD)/libc-is-* && touch $@

# The one unit test that is linked as the programs are: of what is put beside musl.
ifeq ($(LIBC),musl)
$(BUILD)/unit/musl/test_compat: $(STATIC_TREE)/obj/tests/unit/musl/test_compat.o $(MUSL_COMPAT)
	@mkdir -p $(@D)
	$(if $(Q),@echo "  TEST    $@")
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(STATIC) $^ $(STATIC_END)
endif
