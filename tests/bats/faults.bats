#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Every step of a start fails once, and is killed once. The steps are read from the tables of the sources, so that none is forgotten.
# Needs a program with fault points (runtime/core/fault.h): $HULL_TESTING.

load helpers
load leaks

# Names in the first column of a table that begins after $2 in file $1.
table_names() {
	sed -n "/$2/,/^};/p" "$REPOSITORY/$1" | grep -oE '\{"[a-z-]+",' | tr -d '{",'
}
phases() {
	table_names runtime/core/create.c 'struct phase phases\[\]'
}
stages() {
	table_names runtime/core/child.c '^} stages\[\]\|stages\[\] = {'
	table_names runtime/core/become.c 'preparations\[\] = {'
	echo exec
}
definitions() {
	table_names cli/run.c 'definition_steps\[\] = {'
}
points() {
	definitions | sed 's/^/define:/'
	phases | sed 's/^/phase:/'
	stages | sed 's/^/child:/'
}

setup_file() {
	HULL=$HULL_TESTING
	stores_begin
	hull run --rm busybox true
	everything >"$STORES/baseline"
}
teardown_file() {
	HULL=$HULL_TESTING
	stores_end
}
setup() {
	HULL=$HULL_TESTING
}

# How containers are started here, with what differs in their steps.
WAYS=(
	'run --rm -p 18090:80'
	'run --rm --network none'
	'run -d --rm -p 18090:80'
	'run -d --rm --network none'
)

# Runs hull with a fault; tells what is wrong as a line, and remembers it.
run_with() {
	local fault=$1
	shift
	export HULL_TEST_FAULT=$fault
	run timeout -k 1 20 "$HULL" --root "$STORES/run" --data "$STORES/data" "$@" busybox sh -c 'sleep 1; exit 9' 3>&- 4>&-
	unset HULL_TEST_FAULT
	[ "$status" -ne 124 ] || complain "$fault: $*: hangs"
}
complain() {
	echo "$*"
	touch "$BATS_TEST_TMPDIR/complaints"
}
no_complaints() {
	[ ! -e "$BATS_TEST_TMPDIR/complaints" ]
}

@test "the tables of steps are found" {
	[ "$(definitions | wc -l)" -ge 6 ]
	[ "$(phases | wc -l)" -ge 10 ]
	[ "$(stages | wc -l)" -ge 12 ]
	grep -qa HULL_TEST_FAULT "$HULL_TESTING"
	# And they are real ones: a name that is none does nothing.
	run_with fail:phase:none run --rm
	[ "$status" -eq 9 ]
}

fails_everywhere() {
	local point
	for point in $(points); do
		# shellcheck disable=SC2086 # a way is several words
		run_with "fail:$point" $1
		[ "$status" -eq 125 ] || complain "$point: $1: exit status $status: $output"
		[ "${#lines[@]}" -eq 1 ] || complain "$point: $1: ${#lines[@]} lines: $output"
		[[ $output == "hull: run: "*"fault injected at $point"* ]] || complain "$point: $1: says: $output"
		nothing_since "$STORES/baseline" || {
			complain "$point: $1: something is left"
			hull ps -a >/dev/null
		}
	done
	no_complaints
}

@test "a failure at any step is one clear line, and nothing is left: in the foreground" {
	fails_everywhere "${WAYS[0]}"
}
# bats test_tags=plain
@test "a failure at any step is one clear line, and nothing is left: without a network" {
	fails_everywhere "${WAYS[1]}"
}
# bats test_tags=plain
@test "a failure at any step is one clear line, and nothing is left: detached" {
	fails_everywhere "${WAYS[2]}"
}

# Killed where nobody cleans up: the next command does.
dies_everywhere() {
	local point
	for point in $(points); do
		# shellcheck disable=SC2086 # a way is several words
		run_with "kill:$point" $1
		[ "$status" -ne 0 ] && [ "$status" -ne 9 ] || complain "$point: $1: exit status $status: $output"
		hull ps -a >/dev/null || complain "$point: $1: ps fails"
		nothing_since "$STORES/baseline" || {
			complain "$point: $1: something is left"
			hull ps -aq | xargs -r "$HULL" --root "$STORES/run" --data "$STORES/data" rm -f >/dev/null
		}
	done
	no_complaints
}

@test "killed at any step, the next command finds nothing left: in the foreground" {
	dies_everywhere "${WAYS[0]}"
}
# bats test_tags=plain
@test "killed at any step, the next command finds nothing left: without a network" {
	dies_everywhere "${WAYS[1]}"
}
# bats test_tags=plain
@test "killed at any step, the next command finds nothing left: detached" {
	dies_everywhere "${WAYS[2]}"
}
# bats test_tags=plain
@test "killed at any step, the next command finds nothing left: detached, without a network" {
	dies_everywhere "${WAYS[3]}"
}

# A container that is not removed keeps its definition, and can be started after all.
@test "after a failure in the engine a container that stays can be started" {
	local point
	for point in $(phases | sed 's/^/phase:/') $(stages | sed 's/^/child:/'); do
		run_with "fail:$point" run --name stays
		[ "$status" -eq 125 ] || complain "$point: exit status $status: $output"
		run hull ps -a --format '{{.Names}} {{.State}}'
		[[ $output == "stays "@(created|exited) ]] || complain "$point: ps: $output"
		run timeout 20 "$HULL" --root "$STORES/run" --data "$STORES/data" start -a stays
		[ "$status" -eq 9 ] || complain "$point: start: exit status $status: $output"
		hull rm stays >/dev/null || complain "$point: rm"
	done
	nothing_since "$STORES/baseline"
	no_complaints
}

@test "the keeper killed where it starts, ends and takes down: the next command sees the truth" {
	local point
	for point in start exit unmake; do
		run_with "kill:keeper:$point" run -d --rm -p 18090:80
		retry 5 ended_for_hull || complain "$point: still there: $(hull ps -a)"
		nothing_since "$STORES/baseline" || complain "$point: something is left"
	done
	no_complaints
}
ended_for_hull() {
	[ -z "$(hull ps -aq)" ]
}
