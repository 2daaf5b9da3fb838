#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# checkpoint and restore, by the criu of a kernel that it works on.

load ../bats/helpers
load ../bats/oci_helpers

setup_file() {
	local name

	bundle_begin
	for name in nc syslogd logger touch hostname test mkfifo; do
		ln -s busybox "$FOLDER/bundle/rootfs/bin/$name"
	done
	# Busybox locks no files.
	ldd "$(command -v flock)" | grep -o '/[^ ]*' | while read -r name; do
		install -D "$name" "$FOLDER/bundle/rootfs$name"
	done
	cp "$(command -v flock)" "$FOLDER/bundle/rootfs/bin/flock"
}

setup() {
	IMAGES=$BATS_TEST_TMPDIR/images
	bundle_configure
	# A program that counts: to a file of its own, and to its standard output.
	COUNT='i=0; while :; do i=$((i + 1)); echo $i >/dev/shm/n; echo $i; sleep 0.1; done'
}

teardown() {
	[[ $(cat /proc/self/mountinfo) != *"$FOLDER/given/below"* ]] || umount "$FOLDER/given/below"
	oci_end
}

# $ID runs these words, with this change of its config.json; what it says goes to $FOLDER/said through a pipe.
begin() {
	configure_with "$@"
	through said run -d "$ID"
}

# through FILE ARGUMENTS...: hull-oci with a pipe as its standard output, and /dev/null as input.
through() {
	: >"$FOLDER/words"
	# A container's root opens again what it has inherited.
	chmod 666 "$FOLDER/words"
	{ oci "${@:2}" </dev/null 2>"$FOLDER/words" 3>&- 4>&- || echo failed >"$FOLDER/failed"; } | cat >"$FOLDER/$1" 3>&- 4>&- &
	retry 60 settled
	! [ -e "$FOLDER/failed" ] || { rm "$FOLDER/failed" && cat "$FOLDER/words" && return 1; }
}

settled() {
	[ -e "$FOLDER/failed" ] || is running 2>/dev/null
}

# What it has counted to. For a moment each time there is nothing in the file.
count() {
	local found=

	until [ -n "$found" ]; do
		found=$(oci exec "$ID" cat /dev/shm/n) || return 1
	done
	echo "$found"
}

# In every tree that there is.
in_its_cgroups() {
	run ! grep -v ":/hull/$ID\$" "/proc/$(member pid)/cgroup"
}

# It counts on.
counts() {
	local before

	before=$(count)
	retry 60 eval '[ "$(count)" -gt '"$before" ']'
}

# What it says after a restore follows what it said before. Whoever writes it down may be a while behind.
goes_on() {
	retry 60 eval '[ "$(head -n 1 "$FOLDER/said-again")" -eq $(($(tail -n 1 "$FOLDER/said") + 1)) ]'
}

checkpoint() {
	oci checkpoint --image-path "$IMAGES" "$@" "$ID" || { tail -n 20 "$IMAGES/dump.log" && return 1; }
}

restore() {
	through said-again restore -d --image-path "$IMAGES" "$@" "$ID" || { tail -n 20 "$IMAGES/restore.log" && return 1; }
}

# The options of its mount at a place: "ro,nosuid"
options_of() {
	awk -v place="$1" '$5 == place { print $6 }' "/proc/$(member pid)/mountinfo"
}

