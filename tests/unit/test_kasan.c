/* KASAN's data in memory made by hand: shadow, objects and tracks, quarantine, frames, globals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analyzer/kernel/kasan_scan_slab.h"
#include "tests/unit/fake_kasan.h"

#define EACH_WORD(f, k)                                                                            \
	for (struct fake f##_, *f = &f##_, *once = f; once; once = NULL)                           \
		for (struct kasan k##_, *k = &k##_, *again = k; again; again = NULL)               \
			for (unsigned w = 4; w <= 8 && (fake_kasan(f, w, k), 1);                   \
				fake_deinit(f), w += 4)

static void expect_err(struct err *err, enum err_code code, const char *word)
{
	assert_non_null(err);
	if (err->code != code || !strstr(err->msg, word))
		fail_msg("code %d, \"%s\" lacks \"%s\"", err->code, err->msg, word);
	err_drop(err);
}

static void values(void **state)
{
	struct kasan k = { .mode = KASAN_GENERIC, .free_track = true },
		     old = { .mode = KASAN_GENERIC };
	struct kasan tags = { .mode = KASAN_SW_TAGS };
	(void)state;
	assert_string_equal(kasan_value_name(&k, 0xfa), "freed object, with its free stack");
	assert_string_equal(kasan_value_name(&old, 0xfa), "global redzone");
	assert_int_equal(kasan_value_kind(&old, 0xfa), KASAN_GLOBAL);
	assert_string_equal(kasan_value_name(&k, 7), "first 7 bytes accessible");
	assert_int_equal(kasan_value_kind(&k, 8), KASAN_STRANGE);
	assert_int_equal(kasan_value_kind(&k, 0x7f), KASAN_STRANGE);
	assert_string_equal(kasan_value_name(&tags, 0xfe), "no access: freed or redzone");
	assert_string_equal(kasan_value_name(&tags, 0x31), "tag");
	assert_string_equal(kasan_bug_type(&k, 0xfb, 0), "slab-use-after-free");
	assert_string_equal(kasan_bug_type(&k, 4, 0xf3), "stack-out-of-bounds");
	assert_string_equal(kasan_bug_type(&k, 4, 0), "out-of-bounds");
}

static void shadow_addresses(void **state)
{
	(void)state;
	EACH_WORD(f, k)
	{
		uint64_t va = fake_va(f, SLAB_AT + 0x123);
		assert_int_equal(
			kasan_to_shadow(k, va), fake_va(f, SHADOW_AT + (SLAB_AT + 0x123) / 8));
		assert_int_equal(kasan_from_shadow(k, kasan_to_shadow(k, va)), va & ~7ull);
		assert_true(kasan_covers(k, va));
		assert_false(kasan_covers(k, f->base - 8));
		struct kasan tags = *k;
		tags.mode = KASAN_SW_TAGS;
		if (w == 8) {
			assert_int_equal(
				kasan_untag(&tags, 0xf4ff800000001234), 0xffff800000001234);
			assert_int_equal(kasan_tag(&tags, 0xf4ff800000001234), 0xf4);
		}
	}
}

static void accessible(void **state)
{
	(void)state;
	EACH_WORD(f, k)
	{
		uint64_t va = fake_va(f, fake_object(5)), bad = 0;
		assert_true(kasan_accessible(k, va, OBJECT_SIZE, &bad));
		assert_true(kasan_accessible(k, va + 99, 1, &bad));
		assert_false(kasan_accessible(k, va, OBJECT_SIZE + 1, &bad));
		assert_int_equal(bad, va + OBJECT_SIZE);
		assert_false(kasan_accessible(k, va + 101, 1, &bad));
		assert_int_equal(bad, va + 101);
		assert_false(kasan_accessible(k, va - 3, 8, &bad));
		assert_int_equal(bad, va - 3);
		assert_false(kasan_accessible(k, fake_va(f, fake_object(3)), 1, &bad));
	}
}

static void expect_object(const struct kasan *k, uint64_t va, unsigned index, const char *place)
{
	struct kasan_object o;
	char text[64];
	assert_null(kasan_object_find(k, va, &o));
	assert_int_equal(o.index, index);
	assert_string_equal(o.cache.name, "widgets");
	struct kasan_place p = kasan_object_place(&o, va);
	snprintf(text, sizeof(text), "%llu %s", (unsigned long long)p.bytes, p.relation);
	assert_string_equal(text, place);
}

static void objects(void **state)
{
	(void)state;
	EACH_WORD(f, k)
	{
		struct kasan_object o;
		expect_object(k, fake_va(f, fake_object(0)), 0, "0 inside of");
		expect_object(k, fake_va(f, fake_object(4) + 99), 4, "99 inside of");
		expect_object(k, fake_va(f, fake_object(4) + 100), 4, "0 to the right of");
		expect_object(k, fake_va(f, fake_object(4) - 1), 4, "1 to the left of");
		expect_object(
			k, fake_va(f, fake_object(20) + 1), 20, "1 inside of"); /* a tail page */
		expect_object(k, fake_va(f, SLAB_AT + SLAB_BYTES - 1), 30, "395 to the right of");
		expect_err(kasan_object_find(k, fake_va(f, STACK_AT), &o), ERR_NOT_FOUND,
			"not in a slab");
		fake_set(f, "kmem_cache", CACHE_AT, "size", 0);
		expect_err(kasan_object_find(k, fake_va(f, SLAB_AT), &o), ERR_FORMAT, "no sense");
		fake_set(f, "kmem_cache", CACHE_AT, "size", OBJECT_SIZE);
		expect_err(kasan_object_find(k, fake_va(f, SLAB_AT), &o), ERR_FORMAT, "no sense");
	}
}

