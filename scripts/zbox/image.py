# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds what Hercules loads: the flat kernel, an initramfs with the agent and /dev/kvm's
modules, and the .ins file that says where each goes. The benchmark's initramfs is a second
archive loaded right behind the first."""

import glob
import lzma
import os
import shutil
import struct
import subprocess

from . import cpio
from .common import SCRIPTS, Failure, run, write_whole
from .kernel import flat_image, with_checksums

CROSS = "s390x-linux-gnu-"
MODULES = ("kvm", "fsm", "ccwgroup", "ctcm")
AGENT_PORT = 2300
GUEST_ADDRESS = "192.168.200.2"
HOST_ADDRESS = "192.168.200.1"
MTU = 1500

# Where the .ins file puts things. The initramfs lies above all the kernel uses at start.
COMMAND_LINE_AT = 0x10480
INITRD_ADDRESS_AT = 0x10408
INITRD_SIZE_AT = 0x10410
INITRD_AT = 0x04000000

# No self-tests and no probe scan: under emulation they cost more than the rest of the boot.
COMMAND_LINE = ("nokaslr quiet loglevel=4 cryptomgr.notests random.trust_cpu=on "
                f"initcall_blacklist=init_kprobe_trace box_mtu={MTU}")


def compile_guest(source, output, *options):
    run([f"{CROSS}gcc", "-O2", "-Wall", "-Wextra", "-Werror", *options, "-o", output,
         os.path.join(SCRIPTS, source)], f"compiling scripts/{source} for s390x")


def compile_host(source, output):
    run(["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-o", output,
         os.path.join(SCRIPTS, source)], f"compiling scripts/{source}")


def read(path):
    with open(path, "rb") as source:
        return source.read()


def one_file(pattern, what):
    found = glob.glob(pattern, recursive=True)
    if len(found) != 1:
        raise Failure(f"{what}: expected one {pattern}, found {len(found)}; "
                      "run scripts/setup clean, then scripts/setup")
    return found[0]


def kernel_of(unpacked):
    return one_file(os.path.join(unpacked, "boot/vmlinuz-*"), "the s390x kernel")


def kernel_version(unpacked):
    return os.path.basename(kernel_of(unpacked)).split("-", 1)[1]


def make_images(unpacked, vmlinuz, flat):
    """The files VMLINUZ, the kernel as Debian ships it, and FLAT, which starts fast."""
    shipped = read(kernel_of(unpacked))
    write_whole(vmlinuz, shipped)
    write_whole(flat, with_checksums(flat_image(shipped, kernel_version(unpacked))))


def add_modules(archive, unpacked, work):
    """Stripped, since checking a module's signature costs two seconds each, and not compressed."""
    for name in MODULES:
        module = one_file(os.path.join(unpacked, f"lib/modules/**/{name}.ko*"), "a kernel module")
        plain = os.path.join(work, f"{name}.ko")
        write_whole(plain, lzma.decompress(read(module)) if module.endswith(".xz") else read(module))
        run([f"{CROSS}strip", "-g", plain], f"stripping {module}")
        archive.file(f"lib/modules/{name}.ko", read(plain))


def base_archive(unpacked, busybox, guest, work):
    archive = cpio.Archive()
    for name in ("proc", "sys", "tmp", "root", "opt", "usr/bin", "sbin", "etc"):
        archive.directory(name)
    archive.node("dev/console", 0o600, 5, 1)
    archive.node("dev/null", 0o666, 1, 3)
    archive.file("init", read(os.path.join(SCRIPTS, "box-init.sh")), 0o755)
    archive.file("bin/busybox", read(busybox), 0o755)
    archive.file("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n")
    archive.file("etc/group", b"root:x:0:\n")
    compile_guest("box-agent.c", os.path.join(work, "box-agent"), "-static")
    compile_guest("box-prime.c", os.path.join(work, "box-prime"), "-static",
                  "-Wl,--s390-pgste")
    for name in ("box-agent", "box-prime"):
        archive.file(f"bin/{name}", read(os.path.join(work, name)), 0o755)
    add_modules(archive, unpacked, work)
    archive.file("images/linux.img", read(guest))
    return archive.bytes()


