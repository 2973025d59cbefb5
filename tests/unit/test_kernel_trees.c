/* Red-black trees, XArrays, radix trees and maple trees by hand, with 4- and 8-byte words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/kernel/maple.h"
#include "analyzer/kernel/rbtree.h"
#include "analyzer/kernel/xarray.h"
#include "tests/unit/fake_trees.h"

static const unsigned words[] = { 4, 8 };
#define EACH_WORD(f)                                                                               \
	for (struct fake f##_, *f = &f##_, *once = f; once; once = NULL)                           \
		for (size_t w = 0; w < 2 && (fake_init(f, words[w]), 1); fake_deinit(f), w++)

enum { ROOT_AT = 0x100, NODES_AT = 0x1000, STEP = 0x400, OUTSIDE = 0x3000000 };

/* The text of a walk: what came, "!" for a part that failed, "!!" for the end of a bad one. */
static bool goes_on(struct strbuf *b, struct err *err, bool more)
{
	if (err)
		strbuf_add(b, more ? " !" : " !!");
	err_drop(err);
	assert_true(b->len < 20000);
	return more;
}

static void expect_text(struct strbuf *b, const char *text)
{
	assert_string_equal(b->len ? strbuf_text(b) + 1 : "", text);
}

static void expect_err(struct err *err, enum err_code code, const char *word)
{
	assert_non_null(err);
	if (err->code != code || !strstr(err->msg, word))
		fail_msg("code %d, \"%s\" lacks \"%s\"", err->code, err->msg, word);
	err_drop(err);
}

/* ---- red-black trees ----------------------------------------------- */

static uint64_t at(unsigned i)
{
	return i ? NODES_AT + (i - 1) * 0x20 : 0;
}

static void rb(struct fake *f, unsigned node, unsigned parent, unsigned left, unsigned right)
{
	fake_rb(f, at(node), at(parent), at(left), at(right));
}

/* 1 to 6, in order; 4 on top: 4 (2 (1 3) 6 (5)). */
static void rb_six(struct fake *f)
{
	fake_put_word(f, ROOT_AT, 0, fake_va(f, at(4)));
	rb(f, 4, 0, 2, 6);
	rb(f, 2, 4, 1, 3);
	rb(f, 1, 2, 0, 0);
	rb(f, 3, 2, 0, 0);
	rb(f, 6, 4, 5, 0);
	rb(f, 5, 6, 0, 0);
}

static void rb_walk(struct fake *f, struct rbtree_iter *it, bool ways, struct strbuf *b)
{
	uint64_t node;
	bool more = true;
	while (more) {
		struct err *err = rbtree_iter_next(it, &node, &more);
		if (!err && more) {
			strbuf_addf(b, " %u", (unsigned)((node - fake_va(f, NODES_AT)) / 0x20 + 1));
			if (ways)
				rbtree_iter_position(it, b);
		}
		goes_on(b, err, more);
	}
}

static void expect_rb(struct fake *f, const char *text)
{
	scoped_strbuf struct strbuf b = { 0 };
	struct rbtree_iter it;
	rbtree_iter_init(&it, f->t, fake_va(f, ROOT_AT));
	rb_walk(f, &it, false, &b);
	expect_text(&b, text);
}

static void rbtree_in_order(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		scoped_strbuf struct strbuf b = { 0 };
		struct rbtree_iter it;
		fake_put_word(f, ROOT_AT, 0, 0);
		expect_rb(f, "");
		rb_six(f);
		expect_rb(f, "1 2 3 4 5 6");
		rbtree_iter_init(&it, f->t, fake_va(f, ROOT_AT));
		rb_walk(f, &it, true, &b);
		expect_text(&b, "1root/l/l 2root/l 3root/l/r 4root 5root/r/l 6root/r");
	}
}

