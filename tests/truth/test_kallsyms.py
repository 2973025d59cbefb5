"""A dump that comes alone: the kernel's symbols from its own memory, against the guest's /proc/kallsyms
(all of them, in the kernel's order) and, for what was recovered, against the vmlinux."""

import collections
import json
import random
import subprocess

import pytest
from truth_cores import INQUEST

KDUMP = "vmcore.kdump"


def alone(dump, *commands, status=(0,)):
    """The program's answers about a dump without a vmlinux."""
    args = [INQUEST, "--json", dump]
    for command in commands:
        args += ["-c", command]
    done = subprocess.run(args, capture_output=True, timeout=120)
    assert done.returncode in status, done.stderr.decode(errors="replace")[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def rows_alone(core, command, dump="vmcore.elf"):
    (answer,) = alone(core.path / dump, command)
    return answer["rows"]


def own_table(rows):
    """The kernel's own symbols: no module's, and not what this program found by other means."""
    return [(int(row["address"], 16), row["type"], row["name"]) for row in rows
            if row["module"] is None and row["source"] is None]


def guests_table(core):
    table = []
    for line in core.truth("kallsyms"):
        address, letter, name, *module = line.split()
        if not module:
            table.append((int(address, 16), letter, name))
    assert len(table) > 10000
    return table


def recovered(rows):
    return {row["name"]: row for row in rows if row["source"] is not None}


@pytest.mark.parametrize("dump", ["vmcore.elf", KDUMP])
def test_every_symbol(core, dump):
    assert own_table(rows_alone(core, "sym -l", dump)) == guests_table(core)


def test_lookup_by_address(core):
    """The kernel takes the first of an address's aliases (kernel/kallsyms.c, get_symbol_pos()), and
    knows addresses of its text, with KALLSYMS_ALL of its whole image, only."""
    table, first = guests_table(core), {}
    for address, _, name in table:
        first.setdefault(address, name)
    bounds = {name: address for address, _, name in table}
    seed = random.randrange(1 << 32)
    print("seed", seed)
    text = [a for a in first if bounds["_stext"] <= a < bounds["_etext"]]
    drawn = random.Random(seed).sample(text, 40)
    answers = alone(core.path / "vmcore.elf", *[f"sym {a + 1:x}" for a in drawn])
    for address, answer in zip(drawn, answers):
        (row,) = answer["rows"]
        following = min((a for a in first if a > address), default=address + 2)
        if following > address + 1:
            assert (row["name"], row["offset"]) == (first[address], "0x1"), hex(address)
    outside = [bounds["_end"]] if "_end" in bounds else [
        int(core.rows("sym init_task")[0]["address"], 16), bounds["_etext"]]
    for answer in alone(core.path / "vmcore.elf", *[f"sym {a + 16:x}" for a in outside], status=(1,)):
        assert not answer["rows"] and answer["faults"]


# What the kernel makes up as modules (kernel/kallsyms.c, get_ksymbol_ftrace_mod(), …_bpf(), …_kprobe()), and marks
# of the assembler, which its own lookup skips, too (include/linux/module_symbol.h, is_mapping_symbol()).
PSEUDO_MODULES = ("[bpf]", "[__builtin__ftrace]", "[__builtin__kprobes]")
MARKS = ("$a", "$t", "$d", "$x", ".L")


def modules_symbols(lines):
    table = collections.Counter()
    for line in lines:
        address, letter, name, *module = line.split()
        if module and module[0] not in PSEUDO_MODULES and not name.startswith(MARKS):
            table[int(address, 16), letter, name, module[0].strip("[]")] += 1
    return table


def expect_modules(core, rows):
    """Every symbol of every module, with its letter, as often as the guest has it, and no other. A module that only
    one of the two readings has came or went around then: its symbols may be there, but no others."""
    first, second = (modules_symbols(core.truth(name)) for name in ("kallsyms", "kallsyms.2"))
    assert {module for *_, module in first} <= {line.split()[0] for line in core.truth("modules")}
    ours = collections.Counter((int(row["address"], 16), row["type"], row["name"], row["module"])
                               for row in rows if row["module"])
    missing, extra = (first & second) - ours, ours - (first | second)
    assert not missing, sorted(missing)[:10]
    assert not extra, sorted(extra)[:10]
    return ours


@pytest.mark.parametrize("dump", ["vmcore.elf", KDUMP])
@pytest.mark.parametrize("with_vmlinux", [True, False])
def test_every_symbol_of_modules(core, dump, with_vmlinux):
    rows = core.rows("sym -l", dump=dump) if with_vmlinux else rows_alone(core, "sym -l", dump)
    ours = expect_modules(core, rows)
    if not ours and not core.truth("modules"):
        pytest.skip("this guest loaded no modules")
    assert ours or not modules_symbols(core.truth("kallsyms"))


def test_modules_without_types(core, tmp_path):
    """BTF spoiled wherever it stands: struct module must show itself, also where it exports symbols."""
    if not core.truth("modules"):
        pytest.skip("this guest loaded no modules")
    magic = bytes.fromhex("9feb010018000000")
    data = (core.path / "vmcore.elf").read_bytes()
    if magic not in data:
        pytest.skip("no BTF: the test before does it")
    dump = tmp_path / "without-types.elf"
    dump.write_bytes(data.replace(magic, bytes(len(magic))))
    del data
    types, symbols, providers = alone(dump, "struct module", "sym -l", "sys -d", status=(0, 1))
    dump.unlink()
    assert not types["rows"] and types["faults"]
    assert expect_modules(core, symbols["rows"])
    loaded = len(core.truth("modules"))
    (said,) = [row["origin"] for row in providers["rows"] if row["what"] == "modules"]
    assert said.startswith(f"struct module by {loaded} of {loaded} modules: ")


def test_where_the_kernel_lies(core):
    """The same place as with the vmlinux, and said to be proved."""
    (row,) = alone(core.path / "vmcore.elf", "sys", status=(0, 1))[0]["rows"]
    assert row["found_by"].endswith("proved by page tables")
    for address in ("_stext", "linux_banner", "init_task"):
        with_vmlinux, without = core.rows(f"vtop {address}"), rows_alone(core, f"vtop {address}")
        assert with_vmlinux[0]["physical"] == without[0]["physical"]
        assert with_vmlinux[0]["levels"] == without[0]["levels"]


def test_recovered_symbols_are_right(core):
    """Each symbol that no table has says where it comes from, and the vmlinux has it there."""
    extra = recovered(rows_alone(core, "sym -l"))
    names = [name for name in extra if extra[name]["source"] != "(VMCOREINFO)"]
    symbols = {name for _, _, name in guests_table(core)}
    if "init_task" not in symbols:
        assert {"init_task", "linux_banner"} <= set(names)
    assert not symbols & set(extra)
    wanted = {row["name"]: set() for row in core.rows("sym -l")}
    for row in core.rows("sym -l"):  # static variables of several files may share a name
        wanted[row["name"]].add(int(row["address"], 16))
    for name, row in extra.items():
        if name in ("__start_BTF", "__stop_BTF"):
            continue  # .BTF's bounds, which the next test checks
        # VMCOREINFO calls node_states[N_ONLINE] by a macro's name (include/linux/nodemask.h).
        word = 8 if core.arm64 else 4
        known, offset = ("node_states", word) if name == "node_online_map" else (name, 0)
        places = wanted.get(known) or {int(core.rows(f"sym {known}")[0]["address"], 16)}
        assert int(row["address"], 16) - offset in places, name


def test_percpu_variables_of_btf(core):
    """Where the table has no data but BTF lists the per-CPU variables: each CPU's copy as with the vmlinux."""
    extra = recovered(rows_alone(core, "sym -l"))
    listed = [name for name, row in extra.items() if "per-CPU section" in row["source"]]
    if not listed:
        (answer,) = alone(core.path / "vmcore.elf", "percpu vm_event_states", status=(0, 1))
        assert answer["rows"] or answer["faults"]
        pytest.skip("no BTF, or the kernel's own table has the per-CPU variables")
    assert len(listed) > 100 and "vm_event_states" in listed
    for command in ("percpu vm_event_states", "percpu -s vm_event_states.event[3]", "percpu runqueues.nr_running",
                    "p per_cpu(vm_event_states, 1).event[5]", "p vm_event_states.event[7]:a", "percpu cpu_number"):
        assert rows_alone(core, command) == core.rows(command), command


def test_btf_bounds(core):
    extra = recovered(rows_alone(core, "sym -l"))
    if "__start_BTF" not in extra:
        pytest.skip("no BTF, or its symbols are in kallsyms")
    for name in ("__start_BTF", "__stop_BTF"):
        (row,) = core.rows(f"sym {name}")
        assert row["address"] == extra[name]["address"]


def test_without_vmcoreinfo(core, tmp_path):
    """VMCOREINFO spoiled wherever it stands: the page tables alone must do."""
    data = (core.path / "vmcore.elf").read_bytes()
    spoiled = data.replace(b"OSRELEASE=", b"XSRELEASE=").replace(b"VMCOREINFO\0", b"XMCOREINFO\0")
    assert spoiled != data
    dump = tmp_path / "spoiled.elf"
    dump.write_bytes(spoiled)
    del data, spoiled
    commands = ("sys", "sym -l", "vtop _stext", "sym init_task", "sym swapper_pg_dir")
    answers = alone(dump, *commands, status=(0, 1))
    dump.unlink()
    (sys,), symbols, (stext,), (init_task,), (pgd,) = (answer["rows"] for answer in answers)
    assert sys["found_by"] == "kallsyms in memory, proved by page tables"
    assert own_table(symbols) == guests_table(core)
    assert stext["physical"] == core.rows("vtop _stext")[0]["physical"]
    assert init_task["address"] == core.rows("sym init_task")[0]["address"]
    assert pgd["address"] == core.rows("sym swapper_pg_dir")[0]["address"]


def test_configuration(core):
    """CONFIG_IKCONFIG, with and without a vmlinux, is the file that the kernel was built from."""
    wanted = (core.path / "config").read_text().splitlines()
    answers = (core.run("sys -c", status=0 if "CONFIG_IKCONFIG=y" in wanted else 1),
               alone(core.path / "vmcore.elf", "sys -c", status=(0, 1)))
    for (answer,) in answers:
        if "CONFIG_IKCONFIG=y" not in wanted:
            assert not answer["rows"] and "CONFIG_IKCONFIG" in json.dumps(answer["faults"])
        else:
            assert [row["line"] for row in answer["rows"]] == wanted


@pytest.mark.parametrize("command", ["sys", "log", "ps", "bt", "vtop _stext", "rd linux_banner",
                                     "sym schedule", "dis panic", "struct task_struct", "p jiffies"])
def test_commands_work_or_say_why(core, command):
    done = subprocess.run([INQUEST, "--json", core.path / "vmcore.elf", "-c", command],
                          capture_output=True, timeout=120)
    (answer,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode in (0, 1)
    if done.returncode == 1:
        assert answer["faults"], answer
    if command.split()[0] in ("vtop", "rd", "sym", "dis"):
        assert done.returncode == 0 and answer["rows"]
