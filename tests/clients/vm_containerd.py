#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
containerd, and a machine for each container: by ctr, and by its CRI plug-in as a kubelet drives it, where the pod's sandbox is a container that keeps
the network, and the pod's program a machine with the pod's address.
"""
import cri
import vm_base
from images import IMAGE
from story import STEPS, equal, has, like, on_terminal, run, sized, step, tell
from vm_base import boots

# The steps of the CRI story are its own.
STEPS.clear()
# As a kubelet asks for it unless told otherwise: each container has processes of its own.
OWN_PROCESSES = {"namespace_options": {"pid": "CONTAINER"}}


class Containerd(cri.Cri):
    """A containerd of its own, with both clients."""

    def start(self):
        vm_base.import_kernel(self)
        super().start()
        self.words = ["ctr", "--address", self.socket, "--namespace", "k8s.io"]
        self.as_runtime = ["--runtime", "io.containerd.runc.v2", "--runc-binary", self.program]

    def ctr(self, *words, **arguments):
        """One command."""
        return run([*self.words, *words], **vm_base.patient(arguments))

    def tidy(self):
        super().tidy()
        for name in self.ctr("tasks", "ls", "--quiet").out.split():
            self.ctr("tasks", "delete", "--force", name, code=None)
        for name in self.ctr("containers", "ls", "--quiet").out.split():
            self.ctr("containers", "delete", name)


@step("ctr run: another kernel, output, exit code, a folder of the host's, a root that is shared")
def run_once(engine):
    options = ["--rm", *engine.as_runtime, "--mount", f"type=bind,src={engine.folder},dst=/shared,options=rbind:rw"]
    done = engine.ctr("run", *options, IMAGE, "once", "sh", "-c", "uname -r; echo x >/made; echo guest >/shared/made; echo err >&2; exit 7", code=7)
    vm_base.another_kernel(done.out)
    equal(done.err, "err\n")
    with open(f"{engine.folder}/made", encoding="ascii") as file:
        equal(file.read(), "guest\n")


@step("ctr: a terminal, exec, pause, kill")
def tasks(engine):
    engine.ctr("run", "--detach", *engine.as_runtime, IMAGE, "bg", "sh", "-c", "trap 'exit 9' USR1; while :; do sleep 0.2; done")
    execute = ["tasks", "exec", "--exec-id"]
    boots("exec works", lambda: engine.ctr(*execute, "first", "bg", "true", code=None).code == 0)
    equal(engine.ctr(*execute, "one", "bg", "sh", "-c", "echo in; exit 3", code=3).out, "in\n")
    on_terminal([*engine.words, *execute, "two", "--tty", "bg", "sh"], f"!{sized(21, 99)}; exit 4\n", code=4, size=(21, 99))
    engine.ctr("tasks", "pause", "bg")
    has(engine.ctr("tasks", "ls").out, "PAUSED")
    engine.ctr("tasks", "resume", "bg")
    engine.ctr("tasks", "kill", "--signal", "USR1", "bg")
    boots("it has ended", lambda: "STOPPED" in engine.ctr("tasks", "ls").out)
    has(engine.ctr("tasks", "delete", "bg", code=None).err, "exit code 9")


@step("CRI: a pod's container is a machine with the pod's address; streams, exec, limits, log, exit code")
def pod(engine):
    pod = engine.pod(security_context=OWN_PROCESSES)
    address = engine.ask("PodSandboxStatus", "PodSandboxId", "PodSandboxStatusResponse", pod_sandbox_id=pod[0]).status.network.ip
    script = "uname -r; ip -o -4 address show eth0; cat /etc/hostname; echo up; trap 'exit 9' TERM; while :; do sleep 0.2; done"
    one = engine.start_one(pod, "one", "sh", "-c", script, linux={"security_context": OWN_PROCESSES, "resources": {"memory_limit_in_bytes": 256 << 20}})
    boots("it is up", lambda: "up" in engine.log("one"))
    words = "\n".join(engine.log("one"))
    vm_base.another_kernel(words)
    has(words, f"inet {address}/24")
    like(words, "^sea$")
    like(engine.execute(one, "cat", "/proc/meminfo"), r"MemTotal:\s+2\d{5} kB")
    engine.execute(one, "sh", "-c", "exit 3", code=3)
    engine.ask("StopContainer", "StopContainerRequest", container_id=one, timeout=20)
    equal(engine.wait(one).exit_code, 9)
    # The next one takes the place of the one that has ended.
    two = engine.start_one(pod, "two", "sh", "-c", "ip -o -4 address show eth0; echo up", linux={"security_context": OWN_PROCESSES})
    boots("its log is there", lambda: "up" in engine.log("two"))
    has("\n".join(engine.log("two")), f"inet {address}/24")
    equal(engine.wait(two).exit_code, 0)


if __name__ == "__main__":
    tell(Containerd)
