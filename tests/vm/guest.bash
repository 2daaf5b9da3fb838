# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What all of the machine's inits use. Results go to the port that the host reads, as TAP; all else to the console.

PORT=$(echo /dev/vport*p1)
export HULL_BUILD=/hull/build HULL=/hull/build/bin/hull TERM=dumb LC_ALL=C.UTF-8 HOME=/root
export OCI=/hull/build/bin/hull-oci
# A processor that is emulated is some twenty times slower.
export BATS_TEST_TIMEOUT=120

# report COMMAND...: its TAP to the host; a command that fails without a word of it counts too.
report() {
	local status

	"$@" 2>&1 </dev/null | tee /run/tap >$PORT
	status=${PIPESTATUS[0]}
	if [ "$status" -ne 0 ] && ! grep -q '^not ok' /run/tap; then
		echo "not ok - '$*' says exit status $status" >$PORT
	fi
}

tests_of_hull() {
	report /hull/tests/lib/lab bats --tap --print-output-on-failure "$@"
}

finish() {
	echo "# finished" >$PORT
	sync
	exec /bin/busybox reboot -f
}

# A machine with the unified tree of cgroups, and nobody who manages it.
prepare() {
	ln -s /proc/self/fd /dev/fd
	mkdir -p /dev/pts /dev/shm /dev/mqueue
	mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
	mount -t tmpfs -o mode=1777 shm /dev/shm
	mount -t mqueue mqueue /dev/mqueue
	mount -t tmpfs -o mode=755 run /run
	mount -t cgroup2 -o nsdelegate cgroup2 /sys/fs/cgroup
	mkdir -p /run/lock /run/user
	ip link set lo up
	hostname machine
}
