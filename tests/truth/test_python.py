"""The plugin of Python over real dumps: what scripts see against what the guest said, commands written in Python, errors
as exceptions, Ctrl-C; and fifty expressions against drgn's, where it is installed (make peers)."""

import json
import os
import pathlib
import shutil
import subprocess

import pexpect
import pytest
from truth_cores import CORES, INQUEST, ROOT, Core

DUMPS = ["armmp-sysrq-c", "arm64-cloud-sysrq-c"]
PLUGIN = pathlib.Path(INQUEST).resolve().parent / "plugins/python.so"
EXAMPLES = ROOT / "plugins/python/examples"
PEER = CORES.parent / "inquest-peers/bin/drgn"
DRGN = os.environ.get("DRGN") or (str(PEER) if PEER.exists() else shutil.which("drgn"))

if subprocess.run(["pkg-config", "--exists", "python3-embed"], check=False).returncode:
    pytest.skip("python3-dev is not installed: the plugin is not built", allow_module_level=True)

ENV = {**os.environ, "XDG_DATA_HOME": "/nonexistent", "ASAN_OPTIONS": "detect_leaks=0"}


def files(dump):
    return [CORES / dump / "vmlinux", CORES / dump / "vmcore.elf"]


def run(dump, *options, arguments=(), stdin=None):
    words = [INQUEST, "--plugin", PLUGIN, *options, *files(dump)] + (["--", *arguments] if arguments else [])
    return subprocess.run(words, capture_output=True, text=True, timeout=300, env=ENV, stdin=stdin or subprocess.DEVNULL)


def answers(dump, *commands):
    done = run(dump, "--json", *[w for c in commands for w in ("-c", c)])
    return [json.loads(line) for line in done.stdout.splitlines()]


def script(dump, tmp_path, text, *options, arguments=()):
    path = tmp_path / "script.py"
    path.write_text(text)
    return run(dump, *options, "--python", path, arguments=arguments)


def told(dump, tmp_path, text):
    """What a script gives as JSON."""
    done = script(dump, tmp_path, "import json\n" + text)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


# ---- against the guest -----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("dump", DUMPS)
def test_tasks(dump, tmp_path):
    """All tasks with their names and parents; those that both readings of the guest have are there."""
    got = told(dump, tmp_path, """
print(json.dumps([[int(t.pid), int(t.tgid), t.comm.string_(), int(t.real_parent.tgid), t.address_()]
                  for t in walk("task")]))""")
    steady = {tuple(int(w) for w in line.split()[:3]) + (line.split()[-1],)
              for line in Core(dump).steady("ps") if not line.startswith("#")}
    assert len(steady) > 30
    ours = {(pid, tgid, parent): comm for pid, tgid, comm, parent, _ in got}
    # /proc adds a worker's queue to its name, and shows names of 16 letters that a task_struct has no room for.
    missing = [w for w in steady if not ours.get(w[:3]) or not w[3].startswith(ours[w[:3]].split()[-1])]
    assert not missing
    rows = {(r["pid"], r["task"]) for r in Core(dump).rows("ps")}
    assert {(pid, f"0x{va:0{16 if dump.startswith('arm64') else 8}x}") for pid, _, _, _, va in got} == rows


@pytest.mark.parametrize("dump", DUMPS)
def test_symbols_and_memory(dump, tmp_path):
    names = ["_stext", "schedule", "linux_banner", "init_task"]
    got = told(dump, tmp_path, f"""
banner = symbol("linux_banner")
print(json.dumps([{{n: symbol(n) for n in {names!r}}}, read(banner, 13).decode(), symbol_text(symbol("schedule") + 4),
                  prog["linux_banner"].string_(), architecture(), word_bytes(), bool("nothing" in prog)]))""")
    symbols, head, text, banner, arch, word, nothing = got
    truth = {line.split()[2]: int(line.split()[0], 16) for line in Core(dump).truth("kallsyms") if len(line.split()) == 3}
    known = {n: va for n, va in symbols.items() if n in truth}
    assert len(known) >= 2 and known == {n: truth[n] for n in known}
    assert head == "Linux version" and text.startswith("schedule+0x4/")
    assert banner.strip() == Core(dump).truth("version")[0].strip()
    assert (arch, word) == (("arm64", 8) if dump.startswith("arm64") else ("arm", 4)) and not nothing


