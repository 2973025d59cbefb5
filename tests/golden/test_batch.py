"""`inquest triage DUMP…`: a line a dump whatever becomes of it, limits, statuses, and the SQL of docs/batch.md."""

import json
import os
import re
import shutil
import subprocess

import pytest
from truth_cores import CORES, INQUEST, ROOT

NAMES = ["arm64-kasan-null", "arm64-kasan-panic"]


def triage(*args):
    run = subprocess.run([INQUEST, "triage", "--jsonl", *map(str, args)], capture_output=True, timeout=120)
    return [json.loads(line) for line in run.stdout.splitlines()], run


def dumps():
    return [CORES / name / "vmcore.elf" for name in NAMES]


def test_a_line_a_dump(tmp_path):
    bad = tmp_path / "-text"
    bad.write_text("this is no dump\n")
    missing = tmp_path / "missing"
    lines, run = triage("--vmlinux", CORES / NAMES[0] / "vmlinux", *dumps(), bad, missing)
    assert [line["dump"] for line in lines] == [*map(str, dumps()), str(bad), str(missing)]
    assert [line["status"] for line in lines] == [0, 0, 3, 3] and run.returncode == 3
    classes = [line["answer"]["rows"][0]["class"] for line in lines[:2]]
    assert classes == ["null-dereference", "panic"]
    assert all(line["error"] is None for line in lines[:2])
    assert all(line["answer"] is None and line["error"] for line in lines[2:])


def test_text():
    """Without --jsonl: what the command prints in a session, a heading for each of several; a vmlinux among the files."""
    vmlinux = CORES / NAMES[0] / "vmlinux"
    alone = [
        subprocess.run([INQUEST, vmlinux, dump, "-c", "triage"], capture_output=True, check=True).stdout for dump in dumps()
    ]
    one = subprocess.run([INQUEST, "triage", vmlinux, dumps()[0]], capture_output=True, check=True)
    assert one.stdout == alone[0] and alone[0] != alone[1]
    two = subprocess.run([INQUEST, "triage", vmlinux, *dumps(), "missing"], capture_output=True)
    heads = [b"== %s\n" % os.fsencode(dump) for dump in dumps()]
    assert two.stdout == heads[0] + alone[0] + b"\n" + heads[1] + alone[1] + b"\n== missing\n"
    assert two.returncode == 3 and b"missing" in two.stderr
    assert subprocess.run([INQUEST, "triage", vmlinux], capture_output=True).returncode == 2


def test_limits():
    lines, run = triage("--mem", 20, "--vmlinux", CORES / NAMES[0] / "vmlinux", dumps()[0])
    assert lines[0]["answer"] is None and lines[0]["error"] and run.returncode


def test_libraries_do_not_fit():
    """Then ld.so ends the process, with a status of its own that is none of ours."""
    lines, run = triage("--mem", 8, dumps()[0], dumps()[1])
    assert [line["status"] for line in lines] == [3, 3] and run.returncode == 3
    assert all(line["answer"] is None and "shared libraries" in line["error"] for line in lines)


def test_full_disk():
    with open("/dev/full", "wb") as full:
        run = subprocess.run([INQUEST, "triage", "--jsonl", *dumps()[:1]], stdout=full, stderr=subprocess.PIPE)
    assert run.returncode == 1 and b"standard output: No space left" in run.stderr


def test_a_dump_that_never_ends(tmp_path):
    """A pipe that nobody writes to: reading it never comes back."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    lines, run = triage("--timeout", 1, pipe)
    assert lines[0]["answer"] is None and lines[0]["seconds"] < 20 and run.returncode


@pytest.mark.parametrize("args", [[], ["--timeout", "x", "d"], ["--timeout", "0", "d"], ["--no-such", "d"]])
def test_usage(args):
    lines, run = triage(*args)
    assert not lines and run.returncode == 2 and b"usage:" in run.stderr


def test_sql_of_the_document(tmp_path):
    if not shutil.which("sqlite3"):
        pytest.skip("no sqlite3")
    lines, run = triage("--vmlinux", CORES / NAMES[0] / "vmlinux", *dumps(), dumps()[0])
    (tmp_path / "verdicts.jsonl").write_bytes(run.stdout)
    text = (ROOT / "docs/batch.md").read_text()
    sql = re.search(r"    sqlite3 verdicts.db <<'SQL'\n(.*?)    SQL\n", text, re.DOTALL)[1].replace("\n    ", "\n").strip()
    out = subprocess.run(["sqlite3", "verdicts.db"], input=sql + "\n", text=True, cwd=tmp_path, capture_output=True, check=True)
    rows = out.stdout.splitlines()
    assert len(rows) == 2, out
    assert rows[0].split()[:2] == ["2", lines[0]["answer"]["rows"][0]["signature"]]
