"""Locks, hung tasks and RCU's state: beside what the guest's module announced and what the kernel's own warnings said."""

import re

import pytest
from truth_cores import Core, chosen_set

CORES = [Core(name) for name in chosen_set()]


@pytest.fixture(params=CORES, ids=lambda core: core.name)
def core(request):
    return request.param


def console(core):
    return (core.path / "console.log").read_text(errors="backslashreplace").splitlines()


def expected(core):
    return core.recipe.get("expect_class", "")


def deeds(core):
    return [dict(word.split("=", 1) for word in line.split() if "=" in word) for line in core.truth("misbehave")]


def test_spinlock(core):
    """The lock that the module spins on, at its address, held by whom the recipe names, waited for by the culprit."""
    if expected(core) != "spinlock-lockup":
        pytest.skip("nobody spins by plan")
    words = {key: value for deed in deeds(core) for key, value in deed.items()}
    spinlocks = [row for row in core.rows("locks") if row["kind"] == "spinlock"]
    if "address" not in words:
        (row,) = spinlocks
        assert row["symbol"] == "lock_me_up" and row["owner_comm"] == "trigger"
        return
    (row,) = [row for row in spinlocks if int(row["lock"], 16) == int(words["address"], 16)]
    assert row["symbol"] == words["lock"]
    assert [waiter["pid"] for waiter in row["waiters"]] == [int(words["culprit_pid"])]
    holder = re.search(r"owner is (?:still )?(\S+)", core.recipe.get("expect_reason", ""))
    if holder:
        assert row["owner_comm"] == holder[1]
        assert row["owner_pid"] != int(words["culprit_pid"])
    elif core.name.endswith("spin-twice"):
        assert row["owner_pid"] == int(words["culprit_pid"])
    (owner,) = [task for task in core.rows("ps") if task["task"] == row["owner"]]
    assert row["owner_cpu"] == owner["cpu"], "who holds a spinlock stays where it took it"
    (alone,) = core.rows(f"locks {row['lock']}")
    assert alone == row


def test_sleeping_locks(core):
    """The owner of each lock that somebody waits for by plan."""
    by_plan = [deed for deed in deeds(core) if "waiter_pid" in deed and "address" in deed]
    if not by_plan or expected(core) not in ("deadlock", "hung-task"):
        pytest.skip("nobody waits by plan")
    rows = {int(row["lock"], 16): row for row in core.rows("locks") if row["lock"]}
    for deed in by_plan:
        row = rows[int(deed["address"], 16)]
        assert int(deed["waiter_pid"]) in [waiter["pid"] for waiter in row["waiters"]]
        if "owner_pid" in deed and deed.get("kind") != "semaphore":
            assert row["owner_pid"] == int(deed["owner_pid"])
            assert row in core.rows(f"locks -t {deed['owner_pid']}")


def test_hung(core):
    """khungtaskd's own words: the tasks that it named, and for no longer than its account says."""
    said = {}
    for line in console(core):
        if m := re.search(r"INFO: task (\S+):(\d+) blocked (?:in I/O wait )?for more than (\d+) seconds", line):
            said[int(m[2])] = m[1], int(m[3])
    if not said or not core.panicked:
        pytest.skip("khungtaskd named nobody")
    reported = {row["pid"]: row for row in core.rows("hung -k")}
    for pid, (comm, seconds) in said.items():
        assert reported[pid]["comm"] == comm
        # its clock went on while the machine stopped
        assert seconds <= reported[pid]["noted"] <= seconds + 2
        assert reported[pid]["seconds"] >= reported[pid]["noted"]


def test_hung_order(core):
    """Longest first, and all tasks in state D."""
    rows = core.rows("hung")
    times = [row["seconds"] or 0 for row in rows]
    assert times == sorted(times, reverse=True)
    asleep = {row["pid"] for row in core.rows("ps") if row["state"] == "D" and row["pid"]}
    assert {row["pid"] for row in rows} == asleep


def test_rcu_stall(core):
    """The kernel's warning: which CPUs, the grace period's number and age, what was forced and queued."""
    text = "\n".join(console(core))
    head = re.search(r"t=(\d+) jiffies,? g=(-?\d+),? q=(\d+) ncpus=(\d+)\)", text)
    if not head:
        pytest.skip("no warning of a stall")
    cpus = {int(m[1]): m for m in re.finditer(
        r"rcu: \t(\d+)-\S+: \((\d+) ticks this GP\) idle=([0-9a-f]+)/\S+ softirq=\S+ fqs=(\d+)", text)}
    (rcu,) = core.rows("rcu")
    assert rcu["grace_period"] == int(head[2])
    assert rcu["stalled"] is True and rcu["state"] == "running"
    assert {row["cpu"] for row in rcu["cpus"] if row["holds_up"]} == set(cpus)
    assert rcu["age"] >= int(head[1])
    if "RCU" not in core.meta["panic_message"]:
        return  # it went on after the warning
    # ticks went on until the other CPUs were stopped
    assert rcu["age"] - int(head[1]) <= 25
    assert abs(rcu["callbacks"] - int(head[3])) <= 2
    for row in rcu["cpus"]:
        if row["cpu"] in cpus:
            m = cpus[row["cpu"]]
            assert 0 <= row["ticks"] - int(m[2]) <= 25
            assert int(row["watching"], 16) & 0xFFFF == int(m[3], 16)
            # at most once a jiffy
            assert 0 <= rcu["forced"] - int(m[4]) <= rcu["age"] - int(head[1]) + 1


def test_no_stall(core):
    """What the kernel did not warn of is no stall, as far as it had the time to."""
    if re.search(r"rcu: INFO: rcu_|rcu_sched detected|self-detected stall", "\n".join(console(core))):
        pytest.skip("it did warn")
    if expected(core) not in ("alive", "panic") or "CONFIG_TREE_RCU" not in core.config:
        pytest.skip("CPUs may have stood still, or there is no tree RCU")
    (rcu,) = core.rows("rcu")
    assert rcu["stalled"] is False
    assert {row["cpu"] for row in rcu["cpus"]} == set(range(len(rcu["cpus"]))) != set()
