"""What `triage` says against what the recipes say beforehand, for test_triage.py and tests/lib/check-verdicts. Also two
ways to spoil a dump: without its log, and with the misbehaving functions' names replaced."""

import json
import mmap
import pathlib
import random
import re
import struct
import subprocess
import time

TAG = 0x00FFFFFFFFFFFFFF


def labels(recipe):
    return dict(re.findall(r'^expect_(\w+)="?([^"\n]*)"?$', recipe.read_text(), re.MULTILINE))


def answers(inquest, files, *commands, timeout=120):
    args = [inquest, "--json", *files]
    for command in commands:
        args += ["-c", command]
    run = subprocess.run(args, capture_output=True, timeout=timeout)
    return [json.loads(line) for line in run.stdout.splitlines()], run


def verdict(inquest, folder, dump=None, vmlinux=None, options=()):
    """The verdict's row, with `seconds`; or `error`."""
    began = time.monotonic()
    said, run = answers(inquest, [*options, vmlinux or folder / "vmlinux", dump or folder / "vmcore.elf"], "triage")
    seconds = time.monotonic() - began
    if not said or not said[-1]["rows"]:
        return {"error": f"status {run.returncode}: " + run.stderr.decode(errors="replace")[-200:], "seconds": seconds}
    return {**said[-1]["rows"][0], "seconds": seconds}


def deed(folder):
    """What our module said of itself (truth/misbehave), and which object the kernel's own report named."""
    path, report = folder / "truth/misbehave", folder / "truth/report.1"
    words = dict(re.findall(r"(\w+)=(\S+)", path.read_text())) if path.exists() else {}
    named = re.search(r"belongs to the object at (\w+)", report.read_text()) if report.exists() else None
    return {**words, "reported": named[1]} if named else words


def functions(stack):
    return {re.sub(r"\+0x.*| .*", "", row["place"]).split(".")[0] for row in stack or []}


def class_right(want, said):
    if want == "not-determinable":
        return said.get("class") == "panic" and not damage(said)
    if want == "alive":
        return said.get("class") == "alive" and not said.get("suspects")
    return said.get("class") == want


def damage(said):
    """Suspects that claim damage."""
    return [s for s in said.get("suspects") or [] if s["rule"] in ("heap", "stacks", "kasan", "log")]


def culprit_right(expect, said, names):
    if expect.get("culprit", "-") == "-":
        return None
    others = re.search(r"culprits are (\w+) and (\w+)", expect.get("reason", ""))
    wanted = others.groups() if others else (expect["culprit"],)
    return said.get("culprit") in [names.get(name, name) for name in wanted]


def object_right(expect, found, told):
    if expect.get("object") != "yes":
        return None
    if found is None or ("cache" in expect and re.sub(r"-(part|rnd)-\d+", "", found["name"] or "") != expect["cache"]):
        return False
    wanted = [int(told[key], 16) & TAG for key in ("object", "reported") if key in told]
    return not wanted or int(found["address"], 16) & TAG in wanted


def stacks_right(expect, found, told, names):
    wanted = [s for s in expect.get("stacks", "none").split(",") if s != "none"]
    if not wanted:
        return None
    have = {"alloc": functions((found or {}).get("allocated")), "free": functions((found or {}).get("freed"))}
    return all(have[s] and (f"{s}_fn" not in told or names.get(told[f"{s}_fn"], told[f"{s}_fn"]) in have[s])
               for s in wanted)


def judge(expect, said, told, names={}):
    """(class, culprit, object, stacks): True, False, or None where the recipe promises nothing."""
    found = (said.get("object") or [None])[0]
    return (class_right(expect["class"], said), culprit_right(expect, said, names), object_right(expect, found, told),
            stacks_right(expect, found, told, names))


# ---- spoiled dumps

