#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Cgroup v2 alone, on an ordinary kernel: what machines with v1 controllers cannot show.

load ../bats/helpers
load ../bats/oci_helpers

setup() {
	bundle_configure
	CGROUP=/sys/fs/cgroup/hull/$ID
}

teardown() {
	oci_end
}

# $ID runs these words, with this change of its config.json.
begin() {
	configure_with "$@"
	apart run -d "$ID" || { cat "$FOLDER/words" && return 1; }
}

@test "the machine is what it should be: v2 alone, and a root with every capability" {
	[ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ]
	[[ $(cat /proc/self/mountinfo) != *" - cgroup "* ]]
	[ "$(cat /proc/self/cgroup)" = 0::/tests ]
	[ "$(sed -n 's/^CapEff:\t//p' /proc/self/status)" = "$(sed -n 's/^CapBnd:\t//p' /proc/self/status)" ]
	run -0 "$HULL" info --format '{{.Cgroups.Layout}}'
	[ "$output" = v2 ]
}

@test "limits become v2's files" {
	begin 'c["linux"]["resources"].update({
	"memory": {"limit": 64 << 20, "reservation": 32 << 20, "swap": 96 << 20},
	"cpu": {"shares": 512, "quota": 25000, "period": 50000, "burst": 10000, "cpus": "1", "mems": "0"},
	"pids": {"limit": 33}, "blockIO": {"weight": 100,
		"throttleReadBpsDevice": [{"major": 254, "minor": 0, "rate": 10485760}]},
	"hugepageLimits": [{"pageSize": "2MB", "limit": 4194304}],
	"unified": {"memory.high": "50331648", "memory.oom.group": "1", "cgroup.max.depth": "5"}})' sleep 100
	cd "$CGROUP"
	[ "$(cat memory.max memory.low memory.swap.max memory.high memory.oom.group | xargs)" = "67108864 33554432 33554432 50331648 1" ]
	[ "$(cat cpu.weight cpu.max cpu.max.burst cpuset.cpus cpuset.mems | xargs)" = "59 25000 50000 10000 1 0" ]
	[ "$(cat pids.max cgroup.max.depth hugetlb.2MB.max hugetlb.2MB.rsvd.max | xargs)" = "33 5 4194304 4194304" ]
	[ "$(cat io.max)" = "254:0 rbps=10485760 wbps=max riops=max wiops=max" ]
	[ "$(cat io.bfq.weight io.weight 2>/dev/null | head -n 1)" = "default 100" ] || [ "$(cat io.weight)" = "default 910" ]
}

@test "blockIO.weightDevice: a weight for one device, where BFQ schedules it" {
	local device

	modprobe bfq
	modprobe null_blk nr_devices=1
	echo bfq >/sys/block/nullb0/queue/scheduler
	device=$(cat /sys/block/nullb0/dev)
	begin 'major, minor = map(int, "'"$device"'".split(":")); c["linux"]["resources"]["blockIO"] = {"weight": 300, "weightDevice": [{"major": major, "minor": minor, "weight": 200}]}' sleep 100
	[ "$(xargs <"$CGROUP/io.bfq.weight")" = "default 300 $device 200" ]
	run -0 oci delete --force "$ID"
	# Elsewhere it means nothing: the kernel says so, and that is said.
	echo none >/sys/block/nullb0/queue/scheduler
	run -1 oci create "$ID"
	one_line
	has blockIO.weightDevice
	modprobe -r null_blk
}

# There is no such device in this machine. The kernel reads the whole line before it looks for one.
@test "rdma: what is written is what the kernel reads" {
	grep -q rdma /sys/fs/cgroup/cgroup.controllers
	edit 'c["linux"]["resources"]["rdma"] = {"mlx5_0": {"hcaHandles": 3, "hcaObjects": 10000}}'
	run -1 oci create "$ID"
	one_line
	has rdma
	has "No such device"
	begin 'pass' sleep 100
	run -1 eval 'echo "mlx5_0 hca_handle=3 hca_nonsense=10000" >"$CGROUP/rdma.max"'
	has "Invalid argument"
}

