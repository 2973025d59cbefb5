/* What an address is, and who points to it, on the slab heap made by hand: objects and their
 * states, tags, lengths, the order of references, numbers that are no addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/base/interrupt.h"
#include "analyzer/base/scope.h"
#include "analyzer/explain/references.h"
#include "tests/unit/fake_explain.h"

#define EACH(h)                                                                                    \
	for (unsigned word = 4; word <= 8; word += 4)                                              \
		for (unsigned era = 0; era < 2 && (explain_init(&h, word, era), 1);                \
			heap_deinit(&h), era++)

enum { FREE_BOX = 3, USED_BOX = 9 };

static const struct explain_row *row_of(const struct explanation *e, enum explain_kind kind)
{
	for (unsigned i = 0; i < e->n; i++)
		if (e->row[i].kind == kind)
			return &e->row[i];
	return NULL;
}

static void ask(
	struct fake_heap *h, struct arena *a, uint64_t addr, bool physical, struct explanation *ret)
{
	const struct explain_ask q = { .addr = addr, .physical = physical };
	assert_null(explain_address(h->f.t, &q, a, ret));
	for (unsigned i = 0; i < ret->n; i++)
		assert_non_null(ret->row[i].text);
}

static void test_objects(void **state)
{
	struct fake_heap h;
	struct explanation e;
	(void)state;
	EACH(h)
	{
		struct arena a = { 0 };
		for (unsigned box = 0; box < BOXES; box++) {
			ask(&h, &a, heap_box(&h, box) + 20, false, &e);
			const struct explain_row *r = row_of(&e, EXPLAIN_SLAB);
			assert_non_null(r);
			assert_ptr_equal(r, &e.row[0]);
			assert_string_equal(r->name, "box");
			assert_int_equal(r->start, heap_box(&h, box));
			assert_int_equal(r->offset, 20);
			assert_int_equal(r->size, BOX_SIZE);
			assert_int_equal(r->is_stale,
				box == 3 || box == 7 || box == 1 ||
					(era && (box == 4 || box == 5 || box == 6 || box == 8)));
			assert_true(e.has_pa);
			assert_int_equal(e.pa, HEAP_SLAB + box * BOX_SIZE + 20);
		}
		arena_deinit(&a);
	}
}

/* The first row alone is the same as the first of all; physical addresses lead to virtual ones. */
static void test_ways_to_ask(void **state)
{
	struct fake_heap h;
	struct explanation e;
	struct explain_row first;
	(void)state;
	EACH(h)
	{
		struct arena a = { 0 };
		uint64_t va = heap_box(&h, USED_BOX) + 8;
		ask(&h, &a, va, false, &e);
		const struct explain_ask q = { .addr = va };
		assert_null(explain_first(h.f.t, &q, &a, &first));
		assert_string_equal(first.text, e.row[0].text);
		if (word == 8) {
			ask(&h, &a, (va & ~(0xffull << 56)) | 0x3aull << 56, false, &e);
			assert_int_equal(e.addr, va);
			assert_int_equal(row_of(&e, EXPLAIN_SLAB)->start, va - 8);
		}
		scoped_strbuf struct strbuf b = { 0 };
		assert_true(explain_word(h.f.t, va, true, &b));
		assert_string_equal(strbuf_text(&b), "[box]");
		strbuf_reset(&b);
		assert_false(explain_word(h.f.t, va, false, &b));
		assert_true(explain_word(h.f.t, fake_va(&h.f, HEAP_VARIABLES) + 4, false, &b));
		assert_non_null(strstr(strbuf_text(&b), "slab_caches+0x4/"));
		arena_deinit(&a);
	}
}

static void test_symbols(void **state)
{
	struct fake_heap h;
	struct explanation e;
	(void)state;
	EACH(h)
	{
		struct arena a = { 0 };
		ask(&h, &a, fake_va(&h.f, HEAP_VARIABLES) + 3, false, &e);
		const struct explain_row *r = row_of(&e, EXPLAIN_SYMBOL);
		assert_non_null(r);
		assert_string_equal(r->name, "slab_caches");
		assert_int_equal(r->offset, 3);
		assert_false(r->is_stale);
		arena_deinit(&a);
	}
}

static void put(struct fake_heap *h, uint64_t off, uint64_t value)
{
	fake_put(h->f.t->dump, off, value, h->f.t->abi.word_bytes);
}

