"""struct -o against pahole: every offset, size and bitfield of structs drawn at random, from BTF where
the kernel has it and from DWARF where it has not. TYPES_SEED=N draws the same ones again."""

import functools
import os
import random
import re
import shutil
import subprocess

import pytest
from truth_cores import Core, chosen_set

DRAWN = 520
ANY = "(any name)"
SEED = int(os.environ.get("TYPES_SEED", random.SystemRandom().randrange(1 << 32)))

PLACE = re.compile(r"/\*\s*(\d+)(?::\s*(\d+))?\s+(\d+)\s*\*/")
HEAD = re.compile(r"(?:typedef )?(?:struct|union) (\w+) \{")
# what a member is called: "(*name)(…)", "name[4]", "name:3", "name"
FUNCTION = re.compile(r"\(\*+(?:const |volatile )*(\w*)(?:\[\d*\])*\)")
PLAIN = re.compile(r"(\w*)\s*((?:\[\d*\])*)(?::(\d+))?\s*$")


def kernels():
    """One dump for each different vmlinux."""
    chosen = {}
    for name in chosen_set():
        path = Core(name).path / "vmlinux"
        stat = path.stat() if path.exists() else None
        # a missing one is kept, to fail in the test
        chosen.setdefault((stat.st_size, stat.st_mtime_ns) if stat else name, name)
    return list(chosen.values())


@functools.lru_cache(maxsize=None)
def source(vmlinux):
    sections = subprocess.run(["readelf", "-SW", vmlinux], capture_output=True, text=True)
    return "btf" if re.search(r"\s\.BTF\s", sections.stdout) else "dwarf"


def parse_member(line):
    """(name, offset, bit, bits, size), in bytes and bits, or None when the line has no place."""
    place = PLACE.search(line)
    if not place:
        return None
    offset, bit, size = (int(x or 0) for x in place.groups())
    text = re.sub(r"__attribute__\(\(.*?\)\)+", "", line[: place.start()]).strip()
    text = text.rstrip(";").strip()
    function = FUNCTION.search(text)
    if function:
        return (function[1], offset, 0, 0, size)
    name, _, bits = PLAIN.search(text).groups()
    # An unnamed struct's closing brace; "struct x;" has no name either.
    name = "" if text == "}" else name
    return (name, offset * 8 + bit, 1, int(bits), size) if bits else (name, offset, 0, 0, size)


def parse(lines):
    """Struct or union name -> its bodies, each [size, members]; size None where it is not said."""
    found = {}
    name, members, size, opened = None, [], None, []
    for line in lines:
        head = HEAD.match(line)
        if head:
            name, members, size, opened = head[1], [], None, []
            continue
        total = re.match(r"\s*/\* size: (\d+)", line)
        if total and name and line.startswith(("\t/* size", "/* size")):
            size = int(total[1])
        if name and line.startswith("\t"):
            if line.endswith("{"):
                opened.append(line.strip().startswith(("const ", "volatile ")))
            member = parse_member(line)
            qualified = line.strip().startswith("}") and opened.pop()
            if member:
                # pahole forgets the name in "const struct { … } name"
                members.append((ANY, *member[1:]) if qualified else member)
        elif name and line.startswith("}"):
            found.setdefault(name, []).append([size, tuple(members)])
        elif name and total:
            found[name][-1][0] = size  # ours stands behind the body
    return found


@functools.lru_cache(maxsize=None)
def pahole(vmlinux, form):
    done = subprocess.run(["pahole", "-F", form, vmlinux], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return parse(done.stdout.splitlines())


def bodies(answer):
    (row,) = answer["rows"]
    return parse(row["text"].splitlines())


@pytest.mark.skipif(not shutil.which("pahole"), reason="no pahole here (Debian: dwarves)")
@pytest.mark.parametrize("form", ["btf", "dwarf"])
@pytest.mark.parametrize("name", kernels())
def test_structs_lie_as_pahole_says(name, form):
    core = Core(name)
    vmlinux = core.path / "vmlinux"
    if source(vmlinux) != form:
        pytest.skip(f"the program reads this kernel's {source(vmlinux).upper()}, not {form.upper()}")
    oracle = pahole(vmlinux, form)
    # Two structs of one name: either answer is right, so they prove nothing.
    names = sorted(n for n, all_of in oracle.items() if len(all_of) == 1 and all_of[0][1])
    print(f"\n{name}: {len(names)} structs from {form}, TYPES_SEED={SEED}")
    drawn = random.Random(SEED).sample(names, min(DRAWN, len(names)))
    assert len(drawn) >= 500
    wrong, members, bitfields = [], 0, 0
    for struct, answer in zip(drawn, core.run(*(f"struct -o {n}" for n in drawn))):
        ours, theirs = bodies(answer).get(struct, [None])[0], oracle[struct][0]
        members += len(theirs[1])
        bitfields += sum(m[2] for m in theirs[1])
        if theirs[0] is None and ours:  # pahole tells no union's size
            ours[0] = None
        if ours != theirs:
            wrong.append(f"{struct}: pahole {theirs}\n   ours {ours}")
    assert members > 2000 and bitfields > 5
    assert not wrong, f"{len(wrong)} of {len(drawn)} differ (TYPES_SEED={SEED}):\n" + "\n".join(
        wrong[:5]
    )
