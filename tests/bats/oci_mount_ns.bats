#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# hull-oci without a mount namespace of the container's own: one that is joined by its path, and the runtime's. The root
# is the bundle's all the same, and in nobody's tree.

load helpers
load oci_helpers

setup_file() {
	bundle_begin
	gcc -static -O1 -o "$FOLDER/bundle/rootfs/bin/leave-root" "$REPOSITORY/tests/lib/leave-root.c"
	ln -s busybox "$FOLDER/bundle/rootfs/bin/readlink"
	ln -s busybox "$FOLDER/bundle/rootfs/bin/stat"
	mkfifo "$FOLDER/holds"
	mkdir "$FOLDER/other" "$FOLDER/volume" "$FOLDER/bundle/rootfs/volume"
}

setup() {
	bundle_configure
	ROOT=$(stat -c %i rootfs)
	OWN=$(readlink /proc/self/ns/mnt)
}

teardown() {
	! mountpoint -q "$FOLDER/volume" || umount "$FOLDER/volume"
	release
	oci_end
}

# Another mount namespace, which has a mark that no other has, and a process that lives there: $HOLDER.
hold() {
	# shellcheck disable=SC2016
	unshare --mount sh -c 'mount -t tmpfs mark "$1/other" && : >"$1/other/mark" && echo >"$1/holds" && exec sleep 1000' \
		sh "$FOLDER" </dev/null &>"$FOLDER/held" 3>&- 4>&- &
	HOLDER=$!
	read -r -t 30 <>"$FOLDER/holds"
	[ -e "/proc/$HOLDER/root$FOLDER/other/mark" ]
	JOIN="n('mount', '/proc/$HOLDER/ns/mnt')"
	THEIRS=$(readlink "/proc/$HOLDER/ns/mnt")
	BEFORE=$(cat "/proc/$HOLDER/mountinfo")
	[ "$THEIRS" != "$OWN" ]
}

# Nothing has happened to those who live there.
release() {
	[ -n "${HOLDER:-}" ] || return 0
	local after lives=yes

	after=$(cat "/proc/$HOLDER/mountinfo")
	[ -e "/proc/$HOLDER/root$FOLDER/other/mark" ] || lives=no
	kill "$HOLDER"
	wait "$HOLDER" || true
	HOLDER=
	[ "$after" = "$BEFORE" ]
	[ "$lives" = yes ]
}

# What changes of config.json are written in: n(KIND, PATH) joins a namespace, without(KIND) leaves it out, caps(NAMES)
# are the capabilities, mapped() makes a user namespace. Each change is a start of Python: what belongs together is one.
WORDS='l = c["linux"]
def without(kind): l["namespaces"] = [x for x in l["namespaces"] if x["type"] != kind]
def n(kind, path): without(kind); l["namespaces"].append({"type": kind, "path": path})
def caps(*names):
	c["process"]["capabilities"] = {k: ["CAP_" + x for x in names] for k in ("bounding", "effective", "permitted")}
def mapped():
	l["namespaces"].append({"type": "user"}); l["resources"] = {}
	for k in ("uidMappings", "gidMappings"): l[k] = [{"containerID": 0, "hostID": 300000, "size": 65536}]
'
change() {
	edit "$WORDS$1" "${@:2}"
}
# made CHANGE WORDS...: a fresh config.json that runs these words, and changed.
made() {
	configure_with "$WORDS$1" "${@:2}"
}

said() {
	[ "$output" = "$1" ]
}

# What is true of every such container while it runs: where_it_is NAMESPACE
where_it_is() {
	local pid

	pid=$(member pid)
	[ "$(readlink "/proc/$pid/ns/mnt")" = "$1" ]
	[ "$(stat -Lc %i "/proc/$pid/root")" = "$ROOT" ]
	[ -z "$(cat "/proc/$pid/mountinfo")" ]
	run -0 oci exec "$ID" sh -c 'readlink /proc/self/ns/mnt; stat -c %i /; ls /'
	[ "${lines[0]}" = "$1" ]
	[ "${lines[1]}" = "$ROOT" ]
	has volume
}