static void tracks(void **state)
{
	(void)state;
	EACH_WORD(f, k)
	{
		struct kasan_object o;
		struct kasan_tracks t;
		assert_null(kasan_object_find(k, fake_va(f, fake_object(3)), &o));
		assert_null(kasan_tracks_read(k, &o, &t));
		assert_true(t.alloc.known && t.free.known);
		assert_int_equal(t.alloc.pid, 103);
		assert_int_equal(t.alloc.stack, 0x1003);
		assert_int_equal(t.free.pid, 7);
		assert_int_equal(t.free.stack, 0x77);
		/* out of quarantine the free track's place may hold anything */
		fake_shadow(f, fake_object(3), 8, KASAN_SLAB_FREE);
		assert_null(kasan_tracks_read(k, &o, &t));
		assert_false(t.free.known);
		fake_set(f, "kasan_alloc_meta", fake_object(3) + ALLOC_META, "alloc_track.pid", 0);
		fake_set(
			f, "kasan_alloc_meta", fake_object(3) + ALLOC_META, "alloc_track.stack", 0);
		fake_put(f->t->dump, fake_object(3) + ALLOC_META + 8, 0xabc, 4);
		assert_null(kasan_tracks_read(k, &o, &t));
		assert_false(t.alloc.known);
		assert_int_equal(t.aux[0], 0xabc);
	}
}

/* Walks all queues; the objects that came, and the words of the last complaint. */
static unsigned walk(const struct kasan *k, char *said, size_t n)
{
	struct kasan_queue_iter *it = xcalloc(1, sizeof(*it));
	struct kasan_queue q;
	bool more = true;
	unsigned objects = 0;
	said[0] = '\0';
	assert_null(kasan_queue_iter_init(it, k));
	while (!kasan_queue_iter_next(it, &q, &more) && more) {
		struct kasan_queued_iter queued;
		bool left = true;
		kasan_queued_iter_init(&queued, k, &q);
		while (left && objects < 100) {
			struct kasan_object o;
			struct err *err = kasan_queued_iter_next(&queued, &o, &left);
			if (err)
				snprintf(said, n, "%s", err->msg);
			objects += !err && left;
			err_drop(err);
		}
	}
	free(it);
	return objects;
}

