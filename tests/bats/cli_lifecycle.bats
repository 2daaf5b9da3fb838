#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# stop, kill, pause, unpause, rm, wait

# shellcheck disable=SC2154 # run sets stderr
load helpers
setup_file() {
	stores_begin
	image_begin
}
teardown_file() {
	stores_end
}
teardown() {
	# It holds a lock, for which all others would wait.
	[ -z "${asleep:-}" ] || kill -CONT "$asleep" 2>/dev/null || true
	containers_end
}

# A program that says which signal it got.
LISTENER='for s in TERM HUP INT; do trap "echo $s; exit 7" $s; done; echo ready; while :; do sleep 0.05; done'

listen() {
	hull run -d "$@" bb sh -c "$LISTENER"
	retry 30 grep -q ready "$(hull inspect --format '{{.Paths.Log}}' "$2")"
}

@test "stop: sends TERM, prints the name, tells the program's exit code" {
	listen --name web
	run hull stop web
	is web
	run hull wait web
	is 7
	run hull logs web
	is $'ready\nTERM'
}

@test "stop: the container's own signal and time" {
	listen --name web --stop-signal HUP
	hull stop web
	run hull logs web
	is $'ready\nHUP'
	hull run -d --name deaf --stop-timeout 0 bb sleep 100
	SECONDS=0
	hull stop deaf
	[ $SECONDS -lt 9 ]
	run hull wait deaf
	is 137
}

@test "stop: kills after -t; a stopped one is left as it is" {
	hull run -d --name deaf bb sleep 100
	SECONDS=0
	run hull stop -t 1 deaf
	is deaf
	[ $SECONDS -lt 9 ]
	run hull stop deaf
	is deaf
	run hull wait deaf
	is 137
}

@test "stop: what it held is free when it returns" {
	hull run -d --name one -p 18480:80 bb sleep 100
	hull stop -t 0 one
	hull run -d --name two -p 18480:80 bb sleep 100
	[ ! -e "$STORES/run/instances/$(hull inspect --format '{{.Id}}' one)" ]
}

@test "stop: no restart policy brings it back" {
	hull run -d --name web --restart always bb sleep 100
	hull stop -t 0 web
	sleep 0.5
	run hull ps -a --format '{{.State}}'
	is exited
	hull start web
	pid=$(hull inspect --format '{{.State.Pid}}' web)
	kill -9 "$pid"
	back() {
		new=$(hull inspect --format '{{.State.Pid}}' web)
		[ "$new" != 0 ] && [ "$new" != "$pid" ]
	}
	retry 30 back
}

@test "stop: between two restarts" {
	hull run -d --name web --restart always bb false
	sleep 0.5
	hull stop web
	sleep 1
	run hull ps -a --format '{{.State}}'
	is exited
}

# A program with fault points that has stopped at one, by what is on its command line: in $asleep, for teardown too.
fell_asleep() {
	asleep=$(pgrep -r T -f "^${HULL_TESTING} .*$1")
}

# With a program that stops by itself where a creation begins, also the one that a keeper makes.
# bats test_tags=plain
@test "stop: a restart that is about to begin makes nothing any more" {
	HULL_TEST_FAULT=stop:phase:record "$HULL_TESTING" --root "$STORES/run" --data "$STORES/data" run -d --name web \
		--restart always bb false 3>&- &
	retry 30 fell_asleep 'run -d'
	kill -CONT "$asleep"
	wait $!
	retry 30 fell_asleep __unmake
	hull stop web
	run hull ps -a --format '{{.State}}'
	is exited
	strace -f -q -e trace=clone,clone3 -o "$BATS_TEST_TMPDIR/calls" -p "$asleep" 3>&- &
	retry 30 grep -q 'TracerPid:[[:space:]][1-9]' "/proc/$asleep/status"
	kill -CONT "$asleep"
	wait $!
	grep -q exited "$BATS_TEST_TMPDIR/calls"
	run -1 grep clone "$BATS_TEST_TMPDIR/calls"
	run hull ps -a --format '{{.State}}'
	is exited
}

# bats test_tags=plain
@test "stop: what somebody has started again meanwhile runs on, and is no failure" {
	exited() { [ "$(hull ps -a --format '{{.State}}')" = exited ]; }
	hull run -d --name web bb sleep 100
	strace -f -qq -o /dev/null -e trace=pidfd_send_signal -e inject=pidfd_send_signal:delay_exit=3000000 \
		"$HULL" --root "$STORES/run" --data "$STORES/data" stop -s KILL web >"$BATS_TEST_TMPDIR/said" 3>&- &
	retry 30 exited
	hull start web
	wait $!
	[ "$(cat "$BATS_TEST_TMPDIR/said")" = web ]
	run hull ps --format '{{.State}}'
	is running
}

