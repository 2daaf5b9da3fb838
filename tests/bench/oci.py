# SPDX-License-Identifier: GPL-2.0-or-later
"""
hull-oci beside crun and runc, each verb on the same two bundles.

b1 is what `crun spec` proposes, with a program that does nothing (nothing.c) and without a terminal; b2 adds a filter as engines bring it along, limits of memory, processes
and CPU time, and a cgroup namespace. Beside them, what the kernel itself charges for the same: floor.c, which counts as a floor only where it is far enough
below crun in the same run.
"""
import json
import os
import statistics

import report
import rivals
import same
from measure import Failed, measure_starts
from report import Bar
from rivals import Row

HERE = os.path.dirname(os.path.abspath(__file__))
FILTER = f"{HERE}/../data/seccomp/usual.json"
LIMITS = {"memory": {"limit": 256 << 20}, "pids": {"limit": 256}, "cpu": {"shares": 512, "quota": 50000, "period": 100000}}
FLOOR_COUNTS = {"b1": 0.2, "b2": 0.1}  # at most so much of crun's time
DETACHED = 50


def read_json(path):
    """A file's contents."""
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def write_bundle(folder, name, config):
    """A bundle that has nothing but a configuration."""
    os.makedirs(f"{folder}/{name}", exist_ok=True)
    with open(f"{folder}/{name}/config.json", "w", encoding="utf-8") as file:
        json.dump(config, file)


def make_bundles(base, folder):
    """b1 and b2, and each also with a program that stays."""
    base["process"]["args"] = rivals.NOTHING
    full = json.loads(json.dumps(base))
    full["linux"]["seccomp"] = read_json(FILTER)
    full["linux"]["resources"].update(LIMITS)
    full["linux"]["namespaces"].append({"type": "cgroup"})
    for name, config in (("b1", base), ("b2", full)):
        write_bundle(folder, name, config)
        stays = json.loads(json.dumps(config))
        stays["process"]["args"] = rivals.SLEEPER
        write_bundle(folder, f"{name}-stays", stays)


class Runtime:
    """One of the runtimes, in a view of the machine, with a state folder of its own."""

    def __init__(self, name, program, view, run_folder):
        self.name, self.view = name, view
        # The cgroup is named after the container, whatever the state folder.
        self.id = f"bench-{name.replace(', ', '-')}"
        self.words = [program, "--root", f"{run_folder}/{self.id}"]

    def run(self, *words, **arguments):
        """Runs one command of it: (milliseconds, peak KiB)."""
        return self.view.run([*self.words, *words], **arguments)

    def start(self, bundle, name):
        """A container that stays. How long its start took, in ms."""
        return self.run("run", "--detach", "--bundle", bundle, name)[0]

    def remove(self, names):
        """Ends containers, and takes them back."""
        self.delete(names)
        self.view.settle(timeout_ms=30000)

    def delete(self, names):
        """The same, beside others that go on running."""
        for name in names:
            self.run("delete", "--force", name)


class CreateToDelete(Row):
    """create, start and delete: three commands, and what they take together. The program's end is waited for in between, and not counted."""

    def __init__(self, name, runtime, bundle):
        super().__init__(name, runtime.view, [])
        self.runtime, self.bundle = runtime, bundle

    def run(self):
        create_ms, create_kib = self.runtime.run("create", "--bundle", self.bundle, self.runtime.id)
        start_ms, start_kib = self.runtime.run("start", self.runtime.id)
        self.view.settle()
        delete_ms, delete_kib = self.runtime.run("delete", self.runtime.id)
        return create_ms + start_ms + delete_ms, max(create_kib, start_kib, delete_kib)


