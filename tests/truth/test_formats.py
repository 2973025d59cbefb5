"""One small dump of each architecture in every format: the bytes are the machine's, the answers the same,
and libkdumpfile, where it is installed and can read the file, agrees page by page."""

import ctypes
import ctypes.util
import json
import os
import random
import shutil
import subprocess
import sys

import pytest
from truth_cores import CORES, INQUEST, ROOT, Core

sys.path.insert(0, str(ROOT / "tests/cores/lib"))
import convert  # noqa: E402

BASE = 0x40000000
CODECS = ["zlib", "lzo", "snappy", "zstd", "plain"]
SHAPES = [f"kdump-{codec}" for codec in CODECS] + [
    "elf", "flattened", "split", "raw", "padded", "lime", "avml", "gz", "xz", "zst",
    "qualcomm-load.cmm", "qualcomm-dump_info.txt", "qualcomm-names", "kdump-64k-blocks"]
# What needs no registers of the dump's notes.
COMMANDS = [
    "log", "ps", "ps -l", "sym linux_banner", "sym init_task", "sym -l", "p jiffies_64", "p linux_banner",
    "p init_task.comm", "p nr_cpu_ids", "p init_task.tasks", "p &init_task", "p init_uts_ns.name", "p tk_core",
    "vtop linux_banner", "vtop init_task", "vtop jiffies_64", "rd linux_banner 40", "rd -8 init_task 64",
    "rd -p 40008000 64", "rd -p -8 47fff000 4096", "rd -p 40000000 8", "rd -p 3ffffff0 8", "rd -p 48000000 8",
    "rd -a linux_banner 64", "rd 0 4", "struct task_struct init_task", "struct list_head -o", "struct page",
    "list -h init_task.tasks", "list modules", "tree -t rb vmap_area_root", "percpu runqueues", "percpu irq_stat",
    "whatis task_struct", "sizeof task_struct", "dis schedule", "hexdump linux_banner 128", "eval 1+1",
    "printf \"%s\" linux_banner", "p sizeof(struct page)", "dump"]


@pytest.fixture(scope="module", params=["arm32-lpae-bug", "arm64-kasan-null"])
def core(request):
    core = Core(request.param)
    if not core.path.is_dir():
        pytest.fail(f"{core.path} is missing: make cores")
    return core


@pytest.fixture(scope="module")
def machine(core):
    return convert.Machine(core.path / "vmcore.elf", core.path / "ram.raw", BASE)


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """Unpacked files go where they vanish with the test."""
    before = os.environ.get("XDG_CACHE_HOME")
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))
    yield
    if before is None:
        del os.environ["XDG_CACHE_HOME"]
    else:
        os.environ["XDG_CACHE_HOME"] = before


@pytest.fixture
def tmp_path(tmp_path):
    """The dumps are large, and pytest keeps folders."""
    yield tmp_path
    shutil.rmtree(tmp_path)


def make(machine, shape, folder):
    """The words of the command line that name the dump."""
    path = folder / "vmcore"
    if shape == "kdump-64k-blocks":
        convert.write_kdump(machine, path, "zlib", block=65536)
    elif shape.startswith("kdump-"):
        convert.write_kdump(machine, path, shape[6:])
    elif shape == "elf":
        convert.write_elf(machine, path)
    elif shape == "flattened":
        convert.write_flattened(convert.kdump_bytes(machine, "zlib"), path)
    elif shape == "split":
        paths = [folder / f"part{i}" for i in range(3)]
        convert.write_split(machine, paths, "lzo")
        return [paths[1], paths[2], paths[0]]
    elif shape == "raw":
        convert.write_raw(machine, path)
        return ["--ram", f"{path}@{BASE:x}"]
    elif shape == "padded":
        convert.write_padded(machine, path)
        return ["--ram", f"{path}@0"]
    elif shape == "lime":
        convert.write_lime(machine, path)
    elif shape == "avml":
        convert.write_avml(machine, path)
    elif shape in ("gz", "xz", "zst"):
        convert.write_lime(machine, path)
        tool = {"gz": ["gzip", "-1"], "xz": ["xz", "-0"], "zst": ["zstd", "-q", "-1", "--rm"]}[shape]
        subprocess.run(tool + [path], check=True)
        return [f"{path}.{shape}"]
    else:
        convert.write_qualcomm(machine, folder, shape[9:])
        return [folder]
    return [path]


def run(core, words, commands, json_form=True, vmlinux=True):
    args = [INQUEST] + (["--json"] if json_form else []) + ([core.path / "vmlinux"] if vmlinux else []) + words
    for command in commands:
        args += ["-c", command]
    return subprocess.run(args, capture_output=True, timeout=300)


