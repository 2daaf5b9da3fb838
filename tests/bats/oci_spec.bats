#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# config.json, member by member: what each asks for is looked for in the running container, from inside or from the host.

load helpers

OCI=${OCI:-$HULL_BUILD/bin/hull-oci}
SCHEMAS=$REPOSITORY/tests/data/runtime-spec

setup_file() {
	FOLDER=$(mktemp -d /tmp/hull-oci-spec.XXXXXX)
	export FOLDER
	mkdir -p "$FOLDER"/bundle/rootfs/{bin,proc,sys,dev,tmp,etc,m,n,o}
	chmod 755 "$FOLDER" "$FOLDER"/bundle "$FOLDER"/bundle/rootfs
	chmod 1777 "$FOLDER"/bundle/rootfs/tmp
	cp "$(command -v busybox)" "$FOLDER/bundle/rootfs/bin/busybox"
	for name in $(busybox --list); do
		[ "$name" = busybox ] || ln -sf busybox "$FOLDER/bundle/rootfs/bin/$name"
	done
	echo 'root:x:0:0:root:/root:/bin/sh' >"$FOLDER/bundle/rootfs/etc/passwd"
}

teardown_file() {
	umount -R "$FOLDER"/mounts 2>/dev/null || true
	rm -rf --one-file-system "$FOLDER"
}

setup() {
	ID=spec-$BATS_TEST_NUMBER
	cd "$FOLDER/bundle" || return
	configure sleep 100
}

no_process() {
	! pgrep -f -- "--root $FOLDER/run" >/dev/null
}

teardown() {
	local id

	for id in $(oci list -q); do
		oci delete --force "$id"
	done
	[ -z "$(ls "$FOLDER/run")" ]
	retry 30 no_process
	[ -z "$(find /sys/fs/cgroup -maxdepth 4 -type d -name 'spec-*')" ]
}

oci() {
	"$OCI" --root "$FOLDER/run" "$@"
}

# For what goes on running: it must not hold the test's own output.
apart() {
	oci "$@" </dev/null &>"$FOLDER/words" 3>&- 4>&-
}

# A fresh config.json that runs these words, without a terminal; the root can be written.
configure() {
	rm -f config.json
	oci spec
	edit 'c["process"].update(terminal=False, args=sys.argv[1:]); c["root"]["readonly"] = False' "$@"
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
	configure sh -c "${*:2}"
	edit "$1"
	run -0 --separate-stderr oci run "$ID"
}

# A running container after an edit; $PID is its first process.
running() {
	edit "$1"
	apart create "$ID" && apart start "$ID" || {
		cat "$FOLDER/words" >&2
		return 1
	}
	PID=$(oci state "$ID" | jq .pid)
}

# --- process ---------------------------------------------------------------------------------------------------------------

@test "process.user: ids, additional groups, umask" {
	says 'p["user"] = {"uid": 5, "gid": 6, "umask": 0o27, "additionalGids": [7, 4000000000]}' 'id; umask; touch /tmp/f; stat -c %a /tmp/f'
	has "uid=5 gid=6 groups=7,4000000000"
	has 0027
	has 640
	says 'p["user"] = {"uid": 0, "gid": 0}' 'umask'
	is 0022
}

@test "process: arguments, environment, working directory, which is made" {
	says 'p["env"] = ["A=b c", "PATH=/bin", "EMPTY="]; p["cwd"] = "/made/here"' 'env | sort; pwd'
	has "A=b c"
	has "EMPTY="
	has /made/here
}

@test "process.rlimits, oomScoreAdj, noNewPrivileges" {
	says 'p["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 64, "hard": 128}, {"type": "RLIMIT_CORE", "soft": 0, "hard": 0}]
p["oomScoreAdj"] = 321; p["noNewPrivileges"] = True' \
		'ulimit -n; ulimit -Hn; ulimit -c; cat /proc/self/oom_score_adj; grep NoNewPrivs /proc/self/status'
	is "64"$'\n'128$'\n'0$'\n'321$'\n'"NoNewPrivs:"$'\t'1
	says 'p["noNewPrivileges"] = False' 'grep NoNewPrivs /proc/self/status'
	is "NoNewPrivs:"$'\t'0
}

@test "process.capabilities: each of the five sets" {
	says 'p["user"] = {"uid": 9, "gid": 9}; p["capabilities"] = {"bounding": ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID"], "permitted": ["CAP_CHOWN", "CAP_KILL"],
"effective": ["CAP_CHOWN"], "inheritable": ["CAP_KILL"], "ambient": ["CAP_KILL"]}' 'grep ^Cap /proc/self/status'
	# chown is bit 0, kill bit 5, setuid bit 7: a program of another user gets what is ambient.
	like 'CapInh:.0+20'
	like 'CapPrm:.0+20'
	like 'CapEff:.0+20'
	like 'CapBnd:.0+a1'
	like 'CapAmb:.0+20'
	says 'p["capabilities"] = {"bounding": ["CAP_CHOWN"], "inheritable": ["CAP_KILL"]}' true
	[[ $stderr == *"CAP_KILL left out: inheritable, but not in the bounding set"* ]]
}

