"""Device numbers beside the guest's own /proc/devices; who uses a file beside /proc/PID/fd; wait queues beside what
the tasks do; the machine and its interfaces beside /proc."""

import re

import pytest
from truth_cores import Core, chosen_set

CORES = [Core(name) for name in chosen_set()]


@pytest.fixture(params=CORES, ids=lambda core: core.name)
def core(request):
    return request.param


def test_device_numbers(core):
    """The same lines in the same order: majors ascend, those of one major come as the kernel has them."""
    told, kind = [], None
    for line in core.truth("devices"):
        if line.endswith("devices:"):
            kind = line.split()[0].lower()[:5].replace("chara", "char")
        elif line.strip():
            told.append((kind, *line.split(None, 1)))
    mine = [(row["kind"], str(row["major"]), row["name"]) for row in core.rows("dev")]
    assert len(told) > 5 and told == mine


def test_device_operations(core):
    rows = {row["name"]: row for row in core.rows("dev")}
    assert rows["mem"]["operations"].startswith("memory_fops")
    assert rows["/dev/console"]["operations"].startswith("console_fops")
    assert rows["ttyAMA"]["operations"].startswith("tty_fops")
    assert sum(1 for row in rows.values() if row["cdev"]) > 5


def test_fuser(core):
    """Each living task that had the console open in both readings, and no task that had it in neither."""
    living = {row["pid"] for row in core.rows("ps") if not row["kernel"] and row["state"] not in ("Z", "X")}
    pids = {int(p.name.split(".")[1]) for p in (core.path / "truth").glob("fd.*") if p.name.count(".") == 1}
    has = {pid: [any(line.endswith(" -> /dev/console") for line in core.truth(f"fd.{pid}{end}")) for end in ("", ".2")]
           for pid in pids}
    mine = {row["pid"] for row in core.rows("fuser /dev/console", status=None) if "open" in row["usage"]}
    assert {pid for pid in living & pids if all(has[pid])} - mine == set()
    assert {pid for pid in mine & pids if not any(has[pid])} == set() and mine


def test_fuser_by_inode(core):
    """Every name of an inode leads to the same tasks."""
    (row,) = core.rows("files 1")
    file = next(f for f in row["files"] if f["path"] == "/dev/console")
    by_path = {r["pid"] for r in core.rows("fuser /dev/console", status=None) if "open" in r["usage"]}
    assert {r["pid"] for r in core.rows(f"fuser {file['inode']}", status=None)} >= by_path


def test_fuser_mapped(core):
    """A program that runs is mapped by those whose maps say so."""
    maps = {int(p.name.split(".")[1]): p.read_text() for p in (core.path / "truth").glob("maps.*")
            if p.name.count(".") == 1}
    living = {row["pid"] for row in core.rows("ps") if not row["kernel"]}
    names = [line.split()[-1] for line in maps.get(1, "").splitlines() if len(line.split()) == 6 and " r-xp " in line
             and line.split()[-1].startswith("/")]
    assert names
    told = {pid for pid, text in maps.items() if f" {names[0]}\n" in text and pid in living}
    mine = {row["pid"] for row in core.rows(f"fuser {names[0]}", status=None) if "mapped" in row["usage"]}
    assert told - mine == set() and 1 in mine


def test_wait_queue(core):
    """kswapd waits on its node's queue, or does its work."""
    node = "contig_page_data" if "contig_page_data" in core.kallsyms else None
    if not node:
        pytest.skip("a kernel of several nodes has no symbol for one")
    rows = core.rows(f"waitq pglist_data.kswapd_wait {node}")
    state = next(row["state"] for row in core.rows("ps") if row["comm"] == "kswapd0")
    assert [row["comm"] for row in rows] == (["kswapd0"] if state == "S" else rows and ["kswapd0"] or [])
    assert all(row["function"].startswith("autoremove_wake_function") for row in rows)


def test_machine(core):
    (row,) = core.rows("mach")
    told = {line.split(":")[0]: line.split(":")[1] for line in core.truth("meminfo")}
    assert row["type"] == ("arm64" if core.arm64 else "arm")
    assert row["memory"] == int(told["MemTotal"].split()[0]) * 1024
    first, _, last = core.truth("cpu_possible")[0].partition("-")
    assert row["cpus"] == int(last or first) - int(first) + 1
    # by the configuration that the kernel carries, else by the clock source that counts jiffies
    assert row["hz"] == int(core.config["CONFIG_HZ"])
    assert row["page_bytes"] == core.page_bytes


def test_interfaces(core):
    """Every network has its loopback interface; kernels without networking say so."""
    if "CONFIG_NET" not in core.config:
        (answer,) = core.run("net", status=1)
        assert "networking" in answer["faults"][0]["message"]
        return
    rows = {row["name"]: row for row in core.rows("net")}
    assert rows["lo"]["index"] == 1 and rows["lo"]["mtu"] == 65536
    for address in rows["lo"]["addresses"]:
        assert (address["address"], address["prefix"]) in (("127.0.0.1", 8), ("::1", 128))
    assert core.rows("net -n 1") == core.rows("net")


def test_ascii(core):
    assert core.rows("ascii 62696c2f7273752f")[0]["text"] == "/usr/lib"
    assert len(core.rows("ascii")) == 128
