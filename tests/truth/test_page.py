"""page against the guest's /proc/kpageflags and /proc/kpagecount: the words are made of our row's flags, type,
counts and folio by the rules of fs/proc/page.c, and compared bit by bit."""

import functools
import random

import pytest
from truth_cores import share

# include/uapi/linux/kernel-page-flags.h and include/linux/kernel-page-flags.h: bit -> the flag of the same meaning
COPIED = {0: "locked", 2: "referenced", 3: "uptodate", 4: "dirty", 5: "lru", 6: "active", 8: "writeback",
          9: "reclaim", 14: "swapbacked", 18: "unevictable", 32: "reserved", 33: "mlocked"}
SLAB, BUDDY, MMAP, ANON, SWAPCACHE, HEAD, TAIL, OFFLINE, PGTABLE = 7, 10, 11, 12, 13, 15, 16, 23, 26
CHECKED = [*COPIED, SLAB, BUDDY, MMAP, ANON, SWAPCACHE, HEAD, TAIL, PGTABLE]


@functools.lru_cache(maxsize=None)
def kept(core):
    """Frames of living processes that were mapped at the same place in both readings and still are: these are the
    pages of users that they were, whatever began and ended since."""
    frames = set()
    for row in core.rows("ps"):
        pid = str(row["pid"])
        if row["state"] in ("Z", "X") or not (core.path / f"truth/pagemap.{pid}").exists():
            continue
        there = {}
        for line in core.steady(f"pagemap.{pid}"):
            va, entry = (int(word, 16) for word in line.split())
            if entry >> 63 and entry & (1 << 55) - 1:
                there[va] = entry & (1 << 55) - 1
        some = random.Random(core.name).sample(sorted(there), min(len(there), 120))
        if some:
            for va, walk in zip(some, core.rows(f"vtop -c {pid} " + " ".join(f"{va:x}" for va in some), status=None)):
                if isinstance(walk["physical"], str) and int(walk["physical"], 16) // core.page_bytes == there[va]:
                    frames.add(there[va])
    return frames


@functools.lru_cache(maxsize=None)
def chosen(core):
    """pfn -> (flags, count) of frames whose words both readings have: a few of each pair of words, as many
    of all frames alike, and those that processes kept."""
    by_word, dice = {}, random.Random(core.name)
    for line in core.steady("pages"):
        frames, flags, count = line.split()
        lo, hi = (int(frame, 16) for frame in frames.split("-"))
        by_word.setdefault((int(flags, 16), int(count)), []).append((lo, hi))
    frames = {}
    for word, runs in by_word.items():
        for lo, hi in dice.sample(runs, min(len(runs), 6)):
            frames[dice.randint(lo, hi)] = word
        frames.update((pfn, word) for lo, hi in runs for pfn in range(lo, hi + 1) if pfn in kept(core))
    all_runs = [(lo, hi, word) for word, runs in by_word.items() for lo, hi in runs]
    for lo, hi, word in dice.choices(all_runs, [hi - lo + 1 for lo, hi, _ in all_runs], k=200) if all_runs else []:
        frames[dice.randint(lo, hi)] = word
    return frames


@functools.lru_cache(maxsize=None)
def rows(core):
    frames = sorted(chosen(core))
    if len(frames) < 20:
        pytest.skip("this guest told nothing of its pages")
    if "oom" in core.name:
        pytest.skip("all of memory changed hands between the account and the dump")
    found = core.rows("page " + " ".join(f"0x{pfn:x}" for pfn in frames))
    assert [int(row["pfn"], 16) for row in found] == frames
    return found


@functools.lru_cache(maxsize=None)
def heads(core):
    """First pages of the folios, whose flags count for the whole since 6.12."""
    wanted = sorted({row["folio_pfn"] for row in rows(core) if row["folio_pfn"]})
    return {row["pfn"]: row for row in core.rows("page " + " ".join(wanted))}


def of_folio(core):
    return core.meta["release"].split(".")[:2] >= ["6", "12"] or core.meta["release"].startswith("7")


def kernel_word(core, row):
    """/proc/kpageflags' word of what our row says."""
    head = heads(core).get(row["folio_pfn"], row)
    names = (head if of_folio(core) else row)["flags"]
    flags = set(names.split("|")) if names else set()
    word = sum(1 << bit for bit, name in COPIED.items() if name in flags)
    typed = row["page_type"] or ""
    word |= (row["owner"] == "slab") << SLAB
    word |= (row["owner"] == "buddy") << BUDDY
    word |= ("page table" in typed) << PGTABLE
    word |= bool(row["mapcount"] and row["mapcount"] > 0) << MMAP
    word |= (row["owner"] in ("anon", "ksm")) << ANON
    word |= (row["swap_type"] is not None) << SWAPCACHE
    if row["folio_order"]:
        word |= 1 << (HEAD if row["folio_pfn"] == row["pfn"] else TAIL)
    return word