# With a program that stops by itself once a creation has begun.
@test "start: another start that has begun is waited for" {
	hull create --name web bb sleep 100
	HULL_TEST_FAULT=stop:phase:sources "$HULL_TESTING" --root "$STORES/run" --data "$STORES/data" start web 3>&- &
	first=$!
	retry 30 fell_asleep 'start web'
	hull start web >"$BATS_TEST_TMPDIR/said" 3>&- &
	second=$!
	sleep 0.3
	[ ! -s "$BATS_TEST_TMPDIR/said" ]
	kill -CONT "$asleep"
	wait "$first"
	wait "$second"
	[ "$(cat "$BATS_TEST_TMPDIR/said")" = web ]
	run -125 --separate-stderr hull start -a web
	[ "$stderr" = "hull: start: container 'web' is running: see 'hull attach'" ]
}

@test "stop: several at once; one that is missing does not keep the others" {
	hull run -d --name one bb sleep 100
	hull run -d --name two bb sleep 100
	run -125 --separate-stderr hull stop -t 0 one nosuch two
	is $'one\ntwo'
	[ "$stderr" = "hull: stop: no container 'nosuch': see 'hull ps -a'" ]
	[ -z "$(hull ps -q)" ]
}

@test "kill: KILL, and signals that are messages" {
	listen --name web
	hull kill -s HUP web
	run hull wait web
	is 7
	hull run -d --name deaf bb sleep 100
	run hull kill deaf
	is deaf
	run hull ps -a -f name=deaf --format '{{.State}}'
	is exited
	run -125 hull kill deaf
	has "container 'deaf' is not running"
	run -125 hull kill -s NOSUCH web
	has "'NOSUCH' is no signal"
}

@test "kill: a paused one, too" {
	hull run -d --name web bb sleep 100
	hull pause web
	hull kill web
	run hull wait web
	is 137
}

@test "pause, unpause: the program stands still and goes on" {
	hull run -d --name web bb sh -c 'while :; do echo tick; sleep 0.02; done'
	log=$(hull inspect --format '{{.Paths.Log}}' web)
	retry 30 grep -q tick "$log"
	run hull pause web
	is web
	# What it had written before is on its way.
	still() {
		before=$(wc -l <"$log")
		sleep 0.3
		[ "$(wc -l <"$log")" = "$before" ]
	}
	retry 30 still
	run -125 hull pause web
	has 'paused already'
	run -125 hull exec web true
	has "is paused"
	run hull unpause web
	is web
	more() {
		[ "$(wc -l <"$log")" -gt "$before" ]
	}
	retry 30 more
	run -125 hull unpause web
	has 'is not paused'
}

@test "stop: a paused one ends by its signal" {
	listen --name web
	hull pause web
	hull stop web
	run hull wait web
	is 7
}

@test "rm: a running one is refused without -f" {
	hull run -d --name web bb sleep 100
	run -125 hull rm web
	is "hull: rm: container 'web' is running: stop it first, or remove it with --force"
	run hull rm -f web
	is web
	run hull ps -aq
	is ''
}

@test "rm: by name, id and the beginning of an id" {
	a=$(hull create bb true)
	b=$(hull create bb true)
	hull create --name c bb true
	run hull rm "$a" "${b:0:12}" c
	is "$a"$'\n'"${b:0:12}"$'\nc'
	run -125 hull rm c
	has "no container 'c'"
	run hull rm -f c
	is ''
}

@test "rm: the writable layer and the log go, named volumes stay, -v takes the nameless ones" {
	hull run --name web -v kept:/kept -v /nameless bb sh -c 'echo a >/kept/a; echo b >/nameless/b; echo c >/c'
	data=$(hull inspect --format '{{.Paths.Data}}' web)
	[ "$(hull volume ls -q | wc -l)" -eq 2 ]
	hull rm -v web
	[ ! -e "$data" ]
	[ "$(ls "$STORES/data/volumes")" = kept ]
	run hull run --rm -v kept:/kept bb cat /kept/a
	is a
}

@test "rm: frees an image that was removed by force meanwhile" {
	hull image import -q --name other -c 'LABEL only=this' "$STORES/rootfs"
	id=$(hull images -q --no-trunc other)
	hull run -d --name web other sleep 100
	hull image rm -f other
	run hull exec web echo alive
	is alive
	hull rm -f web
	[ ! -e "$STORES/data/images/removed/${id#sha256:}.json" ]
}

