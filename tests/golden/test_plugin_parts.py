"""What plugins add besides commands and walkers: printers of types, readers of dumps, bootstrap finders. The toy plugin
of tests/plugins over real dumps: what it reads and claims must give the answers that the ELF file gives."""

import json
import os
import pathlib
import re
import struct
import subprocess

import pytest
from truth_cores import CORES, INQUEST, ROOT

DUMPS = ["armmp-sysrq-c", "arm64-cloud-sysrq-c"]
TOY = ROOT / "tests/plugins/toy.c"
QUESTIONS = ["ps", "log", "p init_task.comm", "struct task_struct.pid,comm,stack init_task", "rd linux_banner 8"]
UNTYPED = ["log", "rd linux_banner 8", "eval schedule"]  # without a vmlinux there may be no types


def run(files, *commands, options=("--json",), env=None):
    args = [pathlib.Path(INQUEST).resolve(), *options, "--no-cache", *files]
    for command in commands:
        args += ["-c", command]
    full = {**os.environ, "XDG_DATA_HOME": "/nonexistent", **(env or {})}
    return subprocess.run(args, capture_output=True, text=True, timeout=300, env=full)


def answers(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def files(dump):
    return [CORES / dump / "vmlinux", CORES / dump / "vmcore.elf"]


def build(folder, text, name):
    c, so = folder / f"{name}.c", folder / f"{name}.so"
    c.write_text(text)
    subprocess.run(["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Werror", "-Wno-missing-field-initializers", "-Wno-unused-function", "-fPIC",
                    "-shared", "-I", ROOT, "-o", so, c], check=True)
    return so


@pytest.fixture(scope="session")
def toy(tmp_path_factory):
    return build(tmp_path_factory.mktemp("toy"), TOY.read_text(), "toy")


# ---- printers --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("dump", DUMPS)
def test_printers(toy, dump):
    asked = ["p init_task.tasks", "p init_task.usage.refs", "p init_task.pushable_tasks", "p init_task.sched_info",
             "struct task_struct.children init_task", "p &init_task.tasks", "p init_task.pid"]
    usual = answers(run(files(dump), *asked))
    done = answers(run(files(dump), f"plugin load {toy}", *asked, "plugin unload toy", *asked))
    loaded, ours, after = done[0], done[1:8], done[9:]
    assert loaded["rows"][0]["printers"] == "atomic_t, struct list_head, struct plist_head, struct sched_info"
    value = [(a["rows"][0]["value"], b["rows"][0]["value"]) for a, b in zip(usual, ours)]
    assert value[0][1] == "ring " + value[0][0] and ".next = " in value[0][0]
    count = re.fullmatch(r"\{ \.counter = (-?\d+) \}", value[1][0]).group(1)
    assert value[1][1] == f"atomic {count}" and int(count) > 0
    # One that leaves the object as it is; what is inside has its own printer.
    assert value[2][1] == value[2][0].replace("<empty list", "ring <empty list") and "<empty list" in value[2][0]
    assert ".run_delay" in value[3][0] and value[3][1] == "<not mapped>"
    assert value[4][1] == "ring " + value[4][0]
    assert value[5][0] == value[5][1] and value[6][0] == value[6][1]  # neither is a list
    assert [a["rows"][0]["value"] for a in after] == [v[0] for v in value]


def test_printers_clash(toy, tmp_path):
    """The second printer of a type is refused, with all of its plugin."""
    text = TOY.read_text().replace('.name = "toy"', '.name = "other"').replace('"struct plist_head"', '"struct rb_node"')
    other = build(tmp_path, text, "other")
    load, refused, listed = answers(run(files(DUMPS[0]), f"plugin load {toy}", f"plugin load {other}", "plugin"))
    assert not load["faults"]
    assert "there is a printer of atomic_t already" in refused["faults"][0]["message"]
    assert [r["name"] for r in listed["rows"]] == ["toy"]
    early = run(files(DUMPS[0]), "plugin", options=("--json", "--plugin", toy, "--plugin", other))
    assert [(r["name"], r["state"]) for r in answers(early)[0]["rows"]] == [("toy", "loaded"), ("other", "refused")]
    assert "there is a printer of atomic_t already" in early.stderr


# ---- readers ---------------------------------------------------------------------------------------------------------

def memory_of(elf):
    """(VMCOREINFO's text, [(address, place in the file, bytes)]) of an ELF core."""
    with open(elf, "rb") as f:
        head = f.read(64)
        wide = head[4] == 2
        at, each, n = struct.unpack_from("<Q", head, 32)[0] if wide else struct.unpack_from("<I", head, 28)[0], \
            56 if wide else 32, struct.unpack_from("<H", head, 56 if wide else 44)[0]
        loads, text = [], b""
        for i in range(n):
            f.seek(at + i * each)
            if wide:
                kind, _, off, _, pa, size = struct.unpack("<IIQQQQ", f.read(40))
            else:
                kind, off, _, pa, size = struct.unpack("<5I", f.read(20))
            if kind == 1:
                loads.append((pa, off, size))
            elif kind == 4:
                f.seek(off)
                found = re.search(rb"VMCOREINFO\0+\0(OSRELEASE=[^\0]*)", f.read(size))
                text = found.group(1) if found else b""
    return text, loads


def wrap(dump, to, machine, with_text=True):
    """The dump's memory in a toy container: the runs backwards, each cut in two, at odd places. Without its text memory
    has none either, and the kernel must be sought."""
    text, loads = memory_of(CORES / dump / "vmcore.elf")
    text = text if with_text else b""
    runs = []
    for pa, off, size in loads:
        half = size // 2 & ~4095
        runs += [(pa + half, off + half, size - half), (pa, off, half)]
    head = 24 + 24 * len(runs)
    at = head + len(text) + 13
    table = b""
    with open(CORES / dump / "vmcore.elf", "rb") as f, open(to, "wb") as out:
        for pa, off, size in runs:
            table += struct.pack("<QQQ", pa, size, at)
            for done in range(0, size, 1 << 16):
                f.seek(off + done)
                chunk = f.read(min(1 << 16, size - done))
                for page in range(0, 0 if with_text else len(chunk), 4096):
                    if chunk.startswith(b"OSRELEASE=", page):
                        chunk = chunk[:page] + bytes(4096) + chunk[page + 4096:]
                if chunk.count(0) != len(chunk):
                    out.seek(at + done)
                    out.write(chunk)
            at += size
        out.truncate(at)
        out.seek(0)
        out.write(struct.pack("<8sIIQ", b"TOYDUMP1", len(runs), machine, len(text)) + table + text)
    return to


@pytest.fixture(scope="session", params=DUMPS)
def wrapped(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("wrapped")
    machine = 2 if request.param.startswith("arm64") else 1
    yield (request.param, wrap(request.param, folder / "toy.bin", machine),
           wrap(request.param, folder / "bare.bin", machine, with_text=False))
    for name in ("toy.bin", "bare.bin"):
        (folder / name).unlink()


@pytest.mark.parametrize("vmlinux", [True, False])
def test_reader(toy, wrapped, vmlinux):
    dump, container, _ = wrapped
    first = [CORES / dump / "vmlinux"] if vmlinux else []
    asked = QUESTIONS if vmlinux else UNTYPED
    elf = answers(run([*first, CORES / dump / "vmcore.elf"], *asked))
    ours = run([*first, container], *asked, "sys", options=("--json", "--plugin", toy))
    assert ours.returncode == 0 or not vmlinux, ours.stderr
    *same, sys = answers(ours)
    for a, b in zip(elf, same):
        assert a["rows"] and a["rows"] == b["rows"] and not b["faults"]
    assert any("toy container" in str(v) for v in sys["rows"][0].values())


def test_reader_is_needed(wrapped):
    """Without the plugin the file is nothing that anyone knows."""
    dump, container, _ = wrapped
    done = run([CORES / dump / "vmlinux", container], "ps")
    assert done.returncode in (2, 3) and not done.stdout


def test_reader_from_the_folder(toy, wrapped, tmp_path):
    """A plugin of the person's own folder is asked when a dump is opened; one loaded at the prompt comes too late."""
    dump, container, _ = wrapped
    own = tmp_path / "inquest/plugins"
    own.mkdir(parents=True)
    (own / "toy.so").write_bytes(toy.read_bytes())
    done = run([CORES / dump / "vmlinux", container], "p init_task.pid", env={"XDG_DATA_HOME": str(tmp_path)})
    assert done.returncode == 0 and answers(done)[0]["rows"][0]["value"] == "0"
    assert run([CORES / dump / "vmlinux", container], f"plugin load {toy}").returncode in (2, 3)


RAM = bytes(range(256)) * 64
CONTAINERS = {
    "good": ([(0x1000, 0x1000, 0), (0x4000, 0x1000, 0x1000)], None),
    "both-at-one": ([(0x1000, 0x1000, 0), (0x1fff, 0x1000, 0x1000)], "0x1000 and 0x1fff cover each other"),
    "inside": ([(0x1000, 0x2000, 0), (0x1800, 0x10, 0x2000)], "cover each other"),
    "none": ([], "it has no memory"),
    "empty": ([(0x1000, 0, 0)], "makes no sense"),
    "wraps": ([(0xfffffffffffff000, 0x1001, 0)], "makes no sense"),
    "behind-the-end": ([(0x1000, 0x1000, 1 << 40)], "behind the file's end"),
    "many-ranges": ([(0x1000, 0x1000, 0)] * 5000, "its head makes no sense"),
}


@pytest.mark.parametrize("case", CONTAINERS)
def test_reader_is_checked(toy, tmp_path, case):
    ranges, reason = CONTAINERS[case]
    base = 24 + 24 * len(ranges)
    table = b"".join(struct.pack("<QQQ", pa, n, at if at >> 32 else base + at) for pa, n, at in ranges)
    path = tmp_path / "toy.bin"
    path.write_bytes(struct.pack("<8sIIQ", b"TOYDUMP1", len(ranges), 2, 0) + table + RAM)
    done = run([path], "rd -p 4ff8", options=("--json", "--plugin", toy))
    if reason is None:
        assert done.returncode == 0 and "fffefdfcfbfaf9f8" in done.stdout
        return
    assert done.returncode == 3 and reason in done.stderr and "as toy container" in done.stderr


def test_reader_of_a_cut_file(toy, tmp_path):
    path = tmp_path / "toy.bin"
    path.write_bytes(struct.pack("<8sIIQ3Q", b"TOYDUMP1", 1, 2, 0, 0x1000, 0x10000, 48) + RAM)
    done = run([path], "rd -p 1000", options=("--json", "--plugin", toy))
    assert done.returncode == 4 and "cut off" in done.stderr
    assert "cut off with the end of the file" in run([path], "rd -p 8000", options=("--json", "--plugin", toy)).stdout


# ---- finders ---------------------------------------------------------------------------------------------------------

def truth_of(dump):
    """_text's addresses and the page table's, as the guest's /proc/kallsyms and the vmlinux's VMCOREINFO-free proof
    of the ELF file have them."""
    rows = answers(run(files(dump), "sys -b"))[0]["rows"]
    found = {r["finder"]: r["found"] for r in rows if r["outcome"] == "proved"}
    text = next(f for f in found.values() if f.startswith("_text"))
    va, pa = (int(x, 16) for x in re.findall(r"0x[0-9a-f]+", text))
    root = int(re.search(r"root at physical (0x[0-9a-f]+)", found["address space"]).group(1), 16)
    lines = (CORES / dump / "truth/kallsyms").read_text().splitlines() if (CORES / dump / "truth/kallsyms").exists() else []
    for line in lines:
        words = line.split()
        if words[2] == "_text":
            assert int(words[0], 16) == va
    return pa, va, root


def claims_of(rows):
    return [(r["outcome"], r["found"]) for r in rows if r["finder"] == "toy claim"]


@pytest.mark.parametrize("vmlinux", [True, False])
def test_finder(toy, wrapped, vmlinux):
    dump, _, bare = wrapped
    pa, va, root = truth_of(dump)
    first = [CORES / dump / "vmlinux"] if vmlinux else []
    asked = QUESTIONS if vmlinux else UNTYPED[1:]  # the log's layout is VMCOREINFO's to say
    plain = answers(run([*first, bare], *asked, options=("--json", "--plugin", toy)))
    for claim, wanted in (
            (f"{pa:x},{va:x},{root:x}", ["proved", "proved"]),
            (f"{pa:x},0,0", ["proved"] if vmlinux else ["nothing"]),
            (f"{pa + 0x200000:x},{va:x},0;{pa:x},{va:x},{root:x}", ["refuted", "proved", "proved"]),
            (f"{pa:x},{va + 0x10000:x},0;{pa:x},{va:x},0", ["refuted", "proved"]),
            (f"{pa + 0x200000:x},{va:x},0", ["refuted"])):
        done = run([*first, bare], *asked, "sys -b", options=("--json", "--plugin", toy), env={"TOY_CLAIM": claim})
        assert done.returncode == 0, done.stderr
        *same, tried = answers(done)
        assert [o for o, _ in claims_of(tried["rows"])] == wanted, claim
        for a, b in zip(plain, same):
            assert a["rows"] and a["rows"] == b["rows"] and not b["faults"]
        # A proved claim ends the search; a refuted one does not.
        searched = [r for r in tried["rows"] if r["finder"] in ("linux_banner at every aligned place",
                                                                "page tables near kallsyms")]
        assert bool(searched) == ("proved" not in wanted)
    wrong_root = run([*first, bare], "sys -b", "rd linux_banner", options=("--json", "--plugin", toy),
                     env={"TOY_CLAIM": f"{pa:x},{va:x},{root + 0x4000:x}"})
    tried, banner = answers(wrong_root)
    assert "refuted" in [o for o, _ in claims_of(tried["rows"])] and banner["rows"]


def test_finder_that_fails(toy):
    done = run(files(DUMPS[0]), "sys -b", options=("--json", "--plugin", toy), env={"TOY_CLAIM": "nonsense"})
    assert ("nothing", "TOY_CLAIM is no claim") in claims_of(answers(done)[0]["rows"])
    done = run(files(DUMPS[0]), "sys -b", options=("--json", "--plugin", toy), env={"TOY_CLAIM": "0,c0008000,0"})
    assert "without text_pa" in claims_of(answers(done)[0]["rows"])[0][1]


# ---- rows and crashes ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("old,new,reason", [
    ('"atomic_t", "its', '"", "its', "a printer without a type"),
    ("print_wrong };", "NULL };", "the printer of struct sched_info has no print function"),
    ("toy_recognises, toy_open }", "NULL, toy_open }", "dump reader toy container has no recognises function"),
    ('"toy claim", "what', 'NULL, "what', "a bootstrap finder without a name"),
    (".printers = printers,", ".printers = printers, .printer_bytes = 8,", "other sizes"),
    (".readers = readers,", ".readers = readers, .reader_bytes = 8,", "other sizes"),
    (".finders = finders,", ".finders = finders, .finder_bytes = 8,", "other sizes")])
def test_refused_rows(tmp_path, old, new, reason):
    text = TOY.read_text()
    assert text.count(old) == 1
    text = text.replace(old, new)
    done = run(files(DUMPS[0]), f"plugin load {build(tmp_path, text, 'bad')}", "plugin", "p init_task.usage.refs")
    load, listed, value = answers(done)
    assert reason in load["faults"][0]["message"] and listed["rows"] == [] and "counter" in value["rows"][0]["value"]


@pytest.mark.parametrize("where,name", [("printer", "atomic_t"), ("reader", "toy container"), ("finder", "toy claim")])
def test_crash_is_named(toy, tmp_path, where, name):
    strange = tmp_path / "strange"
    strange.write_bytes(b"nothing that anyone knows")
    dump = [*files(DUMPS[0])] if where != "reader" else [strange]
    done = run(dump, "p init_task.usage", options=("--plugin", toy), env={"TOY_CRASH": where})
    assert done.returncode == 1
    assert f"plugin toy crashed in {name}: a bad memory access" in done.stderr
