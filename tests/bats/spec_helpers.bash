# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the tests of config.json share: a bundle with all of busybox, whose root can be written; and each change of its
# config is a few words of Python.
#
#     load spec_helpers

load oci_helpers
load helpers # the last: 'is' is about what was said here

setup_file() {
	local name root

	bundle_begin
	root=$FOLDER/bundle/rootfs
	mkdir "$root"/{m,n,o}
	chmod 755 "$FOLDER" "$FOLDER/bundle" "$root"
	chmod 1777 "$root/tmp"
	for name in $(busybox --list); do
		[ "$name" = busybox ] || ln -sf busybox "$root/bin/$name"
	done
	echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
}

teardown_file() {
	umount -R "$FOLDER"/mounts 2>/dev/null || true
	bundle_end
}

setup() {
	bundle_configure
}

teardown() {
	oci_end
}

# A fresh config.json that runs these words, without a terminal; the root can be written.
configure_with() {
	made_once spec oci spec
	edit "p.update(terminal=False, args=sys.argv[1:]); c['root']['readonly'] = False
$1" "${@:2}"
}

# Changes config.json, which is c; p is its process, l its linux, m its mounts.
edit() {
	python3 -c "import json, sys; c = json.load(open('config.json')); p, l, m = c['process'], c['linux'], c['mounts']
def namespace(kind, path=None):
    l['namespaces'] = [n for n in l['namespaces'] if n['type'] != kind] + [{'type': kind, **({'path': path} if path else {})}]
def without(kind): l['namespaces'] = [n for n in l['namespaces'] if n['type'] != kind]
$1; json.dump(c, open('config.json', 'w'))" "${@:2}"
}

# says EDIT WORDS...: the output of a container whose config is edited and that runs these words by a shell.
says() {
	configure_with "$1" sh -c "${*:2}"
	run -0 --separate-stderr oci run "$ID"
}

# A running container after an edit; $PID is its first process.
running() {
	edit "$1"
	apart create "$ID" && apart start "$ID" || {
		cat "$FOLDER/words" >&2
		return 1
	}
	# shellcheck disable=SC2034 # for the tests
	PID=$(oci state "$ID" | jq .pid)
}
