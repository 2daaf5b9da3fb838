#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""containerd's checkpoints, by ctr, on a kernel that criu(8) works on: tests/vm tells this one."""
import os

from ctr_base import Ctr
from story import Failed, count_of, equal, eventually, step, tell

# A program that counts: in its memory, and to a file of its own.
COUNT = ("sh", "-c", "i=0; while :; do i=$((i + 1)); echo $i >/dev/shm/n; sleep 0.2; done")


class Counting(Ctr):
    """With a container that counts."""

    def pid(self, name):
        """Of its first process."""
        for line in self.ctr("tasks", "ls").lines():
            if line.split()[0] == name:
                equal(line.split()[-1], "RUNNING")
                return line.split()[1]
        raise Failed(f"no task '{name}'")

    def begin(self, name):
        """One that has counted for a while."""
        self.background(name, command=COUNT)
        pid = self.pid(name)
        eventually("it counts", lambda: count_of(pid) > 3)
        return pid

    def goes_on(self, name, last):
        """It did not begin again, and counts."""
        pid = self.pid(name)
        found = count_of(pid)
        if found < last:
            raise Failed(f"at {found}, after it was at {last}")
        eventually("it counts on", lambda: count_of(pid) > found)


@step("tasks checkpoint --image-path: it goes on; with --exit: it ends", without_control="one round trip shows that containerd and criu are at work")
def task(engine):
    last = count_of(engine.begin("one"))
    engine.ctr("tasks", "checkpoint", "--image-path", f"{engine.folder}/images", "one")
    for name in ("inventory.img", "descriptors.json"):
        if not os.path.exists(f"{engine.folder}/images/{name}"):
            raise Failed(f"no {name}")
    engine.goes_on("one", last)
    engine.ctr("tasks", "checkpoint", "--exit", "--image-path", f"{engine.folder}/last-images", "one")
    eventually("it has ended", lambda: engine.status("one") in ("STOPPED", ""))


@step("containers checkpoint --task, containers restore --live: another one goes on")
def container(engine):
    last = count_of(engine.begin("one"))
    engine.ctr("containers", "checkpoint", "--task", "--image", "--rw", "one", "localhost/clients/saved:1")
    engine.goes_on("one", last)
    engine.ctr("tasks", "delete", "--force", "one", code=None)
    engine.ctr("containers", "delete", "one")
    engine.ctr("containers", "restore", "--rw", "--live", "two", "localhost/clients/saved:1")
    engine.goes_on("two", last)


if __name__ == "__main__":
    tell(Counting)
