# SPDX-License-Identifier: GPL-2.0-or-later
"""Catchpoints among several CPUs: each stop is told of the CPU that did it, and what was caught is carried out once, whoever moves
meanwhile, and not after a reset."""

import re

from conftest import stopped_by
from test_smp import CPUS, EMERGENCY, SMP, WAIT, Cpus, thread
from test_smp_gdb import start, threads


def opened(bench):
    return Cpus(bench.rsp("smp", "--cpus", str(CPUS)))


def caught(cpus, packet="c"):
    """(CPU, catchpoint, what) of the next stop, which must be one of a catchpoint."""
    cpus.client.resume(packet)
    text, reply = "", cpus.client.reply().decode()
    while reply.startswith("O"):
        text += bytes.fromhex(reply[1:]).decode()
        reply = cpus.client.reply().decode()
    line = re.search(r"zgdbd: CPU (\d+): catchpoint (\d+): (.*)", text)
    assert line and stopped_by(reply) == "05" and thread(reply) == int(line[1]), (text, reply)
    return int(line[1]), int(line[2]), line[3]


def test_restart_of_each(bench):
    cpus = opened(bench)
    cpus.client.monitor("catch restart")
    found = [caught(cpus) for _ in range(CPUS - 1)]
    assert sorted(cpu for cpu, _, _ in found) == [1, 2, 3]
    assert all(text.startswith("restart interruption") for _, _, text in found)
    cpus.client.insert(0, SMP["all_up"])
    assert thread(cpus.client.go()) == 0
    assert cpus.get("restarts")[1:] == [1] * (CPUS - 1)


def test_others_move_while_one_stands_before_its_exit(bench):
    cpus = opened(bench)
    cpus.client.monitor("catch sigp restart")
    assert caught(cpus)[:2] == (0, 1)
    assert cpus.states()[1] == "stopped"
    assert caught(cpus)[0] == 0
    assert cpus.states()[1:3] == ["operating", "stopped"]
    behind = cpus.client.reg("pswa")
    cpus.client.insert(0, SMP["visit"])
    assert thread(cpus.client.go("vCont;c:2")) == 1
    assert thread(cpus.client.go("vCont;s:2")) == 1
    assert cpus.states()[2] == "stopped"
    cpus.client.remove(0, SMP["visit"])
    assert stopped_by(cpus.client.go("vCont;s:1")) == "05"
    assert cpus.states()[2] == "operating"
    assert cpus.client.reg("pswa") == behind
    cpus.client.step()
    cpus.client.monitor("uncatch all")
    cpus.client.insert(0, behind)  # the last order, which was carried out at once
    assert thread(cpus.client.go()) == 0
    cpus.client.remove(0, behind)
    cpus.client.insert(0, SMP["all_up"])
    assert thread(cpus.client.go()) == 0
    assert cpus.get("restarts")[1:] == [1] * (CPUS - 1)


def test_a_reset_or_a_detach_with_an_exit_ahead(bench):
    cpus = opened(bench)
    cpus.client.monitor("catch sigp restart")
    assert caught(cpus)[0] == 0
    cpus.client.monitor("reset")
    cpus.client.monitor("uncatch all")
    assert stopped_by(cpus.client.step()) == "05"
    assert cpus.states() == ["operating"] + ["stopped"] * 3
    cpus.client.monitor("catch once sigp restart")
    assert caught(cpus)[0] == 0
    cpus.client.ok("D")
    again = Cpus(bench.client(bench.daemons[0]))
    again.go_rounds(1)
    assert again.get("restarts") == [1] * CPUS


def test_an_interruption_of_a_waiting_cpu(bench):
    cpus = opened(bench)
    cpus.client.insert(0, SMP["all_up"])
    cpus.client.go()
    cpus.client.remove(0, SMP["all_up"])
    cpus.set_mode(2, WAIT)
    cpus.let_run(lambda: cpus.states()[2] == "enabled wait")
    cpus.client.monitor("catch external emergency-signal")
    cpus.order(EMERGENCY, 2)
    cpu, _, text = caught(cpus)
    assert cpu == 2 and "(emergency signal), CPU address 0" in text
    assert cpus.client.reg("pswa") == SMP["ext_handler"]


def test_non_stop(bench):
    """The others run on; why the CPU stands is in the list of threads and in the log."""
    gdb = start(bench, "set non-stop on")
    gdb.execute("monitor catch sigp restart")
    gdb.execute("tbreak all_up")
    gdb.start("continue -a &")
    for target in (1, 2, 3):
        assert int(gdb.wait_stop().field("thread-id")) == 1
        listed = threads(gdb)
        what = f"catchpoint 1: SIGP 0x06 (restart) to CPU {target}, "
        assert what in listed[0]
        gdb.daemon.await_log(re.escape(what))
        assert all("(running)" in listed[cpu] for cpu in range(1, CPUS))
        gdb.start("continue &")
    assert gdb.wait_stop().function == "all_up"
