#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# bats file_tags=vm
# What goes wrong in and around a machine: each has one line of its own, an exit code, and leaves nothing.

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

# ended NAME CODE CAUSE WORDS: how it was, in the log's only line, and for who asks.
ended() {
	retry $BOOT_SECONDS has_exited "$1"
	[ "$(exit_code "$1")" -eq "$2" ]
	run hull logs "$1"
	[ "${#lines[@]}" -eq 1 ]
	like "^hull: $4\$"
	[ "$(hull inspect --format '{{.State.Error}}' "$1")" = "${lines[0]#hull: }" ]
	[ "$(hull inspect --format '{{.State.Cause}}' "$1")" = "$3" ]
}

@test "the server of its volumes is killed: the machine ends, and says so" {
	begin box -v "$STORES/rootfs:/v"
	kill -KILL "$(server_of box)"
	ended box 125 volume-server 'the server of its volumes was killed by signal 9 \(KILL\)'
}

@test "the server of its volumes stands still: who asks it waits, and the machine is paused, stopped, killed and removed as ever" {
	local server

	begin box -v "$STORES/rootfs:/v"
	server=$(server_of box)
	kill -STOP "$server"
	hull exec -d box sh -c 'ls /v/etc/nosuch; : >/came-back'
	hull pause box
	hull unpause box
	[ "$(hull exec box echo goes on)" = 'goes on' ]
	run -1 hull exec box test -e /came-back
	hull stop -t 1 box
	retry 30 has_exited box
	[ ! -e "/proc/$server" ]
	hull start box
	is_reached box
	kill -STOP "$(server_of box)"
	hull rm -f box
}

@test "the keeper is killed: the machine goes on, and can be run into, stopped and removed" {
	begin box
	kill -KILL "$(keeper_of box)"
	hull exec box true
	[ "$(hull ps --format '{{.Names}} {{.State}}')" = 'box running' ]
	hull stop -t 0 box
	retry 30 has_exited box
}

@test "the client is killed: what it has started goes on, and ends as others do" {
	machine -i --name box bb sh -c 'cat; echo ended; exit 3' < <(sleep 100) >"$STORES/out" 2>&1 3>&- &
	is_reached box
	pkill -KILL -P "$!" || kill -KILL "$!"
	wait "$!" || true
	hull exec box true
	hull kill box
	retry 30 has_exited box
	[ "$(hull inspect --format '{{.State.ExitCode}}' box)" -eq 137 ]
}

@test "no kernel, a damaged one, one that is not there any more" {
	begin box
	hull kill box
	mv "$STORES/data/kernels" "$STORES/kept"
	run -125 hull start box
	has 'hull kernel import'
	[ "${#lines[@]}" -eq 1 ]
	mkdir -p "$STORES/data/kernels"
	cp -r "$STORES"/kept/* "$STORES/data/kernels/"
	for file in "$STORES"/data/kernels/*/{vmlinux,bzImage}; do
		[ ! -e "$file" ] || echo nothing >"$file"
	done
	run -125 machine --rm bb true
	[ "${#lines[@]}" -eq 1 ]
	has kernel
	rm -r "$STORES/data/kernels"
	mv "$STORES/kept" "$STORES/data/kernels"
	hull start box
	is_reached box
}

@test "KVM that is not there, is something else, or is refused" {
	run -125 unshare --mount sh -c "mount --bind /dev/null /dev/kvm; $(hull_words --root "$STORES/one" run --rm --isolation vm --vm-backend kvm bb true)"
	has "backend 'kvm' does not work here: /dev/kvm is not of version 12"
	run -125 unshare --mount sh -c "mount -t tmpfs none /dev && $(hull_words --root "$STORES/two" run --rm --isolation vm --vm-backend kvm bb true)"
	has "backend 'kvm' does not work here: /dev/kvm: No such file or directory"
	# Root without the right to pass over what a file's mode says.
	mknod "$STORES/kvm" c 10 232
	chown 65534 "$STORES/kvm" && chmod 600 "$STORES/kvm"
	run -0 unshare --mount sh -c "mount --bind '$STORES/kvm' /dev/kvm && setpriv --bounding-set=-dac_override,-dac_read_search \
		--inh-caps=-dac_override,-dac_read_search $(hull_words --root "$STORES/one" vm backends)"
	like 'kvm +no +/dev/kvm: Permission denied'
	rm -rf "$STORES/one" "$STORES/two" "$STORES/kvm"
}

