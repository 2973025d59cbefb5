"""Triage rules of plugins: what they are told is what the guest said and what other commands show, what they find becomes
the verdict or stands beside it, and what they need is asked first."""

import json
import os
import pathlib
import re
import subprocess

import pytest
from truth_cores import CORES, INQUEST, ROOT
from verdicts import wipe_log

DUMPS = ["armmp-sysrq-c", "arm64-cloud-sysrq-c"]
FAULTS = ["arm32-lpae-mb-null", "arm64-plain-mb-null"]
LIVE = "arm64-cloud-live"
RULES = ROOT / "tests/plugins/rules.c"


def build(folder, text, name):
    c, so = folder / f"{name}.c", folder / f"{name}.so"
    c.write_text(text)
    subprocess.run(["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Werror", "-Wno-missing-field-initializers",
                    "-Wno-unused-function", "-fPIC", "-shared", "-I", ROOT, "-o", so, c], check=True)
    return so


@pytest.fixture(scope="session")
def toy(tmp_path_factory):
    return build(tmp_path_factory.mktemp("rules"), RULES.read_text(), "rules")


def run(dump, *commands, vmlinux=True, plugin=None, vmcore=None, cause=None):
    folder = CORES / dump
    if not folder.exists():
        pytest.skip(f"{dump} is not there")
    files = [folder / "vmlinux"] if vmlinux else []
    args = [pathlib.Path(INQUEST).resolve(), "--json", *(["--plugin", plugin] if plugin else []), *files,
            vmcore or folder / "vmcore.elf"]
    for command in commands:
        args += ["-c", command]
    env = {**os.environ, "XDG_DATA_HOME": "/nonexistent", **({"TOY_CAUSE": cause} if cause else {})}
    done = subprocess.run(args, capture_output=True, text=True, timeout=120, env=env)
    return [json.loads(line) for line in done.stdout.splitlines()], done


def verdict(dump, **how):
    (answer, *_), _ = run(dump, "triage", **how)
    return answer["rows"][0]


def by_rule(row):
    return {s["rule"]: s for s in row["suspects"]}


def told(row):
    said = {}
    for s in by_rule(row)["toy-facts"]["statements"]:
        assert (s["evidence"], s["confidence"], s["command"]) == ("memory", "sure", "bt")
        said.setdefault(s["topic"], []).append(s["text"])
    return said


@pytest.mark.parametrize("dump", DUMPS + FAULTS)
def test_facts(toy, dump):
    row = verdict(dump, plugin=toy)
    said = told(row)
    meta = dict(re.findall(r"^(\w+)=(.*)$", (CORES / dump / "truth/meta").read_text(), re.M))
    end, text = said["end"][0].split(" ", 1)
    assert end == "2" and text in meta["panic_message"]
    pid, comm, va, cpu = said["victim"][0].split(" ")
    assert (int(pid), comm, va, int(cpu)) == (row["pid"], row["comm"], row["task"], row["cpu"])
    assert f"PID: {pid} Comm: {comm}" in (CORES / dump / "console.log").read_text()
    assert said["counts"] == said["counted"] and said["counts"][0].split()[1] != "0"
    names = [(c["function"], c["inlined"]) for c in row["calls"] if c["function"]]
    assert [(c.split()[0], c.split()[1] == "1") for c in said["call"]] == names
    carried = {c.split()[0]: c.split()[2] for c in said["call"]}
    assert carried[row["culprit"]] == "0" and carried["panic"] == "1"
    (cpus, running), _ = run(dump, "runq", "sys")
    assert len(said["cpu"]) == int(running["rows"][0]["cpus"])
    assert f"{cpu} {va}" in said["cpu"]


@pytest.mark.parametrize("dump", FAULTS)
def test_fault(toy, dump):
    """The address that the console's splat gives, and the place of its program counter."""
    access, address, pc = told(verdict(dump, plugin=toy))["fault"][0].split()
    console = (CORES / dump / "console.log").read_text()
    wanted = re.search(r"NULL pointer dereference at virtual address ([0-9a-f]+)", console)[1]
    assert access == "read" and int(address, 16) == int(wanted, 16)
    place = re.search(r"(?:PC is at|pc :) (\w+\+0x[0-9a-f]+)", console)[1]
    (answer,), _ = run(dump, f"sym {pc}")
    assert place in json.dumps(answer["rows"][0]) or place.split("+")[0] in json.dumps(answer["rows"][0])


