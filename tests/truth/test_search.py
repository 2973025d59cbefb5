"""search against a plain look through the machine's RAM, as QEMU's backing file has it."""

import re

import pytest

RAM = 0x40000000


@pytest.fixture(scope="module")
def memory(core):
    return (core.path / "ram.raw").read_bytes()


def places(memory, needle, align):
    """Physical addresses, multiples of @align, where the bytes stand."""
    found, at = [], memory.find(needle)
    while at >= 0:
        if at % align == 0:
            found.append(RAM + at)
        at = memory.find(needle, at + 1)
    return found


def same(got, want, what=""):
    """As assert ==, but without a comparison of thousands of lines for the report."""
    if got != want:
        odd = sorted(set(got) ^ set(want))[:5]
        pytest.fail(f"{what}: {len(got)} found, {len(want)} wanted; {[hex(a) for a in odd]}")


def addresses(rows):
    return [int(row["address"], 16) for row in rows if "address" in row]


def physical(core, virtual):
    answers = core.run(*[f"vtop {va:x}" for va in virtual])
    return [int(answer["rows"][0]["physical"], 16) for answer in answers]


def init_task(core):
    return int(core.rows("sym init_task")[0]["address"], 16)


def test_values_in_ram(core, memory):
    """The 16 bits are those that a pointer has at an even address, so that wherever one stands they do."""
    word = 8 if core.arm64 else 4
    pointer = init_task(core)
    for needle, unit, option in ((pointer, word, ""), (pointer & 0xffffffff, 4, "-w "),
                                 (pointer >> 16 & 0xffff, 2, "-h "), (0x57AC6E9D, 4, "-w ")):
        want = places(memory, needle.to_bytes(unit, "little"), unit)
        assert len(want) > 1, "nothing to find"
        same(addresses(core.rows(f"search -p {option}{needle:x}")), want)


def test_mask_range_and_several(core, memory):
    pointer = init_task(core)
    word = 8 if core.arm64 else 4
    base = pointer & ~0xff
    family = sorted(RAM + m.start() for m in re.finditer(
        b"(?s)." + re.escape((base >> 8).to_bytes(word - 1, "little")), memory) if m.start() % word == 0)
    assert len(family) > 5
    same(addresses(core.rows(f"search -p -m ff {pointer:x}")), family)
    same(addresses(core.rows(f"search -p {base:x}..{base + 0xff:x}")), family)
    both = sorted(places(memory, pointer.to_bytes(word, "little"), word)
                  + places(memory, (pointer + 16).to_bytes(word, "little"), word))
    same(addresses(core.rows(f"search -p {pointer:x} {pointer + 16:x}")), both)


def test_strings_in_ram(core, memory):
    rows = core.rows("search -p -c 'Linux version '")
    same(addresses(rows), places(memory, b"Linux version ", 1))
    assert all(row["value"].startswith("Linux version ") for row in rows if "value" in row)


def test_strings_across_pages(core, memory):
    """Bytes on both sides of a page's end, of whatever stands there."""
    drawn = []
    for end in range(0x200000, len(memory), 0x1000):
        piece = memory[end - 5:end + 6]
        if piece.isalnum() and len(set(piece)) > 4:  # poison is a letter too
            drawn.append(piece.decode())
    assert drawn, "no text crosses a page in this dump"
    for piece in drawn[:5]:
        for dump in ("vmcore.elf", "vmcore.kdump"):
            same(addresses(core.rows(f"search -p -c {piece}", dump=dump)), places(memory, piece.encode(), 1))


def test_kernel_space(core, memory):
    """What is found by virtual address is what is found in RAM; on ARM64 the linear map has all of it."""
    word = 8 if core.arm64 else 4
    pointer = init_task(core)
    rows = core.rows(f"search {pointer:x}")
    virtual = addresses(rows)
    assert virtual == sorted(virtual) and len(virtual) > 5
    want = set(places(memory, pointer.to_bytes(word, "little"), word))
    found = set(physical(core, virtual))
    assert not found - want
    if core.arm64:
        same(found, want)


def test_bounds(core):
    rows = addresses(core.rows("search -c e -s linux_banner -l 100"))
    line = core.rows("rd -a linux_banner 100")
    text = "".join(row["ascii"] for row in line)
    start = int(line[0]["address"], 16)
    assert rows == [start + i for i, c in enumerate(text) if c == "e"]
    assert addresses(core.rows(f"search -c e -s linux_banner -e {start + 100:x}")) == rows


def test_stacks(core):
    """Each task's stack has pointers to its own task_struct or to a function: here, the magic at its end."""
    rows = [row for row in core.rows("search -w -t 57ac6e9d") if "address" in row]
    pids = {row["pid"] for row in rows if int(row["address"], 16) & 0xfff == 0}
    tasks = {row["pid"] for row in core.rows("ps")}
    assert len(pids) >= 0.99 * len(tasks)


def test_context(core):
    row = core.rows("search -x 3 -s init_task -l 2000 init_task")[0]
    at = int(row["address"], 16)
    words = " ".join(core.rows(f"rd {at + 8 * i if core.arm64 else at + 4 * i:x}")[0]["data"] for i in (-3, -2, -1))
    assert row["before"] == words


def test_user_space(core):
    """What the workload wrote into its own memory: -u is the current task's, -U any task's."""
    pids = [row["pid"] for row in core.rows("ps -u") if row["comm"] == "workload"]
    if not pids:
        pytest.skip("the workload was killed")
    (_, current), (named,) = core.run(f"set {pids[0]}", "search -u -c 'inquest shared'"), \
        core.run(f"search -U {pids[0]} -c 'inquest shared'")
    found = addresses(current["rows"])
    assert found and found == addresses(named["rows"])
    pages = {int(line.split()[0], 16) for line in core.truth(f"pagemap.{pids[0]}.2")}
    size = min(b - a for a, b in zip(sorted(pages), sorted(pages)[1:]))
    assert all(va & -size in pages for va in found)
    (answer,) = core.run("search -u -U 1 -c x", status=1)
    assert answer["faults"]
