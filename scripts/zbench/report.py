# SPDX-License-Identifier: GPL-2.0-or-later
"""The panic report of a Linux guest: what it costs when it is made for the first time, for which the kernel's symbols are read,
and when it is made again; against a plain copy, over the same connection, of as much memory as it reads."""

import re
import time

import zbox
from zbench.programs import PORTS, Program, zgdbd_command

NAMES = ("report_first", "report_again")
COST = r"the report took (\d+) us, for which (\d+) bytes"
COPY_AT = 0x1000000
PIECE = 0x10000
LOG_LIMIT = 10  # seconds


def costs(program, count):
    """[(seconds, bytes)] of the first COUNT reports, by the log, which comes a little later than the answers."""
    limit = time.monotonic() + LOG_LIMIT
    while True:
        program.errors.seek(0)
        found = [(int(took) / 1e6, int(size)) for took, size in re.findall(COST, program.errors.read())]
        if len(found) >= count:
            return found[:count]
        if time.monotonic() > limit:
            raise zbox.Failure(f"zgdbd has told the cost of {len(found)} reports, not of {count}")
        time.sleep(0.2)


def copy(rsp, size):
    begun = time.perf_counter()
    for at in range(COPY_AT, COPY_AT + size, PIECE):
        rsp.bytes(f"x{at:x},{min(PIECE, COPY_AT + size - at):x}")
    return time.perf_counter() - begun


def measure(box, commands, figures, rounds, progress):
    words = zgdbd_command(commands.binary, commands.image, "--listen", f"tcp:0.0.0.0:{PORTS['zgdbd']}", "--listen-any", "--log", "debug")
    for number in range(rounds):
        progress(f"round {number + 1} of {rounds}: {' and '.join(NAMES)} of zgdbd")
        with Program(box, commands, "zgdbd", "tcp", words) as program:
            rsp = program.connect()
            rsp.start()
            rsp.go(timeout=60)  # to its panic, with a report
            rsp.monitor("panic")
            for name, (took, size) in zip(NAMES, costs(program, 2)):
                figures.add(name, "zgdbd", took * 1e3)
                figures.add(name, "floor", copy(rsp, size) * 1e3)
            rsp.close()
