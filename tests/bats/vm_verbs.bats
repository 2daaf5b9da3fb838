#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# bats file_tags=vm
# stats, top and update of a machine: what is asked of the agent in its guest, and what the whole of it takes of the host

load helpers

BOOT_SECONDS=60

setup_file() {
	stores_begin
	image_begin
	hull kernel import "$KERNEL_PACKAGE" >/dev/null
	hull run --isolation vm -d --name box --memory 320m --pids-limit 40 --cpus 2 bb sh -c 'while :; do sleep 0.2; done' >/dev/null 3>&-
	retry $BOOT_SECONDS hull exec box true 2>/dev/null
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
