# SPDX-License-Identifier: GPL-2.0-or-later
"""What the user of a real gdb does: connect in each way, step through C, change the PSW, interrupt, leave and come back."""

import pytest
from zharness import Gdb, GdbError, Zgdbd, guest, symbols
from zharness.daemon import store
from zharness.paths import BUILD

BOTH_GDBS = True
CALLS = symbols(guest("calls"))
EXITS = symbols(guest("exits"))


def look_around(gdb):
    """Nothing was said to gdb but where to connect."""
    assert gdb.value("$pc") == CALLS["_start"]
    assert "larl" in gdb.execute("x/i $pc")
    assert "s390:64-bit" in gdb.execute("show architecture")
    assert gdb.value("*(unsigned long *)&shutdown_psw") == 0x0002000180000000
    assert gdb.go("stepi").address == CALLS["_start"] + 6


def test_over_tcp(bench):
    look_around(bench.gdb(bench.zgdbd("calls")))


def test_over_a_pipe(bench, box):
    gdb = bench.gdb()
    gdb.connect(Zgdbd.pipe(box, guest("calls")))
    look_around(gdb)
    gdb.execute("kill")


def test_over_a_unix_socket(bench, box):
    """The socket lies in the box; a small relay there leads to it."""
    path = f"/tmp/zgdbd-test-{box.name}"
    bench.zgdbd("calls", listen=f"unix:{path}")
    assert box.run(["stat", "-c", "%a", path], capture_output=True, text=True).stdout.strip() == "600"
    gdb = bench.gdb()
    gdb.connect("| " + " ".join(box.command([store(box, f"{BUILD}/guests/unixcat"), path])))
    look_around(gdb)


def test_c_program(bench):
    gdb = bench.gdb(bench.zgdbd("calls"))
    gdb.execute("break guest_main")
    assert gdb.go().function == "guest_main"
    gdb.execute("tbreak add")
    stop = gdb.go()
    assert (stop.function, gdb.value("a"), gdb.value("b")) == ("add", 0, 2)
    assert "guest_main" in gdb.execute("backtrace") and "_start" in gdb.execute("backtrace")
    assert gdb.go("next").function == "add"
    stop = gdb.go("finish")
    assert (stop.function, stop.field("return-value")) == ("guest_main", "2")
    gdb.execute("tbreak twice")
    gdb.go()
    assert gdb.go("step").function == "twice"
    assert gdb.go("finish").field("return-value") == "4"
    gdb.execute("break factorial if n == 2")
    assert gdb.go().function == "factorial"
    assert gdb.execute("backtrace").count(" factorial (") == 5
    gdb.execute("delete")
    gdb.execute("break shutdown")
    gdb.go()
    assert (gdb.value("answer"), gdb.value("watched"), gdb.value("total")) == (720, 30, 30)


def test_set_pc_and_pswm(bench):
    gdb = bench.gdb(bench.zgdbd("exits"))
    gdb.execute("break exits_idle")
    gdb.go()
    gdb.execute("delete")
    gdb.execute("set $pc = &go_operation")
    gdb.execute("set $pswm = 0x0000300180000000")
    assert gdb.psw() == (0x0000300180000000, EXITS["x_operation"])
    assert gdb.go("stepi").address == EXITS["pgm_handler"]
    assert gdb.value("*(unsigned long *)0x150") == 0x0000300180000000
    assert gdb.value("*(unsigned long *)0x158") == EXITS["x_operation_after"]


def test_ctrl_c_in_a_loop_and_in_a_wait(bench):
    gdb = bench.gdb(bench.zgdbd("exits"))
    gdb.execute("break exits_idle")
    gdb.go()
    gdb.execute("delete")
    for entry, psw in (("loop", (0x180000000, EXITS["x_loop"])), ("wait", (0x0102000180000000, EXITS["x_wait_at"]))):
        gdb.execute("set $pswm = 0x180000000")
        gdb.execute(f"set $pc = &go_{entry}")
        gdb.resume()
        assert gdb.interrupt().signal == "SIGINT"
        while gdb.psw()[1] != psw[1]:  # was interrupted on the way there
            gdb.resume()
            gdb.interrupt()
        assert gdb.psw()[1] == psw[1] and gdb.psw()[0] & ~(3 << 44) == psw[0]


