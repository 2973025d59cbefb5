"""Opening with nothing given: VMCOREINFO wiped out of the note and out of RAM, raw RAM without an address,
with and without the vmlinux. Where the kernel is, the guest said: /proc/iomem and /proc/kallsyms."""

import functools
import json
import os
import re
import struct
import subprocess

import pytest
from truth_cores import INQUEST

WAYS = ["wiped", "raw", "raw-wiped", "raw-based"]


def open_dump(args, *commands):
    words = [INQUEST, "--json", "--no-cache", *map(str, args)]
    for command in commands:
        words += ["-c", command]
    done = subprocess.run(words, capture_output=True, timeout=120)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr.decode()


def wipe(data):
    """Every VMCOREINFO text and the note's name; the number of texts."""
    texts = at = 0
    while (at := data.find(b"OSRELEASE=", at)) >= 0:
        end = data.find(b"\0", at)
        data[at:end] = bytes(end - at)
        texts += 1
    note = data.find(b"VMCOREINFO\0", 0, 65536)
    if note >= 0:
        data[note:note + 10] = b"WIPEDNOTES"
    return texts


@pytest.fixture(scope="module")
def files(core, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bootstrap")
    made = {"raw": core.path / "ram.raw"}
    for way, source in (("wiped", "vmcore.elf"), ("raw-wiped", "ram.raw")):
        data = bytearray((core.path / source).read_bytes())
        assert wipe(data) >= 2
        made[way] = folder / way
        made[way].write_bytes(data)
    yield made
    for way in ("wiped", "raw-wiped"):
        os.unlink(made[way])


def iomem(core, what):
    for line in core.truth("iomem"):
        found = re.match(r"\s*([0-9a-f]+)-[0-9a-f]+ : " + what, line)
        if found:
            return int(found[1], 16)
    pytest.fail(f"iomem has no {what}")


@functools.lru_cache(maxsize=None)
def linked_text(core):
    nm = subprocess.run(["nm", core.path / "vmlinux"], capture_output=True, text=True, check=True)
    return int(re.search(r"^([0-9a-f]+) . _text$", nm.stdout, re.M)[1], 16)


def arguments(core, files, way, vmlinux):
    args = [core.path / "vmlinux"] if vmlinux else []
    if way == "raw-based":
        return args + ["--ram", f"{files['raw']}@{iomem(core, 'System RAM'):#x}"]
    return args + [files[way]]


@pytest.mark.parametrize("vmlinux", [True, False], ids=["vmlinux", "alone"])
@pytest.mark.parametrize("way", WAYS)
def test_opens(core, files, way, vmlinux):
    status, (providers, attempts), err = open_dump(
        arguments(core, files, way, vmlinux), "sys -d", "sys -b")
    assert status == 0, err
    image = next(row for row in providers["rows"] if row["what"] == "kernel")
    place = re.match(r"at (0x[0-9a-f]+), physical (0x[0-9a-f]+)", image["state"])
    assert place, image
    distance = int(place[1], 16) - int(place[2], 16)
    starts = {core.kallsyms[name][0] for name in ("_text", "_stext") if name in core.kallsyms}
    if not core.arm64:
        starts.add(linked_text(core))  # it runs where it was linked, and may lack _text
    assert iomem(core, "Kernel code") + distance in starts
    rows = attempts["rows"]
    space = [row for row in rows if row["finder"] == "address space"]
    assert [row["outcome"] for row in space] == ["proved"]
    if way.startswith("raw") and way != "raw-based":
        base = [row for row in rows if row["finder"] == "where RAM begins"]
        assert base[-1]["outcome"] == "proved"
        assert int(base[-1]["found"].split(":")[0], 16) == iomem(core, "System RAM")
    if "wiped" in way:
        assert not any("VMCOREINFO" in row["finder"] and row["outcome"] in ("found", "proved")
                       for row in rows)


def test_log_alone(core):
    """printk's records by VMCOREINFO's offsets, where the dump has no other types: as with the vmlinux."""
    _, (log, names), _ = open_dump([core.path / "vmcore.elf"], "log", "sys")
    (want,) = core.run("log")
    assert log["rows"] == want["rows"]
    assert len(want["rows"]) > 50
    (truth,) = core.run("sys")
    known = {key: names["rows"][0].get(key) for key in ("release", "nodename", "uptime")}
    for key, ours in known.items():  # a fault where nothing says where it is
        assert ours is None or isinstance(ours, dict) or ours == truth["rows"][0][key]
    if core.name.startswith("armmp"):
        assert all(isinstance(ours, str) for ours in known.values()), known


@pytest.mark.parametrize("name,value", [("phys_offset", "0x1000"), ("page_offset", "0x90000000"),
                                        ("page_size", "8192")])
def test_wrong_override(core, name, value):
    """What memory contradicts is said and ignored; the right value is taken without a word."""
    dump = [core.path / "vmlinux", core.path / "vmcore.elf"]
    (want,) = core.run("sys -d")
    status, (ours, attempts), err = open_dump(dump + ["--set", f"{name}={value}"], "sys -d", "sys -b")
    assert status == 0 and f"--set {name}=" in err and "contradicted by page tables" in err
    assert [row["state"] for row in ours["rows"] if row["what"] == "kernel"] == \
        [row["state"] for row in want["rows"] if row["what"] == "kernel"]
    (proved,) = [row for row in attempts["rows"] if row["finder"] == "address space"]
    page, begins = re.match(r".*linear map (0x[0-9a-f]+) at (0x[0-9a-f]+)", proved["found"]).groups()
    right = {"phys_offset": begins, "page_offset": page}.get(name)
    if right:
        status, _, err = open_dump(dump + ["--set", f"{name}={right}"], "sys -d")
        assert status == 0 and "--set" not in err


def test_bad_override(core):
    for fact in ("bogus=1", "va_bits=x", "va_bits"):
        status, _, err = open_dump([core.path / "vmcore.elf", "--set", fact], "sys -b")
        assert status == 2 and "--set" in err


def test_forced_override(core):
    dump = [core.path / "vmlinux", core.path / "vmcore.elf", "--force"]
    status, (attempts,), err = open_dump(dump + ["--set", "phys_offset=0x1000"], "sys -b")
    assert status == 0 and "obeyed (--force)" in err
    (space,) = [row for row in attempts["rows"] if row["finder"] == "address space"]
    assert space["found"].endswith(" at 0x1000"), space


@pytest.mark.parametrize("vmlinux", [True, False], ids=["vmlinux", "alone"])
def test_wrong_tree(core, files, tmp_path, vmlinux):
    """A device tree that lies, met before the machine's own: its base is tried, and refuted."""
    data = bytearray(files["raw"].read_bytes())
    page = next(at for at in range(0, len(data), 4096) if not any(data[at:at + 4096]))
    own = data.find(b"\xd0\x0d\xfe\xed", 0)
    assert own < 0 or page < own or own % 4096
    nodes = struct.pack(">II", 1, 0) + struct.pack(">I8s", 1, b"memory") + \
        struct.pack(">IIIIII", 3, 12, 0, 1, 0x80000000, 0x1000) + struct.pack(">III", 2, 2, 9)
    head = struct.pack(">10I", 0xD00DFEED, 40 + len(nodes) + 4, 40, 40 + len(nodes), 0, 17, 16, 0, 4,
                       len(nodes))
    data[page:page + 40 + len(nodes) + 4] = head + nodes + b"reg\0"
    dump = tmp_path / "wrong-tree"
    dump.write_bytes(data)
    args = [core.path / "vmlinux", dump] if vmlinux else [dump]
    status, (attempts,), err = open_dump(args, "sys -b")
    dump.unlink()
    base = [row for row in attempts["rows"] if row["finder"] == "where RAM begins"]
    assert status == 0 and len(base) > 1, err
    assert [row["outcome"] for row in base[-1:]] == ["proved"]
    assert base[0]["outcome"] == "refuted" and base[0]["found"].startswith("0x180000000:")
    assert int(base[-1]["found"].split(":")[0], 16) == iomem(core, "System RAM")


def test_kinfo(core, files, tmp_path):
    """Google's block, put where a page is empty: the place follows from it, proved by the tables."""
    if not core.arm64:
        pytest.skip("the block is arm64's")
    data = bytearray(files["raw-wiped"].read_bytes())
    base = iomem(core, "System RAM")
    page = next(at for at in range(0, len(data), 4096) if not any(data[at:at + 4096]))
    stext = core.kallsyms["_stext"][0]
    code = iomem(core, "Kernel code")
    if "_text" in core.kallsyms and core.kallsyms["_text"][0] != stext:
        _, (attempts,), _ = open_dump([files["raw-wiped"]], "sys -b")
        place = re.search(r"_text at (0x[0-9a-f]+), physical (0x[0-9a-f]+)", json.dumps(attempts))
        code = stext - int(place[1], 16) + int(place[2], 16)
    info = bytearray(0x1c4 - 8)
    struct.pack_into("<Q", info, 0x28 - 8, code)
    struct.pack_into("<Q", info, 0x7c - 8, 0x12345000)
    info[0x84 - 8:0x84 - 8 + 6] = b"6.1.99"
    total = 0
    for (word,) in struct.iter_unpack("<I", info):
        total ^= word
    data[page:page + 8 + len(info)] = struct.pack("<II", 0xCCEEDDFF, total) + info
    dump = tmp_path / "kinfo"
    dump.write_bytes(data)
    _, (attempts,), err = open_dump(["--ram", f"{dump}@{base:#x}"], "sys -b")
    rows = [row for row in attempts["rows"] if row["finder"] == "debug-kinfo"]
    assert [row["outcome"] for row in rows] == ["found", "proved"], (attempts, err)
    data[page + 100] ^= 1
    dump.write_bytes(data)
    _, (attempts,), _ = open_dump(["--ram", f"{dump}@{base:#x}"], "sys -b")
    rows = [row for row in attempts["rows"] if row["finder"] == "debug-kinfo"]
    assert [row["outcome"] for row in rows] == ["refuted"]
    assert any(row["finder"] == "address space" and row["outcome"] == "proved"
               for row in attempts["rows"])