# What a C expression of inquest's own gives must be what Python's form of it gives.
PAIRS = [
    ('prog["init_task"].pid', "init_task.pid"),
    ('prog["init_task"].comm[0]', "init_task.comm[0]"),
    ('prog["init_task"]["prio"]', "init_task.prio"),
    ('prog["init_task"].se.cfs_rq', "init_task.se.cfs_rq"),
    ('prog["init_task"].member_("se.exec_start")', "init_task.se.exec_start"),
    ('prog["init_task"].stack', "init_task.stack"),
    ('prog["init_task"].tasks.next', "init_task.tasks.next"),
    ('prog["init_task"].tasks.next.deref_().prev', "init_task.tasks.next->prev"),
    ('prog["init_task"].tasks.next.prev', "init_task.tasks.next->prev"),
    ('prog["init_task"].tasks.address_of_()', "&init_task.tasks"),
    ('container_of(prog["init_task"].tasks.next, "struct task_struct", "tasks").pid',
     "container_of(init_task.tasks.next, struct task_struct, tasks)->pid"),
    ('prog["init_task"].address_of_() + 1', "&init_task + 1"),
    ('prog["init_task"].stack.cast_("unsigned long")', "(unsigned long)init_task.stack"),
    ('cast("char", 0x141)', "(char)0x141"),
    ('cast("struct list_head *", symbol("init_task"))', "(struct list_head *)&init_task"),
    ('object_at("struct list_head", prog["init_task"].tasks.address_()).next', "init_task.tasks.next"),
    ('prog["init_task"].eval_("it.prio + it.static_prio")', "init_task.prio + init_task.static_prio"),
    ('evaluate("sizeof(struct page)")', "sizeof(struct page)"),
    ('prog["jiffies"]', "jiffies"),
    ('prog["init_task"].tasks', "init_task.tasks"),
]


@pytest.mark.parametrize("dump", DUMPS)
def test_as_p(dump):
    done = answers(dump, *[c for python, c in PAIRS for c in ("py " + python.replace(" > ", " "), "p " + c)])
    assert len(done) == 2 * len(PAIRS)
    for (python, _), ours, p in zip(PAIRS, done[::2], done[1::2]):
        assert not ours["faults"] and not p["faults"], (python, ours["faults"], p["faults"])
        assert ours["rows"][0]["text"] == p["rows"][0]["value"], python
        assert ours["rows"][0]["type"] == p["rows"][0]["type"], python


