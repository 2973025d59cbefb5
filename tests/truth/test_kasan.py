"""kasan against the kernel's own reports on the console, and against what else the dump says: the same
object, cache, place, stacks, variables and shadow; no finding where nothing was damaged, and one where this
test damages a copy of the dump."""

import collections
import json
import re
import shutil
import struct
import subprocess

import pytest
from kernel_reports import AREA, accessed, block, bytes_around, found, kasan_report, stack_below
from truth_cores import INQUEST, share

# Deeds that instrumented code did: KASAN reports each of them.
WATCHED = ("use-after-free", "slab-out-of-bounds", "double-free", "invalid-free", "global-out-of-bounds",
           "stack-out-of-bounds", "vmalloc-out-of-bounds", "stack-corruption")
MODES = ("CONFIG_KASAN_GENERIC", "CONFIG_KASAN_SW_TAGS")


@pytest.fixture(autouse=True)
def only_kasan(core, request):
    has = any(mode in core.config for mode in MODES)
    if has == (request.node.originalname == "test_absent"):
        pytest.skip("this kernel has " + ("KASAN" if has else "no KASAN"))


def test_absent(core):
    """A kernel without KASAN: the command says so, and shows no shadow."""
    (answer,) = core.run("kasan linux_banner", status=1)
    assert not answer["rows"] and "built without KASAN" in answer["faults"][0]["message"]


def generic(core):
    return "CONFIG_KASAN_GENERIC" in core.config


def last_report(core):
    """The lines of the last report; a case of its own when there is none."""
    report = kasan_report(core)
    if not report:
        assert core.recipe["expect_class"] not in WATCHED, "KASAN should have reported this"
        pytest.skip("KASAN reported nothing here")
    return report


def frames(track):
    return [f"{f['symbol']}+{f['offset']}/{f['size']}" + (f" [{f['module']}]" if f["module"] else "")
            for f in track["frames"]]


def row_of(core, report):
    (row,) = core.rows("kasan " + accessed(report))
    return row


def test_object(core):
    report = last_report(core)
    row, match = row_of(core, report), found(report, r"belongs to the object at ([0-9a-f]+)")
    if not match:
        assert row["object"] is None or "use-after-free" in report[0], row["object"]
        return
    assert int(row["object"], 16) == int(match[1], 16)
    cache = found(report, r"belongs to the cache (\S+) of size (\d+)")
    assert (row["cache"], row["object_size"]) == (cache[1], int(cache[2]))
    place = found(report, r"is located (\d+) bytes (inside of|to the (?:left|right) of)")
    assert row["place"].startswith(f"{place[1]} bytes {place[2]} "), (row["place"], place[0])


def test_stacks(core):
    report = last_report(core)
    row = row_of(core, report)
    compared = 0
    for word in ("Allocated", "Freed"):
        told = found(report, rf"^{word} by task (\d+):")
        ours = [t for t in row["tracks"] or [] if t["what"] == word]
        if not told:
            assert not ours or row["object"] is None, word
            continue
        (track,) = ours
        assert track["pid"] == int(told[1])
        assert frames(track) == block(report, f"{word} by task")
        compared += 1
    # tag modes forget, or find another life of the object under this tag
    assert compared or not generic(core) or not found(report, r"belongs to the object")


def test_page_stacks(core):
    """Who had the page and who gave it back, where the report tells it: page_owner's words."""
    report = last_report(core)
    told = found(report, r"^page last allocated via order (\d+),.*, pid (\d+),")
    if not told:
        pytest.skip("the report says nothing of the page's owner")
    stacks = [stack for head in ("page last allocated via order", "page last free ")
              if (stack := stack_below(report, head)) is not None]
    assert all(stacks), "the oracle is empty"
    items = {row["item"]: row for row in core.rows("kasan report")}
    wanted = ["page order", "page allocated by pid", "page allocation stack", "page free stack"][:2 + len(stacks)]
    assert [items[item]["same"] for item in wanted] == ["yes"] * len(wanted), wanted
    row = row_of(core, report)
    if row["object"]:
        return  # the object's own stacks come first there
    ours = row["tracks"]
    assert [frames(track) for track in ours] == stacks
    assert ours[0]["pid"] == int(told[2]) and [track["what"] for track in ours][1:] == ["Page freed"][:len(stacks) - 1]


