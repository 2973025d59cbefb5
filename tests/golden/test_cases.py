"""Commands and their whole output. A case is a file in cases/: a line `$ inquest ARGUMENTS`, then lines
of what is expected: `> ` before standard output, `! ` before standard error, `= STATUS` last. Lines with `< `
are given to it on standard input.
$ELF and $VMLINUX are a small dump's files, $TMP has the files that `bad_files` makes. A line `> ...`
stands for any number of lines. Names that begin with err- must fail, with one line on standard error."""

import gzip
import os
import pathlib
import re
import shlex
import subprocess

import pytest
from truth_cores import CORES, INQUEST

CASES = pathlib.Path(__file__).parent / "cases"
SMALL = CORES / "arm32-lpae-bug"


@pytest.fixture(scope="session")
def tmp(tmp_path_factory):
    """Files that are no good, each in its own way."""
    tmp = tmp_path_factory.mktemp("bad")
    (tmp / "text").write_text("just some words\n")
    (tmp / "empty").write_bytes(b"")
    (tmp / "random").write_bytes(bytes((i * 197 + 13) & 0xff for i in range(70000)))
    (tmp / "x86").symlink_to("/bin/true")
    elf = (SMALL / "vmcore.elf").read_bytes()
    kdump = (SMALL / "vmcore.kdump").read_bytes()
    (tmp / "elf-cut-20").write_bytes(elf[:20])
    (tmp / "elf-cut-60").write_bytes(elf[:60])
    (tmp / "elf-half").write_bytes(elf[:len(elf) // 2])
    (tmp / "kdump-cut-5000").write_bytes(kdump[:5000])
    (tmp / "script").write_text("# a comment\nhelp quit\nnonsense\n")
    return tmp


def expand(text, tmp):
    values = {"TMP": tmp, "ELF": SMALL / "vmcore.elf", "VMLINUX": SMALL / "vmlinux",
              "OTHER": CORES / "arm64-kasan-null/vmcore.elf",
              "OTHER_VMLINUX": CORES / "arm64-kasan-null/vmlinux"}
    return re.sub(r"\$([A-Z_]+)", lambda m: str(values[m[1]]), text)


def matches(expected, got):
    """Whether the lines match, `...` for any number of lines and `…` for any text in one."""
    parts = []
    for line in expected:
        if line == "...":
            parts.append(r"(?:[^\n]*\n)*")
        else:
            parts.append("[^\n]*".join(re.escape(p) for p in line.split("…")) + "\n")
    return re.fullmatch("".join(parts), got)


@pytest.mark.parametrize("case", sorted(p.name for p in CASES.iterdir()))
def test_case(case, tmp):
    lines = expand((CASES / case).read_text(), tmp).splitlines()
    command = shlex.split(lines[0].removeprefix("$ inquest"))
    want_out = [line[2:] for line in lines if line[:2] == "> " or line == ">"]
    want_err = [line[2:] for line in lines if line.startswith("! ")]
    given = "".join(line[2:] + "\n" for line in lines if line.startswith("< "))
    status = int(lines[-1].removeprefix("= "))
    env = dict(os.environ, NO_COLOR="1", HOME=str(tmp), XDG_STATE_HOME=str(tmp))
    done = subprocess.run([INQUEST, *command], capture_output=True, text=True, timeout=120, env=env,
                          input=given)
    assert matches(want_err, done.stderr), f"standard error:\n{done.stderr}"
    assert matches(want_out, done.stdout), f"standard output:\n{done.stdout}"
    assert done.returncode == status
    if case.startswith("err-"):
        assert status != 0
        assert len(want_err) == 1 or "^" in done.stderr