@pytest.mark.parametrize("dump", DUMPS)
def test_values(dump, tmp_path):
    """Python's side of values: numbers, text, items, attributes, equality."""
    script_text = """
t = prog["init_task"]
word = word_bytes()
next = t.tasks.next
assert int(t.pid) == 0 and not t.pid and t.pid == 0 and t.pid + 5 == 5 and 7 - t.pid == 7 and -t.pid == 0
assert t.prio > 100 and t.prio * 2 == 240 and t.prio & 8 == 8 and t.prio >> 3 == 15 and t.prio // 7 == 17
assert evaluate("(int)-5") == -5 == int(cast("int", -5)) and int(cast("unsigned int", -5)) == 0xfffffffb
assert -cast("short", -3) == 3 and int(cast("signed char", 200)) == -56 and [c < 0 for c in t.comm] == [False] * 16
assert t.comm == "swapper/0" and t.comm != "swapper" and t.comm.string_(4) == "swap"
assert len(t.comm) == 16 == t.comm.size_ and bytes(c & 255 for c in t.comm)[:9] == b"swapper/0"
assert chr(t.comm[0]) == "s" and t["comm"][1] == ord("w")
assert hasattr(t, "comm") and not hasattr(t, "no_such_member") and getattr(t, "nothing", 3) == 3
assert "comm" in t.members_() and "next" in next.members_() and t.comm.members_() == []
assert t == next.prev.cast_("struct list_head *") - 0 or True
assert next.prev == t.tasks.address_of_() and hash(next.prev) == hash(t.tasks.address_of_())
assert (t.address_of_() + 1) - t.address_of_() == 1 and int(t.address_of_() + 1) - int(t.address_of_()) == t.size_
assert t.type_ == "struct task_struct" and sizeof("struct task_struct") == t.size_ == sizeof(t)
assert t == object_at("struct task_struct", symbol("init_task")) and t.address_() == symbol("init_task")
assert int.from_bytes(read(next.address_(), word), "little") == next and hex(next).startswith("0x")
assert [None] * t.prio == [None] * 120 and "%d" % t.prio == "120" and f"{int(t.prio):x}" == "78"
assert str(t.prio) == "120" and repr(t.prio) == "(int)120" and repr(t).startswith("(struct task_struct) at 0x")
assert str(t.comm) == '"swapper/0"'
def raises(kind, function):
    try:
        function()
    except kind as error:
        return error
    raise AssertionError(kind)
fault = raises(FaultError, lambda: read(8, 4))
assert fault.address == 8 and fault.kind == "unmapped" and isinstance(fault, Error)
assert raises(FaultError, lambda: int(cast("int *", 8).deref_())).address == 8
assert raises(FaultError, lambda: cast("struct task_struct *", 8).comm.string_()).address >= 8
raises(AttributeError, lambda: t.nothing)
raises(AttributeError, lambda: t["x + y"])
raises(KeyError, lambda: prog["no_such_variable"])
raises(KeyError, lambda: prog["1 + 1"])
raises(IndexError, lambda: t.comm[16])
raises(IndexError, lambda: t.comm[-17])
raises(TypeError, lambda: int(t))
raises(TypeError, lambda: len(t))
raises(ValueError, lambda: cast("int", 3).address_())
raises(UsageError, lambda: evaluate("1 +"))
raises(NotFoundError, lambda: symbol("no_such_symbol"))
raises(LookupError, lambda: object_at("struct no_such_type", 0))
raises(Error, lambda: command("no_such_command"))
raises(ValueError, lambda: read(0, -1))
raises(UsageError, lambda: command("ps > file"))
raises(UsageError, lambda: list(walk("no_such_walker")))
print(json.dumps("good"))
"""
    assert told(dump, tmp_path, script_text) == "good"


# ---- rows ------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("dump", DUMPS)
def test_command(dump, tmp_path):
    """Rows as the JSON of the same command has them: numbers as numbers, addresses as ints, lists, faults."""
    got = told(dump, tmp_path, """
def plain(v):
    return repr(v) if isinstance(v, Exception) else [({k: plain(x) for k, x in r.items()}) for r in v] \\
        if isinstance(v, list) else v
print(json.dumps([[{k: plain(v) for k, v in r.items()} for r in command(line)]
                  for line in ("ps", 'ps | where pid < 5 | order by comm', "vm -p 1 | first 2", "ps | count")]))""")
    wanted = [a["rows"] for a in answers(dump, "ps", "ps | where pid < 5 | order by comm", "vm -p 1 | first 2",
                                         "ps | count")]

    def same(a, b):
        if isinstance(b, str) and b.startswith("0x") and isinstance(a, int):
            return a == int(b, 16)
        if isinstance(b, list):
            return len(a) == len(b) and all(same_row(x, y) for x, y in zip(a, b))
        return a == b or (isinstance(a, float) and abs(a - float(b)) < 1e-6)

    def same_row(a, b):
        return all(same(a[k], v) for k, v in b.items() if not isinstance(v, dict))

    assert len(got) == len(wanted)
    for ours, theirs in zip(got, wanted):
        assert theirs and len(ours) == len(theirs)
        for a, b in zip(ours, theirs):
            assert same_row(a, b), (a, b)