static void rbtree_from_a_node(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		scoped_strbuf struct strbuf b = { 0 };
		struct rbtree_iter it;
		rb_six(f);
		rbtree_iter_init_node(&it, f->t, fake_va(f, at(2)));
		rb_walk(f, &it, false, &b);
		expect_text(&b, "1 2 3");
	}
}

static void rbtree_damage_costs_a_subtree(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		rb_six(f);
		rb(f, 2, 1, 1, 3); /* says another parent */
		expect_rb(f, "! 4 5 6");
		rb_six(f);
		rb(f, 6, 4, 5, 5); /* both children the same */
		expect_rb(f, "1 2 3 4 5 6 !");
		rb_six(f);
		rb(f, 3, 2, 4, 0); /* leads back to the root */
		expect_rb(f, "1 2 ! 3 4 5 6");
		rb(f, 3, 2, 3, 0); /* and to itself */
		expect_rb(f, "1 2 ! 3 4 5 6");
		rb_six(f);
		fake_put_word(f, at(6), 2, fake_va(f, OUTSIDE));
		expect_rb(f, "1 2 3 4 ! 6");
		rb(f, 4, 6, 2, 0); /* the root has a parent */
		expect_rb(f, "!!");
		fake_put_word(f, ROOT_AT, 0, fake_va(f, OUTSIDE));
		expect_rb(f, "!!");
	}
}

/* A chain whose parents are all right, and a loop below a given node, where no parent is known. */
static void rbtree_depth_has_an_end(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		scoped_strbuf struct strbuf b = { 0 };
		struct rbtree_iter it;
		fake_put_word(f, ROOT_AT, 0, fake_va(f, at(1)));
		for (unsigned i = 1; i <= 1000; i++)
			rb(f, i, i - 1, i + 1, 0);
		expect_rb(f, "!!");
		rb(f, 1, 2, 2, 0);
		rb(f, 2, 1, 1, 0);
		rbtree_iter_init_node(&it, f->t, fake_va(f, at(1)));
		rb_walk(f, &it, false, &b);
		expect_text(&b, "!!");
	}
}

/* ---- XArrays and radix trees ----------------------------------------------- */

static const enum fake_dialect dialects[] = { DIALECT_XARRAY, DIALECT_RADIX };
#define EACH_DIALECT(f, d)                                                                         \
	for (size_t k = 0; k < 2; k++)                                                             \
		EACH_WORD(f)                                                                       \
	for (enum fake_dialect d = dialects[k], *again = &d;                                       \
		again && (fake_xarray_types(f, d), 1); again = NULL)

static void expect_entries(struct fake *f, struct xarray_iter *it, const char *text)
{
	scoped_strbuf struct strbuf b = { 0 };
	struct xarray_entry e;
	bool more = true;
	while (more) {
		struct err *err = xarray_iter_next(it, &e, &more);
		if (!err && more) {
			strbuf_addf(&b, " %llx", (unsigned long long)e.index);
			if (e.last != e.index)
				strbuf_addf(&b, "-%llx", (unsigned long long)e.last);
			strbuf_addf(&b, e.is_value ? "=%llu" : ":%llx",
				(unsigned long long)(e.is_value ? e.value : e.entry - f->base));
		}
		goes_on(&b, err, more);
	}
	expect_text(&b, text);
}

static void expect_xa(struct fake *f, const char *text)
{
	struct xarray_iter it;
	assert_null(xarray_iter_init(&it, f->t, fake_va(f, ROOT_AT)));
	expect_entries(f, &it, text);
}

/* Two levels: indices 0, 5, 63 of the first leaf; 64 + 1 in the second, of slot 1. */
static void xa_small(struct fake *f, enum fake_dialect d)
{
	uint64_t top = NODES_AT, low = NODES_AT + STEP, high = NODES_AT + 2 * STEP;
	fake_xa_head(f, d, ROOT_AT, fake_xa_entry(f, d, top));
	fake_xa(f, d, top, 6, 0, 0);
	fake_xa(f, d, low, 0, top, 0);
	fake_xa(f, d, high, 0, top, 1);
	fake_xa_slot(f, d, low, 0, fake_va(f, 0x10));
	fake_xa_slot(f, d, low, 5, fake_va(f, 0x20));
	fake_xa_slot(f, d, low, 63, fake_va(f, 0x30));
	fake_xa_slot(f, d, high, 1, fake_va(f, 0x40));
}

