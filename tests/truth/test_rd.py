"""rd and hexdump against the machine's RAM as QEMU's backing file has it."""

import random
import struct

import pytest

RAM = 0x40000000
CODES = {"-8": "B", "-16": "H", "-32": "I", "-64": "Q"}


@pytest.fixture
def place(core):
    """A physical address among the kernel's read-only data, where every byte counts."""
    (row,) = core.rows("vtop linux_banner")
    return int(row["physical"], 16)


def words(rows):
    return [int(word, 16) for row in rows for word in row["data"].split()]


@pytest.mark.parametrize("unit", CODES)
def test_units(core, place, unit):
    code = CODES[unit]
    want = struct.unpack(f"<50{code}", core.ram(place, 50 * struct.calcsize(code)))
    rows = core.rows(f"rd -p {unit} {place:x} 50")
    assert words(rows) == list(want)
    assert int(rows[1]["address"], 16) == place + 16
    shown = "".join(chr(b) if 0x20 <= b < 0x7f else "." for b in core.ram(place, 50 * struct.calcsize(code)))
    assert "".join(row["ascii"] for row in rows) == shown


@pytest.mark.parametrize("unit", CODES)
def test_decimal_and_byte_order(core, place, unit):
    code = CODES[unit]
    size = struct.calcsize(code)
    place = next(pa for pa in range(place, place + 0x100000, size)  # a value that is negative
                 if core.ram(pa, size)[-1] >= 0x80)
    raw = core.ram(place, 4 * size)
    for option, form in (("-d", f"<4{code.lower()}"), ("-D", f"<4{code}")):
        rows = core.rows(f"rd -p {unit} {option} {place:x} 4")
        assert [int(word) for row in rows for word in row["data"].split()] == list(struct.unpack(form, raw))
    assert words(core.rows(f"rd -p {unit} -N {place:x} 4")) == list(struct.unpack(f">4{code}", raw))


def test_virtual_is_physical(core, place):
    assert words(core.rows("rd -8 linux_banner 300")) == words(core.rows(f"rd -p -8 {place:x} 300"))


def test_ranges(core, place):
    assert words(core.rows(f"rd -p -8 -e {place + 7:x} {place:x}")) == list(core.ram(place, 7))
    assert words(core.rows(f"rd -p -8 -o 5 {place:x} 3")) == list(core.ram(place + 5, 3))
    assert words(core.rows(f"rd -p -8 -R {place + 9:x} 4")) == list(core.ram(place + 6, 4))[::-1]
    assert core.rows(f"rd -p -a {place:x} 13")[0]["ascii"] == "Linux version"
    assert core.rows(f"rd -p -x {place:x} 4")[0]["ascii"] is None


def test_to_file(core, place, tmp_path):
    """A large piece, over many pages, byte for byte; an existing file is left alone."""
    path = tmp_path / "piece"
    (row,) = core.rows(f"rd -p -8 -r {path} {place - 12345:x} 3000000")
    assert row["bytes"] == 3000000
    assert path.read_bytes() == core.ram(place - 12345, 3000000)
    core.run(f"rd -p -8 -r {path} {place:x} 4", status=1)
    assert path.stat().st_size == 3000000
    gone = tmp_path / "gone"
    core.run(f"rd -p -8 -r {gone} 10 4", status=1)
    assert not gone.exists()


@pytest.mark.parametrize("group", [1, 2, 4, 8])
@pytest.mark.parametrize("width", [16, 32])
def test_hexdump(core, place, group, width):
    """lib/hexdump.c's rule: numbers of @group bytes, but bytes in a line that they do not fill."""
    at = place + random.Random(group * width).randrange(64)
    n = 2 * width + 8 + group // 2  # the last line is not full
    rows = core.rows(f"hexdump -p -g {group} -w {width} {at:x} {n}")
    assert [int(row["address"], 16) for row in rows] == [at, at + width, at + 2 * width]
    assert [row["offset"] for row in rows] == [0, width, 2 * width]
    for row in rows:
        raw = core.ram(at + row["offset"], min(width, n - row["offset"]))
        size = 1 if len(raw) % group else group
        assert row["data"].split() == [raw[i:i + size][::-1].hex() for i in range(0, len(raw), size)]
        assert row["ascii"] == "".join(chr(b) if 0x20 <= b < 0x7f else "." for b in raw)
