/*
 * arm64's memory map: arch/arm64/include/asm/{memory,pgtable,fixmap,kasan}.h. It changed often: the
 * image's place as linked tells the generations apart, so that no version is asked.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "arch/arm64/arm64.h"

#define MIB (1ull << 20)
#define GIB (1ull << 30)

/* arch/arm64/mm/ptdump.c, 4.19 to 7.3 */
const struct map_words arm64_map_words[] = {
	{ "linear map", "Linear Mapping start", "Linear Mapping end" },
	{ "linear map", "Linear Mapping", NULL }, /* 4.19 */
	{ "KASAN shadow", "Kasan shadow start", "Kasan shadow end" },
	{ "modules", "Modules start", "Modules end" },
	{ "BPF", "BPF start", "BPF end" },
	{ "vmalloc", "vmalloc() area", "vmalloc() end" },
	{ "vmalloc", "vmalloc() Area", "vmalloc() End" },
	{ "fixmap", "Fixmap start", "Fixmap end" },
	{ "PCI I/O", "PCI I/O start", "PCI I/O end" },
	{ "vmemmap", "vmemmap start", "vmemmap end" },
	{ 0 },
};

/* By release of the first kernel that had it. */
enum generation {
	MAP_4_19, /* linear map above, the image below it */
	MAP_5_4,  /* linear map below; BPF and modules of 128 MiB each before the image */
	MAP_5_15, /* modules alone, 128 MiB */
	MAP_6_6,  /* modules of 2 GiB */
	MAP_6_9,  /* vmemmap ends 1 GiB below the top, the fixmap above it */
};

struct rules {
	enum generation generation;
	unsigned page_shift, struct_page_shift;
	unsigned va_bits, min_bits, actual_bits;
	uint64_t page_offset,
		split; /* start of the kernel's half of the addresses: -2^(min_bits - 1) */
	bool kasan, tags;
	uint64_t kasan_start, kasan_end;
	uint64_t struct_page;
};

/* KASLR moves the image by KERNELOFFSET from where it was linked. */
static uint64_t linked_text(const struct arch_env *env, const struct kernel_image *image)
{
	uint64_t moved;
	if (image->link_va)
		return image->link_va;
	return env_number(env, "KERNELOFFSET", &moved) ? image->va - moved : image->va;
}

static enum generation find_generation(const struct arch_env *env, const struct kernel_image *image,
	const struct address_map *m, const struct rules *r)
{
	const struct map_region *vmemmap = address_map_get(m, "vmemmap");
	uint64_t off = linked_text(env, image) - r->split;

	if (!(image->va >> (r->actual_bits - 1) & 1))
		return MAP_4_19;
	if (vmemmap && vmemmap->last == -GIB - 1)
		return MAP_6_9;
	if (off >= 2 * GIB && off < 2 * GIB + 64 * MIB)
		return vmemmap ? MAP_6_6 : MAP_6_9;
	return off >= 128 * MIB && off < 128 * MIB + 64 * MIB ? MAP_5_15 : MAP_5_4;
}

/* CONFIG_KASAN_SHADOW_OFFSET's table in arch/arm64/Kconfig, as a rule; 5.10→5.15 the shadow moved
 * below the image's half. */
static void find_kasan(const struct arch_env *env, struct rules *r)
{
	uint64_t ignored, scale;

	r->tags = env_symbol(env, "kasan_tag_mismatch", &ignored);
	r->kasan = r->tags || env_symbol(env, "kasan_early_shadow_page", &ignored) ||
		   env_symbol(env, "kasan_init", &ignored);
	if (!r->kasan)
		return;
	scale = r->tags ? 4 : 3;
	r->kasan_end = r->split;
	if (r->generation == MAP_5_4)
		r->kasan_end += 1ull << (r->min_bits - scale);
	r->kasan_start = r->kasan_end - (1ull << (r->actual_bits - scale));
	if (r->generation == MAP_4_19) {
		r->kasan_start = UINT64_MAX << r->va_bits;
		r->kasan_end = r->kasan_start + (1ull << (r->va_bits - scale));
	}
}

static unsigned round_up_log2(uint64_t v)
{
	unsigned n = 0;
	while (n < 16 && 1ull << n < v)
		n++;
	return n;
}

static struct rules find_rules(const struct arch_env *env, const struct kernel_image *image,
	const struct arch_layout *l, const struct address_map *m)
{
	struct rules r = { .page_shift = l->paging.page_shift,
		.actual_bits = l->paging.va_bits,
		.page_offset = l->page_offset };
	uint64_t bits;

	r.va_bits = r.actual_bits;
	if (env_number(env, "NUMBER(VA_BITS)", &bits) && bits <= 52 && bits > r.va_bits)
		r.va_bits = bits;
	for (unsigned i = r.actual_bits; i <= 52; i++)
		if (l->page_offset == UINT64_MAX << i)
			r.va_bits = i;
	r.min_bits = r.va_bits <= 48 ? r.va_bits : r.page_shift == 14 ? 47 : 48;
	r.split = UINT64_MAX << (r.min_bits - 1);
	if (!env_number(env, "SIZE(page)", &r.struct_page) &&
		!env_number(env, "sizeof(page)", &r.struct_page))
		r.struct_page = 64;
	r.struct_page_shift = round_up_log2(r.struct_page);
	r.generation = find_generation(env, image, m, &r);
	find_kasan(env, &r);
	return r;
}

static uint64_t linear_last(const struct rules *r)
{
	if (r->generation == MAP_4_19)
		return UINT64_MAX;
	return r->kasan && r->generation != MAP_5_4 ? r->kasan_start - 1 : r->split - 1;
}