static void xarray_by_index(void **state)
{
	(void)state;
	EACH_DIALECT(f, d)
	{
		fake_xa_head(f, d, ROOT_AT, 0);
		expect_xa(f, "");
		fake_xa_head(f, d, ROOT_AT, fake_va(f, 0x80));
		expect_xa(f, "0:80");
		xa_small(f, d);
		expect_xa(f, "0:10 5:20 3f:30 41:40");
		/* a level more: what was the top is slot 2 of it */
		uint64_t over = NODES_AT + 3 * STEP;
		fake_xa_head(f, d, ROOT_AT, fake_xa_entry(f, d, over));
		fake_xa(f, d, over, 12, 0, 0);
		fake_xa(f, d, NODES_AT, 6, over, 2);
		expect_xa(f, "2000:10 2005:20 203f:30 2041:40");
	}
}

static void xarray_values_and_reserved(void **state)
{
	(void)state;
	EACH_DIALECT(f, d)
	{
		bool radix = d == DIALECT_RADIX;
		fake_xa_head(f, d, ROOT_AT, radix ? 7 << 2 | 2 : 7 << 1 | 1);
		expect_xa(f, "0=7");
		xa_small(f, d);
		fake_xa_slot(f, d, NODES_AT + STEP, 5, radix ? 1000 << 2 | 2 : 1000 << 1 | 1);
		fake_xa_slot(f, d, NODES_AT + STEP, 6, radix ? 1 : 256 << 2 | 2); /* retry */
		fake_xa_slot(f, d, NODES_AT + STEP, 7, radix ? 1 : 257 << 2 | 2); /* zero */
		expect_xa(f, "0:10 5=1000 3f:30 41:40");
	}
}

/* An entry of four slots in a leaf, and one of two slots (128 indices) above. */
static void xarray_siblings(void **state)
{
	(void)state;
	EACH_DIALECT(f, d)
	{
		uint64_t low = NODES_AT + STEP, slots;
		xa_small(f, d);
		slots = fake_offsetof(f, fake_xa_node(d), "slots");
		for (unsigned i = 9; i < 12; i++)
			fake_xa_slot(f, d, low, i,
				d == DIALECT_RADIX ? fake_va(f, low + slots + 8 * fake_word(f)) | 1
						   : 8 << 2 | 2);
		fake_xa_slot(f, d, low, 8, fake_va(f, 0x50));
		fake_xa_slot(f, d, NODES_AT, 4, fake_va(f, 0x60));
		fake_xa_slot(f, d, NODES_AT, 5,
			d == DIALECT_RADIX ? fake_va(f, NODES_AT + slots + 4 * fake_word(f)) | 1
					   : 4 << 2 | 2);
		expect_xa(f, "0:10 5:20 8-b:50 3f:30 41:40 100-17f:60");
	}
}