def test_area(core):
    """The area that vmalloc gave out, by the report; it has the pointer's tag there."""
    report = last_report(core)
    told, row = found(report, AREA), row_of(core, report)
    if not told:
        assert not found(report, r"belongs to the (object|variable)") or row["area"] is None
        pytest.skip("no vmalloc area in the report")
    assert (int(row["area"], 16) ^ int(told[2], 16)) & (1 << 56) - 1 == 0
    assert (row["area_pages"], row["area_caller"]) == (int(told[1]), told[3])


def test_memory(core):
    """All rows where the kernel died of the report; the report's own work is seen on the reporting task's
    stack, and where the guest went on, memory did too."""
    report = last_report(core)
    theirs, row = bytes_around(report), row_of(core, report)
    if not theirs:
        assert row["memory"] is None
        return
    # the report stands around the first bad byte, which may be in a row behind the accessed one
    ours = {r["item"].strip(): r["memory"] for r in core.rows("kasan report")}
    different = [at for at in theirs if theirs[at][1] != ours[at]]
    guilty = [at for at in theirs if theirs[at][0]]
    went_on = "-on" in core.name
    assert len(theirs) == 5 and len(guilty) == 1
    allowed = 2 if "stack-out-of-bounds" in report[0] or went_on else 0
    assert len(different) <= allowed, different
    assert went_on or guilty[0] not in different
    for shown in row["memory"]:
        if shown["address"][2:] in theirs:
            assert shown["bytes"] == ours[shown["address"][2:]]


def test_variable(core):
    report = last_report(core)
    row = row_of(core, report)
    frame = found(report, r"and is located at offset (\d+) in frame:")
    if frame:
        assert row["frame_offset"] == int(frame[1])
        assert row["function"] == block(report, " and is located at")[0]
        theirs = [re.fullmatch(r"\[(\d+), (\d+)\) '(.*)'", line.strip()) for line in report
                  if re.match(r" \[\d+, \d+\) '", line)]
        assert theirs and all(theirs)
        mine = [(v["offset"], v["offset"] + v["size"], v["name"]) for v in row["variables"]]
        assert mine == [(int(m[1]), int(m[2]), m[3]) for m in theirs]
    variable = block(report, "The buggy address belongs to the variable:")
    if variable:
        assert variable[0].startswith(row["variable"] + "+")
        offset = int(re.search(r"\+0x([0-9a-f]+)/", variable[0])[1], 16)
        assert int(row["address"], 16) - int(row["variable_address"], 16) == offset


def test_report_agrees(core):
    """The command's own comparison with the log: whatever differs is memory on a stack, or moved on."""
    report = last_report(core)
    rows = core.rows("kasan report")
    assert sum(r["same"] == "yes" for r in rows) >= (1 if not bytes_around(report) else 7)
    wrong = [r["item"] for r in rows if r["same"] == "NO" and not re.fullmatch(r"[0-9a-f]+", r["item"])]
    assert not wrong, wrong


def wanted_items(report):
    """What a report says that memory must say too: the command's names for it."""
    items = ["type"] if found(report, r"(?:at addr|Free of addr) ") else []
    place = found(report, r"is located \d+ bytes (inside of|to the (?:left|right) of)")
    if found(report, r"belongs to the object at"):
        items += ["object", "cache", "object size", place[1]]
    if found(report, r"^Allocated by task"):
        items += ["allocated by pid", "allocation stack"]
    if found(report, r"^Freed by task"):
        items += ["freed by pid", "free stack"]
    if found(report, r"is located at offset \d+ in frame:"):
        items += ["stack of pid", "offset in frame", "function"]
    if found(report, r"belongs to the variable:") or found(report, r"^ \[\d+, \d+\) '"):
        items += ["variable"]
    if found(report, AREA):
        items += ["vmalloc area", "vmalloc pages", "area allocated at"]
    if found(report, r"^page:.* pfn:0x"):
        items += ["page frame"]
    if found(report, r"memory tag: \["):
        items += ["memory tag"]
    if found(report, r"^page last allocated via order"):
        items += ["page order", "page allocated by pid", "page allocation stack"]
    if found(report, r"^page last free "):
        items += ["page free stack"]
    return items + (["first bad granule"] if found(report, r"^ +\^$") else [])


