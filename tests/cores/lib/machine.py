#!/usr/bin/env python3
"""Runs one guest under QEMU until it has died (or said what it had to say), stops it and dumps it.

usage: machine.py --folder DIR [--pattern REGEX] [--timeout S] [--settle S] [--on-timeout fail|dump] -- QEMU ARGS...

It writes console.log, channel (the guest's account, see truth.py), ram.raw (the machine's memory, by the
memory backend), vmcore.elf, vmcore.kdump and registers.txt into DIR. It knows nothing of kernels or recipes.
"""
import argparse
import json
import os
import re
import socket
import subprocess
import sys
import time

READY = b"\x01READY\n"
PANIC = re.compile(rb"---\[ end Kernel panic|Kernel panic - not syncing")


class Qmp:
    """A QMP connection: one command at a time, events dropped."""

    def __init__(self, path, deadline):
        while True:
            try:
                self.socket = socket.socket(socket.AF_UNIX)
                self.socket.connect(path)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        self.file = self.socket.makefile("rwb")
        self.file.readline()
        self.run("qmp_capabilities")

    def run(self, name, **arguments):
        self.file.write(json.dumps({"execute": name, "arguments": arguments}).encode() + b"\n")
        self.file.flush()
        while True:
            line = self.file.readline()
            if not line:
                sys.exit(f"machine.py: QEMU has gone during {name}")
            answer = json.loads(line)
            if "error" in answer:
                sys.exit(f"machine.py: {name}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]


class Watch:
    """A file that grows: what is new is searched together with the end of what was seen before."""

    def __init__(self, path):
        self.path, self.position, self.tail = path, 0, b""

    def search(self, pattern):
        try:
            with open(self.path, "rb") as file:
                file.seek(self.position)
                new = file.read()
        except FileNotFoundError:
            return False
        self.position += len(new)
        text = self.tail + new
        self.tail = text[-400:]
        return bool(re.search(pattern, text))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", required=True)
    parser.add_argument("--pattern", help="wait for this on the console after the account; without it: no wait")
    parser.add_argument("--account-timeout", type=float, default=300)
    parser.add_argument("--timeout", type=float, default=120, help="for the pattern")
    parser.add_argument("--settle", type=float, default=1.0, help="seconds between the pattern and the stop")
    parser.add_argument("--on-timeout", choices=("fail", "dump"), default="fail")
    parser.add_argument("qemu", nargs="+")
    options = parser.parse_args()

    folder = os.path.abspath(options.folder)
    console, channel = os.path.join(folder, "console.log"), os.path.join(folder, "channel")
    # A socket's path is limited to about 100 bytes: name it relative to the folder.
    os.chdir(folder)
    qemu = subprocess.Popen(options.qemu + ["-qmp", "unix:qmp.sock,server=on,wait=off"], stdin=subprocess.DEVNULL)
    begin = time.monotonic()

    def wait(timeout, watch, pattern, wrong=None, wrong_pattern=None):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if watch.search(pattern):
                return True
            if wrong and wrong.search(wrong_pattern):
                sys.exit("machine.py: the guest died before its account was complete")
            if qemu.poll() is not None:
                sys.exit(f"machine.py: QEMU ended by itself (status {qemu.returncode})")
            time.sleep(0.1)
        return False

    try:
        qmp = Qmp("qmp.sock", time.monotonic() + 20)
        if not wait(options.account_timeout, Watch(channel), READY, Watch(console), PANIC):
            sys.exit("machine.py: time is up and the guest's account is not complete")
        print(f"account complete after {time.monotonic() - begin:.1f} s")
        if options.pattern and not wait(options.timeout, Watch(console), options.pattern.encode()):
            if options.on_timeout == "fail":
                sys.exit(f"machine.py: time is up and the console does not say {options.pattern}")
            print("time is up: dumping the guest as it is")
        time.sleep(options.settle)
        qmp.run("stop")
        print(f"stopped after {time.monotonic() - begin:.1f} s")
        registers = qmp.run("human-monitor-command", **{"command-line": "info registers -a"})
        with open("registers.txt", "w", encoding="utf-8") as file:
            file.write(registers.replace("\r\n", "\n"))
        for name, kind in (("vmcore.elf", "elf"), ("vmcore.kdump", "kdump-zlib")):
            qmp.run("dump-guest-memory", **{"paging": False, "protocol": f"file:{folder}/{name}", "format": kind})
        print(f"dumped after {time.monotonic() - begin:.1f} s")
        qmp.run("quit")
        qemu.wait(20)
    finally:
        if qemu.poll() is None:
            qemu.kill()
            qemu.wait()
        if os.path.exists("qmp.sock"):
            os.unlink("qmp.sock")


if __name__ == "__main__":
    main()
