# SPDX-License-Identifier: GPL-2.0-or-later
"""
hull's monitor beside its floor (vm-floor.c) and QEMU, on this machine's KVM, with a payload in place of a kernel (tests/vm/payload), which any KVM can run.

A figure is what a tenth of the runs are quicker than. On a busy machine all that is timed runs at real-time priority, where that is allowed: others are then no
part of the figures. (QEMU gains by that, which has threads that wait for one another.)
"""
import contextlib
import json
import os
import shutil
import subprocess
import time
from dataclasses import dataclass

import report
import rivals
from measure import descendants
from report import Bar

HERE = os.path.dirname(os.path.abspath(__file__))
MEMORY_MIB = 128
HUGE_KIB = 2048
AT_ONCE = 4  # runs of one monitor in a row
FLOOR_CALLS, FLOOR_KVM_CALLS, FLOOR_OF_QEMU = 45, 15, 1 / 35


def tenth(figures):
    """What a tenth of them are below."""
    return sorted(figures)[len(figures) // 10]


def read(path):
    """A file of /proc; nothing of a process that has ended."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


@dataclass
class Area:
    """A part of a process's memory, in bytes and KiB."""

    start: int
    end: int
    name: str
    size: int = 0
    pss: int = 0
    anonymous: int = 0
    is_guests: bool = False


def areas_of(pid):
    """All of a process's areas. The guest's memory is the largest, and a first part before it, which is not advised to be of huge pages; or a memfd."""
    areas = []
    for line in read(f"/proc/{pid}/smaps").splitlines():
        words = line.split()
        if not words[0].endswith(":"):
            start, end = (int(word, 16) for word in words[0].split("-"))
            areas.append(Area(start, end, words[5] if len(words) > 5 else ""))
        elif words[0] in ("Size:", "Pss:", "Anonymous:"):
            setattr(areas[-1], words[0].lower()[:-1], int(words[1]))
    for area, following in zip(areas, [*areas[1:], None]):
        area.is_guests = area.size >= (MEMORY_MIB << 10) - HUGE_KIB or area.name.startswith("/memfd:hull-guest")
        if not area.is_guests and following and area.size == HUGE_KIB and area.end == following.start:
            area.is_guests = following.size == (MEMORY_MIB << 10) - HUGE_KIB
    return areas


def tsc_khz():
    """The pace of the clock, as hull tells its guests."""
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as info:
        return next((int(float(line.split(":")[1]) * 1000) for line in info if line.startswith("cpu MHz")), 0)


def words_of(header, names):
    """Strings that a header of hull's defines, one behind the other."""
    source = f'#include "{header}"\n{names}\n'
    line = rivals.output_of(["gcc", "-E", "-P", "-I", f"{HERE}/../..", "-"], input=source).splitlines()[-1]
    return "".join(line.split('"')[1::2])


def turns(pid):
    """(nanoseconds that its threads ran, how many times they were given a processor)."""
    figures = [read(f"/proc/{pid}/task/{thread}/schedstat").split() for thread in os.listdir(f"/proc/{pid}/task")]
    return sum(int(figure[0]) for figure in figures if figure), sum(int(figure[2]) for figure in figures if figure)


class Machines:
    """The payload, what the monitors are given, and what is measured with them."""

    def __init__(self, bench, floor, first_byte):
        self.size, self.view, self.hull = bench.size, bench.shared, bench.hull
        self.floor, self.first_byte, self.bundle = floor, first_byte, bench.bundle
        self.folder, self.state = f"{bench.data_folder}/vm", f"{bench.run_folder}/vm"
        self.payload = f"{self.folder}/payload"
        # hull-vmm as it is installed.
        self.monitor = f"{self.folder}/hull-vmm"
        self.prefix = ["chrt", "--fifo", "1"] if self.should_be_real_time() else []
        self.qemu = shutil.which("qemu-system-x86_64")

    @staticmethod
    def is_possible():
        """Whether there is a KVM for us."""
        return os.access("/dev/kvm", os.R_OK | os.W_OK)

    @staticmethod
    def should_be_real_time():
        """Whether others are at work, and we may be put before them."""
        busy = os.getloadavg()[0] > os.cpu_count() / 2
        return busy and subprocess.run(["chrt", "--fifo", "1", "true"], check=False, capture_output=True).returncode == 0

    def prepare(self):
        """Builds the payload, and writes what the monitor reads."""
        os.makedirs(self.folder)
        rivals.output_of([f"{HERE}/../vm/payload-build", self.folder])
        rivals.output_of(["strip", "-o", self.monitor, f"{self.hull.tree}/libexec/hull-vmm"])
        with open(f"{self.folder}/disk", "wb") as disk:
            disk.truncate(1 << 20)
        with open(f"{self.folder}/start", "w", encoding="ascii") as start:
            start.write("{}")
        os.sync()

    def request(self, name, cmdline, **more):
        """What a machine is to be, as a file; descriptor by descriptor as in given()."""
        document = {
            "backend": "kvm",
            "memory_bytes": MEMORY_MIB << 20,
            "cpus": 1,
            "cmdline": cmdline,
            "kernel_fd": 4,
            "kvm_fd": 6,
            "disks": [{"fd": 7, "read_only": False, "serial": "upper"}],
            "nics": [{"tap_fd": 8, "mac": "02:00:00:00:00:01"}],
            **more,
        }
        path = f"{self.folder}/request-{name}"
        with open(path, "w", encoding="ascii") as file:
            json.dump(document, file)
        return [f"3={path}", f"4={self.payload}", "6=/dev/kvm", f"7={self.folder}/disk", "8=tap:"]

    def with_agent(self, name, cmdline, **more):
        """The same, where an agent is expected."""
        given = self.request(name, cmdline, agent_listen_fd=9, start_fd=10, **more)
        return [*given, f"9=listen:{self.folder}/socket", f"10={self.folder}/start", self.monitor]

    def ask(self, how, words, prefix=None):
        """Lines of figures from vm-first-byte."""
        lines = rivals.output_of([*(self.prefix if prefix is None else prefix), self.first_byte, str(how), *words]).splitlines()
        return [[int(figure) for figure in line.split()] for line in lines]

    def qemu_microvm(self):
        """QEMU with a disk and a network card, as hull has them. Warnings are no guest's bytes."""
        words = ["2=/dev/null", "8=tap:", self.qemu, "-M", "microvm", "-accel", "kvm", "-m", str(MEMORY_MIB), "-nodefaults", "-no-user-config"]
        words += ["-drive", f"if=none,id=disk,format=raw,file={self.folder}/disk", "-device", "virtio-blk-device,drive=disk"]
        words += ["-netdev", "tap,id=net,fd=8", "-device", "virtio-net-device,netdev=net"]
        return [*words, "-no-reboot", "-display", "none", "-serial", "stdio", "-kernel", self.payload, "-append", "byte"]

    def first_bytes(self):
        """{monitor: [(microseconds to the first byte, to the end)]}, in turns."""
        rows = {
            "floor": [self.floor, self.payload, "-", str(MEMORY_MIB), "byte"],
            "hull, virtio console": [*self.request("console", "byte", serial_console=True), self.monitor],
            "hull, vsock": self.with_agent("vsock", "byte hull.agent=vsock", serial_console=True),
            "hull, vsock and virtio console": self.with_agent("both", "byte hull.agent=vsock", serial_console=True, virtio_console=True),
        }
        if self.qemu:
            rows["QEMU microvm"] = self.qemu_microvm()
        seen = {name: [] for name in rows}
        for _ in range(self.size.machine_rounds):
            for name, words in rows.items():
                seen[name] += self.ask(AT_ONCE, words)
        calls = {name: self.ask("calls", words)[0] for name, words in rows.items()}
        return seen, calls

    def first_byte_bars(self, seen, calls):
        """Whether the floor is one, and how far above it hull is."""
        quick = {name: tenth([first for first, _ in runs]) for name, runs in seen.items()}
        bars = [
            Bar("the floor is one: system calls before a guest runs", calls["floor"][0], FLOOR_CALLS, FLOOR_CALLS),
            Bar("... of which KVM's", calls["floor"][1], FLOOR_KVM_CALLS, FLOOR_KVM_CALLS),
        ]
        if "QEMU microvm" in quick:
            bars.append(Bar("... and its first byte, share of QEMU microvm's", quick["floor"] / quick["QEMU microvm"], FLOOR_OF_QEMU, 0.2))
        for name in [name for name in quick if name.startswith("hull,")]:
            bars.append(Bar(f"{name}, with disk and net: first byte, times the floor", quick[name] / quick["floor"], 1.5, 4))
        return bars

    def trips(self):
        """{who answers: ticks from a guest's notification to its interrupt's handler}, each run's tenth."""
        rows = {
            "floor": [self.floor, self.payload, "-", str(MEMORY_MIB), "bare-trips"],
            "hull, rng device": [*self.request("trips", "trips", serial_console=True), self.monitor],
        }
        seen = {name: [] for name in rows}
        for _ in range(self.size.machine_rounds):
            for name, words in rows.items():
                seen[name].append(int(self.said(words).split()[1]))
        return {name: tenth(figures) for name, figures in seen.items()}

    # --- instances as 'hull run' makes them ---------------------------------------------------------------------------

    @staticmethod
    def say_kvm_works(root, word="yes"):
        """Word that this KVM can run a kernel, which hull would not try by itself. Or why it cannot."""
        with open(f"{root}/.kvm-probe", "w", encoding="ascii") as probe:
            probe.write(f"{word}\n")

    def take_kernel(self):
        """The payload as a kernel."""
        self.view.run([*self.hull.words, "kernel", "import", "--name", "payload", self.payload])
        os.makedirs(self.hull.root, mode=0o700, exist_ok=True)
        self.say_kvm_works(self.hull.root)

    def machine(self, name):
        """A machine that stays, with its disks, a network and a volume."""
        options = ["--isolation", "vm", "--vm-backend", "kvm", "--memory", f"{MEMORY_MIB}m", "--kernel", "payload", "--volume", "bench:/v"]
        return self.hull.start(name, options)

    def in_view(self, rounds, at_once, rows):
        """
        {row: [(microseconds to the first byte, to the end)]}. Where v1's CPU controller has a tree of its own, it keeps real-time processes out of new cgroups:
        then that tree is not to be seen.
        """
        hide = 'mountpoint -q /sys/fs/cgroup/cpu && umount /sys/fs/cgroup/cpu; exec "$@"'
        prefix = ["unshare", "--mount", "sh", "-c", hide, "sh", *self.prefix] if self.prefix else []
        seen = {name: [] for name in rows}
        for _ in range(rounds):
            for name, words in rows.items():
                seen[name] += self.ask(at_once, words, prefix)
        return seen

    def bundle_of(self, name, kernel, **more):
        """A bundle whose machine boots `kernel`, as the words that run it."""
        bundle, root = f"{self.folder}/{name}", f"{self.state}/{name}"
        with open(f"{self.bundle}/config.json", encoding="utf-8") as file:
            config = json.load(file)
        config["vm"] = {"kernel": kernel, **more}
        for folder in (f"{bundle}/rootfs", root):
            os.makedirs(folder, mode=0o700)
        with open(f"{bundle}/config.json", "w", encoding="utf-8") as file:
            json.dump(config, file)
        return root, [f"{self.hull.tree}/bin/hull-vm-oci", "--root", root, "run", "--bundle", bundle, f"bench-{name}"]

    @contextlib.contextmanager
    def state_in_memory(self):
        """Where it belongs, and where /run is not everywhere: what an inode costs on a disk is not what a jail adds."""
        os.makedirs(self.state)
        rivals.output_of(["mount", "-t", "tmpfs", "-o", "mode=0700", "state", self.state])
        try:
            yield
        finally:
            rivals.output_of(["umount", self.state])

    def jailed(self):
        """
        The monitor alone and in its jail, as a container runtime makes that, with the same guest and devices: a console, randomness, a balloon and a shared folder.
        (Each word that a payload is told costs it some microseconds, where KVM emulates.) Its guest's first bytes are none that the agent would say: what is timed
        is the monitor's complaint, the same for both. Alone it is measured without its filters of system calls, too, which are a part of the jail.

        And the runtime up to where it would begin with a jail, whose plan is a part of what that adds: its start, the bundle read, the machine planned, of which
        the last words are refused.
        """
        with self.state_in_memory():
            kernel = {"path": self.payload, "initrd": f"{self.folder}/start", "parameters": ["console"]}
            size = {"hwConfig": {"memory": MEMORY_MIB << 20}}
            root, words = self.bundle_of("jail", kernel, **size)
            self.say_kvm_works(root)
            refused_root, refused = self.bundle_of("refused", {**kernel, "parameters": ["x" * 2048]}, **size)
            self.say_kvm_works(refused_root)
            share = [{"tag": "root", "path": f"{self.folder}/jail/rootfs", "read_only": False}]
            told = words_of("runtime/spec/plan_vm.h", "PLAN_VM_CMDLINE PLAN_VM_REBOOT_KVM")
            alone = self.with_agent("jail", f"{told} console", volumes=share, disks=[], nics=[], control_listen_fd=11)
            alone.insert(0, f"11=listen:{self.folder}/control")
            rows = {
                "hull-vmm alone, without filters": ["unfiltered", *alone],
                "hull-vmm alone": alone,
                "hull-vm-oci run, refused with its machine planned": refused,
                "hull-vm-oci run": words,
            }
            return self.in_view(self.size.machine_rounds, AT_ONCE, rows)

    @staticmethod
    def jail_bars(jailed):
        """What a jail adds: by itself, and with all that a container runtime is beside it."""
        bare, _, refused, inside = (tenth([first for first, _ in runs]) / 1000 for runs in jailed.values())
        return [
            Bar("a jail (cgroup, namespaces, filters): adds to the first byte", inside - refused - bare, 2, 20, " ms"),
            Bar("... with the runtime's own start, its bundle read and its plan made", inside - bare, 2, 20, " ms"),
        ]

    def stock_kernel(self):
        """Debian's kernel, and an initramfs whose first process says a byte and resets the machine: their paths."""
        kernel, guest = f"{self.folder}/kernel", f"{self.folder}/guest"
        package = rivals.output_of([f"{HERE}/../../contrib/kernel/debian"]).strip()
        os.makedirs(f"{guest}/dev")
        compiler = ["gcc", "-O2", "-static", "-nostdlib", "-ffreestanding", "-fno-stack-protector", "-s"]
        rivals.output_of([*compiler, "-o", f"{guest}/init", f"{HERE}/../vm/nested-mark.c"])
        # What hull knows its agent by: no other first process is let in.
        with open(f"{guest}/init", "a", encoding="ascii") as init:
            init.write(words_of("runtime/vm/agent_protocol.h", "AGENT_MARK"))
        make = 'dpkg-deb --fsys-tarfile "$1" | tar --extract --to-stdout --wildcards "./boot/vmlinuz-*" >"$2" && cd "$3" && find . | busybox cpio -o -H newc >"$3.cpio"'
        rivals.output_of(["sh", "-c", make, "sh", package, kernel, guest])
        return kernel, f"{guest}.cpio"

    def emulated(self):
        """QEMU alone, and as hull starts it, without KVM: to the first process of a stock kernel, whose machine ends there."""
        kernel, initrd = self.stock_kernel()
        root, words = self.bundle_of("emulated", {"path": kernel, "initrd": initrd})
        self.say_kvm_works(root, "not for this")
        cmdline = f"console=ttyS0 quiet panic=-1 cryptomgr.notests random.trust_cpu=on reboot=t tsc_early_khz={tsc_khz()}"
        bare = ["2=/dev/null", self.qemu, "-M", "microvm,rtc=on", "-accel", "tcg", "-m", "512", "-nodefaults", "-no-user-config", "-no-reboot"]
        bare += ["-display", "none", "-serial", "stdio", "-kernel", kernel, "-initrd", initrd, "-append", cmdline]
        return self.in_view(self.size.emulated_rounds, 1, {"QEMU alone": bare, "hull-vm-oci run, QEMU": words})

    def parts(self):
        """The processes of all machines that run."""
        return [pid for pid in descendants(self.view.process.pid) if read(f"/proc/{pid}/comm").startswith("hull-")]

    def held(self, names):
        """(Pss, anonymous, processes) of one machine, in KiB, beside its guest's memory."""
        parts = self.parts()
        areas = [area for pid in parts for area in areas_of(pid) if not area.is_guests]
        figures = sum(area.pss for area in areas), sum(area.anonymous for area in areas), len(parts)
        return tuple(figure / len(names) for figure in figures)

    def idled(self, names):
        """(share of a core, threads' turns) of one machine, each second."""
        parts = self.parts()
        before, began = [turns(pid) for pid in parts], time.monotonic()
        time.sleep(self.size.idle_s)
        seconds = time.monotonic() - began
        after = [turns(pid) for pid in parts]
        ran_ns, times = (sum(new[i] - old[i] for new, old in zip(after, before)) for i in range(2))
        return ran_ns / 1e9 / seconds / len(names), times / seconds / len(names)

    def alike(self, say):
        """Many that run alike: what one of them holds, and what it does while its guest does nothing."""
        names = [f"alike-{i}" for i in range(self.size.machines)]
        self.take_kernel()
        say(f"machines: {len(names)} that idle for {self.size.idle_s} s")
        for name in names:
            self.view.run(self.machine(name))
        time.sleep(1)
        held, idled = self.held(names), self.idled(names)
        self.view.run(self.hull.remove(names), timeout_s=600)
        self.view.settle(timeout_ms=30000)
        return held, idled

    @staticmethod
    def alike_bars(held, idled):
        """The bars on those."""
        return [
            Bar("a machine with a volume, memory beside the guest's: Pss", held[0], 600, 2000, " KiB"),
            Bar("... anonymous", held[1], 256, 1000, " KiB"),
            Bar("... an idle one: share of a core, percent", idled[0] * 100, 0.1, 5),
        ]

    def said(self, words):
        """What a guest says, whole."""
        return rivals.output_of([*self.prefix, self.first_byte, "said", *words])

    def measure(self, say):
        """All of it: prints the tables. Returns (bars, what is to be kept as data)."""
        self.prepare()
        say("machines: first bytes")
        seen, calls = self.first_bytes()
        report.print_machines("a monitor's exec to its guest's first byte", seen, calls, tenth)
        bars = self.first_byte_bars(seen, calls)
        say("machines: round trips")
        trips = self.trips()
        report.print_list("a guest's notification to its interrupt's handler, ticks", trips)
        bars.append(Bar("eventfd to irqfd, guest to guest, times the floor", trips["hull, rng device"] / trips["floor"], 1.2, 3))
        say("machines: jails")
        jailed = self.jailed()
        report.print_machines("a machine's start to the monitor's first word of it", jailed, None, tenth)
        bars += self.jail_bars(jailed)
        if self.qemu:
            say("machines: QEMU without KVM")
            emulated = self.emulated()
            report.print_machines("an emulated machine's start to its end at the first process", emulated, None, tenth)
            alone, inside = (tenth([end for _, end in runs]) for runs in emulated.values())
            bars.append(Bar("hull with QEMU: adds to bare QEMU's start to init", (inside - alone) / 1000, 100, 3000, " ms"))
        held, idled = self.alike(say)
        report.print_held({f"hull run --isolation vm, {self.size.machines} alike": held})
        bars += self.alike_bars(held, idled)
        size = os.path.getsize(self.monitor) / (1 << 20)
        bars.append(Bar("the monitor's program", size, 1.5, 1.5, " MiB"))
        kept = {"first_byte_us": seen, "calls": calls, "trips": trips, "jailed_us": jailed, "held_kib": held, "idle": idled, "program_mib": size}
        return bars, kept
