"""iomem against /proc/iomem, line by line; ioports where the guest has any."""

import re
import subprocess

from truth_cores import INQUEST


def text(core, command):
    done = subprocess.run([INQUEST, core.path / "vmlinux", core.path / "vmcore.elf", "-c", command],
                          capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().splitlines()


def test_iomem(core):
    theirs = core.truth("iomem")
    assert len(theirs) > 5 and theirs == core.truth("iomem.2")
    assert text(core, "iomem") == theirs


def test_iomem_rows(core):
    """The JSON says the same as the lines."""
    rows = core.rows("iomem")
    lines = []
    for row in rows:
        start, end = row["start"][2:], row["end"][2:]
        lines.append(f"{'  ' * row['depth']}{start}-{end} : {row['name']}")
    assert lines == core.truth("iomem")
    kinds = {row["name"]: row["kind"] for row in rows}
    assert kinds["System RAM"] == "mem sysram busy"


def test_iomem_names_live_objects(core):
    """The address of each row is that of a struct resource with these numbers."""
    row = next(r for r in core.rows("iomem") if r["name"] == "System RAM")
    (answer,) = core.run(f"struct resource.start,end {row['resource']}")
    numbers = [int(n, 0) for n in re.findall(r"(?:start|end) = (\w+)",
               " ".join(str(r["text"]) for r in answer["rows"]))]
    assert numbers == [int(row["start"], 16), int(row["end"], 16)], answer


def test_ioports(core):
    """Equal to the guest's file; a guest without the file leaves the form to be checked."""
    ours = text(core, "ioports")
    if core.rows("ioports"):
        assert all(re.fullmatch(r" *[0-9a-f]{4,}-[0-9a-f]{4,} : .*", line) for line in ours)
    else:
        assert ours == ["nobody has claimed a range of ioport_resource"]
    if core.truth("ioports"):
        assert ours == core.truth("ioports")