/* idr_rt stands in front of idr_base; kernels before 4.17 have no base. */
static void idr_numbers(void **state)
{
	(void)state;
	EACH_DIALECT(f, d)
	{
		struct xarray_iter it;
		xa_small(f, d);
		expect_err(
			xarray_iter_init_idr(&it, f->t, fake_va(f, ROOT_AT)), ERR_MISSING, "idr");
		if (w) {
			FAKE_STRUCT(f, "idr", "idr_rt:word", "flags:word", "idr_base:u32");
			fake_set(f, "idr", ROOT_AT + 0x40, "idr_base", 100);
		} else {
			FAKE_STRUCT(f, "idr", "idr_rt:word", "idr_next:u32");
		}
		fake_xa_head(f, d, ROOT_AT + 0x40, fake_xa_entry(f, d, NODES_AT));
		if (w)
			fake_set(f, "idr", ROOT_AT + 0x40, "idr_base", 100);
		assert_null(xarray_iter_init_idr(&it, f->t, fake_va(f, ROOT_AT + 0x40)));
		expect_entries(f, &it, w ? "64:10 69:20 a3:30 a5:40" : "0:10 5:20 3f:30 41:40");
		fake_xa_head(f, d, ROOT_AT + 0x40, fake_va(f, 0x80));
		if (w)
			fake_set(f, "idr", ROOT_AT + 0x40, "idr_base", 100);
		assert_null(xarray_iter_init_idr(&it, f->t, fake_va(f, ROOT_AT + 0x40)));
		expect_entries(f, &it, w ? "64:80" : "0:80");
	}
}

static void xarray_damage_costs_a_node(void **state)
{
	(void)state;
	EACH_DIALECT(f, d)
	{
		uint64_t top = NODES_AT, low = NODES_AT + STEP;
		const char *node = fake_xa_node(d);
		xa_small(f, d);
		fake_set(f, node, low, "parent", fake_va(f, low));
		expect_xa(f, "! 41:40");
		fake_set(f, node, low, "parent", fake_va(f, top));
		fake_set(f, node, low, "offset", 3);
		expect_xa(f, "! 41:40");
		fake_set(f, node, low, "offset", 0);
		fake_set(f, node, low, "shift", 6);
		expect_xa(f, "! 41:40");
		xa_small(f, d);
		fake_xa_slot(f, d, low, 5, fake_xa_entry(f, d, top)); /* a loop, below all levels */
		expect_xa(f, "0:10 ! 3f:30 41:40");
		fake_xa_slot(f, d, top, 0, fake_xa_entry(f, d, top));
		expect_xa(f, "! 41:40");
		fake_xa_slot(f, d, top, 0, fake_xa_entry(f, d, OUTSIDE));
		expect_xa(f, "! 41:40");
		fake_set(f, node, top, "shift", 66);
		expect_xa(f, "!!");
		fake_set(f, node, top, "shift", 5);
		expect_xa(f, "!!");
	}
}

/* ---- maple trees ----------------------------------------------- */

static void expect_maple(struct fake *f, const char *text)
{
	scoped_strbuf struct strbuf b = { 0 };
	struct maple_iter it;
	struct maple_entry e;
	bool more = true;
	assert_null(maple_iter_init(&it, f->t, fake_va(f, ROOT_AT)));
	while (more) {
		struct err *err = maple_iter_next(&it, &e, &more);
		if (!err && more)
			strbuf_addf(&b, " %llx-%llx:%llx", (unsigned long long)e.first,
				(unsigned long long)e.last, (unsigned long long)e.entry);
		goes_on(&b, err, more);
	}
	expect_text(&b, text);
}

static const uint64_t top_at = NODES_AT, leaf_at = NODES_AT + 0x100, last_at = NODES_AT + 0x200;

/* An upper node of @type with two leaves: 0-fff (10-1f, 20-fff) and 1000 to the end (2000-2fff). */
static void maple_small(struct fake *f, enum fake_maple type)
{
	uint64_t max = fake_word(f) == 4 ? UINT32_MAX : UINT64_MAX;
	fake_maple_root(f, ROOT_AT, type, top_at);
	fake_maple_pivot(f, type, top_at, 0, 0xfff);
	fake_maple_pivot(f, type, top_at, 1, max);
	fake_maple_child(f, type, top_at, 0, FAKE_LEAF, leaf_at);
	fake_maple_child(f, type, top_at, 1, FAKE_LEAF, last_at);
	static const uint64_t pivots[] = { 0xf, 0x1f, 0xfff };
	for (unsigned i = 0; i < 3; i++) {
		fake_maple_pivot(f, FAKE_LEAF, leaf_at, i, pivots[i]);
		fake_maple_slot(f, FAKE_LEAF, leaf_at, i, i * 0x100);
	}
	fake_maple_pivot(f, FAKE_LEAF, last_at, 0, 0x1fff);
	fake_maple_pivot(f, FAKE_LEAF, last_at, 1, 0x2fff);
	fake_maple_pivot(f, FAKE_LEAF, last_at, 2, max);
	fake_maple_slot(f, FAKE_LEAF, last_at, 1, 0x300);
	fake_maple_slot(f, FAKE_LEAF, last_at, 3, 0xbad00); /* what an earlier life left there */
}