@test "process.scheduler and ioPriority" {
	running 'p["scheduler"] = {"policy": "SCHED_BATCH", "nice": 7}; p["ioPriority"] = {"class": "IOPRIO_CLASS_BE", "priority": 6}'
	run -0 chrt -p "$PID"
	has SCHED_BATCH
	run -0 ps -o ni= -p "$PID"
	has 7
	run -0 ionice -p "$PID"
	is "best-effort: prio 6"
	oci delete --force "$ID"
	# On cgroup v1 a new cgroup has no real time to give.
	if running 'p["scheduler"] = {"policy": "SCHED_FIFO", "priority": 3, "flags": ["SCHED_FLAG_RESET_ON_FORK"]}; p["ioPriority"] = {"class": "IOPRIO_CLASS_IDLE"}'; then
		run -0 chrt -p "$PID"
		has "SCHED_FIFO|SCHED_RESET_ON_FORK"
		has "priority: 3"
		run -0 ionice -p "$PID"
		is idle
		oci delete --force "$ID"
	else
		grep -q "policy 1, nice 0, priority 3: Operation not permitted: the container's cgroup has no real time" "$FOLDER/words"
	fi
	running 'p["scheduler"] = {"policy": "SCHED_DEADLINE", "runtime": 1000000, "deadline": 20000000, "period": 30000000}; p.pop("ioPriority")'
	run -0 chrt -p "$PID"
	has SCHED_DEADLINE
	has "1000000/20000000/30000000"
}

@test "process.execCPUAffinity is for exec: initial until it is in the cgroup, final after" {
	[ "$(nproc --all)" -ge 2 ] || skip "one processor"
	running 'p["execCPUAffinity"] = {"initial": "0", "final": "1"}'
	run -0 taskset -pc "$PID"
	[[ $output != *"list: 1" ]]
	run -0 oci exec "$ID" sh -c 'grep Cpus_allowed_list /proc/self/status'
	like 'list:.1$'
	echo '{"cwd": "/", "args": ["grep", "Cpus_allowed_list", "/proc/self/status"], "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0},
		"execCPUAffinity": {"initial": "1", "final": "0"}}' >process.json
	run -0 oci exec --process process.json "$ID"
	like 'list:.0$'
	sed -i 's/"final": "0"/"final": "1000"/' process.json
	run -255 oci exec --process process.json "$ID"
	has "process.execCPUAffinity.final: CPU list '1000': none of these CPUs"
	sed -i 's/"initial": "1", "final": "1000"/"initial": "1001"/' process.json
	run -255 oci exec --process process.json "$ID"
	has "process.execCPUAffinity.initial"
	rm process.json
}

# --- namespaces, ids, clocks -------------------------------------------------------------------------------------------------

@test "hostname and domainname" {
	says 'c["hostname"], c["domainname"] = "named", "domain"' 'hostname; cat /proc/sys/kernel/domainname'
	is named$'\n'domain
}

@test "linux.timeOffsets: the clocks of a time namespace" {
	local inside

	says 'namespace("time"); l["timeOffsets"] = {"boottime": {"secs": 1000000}, "monotonic": {"secs": -5, "nanosecs": 7}}' \
		'cut -d. -f1 /proc/uptime; cat /proc/self/timens_offsets'
	inside=${lines[0]}
	[ $((inside - $(cut -d. -f1 /proc/uptime))) -ge 999990 ]
	like 'monotonic +-5 +7'
	like 'boottime +1000000 +0'
}

@test "linux.namespaces: joined by path, in any combination" {
	local kind others joined

	unshare --net --ipc --uts --pid --fork --time --cgroup --kill-child sleep 1000 3>&- 4>&- &
	retry 30 pgrep -P $! >/dev/null
	others=/proc/$(pgrep -P $!)/ns
	for joined in net ipc "uts net" "pid ipc" "net ipc uts pid" "time cgroup" "pid time cgroup net ipc uts"; do
		configure sh -c 'for kind in net ipc uts pid time cgroup; do echo $kind $(readlink /proc/self/ns/$kind); done'
		for kind in $joined; do
			edit 'namespace({"net": "network"}.get(sys.argv[1], sys.argv[1]), sys.argv[2]); c.pop("hostname", 0)' "$kind" "$others/$kind"
		done
		run -0 oci run "$ID"
		for kind in $joined; do
			has "$kind $(readlink "$others/$kind")"
		done
	done
	kill %1
}

