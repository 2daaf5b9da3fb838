#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""podman with conmon."""
import json
import os

from images import IMAGE
from podman_base import RootsPodman
from story import Failed, equal, eventually, has, like, limits_of, on_terminal, run, sized, step, tell


@step("info names the runtime")
def info(engine):
    runtime = json.loads(engine.podman("info", "--format", "json").out)["host"]["ociRuntime"]
    equal((runtime["name"], os.path.realpath(runtime["path"])), (engine.runtime, os.path.realpath(engine.program)))


@step("run: output, errors, exit code")
def run_once(engine):
    done = engine.podman("run", "--rm", "--network", "none", IMAGE, "sh", "-c", "echo out; echo err >&2; exit 7", code=7)
    equal((done.out, done.err), ("out\n", "err\n"))
    done = engine.podman("run", "--rm", "-i", "--network", "none", IMAGE, "cat", stdin="typed")
    equal(done.out, "typed")


@step("run: what cannot be run is 127 and 126")
def cannot_run(engine):
    done = engine.podman("run", "--rm", "--network", "none", IMAGE, "none-such", code=127)
    like(done.err, "executable file .?none-such.? not found in|executable file not found in")
    engine.podman("run", "--rm", "--network", "none", IMAGE, "/none/such", code=127)
    done = engine.podman("run", "--rm", "--network", "none", IMAGE, "/etc", code=126)
    like(done.err.lower(), "permission denied")


@step("run -it: a terminal and its size")
def terminal(engine):
    words = [*engine.words, "run", "--rm", "-it", "--network", "none", IMAGE, "sh"]
    done = on_terminal(words, f"tty; {sized(33, 77)}; exit 5\n", code=5, size=(33, 77))
    has(done.out, "/dev/pts/0")


@step("run with a network: address, host name, resolver")
def network(engine):
    done = engine.podman("run", "--rm", "--hostname", "sea", IMAGE, "sh", "-c", "ip -4 addr show eth0; hostname; cat /etc/hosts")
    like(done.out, r"inet 10\.\d+\.\d+\.\d+")
    like(done.out, "^sea$")


@step("exec: output, exit code, user, directory, environment")
def execute(engine):
    engine.background("bg")
    equal(engine.podman("exec", "bg", "sh", "-c", "echo in; exit 3", code=3).out, "in\n")
    done = engine.podman("exec", "-u", "33:33", "-w", "/tmp", "-e", "A=b", "bg", "sh", "-c", "id -u; id -g; pwd; echo $A")
    equal(done.out, "33\n33\n/tmp\nb\n")
    engine.podman("exec", "bg", "none-such", code=127)
    engine.podman("exec", "bg", "/etc", code=126)
    equal(engine.podman("exec", "-i", "bg", "cat", stdin="piped").out, "piped")


@step("exec -it and exec --detach")
def execute_more(engine):
    engine.background("bg")
    on_terminal([*engine.words, "exec", "-it", "bg", "sh"], f"{sized(21, 99)}; exit 4\n", code=4, size=(21, 99))
    engine.podman("exec", "-d", "bg", "touch", "/tmp/made")
    eventually("the file is made", lambda: engine.podman("exec", "bg", "test", "-e", "/tmp/made", code=None).code == 0)


@step("pause and unpause")
def pause(engine):
    engine.background("bg")
    engine.podman("pause", "bg")
    equal(engine.inspect("bg", "{{.State.Status}}"), "paused")
    engine.podman("exec", "bg", "true", code=255)
    engine.podman("unpause", "bg")
    equal(engine.podman("exec", "bg", "echo", "thawed").out, "thawed\n")


@step("stats and top")
def stats(engine):
    engine.background("bg", command=("sh", "-c", "head -c 3000000 /dev/zero >/tmp/x; sleep 1000"))
    found = json.loads(engine.podman("stats", "--no-stream", "--format", "json", "bg").out)[0]
    like(found["mem_usage"], r"^\d+(\.\d+)?[kM]?B /")
    if int(found["pids"]) < 1:
        raise Failed(f"no processes in {found}")
    has(engine.podman("top", "bg", "args").out, "sleep 1000")


@step("kill, wait, exit code")
def kill(engine):
    engine.background("bg")
    engine.podman("kill", "--signal", "KILL", "bg")
    equal(engine.podman("wait", "bg").out, "137\n")
    engine.background("trap", command=("sh", "-c", "trap 'exit 9' USR1; echo ready; while :; do sleep 0.1; done"))
    eventually("the trap is set", lambda: "ready" in engine.podman("logs", "trap").out)
    engine.podman("kill", "--signal", "USR1", "trap")
    equal(engine.podman("wait", "trap").out, "9\n")


