#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# A table of what is wrong: each gets one clear line on stderr, the documented exit code, and leaves nothing behind.

load helpers
load leaks
setup_file() {
	stores_begin
	hull run --rm busybox true
	hull run --rm --network none busybox true
	hull run -d --name holder busybox sleep 1000 3>&-
	everything >"$STORES/baseline"
}
teardown_file() {
	hull rm -f holder >/dev/null
	stores_end
}
setup() {
	touch "$STORES/baseline"
}

# refused CODE WORDS ARGUMENT...: adds to $complaints what is not as it has to be.
complaints=
refused() {
	local code=$1 words=$2
	shift 2
	status=0
	output=$(timeout 20 "$HULL" --root "$STORES/run" --data "$STORES/data" "$@" 2>"$BATS_TEST_TMPDIR/stderr") || status=$?
	stderr=$(cat "$BATS_TEST_TMPDIR/stderr")
	[ "$status" -eq "$code" ] || complaints+="$*: exit status $status, not $code"$'\n'
	[ -z "$output" ] || complaints+="$*: on stdout: $output"$'\n'
	[ "$(wc -l <"$BATS_TEST_TMPDIR/stderr")" -eq 1 ] || complaints+="$*: not one line: $stderr"$'\n'
	[[ $stderr == "hull: "* ]] || complaints+="$*: says: $stderr"$'\n'
	[[ $stderr == *"$words"* ]] || complaints+="$*: '$words' is not in: $stderr"$'\n'
}
nothing_wrong() {
	printf '%s' "$complaints"
	[ -z "$complaints" ] && nothing_since "$STORES/baseline"
}

