#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Neighbours on the bridge: one who may send raw frames, or configure its interface, gets nothing that is another's.
# IPv6, which nobody has been given, goes nowhere.

load helpers

setup_file() {
	stores_begin
}

teardown_file() {
	stores_end
}

setup() {
	local name

	for name in evil victim other; do
		hull run -d --name "$name" --cap-add NET_RAW --cap-add NET_ADMIN busybox sleep 300 3>&- >/dev/null
	done
	gateway=$(ip -4 -o address show hull0 | awk '{ sub("/.*", "", $4); print $4 }')
}

teardown() {
	containers_end
}

ip_of() {
	hull inspect --format '{{.Network.IP}}' "$1"
}

mac_of() {
	hull exec "$1" cat /sys/class/net/eth0/address
}

# in_network_of NAME COMMAND...: with the host's programs.
in_network_of() {
	nsenter "--net=/proc/$(init_of "$1")/ns/net" "${@:2}"
}

# Sends frames from the container "evil", and tells by name which of them arrive at "victim", at "other", or at the
# host.
# Each carries its name. The first is an honest one: that nothing arrives must not be for want of a way.
frames() {
	python3 - "$(init_of evil)" "$(init_of other)" "$(init_of victim)" "$(ip_of evil)" "$(ip_of victim)" "$(ip_of other)" "$gateway" \
		"$(mac_of evil)" "$(mac_of other)" "$(mac_of victim)" "$(cat /sys/class/net/hull0/address)" <<-'PYTHON'
		import ctypes, os, select, socket, struct, sys, time

		pids = [int(pid) for pid in sys.argv[1:4]]
		evil, victim, other, gateway = (socket.inet_aton(a) for a in sys.argv[4:8])
		evil_mac, other_mac, victim_mac, bridge_mac = (bytes.fromhex(m.replace(":", "")) for m in sys.argv[8:12])
		every, all_nodes, lldp = b"\xff" * 6, bytes.fromhex("333300000001"), bytes.fromhex("0180c200000e")

		def enter(network):
		    if ctypes.CDLL(None).setns(network, 0x40000000) != 0:
		        sys.exit("setns")

		def raw(pid, interface):
		    home = os.open("/proc/self/ns/net", os.O_RDONLY)
		    if pid:
		        enter(os.open(f"/proc/{pid}/ns/net", os.O_RDONLY))
		    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
		    s.bind((interface, 0))
		    enter(home)
		    return s

		def eth(to, protocol, rest, source=evil_mac):
		    return to + source + struct.pack("!H", protocol) + rest

		def udp(source, to, words):
		    data = struct.pack("!HHHH", 9, 9, 8 + len(words), 0) + words
		    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(data), 1, 0, 64, 17, 0, source, to)
		    total = sum(struct.unpack("!10H", head))
		    total = (total & 0xffff) + (total >> 16)
		    return head[:10] + struct.pack("!H", ~(total + (total >> 16)) & 0xffff) + head[12:] + data

		def arp(operation, mac, source, to_mac, to, words):
		    return struct.pack("!HHBBH6s4s6s4s", 1, 0x800, 6, 4, operation, mac, source, to_mac, to) + words

		def ip6(next_header, rest):
		    source = bytes.fromhex("fe80000000000000") + b"\0" * 7 + b"\x66"
		    return struct.pack("!IHBB", 6 << 28, len(rest), next_header, 255) + source + bytes.fromhex("ff02") + b"\0" * 13 + b"\1" + rest

		frames = [
		    ("honest", lambda w: eth(other_mac, 0x800, udp(evil, other, w))),
		    ("honest arp", lambda w: eth(every, 0x806, arp(1, evil_mac, evil, b"\0" * 6, other, w))),
		    ("source victim", lambda w: eth(other_mac, 0x800, udp(victim, other, w))),
		    ("source gateway", lambda w: eth(other_mac, 0x800, udp(gateway, other, w))),
		    ("source elsewhere", lambda w: eth(other_mac, 0x800, udp(b"\x08\x08\x08\x08", other, w))),
		    ("source none", lambda w: eth(every, 0x800, udp(b"\0" * 4, b"\xff" * 4, w))),
		    ("to the host from victim", lambda w: eth(bridge_mac, 0x800, udp(victim, gateway, w))),
		    ("arp reply victim", lambda w: eth(other_mac, 0x806, arp(2, evil_mac, victim, other_mac, other, w))),
		    ("arp reply gateway", lambda w: eth(every, 0x806, arp(2, evil_mac, gateway, every, gateway, w))),
		    ("arp request victim", lambda w: eth(every, 0x806, arp(1, evil_mac, victim, b"\0" * 6, other, w))),
		    ("to one that has ended", lambda w: eth(bytes.fromhex("020000000001"), 0x800, udp(evil, victim, w))),
		    ("vlan", lambda w: eth(other_mac, 0x8100, struct.pack("!HH", 1, 0x800) + udp(victim, other, w))),
		    ("two vlans", lambda w: eth(every, 0x88a8, struct.pack("!HHHH", 1, 0x8100, 1, 0x800) + udp(victim, other, w))),
		    ("ipv6", lambda w: eth(all_nodes, 0x86dd, ip6(17, struct.pack("!HHHH", 9, 9, 8 + len(w), 1) + w))),
		    ("router advertisement", lambda w: eth(all_nodes, 0x86dd, ip6(58, struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0) + w))),
		    ("other protocol", lambda w: eth(every, 0x88b5, w)),
		]
		sender = raw(pids[0], "eth0")
		listeners = {"other": raw(pids[1], "eth0"), "victim": raw(pids[2], "eth0"), "host": raw(0, "hull0")}
		seen = set()
		for turn in range(3):
		    for name, make in frames:
		        sender.send(make(f"<{name}>".encode().ljust(60, b".")))
		    end = time.monotonic() + 0.3
		    while time.monotonic() < end:
		        for s in select.select(list(listeners.values()), [], [], 0.1)[0]:
		            data = s.recv(2048)
		            where = next(n for n, l in listeners.items() if l is s)
		            seen |= {f"{name} at {where}" for name, _ in frames if f"<{name}>".encode() in data}
		print("\n".join(sorted(seen)))
	PYTHON
}