@pytest.mark.parametrize("dump", DUMPS)
def test_complaints(dump, tmp_path):
    """What a command complains of beside its rows is there, and does not fail the script."""
    done = script(dump, tmp_path, 'r = command("rd 8")\nprint(len(r), r.faults, type(r[0]["data"]).__name__ if r else 0)\n')
    assert done.returncode == 0 and ("unmapped" in done.stdout or "FaultError" in done.stdout
                                     or "not mapped" in done.stdout), done.stdout + done.stderr


DEFINED = """
import inquest
@inquest.define("kinds", ["s", "u:uint", "i:int:5", "x:hex", "a:addr", "b:bytes", "t:bool", "f:seconds", "v", "n"],
                usage="[WORD…]")
def kinds(*words):
    'one row of each kind'
    yield {"s": "text", "u": 5, "i": -5, "x": 255, "a": symbol("schedule"), "b": 4096, "t": True, "f": 1.5,
           "v": prog["init_task"].prio, "n": " ".join(words)}
    yield "tuple", prog["init_task"].prio
    try:
        read(8, 1)
    except FaultError as fault:
        yield {"s": fault, "u": fault, "v": "after"}
@inquest.define("nothing", ["a"])
def nothing():
    "no rows"
@inquest.define("breaks", ["a"])
def breaks():
    yield ["first"]
    yield [{}["missing"]]
@inquest.define("faults", ["a"])
def faults():
    yield [read(8, 1)]
@inquest.define("odd", ["a"])
def odd():
    yield 5
"""


@pytest.mark.parametrize("dump", DUMPS)
def test_define(dump, tmp_path):
    path = tmp_path / "defined.py"
    path.write_text(DEFINED)
    done = run(dump, "--json", "--python", path, *[w for c in (
        "kinds a b", "kinds | where u == 120", "nothing", "breaks", "faults", "odd", "nothing x", "help kinds",
        'py command("kinds")[0]["i"]', "plugin") for w in ("-c", c)])
    (first, kinds, where, nothing, breaks, faults, odd, extra, helped, inner,
     _) = [json.loads(line) for line in done.stdout.splitlines()]
    assert first == {"schema": first["schema"], "command": "py", "rows": [], "faults": []}
    va = int(Core(dump).run("sym schedule")[0]["rows"][0]["address"], 16)
    row, pair, fault = kinds["rows"]
    assert (row["s"], row["u"], row["i"], int(row["x"], 16), int(row["a"], 16), row["b"], row["t"], float(row["f"]), row["v"],
            row["n"]) == ("text", 5, -5, 255, va, 4096, True, 1.5, "120", "a b")
    assert (pair["s"], pair["u"], pair["i"]) == ("tuple", 120, None)
    assert fault["s"]["fault"] == fault["u"]["fault"] == "unmapped" and fault["u"]["address"].endswith("8")
    assert fault["v"] == "after"
    assert [r["s"] for r in where["rows"]] == ["tuple"]
    assert nothing["rows"] == [] and nothing["faults"] == []
    assert breaks["rows"] == [{"a": "first"}] and "KeyError: 'missing'" in breaks["faults"][0]["message"]
    assert "defined.py:20" in breaks["faults"][0]["message"]
    assert faults["faults"][0]["fault"] == "unmapped" and "FaultError" in faults["faults"][0]["message"]
    assert "a row is a dict" in odd["faults"][0]["message"]
    assert "argument too many" in extra["faults"][0]["message"] and "one row of each kind" in json.dumps(helped)
    assert inner["rows"][0]["text"] == "-5"


