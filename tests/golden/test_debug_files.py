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