def test_detach_and_come_back(bench):
    daemon = bench.zgdbd("exits")
    gdb = bench.gdb(daemon)
    gdb.execute("break exits_idle")
    gdb.go()
    assert gdb.value("*(long *)&exits_count") == 0
    gdb.execute("detach")
    again = bench.gdb(daemon)
    count = again.value("*(long *)&exits_count")
    assert count > 0
    again.execute("tbreak exits_idle")
    again.go()
    assert again.value("*(long *)&exits_count") in (count, count + 1)
    again.quit()
    third = bench.gdb(daemon)
    assert third.value("*(long *)&exits_count") > count


@pytest.mark.parametrize("action", ["run", "stop"])
def test_gdb_is_killed_in_the_middle_of_a_step(bench, action):
    daemon = bench.zgdbd("exits", "--on-disconnect", action, "--log", "info")
    gdb = bench.gdb(daemon)
    gdb.execute("break exits_returned")
    gdb.execute("stepi 20")
    gdb.resume("stepi 1000000")
    gdb.close()
    daemon.await_log("connection has ended")
    again = bench.gdb(daemon)
    count = again.value("*(long *)&exits_count")
    assert count > 0
    again.execute("tbreak exits_idle")
    again.go()
    assert again.value("$pc") == EXITS["exits_idle"]
    assert again.memory(EXITS["exits_returned"], 2) != b"\0\0"


def test_second_gdb_is_refused(bench):
    daemon = bench.zgdbd("exits")
    gdb = bench.gdb(daemon)
    second = bench.gdb()
    with pytest.raises(GdbError):
        second.connect(daemon)
    assert "another debugger" in "\n".join(second.transcript)
    assert gdb.go("stepi").address == EXITS["_start"] + 6


def test_kill_and_start_again(bench):
    daemon = bench.zgdbd("exits")
    gdb = bench.gdb(daemon)
    gdb.execute("break exits_idle")
    gdb.go()
    gdb.go()
    gdb.execute("set var *(long *)&exits_argument = 99")
    gdb.execute("kill")
    again = bench.gdb(daemon)
    assert again.value("$pc") == EXITS["_start"]
    assert again.value("*(long *)&exits_argument") == 0
    assert again.value("*(long *)&exits_count") == 0


def test_monitor(bench):
    daemon = bench.zgdbd("exits")
    gdb = bench.gdb(daemon)
    listed = gdb.execute("monitor help")
    for word in ("help", "psw", "regs", "cpus", "exits", "reset", "quit"):
        assert word in listed
    assert "0000000180000000 0000000000020000" in gdb.execute("monitor psw")
    gdb.execute("stepi 5")
    assert "debug" in gdb.execute("monitor exits")
    assert "0000000000025f60" in gdb.execute("monitor regs")
    assert "CPU 0: operating" in gdb.execute("monitor cpus")
    assert "No monitor command" in gdb.execute("monitor nonsense")
    gdb.execute("monitor reset")
    gdb.execute("maintenance flush register-cache")
    assert gdb.value("$pc") == EXITS["_start"]
    try:
        gdb.execute("monitor quit")
    except GdbError:
        pass  # the connection may be gone before gdb has read the answer
    assert daemon.wait() == 0


def test_program_of_a_raw_image_is_made_up(bench):
    """No ELF, no --symbols: architecture and byte order are right all the same."""
    gdb = bench.gdb(bench.zgdbd("linux"))
    assert gdb.value("$pc") == 0x10000
    assert "s390:64-bit" in gdb.execute("show architecture")
    assert gdb.value("*(unsigned int *)0x10008") == int.from_bytes(b"S390", "big")


def test_harness_gdb_tells_errors():
    with Gdb() as gdb, pytest.raises(GdbError, match="Undefined command"):
        gdb.execute("nonsense")
