#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# kernel import, ls, default, rm, inspect: with Debian's own package, and with whatever is no kernel

# shellcheck disable=SC2154 # run sets stderr
load helpers

setup_file() {
	stores_begin
	export SOURCE=$STORES/source
	mkdir "$SOURCE"
	dpkg-deb --fsys-tarfile "$KERNEL_PACKAGE" | tar --extract --directory "$SOURCE"
	RELEASE=$(basename "$SOURCE"/lib/modules/*)
	export RELEASE
	export IMAGE=$SOURCE/boot/vmlinuz-$RELEASE MODULES=$SOURCE/lib/modules/$RELEASE
	hull kernel import "$KERNEL_PACKAGE" >"$STORES/said"
	small_root "$STORES/small"
}
teardown_file() {
	stores_end
}
teardown() {
	local name

	for name in $(cd "$STORES/data/kernels" && ls); do
		[[ $name == "$RELEASE" || $name == default || $name == lock ]] || hull kernel rm "$name" >/dev/null
	done
	# No test leaves a half of anything: neither in the store nor beside it.
	[ "$(ls -A "$STORES/data/kernels" | tr '\n' ' ')" = "$RELEASE default lock " ]
}

# In the order of loading.
module_files() {
	hull kernel inspect "$RELEASE" | jq -r '.[0].modules[].file'
}

# small_root FOLDER: a root file system with the kernel and just the modules that guests need.
small_root() {
	local line name

	mkdir -p "$1/boot" "$1/lib/modules/$RELEASE/kernel"
	ln "$IMAGE" "$1/boot/"
	cp "$MODULES/modules.builtin" "$1/lib/modules/$RELEASE/"
	module_files | while read -r line; do
		name=${line#*-}
		find "$MODULES" \( -name "$name" -o -name "${name//_/-}" \) -exec cp {} "$1/lib/modules/$RELEASE/kernel/" \;
	done
}

# package FILE FOLDER [TAR_OPTION...]: a Debian package with the folder's files.
package() {
	local file=$1 folder=$2
	shift 2

	rm -rf "$file" "$file.parts"
	mkdir "$file.parts"
	echo 2.0 >"$file.parts/debian-binary"
	tar --create --gzip --file "$file.parts/control.tar.gz" --files-from /dev/null
	tar --create --file "$file.parts/data.tar" --directory "$folder" "$@" .
	(cd "$file.parts" && ar rc "$file" debian-binary control.tar.gz data.tar)
	rm -rf "$file.parts"
}

# refused WORDS ARGUMENT...: one line on standard error that has the words, 125, and nothing is left: teardown looks.
refused() {
	local words=$1
	shift
	run -125 --separate-stderr hull kernel import "$@"
	is ''
	[ "${#stderr_lines[@]}" -eq 1 ]
	output=$stderr has "$words"
	[[ $stderr == 'hull: kernel import: '* ]]
	[ "$(ls -A "$STORES/data/kernels" | tr '\n' ' ')" = "$RELEASE default lock " ]
}

@test "kernel import: Debian's package, whole" {
	output=$(cat "$STORES/said") is "$RELEASE"
	run hull kernel ls
	like '^NAME +RELEASE +DEFAULT +FORMATS +IMPORTED$' "${lines[0]}"
	like "^$RELEASE +$RELEASE +yes +bzImage vmlinux pvh +[0-9]+ .* ago$" "${lines[1]}"
	run hull kernel ls -q
	is "$RELEASE"
	run hull kernel default
	is "$RELEASE"
	run hull kernel inspect "$RELEASE" --format '{{.release}} {{.default}} {{.pvh}} {{.source}} {{.digest}}'
	is "$RELEASE true true $KERNEL_PACKAGE sha256:$(sha256sum <"$KERNEL_PACKAGE" | cut -d ' ' -f 1)"
	cmp "$IMAGE" "$STORES/data/kernels/$RELEASE/bzImage"
	run readelf -h "$STORES/data/kernels/$RELEASE/vmlinux"
	has 'Advanced Micro Devices X86-64'
	# QEMU, which is no root, opens the files by name; nobody else comes that far.
	[ "$(stat -c %a "$STORES/data/kernels" "$STORES/data/kernels/$RELEASE" | sort -u)" = 700 ]
	[ "$(stat -c %a "$STORES/data/kernels/$RELEASE"/{bzImage,vmlinux,initrd} | sort -u)" = 644 ]
}

@test "completion: kernels, as an option's value and as operands" {
	local words

	# shellcheck source=/dev/null
	source <(hull __complete bash | sed "s|(hull |($(hull_words)|")
	for words in 'run --kernel' 'create --kernel' 'kernel rm' 'kernel inspect'; do
		# shellcheck disable=SC2206 # two words, and the one that is asked for
		COMP_WORDS=(hull $words '') COMP_CWORD=3 COMPREPLY=()
		_hull
		output="${COMPREPLY[*]}" is "$RELEASE"
	done
}

@test "kernel import: the modules that a guest needs, after what they need" {
	run module_files
	output=${output//$'\n'/ }
	for name in virtio_mmio virtio_blk virtio_net virtio_console virtiofs overlay erofs vmw_vsock_virtio_transport; do
		like "[0-9][0-9]-$name\.ko"
	done
	like 'virtio_ring\.ko.*-virtio\.ko.*-virtio_mmio\.ko'
	like '-fuse\.ko.*-virtiofs\.ko'
	[[ $output != *nf_tables* && $output != *ext4* ]]
	for file in $output; do
		name=${file#*-}
		original=$(find "$MODULES" -name "$name" -o -name "${name//_/-}")
		cmp "$original" "$STORES/data/kernels/$RELEASE/modules/$file"
	done
}

@test "kernel import: the initramfs holds the agent and the modules, in order" {
	folder=$STORES/data/kernels/$RELEASE
	mkdir "$BATS_TEST_TMPDIR/out"
	(cd "$BATS_TEST_TMPDIR/out" && cpio --quiet -idm --no-preserve-owner <"$folder/initrd")
	cmp "$BATS_TEST_TMPDIR/out/init" "$HULL_BUILD/libexec/hull-agent"
	run cut -d ' ' -f 1 "$BATS_TEST_TMPDIR/out/modules/list"
	is "$(ls "$folder/modules")"
	for file in $output; do
		cmp "$folder/modules/$file" "$BATS_TEST_TMPDIR/out/modules/$file"
	done
	run cpio --quiet -tv <"$folder/initrd"
	like 'crw------- .* 5, +1 .* dev/console'
}

@test "kernel import: a folder, one with several kernels, compressed modules" {
	run hull kernel import --name folder "$STORES/small"
	is folder
	[ "$(hull kernel inspect folder --format '{{json .modules}}')" = "$(hull kernel inspect "$RELEASE" --format '{{json .modules}}')" ]
	run hull kernel default
	is "$RELEASE"
	hull kernel rm folder

	cp -rl "$STORES/small" "$BATS_TEST_TMPDIR/packed"
	cp --remove-destination "$IMAGE" "$BATS_TEST_TMPDIR/packed/boot/vmlinuz-0.1-other"
	modules=$BATS_TEST_TMPDIR/packed/lib/modules/$RELEASE/kernel
	xz --check=crc32 -0 -f -k "$modules"/virtio*.ko "$modules"/erofs.ko && rm "$modules"/virtio*.ko "$modules"/erofs.ko
	zstd -q --rm "$modules"/overlay.ko
	gzip -f "$modules"/fuse.ko
	refused "several kernels: choose one with '--release': 0.1-other, $RELEASE" "$BATS_TEST_TMPDIR/packed"
	refused "has no kernel 'nosuch'" --release nosuch "$BATS_TEST_TMPDIR/packed"
	# A name that the kernel itself contradicts.
	cp -rl "$BATS_TEST_TMPDIR/packed/lib/modules/$RELEASE" "$BATS_TEST_TMPDIR/packed/lib/modules/0.1-other"
	refused "it says '$RELEASE'" --release 0.1-other "$BATS_TEST_TMPDIR/packed"
	run hull kernel import --name packed --release "$RELEASE" "$BATS_TEST_TMPDIR/packed"
	is packed
	diff -r "$STORES/data/kernels/$RELEASE/modules" "$STORES/data/kernels/packed/modules"
}

@test "kernel import: a bzImage, an ELF kernel; default, replace, rm" {
	run hull kernel import --name one --default "$IMAGE"
	is one
	cmp "$STORES/data/kernels/one/vmlinux" "$STORES/data/kernels/$RELEASE/vmlinux"
	run hull kernel default
	is one
	run hull kernel import --name two "$STORES/data/kernels/one/vmlinux"
	is two
	run hull kernel inspect two --format '{{json .bzImage}} {{.pvh}} {{.release}} {{json .modules}}'
	is "null true $RELEASE []"
	run -125 hull kernel import --name one "$IMAGE"
	has "kernel 'one' is there already: give '--replace', or another '--name'"
	hull kernel import --name one --replace "$STORES/data/kernels/two/vmlinux" >/dev/null
	[ ! -e "$STORES/data/kernels/one/bzImage" ]
	run hull kernel rm one two
	is $'one\ntwo'
	run -125 hull kernel rm one
	has "no kernel 'one': see 'hull kernel ls'"
	hull kernel rm --force one
	run -125 hull kernel default nosuch
	has "no kernel 'nosuch'"
	# The chosen one is gone, and only one is left.
	run hull kernel default
	is "$RELEASE"
	hull kernel default "$RELEASE"
}

@test "kernel: one that a machine was made with stays, one that is damaged can go" {
	hull kernel import --name used "$STORES/small" >/dev/null
	hull create --isolation vm --kernel used --name machine busybox true >/dev/null
	run -125 hull kernel rm used
	has "kernel 'used' is what 'machine' asks for: remove that first, or give '--force'"
	hull rm machine >/dev/null
	hull kernel rm used

	mkdir "$STORES/data/kernels/broken"
	echo '{' >"$STORES/data/kernels/broken/kernel.json"
	# The others are listed all the same, and a line says which one is broken.
	run --separate-stderr hull kernel ls -q
	is "$RELEASE"
	[ "${#stderr_lines[@]}" -eq 1 ]
	output=$stderr like "^hull: warning: kernel 'broken': kernel.json: .*: it is damaged: see 'hull kernel rm'$"
	run -125 hull kernel inspect broken
	has "kernel 'broken': kernel.json"
	run hull kernel default
	is "$RELEASE"
	run hull kernel rm broken
	is broken
}

@test "kernel: what is no kernel is refused in a line, and leaves nothing" {
	dir=$BATS_TEST_TMPDIR
	: >"$dir/empty"
	echo words >"$dir/words"
	head -c 100000 "$IMAGE" >"$dir/cut"
	cp "$IMAGE" "$dir/damaged"
	printf '%1000000s' ' ' | dd of="$dir/damaged" bs=1000 seek=5000 conv=notrunc status=none
	mkfifo "$dir/fifo"
	mkdir "$dir/nothing" "$dir/boot-only" "$dir/boot-only/boot"
	ln "$IMAGE" "$dir/boot-only/boot/"

	refused "open '$dir/nosuch': No such file or directory" "$dir/nosuch"
	refused 'it is empty' "$dir/empty"
	refused 'it is neither a bzImage nor an ELF kernel' "$dir/words"
	refused 'it is an ELF file, but no kernel' /bin/true
	refused 'it is a bzImage that ends before its kernel does' "$dir/cut"
	refused 'the kernel in it' "$dir/damaged"
	refused 'is neither a folder nor a file' "$dir/fifo"
	refused 'is neither a folder nor a file' /dev/zero
	refused 'has no folder boot/' "$dir/nothing"
	refused "has no folder lib/modules/$RELEASE/" "$dir/boot-only"
	refused "'../x' is no name for a kernel" --name ../x "$IMAGE"
	refused "'lock' is no name for a kernel" --name lock "$IMAGE"
	refused "'.x' is no name for a kernel" --name .x "$IMAGE"
	refused "'--release' chooses a kernel of a folder" --release x "$IMAGE"
}

@test "kernel: a module that is needed and missing, or none, is named" {
	cp -rl "$STORES/small" "$BATS_TEST_TMPDIR/root"
	modules=$BATS_TEST_TMPDIR/root/lib/modules/$RELEASE/kernel
	mv "$modules/virtio_ring.ko" "$BATS_TEST_TMPDIR/"
	refused "no module 'virtio_ring', neither built in nor as a file, which 'virtio' needs" "$BATS_TEST_TMPDIR/root"
	: >"$modules/virtio_ring.ko"
	refused "module './virtio_ring.ko': it is empty" "$BATS_TEST_TMPDIR/root"
	cp /bin/true "$modules/virtio_ring.ko"
	refused 'it is no kernel module' "$BATS_TEST_TMPDIR/root"
	head -c 20000 "$BATS_TEST_TMPDIR/virtio_ring.ko" >"$modules/virtio_ring.ko"
	refused 'its table of sections is damaged' "$BATS_TEST_TMPDIR/root"
	rm "$modules/virtio_ring.ko"
	# A link is not followed: what is behind it is none of the folder's.
	ln -s "$BATS_TEST_TMPDIR/virtio_ring.ko" "$modules/virtio_ring.ko"
	refused "no module 'virtio_ring'" "$BATS_TEST_TMPDIR/root"
	rm "$modules/virtio_ring.ko" && cp "$BATS_TEST_TMPDIR/virtio_ring.ko" "$modules/"
	rm "$modules/erofs.ko"
	refused "no module 'erofs', neither built in nor as a file, which guests need" "$BATS_TEST_TMPDIR/root"
	# One that the kernel has inside is nobody's to bring.
	cp --remove-destination "$MODULES/modules.builtin" "$BATS_TEST_TMPDIR/root/lib/modules/$RELEASE/"
	echo kernel/fs/erofs/erofs.ko >>"$BATS_TEST_TMPDIR/root/lib/modules/$RELEASE/modules.builtin"
	run hull kernel import --name builtin "$BATS_TEST_TMPDIR/root"
	is builtin
}

@test "kernel: hostile packages are refused" {
	dir=$BATS_TEST_TMPDIR
	mkdir "$dir/root" "$dir/empty" "$dir/linked" "$dir/none"
	cp -rl "$STORES/small/." "$dir/root"
	package "$dir/good.deb" "$dir/root"
	run hull kernel import --name good "$dir/good.deb"
	is good
	hull kernel rm good

	head -c 1000000 "$KERNEL_PACKAGE" >"$dir/cut.deb"
	refused "'$dir/cut.deb': it is a damaged Debian package: " "$dir/cut.deb"
	{ head -c 5000000 "$KERNEL_PACKAGE" && head -c 100000 /dev/zero && tail -c +5100001 "$KERNEL_PACKAGE"; } >"$dir/damaged.deb"
	refused "'$dir/damaged.deb': its data: " "$dir/damaged.deb"
	(cd "$dir" && echo x >x && ar rc other.a x && echo 2.0 >debian-binary && ar rc empty.deb debian-binary)
	refused 'it is no Debian package' "$dir/other.a"
	refused 'it is a Debian package without files in it' "$dir/empty.deb"
	package "$dir/none.deb" "$dir/none"
	refused 'it is a package without a kernel' "$dir/none.deb"
	# Names that lead elsewhere; a later file through an earlier link; a link to the host's file; one file twice.
	package "$dir/up.deb" "$dir/root" --transform "s,^\./boot/,./boot/../../../../../tmp/,"
	refused 'it has a name that leads elsewhere' "$dir/up.deb"
	mkdir -p "$dir/linked/boot"
	ln -s /etc/hostname "$dir/linked/boot/vmlinuz-$RELEASE"
	package "$dir/linked.deb" "$dir/linked"
	refused 'it is no regular file' "$dir/linked.deb"
	rm "$dir/linked/boot/vmlinuz-$RELEASE" && mknod "$dir/linked/boot/vmlinuz-$RELEASE" c 1 5
	package "$dir/device.deb" "$dir/linked"
	refused 'it is no regular file' "$dir/device.deb"
	mkdir -p "$dir/root/lib/modules/$RELEASE/kernel/again"
	ln "$dir/root/lib/modules/$RELEASE/kernel/erofs.ko" "$dir/root/lib/modules/$RELEASE/kernel/again/erofs.ko"
	package "$dir/twice.deb" "$dir/root" --hard-dereference
	refused 'a file of this name is there twice' "$dir/twice.deb"
	rm "$dir/root/lib/modules/$RELEASE/kernel/again/erofs.ko"
	# A hole of a terabyte.
	truncate -s 1T "$dir/root/lib/modules/$RELEASE/kernel/again/huge.ko"
	package "$dir/huge.deb" "$dir/root" --sparse
	refused 'more than the limit' "$dir/huge.deb"
}

# bomb FILE SIZE COUNT: a small package with so many files of so many zeros, each of a name that no kernel's file has.
bomb() {
	local file=$1 size=$2 count=$3

	rm -rf "$file" "$file.parts"
	mkdir "$file.parts"
	echo 2.0 >"$file.parts/debian-binary"
	python3 -c '
import sys, tarfile
name, size, count = tarfile.TarInfo("./usr/share/zeros"), int(sys.argv[1]), int(sys.argv[2])
name.size = size
for _ in range(count):
    sys.stdout.buffer.write(name.tobuf())
    for _ in range(size >> 20):
        sys.stdout.buffer.write(bytes(1 << 20))
sys.stdout.buffer.write(bytes(1024))' "$size" "$count" | zstd -q -1 >"$file.parts/data.tar.zst"
	(cd "$file.parts" && ar rc "$file" debian-binary data.tar.zst)
	rm -rf "$file.parts"
	[ "$(stat -c %s "$file")" -lt 2000000 ]
}

# bats test_tags=slow
@test "kernel: packages that are small as a file and without end inside" {
	bomb "$BATS_TEST_TMPDIR/bomb.deb" $((5 << 30)) 1
	refused 'limit' "$BATS_TEST_TMPDIR/bomb.deb"
	bomb "$BATS_TEST_TMPDIR/bomb.deb" 0 200001
	refused 'it has more than 200000 entries' "$BATS_TEST_TMPDIR/bomb.deb"
}

@test "kernel: several imports at once, and kills in the middle, leave whole kernels" {
	for i in 1 2 3; do
		hull kernel import --name same --replace "$STORES/small" >/dev/null 3>&- &
		pids[i]=$!
	done
	for i in 1 2 3; do
		wait "${pids[i]}"
	done
	diff -r "$STORES/data/kernels/$RELEASE/modules" "$STORES/data/kernels/same/modules"
	# While it is replaced, it is removed and listed: each of them meets a whole one or none.
	for i in 1 2 3; do
		hull kernel import --name same --replace "$STORES/small" >/dev/null 3>&- &
		while kill -0 $! 2>/dev/null; do
			hull kernel rm --force same >/dev/null
			hull kernel ls -q >>"$BATS_TEST_TMPDIR/listed" 2>>"$BATS_TEST_TMPDIR/complaints"
		done
		wait $!
	done
	[ ! -s "$BATS_TEST_TMPDIR/complaints" ]
	[ "$(sort -u "$BATS_TEST_TMPDIR/listed" | grep -vx same)" = "$RELEASE" ]
	# What a killed one had begun, later ones sweep.
	for pause in 0.01 0.05 0.1 0.2 0.4; do
		timeout -s KILL "$pause" "$HULL" --root "$STORES/run" --data "$STORES/data" kernel import --name killed --replace \
			"$STORES/small" >/dev/null 2>&1 || true
		for kernel in $(hull kernel ls -q); do
			[ -s "$STORES/data/kernels/$kernel/vmlinux" ] && [ -s "$STORES/data/kernels/$kernel/initrd" ]
		done
	done
	swept() {
		hull kernel import --name killed --replace "$STORES/small" >/dev/null && [ -z "$(echo "$STORES"/data/kernels/.[!.]*)" ]
	}
	shopt -s nullglob
	retry 30 swept
}

@test "kernel: a full disk is said, and nothing stays" {
	mkdir "$BATS_TEST_TMPDIR/data"
	mount -t tmpfs -o size=40m tmpfs "$BATS_TEST_TMPDIR/data"
	run -125 --separate-stderr "$HULL" --root "$STORES/run" --data "$BATS_TEST_TMPDIR/data" kernel import "$STORES/small"
	left=$(ls -A "$BATS_TEST_TMPDIR/data/kernels")
	umount "$BATS_TEST_TMPDIR/data"
	[ "${#stderr_lines[@]}" -eq 1 ]
	output=$stderr has 'No space left on device'
	[ -z "$left" ]
}

@test "kernel: an agent that has changed is packed anew" {
	mkdir -p "$BATS_TEST_TMPDIR/bin" "$BATS_TEST_TMPDIR/libexec"
	cp "$HULL" "$BATS_TEST_TMPDIR/bin/hull"
	cp "$HULL_BUILD/libexec/hull-image" "$BATS_TEST_TMPDIR/libexec/"
	echo 'one agent' >"$BATS_TEST_TMPDIR/libexec/hull-agent"
	here=("$BATS_TEST_TMPDIR/bin/hull" --root "$STORES/run" --data "$BATS_TEST_TMPDIR/data")
	"${here[@]}" kernel import --name a "$STORES/small"
	strings "$BATS_TEST_TMPDIR/data/kernels/a/initrd" | grep -qx 'one agent'
	# Without one there are no machines, but the kernel is there, and says so.
	rm "$BATS_TEST_TMPDIR/libexec/hull-agent"
	"${here[@]}" kernel import --name b "$STORES/small"
	[ ! -e "$BATS_TEST_TMPDIR/data/kernels/b/initrd" ]
}

@test "kernel import: who waits at a terminal sees what goes on, a script does not" {
	run --separate-stderr hull kernel import --name quiet "$STORES/small"
	is quiet
	[ -z "$stderr" ]
	run script -qec "$HULL --root $STORES/run --data $STORES/data kernel import --name seen $STORES/small >$BATS_TEST_TMPDIR/out" /dev/null
	has "$STORES/small: taking its modules"
	has "$STORES/small: packing the initramfs"
	output=$(cat "$BATS_TEST_TMPDIR/out") is seen
}

@test "kernel: help, and only root" {
	run hull kernel --help
	has 'kernel import'
	run hull kernel import --help
	has 'Take in a kernel for virtual machines'
	run -125 setpriv --reuid 1000 --clear-groups "$HULL" --root "$BATS_TEST_TMPDIR/run" --data "$BATS_TEST_TMPDIR/data" kernel import "$IMAGE"
	has "hull's data is root's: run it with sudo"
	[ ! -e "$BATS_TEST_TMPDIR/data" ]
}
