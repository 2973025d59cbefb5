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
INQUEST = os.path.abspath(os.environ.get("INQUEST", ROOT / "build/inquest"))


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

    @property
    def vmlinux(self):
        return self.path / "vmlinux"

    @functools.cached_property
    def meta(self):
        lines = (self.path / "truth/meta").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    @functools.cached_property
    def recipe(self):
        """The recipe's assignments as text; those that begin with expect_ say what the memory can prove. From
        the source and not from the dump's copy, so that an expectation may be put right without a new dump."""
        words = {}
        for line in (ROOT / "tests/cores/recipes" / self.name).read_text().splitlines():
            key, equals, value = line.partition("=")
            if equals and key.isidentifier():
                words[key] = value.strip().strip('"')
        return words

    @functools.cached_property
    def config(self):
        """The kernel's CONFIG_ options that are set."""
        lines = (self.path / "config").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if line.startswith("CONFIG_"))

    @functools.cached_property
    def page_bytes(self):
        sizes = {"CONFIG_ARM64_64K_PAGES": 65536, "CONFIG_ARM64_16K_PAGES": 16384}
        return next((size for option, size in sizes.items() if option in self.config), 4096)

    @functools.cached_property
    def deed(self):
        """What our module said that it would do: its keys and values, the objects' list apart (see widgets)."""
        return dict(word.split("=", 1) for line in self.truth("misbehave") if " widget=" not in line
                    for word in line.split())

    @functools.cached_property
    def widgets(self):
        """Addresses of all objects that the module allocated, in their order."""
        return [int(line.split(" widget=")[1], 16) for line in self.truth("misbehave") if " widget=" in line]

    @functools.cached_property
    def ran_on(self):
        """Seconds that the guest went on for after its second reading."""
        second = float(self.meta["uptime_second_reading"])
        if "panic_console_seconds" in self.meta:
            return float(self.meta["panic_console_seconds"]) - second
        return float(self.recipe.get("SETTLE", 1))

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
        """The answers to the commands, one JSON document each; with status None some may hold faults."""
        args = [INQUEST, "--json", self.vmlinux, self.path / dump]
        for command in commands:
            args += ["-c", command]
        done = subprocess.run(args, capture_output=True, timeout=300)
        assert done.returncode == status or (status is None and done.returncode in (0, 1)), \
            done.stderr.decode(errors="replace")[-2000:]
        return [json.loads(line) for line in done.stdout.splitlines()]

    @functools.lru_cache(maxsize=None)
    def text(self, command, dump="vmcore.elf"):
        """The lines of a command's answer as people see them."""
        args = [INQUEST, self.vmlinux, self.path / dump, "-c", command]
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


def frame_rows(frames):
    """Frames of a saved stack as the kernel prints them; None for what no symbol holds any more (the init
    code of a module)."""
    return tuple(f"{f['symbol']}+{f['offset']}/{f['size']}" + (f" [{f['module']}]" if f["module"] else "")
                 if f["symbol"] else None for f in frames)


def same_frames(mine, printed):
    """Whether frame_rows() are what the guest printed, while the modules of that time may be gone."""
    return mine is not None and len(mine) == len(printed) and all(
        a == b or (a is None and (b.startswith("0x") or b.endswith("]"))) for a, b in zip(mine, printed))
