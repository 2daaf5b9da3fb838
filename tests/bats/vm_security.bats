#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# bats file_tags=vm
# Attacks from inside of a machine, and by bundles and images, that worked on other runtimes of machines. In the guest,
# the attacker is root with every right over its kernel; what is tried on the file server's protocol itself, and on
# devices' rings, is in tests/unit/vm and tests/fuzz.

load helpers
load vm_helpers

setup_file() {
	machines_begin
}
teardown_file() {
	stores_end
}
teardown() {
	containers_end
}

oci() {
	"$HULL_BUILD/bin/hull-vm-oci" --root "$STORES/run/oci" --kernels "$STORES/data/kernels" "$@"
}

# in_kernel NAME: runs the words on standard input outside of the container, as the guest's first user in its first
# namespaces: its kernel starts what a core dump is given to. DISK is the disk whose serial number SERIAL is.
in_kernel() {
	{
		echo "export PATH=/run/hull/root/bin; exec >/run/hull/root/said 2>&1"
		echo "for disk in /sys/block/vd*; do [ \$(cat \$disk/serial) != ${SERIAL:-none} ] || DISK=/dev/\${disk##*/}; done"
		cat
		echo 'mv /run/hull/root/said /run/hull/root/done'
	} | hull exec --privileged -i "$1" sh -c 'cat >/words; rm -f /done; mkdir -p /p; mount -t proc proc /p
		echo "|/run/hull/root/bin/sh /run/hull/root/words" >/p/sys/kernel/core_pattern
		sh -c "kill -SEGV \$\$"; until [ -e /done ]; do sleep 0.1; done; cat /done'
}

sums() {
	find "$STORES/data/images" -type f -exec sha256sum {} + | sort
}

# A bundle whose program is the words given.
bundle() {
	bundle=$STORES/bundle
	mkdir -p "$bundle/rootfs/bin"
	cp "$(command -v busybox)" "$bundle/rootfs/bin/sh"
	oci spec -b "$bundle"
	change ".process.terminal = false | .process.args = [\"sh\", \"-c\", \"$1\"] | .process.env += [\"PATH=/bin\"] | .root.readonly = false"
}

change() {
	jq "$1" "$bundle/config.json" >"$bundle/changed" && mv "$bundle/changed" "$bundle/config.json"
}

@test "the image that machines share cannot be written by one of them" {
	begin box
	sums >"$STORES/sums"
	SERIAL=layer0 in_kernel box >"$STORES/said" <<-'END'
		id -u
		head -c 4096 $DISK | wc -c
		blockdev --setrw $DISK
		dd if=/dev/zero of=$DISK bs=4096 count=16 conv=notrunc,fsync || echo refused
	END
	run cat "$STORES/said"
	[ "${lines[0]}" = 0 ]
	[ "${lines[1]}" = 4096 ]
	has refused
	hull kill box
	diff "$STORES/sums" <(sums)
	run -0 machine --rm bb cat /etc/passwd
	has app
	# QEMU holds it without the right to write.
	begin again
	pid=$(qemu_of again)
	for fd in "/proc/$pid"/fd/*; do
		[[ $(readlink "$fd") != *.erofs* ]] || [ $((8#$(awk '$1 == "flags:" { print $2 }' "/proc/$pid/fdinfo/${fd##*/}") & 3)) -eq 0 ]
	done
	# And all its threads have a filter for their system calls, and no way to new rights.
	for field in 'Seccomp:	2' 'NoNewPrivs:	1'; do
		grep -L "^$field\$" "/proc/$pid"/task/*/status >"$STORES/said" || true
		[ ! -s "$STORES/said" ] || { grep -H "^${field%:*}" "/proc/$pid"/task/*/status && return 1; }
	done
	rm "$STORES/sums" "$STORES/said"
}

