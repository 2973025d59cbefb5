"""Where ARM32 functions have put their callers' registers, instruction by instruction, against the call frame
information that the compiler wrote of the same code, as readelf reads it: of kernels, and of this program's own files
compiled for Thumb, which no kernel of the corpus is."""

import pathlib
import re
import shutil
import subprocess

import pytest
from truth_cores import CORES, INQUEST, ROOT, chosen_set, share

TOLD = pathlib.Path(INQUEST).resolve().parent / "tests/unit/test_code_flow"
# Short and long descriptors, frame pointers, a distribution's kernel with calls of the function tracer.
NAMES = ["arm32-kasan-panic", "arm32-lpae-bug", "arm32-fp-2g-panic", "armmp-sysrq-c"]
# Where the compiler is wrong. gcc 12 says sp + 4 behind `ldm sp, {fp, sp, lr}` of a function that saves nothing else, where
# sp is the caller's; it does not look into the assembler of emulate_generic_r0_12_noflags() and its like, which pushes,
# nor at the `push {lr}` in front of a call of the tracer (arch_call_rest_init()).
SKIPPED = {"arm32-fp-2g-panic": {0x80250f28}, "armmp-sysrq-c": {0xc0d3bb3c, 0xc0d3bb70, 0xc0d3bbb8, 0xc1200be4}}
ENTRY = re.compile(r"^[0-9a-f]+ [0-9a-f]+ [0-9a-f]+ FDE .*pc=([0-9a-f]+)\.\.([0-9a-f]+)$")
SAVED = [*range(4, 12), 14]
NUMBER = {"ra": 14, "sp": 13, "pc": 15}


def number(register):
    return NUMBER[register] if register in NUMBER else int(register[1:])


