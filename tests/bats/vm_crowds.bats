#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# bats file_tags=vm
# Many machines, many programs in one, and much data through one.
#
# CROWD, STORM, ROW, MIB: how many machines, programs at once, programs one after the other, and MiB each way.

load helpers
load vm_helpers

CROWD=${CROWD:-20} STORM=${STORM:-50} ROW=${ROW:-500} MIB=${MIB:-1024}

setup_file() {
	machines_begin
}
teardown_file() {
	stores_end
}
teardown() {
	[ -z "${HOLDER-}" ] || kill "$HOLDER"
	containers_end
}

stands_still_at_first() {
	tr '\0' '\n' <"/proc/$(qemu_of "$1")/cmdline" | grep -qx -e -S
}

# The turns that are taken, and the places in the line, one a line, as runtime/vm/turns.h has them in the file.
# turns watch FILE: until the file is there, how many turns were taken at once at most.
turns() {
	python3 - "$STORES/run/instances/.boot-turns" "$@" <<-'PYTHON'
		import fcntl, os, struct, sys, time
		F_OFD_GETLK, FLOCK, ROOM = 36, "hhqqi4x", 1 << 40
		def is_locked(first, count):
		    asked = struct.pack(FLOCK, fcntl.F_WRLCK, os.SEEK_SET, first, count, 0)
		    return struct.unpack(FLOCK, fcntl.fcntl(turns, F_OFD_GETLK, asked))[0] != fcntl.F_UNLCK
		def taken():
		    return ["turn %d" % turn for turn in range(64) if is_locked(ROOM * (1 + turn), ROOM)]
		turns = os.open(sys.argv[1], os.O_RDWR)
		if len(sys.argv) == 2:
		    print(*taken(), *("place %d" % place for place in range(64) if is_locked(place, 1)), sep="\n")
		else:
		    most = 0
		    while not os.path.exists(sys.argv[3]):
		        most = max(most, len(taken()))
		        time.sleep(0.05)
		    print(most)
	PYTHON
}
waits() {
	turns | grep -q '^place'
}
nobody_waits() {
	! waits
}

opens_turns() {
	find "/proc/$1/fd" -lname '*/.boot-turns' | grep -q .
}

# What is held for a machine, by its monitor: descriptors, anonymous KiB; and by all in its guest, its agent among them:
# open files, anonymous KiB.
held_by() {
	local monitor

	monitor=$(init_of "$1")
	find "/proc/$monitor/fd" -mindepth 1 | wc -l
	awk '$1 == "Anonymous:" { print $2 }' "/proc/$monitor/smaps_rollup"
	hull exec "$1" cat /proc/sys/fs/file-nr | cut -f 1
	hull exec "$1" cat /proc/meminfo | awk '$1 == "AnonPages:" { print $2 }'
}

# All turns are somebody's, who does not give them back before it is killed: for ever, or taken so many ms ago.
# hold_turns [MS]
hold_turns() {
	rm -f "$BATS_TEST_TMPDIR/held"
	python3 - "$STORES/run/instances/.boot-turns" "$@" >"$BATS_TEST_TMPDIR/held" 3>&- <<-'PYTHON' &
		import fcntl, os, signal, struct, sys, time
		F_OFD_SETLK, ROOM = 37, 1 << 40
		def lock(first, count):
		    fcntl.fcntl(turns, F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, first, count, 0))
		if not os.path.exists(sys.argv[1]):
		    os.mkfifo(sys.argv[1], 0o600)
		turns = os.open(sys.argv[1], os.O_RDWR)
		if len(sys.argv) == 2:
		    lock(ROOM, 0)
		else:
		    for turn in range(64):
		        lock(ROOM * (1 + turn) + time.monotonic_ns() // 1000000 - int(sys.argv[2]), 1)
		print("held", flush=True)
		while True:
		    signal.pause()
	PYTHON
	HOLDER=$!
	retry 60 grep -qs held "$BATS_TEST_TMPDIR/held"
}
let_go() {
	kill_at_once "$HOLDER"
	HOLDER=
}

# bats test_tags=vm,slow
@test "a crowd at once: they boot in turns, each says its own and answers, all are there together, all go" {
	local number names=() watcher

	for ((number = 1; number <= CROWD; number++)); do
		machine -d --name "box$number" --memory 96m bb sh -c "echo number $number; while :; do sleep 100; done" >/dev/null 3>&-
		names+=("box$number")
		if [ "$number" -eq 1 ]; then
			turns watch "$BATS_TEST_TMPDIR/all-are-up" >"$BATS_TEST_TMPDIR/most" 3>&- &
			watcher=$!
		fi
	done
	# They share the processors: together they take as long as one after the other.
	for ((number = 1; number <= CROWD; number++)); do
		retry $((60 + CROWD * 20)) says "box$number" "number $number" || {
			hull ps -a
			return 1
		}
	done
	touch "$BATS_TEST_TMPDIR/all-are-up"
	wait "$watcher"
	[ "$(cat "$BATS_TEST_TMPDIR/most")" -le "$(nproc)" ]
	[ -z "$(turns)" ]
	[ "$(hull ps -q | wc -l)" -eq "$CROWD" ]
	[ "$(hull inspect --format '{{.Network.IP}}' "${names[@]}" | sort -u | wc -l)" -eq "$CROWD" ]
	for ((number = 1; number <= CROWD; number++)); do
		[ "$(hull exec "box$number" echo "answer $number")" = "answer $number" ]
		[ "$(hull logs "box$number")" = "number $number" ]
	done
	hull kill "${names[@]}" >/dev/null
	for ((number = 1; number <= CROWD; number++)); do
		retry 30 has_exited "box$number"
	done
}

