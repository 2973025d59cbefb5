"""Every command that `help` lists, in text, JSON and CSV, on one dump of each architecture; and what each says
to bad input. A command without a row in TABLE fails, so that a new one cannot be forgotten."""

import csv
import functools
import io
import json
import re
import shutil
import subprocess
import tempfile

import jsonschema
import pytest
from truth_cores import CORES, INQUEST, ROOT

SCHEMA = jsonschema.Draft202012Validator(json.loads((ROOT / "docs/json-schema.json").read_text()))
PAGES = tempfile.TemporaryDirectory() # where report may write
ARM64 = "arm64-kasan-null"
ARM32 = "arm32-lpae-bug"
DUMPS = [ARM64, ARM32]
FORMATS = ["text", "json", "csv"]

# The lines that run each command. A line that must fail on a dump stands in FAILS with a word of the reason.
TABLE = {
    "sys": ["sys", "sys -b"],
    "dump": ["dump"],
    "log": ["log", "log -T"],
    "ps": ["ps", "ps -k", "ps -l", "ps -S"],
    "task": ["task 1"],
    "set": ["set"],
    "foreach": ["foreach 1 bt"],
    "runq": ["runq"],
    "sig": ["sig 1"],
    "bt": ["bt", "bt -f", "bt 1 2"],
    "frame": ["frame 0"],
    "up": ["up"],
    "down": ["down"],
    "stacks": ["stacks"],
    "stackcheck": ["stackcheck"],
    "triage": ["triage"],
    "report": [f"report --html {PAGES.name}/page.html -F"],
    "waiters": ["waiters 1"],
    "locks": ["locks"],
    "held": ["held"],
    "hung": ["hung"],
    "rcu": ["rcu"],
    "workqueue": ["workqueue", "workqueue -p", "workqueue -l"],
    "regs": ["regs"],
    "fault": ["fault"],
    "addr": ["addr linux_banner", "addr -p 40200000", "addr -r init_task -n 5"],
    "vtop": ["vtop linux_banner", "vtop 0"],
    "ptov": ["ptov 40200000"],
    "pte": ["pte 40000713"],
    "ptdump": ["ptdump"],
    "layout": ["layout"],
    "fixmap": ["fixmap"],
    "vectors": ["vectors"],
    "btop": ["btop 40200000"],
    "ptob": ["ptob 40200"],
    "vm": ["vm 1"],
    "zones": ["zones", "zones -b"],
    "memblock": ["memblock"],
    "iomem": ["iomem"],
    "ioports": ["ioports"],
    "dt": ["dt"],
    "machine": ["machine"],
    "rd": ["rd linux_banner 8", "rd -a linux_banner"],
    "hexdump": ["hexdump linux_banner 32"],
    "search": ["search -s linux_banner -l 1000 -c Linux"],
    "sym": ["sym panic", "sym -q vmstat"],
    "dis": ["dis panic 4"],
    "p": ["p init_task.comm", "p jiffies"],
    "percpu": ["percpu -s runqueues.nr_running"],
    "struct": ["struct list_head", "struct -o list_head", "struct task_struct.comm init_task"],
    "whatis": ["whatis init_task"],
    "sizeof": ["sizeof struct page"],
    "list": ["list init_task.tasks"],
    "locals": ["locals 0"],
    "tree": ["tree -t rbtree vmap_area_root"],
    "source": ["source panic"],
    "eval": ["eval 1<<20"],
    "printf": ['printf "%d\\n", 7'],
    "where": ["ps | where pid == 1"],
    "order": ["ps | order by pid desc"],
    "first": ["ps | first 2"],
    "count": ["ps | count"],
    "group": ["ps | group by state"],
    "walk": ["walk", "walk task"],
    "alias": ["alias"],
    "addr": ["addr init_task"],
    "mod": ["mod"],
    "files": ["files 1"],
    "fuser": ["fuser /dev/console"],
    "mount": ["mount"],
    "irq": ["irq", "irq -b"],
    "timer": ["timer", "timer -r"],
    "waitq": ["waitq pglist_data.kswapd_wait contig_page_data"],
    "dev": ["dev"],
    "net": ["net", "net -N 1041236234"],
    "swap": ["swap"],
    "ipcs": ["ipcs", "ipcs -M"],
    "bpf": ["bpf"],
    "mach": ["mach"],
    "ascii": ["ascii 62696c2f7273752f", "ascii"],
    "repeat": ["repeat -n 2 eval 1"],
    "plugin": ["plugin list"],
    "vmalloc": ["vmalloc", "vmalloc -u"],
    "page": ["page linux_banner", "page -p 40200000"],
    "kmem": ["kmem -i", "kmem -f", "kmem -V", "kmem -n", "kmem -o", "kmem -g", "kmem -v", "kmem -z", "kmem -s",
             "kmem -p 0x40200", "kmem -S task_struct", "kmem init_task"],
    "slub": ["slub"],
    "kasan": ["kasan linux_banner"],
    "kfence": ["kfence"],
    "page_owner": ["page_owner top"],
    "depot": ["depot"],
    "help": ["help", "help bt"],
    "quit": [],     # they end the session: test_end
    "exit": [],
}

