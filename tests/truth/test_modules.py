"""Debug information of modules against what the guest said of its sections, and against binutils and pahole on
the modules' own files, which know nothing of where the modules lay."""

import json
import lzma
import re
import shutil
import subprocess

import pytest
from truth_cores import INQUEST, share


def tool(core, name):
    prefix = "aarch64-linux-gnu-" if core.arm64 else "arm-linux-gnueabihf-"
    path = shutil.which(prefix + name)
    if not path:
        pytest.skip(f"no {name} for this machine")
    return path


def output(*args, text=None):
    return subprocess.run([str(a) for a in args], check=True, capture_output=True, text=True, input=text).stdout


@pytest.fixture(scope="module")
def sections(core):
    """{module: {section: address}} as /sys/module had them."""
    table = {}
    for line in core.truth("sections"):
        match = re.fullmatch(r"/sys/module/([^/]+)/sections/([^:]+):(0x[0-9a-f]+)", line)
        if match:
            table.setdefault(match[1], {})[match[2]] = int(match[3], 16)
    if not table:
        pytest.skip("this guest loaded no modules")
    return table


@pytest.fixture(scope="module")
def files(core, sections):
    """{module: its file with debug information}"""
    found = {}
    for name in sections:
        for end in (".ko.debug", ".ko"):
            path = core.path / "modules" / (name + end)
            if path.exists() and ".debug_info" in output("readelf", "-SW", path):
                found.setdefault(name, path)
    if not found:
        pytest.skip("no debug information was kept beside this dump")
    return found


def symbols(core, path):
    """(section, offset, letter, name) of functions and objects."""
    headers = output(tool(core, "readelf"), "-SW", path)
    names = {int(n): name for n, name in re.findall(r"^\s*\[\s*(\d+)\] (\S+)", headers, re.M)}
    rows = re.findall(r"^\s*\d+: ([0-9a-f]+)\s+\S+ (FUNC|OBJECT)\s+\S+\s+\S+\s+(\d+) (\S+)$",
                      output(tool(core, "readelf"), "-sW", path), re.M)
    return [(names[int(index)], int(value, 16), kind, name) for value, kind, index, name in rows]


def test_every_module_is_found(core, sections, files):
    (row,) = [r for r in core.rows("sys -d") if r["what"] == "modules"]
    found, total = map(int, re.match(r"(\d+) of (\d+) with debug information", row["state"]).groups())
    assert total == len(sections)
    assert found == len(files)


def test_data_symbols(core, sections, files):
    """Kernels without KALLSYMS_ALL keep none of these: their addresses are the sections' and the files'."""
    matched = total = 0
    for module, path in files.items():
        named = [s for s in symbols(core, path) if s[2] == "OBJECT" and "." not in s[3]]
        unique = {s[3]: s for s in named if sum(s[3] == o[3] for o in named) == 1}
        wanted = [s for s in unique.values() if s[0] in sections[module] and ".init" not in s[0]]
        answers = core.run(*[f"sym {module}:{s[3]}" for s in wanted])
        for (section, offset, _, name), answer in zip(wanted, answers):
            total += 1
            address = sections[module][section] + offset
            # what the kernel discarded after loading has no address: .modinfo and the like
            matched += any(int(r["address"], 16) == address for r in answer["rows"])
    share(matched, total, 1, "data symbols")


def places(core, module, path, sections):
    """(address, offset in .text) within each function of .text; at its first address addr2line of a
    relocatable file tells of the function before."""
    text = sections[module].get(".text")
    for section, offset, kind, _ in symbols(core, path):
        if text and section == ".text" and kind == "FUNC":
            offset &= ~1 if not core.arm64 else ~0
            for step in (8, 12, 20):
                yield text + offset + step, offset + step