# A program that says what QEMU says of itself: stand_in VERSION MACHINES DEVICES.
stand_in() {
	printf '#!/bin/sh\ncase $1 in\n--version) echo "QEMU emulator version %s" ;;\n-machine) echo "%s" ;;\n-device) echo "%s" ;;\nesac\n' "$@" >"$STORES/qemu"
	chmod 755 "$STORES/qemu"
}

# With that in the place of QEMU: not_with WORDS.
not_with() {
	run -125 unshare --mount sh -c "mount --bind '$STORES/qemu' /usr/bin/qemu-system-x86_64 && $(hull_words run --rm --isolation vm --vm-backend qemu bb true)"
	is "hull: run: backend 'qemu' does not work here: '/usr/bin/qemu-system-x86_64' $1"
	run -0 unshare --mount sh -c "mount --bind '$STORES/qemu' /usr/bin/qemu-system-x86_64 && $(hull_words vm backends)"
	like "qemu +no +'/usr/bin/qemu-system-x86_64' $1"
}

@test "QEMU that is too old, was built without what is needed, does not run, or is none" {
	stand_in '5.2.0 (Debian 1:5.2+dfsg)' 'microvm   microvm (i386)' 'name "vhost-user-fs-device", bus virtio-bus'
	not_with 'is QEMU 5.2.0: too old, want 6.0 or newer'
	stand_in 8.2.0 'q35   Standard PC' 'name "vhost-user-fs-device", bus virtio-bus'
	not_with "was built without the machine 'microvm'"
	stand_in 10.0.1 'microvm   microvm (i386)' 'name "vhost-user-fs-pci", bus PCI'
	not_with "was built without the device 'vhost-user-fs-device'"
	printf '#!/bin/sh\necho "error while loading shared libraries: libx.so"; exit 127\n' >"$STORES/qemu"
	not_with 'does not work: error while loading shared libraries: libx.so'
	printf '#!/bin/sh\necho something else\n' >"$STORES/qemu"
	not_with 'does not say which QEMU it is'
	printf 'no program' >"$STORES/qemu"
	not_with 'does not work: Exec format error'
	chmod 644 "$STORES/qemu"
	not_with 'cannot be executed: Permission denied'
	rm "$STORES/qemu"
	# What was found of another file holds no longer.
	run -0 hull vm backends
	like 'qemu +yes'
}

