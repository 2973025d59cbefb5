/*
 * Chunks of the per-CPU allocator from its lists (mm/percpu.c, mm/percpu-internal.h, 4.19 to 7.2: a
 * bitmap allocator since 4.14). Knows where chunks are and what they say of themselves; what their
 * maps say is percpu_map.c's. The static part is known even where no chunk is.
 */
#include "analyzer/kernel/percpu_chunk.h"

#include <inttypes.h>
#include <string.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/kernel/list.h"
#include "analyzer/kernel/page.h"

enum { SLOTS_MAX = 64, TYPES_MAX = 4, CHUNKS_MAX = 65536, DAMAGE_MAX = 64 };
#define UNIT_MAX (1ull << 27) /* bytes; the largest known are 2 MiB */

struct chunk_words {
	uint64_t list_va, base_va, alloc_map, bound_map, md_blocks, populated, groups;
	int32_t free_bytes, start_offset, end_offset, nr_pages, nr_populated;
	int32_t contig, contig_start, left_free, right_free, first_free;
	uint8_t immutable, isolated;
};
enum { CHUNK_GROUPS = 6 };
static const struct view_field chunk_fields[] = {
	FIELD_ADDRESS(struct chunk_words, list_va, "list"),
	FIELD(struct chunk_words, base_va, "base_addr"),
	FIELD(struct chunk_words, alloc_map, "alloc_map"),
	FIELD(struct chunk_words, bound_map, "bound_map"),
	FIELD(struct chunk_words, md_blocks, "md_blocks"),
	FIELD_ADDRESS(struct chunk_words, populated, "populated"),
	FIELD_OPTIONAL(struct chunk_words, groups, "obj_exts", "obj_cgroups"), /* since 5.9 */
	FIELD(struct chunk_words, free_bytes, "free_bytes"),
	FIELD(struct chunk_words, start_offset, "start_offset"),
	FIELD(struct chunk_words, end_offset, "end_offset"),
	FIELD(struct chunk_words, nr_pages, "nr_pages"),
	FIELD(struct chunk_words, nr_populated, "nr_populated"),
	/* chunk_md since 5.1; before that the chunk itself had some of it */
	FIELD(struct chunk_words, contig, "chunk_md.contig_hint", "contig_bits"),
	FIELD(struct chunk_words, contig_start, "chunk_md.contig_hint_start", "contig_bits_start"),
	FIELD_OPTIONAL(struct chunk_words, left_free, "chunk_md.left_free"),
	FIELD_OPTIONAL(struct chunk_words, right_free, "chunk_md.right_free"),
	FIELD(struct chunk_words, first_free, "chunk_md.first_free", "first_bit"),
	FIELD(struct chunk_words, immutable, "immutable"),
	FIELD_OPTIONAL(struct chunk_words, isolated, "isolated"), /* since 5.14 */
};
static const struct view_spec chunk_spec = { .type = "pcpu_chunk",
	.hint = "mm/percpu.c",
	.fields = chunk_fields,
	.nfields = ARRAY_SIZE(chunk_fields) };

static uint64_t narrow(const struct percpu_areas *a, uint64_t va)
{
	return a->t->abi.word_bytes == 4 ? (uint32_t)va : va;
}

static void damaged(struct percpu_areas *a, struct err *what)
{
	if (a->damage.n < DAMAGE_MAX)
		vec_push(&a->damage, what);
	else
		err_drop(what);
}

static bool known_chunk(const struct percpu_areas *a, uint64_t va)
{
	for (size_t i = 0; i < a->chunk.n; i++)
		if (a->chunk.v[i].va == va)
			return true;
	return false;
}

/* What would have later code walk beyond the chunk. */
static struct err *check(const struct percpu_areas *a, uint64_t va, const struct chunk_words *w)
{
	uint64_t bytes = (uint64_t)(uint32_t)w->nr_pages * a->page_bytes;
	if (w->nr_pages <= 0 || bytes > UNIT_MAX || (a->unit_size && bytes > a->unit_size))
		return err_new(ERR_FORMAT,
			"chunk 0x%" PRIx64 ": %d pages in a unit of %" PRIu64 " bytes", va,
			w->nr_pages, a->unit_size);
	if (!w->base_va || w->base_va % a->page_bytes)
		return err_new(ERR_FORMAT,
			"chunk 0x%" PRIx64 ": base_addr 0x%" PRIx64 " is no page", va, w->base_va);
	if (w->start_offset < 0 || w->end_offset < 0 || w->start_offset % PERCPU_MAP_BYTES ||
		w->end_offset % PERCPU_MAP_BYTES ||
		(uint64_t)w->start_offset + (uint64_t)w->end_offset >= bytes)
		return err_new(ERR_FORMAT,
			"chunk 0x%" PRIx64 ": its own part is [%d, %" PRIu64 " - %d)", va,
			w->start_offset, bytes, w->end_offset);
	return NULL;
}

static struct err *add(struct percpu_areas *a, uint64_t va, enum percpu_chunk_kind kind, int slot)
{
	const struct view *view;
	struct chunk_words w;
	struct err *err = target_view(a->t, &chunk_spec, &view);
	if (!err)
		err = view_read(view, a->t->kernel, va, &w);
	if (err)
		return err_wrap(err, "chunk 0x%" PRIx64, va);
	err = check(a, va, &w);
	if (err)
		return err;
	struct percpu_chunk c = {
		.va = va,
		.kind = kind,
		.slot = slot,
		.base_va = w.base_va,
		.pointer_va = narrow(a, w.base_va - a->delta),
		.start = (uint64_t)w.start_offset,
		.npages = (uint64_t)w.nr_pages,
		.npopulated = w.nr_populated > 0 ? (uint64_t)w.nr_populated : 0,
		.free_bytes = w.free_bytes,
		.hint = { w.contig, w.contig_start, w.left_free, w.right_free, w.first_free },
		.alloc_map_va = w.alloc_map,
		.bound_map_va = w.bound_map,
		.blocks_va = w.md_blocks,
		.populated_va = w.populated,
		.immutable = w.immutable,
		.isolated = w.isolated,
		.accounted = view_has(view, CHUNK_GROUPS) && w.groups,
	};
	c.end = c.npages * a->page_bytes - (uint64_t)w.end_offset;
	vec_push(&a->chunk, c);
	return NULL;
}

