"""The canaries of frames. Where functions keep them: against the compiler's own sequence of instructions as objdump shows
it, and the call frame information of the same code as readelf does. What frames hold: in healthy dumps, and in dumps of
which one word was changed."""

import contextlib
import pathlib
import re
import shutil
import subprocess

import pytest
from truth_cores import CORES, INQUEST, Core, chosen_set, share

TOLD = pathlib.Path(INQUEST).resolve().parent / "tests/unit/test_canary"
# A task's and everybody's, ARM, Thumb, frame pointers, shadow call stacks. (With tags in addresses the store is by a
# register that call frame information does not know.)
KERNELS = ["arm64-plain-panic", "arm64-kasan-panic", "arm64-scs-live", "arm64-7.2-live", "arm32-lpae-bug", "arm32-kasan-panic",
           "arm32-thumb2-live", "arm32-fp-2g-panic"]
# Of which tasks' stacks each word that looks like a canary is changed, one after the other.
CHANGED = ["arm64-plain-panic", "arm64-scs-live", "arm32-lpae-bug", "arm32-thumb2-live", "arm32-fp-2g-panic", "armmp-live",
           "arm64-cloud-live"]
LINE = re.compile(r"^\s*([0-9a-f]+):\s+((?:[0-9a-f]{4,8} ?)+)\s+(\S+)\s*(.*?)(?:\s+[;@/].*)?$")
ENTRY = re.compile(r"^[0-9a-f]+ [0-9a-f]+ [0-9a-f]+ FDE .*pc=([0-9a-f]+)\.\.([0-9a-f]+)$")
FP = {"r29": "x29", "r11": "fp", "r7": "r7", "r31": "sp", "r13": "sp"}


def made(names):
    there = [name for name in names if name in chosen_set() and (CORES / name / "truth").is_dir()]
    return there or [pytest.param(None, marks=pytest.mark.skip(reason="none of these dumps is chosen"))]


