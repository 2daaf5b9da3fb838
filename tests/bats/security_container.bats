#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Attacks that worked on other runtimes, each with the mistake that it needs (CVE numbers name where it was made).
# weight: 60

load helpers
setup_file() {
	stores_begin
	chmod 755 "$STORES"
	mkdir -m 777 "$STORES/outside"
	echo intact >"$STORES/outside/file"
	chmod 666 "$STORES/outside/file"
	image_begin
}
teardown_file() {
	stores_end
}
teardown() {
	rm -f "$STORES"/rootfs/dev "$STORES"/rootfs/proc 2>/dev/null || true
	containers_end && outside_is_intact
}
# Joined by &&, since where it is called an error does not end anything.
outside_is_intact() {
	[ "$(cat "$STORES/outside/file")" = intact ] && [ "$(stat -c %a "$STORES/outside/file")" = 666 ] && [ "$(ls -A "$STORES/outside")" = file ]
}
programs() {
	sha256sum "$HULL" "$HULL_BUILD"/bin/hull-oci "$HULL_BUILD"/libexec/hull-*
}
# rootfs_with COMMAND: an image "hostile" whose root was changed by a shell, in that root.
rootfs_with() {
	rm -rf "$STORES/hostile"
	cp -a "$STORES/rootfs" "$STORES/hostile"
	(cd "$STORES/hostile" && sh -c "$1")
	hull image import -q --name hostile -c 'CMD ["sh"]' "$STORES/hostile" >/dev/null
}

@test "CVE-2019-5736: the runtime is not overwritten through /proc/self/exe" {
	local way before
	before=$(programs)
	rootfs_with 'printf "#!/proc/self/exe\n" >bin/bad; chmod 755 bin/bad'
	for way in --network=bridge --userns=host --privileged --init '--init --userns=host' '--pid=host --userns=host'; do
		# shellcheck disable=SC2086 # several words
		hull run --rm $way hostile /bin/bad >/dev/null 2>&1 || true
		# shellcheck disable=SC2086
		hull run -d --name victim $way hostile sh -c '
			while :; do for p in /proc/[0-9]*; do [ "$p" = "/proc/$$" ] || (echo spoiled >"$p/exe") 2>/dev/null; done; done' 3>&-
		for ((i = $(rounds 8); i > 0; i--)); do hull exec victim true; hull exec victim /bin/bad 2>/dev/null || true; done
		hull rm -f victim >/dev/null
		[ "$(programs)" = "$before" ] || { echo "$way" && false; }
	done
}

@test "CVE-2019-19921, 2025-52881: a /proc that is a link or a volume is refused, or is none" {
	local pattern
	pattern=$(cat /proc/sys/kernel/core_pattern)
	rootfs_with 'rm -rf proc; mkdir -p fake/self/attr fake/sys/kernel; ln -s /fake proc; echo none >fake/sys/kernel/domainname'
	run hull run --rm --sysctl kernel.domainname=seen hostile cat /fake/sys/kernel/domainname
	[ "$status" -eq 125 ] || [ "$output" != seen ]
	run hull run --rm -v fakeproc:/proc busybox true
	[ "$status" -eq 125 ]
	[ "${#lines[@]}" -eq 1 ]
	run hull run --rm --tmpfs /proc/sys busybox true
	[ "$status" -eq 125 ]
	[ "$(cat /proc/sys/kernel/core_pattern)" = "$pattern" ]
	hull rm -f "$(hull create -v fakeproc:/tmp busybox true)" >/dev/null
	rm -rf "$STORES/data/volumes"
}

# swapping VOLUME: two containers change a folder for a link out, and back, as fast as they can, until they are killed.
# They count.
swapping() {
	for who in one two; do
		hull run -d --name "$who" -v "$1:/s" --tmpfs /count busybox sh -c "
			cd /s; mkdir -p real-$who; ln -sfn /../../../../../../../../../$STORES/outside link-$who; n=0
			while :; do
				mv -T real-$who dir && mv -T dir real-$who; mv -T link-$who dir && mv -T dir link-$who
				n=\$((n + 2)); echo \$n >/count/n
			done 2>/dev/null" 3>&-
	done
}

# The file is empty for a moment, each time that it is written.
has_counted() { [[ $(hull exec "$1" cat /count/n) -gt 1000 ]]; }

