/*
 * From frames to struct pages and what they say. Every mem_section's encoded map is biased, so that the
 * frame number is the index (mm/sparse.c, sparse_encode_mem_map(), 4.19 to 7.3): with vmemmap it is the
 * array's virtual base, whatever the map of that release, and no header's rule is needed.
 */
#include "analyzer/kernel/page.h"

#include <inttypes.h>
#include <string.h>

#include "analyzer/base/scope.h"

/* ---- struct page ---------------------------------------------------------------------------------- */

/* include/linux/mm_types.h: flags became a struct 6.12→6.18, compound_head compound_info 7.0→7.2;
 * page_type shares a union with _mapcount. */
static const struct view_field page_fields[] = {
	FIELD(struct page, flags, "flags.f", "flags"),
	FIELD_OPTIONAL(struct page, mapping, "mapping"),
	FIELD_OPTIONAL(struct page, page_type, "page_type", "_mapcount.counter"),
	FIELD_OPTIONAL(struct page, refcount, "_refcount.counter"),
	FIELD_OPTIONAL(struct page, compound_head, "compound_info", "compound_head"),
	FIELD_OPTIONAL(struct page, private_word, "private"),
};
static const struct view_spec page_spec = {
	.type = "page",
	.hint = "mm/page_alloc.c",
	.fields = page_fields,
	.nfields = ARRAY_SIZE(page_fields),
};

unsigned page_shift(const struct target *t)
{
	return t->kernel ? vspace_facts(t->kernel)->layout.paging.page_shift : 12;
}

static struct err *struct_page_bytes(struct target *t, uint64_t *ret)
{
	if (target_number(t, "SIZE(page)", ret) || target_number(t, "sizeof(page)", ret))
		if (*ret >= 16 && *ret <= 256)
			return NULL;
	return err_new(ERR_MISSING, "sizeof(struct page) is not known: neither VMCOREINFO nor types say it");
}

/*
 * A tail's word for its head has bit 0 set. Up to 7.0 the rest is the head's address; since 7.2, where
 * struct page is a power of two, it may be the mask that leads there from the tail.
 */
static uint64_t head_of(const struct target *t, uint64_t va, uint64_t word)
{
	uint64_t top = t->abi.word_bytes == 8 ? UINT64_MAX : UINT32_MAX;
	uint64_t low = ~(word & ~1ull) & top;

	if (!(word & 1))
		return va;
	return low < 1ull << 31 && !(low & (low + 1)) ? va & word & ~1ull : word & ~1ull;
}

struct err *page_read(struct target *t, uint64_t va, struct page *ret)
{
	const struct view *view;
	struct page page = { 0 };
	struct err *err = target_view(t, &page_spec, &view);
	if (!err)
		err = view_read(view, t->kernel, va, &page);
	if (err)
		return err_wrap(err, "page 0x%" PRIx64, va);
	page.va = va;
	page.head_va = head_of(t, va, page.compound_head);
	*ret = page;
	return NULL;
}

/* ---- frames to pages -------------------------------------------------------------------------------- */

struct sections {
	uint64_t array; /* of pointers to sections (extreme) or of sections */
	bool extreme;
	unsigned shift; /* frames of a section, as a power of two */
	uint64_t section_bytes, map_offset;
};

/* SPARSEMEM_EXTREME's variable is a pointer; VMCOREINFO has the value of the expression, so that it is
 * the symbol's address where it is an array. */
static bool find_sections(struct target *t, struct sections *ret)
{
	uint64_t said = 0, bits;
	struct symbol sym;
	bool has_symbol = symtab_find_kernel(t->syms, "mem_section", &sym);
	bool has_said = target_number(t, "SYMBOL(mem_section)", &said);

	if (!has_symbol && !has_said)
		return false;
	struct sections s = { .array = said, .extreme = t->abi.word_bytes == 8 };
	if (has_symbol && has_said)
		s.extreme = said != sym.va;
	if (!has_said) {
		const struct type *type;
		scoped_err struct err *err =
			types_find_variable(t->types, "mem_section", "mm/sparse.c", &type);
		if (!err)
			s.extreme = type_strip(type)->kind == TYPE_POINTER;
		s.array = sym.va;
		if (s.extreme && !vspace_try_word(t->kernel, sym.va, &s.array))
			return false;
	}
	/* arch/arm64/include/asm/sparsemem.h: 30 up to 5.10, which does not say; arm has 28 */
	if (!target_number(t, "NUMBER(SECTION_SIZE_BITS)", &bits))
		bits = t->abi.word_bytes == 8 ? 30 : 28;
	if (bits <= page_shift(t) || bits > 40)
		return false;
	s.shift = bits - page_shift(t);
	if (!target_number(t, "SIZE(mem_section)", &s.section_bytes) &&
		!target_number(t, "sizeof(mem_section)", &s.section_bytes))
		return false;
	if (!target_number(t, "OFFSET(mem_section.section_mem_map)", &s.map_offset))
		s.map_offset = 0; /* the first member, L8 */
	*ret = s;
	return s.section_bytes >= 8 && s.section_bytes <= 256;
}

