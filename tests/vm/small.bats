#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The small kernel of 'make guest-kernel', as $GUEST_KERNEL, beside Debian's own: for 'make check-guest-kernel' alone,
# since compiling one takes minutes.

load ../bats/helpers

setup_file() {
	machines_begin
	hull kernel import --name small "$GUEST_KERNEL" >/dev/null
}
teardown_file() {
	stores_end
}
teardown() {
	containers_end
}

machine() {
	hull run --isolation vm --kernel "$@"
}

@test "the small kernel: a program, its exit code, and the end" {
	run -7 machine small --rm bb sh -c 'uname -r; exit 7'
	like '^[0-9.]+-hull$'
}

@test "the small kernel: disks, volumes, network, exec" {
	machine small -d --name box -v data:/data bb sh -c 'echo there >/data/file; exec sleep 1000' >/dev/null
	retry 120 hull exec box test -s /data/file 2>/dev/null
	run -0 hull exec box sh -c 'cat /data/file; ip -4 addr show dev eth0; grep " / " /proc/mounts'
	has there
	has 'inet '
	has overlay
	hull rm -f box >/dev/null
	hull volume rm data >/dev/null
}

# least KERNEL: hundredths of a second that the guest had been up when its program began, at best.
least() {
	for _ in 1 2 3; do
		machine "$1" --rm --network none bb sh -c 'read -r up _ </proc/uptime; echo "$up"'
	done | sort -n | head -n 1 | tr -d '.\r'
}

@test "the small kernel: a program begins sooner than below Debian's" {
	small=$(least small) debian=$(least "$(hull kernel default)")
	echo "# hundredths of a second: $small, Debian's $debian" >&3
	[ $((small * 3)) -lt $((debian * 2)) ]
}
