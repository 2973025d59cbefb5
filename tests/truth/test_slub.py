"""slub against /proc/slabinfo, which counts as active what CPUs and sheaves hold, and against our module's own
word about its objects and about what it did to them; against SLUB's and KASAN's own reports."""

import functools
import re

import pytest
from kernel_reports import console, slub_reports, slub_tracks
from truth_cores import frame_rows, same_frames, share

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
    """Values of the kernel's own counters. Where the heap's debugging leaves no objects on CPUs, each process that
    comes or goes until the end moves "active" by its few objects; what the module took is its deed."""
    mine = caches(core)
    deed = core.deed.get("cache", "-")
    names = [name for name in steady if not name.startswith(deed)]
    same_slabs = [name for name in names
                  if (mine[name]["kernel_objects"], mine[name]["kernel_slabs"]) == (steady[name][1], steady[name][5])]
    share(len(same_slabs), len(names), 0.9, "objects and slabs")
    off = {name: abs(mine[name]["active"] - steady[name][0]) for name in names}
    slack = "slub_debug" in core.recipe.get("CMDLINE", "") or "oom" in core.name
    same = [name for name in names if off[name] <= (max(10, 0.02 * steady[name][0]) if slack else 0)]
    share(len(same), len(names), 0.9, f"active objects {sorted(off.items(), key=lambda kv: -kv[1])[:4]}")


def test_sweep_finds_what_the_counters_say(core):
    """Slabs found by looking at every struct page, against the kernel's counters of the same moment."""
    mine = caches(core)
    wrong = [(name, row["slabs"], row["kernel_slabs"]) for name, row in mine.items()
             if (row["objects"], row["slabs"]) != (row["kernel_objects"], row["kernel_slabs"])]
    share(len(mine) - len(wrong), len(mine), 0.98, f"slabs {wrong[:3]}")
    assert all(row["inuse"] <= row["active"] <= row["objects"] for row in mine.values())


def damaged(core):
    """Whether memory shows damage to the slab heap: by the recipe, or by SLUB's giving up a slab."""
    of_heap = core.deed.get("scenario") in ("overflow", "underflow", "uaf-write")
    return (of_heap and core.recipe.get("expect_damage") == "yes") or core.name == "arm64-7.2-mb-double-free-bare" \
        or core.name in ("arm32-lpae-write-uaf", "arm64-plain-write-uaf")


def test_check_finds_what_there_is_and_nothing_else(core):
    rows = core.rows("slub check")
    if not damaged(core):
        assert [(r["cache"], r["object"], r["finding"]) for r in rows][:3] == []
        return
    assert rows, "nothing was found"
    if "object" in core.deed:
        victim = untagged(core, int(core.deed["object"], 16))
        slot = caches(core)[rows[0]["cache"]]["slot_size"]
        others = [r for r in rows if r["object"] and int(r["object"], 16) not in (victim, victim + slot)]
        assert [(r["cache"], r["object"], r["finding"]) for r in others][:3] == []


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


def in_kfence(core, addresses):
    """Those that KFENCE's pool has, by the command's own refusal."""
    return {va for va in addresses if "KFENCE" in
            "".join(fault["message"] for fault in core.run(f"slub obj {va:x}", status=None)[0]["faults"])}


def test_module_s_objects_are_all_that_is_allocated(core):
    """Nobody else uses the module's cache: what is not free there are the objects that it did not free."""
    freed = core.deed.get("scenario") in ("uaf-write", "uaf-read", "uaf-follow", "double-free") or "free_fn" in core.deed
    if not core.widgets or core.deed.get("cache") != "mb_widget" or "bare" in core.name or "mb_widget" not in caches(core):
        pytest.skip("no cache of the module's own")
    expected = {untagged(core, va) for va in core.widgets}
    if freed:
        expected.discard(untagged(core, int(core.deed["object"], 16)))
    mine = {int(row["object"], 16) for row in core.rows("slub objs mb_widget") if row["state"] == "allocated"}
    assert sorted(map(hex, expected - mine - in_kfence(core, expected - mine)))[:3] == []
    # "end=alloc" goes on until it is given the victim, so that SLUB looks at it
    assert core.deed.get("end") == "alloc" or sorted(map(hex, mine - expected))[:3] == []


