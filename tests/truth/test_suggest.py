"""A name with one letter wrong leads to the right one: symbols of the guest's own list, types, members,
enumerators, commands; and it takes no scan of all debug information where there is BTF."""

import json
import os
import random
import re
import subprocess
import time

from truth_cores import INQUEST, share


def complaints(core, commands):
    """What each command complains of; all must fail."""
    args = [INQUEST, "--json", core.path / "vmlinux", core.path / "vmcore.elf"]
    args += [part for command in commands for part in ("-c", command)]
    done = subprocess.run(args, capture_output=True, timeout=300)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(commands), done.stderr.decode(errors="replace")[-2000:]
    return [" ".join(fault["message"] for fault in answer["faults"]) for answer in answers]


def suggested(message):
    found = re.search(r"did you mean (.*)\?", message)
    return re.split(", | or ", found[1]) if found else []


def test_symbols(core):
    seed = int(os.environ.get("SEED", random.randrange(1 << 32)))
    print("seed", seed)
    dice = random.Random(seed)
    names = [n for n in core.kallsyms if re.fullmatch(r"[a-z_]\w{9,40}", n) and len(core.kallsyms[n]) == 1]
    drawn = dice.sample(sorted(names), 40)
    wrong = []
    for name in drawn:
        at = dice.randrange(1, len(name))
        wrong.append(dice.choice([name[:at] + name[at + 1:], name[:at] + "q" + name[at:], name[:at] + "q" + name[at + 1:],
                                  name[:at - 1] + name[at] + name[at - 1] + name[at + 1:]]))
    pairs = [(n, w) for n, w in zip(drawn, wrong) if w not in core.kallsyms]
    messages = complaints(core, [f"p {w}" for _, w in pairs])
    # names with many equally near neighbours (__traceiter_…) may not be among the five
    share(sum(n in suggested(m) for (n, _), m in zip(pairs, messages)), len(pairs), 0.9, "symbols")
    assert all(len(suggested(m)) <= 5 for m in messages)


def test_members(core):
    cases = {"struct task_struct.stat": ("state", "__state", "stats"), "p init_task.com": ("comm",),
             "p init_task.se.vrntime": ("vruntime",), "p offsetof(struct task_struct, se.vrutime)": ("vruntime",),
             "percpu runqueue": ("runqueues",), "rd jifies": ("jiffies",), "syms": ("sym",)}
    for (command, wanted), message in zip(cases.items(), complaints(core, list(cases))):
        assert set(wanted) & set(suggested(message)), f"{command}: {message}"


def test_types_and_enumerators(core):
    cases = {"struct task_strct": "task_struct", "p sizeof(struct task_strct)": "task_struct",
             "p PIDTYPE_TGD": "PIDTYPE_TGID", "whatis task_strct": "task_struct"}
    start = time.monotonic()
    messages = complaints(core, list(cases))
    assert time.monotonic() - start < 5
    for (command, wanted), message in zip(cases.items(), messages):
        assert wanted in suggested(message), f"{command}: {message}"


def test_nothing_is_near(core):
    (message,) = complaints(core, ["p qqxzzyqqwvk"])
    assert "no symbol" in message and not suggested(message)


def test_enumerators_of_enums_nobody_read(core):
    (row,) = core.rows("p PIDTYPE_SID")
    assert row["value"] == "3"  # include/linux/pid.h since v4.19: PID, TGID, PGID, SID
