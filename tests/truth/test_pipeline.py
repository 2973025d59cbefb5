"""Object pipelines, beside the same done in Python over the rows of the command alone."""

from collections import Counter


def test_where_column(core):
    rows = core.rows("ps")
    want = [r["pid"] for r in rows if r["state"] == "S" and r["cpu"] != 0]
    assert want
    assert [r["pid"] for r in core.rows('ps | where state == "S" && cpu != 0')] == want


def test_where_member(core):
    """A member of the object that the row stands for, read from the dump."""
    kernel = [r["task"] for r in core.rows("ps") if r["kernel"]]
    assert [r["task"] for r in core.rows("ps | where mm == 0")] == kernel
    assert [r["task"] for r in core.rows("ps | where it->mm == 0")] == kernel


def test_order(core):
    rows = core.rows("ps")
    want = sorted(rows, key=lambda r: (-r["rss"], r["comm"].encode()))
    assert [r["task"] for r in core.rows("ps | order by rss desc, comm")] == [r["task"] for r in want]
    assert core.rows("ps | order by rss desc, comm | first 3") == want[:3]


def test_group_and_count(core):
    rows = core.rows("ps")
    assert core.rows("ps | count") == [{"count": len(rows)}]
    groups = {r["state"]: r["count"] for r in core.rows("ps | group by state")}
    assert groups == Counter(r["state"] for r in rows)


def test_tasks_flow_into_bt(core):
    pids = [r["pid"] for r in core.rows("ps") if r["state"] == "S"][:3]
    assert pids
    alone = [core.rows(f"bt {pid}") for pid in pids]
    assert core.rows('ps | where state == "S" | first 3 | bt') == [r for rows in alone for r in rows]


def test_walk(core):
    tasks = [r["task"] for r in core.rows("ps")]
    assert [r["address"] for r in core.rows("walk task")] == tasks
    users = [r["task"] for r in core.rows("ps") if not r["kernel"]]
    areas = sum(len(core.rows(f"vm {task}")[0]["areas"]) for task in users[:2])
    counted = sum(core.rows(f"walk vma {task} | count")[0]["count"] for task in users[:2])
    gate = 0 if core.arm64 else 2  # ARM's vectors page is nobody's vma
    assert areas - gate <= counted <= areas


def test_arguments_name_columns(core):
    rows = core.rows("ps | first 2")
    lines = core.rows('ps | first 2 | printf "%s %d\\n", comm, pid')
    assert [line["text"] for line in lines] == [f"{r['comm']} {r['pid']}\n" for r in rows]


def test_slab_objects(core):
    """Every task but the first, which is static, is an allocated object of the cache task_struct."""
    (init,) = core.rows("sym init_task")
    tasks = {r["task"] for r in core.rows("ps")} - {init["address"]}
    objects = {r["address"] for r in core.rows("walk slab-object task_struct")}
    assert tasks and tasks <= objects, tasks - objects
    assert core.rows("walk slab-object task_struct | where pid == 1 | count") == [{"count": 1}]
    assert core.rows("walk slab-cache | count") == [{"count": len(core.rows("slub"))}]
