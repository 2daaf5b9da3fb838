# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the tests of hull's command line share. Each file has stores of its own below a temporary folder, and after each
# test nothing may be left of its containers: no mount, process, cgroup, interface, address, range of ids, state.
#
#     load helpers
#     setup_file() { stores_begin; image_begin; }
#     teardown_file() { stores_end; }
#     teardown() { containers_end; }

bats_require_minimum_version 1.5.0

REPOSITORY=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
HULL=${HULL:-$REPOSITORY/build/bin/hull}

# hull, with the stores of this file.
hull() {
	"$HULL" --root "$STORES/run" --data "$STORES/data" "$@"
}

# The same as words, for programs that start it themselves.
hull_words() {
	printf '%q ' "$HULL" --root "$STORES/run" --data "$STORES/data" "$@"
}

stores_begin() {
	STORES=$(mktemp -d /tmp/hull-test.XXXXXX)
	export STORES
	: >"$STORES/interfaces"
	list_of_host >"$STORES/before"
}

stores_end() {
	rm -rf "$STORES"
}

# An image "bb" that has a busybox and a user "app", and nothing else.
image_begin() {
	local root=$STORES/rootfs name

	mkdir -p "$root"/{bin,etc,tmp,root,proc,sys,dev}
	chmod 1777 "$root/tmp"
	cp "$(command -v busybox)" "$root/bin/busybox"
	for name in $("$root/bin/busybox" --list); do
		[ "$name" = busybox ] || ln -s busybox "$root/bin/$name"
	done
	printf 'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/tmp:/bin/sh\n' >"$root/etc/passwd"
	printf 'root:x:0:\nstaff:x:50:app\napp:x:1000:\n' >"$root/etc/group"
	hull image import -q --name bb -c 'CMD ["sh"]' -c 'LABEL made.by=tests' "$root"
}
# Stores, image and kernel: what tests of machines begin with. stores_end ends it.
machines_begin() {
	stores_begin
	image_begin
	hull kernel import "$KERNEL_PACKAGE" >/dev/null
}

# Removes all containers, and fails when they leave anything.
containers_end() {
	local ids

	mapfile -t ids < <(hull ps -aq)
	note_interfaces "${ids[@]}" >"$STORES/interfaces"
	[ ${#ids[@]} -eq 0 ] || hull rm -f -v "${ids[@]}" >/dev/null || return 1
	nothing_left
}

# The host's ends of the containers' interfaces: "hull0-7 42". A name may be somebody else's soon, a number is not.
note_interfaces() {
	local id name number

	for id in "$@"; do
		name=$(hull inspect --format '{{.Network.HostInterface}}' "$id")
		! number=$(cat "/sys/class/net/$name/ifindex" 2>/dev/null) || echo "$name $number"
	done
}

list_of_interfaces() {
	local name number

	while read -r name number; do
		[ "$(cat "/sys/class/net/$name/ifindex" 2>/dev/null)" != "$number" ] || echo "interface $name"
	done <"$STORES/interfaces"
}

# The kernel may take a moment. What comes and goes meanwhile is somebody else's: only what stays is left over.
nothing_left() {
	local left tries

	left=$(list_of_leftovers | sort)
	for tries in {1..100}; do
		[ -n "$left" ] || return 0
		sleep 0.1
		left=$(comm -12 <(echo "$left") <(list_of_leftovers | sort))
	done
	echo "left after $tries tries:" >&2
	echo "$left" >&2
	return 1
}

# Things of the whole host that containers have, one a line.
list_of_host() {
	local folder

	for folder in /sys/fs/cgroup/hull/*/ /sys/fs/cgroup/*/hull/*/ /sys/fs/cgroup/*/*/hull/*/; do
		# One with processes is somebody else's, at work.
		[ -d "$folder" ] && [ -z "$(cat "$folder/cgroup.procs" 2>/dev/null)" ] && echo "cgroup $folder"
	done
	grep ' nsfs ' /proc/self/mountinfo | cut -d' ' -f5 | sed 's/^/namespace /'
	return 0
}

list_of_leftovers() {
	list_of_host | grep -vxFf "$STORES/before" || true
	grep -F "$STORES" /proc/self/mountinfo | sed 's/^/mount /'
	pgrep -af -- "$STORES/run" | grep -vE "^$$ |pgrep" | sed 's/^/process /'
	find "$STORES"/run/instances/* "$STORES"/data/instances/* "$STORES"/data/names/* "$STORES"/data/images/holds/* \
		-maxdepth 0 2>/dev/null
	[ ! -e "$STORES/data/idranges" ] || tr -d ' \n\0' <"$STORES/data/idranges" | sed 's/^/ids /'
	list_of_interfaces
	hull info --format 'addresses held: {{.Network.AddressesHeld}}' | grep -v 'held: 0$'
	return 0
}

# retry SECONDS COMMAND...: until it succeeds.
retry() {
	local end=$((SECONDS + $1))

	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}

# How a program in Python begins that waits for one connection at the socket which it is told: whoever sees the socket
# can connect to it.
# shellcheck disable=SC2034 # for those who load this
ACCEPT='import array, fcntl, json, os, re, select, socket, struct, sys
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1] + "-to-be")
server.listen()
os.rename(sys.argv[1] + "-to-be", sys.argv[1])
server.settimeout(60)
connection = server.accept()[0]
'

# Says what comes out of the terminal that is sent to a socket, until its program ends: terminal_at SOCKET
terminal_at() {
	python3 -c "$ACCEPT"'
terminal = socket.recv_fds(connection, 4096, 1)[1][0]
try:
    while data := os.read(terminal, 4096): os.write(1, data)
except OSError: pass' "$1"
}

# rounds NUMBER: of what is tried again and again, for a moment that is seldom. With sanitizers, which look at what a
# round does, a fourth of them.
rounds() {
	if [ -n "${HULL_SANITIZED:-}" ]; then echo $((($1 + 3) / 4)); else echo "$1"; fi
}

# A container's processes. Never 0, which for kill(1) is all of us; between two keepers it has none for a moment.
keeper_of() {
	retry 30 number_of KeeperPid "$1"
}
init_of() {
	number_of Pid "$1"
}
number_of() {
	hull inspect --format "{{.State.$1}}" "$2" | grep -vx 0
}

# kill_at_once PID...: returns when they have ended, whether or not anybody has collected them.
kill_at_once() {
	local pid

	kill -9 "$@"
	for pid in "$@"; do
		retry 30 has_ended "$pid"
	done
}
has_ended() {
	! grep -qs '^State:.[^ZX]' "/proc/$1/status"
}

# Whether a process has begun to listen to the signals that it passes on: it hears them in its own way then, and blocks
# them.
blocks_term() {
	(($(sed -n 's/^SigBlk:\s*/0x/p' "/proc/$1/status") & 1 << 14))
}

# Whether words are in $output, which 'run' has set; tells when they are not.
# shellcheck disable=SC2154
has() {
	[[ $output == *"$1"* ]] || {
		printf 'missing: %s\nin: %s\n' "$1" "$output" >&2
		return 1
	}
}

# A regular expression that is found in $output, or in the words given second.
like() {
	[[ ${2-$output} =~ $1 ]] || {
		printf 'no match: %s\nin: %s\n' "$1" "${2-$output}" >&2
		return 1
	}
}

is() {
	[ "$output" = "$1" ] || {
		printf 'wanted: %s\nfound: %s\n' "$1" "$output" >&2
		return 1
	}
}