def dumped(core, words, folder):
    """All physical memory, as the program reads it."""
    out = folder / "all"
    done = run(core, words, [f"rd -p -64 -r {out} {BASE:x} 0x1000000"])
    assert done.returncode == 0, done.stderr.decode()
    content = out.read_bytes()
    out.unlink()
    return content


@pytest.mark.parametrize("shape", SHAPES)
def test_same_bytes(core, machine, shape, tmp_path):
    words = make(machine, shape, tmp_path)
    assert dumped(core, words, tmp_path) == machine.ram


@pytest.mark.parametrize("shape", ["avml", "kdump-zlib"])
def test_small_cache(core, machine, shape, tmp_path):
    """A cache that is emptied over and over changes nothing; one that is no number is refused."""
    words = make(machine, shape, tmp_path)
    assert dumped(core, ["--cache-size", "1"] + words, tmp_path) == machine.ram
    for bad in ("0", "x", "-1", ""):
        assert run(core, ["--cache-size", bad] + words, ["sys"]).returncode == 2
    for bad in ("x", "@40000000", f"{words[0]}@", f"{words[0]}@g"):
        assert run(core, ["--ram", bad], ["sys"]).returncode == 2


def answers(core, words):
    done = run(core, words, COMMANDS)
    lines = done.stdout.decode().splitlines()
    assert len(lines) == len(COMMANDS), done.stderr.decode()[-2000:]
    return lines


@pytest.fixture(scope="module")
def reference(core):
    lines = answers(core, [core.path / "vmcore.elf"])
    good = [command for command, line in zip(COMMANDS, lines) if json.loads(line)["rows"]]
    assert len(good) >= len(COMMANDS) - 8, "too few commands say anything"
    return lines


@pytest.mark.parametrize("wiped", [False, True], ids=["noted", "no-notes"])
@pytest.mark.parametrize("shape", SHAPES)
def test_same_answers(core, machine, reference, shape, wiped, tmp_path):
    words = make(machine.without_notes() if wiped else machine, shape, tmp_path)
    for command, want, got in zip(COMMANDS, reference, answers(core, words)):
        if shape == "padded" and command in ("dump", "rd -p 3ffffff0 8"):
            continue  # what is no RAM is zeroes there
        assert got == want, command


@pytest.mark.parametrize("form", [["-f", "elf"]] + [["-z", codec] for codec in CODECS[:4]], ids=lambda form: form[1])
@pytest.mark.parametrize("source", ["elf", "avml", "excluded"])
def test_convert(core, machine, source, form, tmp_path):
    """Ours to ours: the bytes, the notes, and which pages are not there and why."""
    gone = list(machine.pfns)[5000:9000:3] + list(machine.pfns)[-70:]
    if source == "excluded":
        convert.write_kdump(machine, tmp_path / "vmcore", "zlib", excluded=gone)
        words = [tmp_path / "vmcore"]
    else:
        words = make(machine, source, tmp_path)
    out = tmp_path / "out"
    done = run(core, words, [f"dump convert {' '.join(form)} {out}"])
    assert done.returncode == 0, done.stderr.decode()
    (row,) = json.loads(done.stdout)["rows"]
    assert row["bytes"] == out.stat().st_size and not row["lost"]
    assert row["memory"] == len(machine.ram) - (len(gone) * 4096 if source == "excluded" else 0)
    if source != "excluded":
        assert dumped(core, [out], tmp_path) == machine.ram
    else:
        probes = random.Random(1).sample(list(machine.pfns), 40) + gone[::100]
        commands = [f"rd -p -8 {pfn * 4096 + 40:x} 64" for pfn in probes]
        assert run(core, [out], commands).stdout == run(core, words, commands).stdout
        assert b'"excluded"' in run(core, [out], commands).stdout
    if source == "elf":  # the notes went along
        assert run(core, [out], ["bt -a"]).stdout == run(core, words, ["bt -a"]).stdout
    before = out.read_bytes()
    assert run(core, words, [f"dump convert {out}"]).returncode == 1
    assert out.read_bytes() == before
    assert run(core, words, [f"dump convert -F -z {'lzo' if form[1] == 'zstd' else 'zstd'} {out}"]).returncode == 0
    assert out.read_bytes() != before
    assert not list(tmp_path.glob("*.part-*"))


def test_convert_fails_cleanly(core, tmp_path):
    """A full disk leaves nothing behind."""
    out = tmp_path / "out"
    done = subprocess.run(["bash", "-c", 'ulimit -f 1000; trap "" XFSZ; exec "$@"', "bash", INQUEST,
                           core.path / "vmlinux", core.path / "vmcore.elf", "-c", f"dump convert {out}"],
                          capture_output=True)
    assert done.returncode == 1
    assert b"out" in done.stderr
    assert not list(tmp_path.iterdir())


