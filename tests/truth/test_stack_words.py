"""The words of stacks with what they are, against crash's bt -FF on the same dump; and what bt -v says."""

import os
import re
import subprocess

import pytest
from truth_cores import CORES, share

PEERS = CORES.parent / "inquest-peers/bin"
OBJECT = re.compile(r"\[([0-9a-f]+):([^\]]+)\]")
# A word's place and name, as both programs print them: "ffff80000802b7a0: WORD WORD".
LINE = re.compile(r"^ +([0-9a-f]{8,16}): (.*)$")


def objects(text):
    """(the line's address, which word of it, the object's cache)"""
    found = set()
    for line in text.splitlines():
        match = LINE.match(line)
        words = match[2].split() if match else []
        found |= {(int(match[1], 16) + 8 * i, m[2]) for i, m in enumerate(map(OBJECT.fullmatch, words)) if m}
    return found


def test_objects_are_crash_s(core):
    """Every slab object that crash finds on a sleeping task's stack. crash's frames of arm64 lie as ours do."""
    crash = PEERS / "crash-arm64"
    if not core.arm64 or not crash.exists():
        pytest.skip("crash is not there (make peers), or its frames are others (ARM32)")
    pids = [row["pid"] for row in core.rows("ps") if row["state"] in "SD" and row["pid"]][:12]
    script = "".join(f"bt -FF {pid}\n" for pid in pids) + "quit\n"
    done = subprocess.run([crash, "-s", core.path / "vmlinux", core.path / "vmcore.elf"], input=script,
                          capture_output=True, text=True, timeout=300, env={**os.environ, "TERM": "dumb"})
    theirs = objects(done.stdout)
    if not theirs:
        pytest.skip("crash names no slab object of this dump")
    ours = set().union(*(objects("\n".join(core.text(f"bt -k -FF {pid}"))) for pid in pids))
    share(len(theirs & ours), len(theirs), 0.95, "slab objects on stacks")


def test_objects_have_names(core):
    """Each sleeping task's stack leads to its own task_struct, and that is where the object begins."""
    tasks = {row["pid"]: row["task"] for row in core.rows("ps") if row["state"] == "S" and row["pid"]}
    pids = sorted(tasks)[:10]
    assert pids, "nobody sleeps"
    everyone = {row["task"] for row in core.rows("ps")}
    seen = middle = 0
    inside = []
    for pid, answer in zip(pids, core.run(*[f"bt -F {pid}" for pid in pids], status=None)):
        words = [w for f in answer["rows"][0]["frames"] for w in f["words"] or [] if w["cache"]]
        for word in words:
            # a word may point into the object's redzone or metadata, and be tagged
            offset = (int(word["value"], 16) - int(word["object"], 16)) & (1 << (56 if core.arm64 else 32)) - 1
            assert offset < 1 << 16 or offset > (1 << 32) - 4096, word
            assert not word["symbol"]
        middle += sum(w["object"] != w["value"] for w in words)
        inside += [w for w in words if w["cache"] == "task_struct"]
        seen += any(w["cache"] == "task_struct" and w["object"] == tasks[pid] for w in words)
    share(seen, len(pids), 0.5, "stacks with their own task_struct")
    live = sum(w["object"] in everyone for w in inside)
    share(live, len(inside), 0.9, "task_structs that are tasks (some have died)")
    assert middle, "no word points into the middle of an object"


def test_stacks_that_ran_over(core):
    """bt -v says so of the stack that the recipe made run over, and stackcheck of the same one."""
    if not ("exhaust-stack" in core.name or "stack-overflow" in core.name):
        pytest.skip("nothing ran over here")
    (answer,) = core.run("bt -v", status=1)
    assert answer["rows"][0]["overflows"] >= 1
    (checked,) = core.run("stackcheck -d", status=None)
    over = {row["pid"] for row in checked["rows"] if row["pid"]}
    assert over == {int(m[1]) for m in (re.match(r"pid (\d+): stack overflow", f["message"]) for f in answer["faults"])}
