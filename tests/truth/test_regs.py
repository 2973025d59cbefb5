"""The registers of each CPU against QEMU's own account of them (registers.txt)."""

import json
import re
import subprocess

import pytest
from truth_cores import INQUEST


def printed(core):
    """cpu -> {our name: value}, from the monitor's `info registers -a`."""
    path, cpus, now = core.path / "registers.txt", {}, None
    if not path.exists():
        pytest.skip("a dump without QEMU's registers")
    other = {"r11": "fp", "r12": "ip", "r13": "sp", "r14": "lr", "r15": "pc", "psr": "cpsr"}
    for line in path.read_text().splitlines():
        if head := re.match(r"CPU#(\d+)", line):
            now = cpus.setdefault(int(head[1]), {})
        elif now is not None:
            for name, value in re.findall(r"\b([XR]\d\d|PC|SP|PSTATE|PSR)=([0-9a-f]+)", line):
                name = name.lower()
                name = re.sub(r"^([xr])0(\d)$", r"\1\2", name)
                now[other.get(name, name)] = int(value, 16)
    return cpus


def test_registers(core):
    theirs = printed(core)
    ours = {row["cpu"]: {r["name"]: int(r["value"], 16) for r in row["registers"]}
            for row in core.rows("regs")}
    assert theirs and set(ours) == set(theirs)
    for cpu, registers in theirs.items():
        assert len(registers) >= (34 if core.arm64 else 17)
        assert {name: ours[cpu][name] for name in registers} == registers, f"CPU {cpu}"


def test_flags_in_words(core):
    """QEMU's own words for the flags and the mode behind PSTATE= and PSR=."""
    lines = re.findall(r"(?:PSTATE|PSR)=\S+ ([NZCV-]{4}) (.*)", (core.path / "registers.txt").read_text())
    rows = core.rows("regs")
    assert len(lines) == len(rows)
    for (flags, rest), row in zip(lines, rows):
        (words,) = [r["meaning"] for r in row["registers"] if r["name"] in ("pstate", "cpsr")]
        assert "".join(c if c.isupper() else "-" for c in words[:4]) == flags
        if core.arm64:
            assert re.search(r"EL\d[th]", rest)[0] in words.split()
        else:
            isa, mode = re.search(r"\b([AT]) ([a-z]{3})", rest).groups()
            assert words.split()[-2:] == [mode.upper(), "ARM" if isa == "A" else "Thumb"]


def test_one_cpu(core):
    first = core.rows("regs")[0]
    assert core.rows(f"regs -c {first['cpu']}") == [first]


# ---- where registers come from -----------------------------------------------------------------

def answers(core, arguments, *commands, statuses=(0,)):
    """JSON answers of a run with other files than a Core's own."""
    args = [INQUEST, "--json", core.path / "vmlinux", *arguments]
    for command in commands:
        args += ["-c", command]
    done = subprocess.run(args, capture_output=True, timeout=300)
    assert done.returncode in statuses, done.stderr.decode(errors="replace")[-2000:]
    return [json.loads(line)["rows"] for line in done.stdout.splitlines()]


def test_sources(core):
    """QEMU's notes are one a CPU; nothing else says registers, and all agree on who was running."""
    for row in core.rows("regs"):
        assert (row["source"], row["guess"]) == ("CPU note", False), row["cpu"]
        # arm64's overflow stack, which panic() with KASAN is too large for, lies beside __entry_task.
        if not ("stack" in core.name and "__entry_task is no task" in (row["disagreement"] or "")):
            assert row["disagreement"] is None, row["cpu"]
        for other in row["others"] or []:
            assert other["pt_regs"] is not None, "no crash kernel was loaded: only exception frames are others"


def test_interrupted(core):
    """What a frame of bt was interrupted with is one of the other sources, and nothing else is."""
    # A chain that breaks off is a command that failed in part.
    regs, traces = answers(core, [core.path / "vmcore.elf"], "regs -a", "bt -a", statuses=(0, 1))
    seen = 0
    assert len(regs) == len(traces)
    for row, trace in zip(regs, traces):
        assert row["pid"] == trace["pid"]
        frames = {f["pt_regs"]: f["pc"] for f in trace["frames"] or [] if f["pt_regs"]}
        others = {o["pt_regs"]: o["pc"] for o in row["others"] or [] if not o["source"].startswith("as user mode")}
        assert {key: int(pc, 16) for key, pc in others.items()} == {key: int(pc, 16) for key, pc in frames.items()}
        seen += len(others)
        of_user = [o for o in row["others"] or [] if o["source"].startswith("as user mode")]
        theirs = {r["name"]: r["value"] for r in trace["user_regs"] or []}
        if theirs and trace["frames"]:
            assert [int(o["pc"], 16) for o in of_user] == [int(theirs["pc"], 16)]
        else:
            assert not of_user
        for other in row["others"] or []:
            assert other["pc"] in [r["value"] for r in other["registers"] if r["name"] == "pc"]
    if core.panicked and len(regs) > 1 and core.arm64 and "hardlockup" not in core.name:
        assert seen, "a stopped CPU was interrupted"


