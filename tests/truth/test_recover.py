"""Data symbols that were recovered from the dump alone, against the vmlinux (moved by KASLR), and what
commands say with them, against what they say with the vmlinux."""

import json
import subprocess

import pytest
from truth_cores import INQUEST

WANTED = ("init_task linux_banner nr_cpu_ids __cpu_possible_mask __cpu_present_mask __cpu_online_mask "
          "__cpu_active_mask __per_cpu_offset __per_cpu_start __per_cpu_end pcpu_unit_offsets "
          "pcpu_base_addr runqueues modules panic_cpu jiffies saved_command_line avenrun "
          "_totalram_pages tainted_mask init_mm tk_core shadow_timekeeper slab_caches "
          "irq_stack_ptr __init_end").split()
ARM64 = "overflow_stack kimage_voffset memstart_addr init_stack __end_init_task".split()
ARM = "__init_begin overflow_stack_ptr unwind_tables".split()


def alone(core, *commands):
    args = [INQUEST, "--json", core.path / "vmcore.elf"]
    for command in commands:
        args += ["-c", command]
    done = subprocess.run(args, capture_output=True, timeout=120)
    assert done.returncode in (0, 1), done.stderr.decode(errors="replace")[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def table(core):
    (answer,) = alone(core, "sym -l")
    return [row for row in answer["rows"] if row["module"] is None]


def recovered(core):
    return {row["name"]: row for row in table(core)
            if "recovered: " in (row["source"] or "")}


def text_only(core):
    """Debian's kernels without CONFIG_KALLSYMS_ALL."""
    return "CONFIG_KALLSYMS_ALL=y" not in (core.path / "config").read_text().splitlines()


def true_symbols(core):
    """name -> addresses by the vmlinux, where it runs; the last of these was renamed by v6.12."""
    nm = subprocess.run(["nm", core.path / "vmlinux"], capture_output=True, text=True, check=True)
    linked = {}
    for line in nm.stdout.splitlines():
        address, _, name = line.split(" ")  # a Thumb-2 kernel has a symbol without a name
        linked.setdefault(name, set()).add(int(address, 16))
    (stext,) = linked["_stext"]
    slide = core.kallsyms["_stext"][0] - stext
    linked.setdefault("__end_init_task", linked.get("__end_init_stack", set()))
    return {name: {address + slide for address in found} for name, found in linked.items()}


def test_addresses(core):
    """Whatever was recovered is right, on every kernel."""
    true = true_symbols(core)
    ours = recovered(core)
    right = [name for name, row in ours.items() if int(row["address"], 16) in true.get(name, ())]
    assert sorted(ours) == sorted(right)
    if text_only(core):
        wanted = [name for name in WANTED + (ARM64 if core.arm64 else ARM) if name in true]
        found = [name for name in wanted if name in ours]
        print(f"{core.name}: {len(found)} of {len(wanted)} recovered")
        assert found == wanted


def reduced(rows):
    """Without what only debug information can say: inlined frames, files and lines, how it was done."""
    chains = []
    for row in rows:
        row = {key: value for key, value in row.items() if key not in ("end", "source")}
        if "frames" in row:
            row["frames"] = [(f["pc"], f["symbol"], f["offset"]) for f in row["frames"]
                             if not f["inlined"]]
        chains.append(row)
    return chains


@pytest.mark.parametrize("command", ["ps", "bt", "bt -a"])
def test_commands_without_vmlinux(core, command):
    """With types and text symbols in the dump, a vmlinux adds nothing to these."""
    if not core.arm64 or not text_only(core):
        pytest.skip("no types in the dump, or symbols enough")
    (ours,) = alone(core, command)
    with_vmlinux = subprocess.run(
        [INQUEST, "--json", core.path / "vmlinux", core.path / "vmcore.elf", "-c", command],
        capture_output=True, timeout=120)
    (theirs,) = [json.loads(line) for line in with_vmlinux.stdout.splitlines()]
    assert ours["rows"] and reduced(ours["rows"]) == reduced(theirs["rows"])


def test_sys_without_vmlinux(core):
    if not core.arm64 or not text_only(core):
        pytest.skip("no types in the dump, or symbols enough")
    ((ours,),) = [answer["rows"] for answer in alone(core, "sys")]
    ((theirs,),) = [answer["rows"] for answer in core.run("sys", status=0)]
    differ = {key for key in theirs if ours.get(key) != theirs[key]}
    assert differ <= {"kernel", "found_by"}, differ


def test_types_are_said_to_be_missing(core):
    """A kernel without BTF: commands that need types say so, in one line."""
    if core.arm64:
        pytest.skip("has BTF")
    for command in ("ps", "bt"):
        (answer,) = alone(core, command)
        assert not answer["rows"]
        (fault,) = answer["faults"]
        assert "debug information" in json.dumps(fault)
