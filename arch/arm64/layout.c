/*
 * Where an arm64 kernel lies: page size, address bits, swapper_pg_dir, the linear map. VMCOREINFO
 * says most of it; every answer, said or guessed, is proved by walking the tables to the image.
 * Without a symbol table the image itself is searched for a table that maps it. (find_image.c:
 * where no vmlinux says where the image is.)
 */
#include <string.h>

#include "analyzer/base/scope.h"
#include "arch/arm64/arm64.h"

enum { TTBR1_BADDR_4852_OFFSET = 0x1e00 }; /* arch/arm64/include/asm/pgtable-hwdef.h, V:5.4 6.1 */

/* What is asked once and used by every attempt. */
struct finder {
	const struct arch_env *env;
	struct dump *dump;
	const struct kernel_image *image;
	uint64_t page_bytes, config_bits, t1sz; /* 0: not known */
	uint64_t swapper;			/* virtual, 0: not known */
	uint64_t stext;				/* virtual, 0: not known */
};

static uint64_t image_pa(const struct kernel_image *image, uint64_t va)
{
	return va - image->va + image->pa.v;
}

/* ---- proofs ------------------------------------------------------------------------------ */

/*
 * True when @pgd maps the image's text where the image is, and nowhere else. Since v5.12 or so
 * [_text, _stext), 64 KiB, is not mapped (arch/arm64/mm/mmu.c, v6.1), so several places are tried;
 * @ret_va is the lowest that is mapped.
 */
static bool maps_image(
	const struct finder *f, const struct paging *p, struct paddr pgd, uint64_t *ret_va)
{
	const struct kernel_image *image = f->image;
	const uint64_t probe[] = { f->stext, image->va + (64 << 10), image->va,
		image->va + (2 << 20) };
	bool proved = false;

	for (size_t i = 0; i < ARRAY_SIZE(probe); i++) {
		struct paddr pa;
		if (probe[i] < image->va ||
			(i && image->size && probe[i] - image->va >= image->size))
			continue;
		if (!paging_probe(p, f->dump, pgd, probe[i], &pa))
			continue;
		if (pa.v != image_pa(image, probe[i])) {
			if (probe[i] == image->va)
				continue;
			return false;
		}
		if (!proved || probe[i] < *ret_va)
			*ret_va = probe[i];
		proved = true;
	}
	return proved;
}

/*
 * The lowest leaf at or above @lo and below @hi, depth first. *budget bounds the entries that are
 * read: tables of a hostile dump could be wide and empty.
 */
static bool first_leaf(const struct finder *f, const struct paging *p, struct paddr table,
	unsigned level, uint64_t base, uint64_t lo, uint64_t hi, unsigned *budget, uint64_t *ret_va,
	struct paddr *ret_pa)
{
	const struct paging_level *lv = &p->level[level];
	const struct abi abi = { 8, p->big_endian };

	for (uint64_t i = 0; i < 1ull << lv->bits && *budget; i++, --*budget) {
		uint64_t va = base + (i << lv->shift);
		uint8_t raw[8];
		if (va + ((1ull << lv->shift) - 1) < lo || va >= hi)
			continue;
		if (dump_try_read(f->dump, (struct paddr){ table.v + i * 8 }, raw, 8, NULL) !=
			FAULT_NONE)
			continue;
		struct pte e = p->decode(p, level, get_u64(&abi, raw));
		if (e.kind == PTE_LEAF) {
			*ret_va = va;
			*ret_pa = e.pa;
			return true;
		}
		if (e.kind == PTE_TABLE && level + 1 < p->nlevels &&
			first_leaf(f, p, e.pa, level + 1, va, lo, hi, budget, ret_va, ret_pa))
			return true;
	}
	return false;
}

/* ---- the linear map ---------------------------------------------------------------------- */

/* Where linear addresses may be. */
struct linear {
	uint64_t page_offset; /* as the kernel computes with it, from its configured VA_BITS */
	uint64_t lo, last;    /* the range on this CPU, last byte included */
};

