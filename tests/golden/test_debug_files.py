"""A stripped vmlinux whose debug information lies in a separate file, as distributions ship it."""

import shutil
import subprocess

import pytest
from truth_cores import CORES, INQUEST

SMALL = CORES / "arm32-lpae-bug"
OBJCOPY = shutil.which("arm-linux-gnueabihf-objcopy")


@pytest.fixture(scope="module")
def stripped(tmp_path_factory):
    if not OBJCOPY:
        pytest.skip("no objcopy for ARM on this host")
    tmp = tmp_path_factory.mktemp("stripped")
    subprocess.run([OBJCOPY, "--only-keep-debug", SMALL / "vmlinux", tmp / "vmlinux.debug"], check=True)
    subprocess.run([OBJCOPY, "--strip-debug", f"--add-gnu-debuglink={tmp}/vmlinux.debug",
                    SMALL / "vmlinux", tmp / "vmlinux"], check=True)
    return tmp


def comm(stripped, *options):
    args = [INQUEST, *options, stripped / "vmlinux", SMALL / "vmcore.elf", "-c", "p init_task.comm"]
    return subprocess.run(args, capture_output=True, text=True, timeout=60)


def test_beside_the_file(stripped):
    assert '"swapper/0"' in comm(stripped).stdout


def test_by_option(stripped):
    (stripped / "away").mkdir()
    (stripped / "vmlinux.debug").rename(stripped / "away/vmlinux.debug")
    done = comm(stripped)
    assert done.returncode == 1 and "--symbols DIR" in done.stderr
    assert '"swapper/0"' in comm(stripped, "--symbols", stripped / "away").stdout


@pytest.mark.parametrize("method", ["zlib", "zstd"])
def test_compressed_sections(tmp_path, method):
    if not OBJCOPY:
        pytest.skip("no objcopy for ARM on this host")
    subprocess.run([OBJCOPY, f"--compress-debug-sections={method}", SMALL / "vmlinux", tmp_path / "vmlinux"],
                   check=True)
    headers = subprocess.run(["readelf", "-tW", tmp_path / "vmlinux"], capture_output=True, text=True).stdout
    assert method.upper() in headers
    answers = [run(vmlinux, SMALL / "modules") for vmlinux in (SMALL / "vmlinux", tmp_path / "vmlinux")]
    assert answers[0] == answers[1] and "kernel/panic.c" in answers[1]


def run(vmlinux, symbols="/nowhere"):
    args = [INQUEST, "--no-cache", "--symbols", symbols, vmlinux, SMALL / "vmcore.elf", "-c", "bt -l", "-c", "struct task_struct",
            "-c", "p init_task.comm"]
    return subprocess.run(args, capture_output=True, text=True, timeout=60, check=True).stdout


@pytest.fixture(scope="module")
def dwz(tmp_path_factory):
    """A vmlinux whose types stand in part in common.debug, where dwz put what two files share."""
    if not shutil.which("dwz"):
        pytest.skip("no dwz on this host")
    tmp = tmp_path_factory.mktemp("dwz")
    shutil.copy(SMALL / "vmlinux", tmp / "vmlinux")
    shutil.copy(CORES / "arm32-fp-2g-panic/vmlinux", tmp / "other")
    subprocess.run(["dwz", "-m", tmp / "common.debug", "-M", "common.debug", tmp / "vmlinux", tmp / "other"],
                   check=True, capture_output=True)
    (tmp / "other").unlink()
    return tmp


@pytest.mark.parametrize("place", ["beside", "dwz folder", "build-id"])
def test_dwz_alternate(dwz, tmp_path, place):
    """dwz moves what files share to one of its own, and what units share to partial units."""
    shutil.copy(dwz / "vmlinux", tmp_path)
    shutil.copy(dwz / "common.debug", tmp_path)
    away = tmp_path / "away"
    (away / "modules").mkdir(parents=True)
    shutil.copy(SMALL / "modules/lkdtm.ko", away / "modules")
    if place != "beside":
        target = away / ".dwz/common.debug"
        if place == "build-id":
            notes = subprocess.run(["readelf", "-n", tmp_path / "common.debug"], capture_output=True, text=True).stdout
            identity = notes.split("Build ID: ")[1].split()[0]
            target = away / ".build-id" / identity[:2] / (identity[2:] + ".debug")
        target.parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "common.debug").rename(target)
        lost = subprocess.run([INQUEST, "--no-cache", tmp_path / "vmlinux", SMALL / "vmcore.elf", "-c", "sys -d"],
                              capture_output=True, text=True, timeout=60).stdout
        assert "incomplete without common.debug" in lost
    assert run(SMALL / "vmlinux", away) == run(tmp_path / "vmlinux", away)