FAILS = {
    ARM64: {"held": "CONFIG_LOCKDEP", "net": "CONFIG_NET is off", "swap": "CONFIG_SWAP is off", "bpf": "CONFIG_BPF_SYSCALL is off", "kfence": "CONFIG_KFENCE is off", "page_owner top": "booted without page_owner=on"},
    ARM32: {"held": "CONFIG_LOCKDEP", "net": "CONFIG_NET is off", "swap": "CONFIG_SWAP is off", "bpf": "CONFIG_BPF_SYSCALL is off", "kfence": "CONFIG_KFENCE is off", "page_owner top": "booted without page_owner=on",
            "kasan linux_banner": "CONFIG_KASAN is off", "depot": "nothing was saved in the depot"},
}

# Lines whose right answer on a small dump is no row at all.
MAY_BE_EMPTY = ["ioports", "plugin list", "mod", "waiters", "locks", "hung", "workqueue", "ipcs", "ipcs -M"]

# Missing arguments, unknown names, arguments of a wrong type.
BAD_INPUT = {
    "held": ["held 99999999"], "report": ["report", "report --html /no/such/folder/page.html"],
    "addr": ["addr", "addr no_such_symbol", "addr -n 5 linux_banner", "addr -r -p 40200000", "addr -r linux_banner,0"],
    "vtop": ["vtop"], "ptov": ["ptov"], "rd": ["rd", "rd no_such_symbol", "rd linux_banner x"],
    "dis": ["dis no_such_symbol"], "p": ["p no_such_symbol", "p 1 +"], "list": ["list"],
    "struct": ["struct no_such_type"], "bt": ["bt 99999999"], "task": ["task 99999999"],
    "eval": ["eval"], "btop": ["btop xyz"], "source": ["source no_such_symbol"],
    "where": ["ps | where", "ps | where no_such_key == 1"], "search": ["search"],
    "page": ["page", "page no_such_symbol"], "vmalloc": ["vmalloc no_such_symbol"],
    "kmem": ["kmem", "kmem -S no_such_cache", "kmem no_such_symbol"],
    "sizeof": ["sizeof"], "tree": ["tree"], "hexdump": ["hexdump"],
    "irq": ["irq x", "irq 99999"], "files": ["files 99999999"], "mod": ["mod no_such_module"], "waitq": ["waitq"],
    "net": ["net 1", "net -R 5", "net -N x", "net -N 100000000000", "net -s 99999999"],
    "ipcs": ["ipcs x", "ipcs -n 99999999"], "bpf": ["bpf -j", "bpf -s", "bpf -p x"], "swap": ["swap x"],
    "fuser": ["fuser", "fuser nothing"], "mount": ["mount /no/such"], "timer": ["timer -c x"], "ascii": ["ascii xyz"],
    "repeat": ["repeat", "repeat -1", "repeat -n x p 1"], "set": ["set radix 3"],
}


