"""vm against the guest's /proc/PID/maps, stat, auxv and pagemap."""

import re
import subprocess

import pytest
from truth_cores import INQUEST, share


def pids(core):
    """Of the processes whose maps were read and did not change."""
    names = [p.name for p in (core.path / "truth").glob("maps.*") if p.name.count(".") == 1]
    found = [int(n.split(".")[1]) for n in names if core.truth(n) == core.truth(n + ".2")]
    alive = {row["pid"] for row in core.rows("ps -u") if row["state"] not in "XZ"}
    return sorted(pid for pid in found if pid in alive)


def text(core, command):
    done = subprocess.run([INQUEST, core.path / "vmlinux", core.path / "vmcore.elf", "-c", command],
                          capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().splitlines()


def test_maps(core):
    """Line by line, as text; the list is indented by two and without trailing blanks."""
    found = pids(core)
    assert len(found) >= 2
    for pid in found:
        lines = [line[2:] for line in text(core, f"vm {pid}")[1:]]
        assert lines == [line.rstrip() for line in core.truth(f"maps.{pid}")], pid


def test_maps_rows(core):
    """The same from JSON: range, permissions, offset, name."""
    for pid in pids(core):
        (row,) = core.rows(f"vm {pid}")
        theirs = core.truth(f"maps.{pid}")
        assert len(row["areas"]) == len(theirs)
        for area, line in zip(row["areas"], theirs):
            span, mode, offset, device, inode, *name = line.split(None, 5)
            start, end = (int(x, 16) for x in span.split("-"))
            assert (int(area["start"], 16), int(area["end"], 16)) == (start, end)
            assert int(area["offset"], 16) == int(offset, 16)
            assert area["name"] == (name[0] if name else "")
            letters = area["flag_letters"].split()
            assert [("rd" in letters), ("wr" in letters), ("ex" in letters), ("ms" in letters)] == \
                [mode[0] == "r", mode[1] == "w", mode[2] == "x", mode[3] == "s"]


def test_flags_have_names(core):
    """Every bit has a name, and the kernel's own table (%pGv) knows the same bits by similar names."""
    (row,) = core.rows("vm 1")
    assert row["areas"]
    compared = 0
    for area in row["areas"]:
        names = area["flag_names"].split("|")
        assert all(n.startswith("VM_") for n in names), area
        assert bin(int(area["flags"], 16)).count("1") == len(names)
        (said,) = core.rows(f'printf "%pGv", &((struct vm_area_struct *){area["vma"]})->vm_flags')
        kernels = [n for n in said["text"].split("|") if not n.startswith("0x")]
        plain = {re.sub("[^a-z0-9]", "", n[3:].lower()) for n in names}
        for name in kernels:
            assert re.sub("[^a-z0-9]", "", name.lower()) in plain, (name, names)
            compared += 1
    assert compared > 20


def stat(core, pid):
    """The numbers behind the name, by the field numbers of proc(5)."""
    for line in core.truth("task_stat"):
        if line.startswith(f"/proc/{pid}/task/{pid}/stat:"):
            return [None, None] + line[line.rindex(")"):].split()
    return None


def test_layout(core):
    checked = 0
    for pid in pids(core):
        fields, (row,) = stat(core, pid), core.rows(f"vm -l {pid}")
        if not fields:
            continue
        value = [int(f) if f and f.lstrip("-").isdigit() else 0 for f in fields]
        span = {name: [int(x, 16) for x in row[name].split("-")]
                for name in ("code", "data", "heap", "arguments", "environment")}
        assert span["code"] == value[25 + 1:28], pid
        assert int(row["stack"], 16) == value[28]
        assert span["data"] == value[45:47]
        assert span["heap"][0] == value[47]
        # no guest asks for the legacy layout
        assert row["mmap"].startswith("top down") and span["heap"][1] < int(row["mmap_base"], 16)
        assert span["arguments"] == value[48:50] and span["environment"] == value[50:52]
        checked += 1
    assert checked >= 2


def auxv(core, pid):
    """The auxiliary vector and the bits of the program's ELF class, which is told by the size of a program header
    (AT_PHENT, 4: 32 bytes or 56). The account reads pairs of its own words: with a 32-bit program on a 64-bit
    kernel each of them is an entry."""
    words = [[int(word, 0) for word in line.split()] for line in core.truth(f"auxv.{pid}")]
    if core.arm64 and dict(words).get(4) != 56:
        words = [[word & 0xffffffff, word >> 32] for pair in words for word in pair]
    entries = dict(reversed(words))  # the first of a key counts: behind the vector's end there are zeroes
    return entries, {56: 64, 32: 32}[entries[4]]


def test_layout_vdso(core):
    """AT_SYSINFO_EHDR (33) of the auxiliary vector; the word size is the program's own, not the kernel's."""
    checked = 0
    for pid in pids(core):
        entries, bits = auxv(core, pid)
        (row,) = core.rows(f"vm -l {pid}")
        if 33 in entries:
            assert int(row["vdso"], 16) == entries[33], pid
            checked += 1
        assert row["exe"].startswith("/")
        assert row["compat"] == ("32 bits on a 64-bit kernel (compat)" if core.arm64 and bits == 32
                                 else f"{bits} bits"), pid
    assert checked


def test_kernel_threads_and_threads(core):
    (row,) = core.rows("vm 2")
    assert row["mm"] is None and "kernel thread" in row["note"] and row["areas"] is None
    threads = [r for r in core.rows("ps -u") if r["pid"] != r["tgid"] and r["state"] not in "XZ"]
    if not threads:
        pytest.skip("no process of several threads")
    leader, thread = core.run(f"vm {threads[0]['tgid']}", f"vm {threads[0]['pid']}")
    assert leader["rows"][0]["areas"] == thread["rows"][0]["areas"]
    assert str(threads[0]["tgid"]) in thread["rows"][0]["note"]


def test_the_dead_have_no_areas(core):
    dead = [r for r in core.rows("ps -u") if r["state"] in "XZ"]
    if not dead:
        pytest.skip("nobody had exited")
    (row,) = core.rows(f"vm {dead[0]['pid']}")
    assert row["mm"] is None and "exited" in row["note"]


def test_neighbours(core):
    """The kernel joins what it can: each boundary between areas has a reason."""
    seen = 0
    for pid in pids(core):
        (row,) = core.rows(f"vm -m {pid}")
        areas = core.rows(f"vm {pid}")[0]["areas"]
        touching = sum(a["end"] == b["start"] for a, b in zip(areas, areas[1:])
                       if b["name"] != "[vectors]")
        assert len(row["neighbours"]) == touching
        seen += touching
        assert not [n for n in row["neighbours"] if n["obstacles"].startswith("none")]
    assert seen


def test_pages(core):
    """Each page that pagemap had as present in both readings (bit 63; the frame below bit 55)."""
    for pid in pids(core):
        first = dict(line.split()[:2] for line in core.truth(f"pagemap.{pid}"))
        second = dict(line.split()[:2] for line in core.truth(f"pagemap.{pid}.2"))
        steady = {int(va, 16): int(v, 16) & (1 << 55) - 1 for va, v in first.items()
                  if second.get(va) == v and int(v, 16) >> 63}
        (row,) = core.rows(f"vm -p {pid}")
        size = core.page_bytes
        mine = {}
        for run in row["pages"]:
            for i in range(run["pages"] if run["kind"] == "mapped" else 0):
                mine[int(run["start"], 16) + i * size] = int(run["physical"], 16) // size + i
        share(sum(mine.get(va) == pfn for va, pfn in steady.items()), len(steady), 0.97, f"pages of {pid}")
