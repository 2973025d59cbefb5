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

static uint64_t attributes_first(uint64_t raw)
{
	if ((raw & L1_TYPE) == 0)
		return raw;
	if ((raw & L1_TYPE) == L1_TABLE)
		return raw & 0x3ff;
	return raw & (raw & L1_SUPER ? 0x000ffe1f : 0x000fffff);
}

static uint64_t attributes_linux(const struct paging *p, unsigned level, uint64_t raw)
{
	(void)p;
	return level == 0 ? attributes_first(raw) : raw & L_PRESENT ? raw & 0xfff : raw;
}

static uint64_t attributes_hw(const struct paging *p, unsigned level, uint64_t raw)
{
	(void)p;
	if (level == 0)
		return attributes_first(raw);
	return (raw & 3) == 0 ? raw : raw & ((raw & 3) == 1 ? 0xffff : 0xfff);
}

/* arch/arm/include/asm/pgtable.h, 6.1: type 6:2, offset from 7; since v6.3 bit 7 is the exclusive
 * one and the offset begins at 8. A PROT_NONE page is present to Linux, see decode_linux(). */
static bool swap(const struct paging *p, uint64_t raw, struct pte_swap *ret)
{
	if (!raw || (raw & 3))
		return false;
	bool exclusive = p->swap_form == SWAP_EXCLUSIVE;
	*ret = (struct pte_swap){
		.type = raw >> 2 & 0x1f,
		.offset = (uint32_t)raw >> (exclusive ? 8 : 7),
		.exclusive = exclusive && (raw & 1 << 7),
	};
	return true;
}

/* ---- the kernel's own dump, arch/arm/mm/dump.c, 5.10 and 6.1, architecture 6 and later ---- */

enum { L1_ACCESS = L1_APX | L1_AP_READ | L1_AP_WRITE, L_MT = 0xf << L_MT_SHIFT };

static const struct pte_word section_words[] = {
	{ L1_ACCESS, L1_APX | L1_AP_WRITE, "    ro", NULL },
	{ L1_ACCESS, L1_AP_WRITE, "    RW", NULL },
	{ L1_ACCESS, L1_AP_READ, "USR ro", NULL },
	{ L1_ACCESS, L1_AP_READ | L1_AP_WRITE, "USR RW", NULL },
	{ L1_XN, L1_XN, "NX", "x " },
	{ L1_SHARED, L1_SHARED, "SHD", "   " },
	{ 0 },
};

static const struct pte_word page_words[] = {
	{ L_USER, L_USER, "USR", "   " },
	{ L_RDONLY, L_RDONLY, "ro", "RW" },
	{ L_XN, L_XN, "NX", "x " },
	{ L_SHARED, L_SHARED, "SHD", "   " },
	{ L_MT, 0x0 << L_MT_SHIFT, "SO/UNCACHED", NULL },
	{ L_MT, 0x1 << L_MT_SHIFT, "MEM/BUFFERABLE/WC", NULL },
	{ L_MT, 0x2 << L_MT_SHIFT, "MEM/CACHED/WT", NULL },
	{ L_MT, 0x3 << L_MT_SHIFT, "MEM/CACHED/WBRA", NULL },
	{ L_MT, 0x6 << L_MT_SHIFT, "MEM/MINICACHE", NULL },
	{ L_MT, 0x7 << L_MT_SHIFT, "MEM/CACHED/WBWA", NULL },
	{ L_MT, 0x4 << L_MT_SHIFT, "DEV/SHARED", NULL },
	{ L_MT, 0xc << L_MT_SHIFT, "DEV/NONSHARED", NULL },
	{ L_MT, 0x9 << L_MT_SHIFT, "DEV/WC", NULL },
	{ L_MT, 0xb << L_MT_SHIFT, "DEV/CACHED", NULL },
	{ 0 },
};

static const struct pte_word *words(const struct paging *p, unsigned level)
{
	(void)p;
	return level == 0 ? section_words : page_words;
}

/* get_domain_name() there; numbers from arch/arm/include/asm/domain.h without CONFIG_IO_36, which
 * only Intel's XScale 3 and Cavium's have. */
static const char *domain(uint64_t raw)
{
	static const char *const name[] = { "KERNEL ", "USER   ", "IO     ", "VECTORS" };
	unsigned n = raw >> 5 & 15;
	return n < 4 ? name[n] : "unknown";
}

#define SHORT_LEVELS                                                                               \
	.nlevels = 2, .page_shift = 12, .va_bits = 32,                                             \
	.level = { { "pgd", 20, 12, 4 }, { "pte", 12, 8, 4 } }

const struct paging arm_paging_short = {
	.name = "arm short descriptors",
	SHORT_LEVELS,
	.decode = decode_linux,
	.describe = describe_linux,
	.attributes = attributes_linux,
	.words = words,
	.domain = domain,
	.swap = swap,
	.pairs = true,
};

const struct paging arm_paging_short_hw = {
	.name = "arm short descriptors, hardware entries",
	SHORT_LEVELS,
	.decode = decode_hw,
	.describe = describe_hw,
	.attributes = attributes_hw,
	.domain = domain,
};
