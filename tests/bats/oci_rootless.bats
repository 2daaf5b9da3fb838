#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# hull-oci for an ordinary user: with and without a cgroup of its own, with and without newuidmap.

load helpers
load oci_helpers

USER_ID=12345

setup_file() {
	bundle_begin
	mkdir "$FOLDER/runtime"
	chown -R "$USER_ID:$USER_ID" "$FOLDER"
	chmod 755 "$FOLDER"
}

setup() {
	ID=oci-$$-$BATS_TEST_NUMBER
	cd "$FOLDER/bundle" || return
	user_configure sleep 100
}

teardown() {
	local id

	for id in $(oci list -q); do
		oci delete --force "$id"
	done
	[ -z "$(ls "$FOLDER/runtime/hull-oci")" ]
	retry 30 no_process
	user_cgroups_end
}

# hull-oci as the user, with the state directory that it chooses itself.
oci() {
	setpriv --reuid "$USER_ID" --regid "$USER_ID" --clear-groups \
		env -i PATH="$PATH" HOME="$FOLDER" XDG_RUNTIME_DIR="$FOLDER/runtime" "$OCI" "$@"
}

no_process() {
	! pgrep -u "$USER_ID"
}

user_configure() {
	rm -f config.json
	oci spec --rootless
	edit 'c["process"]["terminal"] = False; c["process"]["args"] = sys.argv[1:]' "$@"
}

# A cgroup in every tree that the user may do with what it likes.
user_cgroups_begin() {
	local tree

	for tree in /sys/fs/cgroup /sys/fs/cgroup/*; do
		[ -e "$tree/cgroup.procs" ] || continue
		mkdir -p "$tree/user"
		[ ! -e "$tree/user/cpuset.cpus" ] || cat "$tree/cpuset.cpus" >"$tree/user/cpuset.cpus" || true
		[ ! -e "$tree/user/cpuset.mems" ] || cat "$tree/cpuset.mems" >"$tree/user/cpuset.mems" || true
		chown -R "$USER_ID" "$tree/user"
	done
}

user_cgroups_end() {
	find /sys/fs/cgroup -depth -path '*/user*' -type d -exec rmdir {} + 2>/dev/null || true
}

# Runs words with the user's cgroup for its own.
in_user_cgroup() {
	# shellcheck disable=SC2016
	bash -c 'for tree in /sys/fs/cgroup /sys/fs/cgroup/*; do
		[ ! -e "$tree/user/cgroup.procs" ] || echo $$ >"$tree/user/cgroup.procs"
	done
	exec "$@"' bash setpriv --reuid "$USER_ID" --regid "$USER_ID" --clear-groups \
		env -i PATH="$PATH" HOME="$FOLDER" XDG_RUNTIME_DIR="$FOLDER/runtime" "$OCI" "$@"
}

apart_in_user_cgroup() {
	in_user_cgroup "$@" </dev/null &>"$FOLDER/words" 3>&- 4>&-
}

@test "run: root inside, the user outside" {
	user_configure sh -c 'id; cat /proc/self/uid_map; exit 7'
	run -7 oci run "$ID"
	has "uid=0 gid=0"
	like "0 +$USER_ID +1"
	[ -d "$FOLDER/runtime/hull-oci" ]
	# Its loopback interface is up, its /proc, /sys and /dev are its own.
	user_configure sh -c 'cat /sys/class/net/lo/operstate; echo x >/dev/null; ls /proc | grep -c "^[0-9]*$"'
	run -0 oci run "$ID"
	has unknown
	[[ ${lines[-1]} -le 4 ]]
}

@test "process.rlimits: below the user's own, for run and exec; above them is refused" {
	user_configure sleep 100
	edit 'c["process"]["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 64, "hard": 128}]'
	run -0 apart run --detach "$ID"
	run -0 oci exec "$ID" sh -c 'ulimit -Sn; ulimit -Hn'
	[ "$output" = $'64\n128' ]
	grep -Eq '^Max open files +64 +128 ' "/proc/$(member pid)/limits"
	run -0 oci delete --force "$ID"
	edit 'c["process"]["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 64, "hard": '$(($(ulimit -Hn) + 1))'}]'
	run -1 oci run "$ID"
	one_line
	has RLIMIT_NOFILE
}

@test "create, start, exec, ps, kill, delete, without a cgroup" {
	run -0 apart create "$ID"
	[ "$(member status)" = created ]
	run -0 oci start "$ID"
	run -5 oci exec "$ID" sh -c 'exit 5'
	run -0 oci exec -t "$ID" tty
	has /dev/pts/
	run -0 apart exec -d "$ID" sleep 50
	run -0 oci ps "$ID"
	[ "${#lines[@]}" -eq 3 ]
	run -0 oci ps --format json "$ID"
	like '^\[[0-9]+,[0-9]+\]$'
	run -1 oci pause "$ID"
	one_line
	has "without cgroups"
	run -0 oci kill --all "$ID" KILL
	retry 30 is stopped
	run -0 oci kill --all "$ID" KILL
	run -0 oci delete "$ID"
	run -0 oci delete --force "$ID"
}