class Oci:
    """The bundles, the runtimes, and what is measured with them."""

    def __init__(self, bench, hull_oci, floor):
        self.size, self.shared = bench.size, bench.shared
        self.folder, self.steps = f"{bench.data_folder}/oci", f"{bench.run_folder}/floor-steps"
        self.root = f"{bench.bundle}/rootfs"
        self.floor, self.prefix = floor, bench.v1_prefix
        run_folder = bench.run_folder
        self.crun = Runtime("crun", "crun", bench.shared, run_folder)
        self.hull = Runtime("hull-oci", hull_oci, bench.shared, run_folder)
        self.runtimes = [self.crun, Runtime("runc", "runc", bench.shared, run_folder), self.hull]
        if bench.machine is not bench.shared:
            self.runtimes.append(Runtime("hull-oci, machine", hull_oci, bench.machine, run_folder))
        self.machine = self.runtimes[-1]
        self.base = read_json(f"{bench.bundle}/config.json")
        self.base["root"]["path"] = self.root

    def bundle(self, name):
        """The folder of a bundle."""
        return f"{self.folder}/{name}"

    def prepare(self):
        """Writes the bundles, and looks whether the floor's containers are those of the bundles. b1 has nothing to say of cgroups but for devices."""
        make_bundles(self.base, self.folder)
        pairs = [(self.floor_words(b, "/dev/null"), [*self.hull.words, "run", "--bundle", self.bundle(b), self.hull.id], b == "b2") for b in FLOOR_COUNTS]
        same.check(self.prefix, self.root, pairs)

    def floor_words(self, bundle, steps):
        """The floor program on a bundle's behalf."""
        return [self.floor, bundle, self.root, steps]

    def rows(self):
        """{(verb, bundle, runtime's name): row}."""
        rows = {}
        for runtime in self.runtimes:
            for bundle in ("b1", "b2"):
                key, path = lambda verb, r=runtime, b=bundle: (verb, b, r.name), self.bundle(bundle)
                words = [*runtime.words, "run", "--bundle", path, runtime.id]
                rows[key("run")] = Row(f"run {bundle}: {runtime.name}", runtime.view, words)
                rows[key("create-delete")] = CreateToDelete(f"create → delete {bundle}: {runtime.name}", runtime, path)
                words = [*runtime.words, "exec", f"{runtime.id}-{bundle}", *rivals.NOTHING]
                rows[key("exec")] = Row(f"exec {bundle}: {runtime.name}", runtime.view, words)
            words = [*runtime.words, "state", f"{runtime.id}-b1"]
            rows[("state", "b1", runtime.name)] = Row(f"state b1: {runtime.name}", runtime.view, words)
        for bundle in ("b1", "b2"):
            rows[("run", bundle, "floor")] = Row(f"run {bundle}: the kernel's floor", self.shared, self.floor_words(bundle, f"{self.steps}-{bundle}"))
        return rows

    def starts(self):
        """{key: Samples} of every row. First what leaves nothing behind, side by side; then what needs a container to work in, likewise."""
        rows, samples = self.rows(), {}
        rounds = self.size.hot_rounds, self.size.cold_rounds
        inside = {key: row for key, row in rows.items() if key[0] in ("exec", "state")}
        samples.update(measure_starts([row for key, row in rows.items() if key not in inside], *rounds))
        for runtime in self.runtimes:
            for bundle in ("b1", "b2"):
                runtime.start(self.bundle(f"{bundle}-stays"), f"{runtime.id}-{bundle}")
        samples.update(measure_starts(list(inside.values()), *rounds, settles=False))
        for runtime in self.runtimes:
            runtime.remove([f"{runtime.id}-b1", f"{runtime.id}-b2"])
        return {key: samples[row] for key, row in rows.items()}

    def floor_steps(self, bundle):
        """{step: median microseconds} of the floor program, hot, as it saw them itself."""
        with open(f"{self.steps}-{bundle}", encoding="ascii") as file:
            lines = [line.split() for line in file]
        # As measure_starts() counts: hot rounds come first, and of each the first start warms up.
        hot = [line for at, line in enumerate(lines[: self.size.hot_rounds * rivals.BURST]) if at % rivals.BURST > 0]
        return {name: statistics.median(int(line[2 * i + 1]) for line in hot) for i, name in enumerate(hot[0][::2])}

    def at_once(self):
        """{runtime's name: median milliseconds of starting many at the same time}."""
        seen = {runtime.name: [] for runtime in self.runtimes}
        for _ in range(self.size.at_once_rounds):
            for runtime in self.runtimes:
                words = [*runtime.words, "run", "--detach", "--bundle", self.bundle("b2-stays")]
                seen[runtime.name].append(runtime.view.run([f"{HERE}/at-once", str(DETACHED), runtime.id, *words])[0])
                runtime.remove([f"{runtime.id}-{i}" for i in range(DETACHED)])
        return {name: statistics.median(ms) for name, ms in seen.items()}

    def crowd(self):
        """
        {row's name: (median of the first, median of the last)}: containers that stay, started one after the other, the last ones with many
        held. Beside them one from its start to its removal, before and at the end: it pays for the removal of the one before it, too. All of
        it several times: the first ones and the last ones are a moment each, of a machine that is faster now and slower then.
        """
        few = rounds = self.size.crowd_rounds
        seen = {}
        for runtime in (self.hull, self.crun):
            names = [f"{runtime.id}-{i}" for i in range(self.size.held + few)]
            run = Row(f"run b1, start to removal: {runtime.name}", runtime.view, [*runtime.words, "run", "--bundle", self.bundle("b1"), runtime.id])
            alone, first, last, beside = [], [], [], []
            for _ in range(self.size.held_rounds):
                alone += measure_starts([run], rounds, 0)[run].hot
                starts = [runtime.start(self.bundle("b1-stays"), name) for name in names]
                first += starts[:few]
                last += starts[-few:]
                beside += measure_starts([run], rounds, 0, settles=False)[run].hot
                runtime.remove(names)
            seen[f"start b1: {runtime.name}"] = (statistics.median(first), statistics.median(last))
            seen[run.name] = (statistics.median(alone), statistics.median(beside))
        return seen

    def smallest_memory(self, runtime):
        """KiB: the smallest limit, in steps of 64, under which the program runs three times of three."""

        def runs(kib):
            config = json.loads(json.dumps(self.base))
            config["linux"]["resources"]["memory"] = {"limit": kib << 10}
            write_bundle(self.folder, "tight", config)
            for _ in range(3):
                try:
                    runtime.run("run", "--bundle", self.bundle("tight"), runtime.id, timeout_s=20)
                except Failed:
                    runtime.run("delete", "--force", runtime.id, check=False)
                    runtime.view.settle()
                    return False
            return True

        low, high = 0, 256  # in steps; the lower one fails, the higher one runs
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if runs(middle * 64) else (middle, high)
        return high * 64

    def bars(self, samples, at_once, crowd, memory):
        """The bars on all of it."""
        bars = []

        def times(verb, bundle, heat, limit, generous):
            for runtime in dict.fromkeys((self.hull.name, self.machine.name)):
                mine, crun = samples[(verb, bundle, runtime)], samples[(verb, bundle, "crun")]
                value = getattr(mine, heat)() / getattr(crun, heat)()
                bars.append(Bar(f"{runtime}: {verb} {bundle}, {heat[:-3]}, times crun's", value, limit, generous))

        times("run", "b1", "hot_ms", 0.55, 2)
        times("run", "b2", "hot_ms", 0.2, 1)
        times("create-delete", "b1", "hot_ms", 0.55, 2)
        times("exec", "b1", "hot_ms", 0.6, 2)
        times("exec", "b2", "hot_ms", 0.6, 2)
        times("run", "b1", "cold_ms", 0.5, 2)
        times("run", "b2", "cold_ms", 0.3, 1)
        times("exec", "b1", "cold_ms", 0.6, 2)
        peaks = {name: max(samples[("run", b, name)].peak_kib for b in ("b1", "b2")) for name in ("crun", self.hull.name)}
        bars.append(Bar("hull-oci: peak memory, times crun's", peaks[self.hull.name] / peaks["crun"], 0.8, 2))
        bars += self.floor_bars(samples)
        bars.append(Bar(f"hull-oci: {DETACHED} detached at once, times crun's", at_once[self.hull.name] / at_once["crun"], 0.4, 2))
        alone, beside = crowd[f"start b1: {self.hull.name}"]
        bars.append(Bar(f"hull-oci: a start with {self.size.held} held, times the first", beside / alone, 1.3, 4))
        bars.append(Bar("hull-oci: smallest memory limit, times crun's", memory[self.hull.name] / memory["crun"], 1, 2))
        return bars

    def floor_bars(self, samples):
        """Whether the floor is one, and how far above it hull is."""
        bars = []
        # As a command beside commands: a process that is started and ends is a part of what each of them costs.
        floors = {bundle: samples[("run", bundle, "floor")].hot_ms() for bundle in ("b1", "b2")}
        for bundle, limit in FLOOR_COUNTS.items():
            share = floors[bundle] / samples[("run", bundle, "crun")].hot_ms()
            bars.append(Bar(f"the floor is one: {bundle}, share of crun's", share, limit, 2))
        ratio = samples[("run", "b2", self.hull.name)].hot_ms() / floors["b2"]
        bars.append(Bar("hull-oci: run b2, hot, times the floor", ratio, 2, 10))
        return bars

    def measure(self, say):
        """All of it: prints the tables. Returns (bars, what is to be kept as data)."""
        self.prepare()
        say("hull-oci: verbs")
        samples = self.starts()
        report.print_verbs(samples, [*(runtime.name for runtime in self.runtimes), "floor"])
        steps = {bundle: self.floor_steps(bundle) for bundle in ("b1", "b2")}
        report.print_steps("the kernel's floor, µs", steps)
        say(f"hull-oci: {DETACHED} at once")
        at_once = self.at_once()
        report.print_list(f"{DETACHED} times run --detach b2 at once, ms", at_once)
        say(f"hull-oci: {self.size.held} held")
        crowd = self.crowd()
        report.print_compared(f"with {self.size.held} containers held, hot ms", ("the first", "the last"), crowd)
        say("hull-oci: smallest memory limit")
        memory = {runtime.name: self.smallest_memory(runtime) for runtime in self.runtimes}
        report.print_list("smallest memory limit, KiB", memory)
        kept = {
            "verbs": {" ".join(key): {"hot": seen.hot, "cold": seen.cold, "peak_kib": seen.peak_kib} for key, seen in samples.items()},
            "floor_us": steps,
            "at_once_ms": at_once,
            "held_ms": crowd,
            "smallest_memory_kib": memory,
        }
        return self.bars(samples, at_once, crowd, memory), kept