static void quarantine(void **state)
{
	char said[256];
	(void)state;
	EACH_WORD(f, k)
	{
		uint64_t link = fake_object(3), end = fake_object(20);
		assert_int_equal(walk(k, said, sizeof(said)), 2);
		assert_string_equal(said, "");
		/* a circle */
		fake_set(f, "kasan_free_meta", link, "quarantine_link", fake_va(f, link));
		walk(k, said, sizeof(said));
		assert_non_null(strstr(said, "longer than its 512 bytes allow"));
		/* it ends too early */
		fake_set(f, "kasan_free_meta", link, "quarantine_link", 0);
		assert_int_equal(walk(k, said, sizeof(said)), 1);
		assert_non_null(strstr(said, "not at its tail"));
		/* a node that is no object's link */
		fake_set(f, "kasan_free_meta", link, "quarantine_link", fake_va(f, end + 8));
		fake_set(f, "qlist_head", QUEUE_AT, "tail", fake_va(f, end + 8));
		assert_int_equal(walk(k, said, sizeof(said)), 1);
		assert_non_null(strstr(said, "is not where widgets objects have their link"));
		/* a sum that is not right */
		fake_set(f, "kasan_free_meta", link, "quarantine_link", fake_va(f, end));
		fake_set(f, "qlist_head", QUEUE_AT, "tail", fake_va(f, end));
		fake_set(f, "qlist_head", QUEUE_AT, "bytes", 513);
		assert_int_equal(walk(k, said, sizeof(said)), 2);
		assert_non_null(strstr(said, "but it counts 513"));
		/* on a batch of the global queue as well */
		fake_set(f, "qlist_head", QUEUE_AT, "head", 0);
		uint64_t batch = BATCHES_AT + 2 * fake_sizeof(f, "qlist_head");
		fake_set(f, "qlist_head", batch, "head", fake_va(f, link));
		fake_set(f, "qlist_head", batch, "tail", fake_va(f, end));
		fake_set(f, "qlist_head", batch, "bytes", 512);
		assert_int_equal(walk(k, said, sizeof(said)), 2);
		assert_string_equal(said, "");
	}
}

static void frame_text(void **state)
{
	static const char *const wrong[] = { "", "x", "1", "1 32", "1 32 8", "1 32 8 4",
		"1 -32 8 4 data", "99999999999 1 1 1 a", "5000", "1 32 8 4data", "2 32 8 4 data",
		"1 32 99999999999 4 data", "1  32 8 4 data" };
	struct kasan_frame f;
	(void)state;
	assert_true(kasan_frame_parse("1 32 8 8 data:204", &f));
	assert_int_equal(f.nvariables, 1);
	assert_string_equal(f.variable[0].name, "data");
	assert_int_equal(f.variable[0].line, 204);
	assert_true(kasan_frame_parse("0", &f));
	assert_int_equal(f.nvariables, 0);
	/* clang's names may have blanks; their length is said */
	assert_true(kasan_frame_parse("2 32 12 3 buf 64 3 5 x y:7", &f));
	assert_string_equal(f.variable[1].name, "x y");
	assert_int_equal(f.variable[1].offset, 64);
	assert_ptr_equal(kasan_frame_variable(&f, 43), &f.variable[0]);
	assert_ptr_equal(kasan_frame_variable(&f, 46), &f.variable[0]);
	assert_ptr_equal(kasan_frame_variable(&f, 63), &f.variable[1]);
	assert_ptr_equal(kasan_frame_variable(&f, 1000), &f.variable[1]);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		if (kasan_frame_parse(wrong[i], &f))
			fail_msg("\"%s\" was taken", wrong[i]);
}

static void frames(void **state)
{
	(void)state;
	EACH_WORD(f, k)
	{
		struct kasan_frame fr;
		uint64_t stack = fake_va(f, STACK_AT), at = fake_va(f, FRAME_AT);
		assert_null(kasan_frame_find(k, at + 40, stack, &fr));
		assert_int_equal(fr.va, at);
		assert_int_equal(fr.pc, 0x12345678);
		assert_int_equal(fr.nvariables, 2);
		assert_string_equal(fr.variable[0].name, "buf");
		assert_int_equal(fr.end_va, at + 96);
		expect_err(kasan_frame_find(k, at - 8, stack, &fr), ERR_NOT_FOUND, "no frame");
		expect_err(kasan_frame_find(k, stack - 8, stack, &fr), ERR_NOT_FOUND,
			"not on this stack");
		fake_put(f->t->dump, FRAME_AT, 0x41b58ab4, f->t->abi.word_bytes);
		expect_err(kasan_frame_find(k, at + 40, stack, &fr), ERR_FORMAT, "marker");
		fake_put(f->t->dump, FRAME_AT, 0x41b58ab3, f->t->abi.word_bytes);
		fake_bytes(f, NAMES_AT + 0x100, "nonsense", 9);
		expect_err(kasan_frame_find(k, at + 40, stack, &fr), ERR_FORMAT, "no description");
	}
}

