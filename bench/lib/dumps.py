"""The dumps that benches run on: Debian's kernels, one of each architecture, made by `make cores`."""

import os
import pathlib
import struct

CORES = pathlib.Path(os.environ.get("INQUEST_CORES", pathlib.Path.home() / ".cache/inquest-cores"))
DEFAULT = ["arm64-cloud-sysrq-c", "armmp-sysrq-c"]


class Dump:
    def __init__(self, name):
        self.name, self.folder = name, CORES / name
        self.vmlinux, self.core = str(self.folder / "vmlinux"), str(self.folder / "vmcore.elf")
        meta = dict(line.split("=", 1) for line in (self.folder / "truth/meta").read_text().splitlines())
        self.release, self.arch = meta["release"], meta["arch"]
        self.panic_message, self.panic_cpu = meta["panic_message"], int(meta["panic_cpu"])
        self.has_btf = b".BTF" in section_names(self.vmlinux)

    def title(self):
        vmlinux, core = (os.path.getsize(path) >> 20 for path in (self.vmlinux, self.core))
        types = "BTF and DWARF" if self.has_btf else "DWARF alone"
        return (f"{self.name}: Linux {self.release}, {self.arch}; vmlinux {vmlinux} MB with {types}, "
                f"dump {core} MB")


def section_names(path):
    """Of a little-endian ELF file: it is one of our own dumps' kernels."""
    with open(path, "rb") as file:
        head = file.read(64)
        wide = head[4] == 2
        table, = struct.unpack_from("<Q" if wide else "<I", head, 40 if wide else 32)
        size, count, strings = struct.unpack_from("<HHH", head, 58 if wide else 46)
        file.seek(table)
        headers = file.read(size * count)
        at, length = struct.unpack_from("<QQ" if wide else "<II", headers, strings * size + (24 if wide else 16))
        file.seek(at)
        text = file.read(length)
    offsets = (struct.unpack_from("<I", headers, i * size)[0] for i in range(count))
    return {text[offset:text.index(b"\0", offset)] for offset in offsets}


def wanted_dumps(names):
    """The dumps that are there; the others are said."""
    for name in names or DEFAULT:
        if (CORES / name / "truth/meta").exists():
            yield Dump(name)
        else:
            print(f"{name}: not measured: no such dump; `make cores CORE={name}` makes it")
