"""Backtraces against what the kernel printed of itself before it died."""

import re

import pytest
from truth_cores import share

FRAME = re.compile(r"^(?P<name>[^+\s]+)(?:\+0x(?P<off>[0-9a-f]+)/0x(?P<size>[0-9a-f]+))?(?: \[(?P<module>[^\]]+)\])?$")


class Printed:
    """A frame as the kernel printed it."""

    def __init__(self, line):
        match = FRAME.match(line)
        assert match, f"no frame: {line!r}"
        self.line = line
        self.name = match["name"]
        self.offset = int(match["off"], 16) if match["off"] else None
        self.size = int(match["size"], 16) if match["size"] else None
        self.module = match["module"]

    def same(self, core, frame):
        """ARM32 looks a return address up as it is, so that a call that never returns is shown in
        the function behind: there the address decides, not the name."""
        if self.offset is None:
            return frame["symbol"] == self.name
        if frame["symbol"] == self.name and frame["module"] == self.module:
            return int(frame["offset"], 16) == self.offset
        return any(a + self.offset == int(frame["pc"], 16) for a in core.kallsyms.get(self.name, []))


def in_order(core, printed, frames):
    """How many of the printed frames stand among ours, in order."""
    found, at = 0, 0
    for want in printed:
        for i in range(at, len(frames)):
            if want.same(core, frames[i]):
                found, at = found + 1, i + 1
                break
    return found


def test_panicking_task(core):
    """truth/splat.stack: the printed frames that were still on the stack at death, outermost last."""
    if not core.panicked:
        pytest.skip("nothing died here")
    (row,) = core.rows("bt")
    printed = [Printed(line) for line in core.truth("splat.stack") if not line.startswith("#")]
    assert printed, "the kernel printed nothing"
    found = in_order(core, printed, row["frames"])
    assert found == len(printed), (
        "printed:\n  " + "\n  ".join(p.line for p in printed) + "\nours:\n  "
        + "\n  ".join(f"{f['symbol']}+{f['offset']}/{f['size']}" for f in row["frames"]))


def test_panicking_task_is_named(core):
    if not core.panicked:
        pytest.skip("nothing died here")
    (row,) = core.rows("bt")
    assert row["pid"] == int(core.meta["panic_pid"])
    assert row["comm"] == core.meta["panic_comm"]
    assert row["cpu"] == int(core.meta["panic_cpu"])


def test_panic_is_on_the_stack(core):
    if not core.panicked:
        pytest.skip("nothing died here")
    (row,) = core.rows("bt")
    assert "panic" in [f["symbol"] for f in row["frames"]]


def test_sizes_are_the_kernels(core):
    """%pS: the size behind the slash is the kernel's own too."""
    if not core.panicked:
        pytest.skip("nothing died here")
    (row,) = core.rows("bt")
    lines = [line for line in core.truth("splat") if not line.startswith("#")]
    printed = {(p.name, p.size) for p in map(Printed, lines) if p.size}
    ours = {f["symbol"]: int(f["size"], 16) for f in row["frames"] if f["symbol"]}
    checked = [(n, s) for n, s in printed if n in ours]
    share(sum(ours[n] == s for n, s in checked), len(checked), 1.0, "sizes")


def test_no_frame_begins_a_function(core):
    """A return address is looked up inside the call: one that shows as NAME+0x0 was taken for the
    function behind. Interrupted and outermost frames may stand on a first instruction."""
    for row in core.rows("bt -a"):
        for frame in row["frames"][1:-1]:
            assert frame["offset"] != "0x0" or frame["pt_regs"], frame


def stacks(lines):
    """'== PID COMM' and the frames below it."""
    tasks, pid = {}, None
    for line in lines:
        if line.startswith("== "):
            pid = int(line.split()[1])
            tasks[pid] = []
        elif pid is not None and line.strip():
            tasks[pid].append(line.strip())
    return tasks


def switches(core):
    """pid -> (voluntary, involuntary) context switches at the second reading."""
    table = {}
    for line in core.truth("task_status.2"):
        path, _, rest = line.partition("/status:")
        key, _, value = rest.partition(":")
        if key.endswith("voluntary_ctxt_switches"):
            table.setdefault(int(path.rsplit("/", 1)[1]), []).append(int(value))
    return table


def test_blocked_tasks(core):
    """Every task whose stack was the same in both readings and that has not run since: its counts
    of context switches tell. Not the reader itself, whose own stack was a running one."""
    first, second = stacks(core.truth("stacks")), stacks(core.truth("stacks.2"))
    ours = {row["pid"]: row for row in core.rows("ps")
            if row["pid"] and row["current"] != ">" and row["comm"] != "account"}
    pids = [pid for pid, frames in first.items() if frames and second.get(pid) == frames and pid in ours]
    fields = ("nvcsw", "nivcsw")
    answers = core.run(*[f"struct task_struct.{f} {ours[pid]['task']}" for pid in pids for f in fields])
    counts = [int(answer["rows"][0]["text"]) for answer in answers]
    then = switches(core)
    asleep = [pid for i, pid in enumerate(pids) if counts[2 * i:2 * i + 2] == then.get(pid)]
    assert len(asleep) >= 15, "too few blocked tasks to compare"
    good = total = 0
    for pid, answer in zip(asleep, core.run(*[f"bt {pid}" for pid in asleep])):
        printed = [Printed(line) for line in first[pid]]
        total += len(printed)
        good += in_order(core, printed, answer["rows"][0]["frames"])
    share(good, total, 0.99, "frames of blocked tasks")
