#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What a full disk, a crash of the machine or a hostile hand leaves in hull's own files: one clear line, and the other
# instances go on.
# weight: 50

load helpers

setup_file() {
	stores_begin
	image_begin
}

teardown_file() {
	stores_end
}

setup() {
	hull run -d --name healthy bb sh -c 'trap "exit 0" TERM; while :; do sleep 0.1; done' 3>&- >/dev/null
}

teardown() {
	! mountpoint -q "$STORES/disk" || {
		on_disk ps -aq | xargs -r "$HULL" --root "$STORES/disk/run" --data "$STORES/disk/data" rm -f
		umount "$STORES/disk"
	}
	containers_end
}

# Whether the last command said at most one line, of hull's own, and ended as hull ends: not by a signal, nor a
# sanitizer.
clear() {
	[ "$status" -eq 0 ] || { { [ "$status" -eq 125 ] || [ "$status" -eq 1 ]; } && [ "${#lines[@]}" -ge 1 ] && [[ ${lines[0]} == hull:* ]]; } || {
		echo "$*: $status: $output" >&2
		return 1
	}
}

healthy() {
	[ "$(hull inspect --format '{{.State.Status}}' healthy)" = running ] && hull exec healthy true &&
		[ "$(hull ps --format '{{.Names}}' --filter name=healthy 2>/dev/null)" = healthy ]
}

# Each kind of damage, done to a file: words of a shell with the file's name in $f. (One that is missing is another
# matter: so begins and ends a container's life.)
damages() {
	cat <<-'LIST'
		: >"$f"
		truncate -s $(($(stat -c %s "$f") / 2)) "$f"
		head -c 3000 /dev/urandom >"$f"
		printf '{"a":' >"$f"
		printf '[]' >"$f"
		printf 'null' >"$f"
		head -c 100000 /dev/zero | tr '\0' '[' >"$f"
		printf '{"version":99999999999999999999,"id":{},"pid":-1,"name":["x"]}' >"$f"
		truncate -s 3G "$f"
		rm -f "$f"; mkdir "$f"
		rm -f "$f"; mkfifo "$f"
		rm -f "$f"; ln -s /dev/zero "$f"
		rm -f "$f"; ln -s "$f" "$f"
		chmod 000 "$f"
	LIST
}

# damage FILE CONTAINER COMMAND...: the file is damaged in each way, and put back. What the commands say about the
# container must be clear.
damage() {
	local f=$1 name=$2 words command

	cp -a "$f" "$STORES/saved"
	while read -r words <&9; do
		f=$f sh -c "$words"
		for command in "ps -a" "inspect $name" "start $name"; do
			# shellcheck disable=SC2086 # words
			run timeout 30 "$HULL" --root "$STORES/run" --data "$STORES/data" $command
			clear "$f: $words: $command"
		done
		run -0 timeout 30 "$HULL" --root "$STORES/run" --data "$STORES/data" exec healthy true
		rm -rf "$f"
		cp -a "$STORES/saved" "$f"
	done 9< <(damages)
	rm "$STORES/saved"
	healthy
}

@test "passwd and group that are no files, or too large, are refused at once, in one line" {
	local file words

	for file in passwd group; do
		for words in 'mkfifo etc/F' 'mknod etc/F c 1 5' 'mkdir etc/F' 'truncate -s 3G etc/F' 'ln -s F etc/F' 'ln -s /dev/zero etc/F' 'ln -s /proc/self/environ etc/F'; do
			cp -a "$STORES/rootfs" "$STORES/hostile"
			(cd "$STORES/hostile" && rm "etc/$file" && sh -c "${words//F/$file}")
			for user in app:staff 1000:staff; do
				[ "$file:$user" != passwd:1000:staff ] || user=app
				run timeout 30 "$HULL" --root "$STORES/run" --data "$STORES/data" run --rm --network none -u "$user" --rootfs "$STORES/hostile" id
				[ "$status" -eq 125 ] && [ "${#lines[@]}" -eq 1 ] && [[ $output == *"/etc/$file"* ]] || { echo "$words: $user: $status: $output" && false; }
			done
			rm -rf "$STORES/hostile"
		done
	done
	# The same for exec, where the container changes it itself.
	hull exec healthy sh -c 'rm /etc/passwd; mkfifo /etc/passwd'
	run -125 timeout 30 "$HULL" --root "$STORES/run" --data "$STORES/data" exec -u app healthy id
	[ "${#lines[@]}" -eq 1 ]
	has "/etc/passwd"
}

# In stores on a disk of some MiB.
on_disk() {
	timeout 20 "$HULL" --root "$STORES/disk/run" --data "$STORES/disk/data" "$@"
}

has_said() {
	on_disk logs logger | grep -q "$1"
}

fill() {
	dd if=/dev/zero of="$STORES/disk/filler" bs=64k 2>/dev/null || true
	dd if=/dev/zero of="$STORES/disk/filler2" bs=1 2>/dev/null || true
}

