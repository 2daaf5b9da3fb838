#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A container's first process has ended, and the kernel has given its number to another one: before a command, and in
# the middle of it. No command takes that one for the container's. What stands still in the middle is a program with
# fault points (runtime/core/fault.h).

load helpers
load oci_helpers

setup_file() {
	bundle_begin
	stores_begin
	cc -o "$STORES/with-pid" "$REPOSITORY/tests/lib/with-pid.c"
}

teardown_file() {
	HULL=$HULL_TESTING
	stores_end
	bundle_end
}

setup() {
	HULL=$HULL_TESTING
	OCI=${HULL_TESTING%/*}/hull-oci
	OTHERS=()
	bundle_configure
}

teardown() {
	[ ${#OTHERS[@]} -eq 0 ] || kill -KILL "${OTHERS[@]}"
	oci_end
}

# take PID KINDS COMMAND...: whoever has the number ends, and the command has it, once it is free.
take() {
	# With its first process the others of a container end.
	kill -KILL "$1" 2>/dev/null || true
	"$STORES/with-pid" "$@" &>"$FOLDER/taken" </dev/null 3>&- 4>&- &
	OTHERS+=("$1")
	retry 30 eval '[ "$(cat /proc/'"$1"'/comm 2>/dev/null)" = sleep ] && grep -qs "^PPid:.'"$!"'$" /proc/'"$1"'/status' || {
		cat "$FOLDER/taken"
		return 1
	}
}

# Whether that one is as it was.
goes_on() {
	[ "$(cat "/proc/$1/comm")" = sleep ]
	grep -q '^State:.S' "/proc/$1/status"
}

# held POINT COMMAND...: it stands still at that point of its work.
held() {
	HULL_TEST_FAULT=stop:$1 timeout -k 1 60 "${@:2}" </dev/null &>"$FOLDER/said" 3>&- 4>&- &
	HELD=$!
	retry 30 stands_still || {
		cat "$FOLDER/said"
		return 1
	}
}
stands_still() {
	STANDING=$(pgrep --runstates T -f -- "--root ($FOLDER|$STORES)/run") && [ "$(wc -l <<<"$STANDING")" -eq 1 ]
}
# What it says when it goes on is in $output.
go_on() {
	kill -CONT "$STANDING"
	status=0
	wait "$HELD" || status=$?
	output=$(cat "$FOLDER/said")
	mapfile -t lines <"$FOLDER/said"
}
held_oci() {
	held "$1" "$OCI" --root "$FOLDER/run" "${@:2}"
}

running() {
	apart run --detach "$ID"
	PID=$(member pid)
}
running_without_cgroup() {
	edit 'c["linux"]["resources"] = {}'
	apart --cgroup-manager disabled run --detach "$ID"
	PID=$(member pid)
}
# One more process of the container, which its first one collects when it ends; then that goes on.
WITH_SECOND=(sh -c 'sleep 1001 & wait; exec sleep 1002')
find_second() {
	local found
	found=$(oci ps --format json "$ID" | tr -d '[]' | tr , '\n' | grep -vx "$PID") && [ "$(wc -l <<<"$found")" -eq 1 ] && SECOND=$found
}

@test "the kernel gives a number again to who asks for it" {
	running
	take "$PID" - sleep 1000
	[ "$(readlink "/proc/$PID/ns/pid")" = "$(readlink /proc/self/ns/pid)" ]
	run -125 "$STORES/with-pid" 1 - true
}

@test "before a command: the container is stopped, and can be deleted" {
	running
	take "$PID" mnt,net sleep 1000
	is stopped
	[ -z "$(member pid)" ]
	run -0 oci list --format json
	[ "$(jq -r '.[0].status' <<<"$output")" = stopped ]
	run -1 oci kill "$ID" KILL
	has "is stopped: it cannot be sent a signal"
	run -0 oci kill --all "$ID" KILL
	run -255 oci exec "$ID" sh -c "echo escaped >$FOLDER/escaped"
	has "is stopped"
	for verb in "pause $ID" "resume $ID" "update --pids-limit 9 $ID" "start $ID" "events --stats $ID"; do
		# shellcheck disable=SC2086
		run -1 oci $verb
		one_line
		has "is stopped"
	done
	echo '[{"type": "bind", "source": "/etc", "destination": "/tmp", "options": ["bind"]}]' >"$FOLDER/mounts"
	run -1 oci mounts add "$ID" "$FOLDER/mounts"
	has "is stopped"
	run -0 oci ps --format json "$ID"
	[ "$output" = "[]" ]
	goes_on "$PID"
	run -0 oci delete "$ID"
	goes_on "$PID"
	[ ! -e "$FOLDER/escaped" ]
}

@test "before a command, without a cgroup" {
	running_without_cgroup
	take "$PID" pid sleep 1000
	is stopped
	run -0 oci ps --format json "$ID"
	[ "$output" = "[]" ]
	run -0 oci kill --all "$ID" KILL
	run -1 oci kill "$ID" KILL
	run -0 oci delete --force "$ID"
	goes_on "$PID"
}

@test "kill: the signal reaches nobody" {
	running
	held_oci kill:look kill "$ID" KILL
	take "$PID" - sleep 1000
	go_on
	[ "$status" -eq 1 ]
	one_line
	has "has just ended: container not running"
	goes_on "$PID"
	run -0 oci delete "$ID"
}

@test "kill --all without a cgroup: at each of its looks" {
	local point

	configure "${WITH_SECOND[@]}"
	for point in look list send; do
		running_without_cgroup
		retry 30 find_second
		held_oci "kill:$point" kill --all "$ID" KILL
		take "$PID" pid sleep 1000
		take "$SECOND" - sleep 1000
		go_on
		[ "$status" -eq 0 ]
		goes_on "$PID"
		goes_on "$SECOND"
		run -0 oci delete --force "$ID"
		goes_on "$PID"
		goes_on "$SECOND"
		kill -KILL "${OTHERS[@]}"
		OTHERS=()
	done
}

@test "exec: nothing is run there, whenever it happens" {
	local point

	for point in look join; do
		running
		held_oci "exec:$point" exec "$ID" sh -c "echo escaped >$FOLDER/escaped"
		take "$PID" mnt,net sleep 1000
		go_on
		[ "$status" -eq 255 ]
		one_line
		has "has just ended"
		[ ! -e "$FOLDER/escaped" ]
		goes_on "$PID"
		run -0 oci delete --force "$ID"
	done
}

# In no cgroup and the host's process namespace, where nothing else tells that the container has ended.
@test "exec: where the root is apart from the mount namespace, none but the container's is taken" {
	unshare --mount sleep 1003 </dev/null &>/dev/null 3>&- 4>&- &
	OTHERS+=("$!")
	retry 30 eval "[ \"\$(cat /proc/$!/comm)\" = sleep ]"
	edit 'n = c["linux"]["namespaces"]; n[:] = [x for x in n if x["type"] not in ("mount", "pid")] + [{"type": "mount", "path": sys.argv[1]}]
c["mounts"] = [m for m in c["mounts"] if m["type"] != "proc"]' "/proc/$!/ns/mnt"
	running_without_cgroup
	held_oci exec:root exec "$ID" sh -c "echo escaped >$FOLDER/escaped"
	take "$PID" mnt,net sleep 1000
	go_on
	[ ! -e "$FOLDER/escaped" ]
	[ "$status" -eq 255 ]
	one_line
	has "has just ended"
	goes_on "$PID"
	run -0 oci delete --force "$ID"
}

@test "mounts add: nothing is mounted there, whenever it happens" {
	local point

	mkdir "$FOLDER/shown"
	echo "[{\"type\": \"bind\", \"source\": \"$FOLDER/shown\", \"destination\": \"/tmp\", \"options\": [\"bind\"]}]" >"$FOLDER/mounts"
	for point in look join; do
		running
		held_oci "mounts:$point" mounts add "$ID" "$FOLDER/mounts"
		take "$PID" mnt sleep 1000
		go_on
		[ "$status" -eq 1 ]
		one_line
		has "has just ended"
		[[ $(cat "/proc/$PID/mountinfo") != *"$FOLDER/shown"* ]]
		[[ $(cat "/proc/$PID/mountinfo") != *" /tmp "* ]]
		run -0 oci delete --force "$ID"
	done
	rmdir "$FOLDER/shown"
}

@test "events: no interface of another's" {
	running
	held_oci events:interfaces events --stats "$ID"
	take "$PID" - nsenter --net=/run/netns/outside sleep 1000
	go_on
	[ "$status" -eq 0 ]
	has '"type":"stats"'
	[[ $output != *down0* ]]
	run -0 oci delete "$ID"
}

@test "ps: no row and no number of another's" {
	configure "${WITH_SECOND[@]}"
	running
	retry 30 find_second
	held_oci ps:look ps "$ID"
	take "$SECOND" - sleep 1003
	go_on
	[ "$status" -eq 0 ]
	like "(^|[^0-9])$PID([^0-9]|$)"
	[[ $output != *"sleep 1003"* ]]
	run -0 oci delete --force "$ID"
	running_without_cgroup
	held_oci pids:list ps --format json "$ID"
	take "$PID" pid sleep 1000
	go_on
	[ "$output" = "[]" ]
	run -0 oci delete --force "$ID"
}

@test "hull run --network container:X: nobody else's network is joined" {
	hull run -d --name owner --network none busybox sleep 1000 >/dev/null
	PID=$(init_of owner)
	held phase:record "$HULL" --root "$STORES/run" --data "$STORES/data" run --rm --network container:owner busybox ls /sys/class/net
	take "$PID" - nsenter --net=/run/netns/outside sleep 1000
	go_on
	[ "$status" -eq 125 ]
	has "has just ended"
	[[ $output != *down0* ]]
	run -125 hull run --rm --network container:owner busybox true
	has "is not running"
	goes_on "$PID"
	hull rm -f owner >/dev/null
	goes_on "$PID"
}
