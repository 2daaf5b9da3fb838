#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
containerd's CRI plug-in, asked over its socket as a kubelet asks it. The runtime class "hull" is the one that hull brings along; for the control
its program is runc.
"""
import itertools
import os
import sys

import containerd
import images
from images import IMAGE
from story import Failed, equal, eventually, has, like, limits_of, run, step, tell

SETTINGS = """
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  restrict_oom_score_adj = true
  stream_server_address = "127.0.0.1"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{folder}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    default_runtime_name = "hull"
{shipped}
"""
NETWORK = """
{"cniVersion": "0.4.0", "name": "clients", "plugins": [
  {"type": "bridge", "bridge": "clients0", "isGateway": true,
   "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.99.77.0/24"}]], "dataDir": "/run/clients/cni",
            "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "loopback"}]}
"""
READY, RUNNING, EXITED = 0, 1, 2
CALL_SECONDS = 60


class Cri(containerd.Containerd):
    """A kubelet's side of the socket."""

    def start(self):
        os.makedirs(f"{self.folder}/cni")
        with open(f"{self.folder}/cni/10-clients.conflist", "w", encoding="ascii") as file:
            file.write(NETWORK)
        self.serve(SETTINGS.format(pause=images.PAUSE, folder=self.folder, shipped=self.shipped("containerd/hull-1.toml")), unwanted=())
        for archive in (images.busybox(self.layout, self.folder), images.pause(self.layout, self.folder)):
            run(["ctr", "--address", self.socket, "--namespace", "k8s.io", "images", "import", archive])
        self.connect()
        self.numbers = itertools.count(1)
        eventually("the images are known", lambda: len(self.images("ListImages", "Empty", "ListImagesResponse").images) >= 2)

    def connect(self):
        """Messages from the description beside this file, and a channel to the socket."""
        run(["protoc", "-I", os.path.dirname(os.path.abspath(__file__)), f"--python_out={self.folder}", "cri.proto"])
        sys.path.insert(0, self.folder)
        import cri_pb2
        import grpc

        self.messages, self.failure = cri_pb2, grpc.RpcError
        self.channel = grpc.insecure_channel(f"unix://{self.socket}")

    def call(self, service, method, request, answer="Empty", **fields):
        """One call: the answer, or Failed with what the server said."""
        stub = self.channel.unary_unary(
            f"/runtime.v1.{service}/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=getattr(self.messages, answer).FromString,
        )
        try:
            return stub(getattr(self.messages, request)(**fields), timeout=CALL_SECONDS)
        except self.failure as error:
            raise Failed(f"{method}: {error.details()}") from None

    def ask(self, *words, **fields):
        """A call of the runtime's service."""
        return self.call("RuntimeService", *words, **fields)

    def images(self, *words, **fields):
        """A call of the images' service."""
        return self.call("ImageService", *words, **fields)

    def pod(self, **linux):
        """A pod that runs: (id, its config)."""
        number = next(self.numbers)
        config = {
            "metadata": {"name": f"pod{number}", "uid": f"uid{number}", "namespace": "clients"},
            "log_directory": f"{self.folder}/logs",
            "linux": {"cgroup_parent": "/clients", **linux},
        }
        if linux.get("security_context", {}).get("namespace_options", {}).get("network") != "NODE":
            config["hostname"] = "sea"
        pod = self.ask("RunPodSandbox", "RunPodSandboxRequest", "PodSandboxId", config=config, runtime_handler="hull")
        return pod.pod_sandbox_id, config

    def create(self, pod, name, *command, linux=None, **config):
        """A container of the pod, not yet started: its id."""
        identity, pod_config = pod
        config = {
            "metadata": {"name": name}, "image": {"image": IMAGE}, "command": command, "log_path": f"{name}.log",
            "linux": linux or {}, **config,
        }
        made = self.ask(
            "CreateContainer", "CreateContainerRequest", "ContainerId",
            pod_sandbox_id=identity, config=config, sandbox_config=pod_config,
        )
        return made.container_id

    def start_one(self, pod, name, *command, **config):
        """A container that runs: its id."""
        container = self.create(pod, name, *command, **config)
        self.ask("StartContainer", "ContainerId", container_id=container)
        return container

    def status(self, container):
        """What is known of it."""
        return self.ask("ContainerStatus", "ContainerId", "ContainerStatusResponse", container_id=container).status

    def wait(self, container):
        """Its status, when it has ended."""
        eventually("the container ends", lambda: self.status(container).state == EXITED)
        return self.status(container)

    def execute(self, container, *command, code=0):
        """ExecSync: what it printed."""
        done = self.ask("ExecSync", "ExecSyncRequest", "ExecSyncResponse", container_id=container, cmd=command, timeout=20)
        if done.exit_code != code:
            raise Failed(f"{command}: exit code {done.exit_code}, wanted {code}: {done.stderr.decode()}")
        return done.stdout.decode()

    def log(self, name):
        """The words of a container's log, without time and stream."""
        with open(f"{self.folder}/logs/{name}.log", encoding="utf-8") as file:
            return [line.rstrip("\n").split(" ", 3)[3] for line in file]

    def tidy(self):
        for pod in self.ask("ListPodSandbox", "Empty", "ListPodSandboxResponse").items:
            self.ask("StopPodSandbox", "PodSandboxId", pod_sandbox_id=pod.id)
            self.ask("RemovePodSandbox", "PodSandboxId", pod_sandbox_id=pod.id)
        run(["rm", "-rf", f"{self.folder}/logs"])

    def stop(self):
        self.channel.close()
        super().stop()


