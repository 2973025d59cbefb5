/*
 * ARM32's memory map: arch/arm/include/asm/{memory,pgtable,fixmap,highmem,kasan_def}.h and
 * mm/mmu.c, 4.19 to 7.3. Nearly all of it is compiled in; what moves is the end of lowmem.
 */
#include <inttypes.h>
#include <stdio.h>

#include "arch/arm/arm.h"

enum { MIB = 1 << 20 };

/* The 7.3 words; those of 5.10 that go in pairs too. */
const struct map_words arm_map_words[] = {
	{ "lowmem", "Kernel Mapping", NULL },
	{ "KASAN shadow", "Kasan shadow start", "Kasan shadow end" },
	{ "modules", "Modules", NULL },
	{ "vmalloc", "vmalloc() Area", NULL },
	{ "vmalloc", "vmalloc() Area", "vmalloc() End" },
	{ "FDT", "FDT Area", NULL },
	{ "fixmap", "Fixmap Area", NULL },
	{ "vectors", "Vectors", "Vectors End" },
	{ 0 },
};

struct rules {
	const struct arch_env *env;
	struct dump *dump;
	const struct arch_layout *l;
	bool highmem;
};

static bool mapped(const struct rules *r, uint64_t va)
{
	struct paddr pa;
	return paging_probe(&r->l->paging, r->dump, r->l->pgd, va, &pa);
}

/* Where the dump's RAM ends that lies in one piece with lowmem's beginning, or above. */
static uint64_t ram_end(struct dump *dump)
{
	const struct dump_info *info = dump_info(dump);
	uint64_t end = 0;
	for (size_t i = 0; i < info->nextents; i++)
		if (info->extent[i].start.v + info->extent[i].size > end)
			end = info->extent[i].start.v + info->extent[i].size;
	return end;
}

static bool read_high_memory(const struct rules *r, uint64_t *ret)
{
	const struct abi abi = { 4, r->l->paging.big_endian };
	uint64_t va;
	uint8_t raw[4];

	if (!env_symbol(r->env, "high_memory", &va) || !env_read(r->env, va, raw, sizeof(raw)))
		return false;
	*ret = get_u32(&abi, raw);
	return true;
}

static void add_lowmem(const struct rules *rules, struct address_map *m, uint64_t *ret_end)
{
	const struct arch_layout *l = rules->l;
	uint64_t high_memory, end = l->window[0].va + l->window[0].size;
	bool said = read_high_memory(rules, &high_memory) && high_memory == end;
	struct map_region *r = address_map_add(
		m, "lowmem", l->page_offset, end - 1, said ? "high_memory" : "page tables");
	uint64_t pa_end = end - l->page_offset + l->phys_offset.v, ram = ram_end(rules->dump);

	*ret_end = end;
	if (ram <= pa_end)
		snprintf(r->note, sizeof(r->note), "all RAM");
	else if (rules->highmem)
		snprintf(r->note, sizeof(r->note),
			"the vmalloc area needs the rest: %" PRIu64 " MiB of RAM are high memory",
			(ram - pa_end) / MIB);
	else
		snprintf(r->note, sizeof(r->note),
			"RAM above is not used: %" PRIu64 " MiB, without HIGHMEM",
			(ram - pa_end) / MIB);
}

static void add_fixed(const struct rules *r, struct address_map *m)
{
	const uint64_t fdt = 0xff800000, vectors = 0xffff0000;
	/* FDT_FIXED_BASE came 5.4→5.10, when FIXADDR_START moved up by 512 KiB for it. */
	bool has_fdt = mapped(r, fdt);
	uint64_t section = r->l->paging.nlevels == 3 ? 2 * MIB : MIB;

	if (has_fdt)
		address_map_add(m, "FDT", fdt, fdt + 2 * section - 1, "computed");
	if (!address_map_get(m, "fixmap"))
		address_map_add(
			m, "fixmap", has_fdt ? 0xffc80000 : 0xffc00000, 0xfff00000 - 1, "computed");
	address_map_add(m, "PCI I/O", 0xfee00000, 0xfeffffff, "computed");
	if (!address_map_get(m, "vectors"))
		address_map_add(m, "vectors", mapped(r, vectors) ? vectors : 0,
			(mapped(r, vectors) ? vectors : 0) + 0x1fff, "page tables");
}

void arm_address_map(const struct arch_env *env, struct dump *dump,
	const struct kernel_image *image, const struct arch_layout *l, struct address_map *m)
{
	uint64_t ignored, thumb = 0, low_end, base = l->page_offset;
	bool highmem = env_symbol(env, "kmap_high", &ignored);
	const struct rules rules = { env, dump, l, highmem };

	(void)image;
	env_number(env, "CONFIG(THUMB2_KERNEL)", &thumb);
	/* arch/arm/include/asm/memory.h: branches of Thumb-2 reach 8 MiB less far. */
	if (!address_map_get(m, "modules"))
		address_map_add(m, "modules", base - (thumb ? 8 : 16) * MIB,
			base - (highmem ? 2 * MIB : 0) - 1, "computed");
	if (highmem) {
		struct map_region *r =
			address_map_add(m, "pkmap", base - 2 * MIB, base - 1, "computed");
		snprintf(r->note, sizeof(r->note), "kmap()'s pages");
	}
	if (env_symbol(env, "kasan_early_shadow_page", &ignored) &&
		!address_map_get(m, "KASAN shadow")) {
		uint64_t end = base - 16 * MIB;
		address_map_add(
			m, "KASAN shadow", (end >> 3) + (end - 0x20000000), end - 1, "computed");
	}
	add_lowmem(&rules, m, &low_end);
	if (!address_map_get(m, "vmalloc")) {
		uint64_t start = (low_end + 8 * MIB) & ~(uint64_t)(8 * MIB - 1);
		struct map_region *r =
			address_map_add(m, "vmalloc", start, 0xff800000 - 1, "computed");
		snprintf(r->note, sizeof(r->note), "from 8 MiB past lowmem, rounded down to 8 MiB");
	}
	add_fixed(&rules, m);
}
