#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# AppArmor profiles, on a kernel that has them.

load ../bats/helpers
load ../bats/oci_helpers

setup_file() {
	bundle_begin
	mountpoint -q /sys/kernel/security || mount -t securityfs securityfs /sys/kernel/security
	# Each lets all be done but one thing.
	for name in one two; do
		apparmor_parser --replace --skip-cache <<-PROFILE
			profile hull-test-$name flags=(attach_disconnected, mediate_deleted) {
				file,
				capability,
				network,
				mount,
				umount,
				pivot_root,
				signal,
				ptrace,
				unix,
				dbus,
				deny /tmp/$name w,
			}
		PROFILE
	done
}

teardown_file() {
	for name in one two; do
		echo -n "hull-test-$name" >/sys/kernel/security/apparmor/.remove
	done
	bundle_end
}

setup() {
	bundle_configure
}

teardown() {
	oci_end
}

# What it is under, and which of the two files it may write.
LOOK='cat /proc/self/attr/apparmor/current; for f in /tmp/one /tmp/two; do (echo x >$f) 2>/dev/null && echo $f; done; true'

@test "process.apparmorProfile: the program is under it, and not before" {
	configure sh -c "$LOOK"
	edit 'c["process"]["apparmorProfile"] = "hull-test-one"; c["root"]["readonly"] = False'
	run -0 oci run "$ID"
	[ "$output" = $'hull-test-one (enforce)\n/tmp/two' ]
	edit 'c["process"]["apparmorProfile"] = "unconfined"'
	run -0 oci run "$ID"
	[ "$output" = $'unconfined\n/tmp/one\n/tmp/two' ]
	edit 'c["process"]["apparmorProfile"] = "hull-test-two"; c["linux"]["namespaces"].append({"type": "user"})
c["linux"]["uidMappings"] = c["linux"]["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 65536}]; c["process"]["args"][2] = "cat /proc/self/attr/apparmor/current"'
	run -0 oci run "$ID"
	[ "$output" = "hull-test-two (enforce)" ]
	rm "$FOLDER"/bundle/rootfs/tmp/{one,two}
}

@test "exec: the container's, or the one that is asked for" {
	edit 'c["process"]["apparmorProfile"] = "hull-test-one"; c["root"]["readonly"] = False'
	run -0 apart run --detach "$ID"
	[ "$(cat "/proc/$(member pid)/attr/apparmor/current")" = "hull-test-one (enforce)" ]
	run -0 oci exec "$ID" sh -c "$LOOK"
	[ "$output" = $'hull-test-one (enforce)\n/tmp/two' ]
	run -0 oci exec --apparmor hull-test-two "$ID" sh -c "$LOOK"
	[ "$output" = $'hull-test-two (enforce)\n/tmp/one' ]
	echo '{"args": ["cat", "/proc/self/attr/apparmor/current"], "cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}, "apparmorProfile": "hull-test-two"}' >"$FOLDER/process"
	run -0 oci exec --process "$FOLDER/process" "$ID"
	[ "$output" = "hull-test-two (enforce)" ]
	rm "$FOLDER"/bundle/rootfs/tmp/{one,two}
}

# It would know the files of a tree that is in no mount namespace by other names than the profile's.
@test "no profile where the root is in no mount namespace: neither the container's, nor that of exec" {
	configure sh -c "$LOOK"
	edit 'c["root"]["readonly"] = False; c["linux"]["namespaces"] = [n for n in c["linux"]["namespaces"] if n["type"] != "mount"]'
	edit 'c["process"]["apparmorProfile"] = "hull-test-one"'
	run -1 oci run "$ID"
	one_line
	has "process.apparmorProfile: 'hull-test-one': its paths mean nothing"
	configure sleep 100
	edit 'c["linux"]["namespaces"] = [n for n in c["linux"]["namespaces"] if n["type"] != "mount"]'
	run -0 apart run --detach "$ID"
	run -255 oci exec --apparmor hull-test-one "$ID" true
	one_line
	has "'hull-test-one': its paths mean nothing"
	# What Debian's kernel says of such a tree is what newer ones say.
	[ "$(readlink "/proc/$(member pid)/ns/mnt")" = "$(readlink /proc/self/ns/mnt)" ]
	[ -z "$(cat "/proc/$(member pid)/mountinfo")" ]
	run -0 oci exec "$ID" ls -di /
	[[ $output =~ ^\ *$(stat -c %i rootfs)\ /$ ]]
	[[ $(cat /proc/self/mountinfo) != *"$FOLDER"* ]]
}

@test "a profile that is not loaded: one line, and nothing is left" {
	edit 'c["process"]["apparmorProfile"] = "hull-test-none"'
	run oci run "$ID"
	[ "$status" -eq 1 ]
	one_line
	has "AppArmor profile 'hull-test-none'"
	[ -z "$(oci list -q)" ]
	edit 'c["process"].pop("apparmorProfile")'
	run -0 apart run --detach "$ID"
	run -255 oci exec --apparmor hull-test-none "$ID" true
	one_line
	has "AppArmor profile 'hull-test-none'"
	run -0 oci features
	has '"io.hull.host.apparmor": "true"'
}

@test "a checkpoint comes back under its profile, or under --lsm-profile's" {
	local images=$BATS_TEST_TMPDIR/images
	configure sleep 1000
	edit 'c["process"]["apparmorProfile"] = "hull-test-one"'
	run -0 apart run --detach "$ID"
	run -0 oci checkpoint --image-path "$images" "$ID"
	apart restore -d --image-path "$images" "$ID" || { cat "$FOLDER/words" && tail -n 20 "$images/restore.log" && return 1; }
	[ "$(cat "/proc/$(member pid)/attr/apparmor/current")" = "hull-test-one (enforce)" ]
	run -0 oci delete --force "$ID"
	apart restore -d --image-path "$images" --lsm-profile apparmor:hull-test-two "$ID" || { cat "$FOLDER/words" && tail -n 20 "$images/restore.log" && return 1; }
	[ "$(cat "/proc/$(member pid)/attr/apparmor/current")" = "hull-test-two (enforce)" ]
}
