#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# bats file_tags=vm
# A machine's network as others see it: from outside of this host, from containers beside it, and by names.

load helpers
load vm_helpers

setup_file() {
	machines_begin
}
teardown_file() {
	stores_end
}
teardown() {
	[ -z "${SERVER:-}" ] || kill "$SERVER"
	containers_end
}

# A name server outside that knows one answer: 192.0.2.77.
name_server() {
	ip netns exec outside python3 -c 'import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("198.51.100.2", 53))
while True:
    asked, peer = server.recvfrom(512)
    question = asked[12:asked.index(b"\0", 12) + 5]
    is_a = question[-4:-2] == b"\0\1"
    answer = b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4\xc0\0\2\x4d" if is_a else b""
    server.sendto(asked[:2] + b"\x81\x80\0\1\0" + bytes([is_a]) + b"\0\0\0\0" + question + answer, peer)' 3>&- &
	SERVER=$!
}

# A page's last line, for a shell inside: get ADDRESS PORT.
# shellcheck disable=SC2016 # they are its variables
GET='get() { printf "GET / HTTP/1.0\r\n\r\n" | nc -w 5 "$1" "$2" | tail -n 1; }'

outside() {
	ip netns exec outside "$@"
}

@test "published ports from outside, and no others; names by a server and by a file; containers find a machine, and it finds them" {
	name_server
	hull run -d --name box --isolation vm -p 18211:80 -p 18212:81/udp --dns 198.51.100.2 --dns-search example.org --add-host beside:192.0.2.9 bb sh -c \
		'mkdir /www; echo page >/www/index.html; httpd -h /www; httpd -p 82 -h /www; nc -u -l -p 81 -e echo word & echo up; while :; do sleep 0.2; done' >/dev/null 3>&-
	retry $BOOT_SECONDS says box up
	[ "$(outside curl -sf -m 10 http://198.51.100.1:18211/)" = page ]
	address=$(hull inspect --format '{{.Network.IP}}' box)
	outside ip route add "$address/32" via 198.51.100.1
	run ! outside curl -sf -m 2 "http://$address:82/"
	outside ip route del "$address/32"
	run -0 hull exec box nslookup host.example.org
	has 192.0.2.77
	run -0 hull exec box sh -c 'grep beside /etc/hosts; cat /etc/resolv.conf'
	like '192.0.2.9.beside'
	has $'nameserver 198.51.100.2\nsearch example.org'
	# Beside it: by its own address, and by this host's with the published port.
	run -0 hull run --rm bb sh -c "$GET; get $address 80; get 198.51.100.1 18211; get $address 82"
	is $'page\npage\npage'
	hull run -d --name other bb sh -c 'mkdir /www; echo other >/www/index.html; exec httpd -f -h /www' >/dev/null 3>&-
	other=$(hull inspect --format '{{.Network.IP}}' other)
	says_other() { [ "$(hull exec box sh -c "$GET; get $other 80")" = other ]; }
	retry 30 says_other
}