@test "a bundle's own QEMU, kernel and initramfs: what cannot be is said before anything starts" {
	local bundle=$STORES/bundle kernel

	kernel=$(echo "$STORES"/data/kernels/*/ | cut -d ' ' -f 1)
	refused() {
		jq -n --argjson vm "$1" '{ociVersion: "1.2.0", root: {path: "/"}, process: {args: ["true"], cwd: "/"},
			linux: {namespaces: [{type: "mount"}, {type: "pid"}, {type: "ipc"}, {type: "uts"}, {type: "network"}]}, vm: $vm}' >"$bundle/config.json"
		run -1 "$HULL_BUILD/bin/hull-vm-oci" --root "$STORES/run/oci" --kernels "$STORES/data/kernels" create -b "$bundle" one
		has "$2"
		[ "${#lines[@]}" -eq 1 ]
	}
	mkdir "$bundle"
	stand_in 4.2.1 '' ''
	refused "{\"hypervisor\": {\"path\": \"$STORES/qemu\"}, \"kernel\": {\"path\": \"/k\"}}" "'$STORES/qemu' is QEMU 4.2.1: too old, want 6.0 or newer"
	refused '{"hypervisor": {"path": "/nosuch/qemu"}, "kernel": {"path": "/k"}}' "'/nosuch/qemu': No such file"
	refused '{"hypervisor": {"path": "qemu"}, "kernel": {"path": "/k"}}' "vm.hypervisor.path: 'qemu' is no absolute path"
	refused '{"kernel": {"path": "/etc/passwd"}}' "vm.kernel.path: '/etc/passwd': it is neither a bzImage nor an ELF kernel"
	refused '{"kernel": {"path": "/bin/busybox"}}' "vm.kernel.path: '/bin/busybox': it is an ELF file, but no kernel"
	(cd "$bundle" && printf '#!/bin/sh\n' >init && echo init | busybox cpio -o -H newc >own 2>/dev/null && echo own | busybox cpio -o -H newc >none 2>/dev/null)
	refused "{\"kernel\": {\"path\": \"$kernel/bzImage\", \"initrd\": \"$bundle/own\"}}" "vm.kernel.initrd: '$bundle/own': its /init is not hull's agent of this version"
	refused "{\"kernel\": {\"path\": \"$kernel/bzImage\", \"initrd\": \"$bundle/none\"}}" "vm.kernel.initrd: '$bundle/none': it has no /init"
	rm -r "$bundle" "$STORES/qemu"
}

@test "an engine that makes the network behind the machine: it hears of it, instead of a program that has none" {
	local bundle=$STORES/bundle pid oci=("$HULL_BUILD/bin/hull-vm-oci" --root "$STORES/run/oci" --kernels "$STORES/data/kernels")

	mkdir "$bundle"
	jq -n --arg root "$STORES/rootfs" '{ociVersion: "1.2.0", root: {path: $root}, process: {args: ["true"], cwd: "/"},
		linux: {namespaces: [{type: "mount"}, {type: "pid"}, {type: "ipc"}, {type: "uts"}, {type: "network"}]}}' >"$bundle/config.json"
	"${oci[@]}" create -b "$bundle" one >"$STORES/out" 2>&1 </dev/null 3>&-
	pid=$("${oci[@]}" state one | jq .pid)
	nsenter -t "$pid" -n ip link add eth0 type veth peer name far
	nsenter -t "$pid" -n ip link set eth0 up
	nsenter -t "$pid" -n ip link set far up
	run -1 "${oci[@]}" start one
	like "hull-vm-oci: start: container 'one': interface '(eth0|far)' was made after the machine"
	[ "${#lines[@]}" -eq 1 ]
	[ "$("${oci[@]}" state one | jq -r .status)" = created ]
	"${oci[@]}" delete --force one
	rm -r "$bundle" "$STORES/run/oci" "$STORES/out"
}

@test "the disk of the host is full: the program hears of it, and the machine goes on" {
	begin box
	hull exec box true
	hull kill box
	mkdir "$STORES/small"
	folder=$(echo "$STORES"/data/instances/*/)
	mount -t tmpfs -o size=40m small "$STORES/small"
	cp --sparse=always "$folder/upper.img" "$STORES/small/"
	mount --bind "$STORES/small/upper.img" "$folder/upper.img"
	hull start box
	is_reached box
	run hull exec box sh -c 'dd if=/dev/zero of=/big bs=1M count=100 conv=fsync'
	[ "$status" -ne 0 ]
	like 'rror|full|space|Read-only'
	[ "$(hull exec box echo goes on)" = 'goes on' ]
	hull kill box
	umount "$folder/upper.img"
	umount "$STORES/small"
	rmdir "$STORES/small"
}

