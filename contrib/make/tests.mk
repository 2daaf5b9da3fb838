# SPDX-License-Identifier: GPL-2.0-or-later
#
# Unit tests: tests/unit/<folder>/test_*.c, each one program that links the folder's library and those below it.
# A test program prints TAP and exits non-zero when a case fails.

UNIT_SOURCES  := $(wildcard tests/unit/*/test_*.c)
UNIT_PROGRAMS := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(UNIT_SOURCES))
UNIT_FOLDERS  := cli $(START_FOLDERS) images
UNIT_LIBS     := $(if $(SANITIZE),-fsanitize=address$(,)undefined) -lseccomp -lcap -lnl-3 -lyajl -larchive -lcrypto -lzstd

# Only the libraries that exist are asked for, so that a folder's tests build before its neighbours do.
$(BUILD)/unit/%: tests/unit/%.c $(foreach f,$(UNIT_FOLDERS),$(call library,$(f)))
	@mkdir -p $(@D)
	$(if $(Q),@echo "  TEST    $@")
	$(Q)$(CC) $(CPPFLAGS) -DHULL_TESTING $(CFLAGS) -MMD -MP -MF $@.d $(LDFLAGS) -o $@ $< -Wl,--start-group $(foreach f,$(UNIT_FOLDERS),$(call library,$(f))) -Wl,--end-group $(UNIT_LIBS)

-include $(UNIT_PROGRAMS:%=%.d)

.PHONY: check-unit
check-unit: $(UNIT_PROGRAMS)
	$(Q)tests/run-unit $(UNIT_PROGRAMS)
