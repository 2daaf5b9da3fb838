#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Many containers, at once and one after another: nothing that can be counted grows.

load helpers
load leaks
setup_file() {
	stores_begin
	hull run --rm busybox true
}
teardown_file() {
	stores_end
}
# Counts of what `everything` does not name, of the whole kernel.
kernel_counts() {
	echo "mounts $(wc -l </proc/self/mountinfo)"
	echo "network $(ip netns | wc -l) namespaces, $(find /sys/class/net -name 'hull0-*' | wc -l) interfaces"
	echo "files $(find "$STORES" | grep -vc -e /baseline -e /counts -e /failures)"
	awk '{ print $1, $4 }' /proc/cgroups
}

# bats test_tags=slow
@test "200 at once" {
	everything >"$STORES/baseline"
	kernel_counts >"$STORES/counts"
	for i in {1..200}; do
		{ hull run --rm busybox true || echo "$i: exit status $?" >>"$STORES/failures"; } 2>>"$STORES/failures" 3>&- 4>&- &
	done
	# bats has children of its own: only these are waited for.
	# shellcheck disable=SC2046 # several ids
	wait $(jobs -p)
	if [ -s "$STORES/failures" ]; then
		head -n 20 "$STORES/failures"
		false
	fi
	nothing_since "$STORES/baseline"
	retry 30 eval 'kernel_counts | diff "$STORES/counts" -'
}

# bats test_tags=slow
@test "1,000 one after another" {
	for i in {1..20}; do hull run --rm busybox true; done
	everything >"$STORES/baseline"
	kernel_counts >"$STORES/counts"
	for i in {1..1000}; do
		hull run --rm busybox true || { echo "$i: exit status $?" && false; }
	done
	nothing_since "$STORES/baseline"
	retry 30 eval 'kernel_counts | diff "$STORES/counts" -'
}

# bats test_tags=slow
@test "100 detached ones together, listed, and all removed" {
	everything >"$STORES/baseline"
	for i in {1..100}; do hull run -d --init busybox sleep 1000 3>&- 4>&- >/dev/null & done
	# shellcheck disable=SC2046 # several ids
	wait $(jobs -p)
	[ "$(hull ps -q | wc -l)" -eq 100 ]
	[ "$(hull ps -q --no-trunc | xargs -n1 "$HULL" --root "$STORES/run" --data "$STORES/data" inspect --format '{{.Network.IP}}' | sort -u | wc -l)" -eq 100 ]
	hull ps -aq | xargs "$HULL" --root "$STORES/run" --data "$STORES/data" rm -f >/dev/null
	nothing_since "$STORES/baseline"
}
