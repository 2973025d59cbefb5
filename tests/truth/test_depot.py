"""depot against every stack that the guest printed out of its stack depot: debugfs' page_owner and KASAN's
reports. Each must be there, frame by frame, and be what its handle leads to."""

import re

import pytest
from truth_cores import frame_rows, same_frames, share


@pytest.fixture(autouse=True)
def only_used(core):
    if "CONFIG_KASAN" not in core.config and "page_owner=on" not in core.recipe.get("CMDLINE", ""):
        pytest.skip("nobody saved a stack in this guest")


def printed(core):
    """Stacks that the guest printed from the depot: behind a page's line, or a report's "by task" line."""
    stacks, stack = set(), None
    text = (core.path / "console.log").read_bytes().decode(errors="backslashreplace")
    log = [re.sub(r"^\[ *\d+\.\d+\](?:\[ *[CT]\d+\])? ?", "", line.rstrip("\r")) for line in text.split("\n")]
    for line in core.truth("page_owner") + [""] + log + [""]:
        if re.match(r"PFN (?:0x[0-9a-f]+|\d+) type|(Allocated|Freed) by task \d+:", line):
            stack = []
        elif stack is not None and re.match(r" (\S+\+0x[0-9a-f]+/0x[0-9a-f]+( \[\w+\])?|0x[0-9a-f]+)$", line):
            stack.append(line.strip())
        elif stack is not None:
            if stack and not line.strip():
                stacks.add(tuple(stack))
            stack = None
    return stacks


def test_printed_stacks(core):
    theirs, mine = printed(core), {frame_rows(row["frames"]) for row in core.rows("depot -a")}
    partly = [stack for stack in mine if None in stack]
    if not theirs:
        pytest.skip("the guest printed no stack of the depot's")
    missing = [stack for stack in theirs if stack not in mine and not any(same_frames(m, stack) for m in partly)]
    assert not missing, missing[0]
    share(len(theirs) - len(missing), len(theirs), 1.0, "printed stacks")


def test_handles(core):
    """Each handle of a walk over all leads to the same record, one by one; the sums agree."""
    rows = core.rows("depot -a")
    assert len({row["handle"] for row in rows}) == len(rows) > 100
    some = rows[::max(1, len(rows) // 50)]
    again = core.rows("depot " + " ".join(row["handle"] for row in some))
    assert [frame_rows(row["frames"]) for row in again] == [frame_rows(row["frames"]) for row in some]
    (summary,) = core.rows("depot")
    assert summary["stacks"] == len(rows)
    assert summary["nframes"] == sum(row["nframes"] for row in rows)


def test_frames_are_code(core):
    """A record that was read from the wrong place would have frames that no function holds. ARM's unwinder
    stores a last frame of 0, and modules and their init code may be gone."""
    frames = [f for row in core.rows("depot -a") for f in row["frames"] if int(f["pc"], 16)]
    share(sum(f["symbol"] is not None for f in frames), len(frames), 0.98, "frames in functions")


def test_through(core):
    name = "vfs_write"
    mine = core.rows("depot -s " + name)
    theirs = [row for row in core.rows("depot -a") if any(f["symbol"] == name for f in row["frames"])]
    assert [row["handle"] for row in mine] == [row["handle"] for row in theirs] and mine


def test_no_handle(core):
    (answer,) = core.run("depot fffffff0", status=1)
    assert answer["faults"] and not answer["rows"]
