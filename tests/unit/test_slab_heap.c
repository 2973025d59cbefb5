/* The slab heap of memory made by hand: 4.19's pages and CPU slabs, 7.2's sheaves; what slub check
 * says of damage to each; lookups by address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/base/scope.h"
#include "analyzer/kernel/slab_inspect.h"
#include "analyzer/kernel/slab_where.h"
#include "tests/unit/fake_slab.h"

#define EACH(h)                                                                                    \
	for (unsigned word = 4; word <= 8; word += 4)                                              \
		for (unsigned era = 0; era < 2 && (heap_init(&h, word, era), 1);                   \
			heap_deinit(&h), era++)

static enum slab_state expected_state(const struct fake_heap *h, unsigned i)
{
	if (i == 3 || i == 7 || i == 1)
		return SLAB_FREE;
	if (h->sheaves && (i == 4 || i == 5 || i == 6 || i == 8))
		return SLAB_FREE_SHEAF;
	return SLAB_ALLOCATED;
}

static void expect_states(struct fake_heap *h)
{
	for (unsigned i = 0; i < BOXES; i++) {
		struct slab_object o;
		assert_null(slab_object_find(h->f.t, heap_box(h, i) + 17, &o));
		assert_int_equal(o.va, heap_box(h, i));
		assert_int_equal(o.index, i);
		assert_int_equal(o.offset, 17);
		assert_int_equal(o.state, expected_state(h, i));
		assert_int_equal(o.place, SLAB_PLACE_NODE);
		assert_false(o.broken);
	}
}

static void test_objects(void **state)
{
	struct fake_heap h;
	struct slab_object o;
	(void)state;
	EACH(h)
	{
		enum slab_code code;
		unsigned proved;
		assert_null(slab_code_get(h.f.t, &code, &proved));
		assert_int_equal(code, h.sheaves ? SLAB_CODE_XOR_SWAB : SLAB_CODE_XOR);
		assert_int_equal(proved, 1);
		expect_states(&h);
		expect_states(&h); /* as it was kept */
		assert_false(slab_object_try_find(h.f.t, fake_va(&h.f, 0x1000), &o));
		struct err *err = slab_object_find(h.f.t, fake_va(&h.f, 0x1000), &o);
		assert_non_null(err);
		assert_int_equal(err->code, ERR_NOT_FOUND);
		err_drop(err);
		assert_false(slab_object_try_find(h.f.t, fake_va(&h.f, 1ull << 32), &o));
	}
}

static void test_neighbours(void **state)
{
	struct fake_heap h;
	(void)state;
	EACH(h)
	{
		struct slab_object o, other;
		assert_null(slab_object_find(h.f.t, heap_box(&h, 2), &o));
		assert_true(slab_object_left(h.f.t, &o, &other));
		assert_int_equal(other.va, heap_box(&h, 1));
		assert_int_equal(other.state, SLAB_FREE);
		assert_true(slab_object_right(h.f.t, &o, &other));
		assert_int_equal(other.va, heap_box(&h, 3));
		assert_null(slab_object_find(h.f.t, heap_box(&h, 0), &o));
		assert_false(slab_object_left(h.f.t, &o, &other));
	}
}

