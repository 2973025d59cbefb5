"""Backtraces against what the kernel printed of itself before it died."""

import re
import struct
import subprocess

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


def backtrace(core, command="bt"):
    """The rows of one bt. Where the recipe has damaged the stack itself a chain may break off, and nothing
    else may be wrong."""
    if not re.search(r"-(corrupt-stack|stack-smash)$", core.name):
        return core.rows(command)
    try:
        return core.rows(command)
    except AssertionError:
        (answer,) = core.run(command, status=1)
    assert all("the chain breaks off" in fault["message"] for fault in answer["faults"]), answer["faults"]
    return answer["rows"]


def test_panicking_task(core):
    """truth/splat.stack: the printed frames that were still on the stack at death, outermost last."""
    if not core.panicked:
        pytest.skip("nothing died here")
    (row,) = backtrace(core)
    printed = [Printed(line) for line in core.truth("splat.stack") if not line.startswith("#")]
    assert printed, "the kernel printed nothing"
    found = in_order(core, printed, row["frames"])
    assert found == len(printed), (
        "printed:\n  " + "\n  ".join(p.line for p in printed) + "\nours:\n  "
        + "\n  ".join(f"{f['symbol']}+{f['offset']}/{f['size']}" for f in row["frames"]))


def test_spinning_task(core):
    """A lock that is taken twice: the kernel prints a trace and goes on spinning, so what called the lock's function
    stands below it still. Where the CPU was stopped on an exception vector its stack pointer had to be searched for."""
    told = re.match(r"# BUG: spinlock recursion on CPU#\d+, \S+/(\d+) ", "\n".join(core.truth("splat.1")))
    if core.panicked or not told:
        pytest.skip("nothing spins here")
    (row,) = core.rows(f"bt {told[1]}")
    printed = [Printed(line) for line in core.truth("splat.1") if not line.startswith("#")]
    spinner = next(i for i, p in enumerate(printed) if "spin_lock" in p.name)
    assert spinner and len(printed) > spinner + 3, "the kernel printed too little"
    frames = row["frames"]
    at = next(i for i, f in enumerate(frames) if f["symbol"] == printed[spinner].name)
    want = printed[spinner + 1:]
    assert [w.line for w, f in zip(want, frames[at + 1:]) if not w.same(core, f)] == []
    assert len(frames) == at + 1 + len(want)


def test_panicking_task_is_named(core):
    if not core.panicked:
        pytest.skip("nothing died here")
    (row,) = backtrace(core)
    assert row["pid"] == int(core.meta["panic_pid"])
    assert row["comm"] == core.meta["panic_comm"]
    assert row["cpu"] == int(core.meta["panic_cpu"])


def test_panic_is_on_the_stack(core):
    if not core.panicked:
        pytest.skip("nothing died here")
    (row,) = backtrace(core)
    assert "panic" in [f["symbol"] for f in row["frames"]]


def test_sizes_are_the_kernels(core):
    """%pS: the size behind the slash is the kernel's own too."""
    if not core.panicked:
        pytest.skip("nothing died here")
    (row,) = backtrace(core)
    lines = [line for line in core.truth("splat") if not line.startswith("#")]
    printed = {(p.name, p.size) for p in map(Printed, lines) if p.size}
    ours = {f["symbol"]: int(f["size"], 16) for f in row["frames"] if f["symbol"]}
    # A size that the kernel printed as a negative number (a module's data) is none.
    checked = [(n, s) for n, s in printed if n in ours and s < 1 << 48]
    share(sum(ours[n] == s for n, s in checked), len(checked), 1.0, "sizes")


def test_no_frame_begins_a_function(core):
    """A return address is looked up inside the call: one that shows as NAME+0x0 was taken for the
    function behind. Interrupted and outermost frames may stand on a first instruction."""
    for row in backtrace(core, "bt -a"):
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


def blocked(core):
    """(printed frames, our row) of every task whose stack was the same in both readings and that has not run
    since: its counts of context switches tell. Not the reader itself, whose own stack was a running one."""
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
    rows = {row["pid"]: row for row in all_tasks(core)}
    return [([Printed(line) for line in first[pid]], rows[pid]) for pid in asleep]


