"""What `triage` says of the dumps, against what their recipes say beforehand; without the log; with the guilty functions
renamed. `make check-verdicts` does the same over the whole labelled corpus."""

import hashlib
import re

import pytest
import verdicts
from truth_cores import INQUEST


@pytest.fixture(scope="module")
def said(core):
    (row,) = core.rows("triage")
    return row


def test_class_culprit_object_and_stacks(core, said):
    if "expect_class" not in core.recipe:
        pytest.skip("the recipe promises nothing")
    expect = {key.removeprefix("expect_"): value for key, value in core.recipe.items() if key.startswith("expect_")}
    results = verdicts.judge(expect, said, verdicts.deed(core.path))
    assert False not in results, (expect, said["class"], said["culprit"], said["object"])


def test_alive_has_no_finding(core, said):
    if core.panicked or core.recipe.get("expect_class") != "alive":
        pytest.skip("this guest did not live")
    assert said["class"] == "alive"
    assert not said["suspects"] and not said["culprit"]


def test_every_statement_has_its_evidence(core, said):
    statements = said["statements"] + [s for suspect in said["suspects"] for s in suspect["statements"]]
    if core.panicked:
        assert statements
    for statement in statements:
        assert statement["evidence"] in ("memory", "log", "inference")
        assert statement["confidence"] in ("sure", "likely", "guess")
        assert statement["text"]


def test_suspects_are_something_else(said):
    """What the kernel's own report or the log says of the same is the verdict's evidence, and no other finding."""
    log_of = {(s["class"], s["culprit"]) for s in said["suspects"] if s["rule"] in ("log", "splat", "report", "cpus")}
    assert (said["class"], said["culprit"]) not in log_of
    assert len(log_of) == sum(s["rule"] in ("log", "splat", "report", "cpus") for s in said["suspects"])
    if said["class"] in ("deadlock", "hung-task", "soft-lockup", "hard-lockup", "spinlock-lockup", "rcu-stall"):
        assert (said["class"], None) not in log_of


def test_commands_of_statements_run(core, said):
    commands = {s["command"] for s in said["statements"] if s["command"]}
    for command in sorted(commands):
        assert core.run(command, status=None)


def test_pointer_from(core, said):
    """What is said to have been loaded stands there, and is the base register's value; the freed object is the one that
    the guest freed."""
    loads = [s for s in said["statements"] if s["topic"] == "pointer from" and " was loaded by " in s["text"]]
    if not loads:
        pytest.skip("no pointer was loaded")
    (load,) = loads
    register, added, place, va = re.match(r"(\w+)(?: less (0x[0-9a-f]+))? was loaded by (\S+)(?: \[\w+\])? from (0x[0-9a-f]+)",
                                          load["text"]).groups()
    (fault,) = core.rows("fault")
    (base,) = [o["value"] for o in fault["operands"] if o["name"] == register]
    # Who loaded it is on the victim's stack.
    assert place.split("+")[0] in [call["function"] for call in said["calls"]]
    if " now" not in load["text"]:
        (row,) = core.rows(f"rd {va} 1")
        word = 64 if core.arm64 else 32
        found = int(row["data"].split()[0] if isinstance(row["data"], str) else row["data"][0], 16)
        assert (found + int(added or "0", 16)) % (1 << word) == int(base, 16) % (1 << word)
    told = verdicts.deed(core.path)
    if "member" in told and "object" in told:
        assert int(va, 16) == int(told["object"], 16) + int(told["offset"])
        assert load["confidence"] == "sure" and "slab object mb_widget" in load["text"] and ", free" in load["text"]
        assert "member partner of struct widget" in load["text"]


def test_taint(core, said):
    """The letters are those of the console's last splat, or more: what happened since. Modules named as they were loaded."""
    console = (core.path / "console.log").read_text(errors="replace")
    letters = {t["letter"]: t for t in said["taints"]}
    splats = re.findall(r"Comm: .{1,16} (Not tainted|Tainted: ([A-Z ]+?) +\d)", console)
    outside = re.findall(r"(\w+): loading out-of-tree module taints kernel", console)
    if splats:
        assert set(splats[-1][1]) - {" ", "G"} <= set(letters)
        assert set(letters) - set(splats[-1][1]) <= {"D", "W", "L"}
    assert ("O" in letters) == bool(outside)
    if outside:
        assert outside[0] in letters["O"]["modules"].split(", ")
    assert all(t["meaning"] for t in said["taints"])


def test_panic_text_is_the_guests(core, said):
    if not core.panicked or "panic_message" not in core.meta:
        pytest.skip("no panic")
    texts = [s["text"] for s in said["statements"] if s["topic"] == "panic"]
    texts += [s["text"] for suspect in said["suspects"] for s in suspect["statements"] if s["topic"] == "panic"]
    assert any(text.strip() in core.meta["panic_message"] for text in texts), texts


def test_signature_can_be_recomputed(core, said):
    digest = hashlib.sha256(said["signature_lines"].encode()).hexdigest()
    assert digest.startswith(said["signature"]) and len(said["signature"]) == 16
    assert f"class {said['class']}\n" in said["signature_lines"]
    assert "0x" not in said["signature_lines"]


def test_class_without_the_log(core, said, tmp_path):
    if "expect_class" not in core.recipe or core.recipe["expect_class"] == "alive":
        pytest.skip("nothing to find")
    if said["rule"] == "log":
        pytest.skip("the log alone has told: the kernel went on after its report")
    verdicts.wipe_log(INQUEST, core.path, tmp_path / "vmcore.elf")
    wiped = verdicts.verdict(INQUEST, core.path, dump=tmp_path / "vmcore.elf")
    assert wiped["class"] == said["class"]
    assert not any(s["evidence"] == "log" for s in wiped["statements"])


def test_waiters(core):
    """Whoever the guest's own account and the deed call a waiter waits for that lock, held by that owner."""
    deeds = [line for line in core.truth("misbehave") if "waiter_pid=" in line]
    if not deeds or core.recipe.get("expect_class") not in ("deadlock", "hung-task"):
        pytest.skip("nobody waits by plan")
    rows = {row["pid"]: row for row in core.rows("waiters")}
    for line in deeds:
        words = dict(word.split("=", 1) for word in line.split())
        row = rows[int(words["waiter_pid"])]
        if "address" in words:
            assert int(row["lock"], 16) == int(words["address"], 16)
        if "owner_pid" in words and words.get("kind") != "semaphore":
            assert row["owner_pid"] == int(words["owner_pid"])
        if "work_fn" in words:
            assert row["symbol"] == words["work_fn"] and row["owner_comm"].startswith("kworker")
