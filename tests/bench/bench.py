# SPDX-License-Identifier: GPL-2.0-or-later
"""
`make bench`: hull beside crun, runc and podman, in one run, on one machine, the same program on the same root.

It runs in mount and network namespaces of its own, so that the machine's networks are not touched, with hull's and podman's data in
folders of its own beside the default ones. Debian's crun and podman refuse a machine with cgroup v1 and v2 mounted side by side: there
all of them run in a view that has v1 only (see v1-view), and hull is measured as the machine is, too.

Exit status 0 whatever the bars say, unless something could not be run; in a smoke test (--quick) also not 0 when a figure is far
beyond its bar.
"""
import argparse
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

import report
import rivals
from measure import Failed, View, held_kib, kill_descendants, measure_starts
from oci import Oci
from report import Bar
from rivals import Hull, Podman, Row
from unified import Unified
from vm import Machines

HERE = os.path.dirname(os.path.abspath(__file__))
INSIDE = "HULL_BENCH_NAMESPACES"
# ext4 without a journal makes every new file walk past all that were deleted within the last five seconds.
FORGET_S = 6
ALIKE = 20  # containers running when memory is looked at


@dataclass
class Size:
    """How much is done."""

    hot_rounds: int
    cold_rounds: int
    crowd: int  # containers running beside the one that is measured
    crowd_rounds: int
    ports: int  # published beside the one that is measured
    held: int  # hull-oci's containers beside the one that is measured
    held_rounds: int
    at_once_rounds: int
    machine_rounds: int
    emulated_rounds: int
    machines: int  # running when memory is looked at, and idling
    idle_s: int


FULL = Size(hot_rounds=30, cold_rounds=30, crowd=500, crowd_rounds=15, ports=1000, held=1000, held_rounds=5, at_once_rounds=5, machine_rounds=20, emulated_rounds=8, machines=20, idle_s=60)
QUICK = Size(hot_rounds=8, cold_rounds=5, crowd=40, crowd_rounds=3, ports=100, held=60, held_rounds=1, at_once_rounds=1, machine_rounds=5, emulated_rounds=2, machines=4, idle_s=5)


