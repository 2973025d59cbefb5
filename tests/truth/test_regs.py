"""The registers of each CPU against QEMU's own account of them (registers.txt)."""

import re

import pytest


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
