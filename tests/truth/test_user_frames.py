"""Frames of user mode below the kernel's: the guest's workload, whose calls its source tells, frame by frame against
gdb on a core file of the same registers and pages."""

import shutil
import struct
import subprocess

import pytest
from truth_cores import share

# Each thread's name -> functions that its chain has in this order; glibc has more between and beyond.
CALLS = {
    "workload": ["main", "__libc_start_main", "_start"],
    "in-futex": ["pthread_mutex_lock", "wait_futex", "start_thread"],
    "in-pipe": ["read", "wait_pipe", "start_thread"],
    "in (timer) x": ["nanosleep", "wait_timer", "start_thread"],
}
# The outermost frame's function: where a thread or a program begins.
OUTERMOST = {"_start", "clone", "__clone", "thread_start"}

GDB = r"""
import gdb
frame = gdb.newest_frame()
while frame is not None and frame.is_valid():
    if frame.type() != gdb.INLINE_FRAME:
        print("pc", hex(frame.pc()))
    try:
        frame = frame.older()
    except gdb.error:
        break
"""


def functions(core):
    """(address, end, names) of the workload's functions, ascending."""
    tool = "aarch64-linux-gnu-nm" if core.arm64 else "arm-linux-gnueabihf-nm"
    done = subprocess.run([tool, "-n", core.path / "workload"], capture_output=True, text=True, check=True)
    table = {}
    for line in done.stdout.splitlines():
        address, kind, name = line.split()[-3:] if len(line.split()) == 3 else ("0", "U", "")
        if kind in "tTwWiI" and not name.startswith("$"):
            table.setdefault(int(address, 16) & ~1, set()).add(name)
    assert len(table) > 100, "nm says nothing"
    starts = sorted(table)
    return [(a, b, table[a]) for a, b in zip(starts, starts[1:] + [1 << 32])]


def names_at(table, address):
    for start, end, names in table:
        if start <= address < end:
            return names
    return set()


@pytest.fixture(scope="session")
def threads(core):
    """The workload's threads: name -> row of bt."""
    if not (core.path / "workload").exists():
        pytest.skip("this dump has no workload")
    pids = [(r["pid"], r["comm"]) for r in core.rows("ps -u") if r["comm"] in CALLS]
    if len(pids) != len(CALLS):
        pytest.skip("the workload was killed")
    answers = core.run(*[f"bt {pid}" for pid, _ in pids], status=None)
    return {comm: answer["rows"][0] for (_, comm), answer in zip(pids, answers)}


def test_calls_are_the_source_s(core, threads):
    table = functions(core)
    for comm, calls in CALLS.items():
        frames = threads[comm]["user_frames"]
        assert frames, f"{comm}: no frames: {threads[comm]['user_end']}"
        assert frames[0]["trust"] == "sure" and frames[0]["exact"] and frames[0]["mapped"] == "/workload"
        if not core.arm64:  # libc has tables, in pages that no program ever touches
            assert frames[1]["how"] == "exidx", comm
        chain = [names_at(table, int(f["pc"], 16) - (not f["exact"])) for f in frames]
        at = 0
        for name in calls:
            wanted = {name, "__" + name, "___" + name, "__libc_" + name, name + "_impl", "__GI_" + name}
            while at < len(chain) and not any(w in chain[at] or any(n.startswith(w) for n in chain[at]) for w in wanted):
                at += 1
            assert at < len(chain), (comm, name, [sorted(c)[:2] for c in chain])
        assert chain[-1] & OUTERMOST, (comm, sorted(chain[-1]))
        for frame in frames:
            offset = int(frame["pc"], 16) - (0x400000 if core.arm64 else 0x10000)
            assert int(frame["mapped_offset"], 16) == offset and frame["elf_address"] == frame["pc"]


def pages(core, pid, start, end):
    """(address, page frame) of the pages of [start, end) in the second reading of pagemap: the workload may have
    been starting at the first one."""
    for line in core.truth(f"pagemap.{pid}.2"):
        address, entry = line.split()[:2]
        va, value = int(address, 16), int(entry, 16)
        if start <= va < end and value >> 63:
            yield va, value & (1 << 55) - 1


