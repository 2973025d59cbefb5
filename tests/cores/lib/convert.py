"""Writers of dump containers, for tests only: the machine's RAM and the notes of its ELF core, in every
format that the program reads. Written from the formats' own descriptions and from nothing of the program,
so that a wrong offset in one of the two shows. Codecs come from their C libraries by ctypes."""

import ctypes
import struct
import zlib

BLOCK = 4096
FLAGS = {"zlib": 1, "lzo": 2, "snappy": 4, "zstd": 0x20, "plain": 0}


class Machine:
    """RAM as one stretch at `base`, and the PT_NOTE bytes of the ELF core that QEMU wrote beside it."""

    def __init__(self, core_elf, ram, base=0x40000000):
        with open(ram, "rb") as f:
            self.ram = f.read()
        self.base = base
        with open(core_elf, "rb") as f:
            head = f.read(1 << 20)
        self.bits = 64 if head[4] == 2 else 32
        self.machine = struct.unpack_from("<H", head, 18)[0]
        if self.bits == 64:
            (phoff,), (size, count) = struct.unpack_from("<Q", head, 32), struct.unpack_from("<HH", head, 54)
        else:
            (phoff,), (size, count) = struct.unpack_from("<I", head, 28), struct.unpack_from("<HH", head, 42)
        self.notes = b""
        for i in range(count):
            at = phoff + i * size
            if struct.unpack_from("<I", head, at)[0] == 4:
                if self.bits == 64:
                    off, _, _, n = struct.unpack_from("<QQQQ", head, at + 8)
                else:
                    off, _, _, n = struct.unpack_from("<IIII", head, at + 4)
                self.notes += head[off:off + n]

    def without_notes(self):
        """The same machine; nothing but its memory is known."""
        other = object.__new__(Machine)
        other.__dict__ = dict(self.__dict__, notes=b"")
        return other

    def page(self, pfn):
        at = (pfn * BLOCK) - self.base
        return self.ram[at:at + BLOCK]

    @property
    def pfns(self):
        return range(self.base // BLOCK, (self.base + len(self.ram)) // BLOCK)


# ---- codecs


def _library(name):
    return ctypes.CDLL(name)


def compress(codec, data):
    room = ctypes.create_string_buffer(len(data) * 2 + 4096)
    n = ctypes.c_size_t(len(room))
    if codec == "zlib":
        return zlib.compress(data, 1)
    if codec == "lzo":
        work = ctypes.create_string_buffer(1 << 17)
        f = _library("liblzo2.so.2").lzo1x_1_compress
        assert f(data, ctypes.c_size_t(len(data)), room, ctypes.byref(n), work) == 0
        return room.raw[:n.value]
    if codec == "snappy":
        assert _library("libsnappy.so.1").snappy_compress(data, ctypes.c_size_t(len(data)), room, ctypes.byref(n)) == 0
        return room.raw[:n.value]
    if codec == "zstd":
        f = _library("libzstd.so.1").ZSTD_compress
        f.restype = ctypes.c_size_t
        size = f(room, n, data, ctypes.c_size_t(len(data)), 3)
        return room.raw[:size]
    assert codec == "plain"
    return data


# ---- formats


def write_elf(machine, path, absent=()):
    """`absent`: page numbers without a segment, which splits the others."""
    runs, start = [], None
    gone = set(absent)
    for pfn in list(machine.pfns) + [None]:
        if pfn is not None and pfn not in gone:
            start = pfn if start is None else start
            end = pfn + 1
        elif start is not None:
            runs.append((start, end))
            start = None
    wide = machine.bits == 64
    ehsize, phsize = (64, 56) if wide else (52, 32)
    off = ehsize + phsize * (len(runs) + 1)
    phdrs = [(4, off, 0, len(machine.notes), len(machine.notes))]
    off += len(machine.notes)
    for first, end in runs:
        phdrs.append((1, off, first * BLOCK, (end - first) * BLOCK, (end - first) * BLOCK))
        off += (end - first) * BLOCK
    with open(path, "wb") as f:
        f.write(b"\x7fELF" + bytes([2 if wide else 1, 1, 1]) + bytes(9))
        f.write(struct.pack("<HHIQQQI" if wide else "<HHIIIII", 4, machine.machine, 1, 0, ehsize, 0, 0))
        f.write(struct.pack("<HHHHHH", ehsize, phsize, len(phdrs), 0, 0, 0))
        for kind, at, pa, filesz, memsz in phdrs:
            if wide:
                f.write(struct.pack("<IIQQQQQQ", kind, 7, at, 0, pa, filesz, memsz, 0))
            else:
                f.write(struct.pack("<IIIIIIII", kind, at, 0, pa, filesz, memsz, 7, 0))
        f.write(machine.notes)
        for first, end in runs:
            f.write(machine.ram[first * BLOCK - machine.base:end * BLOCK - machine.base])


def _vmcoreinfo_at(notes):
    at = 0
    while at + 12 <= len(notes):
        nname, ndesc, _ = struct.unpack_from("<III", notes, at)
        desc = at + 12 + (nname + 3) // 4 * 4
        if notes[at + 12:at + 12 + nname] == b"VMCOREINFO\0":
            return desc, ndesc
        at = desc + (ndesc + 3) // 4 * 4
    return 0, 0


def kdump_bytes(machine, codec, excluded=(), split=None, version=6, block=BLOCK):
    """One kdump-compressed file. `split`: (first, end) page numbers of this part, whose bitmaps are all the
    same."""
    wide = machine.bits == 64
    per = block // BLOCK
    gone = {pfn // per for pfn in excluded}
    pfns = range(machine.pfns.start // per, machine.pfns.stop // per)
    half = (pfns.stop // 8 // block + 1) * block
    present, dumped = bytearray(half), bytearray(half)
    for pfn in pfns:
        present[pfn // 8] |= 1 << pfn % 8
        if pfn not in gone:
            dumped[pfn // 8] |= 1 << pfn % 8
    first, end = split or (0, pfns.stop)
    sub_size = 104 if wide else 96
    sub_blocks = (sub_size + len(machine.notes)) // block + 1
    head = bytearray(block * (1 + sub_blocks))
    head[0:8] = b"KDUMP   "
    struct.pack_into("<I", head, 8, version)
    name = b"aarch64" if machine.machine == 183 else b"armv7l"
    head[12 + 4 * 65:12 + 4 * 65 + len(name)] = name
    at = 424 if wide else 412
    struct.pack_into("<IIIII", head, at, FLAGS[codec], block, sub_blocks, 2 * half // block, pfns.stop)
    struct.pack_into("<I", head, 460 if wide else 448, 2)
    text, ntext = _vmcoreinfo_at(machine.notes)
    word, offsets = ("<Q", (0, 12, 16, 24, 32, 40, 48, 56, 80, 88, 96)) if wide else \
        ("<I", (0, 8, 12, 16, 24, 32, 40, 48, 72, 80, 88))
    fields = [(machine.base, word), (1 if split else 0, "<I"), (first if split else 0, word),
              (end if split else 0, word), (block + sub_size + text if ntext else 0, "<Q"), (ntext, word),
              (block + sub_size if machine.notes else 0, "<Q"), (len(machine.notes), word),
              (first if split else 0, "<Q"), (end if split else 0, "<Q"), (pfns.stop, "<Q")]
    for (value, form), offset in zip(fields, offsets):
        struct.pack_into(form, head, block + offset, value)
    head[block + sub_size:block + sub_size + len(machine.notes)] = machine.notes
    mine = [pfn for pfn in pfns if first <= pfn < end and pfn not in gone]
    data_at = len(head) + 2 * half + 24 * len(mine)
    descs, data, known = [], [], {}
    for pfn in mine:
        raw = b"".join(machine.page(pfn * per + i) for i in range(per))
        zero = not raw.strip(b"\0")
        if not (zero and "zero" in known):
            packed = compress(codec, raw)
            flags = FLAGS[codec]
            if len(packed) >= block:
                packed, flags = raw, 0
            desc = struct.pack("<QIIQ", data_at, len(packed), flags, 0)
            data.append(packed)
            data_at += len(packed)
            if zero:
                known["zero"] = desc
        descs.append(known["zero"] if zero else desc)
    return bytes(head) + bytes(present) + bytes(dumped) + b"".join(descs) + b"".join(data)


def write_kdump(machine, path, codec, **options):
    with open(path, "wb") as f:
        f.write(kdump_bytes(machine, codec, **options))


def write_split(machine, paths, codec, excluded=()):
    """makedumpfile --split: the files share the bitmaps, each has the pages of a range."""
    n = len(machine.pfns)
    for i, path in enumerate(paths):
        first = machine.pfns.start + n * i // len(paths) if i else 0
        end = machine.pfns.start + n * (i + 1) // len(paths)
        write_kdump(machine, path, codec, excluded=excluded, split=(first, end))


def write_flattened(content, path, step=100000):
    """Records in an order that is not the file's, but for the first one, which has the headers."""
    pieces = [(at, content[at:at + step]) for at in range(0, len(content), step)]
    with open(path, "wb") as f:
        f.write(struct.pack(">16sqq", b"makedumpfile", 1, 1).ljust(4096, b"\0"))
        for at, piece in pieces[:1] + pieces[1::2] + pieces[2::2]:
            f.write(struct.pack(">qq", at, len(piece)) + piece)
        f.write(struct.pack(">qq", -1, -1))


def unflatten(path):
    """The content of a flattened file."""
    content = bytearray()
    with open(path, "rb") as f:
        assert f.read(16).rstrip(b"\0") == b"makedumpfile"
        f.seek(4096)
        while True:
            at, n = struct.unpack(">qq", f.read(16))
            if at < 0:
                return bytes(content)
            if at + n > len(content):
                content.extend(bytes(at + n - len(content)))
            content[at:at + n] = f.read(n)


def write_raw(machine, path):
    with open(path, "wb") as f:
        f.write(machine.ram)


def write_padded(machine, path):
    """LiME's format=padded: from physical 0, and what is no RAM is zero. Sparse."""
    with open(path, "wb") as f:
        f.seek(machine.base)
        f.write(machine.ram)


def _header(magic, version, first, last):
    return struct.pack("<4sIQQQ", magic, version, first, last, 0)


def write_lime(machine, path, pieces=3):
    step = len(machine.ram) // pieces // BLOCK * BLOCK
    with open(path, "wb") as f:
        for i in range(pieces):
            first, end = i * step, (i + 1) * step if i + 1 < pieces else len(machine.ram)
            f.write(_header(b"EMiL", 1, machine.base + first, machine.base + end - 1))
            f.write(machine.ram[first:end])


def _crc32c_table():
    table = []
    for i in range(256):
        for _ in range(8):
            i = i >> 1 ^ (0x82F63B78 if i & 1 else 0)
        table.append(i)
    return table


CRC_TABLE = _crc32c_table()


def crc32c_masked(data, known={}):
    if data not in known:
        crc = 0xFFFFFFFF
        for byte in data:
            crc = crc >> 8 ^ CRC_TABLE[(crc ^ byte) & 0xFF]
        crc ^= 0xFFFFFFFF
        known[data] = ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
    return known[data]


def snappy_frames(data):
    out = [b"\xff\x06\x00\x00sNaPpY"]
    for at in range(0, len(data), 65536):
        piece = data[at:at + 65536]
        packed = compress("snappy", piece)
        kind = 0
        if len(packed) >= len(piece) - len(piece) // 8:
            packed, kind = piece, 1
        out.append(struct.pack("<I", kind | (len(packed) + 4) << 8))
        out.append(struct.pack("<I", crc32c_masked(piece)) + packed)
    return b"".join(out)


def write_avml(machine, path, block=16 << 20):
    """Blocks of 16 MiB, those of zeroes left out; the last stretch keeps at least its last block."""
    with open(path, "wb") as f:
        for at in range(0, len(machine.ram), block):
            piece = machine.ram[at:at + block]
            if not piece.strip(b"\0") and at + block < len(machine.ram):
                continue
            frames = snappy_frames(piece)
            f.write(_header(b"AVML", 2, machine.base + at, machine.base + at + len(piece) - 1))
            f.write(frames + struct.pack("<Q", len(frames)))


def write_qualcomm(machine, folder, table):
    """Two files and the table that says where they lie: "load.cmm", "dump_info.txt" or "names"."""
    half = len(machine.ram) // 2
    parts = [(machine.base, machine.ram[:half]), (machine.base + half, machine.ram[half:])]
    lines = []
    for i, (pa, content) in enumerate(parts):
        name = f"DDRCS{i}_0.BIN"
        if table == "names":
            name = f"dram_cs{i}_0x{pa:x}--0x{pa + len(content) - 1:x}.lst"
        (folder / name).write_bytes(content)
        if table == "load.cmm":
            lines.append(f"d.load.binary {name} 0x{pa:x} /noclear")
        if table == "dump_info.txt":
            lines.append(f"1  0x{pa:016x}  {len(content)}  DDR CS{i}  {name.lower()}")
    (folder / "OCIMEM.txt").write_text("nothing of ours\n")
    if lines:
        (folder / table).write_text("\n".join(lines) + "\n")