/*
 * arch/arm64/include/asm/memory.h: up to v5.3 the linear map is the upper half of the kernel's
 * addresses and the image lies below it; since v5.4 the other way round. PAGE_END follows from
 * VA_BITS_MIN, 48 at most (47 with 16K pages: the map then ends earlier than said here, and nothing
 * of the dump's memory reaches that far).
 */
static struct linear linear_range(const struct finder *f, const struct paging *p)
{
	uint64_t half = 1ull << (p->va_bits - 1);
	struct linear r;

	if (!(f->image->va & half)) {
		r.page_offset = r.lo = -half;
		r.last = UINT64_MAX;
		return r;
	}
	r.lo = -(half << 1);
	r.page_offset = f->config_bits > p->va_bits && f->config_bits < 64
				? -(1ull << f->config_bits)
				: r.lo;
	r.last = -(p->va_bits > 48 ? 1ull << 47 : half) - 1;
	return r;
}

static bool image_u64(
	const struct finder *f, const struct paging *p, const char *symbol, uint64_t *ret)
{
	const struct abi abi = { 8, p->big_endian };
	uint8_t raw[8];
	uint64_t va;

	if (!env_symbol(f->env, symbol, &va) || va - f->image->va >= f->image->size)
		return false;
	if (dump_try_read(f->dump, (struct paddr){ image_pa(f->image, va) }, raw, 8, NULL) !=
		FAULT_NONE)
		return false;
	*ret = get_u64(&abi, raw);
	return true;
}

/* Whether @memstart puts the image's own memory where the tables map it a second time, linearly. */
static bool memstart_proved(const struct finder *f, const struct arch_layout *l,
	const struct linear *lin, uint64_t text_va, uint64_t memstart)
{
	uint64_t text_pa = image_pa(f->image, text_va);
	uint64_t va = text_pa - memstart + lin->page_offset;
	struct paddr pa;

	return va >= lin->lo && va <= lin->last &&
	       paging_probe(&l->paging, f->dump, l->pgd, va, &pa) && pa.v == text_pa;
}

/* memstart_addr. (v5.4 computes with `physvirt_offset` instead.) Unsaid, it follows from the first
 * linear page. */
static bool find_memstart(const struct finder *f, const struct arch_layout *l,
	const struct linear *lin, uint64_t text_va, uint64_t *ret)
{
	uint64_t said[3], va, base = UINT64_MAX << l->paging.va_bits;
	unsigned n = 0, budget = 1 << 17;
	struct paddr pa;

	if (image_u64(f, &l->paging, "physvirt_offset", &said[n]))
		said[n++] += lin->page_offset;
	if (env_number(f->env, "NUMBER(PHYS_OFFSET)", &said[n]))
		n++;
	if (image_u64(f, &l->paging, "memstart_addr", &said[n]))
		n++;
	for (unsigned i = 0; i < n; i++) {
		if (memstart_proved(f, l, lin, text_va, said[i])) {
			*ret = said[i];
			return true;
		}
	}
	if (first_leaf(f, &l->paging, l->pgd, 0, base, lin->lo, lin->last, &budget, &va, &pa)) {
		uint64_t memstart = pa.v - (va - lin->page_offset);
		if (!n || memstart_proved(f, l, lin, text_va, memstart)) {
			*ret = memstart;
			return true;
		}
	}
	/* The tables of the linear map may be missing from the dump: what was said must do. */
	if (n)
		*ret = said[0];
	return n;
}

/* The window spans the dump's memory only: KASAN's shadow lies inside [PAGE_OFFSET, -2^(MIN-1)),
 * and everything that is not RAM has no linear address. */
static void add_linear_window(
	const struct finder *f, const struct linear *lin, struct arch_layout *l)
{
	const struct dump_info *info = dump_info(f->dump);
	uint64_t lo = UINT64_MAX, last = 0;

	for (size_t i = 0; i < info->nextents; i++) {
		uint64_t va = info->extent[i].start.v - l->phys_offset.v + lin->page_offset;
		if (!info->extent[i].size || va < lin->lo || va > lin->last)
			continue;
		uint64_t left = lin->last - va, want = info->extent[i].size - 1;
		uint64_t to = va + (want < left ? want : left);
		lo = va < lo ? va : lo;
		last = to > last ? to : last;
	}
	if (lo > last)
		return;
	l->window[l->nwindows++] = (struct arch_window){
		.name = "linear map",
		.va = lo,
		.size = last - lo + 1,
		.pa = { lo - lin->page_offset + l->phys_offset.v },
	};
}

