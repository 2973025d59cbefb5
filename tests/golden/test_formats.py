"""Every command in every format, on one dump of each architecture: JSON keeps to its schema, CSV can be
read, text is there; nothing but the answer reaches standard output."""

import csv
import io
import json
import subprocess

import jsonschema
import pytest
from truth_cores import CORES, INQUEST, ROOT

SCHEMA = jsonschema.Draft202012Validator(json.loads((ROOT / "docs/json-schema.json").read_text()))
DUMPS = ["arm64-kasan-panic", "arm32-lpae-bug", "armmp-sysrq-c", "arm64-cloud-softdog"]
COMMANDS = ["sys", "log", "log -T", "ps", "ps -k", "bt", "bt -a", "bt -l", "bt 1 2", "vtop linux_banner",
            "vtop 0", "rd linux_banner 8", "rd 0 2", "rd -p 40200000", "rd -8 linux_banner 20", "sym panic",
            "sym panic+4", "sym -q vmstat", "dis panic", "dis -r panic+8", "percpu vmstat_work",
            "percpu -s runqueues.nr_running", "p jiffies", "p init_task.comm", "p -x init_task.thread_info",
            "eval 1<<20", "whatis init_task", "sizeof struct page", "list init_task.tasks", "struct list_head",
            "struct -o task_struct", "struct task_struct.comm init_task", "help",
            "help bt"]
FAILING = ["rd 0 2"]


def run(dump, *options):
    args = [INQUEST, *options, CORES / dump / "vmlinux", CORES / dump / "vmcore.elf"]
    for command in COMMANDS:
        args += ["-c", command]
    return subprocess.run(args, capture_output=True, timeout=120)


@pytest.mark.parametrize("dump", DUMPS)
def test_json(dump):
    done = run(dump, "--json")
    assert done.stderr == b""
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [a["command"] for a in answers] == [c.split()[0] for c in COMMANDS]
    for command, answer in zip(COMMANDS, answers):
        SCHEMA.validate(answer)
        assert answer["rows"], command
        assert not answer["faults"] or command in FAILING, (command, answer["faults"])


def test_schema_can_fail():
    """A number where an address belongs, and a frame without its trust."""
    good = {"schema": "inquest/1", "command": "bt", "rows": [{"task": "0xc0"}], "faults": []}
    SCHEMA.validate(good)
    for row in ({"task": 192}, {"frames": [{"n": 0}]}):
        with pytest.raises(jsonschema.ValidationError):
            SCHEMA.validate(dict(good, rows=[row]))


@pytest.mark.parametrize("dump", DUMPS)
def test_csv(dump):
    done = run(dump, "--csv")
    rows = list(csv.reader(io.StringIO(done.stdout.decode(), newline="")))
    assert len(rows) > 500


@pytest.mark.parametrize("dump", DUMPS)
def test_text(dump):
    done = run(dump)
    text = done.stdout.decode()
    assert "swapper/0" in text and "Linux version" in text
    assert "\033" not in text
    assert all(line == line.rstrip() for line in text.splitlines() if not line.startswith("["))


@pytest.mark.parametrize("dump", DUMPS)
def test_unreadable_is_said(dump):
    """Address 0 is never mapped in a kernel: a fault, not zeroes."""
    args = [INQUEST, "--json", CORES / dump / "vmlinux", CORES / dump / "vmcore.elf", "-c", "rd 0"]
    done = subprocess.run(args, capture_output=True, timeout=60)
    (answer,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert answer["rows"][0]["data"]["fault"] == "unmapped"