@test "limits need a cgroup that the user may make" {
	edit 'c["linux"]["resources"] = {"pids": {"limit": 20}}'
	run -1 oci run "$ID"
	one_line
	has "this user may not make cgroup"
	run -1 oci --rootless=false run "$ID"
	one_line
	user_cgroups_begin
	user_configure sleep 100
	edit 'c["linux"]["resources"] = {"pids": {"limit": 20}}; c["linux"]["namespaces"] = [n for n in c["linux"]["namespaces"] if n["type"] != "cgroup"]
c["mounts"] = [m for m in c["mounts"] if m["type"] != "cgroup"]'
	run -0 apart_in_user_cgroup run --detach "$ID"
	run -0 in_user_cgroup exec "$ID" cat /proc/self/cgroup
	has "/user/hull/$ID"
	run -0 in_user_cgroup events --stats "$ID"
	has '"limit":20'
	run -0 in_user_cgroup pause "$ID"
	[ "$(member status)" = paused ]
	run -0 in_user_cgroup delete --force "$ID"
	[ -z "$(find /sys/fs/cgroup -path "*/user/hull/$ID")" ]
}

@test "more ids, by newuidmap" {
	command -v newuidmap >/dev/null || skip "no newuidmap"
	edit '[c["linux"][side].append({"containerID": 1, "hostID": 500000, "size": 1000}) for side in ("uidMappings", "gidMappings")]
c["process"]["args"] = ["id"]; c["process"]["user"] = {"uid": 5, "gid": 6, "additionalGids": [7]}'
	run -1 oci run "$ID"
	one_line
	has "see /etc/subuid"
	echo "hulltest:500000:1000" >"$FOLDER/sub"
	cp /etc/passwd "$FOLDER/passwd"
	echo "hulltest:x:$USER_ID:$USER_ID::/:/bin/sh" >>"$FOLDER/passwd"
	touch /etc/subuid /etc/subgid
	mount --bind "$FOLDER/sub" /etc/subuid
	mount --bind "$FOLDER/sub" /etc/subgid
	mount --bind "$FOLDER/passwd" /etc/passwd
	run oci run "$ID"
	umount /etc/subuid /etc/subgid /etc/passwd
	[ "$status" -eq 0 ]
	has "uid=5 gid=6 groups=7"
	mount --bind "$FOLDER/sub" "$(command -v newuidmap)"
	run -1 oci run "$ID"
	umount "$(command -v newuidmap)"
	one_line
	has newuidmap
}

@test "what an ordinary user cannot have is refused" {
	edit 'c["linux"]["namespaces"] = [n for n in c["linux"]["namespaces"] if n["type"] != "user"]; c["linux"].pop("uidMappings"); c["linux"].pop("gidMappings")'
	run -1 oci run "$ID"
	one_line
	has "needs a user namespace"
	user_configure true
	edit 'c["mounts"].append({"type": "bind", "source": "/tmp", "destination": "/tmp", "options": ["bind", "idmap"]})'
	run -1 oci run "$ID"
	one_line
	has "cannot map the ids of mounts"
	user_configure true
	edit 'c["process"]["oomScoreAdj"] = -1000'
	run -1 oci run "$ID"
	one_line
	run -1 oci --root /run/hull-test-none run "$ID"
	one_line
	has "Permission denied"
}

@test "a folder of the host, and what the user may not read stays so" {
	mkdir "$FOLDER/mine"
	echo words >"$FOLDER/mine/file"
	install -m 600 -o root /dev/null "$FOLDER/mine/secret"
	echo secret >"$FOLDER/mine/secret"
	user_configure sh -c 'cat /tmp/file; cat /tmp/secret'
	edit 'c["mounts"].append({"type": "bind", "source": sys.argv[1], "destination": "/tmp", "options": ["bind", "ro"]})' "$FOLDER/mine"
	run -1 oci run "$ID"
	has words
	has "Permission denied"
	rm -r "$FOLDER/mine"
}

@test "hooks, a pid file, and what fails in the middle leaves nothing" {
	edit 'c["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", "cat >state"]}]}'
	run -0 apart create --pid-file "$FOLDER/runtime/pid" "$ID"
	[ "$(cat "$FOLDER/runtime/pid")" = "$(member pid)" ]
	grep -q '"creating"' state
	rm state
	run -0 oci delete --force "$ID"
	user_configure none-such
	run -127 oci run "$ID"
	one_line
	has "executable file not found"
	edit 'c["root"]["path"] = "none-such"'
	run -1 oci run "$ID"
	one_line
}
