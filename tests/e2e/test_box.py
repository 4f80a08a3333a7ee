# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of scripts/box and scripts/setup themselves: what runs in the box, what remains when
any part of it is killed, and the one line that each failure gives. Uses boxes of its own."""

import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading

import pytest
from conftest import known_limit

ROOT = pathlib.Path(__file__).resolve().parents[2]
BOX = str(ROOT / "scripts" / "box")
SETUP = str(ROOT / "scripts" / "setup")
sys.path.insert(0, str(ROOT / "scripts"))

from zbox import Failure, common, kernel, open_box, provide  # noqa: E402

pytestmark = pytest.mark.skipif(common.native_kvm(), reason="native: this machine needs no box")
NAME = "boxtest"
DEADLINE = 30


@pytest.fixture(scope="module")
def box():
    box = open_box(NAME)
    box.down()
    box.up()
    yield box
    box.down()


def run(box, *argv, **options):
    return box.run(argv, capture_output=True, timeout=DEADLINE, **options)


def cli(*words, **options):
    return subprocess.run([BOX, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=120, **options)


def one_line(result, *parts):
    """A failure is one line on stderr that names these parts."""
    assert result.returncode != 0
    assert result.stderr.count("\n") == 1, result.stderr
    for part in parts:
        assert part in result.stderr


def processes_of(box):
    """Host pids of all processes of a box, by the FIFO that each holds: {pid: name}."""
    life = os.stat(box.path("life"))
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            fds = [os.stat(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
            if any(os.path.samestat(life, fd) for fd in fds):
                found[int(pid)] = pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
        except OSError:
            continue
    return found


def net_namespaces():
    spaces = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            spaces.add(os.readlink(f"/proc/{pid}/ns/net"))
        except OSError:
            continue
    return spaces


def await_end(pids):
    """Wait for processes that are not our children."""
    for pid in pids:
        try:
            fd = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        assert select.select([fd], [], [], DEADLINE)[0], f"process {pid} still runs"
        os.close(fd)


# ---- running programs ----

def test_output_and_status(box):
    result = run(box, "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (result.stdout, result.stderr, result.returncode) == (b"out\n", b"err\n", 7)


def test_arguments_arrive_unchanged(box):
    words = ["", " a  b ", "$HOME", "'\"\\", "\n", "ä"]
    result = run(box, "printf", "[%s]", *words)
    assert result.stdout.decode() == "".join(f"[{word}]" for word in words)


def test_status_of_a_killed_program(box):
    assert run(box, "sh", "-c", "kill -9 $$").returncode == 128 + signal.SIGKILL


def test_unknown_program(box):
    result = run(box, "no-such-program")
    assert result.returncode == 127
    assert b"cannot run no-such-program" in result.stderr


def test_binary_input_and_half_close(box):
    data = os.urandom(3_000_000)
    assert run(box, "cat", input=data).stdout == data


def test_input_that_is_not_read(box):
    assert run(box, "true", input=bytes(2_000_000)).returncode == 0


def test_kvm_is_there(box):
    assert run(box, "box-prime").returncode == 0
    assert run(box, "test", "-s", box.linux_image).returncode == 0


def test_many_at_once(box):
    children = [box.popen(["sh", "-c", f"read x; echo {i} $x"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) for i in range(8)]
    for i, child in enumerate(children):
        assert child.communicate(b"in\n", timeout=DEADLINE)[0] == b"%d in\n" % i


def remote_group(box, script, prepare=":"):
    """Start a program in the box that says when it runs."""
    child = box.popen(["sh", "-c", f"{prepare}; echo $$; {script}"], stdin=subprocess.PIPE,
                      stdout=subprocess.PIPE, text=True)
    return child, int(child.stdout.readline())


def gone(box, pid):
    """Wait inside the box until no process of this group is left."""
    loop = f"while ps -o pgid | grep -qw {pid}; do usleep 20000; done"
    return run(box, "timeout", str(DEADLINE - 5), "sh", "-c", loop).returncode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_are_passed_on(box, number):
    child, pid = remote_group(box, "sleep 1000 & exec sleep 1000")
    child.send_signal(number)
    # A shell starts background programs with SIGINT ignored; the group's leader ends.
    assert child.wait(DEADLINE) == 128 + number
    child.stdout.close()
    run(box, "kill", "-9", f"-{pid}")


def test_signal_can_be_handled(box):
    child, _ = remote_group(box, "while :; do usleep 20000; done", "trap 'echo caught; exit 5' TERM")
    child.send_signal(signal.SIGTERM)
    assert child.communicate(timeout=DEADLINE)[0] == "caught\n"
    assert child.returncode == 5


def test_signal_passes_unread_input(box):
    child, pid = remote_group(box, "exec sleep 1000")
    os.set_blocking(child.stdin.fileno(), False)
    stuck = bytes(100_000)
    while select.select([], [child.stdin], [], 1)[1]:  # until nothing more is taken
        os.write(child.stdin.fileno(), stuck)
    child.send_signal(signal.SIGTERM)
    assert child.wait(DEADLINE) == 128 + signal.SIGTERM
    assert gone(box, pid)


def test_vanished_client_kills_the_group(box):
    child, pid = remote_group(box, "sleep 1000 & sleep 1000")
    child.kill()
    child.wait()
    assert gone(box, pid)


def test_closed_output_ends_the_program(box):
    child, pid = remote_group(box, "exec yes")
    child.stdout.close()
    child.wait(DEADLINE)
    assert gone(box, pid)


# ---- files and ports ----

def test_push(box, tmp_path):
    program = tmp_path / "hello"
    program.write_text("#!/bin/sh\necho hello $1\n")
    program.chmod(0o755)
    assert box.push(program) == "/opt/hello"
    assert run(box, "hello", "you").stdout == b"hello you\n"
    data = tmp_path / "data"
    data.write_bytes(os.urandom(1_234_567))
    box.push(data, "/tmp/there")
    assert run(box, "cat", "/tmp/there").stdout == data.read_bytes()


def test_push_failures(box, tmp_path):
    data = tmp_path / "data"
    data.write_bytes(b"x" * 1_000_000)
    with pytest.raises(Failure, match="/no/dir"):
        box.push(data, "/no/dir/data")
    with pytest.raises(Failure, match="cannot read"):
        box.push(tmp_path / "missing")


def test_gdb_socket(box):
    path = box.gdb_socket(4321)
    assert path == box.gdb_socket(4321)
    assert len(os.fsencode(path)) < 108
    with box.popen(["nc", "-ll", "-p", "4321", "-e", "cat"],
                   stdin=subprocess.PIPE) as server:
        wait_for_port(box, 4321)
        answers = []
        clients = [threading.Thread(target=lambda: answers.append(ping(path))) for _ in range(3)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        server.terminate()
    assert answers == [b"ping\n"] * 3


def ping(path):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(DEADLINE)
        client.connect(path)
        client.sendall(b"ping\n")
        return client.recv(100)


def wait_for_port(box, port):
    listening = f"while ! grep -q :{port:04X} /proc/net/tcp*; do usleep 20000; done"
    run(box, "timeout", str(DEADLINE), "sh", "-c", listening)


def test_refused_connection(box):
    with pytest.raises(Failure, match="port 9"):
        box.connect(9)


# ---- the box's life ----

def test_status_logs_and_second_up(box):
    status = cli("--name", NAME, "status")
    assert re.fullmatch(rf"box {NAME}: up, pid \d+, Linux 6\.1\S+, \d+ MiB, since .*\n",
                        status.stdout)
    assert "BOX-READY" in cli("--name", NAME, "logs").stdout
    again = cli("--name", NAME, "up")
    assert again.returncode == 0
    assert "up already" in again.stderr


def test_state_is_private(box):
    assert os.stat(box.state).st_mode & 0o777 == 0o700


def test_not_up():
    assert cli("--name", "nobody", "status").returncode == 3
    one_line(cli("--name", "nobody", "run", "true"), "is not up", "scripts/box --name nobody up")
    one_line(cli("--name", "nobody", "logs"), "has no log")
    assert cli("--name", "nobody", "down").returncode == 0
    one_line(cli("--name", "../up", "status"), "no name for a box")


@pytest.mark.long
@pytest.mark.timeout(180)
@pytest.mark.parametrize("part", ["unshare", "python3", "hercules"])
def test_kill_any_part(part):
    """kill -9 of any process takes all others along, and nothing stays after `down`."""
    box = open_box(f"{NAME}-kill")
    try:
        box.up()
        box.gdb_socket(4321)
        parts = processes_of(box)
        space = os.readlink(f"/proc/{max(parts)}/ns/net")
        assert space in net_namespaces()
        waiting = box.popen(["sh", "-c", "echo; sleep 1000"], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)
        waiting.stdout.readline()
        os.kill(next(pid for pid, name in parts.items() if name == part), signal.SIGKILL)
        await_end(parts)
        _, errors = waiting.communicate(timeout=DEADLINE)
        assert waiting.returncode == 1 and "box has gone" in errors
        assert not processes_of(box)
        assert not box.alive()
        assert space not in net_namespaces()
    finally:
        box.down()
    assert not os.path.exists(box.state)


@pytest.mark.long
@pytest.mark.timeout(180)
def test_two_boxes_and_crash(box):
    """Two boxes with the same addresses and ports; one's kernel crashes, the other stays."""
    other = open_box(f"{NAME}-two")
    try:
        other.up()
        run(other, "sh", "-c", "echo two >/tmp/mark")
        run(box, "sh", "-c", "echo one >/tmp/mark")
        assert run(other, "cat", "/tmp/mark").stdout == b"two\n"
        assert run(box, "cat", "/tmp/mark").stdout == b"one\n"
        parts = processes_of(other)
        crash = run(other, "sh", "-c", "echo c >/proc/sysrq-trigger")
        assert crash.returncode == 1
        await_end(parts)
        assert not other.alive()
        assert "Trigger a crash" in other.logs()
        assert box.alive()
        other.up()  # a later `up` clears what is left
        assert run(other, "true").returncode == 0
    finally:
        other.down()
    assert not os.path.exists(other.state)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_later_kernel():
    """Its KVM and its network work; who wants the other kernel under this name is told."""
    name = f"{NAME}-later"
    try:
        assert cli("--name", name, "up", "--kernel", "later").returncode == 0
        box = open_box(name)
        assert run(box, "uname", "-r").stdout.startswith(b"6.12.")
        assert run(box, "box-prime").returncode == 0
        data = os.urandom(300_000)
        assert run(box, "cat", input=data).stdout == data
        assert "Linux 6.12." in cli("--name", name, "status").stdout
        one_line(cli("--name", name, "up", "--kernel", "release"), "later kernel, 6.12.", "--name")
        assert not box.up()
        one_line(cli("--name", f"{name}2", "up", "--kernel", "later", "--bench"), "leave out --bench or --kernel")
    finally:
        open_box(name).down()


