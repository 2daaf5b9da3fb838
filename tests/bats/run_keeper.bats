#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# run -d: without a daemon. Whatever is killed, the next command sees the truth.

load helpers
load leaks
setup_file() {
	stores_begin
}
teardown_file() {
	stores_end
}
teardown() {
	containers_end
}
# A program that counts, aloud and in a file of its own, until it has enough.
COUNT='i=0; until [ -e /dev/shm/enough ]; do i=$((i + 1)); echo $i >/dev/shm/n; echo line $i || exit 9; sleep 0.05; done'
# The file is empty for a moment, each time.
count_of() {
	retry 30 grep -s . "/proc/$1/root/dev/shm/n"
}
counts_beyond() {
	[ "$(count_of "$1")" -gt "$2" ]
}
state_is() {
	[ "$(hull ps -a --filter "name=^/$1\$" --format '{{.State}}')" = "$2" ]
}

@test "a killed keeper: the program runs on, gets no SIGPIPE, loses no later line" {
	local program before after

	hull run -d --name talks busybox sh -c "$COUNT; exit 4" 3>&-
	program=$(init_of talks)
	retry 30 counts_beyond "$program" 5
	kill_at_once "$(keeper_of talks)"
	before=$(count_of "$program")
	retry 30 counts_beyond "$program" $((before + 5))
	run -0 hull ps --format '{{.Names}}: {{.Status}}'
	[[ $output == 'talks: Up '*'(unattended)' ]]
	# The next command has given it a new one.
	run -0 hull ps --format '{{.Status}}'
	[[ $output != *unattended* ]]
	after=$(count_of "$program")
	hull exec talks touch /dev/shm/enough
	retry 30 state_is talks exited
	[ "$(hull inspect --format '{{.State.ExitCode}}' talks)" = 4 ]
	run -0 hull logs talks
	# Nothing that was written after the kill is lost.
	for ((i = before + 1; i <= after; i++)); do grep -qx "line $i" <<<"$output" || { echo "line $i is lost" && false; }; done
}

@test "a killed keeper of a terminal: no hang-up, no line is lost, and the next one has it again" {
	local hold program before after

	hull run -dit --name talks busybox sh -c "trap 'echo hung up' HUP; $COUNT"'; read word; echo "heard $word"; exit 5' 3>&-
	program=$(init_of talks)
	retry 30 counts_beyond "$program" 5
	kill_at_once "$(keeper_of talks)"
	before=$(count_of "$program")
	retry 30 counts_beyond "$program" $((before + 5))
	run -0 hull ps --format '{{.Names}}: {{.Status}}'
	[[ $output == 'talks: Up '*'(unattended)' ]]
	# The next command has given it a new one, which has the terminal both ways.
	run -0 hull ps --format '{{.Status}}'
	[[ $output != *unattended* ]]
	after=$(count_of "$program")
	hull exec talks touch /dev/shm/enough
	hold=$(pgrep -f "hull-keeper hold" | head -1)
	[ -n "$hold" ]
	run script -qec "{ sleep 0.3; echo words; sleep 1; } | $(hull_words attach talks)" /dev/null
	retry 30 state_is talks exited
	run -0 hull logs talks
	for ((i = before + 1; i <= after; i++)); do grep -q "^line $i"$'\r*$' <<<"$output" || { echo "line $i is lost" && false; }; done
	[[ $output != *'hung up'* ]]
	[[ $output == *'heard words'* ]]
	[ "$(hull inspect --format '{{.State.ExitCode}}' talks)" = 5 ]
	retry 30 has_ended "$hold"
}

# Of a container with a terminal: the process that holds it besides the keeper. It names its descriptor of the program
# in its arguments.
holder_of() {
	local pid
	for pid in $(pgrep -f "hull-keeper hold"); do
		! grep -qsx "Pid:[[:space:]]*$(init_of "$1")" "/proc/$pid/fdinfo/$(tr '\0' ' ' <"/proc/$pid/cmdline" | cut -d' ' -f4)" || echo "$pid"
	done
}

# Sets $hold. It begins beside the command that has started the container.
find_holder() {
	retry 30 eval '[ -n "$(holder_of talks)" ]'
	hold=$(holder_of talks)
}

# A program that says what it is told, and that it has hung up.
chatter() {
	hull run -dit --name talks busybox sh -c 'trap "echo hung up >/dev/shm/told" HUP; while :; do read word && echo "heard $word" || sleep 0.1; done' 3>&-
}
hears() {
	run script -qec "{ sleep 0.3; echo $1; sleep 1; printf '\\020\\021'; sleep 1; } | timeout 10 $(hull_words attach talks)" /dev/null
	hull logs talks | grep -q "heard $1"
}

@test "a killed holder of a terminal: nobody notices, and nothing of it is left" {
	local hold

	chatter
	find_holder
	kill -9 "$hold"
	retry 30 hears one
	run -1 hull exec talks cat /dev/shm/told
	run -0 hull ps --format '{{.Names}}: {{.Status}}'
	[[ $output == 'talks: Up '* && $output != *unattended* ]]
	hull stop -t 1 talks
	run -0 hull start talks
	# A new start has a new one.
	find_holder
	retry 30 hears two
	hull rm -f talks
}

