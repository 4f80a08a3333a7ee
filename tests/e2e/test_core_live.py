# SPDX-License-Identifier: GPL-2.0-or-later
"""A Linux guest that has panicked in the box, dumped by `monitor dump` and looked at on this machine: what its dump tells is
what the guest itself told. Kernel with KASLR, two CPUs. (Dumps made by hand: test_core.py.)"""

import difflib
import re

import pytest
from conftest import directory_in
from zharness import Gdb, Zgdbd
from zharness.vmcore import fetch

ASKED = ["monitor psw", "monitor psw 0", "monitor psw 1", "monitor lowcore", "monitor space", "monitor symbols panic", "monitor bt",
         "monitor bt 0", "monitor bt 1", "monitor dmesg", "monitor panic", "monitor modules", "info registers", "x/16i $pc - 32", "x/64xg $r15"]
# Registers for which ELF has no note, which gdb shows as unavailable or not at all; how long it ran, and its last exits.
NOT_IN_A_DUMP = re.compile(r"^(pp|pfault_\w+|tod|tod_epoch|diag318|bpbc|etoken\w*|ran) .*\n|^CPUs +2: .*\n", re.M)


def ask(gdb):
    """No dump tells that a CPU is in the stopped state: where it would run on is all that is known of it."""
    return {command: re.sub(r"^(CPU \d:) stopped", r"\1 operating", NOT_IN_A_DUMP.sub("", gdb.execute(command, timeout=60)), flags=re.M)
            for command in ASKED}


@pytest.fixture(scope="module")
def died(box, tmp_path_factory):
    """What the guest told while it stood, and its dump."""
    path = tmp_path_factory.mktemp("dump") / "vmcore"
    with (directory_in(box) as directory,
          Zgdbd(box, "linux", "--run", "--on-panic", "stop", "--cpus", "2", "--memory", "64M", "--append",
                "cryptomgr.notests", "--dump-dir", directory, timeout=60) as daemon, Gdb() as gdb):
        daemon.await_log("the guest stays stopped")
        gdb.connect(daemon)
        told = ask(gdb)
        said = gdb.execute("monitor dump vmcore", timeout=120)
        assert re.search(r"64 MiB of memory and 2 CPUs of Linux 6\.1", said)
        fetch(box, f"{directory}/vmcore", path)
    return told, path


pytestmark = pytest.mark.timeout(240)


@pytest.mark.long
def test_the_dump_tells_what_the_guest_told(bench, died):
    told, path = died
    gdb = bench.dump(path)
    from_dump = ask(gdb)
    for command in ASKED:
        lines = difflib.unified_diff(told[command].splitlines(), from_dump[command].splitlines(), "guest", "dump", n=1, lineterm="")
        assert "\n".join(lines) == "", command
    # It was really this guest's end that was told, by its names.
    assert re.search(r"#0 .* stop_run\+", told["monitor bt"]) and " panic+" in told["monitor bt"]
    assert "Kernel panic - not syncing" in told["monitor dmesg"]

    assert re.search(r'^\* \d +Thread .* "CPU \d" \(disabled wait', gdb.execute("info threads"), re.M)
