/*
 * The walk over a whole page table, depth first with a table of bytes per level, and the joining of
 * like entries. Knows no descriptor: those are behind paging->decode and ->attributes.
 */
#include "analyzer/space/runs.h"

#include <stdlib.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/xalloc.h"

enum { CHUNK = 1024 }; /* the smallest table: what of one is there is told in such pieces */

struct level {
	struct paddr table;
	uint64_t base; /* virtual address of entry 0 */
	uint64_t parent;
	uint32_t index, end;
	uint8_t *bytes;
	uint64_t bad; /* bit i: chunk i of CHUNK bytes, or more where the table is larger, is
			 missing */
	uint32_t chunk;
	enum fault_kind fault;
};

/* The last table of a level that was looked at as a whole. */
struct uniform {
	bool known, is;
	struct paddr table;
	unsigned level; /* of the leafs below */
	uint64_t raw, parent;
};

struct table_runs {
	struct paging p;
	struct dump *dump;
	struct table_runs_options o;
	struct abi abi;
	struct level level[PAGING_MAX_LEVELS];
	struct uniform uniform[PAGING_MAX_LEVELS];
	unsigned depth; /* levels in use; 0: done */
	uint64_t tables_left;
	uint64_t reads; /* for asking about Ctrl-C now and then */
	struct table_run pending;
	bool have_pending;
};

static uint64_t table_bytes(const struct paging *p, unsigned level)
{
	return (uint64_t)p->level[level].entry_bytes << p->level[level].bits;
}

/* Bytes that a whole table of @level covers, less one: a root may cover all 2^64. */
static uint64_t table_span_last(const struct paging *p, unsigned level)
{
	unsigned bits = p->level[level].shift + p->level[level].bits;
	return bits >= 64 ? UINT64_MAX : (1ull << bits) - 1;
}

/* Every table takes memory, so that there are at most as many as the dump could hold, twice over
 * for those that are shared; and in no case more than a person would wait for. */
static uint64_t tables_limit(struct dump *d)
{
	const struct dump_info *info = dump_info(d);
	const uint64_t most = 1 << 24;
	uint64_t n = 4096;

	for (size_t i = 0; i < info->nextents && n < most; i++)
		n += info->extent[i].size / (CHUNK / 2) < most ? info->extent[i].size / (CHUNK / 2)
							       : most;
	return n < most ? n : most;
}

/* ---- reading tables ---------------------------------------------------------------------- */

static uint64_t entry_at(const struct table_runs *it, unsigned level, uint32_t i)
{
	unsigned n = it->p.level[level].entry_bytes;
	return load_uint(&it->abi, it->level[level].bytes + (size_t)i * n, n);
}

/* Fills a level's bytes with @table, in pieces where the whole is not there. */
static void load_table(struct table_runs *it, unsigned level, struct paddr table)
{
	struct level *l = &it->level[level];
	size_t n = table_bytes(&it->p, level);

	l->table = table;
	l->bad = 0;
	l->chunk = n > 64 * CHUNK ? n / 64 : CHUNK;
	if (dump_try_read(it->dump, table, l->bytes, n, NULL) == FAULT_NONE)
		return;
	for (size_t at = 0, i = 0; at < n; at += l->chunk, i++) {
		size_t k = n - at < l->chunk ? n - at : l->chunk;
		enum fault_kind fault = dump_try_read(
			it->dump, (struct paddr){ table.v + at }, l->bytes + at, k, NULL);
		if (fault == FAULT_NONE)
			continue;
		l->bad |= 1ull << i;
		l->fault = fault;
	}
}

static bool entry_missing(const struct table_runs *it, unsigned level, uint32_t i)
{
	const struct level *l = &it->level[level];
	return l->bad && (l->bad >> (uint64_t)i * it->p.level[level].entry_bytes / l->chunk & 1);
}

/* Whether the table that is loaded at @level holds one value only. */
static bool all_equal(const struct table_runs *it, unsigned level)
{
	const struct level *l = &it->level[level];
	size_t n = table_bytes(&it->p, level), e = it->p.level[level].entry_bytes;
	return !l->bad && !memcmp(l->bytes, l->bytes + e, n - e);
}

/*
 * Whether everything below @table is one and the same leaf or nothing at all. Uses the byte buffers
 * of
 * @level and below, whose levels are not in use.
 */
static bool find_uniform(struct table_runs *it, unsigned level, struct paddr table, uint64_t parent,
	unsigned *ret_level, uint64_t *ret_raw, uint64_t *ret_parent)
{
	unsigned top = level;
	struct uniform *u = &it->uniform[level];

	if (!u->known || u->table.v != table.v) {
		*u = (struct uniform){ .known = true, .table = table };
		for (uint64_t above = parent;; level++) {
			if (level >= it->p.nlevels)
				break;
			load_table(it, level, table);
			if (!all_equal(it, level))
				break;
			u->raw = entry_at(it, level, 0);
			u->parent = level == top ? 0 : above;
			u->level = level;
			struct pte e = it->p.decode(&it->p, level, u->raw);
			u->is = e.kind == PTE_NONE || e.kind == PTE_LEAF;
			if (e.kind != PTE_TABLE)
				break;
			above = u->raw;
			table = e.pa;
		}
	}
	*ret_level = u->level;
	*ret_raw = u->raw;
	*ret_parent = u->level == top ? parent : u->parent;
	return u->is;
}

