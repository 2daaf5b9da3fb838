#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What hull-oci refuses: configs that break a rule of the specification's schemas, that contradict themselves or the
# host, and documents that are no config at all. Each refusal is one line that names the member, exit code 1, and
# nothing left behind.
# weight: 50

load helpers

OCI=${OCI:-$HULL_BUILD/bin/hull-oci}

setup_file() {
	FOLDER=$(mktemp -d /tmp/hull-oci-bad.XXXXXX)
	export FOLDER
	mkdir -p "$FOLDER"/rootfs/{bin,proc,dev,sys,tmp}
	cp "$(command -v busybox)" "$FOLDER/rootfs/bin/busybox"
	ln -s busybox "$FOLDER/rootfs/bin/true"
	ln -s busybox "$FOLDER/rootfs/bin/sleep"
}

teardown_file() {
	rm -rf "$FOLDER"
}

setup() {
	CASES=$FOLDER/cases-$BATS_TEST_NUMBER
	: >"$FOLDER/complaints"
}

teardown() {
	rm -rf "$CASES"
	nothing_is_left
}

# A state, mount, cgroup or process of a case.
nothing_is_left() {
	local left

	left=$(
		ls -A "$FOLDER/run" 2>/dev/null | grep -vx '\.seccomp\|\.spare'
		grep -F "$FOLDER" /proc/self/mountinfo
		find /sys/fs/cgroup -maxdepth 4 -type d -name 'case-*'
		pgrep -af -- "--root $FOLDER/run"
	)
	[ -z "$left" ] || {
		echo "left: $left" >&2
		return 1
	}
}

oci() {
	"$OCI" --root "$FOLDER/run" "$@"
}

complain() {
	echo "$*" >>"$FOLDER/complaints"
}

no_complaints() {
	cat "$FOLDER/complaints" >&2
	[ ! -s "$FOLDER/complaints" ]
}

# Creates a container of each bundle in $CASES; calls the function $1 with the bundle, the exit code and what was said.
create_each() {
	local bundle status words

	for bundle in "$CASES"/*/; do
		status=0
		oci create --bundle "$bundle" "case-${bundle: -5:4}" </dev/null &>"$FOLDER/words" 3>&- 4>&- || status=$?
		words=$(<"$FOLDER/words")
		[ "$status" -ne 0 ] || oci delete --force "case-${bundle: -5:4}"
		"$1" "$bundle" "$status" "$words"
		case $(echo "$FOLDER"/run/*) in
		*/run/\* | */run) ;;
		*) complain "$(<"$bundle/why"): left $(echo "$FOLDER"/run/*)" ;;
		esac
	done
}

want_refusal() {
	local member

	member=$(<"$1/member")
	[ "$2" -eq 1 ] && [[ $3 == "hull-oci: "*"$member"* && $3 != *$'\n'* ]] ||
		complain "$(<"$1/why"): exit code $2, without '$member': $3"
}

# bats test_tags=plain
@test "configs that break a rule of the schemas" {
	run -0 "$REPOSITORY/tests/lib/oci-cases" "$REPOSITORY/tests/data/runtime-spec" "$FOLDER/rootfs" bad "$CASES"
	[ "$output" -gt 900 ]
	create_each want_refusal
	no_complaints
}

@test "configs that the schemas allow and that make no sense" {
	run -0 "$REPOSITORY/tests/lib/oci-cases" "$REPOSITORY/tests/data/runtime-spec" "$FOLDER/rootfs" sense "$CASES"
	[ "$output" -gt 150 ]
	create_each want_refusal
	no_complaints
}

