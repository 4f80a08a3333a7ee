# SPDX-License-Identifier: GPL-2.0-or-later
"""Single-step: a thousand instructions beside another emulator, and each kind of instruction that KVM treats specially."""

import collections

import pytest
from conftest import stopped_by
from zharness import guest, symbols, tcg

EXITS = symbols(guest("exits"))
STEPS = symbols(guest("steps"))
COUNT = 1000
PARTS = ("ex", "exrl", "mvc", "stmg", "svc", "lpswe", "operation", "divide", "specification", "addressing")
CORE = 18 * 16  # hexadecimal digits of PSW and general registers at the front of `g`
WAIT_PSW = 0x0102000180000000


def test_a_thousand_steps_beside_tcg(bench):
    """All general registers and the whole PSW after each instruction."""
    ours, theirs = bench.rsp("steps"), bench.tcg("steps")
    places = {address: name for name, address in STEPS.items() if name.startswith("steps_")}
    seen = collections.Counter()
    for number in range(COUNT):
        state = ours.packet("g")[:CORE]
        assert state == theirs.packet("g")[:CORE], f"after {number} instructions, at {ours.reg('pswa'):#x}"
        seen[places.get(int(state[16:32], 16))] += 1
        assert stopped_by(ours.step()) == "05"
        tcg.step(theirs)
    assert all(seen[f"steps_{part}"] >= 5 for part in PARTS), seen


def at(client, where, known):
    client.set_reg("pswa", known[where])


def prepared(bench, image, known):
    """A client whose guest has set its new PSWs."""
    client = bench.rsp(image)
    client.insert(0, known["guest_main"])
    client.go()
    client.remove(0, known["guest_main"])
    return client


def test_interruptions_stop_at_the_handlers_first_instruction(bench):
    client = prepared(bench, "steps", STEPS)
    codes = []
    for label, handler, old, length, code in (
            ("steps_svc", "svc_handler", 0x140, 2, 0), ("steps_divide", "pgm_handler", 0x150, 2, 9),
            ("steps_operation", "pgm_handler", 0x150, 4, 1), ("steps_specification", "pgm_handler", 0x150, 2, 6),
            ("steps_addressing", "pgm_handler", 0x150, 6, 5)):
        client.insert(0, STEPS[label])
        client.go()
        client.remove(0, STEPS[label])
        before = client.packet("g")[32:CORE]
        assert stopped_by(client.step()) == "05"
        assert client.reg("pswa") == STEPS[handler], label
        assert client.packet("g")[32:CORE] == before, label
        assert client.read_u64(old + 8) == STEPS[label] + length
        codes.append((code, int.from_bytes(client.read(0x8e, 2), "big")))
        client.step()
        assert client.reg("pswa") > STEPS[handler]
    assert all(code == lowcore for code, lowcore in codes[1:]), codes


def test_edited_pc_in_front_of_an_exception(bench):
    """The old PSW is the exception's, not where the debugger went afterwards."""
    client = prepared(bench, "steps", STEPS)
    at(client, "steps_operation", STEPS)
    client.step()
    at(client, "guest_main", STEPS)
    client.step()
    assert client.read_u64(0x158) == STEPS["steps_operation"] + 4
    assert STEPS["guest_main"] < client.reg("pswa") < STEPS["guest_main"] + 7


def test_lpswe(bench):
    client = prepared(bench, "steps", STEPS)
    client.insert(0, STEPS["steps_lpswe"])
    client.go()
    psw = client.read(client.reg("r13") + 96, 16)
    client.step()
    assert client.psw() == (int.from_bytes(psw[:8], "big"), int.from_bytes(psw[8:], "big"))


def test_service_call_and_what_follows(bench):
    client = prepared(bench, "exits", EXITS)
    at(client, "go_servc_info", EXITS)
    client.insert(0, EXITS["sclp_servc"])
    client.go()
    client.remove(0, EXITS["sclp_servc"])
    client.step()
    mask, address = client.psw()
    assert (address, mask >> 44 & 3) == (EXITS["sclp_after"], 0)
    assert client.read(EXITS["sccb_info"] + 6, 2).hex() == "0010"
    for _ in range(3):
        client.step()
    assert client.reg("pswa") == EXITS["sclp_after"] + 14
    client.insert(0, EXITS["x_servc_info"])
    client.go()
    assert client.reg("pswa") == EXITS["x_servc_info"]
    assert client.read_u64(EXITS["ext_code"]) == 0x2401


