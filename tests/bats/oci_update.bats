#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# hull-oci update: every option reaches its file, nothing is written before all was checked, and what the kernel refuses
# leaves nothing changed.

load helpers
load oci_helpers

setup() {
	bundle_configure
	apart run --detach "$ID"
}

teardown() {
	oci_end
}

# What the state says of them, its members in their order.
resources() {
	oci state "$ID" | jq -cS .resources
}

memory() {
	cgroup_file memory memory.limit_in_bytes memory.max
}

pids() {
	cgroup_file pids pids.max pids.max
}

quota() {
	cgroup_file cpu cpu.cfs_quota_us cpu.max | cut -d' ' -f1
}

shares() {
	cgroup_file cpu cpu.shares cpu.weight
}

@test "each option changes its limit, and nothing else" {
	local before

	run -0 oci update --memory 64m "$ID"
	[ "$(memory)" = $((64 << 20)) ]
	run -0 oci update --memory-reservation=32m "$ID"
	[ "$(cgroup_file memory memory.soft_limit_in_bytes memory.low)" = $((32 << 20)) ]
	run -0 oci update --pids-limit 50 "$ID"
	[ "$(pids)" = 50 ]
	[ "$(memory)" = $((64 << 20)) ]
	run -0 oci update --cpu-period 50000 --cpu-quota 25000 "$ID"
	[ "$(quota)" = 25000 ]
	run -0 oci update --cpu-burst 10000 "$ID"
	[ "$(cgroup_file cpu cpu.cfs_burst_us cpu.max.burst)" = 10000 ]
	before=$(shares)
	run -0 oci update --cpu-share 512 "$ID"
	[ "$(shares)" != "$before" ]
	run -0 oci update --cpu-idle 1 "$ID"
	[ "$(cgroup_file cpu cpu.idle cpu.idle)" = 1 ]
	run -0 oci update --cpu-idle 0 "$ID"
	run -0 oci update --pids-limit -1 "$ID"
	[ "$(pids)" = max ]
	run -0 oci update "$ID"
}

@test "processors and memory nodes" {
	[ -e /sys/fs/cgroup/cpuset ] || grep -q cpuset /sys/fs/cgroup/cgroup.controllers || skip "no cpuset controller"
	run -0 oci update --cpuset-cpus 0 --cpuset-mems 0 "$ID"
	[ "$(cgroup_file cpuset cpuset.cpus cpuset.cpus)" = 0 ]
	[ "$(cgroup_file cpuset cpuset.mems cpuset.mems)" = 0 ]
	run -1 oci update --cpuset-cpus 4095 "$ID"
	one_line
	has "'4095' is not within"
}

# On which processors its first process may run.
allowed() {
	sed -n 's/^Cpus_allowed_list:\t//p' "/proc/$(oci state "$ID" | jq .pid)/status"
}

@test "it may run where its caller may, and wherever its cpuset lets it later" {
	local all

	all=$(sed -n 's/^Cpus_allowed_list:\t//p' /proc/self/status)
	[ "$(allowed)" = "$all" ]
	oci delete --force "$ID"
	python3 -c 'import os, sys; os.sched_setaffinity(0, {0}); os.execv(sys.argv[1], sys.argv[1:])' \
		"$OCI" --root "$FOLDER/run" run --detach "$ID" </dev/null &>"$FOLDER/words" 3>&- 4>&-
	# Kernels before 6.2 forget what was asked for when a process comes into a cpuset.
	[ "$(allowed)" = 0 ] || [ "$(printf '%s\n' 6.2 "$(uname -r)" | sort -V | head -n 1)" != 6.2 ]
	[ -e /sys/fs/cgroup/cpuset ] || grep -q cpuset /sys/fs/cgroup/cgroup.controllers || return 0
	oci delete --force "$ID"
	edit 'c["linux"]["resources"]["cpu"] = {"cpus": "0"}'
	apart run --detach "$ID"
	[ "$(allowed)" = 0 ]
	run -0 oci update --cpuset-cpus "$all" "$ID"
	[ "$(allowed)" = "$all" ]
}

# The 41st field of a process, after a name without spaces.
policy() {
	cut -d ' ' -f 41 "/proc/$(oci state "$ID" | jq .pid)/stat"
}

@test "its processes are scheduled as its caller's are" {
	[ "$(policy)" = 0 ] # SCHED_OTHER
	oci delete --force "$ID"
	chrt --batch 0 "$OCI" --root "$FOLDER/run" run --detach "$ID" </dev/null &>"$FOLDER/words" 3>&- 4>&-
	[ "$(policy)" = 3 ] # SCHED_BATCH
}

