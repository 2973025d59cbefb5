"""ps, sym, log, sys, percpu and vtop against the guest's own account."""

import re

import pytest
from truth_cores import share


def same_name(comm, row):
    """/proc shows a kernel thread's full name and a worker's queue behind its comm (fs/proc/array.c,
    proc_task_name()); the task_struct has 15 bytes."""
    if row["kernel"]:
        return comm.startswith(row["comm"])
    return comm == row["comm"]


def test_ps(core):
    """Tasks whose line did not change between the two readings. The state of one that was on a CPU
    then (the reader itself) or at death is no constant, nor is a moment's wait (D); some have been woken since."""
    # Whoever acts after the account (the trigger, the module's threads) is where the scenario has put it.
    actors = ("trigger", "mb-alloc", "mb-free", "mb-fault")
    ours = {row["pid"]: row for row in core.rows("ps") if row["pid"]}
    steady = [line.split(None, 9) for line in core.steady("ps") if not line.startswith("#")]
    # kthreadd's newest child has its parent's name until it gives itself one.
    steady = [field for field in steady if field[9] != "kthreadd" or field[0] == "2"]
    same, states = [], []
    for pid, tgid, ppid, cpu, state, flags, vsize, rss, start, comm in steady:
        row = ours.get(int(pid))
        same.append(bool(row) and (row["tgid"], row["ppid"]) == (int(tgid), int(ppid))
                    and same_name(comm, row))
        if row and state not in "RD" and row["current"] != ">" and comm not in actors:
            states.append((row["state"], state))
    share(sum(same), len(same), 0.99, "tasks")
    # Time to fall asleep elsewhere, for those that wait for a CPU or a lock that will never be free.
    floor = 0.97 if core.ran_on < 3 else 0.9
    share(sum(a == b or a == "R" for a, b in states), len(states), floor, "states")
    share(sum(a == b for a, b in states), len(states), 0.6, "states of tasks not woken since")


def test_ps_shows_no_strangers(core):
    """Who is in ours and not in the guest's list began after it was read."""
    known = {int(line.split()[0]) for name in ("ps", "ps.2") for line in core.truth(name)
             if not line.startswith("#")}
    strangers = [row for row in core.rows("ps") if row["pid"] and row["pid"] not in known]
    assert all(row["pid"] > max(known) - 5 or row["comm"].startswith("kworker")
               for row in strangers), strangers


def test_ps_has_an_idle_task_per_cpu(core):
    idle = [row for row in core.rows("ps") if row["pid"] == 0]
    # include/linux/init_task.h has "swapper"; init_idle() adds the CPU, on SMP kernels (kernel/sched/core.c).
    smp = "CONFIG_SMP" in core.config
    names = [f"swapper/{i}" for i in range(int(core.meta["cpus"]))] if smp else ["swapper"]
    assert [row["comm"] for row in idle] == names


def names_a_thing(name, module):
    """Mapping symbols ($a, $d, $x) and local labels (.L…) mark stretches of code for tools.
    /proc/kallsyms lists modules' (and, by an oversight of 6.1's mksysmap, __pi_$x), %pS never names
    them, and neither do we. BPF programs come and go and are no module's. A name that is a number: the
    kernel's tables were made of a listing in which a symbol had no name (Thumb-2)."""
    if re.fullmatch(r"[0-9a-f]{8,16}", name):
        return False
    return module != "bpf" and not name.removeprefix("__pi_").startswith(("$", ".L"))


# Names of the tables that hold names. Some releases' kallsyms have them (5.10 __kstrtab_*, 6.12 kallsyms_*), most
# have not; we list none, and find each by its name.
TABLES = re.compile(r"^(__kstrtab_.*|__kstrtabns_.*|kallsyms_(num_syms|names|markers|token_table|token_index|offsets|"
                    r"addresses|relative_base|seqs_of_names))$")


def test_symbols(core):
    """Every line of /proc/kallsyms, modules included: address and name; and the type's letter."""
    ours = {}
    for row in core.rows("sym -l"):
        ours.setdefault((int(row["address"], 16), row["name"], row["module"]), set()).add(row["type"])
    missing, letters, tables = [], [], []
    for line in core.truth("kallsyms"):
        address, letter, name, *module = line.split()
        key = (int(address, 16), name, module[0].strip("[]") if module else None)
        if not names_a_thing(key[1], key[2]):
            continue
        if key in ours:
            letters.append(letter in ours[key])
        elif TABLES.match(name):
            tables.append(key)
        else:
            missing.append(key)
    assert not missing, f"{len(missing)} missing, e.g. {missing[:5]}"
    assert len(letters) > 10000
    share(sum(letters), len(letters), 0.999, "type letters")
    for (address, name, _), answer in zip(tables[:20], core.run(*[f"sym {key[1]}" for key in tables[:20]])):
        assert [int(row["address"], 16) for row in answer["rows"]] == [address], name


