# SPDX-License-Identifier: GPL-2.0-or-later
"""Range steps (vCont;r): they stop exactly where single steps would first be out of the range, or at what comes before."""

import random

import pytest
from conftest import stopped_by
from zharness import guest, symbols

EXITS = symbols(guest("exits"))
SPACES = symbols(guest("spaces"))
STEPS = symbols(guest("steps"))
CORE = 18 * 16  # hexadecimal digits of PSW and general registers at the front of `g`
REAL = 0x180000000
EXTERNAL = 0x0100000000000000
COUNT = 320


def step_range(client, start, end):
    return client.go(f"vCont;r{start:x},{end:x}:1")


def core(client):
    return client.packet("g")[:CORE]


def address(state):
    return int(state[16:32], 16)


def traced(client, count=COUNT):
    """PSW and general registers in front of each of the next instructions."""
    states = [core(client)]
    for _ in range(count):
        client.step()
        states.append(core(client))
    return states


def prepared(bench, image, known, begin="guest_main"):
    """A client whose guest has set its new PSWs."""
    client = bench.rsp(image)
    client.insert(0, known[begin])
    client.go()
    client.remove(0, known[begin])
    return client


def end_of_range(trace, at, start, end, points):
    """Where in the trace a range step from there must stop, and why; None if that is behind the trace's end."""
    for to in range(at + 1, len(trace)):
        place = address(trace[to])
        if not start <= place < end:
            return to, "05"
        if place in points:
            return to, points[place]
    return None


def walk(client, trace, draw, points=()):
    """Range steps from the trace's beginning on, each over a range that draw(PC) gives, against what the trace says: none
    stops early, late or elsewhere. Returns how many there were."""
    at, steps = 0, 0
    while True:
        for _ in range(20):
            start, end = draw(address(trace[at]))
            expected = end_of_range(trace, at, start, end, points)
            if expected:
                break
        else:
            return steps
        to, reason = expected
        assert (stopped_by(step_range(client, start, end)), core(client)) == (reason, trace[to]), \
            f"{start:#x} to {end:#x}, from {address(trace[at]):#x}, after {at} instructions"
        at, steps = to, steps + 1


@pytest.fixture
def chance():
    seed = random.getrandbits(32)
    print(f"seed {seed}")
    return random.Random(seed)


def test_ranges_stop_where_single_steps_say(bench, chance):
    """Loops, calls, EXECUTE, SVC, LPSWE and all kinds of program checks, handlers in the range and out of it; without
    breakpoints, and with some."""
    client = bench.rsp("steps")
    trace = traced(client)
    reached = sorted({address(state) for state in trace})
    for most, kinds in ((12, ()), (40, (0, 1)), (400, ()), (400, (0,) * 9)):
        points = {place: ("swbreak", "hwbreak")[kind] for kind, place in zip(kinds, chance.sample(reached, len(kinds)))}
        client.monitor("reset")
        for place, reason in points.items():
            client.insert(int(reason == "hwbreak"), place)
        assert walk(client, trace, lambda pc: (max(pc - chance.randrange(most), 0), pc + chance.randrange(most)),
                    points) > 5
        for place, reason in points.items():
            client.remove(int(reason == "hwbreak"), place)


def test_no_range_is_one_step(bench):
    client = bench.rsp("steps")
    trace = traced(client, 20)
    client.monitor("reset")
    assert walk(client, trace, lambda pc: (pc, pc)) == 20
    client.monitor("reset")
    assert walk(client, trace, lambda pc: (pc + 2, pc)) == 20


def test_back_at_the_place_where_it_starts(bench):
    """A breakpoint there was passed at first, and is told when the loop comes round."""
    client = prepared(bench, "exits", EXITS)
    loop = EXITS["exits_idle"], EXITS["exits_idle"] + 32
    for kind in (0, 1):
        client.insert(kind, loop[0])
        for _ in range(3):
            before = client.read_u64(EXITS["exits_count"])
            assert stopped_by(step_range(client, *loop)) == ("swbreak", "hwbreak")[kind]
            assert (client.reg("pswa"), client.read_u64(EXITS["exits_count"])) == (loop[0], before + 1)
        client.remove(kind, loop[0])