@test "linux.namespaces: what is in none of the list is the host's" {
	says 'without("network"); without("ipc"); without("uts"); without("pid"); c.pop("hostname")
m[:] = [x for x in m if x["type"] not in ("sysfs", "mqueue")]' 'for kind in net ipc uts pid; do readlink /proc/self/ns/$kind; done'
	is "$(for kind in net ipc uts pid; do readlink /proc/self/ns/$kind; done)"
}

# It is made by another process than the one that becomes the program, and /sys shows the network of whoever mounted it.
@test "linux.namespaces: a new network is the one that is seen in /sys, and its loopback interface is up" {
	says 'pass' 'readlink /proc/self/ns/net; ls /sys/class/net; cat /sys/class/net/lo/operstate; grep -c : /proc/net/dev'
	[[ ${lines[0]} == net:* ]]
	[ "${lines[0]}" != "$(readlink /proc/self/ns/net)" ]
	[ "${lines[*]:1}" = "lo unknown 1" ]
}

# Who makes it beside the network knows no options: they come later. A second one, one with another name, and one that has options of its own are made by the first process.
@test "mounts: each sysfs has the options that it is given, and shows the new network" {
	local sys='[x for x in m if x["type"] == "sysfs"][0]'

	says "$sys"'["options"] = ["ro", "noexec", "strictatime", "slave"]
m.append({"destination": "/mnt/two", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noatime"]})
m.append({"destination": "/mnt/three", "type": "sysfs", "source": "named", "options": ["nodev", "ro"]})' \
		'grep " sysfs " /proc/mounts; ls /mnt/two/class/net /sys/class/net'
	is "sysfs /sys sysfs ro,noexec 0 0
sysfs /mnt/two sysfs rw,nosuid,noatime 0 0
named /mnt/three sysfs ro,nodev,relatime 0 0
/mnt/two/class/net:
lo

/sys/class/net:
lo"
	says "m.remove($sys)" 'grep -c " sysfs " /proc/mounts; true'
	is 0
}

@test "linux.uidMappings: ids inside and outside" {
	says 'namespace("user"); l["uidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 10}, {"containerID": 20, "hostID": 200000, "size": 3}]
l["gidMappings"] = [{"containerID": 0, "hostID": 300000, "size": 10}]; l["resources"] = {}' 'cat /proc/self/uid_map /proc/self/gid_map; id -u'
	like '0 +100000 +10'
	like '20 +200000 +3'
	like '0 +300000 +10'
}

# As an engine that keeps a pod's namespaces does: the user namespace by path, its mappings beside it, and bind mounts with mappings and no option.
@test "a user namespace by path together with mappings, and bind mounts that are mapped" {
	local other

	mkdir -p "$FOLDER/owned"
	touch "$FOLDER/owned/root"
	touch "$FOLDER/owned/five"
	chown 5:5 "$FOLDER/owned/five"
	chown -R 100000:100000 rootfs
	unshare --user --net sleep 1000 3>&- 4>&- &
	other=$!
	retry 30 grep -qx sleep "/proc/$other/comm"
	echo '0 100000 65536' >"/proc/$other/uid_map"
	echo '0 100000 65536' >"/proc/$other/gid_map"
	says "namespace('user', '/proc/$other/ns/user'); namespace('network', '/proc/$other/ns/net'); l['resources'] = {}
ids = [{'containerID': 0, 'hostID': 100000, 'size': 65536}]; l['uidMappings'] = l['gidMappings'] = ids
m.append({'destination': '/m', 'type': 'bind', 'source': '$FOLDER/owned', 'options': ['rbind'], 'uidMappings': ids, 'gidMappings': ids})" \
		'id -u; readlink /proc/self/ns/user /proc/self/ns/net; stat -c %u:%g /m/root /m/five; touch /m/new'
	chown -R 0:0 rootfs
	kill "$other"
	has "$(printf '0:0\n5:5')"
	# What root inside makes there is root's on the disk.
	[ "$(stat -c %u "$FOLDER/owned/new")" -eq 0 ]
	rm -r "$FOLDER/owned"
}

# --- mounts --------------------------------------------------------------------------------------------------------------------

# The options of a mount point inside, as mountinfo has them, from $output.
options_of() {
	sed -n "s,^[0-9]* [0-9]* [^ ]* [^ ]* $1 \([^ ]*\) .*,\1,p" <<<"$output"
}

# Below $FOLDER/mounts/plain and /strict a tmpfs within a tmpfs, with no options and with all of them.
make_mounts() {
	local all=ro,nosuid,nodev,noexec,noatime,nodiratime,nosymfollow

	mkdir -p "$FOLDER"/mounts/{plain,strict}
	for name in plain strict; do
		mount -t tmpfs test "$FOLDER/mounts/$name"
		mkdir "$FOLDER/mounts/$name/sub"
		mount -t tmpfs test "$FOLDER/mounts/$name/sub"
	done
	mount -o "remount,bind,$all" "$FOLDER/mounts/strict/sub"
	mount -o "remount,bind,$all" "$FOLDER/mounts/strict"
}
remove_mounts() {
	umount -R "$FOLDER"/mounts/plain "$FOLDER"/mounts/strict
}

# bind_says SOURCE OPTION: mountinfo of a container with that recursive bind mount at /m.
bind_says() {
	configure cat /proc/self/mountinfo
	edit 'm.append({"destination": "/m", "type": "none", "source": sys.argv[1], "options": ["rbind", *sys.argv[2].split(",")]})' "$FOLDER/mounts/$1" "$2"
	run -0 oci run "$ID"
}

# bats test_tags=plain
@test "mounts: each attribute, of one mount and of all below it" {
	local option

	make_mounts
	for option in ro nosuid nodev noexec noatime nodiratime nosymfollow; do
		bind_says plain "$option"
		[[ ,$(options_of /m), == *",$option,"* ]]
		[[ ,$(options_of /m/sub), != *",$option,"* ]]
		bind_says plain "r$option"
		[[ ,$(options_of /m), == *",$option,"* ]]
		[[ ,$(options_of /m/sub), == *",$option,"* ]]
	done
	for option in rw suid dev exec atime diratime symfollow; do
		bind_says strict "$option"
		[[ ,$(options_of /m), != *",${option/#rw/ro},"* && ,$(options_of /m), != *",no$option,"* ]]
		[[ ,$(options_of /m/sub), == *",${option/#rw/ro},"* || ,$(options_of /m/sub), == *",no$option,"* ]]
		bind_says strict "r$option"
		[[ ,$(options_of /m/sub), != *",${option/#rw/ro},"* && ,$(options_of /m/sub), != *",no$option,"* ]]
	done
	# The modes of atime are one field: strict is the absence of both words.
	bind_says plain relatime,rstrictatime
	[[ ,$(options_of /m), == *,relatime,* && ,$(options_of /m/sub), != *,relatime,* && ,$(options_of /m/sub), != *,noatime,* ]]
	for option in relatime norelatime nostrictatime rrelatime rnorelatime rnostrictatime; do
		bind_says strict "$option"
		[[ ,$(options_of /m), == *,relatime,* ]]
	done
	# One that has both says it of itself alone.
	bind_says plain rro,rw
	[[ ,$(options_of /m), == *,rw,* && ,$(options_of /m/sub), == *,ro,* ]]
	remove_mounts
}

# bats test_tags=plain
@test "mounts: propagation" {
	local row

	make_mounts
	mount --make-rshared "$FOLDER/mounts/plain"
	for row in private= rprivate= "shared=shared:" "rshared=shared:" "slave=master:" "rslave=master:" "unbindable=unbindable" "runbindable=unbindable"; do
		bind_says plain "${row%%=*}"
		[ -n "$(options_of /m)" ]
		grep ' /m ' <<<"$output" | grep -q -- "${row#*=}"
		if [[ $row == *= ]]; then
			run ! grep -E ' /m .*(shared|master|unbindable)' <<<"$output"
		fi
		# What the container mounts must not come up on the host, whatever is asked for.
		configure sh -c 'mount -t tmpfs x /m/sub && cat /proc/self/mountinfo'
		edit 'p["capabilities"] = {k: ["CAP_SYS_ADMIN"] for k in ("bounding", "permitted", "effective")}
m.append({"destination": "/m", "type": "none", "source": sys.argv[1], "options": ["rbind", sys.argv[2]]})' "$FOLDER/mounts/plain" "${row%%=*}"
		run -0 oci run "$ID"
		[ "$(grep -c "$FOLDER/mounts/plain" /proc/self/mountinfo)" -eq 2 ]
	done
	remove_mounts
}

@test "mounts: what is the file system's own" {
	says 'm += [{"destination": "/m", "type": "tmpfs", "source": "named", "options": ["size=64k", "mode=0711", "nr_inodes=20", "sync", "dirsync", "noexec"]},
{"destination": "/n", "type": "tmpfs", "options": ["lazytime", "nolazytime", "async", "defaults", "loud", "silent"]},
{"destination": "/relative/made", "type": "tmpfs"}, {"destination": "/m/again", "type": "tmpfs", "options": ["ro"]},
{"destination": "/n", "options": ["bind", "remount", "ro", "nosuid"]}]' 'cat /proc/self/mountinfo; stat -c %a /m'
	like 'named rw,sync,dirsync,size=64k,nr_inodes=20,mode=711'
	[[ $(options_of /m) == *noexec* ]]
	[[ $(options_of /m/again) == ro,* ]]
	[[ $(options_of /n) == *ro,nosuid* ]]
	[ -n "$(options_of /relative/made)" ]
	has 711
}

@test "mounts: tmpcopyup and src-nofollow" {
	mkdir -p rootfs/filled/sub
	echo words >rootfs/filled/sub/file
	chown 3:4 rootfs/filled/sub/file
	ln -s /etc/passwd "$FOLDER/link"
	says 'm += [{"destination": "/filled", "type": "tmpfs", "options": ["tmpcopyup", "mode=700"]},
{"destination": "/tmp/link", "source": "'"$FOLDER/link"'", "options": ["bind", "src-nofollow"]}]' \
		'stat -f -c %T /filled; cat /filled/sub/file; stat -c %u:%g /filled/sub/file; echo more >/filled/new; readlink /tmp/link'
	has tmpfs
	has words
	has 3:4
	has /etc/passwd
	[ ! -e rootfs/filled/new ]
}

