#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the shim of containerd 2.x asks of a runtime under Kubernetes, word by word; and what nerdctl adds."""
import array
import json
import os
import socket
import subprocess
import threading

import images
from story import Engine, Failed, containers_left, equal, eventually, has, like, run, step, tell

OLD = "runc 1.1 is older than this part of the specification"
CAPABILITIES = ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_KILL", "CAP_NET_BIND_SERVICE", "CAP_SETGID", "CAP_SETUID"]
MOUNTS = [
    {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
    {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
     "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]},
    {"destination": "/dev/shm", "type": "tmpfs", "source": "shm",
     "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]},
    {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
]
MASKED = ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"]
READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
MAP = [{"containerID": 0, "hostID": 400000, "size": 65536}]


class Shim(Engine):
    """The shim: bundles, and calls with its options."""

    VERSION = ["echo", "containerd 2.x, as far as its calls go"]

    def start(self):
        self.root, self.holders = "/run/clients/runc", []
        os.makedirs("/run/clients")
        self.rootfs = f"{self.folder}/rootfs"
        images.unpack(self.layout, self.rootfs)
        # Who owns a mapped root; chown would lose the bits of setuid programs, of which there are none.
        run(["cp", "-a", self.rootfs, f"{self.folder}/mapped"])
        run(["chown", "-R", "400000:400000", f"{self.folder}/mapped"])

    def call(self, *words, **arguments):
        """One call. The log is where the shim reads what went wrong."""
        log = f"{self.folder}/log.json"
        head = [self.program, "--root", self.root, "--log", log, "--log-format", "json"]
        return run([*head, *words], **arguments)

    def quietly(self, *words, **arguments):
        """One whose container stays: it holds the shim's pipes, so there are none."""
        head = [self.program, "--root", self.root, "--log", f"{self.folder}/log.json", "--log-format", "json"]
        with open(f"{self.folder}/output", "wb") as output:
            code = subprocess.run(
                [*head, *words], stdin=subprocess.DEVNULL, stdout=output, stderr=output, timeout=60, check=False, **arguments
            ).returncode
        if code != 0:
            with open(f"{self.folder}/output", encoding="utf-8") as output:
                raise Failed(f"'{' '.join(words)}': exit code {code}: {output.read()}")

    def bundle(self, name, *command, namespaces=(), linux=None, mounts=(), root="rootfs", version="1.2.0", **members):
        """Writes a bundle; its path."""
        path = f"{self.folder}/bundles/{name}"
        os.makedirs(path, exist_ok=True)
        kinds = {"pid": {}, "ipc": {}, "uts": {}, "mount": {}, "network": {}, "cgroup": {}, **dict(namespaces)}
        config = {
            "ociVersion": version,
            "process": {
                "user": {"uid": 0, "gid": 0, "additionalGids": [0, 10]}, "args": list(command), "cwd": "/",
                "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
                "capabilities": {kind: CAPABILITIES for kind in ("bounding", "effective", "permitted")},
                "noNewPrivileges": True, "oomScoreAdj": 900,
            },
            "root": {"path": f"{self.folder}/{root}", "readonly": True},
            "mounts": [*MOUNTS, *mounts],
            "linux": {
                "resources": {"devices": [{"allow": False, "access": "rwm"}], "cpu": {"shares": 256}},
                "cgroupsPath": f"/clients/{name}",
                "namespaces": [{"type": kind, **more} for kind, more in kinds.items()],
                "maskedPaths": MASKED, "readonlyPaths": READ_ONLY, **(linux or {}),
            },
            **members,
        }
        with open(f"{path}/config.json", "w", encoding="ascii") as file:
            json.dump(config, file)
        return path

    def up(self, name, *command, **config):
        """create and start; the pid."""
        path = self.bundle(name, *command, **config)
        self.quietly("create", "--bundle", path, "--pid-file", f"{path}/init.pid", name)
        self.call("start", name)
        with open(f"{path}/init.pid", encoding="ascii") as file:
            return int(file.read())

    def state(self, name):
        """The state's JSON."""
        return json.loads(self.call("state", name).out)

    def down(self, name):
        """What follows the end of a container that is wanted no more."""
        self.call("kill", name, "9", code=None)
        eventually("it is stopped", lambda: self.state(name)["status"] == "stopped")
        self.call("kill", "--all", name, "9")
        self.call("kill", "--all", name, "9")
        self.call("delete", name)
        self.call("delete", "--force", name)

    def output(self):
        """What containers and the runtime have said."""
        with open(f"{self.folder}/output", encoding="utf-8") as file:
            return file.read()

    def hold(self, *options):
        """A process that holds namespaces; its pid."""
        holder = subprocess.Popen(["unshare", *options, "sleep", "1000"])
        self.holders.append(holder)
        own = os.readlink("/proc/self/ns/net")
        eventually("the namespaces are there", lambda: os.readlink(f"/proc/{holder.pid}/ns/net") != own)
        return holder.pid

    def tidy(self):
        for name in run([self.program, "--root", self.root, "list", "--quiet"]).out.split():
            self.call("delete", "--force", name)
        for holder in self.holders:
            holder.kill()
            holder.wait()
        self.holders = []
        run(["rm", "-f", f"{self.folder}/log.json"])

    def leftovers(self):
        return containers_left(self.program) + [f"state {name}" for name in os.listdir(self.root) if not name.startswith(".")]


@step("features tell what may be asked", without_control=OLD)
def features(engine):
    found = json.loads(engine.call("features").out)
    has(json.dumps(found["mountOptions"]), '"rro"')
    equal(found["linux"]["mountExtensions"]["idmap"]["enabled"], True)
    if [int(part) for part in found["ociVersionMax"].split("-")[0].split(".")] < [1, 3, 0]:
        raise Failed(f"ociVersionMax {found['ociVersionMax']}")


@step("a sandbox, a workload that joins it, exec, ps, the way down")
def pod(engine):
    net = engine.hold("--net")
    place = ("network", {"path": f"/proc/{net}/ns/net"})
    linux = {"sysctl": {"net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.ping_group_range": "0 2147483647"}}
    sandbox = engine.up("sandbox", "sleep", "1000", namespaces=[place], linux=linux, hostname="sea")
    joined = [place, *((kind, {"path": f"/proc/{sandbox}/ns/{kind}"}) for kind in ("ipc", "uts", "pid"))]
    engine.up("work", "sleep", "2000", namespaces=joined)
    process = {
        "args": ["sh", "-c", "hostname; cat /proc/sys/net/ipv4/ip_unprivileged_port_start; exit 3"], "cwd": "/",
        "user": {"uid": 0, "gid": 0}, "env": ["PATH=/bin:/usr/bin"], "noNewPrivileges": True,
        "capabilities": {kind: CAPABILITIES for kind in ("bounding", "effective", "permitted")},
    }
    with open(f"{engine.folder}/process.json", "w", encoding="ascii") as file:
        json.dump(process, file)
    done = engine.call("exec", "--process", f"{engine.folder}/process.json", "work", code=3)
    equal(done.out, "sea\n0\n")
    words = ["--process", f"{engine.folder}/process.json", "--detach", "--pid-file", f"{engine.folder}/exec.pid"]
    engine.quietly("exec", *words, "work")
    eventually("it has printed", lambda: engine.output() == "sea\n0\n")
    equal(json.loads(engine.call("ps", "--format", "json", "sandbox").out), [sandbox])
    for name in ("work", "sandbox"):
        engine.down(name)


@step("version 1.3.0 of the specification")
def version(engine):
    engine.up("new", "sleep", "1000", version="1.3.0")
    equal(engine.state("new")["status"], "running")
    engine.down("new")


@step("pause, resume, figures")
def pause(engine):
    engine.up("bg", "sleep", "1000")
    engine.call("pause", "bg")
    equal(engine.state("bg")["status"], "paused")
    engine.call("resume", "bg")
    equal(engine.state("bg")["status"], "running")
    figures = json.loads(engine.call("events", "--stats", "bg").out)
    equal((figures["type"], figures["id"], figures["data"]["pids"]["current"]), ("stats", "bg", 1))
    if figures["data"]["memory"]["usage"]["usage"] <= 0:
        raise Failed("no memory in use")
    engine.down("bg")


@step("update --resources=-")
def update(engine):
    engine.up("bg", "sleep", "1000")
    engine.call("update", "--resources=-", "bg", stdin=json.dumps({"memory": {"limit": 64 << 20}, "cpu": {"shares": 512}}))
    figures = json.loads(engine.call("events", "--stats", "bg").out)
    equal(figures["data"]["memory"]["usage"]["limit"], 64 << 20)
    engine.down("bg")


@step("what goes wrong is a line of JSON in the log")
def failure(engine):
    path = engine.bundle("bad", "none-such")
    engine.call("create", "--bundle", path, "--pid-file", f"{path}/init.pid", "bad", code=None)
    with open(f"{engine.folder}/log.json", encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    last = [line for line in lines if line["level"] == "error"][-1]
    like(last["msg"], r'exec: "none-such": executable file not found in \$PATH')
    like(last["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
    equal(engine.call("list", "--quiet").out, "")


@step("a terminal by way of a socket")
def terminal(engine):
    path = engine.bundle("tty", "sh", "-c", "tty; stty size; exit 0")
    with open(f"{path}/config.json", encoding="ascii") as file:
        config = json.load(file)
    config["process"].update(terminal=True, consoleSize={"height": 33, "width": 77})
    with open(f"{path}/config.json", "w", encoding="ascii") as file:
        json.dump(config, file)
    masters, place = [], "/run/clients/console.sock"

    def receive(server):
        connection, _ = server.accept()
        _, ancillary, _, _ = connection.recvmsg(4096, socket.CMSG_SPACE(4))
        masters.append(array.array("i", ancillary[0][2])[0])

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(place)
        server.listen()
        server.settimeout(20)
        thread = threading.Thread(target=receive, args=(server,))
        thread.start()
        try:
            engine.quietly("create", "--bundle", path, "--pid-file", f"{path}/init.pid", "--console-socket", place, "tty")
        finally:
            thread.join()
            os.unlink(place)
    engine.call("start", "tty")
    output = b""
    while b"33 77" not in output:
        try:
            output += os.read(masters[0], 4096)
        except OSError:
            raise Failed(f"the terminal said {output!r}") from None
    os.close(masters[0])
    has(output.decode(), "/dev/pts/0")
    eventually("it is stopped", lambda: engine.state("tty")["status"] == "stopped")
    engine.call("delete", "tty")


@step("a user namespace that is there already, and its mappings", without_control=OLD)
def user_namespace(engine):
    holder = engine.hold("--user", "--net")
    for kind in ("uid", "gid"):
        with open(f"/proc/{holder}/{kind}_map", "w", encoding="ascii") as file:
            file.write("0 400000 65536\n")
    places = [("user", {"path": f"/proc/{holder}/ns/user"}), ("network", {"path": f"/proc/{holder}/ns/net"})]
    os.makedirs(f"{engine.folder}/volume", exist_ok=True)
    with open(f"{engine.folder}/volume/file", "w", encoding="ascii") as file:
        file.write("host's\n")
    volume = {"destination": "/mnt", "type": "bind", "source": f"{engine.folder}/volume", "options": ["rbind", "ro"],
              "uidMappings": MAP, "gidMappings": MAP}
    words = ("sh", "-c", "cat /proc/self/uid_map /mnt/file; stat -c %u:%g /mnt/file; sleep 1000")
    linux = {"uidMappings": MAP, "gidMappings": MAP}
    engine.up("mapped", *words, namespaces=places, linux=linux, mounts=[volume], root="mapped", version="1.3.0")
    eventually("it has looked", lambda: engine.output().split() == ["0", "400000", "65536", "host's", "0:0"])
    engine.down("mapped")


@step("a mount that is read-only all the way down", without_control=OLD)
def read_only(engine):
    path = f"{engine.folder}/deep"
    os.makedirs(f"{path}/below")
    run(["mount", "-t", "tmpfs", "clients", f"{path}/below"])
    try:
        mount = {"destination": "/mnt", "type": "bind", "source": path, "options": ["rbind", "rprivate", "rro"]}
        engine.up("deep", "sh", "-c", "touch /mnt/x || echo refused; touch /mnt/below/x || echo refused; sleep 1000", mounts=[mount])
        eventually("it has tried", lambda: engine.output().count("refused") == 2)
        engine.down("deep")
    finally:
        run(["umount", f"{path}/below"])


@step("hooks, as nerdctl's network is one")
def hooks(engine):
    notes = f"{engine.folder}/hooks"
    hook = {"path": "/bin/sh", "args": ["sh", "-c", f"cat >>{notes}; echo >>{notes}"], "env": ["PATH=/usr/bin:/bin"]}
    engine.up("hooked", "sleep", "1000", hooks={"createRuntime": [hook], "poststop": [hook]})
    engine.down("hooked")
    with open(notes, encoding="utf-8") as file:
        first, last = [json.loads(line) for line in file if line.strip()]
    equal([first[member] for member in ("id", "bundle")], ["hooked", f"{engine.folder}/bundles/hooked"])
    if first["pid"] <= 0 or first["status"] not in ("creating", "created"):
        raise Failed(f"createRuntime is told {first}")
    equal((last["id"], last["status"]), ("hooked", "stopped"))


tell(Shim)