def frame_rows(path):
    """{start: (end, [(address, CFA register, offset)])}, as readelf has them."""
    done = subprocess.Popen(["readelf", "-wF", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    functions, rows, start = {}, None, 0
    for line in done.stdout:
        if match := ENTRY.match(line.strip()):
            start, rows = int(match[1], 16), []
            functions[start] = (int(match[2], 16), rows)
        elif rows is not None and (row := re.match(r"^([0-9a-f]{8,16}) (\w+)\+(\d+) ", line)):
            rows.append((int(row[1], 16), FP.get(row[2], row[2]), int(row[3])))
    assert done.wait() == 0
    return functions


def cfa_at(rows, address):
    at = None
    for row in rows:
        if row[0] <= address:
            at = row[1:]
    return at


def functions_of_objdump(path, arm64):
    """{start: [(address, mnemonic, operands, Thumb)]}"""
    objdump = "aarch64-linux-gnu-objdump" if arm64 else "arm-linux-gnueabihf-objdump"
    if not shutil.which(objdump) or not shutil.which("readelf"):
        pytest.skip(f"{objdump} or readelf is not installed: nobody to compare with")
    done = subprocess.Popen([objdump, "-d", "-j", ".text", path], stdout=subprocess.PIPE, text=True)
    functions, code = {}, None
    for line in done.stdout:
        if match := re.match(r"^([0-9a-f]+) <[^$].*>:$", line):
            code = functions.setdefault(int(match[1], 16), [])
        elif code is not None and (match := LINE.match(line)):
            code.append((int(match[1], 16), match[3], match[4], " " in match[2].strip() or len(match[2].strip()) == 4))
    assert done.wait() == 0
    return functions


def stored(code):
    """(address, base register, offset) of the store in the compiler's own three instructions: load the canary, store it,
    forget it. None where they are not together."""
    for (_, load, to, _), (va, store, what, _), (_, clear, zero, _) in zip(code, code[1:], code[2:]):
        register = to.split(",")[0]
        match = re.fullmatch(r"(\w+), \[(sp|x29|fp|r7)(?:, #(-?\d+))?\]", what)
        if load.startswith("ldr") and "[sp" not in to and store.startswith("str") and match and match[1] == register and \
                clear.startswith("mov") and re.fullmatch(rf"{register}, #(0x)?0", zero):
            return va, match[2], int(match[3] or 0)
    return None


def ask(path, source, questions):
    """address -> [answer, distances…]"""
    text = "".join(f"{start:x} {end:x} {va:x} {int(thumb)}\n" for start, end, va, thumb in questions)
    told = subprocess.run([TOLD, path, *source], input=text, capture_output=True, text=True, check=True, timeout=600)
    lines = told.stdout.splitlines()
    assert len(lines) == len(questions)
    return [(int(line.split()[0], 16), line.split()[1:]) for line in lines]


def source_of(core):
    """Where this kernel's functions take it from, as its symbols say."""
    names = subprocess.run(["nm", core.path / "vmlinux"], capture_output=True, text=True, check=True).stdout
    if guard := re.search(r"^([0-9a-f]+) \w __stack_chk_guard$", names, re.M):
        return ["all", "0x" + guard[1]]
    text = subprocess.run(["pahole", "-C", "task_struct", core.path / "vmlinux"], capture_output=True, text=True).stdout
    return ["task", re.search(r"\bstack_canary;\s*/\*\s*(\d+)", text)[1]]


def calls(code):
    return [(va, thumb) for va, name, to, thumb in code
            if name in ("bl", "blx", "blr") and "__stack_chk_fail" not in to]


@pytest.mark.parametrize("name", made(KERNELS))
def test_slots_are_the_compilers(name):
    core = Core(name)
    path = core.path / "vmlinux"
    if not TOLD.exists() or not shutil.which("pahole"):
        pytest.skip("no tests/unit/test_canary beside the program, or no pahole")
    frames, functions = frame_rows(path), functions_of_objdump(path, core.arm64)
    questions, want, bare = [], {}, set()
    for start, code in functions.items():
        if start not in frames or not code:
            continue
        end, rows = frames[start]
        mine = [(start, end, va, thumb) for va, thumb in calls(code)]
        if not any("<__stack_chk_fail>" in to for _, _, to, _ in code):
            questions += mine
            bare |= {va for _, _, va, _ in mine}
            continue
        if not (store := stored(code)):
            continue
        base, offset = cfa_at(rows, store[0]) or (None, 0)
        if base != store[1]:
            continue
        questions += [q for q in mine if q[2] > store[0]]
        want |= {q[2]: (rows, store[2] - offset) for q in mine if q[2] > store[0]}
    same = stray = 0
    wrong = []
    for va, (answer, *places) in ask(path, source_of(core), questions):
        if va in bare:
            # One that never returns stores a canary and never looks: do_exit().
            if answer == "held":
                wrong.append(f"{va:x}: {places}, and it never calls __stack_chk_fail()")
            stray += answer != "none"
            continue
        if answer == "none":
            wrong.append(f"{va:x}: none, and it calls __stack_chk_fail()")
        rows, slot = want[va]
        base, offset = cfa_at(rows, va)
        distances = {place[:2]: int(place[2:]) for place in places}
        kind = "sp" if base == "sp" else "fp"
        if kind in distances and distances[kind] - offset != slot:
            wrong.append(f"{va:x}: {places} with CFA {base}+{offset}, the compiler's is CFA{slot:+}")
        same += kind in distances and distances[kind] - offset == slot
    assert not wrong, (len(wrong), wrong[:5])
    assert len(bare) > 5000 and len(want) > 500, (len(bare), len(want))
    assert stray < len(bare) * 0.02, (stray, len(bare))
    print(f"{name}: {same} of {len(want)}; {stray} of {len(bare)}")
    share(same, len(want), 0.97, f"{name}: calls in functions with a canary")


# ---- what frames hold


def test_healthy_frames(core):
    """As the guest said: only its stack protector's own report, and the scenario that runs over an array, may be told of."""
    rows = [row for row in core.rows("stackcheck -a") if row["canary_frames"] is not None]
    smashed = "_CORRUPT_STACK" in core.recipe.get("PROVOKE", "") or re.search(
        r"stack-protector: Kernel stack is corrupted|scenario=stack .* access=write|scenario=stack ",
        (core.path / "console.log").read_text(errors="replace"))
    damaged = [row for row in rows if row["canaries_damaged"]]
    assert not damaged or smashed, [row["finding"] for row in damaged]
    frames = sum(row["canary_frames"] for row in rows)
    checked = sum(row["canaries_checked"] for row in rows)
    share(checked, frames, 0.9, "frames whose canary can be looked at")
    assert all(row["canary_frames"] >= row["canaries_checked"] for row in rows)


def elf_segments(path):
    """[(physical address, file offset, bytes)]"""
    text = subprocess.run(["readelf", "-lW", path], capture_output=True, text=True, check=True).stdout
    return [(int(m[3], 16), int(m[1], 16), int(m[4], 16))
            for m in re.finditer(r"LOAD\s+(0x\w+) (0x\w+) (0x\w+) (0x\w+)", text)]


def copies_of(core):
    """Places above the stack pointers of sleeping tasks that hold the task's canary: {virtual address: pid}"""
    each = 8 if core.arm64 else 4
    rows = [row for row in core.rows("stackcheck -a")
            if row["kind"] == "task" and row["now"] and row["copies"] and row["canaries_checked"]]
    places = {}
    for row in rows[:12]:
        lo = (int(row["stack"], 16) + row["size"] - row["now"]) // each * each
        (answer,) = core.run(f"rd -{each * 8} {lo:#x} {(int(row['stack'], 16) + row['size'] - lo) // each}")
        words = [int(word, 16) for line in answer["rows"]
                 for word in (line["data"].split() if isinstance(line["data"], str) else line["data"])]
        places |= {lo + i * each: row for i, word in enumerate(words) if word == int(row["guard"], 16)}
    return places


class Copy:
    """A dump of one's own, of which words can be changed for a while."""

    def __init__(self, core, path):
        self.core, self.path, self.each = core, path, 8 if core.arm64 else 4
        subprocess.run(["cp", "--sparse=always", core.path / "vmcore.elf", path], check=True)
        self.segments = elf_segments(path)

    @contextlib.contextmanager
    def changed(self, va, old, new):
        """What the program says of the dump while the word at va is new instead of old."""
        physical = next(int(line["physical"], 16) for line in self.core.rows(f"vtop {va:#x}") if line.get("physical"))
        offset = next(off + physical - at for at, off, n in self.segments if at <= physical < at + n)
        with open(self.path, "r+b", buffering=0) as file:
            file.seek(offset)
            assert int.from_bytes(file.read(self.each), "little") == old
            file.seek(offset)
            file.write(new.to_bytes(self.each, "little"))
            yield lambda command: Core(self.core.name).rows(command, dump=self.path)
            file.seek(offset)
            file.write(old.to_bytes(self.each, "little"))


@pytest.mark.parametrize("name", made(CHANGED))
def test_a_changed_word_is_named(name, tmp_path):
    """Each copy of its canary on a task's stack, one after the other: those are where frames were found to keep it, and
    nothing else is named. Some copies are left over from calls that have returned."""
    core = Core(name)
    places, copy, named = copies_of(core), Copy(core, tmp_path / "vmcore"), {}
    bad = int.from_bytes(b"fedcba98"[:copy.each], "little")
    for va, row in places.items():
        with copy.changed(va, int(row["guard"], 16), bad) as rows:
            told = [r for r in rows("stackcheck -d") if r["canaries_damaged"]]
        for r in told:
            assert (r["pid"], int(r["slot"], 16), int(r["found"], 16)) == (row["pid"], va, bad), r
            assert r["canaries_damaged"] == 1 and r["finding"].startswith(f"frame #{r['frame']}: {r['function']}'s canary")
            assert '("' in r["finding"]
            assert r["function"] == core.rows(f"bt {r['pid']}")[0]["frames"][r["frame"]]["symbol"]
            named[va] = r
    copy.path.unlink()
    checked = sum({row["pid"]: row["canaries_checked"] for row in places.values()}.values())
    assert len(named) == checked and checked > 5, (len(named), checked, len(places))


@pytest.mark.parametrize("name", made(["arm64-plain-panic", "arm64-cloud-live", "armmp-live"]))
def test_a_changed_task(name, tmp_path):
    """The canary in a task_struct: then the frames are not all said to be damaged, but that one word is."""
    core, copy = Core(name), Copy(Core(name), tmp_path / "vmcore")
    row = max(core.rows("stackcheck -a"), key=lambda row: row["canaries_checked"] or 0)
    (place,) = core.rows(f"p &((struct task_struct *){row['task']})->stack_canary")
    va = int(place["value"], 16)
    with copy.changed(va, int(row["canary"], 16), 0x12345600) as rows:
        (told,) = rows("stackcheck -d")
    copy.path.unlink()
    n = row["canaries_checked"]
    assert (told["pid"], told["canaries_damaged"], told["found"]) == (row["pid"], n, row["canary"]) and n > 1
    assert told["finding"] == f"all {n} frames have canary {row['canary']}, the task has 0x12345600"


@pytest.mark.parametrize("name", made(["arm64-scs-live", "arm64-scs-panic"]))
def test_shadow_call_stacks(name, tmp_path):
    """One of each task and of each CPU; their use counted again from their words; and the word at their end."""
    core, copy = Core(name), Copy(Core(name), tmp_path / "vmcore")
    rows = [row for row in core.rows("stackcheck -a") if row["kind"] == "shadow"]
    tasks = {row["task"] for row in core.rows("stackcheck -a") if row["kind"] == "task"}
    assert {row["task"] for row in rows if row["task"]} == tasks
    assert len([row for row in rows if row["cpu"] is not None]) >= 2
    for row in rows:
        assert row["end_word"] == "0xdead0000000005f6" and int(row["end"], 16) == int(row["stack"], 16) + row["size"] - 8
        (answer,) = core.run(f"rd -64 {row['stack']} {row['size'] // 8 - 1}")
        words = [int(word, 16) for line in answer["rows"]
                 for word in (line["data"].split() if isinstance(line["data"], str) else line["data"])]
        assert row["used"] == 8 * max((i + 1 for i, word in enumerate(words) if word), default=0)
        assert row["now"] is None or row["now"] <= row["used"]
    asleep = next(row for row in rows if row["task"] and row["now"])
    with copy.changed(int(asleep["end"], 16), 0xdead0000000005f6, 0xffffffc008123456) as now:
        (told,) = now("stackcheck -d")
        verdict = now("triage")[0]
    copy.path.unlink()
    assert (told["kind"], told["pid"]) == ("shadow", asleep["pid"])
    assert told["finding"].endswith("holds 0xffffffc008123456 instead of 0xdead0000000005f6")
    assert verdict["class"] == "stack-overflow" or name == "arm64-scs-panic"
