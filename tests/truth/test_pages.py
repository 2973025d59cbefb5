"""Page tables and what hangs on them, against the guest's kernel_page_tables, pagemap and kpageflags."""

import collections

import pytest
from truth_cores import share

SECTION = "---["


def kernel_lines(core, suffix=""):
    """The guest's file; blanks at the end of a line, which 5.10 prints, are no answer."""
    return [line.rstrip() for line in core.truth("kernel_page_tables" + suffix)]


def our_line(row, no_level):
    """A row as the kernel would print it, from the typed cells alone: no padding, words only."""
    if row["start"] is None:
        return [f"---[ {row['section']} ]---"]
    words = [f"{row['start']}-{row['end']}", row["size"]]
    words += [] if no_level else [row["level"]]
    return words + ([row["domain"]] if row["domain"] else []) + (row["attributes"] or "").split()


UNIT = {unit: 1 << 10 * (i + 1) for i, unit in enumerate("KMGTPE")}


def their_line(line):
    if line.startswith(SECTION):
        return [line]
    area, size, *words = line.split()
    return [area, int(size[:-1]) * UNIT[size[-1]], *words]


def kfence_pool(core):
    """Its pages are mapped and unmapped with every object that it gives out and takes back."""
    if "CONFIG_KFENCE" not in core.config:
        return range(0)
    (row,) = core.rows("p __kfence_pool")
    start = int(row["value"].split()[0], 16)
    return range(start, start + (int(core.config["CONFIG_KFENCE_NUM_OBJECTS"]) + 1) * 2 * core.page_bytes)


def is_inside(line, pool):
    start, _, end = line.split()[0].partition("-")
    return not line.startswith(SECTION) and int(start, 16) < pool.stop and int(end, 16) > pool.start


def outside(lines, pool):
    return [line for line in lines if not is_inside(line, pool)] if pool else lines


@pytest.fixture
def tables(core):
    first, second = kernel_lines(core), kernel_lines(core, ".2")
    if not first:
        pytest.skip("this guest's kernel has no kernel_page_tables")
    pool = kfence_pool(core)
    return outside(first, pool), outside(second, pool)


def test_ptdump_text(core, tables):
    """Line by line as the kernel prints it: what both readings have is in ours, in order, and what only
    ours has is few: the guest went on for a moment."""
    first, second = tables
    ours = outside(core.text("ptdump"), kfence_pool(core))
    known, both = set(ours), set(second)
    steady = [line for line in first if line in both]
    share(len(steady), len(first), 0.9, "lines that did not move")
    share(sum(line in known for line in steady), len(steady), 0.97, "lines")
    seen = set(first) | both
    share(sum(line in seen for line in ours), len(ours), 0.95, "our lines")
    markers = [line for line in ours if line.startswith(SECTION)]
    assert markers == [line for line in first if line.startswith(SECTION)]
    at = iter(ours)
    assert all(line in at for line in steady if line in known), "the order differs"


def wording(lines):
    """What is said of entries, whatever the addresses: a word that is wrong is wrong in every line."""
    return {line.split(None, 2)[2] for line in lines
            if not line.startswith(SECTION) and len(line.split(None, 2)) > 2}


def test_ptdump_words(core, tables):
    first, second = tables
    ours = wording(outside(core.text("ptdump"), kfence_pool(core)))
    assert wording([line for line in first if line in set(second)]) <= ours
    assert ours <= wording(first) | wording(second)


def test_ptdump_rows(core, tables):
    """The typed cells say the same."""
    first, second = tables
    no_level = not any(" PTE" in line for line in first)
    ours = [our_line(row, no_level) for row in core.rows("ptdump")]
    both = set(second)
    steady = [their_line(line) for line in first if line in both]
    share(sum(line in ours for line in steady), len(steady), 0.97, "rows")