@test "a frame with an address that is not the sender's own goes nowhere" {
	run -0 frames
	is $'honest arp at host\nhonest arp at other\nhonest arp at victim\nhonest at other'
	# No address and no route came of the router advertisement.
	run -0 in_network_of other ip -6 address show dev eth0
	is ''
	run -0 ip -6 route show dev hull0
	is ''
}

@test "nobody can take a neighbour's address, or the gateway's" {
	local victim mac

	victim=$(ip_of victim)
	mac=$(mac_of victim)
	hull exec other ping -c 1 -W 20 "$victim" >/dev/null
	hull exec other arping -c 1 -w 20 -I eth0 "$gateway" >/dev/null
	ping -c 1 -W 20 "$victim" >/dev/null
	hull exec evil sh -c "ip address add $victim/20 dev eth0; ip address add $gateway/20 dev eth0"
	# A neighbour's entry is not replaced within its first second.
	for who in "$victim" "$gateway"; do hull exec evil arping -U -c 3 -I eth0 -s "$who" "$who" >/dev/null || true; done
	run -0 hull exec other sh -c "ping -c 1 -W 20 $victim >/dev/null && ip neigh show $victim"
	has "$mac"
	run -0 hull exec other sh -c "ip neigh flush dev eth0 >/dev/null 2>&1; arping -c 3 -w 4 -I eth0 $gateway | grep -o '\[.*\]' | sort -u"
	is "[$(cat /sys/class/net/hull0/address)]"
	run -0 ip neigh show "$victim"
	has "$mac"
}

@test "nobody can take a neighbour's MAC address" {
	local victim mac port

	victim=$(ip_of victim)
	mac=$(mac_of victim)
	port=$(hull inspect --format '{{.Network.HostInterface}}' victim)
	# With its own IP address, so that only the MAC is false; the second kind of frame is for the bridge itself
	# (IEEE 802.1D).
	hull exec evil sh -c "ip link set eth0 down; ip link set eth0 address $mac; ip link set eth0 up; arping -U -c 2 -I eth0 $(ip_of evil)" >/dev/null || true
	in_network_of evil python3 -c '
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0))
for last in range(16):
    s.send(bytes.fromhex("0180c20000%02x" % last) + bytes.fromhex(sys.argv[1].replace(":", "")) + b"\x88\xcc" + b"x" * 60)' "$mac"
	run -0 bash -c "bridge fdb show br hull0 | grep -i '^$mac'"
	has "$mac dev $port master hull0 static"
	[ "${#lines[@]}" -eq 1 ]
	run -0 hull exec other ping -c 3 -i 0.2 -W 20 "$victim"
	has '3 packets received'
}

@test "a container that has chosen its MAC address is reached by it" {
	hull run -d --name chosen --mac-address 02:00:00:00:00:99 busybox sleep 300 3>&- >/dev/null
	run -0 hull exec other ping -c 1 -W 20 "$(ip_of chosen)"
	run -0 ping -c 1 -W 20 "$(ip_of chosen)"
}

@test "IPv6 of the host is out of reach: neither address nor service" {
	python3 -c '
import socket
s = socket.create_server(("::", 7003), family=socket.AF_INET6)
while True:
    client = s.accept()[0]
    client.sendall(b"reached\n")
    client.close()' 3>&- 4>&- >/dev/null 2>&1 &
	server=$!
	retry 30 eval "ss -ltn | grep -q ':7003 '"
	run -0 ip -6 address show dev hull0
	is ''
	# Addresses that they have given themselves, and one that somebody has given the bridge, change nothing.
	echo 0 >/proc/sys/net/ipv6/conf/hull0/disable_ipv6
	ip -6 address add fe80::1/64 dev hull0 nodad
	for who in evil other; do
		in_network_of "$who" sh -c "echo 0 >/proc/sys/net/ipv6/conf/eth0/disable_ipv6; ip -6 address add fe80::${#who}/64 dev eth0 nodad"
	done
	run -0 bash -c 'cat </dev/tcp/::1/7003'
	is reached
	for address in fe80::1 fe80::5; do
		run in_network_of evil ping -6 -c 1 -W 1 "$address%eth0"
		[ "$status" -ne 0 ]
	done
	run in_network_of evil timeout 1 bash -c 'cat </dev/tcp/fe80::1%eth0/7003'
	[[ $output != *reached* ]]
	echo 1 >/proc/sys/net/ipv6/conf/hull0/disable_ipv6
	kill "$server"
}
