#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""dockerd with --add-runtime, by its own client."""
import json
import os

import images
from images import IMAGE
from story import Engine, Failed, Server, equal, eventually, has, like, limits_of, on_terminal, run, sized, step, tell


class Docker(Engine):
    """A dockerd, its containerd and its client, with data, state and socket of their own."""

    VERSION = ["dockerd", "--version"]

    def start(self):
        os.makedirs("/run/clients")
        socket = "unix:///run/clients/docker.sock"
        conf = f"{self.folder}/daemon.json"
        with open(conf, "w", encoding="ascii") as file:
            file.write("{}\n")
        words = ["dockerd", "--config-file", conf, "--host", socket, "--data-root", f"{self.folder}/data"]
        words += ["--exec-root", "/run/clients/docker", "--pidfile", "/run/clients/docker.pid", "--oom-score-adjust", "0"]
        words += ["--add-runtime", f"tested={self.program}", "--default-runtime", "tested", "--bip", "10.99.78.1/24"]
        self.server = Server(words, f"{self.folder}/dockerd.log")
        self.words = ["docker", "--host", socket]
        os.environ["DOCKER_CONFIG"] = self.folder
        os.environ["DOCKER_BUILDKIT"] = "0"  # the builder that is a part of the daemon
        self.server.ready(lambda: self.docker("version", code=None).code == 0)
        self.docker("load", "--input", images.busybox(self.layout, self.folder))

    def docker(self, *words, **arguments):
        """One command."""
        return run([*self.words, *words], **arguments)

    def background(self, name, *options, command=("sleep", "1000")):
        """A container that stays."""
        self.docker("run", "--detach", "--name", name, *options, IMAGE, *command)

    def inspect(self, name, template):
        """One member, by Go's template."""
        return self.docker("inspect", "--format", template, name).out.strip()

    def tidy(self):
        names = self.docker("ps", "--all", "--quiet").out.split()
        if names:
            self.docker("rm", "--force", "--volumes", *names)

    def stop(self):
        self.server.stop()


@step("info names the runtime")
def info(engine):
    found = json.loads(engine.docker("info", "--format", "{{json .}}").out)
    equal((found["DefaultRuntime"], found["Runtimes"]["tested"]["path"]), ("tested", engine.program))
    shipped = json.loads(engine.shipped("docker/daemon.json"))
    equal(shipped, {"runtimes": {"hull-oci": {"path": engine.program}}})


@step("run: output, errors, exit code, input")
def run_once(engine):
    done = engine.docker("run", "--rm", IMAGE, "sh", "-c", "echo out; echo err >&2; exit 7", code=7)
    equal((done.out, done.err), ("out\n", "err\n"))
    equal(engine.docker("run", "--rm", "-i", IMAGE, "cat", stdin="typed").out, "typed")


@step("run: what cannot be run is 127 and 126")
def cannot_run(engine):
    engine.docker("run", "--rm", IMAGE, "none-such", code=127)
    engine.docker("run", "--rm", IMAGE, "/none/such", code=127)
    engine.docker("run", "--rm", IMAGE, "/etc", code=126)


@step("run -it")
def terminal(engine):
    done = on_terminal([*engine.words, "run", "--rm", "-it", IMAGE, "sh"], f"tty; {sized(33, 77)}; exit 5\n", code=5, size=(33, 77))
    has(done.out, "/dev/pts/0")


@step("exec: output, exit code, user, directory, what is not there")
def execute(engine):
    engine.background("bg")
    equal(engine.docker("exec", "bg", "sh", "-c", "echo in; exit 3", code=3).out, "in\n")
    done = engine.docker("exec", "-u", "33:33", "-w", "/tmp", "-e", "A=b", "bg", "sh", "-c", "id -u; id -g; pwd; echo $A")
    equal(done.out, "33\n33\n/tmp\nb\n")
    # This docker says 126 of an exec whatever the reason was.
    has(engine.docker("exec", "bg", "none-such", code=126).out, "executable file not found in $PATH")
    engine.docker("exec", "bg", "/etc", code=126)
    on_terminal([*engine.words, "exec", "-it", "bg", "sh"], f"{sized(21, 99)}; exit 4\n", code=4, size=(21, 99))


