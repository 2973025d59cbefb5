"""Plugins: the template built out of tree against an installed prefix, a built-in command built as a plugin, what is
refused and why, and that the recorded ABI is the program's."""

import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import zlib

import pytest
from truth_cores import CORES, INQUEST, ROOT

DUMPS = ["armmp-sysrq-c", "arm64-cloud-sysrq-c"]
BUILD = pathlib.Path(INQUEST).resolve().parent
CFLAGS = ["-std=gnu11", "-D_GNU_SOURCE", "-fPIC", "-shared"]


def run(dump, *commands, options=("--json",), env=None, cwd=None, program=INQUEST):
    files = [CORES / dump / "vmlinux", CORES / dump / "vmcore.elf"] if dump else ["/dev/null"]
    args = [pathlib.Path(program).resolve(), *options, *files]
    for command in commands:
        args += ["-c", command]
    full = {**os.environ, "XDG_DATA_HOME": "/nonexistent", **(env or {})}
    return subprocess.run(args, capture_output=True, text=True, timeout=120, env=full, cwd=cwd)


def answers(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="session")
def prefix(tmp_path_factory):
    """`make install` of what was built, into an empty folder."""
    root = tmp_path_factory.mktemp("root")
    # Only where the program itself was built under the sanitizers, and is so linked again if anything changed.
    san = ["SAN=1", "DEV=1"] if BUILD.name == "san" else []
    subprocess.run(["make", "-s", "-C", ROOT, "install", f"BUILD={BUILD}", f"DESTDIR={root}", "PREFIX=/usr", *san],
                   check=True, timeout=900, stdin=subprocess.DEVNULL)
    return root / "usr"


@pytest.fixture(scope="session")
def template(prefix, tmp_path_factory):
    """The template as a vendor would build it: copied away, with nothing of the source tree in sight."""
    folder = tmp_path_factory.mktemp("vendor") / "template"
    shutil.copytree(prefix / "share/doc/inquest/template", folder)
    make = subprocess.run(["make", "-C", folder, f"PREFIX={prefix}"], capture_output=True, text=True)
    assert make.returncode == 0 and "warning" not in make.stderr, make.stderr
    assert len((folder / "Makefile").read_text().splitlines()) <= 20
    return folder / "example.so"


def build(prefix, folder, source, name="made"):
    """A plugin from C text, against the installed headers only."""
    c = folder / f"{name}.c"
    so = folder / f"{name}.so"
    c.write_text(source)
    subprocess.run(["gcc", *CFLAGS, "-I", prefix / "include/inquest", "-o", so, c], check=True)
    return so


PLUGIN = """
#include "analyzer/api.h"
static struct err *go(struct cx *cx, const struct args *a)
{
	(void)cx; (void)a;
	%(body)s
	return NULL;
}
static const struct command one = { .name = "%(name)s", .summary = "one", .usage = "", .run = go };
static const struct command other = { %(other)s };
static const struct command *const commands[] = { &one, &other, NULL };
static const struct walker walk = { .name = "%(walker)s", .summary = "w", .usage = "", .yields = "*" %(run)s };
static struct err *nothing(struct walking *w) { (void)w; return NULL; }
static const struct walker *const walkers[] = { &walk, NULL };
const struct plugin plugin = { PLUGIN_BUILT_BY, .name = "made", .version = "1", .summary = "made",
	.commands = commands, .walkers = walkers, %(more)s };
"""
GOOD = {"body": "", "name": "one", "walker": "made-walker", "run": ", .run = nothing", "more": "",
        "other": '.name = "other", .summary = "other", .usage = "", .run = go'}


def source(**changes):
    text = PLUGIN % {**GOOD, **changes}
    return text.replace("static const struct command one",
                        "static struct err *nothing(struct walking *w);\nstatic const struct command one", 1)


@pytest.mark.parametrize("dump", DUMPS)
def test_template(template, prefix, dump):
    done = run(dump, f"plugin load {template}", "states", "ps | count", "walk process",
               "walk task | where mm != 0 && group_leader == address", "plugin unload example", "states",
               program=prefix / "bin/inquest")
    assert done.returncode == 1  # the last one
    loaded, states, count, process, tasks, unloaded, gone = answers(done)
    assert loaded["rows"][0]["state"] == "loaded" and loaded["rows"][0]["commands"] == "states"
    assert sum(r["tasks"] for r in states["rows"]) == count["rows"][0]["count"] > 20
    assert {r["state"] for r in states["rows"]} >= {"R", "S"}
    assert len(process["rows"]) >= 2 and not process["faults"] and not tasks["faults"]
    assert [r["address"] for r in process["rows"]] == [r["address"] for r in tasks["rows"]]
    assert not unloaded["faults"]
    assert "no such command" in gone["faults"][0]["message"]


