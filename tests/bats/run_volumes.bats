#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# run: volumes and mounts, and whose files they are

load helpers
setup_file() {
	stores_begin
	chmod 755 "$STORES"
}
teardown_file() {
	stores_end
}
teardown() {
	containers_end
	rm -rf "$STORES/data/volumes" "$STORES/folder"
}
folder() {
	mkdir -p "$STORES/folder"
	echo host >"$STORES/folder/file"
	chmod 755 "$STORES/folder"
	echo "$STORES/folder"
}

@test "a named volume is shared by two containers, by the ids of the containers" {
	hull run --rm -v data:/data busybox sh -c 'mkdir /data/web && chown 33:33 /data/web && echo root >/data/root'
	hull run --rm -v data:/data -u 33 busybox sh -c 'echo page >/data/web/page'
	run -0 hull run --rm -v data:/other:ro busybox sh -c 'stat -c "%u %g %n" /other/root /other/web /other/web/page; cat /other/web/page'
	is $'0 0 /other/root\n33 33 /other/web\n33 33 /other/web/page\npage'
	# Ids on the disk are the container's, behind a folder that only root enters.
	run -0 stat -c '%u' "$STORES/data/volumes/data/data/web/page"
	is 33
	run -0 stat -c '%a' "$STORES/data/volumes"
	is 700
	run -1 hull run --rm -v data:/other:ro busybox touch /other/x
	has 'Read-only'
}

@test "a named volume at the same time in two containers" {
	hull run -d --name one -v both:/both busybox sh -c 'until [ -e /both/go ]; do sleep 0.05; done; echo seen >/both/answer; sleep 100' 3>&-
	run -0 hull run --rm -v both:/both busybox sh -c 'touch /both/go; for i in $(seq 600); do [ -e /both/answer ] && cat /both/answer && exit; sleep 0.05; done; exit 1'
	is seen
}

@test "a folder of the host is taken as it is" {
	folder
	run -0 hull run --rm -v "$STORES/folder:/f" busybox sh -c 'cat /f/file; stat -c %u /f/file'
	is $'host\n65534'
	run -1 hull run --rm -v "$STORES/folder:/f" busybox touch /f/new
	chmod 777 "$STORES/folder"
	hull run --rm -v "$STORES/folder:/f" busybox touch /f/new
	[ "$(stat -c %u "$STORES/folder/new")" -ge $((0x70000000)) ]
	run -1 hull run --rm -v "$STORES/folder:/f:ro" busybox touch /f/other
	has 'Read-only'
	cd "$STORES"
	run -0 hull run --rm -v ./folder:/f:ro busybox cat /f/file
	is host
}

@test ":idmap maps a folder of the host: root inside writes as the host's root" {
	folder
	run -0 hull run --rm -v "$STORES/folder:/f:idmap" busybox sh -c 'stat -c %u /f/file; echo more >>/f/file; touch /f/new'
	is 0
	[ "$(stat -c %u "$STORES/folder/new")" -eq 0 ]
	run -0 hull run --help
	[[ $output =~ idmap\ \(DANGER:\ setuid ]]
}

@test ":U changes the owners of a folder" {
	folder
	hull run --rm -v "$STORES/folder:/f:U" busybox sh -c 'stat -c %u /f/file; touch /f/new'
	[ "$(stat -c %u "$STORES/folder/file")" -ge $((0x70000000)) ]
}

@test "--mount: bind, volume, tmpfs; read-only" {
	folder
	run -0 hull run --rm --mount "type=bind,source=$STORES/folder,target=/f,readonly" --mount type=volume,source=vol,target=/v \
		--mount type=tmpfs,target=/t busybox sh -c 'cat /f/file; touch /v/x /t/x; grep -c " /t tmpfs" /proc/mounts; touch /f/x; true'
	has host
	has 'Read-only'
	[ -e "$STORES/data/volumes/vol/data/x" ]
}

@test "a volume of the image begins with what the image has there" {
	hull run --rm -v begins:/etc busybox true
	run -0 hull run --rm -v begins:/b busybox cat /b/group
	has root:x:0
}

@test "bad volumes: one line, code 125, nothing left" {
	local words
	for words in '/nosuch:/x' 'a:relative' 'a:/x:nosuch' '../x' '/tmp:/x:ro:rw:z' '-bad:/x' 'a/b:/x' ':/x' 'a:'; do
		run -125 hull run --rm -v "$words" busybox true
		[ "${#lines[@]}" -eq 1 ] || { echo "$words: $output" && false; }
	done
	[ -z "$(ls "$STORES/data/volumes" 2>/dev/null)" ]
}

@test "what is mounted inside is not seen on the host, and what the host mounts later is not seen inside" {
	folder
	before=$(wc -l </proc/self/mountinfo)
	hull run -d --name web --tmpfs /t -v "$STORES/folder:/f" -v vol:/v busybox sleep 100 3>&-
	[ "$(wc -l </proc/self/mountinfo)" -eq "$before" ]
	mkdir -p "$STORES/folder/later"
	mount -t tmpfs none "$STORES/folder/later"
	run hull exec web grep -c later /proc/mounts
	umount "$STORES/folder/later"
	is 0
}