@step("stop: by signal, and by force")
def stop(engine):
    engine.background("polite", command=("sh", "-c", "trap 'exit 9' TERM; echo set; while :; do sleep 0.1; done"))
    eventually("the trap is set", lambda: engine.docker("logs", "polite").out == "set\n")
    engine.docker("stop", "polite")
    equal(engine.inspect("polite", "{{.State.ExitCode}} {{.State.Status}}"), "9 exited")
    engine.background("deaf")
    engine.docker("stop", "--time", "0", "deaf")
    equal(engine.inspect("deaf", "{{.State.ExitCode}}"), "137")


@step("kill, wait, start, restart")
def restart(engine):
    engine.background("bg")
    engine.docker("kill", "bg")
    equal(engine.docker("wait", "bg").out, "137\n")
    engine.docker("start", "bg")
    before = engine.inspect("bg", "{{.State.Pid}}")
    engine.docker("restart", "--time", "0", "bg")
    if engine.inspect("bg", "{{.State.Pid}}") in (before, "0"):
        raise Failed("the same process")
    equal(engine.docker("exec", "bg", "echo", "up").out, "up\n")


@step("pause and unpause, top, stats")
def pause(engine):
    engine.background("bg")
    engine.docker("pause", "bg")
    equal(engine.inspect("bg", "{{.State.Status}}"), "paused")
    engine.docker("unpause", "bg")
    has(engine.docker("top", "bg").out, "sleep 1000")
    found = json.loads(engine.docker("stats", "--no-stream", "--format", "{{json .}}", "bg").out)
    like(found["MemUsage"], r"^[1-9][\d.]*[KMi]+B /")
    like(found["PIDs"], r"^[1-9]")


@step("a health check")
def health(engine):
    options = ["--health-cmd", "test -e /tmp/well", "--health-interval", "200ms", "--health-retries", "1"]
    engine.background("bg", *options)
    eventually("unhealthy", lambda: engine.inspect("bg", "{{.State.Health.Status}}") == "unhealthy")
    engine.docker("exec", "bg", "touch", "/tmp/well")
    eventually("healthy", lambda: engine.inspect("bg", "{{.State.Health.Status}}") == "healthy")


@step("limits, and update")
def limits(engine):
    options = ["--memory", "64m", "--pids-limit", "20", "--cpus", "0.5"]
    engine.background("bg", *options)
    look = ("exec", "bg", "sh", "-c")
    equal(engine.docker(*look, limits_of("memory", "pids", "cpu")).out, "67108864\n20\n50000\n")
    engine.docker("update", "--memory", "96m", "--memory-swap", "192m", "--pids-limit", "30", "bg")
    equal(engine.docker(*look, limits_of("memory", "pids")).out, "100663296\n30\n")


@step("a soft limit of open files below the hard one", without_control="runc's exec has the hard one as both, now and then")
def open_files(engine):
    engine.background("bg", "--ulimit", "nofile=99:999")
    equal(engine.docker("exec", "bg", "sh", "-c", "ulimit -n; ulimit -Hn").out, "99\n999\n")


@step("rights: user, capabilities, no-new-privileges, seccomp")
def rights(engine):
    options = ["--user", "33:44", "--cap-drop", "all", "--cap-add", "net_raw", "--security-opt", "no-new-privileges"]
    done = engine.docker("run", "--rm", *options, IMAGE, "cat", "/proc/self/status")
    for pattern in (r"^Uid:\s+33\s", r"^Gid:\s+44\s", r"^CapBnd:\s+0000000000002000$", r"^NoNewPrivs:\s+1$", r"^Seccomp:\s+2$"):
        like(done.out, pattern)


@step("--privileged", without_control="runc gives up where root itself lacks a capability")
def privileged(engine):
    like(engine.docker("run", "--rm", "--privileged", IMAGE, "cat", "/proc/self/status").out, r"^Seccomp:\s+0$")