def frame_now(core, pid, va):
    """The page frame in the dump: a page that was copied after the account had been given is another one."""
    *_, answer = core.run(f"set {pid}", f"vtop -u 0x{va:x}", status=None)
    return int(answer["rows"][0]["physical"], 16) // core.page_bytes if answer["rows"][0]["physical"] else None


def core_file(core, row, path):
    """A core file of one thread: its registers, and the pages of its stack. False when the guest's account does
    not say which they are."""
    regs = 34 if core.arm64 else 18
    values = [int(r["value"], 16) for name in REGISTERS[core.arm64] for r in row["user_regs"] if r["name"] == name]
    values += [0] * (regs - len(values))
    note = bytearray(392 if core.arm64 else 148)
    struct.pack_into("<I", note, 32 if core.arm64 else 24, row["pid"])
    struct.pack_into(f"<{regs}{'Q' if core.arm64 else 'I'}", note, 112 if core.arm64 else 72, *values)
    note = struct.pack("<III", 5, len(note), 1) + b"CORE\0\0\0\0" + note
    sp = int(next(r["value"] for r in row["user_regs"] if r["name"] == "sp"), 16)
    leader = next(r["pid"] for r in core.rows("ps -u") if r["comm"] == "workload")
    (area,) = [a for a in (line.split()[0].split("-") for line in core.truth(f"maps.{leader}"))
               if int(a[0], 16) <= sp < int(a[1], 16)]
    size = core.page_bytes
    frames = dict(pages(core, leader, sp & -size, int(area[1], 16)))
    load = [(va, core.ram(frame * size, size)) for va, frame in frames.items()]
    last = int(row["user_frames"][-1]["sp"], 16)
    needed = range(sp & -size, min(last + 1, int(area[1], 16)), size)
    if any(frame_now(core, row["pid"], va) != frames.get(va) for va in needed):
        return False
    count = 1 + len(load)
    ehdr, phdr = (64, 56) if core.arm64 else (52, 32)
    offset = ehdr + phdr * count
    headers, body = b"", note
    for kind, va, data in [(4, 0, note)] + [(1, va, data) for va, data in load]:
        form = "<IIQQQQQQ" if core.arm64 else "<IIIIIIII"
        n, at = len(data), offset
        headers += struct.pack(form, kind, 6, at, va, 0, n, n, 1) if core.arm64 else \
            struct.pack(form, kind, at, va, 0, n, n, 6, 1)
        offset += n
    body += b"".join(data for _, data in load)
    ident = b"\x7fELF" + bytes([2 if core.arm64 else 1, 1, 1]) + bytes(9)
    head = ident + struct.pack("<HHI" + ("QQQ" if core.arm64 else "III") + "IHHHHHH", 4, 183 if core.arm64 else 40, 1,
                               0, ehdr, 0, 0 if core.arm64 else 0x5000000, ehdr, phdr, count, 0, 0, 0)
    path.write_bytes(head + headers + body)
    return True


REGISTERS = {True: [f"x{i}" for i in range(31)] + ["sp", "pc", "pstate"],
             False: [f"r{i}" for i in range(11)] + ["fp", "ip", "sp", "lr", "pc", "cpsr", "orig_r0"]}


def test_agrees_with_gdb(core, threads, tmp_path):
    if not shutil.which("gdb-multiarch"):
        pytest.skip("gdb-multiarch is not installed: nobody to compare with")
    (tmp_path / "frames.py").write_text(GDB)
    same = total = compared = 0
    for comm, row in threads.items():
        if not core_file(core, row, tmp_path / "core"):
            continue
        compared += 1
        done = subprocess.run(["gdb-multiarch", "-nx", "-batch", "-ex", "set backtrace past-main on", "-ex",
                               "set backtrace past-entry on", "-ex", f"file {core.path / 'workload'}", "-ex",
                               f"core-file {tmp_path / 'core'}", "-x", tmp_path / "frames.py"],
                              capture_output=True, text=True, timeout=120)
        theirs = [int(line.split()[1], 16) for line in done.stdout.splitlines() if line.startswith("pc ")]
        ours = [int(f["pc"], 16) for f in row["user_frames"]]
        assert len(theirs) >= 3, (comm, done.stderr[-500:])
        same += sum(a == b for a, b in zip(ours, theirs))
        total += max(len(ours), len(theirs))
        print(comm, [hex(a) for a in ours], [hex(a) for a in theirs])
    assert compared, "pagemap has none of the stacks' pages"
    share(same, total, 0.95, "frames as gdb has them")