def write_ins(out, name, initrds):
    """NAME.ins and the files it loads; INITRDS lie in OUT and are loaded one after another."""
    lines = [f"linux.img {0:#010x}"]
    at = INITRD_AT
    for initrd in initrds:
        lines.append(f"{initrd} {at:#010x}")
        at += os.path.getsize(os.path.join(out, initrd))
    write_whole(os.path.join(out, "initrd.address"), struct.pack(">Q", INITRD_AT))
    write_whole(os.path.join(out, f"{name}.size"), struct.pack(">Q", at - INITRD_AT))
    write_whole(os.path.join(out, "command.line"), COMMAND_LINE.encode() + b"\0")
    lines += [f"command.line {COMMAND_LINE_AT:#010x}",
              f"initrd.address {INITRD_ADDRESS_AT:#010x}",
              f"{name}.size {INITRD_SIZE_AT:#010x}"]
    write_whole(os.path.join(out, f"{name}.ins"), "\n".join(lines).encode() + b"\n")


def page_padded(data):
    return data + bytes(-len(data) % 4096)


def make_box(unpacked, flat, busybox, guest, out):
    """Everything `box up` needs, in the empty directory OUT: the kernel that was UNPACKED and made FLAT, BUSYBOX for the
    programs in the box, and GUEST, the kernel image for its guests."""
    work = os.path.join(out, "work")
    os.makedirs(work)
    shutil.copyfile(flat, os.path.join(out, "linux.img"))
    initrd = page_padded(base_archive(unpacked, busybox, guest, work))
    write_whole(os.path.join(out, "initrd.img"), initrd)
    write_ins(out, "box", ["initrd.img"])
    compile_host("box-nosleep.c", os.path.join(out, "nosleep.so"))
    write_whole(os.path.join(out, "kernel-version"), kernel_version(unpacked).encode())
    shutil.rmtree(work)


# ---- the benchmark's QEMU ----

LIBRARY_DIRS = ("lib/s390x-linux-gnu", "usr/lib/s390x-linux-gnu", "lib", "usr/lib")


def needed(path):
    output = subprocess.run([f"{CROSS}readelf", "-d", path], stdout=subprocess.PIPE,
                            text=True, check=True).stdout
    return [line.split("[")[1].split("]")[0]
            for line in output.splitlines() if "(NEEDED)" in line]


def find_library(root, name):
    for directory in LIBRARY_DIRS:
        path = os.path.join(root, directory, name)
        if os.path.exists(path):
            return path
    raise Failure(f"the library {name} for QEMU is in none of the unpacked packages; "
                  "run scripts/setup clean, then scripts/setup bench")


def libraries_of(root, program):
    """All shared libraries PROGRAM needs, directly or not: {name: path}."""
    found, todo = {}, [program]
    while todo:
        for name in needed(todo.pop()):
            if name not in found:
                found[name] = find_library(root, name)
                todo.append(found[name])
    return found


def make_bench(root, out):
    """A second initramfs: qemu-system-s390x, its libraries, firmware and the shim."""
    work = os.path.join(out, "bench.work")
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    archive = cpio.Archive()
    qemu = os.path.join(root, "usr/bin/qemu-system-s390x")
    for name, path in {"qemu-system-s390x": qemu, **libraries_of(root, qemu)}.items():
        data = read(os.path.realpath(path))
        if not name.startswith("ld64"):
            stripped = os.path.join(work, name)
            run([f"{CROSS}strip", "-s", "-o", stripped, path], f"stripping {path}")
            data = read(stripped)
        archive.file(f"usr/bin/{name}" if path == qemu else f"lib/{name}", data, 0o755)
    for path in glob.glob(os.path.join(root, "usr/share/qemu/s390-*.img")):
        archive.file(f"usr/share/qemu/{os.path.basename(path)}", read(path))
    compile_guest("box-cowshim.c", os.path.join(work, "cowshim.so"), "-fPIC", "-shared")
    archive.file("lib/cowshim.so", read(os.path.join(work, "cowshim.so")), 0o755)
    write_whole(os.path.join(out, "bench.img"), page_padded(archive.bytes()))
    write_ins(out, "bench", ["initrd.img", "bench.img"])
    shutil.rmtree(work)