@test "mounts: idmap and ridmap with mappings of their own, without a user namespace" {
	mkdir -p "$FOLDER"/mounts/plain
	mount -t tmpfs test "$FOLDER/mounts/plain"
	mkdir "$FOLDER/mounts/plain/sub"
	mount -t tmpfs test "$FOLDER/mounts/plain/sub"
	touch "$FOLDER"/mounts/plain/{,sub/}file
	chown 5:6 "$FOLDER"/mounts/plain/{,sub/}file
	for option in idmap ridmap; do
		configure stat -c %u:%g /m/file /m/sub/file
		edit 'm.append({"destination": "/m", "source": sys.argv[1], "options": ["rbind", sys.argv[2]],
"uidMappings": [{"containerID": 0, "hostID": 1000, "size": 100}], "gidMappings": [{"containerID": 0, "hostID": 2000, "size": 100}]})' \
			"$FOLDER/mounts/plain" "$option"
		run -0 oci run "$ID"
		[ "${lines[0]}" = 1005:2006 ]
		if [ "$option" = idmap ]; then
			[ "${lines[1]}" = 5:6 ]
		else
			[ "${lines[1]}" = 1005:2006 ]
		fi
	done
	umount -R "$FOLDER/mounts/plain"
}

@test "linux.rootfsPropagation" {
	local row

	for row in private= "shared=shared:" "unbindable=unbindable" "slave=master:"; do
		[ "${row%%=*}" != slave ] || mount --bind --make-shared rootfs rootfs
		says "l['rootfsPropagation'] = '${row%%=*}'" 'cat /proc/self/mountinfo'
		grep -E '^[0-9]+ [0-9]+ [^ ]+ [^ ]+ / ' <<<"$output" | grep -q -- "${row#*=}"
		if [[ $row == *= ]]; then
			run ! grep -E '^[0-9]+ [0-9]+ [^ ]+ [^ ]+ / .*(shared|master|unbindable)' <<<"$output"
		fi
	done
	umount rootfs
}

