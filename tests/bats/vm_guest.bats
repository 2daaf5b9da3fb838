#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# bats file_tags=vm
# What the agent in a guest does for its program, and for those of exec: streams, terminals, signals, ends. Under QEMU,
# with Debian's own kernel. Not with sanitizers: the agent runs where their libraries are not.

load helpers
load vm_helpers

setup_file() {
	machines_begin
	machine -d --name box --hostname box bb sh -c 'echo up; while :; do sleep 0.2; done' >/dev/null
	retry $BOOT_SECONDS says box up
}
teardown_file() {
	hull rm -f box >/dev/null
	nothing_left
	stores_end
}

# Whether a process of this name runs in the box, or surely does not.
runs() {
	hull exec box ps | grep -q "[ ]$1"
}
gone() {
	local processes

	processes=$(hull exec box ps) && ! grep -q "[ ]$1" <<<"$processes"
}

# hull exec in the background, and no shell around it that a signal would hit instead: its pid in CLIENT. A child of it
# stands for the process in the guest: it speaks with the machine, and lives as long as the other, as a container's
# does.
client() {
	bash -c "exec $(hull_words exec "$@")" <&0 &
	CLIENT=$!
}

@test "exec: output and errors apart, exit code, user, folder, environment" {
	run -9 --separate-stderr hull exec box sh -c 'echo out; echo error >&2; exit 9'
	is out
	# shellcheck disable=SC2154 # run sets stderr
	[ "$stderr" = error ]
	run hull exec -u app -w /etc -e WORD=value box sh -c 'id -u; pwd; echo "$WORD"; hostname'
	is $'1000\n/etc\nvalue\nbox'
	run -143 hull exec box sh -c 'kill -TERM $$'
}

@test "exec: a program that is not there, or none" {
	run -127 hull exec box nosuch
	has 'executable file not found'
	run -126 hull exec box /etc/passwd
	has 'permission denied'
}

@test "exec: two at once with 8 MiB each way, in order and whole" {
	local sum

	head -c 8388608 /dev/urandom >"$BATS_TEST_TMPDIR/data"
	sum=$(sha256sum <"$BATS_TEST_TMPDIR/data")
	hull exec -i box cat <"$BATS_TEST_TMPDIR/data" | sha256sum >"$BATS_TEST_TMPDIR/one" &
	hull exec -i box cat <"$BATS_TEST_TMPDIR/data" | sha256sum >"$BATS_TEST_TMPDIR/two"
	wait $!
	[ "$(cat "$BATS_TEST_TMPDIR/one")" = "$sum" ]
	[ "$(cat "$BATS_TEST_TMPDIR/two")" = "$sum" ]
}

@test "exec: one that nobody reads holds up no other" {
	client box yes >/dev/null
	retry 30 runs yes
	pkill -STOP -P "$CLIENT"
	run hull exec box echo other
	is other
	pkill -KILL -P "$CLIENT"
	wait "$CLIENT" || true
	retry 30 gone yes
}

@test "exec: who reads the output is gone, so the program hears of it" {
	run bash -c "$(hull_words exec box yes) | head -n 1"
	is y
	retry 30 gone yes
}

@test "exec: a signal to the client is one to the program; one that is killed leaves an end of input" {
	client box sleep 1000
	retry 30 runs 'sleep 1000'
	kill -TERM "$CLIENT"
	status=0
	wait "$CLIENT" || status=$?
	[ "$status" -eq 143 ]
	retry 30 gone 'sleep 1000'
	# A reader and a writer at once: nothing is typed, and it does not end.
	mkfifo "$BATS_TEST_TMPDIR/keys"
	client -i box sh -c 'cat; echo ended >/tmp/ended' <>"$BATS_TEST_TMPDIR/keys"
	retry 30 runs cat
	pkill -KILL -P "$CLIENT"
	wait "$CLIENT" || true
	retry 30 hull exec box test -e /tmp/ended
}

@test "exec -t: a terminal, its size, and when that changes" {
	# The size changes when the program has seen the first one.
	run script -qefc "stty rows 33 cols 99; { until $(hull_words exec box test -e /tmp/seen); do sleep 0.1; done; stty rows 44 cols 111 </dev/tty; } & $(hull_words \
		exec -it box sh -c 'tty; stty size; : >/tmp/seen; until [ "$(stty size)" = "44 111" ]; do sleep 0.1; done; echo resized')" /dev/null </dev/null
	has /dev/pts/0
	has '33 99'
	has resized
}

@test "run: input, output, errors and exit code of the first program" {
	run -7 --separate-stderr bash -c "echo typed | $(hull_words run --rm -i --isolation vm --vm-backend qemu bb \
		sh -c 'cat; echo error >&2; cat /proc/self/oom_score_adj; exit 7')"
	is $'typed\n0'
	[ "$stderr" = error ]
}

@test "run: a program that is not there" {
	run -127 machine --rm bb nosuch
	has 'executable file not found'
}

@test "run --init: somebody reaps, and passes signals on" {
	machine -d --name init --init bb sh -c 'trap "echo caught; exit 5" TERM; echo up; while :; do sleep 0.1; done' >/dev/null
	retry $BOOT_SECONDS says init up
	run hull exec init cat /proc/1/cmdline
	like '^hull-init'
	hull stop init >/dev/null
	run hull inspect --format '{{.State.ExitCode}}' init
	is 5
	run hull logs init
	is $'up\ncaught'
	hull rm init >/dev/null
}

@test "run: the guest runs out of memory, and its program is what goes" {
	run -137 machine --rm --memory 192m bb sh -c 'a=xxxxxxxxxxxxxxxx; while :; do a=$a$a; done'
	is ''
}

@test "run: what was written is there after a stop and a start" {
	machine -d --name keeps bb sh -c 'cat /mark; echo written >/mark; echo up; while :; do sleep 0.2; done' >/dev/null
	retry $BOOT_SECONDS says keeps up
	hull kill keeps >/dev/null
	hull wait keeps >/dev/null
	hull start keeps >/dev/null
	retry $BOOT_SECONDS says keeps written
	hull rm -f keeps >/dev/null
}

@test "run: 16 MiB in and out" {
	head -c 16M /dev/urandom >"$BATS_TEST_TMPDIR/data"
	run bash -c "$(hull_words run --rm -i --isolation vm --vm-backend qemu bb cat) <'$BATS_TEST_TMPDIR/data' | sha256sum"
	is "$(sha256sum <"$BATS_TEST_TMPDIR/data")"
}
