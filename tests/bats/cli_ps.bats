#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# ps, inspect: what is told of containers, as a table, JSON and by templates

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

@test "ps: only running ones, -a all, newest first" {
	hull run -d --name first bb sleep 100
	hull run --name second bb true
	hull create --name third bb true
	run hull ps --format '{{.Names}}'
	is first
	run hull ps -a --format '{{.Names}} {{.State}}'
	is $'third created\nsecond exited\nfirst running'
	run hull ps -l --format '{{.Names}}'
	is third
	run hull ps -n 2 --format '{{.Names}}'
	is $'third\nsecond'
}

@test "ps: columns and words of the table" {
	id=$(hull run -d --name web -p 18473:80 -p 127.0.0.1:18474:81/udp bb sleep 100)
	run hull ps
	like '^CONTAINER ID   IMAGE   COMMAND       CREATED +STATUS +PORTS +NAMES$' "${lines[0]}"
	like "^${id:0:12} +bb +\"sleep 100\" +[0-9]+ seconds? ago +Up [0-9]+ seconds? " "${lines[1]}"
	has '0.0.0.0:18473->80/tcp, 127.0.0.1:18474->81/udp'
	run hull ps -q
	is "${id:0:12}"
	run hull ps -q --no-trunc
	is "$id"
}

@test "ps: words for every state" {
	hull run --name ended bb sh -c 'exit 3' || true
	hull create --name made bb true
	hull run -d --name frozen bb sleep 100
	hull pause frozen
	run hull ps -a --format '{{.Names}}: {{.Status}}'
	like '^frozen: Up [0-9]+ seconds? \(Paused\)$' "${lines[0]}"
	[ "${lines[1]}" = 'made: Created' ]
	like '^ended: Exited \(3\) [0-9]+ seconds? ago$' "${lines[2]}"
}

@test "ps: an orphan is said to be unattended once, then it has a new keeper" {
	hull run -d --name web bb sleep 100
	kill_at_once "$(keeper_of web)"
	run hull ps --format '{{.Status}}'
	has '(unattended)'
	run hull ps --format '{{.Status}}'
	[[ $output != *unattended* ]]
	[ "$(keeper_of web)" -gt 0 ]
}

@test "ps: an end that nobody saw is unknown, never 0" {
	hull run -d --name web bb sleep 100
	pid=$(init_of web)
	kill_at_once "$(keeper_of web)"
	kill_at_once "$pid"
	run hull ps -a --format '{{.Status}}'
	[[ $output == 'Exited (unknown)'* ]]
	run hull inspect --format '{{json .State.ExitCode}}' web
	is null
	run -125 hull wait web
	has 'exit code is unknown'
}

@test "ps: filters" {
	hull run -d --name web -l tier=front -l a=b bb sleep 100
	hull run --name job -l tier=back bb sh -c 'exit 4' || true
	names() {
		run hull ps -a "$@" --format '{{.Names}}'
	}
	names -f name=eb
	is web
	names -f name=^/web$
	is web
	names -f name=job -f name=web
	is $'job\nweb'
	names -f label=tier
	is $'job\nweb'
	names -f label=tier=front -f label=a=b
	is web
	names -f label=tier=front -f label=a=c
	is ''
	names -f status=exited
	is job
	names -f exited=4
	is job
	names -f exited=0
	is ''
	names -f ancestor=bb
	is $'job\nweb'
	names -f ancestor=none
	is ''
	names -f id="$(hull ps -q --no-trunc)"
	is web
	run hull ps -f status=exited --format '{{.Names}}'
	is job
}

@test "ps: JSON is an array with stable members" {
	hull run -d --name web -l a.b=c -p 18475:80 bb sleep 100
	run hull ps --format json
	python=$(command -v python3 || true)
	has '"name": "web"'
	has '"state": "running"'
	has '"exitCode": null'
	has '"a.b": "c"'
	has '"hostPort": 18475'
	[ -z "$python" ] || "$python" -c 'import json,sys; assert len(json.loads(sys.argv[1])) == 1' "$output"
	hull rm -f web
	run hull ps --format json
	[ "$(echo "$output" | tr -d ' \n')" = '[]' ]
}