/* 4.19: a CPU took the slab's list away and left the counter at "all in use". */
static void test_cpu_slab(void **state)
{
	struct fake_heap h;
	(void)state;
	for (unsigned word = 4; word <= 8; word += 4) {
		struct slab_object o;
		heap_init(&h, word, false);
		uint64_t page = heap_page(&h.f, HEAP_FRAME);
		/* the list code needs a list to prove itself: the slab keeps one box */
		heap_chain(&h, (const int[]){ 3 }, 1);
		uint64_t head = heap_chain(&h, (const int[]){ 7, 1 }, 2);
		fake_set(&h.f, "page", page, "inuse", BOXES - 1);
		fake_set(&h.f, "kmem_cache", HEAP_CACHE, "cpu_slab", fake_va(&h.f, HEAP_CPU));
		fake_set(&h.f, "kmem_cache_cpu", HEAP_CPU, "freelist", head);
		fake_set(&h.f, "kmem_cache_cpu", HEAP_CPU, "page", fake_va(&h.f, page));
		assert_null(slab_object_find(h.f.t, heap_box(&h, 7), &o));
		assert_int_equal(o.state, SLAB_FREE_CPU);
		assert_int_equal(o.place, SLAB_PLACE_CPU);
		assert_null(slab_object_find(h.f.t, heap_box(&h, 3), &o));
		assert_int_equal(o.state, SLAB_FREE);
		struct slab_where where[SLAB_WHERE_MAX];
		unsigned n;
		assert_null(slab_object_find(h.f.t, heap_box(&h, 1), &o));
		assert_null(slab_where_read(h.f.t, &o, where, &n));
		assert_int_equal(n, 1);
		assert_int_equal(where[0].state, SLAB_FREE_CPU);
		assert_null(slab_object_find(h.f.t, heap_box(&h, 3), &o));
		assert_null(slab_where_read(h.f.t, &o, where, &n));
		assert_int_equal(n, 1);
		assert_int_equal(where[0].state, SLAB_FREE);
		assert_null(slab_object_find(h.f.t, heap_box(&h, 2), &o));
		assert_null(slab_where_read(h.f.t, &o, where, &n));
		assert_int_equal(n, 0);
		heap_deinit(&h);
	}
}

/* ---- counts and findings ----------------------------------------------- */

struct found {
	struct slab_finding f[16];
	unsigned n, unread;
};

static struct err *keep(void *cx, const struct slab_finding *f)
{
	struct found *found = cx;
	if (found->n < 16)
		found->f[found->n++] = *f;
	return NULL;
}

static void count_unread(void *cx, struct err *err)
{
	struct found *found = cx;
	found->unread++;
	err_drop(err);
}

static struct found check(struct fake_heap *h)
{
	scoped_slab_heap struct slab_heap heap = { 0 };
	struct found found = { 0 };
	uint64_t objects = 0;
	assert_null(slab_heap_read(h->f.t, &heap));
	for (size_t i = 0; i < heap.ncaches; i++)
		assert_null(slab_check_cache(
			&heap, &heap.cache[i], keep, count_unread, &found, &objects));
	assert_null(slab_check_unlisted(&heap, keep, &found));
	return found;
}

static void test_totals(void **state)
{
	struct fake_heap h;
	(void)state;
	EACH(h)
	{
		scoped_slab_heap struct slab_heap heap = { 0 };
		struct slab_totals n;
		struct err *damage;
		assert_null(slab_heap_read(h.f.t, &heap));
		assert_int_equal(heap.ncaches, 1);
		assert_int_equal(heap.nslabs, 1);
		assert_int_equal(heap.slab[0].npages, 1);
		assert_null(slab_heap_totals(&heap, &heap.cache[0], &n, &damage));
		assert_null(damage);
		assert_int_equal(n.objects, BOXES);
		assert_int_equal(n.kernel_active, BOXES - 3);
		assert_int_equal(n.inuse, BOXES - (h.sheaves ? 7 : 3));
	}
}

static void test_healthy(void **state)
{
	struct fake_heap h;
	(void)state;
	EACH(h)
	{
		struct found found = check(&h);
		assert_int_equal(found.n, 0);
		assert_int_equal(found.unread, 0);
	}
}

static void expect_one(struct fake_heap *h, enum slab_finding_kind kind, uint64_t object_va)
{
	struct found found = check(h);
	assert_int_equal(found.n, 1);
	assert_int_equal(found.f[0].kind, kind);
	assert_int_equal(found.f[0].object_va, object_va);
}

