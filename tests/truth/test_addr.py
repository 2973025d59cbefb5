"""addr: what an address is, by what the guest said of its symbols, modules, resources, processes and objects; and
who points there, against a plain look through the machine's RAM."""

import random
import re
import struct

import pytest
from truth_cores import share

RAM = 0x40000000
DRAWN = 60


def draw(core, things, n=DRAWN):
    things = sorted(things)
    return random.Random(core.name).sample(things, min(n, len(things)))


def explain(core, addresses, options=""):
    """The rows of each address by kind, the first of each kind."""
    answers = core.run(*[f"addr {options}{va:x}" for va in addresses], status=None)
    found = []
    for answer in answers:
        kinds = {}
        for row in answer["rows"]:
            kinds.setdefault(row["kind"], row)
        found.append(kinds)
    return found


def number(text):
    return int(text, 16)


def ends(name):
    return name.startswith(("$", "_", "kallsyms", "."))


def test_symbols(core):
    """What kallsyms has, by an address in its middle. Several names may have one address."""
    names = {}
    for line in core.truth("kallsyms"):
        address, kind, name = line.split()[:3]
        if kind in "tTdDbBrR" and int(address, 16) and not ends(name):
            names.setdefault(int(address, 16), set()).add(name)
    order = sorted(names)
    after = dict(zip(order, order[1:]))
    drawn = draw(core, [va for va in order if after.get(va, va) - va >= 8])
    kinds = explain(core, [va + 4 for va in drawn])
    # Per-CPU variables' symbols stand for every CPU's copy; init's are told as what they were.
    good = [k for va, k in zip(drawn, kinds)
            if k.get("symbol", {}).get("name") in names[va] and number(k["symbol"]["start"]) == va
            and k["symbol"]["offset"] == 4]
    share(len(good), len(drawn), 0.95, "symbols")


def test_modules(core):
    """Each module's sections, by the guest's /sys."""
    ranges = [(words[0], int(words[1]), int(words[5], 16)) for words in map(str.split, core.truth("modules"))
              if len(words) > 5 and int(words[5], 16)]
    if not ranges:
        pytest.skip("no module was loaded, or their places are not told")
    kinds = explain(core, [start for _, _, start in ranges])
    for (name, _, start), k in zip(ranges, kinds):
        assert k["module"]["module"] == name
        assert number(k["module"]["start"]) == start


