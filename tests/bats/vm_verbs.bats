#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# bats file_tags=vm
# pause, stats, top and update of a machine: what is asked of the agent in its guest, and what the whole of it takes of
# the host

load helpers
load vm_helpers

setup_file() {
	machines_begin
	machine -d --name box --memory 320m --pids-limit 40 --cpus 2 bb sh -c 'while :; do echo $((i += 1)); sleep 0.2; done' >/dev/null 3>&-
	is_reached box
}
teardown_file() {
	hull rm -f box >/dev/null
	nothing_left
	stores_end
}

# One figure of the box.
figure() {
	hull stats --no-stream --interval 100ms --format json box | jq ".[0]$1"
}

@test "stats: what is used inside, and what the machine takes of this host" {
	run -0 hull stats --no-stream
	like 'box +[0-9.]+% +[0-9.]+[kM]?B / [0-9.]+MB +[0-9.]+% +[0-9.]+k?B / [0-9.]+k?B +[0-9.]+[kM]?B / [0-9.]+[kM]?B +[12]$'
	[ "$(figure '.pidsLimit')" -eq 40 ]
	# The guest's kernel has some of it, the monitor needs some besides.
	[ "$(figure '| .memoryLimitBytes < 320 * 1048576 and .memoryLimitBytes > 250 * 1048576')" = true ]
	[ "$(figure '.machine | .memoryLimitBytes > 320 * 1048576 and .memoryUsageBytes > 50 * 1048576 and .cpuNanoseconds > 0')" = true ]
	hull exec box sh -c 'head -c 20000000 /dev/zero >/tmp/zeros; sync'
	[ "$(figure '| .blockWrittenBytes > 10000000')" = true ]
	hull exec box rm /tmp/zeros
	hull pause box
	[ "$(figure '| .memoryUsageBytes == null and .machine.memoryUsageBytes > 0')" = true ]
	hull unpause box
}

@test "inspect, ps: that it is a machine, by what it runs, and its size" {
	[ "$(hull ps --format '{{.Isolation}}')" = vm ]
	run -0 hull inspect --format '{{.Isolation}} {{.Vm.Backend}} {{json .Vm.Kernel}} {{json .Vm.Image}} {{.Limits.MemoryBytes}}' box
	like '^vm (kvm|qemu) null null 335544320$'
	truncate -s 1m "$STORES/own-root"
	hull create --isolation vm --vm-backend qemu --vm-image "$STORES/own-root" --name still bb true
	run -0 hull inspect --format '{{.Vm.Backend}} {{json .Vm.Image}} {{.Limits.MemoryBytes}}' still
	is "qemu {\"path\":\"$STORES/own-root\",\"format\":\"raw\"} 536870912"
	hull rm still
}

# How far its program has counted; and whether it counts no more. What it had said before may still be on its way.
counted() {
	hull logs box | tail -n 1
}
stands_still() {
	local before

	before=$(counted)
	sleep 3
	[ "$(counted)" -eq "$before" ]
}
goes_on() {
	[ "$(counted)" -gt "$1" ]
}

# paused_by COMMAND...: its program stands still; after_pause COMMAND...: and goes on where it was.
paused_by() {
	run ! stands_still
	"$@"
	retry 5 stands_still
	STOOD=$(counted)
}
after_pause() {
	"$@"
	retry 30 goes_on "$STOOD"
	hull logs box >"$STORES/counted"
	seq "$(wc -l <"$STORES/counted")" | cmp - "$STORES/counted"
}
# Whether the guest's clock knows how late it is, of which it has missed more than three seconds.
knows_time() {
	local now

	now=$(date +%s)
	[ "$(hull exec box date +%s)" -ge $((now - 1)) ]
}

@test "pause: the machine is frozen, and goes on" {
	paused_by hull pause box
	[ "$(hull inspect --format '{{.State.Status}}' box)" = paused ]
	run -125 hull exec box true
	is "hull: exec: container 'box' is paused: 'hull unpause' it first"
	after_pause hull unpause box
	knows_time
}

@test "pause by the control socket: the guest stands still, its monitor does not, and it goes on" {
	paused_by control box pause
	[ "$(control box stats | jq -r .state)" = paused ]
	after_pause control box resume
	knows_time
	[ "$(control box stats | jq -r .state)" = running ]
}

