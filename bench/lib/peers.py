"""The programs that a bench runs, ours and the others', as objects that turn a question into a command line.
A question is a name: "release" (of the kernel) or "backtrace" (of the task that panicked). lines() takes the
program's own commands instead, for what has no common question."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from . import measure

PEERS = pathlib.Path(os.environ.get("INQUEST_PEERS", pathlib.Path.home() / ".cache/inquest-peers"))


class Program:
    name = ""
    QUESTIONS = {}  # in the program's own language
    tells_panic_cpu = False  # instead of the panic's message

    def __init__(self):
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="inquest-bench-"))
        self.scripts = 0
        self.verdicts = {}

    def close(self):
        shutil.rmtree(self.scratch, ignore_errors=True)

    def wanted(self, dump, question):
        """The words that an answer must hold to count. One of them is only in the dump: the release alone can be
        read from the vmlinux."""
        proof = b"panic cpu %d" % dump.panic_cpu if self.tells_panic_cpu else dump.panic_message.encode()
        return {"release": [dump.release.encode(), proof], "backtrace": [b"panic"]}.get(question, [])

    def find(self, dump):
        """The program's path, None when this host has none."""
        raise NotImplementedError

    def version(self, dump):
        """The first number with a point in what --version says."""
        text = subprocess.run([self.find(dump), "--version"], capture_output=True, text=True).stdout
        return re.search(r"\d+\.[0-9.]*\d|$", text).group()

    def title(self, dump):
        return f"{self.name} {self.version(dump)}" if self.find(dump) else self.name

    def script(self, text):
        self.scripts += 1
        path = self.scratch / f"script.{self.scripts}"
        path.write_text(text)
        return str(path)

    def lines(self, dump, lines):
        """The command line that opens @dump, runs these lines of the program's own language, and ends."""
        raise NotImplementedError

    def command_for(self, dump, question):
        return self.lines(dump, [self.QUESTIONS[question]])

    def environment(self):
        return measure.environment(self.scratch)

    def contestant(self, dump, question):
        return measure.Contestant(self.title(dump), self.command_for(dump, question),
                                  self.wanted(dump, question), self.environment)

    def can_open(self, dump):
        """None, or the reason why this program has no answer on this dump. Tried once, for real."""
        if dump.name not in self.verdicts:
            if not self.find(dump):
                reason = "not installed; `make peers` gets it"
            else:
                run = measure.run_once(self.command_for(dump, "release"), self.environment())
                reason = measure.why_not(run, self.wanted(dump, "release"))
            self.verdicts[dump.name] = reason
        return self.verdicts[dump.name]


class Inquest(Program):
    """Ours. The state of its cache is part of what is measured: "warm" keeps one, "cold" begins each run with an
    empty folder, "without" asks for none."""

    name = "inquest"
    QUESTIONS = {"release": "sys", "backtrace": "bt"}

    def __init__(self, path, cache="warm"):
        super().__init__()
        self.path, self.cache = path, cache
        text = subprocess.run([path, "--help"], capture_output=True, text=True).stdout
        self.has_cache = "--no-cache" in text

    def find(self, dump):
        return self.path

    def title(self, dump):
        return self.name + {"warm": ", warm", "cold": ", cold", "without": " --no-cache"}[self.cache]

    def environment(self):
        folder = self.scratch / "cache"
        if self.cache == "cold":
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(exist_ok=True)
        return measure.environment(self.scratch, XDG_CACHE_HOME=str(folder))

    def has_cached(self):
        """Whether its cache holds a file now."""
        return any(path.is_file() for path in (self.scratch / "cache").rglob("*"))

    def lines(self, dump, lines):
        options = ["--no-cache"] if self.cache == "without" and self.has_cache else []
        return [self.path, *options, dump.vmlinux, dump.core, *(w for line in lines for w in ("-c", line))]

    def has_command(self, dump, name):
        run = measure.run_once([self.path, dump.vmlinux, dump.core, "-c", f"help {name}"], self.environment())
        return run.status == 0


class Crash(Program):
    """Built once for each architecture; batch: -s and a file of commands."""

    name = "crash"
    QUESTIONS = {"release": "sys", "backtrace": "bt"}

    def find(self, dump):
        path = PEERS / "bin" / f"crash-{dump.arch}"
        return str(path) if path.exists() else None

    def lines(self, dump, lines):
        script = self.script("\n".join([*lines, "quit", ""]))
        return [self.find(dump), "-s", "-i", script, dump.vmlinux, dump.core]


class Drgn(Program):
    """Its own program, with the one file of debug information that the others get too."""

    name = "drgn"
    tells_panic_cpu = True
    QUESTIONS = {"release": 'print(prog["init_uts_ns"].name.release.string_().decode())\n'
                            'print("panic cpu", prog["panic_cpu"].counter.value_())',
                 "backtrace": "print(prog.crashed_thread().stack_trace())"}

    def find(self, dump):
        path = PEERS / "bin" / "drgn"
        return str(path) if path.exists() else shutil.which("drgn")

    def lines(self, dump, lines):
        script = self.script("\n".join([*lines, ""]))
        return [self.find(dump), "-q", "-c", dump.core, "--no-default-symbols", "-s", dump.vmlinux, script]


class Gdb(Program):
    name = "gdb"
    tells_panic_cpu = True
    QUESTIONS = {"release": r'printf "%s panic cpu %d\n", init_uts_ns.name.release, panic_cpu.counter',
                 "backtrace": "bt"}

    def find(self, dump):
        return shutil.which("gdb-multiarch")

    def version(self, dump):
        text = subprocess.run([self.find(dump), "--version"], capture_output=True, text=True).stdout
        return text.splitlines()[0].split()[-1] if text else "of no version"

    def lines(self, dump, lines):
        commands = [word for line in lines for word in ("-ex", line)]
        return [self.find(dump), "-batch", "-nx", *commands, dump.vmlinux, dump.core]


OTHERS = (Crash, Drgn, Gdb)
