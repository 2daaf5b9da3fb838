#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Hostile bundles: a root and a config.json that would lead hull-oci, which is root, to files of the host's.
# An engine writes config.json, but destinations and paths in it come from its users, and all of the root is an image's.

load helpers

OCI=${OCI:-${HULL_BUILD:-$REPOSITORY/build}/bin/hull-oci}

setup_file() {
	FOLDER=$(mktemp -d /tmp/hull-security-oci.XXXXXX)
	export FOLDER
	mkdir -p "$FOLDER"/clean/{bin,proc,sys,dev,tmp,etc} "$FOLDER/bundle"
	cp "$(command -v busybox)" "$FOLDER/clean/bin/busybox"
	for name in sh sleep cat echo true id ls stat grep chmod chown; do
		ln -s busybox "$FOLDER/clean/bin/$name"
	done
}

teardown_file() {
	rm -rf "$FOLDER"
}

setup() {
	HELD=()
	cd "$FOLDER/bundle" || return
	mkdir -m 777 "$FOLDER/outside" "$FOLDER/given"
	echo given >"$FOLDER/given/file"
	echo intact >"$FOLDER/outside/file"
	chmod 666 "$FOLDER/outside/file"
	before=$(programs)
	pattern=$(cat /proc/sys/kernel/core_pattern)
	null=$(stat -c '%a %u %g %t %T' /dev/null)
}

