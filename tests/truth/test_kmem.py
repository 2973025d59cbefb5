"""kmem against /proc/meminfo and /proc/vmstat, and its parts against each other: what one book says of the moment
of the dump another must say too."""

import functools
import random
import re
import shutil
import subprocess

import json

import pytest
from test_zones import file_offset
from truth_cores import INQUEST, share


def kilobytes(lines):
    return {line.split(":")[0]: int(line.split()[1]) for line in lines if line.endswith(" kB")}


@functools.lru_cache(maxsize=None)
def usage(core):
    return {row["what"]: row for row in core.rows("kmem -i")}


FIXED = {"MemTotal", "SwapTotal", "CommitLimit", "HighTotal"}
MOVED_BY_PROCESSES = {"MemFree", "MemAvailable", "LowFree", "HighFree", "Active", "Inactive", "Active(anon)",
                      "Inactive(anon)", "Active(file)", "Inactive(file)", "AnonPages", "Mapped", "Slab", "SReclaimable",
                      "SUnreclaim", "KReclaimable", "KernelStack", "PageTables", "Committed_AS", "VmallocUsed"}


def test_meminfo(core):
    """Every number that meminfo has: fixed ones exactly, the others as far as nothing moved after the account."""
    first, second = kilobytes(core.truth("meminfo")), kilobytes(core.truth("meminfo.2"))
    mine = {row["meminfo"]: row["total"] // 1024 for row in usage(core).values() if row["meminfo"]}
    both = set(mine) & set(second)
    assert len(both) >= 18, sorted(both)
    # a kernel without high memory has no word for it, and one without block devices no buffers
    assert set(mine) - set(second) == set(), set(mine) - set(second)
    wrong = [(key, mine[key], second[key]) for key in both & FIXED if mine[key] != second[key]]
    assert not wrong, wrong
    if "oom" in core.name or core.deed.get("scenario") == "leak":
        pytest.skip("memory filled up after the account was read")
    slack = {key: min(512 + second["MemTotal"] // 100, 48 + second[key] // 4) for key in both}
    far = [(key, mine[key], second[key]) for key in both - FIXED
           if abs(mine[key] - second[key]) > slack[key] + 2 * abs(first[key] - second[key])]
    share(len(both - FIXED) - len(far), len(both - FIXED), 0.88 if core.ran_on > 2 else 0.95, f"numbers, far {far}")
    # those that the processes move that end and begin until the dump are near, above; the others are the same
    still = [key for key in both - FIXED - MOVED_BY_PROCESSES if first[key] == second[key]]
    same = [key for key in still if mine[key] == second[key]]
    assert len(still) >= 6, still
    share(len(same), len(still), 0.9, f"steady numbers, {[(k, mine[k], second[k]) for k in still if k not in same]}")


def test_usage_adds_up(core):
    rows = usage(core)
    size = core.page_bytes
    for row in rows.values():
        assert row["pages"] == row["total"] // size
    assert rows["FREE"]["total"] + rows["USED"]["total"] == rows["TOTAL MEM"]["total"]
    assert rows["FREE"]["percent"] == rows["FREE"]["total"] * 100 // rows["TOTAL MEM"]["total"]


def vmstat(lines):
    return {line.split()[0]: int(line.split()[1]) for line in lines}


def test_vmstat(core):
    """The names in their order, values that did not move, events that only grow."""
    first, second = vmstat(core.truth("vmstat")), vmstat(core.truth("vmstat.2"))
    rows = core.rows("kmem -V")
    mine = {row["name"]: row["value"] for row in rows}
    assert len(mine) == len(rows) >= 30
    strangers = [name for name in mine if name not in second]
    # the enum has counters that this configuration does not print
    share(len(mine) - len(strangers), len(mine), 0.95, f"names, strangers {strangers}")
    order = [name for name in second if name in mine]
    assert order == [name for name in mine if name in second]
    events = {row["name"] for row in rows if row["kind"] == "event"}
    back = [(name, second[name], mine[name]) for name in events & set(second) if mine[name] < second[name]]
    assert not back, back
    if "oom" in core.name or core.deed.get("scenario") == "leak":
        return
    # the processes that end and begin until the dump move these: meminfo above says how near they are
    moved = re.compile("nr_(mapped|anon_pages|kernel_stack|page_table_pages|free_pages|slab_|(zone_)?(in)?active_)")
    still = [name for name in mine if name in second and first[name] == second[name] and not moved.match(name)]
    same = [name for name in still if mine[name] == second[name]]
    share(len(same), len(still), 0.95, f"steady counters, not {[name for name in still if name not in same]}")


def test_counters_by_name(core):
    (answer,) = core.run("kmem -V nr_free_pages nr_slab")
    assert 2 <= len(answer["rows"]) <= 4
    assert all(re.search("nr_free_pages|nr_slab", row["name"]) for row in answer["rows"])


@functools.lru_cache(maxsize=None)
def free(core, option="-f"):
    """The lists' rows and the zones' sums."""
    rows = core.rows(f"kmem {option}")
    return [row for row in rows if "order" in row], [row for row in rows if "findings" in row]


def test_free_lists_are_sound(core):
    """Nothing is wrong on any dump, not even of a running machine; the lists are those that zones -t walks."""
    lists, sums = free(core)
    assert lists and sums and all(row["findings"] == 0 for row in sums)
    theirs = {(row["node"], row["zone"], one["order"], row["type"]): one["blocks"]
              for row in core.rows("zones -t") for one in row["orders"] if one["blocks"]}
    assert theirs == {(row["node"], row["zone"], row["order"], row["type"]): row["blocks"] for row in lists}
    for row in sums:
        mine = [one for one in lists if (one["node"], one["zone"]) == (row["node"], row["zone"])]
        assert row["found"] == sum(one["blocks"] << one["order"] for one in mine)
        # the counter lags by what CPUs have not added, 125 pages each at most
        assert abs(row["found"] - row["counter"]) <= 125 * 8 + 64, row


def test_free_blocks_are_free_pages(core):
    """Every page of some blocks says that it is in a free block, and in which."""
    lists, _ = free(core, "-F")
    dice = random.Random(core.name)
    wanted = {}
    for row in lists:
        assert len(row["block_list"]) == row["blocks"]
        for block in dice.sample(row["block_list"], min(len(row["block_list"]), 3)):
            first = int(block["pfn"], 16)
            wanted[first + dice.randrange(1 << row["order"])] = (first, row["order"])
    for row in core.rows("page " + " ".join(f"0x{pfn:x}" for pfn in wanted)):
        first, order = wanted[int(row["pfn"], 16)]
        assert (row["owner"], int(row["block_pfn"], 16), row["block_order"]) == ("buddy", first, order), row


def test_all_pages(core):
    """Of all struct pages as many are free as the lists have, and as many are slabs as the slab heap has."""
    if int(core.meta["memory_mb"]) > 256:
        pytest.skip("a large machine: its pages take long")
    owners, rows = {}, core.rows("kmem -p")
    for row in rows:
        owners[row["owner"]] = owners.get(row["owner"], 0) + 1
    assert owners["buddy"] == sum(row["found"] for row in free(core)[1])
    present = sum(row["present"] for row in core.rows("zones"))
    assert len(rows) >= 0.98 * present
    slabs = sum(row["slabs"] << row["order"] for row in core.rows("slub"))
    # a cache's order is that of new slabs; KFENCE marks its pages as slabs, of which SLUB knows nothing
    assert slabs <= owners["slab"] * 1.02 + 2 and owners["slab"] <= slabs * 1.02 + 600, (slabs, owners)
    bits = {row["flag"][3:]: row["bit"] for row in core.rows("kmem -g") if not row["alias"]}
    for row in rows[:: max(1, len(rows) // 500)]:
        word = sum(1 << bits[name] for name in row["flags"].split("|")) if row["flags"] else 0
        assert int(row["flags_word"], 16) & ((1 << (max(bits.values()) + 1)) - 1) == word, row


def test_flags_by_number(core):
    rows = core.rows("kmem -g 11")
    assert {row["bit"] for row in rows} == {0, 4} and all(int(row["value"], 16) == 1 << row["bit"] for row in rows)


def test_nodes(core):
    rows = core.rows("kmem -n")
    nodes = [row for row in rows if "present" in row]
    zones = [row for row in rows if "name" in row]
    sections = [row for row in rows if "coded_mem_map" in row]
    assert len(nodes) == 1 and zones
    theirs = {row["zone"]: (row["spanned"], row["start_pfn"], row["address"]) for row in core.rows("zones")
              if row["present"]}
    assert theirs == {row["name"]: (row["spanned"], row["start_pfn"], row["address"]) for row in zones}
    assert bool(sections) == ("CONFIG_SPARSEMEM" in core.config)
    if sections:
        (page,) = core.rows(f"page 0x{sections[0]['pfn']:x}", status=None) or [None]
        assert page is None or page["page"] == sections[0]["mem_map"]
        assert all(row["state"].startswith("PM") for row in sections)


def test_offsets(core):
    rows = core.rows("kmem -o")
    if "CONFIG_SMP" not in core.config:
        assert [int(row["offset"], 16) for row in rows] == [0]
        return
    assert len(rows) == len(core.rows("percpu runqueues.nr_running"))
    for row in rows:
        (value,) = core.rows(f"p -x __per_cpu_offset[{row['cpu']}]")
        assert int(re.search("0x[0-9a-f]+", value["value"])[0], 16) == int(row["offset"], 16)


def test_same_as_the_other_commands(core):
    assert core.rows("kmem -v") == core.rows("vmalloc")
    assert core.rows("kmem -z") == core.rows("zones -z")
    assert core.rows("kmem -s") == core.rows("slub")


def test_objects(core):
    """-S of a cache is slub objs of it."""
    (first,) = [row["cache"] for row in core.rows("slub") if row["cache"] == "task_struct"][:1] or ["vm_area_struct"]
    mine = [(row["object"], row["state"]) for row in core.rows(f"kmem -S {first}")]
    theirs = [(row["object"], row["state"]) for row in core.rows(f"slub objs {first}")]
    assert mine and [one[0] for one in mine] == [one[0] for one in theirs]


def test_address(core):
    """A task's struct, its stack, a vmalloc area, a struct page: each is named."""
    task = next(row for row in core.rows("ps") if row["pid"] == 1)
    at = int(task["task"], 16) + 0x20
    rows = core.rows(f"kmem {at:x}", status=None)
    (slab,) = [row for row in rows if "object" in row]
    assert slab["cache"].startswith("task_struct") and int(slab["offset"]) == 0x20 or "offset" in slab
    (found,) = [row for row in rows if "command" in row]
    assert (found["pid"], found["part"], found["offset"]) == (1, "task_struct", "0x20")
    (page,) = [row for row in rows if "refcount" in row]
    assert page["owner"] == "slab"
    (value,) = core.rows(f"p -x ((struct task_struct *){task['task']})->stack")
    stack = int(re.findall("0x[0-9a-f]+", value["value"])[-1], 16)
    (found,) = [row for row in core.rows(f"kmem {stack + 0x108:x}", status=None) if "command" in row]
    assert (found["pid"], found["part"], found["offset"]) == (1, "kernel stack", "0x108")
    area = next(row for row in core.rows("vmalloc") if row["kind"].startswith("vmalloc") and row["pages"])
    (mine,) = [row for row in core.rows(f"kmem {int(area['start'], 16) + 0x40:x}", status=None) if "kind" in row]
    assert (mine["start"], mine["kind"], mine["caller"]) == (area["start"], area["kind"], area["caller"])
    (by_page,) = [row for row in core.rows(f"kmem {page['page']}", status=None) if "refcount" in row]
    assert by_page["pfn"] == page["pfn"]


def test_address_of_nothing(core):
    (answer,) = core.run("kmem 10", status=1)
    assert "in no slab" in answer["faults"][0]["message"]


def test_walkers(core):
    zones = [row["address"] for row in core.rows("walk zone")]
    assert zones == [row["address"] for row in core.rows("zones") if row["present"]]
    pages = core.rows("walk page | first 3 | page")
    assert [row["page"] for row in pages] == [row["address"] for row in core.rows("walk page | first 3")]


LIES = {"private": "says order", "_refcount": "reference count", "next": "says order|not the address|not marked|lists have",
        "nr_free": "nr_free says"}


@pytest.mark.parametrize("what", LIES)
def test_a_lie_is_told(core, what, tmp_path):
    """With one word of a free block's struct page changed in a copy of the dump, that block is found."""
    if core.name not in ("arm64-kasan-panic", "arm32-lpae-panic", "arm64-7.2-panic"):
        pytest.skip("one dump of each kind is enough")
    row = next(row for row in free(core, "-F")[0] if row["blocks"] > 1)
    page = row["block_list"][0]["page"]
    member = {"private": "private", "_refcount": "_refcount.counter", "next": "lru.next"}.get(what)
    zone = next(one for one in core.rows("zones") if one["zone"] == row["zone"])["address"]
    (value,) = core.rows(f"p &((struct page *){page})->{member}" if member else
                         f"p &((struct zone *){zone})->free_area[{row['order']}].nr_free")
    (place,) = core.rows("vtop " + re.findall("0x[0-9a-f]+", str(value["value"]))[-1])
    copy = tmp_path / "vmcore"
    shutil.copyfile(core.path / "vmcore.elf", copy)
    with open(copy, "r+b") as f:
        f.seek(file_offset(copy, int(place["physical"], 16)))
        was = f.read(1)[0]
        f.seek(-1, 1)
        f.write(bytes([was ^ (0x40 if what == "next" else 5)]))
    done = subprocess.run([INQUEST, "--json", core.path / "vmlinux", copy, "-c", "kmem -f"],
                          capture_output=True, timeout=60)
    (answer,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1
    assert any(re.search(LIES[what], fault["message"]) for fault in answer["faults"]), answer["faults"]
    assert sum(row["findings"] for row in answer["rows"] if "findings" in row) >= 1