# What another host would do and this one cannot: by the beginning of the member, the words of the refusal. Nothing else
# may be refused.
refused_here() {
	case $1 in
	process.apparmorProfile*) echo "AppArmor is not enabled on this host" ;;
	process.selinuxLabel | linux.mountLabel) echo "SELinux is not enabled on this host" ;;
	linux.intelRdt*) echo "is not supported" ;;
	linux.netDevices*) echo "the host has no such interface" ;;
	mounts\[0\].options*) echo "Unknown parameter" ;;
	linux.resources.unified*) echo "belongs to no controller" ;;
	linux.resources.cpu.realtime*) echo "realtime" ;;
	linux.resources.blockIO.*Device*) echo "No such device" ;;
	linux.resources.*) echo "have no '" ;;
	esac
}

want_acceptance() {
	local member words

	member=$(<"$1/member")
	[[ $2 -ne 0 || -n $3 && $3 != "hull-oci: warning: vm: ignored"* ]] || return 0
	words=$(refused_here "$member")
	[[ $2 -eq 1 && $3 != *$'\n'* && -n $words && ($3 == *"$words"* || $3 == *"this kernel has no "*) ]] ||
		complain "$(<"$1/why"): exit code $2: $3"
}

# bats test_tags=plain
@test "each member of the schemas with a value that it may have" {
	run -0 "$REPOSITORY/tests/lib/oci-cases" "$REPOSITORY/tests/data/runtime-spec" "$FOLDER/rootfs" good "$CASES"
	[ "$output" -gt 290 ]
	create_each want_acceptance
	no_complaints
}

# Writes the documents that are no config to $CASES, a bundle each; the words that refuse it beside it.
documents() {
	python3 - "$CASES" "$FOLDER/rootfs" <<-'EOF'
		import json, pathlib, sys
		folder, rootfs = pathlib.Path(sys.argv[1]), sys.argv[2]
		good = json.dumps({"ociVersion": "1.0.0", "root": {"path": rootfs}, "process": {"cwd": "/", "args": ["true"]},
		                   "linux": {"namespaces": [{"type": "mount"}]}}).encode()
		def inside(words):
		    return good[:-1] + b', "x": ' + words + b"}"
		documents = [
		    ("empty", b"", "config.json"), ("one space", b" ", "config.json"), ("nothing but NUL", bytes(100), "config.json"),
		    ("a list", b"[]", "want an object"), ("a string", b'"x"', "want an object"), ("null", b"null", "want an object"),
		    ("cut short", good[:-1], "line 1"), ("text behind it", good + b" x", "line 1"), ("two of them", good + good, "line 1"),
		    ("a NUL behind it", good + b"\0", "config.json"), ("a byte order mark", b"\xef\xbb\xbf" + good, "config.json"),
		    ("UTF-16", good.decode().encode("utf-16"), "config.json"), ("a comment", b"/* x */" + good, "line 1"),
		    ("a comma too many", inside(b"[1,]"), "line 1"), ("a word without quotes", inside(b"word"), "line 1"),
		    ("single quotes", inside(b"'x'"), "line 1"), ("a raw newline in a string", inside(b'"a\nb"'), "config.json"),
		    ("not UTF-8", inside(b'"\xff\xfe"'), "config.json"), ("an overlong slash", inside(b'"\xc0\xaf"'), "UTF-8"),
		    ("half of a surrogate pair", inside(b'"\\ud800"'), "surrogate"), ("the other half", inside(b'"\\udc00"'), "surrogate"),
		    ("an encoded surrogate", inside(b'"\xed\xa0\x80"'), "UTF-8"), ("an escaped NUL", inside(b'"\\u0000"'), "NUL"),
		    ("one key twice", inside(b'{"a": 1, "a": 2}'), "'a' is there twice"), ("one member twice", good[:-1] + b', "root": {}}', "'root' is there twice"),
		    ("NaN", inside(b"NaN"), "line 1"), ("infinity", inside(b"1e999"), "out of range"), ("a plus", inside(b"+1"), "line 1"),
		    ("a leading zero", inside(b"01"), "line 1"), ("hexadecimal", inside(b"0x10"), "line 1"),
		    ("65 bits", inside(b"18446744073709551616"), "out of range"), ("below 64 bits", inside(b"-9223372036854775809"), "out of range"),
		    ("a thousand digits", inside(b"1" * 1000), "1000 characters"),
		    ("nested 65 deep", inside(b"[" * 64 + b"]" * 64), "nested more than 64 deep"),
		    ("nested 100,000 deep", inside(b"[" * 100000 + b"]" * 100000), "nested more than 64 deep"),
		    ("objects 100,000 deep", inside(b'{"a":' * 100000 + b"1" + b"}" * 100000), "nested more than 64 deep"),
		    ("100 MiB of spaces", good + b" " * (100 << 20), "config.json"), ("100 MiB of one string", inside(b'"' + b"x" * (100 << 20) + b'"'), "config.json"),
		    ("100 MiB of brackets", b"[" * (100 << 20), "config.json"), ("100 MiB of zeros", bytes(100 << 20), "config.json"),
		    ("8 MiB of small values", inside(b"[" + b"1," * (4 << 19) + b"1]"), ""),
		    ("8 MiB of members", inside(b"{" + b",".join(b'"%x":1' % i for i in range(600000)) + b"}"), ""),
		    ("8 MiB of escapes", inside(b'"' + b"\\u0041" * 1300000 + b'"'), ""),
		]
		for number, (why, text, words) in enumerate(documents):
		    bundle = folder / f"{number:04}"
		    bundle.mkdir(parents=True)
		    (bundle / "config.json").write_bytes(text)
		    (bundle / "why").write_text(why)
		    (bundle / "member").write_text(words)
	EOF
}