def test_ptdump_range(core, tables):
    """A part of the table is the part of the whole."""
    whole = [row for row in core.rows("ptdump") if row["start"]]
    wanted = whole[len(whole) // 3: len(whole) // 2]
    assert wanted
    lo, hi = wanted[0]["start"], wanted[-1]["end"]
    part = [row for row in core.rows(f"ptdump {lo} {hi}") if row["start"]]
    assert part == wanted


def user_pages(core):
    """(pid, address, frame) that both readings of pagemap have: bit 63 is presence, bits 54:0 the frame."""
    for path in sorted((core.path / "truth").glob("pagemap.*")):
        pid = path.name.split(".")[1]
        if path.name.count(".") != 1:
            continue
        steady = core.steady(path.name)
        for line in steady:
            address, value = (int(word, 16) for word in line.split())
            if value >> 63:
                yield pid, address, value & ((1 << 55) - 1)


def alive(core):
    """Who still has user space: a zombie has given it back."""
    return {str(row["pid"]) for row in core.rows("ps") if row["state"] not in ("Z", "X")}


def test_vtop_user(core):
    """Frames of user pages as /proc/PID/pagemap had them."""
    size, living = core.page_bytes, alive(core)
    pages = [page for page in user_pages(core) if page[0] in living]
    if not pages:
        pytest.skip("no process of the account lived to the end")
    same = []
    for pid in sorted({page[0] for page in pages}):
        mine = [page for page in pages if page[0] == pid][:40]
        rows = core.rows(f"vtop -c {pid} " + " ".join(f"{address:x}" for _, address, _ in mine))
        same += [row["physical"] is not None and not isinstance(row["physical"], dict)
                 and int(row["physical"], 16) == frame * size
                 for row, (_, _, frame) in zip(rows, mine)]
    share(sum(same), len(same), 0.9, "user pages")


def test_user_ptdump(core):
    """Every page that pagemap called present is in a mapped line of ptdump -c, and as many are."""
    living, checked = alive(core), 0
    for pid in sorted({page[0] for page in user_pages(core)} & living):
        rows = [row for row in core.rows(f"ptdump -c {pid}") if row["start"] and row["kind"] == "mapped"]
        spans = [(int(row["start"], 16), int(row["start"], 16) + row["size"]) for row in rows]
        mine = [address for other, address, _ in user_pages(core) if other == pid]
        found = sum(any(lo <= address < hi for lo, hi in spans) for address in mine)
        share(found, len(mine), 0.9, f"pages of {pid}")
        checked += 1
    if not checked:
        pytest.skip("no process of the account lived to the end")


# fs/proc/page.c and include/uapi/linux/kernel-page-flags.h
KPF = {"slab": 7, "buddy": 10, "anon": 12, "page table": 26, "reserved": 32}
KPF_COMPOUND_TAIL, KPF_NOPAGE, KPF_LRU, KPF_MMAP = 16, 20, 5, 11


def steady_frames(core):
    """Runs of frames of one value of kpageflags, of both readings."""
    for line in core.steady("pages"):
        frames, flags, _ = line.split()
        lo, hi = (int(frame, 16) for frame in frames.split("-"))
        yield lo, hi, int(flags, 16)


def kind_by_flags(flags):
    for name, bit in KPF.items():
        if flags >> bit & 1:
            return name
    if flags >> KPF_NOPAGE & 1:
        return None
    return "file" if flags >> KPF_LRU & 1 and flags >> KPF_MMAP & 1 else None


def linear_address(core, size):
    """physical -> a virtual address of the linear map, for vtop."""
    rows = core.rows("ptov " + " ".join(f"{frame * size:x}" for frame in core_frames(core)))
    return {int(row["physical"], 16): row["virtual"] for row in rows
            if row["by"] == "linear map" and isinstance(row["virtual"], str)}


def core_frames(core):
    """Some frames of each kind, spread over memory."""
    by_kind = collections.defaultdict(list)
    for lo, hi, flags in steady_frames(core):
        kind = kind_by_flags(flags)
        if kind:
            by_kind[kind].append((lo + hi) // 2)
    return sorted({frame for frames in by_kind.values()
                   for frame in frames[:: max(1, len(frames) // 25)]})


def test_page_owner(core):
    """Whose a page is, against kpageflags: buddy, slab, anonymous, page table, reserved, file."""
    if "oom" in core.name:
        pytest.skip("all of memory changed hands between the account and the dump")
    size = core.page_bytes
    kinds = {}
    for lo, hi, flags in steady_frames(core):
        kinds[(lo + hi) // 2] = kind_by_flags(flags)
    if not kinds:
        pytest.skip("this guest told nothing of its pages")
    places = linear_address(core, size)
    assert len(places) > 20
    frames = sorted(places)
    rows = core.rows("vtop " + " ".join(places[frame] for frame in frames))
    wrong, counts = [], collections.Counter()
    for pa, row in zip(frames, rows):
        wanted = kinds.get(pa // size)
        counts[wanted] += 1
        if row["owner"] != wanted:
            wrong.append((hex(pa), wanted, row["owner"], row["flags"]))
    assert {"buddy", "slab", "reserved"} <= set(counts), counts
    what = f"owners {counts}, wrong {wrong[:8]}"
    share(len(frames) - len(wrong), len(frames), 0.6, what)
    # Between the account and the dump a guest gives pages back and takes free ones; a table that is no table any more
    # waits for RCU before it is free, and with RCU stalled for good.
    moved = sum(bool({"buddy", "free"} & {theirs, ours}) or (theirs, ours) == ("page table", "kernel")
                for _, theirs, ours, _ in wrong)
    share(len(frames) - len(wrong), len(frames) - moved, 0.97, what)


def test_layout(core, tables):
    """Regions lie where the kernel's section markers are; the text reaches from the symbols."""
    rows = {row["region"]: row for row in core.rows("layout")}
    starts = {}
    section = None
    for line in tables[0]:
        if line.startswith(SECTION):
            section = line[5:-5]
        elif section not in starts:
            starts[section] = int(line.split("-")[0], 16)
    names = {"Linear Mapping start": "linear map", "Kasan shadow start": "KASAN shadow",
             "Modules start": "modules", "vmalloc() area": "vmalloc", "Fixmap start": "fixmap",
             "PCI I/O start": "PCI I/O", "vmemmap start": "vmemmap", "Kernel Mapping": "lowmem"}
    checked = 0
    for section, region in names.items():
        if section in starts:
            start = int(rows[region]["start"], 16)
            exact = core.arm64 or region == "lowmem" # ARM32 has no lines for what is empty
            assert start == starts[section] if exact else start <= starts[section], region
            checked += 1
    assert checked >= 1
    assert int(rows[".text"]["start"], 16) in core.kallsyms["_stext"]


def test_layout_computed(core, tables):
    """What would be computed without the kernel's markers agrees with them: vectors, FDT, vmalloc."""
    rows = {row["region"]: row for row in core.rows("layout")}
    if core.arm64:
        assert all(rows[name]["source"] == "address_markers" for name in ("vmemmap", "fixmap"))
        return
    inside = {"vmalloc() Area": "vmalloc", "Vectors": "vectors", "FDT Area": "FDT"}
    section = None
    for line in tables[0]:
        if line.startswith(SECTION):
            section = inside.get(line[5:-5])
        elif section:
            lo, hi = (int(word, 16) for word in line.split()[0].split("-"))
            row = rows[section]
            if lo < 0xff800000 or section != "vmalloc":
                assert int(row["start"], 16) <= lo and hi - 1 <= int(row["end"], 16), line


def test_fixmap(core, tables):
    """What the fixmap maps is what the kernel's table has there."""
    fixmap = next(row for row in core.rows("layout") if row["region"] == "fixmap")
    lo, last = int(fixmap["start"], 16), int(fixmap["end"], 16)
    theirs = 0
    for line in tables[0]:
        if not line.startswith(SECTION) and len(line.split()) > 4:
            a, b = (int(word, 16) for word in line.split()[0].split("-"))
            theirs += b - a if lo <= a <= last else 0
    rows = core.rows("fixmap")
    assert any(row["name"] for row in rows)
    assert sum(row["size"] for row in rows if row["physical"]) == theirs
    for row in rows: # slots for booting lie below the area
        assert int(row["address"], 16) <= last + 1 and (not row["physical"] or int(row["address"], 16) >= lo)


def test_vectors(core):
    """Each vector leads to the kernel's handler of that name."""
    rows = core.rows("vectors")
    if core.arm64:
        table = [row for row in rows if row["set"].split()[0] == "vectors"]
        assert len(table) == 16
        for row in table:
            words = row["vector"].split()
            wanted = ("el1h_64_" if words[0] == "el1h" else "el1t_64_" if words[0] == "el1t"
                      else f"el0t_{words[1]}_") + words[-1]
            assert row["symbol"].startswith(wanted), row
        return
    by_name = {row["vector"]: row for row in rows}
    assert by_name["poison"]["note"].endswith("intact")
    assert by_name["swi handler"]["note"].startswith("vector_") and "swi" in by_name["swi handler"]["note"]
    thumb = core.config.get("CONFIG_THUMB2_KERNEL") == "y"
    assert by_name["irq"]["insn"].startswith("b.w " if thumb else "b ")


def cpu_list(words):
    """The numbers of "0-3,5"."""
    cpus = []
    for part in words.split(","):
        lo, _, hi = part.partition("-")
        cpus += range(int(lo), int(hi or lo) + 1)
    return cpus


def test_vectors_of_cpus(core):
    """Each CPU traps from user space into one table: a trampoline where the kernel is unmapped then."""
    if not core.arm64:
        pytest.skip("all CPUs have one table")
    if "exhaust-stack" in core.name:
        pytest.skip("the overflow ran over a CPU's variables")
    sets = {row["set"] for row in core.rows("vectors") if "(CPU " in row["set"]}
    cpus = [cpu for name in sets for cpu in cpu_list(name.split("(CPU ")[1].rstrip(")"))]
    assert sorted(cpus) == cpu_list(core.truth("cpu_possible")[0])
    console = (core.path / "console.log").read_text(errors="backslashreplace")
    unmapped = "detected: Kernel page table isolation (KPTI)" in console
    assert all(name.startswith("tramp_vectors") == unmapped for name in sets), sets


def with_top(address, bits, value):
    """The address with @value in the bits above @bits, bit 55 as it was: it selects the half."""
    keep = (1 << bits) - 1 | 1 << 55
    return address & keep | value & ~keep & (1 << 64) - 1


def test_vtop_tagged(core):
    """What the hardware ignores (the top byte) and what pointer authentication stores is taken off."""
    if not core.arm64:
        pytest.skip("ARM32 has neither")
    (plain,) = core.rows("vtop linux_banner")
    address = int(plain["virtual"], 16)
    tagged = with_top(address, 55, 0x5a00000000000000)
    signed = with_top(address, 52, 0x1a50000000000000)
    assert tagged != address != signed
    rows = core.rows(f"vtop {tagged:x} {signed:x}")
    assert [row["physical"] for row in rows] == [plain["physical"]] * 2
    assert [row["virtual"] for row in rows] == [f"0x{tagged:016x}", f"0x{signed:016x}"]
    assert "note" not in plain or not plain["note"]
    assert [row["note"] for row in rows] == ["tag removed", "pointer authentication code removed"]


def test_vtop_tagged_user(core):
    living = alive(core)
    page = next((page for page in user_pages(core) if page[0] in living), None)
    if not core.arm64 or not page:
        pytest.skip("ARM32 has no tags" if page else "no process of the account lived to the end")
    pid, address, _ = page
    tagged = with_top(address, 55, 0x3c00000000000000)
    plain, row, kernel = core.rows(f"vtop -c {pid} {address:x} {tagged:x} {address | 1 << 55:x}")
    assert row["physical"] == plain["physical"] and row["note"] == "tag removed"
    assert kernel["physical"]["fault"] and kernel["note"] == "a kernel address: without -c"


def refusal(core, command):
    (answer,) = core.run(command, status=1)
    return answer["faults"][0]["message"]


def test_no_user_space(core):
    """Kernel threads never had any, zombies no longer."""
    rows = core.rows("ps")
    thread = next(row for row in rows if row["pid"] == 2)
    zombie = next((row for row in rows if row["state"] == "Z" and not row["kernel"]), None)
    assert "kernel thread" in refusal(core, f"vtop -c {thread['pid']} 1000")
    if zombie:
        said = refusal(core, f"vtop -c {zombie['pid']} 1000")
        assert "exited" in said and "kernel thread" not in said


def test_btop_ptob(core):
    size = core.page_bytes
    (row,) = core.rows(f"btop {0x1234 * size + 5:x}")
    assert int(row["page"], 16) == 0x1234
    (row,) = core.rows("ptob 1234")
    assert int(row["address"], 16) == 0x1234 * size


def test_pte(core):
    """The last step of a walk, decoded by itself."""
    (row,) = core.rows("vtop linux_banner")
    step = row["levels"][-1]
    (pte,) = core.rows(f"pte -l {step['level']} {step['value']}")
    assert (pte["kind"], pte["physical"], pte["attributes"]) == ("leaf", step["maps"], step["attributes"])


def test_user_address_needs_a_task(core):
    (row,) = core.rows("vtop 1000")
    assert row["physical"]["fault"] == "unmapped"