/* ---- the tables -------------------------------------------------------------------------- */

/*
 * A kernel for 52 bits on a CPU with 48, 64K pages: its table still has 1024 entries and the CPU is
 * given the last 64. On a CPU with 52 bits the linear map fills entries before those.
 */
static bool upper_part_only(const struct finder *f, struct paddr pgd)
{
	uint8_t raw[TTBR1_BADDR_4852_OFFSET], any = 0;

	if (dump_try_read(f->dump, pgd, raw, sizeof(raw), NULL) != FAULT_NONE)
		return false;
	for (size_t i = 0; i < sizeof(raw); i++)
		any |= raw[i];
	return !any;
}

/* Tries the table at @swapper as form @p; on success fills the layout's tables. */
static bool try_table(const struct finder *f, const struct paging *p, struct paddr swapper,
	struct arch_layout *l, uint64_t *ret_text)
{
	struct paddr pgd = swapper;

	if (maps_image(f, p, pgd, ret_text)) {
		if (p->page_shift == 16 && p->va_bits == 52 && !f->t1sz && upper_part_only(f, pgd))
			return false; /* the 48-bit form will do, and tells more */
	} else {
		if (p->page_shift != 16 || p->va_bits != 48)
			return false;
		pgd.v += TTBR1_BADDR_4852_OFFSET;
		if (!maps_image(f, p, pgd, ret_text))
			return false;
	}
	l->paging = *p;
	l->pgd = pgd;
	return true;
}

/* A table found by search must also have a linear map: init_pg_dir maps the image and nothing else.
 */
static bool has_linear(const struct finder *f, const struct arch_layout *l, uint64_t text_va)
{
	struct linear lin = linear_range(f, &l->paging);
	unsigned budget = 1 << 17;
	struct paddr pa, back;
	uint64_t va;

	if (!first_leaf(f, &l->paging, l->pgd, 0, UINT64_MAX << l->paging.va_bits, lin.lo, lin.last,
		    &budget, &va, &pa))
		return false;
	uint64_t text_pa = image_pa(f->image, text_va);
	return paging_probe(&l->paging, f->dump, l->pgd, va + (text_pa - pa.v), &back) &&
	       back.v == text_pa;
}

static bool try_form(
	const struct finder *f, const struct paging *p, struct arch_layout *l, uint64_t *ret_text)
{
	if (f->swapper) {
		struct paddr at = { image_pa(f->image, f->swapper) };
		return try_table(f, p, at, l, ret_text);
	}
	for (uint64_t off = 0; off < f->image->size; off += 1ull << p->page_shift) {
		struct paddr at = { f->image->pa.v + off };
		if (try_table(f, p, at, l, ret_text) && has_linear(f, l, *ret_text))
			return true;
	}
	return false;
}

/* Whether what is said allows the CPU to walk @va_bits bits of @page_shift pages. */
static bool form_possible(const struct finder *f, unsigned page_shift, unsigned va_bits)
{
	if (f->page_bytes && f->page_bytes != 1ull << page_shift)
		return false;
	if (f->image->va >> va_bits != UINT64_MAX >> va_bits)
		return false;
	if (f->t1sz)
		return va_bits == 64 - f->t1sz;
	/* VA_BITS_MIN: 48, since v6.9 47 with 16K pages (arch/arm64/include/asm/memory.h) */
	return !f->config_bits || f->config_bits == va_bits ||
	       (f->config_bits == 52 && (va_bits == 48 || (va_bits == 47 && page_shift == 14)));
}