# --- linux: what is in the root ----------------------------------------------------------------------------------------------------

@test "linux.devices: kinds, numbers, modes, owners" {
	says 'l["devices"] = [{"type": "c", "path": "/dev/mine", "major": 1, "minor": 3, "fileMode": 0o640, "uid": 7, "gid": 8},
{"type": "u", "path": "/dev/deep/er", "major": 1, "minor": 5}, {"type": "b", "path": "/dev/block", "major": 7, "minor": 99}, {"type": "p", "path": "/dev/pipe", "fileMode": 0o600}]' \
		'stat -c "%n %F %t:%T %a %u:%g" /dev/mine /dev/deep/er /dev/block /dev/pipe; head -c 3 /dev/deep/er | wc -c'
	has "/dev/mine character special file 1:3 640 7:8"
	has "/dev/deep/er character special file 1:5 666 0:0"
	has "/dev/block block special file 7:63 666 0:0"
	has "/dev/pipe fifo 0:0 600"
	[ "${lines[4]}" = 3 ]
}

@test "linux.sysctl, maskedPaths, readonlyPaths" {
	says 'l["sysctl"] = {"net.ipv4.ip_forward": "1", "kernel/msgmax": "9999", "net/ipv4/conf/lo/forwarding": "0"}
l["maskedPaths"] = ["/proc/meminfo", "/proc/irq", "/nowhere"]; l["readonlyPaths"] = ["/proc/sys", "/etc"]' \
		'cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax; wc -c </proc/meminfo; ls /proc/irq; echo 0 >/proc/sys/net/ipv4/ip_forward || echo sealed; touch /etc/x || echo sealed'
	is 1$'\n'9999$'\n'0$'\n'sealed$'\n'sealed
}

@test "linux.personality: what a program takes the machine for" {
	says 'l["personality"] = {"domain": "LINUX32"}' 'uname -m'
	is i686
	says 'l["personality"] = {"domain": "LINUX"}' 'uname -m'
	is "$(uname -m)"
}

