#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The built-in monitor on this machine's /dev/kvm, with a payload in place of a kernel (tests/vm/payload): devices,
# interrupts, every way to end. It runs on a KVM that is too slow for kernels, too; stock kernels boot in the test
# machine (tests/vm).

load helpers

setup_file() {
	WORK=$(mktemp -d /tmp/hull-test.XXXXXX)
	export WORK
	"$REPOSITORY/tests/vm/payload-build" "$WORK"
}
teardown_file() {
	rm -rf "$WORK"
}
setup() {
	{ [ -r /dev/kvm ] && : <>/dev/kvm; } 2>/dev/null || skip "there is no /dev/kvm for this user"
	KERNEL=$WORK/payload CPUS=1 MONITOR=("$HULL_BUILD/libexec/hull-vmm")
	printf 'sector zero of the disk\n' >"$WORK/disk"
	truncate -s 64K "$WORK/disk"
}

# request WORD [MEMBERS]: as hull would write it; the payload does WORD.
request() {
	echo '{"backend": "kvm", "memory_bytes": 67108864, "cpus": '"$CPUS"', "cmdline": "'"$1"'", "kernel_fd": 4, "kvm_fd": 6, "serial_console": true,
		"disks": [{"fd": 7, "read_only": '"${READ_ONLY:-false}"', "serial": "upper"}]'"${2:+, $2}"'}'
}

# The machine to its end: its words and exit code.
machine() {
	request "$@" >"$WORK/request"
	timeout 60 "${MONITOR[@]}" 3<"$WORK/request" 4<"$KERNEL" 6<>/dev/kvm 7<>"$WORK/disk" </dev/null
}

# Its pid in MACHINE; it says "hanging" and waits. machine_begin [MEMBERS]
machine_begin() {
	machine_begin_at hang hanging "$@"
}

# The same, of another word, and it says something else. machine_begin_at WORD SAYS [MEMBERS]
machine_begin_at() {
	# Of the machine before, too, there may be one.
	rm -f "$WORK/output"
	request "$1" "${@:3}" >"$WORK/request"
	"${MONITOR[@]}" 3<"$WORK/request" 4<"$KERNEL" 6<>/dev/kvm 7<>"$WORK/disk" </dev/null >"$WORK/output" 2>&1 &
	MACHINE=$!
	wait_until grep -qs "$2" "$WORK/output"
}

# MONITOR=(python3 -c "$LISTENING" "NAME..." "${MONITOR[@]}"): sockets of these names, which listen as its descriptors
# from 8 on.
LISTENING='import os, socket, sys
for number, name in enumerate(sys.argv[1].split(), 8):
    if os.path.exists(name): os.unlink(name)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(name)
    listener.listen()
    if listener.fileno() != number: os.dup2(listener.detach(), number)
    else: os.set_inheritable(listener.detach(), True)
os.execv(sys.argv[2], sys.argv[2:])'

wait_until() {
	local tries=0

	until "$@"; do
		[ $((++tries)) -lt 500 ] || return 1
		sleep 0.02
	done
}

has_threads() {
	[ "$(find "/proc/$MACHINE/task" -mindepth 1 -maxdepth 1 | wc -l)" -ge "$1" ]
}

