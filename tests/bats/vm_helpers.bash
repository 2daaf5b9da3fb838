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

# Whether its log has this line.
says() {
	hull logs "$1" 2>&1 | grep -qxF -- "$2"
}

# The processes of a machine of QEMU's besides its monitor, which is init_of(): QEMU, and the server of its volumes.
qemu_of() {
	pgrep -P "$(init_of "$1")" qemu
}
server_of() {
	pgrep -P "$(init_of "$1")" -x hull-vmm
}

# control NAME LINE: to its monitor's control socket, and the answer.
control() {
	(cd "$STORES/run/instances/$(hull inspect --format '{{.ID}}' "$1")" && echo "$2" | socat -t 10 - UNIX-CONNECT:control.sock)
}
