# SPDX-License-Identifier: GPL-2.0-or-later
"""The tasks of a Linux guest as threads: what gdb and `monitor ps` show is what the guest says of itself, a sleeping task can be
looked at, and moving on goes as without."""

import os
import re

import pytest
from death import module_file
from zharness.gdb import GdbError
from zharness.paths import BUILD, ROOT
from zharness.vmcore import fetch

# Threads of the kernel that come and go, and whose names are longer in /proc, are left out.
WORKERS = "kworker"
SAYS = ("for t in /proc/[0-9]*/task/[0-9]*; do p=${t#/proc/}; read c <$t/comm && echo task ${p%%/*} ${t##*/} $c; done; "
        "echo tasks: $((6*7))")
SAID = r"(?m)^task (\d+) (\d+) (.*?)\r?$"
SCRIPT = os.path.join(ROOT, "scripts/zgdbd-gdb.py")
LOOP = "while :; do :; done"
REFUSED = "no CPU runs this task"


def file_of(name):
    with open(os.path.join(BUILD, "guests", name), "rb") as source:
        return source.read()


def start(linux, before, behind, *options, **keywords):
    """A guest with two CPUs and two `sleep`; it tells its tasks, and does BEHIND. Its daemon, and {pid: (tgid, name)}."""
    daemon = linux.start(f"sleep 5000 & sleep 6000 & {before} sleep 1; {SAYS}; {behind}", "--run", "--cpus", "2",
                         *options, words="", **keywords)
    daemon.await_console("tasks: 42")
    said = {int(pid): (int(tgid), name[:15]) for tgid, pid, name in re.findall(SAID, daemon.console)}
    assert len(said) > 20
    return daemon, {pid: task for pid, task in said.items() if not task[1].startswith(WORKERS)}


def ps(gdb):
    """[(star, pid, tgid, state, cpu, name)] of `monitor ps`, without the idle tasks and workers."""
    lines = re.findall(r"(?m)^([* ]) +(\d+) +(\d+) (\S) +(\S+) (.*)$", gdb.execute("monitor ps"))
    return [(star, int(pid), int(tgid), state, cpu, name.strip("[]")) for star, pid, tgid, state, cpu, name in lines
            if int(pid) and not name.startswith("[" + WORKERS)]


def threads(gdb):
    """{pid: (gdb's number, name, tgid, state)} of `info threads`, without CPUs and workers."""
    found = re.findall(r'(?m)^.? +(\d+) +Thread 1\.(\d+) "(.*?)" \((\d+)/(\d+), ([a-z ]+)', gdb.execute("info threads"))
    return {int(pid): (number, name, int(tgid), state) for number, tid, name, pid, tgid, state in found
            if int(pid) and not name.startswith(WORKERS) and int(tid) == int(pid) + 1000}


def symbol(gdb, address):
    return re.match(r"0x[0-9a-f]+ (\w+)", gdb.execute(f"monitor symbols {address:#x}"))[1]


def chain(gdb):
    """The functions of the selected task's call chain, by its registers and its stack as gdb reads them (Linux with
    CONFIG_PACK_STACK: back chain at 152, r6 to r15 at 72 of the caller's frame)."""
    functions, frame = [symbol(gdb, gdb.value("$pc"))], gdb.value("$r15")
    while len(functions) < 8:
        frame = gdb.value(f"*(unsigned long *)({frame:#x} + 152)")
        functions.append(symbol(gdb, gdb.value(f"*(unsigned long *)({frame:#x} + 72 + 64)")))
    return functions


def check_lists(gdb, said):
    listed = ps(gdb)
    assert {pid: (tgid, name) for _, pid, tgid, _, _, name in listed} == said
    running = {pid for star, pid, *_ in listed if star == "*"}
    assert running == {1}  # its loop; the other CPU has nothing to do
    seen = threads(gdb)
    assert {pid: (tgid, name) for pid, (_, name, tgid, _) in seen.items()} == {
        pid: task for pid, task in said.items() if pid not in running}
    assert re.search(r'Thread 1\.\d "CPU [01]: init 1" \(operating', gdb.execute("info threads"))
    return seen