@test "cpu.idle, and a reservation and a limit taken back" {
	begin 'c["linux"]["resources"].update({"memory": {"limit": 64 << 20, "reservation": 32 << 20}, "cpu": {"idle": 1}})' sleep 100
	[ "$(cat "$CGROUP/cpu.idle")" = 1 ]
	run -0 oci update --memory-reservation -1 --memory -1 "$ID"
	# memory.low keeps memory from others: unlimited would be all of it.
	[ "$(cat "$CGROUP/memory.low" "$CGROUP/memory.max" "$CGROUP/memory.swap.max" | xargs)" = "0 max max" ]
}

@test "memory.high slows down, memory.max kills; both are counted" {
	begin 'c["linux"]["resources"].update({"memory": {"limit": 24 << 20, "swap": 24 << 20}})' sleep 100
	run oci exec "$ID" dd if=/dev/zero of=/dev/null bs=64M count=1
	[ "$status" -eq 137 ]
	[ "$(sed -n 's/^oom_kill //p' "$CGROUP/memory.events")" -ge 1 ]
	run -0 oci events --stats "$ID"
	[ "$(jq '.data.memory.usage.limit' <<<"$output")" -eq $((24 << 20)) ]
	[ "$(jq '.data.memory.usage.failcnt' <<<"$output")" -ge 1 ]
}

# What a program in the container may do with a device that it has made.
try_device() {
	oci exec "$ID" sh -c "rm -f /tmp/d; busybox mknod /tmp/d $1 && cat /tmp/d >/dev/null"
}

@test "devices by a BPF program: allowed and denied, to read and to write" {
	local major allowed denied
	IFS=: read -r _ denied </sys/class/block/vda/dev
	IFS=: read -r major allowed </sys/class/block/vdb/dev
	begin 'c["root"]["readonly"] = False
for kind in ["bounding", "effective", "permitted"]: c["process"]["capabilities"][kind] = ["CAP_MKNOD", "CAP_DAC_OVERRIDE"]
c["linux"]["resources"]["devices"] = [{"allow": False, "access": "rwm"}, {"allow": True, "type": "b", "major": '"$major"', "minor": '"$allowed"', "access": "r"}]' sleep 100
	run -0 try_device 'c 1 3'
	run -1 try_device "b $major $denied"
	has "Operation not permitted"
	# Only to read; writing is another thing.
	run -0 oci exec "$ID" sh -c "rm -f /tmp/d; busybox mknod /tmp/d b $major $allowed && dd if=/tmp/d of=/dev/null bs=512 count=1"
	run -1 oci exec "$ID" sh -c ': >/tmp/d'
	has "Operation not permitted"
}

@test "freezing is what cgroup.events says, and a frozen one can be killed" {
	begin pass sh -c 'sleep 100 & sleep 101 & wait'
	run -0 oci pause "$ID"
	is paused
	grep -qx 'frozen 1' "$CGROUP/cgroup.events"
	run -0 oci resume "$ID"
	grep -qx 'frozen 0' "$CGROUP/cgroup.events"
	run -0 oci pause "$ID"
	run -0 oci kill --all "$ID" KILL
	retry 30 is stopped
}

@test "cgroup.kill ends what forks faster than it can be listed" {
	begin 'c["linux"]["resources"]["pids"] = {"limit": 200}' sh -c 'f() { f & f & sleep 0.1; }; f; while :; do sleep 1; f; done'
	retry 30 eval '[ "$(cat "$CGROUP/pids.current")" -gt 20 ]'
	run -0 oci delete --force "$ID"
	[ ! -e "$CGROUP" ]
}