@test "top: the guest's processes, by its agent and by its own ps" {
	hull exec -d -u app box sleep 1234
	run -0 hull top --format '{{.Uid}} {{.Pid}} {{.HostPid}} {{.Command}}' box
	like '^0 1 - sh -c while'
	like '1000 [0-9]+ - sleep 1234'
	[ "$(hull top --format json box | jq '.[0] | has("hostPid")')" = false ]
	run -0 hull top box -o pid,args
	like ' +1 sh -c while'
	hull pause box
	run -125 hull top box
	has 'is paused'
	hull unpause box
}

@test "vm dirty-rate: as QEMU samples it, in whole seconds" {
	run -125 hull vm dirty-rate --time 1500ms box
	has 'QEMU measures whole seconds'
	# Pages whose contents change, or no sample differs.
	hull exec -d box sh -c 'i=0; while [ -e /tmp/writes ] || [ $i -lt 2 ]; do i=$((i + 1)); touch /tmp/writes; yes $i | head -c 40000000 >/dev/shm/all; done'
	retry 30 hull exec box test -s /dev/shm/all
	[ "$(hull vm dirty-rate --time 2s --format json box | jq '.[0] | .milliseconds == 2000 and .writtenBytes > 4000000')" = true ]
	hull exec box rm /tmp/writes /dev/shm/all
}

@test "vm dirty-rate with QEMU: who is interrupted leaves a measurement that ends by itself, and so is a pause" {
	local first status=0

	is_busy() { control box dirty-rate | grep -q measuring; }
	measure() { exec "$HULL" --root "$STORES/run" --data "$STORES/data" vm dirty-rate --time "$1" box; }
	measure 2s >/dev/null 2>&1 3>&- &
	first=$!
	retry 10 is_busy
	kill -9 "$first"
	wait "$first" || true
	# Without a word to its monitor meanwhile, which has to find out by itself.
	retry 30 hull vm dirty-rate box
	measure 4s >"$STORES/said" 2>&1 3>&- &
	first=$!
	retry 10 is_busy
	hull pause box
	wait "$first" || status=$?
	[ "$status" -eq 125 ]
	[ "$(cat "$STORES/said")" = "hull: vm dirty-rate: container 'box' was paused while it was measured: 'hull unpause box', and try again" ]
	hull unpause box
	retry 30 hull vm dirty-rate box
}

@test "update: memory by the balloon, CPUs by the jail, processes in the guest; what cannot be is refused" {
	total() { hull exec box sh -c 'grep MemTotal /proc/meminfo' | tr -dc 0-9; }
	is_about() { [ "$(total)" -lt $(($1 * 1024)) ] && [ "$(total)" -gt $((($1 - 48) * 1024)) ]; }
	overhead=$(($(figure .machine.memoryLimitBytes) - 320 * 1048576))
	run -0 hull update --memory 200m --cpus 0.5 --pids-limit 30 box
	is box
	is_about 200
	[ "$(figure .pidsLimit)" -eq 30 ]
	[ "$(figure .machine.memoryLimitBytes)" -eq $((200 * 1048576 + overhead)) ]
	# It takes back what it has given up.
	hull update --memory 300m box
	retry 30 is_about 300
	[ "$(figure .machine.memoryLimitBytes)" -eq $((300 * 1048576 + overhead)) ]
	# refused WORDS --OPTION VALUE [OPTION...]: by the option's name.
	refused() {
		run -125 hull update "${@:2}" box
		is "hull: update: option '$2': '$3': $1"
	}
	refused 'a machine that runs cannot have more memory than it was born with (320m): stop it first' --memory 321m --pids-limit 31
	refused 'a machine that runs cannot have more CPUs than it was born with (2): stop it first' --cpus 2.5 --pids-limit 31
	# The last of several cannot be: those before it are as they were, whichever way memory went.
	hull update --memory 280m box
	retry 30 is_about 280
	for memory in 200m 320m; do
		run -125 hull update --memory $memory --pids-limit 31 --cpuset-cpus 4000 box
		has 4000
		retry 30 is_about 280
		[ "$(figure .pidsLimit)" -eq 30 ]
		[ "$(figure .machine.memoryLimitBytes)" -eq $((280 * 1048576 + overhead)) ]
	done
	refused '16777216 bytes are too little for a machine: want 64m or more' --memory 16m
	hull pause box
	run -125 hull update --memory 200m box
	has 'cannot be updated'
	hull unpause box
	# The next machine is born so.
	hull stop -t 0 box
	run -0 hull update --memory 400m --cpus 1 box
	hull start box
	is_reached box
	is_about 400
	[ "$(hull exec box nproc)" -eq 1 ]
	[ "$(figure .pidsLimit)" -eq 30 ]
}
