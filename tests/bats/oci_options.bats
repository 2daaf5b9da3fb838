#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# hull-oci's options, one by one: as conmon, go-runc and containerd's shim give them, and as people read about them.

load helpers
load oci_helpers

setup() {
	bundle_configure
}

teardown() {
	oci_end
}

# Prints what came with the descriptor that is sent to a socket, and which process the pidfd is of: pidfd_at SOCKET
pidfd_at() {
	python3 -c "$ACCEPT"'
name, fds, _, _ = socket.recv_fds(connection, 4096, 1)
with open(f"/proc/self/fdinfo/{fds[0]}") as info:
    print(name.decode(), re.search(r"^Pid:\s*(\d+)", info.read(), re.M)[1])' "$1"
}

@test "globals in every form, and the log in either format" {
	run -0 "$OCI" --root="$FOLDER/run" --log "$FOLDER/log" --log-format=json --log-level debug list -q
	run -0 "$OCI" -root "$FOLDER/run" -log="$FOLDER/log" -debug --cgroup-manager cgroupfs list --quiet
	run -0 "$OCI" --version
	has "spec: 1."
	rm -f "$FOLDER/log"
	run -1 oci --log "$FOLDER/log" start none
	one_line
	grep -q "hull-oci: start: container 'none' does not exist" "$FOLDER/log"
	run -1 oci --log-format yaml list
	has "one of text, json"
	run -1 oci --log-level loud list
	one_line
	run -1 oci --cgroup-manager none list
	run -1 oci --log /none/such list
	has "open the log"
	run -0 oci --criu /bin/true list -q
	run -1 oci --rootless perhaps list
	run -0 oci --rootless=auto list -q
}

@test "every verb and option has a help text" {
	local verb

	run -0 "$OCI" --help
	for verb in create start run state list kill delete exec ps pause resume update events features spec "mounts add" \
		"mounts remove" checkpoint restore; do
		has "$verb"
	done
	for verb in create start run state list kill delete exec ps pause resume update events features spec "mounts add" \
		"mounts remove" checkpoint restore; do
		# shellcheck disable=SC2086
		run -0 "$OCI" $verb --help
		has "hull-oci $verb"
		# Each option is followed by words.
		[ -z "$(grep -E '^ +(-., )?--[a-z-]+( [A-Z|0-9:\[\]=-]+)?$' <<<"$output")" ]
	done
	run -0 "$OCI" update --help
	for verb in memory memory-reservation memory-swap cpu-period cpu-quota cpu-share cpu-burst cpu-idle cpuset-cpus \
		cpuset-mems cpu-rt-period cpu-rt-runtime pids-limit blkio-weight l3-cache-schema mem-bw-schema resources; do
		has "--$verb"
	done
	run -0 "$OCI" __complete bash
	has --pidfd-socket
	run -0 "$OCI" __man update
	has cpu-burst
	has '1 when hull-oci itself fails'
	run -0 "$OCI" __man exec
	has '255 when it could not be started'
}

# What the shell offers for the last word.
offered() {
	COMP_WORDS=(hull-oci "$@") COMP_CWORD=$#
	COMPREPLY=()
	_hull-oci || true
	output=$(printf '%s\n' "${COMPREPLY[@]}" | sort -u)
}

@test "completion: verbs and their options, behind global ones as well, and ids" {
	# shellcheck source=/dev/null
	source <("$OCI" __complete bash | sed "s|(hull-oci |($OCI --root $FOLDER/run |")
	offered chec
	[ "$output" = checkpoint ]
	offered --root "$FOLDER/run" --debug upd
	[ "$output" = update ]
	offered --log = /tmp/log exec --pidfd
	[ "$output" = --pidfd-socket ]
	offered ps --format ''
	[ "$output" = $'json\ntable' ]
	run -0 apart create "$ID"
	offered start ''
	[ "$output" = "$ID" ]
	offered --root "$FOLDER/run" kill ''
	[ "$output" = "$ID" ]
	# What comes behind is nobody's to know.
	offered exec "$ID" "$ID"
	[ -z "$output" ]
}

