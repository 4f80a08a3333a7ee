# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands that the README begins with: what `make demo` plays and where it ends, `make help`, `make install`."""

import os
import re
import subprocess

import pytest
from zharness import ROOT


def make(*words):
    return subprocess.run(["make", "-s", "-C", ROOT, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=100, check=False)


@pytest.fixture(scope="module")
def transcript():
    """What the reader of `make demo` sees."""
    result = subprocess.run([f"{ROOT}/scripts/demo", "--zgdbd", f"{ROOT}/build/zgdbd", "--box", "demo-test"],
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            timeout=100, check=False)
    assert result.returncode == 0, result.stdout
    return result.stdout


@pytest.mark.timeout(120)
def test_demo_from_first_instruction_to_panic(transcript):
    places = [transcript.index(text) for text in (
        "=> 0x10000:", "(gdb) break *0x100000", "Breakpoint 1, 0x0000000000100000", "(gdb) info registers", "(gdb) stepi",
        "(gdb) set $pc = 0x100000", "panic() is called", "Program received signal SIGABRT", "in panic ()",
        "(gdb) backtrace", "in mount_block_root ()", "in kernel_init ()", "disabled wait", "(gdb) monitor psw")]
    assert places == sorted(places)
    panic = transcript.index("(gdb) monitor psw")
    address = re.search(r"0002000180000000 0*([0-9a-f]+): disabled wait", transcript[panic:])[1]
    assert re.search(rf"^pswa +0x{address} ", transcript[panic:], re.M)
    assert not re.search(r"Error in|not saved|Cannot (access|insert)", transcript)


@pytest.mark.timeout(120)
def test_demo_writes_pc_and_goes_back(transcript):
    part = transcript[transcript.index("(gdb) set $before"):]
    assert part.index("0x0000000000100006") < part.index("(gdb) set $pc = $before") < part.index("=> 0x10000c:")


@pytest.mark.timeout(120)
def test_demo_leaves_nothing(transcript):
    status = subprocess.run([f"{ROOT}/scripts/box", "--name", "demo-test", "status"], stdout=subprocess.PIPE, text=True,
                            timeout=20, check=False)
    assert transcript and ("down" in status.stdout or "not needed" in status.stdout)


def test_help_names_what_the_readme_names():
    listed = make("help").stdout
    for target in ("demo", "demo-shell", "check", "check-long", "bench", "install", "clean", "fuzz"):
        assert re.search(rf"^  {target} ", listed, re.M), listed


def test_install(tmp_path):
    result = make("install", f"DESTDIR={tmp_path}", "prefix=/usr")
    assert result.returncode == 0, result.stdout
    assert os.access(tmp_path / "usr/bin/zgdbd", os.X_OK)
    assert (tmp_path / "usr/share/man/man1/zgdbd.1").stat().st_mode & 0o777 == 0o644
