/*
 * arm64 page tables: every page size and address width that Linux can be built for, as data, and
 * one decoder of VMSAv8-64 descriptors. Knows bits, not where tables are.
 */
#include "analyzer/base/scope.h"
#include "arch/arm64/arm64.h"

#define BIT(n) (1ull << (n))

/* arch/arm64/include/asm/pgtable-hwdef.h and pgtable-prot.h, v6.1 */
#define D_VALID	    BIT(0)
#define D_TABLE	    BIT(1)
#define D_USER	    BIT(6)
#define D_RDONLY    BIT(7)
#define D_SHARED    (3ull << 8)
#define D_AF	    BIT(10)
#define D_NG	    BIT(11)
#define D_GP	    BIT(50)
#define D_CONT	    BIT(52)
#define D_PXN	    BIT(53)
#define D_UXN	    BIT(54)
#define D_PROT_NONE BIT(58) /* with D_VALID clear, up to v6.9 */
#define D_INVALID   BIT(11) /* the same since v6.10 or so: PTE_PRESENT_INVALID is nG */
#define D_TABLE_PXN BIT(59)
#define D_TABLE_UXN BIT(60)

static uint64_t output_address(const struct paging *p, uint64_t raw, unsigned shift)
{
	uint64_t pa = raw & (BIT(48) - 1);

	if (p->lpa) /* 64K: PA[51:48] in bits 15:12 */
		pa |= (raw >> 12 & 0xf) << 48;
	if (p->lpa2) /* 4K, 16K: PA[49:48] in place, PA[51:50] in bits 9:8 */
		pa |= (raw & 3ull << 48) | (raw >> 8 & 3) << 50;
	return pa & ~(BIT(shift) - 1);
}

/* Levels counted from the last one: 0 holds pages, 1 the smallest blocks. Blocks one level further
 * up exist for 4K pages (1G), and for all sizes where addresses have 52 bits (Arm ARM, D8.3.1). */
static bool block_allowed(const struct paging *p, unsigned from_last)
{
	return from_last == 1 || (from_last == 2 && (p->page_shift == 12 || p->lpa || p->lpa2)) ||
	       (from_last == 3 && p->page_shift == 12 && p->lpa2);
}

/*
 * Resident, but no access is allowed: PROT_NONE, NUMA hinting. Bit 58 up to v6.9 and nG since v6.12
 * (PTE_PRESENT_INVALID), where older kernels have a swap offset's bit: so it takes .swap_form.
 */
static bool prot_none(const struct paging *p, uint64_t raw)
{
	if (raw & D_VALID)
		return false;
	switch (p->swap_form) {
	case SWAP_PLAIN:
	case SWAP_EXCLUSIVE:
		return raw & D_PROT_NONE;
	case SWAP_PRESENT_INVALID:
		return raw & D_INVALID;
	}
	return false;
}

/* arch/arm64/include/asm/pgtable.h: pte_present() and pmd_present() accept PROT_NONE too. */
static struct pte decode(const struct paging *p, unsigned level, uint64_t raw)
{
	const unsigned from_last = p->nlevels - 1 - level;
	const uint8_t shift = p->level[level].shift;

	if (!(raw & D_VALID) && !(prot_none(p, raw) && from_last < 2))
		return (struct pte){ .kind = raw ? PTE_ABSENT : PTE_NONE };
	if ((raw & D_VALID) && from_last && (raw & D_TABLE))
		return (struct pte){
			.kind = PTE_TABLE,
			.pa = { output_address(p, raw, p->page_shift) },
		};
	if ((raw & D_VALID) && (from_last ? !block_allowed(p, from_last) : !(raw & D_TABLE)))
		return (struct pte){ .kind = PTE_INVALID };
	return (struct pte){
		.kind = PTE_LEAF,
		.pa = { output_address(p, raw, shift) },
		.size_shift = shift,
	};
}

/* Names of arch/arm64/mm/ptdump.c (v4.19, v6.1) by the MAIR bytes of arch/arm64/mm/proc.S. */
static void describe_memory(const struct paging *p, unsigned index, struct strbuf *out)
{
	if (!p->mair_known) {
		strbuf_addf(out, " ATTR%u", index);
		return;
	}
	switch (p->mair[index]) {
	case 0x00:
		strbuf_add(out, " DEVICE/nGnRnE");
		return;
	case 0x04:
		strbuf_add(out, " DEVICE/nGnRE");
		return;
	case 0x0c:
		strbuf_add(out, " DEVICE/GRE");
		return;
	case 0x44:
		strbuf_add(out, " MEM/NORMAL-NC");
		return;
	case 0xbb:
		strbuf_add(out, " MEM/NORMAL-WT");
		return;
	case 0xf0:
		strbuf_add(out, " MEM/NORMAL-TAGGED");
		return;
	case 0xff:
		strbuf_add(out, " MEM/NORMAL");
		return;
	}
	strbuf_addf(out, " ATTR%u", index);
}

