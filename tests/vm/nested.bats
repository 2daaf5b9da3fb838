#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Machines on KVM, from the command line to an image's process: everything that hull has for them, with Debian's kernel
# on both sides. A start takes seconds here, so one machine is asked many things, and the tests go on where those before
# have left it.

# shellcheck disable=SC2154 # run sets stderr
load ../bats/helpers

setup_file() {
	stores_begin
	cp -a /hull/nested/data "$STORES/data"
	mkdir -m 777 "$STORES/shared"
	echo "of the host" >"$STORES/shared/file"
	rmmod vhost_net 2>/dev/null || true
	hull run -d --isolation vm --name box --cpus 2 -p 127.0.0.1:8080:80 -v "$STORES/shared:/shared" -e GREETING=hello bb sh -c \
		'trap "echo told; exit 9" TERM; mkdir -p /www; echo page >/www/index.html; httpd -h /www; nc -ll -p 9 -e sh -c "cat >/got; echo \$?" &
		nc -ll -p 10 -e cat /got & echo began; cat /kept; while :; do sleep 0.5; done' \
		>"$STORES/id" 3>&-
}
teardown_file() {
	hull rm -f box greedy doomed >/dev/null
	rm -r "$STORES/shared" "$STORES/id"
	nothing_left
	stores_end
}

# says NAME WORDS: returns when they are a line of its log. Not by asking again and again: there is one processor for
# this machine and those within it.
says() {
	grep -q -m 1 -x "$2" < <(hull logs -f "$1" 2>&1)
}
# ended NAME CODE: when it has.
ended() {
	[ "$(hull wait "$1")" -eq "$2" ]
}
field() {
	hull inspect --format "{{.$2}}" "$1"
}
# Of the box's interface on the host, how many bytes a frame has that goes to the machine (tx) or comes from it (rx),
# all in all.
counted() {
	local counters

	counters=/sys/class/net/$(field box Network.HostInterface)/statistics
	echo "$(cat "$counters/$1_bytes") $(cat "$counters/$1_packets")"
}
bytes_a_frame() {
	local bytes frames

	read -r bytes frames < <(counted "$1")
	echo $(((bytes - $2) / (frames - $3)))
}

# What its monitor has of the kernel's own server of network cards.
of_vhost() {
	find "/proc/$(field box State.Pid)/fd" -lname /dev/vhost-net
}

# Its page by the published port, a ping, and some megabytes there and back in frames larger than any wire takes:
# checksums and segments are left to the other side, and what comes in fills several buffers.
traffic() {
	local address before_in before_out bit features

	address=$(field box Network.IP)
	[ "$(timeout 60 busybox wget -q -O - http://127.0.0.1:8080/)" = page ]
	ping -c 1 -W 20 "$address"
	features=$(hull exec box cat /sys/class/net/eth0/device/features)
	for bit in 0 1 7 8 11 12 15; do [ "${features:bit:1}" = 1 ]; done
	head -c 2000000 /dev/urandom >"$STORES/bytes"
	before_in=$(counted tx) before_out=$(counted rx)
	[ "$(busybox nc -w 60 "$address" 9 <"$STORES/bytes")" = 0 ]
	busybox nc -w 60 "$address" 10 </dev/null | cmp - "$STORES/bytes"
	# shellcheck disable=SC2086 # two numbers each
	[ "$(bytes_a_frame tx $before_in)" -gt 1600 ] && [ "$(bytes_a_frame rx $before_out)" -gt 1600 ]
	rm "$STORES/bytes"
}

@test "KVM is what is taken here, and hull says so" {
	run -0 hull vm backends --format '{{.Name}} {{.Works}} {{.Default}}'
	[ "${lines[0]}" = "kvm yes *" ]
	[[ "$(hull info --format json | jq -r .machines.kvm)" != no* ]]
}

@test "the first program: its kernel, its processors, its environment, its words in the log" {
	says box began
	[ "$(cat "/proc/$(field box State.Pid)/comm")" = hull-vmm ]
	run -0 hull exec box sh -c 'nproc; uname -r; tr "\0" "\n" </proc/1/environ | grep GREETING; cat /sys/devices/system/clocksource/clocksource0/current_clocksource'
	is "2
$(uname -r)
GREETING=hello
kvm-clock"
}

@test "exec: streams, codes, a program that is not there" {
	run -7 --separate-stderr bash -c "echo in | $(hull_words exec -i box sh -c 'cat; echo err >&2; exit 7')"
	is in
	[ "$stderr" = err ]
	run -127 hull exec box nosuch
}

@test "a volume, both ways" {
	run -0 hull exec box sh -c 'cat /shared/file; echo "of the guest" >/shared/made'
	is "of the host"
	[ "$(cat "$STORES/shared/made")" = "of the guest" ]
}

@test "the bridge: a published port, neighbours, large frames" {
	says box began
	[ -z "$(of_vhost)" ]
	traffic
}

@test "pause, and going on" {
	hull pause box
	run -125 hull exec box true
	has paused
	hull unpause box
	run -0 hull exec box cat /www/index.html
	is page
}