def test_readelf(core, machine, tmp_path):
    out = tmp_path / "out"
    assert run(core, [core.path / "vmcore.kdump"], [f"dump convert -f elf {out}"]).returncode == 0
    text = subprocess.run(["readelf", "-hlnW", out], capture_output=True, check=True)
    assert not text.stderr
    assert b"CORE (Core file)" in text.stdout and b"NT_PRSTATUS" in text.stdout
    assert f"0x{BASE:0{16 if machine.bits == 64 else 8}x}".encode() in text.stdout


def test_missing_part(core, machine, tmp_path):
    """A split dump without its middle: its range is said, its pages are cut, the status is 4."""
    paths = [tmp_path / f"part{i}" for i in range(3)]
    convert.write_split(machine, paths, "zlib")
    middle = machine.pfns.start + len(machine.pfns) // 3 + 100
    words = [paths[2], paths[0]]
    done = run(core, words, [f"rd -p {middle * 4096:x} 4"], json_form=False)
    assert b"the part of the dump from 0x42aaa000 to 0x45554fff is missing" in done.stderr
    assert b"<" in done.stdout
    (answer,) = [json.loads(run(core, words, [f"rd -p {middle * 4096:x} 4"]).stdout)]
    assert answer["rows"][0]["data"]["fault"] == "cut"
    done = run(core, words, [f"rd -p -8 {BASE:x} 16"])
    assert done.returncode == 4
    assert run(core, [paths[0], paths[0], paths[1], paths[2]], [f"rd -p {BASE:x} 4"]).returncode == 0


def test_fault_words(core, machine, tmp_path):
    """Excluded, beyond and cut are the same words wherever they come from."""
    words = {}
    pfn = machine.pfns.start + 6000
    convert.write_kdump(machine, tmp_path / "k", "zlib", excluded=[pfn])
    run(core, [tmp_path / "k"], [f"dump convert -f elf {tmp_path / 'e'}"])
    for name in "ke":
        answer = json.loads(run(core, [tmp_path / name], [f"rd -p {pfn * 4096:x} 2"]).stdout)
        words[name] = answer["rows"][0]["data"]["fault"]
    assert words == {"k": "excluded", "e": "excluded"}
    # no page of zeroes: a kdump file has only one, and that early
    last = 4096 * max(pfn for pfn in machine.pfns if machine.page(pfn).strip(b"\0"))
    for shape in ("elf", "lime", "kdump-zlib"):  # AVML's lost blocks leave no trace
        folder = tmp_path / shape
        folder.mkdir()
        (path,) = make(machine, shape, folder)
        gone = len(machine.ram) - (last - BASE) if shape in ("elf", "lime") else 100
        os.truncate(path, path.stat().st_size - gone)
        answer = run(core, [path], [f"rd -p {last:x} 2", f"rd -p {BASE + len(machine.ram):x} 2"])
        cut, beyond = [json.loads(line)["rows"][0]["data"]["fault"] for line in answer.stdout.splitlines()]
        assert (shape, cut, beyond) == (shape, "cut", "beyond")


# ---- libkdumpfile


class Kdumpfile:
    """The library through its C face; a page is bytes or None."""

    OK, NODATA, PHYSICAL = 0, 3, 1

    def __init__(self, paths):
        name = ctypes.util.find_library("kdumpfile")
        if not name:
            pytest.skip("libkdumpfile is not installed")
        self.lib = ctypes.CDLL(name)
        self.lib.kdump_new.restype = ctypes.c_void_p
        self.lib.kdump_get_err.restype = ctypes.c_char_p
        self.lib.kdump_get_err.argtypes = [ctypes.c_void_p]
        self.lib.kdump_read.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_uint64, ctypes.c_void_p,
                                        ctypes.POINTER(ctypes.c_size_t)]
        self.lib.kdump_open_fdset.argtypes = [ctypes.c_void_p, ctypes.c_uint, ctypes.c_void_p]
        self.lib.kdump_free.argtypes = [ctypes.c_void_p]
        self.context = self.lib.kdump_new()
        self.files = [open(path, "rb") for path in paths]
        fds = (ctypes.c_int * len(paths))(*[f.fileno() for f in self.files])
        status = self.lib.kdump_open_fdset(self.context, len(paths), fds)
        assert status == self.OK, (status, self.lib.kdump_get_err(self.context))

    def page(self, pa):
        room = ctypes.create_string_buffer(4096)
        n = ctypes.c_size_t(4096)
        status = self.lib.kdump_read(self.context, self.PHYSICAL, pa, room, ctypes.byref(n))
        assert status in (self.OK, self.NODATA), (status, self.lib.kdump_get_err(self.context))
        return room.raw if status == self.OK else None

    def close(self):
        self.lib.kdump_free(self.context)
        for f in self.files:
            f.close()