@test "cgroups of the container's own: exec joins where it may, all of it is removed" {
	begin 'c["linux"]["namespaces"] = [n for n in c["linux"]["namespaces"] if n["type"] != "cgroup"] + [{"type": "cgroup"}]
c["mounts"] = [m for m in c["mounts"] if m["type"] != "cgroup"] + [{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["rw"]}]' \
		sh -c 'mkdir -p /sys/fs/cgroup/init/deep /sys/fs/cgroup/other && echo 1 >/sys/fs/cgroup/init/cgroup.procs &&
			echo +memory +pids >/sys/fs/cgroup/cgroup.subtree_control && echo 5 >/sys/fs/cgroup/other/pids.max; sleep 100'
	retry 30 test -e "$CGROUP/other/pids.max"
	retry 30 eval '[ "$(cat "$CGROUP/other/pids.max")" = 5 ]'
	run -0 oci exec "$ID" cat /proc/self/cgroup
	[ "$output" = 0::/init ]
	# Its own root's limits are its owner's: not in what it sees.
	run oci exec "$ID" sh -c 'echo max >/sys/fs/cgroup/../pids.max'
	[ "$status" -ne 0 ]
	run -0 oci delete --force "$ID"
	[ ! -e "$CGROUP" ]
}

@test "every figure that v2 has" {
	begin 'c["linux"]["resources"].update({"memory": {"limit": 64 << 20}, "cpu": {"quota": 50000, "period": 100000}, "pids": {"limit": 40}})' \
		sh -c 'dd if=/dev/zero of=/tmp/x bs=1M count=8; i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done; sleep 100'
	retry 30 eval '[ "$(sed -n "s/^nr_throttled //p" "$CGROUP/cpu.stat")" -gt 0 ]'
	run -0 oci events --stats "$ID"
	figures=$output
	figure() { jq -e "$1" <<<"$figures" >/dev/null || { echo "not so: $1"; echo "$figures"; return 1; }; }
	figure '.data.cpu.usage.total > 0 and .data.cpu.usage.user > 0 and .data.cpu.usage.kernel > 0'
	figure '.data.cpu.throttling.periods > 0 and .data.cpu.throttling.throttledPeriods > 0 and .data.cpu.throttling.throttledTime > 0'
	figure '.data.memory.usage.usage > 0 and .data.memory.usage.limit == 67108864 and .data.memory.usage.max > 0'
	figure '.data.memory.raw.anon > 0 and (.data.memory.raw | has("file") and has("kernel_stack") and has("slab"))'
	figure '.data.pids.current >= 1 and .data.pids.limit == 40'
	figure '.data.cpu.psi.some.total >= 0 and .data.memory.psi.full.avg10 >= 0 and .data.io.psi.some.avg300 >= 0 or .data.blkio.psi.some.total >= 0'
}

@test "an ordinary user with a cgroup that is handed down" {
	local mine=/sys/fs/cgroup/handed-$$
	mkdir "$mine" "$mine/tests"
	grep -q memory "$mine/cgroup.controllers"
	chown -R 1000:1000 "$mine"
	configure sleep 100
	rm config.json
	chmod 755 "$FOLDER" "$FOLDER/bundle"
	mkdir "$FOLDER/user"
	chown 1000:1000 "$FOLDER/user"
	as_user() {
		(
			echo "$BASHPID" >"$mine/tests/cgroup.procs"
			exec setpriv --reuid 1000 --regid 1000 --clear-groups env XDG_RUNTIME_DIR="$FOLDER/user" "$OCI" --root "$FOLDER/user/run" "$@"
		)
	}
	(cd "$FOLDER/user" && as_user spec --rootless)
	mv "$FOLDER/user/config.json" config.json
	edit 'c["process"]["terminal"] = False; c["process"]["args"] = ["sleep", "100"]
c["linux"]["resources"] = {"memory": {"limit": 33554432}, "pids": {"limit": 20}}; c["linux"]["cgroupsPath"] = sys.argv[1]' "${mine#/sys/fs/cgroup}/one"
	chmod 644 config.json
	as_user run -d u1 </dev/null &>"$FOLDER/words" 3>&- 4>&- || { cat "$FOLDER/words" && return 1; }
	[ "$(cat "$mine/one/memory.max" "$mine/one/pids.max" | xargs)" = "33554432 20" ]
	[ -n "$(cat "$mine/one/cgroup.procs")" ]
	run -0 as_user delete --force u1
	[ ! -e "$mine/one" ]
	rmdir "$mine/tests" "$mine"
}