static void describe(const struct paging *p, unsigned level, uint64_t raw, struct strbuf *out)
{
	struct pte e = decode(p, level, raw);

	if (e.kind == PTE_TABLE) {
		strbuf_addf(out, "TABLE%s%s", raw & D_TABLE_PXN ? " NX" : "",
			raw & D_TABLE_UXN ? " UXN" : "");
		return;
	}
	if (e.kind != PTE_LEAF) {
		bool unknown = p->swap_form == SWAP_UNKNOWN;
		strbuf_addf(out, "F%s",
			unknown && !(raw & D_VALID) && (raw & D_PROT_NONE) ? " PROT_NONE" : "");
		return;
	}
	strbuf_addf(out, "%s %s%s %s", raw & D_VALID ? "VALID" : "F PROT_NONE",
		raw & D_USER ? "USR " : "", raw & D_RDONLY ? "ro" : "RW", raw & D_PXN ? "NX" : "x");
	if (!p->lpa2 && (raw & D_SHARED) == D_SHARED)
		strbuf_add(out, " SHD");
	const struct {
		uint64_t bit;
		const char *word;
	} flag[] = { { D_AF, " AF" }, { D_NG, " NG" }, { D_CONT, " CON" } };
	for (size_t i = 0; i < ARRAY_SIZE(flag); i++)
		if (raw & flag[i].bit)
			strbuf_add(out, flag[i].word);
	if (!(raw & D_TABLE))
		strbuf_add(out, " BLK");
	if (raw & D_UXN)
		strbuf_add(out, " UXN");
	if (raw & D_GP)
		strbuf_add(out, " GP");
	describe_memory(p, raw >> 2 & 7, out);
}

static uint64_t attributes(const struct paging *p, unsigned level, uint64_t raw)
{
	struct pte e = decode(p, level, raw);
	unsigned shift = e.kind == PTE_LEAF ? e.size_shift : p->page_shift;

	if (e.kind != PTE_LEAF && e.kind != PTE_TABLE)
		return raw;
	uint64_t address = (BIT(48) - 1) & ~(BIT(shift) - 1);
	if (p->lpa)
		address |= 0xf000;
	if (p->lpa2)
		address |= 3ull << 48 | 3 << 8;
	return raw & ~address;
}

/*
 * arch/arm64/include/asm/pgtable.h, "Encode and decode a swap entry": type 7:2, offset 57:8 (5.10);
 * exclusive 2, type 7:3, offset 57:8 (6.1); exclusive 2, uffd 3, type 10:6, offset 61:12 (6.12).
 */
static bool swap(const struct paging *p, uint64_t raw, struct pte_swap *ret)
{
	if ((raw & D_VALID) || !raw)
		return false;
	if (prot_none(p, raw)) {
		*ret = (struct pte_swap){ .soft_none = true };
		return true;
	}
	if (raw & D_TABLE)
		return false;
	switch (p->swap_form) {
	case SWAP_PLAIN:
		*ret = (struct pte_swap){ raw >> 2 & 0x3f, raw >> 8 & (BIT(50) - 1), false, false };
		return true;
	case SWAP_EXCLUSIVE:
		*ret = (struct pte_swap){ raw >> 3 & 0x1f, raw >> 8 & (BIT(50) - 1), raw & BIT(2),
			false };
		return true;
	case SWAP_PRESENT_INVALID:
		*ret = (struct pte_swap){ raw >> 6 & 0x1f, raw >> 12 & (BIT(50) - 1), raw & BIT(2),
			false };
		return true;
	}
	return false;
}

/* ---- the kernel's own dump: pte_bits[] of mm/dump.c (4.19), ptdump.c (5.10, 6.1) ---- */

#define WORDS_ACCESS                                                                               \
	{ D_VALID, D_VALID, " ", "F" }, { D_USER, D_USER, "USR", "   " },                          \
		{ D_RDONLY, D_RDONLY, "ro", "RW" }, { D_PXN, D_PXN, "NX", "x " },                  \
		{ D_SHARED, D_SHARED, "SHD", "   " }, { D_AF, D_AF, "AF", "  " },                  \
		{ D_NG, D_NG, "NG", "  " }, { D_CONT, D_CONT, "CON", "   " },                      \
		{ D_TABLE, D_TABLE, "   ", "BLK" },                                                \
	{                                                                                          \
		D_UXN, D_UXN, "UXN", "   "                                                         \
	}