@pytest.mark.parametrize("dump", DUMPS)
def test_cause_is_the_verdict(toy, dump):
    plain = verdict(dump)
    row = verdict(dump, plugin=toy, cause="watchdog")
    assert (row["title"], row["class"], row["confidence"], row["rule"]) == \
        ("a toy's cause", "watchdog", "likely", "toy-cause")
    assert (row["culprit"], row["pid"]) == (plain["culprit"], plain["pid"])
    (statement,) = [s for s in row["statements"] if s["topic"] != "panic"]
    assert (statement["topic"], statement["text"], statement["evidence"], statement["confidence"],
            statement["command"]) == ("toy", "it was the toy", "inference", "guess", None)
    assert plain["class"] in [s["class"] for s in row["suspects"]]
    assert row["signature"] != plain["signature"]


def test_every_class_is_a_rules_to_say(toy):
    """But those two that only all the rules together can say."""
    names = re.findall(r'\[VERDICT_\w+\] = "(.*)"', (ROOT / "analyzer/triage/triage.c").read_text())
    assert len(names) > 30 and {"alive", "unknown"} < set(names)
    for name in set(names) - {"alive", "unknown"}:
        assert verdict(DUMPS[1], plugin=toy, cause=name)["class"] == name


@pytest.mark.parametrize("dump", DUMPS)
def test_errors_stand_in_the_ledger(toy, dump):
    plain = verdict(dump)
    row = verdict(dump, plugin=toy)
    assert (row["title"], row["signature"]) == (plain["title"], plain["signature"])
    ledger = [(e["what"], e["text"]) for e in row["ledger"]]
    assert ("toy-fails", "the toy's box") in ledger
    assert [t for w, t in ledger if w == "toy-fails"][1:] and ("toy-wrong", "alive is not a rule's to say") in ledger
    bad = verdict(dump, plugin=toy, cause="tea")
    assert ("toy-cause", "there is no class tea of verdicts") in [(e["what"], e["text"]) for e in bad["ledger"]]
    assert bad["title"] == plain["title"]


def test_who_is_asked(toy):
    needs = {"toy-arm", "toy-log", "toy-death", "toy-fault", "toy-types"}
    for dump, wanted in ((DUMPS[0], needs - {"toy-fault"}), (DUMPS[1], needs - {"toy-fault", "toy-arm"}),
                         (FAULTS[0], needs), (LIVE, {"toy-log", "toy-types"})):
        found = by_rule(verdict(dump, plugin=toy))
        assert {name for name in found if name in needs} == wanted, dump
        assert all(found[name]["culprit"] == "somebody" for name in wanted)


def test_needs_that_are_missing(toy, tmp_path):
    wipe_log(INQUEST, CORES / DUMPS[1], tmp_path / "vmcore.elf")
    row = verdict(DUMPS[1], plugin=toy, vmcore=tmp_path / "vmcore.elf")
    assert "toy-log" not in by_rule(row) and "toy-death" in by_rule(row)
    assert any(e["what"] == "toy-log" and "the kernel's log" in e["text"] for e in row["ledger"])


def test_load_and_unload(toy):
    answers, _ = run(DUMPS[0], "triage", f"plugin load {toy}", "triage", "plugin unload toyrules", "triage",
                     f"plugin load {toy}", "triage")
    before, listed, with_it, _, after, _, again = [a["rows"][0] if a["rows"] else None for a in answers]
    assert listed["rules"].split(", ")[:2] == ["toy-facts", "toy-cause"]
    assert before == after and "toy-facts" not in by_rule(before)
    assert by_rule(with_it).keys() == by_rule(again).keys() >= {"toy-facts", "toy-death"}


@pytest.mark.parametrize("old,new,reason", [
    ('"toy-cause"', '"kasan"', "there is a triage rule kasan already"),
    ('"toy-cause"', '"toy-facts"', "there is a triage rule toy-facts already"),
    ('"toy-cause"', '"toy cause"', "a triage rule without a proper name"),
    (".run = cause_run }", ".run = NULL }", "triage rule toy-cause has no run function"),
    ("PLUGIN_NEEDS_LOG", "128", "triage rule toy-log needs what there is not"),
    (".rules = rules,", ".rules = rules, .rule_bytes = 8,", "other sizes")])
def test_refused(tmp_path, old, new, reason):
    text = RULES.read_text()
    assert text.count(old) == 1
    bad = build(tmp_path, text.replace(old, new), "bad")
    (plain, load, listed, row), _ = run(DUMPS[0], "triage", f"plugin load {bad}", "plugin", "triage")
    assert reason in load["faults"][0]["message"] and listed["rows"] == []
    assert plain["rows"] == row["rows"], "nothing of a refused plugin is left"


def test_crash_is_named(toy):
    _, done = run(DUMPS[0], "triage", plugin=toy, cause="crash")
    assert done.returncode == 1 and "plugin toyrules crashed in toy-cause: a bad memory access" in done.stderr