static struct err *section_at(struct target *t, const struct sections *s, uint64_t pfn, uint64_t *ret)
{
	uint64_t nr = pfn >> s->shift, at = s->array + nr * s->section_bytes, root;

	if (nr >= 1ull << 24)
		return err_new(ERR_NOT_FOUND, "frame 0x%" PRIx64 " is beyond all memory sections", pfn);
	if (s->extreme) {
		uint64_t per_root = (1ull << page_shift(t)) / s->section_bytes;
		struct err *err = vspace_read_word(
			t->kernel, s->array + nr / per_root * t->abi.word_bytes, &root);
		if (err)
			return err_wrap(err, "mem_section");
		if (!root)
			return err_new(ERR_NOT_FOUND, "frame 0x%" PRIx64 " has no struct page: no "
				"memory section holds it", pfn);
		at = root + nr % per_root * s->section_bytes;
	}
	*ret = at;
	return NULL;
}

/* include/linux/mmzone.h: SECTION_MARKED_PRESENT 1, SECTION_HAS_MEM_MAP 2; three flag bits in 4.19, up
 * to six in 7.3, and an encoded map has as many zeroes at least. */
static struct err *sparse_page(struct target *t, const struct sections *s, uint64_t pfn, uint64_t *ret)
{
	enum { HAS_MEM_MAP = 2, FLAG_BITS = 0x3f };
	uint64_t at, map, bytes;
	unsigned word = t->abi.word_bytes;
	struct err *err = struct_page_bytes(t, &bytes);

	if (!err)
		err = section_at(t, s, pfn, &at);
	if (err)
		return err;
	err = vspace_read_word(t->kernel, at + s->map_offset, &map);
	if (err)
		return err_wrap(err, "mem_section");
	if (!(map & HAS_MEM_MAP))
		return err_new(ERR_NOT_FOUND, "frame 0x%" PRIx64 " has no struct page: its memory section "
			"has none", pfn);
	*ret = (map & ~(uint64_t)FLAG_BITS) + pfn * bytes;
	if (word == 4)
		*ret &= UINT32_MAX;
	return NULL;
}

/* FLATMEM: mem_map[pfn - ARCH_PFN_OFFSET], include/asm-generic/memory_model.h */
static struct err *flat_page(struct target *t, uint64_t pfn, uint64_t *ret)
{
	const struct arch_layout *l = &vspace_facts(t->kernel)->layout;
	uint64_t first = l->phys_offset.v >> page_shift(t), map, bytes, max;
	struct err *err = struct_page_bytes(t, &bytes);

	if (!err)
		err = target_read_variable(t, "mem_map", 0, &map);
	if (err)
		return err;
	if (!target_try_variable(t, "max_pfn", &max))
		max = UINT32_MAX;
	if (pfn < first || pfn - first > max)
		return err_new(ERR_NOT_FOUND, "frame 0x%" PRIx64 " has no struct page: it is outside of "
			"mem_map", pfn);
	*ret = map + (pfn - first) * bytes;
	return NULL;
}

struct err *page_section(struct target *t, uint64_t pfn, struct page_section *ret)
{
	struct sections s;
	uint64_t va;
	struct err *err = target_need_kernel(t);

	if (!err && !find_sections(t, &s))
		err = err_new(ERR_MISSING, "this kernel has no memory sections");
	if (!err)
		err = section_at(t, &s, pfn, &va);
	if (err)
		return err;
	*ret = (struct page_section){ va, pfn >> s.shift << s.shift, 1ull << s.shift };
	return NULL;
}

struct err *page_of_pfn(struct target *t, uint64_t pfn, uint64_t *ret_va)
{
	struct sections s;
	uint64_t va = 0, bytes;
	struct err *err = target_need_kernel(t);
	if (err)
		return err;
	err = find_sections(t, &s) ? sparse_page(t, &s, pfn, &va) : flat_page(t, pfn, &va);
	if (!err)
		err = struct_page_bytes(t, &bytes);
	if (err)
		return err;
	struct paddr pa;
	enum fault_kind fault = vspace_translate(t->kernel, va, &pa, NULL);
	if (fault)
		return err_new(ERR_NOT_FOUND, "frame 0x%" PRIx64 " has no struct page: 0x%" PRIx64
			" is %s", pfn, va, fault_text(fault));
	*ret_va = va;
	return NULL;
}

