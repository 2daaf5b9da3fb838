#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# exec, attach: processes and people that come later

# shellcheck disable=SC2154 # run sets stderr
load helpers
setup_file() {
	stores_begin
	image_begin
}
teardown_file() {
	stores_end
}
setup() {
	hull run -d --name web -e FROM=run -u app -w /tmp bb sleep 100
}
teardown() {
	containers_end
}

# Types the words on a terminal, and shows what is there. At a '|' it waits until $HEARD succeeds: hull has the terminal
# by then.
on_terminal() {
	(
		sleep 0.5
		printf '%b' "${1%%|*}"
		if [[ $1 == *'|'* ]]; then
			retry 30 eval "$HEARD" >/dev/null
			printf '%b' "${1#*|}"
		fi
		sleep 0.5
	) | script -qefc "$(hull_words "${@:2}")" /dev/null
}

@test "exec: takes user, folder, environment and rights from the container" {
	run hull exec web sh -c 'id -un; pwd; echo $FROM; grep -E "CapEff|NoNewPrivs|Seccomp:" /proc/self/status'
	is $'app\n/tmp\nrun\nCapEff:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2'
	run hull exec -u root -w / -e FROM=exec web sh -c 'id -un; pwd; echo $FROM; grep CapEff /proc/self/status'
	is $'root\n/\nexec\nCapEff:\t00000000800405fb'
	run hull exec -u 5:6 web id
	is 'uid=5 gid=6 groups=6'
}

@test "exec: is in the container's namespaces and cgroups" {
	pid=$(hull inspect --format '{{.State.Pid}}' web)
	for kind in ipc mnt net pid user uts cgroup; do
		run hull exec -u root web readlink "/proc/self/ns/$kind"
		is "$(readlink "/proc/$pid/ns/$kind")"
	done
	hull exec -d web sleep 77
	retry 30 pgrep -f '^sleep 77$'
	diff "/proc/$pid/cgroup" "/proc/$(pgrep -f '^sleep 77$')/cgroup"
}

@test "exec: environment by file, and from the caller" {
	printf '# a comment\nA=1\nB=two words\nGIVEN\n' >"$STORES/env"
	GIVEN=yes run hull exec --env-file "$STORES/env" -e A=2 -e ABSENT web sh -c 'echo "$A $B $GIVEN ${ABSENT-none}"'
	is '2 two words yes none'
	run -125 hull exec --env-file /nonexistent web true
	has '/nonexistent'
}

@test "exec: exit codes" {
	run -7 hull exec web sh -c 'exit 7'
	run -137 hull exec web sh -c 'kill -9 $$'
	run -127 hull exec web nosuch
	has 'not found'
	run -126 hull exec web /etc/passwd
	run -125 hull exec web
	run -125 hull exec nosuch true
	is "hull: exec: no container 'nosuch': see 'hull ps -a'"
	run -125 hull exec -u nobody-at-all web true
	hull stop -t 0 web
	run -125 hull exec web true
	has 'is not running'
}

@test "exec: streams are the caller's own" {
	run --separate-stderr hull exec web sh -c 'echo out; echo err >&2'
	is out
	[ "$stderr" = err ]
	run bash -c "echo abc | $(hull_words exec -i web cat)"
	is abc
	run bash -c "echo abc | $(hull_words exec web cat)"
	is ''
	head -c 3000000 /dev/urandom >"$STORES/bytes"
	hull exec -i web cat <"$STORES/bytes" >"$STORES/copy"
	cmp "$STORES/bytes" "$STORES/copy"
}

@test "exec: passes signals on" {
	hull exec web sh -c 'trap "echo got it; exit 9" TERM; echo ready; while :; do sleep 0.05; done' >"$STORES/out" &
	retry 30 grep -q ready "$STORES/out"
	# The wrapper is a shell: hull is its child.
	pid=$(pgrep -fn -- "$STORES/run.* exec web sh")
	retry 30 blocks_term "$pid"
	kill -TERM "$pid"
	code=0
	wait $! || code=$?
	[ $code -eq 9 ]
	grep -q 'got it' "$STORES/out"
}

@test "exec: with a terminal" {
	run -4 on_terminal 'tty; echo term=$TERM; exit 4\n' exec -it web sh
	has /dev/pts/0
	has 'term=xterm'
	run -0 on_terminal '' exec -t web sh -c 'test -t 1 && echo it is'
	has 'it is'
	run -125 bash -c "$(hull_words exec -it web sh) </dev/null"
	has "standard input is no terminal: leave out '-t'"
}

@test "exec: detach keys leave the process running" {
	HEARD="pgrep -f '^sleep 66$'"
	run -0 on_terminal 'sleep 66\n|\x10\x11' exec -it web sh
	pgrep -f '^sleep 66$'
	HEARD="pgrep -f '^sleep 65$'"
	run -0 on_terminal 'sleep 65\n|xy' exec -it --detach-keys x,y web sh
	pgrep -f '^sleep 65$'
}

@test "exec: --privileged is within the container's user namespace" {
	run hull exec -u root --privileged web sh -c 'grep -E "CapEff|Seccomp:" /proc/self/status; mknod /tmp/sda b 8 0'
	has $'CapEff:\t000001ff'
	has $'Seccomp:\t0'
	has 'not permitted'
}

@test "exec: a detached process has no streams" {
	run -125 hull exec -dt web true
	has "leave out '-i' and '-t'"
	run hull exec -d web sh -c 'echo lost; sleep 55'
	is ''
	retry 30 pgrep -f '^sleep 55$'
}

@test "attach: output, input, exit code" {
	hull run -d -i --name talk bb sh -c 'while read -r line; do echo "got $line"; [ "$line" != end ] || exit 5; done'
	run -5 bash -c "printf 'a\nend\n' | $(hull_words attach talk)"
	is $'got a\ngot end'
}

@test "attach: to a terminal, and detaching from it" {
	hull run -d -it --name term bb sh
	HEARD='hull logs term | grep 42'
	run -0 on_terminal 'echo $((6*7))\n|\x10\x11' attach term
	has 42
	run hull ps --format '{{.Names}}' -f name=term
	is term
	run -6 on_terminal 'exit 6\n' attach term
}

@test "attach: passes signals on, unless told not to" {
	listener='trap "exit 8" TERM; echo ready; while :; do sleep 0.05; done'
	hull run -d --name deaf bb sh -c "$listener"
	retry 30 grep -q ready "$(hull inspect --format '{{.Paths.Log}}' deaf)"
	hull attach --sig-proxy=false deaf &
	attached() {
		pgrep -fn -- "$STORES/run.* attach"
	}
	listens() {
		blocks_term "$(attached)"
	}
	retry 30 attached
	sleep 0.3
	kill -TERM "$(attached)"
	wait $! || true
	run hull ps --format '{{.Names}}' -f name=deaf
	is deaf
	hull attach deaf &
	retry 30 listens
	kill -TERM "$(attached)"
	code=0
	wait $! || code=$?
	[ $code -eq 8 ]
}

@test "attach: refused where there is nothing to attach to" {
	hull pause web
	run -125 hull attach web
	has 'is paused'
	hull unpause web
	hull stop -t 0 web
	run -125 hull attach web
	has "is not running: see 'hull logs'"
}
