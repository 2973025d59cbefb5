"""The plugin kinfo: blocks of vendors' kernels as their drivers' headers lay them out, built here byte by byte and put into
memory; and real dumps, which have none."""

import json
import pathlib
import struct
import subprocess

import pytest
from truth_cores import CORES, INQUEST

PLUGIN = pathlib.Path(INQUEST).resolve().parent / "plugins/kinfo.so"
RAM = 0x80000000


def core(path, memory, wide=True):
    """An ELF core of one run of memory at RAM."""
    if wide:
        head = b"\x7fELF\2\1\1" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 4, 183, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
        head += struct.pack("<IIQQQQQQ", 1, 7, 4096, RAM, RAM, len(memory), len(memory), 0)
    else:
        head = b"\x7fELF\1\1\1" + bytes(9) + struct.pack("<HHIIIIIHHHHHH", 4, 40, 1, 0, 52, 0, 0, 52, 32, 1, 0, 0, 0)
        head += struct.pack("<IIIIIIII", 1, 4096, RAM, RAM, len(memory), len(memory), 7, 0)
    path.write_bytes(head.ljust(4096, b"\0") + memory)
    return path


def ask(path, *commands):
    args = [INQUEST, "--json", "--no-rc", "--plugin", PLUGIN, path]
    for command in commands:
        args += ["-c", command]
    done = subprocess.run(args, capture_output=True, text=True, timeout=120)
    return [json.loads(line) for line in done.stdout.splitlines()]


