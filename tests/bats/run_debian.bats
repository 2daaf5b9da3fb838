#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# A real Debian root (debootstrap --variant=minbase), imported, and what people do with one.

load helpers
setup_file() {
	stores_begin
	hull image import -q --name debian:12 "$DEBIAN_ROOT" >/dev/null
}
teardown_file() {
	stores_end
}
teardown() {
	containers_end
}

@test "debian: apt-get, perl, a pipeline, dpkg" {
	run -0 hull run --rm debian:12 apt-get --version
	[[ ${lines[0]} =~ ^apt\ 2\. ]]
	run -0 hull run --rm debian:12 perl -e 'print join(",", map { $_ ** 2 } 1 .. 5), "\n"'
	is 1,4,9,16,25
	run -0 hull run --rm debian:12 sh -c 'cut -d: -f1 /etc/passwd | sort -r | grep -E "^(root|www-data)$" | tr "\n" " "'
	is 'www-data root '
	run -0 hull run --rm debian:12 dpkg -l bash
	has 'ii  bash'
	run -0 hull run --rm --memory 64m --cpus 0.5 --pids-limit 50 debian:12 sh -c 'echo limited'
	is limited
}

@test "debian: su to another user" {
	run -0 hull run --rm debian:12 su -s /bin/sh www-data -c 'id -un; cat /etc/shadow 2>&1; true'
	[ "${lines[0]}" = www-data ]
	has 'Permission denied'
	run -0 hull run --rm -u www-data debian:12 id -un
	is www-data
}

@test "debian: a setuid program gains nothing" {
	run -1 hull run --rm -u www-data debian:12 su -c id root
	run -0 hull run --rm debian:12 sh -c 'cp /usr/bin/id /usr/local/bin/id; chmod 4755 /usr/local/bin/id; su -s /bin/sh www-data -c /usr/local/bin/id'
	[[ $output == 'uid=33(www-data) gid=33(www-data) groups=33(www-data)' ]]
	# With the protection taken off it does: it is no_new_privs that holds it.
	run -0 hull run --rm --security-opt no-new-privileges=false debian:12 \
		sh -c 'cp /usr/bin/id /usr/local/bin/id; chmod 4755 /usr/local/bin/id; su -s /bin/sh www-data -c /usr/local/bin/id'
	has 'euid=0(root)'
}

@test "debian: files of the image keep their owners and modes" {
	run -0 hull run --rm debian:12 stat -c '%a %U:%G %n' /etc/shadow /tmp /usr/bin/passwd /usr/bin/chage /var/mail
	is $'640 root:shadow /etc/shadow\n1777 root:root /tmp\n4755 root:root /usr/bin/passwd\n2755 root:shadow /usr/bin/chage\n2775 root:mail /var/mail'
}

@test "debian: dpkg installs and removes in the writable layer" {
	run -0 hull run --rm debian:12 sh -c 'dpkg --purge --force-all e2fsprogs mount 2>&1 | tail -n 1; dpkg -l mount 2>/dev/null | grep -c ^ii; adduser --version >/dev/null 2>&1; useradd -m guest && su guest -c "touch ~/x && stat -c %U ~/x"'
	[ "${lines[-1]}" = guest ]
	run -0 hull run --rm debian:12 sh -c 'dpkg -l mount | grep -c ^ii'
	is 1
}

@test "debian: UDP through a published port, by a perl server" {
	hull run -d --init --name udp -p 18093:7/udp debian:12 perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new(LocalPort => 7, Proto => "udp") or die; $| = 1; print "ready\n";
		while ($s->recv(my $m, 100)) { $s->send("got $m"); }' 3>&-
	retry 30 eval '[ -n "$(hull logs udp)" ]'
	run -0 bash -c 'exec 3<>/dev/udp/127.0.0.1/18093; echo ping >&3; timeout 20 dd bs=100 count=1 status=none <&3'
	is 'got ping'
}

@test "debian: a web server of busybox, fetched by the host and by another container" {
	hull run -d --init --name web -p 18092:80 busybox sh -c 'mkdir /srv/w; echo "a page" >/srv/w/index.html; exec httpd -f -h /srv/w' 3>&-
	retry 30 eval 'curl -s -f -m 2 http://127.0.0.1:18092/ >/dev/null'
	run -0 curl -s -f -m 2 http://127.0.0.1:18092/
	is 'a page'
	address=$(hull inspect --format '{{.Network.IP}}' web)
	run -0 hull run --rm debian:12 perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new(PeerAddr => "'"$address"':80", Timeout => 3) or die "$@"; print $s "GET / HTTP/1.0\r\n\r\n"; print <$s>;'
	has 'a page'
}

# The lab's own network leads nowhere: the machine's does.
# bats test_tags=plain
@test "debian: apt-get install of a small package with --network host" {
	local sources=$STORES/sources
	mkdir "$sources"
	cp -r /etc/apt/sources.list* /etc/apt/apt.conf.d "$sources"
	# Only what this Debian can verify: its own archive.
	find "$sources" -name '*.sources' ! -name debian.sources -delete
	find "$sources/sources.list.d" -name '*.list' -delete 2>/dev/null || true
	run -0 nsenter --net="$LAB_DIR/host-net" "$HULL" --root "$STORES/run" --data "$STORES/data" run --rm --network host \
		-v "$sources:/sources:ro" -v /etc/resolv.conf:/etc/resolv.conf:ro -e http_proxy -e https_proxy debian:12 sh -ec '
			rm -rf /etc/apt/sources.list /etc/apt/sources.list.d
			cp -r /sources/sources.list* /etc/apt/
			apt-get -q update && apt-get -q -y --no-install-recommends install hello && hello' 2>&1
	[ "${lines[-1]}" = 'Hello, world!' ]
}
