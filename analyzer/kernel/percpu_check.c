/*
 * What a per-CPU chunk remembers about its free areas against its bitmap. The allocator keeps these
 * hints lazily (mm/percpu.c, pcpu_block_update_hint_alloc() and _free(), 5.1 to 7.2): some may be
 * smaller than the truth, none may promise what is not free. Only what would be wrong in any
 * version is a finding.
 */
#include <inttypes.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/kernel/percpu_map.h"

struct block_words {
	int32_t contig, contig_start, left_free, right_free, first_free;
};
static const struct view_field block_fields[] = {
	FIELD(struct block_words, contig, "contig_hint"),
	FIELD(struct block_words, contig_start, "contig_hint_start"),
	FIELD(struct block_words, left_free, "left_free"),
	FIELD(struct block_words, right_free, "right_free"),
	FIELD(struct block_words, first_free, "first_free"),
};
static const struct view_spec block_spec = { .type = "pcpu_block_md",
	.hint = "mm/percpu.c",
	.fields = block_fields,
	.nfields = ARRAY_SIZE(block_fields) };

/* The truth about bits [from, from + n) of a map. */
struct free_areas {
	uint64_t largest, left, right, first; /* first: n when nothing is free */
};

static bool used(const struct percpu_map *m, uint64_t i)
{
	return m->alloc[i / 8] >> (i % 8) & 1;
}

static struct free_areas count(const struct percpu_map *m, uint64_t from, uint64_t n)
{
	struct free_areas f = { .first = n };
	uint64_t run = 0;
	for (uint64_t i = 0; i < n; i++) {
		run = used(m, from + i) ? 0 : run + 1;
		if (run && f.first == n)
			f.first = i;
		if (run == i + 1)
			f.left = run;
		if (run > f.largest)
			f.largest = run;
	}
	f.right = run;
	return f;
}

struct check {
	const struct percpu_map *m;
	percpu_finding_fn found;
	void *cx;
};

static struct err *say(const struct check *c, const char *of, uint64_t number, const char *what,
	int64_t says, uint64_t truth)
{
	struct err *e = err_new(ERR_FORMAT,
		"chunk 0x%" PRIx64 ", %s %" PRIu64 ": %s is %" PRId64 ", its map says %" PRIu64,
		c->m->chunk->va, of, number, what, says, truth);
	return c->found(c->cx, e);
}

static bool is_free(const struct percpu_map *m, uint64_t from, uint64_t n)
{
	for (uint64_t i = from; i < from + n; i++)
		if (used(m, i))
			return false;
	return true;
}

/* @exact: a block's hints; the chunk's own may lag behind. */
static struct err *check_hint(const struct check *c, const char *of, uint64_t number,
	const struct percpu_hint *h, uint64_t from, uint64_t n, bool exact)
{
	struct free_areas f = count(c->m, from, n);
	struct err *err = NULL;
	bool sane = h->contig >= 0 && (uint64_t)h->contig <= f.largest;
	if (!sane || (exact && (uint64_t)h->contig != f.largest))
		err = say(c, of, number, "contig_hint", h->contig, f.largest);
	if (!err && sane && h->contig &&
		(h->contig_start < 0 || (uint64_t)h->contig_start + (uint64_t)h->contig > n ||
			!is_free(c->m, from + (uint64_t)h->contig_start, (uint64_t)h->contig)))
		err = c->found(
			c->cx, err_new(ERR_FORMAT,
				       "chunk 0x%" PRIx64 ", %s %" PRIu64
				       ": contig_hint of %d from %d on is in use",
				       c->m->chunk->va, of, number, h->contig, h->contig_start));
	if (!err && f.largest && (h->first_free < 0 || (uint64_t)h->first_free > f.first))
		err = say(c, of, number, "first_free", h->first_free, f.first);
	if (!err && exact && (h->left_free < 0 || (uint64_t)h->left_free != f.left))
		err = say(c, of, number, "left_free", h->left_free, f.left);
	if (!err && exact && (h->right_free < 0 || (uint64_t)h->right_free != f.right))
		err = say(c, of, number, "right_free", h->right_free, f.right);
	return err;
}

static struct err *check_blocks(const struct check *c)
{
	const struct percpu_areas *a = c->m->areas;
	uint64_t bits = a->page_bytes / PERCPU_MAP_BYTES;
	const struct view *view;
	struct err *err = target_view(a->t, &block_spec, &view);
	for (uint64_t i = 0; !err && i < c->m->chunk->npages; i++) {
		struct block_words w;
		err = interrupt_check();
		if (!err)
			err = view_read(view, a->t->kernel,
				c->m->chunk->blocks_va + i * view_size(view), &w);
		if (err)
			return err_wrap(err, "md_blocks[%" PRIu64 "]", i);
		struct percpu_hint h = { w.contig, w.contig_start, w.left_free, w.right_free,
			w.first_free };
		err = check_hint(c, "block", i, &h, i * bits, bits, true);
	}
	return err;
}

/* Each run of used bits begins and ends where the other map has a bit; its very end needs none. */
static struct err *check_bounds(const struct check *c)
{
	const struct percpu_map *m = c->m;
	struct err *err = NULL;
	for (uint64_t i = 0; !err && i < m->nbits; i++) {
		bool edge = used(m, i) != (i && used(m, i - 1));
		if (edge && !(m->bound[i / 8] >> (i % 8) & 1))
			err = c->found(c->cx, err_new(ERR_FORMAT,
						      "chunk 0x%" PRIx64 ", offset 0x%" PRIx64
						      ": an allocation %s and bound_map "
						      "does not know",
						      m->chunk->va, i * PERCPU_MAP_BYTES,
						      used(m, i) ? "begins" : "ends"));
	}
	return err;
}

struct err *percpu_map_check(const struct percpu_map *m, percpu_finding_fn found, void *cx)
{
	const struct percpu_chunk *chunk = m->chunk;
	struct check c = { m, found, cx };
	struct percpu_usage u;
	struct err *err = NULL;
	percpu_map_usage(m, &u);
	if (chunk->free_bytes < 0 || (uint64_t)chunk->free_bytes != u.free_bytes)
		err = found(cx, err_new(ERR_FORMAT,
					"chunk 0x%" PRIx64 ": free_bytes is %" PRId64
					", its map says %" PRIu64,
					chunk->va, chunk->free_bytes, u.free_bytes));
	if (!err && chunk->npopulated != u.populated_pages)
		err = found(cx, err_new(ERR_FORMAT,
					"chunk 0x%" PRIx64 ": nr_populated is %" PRIu64
					", its map says %" PRIu64,
					chunk->va, chunk->npopulated, u.populated_pages));
	if (!err)
		err = check_hint(&c, "pages", chunk->npages, &chunk->hint, 0, m->nbits, false);
	if (!err)
		err = check_bounds(&c);
	return err ? err : check_blocks(&c);
}