static void test_lists(void **state)
{
	struct fake_heap h;
	(void)state;
	EACH(h)
	{
		heap_link(&h, 1, heap_box(&h, 3)); /* a circle */
		expect_one(&h, SLAB_FINDING_CHAIN, heap_box(&h, 1));
		heap_link(&h, 1, heap_box(&h, 2) + 8);
		expect_one(&h, SLAB_FINDING_CHAIN, heap_box(&h, 1));
		heap_link(&h, 1, 0);
		heap_link(&h, 7, 0);
		expect_one(&h, SLAB_FINDING_LENGTH, 0);
	}
}

static void test_sheaves(void **state)
{
	struct fake_heap h;
	(void)state;
	for (unsigned word = 4; word <= 8; word += 4) {
		struct slab_object o;
		struct slab_where where[SLAB_WHERE_MAX];
		unsigned n;
		heap_init(&h, word, true);
		heap_sheaf(&h, 1, (const int[]){ 5 },
			1); /* also in the main sheaf; 6 is in use then */
		expect_one(&h, SLAB_FINDING_TWICE, heap_box(&h, 5));
		assert_null(slab_object_find(h.f.t, heap_box(&h, 5), &o));
		assert_null(slab_where_read(h.f.t, &o, where, &n));
		assert_int_equal(n, 2);
		assert_int_equal(where[0].state, SLAB_FREE_SHEAF);
		assert_int_equal(where[1].state, SLAB_FREE_SHEAF);
		assert_int_not_equal(where[0].sheaf_kind, where[1].sheaf_kind);
		heap_deinit(&h);

		heap_init(&h, word, true);
		heap_sheaf(&h, 0, (const int[]){ 4, 7 }, 2); /* 7 is on the slab's list */
		expect_one(&h, SLAB_FINDING_TWICE, heap_box(&h, 7));
		heap_deinit(&h);

		heap_init(&h, word, true);
		heap_sheaf(&h, 2, (const int[]){ 64 }, 1); /* another page's address */
		expect_one(&h, SLAB_FINDING_STRAY, heap_box(&h, 64));
		heap_deinit(&h);

		heap_init(&h, word, true); /* longer than any sheaf is: told, and left out */
		fake_set(&h.f, "slab_sheaf", HEAP_SHEAF, "size", 0x7fffffff);
		struct found found = check(&h);
		assert_int_equal(found.n, 0);
		assert_int_equal(found.unread, 1);
		heap_deinit(&h);
	}
}

/* A sheaf that waits for RCU, or that somebody had filled in advance: nobody has it but its own
 * memory. */
static void test_loose_sheaf(void **state)
{
	(void)state;
	for (unsigned word = 4; word <= 8; word += 4) {
		struct fake_heap h;
		struct slab_object o;
		struct slab_where where[SLAB_WHERE_MAX];
		unsigned n;
		heap_init(&h, word, true);
		heap_home(&h, 9, 10);
		assert_null(slab_object_find(h.f.t, heap_box(&h, 9), &o));
		assert_int_equal(o.state, SLAB_FREE_SHEAF);
		assert_null(slab_where_read(h.f.t, &o, where, &n));
		assert_int_equal(n, 1);
		assert_int_equal(where[0].sheaf_kind, SLAB_SHEAF_LOOSE);
		assert_int_equal(
			where[0].sheaf_va, fake_va(&h.f, HOME_FRAME * 0x1000 + 2 * HOME_SIZE));
		heap_deinit(&h);

		heap_init(&h, word, true); /* one that it holds is no box: it is no sheaf */
		heap_home(&h, 9, 64);
		assert_null(slab_object_find(h.f.t, heap_box(&h, 9), &o));
		assert_int_equal(o.state, SLAB_ALLOCATED);
		heap_deinit(&h);
	}
}