static void maple_ranges(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		fake_maple_types(f);
		fake_set(f, "maple_tree", ROOT_AT, "ma_root", 0);
		expect_maple(f, "");
		fake_set(f, "maple_tree", ROOT_AT, "ma_root", 0x500);
		expect_maple(f, "0-0:500");
		fake_set(f, "maple_tree", ROOT_AT, "ma_root", 257 << 2 | 2);
		expect_maple(f, "");
		maple_small(f, FAKE_RANGE);
		expect_maple(f, "10-1f:100 20-fff:200 2000-2fff:300");
		maple_small(f, FAKE_ARANGE);
		expect_maple(f, "10-1f:100 20-fff:200 2000-2fff:300");
		fake_maple_slot(f, FAKE_LEAF, leaf_at, 1, 257 << 2 | 2); /* reserved */
		expect_maple(f, "20-fff:200 2000-2fff:300");
		fake_maple_slot(f, FAKE_LEAF, leaf_at, 1, 0x1235); /* a number */
		expect_maple(f, "10-1f:1235 20-fff:200 2000-2fff:300");
	}
}

/* The last used slot's pivot may be missing; its end is the node's. */
static void maple_last_slots(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		fake_maple_types(f);
		maple_small(f, FAKE_ARANGE);
		fake_maple_pivot(f, FAKE_LEAF, leaf_at, 2, 0);
		fake_maple_slot(f, FAKE_LEAF, leaf_at, 3, 0xbad00);
		expect_maple(f, "10-1f:100 20-fff:200 2000-2fff:300");
		/* every slot in use: the last has no pivot at all */
		unsigned n = fake_word(f) == 8 ? 16 : 32;
		for (unsigned i = 0; i < n; i++) {
			if (i < n - 1)
				fake_maple_pivot(f, FAKE_LEAF, leaf_at, i, i);
			fake_maple_slot(f, FAKE_LEAF, leaf_at, i, i == n - 1 ? 0x700 : 0);
		}
		expect_maple(f, n == 16 ? "f-fff:700 2000-2fff:300" : "1f-fff:700 2000-2fff:300");
	}
}

static void maple_dense_nodes(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		fake_maple_types(f);
		fake_maple_root(f, ROOT_AT, FAKE_DENSE, top_at);
		fake_maple_slot(f, FAKE_DENSE, top_at, 0, 0x100);
		fake_maple_slot(f, FAKE_DENSE, top_at, 9, 0x200);
		expect_maple(f, "0-0:100 9-9:200");
	}
}

