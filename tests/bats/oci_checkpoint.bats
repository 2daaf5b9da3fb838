#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# checkpoint and restore up to where CRIU begins: options, and what is left when a program in CRIU's place fails at each
# of its steps. CRIU itself is at work in tests/vm, on a kernel that it knows.

load helpers
load oci_helpers

setup_file() {
	bundle_begin
	cc -o "$FOLDER/with-pid" "$REPOSITORY/tests/lib/with-pid.c"
}

setup() {
	bundle_configure
	IMAGES=$BATS_TEST_TMPDIR/images
	CRIU=$BATS_TEST_TMPDIR/criu
}

teardown() {
	oci_end
}

# stand_in PYTHON: a program in CRIU's place, which has a(KIND, SUCCESS, …) to answer, n(STEP, PID) to notify, and
# child(). What it is asked goes to a file.
stand_in() {
	cat >"$CRIU" - <<PYTHON
#!/usr/bin/python3
import ctypes, os, signal, socket, sys, time
assert sys.argv[1:] == ["swrk", "3"] and list(os.environ) == ["PATH"] or "LC_CTYPE" in os.environ
wire = socket.socket(fileno=3)
request = wire.recv(65536)
os.fchdir(5)
with open("request", "wb") as to: to.write(request)
KIND = request[1]
def number(value):
    out = b""
    while value > 127: out += bytes([value & 127 | 128]); value >>= 7
    return out + bytes([value])
def bytes_of(field, value): return number(field << 3 | 2) + number(len(value)) + value
def a(success, *more): wire.send(b"\x08" + bytes([KIND]) + b"\x10" + bytes([success]) + b"".join(more))
def n(step, pid=0):
    wire.send(b"\x08\x06\x10\x01" + bytes_of(5, bytes_of(1, step.encode()) + (b"\x10" + number(pid) if pid else b"")))
    reply = wire.recv(100)
    if reply != b"\x08\x06\x18\x01": sys.exit("it was told to give up" if reply else "nobody listens")
def child():
    pid = ctypes.CDLL(None).syscall(56, 0x8000 | signal.SIGCHLD, 0, 0, 0, 0)
    if pid == 0: os.closerange(0, 100); os.execv("/bin/sleep", ["sleep", "1000"])
    return pid
$1
PYTHON
	chmod +x "$CRIU"
}

checkpoint() {
	oci --criu "$CRIU" checkpoint --image-path "$IMAGES" "$@" "$ID"
}

# Something that looks like a checkpoint.
images() {
	mkdir -p "$IMAGES"
	touch "$IMAGES/inventory.img"
	echo '["/dev/null", "pipe:[4711]", "/dev/null"]' >"$IMAGES/descriptors.json"
}

restore() {
	oci --criu "$CRIU" restore --detach --image-path "$IMAGES" --pid-file "$FOLDER/pid" "$@" "$ID"
}

says() {
	[ "$output" = "$1" ] || { echo "wanted: $1" && return 1; }
}

no_trace() {
	run -1 oci state "$ID"
	[ ! -e "$FOLDER/pid" ]
	[ -z "$(find /sys/fs/cgroup -maxdepth 4 -type d -name "$ID")" ]
	! pgrep -fx "sleep 1000"
}

@test "without criu: one line that says what to install" {
	run -0 apart run -d "$ID"
	run -1 oci --criu "$BATS_TEST_TMPDIR/none" checkpoint "$ID"
	says "hull-oci: checkpoint: option '--criu': criu '$BATS_TEST_TMPDIR/none' is not there"
	run -1 oci --criu criu-of-nobody checkpoint --image-path "$IMAGES" "$ID"
	one_line
	has "install the package criu"
	[ ! -e "$IMAGES" ]
	run -1 oci --criu /etc/passwd checkpoint "$ID"
	has "Permission denied"
	[ "$(member status)" = running ]
	run -0 oci features
	if command -v criu >/dev/null; then has '"org.opencontainers.runc.checkpoint.enabled": "true"'; else has '"org.opencontainers.runc.checkpoint.enabled": "false"'; fi
}