@test "a mount namespace joined by its path: the program is in it, its root is the bundle's, and the others' tree stays as it is" {
	hold
	change "$JOIN"
	run -0 apart create "$ID"
	is created
	run -0 oci start "$ID"
	where_it_is "$THEIRS"
	[ "$(cat "/proc/$HOLDER/mountinfo")" = "$BEFORE" ]
	[[ $(cat /proc/self/mountinfo) != *"$FOLDER"* ]]
	oci kill "$ID" KILL
	retry 30 is stopped
	[ "$(cat "/proc/$HOLDER/mountinfo")" = "$BEFORE" ]
	run -0 oci delete "$ID"
}

@test "what is mounted, hidden and read-only is so, and nothing of it can be changed from inside" {
	hold
	ln -sf busybox rootfs/bin/wc
	echo seen >"$FOLDER/volume/file"
	made "$JOIN; caps('SYS_ADMIN')
c['mounts'] += [{'destination': '/tmp', 'type': 'tmpfs', 'source': 't'},
	{'destination': '/volume', 'source': '$FOLDER/volume', 'options': ['bind', 'ro']}]" sh -c 'echo x >/new; echo x >/proc/sys/kernel/domainname; wc -c </proc/timer_list; echo x >/tmp/new && cat /tmp/new; ls /dev/pts /volume; umount /tmp; mount -t tmpfs x /tmp'
	run ! oci run "$ID"
	has "can't create /new: Read-only file system"
	has "can't create /proc/sys/kernel/domainname: Read-only file system"
	[ "${lines[2]}" = 0 ]
	has x
	has ptmx
	has file
	has "can't unmount /tmp: Invalid argument"
	like 'mounting x on /tmp failed: (Invalid argument|No such file or directory)'
}

@test "no way out of the root leads anywhere but to its top" {
	hold
	made "$JOIN; caps('SYS_CHROOT')" /bin/leave-root /tmp
	run -0 oci run "$ID"
	said "$(printf '%s\n' "chroot: $ROOT" "descriptor: $ROOT" 'setns: Operation not permitted' 'user namespace: Operation not permitted' \
		'umount: Operation not permitted' 'mount: Operation not permitted')"
	# Who may join that namespace, may: that is what to be in it means. Its mounts are not the container's.
	change 'caps("SYS_CHROOT", "SYS_ADMIN")'
	run -0 oci run "$ID"
	[ "${lines[0]}" = "chroot: $ROOT" ]
	[ "${lines[2]}" = "setns: $(stat -Lc %i "/proc/$HOLDER/root/")" ]
	[ "${lines[3]}" = 'user namespace: Operation not permitted' ]
	[ "${lines[4]}" = 'umount: Invalid argument' ]
	[ "${lines[5]}" = 'mount: Invalid argument' ] || [ "${lines[5]}" = 'mount: No such file or directory' ]
}

@test "the tree lives as long as a process has its root in it, and not a moment longer" {
	hold
	mount -t tmpfs volume "$FOLDER/volume"
	: >"$FOLDER/volume/file"
	change "$JOIN; c['mounts'].append({'destination': '/volume', 'source': '$FOLDER/volume', 'options': ['bind']})"
	run -0 apart run --detach "$ID"
	"$REPOSITORY/tests/lib/wait-unmount" "$FOLDER/volume/file" >"$FOLDER/watch" 3>&- 4>&- &
	watch=$!
	retry 30 grep -q watching "$FOLDER/watch"
	umount "$FOLDER/volume"
	run -0 oci exec "$ID" ls /volume
	said file
	kill -0 "$watch"
	oci kill "$ID" KILL
	retry 30 eval "! kill -0 $watch 2>/dev/null"
	wait "$watch"
	run -0 oci delete "$ID"
}

