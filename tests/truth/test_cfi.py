"""Call frame information against readelf: every row that it decodes of a kernel's .debug_frame, asked of ours
through the unit test's program."""

import pathlib
import re
import shutil
import subprocess

import pytest
from truth_cores import CORES, INQUEST, chosen_set

ROWS = pathlib.Path(INQUEST).resolve().parent / "tests/unit/test_cfi"
# Both architectures, both compilers' habits (arm32-fp uses frame pointers), a distribution's and our own.
NAMES = ["arm64-kasan-panic", "arm32-lpae-bug", "arm32-fp-2g-panic", "armmp-sysrq-c", "arm64-cloud-sysrq-c"]
ENTRY = re.compile(r"^[0-9a-f]+ [0-9a-f]+ [0-9a-f]+ FDE .*pc=([0-9a-f]+)\.\.([0-9a-f]+)$")


def number(register, arm64):
    if register == "ra":
        return 30 if arm64 else 14
    if register == "sp":
        return 31
    return int(register[1:])


def rows_of_readelf(path, arm64):
    """address -> (CFA, {register: rule}), of every row of every entry; entries of dropped sections left out"""
    done = subprocess.Popen(["readelf", "-wF", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    rows, columns, bounds, entries = {}, None, None, 0
    for line in done.stdout:
        words = line.split()
        if match := ENTRY.match(line.strip()):
            bounds = (int(match[1], 16), int(match[2], 16))
            entries += bounds[0] != 0
            columns = None
        elif words[:2] == ["LOC", "CFA"]:
            columns = [number(w, arm64) for w in words[2:]]
        elif len(words) >= 2 and bounds and bounds[0] and columns is not None:
            va = int(words[0], 16)
            base, offset = re.fullmatch(r"(\w+?)([+-]\d+)", words[1]).groups()
            rules = {r: rule for r, rule in zip(columns, words[2:]) if rule != "u"}
            if bounds[0] <= va < bounds[1]:
                rows[va] = (f"{number(base, arm64)}{int(offset):+d}", rules)
        elif not words:
            columns = None
    assert done.wait() == 0
    return rows, entries


def rows_of_ours(path, arm64, addresses):
    text = "\n".join(f"{va:x}" for va in addresses)
    done = subprocess.run([ROWS, path, "8" if arm64 else "4"], input=text, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    rows = {}
    for line in done.stdout.splitlines():
        va, cfa, *rules = line.split()
        rows[int(va, 16)] = (cfa, {int(r): rule for r, rule in (rule.split("=") for rule in rules)})
    return rows


@pytest.mark.parametrize("name", [n for n in NAMES if n in chosen_set() or (CORES / n / "vmlinux").exists()])
def test_rows_are_readelfs(name):
    if not ROWS.exists():
        pytest.skip("the unit tests are not built: make check-unit")
    if not shutil.which("readelf"):
        pytest.skip("readelf is not installed: nobody to compare with")
    path, arm64 = CORES / name / "vmlinux", name.startswith("arm64")
    theirs, entries = rows_of_readelf(path, arm64)
    assert entries > 5000 and len(theirs) > 2 * entries, f"the oracle is short: {entries} entries, {len(theirs)} rows"
    ours = rows_of_ours(path, arm64, theirs)
    wrong = [f"{va:x}: {ours.get(va)}, readelf: {row}" for va, row in theirs.items() if ours.get(va) != row]
    assert not wrong, f"{len(wrong)} of {len(theirs)} differ:\n" + "\n".join(wrong[:20])
