# SPDX-License-Identifier: GPL-2.0-or-later
"""The table, and the bars below it."""
import json
import statistics


class Bar:
    """A figure that has to be at most so much. In a smoke test `generous` decides, which no noise reaches."""

    def __init__(self, what, value, limit, generous, unit=""):
        self.what, self.value, self.limit, self.generous, self.unit = what, value, limit, generous, unit

    def is_met(self):
        """Whether the figure is within the bar."""
        return self.value <= self.limit

    def is_sane(self):
        """Whether the figure is within what even a busy machine must reach."""
        return self.value <= self.generous

    def line(self):
        """As it is printed."""
        verdict = "PASS" if self.is_met() else "MISS"
        figure = f"{self.value:.3f}" if self.limit < 0.1 else f"{self.value:.2f}" if self.limit < 100 else f"{self.value:.0f}"
        return f"  {verdict}  {self.what:<76} {figure:>7} (at most {self.limit:.4g}{self.unit})"


def print_starts(samples, reference):
    """One line a row; the reference's column is 1.00."""
    base = samples[reference]
    columns = f"{'hot ms':>8} {'x crun':>7} {'fastest':>8} {'cold ms':>8} {'x crun':>7} {'peak MiB':>9}"
    print(f"\n{'start to end of true(1), median':<44} {columns}")
    for row, seen in samples.items():
        hot, cold = seen.hot_ms(), seen.cold_ms()
        ratios = hot / base.hot_ms(), cold / base.cold_ms()
        figures = f"{hot:8.2f} {ratios[0]:7.2f} {min(seen.hot):8.2f} {cold:8.2f} {ratios[1]:7.2f} {seen.peak_kib / 1024:9.2f}"
        print(f"{row.name:<44} {figures}")


def print_verbs(samples, names):
    """{(verb, bundle, runtime): Samples}: one line a verb and bundle, a column a runtime, and beside it the ratio to the first."""
    for heat in ("hot", "cold"):
        print(f"\n{heat + ', median ms (times ' + names[0] + chr(39) + 's)':<32} " + " ".join(f"{name:>20}" for name in names))
        for verb, bundle in dict.fromkeys(key[:2] for key in samples):
            of = {name: getattr(samples[(verb, bundle, name)], f"{heat}_ms")() for name in names if (verb, bundle, name) in samples}
            cells = [f"{of[name]:12.2f} ({of[name] / of[names[0]]:5.2f})" if name in of else f"{'':>20}" for name in names]
            print(f"{verb + ' ' + bundle:<32} " + " ".join(cells))
    peaks = {name: max(seen.peak_kib for key, seen in samples.items() if key[0] == "run" and key[2] == name) for name in names}
    print(f"{'peak memory of run, MiB':<32} " + " ".join(f"{peaks[name] / 1024:20.2f}" for name in names))


def print_steps(title, steps):
    """{column: {step: figure}}."""
    print(f"\n{title:<44} " + " ".join(f"{column:>8}" for column in steps))
    for step in next(iter(steps.values())):
        print(f"{step:<44} " + " ".join(f"{column[step]:8.0f}" for column in steps.values()))


def print_list(title, figures):
    """{name: figure}."""
    print(f"\n{title}")
    for name, figure in figures.items():
        print(f"  {name:<42} {figure:8.0f}")


def print_machines(title, seen, calls, quickest):
    """{monitor: [(first byte, end)]}, and {monitor: (system calls, KVM's)} or None."""
    print(f"\n{title:<52} {'first, us':>10} {'median':>8} {'end':>8}" + (f" {'calls':>7} {'KVM':>5}" if calls else ""))
    for name, runs in seen.items():
        firsts, ends = zip(*runs)
        counted = f" {calls[name][0]:7d} {calls[name][1]:5d}" if calls else ""
        print(f"{name:<52} {quickest(firsts):10.0f} {statistics.median(firsts):8.0f} {quickest(ends):8.0f}{counted}")


def print_held(held):
    """{name: (Pss, anonymous, processes)}, each for one container."""
    print(f"\n{'held for each of the containers running alike':<44} {'Pss KiB':>8} {'anonymous KiB':>14} {'processes':>10}")
    for name, (pss, anonymous, processes) in held.items():
        print(f"{name:<44} {pss:8.0f} {anonymous:14.0f} {processes:10.1f}")


def print_compared(title, columns, rows):
    """{name: (median without, median with)}."""
    print(f"\n{title:<44} {columns[0]:>14} {columns[1]:>14} {'ratio':>7}")
    for name, (without, beside) in rows.items():
        print(f"{name:<44} {without:14.2f} {beside:14.2f} {beside / without:7.2f}")


def print_bars(bars):
    """The verdicts."""
    print("\nbars")
    for bar in bars:
        print(bar.line())


def save(path, document, bars):
    """The same as data, for comparing runs."""
    document["bars"] = [{"what": bar.what, "value": bar.value, "limit": bar.limit, "met": bar.is_met()} for bar in bars]
    with open(path, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1)


def starts_as_data(samples):
    """{row: Samples}, for save()."""
    return {
        row.name: {"hot_ms": seen.hot_ms(), "cold_ms": seen.cold_ms(), "peak_kib": seen.peak_kib, "hot": seen.hot, "cold": seen.cold}
        for row, seen in samples.items()
    }