@test "CVE-2021-30465, 2024-45310: a target that is swapped for a link while it is mounted on" {
	mkdir -m 777 "$STORES/given" "$STORES/host"
	for volume in shared "$STORES/host"; do
		swapping "$volume"
		hits=0
		# And some do start: it is not for want of a way.
		for ((i = 0; i < 40 && (hits == 0 || i < $(rounds 40)); i++)); do
			for target in "-v $STORES/given:/s/dir/made" "--tmpfs /s/dir/made" "-v $STORES/given:/s/dir"; do
				# shellcheck disable=SC2086 # two words
				! hull run --rm --network none -v "$volume:/s" $target busybox sh -c 'grep -q " /s/dir" /proc/self/mountinfo' 2>/dev/null || hits=$((hits + 1))
			done
			outside_is_intact
		done
		[ -z "$(ls -A "$STORES/given")" ]
		run ! grep -F "$STORES" /proc/self/mountinfo
		for who in one two; do retry 30 has_counted "$who"; done
		[ "$hits" -gt 0 ]
		hull rm -f one two >/dev/null
	done
	rm -rf "$STORES/data/volumes" "$STORES/given" "$STORES/host"
}

@test "CVE-2022-29162: the inheritable capabilities are empty, for run and exec" {
	hull run -d --name web busybox sleep 100 3>&-
	run -0 hull exec web grep -E 'CapInh|CapAmb' /proc/self/status
	is $'CapInh:\t0000000000000000\nCapAmb:\t0000000000000000'
	run -0 hull exec -u 33 web grep -E 'CapInh|CapEff|CapAmb' /proc/self/status
	is $'CapInh:\t0000000000000000\nCapEff:\t0000000000000000\nCapAmb:\t0000000000000000'
	run -0 hull run --rm --cap-add ALL busybox grep CapInh /proc/self/status
	is $'CapInh:\t0000000000000000'
}

@test "CVE-2023-25809, 2022-0492: cgroups cannot be written, nor mounted afresh" {
	run hull run --rm busybox sh -c 'find /sys/fs/cgroup -type f | while read -r f; do (echo 1 >"$f") 2>/dev/null && echo "$f"; done; mkdir /sys/fs/cgroup/x 2>/dev/null && echo made'
	is ''
	run hull run --rm --cap-add ALL --security-opt seccomp=unconfined busybox sh -c '
		mkdir /c; mount -t cgroup -o memory none /c; mount -t cgroup2 none /sys/fs/cgroup; mount -t cgroup -o devices none /sys/fs/cgroup
		find /c /sys/fs/cgroup -name release_agent -o -name devices.allow | while read -r f; do (echo a >"$f") 2>/dev/null && echo "wrote $f"; done'
	[[ $output != *wrote* ]]
	run -1 hull run --rm --security-opt seccomp=unconfined busybox sh -c 'mkdir /c; mount -t cgroup -o memory none /c'
}

@test "CVE-2024-21626: no descriptor of the host's is open in the program, for run and exec" {
	exec 8<"$STORES/outside/file"
	hull run -d --name web busybox sleep 100 3>&-
	run -0 hull exec web sh -c 'ls /proc/self/fd | tr "\n" " "'
	is '0 1 2 3 '
	run -0 hull run --rm busybox sh -c 'ls /proc/self/fd | tr "\n" " "'
	is '0 1 2 3 '
	run -0 hull exec web sh -c 'ls -l /proc/1/fd | grep -c -- "->"'
	is 3
	exec 8<&-
	for i in 3 4 5 6 7 8 9 10 20 100 1023; do
		run -125 hull exec -w "/proc/self/fd/$i" web true
		[[ $output != *panic* ]] && [ "${#lines[@]}" -eq 1 ]
	done
}

