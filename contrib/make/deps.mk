# SPDX-License-Identifier: GPL-2.0-or-later
#
# Debian 12's packages, by what they are for. One apt-get call, and none when everything is there.

BUILD_PACKAGES := gcc make pkg-config libc6-dev musl-dev libseccomp-dev libcap-dev libnl-3-dev libyajl-dev libarchive-dev libssl-dev \
	libzstd-dev libmd-dev libsystemd-dev busybox-static
RUN_PACKAGES   := iproute2
CHECK_PACKAGES := bats clang clang-format clang-tidy shellcheck libclang-rt-14-dev debootstrap zstd xz-utils jq curl \
	iproute2 iptables nftables iputils-ping python3 python3-jsonschema procps strace util-linux attr man-db socat skopeo umoci bzip2 uidmap cpio acpica-tools \
	qemu-utils fdisk squashfs-tools
# Micro-VMs and their disks; the test machine (tests/vm).
VM_PACKAGES    := qemu-system-x86 e2fsprogs erofs-utils
# A guest's kernel from source.
KERNEL_PACKAGES := linux-source gcc make bc bison flex libelf-dev libssl-dev perl xz-utils
BENCH_PACKAGES := hyperfine crun runc podman conmon netavark aardvark-dns iptables

# What drives hull-oci in tests/clients, and runc as control.
CLIENT_PACKAGES := podman conmon uidmap netavark aardvark-dns buildah containerd docker.io runc containernetworking-plugins iptables \
	python3-grpcio python3-protobuf protobuf-compiler

SERVICE_POLICY := /usr/sbin/policy-rc.d

# $(1) packages. Their services are not started: a policy that forbids it is put in place meanwhile, unless the machine
# has one of its own.
define install_packages
	@have=$$(dpkg-query -W -f='$${db:Status-Abbrev} $${Package}\n' $(1) 2>/dev/null | sed -n 's/^ii  *//p'); \
	want=; for p in $(1); do printf '%s\n' "$$have" | grep -qx "$$p" || want="$$want $$p"; done; \
	if [ -n "$$want" ]; then \
		if [ "$$(id -u)" -ne 0 ]; then echo "hull: as root, install:$$want" >&2; exit 1; fi; \
		echo "  APT    $$want"; \
		if [ ! -e $(SERVICE_POLICY) ]; then \
			trap 'rm -f $(SERVICE_POLICY)' EXIT; \
			printf '#!/bin/sh\nexit 101\n' >$(SERVICE_POLICY) && chmod 755 $(SERVICE_POLICY); \
		fi; \
		{ apt-get update -q -o Acquire::Retries=5 && DEBIAN_FRONTEND=noninteractive apt-get install -o Acquire::Retries=5 -q -y --no-install-recommends $$want; } \
			>/tmp/hull-deps.$$$$ 2>&1 || { cat /tmp/hull-deps.$$$$ >&2; rm -f /tmp/hull-deps.$$$$; exit 1; }; \
		rm -f /tmp/hull-deps.$$$$; \
	fi
endef

.PHONY: deps-build deps-check deps-vm deps-kernel deps-bench deps-clients deps
deps-build:
	$(call install_packages,$(BUILD_PACKAGES) $(RUN_PACKAGES))
deps-check: deps-build
	$(call install_packages,$(CHECK_PACKAGES) $(VM_PACKAGES))
deps-vm: deps-build
	$(call install_packages,$(VM_PACKAGES))
deps-kernel:
	$(call install_packages,$(KERNEL_PACKAGES))
deps-bench: deps-check
	$(call install_packages,$(BENCH_PACKAGES))
deps-clients: deps-check
	$(call install_packages,$(CLIENT_PACKAGES))
deps: deps-check
