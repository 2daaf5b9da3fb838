#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Attacks from inside of a container, each really made. What they would change on the host belongs to this file, or is
# put back.

load helpers

setup_file() {
	stores_begin
	image_begin
	mkdir "$STORES/outside"
	cp "$(command -v busybox)" "$STORES/outside/echo"
}

teardown_file() {
	stores_end
}

teardown() {
	containers_end
}

# The words of one attempt for each descriptor that hull could have open: {} is the number.
through_descriptors() {
	local number

	for ((number = 3; number < 3 + $(rounds 43); number++)); do
		"${@//\{\}/$number}" 2>&1 || true
	done
}

# CVE-2024-21626: the names of programs and working directories are looked up by the kernel while hull still is that
# process.

@test "no program of the host's is reached through a descriptor" {
	local up=/proc/self/fd/{}/../../../../../../../../../..$STORES/outside/echo mode

	for mode in auto host; do
		run through_descriptors hull run --rm --userns "$mode" bb "$up" escaped
		[[ $output != *escaped* ]]
	done
	hull run -d --name here --userns host bb sleep 60
	run through_descriptors hull exec here "$up" escaped
	[[ $output != *escaped* ]]
}

@test "no descriptor leads to a working directory" {
	run through_descriptors hull run --rm -w /proc/self/fd/{} bb sh -c 'echo escaped'
	[[ $output != *escaped* ]]
	[[ $output != *"outside of the container"* ]] # the second line of defence: nothing comes so far
	hull run -d --name here --userns host bb sleep 60
	run through_descriptors hull exec -w /proc/self/fd/{} here sh -c 'echo escaped'
	[[ $output != *escaped* ]]
	[[ $output != *"outside of the container"* ]]
}

# The null device behind standard input and masked files is the host's own.

null_device() {
	stat -c '%a %u %g' /dev/null
}

null_device_restore() {
	chown root:root /dev/null
	chmod 666 /dev/null
}

@test "root with the host's ids cannot change the host's /dev/null" {
	local before
	before=$(null_device)

	run hull run --rm --userns host bb sh -c 'for file in /proc/self/fd/0 /proc/keys /proc/timer_list; do
		chown 0:5 $file; chmod 622 $file; done; echo done'
	has done
	run null_device
	null_device_restore
	is "$before"

	hull run -d --name here --userns host bb sleep 60
	hull exec -d here sh -c 'chmod 622 /proc/self/fd/0; touch /tmp/done'
	retry 30 hull exec here test -e /tmp/done
	run null_device
	null_device_restore
	is "$before"
}

# One that started while it was removed would run unseen, with ids that the next container gets, too.

try_for() {
	local end=$((SECONDS + $1))

	shift
	while [ $SECONDS -lt $end ]; do
		"$@" 2>&1 || true
	done
}

@test "nothing starts while it is removed" {
	try_for 6 hull run -d --name here bb sleep 60 >"$STORES/run.log" &
	try_for 6 hull start here >"$STORES/start.log" &
	try_for 6 hull start here >"$STORES/start2.log" &
	try_for 6 hull rm -f here >"$STORES/rm.log"
	wait
	# What a start opens once the id is its own: to miss one of these is to have been let in.
	run grep -hE "/(upper|work|hosts|hostname|resolv.conf)': No such file" "$STORES"/{run,start,start2}.log
	is ""
	# And it really was tried: both sides got their turn.
	grep -qx here "$STORES/rm.log"
	grep -qx here "$STORES"/start*.log
}
