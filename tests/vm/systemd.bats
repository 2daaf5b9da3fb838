#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The systemd cgroup driver, with a real systemd: scopes, slices, properties, and that nothing stays in it.

load ../bats/helpers
load ../bats/oci_helpers

setup() {
	bundle_configure
	UNIT=hull-$ID.scope
}

# Nothing of it is left in systemd either.
teardown() {
	oci_end
	retry 30 no_units
}

no_units() {
	[ -z "$(systemctl list-units --all --plain --no-legend 'hull-*.scope' 'tests-*.scope')" ]
}

oci() {
	"$OCI" --root "$FOLDER/run" --systemd-cgroup "$@"
}

property() {
	systemctl show --property "$1" --value "${2:-$UNIT}"
}

# A file of the container's cgroup, by systemd's own word where that is.
file() {
	cat "/sys/fs/cgroup$(property ControlGroup "${2:-$UNIT}")/$1"
}

@test "a scope of the system's slice, from create to delete" {
	run -0 apart create "$ID"
	[ "$(property ActiveState)" = active ]
	[ "$(property ControlGroup)" = "/system.slice/$UNIT" ]
	[ "$(property Delegate)" = yes ]
	# The container's first process alone: what asked for the scope has left it.
	[ "$(file cgroup.procs)" = "$(member pid)" ]
	run -0 oci start "$ID"
	run -0 oci exec "$ID" cat /proc/self/cgroup
	[ "$output" = "0::/" ]
	run -0 oci kill "$ID" KILL
	retry 30 is stopped
	run -0 oci delete "$ID"
	[ ! -e "/sys/fs/cgroup/system.slice/$UNIT" ]
	[ "$(property LoadState)" = not-found ]
}

@test "slice:prefix:name, with limits that systemd knows and the kernel has" {
	edit 'c["linux"]["cgroupsPath"] = "tests-deep.slice:tests:" + sys.argv[1]
c["linux"]["resources"].update({
	"memory": {"limit": 64 << 20, "reservation": 32 << 20, "swap": 96 << 20},
	"cpu": {"shares": 512, "quota": 25000, "period": 50000, "cpus": "1"},
	"pids": {"limit": 33}, "hugepageLimits": [{"pageSize": "2MB", "limit": 4194304}],
	"unified": {"memory.high": "50331648", "memory.oom.group": "1"},
})' "$ID"
	UNIT=tests-$ID.scope
	run -0 apart run -d "$ID"
	[ "$(property ControlGroup)" = "/tests.slice/tests-deep.slice/$UNIT" ]
	[ "$(property Slice)" = tests-deep.slice ]
	[ "$(property MemoryMax) $(property MemoryLow) $(property MemorySwapMax) $(property MemoryHigh)" = "67108864 33554432 33554432 50331648" ]
	[ "$(property TasksMax) $(property CPUWeight) $(property AllowedCPUs)" = "33 59 1" ]
	[ "$(property CPUQuotaPerSecUSec) $(property CPUQuotaPeriodUSec)" = "500ms 50ms" ]
	[ "$(file memory.oom.group) $(file hugetlb.2MB.max)" = "1 4194304" ]
	# What systemd writes when it reads its units again says the same.
	systemctl daemon-reload
	[ "$(file memory.max) $(file memory.low) $(file memory.swap.max) $(file memory.high)" = "67108864 33554432 33554432 50331648" ]
	[ "$(file pids.max) $(file cpu.weight) $(file cpu.max) $(file cpuset.cpus)" = "33 59 25000 50000 1" ]
	# And what it knows nothing of stays.
	[ "$(file hugetlb.2MB.max)" = 4194304 ]
	run -0 oci exec "$ID" sh -c 'cat /dev/null && echo open'
	has open
}

@test "update tells systemd and the kernel" {
	run -0 apart run -d "$ID"
	run -0 oci update --memory 128m --memory-swap -1 --pids-limit 55 --cpu-share 2048 --cpuset-cpus 0 "$ID"
	systemctl daemon-reload
	[ "$(property MemoryMax) $(property MemorySwapMax) $(property TasksMax) $(property AllowedCPUs)" = "134217728 infinity 55 0" ]
	[ "$(file memory.max) $(file memory.swap.max) $(file pids.max) $(file cpuset.cpus)" = "134217728 max 55 0" ]
	[ "$(file cpu.weight)" = "$(property CPUWeight)" ]
	[ "$(file cpu.weight)" -gt 100 ]
}