@test "a pidfd goes to the socket" {
	command -v python3 >/dev/null
	pidfd_at "$FOLDER/socket" >"$FOLDER/said" 3>&- 4>&- &
	retry 30 test -S "$FOLDER/socket"
	run -0 apart create --pidfd-socket "$FOLDER/socket" "$ID"
	wait $!
	[ "$(cat "$FOLDER/said")" = "standard $(member pid)" ]
	rm "$FOLDER/socket"
	pidfd_at "$FOLDER/socket" >"$FOLDER/said" 3>&- 4>&- &
	retry 30 test -S "$FOLDER/socket"
	run -0 apart exec --detach --pid-file "$FOLDER/pid" --pidfd-socket "$FOLDER/socket" "$ID" sleep 50
	wait $!
	[ "$(cat "$FOLDER/said")" = "setns $(cat "$FOLDER/pid")" ]
	rm "$FOLDER/socket"
	run -255 oci exec --pidfd-socket "$FOLDER/socket" "$ID" true
	one_line
	has "pidfd socket"
}


@test "a session keyring of its own, unless the caller's is wanted" {
	[ -e /proc/keys ] || skip "a kernel without keys"
	# What is there to be seen of keys, by who may look.
	configure cat /proc/keys
	edit 'c["linux"]["maskedPaths"] = []'
	# Without first: the kernel takes its time to remove one.
	run -0 oci run --no-new-keyring "$ID"
	[[ $output != *"_ses.$ID"* ]]
	run -0 oci run "$ID"
	has "_ses.$ID"
	configure sleep 100
	edit 'c["linux"]["maskedPaths"] = []'
	run -0 apart run --detach "$ID"
	run -0 oci exec "$ID" cat /proc/keys
	has "_ses.$ID"
}

@test "without a pivot" {
	configure sh -c 'ls /; echo x >/dev/null'
	run -0 oci run --no-pivot "$ID"
	has dev
	[[ $output != *var* ]]
	configure sleep 100
	run -0 apart run --detach --no-pivot "$ID"
	run -0 oci exec "$ID" ls /
	[[ $output != *var* ]]
}

@test "exec: groups, capabilities, no_new_privs, descriptors, environment and a process with options on top" {
	run -0 apart run --detach "$ID"
	run -0 oci exec --user 5:6 --additional-gids 7 -g 8 "$ID" id
	has "uid=5 gid=6"
	like 'groups=.*7,8'
	run -0 oci exec --cap CAP_NET_ADMIN --cap sys_time "$ID" grep Cap /proc/self/status
	has $'CapEff:\t0000000022001420'
	has $'CapBnd:\t0000000022001420'
	has $'CapInh:\t0000000000000000'
	run -0 oci exec "$ID" grep CapEff /proc/self/status
	has 0000000020000420
	run -255 oci exec --cap CAP_NONE "$ID" true
	one_line
	has "unknown capability"
	run -255 oci exec --env novalue "$ID" true
	one_line
	run -255 oci exec -g x "$ID" true
	one_line
	run -0 oci exec --preserve-fds 2 "$ID" sh -c 'echo four >&4' 3>/dev/null 4>"$FOLDER/four"
	[ "$(cat "$FOLDER/four")" = four ]
	echo '{"args": ["sh", "-c", "echo $A $B $PWD"], "cwd": "/", "env": ["PATH=/bin", "A=a"], "user": {"uid": 0, "gid": 0}}' >"$FOLDER/process"
	run -0 oci exec -p "$FOLDER/process" --env B=b --cwd /tmp "$ID"
	[ "$output" = "a b /tmp" ]
	run -255 oci exec --process "$FOLDER/process" "$ID" true
	one_line
	has "exclude one another"
	echo '{"args": []}' >"$FOLDER/process"
	run -255 oci exec --process "$FOLDER/process" "$ID"
	one_line
	run -255 oci exec --apparmor none-such "$ID" true
	one_line
	run -255 oci exec --process-label a:b:c:d "$ID" true
	one_line
}

