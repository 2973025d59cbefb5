"""What `triage` says against what the recipes say beforehand, for test_triage.py and tests/lib/check-verdicts. Also two
ways to spoil a dump: without its log, and with the misbehaving functions' names replaced."""

import json
import mmap
import os
import pathlib
import random
import re
import struct
import subprocess
import time

TAG = 0x00FFFFFFFFFFFFFF


def labels(recipe):
    return dict(re.findall(r'^expect_(\w+)="?([^"\n]*)"?$', recipe.read_text(), re.MULTILINE))


def answers(inquest, files, *commands, timeout=120, cache=None):
    args = [inquest, "--json", *files]
    for command in commands:
        args += ["-c", command]
    env = {**os.environ, "XDG_CACHE_HOME": str(cache)} if cache else None
    run = subprocess.run(args, capture_output=True, timeout=timeout, env=env)
    return [json.loads(line) for line in run.stdout.splitlines()], run


def verdict(inquest, folder, dump=None, vmlinux=None, cache=None):
    """The verdict's row, with `seconds`; or `error`. @cache: where indexes are kept, instead of the user's own place."""
    began = time.monotonic()
    said, run = answers(inquest, [vmlinux or folder / "vmlinux", dump or folder / "vmcore.elf"], "triage", cache=cache)
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


# Functions of LKDTM without its prefix (drivers/misc/lkdtm, 5.10 to 7.2): where it is built in, nothing says whose they are.
LKDTM_OTHERS = {
    "bug_in_hardirq", "check_from_zero", "check_negative", "check_ptr_len", "check_saturated", "ctor_a", "ctor_b",
    "ctor_double_free", "direct_entry", "do_nothing", "do_overwritten", "do_usercopy_heap_size", "do_usercopy_heap_whitelist",
    "do_usercopy_page_span", "do_usercopy_slab_size", "do_usercopy_slab_whitelist", "do_usercopy_stack",
    "do_usercopy_stack_callee", "execute_location", "execute_user_location", "find_crashtype", "overflow_check",
    "panic_in_hardirq", "panic_stop_irqoff_fn", "recursive_loop", "set_return_addr", "set_return_addr_unchecked",
    "trick_compiler",
}


def guilty_names(folder):
    """Functions of our module and of LKDTM, with names of the same length that mean nothing. String tables keep a name
    that is the end of another only once, so those stay each other's ends."""
    rng = random.Random(1)
    guilty = set()
    for line in (folder / "truth/kallsyms").read_text().splitlines():
        _, kind, name = line.split()[:3]
        name = name.split(".")[0]
        ours = re.search(r"\[(misbehave|lkdtm)\]", line) or "lkdtm" in name or name in LKDTM_OTHERS
        header = name.startswith("_") and "lkdtm" not in name  # a header's function, which other code has, too
        if kind in "tT" and len(name) > 5 and name.isidentifier() and ours and not header:
            guilty.add(name)
    names = {}
    for name in sorted(guilty, key=lambda name: (len(name), name)):
        end = max((other for other in names if name.endswith(other)), key=len, default="")
        names[name] = "".join(rng.choice("bcdfghjklmnpqrstvwxz") for _ in name[len(end):]) + names.get(end, "")
    return names


def replace_names(data, names, begin, end):
    """In place, where the name stands as a string of its own, with a compiler's suffix, or with an offset in the log."""
    for name, other in names.items():
        old, new, at = name.encode(), other.encode(), begin - 1
        while (at := data.find(old, at + 1, end)) >= 0:
            before, behind = data[at - 1:at], data[at + len(old):at + len(old) + 1]
            if behind in (b"\0", b".", b"+") and not (before.isalnum() or before == b"_"):
                data[at:at + len(old)] = new


def replace_split(data, names, loads, page=4096):
    """In place in a dump, where a name goes on in another page, which is seldom the next one of the dump: where it begins
    at a page's end and one page alone begins with its rest."""
    tails, heads = {}, {}
    for _, offset, size in loads:
        for at in range(offset, offset + size, page):
            head = bytes(data[at:at + 64]).partition(b"\0")[0]
            heads.setdefault(head, []).append(at)
            _, nul, tail = bytes(data[at + page - 64:at + page]).rpartition(b"\0")
            if nul and tail:
                tails.setdefault(tail, []).append(at + page - len(tail))
    for name, other in names.items():
        for n in range(1, len(name)):
            begins, rests = tails.get(name[:n].encode(), []), heads.get(name[n:].encode(), [])
            if n > 2 and begins and len(rests) == 1:
                data[rests[0]:rests[0] + len(name) - n] = other[n:].encode()
                for at in begins:
                    data[at:at + n] = other[:n].encode()


def written(file):
    """(begin, end) of a sparse file's parts that are not holes."""
    end, size = 0, os.fstat(file.fileno()).st_size
    while end < size:
        try:
            begin = os.lseek(file.fileno(), end, os.SEEK_DATA)
        except OSError:
            return
        end = os.lseek(file.fileno(), begin, os.SEEK_HOLE)
        yield begin, end


def rename_file(path, copy, names):
    copy.parent.mkdir(exist_ok=True)
    subprocess.run(["cp", "--sparse=always", path, copy], check=True)
    with open(copy, "r+b") as file:
        parts = list(written(file))
        with mmap.mmap(file.fileno(), 0) as data:
            for begin, end in parts:
                replace_names(data, names, begin, end)
            if path.name == "vmcore.elf":
                replace_split(data, names, list(segments(copy)))


def rename(folder, to, vmlinux=True):
    """Copies of vmlinux, its modules and the dump in @to with guilty_names(), which are returned. Without @vmlinux that one
    is left to the caller: many dumps have the same."""
    names = guilty_names(folder)
    for path in *([folder / "vmlinux"] if vmlinux else []), folder / "vmcore.elf", *folder.glob("modules/*"):
        rename_file(path, pathlib.Path(to) / path.relative_to(folder), names)
    return names
