#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What passes between the host and a container that shares something with it: mounts made later, and the namespaces that
# options share.

load helpers

setup_file() {
	stores_begin
	image_begin
	chmod 755 "$STORES"
}

teardown_file() {
	stores_end
}

setup() {
	mkdir -p "$STORES/given"
	mount -t tmpfs given "$STORES/given"
	mount --make-shared "$STORES/given"
	mkdir "$STORES/given/here"
}

teardown() {
	umount -R -l "$STORES/given" && containers_end
}

# may_mount OPTION...: a container that may mount, on what the host shares.
may_mount() {
	hull run -d --name holder --cap-add SYS_ADMIN --security-opt seccomp=unconfined "$@" bb sleep 300 3>&-
}

@test "a mount made on the host later does not come in, nor does one from inside get out" {
	local way

	for way in "-v $STORES/given:/given" "-v $STORES/given:/given:rprivate" "--userns host -v $STORES/given:/given" "--privileged -v $STORES/given:/given"; do
		# shellcheck disable=SC2086 # several words
		may_mount $way
		mount -t tmpfs later "$STORES/given/here"
		touch "$STORES/given/here/from-host"
		run hull exec holder ls /given/here
		[[ $output != *from-host* ]] || { echo "came in: $way" && false; }
		umount "$STORES/given/here"
		hull exec holder mount -t tmpfs inner /given/here
		run grep -F "$STORES/given/here" /proc/self/mountinfo
		[ "$status" -eq 1 ] || { echo "got out: $way" && false; }
		hull rm -f holder
	done
}

@test "with rslave or rshared the host's come in where that is asked for; none gets out" {
	local way

	for way in rslave rshared; do
		may_mount --userns host -v "$STORES/given:/given:$way"
		mount -t tmpfs later "$STORES/given/here"
		touch "$STORES/given/here/from-host"
		run -0 hull exec holder ls /given/here
		is from-host
		umount "$STORES/given/here"
		hull exec holder mount -t tmpfs inner /given/here
		run ! grep -F "$STORES/given/here" /proc/self/mountinfo
		hull rm -f holder
	done
}

@test "--pid host: what it sees it cannot touch" {
	sleep 300 3>&- &
	victim=$!
	run hull run --rm --pid host bb sh -c "cd /proc/$victim; for f in fd root/ cwd/; do ls \$f 2>/dev/null; done; cat environ 2>/dev/null; kill -9 $victim 2>/dev/null; (echo 1 >oom_score_adj) 2>/dev/null; (echo x >mem) 2>/dev/null; echo done"
	is 'done'
	run hull run --rm --pid host --cap-add SYS_PTRACE --cap-add KILL bb sh -c "cd /proc/$victim; for f in fd root/ cwd/; do ls \$f 2>/dev/null; done; kill -9 $victim 2>/dev/null; echo done"
	is 'done'
	kill -0 "$victim"
	kill "$victim"
	# A container beside it is another user.
	hull run -d --name beside bb sleep 300 3>&-
	pid=$(hull inspect --format '{{.State.Pid}}' beside)
	run hull run --rm --pid host --cap-add SYS_PTRACE --cap-add KILL bb sh -c "for f in fd root/ cwd/; do ls /proc/$pid/\$f 2>/dev/null; done; kill -9 $pid 2>/dev/null; echo done"
	is 'done'
	[ "$(hull inspect --format '{{.State.Status}}' beside)" = running ]
}

@test "--network host: no interface, rule or setting of the host's can be changed" {
	settings() {
		ip -o link show lo && ip -o link show up0 && ip address show lo && ip route show table all dev lo && cat /proc/sys/net/ipv4/ip_forward
	}
	before=$(settings)
	run hull run --rm --network host --cap-add NET_ADMIN --cap-add NET_RAW --cap-add SYS_ADMIN --security-opt seccomp=unconfined bb sh -c '
		ip link add made type bridge; ip link set lo down; ip route add 192.0.2.0/24 dev lo; ip addr add 192.0.2.1/24 dev lo
		echo 0 >/proc/sys/net/ipv4/ip_forward; mount -t sysfs sysfs /tmp; mount -o remount,rw /sys; touch /sys/class/net/lo/mtu
		echo 100 >/sys/class/net/lo/mtu; arping -c 1 -I lo 127.0.0.1'
	[ "$before" = "$(settings)" ]
}

@test "--ipc host: shared memory of others stays theirs" {
	id=$(python3 -c 'import ctypes; print(ctypes.CDLL(None).shmget(0x5ec, 4096, 0o1600))')
	run -0 hull run --rm --ipc host --cap-add IPC_OWNER --cap-add SYS_ADMIN --security-opt seccomp=unconfined -v /:/host:ro bb \
		chroot /host perl -e 'print shmctl($ARGV[0], 0, 0) ? "removed" : "kept: $!"' "$id"
	is 'kept: Operation not permitted'
	run -0 ipcrm -m "$id"
}

@test "container:X gives X's namespaces, and not more of the host" {
	hull run -d --name target bb sleep 300 3>&-
	run -0 hull run --rm --network container:target --ipc container:target --pid container:target bb sh -c 'ls /proc | grep -c "^[0-9]"; ls /proc/1/root/etc >/dev/null 2>&1; cat /proc/self/uid_map'
	[ "${lines[0]}" -lt 8 ]
	[ "${lines[1]}" = "$(hull exec target cat /proc/self/uid_map)" ]
	# Not the file systems: what it changes in its own is not X's.
	hull run --rm --pid container:target bb sh -c 'echo changed >/etc/passwd'
	run -0 hull exec target head -n 1 /etc/passwd
	has root:
	for way in --network --ipc --pid; do
		run -125 hull run --rm "$way" container:nosuch bb true
		[ "${#lines[@]}" -eq 1 ]
	done
}

# Runs in every strength of isolation that keeps a user namespace or the default list of calls.
@test "CVE-2022-0492: no release_agent is written, by whatever way of mounting it" {
	local before way

	before=$(cat /sys/fs/cgroup/*/release_agent 2>/dev/null || true)
	for way in '' '--cap-add ALL' '--cap-add ALL --security-opt seccomp=unconfined' '--privileged --userns auto' '--cgroupns host --cap-add ALL --security-opt seccomp=unconfined'; do
		# shellcheck disable=SC2086 # several words
		run hull run --rm --network none $way bb sh -c '
			mkdir /tmp/c
			for kind in memory pids devices cpu freezer rdma misc none,name=x; do mount -t cgroup -o $kind none /tmp/c && break; done
			unshare -UrmC sh -c "mount -t cgroup -o rdma none /tmp/c; mount -t cgroup -o memory none /tmp/c; echo /tmp/evil >/tmp/c/release_agent"
			mount -o remount,rw /sys/fs/cgroup
			for f in $(find / -xdev -name release_agent; find /sys/fs/cgroup /tmp/c -name release_agent); do (echo /tmp/evil >$f) && echo "wrote $f"; done; true' 2>/dev/null
		[[ $output != *wrote* ]] || { echo "$way: $output" && false; }
	done
	[ "$before" = "$(cat /sys/fs/cgroup/*/release_agent 2>/dev/null || true)" ]
}