@test "a full disk" {
	mkdir "$STORES/disk"
	mount -t tmpfs -o size=24m full "$STORES/disk"
	on_disk image import -q --name bb -c 'CMD ["sh"]' "$STORES/rootfs"
	on_disk run -d --name logger --network none bb sh -c 'echo first; while [ ! -e /tmp/go ]; do sleep 0.1; done; while :; do echo line; sleep 0.01; done' 3>&-
	retry 20 has_said first
	fill
	run on_disk image import -q --name other "$STORES/rootfs"
	[ "$status" -eq 125 ] || [ "$status" -eq 1 ]
	[ "${#lines[@]}" -eq 1 ]
	has 'No space left'
	run on_disk run --rm --network none bb true
	[ "$status" -eq 125 ] && [ "${#lines[@]}" -eq 1 ]
	run on_disk run -d --network none bb sleep 100 3>&-
	[ "$status" -eq 125 ] && [ "${#lines[@]}" -eq 1 ]
	# What runs goes on, its log cannot: it is neither stopped nor killed by that.
	run on_disk ps -a --format '{{.Names}} {{.State}}'
	[ "${#lines[@]}" -eq 1 ]
	rm "$STORES/disk/filler" "$STORES/disk/filler2"
	on_disk exec logger touch /tmp/go
	fill
	run -0 on_disk exec logger true
	[ "$(on_disk inspect --format '{{.State.Status}}' logger)" = running ]
	# With room again, all is as before.
	rm "$STORES/disk/filler" "$STORES/disk/filler2"
	run -0 on_disk logs logger
	has first
	run -0 on_disk run --rm --network none bb echo again
	is again
	on_disk rm -f logger
	run -0 on_disk images --format '{{.Repository}}'
	[ "${#lines[@]}" -eq 1 ]
	[ -z "$(ls "$STORES/disk/run/instances" "$STORES/disk/data/instances" | grep -v :)" ]
	umount "$STORES/disk"
	rmdir "$STORES/disk"
}

@test "the definition of a container is damaged" {
	local id file

	id=$(hull create --name damaged bb true)
	for file in config.json hull.json; do
		damage "$STORES/data/instances/$id/$file" damaged
	done
}

@test "the state and the last exit of a container are damaged" {
	local id

	id=$(hull run -d --name damaged bb sh -c 'exit 3' 3>&-)
	retry 30 test -f "$STORES/data/instances/$id/exit.json"
	damage "$STORES/data/instances/$id/exit.json" damaged
	hull rm -f damaged >/dev/null
	id=$(hull run -d --name damaged bb sh -c 'while :; do sleep 0.1; done' 3>&-)
	damage "$STORES/run/instances/$id/record.json" damaged
	run hull rm -f damaged
	clear "rm -f"
}

# One line says what to do; doing it helps.
record_is_mended() {
	local command

	for command in "images -q" "create --name second one true" "rmi one"; do
		# shellcheck disable=SC2086 # words
		run timeout 30 "$HULL" --root "$STORES/run" --data "$STORES/data" $command
		[ "$words" = 'chmod 000 "$f"' ] || { [ "$status" -ne 0 ] && has "pull or import that image again, or remove the file"; }
		clear "$words: $command"
	done
	hull rm -f second >/dev/null 2>&1 || true
	healthy
	[ ! -d "$f" ] || rmdir "$f"
	hull image import -q --name one -c 'CMD ["true"]' "$STORES/rootfs" >/dev/null
	hull run --rm --network none one
	[ -f "$f" ]
}

@test "the record of an image is damaged: what to do is said, and others go on" {
	local f words

	hull image import -q --name one -c 'CMD ["true"]' "$STORES/rootfs" >/dev/null
	f=$(readlink -f "$STORES/data/images/names/localhost,one:latest")
	while read -r words <&9; do
		f=$f sh -c "$words"
		record_is_mended
	done 9< <(damages)
	hull rmi one
}

# What a container has been given stays its own: another gets another one, or a clear line.
address_is_its_own() {
	run timeout 20 "$HULL" --root "$STORES/run" --data "$STORES/data" run -d --rm --name second bb sleep 100 3>&-
	clear "$words: run"
	[ "$status" -ne 0 ] || [ "$(address_of second)" != "$(address_of healthy)" ]
	hull rm -f second >/dev/null 2>&1 || true
	hull exec healthy true
}

address_of() {
	hull exec "$1" ip -4 -o address show eth0 | awk '{ print $4 }'
}

@test "the addresses of the network are damaged: no two containers get one" {
	local f=$STORES/run/net/addresses words

	cp -a "$f" "$STORES/saved"
	while read -r words <&9; do
		f=$f sh -c "$words"
		address_is_its_own
		rm -rf "$f"
		cp -a "$STORES/saved" "$f"
	done 9< <(damages)
	rm "$STORES/saved"
	hull rm -f healthy >/dev/null
}

@test "without the file of id ranges no two containers get one range" {
	range_of() { awk '{print $2}' "/proc/$(hull inspect -f '{{.State.Pid}}' "$1")/uid_map"; }
	hull run -d --name first bb sleep 100 3>&- >/dev/null
	for damage in 'rm' 'truncate -s 0' 'truncate -s 60'; do
		$damage "$STORES/data/idranges"
		hull run -d --rm --name second bb sleep 100 3>&- >/dev/null
		[ "$(range_of first)" != "$(range_of second)" ]
		hull rm -f second >/dev/null
	done
	hull rm -f first >/dev/null
}
