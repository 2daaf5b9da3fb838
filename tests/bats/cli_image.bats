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
	has "is used by container 'user': remove that first"
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

# An OCI layout "layout" with the images one and two, and a second name of one.
layout_of_several() {
	[ ! -e "$STORES/layout" ] || return 0
	umoci init --layout "$STORES/layout"
	umoci new --image "$STORES/layout:one"
	umoci config --image "$STORES/layout:one" --tag two --config.cmd sh >/dev/null
	umoci tag --image "$STORES/layout:one" uno
}

@test "image import: a source with several images is taken whole, or one of it is chosen" {
	layout_of_several
	before=$(find "$STORES/data/images" | sort)
	run -125 hull image import --name x "$STORES/layout"
	is "hull: image import: '$STORES/layout': it holds 2 images, which cannot all be called 'x': choose one, as in 'oci:PATH:NAME', of: one, uno, two"
	run -125 hull image import "oci:$STORES/layout:three"
	is "hull: image import: '$STORES/layout': it holds no image 'three', but: one, uno, two"
	run -125 hull image import --format docker "oci:$STORES/layout:one"
	has 'want oci:PATH[:NAME]'
	[ "$(find "$STORES/data/images" | sort)" = "$before" ]
	hull image import --name x "oci:$STORES/layout:two"
	hull image import "oci:$STORES/layout:uno"
	run hull images -f dangling=false --format '{{.Name}} {{.ID}}'
	like '^layout:uno [0-9a-f]{12}'$'\n''x:latest [0-9a-f]{12}'$'\n''bb:latest [0-9a-f]{12}$'
	hull rmi x layout:uno
	# Two names of one image are one image.
	skopeo copy -q "oci:$STORES/layout:one" "oci:$STORES/single:a"
	skopeo copy -q "oci:$STORES/layout:one" "oci:$STORES/single:b"
	hull image import --name y "$STORES/single"
	hull rmi y
}

@test "image import: one image of an archive of several" {
	layout_of_several
	skopeo copy -q "oci:$STORES/layout:one" "docker-archive:$STORES/docker.tar:app:1"
	run -125 hull image import "docker-archive:$STORES/docker.tar:app:2"
	is "hull: image import: '$STORES/docker.tar': it holds no image 'app:2', but: docker.io/library/app:1"
	hull image import "docker-archive:$STORES/docker.tar:app:1"
	run hull images app --format '{{.Name}}'
	is docker.io/library/app:1
	hull rmi app:1
	tar -C "$STORES/layout" -cf "$STORES/layout.tar" .
	hull image import --name z "oci-archive:$STORES/layout.tar:one"
	hull rmi z
}

@test "image import: when the second of several is damaged, nothing of the first is there" {
	layout_of_several
	cp -r "$STORES/layout" "$STORES/damaged"
	manifest=$(jq -r '.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == "two").digest' "$STORES/damaged/index.json")
	config=$(jq -r .config.digest "$STORES/damaged/blobs/${manifest/:/\/}")
	before=$(find "$STORES/data/images" | sort)
	rm "$STORES/damaged/blobs/${config/:/\/}"
	run -125 hull image import "$STORES/damaged"
	has "is missing"
	[ "$(find "$STORES/data/images" | sort)" = "$before" ]
}

@test "image import: layers with absolute names, and a last block that is short" {
	umoci init --layout "$STORES/absolute"
	umoci new --image "$STORES/absolute:t"
	umoci insert --image "$STORES/absolute:t" "$STORES/rootfs" /
	mkdir -p "$STORES/inserted"
	echo inserted >"$STORES/inserted/file"
	umoci insert --image "$STORES/absolute:t" "$STORES/inserted/file" /etc/file
	run hull image import --name absolute "$STORES/absolute"
	like '^sha256:'
	run hull run --rm --network none absolute cat /etc/file
	is inserted
	hull rmi absolute
	tar -C "$STORES/rootfs" -P --transform 's,^\.,/,' -cf "$STORES/absolute.tar" .
	hull image import --name absolute "$STORES/absolute.tar"
	run hull run --rm --network none absolute ls -d /bin/busybox
	is /bin/busybox
	hull rmi absolute
}