def test_diag(bench):
    client = prepared(bench, "exits", EXITS)
    for name, length in (("diag_unknown", 4), ("diag_500", 4)):
        at(client, f"x_{name}", EXITS)
        client.set_reg("r1", 0xffff)
        client.step()
        assert client.reg("pswa") == EXITS["pgm_handler"]
        assert client.read_u64(0x158) == EXITS[f"x_{name}_after"] == EXITS[f"x_{name}"] + length
    at(client, "x_reset", EXITS)
    client.set_reg("r5", 3)
    assert stopped_by(client.step()) == "01"
    assert client.reg("pswa") == EXITS["x_reset_after"]


def test_into_an_enabled_wait_and_in_it(bench):
    client = prepared(bench, "exits", EXITS)
    at(client, "go_wait", EXITS)
    client.step()
    assert stopped_by(client.step()) == "05"
    assert client.psw() == (WAIT_PSW, EXITS["x_wait_at"])
    client.resume("vCont;s:1")
    client.interrupt()
    assert stopped_by(client.wait_stop()) in ("02", "05")
    assert client.psw() == (WAIT_PSW, EXITS["x_wait_at"])
    client.set_psw(0x180000000, EXITS["exits_idle"])
    client.step()
    assert client.reg("pswa") == EXITS["exits_idle"] + 6


def test_a_wait_that_the_clock_ends(bench):
    client = prepared(bench, "exits", EXITS)
    at(client, "go_wait_clock", EXITS)
    client.insert(0, EXITS["ext_handler"])
    assert stopped_by(client.go()) == "swbreak"
    assert client.psw() == (0x180000000, EXITS["ext_handler"])
    assert client.read_u64(0x138) == EXITS["x_wait_clock_after"]
    assert client.read(0x86, 2).hex() == "1004"


def test_a_step_in_a_wait_that_the_clock_ends(bench):
    """Single-step by PER masks the clock comparator; the step must end all the same, at the handler's first instruction."""
    client = prepared(bench, "exits", EXITS)
    at(client, "go_wait_clock", EXITS)
    for _ in range(40):
        client.step()
        if client.psw()[0] & 0x0002000000000000:
            break
    assert client.psw()[1] == EXITS["x_wait_clock_after"]
    assert stopped_by(client.step()) == "05"
    assert client.psw() == (0x180000000, EXITS["ext_handler"])
    assert client.read_u64(0x138) == EXITS["x_wait_clock_after"]
    assert client.read(0x86, 2).hex() == "1004"


def test_onto_a_breakpoint(bench):
    client = prepared(bench, "exits", EXITS)
    at(client, "exits_idle", EXITS)
    for kind in (0, 1):
        client.insert(kind, EXITS["exits_idle"] + 6)
        client.set_reg("pswa", EXITS["exits_idle"])
        client.step()
        assert client.reg("pswa") == EXITS["exits_idle"] + 6
        r1 = client.reg("r1")
        client.step()
        assert (client.reg("pswa"), client.reg("r1")) == (EXITS["exits_idle"] + 10, r1 + 1)
        client.remove(kind, EXITS["exits_idle"] + 6)


@pytest.mark.parametrize("kind", [0, 1])
def test_onto_a_breakpoint_at_a_handler(bench, kind):
    client = prepared(bench, "steps", STEPS)
    client.insert(kind, STEPS["svc_handler"])
    client.insert(kind, STEPS["pgm_handler"])
    for label, handler in (("steps_svc", "svc_handler"), ("steps_operation", "pgm_handler")):
        at(client, label, STEPS)
        client.step()
        assert client.reg("pswa") == STEPS[handler]
        client.step()
        assert client.reg("pswa") == STEPS[handler] + 6
