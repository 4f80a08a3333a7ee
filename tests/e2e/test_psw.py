# SPDX-License-Identifier: GPL-2.0-or-later
"""After every kind of exit the debugger sees the guest's PSW, and the guest runs on with the PSW that the debugger wrote. All
addresses, condition codes, program masks, keys and addressing modes are random."""

import pytest
from conftest import stopped_by
from gadget import (BRANCH_TO_ITSELF, CC, COUNT, DIAG_308, DIAG_500, DIAG_UNKNOWN, EXTERNAL, EXTRACT_PSW, INTERRUPTIBLE, LPSWE,
                    NOTHING, OPERATION, PROBLEM_STATE, SERVICE_CALL, SIGP_STOP, WAIT, Gadget)

ROUNDS = 4


@pytest.fixture(params=["low", "high"])
def gadget(bench, request):
    return Gadget(bench.rsp("exits"), request.node.name, request.param)


def test_debug_exits(gadget):
    client = gadget.client
    for _ in range(ROUNDS):
        mask, address = gadget.place(NOTHING * 3, extra=gadget.random.choice((0, PROBLEM_STATE)))
        assert stopped_by(client.step()) == "05"
        assert client.psw() == (mask, address + 2)
        for kind, reason in ((0, "swbreak"), (1, "hwbreak")):
            client.set_psw(mask, address)
            client.insert(kind, address + 4)
            assert stopped_by(client.go()) == reason
            assert client.psw() == (mask, address + 4)
            client.remove(kind, address + 4)


def test_service_call(gadget):
    client = gadget.client
    for way in ("vCont;s:1", "vCont;c"):
        for _ in range(ROUNDS // 2):
            client.monitor("reset")
            mask, address = gadget.place(SERVICE_CALL + NOTHING)
            block = 0x40000 + 0x1000 * gadget.random.randrange(64)
            client.write(block, (4096).to_bytes(2, "big") + bytes(6))
            client.set_reg("r1", 0x00120001)
            client.set_reg("r2", block)
            client.insert(0, address + 4)
            client.go(way)
            assert client.psw() == (mask & ~CC, address + 4)
            assert client.read(block + 6, 2).hex() == "0010"
            client.remove(0, address + 4)


@pytest.mark.parametrize("code, program_code", [(DIAG_500, 6), (DIAG_UNKNOWN, 6), (OPERATION, 1), (bytes(2), 1)])
def test_program_interruptions(gadget, code, program_code):
    """What nobody takes becomes a program interruption; its old PSW is the one of the exit."""
    client = gadget.client
    for way in ("vCont;s:1", "vCont;c"):
        for _ in range(ROUNDS // 2):
            handler = gadget.program_handler()
            mask, address = gadget.place(code)
            client.set_reg("r1", 0xffff)
            client.insert(0, handler[1])
            client.go(way)
            assert client.psw() == handler
            assert gadget.program_interruption() == (program_code, mask, address + len(code))
            client.remove(0, handler[1])


def test_stop(gadget):
    client = gadget.client
    for _ in range(ROUNDS):
        client.monitor("reset")
        mask, address = gadget.place(SIGP_STOP)
        client.set_reg("r3", 0)
        assert stopped_by(client.go()) == "0f"
        assert client.psw() == (mask & ~CC, address + 4)


def test_disabled_wait(gadget):
    client = gadget.client
    for _ in range(ROUNDS):
        wait = gadget.psw(extra=WAIT, without=INTERRUPTIBLE)
        client.set_psw(*wait)
        assert stopped_by(client.go()) == "06"
        assert client.psw() == wait
        loaded = gadget.psw(extra=WAIT, without=INTERRUPTIBLE)
        client.write(0x40000, loaded[0].to_bytes(8, "big") + loaded[1].to_bytes(8, "big"))
        gadget.place(LPSWE)
        client.set_reg("r1", 0x40000)
        assert stopped_by(client.go()) == "06"
        assert client.psw() == loaded
    shutdown = (0x0002000180000000, 0x7fff)
    client.set_psw(*shutdown)
    assert stopped_by(client.go()) == "0f"
    assert client.psw() == shutdown


def test_signal_kick(gadget):
    """Ctrl-C in a loop and in an enabled wait."""
    client = gadget.client
    for _ in range(ROUNDS):
        mask, address = gadget.place(BRANCH_TO_ITSELF)
        client.resume()
        client.interrupt()
        assert stopped_by(client.wait_stop()) == "02"
        assert client.psw() == (mask, address)
        wait = gadget.psw(extra=WAIT | EXTERNAL)
        client.set_psw(*wait)
        client.resume()
        client.interrupt()
        assert stopped_by(client.wait_stop()) == "02"
        assert client.psw() == wait


def test_kick_after_much_work(gadget):
    """The PSW is fresh although nothing but the kick has left the guest."""
    client = gadget.client
    mask, address = gadget.place(COUNT)
    client.set_reg("r1", 0)
    before = 0
    for _ in range(ROUNDS):
        while client.reg("r1") == before:
            client.resume()
            client.interrupt()
            client.wait_stop()
        before = client.reg("r1")
        assert client.psw()[1] in (address, address + 4)
        assert client.psw()[0] & ~CC == mask & ~CC


@pytest.mark.parametrize("subcode", [0, 1, 3, 4])
def test_reset(gadget, subcode):
    client = gadget.client
    for _ in range(ROUNDS // 2):
        client.monitor("reset")
        mask, address = gadget.place(DIAG_308)
        client.set_reg("r1", subcode)
        assert stopped_by(client.go()) == "01"
        assert client.psw() == (mask, address + 4)


def test_edited_psw_is_what_runs(gadget):
    """After each kind of stop; the guest itself says with which PSW it runs."""
    client = gadget.client
    stops = {
        "step": lambda: (gadget.place(NOTHING), client.step()),
        "disabled wait": lambda: (client.set_psw(*gadget.psw(extra=WAIT, without=INTERRUPTIBLE)), client.go()),
        "kick": lambda: (gadget.place(BRANCH_TO_ITSELF), client.resume(), client.interrupt(), client.wait_stop()),
        "kicked wait": lambda: (client.set_psw(*gadget.psw(extra=WAIT | EXTERNAL)), client.resume(), client.interrupt(),
                                client.wait_stop()),
        "stop": lambda: (gadget.place(SIGP_STOP), client.set_reg("r3", 0), client.go()),
        "reset": lambda: (gadget.place(DIAG_308), client.set_reg("r1", 3), client.go()),
    }
    for name, stop in stops.items():
        for way in ("vCont;s:1", "vCont;c"):
            stop()
            mask, address = gadget.place(EXTRACT_PSW + NOTHING, extra=gadget.random.choice((0, PROBLEM_STATE)))
            assert client.psw() == (mask, address), name
            client.insert(0, address + 10)
            client.go(way)
            if way != "vCont;c":
                assert client.psw() == (mask, address + 4), name
                client.go()
            seen = client.reg("r2") & 0xffffffff, client.reg("r3") & 0xffffffff
            assert seen == (mask >> 32, mask & 0xffffffff), name
            assert client.reg("r4") == address + 4, name
            assert client.psw() == (mask, address + 10), name
            client.remove(0, address + 10)
            if name in ("reset", "stop"):
                client.monitor("reset")
