#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# run: limits hold, whichever layout of cgroups there is

load helpers
setup_file() {
	stores_begin
}
teardown_file() {
	stores_end
}
teardown() {
	containers_end
}

# The value of a limit, as the kernel has it: v1 file, v2 file.
limit() {
	hull run --rm "${@:3}" busybox sh -c "cat /sys/fs/cgroup/*/$1 2>/dev/null || cat /sys/fs/cgroup/$2"
}

@test "--memory: the kernel's value, and a process that wants more is killed" {
	run -0 limit memory.limit_in_bytes memory.max --memory 64m
	is 67108864
	run -137 hull run --rm --memory 32m --memory-swap 32m busybox sh -c 'tail /dev/zero'
	hull run --name eater --memory 32m --memory-swap 32m busybox tail /dev/zero || true
	run hull inspect --format '{{.State.OomKilled}} {{.State.ExitCode}}' eater
	is 'true 137'
	run -0 hull run --rm --memory 64m busybox sh -c 'head -c 16m /dev/zero | wc -c'
	is 16777216
}

@test "--memory-reservation, --memory-swap" {
	run -0 limit memory.soft_limit_in_bytes memory.low --memory 64m --memory-reservation 32m
	is 33554432
	run -125 hull run --rm --memory 64m --memory-swap 32m busybox true
	[ "${#lines[@]}" -eq 1 ]
}

# bats test_tags=plain
@test "--cpus: half of a CPU is half of the time" {
	run -0 hull run --rm --cpus 0.5 busybox sh -c 'i=0; read t0 _ </proc/uptime; while read t _ </proc/uptime; [ "${t%.*}" -lt $((${t0%.*} + 3)) ]; do :; done
		if [ -e /sys/fs/cgroup/cpu.stat ]; then sed -n "s/^usage_usec \(.*\)/\1000/p" /sys/fs/cgroup/cpu.stat
		else cat /sys/fs/cgroup/*/cpuacct.usage | head -n 1; fi'
	used_ns=$output
	# Never much more; on a busy machine it may be less.
	[ "$used_ns" -lt 2100000000 ] && [ "$used_ns" -gt 300000000 ]
}

@test "--cpu-shares, --cpuset-cpus" {
	run -0 hull run --rm --cpuset-cpus 0 busybox nproc
	is 1
	run -125 hull run --rm --cpuset-cpus 4000 busybox true
	[ "${#lines[@]}" -eq 1 ]
	run -0 hull run --rm --cpu-shares 512 busybox true
}

@test "--pids-limit: so many and no more" {
	run -0 limit pids.max pids.max --pids-limit 10
	is 10
	run hull run --rm --pids-limit 10 busybox sh -c 'for i in $(seq 20); do sleep 3 & done'
	has 'fork'
	run -125 hull run --rm --init --pids-limit 1 busybox true
	is "hull-init: cannot start a process for '/bin/true': Resource temporarily unavailable"
}

@test "the limits of the issue's example, together" {
	run -0 hull run --rm --memory 64m --cpus 0.5 --pids-limit 50 busybox sh -c 'echo limited'
	is limited
}

@test "devices: the usual ones and no other" {
	run -0 hull run --rm --cap-add MKNOD busybox sh -c 'head -c 4 /dev/zero | wc -c; mknod /tmp/disk b 8 0 2>&1 || echo refused'
	has 4
	has refused
}
