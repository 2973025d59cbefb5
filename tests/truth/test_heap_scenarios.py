"""What the commands say about the byte that went wrong, on every dump whose guest damaged a slab object, a page, a vmalloc
area, a stack or a variable, against all that others know of it: KASAN's, SLUB's and KFENCE's reports, the words of our
module, and the source of that and of LKDTM. What a dump of such a kernel must be able to tell is counted beforehand: a
stack or an object that no oracle was found for is a failure, not a skip."""

import re

import pytest
from heap_ledger import (Boot, CALLERS, FREED, KIND, LKDTM, Ledger, alike, boots, keeps_tracks, number, scenario, untagged,
                         watched, word)
from kernel_reports import (AREA, accessed, block, console, found, kasan_report, kasan_tracks, kfence_objects, kfence_report,
                            oops_registers, slub_reports, slub_tracks)
from truth_cores import frame_rows, same_frames, share

# ---- slab objects ------------------------------------------------------------------------------------------------------

def told_by_kasan(core, report):
    """Object, cache, size, address and tracks of KASAN's report; None where it names no object."""
    match = found(report, r"belongs to the object at ([0-9a-f]+)")
    if not match:
        return None
    cache = found(report, r"belongs to the cache (\S+) of size (\d+)")
    place = found(report, r"is located (\d+) bytes (inside of|to the (?:left|right) of)")
    return {"address": int(accessed(report), 16), "object": untagged(core, int(match[1], 16)), "cache": cache[1],
            "size": int(cache[2]), "place": f"{place[1]} bytes {place[2]}",
            "tracks": {what: (pid, frames, ()) for what, (pid, frames) in kasan_tracks(report).items()}}


def told_by_slub(core):
    """The same of SLUB's first report that shows an object; the address is the first byte that it finds wrong."""
    for report in slub_reports(core):
        match = found(report, r"^Object 0x([0-9a-f]+) @offset=\d+")
        if match:
            byte = found(report, r"^(?:\[.*\] )?0x([0-9a-f]+)-0x[0-9a-f]+ @offset=\d+\. First byte") \
                or found(console(core), r"^\[.*\] 0x([0-9a-f]+)-0x[0-9a-f]+ @offset=\d+\. First byte")
            return {"address": int((byte or match)[1], 16), "object": int(match[1], 16),
                    "cache": re.match(r"BUG (\S+) ", report[0])[1],
                    "tracks": {what: (pid, frames, ()) for what, (_, _, pid, frames) in slub_tracks(report).items()}}
    return None


def told_by_the_module(core):
    """The same by its own word, and by who calls whom in its source."""
    deed = core.deed
    if not deed.get("object"):
        return None
    tracks = {}
    for what, who in (("Allocated", "alloc"), ("Freed", "free")):
        if who + "_fn" in deed:
            fn = deed[who + "_fn"]
            tracks[what] = (int(deed[who + "_pid"]), None, [fn] + CALLERS[fn])
    return {"address": number(deed["object"]) + int(deed.get("offset", 0)), "object": untagged(core, number(deed["object"])),
            "cache": deed.get("cache"), "offset": int(deed.get("offset", 0)), "tracks": tracks}


def told_by_lkdtm(core, name):
    """By LKDTM's source: cache, size and offset, and that one function does it all. Its object is what registers of the
    Oops hold where the free list's check compares it with the list's first (set_freepointer() in mm/slub.c)."""
    cache, size, _, offset = LKDTM[name]
    told = {"cache": cache, "size": size, "offset": offset, "tracks": {}}
    if not keeps_tracks(core):
        values = [v for v in oops_registers(core).values() if v]
        assert values, "no Oops"
        told["object"] = max(set(values), key=values.count)
        assert values.count(told["object"]) >= 2
        told["address"] = told["object"] + offset
    return told


