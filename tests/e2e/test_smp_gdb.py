# SPDX-License-Identifier: GPL-2.0-or-later
"""Several CPUs as a user sees them in gdb: threads with state and PSW, scheduler-locking, breakpoints of one thread, non-stop."""

import re

import pytest
from zharness import guest, symbols

SMP = symbols(guest("smp"))
CPUS = 4


def threads(gdb):
    """{CPU: what stands behind its name}"""
    return {int(cpu): text for cpu, text in re.findall(r'"CPU (\d+)" (\(.*)', gdb.execute("info threads"))}


def thread(stop):
    """The CPU of a stop."""
    return int(stop.field("thread-id")) - 1


def start(bench, *before):
    gdb = bench.gdb()
    for command in before:
        gdb.execute(command)
    gdb.daemon = bench.zgdbd("smp", "--cpus", str(CPUS))
    gdb.connect(gdb.daemon)
    while "(running)" in str(threads(gdb)):  # in non-stop gdb hears of CPUs 1 and up a little later
        pass
    return gdb


@pytest.fixture
def gdb(bench):
    """All CPUs are up; CPU 0 is at all_up."""
    opened = start(bench)
    opened.execute("tbreak all_up")
    assert thread(opened.go()) == 0
    return opened


def test_threads_from_the_first_instruction_on(bench):
    gdb = start(bench)
    listed = threads(gdb)
    assert listed[0].startswith("(operating; PSW 0000000180000000 ") and "_start" in listed[0]
    for cpu in range(1, CPUS):
        assert listed[cpu].startswith("(stopped; PSW 0000000000000000 0000000000000000)")
    gdb.execute("thread 2")
    assert gdb.psw() == (0, 0)
    gdb.execute("set scheduler-locking on")
    assert "zgdbd: CPU 1: " in (text := gdb.execute("continue")) and "stopped" in text
    assert threads(gdb)[0].startswith("(operating; PSW")


def test_one_thread_at_a_time(gdb):
    """scheduler-locking: only the selected CPU moves, by stepi, next and continue."""
    gdb.execute("set scheduler-locking on")
    gdb.execute("thread 3")
    before = [gdb.value(f"cpu[{cpu}].rounds") for cpu in range(CPUS)]
    gdb.execute("tbreak visit")
    assert thread(stop := gdb.go()) == 2 and stop.function == "visit"
    assert "smp_main (number=2)" in gdb.execute("backtrace")
    assert thread(gdb.go("stepi")) == 2
    assert gdb.go("finish").function == "smp_main"
    assert gdb.go("next").function == "smp_main"
    after = [gdb.value(f"cpu[{cpu}].rounds") for cpu in range(CPUS)]
    assert after[2] > before[2] and after[:2] + after[3:] == before[:2] + before[3:]


def test_monitor_commands_are_about_the_selected_cpu(gdb):
    """gdb sends no Hg for `thread N` if it knows the registers, and some for `info threads` that select nothing."""
    threads(gdb)
    assert "CPU 0, PSW" in gdb.execute("monitor psw")
    for cpu in (2, 1, 2):
        gdb.execute(f"thread {cpu + 1}")
        assert threads(gdb) and f"CPU {cpu}\n" in gdb.execute("monitor regs")
        assert f"* CPU {cpu}: " in gdb.execute("monitor cpus")
    told = re.findall("CPU . takes", gdb.execute("thread apply 2 4 monitor inject external 0x1202"))
    assert told == ["CPU 1 takes", "CPU 3 takes"]
    # gdb has gone back to thread 3 without a word.
    assert "CPU 2, PSW" in gdb.execute("monitor psw 2")
    assert threads(gdb) and "CPU 2, PSW" in gdb.execute("monitor psw")
    gdb.execute("thread apply 1 monitor exits")
    gdb.execute("thread 3")
    assert "CPU 2, PSW" in gdb.execute("monitor psw")


def test_steps_while_the_others_run(gdb):
    """gdb's default: the others run during a step, but are held while one gets over a breakpoint."""
    gdb.execute("break visit thread 2")
    stop = gdb.go()
    assert (thread(stop), stop.function) == (1, "visit")
    assert thread(gdb.go("stepi")) == 1
    assert (stop := gdb.go("finish")).function == "smp_main" and thread(stop) == 1
    assert thread(gdb.go()) == 1
    assert gdb.value("cpu[1].rounds") > 0


def test_a_watchpoint_on_another_cpus_data(gdb):
    gdb.execute("watch watched")
    gdb.execute("set var cpu[3].mode = STORE")
    stop = gdb.go()
    assert (stop.reason, thread(stop)) == ("watchpoint-trigger", 3)
    assert gdb.value("watched") == 4 and gdb.value("$_thread") == 4


def test_interrupt_and_look_at_each(gdb):
    gdb.resume()
    assert gdb.interrupt().signal == "SIGINT"
    assert gdb.value("$_thread") == 1  # where the user was
    text = gdb.execute("thread apply all backtrace 1")
    assert all(f"Thread {cpu + 1}" in text for cpu in range(CPUS))
    for cpu, listed in threads(gdb).items():
        gdb.execute(f"thread {cpu + 1}")
        assert f"PSW {gdb.value('$pswm'):016x} {gdb.value('$pswa'):016x})" in listed


def test_non_stop(bench):
    """One CPU stands at a breakpoint, is looked at and stepped, while the others run."""
    gdb = start(bench, "set non-stop on")
    gdb.execute("tbreak all_up")
    gdb.start("continue -a &")
    assert thread(gdb.wait_stop()) == 0
    gdb.start("continue &")
    gdb.execute("tbreak visit thread 3")
    assert thread(gdb.wait_stop()) == 2
    listed = threads(gdb)
    assert all("(running)" in listed[cpu] for cpu in (0, 1, 3)) and "breakpoint" in listed[2]
    gdb.execute("thread 3")
    assert gdb.value("$r2") == 2 and gdb.go("stepi").address != SMP["visit"]
    others = [gdb.value(f"cpu[{cpu}].rounds") for cpu in (0, 1, 3)]
    while not all(gdb.value(f"cpu[{cpu}].rounds") > old for cpu, old in zip((0, 1, 3), others)):
        pass
    mine = gdb.value("cpu[2].rounds")
    assert gdb.value("cpu[2].rounds") == mine
    gdb.execute("thread 2")
    gdb.start("interrupt")
    assert thread(gdb.wait_stop()) == 1
    assert "smp_main" in gdb.execute("backtrace")
    assert "(running)" in threads(gdb)[0]


def test_non_stop_with_a_cpu_that_is_not_started_yet(bench):
    """It runs, as far as gdb knows, and does when another has started it."""
    gdb = start(bench, "set non-stop on")
    gdb.execute("thread 2")
    gdb.start("continue &")
    assert "(running)" in threads(gdb)[1] and gdb.value("cpu[1].restarts") == 0
    gdb.execute("tbreak visit thread 2")
    gdb.execute("thread 1")
    gdb.start("continue &")
    assert thread(gdb.wait_stop()) == 1
    assert gdb.value("cpu[1].restarts") == 1
