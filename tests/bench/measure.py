# SPDX-License-Identifier: GPL-2.0-or-later
"""Running commands in a view of the machine, and what /proc says of the processes that they leave."""
import os
import random
import signal
import statistics
import subprocess
import time

IDLE_SECONDS = 0.2  # before a cold start: so long that the kernel's grace periods are over
SETTLE_MS = 3000
AMONG_OTHERS_MS = 200  # where something is meant to go on running, and the end of the rest cannot be told


class Failed(Exception):
    """A command of the benchmark did not do what it should; the message says which, and what it printed."""


class View:
    """A place to run commands in: a runner process behind `prefix`, which makes the view. Ends with close()."""

    def __init__(self, name, prefix, runner, log_path):
        self.name = name
        self.log_path = log_path
        with open(log_path, "ab") as log:
            # In a session of its own: Ctrl-C reaches us alone, and the runner stays to hold on to what is to be taken
            # away.
            self.process = subprocess.Popen(
                [*prefix, runner], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True
            )

    def _ask(self, request):
        try:
            self.process.stdin.write(request)
            self.process.stdin.flush()
            answer = self.process.stdout.readline().split()
        except BrokenPipeError:
            answer = []
        if len(answer) != 4 or answer[0] != "done":
            raise Failed(f"the runner of view '{self.name}' ended:\n{self.log_tail()}")
        return int(answer[1]), int(answer[2]) / 1e6, int(answer[3])

    def log_tail(self):
        with open(self.log_path, "rb") as log:
            return log.read()[-1500:].decode(errors="replace").strip()

    def run(self, words, timeout_s=120, check=True):
        """Runs a command to its end. Returns milliseconds, and the highest resident memory of any of its processes in KiB."""
        request = f"run {timeout_s * 1000} {len(words)}\n" + "".join(f"{word}\n" for word in words)
        status, ms, peak_kib = self._ask(request)
        if check and status != 0:
            raise Failed(f"'{' '.join(words)}' in view '{self.name}': exit status {status}:\n{self.log_tail()}")
        return ms, peak_kib

    def settle(self, timeout_ms=SETTLE_MS):
        """Waits until nothing that the commands left behind runs any more. Returns the highest peak among that, in KiB."""
        return self._ask(f"settle {timeout_ms}\n")[2]

    def close(self):
        """To be called when nothing that it adopted runs any more."""
        try:
            self.process.stdin.close()
            self.process.wait(timeout=10)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()


class Samples:
    """What is known of one row of the table."""

    def __init__(self):
        self.hot, self.cold, self.peak_kib = [], [], 0

    def hot_ms(self):
        return statistics.median(self.hot)

    def cold_ms(self):
        return statistics.median(self.cold)


def measure_starts(rows, rounds_hot, rounds_cold, settles=True):
    """
    Measures all rows side by side: each round takes them in a new random order. Returns {row: Samples}.

    Hot: a burst of the same command back to back, of which the first does not count: it finds the caches of another's. Cold: one
    command after an idle moment. What a burst leaves running has ended before the next begins, so that no row pays for another; not
    with `settles` False, for where something is meant to go on running.
    """
    settle_ms = SETTLE_MS if settles else AMONG_OTHERS_MS
    samples = {row: Samples() for row in rows}
    for _ in range(rounds_hot):
        for row in random.sample(rows, len(rows)):
            for turn in range(row.burst):
                ms, peak_kib = row.run()
                if turn > 0:
                    samples[row].hot.append(ms)
                samples[row].peak_kib = max(samples[row].peak_kib, peak_kib)
            row.finish()
            samples[row].peak_kib = max(samples[row].peak_kib, row.view.settle(settle_ms))
    for _ in range(rounds_cold):
        for row in random.sample(rows, len(rows)):
            time.sleep(IDLE_SECONDS)
            samples[row].cold.append(row.run()[0])
            row.finish()
            row.view.settle(settle_ms)
    return samples


def descendants(root):
    """The pids of all processes below `root`."""
    children = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as stat:
                parent = int(stat.read().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(entry))
    found, look_at = [], [root]
    while look_at:
        below = children.get(look_at.pop(), [])
        found += below
        look_at += below
    return found


def held_kib(view, count):
    """
    Memory that `count` containers running in the view hold beside their programs: (Pss, anonymous, processes), in KiB for each.

    A program is a process in another pid namespace than ours; everything else below the view's runner is what it takes to keep it.
    """
    own = os.readlink("/proc/self/ns/pid")
    pss = anonymous = processes = 0
    for pid in descendants(view.process.pid):
        try:
            if os.readlink(f"/proc/{pid}/ns/pid") != own:
                continue
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
                fields = {line.split(":")[0]: line.split()[1] for line in rollup if line.count(":") == 1}
        except OSError:
            continue
        pss += int(fields["Pss"])
        anonymous += int(fields["Anonymous"])
        processes += 1
    return pss / count, anonymous / count, processes / count


def kill_descendants(root, timeout_s=10):
    """Ends all that is left below `root`, which may be more at a second look."""
    deadline = time.monotonic() + timeout_s
    while (left := descendants(root)) and time.monotonic() < deadline:
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.05)
