/*
 * ARM32 long descriptors (LPAE): three levels of 64-bit entries, four of them in the root. Linux
 * keeps its own bits in the descriptors' software fields, so there is no second copy as in the
 * short form.
 */
#include "arch/arm/arm.h"

#define BIT(n) (1ull << (n))

/* arch/arm/include/asm/pgtable-3level.h and -hwdef.h, v6.1 */
#define D_VALID	 BIT(0)
#define D_TABLE	 BIT(1)
#define D_USER	 BIT(6)
#define D_AP2	 BIT(7)
#define D_SHARED (3ull << 8)
#define D_AF	 BIT(10)
#define D_NG	 BIT(11)
#define D_PXN	 BIT(53)
#define D_XN	 BIT(54)
#define D_NONE	 BIT(57)
#define D_RDONLY BIT(58)
#define D_ADDR	 0xfffffff000ull /* PA 39:12 */

enum { LAST = 2 };

/*
 * L_PTE_PRESENT is both low bits: a PROT_NONE page keeps bit 1 while proc-v7-3level.S clears bit 0
 * where L_PTE_NONE is set, and pte_present() accepts either.
 */
static struct pte decode(const struct paging *p, unsigned level, uint64_t raw)
{
	const uint8_t shift = p->level[level].shift;

	if (!(raw & D_VALID)) {
		if (!raw)
			return (struct pte){ .kind = PTE_NONE };
		bool none = (raw & D_NONE) && (level == LAST ? (raw & D_TABLE) != 0 : level == 1);
		if (!none)
			return (struct pte){ .kind = PTE_ABSENT };
	} else if (level < LAST && (raw & D_TABLE)) {
		return (struct pte){ .kind = PTE_TABLE, .pa = { raw & D_ADDR } };
	} else if (level == LAST && !(raw & D_TABLE)) {
		return (struct pte){ .kind = PTE_INVALID };
	}
	return (struct pte){
		.kind = PTE_LEAF,
		.pa = { raw & D_ADDR & ~(BIT(shift) - 1) },
		.size_shift = shift,
	};
}

/* The words of arch/arm/mm/dump.c, v6.1, where it is built with LPAE. */
static void describe(const struct paging *p, unsigned level, uint64_t raw, struct strbuf *out)
{
	/* L_PTE_MT_*; DEV/WC and DEV/CACHED share 1 and 3 */
	static const char *const type[8] = { "SO/UNCACHED", "MEM/BUFFERABLE/WC", "MEM/CACHED/WT",
		"MEM/CACHED/WBRA", "DEV/SHARED", NULL, NULL, "MEM/CACHED/WBWA" };
	struct pte e = decode(p, level, raw);

	if (e.kind == PTE_TABLE) {
		strbuf_addf(
			out, "TABLE%s%s", raw & BIT(59) ? " PXN" : "", raw & BIT(60) ? " NX" : "");
		return;
	}
	if (!(raw & D_VALID))
		strbuf_add(out, e.kind == PTE_LEAF ? "F " : "F");
	if (e.kind != PTE_LEAF)
		return;
	/* Blocks are read-only by either bit (L_PMD_SECT_RDONLY, AP2), pages by Linux's. */
	bool ro = raw & (level == LAST ? D_RDONLY : D_RDONLY | D_AP2);
	strbuf_addf(out, "%s%s %s%s", raw & D_USER ? "USR " : "", ro ? "ro" : "RW",
		raw & D_XN ? "NX" : "x", (raw & D_SHARED) == D_SHARED ? " SHD" : "");
	if (raw & D_AF)
		strbuf_add(out, " AF");
	if (raw & D_NG)
		strbuf_add(out, " NG");
	if (raw & D_PXN)
		strbuf_add(out, " PXN");
	if (type[raw >> 2 & 7])
		strbuf_addf(out, " %s", type[raw >> 2 & 7]);
	if (raw & D_NONE)
		strbuf_add(out, " NONE");
}

static uint64_t attributes(const struct paging *p, unsigned level, uint64_t raw)
{
	enum pte_kind kind = decode(p, level, raw).kind;
	return kind == PTE_LEAF || kind == PTE_TABLE ? raw & ~D_ADDR : raw;
}

/* arch/arm/include/asm/pgtable.h, 6.1: as in the short form, in the descriptor's lower half;
 * PROT_NONE pages are leafs, see decode(). */
static bool swap(const struct paging *p, uint64_t raw, struct pte_swap *ret)
{
	bool exclusive = p->swap_form == SWAP_EXCLUSIVE;

	if (!raw || (raw & 3))
		return false;
	*ret = (struct pte_swap){
		.type = raw >> 2 & 0x1f,
		.offset = (uint32_t)raw >> (exclusive ? 8 : 7),
		.exclusive = exclusive && (raw & BIT(7)),
	};
	return true;
}

/* ---- the kernel's own dump, arch/arm/mm/dump.c, 5.10 and 6.1, with CONFIG_ARM_LPAE ------- */

#define D_MT  (7ull << 2)
#define MT(n) ((uint64_t)(n) << 2)

static const struct pte_word section_words[] = {
	{ D_USER, D_USER, "USR", NULL },
	{ D_RDONLY | D_AP2, D_RDONLY | D_AP2, "ro", "RW" },
	{ D_XN, D_XN, "NX", "x " },
	{ D_SHARED, D_SHARED, "SHD", "   " },
	{ 0 },
};

static const struct pte_word page_words[] = {
	{ D_USER, D_USER, "USR", "   " },
	{ D_RDONLY, D_RDONLY, "ro", "RW" },
	{ D_XN, D_XN, "NX", "x " },
	{ D_SHARED, D_SHARED, "SHD", "   " },
	{ D_MT, MT(0), "SO/UNCACHED", NULL },
	{ D_MT, MT(1), "MEM/BUFFERABLE/WC", NULL },
	{ D_MT, MT(2), "MEM/CACHED/WT", NULL },
	{ D_MT, MT(3), "MEM/CACHED/WBRA", NULL },
	{ D_MT, MT(7), "MEM/CACHED/WBWA", NULL },
	{ D_MT, MT(4), "DEV/SHARED", NULL },
	{ D_MT, MT(1), "DEV/WC", NULL },
	{ D_MT, MT(3), "DEV/CACHED", NULL },
	{ 0 },
};

static const struct pte_word *words(const struct paging *p, unsigned level)
{
	(void)p;
	return level == LAST ? page_words : level == 1 ? section_words : NULL;
}

const struct paging arm_paging_lpae = {
	.name = "arm long descriptors (LPAE)",
	.nlevels = 3,
	.page_shift = 12,
	.va_bits = 32,
	/* arch/arm/mm/proc-v7-3level.S, L8: MAIR0 0xeeaa4400, MAIR1 0xff000004 */
	.mair_known = true,
	.mair = { 0x00, 0x44, 0xaa, 0xee, 0x04, 0x00, 0x00, 0xff },
	.level = { { "pgd", 30, 2, 8 }, { "pmd", 21, 9, 8 }, { "pte", 12, 9, 8 } },
	.decode = decode,
	.describe = describe,
	.attributes = attributes,
	.words = words,
	.swap = swap,
};
