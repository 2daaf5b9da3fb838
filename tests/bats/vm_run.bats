#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# bats file_tags=vm
# run --isolation vm: what a program finds in a machine, how it is reached there, and how machines end
#
# ISOLATION=ns runs those tests that are as true of a container.

# shellcheck disable=SC2154 # run sets stderr
load helpers
load vm_helpers

ISOLATION=${ISOLATION:-vm}

setup_file() {
	stores_begin
	[ "$ISOLATION" = ns ] || hull kernel import "$KERNEL_PACKAGE" >"$STORES/kernel"
}
teardown_file() {
	stores_end
}
teardown() {
	containers_end
}

isolated() {
	hull run --isolation "$ISOLATION" "$@"
}
isolated_words() {
	hull_words run --isolation "$ISOLATION" "$@"
}

only_vm() {
	[ "$ISOLATION" = vm ] || skip "of machines only"
}

# start NAME [OPTION...] IMAGE COMMAND...: returns when something can be run in it.
start() {
	local name=$1

	shift
	isolated -d --name "$name" "$@" 3>&-
	is_reached "$name"
}

@test "another kernel answers, with the memory and CPUs that were asked for" {
	only_vm
	run -0 isolated --rm --memory 256m --cpus 1.5 --hostname box busybox sh -c 'uname -r; hostname; nproc; grep MemTotal /proc/meminfo; echo $$'
	[ "${lines[0]}" = "$(hull kernel ls --format '{{.Release}}')" ]
	[ "${lines[0]}" != "$(uname -r)" ]
	[ "${lines[1]}" = box ]
	[ "${lines[2]}" -eq 2 ]
	read -r _ size _ <<<"${lines[3]}"
	[ "$size" -lt 262144 ] && [ "$size" -gt 180000 ]
	[ "${lines[4]}" -eq 1 ]
}

@test "exit codes: the program's, a signal's, not found" {
	run -3 isolated --rm busybox sh -c 'exit 3'
	run -137 isolated --rm --init busybox sh -c 'kill -KILL $$'
	run -127 isolated --rm busybox nosuch
	has 'executable file not found in $PATH'
	[ "${#lines[@]}" -eq 1 ]
}

@test "stdin, stdout and stderr are the caller's" {
	head -c 1000000 /dev/urandom >"$STORES/bytes"
	run -0 --separate-stderr bash -c "$(isolated_words --rm -i busybox sh -c 'tee /tmp/all | md5sum; wc -c </tmp/all; echo err >&2') <$STORES/bytes"
	[ "${lines[0]%% *}" = "$(md5sum <"$STORES/bytes" | cut -d' ' -f1)" ]
	[ "${lines[1]}" -eq 1000000 ]
	[ "$stderr" = err ]
}

@test "a terminal, of the size that the user's has" {
	run -5 script -qec "stty rows 33 cols 91; $(isolated_words --rm -it busybox sh -c 'tty; stty -a | head -n 1; exit 5')" /dev/null
	has /dev/pts/0
	has 'rows 33; columns 91'
}

@test "a machine is run into, looked at, paused, stopped and started as a container is" {
	start db -p 127.0.0.1:18201:80 -e GREETING=hello busybox sh -c \
		'trap "echo told; exit 9" TERM; echo began; cat /kept; echo kept >/kept; mkdir -p /tmp/www; echo page >/tmp/www/index.html; httpd -h /tmp/www; while :; do sleep 0.2; done'
	hull ps --format '{{.Names}} {{.State}} {{.Ports}}' | grep -x 'db running 127.0.0.1:18201->80/tcp'
	# Programs beside the first one: streams, codes, users, a terminal.
	run -0 --separate-stderr bash -c "echo in | $(hull_words exec -i db sh -c 'cat; echo $GREETING; pwd; echo err >&2')"
	is $'in\nhello\n/'
	[ "$stderr" = err ]
	run -7 hull exec db sh -c 'exit 7'
	run -127 hull exec db nosuch
	run -0 hull exec -u 1000:50 -w /tmp -e A=b db sh -c 'id -u; id -g; pwd; echo $A'
	is $'1000\n50\n/tmp\nb'
	run -4 script -qec "stty rows 20 cols 70; $(hull_words exec -it db sh -c 'stty -a | head -n 1; exit 4')" /dev/null
	has 'rows 20; columns 70'
	run -0 hull exec -d db sh -c 'echo left >/left'
	retry 30 hull exec db test -s /left
	# Its network.
	retry 30 curl -sf -m 5 -o "$STORES/page" http://127.0.0.1:18201/
	[ "$(cat "$STORES/page")" = page ]
	hull pause db
	run -125 hull exec db true
	has paused
	hull unpause db
	hull exec db true
	# The program hears the signal, and what it has written is there the next time.
	hull stop -t 30 db
	[ "$(exit_code db)" -eq 9 ]
	run -0 hull logs db
	has began
	has told
	hull start db
	retry $BOOT_SECONDS hull exec db test -e /tmp/www/index.html 2>/dev/null
	retry 30 says db kept
	# Killed, it loses nothing either.
	hull exec db sh -c 'echo more >>/kept'
	hull kill db
	[ "$(exit_code db)" -eq 137 ]
	hull start db
	# The program shows the file before it writes it anew.
	retry $BOOT_SECONDS says db more
}

