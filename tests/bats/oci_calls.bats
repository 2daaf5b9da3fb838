#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# hull-oci as engines call it in rarer cases: without cgroups, into a paused container, with every capability, with
# every limit, with the longest id, with sockets and files for its answers that are none; and what it tells of its plan
# and its steps.

load helpers
load oci_helpers

setup() {
	bundle_configure
}

teardown() {
	oci_end
}

@test "--cgroup-manager disabled: a container where its caller is, with all but what needs a cgroup" {
	local pid before

	edit 'c["linux"]["resources"] = {}'
	run -0 apart --cgroup-manager disabled run --detach "$ID"
	pid=$(member pid)
	before=$(cat /proc/self/cgroup)
	[ "$(cat "/proc/$pid/cgroup")" = "$before" ]
	[ -z "$(find /sys/fs/cgroup -maxdepth 4 -type d -name "$ID")" ]
	run -3 oci exec "$ID" sh -c 'exit 3'
	run -0 apart exec --detach --pid-file "$FOLDER/pid" "$ID" sleep 50
	[ "$(cat "/proc/$(cat "$FOLDER/pid")/cgroup")" = "$before" ]
	run -0 oci ps --format json "$ID"
	like "^\[($pid,$(cat "$FOLDER/pid")|$(cat "$FOLDER/pid"),$pid)\]$"
	# Nor are there figures: not zeros, which an engine would take for a container that uses nothing.
	for verb in "pause $ID" "update --pids-limit 9 $ID" "exec --cgroup /x $ID true" "events --stats $ID" "events $ID"; do
		# shellcheck disable=SC2086
		run oci $verb
		[[ $status -eq 1 || $status -eq 255 ]]
		one_line
		has cgroup
	done
	run -0 oci kill --all "$ID" KILL
	retry 30 is stopped
	run -0 oci delete "$ID"
	edit 'c["linux"]["resources"] = {"pids": {"limit": 20}}'
	run -1 oci --cgroup-manager disabled create "$ID"
	one_line
	has cgroup
}

@test "exec --ignore-paused: begins, and goes on with the container" {
	run -0 apart run --detach "$ID"
	run -0 oci pause "$ID"
	run -255 oci exec "$ID" true
	has "is paused"
	oci exec --ignore-paused "$ID" echo thawed >"$BATS_TEST_TMPDIR/said" </dev/null 3>&- 4>&- &
	# Frozen with the others: two of them.
	retry 30 eval '[ "$(oci ps --format json "$ID" | tr -dc , | wc -c)" -eq 1 ]'
	is paused
	[ ! -s "$BATS_TEST_TMPDIR/said" ]
	run -0 oci resume "$ID"
	wait $!
	[ "$(cat "$BATS_TEST_TMPDIR/said")" = thawed ]
	is running
}

@test "exec --tty --console-socket --detach, as conmon asks for it" {
	run -0 apart run --detach "$ID"
	terminal_at "$FOLDER/socket" >"$BATS_TEST_TMPDIR/said" 3>&- 4>&- &
	retry 30 test -S "$FOLDER/socket"
	echo '{"args": ["sh", "-c", "tty; stty size"], "cwd": "/", "terminal": true, "consoleSize": {"height": 12, "width": 34}, "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}}' >"$FOLDER/process"
	run -0 apart exec --pid-file "$FOLDER/pid" --process "$FOLDER/process" --detach --console-socket "$FOLDER/socket" "$ID"
	wait $!
	rm "$FOLDER/socket"
	grep -q '/dev/pts/' "$BATS_TEST_TMPDIR/said"
	grep -q '12 34' "$BATS_TEST_TMPDIR/said"
	run -255 oci exec --tty --detach "$ID" true
	one_line
	has "--console-socket"
}

@test "the longest id, and one byte more" {
	local longest

	longest=$(printf 'i%.0s' {1..255})
	run -0 apart create "$longest"
	run -0 oci start "$longest"
	run -0 oci exec "$longest" echo in
	[ "$output" = in ]
	run -0 oci list -q
	[ "$output" = "$longest" ]
	run -0 oci delete --force "$longest"
	run -1 oci create "${longest}i"
	one_line
	has 255
}

# TIOCSTI, and a controlling terminal: nobody's but its own. A zero is a session of another PID namespace.
@test "bubblewrap CVE-2017-5226: run and exec begin a session of their own" {
	configure sh -c 'cut -d" " -f6 /proc/self/stat; sleep 100'
	oci run "$ID" >"$BATS_TEST_TMPDIR/said" </dev/null 3>&- 4>&- &
	retry 30 grep -q . "$BATS_TEST_TMPDIR/said"
	run -0 cat "$BATS_TEST_TMPDIR/said"
	[ "$output" = 1 ]
	run -0 oci exec "$ID" sh -c 'read -r pid _ _ _ _ session _ </proc/self/stat; echo $pid $session'
	like '^([0-9]+) \1$' || [ "${output% *}" = "${output#* }" ]
	[ "${output#* }" != 0 ]
	run -0 oci kill "$ID" KILL
	wait $! || true
}