@step("stop, start, restart")
def restart(engine):
    engine.background("bg")
    engine.podman("stop", "--time", "0", "bg")
    equal(engine.inspect("bg", "{{.State.Status}}"), "exited")
    engine.podman("start", "bg")
    before = engine.inspect("bg", "{{.State.Pid}}")
    engine.podman("restart", "--time", "0", "bg")
    after = engine.inspect("bg", "{{.State.Pid}}")
    if before == after or after == "0":
        raise Failed(f"pid {before} before and {after} after")
    equal(engine.podman("exec", "bg", "echo", "up").out, "up\n")


@step("create, start --attach, logs")
def create(engine):
    engine.podman("create", "--name", "made", "--network", "none", IMAGE, "echo", "from start")
    equal(engine.podman("start", "--attach", "made").out, "from start\n")
    equal(engine.podman("logs", "made").out, "from start\n")


@step("a restart policy")
def policy(engine):
    engine.podman("run", "-d", "--name", "again", "--network", "none", "--restart", "on-failure:2", IMAGE, "false")
    eventually("two restarts", lambda: engine.inspect("again", "{{.RestartCount}} {{.State.Status}}") == "2 exited")


@step("volumes, bind mounts, tmpfs, read-only root")
def volumes(engine):
    words = ["run", "--rm", "--network", "none"]
    engine.podman(*words, "-v", "data:/data", IMAGE, "sh", "-c", "echo kept >/data/file")
    equal(engine.podman(*words, "-v", "data:/data:ro", IMAGE, "cat", "/data/file").out, "kept\n")
    host = f"{engine.folder}/shared"
    os.makedirs(host)
    with open(f"{host}/file", "w", encoding="ascii") as file:
        file.write("host's\n")
    options = ["--read-only", "--tmpfs", "/scratch", "-v", f"{host}:/shared:ro"]
    script = "cat /shared/file; touch /scratch/x && echo scratch; touch /x || echo refused; touch /shared/x || echo refused"
    equal(engine.podman(*words, *options, IMAGE, "sh", "-c", script).out, "host's\nscratch\nrefused\nrefused\n")


@step("limits are in force")
def limits(engine):
    options = ["--memory", "64m", "--memory-swap", "64m", "--pids-limit", "20", "--cpus", "0.5"]
    options += ["--ulimit", "nofile=99:999", "--ulimit", "nproc=4096:4096", "--ulimit", "core=0:0"]
    script = f"{limits_of('memory', 'pids', 'cpu')}; ulimit -n; ulimit -c"
    done = engine.podman("run", "--rm", "--network", "none", *options, IMAGE, "sh", "-c", script)
    equal(done.out, "67108864\n20\n50000\n99\n0\n")


@step("update: new limits for a running container")
def update(engine):
    engine.background("bg", "--memory", "64m")
    engine.podman("update", "--memory", "96m", "--memory-swap", "96m", "--cpus", "0.5", "bg")
    equal(engine.podman("exec", "bg", "sh", "-c", limits_of("memory", "cpu")).out, "100663296\n50000\n")


@step("a device, a sysctl, an OOM score, a descriptor that is passed on")
def passed_on(engine):
    options = ["--device", "/dev/null:/dev/other:r", "--sysctl", "net.ipv4.ip_default_ttl=77", "--oom-score-adj", "500"]
    script = "test -c /dev/other && cat /proc/sys/net/ipv4/ip_default_ttl /proc/self/oom_score_adj /proc/self/fd/3"
    with open(f"{engine.folder}/passed", "w+", encoding="ascii") as file:
        file.write("passed on\n")
        file.flush()
        words = [*engine.words, "run", "--rm", "--network", "none", "--preserve-fds", "1", *options, IMAGE, "sh", "-c", script]
        done = run(["sh", "-c", 'exec "$@" 3<passed', "sh", *words])
    equal(done.out, "77\n500\npassed on\n")


