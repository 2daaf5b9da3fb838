#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# bats file_tags=vm
# The machine's own root from an image: config.json's vm.image, and 'hull run --vm-image'. The guest's kernel finds
# there what it looks for by name, the image stays as it is, and no image reads a file of the host's.

load helpers
load vm_helpers

setup_file() {
	machines_begin
	tree
	truncate -s 16M "$STORES/ext4"
	mkfs.ext4 -q -d "$STORES/tree" "$STORES/ext4"
	sha256sum "$STORES/ext4" >"$STORES/sum"
}
teardown_file() {
	stores_end
}
teardown() {
	containers_end
}

# What the images hold. Its modprobe, which the guest's kernel starts when somebody wants a file system that it has not,
# writes what it sees to the container's root.
tree() {
	mkdir -p "$STORES/tree"/{bin,etc,sbin}
	cp "$(command -v busybox)" "$STORES/tree/bin/sh"
	echo "ID=machine" >"$STORES/tree/etc/os-release"
	cat >"$STORES/tree/sbin/modprobe" <<-'END'
		#!/bin/sh
		exec >/run/hull/root/seen 2>&1
		echo "asked for: $3"
		cat /etc/os-release
		echo changed >/etc/os-release && cat /etc/os-release
		while read -r what where type rest; do [ "$where" != / ] || root=$type; done </proc/mounts
		echo "root: $root"
		while read -r what where type rest; do [ "${where%/run/hull/image}" = "$where" ] || echo "image: $type ${rest%%,*}"; done </proc/mounts
	END
	chmod 755 "$STORES/tree/sbin/modprobe"
}
# For a program that may mount.
# shellcheck disable=SC2016 # for the shell inside
LOOK='mkdir -p /m; mount -t nosuch none /m 2>/dev/null; cat /seen'

unchanged() {
	sha256sum --quiet -c "$STORES/sum"
}

# seen TYPE: what the program has said.
seen() {
	is "asked for: fs-nosuch
ID=machine
changed
root: overlay
image: $1 ro"
}

oci() {
	"$HULL_BUILD/bin/hull-vm-oci" --root "$STORES/run/oci" --kernels "$STORES/data/kernels" "$@"
}

# bundle FORMAT IMAGE: one whose program looks, and ends with 6.
bundle() {
	local kernel=$STORES/data/kernels/default

	bundle=$STORES/bundle
	rm -rf "$bundle"
	mkdir -p "$bundle/rootfs/bin"
	cp "$(command -v busybox)" "$bundle/rootfs/bin/busybox"
	oci spec -b "$bundle"
	jq --arg kernel "$kernel" --arg format "$1" --arg image "$2" --arg look "export PATH=/bin; busybox --install -s /bin; $LOOK; exit 6" \
		'.process.terminal = false | .root.readonly = false | .process.args = ["/bin/busybox", "sh", "-c", $look]
		| .process.capabilities[] += ["CAP_SYS_ADMIN"]
		| .vm = {kernel: {path: ($kernel + "/vmlinux"), initrd: ($kernel + "/initrd")}, image: {path: $image, format: $format}}' \
		"$bundle/config.json" >"$bundle/changed" && mv "$bundle/changed" "$bundle/config.json"
}

# refused FORMAT IMAGE WORDS: in one line, and nothing has begun.
refused() {
	bundle "$1" "$2"
	# Without a reader at its other end a pipe would be waited for.
	run -1 timeout 60 "$HULL_BUILD/bin/hull-vm-oci" --root "$STORES/run/oci" --kernels "$STORES/data/kernels" run -b "$bundle" one
	has "$3"
	[ "${#lines[@]}" -eq 1 ]
	[ -z "$(oci list -q)" ]
}

# partitioned FILE IMAGE: a disk whose first partition is that, and whose second is something else.
partitioned() {
	local sectors=$(($(stat -c %s "$2") / 512))

	truncate -s $((sectors * 512 + (4 << 20))) "$1"
	printf 'start=2048, size=%s, type=83\nstart=%s, size=2048, type=83\n' "$sectors" $((sectors + 4096)) | sfdisk -q "$1" >/dev/null
	dd if="$2" of="$1" bs=512 seek=2048 conv=notrunc,sparse status=none
}

