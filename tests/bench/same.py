# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether the floor makes the very container that it is the floor of: looked at from inside."""
import os
import re
import shutil

import rivals
from measure import Failed

# In the place of the program that does nothing: what a program can see of where it is, as lines in whatever order.
PROBE = """#!/bin/busybox sh
exec 2>/dev/null
export PATH=/bin
busybox awk '{ for (at = 7; $at != "-"; at++); print "mount", $4 == "/null" ? $4 : "", $5, $6, $(at + 1) }' /proc/self/mountinfo
busybox sed 's/^[0-9]*:/cgroup /' /proc/self/cgroup
busybox grep -E '^(Umask|Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp|SigBlk|NSpid|NSsid)' /proc/self/status
busybox cat /proc/self/limits /proc/self/oom_score_adj /proc/self/personality
busybox ls -l /dev /sys/fs/cgroup | busybox awk '{ $6 = $7 = $8 = ""; print "node", $0 }'
echo "host $(busybox hostname), lo $(busybox cat /sys/class/net/lo/flags), folder $(busybox pwd)"
for limit in memory/memory.limit_in_bytes pids/pids.max cpu/cpu.shares cpu/cpu.cfs_quota_us; do
	echo "$limit $(busybox cat /sys/fs/cgroup/$limit)"
done
"""


# Where the bundles want limits. Whether a container has a cgroup of its own in further hierarchies is the runtime's
# affair.
LIMITED = {"devices", "memory", "pids", "cpu"}


def is_of_another(line, hierarchies):
    """Whether a line is about the cgroup of a hierarchy in which nothing is limited: its mount, or the folder of that."""
    folder = re.match(r"mount \S* ?/sys/fs/cgroup/([^ /]+) ", line) or re.match(r"node d.* ([^ ]+)$", line)
    return bool(folder) and folder[1] in hierarchies - LIMITED


def facts(words, knows_cgroups):
    """The set of lines that the probe says inside. Without `knows_cgroups`: but for what it says of those."""
    lines = set(rivals.output_of(words).splitlines())
    told = (line.split()[1].split(":")[0] for line in lines if line.startswith("cgroup "))
    hierarchies = {name.removeprefix("name=") or "unified" for names in told for name in names.split(",")}
    lines = {line for line in lines if not is_of_another(line, hierarchies)}
    return {line for line in lines if knows_cgroups or "cgroup" not in line and not line.startswith(("node", "memory", "pids", "cpu"))}


def check(prefix, root, pairs):
    """
    Fails where a floor's container differs from the runtime's. `pairs`: of (floor's words, runtime's words, whether cgroups count), as they run in `root`, whose
    program is the probe meanwhile.
    """
    program = root + rivals.NOTHING[0]
    kept = f"{program}.kept"
    os.rename(program, kept)
    try:
        with open(program, "w", encoding="ascii") as file:
            file.write(PROBE)
        shutil.copymode(kept, program)
        for floor, runtime, knows_cgroups in pairs:
            is_so, should_be = (facts([*prefix, *words], knows_cgroups) for words in (floor, runtime))
            apart = [f"- {line}" for line in sorted(should_be - is_so)] + [f"+ {line}" for line in sorted(is_so - should_be)]
            if apart:
                raise Failed("the floor is none, its container is not the runtime's:\n" + "\n".join(apart))
    finally:
        os.replace(kept, program)
