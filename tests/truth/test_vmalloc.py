"""vmalloc against the guest's /proc/vmallocinfo. Most guests print its addresses hashed, and some printed them
before there was a key; then everything but the place is compared, as often as it stands there."""

import collections
import functools
import re

import pytest
from truth_cores import share

LINE = re.compile(r"0x(\S+?)-0x(\S+?) +(\d+) (.*)")
KINDS = {"ioremap", "sparse", "vmalloc", "vmap", "user", "dma-coherent", "vpages", "vm_map_ram", "unpurged"}


def theirs(line):
    """start or None, and (bytes, caller, pages, physical address, kind, nodes)."""
    start, _, size, rest = LINE.fullmatch(line.rstrip()).groups()
    caller = pages = phys = None
    kind, nodes = [], []
    for word in rest.replace("unpurged vm_area", "unpurged").split():
        if word.startswith("pages="):
            pages = int(word[6:])
        elif word.startswith("phys="):
            phys = int(word[5:], 16)
        elif re.fullmatch(r"N\d+=\d+", word):
            nodes.append(word)
        elif word in KINDS:
            kind.append(word)
        else:
            caller = f"{caller} {word}" if caller else word
    return (start, (int(size), caller, pages, phys, " ".join(kind), " ".join(nodes)))


def ours(row):
    kind = " ".join(word for word in row["kind"].split() if word in KINDS)
    phys = int(row["physical"], 16) if row["physical"] else None
    return (int(row["start"], 16), (row["size"], row["caller"], row["pages"], phys, kind, row["nodes"] or ""))


@functools.lru_cache(maxsize=None)
def areas(core):
    return core.rows("vmalloc -u")


@pytest.fixture
def lines(core):
    steady, first, second = core.steady("vmallocinfo"), core.truth("vmallocinfo"), core.truth("vmallocinfo.2")
    assert len(first) >= 8, "the oracle is empty"
    return [theirs(line) for line in steady], [theirs(line) for line in first + second]


def plain(core, lines):
    """Whether the guest told its addresses."""
    starts = [start for start, _ in lines]
    if not all(re.fullmatch("[0-9a-f]{8,16}", start) for start in starts):
        return False
    own = {row["start"] for row in areas(core)}
    return sum("0x" + start in own for start in starts) > len(starts) / 2


def test_steady_areas(core, lines):
    """What both readings have stands in the dump, with its caller, pages, place and kind."""
    steady, seen = lines
    share(len(steady), len(seen) / 2, 0.85, "areas that did not move")
    mine = [ours(row) for row in areas(core)]
    if plain(core, steady):
        at = dict(mine)
        wrong = [(start, what, at.get(int(start, 16))) for start, what in steady
                 if at.get(int(start, 16)) != what]
    else:
        left = collections.Counter(what for _, what in mine)
        wrong = []
        for _, what in steady:
            left[what] -= 1
            if left[what] < 0:
                wrong.append(what)
    # a guest that goes on for a while before it dies frees and asks anew
    floor = 0.97 if core.ran_on < 2 and "oom" not in core.name else 0.85
    used = [one for one in wrong if "unpurged" not in str(one)]
    share(len(steady) - len(wrong), len(steady), floor, f"areas, wrong {wrong[:3]}")
    share(len(steady) - len(used), len(steady), 0.97 if floor == 0.97 else 0.9, f"areas in use, wrong {used[:3]}")


def test_no_area_too_many(core, lines):
    """Areas in use that neither reading has are few: made by the panic and what came before it."""
    _, seen = lines
    known = collections.Counter()
    for line in (core.truth("vmallocinfo"), core.truth("vmallocinfo.2")):
        known |= collections.Counter(what for _, what in map(theirs, line))
    mine = collections.Counter(what for _, what in map(ours, areas(core)) if what[4] != "unpurged")
    extra = mine - known
    floor = 0.95 if core.ran_on < 2 and "oom" not in core.name else 0.85
    share(sum(mine.values()) - sum(extra.values()), sum(mine.values()), floor, f"areas, extra {list(extra)[:3]}")


def test_find(core):
    """The same row by an address in its midst, by its vmap_area, and with its pages."""
    row = next(row for row in areas(core) if row["pages"] and row["address"])
    middle = int(row["start"], 16) + 0x123
    found, by_object = core.rows(f"vmalloc {middle:x} {row['address']}")
    assert (found["start"], found["offset"], by_object["start"]) == (row["start"], "0x123", row["start"])
    (full,) = core.rows(f"vmalloc -p {middle:x}")
    assert len(full["page_list"]) == row["pages"]
    for one in full["page_list"][:4]:
        (walked,) = core.rows(f"vtop {one['virtual']}")
        assert int(walked["physical"], 16) == int(one["physical"], 16)


def test_no_area(core):
    (answer,) = core.run("vmalloc linux_banner" if not core.arm64 else "vmalloc 1000", status=1)
    assert "no vmalloc area" in answer["faults"][0]["message"]


def test_ioremap_is_a_device(core):
    """What ioremap mapped is what the page tables have there."""
    rows = [row for row in areas(core) if row["kind"] == "ioremap" and row["physical"]]
    assert rows
    walked = core.rows("vtop " + " ".join(row["start"] for row in rows))
    same = [int(w["physical"], 16) == int(row["physical"], 16) & ~0xfff
            for w, row in zip(walked, rows) if isinstance(w["physical"], str)]
    share(sum(same), len(rows), 0.9, "devices")


def test_walker(core):
    walked = [row["address"] for row in core.rows("walk vmalloc-area")]
    assert sorted(walked) == sorted(row["address"] for row in areas(core) if row["address"] and row["kind"] != "unpurged")
