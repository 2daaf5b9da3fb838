#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""podman's checkpoints, on a kernel that criu(8) works on: tests/vm tells this one. Each command takes seconds there: few are asked."""
import json
import os

import images
from podman_base import RootsPodman
from story import Failed, count_of, equal, eventually, step, tell

# A program that counts: in its memory, to a file of its own, and to its output.
COUNT = ("sh", "-c", "i=0; while :; do i=$((i + 1)); echo $i >/dev/shm/n; echo $i; sleep 0.2; done")
CONTROL_HAS_SHOWN = "one round trip shows that podman and criu are at work"


class Podman(RootsPodman):
    """With one image, and containers that count."""

    def load(self):
        self.podman("load", "--input", images.busybox(self.layout, self.folder))

    def remove_all(self):
        self.podman("rm", "--all", "--force", "--time", "0")
        return True

    def begin(self, name):
        """One that has counted for a while."""
        self.background(name, command=COUNT)
        pid = self.inspect(name, "{{.State.Pid}}")
        eventually("it counts", lambda: count_of(pid) > 3)
        return pid

    def goes_on(self, name, last):
        """It did not begin again, and counts."""
        status, pid = self.inspect(name, "{{.State.Status}} {{.State.Pid}}").split()
        equal(status, "running")
        found = count_of(pid)
        if found < last:
            raise Failed(f"at {found}, after it was at {last}")
        eventually("it counts on", lambda: count_of(pid) > found)


@step("container checkpoint, and restore: the program goes on where it was")
def there_and_back(engine):
    last = count_of(engine.begin("one"))
    done = engine.podman("container", "checkpoint", "--print-stats", "one")
    if json.loads(done.out)["container_statistics"][0]["criu_statistics"]["pages_written"] < 1:
        raise Failed(f"no page was written: {done.out}")
    equal(engine.inspect("one", "{{.State.Status}} {{.State.Checkpointed}}"), "exited true")
    engine.podman("container", "restore", "one")
    engine.goes_on("one", last)
    # It has its output again, and the same file of log. What was restored ends as others do.
    engine.podman("kill", "one")
    equal(engine.podman("wait", "one").out.strip(), "137")
    lines = engine.podman("logs", "one").lines()
    equal(lines, [str(number) for number in range(1, len(lines) + 1)])
    if len(lines) <= last:
        raise Failed(f"nothing was logged after {last}")


@step("checkpoint --pre-checkpoint, --with-previous, --leave-running", without_control=CONTROL_HAS_SHOWN)
def in_steps(engine):
    pid = engine.begin("one")
    engine.podman("container", "checkpoint", "--pre-checkpoint", "one")
    last = count_of(pid)
    engine.podman("container", "checkpoint", "--with-previous", "--leave-running", "--keep", "one")
    engine.goes_on("one", last)


@step("checkpoint --export, restore --import under another name", without_control=CONTROL_HAS_SHOWN)
def elsewhere(engine):
    pid = engine.begin("one")
    last = count_of(pid)
    with open(f"/proc/{pid}/root/file", "w", encoding="ascii") as file:
        file.write("kept\n")
    archive = f"{engine.folder}/exported.tar"
    engine.podman("container", "checkpoint", "--compress", "none", "--export", archive, "one")
    equal(oct(os.stat(archive).st_mode & 0o777), "0o600")
    engine.podman("rm", "one")
    engine.podman("container", "restore", "--import", archive, "--name", "other")
    engine.goes_on("other", last)
    equal(engine.podman("exec", "other", "cat", "/file").out, "kept\n")


if __name__ == "__main__":
    tell(Podman)