def test_report_items(core):
    """Nothing that the log's report says is left out or differs, item by item."""
    report = last_report(core)
    items = wanted_items(report)
    verdicts = {}
    for row in core.rows("kasan report"):
        verdicts.setdefault(row["item"], set()).add(row["same"])
    agree = [item for item in items if verdicts.get(item) == {"yes"}]
    print(f"{core.name}: {len(agree)} of {len(items)} items of KASAN's report agree")
    assert not [(item, verdicts.get(item)) for item in items if item not in agree]
    share(len(agree), len(items), 1, "items of the report")


def test_deed(core):
    """The object that our module damaged, by its own word."""
    deed = core.deed
    if not deed.get("object") or not deed.get("cache"):
        pytest.skip("no object of a cache was damaged")
    (row,) = core.rows("kasan " + deed["object"])
    assert (int(row["object"], 16) ^ int(deed["object"], 16)) & (1 << 56) - 1 == 0  # but for a tag
    assert row["cache"] == deed["cache"] or (deed["cache"], row["cache"][:8]) == ("kmalloc", "kmalloc-")


def watched_ram(core):
    """Bytes of RAM that can have a shadow: not ARM32's high memory."""
    info = dict(line.split(":") for line in core.truth("meminfo"))
    return int(info.get("LowTotal", info["MemTotal"]).split()[0]) * 1024


def scan(core, dump="vmcore.elf"):
    rows = core.rows("kasan scan", dump=dump)
    (looked,) = [r for r in rows if "pages" in r]
    return looked, {r["value"]: r["granules"] for r in rows if "granules" in r}, [r for r in rows if "finding" in r]


def test_scan(core):
    """Nothing is found where only instrumented accesses went wrong: KASAN stopped each before or told it.
    All memory was looked at; as many objects are marked freed as the quarantine holds."""
    looked, histogram, findings = scan(core)
    assert looked["findings"] == len(findings) == 0, findings[:3]
    ram = watched_ram(core)
    assert sum(histogram.values()) * (8 if generic(core) else 16) >= ram
    if not generic(core):
        return
    assert looked["pages"] * 4096 >= ram
    held = next(r for r in core.rows("kasan quarantine") if "queues" in r)
    assert held["objects"] > 0 and histogram["fa"] == held["objects"]
    free = sum(zone["free"] for zone in core.rows("zones") if zone["zone"] != "HighMem")
    assert histogram["ff"] >= free * 512


def test_histogram(core):
    """Shadow bytes of a stretch of memory, counted here from the machine's RAM, page by page; its ends are not
    aligned to anything."""
    if core.name.split("-mb-")[0] not in ("arm64-kasan-panic", "arm64-kasan-oom", "arm32-kasan-panic", "arm32-kasan-oom",
                                          "arm64-swtags-kaslr-panic", "arm64-swtags-kaslr-write-uaf"):
        pytest.skip("some dumps of each mode are enough")
    granule = 8 if generic(core) else 16
    start = (int(core.rows("slub")[0]["address"], 16) & ~0x3fffff) + 13 * granule
    n = 50 * 4096 + 1203  # of shadow
    first = int(core.rows(f"kasan {start:x}")[0]["shadow"], 16)
    pages = range(first & ~4095, first + n, 4096)
    walks = core.run(*[f"vtop {va:#x}" for va in pages])
    shadow = b"".join(core.ram(int(w["rows"][0]["physical"], 16), 4096) for w in walks)
    shadow = shadow[first & 4095:][:n]
    rows = core.rows(f"kasan scan {start:#x} {start + n * granule:#x}")
    mine = {r["value"]: r["granules"] for r in rows if "granules" in r}
    theirs = collections.Counter(f"{b:02x}" for b in shadow)
    if not generic(core):
        theirs["00-fd"] = sum(theirs.pop(v) for v in list(theirs) if v < "fe")
    assert mine == theirs


