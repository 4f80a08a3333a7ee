# SPDX-License-Identifier: GPL-2.0-or-later
"""Process 1 inside a box's namespaces: starts Hercules, waits until the guest serves, hands
out connections to the guest over STATE/control. It ends, and with it everything in the
namespaces, when Hercules ends or the guest stops for good. Started by zbox.box only, as
"python3 -m zbox.supervisor STATE IMAGES INS MEMORY REPORT-FD"."""

import contextlib
import os
import re
import socket
import subprocess
import sys
import threading
import time

from .image import AGENT_PORT, GUEST_ADDRESS, HOST_ADDRESS, MTU

HERCIFC_DIRS = ("/usr/libexec/hercules", "/usr/lib/hercules", "/usr/bin")
CONFIGURATION = f"""ARCHMODE z/Arch
CPUSERIAL 002623
CPUMODEL 2097
MAINSIZE %d
NUMCPU 1
OSTAILOR QUIET
PANRATE SLOW
LOADPARM ........
0E20.2 CTCI -n /dev/net/tun -t {MTU} {GUEST_ADDRESS} {HOST_ADDRESS}
"""

# Hercules takes commands once it has looked for its start-up file; this one never exists.
NO_STARTUP_FILE = "/nonexistent/hercules.rc"
TAKES_COMMANDS = re.compile(r"HHCPN995E")
READY = re.compile(r"BOX-READY")
DEAD = re.compile(r"BOX-FAILED .*|Kernel panic - .*|HHCCP011I .*")
BROKEN = re.compile(DEAD.pattern + r"|HHC(TU|CT|CF)\d+[ES] .*")
# Periodic panel data, of no interest to a reader of the log.
PANEL = re.compile(r"(SYS|STATUS|MIPS|SIOS|DEV[ACDX])=")
LOG_LIMIT = 8 << 20
# A guest that hangs for half a minute breaks its connections rather than keep clients for ever.
TCP_OPTIONS = ((socket.TCP_NODELAY, 1), (socket.TCP_KEEPIDLE, 15), (socket.TCP_KEEPINTVL, 5),
               (socket.TCP_KEEPCNT, 3), (socket.TCP_USER_TIMEOUT, 30000))
BOOT_LIMIT = 120


class Broken(Exception):
    """The guest will not come up, or is gone; the text says why."""


class Log:
    """Hercules' output: kept in a file, and searched for the words that are waited for."""

    def __init__(self, stream, path):
        self.stream = stream
        self.file = open(path, "wb", buffering=0)
        self.room = LOG_LIMIT
        self.lines = []
        self.closed = False
        self.changed = threading.Condition()
        threading.Thread(target=self.follow, daemon=True).start()

    def follow(self):
        for raw in self.stream:
            line = raw.decode("latin-1").rstrip()
            if PANEL.match(line):
                continue
            self.keep(raw)
            with self.changed:
                if self.lines is not None:
                    self.lines.append(line)
                self.changed.notify_all()
            if self.lines is None and DEAD.search(line):
                os._exit(1)
        with self.changed:
            self.closed = True
            self.changed.notify_all()

    def keep(self, raw):
        if self.room > 0:
            self.room -= len(raw)
            self.file.write(raw if self.room > 0 else b"(log full, the rest is dropped)\n")

    def wait(self, pattern, limit):
        """Wait for a line; the first sign that it will not come is an exception."""
        seen, end = 0, time.monotonic() + limit
        with self.changed:
            while True:
                for line in self.lines[seen:]:
                    if pattern.search(line):
                        return
                    broken = BROKEN.search(line)
                    if broken:
                        raise Broken(broken.group())
                seen = len(self.lines)
                if self.closed:
                    raise Broken("hercules ended")
                if not self.changed.wait(end - time.monotonic()):
                    raise Broken(f"no {pattern.pattern} within {limit} s")

    def forget(self):
        """From now on lines only go to the file; a dead guest ends the box."""
        with self.changed:
            self.lines = None


def start_hercules(state, images, memory):
    configuration = os.path.join(state, "hercules.cnf")
    with open(configuration, "w", encoding="ascii") as out:
        out.write(CONFIGURATION % memory)
    environment = dict(os.environ, LD_PRELOAD=os.path.join(images, "nosleep.so"),
                       HERCULES_RC=NO_STARTUP_FILE)
    for directory in HERCIFC_DIRS:
        if os.path.exists(os.path.join(directory, "hercifc")):
            environment["HERCULES_IFC"] = os.path.join(directory, "hercifc")
            break
    return subprocess.Popen(["hercules", "-d", "-f", configuration, "EXTERNALGUI"],
                            cwd=images, env=environment, stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, close_fds=False)