@test "start: of one that has just ended, before its keeper has done anything about it" {
	local keeper

	hull run -d --name again bb sleep 1000 3>&-
	keeper=$(keeper_of again)
	# Before it is that program, it holds the container's lock.
	is_keeper() { [[ $(readlink "/proc/$keeper/exe") == */hull-keeper ]]; }
	retry 30 is_keeper
	kill -STOP "$keeper"
	kill -KILL "$(hull inspect -f '{{.State.Pid}}' again)"
	has_ended() { [ "$(hull inspect -f '{{.State.Status}}' again)" = exited ]; }
	retry 30 has_ended
	run -0 hull start again
	is again
	kill -CONT "$keeper"
	# It finds nothing that is its own any more.
	is_gone() { [ ! -e "/proc/$keeper/exe" ]; }
	retry 30 is_gone
	hull exec again true
}

@test "wait: blocks, prints each code, fails for one that has never run" {
	hull run -d --name a bb sh -c 'sleep 0.5; exit 3'
	hull run -d --name b bb sh -c 'exit 4'
	hull create --name c bb true
	run hull wait a b
	is $'3\n4'
	run -125 hull wait c
	has 'has not run yet'
}

# Whether a process speaks with somebody: 'hull wait' with a keeper.
has_socket() {
	find "/proc/$1/fd" -lname 'socket:*' | grep -q .
}

@test "wait: sees the end of one made with --rm" {
	hull run -d --rm --name web bb sh -c 'until [ -e /tmp/end ]; do sleep 0.05; done; exit 5'
	"$HULL" --root "$STORES/run" --data "$STORES/data" wait web >"$STORES/code" </dev/null 3>&- 4>&- &
	retry 30 has_socket $!
	hull exec web touch /tmp/end
	wait $!
	[ "$(cat "$STORES/code")" = 5 ]
	gone() {
		[ -z "$(hull ps -aq)" ]
	}
	retry 30 gone
}

# As it is of one that has just been started.
@test "wait: a keeper that does not listen yet is asked again" {
	local socket

	hull run -d --rm --name web bb sh -c 'until [ -e /tmp/end ]; do sleep 0.05; done; exit 5'
	is_there() {
		socket=$(find "$STORES/run" -name attach.sock | grep .)
	}
	retry 30 is_there
	mv "$socket" "$STORES/away"
	"$HULL" --root "$STORES/run" --data "$STORES/data" wait web >"$STORES/code" </dev/null 3>&- 4>&- &
	sleep 0.3
	mv "$STORES/away" "$socket"
	retry 30 has_socket $!
	hull exec web touch /tmp/end
	wait $!
	[ "$(cat "$STORES/code")" = 5 ]
}

@test "wait: begun when the end has been, and the keeper has yet to write it down" {
	local keeper waiting

	hull run -d --name web bb sleep 1000
	keeper=$(keeper_of web)
	kill -STOP "$keeper"
	kill -KILL "$(hull inspect --format '{{.State.Pid}}' web)"
	retry 30 eval 'hull ps -a --format json | jq -e ".[0].state == \"exited\"" >/dev/null'
	hull wait web >"$STORES/code" &
	waiting=$!
	sleep 0.3
	kill -CONT "$keeper"
	wait "$waiting"
	[ "$(cat "$STORES/code")" = 137 ]
	hull rm web
}

@test "wait: a keeper that is killed meanwhile costs no exit code" {
	hull run -d --name web bb sh -c 'sleep 5; exit 6'
	hull wait web >"$STORES/code" &
	sleep 0.3
	kill -9 "$(keeper_of web)"
	wait $!
	[ "$(cat "$STORES/code")" = 6 ]
}

@test "between two restarts it is restarting, until it is stopped" {
	restarting() { [ "$(hull ps --filter status=restarting --format '{{.Names}}')" = flaps ]; }
	hull run -d --name flaps --restart always bb sh -c 'exit 3'
	retry 30 restarting
	# The waits become longer: before long it is restarting whenever one looks.
	five() { [ "$(hull inspect -f '{{.State.RestartCount}}' flaps)" -ge 5 ] && restarting; }
	retry 30 five
	retry 30 eval '[ "$(hull inspect -f "{{.State.Restarting}} {{.State.Running}} {{.State.Status}}" flaps)" = "true false restarting" ]'
	retry 30 eval '[[ $(hull ps --format "{{.Status}}") == "Restarting (3) "* ]]'
	refused() { [ "$(hull rm flaps 2>&1)" = "hull: rm: container 'flaps' is restarting: stop it first, or remove it with --force" ]; }
	retry 30 refused
	hull stop flaps
	run hull ps -a --format '{{.State}}'
	is exited
	hull rm flaps
}