static void globals(void **state)
{
	(void)state;
	EACH_WORD(f, k)
	{
		struct kasan_global g;
		unsigned word = f->t->abi.word_bytes;
		assert_null(kasan_global_find(k, fake_va(f, GLOBAL_AT + 30), &g));
		assert_string_equal(g.name, "table");
		assert_string_equal(g.file, "drivers/a.c");
		assert_int_equal(g.va, fake_va(f, GLOBAL_AT));
		assert_int_equal(g.size, 20);
		assert_int_equal(g.descriptor_va, fake_va(f, DATA_AT + 0x40));
		/* without its descriptor the symbol and the shadow tell */
		fake_put(f->t->dump, DATA_AT + 0x40 + 2 * word, 65, word);
		symtab_add_range(
			f->t->syms, fake_va(f, DATA_AT), fake_va(f, GLOBAL_AT + 0x100), NULL);
		fake_symbol(f, "table", GLOBAL_AT, 20);
		fake_symbol(f, "next", GLOBAL_AT + 64, 4);
		assert_null(kasan_global_find(k, fake_va(f, GLOBAL_AT + 30), &g));
		assert_int_equal(g.descriptor_va, 0);
		assert_string_equal(g.name, "table");
	}
}

/* ---- where the shadow is ---- */

/* A place for the shadow is believed when the cache of caches has its redzone there, and only then.
 */
static void proof(void **state)
{
	struct fake f;
	struct kasan made, k;
	(void)state;
	fake_kasan(&f, 8, &made);
	expect_err(kasan_init(f.t, &k), ERR_MISSING, "without KASAN");
	fake_symbol(&f, "__asan_load1_noabort", 0x4100, 8);
	char *config =
		xasprintf("CONFIG_KASAN_SHADOW_OFFSET=0x%llx\n", (unsigned long long)made.offset);
	f.t->priv->config = config;
	f.t->priv->config_sought = true;
	fake_number(&f, "kmem_cache", 0x4200, fake_va(&f, fake_object(6)), 8);
	fake_set(&f, "kmem_cache", fake_object(6), "object_size", OBJECT_SIZE);
	assert_null(kasan_init(f.t, &k));
	assert_int_equal(k.offset, made.offset);
	assert_string_equal(k.source, "CONFIG_KASAN_SHADOW_OFFSET");
	assert_non_null(strstr(k.proof, "kmem_cache"));
	assert_true(k.free_track);
	fake_shadow(&f, fake_object(6) + OBJECT_SIZE + 4, 8, 0);
	expect_err(kasan_init(f.t, &k), ERR_FORMAT, "not where this kernel should have it");
	fake_shadow(&f, fake_object(6) + OBJECT_SIZE + 4, 8, KASAN_SLAB_REDZONE);
	fake_shadow(&f, fake_object(6), 8, KASAN_SLAB_FREE);
	expect_err(kasan_init(f.t, &k), ERR_FORMAT, "not where this kernel should have it");
	fake_deinit(&f);
}

/* ---- a slab's shadow ---- */

struct slab_finding {
	unsigned n;
	uint64_t va, granules;
	const char *what;
};

static struct err *slab_found(
	void *cx, uint64_t va, uint64_t granules, uint8_t value, const char *what)
{
	struct slab_finding *f = cx;
	(void)value;
	f->n++;
	f->va = va;
	f->granules = granules;
	f->what = what;
	return NULL;
}

/* The one finding after granule @at of object @i got @value; NULL: none is wanted. */
static void expect_slab(
	struct fake *f, const struct kasan *k, uint64_t off, uint8_t value, const char *what)
{
	struct slab_finding got = { 0 };
	struct kasan_object o;
	uint64_t objects = 0;
	uint8_t *byte = fake_at(f->t->dump, SHADOW_AT + off / 8), old = *byte;
	*byte = value;
	assert_null(kasan_object_find(k, fake_va(f, SLAB_AT), &o));
	assert_null(kasan_check_slab(k, &o, slab_found, &got, &objects));
	assert_int_equal(objects, SLAB_OBJECTS);
	if (got.n != (what ? 1 : 0) || (what && strcmp(got.what, what)))
		fail_msg("0x%llx <- %02x: %u findings, \"%s\", not \"%s\"", (unsigned long long)off,
			value, got.n, got.what ? got.what : "", what ? what : "");
	if (what)
		assert_int_equal(got.va, fake_va(f, off & ~7ull));
	*byte = old;
}

