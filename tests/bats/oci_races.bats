#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Two commands on one id at the same time: each gets a clear answer, and nothing is left. And a state directory that
# cannot be written to.

load helpers
load oci_helpers

ROUNDS=6

setup() {
	bundle_configure
}

teardown() {
	oci_end
}

# race WORDS WORDS: both commands at once. Their exit codes are in $first and $second, what they said in two files.
race() {
	local one two

	# shellcheck disable=SC2086
	oci $1 </dev/null &>"$FOLDER/one" 3>&- 4>&- &
	one=$!
	# shellcheck disable=SC2086
	oci $2 </dev/null &>"$FOLDER/two" 3>&- 4>&- &
	two=$!
	first=0 second=0
	wait "$one" || first=$?
	wait "$two" || second=$?
}

# What a command that lost has said: one line, and one of these.
lost_by() {
	[ "$(wc -l <"$1")" -eq 1 ]
	[[ $(cat "$1") =~ $2 ]] || {
		cat "$1" >&2
		return 1
	}
}

one_wins() {
	[ $((first == 0)) -ne $((second == 0)) ] || {
		echo "exit codes $first and $second" >&2
		cat "$FOLDER/one" "$FOLDER/two" >&2
		return 1
	}
	if [ "$first" -eq 0 ]; then lost_by "$FOLDER/two" "$1"; else lost_by "$FOLDER/one" "$1"; fi
}

# Nothing of the container but what the next round may find.
nothing() {
	[ -z "$(oci list -q)" ]
	[ -z "$(find /sys/fs/cgroup -maxdepth 4 -type d -name "$ID")" ]
}

@test "create and create" {
	for ((round = 0; round < ROUNDS; round++)); do
		race "create $ID" "create $ID"
		one_wins "already exists"
		[ "$(member status)" = created ]
		run -0 oci delete --force "$ID"
		nothing
	done
}

@test "start and start" {
	for ((round = 0; round < ROUNDS; round++)); do
		run -0 apart create "$ID"
		race "start $ID" "start $ID"
		one_wins "is running: it cannot be started"
		is running
		run -0 oci delete --force "$ID"
		nothing
	done
}

@test "delete and delete, of a stopped one and by force" {
	for ((round = 0; round < ROUNDS; round++)); do
		configure true
		run -0 oci run --keep "$ID"
		race "delete $ID" "delete $ID"
		one_wins "does not exist"
		nothing
		configure sleep 100
		run -0 apart run --detach "$ID"
		race "delete --force $ID" "delete --force $ID"
		[ "$first$second" = 00 ]
		nothing
	done
}

# It takes back what it began, and nothing else.
@test "run, whose id is another container's when its own has ended" {
	local runtime

	"$OCI" --root "$FOLDER/run" run "$ID" </dev/null &>"$FOLDER/one" 3>&- 4>&- &
	runtime=$!
	retry 30 is running
	kill -STOP "$runtime"
	run -0 oci delete --force "$ID"
	run -0 apart run --detach "$ID"
	kill -CONT "$runtime"
	status=0
	wait "$runtime" || status=$?
	[ "$status" -eq 137 ]
	[ ! -s "$FOLDER/one" ]
	is running
	run -0 oci delete --force "$ID"
	nothing
}

@test "kill and delete" {
	for ((round = 0; round < ROUNDS; round++)); do
		run -0 apart run --detach "$ID"
		race "kill $ID KILL" "delete --force $ID"
		[ "$second" -eq 0 ]
		[ "$first" -eq 0 ] || lost_by "$FOLDER/one" "does not exist|is stopped|has just ended"
		nothing
		run -0 apart run --detach "$ID"
		race "kill --all $ID 9" "delete --force $ID"
		[ "$second" -eq 0 ]
		[ "$first" -eq 0 ] || lost_by "$FOLDER/one" "does not exist|cgroup is gone"
		nothing
	done
}

@test "exec and delete" {
	for ((round = 0; round < ROUNDS; round++)); do
		run -0 apart run --detach "$ID"
		race "exec $ID sleep 50" "delete --force $ID"
		[ "$second" -eq 0 ]
		# It was never started, or ended with the container.
		[ "$first" -eq 137 ] || lost_by "$FOLDER/one" "does not exist|is stopped|has just ended"
		nothing
	done
	retry 30 no_process
}