class Bench:
    """What a run has made, so that it can be taken away again."""

    def __init__(self, arguments, run_folder, data_folder):
        self.size = QUICK if arguments.quick else FULL
        self.run_folder, self.data_folder = run_folder, data_folder
        self.log_path = f"{run_folder}/log"
        self.others = rivals.cgroups_named(["libpod_parent"])
        self.v1_prefix = [f"{HERE}/v1-view"] if is_hybrid() else []
        self.machine = View("machine", [], arguments.runner, self.log_path)
        self.shared = View("v1", self.v1_prefix, arguments.runner, self.log_path) if is_hybrid() else self.machine
        self.hull = Hull(run_folder, data_folder)
        self.podman = Podman(run_folder, data_folder)
        self.bundle = f"{data_folder}/bundle"
        self.floor, self.runner = arguments.floor, arguments.runner
        self.build = os.path.dirname(os.path.dirname(arguments.hull))
        self.helpers = os.path.dirname(arguments.floor)

    def prepare(self, program, layout, groups):
        """Copies hull, and takes the image in everywhere that the groups want it."""
        self.hull.copy(program)
        rivals.make_bundle(layout, f"{self.helpers}/nothing", self.bundle)
        if set(groups) <= {"oci", "v2", "vm"}:
            os.sync()
            return
        self.podman.load(self.shared, layout, self.data_folder)
        self.shared.run(self.hull.run())  # makes the bridge as well
        os.sync()  # pages of fresh binaries that are not written back yet count as private

    def close(self):
        """Ends and removes everything, as far as it is there."""
        say("cleaning up")
        ours = [f"hull/{name}" for name in self.hull.left()] + ["libpod_parent", "bench-*", "hull/bench-*"]
        for view in {self.shared, self.machine}:
            kill_descendants(view.process.pid)
            view.close()
        for folder in rivals.cgroups_named(ours) - self.others:
            for path, _, _ in os.walk(folder, topdown=False):
                try:
                    os.rmdir(path)
                except OSError as error:
                    print(f"bench: left behind: {path}: {error.strerror}", file=sys.stderr)

    def rows(self):
        """The table of starts."""
        view = self.shared
        suffix = ", v1 view" if self.v1_prefix else ""
        backend, runtime = self.podman.backend(self.v1_prefix)
        rows = {
            "floor": Row("a process that does nothing (static busybox)", view, ["/bin/busybox", *rivals.PROGRAM]),
            "crun": Row("crun run, bare bundle", view, rivals.oci_run("crun", self.run_folder, self.bundle)),
            "runc": Row("runc run, bare bundle", view, rivals.oci_run("runc", self.run_folder, self.bundle)),
            "podman none": Row(f"podman run --network none ({runtime})", view, self.podman.run("none"), burst=3),
            "podman": Row(f"podman run ({backend}, {runtime})", view, self.podman.run("bridge"), burst=2),
            "hull none": Row(f"hull run --network none{suffix}", view, self.hull.run(["--network", "none"])),
            "hull": Row(f"hull run{suffix}", view, self.hull.run()),
        }
        if self.v1_prefix:
            rows["hull none, machine"] = Row(
                "hull run --network none, machine as it is", self.machine, self.hull.run(["--network", "none"])
            )
            rows["hull, machine"] = Row("hull run, machine as it is", self.machine, self.hull.run())
        return rows

    def hull_start(self, names, options=()):
        """Containers that stay, in the shared view."""
        for name in names:
            self.shared.run(self.hull.start(name, options))

    def hull_remove(self, names):
        """And their end; the network's remains are given a moment to go."""
        self.shared.run(self.hull.remove(names), timeout_s=600)
        self.shared.settle(timeout_ms=30000)
        time.sleep(1)

    def memory_held(self):
        """{name: held_kib()}."""
        held = {}
        names = [f"alike-{i}" for i in range(ALIKE)]
        self.hull_start(names)
        time.sleep(0.5)
        held[f"hull (its keeper), {ALIKE} alike"] = held_kib(self.shared, ALIKE)
        self.hull_remove(names)
        for name in names:
            self.shared.run(self.podman.start(name, "none"))
        time.sleep(0.5)
        held[f"podman (conmon), {ALIKE} alike"] = held_kib(self.shared, ALIKE)
        self.shared.run(self.podman.remove_all(), timeout_s=600)
        self.shared.settle()
        return held

    def compare(self, rows, prepare, take_back):
        """
        {row's name: (median alone, median beside what `prepare` starts)}. Alone is measured before and after, so that a machine that
        grows slower meanwhile does not look like a cost. What is asked is the cost of what runs, not that of having started it just now.
        """
        rounds = self.size.crowd_rounds
        before = measure_starts(rows, rounds, 0)
        prepare()
        time.sleep(FORGET_S)
        beside = measure_starts(rows, rounds, 0, settles=False)
        take_back()
        time.sleep(FORGET_S)
        after = measure_starts(rows, rounds, 0)
        return {row.name: (statistics.median(before[row].hot + after[row].hot), beside[row].hot_ms()) for row in rows}

    def crowd(self, rows):
        """Starts with many containers running."""
        names = [f"crowd-{i}" for i in range(self.size.crowd)]
        hull = lambda options: lambda name: self.hull.start(name, options)
        remove = lambda started: self.shared.run(self.hull.remove(started), timeout_s=600)
        starts = [
            rivals.Start("hull run --detach", self.shared, hull([]), remove),
            rivals.Start("hull run --detach --network none", self.shared, hull(["--network", "none"]), remove),
        ]
        measured = [*starts, rows["hull"], rows["hull none"], rows["crun"]]
        return self.compare(measured, lambda: self.hull_start(names), lambda: self.hull_remove(names))

    def ports(self):
        """One published port more, with many published."""
        many = [word for i in range(self.size.ports) for word in ("--publish", f"{20000 + i}:80")]
        row = Row("hull run --publish 8080:80", self.shared, self.hull.run(["--publish", "8080:80"]))
        return self.compare([row], lambda: self.hull_start(["ports"], many), lambda: self.hull_remove(["ports"]))


