# SPDX-License-Identifier: GPL-2.0-or-later
"""
A story: what an engine is asked, step by step, with one runtime below it. Each file of stories is a program that runs in a lab:

    podman.py RUNTIME_NAME RUNTIME_PATH REPORT LAYOUT [WORDS_OF_A_STEP]

It writes lines of JSON into REPORT: first {"lab", "version"}, then one for each step: {"step", "ok", "ms", "why"}; `ok` is null for
one that the control is not asked. A step that fails does not keep the next from being tried.
"""
import json
import os
import re
import signal
import subprocess
import sys
import time
import traceback

CONTRIB = os.path.abspath(f"{os.path.dirname(os.path.abspath(__file__))}/../../contrib")
STEPS = []
STEP_SECONDS = int(os.environ.get("STORY_STEP_SECONDS", "60"))


class Failed(Exception):
    """What was found is not what was wanted."""


def step(title, without_control=None):
    """Makes a function of the engine a step. `without_control`: why the step is not asked of the runtime that is the control."""

    def add(function):
        STEPS.append((title, function, without_control))
        return function

    return add


class Result:
    """How a command ended."""

    def __init__(self, words, code, out, err):
        self.words, self.code, self.out, self.err = words, code, out, err

    def lines(self):
        """Its output, without the empty lines."""
        return [line for line in self.out.splitlines() if line.strip()]


def run(words, code=0, stdin="", timeout=STEP_SECONDS, **arguments):
    """Runs a command and returns its Result. `code`: the exit code it has to have, None for any."""
    done = subprocess.run(
        words, input=stdin, capture_output=True, text=True, errors="replace", timeout=timeout, check=False, **arguments
    )
    if code is not None and done.returncode != code:
        said = (done.stderr.strip() or done.stdout.strip())[-1000:]
        raise Failed(f"'{' '.join(words)}': exit code {done.returncode}, wanted {code}: {said}")
    return Result(words, done.returncode, done.stdout, done.stderr)


