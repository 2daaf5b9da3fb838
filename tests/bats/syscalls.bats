#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Kernels that lack system calls, and filters that forbid them, as engines have in which hull may run: each call has an
# older way, or hull says in one line which it misses, and leaves nothing.

load helpers
load oci_helpers

# Calls with an older way.
REPLACED=(clone3 openat2 close_range statx)
# The table of those that hull cannot do without.
needed() {
	sed -n '/^} calls\[\] = {/,/^};/s/^\t{"\([a-z0-9_]*\)", "\([0-9.]*\)".*/\1 \2/p' "$REPOSITORY/runtime/base/host_calls.c"
}

setup_file() {
	stores_begin
	image_begin
	bundle_begin
	cc -o "$STORES/without" "$REPOSITORY/tests/lib/without.c" -lseccomp
	tar -C "$STORES/rootfs" -cf "$STORES/image.tar" .
	mkdir "$STORES/folder"
	echo 'of the host' >"$STORES/folder/file"
}
teardown_file() {
	bundle_end
	stores_end
}
setup() {
	BELOW=()
	bundle_configure
}
teardown() {
	BELOW=()
	oci_end
	containers_end
}

hull() {
	"${BELOW[@]}" "$HULL" --root "$STORES/run" --data "$STORES/data" "$@"
}
oci() {
	"${BELOW[@]}" "$OCI" --root "$FOLDER/run" "$@"
}
# Everything that is run from here on lacks the calls: below ENOSYS clone3,openat2
below() {
	BELOW=(timeout -k 1 20 "$STORES/without" "$@")
}

# --- what people do, as short as it can be ---

story_of_run() {
	run -0 hull run --rm -p 127.0.0.1:18091:80 --memory 64m -v "$STORES/folder:/f:ro" bb sh -c 'cat /f/file; id -u; echo /sys/class/net/eth0; ! touch /f/x 2>/dev/null'
	[ "$output" = $'of the host\n0\n/sys/class/net/eth0' ]
	run -7 hull run --rm -t --network none --init --read-only bb sh -c 'tty >/dev/null && exit 7'
	run -127 hull run --rm --network none bb none
}
story_of_a_detached_one() {
	hull run -d --name there -v kept:/kept bb sh -c 'echo begun; exec httpd -f -p 80 -h /etc' >/dev/null
	run -0 hull exec there sh -c 'echo mine >/kept/file; echo in'
	[ "$output" = in ]
	run -3 hull exec -t there sh -c 'exit 3'
	retry 30 answers there
	run -0 hull logs there
	[ "$output" = begun ]
	hull pause there
	hull unpause there
	run -0 hull stop -t 0 there
	hull start there
	run -0 hull run --rm -v kept:/kept bb cat /kept/file
	[ "$output" = mine ]
	run -0 hull rm -f -v there
}
answers() {
	wget -qO- -T 2 "http://$(hull inspect --format '{{.Network.IP}}' "$1")/passwd" | grep -q ^app:
}
story_of_an_image() {
	hull image import -q --name taken "$STORES/image.tar" >/dev/null
	run -0 hull run --rm --network none taken id -u
	[ "$output" = 0 ]
	hull rmi taken >/dev/null
}
story_of_a_bundle() {
	edit 'c["process"]["args"] = ["sleep", "100"]'
	run -0 apart create "$ID"
	run -0 oci start "$ID"
	run -0 oci exec "$ID" sh -c 'echo in'
	[ "$output" = in ]
	run -0 oci kill "$ID" KILL
	retry 30 is_stopped
	run -0 oci delete "$ID"
}
is_stopped() {
	[ "$(member status)" = stopped ]
}
all_stories() {
	story_of_run
	story_of_a_detached_one
	story_of_an_image
	story_of_a_bundle
}

