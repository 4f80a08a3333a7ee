# SPDX-License-Identifier: GPL-2.0-or-later
"""Scripted sessions with zgdbd: the box that has KVM, the daemon in it, the real gdb (Gdb) or a bare protocol client (Rsp).
A session in ten lines (tests/e2e/example_session.py is this one, run by a test):

    from zharness import Gdb, Zgdbd, guest, open_box

    with open_box("mine") as box, Zgdbd(box, guest("calls")) as daemon, Gdb() as gdb:
        gdb.connect(daemon)                              # no file and no `set`: gdb asks the daemon for all it needs
        gdb.execute("break twice")
        for _ in range(3):
            stop = gdb.go("continue")                    # returns when the guest has stopped
            print(stop.function, "value =", gdb.value("value"), "watched =", gdb.value("watched"))
        print(gdb.execute("monitor psw"))
        gdb.execute("kill")

Every wait has a deadline and every process started is ended by its id at the end of its `with`. Only the standard
library is used. The guests are described at the top of tests/guests/*."""

from .daemon import ConsoleClient, Zgdbd, open_box
from .elf import symbols
from .gdb import Gdb, GdbError, Stop
from .paths import BUILD, ROOT, guest
from .rsp import Rsp, RspError
from .tcg import Tcg

__all__ = ["BUILD", "ConsoleClient", "Gdb", "GdbError", "ROOT", "Rsp", "RspError", "Stop", "Tcg", "Zgdbd", "guest", "open_box", "symbols"]
