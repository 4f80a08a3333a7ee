# SPDX-License-Identifier: GPL-2.0-or-later
"""Several CPUs, three of which are busy all the time: how long until all stand after an interrupt, and what a step of one
costs while the others run."""

import os
import time

import zbox
from zbench.programs import MEMORY_MIB, PORTS, Program
from zharness.elf import symbols

CPUS = 4
NAMES = ("interrupt_4_cpus", "stepi_4_cpus")


class Busy:
    """A stub whose guest is tests/guests/smp.c, all CPUs of it counting."""

    def __init__(self, program, elf):
        self.name = program.name
        self.rsp = program.connect()
        self.rsp.start()
        where = symbols(elf)["all_up"]
        self.rsp.insert(0, where)
        self.rsp.resume()
        self.rsp.wait_stop()
        self.rsp.remove(0, where)

    def close(self):
        self.rsp.close()

    def interrupt_4_cpus(self):
        self.rsp.resume()
        begun = time.perf_counter()
        self.rsp.raw(b"\x03")
        self.rsp.wait_stop()
        return time.perf_counter() - begun

    def stepi_4_cpus(self):
        """As gdb does it unless told otherwise: the others go on."""
        took, reply, _ = self.rsp.exchange(b"vCont;s:1;c")
        if b"$T05" not in reply:
            raise zbox.Failure(f"stepi_4_cpus of {self.name}: {reply[:80]!r}")
        return took


def command(commands, name, elf):
    port = PORTS[name]
    if name == "zgdbd":
        return [commands.binary, "--cpus", str(CPUS), "--memory", f"{MEMORY_MIB}M", "--listen", f"tcp:0.0.0.0:{port}", "--listen-any",
                elf]
    return [*([] if commands.native else ["LD_PRELOAD=/lib/cowshim.so"]), "qemu-system-s390x", "-accel", "kvm", "-smp", str(CPUS), "-m",
            str(MEMORY_MIB), "-nodefaults", "-no-shutdown", "-display", "none", "-S", "-gdb", f"tcp:0.0.0.0:{port}", "-kernel", elf]


def guest_elf(build):
    return os.path.join(build, "guests", "smp.elf")


def measure(box, commands, figures, elf, rounds, progress):
    pushed = box.push(elf)
    for number in range(rounds):
        for name in ("zgdbd", "qemu"):
            progress(f"round {number + 1} of {rounds}: {' and '.join(NAMES)} of {name}")
            with Program(box, commands, name, "tcp", command(commands, name, pushed)) as program:
                busy = Busy(program, elf)
                for case in NAMES:
                    for _ in range(50):
                        figures.add(case, name, getattr(busy, case)() * 1e3)
                busy.close()