@test "the power goes while it writes: what was synced is there, and the file system is whole" {
	begin box
	hull exec box sh -c 'for i in 1 2 3; do echo $i >/kept$i; done; sync'
	hull exec -d box sh -c 'i=0; while :; do mkdir -p /d$((i % 50)); head -c 100000 /dev/urandom >/d$((i % 50))/$i; i=$((i + 1)); done'
	retry 30 hull exec box test -e /d9
	kill -KILL "$(qemu_of box)"
	ended box 125 emulator 'QEMU was killed by signal 9 \(KILL\)'
	hull start box
	is_reached box
	[ "$(hull exec box cat /kept1 /kept2 /kept3)" = $'1\n2\n3' ]
	hull exec box sh -c 'echo more >/after; sync'
	hull kill box
	run -0 e2fsck -fn "$(echo "$STORES"/data/instances/*/upper.img)"
}

# --- Boots -----------------------------------------------------------------------------------------------------------

# add_to_initrd FOLDER TO: the kernel's own initrd, with the files of a folder before its own.
add_to_initrd() {
	local from

	from=$(echo "$STORES"/data/kernels/*/initrd)
	cp "${from##* }" "$2"
	(cd "$1" && find . -mindepth 1 | cpio -o --quiet -H newc) >>"$2"
	rm -r "$1"
}

# without_timer TO: an initrd whose guest loses its timer in its first boot, and waits for time to pass. What tells a
# boot from the next one is the clock that runs on: it is set to a day that has been.
without_timer() {
	local work=$STORES/initrd from

	from=$(echo "$STORES"/data/kernels/*/initrd)
	mkdir -p "$work"/{bin,dev,sys}
	(cd "$work" && cpio -i --quiet init <"${from##* }" && mv init agent)
	cp "$(command -v busybox)" "$work/bin/busybox"
	cat >"$work/init" <<-'END'
		#!/bin/busybox sh
		b=/bin/busybox
		$b mount -t devtmpfs dev /dev
		$b mount -t sysfs sys /sys
		if [ "$($b cat /sys/class/rtc/rtc0/date)" != 2001-02-03 ]; then
			$b date -u -s '2001-02-03 04:05:06'
			$b hwclock -u -w
			# The local APIC's timer, masked.
			$b devmem 0xfee00320 32 0x10000
			$b sleep 1
		fi
		$b umount /sys /dev
		exec /agent
	END
	chmod +x "$work/init"
	add_to_initrd "$work" "$1"
}

# booting_from INITRD PARAMETER NAME COMMAND...: a machine that is to boot from it, with a word more on its kernel's
# command line.
booting_from() {
	local initrd=$1 parameter=$2 kernel config

	shift 2
	kernel=$(echo "$STORES"/data/kernels/*/vmlinux)
	hull create --isolation vm --vm-backend qemu --memory 128m --network none --name "$1" bb "${@:2}" >/dev/null
	config=$(hull inspect --format '{{.Paths.Config}}' "$1")
	jq --arg kernel "${kernel##* }" --arg initrd "${initrd##* }" --arg parameter "$parameter" \
		'.vm.kernel = {path: $kernel, initrd: $initrd, parameters: [$parameter]}' "$config" >"$STORES/config"
	cp "$STORES/config" "$config"
}

@test "a guest that found no timer is begun anew, and comes up" {
	without_timer "$STORES/once"
	booting_from "$STORES/once" iomem=relaxed box sh -c 'echo up; exit 3'
	run -3 timeout 300 "$HULL" --root "$STORES/run" --data "$STORES/data" start -a box
	is up
}

@test "a guest that finds no timer in any boot ends with one line, and who waits for it with it" {
	booting_from "$(echo "$STORES"/data/kernels/*/initrd)" nolapic_timer box true
	hull start box >/dev/null
	run -125 timeout 300 "$HULL" --root "$STORES/run" --data "$STORES/data" exec box true
	[ "${#lines[@]}" -eq 1 ]
	ended box 125 no-timer 'the guest stood still in each of 4 boots before it was up.*try again when less runs here'
	# Nor need anybody wait for it to end one that is not up.
	hull start box >/dev/null
	timeout 8 "$HULL" --root "$STORES/run" --data "$STORES/data" kill box
	retry 30 has_exited box
}

