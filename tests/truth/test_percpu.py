"""Per-CPU memory: the allocator's chunks against /proc/meminfo and /proc/vmallocinfo, addresses there and back, and
what SLUB's per-CPU pointers are allocations of. Sums against /proc/vmstat are test_account.py's."""

import collections
import re
import subprocess

import pytest
from truth_cores import share

PAGE = 4096

# The first units lie behind the chunk's own map of bounds, and at their start the stack for overflowed
# stacks: a report on it that needs more than its 4 KiB writes into the map.
STACK_RAN_OUT = ("arm64-kasan-exhaust-stack", "arm64-kasan-mb-stack-overflow")


@pytest.fixture
def listing(core):
    rows = core.rows("percpu -l")
    layout = next(row for row in rows if "unit_bytes" in row)
    return layout, [row for row in rows if "chunk" in row], [row["finding"] for row in rows if "finding" in row]


def meminfo_percpu(core, name):
    return next((int(line.split()[1]) for line in core.truth(name) if line.startswith("Percpu:")), None)


def test_meminfo(core, listing):
    """Percpu: all pages of the first units and the populated ones of the others (pcpu_nr_pages() in mm/percpu.c)."""
    first, second = meminfo_percpu(core, "meminfo"), meminfo_percpu(core, "meminfo.2")
    assert first and second
    layout, chunks, _ = listing
    page = core.page_bytes
    size = sum(layout[part] or 0 for part in ("static_bytes", "reserved_bytes", "dynamic_bytes"))
    pages = size // page + sum(c["populated"] for c in chunks if c["kind"] == "more")
    mine = pages * layout["units"] * page // 1024
    if first == second and not core.name.endswith("oom"):
        assert mine == second
    else:
        assert abs(mine - second) <= 16 * layout["units"] * page // 1024


def test_vmallocinfo(core, listing):
    """Each chunk beyond the first has an area of all its units."""
    layout, chunks, _ = listing
    said = [line for line in core.truth("vmallocinfo.2") if "pcpu_get_vm_areas" in line]
    if not core.truth("vmallocinfo.2"):
        pytest.skip("this guest had no vmallocinfo")
    sizes = collections.Counter(int(line.split()[1]) for line in said)
    more = [c for c in chunks if c["kind"] == "more"]
    span = layout["unit_bytes"] * layout["units"]
    if (layout["groups"] or 1) > 1:
        pytest.skip("several groups have areas of their own sizes")
    assert sizes == collections.Counter({span: len(more)} if more else {})
    plain = {int(m[1], 16) for line in said if (m := re.match(r"0x([0-9a-f]+)-", line))}
    if plain and core.recipe.get("CMDLINE", "").find("no_hash_pointers") >= 0:
        assert plain == {int(c["base"], 16) for c in more}


def test_healthy(core, listing):
    """No hint, map or list contradicts another, also after panics and damage of the slab heap."""
    _, chunks, findings = listing
    kinds = {c["kind"] for c in chunks}
    # include/linux/percpu.h: modules' own part with SMP only
    assert "first" in kinds and ("reserved" in kinds) == all(
        core.config.get(f"CONFIG_{option}") == "y" for option in ("SMP", "MODULES"))
    if core.name in STACK_RAN_OUT:
        first = next(c for c in chunks if c["kind"] == "first")
        assert findings and all("bound_map" in f and first["chunk"] in f for f in findings)
    else:
        assert not findings, findings[0]


def test_maps(core, listing):
    """The map of each chunk adds up to what the list says of it, without gaps."""
    for chunk in listing[1]:
        areas, at = core.rows(f"percpu -l {chunk['chunk']}"), None
        for area in areas:
            assert at is None or int(area["offset"], 16) == at
            at = int(area["offset"], 16) + area["size"]
        free = [a["size"] for a in areas if a["state"] == "free"]
        assert sum(a["size"] for a in areas) == chunk["size"]
        assert (sum(free), max(free, default=0)) == (chunk["free"], chunk["largest_free"])
        assert len(areas) - len(free) == chunk["objects"]


def test_addresses(core, listing):
    """Static variables as the guest's kallsyms names them, on each CPU, and back."""
    cpus, start = listing[0]["cpus"], core.kallsyms.get("__per_cpu_start")
    if not start:
        pytest.skip("the guest's kallsyms has no data symbols")
    end, word = core.kallsyms["__per_cpu_end"][0], 16 if core.arm64 else 8
    wanted = sorted((a, n) for n, all_of in core.kallsyms.items() for a in all_of
                    if start[0] < a < end and not n.startswith((".", "__per_cpu")))[:300:7]
    names = collections.defaultdict(set)
    for name, all_of in core.kallsyms.items():
        for a in all_of:
            names[a].add(name)
    assert len(wanted) > 10
    for cpu in cpus:
        offset = int(cpu["offset"], 16)
        inside = [int(a + 1 not in names) for a, _ in wanted]  # the second byte, where there is one
        copies = [(a + i + offset) % (1 << 4 * word) for (a, _), i in zip(wanted, inside)]
        for (a, _), i, answer in zip(wanted, inside, core.run(*[f"percpu {copy:#x}" for copy in copies])):
            (row,) = answer["rows"]
            assert (row["kind"], row["cpu"], int(row["offset"], 16)) == ("variable", cpu["cpu"], i)
            assert row["symbol"] in names[a] and int(row["pointer"], 16) == a + i


