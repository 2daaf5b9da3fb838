#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# run: the network of a container, from all sides. The lab has an outside: 198.51.100.2 in the namespace "outside", and
# is 198.51.100.1 itself.

load helpers
setup_file() {
	stores_begin
	mkdir "$STORES/www"
	chmod 755 "$STORES" "$STORES/www"
	echo 'a page' >"$STORES/www/index.html"
}
teardown_file() {
	stores_end
}
teardown() {
	[ -z "${server:-}" ] || kill "$server" 2>/dev/null || true
	containers_end
}

# web NAME OPTION...: a web server in a container.
web() {
	hull run -d --init --name "$1" -v "$STORES/www:/www:ro" "${@:2}" busybox httpd -f -h /www 3>&- >/dev/null
	retry 30 eval '[ -n "$(hull exec '"$1"' netstat -ltn | grep :80)" ]'
}
ip_of() {
	hull inspect --format '{{.Network.IP}}' "$1"
}
fetch() {
	curl -s -f -m 10 "http://$1"
}
outside() {
	ip netns exec outside "$@"
}
# listen PORT ADDRESS [COMMAND...]: a server of the host that says "reached" and who has come.
listen() {
	"${@:3}" python3 -c '
import socket, sys
server = socket.create_server((sys.argv[2], int(sys.argv[1])))
while True:
    client, address = server.accept()
    client.sendall(f"reached from {address[0]}\n".encode())
    client.close()' "$1" "$2" 3>&- 4>&- >/dev/null 2>&1 &
	server=$!
	retry 30 eval "${*:3} ss -ltn | grep -q ':$1 '"
}

@test "a published port answers on 127.0.0.1, on the host's address, and from outside" {
	web one -p 18080:80
	run -0 fetch 127.0.0.1:18080
	is 'a page'
	run -0 fetch 198.51.100.1:18080
	is 'a page'
	run -0 outside curl -s -f -m 10 http://198.51.100.1:18080
	is 'a page'
	hull rm -f one
	run ! fetch 127.0.0.1:18080
}

@test "a port published on one address answers there only" {
	web one -p 127.0.0.1:18081:80
	run -0 fetch 127.0.0.1:18081
	run ! fetch 198.51.100.1:18081
	run ! outside curl -s -f -m 1 http://198.51.100.1:18081
}

@test "another container fetches by address, and by the host's published port; so does the container itself" {
	web one -p 18082:80
	address=$(ip_of one)
	gateway=$(ip -4 -o address show hull0 | awk '{ sub("/.*", "", $4); print $4 }')
	run -0 hull run --rm busybox wget -q -O - "http://$address"
	is 'a page'
	run -0 hull run --rm busybox wget -q -O - "http://198.51.100.1:18082"
	is 'a page'
	run -0 hull exec one wget -q -O - "http://198.51.100.1:18082"
	is 'a page'
	run -0 hull exec one wget -q -O - "http://$gateway:18082"
	is 'a page'
}

@test "a container reaches the outside, by the host's address" {
	listen 7000 198.51.100.2 ip netns exec outside
	run -0 hull run --rm busybox sh -c 'nc 198.51.100.2 7000 </dev/null'
	is 'reached from 198.51.100.1'
}

@test "an unpublished port does not answer from other interfaces" {
	web one
	address=$(ip_of one)
	ip -n outside route replace 10.0.0.0/8 via 198.51.100.1
	# It is not the way that is missing: the host itself gets an answer.
	run -0 fetch "$address"
	run ! outside curl -s -f -m 1 "http://$address"
	ip -n outside route del 10.0.0.0/8
}

@test "the host's services do not answer a container; 127.0.0.1 of the host is out of reach, with a port published" {
	web one -p 18084:80
	gateway=$(ip -4 -o address show hull0 | awk '{ sub("/.*", "", $4); print $4 }')
	listen 7001 0.0.0.0
	run -0 bash -c 'cat </dev/tcp/198.51.100.1/7001'
	has reached
	run ! hull exec one sh -c "timeout 1 nc $gateway 7001 </dev/null | grep reached"
	run ! hull exec one sh -c "timeout 1 nc 198.51.100.1 7001 </dev/null | grep reached"
	kill $server
	listen 7002 127.0.0.1
	# CVE-2020-8558: packets for 127.0.0.1 from a neighbour, who has routed them so: to a service, and to a port
	# that is published there only.
	web two -p 127.0.0.1:18094:80
	run -0 fetch 127.0.0.1:18094
	run hull run --rm --cap-add NET_ADMIN --sysctl net.ipv4.conf.all.route_localnet=1 busybox sh -c "
		ip route del local 127.0.0.1 table local; ip addr del 127.0.0.1/8 dev lo
		ip route add 127.0.0.1 via $gateway && echo routed
		timeout 1 nc 127.0.0.1 7002 </dev/null; printf 'GET / HTTP/1.0\r\n\r\n' | timeout 1 nc 127.0.0.1 18094; true" 2>&1
	has routed
	[[ $output != *reached* ]] && [[ $output != *'a page'* ]]
	[ "$(cat /proc/sys/net/ipv4/conf/hull0/route_localnet)" -eq 1 ]
}