@step("Status: runtime and network are ready")
def ready(engine):
    conditions = engine.ask("Status", "Empty", "StatusResponse").status.conditions
    equal({condition.type: condition.status for condition in conditions}, {"RuntimeReady": True, "NetworkReady": True})


@step("a pod: sandbox, address, stop, remove")
def pod_alone(engine):
    identity, _ = engine.pod()
    status = engine.ask("PodSandboxStatus", "PodSandboxId", "PodSandboxStatusResponse", pod_sandbox_id=identity).status
    equal(status.state, READY)
    like(status.network.ip, r"^10\.99\.77\.")
    engine.ask("StopPodSandbox", "PodSandboxId", pod_sandbox_id=identity)
    engine.ask("RemovePodSandbox", "PodSandboxId", pod_sandbox_id=identity)
    engine.ask("RemovePodSandbox", "PodSandboxId", pod_sandbox_id=identity)


@step("a container: log, exit code, remove")
def once(engine):
    pod = engine.pod()
    container = engine.start_one(pod, "once", "sh", "-c", "echo $A; hostname; exit 7", envs=[{"key": "A", "value": "b"}])
    equal(engine.wait(container).exit_code, 7)
    eventually("all that it said is written down", lambda: engine.log("once") == ["b", "sea"])
    engine.ask("RemoveContainer", "ContainerId", container_id=container)


@step("ExecSync: output, exit code, what is not there")
def execute(engine):
    container = engine.start_one(engine.pod(), "bg", "sleep", "1000")
    equal(engine.execute(container, "sh", "-c", "echo in; exit 3", code=3), "in\n")
    try:
        engine.execute(container, "none-such")
    except Failed as error:
        has(str(error), "executable file not found in $PATH")
    else:
        raise Failed("a program that is not there has run")


@step("ContainerStats")
def stats(engine):
    container = engine.start_one(engine.pod(), "bg", "sh", "-c", "head -c 5000000 /dev/zero >/dev/null; sleep 1000")

    def figures():
        found = engine.ask("ContainerStats", "ContainerId", "ContainerStatsResponse", container_id=container).stats
        return found.cpu.usage_core_nano_seconds.value > 0 and found.memory.working_set_bytes.value > 0

    eventually("figures", figures)


@step("StopContainer: by signal, and by force")
def stop(engine):
    pod = engine.pod()
    polite = engine.start_one(pod, "polite", "sh", "-c", "trap 'exit 9' TERM; echo set; while :; do sleep 0.1; done")
    eventually("the trap is set", lambda: engine.log("polite") == ["set"])
    engine.ask("StopContainer", "StopContainerRequest", container_id=polite, timeout=10)
    equal(engine.status(polite).exit_code, 9)
    deaf = engine.start_one(pod, "deaf", "sleep", "1000")
    engine.ask("StopContainer", "StopContainerRequest", container_id=deaf, timeout=0)
    equal(engine.status(deaf).exit_code, 137)


@step("two containers of a pod share network and host name")
def shared(engine):
    pod = engine.pod(security_context={"namespace_options": {"pid": "CONTAINER"}})
    engine.start_one(pod, "server", "sh", "-c", "echo pod >/www/index.html; exec httpd -f -h /www")
    client = engine.start_one(pod, "client", "sleep", "1000")
    eventually("the other answers", lambda: engine.execute(client, "wget", "-q", "-O", "-", "http://127.0.0.1/") == "pod\n")
    equal(engine.execute(client, "hostname"), "sea\n")
    equal(engine.execute(client, "cat", "/proc/1/comm"), "sleep\n")