@test "ps: templates" {
	hull run -d --name web -l a.b=c -p 18476:80 bb sleep 100
	run hull ps --format '{{.Names}}\t{{.Label "a.b"}} {{index .Labels "a.b"}} {{len .Ports}} {{json .Command}}'
	is $'web\tc c 1 ["sleep","100"]'
	run hull ps --format 'table {{.Names}}\t{{.Image}}'
	is $'NAMES   IMAGE\nweb     bb'
}

@test "ps: what a label holds does not steer the terminal" {
	hull run -d --name web -l "a=$(printf '\033[31m\nred')" bb sleep 100
	run hull ps --format '{{.Labels}}'
	is 'a=\x1b[31m\nred'
}

@test "inspect: the members that are documented, null where nothing is known" {
	hull run -d --name web -m 64m --pids-limit 50 -e A=1 -u app -v "$STORES:/there:ro" bb sleep 100
	run hull inspect --format '{{.Name}} {{.State.Status}} {{.State.Running}} {{json .State.ExitCode}} {{.State.OomKilled}}' web
	is 'web running true null false'
	run hull inspect --format '{{.Limits.MemoryBytes}} {{.Limits.Pids}} {{json .Limits.CpuShares}} {{.Config.User}}' web
	is '67108864 50 null app'
	run hull inspect --format '{{.Isolation}} {{json .Vm}}' web
	is 'ns null'
	[ "$(hull ps --format json | jq -r '.[0].isolation')" = ns ]
	run hull inspect --format '{{index .Mounts 0}}' web
	has "\"source\":\"$STORES\",\"destination\":\"/there\",\"readOnly\":true"
	ip=$(hull inspect --format '{{.Network.IP}}' web)
	run hull exec web ip -4 addr show eth0
	has "inet $ip/"
	[ -f "$(hull inspect --format '{{.Paths.Config}}' web)" ]
	[ -d "/proc/$(hull inspect --format '{{.State.Pid}}' web)" ]
	run hull inspect web
	[ "${lines[0]}" = '[' ]
}

@test "inspect: one that is missing does not hide the others" {
	hull create --name made bb true
	run -125 --separate-stderr hull inspect --format '{{.Name}} {{.State.Status}}' nosuch made
	is 'made created'
	[ "$stderr" = "hull: inspect: no container 'nosuch': see 'hull ps -a', or 'hull image inspect' for images" ]
}

@test "ps --size: what each has written, and with its image's files; not its volumes" {
	local image

	image=$(hull image inspect -f '{{.SizeBytes}}' bb)
	sizes() { hull ps -as --format json | jq -c '.[] | [.name, .sizeBytes, .virtualSizeBytes]'; }
	hull create --name still --network none bb true >/dev/null
	hull run --name writer --network none -v /volume bb sh -c 'mkdir -p /a/b; dd if=/dev/zero of=/a/b/file bs=1M count=3
		ln /a/b/file /a/other; ln -s /bin/busybox /a/link; dd if=/dev/zero of=/volume/file bs=1M count=5'
	run sizes
	has "[\"still\",0,$image]"
	has "[\"writer\",3145728,$((image + 3145728))]"
	run hull ps -a -s
	like '^CONTAINER ID .* NAMES +SIZE$' "${lines[0]}"
	like 'writer +3.1MB \(virtual [0-9.]+MB\)'
	run hull ps -a --format '{{.Names}}: {{.Size}}' --filter name=still
	like '^still: 0B \(virtual [0-9.]+[kM]B\)$'
	run hull ps -a
	[[ $output != *SIZE* ]]
	[ "$(hull ps -a --format json | jq '.[0].sizeBytes')" = null ]
	hull rm -v writer
	hull create --name lent --rootfs "$STORES/rootfs" true >/dev/null
	run sizes
	has '["lent",0,0]'
}