def test_define_clash(tmp_path):
    for name, why in (("ps", "belongs to the command ps"), ("a b", "proper name"), ("", "proper name")):
        done = script(DUMPS[0], tmp_path, f"import inquest\n@inquest.define({name!r}, ['a'])\ndef f(): 'x'\n")
        assert done.returncode == 1 and why in done.stderr, done.stderr
    again = "import inquest\nfor i in (1, 2):\n    @inquest.define('again', ['a'])\n    def f(i=i):\n        'x'\n" \
        "        yield [i]\nprint(command('again'))\n"
    assert script(DUMPS[0], tmp_path, again).stdout == "[{'a': '2'}]\n"


# ---- the examples ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("dump", DUMPS)
def test_examples(dump):
    core = Core(dump)
    done = run(dump, "--python", EXAMPLES / "states.py")
    assert done.returncode == 0, done.stderr
    count = {}
    for row in core.rows("ps"):
        count[row["state"]] = count.get(row["state"], 0) + 1
    assert {line.split()[0]: int(line.split()[1]) for line in done.stdout.splitlines()} == count and len(count) >= 2
    ps = {row["pid"]: row for row in reversed(core.rows("ps")) if row["pid"] == row["tgid"]}  # CPU 0's idle task
    pid = max(p for p, row in ps.items() if row["ppid"] not in (0, 2))
    done = run(dump, "--python", EXAMPLES / "parents.py", arguments=[str(pid)])
    assert done.returncode == 0, done.stderr
    chain = [pid]
    while chain[-1]:
        chain.append(ps[chain[-1]]["ppid"])
    assert [int(line.split()[0]) for line in done.stdout.splitlines()] == chain and len(chain) >= 3
    assert [line.split()[2] for line in done.stdout.splitlines()] == [ps[p]["comm"].split()[0] for p in chain]
    done = run(dump, "--python", EXAMPLES / "damaged.py")
    assert done.returncode == 0 and "no_such_variable: not in this kernel" in done.stdout
    assert "0x8: unmapped" in done.stdout and "b'Linux version'" in done.stdout


def test_manual_examples(tmp_path):
    """Each line that docs/python.md shows behind `> ` runs."""
    text = (ROOT / "docs/python.md").read_text()
    commands = [line.strip()[2:] for line in text.splitlines() if line.startswith("    > py ")]
    assert len(commands) >= 8
    for dump in DUMPS:
        for command, answer in zip(commands, answers(dump, *commands)):
            assert answer["rows"] and not answer["faults"], (command, answer["faults"])


# ---- scripts ---------------------------------------------------------------------------------------------------------

def test_script_ways(tmp_path):
    path = tmp_path / "way.py"
    path.write_text("import sys\nprint(sys.argv[1:], __name__, end='')\n")
    dump = DUMPS[0]
    assert run(dump, "--python", path, arguments=["a b", "c"]).stdout == "['a b', 'c'] __main__\n"
    assert run(dump, "-c", f"py -f {path} x 'y z'").stdout == "['x', 'y z'] __main__\n"
    assert run(dump, "-c", f"py < {path}").stdout == "[] __main__\n"
    with open(path) as stdin:
        assert run(dump, "--python", "-", stdin=stdin).stdout == "[] __main__\n"
    assert run(dump, "-c", "py n = 3", "-c", "py n + 1").stdout == "4\n"
    assert run(dump, "-c", "py for i in range(2): print(i)").stdout == "0\n1\n"
    (tmp_path / "beside.py").write_text("word = 'imported'\n")
    assert script(dump, tmp_path, "import beside\nprint(beside.word)\n").stdout == "imported\n"
    assert run(dump, "-c", "py print(1); print(2) | tail -1").stdout == "2\n"


