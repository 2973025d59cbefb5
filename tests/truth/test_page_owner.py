"""page_owner against debugfs: /sys/kernel/debug/page_owner, which names each allocation's order, flags, task,
times and stack. An allocation that both readings have must be in the dump, as far as nothing moved since."""

import re

import pytest
from truth_cores import frame_rows, same_frames, share

HEAD = re.compile(r"Page allocated via order (\d+), mask (0x[0-9a-f]+)\((\S*)\), pid (\d+)(?:, tgid (\d+) \((.*)\))?"
                  r"(?:, ts (\d+) ns)?(?:, free_ts (\d+) ns)?$")


def allocations(lines):
    """pfn -> (order, mask, flags, pid, tgid, comm, ts, stack)."""
    table, head, pfn, stack = {}, None, None, []
    for line in lines + [""]:
        if match := HEAD.match(line):
            head, pfn, stack = match, None, []
        elif head and (match := re.match(r"PFN (0x[0-9a-f]+|\d+) type", line)):
            pfn = int(match[1], 0)
        elif head and pfn is not None and re.match(r" \S", line):
            stack.append(line.strip())
        elif head and pfn is not None and not line.strip():
            order, mask, flags, pid, tgid, comm, ts, _ = head.groups()
            table[pfn] = (int(order), int(mask, 16), flags, int(pid), tgid and int(tgid), comm, ts and int(ts),
                          tuple(stack))
            head = None
    return table


@pytest.fixture(autouse=True)
def only_recorded(core):
    if "page_owner=on" not in core.recipe.get("CMDLINE", "") or not core.truth("page_owner"):
        pytest.skip("page_owner was off, or its file was not read")


def stacks_of(core):
    """handle -> frames as the kernel prints them."""
    return {row["handle"]: frame_rows(row["frames"]) for row in core.rows("depot -a")}


def test_allocations(core):
    first, second = allocations(core.truth("page_owner")), allocations(core.truth("page_owner.2"))
    steady = {pfn for pfn in first if second.get(pfn) == first[pfn]}
    rows, stacks = {row["pfn"]: row for row in core.rows("page_owner -a")}, stacks_of(core)
    agree, wrong = 0, []
    for pfn in steady:
        row = rows.get(pfn)
        if not row:
            continue
        order, mask, flags, pid, tgid, comm, ts, stack = first[pfn]
        if ts is not None and abs(row["time"] - ts / 1e9) > 1e-6:
            continue  # another allocation since
        mine = (row["order"], int(row["gfp"], 16), row["gfp_flags"], row["pid"])
        if mine != (order, mask, flags, pid) or not same_frames(stacks.get(row["handle"]), stack) or (tgid and (row["tgid"], row["comm"]) != (tgid, comm)):
            wrong.append((pfn, mine, first[pfn][:7], stacks.get(row["handle"]), stack))
        else:
            agree += 1
    assert not wrong, wrong[0]
    share(agree, len(steady), 0.6 if core.name.endswith("oom") else 0.9, "allocations in both readings")


def test_top(core):
    """The largest holder, added up from debugfs, is the largest here, when it holds clearly most."""
    pages = {}
    for order, *_, stack in allocations(core.truth("page_owner")).values():
        pages[stack] = pages.get(stack, 0) + (1 << order)
    best, next_best = sorted(pages.values(), reverse=True)[:2]
    if next_best * 2 > best:
        pytest.skip("no stack holds clearly most")
    (row,) = core.rows("page_owner top -n 1")
    assert [pages[stack] for stack in pages if same_frames(frame_rows(row["frames"]), stack)] == [best]
    assert abs(row["pages"] - best) <= best // 10


def test_counts(core):
    """Where the depot counts, it counts page_owner's pages, and one for page_owner itself."""
    (row,) = core.rows("page_owner top -n 1")
    (stack,) = core.rows("depot " + row["handle"])
    if stack["count"] is None:
        pytest.skip("this kernel's depot does not count")
    assert stack["count"] == row["pages"] + 1


def test_one_page(core):
    """A page by frame number, by address and by its struct page is the same."""
    rows = core.rows("page_owner -a")
    row = rows[len(rows) // 2]
    for name in (hex(row["pfn"]), row["address"]):
        (one,) = core.rows("page_owner " + name)
        assert one["pfn"] == row["pfn"] and one["handle"] == row["handle"]
        assert one["stacks"][0]["handle"] == row["handle"] and one["stacks"][0]["frames"]


def test_freed_page(core):
    """The page that our module wrote to after it gave it back: who had it and who freed it, by the module's word; at
    the offset that it wrote to, which lies in its second page. The same by addr."""
    if core.deed.get("scenario") != "page-uaf":
        pytest.skip("nobody wrote to a freed page")
    va = int(core.deed["object"], 16) + int(core.deed["offset"])
    (row,) = core.rows(f"page_owner {va:x}")
    assert (row["state"], row["order"], row["pid"]) == ("free", int(core.deed["order"]), int(core.deed["alloc_pid"]))
    assert row["comm"] in (core.deed["alloc_task"], None)
    stacks = {stack["what"]: [frame["symbol"] for frame in stack["frames"]] for stack in row["stacks"]}
    assert core.deed["alloc_fn"] in stacks["Last allocated"] and core.deed["free_fn"] in stacks["Freed"]
    (owner,) = [one for one in core.rows(f"addr {va:x}") if one["kind"] == "page owner"]
    assert core.deed["alloc_fn"] in owner["text"] and f"pid {core.deed['alloc_pid']}" in owner["text"]
