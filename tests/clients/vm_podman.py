#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""podman with conmon, and a machine for each container."""
import os

import images
import podman_base
import vm_base
from images import IMAGE
from story import Failed, equal, has, like, on_terminal, run, sized, step, tell
from vm_base import boots

REFUSED = {
    "the host's network namespace": ["--network", "host"],
    "the host's pid namespace": ["--pid", "host"],
    "the host's ipc namespace": ["--ipc", "host"],
    "device '/dev/fuse'": ["--device", "/dev/fuse"],
    "too little for a machine": ["--memory", "16m"],
}


class Podman(podman_base.Podman):
    """Root's podman, with storage and networks of its own."""

    def start(self):
        self.settle()
        with open("/etc/containers/containers.conf.d/60-machines.conf", "w", encoding="ascii") as file:
            file.write(f'[engine.runtimes]\n{self.runtime} = ["{self.program}"]\n')
        vm_base.import_kernel(self)
        self.words = ["podman", "--root", f"{self.folder}/storage", "--runroot", f"{self.folder}/run"]
        self.words += ["--tmpdir", f"{self.folder}/tmp", "--network-config-dir", f"{self.folder}/networks"]
        for archive in (images.busybox(self.layout, self.folder), images.pause(self.layout, self.folder)):
            self.podman("load", "--input", archive)

    def podman(self, *words, **arguments):
        return super().podman(*words, **vm_base.patient(arguments))

    def up(self, name, *options, command):
        """A container that stays, when its machine has booted and its program says so."""
        self.podman("run", "--detach", "--name", name, *options, IMAGE, "sh", "-c", f"{command}; echo up; while :; do sleep 0.2; done")
        boots(f"{name} is up", lambda: "up" in self.podman("logs", name).lines())

    def stop(self):
        self.podman("system", "prune", "--force", "--volumes", code=None)
        self.podman("unmount", "--all")


@step("run: another kernel, its streams, its exit code, the network that podman has made, shared memory as large as asked for")
def run_once(engine):
    script = "uname -r; ip -o -4 address show eth0; ip route; hostname; df -k /dev/shm | tail -n 1; cat; echo err >&2; exit 7"
    options = ["--rm", "-i", "--hostname", "sea", "--shm-size", "12m", "--ip", "10.88.0.77"]
    done = engine.podman("run", *options, IMAGE, "sh", "-c", script, stdin="typed\n", code=7)
    vm_base.another_kernel(done.out)
    has(done.out, "inet 10.88.0.77/16")
    like(done.out, r"^default via 10\.88\.0\.1 dev eth0")
    like(done.out, "^sea$")
    like(done.out, r"^shm\s+12288 ")
    like(done.out, "^typed$")
    equal(done.err, "err\n")


@step("run -it: a terminal and its size; what cannot be run is 127")
def terminal(engine):
    words = [*engine.words, "run", "--rm", "-it", "--network", "none", IMAGE, "sh"]
    done = on_terminal(words, f"tty; {sized(33, 77)}; exit 5\n", code=5, size=(33, 77))
    has(done.out, "/dev/pts/0")
    done = engine.podman("run", "--rm", "--network", "none", IMAGE, "none-such", code=127)
    has(done.err, "executable file not found in $PATH")


@step("a service: published port, exec, volumes both ways, logs, stop, start, kill")
def service(engine):
    host = f"{engine.folder}/shared"
    os.makedirs(host)
    with open(f"{host}/file", "w", encoding="ascii") as file:
        file.write("host's\n")
    options = ["-p", "18080:80", "-m", "256m", "-v", "data:/data", "-v", f"{host}:/shared", "-v", f"{host}/file:/fixed:ro"]
    command = "trap 'echo told; exit 9' TERM; cat /data/kept; echo kept >/data/kept; mkdir -p /www; cp /shared/file /www/index.html; httpd -h /www"
    engine.up("web", *options, command=command)
    equal(boots("the page is there", lambda: run(["curl", "-sf", "-m", "5", "http://127.0.0.1:18080/"]).out), "host's\n")
    done = engine.podman("exec", "-i", "-u", "33:33", "-w", "/tmp", "-e", "A=b", "web", "sh", "-c", "cat; id -u; pwd; echo $A; exit 3", stdin="in\n", code=3)
    equal(done.out, "in\n33\n/tmp\nb\n")
    engine.podman("exec", "web", "none-such", code=127)
    on_terminal([*engine.words, "exec", "-it", "web", "sh"], f"{sized(21, 99)}; exit 4\n", code=4, size=(21, 99))
    script = "echo guest >/shared/made; echo x >/fixed || echo refused; grep MemTotal /proc/meminfo"
    done = engine.podman("exec", "web", "sh", "-c", script)
    has(done.out, "refused")
    if int(like(done.out, r"MemTotal:\s+(\d+)").group(1)) > 262144:
        raise Failed(f"more memory than asked for: {done.out}")
    with open(f"{host}/made", encoding="ascii") as file:
        equal(file.read(), "guest\n")
    # A second machine cannot have the same address.
    done = engine.podman("run", "--rm", "--network", "container:web", IMAGE, "true", code=126)
    has(done.err, "a pod has one machine")
    engine.podman("stop", "--time", "20", "web")
    equal(engine.inspect("web", "{{.State.Status}} {{.State.ExitCode}}"), "exited 9")
    engine.podman("start", "web")
    boots("it is up again, with what it has kept", lambda: engine.podman("logs", "web").lines() == ["up", "told", "kept", "up"])
    engine.podman("kill", "web")
    equal(engine.podman("wait", "web").out, "137\n")


@step("--userns=auto: ids that nobody else has hold what it writes")
def userns(engine):
    engine.podman("run", "--name", "mapped", "--userns=auto:size=1024", "--network", "none", IMAGE, "sh", "-c", "echo x >/made")
    root = engine.podman("mount", "mapped").out.strip()
    owner = os.stat(f"{root}/made").st_uid
    engine.podman("unmount", "mapped")
    if owner < 1024:
        raise Failed(f"the file belongs to {owner} of the host")
    # Such a container's network podman makes when the machine is there already.
    done = engine.podman("run", "--rm", "--userns=auto:size=1024", IMAGE, "true", code=126)
    has(done.err, "interface 'eth0' was made after the machine")


@step("--privileged: every right over the guest and its devices, and nothing of the host's")
def privileged(engine):
    script = "uname -r; grep CapBnd /proc/self/status; mkdir /m; mount -t tmpfs t /m && echo mounted; test -c /dev/kmsg && echo kmsg; test -e /dev/kvm || echo none"
    done = engine.podman("run", "--rm", "--privileged", "--network", "none", IMAGE, "sh", "-c", script)
    vm_base.another_kernel(done.out)
    # All that podman itself may give.
    with open("/proc/self/status", encoding="ascii") as file:
        has(done.out, like(file.read(), r"^CapBnd:.*$").group(0))
    equal(done.lines()[-3:], ["mounted", "kmsg", "none"])


@step("what a machine cannot be is refused in one line, before anything is made")
def refused(engine):
    for words, options in REFUSED.items():
        done = engine.podman("run", "--rm", *options, IMAGE, "true", code=126)
        has(done.err, words)
        equal(len(done.err.strip().splitlines()), 1)


if __name__ == "__main__":
    tell(Podman)