@test "a guest that does not come up in time, whatever it does, ends with one line" {
	HULL_TEST_FAULT=fail:machine:patience "$HULL_TESTING" --root "$STORES/run" --data "$STORES/data" run -d --name box \
		--isolation vm --vm-backend qemu bb true >/dev/null 3>&-
	ended box 125 boot 'the guest was not up after 1 seconds: .*'
}

# pausing_boot PAUSE...: a machine that has a second to come up, and is paused in it. On a busy host it may be over
# before.
pausing_boot() {
	for _ in 1 2 3 4 5; do
		HULL_TEST_FAULT=fail:machine:patience "$HULL_TESTING" --root "$STORES/run" --data "$STORES/data" run -d --name box \
			--isolation vm --vm-backend qemu bb true >/dev/null 3>&-
		! "$@" || break
		hull rm -f box
	done
	run -124 timeout 4 tail --pid="$(init_of box)" -f /dev/null
}

@test "time in which a machine is paused is none of its boot's" {
	pausing_boot hull pause box
	run -125 hull exec box true
	has paused
	[ "$(hull inspect --format '{{.State.Status}}' box)" = paused ]
	hull unpause box
	ended box 125 boot 'the guest was not up after 1 seconds: .*'
}

@test "... nor is that in which the guest alone is, by the control socket" {
	tells() { control box "$1" 2>/dev/null | jq -e .ok; }
	pausing_boot tells pause
	[ "$(control box stats | jq -r .state)" = paused ]
	tells resume
	ended box 125 boot 'the guest was not up after 1 seconds: .*'
}

@test "the agent dies: the kernel panics, and that is said" {
	mkdir -p "$STORES/initrd/bin"
	cp "$(command -v busybox)" "$STORES/initrd/bin/busybox"
	printf '#!/bin/busybox sh\nexit 3\n' >"$STORES/initrd/init"
	chmod +x "$STORES/initrd/init"
	add_to_initrd "$STORES/initrd" "$STORES/dying"
	booting_from "$STORES/dying" quiet box true
	hull start box >/dev/null
	ended box 202 panic "the guest's kernel panicked: Attempted to kill init! exitcode=0x00000300"
}

# An initrd whose first process is somebody else: a script, behind one that has the devices, the modules and the agent's
# port. speaking_as TO <SCRIPT
speaking_as() {
	mkdir -p "$STORES/initrd"/{bin,dev,sys}
	cp "$(command -v busybox)" "$STORES/initrd/bin/busybox"
	cat >"$STORES/initrd/init" <<-'END'
		#!/bin/busybox sh
		b=/bin/busybox
		$b mount -t devtmpfs dev /dev
		$b mount -t sysfs sys /sys
		while read -r name purposes; do
			case ,$purposes, in *,base,*) $b insmod "/modules/$name" ;; esac
		done </modules/list
		port=
		until [ "$port" ]; do
			for entry in /sys/class/virtio-ports/*; do
				[ "$($b cat "$entry/name")" != hull.agent ] || port=/dev/${entry##*/}
			done
		done 2>/dev/null
	END
	cat >>"$STORES/initrd/init"
	chmod +x "$STORES/initrd/init"
	add_to_initrd "$STORES/initrd" "$1"
}

@test "a reset, and a processor that gives up, are told apart" {
	local way code cause words

	# Linux resets by what its command line says last: ACPI's register, as hull has it, or a triple fault.
	speaking_as "$STORES/resetting" <<<'$b mount -t proc proc /dev && echo b >/dev/sysrq-trigger'
	for way in "quiet 201 reset the guest reset the machine before its program had ended" \
		"reboot=t 204 triple-fault the guest's processor gave up \(triple fault\)"; do
		read -r way code cause words <<<"$way"
		booting_from "$STORES/resetting" "$way" "$cause" true
		hull start "$cause" >/dev/null
		ended "$cause" "$code" "$cause" "$words"
	done
	# Who has its status hears it.
	run -204 hull start -a triple-fault
	[ "$(hull wait triple-fault)" -eq 204 ]
	[[ "$(hull ps -a --filter name=triple-fault --format '{{.Status}}')" == 'Exited (204)'* ]]
}

