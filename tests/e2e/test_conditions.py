# SPDX-License-Identifier: GPL-2.0-or-later
"""Conditions and commands of breakpoints at the guest's side, in gdb's bytecode made by hand: what is decided where the
breakpoint is hit, and that the guest then goes on as if nothing had been there."""

import re

import pytest
from conftest import stopped_by
from zharness import guest, symbols

CODE = 0x200000
LOOP = bytes.fromhex("a71b0001a72b0001a7f4fffc")  # 1: AGHI 1,1; AGHI 2,1; J 1b
SECOND = CODE + 4
DATA = 0x300000
SHARED = 0x1f000000
SPACES = symbols(guest("spaces"))

END = "27"
EQUAL, NOT = "13", "0e"


def const(value):
    return f"24{value:08x}"


def reg(client, name):
    return f"26{client.registers()[name][0]:04x}"


def load(address):
    """Eight bytes of memory."""
    return const(address) + "1a"


def expr(*parts):
    code = "".join(parts) + END
    return f"X{len(code) // 2:x},{code}"


def looping(bench):
    """A client whose guest stands before LOOP, registers 1 and 2 zero."""
    client = bench.rsp("exits")
    client.write(CODE, LOOP)
    client.set_psw(0x180000000, CODE)
    client.set_reg("r1", 0)
    client.set_reg("r2", 0)
    return client


def counts(client, address):
    """(reached, hits) in `monitor breakpoints`."""
    match = re.search(rf"{address:x}.*: reached (\d+), hit (\d+)", client.monitor("breakpoints"))
    return int(match[1]), int(match[2])


@pytest.mark.parametrize("kind, reason", [(0, "swbreak"), (1, "hwbreak")])
@pytest.mark.parametrize("address, ahead", [(SECOND, 1), (SECOND + 4, 0)])
def test_a_register_decides(bench, kind, reason, address, ahead):
    """Over an instruction that goes on to the next, and over a branch; again once it was told."""
    client = looping(bench)
    client.ok(f"Z{kind},{address:x},2;" + expr(reg(client, "r1"), const(2000), EQUAL))
    assert stopped_by(client.go()) == reason
    assert client.reg("pswa") == address
    assert (client.reg("r1"), client.reg("r2")) == (2000, 2000 - ahead)
    client.ok(f"Z{kind},{address:x},2;" + expr(reg(client, "r1"), const(2100), EQUAL))
    assert stopped_by(client.go()) == reason
    assert (client.reg("r1"), client.reg("r2")) == (2100, 2100 - ahead)
    assert client.read(CODE, len(LOOP)) == LOOP


def test_memory_decides(bench):
    """The condition reads what the loop has stored, and the breakpoints' own places as the guest's code."""
    client = looping(bench)
    code = bytes.fromhex("a71b0001e31030000024a7f4fffb")  # 1: AGHI 1,1; STG 1,0(3); J 1b
    client.write(CODE, code)
    client.set_reg("r3", DATA)
    client.insert(0, CODE + 16)
    is_code = load(CODE) + "25" + code[:8].hex() + EQUAL
    client.ok(f"Z0,{CODE + 10:x},2;" + expr(load(DATA), const(500), EQUAL) + expr(is_code, NOT))
    assert stopped_by(client.go()) == "swbreak"
    assert (client.reg("pswa"), client.reg("r1")) == (CODE + 10, 500)


def test_what_cannot_be_evaluated_stops(bench):
    client = looping(bench)
    client.ok(f"Z0,{SECOND:x},2;" + expr(load(0x7ffffff0)))
    reply = client.go()
    assert client.reg("pswa") == SECOND
    assert client.reg("r1") == 1
    assert stopped_by(reply) == "swbreak"


def test_a_jump_to_itself(bench):
    """Counted each time that it is reached; Ctrl-C is heard meanwhile."""
    client = looping(bench)
    client.write(CODE, bytes.fromhex("a7f40000"))
    client.ok(f"Z0,{CODE:x},2;" + expr(const(0)))
    client.resume()
    client.interrupt()
    assert stopped_by(client.wait_stop()) == "02"
    assert client.reg("pswa") == CODE
    reached, hit = counts(client, CODE)
    assert reached > 0 and hit == 0
    client.ok(f"Z0,{CODE:x},2;" + expr(const(1)))
    client.go()
    assert counts(client, CODE)[1] == 1