@test "machines and containers are neighbours on one network" {
	hull run -d --name container busybox sh -c 'mkdir /tmp/www; echo container >/tmp/www/index.html; httpd -f -h /tmp/www' 3>&-
	start machine busybox sh -c 'mkdir /tmp/www; echo machine >/tmp/www/index.html; httpd -f -h /tmp/www'
	address() { hull inspect --format '{{.Network.IP}}' "$1"; }
	get() { hull exec "$1" sh -c "printf 'GET / HTTP/1.0\r\n\r\n' | nc -w 5 $(address "$2") 80"; }
	retry 30 get container machine | grep -x machine
	get machine container | grep -x container
	# Nobody speaks with another's address: neither does a machine whose root has every right inside.
	hull exec --privileged machine sh -c "ip addr add $(address container)/20 dev eth0; ip addr del $(address machine)/20 dev eth0"
	run get machine container
	[[ $output != *container* ]]
}

@test "volumes: a folder both ways, read-only, a single file, a new one that the image fills" {
	mkdir -m 777 "$STORES/shared"
	echo host >"$STORES/shared/from-host"
	echo one >"$STORES/file"
	run -0 isolated --rm -v "$STORES/shared:/shared" -v "$STORES/shared:/fixed:ro" -v "$STORES/file:/etc/one:ro" -v filled:/etc --tmpfs /tmp/t:size=1m \
		busybox sh -c 'cat /shared/from-host /etc/one; echo guest >/shared/from-guest; echo no >/fixed/from-guest; test -s /etc/passwd && echo filled; echo kept >/etc/kept; df -k /tmp/t | grep -c 1024'
	has $'host\none'
	has 'Read-only file system'
	has filled
	[ "$(cat "$STORES/shared/from-guest")" = guest ]
	run -0 hull run --rm -v filled:/v busybox cat /v/kept
	is kept
	hull volume rm filled
	rm -r "$STORES/shared" "$STORES/file"
}

@test "a guest that panics, resets, powers off or runs out of memory ends its machine, each with its own words" {
	only_vm
	for name in panic reset power; do
		isolated -d --name "$name" busybox sleep 1000 3>&-
	done
	isolated -d --name memory --memory 192m busybox sh -c 'tail /dev/zero; echo tail $?' 3>&-
	isolated -d --name greedy --memory 192m busybox tail /dev/zero 3>&-
	for pair in panic:c reset:b power:o; do
		is_reached "${pair%:*}"
		run hull exec --privileged "${pair%:*}" sh -c "mount -t proc proc /mnt && echo ${pair#*:} >/mnt/sysrq-trigger && sleep 100"
		[ "$status" -ne 0 ]
		retry $BOOT_SECONDS has_exited "${pair%:*}"
	done
	[ "$(hull wait panic reset power | xargs)" = '202 201 200' ]
	[[ "$(hull ps -a --filter name=panic --format '{{.Status}}')" == 'Exited (202)'* ]]
	hull logs panic 2>&1 | grep -x "hull: the guest's kernel panicked: sysrq triggered crash"
	hull logs reset 2>&1 | grep -x 'hull: the guest reset the machine before its program had ended'
	hull logs power 2>&1 | grep -x 'hull: the guest powered off before its program had ended'
	[ "$(hull inspect --format '{{.State.Cause}}' panic reset power | xargs)" = 'panic reset power-off' ]
	retry $BOOT_SECONDS has_exited memory
	hull logs memory | grep -x 'tail 137'
	# As of a container it is said of a program that was killed, not of its children.
	[ "$(hull inspect --format '{{.State.OomKilled}}' memory)" = false ]
	retry $BOOT_SECONDS has_exited greedy
	[ "$(exit_code greedy) $(hull inspect --format '{{.State.OomKilled}}' greedy)" = "137 true" ]
}

