#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Images on a file system that cannot map ids: each container gets a copy of its own, and is as safe with it as with a
# map. (Overlay is one: its layers can be mapped, it cannot.)

load helpers

# What a program sees of its files: kind, owner, mode, size, names; and what one that is nobody gains by them.
LOOK='cd /; find ./bin ./etc ./root ./tmp -xdev | sort | while read -r f; do stat -c "%n %F %u:%g %a %s %h" "$f"; done'
GAIN='for f in busybox-setuid busybox-capable; do /bin/$f grep -E "^(.id|Cap[EP])" /proc/self/status; done'
look() {
	hull run --rm --network none bb sh -c "$LOOK"
	hull run --rm --network none --user 7:7 --security-opt no-new-privileges=false bb sh -c "$GAIN"
}

setup_file() {
	stores_begin
	UNMAPPABLE=$(mktemp -d /tmp/hull-unmappable.XXXXXX)
	export UNMAPPABLE
	make_image_root
	hull image import -q --name bb -c 'CMD ["sh"]' "$STORES/rootfs"
	look >"$STORES/mapped"
	mv "$STORES/data/images" "$UNMAPPABLE/lower"
	mkdir "$UNMAPPABLE"/{images,upper,work,ramfs}
	mount -t overlay unmappable "$UNMAPPABLE/images" \
		-o "lowerdir=$UNMAPPABLE/lower,upperdir=$UNMAPPABLE/upper,workdir=$UNMAPPABLE/work"
	ln -s "$UNMAPPABLE/images" "$STORES/data/images"
	make_image_of_many
}
teardown_file() {
	umount "$UNMAPPABLE/images"
	rm -rf "$UNMAPPABLE"
	stores_end
}
teardown() {
	containers_end
}

make_image_root() {
	local root=$STORES/rootfs name
	mkdir -p "$root"/{bin,etc,tmp,root,proc,sys,dev}
	chmod 1777 "$root/tmp"
	cp "$(command -v busybox)" "$root/bin/busybox"
	for name in sh find sort stat grep cat sleep true id; do
		ln -s busybox "$root/bin/$name"
	done
	cp "$root/bin/busybox" "$root/bin/busybox-setuid"
	ln "$root/bin/busybox-setuid" "$root/bin/busybox-setuid-too"
	chown 5:6 "$root/bin/busybox-setuid"
	chmod 6755 "$root/bin/busybox-setuid"
	cp "$root/bin/busybox" "$root/bin/busybox-capable"
	setcap cap_chown+ep "$root/bin/busybox-capable"
	echo far >"$root/etc/far"
	chown 100000:7 "$root/etc/far"
	mkfifo "$root/etc/fifo"
}

# Files enough for a copy to take a while.
make_image_of_many() {
	mkdir -p "$STORES/many/files"
	cp -a "$STORES/rootfs/bin" "$STORES/many/"
	(cd "$STORES/many/files" && seq -f 'file%g' 10000 | xargs touch)
	hull image import -q --name many -c 'CMD ["sh"]' "$STORES/many" >/dev/null
	rm -rf "$STORES/many"
}

copies() {
	find "$STORES"/data/instances/*/layers -mindepth 1 -maxdepth 1 2>/dev/null | sed 's,.*/,,'
}