@test "bad invocations" {
	refused 125 "unknown command 'nosuch'" nosuch
	refused 125 'unknown option' run --rm --nosuch busybox true
	refused 125 'IMAGE' run
	refused 125 'IMAGE' run --rm
	refused 125 "option '--memory': 'lots'" run --rm --memory lots busybox true
	refused 125 "option '--memory': '-5m'" run --rm --memory -5m busybox true
	refused 125 "option '--memory': '1k' is too little for a container: want 6m or more" run --rm --memory 1k busybox true
	refused 125 '' run --rm --memory 99999999999999999999g busybox true
	refused 125 "option '--cpus': 'nought'" run --rm --cpus nought busybox true
	refused 125 '' run --rm --cpus -1 busybox true
	refused 125 '' run --rm --cpus 1e400 busybox true
	refused 125 '' run --rm --pids-limit x busybox true
	refused 125 "option '--cpuset-cpus': '5-1' is no list" run --rm --cpuset-cpus 5-1 busybox true
	refused 125 "option '--publish': 'nosuch'" run --rm -p nosuch busybox true
	refused 125 "option '--publish': '70000:80'" run --rm -p 70000:80 busybox true
	refused 125 "option '--publish': '80:80/icmp'" run --rm -p 80:80/icmp busybox true
	refused 125 "option '--publish': '300.0.0.1:80:80': publish on" run --rm -p 300.0.0.1:80:80 busybox true
	refused 125 "option '--network' does not take 'nosuch'" run --rm --network nosuch busybox true
	refused 125 "option '--network': 'container:' does not name" run --rm --network container: busybox true
	refused 125 '' run --rm --name ../x busybox true
	refused 125 '' run --rm --name '' busybox true
	refused 125 '' run --rm --name "$(printf 'a%.0s' {1..300})" busybox true
	refused 125 'holder' run --rm --name holder busybox true
	refused 125 "option '--hostname': host name 'a b'" run --rm --hostname 'a b' busybox true
	refused 125 "option '--hostname': 'aaaa" run --rm --hostname "$(printf 'a%.0s' {1..100})" busybox true
	refused 125 "option '--add-host': added host 'nocolon'" run --rm --add-host nocolon busybox true
	refused 125 "option '--add-host': 'a\\nb:1.2.3.4'" run --rm --add-host $'a\nb:1.2.3.4' busybox true
	refused 125 "option '--dns': DNS server 'nosuch'" run --rm --dns nosuch busybox true
	refused 125 "option '--dns-search': 'a\\nname" run --rm --dns-search $'a\nnameserver 1.1.1.1' busybox true
	refused 125 '' run --rm --cap-add CAP_NOSUCH busybox true
	refused 125 "option '--ulimit': 'nosuch'" run --rm --ulimit nosuch=1 busybox true
	refused 125 "option '--ulimit': 'nofile=5:1'" run --rm --ulimit nofile=5:1 busybox true
	refused 125 "option '--sysctl': 'kernel.panic=1'" run --rm --sysctl kernel.panic=1 busybox true
	refused 125 "option '--sysctl': 'net.ipv4.ip_forward=1'" run --rm --sysctl net.ipv4.ip_forward=1 --network host busybox true
	refused 125 "option '--device': '/nosuch'" run --rm --device /nosuch busybox true
	refused 125 '' run --rm --device /etc/passwd busybox true
	refused 125 "option '--restart': 'sometimes'" run --rm --restart sometimes busybox true
	refused 125 '' run --restart always --rm busybox true
	refused 125 "option '--stop-signal': 'NOSUCH'" run --rm --stop-signal NOSUCH busybox true
	refused 125 '' run --rm --stop-signal 99 busybox true
	refused 125 '' run --rm --env-file /nosuch busybox true
	refused 125 '' run --rm --security-opt nosuch busybox true
	refused 125 "option '--security-opt': 'apparmor=nosuch'" run --rm --security-opt apparmor=nosuch busybox true
	refused 125 '' run --rm --userns nosuch busybox true
	refused 125 '' run --rm --pid container:nosuch busybox true
	refused 125 '' run --rm --ipc nosuch busybox true
	refused 125 "option '--tmpfs': 'relative'" run --rm --tmpfs relative busybox true
	refused 125 "option '--tmpfs': '/x:nosuchoption'" run --rm --tmpfs /x:nosuchoption busybox true
	refused 125 '' run --rm --mount type=nosuch,target=/x busybox true
	refused 125 '' run --rm --mount type=bind,target=/x busybox true
	refused 125 '' run --rm --log-opt nosuch=1 busybox true
	refused 125 "option '--workdir': 'relative'" run --rm --workdir relative busybox true
	refused 125 '' run --rm -e =x busybox true
	refused 125 '' run --rm --shm-size 0x busybox true
	refused 125 "option '--oom-score-adj': 2000" run --rm --oom-score-adj 2000 busybox true
	refused 125 "option '--ip': '1.2.3'" run --rm --ip 1.2.3 busybox true
	refused 125 "option '--mac-address': '01:00:00:00:00:01'" run --rm --mac-address 01:00:00:00:00:01 busybox true
	refused 125 '' run --rm -u '' busybox true
	refused 125 "option '--user': user 'nosuch' is not in" run --rm -u nosuch busybox true
	refused 125 "option '--user': user '0x0'" run --rm -u 0x0 busybox true
	refused 125 '' run --rm -u +1 busybox true
	refused 125 '' run --rm -u 4294967296 busybox true
	refused 125 '' run --rm -u 1000trailing busybox true
	refused 125 "option '--user': '0:nosuch': group 'nosuch'" run --rm -u 0:nosuch busybox true
	refused 125 "option '--user': become user 1000000000" run --rm -u 1000000000 busybox true
	refused 125 "option '--group-add': '1000000000'" run --rm --group-add 1000000000 busybox true
	refused 125 "option '--volume': '/x/../y': a path inside is given without '..'" run --rm -v /etc:/x/../y busybox true
	refused 125 "option '--mount': '/..': a path inside" run --rm --mount type=bind,src=/etc,dst=/.. busybox true
	refused 125 "option '--tmpfs': '/a/..': a path inside" run --rm --tmpfs /a/.. busybox true
	refused 125 "option '--device': '/../null': a path inside" run --rm --device /dev/null:/../null busybox true
	refused 125 "option '--volume': '/./' is the root itself" run --rm -v /etc:/./ busybox true
	refused 125 "option '--volume': 'Z' is for SELinux labels" run --rm -v /etc:/x:ro,Z busybox true
	refused 125 "option '--mount': unknown word 'nosuch'" run --rm --mount type=bind,src=/etc,dst=/x,bind-propagation=nosuch busybox true
	refused 125 "option '--sysctl': 'net.ipv4.nosuch=1'" run --rm --sysctl net.ipv4.nosuch=1 busybox true
	refused 125 "option '--stop-timeout': -5 seconds" run --rm --stop-timeout -5 busybox true
	refused 125 "option '--cpu-shares': 1000000" run --rm --cpu-shares 1000000 busybox true
	refused 125 "option '--pids-limit': '99999999999'" run --rm --pids-limit 99999999999 busybox true
	refused 125 "option '--dns': DNS server 'bad'" create --dns 1.1.1.1 --dns bad busybox true
	refused 125 "option '--workdir': working directory '/etc/passwd'" run --rm --workdir /etc/passwd busybox true
	refused 125 "option '--user': user 'nosuch'" exec -u nosuch holder true
	refused 125 "option '--workdir': 'relative' is no absolute path" exec -w relative holder true
	refused 125 "option '--mount': the path inside is missing" run --rm --mount type=volume,source=x busybox true
	refused 125 "option '--rootfs': '/nosuch': No such file or directory" run --rm --rootfs /nosuch true
	refused 125 "option '--rootfs': '/etc/passwd' is no folder" run --rm --rootfs /etc/passwd true
	nothing_wrong
}