@test "no mount namespace at all: the runtime's" {
	change 'without("mount")'
	run -0 apart run --detach "$ID"
	where_it_is "$OWN"
	[[ $(cat /proc/self/mountinfo) != *"$FOLDER"* ]]
	run -255 oci exec --cap CAP_SYS_ADMIN "$ID" true
	one_line
	has "is in the runtime's mount namespace: a program with CAP_SYS_ADMIN could leave its root"
	oci delete --force "$ID"
	# By its path it is the same one.
	change 'n("mount", "/proc/self/ns/mnt")'
	run -0 apart run --detach "$ID"
	where_it_is "$OWN"
	oci delete --force "$ID"
	made 'without("mount"); caps("SYS_CHROOT")' /bin/leave-root /tmp
	run -0 oci run "$ID"
	[ "${lines[0]}" = "chroot: $ROOT" ]
	[ "${lines[1]}" = "descriptor: $ROOT" ]
}

@test "in a user namespace of its own it may have every capability in the runtime's mount namespace: none is over that" {
	chmod 755 "$FOLDER" "$FOLDER/bundle" rootfs
	made 'without("mount"); mapped(); caps("SYS_CHROOT", "SYS_ADMIN", "SYS_PTRACE", "DAC_READ_SEARCH")' /bin/leave-root /tmp
	run -0 oci run "$ID"
	[ "${lines[0]}" = "chroot: $ROOT" ]
	[ "${lines[1]}" = "descriptor: $ROOT" ]
	[ "${lines[2]}" = 'setns: Operation not permitted' ]
	[ "${lines[3]}" = 'user namespace: Operation not permitted' ]
	change 'c["process"]["args"] = ["sleep", "100"]'
	run -0 apart run --detach "$ID"
	where_it_is "$OWN"
	run -0 oci exec --cap CAP_SYS_ADMIN "$ID" readlink /proc/self/ns/user
	said "$(readlink "/proc/$(member pid)/ns/user")"
	[ "$output" != "$(readlink /proc/self/ns/user)" ]
}

@test "joined together with every other kind: as a second container of a pod" {
	local pod kind

	chmod 755 "$FOLDER" "$FOLDER/bundle" rootfs
	change 'mapped(); l["namespaces"].append({"type": "time"})'
	run -0 apart run --detach "$ID-pod"
	pod=$(ID=$ID-pod member pid)
	change "for kind in ('mount', 'user', 'pid', 'network', 'ipc', 'uts', 'cgroup', 'time'):
	n(kind, '/proc/$pod/ns/' + {'mount': 'mnt', 'network': 'net'}.get(kind, kind))
del c['hostname']"
	THEIRS=$(readlink "/proc/$pod/ns/mnt") BEFORE=$(cat "/proc/$pod/mountinfo")
	run -0 apart run --detach "$ID"
	for kind in user pid net ipc uts cgroup time mnt; do
		[ "$(readlink "/proc/$(member pid)/ns/$kind")" = "$(readlink "/proc/$pod/ns/$kind")" ]
	done
	where_it_is "$THEIRS"
	[ "$(cat "/proc/$pod/mountinfo")" = "$BEFORE" ]
	oci delete --force "$ID"
	[ "$(cat "/proc/$pod/mountinfo")" = "$BEFORE" ]
	oci delete --force "$ID-pod"
}