@test "a program goes on where it was: its memory, files, pipes, and what it may not see" {
	begin 'pass' sh -c "$COUNT"
	retry 60 test -s "$FOLDER/said"
	before=$(grep -v ' / / ' "/proc/$(member pid)/mountinfo" | awk '{ print $5, $6 }' | sort)
	run -0 oci --debug checkpoint --image-path "$IMAGES" "$ID"
	# At each of these hull sees whether the pid is still the container's; when the last is told, the processes are
	# still held.
	has "criu is at 'pre-dump'"
	has "criu is at 'post-dump'"
	# It is gone from the state directory, as engines expect it: a new one may have its name.
	run -1 oci state "$ID"
	[ "$(jq -r '.[0]' "$IMAGES/descriptors.json")" = /dev/null ]
	like '^pipe:\[[0-9]+\]$' "$(jq -r '.[1]' "$IMAGES/descriptors.json")"
	[ "$(stat -c %a "$IMAGES")" = 700 ]
	options=$(grep cgroup2 /proc/self/mountinfo)

	restore --pid-file "$FOLDER/pid"
	is running
	[ "$(cat "$FOLDER/pid")" = "$(member pid)" ]
	in_its_cgroups
	goes_on
	counts
	# Every mount is what it was: masked, read-only, the root as well.
	[ "$(grep -v ' / / ' "/proc/$(member pid)/mountinfo" | awk '{ print $5, $6 }' | sort)" = "$before" ]
	run ! oci exec "$ID" touch /new
	has "Read-only file system"
	run -0 oci exec "$ID" sh -c 'cat /proc/keys; hostname'
	[ -n "$output" ]
	[ "$(grep cgroup2 /proc/self/mountinfo)" = "$options" ]
	[[ $(cat /proc/self/mountinfo) != *criu* ]]
	[ -z "$(ls -A /tmp | grep criu)" ]
}

@test "left running, saved again over what was saved before, and restored twice" {
	begin 'pass' sh -c "$COUNT"
	run -0 oci checkpoint --pre-dump --image-path "$BATS_TEST_TMPDIR/before" "$ID"
	[ -e "$BATS_TEST_TMPDIR/before/pstree.img" ] || [ -n "$(ls "$BATS_TEST_TMPDIR"/before/pagemap-*.img)" ]
	counts
	run -0 checkpoint --leave-running --parent-path ../before --work-path "$BATS_TEST_TMPDIR/work"
	[ -e "$IMAGES/parent" ]
	[ -s "$BATS_TEST_TMPDIR/work/dump.log" ]
	[ -s "$BATS_TEST_TMPDIR/work/stats-dump" ]
	counts
	saved=$(count)
	run -0 oci delete --force "$ID"
	restore
	retry 60 test -s "$FOLDER/said-again"
	[ "$(head -n 1 "$FOLDER/said-again")" -le "$((saved + 1))" ]
	counts
	run -0 oci delete --force "$ID"
	ID=$ID-again
	restore
	counts
	in_its_cgroups
	run -1 oci restore -d --image-path "$IMAGES" "$ID"
	has "already exists"
	counts
}

# Prints what a terminal says, after typing a line.
type_into() {
	python3 -c "$ACCEPT"'
terminal = socket.recv_fds(connection, 100, 1)[1][0]
os.write(terminal, sys.argv[2].encode() + b"\n")
said = b""
while select.select([terminal], [], [], 60)[0]:
    try:
        said += os.read(terminal, 1000)
    except OSError:
        break
    if b"got" in said:
        print(said.decode(), flush=True)
        said = b""' "$@"
}

no_terminals() {
	! pgrep -f 'python3 - .*/(one|two) '
}

@test "a terminal comes back, with the program in front of it" {
	configure sh -c 'n=0; while read -r word; do n=$((n + 1)); echo "got $n $word"; done'
	edit 'c["process"]["terminal"] = True'
	type_into "$FOLDER/one" hello >"$FOLDER/typed" 3>&- 4>&- &
	retry 60 test -S "$FOLDER/one"
	run -0 apart run -d --console-socket "$FOLDER/one" "$ID"
	retry 60 grep -q 'got 1 hello' "$FOLDER/typed"
	run -0 checkpoint
	run -1 oci restore -d --image-path "$IMAGES" "$ID"
	has "--console-socket"
	type_into "$FOLDER/two" world >"$FOLDER/typed-again" 3>&- 4>&- &
	retry 60 test -S "$FOLDER/two"
	run -0 apart restore -d --image-path "$IMAGES" --console-socket "$FOLDER/two" "$ID"
	retry 60 grep -q 'got 2 world' "$FOLDER/typed-again"
	run -0 oci exec "$ID" sh -c 'test -c /dev/console && ls /dev/pts'
	has 0
	oci kill "$ID" KILL
	retry 60 no_terminals
}