@pytest.mark.long
@pytest.mark.timeout(120)
def test_down_gives_up_a_boot():
    box = open_box(f"{NAME}-early")
    booting = subprocess.Popen([BOX, "--name", box.name, "up"], stderr=subprocess.PIPE, text=True)
    boot_is_on = threading.Event()
    threading.Thread(target=lambda: (poll_for(box.path("log")), boot_is_on.set())).start()
    assert boot_is_on.wait(DEADLINE)
    box.down()
    _, errors = booting.communicate(timeout=DEADLINE)
    assert booting.returncode == 1 and "did not come up" in errors
    assert not os.path.exists(box.state)


def poll_for(path):
    """Until the file is there: its directory comes into being only now, too."""
    tick = threading.Event()
    for _ in range(DEADLINE * 100):
        if os.path.exists(path):
            return
        tick.wait(0.01)


# ---- failures ----

@pytest.fixture
def poor_path(tmp_path):
    """An environment in which hercules is not installed."""
    for name in ("unshare", "ip", "socat", "python3"):
        (tmp_path / name).symlink_to(shutil.which(name))
    return dict(os.environ, PATH=str(tmp_path))


def test_hercules_missing(poor_path):
    one_line(cli("--name", f"{NAME}-fail", "up", env=poor_path), "hercules", "scripts/setup tools")
    cli("--name", f"{NAME}-fail", "down")