@test "linux.memoryPolicy: where memory comes from" {
	local row

	for row in 'MPOL_BIND:0:bind' 'MPOL_INTERLEAVE:0:interleave' 'MPOL_PREFERRED:0:prefer' 'MPOL_LOCAL::local' 'MPOL_DEFAULT::default' 'MPOL_PREFERRED_MANY:0:prefer'; do
		IFS=: read -r mode nodes words <<<"$row"
		says "l['memoryPolicy'] = {'mode': '$mode', 'nodes': '$nodes'}" 'cat /proc/self/numa_maps'
		has " $words"
	done
	says "l['memoryPolicy'] = {'mode': 'MPOL_BIND', 'nodes': '0', 'flags': ['MPOL_F_STATIC_NODES']}" 'cat /proc/self/numa_maps'
	has "bind=static:0"
}

# --- linux.netDevices -----------------------------------------------------------------------------------------------------------------

make_interface() {
	ip link add spec0 type veth peer name spec1
	ip address add 192.0.2.5/24 dev spec0
	ip address add 2001:db8::5/64 dev spec0 nodad
	ip link set spec0 mtu 1400 up
	ip link set spec1 up
}

@test "linux.netDevices: an interface of the host moves in, and the kernel ends it with its namespace" {
	make_interface
	says 'l["netDevices"] = {"spec0": {"name": "moved%d"}, "spec1": {}}' 'ip address'
	like 'moved0@[^ ]*: <[A-Z,_-]*,UP[A-Z_,-]*> mtu 1400'
	like '192.0.2.5/24'
	like '2001:db8::5/64'
	like 'spec1@[^ ]*: <[A-Z,_-]*,UP'
	retry 30 test ! -e /sys/class/net/spec0
}

@test "linux.netDevices: a creation that fails gives it back as it was" {
	make_interface
	edit 'l["netDevices"] = {"spec0": {"name": "eth9"}}; c["hooks"] = {"createContainer": [{"path": "/bin/false"}]}'
	run -1 oci create "$ID"
	run -0 ip -o address show spec0
	has 192.0.2.5/24
	has 2001:db8::5/64
	run -0 ip -o link show spec0
	has ",UP"
	has "mtu 1400"
	ip link delete spec0
}

@test "linux.netDevices: into a namespace that was joined, where it stays" {
	make_interface
	ip netns add joined
	running 'namespace("network", "/run/netns/joined"); l["netDevices"] = {"spec0": {"name": "pod0"}}'
	run -0 ip -n joined -o address show pod0
	has 192.0.2.5/24
	oci delete --force "$ID"
	run -0 ip -n joined -o link show pod0
	# Its name is taken now: the next one is refused, and keeps its interface.
	run -1 oci create "$ID"
	has "interface 'spec0': the host has no such interface"
	edit 'l["netDevices"] = {"spec1": {"name": "pod0"}}'
	run -1 oci create "$ID"
	has "linux.netDevices: interface 'spec1': there is an interface 'pod0' already"
	ip link show spec1
	ip netns delete joined
	retry 30 test ! -e /sys/class/net/spec1
}

# --- seccomp ----------------------------------------------------------------------------------------------------------------------------

@test "linux.seccomp: actions, conditions on arguments, errno" {
	says 'l["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"], "flags": ["SECCOMP_FILTER_FLAG_LOG"],
"syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28},
{"names": ["kill"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 1, "value": 10, "op": "SCMP_CMP_EQ"}]},
{"names": ["kill"], "action": "SCMP_ACT_ERRNO", "errnoRet": 3, "args": [{"index": 1, "value": 12, "valueTwo": 12, "op": "SCMP_CMP_MASKED_EQ"}]}]}' \
		'mkdir /tmp/d; kill -10 $$; kill -12 $$; kill -0 $$ && echo allowed; grep ^Seccomp: /proc/self/status' 2>&1
	[[ $stderr == *"No space left on device"*"not permitted"*"No such process"* ]]
	has allowed
	like 'Seccomp:.2'
	says 'l["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["chmod", "fchmodat"], "action": "SCMP_ACT_KILL_PROCESS"}]}' \
		'(chmod 700 /tmp); echo $?'
	has 159
}

# Answers one notification after it has shown what came with the listener.
agent() {
	python3 - "$1" <<-'EOF'
		import array, errno, fcntl, json, os, socket, struct, sys
		server = socket.socket(socket.AF_UNIX)
		server.bind(sys.argv[1])
		server.listen()
		server.settimeout(30)
		client = server.accept()[0]
		words, fds, _, _ = socket.recv_fds(client, 65536, 4)
		while chunk := client.recv(65536):
		    words += chunk
		print(json.dumps(json.loads(words)), len(fds), flush=True)
		notification = bytearray(80)
		fcntl.ioctl(fds[0], 0xc0502100, notification)
		ident, pid, _, number = struct.unpack_from("=QIIi", notification)
		print("notified", number, flush=True)
		fcntl.ioctl(fds[0], 0xc0182101, bytearray(struct.pack("=QqiI", ident, 0, -errno.EXFULL, 0)))
	EOF
}