static void test_counters(void **state)
{
	struct fake_heap h;
	(void)state;
	EACH(h)
	{
		fake_set(&h.f, "kmem_cache_node", HEAP_NODE, "nr_partial", 7);
		expect_one(&h, SLAB_FINDING_COUNT, 0);
		fake_set(&h.f, "kmem_cache_node", HEAP_NODE, "nr_partial", 1);
		fake_set(&h.f, "kmem_cache_node", HEAP_NODE, "nr_slabs.counter", 9);
		expect_one(&h, SLAB_FINDING_COUNT, 0);
		fake_set(&h.f, "kmem_cache_node", HEAP_NODE, "nr_slabs.counter", 1);
		uint64_t partial = HEAP_NODE + fake_offsetof(&h.f, "kmem_cache_node", "partial");
		fake_put(h.f.t->dump, partial, fake_va(&h.f, heap_page(&h.f, 20)), word);
		expect_one(&h, SLAB_FINDING_LIST, 0);
	}
}

static void test_unlisted(void **state)
{
	struct fake_heap h;
	(void)state;
	EACH(h)
	{
		struct slab_object o;
		heap_list(&h.f, HEAP_VARIABLES, 0); /* the cache is gone from the list */
		struct found found = check(&h);
		assert_int_equal(found.n, 1);
		assert_int_equal(found.f[0].kind, SLAB_FINDING_UNLISTED);
		assert_int_equal(found.f[0].found, 1);
		/* its objects are found all the same */
		assert_null(slab_object_find(h.f.t, heap_box(&h, 2), &o));
		assert_string_equal(o.cache.name, "box");
	}
}

/* ---- patterns ----------------------------------------------- */

enum { RED = 0x400, POISON = 0x800 };

/* The boxes get redzones: 8 bytes, 32 of object, 8, the free pointer; object 2 is allocated. */
static void give_patterns(struct fake_heap *h)
{
	struct fake *f = &h->f;
	fake_set(f, "kmem_cache", HEAP_CACHE, "flags", RED | POISON);
	fake_set(f, "kmem_cache", HEAP_CACHE, "object_size", 24);
	fake_set(f, "kmem_cache", HEAP_CACHE, "inuse", 32);
	fake_set(f, "kmem_cache", HEAP_CACHE, "red_left_pad", 8);
	for (unsigned i = 0; i < BOXES; i++) {
		uint64_t at = HEAP_SLAB + i * BOX_SIZE;
		memset(fake_at(f->t->dump, at), 0x5a, BOX_SIZE);
		memset(fake_at(f->t->dump, at), 0xcc, 8);
		memset(fake_at(f->t->dump, at + 32), 0xcc, 8);
	}
	memset(fake_at(f->t->dump, HEAP_SLAB + BOXES * BOX_SIZE), 0x5a, 0x1000 - BOXES * BOX_SIZE);
	fake_set(f, h->sheaves ? "slab" : "page", heap_page(f, HEAP_FRAME), "freelist", 0);
	fake_set(f, h->sheaves ? "slab" : "page", heap_page(f, HEAP_FRAME), "inuse", BOXES);
	if (h->sheaves)
		fake_set(f, "kmem_cache", HEAP_CACHE, "cpu_sheaves", 0);
}

static struct slab_inspect inspect(struct fake_heap *h, unsigned box)
{
	struct slab_object o;
	struct slab_inspect s;
	assert_null(slab_object_find(h->f.t, heap_box(h, box) + 8, &o));
	assert_null(slab_inspect_read(h->f.t, &o, &s));
	return s;
}

static void expect_guess(struct fake_heap *h, unsigned box, enum slab_guess_kind kind,
	unsigned writer, uint64_t bytes)
{
	struct slab_guess guess[SLAB_GUESSES_MAX];
	scoped_slab_inspect struct slab_inspect s = inspect(h, box), left = inspect(h, box - 1),
						right = inspect(h, box + 1);
	assert_int_equal(slab_inspect_guess(&s, &left, &right, guess), 1);
	assert_int_equal(guess[0].kind, kind);
	assert_int_equal(guess[0].object_va, heap_box(h, writer) + 8);
	assert_int_equal(guess[0].bytes, bytes);
}