def test_too_much_memory():
    one_line(cli("--name", f"{NAME}-fail", "up", "--memory", "999999"), "999999", "2047")
    cli("--name", f"{NAME}-fail", "down")


def test_too_long_a_path(tmp_path):
    long_path = str(tmp_path / ("x" * 100))
    one_line(cli("up", env=dict(os.environ, XDG_RUNTIME_DIR=long_path)), "too long")


def test_cache_cannot_be_made():
    environment = dict(os.environ, ZGDBD_CACHE="/proc/nowhere")
    environment.pop("XDG_RUNTIME_DIR", None)
    one_line(cli("up", env=environment), "/proc/nowhere", "ZGDBD_CACHE")


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="not-root: needs root to stage it")


def in_mounts(script, **environment):
    """Run a shell script in a mount namespace of its own."""
    if subprocess.run(["unshare", "-m", "true"], stderr=subprocess.DEVNULL, check=False).returncode:
        known_limit("no-mounts")
    return subprocess.run(["unshare", "-m", "sh", "-c", script], env={**os.environ, **environment},
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)


@needs_root
def test_no_tun():
    result = in_mounts(f"mount -t tmpfs none /dev/net && exec {BOX} --name {NAME}-fail up")
    one_line(result, "/dev/net/tun", "does not exist", "modprobe tun")
    cli("--name", f"{NAME}-fail", "down")


@needs_root
def test_neither_root_nor_tun(tmp_path):
    """What an ordinary user is told where only root may open the tun device."""
    script = ("mount -t tmpfs none /dev/net && mknod -m 600 /dev/net/tun c 10 200 && "
              f"mount -t tmpfs -o mode=777 none {tmp_path} && cp -r {ROOT}/scripts {tmp_path} && "
              f"chmod -R a+rX {tmp_path} && mount --bind {tmp_path} /mnt && cd /mnt && "
              "exec setpriv --reuid 65534 --regid 65534 --clear-groups scripts/box up")
    environment = {"ZGDBD_CACHE": "/mnt/cache", "XDG_RUNTIME_DIR": "/mnt/run"}
    one_line(in_mounts(script, **environment), "/dev/net/tun", "Permission denied", "as root")