teardown() {
	local id

	# Who stands still has locks that others wait for.
	[ ${#HELD[@]} -eq 0 ] || kill -CONT "${HELD[@]}" 2>/dev/null || true
	for id in $(oci list -q); do
		oci delete --force "$id"
	done
	host_is_intact && [ "$(programs)" = "$before" ] && [ -z "$(find "$FOLDER/run" -mindepth 1 ! -name .spare)" ] &&
		[[ $(cat /proc/self/mountinfo) != *"$FOLDER"* ]] && rm -r "$FOLDER/outside" "$FOLDER/given"
}

# Joined by &&, since where it is called an error does not end anything.
host_is_intact() {
	[ "$(cat "$FOLDER/outside/file")" = intact ] && [ "$(stat -c %a "$FOLDER/outside/file")" = 666 ] &&
		[ "$(ls -A "$FOLDER/outside")" = file ] &&
		[ "$(cat /proc/sys/kernel/core_pattern)" = "$pattern" ] &&
		[ "$(stat -c '%a %u %g %t %T' /dev/null)" = "$null" ]
}

programs() {
	sha256sum "$OCI" "${OCI%/*/*}"/libexec/hull-*
}

oci() {
	"$OCI" --root "$FOLDER/run" "$@"
}

# bundle ROOT CONFIG: the root after a shell's words in it, the configuration c after Python's.
bundle() {
	rm -rf rootfs config.json
	cp -a "$FOLDER/clean" rootfs
	(cd rootfs && sh -ec "${1:-:}")
	oci spec
	python3 -c "
import json
c = json.load(open('config.json'))
def mount(destination, type='tmpfs', source='tmpfs', *options):
    c['mounts'].append({'destination': destination, 'type': type, 'source': source, 'options': list(options)})
def bind(source, destination, *options):
    mount(destination, 'bind', source, 'bind', *options)
def unmounted(destination):
    c['mounts'] = [m for m in c['mounts'] if m['destination'] != destination]
def says(words):
    c['process']['args'] = ['sh', '-c', words]
c['process']['terminal'] = False
c['root']['readonly'] = False
outside = '$FOLDER/outside'
# What a hostile program would do with what it finds: write to everything that might be the host's.
says('echo ran; for f in /dev/null /dev/zero /proc/sys/kernel/core_pattern /secret /link /link/made /fake/sys/kernel/core_pattern; do (echo spoiled >\$f) 2>/dev/null; chmod 600 \$f 2>/dev/null; done; true')
$2
json.dump(c, open('config.json', 'w'))"
}

# The bundle is run: nothing of the host's may have changed, whatever came of it; a refusal is one line.
attempt() {
	bundle "$1" "$2"
	run timeout 20 "$OCI" --root "$FOLDER/run" run "hostile-$BATS_TEST_NUMBER" 3>&- </dev/null
	{ [ "$status" -eq 0 ] || { [ "$status" -eq 1 ] && [ "${#lines[@]}" -eq 1 ] && [[ $output == "hull-oci: "* ]]; }; } && host_is_intact || {
		echo "$1 | $2: $status: $output"
		false
	}
}

# The same, and it must not have run.
refused() {
	attempt "$@"
	[ "$status" -eq 1 ] || {
		echo "ran: $1 | $2: $output"
		false
	}
}

# The same, and it must have run.
harmless() {
	attempt "$@"
	[ "$status" -eq 0 ] && [ "${lines[0]}" = ran ] || {
		echo "did not run: $1 | $2: $output"
		false
	}
}

@test "CVE-2024-21626: a working directory that is a descriptor of the runtime's" {
	for number in {3..24} 1023; do
		refused '' "c['process']['cwd'] = '/proc/self/fd/$number'; says('echo escaped; ls')"
		[[ $output != *escaped* ]]
	done
	attempt '' "c['process']['cwd'] = '/proc/self/fd/../../../..$FOLDER/outside'"
	refused '' "c['process']['cwd'] = '/proc/self/exe'"
	refused 'ln -s /proc/self/fd/7 way' "c['process']['cwd'] = '/way'"
}

@test "CVE-2024-21626: nor may it be one that the caller has given on purpose" {
	bundle '' "c['process']['cwd'] = '/proc/self/fd/3'; says('echo escaped; ls')"
	run -1 oci run --preserve-fds 1 given 3<"$FOLDER/outside"
	has "the working directory '/proc/self/fd/3' is outside of the container"
	[[ $output != *escaped* ]]
	bundle '' "c['process']['args'] = ['sleep', '100']"
	oci run --detach here 3>&- </dev/null >/dev/null 2>&1
	run -255 oci exec --preserve-fds 1 --cwd /proc/self/fd/3 here sh -c 'echo escaped; ls' 3<"$FOLDER/outside"
	has "is outside of the container"
	[[ $output != *escaped* ]]
}

@test "CVE-2024-21626: the same for exec" {
	bundle '' "c['process']['args'] = ['sleep', '100']"
	oci run --detach here 3>&- </dev/null >/dev/null 2>&1
	for number in {3..24} 1023; do
		run -255 oci exec --cwd "/proc/self/fd/$number" here sh -c 'echo escaped; ls'
		[[ $output != *escaped* ]] && [ "${#lines[@]}" -eq 1 ]
		run -127 oci exec here "/proc/self/fd/$number/../../../../../../../..$FOLDER/clean/bin/busybox" echo escaped
		[[ $output != *escaped* ]]
	done
	run -0 oci exec here ls /proc/self/fd
	is $'0\n1\n2\n3'
}

# Sanitized, the runtime wants libraries that the root does not have.
# bats test_tags=plain
@test "CVE-2019-5736: a program that is the runtime itself" {
	attempt '' "c['process']['args'] = ['/proc/self/exe', '--version']"
	attempt 'printf "#!/proc/self/exe\n" >bin/bad; chmod 755 bin/bad' "c['process']['args'] = ['/bin/bad']"
	attempt 'ln -s /proc/self/exe bin/bad' "c['process']['args'] = ['/bin/bad', 'state', 'x']"
	# In the container, and with what it says in front.
	bundle 'printf "#!/proc/self/exe\n" >bin/bad; chmod 755 bin/bad' "c['hooks'] = {'startContainer': [{'path': '/bin/bad'}]}"
	run -1 oci run hooked </dev/null
	has 'startContainer'
	bundle '' "c['linux']['namespaces'] = [n for n in c['linux']['namespaces'] if n['type'] != 'user']
says('while :; do for p in /proc/[0-9]*; do [ \$p = /proc/\$\$ ] || (echo spoiled >\$p/exe) 2>/dev/null; done; done')"
	oci run --detach here 3>&- </dev/null >/dev/null 2>&1
	for number in {1..10}; do
		oci exec here true </dev/null
		oci exec here /proc/self/exe --version </dev/null >/dev/null 2>&1 || true
	done
}

# The copy is run by nobody else: a file that runs anywhere cannot be written to in any case. It stands still where it
# opens its log, a FIFO.
# bats test_tags=plain
@test "CVE-2019-5736: the runtime's file, held while it runs and written to when it does not" {
	mkdir -p "$FOLDER/own/bin"
	cp "$OCI" "$FOLDER/own/bin/hull-oci"
	bundle 'mkfifo wait; cat >bin/attack <<-"END"
		until [ -e /held ]; do
			for p in /proc/[0-9]*; do
				case $(busybox readlink $p/exe) in
				/bin/busybox | "") ;;
				*) exec 9<$p/exe && : >/held && break ;;
				esac
			done
		done
		cat /wait
		while [ -e $p/exe ]; do :; done
		(echo spoiled >/proc/self/fd/9) 2>/why
		: >/done
		sleep 100
	END' "c['process']['args'] = ['sh', '/bin/attack']"
	oci run --detach here 3>&- </dev/null >/dev/null 2>&1
	"$FOLDER/own/bin/hull-oci" --root "$FOLDER/run" exec here /proc/self/exe --log /wait list 3>&- </dev/null >/dev/null 2>&1 &
	retry 30 test -e rootfs/done
	[ -e rootfs/held ]
	grep -i 'read-only' rootfs/why
	cmp "$OCI" "$FOLDER/own/bin/hull-oci"
	wait $! || true
	rm -r "$FOLDER/own"
}

