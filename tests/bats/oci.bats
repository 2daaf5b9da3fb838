#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# hull-oci's verbs, as engines call them: a bundle, a state directory, exit codes, and the words that engines read.

load helpers
load oci_helpers

setup() {
	bundle_configure
}

teardown() {
	oci_end
}

@test "create, state, start, list, kill, delete" {
	run -0 apart create --pid-file "$FOLDER/pid" "$ID"
	is created
	[ "$(cat "$FOLDER/pid")" = "$(member pid)" ]
	[ "$(member id)" = "$ID" ]
	[ "$(member bundle)" = "$FOLDER/bundle" ]
	run -0 oci list -q
	[ "$output" = "$ID" ]
	run -0 oci start "$ID"
	is running
	run -0 oci list
	has "$ID"
	has running
	run -0 oci list --format json
	python3 -c 'import json, sys; assert json.loads(sys.argv[1])[0]["status"] == "running"' "$output"
	run -1 oci delete "$ID"
	one_line
	[ "$output" = "hull-oci: delete: container '$ID' is running: it cannot be deleted: stop it first" ]
	run -0 oci kill "$ID" KILL
	retry 30 is stopped
	[ -z "$(member pid)" ]
	run -0 oci delete "$ID"
	run -1 oci state "$ID"
	one_line
	has "container '$ID' does not exist"
}

@test "what the state does not allow is refused in one line" {
	run -1 oci start "$ID"
	one_line
	run -0 apart create "$ID"
	run -1 oci create "$ID"
	one_line
	has "already exists"
	run -1 oci resume "$ID"
	has "is created: it cannot be resumed"
	run -0 oci start "$ID"
	run -1 oci start "$ID"
	has "is running: it cannot be started"
	run -0 oci kill --all "$ID" KILL
	retry 30 is stopped
	run -1 oci kill "$ID" KILL
	has "is stopped: it cannot be sent a signal"
	# By these words containerd's shim and CRI-O know that it is over, and nothing is wrong.
	has "container not running"
	run -0 oci kill --all "$ID" KILL
	for verb in pause resume "update --pids-limit 9" "events --stats"; do
		# shellcheck disable=SC2086
		run -1 oci $verb "$ID"
		one_line
		has "is stopped"
		has "container not running"
	done
	run -255 oci exec "$ID" true
	has "is stopped"
	has "container not running"
}

@test "ids and signals that are none" {
	run -1 oci create ../x
	one_line
	has "only letters, digits"
	run -1 oci create ""
	one_line
	run -1 oci kill "$ID" NONSENSE
	one_line
	has "unknown signal 'NONSENSE'"
	run oci nonsense
	[ "$status" -ne 0 ]
	run oci create
	[ "$status" -ne 0 ]
	run oci delete --force none
	[ "$status" -eq 0 ]
}

@test "run gives the program's exit code and leaves nothing" {
	configure sh -c 'echo out; echo err >&2; exit 7'
	run -7 --separate-stderr oci run "$ID"
	[ "$output" = out ]
	# shellcheck disable=SC2154
	[ "$stderr" = err ]
	configure sh -c 'kill -9 $$; sleep 0.1'
	run oci run "$ID"
	configure sh -c 'exit 3'
	run -3 oci run --keep "$ID"
	is stopped
	run -0 oci delete "$ID"
	configure sleep 100
	run -0 apart run --detach "$ID"
	is running
}

@test "a foreground run holds up nobody" {
	apart run "$ID" &
	retry 30 is running
	run -0 timeout 30 "$OCI" --root "$FOLDER/run" pause "$ID"
	run -0 timeout 30 "$OCI" --root "$FOLDER/run" resume "$ID"
	run -0 timeout 30 "$OCI" --root "$FOLDER/run" delete --force "$ID"
	wait
}