USERS = 1 << MMAP | 1 << ANON | 1 << 5
FREE = 1 << BUDDY
# what a page is, and not how it was used of late: these bits stay as long as its process keeps it
LASTING = sum(1 << bit for bit in (3, 14, 32, SLAB, BUDDY, MMAP, ANON, HEAD, TAIL, PGTABLE))


def comparable(core):
    """Rows of the kernel's pages that were not freed or taken since, and of those that processes kept. The moment
    of the dump itself is in the tests of kmem and below."""
    if core.deed.get("scenario") == "leak":
        pytest.skip("memory filled up after the account was read")
    kernel, users = [], []
    for row in rows(core):
        pfn, word = int(row["pfn"], 16), chosen(core)[int(row["pfn"], 16)][0]
        if word & USERS:
            users += [row] if pfn in kept(core) else []
        elif bool(word & FREE) == (row["owner"] == "buddy") and row["owner"] != "free":
            kernel.append(row)
    print(f"{core.name}: {len(kernel)} pages of the kernel's and {len(users)} of users of {len(rows(core))}")
    assert len(kernel) >= 0.6 * len([row for row in rows(core) if not chosen(core)[int(row["pfn"], 16)][0] & USERS])
    return kernel, users


def truth_word(core, row):
    word = chosen(core)[int(row["pfn"], 16)][0]
    # since 6.12 the kernel takes a slab's words for a mapping
    return word & ~(1 << ANON) if row["owner"] == "slab" else word


def test_kpageflags(core):
    everything = sum(1 << bit for bit in CHECKED)
    kernel, users = comparable(core)
    for name, some, mask, floor in (("kernel", kernel, everything, 0.93), ("users", users, LASTING, 0.97)):
        wrong = [(row["pfn"], hex((truth_word(core, row) ^ kernel_word(core, row)) & mask), row["owner"], row["flags"])
                 for row in some if (truth_word(core, row) ^ kernel_word(core, row)) & mask]
        if some or name == "kernel":
            share(len(some) - len(wrong), len(some), floor, f"flags of {name} pages, wrong {wrong[:4]}")


def test_kinds(core):
    """A page of each kind is still that, where something else than its own flags says that it stayed."""
    kernel, users = comparable(core)
    tables = [row for row in rows(core) if chosen(core)[int(row["pfn"], 16)][0] >> PGTABLE & 1]
    where = core.run(*[f"addr -p {row['physical']}" for row in tables], status=None) if tables else []
    tables = [row for row, answer in zip(tables, where)
              if any(one["kind"] == "page table" for one in answer["rows"])]
    seen = 0
    for bit, name, some in ((SLAB, "slab", kernel), (BUDDY, "buddy", kernel), (PGTABLE, "page table", tables),
                            (ANON, "anonymous", users), (HEAD, "first", kernel), (TAIL, "other", kernel)):
        mine = [kernel_word(core, row) >> bit & 1 for row in some if truth_word(core, row) >> bit & 1]
        if len(mine) >= 5:
            # slabs that lost their last object went back, and others were made
            share(sum(mine), len(mine), 0.8 if some is kernel else 0.97, f"{name} pages")
            seen += 1
    assert seen >= 4


def test_kpagecount(core):
    """As many more or fewer as processes began and ended since."""
    # CONFIG_NO_PAGE_MAPCOUNT is in no kernel here
    then = {line.split()[0] for line in core.truth("ps.2") if line.split()[0].isdigit()}
    now = {str(row["pid"]) for row in core.rows("ps") if row["state"] not in ("Z", "X")}
    kernel, users = comparable(core)
    for name, some, slack, floor in (("kernel", kernel, 0, 0.97), ("users", users, len(then ^ now), 0.97)):
        wrong = [(row["pfn"], truth, row["mapcount"]) for row in some
                 for truth in [chosen(core)[int(row["pfn"], 16)][1]] if abs(truth - max(row["mapcount"] or 0, 0)) > slack]
        if some or name == "kernel":
            share(len(some) - len(wrong), len(some), floor, f"counts of {name} pages, wrong {wrong[:4]}")


