"""With the index cache as without it: all symbols, all type names, stacks, source lines and type layouts are
the same when the cache is absent, just built, full, damaged, of another vmlinux, or written by several at
once. A DWARF unit that is damaged costs its own types and no others."""

import os
import pathlib
import random
import shutil
import struct
import subprocess

import pytest
from truth_cores import Core, INQUEST, chosen_set

COMMANDS = ["sym -l", "sym schedule", "bt -a", "sys", "ps", "mod", "source -l schedule", "whatis -m next",
            "struct -o task_struct", "struct -o page", "whatis struct usb_device", "whatis no_such_type",
            "list -h"]


def kernels():
    """One dump for each different vmlinux that is there."""
    chosen = {}
    for name in chosen_set():
        path = Core(name).path / "vmlinux"
        if path.exists():
            stat = path.stat()
            chosen.setdefault((stat.st_size, stat.st_mtime_ns), name)
    return list(chosen.values())


@pytest.fixture(params=kernels())
def core(request):
    return Core(request.param)


class Runner:
    def __init__(self, core, home, vmlinux=None):
        self.core, self.home = core, home
        self.vmlinux = vmlinux or core.path / "vmlinux"

    def start(self, *commands, cache=True):
        args = [INQUEST, "--json", self.vmlinux, self.core.path / "vmcore.elf"]
        args += [] if cache else ["--no-cache"]
        for command in commands:
            args += ["-c", command]
        env = dict(os.environ, XDG_CACHE_HOME=str(self.home))
        env.pop("INQUEST_CACHE_MB", None)
        return subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)

    def answers(self, *commands, cache=True):
        out, err = self.start(*commands, cache=cache).communicate(timeout=300)
        assert out, err.decode(errors="replace")[-500:]
        return out

    def state(self):
        return self.answers("sys -d").decode()

    def file(self):
        (path,) = (self.home / "inquest").glob("*.index")
        return path


@pytest.fixture
def runner(core, tmp_path):
    return Runner(core, tmp_path)


def test_cached_is_uncached(runner):
    plain = runner.answers(*COMMANDS, cache=False)
    assert len(plain) > 1_000_000  # all symbols
    assert not list(runner.home.iterdir())
    for when in ("absent", "just built", "once more"):
        assert runner.answers(*COMMANDS) == plain, when
    assert '"used"' in runner.state()


def test_each_question_alone_then_all(runner):
    """Each run extends the part that the cache has; no answer depends on what was asked before."""
    short = [c for c in COMMANDS if c != "sym -l"]
    alone = {c: runner.answers(c, cache=False) for c in short}
    for command in random.sample(short, len(short)):
        assert runner.answers(command) == alone[command], command
    for command in short:
        assert runner.answers(command) == alone[command], command


def test_damaged_anywhere(runner):
    short = ["sym schedule", "bt", "struct -o task_struct"]
    plain = runner.answers(*short, cache=False)
    runner.answers(*short)
    whole = runner.file().read_bytes()
    for _ in range(12):
        bad = bytearray(whole)
        for _ in range(random.choice((1, 50))):
            bad[random.randrange(len(bad))] ^= random.randrange(1, 256)
        runner.file().write_bytes(bad[: random.choice((len(bad), random.randrange(len(bad))))])
        assert runner.answers(*short) == plain
        assert runner.answers(*short) == plain
        assert '"used"' in runner.state()


def test_another_vmlinux(core, tmp_path):
    """The same build-id, another time of change: what the file there says is not believed."""
    vmlinux = tmp_path / "vmlinux"
    vmlinux.symlink_to(core.path / "vmlinux")
    runner = Runner(core, tmp_path / "home", vmlinux)
    plain = runner.answers("sym schedule")
    assert '"used"' in runner.state()
    vmlinux.unlink()
    shutil.copyfile(core.path / "vmlinux", vmlinux)
    assert "the vmlinux has changed since" in runner.state()
    assert '"used"' in runner.state()
    assert runner.answers("sym schedule") == plain


def test_many_at_once(runner):
    short = ["sym schedule", "bt", "struct -o task_struct"]
    plain = runner.answers(*short, cache=False)
    for _ in range(3):
        shutil.rmtree(runner.home / "inquest", ignore_errors=True)
        for child in [runner.start(*short) for _ in range(6)]:
            out, err = child.communicate(timeout=300)
            assert out == plain, err.decode(errors="replace")
        assert '"used"' in runner.state()
        assert [p.suffix for p in (runner.home / "inquest").iterdir()] == [".index"]


def units(vmlinux):
    """(offset in the file, length) of each unit of .debug_info."""
    text = subprocess.run(["readelf", "-SW", vmlinux], capture_output=True, text=True).stdout
    for line in text.splitlines():
        words = line.replace("[ ", "[").split()
        if len(words) > 5 and words[1] == ".debug_info":
            start, size = int(words[4], 16), int(words[5], 16)
    found, at = [], start
    with open(vmlinux, "rb") as f:
        while at < start + size:
            f.seek(at)
            (length,) = struct.unpack("<I", f.read(4))
            found.append((at, length))
            at += 4 + length
    return found


@pytest.mark.parametrize("damage", ["version", "body"])
def test_damaged_unit(core, tmp_path, damage):
    source = core.path / "vmlinux"
    if source.stat().st_size > 100_000_000:
        pytest.skip("one small kernel is enough")
    vmlinux = tmp_path / "vmlinux"
    shutil.copyfile(source, vmlinux)
    all_units = units(vmlinux)
    at, length = all_units[len(all_units) // 2]
    with open(vmlinux, "r+b") as f:
        if damage == "version":
            f.seek(at + 4)
            f.write(b"\xff\x7f")
        else:
            f.seek(at + 40)
            f.write(random.Random(1).randbytes(length - 36))
    # a type of the last units, behind the damage
    wanted = ["struct -o task_struct", "struct -o klist_node", "sys"]
    plain = Runner(core, tmp_path / "a").answers(*wanted, cache=False).replace(
        str(source).encode(), b"")
    damaged = Runner(core, tmp_path / "b", vmlinux)
    for _ in range(2):
        assert damaged.answers(*wanted).replace(str(vmlinux).encode(), b"") == plain


def test_nobodys_folder(core):
    """No folder, or one that cannot be written: the answers are the same, and nothing is said of it."""
    for home in ("/dev/null", "/proc", "/nonexistent/at/all"):
        runner = Runner(core, pathlib.Path(home))
        child = runner.start("sym schedule")
        out, err = child.communicate(timeout=60)
        assert child.returncode == 0 and out and not err
