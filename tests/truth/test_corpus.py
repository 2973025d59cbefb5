"""The corpus itself: what our module promised stands in the raw RAM, and what the kernel's own checkers said is the
same. inquest has no part in it; the tests of its commands may then rely on truth/misbehave and on expect_ lines."""

import re

import pytest
from truth_cores import ROOT

CLASSES = {
    "use-after-free", "slab-out-of-bounds", "stack-out-of-bounds", "global-out-of-bounds",
    "vmalloc-out-of-bounds", "double-free", "invalid-free", "null-dereference",
    "wild-dereference", "exec-fault", "stack-overflow", "stack-corruption", "list-corruption",
    "refcount", "bug", "warning", "panic", "soft-lockup", "hard-lockup", "rcu-stall", "hung-task",
    "deadlock", "spinlock-lockup", "oom", "memory-leak", "watchdog", "sysrq", "alive",
    "not-determinable",
}
TEXT = b"inquest-was-here"


def recipes():
    return sorted((ROOT / "tests/cores/recipes").iterdir())


@pytest.mark.parametrize("recipe", recipes(), ids=lambda path: path.name)
def test_recipe_says_what_memory_can_prove(recipe):
    words = dict(re.findall(r'^expect_(\w+)="?([^"\n]*)"?$', recipe.read_text(), re.MULTILINE))
    assert words.get("class") in CLASSES, words
    assert re.fullmatch(r"-|[\w.]+", words.get("culprit", "")), words
    assert words.get("object", "no") in ("yes", "no") and words.get("damage", "no") in ("yes", "no")
    assert words.get("stacks", "none") in ("none", "alloc", "alloc,free")
    if words["class"] == "not-determinable":
        assert words.get("reason"), "not determinable for what reason?"
    if "object" in words:
        assert "damage" in words and "stacks" in words, words


def linear_pa(core, va):
    """Our kernels' linear maps without KASLR: RAM begins at 1 GiB (see also Core.ram)."""
    base = {"arm64": 0xFFFFFF8000000000, "arm32-fp-2g": 0x80000000}.get(
        "arm64" if core.arm64 else core.meta["kernel"], 0xC0000000)
    limit = base + (int(core.meta["memory_mb"]) << 20)
    return va - base + 0x40000000 if base <= va < limit else None


def deed_bytes(core):
    """Physical address of what the deed has written, and the bytes; None when it wrote nothing that lies in the
    linear map."""
    deed = core.deed
    if deed.get("access") != "write" or "object" not in deed:
        return None
    pa = linear_pa(core, int(deed["object"], 16) + int(deed["offset"]))
    if pa is None:
        return None
    n, word = int(deed["bytes"]), 8 if core.arm64 else 4
    pointer = core.kallsyms.get("misbehave_text", [0])[0].to_bytes(word, "little")
    fill = {"text": TEXT, "byte": b"A", "pointer": pointer}[deed["fill"]]
    return pa, (fill * n)[:n]


def test_damage_is_in_memory(core):
    """Where the recipe says that memory proves the damage its bytes are there; where KASAN stopped the guest
    before the deed they are not."""
    written = deed_bytes(core)
    if not written:
        pytest.skip("no deed of our module in the linear map")
    pa, wanted = written
    there = core.ram(pa, len(wanted)) == wanted
    if core.recipe["expect_damage"] == "yes":
        assert there
    elif "kasan.fault=panic" in core.recipe.get("CMDLINE", ""):
        assert not there
    else:
        pytest.skip("memory need not show it")


def test_widgets_are_in_memory(core):
    """Each object holds its own number, unless it is the victim's or has been freed and poisoned."""
    if not core.widgets or linear_pa(core, core.widgets[0]) is None:
        pytest.skip("no objects of our module where we know the linear map")
    number = 24 if core.arm64 else 12
    good = sum(core.ram(linear_pa(core, va) + number, 4) == i.to_bytes(4, "little")
               for i, va in enumerate(core.widgets))
    assert good >= len(core.widgets) - 2


def test_report_names_the_deed(core):
    """The kernel's own report of slab damage names the module's object, and who made and freed it."""
    report, deed = core.truth("report.1"), core.deed
    if not report or "object" not in deed or not core.recipe.get("expect_object") == "yes":
        pytest.skip("no report of a deed of our module")
    text = "\n".join(report)
    if core.recipe["expect_class"] in ("double-free", "invalid-free"):
        address = int(deed["object"], 16) + int(deed.get("offset", 0))
        assert f"{address:x}" in text or f"{int(deed['object'], 16):x}" in text
    else:
        # Memory tags stand for 16 bytes: the first of the damaged bytes may lie in the object's last granule.
        first = int(deed["object"], 16) + int(deed["offset"])
        slack = min(int(deed["bytes"]), 16) if "CONFIG_KASAN_SW_TAGS" in core.config else 1
        assert any(f"{address:x}" in text for address in range(first, first + slack))
    if "KASAN" in report[0]:
        # Tag-based KASAN says in its title which function of the allocator has found it.
        assert core.recipe["expect_culprit"] in (text if "CONFIG_KASAN_SW_TAGS" in core.config else report[0])
    for stack, fn in (("alloc", "alloc_fn"), ("free", "free_fn")):
        told = re.search(r"Allocated (by|in)" if stack == "alloc" else r"Freed (by|in)", text)
        if stack in core.recipe["expect_stacks"].split(",") and told:
            assert deed[fn] in text
