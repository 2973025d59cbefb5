"""Frames' functions, inlined ones and local variables against drgn's, on the same dump: random tasks, every frame and
every variable of them; on ARM32, which drgn does not unwind, against gdb's, which is given a core file of the task's
registers and stack. Without them (`make peers`) it is skipped."""

import json
import os
import random
import shutil
import struct
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


# ---- ARM32

ARM_NAMES = ["arm32-lpae-bug", "arm32-kasan-panic", "arm32-fp-2g-panic", "armmp-sysrq-c"]
if "CORE" in os.environ or "SET" in os.environ:
    ARM_NAMES = [name for name in chosen_set() if not name.startswith("arm64")]

GDB = r"""
import gdb, json

def plain(v):
    t = v.type.strip_typedefs()
    if v.is_optimized_out:
        return ["absent"]
    if v.address is not None:
        return ["memory", int(v.address)]
    if t.code == gdb.TYPE_CODE_ENUM:
        n = int(v)
        return ["number", n & ((1 << 8 * t.sizeof) - 1), [f.name for f in t.fields() if f.enumval == n]]
    if t.code in (gdb.TYPE_CODE_INT, gdb.TYPE_CODE_BOOL, gdb.TYPE_CODE_PTR, gdb.TYPE_CODE_CHAR):
        return ["number", int(v) & ((1 << 8 * t.sizeof) - 1), []]
    return ["value"]

def variables(frame):
    found, block = {}, frame.block()
    while block and not block.is_static:
        for symbol in block:
            if (symbol.is_variable or symbol.is_argument) and symbol.name not in found \
                    and symbol.addr_class not in (gdb.SYMBOL_LOC_STATIC, gdb.SYMBOL_LOC_LABEL):
                try:
                    found[symbol.name] = plain(frame.read_var(symbol, block))
                except gdb.error:
                    found[symbol.name] = ["error"]
        if block.function:
            break
        block = block.superblock
    return found

told, frame = [], gdb.newest_frame()
while frame is not None and frame.is_valid() and len(told) < 100:
    try:
        told.append([frame.name(), frame.type() == gdb.INLINE_FRAME, frame.pc(), frame.level() == 0, variables(frame)])
    except (gdb.error, RuntimeError):
        told.append([frame.name(), False, frame.pc(), frame.level() == 0, {}])
    try:
        frame = frame.older()
    except gdb.error:
        break
print("TOLD", json.dumps(told))
"""


def task_core(core, pid, stack, path):
    """A core file of a task that sleeps: the registers of its innermost frame and its stack."""
    _, answer = core.run(f"set {pid}", "frame 0")
    frame = answer["rows"][0]["frames"][-1]
    regs = {r["name"]: int(r["value"], 16) for r in frame["regs"]}
    order = [f"r{i}" for i in range(11)] + ["fp", "ip", "sp", "lr", "pc", "cpsr", "orig_r0"]
    regs.setdefault("cpsr", 0x13 | (int(frame["pc"], 16) & 1) << 5)
    low, size = stack
    data = b"".join(struct.pack("<I", int(word, 16)) for row in core.rows(f"rd -32 {low:x} {size // 4}")
                    for word in row["data"].split())
    assert len(data) == size
    status = bytearray(148)
    struct.pack_into("<I", status, 24, pid)
    struct.pack_into("<18I", status, 72, *(regs.get(name, 0) for name in order))
    note = struct.pack("<III8s", 5, len(status), 1, b"CORE") + bytes(status)
    header = struct.pack("<16sHHIIIIIHHHHHH", b"\x7fELF\1\1\1", 4, 40, 1, 0, 52, 0, 0x05000000, 52, 32, 2, 0, 0, 0)
    at = 52 + 2 * 32
    notes = struct.pack("<IIIIIIII", 4, at, 0, 0, len(note), 0, 0, 4)
    load = struct.pack("<IIIIIIII", 1, at + len(note), low, low, size, size, 6, 4)
    path.write_bytes(header + notes + load + note + data)


def ask_gdb(core, pids, folder):
    stacks = {row["task"]: (int(row["stack"], 16), row["size"]) for row in core.rows("stackcheck -a") if row["task"]}
    tasks = {row["pid"]: row["task"] for row in core.rows("ps")}
    (folder / "ask.py").write_text(GDB)
    words = ["gdb-multiarch", "-nx", "-batch", "-ex", f"file {core.path / 'vmlinux'}"]
    for pid in pids:
        task_core(core, pid, stacks[tasks[pid]], folder / f"core.{pid}")
        words += ["-ex", f"core-file {folder / f'core.{pid}'}", "-x", folder / "ask.py"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=600)
    told = [json.loads(line[5:]) for line in done.stdout.splitlines() if line.startswith("TOLD ")]
    assert len(told) == len(pids), done.stderr[-1000:]
    return dict(zip(pids, told))


