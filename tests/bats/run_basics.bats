#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# run: what a program finds in its container, with the image that hull brings along

load helpers
setup_file() {
	stores_begin
}
teardown_file() {
	stores_end
}
teardown() {
	containers_end
}

@test "the image that comes with hull needs no import and no network" {
	run -0 hull run --rm busybox echo hello
	is hello
	run -0 nsenter --net=/proc/self/ns/net unshare --net "$HULL" --root "$STORES/run" --data "$STORES/data" run --rm --network none busybox echo alone
	is alone
}

@test "exit codes: the program's, a signal's, not found, not executable, hull's own" {
	run -3 hull run --rm busybox sh -c 'exit 3'
	run -143 hull run --rm --init busybox sh -c 'kill -TERM $$; sleep 1'
	run -137 hull run --rm --init busybox sh -c 'kill -KILL $$'
	run -127 hull run --rm busybox nosuch
	is "hull: run: exec: \"nosuch\": executable file not found in \$PATH"
	run -127 hull run --rm busybox /nosuch
	[ "${#lines[@]}" -eq 1 ]
	run -126 hull run --rm busybox /etc/passwd
	[ "${#lines[@]}" -eq 1 ]
	run -126 hull run --rm busybox /etc
	run -125 hull run --rm nosuch true
	has "image 'nosuch'"
}

@test "stdin, stdout and stderr are the caller's" {
	run -0 --separate-stderr bash -c "echo in | $(hull_words run --rm -i busybox sh -c 'cat; echo err >&2')"
	is in
	[ "$stderr" = err ]
	# Without -i there is nothing to read.
	run -0 bash -c "echo in | $(hull_words run --rm busybox cat)"
	is ''
	head -c 1000000 /dev/urandom >"$STORES/bytes"
	hull run --rm -i busybox cat <"$STORES/bytes" | cmp - "$STORES/bytes"
}

@test "who it is: root of its own user namespace, with ids that nobody else has" {
	run -0 hull run --rm busybox id
	[[ $output == 'uid=0(root) gid=0(root)'* ]]
	one=$(hull run --rm -d --name one busybox sleep 100 3>&- && hull exec one cat /proc/self/uid_map)
	run -0 hull run --rm busybox cat /proc/self/uid_map
	read -r inside outside count <<<"$output"
	[ "$inside" -eq 0 ] && [ "$outside" -ge $((0x70000000)) ] && [ "$count" -eq 65536 ]
	read -r _ other _ <<<"$one"
	[ "$other" -ge $((outside + 65536)) ] || [ "$outside" -ge $((other + 65536)) ]
}

@test "user: names and numbers of the image, groups" {
	run -0 hull run --rm -u www-data busybox sh -c 'id; echo $HOME'
	[[ ${lines[0]} == 'uid=33(www-data) gid=33(www-data)'* ]]
	[ "${lines[1]}" = /www ]
	run -0 hull run --rm -u 1234:5 busybox id
	[[ $output == 'uid=1234 gid=5(tty)'* ]]
	run -0 hull run --rm -u nobody:users --group-add 7 busybox id -G
	is '100 7'
	run -125 hull run --rm -u nosuch busybox id
	has "user 'nosuch'"
}

@test "environment: the image's, the caller's, a file's" {
	run -0 hull run --rm -e A=1 -e B='two words' busybox sh -c 'echo "$A|$B|$PATH|$HOME"'
	is '1|two words|/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin|/root'
	printf '# comment\nC=3\nA=file\n' >"$STORES/env"
	D=4 run -0 hull run --rm --env-file "$STORES/env" -e A=1 -e D -e UNSET_HERE busybox sh -c 'echo "$A $C $D ${UNSET_HERE-none}"'
	is '1 3 4 none'
	# Nothing of the caller's comes in by itself.
	SECRET=1 run -0 hull run --rm busybox env
	[[ $output != *SECRET* ]]
}

@test "entry point, command and working directory: the image's, then the caller's" {
	hull image import -q --name entry -c 'ENTRYPOINT ["/bin/echo","entry"]' -c 'CMD ["cmd"]' -c 'WORKDIR /srv' -c 'ENV E=image' \
		-c 'USER 7:8' "$(busybox_root)" 2>/dev/null
	run -0 hull run --rm entry
	is 'entry cmd'
	run -0 hull run --rm entry mine
	is 'entry mine'
	run -0 hull run --rm --entrypoint /bin/sh entry -c 'pwd; echo $E; id -u; id -g'
	is $'/srv\nimage\n7\n8'
	run -0 hull run --rm --entrypoint '' entry pwd
	is /srv
	run -0 hull run --rm -w /tmp/made/here -u 0 --entrypoint pwd entry
	is /tmp/made/here
}
busybox_root() {
	mkdir -p "$STORES/bb/bin" "$STORES/bb/etc" "$STORES/bb/srv" "$STORES/bb/tmp"
	cp "$(command -v busybox)" "$STORES/bb/bin/busybox"
	for name in sh echo pwd id; do ln -sf busybox "$STORES/bb/bin/$name"; done
	echo "$STORES/bb"
}