def inquest(dump, lines, *options):
    args = [INQUEST, *options, CORES / dump / "vmlinux", CORES / dump / "vmcore.elf"]
    for line in lines:
        args += ["-c", line]
    return subprocess.run(args, capture_output=True, timeout=120)


def lines_for(dump):
    return [line for lines in TABLE.values() for line in lines]


@functools.cache
def answers(dump, form):
    return inquest(dump, lines_for(dump), *([] if form == "text" else ["--" + form]))


@functools.cache
def documents(dump):
    return [json.loads(line) for line in answers(dump, "json").stdout.splitlines()]


@functools.cache
def listed(dump):
    done = inquest(dump, ["help"], "--json")
    return [row["name"] for row in json.loads(done.stdout)["rows"]]


@functools.cache
def documented():
    """Every key that docs/json.md names for a command; None where it describes the row in words only."""
    keys = {}
    for line in (ROOT / "docs/json.md").read_text().splitlines():
        row = re.match(r"\| (`[^|]*?`) \| (.*) \|$", line)
        if row:
            words = {w for quoted in re.findall(r"`([^`]*)`", row[2]) for w in quoted.split()}
            for name in re.findall(r"`([a-z_0-9]+)[^`]*`", row[1]):
                prose = row[2].startswith("one row")
                keys[name] = None if prose or keys.get(name, ()) is None else keys.get(name, set()) | words
    return keys


@pytest.mark.parametrize("dump", DUMPS)
def test_table_is_whole(dump):
    assert sorted(set(listed(dump)) - set(TABLE)) == []
    assert sorted(set(TABLE) - set(listed(dump))) == []


@pytest.mark.parametrize("dump", DUMPS)
def test_status(dump):
    """A fault anywhere, and only that, makes the status 1; which lines have one is known."""
    failed = {line for line, d in zip(lines_for(dump), documents(dump)) if d["faults"]}
    assert failed == set(FAILS[dump])
    for form in FORMATS:
        assert answers(dump, form).returncode == (1 if failed else 0), form


@pytest.mark.parametrize("dump", DUMPS)
def test_json(dump):
    done, got = answers(dump, "json"), documents(dump)
    assert done.stderr == b""
    assert len(got) == len(lines_for(dump))
    for line, document in zip(lines_for(dump), got):
        SCHEMA.validate(document)
        assert document["rows"] or document["faults"] or line in MAY_BE_EMPTY, line


@pytest.mark.parametrize("dump", DUMPS)
def test_json_keys(dump):
    wrong = []
    for line, document in zip(lines_for(dump), documents(dump)):
        name = line.split(" | ")[0].split()[0]
        if "|" in line and line.split("| ")[1].split()[0] in ("count", "group"):
            continue
        if name == "foreach":
            name = line.split()[2]
        name = {"kmem -s": "slub", "kmem -v": "vmalloc", "kmem -z": "zones"}.get(line, name)
        if name == "repeat":
            name = line.split()[3]
        if name not in documented():
            wrong.append((line, "no row in docs/json.md"))
        elif documented()[name] is not None:
            extra = {k for r in document["rows"] for k in r} - documented()[name]
            if extra:
                wrong.append((line, sorted(extra)))
    assert not wrong, "\n".join(map(str, wrong))


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("dump", DUMPS)
def test_output_is_clean(dump, form):
    """No control character but the ends of lines and tabs; valid UTF-8; no message of ours among the answers."""
    text = answers(dump, form).stdout.decode()
    assert sorted(set(re.findall(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text.replace("\r\n", "\n")))) == []
    assert "try: help" not in text
    assert len(text.splitlines()) > 500 or form == "json"


@pytest.mark.parametrize("dump", DUMPS)
def test_csv(dump):
    text = answers(dump, "csv").stdout.decode()
    assert len(list(csv.reader(io.StringIO(text, newline=""), strict=True))) > 500