/* Enters the table at @level; the bytes are loaded. False when nothing of it is in the range. */
static void enter(struct table_runs *it, unsigned level, uint64_t base, uint64_t parent)
{
	const struct paging_level *lv = &it->p.level[level];
	struct level *l = &it->level[level];
	uint64_t last = base + table_span_last(&it->p, level);

	l->base = base;
	l->parent = parent;
	l->index = it->o.lo > base ? (it->o.lo - base) >> lv->shift : 0;
	l->end = it->o.last < last ? ((it->o.last - base) >> lv->shift) + 1 : 1u << lv->bits;
	it->depth = level + 1;
}

/* ---- single entries ---------------------------------------------------------------------- */

static enum table_run_kind run_kind(enum pte_kind kind)
{
	return kind == PTE_NONE	    ? RUN_HOLE
	       : kind == PTE_LEAF   ? RUN_MAPPED
	       : kind == PTE_ABSENT ? RUN_ABSENT
				    : RUN_BROKEN;
}

/* Cuts @r to the range; its first byte moves with its beginning. */
static void cut(const struct table_runs *it, struct table_run *r)
{
	uint64_t last = r->va + (r->size - 1);

	if (r->va < it->o.lo) {
		uint64_t off = it->o.lo - r->va;
		if (r->kind == RUN_MAPPED)
			r->pa.v += r->repeats ? off & ((1ull << r->entry_shift) - 1) : off;
		r->va = it->o.lo;
	}
	if (last > it->o.last)
		last = it->o.last;
	r->size = last - r->va + 1;
}

/* The run of @raw alone, over @span_last + 1 bytes at @va; a leaf larger than its entry
 * (supersection, large page) stands once in each entry, so the entry's part of it is meant. */
static void single(const struct table_runs *it, unsigned level, uint64_t va, uint64_t span_last,
	uint64_t raw, uint64_t parent, struct table_run *ret)
{
	const uint8_t shift = it->p.level[level].shift;
	struct pte e = it->p.decode(&it->p, level, raw);

	*ret = (struct table_run){
		.va = va,
		.size = span_last + 1,
		.kind = run_kind(e.kind),
		.level = level,
		.entry_shift = shift,
		.raw = raw,
		.parent = parent,
		.fault = e.kind == PTE_INVALID || e.kind == PTE_TABLE ? FAULT_CORRUPT : FAULT_NONE,
	};
	if (e.kind == PTE_LEAF) {
		ret->pa.v = e.pa.v;
		if (e.size_shift > shift)
			ret->pa.v |= va & ((1ull << e.size_shift) - 1) & ~((1ull << shift) - 1);
		ret->repeats = span_last >= 1ull << shift;
	}
	cut(it, ret);
}

/* How many entries from the one at @i on are the same, bit by bit; those are passed over. */
static uint64_t pass_equal(struct table_runs *it, unsigned level, uint32_t i)
{
	struct level *l = &it->level[level];
	const size_t n = it->p.level[level].entry_bytes;
	const uint8_t *first = l->bytes + i * n;

	while (l->index < l->end && !entry_missing(it, level, l->index) &&
		(n == 8 ? !memcmp(l->bytes + l->index * 8ul, first, 8)
			: !memcmp(l->bytes + l->index * n, first, n)))
		l->index++;
	return l->index - i;
}

/* A table found at @level - 1 by entry @i: either one run for all of it, and for all that the
 * entries behind refer to if they are the same, in which case true, or it is entered. */
static bool descend(struct table_runs *it, unsigned level, struct paddr table, uint32_t i,
	uint64_t raw, struct table_run *ret)
{
	const struct level *above = &it->level[level - 1];
	uint64_t value, parent, va = above->base + ((uint64_t)i << it->p.level[level - 1].shift);
	unsigned leaf_level;

	if (find_uniform(it, level, table, raw, &leaf_level, &value, &parent)) {
		uint64_t n = pass_equal(it, level - 1, i);
		uint64_t last = (table_span_last(&it->p, level) + 1) * n - 1;
		single(it, leaf_level, va, last, value, parent, ret);
		return true;
	}
	if (it->level[level].table.v != table.v)
		load_table(it, level, table);
	it->tables_left--;
	enter(it, level, va, raw);
	return false;
}