/* Without vmemmap each section has an array of its own, wherever there was room: all that RAM reaches
 * into are tried. The kernel itself reads the section from the page's flags, where its width varies. */
static bool search_sections(struct target *t, uint64_t va, uint64_t bytes, uint64_t *ret_pfn)
{
	const struct dump_info *info = dump_info(t->dump);
	const uint64_t most = 1 << 16;
	struct sections s;
	uint64_t end = 0;

	if (!find_sections(t, &s))
		return false;
	for (size_t i = 0; i < info->nextents; i++)
		if (info->extent[i].start.v + info->extent[i].size > end)
			end = info->extent[i].start.v + info->extent[i].size;
	end = (end >> page_shift(t) >> s.shift) + 1;
	for (uint64_t nr = 0; nr < end && nr < most; nr++) {
		uint64_t first;
		scoped_err struct err *err = sparse_page(t, &s, nr << s.shift, &first);
		if (err || va < first || va - first >= bytes << s.shift || (va - first) % bytes)
			continue;
		*ret_pfn = (nr << s.shift) + (va - first) / bytes;
		return true;
	}
	return false;
}

struct err *page_to_pfn(struct target *t, uint64_t va, uint64_t *ret_pfn)
{
	uint64_t known = t->image.pa.v >> page_shift(t), known_va, bytes, back;
	struct err *err = page_of_pfn(t, known, &known_va);
	if (!err)
		err = struct_page_bytes(t, &bytes);
	if (err)
		return err;
	int64_t distance = (int64_t)(va - known_va);
	uint64_t pfn = known + distance / (int64_t)bytes;
	if (!(distance % (int64_t)bytes)) {
		err = page_of_pfn(t, pfn, &back);
		if (!err && back == va) {
			*ret_pfn = pfn;
			return NULL;
		}
		err_drop(err); /* whatever it is about, there is no such page */
	}
	if (!search_sections(t, va, bytes, &pfn))
		return err_new(ERR_NOT_FOUND, "0x%" PRIx64 " is not the address of a struct page", va);
	*ret_pfn = pfn;
	return NULL;
}

/* ---- flags ------------------------------------------------------------------------------------------- */

enum { FLAGS_MAX = 40 }; /* __NR_PAGEFLAGS is about 27 */

static void add_word(struct strbuf *out, const char *word)
{
	strbuf_addf(out, "%s%s", out->len ? "|" : "", word);
}

/* struct trace_print_flags { unsigned long mask; const char *name; }, mm/debug.c; ends with mask 0 */
static bool flags_by_kernel(struct target *t, uint64_t flags, struct strbuf *out)
{
	unsigned word = t->abi.word_bytes;
	uint64_t mask, name_va;
	struct symbol sym;
	char name[32];

	if (!symtab_find_kernel(t->syms, "pageflag_names", &sym))
		return false;
	for (unsigned i = 0; i < FLAGS_MAX; i++, sym.va += 2 * word) {
		if (!vspace_try_word(t->kernel, sym.va, &mask) ||
			!vspace_try_word(t->kernel, sym.va + word, &name_va))
			return false;
		if (!mask)
			return i > 0;
		scoped_err struct err *err = vspace_read_str(t->kernel, name_va, name, sizeof(name));
		if (err)
			return false;
		if (flags & mask)
			add_word(out, name);
	}
	return true;
}

static struct err *find_enum(struct target *t, const char *name, const struct type **ret)
{
	struct err *err = types_find(t->types, TYPE_ENUM, name, "mm/page_alloc.c", ret);
	return err ? err : type_complete(t->types, *ret);
}

static bool enum_value(const struct type *e, const char *name, int64_t *ret)
{
	for (uint32_t i = 0; i < e->nenumerators; i++) {
		if (strcmp(e->enumerator[i].name, name))
			continue;
		*ret = e->enumerator[i].value;
		return true;
	}
	return false;
}

/* include/linux/page-flags.h: several names may share a bit; the first is what it was made for. */
static struct err *flags_by_enum(struct target *t, uint64_t flags, struct strbuf *out)
{
	const struct type *e;
	int64_t count = FLAGS_MAX;
	uint64_t said = 0;
	struct err *err = find_enum(t, "pageflags", &e);

	if (err)
		return err_wrap(err, "page flags");
	enum_value(e, "__NR_PAGEFLAGS", &count);
	for (uint32_t i = 0; i < e->nenumerators; i++) {
		const char *name = e->enumerator[i].name;
		int64_t bit = e->enumerator[i].value;
		if (strncmp(name, "PG_", 3) || bit < 0 || bit >= count || bit >= 64 ||
			!(flags >> bit & 1) || (said >> bit & 1))
			continue;
		said |= 1ull << bit;
		add_word(out, name + 3);
	}
	return NULL;
}