@test "linux.seccomp: SCMP_ACT_NOTIFY gives the listener to who waits at listenerPath" {
	local notify='l["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "'$FOLDER'/agent", "listenerMetadata": "some words",
"syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_NOTIFY"}]}; c["annotations"] = {"a": "b"}; p["noNewPrivileges"] = sys.argv[1] == "yes"'

	for nnp in yes no; do
		agent "$FOLDER/agent" >"$FOLDER/heard" 3>&- 4>&- &
		retry 30 test -S "$FOLDER/agent"
		configure sh -c 'mkdir /tmp/d; echo over'
		edit "$notify" "$nnp"
		run -0 oci run "$ID"
		has "Exchange full"
		has over
		wait
		grep notified "$FOLDER/heard"
		head -n 1 "$FOLDER/heard" | sed 's/ 1$//' >"$FOLDER/state"
		[ "$(jq -r '.fds[0], .metadata, .state.id, .state.annotations.a, .state.status' "$FOLDER/state" | tr '\n' ' ')" = "seccompFd some words $ID b running " ]
		[ "$(jq .pid "$FOLDER/state")" -gt 1 ]
		rm "$FOLDER/agent"
	done
	# Nobody waits there: the program must not run without its agent.
	run -1 oci run "$ID"
	has "$FOLDER/agent"
}

# --- hooks ----------------------------------------------------------------------------------------------------------------------------------

@test "hooks: all six, in order, with the state on standard input, arguments and environment" {
	mkdir -p "$FOLDER/hooks"
	cp rootfs/bin/busybox "$FOLDER/hooks/sh"
	edit 'h = lambda k: [{"path": "/bin/sh", "args": ["hook", "-c", sys.argv[1], k], "env": ["WORD=" + k], "timeout": 20}]
c["hooks"] = {k: h(k) for k in ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")}
c["hooks"]["startContainer"][0]["args"][0] = "sh"; c["annotations"] = {"a": "b"}
m.append({"destination": "'"$FOLDER"'/hooks", "source": "'"$FOLDER"'/hooks", "options": ["bind"]})' \
		'read -r state || [ -n "$state" ]; echo "$WORD $0 $(readlink /proc/self/ns/mnt) $state" >>'"$FOLDER/hooks/log"
	run -0 apart create "$ID"
	run -0 oci start "$ID"
	run -0 oci delete --force "$ID"
	run -0 cut -d' ' -f1 "$FOLDER/hooks/log"
	is "$(printf '%s\n' prestart createRuntime createContainer startContainer poststart poststop)"
	while read -r word name mount_namespace state; do
		[ "$word" = "$name" ]
		[ "$(jq -r '.id, .bundle, .annotations.a' <<<"$state" | tr '\n' ' ')" = "$ID $FOLDER/bundle b " ]
		case $word in
		prestart | createRuntime | createContainer) [ "$(jq -r .status <<<"$state")" = creating ] ;;
		startContainer) [ "$(jq -r .status <<<"$state")" = created ] ;;
		poststart) [ "$(jq -r .status <<<"$state")" = running ] ;;
		poststop) [ "$(jq -r .status <<<"$state")" = stopped ] ;;
		esac
		case $word in
		createContainer | startContainer) [ "$mount_namespace" != "$(readlink /proc/self/ns/mnt)" ] ;;
		*) [ "$mount_namespace" = "$(readlink /proc/self/ns/mnt)" ] ;;
		esac
	done <"$FOLDER/hooks/log"
	rm -r "$FOLDER/hooks"
}

@test "hooks: one that takes longer than its timeout is killed, with what it began" {
	local kind

	for kind in prestart createRuntime createContainer; do
		configure true
		edit 'c["hooks"] = {sys.argv[1]: [{"path": "/bin/sh", "args": ["sh", "-c", "sleep 4321 & sleep 4321"], "timeout": 1}]}' "$kind"
		run -1 oci create "$ID"
		has "$kind hook: hook '/bin/sh' took longer than 1000 ms and was killed"
		retry 30 bash -c '! pgrep -fx "sleep 4321"'
	done
	configure true
	edit 'c["hooks"] = {"startContainer": [{"path": "/bin/sh", "args": ["sh", "-c", "sleep 4321"], "timeout": 1}]}'
	run -1 oci run "$ID"
	has "startContainer hook: hook '/bin/sh' took longer than 1000 ms"
}

# --- the document, the state, features --------------------------------------------------------------------------------------------------------

@test "ociVersion: all that there is, and what comes later" {
	local version

	for version in 1.0.0 1.0.2-dev 1.1.0 1.2.1 1.3.0 1.3.0+x; do
		says "c['ociVersion'] = '$version'" 'echo ran'
		is ran
		[ -z "$stderr" ]
	done
	says 'c["ociVersion"] = "1.9.0"; c["newMember"] = {"a": 1}' 'echo ran'
	is ran
	[[ $stderr == *"ociVersion: '1.9.0' is newer than 1.3.0"* ]]
}

