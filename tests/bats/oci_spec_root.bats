#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# config.json, member by member: what each asks for is looked for in the running container, from inside or from the
# host. Mounts, devices, what of the kernel is seen, interfaces, and system calls.

load spec_helpers

# --- mounts -----------------------------------------------------------------------------------------------------------

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

# --- linux: what is in the root ---------------------------------------------------------------------------------------

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

# --- linux.netDevices -------------------------------------------------------------------------------------------------

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

# moved_in_with WORDS...: the same with some of its calls changed by strace, which says so by the first word.
moved_in_with() {
	make_interface
	configure_with 'l["netDevices"] = {"spec0": {"name": "moved"}, "spec1": {}}' sh -c 'ip -o link; ip -o address'
	run -0 strace -f -o "$FOLDER/trace" "${@:2}" "$OCI" --root "$FOLDER/run" run "$ID"
	like 'moved@[^ ]*: <[A-Z,_-]*,UP'
	like 'spec1@[^ ]*: <[A-Z,_-]*,UP'
	like 'lo: <[A-Z,_-]*,UP'
	grep -q "$1" "$FOLDER/trace"
	retry 30 test ! -e /sys/class/net/spec0
}

# bats test_tags=plain
@test "linux.netDevices: into the container's own namespace, however late its process comes there, or makes it itself" {
	moved_in_with DELAYED -e trace=setns -e inject=setns:delay_enter=300000
	# The helper's alone: hull and the process open theirs by another call.
	moved_in_with INJECTED -P /proc/self/ns/net -e trace=openat -e inject=openat:error=ENOMEM
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

# --- seccomp ----------------------------------------------------------------------------------------------------------

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

# Answers one notification after it has shown what came with the listener: agent_at SOCKET
agent_at() {
	python3 -c "$ACCEPT"'
import errno
words, fds, _, _ = socket.recv_fds(connection, 65536, 4)
while chunk := connection.recv(65536): words += chunk
print(json.dumps(json.loads(words)), len(fds), flush=True)
notification = bytearray(80)
fcntl.ioctl(fds[0], 0xc0502100, notification)
ident, pid, _, number = struct.unpack_from("=QIIi", notification)
print("notified", number, flush=True)
fcntl.ioctl(fds[0], 0xc0182101, bytearray(struct.pack("=QqiI", ident, 0, -errno.EXFULL, 0)))' "$1"
}

@test "linux.seccomp: SCMP_ACT_NOTIFY gives the listener to who waits at listenerPath" {
	local notify='l["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "'$FOLDER'/agent", "listenerMetadata": "some words",
"syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_NOTIFY"}]}; c["annotations"] = {"a": "b"}; p["noNewPrivileges"] = sys.argv[1] == "yes"'

	for nnp in yes no; do
		agent_at "$FOLDER/agent" >"$FOLDER/heard" 3>&- 4>&- &
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