def told(core):
    """What guest/programs/user-stacks.c said: name -> [(what, value)]."""
    says = {}
    for line in (core.path / "console.log").read_text(errors="replace").splitlines():
        if line.startswith("user-stacks: "):
            _, name, what, value = line.strip().split(None, 3)
            says.setdefault(name, []).append((what, value))
    return says


def test_chains_as_told(core):
    """Every return address that the program told, and what the signal came upon, in order and in one piece but for
    the signal's own frames; beyond stand main and libc's start, to the outermost frame."""
    says = told(core)
    if not core.name.endswith("-user-stacks"):
        pytest.skip("only a recipe of its own has programs that tell")
    assert len(says) == 5, "the console lacks what the program said"
    pids = {row["comm"]: row["pid"] for row in core.rows("ps -u")}
    for name, lines in says.items():
        want = [(what, int(value, 16) & ~1) for what, value in reversed(lines) if what != "cgroup"]
        assert len(want) >= 3
        (row,) = core.rows(f"bt {pids[name]}")
        frames = [(int(f["pc"], 16), f["signal"]) for f in row["user_frames"]]
        assert frames[0][0] == int(next(r["value"] for r in row["user_regs"] if r["name"] == "pc"), 16)
        at = [pc for pc, _ in frames].index(want[0][1])
        for what, address in want:
            if what == "signal":
                at += 1  # the code that returns from the handler
                assert frames[at][1], name
            assert frames[at][0] == address, (name, hex(address), [hex(pc) for pc, _ in frames])
            at += 1
        assert len(frames) - at >= 3 and row["user_end"] == "outermost frame", (name, row["user_end"])
        assert {f["trust"] for f in row["user_frames"]} == {"sure", "likely"}


def test_control_group_as_told(core):
    """task's cgroup is what /proc/self/cgroup had: "0::/inquest/inner"."""
    lines = [value for name, says in told(core).items() for what, value in says if what == "cgroup"]
    if not lines:
        pytest.skip("no program here tells its control group")
    (row,) = core.rows("ps us-cgroup")
    (task,) = core.rows(f"task {row['pid']}")
    assert lines == ["0::" + task["cgroup"]]


def test_kernel_threads_have_none(core):
    kernel = [r["pid"] for r in core.rows("ps -k")][:20]
    assert kernel, "no kernel threads"
    for answer in core.run(*[f"bt {pid}" for pid in kernel], status=None):
        for row in answer["rows"]:
            assert not row["user_frames"] and not row["user_end"], row["pid"]


def test_every_user_task_has_frames(core):
    """Each task's first frame is its registers', its frames lead up, and what is not sure says so."""
    (answer,) = core.run("foreach user bt", status=None)
    rows = [row for row in answer["rows"] if row["user_regs"]]
    assert rows, "no task of user mode"
    for row in rows:
        frames = row["user_frames"]
        assert frames, (row["pid"], row["user_end"])
        regs = {r["name"]: int(r["value"], 16) for r in row["user_regs"]}
        compat = core.arm64 and regs["pstate"] & 0x10  # ARM32's sp is x13 then
        sp = regs["x13" if compat else "sp"]
        assert int(frames[0]["pc"], 16) == regs["pc"] and int(frames[0]["sp"], 16) == sp
        places = [int(f["sp"], 16) for f in frames]
        # a signal's handler may have a stack of its own
        assert places == sorted(places) or any(f["signal"] for f in frames), (row["pid"], row["user_end"])
        assert {f["trust"] for f in frames} <= {"sure", "likely", "guess"}
    several = sum(len(row["user_frames"]) >= 3 for row in rows)
    share(several, len(rows), 0.9, "user tasks with three frames or more")