@step("a pod with one process namespace")
def processes(engine):
    pod = engine.pod(security_context={"namespace_options": {"pid": "POD"}})
    container = engine.start_one(pod, "bg", "sleep", "1000", linux={"security_context": {"namespace_options": {"pid": "POD"}}})
    equal(engine.execute(container, "cat", "/proc/1/cmdline").replace("\0", " "), "/bin/sleep 1000000 ")


@step("a pod in the host's network, with sysctls of its own otherwise")
def host_network(engine):
    options = {"namespace_options": {"network": "NODE"}}
    pod = engine.pod(security_context=options)
    container = engine.start_one(pod, "host", "sleep", "1000", linux={"security_context": options})
    equal(engine.execute(container, "readlink", "/proc/self/ns/net").strip(), os.readlink("/proc/self/ns/net"))
    pod = engine.pod(sysctls={"net.ipv4.ip_local_port_range": "1025 1099"})
    container = engine.start_one(pod, "sysctl", "sleep", "1000")
    equal(engine.execute(container, "cat", "/proc/sys/net/ipv4/ip_local_port_range").split(), ["1025", "1099"])


@step("user, groups, capabilities, seccomp, read-only root, mounts")
def rights(engine):
    os.makedirs(f"{engine.folder}/shared", exist_ok=True)
    with open(f"{engine.folder}/shared/file", "w", encoding="ascii") as file:
        file.write("host's\n")
    context = {
        "run_as_user": {"value": 33}, "supplemental_groups": [55], "no_new_privs": True, "readonly_rootfs": True,
        "capabilities": {"drop_capabilities": ["ALL"], "add_capabilities": ["NET_RAW"]}, "seccomp": {"profile_type": 0},
    }
    mounts = [{"container_path": "/shared", "host_path": f"{engine.folder}/shared", "readonly": True}]
    words = ("sh", "-c", "cat /proc/self/status /shared/file; touch /x /shared/x || echo refused; sleep 1000")
    container = engine.start_one(engine.pod(), "rights", *words, linux={"security_context": context}, mounts=mounts)
    eventually("it has looked", lambda: "refused" in engine.log("rights"))
    found = "\n".join(engine.log("rights"))
    wanted = (r"^Uid:\s+33\s", r"^Groups:.*\b55\b", r"^CapBnd:\s+0000000000002000$", r"^NoNewPrivs:\s+1$", r"^Seccomp:\s+2$", "^host's$")
    for pattern in wanted:
        like(found, pattern)
    equal(engine.execute(container, "id", "-u"), "33\n")


@step("limits, and UpdateContainerResources")
def limits(engine):
    resources = {"memory_limit_in_bytes": 64 << 20, "cpu_period": 100000, "cpu_quota": 50000}
    container = engine.start_one(engine.pod(), "bg", "sleep", "1000", linux={"resources": resources})
    equal(engine.execute(container, "sh", "-c", limits_of("memory", "cpu")), f"{64 << 20}\n50000\n")
    more = {"memory_limit_in_bytes": 96 << 20}
    engine.ask("UpdateContainerResources", "UpdateContainerResourcesRequest", container_id=container, linux=more)
    equal(engine.execute(container, "sh", "-c", limits_of("memory")), f"{96 << 20}\n")


@step("what cannot be started is an error of StartContainer")
def cannot_start(engine):
    container = engine.create(engine.pod(), "bad", "none-such")
    try:
        engine.ask("StartContainer", "ContainerId", container_id=container)
    except Failed as error:
        has(str(error), "executable file not found in $PATH")
    else:
        raise Failed("a program that is not there was started")
    equal(engine.status(container).exit_code, 128)


@step("five pods at once")
def many(engine):
    import concurrent.futures

    def one(number):
        container = engine.start_one(engine.pod(), f"many{number}", "echo", str(number))
        equal(engine.wait(container).exit_code, 0)
        # containerd tells the end before it has written down all that was said.
        eventually("it has said its number", lambda: engine.log(f"many{number}") == [str(number)])

    with concurrent.futures.ThreadPoolExecutor(5) as pool:
        list(pool.map(one, range(5)))


if __name__ == "__main__":
    tell(Cri)
