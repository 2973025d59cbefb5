"""Source lines and inlined functions against addr2line -i: binutils', which reads DWARF with its own code, and
elfutils', which is right where binutils takes the function's file for the line's."""

import json
import os
import random
import re
import shutil
import subprocess

import pytest
from truth_cores import INQUEST, share

ADDRESSES = 200
PATCHABLE = 8  # bytes that ftrace may rewrite, arm64: gcc 12 gives them to the function before


def symbols_of(core):
    lines = subprocess.run(["nm", core.path / "vmlinux"], capture_output=True, text=True).stdout.splitlines()
    return {name: int(address, 16) for address, _, name in (line.rsplit(" ", 2) for line in lines) if address.strip()}


@pytest.fixture(scope="module")
def drawn(core):
    """(link-time address, address in the dump) of random instructions, and of random functions' first ones"""
    if not shutil.which("addr2line"):
        pytest.skip("addr2line is not installed: nobody to compare with")
    symbols = symbols_of(core)
    (stext,) = core.rows("sym _stext")
    slide = int(stext["address"], 16) - symbols["_stext"]
    seed = int(os.environ.get("SEED", random.randrange(1 << 32)))
    print("seed", seed)
    dice = random.Random(seed)
    starts = set(symbols.values())
    links = dice.sample(range(symbols["_stext"], symbols["_etext"], 4), ADDRESSES)
    inside = [a for a in links if not starts & set(range(a - PATCHABLE + 1, a + 1))]
    first = dice.sample(sorted(a for a in starts if symbols["_stext"] <= a < symbols["_etext"]), 50)
    return [(link, link + slide) for link in inside], [(link, link + slide) for link in first]


def file_of(path):
    """The part of a path that the source tree has, with "x/../" resolved: what both agree on."""
    return re.sub(r"^(/.*?/|)debian/build/[^/]+/", "", os.path.normpath(path)).lstrip("/")


def place(text):
    """(file, line) of "FILE:LINE", elfutils' with a column behind it"""
    path, number, *_ = text.split(" (discriminator")[0].split(":") + ["0"]
    return file_of(path), int(number) if number.isdigit() else 0


def binutils(core, links):
    """link-time address -> [(function, file, line)], innermost first"""
    answers, frames = {}, None
    done = subprocess.run(["addr2line", "-a", "-f", "-i", "-e", core.path / "vmlinux", *map(hex, links)],
                          capture_output=True, text=True, timeout=300)
    lines = iter(done.stdout.splitlines())
    for line in lines:
        if line.startswith("0x"):
            frames = answers.setdefault(int(line, 16), [])
        else:
            frames.append((line, *place(next(lines))))
    return answers


def elfutils(core, links):
    """link-time address -> (file, line) of the innermost function"""
    if not shutil.which("eu-addr2line"):
        return {}
    done = subprocess.run(["eu-addr2line", "-e", core.path / "vmlinux", *map(hex, links)], capture_output=True,
                          text=True, timeout=300)
    return dict(zip(links, map(place, done.stdout.splitlines())))


def ours(core, addresses):
    """address -> [(function, file, line, inlined)]; functions that were not inlined without offset"""
    command = "source " + " ".join(f"{a:x}" for a in addresses)
    done = subprocess.run([INQUEST, "--json", core.path / "vmlinux", core.path / "vmcore.elf", "-c", command],
                          capture_output=True, timeout=300)
    answers = {}
    for row in json.loads(done.stdout)["rows"]:
        function = (row["function"] or "?").split("+")[0]
        answers.setdefault(int(row["address"], 16), []).append(
            (function, file_of(row["file"] or "??"), row["line"] or 0, row["inlined"]))
    return answers


def same_file(a, b):
    return a.endswith(b) or b.endswith(a)