@pytest.mark.parametrize("dump", DUMPS)
def test_built_in_as_plugin(prefix, tmp_path, dump):
    """eval.c as it is, but for its name, behaves as the built-in one."""
    text = (ROOT / "commands/eval.c").read_text()
    assert text.count('.name = "eval"') == 1 and "model.h" not in text
    text = text.replace('.name = "eval"', '.name = "evaluate"') + """
static const struct command *const commands[] = { &cmd_evaluate, NULL };
const struct plugin plugin = { PLUGIN_BUILT_BY, .name = "evaluate", .version = "1", .summary = "eval again",
	.commands = commands };
""".replace("cmd_evaluate", "cmd_eval")
    so = build(prefix, tmp_path, text)
    lines = ["schedule", "-b 0xc0008001", "128m + 0x1000", "(1 << 40)", "init_task", "1 +", "nothing_of_this_name",
             "", "-z 1"]
    both = [c + " " + line for line in lines for c in ("eval", "evaluate")]
    done = answers(run(dump, f"plugin load {so}", *both))
    assert done.pop(0)["rows"][0]["state"] == "loaded"
    assert len(done) == len(both)
    for a, b in zip(done[::2], done[1::2]):
        assert a["rows"] == b["rows"]
        assert [f["message"] for f in a["faults"]] == [f["message"] for f in b["faults"]]
    assert done[0]["rows"] and done[10]["faults"]
    # Text, with carets: the same but for the name.
    old, new = (run(dump, f"plugin load {so}", *[f"{c} {line}" for line in lines], options=())
                for c in ("eval", "evaluate"))
    assert old.stdout == new.stdout and old.returncode == new.returncode == 1
    carets = [re.sub(r" +", " ", done.stderr.replace("evaluate", "eval")) for done in (old, new)]
    assert carets[0] == carets[1] and carets[0].count("^") >= 4