@pytest.mark.parametrize("dump", DUMPS)
def test_text_faults(dump):
    """In text the faults are on standard error, and nothing else is."""
    said = [line.split(":")[0] for line in answers(dump, "text").stderr.decode().splitlines()]
    failing = [line.split()[0] for line in lines_for(dump) if line in FAILS[dump]]
    assert said == failing


@pytest.mark.parametrize("word", ["quit", "exit"])
def test_end(word):
    done = inquest(ARM32, [word, "eval 1"])
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def check_complaint(line, done):
    """One line of what is wrong, the line again, and a caret under it with a hint."""
    said = done.stderr.decode().splitlines()
    assert done.returncode == 1, (line, done.returncode, said)
    assert done.stdout == b"", line
    assert len(said) in (1, 3), (line, said)
    if len(said) == 3:
        assert said[1] == "    " + line, said
        caret = said[2].index("^")
        assert 4 <= caret <= len(said[1]) + 1, said     # one past the end: what is missing
        assert said[2][:caret].strip() == "" and len(said[2]) > caret + 2, said
    return said


@pytest.mark.parametrize("dump", [ARM32])
@pytest.mark.parametrize("name", sorted(TABLE))
def test_unknown_option(dump, name):
    said = check_complaint(f"{name} --no-such", inquest(dump, [f"{name} --no-such"]))
    assert len(said) == 3, said


@pytest.mark.parametrize("line", [line for lines in BAD_INPUT.values() for line in lines])
def test_bad_input(line):
    check_complaint(line, inquest(ARM32, [line]))


@pytest.mark.parametrize("name", sorted(TABLE))
def test_unbalanced_quote(name):
    said = check_complaint(f'{name} "abc', inquest(ARM32, [f'{name} "abc']))
    assert len(said) == 3 and said[2].index("^") == said[1].index('"'), said


EVIL = b"\x1b[31m\xc2\x9b2J\x9b!"


@pytest.fixture(scope="module", params=DUMPS)
def evil(request, tmp_path_factory):
    """A copy of a dump whose init task's name, and part of whose log, would command a terminal."""
    folder = tmp_path_factory.mktemp("evil")
    for name in ("vmlinux", "vmcore.elf"):
        if name == "vmlinux":
            (folder / name).symlink_to(CORES / request.param / name)
        else:
            shutil.copy(CORES / request.param / name, folder / name)
    file = folder / "vmcore.elf"
    memory = file.read_bytes()
    with file.open("r+b") as patched:
        for old in (b"swapper/0\0\0\0\0\0\0\0", b"Booting Linux on", b"%s version %s (", b"Kernel command line"):
            at = memory.find(old)
            assert at >= 0, old
            while at >= 0:
                patched.seek(at)
                patched.write(EVIL)
                at = memory.find(old, at + 1)
    yield folder
    file.unlink()


@pytest.mark.parametrize("form", FORMATS)
def test_escapes(evil, form):
    """Every byte that a terminal obeys is shown as text, in every format, on both outputs."""
    lines = ["ps", "ps 0", "log", "bt 0", "task 0", "p init_task.comm", "struct task_struct.comm init_task",
             "rd -a linux_proc_banner", "hexdump linux_proc_banner 32", "p (char *)linux_proc_banner", "set 0", "runq", "sys",
             'printf "%s\\n", init_task.comm', "ps | group by comm", "stackcheck", "foreach 0 sig",
             "list -s task_struct.comm init_task.tasks"]
    done = inquest(evil, lines, *([] if form == "text" else ["--" + form]))
    for text in (done.stdout.decode(), done.stderr.decode()):
        assert sorted(set(re.findall(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text.replace("\r\n", "\n")))) == []
    shown = {"text": r"\x1b[31m", "csv": r"\x1b[31m", "json": r"\u001b[31m"}[form]
    assert done.stdout.decode().count(shown) >= 5
