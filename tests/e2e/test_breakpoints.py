# SPDX-License-Identifier: GPL-2.0-or-later
"""Software and hardware breakpoints: hit where they should be, never seen in memory, one address space each."""

import pytest
from conftest import known_limit, stopped_by
from gadget import NOTHING
from zharness import GdbError, guest, symbols

EXITS = symbols(guest("exits"))
SPACES = symbols(guest("spaces"))
SHARED, ALIAS, LATE = 0x1f000000, 0x1f001000, 0x1f002000
HOME = 0x0000c00000000000
CODE = 0x200000


def run_to(client, address, kind=0):
    client.insert(kind, address)
    reply = client.go()
    client.remove(kind, address)
    assert client.reg("pswa") == address
    return reply


def test_step_off_over_and_onto(bench):
    client = bench.rsp("exits")
    code = bytes.fromhex("a71b0001a72b0001a7f4fffc")  # 1: AGHI 1,1; AGHI 2,1; J 1b
    client.write(CODE, code)
    client.set_reg("pswa", CODE)
    client.set_reg("r1", 0)
    client.set_reg("r2", 0)
    client.insert(0, CODE + 4)
    for hits in (1, 2, 3):
        assert stopped_by(client.go()) == "swbreak"
        assert client.reg("pswa") == CODE + 4
        assert (client.reg("r1"), client.reg("r2")) == (hits, hits - 1)
    client.step()
    assert (client.reg("pswa"), client.reg("r2")) == (CODE + 8, 3)
    client.step()
    assert client.reg("pswa") == CODE
    client.step()
    assert (client.reg("pswa"), client.reg("r1"), client.reg("r2")) == (CODE + 4, 4, 3)
    client.remove(0, CODE + 4)
    client.insert(0, CODE + 8)
    assert stopped_by(client.go()) == "swbreak"
    assert (client.reg("pswa"), client.reg("r2")) == (CODE + 8, 4)


def test_memory_never_shows_them(bench):
    client = bench.rsp("exits")
    idle = EXITS["exits_idle"]
    before = client.read(idle - 16, 64)
    for address in (idle, idle + 6, idle + 10):
        client.insert(0, address)
        client.insert(0, address)  # once more changes nothing
    assert client.read(idle - 16, 64) == before
    for _ in range(3):
        client.go()
        assert client.read(idle - 16, 64) == before
        assert client.read(client.reg("pswa"), 2) != b"\0\0"
    for address in (idle, idle + 6, idle + 10):
        client.remove(0, address)
    client.remove(0, idle)  # not there any more: no error
    client.resume()
    client.interrupt()
    assert stopped_by(client.wait_stop()) == "02"
    assert client.read(idle - 16, 64) == before


def test_write_over_one(bench):
    client = bench.rsp("exits")
    client.write(CODE, bytes.fromhex("a71b0001a7f4fffe"))  # AGHI 1,1; J to it
    client.set_reg("pswa", CODE)
    client.set_reg("r1", 0)
    client.insert(0, CODE)
    client.write(CODE, bytes.fromhex("a71b0010"))          # now by 16
    assert client.read(CODE, 4).hex() == "a71b0010"
    client.go()
    client.go()
    assert (client.reg("pswa"), client.reg("r1")) == (CODE, 16)
    client.write(CODE + 1, b"\x1b\x01")                    # its second half only: by 0x110
    client.go()
    assert client.reg("r1") == 16 + 0x110
    client.remove(0, CODE)
    assert client.read(CODE, 4).hex() == "a71b0110"


def test_the_programs_own_zero(bench):
    """0x0000 that is not ours goes to the guest's handler, whatever breakpoints are about."""
    client = bench.rsp("exits")
    for count, (kind, label) in enumerate(((0, "x_zero_after"), (1, "exits_returned")), 1):
        run_to(client, EXITS["exits_idle"])
        client.insert(kind, EXITS[label])
        client.write_u64(EXITS["exits_selector"], 6)
        assert stopped_by(client.go()) in ("swbreak", "hwbreak")
        assert client.reg("pswa") == EXITS[label]
        assert client.read_u64(EXITS["pgm_count"]) == count
        assert client.read_u64(EXITS["pgm_code"]) == 1
        assert client.read_u64(EXITS["pgm_old"] + 8) == EXITS["x_zero_after"]
        client.remove(kind, EXITS[label])


def test_on_the_programs_own_zero(bench):
    """A breakpoint on it is hit first; going on gives the guest its exception."""
    client = bench.rsp("exits")
    run_to(client, EXITS["exits_idle"])
    client.write_u64(EXITS["exits_selector"], 6)
    assert stopped_by(run_to(client, EXITS["x_zero"])) == "swbreak"
    assert client.read_u64(EXITS["pgm_count"]) == 0
    assert stopped_by(run_to(client, EXITS["pgm_handler"])) == "swbreak"
    run_to(client, EXITS["exits_returned"])
    assert client.read_u64(EXITS["pgm_count"]) == 1