struct err *page_flags_format(struct target *t, uint64_t flags, struct strbuf *out)
{
	scoped_strbuf struct strbuf words = { 0 };
	struct err *err = NULL;

	if (!flags_by_kernel(t, flags, &words)) {
		strbuf_reset(&words);
		err = flags_by_enum(t, flags, &words);
	}
	if (!err)
		strbuf_add(out, strbuf_text(&words));
	return err;
}

/* ---- owner ------------------------------------------------------------------------------------------- */

/*
 * page_type's word, NULL when it is a mapcount. Since 6.12 its top byte is one of enum pagetype's
 * PGTY_*; before, bits were taken out of 0xf0000000 | mapcount -1 (include/linux/page-flags.h). PG_table
 * moved from 0x400 to 0x200 5.10→5.15, as struct page got pp_magic.
 */
static const char *type_word(struct target *t, uint32_t type)
{
	static const struct {
		const char *name, *word;
	} known[] = { { "PGTY_buddy", "buddy" }, { "PGTY_slab", "slab" },
		{ "PGTY_table", "page table" }, { "PGTY_offline", "offline" },
		{ "PGTY_guard", "guard" }, { "PGTY_hugetlb", "hugetlb" },
		{ "PGTY_zsmalloc", "zsmalloc" }, { "PGTY_unaccepted", "unaccepted" },
		{ "PGTY_large_kmalloc", "kmalloc" } };
	const struct type *e;
	uint64_t offset;
	int64_t value;
	scoped_err struct err *err = find_enum(t, "pagetype", &e);

	if (!err && enum_value(e, "PGTY_buddy", &value)) {
		for (size_t i = 0; i < ARRAY_SIZE(known); i++)
			if (enum_value(e, known[i].name, &value) && type >> 24 == (uint64_t)value)
				return known[i].word;
		return type >> 24 >= 0x80 && type != UINT32_MAX ? "typed" : NULL;
	}
	if ((type & 0xf0000000) != 0xf0000000 || type == UINT32_MAX)
		return NULL;
	bool moved = target_number(t, "offsetof(page.pp_magic)", &offset) ||
		     target_number(t, "sizeof(folio)", &offset);
	if (!(type & 0x80))
		return "buddy";
	if (!(type & 0x100))
		return "offline";
	if (!(type & (moved ? 0x200 : 0x400)))
		return "page table";
	return !(type & (moved ? 0x400 : 0x800)) ? "guard" : NULL;
}

static bool has_flag(struct target *t, uint64_t flags, const char *name)
{
	const struct type *e;
	int64_t bit;
	scoped_err struct err *err = find_enum(t, "pageflags", &e);
	return !err && enum_value(e, name, &bit) && bit >= 0 && bit < 64 && (flags >> bit & 1);
}

/* Of a free block only the first page is marked, with the block's order in its private word: is_free_buddy_page()
 * in mm/page_alloc.c. Blocks are aligned to their size; orders end below 16 everywhere. */
static bool in_free_block(struct target *t, const struct page *page)
{
	enum { ORDER_MAX = 16 };
	uint64_t pfn, va;
	scoped_err struct err *err = page_to_pfn(t, page->va, &pfn);

	for (unsigned order = 1; !err && order < ORDER_MAX; order++) {
		struct page head;
		const char *word;
		scoped_err struct err *none = page_of_pfn(t, pfn >> order << order, &va);
		if (!none)
			none = page_read(t, va, &head);
		if (none)
			return false;
		word = type_word(t, head.page_type);
		if (word && !strcmp(word, "buddy"))
			return head.private_word >= order && head.private_word < ORDER_MAX;
	}
	return false;
}

struct err *page_owner(struct target *t, const struct page *page, const char **ret)
{
	enum { ANON = 1, KERNEL = 2 }; /* PAGE_MAPPING_ANON, PAGE_MAPPING_MOVABLE; both: KSM */
	struct page head = *page;
	struct err *err = NULL;

	if (page->head_va != page->va)
		err = page_read(t, page->head_va, &head);
	if (err)
		return err_wrap(err, "folio of 0x%" PRIx64, page->va);
	const char *word = type_word(t, head.page_type);
	if (has_flag(t, head.flags, "PG_reserved"))
		word = "reserved";
	else if (has_flag(t, head.flags, "PG_slab"))
		word = "slab";
	else if (word)
		;
	else if ((head.mapping & (ANON | KERNEL)) == (ANON | KERNEL))
		word = "ksm";
	else if (head.mapping & ANON)
		word = "anon";
	else if (head.mapping & KERNEL)
		word = "movable";
	else if (head.mapping && head.refcount > 0)
		word = "file";
	else if (head.refcount > 0)
		word = "kernel";
	else
		word = in_free_block(t, &head) ? "buddy" : "free";
	*ret = word;
	return NULL;
}