@test "hooks: all six run, those before the root is done beside it, the program's own in it" {
	hold
	mkdir "$FOLDER/hooks"
	cp rootfs/bin/busybox "$FOLDER/hooks/sh"
	change "$JOIN"'
h = lambda k: [{"path": "/bin/sh", "args": ["sh", "-c", sys.argv[1], k]}]
c["hooks"] = {k: h(k) for k in ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")}
c["mounts"].append({"destination": sys.argv[2], "source": sys.argv[2], "options": ["bind"]})' \
		"read -r state; echo \"\$0 \$(readlink /proc/self/ns/mnt) \$state\" >>$FOLDER/hooks/log" "$FOLDER/hooks"
	mkdir -p "rootfs$FOLDER/hooks"
	run -0 apart create "$ID"
	run -0 oci start "$ID"
	pid=$(member pid)
	run -0 oci delete --force "$ID"
	rm -r "rootfs/tmp/${FOLDER##*/}"
	run -0 cut -d' ' -f1 "$FOLDER/hooks/log"
	said "$(printf '%s\n' prestart createRuntime createContainer startContainer poststart poststop)"
	while read -r name mount_namespace state; do
		case $name in
		createContainer)
			[ "$mount_namespace" != "$OWN" ]
			[ "$mount_namespace" != "$THEIRS" ]
			[ "$(jq .pid <<<"$state")" = 1 ]
			;;
		startContainer) [ "$mount_namespace" = "$THEIRS" ] ;;
		poststop) [ "$mount_namespace" = "$OWN" ] ;;
		*)
			[ "$mount_namespace" = "$OWN" ]
			[ "$(jq .pid <<<"$state")" = "$pid" ]
			;;
		esac
	done <"$FOLDER/hooks/log"
	rm -r "$FOLDER/hooks"
}

@test "a terminal: by its name, and at /dev/console" {
	hold
	made "$JOIN; c['process']['terminal'] = True" \
		sh -c 'tty; readlink /proc/self/fd/0; echo by the console >/dev/console; stat -c %F /dev/console'
	terminal_at "$FOLDER/console" >"$FOLDER/said" 3>&- 4>&- &
	retry 30 test -S "$FOLDER/console"
	run -0 apart create --console-socket "$FOLDER/console" "$ID"
	run -0 oci start "$ID"
	wait "$!"
	run -0 tr -d '\r' <"$FOLDER/said"
	said "$(printf '%s\n' /dev/pts/0 /dev/pts/0 'by the console' 'character special file')"
	rm "$FOLDER/console"
}

@test "the runtime is killed in the middle: nothing is left" {
	hold
	change "$JOIN"'
c["hooks"] = {"createContainer": [{"path": "/bin/sh", "args": ["sh", "-c", "echo here >" + sys.argv[1] + "; exec sleep 4322"]}]}' "$FOLDER/here"
	"$OCI" --root "$FOLDER/run" create "$ID" </dev/null &>"$FOLDER/words" 3>&- 4>&- &
	retry 30 test -s "$FOLDER/here"
	kill -KILL "$!"
	wait "$!" || true
	retry 30 eval '! pgrep -fx "sleep 4322"'
	retry 30 no_process
	rm "$FOLDER/here"
	run -0 oci delete --force "$ID"
}

@test "what cannot be: one line, and nothing is left" {
	local changes=() words=() number

	refused() { # CHANGE WORDS
		changes+=("$WORDS$1")
		words+=("$2")
	}
	hold
	refused 'without("mount"); caps("SYS_ADMIN")' 'a program with CAP_SYS_ADMIN could leave its root'
	refused 'without("mount"); without("pid")' "by way of the host's processes"
	refused 'n("mount", "/proc/self/ns/mnt"); caps("SYS_ADMIN")' 'a program with CAP_SYS_ADMIN could leave its root'
	refused 'n("mount", "/proc/self/ns/net")' "mount namespace '/proc/self/ns/net': it is a namespace of another kind"
	refused 'n("mount", "/nowhere")' "mount namespace '/nowhere': No such file"
	refused "$JOIN; mapped()" 'a new user namespace has no right to join the mount namespace'
	refused 'without("mount"); l["rootfsPropagation"] = "rshared"' "linux.rootfsPropagation: 'rshared' means nothing without a new mount namespace"
	refused 'without("mount"); c["mounts"].append({"destination": "/volume", "source": "/tmp", "options": ["rbind", "rslave"]})' '.options: shared, slave or unbindable means nothing'
	# A mount namespace of another user namespace than the one that is joined.
	unshare --user --map-root-user sleep 1000 </dev/null &>/dev/null 3>&- 4>&- &
	retry 30 eval "[ \"\$(cat /proc/$!/comm)\" = sleep ]"
	refused "$JOIN; n('user', '/proc/$!/ns/user')" 'belongs to a user namespace in which the container has no rights'
	python3 -c 'import json, sys
good = open("config.json").read()
for number, change in enumerate(sys.argv[1:]):
	c = json.loads(good)
	exec(change)
	json.dump(c, open(f"config-{number}.json", "w"))' "${changes[@]}"
	for number in "${!changes[@]}"; do
		mv "config-$number.json" config.json
		run -1 oci create "$ID"
		one_line
		has "${words[$number]}"
		[ -z "$(ls "$FOLDER/run")" ]
	done
	kill "$!"
	wait "$!" || true
}

