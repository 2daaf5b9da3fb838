#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# restart, rename, port, top, volume, image tag, and options that hands know from elsewhere

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

@test "restart: a running one ends and begins anew, with the same files; a stopped one begins" {
	hull run -d --name again bb sh -c 'trap "exit 3" TERM; echo x >>/begun; sleep 100 & wait'
	retry 30 hull exec again test -s /begun
	first=$(hull inspect -f '{{.State.Pid}}' again)
	run hull restart again
	is again
	[ "$(hull inspect -f '{{.State.Pid}}' again)" != "$first" ]
	retry 30 hull exec again sh -c '[ "$(wc -l </begun)" = 2 ]'
	hull stop again
	hull restart again
	retry 30 hull exec again sh -c '[ "$(wc -l </begun)" = 3 ]'
	run -125 hull restart nosuch again
	has "no container 'nosuch'"
	has again
}

@test "restart: -t bounds the wait, -s says with what it ends, and --rm is refused" {
	hull run -d --name deaf bb sh -c 'trap "" TERM; while :; do sleep 1; done'
	SECONDS=0
	hull restart -t 1 deaf
	[ $SECONDS -lt 9 ]
	hull run -d --rm --name gone bb sleep 100
	run -125 hull restart gone
	is "hull: restart: container 'gone' was made with '--rm': stopped, it would be gone"
	run hull ps -q --filter name=gone
	[ -n "$output" ]
}

@test "rename: of one that runs and of one that does not; the old name is free" {
	hull run -d --name old bb sleep 100
	id=$(hull inspect -f '{{.Id}}' old)
	hull rename old new
	run hull inspect -f '{{.Id}} {{.Name}}' new
	is "$id new"
	run -125 hull inspect old
	hull run --rm --name old bb true
	hull exec new true
	hull stop new
	hull rename "$id" newer
	run hull ps -a --format '{{.Names}}'
	is newer
	hull start newer
	run -125 hull exec old true
}

@test "rename: what is no name, or another's, changes nothing" {
	hull create --name one bb
	hull create --name two bb
	run -125 hull rename one two
	is "hull: rename: the name 'two' is in use: remove that container first, or choose another name"
	run -125 hull rename one a/b
	has "only letters"
	run -125 hull rename one one
	has 'has that name already'
	run -125 hull rename nosuch three
	has "no container 'nosuch'"
	run hull ps -a --format '{{.Names}}'
	is $'two\none'
	[ "$(ls "$STORES/data/names")" = $'one\ntwo' ]
}

@test "port: all of them, one of them, as JSON" {
	hull run -d --name web -p 127.0.0.1:0:80 -p 127.0.0.1:0:53/udp bb sleep 100
	run hull port web
	like '^80/tcp -> 127\.0\.0\.1:[0-9]+'$'\n''53/udp -> 127\.0\.0\.1:[0-9]+$'
	run hull port web 80
	like '^127\.0\.0\.1:[0-9]+$'
	[ "$output" = "$(hull port web 80/tcp)" ]
	run hull port --format json web 53/udp
	[ "$(jq -r '.[0].containerPort, .[0].protocol' <<<"$output")" = $'53\nudp' ]
	run -125 hull port web 53
	is "hull: port: container 'web': port 53 is not published"
	run -125 hull port web eighty
	has "'eighty' is no port"
	hull stop -t 0 web
	run -125 hull port web
	has 'is not running'
}

