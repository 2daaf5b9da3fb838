# SPDX-License-Identifier: GPL-2.0-or-later
#
# make install DESTDIR= PREFIX=     and its reverse. What is installed is this table; uninstall removes just that.

INSTALL_BIN     := $(filter $(BUILD)/bin/%,$(PROGRAMS))
INSTALL_LIBEXEC := $(filter $(BUILD)/libexec/%,$(PROGRAMS))
SHARE           := $(BUILD)/share
SYSCONFDIR      ?= /etc

# What tells engines of hull-oci. podman and buildah read a folder of such files; containerd and dockerd are told by
# hand.
DROP_IN_DIR     := $(SYSCONFDIR)/containers/containers.conf.d
DROP_IN         := contrib/containers.conf.d/50-hull.conf
SNIPPETS        := contrib/containerd/hull-1.toml contrib/containerd/hull-2.toml contrib/docker/daemon.json

# Man pages and completion are printed by the programs themselves, from the tables that they parse by.
documentation: all
	$(Q)mkdir -p $(SHARE)/man/man1 $(SHARE)/bash-completion/completions
	$(Q)for program in $(INSTALL_BIN); do \
		$$program __man --all $(SHARE)/man/man1 && \
		$$program __complete bash > $(SHARE)/bash-completion/completions/$${program##*/} || exit 1; \
	done

.PHONY: documentation install uninstall
install: documentation
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/libexec/hull $(DESTDIR)$(PREFIX)/share/hull/images \
		$(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	install -m 0755 -s $(INSTALL_BIN) $(DESTDIR)$(PREFIX)/bin
	install -m 0755 -s $(INSTALL_LIBEXEC) $(DESTDIR)$(PREFIX)/libexec/hull
	cp -r $(SHARE)/hull/images/. $(DESTDIR)$(PREFIX)/share/hull/images
	install -m 0644 $(SHARE)/man/man1/*.1 $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 0644 $(SHARE)/bash-completion/completions/* $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	install -d $(DESTDIR)$(DROP_IN_DIR) $(DESTDIR)$(PREFIX)/share/hull/containerd $(DESTDIR)$(PREFIX)/share/hull/docker
	sed 's,/usr/local/,$(PREFIX)/,' $(DROP_IN) >$(DESTDIR)$(DROP_IN_DIR)/$(notdir $(DROP_IN))
	for file in $(SNIPPETS:contrib/%=%); do \
		sed 's,/usr/local/,$(PREFIX)/,' contrib/$$file >$(DESTDIR)$(PREFIX)/share/hull/$$file || exit 1; \
	done

uninstall: documentation
	rm -f $(INSTALL_BIN:$(BUILD)/bin/%=$(DESTDIR)$(PREFIX)/bin/%)
	rm -rf $(DESTDIR)$(PREFIX)/libexec/hull $(DESTDIR)$(PREFIX)/share/hull
	rm -f $(DESTDIR)$(DROP_IN_DIR)/$(notdir $(DROP_IN))
	cd $(SHARE) && for file in man/man1/*.1 bash-completion/completions/*; do \
		rm -f $(DESTDIR)$(PREFIX)/share/$$file; \
	done