#define WORD_GP                                                                                    \
	{                                                                                          \
		D_GP, D_GP, "GP", "  "                                                             \
	}
#define WORD_TYPE(index, name)                                                                     \
	{                                                                                          \
		7 << 2, (index) << 2, name, NULL                                                   \
	}

static const struct pte_word words_v4_19[] = { WORDS_ACCESS, WORD_TYPE(0, "DEVICE/nGnRnE"),
	WORD_TYPE(1, "DEVICE/nGnRE"), WORD_TYPE(2, "DEVICE/GRE"), WORD_TYPE(3, "MEM/NORMAL-NC"),
	WORD_TYPE(4, "MEM/NORMAL"), { 0 } };
static const struct pte_word words_v5_10[] = { WORDS_ACCESS, WORD_GP, WORD_TYPE(4, "DEVICE/nGnRnE"),
	WORD_TYPE(5, "DEVICE/nGnRE"), WORD_TYPE(6, "DEVICE/GRE"), WORD_TYPE(2, "MEM/NORMAL-NC"),
	WORD_TYPE(0, "MEM/NORMAL"), WORD_TYPE(1, "MEM/NORMAL-TAGGED"), { 0 } };
static const struct pte_word words_v5_14[] = { WORDS_ACCESS, WORD_GP, WORD_TYPE(3, "DEVICE/nGnRnE"),
	WORD_TYPE(4, "DEVICE/nGnRE"), WORD_TYPE(2, "MEM/NORMAL-NC"), WORD_TYPE(0, "MEM/NORMAL"),
	WORD_TYPE(1, "MEM/NORMAL-TAGGED"), { 0 } };

static const struct pte_word *words(const struct paging *p, unsigned level)
{
	(void)level;
	if (!p->mair_known)
		return words_v5_14;
	return p->mair[0] == 0 ? words_v4_19 : p->mair[6] == 0x0c ? words_v5_10 : words_v5_14;
}

static const struct {
	uint8_t page_shift, va_bits, nlevels;
	const char *name;
} form[] = {
	/* arch/arm64/Kconfig, V:4.19 5.4 5.10 6.1 6.12 7.3 */
	{ 12, 39, 3, "arm64 4K, 39 bits" },
	{ 12, 48, 4, "arm64 4K, 48 bits" },
	{ 12, 52, 5, "arm64 4K, 52 bits" },
	{ 14, 36, 2, "arm64 16K, 36 bits" },
	{ 14, 47, 3, "arm64 16K, 47 bits" },
	{ 14, 48, 4, "arm64 16K, 48 bits" },
	{ 14, 52, 4, "arm64 16K, 52 bits" },
	{ 16, 42, 2, "arm64 64K, 42 bits" },
	{ 16, 48, 3, "arm64 64K, 48 bits" },
	{ 16, 52, 3, "arm64 64K, 52 bits" },
};

bool arm64_paging(unsigned page_shift, unsigned va_bits, struct paging *ret)
{
	static const char *const level_name[] = { "pgd", "p4d", "pud", "pmd", "pte" };

	for (size_t i = 0; i < ARRAY_SIZE(form); i++) {
		if (form[i].page_shift != page_shift || form[i].va_bits != va_bits)
			continue;
		unsigned n = form[i].nlevels, stride = page_shift - 3;
		*ret = (struct paging){
			.name = form[i].name,
			.nlevels = n,
			.page_shift = page_shift,
			.va_bits = va_bits,
			.two_halves = true,
			/* Without 52-bit addresses bits 15:12 are zero, so 64K needs no probe. LPA2
			 * goes with 52-bit virtual addresses (Kconfig: ARM64_PA_BITS_52). */
			.lpa = page_shift == 16,
			.lpa2 = page_shift != 16 && va_bits == 52,
			.decode = decode,
			.describe = describe,
			.attributes = attributes,
			.words = words,
			.swap = swap,
		};
		for (unsigned k = 0; k < n; k++) {
			unsigned shift = page_shift + (n - 1 - k) * stride;
			/* The kernel's names: with few levels the middle ones are folded away. */
			ret->level[k] = (struct paging_level){
				.name = level_name[k ? 5 - n + k : 0],
				.shift = shift,
				.bits = k ? stride : va_bits - shift,
				.entry_bytes = 8,
			};
		}
		return true;
	}
	return false;
}
