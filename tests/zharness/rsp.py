# SPDX-License-Identifier: GPL-2.0-or-later
"""A bare client of the remote serial protocol: sends exactly what it is told and checks framing strictly. For what gdb
itself would never send, and for loops in which gdb would be too slow. Every wait has a deadline."""

import re
import select
import socket
import time

ESCAPED = re.compile(rb"[#$}*]")


class RspError(Exception):
    """No answer in time, a bad frame, an error reply, or the end of the connection."""


class PipeStream:
    """The two pipes of a stub on a subprocess's standard input and output, as a socket would look."""

    def __init__(self, process):
        self.process = process

    def fileno(self):
        return self.process.stdout.fileno()

    def sendall(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def recv(self, size):
        return self.process.stdout.read1(size)

    def close(self):
        self.process.stdin.close()


def checksum(payload):
    return b"%02x" % (sum(payload) & 255)


def escape(payload):
    return ESCAPED.sub(lambda match: b"}" + bytes([match.group()[0] ^ 0x20]), payload)


def unescape(payload):
    """Undo run lengths, then escapes."""
    payload = re.sub(rb"([^*])\*(.)", lambda match: match[1] * (match[2][0] - 28), payload, flags=re.S)
    return re.sub(rb"\}(.)", lambda match: bytes([match[1][0] ^ 0x20]), payload, flags=re.S)


class Rsp:
    """One connection. packet() is a whole exchange; resume() and wait_stop() are its halves for a guest that runs."""

    def __init__(self, stream, timeout=20):
        self.stream = stream
        self.timeout = timeout
        self.buffer = b""
        self.acks = True
        self.layout = None

    @classmethod
    def connect(cls, address, timeout=20):
        """ADDRESS: the path of a Unix socket, or "HOST:PORT"."""
        host, colon, port = address.rpartition(":")
        if colon and port.isdigit():
            stream = socket.create_connection((host, int(port)), timeout)
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        else:
            stream = socket.socket(socket.AF_UNIX)
            stream.connect(address)
        stream.settimeout(timeout)
        return cls(stream, timeout)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.stream.close()

    # ---- frames ----

    def receive(self, end):
        left = end - time.monotonic()
        ready = left > 0 and select.select([self.stream], [], [], left)[0]
        if not ready:
            raise RspError(f"no answer in time; received so far: {self.buffer[:200]!r}")
        try:
            data = self.stream.recv(65536)
        except OSError as error:
            raise RspError(f"the stub closed the connection: {error}") from None
        if not data:
            raise RspError("the stub closed the connection")
        self.buffer += data

    def raw(self, data):
        self.stream.sendall(data)

    def send(self, payload):
        payload = payload.encode("latin-1") if isinstance(payload, str) else payload
        self.raw(b"$" + payload + b"#" + checksum(payload))
        if self.acks:
            self.expect_ack(time.monotonic() + self.timeout)

    def expect_ack(self, end):
        while not self.buffer:
            self.receive(end)
        if self.buffer[:1] != b"+":
            raise RspError(f"expected an ack, got {self.buffer[:80]!r}")
        self.buffer = self.buffer[1:]

    def reply(self, timeout=None, alive=False):
        """The next packet's payload. With ALIVE there may be acknowledgements before it, by which a stub that works long
        shows that it does."""
        end = time.monotonic() + (timeout or self.timeout)
        while True:
            if alive:
                self.buffer = self.buffer.lstrip(b"+")
            if match := re.match(rb"\$([^#]*)#([0-9a-f]{2})", self.buffer):
                break
            if self.buffer and self.buffer[:1] != b"$":
                raise RspError(f"expected a packet, got {self.buffer[:80]!r}")
            self.receive(end)
        self.buffer = self.buffer[match.end():]
        if checksum(match[1]) != match[2]:
            raise RspError(f"bad checksum of {match[0]!r}")
        if self.acks:
            self.raw(b"+")
        return unescape(match[1])

    def bytes(self, payload, timeout=None):
        """One exchange; the reply as bytes."""
        self.send(payload)
        return self.reply(timeout)

    def packet(self, payload, timeout=None):
        """One exchange; the reply as text."""
        return self.bytes(payload, timeout).decode("latin-1")

    def ok(self, payload):
        answer = self.packet(payload)
        if answer != "OK":
            raise RspError(f"{payload!r} was answered {answer!r}")

    def start(self, features="swbreak+;hwbreak+;vContSupported+"):
        """What every gdb does first; returns the stub's features."""
        answer = self.packet(f"qSupported:{features}")
        if "QStartNoAckMode+" in answer:
            self.ok("QStartNoAckMode")
            self.acks = False
        return answer

    # ---- running ----

    def resume(self, payload="vCont;c"):
        self.send(payload)

    def wait_stop(self, timeout=None):
        """The stop reply that ends a resume; console output packets before it are skipped."""
        while True:
            answer = self.reply(timeout).decode("latin-1")
            if not answer.startswith("O"):
                return answer

    def go(self, payload="vCont;c", timeout=None):
        self.resume(payload)
        return self.wait_stop(timeout)

    def step(self):
        return self.go("vCont;s:1")

    def interrupt(self):
        self.raw(b"\x03")

    # ---- registers and memory ----

    def object(self, kind, annex):
        """A whole qXfer object."""
        data = b""
        while True:
            part = self.bytes(f"qXfer:{kind}:read:{annex}:{len(data):x},4000")
            if part[:1] not in (b"m", b"l"):
                raise RspError(f"qXfer of {kind} {annex}: {part!r}")
            data += part[1:]
            if part[:1] == b"l":
                return data

    def registers(self):
        """{name: (number, bytes)} in the order of the target description, includes resolved."""
        if self.layout is None:
            self.layout = {}
            self.add_registers("target.xml", 0)
        return self.layout

    def add_registers(self, annex, number):
        text = self.object("features", annex).decode()
        for tag, rest in re.findall(r"<(?:xi:)?(include|reg)\b([^>]*)>", text):
            attributes = dict(re.findall(r'(\w+)="([^"]*)"', rest))
            if tag == "include":
                number = self.add_registers(attributes["href"], number)
            else:
                number = int(attributes.get("regnum", number))
                self.layout[attributes["name"]] = (number, int(attributes["bitsize"]) // 8)
                number += 1
        return number

    def reg(self, name):
        answer = self.packet(f"p{self.registers()[name][0]:x}")
        try:
            return int(answer, 16)
        except ValueError:
            raise RspError(f"register {name}: {answer!r}") from None

    def set_reg(self, name, value):
        number, size = self.registers()[name]
        self.ok(f"P{number:x}={value.to_bytes(size, 'big').hex()}")

    def psw(self):
        """(mask, address)"""
        return self.reg("pswm"), self.reg("pswa")

    def set_psw(self, mask, address):
        self.set_reg("pswm", mask)
        self.set_reg("pswa", address)

    def read(self, address, size):
        answer = self.packet(f"m{address:x},{size:x}")
        if answer.startswith("E"):
            raise RspError(f"read of {size} bytes at {address:#x}: {answer}")
        return bytes.fromhex(answer)

    def read_u64(self, address):
        return int.from_bytes(self.read(address, 8), "big")

    def write(self, address, data):
        self.ok(f"M{address:x},{len(data):x}:{data.hex()}")

    def write_u64(self, address, value):
        self.write(address, value.to_bytes(8, "big"))

    def insert(self, kind, address, length=2):
        self.ok(f"Z{kind},{address:x},{length:x}")

    def remove(self, kind, address, length=2):
        self.ok(f"z{kind},{address:x},{length:x}")

    def monitor(self, text):
        """Output of a monitor command."""
        self.send(b"qRcmd," + text.encode().hex().encode())
        output = ""
        while (answer := self.reply().decode("latin-1")).startswith("O"):
            if answer == "OK":
                return output
            output += bytes.fromhex(answer[1:]).decode("latin-1")
        if answer.startswith("E") or not answer:
            raise RspError(f"monitor {text}: {answer!r}")
        return output + bytes.fromhex(answer).decode("latin-1")
