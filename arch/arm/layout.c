/*
 * Where an ARM32 kernel lies: the form of its tables, swapper_pg_dir, PAGE_OFFSET and the window of
 * lowmem. VMCOREINFO says next to nothing here, so the answers come from the image's place and are
 * proved on the tables. Highmem is not in the window: the tables map it.
 */
#include "analyzer/base/scope.h"
#include "arch/arm/arm.h"

/* One way in which the tables could be built: arch/arm/kernel/head.S, L8: PG_DIR_SIZE below _text.
 */
struct form {
	const struct paging *paging;
	uint32_t pg_dir_bytes;
};

static const struct form form_short = { &arm_paging_short, 0x4000 };
static const struct form form_lpae = { &arm_paging_lpae, 0x5000 };

static bool maps_image(
	const struct paging *p, struct dump *d, struct paddr pgd, const struct kernel_image *image)
{
	struct paddr pa;
	return paging_probe(p, d, pgd, image->va, &pa) && pa.v == image->pa.v;
}

/* Sets ret->paging and ret->pgd when @form's tables map the image. */
static bool try_form(const struct arch_env *env, struct dump *dump, const struct form *form,
	const struct kernel_image *image, struct arch_layout *ret)
{
	struct paging p = *form->paging;
	uint64_t sym, try[2];
	unsigned n = 0;

	p.big_endian = dump_info(dump)->abi.big_endian;
	if (env_symbol(env, "swapper_pg_dir", &sym))
		try[n++] = sym - image->va + image->pa.v;
	try[n++] = image->pa.v - form->pg_dir_bytes;
	for (unsigned i = 0; i < n; i++) {
		struct paddr pgd = { try[i] };
		if (try[i] > image->pa.v + image->size || !maps_image(&p, dump, pgd, image))
			continue;
		ret->paging = p;
		ret->pgd = pgd;
		return true;
	}
	return false;
}

/* What VMCOREINFO says is tried first, and proved like the other: its line may be lost. */
static bool find_tables(const struct arch_env *env, struct dump *dump,
	const struct kernel_image *image, struct arch_layout *ret)
{
	uint64_t lpae;
	bool is_lpae = env_number(env, "CONFIG(ARM_LPAE)", &lpae) && lpae;

	return try_form(env, dump, is_lpae ? &form_lpae : &form_short, image, ret) ||
	       try_form(env, dump, is_lpae ? &form_short : &form_lpae, image, ret);
}

/* arch/arm/Kconfig: CONFIG_PAGE_OFFSET by VMSPLIT_3G, 3G_OPT, 2G, 1G; TEXT_OFFSET is below 4 MiB.
 */
static uint64_t find_page_offset(const struct arch_env *env, const struct kernel_image *image)
{
	static const uint32_t split[] = { 0xc0000000, 0xb0000000, 0x80000000, 0x40000000 };
	uint64_t v, text = image->link_va ? image->link_va : image->va;

	if (env_number(env, "PAGE_OFFSET", &v))
		return v;
	for (size_t i = 0; i < ARRAY_SIZE(split); i++)
		if (text >= split[i])
			return split[i];
	return 0;
}

/*
 * The end of lowmem. `high_memory` where it can be read, else as far as the tables map one linear
 * run (map_lowmem() in arch/arm/mm/mmu.c maps lowmem by blocks); a hole between two banks ends it
 * early, which costs speed and no answer.
 */
static uint64_t lowmem_end(const struct arch_env *env, struct dump *dump,
	const struct kernel_image *image, const struct arch_layout *l)
{
	enum { STEP = 2 << 20 };
	const uint64_t vmalloc_end = 0xff800000; /* arch/arm/include/asm/pgtable.h, L8 */
	const struct abi abi = { 4, l->paging.big_endian };
	uint64_t sym, end;
	uint8_t raw[4];

	if (env_symbol(env, "high_memory", &sym) && sym - image->va < image->size &&
		dump_try_read(dump, (struct paddr){ sym - image->va + image->pa.v }, raw, 4,
			NULL) == FAULT_NONE) {
		end = get_u32(&abi, raw);
		if (end > image->va && end <= vmalloc_end && !(end & 0xfff))
			return end;
	}
	for (end = (image->va + STEP) & ~(uint64_t)(STEP - 1); end < vmalloc_end; end += STEP) {
		struct paddr pa;
		if (!paging_probe(&l->paging, dump, l->pgd, end, &pa) ||
			pa.v != end - l->page_offset + l->phys_offset.v)
			break;
	}
	return end;
}

/*
 * TASK_SIZE: arch/arm/include/asm/memory.h: PAGE_OFFSET - 16 MiB, or with KASAN (v5.15 has it) the
 * start of its shadow, arch/arm/include/asm/kasan_def.h.
 */
