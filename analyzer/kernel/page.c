/*
 * From frames to struct pages and what they say. Every mem_section's encoded map is biased, so that
 * the frame number is the index (mm/sparse.c, sparse_encode_mem_map(), 4.19 to 7.3): with vmemmap
 * it is the array's virtual base, whatever the map of that release, and no header's rule is needed.
 */
#include "analyzer/kernel/page.h"

#include <inttypes.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/base/xalloc.h"

/* ---- struct page ------------------------------------------------------------------------- */

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
	static const char key;
	uint64_t *kept = target_kept(t, &key);

	if (kept) {
		*ret = *kept;
		return NULL;
	}
	if (target_number(t, "SIZE(page)", ret) || target_number(t, "sizeof(page)", ret))
		if (*ret >= 16 && *ret <= 256) {
			kept = xmalloc(sizeof(*kept));
			*kept = *ret;
			target_keep(t, &key, kept, free);
			return NULL;
		}
	return err_new(ERR_MISSING,
		"sizeof(struct page) is not known: neither VMCOREINFO nor types say it");
}

/*
 * A tail's word for its head has bit 0 set. Up to 7.0 the rest is the head's address; since 7.2,
 * where struct page is a power of two, it may be the mask that leads there from the tail.
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

/* ---- frames to pages --------------------------------------------------------------------- */

struct sections {
	uint64_t array; /* of pointers to sections (extreme) or of sections */
	bool extreme;
	unsigned shift; /* frames of a section, as a power of two */
	uint64_t section_bytes, map_offset;
};

/* SPARSEMEM_EXTREME's variable is a pointer; VMCOREINFO has the value of the expression, so that it
 * is the symbol's address where it is an array. */
static bool look_up_sections(struct target *t, struct sections *ret)
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

/* Every frame asks: it is found out once. */
static bool find_sections(struct target *t, struct sections *ret)
{
	static const char key;
	struct kept_sections {
		bool found;
		struct sections s;
	} *k = target_kept(t, &key);

	if (!k) {
		k = xcalloc(1, sizeof(*k));
		k->found = look_up_sections(t, &k->s);
		target_keep(t, &key, k, free);
	}
	*ret = k->s;
	return k->found;
}

static struct err *section_at(
	struct target *t, const struct sections *s, uint64_t pfn, uint64_t *ret)
{
	uint64_t nr = pfn >> s->shift, at = s->array + nr * s->section_bytes, root;

	if (nr >= 1ull << 24)
		return err_new(
			ERR_NOT_FOUND, "frame 0x%" PRIx64 " is beyond all memory sections", pfn);
	if (s->extreme) {
		uint64_t per_root = (1ull << page_shift(t)) / s->section_bytes;
		struct err *err = vspace_read_word(
			t->kernel, s->array + nr / per_root * t->abi.word_bytes, &root);
		if (err)
			return err_wrap(err, "mem_section");
		if (!root)
			return err_new(ERR_NOT_FOUND,
				"frame 0x%" PRIx64 " has no struct page: no "
				"memory section holds it",
				pfn);
		at = root + nr % per_root * s->section_bytes;
	}
	*ret = at;
	return NULL;
}

/* include/linux/mmzone.h: SECTION_MARKED_PRESENT 1, SECTION_HAS_MEM_MAP 2; three flag bits in 4.19,
 * up to six in 7.3, and an encoded map has as many zeroes at least. */
static struct err *sparse_page(
	struct target *t, const struct sections *s, uint64_t pfn, uint64_t *ret)
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
		return err_new(ERR_NOT_FOUND,
			"frame 0x%" PRIx64 " has no struct page: its memory section "
			"has none",
			pfn);
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
		return err_new(ERR_NOT_FOUND,
			"frame 0x%" PRIx64 " has no struct page: it is outside of "
			"mem_map",
			pfn);
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
		return err_new(ERR_NOT_FOUND,
			"frame 0x%" PRIx64 " has no struct page: 0x%" PRIx64 " is %s", pfn, va,
			fault_text(fault));
	*ret_va = va;
	return NULL;
}

/* Without vmemmap each section has an array of its own, wherever there was room: all that RAM
 * reaches into are tried. The kernel itself reads the section from the page's flags, where its
 * width varies. */
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
		return err_new(
			ERR_NOT_FOUND, "0x%" PRIx64 " is not the address of a struct page", va);
	*ret_pfn = pfn;
	return NULL;
}

/* ---- all of them ------------------------------------------------------------------------- */

void page_iter_init(struct page_iter *it, struct target *t)
{
	*it = (struct page_iter){ .t = t };
}

struct err *page_iter_next(
	struct page_iter *it, uint64_t *ret_pfn, uint64_t *ret_va, bool *ret_more)
{
	const struct dump_info *info = dump_info(it->t->dump);
	unsigned shift = page_shift(it->t);

	*ret_more = false;
	for (; it->extent < info->nextents; it->extent++, it->pfn = 0) {
		const struct dump_extent *e = &info->extent[it->extent];
		uint64_t first = e->start.v >> shift, end = (e->start.v + e->size) >> shift;
		it->pfn = it->pfn < first ? first : it->pfn;
		while (it->pfn < end) {
			struct err *err = it->asked++ % 1024 ? NULL : interrupt_check();
			if (!err)
				err = page_of_pfn(it->t, it->pfn++, ret_va);
			if (!err) {
				*ret_pfn = it->pfn - 1;
				*ret_more = true;
				return NULL;
			}
			if (err->code != ERR_NOT_FOUND && err->code != ERR_FAULT)
				return err;
			err_drop(err); /* a hole, or the kernel's own image */
		}
	}
	return NULL;
}