def test_blocked_tasks(core):
    pairs = blocked(core)
    good = sum(in_order(core, printed, row["frames"]) for printed, row in pairs)
    share(good, sum(len(printed) for printed, _ in pairs), 0.99, "frames of blocked tasks")


OUTERMOST = re.compile(r"ret_fast_syscall|ret_from_fork|ret_to_user|el0t?_(64_|32_)?(sync|irq|svc|error).*|"
                       r"start_kernel|secondary_start_kernel|__primary_switched|__secondary_switched")


def places(core, printed, frames):
    """Which of our frames each printed one is, in order; those that were not found are left out. Of a
    function that calls itself the kernel has not the one by the link register, which looks the same."""
    found, at = [], 0
    for want in printed:
        for i in range(at, len(frames)):
            twin = frames[i]["note"] == "by the link register" and i + 1 < len(frames) \
                and want.same(core, frames[i + 1])
            if want.same(core, frames[i]) and not twin:
                found.append(i)
                at = i + 1
                break
    return found


def extra_sure(core, printed, frames):
    """Our sure frames that the kernel's walk of the same stack does not have. What lies inside of its
    innermost frame, and outside of its outermost where it gave up before the entry code, it cannot judge;
    a frame by the link register it never looks for."""
    found = places(core, printed, frames)
    assert found, f"no frame in common with {[p.line for p in printed]}"
    end = len(frames) if OUTERMOST.fullmatch(printed[-1].name) else found[-1]
    judged = range(found[0], end)
    return [frames[i] for i in judged if frames[i]["trust"] == "sure" and i not in found
            and frames[i]["note"] != "by the link register"], len(judged)


def in_scheduler(core, frame):
    """/proc/PID/stack leaves out what stands in .sched.text (in_sched_functions()), and the switch."""
    (lo,), (hi,) = core.kallsyms["__sched_text_start"], core.kallsyms["__sched_text_end"]
    return frame["symbol"] in ("__switch_to", "cpu_switch_to") or lo <= int(frame["pc"], 16) <= hi


def begins_scheduler(core, frame):
    """A return address behind a function's last call, which never returns, that is .sched.text's first byte
    (7.2: devtmpfsd): the kernel takes it for the scheduler's."""
    return int(frame["pc"], 16) in core.kallsyms.get("__sched_text_start", [])


def test_sure_frames_are_the_kernels(core):
    """Of tasks that slept, no sure frame but the kernel's own: 100%."""
    judged = 0
    for printed, row in blocked(core):
        extra, n = extra_sure(core, printed, row["frames"])
        extra = [frame for frame in extra if not begins_scheduler(core, frame)]
        judged += n
        assert not extra, (row["pid"], extra[0])
        first = places(core, printed, row["frames"])[0]
        if core.arm64 and "__sched_text_start" in core.kallsyms:
            outside = [f for f in row["frames"][:first] if not in_scheduler(core, f)]
            assert not outside, (row["pid"], outside[0])
    assert judged >= 60, "too few frames to judge"


def test_sure_frames_of_the_panicking_task(core):
    if not core.panicked:
        pytest.skip("nothing died here")
    printed = [Printed(line) for line in core.truth("splat.stack") if not line.startswith("#")]
    (row,) = backtrace(core)
    extra, judged = extra_sure(core, printed, row["frames"])
    if not judged and len(printed) == 1:
        pytest.skip("the kernel's own trace has one frame only")
    assert judged, "nothing to judge"
    assert not extra, extra[0]


