"""Frames' functions, inlined ones and local variables against drgn's, on the same dump: random tasks, every frame and
every variable of them. Without drgn (`make peers`) it is skipped."""

import json
import os
import random
import shutil
import subprocess

import pytest
from truth_cores import CORES, INQUEST, Core, chosen_set, share

PEER = CORES.parent / "inquest-peers/bin/drgn"
DRGN = os.environ.get("DRGN") or (str(PEER) if PEER.exists() else shutil.which("drgn"))
# A distribution's kernels and our own, with KASLR and without, DWARF 5; drgn does not unwind ARM32.
NAMES = ["arm64-cloud-sysrq-c", "arm64-cloud-6.12-sysrq-c", "arm64-kasan-panic", "arm64-plain-panic"]
if "CORE" in os.environ or "SET" in os.environ:
    NAMES = [name for name in chosen_set() if name.startswith("arm64")]
TASKS = 60
ENDLESS = 1000  # frames: drgn goes round in circles on a stack that ran over

SCRIPT = r"""
import json, sys
from drgn import TypeKind, FaultError
from drgn.helpers.linux.pid import find_task

def plain(o):
    t = o.type_
    while t.kind == TypeKind.TYPEDEF:
        t = t.type
    if o.absent_:
        return ["absent"]
    if o.address_ is not None:
        return ["memory", o.address_]
    if t.kind == TypeKind.ENUM:
        n = o.value_()
        names = [e.name for e in t.enumerators or [] if e.value == n]
        return ["number", n & ((1 << 8 * t.size) - 1), names]
    if t.kind in (TypeKind.INT, TypeKind.BOOL, TypeKind.POINTER):
        return ["number", int(o.value_()) & ((1 << 8 * t.size) - 1), []]
    return ["value"]

def variable(frame, name):
    try:
        return plain(frame[name])
    except FaultError as e:
        return ["fault"]
    except Exception as e:
        return ["error", f"{type(e).__name__}: {e}"]

for pid in PIDS:
    try:
        frames = list(prog.stack_trace(find_task(prog, pid)))
    except Exception as e:
        print(json.dumps([pid, str(e), []]))
        continue
    print(json.dumps([pid, None, [[f.name, f.is_inline, f.pc, f.interrupted, {n: variable(f, n) for n in f.locals()}]
                                  for f in frames]]))
"""


def ask_drgn(core, pids, folder):
    """pid -> [(function, inlined, pc, exact, {name: value})], innermost first"""
    script = folder / "ask.py"
    script.write_text(f"PIDS = {pids!r}\n{SCRIPT}")
    symbols = [core.path / "vmlinux", *sorted((core.path / "modules").glob("*.ko*"))]
    done = subprocess.run([DRGN, "-q", "-c", core.path / "vmcore.elf", "--no-default-symbols",
                           *(word for path in symbols for word in ("-s", path)), script], capture_output=True, timeout=600,
                          env={**os.environ, "HOME": str(folder), "XDG_CACHE_HOME": str(folder)})
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-2000:]
    return {pid: frames for pid, error, frames in map(json.loads, done.stdout.splitlines()) if not error}


def ask_ours(core, pids):
    """The same, each variable as its row; a task in user mode has no rows."""
    args = [INQUEST, "--json", core.path / "vmlinux", core.path / "vmcore.elf"]
    for pid in pids:
        args += ["-c", f"locals -a -x {pid}"]
    done = subprocess.run(args, capture_output=True, timeout=600)
    assert done.returncode in (0, 1), done.stderr.decode(errors="replace")[-2000:]
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(pids)
    return {pid: [(row["function"], row["inlined"], row["pc"], row["exact"], {v["name"]: v for v in row["variables"]})
                  for row in answer["rows"]] for pid, answer in zip(pids, answers)}


def address(value):
    return int(value, 16) if isinstance(value, str) else value


def agrees(theirs, mine):
    """None when two variables say the same, else why not. Where drgn has nothing we may know more (values at entry,
    parts of structs): it is counted, not compared."""
    kind = theirs[0]
    if kind in ("absent", "error", "fault"):
        return None
    if kind == "memory":
        if mine["state"] != "memory" or address(mine["address"]) != theirs[1]:
            return f"drgn: in memory at {theirs[1]:#x}"
        return None
    if mine["state"] not in ("computed", "memory"):
        return f"drgn has a value: {theirs[1:]}"
    if kind == "value":
        return None
    word = mine["value"].split()[0]
    if word in theirs[2] or word in ("true", "false") and theirs[1] == (word == "true"):
        return None
    flags = mine["value"].startswith("(")  # a set of enumerators
    return None if flags or int(word, 0) == theirs[1] else f"drgn: {theirs[1]:#x}"


def physical(frames):
    """[(pc, [scopes])]: the inlined functions and the one that was called stand together"""
    groups, scopes = [], []
    for frame in frames:
        scopes.append(frame)
        if not frame[1]:
            groups.append((address(frame[2]), scopes))
            scopes = []
    return groups


