"""The plugin ramoops over guests that really had the driver: what it finds in reserved memory is what the guest printed on
its console and what its programs wrote, at the place that the driver was given."""

import json
import os
import pathlib
import re
import subprocess

import pytest
from truth_cores import CORES, INQUEST, Core

PLUGIN = pathlib.Path(INQUEST).resolve().parent / "plugins/ramoops.so"
# The name, where the recipe put the region, and by which words it can be given by hand.
DUMPS = {"arm64-cloud-6.12-ramoops": (0x4ff00000, "-a 4ff00000 -s 0x100000 -r 0x4000"),
         "arm32-pstore-panic": (0x47f00000, "-a 47f00000 -s 0x100000 -r 0x4000 -c 0x8000 -f 0 -m 0x2000")}


@pytest.fixture(params=DUMPS)
def core(request):
    if not (CORES / request.param / "vmcore.elf").exists():
        pytest.skip(f"{request.param} is not made: make cores CORE={request.param}")
    return Core(request.param)


def ask(core, *commands, symbols=True):
    args = [INQUEST, "--json", "--plugin", PLUGIN, core.path / "vmlinux", core.path / "vmcore.elf"]
    if symbols:
        args += ["--symbols", core.path / "modules"]
    for command in commands:
        args += ["-c", command]
    done = subprocess.run(args, capture_output=True, text=True, timeout=300, env={**os.environ, "XDG_DATA_HOME": "/none"})
    return [json.loads(line) for line in done.stdout.splitlines()]


def console(core):
    """The kernel's lines, "[   12.345678] text", as the guest printed them."""
    lines = (core.path / "console.log").read_text(errors="replace").replace("\r", "").splitlines()
    return [line.rstrip() for line in lines if re.match(r"\[ *\d+\.\d{6}\] ", line)]


def in_order(wanted, lines):
    """Those of @wanted that do not follow in @lines."""
    it = iter(lines)
    return [w for w in wanted if not any(w == line for line in it)]


def test_region(core):
    """Of the driver's own variable, without a word from us; by hand it is the same."""
    at, by_hand = DUMPS[core.name]
    zones, given = ask(core, "ramoops -l", f"ramoops {by_hand} -l")
    assert not zones["faults"] and int(zones["rows"][0]["physical"], 16) == at
    good = [z for z in zones["rows"] if z["state"] == "good"]
    assert [z["zone"] for z in good].count("dmesg") == 1 and good[0]["compressed"] is True
    # One behind the other; what is left over by the records' size is shared out among them.
    place = at
    for zone in zones["rows"]:
        assert int(zone["physical"], 16) == place
        place += zone["size"]
    assert at + 0x100000 - 0x100 < place <= at + 0x100000
    both = [[(z["zone"], z["physical"], z["size"], z["state"]) for z in answer["rows"] if z["zone"] != "ftrace"]
            for answer in (zones, given)]
    assert both[0][:4] == both[1][:4] and {z[0] for z in both[0]} == {z[0] for z in both[1]}


def test_panic_record(core):
    """Each line of the record that a console shows stands on the guest's console, in this order; the end is the panic's."""
    (answer,) = ask(core, "ramoops dmesg")
    (record,) = answer["rows"]
    head, *lines = record["text"].splitlines()
    assert re.fullmatch(r"Panic#\d+ Part1", head)
    shown = [m.group(2).rstrip() for m in (re.match(r"<([0-6])>(\[ *\d+\.\d{6}\] .*)", line) for line in lines) if m]
    assert len(shown) > 50 and any("Kernel panic - not syncing: sysrq triggered crash" in line for line in shown)
    # The guest raises the console's level when it is up; a line or two of a CPU may come late.
    missing = in_order(shown, console(core))
    assert len(missing) <= 2, missing[:5]
    assert re.fullmatch(r"\d+\.\d{6}", record["time"])


def test_console_zone(core):
    (answer,) = ask(core, "ramoops console")
    if core.name != "arm32-pstore-panic":
        assert answer["rows"] == []  # Debian's kernels are built without CONFIG_PSTORE_CONSOLE
        return
    (zone,) = answer["rows"]
    lines = [line.rstrip() for line in zone["text"].splitlines()[1:]]
    stamped = [line for line in lines if re.match(r"\[ *\d+\.\d{6}\] ", line)]
    assert len(stamped) > 50 and len(stamped) > 0.9 * len(lines)
    assert not in_order(stamped, console(core))
    assert "Kernel panic - not syncing: sysrq triggered crash" in zone["text"]


def test_messages(core):
    (answer,) = ask(core, "ramoops pmsg")
    if core.name != "arm32-pstore-panic":
        assert answer["rows"] == []
        return
    (zone,) = answer["rows"]
    assert zone["text"] == "".join(f"user words {i}\n" for i in range(300))
