/*
 * ARM32 short descriptors: sections, supersections and coarse tables at the first level, Linux's
 * own entries (or, in the second form, the hardware's) at the second. Knows bits, not where tables
 * are.
 */
#include "arch/arm/arm.h"

/* arch/arm/include/asm/pgtable-2level-hwdef.h, v6.1: first-level descriptor */
enum {
	L1_TYPE = 3,
	L1_TABLE = 1, /* 2 and 3 are sections; bit 0 of those is PXN */
	L1_TABLE_PXN = 1 << 2,
	L1_XN = 1 << 4,
	L1_AP_WRITE = 1 << 10,
	L1_AP_READ = 1 << 11,
	L1_APX = 1 << 15,
	L1_SHARED = 1 << 16,
	L1_SUPER = 1 << 18,
};

/* arch/arm/include/asm/pgtable-2level.h, v6.1: Linux's half of a second-level table */
enum {
	L_PRESENT = 1 << 0,
	L_MT_SHIFT = 2,
	L_RDONLY = 1 << 7,
	L_USER = 1 << 8,
	L_XN = 1 << 9,
	L_SHARED = 1 << 10,
	L_NONE = 1 << 11,
};

/* The same file: the hardware's half of the page begins PTE_HWTABLE_OFF = 512 * 4 bytes in; the
 * first- level word points there. */
enum { HWTABLE_OFF = 2048 };

static struct pte decode_first(uint64_t raw, uint64_t table_off)
{
	if ((raw & L1_TYPE) == 0)
		return (struct pte){ .kind = raw ? PTE_ABSENT : PTE_NONE };
	if ((raw & L1_TYPE) == L1_TABLE) {
		uint64_t base = raw & 0xfffffc00;
		if (base < table_off)
			return (struct pte){ .kind = PTE_INVALID };
		return (struct pte){ .kind = PTE_TABLE, .pa = { base - table_off } };
	}
	if (raw & L1_SUPER) {
		/* ARM ARM v7-A, B3.5.1: PA[35:32] in bits 23:20, PA[39:36] in bits 8:5. */
		uint64_t pa = (raw & 0xff000000) | (raw >> 20 & 0xf) << 32 | (raw >> 5 & 0xf) << 36;
		return (struct pte){ .kind = PTE_LEAF, .pa = { pa }, .size_shift = 24 };
	}
	return (struct pte){ .kind = PTE_LEAF, .pa = { raw & 0xfff00000 }, .size_shift = 20 };
}

/* Like the kernel's pte_present(): an old page and a PROT_NONE page are in memory. */
static struct pte decode_linux(const struct paging *p, unsigned level, uint64_t raw)
{
	(void)p;
	if (level == 0)
		return decode_first(raw, HWTABLE_OFF);
	if (!(raw & L_PRESENT))
		return (struct pte){ .kind = raw ? PTE_ABSENT : PTE_NONE };
	return (struct pte){ .kind = PTE_LEAF, .pa = { raw & 0xfffff000 }, .size_shift = 12 };
}

static struct pte decode_hw(const struct paging *p, unsigned level, uint64_t raw)
{
	(void)p;
	if (level == 0)
		return decode_first(raw, 0);
	switch (raw & 3) {
	case 0:
		return (struct pte){ .kind = raw ? PTE_ABSENT : PTE_NONE };
	case 1:
		return (struct pte){
			.kind = PTE_LEAF, .pa = { raw & 0xffff0000 }, .size_shift = 16
		};
	default:
		return (struct pte){
			.kind = PTE_LEAF, .pa = { raw & 0xfffff000 }, .size_shift = 12
		};
	}
}