@step("hooks of a folder")
def hooks(engine):
    folder, note = f"{engine.folder}/hooks", f"{engine.folder}/hooks/note"
    os.makedirs(folder)
    for stage in ("createRuntime", "poststop"):
        words = ["sh", "-c", f"(echo {stage}; cat; echo) >>{note}"]
        hook = {"version": "1.0.0", "hook": {"path": "/bin/sh", "args": words}, "when": {"always": True}, "stages": [stage]}
        with open(f"{folder}/{stage}.json", "w", encoding="ascii") as file:
            json.dump(hook, file)
    run([*engine.words, "--hooks-dir", folder, "run", "--rm", "--network", "none", IMAGE, "true"])
    with open(note, encoding="ascii") as file:
        told = file.read()
    like(told, r'^createRuntime\n(.*\n)*?.*"(created|creating)"')
    like(told, r'^poststop\n(.*\n)*?.*"stopped"')


@step("cp in and out, diff, commit")
def files(engine):
    engine.background("bg")
    with open(f"{engine.folder}/in", "w", encoding="ascii") as file:
        file.write("copied\n")
    engine.podman("cp", f"{engine.folder}/in", "bg:/tmp/in")
    equal(engine.podman("exec", "bg", "cat", "/tmp/in").out, "copied\n")
    engine.podman("cp", "bg:/etc/passwd", f"{engine.folder}/out")
    has(engine.podman("diff", "bg").out, "A /tmp/in")
    engine.podman("commit", "--quiet", "bg", "localhost/clients/committed:1")
    done = engine.podman("run", "--rm", "--network", "none", "localhost/clients/committed:1", "cat", "/tmp/in")
    equal(done.out, "copied\n")
    engine.podman("rmi", "--force", "localhost/clients/committed:1")


@step("the host's namespaces for processes and IPC, with its /proc and /sys")
def of_the_host(engine):
    look = ("sh", "-c", "for kind in pid ipc net; do readlink /proc/self/ns/$kind; done; test -e /sys/class/net/up0 && echo sees")
    done = engine.podman("run", "--rm", "--pid", "host", "--ipc", "host", "--network", "host", IMAGE, *look)
    equal(done.lines(), [*(os.readlink(f"/proc/self/ns/{kind}") for kind in ("pid", "ipc", "net")), "sees"])


@step("--cgroups=disabled", without_control="podman does not ask this of runc")
def without_cgroups(engine):
    engine.background("bare", "--cgroups", "disabled")
    pid = engine.inspect("bare", "{{.State.Pid}}")
    with open(f"/proc/{pid}/cgroup", encoding="ascii") as there, open("/proc/self/cgroup", encoding="ascii") as here:
        equal(there.read(), here.read())


@step("more than its memory: the end is 137")
def memory(engine):
    options = ["--rm", "--network", "none", "--memory", "16m", "--memory-swap", "16m"]
    engine.podman("run", *options, IMAGE, "sh", "-c", "exec tail -c 60000000 /dev/zero", code=137)


@step("rights: user, capabilities, no-new-privileges, seccomp")
def rights(engine):
    options = ["--user", "33:44", "--cap-drop", "all", "--cap-add", "net_raw", "--security-opt", "no-new-privileges"]
    done = engine.podman("run", "--rm", "--network", "none", *options, IMAGE, "cat", "/proc/self/status")
    like(done.out, r"^Uid:\s+33\s")
    like(done.out, r"^Gid:\s+44\s")
    like(done.out, r"^CapBnd:\s+0000000000002000$")
    like(done.out, r"^NoNewPrivs:\s+1$")
    like(done.out, r"^Seccomp:\s+2$")
    done = engine.podman("run", "--rm", "--network", "none", "--privileged", IMAGE, "cat", "/proc/self/status")
    like(done.out, r"^Seccomp:\s+0$")


@step("--userns=auto: ranges that nobody else has")
def userns(engine):
    engine.background("one", "--userns=auto:size=1024")
    engine.background("two", "--userns=auto:size=1024")
    maps = [engine.podman("exec", name, "cat", "/proc/self/uid_map").out.split() for name in ("one", "two")]
    equal([(m[0], m[2]) for m in maps], [("0", "1024")] * 2)
    if maps[0][1] == maps[1][1] or maps[0][1] == "0":
        raise Failed(f"ranges {maps}")
    equal(engine.podman("exec", "one", "id", "-u").out, "0\n")


