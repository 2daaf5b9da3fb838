# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the tests of hull-oci share: a bundle, a state directory, and after each test a look that nothing is left.
#
#     load helpers
#     load oci_helpers
#     setup() { bundle_configure; }
#     teardown() { oci_end; }
#
# A file that has more to begin with than a bundle says so itself: setup_file(), teardown_file().

OCI=${OCI:-${HULL_BUILD:-$REPOSITORY/build}/bin/hull-oci}

bundle_begin() {
	FOLDER=$(mktemp -d /tmp/hull-oci-test.XXXXXX)
	export FOLDER
	mkdir -p "$FOLDER"/bundle/rootfs/{bin,proc,sys,dev,tmp,etc}
	cp "$(command -v busybox)" "$FOLDER/bundle/rootfs/bin/busybox"
	for name in sh sleep cat echo true false id kill tty stty grep ls mount umount mkdir dd; do
		ln -s busybox "$FOLDER/bundle/rootfs/bin/$name"
	done
}

bundle_end() {
	rm -rf --one-file-system "$FOLDER"
}

setup_file() {
	bundle_begin
}

teardown_file() {
	bundle_end
}

bundle_configure() {
	ID=oci-$$-$BATS_TEST_NUMBER
	cd "$FOLDER/bundle" || return
	made_once default configure sleep 100
}

# A helper may outlive its command by some milliseconds.
no_process() {
	! pgrep -af -- "--root $FOLDER/run"
}

# Nothing of it is left: no state, no mount, no process, no cgroup.
oci_end() {
	local id

	for id in $(oci list -q); do
		oci delete --force "$id"
	done
	ls -lAR "$FOLDER/run"
	[ -z "$(ls "$FOLDER/run")" ]
	[[ $(cat /proc/self/mountinfo) != *"$FOLDER"* ]]
	retry 30 no_process
	[ -z "$(find /sys/fs/cgroup -maxdepth 4 -type d -name "oci-$$-*")" ]
}

oci() {
	"$OCI" --root "$FOLDER/run" "$@"
}

# The same for what goes on running: it must not hold the test's own output.
apart() {
	oci "$@" </dev/null &>"$FOLDER/words" 3>&- 4>&-
}

# made_once NAME COMMAND...: config.json as this command writes it, which is asked once: each of them starts a program
# or two.
made_once() {
	local kept=$FOLDER/$1.json

	rm -f config.json
	if [ -e "$kept" ]; then
		cp "$kept" config.json
	else
		"${@:2}"
		cp config.json "$kept"
	fi
}

# A fresh config.json that runs these words, without a terminal.
configure() {
	configure_with pass "$@"
}

# configure_with CHANGE WORDS...: the same, and changed.
configure_with() {
	made_once spec oci spec
	edit "c['process']['terminal'] = False; c['process']['args'] = sys.argv[1:]
$1" "${@:2}"
}

# Changes config.json, which is c.
edit() {
	python3 -c "import json, sys; c = json.load(open('config.json')); $1; json.dump(c, open('config.json', 'w'))" "${@:2}"
}

# A member of the state, a word or a number: member pid
member() {
	local state pattern="\"$1\": *\"?([^\",}"$'\n'"]*)"

	state=$(oci state "$ID") || return
	[[ ! $state =~ $pattern ]] || echo "${BASH_REMATCH[1]}"
}

is() {
	[ "$(member status)" = "$1" ]
}

# One line on standard error, which begins as all do.
one_line() {
	[ "${#lines[@]}" -eq 1 ]
	[[ $output == "hull-oci: "* ]]
}

# What a file of the container's cgroup says: cgroup_file CONTROLLER V1_FILE V2_FILE
cgroup_file() {
	if [ -d "/sys/fs/cgroup/$1/hull/$ID" ]; then
		cat "/sys/fs/cgroup/$1/hull/$ID/$2"
	else
		cat "/sys/fs/cgroup/hull/$ID/$3"
	fi
}