all_filtered() {
	! grep -L "^Seccomp:	2" /proc/"$MACHINE"/task/*/status | grep -q .
}

@test "a guest powers off" {
	run -0 machine off
	[ -z "$output" ]
}

# What follows depends on whether ring 0 runs at all, or is emulated: then an instruction takes a thousand ticks and
# more.
@test "the payload has two rings, of which the one that drives devices is as fast as the processor" {
	local slow fast sum

	run -0 machine rings
	[ "$output" = "ring 3, hlt refused" ]
	run -0 machine speed
	read -r _ _ sum slow <<<"${lines[0]}"
	read -r _ _ _ fast <<<"${lines[1]}"
	[ "${lines[1]}" = "ring 3: $sum $fast" ]
	# 16384 words, some instructions each. Ten thousand times as fast, where it was measured.
	[ "$slow" -lt $((16384 * 200)) ] || [ $((slow / fast)) -ge 100 ]
	[ "$fast" -lt $((16384 * 200)) ]
}

@test "a disk: chains in, interrupts out, and what was written is in the file" {
	run -0 machine disk
	[ "${lines[0]}" = "sector zero of the disk" ]
	[ "${lines[1]}" = "interrupts: 2" ]
	[ "$(dd if="$WORK/disk" bs=512 skip=1 count=1 2>/dev/null | tr -d '\0')" = "SECTOR ZERO OF THE DISK" ]
}

@test "a read-only disk refuses a write" {
	READ_ONLY=true run machine disk
	[ "$status" -eq 201 ]
	[[ "$output" == *"failed: the disk reports an error"* ]]
	[ -z "$(dd if="$WORK/disk" bs=512 skip=1 count=1 2>/dev/null | tr -d '\0')" ]
}

@test "a console: what the guest says is the monitor's output" {
	run -0 --separate-stderr machine console
	[ "$output" = "through the console" ]
}

@test "a console beside the agent's channel: what the guest says there comes with the monitor's own words" {
	echo '{}' >"$WORK/start"
	MONITOR=(python3 -c "$LISTENING" "$WORK/agent" "${MONITOR[@]}")
	for way in "" " hull.agent=vsock"; do
		run --separate-stderr machine "console$way" '"agent_listen_fd": 8, "start_fd": 9, "virtio_console": true' 9<"$WORK/start"
		[ -z "$output" ]
		[ "${stderr_lines[0]}" = "through the console" ]
	done
}

@test "vsock: a connection, and as much data as takes many packets, in and out" {
	yes 'told by the host' | head -n 700 >"$WORK/start"
	MONITOR=(python3 -c "$LISTENING" "$WORK/agent" "${MONITOR[@]}")
	run -7 --separate-stderr machine "vsock hull.agent=vsock" '"agent_listen_fd": 8, "start_fd": 9' 9<"$WORK/start"
	[ "$output" = "$(yes 'TOLD BY THE HOST' | head -n 700)" ]
}

# In a network of its own, with a tap as the monitor's descriptor 9: says what comes out of the machine, and speaks to
# it until it ends.
NETWORK='import fcntl, os, socket, struct, subprocess, sys, time
tap = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tap, 0x400454ca, struct.pack("16sH22x", b"card", 0x5002))
subprocess.run(["ip", "link", "set", "card", "up"], check=True)
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88b5))
wire.bind(("card", 0x88b5))
wire.settimeout(50)
if tap != 9:
    os.dup2(tap, 9)
    os.close(tap)
monitor = subprocess.Popen(sys.argv[1:], pass_fds=(3, 4, 6, 7, 9))
os.close(9)
heard = wire.recv(2000)
print(heard[14:].rstrip(b"\0").decode(), flush=True)
while monitor.poll() is None:
    try:
        wire.send(heard[6:12] + b"\2\0\0\0\0\2\x88\xb5to the guest".ljust(60, b"\0"))
    except OSError:
        break
    time.sleep(0.05)
sys.exit(monitor.wait())'

@test "a card: a frame out, and one in" {
	[ -c /dev/net/tun ] || skip "there is no /dev/net/tun"
	MONITOR=(unshare --net python3 -c "$NETWORK" "${MONITOR[@]}")
	run -0 machine net '"nics": [{"tap_fd": 9, "mac": "02:00:00:00:00:01"}]'
	[ "$output" = $'from the guest\nto the guest' ]
}

@test "a kernel that is to leave ACPI alone is told where its devices are" {
	run -0 machine words
	[[ $output != *virtio_mmio* ]]
	# A console, a disk, randomness and a balloon.
	run -0 machine "words acpi=off"
	[[ " $output " == *" virtio_mmio.device=0x200@0xd0000000:5 virtio_mmio.device=0x200@0xd0001000:6 virtio_mmio.device=0x200@0xd0002000:7 virtio_mmio.device=0x200@0xd0003000:8 " ]]
}

@test "randomness, and many kicks and interrupts in turn" {
	run -0 machine random
	[ "$output" = random ]
	run -0 machine turns
	[ "$output" = turns ]
}

@test "a chain outside of memory: the device wants a reset, and works behind it" {
	run -0 machine hostile
	[ "${lines[0]}" = refused ]
	[ "${lines[1]}" = random ]
}

@test "every way to end has an exit code and a line of its own" {
	local word
	declare -A said=(
		[reset]="201 the guest reset the machine before its program had ended"
		[acpi]="201 the guest reset the machine before its program had ended"
		[panic]="202 the guest's kernel panicked"
		[memory]="203 the guest's kernel panicked for want of memory: System is deadlocked on memory: 64m may be too little for it"
		[fault]="204 the guest's processor gave up (triple fault)"
	)

	for word in "${!said[@]}"; do
		run machine "$word"
		[ "$status hull: ${said[$word]#* }" = "${said[$word]%% *} $output" ]
	done
}

# Runs a machine with an agent's channel, and a keeper's end of what it leaves behind: its last word and line, or what
# it leaves; then its exit code. told WORD [MEMBERS]
told() {
	request "$1" '"agent_listen_fd": 9, "start_fd": 10, "remains_fd": 8'"${2:+, $2}" >"$WORK/request"
	timeout 60 python3 -c 'import os, socket, sys
work, kernel, monitor = sys.argv[1:]
ours, theirs = socket.socketpair()
if os.path.exists(work + "/agent"): os.unlink(work + "/agent")
listener = socket.socket(socket.AF_UNIX)
listener.bind(work + "/agent")
listener.listen()
start = os.memfd_create("start")
os.write(start, b"{}")
files = {3: os.open(work + "/request", os.O_RDONLY), 4: os.open(kernel, os.O_RDONLY), 6: os.open("/dev/kvm", os.O_RDWR),
         7: os.open(work + "/disk", os.O_RDWR), 8: theirs.fileno(), 9: listener.fileno(), 10: start}
pid = os.fork()
if pid == 0:
    for number, fd in files.items(): os.dup2(fd, 40 + number)
    for number in files: os.dup2(40 + number, number)
    os.execv(monitor, [monitor])
theirs.close()
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
words = ours.recv(400)
print(words[1:17].rstrip(b"\0").decode() + ": " + words[17:].rstrip(b"\0").decode() if words[:1] == b"w" else words.decode(), code)' \
		"$WORK" "$KERNEL" "${MONITOR[@]}" 2>"$WORK/said" </dev/null
}

@test "every way to end is told its keeper, as a word and the line that it says" {
	local word words
	declare -A causes=(
		[off]="200 power-off: the guest powered off before its program had ended"
		[reset]="201 reset: the guest reset the machine before its program had ended"
		[panic]="202 panic: the guest's kernel panicked"
		[memory]="203 memory: the guest's kernel panicked for want of memory: System is deadlocked on memory: 64m may be too little for it"
		# Before the agent is there a panic may be nothing but a reset; afterwards a reset is one, whatever
		# stands in the memory.
		[early]="203 memory: the guest's kernel panicked for want of memory: System is deadlocked on memory: 64m may be too little for it"
		[later]="201 reset: the guest reset the machine before its program had ended"
		[fault]="204 triple-fault: the guest's processor gave up (triple fault)"
		[broken]="125 agent-broken: the machine's agent broke the protocol: "
		["lost hull.agent=vsock"]="125 agent-lost: the channel to the machine's agent: "
		[hang]="125 boot: the guest was not up after 1 seconds: "
		[stuck]="125 no-start: the guest's program was not started after 1 seconds: "
	)

	for word in "${!causes[@]}"; do
		# Time is short only for who is to be too late.
		words='"boot_seconds": 60, "start_seconds": 60'
		[ "$word" != hang ] || words='"boot_seconds": 1'
		[ "$word" != stuck ] || words='"boot_seconds": 60, "start_seconds": 1'
		run -0 told "$word" "$words"
		[[ "$output" == "${causes[$word]#* }"*" ${causes[$word]%% *}" ]]
		words=${output#*: }
		grep -qxF "hull: ${words% *}" "$WORK/said"
	done
}

@test "a signal ends the machine, with a line" {
	machine_begin
	kill "$MACHINE"
	status=0
	wait "$MACHINE" || status=$?
	[ "$status" -eq 125 ]
	grep -qx "hull: the machine was stopped" "$WORK/output"
}

# A line to the control socket, and its answer.
ask() {
	echo "$1" | socat -t 10 - "UNIX-CONNECT:$WORK/control" | jq -c "$2"
}

@test "the control socket: stats, pause, resume, stop" {
	MONITOR=(python3 -c "$LISTENING" "$WORK/control" "${MONITOR[@]}")
	machine_begin '"control_listen_fd": 8'
	[ "$(ask stats '[.ok, .state, .cpus, .memory_bytes]')" = '[true,"running",1,67108864]' ]
	[ "$(ask pause .ok)" = true ]
	[ "$(ask stats .state)" = '"paused"' ]
	[ "$(ask resume .ok)" = true ]
	[ "$(ask stats .state)" = '"running"' ]
	[ "$(ask nonsense .ok)" = false ]
	[ "$(ask stop .ok)" = true ]
	status=0
	wait "$MACHINE" || status=$?
	[ "$status" -eq 125 ]
	grep -qx "hull: the machine was stopped" "$WORK/output"
}

is_measured() {
	[ "$(ask dirty-rate .status)" != '"measuring"' ]
}

# How many pages were written in a tenth of a second.
pages_written() {
	[ "$(ask 'dirty-rate 100' .ok)" = true ]
	wait_until is_measured
	[ "$(ask dirty-rate '.status, .milliseconds >= 100' | xargs)" = "measured true" ]
	ask dirty-rate '.bytes / 4096'
}

@test "the log of written pages: as many as the guest is told to write, those that its devices write, and none while it sleeps" {
	local pages

	MONITOR=(python3 -c "$LISTENING" "$WORK/control" "${MONITOR[@]}")
	machine_begin_at write writing '"control_listen_fd": 8'
	# Beside what it is told it writes the page of its stacks.
	[ "$(pages_written)" -eq 1 ]
	for pages in 37 2000 5; do
		[ "$(ask "balloon $((pages * 4096))" .ok)" = true ]
		# It goes on with those that it was told before.
		sleep 0.3
		[ "$(pages_written)" -eq $((pages + 1)) ]
	done
	[ "$(ask pause .ok)" = true ]
	[[ "$(ask 'dirty-rate 100' .error)" == *"the machine is paused"* ]]
	[ "$(ask stop .ok)" = true ]
	wait "$MACHINE" || true
	# 16 pages of a device's, and less than as many that the driver writes.
	machine_begin_at fed fed '"control_listen_fd": 8'
	pages=$(pages_written)
	[ "$pages" -gt 16 ]
	[ "$pages" -lt 32 ]
	[ "$(ask stop .ok)" = true ]
	wait "$MACHINE" || true
	machine_begin '"control_listen_fd": 8'
	[[ "$(ask dirty-rate .error)" == *"nothing was measured"* ]]
	[ "$(pages_written)" -eq 0 ]
	[ "$(ask stop .ok)" = true ]
	wait "$MACHINE" || true
}

# bats test_tags=plain
@test "a machine that nobody measures has no log, and one that was has none any more" {
	MONITOR=(python3 -c "$LISTENING" "$WORK/control" "$(command -v strace)" -f -qq -o "$WORK/trace" -e trace=ioctl "$HULL_BUILD/libexec/hull-vmm")
	machine_begin '"control_listen_fd": 8'
	run ! grep -q KVM_MEM_LOG_DIRTY_PAGES "$WORK/trace"
	[ "$(pages_written)" -eq 0 ]
	[ "$(grep -c KVM_GET_DIRTY_LOG "$WORK/trace")" -eq 1 ]
	# The last word on the slot.
	[[ "$(grep KVM_SET_USER_MEMORY_REGION "$WORK/trace" | tail -n 1)" == *"flags=0,"* ]]
	[ "$(ask stop .ok)" = true ]
	wait "$MACHINE" || true
}

@test "time in which a machine is paused is none of its boot's" {
	local status=0 tries

	echo '{}' >"$WORK/start"
	MONITOR=(python3 -c "$LISTENING" "$WORK/control $WORK/agent" "${MONITOR[@]}")
	# On a busy host it may be over before it can be paused.
	for tries in 1 2 3 4 5; do
		machine_begin '"control_listen_fd": 8, "agent_listen_fd": 9, "start_fd": 10, "boot_seconds": 2' 10<"$WORK/start"
		[ "$(ask pause .ok)" != true ] || break
		wait "$MACHINE" || true
	done
	[ "$(ask stats .state)" = '"paused"' ]
	run -124 timeout 3 tail --pid="$MACHINE" -f /dev/null
	[ "$(ask resume .ok)" = true ]
	wait "$MACHINE" || status=$?
	[ "$status" -eq 125 ]
	grep -q '^hull: the guest was not up after 2 seconds: ' "$WORK/output"
}

@test "what is slow to close is left to who holds the other end of a socket, and not closed by the exit" {
	request off '"remains_fd": 8' >"$WORK/request"
	run -0 timeout 60 python3 -c 'import array, os, socket, sys
ours, theirs = socket.socketpair()
work, kernel, monitor = sys.argv[1:]
files = {3: os.open(work + "/request", os.O_RDONLY), 4: os.open(kernel, os.O_RDONLY), 6: os.open("/dev/kvm", os.O_RDWR),
         7: os.open(work + "/disk", os.O_RDWR), 8: theirs.fileno()}
pid = os.fork()
if pid == 0:
    for number, fd in files.items(): os.dup2(fd, 40 + number)
    for number in files: os.dup2(40 + number, number)
    os.execv(monitor, [monitor])
assert os.waitpid(pid, 0)[1] == 0
theirs.close()
said, control, _, _ = ours.recvmsg(8, socket.CMSG_SPACE(400))
fds = array.array("i", control[0][2])
print(said.decode(), *sorted(os.readlink("/proc/self/fd/%d" % fd) for fd in fds))' "$WORK" "$KERNEL" "${MONITOR[@]}"
	[ "$output" = "- anon_inode:kvm-vcpu:0 anon_inode:kvm-vm" ]
}

@test "the server of its volumes is killed: the machine ends, and says so" {
	local status=0

	mkdir -p "$WORK/volume"
	machine_begin '"volumes": [{"tag": "v", "path": "'"$WORK"'/volume", "read_only": false}]'
	kill -KILL "$(pgrep -P "$MACHINE")"
	wait_until grep -q ': the server of its volumes was killed by signal 9 (KILL)$' "$WORK/output"
	wait "$MACHINE" || status=$?
	[ "$status" -eq 125 ]
}

# Whether the guest has begun its volume anew since it was last asked.
goes_on() {
	local served

	served=$(grep -c served "$WORK/output" || true)
	[ "$served" -gt "${SERVED:-0}" ] && SERVED=$served
}

is_stopped() {
	[[ $(</proc/"$1"/stat) == *") T "* ]]
}

@test "the server of its volumes stands still: a processor waits for it, and the machine ends as ever" {
	local status=0 server tries

	mkdir -p "$WORK/volume"
	rm -f "$WORK/output"
	# As when a keeper holds what it leaves; else it would close sockets at the end, also that which the processor
	# still waits at.
	MONITOR=(python3 -c 'import os, socket, sys
ends = socket.socketpair()
for number, end in zip((40, 41), ends): os.dup2(end.fileno(), number)
os.dup2(40, 8)
os.execv(sys.argv[1], sys.argv[1:])' "$HULL_BUILD/libexec/hull-vmm")
	request share '"remains_fd": 8, "volumes": [{"tag": "v", "path": "'"$WORK"'/volume", "read_only": false}]' >"$WORK/request"
	"${MONITOR[@]}" 3<"$WORK/request" 4<"$KERNEL" 6<>/dev/kvm 7<>"$WORK/disk" </dev/null >"$WORK/output" 2>&1 &
	MACHINE=$!
	SERVED=0
	wait_until goes_on
	wait_until goes_on
	server=$(pgrep -P "$MACHINE")
	kill -STOP "$server"
	wait_until is_stopped "$server"
	# What had been answered before, it may still say.
	for tries in 1 2 3 4 5 6 7 8 9 10; do
		goes_on || break
		sleep 0.1
	done
	[ "$tries" -lt 10 ]
	kill "$MACHINE"
	wait "$MACHINE" || status=$?
	[ "$status" -eq 125 ]
	grep -qx "hull: the machine was stopped" "$WORK/output"
	# In a jail it is gone with that.
	kill -KILL "$server"
}

# bats test_tags=plain
@test "while it runs, every thread has a filter, no capability, and no way to new ones" {
	local task field

	CPUS=2
	machine_begin
	wait_until has_threads 3
	wait_until all_filtered
	for task in /proc/"$MACHINE"/task/*; do
		for field in "NoNewPrivs:	1" "CapEff:	0000000000000000" "CapPrm:	0000000000000000"; do
			grep -qx "$field" "$task/status"
		done
	done
	kill "$MACHINE"
	wait "$MACHINE" || true
}

# The calls of a trace whose names match, up to when the machine runs: to where the first thread, which makes it,
# confines itself, and the others let their processors run. Threads take turns as they like, but each does the same
# every time; and a call that another thread came between is two lines.
calls_before_it_runs() {
	awk -v name="$1" '
		NR == 1 { first = $1 }
		done[$1] || $2 !~ /^[a-z0-9_]+\(/ { next }
		$1 == first ? /^[0-9]+ +(seccomp\(SECCOMP_SET_MODE_FILTER|prctl\(PR_SET_SECCOMP)/ : /KVM_RUN/ { done[$1] = 1; next }
		$0 ~ name { count++ }
		END { print count + 0 }' "$WORK/trace"
}

# Where a thread of its may run, each line once.
threads_allowed() {
	sed -n 's/^Cpus_allowed_list:\t//p' /proc/"$MACHINE"/task/*/status | sort -u
}