def test_both_kinds_at_one_address(bench):
    client = looping(bench)
    client.ok(f"Z0,{SECOND:x},2;" + expr(reg(client, "r1"), const(40), EQUAL))
    client.ok(f"Z1,{SECOND:x},2;" + expr(reg(client, "r1"), const(30), EQUAL))
    assert stopped_by(client.go()) == "hwbreak"
    assert client.reg("r1") == 30
    assert stopped_by(client.go()) == "swbreak"
    assert (client.reg("r1"), client.reg("r2")) == (40, 39)


def test_in_a_range_step(bench):
    client = looping(bench)
    client.ok(f"Z0,{SECOND:x},2;" + expr(reg(client, "r1"), const(50), EQUAL))
    reply = client.go(f"vCont;r{CODE:x},{CODE + len(LOOP):x}:1")
    assert stopped_by(reply) == "swbreak"
    assert (client.reg("pswa"), client.reg("r1"), client.reg("r2")) == (SECOND, 50, 49)


def test_only_in_the_space_that_is_meant(bench):
    """SHARED is other code in the user's space, and its frame is ALIAS in the kernel's: neither counts."""
    client = bench.rsp("spaces")
    client.insert(0, SPACES["spaces_ready"])
    client.go()
    client.remove(0, SPACES["spaces_ready"])
    client.insert(0, SHARED)
    client.go()
    client.remove(0, SHARED)
    client.ok(f"Z0,{SHARED:x},2;" + expr(load(SPACES["passes"]), const(5), EQUAL))
    assert stopped_by(client.go()) == "swbreak"
    assert (client.reg("pswa"), client.read_u64(SPACES["passes"])) == (SHARED, 5)
    assert client.psw()[0] & 0xc00000000000 == 0xc00000000000
    results = [client.read_u64(SPACES[f"{name}_result"]) for name in ("kernel", "user", "alias", "late")]
    assert results == [2, 200, 2, 2000]


def test_commands_print_and_go_on(bench):
    """As dprintf with style agent: a line for each hit, and no stop."""
    client = looping(bench)
    text = b"r1 is %d\n\0"
    code = reg(client, "r1") + const(0) + const(0) + f"3401{len(text):04x}" + text.hex() + END
    client.ok(f"Z0,{SECOND:x},2;cmds:0,X{len(code) // 2:x},{code}")
    client.ok(f"Z0,{SECOND + 4:x},2;" + expr(reg(client, "r1"), const(50), EQUAL))
    lines = ""
    client.resume()
    while (answer := client.reply().decode("latin-1")).startswith("O"):
        lines += bytes.fromhex(answer[1:]).decode()
    assert lines == "".join(f"r1 is {number}\n" for number in range(1, 51))
    assert (client.reg("pswa"), client.reg("r2")) == (SECOND + 4, 50)


def test_a_thousand(bench):
    """Set, one hit in a loop past others, all removed; nothing of them is seen in memory."""
    client = looping(bench)
    code = bytes.fromhex("a71b0001") * 1000 + bytes.fromhex("a7f4f830")  # and J to the first
    client.write(CODE, code)
    places = [CODE + 4 * place for place in range(1000)]
    for address in reversed(places):
        client.ok(f"Z0,{address:x},2;" + expr(reg(client, "r1"), const(1500), EQUAL))
    assert stopped_by(client.go()) == "swbreak"
    assert (client.reg("pswa"), client.reg("r1")) == (CODE + 4 * 500, 1500)
    assert client.read(CODE, len(code)) == code
    for address in places:
        client.remove(0, address)
    client.insert(0, CODE)
    assert stopped_by(client.go()) == "swbreak"
    assert (client.reg("pswa"), client.reg("r1")) == (CODE, 2000)