# Who has the mount that it runs from could make that writable again. The command in the foreground stays as long as the
# program.
@test "CVE-2019-5736: the runtime holds no descriptor of what it runs from while a program runs" {
	local runtime program
	bundle '' "c['linux']['namespaces'] = [n for n in c['linux']['namespaces'] if n['type'] != 'user']
says('exec sleep 100')"
	"$OCI" --root "$FOLDER/run" run --pid-file "$FOLDER/pid" here 3>&- </dev/null >/dev/null 2>&1 &
	runtime=$!
	retry 30 test -s "$FOLDER/pid"
	program=$(cat "$FOLDER/pid")
	retry 30 grep -qx sleep "/proc/$program/comm"
	[ -e "/proc/$runtime/fd/0" ]
	run stat -L -c '%d:%i' "/proc/$runtime/fd/"*
	[[ $output != *"$(stat -c '%d:%i' "$OCI")"* ]]
	oci kill here KILL
	wait "$runtime" || true
	rm "$FOLDER/pid"
}

# Whether a process has the runtime's own file open.
holds_runtime() {
	local held

	held=$(stat -L -c '%d:%i' "/proc/$1/fd/"* 2>/dev/null) || true
	[[ $held == *"$(stat -c '%d:%i' "$OCI")"* ]]
}
stands_still() {
	grep -q '^State:.T' "/proc/$1/status"
}
has_stopped_child() {
	FOUND=$(pgrep --runstates T -P "$1")
}

