#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# bats file_tags=plain
# vm dirty-rate on this machine's /dev/kvm, with a payload in place of a kernel (tests/vm/payload): what it counts is
# vm_monitor.bats's

load helpers

setup_file() {
	stores_begin
	image_begin
	"$REPOSITORY/tests/vm/payload-build" "$STORES"
	hull kernel import --name payload "$STORES/payload" >/dev/null
	mkdir -p "$STORES/run"
	# Which hull would not try by itself on a KVM that is too slow for kernels.
	echo yes >"$STORES/run/.kvm-probe"
}
teardown_file() {
	stores_end
}
setup() {
	{ [ -r /dev/kvm ] && : <>/dev/kvm; } 2>/dev/null || skip "there is no /dev/kvm for this user"
	hull run -d --isolation vm --vm-backend kvm --memory 64m --kernel payload --network none --name box bb true >/dev/null 3>&-
}
teardown() {
	containers_end
}

has_ended() {
	[ "$(hull inspect --format '{{.State.Status}}' "$1")" = exited ]
}

# Whether it is measured now, as its monitor says.
is_busy() {
	(cd "$STORES"/run/instances/*/ && echo dirty-rate | socat -t 10 - UNIX-CONNECT:control.sock) | grep -q measuring
}

is_still() {
	[ "$(hull vm dirty-rate --time 100ms --format json box | jq -c '.[0] | [.name, .writtenBytes, .bytesPerSecond]')" = '["box",0,0]' ]
}

@test "a machine that sleeps writes nothing; as a table, as JSON, by a template, for as long as is said" {
	retry 30 is_still
	run -0 hull vm dirty-rate --time 100ms box
	like $'^NAME +TIME +WRITTEN +A SECOND\nbox +[0-9]+\.[0-9]{3}s +0B +0B$'
	run -0 hull vm dirty-rate --time 1500ms --format '{{.Name}} {{.Written}} {{.Rate}}' box
	is 'box 0B 0B'
	[ "$(hull vm dirty-rate --time 1500ms --format json box | jq '.[0].milliseconds >= 1500')" = true ]
}

@test "what cannot be measured is said in one line" {
	local words

	for words in 0 61s 1x -1 ''; do
		run -125 hull vm dirty-rate --time "$words" box
		has "option '--time': '$words' is no time to measure for"
	done
	run -125 hull vm dirty-rate nosuch
	has "no container 'nosuch'"
	hull pause box >/dev/null
	run -125 hull vm dirty-rate box
	is "hull: vm dirty-rate: container 'box' is paused, and writes nothing: 'hull unpause box' first"
	hull unpause box >/dev/null
	hull kill box >/dev/null
	retry 30 has_ended box
	run -125 hull vm dirty-rate box
	is "hull: vm dirty-rate: container 'box' is not running: see 'hull ps -a'"
	hull run -d --network none --name plain bb sh -c 'while :; do sleep 0.2; done' >/dev/null 3>&-
	run -125 hull vm dirty-rate plain
	is "hull: vm dirty-rate: container 'plain' is no machine: what 'hull run --isolation vm' runs is one"
}

@test "one at a time; who is interrupted leaves a measurement that ends by itself" {
	local first

	"$HULL" --root "$STORES/run" --data "$STORES/data" vm dirty-rate --time 6s box >/dev/null 2>&1 3>&- &
	first=$!
	retry 10 is_busy
	run -125 hull vm dirty-rate box
	is "hull: vm dirty-rate: the machine's monitor: dirty-rate: it is being measured already: try again behind that"
	kill "$first"
	wait "$first" || true
	is_busy
	retry 30 is_still
}

@test "a machine that is paused meanwhile is no figure, and is measured again when it goes on" {
	local measuring status=0

	"$HULL" --root "$STORES/run" --data "$STORES/data" vm dirty-rate --time 4s box >"$STORES/said" 2>&1 3>&- &
	measuring=$!
	retry 10 is_busy
	hull pause box >/dev/null
	wait "$measuring" || status=$?
	[ "$status" -eq 125 ]
	[ "$(cat "$STORES/said")" = "hull: vm dirty-rate: container 'box' was paused while it was measured: 'hull unpause box', and try again" ]
	hull unpause box >/dev/null
	retry 30 is_still
}

@test "a machine that ends meanwhile is no figure, and is noticed before the time is up" {
	local measuring status=0

	SECONDS=0
	"$HULL" --root "$STORES/run" --data "$STORES/data" vm dirty-rate --time 60s box >"$STORES/said" 2>&1 3>&- &
	measuring=$!
	retry 10 is_busy
	hull rm -f box >/dev/null
	wait "$measuring" || status=$?
	[ "$status" -eq 125 ]
	[ "$SECONDS" -lt 50 ]
	[ "$(cat "$STORES/said")" = "hull: vm dirty-rate: the machine's monitor: the machine has ended" ]
}