@step("namespaces of the host and of another container")
def joined(engine):
    engine.podman("run", "-d", "--name", "first", IMAGE, "sleep", "1000")
    look = ("sh", "-c", "for kind in net ipc pid; do readlink /proc/self/ns/$kind; done")
    options = ["--network", "container:first", "--ipc", "container:first", "--pid", "container:first"]
    equal(engine.podman("run", "--rm", *options, IMAGE, *look).out, engine.podman("exec", "first", *look).out)
    look = ("sh", "-c", "for kind in net uts; do readlink /proc/self/ns/$kind; done")
    done = engine.podman("run", "--rm", "--network", "host", "--uts", "host", IMAGE, *look)
    equal(done.lines(), [os.readlink("/proc/self/ns/net"), os.readlink("/proc/self/ns/uts")])


@step("a health check")
def health(engine):
    engine.background("bg", "--health-cmd", "test -e /tmp/well", "--health-interval", "disable", "--health-retries", "1")
    engine.podman("healthcheck", "run", "bg", code=1)
    equal(engine.inspect("bg", "{{.State.Health.Status}}"), "unhealthy")
    engine.podman("exec", "bg", "touch", "/tmp/well")
    engine.podman("healthcheck", "run", "bg")
    equal(engine.inspect("bg", "{{.State.Health.Status}}"), "healthy")


@step("published ports answer")
def ports(engine):
    script = "echo served >/www/index.html; exec httpd -f -h /www -p 80"
    engine.podman("run", "-d", "--name", "web", "-p", "127.0.0.1:18091:80", IMAGE, "sh", "-c", script)
    fetch = ["busybox", "wget", "-q", "-O", "-", "http://127.0.0.1:18091/"]
    eventually("the port answers", lambda: run(fetch).out == "served\n")


@step("a pod of two containers")
def pod(engine):
    engine.podman("pod", "create", "--name", "pod", "--hostname", "pod")
    serve = "echo pod >/www/index.html; exec httpd -f -h /www"
    engine.podman("run", "-d", "--pod", "pod", "--stop-timeout", "0", IMAGE, "sh", "-c", serve)
    client = ["run", "--rm", "--pod", "pod", IMAGE]
    fetch = ("wget", "-q", "-O", "-", "http://127.0.0.1/")
    eventually("the pod's port answers", lambda: engine.podman(*client, *fetch, code=None).out == "pod\n")
    equal(engine.podman(*client, "hostname").out, "pod\n")
    engine.podman("pod", "pause", "pod")
    engine.podman("pod", "unpause", "pod")
    has(engine.podman("pod", "ps").out, "Running")
    engine.podman("pod", "restart", "pod")
    engine.podman("pod", "stop", "--time", "0", "pod")
    engine.podman("pod", "rm", "pod")


POD = """
apiVersion: v1
kind: Pod
metadata: {{name: kube}}
spec:
  containers:
  - name: server
    image: {image}
    command: [sh, -c, "echo kube >/www/index.html; exec httpd -f -h /www"]
    resources: {{limits: {{memory: 64Mi}}}}
    volumeMounts: [{{name: shared, mountPath: /shared}}]
  - name: client
    image: {image}
    command: [sleep, "1000"]
    securityContext: {{runAsUser: 33, readOnlyRootFilesystem: true}}
    volumeMounts: [{{name: shared, mountPath: /shared}}]
  volumes:
  - name: shared
    hostPath: {{path: {folder}, type: Directory}}
"""


@step("play kube, and down")
def kube(engine):
    path = f"{engine.folder}/pod.yaml"
    with open(path, "w", encoding="ascii") as file:
        file.write(POD.format(image=IMAGE, folder=engine.folder))
    engine.podman("play", "kube", path)
    equal(engine.podman("exec", "kube-client", "id", "-u").out, "33\n")
    fetch = ("exec", "kube-client", "wget", "-q", "-O", "-", "http://127.0.0.1/")
    eventually("the other container answers", lambda: engine.podman(*fetch, code=None).out == "kube\n")
    engine.podman("exec", "kube-client", "touch", "/x", code=1)
    equal(engine.podman("exec", "kube-server", "sh", "-c", limits_of("memory")).out, f"{64 << 20}\n")
    engine.podman("play", "kube", "--down", path)
    equal(engine.podman("ps", "--all", "--quiet").out, "")


@step("thirty at once")
def many(engine):
    import concurrent.futures

    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        words = ["run", "--rm", "--network", "none", IMAGE, "echo"]
        outputs = list(pool.map(lambda number: engine.podman(*words, str(number)).out, range(30)))
    equal(outputs, [f"{number}\n" for number in range(30)])


tell(RootsPodman)