def functions_of_readelf(path):
    """[(start, end, [(address, CFA register, offset, {register: rule})])]"""
    done = subprocess.Popen(["readelf", "-wF", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    functions, columns, rows = [], None, None
    for line in done.stdout:
        words = line.split()
        if match := ENTRY.match(line.strip()):
            start, end = int(match[1], 16), int(match[2], 16)
            rows, columns = ([], None) if start else (None, None)
            if rows is not None:
                functions.append((start, end, rows))
        elif words[:2] == ["LOC", "CFA"]:
            columns = [number(w) for w in words[2:]]
        elif len(words) >= 2 and rows is not None and columns is not None:
            base, offset = re.fullmatch(r"(\w+?)([+-]\d+)", words[1]).groups()
            rules = {r: rule for r, rule in zip(columns, words[2:]) if rule != "u"}
            if functions[-1][0] <= int(words[0], 16) < functions[-1][1]:  # else a CIE's own row
                rows.append((int(words[0], 16), number(base), int(offset), rules))
        elif not words:
            columns = None
    assert done.wait() == 0
    return [f for f in functions if f[2]]


def starts_of(path):
    """Addresses of the functions' symbols."""
    names = subprocess.run(["nm", path], capture_output=True, text=True, check=True).stdout.splitlines()
    return {int(line[:8], 16) & ~1 for line in names if re.match(r"[0-9a-f]{8} [tTwW] [^$]", line)}


def ask(path, questions):
    """address -> (how far sp is down, {register: where}), None where nothing is told"""
    text = "\n".join(f"{start:x} {end:x} {pc:x} {thumb:d}" for start, end, pc, thumb in questions)
    done = subprocess.run([TOLD, path], input=text, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    answers = {}
    for line in done.stdout.splitlines():
        pc, down, *places = line.split()
        answers[int(pc, 16)] = None if down == "nothing" else (
            int(down), {int(r): where for r, where in (place.split("=") for place in places)})
    return answers


def differences(pc, row, answer):
    """What the two do not agree about. A register that is saved but not overwritten yet is in both places."""
    _, base, offset, rules = row
    down, places = answer
    if base == 13 and down != offset:
        yield f"{pc:x}: sp + {down}, readelf: sp + {offset}"
    for r in SAVED:
        want, have = rules.get(r), places.get(r)
        if have and have[0] == "c" and have != want:
            yield f"{pc:x}: r{r} {have}, readelf: {want}"


def compare(path, thumb, floor, skipped=()):
    starts = starts_of(path)
    functions = [f for f in functions_of_readelf(path) if f[0] in starts]
    questions, rows = [], {}
    for start, end, table in functions:
        for row, behind in zip(table, [row[0] for row in table[1:]] + [end]):
            # The row's first instruction, and one in its midst: Thumb's may have 2 bytes or 4.
            places = {row[0]} if thumb else {row[0], row[0] + (behind - row[0]) // 8 * 4}
            for pc in places - set(skipped):
                questions.append((start, end, pc, thumb))
                rows[pc] = row
    answers = ask(path, questions)
    told = {pc: answer for pc, answer in answers.items() if answer}
    wrong = [text for pc, answer in told.items() for text in differences(pc, rows[pc], answer)]
    saved = [(places.get(r), r, pc) for pc, (_, places) in told.items() for r in SAVED if r in rows[pc][3]]
    lost = [f"{pc:x}: r{r}" for have, r, pc in saved if have == "lost"]
    on_stack = sum(have is not None and have[0] == "c" for have, _, _ in saved)
    print(f"{len(functions)} functions, {len(rows)} places, {len(told)} told, {len(saved)} registers are saved, "
          f"{on_stack} told from the stack, {len(lost)} lost")
    assert not wrong, f"{len(wrong)} of {len(told)} differ:\n" + "\n".join(wrong[:20])
    share(len(told), len(rows), floor, "places told (not those behind a table of jumps)")
    share(len(saved) - len(lost), len(saved), 0.999, "saved registers: " + " ".join(lost[:10]))
    # Else everything would pass that knows nothing of the stack.
    share(on_stack, len(saved), 0.4, "registers from the stack")
    return len(functions)


def have_oracle():
    if not TOLD.exists():
        pytest.skip("the unit tests are not built: make check-unit")
    if not shutil.which("readelf"):
        pytest.skip("readelf is not installed: nobody to compare with")


@pytest.mark.parametrize("name", [n for n in NAMES if n in chosen_set() or (CORES / n / "vmlinux").exists()])
def test_kernels(name):
    have_oracle()
    path = CORES / name / "vmlinux"
    assert compare(path, False, 0.97, SKIPPED.get(name, ())) > 5000, "the oracle is short"


@pytest.mark.parametrize("options", ["-mthumb -O2", "-mthumb -Os", "-mthumb -O2 -fno-omit-frame-pointer", "-marm -O2",
                                     "-marm -Os -fno-omit-frame-pointer"])
def test_our_own_code(options, tmp_path):
    have_oracle()
    compiler = shutil.which("arm-linux-gnueabihf-gcc")
    if not compiler:
        pytest.skip("no compiler for ARM32: nobody to compare with")
    sources = [f for d in ("analyzer/base", "analyzer/out", "arch/arm") for f in sorted((ROOT / d).glob("*.c"))]
    objects = []
    for i, source in enumerate(sources):
        object_file = tmp_path / f"{i}.o"
        done = subprocess.run([compiler, *options.split(), "-fPIC", "-g", "-fno-asynchronous-unwind-tables", "-D_GNU_SOURCE",
                               "-std=gnu11", "-w", f"-I{ROOT}", "-c", source, "-o", object_file], capture_output=True)
        objects += [object_file] * (done.returncode == 0)  # some want libraries' headers
    assert len(objects) > 25, "hardly anything was compiled"
    path = tmp_path / "code.so"
    subprocess.run([compiler, "-shared", "-nostdlib", "-o", path, *objects], check=True)
    assert compare(path, "-mthumb" in options, 0.9) > 150, "the oracle is short"
