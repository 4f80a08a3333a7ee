# SPDX-License-Identifier: GPL-2.0-or-later
"""The same guests under qemu-system-s390x without KVM (TCG): an independent judge of what an instruction does. Its gdb stub
is on a Unix socket; readiness is learned from QEMU's own monitor (QMP)."""

import json
import os
import shutil
import subprocess
import tempfile

from .process import Follower, end


class Tcg:
    """One QEMU with OPTIONS, stopped at the guest's first instruction; address is what `target remote` takes."""

    def __init__(self, image, *options, memory="256M", timeout=30):
        self.directory = tempfile.mkdtemp(prefix="zgdbd-tcg-")
        self.address = os.path.join(self.directory, "gdb")
        self.console_path = os.path.join(self.directory, "console")
        self.process = subprocess.Popen(
            ["qemu-system-s390x", "-accel", "tcg", "-m", memory, "-S", "-nodefaults", "-display", "none", "-no-reboot",
             "-kernel", image, "-gdb", f"unix:{self.address},server=on,wait=off", "-qmp", "stdio",
             "-chardev", f"file,id=c,path={self.console_path}", "-device", "sclpconsole,chardev=c", *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        self.output = Follower(self.process.stdout)
        self.commands = 0
        try:
            self.await_main_loop(timeout)
        except BaseException:
            self.close()
            raise

    def await_main_loop(self, timeout):
        """The answer to a command comes from the main loop, when everything is set up."""
        self.monitor("qmp_capabilities", timeout)

    def monitor(self, command, timeout=30, **arguments):
        """What a command of QEMU's monitor (QMP) returns."""
        self.commands += 1
        words = {"execute": command, "arguments": arguments, "id": self.commands}
        self.process.stdin.write(json.dumps(words).encode() + b"\n")
        self.process.stdin.flush()
        answer = self.output.wait(rf'^(.*"id": {self.commands}[,}}].*)$', timeout)
        if not answer or '"error"' in answer[1]:
            raise RuntimeError(f"qemu-system-s390x does not do {command}: {self.output.text}")
        return json.loads(answer[1])["return"]

    @property
    def console(self):
        with open(self.console_path, encoding="latin-1", newline="") as source:
            return source.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        end(self.process)
        self.process.stdin.close()
        shutil.rmtree(self.directory, ignore_errors=True)


def step(rsp):
    """One instruction on QEMU's stub. TCG's own step stops twice at an EXECUTE and runs on past the target of an LPSWE."""
    mask, address = rsp.psw()
    code = rsp.read(address, 6)
    if code[:2] == b"\xb2\xb2":
        target = rsp.read_u64(storage_operand(rsp, code) + 8)
        rsp.insert(0, target)
        rsp.go()
        rsp.remove(0, target)
        return
    rsp.step()
    if (code[0] == 0x44 or (code[0] == 0xc6 and code[1] & 15 == 0)) and rsp.psw() == (mask, address):
        rsp.step()


def storage_operand(rsp, code):
    """The address that base and displacement of an S-format instruction name."""
    base = code[2] >> 4
    return (rsp.reg(f"r{base}") if base else 0) + ((code[2] & 15) << 8 | code[3])
