#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""podman as an ordinary user, who has no cgroup: with newuidmap, and storage that is copied (vfs)."""
import os
import shutil

import images
import podman_base
from images import IMAGE
from story import equal, eventually, has, like, on_terminal, run, sized, step, tell

USER, HOST_IDS = 1234, 200000


class Rootless(podman_base.Podman):
    """The podman of a user whose home is the story's folder."""

    def start(self):
        # The user has to reach it, wherever it was built.
        self.program = shutil.copy(self.program, f"{self.folder}/runtime")
        os.chmod(os.environ["LAB_DIR"], 0o755)
        self.settle()
        if self.runtime == "runc":
            self.program = shutil.which("runc")
        for name, line in (("passwd", f"tester:x:{USER}:{USER}::{self.folder}:/bin/sh"), ("group", f"tester:x:{USER}:")):
            with open(f"/etc/{name}", "a", encoding="utf-8") as file:
                file.write(f"{line}\n")
        for name in ("subuid", "subgid"):
            with open(f"/etc/{name}", "w", encoding="ascii") as file:
                file.write(f"tester:{HOST_IDS}:65536\n")
        archive = images.busybox(self.layout, self.folder)
        os.makedirs(f"/run/user/{USER}")
        for path in (f"/run/user/{USER}", self.folder):
            os.chown(path, USER, USER)
        environment = [f"HOME={self.folder}", f"XDG_RUNTIME_DIR=/run/user/{USER}", "USER=tester", f"PATH={os.environ['PATH']}"]
        self.words = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--inh-caps=-all"]
        self.words += ["env", "--ignore-environment", *environment, "podman"]
        self.podman("load", "--input", archive)

    def stop(self):
        # Its namespaces are held by a process that stays.
        self.podman("system", "migrate")


@step("run: who it is inside, and outside")
def run_once(engine):
    done = engine.podman("run", "--rm", "--network", "none", IMAGE, "sh", "-c", "id -u; cat /proc/self/uid_map; exit 7", code=7)
    equal(done.out.split(), ["0", "0", str(USER), "1", "1", str(HOST_IDS), "65536"])
    engine.background("bg")
    with open(f"/proc/{engine.inspect('bg', '{{.State.Pid}}')}/status", encoding="ascii") as file:
        like(file.read(), f"Uid:\\s+{USER}\\s")


@step("run: another user, volumes, read-only root")
def settings(engine):
    script = "id -u; echo kept >/data/file; touch /x || echo refused"
    options = ["--user", "33", "--read-only", "-v", "data:/data:U"]
    equal(engine.podman("run", "--rm", "--network", "none", *options, IMAGE, "sh", "-c", script).out, "33\nrefused\n")
    equal(engine.podman("run", "--rm", "--network", "none", "-v", "data:/data", IMAGE, "cat", "/data/file").out, "kept\n")


@step("run -it, and what cannot be run")
def terminal(engine):
    words = [*engine.words, "run", "--rm", "-it", "--network", "none", IMAGE, "sh"]
    has(on_terminal(words, f"tty; {sized(33, 77)}; exit 5\n", code=5, size=(33, 77)).out, "/dev/pts/0")
    engine.podman("run", "--rm", "--network", "none", IMAGE, "none-such", code=127)


@step("exec, kill, restart")
def life(engine):
    engine.background("bg")
    equal(engine.podman("exec", "-u", "33", "bg", "sh", "-c", "id -u; exit 3", code=3).out, "33\n")
    engine.podman("kill", "bg")
    equal(engine.podman("wait", "bg").out, "137\n")
    engine.podman("restart", "--time", "0", "bg")
    equal(engine.podman("exec", "bg", "echo", "up").out, "up\n")


@step("--userns=keep-id")
def keep_id(engine):
    done = engine.podman("run", "--rm", "--network", "none", "--userns", "keep-id", IMAGE, "id", "-u")
    equal(done.out, f"{USER}\n")


@step("a pod")
def pod(engine):
    archive = images.pause(engine.layout, engine.folder)
    engine.podman("load", "--input", archive)
    engine.podman("pod", "create", "--name", "pod", "--network", "none")
    serve = "echo pod >/www/index.html; exec httpd -f -h /www"
    engine.podman("run", "-d", "--pod", "pod", "--stop-timeout", "0", IMAGE, "sh", "-c", serve)
    fetch = ("wget", "-q", "-O", "-", "http://127.0.0.1/")
    eventually("the pod's port answers", lambda: engine.podman("run", "--rm", "--pod", "pod", IMAGE, *fetch, code=None).out == "pod\n")


tell(Rootless)
