"""printk's formats against what the guest itself printed: its console's symbols, /proc/iomem, task names."""

import re

import pytest
from truth_cores import CORES, Core, share

# One of each architecture, small and without KASLR.
NAMES = ["arm64-kasan-null", "arm32-lpae-bug"]


@pytest.fixture(scope="module", params=NAMES)
def core(request):
    if not (CORES / request.param / "truth").is_dir():
        pytest.skip(f"{request.param} is not made: make cores CORE={request.param}")
    return Core(request.param)


def printed(core, commands):
    return [answer["rows"][0]["text"] for answer in core.run(*commands)]


def test_symbols_as_the_console_had_them(core):
    """%pS and %pB of an address that the console called so; %ps is its name."""
    lines = sorted({line for line in core.truth("splat") if re.fullmatch(r"[\w.]+\+0x\w+/0x\w+", line)})
    known = []
    for line in lines:
        name, offset = re.match(r"([\w.]+)\+(0x\w+)/", line).groups()
        if len(core.kallsyms.get(name, [])) == 1:
            known.append((line, name, core.kallsyms[name][0] + int(offset, 16)))
    assert len(known) >= 4
    commands = [f'printf "%pS|%pB|%ps", {va:#x}ul, {va:#x}ul, {va:#x}ul' for _, _, va in known]
    for (line, name, _), text in zip(known, printed(core, commands)):
        by_pS, by_pB, by_ps = text.split("|")
        assert (by_pS, by_ps) == (line, name)
        # A return address at a function's first byte belongs to the function before.
        assert (by_pB == line) == ("+0x0/" not in line)


def test_comm_and_pid_as_proc_had_them(core):
    rows = {}
    for line in core.steady("ps"):
        words = line.split(None, 9)
        # /proc shows a kworker's queue behind its comm (fs/proc/array.c:proc_task_name()).
        if words[0].isdigit() and not words[9].startswith("kworker"):
            rows[int(words[0])] = words[9]
    tasks = [row for row in core.rows("ps") if row["pid"] in rows][:20]
    commands = [f'printf "%s|%d|%5.3s|", ((struct task_struct *){int(row["task"], 16):#x}ul)->comm, '
                f'((struct task_struct *){int(row["task"], 16):#x}ul)->pid, '
                f'((struct task_struct *){int(row["task"], 16):#x}ul)->comm' for row in tasks]
    said = printed(core, commands)
    right = sum(text == f"{rows[row['pid']]}|{row['pid']}|{rows[row['pid']][:3]:>5}|" for row, text in zip(tasks, said))
    share(right, len(tasks), 1.0, "comm")


def test_resources_as_iomem_had_them(core):
    """The tops of the tree, sibling by sibling."""
    tops = [re.match(r"(\w+)-(\w+) : (.*)", line).groups() for line in core.truth("iomem") if line[0] != " "]
    path, commands = "iomem_resource.child", []
    for _ in tops:
        commands.append(f'printf "%pR|%s", {path}, ({path})->name')
        path = f"({path})->sibling"
    for (start, end, name), text in zip(tops, printed(core, commands)):
        assert re.fullmatch(rf"\[mem 0x{start}-0x{end}( [a-z0-9]+)*\]\|{re.escape(name)}", text)


def test_online_cpus_as_sysfs_had_them(core):
    """The panic stopped CPUs, so the possible ones: a mask that does not move."""
    (possible,) = core.truth("cpu_possible")
    assert printed(core, ['printf "%*pbl", nr_cpu_ids, &__cpu_possible_mask']) == [possible.strip()]


def test_page_flags_name_what_is_set(core):
    """A slab's page: its names are those of the enumerators whose bits are set, and no others."""
    flags = "&per_cpu_ptr(dentry_cache->cpu_slab, 1)->slab->__page_flags"
    (text,) = printed(core, [f'printf "%pGp", {flags}'])
    number, inner = re.fullmatch(r"0x(\w+)\((.*)\)", text).groups()
    names = [word for word in inner.split("|") if "=" not in word]
    # Enumerators are found once their enum was seen: the first command sees to that.
    asked = [f'printf "%pGp", {flags}', 'printf "%d", __NR_PAGEFLAGS', *(f'printf "%d", PG_{name}' for name in names)]
    count, *bits = [int(number) for number in printed(core, asked)[1:]]
    assert sum(1 << bit for bit in bits) == int(number, 16) & ((1 << count) - 1)
    assert "slab" in names