@test "hull run --vm-image: the kernel's root is the image, which stays as it is, and the container's is its own" {
	# Whoever is root there cannot write to it either.
	run -7 machine --rm --init --privileged --vm-image "$STORES/ext4" bb sh -c "$LOOK; cat /etc/os-release; for disk in /sys/block/vd*; do
		[ \$(cat \$disk/serial) != image ] || { blockdev --setrw /dev/\${disk##*/}; dd if=/dev/zero of=/dev/\${disk##*/} bs=4096 count=16 conv=notrunc,fsync && echo written || echo refused; }
	done 2>/dev/null; exit 7"
	[ "${lines[-1]}" = refused ]
	[ "${lines[-2]}" = "cat: can't open '/etc/os-release': No such file or directory" ]
	unset 'lines[-1]' 'lines[-1]'
	output=$(printf '%s\n' "${lines[@]}") seen ext4
	unchanged
	run -7 machine --rm --privileged bb sh -c "$LOOK; exit 7"
	is "cat: can't open '/seen': No such file or directory"
}

@test "vm.image: raw and qcow2, by whole disks and first partitions, squashfs, erofs and ext4" {
	mksquashfs "$STORES/tree" "$STORES/squashfs" -quiet -no-progress
	bundle raw "$STORES/squashfs"
	run -6 oci run -b "$bundle" one
	seen squashfs
	mkfs.erofs "$STORES/erofs" "$STORES/tree" >/dev/null
	partitioned "$STORES/disk" "$STORES/erofs"
	bundle raw "$STORES/disk"
	run -6 oci run -b "$bundle" one
	seen erofs
	qemu-img convert -O qcow2 "$STORES/ext4" "$STORES/qcow2"
	sha256sum "$STORES"/{disk,qcow2} >"$STORES/sums"
	bundle qcow2 "$STORES/qcow2"
	run -6 oci run -b "$bundle" one
	seen ext4
	sha256sum --quiet -c "$STORES/sums"
	rm -r "$bundle" "$STORES/run/oci" "$STORES"/{squashfs,erofs,disk,qcow2,sums}
}

@test "vm.image: vdi, vmdk, vhd" {
	local format

	for format in vdi vmdk vhd; do
		qemu-img convert -O "${format/vhd/vpc}" "$STORES/ext4" "$STORES/$format"
		bundle "$format" "$STORES/$format"
		run -6 oci run -b "$bundle" one
		seen ext4
		rm "$STORES/$format"
	done
	rm -r "$bundle" "$STORES/run/oci"
}

@test "an image without a file system, and one that was not unmounted: the machine ends, and says why" {
	head -c 4M /dev/zero >"$STORES/empty"
	run -125 machine --rm --vm-image "$STORES/empty" bb true
	has "the machine's image: neither the disk nor its first partition has a file system that this kernel knows:"
	has ' ext4'
	has ' erofs'
	has ' squashfs'
	cp "$STORES/ext4" "$STORES/dirty"
	debugfs -w -R 'feature needs_recovery' "$STORES/dirty" >/dev/null 2>&1
	run -125 machine --rm --vm-image "$STORES/dirty" bb true
	like "the machine's image: its file system \(ext.\) was not unmounted, and is not written to: repair it first"
	rm "$STORES"/{empty,dirty}
}

@test "an image's links where the kernel's file systems belong lead nowhere but within it" {
	cp -a "$STORES/tree" "$STORES/linked"
	ln -s ../../var/run "$STORES/linked/run"
	ln -s /run/hull/state/proc "$STORES/linked/proc"
	ln -s /kernel "$STORES/linked/sys"
	truncate -s 16M "$STORES/links"
	mkfs.ext4 -q -d "$STORES/linked" "$STORES/links"
	bundle raw "$STORES/links"
	run -6 oci run -b "$bundle" one
	seen ext4
	rm -r "$bundle" "$STORES"/{run/oci,linked,links}
}

@test "what is no image is refused before anything starts" {
	mkfifo "$STORES/pipe"
	head -c 1000 "$STORES/ext4" >"$STORES/odd"
	: >"$STORES/nothing"
	refused raw /nosuch/image "vm.image.path: '/nosuch/image': No such file or directory"
	refused raw image "vm.image.path: 'image' is no absolute path"
	refused raw "$STORES" "vm.image.path: '$STORES': it is no regular file"
	refused raw "$STORES/pipe" "vm.image.path: '$STORES/pipe': it is no regular file"
	refused raw /dev/zero "vm.image.path: '/dev/zero': it is no regular file"
	refused raw "$STORES/odd" 'its size is no multiple of 512 bytes'
	refused raw "$STORES/nothing" 'it is empty'
	refused qcow2 "$STORES/ext4" 'it is no qcow2 image'
	refused vdi "$STORES/ext4" 'it is no vdi image'
	refused vmdk "$STORES/ext4" 'it is no vmdk (of one sparse file) image'
	refused vhd "$STORES/ext4" 'it is no vhd image'
	refused vhdx "$STORES/ext4" "vm.image.format: 'vhdx' is not known"
	rm -r "$bundle" "$STORES"/{pipe,odd,nothing}
}

@test "hull run: options that do not go together, and paths" {
	local words

	refuses() {
		local words=$1

		shift
		run -125 hull run --rm "$@" bb true
		has "$words"
		[ "${#lines[@]}" -eq 1 ]
	}
	refuses "option '--vm-image' goes with '--isolation vm'" --vm-image "$STORES/ext4"
	refuses "option '--vm-image-format' goes with '--vm-image'" --isolation vm --vm-image-format raw
	refuses "option '--vm-image': '/nosuch': No such file" --isolation vm --vm-image /nosuch
	refuses "option '--vm-image': '/etc': it is no regular file" --isolation vm --vm-image /etc
	refuses "option '--vm-image-format': 'qcow2' is for backend 'qemu'" --isolation vm --vm-backend kvm --vm-image "$STORES/ext4" --vm-image-format qcow2
	qemu-img create -q -f qcow2 "$STORES/grown" 1M
	refuses "option '--vm-image': '$STORES/grown' begins as a qcow2 image does: add '--vm-image-format qcow2'" --isolation vm --vm-image "$STORES/grown"
	refuses "'$STORES/grown': it is no vhd image" --isolation vm --vm-image "$STORES/grown" --vm-image-format vhd
	# What only QEMU finds: the size of its clusters.
	printf '\x28' | dd of="$STORES/grown" bs=1 seek=23 conv=notrunc status=none
	refuses "hull: QEMU cannot use '$STORES/grown' as a qcow2 image: Unsupported cluster size" --isolation vm --vm-image "$STORES/grown" --vm-image-format qcow2
	rm "$STORES/grown"
	refuses 'it is no qcow2 image' --isolation vm --vm-image "$STORES/ext4" --vm-image-format qcow2
	refuses "iso" --isolation vm --vm-image "$STORES/ext4" --vm-image-format iso
	[ -z "$(hull ps -aq)" ]
	cd "$STORES"
	hull create --isolation vm --vm-image ext4 --name box bb true >/dev/null
	[ "$(jq -r '.vm.image | "\(.path) \(.format)"' "$STORES"/data/instances/*/hull.json)" = "$STORES/ext4 raw" ]
}

@test "an image that names another file of the host's does not read it" {
	local secret=$STORES/secret

	{ head -c 1M /dev/urandom | base64; truncate -s 4M "$secret"; } >"$secret"
	truncate -s 4M "$secret"
	qemu-img create -q -f qcow2 -b "$secret" -F raw "$STORES/backed"
	qemu-img create -q -f qcow2 -o "data_file=$STORES/data-file,data_file_raw=on" "$STORES/beside" 4M
	qemu-img create -q -f vmdk -o subformat=monolithicFlat "$STORES/flat.vmdk" 4M
	qemu-img create -q -f vmdk -b "$STORES/flat.vmdk" -F vmdk "$STORES/child.vmdk"
	refused qcow2 "$STORES/backed" "'$STORES/backed': a part of it is in another file"
	refused qcow2 "$STORES/beside" "'$STORES/beside': a part of it is in another file"
	refused vmdk "$STORES/flat.vmdk" 'it is no vmdk (of one sparse file) image'
	refused vmdk "$STORES/child.vmdk" 'a part of it is in another file'
	rm -r "$bundle" "$secret" "$STORES"/{backed,beside,data-file,flat.vmdk,flat-flat.vmdk,child.vmdk}
}

# The head of a qcow2 image, which is where ext4 has nothing.
@test "a raw image that says that it is qcow2 is raw" {
	echo secret >"$STORES/secret"
	truncate -s 1M "$STORES/secret"
	qemu-img create -q -f qcow2 -b "$STORES/secret" -F raw "$STORES/backed"
	cp "$STORES/ext4" "$STORES/disguised"
	dd if="$STORES/backed" of="$STORES/disguised" bs=512 count=1 conv=notrunc status=none
	[ "$(qemu-img info --output json "$STORES/disguised" | jq -r .format)" = qcow2 ]
	bundle raw "$STORES/disguised"
	run -6 oci run -b "$bundle" one
	seen ext4
	rm -r "$bundle" "$STORES/run/oci" "$STORES"/{secret,backed,disguised}
}
