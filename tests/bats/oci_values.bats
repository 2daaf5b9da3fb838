#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# hull-oci's options that take a value, all of them, with one that is none: the one line names the option and the value.

load helpers
load oci_helpers

setup() {
	bundle_configure
	TOLD=$BATS_TEST_TMPDIR/told CRIU=criu
	: >"$TOLD"
}

teardown() {
	oci_end
}

# The long options of a verb ("": of all verbs) that take a value, by its help.
options_with_values() {
	# shellcheck disable=SC2086
	"$OCI" $1 --help | grep -oE '^ +(-., +)?--[a-z0-9-]+ [^ ]+' | grep -oE -- '--[a-z0-9-]+ [A-Z0-9[].*' | cut -d' ' -f1
}

# tells VERB OPTION VALUE REST...: what comes of it is no success, and one line that names both.
tells() {
	local where=("$1" "$2=$3")

	[ "$1" != global ] || where=("$2=$3")
	echo "$1 $2" >>"$TOLD"
	run timeout 20 "$OCI" --root "$FOLDER/run" --criu "$CRIU" "${where[@]}" "${@:4}" </dev/null 3>&- 4>&-
	[[ $status -eq 1 || $status -eq 255 ]] && [ "${#lines[@]}" -eq 1 ] && [[ $output == "hull-oci: "*"option '$2'"*"$3"* ]] || {
		echo "$1 $2=$3: exit status $status: $output"
		return 1
	}
}

# told VERB...: each option of these verbs was among them.
told() {
	local verb option

	for verb in "$@"; do
		for option in $(options_with_values "${verb/global/}"); do
			grep -qx -- "$verb $option" "$TOLD" || { echo "nobody has tried: $verb $option" && return 1; }
		done
	done
}

@test "those of every verb, and of create, run, spec, lists and events" {
	tells global --root /dev/null/x list
	tells global --log /dev/null/x list
	tells global --log-format yaml list
	tells global --log-level loud list
	tells global --cgroup-manager none list
	tells global --rootless perhaps list
	apart run -d "$ID"
	tells global --criu /none checkpoint "$ID"
	tells global --criu none-such checkpoint "$ID"
	echo "global --kernels" >>"$TOLD" # of hull-vm-oci
	oci delete --force "$ID"
	for verb in create run; do
		tells $verb --bundle /none "$ID"
		tells $verb --pid-file /dev/null/x "$ID"
		tells $verb --pidfd-socket /none "$ID"
		tells $verb --preserve-fds many "$ID"
		tells $verb --preserve-fds 1025 "$ID"
		edit 'c["process"]["terminal"] = True'
		tells $verb --console-socket /none "$ID"
		edit 'c["process"]["terminal"] = False'
	done
	tells spec --bundle /none
	tells list --format yaml
	tells ps --format yaml "$ID"
	tells events --interval never "$ID"
	told global create run spec list ps events
	for verb in start state kill delete pause resume features "mounts add" "mounts remove"; do
		[ -z "$(options_with_values "$verb")" ]
	done
}

@test "those of exec" {
	apart run -d "$ID"
	tells exec --process /none "$ID"
	echo '{"args": "no list", "cwd": "/"}' >"$FOLDER/process"
	tells exec --process "$FOLDER/process" "$ID"
	tells exec --pid-file /dev/null/x "$ID" true
	tells exec --console-socket /none -t -d "$ID" true
	tells exec --pidfd-socket /none "$ID" true
	tells exec --cwd relative "$ID" true
	tells exec --cwd /bin/busybox "$ID" true
	tells exec --env novalue "$ID" true
	tells exec --additional-gids x "$ID" true
	tells exec --cap CAP_NONE "$ID" true
	tells exec --apparmor none-such "$ID" true
	tells exec --process-label a:b:c:d "$ID" true
	tells exec --preserve-fds -1 "$ID" true
	tells exec --cgroup none-such "$ID" true
	tells exec --cgroup nonsense:/sub "$ID" true
	for user in '' 1: :1 1:2:3 +1 0x0 nosuch 1:nosuch 4294967295; do
		tells exec --user "$user" "$ID" true
	done
	told exec
	rm "$FOLDER/process"
}

@test "those of update: words that are no value, and values that no kernel takes" {
	local option

	apart run -d "$ID"
	tells update --resources /none "$ID"
	echo '{"memory": []}' >"$FOLDER/resources"
	tells update --resources "$FOLDER/resources" "$ID"
	for option in $(options_with_values update); do
		case $option in
		--resources) ;;
		*) tells update "$option" no-value "$ID" ;;
		esac
	done
	tells update --memory 99999999999999999999g "$ID"
	tells update --memory-reservation -2 "$ID"
	tells update --cpu-period 18446744073709551615 "$ID"
	tells update --cpu-quota -2 "$ID"
	tells update --cpu-share 1 "$ID"
	tells update --cpu-idle 2 "$ID"
	tells update --cpuset-cpus 9999 "$ID"
	tells update --cpuset-mems 3-1 "$ID"
	tells update --pids-limit -2 "$ID"
	tells update --blkio-weight 1001 "$ID"
	told update
	rm "$FOLDER/resources"
}

# What criu would say is not asked for: these are seen before it starts.
@test "those of checkpoint and restore" {
	local images=$BATS_TEST_TMPDIR/images

	mkdir "$images"
	: >"$images/inventory.img"
	apart run -d "$ID"
	CRIU=/bin/true
	tells checkpoint --image-path /dev/null/x "$ID"
	tells checkpoint --work-path /dev/null/x --image-path "$images" "$ID"
	tells checkpoint --manage-cgroups-mode hard "$ID"
	tells checkpoint --empty-ns ipc "$ID"
	tells checkpoint --parent-path /tmp --image-path "$images" "$ID"
	tells checkpoint --parent-path ../none --image-path "$images" "$ID"
	tells checkpoint --page-server localhost "$ID"
	tells checkpoint --page-server :80 "$ID"
	tells checkpoint --status-fd x --lazy-pages "$ID"
	tells checkpoint --status-fd 77 --lazy-pages "$ID"
	tells restore --image-path /none "$ID-2"
	tells restore --image-path "$BATS_TEST_TMPDIR" "$ID-2"
	tells restore --work-path /dev/null/x --image-path "$images" "$ID-2"
	tells restore --manage-cgroups-mode hard "$ID-2"
	tells restore --empty-ns ipc "$ID-2"
	tells restore --bundle /none "$ID-2"
	tells restore --lsm-profile hull "$ID-2"
	# Both are of security modules that the kernel has not.
	[ -d /sys/kernel/security/apparmor ] || tells restore --lsm-profile apparmor:mine "$ID-2"
	[ -d /sys/fs/selinux ] || tells restore --lsm-profile selinux:a:b:c:d "$ID-2"
	[ -d /sys/fs/selinux ] || tells restore --lsm-mount-context a:b:c:d "$ID-2"
	# Used as create uses them, when criu is through.
	printf 'restore %s\n' --pid-file --console-socket --lsm-mount-context >>"$TOLD"
	told checkpoint restore
}
