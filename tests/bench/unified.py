# SPDX-License-Identifier: GPL-2.0-or-later
"""
hull-oci beside crun where there is nothing but cgroup v2: in the small machine that tests/vm boots.

Its processors are emulated, some twenty times slower than real ones, so it is the ratios that count. Both runtimes are the ones of this machine, with the
same bundles as in oci.py; a runner in there starts them and looks at the clock, and is told through a port what to do next.
"""
import json
import os
import shutil
import socket
import subprocess
from types import SimpleNamespace

import report
import rivals
from measure import Failed, View, measure_starts
from oci import Runtime, make_bundles
from report import Bar
from rivals import Row

HERE = os.path.dirname(os.path.abspath(__file__))
BUNDLES = "/run/bundles"  # in the machine
SLOWER = 4  # so much less is done than with real processors
BOOT_S = 300
ANSWER_S = 120
END_S = 60
LIBRARIES = "/usr/lib/x86_64-linux-gnu"


class MachineView(View):
    """A runner at the other end of a connection."""

    def __init__(self, connection, log_path):  # pylint: disable=super-init-not-called
        self.name, self.log_path = "cgroup v2", log_path
        connection.settimeout(ANSWER_S)
        self.process = SimpleNamespace(stdin=connection.makefile("w"), stdout=connection.makefile("r"))

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()


class Machine:
    """The machine, from its boot to its end."""

    def __init__(self, folder, build, log_path):
        self.folder, self.build, self.log_path = folder, build, log_path
        self.listener = socket.socket(socket.AF_UNIX)
        self.connection = self.booting = None

    def __enter__(self):
        self.listener.bind(f"{self.folder}/socket")
        self.listener.listen(1)
        self.listener.settimeout(BOOT_S)
        with open(self.log_path, "ab") as log:
            self.booting = subprocess.Popen(
                [f"{HERE}/../vm/run", self.build, "bench"],
                env={**os.environ, "HULL_VM_BENCH": self.folder},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            self.connection = self.listener.accept()[0]
        except TimeoutError:
            self.__exit__()
            raise Failed(f"the test machine does not come up: see {self.log_path}") from None
        return MachineView(self.connection, self.log_path)

    def __exit__(self, *_):
        # At the end of its requests the runner ends, and the machine with it.
        if self.connection:
            self.connection.shutdown(socket.SHUT_RDWR)
            self.connection.close()
        self.listener.close()
        try:
            self.booting.wait(END_S)
        except subprocess.TimeoutExpired:
            self.booting.terminate()
            self.booting.wait()


class Unified:
    """What goes into the machine, and what is measured there."""

    def __init__(self, bench, build, runner):
        self.size, self.build, self.runner, self.bench = bench.size, build, runner, bench
        self.folder = f"{bench.data_folder}/unified"

    def _stage(self):
        """The disk: the bundles, and crun with its libraries."""
        disk = f"{self.folder}/disk"
        os.makedirs(f"{disk}/bundles")
        os.makedirs(f"{disk}/root/usr/bin")
        os.makedirs(f"{disk}/root{LIBRARIES}")
        shutil.copy2(self.runner, f"{disk}/runner")
        shutil.copytree(f"{self.bench.bundle}/rootfs", f"{disk}/bundles/rootfs", symlinks=True)
        with open(f"{self.bench.bundle}/config.json", encoding="utf-8") as file:
            base = json.load(file)
        base["root"]["path"] = f"{BUNDLES}/rootfs"
        make_bundles(base, f"{disk}/bundles")
        crun = shutil.which("crun")
        shutil.copy2(crun, f"{disk}/root/usr/bin/crun")
        for line in rivals.output_of(["ldd", crun]).splitlines():
            words = line.split()
            if len(words) > 2 and words[1] == "=>" and words[2].startswith("/"):
                shutil.copy2(os.path.realpath(words[2]), f"{disk}/root{LIBRARIES}/{words[0]}")

    @staticmethod
    def _rows(runtimes):
        rows = {}
        for runtime in runtimes:
            for bundle in ("b1", "b2"):
                words = [*runtime.words, "run", "--bundle", f"{BUNDLES}/{bundle}", runtime.id]
                rows[("run", bundle, runtime.name)] = Row(f"run {bundle}: {runtime.name}", runtime.view, words)
            words = [*runtime.words, "exec", f"{runtime.id}-b1", *rivals.NOTHING]
            rows[("exec", "b1", runtime.name)] = Row(f"exec b1: {runtime.name}", runtime.view, words)
        return rows

    def _samples(self, view):
        runtimes = [Runtime("crun", "/usr/bin/crun", view, "/run"), Runtime("hull-oci", "/hull/build/bin/hull-oci", view, "/run")]
        rows, samples = self._rows(runtimes), {}
        rounds = max(1, self.size.hot_rounds // SLOWER), max(1, self.size.cold_rounds // SLOWER)
        samples.update(measure_starts([row for key, row in rows.items() if key[0] == "run"], *rounds))
        for runtime in runtimes:
            runtime.start(f"{BUNDLES}/b1-stays", f"{runtime.id}-b1")
        samples.update(measure_starts([row for key, row in rows.items() if key[0] == "exec"], *rounds, settles=False))
        for runtime in runtimes:
            runtime.delete([f"{runtime.id}-b1"])
        return {key: samples[row] for key, row in rows.items()}

    def measure(self, say):
        """Prints the table. Returns (bars, what is to be kept as data)."""
        say("cgroup v2: a machine boots")
        self._stage()
        with Machine(self.folder, self.build, self.bench.log_path) as view:
            say("cgroup v2: starts")
            samples = self._samples(view)
        print("\ncgroup v2, in an emulated machine")
        report.print_verbs(samples, ["crun", "hull-oci"])
        bars = []
        for verb, bundle, limit, generous in (("run", "b1", 0.5, 2), ("run", "b2", 0.3, 1), ("exec", "b1", 0.6, 2)):
            ratio = samples[(verb, bundle, "hull-oci")].cold_ms() / samples[(verb, bundle, "crun")].cold_ms()
            bars.append(Bar(f"hull-oci, cgroup v2: {verb} {bundle}, cold, times crun's", ratio, limit, generous))
        return bars, {" ".join(key): {"hot": seen.hot, "cold": seen.cold} for key, seen in samples.items()}