@test "every capability: those that the caller has, and a word about others" {
	local mine

	mine=$(sed -n 's/^CapPrm:\t//p' /proc/self/status)
	edit 'c["process"]["capabilities"] = {k: ["CAP_" + n for n in """CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE
NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE
SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE""".split()]
for k in ("bounding", "effective", "permitted")}; c["process"]["args"] = ["grep", "^Cap[PEB]", "/proc/self/status"]'
	run -0 --separate-stderr oci run "$ID"
	[ "$output" = $'CapPrm:\t'"$mine"$'\nCapEff:\t'"$mine"$'\nCapBnd:\t'"$mine" ]
	if [ "$mine" = "$(printf '%016x' $(((1 << $(cat /proc/sys/kernel/cap_last_cap) + 1) - 1)))" ]; then
		[ -z "$stderr" ]
	else
		like 'warning: process.capabilities: CAP_.* left out: this process does not have them to give' "$stderr"
		# Standard error may be the program's own: with a log, what is no error is told there alone.
		run -0 --separate-stderr oci --log "$FOLDER/log" --log-format json run "$ID"
		[ -z "$stderr" ]
		[ "$(jq -r .level "$FOLDER/log")" = warning ]
	fi
}

options_of_mounts() {
	jq -c '.mounts[] | [.destination, (.options | sort)]'
}

@test "--dry-run: the plan, and nothing else" {
	edit 'c["linux"]["resources"]["pids"] = {"limit": 33}; c["annotations"] = {"a": "b"}'
	run -0 oci create --dry-run --pid-file "$FOLDER/pid-of-none" "$ID"
	[ "$(jq -r '.id, .bundle, .annotations.a' <<<"$output" | xargs)" = "$ID $FOLDER/bundle b" ]
	[ "$(jq -c '[.. | numbers] | index(33) != null' <<<"$output")" = true ]
	run -0 oci run --dry-run "$ID"
	jq -e .process <<<"$output" >/dev/null
	# Each mount with its options, as config.json has them.
	edit 'c["mounts"] += [{"destination": "/mnt/bound", "type": "bind", "source": "/etc", "options": ["rbind", "rro", "rslave", "nosuid", "noatime"]},
{"destination": "/mnt/own", "type": "tmpfs", "source": "tmpfs", "options": ["rw", "noexec", "size=12k", "mode=700", "sync", "tmpcopyup"]}]
c["linux"]["rootfsPropagation"] = "rslave"'
	run -0 oci create --dry-run "$ID"
	[ "$(options_of_mounts <<<"$output")" = "$(options_of_mounts <config.json)" ]
	[ "$(jq -r .root.rootfsPropagation <<<"$output")" = rslave ]
	[ ! -e "$FOLDER/pid-of-none" ]
	[ -z "$(oci list -q)" ]
	edit 'c["process"]["cwd"] = "relative"'
	run -1 oci create --dry-run "$ID"
	one_line
	has process.cwd
	# Without any right, and for a state directory that cannot be made.
	chmod 755 "$FOLDER" "$FOLDER/bundle"
	oci spec --bundle "$FOLDER/bundle" 2>/dev/null || true
	run -1 setpriv --reuid 12345 --clear-groups "$OCI" --root /none/such create --dry-run "$ID"
	one_line
}

@test "--debug: each step, to the log alone where there is one" {
	run -0 apart --debug run --detach "$ID"
	[[ $(cat "$FOLDER/words") == *"debug: doing 'record'"*"debug: doing 'clone'"*"debug: doing 'go'"* ]]
	run -0 --separate-stderr oci --log "$FOLDER/log" --log-format json --log-level debug delete --force "$ID"
	[ -z "$stderr" ]
	[ "$(jq -r 'select(.msg == "taking back '"'record'"'") | .level' "$FOLDER/log")" = debug ]
	run -0 apart run --detach "$ID"
	[ ! -s "$FOLDER/words" ]
}

# The first migration's wait for the kernel is what a start after an idle moment takes longest for. When the helper that
# waits gets a processor is nobody's to say: that it is begun is.
# bats test_tags=plain
@test "a cgroup's wait is begun before all else, with the mounts not even read" {
	local first_of_hull first_moved helper_begun mounts_read

	[ -e /sys/fs/cgroup/cgroup.procs ] && skip "nothing migrates here"
	edit 'c["process"]["args"] = ["true"]'
	run -0 strace -f -o "$FOLDER/trace" -e trace=execve,clone,open,openat "$OCI" --root "$FOLDER/run" run "$ID"
	helper_begun=$(grep -n ' clone(' "$FOLDER/trace" | head -n 1 | cut -d: -f1)
	mounts_read=$(grep -n '"/proc/self/mountinfo"' "$FOLDER/trace" | head -n 1 | cut -d: -f1)
	[ "$helper_begun" -lt "$mounts_read" ]
	# And hull, which waits for that helper, is not the first to move.
	first_of_hull=$(head -n 1 "$FOLDER/trace" | cut -d' ' -f1)
	first_moved=$(grep 'cgroup.procs", O_WRONLY' "$FOLDER/trace" | head -n 1 | cut -d' ' -f1)
	[ "$first_moved" -ne "$first_of_hull" ]
}

# As it is where many containers run, and the kernel compares with each of them.
# bats test_tags=plain
@test "a sysfs that is made late is the container's all the same, and so is all that comes behind it" {
	local soon

	edit 'c["process"]["args"] = ["sh", "-c", "ls /sys/class/net /sys/fs/cgroup /dev; cut -d\" \" -f4- /proc/self/mountinfo | sort"]'
	run -0 oci run "$ID"
	soon=${output//[0-9]/}
	run -0 strace -f -o "$FOLDER/trace" -e trace=sendmsg,fsopen -e inject=fsopen:delay_enter=200000:when=1 "$OCI" --root "$FOLDER/run" run "$ID"
	[ "${output//[0-9]/}" = "$soon" ]
	# It came by the second message with descriptors, not with the root.
	[ -e /sys/fs/cgroup/cgroup.procs ] || [ "$(grep -c SCM_RIGHTS "$FOLDER/trace")" = 2 ]
}

# On machines with the controllers of v1; tests/vm/v2.bats has the files of v2.
@test "linux.resources: each limit in the file of its controller" {
	local disk

	[ -d /sys/fs/cgroup/memory ] || skip "no controllers of cgroup v1"
	disk=$(awk 'NR > 2 { print $1 ":" $2; exit }' /proc/partitions)
	edit 'ma, mi = map(int, sys.argv[1].split(":")); rate = lambda n: [{"major": ma, "minor": mi, "rate": n}]
c["linux"]["resources"].update({
"memory": {"limit": 64 << 20, "reservation": 32 << 20, "kernelTCP": 16 << 20, "swappiness": 10, "disableOOMKiller": True},
"cpu": {"shares": 512, "quota": 25000, "period": 50000, "burst": 10000, "cpus": "0", "mems": "0"}, "pids": {"limit": 33},
"blockIO": {"throttleReadBpsDevice": rate(1001), "throttleWriteBpsDevice": rate(1002), "throttleReadIOPSDevice": rate(1003), "throttleWriteIOPSDevice": rate(1004)}})' "$disk"
	apart create "$ID" || { cat "$FOLDER/words" && return 1; }
	while read -r controller file wanted; do
		run -0 cat "/sys/fs/cgroup/$controller/hull/$ID/$file"
		[ "${output%%$'\n'*}" = "$wanted" ] || { echo "$file: $output, not $wanted" && false; }
	done <<-FILES
		memory memory.limit_in_bytes $((64 << 20))
		memory memory.soft_limit_in_bytes $((32 << 20))
		memory memory.kmem.tcp.limit_in_bytes $((16 << 20))
		memory memory.swappiness 10
		memory memory.oom_control oom_kill_disable 1
		cpu cpu.shares 512
		cpu cpu.cfs_quota_us 25000
		cpu cpu.cfs_period_us 50000
		cpu cpu.cfs_burst_us 10000
		cpuset cpuset.cpus 0
		cpuset cpuset.mems 0
		pids pids.max 33
		blkio blkio.throttle.read_bps_device $disk 1001
		blkio blkio.throttle.write_bps_device $disk 1002
		blkio blkio.throttle.read_iops_device $disk 1003
		blkio blkio.throttle.write_iops_device $disk 1004
	FILES
}

# BFQ's, on machines that have it in v1: of a loop device that nobody uses. tests/vm/v2.bats has that of v2.
@test "linux.resources.blockIO: weights, of all devices and of one" {
	local device queue before

	device=$(losetup -f) queue=/sys/block/${device#/dev/}/queue/scheduler
	[ -e /sys/fs/cgroup/blkio/cgroup.procs ] && grep -qs bfq "$queue" || skip "no scheduler of cgroup v1 that knows weights"
	before=$(grep -o '\[.*\]' "$queue" | tr -d '[]')
	device=$(cat "${queue%/queue/scheduler}/dev")
	echo bfq >"$queue"
	edit 'major, minor = map(int, sys.argv[1].split(":")); c["linux"]["resources"]["blockIO"] = {"weight": 300, "weightDevice": [{"major": major, "minor": minor, "weight": 200}]}' "$device"
	run apart create "$ID"
	found=$(cat "/sys/fs/cgroup/blkio/hull/$ID"/blkio.bfq.weight{,_device} | xargs)
	echo "$before" >"$queue"
	[ "$found" = "300 default 300 $device 200" ]
	[ "$status" -eq 0 ]
}

# Its queue of one is full, and nobody empties it.
listen_for_nobody() {
	python3 - "$1" <<-'PYTHON'
		import os, socket, sys, time
		server = socket.socket(socket.AF_UNIX)
		server.bind(sys.argv[1] + "-to-be")
		server.listen(0)
		waiting = socket.socket(socket.AF_UNIX)
		waiting.connect(sys.argv[1] + "-to-be")
		os.rename(sys.argv[1] + "-to-be", sys.argv[1])
		time.sleep(1000)
	PYTHON
}

# bats test_tags=plain
@test "sockets at which nobody accepts: given up after a while, in one line, with nothing left" {
	local listener way

	listen_for_nobody "$FOLDER/never" 3>&- 4>&- &
	listener=$!
	retry 30 test -S "$FOLDER/never"
	edit 'c["process"]["terminal"] = True'
	for way in console pidfd listener; do
		mkdir "$FOLDER/$way"
		ln -s ../bundle/rootfs "$FOLDER/$way/rootfs"
	done
	cp config.json "$FOLDER/console"
	edit 'c["process"]["terminal"] = False'
	cp config.json "$FOLDER/pidfd"
	edit 'c["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": sys.argv[1], "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]}' "$FOLDER/never"
	cp config.json "$FOLDER/listener"
	# All of them wait at the same time.
	for way in console:--console-socket="$FOLDER/never" pidfd:--pidfd-socket="$FOLDER/never" listener:--keep; do
		oci run --detach --bundle "$FOLDER/${way%%:*}" "${way#*:}" "$ID-${way%%:*}" </dev/null &>"$FOLDER/${way%%:*}/words" 3>&- 4>&- &
		echo $! >"$FOLDER/${way%%:*}/pid"
	done
	for way in console pidfd listener; do
		status=0
		wait "$(cat "$FOLDER/$way/pid")" || status=$?
		run cat "$FOLDER/$way/words"
		one_line
		has "connect to '$FOLDER/never': nobody accepts connections there"
		rm -r "${FOLDER:?}/$way"
	done
	[ -z "$(oci list -q)" ]
	kill "$listener"
	rm "$FOLDER/never"
}

@test "--pid-file: no device, FIFO or socket is replaced, and no file removed that was not written" {
	local node

	mknod "$FOLDER/node" c 1 3
	mkfifo "$FOLDER/fifo"
	ln -s node "$FOLDER/link"
	for node in node fifo link; do
		run -1 oci create --pid-file "$FOLDER/$node" "$ID" </dev/null
		one_line
		has "pid file '$FOLDER/$node': it is there already, and no ordinary file"
	done
	[ -z "$(oci list -q)" ]
	run -0 apart run --detach "$ID"
	run -255 oci exec --pid-file "$FOLDER/node" "$ID" true
	one_line
	has "no ordinary file"
	[ -c "$FOLDER/node" ] && [ -p "$FOLDER/fifo" ] && [ -L "$FOLDER/link" ]
	echo kept >"$FOLDER/file"
	run -127 oci exec --pid-file "$FOLDER/file" "$ID" none-such
	[ "$(cat "$FOLDER/file")" = kept ]
	run -0 oci exec --pid-file "$FOLDER/file" "$ID" true
	like '^[0-9]+$' "$(cat "$FOLDER/file")"
	run -1 oci create --pid-file "$FOLDER/none/pid" "$ID-2" </dev/null
	one_line
	has "pid file"
	rm "$FOLDER"/{node,fifo,link,file}
}

@test "a cgroup that has the name of one of the kernel's files: refused, and nothing is left" {
	# The folder above it is there after this.
	run -0 apart create "$ID"
	run -0 oci delete --force "$ID"
	edit 'c["linux"]["cgroupsPath"] = "/hull/cgroup.procs"'
	run -1 oci create "$ID" </dev/null
	one_line
	has "cgroup.procs"
	run -0 oci delete --force "$ID"
	[ -z "$(oci list -q)" ]
}
