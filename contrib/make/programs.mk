# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every program: its main, the folders it may link from (in link order), and its libraries.
# Archives give a program only the objects it asks for; `make lint` looks at the link maps.

START_LIBS  := -lseccomp -lcap -lnl-3 -lyajl_s
ifneq ($(SANITIZE),)
START_LIBS  := -lseccomp -lcap -lnl-3 -lyajl
endif
VM_LIBS     := -lyajl$(if $(SANITIZE),,_s)
IMAGE_LIBS  := -larchive -lcrypto -lzstd -lyajl -l:libmd.a
CPPFLAGS    += -I/usr/include/libnl3

START_FOLDERS := runtime/core runtime/spec runtime/vm cgroups namespaces net runtime/base

PROGRAMS :=

# $(1) path below $(BUILD), $(2) its main without .c, $(3) folders, $(4) tree of objects, $(5) what comes first and (6)
# last on the linker's line
define link
PROGRAMS += $(BUILD)/$(1)
$(BUILD)/$(1): $(call object,$(2),$(4)) $(foreach f,$(3),$(call archive,$(f),$(4))) $(LIBC_CHOICE)
	@mkdir -p $$(@D)
	$(if $(Q),@echo "  LD      $$@")
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -Wl,-Map=$(BUILD)/$(1).map -o $$@ $(5) $(call object,$(2),$(4)) -Wl,--start-group $(foreach f,$(3),$(call archive,$(f),$(4))) -Wl,--end-group $(6)
endef
# $(1) path, $(2) main, $(3) folders, $(4) libraries
define static_program
$(call link,$(1),$(2),$(3),$(STATIC_TREE),$(STATIC),$(4) $(MUSL_COMPAT) $(STATIC_END))
$(BUILD)/$(1): $(MUSL_COMPAT)
endef
dynamic_program = $(call link,$(1),$(2),$(3),$(BUILD),$(if $(SANITIZE),$(STATIC)),$(4))

ifneq ($(wildcard cli/hull.c),)
$(eval $(call static_program,bin/hull,cli/hull,cli images $(START_FOLDERS),$(START_LIBS) -lmd))
endif
ifneq ($(wildcard cli/oci/hull_oci.c),)
$(eval $(call static_program,bin/hull-oci,cli/oci/hull_oci,cli/oci cli $(START_FOLDERS),$(START_LIBS)))
endif
ifneq ($(wildcard cli/oci/hull_vm_oci.c),)
$(eval $(call static_program,bin/hull-vm-oci,cli/oci/hull_vm_oci,cli/oci cli $(START_FOLDERS),$(START_LIBS)))
endif
ifneq ($(wildcard runtime/core/keeper.c),)
$(eval $(call static_program,libexec/hull-keeper,runtime/core/keeper,runtime/core runtime/base))
endif
ifneq ($(wildcard runtime/vm/vmm.c),)
$(eval $(call static_program,libexec/hull-vmm,runtime/vm/vmm,runtime/vm runtime/base,$(VM_LIBS)))
endif
ifneq ($(wildcard runtime/agent/hull_agent.c),)
$(eval $(call static_program,libexec/hull-agent,runtime/agent/hull_agent,runtime/agent runtime/vm $(START_FOLDERS),$(START_LIBS)))
endif
# It runs in roots that may hold no library at all: static, with sanitizers too.
CFLAGS_init := -fno-sanitize=all
$(eval $(call link,libexec/hull-init,runtime/core/init,,$(STATIC_TREE),-fno-sanitize=all $(if $(SANITIZE),-static,$(STATIC)),$(MUSL_COMPAT) $(STATIC_END)))
$(BUILD)/libexec/hull-init: $(MUSL_COMPAT)
ifneq ($(wildcard images/hull_image.c),)
$(eval $(call dynamic_program,libexec/hull-image,images/hull_image,images runtime/base,$(IMAGE_LIBS)))
endif
# Without libsystemd hull has no systemd cgroup driver, and says so.
ifneq ($(shell pkg-config --exists libsystemd 2>/dev/null && echo yes),)
$(eval $(call dynamic_program,libexec/hull-systemd,cgroups/systemd/hull_systemd,,-lsystemd))
endif