@needs_root
def test_no_disk_room(tmp_path):
    script = f"mount -t tmpfs -o size=16m none {tmp_path} && exec {SETUP} box"
    one_line(in_mounts(script, ZGDBD_CACHE=str(tmp_path)), "needs", "free")


def borrowed_cache(tmp_path, *names):
    """A cache that has the stamps and links to the real one's parts, but for NAMES: copies."""
    real = common.cache_dir()
    for name in ("kernel", "images"):
        (tmp_path / name).symlink_to(os.path.join(real, name))
    shutil.copytree(os.path.join(real, "stamps"), tmp_path / "stamps")
    shutil.copytree(os.path.join(real, "box"), tmp_path / "box")
    return dict(os.environ, ZGDBD_CACHE=str(tmp_path), XDG_RUNTIME_DIR=str(tmp_path / "run"))


@pytest.mark.timeout(120)
def test_guest_that_does_not_come_up(box, tmp_path):
    environment = borrowed_cache(tmp_path)
    initrd = tmp_path / "box" / "initrd.img"
    initrd.write_bytes(bytes(initrd.stat().st_size))
    result = cli("up", env=environment)
    one_line(result, "did not come up", "last log lines")
    assert cli("status", env=environment).returncode == 3
    cli("down", env=environment)
    assert not os.listdir(tmp_path / "run" / "zgdbd")


def test_unknown_kernel(tmp_path):
    with pytest.raises(Failure, match="S390EP"):
        kernel.flat_image(bytes(1 << 20), "zeros")
    vmlinuz = pathlib.Path(common.cache_dir(), "images", "vmlinuz").read_bytes()
    with pytest.raises(Failure, match="not recognized"):
        at = kernel.STUBS[0].code.search(vmlinuz).start("function")
        kernel.flat_image(vmlinuz[:at] + bytes(6) + vmlinuz[at + 6:], "other")
    with pytest.raises(Failure, match="not found"):
        kernel.flat_image(vmlinuz.replace(b"\xfd7zXZ", b"\xfd7zXY"), "damaged")


def test_flat_image():
    images = pathlib.Path(common.cache_dir(), "images")
    flat = (images / "linux.img").read_bytes()
    assert flat[0x10008:0x1000e] == b"S390EP"
    assert flat == kernel.flat_image((images / "vmlinuz").read_bytes(), "vmlinuz")


@pytest.mark.long
def test_flat_image_of_the_later_kernel():
    """It is zstd's, and its checksums are repaired."""
    provide.ensure("later")
    images = pathlib.Path(common.cache_dir(), "images")
    flat = (images / "linux-later.img").read_bytes()
    vmlinuz = (images / "vmlinuz-later").read_bytes()
    assert flat[0x10008:0x1000e] == b"S390EP"
    assert flat == kernel.with_checksums(kernel.flat_image(vmlinuz, "vmlinuz-later"))
    assert flat.count(kernel.SUM_AT_R2) == 1 and kernel.SUM_AT_ZERO not in flat
    with pytest.raises(Failure, match="not found"):
        kernel.flat_image(vmlinuz.replace(b"\x28\xb5\x2f\xfd", b"\x28\xb5\x2f\xfc"), "damaged")


# ---- setup ----

def test_setup_usage():
    result = subprocess.run([SETUP, "nonsense"], stderr=subprocess.PIPE, text=True)
    one_line(result, "nonsense")


def test_setup_without_root(monkeypatch):
    monkeypatch.setattr(provide, "missing_tools", lambda: ["one-package"])
    monkeypatch.setattr(provide, "as_root", lambda: None)
    with pytest.raises(Failure, match="apt-get install .* one-package"):
        provide.tools()


def test_stamp_needs_its_product(tmp_path, monkeypatch):
    """A half-made part counts as missing, and so does one made from something else."""
    monkeypatch.setenv("ZGDBD_CACHE", str(tmp_path))
    provide.stamp("part", "made")
    assert not provide.is_stamped("part", "made", "part")
    (tmp_path / "part").mkdir()
    assert provide.is_stamped("part", "made", "part")
    assert not provide.is_stamped("part", "newer", "part")


def test_replaced_tree_is_whole(tmp_path):
    for name in ("new", "place", "place.old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    provide.replace_tree(str(tmp_path / "new"), str(tmp_path / "place"))
    assert os.listdir(tmp_path) == ["place"]
    assert os.listdir(tmp_path / "place") == ["new"]