@test "bad programs" {
	refused 127 nosuch run --rm busybox nosuch
	refused 127 /nosuch run --rm busybox /nosuch
	refused 126 /etc/passwd run --rm busybox /etc/passwd
	refused 126 /etc run --rm busybox /etc
	refused 125 '' run --rm --workdir /etc/passwd busybox true
	nothing_wrong
}

@test "bad images" {
	local dir=$STORES/images
	mkdir -p "$dir/empty" "$dir/oci/blobs/sha256"
	echo '{"imageLayoutVersion":"1.0.0"}' >"$dir/oci/oci-layout"
	refused 125 nosuch run --rm nosuch true
	refused 125 '' run --rm 'UPPER/case' true
	refused 125 '' run --rm 'a:b:c' true
	refused 125 '' run --rm 'busybox@sha256:0000' true
	refused 125 '' run --rm '' true
	refused 125 '' image import --name x /nosuch
	refused 125 '' image import --name 'BAD NAME' "$dir/empty"
	refused 125 '' image import --name x /dev/null
	head -c 5000 /dev/urandom >"$dir/noise.tar"
	refused 125 '' image import --name x "$dir/noise.tar"
	printf '{' >"$dir/oci/index.json"
	refused 125 '' image import --name x "$dir/oci"
	printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%064d","size":5}]}' 0 >"$dir/oci/index.json"
	refused 125 '' image import --name x "$dir/oci"
	# The right size, the wrong bytes.
	printf 'hello' >"$dir/oci/blobs/sha256/$(printf %064d 0)"
	refused 125 '' image import --name x "$dir/oci"
	printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:../../../../etc/passwd","size":5}]}' >"$dir/oci/index.json"
	refused 125 '' image import --name x "$dir/oci"
	nothing_wrong
	# A layer of another digest than its config says; in a store that does not have it yet.
	local STORES=$STORES/another
	cp -r "$HULL_BUILD/share/hull/images/busybox" "$dir/flipped"
	layer=$(find "$dir/flipped/blobs" -type f -size +100k)
	printf 'X' | dd of="$layer" bs=1 seek=1000 conv=notrunc status=none
	refused 125 '' image import --name x "$dir/flipped"
	truncate -s 1000 "$layer"
	refused 125 '' image import --name x "$dir/flipped"
	printf '%s' "$complaints"
	[ -z "$complaints" ]
	[ -z "$(hull image ls -q)" ]
	[ -z "$(find "$STORES/data/images/layers" "$STORES/data/images/tmp" -mindepth 1)" ]
}

