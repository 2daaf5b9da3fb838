#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# what somebody does in the first hour who knows other runtimes

# shellcheck disable=SC2154 # run sets stderr
load helpers
setup_file() {
	stores_begin
	image_begin
}
teardown_file() {
	stores_end
}
teardown() {
	containers_end
}

@test "a definition that fails gives its name back at once" {
	run hull run --rm --name taken --cap-add NOPE bb true
	[ "$status" -eq 125 ]
	is "hull: run: option '--cap-add': 'NOPE' is no capability: see capabilities(7)"
	[ -z "$(ls "$STORES/data/names")" ]
	hull run --rm --name taken bb true
}

@test "behind '| head' run, attach and exec end quietly, and the container runs on with all that is its own" {
	run bash -c "$(hull_words) run --rm --name loud bb yes | head -1; echo \${PIPESTATUS[0]}"
	is $'y\n141'
	run hull ps --format '{{.Names}} {{.State}}'
	is 'loud running'
	run bash -c "$(hull_words) attach --no-stdin loud | head -1; echo \${PIPESTATUS[0]}"
	is $'y\n141'
	run bash -c "$(hull_words) exec loud yes | head -1; echo \${PIPESTATUS[0]}"
	is $'y\n141'
	hull kill loud
	gone() { [ -z "$(hull ps -aq)" ]; }
	retry 30 gone
}

@test "a full disk under the output is told, and the container runs on" {
	run bash -c "$(hull_words) run --rm --name loud bb yes >/dev/full"
	[ "$status" -eq 125 ]
	has "No space left on device"
	run hull ps --format '{{.Names}}'
	is loud
}

@test "inspect -f, --net and a port of 0 are what they are elsewhere" {
	hull run -d --name web -p 127.0.0.1:0:80 bb sleep 100
	run hull inspect -f '{{.State.Status}}' web
	is running
	run hull ps --format '{{.Ports}}'
	like '^127\.0\.0\.1:[1-9][0-9]*->80/tcp$'
	run hull image inspect -f '{{.Os}}' bb
	is linux
	run hull run --rm --net none bb ls /sys/class/net
	is lo
}

@test "in a network of its own, every user may listen below 1024 and send pings" {
	local listen=(bb nc -l -p 80 -w 1 127.0.0.1)

	run hull run --rm --user 1000 "${listen[@]}"
	[[ $output != *"ermission denied"* ]]
	run hull run --rm --user 1000 --sysctl net.ipv4.ip_unprivileged_port_start=1024 "${listen[@]}"
	has "ermission denied"
	run hull run --rm bb cat /proc/sys/net/ipv4/ping_group_range /proc/sys/net/ipv4/ip_unprivileged_port_start
	is $'0\t65535\n0'
}

@test "a template that fails shows nothing of its line, and says which fields there are" {
	hull run -d --name web --label app=x bb sleep 100
	run --separate-stderr hull inspect -f '{{.Config.Labels.app}} {{.NetworkSettings.IPAdress}}' web
	[ "$status" -eq 125 ]
	is ''
	[ "$stderr" = "hull: inspect: format: '{{.NetworkSettings.IPAdress}}': there is no field .NetworkSettings.IPAdress: there are ipAddress, ipPrefixLen, gateway, macAddress" ]
	run --separate-stderr hull ps --format '{{.Names}} {{.Nam}}'
	[ "$status" -eq 125 ]
	is ''
	like 'there are ID, Image, .*, labels$' "$stderr"
	run hull inspect -f '{{.NetworkSettings.IPAddress}}' web
	is "$(hull inspect -f '{{.Network.IP}}' web)"
	like '^10\.'
}

@test "too little memory is refused; what is too little for a program is told" {
	run -125 hull run --rm -m 1m bb true
	is "hull: run: option '--memory': '1m' is too little for a container: want 6m or more"
	run hull run --rm -m 0 --network none bb echo unbounded
	is unbounded
}