@test "annotations become properties; one that is none is refused" {
	edit 'c["annotations"] = {"org.systemd.property.TimeoutStopSec": "uint64 7", "org.systemd.property.Description": "\x27some words\x27",
"org.systemd.property.After": "[\x27dbus.service\x27, \x27other.service\x27]", "org.systemd.property.SendSIGHUP": "true"}'
	run -0 apart run -d "$ID"
	[ "$(property TimeoutStopUSec)" = 7s ]
	[ "$(property Description)" = "some words" ]
	[[ " $(property After) " == *" dbus.service "* ]]
	[[ " $(property After) " == *" other.service "* ]]
	[ "$(property SendSIGHUP)" = yes ]
	run -0 oci delete --force "$ID"
	edit 'c["annotations"] = {"org.systemd.property.Description": "words"}'
	run -1 apart run -d "$ID"
	run -0 cat "$FOLDER/words"
	one_line
	has "annotation 'org.systemd.property.Description': 'words' is no value"
	edit 'c["annotations"] = {"org.systemd.property.NoSuchThing": "true"}'
	run -1 apart run -d "$ID"
	run -0 cat "$FOLDER/words"
	one_line
	has "NoSuchThing"
}

@test "paths that are none of systemd's" {
	local path
	for path in /hull/x "a.slice:b" "a:b:c" "a--b.slice:p:n" "-a.slice:p:n" "a.slice:p:n/m" "a.slice:p:" "a/b.slice:p:n"; do
		edit 'c["linux"]["cgroupsPath"] = sys.argv[1]' "$path"
		run -1 apart create "$ID"
		run -0 cat "$FOLDER/words"
		one_line
		has "cgroup"
	done
}

@test "a create that fails later leaves no unit; a name that is taken is refused" {
	configure /no/such/program
	run -127 apart run "$ID"
	retry 30 no_units
	systemd-run --quiet --scope --unit "$UNIT" sleep 100 3>&- 4>&- &
	other=$!
	retry 30 systemctl --quiet is-active "$UNIT"
	configure sleep 100
	run -1 apart create "$ID"
	run -0 cat "$FOLDER/words"
	one_line
	has "$UNIT"
	# It is not hull's: it stays.
	systemctl --quiet is-active "$UNIT"
	systemctl stop "$UNIT"
	wait $other || true
}

@test "pause, kill --all, and a program that ends by itself" {
	configure sh -c 'sleep 100 & sleep 101 & wait'
	run -0 apart run -d "$ID"
	run -0 oci pause "$ID"
	[ "$(file cgroup.freeze)" = 1 ]
	run -0 oci resume "$ID"
	run -0 oci kill --all "$ID" KILL
	retry 30 is stopped
	run -0 oci delete "$ID"
	configure true
	run -0 apart run "$ID"
	retry 30 no_units
}

@test "a container that is killed for its memory does not leave a failed unit" {
	edit 'c["linux"]["resources"]["memory"] = {"limit": 16 << 20, "swap": 16 << 20}; c["process"]["args"] = ["dd", "if=/dev/zero", "of=/dev/null", "bs=100M"]'
	run -137 apart run "$ID"
	retry 30 no_units
}

# The options of the whole tree, which all mounts of it share.
tree_options() {
	sed -n 's/.* - cgroup2 [^ ]* //p' /proc/self/mountinfo | sort -u
}

no_criu() {
	! pgrep -x criu
}