@test "exec in a cgroup below the container's" {
	run -0 apart run --detach "$ID"
	run -255 oci exec --cgroup none-such "$ID" true
	one_line
	has "sub-cgroup"
	find /sys/fs/cgroup -maxdepth 4 -type d -name "$ID" -exec mkdir {}/sub \;
	find /sys/fs/cgroup -path "*/$ID/sub" -name sub | while read -r folder; do
		[ ! -e "$folder/cpuset.cpus" ] || [ ! -e "$folder/../cpuset.mems" ] || { cat "$folder/../cpuset.cpus" >"$folder/cpuset.cpus"; cat "$folder/../cpuset.mems" >"$folder/cpuset.mems"; } 2>/dev/null || true
	done
	run -0 apart exec --detach --pid-file "$FOLDER/pid" --cgroup /sub "$ID" sleep 50
	[ -z "$(grep -v "/hull/$ID/sub$" "/proc/$(cat "$FOLDER/pid")/cgroup")" ]
	run -255 oci exec --cgroup ../x "$ID" true
	one_line
	if [ -d /sys/fs/cgroup/pids ]; then
		run -0 apart exec --detach --pid-file "$FOLDER/pid" --cgroup pids:/sub "$ID" sleep 50
		grep -q "pids:.*/$ID/sub$" "/proc/$(cat "$FOLDER/pid")/cgroup"
		[ "$(grep -c "/$ID/sub$" "/proc/$(cat "$FOLDER/pid")/cgroup")" -eq 1 ]
	fi
	run -255 oci exec --cgroup nonsense:/sub "$ID" true
	one_line
}

@test "kill: names with and without SIG, numbers; of a paused one" {
	local signal

	configure sh -c 'trap "echo got >>/tmp/got" USR1; while :; do sleep 0.05; done'
	edit 'c["root"]["readonly"] = False'
	run -0 apart run --detach "$ID"
	rm -f rootfs/tmp/got
	for signal in USR1 SIGUSR1 sigusr1 10; do
		# Before its trap is set the signal would be lost on a first process; each one is sent until it has
		# come.
		arrived() {
			oci kill "$ID" "$signal"
			[ -s rootfs/tmp/got ]
		}
		retry 30 arrived
		rm -f rootfs/tmp/got
	done
	for signal in NONE 0 65 -1 ""; do
		run -1 oci kill "$ID" "$signal"
		one_line
	done
	run -0 oci pause "$ID"
	run -0 oci kill "$ID" KILL
	retry 30 is stopped
	run -1 oci kill "$ID" KILL
	has "is stopped"
	run -0 oci kill -a "$ID" 9
	run -0 oci delete "$ID"
	run -0 apart run --detach "$ID"
	run -0 oci pause "$ID"
	run -0 oci kill --all "$ID" 9
	retry 30 is stopped
	rm -f rootfs/tmp/got
}

@test "delete by pattern" {
	run -0 apart create "$ID-a"
	run -0 apart create "$ID-b"
	run -0 apart create "other-$ID"
	run -1 oci delete --regex "^$ID-"
	has "is created"
	has "2 could not be deleted"
	run -0 oci delete --force --regex "^$ID-[ab]$"
	run -0 oci list -q
	[ "$output" = "other-$ID" ]
	run -1 oci delete --regex '['
	one_line
	has "no regular expression"
	run -0 oci delete --force "other-$ID"
}

@test "ps: the host's columns, and those that are asked for" {
	run -0 apart run --detach "$ID"
	run -0 apart exec -d "$ID" sleep 77
	run -0 oci ps "$ID"
	has PPID
	[ "${#lines[@]}" -eq 3 ]
	run -0 oci ps "$ID" -e -o pid,args
	has "sleep 77"
	[[ $output != *PPID* ]]
	run -1 oci ps "$ID" -e -o args
	one_line
	has "no column PID"
	run -1 oci ps "$ID" --none-such
	run -0 oci list
	has OWNER
	like "$ID.*root\$"
}

