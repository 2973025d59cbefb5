"""zones against /proc/zoneinfo, buddyinfo and pagetypeinfo. What both readings of the guest agree on must
be in the dump, as far as nothing was allocated after them: corpus.md's rule for a moving guest."""

import json
import re
import shutil
import struct
import subprocess

import pytest
from truth_cores import INQUEST, share


def zoneinfo(lines):
    """(node, zone, cpu or None, name) -> value."""
    table, zone, cpu = {}, None, None
    for line in lines:
        if match := re.fullmatch(r"Node (\d+), zone +(\S+)", line):
            zone, cpu = (int(match[1]), match[2]), None
        elif match := re.fullmatch(r"    cpu: (\d+)", line):
            cpu = int(match[1])
        elif match := re.fullmatch(r" +protection: \((.*)\)", line):
            table[(*zone, None, "protection")] = match[1]
        elif match := re.fullmatch(r" +(?:pages )?(\S.*?):? +(-?\d+)", line):
            of_cpu = match[1] in ("count", "high", "batch", "high_min", "high_max", "vm stats threshold") and cpu is not None
            table[(*zone, cpu if of_cpu else None, match[1])] = int(match[2])
    return table


def ours(core):
    table = {}
    for row in core.rows("zones -z"):
        if row["value"] is not None:
            table[(row["node"], row["zone"], row["cpu"], row["name"].rstrip(":"))] = row["value"]
    return table


FIXED = {"min", "low", "high", "promo", "spanned", "present", "managed", "cma", "start_pfn", "boost"}


def test_zoneinfo(core):
    first, second, mine = zoneinfo(core.truth("zoneinfo")), zoneinfo(core.truth("zoneinfo.2")), ours(core)
    steady = {key for key in first if second.get(key) == first[key] and key[3] != "protection"}
    missing = [key for key in steady if key not in mine]
    assert not missing, missing
    # an out-of-memory kill goes on allocating until it dies
    floor = 0.6
    share(sum(mine[key] == first[key] for key in steady), len(steady), floor, "steady numbers")
    fixed = [key for key in steady if key[3] in FIXED and key[2] is None]
    assert len(fixed) >= 7
    wrong = [(key, mine[key], first[key]) for key in fixed if mine[key] != first[key]]
    assert not wrong, wrong


def test_counter_names(core):
    """No number without its name, and no name that the guest does not have, but for sizes that its
    release kept and did not print yet."""
    names = {key[3] for key in zoneinfo(core.truth("zoneinfo"))}
    kept = {"boost", "cma", "promo", "high_min", "high_max", "reserved_highatomic", "free_highatomic"}
    strangers = {key[3] for key in ours(core)} - names - kept
    assert not strangers, strangers


def test_numa_events(core):
    """They only grow: never less than the second reading, and hits keep pace with local allocations."""
    second, mine = zoneinfo(core.truth("zoneinfo.2")), ours(core)
    events = {key: n for key, n in second.items() if key[3].startswith("numa_")}
    if not events:
        assert not [key for key in mine if key[3].startswith("numa_")]
        pytest.skip("a kernel without CONFIG_NUMA")
    for key, least in events.items():
        assert least <= mine[key] <= least * 3 + 5000, (key, least, mine[key])
    assert any(n > 1000 for n in events.values())


def test_protection(core):
    (lines,) = core.run("zones -z")
    count = sum(row["name"] == "protection" for row in lines["rows"])
    assert count == len({key[:2] for key in zoneinfo(core.truth("zoneinfo"))})


def test_table(core):
    """zones alone has the sizes of each zone."""
    truth = zoneinfo(core.truth("zoneinfo"))
    rows = core.rows("zones")
    for row in rows:
        for name in ("spanned", "present", "managed"):
            assert row[name] == truth[(row["node"], row["zone"], None, name)], row
    assert {(r["node"], r["zone"]) for r in rows} == {key[:2] for key in truth}


def buddy(lines):
    table = {}
    for line in lines:
        match = re.match(r"Node +(\d+), zone +(\S+?)(?:, type +(\S+))? +(\d[\d ]*)$", line.rstrip())
        if match:
            table[(int(match[1]), match[2], match[3])] = [int(n) for n in match[4].split()]
    return table