static void slab_shadow(void **state)
{
	(void)state;
	EACH_WORD(f, k)
	{
		uint64_t open = fake_object(6), freed = fake_object(20), end = OBJECT_SIZE - 4;
		expect_slab(f, k, open, 0, NULL);
		expect_slab(f, k, open + end, 3, NULL); /* a shorter allocation */
		expect_slab(f, k, open + end, KASAN_SLAB_REDZONE, NULL);
		expect_slab(f, k, open + end, 5, "accessible behind the end of a slab object");
		expect_slab(f, k, open + end, 0, "accessible behind the end of a slab object");
		expect_slab(f, k, open + end + 8, 0, "accessible between slab objects");
		expect_slab(f, k, open - 8, 1, "accessible between slab objects");
		expect_slab(f, k, open - 8, KASAN_PAGE_FREE, "no redzone between slab objects");
		expect_slab(f, k, SLAB_AT + SLAB_OBJECTS * OBJECT_STEP - 8, 0,
			"accessible between slab objects");
		expect_slab(f, k, open, KASAN_STACK_MID, "slab object begins with another poison");
		expect_slab(f, k, freed, KASAN_SLAB_FREE, NULL); /* out of quarantine */
		expect_slab(f, k, freed + 40, 0, "accessible inside a closed slab object");
		expect_slab(f, k, freed + 40, KASAN_SLAB_REDZONE,
			"two kinds of poison in one slab object");
		/* open, closed, open again: behind the first end nothing may be accessible */
		fake_shadow(f, open + 32, 8, KASAN_SLAB_REDZONE);
		expect_slab(f, k, open + 40, 0, "accessible behind an allocation's end");
	}
}

/* ---- tag modes ---- */

enum { RING_AT = 0xa000, ENTRIES_AT = 0xa100, RING_SIZE = 4 };

static void put_entry(struct fake *f, unsigned i, uint64_t ptr, uint32_t pid, bool is_free)
{
	uint64_t at = ENTRIES_AT + i * fake_sizeof(f, "kasan_stack_ring_entry");
	fake_set(f, "kasan_stack_ring_entry", at, "ptr", ptr);
	fake_set(f, "kasan_stack_ring_entry", at, "track.pid", pid);
	fake_set(f, "kasan_stack_ring_entry", at, "track.stack", pid * 16);
	fake_set(f, "kasan_stack_ring_entry", at, "is_free", is_free);
}