static bool find_tables(const struct finder *f, struct arch_layout *l, uint64_t *ret_text)
{
	static const uint8_t page[] = { 12, 16, 14 };
	static const uint8_t bits[] = { 52, 48, 47, 42, 39, 36 };
	bool big_endian = dump_info(f->dump)->abi.big_endian;

	for (size_t i = 0; i < ARRAY_SIZE(page); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(bits); j++) {
			struct paging p;
			if (!form_possible(f, page[i], bits[j]) ||
				!arm64_paging(page[i], bits[j], &p))
				continue;
			p.big_endian = big_endian;
			if (try_form(f, &p, l, ret_text))
				return true;
		}
	}
	return false;
}

/*
 * A damaged dump may hold the root but not the tables below it: the kernel takes their pages from
 * the end of memory. Where VMCOREINFO leaves no choice of form, the linear map and the image can be
 * read without them. Tables that are there and say something else are no such case.
 */
static bool tables_are_missing(const struct finder *f, struct arch_layout *l, uint64_t *ret_text)
{
	uint8_t root[8];
	struct paddr ignored;
	uint64_t bits = f->t1sz ? 64 - f->t1sz : f->config_bits == 52 ? 0 : f->config_bits;
	unsigned shift = f->page_bytes ? (unsigned)__builtin_ctzll(f->page_bytes) : 0;

	if (!f->swapper || !bits || bits > 52 || !form_possible(f, shift, bits) ||
		!arm64_paging(shift, bits, &l->paging))
		return false;
	l->paging.big_endian = dump_info(f->dump)->abi.big_endian;
	l->pgd.v = image_pa(f->image, f->swapper);
	if (dump_try_read(f->dump, l->pgd, root, sizeof(root), NULL) != FAULT_NONE)
		return false;
	*ret_text = f->stext ? f->stext : f->image->va;
	enum fault_kind fault =
		paging_probe_fault(&l->paging, f->dump, l->pgd, *ret_text, &ignored);
	l->tables_missing = fault != FAULT_NONE && fault != FAULT_UNMAPPED;
	return l->tables_missing;
}

/*
 * Memory types by index, arch/arm64/include/asm/memory.h. The index of the kernel's own text is
 * that of normal memory: 4 up to v5.4, 0 since. v5.14 dropped two types and, in the same release,
 * renamed the exception entry points, which is what can be seen.
 */
static void find_mair(const struct finder *f, uint64_t text_va, struct arch_layout *l)
{
	static const uint8_t v4_19[8] = { 0x00, 0x04, 0x0c, 0x44, 0xff, 0xbb };
	static const uint8_t v5_10[8] = { 0xff, 0xf0, 0x44, 0xbb, 0x00, 0x04, 0x0c };
	static const uint8_t v5_14[8] = { 0xff, 0xf0, 0x44, 0x00, 0x04 };
	const struct paging *p = &l->paging;
	const struct abi abi = { 8, p->big_endian };
	struct paddr table = l->pgd;
	struct pte e = { .kind = PTE_TABLE };
	uint64_t raw_value = 0, ignored;

	for (unsigned i = 0; i < p->nlevels && e.kind == PTE_TABLE; i++, table = e.pa) {
		const struct paging_level *lv = &p->level[i];
		uint64_t index = text_va >> lv->shift & ((1ull << lv->bits) - 1);
		uint8_t raw[8];
		if (dump_try_read(f->dump, (struct paddr){ table.v + index * 8 }, raw, 8, NULL) !=
			FAULT_NONE)
			return;
		raw_value = get_u64(&abi, raw);
		e = p->decode(p, i, raw_value);
	}
	unsigned normal = raw_value >> 2 & 7;
	if (e.kind != PTE_LEAF || (normal != 0 && normal != 4))
		return;
	/* Not el1_sync: KVM's vectors have one of that name to this day (arch/arm64/kvm/hyp). */
	bool old_entry = !env_symbol(f->env, "el1h_64_sync", &ignored);
	memcpy(l->paging.mair, normal == 4 ? v4_19 : old_entry ? v5_10 : v5_14, 8);
	l->paging.mair_known = true;
}

