"""The locks that tasks hold, against what the kernel printed of them, and against what memory proves without lockdep."""

import re

import pytest
from truth_cores import chosen_set, Core

# What the task that prints holds for printing, and what sysrq_handle_crash() gives back before it panics
# (drivers/tty/sysrq.c, 6.1).
PASSING = ("debug_show_all_locks", "__handle_sysrq")
HOLDER = re.compile(r"\d+ locks? held by (.*)/(\d+):$")
LOCK = re.compile(r" #(\d+): ([0-9a-f]+) \((.*?)\)\{\S+\}-\{\S+\}, at: (\S+(?: \[\S+\])?)$")
NAMES = [name for name in chosen_set() if "-lockdep-" in name]


def printed(core):
    """(pid, number, map, name, place) of "Showing all locks held in the system"; the task that prints holds RCU's."""
    found, pid = set(), None
    console = (core.path / "console.log").read_text(errors="backslashreplace")
    lines = console.partition("Showing all locks held in the system:")[2].splitlines()
    for line in (re.sub(r"^\[ *[\d.]+\]", "", line)[1:] for line in lines):
        holder, lock = HOLDER.match(line), LOCK.match(line)
        if holder:
            pid = int(holder[2]) if holder[1] != "khungtaskd" else None
        elif lock and pid and not lock[4].startswith(PASSING):
            found.add((pid, int(lock[1]), int(lock[2], 16), lock[3], lock[4]))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_as_the_kernel_printed(name):
    core = Core(name)
    theirs = printed(core)
    if not theirs:
        pytest.skip("nothing was printed here")
    ours = {(row["pid"], row["n"], int(row["map"], 16), row["name"], row["at"]) for row in core.rows("held")}
    assert theirs and ours == theirs


@pytest.mark.parametrize("name", NAMES)
def test_triage_says_held_locks(name):
    """Those of the verdict's tasks, without the one that each waits for; the kernel prints that one as well."""
    core = Core(name)
    (verdict,) = core.rows("triage")
    said = {statement["text"] for statement in verdict["statements"] if statement["topic"] == "holds"}
    if verdict["class"] == "alive":
        assert not said
        return
    waits = {(row["pid"], row["n"]) for row in core.rows("held") if row["waits"]}
    if "abba" in name:  # lockdep had switched itself off before its own report
        theirs = {(row["pid"], row["name"], row["at"]) for row in core.rows("held") if not row["waits"]}
    else:
        theirs = {(pid, lock, at) for pid, n, _, lock, at in printed(core) if (pid, n) not in waits}
    assert theirs and {text.partition(" (pid ")[2].replace(", for reading", "") for text in said} == \
        {f"{pid}): {lock}, asked for at {at}" for pid, lock, at in theirs}


@pytest.mark.parametrize("name", NAMES)
def test_owners_agree(name):
    """Who holds a mutex by the word in it also holds it by lockdep, and does not wait for it; who waits asked for it."""
    core = Core(name)
    held = core.rows("held")
    locks = [row for row in core.rows("locks") if row["kind"] == "mutex" and row["owner"]]
    (size,) = core.rows("p sizeof(struct mutex)")
    if not locks:
        pytest.skip("nobody waits for a mutex")
    for lock in locks:
        start = int(lock["lock"], 16)
        inside = {row["task"]: row["waits"] for row in held
                  if start <= int(row["map"], 16) < start + int(size["value"], 0)}
        assert inside.get(lock["owner"]) is False, (lock, held)
        # A dump of a deadlock is one of lockdep switched off: it noted no more when the last one asked.
        waiters = {row["task"] for row in lock["waiters"]}
        assert {task for task, waits in inside.items() if waits} <= waiters
        assert any(inside.values()) or "abba" in name


@pytest.mark.parametrize("name", NAMES)
def test_one_task(name):
    core = Core(name)
    everything = core.rows("held")
    for pid in {row["pid"] for row in everything}:
        assert core.rows(f"held {pid}") == [row for row in everything if row["pid"] == pid]
    assert core.rows("held 1") == [row for row in everything if row["pid"] == 1]
