# SPDX-License-Identifier: GPL-2.0-or-later
"""One box: a Linux with /dev/kvm for s390x inside Hercules, in namespaces of its own. Owns the
state directory (pid, sockets, log) and the box's life; what happens inside the namespaces is
zbox.supervisor's, what goes over a connection is zbox.remote's."""

import contextlib
import errno
import fcntl
import json
import os
import re
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time

from . import provide, remote
from .common import SCRIPTS, Failure, cache_dir, cache_lock, make_dir, need_room, write_whole
from .image import AGENT_PORT

MEMORY = 768
BENCH_MEMORY = 1536
HOST_MARGIN = 256
# The part of provide that makes the box with each kernel.
PART_OF = {"release": "box", "later": "later"}
SOCKET_PATH_LIMIT = 107
UP_LIMIT = 180
DOWN_LIMIT = 20
TUN = "/dev/net/tun"
# What the control socket says when there is no supervisor, or no longer.
NOT_UP = (errno.ENOENT, errno.ECONNREFUSED, errno.ECONNRESET, errno.EPIPE)


def run_dir():
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return os.path.join(runtime, "zgdbd") if runtime else os.path.join(cache_dir(), "run")


class Box:
    """The box called NAME. All methods raise Failure with one clear line.

        box = Box("default")
        box.up()                              boots it unless it is up; up(kernel="later")
        box.run(["uname", "-m"])              like subprocess.run, in the box
        box.popen(["zgdbd", ...])             like subprocess.Popen, in the box
        box.push("build/zgdbd")               to /opt/zgdbd, which is on the PATH there
        box.gdb_socket(1234)                  Unix socket that leads to that port
        box.connect(1234)                     a Python socket to that port
        box.down()
    """

    def __init__(self, name="default"):
        if not re.fullmatch(r"[A-Za-z0-9_.-]{1,32}", name):
            raise Failure(f"'{name}' is no name for a box: use up to 32 letters, digits, . _ -")
        self.name = name
        self.state = os.path.join(run_dir(), f"box-{name}")
        if len(self.path("port-65535")) > SOCKET_PATH_LIMIT:
            raise Failure(f"the path {self.state} is too long for a Unix socket; set "
                          "XDG_RUNTIME_DIR or ZGDBD_CACHE to a shorter one")

    def path(self, name):
        return os.path.join(self.state, name)

    @property
    def up_command(self):
        return "scripts/box up" if self.name == "default" else f"scripts/box --name {self.name} up"

    # ---- life ----

    def alive(self):
        """Does any process of the box exist? Each of them holds the FIFO open."""
        try:
            life = os.open(self.path("life"), os.O_RDONLY | os.O_NONBLOCK)
        except FileNotFoundError:
            return False
        try:
            return os.read(life, 1) != b""
        except BlockingIOError:
            return True
        finally:
            os.close(life)

    @contextlib.contextmanager
    def locked(self):
        """Hold the state directory, which `down` removes: so look whether it is still it."""
        while True:
            make_dir(os.path.dirname(self.state))
            make_dir(self.state, 0o700)
            fd = os.open(self.state, os.O_RDONLY | os.O_DIRECTORY)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX)
                try:
                    same = os.path.samestat(os.fstat(fd), os.stat(self.state))
                except FileNotFoundError:
                    same = False
                if same:
                    yield
                    return
            finally:
                os.close(fd)

    def up(self, memory=None, bench=False, kernel=None):
        """Boot the box, with the release's kernel unless told; True when this call did it, False when it was up already."""
        memory = memory or (BENCH_MEMORY if bench else MEMORY)
        if bench and kernel == "later":
            raise Failure("the benchmark's box has the release's kernel; leave out --bench or --kernel")
        with self.locked():
            if self.alive():
                self.check_is(bench, kernel)
                return False
            self.clean()
            check_machine(memory)
            kernel = kernel or "release"
            provide.ensure("bench" if bench else PART_OF[kernel])
            with cache_lock(shared=True):
                self.start(memory, bench, kernel)
        return True

    def check_is(self, bench, kernel):
        """Is the box that is up the one that is wanted?"""
        info = self.info()
        if bench and not info["bench"]:
            lack = "is up without QEMU"
        elif kernel not in (None, info["host"]):
            lack = f"is up with the {info['host']} kernel, {info['kernel']}"
        else:
            return
        raise Failure(f"box {self.name} {lack}; end it with scripts/box down, or choose another --name")

    def start(self, memory, bench, kernel):
        images = provide.cached(f"box{provide.KERNELS[kernel]}")
        os.mkfifo(self.path("life"), 0o600)
        reader = os.open(self.path("life"), os.O_RDONLY | os.O_NONBLOCK)
        life = os.open(self.path("life"), os.O_WRONLY)
        result, report = os.pipe()
        environment = dict(os.environ, PYTHONPATH=SCRIPTS, ZBOX_LIFE=str(life))
        with open(self.path("start-errors"), "wb") as errors:
            process = subprocess.Popen(
                [*unshare_command(), sys.executable, "-S", "-m", "zbox.supervisor", self.state,
                 images, "bench.ins" if bench else "box.ins", str(memory), str(report)],
                env=environment, pass_fds=(life, report), stdin=subprocess.DEVNULL,
                stdout=errors, stderr=errors, start_new_session=True)
        for fd in (reader, life, report):
            os.close(fd)
        try:
            self.write_info(process.pid, images, memory=memory, bench=bench, host=kernel)
            self.await_ready(result)
        except BaseException:
            process.kill()
            process.wait()
            self.await_gone(process.pid)
            raise
        finally:
            os.close(result)

    def write_info(self, pid, images, **chosen):
        with open(os.path.join(images, "kernel-version"), encoding="ascii") as version:
            info = {"pid": pid, "kernel": version.read(), "since": time.strftime("%Y-%m-%d %H:%M:%S"), **chosen}
        write_whole(self.path("info"), json.dumps(info).encode(), 0o600)

    def await_ready(self, result):
        readable, _, _ = select.select([result], [], [], UP_LIMIT)
        said = os.read(result, 4096).decode("utf-8", "replace") if readable else "failed no answer"
        if said.startswith("ready"):
            return
        why = said.removeprefix("failed").strip() or self.tail("start-errors", 1)
        raise Failure(f"the box did not come up: {why}; its last log lines: "
                      f"{self.tail('log', 4) or 'none'}")

    def tail(self, name, count):
        try:
            with open(self.path(name), encoding="latin-1") as source:
                return " | ".join(line.strip() for line in source.readlines()[-count:])
        except FileNotFoundError:
            return ""

    def down(self):
        """End the box and remove all traces; True when there was one."""
        if not os.path.isdir(self.state):
            return False
        # Not under the lock at first, so that a boot can be given up.
        was_alive = self.kill()
        with self.locked():
            was_alive = self.kill() or was_alive
            self.clean()
            os.rmdir(self.state)
        return was_alive

    def kill(self):
        """Kill the one process that holds the namespaces; wait until all others are gone."""
        if not self.alive():
            return False
        try:
            pid = self.info()["pid"]
        except FileNotFoundError:
            return False  # `up` has only just begun: it holds the lock
        with contextlib.suppress(ProcessLookupError):
            pidfd = os.pidfd_open(pid)
            if self.alive():
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            os.close(pidfd)
        self.await_gone(pid)
        return True

    def await_gone(self, pid):
        """The process that holds the namespaces, PID, was killed; the others end a moment later."""
        life = os.open(self.path("life"), os.O_RDONLY | os.O_NONBLOCK)
        poll = select.poll()
        poll.register(life, 0)
        gone = not self.alive() or poll.poll(DOWN_LIMIT * 1000)
        os.close(life)
        if not gone:
            raise Failure(f"box {self.name} still runs {DOWN_LIMIT} s after its process "
                          f"{pid} was killed; look at it with ps")

    def clean(self):
        """Empty the state directory of a box that no longer runs."""
        for name in os.listdir(self.state):
            os.unlink(self.path(name))

    def info(self):
        with open(self.path("info"), encoding="ascii") as info:
            return json.load(info)

    def status(self):
        """One line: up or down, pid, kernel, since when."""
        if not self.alive():
            return f"box {self.name}: down"
        try:
            info = self.info()
        except FileNotFoundError:
            return f"box {self.name}: starting"
        return (f"box {self.name}: up, pid {info['pid']}, Linux {info['kernel']}, "
                f"{info['memory']} MiB, since {info['since']}")

    def logs(self):
        """Hercules' log and the guest's console, which is part of it."""
        try:
            with open(self.path("log"), encoding="latin-1") as log:
                return log.read()
        except FileNotFoundError:
            raise Failure(f"box {self.name} has no log; start it with {self.up_command}") from None

    # ---- use ----

    def ask(self, verb, port):
        """The supervisor's answer: (text, socket or None, the control connection)."""
        control = socket.socket(socket.AF_UNIX)
        try:
            control.connect(self.path("control"))
            text, connection = remote.receive_answer(control, verb, port)
        except OSError as error:
            control.close()
            if error.errno not in NOT_UP:
                raise Failure(f"box {self.name}: {error.strerror}") from None
            raise Failure(f"box {self.name} is not up; start it with {self.up_command}") from None
        return text, connection, control

    def frames(self):
        _, connection, control = self.ask("connect", AGENT_PORT)
        return remote.Frames(connection, control)

    def connect(self, port):
        """A connected TCP socket to a port in the box."""
        _, connection, control = self.ask("connect", port)
        control.close()
        return connection

    def gdb_socket(self, port=1234):
        """Path of a Unix socket; each connection to it is one to the port in the box."""
        path, _, control = self.ask("relay", port)
        control.close()
        return path

    def run_here(self, argv):
        """Run with this process's own descriptors and signals; returns the exit status."""
        return remote.run_here(self.frames(), argv)

    def command(self, argv):
        """The local command line that runs ARGV in the box."""
        return [os.path.join(SCRIPTS, "box"), "--name", self.name, "run", *map(str, argv)]

    def run(self, argv, **options):
        return subprocess.run(self.command(argv), check=options.pop("check", False), **options)

    def popen(self, argv, **options):
        return subprocess.Popen(self.command(argv), **options)

    def push(self, source, destination=None):
        """Copy a file into the box, to /opt/NAME unless told; returns where it is there."""
        destination = destination or f"/opt/{os.path.basename(source)}"
        if not destination.startswith("/"):
            raise Failure(f"push to '{destination}': the destination must begin with /")
        try:
            mode = stat.S_IMODE(os.stat(source).st_mode)
            frames = self.frames()
            try:
                remote.push(frames, source, destination, mode)
            finally:
                frames.close()
        except OSError as error:
            raise Failure(f"cannot read {source} to push it: {error.strerror}") from None
        return destination

    def file(self, path):
        """Where a file pushed with push(path) is found by programs of the box."""
        return f"/opt/{os.path.basename(path)}"

    @property
    def linux_image(self):
        """The flat guest kernel, as programs in the box name it."""
        return "/images/linux.img"