@test "publish-all: what the image exposes, once; not what was published by hand" {
	hull image import -q --name exposing -c 'EXPOSE 80 81/udp' "$STORES/rootfs"
	hull run -d --name all -P -p 127.0.0.1:0:80 exposing sleep 100
	run hull port all
	like '^80/tcp -> 127\.0\.0\.1:[0-9]+'$'\n''81/udp -> 0\.0\.0\.0:[1-9][0-9]*$'
	hull rm -f all
	hull run -d --name all -P --expose 90-91 --expose 81/udp -p 127.0.0.1:0:91 exposing sleep 100
	run hull port all
	[ "$(cut -d: -f1 <<<"$output" | sort)" = $'80/tcp -> 0.0.0.0\n81/udp -> 0.0.0.0\n90/tcp -> 0.0.0.0\n91/tcp -> 127.0.0.1' ]
	run hull run --rm --network none --expose 99 exposing echo here
	is here
	run -125 hull run --rm --expose 80:90 exposing true
	is "hull: run: option '--expose': '80:90': want PORT[-PORT][/udp]: see '--publish'"
	run -125 hull run --rm --expose abc exposing true
	is "hull: run: option '--expose': 'abc': want PORT[-PORT][/udp]: see '--publish'"
	run -125 hull run --rm --expose 70000 exposing true
	has "option '--expose': '70000'"
	run -125 hull run --rm -P --network none exposing true
	has "no address of its own to publish"
	hull rm -f all
	hull rmi exposing
}

@test "stats: figures once, as JSON, by a template; of those that run, those that are named, all" {
	hull run -d --name busy --memory 64m --pids-limit 33 bb sh -c 'while :; do :; done' 3>&-
	hull create --name idle bb >/dev/null
	run -0 hull stats --no-stream
	[ "${#lines[@]}" -eq 2 ]
	like 'CONTAINER ID +NAME +CPU % +MEM USAGE / LIMIT +MEM % +NET I/O +BLOCK I/O +PIDS'
	like 'busy +[0-9.]+% +[0-9.]+[kM]?B / 67.1MB +[0-9.]+% +.*B / .*B +.*B / .*B +1$'
	run -0 hull stats --no-stream --format '{{.Name}} {{.MemUsage}}' -a
	[ "${#lines[@]}" -eq 2 ]
	has 'idle -- / --'
	json=$(hull stats --no-stream --interval 200ms --format json busy)
	[ "$(jq length <<<"$json")" -eq 1 ]
	[ "$(jq '.[0] | (.cpuPercent > 1) and .memoryLimitBytes == 67108864 and .pids == 1 and .pidsLimit == 33 and (.machine == null)' <<<"$json")" = true ]
	run -125 hull stats --no-stream idle
	is "hull: stats: container 'idle' is not running: see 'hull ps -a'"
	run -125 hull stats --no-stream nosuch
	run -125 hull stats --interval never
}

@test "stats: a line follows another until the container has ended; on a terminal the table is drawn anew" {
	hull run -d --name brief bb sleep 1000 3>&-
	three_lines() { [ "$(grep -c ' brief ' "$STORES/lines")" -ge 3 ]; }
	drawn_twice() { [ "$(grep -c $'\033\\[H\033\\[JCONTAINER ID' "$STORES/drawn")" -ge 2 ]; }
	hull stats --interval 100ms brief >"$STORES/lines" 3>&- &
	retry 30 three_lines
	[ "$(grep -c '^CONTAINER ID' "$STORES/lines")" -eq 1 ]
	script -qec "$(hull_words stats --interval 100ms brief)" /dev/null >"$STORES/drawn" 3>&- &
	retry 30 drawn_twice
	hull kill brief
	wait
	rm "$STORES/lines" "$STORES/drawn"
}

@test "update: limits of one that runs, and of one that does not, for good; all of them or none" {
	limits() { hull stats --no-stream --interval 1ms --format '{{json .memoryLimitBytes}} {{json .pidsLimit}}' "$1"; }
	hull run -d --name web --memory 64m --pids-limit 50 bb sleep 1000 3>&-
	hull create --name idle --memory 64m bb sleep 1000 >/dev/null
	run -0 hull update --memory 32m --pids-limit 20 web idle
	is $'web\nidle'
	[ "$(limits web)" = '33554432 20' ]
	hull stop -t 0 web
	hull start web
	[ "$(limits web)" = '33554432 20' ]
	hull start idle
	[ "$(limits idle)" = '33554432 20' ]
	run -125 hull update --memory 16m --cpuset-cpus 500 web
	has 'cpuset-cpus'
	[ "$(limits web)" = '33554432 20' ]
	run -125 hull update --pids-limit 0 web
	run -125 hull update web
	is "hull: update: nothing to change: name a limit, as '--memory 256m'"
	run -125 hull update --memory 1m web
	has 'too little'
}