class Code:
    """The kernel's instructions as its vmlinux has them, at the addresses of the guest."""

    def __init__(self, core):
        data = (core.path / "vmlinux").read_bytes()
        wide = data[4] == 2
        phoff, = struct.unpack_from("<Q" if wide else "<I", data, 32 if wide else 28)
        size, count = struct.unpack_from("<HH", data, 54 if wide else 42)
        self.data, self.loads = data, []
        for i in range(count):
            if wide:
                kind, _, offset, va, _, filesz = struct.unpack_from("<IIQQQQ", data, phoff + i * size)
            else:
                kind, offset, va, _, filesz = struct.unpack_from("<IIIII", data, phoff + i * size)
            if kind == 1:
                self.loads.append((va, offset, filesz))
        symbols = subprocess.run(["nm", core.path / "vmlinux"], capture_output=True, check=True).stdout
        linked = int(re.search(rb"^([0-9a-f]+) T _stext$", symbols, re.M)[1], 16)
        self.slide = core.kallsyms["_stext"][0] - linked
        self.arm64 = wide

    def is_call(self, ra):
        """Whether a call stands before @ra; None outside of the image. Bit 0 of @ra: Thumb code."""
        thumb = ra & 1
        at = ra - thumb - 4 - self.slide
        for va, offset, size in self.loads:
            if va <= at < va + size - 3:
                insn, = struct.unpack_from("<I", self.data, offset + at - va)
                if self.arm64:  # BL, BLR and its authenticated forms
                    return insn >> 26 == 0x25 or insn & 0xfefff800 == 0xd63f0000
                if thumb:  # BL and BLX of two halves, BLX of a register in the second
                    return insn & 0xc000f800 == 0xc000f000 or insn >> 16 & 0xff87 == 0x4780
                bl = insn & 0x0f000000 == 0x0b000000 or insn >> 25 == 0x7d
                blx = insn & 0x0ffffff0 == 0x012fff30
                # Entry code before 5.19 sets lr and loads pc.
                return bl or blx or insn & 0x0e50f000 == 0x0410f000
        return None


def test_sure_return_addresses_follow_calls(core):
    """Of all tasks: before each sure return address into the kernel's own code stands a call, in the file.
    The outermost frame's may be the entry code's."""
    code, judged = Code(core), 0
    for row in all_tasks(core):
        for frame in row["frames"][1:-1]:
            if frame["trust"] != "sure" or frame["pt_regs"] or frame["module"]:
                continue
            answer = code.is_call(int(frame["pc"], 16))
            assert answer is not False, (row["pid"], frame)
            judged += answer is True
    assert judged >= 60, "too few return addresses to judge"


def all_tasks(core):
    """Rows of every task's bt; a chain that breaks off is told by the other tests."""
    args = ("foreach bt",)
    try:
        (answer,) = core.run(*args)
    except AssertionError:
        (answer,) = core.run(*args, status=1)
    return answer["rows"]


def test_most_frames_are_sure(core):
    """At least 95% of all frames of all tasks. A CPU that was stopped on an exception vector has lost its
    stack pointer: what was found by a search is not sure, and not counted here."""
    frames = [f for row in all_tasks(core) if "vector" not in (row["source"] or "") for f in row["frames"]]
    assert len(frames) >= 100, "too few frames"
    share(sum(f["trust"] == "sure" for f in frames), len(frames), 0.95, "sure frames")


def test_exception_frames(core):
    """The registers of each exception frame are the ones that the frame goes on with, and those of user mode
    are a user's."""
    seen = 0
    for row in all_tasks(core):
        for frame in row["frames"]:
            assert bool(frame["regs"]) == bool(frame["pt_regs"]), frame
            if frame["regs"]:
                regs = {r["name"]: int(r["value"], 16) for r in frame["regs"]}
                assert regs["pc"] == int(frame["pc"], 16) or core.arm64 and regs["pc"] >> 56 != 0xff, frame
                assert regs["sp"] == int(frame["sp"], 16), frame
                seen += 1
        user = {r["name"]: int(r["value"], 16) for r in row["user_regs"] or []}
        if user:
            status = user["pstate" if core.arm64 else "cpsr"]
            assert status & 0xf == 0, row["pid"]
            assert user["pc"] < (1 << 52 if core.arm64 else 0xc0000000), row["pid"]
            seen += 1
    assert seen >= 3, "too few exception frames"


def test_kernel_threads_have_no_user_registers(core):
    kernel = {row["pid"] for row in core.rows("ps -k")}
    assert kernel, "no kernel threads"
    for row in all_tasks(core):
        if row["pid"] in kernel:
            assert not row["user_regs"], row["pid"]