def test_version_by_its_banner(core):
    (version,) = core.truth("version")[:1]
    (text,) = printed(core, ['printf "%s", linux_banner'])
    assert text in (version + "\\n", version)


def test_device_nodes_as_the_blob_has_them(core):
    """Every node of the tree; `dt -b` is what dtc says of the blob (test_dt.py)."""
    blob = {(r["path"], r["property"]): r["value"] for r in core.rows("dt -b")
            if r["kind"] not in ("end", "blank", "reserve")}
    nodes = {r["path"]: r["address"] for r in core.rows("dt") if r["path"] and r["kind"] == "node" and r["address"]}
    assert len(nodes) > 20
    paths = [path for path in nodes if any(key[0] == path for key in blob)]
    commands = [f'printf "%pOF|%pOFn|%pOFP|%pOFp|%pOFF|%pOFC", {", ".join([f"{int(nodes[path], 16):#x}ul"] * 6)}'
                for path in paths]
    phandles = 0
    for path, text in zip(paths, printed(core, commands)):
        full, name, unit, phandle, flags, compatible = text.split("|")
        last = path.rsplit("/", 1)[1]
        assert full == path and name == last.split("@")[0] and unit == (last or "/")
        wanted = blob.get((path, "phandle"), "<0x0>")
        assert int(phandle) == int(wanted.strip("<>"), 0), path
        phandles += wanted != "<0x0>"
        assert re.fullmatch(r"-[-d][-P][-B]", flags), flags
        assert compatible == blob.get((path, "compatible"), "").replace('", "', '","')
    assert phandles >= 1


def test_firmware_nodes_are_those_of_the_tree(core):
    """The node a device carries is the one that the tree has at that path."""
    (text,) = printed(core, ['printf "%pfw|%pfwP|%pOF", &of_root->child->fwnode, &of_root->child->fwnode, '
                             'of_root->child'])
    full, name, path = text.split("|")
    assert full == path and path == f"/{name}" and name


def test_forms_against_other_commands(core):
    """What p and rd say of the same bytes, in printk's forms."""
    word = 8 if core.arm64 else 4
    (banner,) = printed(core, ['printf "%s", linux_banner'])
    raw = banner.replace("\\n", "\n").encode()[:20]
    seconds, = core.rows("p tk_core.timekeeper.xtime_sec")
    when = int(seconds["value"])
    said = printed(core, [
        'printf "%20phN|%20phC|%20phD", linux_banner, linux_banner, linux_banner',
        'printf "%20pE", linux_banner',
        'printf "%p4ch|%p4chR|%p4cl|%p4cb", linux_banner, linux_banner, linux_banner, linux_banner',
        'printf "%ptTs", &tk_core.timekeeper.xtime_sec',
        'printf "%ptSp", &tk_core.timekeeper.xtime_sec',
        'printf "%pMR|%pm|%pI4|%pi4|%pI6c|%pU", linux_banner, linux_banner, linux_banner, linux_banner, linux_banner, '
        'linux_banner',
        'printf "%px|%pK|%p|%lx", &init_task, &init_task, &init_task, &init_task',
        'printf "%pks|%pe|%pd", linux_banner, -2l, init_task.fs->root.dentry',
        'printf "%pSb|%pBb|%pSR", schedule, schedule + 1, schedule',
    ])
    assert said[0] == "|".join([raw.hex(), raw.hex(":"), raw.hex("-")])
    assert said[1] == raw.decode()
    swapped = raw[3::-1].decode()
    assert [part.split()[0] for part in said[2].split("|")] == [swapped, raw[:4].decode(), swapped, raw[:4].decode()]
    import datetime
    assert said[3] == datetime.datetime.fromtimestamp(when, datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
    assert said[4].startswith(f"{when}.")
    dots = ".".join(str(byte) for byte in raw[:4])
    assert said[5].split("|")[:4] == [raw[5::-1].hex(":"), raw[:6].hex(), dots,
                                      ".".join(f"{byte:03}" for byte in raw[:4])]
    (task,) = core.rows("sym init_task")
    assert said[6].split("|") == [f'{int(task["address"], 16):0{2 * word}x}'] * 3 + [f'{int(task["address"], 16):x}']
    assert said[7] == f"{banner}|-ENOENT|/"
    assert all(part.startswith("schedule+0x") and "[" not in part for part in said[8].split("|"))
