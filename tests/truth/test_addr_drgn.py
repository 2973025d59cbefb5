"""addr against drgn's identify_address_all() on the same dump: 200 random addresses of the kinds that drgn knows, in
symbols, slab objects, tasks, their stacks and vmalloc areas. Each thing that drgn names must be among what addr names."""

import json
import os
import random
import subprocess

import pytest
from test_locals import DRGN
from truth_cores import CORES, Core, chosen_set, share

NAMES = ["arm64-cloud-sysrq-c", "arm64-cloud-6.12-sysrq-c", "arm64-kasan-panic", "arm64-plain-panic"]
if "CORE" in os.environ or "SET" in os.environ:
    NAMES = [name for name in chosen_set() if name.startswith("arm64")]

SCRIPT = r"""
import json
from drgn.helpers.common.memory import identify_address_all
from drgn.helpers.linux import slab
from drgn.helpers.linux.cpumask import for_each_possible_cpu

# a panic marks the other CPUs offline; their lists of free objects are there all the same
slab.for_each_online_cpu = for_each_possible_cpu
for va in ADDRESSES:
    found = []
    for x in identify_address_all(prog, va):
        kind = type(x).__name__.removeprefix("Identified")
        if kind == "Symbol":
            found.append([kind, x.symbol.name, x.symbol.address])
        elif kind == "SlabObject":
            i = x.slab_object_info
            found.append([kind, i.slab_cache.name.string_().decode(), i.address, i.allocated])
        elif kind in ("TaskStruct", "TaskStack"):
            found.append([kind, x.task.pid.value_(), x.task.value_()])
        elif kind == "Vmap":
            v = x.vmap_area if x.vmap_area is not None else x.vm_struct
            found.append([kind, v.va_start.value_(), v.va_end.value_()])
        else:
            found.append([kind])
    print(json.dumps(found))
"""


def ask_drgn(core, addresses, folder):
    script = folder / "ask.py"
    script.write_text(f"ADDRESSES = {addresses!r}\n{SCRIPT}")
    symbols = [core.path / "vmlinux", *sorted((core.path / "modules").glob("*.ko*"))]
    done = subprocess.run([DRGN, "-q", "-c", core.path / "vmcore.elf", "--no-default-symbols",
                           *(word for path in symbols for word in ("-s", path)), script], capture_output=True, timeout=600,
                          env={**os.environ, "HOME": str(folder), "XDG_CACHE_HOME": str(folder)})
    if b"No module named 'drgn.helpers.common.memory'" in done.stderr or b"identify_address_all" in done.stderr:
        pytest.skip("this drgn has no identify_address_all()")
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def untagged(va):
    return va | 0xff << 56


def addresses_of(core, dice):
    """About 200, in what our other commands and the guest name."""
    picked = []
    names = sorted(va for name, all_of in core.kallsyms.items() for va in all_of
                   if va >> 47 and not name.startswith(("$", "_", ".")))
    picked += [va + dice.choice((0, 4, 8)) for va in dice.sample(names, min(70, len(names)))]
    caches = [row for row in core.rows("slub") if row["slabs"]]
    for cache in dice.sample(caches, min(12, len(caches))):
        objects = core.rows(f"slub objs {cache['cache']}")
        picked += [untagged(int(row["object"], 16)) + dice.randrange(cache["object_size"])
                   for row in dice.sample(objects, min(5, len(objects)))]
    tasks = [int(row["task"], 16) for row in core.rows("ps") if row["pid"]]
    tasks = dice.sample(tasks, min(20, len(tasks)))
    picked += [untagged(va) + 0x20 for va in tasks]
    for answer in core.run(*[f"p/x (unsigned long)((struct task_struct *){va:#x})->stack" for va in tasks]):
        picked.append(untagged(int(answer["rows"][0]["value"], 16)) + 0x100 + dice.randrange(0x1000))
    areas = [row for row in core.rows("vmalloc") if row["pages"]]
    for row in dice.sample(areas, min(30, len(areas))):
        picked.append(int(row["start"], 16) + dice.randrange(row["pages"]) * 4096 + dice.randrange(4096))
    return picked


def agree(thing, rows):
    """Whether our rows have what drgn names."""
    kinds = {}
    for row in rows:
        kinds.setdefault(row["kind"], []).append(row)
    number = lambda row, key: int(row[key], 16)
    if thing[0] == "Symbol":
        some = kinds.get("symbol", []) + kinds.get("per-CPU", [])
        return any(number(row, "start") == thing[2] for row in some)
    if thing[0] == "SlabObject":
        (row,) = kinds.get("slab object") or [None]
        if not row:
            return False
        held_back = "quarantine" in row["state"]  # SLUB, and drgn, take it for allocated
        return row["name"] == thing[1] and number(row, "start") == thing[2] and \
            (thing[3] is None or held_back or (row["state"] == "allocated") == thing[3])
    if thing[0] in ("TaskStruct", "TaskStack"):
        some = kinds.get("task" if thing[0] == "TaskStruct" else "stack", [])
        return any(row["pid"] == thing[1] for row in some)
    if thing[0] == "Vmap":
        return any(number(row, "start") == thing[1] for row in kinds.get("vmalloc area", []))
    return None


@pytest.mark.parametrize("name", NAMES)
def test_agrees_with_drgn(name, tmp_path):
    if not DRGN:
        pytest.skip("drgn is not installed (make peers): nobody to compare with")
    if not (CORES / name / "vmcore.elf").exists():
        pytest.skip("this dump was not made")
    core = Core(name)
    dice = random.Random(name)
    picked = addresses_of(core, dice)
    theirs = ask_drgn(core, picked, tmp_path)
    ours = core.run(*[f"addr {va:x}" for va in picked], status=None)
    assert len(theirs) == len(ours) == len(picked)
    compared, wrong, kinds = 0, [], set()
    for va, things, answer in zip(picked, theirs, ours):
        for thing in things:
            same = agree(thing, answer["rows"])
            if same is None:
                continue
            compared += 1
            kinds.add(thing[0])
            if not same:
                wrong.append((hex(va), thing, [(row["kind"], row["text"]) for row in answer["rows"]][:4]))
    print(f"{name}: {compared - len(wrong)} of {compared} things that drgn names, at {len(picked)} addresses")
    assert {"Symbol", "SlabObject", "TaskStruct", "Vmap"} <= kinds and compared >= len(picked) // 2
    share(compared - len(wrong), compared, 1, f"things, wrong {wrong[:3]}")
