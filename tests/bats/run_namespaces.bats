#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# run: what is shared with the host or another container, and what that takes away

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

ns() {
	readlink "/proc/self/ns/$1"
}
# differs OPTIONS -- KINDS: the namespaces that a container with these options has of its own.
own() {
	local kind found=()
	mapfile -t found < <(hull run --rm "$@" busybox sh -c 'for k in user mnt pid net ipc uts cgroup; do readlink /proc/self/ns/$k; done')
	for kind in "${found[@]}"; do
		[ "$kind" = "$(ns "${kind%%:*}")" ] || echo -n "${kind%%:*} "
	done
}

@test "by default every namespace is its own; each option shares one" {
	[ "$(own)" = 'user mnt pid net ipc uts cgroup ' ]
	[ "$(own --pid host)" = 'user mnt net ipc uts cgroup ' ]
	[ "$(own --network host)" = 'user mnt pid ipc uts cgroup ' ]
	[ "$(own --ipc host)" = 'user mnt pid net uts cgroup ' ]
	[ "$(own --uts host)" = 'user mnt pid net ipc cgroup ' ]
	[ "$(own --cgroupns host)" = 'user mnt pid net ipc uts ' ]
	[ "$(own --userns host)" = 'mnt pid net ipc uts cgroup ' ]
}

@test "--pid host sees the host's processes, and may not touch them" {
	sleep 1000 3>&- &
	victim=$!
	run -0 hull run --rm --pid host busybox sh -c "ps -o args | grep -c 'sleep 1000'; kill -9 $victim 2>&1; readlink /proc/$victim/root || echo closed"
	[ "${lines[0]}" -ge 1 ]
	has closed
	kill -0 $victim
	kill $victim
}

@test "--ipc container:X and --pid container:X join X's namespaces" {
	hull run -d --name one --ipc private busybox sleep 100 3>&-
	hull run -d --name two --ipc container:one --pid container:one busybox sleep 50 3>&-
	run -0 hull exec two ps -o args
	has 'sleep 100'
	has 'sleep 50'
	[ "$(hull exec one readlink /proc/self/ns/ipc)" = "$(hull exec two readlink /proc/self/ns/ipc)" ]
	# The end of the first process of X ends what has joined its process namespace.
	hull kill one
	run -0 hull wait two
	is 137
}

@test "--privileged: the host's ids, every capability that the host has, its devices; the help names the risk" {
	host=$(sed -n 's/^CapPrm:\t//p' /proc/self/status)
	run -0 --separate-stderr hull run --rm --privileged busybox sh -c 'sed -n "s/^CapEff:.//p" /proc/self/status; cat /proc/self/uid_map; mount -t tmpfs none /mnt && echo mounted; ls /dev | wc -l'
	[ "${lines[0]}" = "$host" ]
	[[ ${lines[1]} =~ ^\ +0\ +0\ +4294967295$ ]]
	has mounted
	[ "${lines[3]}" -gt 20 ]
	# What is missing of all capabilities is named once.
	[ "$(grep -c . <<<"$stderr")" -le 1 ]
	run -0 hull run --help
	[[ $output =~ --privileged\ +DANGER ]]
	[[ $output =~ userns\ MODE.*DANGER ]]
}

@test "--security-opt: no_new_privs and seccomp are on, and can be taken off" {
	run -0 hull run --rm busybox grep -E 'NoNewPrivs|^Seccomp:' /proc/self/status
	is $'NoNewPrivs:\t1\nSeccomp:\t2'
	run -0 hull run --rm --security-opt seccomp=unconfined --security-opt no-new-privileges=false busybox grep -E 'NoNewPrivs|^Seccomp:' /proc/self/status
	is $'NoNewPrivs:\t0\nSeccomp:\t0'
	printf '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir"],"action":"SCMP_ACT_ERRNO","errnoRet":95}]}' >"$STORES/profile.json"
	run -1 hull run --rm --security-opt seccomp="$STORES/profile.json" busybox mkdir /x
	has 'not supported'
	run -125 hull run --rm --security-opt seccomp=/nosuch busybox true
	[ "${#lines[@]}" -eq 1 ]
	run -125 hull run --rm --security-opt nosuch=x busybox true
	[ "${#lines[@]}" -eq 1 ]
}

@test "seccomp: what is refused, and what looks like an older kernel" {
	# unshare(CLONE_NEWUSER), mount, keyctl: known and refused
	run -1 hull run --rm busybox unshare -U true
	has 'not permitted'
	run ! hull run --rm --cap-add SYS_ADMIN --security-opt seccomp=unconfined busybox unshare -m true || true
	run ! hull run --rm busybox unshare -m true
}