/* The newest events of an object, whose pointers carry tags, from a ring that has gone round. */
static void stack_ring(void **state)
{
	struct fake f;
	struct kasan k;
	struct kasan_object o;
	struct kasan_tracks t;
	(void)state;
	fake_kasan(&f, 8, &k);
	k.mode = KASAN_SW_TAGS;
	FAKE_STRUCT(&f, "kasan_stack_ring_entry", "ptr:word", "size:word", "track:kasan_track",
		"is_free:u8");
	FAKE_STRUCT(&f, "kasan_stack_ring", "lock:u64", "size:word", "pos:atomic", "entries:word");
	fake_symbol(&f, "stack_ring", RING_AT, fake_sizeof(&f, "kasan_stack_ring"));
	fake_set(&f, "kasan_stack_ring", RING_AT, "size", RING_SIZE);
	fake_set(&f, "kasan_stack_ring", RING_AT, "pos",
		2 * RING_SIZE + 2); /* entry 1 is the last */
	fake_set(&f, "kasan_stack_ring", RING_AT, "entries", fake_va(&f, ENTRIES_AT));
	uint64_t plain = fake_va(&f, fake_object(4)), mask = 0xffull << 56;
	put_entry(&f, 2, (plain & ~mask) | 0x11ull << 56, 10, false); /* the oldest */
	put_entry(&f, 3, (plain & ~mask) | 0x11ull << 56, 11, true);
	put_entry(&f, 0, (plain & ~mask) | 0xf4ull << 56, 12, false);
	put_entry(&f, 1, (fake_va(&f, fake_object(5)) & ~mask) | 0xf4ull << 56, 13, false);
	/* a pointer without a tag: of any life; with one: of this life only; of a tag that nobody
	 * had: none */
	assert_null(kasan_object_find(&k, plain, &o));
	assert_int_equal(o.index, 4);
	assert_null(kasan_tracks_read(&k, &o, &t));
	assert_int_equal(t.alloc.pid, 12);
	assert_int_equal(t.alloc.stack, 12 * 16);
	assert_int_equal(t.alloc.tag, 0xf4);
	assert_int_equal(t.free.pid, 11);
	assert_int_equal(t.free.tag, 0x11);
	assert_false(t.newest_is_free);
	assert_null(kasan_object_find(&k, (plain & ~mask) | 0x11ull << 56, &o));
	assert_null(kasan_tracks_read(&k, &o, &t));
	assert_int_equal(t.alloc.pid, 10);
	assert_int_equal(t.free.pid, 11);
	assert_true(t.newest_is_free);
	assert_null(kasan_object_find(&k, (plain & ~mask) | 0x33ull << 56, &o));
	assert_null(kasan_tracks_read(&k, &o, &t));
	assert_false(t.alloc.known || t.free.known);
	/* The same tag again: with the second allocation another life begins, and its free is not
	 * this one's. */
	put_entry(&f, 0, (plain & ~mask) | 0x11ull << 56, 14, false);
	put_entry(&f, 1, (plain & ~mask) | 0x11ull << 56, 15, false);
	assert_null(kasan_object_find(&k, (plain & ~mask) | 0x11ull << 56, &o));
	assert_null(kasan_tracks_read(&k, &o, &t));
	assert_int_equal(t.alloc.pid, 15);
	assert_false(t.free.known || t.newest_is_free);
	fake_set(&f, "kasan_stack_ring", RING_AT, "size", 1ull << 40);
	expect_err(kasan_tracks_read(&k, &o, &t), ERR_FORMAT, "stack ring: size");
	fake_set(&f, "kasan_stack_ring", RING_AT, "entries", 0);
	assert_null(kasan_tracks_read(&k, &o, &t)); /* kasan.stacktrace=off */
	assert_false(t.alloc.known || t.free.known);
	fake_deinit(&f);
}

static void tags(void **state)
{
	struct fake f;
	struct kasan k;
	uint64_t bad = 0, mask = 0xffull << 56;
	(void)state;
	fake_kasan(&f, 8, &k);
	k.mode = KASAN_SW_TAGS;
	k.scale = 4;
	k.granule = 16;
	k.offset = fake_va(&f, SHADOW_AT) - (f.base >> 4);
	uint64_t va = fake_va(&f, STACK_AT);
	for (unsigned i = 0; i < 4; i++)
		*fake_at(f.t->dump, SHADOW_AT + STACK_AT / 16 + i) =
			i < 2 ? 0xf4 : KASAN_TAG_INVALID;
	uint64_t right = (va & ~mask) | 0xf4ull << 56, wrong = (va & ~mask) | 0x12ull << 56;
	assert_true(kasan_accessible(&k, right, 32, &bad));
	assert_false(kasan_accessible(&k, right, 33, &bad));
	assert_int_equal(bad, va + 32);
	assert_false(kasan_accessible(&k, wrong, 1, &bad));
	assert_true(kasan_accessible(&k, va, 64, &bad)); /* a pointer without a tag matches all */
	assert_string_equal(kasan_bug_type(&k, 0xf4, 0), "invalid-access");
	fake_deinit(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(proof),
		cmocka_unit_test(slab_shadow),
		cmocka_unit_test(stack_ring),
		cmocka_unit_test(tags),
		cmocka_unit_test(values),
		cmocka_unit_test(shadow_addresses),
		cmocka_unit_test(accessible),
		cmocka_unit_test(objects),
		cmocka_unit_test(tracks),
		cmocka_unit_test(quarantine),
		cmocka_unit_test(frame_text),
		cmocka_unit_test(frames),
		cmocka_unit_test(globals),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