@test "a program that is not there" {
	configure none-such
	run -127 oci create "$ID" </dev/null
	one_line
	has 'exec: "none-such": executable file not found in $PATH'
	configure /none/such
	run -127 oci create "$ID" </dev/null
	has 'exec: "/none/such": no such file or directory'
	configure /etc
	run -126 oci create "$ID" </dev/null
	has 'permission denied'
	[ -z "$(oci list -q)" ]
}

@test "exec: command, process file, user, pid file, exit codes" {
	run -0 apart create "$ID"
	run -0 oci start "$ID"
	run -5 oci exec "$ID" sh -c 'exit 5'
	run -0 oci exec --env A=b --cwd /tmp "$ID" sh -c 'echo $A $PWD'
	[ "$output" = "b /tmp" ]
	run -0 oci exec --user 12:34 "$ID" id
	has "uid=12 gid=34"
	run -127 oci exec "$ID" none-such
	has "executable file not found"
	run -255 oci exec "$ID"
	echo '{"args": ["sh", "-c", "echo $X; exit 9"], "cwd": "/", "env": ["PATH=/bin", "X=y"], "user": {"uid": 0, "gid": 0}}' >"$FOLDER/process.json"
	run -9 oci exec --process "$FOLDER/process.json" "$ID"
	[ "$output" = y ]
	run -0 apart exec --detach --pid-file "$FOLDER/exec-pid" "$ID" sleep 50
	run -0 oci ps --format json "$ID"
	[[ $output == *"$(cat "$FOLDER/exec-pid")"* ]]
	run -0 oci ps "$ID"
	[ "${#lines[@]}" -eq 3 ]
}

@test "pause, resume, and deleting one that is paused" {
	run -0 apart run --detach "$ID"
	run -0 oci pause "$ID"
	is paused
	run -255 oci exec "$ID" true
	has "is paused"
	run -1 oci delete "$ID"
	run -0 oci resume "$ID"
	is running
	run -0 oci pause "$ID"
	run -0 oci delete --force "$ID"
}

# Where a tree's folder above it is frozen, no signal ends what is in it.
# bats test_tags=plain
@test "a process that will not die: said after a while, and not forgotten" {
	local above=/sys/fs/cgroup/freezer/hull

	[ -d /sys/fs/cgroup/freezer ] || skip "the unified tree lets frozen processes die"
	run -0 apart run --detach "$ID"
	pid=$(member pid)
	echo FROZEN >"$above/freezer.state"
	SECONDS=0
	run oci delete --force "$ID"
	took=$SECONDS listed=$(oci list -q)
	echo THAWED >"$above/freezer.state"
	[ "$status" -eq 1 ]
	one_line
	has "did not end within 10000 ms"
	[ "$took" -lt 30 ]
	[ "$listed" = "$ID" ]
	retry 30 has_ended "$pid"
	run -0 oci delete --force "$ID"
}

@test "spec writes a bundle's config.json, and overwrites none" {
	run -1 oci spec
	one_line
	has "config.json is there already"
	mkdir -p "$FOLDER/other"
	run -0 oci spec --bundle "$FOLDER/other"
	python3 -c 'import json, sys; assert json.load(open(sys.argv[1]))["process"]["args"] == ["sh"]' "$FOLDER/other/config.json"
	rm -r "$FOLDER/other"
}

@test "log lines as JSON, in a file" {
	run -1 oci --log "$FOLDER/log" --log-format json start none
	one_line
	python3 - "$FOLDER/log" <<-'PYTHON'
		import json, sys
		lines = [json.loads(line) for line in open(sys.argv[1])]
		assert len(lines) == 1, lines
		assert lines[0]["level"] == "error" and "'none' does not exist" in lines[0]["msg"] and lines[0]["time"], lines
	PYTHON
}

@test "a terminal goes to the console socket" {
	configure sh -c 'tty; stty size'
	edit 'c["process"]["terminal"] = True; c["process"]["consoleSize"] = {"height": 11, "width": 22}'
	run -1 oci create "$ID"
	one_line
	has "--console-socket"
	terminal_at "$FOLDER/console" >"$FOLDER/said" 3>&- 4>&- &
	retry 30 test -S "$FOLDER/console"
	run -0 apart create --console-socket "$FOLDER/console" "$ID"
	run -0 oci start "$ID"
	wait
	grep -q /dev/pts/0 "$FOLDER/said"
	grep -q '11 22' "$FOLDER/said"
	rm "$FOLDER/console"
}