def connect(port, limit):
    """A connection to the guest. Packets may be lost while the link comes up: try again."""
    end = time.monotonic() + limit
    while True:
        try:
            connection = socket.create_connection((GUEST_ADDRESS, port), 0.3)
            connection.settimeout(None)
            for option, value in TCP_OPTIONS:
                connection.setsockopt(socket.IPPROTO_TCP, option, value)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            return connection
        except TimeoutError:
            if time.monotonic() > end:
                raise


class Control:
    """The Unix socket through which `box` outside asks for connections into the box. A client
    keeps its control connection open: its end tells that the box is gone."""

    def __init__(self, state):
        self.state = state
        self.relays = set()
        self.lock = threading.Lock()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(os.path.join(state, "control"))
        self.listener.listen(64)

    def serve(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.talk, args=(client,), daemon=True).start()

    def talk(self, client):
        with client:
            try:
                self.answer(client, client.recv(64).decode("ascii").split())
                client.recv(1)  # until the client leaves
            except OSError:
                pass  # the client left: nothing to tell it

    def answer(self, client, words):
        try:
            verb, port = words[0], int(words[1])
            if verb == "connect":
                with connect(port, 5) as connection:
                    socket.send_fds(client, [b"ok\n"], [connection.fileno()])
            elif verb == "relay":
                client.sendall(f"ok {self.relay(port)}\n".encode())
            else:
                client.sendall(b"error unknown request\n")
        except (OSError, ValueError, IndexError) as error:
            client.sendall(f"error {error}\n".encode())

    def relay(self, port):
        """A Unix socket each connection of which is one connection to PORT in the box."""
        if not 0 < port < 65536:
            raise ValueError(f"{port} is no TCP port")
        path = os.path.join(self.state, f"port-{port}")
        with self.lock:
            if port not in self.relays:
                listener = socket.socket(socket.AF_UNIX)
                listener.bind(path)
                listener.listen(16)
                threading.Thread(target=relay_all, args=(listener, port), daemon=True).start()
                self.relays.add(port)
        return path


def relay_all(listener, port):
    """One socat for each connection; it ends when both sides have, or 10 s after one has."""
    while True:
        client, _ = listener.accept()
        with client, contextlib.suppress(OSError):  # no process to be had: just hang up
            subprocess.Popen(["socat", "-t", "10", f"FD:{client.fileno()},shut-down",
                              f"TCP:{GUEST_ADDRESS}:{port},nodelay"],
                             stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                             pass_fds=(client.fileno(), *lifetime_fds()))


def lifetime_fds():
    """Descriptors that every process of the box holds while it lives (see Box.alive)."""
    return [int(fd) for fd in os.environ.get("ZBOX_LIFE", "").split()]


def boot(state, images, ins, memory):
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    hercules = start_hercules(state, images, memory)
    log = Log(hercules.stdout, os.path.join(state, "log"))
    log.wait(TAKES_COMMANDS, 20)
    hercules.stdin.write(f"ipl ./{ins}\n".encode())
    hercules.stdin.flush()
    log.wait(READY, BOOT_LIMIT)
    connect(AGENT_PORT, 20).close()
    log.forget()
    return hercules


def main():
    state, images, ins = sys.argv[1:4]
    memory, report = int(sys.argv[4]), int(sys.argv[5])
    os.umask(0o077)
    os.set_inheritable(report, False)
    try:
        control = Control(state)
        hercules = boot(state, images, ins, memory)
    except (Broken, OSError, subprocess.SubprocessError) as error:
        os.write(report, f"failed {error}\n".encode())
        os._exit(1)
    threading.Thread(target=control.serve, daemon=True).start()
    try:
        os.write(report, b"ready\n")
    except BrokenPipeError:
        os._exit(1)  # whoever wanted the box was killed meanwhile
    os.close(report)
    while True:
        pid, _ = os.waitpid(-1, 0)
        if pid == hercules.pid:
            os._exit(1)


if __name__ == "__main__":
    main()
