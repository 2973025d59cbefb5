"""slub against /proc/slabinfo, which counts as active what CPUs and sheaves hold, and against our module's own
word about its objects and about what it did to them."""

import functools

import pytest
from truth_cores import share

DEBUG = "slub_debug=FZPU"


@functools.lru_cache(maxsize=None)
def caches(core):
    return {row["cache"]: row for row in core.rows("slub")}


def slabinfo(lines):
    """name -> active objects, objects, object slots, per slab, pages of a slab, slabs."""
    table = {}
    for line in lines:
        words = line.split()
        if len(words) == 16 and words[6] == ":":
            table[words[0]] = tuple(map(int, words[1:6])) + (int(words[-2]),)
    return table


@pytest.fixture
def steady(core):
    """What both readings agree on."""
    first, second = slabinfo(core.truth("slabinfo")), slabinfo(core.truth("slabinfo.2"))
    if not first or not second:
        pytest.skip("slabinfo was not read")
    return {name: first[name] for name in first if second.get(name) == first[name]}


def test_layout_is_slabinfo_s(core, steady):
    mine = caches(core)
    assert [name for name in steady if name not in mine] == []
    wrong = [name for name, (_, _, size, per_slab, pages, _) in steady.items()
             if (mine[name]["slot_size"], mine[name]["per_slab"], 1 << mine[name]["order"])
             != (size, per_slab, pages)]
    assert wrong == []


def test_counts_are_slabinfo_s(core, steady):
    """Values of the kernel's own counters. A panic's own work moves a few, more of them where the heap's debugging
    leaves no objects on CPUs."""
    mine = caches(core)
    same = [name for name, (active, objects, _, _, _, slabs) in steady.items()
            if (mine[name]["active"], mine[name]["kernel_objects"], mine[name]["kernel_slabs"])
            == (active, objects, slabs)]
    if core.panicked or DEBUG in core.recipe.get("CMDLINE", ""):
        same_slabs = [name for name, (_, objects, _, _, _, slabs) in steady.items()
                      if (mine[name]["kernel_objects"], mine[name]["kernel_slabs"]) == (objects, slabs)]
        share(len(same_slabs), len(steady), 0.85, "objects and slabs")
        share(len(same), len(steady), 0.5, "active objects")
    else:
        share(len(same), len(steady), 0.9, "active objects")


def test_sweep_finds_what_the_counters_say(core):
    """Slabs found by looking at every struct page, against the kernel's counters of the same moment."""
    mine = caches(core)
    wrong = [(name, row["slabs"], row["kernel_slabs"]) for name, row in mine.items()
             if (row["objects"], row["slabs"]) != (row["kernel_objects"], row["kernel_slabs"])]
    share(len(mine) - len(wrong), len(mine), 0.98, f"slabs {wrong[:3]}")
    assert all(row["inuse"] <= row["active"] <= row["objects"] for row in mine.values())


def test_check_finds_nothing_on_a_healthy_heap(core):
    if core.deed.get("scenario", "nothing") != "nothing" or "uaf" in core.name or "overflow" in core.name or "double-free" in core.name:
        pytest.skip("something was done to this heap")
    assert core.rows("slub check")[:5] == []


def untagged(core, va):
    """Tag-based KASAN's pointers have a tag in their top byte."""
    return va | 0xff << 56 if core.arm64 else va


def test_widgets_are_allocated_objects(core):
    """Our module's objects by their addresses; it freed none but the one that it tells about."""
    if not core.widgets or "cache" not in core.deed:
        pytest.skip("the module allocated no objects")
    others = [va for va in core.widgets if va != int(core.deed.get("object", "0"), 16)]
    # one in KFENCE's pool is a fault, and KFENCE's
    rows = core.rows("slub obj " + " ".join(f"{va:x}" for va in others), status=None)
    at = {int(row["object"], 16): row for row in rows}
    right = [va for va in others if (row := at.get(untagged(core, va)))
             and (row["offset"], row["state"]) == (0, "allocated") and row["cache"].startswith(core.deed["cache"])]
    share(len(right), len(others), 0.97, "widgets")


def test_overflow_is_found(core):
    """The bytes behind the object, with slub_debug's redzones: check and obj name the object and the first byte."""
    if core.deed.get("scenario") not in ("overflow", "overflow-1") or core.deed.get("cache") != "mb_widget" \
            or DEBUG not in core.recipe.get("CMDLINE", ""):
        pytest.skip("no overflow that redzones would show")
    victim, size = int(core.deed["object"], 16), int(core.deed["size"])
    found = [row for row in core.rows("slub check mb_widget") if row["object"] and int(row["object"], 16) == victim]
    assert [row for row in found if row["finding"].startswith(f"right redzone of an allocated object: bytes {size} ")]
    (row,) = core.rows(f"slub obj {victim + size - 1:x}", status=None)  # it may have reached the tracks
    assert int(row["object"], 16) == victim
    assert (row["cache"], row["offset"], row["state"]) == ("mb_widget", size - 1, "allocated")
    assert [(d["what"], d["first"]) for d in row["damage"]][:1] == [("right redzone", size)]


def test_write_after_free_is_found(core):
    """The machine stopped between SLUB's report and its repair: the bytes are there, and the slab was given up."""
    if core.deed.get("scenario") != "uaf-write" or not core.name.endswith("-told"):
        pytest.skip("no write to a free object that is still to be seen")
    victim, first = core.deed["object"], int(core.deed["offset"])
    rows = core.rows("slub check mb_widget")
    given_up = [row for row in rows if "gave the slab up" in row["finding"]]
    others = [row for row in rows if row not in given_up]
    assert len(given_up) == 1
    assert [int(row["object"], 16) for row in others] == [int(victim, 16)], others[:3]
    last = first + int(core.deed["bytes"]) - 1
    assert others[0]["finding"].startswith(f"poison of a free object: bytes {first} to {last},")
    (row,) = core.rows(f"slub obj {victim}")
    assert row["state"].startswith("free")


def test_tracks_name_the_tasks(core):
    """Who allocated the module's object, and who freed it, where the heap kept tracks."""
    if core.deed.get("cache") != "mb_widget" or DEBUG not in core.recipe.get("CMDLINE", "") \
            or "alloc_pid" not in core.deed:
        pytest.skip("no tracks")
    (row,) = core.rows("slub obj " + core.deed["object"], status=None)  # an overflow may have reached a track
    tracks = {track["what"]: track for track in row["tracks"]}
    # the far overflow wrote over it; so did the kernel itself as it put a free pointer behind the wrong address
    if "overflow-far" not in core.name and core.deed["scenario"] != "bad-free":
        assert tracks["Allocated"]["pid"] == int(core.deed["alloc_pid"])
        names = [frame["symbol"] for frame in (tracks["Allocated"]["caller"] or []) + tracks["Allocated"]["frames"]]
        assert core.deed["alloc_fn"] in names
    if "free_pid" in core.deed and row["state"] != "allocated":
        assert tracks["Freed"]["pid"] == int(core.deed["free_pid"])
        names = [frame["symbol"] for frame in (tracks["Freed"]["caller"] or []) + tracks["Freed"]["frames"]]
        assert core.deed["free_fn"] in names