static void maple_damage_costs_a_node(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		fake_maple_types(f);
		maple_small(f, FAKE_ARANGE);
		fake_put_word(f, leaf_at, 0, fake_va(f, leaf_at)); /* dead */
		expect_maple(f, "! 2000-2fff:300");
		fake_put_word(f, leaf_at, 0, fake_va(f, last_at) | 6); /* another's child */
		expect_maple(f, "! 2000-2fff:300");
		fake_put_word(f, leaf_at, 0, fake_va(f, top_at) | 1 << 3 | 6); /* another slot's */
		expect_maple(f, "! 2000-2fff:300");
		maple_small(f, FAKE_ARANGE);
		fake_maple_pivot(f, FAKE_LEAF, leaf_at, 1, 0x1000); /* beyond the node's end */
		expect_maple(f, "! 2000-2fff:300");
		fake_maple_pivot(f, FAKE_LEAF, leaf_at, 1, 0xe); /* before its own beginning */
		expect_maple(f, "! 2000-2fff:300");
		maple_small(f, FAKE_ARANGE);
		fake_maple_slot(f, FAKE_ARANGE, top_at, 0, fake_va(f, leaf_at) | 4 << 3 | 4);
		expect_maple(f, "! 2000-2fff:300");
		fake_maple_slot(f, FAKE_ARANGE, top_at, 0, fake_maple_entry(f, FAKE_RANGE, top_at));
		expect_maple(f, "! 2000-2fff:300");
		fake_put_word(f, top_at, 0, fake_va(f, leaf_at) | 6); /* not a root */
		expect_maple(f, "!!");
	}
}

/* ---- all of them ----------------------------------------------- */

static void interrupts_end_walks(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		struct rbtree_iter r;
		struct xarray_iter x;
		struct maple_iter m;
		uint64_t node;
		struct xarray_entry xe;
		struct maple_entry me;
		bool more;
		fake_xarray_types(f, DIALECT_XARRAY);
		fake_maple_types(f);
		fake_put_word(f, ROOT_AT, 0, 0);
		rbtree_iter_init(&r, f->t, fake_va(f, ROOT_AT));
		assert_null(xarray_iter_init(&x, f->t, fake_va(f, ROOT_AT)));
		assert_null(maple_iter_init(&m, f->t, fake_va(f, ROOT_AT)));
		interrupt_raise();
		expect_err(rbtree_iter_next(&r, &node, &more), ERR_INTERRUPTED, "");
		assert_false(more);
		expect_err(xarray_iter_next(&x, &xe, &more), ERR_INTERRUPTED, "");
		assert_false(more);
		expect_err(maple_iter_next(&m, &me, &more), ERR_INTERRUPTED, "");
		assert_false(more);
		interrupt_clear();
	}
}

static void what_the_types_lack(void **state)
{
	(void)state;
	EACH_WORD(f)
	{
		struct xarray_iter x;
		struct maple_iter m;
		expect_err(xarray_iter_init(&x, f->t, fake_va(f, ROOT_AT)), ERR_MISSING, "xa_node");
		expect_err(
			maple_iter_init(&m, f->t, fake_va(f, ROOT_AT)), ERR_MISSING, "maple_tree");
		FAKE_STRUCT(f, "maple_tree", "ma_root:word");
		FAKE_STRUCT(
			f, "maple_node", "parent:word", "slot:word[64]"); /* more than 256 bytes */
		expect_err(
			maple_iter_init(&m, f->t, fake_va(f, ROOT_AT)), ERR_FORMAT, "maple_node");
		FAKE_STRUCT(f, "xa_node", "shift:u8", "offset:u8", "parent:word", "slots:word[48]");
		expect_err(xarray_iter_init(&x, f->t, fake_va(f, ROOT_AT)), ERR_FORMAT, "48 slots");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rbtree_in_order),
		cmocka_unit_test(rbtree_from_a_node),
		cmocka_unit_test(rbtree_damage_costs_a_subtree),
		cmocka_unit_test(rbtree_depth_has_an_end),
		cmocka_unit_test(xarray_by_index),
		cmocka_unit_test(xarray_values_and_reserved),
		cmocka_unit_test(xarray_siblings),
		cmocka_unit_test(idr_numbers),
		cmocka_unit_test(xarray_damage_costs_a_node),
		cmocka_unit_test(maple_ranges),
		cmocka_unit_test(maple_last_slots),
		cmocka_unit_test(maple_dense_nodes),
		cmocka_unit_test(maple_damage_costs_a_node),
		cmocka_unit_test(interrupts_end_walks),
		cmocka_unit_test(what_the_types_lack),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