static void test_patterns(void **state)
{
	struct fake_heap h;
	(void)state;
	for (unsigned word = 4; word <= 8; word += 4) {
		struct fake *f = &h.f;
		heap_init(&h, word, false);
		give_patterns(&h);
		assert_int_equal(check(&h).n, 0);
		uint8_t *slot = fake_at(f->t->dump, HEAP_SLAB + 2 * BOX_SIZE);
		memcpy(slot + 32, "abcde", 5);
		expect_guess(&h, 2, SLAB_GUESS_OVERFLOW, 2, 5);
		struct found found = check(&h);
		assert_int_equal(found.n, 1);
		assert_int_equal(found.f[0].damage.first, 24);
		assert_int_equal(found.f[0].damage.last, 28);
		/* on through the padding into the next one's redzone */
		memset(slot + 32, 'x', 64 - 32 + 4);
		expect_guess(&h, 2, SLAB_GUESS_OVERFLOW, 2, 36);
		expect_guess(&h, 3, SLAB_GUESS_OVERFLOW, 2, 36);
		give_patterns(&h);
		slot[5] = slot[6] = slot[7] = 1;
		expect_guess(&h, 2, SLAB_GUESS_UNDERFLOW, 2, 3);
		give_patterns(&h);
		fake_put(f->t->dump, HEAP_SLAB + 2 * BOX_SIZE + 8 + BOX_OFFSET, 0x1234567, word);
		expect_one(&h, SLAB_FINDING_POINTER, heap_box(&h, 2) + 8);
		give_patterns(&h);
		*fake_at(f->t->dump, HEAP_SLAB + BOXES * BOX_SIZE + 100) = 0;
		found = check(&h);
		assert_int_equal(found.n, 1);
		assert_int_equal(found.f[0].kind, SLAB_FINDING_TAIL);
		assert_int_equal(found.f[0].damage.first, BOXES * BOX_SIZE + 100);
		heap_deinit(&h);
	}
}

/* Parts without holes, and padding where check and picture agree that it begins. */
static void test_layout(void **state)
{
	struct fake_heap h;
	(void)state;
	EACH(h)
	{
		struct slab_part part[SLAB_PARTS_MAX];
		give_patterns(&h);
		FAKE_STRUCT(
			&h.f, "track", "addr:word", "handle:u32", "cpu:u32", "pid:u32", "when:u32");
		fake_set(&h.f, "kmem_cache", HEAP_CACHE, "size", 128);
		fake_set(&h.f, "kmem_cache", HEAP_CACHE, "flags", RED | POISON | 0x10000);
		scoped_slab_inspect struct slab_inspect s = inspect(&h, 2);
		unsigned n = slab_layout_parts(&s.layout, &s.object.slab, s.slot, part);
		uint32_t track = word + 16;
		assert_int_equal(s.layout.track_bytes, track);
		assert_int_equal(s.layout.track_at, 32 + word);
		assert_int_equal(
			slab_layout_padding(&s.layout, &s.object.slab), 32 + word + 2 * track);
		assert_int_equal(part[0].from, -8);
		assert_int_equal(part[n - 1].to, 120);
		assert_int_equal(part[n - 1].from, slab_layout_padding(&s.layout, &s.object.slab));
		for (unsigned i = 1; i < n; i++)
			assert_int_equal(part[i].from, part[i - 1].to);
	}
}

/* 7.2: accounting's data stand in front of the padding, where the slab's stride is the slots'; or
 * behind the last object. */