@test "--network none: loopback and nothing else" {
	run -0 hull run --rm --network none busybox sh -c 'ip -o link | cut -d: -f2; ip route | wc -l; ip link show lo | grep -o LOOPBACK,UP'
	is $' lo\n0\nLOOPBACK,UP'
	run -125 hull run --rm --network none -p 1:1 busybox true
	[ "${#lines[@]}" -eq 1 ]
}

@test "--network host: the host's interfaces; /proc, /sys are the host's, masked and read-only" {
	run -0 hull run --rm --network host busybox sh -c 'ip -o link show up0 | wc -l; ls /sys/class/net | grep -c up0; touch /sys/x 2>/dev/null; echo 1 2>/dev/null >/proc/sys/net/ipv4/ip_forward; cat /proc/kcore 2>/dev/null | wc -c'
	[ "${lines[0]}" = 1 ]
	[ "${lines[1]}" = 1 ]
	[[ ${lines[-1]} == 0 ]]
	run -1 hull run --rm --network host busybox touch /sys/x
	run -1 hull run --rm --network host busybox sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
	run -125 hull run --rm --network host -p 1:1 busybox true
	[ "${#lines[@]}" -eq 1 ]
	# It may open low ports no more than its capabilities say, in a network that is not its own.
	run ! hull run --rm --network host busybox ip link set lo down
}

@test "--network container:X shares X's network and user namespace" {
	web one
	hull run -d --name two --network container:one busybox sleep 100 3>&-
	run -0 hull exec two wget -q -O - http://127.0.0.1
	is 'a page'
	[ "$(hull exec one readlink /proc/self/ns/user)" = "$(hull exec two readlink /proc/self/ns/user)" ]
	[ "$(hull exec one readlink /proc/self/ns/pid)" != "$(hull exec two readlink /proc/self/ns/pid)" ]
	[ "$(hull exec one cat /proc/self/uid_map)" = "$(hull exec two cat /proc/self/uid_map)" ]
	run -125 hull run --rm --network container:one --userns host busybox true
	[ "${#lines[@]}" -eq 1 ]
	run -125 hull run --rm --network container:one -p 1:1 busybox true
	run -125 hull run --rm --network container:nosuch busybox true
	has nosuch
	[ "${#lines[@]}" -eq 1 ]
}

@test "--ip, --mac-address" {
	hull run --rm busybox true
	subnet=$(hull info --format '{{.Network.Subnet}}')
	wanted=${subnet%.*.*}.5.77
	run -0 hull run --rm --ip "$wanted" --mac-address 02:00:00:00:00:99 busybox sh -c 'ip -4 -o addr show eth0; cat /sys/class/net/eth0/address'
	has "inet $wanted/20"
	has 02:00:00:00:00:99
	# It is free once the first one's interface has gone.
	hold() {
		hull rm -f holder >/dev/null
		hull run -d --name holder --ip "$wanted" busybox sleep 100 3>&-
	}
	retry 30 hold
	run -125 hull run --rm --ip "$wanted" busybox true
	has 'in use'
	run -125 hull run --rm --ip 192.0.2.1 busybox true
	[ "${#lines[@]}" -eq 1 ]
}

@test "a port that is taken is refused, by name; one that a dead container had is not" {
	web one -p 18085:80
	run -125 hull run --rm -p 18085:80 busybox true
	[ "${#lines[@]}" -eq 1 ]
	has 18085
	listen 18086 0.0.0.0
	run -125 hull run --rm -p 18086:80 busybox true
	has 18086
	kill $server
	wait $server 2>/dev/null || true
	run -0 hull run --rm -p 18086:80 busybox true
}

@test "IPv6: ::1 is refused clearly" {
	run -125 hull run --rm -p '[::1]:18087:80' busybox true
	[ "${#lines[@]}" -eq 1 ]
	has IPv4
}

@test "publishing is a map element: the rules are the same with a hundred ports" {
	hull run --rm busybox true
	rules() {
		nft -a list table inet hull | grep -E '# handle' | grep -vE 'elements' | sed 's/# handle.*//' | sort
	}
	before=$(rules)
	ports=()
	for i in {1..100}; do ports+=(-p "$((19000 + i)):80"); done
	web many "${ports[@]}"
	[ "$before" = "$(rules)" ]
	run -0 fetch 127.0.0.1:19077
	is 'a page'
	[ "$(nft list map inet hull ports | grep -o 'tcp \. ' | wc -l)" -eq 100 ]
	hull rm -f many
	[ "$(nft list map inet hull ports | grep -c 'tcp \. ')" -eq 0 ]
}
