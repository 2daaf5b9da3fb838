# SPDX-License-Identifier: GPL-2.0-or-later
"""What the stories about machines share: engines that drive hull-vm-oci. QEMU emulates the processor there: a start takes seconds."""
import os
import platform

from story import Failed, eventually, like, run

BOOT_SECONDS = 120  # on a busy machine


def import_kernel(engine):
    """Debian's kernel, where hull-vm-oci looks for one; no store of the machine's own is touched."""
    os.makedirs("/var/lib/hull", exist_ok=True)
    os.makedirs(f"{engine.folder}/hull")
    run(["mount", "--bind", f"{engine.folder}/hull", "/var/lib/hull"])
    run([f"{os.path.dirname(engine.program)}/hull", "kernel", "import", os.environ["KERNEL_PACKAGE"]])


def patient(arguments):
    """A command's arguments, with time for a machine to boot."""
    return {"timeout": BOOT_SECONDS, **arguments}


def another_kernel(words):
    """Fails unless the first line is the name of a kernel, and not this host's."""
    release = words.splitlines()[0] if words else ""
    like(release, r"^\d+\.\d+")
    if release == platform.release():
        raise Failed(f"the host's own kernel {release} answers")


def boots(what, condition):
    """Waits for what a guest does once it has booted."""
    return eventually(what, condition, BOOT_SECONDS)
