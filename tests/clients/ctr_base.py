# SPDX-License-Identifier: GPL-2.0-or-later
"""What the stories about ctr share."""
import os

import containerd
import images
from images import IMAGE
from story import run


class Ctr(containerd.Containerd):
    """ctr on a containerd of its own."""

    def start(self):
        # ctr forgets --runc-binary where ids are mapped: then the shim looks for "runc", and has to find the same one.
        os.makedirs(f"{self.folder}/bin")
        os.symlink(self.program, f"{self.folder}/bin/runc")
        os.environ["PATH"] = f"{self.folder}/bin:{os.environ['PATH']}"
        self.serve("")
        self.words = ["ctr", "--address", self.socket, "--namespace", "clients"]
        self.as_runtime = ["--runtime", "io.containerd.runc.v2", "--runc-binary", self.program]
        self.ctr("images", "import", images.busybox(self.layout, self.folder))

    def ctr(self, *words, **arguments):
        """One command."""
        return run([*self.words, *words], **arguments)

    def run(self, name, *words, options=(), **arguments):
        """`ctr run --rm`."""
        return self.ctr("run", "--rm", *self.as_runtime, *options, IMAGE, name, *words, **arguments)

    def background(self, name, *options, command=("sleep", "1000")):
        """A container that stays."""
        self.ctr("run", "--detach", *self.as_runtime, *options, IMAGE, name, *command)

    def status(self, name):
        """RUNNING, PAUSED, STOPPED, or nothing."""
        for line in self.ctr("tasks", "ls").lines():
            if line.split()[0] == name:
                return line.split()[-1]
        return ""

    def tidy(self):
        for name in self.ctr("tasks", "ls", "--quiet").out.split():
            self.ctr("tasks", "delete", "--force", name, code=None)
        for name in self.ctr("containers", "ls", "--quiet").out.split():
            self.ctr("containers", "delete", name)