@test "folders of the host, a user namespace, and limits" {
	mkdir -p "$FOLDER/given/below" "$FOLDER/other"
	echo one >"$FOLDER/given/file"
	mount -t tmpfs given-below "$FOLDER/given/below"
	echo two >"$FOLDER/given/below/file"
	chown -R 100000:100000 "$FOLDER/bundle/rootfs"
	begin 'ids = [{"containerID": 0, "hostID": 100000, "size": 65536}]
c["linux"]["namespaces"].append({"type": "user"})
c["linux"]["uidMappings"] = c["linux"]["gidMappings"] = ids
c["linux"]["resources"].update({"memory": {"limit": 64 << 20}, "pids": {"limit": 40}})
c["mounts"].append({"destination": "/given", "type": "bind", "source": "../given", "options": ["rbind", "ro"]})' sh -c "$COUNT"
	run -0 checkpoint
	restore
	umount "$FOLDER/given/below"
	counts
	run -0 oci exec "$ID" cat /given/file /given/below/file /proc/self/uid_map
	has one
	has two
	has 100000
	[[ $(options_of /given) == ro* ]]
	[[ $(options_of /dev/null) == ro* ]]
	[ "$(cgroup_file memory memory.limit_in_bytes memory.max) $(cgroup_file pids pids.max pids.max)" = "67108864 40" ]
	run -0 oci delete --force "$ID"
	# The folder with its root's memory is the host's root's alone, all the time.
	[ "$(stat -c %a:%u "$IMAGES")" = 700:0 ]
	chown -R 0:0 "$FOLDER/bundle/rootfs"
}

# How many ends of connections to its port there are. In the kernel's tables 1388 is the port, and 01 says that it is
# connected.
connected() {
	oci exec "$ID" cat /proc/net/tcp /proc/net/tcp6 | awk '$4 == "01" && ($2 ~ /:1388$/ || $3 ~ /:1388$/)' | wc -l
}

@test "connections and sockets" {
	begin 'pass' sh -c '(while :; do echo x; sleep 0.1; done) | nc -l -p 5000 & syslogd -n -O /dev/shm/log &
		mkfifo /dev/shm/open; sleep 1000 >/dev/shm/open &
		while :; do nc 127.0.0.1 5000 </dev/shm/open >>/dev/shm/got 2>/dev/shm/not-yet; sleep 0.5; done'
	retry 60 oci exec "$ID" test -s /dev/shm/got
	run -1 oci checkpoint --image-path "$IMAGES" "$ID"
	one_line
	like "criu: Error .*: see '$IMAGES/dump.log'$"
	is running
	run -0 checkpoint --tcp-established
	restore --tcp-established
	before=$(oci exec "$ID" cat /dev/shm/got | wc -l)
	retry 60 eval '[ "$(oci exec "$ID" cat /dev/shm/got | wc -l)" -gt "$before" ]'
	run -0 oci exec "$ID" logger hello
	retry 60 oci exec "$ID" grep -q hello /dev/shm/log
	[ "$(connected)" -eq 2 ]
	run -0 oci delete --force "$ID"
	# A network that is not saved begins as a new one does, with its loopback interface down, for the engine to
	# make.
	restore --tcp-close --empty-ns network
	[ "$(connected)" -eq 0 ]
	run -0 oci exec "$ID" ls /sys/class/net
	[ "$output" = lo ]
	run -0 oci exec "$ID" cat /sys/class/net/lo/flags
	[ "$output" = 0x8 ]
}

# Who listens at a socket of the host: each word that comes to it, a line.
listen() {
	perl -MSocket -e 'socket(S, AF_UNIX, SOCK_DGRAM, 0) && bind(S, pack_sockaddr_un($ARGV[0])) or die $!; chmod 0666, $ARGV[0];
		$| = 1; print "$w\n" while defined recv(S, $w, 100, 0)' "$1" >"$2" </dev/null 3>&- 4>&- &
	LISTENER=$!
	retry 60 test -S "$1"
}

