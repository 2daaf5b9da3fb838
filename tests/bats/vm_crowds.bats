#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# bats file_tags=vm
# Many machines, many programs in one, and much data through one.
#
# CROWD, STORM, ROW, MIB: how many machines, programs at once, programs one after the other, and MiB each way.

load helpers

CROWD=${CROWD:-4} STORM=${STORM:-50} ROW=${ROW:-60} MIB=${MIB:-48}
BOOT_SECONDS=120

setup_file() {
	machines_begin
}
teardown_file() {
	stores_end
}
teardown() {
	containers_end
}

machine() {
	hull run --isolation vm --vm-backend qemu "$@"
}

begin() {
	machine -d --name "$@" bb sh -c 'while :; do sleep 1; done' >/dev/null 3>&-
	retry $BOOT_SECONDS hull exec "$1" true 2>/dev/null
}

# bats test_tags=vm,slow
@test "a crowd at once: each says its own, all are there together, all go" {
	local number names=()

	for ((number = 1; number <= CROWD; number++)); do
		machine -d --name "box$number" --memory 96m bb sh -c "echo number $number; while :; do sleep 1; done" >/dev/null 3>&-
		names+=("box$number")
	done
	all_say() {
		for ((number = 1; number <= CROWD; number++)); do
			[ "$(hull logs "box$number")" = "number $number" ] || return 1
		done
	}
	# They share the processors: together they take as long as one after the other.
	retry $((60 + CROWD * 20)) all_say || {
		hull ps -a
		return 1
	}
	[ "$(hull ps -q | wc -l)" -eq "$CROWD" ]
	[ "$(hull inspect --format '{{.Network.IP}}' "${names[@]}" | sort -u | wc -l)" -eq "$CROWD" ]
	[ "$(hull exec box1 hostname)" != "$(hull exec box2 hostname)" ]
	hull kill "${names[@]}" >/dev/null
}

# bats test_tags=vm,slow
@test "a storm of programs in one machine, at once and one after the other" {
	local number pids=()

	begin box
	for ((number = 1; number <= STORM; number++)); do
		hull exec box sh -c "echo word $number; exit $((number % 100))" >"$BATS_TEST_TMPDIR/$number" &
		pids+=($!)
	done
	for ((number = 1; number <= STORM; number++)); do
		status=0
		wait "${pids[number - 1]}" || status=$?
		[ "$status" -eq $((number % 100)) ]
		[ "$(cat "$BATS_TEST_TMPDIR/$number")" = "word $number" ]
	done
	for ((number = 1; number <= ROW; number++)); do
		[ "$(hull exec box echo "$number")" = "$number" ]
	done
	# No process, descriptor or buffer of theirs stays.
	[ "$(hull exec box ps | grep -cvE 'ps$|PID|sleep|sh -c')" -eq 0 ]
	pid=$(hull inspect --format '{{.State.Pid}}' box)
	[ "$(find "/proc/$pid/fd" -mindepth 1 | wc -l)" -lt 40 ]
}

# bats test_tags=vm,slow
@test "much data through exec, both ways, whole" {
	local sum

	begin box
	# As much as there is to be sent, not held anywhere.
	bytes() { seq 1 1000000000 2>/dev/null | head -c "${MIB}M"; }
	sum=$(bytes | sha256sum)
	[ "$(bytes | hull exec -i box cat | sha256sum)" = "$sum" ]
}

@test "a hundred short programs, and 16 MiB both ways" {
	local number sum

	begin box
	for number in {1..100}; do
		hull exec box true
	done
	head -c 16M /dev/urandom >"$BATS_TEST_TMPDIR/data"
	sum=$(sha256sum <"$BATS_TEST_TMPDIR/data")
	[ "$(hull exec -i box cat <"$BATS_TEST_TMPDIR/data" | sha256sum)" = "$sum" ]
}
