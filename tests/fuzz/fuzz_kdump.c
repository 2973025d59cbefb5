/* kdump-compressed files, flattened or not, from any bytes: headers, bitmaps, pages, codecs. */
#include "tests/fuzz/fuzz_dump.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	return fuzz_dump_bytes(p, n, true);
}

static void seed_kdump(fuzz_add_fn add, enum kd_layout layout, bool be, uint32_t version,
	size_t step)
{
	static const struct kd_page page[] = { { 2, KD_ZLIB }, { 3, KD_LZO }, { 4, KD_SNAPPY },
		{ 5, KD_ZSTD }, { 6, KD_ZLIB, true }, { 90, KD_ZLIB } };
	scoped_blob struct blob b = { 0 }, f = { 0 };
	struct kd_spec s = { .layout = layout, .be = be, .version = version, .page = page,
		.npage = ARRAY_SIZE(page), .phys_base = 0x2000, .vmcoreinfo = "PAGESIZE=4096\n" };
	kd_build(&b, &s);
	if (step)
		flat_build(&f, &b, step);
	add(step ? f.p : b.p, step ? f.n : b.n);
}

void fuzz_seed(fuzz_add_fn add)
{
	for (unsigned i = 0; i < 8; i++)
		seed_kdump(add, (enum kd_layout)(i % 4), i / 4, 6, 0);
	seed_kdump(add, KD_64, false, 1, 0);
	seed_kdump(add, KD_32_PADDED, false, 4, 0);
	static const struct kd_page page[] = { { 2, KD_ZLIB }, { 5, KD_LZO }, { 90, KD_ZSTD } };
	scoped_blob struct blob b = { 0 };
	kd_build(&b, &(struct kd_spec){ .page = page, .npage = 3, .split = 1, .first_pfn = 3,
		.end_pfn = 90 });
	add(b.p, b.n);
	seed_kdump(add, KD_64, false, 6, 3000);
	seed_kdump(add, KD_32_PACKED, false, 6, 200);
}
