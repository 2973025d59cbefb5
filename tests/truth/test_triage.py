"""What `triage` says of the dumps, against what their recipes say beforehand; without the log; with the guilty functions
renamed. `make check-verdicts` does the same over the whole labelled corpus."""

import hashlib

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


def test_commands_of_statements_run(core, said):
    commands = {s["command"] for s in said["statements"] if s["command"]}
    for command in sorted(commands):
        assert core.run(command, status=None)


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