static void test_accounting(void **state)
{
	(void)state;
	for (unsigned word = 4; word <= 8; word += 4) {
		struct fake_heap h;
		uint32_t end = 32 + word;
		heap_init(&h, word, true);
		FAKE_STRUCT(&h.f, "slabobj_ext", "objcg:word");
		give_patterns(&h);
		uint64_t page = heap_page(&h.f, HEAP_FRAME);
		for (unsigned i = 0; i < BOXES; i++)
			fake_put(h.f.t->dump, HEAP_SLAB + i * BOX_SIZE + 8 + end, 0x1234, word);
		assert_int_equal(check(&h).n, BOXES); /* nobody says that it is accounting */
		fake_set(&h.f, "slab", page, "obj_exts", heap_box(&h, 0) + 8 + end + 1);
		fake_set(&h.f, "slab", page, "stride", BOX_SIZE);
		assert_int_equal(check(&h).n, 0);
		heap_deinit(&h);

		heap_init(&h, word, true);
		FAKE_STRUCT(&h.f, "slabobj_ext", "objcg:word");
		give_patterns(&h);
		memset(fake_at(h.f.t->dump, HEAP_SLAB + BOXES * BOX_SIZE), 0, BOXES * word);
		assert_int_equal(check(&h).n, 1);
		fake_set(&h.f, "slab", page, "obj_exts", heap_box(&h, BOXES) + 1);
		fake_set(&h.f, "slab", page, "stride", word);
		assert_int_equal(check(&h).n, 0);
		heap_deinit(&h);
	}
}

static void test_traces(void **state)
{
	struct fake_heap h;
	struct slab_traces traces;
	(void)state;
	for (unsigned word = 4; word <= 8; word += 4) {
		heap_init(&h, word, false);
		give_patterns(&h);
		uint64_t at = HEAP_SLAB + 2 * BOX_SIZE + 32;
		fake_put(h.f.t->dump, at, heap_box(&h, 9) + 8, word);
		scoped_slab_inspect struct slab_inspect s = inspect(&h, 2);
		slab_inspect_traces(h.f.t, &s, &traces);
		assert_int_equal(traces.npointers, 1);
		assert_int_equal(traces.pointer[0], heap_box(&h, 9) + 8);
		fake_bytes(&h.f, at, "over", 4);
		scoped_slab_inspect struct slab_inspect again = inspect(&h, 2);
		slab_inspect_traces(h.f.t, &again, &traces);
		assert_string_equal(traces.text, "over");
		heap_deinit(&h);
	}
}

/* A hardened list's pointer where only free(box 2 + 8) puts one. */
static void test_wrong_free(void **state)
{
	struct fake_heap h;
	(void)state;
	for (unsigned word = 4; word <= 8; word += 4) {
		struct slab_guess guess[SLAB_GUESSES_MAX];
		heap_init(&h, word, false);
		scoped_slab_inspect struct slab_inspect before = inspect(&h, 2);
		assert_int_equal(
			slab_inspect_wrong_frees(h.f.t, &before, guess, SLAB_GUESSES_MAX), 0);
		uint64_t at = heap_box(&h, 2) + 8 + BOX_OFFSET;
		fake_put(h.f.t->dump, HEAP_SLAB + 2 * BOX_SIZE + 8 + BOX_OFFSET,
			heap_box(&h, 3) ^ h.random ^ at, word);
		scoped_slab_inspect struct slab_inspect s = inspect(&h, 2);
		assert_int_equal(slab_inspect_wrong_frees(h.f.t, &s, guess, SLAB_GUESSES_MAX), 1);
		assert_int_equal(guess[0].pointer, heap_box(&h, 2) + 8);
		heap_deinit(&h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_objects),
		cmocka_unit_test(test_neighbours),
		cmocka_unit_test(test_cpu_slab),
		cmocka_unit_test(test_totals),
		cmocka_unit_test(test_healthy),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_sheaves),
		cmocka_unit_test(test_loose_sheaf),
		cmocka_unit_test(test_counters),
		cmocka_unit_test(test_unlisted),
		cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_accounting),
		cmocka_unit_test(test_traces),
		cmocka_unit_test(test_wrong_free),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