@test "a monitor that is killed, and QEMU that is killed, leave nothing" {
	only_vm
	start monitor --vm-backend qemu busybox sleep 1000
	start machine --vm-backend qemu busybox sleep 1000
	kill -KILL "$(init_of monitor)"
	kill -KILL "$(qemu_of machine)"
	retry 30 has_exited monitor
	retry 30 has_exited machine
	[ "$(exit_code monitor)" -eq 137 ]
	[ "$(exit_code machine)" -eq 125 ]
	hull logs machine 2>&1 | grep -x 'hull: QEMU was killed by signal 9 (KILL)'
}

@test "the monitor has ids of nobody's, no capability, no network and next to nothing in its root" {
	only_vm
	start box --vm-backend qemu -v seen:/v busybox sleep 1000
	first=$(hull inspect --format '{{.State.Pid}}' box)
	for pid in "$first" "$(pgrep -P "$first" qemu)"; do
		[ "$(awk '$1 == "Uid:" { print ($2 >= 0x70000000) }' "/proc/$pid/status")" -eq 1 ]
		[ "$(grep -Ecx 'Cap(Prm|Eff|Amb):.0+' "/proc/$pid/status")" -eq 3 ]
		grep -x $'NoNewPrivs:\t1' "/proc/$pid/status"
		[ "$(ls "/proc/$pid/root")" = $'etc\ninitrd\nkernel\nlib\nlib64\nproc\nusr\nvolumes' ]
		run nsenter -t "$pid" -n ip -o link
		[ "${#lines[@]}" -eq 1 ] && has ' lo:'
	done
	# Both have a filter, QEMU of its own making: nothing is executed, no process made.
	grep -x $'Seccomp:\t2' "/proc/$first/status"
	grep -x $'Seccomp:\t2' "/proc/$pid/status"
	tr '\0' '\n' <"/proc/$pid/cmdline" | grep -x 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'
	hull exec box sh -c 'echo served >/v/file && cat /v/file' | grep -x served
	# Who may speak to the agent, or to the monitor, is who may be root: also where the folder is no bar.
	cd "$STORES"/run/instances/*/
	for socket in vm.sock control.sock; do
		[ "$(stat -c '%a %u' "$socket")" = '600 0' ]
		run -1 setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps +dac_read_search --ambient-caps +dac_read_search \
			socat -u OPEN:/dev/null "UNIX-CONNECT:$socket"
		has 'Permission denied'
	done
	cd "$OLDPWD"
	hull rm -f box >/dev/null
	hull volume rm seen
}

@test "QEMU takes KVM where it is said to work, as one of the group that has it" {
	only_vm
	[ -e /dev/kvm ] || skip 'no /dev/kvm'
	mkdir "$STORES/dev"
	# In a mount namespace of its own: the same device, of a group that nobody here is in.
	with_group() {
		unshare --mount sh -c "mount -t tmpfs none $STORES/dev && mknod -m $1 $STORES/dev/kvm c 10 232 && chgrp 4242 $STORES/dev/kvm &&
			mount --bind $STORES/dev/kvm /dev/kvm && printf yes >$STORES/run/.kvm-probe && $2"
	}
	run with_group 660 "$(hull_words vm backends)"
	like 'qemu +yes +/usr/bin/qemu-system-x86_64 on /dev/kvm'
	# Whether this host's KVM takes all that QEMU asks of it is another matter; it has been let in.
	run with_group 660 "timeout 10 $(isolated_words --rm --vm-backend qemu busybox true)"
	[[ $output != *'Permission denied'* && $output != *'KVM kernel module'* && $output != *emulating* ]]
	run with_group 600 "$(hull_words vm backends)"
	like "emulating the processor: /dev/kvm is its owner's alone"
	rm -rf "${STORES:?}/dev" "$STORES/run/.kvm-probe"
}

@test "hull-vm-oci: a bundle is a machine that shares the bundle's root" {
	only_vm
	oci() { "$HULL_BUILD/bin/hull-vm-oci" --root "$STORES/run/oci" --kernels "$STORES/data/kernels" "$@"; }
	bundle=$STORES/bundle
	mkdir -p "$bundle/rootfs/bin" "$bundle/volume"
	cp "$(command -v busybox)" "$bundle/rootfs/bin/sh"
	oci spec -b "$bundle"
	echo "host" >"$bundle/volume/file"
	jq '.process.terminal = false | .process.args = ["sh", "-c", "read line </volume/file; echo guest $line >/volume/made; echo made >/made; while :; do sleep 1; done"]
		| .process.env += ["PATH=/bin"] | .root.readonly = false
		| .linux.resources += {"hugepageLimits": [{"pageSize": "2MB", "limit": 4194304}, {"pageSize": "512MB", "limit": 0}], "unified": {"memory.oom.group": "1"}}
		| .mounts += [{"destination": "/volume", "type": "bind", "source": "volume", "options": ["rbind"]}]' \
		"$bundle/config.json" >"$bundle/changed" && mv "$bundle/changed" "$bundle/config.json"
	oci create -b "$bundle" one >"$STORES/out" 2>&1 </dev/null 3>&-
	[ "$(oci state one | jq -r .status)" = created ]
	oci start one
	retry $BOOT_SECONDS test -s "$bundle/rootfs/made"
	[ "$(cat "$bundle/volume/made")" = "guest host" ]
	run -0 oci exec one sh -c 'echo in $0; exit 0'
	is 'in sh'
	run -3 oci exec one sh -c 'exit 3'
	# Limits of what its own kernel has.
	run -0 oci exec one sh -c 'cd /sys/fs/cgroup; read pages <hugetlb.2MB.max; read group <memory.oom.group; echo "$pages $group"'
	is '4194304 1'
	run -1 oci mounts add one - <<<'[]'
	has "not supported by backend"
	oci kill one KILL
	retry 30 bash -c "[ \$('$HULL_BUILD/bin/hull-vm-oci' --root '$STORES/run/oci' state one | jq -r .status) = stopped ]"
	oci delete one
	[ ! -s "$STORES/out" ]
	rm -rf "$bundle" "$STORES/run/oci" "$STORES/out"
}

@test "what a machine cannot be is refused in one line" {
	only_vm
	refused() {
		local words=$1

		shift
		run -125 isolated --rm "$@"
		has "$words"
		[ "${#lines[@]}" -eq 1 ]
	}
	refused "network 'host': not possible" --network host busybox true
	refused "pid namespace: not possible" --pid host busybox true
	refused "user ids: not possible" --userns host busybox true
	refused "a machine has no devices of the host's" --device /dev/fuse busybox true
	refused "option '--memory': '16m': 16777216 bytes of memory are too little for a machine" --memory 16m busybox true
	refused 'too little for a machine with this kernel: want' --memory 64m busybox true
	refused "option '--cpus': a machine has 1 to 64 CPUs, not 65" --cpus 65 busybox true
	refused "no kernel 'nosuch'" --kernel nosuch busybox true
	refused "image 'nosuch' not found" nosuch true
	run -125 hull run --rm --kernel x busybox true
	has "option '--kernel' goes with '--isolation vm'"
	run -125 hull --root "$STORES/run" --data "$STORES/other" run --rm --isolation vm busybox true
	has 'hull kernel import'
	rm -r "$STORES/other"
}

@test "backends: what works here, and why not" {
	only_vm
	run -0 hull vm backends --format '{{.Name}} {{.Works}} {{.Default}}'
	[ "${#lines[@]}" -eq 2 ]
	run -0 hull vm backends --format json
	[ "$(jq '[.[] | select(.default)] | length' <<<"$output")" -eq 1 ]
	hull vm backends --format json | jq -r '.[].words' | grep -c . | grep -x 2
	[ "$(hull info --format json | jq -r .machines.qemu)" = "$(hull vm backends --format json | jq -r '.[1].words')" ]
	run -0 unshare --mount sh -c "mount --bind /dev/null /usr/bin/qemu-system-x86_64 && $(hull_words --root "$STORES/empty" vm backends)"
	like 'qemu +no +QEMU is not installed: it is in .*qemu-system-x86'
	run -0 unshare --mount sh -c "mount --bind /dev/null /dev/kvm && $(hull_words --root "$STORES/empty2" vm backends)"
	like 'kvm +no +/dev/kvm is not of version 12'
	run -125 unshare --mount sh -c "mount --bind /dev/null /usr/bin/qemu-system-x86_64 && $(hull_words --root "$STORES/empty" run --rm --isolation vm --vm-backend qemu busybox true)"
	has 'QEMU is not installed'
	rm -rf "$STORES/empty" "$STORES/empty2"
}