def test_lines(core, sections, files):
    matched = total = 0
    for module, path in files.items():
        at = sorted(set(places(core, module, path, sections)))[:120]
        if not at:
            continue
        said = output(tool(core, "addr2line"), "-e", path, "-j", ".text",
                      text="".join(f"{offset:#x}\n" for _, offset in at)).splitlines()
        answers = core.run(*[f"source {address:#x}" for address, _ in at])
        for line, answer in zip(said, answers):
            file, number = line.split(" (")[0].rsplit(":", 1)
            if number in ("?", "0") or file == "??":
                continue
            total += 1
            row = answer["rows"][0]  # the innermost of inlined functions, as addr2line has it
            matched += file.endswith(row.get("file", "?")) and row.get("line") == int(number)
    share(matched, total, 0.97, "lines")


def test_sizes(core, files):
    """Structs that only a module has, and others."""
    sizes, commands = [], []
    for path in files.values():
        text, bodies = output("pahole", "-s", path), output("pahole", path)
        for name, size in re.findall(r"^(\w+)\t(\d+)\t", text, re.M)[::20]:
            if f"\nstruct {name} {{" not in bodies:
                continue  # a union
            sizes.append(int(size))
            commands.append(f"sizeof struct {name}")
    answers = core.run(*commands)
    matched = sum(str(size) in str(a["rows"]) for size, a in zip(sizes, answers))
    share(matched, len(sizes), 0.97, "sizes of structs")


def test_softdog(core, files):
    if "softdog" not in core.name:
        pytest.skip("no module died here")
    assert int(core.rows("p soft_margin")[0]["value"]) == 2  # the recipe's parameter
    frames = core.rows("bt -l")[0]["frames"]
    (frame,) = [f for f in frames if f.get("module") == "softdog" and not f["inlined"]]
    assert frame["symbol"] == "softdog_fire"
    assert frame["file"] == "drivers/watchdog/softdog.c" and frame["line"] == 87


def test_types_without_any_file(core, sections, files):
    """The kernel keeps its modules' BTF (CONFIG_DEBUG_INFO_BTF_MODULES): the dump alone has their types."""
    if not core.truth("kallsyms") or "btf_modules" not in core.kallsyms:
        pytest.skip("the guest's own symbols do not tell where the modules' BTF is")
    own = {name: int(size) for name, size in re.findall(
        r"^(virtio_mmio_device|fw_cfg_sysfs_entry)\t(\d+)\t",
        "".join(output("pahole", "-s", p) for p in files.values()), re.M)}
    assert own
    for name, size in own.items():
        done = subprocess.run([INQUEST, core.path / "vmcore.elf", "-c", f"sizeof struct {name}"],
                              capture_output=True, text=True)
        assert done.stdout.split() == [str(size)], done.stderr


def test_packed_files(core, sections, files, tmp_path):
    """Modules packed as they are installed (CONFIG_MODULE_COMPRESS) tell what the plain files tell."""
    packed = tmp_path / "modules"
    packed.mkdir()
    (tmp_path / "vmlinux").symlink_to(core.path / "vmlinux")  # beside it there are no plain ones
    for i, (module, path) in enumerate(sorted(files.items())):
        if i % 2 and shutil.which("zstd"):
            output("zstd", "-q", path, "-o", packed / f"{module}.ko.zst")
        else:
            (packed / f"{module}.ko.xz").write_bytes(lzma.compress(path.read_bytes(), preset=1))
    commands = [f"source {sections[module]['.text'] + 12:#x}" for module in sorted(files)
                if ".text" in sections[module]]

    def answers():
        args = [INQUEST, "--json", "--symbols", packed, tmp_path / "vmlinux", core.path / "vmcore.elf", "-c", "sys -d"]
        for command in commands:
            args += ["-c", command]
        done = subprocess.run(args, capture_output=True, timeout=300)
        return [json.loads(line) for line in done.stdout.splitlines()]

    providers, *lines = answers()
    (row,) = [r for r in providers["rows"] if r["what"] == "modules"]
    assert row["state"].startswith(f"{len(files)} of {len(sections)} with debug information")
    assert [answer["rows"] for answer in lines] == [answer["rows"] for answer in core.run(*commands)]
    for path in packed.iterdir():
        path.write_bytes(path.read_bytes()[:-100])
    (row,) = [r for r in answers()[0]["rows"] if r["what"] == "modules"]
    assert row["origin"].endswith("cannot be unpacked")