def is_hybrid():
    """Whether v1 controllers and a v2 hierarchy are mounted side by side."""
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        types = {line.split()[2] for line in mounts}
    return {"cgroup", "cgroup2"} <= types


def say(what):
    """Progress goes to standard error: the table alone is the output."""
    print(f"bench: {what}", file=sys.stderr, flush=True)


def first_line(words):
    """A program's version."""
    return rivals.output_of(words).splitlines()[0]


def file_system(path):
    """Its type."""
    return rivals.output_of(["stat", "--file-system", "--format=%T", path]).strip()


class Host:
    """What a virtual machine's host takes of its processors: figures of an hour in which it takes much say less."""

    def __init__(self):
        self.ran, self.stolen = self.ticks()

    @staticmethod
    def ticks():
        """(ticks that the processors ran, ticks that somebody else ran on them instead), since the machine began."""
        with open("/proc/stat", encoding="ascii") as stat:
            user, nice, system, _, _, irq, softirq, stolen = (int(word) for word in stat.readline().split()[1:9])
        return user + nice + system + irq + softirq, stolen

    def taken(self):
        """The share that it took since, of all that was wanted."""
        ran, stolen = self.ticks()
        return (stolen - self.stolen) / max(1, ran - self.ran + stolen - self.stolen)


def facts(bench):
    """What the figures depend on."""
    return {
        "machine": f"{platform.release()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}",
        "cgroups": "v1 controllers beside v2: rivals and hull in a v1 view" if bench.v1_prefix else "as the machine has them",
        "file systems": f"state on {file_system(bench.run_folder)}, data on {file_system(bench.data_folder)}",
        "versions": ", ".join(
            [bench.hull.version(), *(first_line([program, "--version"]) for program in ("crun", "runc", "podman", "conmon"))]
        ),
    }


def start_bars(rows, samples):
    """The bars on single starts."""
    crun, podman = samples[rows["crun"]], samples[rows["podman"]]
    bars = []
    for heat in ("hot", "cold"):

        def ms(seen, heat=heat):
            return getattr(seen, f"{heat}_ms")()

        for name in ("hull", "hull, machine"):
            if name in rows:
                share = ms(samples[rows[name]]) / ms(podman)
                bars.append(Bar(f"{rows[name].name}: share of podman's, {heat}", share, 1 / 20, 1 / 2))
        for name in ("hull none", "hull none, machine"):
            if name in rows:
                ratio = ms(samples[rows[name]]) / ms(crun)
                bars.append(Bar(f"{rows[name].name}: times crun's bare bundle, {heat}", ratio, 1.3, 5))
    peak = max(seen.peak_kib for row, seen in samples.items() if row.name.startswith("hull")) / crun.peak_kib
    bars.append(Bar("hull run: peak memory, times crun's", peak, 1.5, 3))
    return bars


def measure_run(bench, document):
    """Single starts of `hull run` and its rivals."""
    size, rows = bench.size, bench.rows()
    say(f"starts: {size.hot_rounds} rounds hot, {size.cold_rounds} cold")
    samples = measure_starts(list(rows.values()), size.hot_rounds, size.cold_rounds)
    report.print_starts(samples, rows["crun"])
    document["starts"] = report.starts_as_data(samples)
    return start_bars(rows, samples)


def measure_held(bench, document):
    """What a running container holds."""
    say(f"memory: {ALIKE} containers")
    held = bench.memory_held()
    report.print_held(held)
    document["held_kib"] = {name: dict(zip(("pss", "anonymous", "processes"), figures)) for name, figures in held.items()}
    return [Bar("hull run --detach: memory held beside the program, Pss", next(iter(held.values()))[0], 400, 800, " KiB")]


def measure_crowd(bench, document):
    """Starts beside many containers."""
    size, rows = bench.size, bench.rows()
    say(f"a crowd: {size.crowd} containers")
    crowd = bench.crowd(rows)
    report.print_compared(f"start (--detach), and start to removal, with {size.crowd} containers running, hot ms", ("none running", f"{size.crowd} running"), crowd)
    document["crowd_ms"] = crowd
    alone, beside = crowd["hull run --detach"]
    return [Bar(f"hull run: a start with {size.crowd} containers running, times with none", beside / alone, 1.3, 5)]