def test_scan_caches(core):
    """Slab by slab: as many slabs and objects of a cache as /proc/slabinfo has, where both readings agree."""
    if not generic(core):
        pytest.skip("tags say nothing of an object's layout")
    names = []
    for line in core.steady("slabinfo"):
        word = line.split()
        if len(word) > 15 and word[1].isdigit() and int(word[2]) > 20:
            names.append((word[0], int(word[2]), int(word[14])))
    names.sort(key=lambda row: -row[1])
    assert names, "no cache stood still"
    agree = 0
    for name, objects, slabs in names[:6]:
        (looked,) = [r for r in core.rows("kasan scan " + name) if "slabs" in r]
        assert looked["findings"] == 0
        agree += (looked["objects"], looked["slabs"]) == (objects, slabs)
    # an out-of-memory kill and what dies slowly go on after the second reading
    share(agree, len(names[:6]), 0.5, "caches")


def test_quarantine(core):
    """A twice freed object waits there, by address and cache."""
    report = last_report(core)
    if "double-free" not in report[0] or not generic(core):
        pytest.skip("no object was freed twice, or there is no quarantine")
    held = [r for r in core.rows("kasan quarantine -v") if "queue" in r and "object" in r]
    match = found(report, r"belongs to the object at ([0-9a-f]+)")
    (row,) = [r for r in held if int(r["object"], 16) == int(match[1], 16)]
    assert row["pid"] == int(found(report, r"^Freed by task (\d+)")[1])


def test_map(core):
    """RAM of the linear map has shadow of its own; as far as the kernel's page tables know it."""
    rows = {r["region"]: r for r in core.rows("kasan map")}
    linear = rows.get("linear map") or rows["lowmem"]
    ram = watched_ram(core)
    assert linear["real"] >= ram
    assert rows["kernel image"]["real"] > 0 and rows["kernel image"]["zero"] == 0
    modules = [int(line.split()[5], 16) for line in core.truth("modules")]
    for va in modules:  # with KASLR they are not in the region that is named after them
        (row,) = core.rows(f"kasan {va:x}")
        assert row["backing"] == "real"


def test_zero_page(core):
    """Memory that nobody watches: its shadow is one page of zeroes, and the command does not call it good."""
    shared = [r for r in core.rows("kasan map") if r["zero"] and not r["real"]]
    assert shared, "no region shares the zero page"
    for region in shared:
        (row,) = core.rows(f"kasan {int(region['start'], 16) + 0x1000:x}")
        assert row["backing"] == "zero page" and row["value"] == ("0x0" if generic(core) else "0xfe")
        assert row["verdict"].startswith("not watched")
        (walk,) = core.rows("vtop " + row["shadow"])
        (page,) = core.rows("vtop kasan_early_shadow_page")
        assert int(walk["physical"], 16) & ~4095 == int(page["physical"], 16)


# ---- damage ----------------------------------------------------------------------------------------------


def file_offset(path, pa):
    """Where a physical address's byte stands in an ELF core."""
    with open(path, "rb") as f:
        head = f.read(64)
        wide = head[4] == 2
        phoff, = struct.unpack_from("<Q" if wide else "<I", head, 32 if wide else 28)
        size, count = struct.unpack_from("<HH", head, 54 if wide else 42)
        for i in range(count):
            f.seek(phoff + i * size)
            entry = f.read(size)
            if wide:
                kind, _, offset, _, start, length = struct.unpack_from("<IIQQQQ", entry)
            else:
                kind, offset, _, start, length = struct.unpack_from("<IIIII", entry)
            if kind == 1 and start <= pa < start + length:
                return offset + pa - start
    raise AssertionError(f"{pa:#x} is not in {path}")


