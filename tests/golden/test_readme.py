"""README's transcripts are what the program prints today about the dumps that they were taken from. Another making of a
dump has other addresses, pids and registers, so numbers stand for each other; and on which instruction QEMU stopped a
CPU is chance, so what lies above panic() in a trace is left out."""

import re
import subprocess

import pytest
from truth_cores import CORES, INQUEST, ROOT

# In the order of the README's transcripts.
DUMPS = ["arm64-cloud-softdog", "armmp-sysrq-c", "arm64-kasan-write-uaf", "arm64-kasan-null"]
CHANCE = re.compile(r"orig_x0|^ *\(?u\d+ |^ +(pc|sp|lr|x\d+|r\d+|ip|fp|psr|cpsr)[: ]|^SIGNATURE|^ +SIGNATURE|^ +COARSE")


def transcripts():
    """(dump, command, lines) of each prompt."""
    dumps, found, inside = iter(DUMPS), [], False
    for line in (ROOT / "README.md").read_text().splitlines():
        if line.startswith("    $ inquest vmlinux"):
            dump, inside = next(dumps), True
        elif not line.startswith("    "):
            inside = False
        elif inside and line.startswith("    > "):
            found.append((dump, line[6:], []))
        elif inside:
            found[-1][2].append(line[4:])
    return found


def masked(lines):
    lines = [re.sub(r"[0-9a-f]{8,16}\b", "#", line) for line in lines if not CHANCE.search(line)]
    lines = [" ".join(re.sub(r"0x[0-9a-f]+|\b\d+\b", "#", line).split()) for line in lines if line.strip()]
    ends = [i for i, line in enumerate(lines) if re.search(r"\] panic\+#|^panic\+#", line)]
    if ends and lines[0].startswith("PID"):  # a trace
        lines = lines[:1] + lines[ends[0]:]
    return lines


def test_all_are_known():
    assert len({dump for dump, _, _ in transcripts()}) == len(DUMPS)


@pytest.mark.parametrize("dump,command,lines", transcripts(), ids=lambda value: value if isinstance(value, str) else "")
def test_transcript(dump, command, lines):
    folder = CORES / dump
    run = subprocess.run([INQUEST, folder / "vmlinux", folder / "vmcore.elf", "-c", command], capture_output=True, text=True,
                         timeout=120)
    want, got = masked(lines), masked(run.stdout.splitlines())
    assert want
    for number, line in enumerate(want):
        assert number < len(got) and got[number] == line, (number, got[number:number + 1])
    assert len(got) == len(want)