def agree(theirs, innermost, got):
    """Which functions and lines binutils says, and each line's file by either; the last function's name may be
    a symbol with .isra or alike."""
    if len(theirs) != len(got) or any(g[3] and w[0] != g[0] for w, g in zip(theirs, got)):
        return False
    rest = all(w[2] == g[2] and same_file(w[1], g[1]) for w, g in zip(theirs[1:], got[1:]))
    first = {theirs[0][1:], innermost}
    return rest and any(line == got[0][2] and same_file(file, got[0][1]) for file, line in first)


def test_lines_and_inlined_functions(core, drawn):
    pairs, _ = drawn
    links = [link for link, _ in pairs]
    theirs, innermost = binutils(core, links), elfutils(core, links)
    mine = ours(core, [va for _, va in pairs])
    assert len(mine) == len({va for _, va in pairs})
    inlined, same = 0, 0
    for link, va in pairs:
        got = mine[va]
        assert [row[3] for row in got] == [True] * (len(got) - 1) + [False]
        inlined += len(theirs[link]) > 1
        fine = agree(theirs[link], innermost.get(link, ("", 0)), got)
        same += fine
        if not fine:
            print(f"{link:x}: {got}\n    {theirs[link]}, {innermost.get(link)}")
    assert inlined >= ADDRESSES / 10, "hardly anything inlined: the oracle says nothing"
    share(same, len(pairs), 0.99, "addresses")


def test_functions_begin_in_themselves(core, drawn):
    """A function's first instruction is its own, also where its DWARF begins behind what ftrace patches: then
    only the instruction behind that says so."""
    _, pairs = drawn
    config = (core.path / "config").read_text()
    patchable = core.arm64 and re.search("CONFIG_DYNAMIC_FTRACE_WITH_(ARGS|REGS)=y", config)
    here = binutils(core, [link for link, _ in pairs])
    before = binutils(core, [link - 4 for link, _ in pairs])
    behind = binutils(core, [link + PATCHABLE for link, _ in pairs])
    mine = ours(core, [va for _, va in pairs])
    same, known = 0, 0
    for link, va in pairs:
        _, file, line = here[link][-1]
        _, behind_file, behind_line = behind[link + PATCHABLE][-1]
        if not line:
            continue  # assembler without lines
        # what stands before goes on here: the line table has this function begin behind the patch
        moved = patchable and before[link - 4][0][1:] == here[link][0][1:]
        wanted = (behind_file, behind_line) if moved else (file, line)
        (*_, last) = mine[va]
        known += 1
        fine = wanted[1] == last[2] and same_file(wanted[0], last[1])
        same += fine
        if not fine:
            print(f"{va:x}: {mine[va]}\n    {here[link]} {behind[link + PATCHABLE]}")
    share(same, known, 0.9, "functions")


def test_inlined_frames(core):
    """bt -i: the physical frames of bt, each behind what source says is inlined at its address."""
    if not core.panicked:
        pytest.skip("no panic: which task bt shows may differ")
    (plain,), (full,) = core.rows("bt"), core.rows("bt -i")
    physical = [frame for frame in full["frames"] if not frame["inlined"]]
    keys = ("n", "pc", "sp", "symbol", "offset", "how", "trust")
    assert [[f[k] for k in keys] for f in physical] == [[f[k] for k in keys] for f in plain["frames"]]
    assert not any(frame["inlined"] or frame["line"] for frame in plain["frames"])
    # inside the call that an address returns to
    at = {frame["n"]: (int(frame["pc"], 16) & ~1) - (1 if frame["n"] else 0) for frame in physical}
    source = ours(core, set(at.values()))
    checked = 0
    for frame in physical:
        rows = source[at[frame["n"]]]
        got = [(f["symbol"], file_of(f["file"]), f["line"], True) for f in full["frames"]
               if f["inlined"] and f["n"] == frame["n"]]
        # but where no call stands before the address, and bt takes it as it is
        checked += rows[:-1] == got and rows[-1][2] == (frame["line"] or 0)
    share(checked, len(physical), 0.8, "frames")