def test_aliases(core):
    """Of several names of one address the kernel prints the first of its table: ours comes first too."""
    ours, kernels = {}, {}
    for row in core.rows("sym -l"):
        if not row["module"]:
            ours.setdefault(int(row["address"], 16), row["name"])
    for line in core.truth("kallsyms"):
        address, letter, name, *module = line.split()
        if not module and letter in "tT" and names_a_thing(name, None):
            kernels.setdefault(int(address, 16), name)
    same = [ours.get(address) == name for address, name in kernels.items()]
    assert len(same) > 5000
    share(sum(same), len(same), 0.9995, "first aliases in text")


CONSOLE = re.compile(r"^\[ *(\d+\.\d{6})\] ?(.*)$")


def stamp(row):
    """The kernel cuts nanoseconds off."""
    us = round(row["ts"] * 1e9) // 1000
    return f"{us // 1000000}.{us % 1000000:06}"


def console_lines(core):
    """(time, text) of what printk put on the console; the harness's own and torn lines left out."""
    lines = []
    for line in (core.path / "console.log").read_bytes().split(b"\n"):
        match = CONSOLE.match(line.decode(errors="backslashreplace").rstrip("\r"))
        if match:
            lines.append((match[1], match[2].rstrip()))
    return lines


def test_log(core):
    """Every line of the console that is not older than the buffer, in order."""
    rows = core.rows("log")
    ours = [(stamp(row), line.rstrip()) for row in rows for line in row["text"].split("\n")]
    assert ours, "the log is empty"
    oldest = float(ours[0][0])
    lines = [line for line in console_lines(core) if float(line[0]) >= oldest]
    at = good = 0
    missing = []
    for line in lines:
        try:
            at = ours.index(line, at) + 1
            good += 1
        except ValueError:
            missing.append(line)
    share(good, len(lines), 0.99, f"console lines (missing e.g. {missing[:3]})")


def test_log_empty_lines(core):
    """A record that ends with an empty line of its own has that on the console, and here."""
    ours = [(stamp(row), row["text"].rstrip()) for row in core.rows("log")]
    oldest = float(ours[0][0])
    lines = [line for line in console_lines(core) if float(line[0]) > oldest]
    pairs = {(a, b) for a, b in zip(lines, lines[1:]) if not b[1] and a[0] == b[0]}
    if not pairs:
        pytest.skip("the console has no such line")
    found = pairs & set(zip(ours, ours[1:]))
    share(len(found), len(pairs), 0.9, "empty lines behind their records")


def test_log_text_form(core):
    """In text each line looks as on the console."""
    import subprocess
    from truth_cores import INQUEST
    done = subprocess.run([INQUEST, core.path / "vmlinux", core.path / "vmcore.elf", "-c", "log"],
                          capture_output=True, timeout=60)
    assert done.returncode == 0
    first = core.rows("log")[0]
    line = done.stdout.split(b"\n")[0].decode()
    assert line.startswith(f"[{stamp(first):>12}] ") and line.endswith(first["text"].rstrip()[-40:])


def test_sys(core):
    (row,) = core.rows("sys")
    assert row["release"] == core.meta["release"]
    assert row["banner"] == core.meta["banner"]
    assert row["command_line"].strip() == core.truth("cmdline")[0].strip()
    assert row["cpus"] == int(core.meta["cpus"])
    assert row["dump_memory"] == int(core.meta["memory_mb"]) << 20
    assert row["quality"] == "complete"
    # A guest that hung before its panic message could reach the console says in its recipe what memory has.
    told = core.meta["panic_message"] if core.panicked else None
    assert row["panic"] == core.recipe.get("expect_panic", told)


def test_sys_memory(core):
    """MemTotal of /proc/meminfo is totalram_pages."""
    (row,) = core.rows("sys")
    total = next(line for line in core.truth("meminfo") if line.startswith("MemTotal:"))
    assert row["memory"] == int(total.split()[1]) << 10


def test_sys_uptime(core):
    """Between the second reading and the panic's own time stamp (or soon after, when alive)."""
    (row,) = core.rows("sys")
    days, clock = row["uptime"].split(" days, ")
    h, m, s = map(int, clock.split(":"))
    uptime = int(days) * 86400 + h * 3600 + m * 60 + s
    second = float(core.meta["uptime_second_reading"])
    assert int(second) - 1 <= uptime <= second + core.ran_on + 15


def enumerators(core, name):
    """name -> value, from the type's definition as the program prints it."""
    (row,) = core.rows(f'struct "enum {name}"')
    return {n: int(v) for n, v in re.findall(r"(\w+) = (\d+)", row["text"])}