@test "the filter does what it says" {
	below ENOSYS mkdir,mkdirat
	run -1 "${BELOW[@]}" mkdir "$STORES/none"
	has 'Function not implemented'
	below EPERM mkdir,mkdirat
	run -1 "${BELOW[@]}" sh -c "mkdir '$STORES/none'; mkdir '$STORES/none'"
	has 'Operation not permitted'
	run -0 "${BELOW[@]}" grep -x 'NoNewPrivs:.0' /proc/self/status
	run -125 "$STORES/without" ENOSYS no_such_call true
}

@test "without clone3" {
	below ENOSYS clone3
	all_stories
}
@test "without openat2" {
	below ENOSYS openat2
	all_stories
}
@test "without close_range" {
	below ENOSYS close_range
	all_stories
}
@test "without statx" {
	below ENOSYS statx
	all_stories
}
@test "where a filter forbids all of these, and those that nobody needs" {
	below EPERM "$(IFS=,; echo "${REPLACED[*]}"),process_madvise,io_uring_setup,faccessat2,fchmodat2,openat2"
	all_stories
}
# What Linux 6.1 lacks of what newer kernels have.
@test "with layers of overlay by their names, and nobody to tell how others' processes ended" {
	HULL=$HULL_TESTING OCI=${HULL_TESTING%/*}/hull-oci
	export HULL_TEST_HOST=overlay_fd_layers=0,pidfd_exit=0
	all_stories
}
@test "with the older cgroups alone" {
	[ "$(stat -f -c %T /sys/fs/cgroup)" != cgroup2fs ] || skip "this machine has no cgroup v1"
	# The containers of one command must be seen from the next: one view for all.
	"$REPOSITORY/tests/bench/v1-view" sleep 300 3>&- 4>&- &
	local view=$!
	retry 30 is_sleep "$view"
	BELOW=(nsenter -t "$view" -m -C --wdns="$FOLDER/bundle")
	[ -z "$("${BELOW[@]}" find /sys/fs/cgroup -name cgroup.kill)" ]
	all_stories
	BELOW=()
	kill "$view"
}
is_sleep() {
	[ "$(cat "/proc/$1/comm")" = sleep ]
}

# --- what is refused ---

# One line that names the call and the kernel that has it, and nothing is left.
refuses() {
	local call=$1 since=$2
	below "$3" "$call"
	run -125 hull run --rm --network none bb true
	[ "${#lines[@]}" -eq 1 ]
	like "^hull: run: .*system call $call \(Linux $since\).*this kernel, [^ ]+, does not have it, or a seccomp filter forbids it$"
	run -125 hull run -d --rm bb true
	[ "${#lines[@]}" -eq 1 ]
	has "$call (Linux $since)"
	run -1 apart create "$ID"
	like "^hull-oci: create: .*system call $call \(Linux $since\)" "$(cat "$FOLDER/words")"
	run -0 cat "$FOLDER/words"
	[ "${#lines[@]}" -eq 1 ]
	BELOW=()
	[ -z "$(hull ps -aq)" ]
	[ -z "$(ls "$FOLDER/run")" ]
	nothing_left
}

@test "a call that hull needs is named, where the kernel lacks it" {
	local call since
	[ "$(needed | wc -l)" -ge 10 ]
	while read -r call since; do
		refuses "$call" "$since" ENOSYS
	done < <(needed)
}
@test "a call that hull needs is named, where a filter forbids it" {
	local call since
	while read -r call since; do
		refuses "$call" "$since" EPERM
	done < <(needed)
}

# Whoever comes later, below such a filter, to a container that runs already.
@test "a container that runs is not said to have ended" {
	local call
	hull run -d --name runs --network none bb sleep 1000 >/dev/null
	run -0 apart create "$ID"
	for call in pidfd_open pidfd_send_signal; do
		below ENOSYS "$call"
		run -125 hull exec runs true
		has "the system call $call (Linux"
		[ "${#lines[@]}" -eq 1 ]
		run -125 hull kill runs
		has "the system call $call (Linux"
		run -1 oci kill "$ID" KILL
		has "the system call $call (Linux"
		BELOW=()
		[ "$(hull inspect --format '{{.State.Status}}' runs)" = running ]
	done
}
