# SPDX-License-Identifier: GPL-2.0-or-later
"""A containerd that a story starts for itself."""
import os

from story import Engine, Server, run

SETTINGS = """
version = 2
root = "{folder}/root"
state = "{state}"
oom_score = 0
disabled_plugins = [{disabled}]
[grpc]
  address = "{socket}"
[debug]
  level = "info"
[plugins."io.containerd.internal.v1.opt"]
  path = "{folder}/opt"
{more}
"""
UNWANTED = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
            "io.containerd.snapshotter.v1.zfs"]


class Containerd(Engine):
    """A server with data, state and socket of its own."""

    VERSION = ["containerd", "--version"]

    def serve(self, more, unwanted=("io.containerd.grpc.v1.cri",)):
        """Starts it. `more`: settings; `unwanted`: plug-ins to leave out."""
        # Names of sockets are short: the state is not below the folder.
        self.socket, state = "/run/clients/containerd.sock", "/run/clients/containerd"
        os.makedirs("/run/clients")
        conf = f"{self.folder}/containerd.toml"
        disabled = ", ".join(f'"{name}"' for name in (*UNWANTED, *unwanted))
        with open(conf, "w", encoding="ascii") as file:
            file.write(SETTINGS.format(folder=self.folder, state=state, socket=self.socket, disabled=disabled, more=more))
        self.server = Server(["containerd", "--config", conf], f"{self.folder}/containerd.log")
        self.server.ready(lambda: run(["ctr", "--address", self.socket, "version"], code=None).code == 0)

    def stop(self):
        self.server.stop()
