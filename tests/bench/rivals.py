# SPDX-License-Identifier: GPL-2.0-or-later
"""hull and its rivals: how each is prepared, and how it starts the same program on the same root."""
import glob
import json
import os
import shutil
import subprocess
import time

from measure import Failed

PODMAN_IMAGE = "localhost/busybox:bench"
TAKEN_APART_S = 0.3  # in which the kernel takes apart what a few removed containers had
PROGRAM = ["true"]
BURST = 5  # starts back to back
NOTHING = ["/bin/nothing"]  # the same without a libc's start: what all the rest of a figure is, is the runtime
SLEEPER = ["sleep", "100000"]


class Row:
    """One line of the table: a command in a view."""

    def __init__(self, name, view, words, burst=BURST):
        self.name, self.view, self.words, self.burst = name, view, words, burst

    def run(self):
        """Once: (milliseconds, peak KiB)."""
        return self.view.run(self.words)

    def finish(self):
        """After a burst: takes away what that has left on purpose."""


class Start(Row):
    """
    A container that stays, until the command has come back. Its end is not in the figure, and the kernel is given a moment to forget it: else a start
    beside many would be charged for the removal before it, which the kernel does behind a lock.
    """

    def __init__(self, name, view, start, remove, burst=BURST):
        """`start` makes the words for a name, `remove` ends all of a list of names."""
        super().__init__(name, view, [], burst)
        self.start, self.remove, self.names = start, remove, []

    def run(self):
        self.names.append(f"bench-start-{len(self.names)}")
        return self.view.run(self.start(self.names[-1]))

    def finish(self):
        self.remove(self.names)
        self.names = []
        time.sleep(TAKEN_APART_S)


def output_of(words, **arguments):
    """What a command of the preparation prints."""
    done = subprocess.run(words, capture_output=True, text=True, check=False, **arguments)
    if done.returncode != 0:
        raise Failed(f"'{' '.join(words)}': exit status {done.returncode}:\n{done.stderr.strip()[-1500:]}")
    return done.stdout


class Hull:
    """hull with a state root and a data folder of its own, on the file systems of the default ones."""

    def __init__(self, run_folder, data_folder):
        self.tree = f"{data_folder}/tree"
        self.program, self.root = f"{self.tree}/bin/hull", f"{run_folder}/hull"
        self.words = [self.program, "--root", self.root, "--data", f"{data_folder}/hull"]

    def copy(self, program):
        """Copies the program with what it finds beside itself: a build that goes on meanwhile changes nothing here."""
        beside = os.path.dirname(os.path.dirname(program))
        os.makedirs(f"{self.tree}/bin")
        for name in ("hull", "hull-oci", "hull-vm-oci"):
            shutil.copy2(f"{os.path.dirname(program)}/{name}", f"{self.tree}/bin/{name}")
        for folder in ("libexec", "share"):
            os.makedirs(f"{self.tree}/{folder}")
            for source in glob.glob(f"{beside}/{folder}/hull*"):
                copy = shutil.copytree if os.path.isdir(source) else shutil.copy2
                copy(source, f"{self.tree}/{folder}/{os.path.basename(source)}")

    def run(self, options=()):
        """`hull run --rm`, everything else as it is by default."""
        return [*self.words, "run", "--rm", *options, "busybox", *PROGRAM]

    def start(self, name, options=()):
        """A container that stays."""
        return [*self.words, "run", "--detach", "--name", name, *options, "busybox", *SLEEPER]

    def remove(self, names):
        """Ends containers, whether they are there or not."""
        return [*self.words, "rm", "--force", *names]

    def left(self):
        """The ids of the containers that are there."""
        try:
            return os.listdir(f"{self.root}/instances")
        except FileNotFoundError:
            return []

    def version(self):
        """One line."""
        return output_of([self.program, "--version"]).splitlines()[0]


class Podman:
    """podman with storage and networks of its own, and the image that hull brings along."""

    def __init__(self, run_folder, data_folder):
        conf = f"{run_folder}/containers.conf"
        with open(conf, "w", encoding="ascii") as file:
            file.write('[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n')
        self.words = ["env", f"CONTAINERS_CONF={conf}", "podman", "--root", f"{data_folder}/podman"]
        self.words += ["--runroot", f"{run_folder}/podman", "--tmpdir", f"{run_folder}/podman-tmp"]
        self.words += ["--network-config-dir", f"{run_folder}/podman-networks"]
        # By default podman raises both limits, which a root without CAP_SYS_RESOURCE may not.
        self.limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096"]

    def load(self, view, layout, data_folder):
        """Takes the image in."""
        archive = f"{data_folder}/image.tar"
        output_of(["skopeo", "copy", f"oci:{layout}:latest", f"docker-archive:{archive}:{PODMAN_IMAGE}"])
        view.run([*self.words, "load", "--input", archive])

    def backend(self, prefix):
        """Which network back end it uses, and which runtime: asked inside the view that `prefix` makes."""
        info = json.loads(output_of([*prefix, *self.words, "info", "--format", "json"]))["host"]
        return info["networkBackend"], info["ociRuntime"]["name"]

    def run(self, network):
        """`podman run --rm`."""
        return [*self.words, "run", "--rm", *self.limits, "--network", network, PODMAN_IMAGE, *PROGRAM]

    def start(self, name, network):
        """A container that stays."""
        return [*self.words, "run", "--detach", "--name", name, *self.limits, "--network", network, PODMAN_IMAGE, *SLEEPER]

    def remove_all(self):
        """Ends all of them."""
        return [*self.words, "rm", "--all", "--force", "--time", "0"]


def unpack(layout, root):
    """The layers of an OCI layout, one over the other."""

    def blob(descriptor):
        return f"{layout}/blobs/{descriptor['digest'].replace(':', '/')}"

    def read(path):
        with open(path, encoding="utf-8") as file:
            return json.load(file)

    manifest = read(blob(read(f"{layout}/index.json")["manifests"][0]))
    os.makedirs(root)
    for layer in manifest["layers"]:
        output_of(["tar", "--extract", "--file", blob(layer), "--directory", root, "--numeric-owner"])


def make_bundle(layout, nothing, bundle):
    """A bare bundle: what `crun spec` proposes, with the benchmark's program and without a terminal. `nothing` is the built nothing.c."""
    unpack(layout, f"{bundle}/rootfs")
    shutil.copy2(nothing, f"{bundle}/rootfs{NOTHING[0]}")
    output_of(["crun", "spec"], cwd=bundle)
    with open(f"{bundle}/config.json", encoding="utf-8") as file:
        config = json.load(file)
    config["process"].update(terminal=False, args=PROGRAM)
    with open(f"{bundle}/config.json", "w", encoding="utf-8") as file:
        json.dump(config, file)


def oci_run(runtime, run_folder, bundle):
    """crun and runc take the same words."""
    return [runtime, "--root", f"{run_folder}/{runtime}", "run", "--bundle", bundle, f"bench-{runtime}"]


def cgroups_named(names):
    """The cgroups of these names or patterns, in whatever hierarchy."""
    return {path for tree in ("", "*/") for name in names for path in glob.glob(f"/sys/fs/cgroup/{tree}{name}")}


def remove_folder(path):
    """Nothing below may be a mount point; all of them were in the views, which have ended."""
    shutil.rmtree(path, ignore_errors=True)
