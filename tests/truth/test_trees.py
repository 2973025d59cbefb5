"""tree against the guest's own account: pids in their IDR, VMAs in the maple tree, vmalloc's areas in
the red-black tree; types_each() by whatis -r and -m, and source, against what other commands know."""

import functools
import re
from collections import Counter

import pytest
from truth_cores import share


def pids(core, name):
    return {int(line.split()[0]) for line in core.truth(name) if not line.startswith("#")}


def test_idr_of_pids(core):
    """The IDR has a struct pid for each task of ps. Beyond that only a session's or group's number
    whose task is gone may stand in it, and what the guest started after its account."""
    rows = core.rows("tree -t xarray -s pid init_pid_ns.idr.idr_rt")
    indices = [row["index"] for row in rows]
    assert indices == sorted(set(indices))
    ours = {row["pid"] for row in core.rows("ps") if row["pid"]}
    assert ours <= set(indices), sorted(ours - set(indices))
    assert len(set(indices) - ours) <= 2, sorted(set(indices) - ours)
    steady = pids(core, "ps") & pids(core, "ps.2")
    share(len(steady & set(indices)), len(steady), 0.99, "pids of the guest's list")


def test_struct_pids_have_their_index(core):
    rows = core.rows("tree -t x -s pid.numbers[0].nr init_pid_ns.idr.idr_rt")
    assert len(rows) > 20
    for row in rows:
        assert row["value"] == f".numbers[0].nr = {row['index']}"


def account_pids(core):
    names = core.path.glob("truth/maps.*.2")
    return sorted(int(path.name.split(".")[1]) for path in names)


def maps(core, name):
    """[start, end) of each VMA; what the kernel shows and no VMA is (the gate's page) left out."""
    found = []
    for line in core.truth(name):
        match = re.match(r"([0-9a-f]+)-([0-9a-f]+) ", line)
        if match and "[vectors]" not in line and "[vsyscall]" not in line:
            found.append((int(match[1], 16), int(match[2], 16)))
    return found


def tree_of_vmas(core, task):
    return core.rows("tree -t maple -s vm_area_struct.vm_start,vm_end "
                     f"'((struct task_struct *){task})->mm->mm_mt'")


def test_maple_tree_of_vmas(core):
    """The ranges are those of /proc/PID/maps, and each entry's own words say the same."""
    if core.meta["release"].startswith("5."):
        pytest.skip("maple trees are since 6.1")
    tasks = {row["pid"]: row["task"] for row in core.rows("ps")}
    equal = total = 0
    for pid in account_pids(core):
        first, second = maps(core, f"maps.{pid}"), maps(core, f"maps.{pid}.2")
        if first != second or not first or pid not in tasks:
            continue
        rows = tree_of_vmas(core, tasks[pid])
        for row in rows:
            start, last = int(row["first"], 16), int(row["last"], 16)
            assert row["value"] == f".vm_start = {start}, .vm_end = {last + 1}"
        total += 1
        equal += [(int(r["first"], 16), int(r["last"], 16) + 1) for r in rows] == first
    share(equal, total, 1.0, "processes' maps")


def vmallocinfo(lines):
    return [(m[1], m[2], int(m[3])) for m in
            (re.match(r"(0x\S+)-(0x\S+)\s+(\d+) ", line) for line in lines if "unpurged" not in line) if m]


@functools.lru_cache(maxsize=None)
def areas(core):
    rows = core.rows("tree -o vmap_area.rb_node -s vmap_area.va_start,va_end vmap_area_root")
    ours = []
    for row in rows:
        ours.append(tuple(map(int, re.findall(r"= (\d+)", row["value"]))))
    return ours


def has_one_area_tree(core):
    return not core.meta["release"].startswith("6.12")  # vmap_nodes since 6.9


def test_rbtree_of_vmalloc_areas(core):
    """In order, apart, and each steady line of /proc/vmallocinfo has its area: by address where the
    guest showed addresses, else (hashed) by its size, once for each. Areas to be purged are listed
    there and no longer in the tree."""
    if not has_one_area_tree(core):
        pytest.skip("vmalloc has many trees since 6.9")
    ours = areas(core)
    assert all(a[1] <= b[0] for a, b in zip(ours, ours[1:])) and len(ours) > 5
    both = Counter(core.truth("vmallocinfo")) & Counter(core.truth("vmallocinfo.2"))
    steady = vmallocinfo(both.elements())
    starts, sizes = {a[0] for a in ours}, [a[1] - a[0] for a in ours]
    plain = len({line[0] for line in steady} & {f"0x{a:0{16 if core.arm64 else 8}x}"
                                                for a in starts}) > 0
    same = 0
    for start, _, size in steady:
        if plain:
            same += int(start, 16) in starts
        elif size in sizes:
            sizes.remove(size)
            same += 1
    share(same, len(steady), 0.97, f"vmalloc areas by {'address' if plain else 'size'}")


