# SPDX-License-Identifier: GPL-2.0-or-later
#
# make install DESTDIR= PREFIX=     and its reverse. What is installed is this table; uninstall removes just that.

INSTALL_BIN     := $(filter $(BUILD)/bin/%,$(PROGRAMS))
INSTALL_LIBEXEC := $(filter $(BUILD)/libexec/%,$(PROGRAMS))
MAN_PAGES       := $(wildcard cli/man/*.1) $(wildcard cli/man/*.5)
BASH_COMPLETION := $(BUILD)/share/bash-completion/completions/hull
SHARE_IMAGES     = $(BUILD)/share/hull/images

$(BASH_COMPLETION): $(BUILD)/bin/hull
	@mkdir -p $(@D)
	$(Q)$< __complete bash > $@

.PHONY: install uninstall
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/libexec/hull $(DESTDIR)$(PREFIX)/share/hull \
		$(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man5 \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions
	install -m 0755 -s $(INSTALL_BIN) $(DESTDIR)$(PREFIX)/bin
	install -m 0755 -s $(INSTALL_LIBEXEC) $(DESTDIR)$(PREFIX)/libexec/hull
	rm -rf $(DESTDIR)$(PREFIX)/share/hull/images
	cp -r $(SHARE_IMAGES) $(DESTDIR)$(PREFIX)/share/hull/images
	$(if $(filter %.1,$(MAN_PAGES)),install -m 0644 $(filter %.1,$(MAN_PAGES)) $(DESTDIR)$(PREFIX)/share/man/man1)
	$(if $(filter %.5,$(MAN_PAGES)),install -m 0644 $(filter %.5,$(MAN_PAGES)) $(DESTDIR)$(PREFIX)/share/man/man5)
	install -m 0644 $(BASH_COMPLETION) $(DESTDIR)$(PREFIX)/share/bash-completion/completions/hull

uninstall:
	rm -f $(INSTALL_BIN:$(BUILD)/bin/%=$(DESTDIR)$(PREFIX)/bin/%)
	rm -rf $(DESTDIR)$(PREFIX)/libexec/hull $(DESTDIR)$(PREFIX)/share/hull
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/share/man/man1/,$(notdir $(filter %.1,$(MAN_PAGES))))
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/share/man/man5/,$(notdir $(filter %.5,$(MAN_PAGES))))
	rm -f $(DESTDIR)$(PREFIX)/share/bash-completion/completions/hull
	-rmdir -p --ignore-fail-on-non-empty $(DESTDIR)$(PREFIX)/share/bash-completion/completions \
		$(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man5 $(DESTDIR)$(PREFIX)/bin 2>/dev/null
install: $(BASH_COMPLETION)