# bats test_tags=vm,slow
@test "who waits for its turn is killed, paused, resumed and removed as any other; and boots when that has come" {
	hull ps -q
	hold_turns
	machine -d --name box --network none bb sh -c 'echo up; while :; do sleep 100; done' >/dev/null 3>&-
	retry 60 waits || {
		hull ps -a
		hull logs box
		echo "locked: $(turns | xargs); by $HOLDER: $(cat "/proc/$HOLDER/status")"
		return 1
	}
	stands_still_at_first box
	# What a guest could break out to has no way to take a turn.
	run ! opens_turns "$(qemu_of box)"
	hull pause box >/dev/null
	[ "$(hull inspect --format '{{.State.Status}}' box)" = paused ]
	hull unpause box >/dev/null
	timeout 60 "$HULL" --root "$STORES/run" --data "$STORES/data" kill box >/dev/null
	retry 60 has_exited box
	run ! waits
	hull start box >/dev/null
	retry 60 waits
	timeout 60 "$HULL" --root "$STORES/run" --data "$STORES/data" rm -f box >/dev/null
	run ! waits
	# Its turn comes while it is paused, by its monitor: it does not boot.
	machine -d --name box --network none bb sh -c 'echo up; while :; do sleep 100; done' >/dev/null 3>&-
	retry 60 waits
	[ "$(control box pause)" = '{"ok":true}' ]
	[[ "$(control box stats)" == *'"state":"paused"'* ]]
	let_go
	run ! retry 1 nobody_waits
	[ "$(control box resume)" = '{"ok":true}' ]
	retry "$BOOT_SECONDS" says box up
	[ -z "$(turns)" ]
	run ! opens_turns "$(init_of box)"
	# Alone, nobody waits; nor for those who have had their turns for too long, and cannot run.
	hold_turns 61000
	begin alone
	run ! stands_still_at_first alone
	let_go
}

# bats test_tags=vm,slow
@test "a storm of programs in one machine, at once and one after the other: nothing of them stays" {
	local number pids=() before after

	begin box
	for ((number = 1; number <= STORM; number++)); do
		hull exec box sh -c "echo word $number; exit $((number % 100))" >"$BATS_TEST_TMPDIR/$number" &
		pids+=($!)
	done
	for ((number = 1; number <= STORM; number++)); do
		status=0
		wait "${pids[number - 1]}" || status=$?
		[ "$status" -eq $((number % 100)) ]
		[ "$(cat "$BATS_TEST_TMPDIR/$number")" = "word $number" ]
	done
	mapfile -t before < <(held_by box)
	for ((number = 1; number <= ROW; number++)); do
		[ "$(hull exec box echo "$number")" = "$number" ]
	done
	[ "$(hull exec box ps | grep -cvE 'ps$|PID|sleep|sh -c')" -eq 0 ]
	# The last client may just be leaving. And a kernel counts open files in dozens.
	holds_no_more() {
		mapfile -t after < <(held_by box)
		[ ${#after[@]} -eq 4 ] && [ "${after[0]}" -le "${before[0]}" ] && [ "${after[1]}" -le $((before[1] + 64)) ] &&
			[ "${after[2]}" -le $((before[2] + 96)) ] && [ "${after[3]}" -le $((before[3] + 1024)) ]
	}
	retry 30 holds_no_more || {
		echo "before: ${before[*]}; after: ${after[*]}"
		return 1
	}
}

# bats test_tags=vm,slow
@test "a gibibyte through exec, both ways, whole" {
	local folder=$BATS_TEST_TMPDIR

	begin box
	# Not held anywhere, and what is sent is known as it goes.
	head -c "${MIB}M" /dev/urandom | tee >(sha256sum >"$folder/sent") | hull exec -i box cat |
		tee >(sha256sum >"$folder/came") | wc -c >"$folder/bytes"
	[ "$(cat "$folder/bytes")" -eq $((MIB << 20)) ]
	retry 60 test -s "$folder/sent"
	retry 60 test -s "$folder/came"
	cmp "$folder/sent" "$folder/came"
}
