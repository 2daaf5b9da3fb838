# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What containers could leave behind, counted. In a lab (tests/lib/lab) all of it is the tests' own.
#
#     everything >"$STORES/baseline"         # after a first container has made what stays: image, bridge, cached filter
#     nothing_since "$STORES/baseline"       # the kernel may take a moment: waits twenty seconds at most

# One line for each thing that is there now.
everything() {
	cut -d' ' -f5 /proc/self/mountinfo | sed 's/^/mount /'
	find /sys/fs/cgroup -type d -path '*/hull/*' -printf 'cgroup %p\n' 2>/dev/null || true
	find /sys/class/net -name 'hull0-*' -printf 'interface %p\n' || true
	find /sys/class/net/hull0/brif -mindepth 1 -printf 'bridge port %p\n' 2>/dev/null || true
	nft list ruleset | grep -oE '(tcp|udp) \. [0-9]+ : [^,}]*' | sed 's/^/published /'
	namespaces_of_processes | sed 's/^/namespace /'
	processes_of_hull | sed 's/^/process /'
	find "$STORES/run" "$STORES/data" -mindepth 1 -maxdepth 3 -printf 'file %p\n' || true
	find "$STORES/data/volumes" -mindepth 1 -maxdepth 2 -printf 'volume %p\n' 2>/dev/null || true
	# NUL and blank lines are free places of the files that are arrays.
	[ ! -e "$STORES/data/idranges" ] || tr -s ' \n\0' '\n' <"$STORES/data/idranges" | sed -n 's/./ids &/p'
	addresses_held | sed 's/^/address of slot /'
	return 0
}

# The slots of the pool that have a holder. (One whose interface has yet to go is nobody's, and is freed when somebody
# needs it.)
addresses_held() {
	[ ! -e "$STORES/run/net/addresses" ] || tail -c +4097 "$STORES/run/net/addresses" | head -c 4096 |
		od -An -v -t u1 -w1 | grep -nx ' *1' || true
}

# Namespaces other than those of the tests, by whoever is in one.
namespaces_of_processes() {
	find /proc/[0-9]*/ns -type l -printf '%l\n' 2>/dev/null | sort -u >"$BATS_TEST_TMPDIR/namespaces"
	find /proc/self/ns /proc/1/ns -type l -printf '%l\n' | sort -u | comm -13 - "$BATS_TEST_TMPDIR/namespaces"
}

# hull's own processes, and those that are in another namespace for processes.
processes_of_hull() {
	local process

	find /proc/[0-9]*/exe /proc/[0-9]*/ns/pid_for_children -maxdepth 0 -printf '%p %l\n' 2>/dev/null |
		awk -v here="$(readlink /proc/self/ns/pid)" '
			/\/exe .*\/(hull|hull-keeper|hull-image|hull-oci)$/ { print substr($1, 1, length($1) - length("/exe")) }
			/\/pid_for_children ./ && $2 != here { print substr($1, 1, length($1) - length("/ns/pid_for_children")) }' | sort -u |
		while read -r process; do
			# One that has ended already holds nothing, and is somebody's to collect.
			grep -q '^State:.[ZX]' "$process/status" 2>/dev/null || tr '\0' ' ' <"$process/cmdline" 2>/dev/null || true
		done
}

nothing_since() {
	local tries
	for tries in {1..400}; do
		everything | sort >"$BATS_TEST_TMPDIR/now"
		! sort "$1" | comm -13 - "$BATS_TEST_TMPDIR/now" | grep -q . && return 0
		sleep 0.05
	done
	echo "left after $tries looks:"
	sort "$1" | comm -13 - "$BATS_TEST_TMPDIR/now"
	return 1
}
