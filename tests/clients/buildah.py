#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""buildah, which starts the runtime itself for each RUN."""
import os

import images
from images import IMAGE
from story import Engine, Failed, equal, has, like, on_terminal, run, sized, step, tell

CONTAINERFILE = f"""
FROM {IMAGE}
ARG WORD=none
ENV PLACE=/built
RUN mkdir $PLACE && echo "$WORD" >$PLACE/word
WORKDIR /built
RUN cat word >copy && id -u >user
USER 33
RUN id -u && ! touch /root-only
CMD ["cat", "/built/copy"]
"""
SETTINGS = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
"""


class Buildah(Engine):
    """buildah with storage and settings of its own."""

    VERSION = ["buildah", "--version"]

    def start(self):
        conf = f"{self.folder}/containers.conf"
        with open(conf, "w", encoding="ascii") as file:
            file.write(SETTINGS)
        os.environ["CONTAINERS_CONF"] = conf
        self.words = ["buildah", "--root", f"{self.folder}/storage", "--runroot", f"{self.folder}/run"]
        self.as_runtime = ["--isolation", "oci", "--runtime", self.program, "--network", "none"]
        self.buildah("pull", f"docker-archive:{images.busybox(self.layout, self.folder)}")

    def buildah(self, *words, **arguments):
        """One command."""
        return run([*self.words, *words], **arguments)

    def begin(self):
        """A working container's name."""
        return self.buildah("from", "--pull-never", IMAGE).out.strip()

    def run(self, name, *words, options=(), **arguments):
        """RUN in it."""
        return self.buildah("run", *self.as_runtime, *options, name, "--", *words, **arguments)

    def tidy(self):
        self.buildah("rm", "--all")

    def stop(self):
        self.buildah("rm", "--all")


@step("run: output, errors, exit code, input")
def run_once(engine):
    name = engine.begin()
    done = engine.run(name, "sh", "-c", "echo out; echo err >&2; exit 7", code=7)
    has(done.out, "out\n")
    has(done.err, "err\n")
    equal(engine.run(name, "cat", stdin="typed").out, "typed")


@step("run: what is written stays for the next")
def kept(engine):
    name = engine.begin()
    engine.run(name, "sh", "-c", "echo first >/made")
    done = engine.run(name, "cat", "/made")
    equal((done.out, done.err), ("first\n", ""))


@step("run: what cannot be run")
def cannot_run(engine):
    done = engine.run(engine.begin(), "none-such", code=None)
    like(done.err, "executable file .?(none-such.? )?not found|no such file or directory")
    if done.code == 0:
        raise Failed("a program that is not there has run")


@step("run --terminal")
def terminal(engine):
    words = [*engine.words, "run", *engine.as_runtime, "--terminal", engine.begin(), "--", "sh", "-c", f"tty; {sized(33, 77)}"]
    has(on_terminal(words, size=(33, 77)).out, "/dev/pts/0")


@step("run: user, directory, environment, volume, capabilities")
def settings(engine):
    shared = f"{engine.folder}/shared"
    os.makedirs(shared, exist_ok=True)
    with open(f"{shared}/file", "w", encoding="ascii") as file:
        file.write("host's\n")
    name = engine.begin()
    options = ["--user", "33", "--workingdir", "/tmp", "--env", "A=b", "--volume", f"{shared}:/shared:ro", "--cap-add", "CAP_NET_RAW"]
    done = engine.run(name, "sh", "-c", "id -u; pwd; echo $A; cat /shared/file; grep CapBnd /proc/self/status", options=options)
    has(done.out, "33\n/tmp\nb\nhost's\n")
    like(done.out, r"CapBnd:\s+[0-9a-f]+$")


@step("a Containerfile with RUN, USER and WORKDIR")
def containerfile(engine):
    folder = f"{engine.folder}/context"
    os.makedirs(folder)
    with open(f"{folder}/Containerfile", "w", encoding="ascii") as file:
        file.write(CONTAINERFILE)
    engine.buildah("build", *engine.as_runtime, "--build-arg", "WORD=told", "--tag", "localhost/clients/built:1", folder)
    name = engine.buildah("from", "--pull-never", "localhost/clients/built:1").out.strip()
    equal(engine.run(name, "cat", "/built/copy", "/built/user").out, "told\n0\n")
    equal(engine.run(name, "id", "-u").out, "33\n")


@step("a RUN that fails ends the build with its exit code")
def failing(engine):
    folder = f"{engine.folder}/failing"
    os.makedirs(folder)
    with open(f"{folder}/Containerfile", "w", encoding="ascii") as file:
        file.write(f"FROM {IMAGE}\nRUN exit 9\n")
    done = engine.buildah("build", *engine.as_runtime, folder, code=None)
    has(done.err, "exit status 9")


tell(Buildah)
