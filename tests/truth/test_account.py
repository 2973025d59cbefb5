"""ps, sym, log, sys, percpu and vtop against the guest's own account."""

import re

import pytest
from conftest import share


def test_ps(core):
    """Tasks whose line did not change between the two readings, and that still live."""
    ours = {row["pid"]: row for row in core.rows("ps") if row["pid"]}
    steady = [line.split(None, 9) for line in core.steady("ps") if not line.startswith("#")]
    good = 0
    for pid, tgid, ppid, cpu, state, flags, vsize, rss, start, comm in steady:
        row = ours.get(int(pid))
        good += bool(row) and (row["tgid"], row["ppid"], row["comm"], row["state"]) == (
            int(tgid), int(ppid), comm, state)
    share(good, len(steady), 0.95, "tasks")


def test_ps_shows_no_strangers(core):
    """Who is in ours and not in the guest's list began after it was read."""
    known = {int(line.split()[0]) for name in ("ps", "ps.2") for line in core.truth(name)
             if not line.startswith("#")}
    strangers = [row for row in core.rows("ps") if row["pid"] and row["pid"] not in known]
    assert all(row["pid"] > max(known) - 5 or row["comm"].startswith("kworker")
               for row in strangers), strangers


def test_ps_has_an_idle_task_per_cpu(core):
    idle = [row for row in core.rows("ps") if row["pid"] == 0]
    assert [row["comm"] for row in idle] == [f"swapper/{i}" for i in range(int(core.meta["cpus"]))]


def test_symbols(core):
    """Every line of /proc/kallsyms, modules included: address and name; and the type's letter."""
    ours = {}
    for row in core.rows("sym -l"):
        ours.setdefault((int(row["address"], 16), row["name"], row["module"]), set()).add(row["type"])
    lines = [line.split() for line in core.truth("kallsyms")]
    missing, letters = [], 0
    for address, letter, name, *module in lines:
        key = (int(address, 16), name, module[0].strip("[]") if module else None)
        # BPF programs come and go and are no module's.
        if key[2] == "bpf":
            continue
        if key not in ours:
            missing.append(key)
        elif letter in ours[key]:
            letters += 1
    assert not missing, f"{len(missing)} of {len(lines)} missing, e.g. {missing[:5]}"
    share(letters, len(lines), 0.999, "type letters")


CONSOLE = re.compile(r"^\[ *(\d+\.\d{6})\] ?(.*)$")


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
    ours = [(f"{row['ts']:.6f}", row["text"].rstrip()) for row in rows]
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


def test_log_text_form(core):
    """In text each line looks as on the console."""
    import subprocess
    from conftest import INQUEST
    done = subprocess.run([INQUEST, core.path / "vmlinux", core.path / "vmcore.elf", "-c", "log"],
                          capture_output=True, timeout=60)
    assert done.returncode == 0
    first = core.rows("log")[0]
    line = done.stdout.split(b"\n")[0].decode()
    seconds = f"{first['ts']:.6f}"
    assert line.startswith(f"[{seconds:>12}] ") and line.endswith(first["text"].rstrip()[-40:])


def test_sys(core):
    (row,) = core.rows("sys")
    assert row["release"] == core.meta["release"]
    assert row["banner"] == core.meta["banner"]
    assert row["command_line"].strip() == core.truth("cmdline")[0].strip()
    assert row["cpus"] == int(core.meta["cpus"])
    assert row["dump_memory"] == int(core.meta["memory_mb"]) << 20
    assert row["quality"] == "complete"
    assert row["panic"] == (core.meta["panic_message"] if core.panicked else None)


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
    last = float(core.meta.get("panic_console_seconds", second))
    assert int(second) - 1 <= uptime <= last + 15


def enumerators(core, name):
    """name -> value, from the type's definition as the program prints it."""
    (row,) = core.rows(f'struct "enum {name}"')
    return {n: int(v) for n, v in re.findall(r"(\w+) = (\d+)", row["text"])}


def test_percpu_counters(core):
    """vm_event_states summed over the CPUs is /proc/vmstat: equal where both readings agree, and
    never less than the second reading."""
    first = dict(line.split() for line in core.truth("vmstat"))
    second = dict(line.split() for line in core.truth("vmstat.2"))
    events = enumerators(core, "vm_event_item")
    names = [n for n in events if n.lower() in second]
    assert len(names) > 30
    answers = core.run(*[f"percpu -s vm_event_states.event[{events[n]}]" for n in names])
    equal = steady = 0
    for name, answer in zip(names, answers):
        value, key = answer["rows"][0]["value"], name.lower()
        assert int(value) >= int(second[key]), f"{key}: {value} < {second[key]}"
        if first[key] == second[key]:
            steady += 1
            equal += int(value) == int(second[key])
    share(equal, steady, 0.9, "steady counters")


def test_percpu_addresses(core):
    """Copies are __per_cpu_offset apart and lie where vtop finds memory."""
    rows = core.rows("percpu vmstat_work")
    assert len(rows) == len(core.rows("ps 0")) or len(rows) >= int(core.meta["cpus"])
    addresses = [int(row["address"], 16) for row in rows]
    assert len(set(addresses)) == len(addresses)
    for answer in core.run(*[f"vtop {row['address']}" for row in rows]):
        assert isinstance(answer["rows"][0]["physical"], str)


def ram(core, pa, n):
    with open(core.path / "ram.raw", "rb") as f:
        f.seek(pa - 0x40000000)
        return f.read(n)


def test_vtop_linear(core):
    (row,) = core.rows("vtop linux_banner")
    assert ram(core, int(row["physical"], 16), 14) == b"Linux version "
    assert row["levels"], "no page-table level was shown"


def test_vtop_vmalloc(core):
    """Kernel stacks are vmalloc'ed: each has the end magic (include/uapi/linux/magic.h) at its base."""
    pids = [row["pid"] for row in core.rows("ps -k") if row["pid"]][:10]
    tasks = core.run(*[f"struct task_struct.stack {row['task']}"
                       for row in core.rows("ps -k") if row["pid"] in pids])
    bases = [re.search(r"0x[0-9a-f]+", a["rows"][0]["text"])[0] for a in tasks]
    assert len(bases) == len(pids) > 0
    for base, answer in zip(bases, core.run(*[f"vtop {b}" for b in bases])):
        pa = int(answer["rows"][0]["physical"], 16)
        assert ram(core, pa, 4) == (0x57AC6E9D).to_bytes(4, "little"), base


def test_rd_equals_ram(core):
    (row,) = core.rows("rd -p -8 40200000 16")
    assert bytes.fromhex(row["data"]) == ram(core, 0x40200000, 16)


def test_kdump_says_the_same(core):
    """The flattened kdump of the same moment answers like the ELF dump."""
    commands = ("ps", "log", "vtop linux_banner", "percpu vmstat_work", "bt")
    for elf, kdump in zip(core.run(*commands), core.run(*commands, dump="vmcore.kdump")):
        assert elf == kdump


@pytest.mark.parametrize("command", ["dis panic", "p jiffies", "struct -o list_head", "mod -x"])
def test_smoke(core, command):
    if command == "mod -x":
        (answer,) = core.run(command, status=1)
        assert answer["rows"] == [] and answer["faults"]
        return
    assert core.rows(command)
