"""memblock against the guest's /sys/kernel/debug/memblock: every region of both lists."""

import re

import pytest

REGION = re.compile(r" *(\d+): (0x[0-9a-f]+)\.\.(0x[0-9a-f]+)(?: +(\S+) (\S+))?")


def regions(core, name):
    """(n, start, end, node, flags) of each line; the last two since 6.12."""
    return [REGION.fullmatch(line).groups() for line in core.truth(f"memblock/{name}")]


@pytest.mark.parametrize("name", ["memory", "reserved"])
def test_regions(core, name):
    theirs = regions(core, name)
    assert theirs and core.truth(f"memblock/{name}") == core.truth(f"memblock/{name}.2")
    (row,) = [row for row in core.rows("memblock") if row["list"] == name]
    ours = row["regions"]
    assert [(str(r["n"]), r["start"], r["end"]) for r in ours] == [t[:3] for t in theirs]
    for mine, (_, start, end, node, flags) in zip(ours, theirs):
        assert mine["size"] == int(end, 16) - int(start, 16) + 1
        if flags:
            assert mine["flags"] == flags
            assert mine["node"] in (None, int(node) if node != "x" else None)
    assert row["total"] == sum(r["size"] for r in ours)


def test_memory_is_the_machines(core):
    """QEMU's virt board begins its RAM at 1 GiB."""
    (row,) = core.rows("memblock -m")
    assert row["list"] == "memory"
    assert row["total"] == int(core.meta["memory_mb"]) << 20
    assert int(row["regions"][0]["start"], 16) == 0x40000000


def test_kernel_and_reserved(core):
    """The kernel's own image was set aside, as iomem has it."""
    (row,) = core.rows("memblock -r")
    data = next(r for r in core.rows("iomem") if r["name"] == "Kernel data")
    assert any(int(r["start"], 16) <= int(data["start"], 16) < int(r["end"], 16)
               for r in row["regions"])