# In the host's process namespace a program sees the runtime, which has its own file open up to here. Both the runtime
# and its child stand still before each closes it: the child is let go on first.
@test "CVE-2019-5736: the runtime's own file is closed before a program runs that could see it" {
	local runtime OCI=${HULL_TESTING%/*}/hull-oci

	bundle '' "c['linux']['namespaces'] = [n for n in c['linux']['namespaces'] if n['type'] not in ('user', 'pid')]
unmounted('/proc'); says(': >/tmp/ran; exec sleep 100')"
	HULL_TEST_FAULT=stop:sealed:finish "$OCI" --root "$FOLDER/run" run --detach here 3>&- 4>&- </dev/null &>"$FOLDER/words" &
	runtime=$!
	HELD=("$runtime")
	retry 30 has_stopped_child "$runtime"
	kill -CONT "$FOUND"
	retry 30 stands_still "$runtime"
	holds_runtime "$runtime"
	for _ in {1..10}; do
		[ ! -e rootfs/tmp/ran ]
		sleep 0.1
	done
	kill -CONT "$runtime"
	wait "$runtime" || { cat "$FOLDER/words" && false; }
	retry 30 test -e rootfs/tmp/ran
	rm "$FOLDER/words"
}

@test "CVE-2019-19921, 2023-27561, 2025-52881: /proc is a link, a tmpfs, or in parts somebody else's" {
	local fake='mkdir -p fake/self/attr fake/sys/kernel fake/sys/net/ipv4; rm -rf proc; ln -s'

	refused "$fake /fake proc" "c['linux']['sysctl'] = {'kernel.domainname': 'x'}; unmounted('/proc')"
	refused "$fake $FOLDER/outside proc" "c['linux']['sysctl'] = {'kernel.domainname': 'x'}; unmounted('/proc')"
	attempt "$fake /fake proc" ''
	attempt "$fake ../../../../../..$FOLDER/outside proc" ''
	attempt "$fake /sys proc" ''
	refused '' "mount('/proc')"
	refused '' "unmounted('/proc'); mount('/proc'); c['linux']['sysctl'] = {'kernel.domainname': 'x'}"
	refused '' "bind(outside, '/proc')"
	for part in self self/attr self/attr/exec sys sys/kernel thread-self 1; do
		refused '' "mount('/proc/$part')"
		refused 'ln -s /proc way' "mount('/way/$part')"
	done
	for part in sysrq-trigger self/attr/exec sys/kernel/core_pattern self/exe self/fd/1; do
		refused '' "bind(outside + '/file', '/proc/$part')"
		refused "ln -s /proc/$part way" "bind(outside + '/file', '/way')"
	done
}

@test "CVE-2025-31133, 2026-41579: /dev, and what is in it, are links or the wrong devices" {
	local change

	harmless 'ln -s /proc/sys/kernel/core_pattern dev/null; mknod dev/zero b 7 0' '' # all covered by a /dev of its own
	for change in \
		"rm -rf dev; ln -s $FOLDER/outside dev" 'rm -rf dev; ln -s /proc/sys/kernel dev' 'rm -rf dev; ln -s / dev' 'rm -rf dev; echo >dev' \
		"ln -s $FOLDER/outside/file dev/null" 'ln -s /proc/sys/kernel/core_pattern dev/null' \
		'mknod dev/null c 1 11' 'mknod dev/zero b 7 0' 'mknod dev/console c 1 3' 'mkfifo dev/null dev/zero' \
		'mkdir -p dev/null/x dev/ptmx/x dev/pts' "ln -s $FOLDER/outside dev/pts; ln -s $FOLDER/outside dev/shm; ln -s $FOLDER/outside dev/mqueue" \
		"ln -s $FOLDER/outside/file dev/ptmx" 'ln -s ../../../../../proc/sys dev/pts'; do
		attempt "$change" ''
		attempt "$change" "unmounted('/dev'); unmounted('/dev/pts'); unmounted('/dev/shm'); unmounted('/dev/mqueue')"
	done
}

@test "CVE-2025-52565: /dev/console, /dev/pts and /dev/ptmx are links where a terminal is set up" {
	local change

	for change in 'true' "ln -s $FOLDER/outside/file dev/console" 'ln -s /proc/sys/kernel/core_pattern dev/console' "rm -rf dev; mkdir -p dev; ln -s $FOLDER/outside dev/pts" \
		"mkdir -p dev/pts; ln -s $FOLDER/outside/file dev/pts/0; ln -s $FOLDER/outside/file dev/ptmx" 'mkdir -p dev/pts; ln -s /proc/sys/kernel/core_pattern dev/pts/0; mkfifo dev/console' \
		"mkdir -p dev/pts; mknod dev/pts/ptmx c 5 2; mknod dev/ptmx c 1 3; mkdir dev/console"; do
		for mounts in "unmounted('/dev'); unmounted('/dev/shm'); unmounted('/dev/mqueue')" \
			"unmounted('/dev'); unmounted('/dev/pts'); unmounted('/dev/shm'); unmounted('/dev/mqueue')"; do
			bundle "$change" "$mounts
c['process']['terminal'] = True; says('echo ran; (echo y >/dev/console) 2>/dev/null; true')"
			terminal_at "$FOLDER/console" 3>&- 4>&- >/dev/null &
			retry 30 test -S "$FOLDER/console"
			run timeout 20 "$OCI" --root "$FOLDER/run" run --detach --console-socket "$FOLDER/console" console 3>&- 4>&-
			kill %% 2>/dev/null || true
			rm "$FOLDER/console"
			[ "$status" -eq 0 ] || { [ "$status" -eq 1 ] && [ "${#lines[@]}" -eq 1 ]; } || { echo "$change | $mounts: $output" && false; }
			oci delete --force console
			host_is_intact || { echo "$change | $mounts" && false; }
		done
	done
}

@test "CVE-2021-30465, 2023-28642: mounts whose target is a link, '..', or a way out" {
	local target way

	for target in /link /link/made /link/file/x /a/../../../../../../..//link/made /../../../../../../../../../..//"$FOLDER/outside/made" /deep/link/made; do
		for way in "mount('$target')" "bind('$FOLDER/given', '$target')" "bind('$FOLDER/given/file', '$target')" "mount('$target', 'tmpfs', 'tmpfs', 'tmpcopyup')"; do
			attempt "ln -s $FOLDER/outside link; mkdir deep; ln -s ../../../../../../../..$FOLDER/outside deep/link" "$way"
		done
	done
	for target in /proc/self/root/made /proc/1/root/tmp /proc/self/cwd/made /proc/self/fd/3/made /proc/thread-self/root/tmp; do
		refused '' "mount('$target')"
		refused "ln -s ${target%/*} way" "mount('/way/made')"
	done
	refused '' "mount('/')"
	refused '' "mount('/..')"
	refused 'ln -s / way' "bind('$FOLDER/given', '/way')"
	refused 'ln -s loop loop' "mount('/loop')"
}

@test "masked and read-only paths that are links" {
	local way

	for way in "/secret" "/link/file" "/link" '/../../../../../link/file' "/proc/self/root/secret"; do
		attempt "ln -s $FOLDER/outside link; ln -s $FOLDER/outside/file secret" "c['linux']['maskedPaths'].append('$way')"
		attempt "ln -s $FOLDER/outside link; ln -s $FOLDER/outside/file secret" "c['linux']['readonlyPaths'].append('$way')"
	done
	# What a link leads to inside is covered, not the link.
	bundle 'echo hidden >data; ln -s /data secret' "c['linux']['maskedPaths'] = ['/secret']; says('cat /data')"
	run -0 oci run masked </dev/null
	is ''
	bundle 'echo kept >data; ln -s /data secret' "c['linux']['readonlyPaths'] = ['/secret']; says('(echo spoiled >/data) 2>/dev/null; cat /data')"
	run -0 oci run readonly </dev/null
	is kept
}

@test "devices with a hostile path" {
	local path

	for path in /link/made /dev/../link/made /../../../../../..//"$FOLDER/outside/made" /proc/self/root/made /proc/self/cwd/made /dev/fd/5/made; do
		attempt "ln -s $FOLDER/outside link" "c['linux']['devices'] = [{'path': '$path', 'type': 'c', 'major': 1, 'minor': 3, 'fileMode': 438}]"
		attempt "ln -s $FOLDER/outside link" "c['linux']['devices'] = [{'path': '$path', 'type': 'c', 'major': 1, 'minor': 3, 'fileMode': 438}]
c['linux']['namespaces'].append({'type': 'user'})
c['linux']['uidMappings'] = c['linux']['gidMappings'] = [{'containerID': 0, 'hostID': 100000, 'size': 65536}]"
	done
}

@test "root that has the host's ids in a user namespace changes no device node of the host's" {
	local zero

	zero=$(stat -c '%a %u' /dev/zero)
	harmless '' "c['linux']['namespaces'].append({'type': 'user'})
c['linux']['uidMappings'] = c['linux']['gidMappings'] = [{'containerID': 0, 'hostID': 0, 'size': 65536}]
c['linux']['devices'] = [{'path': '/dev/zero', 'type': 'c', 'major': 1, 'minor': 5}]
c['process']['capabilities'] = {k: ['CAP_CHOWN', 'CAP_FOWNER', 'CAP_DAC_OVERRIDE'] for k in ('bounding', 'effective', 'permitted')}
says('echo ran; (chmod 600 /dev/null /dev/zero; chown 5 /dev/zero) 2>/dev/null; echo x >/dev/null && cat /dev/null')"
	[ "${#lines[@]}" -eq 1 ]
	[ "$(stat -c '%a %u' /dev/zero)" = "$zero" ]
}

@test "hooks are the host's files, or the container's, never the other way round" {
	printf '#!/bin/sh\n(echo escaped >%s) 2>/dev/null; true\n' "$FOLDER/outside/made" >"$FOLDER/clean/hook"
	chmod 755 "$FOLDER/clean/hook"
	for kind in prestart createRuntime createContainer; do
		refused '' "c['hooks'] = {'$kind': [{'path': '/hook'}]}"
	done
	# In the container, where the host's folder is not.
	attempt '' "c['hooks'] = {'startContainer': [{'path': '/hook'}]}"
	attempt "ln -s ../../../../../..$FOLDER/clean/hook bin/bad" "c['hooks'] = {'startContainer': [{'path': '/bin/bad'}]}"
	attempt '' "c['hooks'] = {'startContainer': [{'path': '/proc/self/fd/5/../../../../..$FOLDER/clean/hook'}]}"
	rm "$FOLDER/clean/hook"
}

@test "CVE-2016-9962: nobody without more rights looks at a first process" {
	# In the host's PID namespace: $PPID is whom the hook's /proc calls so. It has the rights of whom it looks at,
	# and not those over what is not dumpable.
	bundle '' "unmounted('/proc'); c['hooks'] = {'createContainer': [{'path': '$FOLDER/look', 'args': ['look', '$FOLDER/looked']}]}
c['linux']['namespaces'] = [n for n in c['linux']['namespaces'] if n['type'] not in ('pid', 'network')]"
	cat >"$FOLDER/look" <<-'SH'
		#!/bin/sh
		exec >"$1" 2>&1
		tr '\0' ' ' <"/proc/$PPID/cmdline"
		ls -l "/proc/$PPID/fd" || true
	SH
	chmod 755 "$FOLDER/look"
	run -0 setpriv --bounding-set -sys_ptrace --inh-caps -sys_ptrace "$OCI" --root "$FOLDER/run" run looked-at </dev/null
	run -0 cat "$FOLDER/looked"
	has "$OCI"
	like '/fd.*: Permission denied'
	[[ $output != *' -> '* ]]
}

@test "CVE-2022-29162: inheritable and ambient capabilities are what config.json says, and empty by default" {
	bundle '' "c['process']['args'] = ['sleep', '100']"
	oci run --detach here 3>&- </dev/null >/dev/null 2>&1
	run -0 oci exec here grep -E 'CapInh|CapAmb' /proc/self/status
	is $'CapInh:\t0000000000000000\nCapAmb:\t0000000000000000'
	run -0 oci exec --cap CAP_NET_ADMIN here grep -E CapInh /proc/self/status
	is $'CapInh:\t0000000000000000'
	bundle '' "c['process']['args'] = ['grep', '-E', 'CapInh|CapAmb', '/proc/self/status']"
	run -0 oci run there </dev/null
	is $'CapInh:\t0000000000000000\nCapAmb:\t0000000000000000'
}

@test "no descriptor of the runtime's is open in the program, nor any of the caller's" {
	exec 8<"$FOLDER/outside/file" 9>"$FOLDER/outside/file.9" 51<"$FOLDER/outside"
	bundle '' "c['process']['args'] = ['ls', '/proc/self/fd']"
	run -0 oci run here </dev/null
	is $'0\n1\n2\n3'
	bundle '' "c['process']['args'] = ['sleep', '100']"
	oci run --detach there 3>&- </dev/null >/dev/null 2>&1
	run -0 oci exec there ls /proc/1/fd /proc/self/fd
	is $'/proc/1/fd:\n0\n1\n2\n\n/proc/self/fd:\n0\n1\n2\n3'
	exec 8<&- 9<&- 51<&-
	rm "$FOLDER/outside/file.9"
}

@test "users of exec that are none" {
	bundle '' "c['process']['args'] = ['sleep', '100']"
	oci run --detach here 3>&- </dev/null >/dev/null 2>&1
	for user in '' +1 -1 0x0 1e3 ' 1' '1 ' 4294967295 4294967296 99999999999999999999 '0:' ':0' '1:+1' 1000trailing '0:0:0' $'0\n' nosuch; do
		run oci exec --user "$user" here id -u
		[ "$status" -eq 255 ] && [ "${#lines[@]}" -eq 1 ] || { echo "'$user': $status: $output" && false; }
	done
	run -0 oci exec --user 65534:65533 here id
	has 'uid=65534 gid=65533'
}
