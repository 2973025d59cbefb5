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
};
