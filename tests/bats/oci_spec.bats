#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# config.json, member by member: what each asks for is looked for in the running container, from inside or from the
# host. Processes, namespaces, ids, hooks, and the document as a whole; what a root has in it is in oci_spec_root.bats.

load spec_helpers

SCHEMAS=$REPOSITORY/tests/data/runtime-spec

# --- process ----------------------------------------------------------------------------------------------------------

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

# --- namespaces, ids, clocks ------------------------------------------------------------------------------------------

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

# Who makes it beside the network knows no options: they come later. A second one, one with another name, and one that
# has options of its own are made by the first process.
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

# As an engine that keeps a pod's namespaces does: the user namespace by path, its mappings beside it, and bind mounts
# with mappings and no option.
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

# --- hooks ------------------------------------------------------------------------------------------------------------

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

@test "hooks: those that run inside before the program have the bounding set and the keys of the runtime" {
	# The name of the session keyring. x86-64 has keyctl as call 250, others have it as 219.
	local key='import ctypes, os
text = ctypes.create_string_buffer(256)
ctypes.CDLL(None).syscall(250 if os.uname().machine == "x86_64" else 219, 6, -3, text, 256)
print(text.value.decode())'

	configure grep CapBnd /proc/self/status
	edit 'p["capabilities"]["bounding"] = ["CAP_CHOWN"]
c["hooks"] = {"createContainer": [{"path": "/bin/sh", "args": ["sh", "-c", "grep CapBnd /proc/self/status >" + sys.argv[1]]},
                                  {"path": "/bin/sh", "args": ["sh", "-c", "/usr/bin/env python3 -c \"$2\" >$1", "sh", sys.argv[2], sys.argv[3]], "env": ["PATH=" + sys.argv[4]]}]}' \
		"$FOLDER/bound" "$FOLDER/key" "$key" "$PATH"
	run -0 --separate-stderr oci run "$ID"
	is $'CapBnd:\t0000000000000001'
	[ "$(cat "$FOLDER/bound")" = "$(grep CapBnd /proc/self/status)" ]
	grep keyring "$FOLDER/key"
	[ "$(cat "$FOLDER/key")" = "$(python3 -c "$key")" ]
	rm "$FOLDER/bound" "$FOLDER/key"
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

# --- the document, the state, features --------------------------------------------------------------------------------

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
