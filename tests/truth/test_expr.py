"""The expression language against gdb: every expression of expr/table.txt, asked of both over the same memory."""

import importlib.machinery
import importlib.util
import json
import pathlib
import re
import shutil
import subprocess

import pytest
from truth_cores import CORES, INQUEST, Core

FOLDER = pathlib.Path(__file__).parent / "expr"
TABLE = FOLDER / "table.txt"

# Kernels of our own: no KASLR, so that gdb's addresses are the dump's.
NAMES = ["arm64-kasan-panic", "arm32-lpae-bug"]


def load_maker():
    loader = importlib.machinery.SourceFileLoader("make_expected", str(FOLDER / "make-expected"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("make_expected", loader))
    loader.exec_module(module)
    return module


maker = load_maker()


@pytest.fixture(scope="module", params=NAMES)
def both(request):
    """(the dump, gdb's answers)"""
    if not shutil.which("gdb-multiarch"):
        pytest.skip("gdb-multiarch is not installed: nobody to compare with")
    if not (CORES / request.param / "ram.raw").exists():
        pytest.skip(f"{request.param} is not made: make cores CORE={request.param}")
    core = Core(request.param)
    return core, maker.ask(core.path, TABLE)


ABSENT = re.compile("There is no member named|No symbol|No (struct|union|enum) type named")
# gdb's sizeof is an int on every machine; C forbids sizeof of a function.
UNSIZED = re.compile(r"sizeof|schedule")
TOKEN = re.compile(r'''"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|<[^>]*>|<repeats \d+ times>|-?0x[0-9a-f]+|-?\d+|[A-Za-z_]\w*|\S''')
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}


def unescape(text):
    return re.sub(r"\\(x[0-9a-f]{2}|[0-7]{3}|.)", lambda m: (
        chr(int(m[1][1:], 16)) if m[1][0] == "x" else chr(int(m[1], 8)) if len(m[1]) == 3 else ESCAPES[m[1]]), text)


def plain(text):
    """Our text as gdb's answer has it: numbers, texts, lists. Names of members, symbols behind pointers and
    characters behind numbers are left out; runs that were folded are unfolded."""
    text = re.sub(r"(\[(\d+)(?:\.\.(\d+))?\] = )", lambda m: f"@{int(m[3] or m[2]) - int(m[2]) + 1} ", text)
    text = re.sub(r"\.\w+ = |\bunion ", "", text)
    stack, times = [[]], [1]
    for token in TOKEN.findall(text):
        top = stack[-1]
        if token == "{":
            stack.append([])
            times.append(1)
        elif token == "}":
            inner = stack.pop()
            times.pop()
            stack[-1] += [inner] * times[-1]
            times[-1] = 1
        elif token in ("true", "false"):
            top.append(int(token == "true"))
        elif token.startswith('"'):
            if top and isinstance(top[-1], int) and len(stack) == 1:
                continue  # what a char pointer points to
            top.append(unescape(token[1:-1]).rstrip("\0"))
        elif repeats := re.fullmatch(r"<repeats (\d+) times>", token):
            top += [top[-1]] * (int(repeats[1]) - 1)
        elif re.fullmatch(r"-?(0x[0-9a-f]+|\d+)", token):
            if top and top[-1] == "@":
                top.pop()
                times[-1] = int(token)
            else:
                top.append(int(token, 0))
        elif token == "@":
            top.append("@")
        elif re.fullmatch(r"[A-Za-z_]\w*", token):
            top.append(token)
    return stack[0][0] if len(stack) == 1 and len(stack[0]) == 1 else text


def answers_to(core, commands):
    """The rows of each command; its complaint where it has none."""
    args = [INQUEST, "--json", core.path / "vmlinux", core.path / "vmcore.elf"]
    args += [part for command in commands for part in ("-c", command)]
    done = subprocess.run(args, capture_output=True, timeout=300)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(commands), done.stderr.decode(errors="replace")[-2000:]
    return [answer["rows"][0] if answer["rows"] else {"value": "<" + answer["faults"][0]["message"] + ">"}
            for answer in answers]


def ours(core, expressions):
    """expression -> (value, size), from one run."""
    rows = answers_to(core, [part for e in expressions for part in (f"p ({e})", f"p sizeof({e})")])
    return {e: (plain(rows[2 * i]["value"]), plain(rows[2 * i + 1]["value"])) for i, e in enumerate(expressions)}


def enumerator(value):
    return isinstance(value, str) and re.fullmatch(r"[A-Z][A-Z0-9_]+", value)


def test_agrees_with_gdb(both):
    core, gdb = both
    expressions = list(gdb)
    # Members that this kernel lacks are no question to either of us.
    absent = [e for e in expressions if ABSENT.search(gdb[e].get("error", ""))]
    asked = [e for e in expressions if e not in absent]
    failed = {e: gdb[e]["error"] for e in asked if "error" in gdb[e]}
    assert not failed, "gdb itself cannot say these"
    assert len(asked) >= 200, f"too few expressions: {len(asked)}; without {absent}"
    said = ours(core, asked)
    wrong = []
    for e in asked:
        value, size = said[e]
        want = gdb[e]["value"]
        # An enumerator's name is what we show for its number.
        if enumerator(value) and isinstance(want, int):
            value = plain(answers_to(core, [f"p (int)({e})"])[0]["value"])
        same_size = size == gdb[e]["size"] or UNSIZED.search(e) or size == "<sizeof of a bitfield>"
        if value != want or not same_size:
            wrong.append(f"{e}: {value!r} of {size} bytes; gdb: {want!r} of {gdb[e]['size']}")
    assert not wrong, f"{len(wrong)} of {len(asked)} differ:\n" + "\n".join(wrong)