/* The words of arch/arm/mm/dump.c, v6.1, without its padding. */
static void describe_first(uint64_t raw, struct strbuf *out)
{
	static const char *const access[4] = { "", "RW", "USR ro", "USR RW" };

	if ((raw & L1_TYPE) == 0) {
		strbuf_add(out, "F");
		return;
	}
	if ((raw & L1_TYPE) == L1_TABLE) {
		strbuf_addf(out, "TABLE DOMAIN%u%s", (unsigned)(raw >> 5 & 15),
			raw & L1_TABLE_PXN ? " PXN" : "");
		return;
	}
	unsigned ap = (raw & L1_AP_WRITE ? 1 : 0) | (raw & L1_AP_READ ? 2 : 0);
	if (raw & L1_SUPER)
		strbuf_add(out, "SUPER ");
	else
		strbuf_addf(out, "DOMAIN%u ", (unsigned)(raw >> 5 & 15));
	if (raw & L1_APX) /* read-only; AP 11 is "read-only at any level", 01 "for the kernel" */
		strbuf_add(out, ap & 2 ? "USR ro" : "ro");
	else
		strbuf_add(out, ap ? access[ap] : "ro");
	strbuf_add(out, raw & L1_XN ? " NX" : " x");
	if (raw & L1_SHARED)
		strbuf_add(out, " SHD");
}

static void describe_linux(const struct paging *p, unsigned level, uint64_t raw, struct strbuf *out)
{
	static const char *const type[16] = {
		[0x0] = "SO/UNCACHED",
		[0x1] = "MEM/BUFFERABLE/WC",
		[0x2] = "MEM/CACHED/WT",
		[0x3] = "MEM/CACHED/WBRA",
		[0x4] = "DEV/SHARED",
		[0x6] = "MEM/MINICACHE",
		[0x7] = "MEM/CACHED/WBWA",
		[0x9] = "DEV/WC",
		[0xb] = "DEV/CACHED",
		[0xc] = "DEV/NONSHARED",
		[0xf] = "MEM/VECTORS",
	};
	const char *mt = type[raw >> L_MT_SHIFT & 15];

	(void)p;
	if (level == 0) {
		describe_first(raw, out);
		return;
	}
	if (!(raw & L_PRESENT)) {
		strbuf_add(out, "F");
		return;
	}
	strbuf_addf(out, "%s%s %s%s", raw & L_USER ? "USR " : "", raw & L_RDONLY ? "ro" : "RW",
		raw & L_XN ? "NX" : "x", raw & L_SHARED ? " SHD" : "");
	if (mt)
		strbuf_addf(out, " %s", mt);
	if (raw & L_NONE)
		strbuf_add(out, " NONE");
}

/* The hardware's words: access permissions of the v6+ format, AP[2:0] in bits 9 and 5:4. */
static void describe_hw(const struct paging *p, unsigned level, uint64_t raw, struct strbuf *out)
{
	(void)p;
	if (level == 0) {
		describe_first(raw, out);
		return;
	}
	if ((raw & 3) == 0) {
		strbuf_add(out, "F");
		return;
	}
	bool large = (raw & 3) == 1;
	unsigned ap = raw >> 4 & 3;
	strbuf_addf(out, "%s%s%s %s%s%s", large ? "LARGE " : "", ap & 2 ? "USR " : "",
		raw & 1 << 9 || ap == 2 ? "ro" : "RW", raw & (large ? 1 << 15 : 1) ? "NX" : "x",
		raw & 1 << 10 ? " SHD" : "", raw & 1 << 11 ? " NG" : "");
}

#define SHORT_LEVELS                                                                               \
	.nlevels = 2, .page_shift = 12, .va_bits = 32,                                             \
	.level = { { "pgd", 20, 12, 4 }, { "pte", 12, 8, 4 } }

const struct paging arm_paging_short = {
	.name = "arm short descriptors",
	SHORT_LEVELS,
	.decode = decode_linux,
	.describe = describe_linux,
};

const struct paging arm_paging_short_hw = {
	.name = "arm short descriptors, hardware entries",
	SHORT_LEVELS,
	.decode = decode_hw,
	.describe = describe_hw,
};
