#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The oldest kernel that hull is made for. Its tmpfs, unlike that of newer ones, cannot map ids, and its overlay takes
# no layers by descriptor.

load ../bats/helpers

setup_file() {
	stores_begin
	mkdir "$STORES/data"
	mount -t tmpfs -o size=64m hull-data "$STORES/data"
}
teardown_file() {
	umount "$STORES/data"
	stores_end
}

@test "the machine is what it should be: Linux 6.1" {
	[[ $(uname -r) == 6.1.* ]]
}

@test "with all data on a tmpfs a container has a copy of its image, and its own files" {
	run -0 --separate-stderr hull run --name copied --network none busybox sh -c \
		'stat -c %u:%g /bin/busybox /etc/hosts; echo x >/new; echo x >>/etc/hosts; id -u'
	is $'0:0\n0:0\n0'
	# shellcheck disable=SC2154
	[[ $stderr == *"cannot map ids: the image was copied for this container ("*"); --userns=host needs no copy, at a risk" ]]
	[ "$(stat -c %F "$STORES"/data/instances/*/layers/0/bin)" = directory ]
	hull start -a copied
	hull rm copied
	[ -z "$(ls "$STORES/data/instances")" ]
}

@test "a named volume there is refused, with what to do" {
	run -125 hull run --rm --network none -v mine:/mine busybox true
	like "mount a folder of the host on '/mine', with 'U' .*, or use --userns=host$" "${lines[-1]}"
}