# Validates standard input against a schema of tests/data/runtime-spec, in which files name one another.
valid() {
	/usr/bin/python3 -W ignore -c '
import json, pathlib, sys
import jsonschema
folder = pathlib.Path(sys.argv[1]).resolve()
schemas = {path.name: json.loads(path.read_text()) for path in folder.glob("*.json")}
resolver = jsonschema.RefResolver("file:///" + sys.argv[2], schemas[sys.argv[2]], store={"file:///" + name: s for name, s in schemas.items()})
jsonschema.Draft4Validator(schemas[sys.argv[2]], resolver=resolver).validate(json.load(sys.stdin))' "$SCHEMAS" "$1"
}

@test "the state is what the schema says, in each status" {
	edit 'c["annotations"] = {"a": "b"}'
	apart create "$ID"
	oci state "$ID" | valid state-schema.json
	oci start "$ID"
	oci state "$ID" | valid state-schema.json
	oci kill "$ID" KILL
	retry 30 bash -c "[ \"\$($OCI --root $FOLDER/run state $ID | jq -r .status)\" = stopped ]"
	oci state "$ID" | valid state-schema.json
	# And what is no state is seen.
	run ! valid state-schema.json <<<'{"id": 7}'
}

@test "features: valid, complete, and true" {
	local option

	oci features >"$FOLDER/features"
	valid features-schema.json <"$FOLDER/features"
	run -0 jq -r '.ociVersionMin, .ociVersionMax, .linux.netDevices.enabled, .linux.mountExtensions.idmap.enabled, .linux.intelRdt.enabled,
		.linux.cgroup.v1, .linux.cgroup.v2, .linux.cgroup.rdma, .linux.seccomp.enabled, .potentiallyUnsafeConfigAnnotations[]' "$FOLDER/features"
	is "$(printf '%s\n' 1.0.0 1.3.0 true true false true true true true org.systemd.property.)"
	# Every hook, namespace and word of the schemas is there.
	run -0 jq -r '.hooks[]' "$FOLDER/features"
	is "$(printf '%s\n' prestart createRuntime createContainer startContainer poststart poststop)"
	[ "$(jq -c '.linux.namespaces | sort' "$FOLDER/features")" = "$(jq -c '.definitions.NamespaceType.enum | sort' "$SCHEMAS/defs-linux.json")" ]
	[ "$(jq -c '.linux.seccomp.actions | sort' "$FOLDER/features")" = "$(jq -c '.definitions.SeccompAction.enum | sort' "$SCHEMAS/defs-linux.json")" ]
	[ "$(jq -c '.linux.seccomp.operators | sort' "$FOLDER/features")" = "$(jq -c '.definitions.SeccompOperators.enum | sort' "$SCHEMAS/defs-linux.json")" ]
	[ "$(jq -c '.linux.seccomp.archs | sort' "$FOLDER/features")" = "$(jq -c '.definitions.SeccompArch.enum | sort' "$SCHEMAS/defs-linux.json")" ]
	[ "$(jq -c '.linux.seccomp.knownFlags | sort' "$FOLDER/features")" = "$(jq -c '.definitions.SeccompFlag.enum | sort' "$SCHEMAS/defs-linux.json")" ]
	[ "$(jq -c '.linux.memoryPolicy.modes | sort' "$FOLDER/features")" = "$(jq -c '.definitions.MemoryPolicyMode.enum | sort' "$SCHEMAS/defs-linux.json")" ]
	[ "$(jq -c '.linux.memoryPolicy.flags | sort' "$FOLDER/features")" = "$(jq -c '.definitions.MemoryPolicyFlag.enum | sort' "$SCHEMAS/defs-linux.json")" ]
	[ "$(jq '.linux.capabilities | length' "$FOLDER/features")" -gt "$(cat /proc/sys/kernel/cap_last_cap)" ]
	for option in rro rrw rnosuid rsuid rnodev rdev rnoexec rexec rnoatime ratime rnodiratime rdiratime rrelatime rnorelatime rstrictatime \
		rnostrictatime rnosymfollow rsymfollow ro rw bind rbind idmap ridmap tmpcopyup src-nofollow private rslave rshared runbindable; do
		jq -e --arg option "$option" '.mountOptions | index($option)' "$FOLDER/features" >/dev/null
	done
	# A flag that is said to be supported loads.
	says "l['seccomp'] = {'defaultAction': 'SCMP_ACT_ALLOW', 'flags': [f for f in json.load(open('$FOLDER/features'))['linux']['seccomp']['supportedFlags'] if 'RECV' not in f]}" \
		'echo ran'
	is ran
}