# Runs words with a terminal of their own, types lines into it, and prints what came: with_terminal LINES COMMAND...
with_terminal() {
	python3 - "$@" <<-'PYTHON'
		import os, pty, sys, time, fcntl, termios, struct, select
		pid, fd = pty.fork()
		if pid == 0:
		    os.execvp(sys.argv[2], sys.argv[2:])
		fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 44, 0, 0))
		typed, out, end = False, b"", time.monotonic() + 60
		while time.monotonic() < end:
		    ready, _, _ = select.select([fd], [], [], 0.2)
		    if ready:
		        try:
		            data = os.read(fd, 4096)
		        except OSError:
		            break
		        if not data:
		            break
		        out += data
		    if not typed and b"READY" in out:
		        typed = True
		        os.write(fd, sys.argv[1].encode())
		_, status = os.waitpid(pid, 0)
		sys.stdout.write(out.decode())
		print("exit", os.waitstatus_to_exitcode(status))
	PYTHON
}

@test "a terminal in the foreground: run and exec relay keys, output and size" {
	configure sh -c 'echo READY; read a; tty; stty size; echo "heard $a"; exit 6'
	edit 'c["process"]["terminal"] = True'
	run -0 with_terminal $'words\n' "$OCI" --root "$FOLDER/run" run "$ID"
	has "heard words"
	has "33 44"
	has "exit 6"
	configure sleep 100
	run -0 apart run --detach "$ID"
	run -0 with_terminal $'more\n' "$OCI" --root "$FOLDER/run" exec -t "$ID" sh -c 'echo READY; read a; tty; echo "heard $a"; exit 9'
	has "/dev/pts/"
	has "heard more"
	has "exit 9"
	# A key is a key: Ctrl-C reaches the program inside.
	run -0 with_terminal $'\x03' "$OCI" --root "$FOLDER/run" exec -t "$ID" sh -c 'trap "echo interrupted; exit 4" INT; echo READY; while :; do sleep 0.1; done'
	has interrupted
	has "exit 4"
	run -0 oci delete --force "$ID"
	edit 'c["process"]["terminal"] = True'
	run -1 oci run --detach "$ID"
	one_line
	has "--console-socket"
	configure true
	run -1 oci create --console-socket "$FOLDER/none" "$ID"
	one_line
	has "no terminal"
}

@test "run passes signals on to the program" {
	local pid code=0

	configure sh -c 'trap "echo term; exit 3" TERM; trap "echo usr2" USR2; echo READY; while :; do sleep 0.05; done'
	oci run "$ID" >"$FOLDER/said" </dev/null 3>&- 4>&- &
	retry 30 grep -q READY "$FOLDER/said"
	pid=$(pgrep -of -- "--root $FOLDER/run run $ID")
	retry 30 blocks_term "$pid"
	kill -USR2 "$pid"
	retry 30 grep -q usr2 "$FOLDER/said"
	kill -TERM "$pid"
	wait $! || code=$?
	[ "$code" -eq 3 ]
	grep -q term "$FOLDER/said"
	[ -z "$(oci list -q)" ]
}

@test "ids: what they may be made of, and how long they may be" {
	local id

	for id in . .. a/b /a "a b" 'a$b' .a -- "$(printf 'a%.0s' {1..256})"; do
		run oci create "$id" </dev/null
		[ "$status" -eq 1 ]
		[ -z "$(oci list -q)" ]
	done
	for id in _a +a "a.b-c_d+e" "$(printf 'a%.0s' {1..200})"; do
		run -0 apart create "$id"
		run -0 oci delete --force "$id"
	done
	[[ $(stat -c %A "$FOLDER/run") == d*[tT] ]]
}