def on_terminal(words, typed="", code=0, timeout=STEP_SECONDS, size=(24, 80), **arguments):
    """The same on a terminal of its own. `typed` is sent as soon as something was printed, or at once when it begins with '!'."""
    import fcntl
    import pty
    import select
    import struct
    import termios

    master, slave = pty.openpty()
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
    process = subprocess.Popen(
        words, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0), **arguments
    )
    os.close(slave)
    output, end = b"", time.monotonic() + timeout
    if typed.startswith("!"):
        os.write(master, typed[1:].encode())
        typed = ""
    while time.monotonic() < end:
        ready, _, _ = select.select([master], [], [], 0.2)
        if not ready:
            if process.poll() is not None:
                break
            continue
        try:
            data = os.read(master, 4096)
        except OSError:  # the last one who had the other end open has closed it
            break
        if not data:
            break
        output += data
        if typed:
            os.write(master, typed.encode())
            typed = ""
    try:
        process.wait(timeout=max(1, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise Failed(f"'{' '.join(words)}' does not end on a terminal; it said {output[-500:]!r}") from None
    finally:
        os.close(master)
    text = output.decode(errors="replace")
    if code is not None and process.returncode != code:
        raise Failed(f"'{' '.join(words)}': exit code {process.returncode}, wanted {code}: {text[-500:]}")
    return Result(words, process.returncode, text.replace("\r\n", "\n"), "")


def sized(rows, columns):
    """A shell's command that ends when its terminal has this size: engines tell it after the start."""
    return f'until [ "$(stty size)" = "{rows} {columns}" ]; do sleep 0.1; done'


# Limits by controller: where v1 has them, and v2.
LIMITS = {
    "memory": ("memory/memory.limit_in_bytes", "memory.max"),
    "pids": ("pids/pids.max", "pids.max"),
    "cpu": ("cpu/cpu.cfs_quota_us", "cpu.max"),
}


def limits_of(*controllers):
    """A shell's command that prints them inside of a container, a line each."""
    v2 = os.path.exists("/sys/fs/cgroup/cgroup.controllers")
    files = " ".join(f"/sys/fs/cgroup/{LIMITS[name][v2]}" for name in controllers)
    return f"cat {files} | cut -d ' ' -f 1"


def equal(found, wanted):
    """Fails unless both are the same."""
    if found != wanted:
        raise Failed(f"found {found!r}, wanted {wanted!r}")


def has(found, wanted):
    """Fails unless the words `found` have `wanted` in them."""
    if wanted not in found:
        raise Failed(f"'{wanted}' is not in {found[-800:]!r}")


def like(found, pattern):
    """Fails unless the regular expression is found; returns the match."""
    match = re.search(pattern, found, re.MULTILINE)
    if not match:
        raise Failed(f"no match for '{pattern}' in {found[-800:]!r}")
    return match


def eventually(what, condition, seconds=60):
    """Waits until `condition()` is true, and returns what it returned; a failure of its own counts as not yet."""
    end, last = time.monotonic() + seconds, ""
    while True:
        try:
            value = condition()
            if value:
                return value
        except (Failed, OSError) as error:
            last = f": {error}"
        if time.monotonic() > end:
            raise Failed(f"not within {seconds} s: {what}{last}")
        time.sleep(0.05)


def count_of(pid):
    """What a program that counts has written last: its file, seen from outside. For a moment each time there is nothing in it."""

    def written():
        with open(f"/proc/{pid}/root/dev/shm/n", encoding="ascii") as file:
            return file.read()

    return int(eventually("a number is written", written))


class Server:
    """An engine's server, started by the story and stopped at its end."""

    def __init__(self, words, log, **arguments):
        self.words, self.log = words, log
        with open(log, "wb") as file:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=file, stderr=file, **arguments)

    def told(self):
        """The end of what it has logged."""
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()[-3000:]

    def ready(self, condition, seconds=60):
        """Waits until it serves."""

        def serves():
            if self.process.poll() is not None:
                raise SystemExit(f"'{self.words[0]}' has ended: {self.told()}")
            return condition()

        try:
            eventually(f"'{self.words[0]}' serves", serves, seconds)
        except Failed as error:
            raise SystemExit(f"{error}\n{self.told()}") from None

    def stop(self):
        """Asks it to end, and sees to it that it does."""
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Engine:
    """What the engines' classes begin with: the runtime, and a folder for all that they write."""

    VERSION = ["true"]  # a command whose first line says what was driven

    def __init__(self, runtime, program, layout):
        self.runtime, self.program, self.layout = runtime, program, layout
        self.folder = f"{os.environ['LAB_DIR']}/engine"
        os.makedirs(self.folder)
        os.chdir(self.folder)  # conmon leaves a file where it was started

    def start(self):
        """Before the first step."""

    def shipped(self, path):
        """A file of contrib/ that tells an engine of hull-oci, as `make install` would write it for this program."""
        with open(f"{CONTRIB}/{path}", encoding="ascii") as file:
            return file.read().replace("/usr/local/bin/hull-oci", self.program)

    def tidy(self):
        """After each step: removes what it has made."""

    def stop(self):
        """After the last step."""

    def leftovers(self):
        """After stop(): what the runtime should have taken back, a line each."""
        return containers_left(self.program)


def containers_left(program):
    """Processes of containers and of the runtime, mounted roots, and cgroups that hold processes, in this lab."""
    left = []
    own = os.readlink("/proc/self/ns/mnt")
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
                words = file.read().replace("\0", " ").strip()
            if words and os.readlink(f"/proc/{pid}/ns/mnt") != own or words.startswith(program):
                left.append(f"process {words}")
        except OSError:
            continue
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        left += [f"mount {line.split()[4]}" for line in file if re.search(r"/(merged|rootfs)( |/)", line)]
    return left


SUBORDINATE_IDS = "containers:2147483648:1000000\n"


def private_places():
    """Engines write at fixed places too. In this lab what they find there stays, and what they write is gone afterwards."""
    lab = os.environ["LAB_DIR"]
    for place in ("/etc", "/var/lib", "/opt"):
        upper, work = f"{lab}/over{place}/upper", f"{lab}/over{place}/work"
        os.makedirs(upper)
        os.makedirs(work)
        run(["mount", "-t", "overlay", "-o", f"lowerdir={place},upperdir={upper},workdir={work}", "clients", place])
    for place, mode in (("/run", "755"), ("/dev/shm", "1777")):
        run(["mount", "-t", "tmpfs", "-o", f"mode={mode}", "clients", place])
    os.makedirs("/run/lock")
    for name in ("subuid", "subgid"):
        with open(f"/etc/{name}", "w", encoding="ascii") as file:
            file.write(SUBORDINATE_IDS)


def attempt(function, engine):
    """(milliseconds, why it failed or None)."""
    began = time.monotonic()
    why = None
    try:
        function(engine)
    except Failed as error:
        why = str(error)
    except subprocess.TimeoutExpired as error:
        why = f"'{' '.join(error.cmd)}' does not end"
    except Exception:  # a step must not end the story
        why = traceback.format_exc(limit=3)
    return int((time.monotonic() - began) * 1000), why


def nothing_left(engine):
    """A step: what the runtime had made is gone, now that the engine is."""

    def look():
        left = engine.leftovers()
        if left:
            raise Failed("; ".join(left))
        return True

    eventually("nothing is left", look)


class Report:
    """The file for who has started this story."""

    def __init__(self, file):
        self.file = file

    def write(self, **members):
        """One line."""
        self.file.write(json.dumps(members) + "\n")
        self.file.flush()

    def step(self, title, function, engine):
        """Tries one, and says how it went. Whether it went well."""
        millis, why = attempt(function, engine)
        self.write(step=title, ok=not why, ms=millis, why=why)
        return not why


def tell_steps(engine, report, control, only):
    """All of them, each with its clean-up."""
    for title, function, without_control in STEPS:
        if only not in title:
            continue
        if control and without_control:
            report.write(step=title, ok=None, ms=0, why=without_control)
            continue
        report.step(title, function, engine)
        _, why = attempt(lambda each: each.tidy(), engine)
        if why:
            report.write(step=f"{title}: the clean-up", ok=False, ms=0, why=why)


def tell(make_engine):
    """The main function of a file of stories."""
    name, program, path, layout = sys.argv[1:5]
    only = sys.argv[5] if len(sys.argv) > 5 else ""
    private_places()
    engine = make_engine(name, program, layout)
    with open(path, "w", encoding="utf-8") as file:
        report = Report(file)
        report.write(lab=os.environ["LAB_DIR"], version=run(make_engine.VERSION).out.splitlines()[0])
        if report.step("the engine starts", lambda each: each.start(), engine):
            tell_steps(engine, report, name == "runc", only)
        report.step("the engine ends", lambda each: each.stop(), engine)
        report.step("nothing is left of its containers", nothing_left, engine)


signal.signal(signal.SIGPIPE, signal.SIG_DFL)