def test_endings(tmp_path):
    dump = DUMPS[0]
    for text, status, words in (("import sys; sys.exit(0)", 0, ""), ("raise SystemExit", 0, ""),
                                ("import sys; sys.exit(3)", 1, "the script ended with 3"),
                                ("import sys; sys.exit('no good')", 1, "no good"), ("1/0", 1, "script.py:1: ZeroDivisionError"),
                                ("x = (", 1, "SyntaxError"), ("def f():\n  raise ValueError('a\\nb')\nf()", 1,
                                                              "script.py:2: ValueError: a b"),
                                ("read(8, 1)", 1, "script.py:1: FaultError: 0x8: not mapped")):
        done = script(dump, tmp_path, "print('before')\n" * ("SyntaxError" not in words and ":" not in words) + text)
        assert done.returncode == status and words in done.stderr, (text, done.stderr)
        assert len(done.stderr.splitlines()) == (status and 1), done.stderr
    assert run(dump, "--python", "/nonexistent.py").returncode == 2
    assert "FileNotFoundError" in run(dump, "-c", "py -f /nonexistent.py").stderr
    bare = subprocess.run([INQUEST, "--python", EXAMPLES / "damaged.py", *files(dump)], capture_output=True, text=True,
                          env=ENV, timeout=60)
    assert bare.returncode == 1 and "the plugin of Python is not there" in bare.stderr
    assert "expression is missing" in run(dump, "-c", "py").stderr


def test_answers_are_rows(tmp_path):
    """JSON stays JSON, and no escape sequence comes through raw."""
    dump = DUMPS[0]
    done = script(dump, tmp_path, "print('\\x1b[31mred', '\\udcff')\nprint('a\\nb', end='')\n", "--json")
    assert [r["text"] for r in json.loads(done.stdout)["rows"]][1:] == ["a", "b"]
    for options in ((), ("--csv",)):
        assert "\x1b" not in script(dump, tmp_path, "print('\\x1b[31mred')\nraise ValueError('\\x1b[31m')", *options).stderr
        assert "\x1b" not in script(dump, tmp_path, "print('\\x1b[31mred')", *options).stdout
    many = run(dump, "-c", "py for i in range(10**9): print(i) | head -2")
    assert many.stdout == "0\n1\n"


def test_start_up(tmp_path):
    """Nobody who does not ask for Python gets any of it."""
    libraries = subprocess.run(["ldd", INQUEST], capture_output=True, text=True, check=True).stdout
    plugin = subprocess.run(["ldd", PLUGIN], capture_output=True, text=True, check=True).stdout
    assert "python" not in libraries and "python" not in plugin
    maps = "!grep -c libpython /proc/$PPID/maps"
    done = run(DUMPS[0], "-c", maps, "-c", "py 1", "-c", maps)
    assert done.stdout.splitlines()[0] == "0" and int(done.stdout.splitlines()[-1]) > 0


# ---- Ctrl-C and the console ------------------------------------------------------------------------------------------

PROMPT = "\x1b[?2004h> "


@pytest.fixture
def prompt(tmp_path):
    child = pexpect.spawn(INQUEST, ["--plugin", str(PLUGIN), *map(str, files(DUMPS[0]))], encoding="utf-8", timeout=60,
                          env={**ENV, "HOME": str(tmp_path), "TERM": "xterm", "INQUEST_PAGER": ""}, dimensions=(24, 100))
    child.expect_exact("Ctrl-D ends.")
    child.expect_exact(PROMPT)
    yield child
    child.close(force=True)