@test "cpu-quota and cpu-period: what --cpus says, in two; for run and update" {
	time_of() { hull inspect -f '{{.Limits.CpuQuotaUs}} {{.Limits.CpuPeriodUs}}' "$1"; }
	kernel_of() { # as the kernel has it: QUOTA PERIOD
		local folder

		folder=$(find /sys/fs/cgroup -type d -path "*/hull/$(hull inspect -f '{{.Id}}' "$1")" -exec test -e {}/cpu.max -o -e {}/cpu.cfs_quota_us ';' -print -quit)
		if [ -e "$folder/cpu.max" ]; then cat "$folder/cpu.max"; else echo "$(cat "$folder/cpu.cfs_quota_us") $(cat "$folder/cpu.cfs_period_us")"; fi
	}

	hull run -d --name half --network none --cpu-period 50000 --cpu-quota 25000 bb sleep 1000 3>&-
	[ "$(time_of half)" = '25000 50000' ]
	[ "$(kernel_of half)" = '25000 50000' ]
	hull update --cpu-quota 10000 half
	[ "$(time_of half)" = '10000 50000' ]
	[ "$(kernel_of half)" = '10000 50000' ]
	hull create --name whole --network none --cpu-quota 30000 bb sleep 1000 >/dev/null
	hull start whole
	[ "$(kernel_of whole)" = '30000 100000' ]
	run -125 hull run --rm --cpus 1 --cpu-period 1000 bb true
	is "hull: run: option '--cpus' is a quota and its period: '--cpu-quota' and '--cpu-period' cannot be had besides"
	run -125 hull run --rm --cpu-quota 999 bb true
	is "hull: run: option '--cpu-quota': '999': 1000 microseconds or more, or -1 for any"
	run -125 hull update --cpu-period 1000001 half
	has "option '--cpu-period': '1000001': 1000 to 1000000 microseconds"
	run -125 hull run --rm --cpu-quota much bb true
	has "option '--cpu-quota': 'much' is no number"
}

# bats test_tags=vm
@test "the same for a machine: domainname, cpu-quota, attach, volumes-from, pull, platform, and its size" {
	hull kernel import "$KERNEL_PACKAGE" >/dev/null
	run -0 --separate-stderr hull run --name guest --isolation vm -h web --domainname example.org --cpu-quota 150000 -v data:/data \
		-a stdout bb sh -c 'cat /proc/sys/kernel/domainname; hostname -f; nproc; echo kept >/data/file; echo err >&2
		dd if=/dev/zero of=/file bs=1M count=2 2>/dev/null; sync'
	is $'example.org\nweb.example.org\n2'
	[ -z "$stderr" ]
	[ "$(hull ps -as --format json | jq '.[0].sizeBytes >= 2097152')" = true ]
	run ! hull run --rm --isolation vm --network none --volumes-from guest:ro --pull never \
		--platform "linux/$(hull image inspect -f '{{.Architecture}}' bb)" bb sh -c 'cat /data/file; echo x >/data/file'
	has kept
	has 'Read-only file system'
	hull rm guest
	hull volume rm data
}

@test "top: other columns by the container's own ps" {
	hull run -d --name shown bb sleep 1000 3>&-
	run -0 hull top shown -o pid,args
	like ' +1 sleep 1000'
}

@test "top: the processes, with the numbers that they have inside and outside" {
	hull run -d --name busy -u 1000 bb sh -c 'sleep 1000 & sleep 1001 & wait'
	three() { [ "$(hull top -q busy | wc -l)" -eq 3 ]; }
	retry 30 three
	run hull top busy
	like '^UID +PID +HOST PID +TIME +COMMAND$' "${lines[0]}"
	like '^1000 +1 +[0-9]+ +00:00:00 +sh -c sleep 1000' "${lines[1]}"
	run hull top --format '{{.Uid}} {{.Pid}} {{.Command}}' busy
	like '(^|'$'\n'')1000 [0-9]+ sleep 1001($|'$'\n'')'
	pid=$(hull top --format json busy | jq '.[] | select(.pid == 1).hostPid')
	[ "$pid" = "$(hull inspect -f '{{.State.Pid}}' busy)" ]
	hull stop -t 0 busy
	run -125 hull top busy
	has 'is not running'
}