def segments(path):
    """(physical address, file offset, bytes) of an ELF dump's loads."""
    with open(path, "rb") as file:
        head = file.read(64)
        wide = head[4] == 2
        at, size, n = (struct.unpack_from("<Q", head, 32)[0], *struct.unpack_from("<HH", head, 54)) if wide else \
            (struct.unpack_from("<I", head, 28)[0], *struct.unpack_from("<HH", head, 42))
        for i in range(n):
            file.seek(at + i * size)
            raw = file.read(size)
            if wide:
                kind, _, offset, _, pa, filesz = struct.unpack_from("<IIQQQQ", raw)
            else:
                kind, offset, _, pa, filesz = struct.unpack_from("<IIIII", raw)
            if kind == 1:
                yield pa, offset, filesz


def wipe_log(inquest, folder, to):
    """A copy of the dump in which the printk ring holds nothing: text, infos and descriptors are zero."""
    files = [folder / "vmlinux", folder / "vmcore.elf"]
    whole = "prb->text_data_ring.data", "1ul << prb->text_data_ring.size_bits", "prb->desc_ring.descs", \
        "sizeof(struct prb_desc) << prb->desc_ring.count_bits", "prb->desc_ring.infos", \
        "sizeof(struct printk_info) << prb->desc_ring.count_bits"
    said, run = answers(inquest, files, *[f"eval {word}" for word in whole])
    numbers = [int(a["rows"][0]["hexadecimal"].split()[0], 16) for a in said]
    assert len(numbers) == len(whole), run.stderr
    subprocess.run(["cp", "--sparse=always", folder / "vmcore.elf", to], check=True)
    with open(to, "r+b") as out:
        for va, size in zip(numbers[::2], numbers[1::2]):
            assert 0 < size < 1 << 26
            (answer,), _ = answers(inquest, files, f"vtop {va:#x}")
            pa = int(answer["rows"][0]["physical"], 16)
            (offset,) = [o + pa - p for p, o, n in segments(to) if p <= pa and pa + size <= p + n]
            out.seek(offset)
            out.write(bytes(size))
    (answer,), _ = answers(inquest, [folder / "vmlinux", to], "log")
    assert not answer["rows"], "the log is still there"


def guilty_names(folder):
    """Functions of our module and of LKDTM, with names of the same length that mean nothing. String tables keep a name
    that is the end of another only once, so those stay each other's ends."""
    rng = random.Random(1)
    guilty = set()
    for line in (folder / "truth/kallsyms").read_text().splitlines():
        _, kind, name = line.split()[:3]
        name = name.split(".")[0]
        if kind in "tT" and len(name) > 5 and name.isidentifier() and (re.search(r"\[(misbehave|lkdtm)\]", line) or "lkdtm" in name):
            guilty.add(name)
    names = {}
    for name in sorted(guilty, key=lambda name: (len(name), name)):
        end = max((other for other in names if name.endswith(other)), key=len, default="")
        names[name] = "".join(rng.choice("bcdfghjklmnpqrstvwxz") for _ in name[len(end):]) + names.get(end, "")
    return names


def replace_names(data, names):
    """In place, where the name stands as a string of its own, with a compiler's suffix, or with an offset in the log."""
    for name, other in names.items():
        old, new, at = name.encode(), other.encode(), -1
        while (at := data.find(old, at + 1)) >= 0:
            before, behind = data[at - 1:at], data[at + len(old):at + len(old) + 1]
            if behind in (b"\0", b".", b"+") and not (before.isalnum() or before == b"_"):
                data[at:at + len(old)] = new


def rename(folder, to):
    """Copies of vmlinux, its modules and the dump in @to with guilty_names(), which are returned."""
    names = guilty_names(folder)
    for path in folder / "vmlinux", folder / "vmcore.elf", *folder.glob("modules/*"):
        copy = pathlib.Path(to) / path.relative_to(folder)
        copy.parent.mkdir(exist_ok=True)
        subprocess.run(["cp", "--sparse=always", path, copy], check=True)
        with open(copy, "r+b") as file, mmap.mmap(file.fileno(), 0) as data:
            replace_names(data, names)
    return names
