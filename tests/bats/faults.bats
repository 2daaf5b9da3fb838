#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Every step of a start fails once, and is killed once. The steps are read from the tables of the sources, so that none
# is forgotten.
# Needs a program with fault points (runtime/core/fault.h): $HULL_TESTING.
# weight: 150

load helpers
load oci_helpers
load leaks

# Names in the first column of a table that begins after $2 in file $1.
table_names() {
	sed -n "/$2/,/^};/p" "$REPOSITORY/$1" | grep -oE '\{"[a-z-]+",' | tr -d '{",'
}
phases() {
	table_names runtime/core/create.c 'struct phase phases\[\]'
}
stages() {
	table_names runtime/core/child.c 'struct stage stages\[\]'
	table_names runtime/core/child.c 'struct stage stages_root\[\]'
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
	bundle_begin
	stores_begin
	hull run --rm busybox true
	everything >"$STORES/baseline"
}
teardown_file() {
	HULL=$HULL_TESTING
	stores_end
	bundle_end
}
setup() {
	HULL=$HULL_TESTING
	OCI=${HULL_TESTING%/*}/hull-oci
	bundle_configure
}

# How containers are started here, with what differs in their steps.
WAYS=(
	'run --rm -p 18090:80'
	'run --rm --network none'
	'run -d --rm -p 18090:80'
	'run -d --rm --network none'
)

# Runs hull with a fault; tells what is wrong as a line, and remembers it. The program takes a moment, so that it is
# seen where it should not be.
PROGRAM='sleep 1; exit 9'
run_with() {
	local fault=$1
	shift
	export HULL_TEST_FAULT=$fault
	run timeout -k 1 20 "$HULL" --root "$STORES/run" --data "$STORES/data" "$@" busybox sh -c "$PROGRAM" 3>&- 4>&-
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
	local point PROGRAM='exit 9'
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
		retry 30 ended_for_hull || complain "$point: still there: $(hull ps -a)"
		nothing_since "$STORES/baseline" || complain "$point: something is left"
	done
	no_complaints
}
ended_for_hull() {
	[ -z "$(hull ps -aq)" ]
}

# --- hull-oci: create, start, exec, update and delete are processes of their own, and each may end where it pleases ---

# What create does, on both sides.
creations() {
	phases | sed 's/^/phase:/'
	stages | sed 's/^/child:/' | grep -vx child:exec
}
# Where a phase is taken back: those that have an undo.
undos() {
	sed -n '/struct phase phases\[\]/,/^};/p' "$REPOSITORY/runtime/core/create.c" | grep undo | grep -oE '\{"[a-z-]+",' | tr -d '{",' | sed 's/^/undo:/'
}
# The points that are named where they are: fault_point("start", "go", err)
points_of() {
	grep -oE "fault_point\(\"$1\", \"[a-z-]+\"" "$REPOSITORY"/runtime/core/*.c | sed -E "s/.*\"([a-z-]+)\"$/$1:\1/"
}

# Runs hull-oci with a fault, apart; its words go to $output.
oci_with() {
	local fault=$1
	shift
	export HULL_TEST_FAULT=$fault
	status=0
	timeout -k 1 20 "$OCI" --root "$FOLDER/run" "$@" </dev/null &>"$FOLDER/words" 3>&- 4>&- || status=$?
	unset HULL_TEST_FAULT
	output=$(cat "$FOLDER/words")
	[ "$status" -ne 124 ] || complain "$fault: $1: hangs"
}
# After what went wrong at $1: deleting succeeds, and then there is nothing.
deletes_all() {
	oci delete --force "$ID" || complain "$1: delete: exit status $?"
	[ -z "$(ls "$FOLDER/run")" ] || complain "$1: its state is left"
	nothing_since "$STORES/baseline" || complain "$1: something is left"
}
make_running() {
	apart create "$ID"
	oci start "$ID"
}

@test "hull-oci: the points of faults are found" {
	local verb
	[ "$(creations | wc -l)" -ge 25 ]
	[ "$(undos | wc -l)" -ge 4 ]
	for verb in claim start exec update; do
		[ "$(points_of $verb | wc -l)" -ge 2 ]
	done
}

@test "hull-oci: a failure at any step of create is one clear line, and nothing is left" {
	local point
	for point in $(creations); do
		# The last ones are start's.
		[ "$point" != phase:go ] || continue
		oci_with "fail:$point" create --pid-file "$FOLDER/pid" "$ID"
		[ "$status" -eq 1 ] || complain "$point: exit status $status: $output"
		[[ $output == "hull-oci: create: "*"fault injected at $point" ]] || complain "$point: says: $output"
		[ ! -e "$FOLDER/pid" ] || complain "$point: a pid file is left"
		[ -z "$(ls "$FOLDER/run")" ] || complain "$point: its state is left"
		nothing_since "$STORES/baseline" || complain "$point: something is left"
	done
	no_complaints
}

# bats test_tags=plain
@test "hull-oci: killed at any step of create, delete leaves nothing" {
	local point
	for point in $(creations); do
		oci_with "kill:$point" create "$ID"
		[ "$status" -ne 0 ] || [ "$point" = phase:go ] || complain "$point: exit status 0"
		run oci list
		[ "$status" -eq 0 ] || complain "$point: list: $output"
		run oci start "$ID"
		[ "$status" -eq 1 ] || [ "$point" = phase:go ] || complain "$point: start: exit status $status: $output"
		deletes_all "$point"
	done
	no_complaints
}

# The id is its own when the record says whose it is: no command would show it before, and no other could have it.
@test "hull-oci: killed while it takes its id, it has none" {
	local point
	for point in $(points_of claim); do
		rm -rf "$FOLDER/run/.spare"
		for _ in new spare; do
			oci_with "kill:$point" create "$ID"
			[ "$status" -eq 137 ] || complain "$point: exit status $status: $output"
			[ -z "$(ls "$FOLDER/run")" ] || complain "$point: it has the id"
			apart create "$ID" || complain "$point: the next one: $(cat "$FOLDER/words")"
			deletes_all "$point"
		done
	done
	# What has no name yet is swept when it is old enough to be nobody's.
	[ -n "$(ls -d "$FOLDER"/run/.new-*)" ]
	sleep 2.1
	[ -z "$(oci list -q)" ]
	[ "$(ls -A "$FOLDER/run")" = .spare ]
	no_complaints
}

# A start that dies halfway has started it or has not; there is no third way, and it can be deleted.
@test "hull-oci: a start that fails or is killed leaves one that can be started or deleted" {
	local point how
	for point in $(points_of start); do
		for how in fail kill; do
			apart create "$ID"
			oci_with "$how:$point" start "$ID"
			[ "$status" -ne 0 ] || complain "$how:$point: exit status 0"
			[ "$how" = kill ] || [[ $output == "hull-oci: start: "*"fault injected at $point" ]] || complain "$point: says: $output"
			case $(member status) in
			created) oci start "$ID" || complain "$how:$point: cannot be started" ;;
			running | stopped) ;;
			*) complain "$how:$point: is $(member status)" ;;
			esac
			deletes_all "$how:$point"
		done
	done
	no_complaints
}
@test "hull-oci: a first process that dies before it is the program" {
	local how
	for how in fail kill; do
		HULL_TEST_FAULT=$how:child:exec apart create "$ID"
		run oci start "$ID"
		[ "$status" -eq 1 ] || complain "$how: start: exit status $status: $output"
		[ "${#lines[@]}" -eq 1 ] || complain "$how: says: $output"
		retry 30 is stopped || complain "$how: is $(member status)"
		deletes_all "$how"
	done
	no_complaints
}

# What is executed in it may fail as it likes: the container is as before.
exec_points() {
	points_of exec
	table_names runtime/core/become.c 'preparations\[\] = {' | sed 's/^/child:/'
	echo child:exec
}
only_the_first() {
	[ "$(oci ps --format json "$ID" | tr -dc , | wc -c)" -eq 0 ]
}
@test "hull-oci: an exec that fails or is killed leaves the container as it was" {
	local point how
	make_running
	for point in $(exec_points); do
		for how in fail kill; do
			oci_with "$how:$point" exec --pid-file "$FOLDER/pid" "$ID" sleep 0.3
			[ "$status" -ne 0 ] || complain "$how:$point: exit status 0"
			[ "$how" = kill ] || [[ $output == "hull-oci: exec: "*"fault injected at $point" ]] || complain "$point: says: $output"
			is running || complain "$how:$point: is $(member status)"
			# One that was let go before its starter was killed runs to its own end.
			retry 30 only_the_first || complain "$how:$point: left: $(oci ps "$ID")"
			rm -f "$FOLDER/pid"
		done
	done
	run -0 oci exec "$ID" echo in
	[ "$output" = in ]
	deletes_all exec
	no_complaints
}

# The record says that it runs a little before it does, and until it has its own root it has the host's.
@test "hull-oci: an exec waits for a first process that is not the program yet" {
	local point runtime expected seen look='ls /; grep -o " /[^ ]* r[ow][^ ]*" /proc/self/mountinfo'

	make_running
	expected=$(oci exec "$ID" sh -c "$look" | sort)
	deletes_all expected
	for point in assemble pivot seal; do
		HULL_TEST_FAULT=sleep:child:$point "$OCI" --root "$FOLDER/run" run "$ID" </dev/null &>"$FOLDER/words" 3>&- 4>&- &
		runtime=$!
		retry 5 is running
		seen=$(oci exec "$ID" sh -c "$look" | sort)
		[ "$seen" = "$expected" ] || complain "$point: sees: $seen"
		run -0 oci delete --force "$ID"
		wait "$runtime" || true
	done
	no_complaints
}

@test "hull-oci: a hook inside that fails long before the runtime asks for it: the poststop hooks run" {
	local hook='{"path": "/bin/sh", "args": ["sh", "-c", sys.argv[%d]]}' phase

	# shellcheck disable=SC2059 # the format is the hook
	edit "c['hooks'] = {'createContainer': [$(printf "$hook" 1)], 'poststop': [$(printf "$hook" 2)]}
c['linux']['namespaces'].append({'type': 'user'})
c['linux']['uidMappings'] = c['linux']['gidMappings'] = [{'containerID': 0, 'hostID': 100000, 'size': 65536}]" \
		"exit 9" "echo after >>$FOLDER/hooked"
	for phase in network hooks ready; do
		oci_with "sleep:phase:$phase" run "$ID"
		[ "$status" -eq 1 ]
		[[ $output == "hull-oci: run: "*"createContainer hook: hook '/bin/sh' ended with exit code 9" ]]
		[ "$(cat "$FOLDER/hooked")" = after ]
		rm "$FOLDER/hooked"
	done
}

@test "hull-oci: an update that fails or is killed can be done again" {
	local point how
	make_running
	for point in $(points_of update); do
		for how in fail kill; do
			oci_with "$how:$point" update --pids-limit 33 "$ID"
			[ "$status" -ne 0 ] || complain "$how:$point: exit status 0"
			oci update --pids-limit 44 "$ID" || complain "$how:$point: cannot be updated"
			[ "$(cgroup_file pids pids.max pids.max)" = 44 ] || complain "$how:$point: not updated"
		done
	done
	deletes_all update
	no_complaints
}

@test "hull-oci: a delete that fails or is killed can be done again" {
	local point how
	for point in $(undos); do
		for how in fail kill; do
			make_running
			oci_with "$how:$point" delete --force "$ID"
			[ "$status" -ne 0 ] || complain "$how:$point: exit status 0"
			[ "$how" = kill ] || [[ $output == "hull-oci: delete: "*"fault injected at $point" ]] || complain "$point: says: $output"
			run oci list
			[ "$status" -eq 0 ] || complain "$how:$point: list: $output"
			deletes_all "$how:$point"
		done
	done
	no_complaints
}