def test_tasks_are_objects(core):
    """Each task is an allocated object; nearly all objects of that cache are tasks."""
    (heap, tasks) = core.run("slub objs task_struct", "ps")
    allocated = {int(row["object"], 16) for row in heap["rows"] if row["state"] == "allocated"}
    mine = {untagged(core, int(row["task"], 16)) for row in tasks["rows"]}
    init = {untagged(core, va) for va in core.kallsyms.get("init_task", [])}
    boot = {untagged(core, int(row["task"], 16)) for row in tasks["rows"] if row["comm"] == "swapper/0"}
    missing = mine - allocated - init - boot
    assert sorted(map(hex, missing - in_kfence(core, missing)))[:3] == []
    # tasks that are dead wait for RCU or their last reference
    assert len(allocated - mine) <= 5 + 0.1 * len(mine), len(allocated - mine)


# ---- what the module did ----------------------------------------------------------------------------------------------

def written(core, row):
    """First and last byte of the module's write that patterns can show, from the object's start."""
    first, n = int(core.deed["offset"]), int(core.deed["bytes"])
    last = first + n - 1
    filled = any(part["part"] == "kmalloc redzone" for part in row["layout"])
    if core.deed["scenario"] == "overflow" and not filled:
        first = max(first, row["object_size"])
    return first, last


@pytest.fixture
def harmed(core):
    if core.recipe.get("expect_damage") != "yes" or core.deed.get("scenario") not in ("overflow", "underflow", "uaf-write"):
        pytest.skip("no damage by the module")
    (row,) = core.rows("slub obj " + core.deed["object"], status=None)
    assert int(row["object"], 16) == untagged(core, int(core.deed["object"], 16))
    return row


def test_damage_is_the_module_s(core, harmed):
    first, last = written(core, harmed)
    end = max(part["to"] for part in harmed["layout"])
    assert harmed["cache"].startswith(core.deed["cache"])
    assert harmed["damage"][0]["first"] == first
    # a slab that was given up has no lists any more
    assert bool(harmed["where"]) == (harmed["state"] != "allocated" and "gave" not in (harmed["doubt"] or ""))
    # tracks and the free pointer have no pattern, what is behind the slot is the neighbour's
    blind = [part for part in harmed["layout"] if part["from"] <= last < part["to"] and part["part"]
             in ("free pointer", "allocation track", "free track", "size asked for")]
    if last >= end:
        assert harmed["damage"][-1]["last"] == end - 1
        assert [n["damaged"] for n in harmed["neighbours"] if n["side"] == "right"] == [True]
    elif not blind:
        assert harmed["damage"][-1]["last"] == last


def test_guess_is_the_deed(core, harmed):
    kinds = {"overflow": "overflow", "underflow": "underflow", "uaf-write": "use-after-free"}
    guess = [f for f in harmed["findings"] if f["kind"] in kinds.values()]
    assert [f["kind"] for f in guess] == [kinds[core.deed["scenario"]]]
    assert int(guess[0]["writer"], 16) == int(harmed["object"], 16)
    first, last = written(core, harmed)
    seen = last + 1 - first
    if core.deed["scenario"] == "overflow" and not any(p["part"] == "free pointer" and p["from"] <= last
                                                       for p in harmed["layout"]):
        assert guess[0]["bytes"] == seen
    elif core.deed["scenario"] != "overflow":
        assert guess[0]["bytes"] == seen
    else:
        assert 0 < guess[0]["bytes"] <= seen
    words = {"text": "text", "pointer": "pointer"}
    fill = core.deed["fill"]
    if fill in words and int(core.deed["bytes"]) >= 4:
        traces = [f for f in harmed["findings"] if f["kind"] == words[fill]]
        assert traces, harmed["findings"]
        assert fill != "pointer" or "misbehave_text" in traces[0]["finding"]