static void add_modules(const struct rules *r, struct address_map *m)
{
	uint64_t start = r->split, size = r->generation >= MAP_6_6 ? 2 * GIB : 128 * MIB;

	if (r->generation == MAP_5_4)
		start = (r->kasan ? r->kasan_end : r->split) + 128 * MIB;
	if (r->generation == MAP_4_19)
		start = r->kasan ? r->kasan_end : UINT64_MAX << r->va_bits;
	if (r->generation == MAP_5_4 && !address_map_get(m, "BPF"))
		address_map_add(m, "BPF", start - 128 * MIB, start - 1, "computed");
	if (!address_map_get(m, "modules"))
		address_map_add(m, "modules", start, start + size - 1, "computed");
}

/* VMEMMAP_START and its size, which the rest is counted from. */
static void vmemmap_rule(const struct rules *r, uint64_t *ret_start, uint64_t *ret_size)
{
	uint64_t pages = (r->split - r->page_offset) >> r->page_shift;

	switch (r->generation) {
	case MAP_4_19:
		*ret_size = 1ull << (r->va_bits - 1 - r->page_shift + r->struct_page_shift);
		*ret_start = r->page_offset - *ret_size;
		return;
	case MAP_5_4:
		*ret_size = pages << r->struct_page_shift;
		*ret_start = -*ret_size - 2 * MIB;
		return;
	case MAP_5_15:
	case MAP_6_6:
		*ret_size = pages << r->struct_page_shift;
		*ret_start = -(1ull << (r->va_bits - r->page_shift + r->struct_page_shift));
		return;
	case MAP_6_9:
		*ret_size = pages * r->struct_page;
		*ret_start = -GIB - *ret_size;
		return;
	}
}

static void add_vmalloc(
	const struct rules *r, struct address_map *m, uint64_t vmemmap, uint64_t size)
{
	const struct map_region *modules = address_map_get(m, "modules");
	unsigned pud_shift = r->page_shift + 2 * (r->page_shift - 3);
	/* With few levels PUD_SIZE is that of a pgd entry: arch/arm64/include/asm/pgtable-hwdef.h
	 */
	unsigned levels = (r->va_bits - 4) / (r->page_shift - 3);
	if (levels <= 2)
		pud_shift = r->page_shift + (levels - 1) * (r->page_shift - 3);
	uint64_t end = vmemmap - 256 * MIB;

	if (r->generation == MAP_6_9)
		end = vmemmap - 8 * MIB;
	else if (r->generation == MAP_5_4)
		end = -(1ull << pud_shift) - size - 64 * 1024;
	else if (r->generation == MAP_4_19)
		end = r->page_offset - (1ull << pud_shift) - size - 64 * 1024;
	if (modules && !address_map_get(m, "vmalloc"))
		address_map_add(m, "vmalloc", modules->last + 1, end - 1, "computed");
}

static void add_fixmap(const struct arch_env *env, const struct rules *r, struct address_map *m,
	uint64_t vmemmap, uint64_t vmemmap_end)
{
	uint64_t io, top, slots;

	if (r->generation == MAP_6_9) {
		io = vmemmap_end + 8 * MIB;
		top = -8 * MIB;
	} else if (r->generation >= MAP_5_15) {
		io = vmemmap - 8 * MIB - 16 * MIB;
		top = vmemmap - 32 * MIB;
	} else {
		io = vmemmap - 2 * MIB - 16 * MIB;
		top = io - 2 * MIB;
	}
	if (!address_map_get(m, "PCI I/O"))
		address_map_add(m, "PCI I/O", io, io + 16 * MIB - 1, "computed");
	if (address_map_get(m, "fixmap") ||
		!env_number(
			env, "enum(fixed_addresses.__end_of_permanent_fixed_addresses)", &slots) ||
		slots > 65536)
		return;
	address_map_add(m, "fixmap", top - (slots << r->page_shift), top - 1, "computed");
}

void arm64_address_map(const struct arch_env *env, struct dump *dump,
	const struct kernel_image *image, const struct arch_layout *l, struct address_map *m)
{
	struct rules r = find_rules(env, image, l, m);
	uint64_t vmemmap = 0, size = 0;

	(void)dump;
	if (!address_map_get(m, "linear map")) {
		uint64_t start =
			r.generation == MAP_4_19 ? r.page_offset : UINT64_MAX << r.actual_bits;
		address_map_add(m, "linear map", start, linear_last(&r), "computed");
	}
	if (r.kasan && !address_map_get(m, "KASAN shadow")) {
		struct map_region *k = address_map_add(
			m, "KASAN shadow", r.kasan_start, r.kasan_end - 1, "computed");
		snprintf(k->note, sizeof(k->note), "one byte for %d", r.tags ? 16 : 8);
	}
	add_modules(&r, m);
	const struct map_region *said = address_map_get(m, "vmemmap");
	vmemmap_rule(&r, &vmemmap, &size);
	if (said) {
		vmemmap = said->start;
		size = said->last - said->start + 1;
	} else {
		address_map_add(m, "vmemmap", vmemmap, vmemmap + size - 1, "computed");
	}
	add_vmalloc(&r, m, vmemmap, size);
	add_fixmap(env, &r, m, vmemmap, vmemmap + size);
	for (unsigned i = 0; i < m->n; i++)
		if (!strcmp(m->region[i].name, "linear map"))
			snprintf(m->region[i].note, sizeof(m->region[i].note),
				"physical 0x%" PRIx64 " and on; memstart_addr 0x%" PRIx64,
				l->window[0].pa.v, l->phys_offset.v);
}
