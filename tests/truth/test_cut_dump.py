"""A dump whose file ends early: what is left of it is read, and what is not is said. The end of memory is where arm64
kernels take the pages of their first page tables from, so those are often lost; ARM32's are part of the image."""

import functools
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


@functools.cache
def verdict(path, vmlinux):
    run = subprocess.run([INQUEST, "--json", vmlinux, path, "-ctriage"], capture_output=True, text=True, timeout=120)
    assert run.returncode >= 0, run.stderr
    (row,) = json.loads(run.stdout)["rows"]
    return row, run.returncode


def test_verdict(core, cut):
    """What can be seen is judged, what cannot is listed; nothing is called sure that the whole dump does not say, and
    "alive" is not said of a machine that died."""
    whole, _ = verdict(core.path / "vmcore.elf", core.path / "vmlinux")
    left, status = verdict(cut, core.path / "vmlinux")
    assert status == 4
    assert left["class"] == whole["class"] or left["confidence"] != "sure"
    assert left["class"] != "alive" or whole["class"] == "alive"
    if whole["class"] == "alive" and left["class"] != "alive":  # one of the lost CPUs may stand still
        assert left["class"] == "unknown" and "CPUs" in [entry["what"] for entry in left["ledger"]]
    assert any("cut off: the file has" in entry["text"] for entry in left["ledger"])
    if whole["class"] not in ("alive", "unknown"):
        assert left["statements"], "a verdict without evidence"


def test_verdict_of_scraps(core, tmp_path):
    """So little that no kernel is found: that it is not known is a verdict, too."""
    scrap = tmp_path / "vmcore"
    with open(core.path / "vmcore.elf", "rb") as source:
        scrap.write_bytes(source.read(1 << 20))
    row, status = verdict(scrap, core.path / "vmlinux")
    assert (row["class"], row["confidence"], status) == ("unknown", "guess", 4)
    assert row["ledger"] and not row["culprit"]


def test_line_of_panic_without_a_kernel(core, tmp_path):
    """The text that panic() printed is found in bare memory, and is a guess; a format is no text."""
    scrap = tmp_path / "vmcore"
    line = b"Kernel panic - not syncing: %s\n\0Kernel panic - not syncing: out of tea\n"
    with open(core.path / "vmcore.elf", "rb") as source:
        data = bytearray(source.read(1 << 20))
    data[-4096:len(data) - 4096 + len(line)] = line
    scrap.write_bytes(data)
    row, _ = verdict(scrap, core.path / "vmlinux")
    assert (row["class"], row["confidence"], row["title"]) == ("panic", "guess", "kernel panic: out of tea")