@test "CVE-2025-31133, 2025-52565, 2026-41579: roots with a hostile /dev" {
	local pattern null change
	pattern=$(cat /proc/sys/kernel/core_pattern)
	null=$(stat -c '%a %u %g %t %T' /dev/null)
	for change in \
		"rm -rf dev; ln -s $STORES/outside dev" \
		'rm -rf dev; ln -s /proc/sys/kernel dev' \
		'rm -rf dev; ln -s / dev' \
		'rm -rf dev; echo >dev' \
		"ln -s $STORES/outside/file dev/null" \
		'ln -s /proc/sys/kernel/core_pattern dev/null' \
		'ln -s /proc/sys/kernel/core_pattern dev/console; ln -s /proc/sysrq-trigger dev/tty' \
		"ln -s $STORES/outside dev/pts; ln -s $STORES/outside dev/shm; ln -s $STORES/outside dev/mqueue" \
		'ln -s ../../../../../../proc dev/pts' \
		'mkdir -p dev/ptmx dev/null dev/zero/x' \
		"rm -rf etc; ln -s $STORES/outside etc" \
		"rm -f etc/hosts; ln -s $STORES/outside/file etc/hosts; ln -sf $STORES/outside/file etc/resolv.conf; ln -sf $STORES/outside/file etc/hostname" \
		"rm -rf sys; ln -s $STORES/outside sys" \
		"rm -rf tmp; ln -s $STORES/outside tmp"; do
		rootfs_with "$change"
		for way in '' '-t' '--privileged' '--userns=host -t'; do
			# shellcheck disable=SC2086 # none or several words
			run timeout 20 "$HULL" --root "$STORES/run" --data "$STORES/data" run --rm --tmpfs /tmp $way hostile sh -c '
				echo x >/dev/null; echo y >/etc/hosts; [ "$(stat -c %t:%T /dev/null)" = 1:3 ] || echo "no null"; [ "$(stat -f -c %T /proc)" = proc ] || echo "no proc"'
			[ "$status" -ne 124 ] && [[ $output != *"no null"* ]] && [[ $output != *"no proc"* ]] || { echo "$change: $way: $output" && false; }
		done
		[ "$(cat /proc/sys/kernel/core_pattern)" = "$pattern" ]
		[ "$(stat -c '%a %u %g %t %T' /dev/null)" = "$null" ]
		[ "$(cat "$STORES/outside/file")" = intact ] && [ "$(ls "$STORES/outside")" = file ] || { echo "$change" && false; }
	done
}

@test "CVE-2026-30892: users that are none are refused, for exec" {
	hull run -d --name web busybox sleep 100 3>&-
	for user in '' +1 -1 0x0 1e3 ' 1' '1 ' 4294967295 4294967296 99999999999999999999 '0:' ':0' '1:+1' 1000trailing '0:0:0' nosuch 'root:nosuch' $'root\n'; do
		run hull exec -u "$user" web id -u
		[ "$status" -eq 125 ] || { echo "'$user': $status $output" && false; }
		[ "${#lines[@]}" -eq 1 ]
	done
}

@test "docker CVE-2026-41567: no program named by PATH unpacks an archive" {
	local name
	mkdir "$STORES/fake"
	for name in gzip gunzip zcat xz unxz xzcat bzip2 zstd unzstd lz4 lzop lzip lrzip grzip tar uncompress; do
		printf '#!/bin/sh\necho %s >>%s/ran\nexit 1\n' "$name" "$STORES" >"$STORES/fake/$name"
		chmod 755 "$STORES/fake/$name"
	done
	cp -a --remove-destination "$STORES/fake/." "$STORES/rootfs/bin/"
	tar -C "$STORES/rootfs" -cf "$STORES/plain.tar" .
	gzip -k "$STORES/plain.tar"
	xz -k "$STORES/plain.tar"
	zstd -q "$STORES/plain.tar"
	for name in "$STORES"/plain.tar*; do
		PATH=$STORES/fake:$PATH hull image import -q --name "packed:${name##*.}" "$name" >/dev/null
		# Nor does one that the image has, for whoever runs it with its own PATH.
		PATH=$STORES/fake:$PATH hull run --rm --network none "packed:${name##*.}" true
	done
	[ ! -e "$STORES/ran" ]
}

@test "CVE-2020-15257: nothing listens on an abstract socket" {
	before=$(grep -c ' @' /proc/net/unix || true)
	hull run -d -i --name web busybox cat 3>&-
	hull exec web true
	[ "$(grep -c ' @' /proc/net/unix || true)" -eq "$before" ]
	run -0 hull run --rm --network host busybox cat /proc/net/unix
	[[ $output != *@*hull* ]]
}

@test "docker CVE-2021-41091: an ordinary user reaches no layer" {
	[ "$(stat -c %a "$STORES/data")" = 700 ] || [ "$(stat -c %a "$STORES/data/images")" = 700 ]
	layer=$(find "$STORES/data/images/layers" -mindepth 1 -maxdepth 1 | head -n 1)
	run ! setpriv --reuid 65534 --regid 65534 --clear-groups ls "$layer"
	hull run -d --name web busybox sleep 100 3>&-
	upper=$(find "$STORES/data/instances" -name upper)
	run ! setpriv --reuid 65534 --regid 65534 --clear-groups ls "$upper"
	run ! setpriv --reuid 65534 --regid 65534 --clear-groups ls "$STORES/run/instances"
}