def test_given_file(core, tmp_path):
    """Registers by hand take the place of the dump's, CPU by CPU."""
    theirs = printed(core)
    lines = ["# by hand"]
    for cpu, registers in theirs.items():
        if cpu == 1:
            continue  # this one has to be the dump's
        lines.append(f"cpu {cpu}")
        lines += [f"{name} = 0x{value ^ (4 if name == 'x1' or name == 'r1' else 0):x}"
                  for name, value in registers.items()]
    path = tmp_path / "registers"
    path.write_text("\n".join(lines) + "\n")
    ours, again = answers(core, ["--regs", path, core.path / "vmcore.elf"], "regs -a", "regs")
    for row in ours:
        cpu = row["cpu"]
        got = {r["name"]: int(r["value"], 16) for r in row["registers"]}
        first = "x1" if core.arm64 else "r1"
        assert row["source"] == ("CPU note" if cpu == 1 else "the given file")
        assert got[first] == theirs[cpu][first] ^ (0 if cpu == 1 else 4)
        if cpu != 1:
            (note,) = [o for o in row["others"] if o["source"] == "CPU note"]
            assert {r["name"]: int(r["value"], 16) for r in note["registers"]}[first] == theirs[cpu][first]
            assert set(got) == set(theirs[cpu]), "what the file does not say is not shown"


def functions(trace):
    return [(f["symbol"], f["offset"]) for f in trace["frames"] or []]


def test_guess(core):
    """Raw RAM has no registers: the panicking task's frames from the stack are the true ones' outer part."""
    if not (core.path / "ram.raw").exists():
        pytest.skip("no raw RAM beside this dump")
    ram = f"{core.path / 'ram.raw'}@40000000"
    # A chain from a guess may break off, which is a command that failed in part.
    regs, guessed = answers(core, ["--ram", ram], "regs", "bt", statuses=(0, 1))
    ((true,),) = answers(core, [core.path / "vmcore.elf"], "bt", statuses=(0, 1))
    assert all(row["guess"] and row["source"].startswith("a guess: ") for row in regs)
    trace = guessed[0]
    assert trace["pid"] == true["pid"]
    ours, theirs = functions(trace), functions(true)
    if not theirs:
        pytest.skip("the task was in user mode")
    assert not {f["trust"] for f in trace["frames"] or []} - {"guess"}
    if "panic()" not in trace["source"]:
        # Nothing on the stack is known not to have returned: anything may be stale.
        assert "panic" not in [name for name, _ in theirs], "the call of panic() was not found"
        return
    if "panic" not in [name for name, _ in theirs] or "stack" in core.name:
        pytest.skip("the trace from the registers has lost panic() or breaks off itself")
    # The first is inside the call, where the dump has the address that it returns to.
    assert len(ours) >= 3
    assert theirs[-len(ours) + 1:] == ours[1:]
    assert theirs[-len(ours)][0] == ours[0][0]


# ---- the current task ----------------------------------------------------------------------------

def user_page(core):
    """A process of the account that lives on, and an address that it has mapped."""
    living = {row["pid"] for row in core.rows("ps") if row["state"] not in ("Z", "X")}
    for path in sorted((core.path / "truth").glob("maps.*")):
        pid = path.name.split(".")[1]
        if not path.name.endswith(".2") and int(pid) in living:
            for line in path.read_text().splitlines():
                if " r-xp " in line or " r--p " in line:
                    return int(pid), int(line.split("-")[0], 16)
    return None


def test_current_task_is_the_default(core):
    page = user_page(core)
    if not page:
        pytest.skip("no process of the account lived to the end")
    pid, address = page
    named, _, of_set, asked, rd_named, rd_asked = core.run(
        f"vtop -c {pid} {address:x}", f"set {pid}", f"vtop {address:x}", f"vtop -u {address:x}",
        f"rd -c {pid} {address:x} 4", f"rd -u {address:x} 4")
    (named,), (of_set,), (asked,) = named["rows"], of_set["rows"], asked["rows"]
    assert named["space"] == of_set["space"] == asked["space"] == "user"
    assert named["levels"] == of_set["levels"] == asked["levels"]
    assert f"pid {pid}'s" in of_set["note"]
    assert rd_named["rows"] == rd_asked["rows"]


def test_kernel_addresses_stay_the_kernels(core):
    (row,) = core.rows("vtop linux_banner")
    assert row["space"] == "kernel"
    if core.arm64:
        (row,) = core.rows("vtop -k 400000")
        assert (row["space"], row["note"]) == ("kernel", "a user address: -c says whose")