@test "checkpoint and restore: a scope ends, and one with the same limits begins" {
	local images=$BATS_TEST_TMPDIR/images options last found
	options=$(tree_options)
	[[ $options == *nsdelegate* ]]
	configure sh -c 'i=0; while :; do i=$((i + 1)); echo $i >/dev/shm/n; sleep 0.1; done'
	edit 'c["linux"]["resources"]["memory"] = {"limit": 64 << 20}'
	run -0 apart run -d "$ID"
	# For a moment each time there is nothing in the file.
	retry 30 eval 'last=$(oci exec "$ID" cat /dev/shm/n) && [ -n "$last" ]'
	oci checkpoint --image-path "$images" "$ID" || { tail -n 20 "$images/dump.log" && return 1; }
	[ "$(property LoadState)" = not-found ]
	[ "$(tree_options)" = "$options" ]
	apart restore -d --image-path "$images" "$ID" || { cat "$FOLDER/words" && tail -n 20 "$images/restore.log" && return 1; }
	[ "$(property ControlGroup)" = "/system.slice/$UNIT" ]
	[ "$(sed -n 's/^0:://p' "/proc/$(member pid)/cgroup")" = "/system.slice/$UNIT" ]
	[ "$(property MemoryMax) $(file memory.max)" = "67108864 67108864" ]
	retry 30 eval 'found=$(oci exec "$ID" cat /dev/shm/n) && [ -n "$found" ]'
	[ "$found" -ge "$last" ]
	[ "$(tree_options)" = "$options" ]
}

@test "a checkpoint that is killed while criu has the tree mounted its own way: the machine has its options again" {
	local images=$BATS_TEST_TMPDIR/images options
	options=$(tree_options)
	run -0 apart run -d "$ID"
	# Of this shell alone: what runs in the background is hull-oci itself.
	"$OCI" --root "$FOLDER/run" --systemd-cgroup checkpoint --image-path "$images" "$ID" &>"$FOLDER/words" 3>&- 4>&- &
	until [[ $(</proc/self/mountinfo) != *nsdelegate* ]]; do kill -0 $! || { cat "$FOLDER/words" && return 1; }; done
	kill -KILL $!
	wait $! || true
	retry 30 no_criu
	retry 30 eval '[ "$(tree_options)" = "'"$options"'" ]'
	is running
	retry 30 eval '! pgrep -f -- "$OCI --root"'
}

@test "without systemd's answer: one line" {
	mount --bind /usr/share /run/dbus
	run apart create "$ID"
	umount /run/dbus
	[ "$status" -eq 1 ]
	run -0 cat "$FOLDER/words"
	one_line
	has "connect to systemd"
}

# As a user with a systemd of its own, as a login gives it.
as_user() {
	setpriv --reuid 1000 --regid 1000 --clear-groups env XDG_RUNTIME_DIR=/run/user/1000 \
		DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus "$@"
}

@test "a user's systemd" {
	local manager=/user.slice/user-1000.slice/user@1000.service
	systemctl start user@1000.service || { journalctl --no-pager -u user@1000.service -u user-runtime-dir@1000.service; return 1; }
	retry 30 test -S /run/user/1000/bus
	chmod 755 "$FOLDER" "$FOLDER/bundle"
	mkdir "$FOLDER/user"
	chown 1000:1000 "$FOLDER/user"
	rm config.json
	(cd "$FOLDER/user" && as_user "$OCI" spec --rootless)
	mv "$FOLDER/user/config.json" config.json
	edit 'c["process"]["terminal"] = False; c["process"]["args"] = ["sleep", "100"]
c["linux"]["resources"] = {"memory": {"limit": 33554432}, "pids": {"limit": 20}}'
	chmod 644 config.json
	as_user "$OCI" --root "$FOLDER/user/run" --systemd-cgroup run -d "$ID" </dev/null &>"$FOLDER/words" 3>&- 4>&- ||
		{ cat "$FOLDER/words" && return 1; }
	run -0 as_user systemctl --user show --property ControlGroup --value "$UNIT"
	[ "$output" = "$manager/user.slice/$UNIT" ]
	[ "$(cat "/sys/fs/cgroup$output/memory.max" "/sys/fs/cgroup$output/pids.max" | xargs)" = "33554432 20" ]
	[ "$(wc -l <"/sys/fs/cgroup$output/cgroup.procs")" -eq 1 ]
	run -0 as_user "$OCI" --root "$FOLDER/user/run" delete --force "$ID"
	[ ! -e "/sys/fs/cgroup$manager/user.slice/$UNIT" ]
	systemctl stop user@1000.service
}