@test "options that make no sense, and those that CRIU cannot do" {
	stand_in 'a(1)'
	run -0 apart run -d "$ID"
	while IFS='|' read -r words message; do
		# shellcheck disable=SC2086
		run -1 checkpoint $words
		one_line
		has "$message"
	done <<-WORDS
		--empty-ns=ipc|criu can leave out 'network', and not 'ipc'
		--manage-cgroups-mode=hard|one of ignore, none, props, soft, full, strict
		--page-server=localhost|is not ADDRESS:PORT
		--page-server=localhost:0|is not ADDRESS:PORT
		--page-server=:80|is not ADDRESS:PORT
		--parent-path=/tmp|must be relative
		--pre-dump --lazy-pages|exclude one another
		--status-fd=1|is for --lazy-pages
		--lazy-pages --status-fd=77|is no descriptor that is open for writing
		--lazy-pages --status-fd=x|is no descriptor
	WORDS
	mkdir "$IMAGES"
	run -1 checkpoint --parent-path ../none
	has "No such file or directory"
	[ ! -e "$IMAGES/request" ]
	images
	while IFS='|' read -r words message; do
		# shellcheck disable=SC2086
		run -1 restore $words
		one_line
		has "$message"
	done <<-WORDS
		--no-pivot|pivot_root
		--lsm-profile=hull|is not apparmor:NAME or selinux:LABEL
		--console-socket=/tmp/none|has no terminal
		--bundle=/none|No such file or directory
	WORDS
	run -1 oci --criu "$CRIU" restore --image-path /none "$ID-2"
	has "No such file or directory"
	run -1 oci --criu "$CRIU" restore -d --image-path "$BATS_TEST_TMPDIR" "$ID-2"
	has "holds no checkpoint"
	[ ! -e "$IMAGES/request" ]
}

@test "what cannot be saved is refused before anything is done" {
	stand_in 'a(1)'
	run -0 apart create "$ID"
	run -1 checkpoint
	has "is created: it cannot be checkpointed"
	run -0 oci start "$ID"
	echo '[{"destination": "/tmp", "type": "bind", "source": "/etc", "options": ["bind"]}]' >"$FOLDER/mounts"
	run -0 oci mounts add "$ID" "$FOLDER/mounts"
	run -1 checkpoint
	has "has a mount at '/tmp' that was added while it runs"
	run -0 oci delete --force "$ID"
	edit 'c["linux"]["namespaces"] = [n for n in c["linux"]["namespaces"] if n["type"] != "cgroup"] + [{"type": "cgroup", "path": "/proc/self/ns/cgroup"}]'
	run -0 apart run -d "$ID"
	run -1 checkpoint
	has "in a cgroup namespace that it has joined"
	run -1 checkpoint none
	[ ! -e "$IMAGES/request" ]
	[ "$(member status)" = running ]
}

@test "a dump: what CRIU is asked, and what is left after it" {
	stand_in 'n("pre-dump"); n("post-dump"); a(1)'
	run -0 apart run -d "$ID"
	run -0 checkpoint --leave-running --tcp-established --work-path "$BATS_TEST_TMPDIR/work"
	for words in dump.log "/hull/$ID" /proc/keys /dev/null; do
		grep -qaF "$words" "$BATS_TEST_TMPDIR/work/request"
	done
	[ "$(member status)" = running ]
	[ "$(stat -c %a "$IMAGES")" = 700 ]
	[ "$(jq length "$IMAGES/descriptors.json")" = 3 ]
	run -0 checkpoint --pre-dump
	[ "$(head -c 2 "$IMAGES/request" | od -An -tx1 | tr -d ' ')" = 080d ]
	[ "$(member status)" = running ]
	run -0 checkpoint
	run -1 oci state "$ID"
	[ -z "$(find /sys/fs/cgroup -maxdepth 4 -type d -name "$ID")" ]
}

