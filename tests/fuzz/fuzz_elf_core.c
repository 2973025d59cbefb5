/* ELF cores and flattened streams of them, from any bytes: opening, notes, reads at borders. */
#include "tests/fuzz/fuzz_dump.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	return fuzz_dump_bytes(p, n, false);
}

static void seed_elf(fuzz_add_fn add, bool is64, bool be, bool xnum, size_t step)
{
	static const struct elf_seg seg[] = {
		{ PT_NOTE, 0, 0, 0x180, 64, 0 },
		{ PT_LOAD, 0xc0000000, 0x40000000, 0x200, 0x100, 0x200 },
		{ PT_LOAD, 0xc0000400, 0x40000080, 0x300, 0x80, 0x80 },
		{ PT_LOAD, 0xc0001000, 0x80000000, 0x380, 0, 0 },
	};
	scoped_blob struct blob b = { 0 }, f = { 0 }, note = { .be = be };
	struct elf_spec s = { .is64 = is64, .be = be, .xnum = xnum, .seg = seg, .nsegs = 4,
		.machine = is64 ? EM_AARCH64 : EM_ARM };
	elf_build(&b, &s);
	size_t end = note_build(&note, 0, "CORE", 1, "registers", 9);
	end = note_build(&note, end, "VMCOREINFO", 0, "PAGESIZE=4096\n", 14);
	blob_grow(&b, 0x400);
	if (!xnum || !is64)
		blob_put(&b, 0x180, note.p, end);
	if (step)
		flat_build(&f, &b, step);
	add(step ? f.p : b.p, step ? f.n : b.n);
}

void fuzz_seed(fuzz_add_fn add)
{
	for (unsigned i = 0; i < 8; i++)
		seed_elf(add, i & 1, i & 2, i & 4, 0);
	seed_elf(add, true, false, false, 300);
	seed_elf(add, false, false, false, 61);
}