def unshare_command():
    """Namespaces that go with their first process, whoever kills it. No mounts of its own: in a chroot there would be none
    to make private."""
    command = ["unshare", "-n", "-p", "-f", "--kill-child"]
    return command if os.geteuid() == 0 else [*command, "-rU"]


def check_machine(memory):
    """Whatever the box would fail on later, in plain words."""
    for program, package in (("hercules", "hercules"), ("unshare", "util-linux"),
                             ("ip", "iproute2"), ("socat", "socat")):
        if not shutil.which(program):
            raise Failure(f"the box needs {program}, which is not installed; run scripts/setup "
                          f"tools (Debian package {package})")
    check_tun()
    test = subprocess.run([*unshare_command(), "true"], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", check=False)
    if test.returncode != 0:
        raise Failure("the box needs network and process namespaces, but unshare says: "
                      f"{' '.join(test.stdout.split())}; run it as root, or allow user "
                      "namespaces (sysctl kernel.unprivileged_userns_clone=1)")
    check_memory(memory)
    need_room(run_dir(), 64, "the box's state")


def check_tun():
    try:
        os.close(os.open(TUN, os.O_RDWR))
    except FileNotFoundError:
        raise Failure(f"the box needs {TUN}, which does not exist; as root: modprobe tun, or "
                      f"mkdir -p /dev/net && mknod {TUN} c 10 200") from None
    except OSError as error:
        raise Failure(f"the box needs {TUN}, but opening it says: {error.strerror}; run it as "
                      f"root, or as root: modprobe tun; chmod 666 {TUN}") from None


def check_memory(memory):
    if not 256 <= memory <= 2047:
        raise Failure(f"--memory {memory}: the box takes 256 to 2047 MiB")
    with open("/proc/meminfo", encoding="ascii") as meminfo:
        available = next(int(line.split()[1]) >> 10 for line in meminfo
                         if line.startswith("MemAvailable:"))
    if available < memory + HOST_MARGIN:
        raise Failure(f"the box with {memory} MiB needs {memory + HOST_MARGIN} MiB of free "
                      f"memory, this machine has {available}; end something or use --memory")
