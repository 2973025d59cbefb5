"""The dumps of the corpus, the program run over one of them, and the guest's own account of itself.
A dump's folder is described in tests/cores/README.md."""

import fnmatch
import functools
import json
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
CORES = pathlib.Path(os.environ.get("INQUEST_CORES", pathlib.Path.home() / ".cache/inquest-cores"))
INQUEST = os.environ.get("INQUEST", ROOT / "build/inquest")


def chosen_set():
    """Names of the default set, from the recipes themselves; with SET=made every dump that is there,
    with CORE=PATTERN those whose names match."""
    names = []
    for recipe in sorted((ROOT / "tests/cores/recipes").iterdir()):
        made = (CORES / recipe.name / "truth").is_dir()
        if "CORE" in os.environ:
            wanted = made and fnmatch.fnmatch(recipe.name, os.environ["CORE"])
        elif os.environ.get("SET") == "made":
            wanted = made
        else:
            wanted = "\nSET=default" in recipe.read_text()
        if wanted:
            names.append(recipe.name)
    return names


class Core:
    """One dump: its files, its truth, and answers of the program about it."""

    def __init__(self, name):
        self.name = name
        self.path = CORES / name
        self.arm64 = name.startswith("arm64")

    @functools.cached_property
    def meta(self):
        lines = (self.path / "truth/meta").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    @property
    def panicked(self):
        return bool(self.meta["panic_expected"])

    def truth(self, name):
        """Lines of the guest's account, or [] when this guest had no such file."""
        path = self.path / "truth" / name
        return path.read_text(errors="backslashreplace").splitlines() if path.exists() else []

    def steady(self, name):
        """Lines that both readings of the account have: what did not move before the dump."""
        second = set(self.truth(name + ".2"))
        return [line for line in self.truth(name) if line in second]

    @functools.lru_cache(maxsize=None)
    def run(self, *commands, dump="vmcore.elf", status=0):
        """The answers to the commands, one JSON document each."""
        args = [INQUEST, "--json", self.path / "vmlinux", self.path / dump]
        for command in commands:
            args += ["-c", command]
        done = subprocess.run(args, capture_output=True, timeout=300)
        assert done.returncode == status, done.stderr.decode(errors="replace")[-2000:]
        return [json.loads(line) for line in done.stdout.splitlines()]

    @functools.lru_cache(maxsize=None)
    def text(self, command, dump="vmcore.elf"):
        """The lines of a command's answer as people see them."""
        args = [INQUEST, self.path / "vmlinux", self.path / dump, "-c", command]
        done = subprocess.run(args, capture_output=True, timeout=300)
        assert done.returncode == 0, done.stderr.decode(errors="replace")[-2000:]
        return done.stdout.decode(errors="backslashreplace").splitlines()

    def rows(self, command, **options):
        (answer,) = self.run(command, **options)
        return answer["rows"]

    def ram(self, pa, n):
        """Bytes of the machine's RAM, which QEMU's virt board has at 1 GiB, as its backing file has them."""
        with open(self.path / "ram.raw", "rb") as f:
            f.seek(pa - 0x40000000)
            return f.read(n)

    @functools.cached_property
    def kallsyms(self):
        """name -> addresses, as the guest's /proc/kallsyms had them."""
        table = {}
        for line in self.truth("kallsyms"):
            address, _, name = line.split()[:3]
            table.setdefault(name, []).append(int(address, 16))
        return table


def share(matched, total, floor, what):
    """Fails below the floor, and when there was nothing to compare."""
    assert total > 0, f"{what}: the oracle is empty"
    assert matched >= floor * total, f"{what}: {matched} of {total} agree, wanted {floor:.0%}"