@test "memory and swap together" {
	cgroup_file memory memory.memsw.limit_in_bytes memory.swap.max >/dev/null || skip "no swap accounting"
	run -0 oci update --memory 64m --memory-swap 128m "$ID"
	run -0 oci update --memory 256m --memory-swap 512m "$ID"
	[ "$(memory)" = $((256 << 20)) ]
	run -0 oci update --memory 32m --memory-swap 48m "$ID"
	[ "$(memory)" = $((32 << 20)) ]
	run -1 oci update --memory 32m --memory-swap 16m "$ID"
	one_line
	has "below 'memory.limit'"
	run -0 oci update --memory -1 "$ID"
	[ "$(memory)" != $((32 << 20)) ]
}

@test "resources as JSON, from a file and from standard input, and options on top" {
	echo '{"memory": {"limit": 67108864}, "pids": {"limit": 30}}' >"$FOLDER/resources"
	run -0 oci update --resources "$FOLDER/resources" "$ID"
	[ "$(memory)" = $((64 << 20)) ]
	[ "$(pids)" = 30 ]
	run -0 oci update --resources=- --pids-limit 40 "$ID" <<<'{"pids": {"limit": 20}, "cpu": {"quota": 30000}}'
	[ "$(pids)" = 40 ]
	[ "$(quota)" = 30000 ]
	run -1 oci update -r - "$ID" <<<'{"pids": {"limit": "many"}}'
	one_line
	has "pids.limit"
	run -1 oci update -r "$FOLDER/none" "$ID"
	one_line
	has "No such file"
}

@test "the state tells what was updated, and the next update adds to it" {
	run -0 oci update --memory 64m "$ID"
	run -0 oci update --pids-limit 50 "$ID"
	[ "$(resources)" = '{"memory":{"limit":67108864},"pids":{"limit":50}}' ]
	run -1 oci update --pids-limit 70 --cpu-quota 5 "$ID"
	[[ $(resources) == *'"limit":50'* ]]
}

@test "what is malformed or out of range is refused before anything is written" {
	local option

	run -0 oci update --memory 64m --pids-limit 50 "$ID"
	for option in --memory=x --memory=-5 --cpu-quota=1 --cpu-period=5 --cpu-share=1 --cpu-idle=7 --blkio-weight=5000 \
		--cpu-burst=-1 --cpuset-cpus=a --cpu-share=-1 --memory-swap=1; do
		run -1 oci update --pids-limit 33 "$option" "$ID"
		one_line
		[ "$(pids)" = 50 ]
		[ "$(memory)" = $((64 << 20)) ]
	done
	for option in --l3-cache-schema --mem-bw-schema; do
		run -1 oci update --pids-limit 33 "$option" "L3:0=f" "$ID"
		one_line
		has "not supported"
		[ "$(pids)" = 50 ]
	done
}

@test "what the kernel refuses takes the others back" {
	run -0 oci update --memory 64m --pids-limit 50 --cpu-period 100000 --cpu-quota 40000 "$ID"
	run -0 oci update --cpu-share 300 "$ID"
	local before

	before=$(shares)
	# A burst above the quota: the plan cannot know, and the kernel says no.
	run -1 oci update --memory 128m --pids-limit 60 --cpu-quota 50000 --cpu-burst 500000 --cpu-share 700 --cpu-idle 1 "$ID"
	one_line
	has "option '--cpu-burst'"
	[ "$(memory)" = $((64 << 20)) ]
	[ "$(pids)" = 50 ]
	[ "$(quota)" = 40000 ]
	[ "$(cgroup_file cpu cpu.idle cpu.idle)" = 0 ]
	[ "$(shares)" = "$before" ]
	[[ $(resources) == *'"quota":40000'* ]]
}

@test "a stopped container is not updated, a created and a paused one are" {
	run -0 oci pause "$ID"
	run -0 oci update --pids-limit 44 "$ID"
	[ "$(pids)" = 44 ]
	run -0 oci kill "$ID" KILL
	retry 30 is stopped
	run -1 oci update --pids-limit 45 "$ID"
	one_line
	has "is stopped: it cannot be updated"
	run -0 oci delete "$ID"
	run -0 apart create "$ID"
	run -0 oci update --pids-limit 46 "$ID"
	[ "$(pids)" = 46 ]
}
