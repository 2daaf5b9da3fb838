#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Commands of all kinds at once on the same few containers, some of them killed: see tests/lib/storm. Afterwards all can
# be removed, and nothing is left.
#
# weight: 12

load helpers
load oci_helpers

setup_file() {
	stores_begin
	image_begin
	bundle_begin
}

teardown_file() {
	stores_end
	bundle_end
}

# Sanitized programs are slower, and everything has to end within the file's time.
seconds() {
	if [ -n "${HULL_SANITIZED:-}" ]; then echo 8; else echo 15; fi
}

@test "hull: commands at once, some of them killed" {
	run -0 "$REPOSITORY/tests/lib/storm" hull "$(seconds)" "$HULL" --root "$STORES/run" --data "$STORES/data"
	containers_end
}

@test "hull-oci: commands at once, some of them killed" {
	cd "$FOLDER"
	mkdir "$FOLDER/bundle/rootfs/inside"
	ln -s /bin/busybox "$FOLDER/bundle/rootfs/inside/true"
	ln -s /bin/busybox "$FOLDER/bundle/rootfs/inside/sleep"
	for name in stays ends; do
		mkdir "$name"
		(cd "$name" && configure sleep 100 && edit "c['root']['path'] = '$FOLDER/bundle/rootfs'")
	done
	(cd ends && edit "c['process']['args'] = ['true']")
	run -0 "$REPOSITORY/tests/lib/storm" oci "$(seconds)" "$OCI" --root "$FOLDER/run"
	cd "$FOLDER/bundle"
	oci_end
	[ -z "$(find /sys/fs/cgroup -maxdepth 4 -type d -name "storm-*")" ]
}