def test_tracers_are_seen_through(core):
    """Recipes with kretprobes and the function graph tracer on: no trampoline is left in any trace, and the
    kernel's own traces (the other tests) have the same addresses behind them."""
    if not core.name.endswith("-traced"):
        pytest.skip("nothing traces here")
    frames = [f for row in all_tasks(core) for f in row["frames"]]
    names = {f["symbol"] for f in frames}
    assert not names & {"return_to_handler", "__kretprobe_trampoline", "kretprobe_trampoline"}
    notes = {f["note"] for f in frames if f["note"]}
    assert any("return_to_handler replaced" in note for note in notes), notes
    assert any("kretprobe's trampoline replaced" in note for note in notes), notes


def test_shadow_call_stack_carries_on(core):
    """An overflow has written over the frame record of a sleeping task: its callers stand in the shadow call stack, and the
    kernel, which unwound it before, says who they are."""
    if core.config.get("CONFIG_SHADOW_CALL_STACK") != "y" or core.recipe.get("MISBEHAVE", "").split()[:1] != ["stack"]:
        pytest.skip("no shadow call stack has to stand in")
    (row,) = core.rows(f"bt {core.deed['culprit_pid']}", status=None)
    shadow = [f for f in row["frames"] if f["how"] == "scs"]
    names = [f["symbol"] for f in shadow]
    assert names[0] == "member_main" and names[-2:] == ["kthread", "ret_from_fork"], names
    assert all(f["trust"] == "likely" for f in shadow)
    before = [f["symbol"] for f in row["frames"] if f["how"] != "scs"]
    assert core.deed["culprit_fn"] in before and not set(names) & set(before)


def test_options_agree(core):
    """What the views of a stack say of the same words."""
    (row,) = core.rows("bt -f 1")
    words = {w["address"]: w["value"] for f in row["frames"] for w in f["words"] or []}
    assert len(words) >= 20
    (raw,) = core.rows("bt -r 1")
    step = 8 if core.arm64 else 4
    there = {}
    for line in raw["raw"]:
        for i, value in enumerate(line["data"].split()):
            there[int(line["address"], 16) + i * step] = int(value, 16)
    assert all(there[int(a, 16)] == int(v, 16) for a, v in words.items())
    (texts,) = core.rows("bt -t 1")
    code = {int(t["value"], 16) for t in texts["texts"]}
    returns = [f for f in row["frames"][1:] if not f["pt_regs"]]
    strip = (lambda v: v | 0xff << 56 | 0x7f << 48) if core.arm64 else (lambda v: v)
    seen = {v for v in code} | {strip(v) for v in code}
    found = sum(int(f["pc"], 16) in seen for f in returns)
    assert found >= len(returns) - 1, (found, len(returns))


def test_stack_ends(core):
    """Nothing ran over its stack but where the recipe says so."""
    if "exhaust" in core.name or "overflow" in core.name:
        pytest.skip("a stack may have run over here")
    (row,) = core.rows("bt -v")
    # a zombie's stack is given back before the task is
    assert row["tasks"] >= len([task for task in core.rows("ps") if task["state"] not in ("Z", "X")]) - 2
    assert row["overflows"] == 0


def test_the_dead_have_no_stack(core):
    """A zombie's trace is empty and says why, and that is no failure."""
    dead = [task for task in core.rows("ps") if task["state"] == "Z"]
    if not dead:
        pytest.skip("no zombies")
    for task in dead[:5]:
        (row,) = core.rows(f"bt {task['pid']}")
        assert not row["frames"] and "stack is gone" in row["end"]


def test_frames_are_numbered_as_in_bt(core):
    """frame, up and down walk along bt's frames."""
    (row,) = core.rows("bt 1")
    n = len(row["frames"])
    answers = core.run("set 1", "frame", "up", "up 1000", "down 2", "frame 1", "frame")
    frames = [answer["rows"][0]["frames"][-1] for answer in answers[1:]]
    assert [f["n"] for f in frames] == [0, 1, n - 1, n - 3, 1, 1]
    for f in frames:
        assert f["pc"] == row["frames"][f["n"]]["pc"]
        regs = {r["name"]: r["value"] for r in f["regs"]}
        assert int(regs["pc"], 16) == int(f["pc"], 16) & ~1  # a return address has Thumb's bit