def test_wrong_free_is_proved(core):
    """A hardened list's free pointer was put where only a free of that very address puts it, unless SLUB or KASAN
    looked before."""
    if core.deed.get("scenario") != "bad-free" or DEBUG not in core.recipe.get("CMDLINE", "") \
            or "CONFIG_SLAB_FREELIST_HARDENED" not in core.config:
        pytest.skip("no wrong free that memory shows")
    told = [m[1] for line in core.truth("report.1") if (m := re.search(r"Invalid object pointer 0x([0-9a-f]+)", line))]
    (row,) = core.rows("slub obj " + core.deed["object"], status=None)
    assert [int(f["pointer"], 16) for f in row["findings"] if f["kind"] == "wrong-free"] == [int(told[0], 16)]
    assert [t["written_over"] for t in row["tracks"] if t["what"] == "Allocated"] in ([True], [])


def test_double_free_into_sheaves(core):
    if core.name != "arm64-7.2-mb-double-free-bare":
        pytest.skip("no object in two sheaves")
    (row,) = core.rows("slub obj " + core.deed["object"])
    assert [w["state"] for w in row["where"]] == ["free, in a sheaf"] * 2
    assert [f["kind"] for f in row["findings"]][:1] == ["double-free"]
    (finding,) = core.rows("slub check")
    assert (finding["kind"], int(finding["object"], 16)) == ("twice", int(core.deed["object"], 16))


def test_given_up_slab_is_told(core):
    """The machine stopped between SLUB's report and its repair: the bytes are there, and the slab was given up."""
    if core.deed.get("scenario") != "uaf-write" or not core.name.endswith("-told"):
        pytest.skip("no write to a free object that is still to be seen")
    kinds = [row["kind"] for row in core.rows("slub check mb_widget")]
    assert sorted(kinds) == ["damage", "given-up"]
    (row,) = core.rows(f"slub obj {core.deed['object']}")
    assert row["state"].startswith("free")


def tracks_of(row):
    """Tracks by what they tell; KASAN's where SLUB has none."""
    tracks = {track["what"]: track for track in row["kasan_tracks"] or []}
    tracks.update({track["what"]: track for track in row["tracks"] or []})
    return tracks


def test_tracks_name_the_tasks(core):
    """Who allocated the module's object, and who freed it, where the heap kept tracks."""
    if core.deed.get("cache") != "mb_widget" or DEBUG not in core.recipe.get("CMDLINE", "") \
            or "alloc_pid" not in core.deed:
        pytest.skip("no tracks")
    (row,) = core.rows("slub obj " + core.deed["object"], status=None)  # an overflow may have reached a track
    tracks = tracks_of(row)
    # the far overflow wrote over it; so did the kernel itself as it put a free pointer behind the wrong address
    if "overflow-far" not in core.name and core.deed["scenario"] != "bad-free":
        assert tracks["Allocated"]["pid"] == int(core.deed["alloc_pid"])
        names = [frame["symbol"] for frame in (tracks["Allocated"].get("caller") or []) + tracks["Allocated"]["frames"]]
        assert core.deed["alloc_fn"] in names
    if "free_pid" in core.deed and row["state"] != "allocated":
        assert tracks["Freed"]["pid"] == int(core.deed["free_pid"])
        names = [frame["symbol"] for frame in (tracks["Freed"].get("caller") or []) + tracks["Freed"]["frames"]]
        assert core.deed["free_fn"] in names