# Runs a command, and says what it took: exit code, seconds of a processor (others may be busy), and MiB of memory at
# most.
measured() {
	python3 - "$@" <<-'EOF'
		import os, sys
		child = os.fork()
		if child == 0:
		    out = os.open(os.environ["FOLDER"] + "/words", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
		    os.dup2(os.open("/dev/null", os.O_RDONLY), 0), os.dup2(out, 1), os.dup2(out, 2)
		    os.execv(sys.argv[1], sys.argv[1:])
		status, usage = os.wait4(child, 0)[1:]
		print(os.waitstatus_to_exitcode(status), f"{usage.ru_utime + usage.ru_stime:.3f}", usage.ru_maxrss >> 10)
	EOF
}

# bats test_tags=plain
@test "documents that are no config are refused within a second and 100 MiB" {
	local bundle words status seconds mib

	documents
	for bundle in "$CASES"/*/; do
		read -r status seconds mib < <(measured "$OCI" --root "$FOLDER/run" create --bundle "$bundle" "case-${bundle: -5:4}")
		words=$(tr '\0' '?' <"$FOLDER/words")
		# An unknown member that can be read is passed over; the container is there then.
		if [ -s "$bundle/member" ]; then
			want_refusal "$bundle" "$status" "$words"
		elif [ "$status" -eq 0 ]; then
			oci delete --force "case-${bundle: -5:4}"
		fi
		[[ ${seconds%.*} -lt 1 && $mib -le 100 ]] || complain "$(<"$bundle/why"): $seconds s, $mib MiB"
	done
	no_complaints
}

@test "configs that are not a file of text" {
	local bundle=$FOLDER/odd

	mkdir -p "$bundle"
	run -1 oci create --bundle "$bundle" case-odd
	has "config.json"
	mkdir "$bundle/config.json"
	run -1 oci create --bundle "$bundle" case-odd
	has "config.json"
	rmdir "$bundle/config.json"
	mkfifo "$bundle/config.json"
	run -1 timeout 20 "$OCI" --root "$FOLDER/run" create --bundle "$bundle" case-odd
	has "config.json"
	rm "$bundle/config.json"
	ln -s /dev/zero "$bundle/config.json"
	run -1 timeout 20 "$OCI" --root "$FOLDER/run" create --bundle "$bundle" case-odd
	has "config.json"
	run -1 oci create --bundle "$FOLDER/none" case-odd
	has "$FOLDER/none"
	rm -r "$bundle"
}
