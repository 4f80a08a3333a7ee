# SPDX-License-Identifier: GPL-2.0-or-later
"""The programs that are compared, started in the box, and a timed connection to each: over TCP from outside of the box,
or over a Unix socket within it."""

import re
import struct
import subprocess
import tempfile
import time

import zbox
from zbox.common import native_kvm
from zharness.process import end
from zharness.rsp import Rsp, RspError, checksum, unescape

PORTS = {"zgdbd": 1234, "qemu": 1235, "floor": 1236}
MEMORY_MIB = 256
APPEND = "nokaslr cryptomgr.notests"
START_LIMIT = 60


def zgdbd_command(binary, image, *options):
    return [binary, "--memory", f"{MEMORY_MIB}M", "--append", APPEND, "--console", "stdio", *options, image]


def qemu_command(native, image, *options):
    """Guest memory is not populated beforehand, as zgdbd's is not: with prealloc=on QEMU needs seconds more. The shim
    stands in for a capability that QEMU demands and the box's processor does not have."""
    return [*([] if native else ["LD_PRELOAD=/lib/cowshim.so"]), "qemu-system-s390x", "-accel", "kvm",
            "-m", str(MEMORY_MIB), "-nodefaults", "-no-shutdown", "-display", "none", "-chardev", "stdio,id=c,signal=off",
            "-device", "sclpconsole,chardev=c", *options, "-kernel", image, "-append", APPEND]


def socket_path(name):
    return f"/tmp/bench-{name}"


class Commands:
    """Each monitor's command line for each occasion."""

    def __init__(self, box, zgdbd, floor):
        self.native = native_kvm()
        self.image = box.linux_image
        self.binary = box.push(zgdbd)
        self.floor = box.push(floor)

    def debugged(self, name, transport="tcp"):
        """Waits for a debugger with the guest at its first instruction."""
        port = PORTS[name]
        unix = transport == "unix"
        if name == "qemu":
            where = f"unix:{socket_path(name)},server=on,wait=off" if unix else f"tcp:0.0.0.0:{port}"
            return qemu_command(self.native, self.image, "-S", "-gdb", where)
        if name == "zgdbd":
            where = ["--listen", f"unix:{socket_path(name)}"] if unix else ["--listen", f"tcp:0.0.0.0:{port}", "--listen-any"]
            return zgdbd_command(self.binary, self.image, *where)
        return [self.floor, "serve", socket_path(name) if unix else str(port)]

    def running(self, name):
        """Boots at once and stays when the guest has panicked."""
        if name == "qemu":
            return qemu_command(self.native, self.image)
        return zgdbd_command(self.binary, self.image, "--run", "--on-panic", "stop")


# ---- one connection ----

class Timed(Rsp):
    """An Rsp whose exchange() costs this side as little as possible, and the same for every stub."""

    def exchange(self, payload):
        """(seconds, the reply as it came, its size). The ack goes out as gdb's does: at once and by itself, unless the
        stub has agreed to do without, which QEMU 7.2 cannot."""
        frame = b"$" + payload + b"#" + checksum(payload)
        reply = bytearray()
        begun = time.perf_counter()
        self.stream.sendall(frame)
        while reply[-3:-2] != b"#":
            data = self.stream.recv(1 << 18)
            if not data:
                raise RspError(f"the connection ended instead of an answer to {payload!r}")
            reply += data
        took = time.perf_counter() - begun
        if self.acks:
            self.raw(b"+")
        return took, bytes(reply), len(reply)


class Relayed(Rsp):
    """The same within the box, through the helper there, which tells how long each exchange took. Of a long reply only the
    beginning comes here. An ack goes out in front of the next packet."""

    def __init__(self, box, floor, path):
        self.errors = tempfile.TemporaryFile("w+")
        self.process = box.popen([floor, "relay", path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors)
        self.owed = b""
        super().__init__(None, START_LIMIT)

    def exchange(self, payload):
        frame = self.owed + b"$" + payload + b"#" + checksum(payload)
        self.process.stdin.write(struct.pack(">I", len(frame)) + frame)
        self.process.stdin.flush()
        head = self.process.stdout.read(16)
        if len(head) < 16:
            raise RspError(f"the relay ended instead of an answer to {payload!r}: {last_words(self.errors)}")
        took, size, shown = struct.unpack(">QII", head)
        reply = self.process.stdout.read(shown)
        self.owed = b"+" if self.acks else b""
        return took / 1e9, reply, size

    def bytes(self, payload, timeout=None):
        payload = payload.encode("latin-1") if isinstance(payload, str) else payload
        reply = self.exchange(payload)[1]
        return unescape(re.match(rb"\+*\$([^#]*)", reply)[1])

    def close(self):
        end(self.process)
        self.errors.close()


class Program:
    """A program in the box that others can connect to. What it says is shown only when it fails."""

    def __init__(self, box, commands, name, transport, words=None):
        self.box, self.commands, self.name, self.transport = box, commands, name, transport
        self.errors = tempfile.TemporaryFile("w+")
        words = words or commands.debugged(name, transport)
        box.run(["rm", "-f", socket_path(name)])
        assigned = ["env"] if "=" in words[0] else []
        self.process = box.popen([*assigned, *words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 stderr=self.errors, start_new_session=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        end(self.process)
        self.errors.close()

    def connect(self):
        """A connection as soon as there is one to be had."""
        limit = time.monotonic() + START_LIMIT
        while True:
            try:
                return self.try_to_connect()
            except (OSError, zbox.Failure) as error:
                if time.monotonic() > limit or self.process.poll() is not None:
                    said = last_words(self.errors)
                    raise zbox.Failure(f"{self.name} does not listen ({error}); it said: {said}") from None
                time.sleep(0.2)

    def try_to_connect(self):
        if self.transport == "unix":
            if self.box.run(["test", "-S", socket_path(self.name)]).returncode != 0:
                raise zbox.Failure(f"no socket at {socket_path(self.name)}")
            return Relayed(self.box, self.commands.floor, socket_path(self.name))
        stream = self.box.connect(PORTS[self.name])
        stream.settimeout(START_LIMIT)
        return Timed(stream, START_LIMIT)


def last_words(stream):
    stream.seek(0)
    return stream.read().strip()[-400:] or "nothing"


def run_floor(box, words):
    """The output of the helper in the box."""
    with tempfile.TemporaryFile("w+") as errors:
        result = box.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True)
        if result.returncode != 0:
            raise zbox.Failure(f"{' '.join(map(str, words))} failed: {last_words(errors)}")
    return result.stdout


def resident_without_guest(smaps):
    """KiB of resident memory in all mappings but the guest memory's."""
    mappings = list(zip(map(int, re.findall(r"^Size: +(\d+) kB", smaps, re.M)),
                        map(int, re.findall(r"^Rss: +(\d+) kB", smaps, re.M))))
    others = [resident for size, resident in mappings if size < MEMORY_MIB << 10]
    if len(others) != len(mappings) - 1:
        raise zbox.Failure(f"{len(mappings) - len(others)} mappings could be the guest's memory, expected one")
    return sum(others)