class Tally:
    def __init__(self):
        self.frames = self.matched = self.scopes = self.variables = self.valued = self.more = self.elsewhere = self.circles = 0
        self.wrong, self.missing = [], []

    def variable(self, where, name, theirs, mine):
        self.variables += 1
        self.valued += theirs[0] in ("memory", "number", "value")
        self.more += theirs[0] == "absent" and mine["state"] in ("memory", "computed")
        why = agrees(theirs, mine)
        if why:
            self.wrong.append(f"{where} {name}: {mine.get('value') or mine['state']}; {why}")

    def frame(self, pid, pc, theirs, mine):
        where = f"pid {pid} at {pc:#x}"
        # Where an exception interrupted the kernel drgn looks one byte before, as behind a call: at another instruction.
        if theirs[-1][3] != mine[-1][3]:
            self.elsewhere += 1
            return
        names = [(s[0], s[1]) for s in mine if s[0]]
        if names and names != [(s[0], s[1]) for s in theirs]:
            self.wrong.append(f"{where}: {names}; drgn: {[(s[0], s[1]) for s in theirs]}")
            return
        for their_scope, my_scope in zip(theirs, mine):
            self.scopes += 1
            if set(their_scope[4]) != set(my_scope[4]):
                self.wrong.append(f"{where} {my_scope[0]}: {sorted(my_scope[4])}; drgn: {sorted(their_scope[4])}")
                continue
            for name, value in their_scope[4].items():
                self.variable(f"{where} {my_scope[0]}", name, value, my_scope[4][name])

    def task(self, pid, theirs, mine):
        """drgn's chain is walked; ours may have frames between (leaf functions at exceptions)."""
        mine = physical(mine)
        at = 0
        if len(theirs) > ENDLESS:
            self.circles += 1
            return
        for pc, scopes in physical(theirs):
            self.frames += 1
            found = next((i for i in range(at, len(mine)) if mine[i][0] == pc), None)
            if found is None:
                self.missing.append(f"pid {pid}: {scopes[-1][0]} at {pc:#x}")
                continue
            self.matched += 1
            at = found + 1
            self.frame(pid, pc, scopes, mine[found][1])


@pytest.mark.parametrize("name", NAMES)
def test_agrees_with_drgn(name, tmp_path):
    if name.endswith("-traced"):
        pytest.skip("drgn shows the tracers' trampolines where we have the functions that they stand for")
    if not DRGN:
        pytest.skip("drgn is not installed (make peers): nobody to compare with")
    if not (CORES / name / "vmcore.elf").exists():
        pytest.skip(f"{name} is not made: make cores CORE={name}")
    core = Core(name)
    seed = int(os.environ.get("SEED", random.randrange(1 << 32)))
    print(f"SEED={seed}")
    # A dead task's stack is gone; drgn reads what the freed pages still hold.
    pids = sorted(row["pid"] for row in core.rows("ps") if row["pid"] and row["state"] not in "ZX")
    pids = random.Random(seed).sample(pids, min(TASKS, len(pids)))
    theirs, mine = ask_drgn(core, pids, tmp_path), ask_ours(core, pids)
    tally = Tally()
    for pid, frames in theirs.items():
        tally.task(pid, frames, mine[pid])
    print({k: v for k, v in vars(tally).items() if isinstance(v, int)})
    assert tally.frames >= 200 and tally.valued >= 300, "the oracle is short"
    # What was left out is the exception: an interrupted frame or two for each CPU, a stack that ran over.
    assert tally.elsewhere <= 0.02 * tally.frames + 4, f"{tally.elsewhere} of {tally.frames} frames looked up elsewhere"
    assert tally.circles <= 1, f"{tally.circles} tasks in circles"
    assert not tally.wrong, f"{len(tally.wrong)} differ:\n" + "\n".join(tally.wrong[:30])
    share(tally.matched, tally.frames, 0.99, "frames of drgn: " + "; ".join(tally.missing[:10]))


@pytest.mark.parametrize("name", chosen_set())
def test_kernel_threads_know_their_function(name):
    """kthread() calls what its variable threadfn says: that is the function of the frame below, on both architectures.
    The variable survives in registers that every frame below has saved, so all of their rules must be right."""
    core = Core(name)
    pids = [row["pid"] for row in core.rows("ps") if row["kernel"] and row["pid"] and row["state"] not in "RZX"]
    right, known, wrong = 0, 0, []
    for pid, frames in ask_ours(core, pids).items():
        called = [frame for frame in frames if not frame[1]]
        for below, frame in zip(called, called[1:]):
            value = frame[4].get("threadfn", {}).get("value") if frame[0] == "kthread" else None
            if value:
                known += 1
                right += f"<{below[0]}" in value
                wrong += [] if f"<{below[0]}" in value else [f"pid {pid}: {value}, called {below[0]}"]
    assert known >= 10, f"only {known} kernel threads have a threadfn"
    share(right, known, 0.9, "threadfn (a tail call hides some): " + "; ".join(wrong[:5]))
