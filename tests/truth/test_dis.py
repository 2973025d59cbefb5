"""dis chooses Thumb code by itself. No kernel here is a Thumb-2 one, so a copy of a vmlinux says of one function that
it is; its bytes are then what -T shows of them (against ARM's encodings: tests/unit/test_value.c)."""

import os
import struct
import subprocess

import pytest
from truth_cores import CORES, INQUEST, Core

NAME = "arm32-lpae-bug"
FUNCTION = b"schedule"


@pytest.fixture(scope="module")
def core():
    if not (CORES / NAME / "truth").is_dir():
        pytest.skip(f"{NAME} is not made: make cores CORE={NAME}")
    return Core(NAME)


def symbol_places(raw, name):
    """Offsets of st_value of the function's symbols in a 32-bit little-endian ELF file."""
    shoff, shentsize, shnum = struct.unpack_from("<I", raw, 32)[0], *struct.unpack_from("<HH", raw, 46)
    heads = [struct.unpack_from("<IIIIIIIIII", raw, shoff + shentsize * i) for i in range(shnum)]
    for head in heads:
        if head[1] != 2:  # SHT_SYMTAB
            continue
        strings = heads[head[6]][4]
        for at in range(head[4], head[4] + head[5], 16):
            text, _, _, info = struct.unpack_from("<IIIB", raw, at)
            if info & 15 == 2 and raw[strings + text:strings + text + len(name) + 1] == name + b"\0":
                yield at + 4


def disassembled(core, vmlinux, command, cache):
    done = subprocess.run([INQUEST, vmlinux, core.path / "vmcore.elf", "-c", command], capture_output=True,
                          env={**os.environ, "XDG_CACHE_HOME": str(cache)}, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    return [line.split(None, 2) for line in done.stdout.decode().splitlines()]


def test_thumb_by_the_symbol(core, tmp_path):
    raw = bytearray((core.path / "vmlinux").read_bytes())
    places = list(symbol_places(raw, FUNCTION))
    assert len(places) == 1
    for place in places:
        raw[place] |= 1
    (tmp_path / "vmlinux").write_bytes(raw)
    command = f"dis {FUNCTION.decode()}"
    cache = tmp_path / "cache"
    chosen = disassembled(core, tmp_path / "vmlinux", command, cache)
    again = disassembled(core, tmp_path / "vmlinux", command, cache)  # from the index of the first run
    theirs = core.path / "vmlinux"
    thumb, arm = (disassembled(core, theirs, f"dis -{letter} {FUNCTION.decode()}", tmp_path / "other")
                  for letter in "TA")
    plain = disassembled(core, theirs, command, tmp_path / "other")
    assert chosen == again == thumb and plain == arm and thumb != arm
    steps = {int(b[0], 16) - int(a[0], 16) for a, b in zip(chosen, chosen[1:])}
    assert steps == {2, 4} and {int(b[0], 16) - int(a[0], 16) for a, b in zip(arm, arm[1:])} == {4}
    # An odd address is a pointer to Thumb code; -A has the last word.
    odd = int(arm[0][0], 16) | 1
    assert [row[0] for row in disassembled(core, theirs, f"dis {odd:#x} 3", tmp_path / "other")] == \
        [row[0] for row in thumb[:3]]
    assert disassembled(core, theirs, f"dis -A {odd:#x} 3", tmp_path / "other") == arm[:3]
    # Other functions stay ARM code.
    assert disassembled(core, tmp_path / "vmlinux", "dis panic 4", cache) == \
        disassembled(core, theirs, "dis panic 4", tmp_path / "other")