@test "--ext-unix-sk: a socket whose other end is outside goes on to speak with it" {
	mkdir -p "$FOLDER/given"
	listen "$FOLDER/given/socket" "$FOLDER/heard"
	# CRIU looks for the other end in the container's network, which is this one, and connects to the name that it
	# has out here.
	begin 'c["linux"]["namespaces"] = [n for n in c["linux"]["namespaces"] if n["type"] != "network"]; c["mounts"] = [m for m in c["mounts"] if m["type"] != "sysfs"]
c["mounts"] += [{"destination": p, "type": "bind", "source": s, "options": ["rbind", "ro"]} for p, s in (("/usr", "/usr"), ("/lib", "/usr/lib"), ("/lib64", "/usr/lib64"), ("'"$FOLDER"'/given", "../given"))]' \
		/usr/bin/perl -MSocket -e 'socket(S, AF_UNIX, SOCK_DGRAM, 0) && connect(S, pack_sockaddr_un($ARGV[0])) or die $!;
			for (;;) { send(S, ++$n, 0) or die $!; select(undef, undef, undef, 0.1); }' "$FOLDER/given/socket"
	retry 60 test -s "$FOLDER/heard"
	run -1 oci checkpoint --image-path "$IMAGES" "$ID"
	one_line
	has "External socket is used"
	is running
	run -0 checkpoint --ext-unix-sk
	before=$(wc -l <"$FOLDER/heard")
	restore --ext-unix-sk
	retry 60 eval '[ "$(wc -l <"$FOLDER/heard")" -gt $((before + 2)) ]'
	# One word after the other: none is said again.
	cp "$FOLDER/heard" "$FOLDER/heard-so-far"
	[ "$(cat "$FOLDER/heard-so-far")" = "$(seq "$(wc -l <"$FOLDER/heard-so-far")")" ]
	run -0 oci delete --force "$ID"
	kill "$LISTENER"
	rm "$FOLDER/given/socket"
}

# A program of the machine's, with what it needs of the machine's files: outside WORDS...
outside() {
	begin 'c["mounts"] += [{"destination": p, "type": "bind", "source": s, "options": ["rbind", "ro"]} for p, s in (("/usr", "/usr"), ("/lib", "/usr/lib"), ("/lib64", "/usr/lib64"))]' \
		"$@"
}

# Connects from the container's network, but not from the container, and says so; then what it hears: connect_to_it FILE
connect_to_it() {
	nsenter --net="/proc/$(member pid)/ns/net" bash -c 'exec 3<>/dev/tcp/127.0.0.1/5000 && echo connected && exec cat <&3' \
		&>"$1" </dev/null 3>&- 4>&- &
	CLIENT=$!
	retry 60 grep -q connected "$1"
}

@test "--tcp-skip-in-flight: without it a connection that nobody has accepted is refused" {
	outside /usr/bin/perl -MSocket -e 'socket(S, PF_INET, SOCK_STREAM, 6) && setsockopt(S, SOL_SOCKET, SO_REUSEADDR, 1) or die $!;
		bind(S, sockaddr_in(5000, INADDR_ANY)) && listen(S, 5) or die $!; open(R, ">", "/dev/shm/ready"); close R;
		select(undef, undef, undef, 0.1) until -e "/dev/shm/go";
		while (accept(C, S)) { syswrite(C, "served\n"); close C }'
	retry 60 oci exec "$ID" test -e /dev/shm/ready
	connect_to_it "$FOLDER/heard"
	run -1 oci checkpoint --image-path "$IMAGES" "$ID"
	one_line
	has "In-flight connection"
	is running
	run -0 checkpoint --tcp-skip-in-flight
	kill "$CLIENT" || true
	[ "$(cat "$FOLDER/heard")" = connected ]
	restore
	# It listens as before, to those who come now.
	connect_to_it "$FOLDER/heard"
	run -0 oci exec "$ID" touch /dev/shm/go
	retry 60 grep -q served "$FOLDER/heard"
	wait "$CLIENT"
	rm "$FOLDER/heard"
}