static uint64_t find_user_end(const struct arch_env *env, uint64_t page_offset)
{
	uint64_t end = page_offset - (16 << 20), ignored;

	if (env_symbol(env, "kasan_early_shadow_page", &ignored))
		return (end >> 3) + (end - 0x20000000);
	return end;
}

/* Bit 7 of a swap entry is the exclusive one since v6.3. VMCOREINFO lost compound_dtor between 6.1
 * and 6.6, which is as near as it tells; of the types PG_slab went 6.9→6.12. */
uint8_t arm_swap_form(const struct arch_env *env)
{
	uint64_t v;

	if (env_number(env, "OFFSET(page.flags)", &v))
		return env_number(env, "OFFSET(page.compound_dtor)", &v) ? SWAP_PLAIN
									 : SWAP_EXCLUSIVE;
	if (!env_number(env, "enum(pageflags.PG_locked)", &v))
		return SWAP_UNKNOWN;
	return env_number(env, "enum(pageflags.PG_slab)", &v) ? SWAP_PLAIN : SWAP_EXCLUSIVE;
}

struct err *arm_layout(const struct arch_env *env, struct dump *dump,
	const struct kernel_image *image, struct arch_layout *ret)
{
	struct arch_layout l = { 0 };

	l.page_offset = find_page_offset(env, image);
	if (!l.page_offset || image->va < l.page_offset || image->va > UINT32_MAX)
		return err_new(ERR_NOT_FOUND,
			"PAGE_OFFSET: no known split below a kernel at 0x%llx",
			(unsigned long long)image->va);
	l.phys_offset.v = image->pa.v - (image->va - l.page_offset);
	if (!find_tables(env, dump, image, &l))
		return err_new(ERR_NOT_FOUND,
			"page tables: no swapper_pg_dir, short or LPAE, maps the kernel at 0x%llx "
			"to 0x%llx",
			(unsigned long long)image->va, (unsigned long long)image->pa.v);
	l.paging.swap_form = arm_swap_form(env);
	l.window[0] = (struct arch_window){
		.name = "linear map",
		.va = l.page_offset,
		.size = lowmem_end(env, dump, image, &l) - l.page_offset,
		.pa = l.phys_offset,
	};
	l.nwindows = 1;
	l.user_end = find_user_end(env, l.page_offset);
	*ret = l;
	return NULL;
}

void arm_whole_table(
	const struct arch_layout *l, struct paging *ret, struct paddr *ret_root, uint64_t *ret_lo)
{
	*ret = l->paging;
	*ret_root = l->pgd;
	*ret_lo = 0;
}

/*
 * No header says where the image begins, but its tables lie right below _text
 * (arch/arm/kernel/head.S, L8), whose address ends in 0x8000 and is up to some MiB below _stext. A
 * table that maps the guess to the guess confirms it.
 */
static bool try_distance(const struct arch_env *env, struct dump *dump, uint64_t voffset,
	uint64_t lowest, uint64_t highest, struct kernel_image *ret)
{
	for (uint64_t text = highest; text >= lowest && text <= highest; text -= 0x10000) {
		struct arch_layout l = { 0 };
		struct kernel_image image = {
			.va = text, .pa = { text - voffset }, .size = highest - text + 0x10000
		};
		if (!find_tables(env, dump, &image, &l))
			continue;
		/* Where swapper_pg_dir is known, any place that it maps would do so far. */
		uint64_t below = image.pa.v - l.pgd.v;
		if (below != form_short.pg_dir_bytes && below != form_lpae.pg_dir_bytes)
			continue;
		*ret = image;
		ret->size = 0;
		return true;
	}
	return false;
}

bool arm_find_image(const struct arch_env *env, struct dump *dump, struct paddr rodata,
	const uint64_t *voffset, struct kernel_image *ret)
{
	enum { BELOW_MAX = 4 << 20, IMAGE_BYTES_MAX = 64 << 20, DISTANCE_STEP = 2 << 20 };
	uint64_t stext, lowest, highest;

	if (env_symbol(env, "_text", &lowest)) {
		stext = highest = lowest;
	} else if (env_symbol(env, "_stext", &stext)) {
		highest = ((stext - 0x8000) & ~0xffffull) + 0x8000;
		lowest = highest - BELOW_MAX;
	} else {
		return false;
	}
	if (voffset)
		return try_distance(env, dump, *voffset, lowest, highest, ret);
	uint64_t first = (stext - rodata.v + DISTANCE_STEP - 1) & ~(uint64_t)(DISTANCE_STEP - 1);
	for (uint64_t v = first; v - first < IMAGE_BYTES_MAX; v += DISTANCE_STEP)
		if (try_distance(env, dump, v, lowest, highest, ret))
			return true;
	return false;
}