def measure_ports(bench, document):
    """Starts beside many published ports."""
    size = bench.size
    say(f"ports: {size.ports} published")
    ports = bench.ports()
    report.print_compared(f"start with {size.ports} ports published, hot ms", ("none", str(size.ports)), ports)
    document["ports_ms"] = ports
    alone, beside = next(iter(ports.values()))
    return [Bar(f"hull run --publish with {size.ports} ports published, times with none", beside / alone, 1.3, 5)]


def measure_oci(bench, document):
    """hull-oci beside crun and runc."""
    bars, document["oci"] = Oci(bench, f"{bench.hull.tree}/bin/hull-oci", bench.floor).measure(say)
    return bars


def measure_vm(bench, document):
    """Machines beside their floor and QEMU."""
    if not Machines.is_possible():
        say("machines: there is no /dev/kvm for this user")
        return []
    bars, document["vm"] = Machines(bench, f"{bench.helpers}/vm-floor", f"{bench.helpers}/vm-first-byte").measure(say)
    return bars


def measure_v2(bench, document):
    """hull-oci beside crun on cgroup v2."""
    bars, document["v2"] = Unified(bench, bench.build, bench.runner).measure(say)
    return bars


GROUPS = {"run": measure_run, "held": measure_held, "crowd": measure_crowd, "ports": measure_ports, "oci": measure_oci, "v2": measure_v2, "vm": measure_vm}


def measure(bench, groups, quick, results_path):
    """All of it, and the tables. Returns the exit status."""
    host, document = Host(), {"facts": facts(bench)}
    for name, value in document["facts"].items():
        print(f"{name + ':':<14} {value}")
    bars = [bar for group in groups for bar in GROUPS[group](bench, document)]
    document["taken_by_host"] = host.taken()
    print(f"\nthe machine's host took {document['taken_by_host']:.1%} of the processor time that was wanted meanwhile")
    report.print_bars(bars)
    report.save(results_path, document, bars)
    insane = [bar for bar in bars if quick and not bar.is_sane()]
    for bar in insane:
        print(f"bench: far beyond its bar: {bar.what}", file=sys.stderr)
    return 1 if insane else 0


def groups_parse(words):
    """For argparse: "run,oci"."""
    groups = words.split(",")
    for group in groups:
        if group not in GROUPS:
            raise argparse.ArgumentTypeError(f"no group '{group}': there are {', '.join(GROUPS)}")
    return groups


def stop(signal_number, _frame):
    """A signal becomes an exception, so that what was made is taken away."""
    raise Failed(f"stopped by {signal.Signals(signal_number).name}")


def main():
    """The exit status."""
    parser = argparse.ArgumentParser(description="hull beside its rivals")
    parser.add_argument("--hull", required=True, help="the program, absolute")
    parser.add_argument("--layout", required=True, help="the OCI layout of the image that hull brings along")
    parser.add_argument("--runner", required=True, help="the built runner.c, absolute")
    parser.add_argument("--floor", required=True, help="the built floor.c, absolute")
    parser.add_argument("--groups", type=groups_parse, default=list(GROUPS), help="what is measured, of: " + ",".join(GROUPS))
    parser.add_argument("--quick", action="store_true", help="a smoke test of three minutes")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("bench: needs root: it starts containers with four runtimes")
    if INSIDE not in os.environ:
        os.environ[INSIDE] = "1"
        own = ["unshare", "--mount", "--net", "--propagation", "private", "--", sys.executable, "-B", *sys.argv]
        os.execvp(own[0], own)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    run_folder = tempfile.mkdtemp(prefix="hull-bench-", dir="/run")
    data_folder = tempfile.mkdtemp(prefix="hull-bench-", dir="/var/lib")
    bench = None
    try:
        bench = Bench(arguments, run_folder, data_folder)
        bench.prepare(arguments.hull, arguments.layout, arguments.groups)
        return measure(bench, arguments.groups, arguments.quick, f"{os.path.dirname(arguments.runner)}/results.json")
    except Failed as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        if bench:
            bench.close()
        rivals.remove_folder(run_folder)
        rivals.remove_folder(data_folder)


if __name__ == "__main__":
    sys.exit(main())
