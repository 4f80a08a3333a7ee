# SPDX-License-Identifier: GPL-2.0-or-later
"""Steps while an interruption from outside is pending all the time: it is put off, and the program that is stepped never
sees that. Nothing here depends on the kernel of the box."""

import re

from conftest import stopped_by
from zharness import guest, symbols

TICKS = symbols(guest("ticks"))
MASKS = 0x0304000000000000  # I, E, M
PLAIN = 0x0000000180000000
ENABLED = MASKS | PLAIN
WAIT = 0x0002000000000000
RUN_OUT = 0xc000000000000000
ROUND = (0, 4, 10, 16, 18, 24, 26, 30, 34)  # the loop's instructions, from ticks_loop; SVC and an operation exception among them
HANDLERS = ("svc_handler", "pgm_handler", "tick_handler")


def ready(bench):
    """A client at the first enabled instruction, with the CPU timer run out: until its handler sets it anew an interruption
    is pending."""
    client = bench.rsp("ticks")
    run_to(client, "ticks_ready")
    client.set_reg("cputm", RUN_OUT)
    assert client.psw()[0] == ENABLED
    return client


def run_to(client, place):
    client.insert(0, TICKS[place])
    assert stopped_by(client.go()) == "swbreak"
    client.remove(0, TICKS[place])


def ticks(client):
    return client.read_u64(TICKS["ticks"])


def handler(address):
    """The handler in which ADDRESS is, or None."""
    return next((name for name in HANDLERS if 0 <= address - TICKS[name] < 0x40), None)


def step(client):
    """(mask, address) of the PSW behind a step, as the stop tells it."""
    reply = client.step()
    assert stopped_by(reply) == "05"
    return tuple(int(value, 16) for value in re.match("T..00:([0-9a-f]{16});01:([0-9a-f]{16});", reply).groups())


def test_a_step_never_lands_in_the_handler(bench):
    """Every instruction, of the handlers that belong to the program too, and the masks at each stop."""
    client = ready(bench)
    before, seen, rounds = ticks(client), [], 10
    while len(seen) < rounds * len(ROUND):
        mask, address = step(client)
        inside = handler(address)
        if inside is None:
            seen.append(address - TICKS["ticks_loop"])
        assert inside != "tick_handler"
        assert mask & MASKS == (0 if inside else MASKS), hex(address)
    assert seen == rounds * list(ROUND)
    assert ticks(client) == before
    run_to(client, "tick_handler")  # it comes when the CPU continues
    assert client.psw()[0] & MASKS == 0
    assert client.read_u64(0x138) in (address, TICKS["ticks_loop"] + ROUND[0])


def test_nor_does_a_step_in_a_range(bench):
    """Thousands of instructions with calls of handlers between them, which end the range."""
    client = ready(bench)
    before = ticks(client)
    client.step()
    for _ in range(40):
        assert stopped_by(client.go(f"vCont;r{TICKS['ticks_loop']:x},{TICKS['ticks_end']:x}:1")) == "05"
        inside = handler(client.reg("pswa"))
        assert inside in ("svc_handler", "pgm_handler")
        start = TICKS[inside]
        assert stopped_by(client.go(f"vCont;r{start:x},{start + 0x40:x}:1")) == "05"
        assert handler(client.reg("pswa")) is None and client.psw()[0] & MASKS == MASKS
    assert client.reg("r12") > 19
    assert ticks(client) == before


def test_nor_passing_a_reported_breakpoint(bench):
    """It is told once for each time that the CPU comes there, although an interruption is pending when it goes on."""
    client = ready(bench)
    client.insert(0, TICKS["ticks_loop"])
    for number in range(5):
        assert stopped_by(client.go()) == "swbreak"
        assert (client.reg("pswa"), client.reg("r12")) == (TICKS["ticks_loop"], number)
        client.set_reg("cputm", RUN_OUT)


def test_asked_for(bench):
    client = ready(bench)
    assert "is off" in client.monitor("step-interrupts")
    assert "is on" in client.monitor("step-interrupts on")
    client.step()
    assert client.reg("pswa") == TICKS["tick_handler"]
    assert client.read_u64(0x138) == TICKS["ticks_ready"]
    while handler(client.reg("pswa")):
        client.step()
    assert client.reg("pswa") == TICKS["ticks_ready"]
    assert ticks(client) > 0
    client.monitor("step-interrupts off")
    client.set_reg("cputm", RUN_OUT)
    client.step()
    assert client.reg("pswa") == TICKS["ticks_loop"]


def at_masks(client):
    """At the beginning of the instructions about masks, always the same way, with the timer run out."""
    client.write(TICKS["masks_results"], bytes(TICKS["masks_results_end"] - TICKS["masks_results"]))
    client.set_psw(ENABLED, TICKS["masks_begin"])
    for number in range(15):
        client.set_reg(f"r{number}", 0)
    client.set_reg("cputm", RUN_OUT)


def results(client):
    """What they gave: memory by 8 bytes, PSW and general registers."""
    size = TICKS["masks_results_end"] - TICKS["masks_results"]
    return re.findall(".{16}", client.read(TICKS["masks_results"], size).hex() + client.packet("g")[:18 * 16])


def test_instructions_about_masks(bench):
    """Reading, storing and loading them gives what it gives without steps, and no step lands in the handler."""
    client = ready(bench)
    at_masks(client)
    run_to(client, "masks_end")
    without, before = results(client), ticks(client)
    assert before > 0 and len(set(without)) > 20
    at_masks(client)
    while (address := step(client)[1]) != TICKS["masks_end"]:
        assert handler(address) != "tick_handler", hex(address)
    assert results(client) == without
    assert ticks(client) == before


def test_into_a_wait(bench):
    """The wait is loaded, not entered; what it waits for comes, and ends a step in it at the handler."""
    client = ready(bench)
    client.set_reg("pswa", TICKS["masks_wait"])
    client.step()
    assert stopped_by(client.step()) == "05"
    assert client.psw() == (ENABLED | WAIT, TICKS["masks_waiting"])
    assert stopped_by(client.step()) == "05"
    assert client.reg("pswa") == TICKS["tick_handler"]
    assert client.read_u64(0x130) == ENABLED | WAIT
    run_to(client, "masks_woken")
    assert client.psw()[0] == ENABLED