def test_mapcount_is_in_the_page_tables(core):
    """At the moment of the dump itself: as many entries of all processes' tables lead to a page as it counts."""
    size, mapped = core.page_bytes, {}
    leaders = [row["pid"] for row in core.rows("ps")
               if not row["kernel"] and row["pid"] == row["tgid"] and row["state"] not in ("Z", "X")]
    if int(core.meta["memory_mb"]) > 512 or len(leaders) > 100:
        pytest.skip("many processes: it would take long")
    for pid in leaders:
        (row,) = core.rows(f"vm -p {pid}", status=None)
        for run in row["pages"] or []:
            if run["kind"] == "mapped":
                first = int(run["physical"], 16) // size
                for pfn in range(first, first + run["pages"]):
                    mapped[pfn] = mapped.get(pfn, 0) + 1
    users = [row for row in rows(core) if row["owner"] in ("anon", "file") and row["mapcount"] is not None]
    assert len(users) > 10
    wrong = [(row["pfn"], row["mapcount"], mapped.get(int(row["pfn"], 16), 0)) for row in users
             if row["mapcount"] != mapped.get(int(row["pfn"], 16), 0)]
    # one that was making or taking down its memory as it died is between the two
    share(len(users) - len(wrong), len(users), 0.97, f"counts, wrong {wrong[:4]}")


def test_place(core):
    """Zone and node by /proc/zoneinfo's spans."""
    spans, zone = [], None
    for line in core.truth("zoneinfo"):
        words = line.replace(",", " ").split()
        if words[:1] == ["Node"] and "zone" in words:
            zone = [int(words[1]), words[3], None, None]
        elif words[:1] == ["spanned"]:
            zone[2] = int(words[1])
        elif words[:1] == ["start_pfn:"]:
            spans.append((*zone[:3], int(words[1])))
    assert spans
    for row in rows(core):
        place = [(node, name) for node, name, size, first in spans if first <= int(row["pfn"], 16) < first + size]
        assert (row["node"], row["zone"]) in place, row


def test_by_any_name(core):
    """By number, by struct page, by an address within and by the physical address."""
    row = next(row for row in rows(core) if row["virtual"])
    inside = int(row["virtual"], 16) + 0x10
    physical = int(row["physical"], 16) + 0x10
    found = core.rows(f"page {row['page']} {inside:x}") + core.rows(f"page -p {physical:x}")
    assert [one["pfn"] for one in found] == [row["pfn"]] * 3
    assert int(row["pfn"], 16) * core.page_bytes == int(row["physical"], 16)


def test_files(core):
    """A page of a program's text, by /proc/PID/maps and pagemap: its file, index and inode."""
    size, checked = core.page_bytes, 0
    living = {str(row["pid"]) for row in core.rows("ps") if row["state"] not in ("Z", "X")}
    for pid in sorted({line.name.split(".")[1] for line in (core.path / "truth").glob("maps.*")} & living)[:6]:
        where = dict(line.split() for line in core.steady(f"pagemap.{pid}"))
        for line in core.steady(f"maps.{pid}"):
            words = line.split(None, 5)
            if len(words) < 6 or not words[5].startswith("/") or "(deleted)" in words[5] or "w" in words[1]:
                continue
            start, offset = words[0].split("-")[0], int(words[2], 16)
            entry = int(where.get(f"{int(start, 16):x}", "0"), 16)
            pfn = entry & (1 << 55) - 1
            if not entry >> 63 or not entry >> 61 & 1 or not pfn:
                continue
            (row,) = core.rows(f"page 0x{pfn:x}")
            if row["owner"] != "file" and core.ran_on > 2 or row["owner"] in ("buddy", "free"):
                continue  # its process ended
            assert (row["owner"], int(row["index"], 16)) == ("file", offset // size), (pid, line, row)
            assert row["file"] == words[5] or core.name.startswith(("armmp", "arm64-cloud")) and row["file"], (line, row)
            assert row["device"] == f"{words[3]}, inode {words[4]}", (line, row)
            checked += 1
    if not checked:
        pytest.skip("no file's page that stayed where it was")


def test_slabs(core):
    """The cache of a slab's page is the one that slub says."""
    slabs = [row for row in rows(core) if row["owner"] == "slab" and row["virtual"]][:20]
    assert slabs
    names = {row["cache"] for row in core.rows("slub")}
    assert all(row["cache"] in names for row in slabs), [row["cache"] for row in slabs]


def test_owner(core):
    """Where page_owner was on, the page command tells what page_owner tells."""
    told = [row for row in rows(core) if row["gfp_flags"]][:5]
    if not told:
        pytest.skip("page_owner was off")
    for row in told:
        (other,) = core.rows(f"page_owner {row['pfn']}")
        assert (other["gfp_flags"], other["comm"]) == (row["gfp_flags"], row["comm"])
        assert row["allocated"] == other["stacks"][0]["frames"]


def test_no_page(core):
    (answer,) = core.run("page 0x1", status=1)
    assert "no struct page" in answer["faults"][0]["message"]