def shadow_of(core, va):
    (row,) = core.rows(f"kasan {va:x}")
    (walk,) = core.rows("vtop " + row["shadow"])
    return row, int(walk["physical"], 16)


def test_scan_finds_damage(core, tmp_path):
    """Four kinds: a free page is opened; a granule between two slab objects is; code gets a value that KASAN
    does not have, and one that says that a granule ends early, with accessible ones behind it."""
    if core.name not in ("arm64-kasan-panic", "arm32-kasan-panic"):
        pytest.skip("one dump of each architecture is enough")
    linear = next(r for r in core.rows("kasan map") if r["region"] in ("linear map", "lowmem"))
    start, step = int(linear["start"], 16), linear["real"] // 64 & ~4095
    sample = core.rows("kasan " + " ".join(f"{start + i * step:x}" for i in range(64)))
    free = next(int(row["address"], 16) for row in sample if row["value"] == "0xff")
    (cache,) = core.rows("p -x kmem_cache")
    (row,) = core.rows("kasan " + re.search(r"0x[0-9a-f]+", cache["value"])[0])
    gap = int(row["object"], 16) + (row["object_size"] + 7 & ~7) + 16  # behind the object, where its metadata are
    (row,) = core.rows("kasan vfs_read")
    code = int(row["address"], 16) & ~7
    damage = {free: (0x00, free, "free page is accessible"),
              gap: (0x01, gap, "accessible between slab objects"),
              code: (0x55, code, "shadow has a value that KASAN does not have"),
              code + 32: (0x04, code + 40, "accessible directly behind a granule that ends early")}
    copy = tmp_path / "vmcore"
    shutil.copy(core.path / "vmcore.elf", copy)
    with open(copy, "r+b") as f:
        for va, (byte, _, _) in damage.items():
            f.seek(file_offset(copy, shadow_of(core, va)[1]))
            f.write(bytes([byte]))
    done = subprocess.run([INQUEST, "--json", core.path / "vmlinux", copy, "-c", "kasan scan"], capture_output=True,
                          timeout=300)
    rows = [r for r in json.loads(done.stdout)["rows"] if "finding" in r]
    found = {(int(r["address"], 16), r["value"], r["size"], r["finding"]) for r in rows}
    assert found == {(at, f"{byte:02x}", 8, what) for byte, at, what in damage.values()}


def test_scan_against_slub(core, tmp_path):
    """An object on a free list is opened, one in use is closed: both are found, and nothing else."""
    if core.name not in ("arm64-kasan-panic", "arm32-kasan-panic", "arm64-swtags-kaslr-panic"):
        pytest.skip("one dump of each architecture and mode is enough")
    granule = 8 if generic(core) else 16
    objects = {}
    for row in core.rows("slub objs kmalloc-256"):
        if row["state"] in ("free", "allocated"):
            objects.setdefault(row["state"], int(row["object"], 16))
    opened, closed = (0, 0xfb) if generic(core) else (0x33, 0xfe)
    damage = {objects["free"]: (opened, "accessible object on a free list"),
              objects["allocated"]: (closed, "object in use is poisoned as freed" if generic(core)
                                     else "object in use has no tag")}
    copy = tmp_path / "vmcore"
    shutil.copy(core.path / "vmcore.elf", copy)
    with open(copy, "r+b") as f:
        for va, (byte, _) in damage.items():
            f.seek(file_offset(copy, shadow_of(core, va)[1]))
            f.write(bytes([byte]) * (256 // granule))
    for scan_of in ("kasan scan", "kasan scan kmalloc-256"):
        done = subprocess.run([INQUEST, "--json", core.path / "vmlinux", copy, "-c", scan_of], capture_output=True,
                              timeout=300)
        rows = [r for r in json.loads(done.stdout)["rows"] if "finding" in r]
        assert {(int(r["address"], 16), r["value"], r["finding"]) for r in rows} == \
            {(va, f"{byte:02x}", what) for va, (byte, what) in damage.items()}