@step("volumes, bind mounts, tmpfs, read-only root, --init")
def volumes(engine):
    engine.docker("run", "--rm", "-v", "data:/data", IMAGE, "sh", "-c", "echo kept >/data/file")
    equal(engine.docker("run", "--rm", "-v", "data:/data:ro", IMAGE, "cat", "/data/file").out, "kept\n")
    options = ["--read-only", "--tmpfs", "/scratch", "-v", f"{engine.folder}/daemon.json:/conf:ro", "--init"]
    script = "cat /conf; touch /scratch/x && echo scratch; touch /x /conf || echo refused; cat /proc/1/comm"
    equal(engine.docker("run", "--rm", *options, IMAGE, "sh", "-c", script).out, "{}\nscratch\nrefused\ndocker-init\n")


@step("a restart policy, and logs")
def policy(engine):
    engine.docker("run", "-d", "--name", "again", "--restart", "on-failure:2", IMAGE, "sh", "-c", "echo tried; false")
    eventually("two restarts", lambda: engine.inspect("again", "{{.RestartCount}} {{.State.Status}}") == "2 exited")
    equal(engine.docker("logs", "again").out, "tried\n" * 3)


@step("two services on a network of their own, one published")
def services(engine):
    engine.docker("network", "create", "composed")
    try:
        serve = "echo served >/www/index.html; exec httpd -f -h /www"
        engine.background("server", "--network", "composed", "--network-alias", "web", command=("sh", "-c", serve))
        proxy = "while :; do nc -l -p 80 -e sh -c 'read request; wget -q -O - http://web/'; done"
        engine.background("front", "--network", "composed", "-p", "127.0.0.1:18092:80", command=("sh", "-c", proxy))
        ask = ["busybox", "nc", "127.0.0.1", "18092"]
        eventually("the answer comes through both", lambda: run(ask, stdin="ask\n", code=None).out == "served\n")
    finally:
        engine.tidy()
        engine.docker("network", "rm", "composed")


@step("build: RUN, USER, WORKDIR")
def build(engine):
    file = f"FROM {IMAGE}\nRUN mkdir /built && id -u >/built/user\nUSER 33\nWORKDIR /built\nRUN ! touch /built/x\nCMD cat user; id -u\n"
    engine.docker("build", "--tag", "localhost/clients/built:1", "-", stdin=file)
    equal(engine.docker("run", "--rm", "localhost/clients/built:1").out, "0\n33\n")


@step("namespaces of another container, a device, a sysctl, one CPU")
def joined(engine):
    engine.background("first")
    look = ("sh", "-c", "for kind in net ipc pid; do readlink /proc/self/ns/$kind; done")
    engine.background("shareable", "--ipc", "shareable")
    options = ["--network", "container:first", "--ipc", "container:shareable", "--pid", "container:first"]
    done = engine.docker("run", "--rm", *options, IMAGE, *look)
    net, _, pid = engine.docker("exec", "first", *look).lines()
    _, ipc, _ = engine.docker("exec", "shareable", *look).lines()
    equal(done.lines(), [net, ipc, pid])
    options = ["--device", "/dev/null:/dev/other:r", "--sysctl", "net.ipv4.ip_default_ttl=77", "--cpuset-cpus", "0"]
    script = "test -c /dev/other && cat /proc/sys/net/ipv4/ip_default_ttl && grep Cpus_allowed_list /proc/self/status"
    equal(engine.docker("run", "--rm", *options, IMAGE, "sh", "-c", script).out.split(), ["77", "Cpus_allowed_list:", "0"])


@step("ten at once")
def many(engine):
    import concurrent.futures

    with concurrent.futures.ThreadPoolExecutor(5) as pool:
        words = ["run", "--rm", "--network", "none", IMAGE, "echo"]
        outputs = list(pool.map(lambda number: engine.docker(*words, str(number)).out, range(10)))
    equal(outputs, [f"{number}\n" for number in range(10)])


tell(Docker)