def test_percpu_events(core):
    """vm_event_states summed over the CPUs is /proc/vmstat: equal where both readings agree, and
    never less than the second reading."""
    first = dict(line.split() for line in core.truth("vmstat"))
    second = dict(line.split() for line in core.truth("vmstat.2"))
    if "pgfault" not in second:
        pytest.skip("a kernel without CONFIG_VM_EVENT_COUNTERS")
    events = enumerators(core, "vm_event_item")
    names = [n for n in events if n.lower() in second]
    assert len(names) > 30
    answers = core.run(*[f"percpu -s vm_event_states.event[{events[n]}]" for n in names])
    equal = steady = 0
    for name, answer in zip(names, answers):
        value, key = answer["rows"][0]["value"], name.lower()
        assert value >= int(second[key]), f"{key}: {value} < {second[key]}"
        if first[key] == second[key]:
            steady += 1
            equal += value == int(second[key])
    # Who fills the memory moves what had been quiet: reclaim's and compaction's own counters.
    floor = 0.75 if "panic_on_oom" in core.meta.get("panic_message", "") else 0.9
    share(equal, steady, floor, "steady counters")


def test_percpu_softirqs(core):
    """kstat.softirqs, each CPU's own, against /proc/softirqs: never less; equal where steady; those that the tick
    raises not more than some ticks of the time since."""
    ticking = ("TIMER:", "SCHED:", "HRTIMER:", "RCU:")
    most = 500 * (core.ran_on + 3)
    def table(name):
        return [line.split() for line in core.truth(name)[1:]]
    equal = steady = 0
    for i, (then, now) in enumerate(zip(table("softirqs"), table("softirqs.2"))):
        rows = core.rows(f"percpu kstat.softirqs[{i}]")
        for cpu in range(int(core.meta["cpus"])):
            value, low = int(rows[cpu]["value"]), int(now[1 + cpu])
            assert value >= low, f"{now[0]} CPU {cpu}: {value} < {low}"
            if now[0] in ticking:
                assert value <= low + most, f"{now[0]} CPU {cpu}: {value} > {low} + {most}"
            elif then[1 + cpu] == now[1 + cpu]:
                steady += 1
                equal += value == low
    share(equal, steady, 0.9, "steady softirq counts")


def test_percpu_addresses(core):
    """Copies are __per_cpu_offset apart and lie where vtop finds memory."""
    rows = core.rows("percpu kstat")
    assert len(rows) == len(core.rows("ps 0")) or len(rows) >= int(core.meta["cpus"])
    addresses = [int(row["address"], 16) for row in rows]
    assert len(set(addresses)) == len(addresses)
    for answer in core.run(*[f"vtop {row['address']}" for row in rows]):
        assert isinstance(answer["rows"][0]["physical"], str)


def test_vtop_linear(core):
    (row,) = core.rows("vtop linux_banner")
    assert core.ram(int(row["physical"], 16), 14) == b"Linux version "
    assert row["levels"], "no page-table level was shown"


def test_vtop_vmalloc(core):
    """Kernel stacks are vmalloc'ed (linear before ARM32 had CONFIG_VMAP_STACK): each has the end magic
    (include/uapi/linux/magic.h) at its base, or behind the thread_info that stands there."""
    pids = [row["pid"] for row in core.rows("ps -k") if row["pid"]][:10]
    tasks = core.run(*[f"struct task_struct.stack {row['task']}"
                       for row in core.rows("ps -k") if row["pid"] in pids])
    bases = [re.search(r"0x[0-9a-f]+", a["rows"][0]["text"])[0] for a in tasks]
    assert len(bases) == len(pids) > 0
    if "CONFIG_THREAD_INFO_IN_TASK" not in core.config:
        (size,) = core.rows("p sizeof(struct thread_info)")
        bases = [f"{int(base, 16) + int(size['value']):#x}" for base in bases]
    for base, answer in zip(bases, core.run(*[f"vtop {b}" for b in bases])):
        pa = int(answer["rows"][0]["physical"], 16)
        assert core.ram(pa, 4) == (0x57AC6E9D).to_bytes(4, "little"), base


def test_kdump_says_the_same(core):
    """The flattened kdump of the same moment answers like the ELF dump."""
    commands = ("ps", "log", "vtop linux_banner", "percpu kstat")
    for elf, kdump in zip(core.run(*commands), core.run(*commands, dump="vmcore.kdump")):
        assert elf == kdump
    # A stack that the scenario has damaged ends in a fault: the same one.
    elf, kdump = core.run("bt", status=None), core.run("bt", dump="vmcore.kdump", status=None)
    assert elf == kdump and elf[0]["rows"]


@pytest.mark.parametrize("command", ["dis panic", "p jiffies", "struct -o list_head", "mod -x"])
def test_smoke(core, command):
    if command == "mod -x":
        (answer,) = core.run(command, status=1)
        assert answer["rows"] == [] and answer["faults"]
        return
    assert core.rows(command)
