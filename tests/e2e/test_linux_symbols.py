# SPDX-License-Identifier: GPL-2.0-or-later
"""What zgdbd reads in a Linux guest's memory with KASLR on and no debug file: symbols and modules, compared with what the guest
says of itself in /proc/kallsyms and /proc/modules."""

import glob
import lzma
import re
import subprocess

import pytest
from conftest import stopped_by
from linux_guest import CRASH, cached

MODULES = ["vsock", "vsock_diag"]  # the second needs the first
EVERY = 101  # so many symbols are passed over
pytestmark = pytest.mark.timeout(150)


def module(tree, name):
    """A module of Debian's without its signature, the check of which takes long in the box."""
    path, = glob.glob(f"{cached(tree)}/lib/modules/*/kernel/**/{name}.ko*", recursive=True)
    with (lzma.open if path.endswith(".xz") else open)(path, "rb") as source:
        data = source.read()
    return subprocess.run(["sh", "-c", 't=$(mktemp); cat >$t; s390x-linux-gnu-strip -g $t && cat $t; rm $t'], input=data,
                          stdout=subprocess.PIPE, check=True).stdout


def crashed(linux, kernel, tree, timeout):
    """A guest with KASLR that has told of itself and panicked."""
    files = {f"m/{name}.ko": module(tree, name) for name in MODULES}
    insert = "; ".join(f"insmod /m/{name}.ko" for name in MODULES)
    run = f"{insert}; awk '{{a=substr($1,1)}}/]/||a!=p&&n++%{EVERY}==0{{print}}{{p=a}}' /proc/kallsyms; cat /proc/modules; {CRASH}"
    daemon = linux.start(run, kernel=kernel, words="", files=files)
    client = linux.bench.client(daemon)
    assert stopped_by(client.go(timeout=timeout)) == "06"
    return daemon, client


def lookup(client, what):
    return client.monitor(f"symbols {what}").rstrip("\n").split(" ", 1)


def compare_symbols(console, client, least):
    """Where the guest has a symbol begins one of ours. Of the kernel's it is the first at its address, as told; of the
    modules' all were told, and it is one of them."""
    said = re.findall(r"^([0-9a-f]{16}) \w (\S+)(?:\s+\[(\w+)\])?\r$", console, re.M)
    assert sum(1 for _, _, owner in said if not owner) > least and len({owner for _, _, owner in said}) == 3
    for address, name, owner in said:
        if name.startswith(".L"):  # the kernel does not tell of these itself
            continue
        names = {other for where, other, _ in said if where == address} if owner else {name}
        found, offset, of = re.fullmatch(r"(\S+)\+0x(\w+)/0x\w+(?: \[(\w+)\])?", lookup(client, f"0x{address}")[1]).groups("")
        assert found in names and offset == "0" and of == owner


def compare_modules(console, client):
    said = re.findall(r"^(\w+) (\d+) \d+ \S+ Live 0x([0-9a-f]{16})", console, re.M)
    ours = re.findall(r"^(\w+) +0x([0-9a-f]+), (\d+) bytes of code", client.monitor("modules"), re.M)
    assert [(name, int(base, 16)) for name, base, _ in ours] == [(name, int(base, 16)) for name, _, base in said]
    assert [name for name, _, _ in ours] == MODULES[::-1]
    for (_, _, size), (_, total, _) in zip(ours, said):
        assert 0 < int(size) <= int(total)


def check(daemon, client, release, least):
    state = client.monitor("symbols")
    assert re.search(rf"^Linux {re.escape(release)}\.\S+-s390x, build id [0-9a-f]{{40}}, vmcoreinfo at absolute 0x", state, re.M)
    assert int(re.search(r"^KASLR offset: 0x([0-9a-f]+)$", state, re.M)[1], 16)
    compare_symbols(daemon.console, client, least)
    compare_modules(daemon.console, client)
    assert lookup(client, "0x8")[1] == "is in no symbol."
    assert lookup(client, "no_such_symbol")[0] == "No"


@pytest.mark.long
def test_symbols_and_modules(linux):
    check(*crashed(linux, "6.1", "kernel", 60), "6.1", 300)


@pytest.mark.long
@pytest.mark.timeout(200)
def test_symbols_and_modules_of_6_12(linux, progress):
    progress("the kernel 6.12 boots")
    check(*crashed(linux, "6.12", "kernel-later", 150), "6.12", 700)


# ---- before there are symbols ----


def placed(daemon, client):
    """The kernel is placed, says the store into absolute 0xe0c; the offset is the one that it has in the end."""
    assert client.monitor("symbols").startswith("No Linux kernel is known here")
    assert client.monitor("modules").startswith("the kernel's symbols cannot be read")
    client.ok("Z2,e0c,8")
    assert stopped_by(client.go(timeout=100)) == "watch"
    early = client.monitor("symbols")
    client.ok("z2,e0c,8")
    client.go(timeout=100)
    assert early.startswith("A Linux kernel has been placed")
    return [re.findall(r"^(?:KASLR offset|in storage at): .*$", text, re.M) for text in (early, client.monitor("symbols"))]


def test_placed(bench):
    daemon = bench.zgdbd("linux", "--append", "cryptomgr.notests panic=0")
    early, late = placed(daemon, bench.client(daemon))
    assert early == late and len(early) == 1


@pytest.mark.long
@pytest.mark.timeout(200)
def test_placed_6_12(linux, progress):
    """From 6.10 on the word tells the place in storage alone, and the offset is found in the translation tables."""
    daemon = linux.start("echo", kernel="6.12", words="")
    progress("the kernel 6.12 decompresses itself")
    early, late = placed(daemon, linux.bench.client(daemon))
    assert early == late and len(early) == 2
