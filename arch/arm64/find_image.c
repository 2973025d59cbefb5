/*
 * Where an arm64 image lies, when no vmlinux says so: a table that maps its text tells the distance
 * between virtual and physical, the image's own header where it begins.
 */
#include "analyzer/base/scope.h"
#include "arch/arm64/arm64.h"

enum { IMAGE_BYTES_MAX = 256 << 20 };

/*
 * The distance between virtual and physical, from any page near @rodata that is a root under which
 * both the text and @rodata stand where one distance puts them. init_pg_dir, left from booting, may
 * be what is found first: it says the same.
 */
static bool search_voffset(struct dump *d, uint64_t stext, struct paddr rodata, uint64_t *ret)
{
	static const uint8_t page[] = { 12, 16, 14 };
	static const uint8_t bits[] = { 48, 39, 52, 47, 42, 36 };
	uint64_t lo = rodata.v > IMAGE_BYTES_MAX / 2 ? rodata.v - IMAGE_BYTES_MAX / 2 : 0;

	for (size_t i = 0; i < ARRAY_SIZE(page) * ARRAY_SIZE(bits); i++) {
		struct paging p;
		struct paddr text, back, at = { lo & ~0xffffull };
		unsigned va_bits = bits[i % ARRAY_SIZE(bits)];
		if (stext >> va_bits != UINT64_MAX >> va_bits ||
			!arm64_paging(page[i / ARRAY_SIZE(bits)], va_bits, &p))
			continue;
		p.big_endian = dump_info(d)->abi.big_endian;
		for (; at.v < lo + IMAGE_BYTES_MAX; at.v += 1ull << p.page_shift) {
			if (!paging_probe(&p, d, at, stext, &text) || text.v > rodata.v ||
				rodata.v - text.v > IMAGE_BYTES_MAX)
				continue;
			uint64_t voffset = stext - text.v;
			if (paging_probe(&p, d, at, rodata.v + voffset, &back) &&
				back.v == rodata.v) {
				*ret = voffset;
				return true;
			}
		}
	}
	return false;
}

/*
 * arch/arm64/include/asm/image.h: the image begins with a header, "ARM\x64" at 56 and
 * the bytes from _text to _end at 16. Where [_text, _stext) is not mapped (layout.c, maps_image())
 * its memory may be in other use: in dumps of 6.1 no header is left, and _stext stands in for
 * _text.
 */
static void find_start(
	struct dump *dump, uint64_t voffset, uint64_t stext, struct kernel_image *ret)
{
	enum { HEADER_BYTES = 64, MAGIC = 0x644d5241 };
	static const uint32_t head[] = { 64 << 10, 4 << 10, 0, 2 << 20 };

	*ret = (struct kernel_image){ .va = stext, .pa = { stext - voffset } };
	for (size_t i = 0; i < ARRAY_SIZE(head); i++) {
		uint8_t raw[HEADER_BYTES];
		struct paddr pa = { stext - head[i] - voffset };
		if (dump_try_read(dump, pa, raw, sizeof(raw), NULL) != FAULT_NONE ||
			load_u32le(raw + 56) != MAGIC || load_u64le(raw + 16) > IMAGE_BYTES_MAX)
			continue;
		*ret = (struct kernel_image){
			.va = stext - head[i], .pa = pa, .size = load_u64le(raw + 16)
		};
		return;
	}
}

bool arm64_find_image(const struct arch_env *env, struct dump *dump, struct paddr rodata,
	const uint64_t *voffset, struct kernel_image *ret)
{
	uint64_t stext, text, distance;

	if (!env_symbol(env, "_stext", &stext))
		return false;
	if (voffset)
		distance = *voffset;
	else if (!search_voffset(dump, stext, rodata, &distance))
		return false;
	if (env_symbol(env, "_text", &text))
		*ret = (struct kernel_image){ .va = text, .pa = { text - distance } };
	else
		find_start(dump, distance, stext, ret);
	return true;
}