@test "--link-remap: a file that has lost the name it was opened by, and has another" {
	begin 'c["root"]["readonly"] = False' sh -c 'exec 3>/tmp/one; busybox ln /tmp/one /tmp/two; busybox rm /tmp/one; while :; do echo x >&3; sleep 0.1; done'
	retry 60 test -s rootfs/tmp/two
	run -1 oci checkpoint --image-path "$IMAGES" "$ID"
	one_line
	has "link-remap"
	is running
	run -0 checkpoint --link-remap
	# What criu gives it is a name for the time that it is saved.
	[ "$(find rootfs/tmp -name 'link_remap.*' | wc -l)" -eq 1 ]
	restore
	before=$(stat -c %s rootfs/tmp/two)
	retry 60 eval '[ "$(stat -c %s rootfs/tmp/two)" -gt "$before" ]'
	[ ! -e rootfs/tmp/one ]
	[ -z "$(find rootfs/tmp -name 'link_remap.*')" ]
	run -0 oci delete --force "$ID"
	rm rootfs/tmp/two
}

# A terminal outside, with nobody's session: hold_terminal NAME makes it $FOLDER/NAME, types what comes to
# $FOLDER/NAME.keys, and writes what it says to $FOLDER/NAME.said.
hold_terminal() {
	python3 - "$FOLDER/$1" <<-'PY' 3>&- 4>&- &
		import os, select, sys
		name = sys.argv[1]
		master, slave = os.openpty()
		os.mkfifo(name + ".keys")
		keys = os.open(name + ".keys", os.O_RDWR)
		said = open(name + ".said", "wb", buffering=0)
		os.symlink(os.ttyname(slave), name)
		while True:
		    for ready in select.select([master, keys], [], [])[0]:
		        if ready == keys: os.write(master, os.read(keys, 1000))
		        else: said.write(os.read(master, 1000))
	PY
	HOLDERS+=($!)
	retry 60 test -c "$FOLDER/$1"
}

# hull-oci with that terminal as all of its streams: at NAME WORDS...
at() {
	oci "${@:2}" 0<>"$FOLDER/$1" >&0 2>&0 3>&- 4>&-
}

@test "--shell-job: a terminal of somebody else's is left to who restores" {
	HOLDERS=()
	hold_terminal before
	hold_terminal after
	configure sh -c 'n=0; while read -r word; do n=$((n + 1)); echo "got $n $word"; done'
	at before run -d "$ID"
	echo hello >"$FOLDER/before.keys"
	retry 60 grep -q 'got 1 hello' "$FOLDER/before.said"
	run -1 oci checkpoint --image-path "$IMAGES" "$ID"
	one_line
	has "see '$IMAGES/dump.log'"
	is running
	run -0 checkpoint --shell-job
	# Who restores has to say it, too, and to have one.
	run -1 oci restore -d --image-path "$IMAGES" "$ID" </dev/null
	one_line
	has "with --shell-job it gets this command's"
	run -1 oci restore -d --shell-job --image-path "$IMAGES" "$ID" </dev/null
	one_line
	has "has none to give it"
	at after restore -d --shell-job --image-path "$IMAGES" "$ID" || { tail -n 20 "$IMAGES/restore.log" && false; }
	echo world >"$FOLDER/after.keys"
	retry 60 grep -q 'got 2 world' "$FOLDER/after.said"
	run -0 oci delete --force "$ID"
	kill "${HOLDERS[@]}"
	rm "$FOLDER"/{before,after}{,.keys,.said}
}

@test "a paused one; and namespaces of others" {
	ip netns add "apart-$$"
	ip netns exec "apart-$$" ip link set lo up
	configure sleep 1000
	run -0 apart run -d "$ID-pod"
	local pod
	pod=$(oci state "$ID-pod" | jq .pid)
	configure sh -c "$COUNT"
	edit 'c["linux"]["namespaces"] = [n for n in c["linux"]["namespaces"] if n["type"] not in ("network", "ipc", "uts")] + [
{"type": "network", "path": sys.argv[1]}, {"type": "ipc", "path": sys.argv[2]}, {"type": "uts", "path": sys.argv[3]}]
c.pop("hostname", None)' "/run/netns/apart-$$" "/proc/$pod/ns/ipc" "/proc/$pod/ns/uts"
	through said run -d "$ID"
	retry 60 test -s "$FOLDER/said"
	run -0 oci pause "$ID"
	run -0 checkpoint --leave-running
	is paused
	run -0 oci resume "$ID"
	counts
	run -0 oci delete --force "$ID"
	restore
	counts
	for kind in ipc uts; do
		[ "$(readlink "/proc/$(member pid)/ns/$kind")" = "$(readlink "/proc/$pod/ns/$kind")" ]
	done
	[ "$(stat -L -c %i "/proc/$(member pid)/ns/net")" = "$(stat -L -c %i "/run/netns/apart-$$")" ]
	run -0 oci delete --force "$ID"
	ip netns delete "apart-$$"
}