@test "hull-vm-oci run: how its guest ended the machine, and what the guest could not do" {
	local oci=("$HULL_BUILD/bin/hull-vm-oci" --root "$STORES/run/oci" --kernels "$STORES/data/kernels")

	mkdir "$STORES/bundle"
	jq -n --arg root "$STORES/rootfs" '{ociVersion: "1.2.0", root: {path: $root}, process: {args: ["sh", "-c", "echo b >/proc/sysrq-trigger; sleep 100"],
		env: ["PATH=/bin"], cwd: "/"}, mounts: [{destination: "/proc", type: "proc", source: "proc"}],
		linux: {namespaces: [{type: "mount"}, {type: "pid"}, {type: "ipc"}, {type: "uts"}, {type: "network"}]}}' >"$STORES/bundle/config.json"
	# Devices cannot be made in a folder that is shared. The bare answer of a kernel is told as well, by a monitor
	# that may ask its own nothing more.
	run -125 "${oci[@]}" run -b "$STORES/bundle" one
	is "hull: root file system: device '/dev/null': Operation not permitted"
	jq '.mounts += [{destination: "/dev", type: "tmpfs", source: "tmpfs"}]' "$STORES/bundle/config.json" >"$STORES/changed"
	mv "$STORES/changed" "$STORES/bundle/config.json"
	run -201 "${oci[@]}" run -b "$STORES/bundle" one
	is 'hull: the guest reset the machine before its program had ended'
	rm -r "$STORES/bundle" "$STORES/run/oci"
}

@test "an agent that is none: what it says is no word of the protocol, and the machine ends" {
	speaking_as "$STORES/other" <<<'echo "HELO this is somebody else" >$port; exec $b sleep 1000'
	booting_from "$STORES/other" quiet box true
	hull start box >/dev/null
	ended box 125 agent-broken "the guest was stopped: the machine's agent broke the protocol: .*"
}

@test "an agent that comes up and starts nothing: the machine ends, and says so" {
	# HELLO, of version 1.
	speaking_as "$STORES/stuck" <<<"\$b printf '\\004\\0\\0\\0\\001\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\001\\0\\0\\0' >\$port; exec \$b sleep 1000"
	booting_from "$STORES/stuck" quiet box true
	HULL_TEST_FAULT=fail:machine:start-patience "$HULL_TESTING" --root "$STORES/run" --data "$STORES/data" start box >/dev/null
	ended box 125 no-start "the guest's program was not started after 1 seconds: .*"
}

@test "a guest whose kernel has no memory left, and nobody to take it from: that is said" {
	speaking_as "$STORES/greedy" <<<'exec $b tail /dev/zero'
	booting_from "$STORES/greedy" quiet box true
	hull start box >/dev/null
	ended box 203 memory "the guest's kernel panicked for want of memory: System is deadlocked on memory: 128m may be too little for it"
}

@test "the agent's channel is taken away: the machine ends, and who runs something in it hears so" {
	begin box
	run -125 hull exec --privileged box sh -c 'mkdir /m; mount -t sysfs s /m; cd /m/bus/virtio/drivers/virtio_console
		for device in virtio*; do echo "$device" >unbind; done; sleep 100'
	is 'hull: exec: the machine has ended'
	ended box 200 power-off 'the guest powered off before its program had ended'
}

@test "the monitor is killed: nobody says why in the log, but it is told" {
	begin box
	kill -KILL "$(init_of box)"
	retry 30 has_exited box
	[ "$(hull inspect --format '{{.State.ExitCode}} {{.State.Cause}}: {{.State.Error}}' box)" = \
		"137 monitor: the machine's monitor was killed by signal 9 (KILL)" ]
}