@test "hostname, hosts, resolv.conf" {
	run -0 hull run --rm busybox hostname
	[[ $output =~ ^[0-9a-f]{12}$ ]]
	run -0 hull run --rm --hostname box --add-host db:192.0.2.7 --dns 192.0.2.53 --dns-search example.test --dns-option ndots:2 busybox \
		sh -c 'hostname; cat /etc/hostname /etc/hosts /etc/resolv.conf'
	[ "${lines[0]}" = box ]
	[ "${lines[1]}" = box ]
	[[ $output =~ 192.0.2.7[[:space:]]+db ]]
	[[ $output =~ 10\.[0-9.]+[[:space:]]+box ]]
	has 'nameserver 192.0.2.53'
	has 'search example.test'
	has 'options ndots:2'
	run -0 hull run --rm --network none busybox cat /etc/hosts
	has localhost
}

@test "the root: a writable layer of its own over the image, unless --read-only" {
	run -0 hull run --rm busybox sh -c 'echo new >/etc/new; rm /etc/passwd; cat /etc/new; ls /etc'
	has new
	[[ $output != *passwd* ]]
	run -0 hull run --rm busybox ls /etc
	[[ $output != *new* ]] && has passwd
	run -1 hull run --rm --read-only busybox touch /etc/new
	has 'Read-only file system'
	run -0 hull run --rm --read-only --tmpfs /run:size=1m,mode=750 busybox sh -c 'touch /run/x /dev/shm/x; stat -c %a /run; df -k /run | tail -n 1'
	[ "${lines[0]}" = 750 ]
	[[ ${lines[1]} =~ 1024 ]]
}

@test "a writable layer stays with its container" {
	hull run --name keeps busybox sh -c 'echo kept >/kept'
	hull start keeps
	run hull wait keeps
	hull rm keeps
	hull create --name again busybox sh -c 'cat /n 2>/dev/null; echo x >>/n'
	hull start -a again
	run -0 hull start -a again
	is x
}

@test "proc, sys and dev are the container's" {
	run -0 hull run --rm busybox sh -c 'ls /dev | tr "\n" " "'
	is 'fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero '
	run -0 hull run --rm busybox sh -c 'ps -o pid,args | head -3; echo $$'
	has '1 sh -c'
	run -1 hull run --rm busybox sh -c 'echo 1 >/proc/sys/kernel/sysrq'
	run -1 hull run --rm busybox sh -c 'echo x >/proc/sysrq-trigger'
	run -0 hull run --rm busybox sh -c 'cat /proc/kcore 2>/dev/null | wc -c; find /sys/firmware -mindepth 1 | wc -l'
	[ "${lines[0]}" = 0 ]
	[ "${lines[-1]}" = 0 ]
	run -1 hull run --rm busybox touch /sys/fs/cgroup/x
	run -1 hull run --rm busybox mount -t tmpfs none /mnt
}

@test "--init: a first process that reaps, passes signals on and gives the exit code" {
	run -5 hull run --rm --init busybox sh -c 'cat /proc/1/comm; exit 5'
	is hull-init
	hull run -d --name zombies --init busybox sh -c '(sh -c "sleep 0.1; : >/tmp/ended" &); sleep 100' 3>&-
	none_is_left() {
		hull exec zombies sh -c 'test -e /tmp/ended && ! grep -l "^State:.Z" /proc/[0-9]*/status'
	}
	retry 30 none_is_left
	SECONDS=0
	hull stop -t 10 zombies
	[ $SECONDS -lt 9 ]
}

@test "--ulimit, --sysctl, --shm-size, --oom-score-adj" {
	run -0 hull run --rm --ulimit nofile=100:200 --ulimit core=0 busybox sh -c 'ulimit -Sn; ulimit -Hn; ulimit -c'
	is $'100\n200\n0'
	run -0 hull run --rm --sysctl net.ipv4.ip_unprivileged_port_start=99 --sysctl kernel.shm_rmid_forced=1 busybox \
		cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/shm_rmid_forced
	is $'99\n1'
	run -125 hull run --rm --sysctl vm.swappiness=1 busybox true
	has vm.swappiness
	run -0 hull run --rm --shm-size 2m busybox sh -c 'df -k /dev/shm | tail -n 1'
	has 2048
	run -0 hull run --rm --oom-score-adj 500 busybox cat /proc/self/oom_score_adj
	is 500
}

@test "a terminal with -t, of its own, and none without" {
	run -0 hull run --rm -t busybox sh -c 'tty; test -t 0 && test -t 1 && echo all; echo $TERM'
	[[ ${lines[0]} == /dev/pts/0* ]]
	[[ ${lines[1]} == all* ]]
	[[ ${lines[2]} == xterm* ]]
	run -1 hull run --rm busybox sh -c 'tty </dev/tty'
}

@test "--device, --cap-add, --cap-drop" {
	run -0 hull run --rm --device /dev/null:/dev/mine:rw busybox sh -c 'echo x >/dev/mine; stat -c %t:%T /dev/mine'
	is 1:3
	run -0 hull run --rm busybox grep CapEff /proc/self/status
	is $'CapEff:\t00000000800405fb'
	run -0 hull run --rm --cap-drop ALL --cap-add net_raw busybox grep CapEff /proc/self/status
	is $'CapEff:\t0000000000002000'
	run -0 hull run --rm -u 7 busybox grep CapEff /proc/self/status
	is $'CapEff:\t0000000000000000'
}

@test "--rootfs: a folder of the host is the root itself" {
	busybox_root >/dev/null
	chown -R 0:0 "$STORES/bb"
	run -0 hull run --rm --rootfs "$STORES/bb" /bin/sh -c 'echo in; /bin/busybox ls /'
	has in
}