@test "the monitor: one process more for the volume, no capability, a filter a thread, and its keeper holds what it will leave" {
	local monitor keeper task

	monitor=$(field box State.Pid) keeper=$(keeper_of box)
	[ "$(pgrep -c -P "$monitor")" -eq 1 ]
	for task in /proc/"$monitor"/task/*; do
		grep -qx $'Seccomp:\t2' "$task/status"
		grep -qx $'CapEff:\t0000000000000000' "$task/status"
	done
	run -0 ss -xpH
	[[ "$output" =~ \*\ ([0-9]+)\ \*\ ([0-9]+)\ +users:\(\(\"hull-keeper\",pid=$keeper ]]
	like "\* ${BASH_REMATCH[2]} \* ${BASH_REMATCH[1]} +users:\(\(\"hull-vmm\",pid=$monitor"
}

@test "stop: the program hears of it, and what it has said and written is there" {
	hull exec box sh -c 'echo kept >/kept'
	hull stop -t 30 box
	ended box 9
	run -0 hull logs box
	has told
}

@test "run in the foreground: input, output, exit code" {
	run -3 --separate-stderr bash -c "echo typed | $(hull_words run --rm -i --isolation vm bb sh -c 'cat; echo err >&2; exit 3')"
	is typed
	[ "$stderr" = err ]
}

@test "started again it has its disk; its network is the host kernel's where that offers it; a panic is told as one" {
	modprobe vhost_net
	hull start box
	says box kept
	[ -n "$(of_vhost)" ]
	traffic
	hull pause box
	hull unpause box
	run hull exec --privileged box sh -c 'mkdir /mnt && mount -t proc proc /mnt && echo c >/mnt/sysrq-trigger && sleep 100'
	[ "$status" -ne 0 ]
	ended box 202
	hull logs box 2>&1 | grep -x "hull: the guest's kernel panicked: sysrq triggered crash"
	[ "$(field box State.Cause)" = panic ]
}

@test "a program that takes more memory than there is; a monitor that is killed; a kernel that panics for want of memory" {
	hull run -d --isolation vm --name greedy --memory 192m bb tail /dev/zero 3>&-
	ended greedy 137
	retry 30 eval '[ "$(field greedy State.OomKilled)" = true ]' || { hull inspect greedy && hull logs greedy && return 1; }
	hull run -d --isolation vm --name doomed --memory 128m --network none bb sh -c 'echo began; exec sleep 1000' 3>&-
	says doomed began
	kill -KILL "$(field doomed State.Pid)"
	ended doomed 137
	[ "$(field doomed State.OomKilled)" = false ]
	[ "$(field doomed State.Cause)" = monitor ]
	hull start doomed
	run hull exec --privileged doomed sh -c 'mkdir /mnt && mount -t proc proc /mnt && echo 2 >/mnt/sys/vm/panic_on_oom && tail /dev/zero'
	[ "$status" -ne 0 ]
	ended doomed 203
	[ "$(field doomed State.Cause)" = memory ]
	words='^the guest.s kernel panicked for want of memory: Out of memory: .*panic_on_oom is enabled: 128m may be too little for it$'
	[[ "$(field doomed State.Error)" =~ $words ]]
}

@test "hull-vm-oci: a bundle, its root shared, and the agent by vsock; the machine's own root is an image" {
	local bundle=$STORES/bundle kernel=$STORES/data/kernels/default

	oci() { "$HULL_BUILD/bin/hull-vm-oci" --root "$STORES/run/oci" --kernels "$STORES/data/kernels" "$@"; }
	mkdir -p "$bundle/rootfs/bin"
	cp "$(command -v busybox)" "$bundle/rootfs/bin/busybox"
	oci spec -b "$bundle"
	jq --arg kernel "$kernel" '.process.terminal = false | .root.readonly = false | .process.capabilities[] += ["CAP_SYS_ADMIN"]
		| .vm = {kernel: {path: ($kernel + "/vmlinux"), initrd: ($kernel + "/initrd"), parameters: ["hull.agent=vsock"]}, image: {path: "/hull/nested/own", format: "raw"}}
		| .process.args = ["/bin/busybox", "sh", "-c",
			"busybox cat /sys/bus/virtio/devices/*/device; echo made >/made; busybox mkdir /m; busybox mount -t nosuch none /m 2>/made.not; exit 6"]' \
		"$bundle/config.json" >"$bundle/changed" && mv "$bundle/changed" "$bundle/config.json"
	sum=$(sha256sum </hull/nested/own)
	run -6 oci run -b "$bundle" one
	# The image, randomness, a balloon, vsock, a shared folder; and no console.
	[ "$(sort <<<"$output" | xargs)" = "0x0002 0x0004 0x0005 0x0013 0x001a" ]
	[ "$(cat "$bundle/rootfs/made")" = made ]
	# The guest's kernel has found its modprobe there.
	[ "$(cat "$bundle/rootfs/seen")" = "fs-nosuch ID=machine" ]
	[ "$(sha256sum </hull/nested/own)" = "$sum" ]
	# The monitor here reads raw disks alone, and QEMU is not there.
	printf 'QFI\xfb\0\0\0\x02%0100d' 0 | tr 0 '\0' >"$STORES/qcow2"
	run -125 hull run --rm --isolation vm --vm-image "$STORES/qcow2" --vm-image-format qcow2 bb true
	has "option '--vm-image-format': 'qcow2' is for backend 'qemu': 'kvm' reads raw images; QEMU is not installed"
	run -125 hull run --rm --isolation vm --vm-backend kvm --vm-image "$STORES/qcow2" --vm-image-format qcow2 bb true
	has "option '--vm-image-format': 'qcow2' is for backend 'qemu': 'kvm' reads raw images"
	rm "$STORES/qcow2"
	rm -rf "$bundle" "$STORES/run/oci"
}