@test "one whose folder was removed by hand is seen, and can be ended" {
	gone() { [ -z "$(hull ps -aq)" ]; }
	for how in "kill" "stop -t 0" "rm -f"; do
		hull run -d --name lost bb sleep 100
		id=$(hull inspect -f '{{.Id}}' lost)
		# Its keeper needs the folder to begin.
		retry 30 grep -q keeper "/proc/$(keeper_of lost)/comm"
		rm -rf "$STORES/data/instances/$id"
		run hull ps --format '{{.ID}} {{.Names}} {{.Image}} {{.State}}'
		is "${id:0:12} lost (definition lost) running"
		# Its range of ids stays its own.
		grep -q "$id" "$STORES/data/idranges"
		run -125 --separate-stderr hull inspect lost
		[ "$stderr" = "hull: inspect: container 'lost': its definition is lost: 'hull rm --force' removes it" ]
		run -125 hull rm "${id:0:12}"
		has 'is running'
		# shellcheck disable=SC2086 # a verb and its options
		run hull $how lost
		is lost
		retry 30 gone
		nothing_left
	done
}

@test "one whose definition cannot be read is seen, keeps its data, and can be ended and removed" {
	spoil() { if [ "$1" = missing ]; then rm "$2"; else printf '%s' "$1" >"$2"; fi; }
	for damage in missing '' '{' '[]' '{"name": 7}'; do
		id=$(hull run -d --name spoilt bb sh -c 'echo mine >/kept; exec sleep 100')
		retry 30 test -e "$STORES/data/instances/$id/upper/kept"
		spoil "$damage" "$STORES/data/instances/$id/hull.json"
		run hull ps --format '{{.Names}} {{.Image}} {{.State}}'
		is 'spoilt (definition lost) running'
		run hull stop -t 0 spoilt
		is spoilt
		run hull ps -a --format '{{.Names}} {{.State}}'
		is 'spoilt exited'
		[ -e "$STORES/data/instances/$id/upper/kept" ]
		for verb in start inspect; do
			run -125 --separate-stderr hull "$verb" spoilt
			[ "$stderr" = "hull: $verb: container 'spoilt': its definition is lost: 'hull rm --force' removes it" ]
		done
		run -0 hull rm spoilt
		nothing_left
	done
}

# bats test_tags=plain
@test "a container's end survives a power cut: it is synced before it gets its name; not with --rm" {
	calls() {
		strace -y -e signal=none -e trace=fsync,fdatasync,rename,renameat,renameat2 -o "$BATS_TEST_TMPDIR/calls" "$HULL" --root "$STORES/run" \
			--data "$STORES/data" run --network none "$@"
	}
	calls --name kept bb sh -c 'exit 7' || [ $? -eq 7 ]
	[ "$(hull inspect -f '{{.State.ExitCode}}' kept)" = 7 ]
	grep -B1 'exit\.json' "$BATS_TEST_TMPDIR/calls" | head -n 1 | grep -E '^f(data)?sync'
	calls --rm bb true
	! grep -E '^f(data)?sync' "$BATS_TEST_TMPDIR/calls"
}

# bats test_tags=slow
@test "a stop in the moment of a restart wins" {
	# The restart has seen that it is wanted, and has not written its record yet.
	HULL_TEST_FAULT=sleep:phase:record "$HULL_TESTING" --root "$STORES/run" --data "$STORES/data" run -d --name flips \
		--restart always --network none bb sh -c 'echo begun; exit 0'
	begun() { [ "$(hull inspect -f '{{.State.RestartCount}}' flips)" = 1 ]; }
	retry 30 begun
	# The first wait is a tenth of a second; then it sleeps for a second before the record.
	between() { [ "$(hull ps -a --format '{{.State}}')" = exited ]; }
	retry 30 between
	hull stop flips
	begun_before=$(hull logs flips | wc -l)
	retry 30 not pgrep -f "__unmake $(hull inspect -f '{{.Id}}' flips)"
	run hull ps -a --format '{{.State}}'
	is exited
	[ "$(hull logs flips | wc -l)" -eq "$begun_before" ]
}
not() {
	! "$@"
}