@test "image import: plain, gzip, bzip2, xz and zstd; whole, and cut short" {
	local dir=$STORES/packed how before name

	mkdir -p "$dir"
	tar -C "$STORES/rootfs" -cf "$dir/plain" .
	before=$(find "$STORES/data/images" | sort)
	for how in plain gzip bzip2 xz zstd; do
		name=$dir/$how
		[ $how = plain ] || $how -c "$dir/plain" >"$name"
		head -c $(($(stat -c %s "$name") / 2)) "$name" >"$name.cut"
		run -125 hull image import --name cut "$name.cut"
		[ ${#lines[@]} -eq 1 ]
		[ "$(find "$STORES/data/images" | sort)" = "$before" ]
		hull image import --name "packed:$how" "$name"
		run hull run --rm --network none "packed:$how" echo "$how"
		is $how
		hull rmi "packed:$how"
	done
}

@test "image import: layers that are plain, gzip and zstd; whole, and cut short" {
	local dir=$STORES/layers layer type file size id

	mkdir -p "$dir"
	tar -C "$STORES/rootfs" -cf "$dir/layer" .
	id=sha256:$(sha256sum <"$dir/layer" | cut -d' ' -f1)
	for type in tar tar+gzip tar+zstd; do
		rm -rf "$dir/oci"
		mkdir -p "$dir/oci/blobs/sha256"
		# blob FILE: puts it in, and prints its descriptor's members.
		blob() {
			cp "$1" "$dir/oci/blobs/sha256/$(sha256sum <"$1" | cut -d' ' -f1)"
			printf '"digest":"sha256:%s","size":%d' "$(sha256sum <"$1" | cut -d' ' -f1)" "$(stat -c %s "$1")"
		}
		file=$dir/layer
		[ $type = tar ] || { file=$dir/layer.$type && "${type#tar+}" -c "$dir/layer" >"$file"; }
		layer=$(blob "$file")
		printf '{"architecture":"amd64","os":"linux","config":{"Labels":{"type":"%s"}},"rootfs":{"type":"layers","diff_ids":["%s"]}}' $type "$id" >"$dir/config"
		printf '{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json",%s},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.%s",%s}]}' \
			"$(blob "$dir/config")" $type "$layer" >"$dir/manifest"
		printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json",%s}]}' "$(blob "$dir/manifest")" >"$dir/oci/index.json"
		echo '{"imageLayoutVersion":"1.0.0"}' >"$dir/oci/oci-layout"
		cp -r "$dir/oci" "$dir/cut"
		size=$(stat -c %s "$file")
		# In a store that does not have the layer yet.
		truncate -s $((size / 2)) "$dir/cut/blobs/sha256/$(sha256sum <"$file" | cut -d' ' -f1)"
		run -125 "$HULL" --root "$STORES/run" --data "$STORES/empty" image import --name l "$dir/cut"
		[ ${#lines[@]} -eq 1 ]
		[ -z "$("$HULL" --root "$STORES/run" --data "$STORES/empty" images -q)" ]
		rm -rf "$dir/cut"
		run "$HULL" --root "$STORES/run" --data "$STORES/empty" image import --name l "$dir/oci"
		like '^sha256:'
		"$HULL" --root "$STORES/run" --data "$STORES/empty" rmi l
	done
}

@test "images NAME finds what run NAME finds" {
	layout_of_several
	hull image import -q --name docker.io/library/app:v1 "$STORES/rootfs"
	hull run --rm --network none app:v1 true
	run hull images app --format '{{.Name}}'
	is docker.io/library/app:v1
	run hull images -a app:v1 --format '{{.Name}}'
	is docker.io/library/app:v1
	run hull images app:v2 --format '{{.Name}}'
	is ''
	hull rmi app:v1
}