static void test_references(void **state)
{
	struct fake_heap h;
	(void)state;
	EACH(h)
	{
		struct arena a = { 0 };
		scoped_references struct references refs = { .found = 0 };
		uint64_t target = fake_va(&h.f, 0x1f000), tag = word == 8 ? 0x5aull << 56 : 0;
		uint64_t tagged = tag ? (target & ~(0xffull << 56)) | tag : target;
		put(&h, HEAP_SLAB + FREE_BOX * BOX_SIZE, target);	 /* stale */
		put(&h, HEAP_SLAB + USED_BOX * BOX_SIZE + word, tagged); /* with another tag */
		put(&h, HEAP_SLAB + 10 * BOX_SIZE, target + 24);	 /* its last word */
		put(&h, HEAP_SLAB + 11 * BOX_SIZE, target + 24 + word);	 /* behind it */
		put(&h, HEAP_SLAB + 12 * BOX_SIZE, target - 1);		 /* before it */
		put(&h, HEAP_SLAB + 13 * BOX_SIZE + word / 2, target);	 /* not aligned */
		fake_symbol(&h.f, "a_variable", 0x4200, word);
		put(&h, 0x4200, target + 8);
		put(&h, 0x1f000, target); /* itself */
		fake_at(h.f.t->dump, 0x1f000);
		assert_null(references_find(h.f.t, tagged, 24 + word, &a, &refs));
		assert_int_equal(refs.found, 5);
		assert_int_equal(refs.ref.n, 5);
		assert_int_equal(refs.ref.v[0].rank, REFERENCE_NAMED);
		assert_string_equal(refs.ref.v[0].what.name, "a_variable");
		assert_int_equal(refs.ref.v[1].va, heap_box(&h, USED_BOX) + word);
		assert_int_equal(refs.ref.v[1].value, tagged);
		assert_int_equal(refs.ref.v[2].va, heap_box(&h, 10));
		assert_int_equal(refs.ref.v[3].va, heap_box(&h, FREE_BOX));
		assert_int_equal(refs.ref.v[3].rank, REFERENCE_STALE);
		assert_true(refs.ref.v[3].what.is_stale);
		assert_int_equal(refs.ref.v[4].rank, REFERENCE_SELF);
		arena_deinit(&a);
	}
}

static void test_bounds(void **state)
{
	struct fake_heap h;
	(void)state;
	EACH(h)
	{
		struct arena a = { 0 };
		scoped_references struct references refs = { .found = 0 };
		struct err *err = references_find(h.f.t, heap_box(&h, 0), 0, &a, &refs);
		assert_non_null(err);
		assert_int_equal(err->code, ERR_USAGE);
		err_drop(err);
		/* To the end of all addresses, and not around it. */
		uint64_t last = word == 8 ? UINT64_MAX - 7 : UINT32_MAX - 3;
		put(&h, HEAP_SLAB + USED_BOX * BOX_SIZE, last);
		assert_null(references_find(h.f.t, last, UINT64_MAX, &a, &refs));
		assert_int_equal(refs.found, 1);
		arena_deinit(&a);
	}
}

/* After Ctrl-C the answer is what there was. */
static void test_interrupt(void **state)
{
	struct fake_heap h;
	(void)state;
	explain_init(&h, 8, true);
	struct arena a = { 0 };
	scoped_references struct references refs = { .found = 0 };
	interrupt_raise();
	assert_null(references_find(h.f.t, heap_box(&h, 0), 64, &a, &refs));
	assert_true(refs.interrupted);
	interrupt_clear();
	arena_deinit(&a);
	heap_deinit(&h);
}

static void test_numbers(void **state)
{
	struct fake_heap h;
	struct explanation e;
	(void)state;
	EACH(h)
	{
		struct arena a = { 0 };
		ask(&h, &a, word == 8 ? -(uint64_t)12 : (uint32_t)-12, false, &e);
		const struct explain_row *r = row_of(&e, EXPLAIN_VALUE);
		assert_non_null(r);
		assert_non_null(strstr(r->text, "ENOMEM"));
		arena_deinit(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_objects),
		cmocka_unit_test(test_ways_to_ask),
		cmocka_unit_test(test_symbols),
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_interrupt),
		cmocka_unit_test(test_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
