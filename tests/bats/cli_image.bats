#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# image ls, import, rm, inspect, and their short names

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

@test "image ls: columns, names, ids" {
	run hull image ls
	like '^REPOSITORY   TAG      IMAGE ID +CREATED +SIZE$' "${lines[0]}"
	like '^bb           latest   [0-9a-f]{12} +[0-9]+ second.* ago +[0-9.]+MB$' "${lines[1]}"
	id=$(hull images -q --no-trunc bb)
	like '^sha256:[0-9a-f]{64}$' "$id"
	run hull images -q
	is "${id:7:12}"
	run hull images --format '{{.Name}} {{.Repository}} {{.Tag}} {{.Os}}'
	is 'bb:latest bb latest linux'
	run hull image ls nosuch --format '{{.ID}}'
	is ''
	run hull images --format json
	has '"name": "localhost/bb:latest"'
}

@test "image ls: filters" {
	hull image import -q -c 'LABEL x=y' "$STORES/rootfs" >/dev/null
	names() {
		run hull images "$@" --format '{{.Name}}'
	}
	names -f dangling=false
	is bb:latest
	names -f dangling=true
	is '<none>'
	names -f reference='b?'
	is bb:latest
	names -f label=made.by=tests
	is bb:latest
	names -f label=x
	is '<none>'
	run -125 hull images -f dangling=perhaps
	has 'want one of true, false'
	hull rmi "$(hull images -q -f dangling=true)"
}

@test "image import: a folder, an archive, standard input; named in two ways" {
	tar -C "$STORES/rootfs" -cf "$STORES/root.tar" .
	gzip -k "$STORES/root.tar"
	run hull image import --name a:1 "$STORES/root.tar"
	like '^sha256:[0-9a-f]{64}$'
	hull image import "$STORES/root.tar.gz" a:2
	hull image import - a:3 <"$STORES/root.tar"
	run hull run --rm a:3 echo there
	is there
	run hull image ls a --format '{{.Tag}}'
	[ ${#lines[@]} -eq 3 ]
	hull image rm a:1 a:2 a:3
	rm "$STORES"/root.tar*
}

@test "image import: changes are in the config" {
	hull image import -q --name changed -c 'ENTRYPOINT ["echo","from"]' -c 'CMD ["entry"]' -c 'ENV A=1' -c 'USER app' \
		-c 'WORKDIR /tmp' "$STORES/rootfs"
	run hull image inspect --format '{{join .Config.Entrypoint " "}} {{.Config.User}} {{.Config.Workdir}} {{index .Config.Env 0}}' changed
	is 'echo from app /tmp A=1'
	run hull run --rm changed
	is 'from entry'
	hull rmi changed
}

@test "image import: bad input is one line, and leaves nothing" {
	before=$(find "$STORES/data/images" | sort)
	echo garbage >"$STORES/garbage"
	run -125 hull image import --name x "$STORES/garbage"
	[ ${#lines[@]} -eq 1 ]
	run -125 hull image import --name x /nonexistent
	[ ${#lines[@]} -eq 1 ]
	run -125 hull image import --name 'Bad Name' "$STORES/rootfs"
	has 'lower-case'
	run -125 hull image import --name x "$STORES/rootfs" y
	has 'named twice'
	run -125 hull image import --format tar "$STORES/rootfs"
	has 'auto, rootfs, oci, docker'
	run -125 hull image import -c 'NONSENSE x' "$STORES/rootfs" x
	[ ${#lines[@]} -eq 1 ]
	[ "$(find "$STORES/data/images" | sort)" = "$before" ]
}

@test "image rm: names, ids, what a container uses" {
	hull image import -q --name two -c 'LABEL x=two' "$STORES/rootfs" >/dev/null
	id=$(hull images -q --no-trunc two)
	hull create --name user two true
	run -125 hull rmi two
	has 'is used by container'
	run -125 --separate-stderr hull rmi nosuch
	[[ $stderr == "hull: image rm: image 'nosuch' not found"* ]]
	run hull rmi -f nosuch
	is ''
	hull rm user
	run hull rmi two
	is $'Untagged: two:latest\nDeleted: '"$id"
	run hull images --format '{{.Name}}'
	is bb:latest
}

@test "image inspect: documented members, several at once" {
	run -125 --separate-stderr hull image inspect nosuch bb
	has '"localhost/bb:latest"'
	has '"made.by": "tests"'
	[[ $stderr == "hull: image inspect: image 'nosuch' not found"* ]]
	run hull image inspect --format '{{.Architecture}} {{len .Layers}} {{json .Manifest}} {{index .Config.Labels "made.by"}}' bb
	like '^[a-z0-9_]+ 1 null tests$'
	[ -d "$(hull image inspect --format '{{index .Layers 0}}' bb)" ]
}