# A hook that writes down which one it is, and what state it was told.
note_hooks() {
	cat >"$FOLDER/hook" <<'HOOK'
#!/bin/sh
echo "$1 $(jq -r '.status + " " + (if .pid then "pid" else "none" end)')" >>"$2"
HOOK
	chmod +x "$FOLDER/hook"
	edit 'c["hooks"] = {k: [{"path": sys.argv[1], "args": ["hook", k, sys.argv[2]]}] for k in ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"]}' \
		"$FOLDER/hook" "$FOLDER/hooks"
}

@test "hooks; a root that has never run; another root's folders are made" {
	configure sh -c "$COUNT"
	note_hooks
	edit 'c["hooks"].pop("startContainer"); c["hooks"].pop("createContainer")
c["mounts"].append({"destination": "/made/deep", "type": "tmpfs", "source": "tmpfs"})'
	: >"$FOLDER/hooks"
	through said run -d "$ID"
	# It is running before this one has run.
	retry 60 grep -q poststart "$FOLDER/hooks"
	run -0 checkpoint
	[ "$(xargs <"$FOLDER/hooks")" = "prestart creating pid createRuntime creating pid poststart running pid poststop stopped none" ]
	: >"$FOLDER/hooks"
	rmdir "$FOLDER/bundle/rootfs/made/deep" "$FOLDER/bundle/rootfs/made"
	restore
	retry 60 grep -q poststart "$FOLDER/hooks"
	[ "$(xargs <"$FOLDER/hooks")" = "prestart creating pid createRuntime creating pid poststart running pid" ]
	counts
	run -0 oci delete --force "$ID"
	rmdir "$FOLDER/bundle/rootfs/made/deep" "$FOLDER/bundle/rootfs/made"
	# One that fails takes all of it back.
	edit 'c["hooks"]["createRuntime"] = [{"path": "/bin/false"}]'
	run -1 oci restore -d --image-path "$IMAGES" --pid-file "$FOLDER/pid-of-none" "$ID"
	has "createRuntime hook: hook '/bin/false' ended with exit code 1"
	[ ! -e "$FOLDER/pid-of-none" ]
	run -1 oci state "$ID"
	[ ! -e "/sys/fs/cgroup/hull/$ID" ]
	rmdir "$FOLDER/bundle/rootfs/made/deep" "$FOLDER/bundle/rootfs/made"
}

# A criu that waits for pages, or has them: its output goes to $FOLDER/server.
serve() {
	criu "$@" &>"$FOLDER/server" </dev/null 3>&- 4>&- &
	SERVER=$!
}

listens() {
	ss -ltn | grep -q ":$1 "
}

