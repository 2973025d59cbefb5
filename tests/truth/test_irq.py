"""Interrupts and softirqs beside the guest's own /proc/interrupts and /proc/softirqs."""

import re

import pytest
from truth_cores import Core, chosen_set

CORES = [Core(name) for name in chosen_set()]


def ids(core):
    return core.name


@pytest.fixture(params=CORES, ids=ids)
def core(request):
    return request.param


def table(core, name):
    """(key, counts, rest of the line) of each line that has one count a CPU."""
    head, *lines = core.truth(name)
    cpus = [int(word.removeprefix("CPU")) for word in head.split()]
    rows = []
    for line in lines:
        words = line.split(None, len(cpus) + 1)
        counts = words[1:len(cpus) + 1]
        if len(counts) == len(cpus) and all(word.isdigit() for word in counts):
            rows.append((words[0].rstrip(":"), dict(zip(cpus, map(int, counts))),
                         words[len(cpus) + 1] if len(words) > len(cpus) + 1 else ""))
    return rows


def per_cpu(row):
    return {r["cpu"]: r["count"] for r in row["cpus"]}


def limit(core, before):
    """How often an interrupt may have come since the second reading: a thousand a second, and a burst."""
    return before + 2000 + int(1000 * core.ran_on)


def check_counts(core, mine, theirs):
    for cpu, before in theirs.items():
        assert before <= mine[cpu] <= limit(core, before), (cpu, before, mine)


def test_interrupts(core):
    """The same lines; no count went backwards; chip, number of the hardware, kind and names are the same."""
    rows = {row["irq"]: row for row in core.rows("irq -s") if row["name"] != "IPI"}
    told = [(int(key), counts, rest) for key, counts, rest in table(core, "interrupts.2") if key.isdigit()]
    assert told and sorted(rows) == sorted(irq for irq, _, _ in told)
    for irq, counts, rest in told:
        row = rows[irq]
        check_counts(core, per_cpu(row), counts)
        chip, hwirq, kind, names = re.match(r"(.*\S)\s+(\d+)\s+(Level|Edge)\s+(.*)", rest).groups()
        assert (row["hwirq"], row["type"], row["name"]) == (int(hwirq), kind, names)
        assert row["count"] == sum(per_cpu(row).values())
        assert [a["name"] for a in row["actions"]] == names.split(", ")
        if row["chip"] not in row["domain"]:        # else the controller makes its name up as it prints it
            assert row["chip"] == chip.strip()


def test_quiet_interrupts(core):
    """What did not come between two readings, and belongs to no device of the panic, did not come later either."""
    steady = {key: counts for key, counts, _ in table(core, "interrupts") if not any(counts.values())}
    rows = [row for row in core.rows("irq -s") if str(row["irq"]) in steady]
    for row in rows:
        if "uart" not in row["name"] and "virtio" not in row["name"]:
            assert row["count"] == 0, row
    assert rows or not [key for key in steady if key.isdigit()]


def test_interrupts_between_cpus(core):
    """IPI0, IPI1, … are the hidden interrupts in their order."""
    rows = [row for row in core.rows("irq -s") if row["name"] == "IPI"]
    told = [counts for key, counts, _ in table(core, "interrupts.2") if re.fullmatch(r"IPI\d+", key)]
    assert len(rows) >= len(told) > 0 or core.meta["cpus"] == "1"
    for row, counts in zip(rows, told):
        check_counts(core, per_cpu(row), counts)


def test_handlers_are_functions(core):
    start = "+0x1/" if core.config.get("CONFIG_THUMB2_KERNEL") == "y" else "+0x0/"
    for row in core.rows("irq"):
        for action in row["actions"]:
            name = action["handler"].split("+")[0]
            assert start in action["handler"] and (name in core.kallsyms or "[" in action["handler"]), action


def test_softirqs(core):
    told = table(core, "softirqs.2")
    rows = core.rows("irq -b")
    assert [row["softirq"] for row in rows] == [key for key, _, _ in told] and len(told) >= 10
    for row, (_, counts, _) in zip(rows, told):
        check_counts(core, per_cpu(row), counts)


def test_one_cpu(core):
    whole = {row["irq"]: per_cpu(row) for row in core.rows("irq -s")}
    for row in core.rows("irq -s -c 0"):
        assert row["count"] == whole[row["irq"]][0]


def test_one_interrupt(core):
    some = core.rows("irq")[0]["irq"]
    assert [row["irq"] for row in core.rows(f"irq {some}")] == [some]