def told_by_the_source(core, name, report):
    """A boot without the module's word: what the recipe and the module's source say of its victim. KASAN's report is of the
    first byte that it saw go wrong, which in tag mode begins a granule."""
    size, tracks = word(core, "size", 120), {}
    offset = {"overflow": size, "uaf-write": 32, "double-free": 0}[name]
    pids = {row["comm"]: row["pid"] for row in core.rows("ps")}
    for what, fn, comm in (("Allocated", "widget_make", "mb-alloc"), ("Freed", "widget_release", "mb-free")):
        if what == "Allocated" or name in FREED:
            tracks[what] = (pids[comm], None, [fn] + CALLERS[fn])
    if report:
        granule = 1 if "CONFIG_KASAN_GENERIC" in core.config else 16
        va = untagged(core, int(accessed(report), 16)) - (-(-offset // granule) * granule)
    else:
        va = damaged_in_this_boot(core)
    return {"address": va + offset, "object": va, "cache": "mb_widget", "size": size, "offset": offset, "tracks": tracks}


def damaged_in_this_boot(core):
    """The object that `slub check` finds, if it is the module's victim by its number, which stands behind a list_head and
    a pointer (struct widget in heap.c)."""
    victims = []
    for va in {number(row["object"]) for row in core.rows("slub check") if row["kind"] == "damage"}:
        (row,) = core.rows(f"rd -32 {va + 3 * (8 if core.arm64 else 4):#x} 1")
        if number(row["data"]) == word(core, "victim", 7):
            victims.append(va)
    (victim,) = victims
    return victim


def spoiled(core, name, row, what):
    """The bytes from that track's start that the deed itself wrote over, by the module's word and the object's layout: a
    far overflow, or a free pointer that SLUB puts as far behind a wrong address as it has it behind an object."""
    part = {"Allocated": "allocation track", "Freed": "free track"}[what]
    track = next((p for p in row["layout"] if p["part"] == part), None)
    if not track or not core.deed:
        return None
    first, n = int(core.deed.get("offset", 0)), int(core.deed.get("bytes", 0))
    if name == "bad-free":
        pointer = next(p for p in row["layout"] if p["part"] == "free pointer")
        first, n = first + pointer["from"], pointer["to"] - pointer["from"]
    if name not in ("overflow", "bad-free") or first >= track["to"] or first + n <= track["from"]:
        return None
    return range(first - track["from"], first + n - track["from"])


def slub_tracks_agree(led, by, name, told, row):
    """SLUB's tracks and KASAN's beside them; a report of the one says nothing of the other's frames."""
    for key, other in (("tracks", "SLUB"), ("kasan_tracks", "KASAN")):
        mine = {t["what"]: t for t in row[key] or []}
        if not mine or by not in ("the module", "the source", other):
            continue
        for what, (pid, frames, chain) in told["tracks"].items():
            bytes_over = spoiled(led.core, name, row, what) if key == "tracks" else None
            if bytes_over:
                led.holds(f"slub obj: {what} is written over", mine[what]["written_over"])
                led.tracks.add(what)
                if bytes_over[0] >= 8:  # who called stands first in it
                    led.equal(f"slub obj: {what}, caller by {by}", chain[0], mine[what]["caller"][0]["symbol"])
                continue
            if key == "tracks":
                led.equal(f"slub obj: {what} is whole", False, mine.get(what, {}).get("written_over", False))
            if key == "tracks" and what == "Freed" and "CONFIG_KASAN_GENERIC" in led.core.config:
                continue  # SLUB's is written when the quarantine lets the object go
            led.track(f"slub obj: {what} ({other}) by {by}", what, mine.get(what), pid, frames, chain)


def slab_by(led, by, name, told):
    core = led.core
    at = told["address"]
    if by == "the module" and (kasan_report(core) or not keeps_tracks(core)):
        at = told["object"]  # without redzones of SLUB's the bytes around it are another's, or nobody's
    (row,) = core.rows(f"slub obj {at:x}", status=None)
    led.equal(f"slub obj: object by {by}", hex(told["object"]), row["object"])
    led.holds(f"slub obj: cache by {by}", alike(row["cache"], told["cache"]) or row["cache"] == told["cache"], row["cache"])
    led.equal(f"slub obj: offset by {by}", untagged(core, at) - told["object"], row["offset"])
    if "size" in told:
        led.equal(f"slub obj: size by {by}", told["size"], row["object_size"])
    if "offset" in told and at != told["object"]:
        led.equal(f"slub obj: offset of the deed by {by}", told["offset"], row["offset"])
    state = "free" if name in FREED else "allocated"
    led.holds("slub obj: state", row["state"].startswith(state), row["state"])
    slub_tracks_agree(led, by, name, told, row)
    one = next((k for k in core.rows(f"addr {at:x}") if k["kind"] == "slab object"), {})
    led.equal(f"addr: object by {by}", hex(told["object"]), one.get("start"))
    led.holds(f"addr: cache by {by}", alike(one.get("name"), told["cache"]) or one.get("name") == told["cache"])
    led.holds("addr: state", (one.get("state") or "").startswith(state), one.get("state"))
    if watched(core):
        kasan_agrees(led, by, told, at)


def kasan_agrees(led, by, told, at):
    (row,) = led.core.rows(f"kasan {at:x}")
    led.equal(f"kasan: object by {by}", hex(told["object"]), row["object"])
    led.holds(f"kasan: cache by {by}", alike(row["cache"], told["cache"]) or row["cache"] == told["cache"])
    if "size" in told:
        led.equal(f"kasan: size by {by}", told["size"], row["object_size"])
    if "place" in told:
        led.holds("kasan: place", row["place"].startswith(told["place"] + " "), row["place"])
    if by == "SLUB":
        return
    mine = {t["what"]: t for t in row["tracks"] or []}
    if by == "KASAN":
        led.equal("kasan: tracks of this life", set(told["tracks"]), set(mine))
    for what, (pid, frames, chain) in told["tracks"].items():
        # the module's word is of any life of the object; a ring may have forgotten what the report had not to say
        if by == "KASAN" or what in mine or "CONFIG_KASAN_GENERIC" in led.core.config:
            led.track(f"kasan: {what} by {by}", what, mine.get(what), pid, frames, chain)


def slab_page(led):
    """The slab of SLUB's first report, which a wrong free has too, without an object: by its struct page and its cache."""
    for report in slub_reports(led.core)[:1]:
        told = found(report, r"^Slab 0x([0-9a-f]+) objects=(\d+) used=")
        at = found(report, r"^Object 0x([0-9a-f]+) @|Invalid object pointer 0x([0-9a-f]+)")
        cache = re.match(r"BUG (\S+) ", report[0])[1]
        (row,) = led.core.rows(f"slub obj {at[1] or at[2]}", status=None)
        led.equal("slub obj: slab by SLUB", (cache, "0x" + told[1]), (row["cache"], row["slab"]))
        slabs = {one["slab"]: one for one in led.core.rows(f"slub {cache}", status=None)}
        led.equal("slub CACHE: objects of the slab by SLUB", int(told[2]), slabs.get(row["slab"], {}).get("objects"))


def slab(led, name):
    core, report = led.core, kasan_report(led.core)
    tells = {"KASAN": told_by_kasan(core, report), "SLUB": told_by_slub(core)}
    if name in LKDTM:
        tells["the source"] = told_by_lkdtm(core, name)
    elif core.deed:
        tells["the module"] = told_by_the_module(core)
    else:
        tells["the module"] = told_by_the_source(core, name, report)
    if "the source" in tells and "object" not in tells["the source"]:
        first = tells["KASAN"] or tells["SLUB"]
        tells["the source"].update(object=first["object"], address=first["object"] + tells["the source"]["offset"])
        # by the report's task, through LKDTM's function or, after a tail call on ARM32, through the one that calls it
        tells["the source"]["tracks"] = {what: (track[0], None, ["direct_entry"]) for what, track in first["tracks"].items()}
    for by, told in tells.items():
        if told:
            slab_by(led, by, name, told)
    slab_page(led)
    at = next(told for told in tells.values() if told)
    if keeps_tracks(core):
        wanted = {"Allocated"} | ({"Freed"} if name in FREED else set())
        led.holds("the tracks that this kernel keeps", wanted <= led.tracks, sorted(led.tracks))
    else:
        (row,) = core.rows(f"slub obj {at['object']:x}", status=None)
        led.equal("slub obj: no tracks", (None, None), (row["tracks"] or None, row["kasan_tracks"] or None))
    promise = core.recipe.get("expect_cache")
    if promise:
        led.holds("the recipe's cache", alike(promise, at["cache"]) or alike(at["cache"], promise), at["cache"])


# ---- KFENCE's objects ----------------------------------------------------------------------------------------------------

def kfence(led, name):
    core, report = led.core, kfence_report(led.core)
    ((_, told),) = [(n, t) for n, t in kfence_objects(report).items() if t]
    first, last, size, cache, tracks = told
    plain, _, asked, offset = LKDTM[name]
    at = found(report, r"(?:write|read) at 0x([0-9a-f]+)")
    led.equal("the report: offset by the source", offset, int(at[1], 16) - first)
    led.equal("the report: size by the source", asked, last + 1 - first)
    (row,) = core.rows(f"kfence {at[1]}")
    led.equal("kfence: object", (hex(first), size, cache), (row["address"], row["size"], row["cache"]))
    led.holds("kfence: cache by the source", alike(row["cache"], plain), row["cache"])
    words = {"allocated": "Allocated", "freed": "Freed"}
    led.equal("kfence: tracks", {words[t] for t in tracks}, {t["what"] for t in row["tracks"]})
    led.equal("kfence: tracks by the source", {"Allocated", "Freed"} if name in FREED else {"Allocated"},
              {t["what"] for t in row["tracks"]})
    for t in row["tracks"]:
        pid, _, _, frames = tracks[t["what"].lower()]
        led.equal(f"kfence: {t['what']}, task", pid, t["pid"])
        # the kernel leaves out its own frames at the top (get_stack_skipnr() in mm/kfence/report.c)
        led.holds(f"kfence: {t['what']}, stack", same_frames(frame_rows(t["frames"])[-len(frames):], frames))
        led.holds(f"kfence: {t['what']} by the source", f"lkdtm_{name}" in [f["symbol"] for f in t["frames"]])
    (answer,) = core.run(f"slub obj {first:x}", status=None)
    led.holds("slub obj: points to KFENCE", not answer["rows"] and "KFENCE" in answer["faults"][0]["message"])
    for va in (first, int(at[1], 16)):
        one = next((k for k in core.rows(f"addr {va:x}") if k["kind"] == "KFENCE object"), {})
        led.equal(f"addr: object at {va - first:#x}", (hex(first), size, cache, row["state"]),
                  (one.get("start"), one.get("size"), one.get("name"), one.get("state")))


# ---- pages ---------------------------------------------------------------------------------------------------------------

def page(led, _):
    core, deed, report = led.core, led.core.deed, kasan_report(led.core)
    va = number(deed["object"]) + int(deed["offset"])
    pfn = number(deed["pfn"]) + int(deed["offset"]) // 4096
    (row,) = core.rows(f"page {untagged(core, va):x}")
    led.equal("page: pfn", pfn, number(row["pfn"]))
    led.equal("page: owner", "free", row["owner"])
    first, n = int(deed["offset"]) % 4096, int(deed["bytes"])
    if "page_poison=1" in core.recipe.get("CMDLINE", ""):
        led.equal("page: what was written", (first, n), (row["poison_first"], row["poison_bytes"]))
        (row,) = core.rows(f"page {untagged(core, va) - 4096:x}")
        led.equal("page: the page before it", "whole", row["poison"])
    else:
        led.equal("page: no poison", None, row["poison"])
    one = next(k for k in core.rows(f"addr {va:x}") if k["kind"] == "page")
    led.equal("addr: pfn and state", (pfn, "free"), (number(one["pfn"]), one["state"]))
    if report:
        told = found(report, r"^page:.* pfn:0x([0-9a-f]+)")
        led.equal("the report's page is the module's", pfn, int(told[1], 16))
        (row,) = core.rows(f"kasan {accessed(report)}")
        led.equal("kasan: no object", None, row["object"])
    if "page_owner=on" not in core.recipe.get("CMDLINE", ""):
        (answer,) = core.run(f"page_owner {va:x}", status=1)
        led.holds("page_owner: was off", "page_owner was off" in answer["faults"][0]["message"])
        return
    (row,) = core.rows(f"page_owner {va:x}")
    led.equal("page_owner: state, order", ("free", int(deed["order"])), (row["state"], row["order"]))
    mine = {t["what"]: {**t, "pid": row["pid"]} for t in row["stacks"]}
    chain = {who: [deed[who + "_fn"]] + CALLERS[deed[who + "_fn"]] for who in ("alloc", "free")}
    led.track("page_owner: Allocated", "Allocated", mine.get("Last allocated"), int(deed["alloc_pid"]), None, chain["alloc"])
    led.track("page_owner: Freed", "Freed", mine.get("Freed"), None, None, chain["free"])
    owner = next(k for k in core.rows(f"addr {va:x}") if k["kind"] == "page owner")
    led.equal("addr: owner's task", int(deed["alloc_pid"]), owner["pid"])
    led.holds("addr: owner's function", deed["alloc_fn"] in owner["text"], owner["text"])


# ---- vmalloc -------------------------------------------------------------------------------------------------------------

def vmalloc(led, _):
    core, deed, report = led.core, led.core.deed, kasan_report(led.core)
    start, offset = untagged(core, number(deed["object"])), int(deed["offset"])
    pages = -(-int(deed["size"]) // 4096)
    address = number(deed["object"]) + offset
    (row,) = core.rows(f"vmalloc {address:x}")
    led.equal("vmalloc: area by the module", (hex(start), pages, hex(offset)), (row["start"], row["pages"], row["offset"]))
    led.holds("vmalloc: caller by the module", row["caller"]["symbol"].startswith(deed["alloc_fn"] + "+")
              if isinstance(row["caller"], dict) else row["caller"].startswith(deed["alloc_fn"] + "+"), row["caller"])
    one = next((k for k in core.rows(f"addr {address:x}") if k["kind"] == "vmalloc area"), {})
    led.equal("addr: area", hex(start), one.get("start"))
    led.holds("addr: caller", (one.get("name") or "").startswith(deed["alloc_fn"] + "+"), one)
    led.tracks.add("Allocated")
    if report:
        told = found(report, AREA)
        (row,) = core.rows(f"kasan {accessed(report)}")
        if told:
            led.equal("kasan: area by the report", (hex(untagged(core, number(told[2]))), int(told[1]), told[3]),
                      (row["area"], row["area_pages"], row["area_caller"]))
        led.equal("kasan: area by the module", (hex(start), pages), (row["area"], row["area_pages"]))
    if "page_owner=on" in core.recipe.get("CMDLINE", ""):
        (row,) = core.rows(f"page_owner {start:x}")
        mine = {t["what"]: {**t, "pid": row["pid"]} for t in row["stacks"]}
        led.track("page_owner: Allocated", "Allocated", mine.get("Allocated"), int(deed["alloc_pid"]), None,
                  [deed["alloc_fn"]] + CALLERS[deed["alloc_fn"]])


# ---- stacks and variables ----------------------------------------------------------------------------------------------

def stack_by_kasan(led, report, function, variable):
    core = led.core
    address = int(accessed(report), 16)
    (row,) = core.rows(f"kasan {address:x}")
    offset = int(found(report, r"is located at offset (\d+) in frame:")[1])
    led.equal("kasan: offset in the frame", offset, row["frame_offset"])
    name = block(report, " and is located at")[0]
    led.equal("kasan: function by the report", name, row["function"])
    led.holds("kasan: function by the source", function in name.split("+")[0], name)
    told = (re.fullmatch(r" \[(\d+), (\d+)\) '(.*)'", line) for line in report)
    theirs = [(int(m[1]), int(m[2]), m[3]) for m in told if m]
    mine = [(v["offset"], v["offset"] + v["size"], v["name"]) for v in row["variables"]]
    led.equal("kasan: variables", theirs, mine)
    name, size, begin = variable
    where = next((v for v in mine if v[2] == name), (0, 0, None))
    led.equal("kasan: variable by the source", (name, size), (where[2], where[1] - where[0]))
    led.equal("kasan: how far into it", begin, offset - where[0])
    told = found(report, r"belongs to stack of task (.*)/(\d+)")
    led.equal("kasan: whose stack", int(told[2]), row["pid"])
    one = next((k for k in core.rows(f"addr {address:x}") if k["kind"] == "stack"), {})
    led.equal("addr: whose stack", int(told[2]), one.get("pid"))


def stack_by_canary(led, pid, function, variable):
    """Without KASAN: the frame whose canary was overwritten, the variable that ends below it, and addr of that place."""
    core = led.core
    (row,) = [row for row in core.rows(f"stackcheck {pid}", status=None) if row["kind"] == "task"]
    told = found(console(core), r"stack-protector: Kernel stack is corrupted in: (\S+)")
    if told:
        led.equal("the report: function", function, told[1].split("+")[0])
        led.holds("stackcheck: who found it", re.search(rf"as found by {function}\+", row["finding"]), row["finding"])
    led.equal("stackcheck: function", function, row["function"])
    led.equal("stackcheck: variable", variable[0], row["variable"])
    led.holds("stackcheck: its size", f"variable {variable[0]} ({variable[1]} bytes at " in row["finding"], row["finding"])
    if row["slot"]:
        one = next((k for k in core.rows(f"addr {row['slot']}") if k["kind"] == "stack"), {})
        led.equal("addr: whose stack", pid, one.get("pid"))
        led.holds("addr: frame", function in (one.get("state") or ""), one.get("state"))


def stack(led, name):
    core, report = led.core, kasan_report(led.core)
    if name == "CORRUPT_STACK":
        # char data[8] of lkdtm_CORRUPT_STACK(), which is written from its start; drivers/misc/lkdtm/bugs.c, 6.1
        function, variable = "lkdtm_CORRUPT_STACK", ("data", 8, 0)
        said = found(console(core), r"^CPU: \d+ PID: (\d+) Comm: trigger")
        pid = int(said[1])
    else:
        function, pid, deed = core.deed["culprit_fn"], int(core.deed["culprit_pid"]), core.deed
        variable = (deed["variable"], int(deed["variable_bytes"]), int(deed["offset"]))
    if report:
        stack_by_kasan(led, report, function, variable)
    else:
        stack_by_canary(led, pid, function, variable)


def stack_end(led, name):
    """A stack that ran over: whose it is and where it lies."""
    core = led.core
    bounds = found(console(core), r"^Task stack: +\[0x([0-9a-f]+)\.\.0x([0-9a-f]+)\]")
    told = found(console(core), r"^CPU: \d+ PID: (\d+) Comm: (trigger|mb-fault)")
    pid = int(core.deed["culprit_pid"]) if core.deed else told and int(told[1])
    rows = [row for row in core.rows("stackcheck -d", status=None) if row["kind"] == "task"]
    led.equal("stackcheck: one task's stack ran over", ["ran over"], [row["finding"][:8] for row in rows])
    (row,) = rows[:1]
    led.equal("stackcheck: task", "trigger" if name.isupper() else "mb-fault", row["comm"])
    if pid is not None:
        led.equal("stackcheck: pid", pid, row["pid"])
    if bounds:
        led.equal("stackcheck: bounds", (int(bounds[1], 16), int(bounds[2], 16)),
                  (number(row["stack"]), number(row["stack"]) + row["size"]))
    one = next((k for k in core.rows(f"addr {number(row['stack']) + 64:x}") if k["kind"] == "stack"), {})
    led.equal("addr: whose stack", row["pid"], one.get("pid"))
    over = found(console(core), r"^FAR: 0x([0-9a-f]+)") if core.arm64 else found(console(core), r"^sp : ([0-9a-f]+)")
    if over and bounds:
        lies_below = number(row["stack"]) - int(over[1], 16)
        one = next((k for k in core.rows(f"addr {over[1]}") if k["kind"] == "stack"), {})
        led.equal("addr: whose stack ran over to there", (row["pid"], -lies_below), (one.get("pid"), one.get("offset")))
    task = next(task for task in core.rows("ps") if task["comm"] == row["comm"])
    led.equal("ps: the task", task["pid"], row["pid"])


def variable(led, _):
    core, report = led.core, kasan_report(led.core)
    lines = [line for line in core.truth("misbehave") if "section=" in line]
    deed = dict(part.split("=", 1) for part in lines[0].split() if "=" in part)
    start, offset = number(deed["object"]), int(deed["offset"])
    # what lies behind the variable is perhaps another: of the first byte that was written only the section is sure
    inside = int(deed["variable_bytes"]) - 1
    one = next(k for k in core.rows(f"addr {start + inside:x}") if k["kind"] == "symbol")
    led.equal("addr: variable", (deed["variable"], deed["module"], inside, hex(start)),
              (one["name"], one["module"], one["offset"], one["start"]))
    section = next(k for k in core.rows(f"addr {start + offset:x}") if k["kind"] == "module")
    led.holds("addr: section", section["text"].endswith("section " + deed["section"]), section["text"])
    if not report:
        return
    (row,) = core.rows(f"kasan {accessed(report)}")
    told = block(report, "The buggy address belongs to the variable:")[0]
    led.holds("kasan: variable by the report", told.startswith(row["variable"] + "+"), row["variable"])
    led.equal("kasan: offset by the report", int(re.search(r"\+0x([0-9a-f]+)/", told)[1], 16),
              number(row["address"]) - number(row["variable_address"]))
    led.equal("kasan: variable by the module", (deed["variable"], hex(start), int(deed["variable_bytes"])),
              (row["variable"], row["variable_address"], row["variable_size"]))
    led.equal("kasan: place", f"{offset - int(deed['variable_bytes'])} bytes to the right of it", row["place"])
    led.holds("kasan: file", row["file"].endswith("areas.c"), row["file"])


# ---- the tests -----------------------------------------------------------------------------------------------------------

def report_rebuilt(led):
    """`kasan report`: nothing that the log says differs in memory, but rows of shadow that went on to be used."""
    if not kasan_report(led.core):
        return
    rows = led.core.rows("kasan report")
    wrong = [row["item"] for row in rows if row["same"] == "NO" and not re.fullmatch(r"[0-9a-f]{8,16}", row["item"])]
    led.equal("kasan report: what differs", [], wrong)
    left_out = [row["item"] for row in rows if row["same"] == "" and row["item"] not in ("report", "access")]
    led.equal("kasan report: what only one has", [], left_out)
    led.holds("kasan report: rows of shadow", sum(bool(re.fullmatch(r"[0-9a-f]{8,16}", row["item"])) for row in rows) == 5)


def compare(core):
    name = scenario(core)
    if name is None:
        pytest.skip("this guest damaged no object, page, area, stack or variable")
    led = Ledger(core)
    run = {"slab": kfence if kfence_report(core) else slab, "page": page, "vmalloc": vmalloc, "stack": stack,
           "stack end": stack_end, "global": variable}[KIND[name]]
    run(led, name)
    report_rebuilt(led)
    promised = {"alloc": {"Allocated"}, "free": {"Freed"}}
    for stacks in core.recipe.get("expect_stacks", "").split(","):
        led.holds(f"the recipe's stacks: {stacks}", promised.get(stacks, set()) <= led.tracks, sorted(led.tracks))
    wrong = led.differs()
    kept = " ".join(sorted(led.tracks)) or "no tracks"
    print(f"{core.name} {getattr(core, 'memory', '')}: {KIND[name]}, {name}: {len(led.facts) - len(wrong)} of "
          f"{len(led.facts)} facts; {kept}")
    assert not wrong, "\n".join(f"{fact}: wanted {pair[0]}, said {pair[1]}" for fact, pair in wrong.items())
    share(len(led.facts), len(led.facts), 1, "facts")


def test_scenario(core):
    compare(core)


@pytest.mark.parametrize("name", boots())
def test_boot(name):
    compare(Boot(*name.split("/")))
