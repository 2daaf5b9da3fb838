# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the tests of machines share, besides helpers.bash.
#
#     load helpers
#     load vm_helpers
#     setup_file() { machines_begin; }

# An emulated processor on a busy machine takes its time.
BOOT_SECONDS=120

machine() {
	hull run --isolation vm --vm-backend qemu "$@"
}

# begin NAME [OPTION...]: a machine that stays, when something can be run in it.
begin() {
	local name=$1

	shift
	machine -d --name "$name" "$@" bb sh -c 'while :; do sleep 0.2; done' >/dev/null 3>&-
	is_reached "$name"
}

# Waits until something can be run in it.
is_reached() {
	retry $BOOT_SECONDS hull exec "$1" true 2>/dev/null
}

has_exited() {
	[ "$(hull inspect --format '{{.State.Status}}' "$1")" = exited ]
}

exit_code() {
	hull inspect --format '{{.State.ExitCode}}' "$1"
}