@test "a terminal whose keeper and holder are killed hangs up: the program is told, and is seen as it is" {
	local hold

	chatter
	find_holder
	kill -9 "$hold" "$(keeper_of talks)"
	retry 30 hull exec talks test -s /dev/shm/told
	run -0 hull ps --format '{{.Names}}: {{.Status}}'
	[[ $output == 'talks: Up '* ]]
	run -0 hull exec talks echo alive
	has alive
	hull rm -f talks
	# One that does not care for it ends.
	hull run -dit --name talks busybox cat 3>&-
	find_holder
	kill -9 "$hold" "$(keeper_of talks)"
	retry 30 state_is talks exited
	hull rm talks
	retry 30 eval '! pgrep -f "hull-keeper hold"'
}

@test "an end that nobody saw is unknown, never 0" {
	local program

	hull run -d --name unseen busybox sh -c 'trap "exit 0" TERM; echo ready; while :; do sleep 0.05; done' 3>&-
	retry 30 eval '[ -n "$(hull logs unseen)" ]'
	program=$(init_of unseen)
	kill_at_once "$(keeper_of unseen)"
	kill -TERM "$program"
	retry 30 has_ended "$program"
	run -0 hull ps -a --format '{{.Status}}'
	[[ $output == 'Exited (unknown)'* ]]
	run -125 hull wait unseen
	has unknown
}

@test "restart policies: no, on-failure[:n], always" {
	hull run -d --name never --restart no busybox sh -c 'exit 1' 3>&-
	hull run -d --name failing --restart on-failure:2 busybox sh -c 'echo once; exit 1' 3>&-
	hull run -d --name fine --restart on-failure busybox sh -c 'echo once; exit 0' 3>&-
	hull run -d --name always --restart always busybox sh -c 'echo again; exit 0' 3>&-
	count() {
		[ "$(hull logs "$1" | wc -l)" -ge "$2" ]
	}
	retry 30 count failing 3
	retry 30 count always 3
	retry 30 state_is failing exited
	sleep 0.5
	[ "$(hull logs failing | wc -l)" -eq 3 ]
	[ "$(hull logs fine | wc -l)" -eq 1 ]
	state_is never exited
	# A stop ends the wish.
	hull stop -t 1 always
	sleep 1
	state_is always exited
	before=$(hull logs always | wc -l)
	sleep 1
	[ "$(hull logs always | wc -l)" -eq "$before" ]
}

@test "stop signals: the image's, --stop-signal, --stop-timeout" {
	hull run -d --name gentle --stop-signal USR1 busybox sh -c 'trap "echo usr1; exit 3" USR1; echo ready; while :; do sleep 0.05; done' 3>&-
	retry 30 eval '[ -n "$(hull logs gentle)" ]'
	hull stop gentle
	run -0 hull wait gentle
	is 3
	hull run -d --name stubborn --stop-timeout 1 busybox sh -c 'trap "" TERM; while :; do sleep 0.05; done' 3>&-
	SECONDS=0
	hull stop stubborn
	[ $SECONDS -lt 9 ]
	run -0 hull wait stubborn
	is 137
}

# bats test_tags=plain
@test "after a reboot ps -a shows what was there, and start works" {
	hull run -d --name web --restart no -p 18091:80 -v data:/data busybox sh -c 'echo boot >>/data/boots; cat /data/boots; sleep 100' 3>&-
	hull run --name done busybox sh -c 'exit 6' || true
	retry 30 eval '[ -n "$(hull logs web)" ]'
	keeper=$(keeper_of web) program=$(init_of web)
	# What a boot takes: processes, cgroups, network, all below /run.
	kill -9 "$keeper" "$program"
	retry 30 has_ended "$program"
	find /sys/fs/cgroup -depth -type d -path '*/hull/*' -exec rmdir {} + 2>/dev/null || true
	ip link del hull0
	nft delete table inet hull
	rm -rf "$STORES/run"
	run -0 hull ps -a --format '{{.Names}} {{.Status}}'
	[[ ${lines[0]} == 'done Exited (6)'* ]]
	[[ ${lines[1]} == 'web Exited (unknown)'* ]]
	run -0 hull start web
	retry 30 eval '[ "$(hull logs web | tail -n 2)" = $'"'boot\nboot'"' ]'
	state_is web running
}

@test "a container that is not removed keeps its exit code over restarts of everything" {
	hull run --name code busybox sh -c 'exit 42' || true
	rm -rf "$STORES/run"
	run -0 hull wait code
	is 42
}

# bats test_tags=plain
@test "the keeper holds nothing of the caller's, and closes what it was given" {
	exec 7<"$BATS_TEST_FILENAME"
	hull run -d --name quiet busybox sleep 100
	exec 7<&-
	run ls -l "/proc/$(keeper_of quiet)/fd"
	[[ $output != *run_keeper.bats* ]]
	[ "$(readlink "/proc/$(keeper_of quiet)/cwd")" = / ]
	run hull exec quiet ls -l /proc/1/fd
	[[ $output != *run_keeper.bats* ]]
}

@test "hull killed in the foreground: the container is taken down or kept, and ps says which" {
	# Not by the function, whose shell would be what is killed.
	"$HULL" --root "$STORES/run" --data "$STORES/data" run --rm --name front busybox sleep 100 3>&- 4>&- &
	retry 30 state_is front running
	kill -9 $!
	wait $! 2>/dev/null || true
	state_is front running
	hull rm -f front
	[ -z "$(hull ps -aq)" ]
}