# What a process that may trace others sees of those that come: its own container's files, and the socket to whoever
# made them, are left out.
spy_on() {
	hull run -d --name spy --cap-add SYS_PTRACE "$@" busybox sh -c '
		while :; do for p in /proc/[0-9]*; do
			case $p in /proc/1|/proc/$$) continue ;; esac
			ls -l $p/fd $p/cwd $p/root $p/exe 2>/dev/null | sed -n "s/.* -> //p" |
				grep -vx -e / -e "/bin/.*" -e "pipe:.*" -e /dev/null -e "socket:.*" -e /proc -e "/etc/[a-z]*"
		done; done' 3>&- >/dev/null
}
@test "CVE-2016-9962: a process that joins shows nothing of the host's before its exec" {
	for way in auto host; do
		spy_on --userns "$way"
		for ((i = $(rounds 60); i > 0; i--)); do hull exec spy true </dev/null >/dev/null 2>&1; done
		run hull logs spy
		is ''
		hull rm -f spy
	done
}
@test "CVE-2016-9962: a first process in a container's PID namespace holds nothing of hull's own folders" {
	spy_on --userns host
	for ((i = $(rounds 30); i > 0; i--)); do hull run --rm --network none --pid container:spy busybox true </dev/null >/dev/null 2>&1; done
	run hull logs spy
	# Its output, and what will be mounted in it, are its own.
	output=$(grep -E "^$STORES/|^anon_inode:.pidfd|^[a-z]+:\[[0-9]" <<<"$output" | grep -vE '/(stdout|stderr)$' | sort -u)
	is ''
}

@test "bubblewrap CVE-2017-5226: a program without a terminal of its own is in a session of its own" {
	# Fields of stat: 6 is the session, 7 the terminal.
	run -0 script -qec "$(hull_words run --rm -i busybox cut -d ' ' -f 6,7 /proc/self/stat)" /dev/null
	[[ $output == '1 0'* ]]
	hull run -d --name web busybox sleep 100 3>&-
	run -0 script -qec "$(hull_words exec -i web cut -d ' ' -f 1,6,7 /proc/self/stat)" /dev/null
	read -r pid session terminal <<<"${output//$'\r'/}"
	[ "$pid" = "$session" ] && [ "$terminal" = 0 ]
}

@test "libseccomp CVE-2019-9893: calls and arguments under the real filter" {
	hull image import -q --name debian:12 "$DEBIAN_ROOT" >/dev/null
	# number, arguments; 38 is ENOSYS, 1 EPERM, 0 allowed (whatever else the call says)
	run -0 hull run --rm debian:12 perl -e '
		my @table = (
			["getpid", 39, [], 0], ["clone3", 435, [0, 0], 38], ["number of later kernels", 900, [], 38], ["keyctl", 250, [0, 0], 1],
			["add_key", 248, [0, 0, 0, 0, 0], 1], ["mount", 165, [0, 0, 0, 0, 0], 1], ["umount2", 166, [0, 0], 1], ["reboot", 169, [0, 0, 0], 1],
			["init_module", 175, [0, 0, 0], 1], ["bpf", 321, [0, 0, 0], 1], ["kexec_load", 246, [0, 0, 0, 0], 1],
			["unshare(CLONE_NEWUSER)", 272, [0x10000000], 1], ["unshare(CLONE_NEWNS)", 272, [0x20000], 1],
			["clone(CLONE_NEWUSER)", 56, [0x10000011, 0, 0, 0, 0], 1], ["clone(high word and CLONE_NEWNS)", 56, [0x100020011, 0, 0, 0, 0], 1],
			["personality(PER_LINUX)", 135, [0], 0], ["personality(query)", 135, [0xffffffff], 0], ["personality(ADDR_NO_RANDOMIZE)", 135, [0x40000], 1],
			["open_by_handle_at", 304, [0, 0, 0], 1],
			["perf_event_open", 298, [0, 0, 0, 0, 0], 1], ["userfaultfd", 323, [0], 1], ["io_uring_setup", 425, [0, 0], 1], ["swapon", 167, [0, 0], 1],
			["settimeofday", 164, [0, 0], 1], ["syslog", 103, [3, 0, 0], 1], ["setns", 308, [0, 0], 1], ["pivot_root", 155, [0, 0], 1], ["acct", 163, [0], 1],
		);
		for (@table) {
			my ($name, $number, $arguments, $want) = @$_;
			$! = 0;
			my $result = syscall($number, @$arguments);
			my $got = $result == -1 ? $! + 0 : 0;
			next if $want ? $got == $want : $got != 1 && $got != 38;
			print "$name: $got, not $want\n";
		}'
	is ''
}