@test "descriptors: those asked for go in, others do not, and a waiting container holds none" {
	local pid

	exec 7>"$FOLDER/seven"
	run -0 apart create "$ID"
	pid=$(member pid)
	[ ! -e "/proc/$pid/fd/7" ]
	[[ $(readlink "/proc/$pid"/fd/*) != *"$FOLDER/seven"* ]]
	run -0 oci delete --force "$ID"
	exec 7>&-
	configure sh -c 'echo passed >&3'
	run -0 oci run --preserve-fds 1 "$ID" 3>"$FOLDER/three" 4>&-
	[ "$(cat "$FOLDER/three")" = passed ]
}

@test "hooks: one that fails stops the creation, late ones only warn" {
	edit 'c["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", "exit 4"]}]}'
	run -1 oci create "$ID"
	one_line
	has "createRuntime hook: hook '/bin/sh' ended with exit code 4"
	[ -z "$(oci list -q)" ]
	edit 'c["hooks"] = {k: [{"path": "/bin/sh", "args": ["sh", "-c", "exit 4"]}] for k in ("poststart", "poststop")}'
	run -0 apart create "$ID"
	run -0 oci start "$ID"
	has "warning: poststart hook"
	is running
	run -0 oci delete --force "$ID"
	has "warning: poststop hook"
}

# Leaks cannot be looked for from a process namespace that the /proc at hand is not of: that would be words, too.
@test "hooks: one that asks for an exec in what is being created is refused at once" {
	local kind

	for kind in prestart createRuntime createContainer; do
		edit "c['hooks'] = {sys.argv[1]: [{'path': '/bin/sh', 'args': ['sh', '-c', sys.argv[2]]}]}" $kind \
			"ASAN_OPTIONS=detect_leaks=0 timeout 20 '$OCI' --root '$FOLDER/run' exec '$ID' true >'$FOLDER/said' 2>&1; true"
		for verb in create "run --detach"; do
			# shellcheck disable=SC2086 # two words
			run -0 apart $verb "$ID"
			[ "$(cat "$FOLDER/said")" = "hull-oci: exec: container '$ID' is creating: it cannot run another process" ]
			run -0 oci delete --force "$ID"
		done
	done
}

@test "a record that is damaged, or missing, does not stop delete --force" {
	run -0 apart run --detach "$ID"
	local pid record=$FOLDER/run/$ID/record.json

	pid=$(member pid)
	sed -i 's/}\s*$/,"newer":1}/' "$record"
	run -1 oci delete "$ID"
	one_line
	has "its record cannot be used"
	has "remove it by force"
	run -0 oci list -q
	one_line
	has "warning: container '$ID': its record cannot be used"
	run -0 oci delete --force "$ID"
	retry 30 bash -c "! grep -q '^State:.[^Z]' /proc/$pid/status"
	mkdir "$FOLDER/run/$ID"
	run -0 oci delete --force "$ID"
	mkdir -p "$FOLDER/run/$ID/photos"
	run -1 oci delete --force "$ID"
	has "it is no container's"
	rmdir "$FOLDER/run/$ID/photos" "$FOLDER/run/$ID"
}

@test "the caller's umask and ignored signals stay outside" {
	configure sh -c umask
	run -0 bash -c "umask 077; '$OCI' --root '$FOLDER/run' run '$ID'"
	[ "$output" = 0022 ]
	configure cat /proc/self/status
	run -0 bash -c "trap '' PIPE INT HUP CHLD; '$OCI' --root '$FOLDER/run' run '$ID'"
	has $'SigBlk:\t0000000000000000'
	has $'SigIgn:\t0000000000000000'
}