@test "--page-server: the memory goes to another folder, and comes back from there" {
	begin 'pass' sh -c "$COUNT"
	retry 60 test -s "$FOLDER/said"
	mkdir "$BATS_TEST_TMPDIR/pages"
	serve page-server --images-dir "$BATS_TEST_TMPDIR/pages" --address 127.0.0.1 --port 4711
	retry 60 listens 4711
	run -0 checkpoint --page-server 127.0.0.1:4711
	wait $SERVER
	[ -z "$(find "$IMAGES" -name 'pages-*.img' -size +0)" ]
	mv "$BATS_TEST_TMPDIR"/pages/* "$IMAGES"
	restore
	goes_on
	# Nobody listens there now.
	run -1 oci checkpoint --image-path "$BATS_TEST_TMPDIR/none" --page-server 127.0.0.1:4711 "$ID"
	one_line
	has "see '$BATS_TEST_TMPDIR/none/dump.log'"
	counts
}

@test "--lazy-pages and --status-fd: the memory comes when it is touched" {
	begin 'pass' sh -c "$COUNT"
	retry 60 test -s "$FOLDER/said"
	mkfifo "$FOLDER/status"
	"$OCI" --root "$FOLDER/run" checkpoint --image-path "$IMAGES" --lazy-pages --page-server 127.0.0.1:4711 --status-fd 9 "$ID" \
		&>"$FOLDER/words" </dev/null 9<>"$FOLDER/status" 3>&- 4>&- &
	saver=$!
	# Its one byte, a zero.
	[ "$(timeout 60 head -c 1 "$FOLDER/status" | od -An -tx1 | tr -d ' ')" = 00 ]
	retry 60 listens 4711
	serve lazy-pages --page-server --address 127.0.0.1 --port 4711 --images-dir "$IMAGES" --work-dir "$IMAGES"
	retry 60 test -S "$IMAGES/lazy-pages.socket"
	# The other one's record is there until its memory has gone.
	ID=$ID-again
	restore --lazy-pages
	goes_on
	counts
	wait $SERVER
	wait $saver
	run -1 oci state "${ID%-again}"
}

@test "--auto-dedup: what is saved again is taken from what was saved before" {
	begin 'pass' sh -c "$COUNT"
	chmod 711 "$BATS_TEST_TMPDIR"
	run -0 oci checkpoint --pre-dump --image-path "$BATS_TEST_TMPDIR/before" "$ID"
	counts
	before=$(du -k "$BATS_TEST_TMPDIR"/before/pages-*.img | awk '{ sum += $1 } END { print sum }')
	run -0 checkpoint --parent-path ../before --auto-dedup
	[ "$(du -k "$BATS_TEST_TMPDIR"/before/pages-*.img | awk '{ sum += $1 } END { print sum }')" -lt "$before" ]
	restore
	counts
}

@test "--manage-cgroups-mode: each of them, there and back" {
	begin 'pass' sh -c "$COUNT"
	for mode in ignore none props strict; do
		run -0 checkpoint --leave-running --manage-cgroups-mode "$mode"
	done
	counts
	run -0 checkpoint --manage-cgroups-mode full
	restore --manage-cgroups-mode full
	in_its_cgroups
	counts
	run -0 oci delete --force "$ID"
	[ ! -e "/sys/fs/cgroup/hull/$ID" ]
	restore --manage-cgroups-mode ignore
	in_its_cgroups
	counts
}

@test "--file-locks: without it a lock is refused, and the program goes on" {
	begin 'pass' flock /dev/shm/lock sleep 1000
	retry 60 oci exec "$ID" test -e /dev/shm/lock
	retry 60 eval '! oci exec "$ID" flock -n /dev/shm/lock true'
	run -1 oci checkpoint --image-path "$IMAGES" "$ID"
	one_line
	has "see '$IMAGES/dump.log'"
	is running
	run -0 checkpoint --file-locks
	restore --file-locks
	run -1 oci exec "$ID" flock -n /dev/shm/lock true
}

@test "images that are damaged, and commands that are killed, leave nothing" {
	begin 'pass' sh -c "$COUNT"
	# Killed as soon as CRIU is at work: the container goes on.
	"$OCI" --root "$FOLDER/run" checkpoint --image-path "$IMAGES" "$ID" 3>&- 4>&- &
	retry 60 test -s "$IMAGES/dump.log"
	kill -KILL $!
	wait $! || true
	retry 60 no_criu
	is running
	counts
	rm -r "$IMAGES"
	run -0 checkpoint
	# Killed in the middle of it all.
	configure sh -c "$COUNT"
	edit 'c["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", "kill -KILL $PPID"]}]}'
	run -137 oci restore -d --image-path "$IMAGES" "$ID"
	retry 60 no_criu
	run -0 oci delete --force "$ID"
	[ ! -e "/sys/fs/cgroup/hull/$ID" ]
	configure sh -c "$COUNT"
	echo damaged >"$IMAGES/mm-1.img"
	run -1 oci restore -d --image-path "$IMAGES" "$ID"
	one_line
	like "hull-oci: restore: criu: Error .*: see '$IMAGES/restore.log'$"
	run -1 oci state "$ID"
	rm "$IMAGES/inventory.img"
	run -1 oci restore -d --image-path "$IMAGES" "$ID"
	has "holds no checkpoint"
	no_criu
}

no_criu() {
	! pgrep -x criu
}
