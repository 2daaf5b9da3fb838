#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# bats file_tags=vm
# A machine sees the tree that a container sees: of an image of few layers, which are a disk each, and of one of many,
# which are merged into one. And as many disks, cards and volumes as there is room for.

load helpers

setup_file() {
	stores_begin
	hull kernel import "$KERNEL_PACKAGE" >/dev/null
	cp -r "$HULL_BUILD/share/hull/images/busybox" "$STORES/layout"
	layers few
	layers many more
	hull image import -q --name few "oci:$STORES/layout:few"
	hull image import -q --name many "oci:$STORES/layout:many"
}
teardown_file() {
	stores_end
}
teardown() {
	containers_end
}

# insert TAG ARGUMENT...: one more layer.
insert() {
	umoci insert --image "$STORES/layout:$1" "${@:2}" >/dev/null
}

# layers TAG [more]: 6 layers, or 12: files that later ones replace, remove, hide and bring back.
layers() {
	local tag=$1 i from=$STORES/from.$1

	umoci tag --image "$STORES/layout:latest" "$tag" 2>/dev/null
	mkdir -p "$from/folder/below"
	echo old >"$from/folder/same"
	echo x >"$from/folder/below/hidden"
	echo x >"$from/folder/gone"
	echo x | tee "$from/linked" >/dev/null
	ln "$from/linked" "$from/folder/linked"
	ln -s folder/same "$from/link"
	chown 5:70000 "$from/folder/same" && chmod 4751 "$from/folder/same"
	insert "$tag" "$from" /data
	insert "$tag" --whiteout /data/folder/gone
	mkdir "$from.below" && echo new >"$from.below/seen"
	insert "$tag" --opaque "$from.below" /data/folder/below
	echo again >"$from.again"
	insert "$tag" "$from.again" /data/folder/gone
	insert "$tag" --whiteout /data/folder/gone
	for i in ${2:+1 2 3 4 5 6}; do
		echo "$i" >"$from.$i"
		insert "$tag" "$from.$i" /data/same
	done
}

# What is seen of the image, and by whom: tree ISOLATION IMAGE [host]. A folder's links are counted in different ways. A
# container's ids are those of its own range: 70000 has no place in it.
tree() {
	hull run --rm --isolation "$1" ${3:+--userns=host} "$2" sh -c '
		cd /data && find . | sort | while read -r name; do
			stat -c "%n %F %a %u:%g" "$name"
			[ ! -f "$name" ] || { stat -c "%h links" "$name" && cat "$name"; }
		done'
}

@test "layers: few, each a disk" {
	run tree vm few
	has $'./folder/same regular file 4751 5:70000\n1 links\nold'
	has $'./folder/linked regular file 644 0:0\n2 links\nx'
	[[ $output != *hidden* && $output != *gone* ]]
	[ "$output" = "$(tree ns few host)" ]
	[ "$(find "$STORES/data/images/disks" -name '*.erofs' ! -name 'chain-*' | wc -l)" -eq "$(hull image inspect few | jq '.[0].layers | length')" ]
}

@test "layers: many, merged into a disk, which goes with the image" {
	run tree vm many
	has $'./same regular file 644 0:0\n1 links\n6'
	[[ $output != *hidden* && $output != *gone* ]]
	[ "$output" = "$(tree ns many host)" ]
	[ "$(find "$STORES/data/images/disks" -name 'chain-*.erofs' | wc -l)" -eq 1 ]
	hull image rm many >/dev/null
	[ "$(find "$STORES/data/images/disks" -name 'chain-*' | wc -l)" -eq 0 ]
}

@test "layers: what the machine writes stays over stop and start" {
	hull run -d --isolation vm --name box few sh -c 'cat /data/written 2>/dev/null; echo kept >/data/written; sync; echo up; sleep 1000' >/dev/null
	retry 60 grep -q up <(hull logs -f box)
	hull stop -t 1 box >/dev/null
	hull start box >/dev/null
	said() {
		[ "$(hull logs box | grep -c -E '^(up|kept)$')" -eq 3 ]
	}
	retry 60 said
	run hull logs box
	is $'up\nkept\nup'
}

# The eight layers that are disks of their own, the writable one, the card, and ten volumes: all that QEMU's bus has
# room for. That none of them waits for an interrupt that does not come, is seen by using each.
@test "a full bus: every layer a disk, a card, and a volume in each place that is left; one more is refused" {
	local i options=()

	umoci tag --image "$STORES/layout:few" eight 2>/dev/null
	# Two of the six are the same.
	for i in 1 2 3; do
		echo "$i" >"$STORES/eight.$i"
		insert eight "$STORES/eight.$i" "/data/eight$i"
	done
	hull image import -q --name eight "oci:$STORES/layout:eight"
	[ "$(hull image inspect eight | jq '.[0].layers | length')" -eq 8 ]
	for i in {0..9}; do
		mkdir -m 777 "$STORES/volume$i"
		echo "$i" >"$STORES/volume$i/from-host"
		options+=(-v "$STORES/volume$i:/volume$i")
	done
	run -125 hull run --rm --isolation vm --vm-backend qemu "${options[@]}" -v "$STORES/from.few:/more" eight true
	is "hull: run: a machine has room for 20 disks, cards and volumes with backend 'qemu', not for 21: 11 of them are volumes"
	run -0 hull run --rm --isolation vm --vm-backend qemu --net bridge --cap-add NET_RAW "${options[@]}" eight sh -c '
		cat /volume*/from-host | tr -d "\n"
		for volume in /volume*; do echo from guest >$volume/made; done
		ping -c 1 -W 10 198.51.100.2 | grep -o "1 packets received" || ip address
		for disk in /sys/block/vd*/serial; do echo "$(cat "$disk")"; done | tr "\n" " "; ls /data | grep -c eight'
	is $'01234567891 packets received\nlayer0 layer1 layer2 layer3 layer4 layer5 layer6 layer7 upper 3'
	[ "$(cat "$STORES"/volume*/made | grep -c 'from guest')" -eq 10 ]
}