def test_interrupt_in_a_range_without_end(bench):
    client = prepared(bench, "exits", EXITS)
    for start, end in ((EXITS["exits_idle"], EXITS["exits_idle"] + 32), (EXITS["x_loop"], EXITS["x_loop"] + 4)):
        client.set_reg("pswa", start)
        client.resume(f"vCont;r{start:x},{end:x}:1")
        client.interrupt()
        assert stopped_by(client.wait_stop()) == "02"
        assert start <= client.reg("pswa") < end
    client.set_reg("pswa", EXITS["exits_idle"])
    client.step()
    assert client.reg("pswa") == EXITS["exits_idle"] + 6


def test_watchpoints(bench):
    client = prepared(bench, "exits", EXITS)
    client.write_u64(EXITS["exits_source"], 0x1111)
    client.set_reg("pswa", EXITS["go_store"])
    client.set_reg("r5", 0x2222)
    client.insert(2, EXITS["exits_target"], 8)
    everything = EXITS["go_store"], EXITS["x_store_after"]
    for behind, value in (("x_store_mvc", 0x2222), ("x_store_again", 0x1111), ("x_store_after", 0x2222)):
        assert stopped_by(step_range(client, *everything)) == "watch"
        assert (client.reg("pswa"), client.read_u64(EXITS["exits_target"])) == (EXITS[behind], value)
    client.remove(2, EXITS["exits_target"], 8)


def test_an_interruption_in_the_range(bench):
    """The CPU timer runs while a CPU is stepped. The range ends at the handler's first instruction."""
    client = prepared(bench, "exits", EXITS)
    client.monitor("step-interrupts on")
    loop = EXITS["exits_idle"], EXITS["exits_idle"] + 32
    client.set_reg("cr0", client.reg("cr0") | 0x400)
    client.set_reg("cputm", 1 << 20)  # 256 us
    client.set_psw(REAL | EXTERNAL, loop[0])
    assert stopped_by(step_range(client, *loop)) == "05"
    assert client.psw() == (REAL, EXITS["ext_handler"])
    assert client.read(0x86, 2).hex() == "1005"
    assert loop[0] <= client.read_u64(0x138) < loop[1]
    client.step()
    assert client.reg("pswa") == EXITS["ext_handler"] + 6


def test_a_wait_in_the_range(bench):
    client = prepared(bench, "exits", EXITS)
    wait = EXITS["x_wait_clock_after"]
    client.set_reg("pswa", EXITS["go_wait_clock"])
    assert stopped_by(step_range(client, EXITS["go_wait_clock"], wait + 4)) == "05"
    assert client.psw() == (REAL, EXITS["ext_handler"])
    assert (client.read_u64(0x138), client.read(0x86, 2).hex()) == (wait, "1004")


def test_a_service_call_in_the_range(bench):
    """It is completed by the monitor; the wait for its signal ends at the handler."""
    client = prepared(bench, "exits", EXITS)
    client.insert(0, EXITS["sclp_servc"])
    client.set_reg("pswa", EXITS["go_servc_info"])
    client.go()
    client.remove(0, EXITS["sclp_servc"])
    assert stopped_by(step_range(client, EXITS["sclp_servc"], EXITS["sclp_after"])) == "05"
    mask, place = client.psw()
    assert (place, mask >> 44 & 3) == (EXITS["sclp_after"], 0)
    assert stopped_by(step_range(client, EXITS["sclp_call"], EXITS["x_servc_info_after"] + 4)) == "05"
    assert client.reg("pswa") == EXITS["ext_handler"]
    assert client.read(0x86, 2).hex() == "2401"


def test_ends_of_the_guest(bench):
    client = prepared(bench, "exits", EXITS)
    client.set_reg("pswa", EXITS["go_disabled_wait"])
    assert stopped_by(step_range(client, 0, 1 << 63)) == "06"
    assert client.psw()[1] == EXITS["x_disabled_wait_at"]


def test_between_address_spaces(bench):
    """DAT goes on and off in the range, and the space changes: the PC is compared as it is."""
    client = prepared(bench, "spaces", SPACES, "spaces_ready")
    trace = traced(client, 160)
    assert len({state[:16] for state in trace}) > 2
    client.monitor("reset")
    client.insert(0, SPACES["spaces_ready"])
    client.go()
    client.remove(0, SPACES["spaces_ready"])
    low = min(address(state) for state in trace)
    assert walk(client, trace, lambda pc: (low, low + 0x10000) if pc < 0x1f000000 else (pc & -4096, pc + 6)) > 5
