"""A dump whose file ends early: what is left of it is read, and what is not is said. The end of memory is where arm64
kernels take the pages of their first page tables from, so those are often lost; ARM32's are part of the image."""

import json
import shutil
import subprocess

import pytest
from truth_cores import INQUEST

COMMANDS = ["sys", "log", "ps", "vtop linux_banner", "vtop memstart_addr"]


@pytest.fixture(scope="module", params=[90, 60])
def cut(request, core, tmp_path_factory):
    """The vmcore's first so many per cent."""
    whole = core.path / "vmcore.elf"
    path = tmp_path_factory.mktemp("cut") / "vmcore"
    left = whole.stat().st_size * request.param // 100
    with open(whole, "rb") as source, open(path, "wb") as to:
        while left:
            left -= to.write(source.read(min(left, 1 << 24)))
    yield path
    shutil.rmtree(path.parent)


def answers(core, dump):
    run = subprocess.run([INQUEST, "--json", core.path / "vmlinux", dump, *(f"-c{c}" for c in COMMANDS)],
                         capture_output=True, text=True, timeout=120)
    return dict(zip(COMMANDS, map(json.loads, run.stdout.splitlines()))), run


def test_what_is_left(core, cut):
    whole, _ = answers(core, core.path / "vmcore.elf")
    left, run = answers(core, cut)
    assert run.returncode in (1, 4) and "cut off" in run.stderr, "a cut dump is never answered as a whole one"
    release = whole["sys"]["rows"][0]["release"]
    assert release in (core.meta["release"], core.meta.get("kernel"))
    assert left["sys"]["rows"][0]["release"] == release
    tasks = {row["task"]: row["comm"] for row in whole["ps"]["rows"]}
    found = {row["task"]: row["comm"] for row in left["ps"]["rows"]}
    assert found and found.items() <= tasks.items()
    lines = [row["text"] for row in whole["log"]["rows"]]
    assert all(row["text"] in lines for row in left["log"]["rows"] if isinstance(row["text"], str))


def test_places(core, cut):
    """The image and the linear map stand where they stood, with or without the tables that say so."""
    whole, _ = answers(core, core.path / "vmcore.elf")
    left, _ = answers(core, cut)
    for command in COMMANDS[3:]:
        if whole[command]["rows"]:
            assert left[command]["rows"][0]["physical"] == whole[command]["rows"][0]["physical"]
