# SPDX-License-Identifier: GPL-2.0-or-later
#
# The images that hull brings along, as OCI layouts below share/hull/images, found by the programs relative to
# themselves.

BUSYBOX       ?= $(firstword $(wildcard /bin/busybox /usr/bin/busybox))
IMAGES_DIR    := $(BUILD)/share/hull/images
BROUGHT_ALONG := $(if $(BUSYBOX),$(IMAGES_DIR)/busybox/index.json)

$(IMAGES_DIR)/busybox/index.json: contrib/image/busybox $(BUSYBOX)
	$(if $(Q),@echo "  IMAGE   $(@D)")
	$(Q)contrib/image/busybox $(@D) $(BUSYBOX)
	$(Q)touch $@

all: $(BROUGHT_ALONG)

# The helper is tested together with what it finds beside itself.
$(BUILD)/unit/images/test_helper: $(BUILD)/libexec/hull-image $(BROUGHT_ALONG)
