# SPDX-License-Identifier: GPL-2.0-or-later
"""The client's side of the agent's protocol, which scripts/box-agent.c describes: runs a
program in the box with this process's own standard descriptors, or stores a file there."""

import os
import select
import signal
import socket
import struct

from .common import Failure

HEADER = struct.Struct(">cI")
CHUNK = 65536
INPUT_WINDOW = 256 * 1024
LOST = "the box has gone while the program ran; see scripts/box status and scripts/box logs"


class Frames:
    """A connection to the agent. LIFE is the control connection: its end means no box."""

    def __init__(self, connection, life):
        self.connection = connection
        self.life = life
        self.buffer = bytearray()
        self.window = INPUT_WINDOW

    def send(self, kind, payload=b""):
        try:
            self.connection.sendall(HEADER.pack(kind, len(payload)) + payload)
        except OSError as error:
            raise Failure(f"{LOST} ({error.strerror})") from None

    def receive(self):
        """Read once; the complete frames that are there now."""
        try:
            data = self.connection.recv(4 * CHUNK)
        except OSError as error:
            raise Failure(f"{LOST} ({error.strerror})") from None
        if not data:
            raise Failure(LOST)
        self.buffer += data
        frames = []
        while len(self.buffer) >= HEADER.size:
            kind, size = HEADER.unpack_from(self.buffer)
            if len(self.buffer) < HEADER.size + size:
                break
            payload = bytes(self.buffer[HEADER.size:HEADER.size + size])
            del self.buffer[:HEADER.size + size]
            if kind == b"W":
                self.window += struct.unpack(">I", payload)[0]
            else:
                frames.append((kind, payload))
        return frames

    def close(self):
        self.connection.close()
        self.life.close()


def write_all(fd, data):
    """Write without ever blocking in write(), so that signals are seen in between."""
    view = memoryview(data)
    while view:
        select.select([], [fd], [])
        try:
            view = view[os.write(fd, view[:select.PIPE_BUF]):]
        except BlockingIOError:
            pass


class Runner:
    """One program in the box, connected to the descriptors given."""

    def __init__(self, frames, argv, fds=(0, 1, 2)):
        self.frames = frames
        self.stdin, self.stdout, self.stderr = fds
        text = b"".join(os.fsencode(word) + b"\0" for word in argv)
        if len(text) > CHUNK:
            raise Failure("the command line is longer than 64 KiB; push a script and run that")
        frames.send(b"E", text)

    def signals(self, wakeup):
        """Pass on the first SIGINT or SIGTERM; the second ends the client, and that kills."""
        for number in os.read(wakeup, 16):
            self.frames.send(b"S", bytes([number]))
            signal.signal(number, signal.SIG_DFL)

    def feed(self):
        try:
            data = os.read(self.stdin, min(CHUNK, self.frames.window))
        except BlockingIOError:
            return
        except OSError:  # no standard input at all
            data = b""
        if data:
            self.frames.window -= len(data)
            self.frames.send(b"I", data)
        else:
            self.frames.send(b"C")
            self.stdin = None

    def output(self):
        """Deliver what has come; the exit status once the program has ended."""
        for kind, payload in self.frames.receive():
            if kind == b"O":
                write_all(self.stdout, payload)
            elif kind == b"X":
                write_all(self.stderr, payload)
            elif kind == b"R":
                return payload[0]
            elif kind == b"K":
                return 128 + payload[0]
            elif kind == b"F":
                raise Failure(payload.decode("utf-8", "replace"))
        return None

    def run(self, wakeup=None):
        """Relay until the program has ended; its exit status, 128+N after signal N."""
        connection, life = self.frames.connection, self.frames.life
        while True:
            poll = select.poll()
            for fd in (connection, life, wakeup):
                if fd is not None:
                    poll.register(fd, select.POLLIN)
            if self.stdin is not None and self.frames.window > 0:
                poll.register(self.stdin, select.POLLIN)
            ready = {fd for fd, _ in poll.poll()}
            if wakeup in ready:
                self.signals(wakeup)
            if self.stdin in ready:
                self.feed()
            if connection.fileno() in ready:
                status = self.output()
                if status is not None:
                    return status
            elif life.fileno() in ready:
                raise Failure(LOST)


def run_here(frames, argv):
    """Run with this process's descriptors and signals; its exit status."""
    wakeup, notify = os.pipe()
    os.set_blocking(notify, False)
    signal.set_wakeup_fd(notify)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    return Runner(frames, argv).run(wakeup)


def push(frames, path, destination, mode):
    """Store the file PATH as DESTINATION in the box."""
    with open(path, "rb") as source:
        frames.send(b"P", struct.pack(">I", mode) + os.fsencode(destination))
        while True:
            data = source.read(CHUNK)
            if not data:
                break
            while frames.window < len(data):
                expect_none(wait(frames))
            frames.window -= len(data)
            frames.send(b"I", data)
    frames.send(b"C")
    while True:
        answers = wait(frames)
        if any(kind == b"R" for kind, _ in answers):
            return
        expect_none(answers)


def wait(frames):
    ready, _, _ = select.select([frames.connection, frames.life], [], [])
    if frames.connection not in ready:
        raise Failure(LOST)
    return frames.receive()


def expect_none(answers):
    for kind, payload in answers:
        if kind == b"F":
            raise Failure(payload.decode("utf-8", "replace"))
        raise Failure(f"the box's agent answered with an unexpected frame {kind!r}")


def receive_answer(control, verb, port):
    """Ask the supervisor; the words of its answer and the connection it passed, if any."""
    control.sendall(f"{verb} {port}\n".encode())
    data, fds, _, _ = socket.recv_fds(control, 4096, 1)
    words = data.decode("utf-8", "replace").strip().split(" ", 1)
    if words[0] != "ok":
        raise Failure(f"the box could not {verb} port {port}: {words[-1] or 'it has gone'}")
    return (words[1] if len(words) > 1 else ""), (socket.socket(fileno=fds[0]) if fds else None)
