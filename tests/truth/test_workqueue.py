"""Workqueues: workers beside the guest's ps, queues beside the kernel's own, the work that the module never ends."""

import re

import pytest
from truth_cores import Core, chosen_set

CORES = [Core(name) for name in chosen_set()]


@pytest.fixture(params=CORES, ids=lambda core: core.name)
def core(request):
    return request.param


def test_workers(core):
    """As many workers as kworkers, of the CPUs' pools and of those without a CPU; rescuers belong to no pool."""
    names = [row["comm"] for row in core.rows("ps") if re.match(r"kworker/(u\d+:|\d+:)", row["comm"] or "")]
    pools = core.rows("workqueue -p")
    assert names and pools
    # POOL_BH, since v6.9: such a pool has one worker, which is no task.
    if "workqueue_softirq_action" in core.kallsyms:
        pools = [pool for pool in pools if not int(pool["flags"], 16) & 1]
    assert sum(pool["workers"] for pool in pools) == len(names)
    for cpu in {pool["cpu"] for pool in pools} - {None}:
        of_cpu = sum(pool["workers"] for pool in pools if pool["cpu"] == cpu)
        assert of_cpu == sum(name.startswith(f"kworker/{cpu}:") for name in names)


def test_queues(core):
    """The queues that every kernel makes, and the counts that its pools give."""
    queues = core.rows("workqueue -l")
    names = {row["workqueue"] for row in queues}
    assert {"events", "events_highpri", "events_long", "events_unbound", "mm_percpu_wq"} <= names
    works = core.rows("workqueue")
    assert all(work["workqueue"] in names for work in works), works
    assert all((work["pid"] is not None) == (work["state"] in ("running", "scheduled")) for work in works), works
    for name in names:  # of which there may be several queues
        mine = [work for work in works if work["workqueue"] == name]
        counted = [row for row in queues if row["workqueue"] == name]
        assert sum(work["state"] == "inactive" for work in mine) == sum(row["inactive"] for row in counted)
        # what flush_work() puts behind a work counts nowhere
        active = sum(work["state"] != "inactive" and work["function"] != "wq_barrier_func" for work in mine)
        assert active == sum(row["active"] for row in counted), (name, mine)


def test_busy(core):
    """The work that a module's task waits for, with the worker that runs it; workers that are busy say the same."""
    deed = core.deed if core.truth("misbehave") else {}
    running = [row for row in core.rows("workqueue") if row["state"] == "running"]
    if "work_fn" not in deed or core.recipe.get("expect_class") != "hung-task":
        pytest.skip("no work hangs by plan")
    (row,) = [row for row in running if row["function"] == deed["work_fn"]]
    assert row["comm"].startswith("kworker/")
    assert row["pid"] in {task["pid"] for task in core.rows("ps")}


def test_no_pool_is_stalled(core):
    """The watchdog had no word about any, and what it has no word about within its time is no stall."""
    if "workqueue lockup" in (core.path / "console.log").read_text(errors="replace"):
        pytest.skip("it had")
    if core.recipe.get("expect_class") not in ("alive", "panic"):
        pytest.skip("CPUs may have stood still")
    assert [pool for pool in core.rows("workqueue -p") if pool["stalled"]] == []


def test_stalled_pool(core):
    """The pools that the kernel's watchdog found to stand still are findings of triage, for no less than it said last."""
    said = {}
    for line in (core.path / "console.log").read_text(errors="replace").splitlines():
        if m := re.search(r"workqueue lockup - pool cpus=(\d+) node=\d+ flags=\S+ nice=-?\d+ stuck for (\d+)s", line):
            said[int(m[1])] = int(m[2])
    if not said:
        pytest.skip("the watchdog had no word")
    (verdict,) = core.rows("triage")
    statements = verdict["statements"] + [s for suspect in verdict["suspects"] for s in suspect["statements"]]
    pools = {}
    for statement in statements:
        if statement["topic"] == "pool" and statement["evidence"] == "memory":
            m = re.match(r"(\d+)(?: of CPU (\d+)| of no CPU): (\d+) pending, and none begun for (\d+) s", statement["text"])
            pools[int(m[1])] = m[2] and int(m[2]), int(m[3]), int(m[4])
    rows = {row["pool"]: row for row in core.rows("workqueue -p")}
    assert set(said) <= {cpu for cpu, _, _ in pools.values()}
    for number, (cpu, pending, seconds) in pools.items():
        assert (rows[number]["cpu"], rows[number]["pending"]) == (cpu, pending)
        assert seconds >= said.get(cpu, 0)


def test_no_pool_is_told(core):
    """None where the machine was well."""
    if core.recipe.get("expect_class") not in ("alive", "panic", "sysrq"):
        pytest.skip("CPUs may have stood still")
    (verdict,) = core.rows("triage")
    assert not [suspect for suspect in verdict["suspects"] if suspect["class"] == "workqueue-lockup"]
