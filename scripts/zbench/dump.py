# SPDX-License-Identifier: GPL-2.0-or-later
"""What it takes to write a Linux guest that has panicked into a file of the box, against a program that writes as many bytes of its
own memory into one, as they are: without looking for zeros."""

import subprocess
import time

from zbench.programs import PORTS, Program, run_floor, zgdbd_command

NAME = "dump_file"
DIRECTORY = "/tmp"
FILE = "bench-vmcore"
PATH = f"{DIRECTORY}/{FILE}"


def bytes_on_disk(box):
    return 512 * int(box.run(["stat", "-c", "%b", PATH], stdout=subprocess.PIPE, text=True, check=True).stdout)


def measure(box, commands, figures, rounds, progress):
    words = zgdbd_command(commands.binary, commands.image, "--listen", f"tcp:0.0.0.0:{PORTS['zgdbd']}", "--listen-any", "--dump-dir",
                          DIRECTORY)
    for number in range(rounds):
        progress(f"round {number + 1} of {rounds}: {NAME} of zgdbd")
        box.run(["rm", "-f", PATH], check=True)
        with Program(box, commands, "zgdbd", "tcp", words) as program:
            rsp = program.connect()
            rsp.start()
            rsp.go(timeout=60)  # to its panic
            begun = time.perf_counter()
            rsp.send("qRcmd," + f"dump {FILE}".encode().hex())
            rsp.reply(60, alive=True)
            figures.add(NAME, "zgdbd", time.perf_counter() - begun)
            size = bytes_on_disk(box)
            box.run(["rm", PATH], check=True)
            figures.add(NAME, "floor", int(run_floor(box, [commands.floor, "file", PATH, size])) / 1e9)
            rsp.close()
    box.run(["rm", "-f", PATH], check=True)