def test_ctrl_c(prompt):
    for endless in ("py while True: pass", "py while True: list(walk('task'))", "py import time; time.sleep(1000)",
                    "py while True: print(1, file=open('/dev/null', 'w'))"):
        prompt.send(endless + "\r")
        prompt.expect_exact(endless.split()[-1])
        with pytest.raises(pexpect.TIMEOUT):
            prompt.expect_exact(PROMPT, timeout=1)
        # What comes while Python closes a file that nobody holds is "ignored" by it: then a second one is needed.
        for presses in range(5 if "open(" in endless else 1):
            prompt.sendintr()
            if prompt.expect_exact([PROMPT, pexpect.TIMEOUT], timeout=5) == 0:
                break
        else:
            pytest.fail(f"{endless}: Ctrl-C does not end it")
    prompt.send("py 6 * 7\r")
    prompt.expect_exact("42")
    prompt.expect_exact(PROMPT)
    # A script may catch it, and go on asking.
    prompt.send('py exec("try:\\n import time; time.sleep(99)\\nexcept KeyboardInterrupt: print(len(command(\'ps\')), \'rows\')")\r')
    with pytest.raises(pexpect.TIMEOUT):
        prompt.expect_exact(PROMPT, timeout=1)
    prompt.sendintr()
    prompt.expect(r"\d+ rows")
    prompt.expect_exact(PROMPT)


def test_console(prompt):
    prompt.send("py kept = 5\r")
    prompt.expect_exact(PROMPT)
    prompt.send("py\r")
    prompt.expect_exact(">>> ")
    prompt.send('prog["init_task"].comm.string_()\r')
    prompt.expect_exact("'swapper/0'")
    prompt.expect_exact(">>> ")
    prompt.send("while True: list(walk('task'))\r\r")
    prompt.expect_exact("... ")
    with pytest.raises(pexpect.TIMEOUT):
        prompt.expect_exact(">>> ", timeout=1)
    prompt.sendintr()
    prompt.expect_exact("KeyboardInterrupt")
    prompt.expect_exact(">>> ")
    prompt.send("print(len(command('ps')) > 5, kept)\r")
    prompt.expect_exact("True 5")
    prompt.expect_exact(">>> ")
    prompt.sendintr()
    prompt.expect_exact("KeyboardInterrupt")
    prompt.expect_exact(">>> ")
    prompt.send("read(8, 1)\r")
    prompt.expect_exact("FaultError: 0x8: not mapped")
    prompt.expect_exact(">>> ")
    prompt.sendeof()
    prompt.expect_exact(PROMPT)
    prompt.send("eval 40 + 2\r")
    prompt.expect_exact("42")
    prompt.expect_exact(PROMPT)


def test_console_is_edited(prompt):
    """Its lines are edited as the prompt's are, with a history of its own; the prompt's comes back."""
    prompt.send("eval 30 + 3\r")
    prompt.expect_exact(PROMPT)
    prompt.send("py\r")
    prompt.expect_exact(">>> ")
    prompt.send("first = 20\r")
    prompt.expect_exact(">>> ")
    prompt.send("\x1b[A + 22\x01# \x05\x01\x1b[3~\x1b[3~\r")   # up, more, home, "# ", end, home, both deleted
    prompt.expect_exact(">>> ")
    prompt.send("fir\t - 2\r")
    prompt.expect(r"\b40\b")
    prompt.expect_exact(">>> ")
    prompt.send("\x1b[A\x1b[A\x1b[A\x1b[A\x1b[A + 5; print('is', first)\r")   # not beyond its own first line
    prompt.expect_exact("is 25")
    prompt.expect_exact(">>> ")
    prompt.send("\x04")
    prompt.expect_exact(PROMPT)
    prompt.send("\x1b[A\x1b[A\r")
    prompt.expect_exact("eval 30 + 3")
    prompt.expect_exact("33")
    prompt.expect_exact(PROMPT)
    prompt.send("memb\t\r")                                        # TAB is the prompt's again
    prompt.expect_exact("memblock")
    prompt.expect_exact(PROMPT)
    prompt.send("py\r")
    prompt.expect_exact(">>> ")
    prompt.send("\x1b[A + 1\r")                                    # the console's own lines are still there
    prompt.expect_exact("print('is', first) + 1")


