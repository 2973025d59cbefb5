"""What was done to the guest of a dump that has damage in it, by its recipe and the sources of our module and of LKDTM, and
the ledger of facts that test_heap_scenarios.py keeps. Nothing of the program under test."""

import functools
import os
import re

from truth_cores import CORES, Core, ROOT, frame_rows, same_frames

# What is damaged by our module's scenario (tests/cores/guest/module) or LKDTM's (drivers/misc/lkdtm, 6.1 to 7.2).
KIND = {"overflow": "slab", "underflow": "slab", "uaf-write": "slab", "uaf-read": "slab", "uaf-follow": "slab",
        "double-free": "slab", "bad-free": "slab", "page-uaf": "page", "vmalloc": "vmalloc", "stack": "stack",
        "global": "global", "stack-overflow": "stack end", "SLAB_LINEAR_OVERFLOW": "slab", "WRITE_AFTER_FREE": "slab",
        "READ_AFTER_FREE": "slab", "SLAB_FREE_DOUBLE": "slab", "CORRUPT_STACK": "stack", "EXHAUST_STACK": "stack end"}
FREED = ("uaf-write", "uaf-read", "uaf-follow", "double-free", "WRITE_AFTER_FREE", "READ_AFTER_FREE", "SLAB_FREE_DOUBLE")
CLASSES = ("slab-out-of-bounds", "use-after-free", "double-free", "invalid-free", "global-out-of-bounds",
           "stack-out-of-bounds", "vmalloc-out-of-bounds", "stack-corruption", "stack-overflow")

# Who calls whom in the module's source: heap.c, areas.c, main.c.
CALLERS = {"widget_make": ["make_all", "member_main"], "parcel_pack": ["make_all", "member_main"],
           "widget_release": ["free_victim", "member_main"], "parcel_discard": ["free_victim", "member_main"],
           "page_take": ["take", "member_main"], "page_return": ["give_back", "member_main"],
           "area_map": ["map_area", "member_main"]}

# LKDTM's slab scenarios by drivers/misc/lkdtm/heap.c, 6.1: cache, its objects' size, bytes asked for, offset of the deed.
LKDTM = {"SLAB_LINEAR_OVERFLOW": ("kmalloc-1k", 1024, 1020, 1024), "WRITE_AFTER_FREE": ("kmalloc-1k", 1024, 1024, 512),
         "READ_AFTER_FREE": ("kmalloc-1k", 1024, 1024, 4), "SLAB_FREE_DOUBLE": ("lkdtm-heap-double_free", 64, 64, 0)}


class Boot(Core):
    """One of several boots of one recipe, which have no account but the console."""

    def __init__(self, name, memory):
        super().__init__(name)
        self.folder, self.memory = self.path, memory
        self.path = self.path / memory

    @property
    def vmlinux(self):
        return self.folder / "vmlinux"

    @functools.cached_property
    def config(self):
        lines = (self.folder / "config").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if line.startswith("CONFIG_"))

    def run(self, *commands, status=0):
        return super().run(*commands, dump="vmcore.kdump", status=status)


def boots():
    if os.environ.get("SET") != "made":
        return []
    return [f"{path.parent.parent.name}/{path.parent.name}" for path in sorted(CORES.glob("*-boots-*/*/vmcore.kdump"))
            if (ROOT / "tests/cores/recipes" / path.parent.parent.name).exists()]


# ---- what is known beforehand ------------------------------------------------------------------------------------------

def scenario(core):
    """The name of what was done; None where nothing of this kind was. From the recipe alone."""
    words = core.recipe.get("MISBEHAVE", "").split()
    if not words:
        words = re.findall(r"echo ([A-Z_]+) >\S*provoke-crash", core.recipe.get("TRIGGER", ""))
    if words and words[0] in KIND:
        return words[0]
    assert core.recipe.get("expect_class") not in CLASSES, f"a scenario that this test does not know: {words}"
    return None


def word(core, name, default):
    """A number of the plan that the recipe gives to the module, or the module's default (plan_parse() in main.c)."""
    match = re.search(rf"\b{name}=(\d+)", core.recipe["MISBEHAVE"])
    return int(match[1]) if match else default


def watched(core):
    return "CONFIG_KASAN_GENERIC" in core.config or "CONFIG_KASAN_SW_TAGS" in core.config


def keeps_tracks(core):
    """Whether slab objects have tracks in this kernel, by its configuration and its command line."""
    return watched(core) or re.search(r"slub_debug=\w*U", core.recipe.get("CMDLINE", "")) is not None


def untagged(core, va):
    """Tag-based KASAN's pointers have a tag in their top byte."""
    return va | 0xff << 56 if core.arm64 else va


def number(text):
    return int(text, 16) if isinstance(text, str) else text


class Ledger:
    """What outside sources say beside what the commands say, fact by fact."""

    def __init__(self, core):
        self.core, self.facts, self.tracks = core, {}, set()

    def equal(self, fact, wanted, said):
        self.facts[fact] = (wanted, said)

    def holds(self, fact, truth, said=None):
        self.facts[fact] = (True, True if truth else said or False)

    def differs(self):
        return {fact: pair for fact, pair in self.facts.items() if pair[0] != pair[1]}

    def track(self, fact, what, track, pid, frames=None, chain=()):
        """A track against its task, its printed frames, or the functions that the source has in this order."""
        self.tracks.add(what)
        if track is None:
            self.holds(fact, False, f"no track \"{what}\"")
            return
        if pid is not None:
            self.equal(fact + ", task", pid, track.get("pid"))
        mine = frame_rows((track.get("caller") or []) + track["frames"])
        if frames is not None:
            self.holds(fact + ", stack", any(same_frames(mine[i:], frames) for i in (0, 1)), mine[:8])
        names = iter((name or "").split("+")[0] for name in mine)
        if chain:
            self.holds(fact + ", calls", all(name in names for name in chain), mine[:8])


def alike(cache, told):
    """The module's "kmalloc" is whichever cache of that size; since 6.6 each size has copies (kmalloc-rnd-, -part-)."""
    plain = re.sub(r"-(part|rnd)-\d+", "", cache or "")
    return plain == told or (told == "kmalloc" and plain.startswith("kmalloc-"))