@test "nothing is copied where ids can be mapped" {
	run -0 hull --data "$STORES/other" run -d --name there --network none busybox true
	[ ${#lines[@]} -eq 1 ]
	[ ! -e "$(echo "$STORES"/other/instances/*)/layers" ]
	hull --data "$STORES/other" rm -f there
	rm -rf "$STORES/other"
}

@test "a container sees of a copy what it sees of a map, and gains as much by it" {
	look >"$STORES/copied" 2>"$STORES/said"
	diff "$STORES/mapped" "$STORES/copied"
	grep -qx './etc/far regular file 65534:7 644 4 1' "$STORES/copied"
	grep -qx './bin/busybox-setuid regular file 5:6 6755 [0-9]* 2' "$STORES/copied"
	# The capability is the one that the file gives, and in the container's namespace.
	grep -qx 'CapEff:.0000000000000001' "$STORES/copied"
	# Busybox gives the right up at once, but the saved id tells.
	grep -qx 'Uid:.7.7.5.7' "$STORES/copied"
	run -0 sort -u "$STORES/said"
	like "^hull: warning: the file system of '$STORES/data/images/layers/[0-9a-f]+' cannot map ids: the image was copied for this container \([0-9.]+MB\); --userns=host needs no copy, at a risk$"
	[ ${#lines[@]} -eq 1 ]
}

@test "capabilities of files are the container's alone" {
	hull run -d --name caps --network none bb sleep 1000
	run -0 getcap -n "$STORES"/data/instances/*/layers/0/bin/busybox-capable
	like "busybox-capable cap_chown=ep \[rootid=$(awk '{print $2}' "/proc/$(hull inspect --format '{{.State.Pid}}' caps)/uid_map")\]$"
}

@test "the copy is used again by the next start, and goes with the container" {
	hull run -d --name again --network none bb sleep 1000
	[ "$(copies)" = 0 ]
	stat -c %i "$STORES"/data/instances/*/layers/0 >"$BATS_TEST_TMPDIR/number"
	hull stop -t 0 again
	run -0 hull start again
	is again
	[ "$(stat -c %i "$STORES"/data/instances/*/layers/0)" = "$(cat "$BATS_TEST_TMPDIR/number")" ]
	hull exec again true
	hull rm -f again
	[ -z "$(copies)" ]
}

@test "--userns=host needs none" {
	run -0 --separate-stderr hull run --rm --network none --userns host bb id -u
	is 0
	[[ $stderr != *copied* ]]
}

@test "a volume that cannot be mapped is refused, with what to do" {
	mkdir -p "$UNMAPPABLE/images/volume"
	ln -s "$UNMAPPABLE/images/volume" "$STORES/data/volumes"
	run -125 hull run --rm --network none -v mine:/mine bb true
	rm -rf "$STORES/data/volumes" "$UNMAPPABLE/images/volume"
	like "^hull: run: the ids of '[^']+' cannot be mapped here .*: mount a folder of the host on '/mine', with 'U' .*, or use --userns=host$" "${lines[-1]}"
}

@test "a root folder that cannot be mapped is refused, with what to do" {
	mount -t ramfs ramfs "$UNMAPPABLE/ramfs"
	cp -a "$STORES/rootfs/." "$UNMAPPABLE/ramfs"
	run -125 hull run --rm --network none --rootfs "$UNMAPPABLE/ramfs" true
	umount "$UNMAPPABLE/ramfs"
	[ ${#lines[@]} -eq 1 ]
	like "^hull: run: the ids of '$UNMAPPABLE/ramfs' cannot be mapped here .*: take it in with 'hull image import', or use --userns=host$"
}

@test "where nothing can be mapped, files that hull makes for a container are its own" {
	mount -t ramfs hull-ramfs "$STORES/data/instances"
	# It keeps no attributes, which bb has some of.
	run --separate-stderr hull run --rm --network none --hostname there busybox sh -c \
		'stat -c "%u:%g %a" /etc/hosts; echo "10.1.2.3 more" >>/etc/hosts && grep -c more /etc/hosts; cat /etc/hostname; echo x >/new && stat -c %u /new'
	umount "$STORES/data/instances"
	[ "$status" -eq 0 ]
	[ "$output" = $'0:0 644\n1\nthere\n0' ]
	[ "${#stderr_lines[@]}" -eq 1 ]
}

@test "a full disk: one clear line, and nothing is left" {
	mount -t tmpfs -o size=1m hull-full "$STORES/data/instances"
	run hull run --rm --network none bb true
	find "$STORES/data/instances" -mindepth 1 >"$BATS_TEST_TMPDIR/left"
	umount "$STORES/data/instances"
	[ "$status" -eq 125 ]
	[ ${#lines[@]} -eq 1 ]
	like '^hull: run: the file system of the image cannot map ids, and its files cannot be copied: copying .*: No space left on device$'
	[ ! -s "$BATS_TEST_TMPDIR/left" ]
}

# Kills `hull run "$@"`, and the process that makes the container, while it copies. What waits for that starts no
# program, which would take as long as the copy.
kill_while_it_copies() {
	"$HULL" --root "$STORES/run" --data "$STORES/data" run "$@" --network none many true 3>&- 4>&- &
	local client=$! children end=$((SECONDS + 30))

	until compgen -G "$STORES/data/instances/*/layers/unfinished" >/dev/null; do
		[ $SECONDS -lt $end ]
	done
	read -r children <"/proc/$client/task/$client/children" || [ -n "$children" ]
	# shellcheck disable=SC2086 # several
	kill -STOP $client $children
	copies | grep -qx unfinished
	# shellcheck disable=SC2086
	kill -KILL $client $children
	wait $client || true
}

@test "killed while it copies, nothing is left" {
	kill_while_it_copies --rm
	retry 30 hull_sees_nothing
	[ -z "$(copies)" ]
}
hull_sees_nothing() {
	[ -z "$(hull ps -aq)" ]
}

@test "killed while it copies, a container that stays starts with a whole copy" {
	kill_while_it_copies --name stays
	run -0 hull start -a stays
	[ "$(copies)" = 0 ]
	[ "$(find "$STORES"/data/instances/*/layers/0/files -type f | wc -l)" -eq 10000 ]
}
