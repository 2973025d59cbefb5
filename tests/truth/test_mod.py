"""Loaded modules beside the guest's own /proc/modules."""

import pytest
from truth_cores import Core, chosen_set

CORES = [Core(name) for name in chosen_set() if Core(name).truth("modules")]


@pytest.fixture(params=CORES, ids=lambda core: core.name)
def core(request):
    return request.param


def told(core):
    """name -> (size, references, users, state, text, taints)"""
    table = {}
    for line in core.steady("modules") or core.truth("modules"):
        name, size, references, users, state, text, *taints = line.split()
        table[name] = (int(size), references, set(users.strip(",").split(",")) - {"-"}, state, int(text, 16),
                       taints[0].strip("()") if taints else "")
    return table


def test_modules(core):
    rows = {row["name"]: row for row in core.rows("mod")}
    assert told(core).keys() <= rows.keys()
    late = rows.keys() - told(core).keys()      # the deed's own module comes last
    assert late <= {"misbehave", "softdog"}
    for name, (size, references, users, state, text, taints) in told(core).items():
        row = rows[name]
        assert (row["size"], int(row["text"], 16), row["state"]) == (size, text, state)
        assert set(filter(None, row["users"].split(","))) == users
        assert row["taints"].strip("+-") == taints.strip("+-")
        if references == "-":
            assert row["references"] is None
        elif name not in ("misbehave", "virtio_console") and "softdog" not in core.name:    # in use just then
            assert row["references"] == int(references)


def test_one_module(core):
    row = core.rows("mod")[0]
    assert core.rows(f"mod {row['name']}") == core.rows(f"mod {row['module']}") == [row]


def test_taints(core):
    assert [row["name"] for row in core.rows("mod -t")] == [row["name"] for row in core.rows("mod") if row["taints"]]


def test_no_such_module(core):
    (answer,) = core.run("mod no_such_module", status=1)
    assert answer["faults"][0]["fault"] == "usage"
