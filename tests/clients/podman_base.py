# SPDX-License-Identifier: GPL-2.0-or-later
"""What the stories about podman share."""
import os

import images
from images import IMAGE
from story import Engine, eventually, run

# Without CAP_SYS_RESOURCE, root may not raise a hard limit: podman's own defaults would.
SETTINGS = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
infra_image = "{pause}"
infra_command = ""
runtime = "{runtime}"
"""


class Podman(Engine):
    """podman, whoever's it is."""

    VERSION = ["podman", "--version"]

    def settle(self):
        """Its settings."""
        with open("/etc/containers/containers.conf", "w", encoding="ascii") as file:
            file.write(SETTINGS.format(runtime=self.runtime, pause=images.PAUSE))
        # What tells podman of hull-oci is what hull installs there; runc it knows.
        os.makedirs("/etc/containers/containers.conf.d")
        with open("/etc/containers/containers.conf.d/50-hull.conf", "w", encoding="ascii") as file:
            file.write(self.shipped("containers.conf.d/50-hull.conf"))

    def podman(self, *words, **arguments):
        """One command."""
        return run([*self.words, *words], **arguments)

    def background(self, name, *options, command=("sleep", "1000")):
        """A container that stays, and takes no SIGTERM to heart."""
        self.podman("run", "--detach", "--name", name, "--network", "none", *options, IMAGE, *command)

    def inspect(self, name, template):
        """One member, by Go's template."""
        return self.podman("inspect", "--format", template, name).out.strip()

    def tidy(self):
        # The clean-up process of a container that ended by itself may be at it at the same time.
        eventually("podman has removed all", self.remove_all)

    def remove_all(self):
        """Pods and containers."""
        self.podman("pod", "rm", "--all", "--force", "--time", "0")
        self.podman("rm", "--all", "--force", "--time", "0", "--volumes")
        return True


class RootsPodman(Podman):
    """Root's podman, with storage and networks of its own."""

    def start(self):
        self.settle()
        self.words = ["podman", "--root", f"{self.folder}/storage", "--runroot", f"{self.folder}/run"]
        self.words += ["--tmpdir", f"{self.folder}/tmp", "--network-config-dir", f"{self.folder}/networks"]
        self.load()

    def load(self):
        """The images that the steps use."""
        for archive in (images.busybox(self.layout, self.folder), images.pause(self.layout, self.folder)):
            self.podman("load", "--input", archive)

    def stop(self):
        self.podman("system", "prune", "--force", "--volumes", code=None)
        self.podman("unmount", "--all")