def check_sleeper(gdb, pid, number):
    gdb.execute(f"thread {number}")
    functions = chain(gdb)
    assert functions[:2] == ["__schedule", "schedule"] and "do_nanosleep" in functions, functions
    assert re.findall(r"(?m)^ #\d+ +[0-9a-f]{16} (\w+)", gdb.execute("monitor bt"))[:8] == functions
    assert gdb.execute("monitor bt").startswith(f"pid {pid}, sleep, task stack:")
    assert re.findall(r"(?m)^#\d+ +0x0*[0-9a-f]+ in (\w+) \(", gdb.execute("backtrace"))[:8] == functions
    assert "<unavailable>" in gdb.execute("info registers r2")
    with pytest.raises(GdbError):
        gdb.execute("set $r6 = 1")
    assert REFUSED in gdb.execute("stepi")
    gdb.execute("set scheduler-locking on")
    assert REFUSED in gdb.execute("continue")
    gdb.execute("set scheduler-locking off")


def check_going_on(daemon, gdb, number):
    """Whatever is selected, the machine goes on."""
    gdb.execute(f"thread {number}")
    gdb.resume()
    daemon.type("a line\r")
    daemon.await_console("heard: a line")
    assert gdb.interrupt().signal == "SIGINT"
    assert threads(gdb)
    gdb.execute("thread 1")
    before = gdb.value("$pc")
    gdb.execute("stepi")
    assert gdb.value("$pc") != before


def check_dump(bench, gdb, directory, path):
    """The same is in a dump."""
    live, seen = gdb.execute("monitor ps"), threads(gdb)
    gdb.execute("monitor dump tasks.core", timeout=120)
    dump = bench.dump(fetch(bench.box_of(), f"{directory}/tasks.core", path), "--threads", "tasks")
    assert dump.execute("monitor ps") == live
    assert {pid: task[1:] for pid, task in threads(dump).items()} == {pid: task[1:] for pid, task in seen.items()}
    dump.execute(f"thread {max(threads(dump).values())[0]}")
    assert symbol(dump, dump.value("$pc")) == "__schedule"
    assert REFUSED in dump.execute("stepi")


@pytest.mark.long
@pytest.mark.timeout(400)
def test_tasks(linux, progress, directory, tmp_path):
    """With the layout from the guest's own type information."""
    progress("the kernel 6.12 boots")
    daemon, said = start(linux, "threads & while read x; do echo heard: $x; done </dev/ttysclp0 &", LOOP, "--threads", "tasks",
                         "--memory", "128M", "--dump-dir", directory, kernel="6.12", keyboard="pipe", files={"bin/threads": file_of("threads")})
    gdb = linux.bench.gdb(daemon)
    seen = check_lists(gdb, said)
    many = [pid for pid, (_, name, _, _) in seen.items() if name == "threads"]
    assert len(many) == 4 and {seen[pid][2] for pid in many} == {min(many)}
    first, second = (pid for pid in seen if seen[pid][1] == "sleep")
    assert seen[first][3] == seen[second][3] == "sleeping"
    check_sleeper(gdb, first, seen[first][0])
    check_going_on(daemon, gdb, seen[second][0])
    assert "from BTF" in gdb.execute("monitor task-layout")
    progress("a dump is written and read")
    check_dump(linux.bench, gdb, directory, tmp_path / "core")
    gdb.execute("monitor threads cpus")
    assert not threads(gdb)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_layout_of_the_debug_file(linux, progress):
    """Linux 6.1 has no type information: gdb tells the layout, by a module's debug information, which has the kernel's
    structures."""
    module = module_file()
    progress("the kernel 6.1 boots")
    daemon, said = start(linux, "", LOOP, "--threads", "tasks")
    gdb = linux.bench.gdb(daemon)
    gdb.execute(f"source {SCRIPT}")
    assert not threads(gdb)
    gdb.execute(f"symbol-file {module}")
    seen = check_lists(gdb, said)
    sleeper = min(pid for pid in seen if seen[pid][1] == "sleep")
    check_sleeper(gdb, sleeper, seen[sleeper][0])
    assert "from the debugger" in gdb.execute("monitor task-layout")
    gdb.quit()
    # The script and the file were there first; the layout is told anew.
    other = linux.bench.gdb(symbols=module)
    other.execute(f"source {SCRIPT}")
    other.connect(daemon)
    assert "tasks=" in other.execute("python print(TELLER.told)")


@pytest.mark.long
@pytest.mark.timeout(150)
def test_why_there_are_none(linux):
    daemon, _ = start(linux, "", LOOP)
    gdb = linux.bench.gdb(daemon)
    assert "has no type information (BTF)" in gdb.execute("monitor ps")
    assert "There are only CPUs: the guest's memory has no type information" in gdb.execute("monitor threads tasks")
    shown = gdb.execute("info threads")
    assert len(re.findall(r"Thread 1\.", shown)) == 2
    assert shown.count("no tasks: `monitor ps` says why") == 2
