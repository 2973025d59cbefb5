"""A dump that lost more than its end, or whose bytes are wrong: triage judges what it can see, lists what it cannot, and is
never sure of what the whole dump does not say."""

import functools
import json
import mmap
import random
import re
import struct
import subprocess

import pytest
from truth_cores import Core, INQUEST
from verdicts import segments

FLIPS = 20000


def triage(vmlinux, dump, *options):
    """A banner with a wrong byte is another kernel's until --force says that it is not."""
    run = subprocess.run([INQUEST, "--json", *options, vmlinux, dump, "-ctriage"], capture_output=True, text=True,
                         timeout=120)
    if run.returncode == 3 and "--force" in run.stderr and not options:
        return triage(vmlinux, dump, "--force")
    assert run.returncode in (0, 1, 4), run.stderr[-500:]
    answer = json.loads(run.stdout)
    return (answer["rows"] or [None])[0], run


@functools.cache
def whole(path):
    return triage(path / "vmlinux", path / "vmcore.elf")[0]


def copy(core, to):
    subprocess.run(["cp", "--sparse=always", core.path / "vmcore.elf", to], check=True)
    return to.stat().st_size


def cut(file, size, percent):
    file.truncate(size * percent // 100)


def holes(file, size, seed):
    """Pages, and runs of them, that are zero."""
    chance = random.Random(seed)
    for _ in range(40):
        file.seek(chance.randrange(8192, size - (1 << 20)))
        file.write(bytes(chance.choice((4096, 65536, 1 << 20))))


def flips(file, size, seed):
    chance = random.Random(seed)
    for _ in range(FLIPS):
        file.seek(chance.randrange(8192, size - 1))
        file.write(bytes([chance.randrange(256)]))


def noise(file, size, seed):
    """One block of the file in a hundred is random bytes: a transfer or a decompressor went wrong."""
    chance = random.Random(seed)
    for _ in range(size // 4096 // 100):
        file.seek(chance.randrange(2, size // 4096) * 4096)
        file.write(chance.randbytes(4096))


def notes(file, size, seed):
    """The second half of the notes is random bytes."""
    file.seek(0)
    head = file.read(64)
    wide = head[4] == 2
    (at,) = struct.unpack_from("<Q", head, 32) if wide else struct.unpack_from("<I", head, 28)
    file.seek(at)
    row = struct.unpack("<IIQQQQ", file.read(40)) if wide else struct.unpack("<IIIII", file.read(20))
    kind, offset, filesz = row[0], row[2 if wide else 1], row[5 if wide else 4]
    if kind != 4:
        pytest.skip("the first segment is not the notes'")
    file.seek(offset + filesz // 2)
    file.write(random.Random(seed).randbytes(filesz - filesz // 2))


@pytest.mark.parametrize("damage,how", [(cut, 20), (cut, 40), (cut, 60), (cut, 80), (cut, 95), (holes, 0), (holes, 2),
                                        (holes, 5), (flips, 101), (flips, 103), (noise, 7),
                                        (noise, 8), (notes, 1)])
def test_verdict(core, tmp_path, damage, how):
    path = tmp_path / "vmcore"
    size = copy(core, path)
    with open(path, "r+b") as file:
        damage(file, size, how)
    said, run = triage(core.path / "vmlinux", path)
    path.unlink()
    right = whole(core.path)
    assert said, run.stderr[-500:]
    if said["class"] != right["class"]:
        assert said["confidence"] != "sure", (said["class"], said["title"])
    if right["class"] != "alive":
        assert said["class"] != "alive", "a machine that died"
    if damage is cut:
        assert said["ledger"] and run.returncode == 4
    if damage is notes:  # memory is whole
        assert said["class"] == right["class"] and said["ledger"]
    assert said["class"] in ("alive", "unknown") or said["statements"]
    for statement in said["statements"]:
        assert statement["text"] and statement["evidence"] and statement["confidence"]


@pytest.mark.parametrize("name,line", [("armmp-live", b"INFO: rcu_sched wrong"), ("arm32-kasan-live", b"Object already free")])
def test_users_words_are_no_report(tmp_path, name, line):
    """Whoever may write to /dev/kmsg can write what a report begins with; the record says that it is no kernel's."""
    core, path = Core(name), tmp_path / "vmcore"
    mark = b"inquest: stacks begin"  # the guest wrote it there
    assert any(row["text"] == mark.decode() and row["facility"] == 1 for row in core.rows("log"))
    copy(core, path)
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        at, found = memory.find(mark), 0
        while at >= 0:
            memory[at:at + len(mark)] = line.ljust(len(mark))
            at, found = memory.find(mark, at + 1), found + 1
    assert found
    said, run = triage(core.path / "vmlinux", path)
    assert (said["class"], said["suspects"]) == ("alive", []), run.stderr[-500:]


@pytest.mark.parametrize("name", ["arm32-lpae-live", "arm32-thumb2-live"])
def test_guard_of_all_stacks(tmp_path, name):
    """One wrong byte in the word that all functions check with: one finding, and not one for each task."""
    core, path = Core(name), tmp_path / "vmcore"
    (row,) = core.rows("vtop __stack_chk_guard")
    copy(core, path)
    pa = int(row["physical"], 16)
    (offset,) = [at + pa - start for start, at, n in segments(path) if start <= pa < start + n]
    with open(path, "r+b") as file:
        file.seek(offset)
        (byte,) = file.read(1)
        file.seek(offset)
        file.write(bytes([byte ^ 0x55]))
    said, run = triage(core.path / "vmlinux", path)
    assert (said["class"], said["confidence"], said["suspects"]) == ("stack-corruption", "likely", [])
    assert said["title"] == "the stack protector's own canary was written over"
    (text,) = [s["text"] for s in said["statements"] if s["topic"] == "canary"]
    tasks, held = re.search(r"of (\d+) tasks hold 0x([0-9a-f]+)", text).groups()
    assert int(tasks) > 10 and int(held, 16) & 0xff == byte
