#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# hull-oci mounts add, mounts remove: binds that come into a running container and leave it, and nothing else.

load helpers
load oci_helpers

setup_file() {
	bundle_begin
	mkdir "$FOLDER/shown"
	echo hello >"$FOLDER/shown/file"
}

setup() {
	bundle_configure
	edit 'c["root"]["readonly"] = False'
}

teardown() {
	oci_end
	find "$FOLDER/bundle/rootfs" -mindepth 1 -maxdepth 1 -name 'at*' -exec rm -rf {} +
}

# A mount as JSON: bind SOURCE DESTINATION [OPTION...]
bind() {
	python3 -c 'import json, sys
print(json.dumps({"type": "bind", "source": sys.argv[1], "destination": sys.argv[2], "options": ["bind"] + sys.argv[3:]}))' "$@"
}

# mounts VERB MOUNT...: each one as bind() prints it.
mounts() {
	local verb=$1 IFS=,

	shift
	echo "[$*]" | oci mounts "$verb" "$ID" -
}

# How many mounts of the test's folder the container has.
mounted() {
	oci exec "$ID" cat /proc/self/mountinfo | grep -c " $1 " || true
}

@test "a folder and a file come in, and leave again" {
	apart run --detach "$ID"
	run -0 mounts add "$(bind "$FOLDER/shown" /at/folder)" "$(bind "$FOLDER/shown/file" /at-file ro)"
	run -0 oci exec "$ID" cat /at/folder/file /at-file
	[ "$output" = $'hello\nhello' ]
	run oci exec "$ID" sh -c 'echo x >/at-file'
	[ "$status" -ne 0 ]
	has "Read-only file system"
	run -0 oci exec "$ID" sh -c 'echo y >/at/folder/new'
	[ "$(cat "$FOLDER/shown/new")" = y ]
	rm "$FOLDER/shown/new"
	run -0 mounts remove "$(bind x /at/folder)" "$(bind x /at-file)"
	[ "$(mounted /at/folder)" = 0 ]
	[ "$(mounted /at-file)" = 0 ]
	run -1 mounts remove "$(bind x /at/folder)"
	one_line
	has "nothing was added at '/at/folder'"
}

@test "from a file, as an object, and into a created and a paused container" {
	apart create "$ID"
	echo "{\"mounts\": [$(bind "$FOLDER/shown" /at)]}" >"$FOLDER/mounts.json"
	run -0 oci mounts add "$ID" "$FOLDER/mounts.json"
	run -0 oci start "$ID"
	[ "$(mounted /at)" = 1 ]
	run -0 oci pause "$ID"
	run -0 oci mounts remove "$ID" "$FOLDER/mounts.json"
	run -0 oci resume "$ID"
	[ "$(mounted /at)" = 0 ]
	run -0 oci kill "$ID" KILL
	retry 30 is stopped
	run -1 oci mounts add "$ID" "$FOLDER/mounts.json"
	one_line
	has "is stopped"
}

@test "all of them, or none" {
	apart run --detach "$ID"
	run -1 mounts add "$(bind "$FOLDER/shown" /at)" "$(bind "$FOLDER/none-such" /at2)"
	one_line
	has none-such
	[ "$(mounted /at)" = 0 ]
	# The first is mounted already when the second is refused.
	run -1 mounts add "$(bind "$FOLDER/shown" /at)" "$(bind "$FOLDER/shown" /proc/self)"
	one_line
	[ "$(mounted /at)" = 0 ]
	run -1 mounts remove "$(bind x /at)"
	run -1 mounts add '{"type": "tmpfs", "source": "tmpfs", "destination": "/at"}'
	one_line
	has "only bind mounts"
	run -1 oci mounts add "$ID" - <<<'[{"destination": 5}]'
	one_line
	run -1 oci mounts
	run -1 oci mounts nonsense
}

@test "only what was added is removed" {
	edit 'c["mounts"].append({"type": "tmpfs", "source": "tmpfs", "destination": "/at-own"})'
	apart run --detach "$ID"
	run -1 mounts remove "$(bind x /at-own)"
	has "nothing was added"
	# Over one another: the newest goes first.
	run -0 mounts add "$(bind "$FOLDER/shown" /at-own)"
	run -0 mounts add "$(bind "$FOLDER" /at-own)"
	[ "$(mounted /at-own)" = 3 ]
	run -0 mounts remove "$(bind x /at-own/)"
	[ "$(mounted /at-own)" = 2 ]
	run -0 oci exec "$ID" cat /at-own/file
	run -0 mounts remove "$(bind x /at-own)"
	[ "$(mounted /at-own)" = 1 ]
	run -1 mounts remove "$(bind x /at-own)"
	[ "$(mounted /at-own)" = 1 ]
}

@test "what the container has put in its place stays" {
	edit 'c["process"]["capabilities"] = {k: ["CAP_SYS_ADMIN"] for k in ("bounding", "effective", "permitted")}'
	apart run --detach "$ID"
	run -0 mounts add "$(bind "$FOLDER/shown" /at)"
	run -0 oci exec "$ID" sh -c 'umount /at && mount -t tmpfs theirs /at'
	run -0 mounts remove "$(bind x /at)"
	run -0 oci exec "$ID" grep theirs /proc/self/mountinfo
}

@test "a link inside leads nowhere else" {
	mkdir "$FOLDER/outside"
	ln -s "$FOLDER/outside" "$FOLDER/bundle/rootfs/at-link"
	ln -s /../../../../../../etc "$FOLDER/bundle/rootfs/at-up"
	apart run --detach "$ID"
	run mounts add "$(bind "$FOLDER/shown" /at-link/x)"
	[ ! -e "$FOLDER/outside/x" ]
	run -0 mounts add "$(bind "$FOLDER/shown" /at-up/hull-test-folder)"
	[ ! -e /etc/hull-test-folder ]
	run -0 oci exec "$ID" cat /etc/hull-test-folder/file
	rmdir "$FOLDER/outside"
	rm -rf "$FOLDER/bundle/rootfs$FOLDER" "$FOLDER/bundle/rootfs/etc/hull-test-folder"
}

@test "ids are those of the container's user namespace where that is asked for" {
	chmod 711 "$FOLDER" "$FOLDER/bundle"
	edit 'c["linux"]["namespaces"].append({"type": "user"})
m = [{"containerID": 0, "hostID": 100000, "size": 65536}]
c["linux"]["uidMappings"] = c["linux"]["gidMappings"] = m'
	chmod 777 "$FOLDER/bundle/rootfs"
	apart run --detach "$ID"
	run -0 mounts add "$(bind "$FOLDER/shown" /at-plain)"
	run -0 oci exec "$ID" ls -ln /at-plain/file
	like ' 65534 +65534 '
	if run mounts add "$(bind "$FOLDER/shown" /at-mapped idmap)" && [ "$status" -eq 0 ]; then
		run -0 oci exec "$ID" ls -ln /at-mapped/file
		like ' 0 +0 '
	else
		has "cannot map ids"
	fi
	chmod 755 "$FOLDER/bundle/rootfs"
}