/*
 * Which bits a swap entry has, by what VMCOREINFO said at the time: NUMBER(PG_slab) went when page
 * types moved into the top byte, 6.9→6.12, in the same releases as PTE_PROT_NONE's bit; the
 * kallsyms tables came with 6.0, after the exclusive bit (5.19). Else by the types, where the same
 * flags show it.
 */
uint8_t arm64_swap_form(const struct arch_env *env)
{
	uint64_t v;

	if (env_number(env, "NUMBER(PAGE_SLAB_MAPCOUNT_VALUE)", &v))
		return SWAP_PRESENT_INVALID;
	if (env_number(env, "NUMBER(PG_slab)", &v))
		return env_number(env, "SYMBOL(kallsyms_names)", &v) ? SWAP_EXCLUSIVE : SWAP_PLAIN;
	if (!env_number(env, "enum(pageflags.PG_locked)", &v))
		return SWAP_UNKNOWN;
	if (!env_number(env, "enum(pageflags.PG_slab)", &v))
		return SWAP_PRESENT_INVALID;
	return env_number(env, "enum(pageflags.PG_anon_exclusive)", &v) ? SWAP_EXCLUSIVE
									: SWAP_PLAIN;
}

struct err *arm64_layout(const struct arch_env *env, struct dump *dump,
	const struct kernel_image *image, struct arch_layout *ret)
{
	struct finder f = { .env = env, .dump = dump, .image = image };
	struct arch_layout l = { 0 };
	uint64_t text_va, memstart;

	env_number(env, "PAGESIZE", &f.page_bytes);
	env_number(env, "NUMBER(VA_BITS)", &f.config_bits);
	if (!env_number(env, "NUMBER(TCR_EL1_T1SZ)", &f.t1sz) || f.t1sz < 12 || f.t1sz > 28)
		f.t1sz = 0;
	env_symbol(env, "swapper_pg_dir", &f.swapper);
	env_symbol(env, "_stext", &f.stext);
	if (!find_tables(&f, &l, &text_va) && !tables_are_missing(&f, &l, &text_va))
		return err_new(ERR_NOT_FOUND, "page tables: %s maps the kernel at 0x%llx to 0x%llx",
			f.swapper ? "swapper_pg_dir in no form" : "no table in the image",
			(unsigned long long)image->va, (unsigned long long)image->pa.v);
	struct linear lin = linear_range(&f, &l.paging);
	l.page_offset = lin.page_offset;
	if (!find_memstart(&f, &l, &lin, text_va, &memstart))
		return err_new(ERR_NOT_FOUND,
			"memstart_addr: not in VMCOREINFO, in no symbol, and the tables "
			"have no linear map");
	l.phys_offset.v = memstart;
	add_linear_window(&f, &lin, &l);
	/* From _stext on: below is no image any more, see maps_image(). */
	uint64_t skipped = text_va - image->va;
	if (image->size > skipped)
		l.window[l.nwindows++] = (struct arch_window){
			.name = "kernel image",
			.va = text_va,
			.size = image->size - skipped,
			.pa = { image->pa.v + skipped },
		};
	l.user_end = 1ull << l.paging.va_bits;
	find_mair(&f, text_va, &l);
	l.paging.swap_form = arm64_swap_form(env);
	*ret = l;
	return NULL;
}

/* See upper_part_only(): the CPU's 48 bits are the last entries of a table for 52. */
void arm64_whole_table(
	const struct arch_layout *l, struct paging *ret, struct paddr *ret_root, uint64_t *ret_lo)
{
	*ret = l->paging;
	*ret_root = l->pgd;
	if (l->paging.page_shift == 16 && l->paging.va_bits == 48 &&
		l->page_offset == UINT64_MAX << 52 && l->pgd.v >= TTBR1_BADDR_4852_OFFSET &&
		arm64_paging(16, 52, ret)) {
		ret->big_endian = l->paging.big_endian;
		ret->mair_known = l->paging.mair_known;
		memcpy(ret->mair, l->paging.mair, sizeof(ret->mair));
		ret->swap_form = l->paging.swap_form;
		ret_root->v -= TTBR1_BADDR_4852_OFFSET;
	}
	*ret_lo = UINT64_MAX << ret->va_bits;
}
