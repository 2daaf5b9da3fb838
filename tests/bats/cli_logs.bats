#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# logs

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
	containers_end
}

@test "logs: each stream where it belongs" {
	hull run --name web bb sh -c 'echo out; sleep 0.1; echo err >&2; sleep 0.1; printf unfinished' >/dev/null 2>&1
	run --separate-stderr hull logs web
	is $'out\nunfinished'
	[ "$stderr" = err ]
}

@test "logs: --tail, --timestamps" {
	hull run --name web bb seq 10 >/dev/null
	run hull logs -n 2 web
	is $'9\n10'
	run hull logs --tail all web
	[ ${#lines[@]} -eq 10 ]
	run hull logs -n 0 web
	is ''
	run hull logs -t -n 1 web
	like '^20[0-9-]+T[0-9:]+\.[0-9]{9}Z 10$'
	run -125 hull logs -n x web
	has "nor 'all'"
}

@test "logs: --since and --until take times, ages and seconds" {
	hull run --name web bb sh -c 'echo early; sleep 3.2; echo late' >/dev/null
	middle=$(hull logs -t -n 1 web | cut -d. -f1)
	seconds=$(date -u -d "${middle/T/ }" +%s)
	for time in "${middle}Z" "$middle" "$seconds"; do
		run hull logs --since "$time" web
		is late
	done
	# Two seconds before the last line, and one after the first: it is late itself by as long as it takes to begin.
	run hull logs --since "$(($(date +%s) - seconds + 2))s" web
	is late
	run hull logs --until "$seconds" web
	is early
	run hull logs --since 2020-01-01 web
	is $'early\nlate'
	run -125 hull logs --since yesterday web
	has "'yesterday' is no time"
}

@test "logs: -f goes on until the end" {
	hull run -d --name web bb sh -c 'for i in 1 2 3; do echo $i; sleep 0.3; done'
	run hull logs -f web
	is $'1\n2\n3'
	run hull logs -f web
	is $'1\n2\n3'
	run hull logs -f -n 1 web
	is 3
}

@test "logs: no line is lost when the keeper is killed" {
	hull run -d --name web bb sh -c 'i=0; until [ -e /tmp/enough ]; do i=$((i + 1)); echo $i; sleep 0.1; done'
	hull logs -f web >"$STORES/followed" &
	for _ in 1 2 3; do
		sleep 0.4
		kill -9 "$(keeper_of web)"
	done
	retry 30 eval '[ "$(wc -l <"$STORES/followed")" -gt 10 ]'
	hull exec web touch /tmp/enough
	wait $!
	diff "$STORES/followed" <(seq "$(wc -l <"$STORES/followed")")
	diff "$STORES/followed" <(hull logs web)
}

@test "logs: over a rotation" {
	hull run -d --name web --log-opt max-size=2k --log-opt max-file=3 bb sh -c 'for i in $(seq 1000 1300); do echo $i; done; sleep 100'
	last() {
		[ "$(hull logs -n 1 web)" = 1300 ]
	}
	retry 30 last
	hull logs web >"$STORES/all"
	[ "$(wc -l <"$STORES/all")" -lt 301 ]
	diff "$STORES/all" <(seq "$(head -n 1 "$STORES/all")" 1300)
	[ -e "$(hull inspect --format '{{.Paths.Log}}' web).2" ]
}

@test "logs: of what does not exist" {
	run -125 hull logs nosuch
	is "hull: logs: no container 'nosuch': see 'hull ps -a'"
	hull create --name never bb true
	run hull logs never
	is ''
}
