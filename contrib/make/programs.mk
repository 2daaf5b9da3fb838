# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every program: its main, the folders it may link from (in link order), and its libraries.
# Archives give a program only the objects it asks for; `make lint` looks at the link maps.

START_LIBS  := -lseccomp -lcap -lnl-3 -lyajl_s
ifneq ($(SANITIZE),)
START_LIBS  := -lseccomp -lcap -lnl-3 -lyajl
endif
VM_LIBS     := -lyajl$(if $(SANITIZE),,_s)
IMAGE_LIBS  := -larchive -lcrypto -lzstd -lyajl
CPPFLAGS    += -I/usr/include/libnl3

START_FOLDERS := runtime/core runtime/spec runtime/vm cgroups namespaces net runtime/base

PROGRAMS :=

# $(1) path below $(BUILD), $(2) object of main, $(3) folders, $(4) link flags and libraries
define program
PROGRAMS += $(BUILD)/$(1)
$(BUILD)/$(1): $(2) $(foreach f,$(3),$(call library,$(f)))
	@mkdir -p $$(@D)
	$(if $(Q),@echo "  LD      $$@")
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -Wl,-Map=$(BUILD)/$(1).map -o $$@ $(2) -Wl,--start-group $(foreach f,$(3),$(call library,$(f))) -Wl,--end-group $(4)
endef
main = $(BUILD)/obj/$(1).o

ifneq ($(wildcard cli/hull.c),)
$(eval $(call program,bin/hull,$(call main,cli/hull),cli images $(START_FOLDERS),$(STATIC) $(START_LIBS)))
endif
ifneq ($(wildcard cli/oci/hull_oci.c),)
$(eval $(call program,bin/hull-oci,$(call main,cli/oci/hull_oci),cli/oci cli $(START_FOLDERS),$(STATIC) $(START_LIBS)))
endif
ifneq ($(wildcard cli/oci/hull_vm_oci.c),)
$(eval $(call program,bin/hull-vm-oci,$(call main,cli/oci/hull_vm_oci),cli/oci cli $(START_FOLDERS),$(STATIC) $(START_LIBS)))
endif
ifneq ($(wildcard runtime/core/keeper.c),)
$(eval $(call program,libexec/hull-keeper,$(call main,runtime/core/keeper),runtime/core runtime/base,$(STATIC)))
endif
ifneq ($(wildcard runtime/vm/vmm.c),)
$(eval $(call program,libexec/hull-vmm,$(call main,runtime/vm/vmm),runtime/vm runtime/base,$(STATIC) $(VM_LIBS)))
endif
ifneq ($(wildcard runtime/agent/hull_agent.c),)
$(eval $(call program,libexec/hull-agent,$(call main,runtime/agent/hull_agent),runtime/agent runtime/vm $(START_FOLDERS),$(STATIC) $(START_LIBS)))
endif
# It runs in roots that may hold no library at all: static, with sanitizers too.
CFLAGS_init := -fno-sanitize=all
$(eval $(call program,libexec/hull-init,$(call main,runtime/core/init),,-fno-sanitize=all -static))
ifneq ($(wildcard images/hull_image.c),)
$(eval $(call program,libexec/hull-image,$(call main,images/hull_image),images runtime/base,$(if $(SANITIZE),$(STATIC)) $(IMAGE_LIBS)))
endif
# Without libsystemd hull has no systemd cgroup driver, and says so.
ifneq ($(shell pkg-config --exists libsystemd 2>/dev/null && echo yes),)
$(eval $(call program,libexec/hull-systemd,$(call main,cgroups/systemd/hull_systemd),,$(if $(SANITIZE),$(STATIC)) -lsystemd))
endif
