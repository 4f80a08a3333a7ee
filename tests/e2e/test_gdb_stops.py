# SPDX-License-Identifier: GPL-2.0-or-later
"""What the real gdb tells of a stop, and scripts that drive it: gdb's own words, so a user's scripts may look for them."""

import subprocess

import pytest
from zharness import GdbError

BOTH_GDBS = True

SCRIPT = """
set width 0
tbreak add
commands
  silent
  printf "first add: %ld %ld\\n", a, b
  continue
end
python
class Even(gdb.Breakpoint):
    seen = []
    def stop(self):
        self.seen.append(int(gdb.parse_and_eval("value")))
        return self.seen[-1] == 4
even = Even("twice")
end
continue
python print("python saw", Even.seen, even.hit_count)
python even.delete()
display/x watched
break shutdown
continue
info threads
record full
stepi 5
"""


def test_each_kind_of_stop_in_words(bench):
    gdb = bench.gdb(bench.zgdbd("calls"))
    assert "Breakpoint 1 at " in gdb.execute("break twice")
    assert "Breakpoint 1, twice (" in gdb.execute("continue")
    assert '"CPU 0" (operating; breakpoint; PSW ' in gdb.execute("info threads")
    assert "Hardware assisted breakpoint 2" in gdb.execute("hbreak add")
    gdb.execute("display watched")
    text = gdb.execute("continue")
    assert "Breakpoint 2, add (" in text and "1: watched = 0\n" in text
    gdb.execute("tbreak add")
    gdb.execute("delete 1 2")
    assert "Temporary breakpoint 3, add (" in gdb.execute("continue")
    assert "Hardware watchpoint 4: total" in gdb.execute("watch total")
    text = gdb.execute("continue")
    assert "Hardware watchpoint 4: total\n\nOld value = 2\nNew value = 6\n" in text
    gdb.execute("tbreak twice")  # both kinds at one address
    gdb.execute("hbreak twice")
    text = gdb.execute("continue")
    assert "twice (" in text
    assert "already hit 1 time" in gdb.execute("info breakpoints 6")


@pytest.mark.parametrize("command", ["rwatch total", "awatch total"])
def test_watchpoints_for_reads_are_refused(bench, command):
    daemon = bench.zgdbd("calls")
    gdb = bench.gdb(daemon)
    gdb.execute(command)
    with pytest.raises(GdbError, match="Could not insert hardware watchpoint 1"):
        gdb.execute("continue")
    daemon.await_log("PER tells of stores only")
    gdb.execute("delete")
    gdb.execute("break shutdown")
    assert gdb.go().function == "shutdown"


def test_a_script(bench, tmp_path):
    """gdb -batch -x: commands of a breakpoint, gdb.Breakpoint in Python, and what record does not know."""
    script = tmp_path / "script"
    script.write_text(SCRIPT)
    daemon = bench.zgdbd("calls")
    done = subprocess.run([bench.gdb_program, "-q", "-nx", "-batch", "-ex", f"target remote {daemon.address}", "-x", script],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False)
    said = done.stdout + done.stderr
    for words in ("first add: 0 2\n", "python saw [1, 2, 3, 4] 1\n", "1: /x watched = 0x1e\n",
                  "Don't know how to record b2b2", '"CPU 0" (operating; breakpoint; PSW '):
        assert words in said, said
