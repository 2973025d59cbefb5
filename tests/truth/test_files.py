"""Open files beside the links of the guest's own /proc/PID/fd, mounts beside its /proc/mounts."""

import pytest
from truth_cores import Core, chosen_set

CORES = [Core(name) for name in chosen_set()]


@pytest.fixture(params=CORES, ids=lambda core: core.name)
def core(request):
    return request.param


def told(core):
    """pid -> the lines that both readings have."""
    pids = [int(p.name.split(".")[1]) for p in (core.path / "truth").glob("fd.*") if p.name.count(".") == 1]
    return {pid: lines for pid in pids if (lines := core.steady(f"fd.{pid}"))}


def test_open_files(core):
    """Each descriptor that both readings have, with what it leads to; and nothing that neither has."""
    living = {row["pid"] for row in core.rows("ps") if not row["kernel"] and row["state"] not in ("Z", "X")}
    pids = [pid for pid in told(core) if pid in living][:200]
    assert pids
    rows = {row["pid"]: row for row in core.rows("files " + " ".join(map(str, pids)))}
    compared = 0
    for pid in pids:
        mine = {f"{f['fd']} -> {f['path']}" for f in rows[pid]["files"]}
        steady = {line for line in told(core)[pid]}
        seen = steady | set(core.truth(f"fd.{pid}")) | set(core.truth(f"fd.{pid}.2"))
        # what reads this very folder is closed again; the task that wrote the truth goes on with its work
        gone = {line for line in steady if "/proc/" in line}
        busy = any("/truth" in line or "/trigger" in line or "vport" in line for line in seen)
        assert busy or sorted(steady - gone - mine) == [], pid
        assert busy or sorted(mine - seen) == [], pid
        compared += len(steady & mine)
    assert compared >= len(pids)


def test_types(core):
    """Devices are devices, pipes are pipes."""
    kinds = {"/dev/console": "CHR", "/dev/null": "CHR", "pipe:": "FIFO", "socket:": "SOCK", "anon_inode:": "-"}
    found = 0
    for row in core.rows("files " + " ".join(map(str, list(told(core))[:50])), status=None):
        for file in row["files"]:
            for begin, kind in kinds.items():
                if file["path"].startswith(begin):
                    # since v6.17 anonymous inodes are regular files
                    assert file["type"] == kind or (begin == "anon_inode:" and file["type"] == "REG"), file
                    found += 1
    assert found


def test_folders(core):
    (row,) = core.rows("files 1")
    assert row["root"] == "/" and row["cwd"].startswith("/")


def test_reference(core):
    """-R keeps what it names: by path, by number, by address."""
    (row,) = core.rows("files 1")
    first = row["files"][0]
    for word in (first["path"], first["file"], str(first["fd"])):
        (some,) = core.rows(f"files -R {word} 1")
        assert first in some["files"] and len(some["files"]) <= len(row["files"])
    (none,) = core.rows("files -R /no/such/place 1")
    assert none["files"] == []


def test_kernel_threads_have_no_files(core):
    (row,) = core.rows("files 2")
    assert row["files"] == []


def test_mounts(core):
    """The same mounts in the same order, each with its device, folder, type and the general options."""
    lines = [line.split() for line in core.steady("mounts")]
    rows = [row for row in core.rows("mount") if row["type"] != "nullfs"]   # since v7.1 below everybody's root
    assert lines and [(row["device"], row["folder"], row["type"]) for row in rows] == \
        [(device, folder.encode().decode("unicode_escape"), kind) for device, folder, kind, *_ in lines]
    for row, line in zip(rows, lines):
        general = row["options"].split(",")
        assert line[3].split(",")[:len(general)] == general, (row, line)


def test_one_mount(core):
    rows = core.rows("mount")
    last = rows[-1]
    for word in (last["folder"], last["mount"], last["superblock"]):
        assert last in core.rows(f"mount {word}")
    assert core.rows("mount -n 1") == rows or len(core.rows("mount -n 1")) > 0
