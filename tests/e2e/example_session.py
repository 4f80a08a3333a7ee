# SPDX-License-Identifier: GPL-2.0-or-later
"""The example of tests/zharness as a program: a scripted session of a user. Run it from the repository's top with
PYTHONPATH=tests python3 tests/e2e/example_session.py; it boots a box if none called "mine" is up."""

import sys

from zharness import Gdb, Zgdbd, guest, open_box


def session(box_name):
    with open_box(box_name) as box, Zgdbd(box, guest("calls")) as daemon, Gdb() as gdb:
        gdb.connect(daemon)                              # no file and no `set`: gdb asks the daemon for all it needs
        gdb.execute("break twice")
        for _ in range(3):
            stop = gdb.go("continue")                    # returns when the guest has stopped
            print(stop.function, "value =", gdb.value("value"), "watched =", gdb.value("watched"))
        print(gdb.execute("monitor psw"))
        gdb.execute("kill")


if __name__ == "__main__":
    session(sys.argv[1] if len(sys.argv) > 1 else "mine")