@test "volume: made, listed, inspected; refused while it is used; removed" {
	run hull volume create data
	is data
	hull volume create data
	run hull volume ls
	like '^VOLUME NAME +CONTAINERS +CREATED$' "${lines[0]}"
	like '^data +[0-9]+ second.* ago$' "${lines[1]}"
	hull run --name user -v data:/data bb sh -c 'echo kept >/data/file'
	run hull volume inspect --format '{{join .Containers ","}} {{.Anonymous}} {{.Mountpoint}}' data
	is "user false $STORES/data/volumes/data/data"
	[ "$(cat "$STORES/data/volumes/data/data/file")" = kept ]
	run -125 hull volume rm data
	is "hull: volume rm: volume 'data' is used by container 'user': remove that first"
	hull rm user
	run hull volume rm data
	is data
	run hull volume ls -q
	is ''
	run -125 hull volume rm data
	has "no volume 'data'"
	run hull volume rm -f data
	is ''
	run -125 hull volume create ../up
	has 'is no name of a volume'
	run -125 hull volume inspect ..
	has 'is no name of a volume'
	run -125 hull volume rm ..
	has 'is no name of a volume'
	[ -d "$STORES/data/instances" ]
}

@test "volumes-from: another one's volumes and folders, read-only where it is said; what is named here comes before" {
	mkdir "$STORES/shared" "$STORES/own"
	chmod 777 "$STORES/shared"
	hull volume create data
	hull create --name first -v data:/data -v /made -v "$STORES/shared:/shared" --tmpfs /memory bb sh -c 'echo first | tee /data/file /made/file /shared/file' >/dev/null
	hull start first
	hull wait first
	run hull run --rm --volumes-from first bb sh -c 'cat /data/file /made/file /shared/file; echo more >>/made/file; ls -d /memory'
	like $'^first\nfirst\nfirst\nls: /memory: No such file'
	run hull run --rm --volumes-from first:ro bb sh -c 'cat /made/file; echo x >/data/file'
	like $'^first\nmore\n.*Read-only file system'
	hull create --name second --volumes-from first:rw -v "$STORES/own:/data:ro" bb >/dev/null
	run jq -r '.[0].mounts[] | "\(.destination) \(.source) \(.readOnly)"' <(hull inspect second)
	has "/data $STORES/own true"
	has "/shared $STORES/shared false"
	# What nobody has named goes with the last one that has it.
	made=$(hull volume ls -q | grep -vx data)
	run -125 hull volume rm "$made"
	hull rm -v first
	run hull volume ls -q
	is "$(printf '%s\n' "$made" data | LC_ALL=C sort)"
	hull rm -v second
	run hull volume ls -q
	is data
	run -125 hull run --rm --volumes-from nosuch bb true
	is "hull: run: option '--volumes-from': no container 'nosuch': see 'hull ps -a'"
	hull create --name third bb >/dev/null
	run -125 hull run --rm --volumes-from third:z bb true
	is "hull: run: option '--volumes-from': 'third:z': want CONTAINER, CONTAINER:ro or CONTAINER:rw"
	hull volume rm data
	rm -r "$STORES/shared" "$STORES/own"
}

@test "volume rm waits for a start that has not named its volume yet, and that for it" {
	local holder

	hull volume create data
	is_held() { ! flock -n -x "$STORES/data/volumes/.lock" true; }
	hold() { # KIND
		flock "$1" "$STORES/data/volumes/.lock" sleep 300 3>&- &
		holder=$!
		retry 30 is_held
	}
	release() {
		pkill -P "$holder"
		wait "$holder" || true
	}
	hold -s
	run -124 timeout 0.5 "$HULL" --root "$STORES/run" --data "$STORES/data" volume rm data
	hull run --rm -v data:/data bb true # shares
	release
	hold -x
	run -124 timeout 0.5 "$HULL" --root "$STORES/run" --data "$STORES/data" create -v data:/data bb
	run -124 timeout 0.5 "$HULL" --root "$STORES/run" --data "$STORES/data" volume prune -f
	hull run --rm bb true # takes no volume
	release
	run -0 hull volume rm data
}