def test_slub_pointers(core, listing):
    """Every cache's per-CPU pointer is an allocation that begins there and is as large as what it holds."""
    for member, kind in (("cpu_sheaves", "slub_percpu_sheaves"), ("cpu_slab", "kmem_cache_cpu")):
        (text,) = core.rows("struct kmem_cache")
        if f"*{member};" in text["text"]:
            break
    else:
        pytest.fail("no per-CPU pointer in struct kmem_cache")
    size = core.rows(f"sizeof struct {kind}")[0]["size"]
    caches = [row["address"] for row in core.rows("slub")]
    values = [a["rows"][0]["value"] for a in core.run(*[f"p/x (unsigned long)((struct kmem_cache *){c})->{member}"
                                                        for c in caches])]
    agree = 0
    cpu = listing[0]["cpus"][-1]
    pointers = [int(v, 16) for v in values if int(v, 16)]
    copies = [(v + int(cpu["offset"], 16)) % (1 << (64 if core.arm64 else 32)) for v in pointers]
    for pointer, answer in zip(pointers, core.run(*[f"percpu {c:#x}" for c in copies])):
        (row,) = answer["rows"]
        assert int(row["pointer"], 16) == pointer
        wanted = ("allocated", cpu["cpu"], "0x0", size)
        if core.name in STACK_RAN_OUT:  # without its bounds an allocation and those beside it are one
            wanted = wanted[:2]
        agree += (row["kind"], row["cpu"], row["offset"], row["size"])[:len(wanted)] == wanted
    share(agree, len(pointers), 1, "caches' per-CPU parts")
    cast = f"((struct kmem_cache *){caches[0]})->{member}"
    rows = core.rows(f"percpu {cast}")
    assert [int(r["address"], 16) for r in rows] == \
        [(pointers[0] + int(c["offset"], 16)) % (1 << (64 if core.arm64 else 32)) for c in listing[0]["cpus"]]
    assert all(r["type"] == f"struct {kind}" for r in rows)


def test_sums_of_a_structure(core):
    """-s of all of it, member by member, is -s of each; -c leaves CPUs out."""
    if core.config.get("CONFIG_VM_EVENT_COUNTERS") != "y":
        pytest.skip("a kernel without CONFIG_VM_EVENT_COUNTERS")
    rows = {row["member"]: row["value"] for row in core.rows("percpu -s vm_event_states")}
    assert len(rows) > 3
    each = core.run(*[f"percpu -s vm_event_states{member}" for member in rows])
    assert [a["rows"][0]["value"] for a in each] == list(rows.values())
    parts = collections.Counter()
    for cpu in range(int(core.meta["cpus"])):
        parts.update({r["member"]: r["value"] for r in core.rows(f"percpu -c {cpu} -s vm_event_states")})
    assert parts == rows


def test_sum_wraps(core):
    """A counter that grows on one CPU and shrinks on another: the sum is as wide as the variable."""
    bits = 64 if core.arm64 else 32
    for name in ("nr_inodes", "nr_unused"):
        copies = [int(row["value"]) for row in core.rows(f"percpu {name}")]
        (row,) = core.rows(f"percpu -s {name}")
        assert len(copies) == int(core.meta["cpus"])
        assert row["value"] % (1 << bits) == sum(copies) % (1 << bits) and row["value"] < 1 << bits - 1


def percpu_symbols(core):
    """(module, name, offset in its per-CPU section, bytes) of each variable of the modules that were loaded, as
    readelf reads their files."""
    found = []
    for row in core.rows("mod"):
        file = core.path / "modules" / f"{row['name']}.ko"
        if not file.exists():
            continue
        out = subprocess.run(["readelf", "-SsW", file], capture_output=True, text=True, timeout=60).stdout
        section = re.search(r"\[ *(\d+)\] \.data\.\.percpu ", out)
        for line in out.splitlines() if section else []:
            words = line.split()
            if len(words) == 8 and words[3] in ("OBJECT", "NOTYPE") and words[6] == section[1] and int(words[2], 0):
                found.append((row, words[7], int(words[1], 16), int(words[2], 0)))
    return found


def test_modules(core, listing):
    """A module's variable: where the guest's kallsyms has it, on each CPU, and back; and what zsmalloc gave each
    CPU (zs_cpu_prepare() in mm/zsmalloc.c) is an object of its own."""
    variables = percpu_symbols(core)
    if not variables:
        pytest.skip("no module with per-CPU variables")
    mask = (1 << (64 if core.arm64 else 32)) - 1
    for module, name, offset, size in variables:
        (base,) = core.rows(f"p/x (unsigned long)((struct module *){module['module']})->percpu")
        pointer = int(base["value"], 16) + offset
        if name in core.kallsyms:
            assert pointer in core.kallsyms[name]
        rows = core.rows(f"percpu {name}")
        cpus = {cpu["cpu"]: int(cpu["offset"], 16) for cpu in listing[0]["cpus"]}
        assert {row["cpu"]: int(row["address"], 16) for row in rows} == \
            {cpu: (pointer + at) & mask for cpu, at in cpus.items()}
        for row in rows:
            inside = int(row["address"], 16) + size - 1
            for command in ("percpu", "addr"):
                (found, *_) = core.rows(f"{command} {inside:#x}")
                assert (found["cpu"], found["module"]) == (row["cpu"], module["name"])
                assert found.get("symbol", found.get("name")) == name
                assert int(str(found["offset"]), 0) == size - 1
        if name == "zs_map_area":
            buffers = [int(re.search("0x[0-9a-f]+", row["value"])[0], 16) for row in core.rows("percpu zs_map_area.vm_buf")]
            assert len(set(buffers)) == len(cpus)
            for va in buffers:
                (row,) = core.rows(f"slub obj {va:x}")
                assert (int(row["object"], 16), row["state"]) == (va, "allocated") and row["object_size"] >= PAGE
