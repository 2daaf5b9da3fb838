#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""containerd, by its own client ctr."""
import os

from ctr_base import Ctr
from images import IMAGE
from story import Failed, equal, eventually, has, like, on_terminal, run, step, tell


@step("run: output and exit code")
def run_once(engine):
    done = engine.run("once", "sh", "-c", "echo out; echo err >&2; exit 7", code=7)
    equal((done.out, done.err), ("out\n", "err\n"))


@step("run: what cannot be run")
def cannot_run(engine):
    done = engine.run("bad", "none-such", code=1)
    like(done.err, "executable file not found in \\$PATH")
    equal(engine.ctr("tasks", "ls", "--quiet").out, "")


@step("run --tty")
def terminal(engine):
    words = [*engine.words, "run", "--rm", "--tty", *engine.as_runtime, IMAGE, "tty", "sh", "-c", "tty; stty size; exit 4"]
    done = on_terminal(words, code=4, size=(33, 77))
    has(done.out, "/dev/pts/0")


@step("run --detach, exec, processes")
def execute(engine):
    engine.background("bg")
    equal(engine.status("bg"), "RUNNING")
    options = ["--exec-id", "one", "--cwd", "/tmp", "--user", "33:44"]
    done = engine.ctr("tasks", "exec", *options, "bg", "sh", "-c", "pwd; id -u; exit 3", code=3)
    equal(done.out, "/tmp\n33\n")
    engine.ctr("tasks", "exec", "--exec-id", "two", "bg", "none-such", code=1)
    if len(engine.ctr("tasks", "ps", "bg").lines()) != 2:
        raise Failed("not one process")
    words = [*engine.words, "tasks", "exec", "--tty", "--exec-id", "three", "bg", "sh", "-c", "tty; exit 5"]
    has(on_terminal(words, code=5).out, "/dev/pts/0")


@step("pause and resume")
def pause(engine):
    engine.background("bg")
    engine.ctr("tasks", "pause", "bg")
    equal(engine.status("bg"), "PAUSED")
    engine.ctr("tasks", "resume", "bg")
    equal(engine.status("bg"), "RUNNING")
    equal(engine.ctr("tasks", "exec", "--exec-id", "one", "bg", "echo", "thawed").out, "thawed\n")


@step("kill: by number, by name, all")
def kill(engine):
    engine.background("bg", command=("sh", "-c", "trap 'exit 9' USR1; touch /tmp/ready; while :; do sleep 0.1; done"))
    ready = ("tasks", "exec", "--exec-id", "look", "bg", "test", "-e", "/tmp/ready")
    eventually("the trap is set", lambda: engine.ctr(*ready, code=None).code == 0)
    engine.ctr("tasks", "kill", "--signal", "SIGUSR1", "bg")
    eventually("it has ended", lambda: engine.status("bg") == "STOPPED")
    has(engine.ctr("tasks", "delete", "bg").err, "exit code 9")
    engine.background("all")
    engine.ctr("tasks", "kill", "--all", "--signal", "9", "all")
    eventually("it has ended", lambda: engine.status("all") == "STOPPED")


@step("metrics")
def metrics(engine):
    engine.background("bg")
    found = engine.ctr("tasks", "metrics", "bg").out
    like(found, r"memory\.usage_in_bytes\s+\d+|memory.usage\s+\d+")
    like(found, r"pids\.current\s+1")


@step("mounts, read-only root, environment, limits")
def settings(engine):
    shared = f"{engine.folder}/shared"
    os.makedirs(shared)
    with open(f"{shared}/file", "w", encoding="ascii") as file:
        file.write("host's\n")
    options = ["--mount", f"type=bind,src={shared},dst=/shared,options=rbind:ro", "--read-only", "--env", "A=b"]
    options += ["--memory-limit", str(64 << 20), "--cpu-quota", "50000", "--cpu-period", "100000"]
    script = "cat /shared/file; echo $A; touch /x || echo refused; touch /shared/x || echo refused"
    equal(engine.run("set", "sh", "-c", script, options=options).out, "host's\nb\nrefused\nrefused\n")


@step("capabilities, no new privileges, seccomp")
def rights(engine):
    options = ["--seccomp", "--cap-drop", "CAP_CHOWN", "--cap-add", "CAP_NET_ADMIN"]
    done = engine.run("rights", "cat", "/proc/self/status", options=options)
    like(done.out, r"^CapEff:\s+00000000a80435fa$")
    like(done.out, r"^NoNewPrivs:\s+1$")
    like(done.out, r"^Seccomp:\s+2$")


@step("a user namespace")
def user_namespace(engine):
    options = ["--uidmap", "0:300000:1000", "--gidmap", "0:300000:1000", "--snapshotter", "native"]
    engine.ctr("images", "unpack", "--snapshotter", "native", IMAGE, code=None)
    done = engine.run("mapped", "cat", "/proc/self/uid_map", options=options)
    equal(done.out.split(), ["0", "300000", "1000"])


@step("the network of the host")
def host_network(engine):
    done = engine.run("net", "readlink", "/proc/self/ns/net", options=["--net-host"])
    equal(done.out.strip(), os.readlink("/proc/self/ns/net"))


@step("thirty at once")
def many(engine):
    import concurrent.futures

    # By files: on a busy machine ctr may lose the output of a container that ends at once.
    os.makedirs(f"{engine.folder}/many")
    options = ["--mount", f"type=bind,src={engine.folder}/many,dst=/many,options=rbind:rw"]
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda number: engine.run(f"many{number}", "touch", f"/many/{number}", options=options), range(30)))
    equal(len(os.listdir(f"{engine.folder}/many")), 30)


if __name__ == "__main__":
    tell(Ctr)