@test "one process at most: that which makes the root does not count, and no other comes beside the program" {
	pids() {
		[ "$(cgroup_file pids pids.max pids.max)" = 1 ]
	}

	change 'without("mount"); l["resources"]["pids"] = {"limit": 1}'
	run -0 apart create "$ID"
	pids
	run -0 oci start "$ID"
	[ "$(readlink "/proc/$(member pid)/ns/mnt")" = "$OWN" ]
	pids
	run ! oci exec "$ID" sh -c 'echo forked; true | true'
	oci delete --force "$ID"
	hold
	made "$JOIN; l['resources']['pids'] = {'limit': 1}" sh -c 'echo alone; ls / | cat'
	run ! oci run "$ID"
	[ "${lines[0]}" = alone ]
	has "can't fork"
}

@test "what needs a mount namespace of the container's own says so" {
	hold
	change "$JOIN"
	run -0 apart run --detach "$ID"
	run -1 oci mounts add "$ID" - <<<'[{"destination": "/volume", "source": "/tmp", "options": ["bind"]}]'
	one_line
	has 'has no mount namespace of its own'
	run -1 oci checkpoint --image-path "$FOLDER/images" "$ID"
	one_line
	has 'a mount namespace that it has joined, which criu cannot restore'
	oci delete --force "$ID"
	change 'without("mount")'
	run -0 apart run --detach "$ID"
	run -1 oci checkpoint --image-path "$FOLDER/images" "$ID"
	one_line
	has 'has no mount namespace of its own'
}

@test "an ordinary user: without a mount namespace of the container's own" {
	local home=$FOLDER/home
	user_oci() {
		setpriv --reuid 12345 --regid 12345 --clear-groups env -i PATH="$PATH" HOME="$home" XDG_RUNTIME_DIR="$home" "$OCI" "$@"
	}

	chmod 755 "$FOLDER" "$FOLDER/bundle" rootfs
	mkdir -p "$home/bundle"
	chown -R 12345:12345 "$home"
	cd "$home/bundle"
	user_oci spec --rootless
	change 'without("mount"); c["root"]["path"] = sys.argv[1]; c["process"]["terminal"] = False; c["process"]["args"] = ["/bin/leave-root", "/tmp"]
caps("SYS_CHROOT", "SYS_ADMIN")' "$FOLDER/bundle/rootfs"
	run -0 user_oci run "$ID"
	said "$(printf '%s\n' "chroot: $ROOT" "descriptor: $ROOT" 'setns: Operation not permitted' 'user namespace: Operation not permitted' \
		'umount: Operation not permitted' 'mount: Operation not permitted')"
	change 'c["process"]["args"] = ["sleep", "100"]'
	user_oci run --detach "$ID" </dev/null &>"$FOLDER/words" 3>&- 4>&-
	run -0 user_oci exec "$ID" sh -c 'readlink /proc/self/ns/mnt; stat -c %i /'
	said "$OWN"$'\n'"$ROOT"
	user_oci delete --force "$ID"
	[ -z "$(ls "$home/hull-oci")" ]
	rm -r "$home"
}