/* The next entry that is no table, or a whole subtree of one value. */
static struct err *next_single(struct table_runs *it, struct table_run *ret, bool *ret_more)
{
	*ret_more = false;
	while (it->depth) {
		unsigned level = it->depth - 1;
		struct level *l = &it->level[level];
		const struct paging_level *lv = &it->p.level[level];

		if (l->index >= l->end) {
			it->depth--;
			continue;
		}
		uint32_t i = l->index++;
		uint64_t va = l->base + ((uint64_t)i << lv->shift), step = (1ull << lv->shift) - 1;
		if (entry_missing(it, level, i)) {
			*ret = (struct table_run){ .va = va,
				.size = step + 1,
				.kind = RUN_BROKEN,
				.level = level,
				.entry_shift = lv->shift,
				.parent = l->parent,
				.fault = l->fault };
			cut(it, ret);
			*ret_more = true;
			return NULL;
		}
		uint64_t raw = entry_at(it, level, i);
		struct pte e = it->p.decode(&it->p, level, raw);
		if (e.kind == PTE_TABLE && level + 1 < it->p.nlevels) {
			if (!it->tables_left)
				return err_new(ERR_LIMIT,
					"page tables: more tables below 0x%llx than the "
					"dump has memory for",
					(unsigned long long)va);
			struct err *err = it->reads++ % 256 ? NULL : interrupt_check();
			if (err)
				return err;
			if (!descend(it, level + 1, e.pa, i, raw, ret))
				continue;
		} else {
			single(it, level, va, step, raw, l->parent, ret);
		}
		if (ret->kind == RUN_HOLE && !it->o.holes)
			continue;
		*ret_more = true;
		return NULL;
	}
	return NULL;
}

/* ---- runs -------------------------------------------------------------------------------- */

static bool pa_goes_on(const struct table_run *a, const struct table_run *b)
{
	return !a->repeats && !b->repeats && !a->scattered && a->pa.v + a->size == b->pa.v;
}

/* Whole entries only: what was cut to the range has moved within its page. */
static bool pa_repeats(const struct table_run *a, const struct table_run *b)
{
	uint64_t page = 1ull << a->entry_shift;
	return a->pa.v == b->pa.v && !a->scattered && (a->repeats || a->size == page) &&
	       (b->repeats || b->size == page);
}

/* Joins @b to @a where they are alike. */
static bool join(const struct table_runs *it, struct table_run *a, const struct table_run *b)
{
	if (a->va + a->size != b->va || a->kind != b->kind || a->level != b->level)
		return false;
	if (a->kind == RUN_ABSENT || a->fault != b->fault)
		return false;
	if (a->kind == RUN_BROKEN && a->raw != b->raw)
		return false;
	if (it->o.by_attributes &&
		(a->level ? it->p.attributes(&it->p, a->level - 1, a->parent) !=
					it->p.attributes(&it->p, a->level - 1, b->parent)
			  : false))
		return false;
	if (a->kind == RUN_MAPPED) {
		if (it->p.attributes(&it->p, a->level, a->raw) !=
			it->p.attributes(&it->p, b->level, b->raw))
			return false;
		bool goes_on = pa_goes_on(a, b), repeats = !goes_on && pa_repeats(a, b);
		if (!it->o.by_attributes && !goes_on && !repeats)
			return false;
		if (!goes_on && !repeats)
			a->scattered = true;
		a->repeats = repeats;
	}
	a->size += b->size;
	return true;
}

struct table_runs *table_runs_create(const struct paging *p, struct dump *d, struct paddr root,
	const struct table_runs_options *o)
{
	struct table_runs *it = xcalloc(1, sizeof(*it));

	it->p = *p;
	it->dump = d;
	it->o = *o;
	it->abi = (struct abi){ .word_bytes = 8, .big_endian = p->big_endian };
	it->tables_left = tables_limit(d);
	for (unsigned i = 0; i < p->nlevels; i++) {
		it->level[i].bytes = xcalloc(1, table_bytes(p, i));
		it->level[i].table.v = UINT64_MAX; /* none is loaded */
	}
	/* Both halves of two have the same table form: the range says which one is meant. */
	uint64_t base = o->lo & ~table_span_last(p, 0), end = base + table_span_last(p, 0);
	if (o->lo > o->last || !paging_canonical(p, o->lo))
		return it;
	if (it->o.last > end)
		it->o.last = end;
	load_table(it, 0, root);
	enter(it, 0, base, 0);
	return it;
}

void table_runs_destroy(struct table_runs *it)
{
	if (!it)
		return;
	for (unsigned i = 0; i < it->p.nlevels; i++)
		free(it->level[i].bytes);
	free(it);
}

struct err *table_runs_next(struct table_runs *it, struct table_run *ret, bool *ret_more)
{
	struct table_run run, next;
	bool more = true;
	struct err *err = NULL;

	*ret_more = false;
	if (it->have_pending)
		run = it->pending;
	else
		err = next_single(it, &run, &more);
	it->have_pending = false;
	if (err || !more)
		return err;
	for (;;) {
		err = next_single(it, &next, &more);
		if (err)
			return err;
		if (!more)
			break;
		if (join(it, &run, &next))
			continue;
		it->pending = next;
		it->have_pending = true;
		break;
	}
	*ret = run;
	*ret_more = true;
	return NULL;
}