@test "a disk is what it was declared to be, whatever a guest writes at its beginning" {
	echo secret >"$STORES/secret"
	begin box
	# The head of a qcow2 image, with a backing file, where ext4 has nothing.
	printf '%s' "$STORES/secret" >"$STORES/name"
	len=$(stat -c %s "$STORES/name")
	{
		printf 'QFI\xfb\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x68\x00\x00\x00'
		# shellcheck disable=SC2059 # the number is a byte of the format
		printf "\\x$(printf %02x "$len")"
		printf '\x00\x00\x00\x10\x00\x00\x00\x00\x40\x00\x00\x00'
		head -c 72 /dev/zero
		cat "$STORES/name"
	} >"$STORES/head"
	hull exec -i box sh -c 'cat >/head' <"$STORES/head"
	SERIAL=upper in_kernel box <<<'dd if=/run/hull/root/head of=$DISK bs=512 count=1 conv=notrunc,fsync'
	hull kill box
	image=$(echo "$STORES"/data/instances/*/upper.img)
	head -c 4 "$image" | cmp - <(printf 'QFI\xfb')
	size=$(stat -c %s "$image")
	hull start box
	is_reached box
	SERIAL=upper in_kernel box <<<'head -c 4 $DISK; blockdev --getsize64 $DISK' >"$STORES/out"
	[ "$(LC_ALL=C tr '\373' ' ' <"$STORES/out")" = "QFI $size" ]
	rm "$STORES"/{secret,name,head,out}
}

@test "a volume holds no device and no file of the host's root that a guest has made" {
	mkdir -m 777 "$STORES/shared"
	begin box -v "$STORES/shared:/v"
	run hull exec --privileged box sh -c 'mknod /v/disk b 8 0; mknod /v/null c 1 3; cp /bin/busybox /v/shell && chmod 4755 /v/shell; chown 0:0 /v/shell; ln -s /etc/shadow /v/link; ln /v/shell /v/../outside'
	[ -z "$(find "$STORES/shared" -type b -o -type c)" ]
	[ -z "$(find "$STORES/shared" -uid 0 -type f)" ]
	[ ! -e "$STORES/outside" ]
	rm -r "$STORES/shared"
}

@test "annotations are neither paths nor arguments" {
	evil=$STORES/evil
	printf '#!/bin/sh\ntouch %s.ran\n' "$evil" >"$evil"
	chmod 755 "$evil"
	bundle 'echo up >/up; while :; do sleep 1; done'
	change ".annotations = {
		\"io.katacontainers.config.hypervisor.path\": \"$evil\", \"io.katacontainers.config.hypervisor.kernel\": \"$evil\",
		\"io.katacontainers.config.hypervisor.kernel_params\": \"init=$evil\", \"io.katacontainers.config.hypervisor.virtio_fs_extra_args\": \"[\\\"--evil\\\"]\",
		\"io.katacontainers.config_path\": \"$evil\", \"run.oci.handler\": \"krun\", \"krun.ram_mib\": \"4000\", \"krun.cpus\": \"8\",
		\"io.containerd.runc.v2.group\": \"$evil\", \"run.oci.hooks.stderr\": \"$evil\"}"
	oci create -b "$bundle" one >"$STORES/out" 2>&1 </dev/null 3>&-
	oci start one
	retry $BOOT_SECONDS test -s "$bundle/rootfs/up"
	pid=$(oci state one | jq .pid)
	# Nobody in the jail runs from a file that could be written there: CVE-2019-5736. (A bundle's jail has the
	# host's user ids.)
	for one in $(pgrep --ns "$pid" --nslist pid); do
		python3 -c 'import os, sys; sys.exit(not os.statvfs(sys.argv[1]).f_flag & os.ST_RDONLY)' "/proc/$one/exe"
	done
	tr '\0' '\n' <"/proc/$(pgrep -P "$pid" qemu)/cmdline" >"$STORES/words"
	run ! grep -E 'evil|4000|krun' "$STORES/words"
	grep -x 512M "$STORES/words"
	oci kill one KILL
	retry 30 oci delete one
	[ ! -e "$evil.ran" ]
	rm -r "$bundle" "$evil" "$STORES"/{out,words}
}

@test "nothing of the host's is read, written or run by way of a bundle's root" {
	victim=$STORES/victim
	echo whole >"$victim"
	mkdir -p "$STORES/away/etc" "$STORES/away/run"
	bundle 'cat /etc/name >/up; while :; do sleep 1; done'
	# Where others keep their helpers' files, and what others look for inside.
	root=$bundle/rootfs
	ln -s "$victim" "$root/.krun_config.json"
	ln -s "$STORES/away/etc" "$root/etc"
	ln -s "$STORES/away/run" "$root/run"
	mkdir -p "$root/usr/bin" "$root/usr/local/libexec/hull"
	for name in init usr/bin/qemu-system-x86_64 usr/local/libexec/hull/hull-vmm usr/local/libexec/hull/hull-agent; do
		printf '#!/bin/sh\ntouch %s.ran\n' "$victim" >"$root/$name"
		chmod 755 "$root/$name"
	done
	echo name >"$bundle/name"
	change '.mounts += [{"destination": "/etc/name", "type": "bind", "source": "name", "options": ["bind", "ro"]}, {"destination": "/run", "type": "tmpfs", "source": "tmpfs"}]'
	oci create -b "$bundle" one >"$STORES/out" 2>&1 </dev/null 3>&-
	oci start one
	ends() { [ -s "$root/up" ] || [ "$(oci state one | jq -r .status)" = stopped ]; }
	retry $BOOT_SECONDS ends
	oci kill one KILL || true
	retry 30 oci delete one
	[ "$(cat "$victim")" = whole ]
	[ ! -e "$victim.ran" ]
	[ -z "$(find "$STORES/away" -mindepth 2)" ]
	rm -r "$bundle" "$victim" "$STORES"/{out,away}
}
