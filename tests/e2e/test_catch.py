# SPDX-License-Identifier: GPL-2.0-or-later
"""Catchpoints: every kind of event is told where it happens, with what the architecture knows of it, and the guest goes on
as if nobody had looked."""

import re

from zharness import guest, symbols

CATCH = symbols(guest("catch"))
ROUNDS = 4


def caught(gdb, command="continue", **keywords):
    """What the guest is stopped by: (number, text, PC) and the end of the catchpoint's line."""
    text = gdb.execute(command, **keywords)
    match = re.search(r"zgdbd: CPU 0: catchpoint (\d+): (.*); PSW (\w+) (\w+): ", text)
    assert match, text
    assert int(match[4], 16) == gdb.value("$pswa")
    return int(match[1]), match[2], int(match[4], 16)


def old_psw(text):
    return int(re.search(r"old PSW \w+ (\w+): supervisor state, ", text)[1], 16)


def test_interruptions(bench):
    """From the first instruction on: the guest sets its new PSWs itself, and the very first interruption is seen."""
    gdb = bench.gdb(bench.zgdbd("catch"))
    for kind in ("svc", "program", "external", "program segment-translation"):
        assert f"{kind.split()[0]}" in gdb.execute(f"monitor catch {kind}")
    for number, words, before, handler in (
            (1, "SVC 5, ILC 2, ", "catch_svc_6", "svc_handler"),
            (1, "SVC 6, ILC 2, ", "catch_operation", "svc_handler"),
            (2, "program interruption 0x0001 (operation), ILC 4, ", "catch_operation_after", "pgm_handler"),
            (2, "program interruption 0x0006 (specification), ILC 4, ", "catch_diag_after", "pgm_handler"),
            (3, "external interruption 0x1201 (emergency signal), CPU address 0, ", "catch_open_after", "ext_handler"),
            (1, "SVC 5, ILC 2, ", "catch_svc_6", "svc_handler")):
        found, text, address = caught(gdb)
        assert (found, address) == (number, CATCH[handler])
        assert text.startswith(words) and old_psw(text) == CATCH[before]
    assert gdb.value("*(long *)&catch_round") == 2
    assert gdb.execute("stepi") and gdb.value("$pswa") > CATCH["svc_handler"]
    gdb.execute("monitor uncatch 1")
    gdb.execute("monitor uncatch 2")
    gdb.execute("monitor uncatch 3")
    number, text, address = caught(gdb)
    assert number == 4 and address == CATCH["pgm_handler"]
    assert "0x0010 (segment translation), ILC 6, translation-exception address 0x0000000001234000, primary space" in text
    assert gdb.execute("monitor catch").endswith(": reached 1, hit 1\n")
    assert gdb.go().signal == "SIGABRT"
    assert gdb.value("*(long *)&svc_count") == 2 * ROUNDS
    assert gdb.value("*(long *)&pgm_count") == 2 * ROUNDS + 1
    assert gdb.value("*(long *)&ext_count") == ROUNDS


def test_counted_conditional_and_once(bench):
    gdb = bench.gdb(bench.zgdbd("catch"))
    gdb.execute("monitor catch once after 2 svc 6")
    gdb.execute(f"monitor catch svc if new == 5 && u64[{CATCH['catch_round']:#x}] == 3")
    gdb.execute(f"monitor catch program 0x6 if old == {CATCH['catch_diag']:#x}")
    assert caught(gdb)[0] == 2
    assert gdb.value("*(long *)&catch_round") == 3
    assert caught(gdb)[0] == 1
    assert gdb.value("*(long *)&catch_round") == 3
    assert gdb.go().signal == "SIGABRT"
    listed = gdb.execute("monitor catch").splitlines()
    assert [re.sub(".*: ", "", line) for line in listed] == ["reached 8, hit 1", "reached 4, hit 0"]
    assert gdb.value("*(long *)&svc_count") == 2 * ROUNDS


def test_exits(bench):
    """Each is told before it is carried out, and is carried out afterwards; with another PSW it is not."""
    gdb = bench.gdb(bench.zgdbd("catch"))
    gdb.execute("monitor catch diag 0x999")
    gdb.execute("monitor catch sigp set-architecture")
    gdb.execute("monitor catch exit other-instruction service-call")
    gdb.execute("monitor catch wait")
    number, text, address = caught(gdb)
    assert (number, address) == (1, CATCH["catch_diag_after"])
    assert text.startswith("DIAG 0x999, r2 0x77, r0 0x") and ", ILC 4" in text
    assert gdb.value("*(long *)&pgm_count") == 1
    number, text, address = caught(gdb)
    assert (number, address) == (2, CATCH["catch_sigp_after"])
    assert text.startswith("SIGP 0x12 (set architecture) to CPU 0, parameter 0x1, ILC 4")
    assert gdb.value("*(long *)&pgm_count") == 2
    gdb.execute("stepi")
    assert gdb.value("$pswm") >> 44 & 3 == 1, "the order was refused by cc 1"
    assert caught(gdb)[2] == CATCH["catch_diag_after"]
    gdb.execute("set $pc = $pc - 4")
    assert caught(gdb)[2] == CATCH["catch_diag_after"]
    gdb.execute("set $pc = catch_diag_after + 4")
    gdb.execute("monitor uncatch 2")
    assert caught(gdb)[2] == CATCH["catch_diag_after"]
    assert gdb.value("*(long *)&pgm_count") == 4
    gdb.execute("monitor uncatch 1")
    number, text, address = caught(gdb)
    assert number == 4 and text.startswith("disabled wait")
    assert address == CATCH["pgm_stuck"]
    assert gdb.go().signal == "SIGABRT"