# The numbers and flags that CRIU was asked with, by their fields in its criu_opts: "4=1".
asked() {
	python3 - "$IMAGES/request" <<-'PYTHON'
		import sys
		def fields(data):
		    at = 0
		    def number():
		        nonlocal at
		        value = shift = 0
		        while True:
		            byte = data[at]
		            at += 1
		            value |= (byte & 127) << shift
		            shift += 7
		            if byte < 128: return value
		    while at < len(data):
		        key = number()
		        value = number()
		        if key & 7 == 2:
		            value, at = data[at:at + value], at + value
		        yield key >> 3, value
		for field, value in fields(open(sys.argv[1], "rb").read()):
		    if field == 2:
		        for number, word in fields(value): print(f"{number}={word if isinstance(word, int) else word.decode(errors='replace')}")
	PYTHON
}

says_line() {
	[[ $'\n'$output$'\n' == *$'\n'"$1"$'\n'* ]]
}

@test "each option of a dump is what CRIU is asked by its number" {
	local option field

	run -0 apart run -d "$ID"
	stand_in 'n("post-dump"); a(1)'
	while read -r option field; do
		run -0 checkpoint --leave-running "$option"
		run -0 asked
		says_line "$field" || { echo "$option: $output" && false; }
	done <<-OPTIONS
		--leave-running 3=1
		--ext-unix-sk 4=1
		--tcp-established 5=1
		--shell-job 7=1
		--file-locks 8=1
		--auto-dedup 16=1
		--link-remap 18=1
		--manage-cgroups-mode=strict 34=5
		--empty-ns=network 38=$((0x40000000))
		--tcp-skip-in-flight 46=1
		--lazy-pages 48=1
		--tcp-close 52=1
	OPTIONS
	# And without them it is not asked for any.
	run -0 checkpoint
	run -0 asked
	for field in 3 4 5 7 8 16 18 38 46 48 52; do
		[[ $'\n'$output != *$'\n'"$field="* ]] || { echo "$field: $output" && false; }
	done
	says_line 34=3
}

@test "each option of a restore is what CRIU is asked by its number" {
	local option field

	images
	stand_in 'p = child(); n("setup-namespaces", p); n("post-restore", p); a(1, bytes_of(4, b"\x08" + number(p)))'
	while read -r option field; do
		run -0 restore "$option" </dev/null 3>&- 4>&-
		run -0 asked
		says_line "$field" || { echo "$option: $output" && false; }
		run -0 oci delete --force "$ID"
		rm "$FOLDER/pid"
	done <<-OPTIONS
		--ext-unix-sk 4=1
		--tcp-established 5=1
		--shell-job 7=1
		--file-locks 8=1
		--auto-dedup 16=1
		--manage-cgroups-mode=full 34=4
		--empty-ns=network 38=$((0x40000000))
		--lazy-pages 48=1
		--tcp-close 52=1
		--lsm-profile=apparmor:unconfined 53=apparmor:unconfined
	OPTIONS
}