def test_owners_have_the_module_s_objects(core):
    """The stack through the function that made the module's objects holds as many as it made and did not free."""
    if not core.widgets or "alloc_fn" not in core.deed or core.deed.get("scenario") not in ("overflow", "underflow", "nothing") \
            or "overflow-far" in core.name or not (DEBUG in core.recipe.get("CMDLINE", "") or "CONFIG_KASAN_GENERIC" in core.config):
        pytest.skip("no tracks of the module's objects")
    rows = core.rows("slub owners -n 100000", status=None)
    made = [row for row in rows if (row["cache"] or "").startswith(core.deed["cache"]) and core.deed["alloc_fn"] in
            [frame["symbol"] for frame in (row["caller"] or []) + (row["frames"] or [])]]
    assert sum(row["objects"] for row in made) == len(core.widgets) - len(in_kfence(core, core.widgets)), [(row["cache"], row["objects"]) for row in made]
    assert rows == sorted(rows, key=lambda row: (row["note"] is not None, -row["bytes"]))


# ---- the kernel's own reports -----------------------------------------------------------------------------------------

@pytest.fixture
def reported(core):
    reports = [r for r in slub_reports(core) if any(line.startswith("Object ") and "@offset" in line for line in r)]
    if not reports:
        pytest.skip("SLUB reported no object")
    report = reports[0]
    va = next(m[1] for line in report if (m := re.match(r"Object 0x([0-9a-f]+) @offset=\d+", line)))
    (row,) = core.rows("slub obj " + va, status=None)
    return report, int(va, 16), row


def test_slub_s_report_names_the_same_object(reported):
    report, va, row = reported
    assert int(row["object"], 16) == va
    assert row["cache"] == re.match(r"BUG (\S+) ", report[0])[1]
    offset = next(int(m[1]) for line in report if (m := re.match(r"Object 0x[0-9a-f]+ @offset=(\d+)", line)))
    before = max(0, -min(part["from"] for part in row["layout"]))
    slot = max(part["to"] for part in row["layout"]) + before
    assert row["index"] * slot + before == offset


def test_slub_s_report_names_the_same_bytes(core, reported):
    report, va, row = reported
    told = [tuple(int(m[i], 16) for i in (1, 2, 3, 4)) for line in report if (m := re.match(
        r"0x([0-9a-f]+)-0x([0-9a-f]+) @offset=\d+\. First byte 0x([0-9a-f]+) instead of 0x([0-9a-f]+)", line))]
    if any("FIX " in line for line in console(core)):
        pytest.skip("SLUB repaired the bytes and went on")
    if not told:
        # since 6.16 the line is printed before the report's first; the bytes stand in its dump of the redzone
        assert core.deed["scenario"] in ("double-free", "overflow"), report[0]
        return
    mine = [(va + d["first"], va + d["last"], int(d["found"], 16), int(d["expected"], 16)) for d in row["damage"]]
    assert mine == told


def test_slub_s_report_has_the_same_layout(reported):
    """Where the report's dump begins its sections and how long they are: the object, the redzones, the padding."""
    report, va, row = reported
    sections = {}
    for line in report:
        if m := re.match(r"(Redzone|Object|Padding) +([0-9a-f]{8,16}): ((?:[0-9a-f]{2} )+)", line):
            at = int(m[2], 16) - va
            key = (m[1], "left" if at < 0 else "right")
            first, last = sections.get(key, (at, at))
            sections[key] = (min(first, at), max(last, at + len(m[3].split())))
    parts = row["layout"]
    size = row["object_size"]
    red = [p for p in parts if p["part"] == "right redzone"]
    assert sections[("Object", "right")] == (0, size)
    assert sections[("Redzone", "left")] == (parts[0]["from"], 0)
    assert [sections[("Redzone", "right")]] == [(p["from"], p["to"]) for p in red]
    assert sections[("Padding", "right")] == (parts[-1]["from"], parts[-1]["to"])


def test_slub_s_report_has_the_same_stacks(reported):
    report, _, row = reported
    told = slub_tracks(report)
    assert told and {track["what"] for track in row["tracks"]} == set(told)
    for track in row["tracks"]:
        caller, cpu, pid, frames = told[track["what"]]
        assert (track["pid"], track["cpu"]) == (pid, cpu)
        assert same_frames(frame_rows(track["frames"]), frames)
        if track["caller"]:
            assert frame_rows(track["caller"]) == (caller,)