def test_resources(core):
    """The smallest line of /proc/iomem around a physical address."""
    lines = []
    for line in core.truth("iomem"):
        m = re.match(r" *(\w+)-(\w+) : (.*)", line)
        lines.append((int(m[1], 16), int(m[2], 16), m[3]))
    drawn = draw(core, {(lo + hi) // 2 for lo, hi, _ in lines})
    kinds = explain(core, drawn, "-p ")
    for pa, k in zip(drawn, kinds):
        want = min((hi - lo, -i, name) for i, (lo, hi, name) in enumerate(lines) if lo <= pa <= hi)
        assert k["resource"]["name"] == want[2], hex(pa)


def test_maps(core):
    """Areas of pid 1 that both readings of its maps have."""
    areas = []
    for line in core.steady("maps.1"):
        m = re.match(r"(\w+)-(\w+) \S+ \S+ \S+ \d+ *(.*)", line)
        areas.append((int(m[1], 16), int(m[2], 16), m[3]))
    areas = [a for a in areas if "vectors" not in a[2]]
    if not areas:
        pytest.skip("this guest had no maps")
    kinds = explain(core, [(lo + hi) // 2 & ~7 for lo, hi, _ in areas], "-c 1 ")
    for (lo, hi, name), k in zip(areas, kinds):
        row = k["user area"]
        assert (number(row["start"]), row["size"], row["name"] or "") == (lo, hi - lo, name)
        assert row["pid"] == 1


def test_stacks(core):
    """The kernel stack of each task is that task's, at its base, in its middle and at its end."""
    tasks = {row["pid"]: row for row in core.rows("ps") if row["pid"]}
    drawn = draw(core, tasks, 20)
    said = {int(line.split()[0]) for line in core.truth("ps.2") if line.split()[0].isdigit()}
    stacks = [number(core.rows(f"p ((struct task_struct *){tasks[pid]['task']})->stack")[0]["value"].split()[-1])
              for pid in drawn]
    # the stack of one that is dead was given back before its task_struct
    gone = [pid for pid, va in zip(drawn, stacks) if not va]
    assert all(tasks[pid]["state"] in ("Z", "X") for pid in gone) and len(gone) <= 2
    drawn, stacks = [pid for pid, va in zip(drawn, stacks) if va], [va for va in stacks if va]
    stacks = [va & 0x00ffffffffffffff | 0xff00000000000000 if core.arm64 else va for va in stacks]
    for offset in (16, 0x1000, 0x1ff0):
        for pid, k in zip(drawn, explain(core, [va + offset for va in stacks])):
            assert k["stack"]["pid"] == pid
            assert k["stack"]["offset"] == offset
    assert not said or len(said & set(drawn)) >= 0.7 * len(drawn)


def test_frames(core):
    """A word between two frames' stack pointers is the inner function's."""
    bt = core.rows("bt 1")[0]
    frames = [f for f in bt["frames"] if f["trust"] == "sure" and f["symbol"]]
    stack = explain(core, [number(frames[-1]["sp"])])[0]["stack"]
    inner = [f for f in frames if number(stack["start"]) <= number(f["sp"]) < number(stack["start"]) + stack["size"]]
    assert len(inner) >= 2
    kinds = explain(core, [number(f["sp"]) for f in inner])
    for f, k in zip(inner, kinds):
        assert f["symbol"] in k["stack"]["state"]


def widgets(core):
    return [va for va in core.widgets if va]


def test_objects(core):
    """Objects that our module said it made: their cache, where they begin, and an offset into them."""
    made = widgets(core)
    if not made:
        pytest.skip("this guest made no objects of ours")
    kinds = explain(core, [va + 20 for va in made])
    good = [k for k in kinds if "slab object" in k]
    share(len(good), len(made), 0.6, "objects still in a slab")
    untag = (lambda va: va | 0xff << 56) if core.arm64 else (lambda va: va)
    for va, k in zip(made, kinds):
        if "slab object" in k and k["slab object"]["name"] in ("mb_widget", core.deed.get("cache")):
            assert untag(number(k["slab object"]["start"])) == untag(va)
            assert k["slab object"]["offset"] == 20


def test_percpu(core):
    """Each CPU's copy of runqueues is that CPU's."""
    rows = core.rows("percpu runqueues")
    if len(rows) == 1:
        pytest.skip("one CPU: no per-CPU memory")
    for row, k in zip(rows, explain(core, [number(row["address"]) + 8 for row in rows])):
        assert (k["per-CPU"]["name"], k["per-CPU"]["cpu"], k["per-CPU"]["offset"]) == ("runqueues", row["cpu"], 8)


def test_page_tables(core):
    """Every table on pid 1's way to its code is a page table of the right level."""
    levels = core.rows("vtop -c 1 10000")[0]["levels"] or []
    levels += [level for level in core.rows("vtop -c 1 400000")[0]["levels"]]
    kinds = explain(core, [number(level["entry"]) for level in levels], "-p ")
    for level, k in zip(levels, kinds):
        assert k["page table"]["name"] == level["level"], level
        assert k["page table"]["pid"] == 1, level


def test_numbers(core):
    """What is no address at all."""
    error = (1 << (64 if core.arm64 else 32)) - 12
    kinds = explain(core, [error] + ([0xdead000000000122] if core.arm64 else []))
    assert "ENOMEM" in kinds[0]["value"]["text"]
    if core.arm64:
        assert "LIST_POISON2" in kinds[1]["value"]["text"]


def plain_references(core, lo, n):
    """Physical addresses of all aligned words in [lo, lo + n), tags aside."""
    size = 8 if core.arm64 else 4
    memory = (core.path / "ram.raw").read_bytes()
    mask = (1 << 56) - 1 if core.arm64 else 0xffffffff
    # The upper bytes below the tag are the same all over a page: look for them first.
    high = ((lo & mask) >> 16).to_bytes(8, "little")[:5 if core.arm64 else 2]
    found, at = [], memory.find(high)
    while at >= 0:
        word = at - 2
        if word % size == 0 and word >= 0:
            value, = struct.unpack_from("<Q" if core.arm64 else "<I", memory, word)
            if (lo & mask) <= value & mask < (lo & mask) + n:
                found.append(RAM + word)
        at = memory.find(high, at + 1)
    return found


def test_references(core):
    """All words of RAM that point into init_task, and into an object of the heap; none else."""
    first = number(core.rows("sym init_task")[0]["address"])
    task = number(core.rows("ps 1")[0]["task"])
    for lo, n in ((first, 64), (task, 128)):
        assert lo >> 16 == lo + n - 1 >> 16, "the plain look takes one 64K piece"
        rows = core.rows(f"addr -r {lo:x},{n} -n 0")
        mine = sorted(number(row["physical"]) for row in rows if "physical" in row)
        want = sorted(plain_references(core, lo, n))
        assert len(want) > 3
        odd = sorted(set(mine) ^ set(want))[:5]
        assert len(mine) == len(want) and not odd, [hex(pa) for pa in odd]
        assert next(row["found"] for row in rows if "found" in row) == len(want)


def test_references_told(core):
    """Where a word stands is told right: the kernel's own word there is the value. And the best come first."""
    first = number(core.rows("sym init_task")[0]["address"])
    rows = [row for row in core.rows(f"addr -r {first:x} -n 20") if "at" in row]
    size = 8 if core.arm64 else 4
    for row, read in zip(rows, core.run(*[f"rd -x {number(row['at']):x}" for row in rows])):
        assert read["rows"][0]["data"] == f"{number(row['value']):0{size * 2}x}"
    assert rows[0]["kind"] in ("symbol", "per-CPU")
    stale = [bool(row["stale"]) for row in rows]
    assert stale == sorted(stale)


def test_bpf_code(core):
    """Each program that the guest compiled, at the place where its code runs, by its tag and name."""
    told = [dict(word.split("=", 1) for word in line.split()) for line in core.truth("bpf_programs")]
    told = [one for one in told if int(one["jited"])]
    if not told:
        pytest.skip("no compiled BPF program")
    places = {row["id"]: number(row["program"]) for row in core.rows("bpf") if "program" in row}
    for one in told:
        (code,) = core.rows(f"p/x (unsigned long)((struct bpf_prog *){places[int(one['id'])]:#x})->bpf_func")
        start, size = number(code["value"]), int(one["jited"])
        want = f"bpf_prog_{one['tag']}" + (f"_{one['name']}" if one["name"] else "")
        first, last, behind = explain(core, [start, start + size - 4, start + size])
        for k, offset in ((first, 0), (last, size - 4)):
            assert (k["code"]["name"], number(k["code"]["start"]), k["code"]["size"], k["code"]["offset"]) == \
                (want, start, size, offset)
        assert behind.get("code", {}).get("name") != want


def test_kprobe_slots(core):
    """Where the guest had kprobes, their copies of instructions are theirs, and as many as the page counts."""
    events = re.findall(r"echo r:\w+ (\w+) >>?kprobe_events", core.recipe.get("PREPARE", ""))
    if not events:
        pytest.skip("no kprobes")
    (page,) = core.rows("p/x (unsigned long)((struct kprobe_insn_page *)kprobe_insn_slots.pages.next)->insns")
    (used,) = core.rows("p ((struct kprobe_insn_page *)kprobe_insn_slots.pages.next)->nused")
    (words,) = core.rows("p kprobe_insn_slots.insn_size")
    start, size = number(page["value"]), 4 * int(words["value"])
    slots = [k["code"] for k in explain(core, [start + i * size + 4 for i in range(16)])]
    assert all((number(k["start"]), k["size"], k["offset"]) == (start + i * size, size, 4) for i, k in enumerate(slots))
    taken = [k for k in slots if not k["stale"]]
    assert len(taken) == int(used["value"]) and {k["name"] for k in taken} == set(events)
    # the copy is the instruction that stood there before the breakpoint: it is the first one of the file's function
    for k in taken:
        (there,) = core.rows(f"rd -32 {k['start']} 1")
        (now,) = core.rows(f"rd -32 {k['name']} 1")
        assert there["data"] != now["data"], "a probed function begins with a breakpoint"


def test_damaged_variable(core):
    """Where our module wrote behind a global variable of its own: addr names it, its module and its section."""
    if core.deed.get("scenario") != "global":
        pytest.skip("no global variable was overrun")
    told = dict(word.split("=", 1) for line in core.truth("misbehave") if line.startswith("object=") for word in line.split())
    start, size = int(told["object"], 16), int(told["variable_bytes"])
    first, last = explain(core, [start, start + size - 1])
    for k, offset in ((first, 0), (last, size - 1)):
        assert (k["symbol"]["name"], k["symbol"]["module"], k["symbol"]["offset"]) == \
            (told["variable"], told["module"], offset)
        assert told["section"] in k["module"]["text"]


def test_damaged_frame(core):
    """A task sleeps in a function whose variable was overrun, or stopped there: addr names the stack and the frame."""
    if core.deed.get("scenario") != "stack":
        pytest.skip("no variable on a stack was overrun")
    pid = core.deed["culprit_pid"]
    (answer,) = core.run(f"bt {pid}", status=None)
    frames = [f for f in answer["rows"][0]["frames"] if f["sp"]] if answer["rows"] else []
    mine = [f for f in frames if f["symbol"] == core.deed["culprit_fn"]]
    if not mine:
        pytest.skip("the damage keeps the walk from that frame")
    (k,) = explain(core, [number(mine[-1]["sp"])])
    assert k["stack"]["pid"] == int(pid)
    assert core.deed["culprit_fn"] in k["stack"]["state"]