# Of what lies beside CRIU's images, only names of streams are taken, and what the caller has as its own stands for
# them.
@test "a checkpoint from elsewhere: no word of it opens a file" {
	images
	stand_in 'p = child(); n("setup-namespaces", p); n("post-restore", p); a(1, bytes_of(4, b"\x08" + number(p)))
open("fds", "w").write("\n".join(os.readlink("/proc/self/fd/" + f) for f in os.listdir("/proc/self/fd") if os.path.lexists("/proc/self/fd/" + f)))'
	echo '["file[5:6]:/etc/shadow", "/etc/shadow", "pipe:[4711]"]' >"$IMAGES/descriptors.json"
	run -0 restore </dev/null 3>&- 4>&-
	run -0 cat "$IMAGES/fds"
	has /dev/null
	[[ $output != *shadow* ]]
	run -0 oci delete --force "$ID"
	rm "$FOLDER/pid"
	while IFS='|' read -r words message; do
		echo "$words" >"$IMAGES/hull-inherited.json"
		run -1 restore </dev/null
		one_line
		has "$message"
		no_trace
	done <<-'CASES'
		{}|hull-inherited.json
		[1, 2, 3]|hull-inherited.json
		["", "", "", "pipe:[1]"]|more than three streams
		["", ""|hull-inherited.json
		["pipe:\u0000"]|NUL
	CASES
	head -c 30000000 /dev/zero >"$IMAGES/hull-inherited.json"
	run -1 restore </dev/null
	one_line
	rm "$IMAGES/hull-inherited.json"
	mkfifo "$IMAGES/hull-inherited.json"
	run -1 timeout 20 "$OCI" --root "$FOLDER/run" --criu "$CRIU" restore --detach --image-path "$IMAGES" "$ID" </dev/null
	one_line
	no_trace
}

@test "a dump that fails: one line with CRIU's reason, and the container goes on" {
	run -0 apart run -d "$ID"
	while IFS='|' read -r program message; do
		stand_in "$program"
		run -1 checkpoint
		says "hull-oci: checkpoint: container '$ID': $message"
		[ "$(member status)" = running ]
	done <<-CASES
		sys.exit("no libnet.so.9")|criu ended without an answer: no libnet.so.9
		os.kill(os.getpid(), 9)|criu ended without an answer
		wire.send(b"nonsense")|criu's answer makes no sense
		a(0, b"\x38\x01", bytes_of(9, b"Error (criu/x.c:1): it did not work\n"))|criu: Error (criu/x.c:1): it did not work: see '$IMAGES/dump.log'
		n("pre-dump"); a(0)|criu: it failed without a word: see '$IMAGES/dump.log'
		open("dump.log", "w").write("(00.1) Error (criu/tun.c:85): tun\n(00.2) Error (criu/a.c:2): the reason\n(00.3) Error (criu/b.c:2): Dumping FAILED.\n"); a(0)|criu: Error (criu/a.c:2): the reason: see '$IMAGES/dump.log'
		open("dump.log", "w").write("(00.3) Error (criu/b.c:2): Dumping FAILED.\n"); a(0)|criu: Error (criu/b.c:2): Dumping FAILED.: see '$IMAGES/dump.log'
	CASES
	echo '#!/none/such' >"$CRIU"
	run -1 checkpoint
	one_line
	has "execute '$CRIU': No such file or directory"
}

# Its images would be another's: whoever looks into them later sees what is none of his business.
@test "a dump while the kernel gives the number of a first process to another one: told to give up" {
	local options program taken

	while IFS='|' read -r options program; do
		stand_in "import subprocess
def words_of(pid):
    try: return open(f'/proc/{pid}/cmdline').read().split(chr(0))
    except OSError: return []
def take():
    pid = open('$FOLDER/pid').read()
    os.kill(int(pid), 9)
    subprocess.Popen(['$FOLDER/with-pid', pid, '-', 'sleep', '1000'])
    while words_of(pid)[:2] != ['sleep', '1000']: time.sleep(0.01)
$program"
		apart run -d --pid-file "$FOLDER/pid" "$ID"
		taken=$(cat "$FOLDER/pid")
		# shellcheck disable=SC2086
		run -1 checkpoint $options
		kill -KILL "$taken"
		says "hull-oci: checkpoint: container '$ID': it has just ended"
		[ "$(member status)" = stopped ]
		run -0 oci delete "$ID"
	done <<-'CASES'
		--leave-running|take(); n("pre-dump"); a(1)
		--leave-running|n("pre-dump"); take(); n("network-lock"); a(1)
		--tcp-established|n("pre-dump"); n("network-lock"); take(); n("post-dump"); a(1)
		--pre-dump|n("pre-dump"); take(); a(1)
	CASES
	rm "$FOLDER/pid"
}

@test "a restore: what CRIU is asked, and a container as others are" {
	images
	stand_in 'p = child(); n("setup-namespaces", p); n("post-restore", p); a(1, bytes_of(4, b"\x08" + number(p)))'
	mkdir "$FOLDER/given"
	edit 'c["mounts"].append({"destination": "/given", "type": "bind", "source": sys.argv[1], "options": ["bind"]})
c["linux"]["namespaces"] = [n for n in c["linux"]["namespaces"] if n["type"] not in ("network", "uts")] + [
{"type": "network", "path": "/proc/self/ns/net"}, {"type": "uts", "path": "/proc/self/ns/uts"}]; c.pop("hostname")' "$FOLDER/given"
	run -0 restore --tcp-established --ext-unix-sk --shell-job --file-locks </dev/null 3>&- 4>&-
	for words in restore.log /tmp/root 'pipe:[4711]' extRootNetNS uts /fd/ /given "/hull/$ID"; do
		grep -qaF "$words" "$IMAGES/request"
	done
	[ "$(member status)" = running ]
	[ "$(cat "$FOLDER/pid")" = "$(member pid)" ]
	grep -q "/hull/$ID$" "/proc/$(member pid)/cgroup"
	rm "$FOLDER/pid"
	run -1 restore
	has "already exists"
	run -0 oci kill "$ID" KILL
	retry 30 eval '[ "$(member status)" = stopped ]'
	run -0 oci delete "$ID"
	no_trace
}

@test "a restore in the foreground has the program's exit code, and deletes it" {
	images
	stand_in 'p = child(); n("setup-namespaces", p); n("post-restore", p); a(1, bytes_of(4, b"\x08" + number(p))); os.kill(p, 9)'
	run -137 oci --criu "$CRIU" restore --image-path "$IMAGES" "$ID"
	no_trace
	run -137 oci --criu "$CRIU" restore --keep --image-path "$IMAGES" "$ID"
	[ "$(member status)" = stopped ]
}

@test "a restore that fails at any of CRIU's steps leaves nothing" {
	images
	while IFS='|' read -r program message; do
		stand_in "$program"
		run -1 restore </dev/null
		says "hull-oci: restore: $message"
		no_trace
	done <<-CASES
		sys.exit("no libnet.so.9")|criu ended without an answer: no libnet.so.9
		p = child(); os.kill(os.getpid(), 9)|criu ended without an answer
		a(0, bytes_of(9, b"Error (criu/x.c:1): no"))|criu: Error (criu/x.c:1): no: see '$IMAGES/restore.log'
		p = child(); a(1)|criu is through before it has told of 'setup-namespaces'
		p = child(); n("setup-namespaces")|criu does not tell the pid of the first process
		p = child(); n("setup-namespaces", p); os.kill(os.getpid(), 9)|criu ended without an answer
		p = child(); n("setup-namespaces", p); a(0)|criu: it failed without a word: see '$IMAGES/restore.log'
		p = child(); n("setup-namespaces", p); n("post-restore", p); a(0)|criu: it failed without a word: see '$IMAGES/restore.log'
		p = child(); n("setup-namespaces", p); n("post-restore", p); os.kill(os.getpid(), 9)|criu ended without an answer
		n("setup-namespaces", 4000000)|the container's first process has just ended
	CASES
	stand_in 'p = child(); n("setup-namespaces", p); n("post-restore", p); a(1, bytes_of(4, b"\x08" + number(p)))'
	edit 'c["hooks"] = {"createRuntime": [{"path": "/bin/false"}]}'
	run -1 restore </dev/null
	has "createRuntime hook: hook '/bin/false' ended with exit code 1"
	no_trace
	edit 'c["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", "kill -KILL $PPID"]}]}'
	run -137 restore </dev/null
	run -0 oci delete --force "$ID"
	retry 30 no_trace
}