@pytest.mark.parametrize("offset", [0, 4])
def test_one_address_in_two_spaces(bench, offset):
    """SHARED is another frame in user space, and the same frame is ALIAS in the kernel's: neither may be disturbed."""
    client = bench.rsp("spaces")
    run_to(client, SPACES["spaces_ready"])
    client.insert(0, SHARED + 4)
    client.go()
    client.remove(0, SHARED + 4)
    client.insert(0, SHARED + offset)
    for passes in range(1, 4):
        assert stopped_by(client.go()) == "swbreak"
        mask, address = client.psw()
        assert (address, mask & HOME) == (SHARED + offset, HOME)
        assert client.read_u64(SPACES["passes"]) == passes
        results = [client.read_u64(SPACES[f"{name}_result"]) for name in ("kernel", "user", "alias", "late")]
        assert results == [2, 200, 2, 2000 if passes > 1 else 0]


def test_real_mode_code_beside_translated(bench):
    """A breakpoint in code that runs with DAT off is hit every time, although the guest is elsewhere with DAT on in
    between, and was stopped there."""
    client = bench.rsp("spaces")
    run_to(client, SPACES["spaces_ready"])
    client.insert(0, SPACES["pass_done"])
    client.insert(0, SHARED + 4)
    for _ in range(2):
        assert stopped_by(client.go()) in ("swbreak", "hwbreak")
        assert client.reg("pswa") == SHARED + 4
        assert stopped_by(client.go()) in ("swbreak", "hwbreak")
        assert client.reg("pswa") == SPACES["pass_done"]


def test_address_that_translates_later(bench):
    """LATE is mapped in the second pass; the breakpoint is set when neither real nor home space has it."""
    client = bench.rsp("spaces")
    run_to(client, SPACES["spaces_ready"])
    client.insert(0, SHARED)
    client.go()
    client.insert(0, LATE + 4)
    client.remove(0, SHARED)
    assert stopped_by(client.go()) in ("swbreak", "hwbreak")
    assert client.reg("pswa") == LATE + 4
    assert client.reg("r2") == 1000
    assert client.read(LATE, 10) == client.read(SPACES["frame_late"], 10)
    assert client.read_u64(SPACES["passes"]) == 1
    client.go()
    assert (client.reg("pswa"), client.read_u64(SPACES["passes"])) == (LATE + 4, 2)
    assert client.read_u64(SPACES["late_result"]) == 2000


def test_hardware_breakpoint(bench):
    client = bench.rsp("exits")
    code = bytes.fromhex("a71b0001a72b0001a7f4fffc")
    client.write(CODE, code)
    client.set_reg("pswa", CODE)
    client.set_reg("r1", 0)
    client.insert(1, CODE + 4)
    for hits in (1, 2, 3):
        assert stopped_by(client.go()) == "hwbreak"
        assert (client.reg("pswa"), client.reg("r1")) == (CODE + 4, hits)
    assert client.read(CODE, len(code)) == code
    client.remove(1, CODE + 4)
    client.insert(1, CODE)
    client.step()
    client.step()
    assert client.reg("pswa") == CODE
    assert stopped_by(client.go()) == "hwbreak"
    assert client.reg("pswa") == CODE


def test_hardware_breakpoint_on_a_handlers_first_instruction(bench):
    client = bench.rsp("exits")
    run_to(client, EXITS["exits_idle"])
    client.write_u64(EXITS["exits_selector"], 7)
    client.insert(1, EXITS["pgm_handler"])
    assert stopped_by(client.go()) == "hwbreak"
    assert client.read_u64(EXITS["pgm_count"]) == 0
    if client.reg("pswa") == EXITS["pgm_handler"] + 6:
        known_limit("hardware-late")
    assert client.reg("pswa") == EXITS["pgm_handler"]


def test_hardware_breakpoint_at_the_target_of_lpswe(bench):
    """The handler's LPSWE leads to a branch: PER reports when the branch is done, but it is reported."""
    client = bench.rsp("exits")
    run_to(client, EXITS["exits_idle"])
    client.write_u64(EXITS["exits_selector"], 4)
    client.insert(1, EXITS["x_diag_unknown_after"])
    client.insert(0, EXITS["exits_idle"])
    assert stopped_by(client.go()) == "hwbreak"
    assert client.reg("pswa") in (EXITS["x_diag_unknown_after"], EXITS["exits_returned"])


def test_the_51st_is_refused(bench):
    client = bench.rsp("exits")
    client.write(CODE, NOTHING * 200)
    for entry in range(50):
        client.insert(1, CODE + 2 * entry)
    assert client.packet(f"Z1,{CODE + 100:x},2").startswith("E")
    client.remove(1, CODE)
    client.insert(1, CODE + 100)


def test_gdb_says_why_the_51st_is_refused(bench):
    gdb = bench.gdb(bench.zgdbd("exits"))
    for entry in range(51):
        gdb.execute(f"hbreak *{CODE + 2 * entry:#x}")
    with pytest.raises(GdbError, match="Cannot insert hardware breakpoint 51(.|\n)*50 hardware breakpoints"):
        gdb.go("stepi")
    gdb.execute("delete")
    assert gdb.go("stepi").reason == "end-stepping-range"