# tar_of NAME PYTHON: an archive that says what no honest one does; `add(name, **fields)` makes an entry.
tar_of() {
	python3 -c '
import io, sys, tarfile
archive = tarfile.open(sys.argv[1], "w")
def add(name, data=b"", **fields):
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    for key, value in fields.items(): setattr(entry, key, value)
    archive.addfile(entry, io.BytesIO(data))
SYM, LNK, CHR, DIR = tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE
exec(sys.argv[2])
archive.close()' "$1" "$2"
}

@test "hostile archives: refused or harmless, and nothing outside changes" {
	local dir=$STORES/tars name
	mkdir -p "$dir" "$STORES/outside"
	echo intact >"$STORES/outside/file"
	tar_of "$dir/dotdot" 'add("../../../../../../'"$STORES"'/outside/file", b"changed")'
	tar_of "$dir/absolute" 'add("'"$STORES"'/outside/file", b"changed")'
	tar_of "$dir/symlink" 'add("link", type=SYM, linkname="'"$STORES"'/outside"); add("link/file", b"changed"); add("link/new", b"new")'
	tar_of "$dir/symlink-up" 'add("a", type=SYM, linkname="../../../../../../../../'"$STORES"'/outside"); add("a/file", b"changed")'
	tar_of "$dir/hardlink" 'add("hard", type=LNK, linkname="'"$STORES"'/outside/file"); add("hard", b"changed")'
	tar_of "$dir/hardlink-up" 'add("hard", type=LNK, linkname="../../../../../../'"$STORES"'/outside/file")'
	tar_of "$dir/device" 'add("disk", type=CHR, devmajor=1, devminor=1, mode=0o666)'
	tar_of "$dir/whiteout" 'add("../.wh.outside", b""); add("x/.wh...", b""); add(".wh..", b"")'
	tar_of "$dir/long" 'add("n" * 4096, b"x")'
	tar_of "$dir/long-deep" 'add("/".join(["d" * 200] * 40), b"x")'
	tar_of "$dir/twice" 'add("f", b"one"); add("f", type=SYM, linkname="'"$STORES"'/outside/file"); add("f", b"two")'
	tar_of "$dir/root-link" 'add(".", type=SYM, linkname="'"$STORES"'/outside"); add("./file", b"changed")'
	for name in "$dir"/*; do
		run timeout 20 "$HULL" --root "$STORES/run" --data "$STORES/data" image import -q --name "hostile:${name##*/}" "$name"
		[ "$status" -eq 0 ] || [ "$status" -eq 125 ] || complaints+="$name: exit status $status: $output"$'\n'
		[ "$status" -eq 0 ] || [ "${#lines[@]}" -eq 1 ] || complaints+="$name: says $output"$'\n'
		[ "$(cat "$STORES/outside/file")" = intact ] || complaints+="$name: changed a file outside"$'\n'
		[ "$(ls "$STORES/outside")" = file ] || complaints+="$name: made something outside: $(ls "$STORES/outside")"$'\n'
	done
	for name in "$dir"/*; do hull image rm -f "hostile:${name##*/}" >/dev/null 2>&1 || true; done
	printf '%s' "$complaints"
	[ -z "$complaints" ]
	everything >"$STORES/baseline"
}

@test "bad bundles: a config.json or hull.json that was changed" {
	local id folder
	hull create --name broken busybox true >/dev/null
	id=$(hull inspect --format '{{.Id}}' broken)
	folder=$STORES/data/instances/$id
	cp -r "$folder" "$STORES/good"
	for words in '{' '[]' '{"ociVersion":1}' "$(printf '{"a":%.0s' {1..3000})" ''; do
		printf '%s' "$words" >"$folder/config.json"
		refused 125 '' start broken
	done
	cp "$STORES/good/config.json" "$folder/config.json"
	printf '{' >"$folder/hull.json"
	refused 125 '' start "$id"
	cp "$STORES/good/hull.json" "$folder/hull.json"
	hull start broken >/dev/null
	hull rm -f broken >/dev/null
	nothing_wrong
}