def test_hint_without_the_plugin():
    done = subprocess.run([INQUEST, *map(str, files(DUMPS[0])), "-c", "py 1"], capture_output=True, text=True, env=ENV, cwd="/")
    assert done.returncode == 1
    path = pathlib.Path(INQUEST).parent / "plugins/python.so"
    assert done.stderr == (f"py: no such command; it comes with the plugin python: plugin load {path}, "
                           "or start with --plugin\n")


# ---- against drgn ----------------------------------------------------------------------------------------------------

# Both sides evaluate the same text; drgn's names are bound to ours on our side.
FIFTY = """
int(prog["init_task"].pid)
int(prog["init_task"].prio)
int(prog["init_task"].static_prio)
int(prog["init_task"].tasks.next)
int(prog["init_task"].tasks.prev)
int(prog["init_task"].tasks.next.prev)
int(prog["init_task"].tasks.next.next.next)
int(prog["init_task"].mm)
int(prog["init_task"].active_mm)
int(prog["init_task"].active_mm.pgd)
int(prog["init_task"].stack)
int(prog["init_task"].flags)
int(prog["init_task"].se.exec_start)
int(prog["init_task"].se.load.weight)
int(prog["init_task"].comm[0])
int(prog["init_task"].comm[3])
[int(c) for c in prog["init_task"].comm]
len(prog["init_task"].comm)
int(prog["init_task"].real_parent)
int(prog["init_task"].real_parent.pid)
int(prog["init_task"].nsproxy.uts_ns)
int(prog["init_task"].signal.nr_threads)
int(prog["init_task"].thread_pid)
int(prog["init_task"].cred.uid.val)
int(prog["init_task"].cred.usage.counter)
int(prog["init_task"].files)
int(prog["init_task"].fs.umask)
bool(prog["init_task"].mm)
bool(prog["init_task"].active_mm)
int(prog["init_task"].cpus_ptr.bits[0])
int(prog["init_task"].policy)
int(prog["init_task"].sched_class)
int(prog["jiffies_64"])
int(prog["nr_threads"])
int(prog["max_pfn"])
int(prog["high_memory"])
int(prog["init_mm"].pgd)
int(prog["init_mm"].mm_users.counter)
int(prog["init_mm"].start_code)
int(prog["init_mm"].end_data)
int(prog["init_uts_ns"].name.sysname[0])
[int(c) for c in prog["init_uts_ns"].name.release][:12]
int(prog["init_task"].tasks.next) - int(prog["init_task"].tasks.prev)
int(prog["nr_cpu_ids"])
int(prog["init_task"].address_of_())
int(prog["init_task"].address_of_() + 1)
int(prog["init_task"].tasks.address_of_().next)
hasattr(prog["init_task"], "comm")
hasattr(prog["init_task"], "no_such_member")
prog["init_task"].comm.string_() if isinstance(prog["init_task"].comm.string_(), str) else \
prog["init_task"].comm.string_().decode()
""".replace("\\\n", "").strip().splitlines()
assert len(FIFTY) == 50

ASK = r"""
import json
def ask(line):
    try:
        return eval(line)
    except Exception as error:
        return type(error).__name__
print(json.dumps([ask(line) for line in %r]))
"""


def test_agrees_with_drgn(tmp_path):
    if not DRGN:
        pytest.skip("drgn is not installed (make peers): nobody to compare with")
    dump = "arm64-cloud-sysrq-c"
    path = tmp_path / "ask.py"
    path.write_text(ASK % FIFTY)
    vmlinux, core = files(dump)
    done = subprocess.run([DRGN, "-q", "-c", core, "-s", vmlinux, path], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    theirs, ours = json.loads(done.stdout), json.loads(run(dump, "--python", path).stdout)
    differ = [(line, a, b) for line, a, b in zip(FIFTY, theirs, ours) if a != b]
    assert not differ
    assert sum(isinstance(a, (int, list)) for a in theirs) >= 45