def test_tree_positions(core):
    """-p's way leads there: nobody stands where another does, and children below their parents."""
    if not has_one_area_tree(core):
        pytest.skip("vmalloc has many trees since 6.9")
    ways = [row["position"] for row in core.rows("tree -p -t rb vmap_area_root")]
    assert len(set(ways)) == len(ways) and "root" in ways
    assert all(way == "root" or way.rsplit("/", 1)[0] in ways for way in ways)


def test_whatis_searches_all_types(core):
    """What struct says of one, the search over all finds."""
    (row,) = core.rows("sizeof task_struct")
    size = row["size"] if "size" in row else int(re.search(r"\d+", str(row))[0])
    found = [r["type"] for r in core.rows(f"whatis -r {size}")]
    assert "struct task_struct" in found
    rows = core.rows("whatis -m vm_start")
    assert "struct vm_area_struct" in [r["type"] for r in rows]
    by_type = [r["type"] for r in core.rows('whatis -m "struct mm_struct *"')]
    assert {"struct task_struct", "struct vm_area_struct"} <= set(by_type)
    sizes = [r["size"] for r in core.rows("whatis -r 100-200")]
    assert sizes == sorted(sizes) and len(sizes) > 100 and 100 <= sizes[0] and sizes[-1] <= 200


def test_source(core):
    """Functions whose file is no secret; what is inlined there comes before them."""
    rows = core.rows("source schedule+8 kmem_cache_free+8 vprintk_emit+8")
    physical = [row for row in rows if not row["inlined"]]
    for row, own in zip(physical, ("kernel/sched/core.c", "mm/sl", "kernel/printk/printk.c"), strict=True):
        assert row["file"].startswith(own), row
    assert all(row["line"] and row["function"] for row in rows)


def test_sys_d(core):
    rows = core.rows("sys -d")
    assert [row["what"] for row in rows[:2]] == ["kernel", "symbols"]
    assert all(row["usable"] for row in rows[:2])
    types = [row for row in rows if row["what"] == "types"]
    assert any(row["usable"] for row in types) and all(row["origin"] and row["state"] for row in types)


def test_idr_by_its_numbers(core):
    """-t idr is -t xarray over idr_rt with idr_base added; each -s adds to the value as one -s with commas does."""
    numbers = core.rows("tree -t idr -s pid.level -S pid.numbers[0].nr init_pid_ns.idr")
    raw = core.rows("tree -t xarray -s pid.level,numbers[0].nr init_pid_ns.idr.idr_rt")
    (base,) = core.rows("p init_pid_ns.idr.idr_base")
    assert len(numbers) == len(raw) > 20
    for ours, theirs in zip(numbers, raw):
        assert ours["index"] == theirs["index"] + int(base["value"])
        assert (ours["value"], ours["address"]) == (theirs["value"], theirs["address"])


def test_list_backwards(core):
    """-r is the same list from its end, and prev is not next."""
    forward = core.rows("list -H init_task.tasks -o task_struct.tasks -s task_struct.comm")
    backward = core.rows("list -r -H init_task.tasks -o task_struct.tasks -s task_struct.comm")
    assert len(forward) > 20 and backward == forward[::-1]


def test_maple_nodes(core):
    """-v adds the nodes, and nothing else changes: each entry stands in a slot of a node shown before it."""
    if core.meta["release"].startswith("5."):
        pytest.skip("maple trees are since 6.1")
    task = next(row["task"] for row in core.rows("ps") if row["pid"] == 1)
    tree = f"'((struct task_struct *){task})->mm->mm_mt'"
    rows = core.rows(f"tree -t maple -v -x {tree}")
    nodes = [row for row in rows if row["type"]]
    assert [row for row in rows if not row["type"]] == core.rows(f"tree -t maple -x {tree}")
    assert nodes and len({row["address"] for row in nodes}) == len(nodes)
    seen = ""
    for row in rows:
        if row["type"]:
            assert row["type"] in ("struct maple_node", "struct maple_range_64", "struct maple_arange_64")
            assert int(row["address"], 16) % 256 == 0
            seen += row["value"]
        else:
            assert row["address"] in seen, row
