"""KFENCE against its own account: /sys/kernel/debug/kfence/objects as the guest printed it at the end, and the report
that killed a guest."""

import re

import pytest
from kernel_reports import kfence_objects, kfence_report
from truth_cores import frame_rows, same_frames, share

NAME = {"Allocated": "allocated", "Freed": "freed", "Being freed by RCU": "rcu freeing"}


@pytest.fixture(autouse=True)
def only_kfence(core):
    if core.config.get("CONFIG_KFENCE") != "y":
        assert core.run("kfence", status=None)[0]["faults"]
        pytest.skip("a kernel without KFENCE")


def report_of(core):
    lines = kfence_report(core)
    if not lines:
        pytest.skip("KFENCE reported nothing here")
    return lines


def compare(row, theirs):
    """None, or the part in which our row differs from the kernel's own words."""
    first, last, size, cache, tracks = theirs
    if (int(row["address"], 16), row["size"], row["cache"]) != (first, size, cache) or last != first + size - 1:
        return "object"
    mine = {NAME[t["what"]]: t for t in row["tracks"]}
    if set(mine) != set(tracks):
        return "tracks"
    for name, (pid, cpu, time, frames) in tracks.items():
        t = mine[name]
        if (t["pid"], t["cpu"]) != (pid, cpu) or abs(t["time"] - time) > 2e-6:
            return name
        # the kernel leaves out its own frames at the top (get_stack_skipnr() in mm/kfence/report.c)
        kept = frame_rows(t["frames"])
        if not frames or not same_frames(kept[-len(frames):], tuple(frames)):
            return name + " stack"
        if any(re.match(r"lkdtm|mb_", f or "") for f in kept[:-len(frames)]):
            return name + " stack"
    return None


def test_objects(core):
    theirs = kfence_objects(core.truth("kfence"))
    if not theirs:
        pytest.skip("this guest did not print its objects")
    mine = {row["index"]: row for row in core.rows("kfence -a")}
    assert set(mine) == set(theirs)
    unused = {i for i, t in theirs.items() if t is None}
    assert {i for i, row in mine.items() if row["state"] == "unused"} == unused
    used = sorted(set(theirs) - unused)
    wrong = {}
    for i, answer in zip(used, core.run(*[f"kfence {i}" for i in used])):
        part = compare(answer["rows"][0], theirs[i])
        if part:
            wrong[i] = part
    assert not list(wrong.items())[:3]
    share(len(used) - len(wrong), len(used), 1, "objects")
    assert not [row for row in mine.values() if row["damage"]]


def test_report(core):
    """The reported object, its tracks, and where it was written, are in memory as in the report."""
    lines = report_of(core)
    found = kfence_objects(lines)
    ((number, theirs),) = [(n, t) for n, t in found.items() if t]
    (row,) = core.rows(f"kfence {number}")
    assert compare(row, theirs) is None
    corrupted = next((m for line in lines if (m := re.match(r"Corrupted memory at 0x([0-9a-f]+) \[ (.*) \]", line))), None)
    at = next((int(m[1], 16) for line in lines if (m := re.search(
        r"(?:write|read|free|access) at 0x([0-9a-f]+)", line))), None)
    if corrupted:
        bad = [i for i, c in enumerate(corrupted[2].split()) if c != "."]
        base = int(corrupted[1], 16)
        assert (int(row["first_bad"], 16), int(row["last_bad"], 16)) == (base + bad[0], base + bad[-1])
    else:
        assert at is not None
        (near,) = core.rows(f"kfence {at:#x}")
        assert near["index"] == number
        assert ("inside" in near["place"]) == (theirs[0] <= at <= theirs[1])


def test_damage(core):
    """Written guard bytes are there where the kernel found some, and nowhere else; none where KFENCE was off."""
    lines = (core.path / "console.log").read_text(errors="replace")
    reported = {int(n) for n in re.findall(r"Corrupted memory at .*\(in kfence-#(\d+)\)", lines)}
    (answer,) = core.run("kfence", status=None)
    assert all("KFENCE was off" in fault["message"] for fault in answer["faults"])
    assert bool(answer["rows"]) != bool(answer["faults"])
    assert {row["index"] for row in answer["rows"] if row["damage"]} == reported
