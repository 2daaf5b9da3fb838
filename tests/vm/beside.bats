#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Controllers that v2 has not, in a tree of v1 that is there beside it (init-plain).

load ../bats/helpers
load ../bats/oci_helpers

# From the machine's own network: that is the one whose priorities the kernel shows.
oci() {
	nsenter --net="$LAB_DIR/host-net" "$OCI" --root "$FOLDER/run" "$@"
}

setup() {
	bundle_configure
	mkdir "$FOLDER/network"
	mount -t cgroup -o net_cls,net_prio network "$FOLDER/network"
}

teardown() {
	umount "$FOLDER/network"
	rmdir "$FOLDER/network"
	oci_end
}

@test "the machine is what it should be: v2, and a tree of v1" {
	run -0 "$HULL" info --format '{{.Cgroups.Layout}}'
	[ "$output" = hybrid ]
}

@test "linux.resources.network: a class and priorities, in their own tree" {
	edit 'c["linux"]["resources"].update({"network": {"classID": 1048577, "priorities": [{"name": "lo", "priority": 7}]}, "pids": {"limit": 33}})'
	apart run -d "$ID" || { cat "$FOLDER/words" && false; }
	[ "$(cat "$FOLDER/network/hull/$ID/net_cls.classid" "/sys/fs/cgroup/hull/$ID/pids.max" | xargs)" = "1048577 33" ]
	grep -qx 'lo 7' "$FOLDER/network/hull/$ID/net_prio.ifpriomap"
	grep -qx "$(member pid)" "$FOLDER/network/hull/$ID/cgroup.procs"
	run -0 oci update --resources - "$ID" <<<'{"network": {"classID": 5, "priorities": [{"name": "lo", "priority": 9}]}}'
	[ "$(cat "$FOLDER/network/hull/$ID/net_cls.classid")" = 5 ]
	grep -qx 'lo 9' "$FOLDER/network/hull/$ID/net_prio.ifpriomap"
	# An interface that is none is the kernel's to refuse.
	run -1 oci update --resources - "$ID" <<<'{"network": {"classID": 6, "priorities": [{"name": "none", "priority": 9}]}}'
	one_line
	has network.priorities
	[ "$(cat "$FOLDER/network/hull/$ID/net_cls.classid")" = 5 ]
	run -0 oci delete --force "$ID"
	[ ! -e "$FOLDER/network/hull/$ID" ]
}