@test "start and delete, update and delete, pause and delete, mounts and delete" {
	echo "[{\"type\": \"bind\", \"source\": \"$FOLDER\", \"destination\": \"/tmp\", \"options\": [\"bind\"]}]" >"$FOLDER/mounts"
	for ((round = 0; round < ROUNDS; round++)); do
		run -0 apart create "$ID"
		race "start $ID" "delete --force $ID"
		[ "$second" -eq 0 ]
		[ "$first" -eq 0 ] || lost_by "$FOLDER/one" "does not exist|is stopped|ended"
		nothing
		for verb in "update --pids-limit 99 $ID" "pause $ID" "mounts add $ID $FOLDER/mounts"; do
			run -0 apart run --detach "$ID"
			race "$verb" "delete --force $ID"
			[ "$second" -eq 0 ]
			[ "$first" -eq 0 ] || lost_by "$FOLDER/one" "does not exist|is stopped|ended|gone"
			nothing
		done
	done
}

@test "start, of one that is killed before its program begins" {
	local first_process starter code=0

	run -0 apart create "$ID"
	first_process=$(member pid)
	kill -STOP "$first_process"
	oci start "$ID" </dev/null &>"$FOLDER/one" 3>&- 4>&- &
	starter=$!
	# It has said that from now on it may run, and waits to hear that it does.
	retry 30 is running
	kill -KILL "$first_process"
	wait "$starter" || code=$?
	[ "$code" -eq 1 ]
	[ "$(cat "$FOLDER/one")" = "hull-oci: start: container '$ID' ended before its program had begun: container not running" ]
	run -0 oci delete "$ID"
	nothing
}

@test "create and delete by force of the same new id" {
	for ((round = 0; round < ROUNDS; round++)); do
		race "create $ID" "delete --force $ID"
		[ "$second" -eq 0 ]
		[ "$first" -eq 0 ] || lost_by "$FOLDER/one" .
		run -0 oci delete --force "$ID"
		nothing
	done
}

@test "a state directory that cannot be written to" {
	mkdir "$FOLDER/ro"
	mount -t tmpfs none "$FOLDER/ro"
	mount -o remount,ro "$FOLDER/ro"
	run "$OCI" --root "$FOLDER/ro" create "$ID" </dev/null
	[ "$status" -eq 1 ]
	one_line
	has "Read-only file system"
	run "$OCI" --root "$FOLDER/ro/below" create "$ID" </dev/null
	[ "$status" -eq 1 ]
	one_line
	run -1 "$OCI" --root "$FOLDER/ro" start "$ID"
	one_line
	run -0 "$OCI" --root "$FOLDER/ro" list -q
	run -0 "$OCI" --root "$FOLDER/ro" delete --force "$ID"
	umount "$FOLDER/ro"
	rmdir "$FOLDER/ro"
	[ -z "$(find /sys/fs/cgroup -maxdepth 4 -type d -name "$ID")" ]
}

@test "a state directory that is full" {
	mkdir "$FOLDER/full"
	mount -t tmpfs -o size=64k,nr_inodes=200 none "$FOLDER/full"
	dd if=/dev/zero of="$FOLDER/full/filler" bs=4k 2>/dev/null || true
	run "$OCI" --root "$FOLDER/full" create "$ID" </dev/null
	[ "$status" -eq 1 ]
	one_line
	has "No space left"
	[ -z "$(ls "$FOLDER/full" | grep -v filler)" ]
	# One that fills up later: what exists can still be stopped and taken back.
	rm "$FOLDER/full/filler"
	"$OCI" --root "$FOLDER/full" run --detach "$ID" </dev/null &>"$FOLDER/words" 3>&- 4>&-
	dd if=/dev/zero of="$FOLDER/full/filler" bs=4k 2>/dev/null || true
	run "$OCI" --root "$FOLDER/full" update --pids-limit 33 "$ID"
	[ "$status" -eq 1 ]
	one_line
	has "No space left"
	[ "$(cgroup_file pids pids.max pids.max)" = max ]
	run -0 "$OCI" --root "$FOLDER/full" delete --force "$ID"
	[ "$(ls "$FOLDER/full")" = filler ]
	umount "$FOLDER/full"
	rmdir "$FOLDER/full"
	[ -z "$(find /sys/fs/cgroup -maxdepth 4 -type d -name "$ID")" ]
}