def kinfo(tail=(24, 32, 40)):
    """struct kernel_all_info, packed, as android14-6.1's drivers/android/debug_kinfo.h declares it."""
    info = struct.pack("<4BI4H", 1, 1, 0, 1, 171717, 512, 64, 56, 128)
    addresses = [0x80c00000 + i * 0x1000 for i in range(12)]
    info += struct.pack("<12Q", *addresses)
    info += struct.pack("<IQ", 16384, 0x82345000)
    info += b"6.1.75-android14-11-g1234".ljust(64, b"\0") + b"vendor/device:14/AB1\x1b[31m".ljust(256, b"\0")
    info += struct.pack(f"<{len(tail)}I", *tail)
    total = 0
    for (word,) in struct.iter_unpack("<I", info.ljust((len(info) + 3) // 4 * 4, b"\0")):
        total ^= word
    return struct.pack("<II", 0xcceeddff, total) + info, addresses


def memory_of(blocks, pages=64):
    memory = bytearray(pages * 4096)
    for at, data in blocks.items():
        memory[at:at + len(data)] = data
    return bytes(memory)


def fields(rows, block):
    return {r["field"]: r for r in rows if r["block"] == block}


@pytest.mark.parametrize("wide", [True, False])
def test_debug_kinfo(tmp_path, wide):
    block, addresses = kinfo()
    path = core(tmp_path / "core", memory_of({0x5000: block}), wide)
    found, by_hand, wrong, beyond = ask(path, "kinfo", f"kinfo {RAM + 0x5000:x}", f"kinfo {RAM + 0x6000:x}",
                                        "kinfo 1000")
    assert found["rows"] == by_hand["rows"] and found["rows"] and not found["faults"]
    got = fields(found["rows"], "debug-kinfo")
    assert {int(r["physical"], 16) for r in found["rows"]} == {RAM + 0x5000}
    assert got["combined_checksum"]["text"] == "right"
    numbers = {"enabled_all": 1, "enabled_base_relative": 1, "enabled_absolute_percpu": 0, "enabled_cfi_clang": 1,
               "num_syms": 171717, "name_len": 512, "bit_per_long": 64, "module_name_len": 56, "symbol_len": 128,
               "thread_size": 16384}
    assert {k: int(got[k]["value"]) for k in numbers} == numbers
    places = ["_addresses_pa", "_relative_pa", "_stext_pa", "_etext_pa", "_sinittext_pa", "_einittext_pa", "_end_pa",
              "_offsets_pa", "_names_pa", "_token_table_pa", "_token_index_pa", "_markers_pa"]
    assert [int(got[p]["value"], 16) for p in places] == addresses
    assert int(got["swapper_pg_dir_pa"]["value"], 16) == 0x82345000
    assert got["last_uts_release"]["text"] == "6.1.75-android14-11-g1234"
    assert got["build_info"]["text"].startswith("vendor/device:14/AB1")
    assert [int(r["value"], 16) for r in found["rows"] if r["field"] == "module offset"] == [24, 32, 40]
    for other in (wrong, beyond):
        assert "no block of a vendor begins there" in other["faults"][0]["message"]
    text = subprocess.run([INQUEST, "--plugin", PLUGIN, path, "-c", "kinfo"], capture_output=True, text=True, timeout=60)
    assert "\x1b" not in text.stdout and "\\x1b[31m" in text.stdout


def test_wrong_sum(tmp_path):
    block = bytearray(kinfo()[0])
    block[0x30] ^= 4
    (found,) = ask(core(tmp_path / "core", memory_of({0: bytes(block)})), "kinfo")
    got = fields(found["rows"], "debug-kinfo")
    assert got["combined_checksum"]["text"].startswith("wrong") and got["num_syms"]["value"] == 171717
    assert "module offset" not in got


def test_others(tmp_path):
    mrdump = b"MRDUMP09" + bytes(72) + struct.pack("<QQ", 0xffffbae2b6800000, 0xffffffc008000000)
    sysdump = b"SPRD_SYSDUMP_119" + b"20260101".ljust(32, b"\0") + b"/sdcard/dump".ljust(128, b"\0") + struct.pack(
        "<II", 4096, 3) + struct.pack("<Q", 0xffffbae2b6800000)
    imem = bytes(0x6d0) + struct.pack("<IQ", 0xdead4ead, 0x12600000)
    lock = bytes(0x6d0) + struct.pack("<IIQ", 0xdead4ead, 0xffffffff, 0xffffffffffffffff)  # an unlocked spinlock
    off_page = b"MRDUMP09"
    path = core(tmp_path / "core", memory_of({0x1000: mrdump, 0x3000: sysdump, 0x8000: imem, 0x9000: lock,
                                              0xa004: off_page, 0xb000: b"MRDUMPxx", 0xc000: b"SPRD_MINIDUMP"}))
    (found,) = ask(path, "kinfo")
    assert {(r["block"], int(r["physical"], 16) - RAM) for r in found["rows"]} == {
        ("mrdump", 0x1000), ("sysdump", 0x3000), ("imem", 0x8000)}
    got = fields(found["rows"], "mrdump")
    assert got["sig"]["text"] == "MRDUMP09"
    for block in ("mrdump", "sysdump"):
        assert 0xffffbae2b6800000 in [int(r["value"], 16) for r in found["rows"]
                                      if r["block"] == block and r["field"] == "kimage_voffset?"]
    got = fields(found["rows"], "sysdump")
    assert (got["time"]["text"], got["dump_path"]["text"]) == ("20260101", "/sdcard/dump")
    assert (int(got["elfhdr_size"]["value"]), int(got["mem_num"]["value"])) == (4096, 3)
    assert int(fields(found["rows"], "imem")["kaslr_offset"]["value"], 16) == 0x12600000


def test_cut_off_and_many(tmp_path):
    path = core(tmp_path / "core", memory_of({0x0: kinfo()[0]}, pages=2)[:512])
    assert ask(path, "kinfo")[0]["faults"]
    (found,) = ask(core(tmp_path / "many", memory_of({i * 4096: b"MRDUMP01" for i in range(80)}, pages=80)), "kinfo")
    assert len({r["physical"] for r in found["rows"]}) == 64 and "more than 64" in found["faults"][0]["message"]


@pytest.mark.parametrize("dump", ["armmp-sysrq-c", "arm64-cloud-sysrq-c", "arm64-kasan-panic"])
def test_real_dumps_have_none(dump):
    """Spinlocks with SPINLOCK_MAGIC stand in pages of kernels that check them; none is taken for IMEM."""
    if not (CORES / dump / "vmcore.elf").exists():
        pytest.skip(f"{dump} is not made")
    (found,) = ask(CORES / dump / "vmcore.elf", "kinfo")
    assert found["rows"] == [] and "no vendor's block" in found["faults"][0]["message"]
