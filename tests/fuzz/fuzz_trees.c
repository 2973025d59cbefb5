/* Red-black trees, XArrays of both dialects and maple trees from any memory. The input is pages of
 * a fake target (fake_pages.h); bit 1 of its first byte chooses the radix tree's dialect. */
#include "analyzer/kernel/maple.h"
#include "analyzer/kernel/rbtree.h"
#include "analyzer/kernel/xarray.h"
#include "tests/unit/fake_pages.h"
#include "tests/unit/fake_trees.h"

enum { OLD_DIALECT = 2, RB_AT = 0x100, XA_AT = 0x140, MAPLE_AT = 0x180 };

static void fail_if(bool wrong)
{
	if (wrong)
		abort();
}

/* True while the walk goes on. The few pages of an input cannot hold this many of anything, except
 * where nodes lie inside each other. */
static bool walked(struct err *err, bool more, unsigned *io_n)
{
	fail_if(err && !err->msg[0]);
	err_drop(err);
	return more && ++*io_n < 100000;
}

static void walk_rbtree(struct fake *f)
{
	struct rbtree_iter it;
	uint64_t node;
	bool more;
	unsigned n = 0;
	struct err *err;
	rbtree_iter_init(&it, f->t, fake_va(f, RB_AT));
	do {
		scoped_strbuf struct strbuf way = { 0 };
		err = rbtree_iter_next(&it, &node, &more);
		rbtree_iter_position(&it, &way);
		fail_if(way.len > 5 + 2 * RBTREE_DEPTH_MAX);
	} while (walked(err, more, &n));
}

static void walk_xarray(struct fake *f)
{
	struct xarray_iter it;
	struct xarray_entry e;
	bool more = false;
	unsigned n = 0;
	uint64_t least = 0;
	struct err *err = xarray_iter_init(&it, f->t, fake_va(f, XA_AT));
	while (!err) {
		scoped_strbuf struct strbuf way = { 0 };
		err = xarray_iter_next(&it, &e, &more);
		xarray_iter_position(&it, &way);
		/* Indices ascend, unless the topmost node has more of them than a word. */
		fail_if(!err && more && e.index < least && it.depth && it.stack[0].shift < 24);
		least = !err && more ? e.index : least;
		if (!walked(err, more, &n))
			return;
		err = NULL;
	}
	err_drop(err);
}

static void walk_maple(struct fake *f)
{
	struct maple_iter it;
	struct maple_entry e;
	bool more = false;
	unsigned n = 0;
	uint64_t next = 0;
	struct err *err = maple_iter_init(&it, f->t, fake_va(f, MAPLE_AT));
	while (!err) {
		scoped_strbuf struct strbuf way = { 0 };
		err = maple_iter_next(&it, &e, &more);
		maple_iter_position(&it, &way);
		if (!err && more) {
			fail_if(e.last < e.first || e.first < next);
			next = e.last == UINT64_MAX ? e.last : e.last + 1;
		}
		if (!walked(err, more, &n))
			return;
		err = NULL;
	}
	err_drop(err);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct fake f;
	if (!n)
		return 0;
	fake_init(&f, fake_pages_word(p, n));
	fake_xarray_types(&f, p[0] & OLD_DIALECT ? DIALECT_RADIX : DIALECT_XARRAY);
	fake_maple_types(&f);
	fake_pages_load(&f, p, n);
	walk_rbtree(&f);
	walk_xarray(&f);
	walk_maple(&f);
	fake_deinit(&f);
	return 0;
}

static void seed_rbtree(struct fake *f)
{
	static const uint64_t node[] = { 0, 0x200, 0x220, 0x240, 0x260 };
	fake_put_word(f, RB_AT, 0, fake_va(f, node[1]));
	fake_rb(f, node[1], 0, node[2], node[3]);
	fake_rb(f, node[2], node[1], 0, node[4]);
	fake_rb(f, node[3], node[1], 0, 0);
	fake_rb(f, node[4], node[2], 0, 0);
}

static void seed_xarray(struct fake *f, enum fake_dialect d)
{
	enum { TOP = 0x400, LOW = 0x800, HIGH = 0xc00 };
	bool radix = d == DIALECT_RADIX;
	uint64_t slots = fake_offsetof(f, fake_xa_node(d), "slots");
	fake_xa_head(f, d, XA_AT, fake_xa_entry(f, d, TOP));
	fake_xa(f, d, TOP, 6, 0, 0);
	fake_xa(f, d, LOW, 0, TOP, 0);
	fake_xa(f, d, HIGH, 0, TOP, 63);
	for (unsigned i = 0; i < 64; i += 7)
		fake_xa_slot(f, d, LOW, i, fake_va(f, 0x10 * i));
	fake_xa_slot(f, d, LOW, 1, radix ? fake_va(f, LOW + slots) | 1 : 2);
	fake_xa_slot(f, d, HIGH, 3, radix ? 77 << 2 | 2 : 77 << 1 | 1);
}

static void seed_maple(struct fake *f)
{
	enum { TOP = 0x1000, LEAF = 0x1100, LAST = 0x1200 };
	uint64_t max = fake_word(f) == 4 ? UINT32_MAX : UINT64_MAX;
	fake_maple_root(f, MAPLE_AT, FAKE_ARANGE, TOP);
	fake_maple_pivot(f, FAKE_ARANGE, TOP, 0, 0xfff);
	fake_maple_pivot(f, FAKE_ARANGE, TOP, 1, max);
	fake_maple_child(f, FAKE_ARANGE, TOP, 0, FAKE_LEAF, LEAF);
	fake_maple_child(f, FAKE_ARANGE, TOP, 1, FAKE_LEAF, LAST);
	for (unsigned i = 0; i < 8; i++) {
		fake_maple_pivot(f, FAKE_LEAF, LEAF, i, i * 0x100 + 0x1f);
		fake_maple_slot(f, FAKE_LEAF, LEAF, i, fake_va(f, i * 0x10));
	}
	fake_maple_slot(f, FAKE_LEAF, LAST, 0, fake_va(f, 0x10));
}

void fuzz_seed(fuzz_add_fn add)
{
	for (unsigned word = 4; word <= 8; word += 4) {
		for (unsigned d = 0; d < 2; d++) {
			struct fake f;
			fake_init(&f, word);
			fake_xarray_types(&f, d ? DIALECT_RADIX : DIALECT_XARRAY);
			fake_maple_types(&f);
			seed_rbtree(&f);
			seed_xarray(&f, d ? DIALECT_RADIX : DIALECT_XARRAY);
			seed_maple(&f);
			fake_pages_add(&f, d ? OLD_DIALECT : 0, add);
			fake_deinit(&f);
		}
	}
}