@test "volume prune: asks, leaves what has a name or a user, and with --all what has a user" {
	hull volume create named
	hull volume create used
	unnamed=$(hull volume create)
	hull create --name holder -v used:/a -v /b bb
	run -125 hull volume prune </dev/null
	has 'nothing was removed'
	run hull volume prune -f
	is "$unnamed"
	run hull volume prune --all <<<y
	has named
	run hull volume ls --format '{{.Name}}'
	[ ${#lines[@]} -eq 2 ]
	has used
	hull rm -v holder
	run hull volume ls -q
	is used
	hull volume rm used
}

@test "image tag: a further name, and moving one" {
	hull image tag bb other:1
	run hull images --format '{{.Name}} {{.ID}}' other
	like "^other:1 $(hull images -q bb)$"
	hull image import -q --name second -c 'LABEL a=b' "$STORES/rootfs"
	hull tag second other:1
	run hull images -q other
	is "$(hull images -q second)"
	run -125 hull tag nosuch x
	has "'nosuch' not found"
	run -125 hull tag bb 'Bad Name'
	hull rmi other:1 second
}

@test "domainname: in the kernel's words, and behind the hostname in /etc/hosts" {
	run hull run --rm -h web --domainname example.org bb sh -c 'cat /proc/sys/kernel/domainname; hostname; hostname -f; tail -n 1 /etc/hosts'
	like $'^example.org\nweb\nweb.example.org\n[0-9.]+\tweb.example.org web$'
	run hull run --rm -h web.example.net --domainname example.org --network none bb tail -n 1 /etc/hosts
	like $'^[0-9.]+\tweb.example.net web$'
	run -125 hull run --rm --uts host --domainname example.org bb true
	is "hull: run: with '--uts host' the domain name is the host's: '--domainname' cannot be had besides"
	run -125 hull run --rm --domainname 'a b' bb true
	like "^hull: run: option '--domainname': .*'a b'"
}

@test "pull: what is in the store is taken; nothing is fetched, and who asks for it is told" {
	for when in never missing; do
		run -0 hull run --rm --network none --pull "$when" bb echo here
		is here
		run -125 hull create --pull "$when" nosuch
		has "image 'nosuch' not found in the store"
	done
	has 'hull talks to no registry'
	run -125 hull run --rm --pull always bb true
	has "option '--pull': 'always' cannot be had: hull talks to no registry: take the image from a file, by 'hull image import FILE'"
	run -125 hull run --rm --pull=often bb true
	has "option '--pull': 'often' is neither missing nor never"
}

@test "attach: the streams that are named, and no other; without an output the id, and all is in the log" {
	both=(bb sh -c 'echo out; echo err >&2; cat; exit 3')
	run -3 --separate-stderr hull run --rm --network none -a stdout "${both[@]}" </dev/null
	[ "$output/$stderr" = out/ ]
	run -3 --separate-stderr hull run --rm --network none --attach=stderr "${both[@]}" </dev/null
	[ "$output/$stderr" = /err ]
	run -3 --separate-stderr hull run --rm --network none -a stdout -a stderr "${both[@]}" </dev/null
	[ "$output/$stderr" = out/err ]
	run -3 --separate-stderr hull run --name fed --network none -i -a stdin "${both[@]}" <<<typed
	[ "$output/$stderr" = "$(hull inspect -f '{{.Id}}' fed)/" ]
	[ "$(hull logs fed 2>/dev/null)" = $'out\ntyped' ]
	# What is typed here is for nobody then.
	run hull run --rm --network none -i -a stdout bb sh -c 'read -t 1 word; echo "heard: $word"' <<<typed
	is 'heard: '
	run -125 hull run --rm -d -a stdout bb true
	is "hull: run: '--detach' and '--attach' contradict one another"
	run -125 hull run --rm -a stdin bb true
	has "option '--attach': 'stdin' goes with '--interactive'"
	run -125 hull run --rm -a stdwhat bb true
	has "option '--attach' does not take 'stdwhat': one of stdin, stdout, stderr"
}

@test "platform: the image's own, or an error that says which that is" {
	own=$(hull image inspect -f '{{.Architecture}}' bb)
	for words in "linux/$own" "$own"; do
		run hull run --rm --network none --platform "$words" bb echo here
		is here
	done
	for words in linux/vax "linux/$own/v9" "windows/$own"; do
		run -125 hull create --platform "$words" bb
		is "hull: create: option '--platform': '$words': image 'bb' is for linux/$own"
	done
	for words in '' linux linux/; do
		run -125 hull create --platform "$words" bb
		is "hull: create: option '--platform': '$words': want OS/ARCH[/VARIANT]"
	done
	run -125 hull create --platform "linux/$own" --rootfs "$STORES/rootfs" true
	is "hull: create: option '--platform' is about an image, which '--rootfs' has none of"
}

@test "group-add: by the image's names and by numbers, also for exec" {
	run hull run --rm --network none -u app --group-add staff --group-add 7 bb id -G
	is '1000 7 50'
	hull run -d --name grouped --network none --group-add staff bb sleep 100
	run hull exec grouped id -G
	is '0 50'
	run -125 hull run --rm --group-add nosuch bb true
	is "hull: run: option '--group-add': group 'nosuch' is not in the container's /etc/group"
}

@test "restart unless-stopped is always" {
	hull create --name stays --restart unless-stopped bb
	run hull inspect -f '{{.Restart.Policy}}' stays
	is always
}

@test "every command has help that fits a terminal, and a man page; also by its other names" {
	local names name

	mapfile -t names < <(hull --help | awk '/^Commands:/ { on = 1; next } /^$/ { on = 0 } on { print $1, ($2 ~ /^[a-z]/ ? $2 : "") }')
	[ ${#names[@]} -gt 25 ]
	for name in "${names[@]}" images rmi tag "volume remove"; do
		# shellcheck disable=SC2086 # two words are two arguments
		run hull $name --help
		[ "$status" -eq 0 ]
		# Examples are lines as they are typed.
		[ -z "$(sed '/^Examples:/,$d' <<<"$output" | awk 'length > 80')" ]
		# shellcheck disable=SC2086
		run hull __man $name
		has '.Sh DESCRIPTION'
	done
}

# complete WORD...: what the shell offers for the last one.
complete_words() {
	COMP_WORDS=(hull "$@") COMP_CWORD=$#
	COMPREPLY=()
	_hull
	output=$(printf '%s\n' "${COMPREPLY[@]}" | sort -u)
}

@test "completion: commands, their second words and other names, options, and what there is" {
	# shellcheck source=/dev/null
	source <(hull __complete bash | sed "s|(hull |($(hull_words)|")
	hull create --name boat bb
	hull volume create cargo
	complete_words re
	is $'rename\nrestart'
	complete_words im
	is $'image\nimages'
	complete_words image ''
	has import
	has list
	has tag
	complete_words volume rem
	is remove
	complete_words images --no
	is --no-trunc
	complete_words volume list --q
	is --quiet
	complete_words run --usern
	is --userns
	complete_words run --userns ''
	is $'auto\nhost'
	# 'always' is refused.
	complete_words run --pull ''
	is $'missing\nnever'
	for option in --attach -a; do
		complete_words run $option std
		is $'stderr\nstdin\nstdout'
	done
	complete_words run --volumes-from b
	is boat
	complete_words run --cidfile b
	is ''
	complete_words restart bo
	is boat
	complete_words volume rm ca
	is cargo
	complete_words rmi ''
	is bb:latest
	complete_words image rm b
	is bb:latest
	complete_words run ''
	is bb:latest
	# A command inside is nobody's to know.
	complete_words run bb ''
	[[ $output != *bb:latest* ]]
	hull volume rm cargo
}
