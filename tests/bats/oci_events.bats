#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# hull-oci events: the figures in the shape that engines read, and the news of a want of memory.

load helpers
load oci_helpers

setup() {
	bundle_configure
}

teardown() {
	oci_end
}

# Fails unless the expression holds for the line of figures, which is d (its data) and e (the event).
figures() {
	python3 -c 'import json, sys
e = json.loads(sys.argv[1])
d = e["data"]
assert eval(sys.argv[2]), (sys.argv[2], e)' "$output" "$1"
}

@test "figures once" {
	configure sh -c 'dd if=/dev/zero of=/tmp/file bs=1M count=4; while :; do :; done'
	edit 'c["root"]["readonly"] = False; c["linux"]["resources"].update({"memory": {"limit": 67108864}, "pids": {"limit": 40}})'
	apart run --detach "$ID"
	retry 30 test -s "$FOLDER/bundle/rootfs/tmp/file"
	run -0 oci events --stats "$ID"
	[ "${#lines[@]}" -eq 1 ]
	figures 'e["type"] == "stats" and e["id"].startswith("oci-")'
	figures 'd["cpu"]["usage"]["total"] > 0 and "user" in d["cpu"]["usage"] and "kernel" in d["cpu"]["usage"]'
	figures 'd["memory"]["usage"]["limit"] == 67108864 and 0 < d["memory"]["usage"]["usage"] <= 67108864'
	figures 'd["memory"]["raw"] and all(isinstance(v, int) for v in d["memory"]["raw"].values())'
	figures 'd["pids"]["limit"] == 40 and d["pids"]["current"] >= 1'
	figures 'all({"major", "minor", "value"} <= set(x) for kind in d["blkio"] if kind != "psi" for x in d["blkio"][kind])'
	figures 'isinstance(d["hugetlb"], dict)'
	figures '[i["Name"] for i in d["network_interfaces"]] == ["lo"]'
	# Pressure, where the kernel counts it.
	[ ! -e /proc/pressure/cpu ] || figures '{"avg10", "avg60", "avg300", "total"} == set(d["cpu"]["psi"]["some"])'
	rm "$FOLDER/bundle/rootfs/tmp/file"
}

@test "a quota that is met is seen in the figures" {
	configure sh -c 'while :; do :; done'
	edit 'c["linux"]["resources"]["cpu"] = {"quota": 5000, "period": 50000}'
	apart run --detach "$ID"
	throttled() {
		run -0 oci events --stats "$ID"
		figures 'd["cpu"]["throttling"]["throttledPeriods"] > 0 and d["cpu"]["throttling"]["throttledTime"] > 0' 2>/dev/null
	}
	retry 30 throttled
}

@test "figures again and again, until the container ends" {
	apart run --detach "$ID"
	oci events --interval=100ms "$ID" >"$FOLDER/lines" 3>&- 4>&- &
	three_lines() {
		[ "$(wc -l <"$FOLDER/lines")" -ge 3 ]
	}
	retry 30 three_lines
	run -0 oci kill "$ID" KILL
	wait $!
	python3 -c 'import json, sys; assert all(json.loads(l)["type"] == "stats" for l in open(sys.argv[1]))' "$FOLDER/lines"
}

@test "a want of memory is told" {
	configure sh -c 'sleep 100'
	edit 'c["linux"]["resources"]["memory"] = {"limit": 16 << 20, "swap": 16 << 20}'
	apart run --detach "$ID"
	oci events --interval 1h "$ID" >"$FOLDER/lines" 3>&- 4>&- &
	retry 30 test -s "$FOLDER/lines"
	run oci exec "$ID" dd if=/dev/zero of=/dev/null bs=64M count=1
	[ "$status" -ne 0 ]
	told() {
		grep -qx "{\"type\":\"oom\",\"id\":\"$ID\"}" "$FOLDER/lines"
	}
	retry 30 told
	[ "$(grep -c oom\",\"id "$FOLDER/lines")" -eq 1 ]
	run -0 oci delete --force "$ID"
	wait $!
}

@test "what cannot be told" {
	run -1 oci events --stats none
	one_line
	has "does not exist"
	apart run --detach "$ID"
	run -1 oci events --interval 0s "$ID"
	one_line
	run -0 oci kill "$ID" KILL
	retry 30 is stopped
	run -1 oci events --stats "$ID"
	one_line
	has "is stopped: it has no figures"
}