# bats test_tags=plain
@test "the first processor's thread begins on another processor than the one that makes the machine, and keeps all" {
	local all

	all=$(sed -n 's/^Cpus_allowed_list:\t//p' /proc/self/status)
	[[ $all = *[-,]* ]] || skip "this machine has one processor"
	MONITOR=(strace -f -o "$WORK/trace" -e trace=sched_setaffinity "$HULL_BUILD/libexec/hull-vmm")
	run -0 machine off
	[ "$(grep -c 'sched_setaffinity(.*= 0' "$WORK/trace")" -eq 2 ]
	MONITOR=("$HULL_BUILD/libexec/hull-vmm")
	machine_begin
	[ "$(threads_allowed)" = "$all" ]
	kill "$MACHINE"
	wait "$MACHINE" || true
	# Whoever is bound, so are its threads.
	MONITOR=(taskset -c "${all%%[-,]*}" "$HULL_BUILD/libexec/hull-vmm")
	machine_begin
	[ "$(threads_allowed)" = "${all%%[-,]*}" ]
	kill "$MACHINE"
	wait "$MACHINE" || true
}

# bats test_tags=plain
@test "memory before interrupt controllers before notifications, and few calls" {
	MONITOR=(strace -f -o "$WORK/trace" -e "trace=!futex" "$HULL_BUILD/libexec/hull-vmm")
	run -0 machine disk
	[ "$(grep -n KVM_SET_USER_MEMORY_REGION "$WORK/trace" | tail -n 1 | cut -d: -f1)" -lt "$(grep -n KVM_CREATE_IRQCHIP "$WORK/trace" | cut -d: -f1)" ]
	[ "$(grep -n KVM_CREATE_IRQCHIP "$WORK/trace" | cut -d: -f1)" -lt "$(grep -n KVM_IOEVENTFD "$WORK/trace" | head -n 1 | cut -d: -f1)" ]
	echo "calls: $(calls_before_it_runs .), KVM's: $(calls_before_it_runs KVM_)"
	[ "$(calls_before_it_runs KVM_)" -le 16 ]
	[ "$(calls_before_it_runs .)" -le 90 ]
}

@test "what is no machine is refused in one line" {
	run -125 machine off '"nothing": 1'
	[[ "$output" == "hull: "*nothing*"is not known" ]]
	CPUS=0 run -125 machine off
	[[ "$output" == "hull: "*cpus*"want 1 to 64" ]]
	KERNEL=$WORK/disk run -125 machine off
	[ "$output" = "hull: the kernel is neither a bzImage nor an ELF file for x86-64" ]
	head -c 3000 "$WORK/payload" >"$WORK/half"
	KERNEL=$WORK/half run -125 machine off
	[[ "$output" == "hull: the kernel"* ]]
	KERNEL=/dev/null run -125 machine off
	[ "$output" = "hull: the kernel is not a regular file" ]
}