def test_service_calls(bench):
    """By command: the line is written only when the guest goes on."""
    daemon = bench.zgdbd("hello")
    gdb = bench.gdb(daemon)
    gdb.execute("monitor catch service-call write-event-data")
    number, text, address = caught(gdb)
    sccb = symbols(guest("hello"))["sccb"]
    assert number == 1 and text.startswith("service call 0x00760005 (write event data), SCCB ") and f"{sccb:x}" in text
    assert gdb.value("$r3") == sccb and "Hello" not in daemon.console
    assert gdb.go().signal == "SIGTERM"
    daemon.await_console("Hello from s390x")


def test_steps_that_carry_out_what_was_caught(bench):
    """Each leads to the handler's first instruction or to the next one, and what is there is told, whatever sort of step it is."""
    gdb = bench.gdb(bench.zgdbd("catch"))
    handler = CATCH["pgm_handler"]

    def stand_before_diag():
        gdb.execute("set var *(long *)&catch_round = 0")
        assert caught(gdb)[2] == CATCH["catch_diag_after"]
        return gdb.value("*(long *)&pgm_count")

    gdb.execute("monitor catch diag")
    count = stand_before_diag()
    gdb.execute("stepi")
    assert (gdb.value("$pswa"), gdb.value("*(long *)&pgm_count")) == (handler, count)
    gdb.execute("stepi")
    assert gdb.value("$pswa") > handler
    for breakpoint, step in (("break", "next"), ("hbreak", "until"), ("hbreak", "stepi"), ("break", "continue")):
        stand_before_diag()
        gdb.execute(f"{breakpoint} *pgm_handler")
        assert "Breakpoint " in gdb.execute(step)
        assert gdb.value("$pswa") == handler
        gdb.execute("delete")
    stand_before_diag()
    gdb.execute("monitor catch program 6")
    assert caught(gdb, "stepi")[2] == handler
    gdb.execute("monitor uncatch all")
    gdb.execute("monitor catch sigp 0x12")
    assert caught(gdb)[2] == CATCH["catch_sigp_after"]
    gdb.execute("stepi")
    assert gdb.value("$pswa") == CATCH["catch_sigp_after"] and gdb.value("$pswm") >> 44 & 3 == 1
    gdb.execute("stepi")
    assert gdb.value("$pswa") == CATCH["catch_sigp_after"] + 4
    assert caught(gdb)[2] == CATCH["catch_sigp_after"]
    gdb.execute("break *catch_sigp_after")
    assert "Breakpoint " in gdb.execute("continue")
    assert gdb.value("$pswa") == CATCH["catch_sigp_after"] and gdb.value("$pswm") >> 44 & 3 == 1


def test_classes_that_share_a_handler(bench):
    """Restart, machine check and I/O have one new PSW in this guest: what was stored tells which it was."""
    gdb = bench.gdb(bench.zgdbd("catch"))
    gdb.execute("tbreak catch_svc_5")
    gdb.go()
    for kind in ("restart", "machine-check", "io 7", "io 8"):
        gdb.execute(f"monitor catch {kind}")
    gdb.execute("set $pswm = $pswm | 0x0204000000000000")
    gdb.execute("set $cr6 = 0xff000000")
    gdb.execute("set $cr14 = 0x10000000")
    for command, number, words in (
            ("inject io 0x00010008 0xabcd 0x18000000", 4,
             "I/O interruption, subchannel 00010008, parameter 0x0000abcd, word 0x18000000, "),
            ("inject machine-check 0x00400f1d40330000 0x10000000", 2,
             "machine check, code 00400f1d40330000 (channel report pending), "),
            ("restart", 1, "restart interruption, ")):
        gdb.execute(f"monitor {command}")
        found, text, address = caught(gdb)
        assert (found, address) == (number, CATCH["unexpected"]) and text.startswith(words), text
        gdb.execute("set $pc = catch_svc_5")
        gdb.execute("set $pswm = 0x0204000180000000")
    assert "catchpoint 3: io 7: reached 0, hit 0\n" in gdb.execute("monitor catch")


def test_handler_with_a_breakpoint(bench):
    """Both are counted; a step that leads into a handler is told as what it is."""
    gdb = bench.gdb(bench.zgdbd("catch"))
    gdb.execute("monitor catch svc 6")
    gdb.execute("break *svc_handler if *(unsigned short *)0x8a == 5")
    text = gdb.execute("continue")
    assert "Breakpoint 1, " in text and "catchpoint" not in text
    assert caught(gdb)[1].startswith("SVC 6")  # gdb, which finds its own condition false, does not go on
    assert "software breakpoint at" in gdb.execute("monitor breakpoints")
    assert "reached 2, hit 1" in gdb.execute("monitor breakpoints")
    gdb.execute("delete")
    gdb.execute("tbreak catch_svc_6")
    gdb.go()
    assert caught(gdb, "stepi")[2] == CATCH["svc_handler"]
    gdb.execute("tbreak catch_svc_5")
    assert gdb.go().address == CATCH["catch_svc_5"]
    assert gdb.execute("monitor catch").endswith("reached 2, hit 2\n")