/* One of the lists of chunks with a largest free area of some size. */
static struct err *read_slot(
	struct percpu_areas *a, uint64_t head, uint64_t list_offset, int slot, uint64_t first)
{
	struct list_iter it;
	uint64_t node;
	bool more;
	list_iter_init(&it, a->t, head);
	for (;;) {
		struct err *err = list_iter_next(&it, &node, &more);
		if (err && err->code == ERR_INTERRUPTED)
			return err;
		if (err)
			damaged(a, err_wrap(err, "chunks of slot %d", slot));
		if (err || !more || a->chunk.n >= CHUNKS_MAX)
			return NULL;
		uint64_t va = list_entry(a->t, node, list_offset);
		if (known_chunk(a, va)) {
			damaged(a, err_new(ERR_FORMAT, "chunk 0x%" PRIx64 " is listed twice", va));
			continue;
		}
		err = add(a, va, va == first ? PERCPU_CHUNK_FIRST : PERCPU_CHUNK_MORE, slot);
		if (err)
			damaged(a, err);
	}
}

/* One set of lists, but with memory cgroups two from 5.9 to 5.13; named pcpu_slot up to 5.8. */
static struct err *find_lists(
	struct percpu_areas *a, uint64_t *ret_va, uint64_t *ret_slots, uint64_t *ret_types)
{
	const char *name = target_has_symbol(a->t, "pcpu_slot") ? "pcpu_slot" : "pcpu_chunk_lists";
	struct err *err = target_read_variable(a->t, name, 0, ret_va);
	if (!err)
		err = target_read_variable(a->t, "pcpu_nr_slots", 4, ret_slots);
	if (err)
		return err;
	if (!*ret_slots || *ret_slots > SLOTS_MAX)
		return err_new(ERR_FORMAT, "pcpu_nr_slots is %" PRIu64, *ret_slots);
	if (!target_number(a->t, "enum(pcpu_chunk_type.PCPU_NR_CHUNK_TYPES)", ret_types))
		*ret_types = 1;
	if (!*ret_types || *ret_types > TYPES_MAX)
		return err_new(ERR_FORMAT, "%" PRIu64 " types of chunks", *ret_types);
	return NULL;
}

/* That no list has: the reserved chunk never is on one, the first one where lists are damaged. */
static void add_unlisted(struct percpu_areas *a, const char *symbol, enum percpu_chunk_kind kind)
{
	uint64_t va;
	if (!target_try_variable(a->t, symbol, &va) || !va || known_chunk(a, va))
		return;
	struct err *err = add(a, va, kind, -1);
	if (err)
		damaged(a, err);
	else if (kind == PERCPU_CHUNK_FIRST)
		damaged(a, err_new(ERR_FORMAT, "the first chunk is on no list"));
}

static int by_base(const void *a, const void *b)
{
	const struct percpu_chunk *x = a, *y = b;
	return (x->base_va + x->start > y->base_va + y->start) -
	       (x->base_va + x->start < y->base_va + y->start);
}

static void find_overlaps(struct percpu_areas *a)
{
	if (a->chunk.n)
		qsort(a->chunk.v, a->chunk.n, sizeof(*a->chunk.v), by_base);
	for (size_t i = 1; i < a->chunk.n; i++) {
		const struct percpu_chunk *c = &a->chunk.v[i - 1], *next = c + 1;
		if (c->base_va + c->end > next->base_va + next->start)
			damaged(a, err_new(ERR_FORMAT,
					   "chunks 0x%" PRIx64 " and 0x%" PRIx64 " overlap", c->va,
					   next->va));
	}
}

struct err *percpu_chunks_read(struct target *t, struct percpu_areas *a)
{
	const struct view *view;
	uint64_t lists, slots, types, first = 0;
	struct err *err = target_view(t, &chunk_spec, &view);
	if (!err)
		err = target_read_variable(t, "pcpu_base_addr", 0, &a->base_va);
	if (!err)
		err = find_lists(a, &lists, &slots, &types);
	if (err)
		return err;
	a->delta =
		a->static_size ? narrow(a, a->base_va - a->static_va) : 0; /* one CPU: no section */
	target_try_variable(t, "pcpu_first_chunk", &first);
	uint64_t head_bytes = 2ull * t->abi.word_bytes;
	for (uint64_t i = 0; i < slots * types; i++) {
		err = interrupt_check();
		if (!err)
			err = read_slot(a, narrow(a, lists + i * head_bytes), view_offset(view, 0),
				(int)(i % slots), first);
		if (err)
			return err;
	}
	add_unlisted(a, "pcpu_first_chunk", PERCPU_CHUNK_FIRST);
	add_unlisted(a, "pcpu_reserved_chunk", PERCPU_CHUNK_RESERVED);
	find_overlaps(a);
	return NULL;
}

const char *percpu_chunk_kind_name(enum percpu_chunk_kind k)
{
	static const char *const name[] = { "first", "reserved", "more" };
	return name[k];
}