def blocks(core, command):
    return {(r["node"], r["zone"], r["type"]): [o["blocks"] for o in r["orders"]]
            for r in core.rows(command)}


def skip_if_memory_ran_out(core):
    """The guest's last act was to allocate everything: no free list is what it was."""
    if core.name.endswith("-oom"):
        pytest.skip("memory ran out after the account was read")


def check_lists(core, command, truth):
    skip_if_memory_ran_out(core)
    first, second = buddy(core.truth(truth)), buddy(core.truth(truth + ".2"))
    mine = blocks(core, command)
    assert first and set(mine) == set(first)
    same = total = 0
    for key, counts in first.items():
        assert len(counts) == len(mine[key])
        for a, b, c in zip(counts, second[key], mine[key]):
            total += a == b
            same += a == b == c
    share(same, total, 0.6, truth)


def test_buddyinfo(core):
    check_lists(core, "zones -b", "buddyinfo")


def test_pagetypeinfo(core):
    """Only the free counts; run() also asserts that no list disagreed with its nr_free."""
    skip_if_memory_ran_out(core)
    first = [line for line in core.truth("pagetypeinfo")
             if line.startswith("Node ") and ", type " in line]
    assert first
    mine = blocks(core, "zones -t")
    theirs, again = buddy(first), buddy(core.truth("pagetypeinfo.2"))
    assert set(mine) == set(theirs)
    same = total = 0
    for key, counts in theirs.items():
        for a, b, c in zip(counts, again[key], mine[key]):
            total += a == b
            same += a == b == c
    share(same, total, 0.6, "pagetypeinfo")


def test_lists_add_up(core):
    """The walked lists of all types together are what buddyinfo's form counts."""
    sums = {}
    for (node, zone, _), counts in blocks(core, "zones -t").items():
        old = sums.setdefault((node, zone, None), [0] * len(counts))
        sums[(node, zone, None)] = [a + b for a, b in zip(old, counts)]
    assert sums == blocks(core, "zones -b")


def file_offset(path, pa):
    """Where an ELF dump has the byte at this physical address."""
    with open(path, "rb") as f:
        head = f.read(64)
        wide = head[4] == 2
        at = struct.unpack_from("<Q" if wide else "<I", head, 32 if wide else 28)[0]
        size, count = struct.unpack_from("<HH", head, 54 if wide else 42)
        f.seek(at)
        for i in range(count):
            p = f.read(size)
            if wide:
                kind, _, offset, _, start, length = struct.unpack_from("<IIQQQQ", p)
            else:
                kind, offset, _, start, length = struct.unpack_from("<IIIII", p)
            if kind == 1 and start <= pa < start + length:
                return offset + pa - start
    raise AssertionError(f"0x{pa:x} is not in the dump")


def test_a_lie_is_told(core, tmp_path):
    """With nr_free changed in a copy of the dump, the walk finds and says the difference."""
    if int(core.meta["memory_mb"]) > 128:
        pytest.skip("a large dump: its copy costs more than it tells")
    zone = next(r for r in core.rows("zones") if r["present"])
    (value,) = core.rows(f"p &((struct zone *){zone['address']})->free_area[2].nr_free")
    va = re.search("0x[0-9a-f]+", str(value["value"]))[0]
    (place,) = core.rows(f"vtop {va}")
    copy = tmp_path / "vmcore"
    shutil.copyfile(core.path / "vmcore.elf", copy)
    with open(copy, "r+b") as f:
        f.seek(file_offset(copy, int(place["physical"], 16)))
        was = f.read(1)[0]
        f.seek(-1, 1)
        f.write(bytes([was ^ 1]))
    done = subprocess.run([INQUEST, "--json", core.path / "vmlinux", copy, "-c", "zones -t"],
                          capture_output=True, timeout=60)
    (answer,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1
    assert any("order 2" in fault["message"] and "nr_free says" in fault["message"]
               for fault in answer["faults"]), answer["faults"]