@pytest.mark.parametrize("shape", ["elf", "kdump-zlib", "kdump-lzo", "kdump-snappy", "qemu", "excluded", "ours-elf",
                                   "ours-zlib", "ours-lzo", "ours-snappy", "ours-excluded"])
def test_libkdumpfile(core, machine, shape, tmp_path):
    """Every page: what the library reads is what we read, and what it lacks we lack."""
    path = tmp_path / "vmcore"
    gone = set(list(machine.pfns)[5000:9000:3])
    if shape == "qemu" and machine.bits == 64:
        pytest.skip("the library takes VMCOREINFO's page size for that of QEMU's blocks of 64K")
    if shape == "qemu":  # the library refuses flattened files
        path.write_bytes(convert.unflatten(core.path / "vmcore.kdump"))
    elif "excluded" in shape:
        convert.write_kdump(machine, path, "zlib", excluded=gone, version=6 if machine.bits == 64 else 5)
    else:
        # the library takes a 32-bit version 6 without VMCOREINFO for the packed layout
        version = 6 if machine.bits == 64 else 5
        if shape.startswith("kdump-"):
            convert.write_kdump(machine, path, shape[6:], version=version)
        else:
            convert.write_elf(machine, path)
    if shape.startswith("ours-"):
        form = {"ours-elf": "-f elf", "ours-excluded": ""}.get(shape, f"-z {shape[5:]}")
        assert run(core, [path], [f"dump convert -F {form} {path}"]).returncode == 0
    library = Kdumpfile([path])
    whole = "excluded" not in shape
    ours = dumped(core, [path], tmp_path) if whole else None
    differ = []
    for i, pfn in enumerate(machine.pfns):
        page = library.page(pfn * 4096)
        if whole and page != ours[i * 4096:(i + 1) * 4096]:
            differ.append(pfn)
        if not whole and (page is None) != (pfn in gone):
            differ.append(pfn)
    # (an ELF's first segment gives it a page of zeroes before the first one)
    assert library.page(BASE - 4096) in (None, bytes(4096)) and library.page(BASE + len(machine.ram)) is None
    library.close()
    assert not differ, [hex(pfn) for pfn in differ[:8]]
    if not whole:
        answers = run(core, [path], [f"rd -p {pfn * 4096:x} 2" for pfn in machine.pfns[4990:5100]]).stdout.splitlines()
        absent = {pfn for pfn, line in zip(machine.pfns[4990:5100], answers) if b'"excluded"' in line}
        assert absent == gone & set(machine.pfns[4990:5100])


# ---- cut anywhere


@pytest.mark.parametrize("shape", ["elf", "kdump-zlib", "kdump-64k-blocks", "flattened", "split", "lime", "avml", "gz", "xz",
                                   "zst", "raw", "padded"])
def test_cut_anywhere(core, machine, shape, tmp_path):
    """A cut dump opens as far as it goes and says that it is cut; what it still shows is right."""
    words = make(machine, shape, tmp_path)
    path = tmp_path / "vmcore" if words[0] == "--ram" else words[0]
    content = open(path, "rb").read()
    rng = random.Random(shape + core.name)
    pages = sorted(machine.pfns)[:64:10] + rng.sample(list(machine.pfns), 12)
    good = 0
    first = BASE if shape == "padded" else 0  # where memory begins in the file
    first += (len(content) - first) // 50
    for n in sorted((rng.randrange(first, len(content) - 20) for _ in range(8)), reverse=True):
        os.truncate(path, n)
        done = run(core, words, [f"rd -p -8 {pfn * 4096:x} 4096" for pfn in pages])
        assert done.returncode in ((0, 1) if words[0] == "--ram" else (1, 3, 4)), (n, done.returncode)
        said = done.stderr.decode()
        if done.returncode == 3:
            assert shape.startswith("kdump") or shape in ("flattened", "split"), (n, said)  # its bitmaps are at the beginning
            continue
        assert words[0] == "--ram" or "cut" in said or "ends" in said, (n, said)
        for pfn, line in zip(pages, done.stdout.splitlines()):
            raw = b"".join(bytes.fromhex(row["data"].replace(" ", "")) if isinstance(row["data"], str) else b"?"
                           for row in json.loads(line)["rows"])
            assert raw == machine.page(pfn) or raw.strip(b"?") == b"", (n, hex(pfn))
            good += raw == machine.page(pfn)
    assert good