class GdbTally:
    """gdb takes the innermost pc, a return address, for an interrupted one, so that frame is left out. Behind it the
    chains are compared for as long as they are the same: gdb has no modules."""

    def __init__(self):
        self.frames = self.beyond = self.variables = self.valued = self.ours = 0
        self.wrong, self.missing, self.unnamed = [], [], []

    def task(self, pid, theirs, mine):
        theirs, mine = physical(theirs)[1:], physical(mine)[1:]
        for (pc, scopes), (my_pc, my_scopes) in zip(theirs, mine):
            if pc != my_pc & ~1 or scopes[0][0] is None:  # ours has Thumb's bit
                self.beyond += 1
                return
            self.frames += 1
            names = [scope[0] for scope in my_scopes]
            if [scope[0] for scope in scopes] != names:
                # Nobody can say more of assembler than that a return address is one byte behind something.
                if any(scope[4] for scope in scopes + my_scopes):
                    self.unnamed.append(f"pid {pid} at {pc:#x}: {names}; gdb: {[scope[0] for scope in scopes]}")
                continue
            for scope, my_scope in zip(scopes, my_scopes):
                for name, value in scope[4].items():
                    self.variable(f"pid {pid} at {pc:#x} {my_scope[0]} {name}", value, my_scope[4].get(name))

    def variable(self, where, theirs, mine):
        self.variables += 1
        if mine is None:
            # Of one that no code is left of there is nothing to know.
            self.missing += [] if theirs == ["absent"] else [f"{where}: no such variable; gdb: {theirs}"]
            return
        known = mine["state"] in ("computed", "memory")
        valued = theirs[0] in ("memory", "number", "value")
        self.valued += valued
        self.ours += known and not valued
        if valued and not known:
            self.missing.append(f"{where}: {mine['state']}; gdb: {theirs}")
        elif valued and agrees(theirs, mine):
            self.wrong.append(f"{where}: {mine.get('value')}; {agrees(theirs, mine)}")


@pytest.mark.parametrize("name", ARM_NAMES)
def test_agrees_with_gdb(name, tmp_path):
    if name.endswith("-traced"):
        pytest.skip("gdb shows the tracers' trampolines where we have the functions that they stand for")
    if not shutil.which("gdb-multiarch"):
        pytest.skip("gdb-multiarch is not installed: nobody to compare with")
    if not (CORES / name / "vmcore.elf").exists():
        pytest.skip(f"{name} is not made: make cores CORE={name}")
    core = Core(name)
    seed = int(os.environ.get("SEED", random.randrange(1 << 32)))
    print(f"SEED={seed}")
    pids = sorted(row["pid"] for row in core.rows("ps") if row["pid"] and row["state"] not in "RZX" and row["current"] != ">")
    pids = random.Random(seed).sample(pids, min(20, len(pids)))
    theirs, mine, tally = ask_gdb(core, pids, tmp_path), ask_ours(core, pids), GdbTally()
    for pid in pids:
        tally.task(pid, theirs[pid], mine[pid])
    print({k: v for k, v in vars(tally).items() if isinstance(v, int)}, *tally.missing, sep="\n")
    assert tally.frames >= 40 and tally.valued >= 80, "the oracle is short"
    assert not tally.unnamed, "\n".join(tally.unnamed[:10])
    assert not tally.wrong, f"{len(tally.wrong)} differ:\n" + "\n".join(tally.wrong[:30])
    # gdb takes the registers of rcu_gp_kthread(), which never returns and saves none, for those of its caller.
    share(tally.variables - len(tally.missing), tally.variables, 0.95, "\n".join(tally.missing[:10]))


def pointers_to_registers(core, row):
    """Where the variable `regs` of the functions between an exception and its entry code says that the exception's
    registers are; all there are, and how many of them are known."""
    entry = next((f for f in row["frames"] if f["pt_regs"]), None)
    if not entry:
        return None, []
    inner = [f for f in ask_ours(core, [row["pid"]])[row["pid"]] if address(f[2]) in
             {int(g["pc"], 16) for g in row["frames"][:entry["n"]]}]
    return int(entry["pt_regs"], 16), [(f[0], f[4]["regs"]) for f in inner if "regs" in f[4]]


@pytest.mark.parametrize("name", [name for name in chosen_set() if not name.startswith("arm64")])
def test_registers_behind_functions_that_never_return(name):
    """What leads to a panic hands the exception's registers on, and saves nothing, for it will not return: so they are
    where the exception frame is, or nobody knows where."""
    core = Core(name)
    if name.endswith(("-corrupt-stack", "-stack-smash")):
        pytest.skip("the way to the panic was written over")
    rows = core.rows(f"bt {core.meta['panic_pid']}") if core.panicked else []
    where, told = pointers_to_registers(core, rows[0]) if rows else (None, [])
    if not told:
        pytest.skip("no exception on the way to the panic")
    known = [(function, v["value"]) for function, v in told if v["state"] in ("computed", "memory")]
    assert [(function, value) for function, value in known if int(value.split()[0], 0) != where] == []