REFUSED = {
    "version": ({"more": ".abi = PLUGIN_ABI + 1"}, "built for plugin ABI 4, this inquest has 3"),
    "sizes": ({"more": ".command_bytes = 8"}, "other sizes"),
    "magic": ({"more": ".magic = 1"}, "no plugin of inquest"),
    "command": ({"name": "ps"}, "the name ps belongs to the command ps"),
    "alias": ({"other": '.name = "other", .alias = "quit", .summary = "", .run = go'}, "the name quit belongs"),
    "twice": ({"other": '.name = "one", .summary = "", .run = go'}, "the name one belongs to the command one"),
    "walker": ({"walker": "task"}, "there is a walker task already"),
    "no-run": ({"other": '.name = "other", .summary = ""'}, "command other has no run function"),
    "no-name": ({"other": '.summary = "", .run = go'}, "a command without a proper name"),
    "odd-name": ({"name": "a b"}, "a command without a proper name"),
    "no-walk": ({"run": ""}, "walker made-walker has no run function"),
    "stage": ({"other": '.name = "other", .summary = "", .run = go, .stage = (const void *)go'}, "cannot add stages"),
    "reserved": ({"more": ".reserved = { [3] = go }"}, "what is reserved is not NULL"),
    "unknown-function": ({"body": "extern void target_close(void *); target_close(cx->target);"},
                         "undefined symbol: target_close"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(prefix, tmp_path, case):
    changes, reason = REFUSED[case]
    so = build(prefix, tmp_path, source(**changes))
    before, load, after, listed, walkers = answers(
        run(DUMPS[0], "help", f"plugin load {so}", "help", "plugin", "walk"))
    assert len(load["faults"]) == 1 and reason in load["faults"][0]["message"]
    assert before["rows"] == after["rows"]
    assert listed["rows"] == []
    assert "made-walker" not in [w["walker"] for w in walkers["rows"]]


def test_good_one_is_taken(prefix, tmp_path):
    """What test_refused() changes is refused for that, and not for anything else."""
    load, one = answers(run(DUMPS[0], f"plugin load {build(prefix, tmp_path, source())}", "one"))
    assert not load["faults"] and not one["faults"]


def test_refused_files(prefix, tmp_path):
    good = build(prefix, tmp_path, source())
    text = tmp_path / "text.so"
    text.write_text("not a shared object\n" * 100)
    machine = tmp_path / "machine.so"
    data = bytearray(good.read_bytes())
    data[18:20] = struct.pack("<H", 243)
    machine.write_bytes(data)
    cut = tmp_path / "cut.so"
    cut.write_bytes(good.read_bytes()[:1000])
    plain = build(prefix, tmp_path, "int nothing;\n", "plain")
    anyone = tmp_path / "anyone.so"
    shutil.copy(good, anyone)
    anyone.chmod(0o666)
    for path, reason in ((text, "not an ELF file"), (machine, "built for RISC-V"), (cut, None),
                         (plain, "no plugin of inquest"), (anyone, "anyone may write"),
                         (tmp_path, "not a file"), (tmp_path / "none.so", "No such file")):
        done = run(DUMPS[0], f"plugin load {path}", "plugin")
        load, listed = answers(done)
        assert len(load["faults"]) == 1 and str(path) in load["faults"][0]["message"]
        assert reason is None or reason in load["faults"][0]["message"]
        assert done.returncode == 1 and listed["rows"] == []


@pytest.mark.parametrize("serves,on", [
    ('.architecture = "arm"', {"armmp-sysrq-c"}), ('.architecture = "arm64"', {"arm64-cloud-sysrq-c"}),
    ('.symbol = "schedule"', set(DUMPS)), ('.symbol = "no_such_symbol"', set()),
    ('.compatible = "linux,dummy-virt"', set(DUMPS)), ('.compatible = "linux,dummy"', set()),
    ('.architecture = "arm", .symbol = "no_such_symbol"', set())])
def test_serves(prefix, tmp_path, serves, on):
    so = build(prefix, tmp_path, source(more=f".serves = {{ {serves} }}"))
    for dump in DUMPS:
        load, one, _ = answers(run(dump, f"plugin load {so}", "one", "plugin"))
        assert not load["faults"]
        assert load["rows"][0]["state"] == ("loaded" if dump in on else "not here")
        assert (load["rows"][0]["why"] is None) == (dump in on)
        assert bool(one["faults"]) == (dump not in on)


@pytest.mark.parametrize("body,words", [
    ("*(volatile int *)8 = 1;", "a bad memory access"), ("__builtin_trap();", "an illegal instruction"),
    ("volatile char deep[1 << 16]; deep[0] = (char)(go(cx, a) != NULL); deep[9] = deep[0];", "a bad memory access")])
def test_crash_is_named(prefix, tmp_path, body, words):
    so = build(prefix, tmp_path, source(body=body))
    done = run(DUMPS[0], f"plugin load {so}", "ps", "one", "sys", options=())
    assert done.returncode == 1 and "swapper/0" in done.stdout and "KERNEL" not in done.stdout
    assert f"plugin made crashed in one: {words}" in done.stderr


def test_walker_crash_is_named(prefix, tmp_path):
    text = source(other='.name = "other", .summary = "other", .usage = "", .run = other_go').replace(
        "{ (void)w; return NULL; }", "{ *(volatile int *)8 = 1; (void)w; return NULL; }").replace(
        "static const struct command other", "static struct err *other_go(struct cx *cx, const struct args *a) "
        "{ (void)cx; (void)a; return NULL; }\nstatic const struct command other")
    so = build(prefix, tmp_path, text)
    done = run(DUMPS[0], f"plugin load {so}", "other", "walk made-walker", options=())
    assert done.returncode == 1 and "plugin made crashed in made-walker: a bad memory access" in done.stderr


def test_crash_behind_another_command(prefix, tmp_path):
    """What a plugin's command ran inside is over, and not to blame."""
    body = 'err_drop(session_run_inside(cx, "ps 1")); *(volatile int *)8 = 1;'
    so = build(prefix, tmp_path, source(body=body))
    done = run(DUMPS[0], f"plugin load {so}", "one", options=())
    assert done.returncode == 1 and "plugin made crashed in one: a bad memory access" in done.stderr


DEVICE = '''
uint8_t *p = NULL;
size_t n = 0;
struct err *err = api_device_property(cx->target, args_get(a, 0), args_get(a, 1), &p, &n);
if (err)
	return err;
static const struct column columns[] = { { "bytes" }, { 0 } };
static const struct table table = { .columns = columns };
scoped_strbuf struct strbuf b = { 0 };
for (size_t i = 0; i < n; i++)
	strbuf_addf(&b, "%02x", p[i]);
free(p);
out_table(cx->out, &table);
out_row(cx->out);
out_str(cx->out, "bytes", strbuf_text(&b));
'''


@pytest.mark.parametrize("dump", DUMPS)
def test_device_property(prefix, tmp_path, dump):
    """Of QEMU's virt machine (hw/arm/virt.c): its serial port at 0x09000000, its clock's frequency."""
    so = build(prefix, tmp_path, source(body=DEVICE).replace(
        '.name = "one", .summary', '.max_args = 2, .name = "one", .summary'))
    ask = ["arm,pl011 reg", "arm,pl011 clock-names", "arm,pl031 reg", "fixed-clock clock-frequency",
           "fixed-clock reg", "arm,pl01 reg", "no,such reg", "linux,dummy-virt #size-cells",
           "apb_pclk reg"]
    done = answers(run(dump, f"plugin load {so}", *[f"one {words}" for words in ask]))[1:]
    got = [a["rows"][0]["bytes"] if a["rows"] else a["faults"][0]["message"] for a in done]
    assert got[0] == "00000000090000000000000000001000"
    assert bytes.fromhex(got[1]) == b"uartclk\0apb_pclk\0"
    assert got[2] == "00000000090100000000000000001000"
    assert int(got[3], 16) == 24000000
    assert [("has no" in words) for words in got] == [False] * 4 + [True] * 3 + [False, True]
    assert got[7] == "00000002"


def test_search_path(prefix, template, tmp_path):
    """The person's own folder is looked into, the current one is not; a refused file is told and listed."""
    own = tmp_path / "inquest/plugins"
    own.mkdir(parents=True)
    shutil.copy(template, own / "example.so")
    (own / "broken.so").write_text("nothing")
    (own / "README").write_text("nothing")
    env = {"XDG_DATA_HOME": str(tmp_path)}
    done = run(DUMPS[0], "plugin", "states", env=env)
    listed, states = answers(done)
    assert [(r["name"], r["state"]) for r in listed["rows"]] == [(None, "refused"), ("example", "loaded")]
    assert states["rows"] and done.returncode == 0
    assert re.fullmatch(r"inquest: plugin .*/broken.so: not an ELF file\n", done.stderr)
    for bad in ({"XDG_DATA_HOME": "."}, {"XDG_DATA_HOME": ""}, {}):
        there = run(DUMPS[0], "plugin", env={"HOME": "/nonexistent", **bad}, cwd=own)
        assert answers(there)[0]["rows"] == [] and not there.stderr
        there = run(DUMPS[0], "plugin", env={"HOME": ".", **bad}, cwd=tmp_path)
        assert answers(there)[0]["rows"] == []


def test_installed_folder(prefix, template, tmp_path):
    """Plugins stand beside the program, wherever PREFIX was and wherever its tree was moved; a program that was not
    installed has none."""
    done = run(DUMPS[0], "plugin", program=prefix / "bin/inquest")
    (listed,) = answers(done)
    names = {r["name"]: r for r in listed["rows"]}
    assert {"ramoops", "kinfo"} <= set(names) and not done.stderr
    assert all(r["state"] == "loaded" for r in names.values())
    assert names["ramoops"]["file"] == str(prefix / "lib/inquest/plugins/ramoops.so")
    if "python" in names:
        (python,) = answers(run(DUMPS[0], "py 6 * 7", program=prefix / "bin/inquest"))
        assert python["rows"][0]["text"] == "42"
    moved = tmp_path / "opt"
    shutil.copytree(prefix, moved)
    shutil.copy(template, moved / "lib/inquest/plugins")
    (listed,) = answers(run(DUMPS[0], "plugin", program=moved / "bin/inquest"))
    assert {r["file"] for r in listed["rows"]} == {str(p) for p in (moved / "lib/inquest/plugins").glob("*.so")}
    assert answers(run(DUMPS[0], "plugin"))[0]["rows"] == []
    (moved / "sbin").mkdir()
    odd = moved / "sbin/inquest"
    shutil.copy(INQUEST, odd)
    assert answers(run(DUMPS[0], "plugin", program=odd))[0]["rows"] == []


# ---- the recorded ABI ------------------------------------------------------------------------------------------------

def listing():
    return (ROOT / "plugins/abi.txt").read_text()


@pytest.mark.skipif(sys.maxsize < 1 << 32, reason="the sizes are those of a host of 64 bits")
def test_abi_of_installed_headers(prefix):
    """Prototypes and structures, from the installed tree alone."""
    now = subprocess.run([ROOT / "plugins/list-abi", prefix / "include/inquest", ROOT / "plugins/abi.txt"],
                         check=True, capture_output=True, text=True).stdout
    gone = sorted(set(listing().splitlines()) - set(now.splitlines()))
    new = sorted(set(now.splitlines()) - set(listing().splitlines()))
    assert (gone, new) == ([], []), "raise PLUGIN_ABI and run make abi, or take the change back"


def test_exported_symbols():
    text = subprocess.run(["nm", "-D", "--defined-only", INQUEST], check=True, capture_output=True, text=True).stdout
    exported = {line.split()[2] for line in text.splitlines() if line.split()[1] == "T"}
    if BUILD.name == "san":
        pytest.skip("the sanitizers export their own")
    wanted = set(re.findall(r"^function (\w+)", listing(), re.M))
    # readline has an xmalloc of that name, which ours stands before.
    assert exported - {"xmalloc"} == wanted


def test_installed_headers(prefix):
    root = prefix / "include/inquest"
    installed = {str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()}
    assert installed == set(re.findall(r"^header (\S+)", listing(), re.M))
    assert "analyzer/model.h" not in installed and "analyzer/target/target.h" not in installed


# ---- ramoops ---------------------------------------------------------------------------------------------------------

def zone(size, text, start=None, xor=0):
    """A zone of persistent_ram_buffer as fs/pstore/ram_core.c leaves it after writing @text."""
    room = size - 12
    if len(text) > room:
        at = len(text) % room
        ring = text[len(text) - at:] + text[len(text) - room:len(text) - at]
        head = (at, room)
    else:
        ring, head = text.ljust(room, b"\0"), (len(text), len(text))
    return struct.pack("<III", 0x43474244 ^ xor, *head) + ring


def deflate(text):
    c = zlib.compressobj(9, zlib.DEFLATED, -11)
    return c.compress(text) + c.flush()


def region(word):
    panic = b"Panic#1 Part1\n" + b"".join(b"<6>[%5d.000000] line %d\n" % (i, i) for i in range(300))
    trace = b"".join(struct.pack("<" + word * 2 + "Q", 0x1000 + i, 0x2000 + i, (i * 10) << 8 | i % 4)
                     for i in range(500))
    parts = [zone(4096, b"====1700000000.123456-C\n" + deflate(panic)),
             zone(4096, b"====1600000000.000007-D\nOops#2 Part1\n<1>plain\n"),
             zone(4096, b"")[:4] + bytes(4092), b"\xff" * 4096,
             zone(4096, b"".join(b"console %04d\n" % i for i in range(1000))),
             zone(4096, trace, xor=0x060112), zone(4096, b"user words\n")]
    return b"".join(parts), panic, trace


@pytest.mark.parametrize("arch,word", [("arm64", "Q"), ("arm", "I")])
def test_ramoops(prefix, tmp_path, arch, word):
    data, panic, trace = region(word)
    so = prefix / "lib/inquest/plugins/ramoops.so"
    dump = tmp_path / "vmcore"
    machine, bits = (183, 64) if arch == "arm64" else (40, 32)
    at = 0x9ff00000
    if bits == 64:
        head = b"\x7fELF\2\1\1" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 4, machine, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
        head += struct.pack("<IIQQQQQQ", 1, 7, 4096, at, at, len(data), len(data), 0)
    else:
        head = b"\x7fELF\1\1\1" + bytes(9) + struct.pack("<HHIIIIIHHHHHH", 4, machine, 1, 0, 52, 0, 0, 52, 32, 1, 0, 0, 0)
        head += struct.pack("<IIIIIIII", 1, 4096, at, at, len(data), len(data), 7, 0)
    dump.write_bytes(head.ljust(4096, b"\0") + data)
    place = f"-a {at:x} -s {len(data)}"
    args = [pathlib.Path(INQUEST).resolve(), "--json", dump]
    for c in (f"plugin load {so}", f"ramoops {place} -l", f"ramoops {place} dmesg", f"ramoops {place} console",
              f"ramoops {place} ftrace", f"ramoops {place} pmsg", f"ramoops -a {at:x} -s 4096",
              "ramoops", "ramoops -a 1000 -s 0x100000", "ramoops nonsense"):
        args += ["-c", c]
    done = subprocess.run(args, capture_output=True, text=True, timeout=60, env={**os.environ, "XDG_DATA_HOME": "/none"})
    load, zones, dmesg, console, ftrace, pmsg, small, unknown, beyond, word_error = answers(done)
    assert load["rows"][0]["state"] == "loaded"
    assert [(z["zone"], z["state"]) for z in zones["rows"]] == [
        ("dmesg", "good"), ("dmesg", "good"), ("dmesg", "empty"), ("dmesg", "no zone"), ("console", "good"),
        ("ftrace", "good"), ("pmsg", "good")]
    assert [z["physical"] for z in zones["rows"]] == [
        f"0x{at + i * 4096:0{16 if bits == 64 else 8}x}" for i in range(7)]
    assert dmesg["rows"][0]["text"] == panic.decode() and dmesg["rows"][0]["time"] == "1700000000.123456"
    assert dmesg["rows"][1]["text"] == "Oops#2 Part1\n<1>plain\n" and dmesg["rows"][1]["time"] == "1600000000.000007"
    assert len(dmesg["rows"]) == 2 and "signature" in dmesg["faults"][0]["message"]
    whole = b"".join(b"console %04d\n" % i for i in range(1000))
    assert console["rows"][0]["text"] == whole[-4084:].decode()
    bytes_each = 24 if bits == 64 else 16
    want = 4084 // bytes_each
    assert len(ftrace["rows"]) == want
    for i, row in zip(range(500 - want, 500), ftrace["rows"]):
        assert (int(row["ip"], 16), int(row["parent"], 16)) == (0x1000 + i, 0x2000 + i)
        assert (row["time"], row["cpu"]) == (i * 10, i % 4)
    assert pmsg["rows"][0]["text"] == "user words\n"
    assert "larger than the region" in small["faults"][0]["message"]
    assert "give it" in unknown["faults"][0]["message"]
    assert beyond["faults"] and not beyond["rows"]
    assert "stands here" in word_error["faults"][0]["message"]


# ---- what else is installed ------------------------------------------------------------------------------------------

def test_installed_texts(prefix):
    """The manual page names every command and option, nroff has nothing to say about it, and bash completes them."""
    help_rows = answers(run(DUMPS[0], "help"))[0]["rows"]
    names = {row["name"] for row in help_rows}
    page = prefix / "share/man/man1/inquest.1"
    heads = {line.split()[1].replace("\\-", "-") for line in page.read_text().splitlines() if line.startswith(".SS ")}
    assert heads == names and "plugin" in names
    said = subprocess.run(["groff", "-man", "-Tutf8", "-Kutf8", "-ww", page], capture_output=True, text=True) \
        if shutil.which("groff") else None
    assert said is None or said.stderr == ""
    script = prefix / "share/bash-completion/completions/inquest"
    ask = f'. {script}; COMP_WORDS=(inquest "$@"); COMP_CWORD=$#; compopt() {{ :; }}; _inquest; echo "${{COMPREPLY[@]}}"'

    def complete(*words):
        return subprocess.run(["bash", "-c", ask, "bash", *words], capture_output=True, text=True,
                              check=True).stdout.split()
    assert set(complete("-c", "")) == names
    assert complete("-c", "plug") == ["plugin"]
    assert complete("--js") == ["--json", "--jsonl"]
    version = subprocess.run([prefix / "bin/inquest", "--version"], capture_output=True, text=True, check=True).stdout
    assert re.match(r"inquest \d+\.\d+\n", version)
    assert "plugin ABI: " + re.match(r"abi (\d+)", listing()).group(1) in version
